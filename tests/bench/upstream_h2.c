/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/upstream_h2.h"

#include "tests/bench/wire.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_BODY = 1 << 20, LINE_MAX = 200 };

static const char PREFACE[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct upstream_h2 {
	nghttp2_session *session;
	upstream_h2_answer *answer;
	void *user;
	struct buf text; /* the answer being made */
};

struct stream {
	char method[16], path[LINE_MAX];
	struct buf body, out;
};

static struct str before(struct str s, size_t most)
{
	return str_make(s.p, s.n < most ? s.n : most);
}

bool upstream_h2_begins(struct str bytes)
{
	struct str preface = STR(PREFACE);

	return bytes.n && str_eq(before(bytes, preface.n), before(preface, bytes.n));
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct stream *st = calloc(1, sizeof(*st));

	(void)user;
	if (!st) {
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	}
	buf_init(&st->body, MAX_BODY);
	buf_init(&st->out, MAX_BODY);
	return nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, st);
}

static void keep(char *to, size_t room, const uint8_t *value, size_t n)
{
	n = n < room - 1 ? n : room - 1;
	memcpy(to, value, n);
	to[n] = '\0';
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags, void *user)
{
	struct stream *st = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	struct str what = str_make((const char *)name, name_n);

	(void)flags;
	(void)user;
	if (st && str_eq(what, STR(":method"))) {
		keep(st->method, sizeof(st->method), value, value_n);
	} else if (st && str_eq(what, STR(":path"))) {
		keep(st->path, sizeof(st->path), value, value_n);
	}
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
		   size_t n, void *user)
{
	struct stream *st = nghttp2_session_get_stream_user_data(session, id);

	(void)flags;
	(void)user;
	if (st) {
		buf_append(&st->body, str_make((const char *)data, n));
	}
	return 0;
}

static ssize_t give(nghttp2_session *session, int32_t id, uint8_t *to, size_t room, uint32_t *flags,
		    nghttp2_data_source *source, void *user)
{
	struct stream *st = source->ptr;
	size_t n = buf_len(&st->out) < room ? buf_len(&st->out) : room;

	(void)session;
	(void)id;
	(void)user;
	memcpy(to, buf_str(&st->out).p, n);
	buf_consume(&st->out, n);
	if (buf_len(&st->out) == 0) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	}
	return (ssize_t)n;
}

static nghttp2_nv field(const char *name, struct str value)
{
	return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value.p, strlen(name),
			    value.n, NGHTTP2_NV_FLAG_NONE};
}

/* The same answer as over HTTP/1.1, in HTTP/2's words. */
static int respond(struct upstream_h2 *h, int32_t id, struct stream *st)
{
	struct str all = buf_str(&h->text), head = str_make(all.p, wire_head(all));
	struct str type = wire_header(head, STR("content-type"));
	struct str session = wire_header(head, STR("mcp-session-id"));
	nghttp2_data_provider body = {.source.ptr = st, .read_callback = give};
	nghttp2_nv nv[3];
	size_t n = 0;

	nv[n++] = field(":status", str_make(head.p + 9, 3));
	if (type.p) {
		nv[n++] = field("content-type", type);
	}
	if (session.p) {
		nv[n++] = field("mcp-session-id", session);
	}
	buf_append(&st->out, str_make(all.p + head.n, all.n - head.n));
	return nghttp2_submit_response(h->session, id, nv, n, buf_len(&st->out) ? &body : NULL);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct upstream_h2 *h = user;
	struct stream *st;
	char line[LINE_MAX + 32];
	int n;

	if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) ||
	    !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
		return 0;
	}
	st = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (!st) {
		return 0;
	}
	n = snprintf(line, sizeof(line), "%s %s ", st->method, st->path);
	buf_clear(&h->text);
	h->answer(h->user, str_make(line, (size_t)n), buf_str(&st->body), &h->text);
	return respond(h, frame->hd.stream_id, st);
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
	struct stream *st = nghttp2_session_get_stream_user_data(session, id);

	(void)code;
	(void)user;
	if (st) {
		buf_done(&st->body);
		buf_done(&st->out);
		free(st);
	}
	return 0;
}

struct upstream_h2 *upstream_h2_new(upstream_h2_answer *answer, void *user)
{
	static const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 256},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20},
	};
	struct upstream_h2 *h = calloc(1, sizeof(*h));
	nghttp2_session_callbacks *on;

	if (!h || nghttp2_session_callbacks_new(&on) != 0) {
		free(h);
		return NULL;
	}
	h->answer = answer;
	h->user = user;
	buf_init(&h->text, MAX_BODY);
	nghttp2_session_callbacks_set_on_begin_headers_callback(on, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(on, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(on, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(on, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(on, on_close);
	(void)nghttp2_session_server_new(&h->session, on, h);
	nghttp2_session_callbacks_del(on);
	(void)nghttp2_submit_settings(h->session, 0, settings, 2);
	return h;
}

void upstream_h2_free(struct upstream_h2 *h)
{
	if (h) {
		nghttp2_session_del(h->session);
		buf_done(&h->text);
		free(h);
	}
}

bool upstream_h2_take(struct upstream_h2 *h, struct str bytes, struct buf *out)
{
	const uint8_t *frame;
	ssize_t n = nghttp2_session_mem_recv(h->session, (const uint8_t *)bytes.p, bytes.n);

	if (n < 0) {
		return false;
	}
	while ((n = nghttp2_session_mem_send(h->session, &frame)) > 0) {
		buf_append(out, str_make((const char *)frame, (size_t)n));
	}
	return n == 0;
}
