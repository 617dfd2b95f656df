/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call that an allowed request becomes, and what comes back: translated between the eras of
 * client and server where they differ.
 */
#include "gate/exchange.h"
#include "gate/redact.h"
#include "gate/rules_raise.h"
#include "gate/subs.h"

#include "mcp/denied.h"
#include "mcp/outward.h"
#include "mcp/splice.h"
#include "mcp/upward.h"

enum { ANSWER_MAX = 34 << 20 };

/* ---- what comes on the way ---- */

static bool wants_line(struct exchange *x, const struct mcp_msg *m)
{
	enum mcp_log_level level = MCP_LOG_INFO;

	(void)mcp_msg_log_level(&x->gate->scratch, m, &level);
	return x->version == MCP_MODERN ? x->modern.wants_log && level <= x->modern.log_level
					: mcp_session_wants_log(&x->session->mcp, level);
}

static void pass_notification(struct exchange *x, const struct mcp_msg *m)
{
	struct buf out;

	if (m->method == MCP_MESSAGE ? !wants_line(x, m) : !x->msg.token.p) {
		return;
	}
	out = gate_buf_take(x->gate, ANSWER_MAX);
	if (m->method == MCP_MESSAGE) {
		mcp_splice_log(&out, m, x->endpoint->id.n ? STR("") : x->link->id);
	} else {
		mcp_splice_call(&out, m, &(struct mcp_change){.token = x->msg.token});
	}
	(void)exchange_event(x, buf_str(&out));
	gate_buf_give(x->gate, &out);
}

/* Of what the server says nothing goes on before it is redacted; what cannot be is dropped. */
void mcp_call_notified(struct exchange *x, const struct mcp_msg *said)
{
	struct mcp_msg m = *said;
	struct buf clean;

	if (!x->action.answer.redact) {
		pass_notification(x, said);
		return;
	}
	clean = gate_buf_take(x->gate, ANSWER_MAX);
	if (redact_message(&x->action, &m, &x->gate->json_limits, &clean)) {
		pass_notification(x, &m);
	}
	gate_buf_give(x->gate, &clean);
}

/* ---- the answer ---- */

static enum ledger_status status_of(const struct exchange *x, const struct mcp_msg *m)
{
	struct str is_error = str_make(NULL, 0);
	const struct str key = STR("isError");

	if (m->kind == MCP_ERROR_RESPONSE) {
		return LEDGER_TOOL_ERROR;
	}
	if (x->msg.method == MCP_TOOLS_CALL || x->msg.method == MCP_TASKS_RESULT) {
		(void)json_scan_members(m->result, &key, 1, &is_error, NULL);
	}
	return str_eq(is_error, STR("true")) ? LEDGER_TOOL_ERROR : LEDGER_OK;
}

static size_t server_index(const struct exchange *x)
{
	size_t i = 0;

	while (i < x->endpoint->n && x->endpoint->links[i] != x->link) {
		i++;
	}
	return i;
}

/*
 * On the endpoint of all servers, URIs that an answer mentions must lead back to its server. The
 * changed text is kept in `out`, which *m then points into.
 */
static void lead_back(struct exchange *x, struct mcp_msg *m, struct buf *out)
{
	const struct mcp_outward o = {
		.resources = endpoint_view(x->gate, x->endpoint, MCP_LIST_RESOURCES),
		.templates = endpoint_view(x->gate, x->endpoint, MCP_LIST_TEMPLATES),
		.server = server_index(x),
		.of_task = x->task_input.p != NULL,
	};
	struct mcp_msg rewritten;
	bool changed = false;
	struct err err;

	if (o.resources && mcp_outward_uris(out, &x->req->arena, m, &o, &changed, &err) == ERR_OK &&
	    changed && !out->failed &&
	    mcp_msg_parse(&x->req->arena, buf_str(out), &x->gate->json_limits, &rewritten, &err) !=
		    MCP_INVALID) {
		*m = rewritten;
	}
}

/* The server has not taken the subscription. */
static void unsubscribe(struct exchange *x)
{
	if (x->subscribed) {
		x->subscribed = false;
		(void)subs_remove(x->link, x->session, NULL, x->object);
	}
}

