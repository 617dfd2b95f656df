/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/redirect.h"

#include "base/clock.h"
#include "sys/fd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_MS = 3000 };

enum err_code redirect_open(struct redirect *r, struct err *err)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	CLEANUP(fd_close)
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t n = sizeof(at);

	*r = (struct redirect){.fd = -1, .client_fd = -1};
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 8) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &n) < 0) {
		return ERR_ERRNO(err, "listening on 127.0.0.1 for the browser's answer");
	}
	(void)snprintf(r->url, sizeof(r->url), "http://127.0.0.1:%u/callback", ntohs(at.sin_port));
	r->fd = fd_take(&fd);
	return ERR_OK;
}

void redirect_done(struct redirect *r)
{
	fd_close(&r->fd);
	fd_close(&r->client_fd);
}

bool redirect_query(struct str text, struct str *ret)
{
	struct str line = str_cut(&text, '\n'), target;
	size_t from = str_find_str(line, STR("/callback?"));

	if (from == line.n) {
		return false;
	}
	if (!str_eq(str_make(line.p, from), STR("GET ")) &&
	    !str_starts_with(line, STR("http://127.0.0.1:"))) {
		return false;
	}
	target = str_from(line, from + STR("/callback?").n);
	for (size_t i = 0; i < target.n; i++) {
		if (target.p[i] <= ' ' || target.p[i] > '~' || target.p[i] == '#') {
			target.n = i;
		}
	}
	*ret = target;
	return target.n > 0 && target.n <= REDIRECT_QUERY_MAX;
}

static void say(int fd, const char *status, const char *text)
{
	char out[1024];
	int n = snprintf(
		out, sizeof(out),
		"HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "
		"%zu\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
		"Connection: close\r\n\r\n%s",
		status, strlen(text), text);

	(void)!send(fd, out, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void redirect_say(struct redirect *r, bool ok)
{
	if (r->client_fd >= 0) {
		say(r->client_fd, ok ? "200 OK" : "400 Bad Request",
		    ok ? "Writ is logged in. You can close this page.\n"
		       : "Writ is not logged in. The terminal says why.\n");
	}
	fd_close(&r->client_fd);
}

/* Until the head's first line is whole: the rest says nothing that is wanted. */
static size_t read_line(int fd, char *to, size_t max)
{
	uint64_t until = clock_mono() + READ_MS * CLOCK_MS;
	size_t n = 0;

	while (n < max && clock_mono() < until) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t k;

		if (poll(&p, 1, READ_MS) <= 0) {
			break;
		}
		k = read(fd, to + n, max - n);
		if (k <= 0) {
			break;
		}
		n += (size_t)k;
		if (memchr(to, '\n', n)) {
			break;
		}
	}
	return n;
}

/* True when this connection, or this line, brought the answer. */
static bool take(struct redirect *r, int fd, struct arena *a, struct str *ret)
{
	char head[REDIRECT_HEAD_MAX];
	struct str query;
	bool ours = redirect_query(str_make(head, read_line(fd, head, sizeof(head))), &query);

	if (!ours) {
		if (fd != STDIN_FILENO) {
			say(fd, "404 Not Found", "Nothing is here.\n");
		}
		return false;
	}
	*ret = arena_dup(a, query);
	if (fd != STDIN_FILENO) {
		r->client_fd = dup(fd);
	}
	return true;
}

enum err_code redirect_wait(struct redirect *r, struct arena *a, uint64_t seconds, bool paste,
			    struct str *ret, struct err *err)
{
	uint64_t until = clock_mono() + seconds * CLOCK_SEC, now;

	while ((now = clock_mono()) < until) {
		struct pollfd p[] = {{.fd = r->fd, .events = POLLIN},
				     {.fd = paste ? STDIN_FILENO : -1, .events = POLLIN}};

		if (poll(p, ARRAY_LEN(p), (int)((until - now) / CLOCK_MS) + 1) < 0 &&
		    errno != EINTR) {
			return ERR_ERRNO(err, "waiting for the browser");
		}
		if (p[1].revents) {
			if (take(r, STDIN_FILENO, a, ret)) {
				return ERR_OK;
			}
			paste = !(p[1].revents & POLLHUP) && isatty(STDIN_FILENO);
		}
		if (p[0].revents) {
			CLEANUP(fd_close) int fd = accept4(r->fd, NULL, NULL, SOCK_CLOEXEC);

			if (fd >= 0 && take(r, fd, a, ret)) {
				return ERR_OK;
			}
		}
	}
	return ERR(err, ERR_TIMEOUT, "nobody answered in the browser in time: begin anew");
}
