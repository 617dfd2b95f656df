/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/splice.h"

#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PIPE_BYTES = 64 << 10, /* that every pipe has room for */
	WIDE_BYTES = 1 << 20,  /* the widest that users may make, as systems come */
	PIECES_A_TURN = 8,
	TURN_BYTES = WIDE_BYTES,     /* then it is others' turn */
	BULK_BYTES = 4 * PIPE_BYTES, /* in one turn */
};

void splice_init(struct splice *s, struct loop *l, struct splice_pipes *pipes)
{
	*s = (struct splice){.loop = l, .pipes = pipes, .over = true};
	s->a.fd = s->b.fd = -1;
	s->from_a.pipe[0] = s->from_a.pipe[1] = -1;
	s->from_b.pipe[0] = s->from_b.pipe[1] = -1;
}

static void close_pipe(int pipe[2])
{
	fd_close(&pipe[0]);
	fd_close(&pipe[1]);
}

void splice_pipes_done(struct splice_pipes *p)
{
	while (p->n_plain) {
		close_pipe(p->plain[--p->n_plain]);
	}
	while (p->n_wide) {
		close_pipe(p->wide[--p->n_wide]);
		p->made--;
	}
}

static bool take(int kept[][2], unsigned *n, int ret[2])
{
	if (*n == 0) {
		return false;
	}
	memcpy(ret, kept[--*n], sizeof(kept[0]));
	return true;
}

/* False where there are enough, or the user has too much in pipes already. */
static bool borrow_wide(struct splice_pipes *p, struct splice_flow *f)
{
	if (take(p->wide, &p->n_wide, f->pipe)) {
		return true;
	}
	if (p->made == SPLICE_WIDE || pipe2(f->pipe, O_NONBLOCK | O_CLOEXEC) < 0) {
		return false;
	}
	if (fcntl(f->pipe[1], F_SETPIPE_SZ, WIDE_BYTES) < 0) {
		close_pipe(f->pipe);
		return false;
	}
	p->made++;
	return true;
}

static bool borrow_pipe(struct splice_pipes *p, struct splice_flow *f)
{
	if (f->pipe[0] >= 0) {
		return true;
	}
	f->wide = f->bulk && borrow_wide(p, f);
	return f->wide || take(p->plain, &p->n_plain, f->pipe) ||
	       pipe2(f->pipe, O_NONBLOCK | O_CLOEXEC) == 0;
}

/* An empty pipe goes back; one with bytes of somebody is closed. */
static void return_pipe(struct splice_pipes *p, struct splice_flow *f)
{
	unsigned *n = f->wide ? &p->n_wide : &p->n_plain;

	if (f->pipe[0] < 0) {
		return;
	}
	if (f->held == 0 && (f->wide || *n < SPLICE_SPARE)) {
		memcpy(f->wide ? p->wide[*n] : p->plain[*n], f->pipe, sizeof(f->pipe));
		++*n;
	} else {
		p->made -= f->wide ? 1 : 0;
		close_pipe(f->pipe);
	}
	f->pipe[0] = f->pipe[1] = -1;
}

void splice_stop(struct splice *s)
{
	timer_stop(&s->idle);
	loop_remove(s->loop, &s->a);
	loop_remove(s->loop, &s->b);
	fd_close(&s->a.fd);
	fd_close(&s->b.fd);
	return_pipe(s->pipes, &s->from_a);
	return_pipe(s->pipes, &s->from_b);
	s->over = true;
}

static void finish(struct splice *s, enum splice_end why)
{
	if (s->over) {
		return;
	}
	splice_stop(s);
	s->on_end(s, why);
}

enum move { MOVE_BROKEN = 0, MOVE_NO_PIPE, MOVE_WAIT, MOVE_ENDED };

/* From one socket towards the other, until one of them has to be waited for. */
static enum move move(struct splice *s, struct splice_flow *f, int from, int to)
{
	uint64_t most = f->bytes + TURN_BYTES;