static void drop_inquiry(struct exchange *x)
{
	if (x->inquiry) {
		inquiry_end(x->inquiry);
	}
}

void mcp_call_error(struct exchange *x, const struct link *l, enum link_fail why)
{
	enum mcp_error e = why == LINK_FAIL_TIMEOUT ? MCP_ERROR_TIMEOUT
			   : why == LINK_FAIL_LOGIN ? MCP_ERROR_LOGIN
			   : why == LINK_FAIL_SCOPE ? MCP_ERROR_SCOPE
						    : MCP_ERROR_UPSTREAM;
	struct str data = str_make(NULL, 0);

	if (e == MCP_ERROR_LOGIN || e == MCP_ERROR_SCOPE) {
		/* An id needs no escapes. */
		data = arena_printf(&x->req->arena,
				    "{\"server\":\"" STR_FMT "\",\"command\":\"writ login " STR_FMT
				    "\"}",
				    STR_ARG(l->id), STR_ARG(l->id));
	}
	mcp_error_append_data(&x->answer, x->msg.id, e, x->version, data);
}

static void answer_failed(struct exchange *x, enum ledger_status status)
{
	if (x->action.active) {
		action_answered(&x->action, status, 0, str_make(NULL, 0));
	} else {
		exchange_reply(x, 200);
	}
}

static void answer_begin(struct exchange *x)
{
	drop_inquiry(x);
	unsubscribe(x);
	x->answer = gate_buf_take(x->gate, ANSWER_MAX);
}

void mcp_call_failed(struct exchange *x, enum link_fail why)
{
	static const enum ledger_status statuses[] = {
		[LINK_FAIL_NONE] = LEDGER_LOST,
		[LINK_FAIL_UNREACHABLE] = LEDGER_UNREACHABLE,
		[LINK_FAIL_DIED] = LEDGER_DIED,
		[LINK_FAIL_PROTOCOL] = LEDGER_PROTOCOL_ERROR,
		[LINK_FAIL_TIMEOUT] = LEDGER_TIMEOUT,
		[LINK_FAIL_LOGIN] = LEDGER_UNREACHABLE,
		[LINK_FAIL_SCOPE] = LEDGER_PROTOCOL_ERROR,
	};

	answer_begin(x);
	mcp_call_error(x, x->link, why);
	answer_failed(x, statuses[why]);
}

void mcp_call_rejected(struct exchange *x)
{
	answer_begin(x);
	mcp_error_append(&x->answer, x->msg.id, MCP_ERROR_REJECTED, x->version);
	answer_failed(x, LEDGER_TOOL_ERROR);
}

/*
 * An older server failed after it could not ask what the client never offered: a server of the newer
 * era would have said so, and this is what it would have said.
 */
static void answer_lacking(struct exchange *x, uint32_t lacked)
{
	struct buf data = gate_buf_take(x->gate, 4096);

	buf_append(&data, STR("{\"requiredCapabilities\":"));
	mcp_client_capabilities_write(&data, lacked, MCP_LEGACY_NEWEST);
	buf_append_c(&data, '}');
	mcp_error_append_data(&x->answer, x->msg.id, MCP_ERROR_MISSING_CAPABILITY, x->version,
			      buf_str(&data));
	gate_buf_give(x->gate, &data);
	x->status = 400;
}

/* The call was made; what came of it is not for the agent. */
static void withhold(struct exchange *x, const struct mcp_msg *said, struct str says)
{
	const struct mcp_refusal refusal = {.kind = MCP_REFUSAL_WITHHELD,
					    .reason = says,
					    .record = x->action.index,
					    .has_record = true};

	x->answer = gate_buf_take(x->gate, 1 << 20);
	mcp_denied_append(&x->answer, &x->msg, x->version, &refusal);
	action_answered(&x->action, LEDGER_WITHHELD, 0, said->result);
}

/* What is to be taken out and cannot be does not go on. */
static bool redact(struct exchange *x, struct mcp_msg *m, struct buf *clean)
{
	if (!x->action.answer.redact) {
		return true;
	}
	*clean = gate_buf_take(x->gate, ANSWER_MAX);
	return redact_message(&x->action, m, &x->gate->json_limits, clean);
}

