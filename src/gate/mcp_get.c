/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET at /mcp in the legacy era: the session's own stream, or the rest of a stream that was lost. The
 * answer of a call whose client hung up is kept (gate/replay.h); who comes back for it gets what is
 * there, and what is still to come, on the new stream.
 */
#include "gate/ask.h"
#include "gate/exchange.h"

enum { RESUME_MAX = 2 << 20 };

static bool begin_stream(struct exchange *x)
{
	static const struct http_field fields[] = {
		{STR_INIT("Content-Type"), STR_INIT("text/event-stream")},
		{STR_INIT("Cache-Control"), STR_INIT("no-cache, no-transform")},
		{STR_INIT("X-Accel-Buffering"), STR_INIT("no")},
	};

	if (!http_respond_begin(x->req, 200, fields, ARRAY_LEN(fields), -1)) {
		http_req_drop(x->req);
		return false;
	}
	x->streaming = true;
	/* A stream may last for days: it must not keep servers that a reload has removed. */
	gate_endpoint_release(x->gate, x->endpoint);
	x->endpoint = NULL;
	return true;
}

/* What was missed, or the id from which on the stream can be taken up. */
static void write_missed(struct exchange *x, struct replay_stream *stream, bool begins)
{
	struct session *s = x->session;
	struct buf out = gate_buf_take(x->gate, RESUME_MAX);

	buf_append(&out, STR(": writ\n\n"));
	if (begins && s->mcp.version >= MCP_2025_11_25) {
		replay_event(&s->replay, stream, STR(""), &out);
	}
	replay_append(&s->replay, stream, &out);
	(void)http_respond_write(x->req, buf_str(&out));
	gate_buf_give(x->gate, &out);
}

/* The request whose answer this stream is, while it lasts. */
static bool is_under_way(const struct session *s, uint32_t stream)
{
	LIST_FOREACH (node, (struct list *)(uintptr_t)&s->mcp.in_flight) {
		struct mcp_in_flight *r = CONTAINER_OF(node, struct mcp_in_flight, node);

		if (CONTAINER_OF(r, struct exchange, in_flight)->stream.number == stream) {
			return true;
		}
	}
	return false;
}

static void own_stream(struct exchange *x, const struct replay_stream *last)
{
	struct session *s = x->session;
	struct http_req *older = s->stream;
	bool resumed = last->number && last->number == s->own.number;
	struct replay_stream from = *last;

	if (older) {
		/* The client came back before we saw that its old stream is dead. */
		mcp_stream_leave(older);
		http_respond_end(older);
	}
	if (!begin_stream(x)) {
		return;
	}
	s->stream = x->req;
	if (resumed) {
		write_missed(x, &from, false);
	} else {
		replay_begin(&x->gate->replays, &s->replay, &s->own);
		write_missed(x, &s->own, true);
	}
}

/* The rest of another request's answer. */
static void lost_stream(struct exchange *x, struct replay_stream *last)
{
	struct session *s = x->session;

	if (s->outlet) {
		struct http_req *older = s->outlet;

		mcp_stream_leave(older);
		http_respond_end(older);
	}
	if (!begin_stream(x)) {
		return;
	}
	write_missed(x, last, false);
	if (is_under_way(s, last->number)) {
		s->outlet = x->req;
		s->outlet_stream = last->number;
	} else {
		http_respond_end(x->req);
	}
}

static void on_body(struct exchange *x)
{
	struct replay_stream last;

	x->version = MCP_LEGACY_NEWEST;
	if (!http_accepts(h1_get(&x->req->head, HTTP_F_ACCEPT), STR("text"), STR("event-stream"))) {
		exchange_text(
			x, 406,
			STR("A GET here is for a stream: Accept must name text/event-stream.\n"));
		return;
	}
	if (!mcp_find_session(x)) {
		return;
	}
	if (replay_parse(h1_get(&x->req->head, HTTP_F_LAST_EVENT_ID), &last) &&
	    last.number != x->session->own.number && last.number <= x->session->replay.streams) {
		lost_stream(x, &last);
	} else {
		own_stream(x, &last);
	}
}

void mcp_stream_leave(struct http_req *stream)
{
	struct exchange *x = stream->user;
	struct session *s = x->session;

	if (s->stream == stream) {
		s->stream = NULL;
	}
	if (s->outlet == stream) {
		s->outlet = NULL;
	}
	exchange_leave_session(x);
}

static void on_gone(struct exchange *x)
{
	http_req_drop(x->req);
}

static void on_end(struct exchange *x)
{
	struct session *s = x->session;

	if (s && (s->stream == x->req || s->outlet == x->req)) {
		mcp_stream_leave(x->req);
		ask_client_gone(s);
	}
}

const struct exchange_ops mcp_get_ops = {
	.on_body = on_body,
	.on_gone = on_gone,
	.on_end = on_end,
};
