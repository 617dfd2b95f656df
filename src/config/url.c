/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Upstream addresses, RFC 3986 cut down to what an HTTP client dials:
 * scheme "://" ( name / IPv4 / "[" IPv6 "]" ) [ ":" port ] [ "/" path ] [ "?" query ]
 */
#include "config/config.h"

#include <arpa/inet.h>

enum { MAX_URL = 2048, MAX_HOST = 253 };

/* Letters, digits, '-' and '.'; an underscore as container networks use it. No empty label. */
static bool is_host_name(struct str s)
{
	char before = '.';

	if (s.n == 0 || s.n > MAX_HOST) {
		return false;
	}
	for (size_t i = 0; i < s.n; i++) {
		char ch = s.p[i];
		bool alnum = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
			     (ch >= '0' && ch <= '9');

		if (!alnum && ch != '-' && ch != '.' && ch != '_') {
			return false;
		}
		if (before == '.' && (ch == '.' || ch == '-')) {
			return false;
		}
		before = ch;
	}
	return before != '-' && before != '.';
}

/*
 * Is the last label a number? Old resolvers read "127.1" and "0x7f.1" as addresses; no name ends
 * so (WHATWG URL, "ends in a number").
 */
static bool ends_in_number(struct str s)
{
	const char *digits = "0123456789";
	struct str label = s;

	while (str_find(label, '.') < label.n) {
		label = str_from(label, str_find(label, '.') + 1);
	}
	if (label.n > 1 && label.p[0] == '0' && (label.p[1] | 0x20) == 'x') {
		digits = "0123456789abcdefABCDEF";
		label = str_from(label, 2);
	}
	for (size_t i = 0; i < label.n; i++) {
		if (!strchr(digits, label.p[i])) {
			return false;
		}
	}
	return true;
}

static enum err_code parse_host(struct str host, struct config_url *u, struct err *err)
{
	char text[MAX_HOST + 1];
	struct in_addr v4;
	struct in6_addr v6;

	if (host.n == 0 || host.n > MAX_HOST) {
		return ERR(err, ERR_INVALID, "the host is empty or too long");
	}
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	if (strlen(text) != host.n) {
		return ERR(err, ERR_INVALID, "the host has a NUL character");
	}
	if (u->ipv6) {
		if (inet_pton(AF_INET6, text, &v6) != 1) {
			return ERR(err, ERR_INVALID, "'%s' is not an IPv6 address", text);
		}
		u->ip = true;
		u->loopback = IN6_IS_ADDR_LOOPBACK(&v6) != 0;
	} else if (inet_pton(AF_INET, text, &v4) == 1) {
		u->ip = true;
		u->loopback = ntohl(v4.s_addr) >> 24 == 127;
	} else if (!is_host_name(host) || ends_in_number(host)) {
		return ERR(err, ERR_INVALID, "'%s' is not a host name", text);
	} else {
		u->loopback = str_ieq(host, STR("localhost"));
	}
	u->host = host;
	return ERR_OK;
}

static enum err_code parse_port(struct str port, struct config_url *u, struct err *err)
{
	uint64_t v;

	if (!str_to_u64(port, &v) || v == 0 || v > 65535 || port.n > 5) {
		return ERR(err, ERR_INVALID, "the port must be a number from 1 to 65535");
	}
	u->port = (uint16_t)v;
	return ERR_OK;
}

static enum err_code parse_authority(struct str s, struct config_url *u, struct err *err)
{
	if (str_find(s, '@') < s.n) {
		return ERR(err, ERR_INVALID,
			   "a user or password in a URL is not accepted: use headers with "
			   "secret_file");
	}
	if (s.n && s.p[0] == '[') {
		size_t close = str_find(s, ']');
		struct str behind = str_from(s, close + 1);

		if (close == s.n || (behind.n && behind.p[0] != ':')) {
			return ERR(err, ERR_INVALID, "']' is missing");
		}
		u->ipv6 = true;
		TRY(parse_host(str_make(s.p + 1, close - 1), u, err));
		return behind.n ? parse_port(str_from(behind, 1), u, err) : ERR_OK;
	}
	{
		struct str port = s;
		struct str host = str_cut(&port, ':');

		TRY(parse_host(host, u, err));
		return port.p ? parse_port(port, u, err) : ERR_OK;
	}
}

enum err_code config_url_parse(struct arena *a, struct str text, struct config_url *ret,
			       struct err *err)
{
	struct config_url u = {.text = text};
	struct str rest;
	size_t end = 0;

	if (text.n > MAX_URL) {
		return ERR(err, ERR_LIMIT, "longer than %d bytes", MAX_URL);
	}
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] <= ' ' || text.p[i] > '~' || strchr("\"<>\\^`{|}", text.p[i])) {
			return ERR(err, ERR_INVALID,
				   "a character that a URL cannot have at its place %zu", i + 1);
		}
	}
	if (str_starts_with(text, STR("https://"))) {
		u.tls = true;
		u.port = 443;
		rest = str_from(text, 8);
	} else if (str_starts_with(text, STR("http://"))) {
		u.port = 80;
		rest = str_from(text, 7);
	} else {
		return ERR(err, ERR_INVALID, "a URL begins with http:// or https://");
	}
	if (str_find(rest, '#') < rest.n) {
		return ERR(err, ERR_INVALID, "a fragment (#) is never sent: remove it");
	}
	while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?') {
		end++;
	}
	TRY(parse_authority(str_make(rest.p, end), &u, err));
	u.target = str_from(rest, end);
	if (u.target.n == 0 || u.target.p[0] != '/') {
		u.target = arena_printf(a, "/" STR_FMT, STR_ARG(u.target));
		if (!u.target.p) {
			return ERR(err, ERR_NOMEM, "out of memory");
		}
	}
	*ret = u;
	return ERR_OK;
}
