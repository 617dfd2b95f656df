/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/exit_relay.h"

#include "base/log.h"
#include "crypto/tls.h"
#include "egress/redact.h"
#include "http/h1_body.h"
#include "ipc/relay.h"
#include "net/stream.h"
#include "proc/exit_put.h"

#include <stdlib.h>
#include <unistd.h>

enum {
	PIECE = 32 * 1024,
	HIGH_WATER = 256 * 1024,
	MAX_OUT = 2 * 1024 * 1024,
	RAW_MAX = 1024 * 1024,
	MEMORY = 8 << 20,
};

/* What is expected of the host next. */
enum awaited { AWAIT_NOTHING = 0, AWAIT_HEAD, AWAIT_BODY };

struct exit_relay {
	struct stream gate, upstream;
	struct exit_map *map;
	struct egress_host host;
	bool tls, http2;              /* http2: bytes are passed as they are */
	struct exit_relay_wait *wait; /* until the protocol is agreed on, else NULL */
	struct loop_hook kick;        /* begins the handshake */
	struct relay_reader reader;
	struct arena arena;
	/* There. */
	struct buf head;     /* of the request that is being read */
	struct h1_body body; /* of the request whose head has passed */
	/* Back; only where a secret may come back. */
	bool watched, head_only, upstream_ended;
	bool asks_switch; /* another protocol was asked for: whether it was granted must be read */
	enum awaited awaited;
	struct redact redact;
	struct buf raw;
	size_t raw_at; /* bytes of `raw` that are read */
	struct h1_head answer;
	struct h1_body answer_body;
	struct http_field fields[H1_MAX_FIELDS];
};

static void wipe(struct buf *b)
{
	if (b->p) {
		secret_wipe(b->p, b->cap);
	}
	buf_done(b);
}

/* Tells who waits for it what was agreed on, or that nothing was. */
static void tell_agreed(struct exit_relay *r, bool ok)
{
	struct exit_relay_wait *w = r->wait;

	r->wait = NULL;
	if (w) {
		w->relay = NULL;
		w->on_agreed(w, ok, r->http2);
	}
}

static void relay_free(struct exit_relay *r)
{
	const struct tls *t = stream_tls_session(&r->upstream);
	const char *why = t ? tls_why_failed(t) : NULL;

	tell_agreed(r, false);
	if (why) {
		log_line(LOG_INFO, STR_FMT ": %s", STR_ARG(egress_host_name(&r->host)), why);
	}
	loop_defer_cancel(&r->kick);
	stream_close(&r->gate);
	stream_close(&r->upstream);
	wipe(&r->head);
	wipe(&r->raw);
	arena_wipe(&r->arena);
	arena_done(&r->arena);
	exit_map_unref(r->map);
	free(r);
}

/* One reads only while the other takes what it is given. */
static void balance(struct exit_relay *r)
{
	stream_want_read(&r->gate, stream_pending(&r->upstream) < HIGH_WATER);
	stream_want_read(&r->upstream, !r->upstream_ended && stream_pending(&r->gate) < HIGH_WATER);
}

/* ---- there ---- */

/* A head stands where a head may stand, is one, and is for this host. */
static bool read_head(struct exit_relay *r, struct str whole, struct h1_head *h,
		      struct http_field *fields)
{
	struct egress_host asked;
	struct err err;

	h1_head_init(h, false, fields, H1_MAX_FIELDS);
	return h1_body_done(&r->body) && h1_parse(h, whole, &err) == H1_DONE &&
	       h->size == whole.n && h->form == HTTP_FORM_ORIGIN && h->method != HTTP_TRACE &&
	       egress_host_parse(h->authority, r->tls ? 443 : 80, &asked, &err) == ERR_OK &&
	       asked.port == r->host.port &&
	       str_eq(egress_host_name(&asked), egress_host_name(&r->host));
}

