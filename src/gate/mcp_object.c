/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests about one object of one server: calling a tool, reading a resource,
 * getting a prompt, completing an argument.
 */
#include "gate/exchange.h"
#include "gate/redact.h"
#include "gate/subs.h"

#include "mcp/denied.h"
#include "json/write.h"

static enum mcp_error unknown_object(const struct exchange *x)
{
	switch ((int)x->msg.method) {
	case MCP_TOOLS_CALL:
		return MCP_ERROR_UNKNOWN_TOOL;
	case MCP_TASKS_GET:
	case MCP_TASKS_RESULT:
	case MCP_TASKS_UPDATE:
	case MCP_TASKS_CANCEL:
		return MCP_ERROR_UNKNOWN_TASK;
	case MCP_PROMPTS_GET:
		return MCP_ERROR_UNKNOWN_PROMPT;
	case MCP_RESOURCES_READ:
	case MCP_RESOURCES_SUBSCRIBE:
	case MCP_RESOURCES_UNSUBSCRIBE:
		return MCP_ERROR_UNKNOWN_RESOURCE;
	default:
		return MCP_ERROR_PARAMS;
	}
}

/* ---- which server ---- */

static bool find_named(struct exchange *x, enum mcp_list_kind kind, struct str name)
{
	const struct mcp_view *view = endpoint_view(x->gate, x->endpoint, kind);
	const struct mcp_entry *e = view ? mcp_view_find(view, name) : NULL;

	if (!e) {
		return false;
	}
	x->link = x->endpoint->links[e->server];
	x->object = e->item->key;
	if (!str_eq(name, e->item->key)) {
		x->object_raw = e->item->key_raw;
	}
	return true;
}

static bool find_uri(struct exchange *x, struct str uri)
{
	const struct mcp_view *resources = endpoint_view(x->gate, x->endpoint, MCP_LIST_RESOURCES);
	const struct mcp_view *templates = endpoint_view(x->gate, x->endpoint, MCP_LIST_TEMPLATES);
	struct mcp_target target;
	struct buf raw;

	if (!resources || !mcp_view_resolve_uri(resources, templates, uri, &target)) {
		return false;
	}
	x->link = x->endpoint->links[target.server];
	x->object = arena_dup(&x->req->arena, target.uri);
	if (!str_eq(uri, target.uri)) {
		buf_init(&raw, 64 << 10);
		json_put_str(&raw, target.uri);
		x->object_raw = arena_dup(&x->req->arena, buf_str(&raw));
		buf_done(&raw);
	}
	return x->object.p != NULL;
}

/* The entry may be freed by a list_changed while the action runs: texts move to the arena. */
static bool keep_names(struct exchange *x)
{
	x->object = arena_dup(&x->req->arena, x->object);
	if (x->object_raw.p) {
		x->object_raw = arena_dup(&x->req->arena, x->object_raw);
	}
	return !x->req->arena.exhausted;
}

static bool find_object(struct exchange *x)
{
	struct str name;
	unsigned home;

	if (!x->msg.object.p || json_unquote(&x->req->arena, x->msg.object, &name, NULL)) {
		return false;
	}
	switch ((int)x->msg.method) {
	case MCP_TOOLS_CALL:
		return find_named(x, MCP_LIST_TOOLS, name) && keep_names(x);
	case MCP_PROMPTS_GET:
		return find_named(x, MCP_LIST_PROMPTS, name) && keep_names(x);
	case MCP_RESOURCES_READ:
	case MCP_RESOURCES_SUBSCRIBE:
	case MCP_RESOURCES_UNSUBSCRIBE:
		return find_uri(x, name);
	case MCP_TASKS_GET:
	case MCP_TASKS_RESULT:
	case MCP_TASKS_UPDATE:
	case MCP_TASKS_CANCEL:
		return mcp_task_find(x, name, &home);
	default:
		return x->msg.object_is_uri
			       ? find_uri(x, name) ||
					 (find_named(x, MCP_LIST_TEMPLATES, name) && keep_names(x))
			       : find_named(x, MCP_LIST_PROMPTS, name) && keep_names(x);
	}
}

