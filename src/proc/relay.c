/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/relay.h"

#include "base/log.h"
#include "crypto/tls.h"
#include "http/h1_parse.h"
#include "ipc/relay.h"
#include "ipc/relay_h2.h"
#include "net/stream.h"

#include <stdlib.h>
#include <unistd.h>

enum { PIECE = 32 * 1024, HIGH_WATER = 256 * 1024, MAX_OUT = 2 * 1024 * 1024 };

struct relay {
	struct list node; /* in relays.all */
	struct stream gate, upstream;
	struct relay_reader reader;
	struct buf head;  /* the request head, or permit, that is being read */
	struct buf piece; /* of a body, until all of it is there; HTTP/1.1 */
	struct relay_permit permit;
	uint64_t body_left; /* of the request whose head has passed */
	const struct upstream *entry;
	size_t *count;
	struct relays *among;
	bool gate_ended, upstream_ended;
	bool http2;
	struct relay_h2 frames;  /* of the gate, over HTTP/2 */
	struct relay_wait *wait; /* until the protocol is agreed on, else NULL */
	struct loop_hook kick;   /* begins the handshake */
};

/* A failed TLS session is the operator's to know of, wherever it showed. */
static void say_why(const struct relay *r)
{
	const struct tls *t = stream_tls_session(&r->upstream);
	const char *why = t ? tls_why_failed(t) : NULL;

	if (why) {
		log_line(LOG_WARN, STR_FMT ": %s", STR_ARG(r->entry->name), why);
	}
}

/* Tells who waits for it what was agreed on, or that nothing was. */
static void tell_agreed(struct relay *r, bool ok)
{
	struct relay_wait *w = r->wait;

	r->wait = NULL;
	if (w) {
		w->relay = NULL;
		w->on_agreed(w, ok, r->http2);
	}
}

static void relay_free(struct relay *r)
{
	struct relays *among = r->among;

	tell_agreed(r, false);
	say_why(r);
	loop_defer_cancel(&r->kick);
	stream_close(&r->gate);
	stream_close(&r->upstream);
	buf_done(&r->head);
	buf_done(&r->piece);
	list_remove(&r->node);
	--*r->count;
	free(r);
	if (among->on_ended) {
		among->on_ended(among);
	}
}

/* One reads only while the other takes what it is given. */
static void balance(struct relay *r)
{
	stream_want_read(&r->gate,
			 !r->gate_ended && !r->wait && stream_pending(&r->upstream) < HIGH_WATER);
	stream_want_read(&r->upstream, !r->upstream_ended && stream_pending(&r->gate) < HIGH_WATER);
}

/*
 * A head gets the credential, so it must be one head and nothing else, and stand where a head begins:
 * inside another request's body the credential would be content, which an upstream may repeat, and so
 * would TRACE. *ret_body is how much body follows it.
 */
static bool is_one_head(struct str head, uint64_t *ret_body)
{
	struct http_field fields[H1_MAX_FIELDS];
	struct h1_head h;
	struct err err;

	h1_head_init(&h, false, fields, ARRAY_LEN(fields));
	if (h1_parse(&h, head, &err) != H1_DONE || h.size != head.n ||
	    (h.method != HTTP_GET && h.method != HTTP_POST && h.method != HTTP_DELETE) ||
	    (h.framing != HTTP_NO_BODY && h.framing != HTTP_LENGTH)) {
		return false;
	}
	*ret_body = h.framing == HTTP_LENGTH ? h.body_len : 0;
	return true;
}

/* Says it once: the relay ends with it. */
static bool is_permitted(const struct relay *r, bool permitted)
{
	if (!permitted) {
		log_line(LOG_WARN,
			 STR_FMT ": a request that is not in the ledger was not passed on",
			 STR_ARG(r->entry->name));
	}
	return permitted;
}

static bool take_permit(struct relay *r)
{
	bool ok = !r->head.failed && r->body_left == 0 &&
		  relay_permit_take(&r->permit, &r->among->permits, r->entry->name, r->http2,
				    buf_str(&r->head));

	buf_clear(&r->head);
	return is_permitted(r, ok);
}

static bool send_h2_head(struct relay *r)
{
	struct err err;
	struct buf out;
	bool sent;

	buf_init(&out, RELAY_H2_FRAME_MAX + RELAY_H2_HEADER);
	sent = !r->head.failed && is_permitted(r, relay_permit_count(&r->permit)) &&
	       relay_h2_head(&r->frames, buf_str(&r->head), secret_str(&r->entry->fields), &out) &&
	       stream_write(&r->upstream, buf_str(&out), &err) == ERR_OK;
	if (out.p) {
		secret_wipe(out.p, out.cap);
	}
	buf_done(&out);
	buf_clear(&r->head);
	return sent;
}