static void translate(struct exchange *x, const struct mcp_msg *m)
{
	if (link_is_modern(x->link)) {
		mcp_upward_answer(&x->answer, m, x->msg.id, x->msg.method, x->version);
	} else if (x->version != MCP_MODERN && (x->as_task || x->task_input.p)) {
		mcp_task_answer(&x->answer, m, x->msg.method, x->msg.id,
				x->endpoint->id.n ? STR("") : x->link->id);
	} else if (x->version == MCP_MODERN) {
		mcp_modern_answer(&x->answer, m, x->msg.id, x->msg.method, false);
	} else {
		mcp_splice_answer(&x->answer, m, x->msg.id);
	}
	x->status = x->version == MCP_MODERN ? mcp_modern_status(m) : 200;
}

/* Of the extension: it may hold the result of a call, and questions. */
static bool is_state_of_task(const struct exchange *x, const struct mcp_msg *said)
{
	return x->version == MCP_MODERN && x->task_input.p && said->kind == MCP_RESPONSE;
}

/* Its id, where the answer of a modern server has one, as its client is to know it. */
static bool show_task(struct exchange *x, struct mcp_msg *m, struct buf *shown)
{
	if (m->kind != MCP_RESPONSE || !mcp_task_may_be_given(x) ||
	    (x->as_task && mcp_result_type(m) != MCP_RESULT_TASK)) {
		return true;
	}
	*shown = gate_buf_take(x->gate, ANSWER_MAX);
	return mcp_task_show(x, m, shown);
}

static bool may_ask(enum mcp_method m)
{
	return m == MCP_TOOLS_CALL || m == MCP_PROMPTS_GET || m == MCP_RESOURCES_READ;
}

static struct str said_by(const struct mcp_msg *m)
{
	return m->kind == MCP_RESPONSE ? m->result : m->error;
}

void mcp_call_answered(struct exchange *x, const struct mcp_msg *said, uint32_t lacked)
{
	enum mcp_result_type type =
		link_is_modern(x->link) ? mcp_result_type(said) : MCP_RESULT_COMPLETE;
	enum ledger_status status = status_of(x, said);
	struct mcp_msg answer = *said, *m = &answer;
	struct buf rewritten = {0}, clean = {0}, shown = {0};
	struct str says;
	bool bad;

	if (type != MCP_RESULT_COMPLETE && type != MCP_RESULT_TASK) {
		if (type != MCP_RESULT_INPUT_REQUIRED || !may_ask(x->msg.method) ||
		    !inquiry_ask(x, said)) {
			mcp_call_failed(x, LINK_FAIL_PROTOCOL);
		}
		return;
	}
	drop_inquiry(x);
	if (type == MCP_RESULT_COMPLETE && is_state_of_task(x, said) && !x->task_asked) {
		if (!inquiry_of_task(x, said)) {
			mcp_call_failed(x, LINK_FAIL_PROTOCOL);
		}
		return;
	}
	if (mcp_task_take(x, said, &bad)) {
		if (bad) {
			mcp_call_failed(x, LINK_FAIL_PROTOCOL);
			return;
		}
	} else if (!mcp_check_result(x, said, &says)) {
		withhold(x, said, says);
		return;
	}
	if (said->kind != MCP_RESPONSE) {
		unsubscribe(x);
	}
	x->answer = gate_buf_take(x->gate, ANSWER_MAX);
	if (x->endpoint->id.n == 0 && mcp_outward_may_apply(m)) {
		rewritten = gate_buf_take(x->gate, ANSWER_MAX);
		lead_back(x, m, &rewritten);
	}
	if (lacked && x->version == MCP_MODERN && status != LEDGER_OK) {
		answer_lacking(x, lacked);
	} else if (redact(x, m, &clean) && show_task(x, m, &shown)) {
		translate(x, m);
	} else {
		mcp_error_append(&x->answer, x->msg.id, MCP_ERROR_INTERNAL, x->version);
	}
	if (x->msg.method != MCP_TOOLS_CALL && said->kind == MCP_RESPONSE) {
		history_output_bytes(&x->action, said->result.n);
	}
	if (x->action.rules->seeks) {
		(void)rules_raise_look(x->action.rules, x->action.session, said_by(said));
	}
	/* The commitment is to what the server said. */
	action_answered(&x->action, status, 0, said_by(said));
	gate_buf_give(x->gate, &shown);
	gate_buf_give(x->gate, &clean);
	gate_buf_give(x->gate, &rewritten);
}

