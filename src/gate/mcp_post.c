/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streamable HTTP, the client's side: what a POST and a DELETE at /mcp mean (GET: gate/mcp_get.c), and which session and era a message belongs to.
 */
#include "gate/ask.h"
#include "gate/exchange.h"
#include "gate/listening.h"

static void answer_begin(struct exchange *x)
{
	if (!x->answer.max) {
		x->answer = gate_buf_take(x->gate, 34 << 20);
	}
	buf_clear(&x->answer);
}

void mcp_fail(struct exchange *x, enum mcp_error e)
{
	const struct mcp_error_info *info = mcp_error_info(e);

	answer_begin(x);
	mcp_error_append(&x->answer,
			 x->msg.answerable || x->msg.kind == MCP_REQUEST ? x->msg.id
									 : str_make(NULL, 0),
			 e, x->version);
	exchange_reply(x, info->http_status[mcp_era(x->version)]);
}

/* ---- messages of the legacy era ---- */

static void set_level(struct exchange *x)
{
	struct gate *g = x->gate;
	enum mcp_log_level level;

	if (!mcp_msg_log_level(&x->req->arena, &x->msg, &level)) {
		mcp_fail(x, MCP_ERROR_PARAMS);
		return;
	}
	x->session->mcp.log_level = (uint8_t)level;
	x->session->mcp.log_level_set = true;
	if (!g->log.set || level > g->log.level) {
		/* Servers are asked for the most that any session wants; each gets its own share.
		 */
		g->log.set = true;
		g->log.level = level;
		for (size_t i = 0; i < x->endpoint->n; i++) {
			link_set_level(x->endpoint->links[i], level);
		}
	}
	answer_begin(x);
	mcp_empty_answer(&x->answer, x->msg.id, x->version);
	exchange_reply(x, 200);
}

/* Its server has been answered, its client is being asked: there is no call to cancel. */
static void cancel_asking(struct exchange *other)
{
	mcp_call_stop(other);
	exchange_over(other);
}

static void cancel(struct exchange *x)
{
	struct mcp_in_flight *r =
		x->msg.request_id.p ? mcp_session_find(&x->session->mcp, x->msg.request_id) : NULL;
	struct exchange *other = r ? CONTAINER_OF(r, struct exchange, in_flight) : NULL;

	if (other && other->hold && other->hold->held) {
		other->cancelled = true;
		mcp_object_leave(other);
		exchange_over(other);
	} else if (other && !other->cancelled && other->action.step == STEP_FORWARD &&
		   (other->call.hop || other->inquiry)) {
		other->cancelled = true;
		mcp_call_stop(other);
		action_answered(&other->action, LEDGER_CANCELLED, 0, str_make(NULL, 0));
	} else if (other && other->inquiry && !other->action.active) {
		cancel_asking(other);
	}
}

static void take_notification(struct exchange *x)
{
	struct err err;

	if (mcp_session_receive(&x->session->mcp, x->msg.method, &err) == ERR_OK) {
		if (x->msg.method == MCP_CANCELLED) {
			cancel(x);
		} else if (x->msg.method == MCP_PROGRESS) {
			ask_progress(x->gate, x->session, &x->msg);
		}
	}
	exchange_empty(x, 202);
}

static void dispatch(struct exchange *x)
{
	const struct mcp_method_info *info = mcp_method_info(x->msg.method);
	enum mcp_list_kind kind;

	if (info->action == MCP_ACTION_TASK && mcp_task_is_undeclared(x)) {
		return;
	}
	if (x->msg.method == MCP_PING) {
		answer_begin(x);
		mcp_empty_answer(&x->answer, x->msg.id, x->version);
		exchange_reply(x, 200);
	} else if (x->msg.method == MCP_SET_LEVEL) {
		set_level(x);
	} else if (x->msg.method == MCP_LISTEN) {
		listening_start(x);
	} else if (mcp_list_kind_of(x->msg.method, &kind)) {
		mcp_lists_start(x, kind);
	} else if (info->action == MCP_ACTION_CALL_TOOL ||
		   info->action == MCP_ACTION_READ_RESOURCE ||
		   info->action == MCP_ACTION_GET_PROMPT || info->action == MCP_ACTION_COMPLETE ||
		   x->msg.method == MCP_RESOURCES_SUBSCRIBE ||
		   x->msg.method == MCP_RESOURCES_UNSUBSCRIBE ||
		   (info->action == MCP_ACTION_TASK && info->object == MCP_OBJECT_TASK)) {
		mcp_object_start(x);
	} else {
		mcp_fail(x, MCP_ERROR_METHOD);
	}
}