static bool send_head(struct exit_relay *r)
{
	struct http_field fields[H1_MAX_FIELDS];
	struct h1_head h;
	struct buf out, encoded;
	struct err err;
	bool sent;

	buf_append(&r->head, STR("\r\n"));
	if (r->head.failed || !read_head(r, buf_str(&r->head), &h, fields)) {
		return false;
	}
	buf_init(&out, RELAY_HEAD_MAX + H1_MAX_FIELDS * REDACT_SECRET_MAX);
	buf_init(&encoded, REDACT_SECRET_MAX);
	sent = exit_put_head(&out, &h, r->map, &r->host, r->tls, &encoded, &err) == ERR_OK &&
	       (buf_len(&encoded) == 0 ||
		redact_add(&r->redact, &r->arena, arena_dup(&r->arena, buf_str(&encoded)), &err) ==
			ERR_OK) &&
	       stream_write(&r->upstream, buf_str(&out), &err) == ERR_OK;
	wipe(&out);
	wipe(&encoded);
	h1_body_init(&r->body, h.framing, h.body_len);
	r->head_only = h.method == HTTP_HEAD;
	r->asks_switch = h1_get(&h, HTTP_F_UPGRADE).p != NULL;
	r->awaited = AWAIT_HEAD;
	buf_clear(&r->head);
	return sent;
}

/* Exactly as much body as the head announced. */
static bool send_body(struct exit_relay *r, struct str piece)
{
	struct str left = piece, data;
	struct err err;

	while (left.n && !r->http2) {
		size_t used = 0;

		if (h1_body_done(&r->body) ||
		    h1_body_read(&r->body, left, &used, &data, &err) == H1_BODY_BAD) {
			return false;
		}
		left = str_from(left, used);
	}
	return stream_write(&r->upstream, piece, &err) == ERR_OK;
}

static bool to_upstream(struct exit_relay *r, struct str in)
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
		if (kind == RELAY_HEAD && !r->http2) {
			buf_append(&r->head, piece);
			if (end && !send_head(r)) {
				return false;
			}
		} else if (kind == RELAY_PERMIT || !send_body(r, piece)) {
			return false;
		}
	}
	return true;
}

/* ---- back ---- */

static bool give_on(struct exit_relay *r)
{
	size_t n = redact_free(&r->redact, &r->raw);
	struct err err;
	bool ok;

	n = n < r->raw_at ? n : r->raw_at;
	ok = n == 0 || stream_write(&r->gate, str_make(buf_str(&r->raw).p, n), &err) == ERR_OK;
	redact_take(&r->redact, &r->raw, n);
	r->raw_at -= n;
	return ok;
}

/* Redacted as a whole; what is encoded cannot be looked into. */
static bool take_answer_head(struct exit_relay *r)
{
	struct str encoding = h1_get(&r->answer, HTTP_F_CONTENT_ENCODING);

	if (r->watched && encoding.p && !str_ieq(encoding, STR("identity"))) {
		return false;
	}
	redact_text(&r->redact, &r->raw, 0, r->answer.size);
	redact_end(&r->redact);
	r->raw_at = r->answer.size;
	if (r->answer.status == 101) {
		/* What follows is no HTTP, either way; a secret in it is covered all the same. */
		h1_body_init(&r->body, HTTP_UNTIL_CLOSE, 0);
		h1_body_init(&r->answer_body, HTTP_UNTIL_CLOSE, 0);
		r->awaited = AWAIT_BODY;
	} else if (r->answer.status >= 200) {
		h1_body_init(&r->answer_body, r->answer.framing, r->answer.body_len);
		r->awaited = AWAIT_BODY;
	}
	return give_on(r);
}

static void expect_answer_head(struct exit_relay *r)
{
	h1_head_init(&r->answer, true, r->fields, H1_MAX_FIELDS);
	r->answer.answers_head = r->head_only;
	r->answer.may_switch = r->asks_switch;
}

