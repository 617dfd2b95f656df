/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h2_wire.h"

enum { READ_PIECE = 16 * 1024, READS_A_TURN = 4, SEND_PIECE = 32 * 1024, WRAPPED_MAX = 1 << 20 };

static void on_turn_end(struct loop_hook *h);

void h2_wire_init(struct h2_wire *w, const struct h2_lib *lib, struct loop *loop)
{
	w->lib = lib;
	w->turn_end.on_turn_end = on_turn_end;
	w->progress_at = w->refilled_at = loop->now;
	w->budget = H2_BUDGET;
}

void h2_wire_done(struct h2_wire *w)
{
	ASSERT(!w->inside);
	w->over = true;
	loop_defer_cancel(&w->turn_end);
	w->lib->session_del(w->session);
	w->session = NULL;
	stream_close(&w->stream);
}

void h2_wire_flush_later(struct h2_wire *w)
{
	loop_defer(w->stream.loop, &w->turn_end);
}

void h2_wire_break(struct h2_wire *w)
{
	w->over = true;
	h2_wire_flush_later(w);
}

bool h2_wire_spend(struct h2_wire *w, const nghttp2_frame_hd *hd)
{
	uint64_t now = w->stream.loop->now, more;

	if (hd->type == NGHTTP2_HEADERS || hd->type == NGHTTP2_CONTINUATION ||
	    (hd->type == NGHTTP2_DATA && hd->length)) {
		return true; /* limited by what they ask for */
	}
	more = (now - w->refilled_at) / (CLOCK_SEC / H2_REFILL);
	if (more) {
		w->refilled_at = now;
		h2_wire_earn(w, more < H2_BUDGET ? (unsigned)more : H2_BUDGET);
	}
	if (w->budget == 0) {
		return false;
	}
	w->budget--;
	return true;
}

void h2_wire_earn(struct h2_wire *w, unsigned frames)
{
	w->budget = w->budget + frames < H2_BUDGET ? w->budget + frames : H2_BUDGET;
}

/* What is collected to be sent in one piece. */
struct outgoing {
	struct h2_wire *wire;
	struct buf wrapped; /* when frames are not sent as they are */
	size_t have;
	char plain[SEND_PIECE];
};

static void send_now(struct outgoing *o, struct str bytes)
{
	struct h2_wire *w = o->wire;

	w->over |= bytes.n && stream_write(&w->stream, bytes, NULL) != ERR_OK;
}

static void send_collected(struct outgoing *o)
{
	send_now(o, str_make(o->plain, o->have));
	o->have = 0;
	send_now(o, buf_str(&o->wrapped));
	o->wire->over |= o->wrapped.failed;
	buf_clear(&o->wrapped);
}

static void collect(struct outgoing *o, struct str frame)
{
	struct h2_wire *w = o->wire;

	if (w->put_frame) {
		w->over |= !w->put_frame(w->put_user, &o->wrapped, frame);
		if (buf_len(&o->wrapped) > SEND_PIECE) {
			send_collected(o);
		}
		return;
	}
	if (frame.n > sizeof(o->plain) - o->have) {
		send_collected(o);
	}
	if (frame.n > sizeof(o->plain)) {
		send_now(o, frame);
		return;
	}
	memcpy(o->plain + o->have, frame.p, frame.n);
	o->have += frame.n;
}

/* Gives the socket what the session has, in few system calls. */
static void flush(struct h2_wire *w)
{
	UNSET struct outgoing o;
	const uint8_t *frame = NULL;
	ssize_t n = 1;

	o.wire = w;
	o.have = 0;
	buf_init(&o.wrapped, WRAPPED_MAX);
	while (n > 0 && !w->over && stream_pending(&w->stream) < H2_WIRE_HIGH) {
		w->inside = true;
		n = w->lib->session_mem_send(w->session, &frame);
		w->inside = false;
		if (n > 0) {
			collect(&o, str_make((const char *)frame, (size_t)n));
		}
	}
	send_collected(&o);
	buf_done(&o.wrapped);
	w->over |= n < 0 ||
		   (stream_pending(&w->stream) == 0 && !w->lib->session_want_read(w->session) &&
		    !w->lib->session_want_write(w->session));
}

static void on_turn_end(struct loop_hook *h)
{
	struct h2_wire *w = CONTAINER_OF(h, struct h2_wire, turn_end);

	if (!w->over) {
		flush(w);
	}
	if (w->over) {
		w->on_over(w);
	} else {
		w->on_turn(w);
	}
}

void h2_wire_feed(struct h2_wire *w, struct str bytes)
{
	ssize_t n;

	w->received += bytes.n;
	w->inside = true;
	n = w->lib->session_mem_recv(w->session, (const uint8_t *)bytes.p, bytes.n);
	w->inside = false;
	if (n < 0) {
		/* What can still be said is said: the GOAWAY of who failed, or that of a flood. */
		if (n == NGHTTP2_ERR_FLOODED) {
			(void)w->lib->session_terminate_session(w->session,
								NGHTTP2_ENHANCE_YOUR_CALM);
		}
		flush(w);
		w->over = true;
	}
	h2_wire_flush_later(w);
}

static void on_readable(struct stream *s)
{
	struct h2_wire *w = CONTAINER_OF(s, struct h2_wire, stream);
	UNSET char bytes[READ_PIECE];
	size_t n = sizeof(bytes);

	w->progress_at = s->loop->now;
	for (int i = 0; i < READS_A_TURN && n == sizeof(bytes) && !w->over; i++) {
		switch (stream_read(s, bytes, sizeof(bytes), &n, NULL)) {
		case STREAM_AGAIN:
			return;
		case STREAM_DATA:
			h2_wire_feed(w, str_make(bytes, n));
			break;
		case STREAM_EOF:
		case STREAM_FAILED:
			h2_wire_break(w);
			return;
		}
	}
}

static void on_sent(struct stream *s)
{
	struct h2_wire *w = CONTAINER_OF(s, struct h2_wire, stream);

	w->progress_at = s->loop->now;
	if (stream_pending(s) < H2_WIRE_HIGH / 2) {
		h2_wire_flush_later(w);
	}
}

static void on_hangup(struct stream *s, bool gone)
{
	(void)gone; /* who has closed a half of HTTP/2 has closed all of it */
	h2_wire_break(CONTAINER_OF(s, struct h2_wire, stream));
}

const struct stream_events h2_wire_events = {
	.on_readable = on_readable,
	.on_sent = on_sent,
	.on_hangup = on_hangup,
};