/* ---- the action ---- */

static void unsubscribe(struct exchange *x)
{
	if (x->subscribed) {
		x->subscribed = false;
		(void)subs_remove(x->link, x->session, NULL, x->object);
	}
}

static void answer_empty(struct exchange *x)
{
	x->answer = gate_buf_take(x->gate, 4096);
	mcp_empty_answer(&x->answer, x->msg.id, x->version);
	action_answered(&x->action, LEDGER_OK, 0, STR("{}"));
}

static void on_listened(struct link_wait *w, bool ready)
{
	struct exchange *x = CONTAINER_OF(w, struct exchange, listened);

	if (ready || x->msg.method == MCP_RESOURCES_UNSUBSCRIBE) {
		answer_empty(x);
	} else {
		mcp_call_failed(x, LINK_FAIL_DIED);
	}
}

/*
 * Who wants to hear of a resource is kept here; the server is asked with the first and told with the
 * last. *ret_done: nothing is to be sent.
 */
static enum err_code forward_subscription(struct exchange *x, bool *ret_done)
{
	bool last = false;

	if (x->msg.method == MCP_RESOURCES_SUBSCRIBE) {
		TRY(subs_add(x->link, x->session, NULL, x->object, x->msg.object, &x->subscribed,
			     NULL));
	} else if (x->msg.method == MCP_RESOURCES_UNSUBSCRIBE) {
		last = subs_remove(x->link, x->session, NULL, x->object);
	} else {
		return ERR_OK;
	}
	if (link_is_modern(x->link)) {
		/* That era has no such requests: what the link listens to changes instead. */
		*ret_done = true;
		x->listened.on_link = on_listened;
		link_listen_wait(x->link, &x->listened);
	} else if (x->msg.method == MCP_RESOURCES_UNSUBSCRIBE && !last) {
		*ret_done = true;
		answer_empty(x);
	}
	return ERR_OK;
}

static void call_server(struct exchange *x)
{
	struct action *a = &x->action;
	bool done = false;
	enum err_code code = forward_subscription(x, &done);

	if (done) {
		return;
	}
	if (a->input.p && !redact_arguments(a, &x->msg, &x->gate->json_limits)) {
		code = ERR_NOMEM;
	} else if (x->as_task && x->version != MCP_MODERN && a->answer.redact) {
		code = ERR_UNSUPPORTED; /* its result would come past what is to be taken out */
	}
	code = code ? code : mcp_call_start(x);
	if (code) {
		unsubscribe(x);
		x->answer = gate_buf_take(x->gate, 1 << 20);
		if (code == ERR_LIMIT || code == ERR_INVALID || code == ERR_UNSUPPORTED) {
			mcp_error_append(&x->answer, x->msg.id,
					 code == ERR_LIMIT     ? MCP_ERROR_BUSY
					 : code == ERR_INVALID ? MCP_ERROR_PARAMS
							       : MCP_ERROR_TASK,
					 x->version);
		} else {
			mcp_call_error(x, x->link, x->link->down);
		}
		action_answered(a, LEDGER_UNREACHABLE, 0, str_make(NULL, 0));
	}
}

static void on_reopened(struct link_wait *w, bool ready)
{
	struct exchange *x = CONTAINER_OF(w, struct exchange, listened);

	(void)ready; /* if it is not, that is what the call will say */
	if (x->gone && x->version == MCP_MODERN) {
		action_answered(&x->action, LEDGER_CALLER_GONE, 0, str_make(NULL, 0));
	} else {
		call_server(x);
	}
}

static void forward(struct action *a)
{
	struct exchange *x = CONTAINER_OF(a, struct exchange, action);

	if (x->gone && x->version == MCP_MODERN) {
		action_answered(a, LEDGER_CALLER_GONE, 0, str_make(NULL, 0));
	} else if (x->inquiry) {
		inquiry_resume(x->inquiry);
	} else if (x->link->state > LINK_DOWN && x->link->state < LINK_READY) {
		/* Its server forgot the session while this was decided, and is being met anew. */
		x->listened.on_link = on_reopened;
		link_want(x->link, &x->listened);
	} else {
		call_server(x);
	}
}

