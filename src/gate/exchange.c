/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/exchange.h"

#include "http/sse.h"

enum { GATHER_SECONDS = 20 };

static const struct http_field json_fields[] = {
	{STR_INIT("Content-Type"), STR_INIT("application/json")},
	{STR_INIT("Cache-Control"), STR_INIT("no-store")},
};

static const struct http_field event_fields[] = {
	{STR_INIT("Content-Type"), STR_INIT("text/event-stream")},
	{STR_INIT("Cache-Control"), STR_INIT("no-cache, no-transform")},
	{STR_INIT("X-Accel-Buffering"), STR_INIT("no")},
};

void exchange_over(struct exchange *x)
{
	if (x->gone) {
		http_req_drop(x->req);
	} else if (x->streaming) {
		http_respond_end(x->req);
	} else {
		http_respond(x->req, 202, NULL, 0, STR(""));
	}
}

struct session *exchange_session(const struct exchange *x)
{
	return x->listener->run ? x->listener->run->session
				: session_named(&x->gate->sessions, x->agent, x->gate->loop.now);
}

void exchange_leave_session(struct exchange *x)
{
	if (x->named) {
		x->named->users--;
	}
	x->session = x->named = NULL;
}

void exchange_set_session(struct exchange *x, struct session *s)
{
	exchange_leave_session(x);
	x->session = s;
	if (s && s->named) {
		s->users++;
		x->named = s;
	}
	if (s && s->caller != x->caller) {
		caller_unref(s->caller);
		s->caller = x->caller ? caller_ref(x->caller) : NULL;
	}
}

const struct policy_value *exchange_claims(const struct exchange *x)
{
	return x->caller ? &x->caller->claims : NULL;
}

void exchange_challenge(struct exchange *x, int status, struct str challenge)
{
	const struct http_field fields[] = {
		json_fields[0],
		json_fields[1],
		{STR("WWW-Authenticate"), challenge},
	};

	if (x->gone) {
		http_req_drop(x->req);
		return;
	}
	http_respond(x->req, x->answer.failed ? 500 : status, fields, ARRAY_LEN(fields),
		     x->answer.failed ? STR("") : buf_str(&x->answer));
}

void exchange_json(struct exchange *x, int status, struct str body)
{
	if (x->gone) {
		http_req_drop(x->req);
		return;
	}
	http_respond(x->req, status, json_fields, ARRAY_LEN(json_fields), body);
}

void exchange_empty(struct exchange *x, int status)
{
	if (x->gone) {
		http_req_drop(x->req);
		return;
	}
	http_respond(x->req, status, NULL, 0, STR(""));
}

void exchange_text(struct exchange *x, int status, struct str text)
{
	static const struct http_field fields[] = {
		{STR_INIT("Content-Type"), STR_INIT("text/plain; charset=utf-8")},
	};

	if (x->gone) {
		http_req_drop(x->req);
		return;
	}
	http_respond(x->req, status, fields, ARRAY_LEN(fields), text);
}

/*
 * An older client, which has a session, can come back for what it misses of a stream. A batch shares
 * one stream, which has no order to take up.
 */
static bool can_come_back(const struct exchange *x)
{
	return x->session && !x->batch && !x->session->named && x->version < MCP_MODERN &&
	       x->version >= MCP_2025_03_26;
}

/* Where the client reads: here, or on a stream with which it came back. */
static struct http_req *outlet_of(const struct exchange *x)
{
	const struct session *s = x->session;

	if (x->stream.number && s && s->outlet && s->outlet_stream == x->stream.number) {
		return s->outlet;
	}
	return x->gone ? NULL : x->req;
}

static bool exchange_write(struct exchange *x, struct str bytes)
{
	struct http_req *to = outlet_of(x);

	return to && http_respond_write(to, bytes);
}

/* The answer was the last of this stream. */
static void end_outlet(struct exchange *x)
{
	struct http_req *to = outlet_of(x);

	if (to && to != x->req) {
		mcp_stream_leave(to);
		http_respond_end(to);
	}
}