/* ---- a call that is this request's own ---- */

static void on_notification(struct link_call *c, const struct mcp_msg *m)
{
	mcp_call_notified(CONTAINER_OF(c, struct exchange, call), m);
}

static bool on_send(struct link_call *c, struct str message)
{
	struct exchange *x = CONTAINER_OF(c, struct exchange, call);

	return !x->half_closed && (message.n ? exchange_event(x, message) : !x->gone);
}

static void on_answer(struct link_call *c, const struct mcp_msg *m)
{
	mcp_call_answered(CONTAINER_OF(c, struct exchange, call), m, c->lacked);
}

static void on_fail(struct link_call *c, enum link_fail why)
{
	mcp_call_failed(CONTAINER_OF(c, struct exchange, call), why);
}

static const struct link_events call_events = {
	.on_notification = on_notification,
	.on_send = on_send,
	.on_answer = on_answer,
	.on_fail = on_fail,
};

/* What this client can answer, and which log lines it wants, told anew with each request. */
static struct link_request request_of(const struct exchange *x)
{
	const struct mcp_session *s = &x->session->mcp;
	bool modern = x->version == MCP_MODERN;
	uint32_t withheld = mcp_task_may_be_given(x) ? 0 : MCP_CAP_CLIENT_EXT_TASKS;

	return (struct link_request){
		.m = &x->msg,
		.object = x->task_id.p ? x->task_id : x->object,
		.object_raw = x->object_raw,
		.capabilities = (modern ? x->modern.capabilities : s->capabilities) & ~withheld,
		/* What a client says to a task is no answer to a question of this request. */
		.responses = x->msg.method == MCP_TASKS_UPDATE ? x->supplied.responses
							       : str_make(NULL, 0),
		/* An older client that has not said a level leaves it to the server. */
		.wants_log = modern ? x->modern.wants_log : true,
		.log_level = modern             ? x->modern.log_level
			     : s->log_level_set ? (enum mcp_log_level)s->log_level
						: MCP_LOG_INFO,
	};
}

/* Could an older server ask the client of this request something? Then the call may outlive it. */
static bool could_be_asked(const struct exchange *x)
{
	return x->version == MCP_MODERN && !link_is_modern(x->link) && may_ask(x->msg.method) &&
	       MCP_CAP_UPWARD(x->modern.capabilities);
}

enum err_code mcp_call_start(struct exchange *x)
{
	const struct link_request r = request_of(x);
	struct inquiry *h = NULL;
	enum err_code code;

	if (could_be_asked(x)) {
		h = inquiry_new(x);
		if (!h) {
			return ERR_LIMIT;
		}
		h->call.on = &inquiry_events;
		h->call.inquiry = h;
		h->call.session = x->session;
		inquiry_name(h, &x->action);
		code = link_call_start(x->link, &h->call, &r, NULL);
		if (code) {
			inquiry_end(h);
		}
		return code;
	}
	x->call.on = &call_events;
	x->call.session = x->session;
	x->call.about = egress_about(&x->action);
	code = link_call_start(x->link, &x->call, &r, NULL);
	if (code) {
		x->call.hop = 0;
	}
	return code;
}

bool mcp_call_again(struct exchange *x, struct str responses, struct str state)
{
	struct link_request r = request_of(x);

	r.responses = responses;
	r.state = state;
	x->call = (struct link_call){
		.on = &call_events, .session = x->session, .about = egress_about(&x->action)};
	if (link_call_start(x->link, &x->call, &r, NULL)) {
		x->call.hop = 0;
		return false;
	}
	return true;
}

void mcp_call_stop(struct exchange *x)
{
	drop_inquiry(x);
	if (x->call.hop) {
		link_call_cancel(&x->call, true);
	}
}