static void answer_refused(struct exchange *x, enum mcp_refusal_kind kind)
{
	const struct rules_answer *answer = &x->action.answer;
	const struct mcp_refusal refusal = {
		.kind = kind,
		.policy = answer->policy,
		.reason = answer->reason,
		.retry_after = answer->retry_after,
		.step_up = answer->step_up,
		.record = x->action.index,
		.has_record = !x->action.unrecorded,
	};
	struct str challenge;

	x->answer = gate_buf_take(x->gate, 1 << 20);
	mcp_denied_append(&x->answer, &x->msg, x->version, &refusal);
	challenge = kind == MCP_REFUSAL_ASK && refusal.step_up.n && x->caller
			    ? oauth_step_up(x, refusal.step_up)
			    : STR("");
	if (challenge.n && !x->streaming) {
		exchange_challenge(x, 403, challenge);
	} else {
		exchange_reply(x, 200);
	}
}

/* ---- a person is asked ---- */

static void on_verdict(struct hold *h, enum hold_verdict v)
{
	struct exchange *x = h->owner;

	switch (v) {
	case HOLD_YES:
		x->object_raw = str_make(NULL, 0);
		mcp_object_start(x); /* names and links may be others by now */
		break;
	case HOLD_NO:
		answer_refused(x, MCP_REFUSAL_PERSON);
		break;
	case HOLD_UNHEARD:
		answer_refused(x, MCP_REFUSAL_UNHEARD);
		break;
	}
}

/* Whoever waits with a progress token is told for whom. */
static void tell_waiting(struct exchange *x)
{
	struct buf out;

	if (!x->msg.token.p) {
		return;
	}
	out = gate_buf_take(x->gate, 4096);
	buf_append(&out, STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\","
			     "\"params\":{\"progressToken\":"));
	buf_append(&out, x->msg.token);
	buf_append(&out, STR(",\"progress\":0,\"message\":\"waits for a person's approval\"}}"));
	if (!out.failed) {
		(void)exchange_event(x, buf_str(&out));
	}
	gate_buf_give(x->gate, &out);
}

static struct str what_of(const struct exchange *x)
{
	struct arena *a = &x->req->arena;

	return arena_printf(a, STR_FMT " " STR_FMT, STR_ARG(mcp_method_info(x->msg.method)->name),
			    STR_ARG(x->msg.arguments));
}

static bool hold(struct exchange *x)
{
	struct arena *a = &x->req->arena;
	struct str to =
		arena_printf(a, STR_FMT "." STR_FMT, STR_ARG(x->link->id), STR_ARG(x->object));

	if (x->gone || x->half_closed || x->cancelled) {
		return false;
	}
	if (!x->hold) {
		x->hold = ARENA_NEW(a, struct hold);
	}
	if (!x->hold) {
		return false;
	}
	x->hold->owner = x;
	x->hold->on_verdict = on_verdict;
	if (!hold_begin(x->hold, &x->action, to, what_of(x))) {
		return false;
	}
	tell_waiting(x);
	return true;
}

void mcp_object_leave(struct exchange *x)
{
	if (x->hold) {
		hold_end(x->hold);
	}
}

static void reply(struct action *a)
{
	struct exchange *x = CONTAINER_OF(a, struct exchange, action);

	if (a->refused && a->answer.outcome == POLICY_ASK && hold(x)) {
		return;
	}
	if (a->refused) {
		answer_refused(x, a->unrecorded                     ? MCP_REFUSAL_UNAVAILABLE
				  : x->unfit                        ? MCP_REFUSAL_ARGUMENTS
				  : a->answer.outcome == POLICY_ASK ? MCP_REFUSAL_ASK
								    : MCP_REFUSAL_DENIED);
	} else if (x->inquiry && !x->cancelled) {
		inquiry_rest(x->inquiry);
	} else if (x->cancelled || buf_len(&x->answer) == 0) {
		unsubscribe(x);   /* what was given up half way is no subscription */
		exchange_over(x); /* the client has said that it wants no answer */
	} else {
		exchange_reply(x, x->status ? (int)x->status : 200);
	}
}

