/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each event leads to at most one callback, since a callback may free the
 * stream; what else was ready comes again in the next turn (level-triggered).
 */
#include "net/stream.h"

#include "crypto/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct stream_tls {
	struct tls *session;
	struct stream *stream;
	struct loop_hook again; /* decrypted bytes wait, of which epoll knows nothing */
	bool read_wants_write, write_wants_read;
	struct err failure;
};

static void update(struct stream *s)
{
	uint32_t events = 0;

	if (s->f.events == 0) {
		return;
	}
	if (!s->eof && (s->want_read || (s->tls && s->tls->write_wants_read))) {
		events |= LOOP_READ;
	}
	if (!s->eof && !s->hangup_told) {
		events |= LOOP_PEER_CLOSED;
	}
	if (s->tls ? (buf_len(&s->out) && !s->tls->write_wants_read) || s->tls->read_wants_write
		   : buf_len(&s->out) != 0) {
		events |= LOOP_WRITE;
	}
	loop_watch(s->loop, &s->f, events);
}

static void fail(struct stream *s, const struct err *why)
{
	if (s->tls && why && !s->failed) {
		s->tls->failure = *why;
	}
	s->failed = true;
	loop_remove(s->loop, &s->f);
	buf_done(&s->out);
}

static void shut_now(struct stream *s)
{
	if (s->shut_done) {
		return;
	}
	s->shut_done = true;
	if (s->tls) {
		tls_shutdown(s->tls->session);
	}
	(void)shutdown(s->f.fd, SHUT_WR); /* a broken connection shows itself elsewhere */
}

/* Sends once what is given; the number of bytes taken, or -1 when the connection is broken. */
static ssize_t send_plain(struct stream *s, struct iovec *parts, int n, struct err *err)
{
	struct msghdr m = {.msg_iov = parts, .msg_iovlen = (size_t)n};
	ssize_t r;

	do {
		r = n == 1 ? send(s->f.fd, parts->iov_base, parts->iov_len, MSG_NOSIGNAL)
			   : sendmsg(s->f.fd, &m, MSG_NOSIGNAL);
	} while (r < 0 && errno == EINTR);
	if (r < 0 && errno == EAGAIN) {
		return 0;
	}
	if (r < 0) {
		err_ignore(ERR_ERRNO(err, "send")); /* the caller turns it into ERR_CLOSED */
	}
	return r;
}

static ssize_t send_tls(struct stream *s, struct str bytes, struct err *err)
{
	size_t done = 0, n;

	s->tls->write_wants_read = false;
	while (done < bytes.n) {
		switch (tls_write(s->tls->session, bytes.p + done, bytes.n - done, &n, err)) {
		case TLS_DONE:
			done += n;
			break;
		case TLS_WANT_READ:
			s->tls->write_wants_read = true;
			return (ssize_t)done;
		case TLS_WANT_WRITE:
			return (ssize_t)done;
		case TLS_EOF:
		case TLS_FAILED:
			return -1;
		}
	}
	return (ssize_t)done;
}

/* Sends pending output: bytes sent, or -1 and the stream is failed. */
static ssize_t flush(struct stream *s, struct err *err)
{
	struct str bytes = buf_str(&s->out);
	struct iovec part = stream_part(bytes);
	struct err why = {0};
	ssize_t r = 0;

	if (bytes.n) {
		r = s->tls ? send_tls(s, bytes, &why) : send_plain(s, &part, 1, &why);
	}
	if (r < 0) {
		fail(s, &why);
		if (err) {
			*err = why;
		}
		return -1;
	}
	buf_consume(&s->out, (size_t)r);
	if (buf_len(&s->out) == 0) {
		buf_done(&s->out); /* an idle connection holds no buffer */
		if (s->shut) {
			shut_now(s);
		}
	}
	update(s);
	return r;
}

static void ready_to_write(struct stream *s)
{
	ssize_t r;

	s->wrote_last = true;
	if (s->tls && s->tls->read_wants_write) {
		s->tls->read_wants_write = false;
		update(s);
		s->on->on_readable(s);
		return;
	}
	r = flush(s, NULL);
	if (r < 0) {
		s->on->on_hangup(s, true);
	} else if (r > 0) {
		s->on->on_sent(s);
	}
}

static void ready_to_read(struct stream *s, uint32_t ready)
{
	s->wrote_last = false;
	if (s->tls && s->tls->write_wants_read && buf_len(&s->out)) {
		ssize_t r = flush(s, NULL);

		if (r != 0) {
			if (r < 0) {
				s->on->on_hangup(s, true);
			} else {
				s->on->on_sent(s);
			}
			return;
		}
	}
	if (s->want_read && !s->eof) {
		s->on->on_readable(s);
		return;
	}
	if (ready & (LOOP_ERROR | LOOP_HANGUP)) {
		/* These cannot be masked. Unread bytes may still be asked for later. */
		loop_remove(s->loop, &s->f);
		s->hangup_told = true;
		s->on->on_hangup(s, true);
		return;
	}
	if ((ready & LOOP_PEER_CLOSED) && !s->hangup_told) {
		s->hangup_told = true;
		update(s);
		s->on->on_hangup(s, false);
	}
}