/* The session a message names, if it may use it. */
bool mcp_find_session(struct exchange *x)
{
	struct str id = h1_get(&x->req->head, HTTP_F_MCP_SESSION_ID);
	struct session *s;

	if (!id.p) {
		mcp_fail(x, MCP_ERROR_SESSION_MISSING);
		return false;
	}
	s = session_find(&x->gate->sessions, id);
	/* Somebody else's session is answered as one that does not exist. */
	if (!s || !str_eq(s->agent, x->agent) || !str_eq(s->endpoint, x->endpoint->id)) {
		mcp_fail(x, MCP_ERROR_SESSION_UNKNOWN);
		return false;
	}
	session_touch(&x->gate->sessions, s, x->gate->loop.now);
	exchange_set_session(x, s);
	x->version = (enum mcp_version)s->mcp.version;
	return true;
}

/* MCP 2025-11-25 basic/transports: an invalid or unsupported version header is 400. */
static bool version_header_ok(const struct exchange *x)
{
	struct str shown = h1_get(&x->req->head, HTTP_F_MCP_PROTOCOL_VERSION);
	enum mcp_version v = mcp_version_find(shown);

	return !shown.p || v == x->version || mcp_version_is_legacy(v);
}

static void legacy(struct exchange *x)
{
	enum err_code code;

	x->version = MCP_LEGACY_NEWEST;
	if (x->msg.kind == MCP_REQUEST && x->msg.method == MCP_INITIALIZE) {
		/* MCP 2025-03-26 basic/lifecycle: it must not be part of a batch. */
		if (x->batch) {
			mcp_fail(x, MCP_ERROR_REQUEST);
		} else {
			mcp_open_start(x);
		}
		return;
	}
	if (!mcp_find_session(x)) {
		return;
	}
	if (!version_header_ok(x)) {
		mcp_fail(x, MCP_ERROR_UNSUPPORTED_VERSION);
		return;
	}
	if (x->msg.kind == MCP_NOTIFICATION) {
		take_notification(x);
		return;
	}
	if (x->msg.kind != MCP_REQUEST) {
		/* An answer. One that nothing waits for is taken all the same: it may be late. */
		(void)ask_answer(x->gate, x->session, &x->msg);
		exchange_empty(x, 202);
		return;
	}
	code = mcp_session_receive(&x->session->mcp, x->msg.method, NULL);
	if (code) {
		mcp_fail(x, code == ERR_NOT_FOUND ? MCP_ERROR_METHOD : MCP_ERROR_REQUEST);
		return;
	}
	x->in_flight.id = x->msg.id;
	x->in_flight.method = x->msg.method;
	if (mcp_session_begin(&x->session->mcp, &x->in_flight, NULL)) {
		mcp_fail(x, MCP_ERROR_BUSY);
		return;
	}
	x->counted = true;
	dispatch(x);
}

/* ---- messages of the modern era ---- */

static void modern(struct exchange *x, const struct mcp_headers *headers)
{
	enum mcp_error e;

	x->version = MCP_MODERN;
	if (x->msg.kind != MCP_REQUEST) {
		exchange_empty(x, 202);
		return;
	}
	e = mcp_modern_check(&x->req->arena, &x->msg, headers, &x->modern);
	if (e == MCP_ERROR_UNSUPPORTED_VERSION) {
		answer_begin(x);
		mcp_error_append_version(&x->answer, x->msg.id, x->modern.requested);
		exchange_reply(x, 400);
		return;
	}
	if (e != MCP_ERROR_NONE) {
		mcp_fail(x, e);
		return;
	}
	exchange_set_session(x, exchange_session(x));
	if (!x->session) {
		mcp_fail(x, MCP_ERROR_BUSY);
		return;
	}
	if (x->msg.method == MCP_DISCOVER) {
		mcp_open_start(x);
		return;
	}
	dispatch(x);
}

/* An array is several messages to a session of 2025-03-26, and to no other. */
static void invalid(struct exchange *x)
{
	if (x->msg.fault == MCP_ERROR_BATCH && !x->batch &&
	    h1_get(&x->req->head, HTTP_F_MCP_SESSION_ID).p) {
		if (!mcp_find_session(x)) {
			return;
		}
		if (x->version == MCP_2025_03_26) {
			mcp_batch_start(x);
			return;
		}
	}
	mcp_fail(x, x->msg.fault);
}

static void on_post_body(struct exchange *x)
{
	const struct mcp_headers headers = {
		.version = h1_get(&x->req->head, HTTP_F_MCP_PROTOCOL_VERSION),
		.method = h1_get(&x->req->head, HTTP_F_MCP_METHOD),
		.name = h1_get(&x->req->head, HTTP_F_MCP_NAME),
	};

	x->version = MCP_LEGACY_NEWEST;
	if (mcp_msg_parse(&x->req->arena, x->req->body, &x->gate->json_limits, &x->msg, NULL) ==
	    MCP_INVALID) {
		invalid(x);
		return;
	}
	if (mcp_is_modern(&x->msg, &headers)) {
		if (x->batch) {
			mcp_fail(x, MCP_ERROR_REQUEST);
			return;
		}
		modern(x, &headers);
	} else {
		legacy(x);
	}
}