static bool read_answer_head(struct exit_relay *r, bool *ret_more)
{
	struct err err;

	expect_answer_head(r);
	switch (h1_parse(&r->answer, buf_str(&r->raw), &err)) {
	case H1_BAD:
		return false;
	case H1_PARTIAL:
		*ret_more = false;
		return true;
	case H1_DONE:
		break;
	}
	*ret_more = true;
	return take_answer_head(r);
}

static bool read_answer_body(struct exit_relay *r, bool *ret_more)
{
	struct str in = str_from(buf_str(&r->raw), r->raw_at), data;
	size_t used = 0, at;
	struct err err;

	*ret_more = true;
	switch (h1_body_read(&r->answer_body, in, &used, &data, &err)) {
	case H1_BODY_BAD:
		return false;
	case H1_BODY_DATA:
		at = (size_t)(data.p - buf_str(&r->raw).p);
		r->raw_at += used;
		redact_text(&r->redact, &r->raw, at, data.n);
		return true;
	case H1_BODY_MORE:
		r->raw_at += used;
		*ret_more = false;
		return give_on(r);
	case H1_BODY_END:
		break;
	}
	r->raw_at += used;
	redact_end(&r->redact);
	r->awaited = AWAIT_NOTHING;
	return give_on(r);
}

/* False: not what a host may say, or not to be given on. */
static bool from_upstream(struct exit_relay *r, struct str bytes)
{
	bool more = true;
	struct err err;

	if (!r->watched && !r->asks_switch) {
		return stream_write(&r->gate, bytes, &err) == ERR_OK;
	}
	buf_append(&r->raw, bytes);
	if (r->raw.failed) {
		return false;
	}
	while (more) {
		switch (r->awaited) {
		case AWAIT_NOTHING:
			return buf_len(&r->raw) == 0; /* nobody asked for more */
		case AWAIT_HEAD:
			if (!read_answer_head(r, &more)) {
				return false;
			}
			break;
		case AWAIT_BODY:
			if (!read_answer_body(r, &more)) {
				return false;
			}
			break;
		}
	}
	return true;
}

static bool end_answer(struct exit_relay *r)
{
	if (!r->watched && !r->asks_switch) {
		return true;
	}
	if (r->awaited == AWAIT_BODY && h1_body_eof(&r->answer_body)) {
		redact_end(&r->redact);
		return give_on(r);
	}
	return r->awaited == AWAIT_NOTHING;
}

/* ---- events ---- */

static void on_gate_readable(struct stream *s)
{
	struct exit_relay *r = CONTAINER_OF(s, struct exit_relay, gate);
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
		relay_free(r); /* the gate cancels by closing */
		return;
	}
	balance(r);
}

static void look_at_handshake(struct exit_relay *r)
{
	if (r->wait && tls_established(stream_tls_session(&r->upstream))) {
		r->http2 = str_eq(stream_agreed_protocol(&r->upstream), STR("h2"));
		tell_agreed(r, true);
	}
}

