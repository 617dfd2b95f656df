/* SPDX-License-Identifier: Apache-2.0 */
/* The other end of a socket pair, driven step by step from a test together with the loop. */
#ifndef TESTS_UNIT_HTTP_PEER_H
#define TESTS_UNIT_HTTP_PEER_H

#include "base/buf.h"
#include "net/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer {
	int fd;
	bool eof, reset;
	struct buf got;
};

static inline void peer_pair(struct peer *p, int *ret_other)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
			 0);
	*p = (struct peer){.fd = fds[0]};
	buf_init(&p->got, 64 << 20);
	*ret_other = fds[1];
}

static inline void peer_turns(struct loop *l, int n)
{
	for (int i = 0; i < n; i++) {
		assert_int_equal(loop_turn(l, 0, NULL), ERR_OK);
	}
}

/* Sends all, turning the loop while the socket is full; false when the other end is gone. */
static inline bool peer_send(struct peer *p, struct loop *l, struct str s)
{
	while (s.n) {
		ssize_t r = send(p->fd, s.p, s.n, MSG_NOSIGNAL);

		if (r < 0 && errno != EAGAIN) {
			return false;
		}
		s = str_from(s, r > 0 ? (size_t)r : 0);
		peer_turns(l, 2);
	}
	return true;
}

/* Reads what there is. */
static inline void peer_recv(struct peer *p)
{
	for (;;) {
		char *to = buf_reserve(&p->got, 65536);
		ssize_t r = recv(p->fd, to, 65536, 0);

		if (r > 0) {
			buf_commit(&p->got, (size_t)r);
			continue;
		}
		p->eof |= r == 0;
		p->reset |= r < 0 && errno != EAGAIN;
		return;
	}
}

static inline struct str peer_exchange(struct peer *p, struct loop *l, struct str s)
{
	(void)peer_send(p, l, s);
	peer_turns(l, 4);
	peer_recv(p);
	return buf_str(&p->got);
}

static inline void peer_done(struct peer *p)
{
	if (p->fd >= 0) {
		(void)close(p->fd);
	}
	p->fd = -1;
	buf_done(&p->got);
}

static inline bool str_has(struct str s, const char *what)
{
	return str_find_str(s, str_from_c(what)) < s.n;
}

static inline size_t str_count(struct str s, const char *what)
{
	struct str w = str_from_c(what);
	size_t n = 0, at;

	while ((at = str_find_str(s, w)) < s.n) {
		s = str_from(s, at + w.n);
		n++;
	}
	return n;
}

#endif