static bool begin_events(struct exchange *x, struct buf *out)
{
	if (!http_accepts(h1_get(&x->req->head, HTTP_F_ACCEPT), STR("text"), STR("event-stream")) ||
	    !http_respond_begin(x->req, 200, event_fields, ARRAY_LEN(event_fields), -1)) {
		return false;
	}
	x->streaming = true;
	if (can_come_back(x)) {
		replay_begin(&x->gate->replays, &x->session->replay, &x->stream);
		/* MCP 2025-11-25 basic/transports: before that revision clients take an event
		 * without a message for a broken one. */
		if (x->version >= MCP_2025_11_25) {
			replay_event(&x->session->replay, &x->stream, STR(""), out);
		}
	}
	return true;
}

static bool send_event(struct exchange *x, struct str message)
{
	struct sse_event e = {.data = message, .has_data = true};
	struct buf out = gate_buf_take(x->gate, 34 << 20);
	bool sent = false;
	struct err err;

	if (x->streaming || (!x->gone && begin_events(x, &out))) {
		if (x->stream.number) {
			replay_event(&x->session->replay, &x->stream, message, &out);
		} else if (sse_write(&out, &e, &err)) {
			out.failed = true;
		}
		sent = !out.failed && exchange_write(x, buf_str(&out));
	}
	gate_buf_give(x->gate, &out);
	return sent;
}

bool exchange_event(struct exchange *x, struct str message)
{
	/* A client that does not read loses what comes on the way, never its answer. */
	if (x->gone) {
		return x->stream.number && send_event(x, message);
	}
	return http_respond_pending(x->req) <= HTTP_HIGH_WATER && send_event(x, message);
}

void exchange_reply(struct exchange *x, int status)
{
	if (x->gone) {
		if (x->stream.number && !x->answer.failed) {
			(void)send_event(x, buf_str(&x->answer));
			end_outlet(x);
		}
		http_req_drop(x->req);
		return;
	}
	if (x->answer.failed) {
		exchange_empty(x, 500);
		return;
	}
	if (!x->streaming) {
		exchange_json(x, status, buf_str(&x->answer));
		return;
	}
	if (!send_event(x, buf_str(&x->answer))) {
		end_outlet(x);
		http_req_drop(x->req);
		return;
	}
	end_outlet(x);
	http_respond_end(x->req);
}

/* ---- gathering links ---- */

static void gather_end(struct gather *g)
{
	gather_stop(g);
	g->on_gathered(g);
}

static void on_link(struct link_wait *w, bool ready)
{
	struct gather *g = CONTAINER_OF(w, struct gather_wait, wait)->gather;

	(void)ready;
	if (--g->pending == 0) {
		gather_end(g);
	}
}

static void on_gather_deadline(struct timer *t)
{
	gather_end(CONTAINER_OF(t, struct gather, deadline));
}

bool gather_start(struct gather *g, struct arena *a, struct loop *loop, struct link **links,
		  size_t n, void (*on_gathered)(struct gather *g))
{
	*g = (struct gather){.n = n, .pending = n, .on_gathered = on_gathered};
	g->deadline.on_timeout = on_gather_deadline;
	g->waits = ARENA_ARRAY(a, n + 1, struct gather_wait);
	if (!g->waits) {
		return false;
	}
	loop_timer_set(loop, &g->deadline, n ? GATHER_SECONDS * CLOCK_SEC : 0);
	for (size_t i = 0; i < n; i++) {
		g->waits[i].gather = g;
		g->waits[i].wait.on_link = on_link;
		g->waits[i].wait.fresh = true;
		link_want(links[i], &g->waits[i].wait);
	}
	return true;
}

void gather_stop(struct gather *g)
{
	timer_stop(&g->deadline);
	for (size_t i = 0; i < g->n; i++) {
		link_wait_forget(&g->waits[i].wait);
	}
	g->n = 0;
}