/* The newest there is: connections outlive tokens. */
static struct str token_line(const struct relay *r)
{
	const struct upstream *u = r->entry;

	return u->server.n
		       ? tokens_use(&r->among->tokens, u->server, u->url->text, r->among->loop->now)
		       : STR("");
}

static bool send_head(struct relay *r)
{
	struct str lines = secret_str(&r->entry->headers), token = token_line(r), whole;
	struct iovec parts[4];
	struct err err;
	bool sent;

	if (!is_permitted(r, relay_permit_head(&r->permit, buf_str(&r->head)))) {
		return false;
	}
	buf_append(&r->head, STR("\r\n"));
	whole = buf_str(&r->head);
	parts[0] = (struct iovec){(void *)(uintptr_t)whole.p, whole.n - 2};
	parts[1] = (struct iovec){(void *)(uintptr_t)lines.p, lines.n};
	parts[2] = (struct iovec){(void *)(uintptr_t)token.p, token.n};
	parts[3] = (struct iovec){(void *)(uintptr_t)(whole.p + whole.n - 2), 2};
	sent = r->body_left == 0 && !r->head.failed && is_one_head(whole, &r->body_left) &&
	       stream_writev(&r->upstream, parts, ARRAY_LEN(parts), &err) == ERR_OK;
	buf_clear(&r->head);
	return sent;
}

/* Nothing of a piece passes before all of it is there and is the recorded one. */
static bool send_body(struct relay *r, struct str bytes, bool end)
{
	struct str piece = bytes;
	struct err err;
	bool sent;

	if (r->http2) {
		return relay_h2_body(&r->frames, bytes) &&
		       is_permitted(r, relay_permit_bytes(&r->permit, r->frames.data)) &&
		       stream_write(&r->upstream, bytes, &err) == ERR_OK;
	}
	if (bytes.n > r->body_left) {
		return false; /* more than its head announced */
	}
	r->body_left -= bytes.n;
	if (!end || buf_len(&r->piece)) {
		buf_append(&r->piece, bytes);
		piece = buf_str(&r->piece);
	}
	if (!end || r->piece.failed) {
		return !r->piece.failed;
	}
	sent = is_permitted(r, relay_permit_piece(&r->permit, piece)) &&
	       stream_write(&r->upstream, piece, &err) == ERR_OK;
	buf_done(&r->piece);
	buf_init(&r->piece, PERMIT_PIECE);
	return sent;
}

static bool to_upstream(struct relay *r, struct str in)
{
	while (in.n || r->reader.n_header == RELAY_HEADER) {
		enum relay_kind kind;
		struct str piece = str_make(NULL, 0);
		bool end = false;

		if (!relay_next(&r->reader, &in, &kind, &piece, &end)) {
			return false;
		}
		if (kind == RELAY_NONE) {
			break;
		}
		if (kind == RELAY_BODY) {
			if (!send_body(r, piece, end)) {
				return false;
			}
			continue;
		}
		buf_append(&r->head, piece);
		if (end && !(kind == RELAY_PERMIT ? take_permit(r)
			     : r->http2           ? send_h2_head(r)
						  : send_head(r))) {
			return false;
		}
	}
	return true;
}

static void on_gate_readable(struct stream *s)
{
	struct relay *r = CONTAINER_OF(s, struct relay, gate);
	char bytes[PIECE];
	struct err err;
	size_t n;

	switch (stream_read(s, bytes, sizeof(bytes), &n, &err)) {
	case STREAM_AGAIN:
		return;
	case STREAM_DATA:
		if (!to_upstream(r, str_make(bytes, n))) {
			relay_free(r);
			return;
		}
		break;
	case STREAM_EOF:
	case STREAM_FAILED:
		/* The gate cancels by closing: nothing of the answer is wanted any more. */
		relay_free(r);
		return;
	}
	balance(r);
}

/* After a read: false when the relay has ended. */
static bool look_at_handshake(struct relay *r)
{
	const struct tls *t = stream_tls_session(&r->upstream);

	if (!r->wait || !tls_established(t)) {
		return true;
	}
	r->http2 = str_eq(stream_agreed_protocol(&r->upstream), STR("h2"));
	if (!r->http2 && r->entry->http2 == CONFIG_HTTP2_YES) {
		log_line(LOG_WARN, STR_FMT ": it does not speak HTTP/2: write http2: auto",
			 STR_ARG(r->entry->name));
		relay_free(r);
		return false;
	}
	tell_agreed(r, true);
	balance(r);
	return true;
}

