/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

uint64_t wire_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static bool parse_address(const char *text, struct sockaddr_in *ret)
{
	struct str rest = str_from_c(text), host = str_cut(&rest, ':');
	uint64_t port = 0;

	*ret = (struct sockaddr_in){.sin_family = AF_INET};
	ret->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!str_eq(host, STR("127.0.0.1")) || !str_to_u64(rest, &port) || port > 65535) {
		errno = EINVAL;
		return false;
	}
	ret->sin_port = htons((uint16_t)port);
	return true;
}

int wire_listen(const char *address)
{
	struct sockaddr_in sa;
	int fd, on = 1;

	if (!parse_address(address, &sa)) {
		return -1;
	}
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return -1;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(fd, 4096)) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

int wire_connect(const char *address)
{
	struct sockaddr_in sa;
	int fd, on = 1;

	if (!parse_address(address, &sa)) {
		return -1;
	}
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return -1;
	}
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa))) {
		(void)close(fd);
		return -1;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

size_t wire_head(struct str in)
{
	const char *end = in.n ? memmem(in.p, in.n, "\r\n\r\n", 4) : NULL;

	return end ? (size_t)(end - in.p) + 4 : 0;
}

struct str wire_header(struct str head, struct str name)
{
	struct str rest = head;

	(void)str_cut(&rest, '\n'); /* the request or status line */
	while (rest.p) {
		struct str line = str_cut(&rest, '\n'), field = str_cut(&line, ':');

		if (line.p && str_ieq(field, name)) {
			line.n -= line.n > 0 && line.p[line.n - 1] == '\r';
			return str_trim(line);
		}
	}
	return str_make(NULL, 0);
}

/* The body's chunks from `at` on; the end of the last one, or 0. */
static size_t chunks_end(struct str in, size_t at)
{
	for (;;) {
		struct str rest = str_from(in, at);
		const char *line = rest.n ? memmem(rest.p, rest.n, "\r\n", 2) : NULL;
		size_t size;

		if (!line) {
			return 0;
		}
		size = strtoul(rest.p, NULL, 16);
		at = (size_t)(line - in.p) + 2 + size + 2;
		if (at > in.n) {
			return 0;
		}
		if (size == 0) {
			return at;
		}
	}
}

size_t wire_message(struct str in, size_t head)
{
	struct str top = str_make(in.p, head), value = wire_header(top, STR("content-length"));
	uint64_t length = 0;

	if (value.p) {
		(void)str_to_u64(value, &length);
		return in.n - head >= length ? head + (size_t)length : 0;
	}
	return wire_header(top, STR("transfer-encoding")).p ? chunks_end(in, head) : head;
}

bool wire_send(int fd, struct str s)
{
	while (s.n) {
		ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			struct pollfd p = {.fd = fd, .events = POLLOUT};

			(void)poll(&p, 1, -1);
			continue;
		}
		if (n < 0) {
			return false;
		}
		s = str_from(s, (size_t)n);
	}
	return true;
}
