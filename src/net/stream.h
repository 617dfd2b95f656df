/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A non-blocking byte stream over a connected socket, plain or TLS, embedded in
 * its owner. Reading is pulled by the owner into the owner's memory. Writing
 * tries the socket at once; what does not fit waits in a bounded buffer.
 *
 * Callbacks come only from the loop, never from inside a call of the owner; an
 * owner learns of a failure either from a return value or from on_hangup.
 * A callback may close and free the stream.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "base/buf.h"
#include "net/loop.h"

#include <sys/uio.h>

struct stream;
struct stream_tls;
struct tls;
struct tls_ctx;
struct tls_pins;

struct stream_events {
	/* stream_read may give bytes, the end, or a failure. */
	void (*on_readable)(struct stream *s);

	/* Pending output became less; stream_pending says what is left. */
	void (*on_sent)(struct stream *s);

	/*
	 * The peer stopped sending while the owner does not read (gone false: answers may
	 * still reach it), or the connection broke (gone true). Each is told once.
	 */
	void (*on_hangup)(struct stream *s, bool gone);
};

enum stream_result {
	STREAM_AGAIN = 0, /* nothing now; on_readable follows */
	STREAM_DATA,
	STREAM_EOF,    /* an orderly end; for TLS only after the peer's close_notify */
	STREAM_FAILED, /* reset, TLS failure, truncated TLS */
};

struct stream {
	struct loop_fd f; /* f.fd is -1 when closed */
	struct loop *loop;
	const struct stream_events *on;
	struct stream_tls *tls; /* NULL for a plain stream */
	struct buf out;
	bool want_read;
	bool eof, failed; /* the end was read; the connection is of no more use */
	bool hangup_told; /* on_hangup(false) was called */
	bool shut, shut_done;
	bool wrote_last; /* the last event was for output: input has its turn */
};

/* Watches fd, which the stream now owns (on failure the caller keeps it). */
enum err_code stream_init(struct stream *s, struct loop *l, int fd, const struct stream_events *on,
			  size_t max_out, struct err *err) MUST_USE;

/*
 * Puts TLS on a fresh stream, before the first byte; arguments as in crypto/tls.h. The handshake
 * happens inside reads and writes, so its failure comes as a failed read or as on_hangup.
 */
enum err_code stream_accept_tls(struct stream *s, struct tls_ctx *ctx, struct err *err) MUST_USE;
enum err_code stream_connect_tls(struct stream *s, struct tls_ctx *ctx, struct str host,
				 const struct tls_pins *pins, struct err *err) MUST_USE;

/* The TLS session, for the peer's certificate; NULL when plain. */
struct tls *stream_tls_session(const struct stream *s);

/* What a TLS handshake agreed on: "h2", "http/1.1", or empty. */
struct str stream_agreed_protocol(const struct stream *s);

/* Why the stream failed, as after on_hangup(true): of TLS the reason, else only that it did. */
struct err stream_failure(const struct stream *s);

/* Closes at once, dropping pending output. Harmless on a closed stream. */
void stream_close(struct stream *s);

/*
 * Moves the connection with all its state to another owner's stream. `from` is closed afterwards, and
 * `to` is read. On failure nothing has changed.
 */
enum err_code stream_move(struct stream *to, struct stream *from, const struct stream_events *on,
			  struct err *err) MUST_USE;

/* Removes the descriptor from the stream and gives it to the caller; plain streams only. */
int stream_take_fd(struct stream *s) MUST_USE;

/*
 * One read into the caller's memory. STREAM_DATA with *ret_n > 0; less than n
 * bytes says nothing about the end. err is filled for STREAM_FAILED.
 */
enum stream_result stream_read(struct stream *s, void *to, size_t n, size_t *ret_n,
			       struct err *err);

/* Stops or resumes on_readable: the reader's side of back-pressure. */
void stream_want_read(struct stream *s, bool want);

/* Bytes as a part to send; they are not written to, though struct iovec cannot say so. */
static inline struct iovec stream_part(struct str bytes)
{
	union {
		const char *from;
		void *base;
	} p = {.from = bytes.p};

	return (struct iovec){.iov_base = p.base, .iov_len = bytes.n};
}

/*
 * Sends all parts in order, in one system call when nothing is pending. What
 * the socket does not take is copied, so the parts are free again on return.
 * ERR_CLOSED when the connection is broken, ERR_LIMIT when pending output would
 * pass max_out (the stream is then failed: a part of a message is never left out).
 */
enum err_code stream_writev(struct stream *s, struct iovec *parts, int n, struct err *err) MUST_USE;
enum err_code stream_write(struct stream *s, struct str bytes, struct err *err) MUST_USE;

static inline size_t stream_pending(const struct stream *s)
{
	return buf_len(&s->out);
}

/* Half-close: no more output after what is pending (close_notify, then FIN). */
void stream_shutdown(struct stream *s);

#endif