static void stream_ready(struct loop_fd *f, uint32_t ready)
{
	struct stream *s = CONTAINER_OF(f, struct stream, f);
	bool input = (ready & ~(uint32_t)LOOP_WRITE) != 0;

	if ((ready & LOOP_WRITE) && !(input && s->wrote_last)) {
		ready_to_write(s);
	} else if (input) {
		ready_to_read(s, ready);
	}
}

enum err_code stream_init(struct stream *s, struct loop *l, int fd, const struct stream_events *on,
			  size_t max_out, struct err *err)
{
	*s = (struct stream){.loop = l, .on = on, .want_read = true};
	s->f = (struct loop_fd){.fd = fd, .on_ready = stream_ready};
	buf_init(&s->out, max_out);
	if (loop_add(l, &s->f, (uint32_t)LOOP_READ | LOOP_PEER_CLOSED, err)) {
		s->f.fd = -1;
		return ERR_SYS;
	}
	return ERR_OK;
}

static void read_again(struct loop_hook *h)
{
	struct stream_tls *t = CONTAINER_OF(h, struct stream_tls, again);

	if (t->stream->want_read) {
		t->stream->on->on_readable(t->stream);
	}
}

static enum err_code start_tls(struct stream *s, struct tls *session, struct err *err)
{
	struct stream_tls *t = calloc(1, sizeof(*t));

	if (!t) {
		tls_free(session);
		return ERR(err, ERR_NOMEM, "no memory for a TLS stream");
	}
	*t = (struct stream_tls){.session = session, .stream = s};
	t->again.on_turn_end = read_again;
	s->tls = t;
	return ERR_OK;
}

enum err_code stream_accept_tls(struct stream *s, struct tls_ctx *ctx, struct err *err)
{
	struct tls *session;

	TRY(tls_accept(ctx, s->f.fd, &session, err));
	return start_tls(s, session, err);
}

enum err_code stream_connect_tls(struct stream *s, struct tls_ctx *ctx, struct str host,
				 const struct tls_pins *pins, struct err *err)
{
	struct tls *session;

	TRY(tls_connect(ctx, s->f.fd, host, pins, &session, err));
	return start_tls(s, session, err);
}

struct err stream_failure(const struct stream *s)
{
	struct err none = {0};

	if (s->tls && s->tls->failure.code) {
		return s->tls->failure;
	}
	err_ignore(ERR(&none, ERR_CLOSED, "the connection is broken"));
	return none;
}

struct tls *stream_tls_session(const struct stream *s)
{
	return s->tls ? s->tls->session : NULL;
}

struct str stream_agreed_protocol(const struct stream *s)
{
	return s->tls ? tls_alpn(s->tls->session) : str_make(NULL, 0);
}

void stream_close(struct stream *s)
{
	if (s->f.fd < 0) {
		return;
	}
	loop_remove(s->loop, &s->f);
	if (s->tls) {
		loop_defer_cancel(&s->tls->again);
		tls_free(s->tls->session);
		free(s->tls);
		s->tls = NULL;
	}
	(void)close(s->f.fd);
	s->f.fd = -1;
	s->failed = true;
	buf_done(&s->out);
}

enum err_code stream_move(struct stream *to, struct stream *from, const struct stream_events *on,
			  struct err *err)
{
	if (from->failed || from->eof || from->shut) {
		return ERR(err, ERR_CLOSED, "the connection is closed");
	}
	loop_remove(from->loop, &from->f);
	*to = *from;
	to->on = on;
	to->want_read = true;
	if (loop_add(to->loop, &to->f, LOOP_READ, err)) {
		from->failed = true; /* what was watched before can be watched again */
		return ERR_SYS;
	}
	if (to->tls) {
		to->tls->stream = to;
	}
	buf_init(&from->out, from->out.max);
	from->tls = NULL;
	from->f.fd = -1;
	from->failed = true;
	update(to);
	return ERR_OK;
}

int stream_take_fd(struct stream *s)
{
	int fd = s->f.fd;

	ASSERT(!s->tls);
	loop_remove(s->loop, &s->f);
	s->f.fd = -1;
	s->failed = true;
	buf_done(&s->out);
	return fd;
}

static enum stream_result read_plain(struct stream *s, void *to, size_t n, size_t *ret_n,
				     struct err *err)
{
	ssize_t r;