static void on_upstream_readable(struct stream *s)
{
	struct exit_relay *r = CONTAINER_OF(s, struct exit_relay, upstream);
	char bytes[PIECE];
	struct err err;
	size_t n;

	switch (stream_read(s, bytes, sizeof(bytes), &n, &err)) {
	case STREAM_AGAIN:
		look_at_handshake(r);
		return;
	case STREAM_DATA:
		look_at_handshake(r);
		if (!from_upstream(r, str_make(bytes, n))) {
			relay_free(r);
			return;
		}
		break;
	case STREAM_EOF:
		if (!end_answer(r)) {
			relay_free(r);
			return;
		}
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

static void on_gate_sent(struct stream *s)
{
	struct exit_relay *r = CONTAINER_OF(s, struct exit_relay, gate);

	if (r->upstream_ended && stream_pending(s) == 0) {
		relay_free(r);
		return;
	}
	balance(r);
}

static void on_upstream_sent(struct stream *s)
{
	balance(CONTAINER_OF(s, struct exit_relay, upstream));
}

static void on_gate_hangup(struct stream *s, bool gone)
{
	if (gone) {
		relay_free(CONTAINER_OF(s, struct exit_relay, gate));
	}
}

static void on_upstream_hangup(struct stream *s, bool gone)
{
	if (gone) {
		relay_free(CONTAINER_OF(s, struct exit_relay, upstream));
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

static enum err_code watch_for_secrets(struct exit_relay *r, struct err *err)
{
	struct str secrets[REDACT_MAX_SECRETS];
	size_t n = 0;

	r->watched = exit_map_has_secret(r->map, &r->host, r->tls);
	for (size_t i = 0; i < r->map->n_credentials && n < REDACT_MAX_SECRETS; i++) {
		const struct exit_credential *c = &r->map->credentials[i];

		if (config_credential_is_for(c->config, &r->host, r->tls)) {
			secrets[n++] = secret_str(&c->value);
		}
	}
	return redact_init(&r->redact, &r->arena, secrets, n, err);
}

static enum err_code open_streams(struct exit_relay *r, struct loop *loop, int gate_fd,
				  int upstream_fd, struct err *err)
{
	if (stream_init(&r->gate, loop, gate_fd, &gate_events, MAX_OUT, err)) {
		(void)close(gate_fd);
		(void)close(upstream_fd);
		return ERR_SYS;
	}
	if (stream_init(&r->upstream, loop, upstream_fd, &upstream_events, MAX_OUT, err)) {
		(void)close(upstream_fd);
		return ERR_SYS;
	}
	TRY(watch_for_secrets(r, err));
	if (!r->tls) {
		return ERR_OK;
	}
	if (!r->map->tls) {
		return ERR(err, ERR_INVALID, "no host is to be looked into");
	}
	return stream_connect_tls(&r->upstream, r->wait ? r->map->tls_h2 : r->map->tls,
				  egress_host_name(&r->host), NULL, err);
}

bool exit_relay_may_offer_http2(const struct exit_map *m, const struct egress_host *host)
{
	return m->tls_h2 && !exit_map_has_secret(m, host, true);
}

static void on_kick(struct loop_hook *h)
{
	on_upstream_readable(&CONTAINER_OF(h, struct exit_relay, kick)->upstream);
}

void exit_relay_wait_end(struct exit_relay_wait *w)
{
	struct exit_relay *r = w->relay;

	if (r) {
		r->wait = NULL;
		w->relay = NULL;
		relay_free(r);
	}
}

enum err_code exit_relay_start(struct loop *loop, struct exit_map *map,
			       const struct egress_host *host, bool tls,
			       struct exit_relay_wait *wait, int gate_fd, int upstream_fd,
			       struct err *err)
{
	struct exit_relay *r = calloc(1, sizeof(*r));
	enum err_code code;

	if (!r) {
		(void)close(gate_fd);
		(void)close(upstream_fd);
		return ERR(err, ERR_NOMEM, "no memory for a connection");
	}
	r->gate.f.fd = r->upstream.f.fd = -1;
	r->map = exit_map_ref(map);
	r->host = *host;
	r->tls = tls;
	arena_init(&r->arena, MEMORY);
	buf_init(&r->head, RELAY_HEAD_MAX + 2);
	buf_init(&r->raw, RAW_MAX);
	h1_body_init(&r->body, HTTP_NO_BODY, 0);
	r->wait = wait;
	code = open_streams(r, loop, gate_fd, upstream_fd, err);
	if (code) {
		r->wait = NULL;
		relay_free(r);
		return code;
	}
	if (wait) {
		wait->relay = r;
		r->kick.on_turn_end = on_kick;
		loop_defer(loop, &r->kick); /* the first read sends the hello */
	}
	balance(r);
	return ERR_OK;
}
