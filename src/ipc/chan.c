/* SPDX-License-Identifier: Apache-2.0 */
#include "ipc/chan.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct chan_pending {
	struct chan_pending *next;
	size_t n;
	unsigned n_fds;
	int fds[CHAN_MAX_FDS];
	char bytes[];
};

static void close_all(const int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		(void)close(fds[i]);
	}
}

enum err_code chan_pair(int ret_fds[2], struct err *err)
{
	int bytes = 1 << 20; /* the kernel caps it at wmem_max; a bigger queue only helps */

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds) < 0) {
		return ERR_ERRNO(err, "socketpair");
	}
	(void)setsockopt(ret_fds[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	(void)setsockopt(ret_fds[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	return ERR_OK;
}

void chan_init(struct chan *c, int fd, size_t max_queued)
{
	*c = (struct chan){.fd = fd, .max_queued = max_queued};
}

static void drop_first(struct chan *c)
{
	struct chan_pending *p = c->first;

	c->first = p->next;
	c->last = c->first ? c->last : NULL;
	c->queued -= p->n;
	close_all(p->fds, p->n_fds);
	free(p);
}

void chan_done(struct chan *c)
{
	while (c->first) {
		drop_first(c);
	}
	if (c->fd >= 0) {
		(void)close(c->fd);
	}
	c->fd = -1;
}

static enum err_code send_now(int fd, struct str frame, const int *fds, unsigned n_fds,
			      struct err *err)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * CHAN_MAX_FDS)];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)frame.p, .iov_len = frame.n};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (n_fds) {
		struct cmsghdr *c;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	do {
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n >= 0) {
		return ERR_OK;
	}
	if (errno == EAGAIN || errno == ENOBUFS) {
		return ERR_AGAIN;
	}
	if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) {
		return ERR(err, ERR_CLOSED, "the peer role is gone");
	}
	return ERR_ERRNO(err, "sendmsg to a role");
}

static enum err_code enqueue(struct chan *c, struct str frame, const int *fds, unsigned n_fds,
			     struct err *err)
{
	struct chan_pending *p;

	if (frame.n > c->max_queued - c->queued) {
		return ERR(err, ERR_LIMIT, "a role does not read: %zu bytes wait for it",
			   c->queued);
	}
	p = malloc(sizeof(*p) + frame.n);
	if (!p) {
		return ERR(err, ERR_NOMEM, "no memory for a frame");
	}
	*p = (struct chan_pending){.n = frame.n, .n_fds = n_fds};
	memcpy(p->bytes, frame.p, frame.n);
	if (n_fds) {
		memcpy(p->fds, fds, sizeof(int) * n_fds);
	}
	if (c->last) {
		c->last->next = p;
	} else {
		c->first = p;
	}
	c->last = p;
	c->queued += frame.n;
	return ERR_OK;
}

enum err_code chan_send(struct chan *c, struct str frame, const int *fds, unsigned n_fds,
			struct err *err)
{
	enum err_code code = ERR_AGAIN;

	ASSERT(n_fds <= CHAN_MAX_FDS);
	if (c->fd < 0) {
		close_all(fds, n_fds);
		return ERR(err, ERR_CLOSED, "the peer role is gone");
	}
	if (!c->first) {
		code = send_now(c->fd, frame, fds, n_fds, err);
	}
	if (code == ERR_AGAIN) {
		code = enqueue(c, frame, fds, n_fds, err);
		if (code == ERR_OK) {
			return ERR_OK; /* the queue owns the descriptors now */
		}
	}
	close_all(fds, n_fds);
	return code;
}

enum err_code chan_flush(struct chan *c, struct err *err)
{
	while (c->first) {
		struct chan_pending *p = c->first;
		enum err_code code =
			send_now(c->fd, str_make(p->bytes, p->n), p->fds, p->n_fds, err);

		if (code == ERR_AGAIN) {
			return ERR_OK;
		}
		if (code) {
			return code;
		}
		drop_first(c);
	}
	return ERR_OK;
}

/* Collects descriptors of a received message; true when all fit. */
static bool collect_fds(struct msghdr *msg, int *fds, unsigned *n_fds)
{
	bool fit = !(msg->msg_flags & MSG_CTRUNC);

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
			continue;
		}
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (*n_fds < CHAN_MAX_FDS) {
				fds[(*n_fds)++] = fd;
			} else {
				(void)close(fd);
				fit = false;
			}
		}
	}
	return fit;
}

enum err_code chan_recv(struct chan *c, void *buf, size_t cap, struct str *ret_frame, int *ret_fds,
			unsigned *ret_n_fds, struct err *err)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * CHAN_MAX_FDS)];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = buf, .iov_len = cap};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	int fds[CHAN_MAX_FDS];
	unsigned n_fds = 0;
	ssize_t n;

	do {
		n = recvmsg(c->fd, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		return errno == EAGAIN       ? ERR_AGAIN
		       : errno == ECONNRESET ? ERR(err, ERR_CLOSED, "the peer role is gone")
					     : ERR_ERRNO(err, "recvmsg from a role");
	}
	if (!collect_fds(&msg, fds, &n_fds) || (msg.msg_flags & MSG_TRUNC)) {
		close_all(fds, n_fds);
		return ERR(err, ERR_INVALID, "a frame with too many bytes or descriptors");
	}
	if (n == 0) {
		close_all(fds, n_fds);
		return ERR(err, ERR_CLOSED, "the peer role is gone");
	}
	*ret_frame = str_make(buf, (size_t)n);
	if (n_fds) {
		memcpy(ret_fds, fds, sizeof(int) * n_fds);
	}
	*ret_n_fds = n_fds;
	return ERR_OK;
}