static const struct action_events object_events = {.forward = forward, .reply = reply};

static enum rules_kind kind_of(const struct exchange *x)
{
	switch ((int)x->msg.method) {
	case MCP_TOOLS_CALL:
		return RULES_CALL_TOOL;
	case MCP_PROMPTS_GET:
		return RULES_GET_PROMPT;
	case MCP_RESOURCES_READ:
		return RULES_READ_RESOURCE;
	case MCP_RESOURCES_SUBSCRIBE:
	case MCP_RESOURCES_UNSUBSCRIBE:
		return RULES_SUBSCRIBE;
	case MCP_TASKS_GET:
	case MCP_TASKS_RESULT:
	case MCP_TASKS_UPDATE:
	case MCP_TASKS_CANCEL:
		return RULES_TASK;
	default:
		return RULES_COMPLETE;
	}
}

static void start(struct exchange *x)
{
	struct rules_query q = {
		.kind = kind_of(x),
		.claims = exchange_claims(x),
		.server = x->link->id,
		.object = x->object,
		.input = x->task_input.p ? x->task_input : x->msg.arguments,
		.approved_by = x->hold ? str_from_c(x->hold->by) : str_make(NULL, 0),
	};

	x->action = (struct action){.gate = x->gate,
				    .on = &object_events,
				    .session = x->session,
				    .arena = &x->req->arena};
	mcp_check_arguments(x, &q);
	if (!x->asked_with.p) {
		x->asked_with = x->msg.arguments;
	}
	action_start(&x->action, &q, x->req->started);
}

void mcp_object_again(struct exchange *x)
{
	start(x);
}

/* The one field Mcp-Param-NAME; false when there are several. */
static bool find_param(const struct h1_head *head, struct str name, struct str *ret)
{
	const struct str prefix = STR("Mcp-Param-");

	*ret = str_make(NULL, 0);
	for (size_t i = 0; i < head->n_fields; i++) {
		struct str field = head->fields[i].name;

		if (field.n == prefix.n + name.n && str_ieq(str_make(field.p, prefix.n), prefix) &&
		    str_ieq(str_from(field, prefix.n), name)) {
			if (ret->p) {
				return false;
			}
			*ret = head->fields[i].value;
		}
	}
	return true;
}

/* MCP 2026-07-28 basic/transports: what a tool wants shown is shown, and is what the body says. */
static bool params_agree(struct exchange *x)
{
	const struct mcp_item *tool =
		x->version == MCP_MODERN && x->msg.method == MCP_TOOLS_CALL
			? mcp_list_find(&x->link->lists[MCP_LIST_TOOLS], x->object)
			: NULL;
	UNSET struct mcp_param params[MCP_PARAMS_MAX];
	struct str shown;
	size_t n;

	if (!tool || !mcp_params_may_be(tool->raw) ||
	    !mcp_params_read(&x->req->arena, tool->raw, x->msg.arguments, params, &n)) {
		return true;
	}
	for (size_t i = 0; i < n; i++) {
		if (!find_param(&x->req->head, params[i].name, &shown) ||
		    (shown.p != NULL) != (params[i].value.p != NULL) ||
		    (shown.p && (!mcp_header_decode(&x->req->arena, shown, &shown) ||
				 !str_eq(shown, params[i].value)))) {
			return false;
		}
	}
	return true;
}

/* The answers of a client that comes back; what it comes back to may be kept by another gate. */
static void start_again(struct exchange *x)
{
	unsigned home;

	if (inquiry_return(x, x->supplied.state, &home)) {
		start(x);
	} else if (home == x->gate->index || !mcp_may_move(x) ||
		   !gate_hand_off(x->gate, x->req, x->listener->index, home)) {
		mcp_fail(x, MCP_ERROR_STATE);
	}
}