static void on_post_gone(struct exchange *x)
{
	bool person = x->hold && x->hold->held;
	bool running = x->action.active || x->gather.n || x->parts_pending ||
		       (x->inquiry && x->version != MCP_MODERN && !person);

	/* In the modern era to hang up is to cancel; before it was not. */
	if (x->version == MCP_MODERN && x->action.step == STEP_FORWARD &&
	    (x->call.hop || x->inquiry)) {
		mcp_call_stop(x);
		action_answered(&x->action, LEDGER_CALLER_GONE, 0, str_make(NULL, 0));
		return;
	}
	if (x->call.hop || x->inquiry) {
		ask_client_gone(x->session);
	}
	mcp_object_leave(x); /* nothing is done for who is not there */
	if (!running) {
		http_req_drop(x->req);
	}
}

static void on_post_end(struct exchange *x)
{
	mcp_object_leave(x);
	gather_stop(&x->gather);
	listening_end(x);
	link_wait_forget(&x->listened);
	mcp_call_stop(x);
	action_abandon(&x->action);
	mcp_lists_end(x);
	if (x->counted) {
		mcp_session_end(&x->session->mcp, &x->in_flight);
		session_touch(&x->gate->sessions, x->session, x->gate->loop.now);
		x->counted = false;
	}
}

const struct exchange_ops mcp_post_ops = {
	.on_body = on_post_body,
	.on_gone = on_post_gone,
	.on_end = on_post_end,
};

/* ---- the door of /mcp ---- */

static void close_session(struct exchange *x)
{
	x->version = MCP_LEGACY_NEWEST;
	if (!mcp_find_session(x)) {
		return;
	}
	if (x->session->busy || x->session->mcp.n_in_flight) {
		exchange_text(x, 409, STR("Requests of this session are under way.\n"));
		return;
	}
	gate_session_end(x->gate, x->session);
	x->session = NULL;
	exchange_empty(x, 200);
}

/* Is what happens remembered of the principal, whatever session it is in? */
static bool is_by_principal(const struct exchange *x)
{
	const struct history *h = &x->gate->history;
	struct str version = h1_get(&x->req->head, HTTP_F_MCP_PROTOCOL_VERSION);

	return h->engine &&
	       (h->rules->policies.by_principal || mcp_version_find(version) == MCP_MODERN);
}

static bool has_program(const struct endpoint *e)
{
	for (size_t i = 0; i < e->n; i++) {
		if (e->links[i]->transport == &link_stdio_transport) {
			return true;
		}
	}
	return false;
}

bool mcp_may_move(const struct exchange *x)
{
	return !x->listener->run && !has_program(x->endpoint) && !is_by_principal(x) &&
	       !h1_get(&x->req->head, HTTP_F_MCP_SESSION_ID).p;
}

/*
 * Sessions stay where they were opened; stdio servers belong to the first gate; what is remembered of
 * a principal, to that principal's: elsewhere it could not be decided.
 */
static bool serve_elsewhere(struct exchange *x)
{
	struct str id = h1_get(&x->req->head, HTTP_F_MCP_SESSION_ID);
	unsigned home = x->gate->index;
	bool must = is_by_principal(x);

	if (has_program(x->endpoint)) {
		home = 0;
	}
	/* Who a sandbox's connection belongs to is known here only. */
	if (x->listener->run) {
		return false;
	}
	if (must) {
		home = gate_home(x->gate, x->agent);
	} else if (id.p && !session_home(id, &home)) {
		return false;
	}
	if (home == x->gate->index) {
		return false;
	}
	if (gate_hand_off(x->gate, x->req, x->listener->index, home)) {
		return true;
	}
	if (must) {
		exchange_empty(x, 503);
	}
	return must;
}

void mcp_begin(struct exchange *x, struct str server)
{
	x->endpoint = gate_endpoint(x->gate, server);
	if (!x->endpoint) {
		exchange_text(
			x, 404,
			STR("No server of that name. `servers` of the configuration names those "
			    "at /mcp/SERVER; /mcp has all.\n"));
		return;
	}
	x->endpoint->uses++;
	if (serve_elsewhere(x)) {
		return;
	}
	switch ((int)x->req->head.method) {
	case HTTP_POST:
		if (!http_type_is(h1_get(&x->req->head, HTTP_F_CONTENT_TYPE),
				  STR("application/json"))) {
			exchange_text(x, 415, STR("Content-Type must be application/json.\n"));
			return;
		}
		x->ops = &mcp_post_ops;
		http_collect(x->req, 0);
		break;
	case HTTP_GET:
		x->ops = &mcp_get_ops;
		http_collect(x->req, 0);
		break;
	case HTTP_DELETE:
		close_session(x);
		break;
	default: {
		static const struct http_field allow[] = {
			{STR_INIT("Allow"), STR_INIT("GET, POST, DELETE")}};

		http_respond(x->req, 405, allow, ARRAY_LEN(allow), STR(""));
		break;
	}
	}
}
