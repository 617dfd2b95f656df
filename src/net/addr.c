/* SPDX-License-Identifier: Apache-2.0 */
#include "net/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

static enum err_code parse_unix(struct str path, struct net_addr *ret, struct err *err)
{
	if (path.n == 0 || path.n > NET_ADDR_PATH_MAX || memchr(path.p, '\0', path.n)) {
		return ERR(err, ERR_SYNTAX, "unix socket path must have 1 to %d characters",
			   NET_ADDR_PATH_MAX);
	}
	*ret = (struct net_addr){.kind = NET_ADDR_UNIX, .path = path};
	return ERR_OK;
}

static bool parse_ip(struct str host, bool six, struct net_addr *ret)
{
	char text[INET6_ADDRSTRLEN];

	if (host.n == 0 || host.n >= sizeof(text)) {
		return false;
	}
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	ret->kind = six ? NET_ADDR_IP6 : NET_ADDR_IP4;
	return inet_pton(six ? AF_INET6 : AF_INET, text, ret->ip) == 1;
}

enum err_code net_addr_parse(struct str text, struct net_addr *ret, struct err *err)
{
	struct net_addr a = {0};
	bool six = str_starts_with(text, STR("["));
	size_t host_end = six ? str_find(text, ']') : str_find(text, ':');
	struct str host = str_make(text.p, host_end), rest = str_from(text, host_end);
	uint64_t port;

	if (str_starts_with(text, STR("unix:"))) {
		return parse_unix(str_from(text, 5), ret, err);
	}
	if (six) {
		host = str_from(host, 1);
		rest = str_from(rest, 1);
	}
	if (!str_starts_with(rest, STR(":")) || rest.n > 6 ||
	    !str_to_u64(str_from(rest, 1), &port) || port > UINT16_MAX ||
	    !parse_ip(host, six, &a)) {
		return ERR(err, ERR_SYNTAX,
			   "\"" STR_FMT "\" is not an address: write 127.0.0.1:8700, [::1]:8700 "
			   "or unix:/path",
			   STR_ARG(text));
	}
	a.port = (uint16_t)port;
	*ret = a;
	return ERR_OK;
}

bool net_addr_is_loopback(const struct net_addr *a)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	static const uint8_t one[16] = {[15] = 1};

	switch (a->kind) {
	case NET_ADDR_NONE:
		return false;
	case NET_ADDR_IP4:
		return a->ip[0] == 127;
	case NET_ADDR_IP6:
		return memcmp(a->ip, one, sizeof(one)) == 0 ||
		       (memcmp(a->ip, mapped, sizeof(mapped)) == 0 && a->ip[12] == 127);
	case NET_ADDR_UNIX:
		return true;
	}
	return false;
}

void net_addr_write(struct buf *b, const struct net_addr *a)
{
	char text[INET6_ADDRSTRLEN] = "";

	switch (a->kind) {
	case NET_ADDR_NONE:
		buf_append(b, STR("none"));
		return;
	case NET_ADDR_IP4:
		(void)inet_ntop(AF_INET, a->ip, text, sizeof(text));
		buf_printf(b, "%s:%u", text, (unsigned)a->port);
		return;
	case NET_ADDR_IP6:
		(void)inet_ntop(AF_INET6, a->ip, text, sizeof(text));
		buf_printf(b, "[%s]:%u", text, (unsigned)a->port);
		return;
	case NET_ADDR_UNIX:
		buf_append(b, STR("unix:"));
		buf_append(b, a->path);
		return;
	}
}

static socklen_t unix_sockaddr(const struct net_addr *a, struct sockaddr_un *to)
{
	size_t n = a->path.n < sizeof(to->sun_path) ? a->path.n : sizeof(to->sun_path) - 1;

	to->sun_family = AF_UNIX;
	memcpy(to->sun_path, a->path.p, n);
	if (n && to->sun_path[0] == '@') {
		to->sun_path[0] = '\0';
		return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	}
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
}

socklen_t net_addr_to_sockaddr(const struct net_addr *a, struct sockaddr_storage *ret)
{
	struct sockaddr_in *in = (void *)ret;
	struct sockaddr_in6 *in6 = (void *)ret;

	memset(ret, 0, sizeof(*ret));
	switch (a->kind) {
	case NET_ADDR_NONE:
		return 0;
	case NET_ADDR_IP4:
		in->sin_family = AF_INET;
		in->sin_port = htons(a->port);
		memcpy(&in->sin_addr, a->ip, 4);
		return sizeof(*in);
	case NET_ADDR_IP6:
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(a->port);
		in6->sin6_scope_id = a->scope;
		memcpy(&in6->sin6_addr, a->ip, 16);
		return sizeof(*in6);
	case NET_ADDR_UNIX:
		return unix_sockaddr(a, (void *)ret);
	}
	return 0;
}

struct net_addr net_addr_from_sockaddr(const struct sockaddr_storage *from, socklen_t n)
{
	const struct sockaddr_in *in = (const void *)from;
	const struct sockaddr_in6 *in6 = (const void *)from;
	struct net_addr a = {0};

	if (n < sizeof(sa_family_t)) {
		return a;
	}
	if (from->ss_family == AF_INET && n >= sizeof(*in)) {
		a.kind = NET_ADDR_IP4;
		a.port = ntohs(in->sin_port);
		memcpy(a.ip, &in->sin_addr, 4);
	} else if (from->ss_family == AF_INET6 && n >= sizeof(*in6)) {
		a.kind = NET_ADDR_IP6;
		a.port = ntohs(in6->sin6_port);
		a.scope = in6->sin6_scope_id;
		memcpy(a.ip, &in6->sin6_addr, 16);
	} else if (from->ss_family == AF_UNIX) {
		a.kind = NET_ADDR_UNIX;
	}
	return a;
}