	for (unsigned turn = 0; turn < PIECES_A_TURN && f->bytes < most; turn++) {
		ssize_t n;

		if (f->held == 0) {
			if (f->ended) {
				return MOVE_ENDED;
			}
			if (!borrow_pipe(s->pipes, f)) {
				return MOVE_NO_PIPE;
			}
			n = splice(from, NULL, f->pipe[1], NULL, WIDE_BYTES,
				   SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
			if (n < 0) {
				return errno == EAGAIN || errno == EINTR ? MOVE_WAIT : MOVE_BROKEN;
			}
			if (n == 0) {
				f->ended = true;
				(void)shutdown(to, SHUT_WR); /* a broken one shows itself */
				return MOVE_ENDED;
			}
			f->held = (size_t)n;
		}
		n = splice(f->pipe[0], NULL, to, NULL, f->held, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
		if (n < 0) {
			return errno == EAGAIN || errno == EINTR ? MOVE_WAIT : MOVE_BROKEN;
		}
		f->held -= (size_t)n;
		f->bytes += (uint64_t)n;
	}
	return MOVE_WAIT;
}

/* Each socket is read while its pipe is empty, and written while the other's is not. */
static void watch(struct splice *s)
{
	uint32_t a = 0, b = 0;

	if (s->from_a.held) {
		b |= LOOP_WRITE;
	} else if (!s->from_a.ended) {
		a |= LOOP_READ;
	}
	if (s->from_b.held) {
		a |= LOOP_WRITE;
	} else if (!s->from_b.ended) {
		b |= LOOP_READ;
	}
	if (s->a.events) {
		loop_watch(s->loop, &s->a, a);
	}
	if (s->b.events) {
		loop_watch(s->loop, &s->b, b);
	}
}

static void flow(struct splice *s, struct splice_flow *f, int from, int to, bool hung_up)
{
	uint64_t before = f->bytes;
	enum move m = move(s, f, from, to);

	f->bulk = f->bytes - before >= BULK_BYTES;
	if (f->held == 0) {
		return_pipe(s->pipes, f);
	}
	if (f->bytes != before) {
		loop_timer_set(s->loop, &s->idle, s->idle_ns);
	}
	switch (m) {
	case MOVE_BROKEN:
		finish(s, SPLICE_BROKEN);
		return;
	case MOVE_NO_PIPE:
		finish(s, SPLICE_NO_PIPE);
		return;
	case MOVE_WAIT:
	case MOVE_ENDED:
		break;
	}
	if (s->from_a.ended && s->from_b.ended && !s->from_a.held && !s->from_b.held) {
		finish(s, SPLICE_CLOSED);
	} else if (hung_up && f->held == 0 && m == MOVE_ENDED) {
		/* Nothing comes from there and nothing can go there any more. */
		finish(s, SPLICE_CLOSED);
	} else {
		watch(s);
	}
}

/*
 * One direction for each event: either may end the splice, and with it this memory. A socket
 * that reports an error is read: that tells which.
 */
static void on_side(struct splice *s, bool is_a, uint32_t ready)
{
	struct splice_flow *out = is_a ? &s->from_a : &s->from_b;
	struct splice_flow *in = is_a ? &s->from_b : &s->from_a;
	int own = is_a ? s->a.fd : s->b.fd, other = is_a ? s->b.fd : s->a.fd;
	bool hung_up = (ready & (LOOP_HANGUP | LOOP_ERROR)) != 0;

	if ((ready & LOOP_WRITE) && in->held) {
		flow(s, in, other, own, false);
	} else if ((ready & LOOP_ERROR) && out->held) {
		finish(s, SPLICE_BROKEN);
	} else if (hung_up && out->held) {
		/* What it sent is still under way: the other side's pace says when to go on. */
		loop_remove(s->loop, is_a ? &s->a : &s->b);
	} else {
		flow(s, out, own, other, hung_up);
	}
}

static void on_a(struct loop_fd *f, uint32_t ready)
{
	on_side(CONTAINER_OF(f, struct splice, a), true, ready);
}

static void on_b(struct loop_fd *f, uint32_t ready)
{
	on_side(CONTAINER_OF(f, struct splice, b), false, ready);
}

static void on_idle(struct timer *t)
{
	finish(CONTAINER_OF(t, struct splice, idle), SPLICE_IDLE);
}

enum err_code splice_preload(struct splice *s, struct str from_a, struct err *err)
{
	ssize_t n;

	if (from_a.n == 0) {
		return ERR_OK;
	}
	if (from_a.n + s->from_a.held > PIPE_BYTES) {
		return ERR(err, ERR_LIMIT, "more than %d bytes", PIPE_BYTES);
	}
	if (!borrow_pipe(s->pipes, &s->from_a)) {
		return ERR_ERRNO(err, "pipe");
	}
	n = write(s->from_a.pipe[1], from_a.p, from_a.n);
	s->from_a.held += n > 0 ? (size_t)n : 0; /* a part, too: that pipe is lent to nobody else */
	return n == (ssize_t)from_a.n ? ERR_OK : ERR(err, ERR_LIMIT, "the pipe has no room");
}

enum err_code splice_start(struct splice *s, int a, int b, uint64_t idle_ns, struct err *err)
{
	s->a = (struct loop_fd){.fd = a, .on_ready = on_a};
	s->b = (struct loop_fd){.fd = b, .on_ready = on_b};
	s->idle_ns = idle_ns;
	s->idle.on_timeout = on_idle;
	s->over = false;
	if (loop_add(s->loop, &s->a, 0, err) || loop_add(s->loop, &s->b, 0, err)) {
		splice_stop(s);
		return err ? err->code : ERR_SYS;
	}
	loop_timer_set(s->loop, &s->idle, idle_ns);
	watch(s);
	return ERR_OK;
}