	do {
		r = recv(s->f.fd, to, n, 0);
	} while (r < 0 && errno == EINTR);
	if (r > 0) {
		*ret_n = (size_t)r;
		return STREAM_DATA;
	}
	if (r < 0 && errno == EAGAIN) {
		return STREAM_AGAIN;
	}
	if (r < 0) {
		err_ignore(ERR_ERRNO(err, "recv")); /* the result says that it failed */
		fail(s, NULL);
		return STREAM_FAILED;
	}
	s->eof = true;
	update(s);
	return STREAM_EOF;
}

/* A read may have finished the handshake that held up the output. */
static void flush_after_read(struct stream *s, struct err *err)
{
	if (s->tls->write_wants_read && buf_len(&s->out) && flush(s, err) < 0) {
		loop_defer(s->loop, &s->tls->again); /* so that the owner sees the failure */
	}
}

static enum stream_result read_tls(struct stream *s, void *to, size_t n, size_t *ret_n,
				   struct err *err)
{
	struct tls *session = s->tls->session;
	size_t done = 0, got;
	struct err why = {0};
	enum tls_result r;

	do {
		r = tls_read(session, (char *)to + done, n - done, &got, &why);
		done += r == TLS_DONE ? got : 0;
	} while (r == TLS_DONE && done < n && tls_has_pending(session));
	flush_after_read(s, &why);
	if (done) {
		/* Nobody would announce what OpenSSL holds already. */
		if (r == TLS_DONE ? tls_has_pending(session) : r != TLS_WANT_READ) {
			loop_defer(s->loop, &s->tls->again);
		}
		*ret_n = done;
		return STREAM_DATA;
	}
	switch (s->failed ? TLS_FAILED : r) {
	case TLS_DONE:
	case TLS_WANT_READ:
		update(s);
		return STREAM_AGAIN;
	case TLS_WANT_WRITE:
		s->tls->read_wants_write = true;
		update(s);
		return STREAM_AGAIN;
	case TLS_EOF:
		s->eof = true;
		update(s);
		return STREAM_EOF;
	case TLS_FAILED:
		break;
	}
	fail(s, &why);
	if (err) {
		*err = why;
	}
	return STREAM_FAILED;
}

enum stream_result stream_read(struct stream *s, void *to, size_t n, size_t *ret_n, struct err *err)
{
	if (s->failed) {
		if (err) {
			*err = stream_failure(s);
		}
		return STREAM_FAILED;
	}
	if (s->eof) {
		return STREAM_EOF;
	}
	return s->tls ? read_tls(s, to, n, ret_n, err) : read_plain(s, to, n, ret_n, err);
}

void stream_want_read(struct stream *s, bool want)
{
	if (s->want_read == want || s->failed) {
		return;
	}
	s->want_read = want;
	if (want && s->f.events == 0 && loop_add(s->loop, &s->f, LOOP_READ, NULL)) {
		s->failed = true; /* a descriptor that was watched before can be watched again */
		return;
	}
	update(s);
	if (want && s->tls && tls_has_pending(s->tls->session)) {
		loop_defer(s->loop, &s->tls->again);
	}
}

static enum err_code keep(struct stream *s, struct iovec *parts, int n, size_t sent,
			  struct err *err)
{
	for (int i = 0; i < n; i++) {
		struct str part = str_make(parts[i].iov_base, parts[i].iov_len);
		size_t skip = sent < part.n ? sent : part.n;

		sent -= skip;
		buf_append(&s->out, str_from(part, skip));
	}
	if (s->out.failed) {
		struct err why = {0};

		err_ignore(ERR(&why, ERR_LIMIT, "the peer does not read"));
		fail(s, &why);
		return ERR(err, ERR_LIMIT, "the peer does not read: more than %zu bytes wait",
			   s->out.max);
	}
	return ERR_OK;
}

enum err_code stream_writev(struct stream *s, struct iovec *parts, int n, struct err *err)
{
	size_t total = 0;
	ssize_t r = 0;

	for (int i = 0; i < n; i++) {
		total += parts[i].iov_len;
	}
	if (s->failed || s->shut) {
		return ERR(err, ERR_CLOSED, "the connection is closed");
	}
	if (total == 0) {
		return ERR_OK;
	}
	if (!s->tls && buf_len(&s->out) == 0) {
		r = send_plain(s, parts, n, err);
		if (r < 0) {
			fail(s, NULL);
			return ERR_CLOSED;
		}
		if ((size_t)r == total) {
			return ERR_OK;
		}
	}
	TRY(keep(s, parts, n, (size_t)r, err));
	if (s->tls && !s->tls->write_wants_read && flush(s, err) < 0) {
		return ERR_CLOSED;
	}
	update(s);
	return ERR_OK;
}

enum err_code stream_write(struct stream *s, struct str bytes, struct err *err)
{
	struct iovec part = stream_part(bytes);

	return stream_writev(s, &part, 1, err);
}

void stream_shutdown(struct stream *s)
{
	if (s->failed || s->shut) {
		return;
	}
	s->shut = true;
	if (buf_len(&s->out) == 0) {
		shut_now(s);
	}
}