static void start_if_well_formed(struct exchange *x)
{
	enum mcp_error e = mcp_task_wanted(x);

	if (e != MCP_ERROR_NONE) {
		mcp_fail(x, e);
		return;
	}
	if (!params_agree(x)) {
		e = MCP_ERROR_HEADER_MISMATCH;
	} else if (x->version == MCP_MODERN) {
		e = mcp_supplied_parse(&x->req->arena, &x->msg, &x->supplied);
	}
	if (e != MCP_ERROR_NONE) {
		mcp_fail(x, e);
	} else if (x->supplied.state.p && !x->inquiry) {
		start_again(x);
	} else {
		start(x);
	}
}

/* A server that did not offer it is not asked for it. */
static bool can_do(const struct exchange *x)
{
	bool modern = x->version == MCP_MODERN;

	switch ((int)x->msg.method) {
	case MCP_RESOURCES_SUBSCRIBE:
	case MCP_RESOURCES_UNSUBSCRIBE:
		return x->link->capabilities & MCP_CAP_RESOURCES_SUBSCRIBE;
	case MCP_TASKS_GET:
	case MCP_TASKS_RESULT:
	case MCP_TASKS_UPDATE:
		return x->link->capabilities & (modern ? MCP_CAP_EXT_TASKS : MCP_CAP_TASKS);
	case MCP_TASKS_CANCEL:
		return x->link->capabilities & (modern ? MCP_CAP_EXT_TASKS : MCP_CAP_TASKS_CANCEL);
	default:
		return true;
	}
}

/*
 * The server that a name is of by its prefix, when it is not there for want of a login. What it has is not known
 * then, and who reads "unknown tool" would look in the wrong place.
 */
static const struct link *waits_for_login(const struct exchange *x)
{
	struct str name;

	if (!x->msg.object.p || json_unquote(&x->req->arena, x->msg.object, &name, NULL)) {
		return NULL;
	}
	for (size_t i = 0; i < x->endpoint->n; i++) {
		const struct link *l = x->endpoint->links[i];
		struct str rest = str_from(name, l->id.n);

		if (l->state == LINK_DOWN &&
		    (l->down == LINK_FAIL_LOGIN || l->down == LINK_FAIL_SCOPE) &&
		    (x->endpoint->n == 1 ||
		     (str_starts_with(name, l->id) && str_starts_with(rest, STR("__"))))) {
			return l;
		}
	}
	return NULL;
}

static void answer_unknown(struct exchange *x)
{
	const struct link *l = waits_for_login(x);

	if (!l) {
		mcp_fail(x, unknown_object(x));
		return;
	}
	x->answer = gate_buf_take(x->gate, 4096);
	mcp_call_error(x, l, l->down);
	exchange_reply(x, 200);
}

static void on_gathered(struct gather *g)
{
	struct exchange *x = CONTAINER_OF(g, struct exchange, gather);

	if (!find_object(x)) {
		answer_unknown(x);
	} else if (!can_do(x)) {
		mcp_fail(x, MCP_ERROR_METHOD);
	} else {
		start_if_well_formed(x);
	}
}

/* A task of a modern client may be kept by another gate. */
static void unknown_task(struct exchange *x)
{
	struct str name;
	unsigned home;

	if (!x->msg.object.p || json_unquote(&x->req->arena, x->msg.object, &name, NULL) ||
	    mcp_task_find(x, name, &home) || home == x->gate->index || !mcp_may_move(x) ||
	    !gate_hand_off(x->gate, x->req, x->listener->index, home)) {
		mcp_fail(x, MCP_ERROR_UNKNOWN_TASK);
	}
}

void mcp_object_start(struct exchange *x)
{
	bool found = find_object(x);
	struct link **links = found ? &x->link : x->endpoint->links;

	if (found && x->link->state == LINK_READY && can_do(x)) {
		start_if_well_formed(x);
		return;
	}
	if (!found && mcp_method_info(x->msg.method)->action == MCP_ACTION_TASK) {
		unknown_task(x);
		return;
	}
	/* Its server has to come first; an unknown name may be of one that is not there yet. */
	if (!gather_start(&x->gather, &x->req->arena, &x->gate->loop, links,
			  found ? 1 : x->endpoint->n, on_gathered)) {
		mcp_fail(x, MCP_ERROR_BUSY);
	}
}