static void on_upstream_readable(struct stream *s)
{
	struct relay *r = CONTAINER_OF(s, struct relay, upstream);
	char bytes[PIECE];
	struct err err;
	size_t n;

	switch (stream_read(s, bytes, sizeof(bytes), &n, &err)) {
	case STREAM_AGAIN:
		(void)look_at_handshake(r);
		return;
	case STREAM_DATA:
		if (!look_at_handshake(r)) {
			return;
		}
		if (stream_write(&r->gate, str_make(bytes, n), &err)) {
			relay_free(r);
			return;
		}
		break;
	case STREAM_EOF:
		r->upstream_ended = true;
		stream_shutdown(&r->gate);
		if (stream_pending(&r->gate) == 0) {
			relay_free(r);
			return;
		}
		break;
	case STREAM_FAILED:
		/* Broken, not ended: the gate must not take a cut answer for a whole one. */
		relay_free(r);
		return;
	}
	balance(r);
}

static void on_sent(struct stream *s, struct relay *r)
{
	if (r->upstream_ended && s == &r->gate && stream_pending(s) == 0) {
		relay_free(r);
		return;
	}
	balance(r);
}

static void on_gate_sent(struct stream *s)
{
	on_sent(s, CONTAINER_OF(s, struct relay, gate));
}

static void on_upstream_sent(struct stream *s)
{
	on_sent(s, CONTAINER_OF(s, struct relay, upstream));
}

static void on_gate_hangup(struct stream *s, bool gone)
{
	struct relay *r = CONTAINER_OF(s, struct relay, gate);

	if (gone) {
		relay_free(r);
	}
}

static void on_upstream_hangup(struct stream *s, bool gone)
{
	struct relay *r = CONTAINER_OF(s, struct relay, upstream);

	if (gone) {
		relay_free(r);
	}
}

static const struct stream_events gate_events = {
	.on_readable = on_gate_readable,
	.on_sent = on_gate_sent,
	.on_hangup = on_gate_hangup,
};

static const struct stream_events upstream_events = {
	.on_readable = on_upstream_readable,
	.on_sent = on_upstream_sent,
	.on_hangup = on_upstream_hangup,
};

void relays_cut(struct relays *among, const struct upstreams *now)
{
	LIST_FOREACH (node, &among->all) {
		struct relay *r = CONTAINER_OF(node, struct relay, node);
		const struct upstream *u = upstream_find(now, r->entry->name);

		if (!u || u->cut) {
			relay_free(r);
		}
	}
}

static void on_kick(struct loop_hook *h)
{
	on_upstream_readable(&CONTAINER_OF(h, struct relay, kick)->upstream);
}

void relay_wait_end(struct relay_wait *w)
{
	struct relay *r = w->relay;

	if (r) {
		r->wait = NULL;
		w->relay = NULL;
		relay_free(r);
	}
}

enum err_code relay_start(struct relays *among, const struct upstream *u, int gate_fd,
			  int upstream_fd, size_t *uses, struct relay_wait *wait, struct err *err)
{
	struct relay *r = calloc(1, sizeof(*r));

	if (!r) {
		(void)close(gate_fd);
		(void)close(upstream_fd);
		return ERR(err, ERR_NOMEM, "no memory for a connection");
	}
	r->gate.f.fd = r->upstream.f.fd = -1;
	r->entry = u;
	r->among = among;
	buf_init(&r->head, RELAY_HEAD_MAX + 2);
	buf_init(&r->piece, PERMIT_PIECE);
	r->count = uses;
	++*uses;
	list_append(&among->all, &r->node);
	if (stream_init(&r->gate, among->loop, gate_fd, &gate_events, MAX_OUT, err)) {
		(void)close(gate_fd);
		(void)close(upstream_fd);
		relay_free(r);
		return err->code;
	}
	if (stream_init(&r->upstream, among->loop, upstream_fd, &upstream_events, MAX_OUT, err)) {
		(void)close(upstream_fd);
		relay_free(r);
		return err->code;
	}
	if (u->tls && stream_connect_tls(&r->upstream, u->tls, u->url->host, &u->pins, err)) {
		relay_free(r);
		return err->code;
	}
	r->http2 = !u->tls && u->http2 == CONFIG_HTTP2_YES;
	if (wait) {
		r->wait = wait;
		wait->relay = r;
		r->kick.on_turn_end = on_kick;
		loop_defer(among->loop, &r->kick); /* the first read sends the hello */
	}
	balance(r);
	return ERR_OK;
}
