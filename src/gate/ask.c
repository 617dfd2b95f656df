/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/ask.h"

#include "gate/ask_priv.h"
#include "gate/inquiry.h"

#include "base/num.h"
#include "gate/gate.h"
#include "mcp/ask.h"

#include <stdlib.h>

/* ---- the server's side ---- */

static void post_error(struct link *l, struct str id, enum mcp_error e)
{
	struct buf out = gate_buf_take(l->gate, 64 << 10);

	mcp_error_append(&out, id, e, l->version);
	l->transport->post(l, buf_str(&out));
	gate_buf_give(l->gate, &out);
}

static void ask_free(struct ask *a)
{
	timer_stop(&a->deadline);
	list_remove(&a->of_link);
	list_remove(&a->of_session);
	list_remove(&a->of_inquiry);
	a->link->n_asks--;
	a->session->n_asks--;
	gate_buf_give(a->gate, &a->answer);
	arena_done(&a->arena);
	free(a);
}

/* What it came to goes to whoever calls the server again. */
static void input_over(struct ask *a)
{
	struct str value = buf_str(&a->answer);
	bool refused = a->action.refused && !a->action.unrecorded;

	if (a->inquiry) {
		list_remove(&a->of_inquiry);
		inquiry_answered(a->inquiry, a,
				 value.n && !a->answer.failed ? value : str_make(NULL, 0), refused);
	}
	ask_free(a);
}

static void on_reply(struct action *action)
{
	struct ask *a = CONTAINER_OF(action, struct ask, action);
	struct link *l = a->link;

	if (a->input) {
		input_over(a);
		return;
	}
	if (a->inquiry) {
		list_remove(&a->of_inquiry);
		inquiry_answered(a->inquiry, a, str_make(NULL, 0), false);
	}
	if (!a->silent && l->generation == a->generation && l->state == LINK_READY) {
		if (buf_len(&a->answer) == 0) {
			a->answer = gate_buf_take(a->gate, 64 << 10);
			mcp_ask_refuse(&a->answer, a->msg.id, a->msg.method,
				       action->refused && !action->unrecorded ? MCP_ASK_REFUSED
									      : MCP_ASK_UNANSWERED);
		}
		if (a->answer.failed) {
			post_error(l, a->msg.id, MCP_ERROR_INTERNAL);
		} else {
			l->transport->post(l, buf_str(&a->answer));
		}
	}
	ask_free(a);
}

/* ---- the client's side ---- */

static struct link_call *any_call(const struct link *l, const struct session *s)
{
	LIST_FOREACH (node, (struct list *)(uintptr_t)&l->calls) {
		struct link_call *c = CONTAINER_OF(node, struct link_call, node);

		if (c->session == s) {
			return c;
		}
	}
	return NULL;
}

static bool on_stream_of(struct link_call *c, struct str message)
{
	return c && c->on->on_send && c->on->on_send(c, message);
}

/* On the stream of the call that it belongs to, else on the session's own. */
static bool send_to_client(struct ask *a, struct str message)
{
	if (a->call) {
		return on_stream_of(a->call, message) ||
		       gate_session_send(a->gate, a->session, message);
	}
	return gate_session_send(a->gate, a->session, message) ||
	       on_stream_of(any_call(a->link, a->session), message);
}

static void tell_over(struct ask *a)
{
	struct buf out = gate_buf_take(a->gate, 4096);

	buf_append(&out, STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
			     "\"params\":{\"requestId\":"));
	buf_append(&out, str_from_c(a->id));
	buf_append(&out, STR("}}"));
	(void)send_to_client(a, buf_str(&out));
	gate_buf_give(a->gate, &out);
}

void ask_end(struct ask *a, enum ledger_status status, bool silent)
{
	if (a->over) {
		a->silent = a->silent || silent;
		return;
	}
	a->over = true;
	a->silent = silent;
	timer_stop(&a->deadline);
	if (a->action.step != STEP_FORWARD) {
		return; /* forward or reply comes when the record is there */
	}
	if (a->told && !a->parked) {
		tell_over(a);
	}
	action_answered(&a->action, status, 0, str_make(NULL, 0));
}

static void on_deadline(struct timer *t)
{
	ask_end(CONTAINER_OF(t, struct ask, deadline), LEDGER_TIMEOUT, false);
}

static bool is_of_many(const struct session *s)
{
	return s->endpoint.n == 0;
}

static void on_forward(struct action *action)
{
	struct ask *a = CONTAINER_OF(action, struct ask, action);
	struct buf out;

	if (a->over) {
		action_answered(action, LEDGER_CANCELLED, 0, str_make(NULL, 0));
		return;
	}
	loop_timer_set(&a->gate->loop, &a->deadline, ASK_SECONDS * CLOCK_SEC);
	if (a->inquiry && a->inquiry->parks) {
		a->told = a->parked = true;
		inquiry_asked(a->inquiry, a);
		return;
	}
	out = gate_buf_take(a->gate, 34 << 20);
	mcp_ask_append(&out, &a->arena, &a->msg, str_from_c(a->id),
		       is_of_many(a->session) ? a->link->id : STR(""));
	a->told = !out.failed && send_to_client(a, buf_str(&out));
	gate_buf_give(a->gate, &out);
	if (!a->told) {
		a->over = true;
		timer_stop(&a->deadline);
		action_answered(action, LEDGER_CALLER_GONE, 0, str_make(NULL, 0));
		return;
	}
	if (a->inquiry) {
		inquiry_asked(a->inquiry, a);
	}
}

static const struct action_events ask_events = {.forward = on_forward, .reply = on_reply};

/* ---- pages that people were sent to ---- */

/* Which session an elicitation by URL went to: only that one hears that it is complete. */
struct elicited {
	struct list node;
	char session[SESSION_NAME_MAX + 8];
	struct str id;
	char text[MCP_ELICITATION_ID_MAX];
};

static void forget_oldest(struct link *l)
{
	struct elicited *e = CONTAINER_OF(l->elicited.next, struct elicited, node);

	list_remove(&e->node);
	l->n_elicited--;
	free(e);
}

static void remember(struct link *l, const struct session *s, struct str id)
{
	struct elicited *e = id.n && id.n <= sizeof(e->text) ? calloc(1, sizeof(*e)) : NULL;

	if (!e) {
		return;
	}
	memcpy(e->session, s->id, sizeof(e->session));
	memcpy(e->text, id.p, id.n);
	e->id = str_make(e->text, id.n);
	list_append(&l->elicited, &e->node);
	if (++l->n_elicited > ASK_ELICITED) {
		forget_oldest(l);
	}
}

struct session *ask_elicited(struct link *l, struct str elicitation_id)
{
	LIST_FOREACH (node, &l->elicited) {
		const struct elicited *e = CONTAINER_OF(node, struct elicited, node);

		if (str_eq(e->id, elicitation_id)) {
			return session_find(&l->gate->sessions, str_from_c(e->session));
		}
	}
	return NULL;
}

/* ---- whose it is ---- */

/* The session that a request belongs to, and its call where there is just one; or NULL. */
static struct session *owner(struct link *l, struct link_call *c, struct link_call **ret_call)
{
	struct link_call *waiting = NULL;
	struct session *s = NULL;
	size_t n = 0;

	*ret_call = c;
	if (c) {
		return c->session;
	}
	LIST_FOREACH (node, &l->calls) {
		struct link_call *each = CONTAINER_OF(node, struct link_call, node);

		if (link_is_own(l, each)) {
			continue;
		}
		if (!each->session || (s && s != each->session)) {
			return NULL;
		}
		s = each->session;
		*ret_call = n++ ? NULL : each;
		waiting = each->inquiry && each->inquiry->x ? each : waiting;
	}
	/* All are one agent's: of those that come without a session, any that waits can carry it, for
	 * the answer finds its way by the server's own id. */
	*ret_call = n > 1 ? waiting : *ret_call;
	return s && gate_link_agents(l->gate, l) == 1 ? s : NULL;
}

static enum rules_kind kind_of(enum mcp_method m)
{
	return m == MCP_SAMPLE ? RULES_SAMPLE : m == MCP_ELICIT ? RULES_ELICIT : RULES_LIST_ROOTS;
}

static struct ask *ask_new(struct link *l, struct session *s, struct str whole)
{
	struct ask *a = calloc(1, sizeof(*a));
	struct str text;

	if (!a) {
		return NULL;
	}
	arena_init(&a->arena, ASK_MEMORY);
	text = arena_dup(&a->arena, whole);
	if (!text.p ||
	    mcp_msg_parse(&a->arena, text, &l->gate->json_limits, &a->msg, NULL) != MCP_REQUEST) {
		arena_done(&a->arena);
		free(a);
		return NULL;
	}
	a->gate = l->gate;
	a->link = l;
	a->generation = l->generation;
	a->session = s;
	a->deadline.on_timeout = on_deadline;
	a->id[num_write_u64(a->id, ++s->next_ask)] = '\0';
	list_init(&a->of_inquiry);
	list_append(&l->asks, &a->of_link);
	list_append(&s->asks, &a->of_session);
	l->n_asks++;
	s->n_asks++;
	return a;
}

/* Its client may be asked, as far as the protocol goes: the policies say the rest. */
static void decide(struct ask *a, struct link_call *call, struct inquiry *h)
{
	struct rules_query q = {
		.kind = kind_of(a->msg.method),
		.server = a->link->id,
		.input = a->msg.params,
		.claims = a->session->caller ? &a->session->caller->claims : NULL,
	};

	a->call = call;
	a->inquiry = h;
	if (h) {
		list_append(&h->asks, &a->of_inquiry);
		h->deciding++;
	}
	a->action = (struct action){
		.gate = a->gate, .on = &ask_events, .session = a->session, .arena = &a->arena};
	action_start(&a->action, &q, a->gate->loop.now);
}

static bool has_room(const struct link *l, const struct session *s)
{
	return s->n_asks < ASKS_OF_SESSION && l->n_asks < ASKS_OF_LINK;
}

/* What a client of the modern era would have had to offer. */
static uint32_t capability_for(enum mcp_method m)
{
	return m == MCP_ELICIT ? MCP_CAP_ELICITATION | MCP_CAP_ELICITATION_FORM
			       : mcp_method_info(m)->capability;
}

/* Keys are unique: two ids that make one key cannot be told apart. */
static bool is_asked(struct inquiry *h, const struct mcp_msg *m)
{
	struct buf mine, other;
	bool found = false;

	buf_init(&mine, 1024);
	buf_init(&other, 1024);
	mcp_input_key(&mine, m);
	LIST_FOREACH (node, &h->asks) {
		buf_clear(&other);
		mcp_input_key(&other, &CONTAINER_OF(node, struct ask, of_inquiry)->msg);
		found = found || str_eq(buf_str(&mine), buf_str(&other));
	}
	buf_done(&mine);
	buf_done(&other);
	return found;
}

bool ask_input(struct inquiry *h, struct link_call *c, struct str request)
{
	struct ask *a =
		has_room(h->link, h->session) ? ask_new(h->link, h->session, request) : NULL;

	if (!a) {
		return false;
	}
	a->input = true;
	if (mcp_ask_check(&a->arena, &a->msg, &h->asked) != MCP_ERROR_NONE ||
	    is_asked(h, &a->msg)) {
		ask_free(a);
		return false;
	}
	decide(a, c, h);
	return true;
}

void ask_begin(struct link *l, struct link_call *c, const struct mcp_msg *m)
{
	struct link_call *call = NULL;
	struct session *s = l->state == LINK_READY ? owner(l, c, &call) : NULL;
	enum mcp_error e;
	struct inquiry *h;
	struct ask *a;

	if (!s) {
		if (l->state == LINK_READY && !list_empty(&l->calls)) {
			gate_finding(l->gate, l->id,
				     "a request to a client, but it cannot be told to which");
		}
		post_error(l, m->id, MCP_ERROR_METHOD);
		return;
	}
	h = call ? call->inquiry : NULL;
	e = mcp_ask_check(&l->gate->scratch, m, h ? &h->asked : &s->mcp);
	if (e == MCP_ERROR_METHOD && call) {
		call->lacked |= capability_for(m->method);
	}
	if (e == MCP_ERROR_NONE && h && (h->rounds >= INQUIRY_ROUNDS || is_asked(h, m))) {
		e = MCP_ERROR_REQUEST;
	}
	a = e == MCP_ERROR_NONE && has_room(l, s) ? ask_new(l, s, m->whole) : NULL;
	if (!a) {
		post_error(l, m->id, e == MCP_ERROR_NONE ? MCP_ERROR_BUSY : e);
		return;
	}
	remember(l, s, mcp_ask_elicitation(&a->arena, &a->msg));
	decide(a, call, h);
}

/* ---- what comes from the client ---- */

static struct ask *find(const struct session *s, struct str id)
{
	LIST_FOREACH (node, (struct list *)(uintptr_t)&s->asks) {
		struct ask *a = CONTAINER_OF(node, struct ask, of_session);

		if (a->told && !a->over && !a->parked && str_eq(str_from_c(a->id), id)) {
			return a;
		}
	}
	return NULL;
}

bool ask_answer(struct gate *g, struct session *s, const struct mcp_msg *m)
{
	struct ask *a = m->id.p ? find(s, m->id) : NULL;

	if (!a) {
		return false;
	}
	a->over = true;
	timer_stop(&a->deadline);
	a->answer = gate_buf_take(g, 34 << 20);
	if (!a->input) {
		mcp_task_answer_inward(&a->answer, m, a->msg.id,
				       is_of_many(s) ? a->link->id : STR(""));
	} else if (m->kind == MCP_RESPONSE) {
		buf_append(&a->answer, m->result);
	}
	action_answered(&a->action, m->kind == MCP_RESPONSE ? LEDGER_OK : LEDGER_TOOL_ERROR, 0,
			m->kind == MCP_RESPONSE ? m->result : m->error);
	return true;
}

void ask_supply(struct ask *a, struct str value)
{
	a->over = true;
	timer_stop(&a->deadline);
	a->answer = gate_buf_take(a->gate, 34 << 20);
	if (!a->input) {
		buf_append(&a->answer, STR("{\"jsonrpc\":\"2.0\",\"id\":"));
		buf_append(&a->answer, a->msg.id);
		buf_append(&a->answer, STR(",\"result\":"));
	}
	buf_append(&a->answer, value);
	if (!a->input) {
		buf_append_c(&a->answer, '}');
	}
	action_answered(&a->action, LEDGER_OK, 0, value);
}

void ask_progress(struct gate *g, struct session *s, const struct mcp_msg *m)
{
	struct ask *a = m->token.p ? find(s, m->token) : NULL;
	struct buf out;

	if (!a || a->input || !a->msg.token.p || a->link->generation != a->generation) {
		return;
	}
	out = gate_buf_take(g, 1 << 20);
	mcp_splice_call(&out, m, &(struct mcp_change){.token = a->msg.token});
	if (!out.failed) {
		a->link->transport->post(a->link, buf_str(&out));
	}
	gate_buf_give(g, &out);
}

/* ---- what ends it ---- */

void ask_take_back(struct link *l, struct str id)
{
	LIST_FOREACH (node, &l->asks) {
		struct ask *a = CONTAINER_OF(node, struct ask, of_link);

		if (!a->input && str_eq(a->msg.id, id)) {
			ask_end(a, LEDGER_CANCELLED, true);
		}
	}
}

void ask_call_over(struct link *l, struct link_call *c)
{
	LIST_FOREACH (node, &l->asks) {
		struct ask *a = CONTAINER_OF(node, struct ask, of_link);

		if (!a->input && (a->call == c || (!a->call && a->session == c->session &&
						   !any_call(l, a->session)))) {
			ask_end(a, LEDGER_CANCELLED, false);
			a->call = NULL;
		}
	}
}

/* Is there a stream on which the client could still be reached? */
static bool is_reachable(const struct ask *a)
{
	if (a->session->stream || (a->inquiry && a->inquiry->parks)) {
		return true;
	}
	if (a->call) {
		return on_stream_of(a->call, STR(""));
	}
	LIST_FOREACH (node, &a->link->calls) {
		struct link_call *c = CONTAINER_OF(node, struct link_call, node);

		if (c->session == a->session && on_stream_of(c, STR(""))) {
			return true;
		}
	}
	return false;
}

void ask_client_gone(struct session *s)
{
	LIST_FOREACH (node, &s->asks) {
		struct ask *a = CONTAINER_OF(node, struct ask, of_session);

		if (!is_reachable(a)) {
			ask_end(a, LEDGER_CALLER_GONE, false);
		}
	}
}

void ask_link_lost(struct link *l)
{
	LIST_FOREACH (node, &l->asks) {
		ask_end(CONTAINER_OF(node, struct ask, of_link), LEDGER_DIED, true);
	}
}

void ask_session_end(struct session *s)
{
	LIST_FOREACH (node, &s->asks) {
		struct ask *a = CONTAINER_OF(node, struct ask, of_session);

		action_abandon(&a->action);
		ask_free(a);
	}
}

void ask_link_done(struct link *l)
{
	LIST_FOREACH (node, &l->asks) {
		struct ask *a = CONTAINER_OF(node, struct ask, of_link);

		action_abandon(&a->action);
		ask_free(a);
	}
	while (!list_empty(&l->elicited)) {
		forget_oldest(l);
	}
}

bool ask_is_open(const struct link *l, const struct link_call *c)
{
	LIST_FOREACH (node, (struct list *)(uintptr_t)&l->asks) {
		const struct ask *a = CONTAINER_OF(node, struct ask, of_link);

		if (!a->over && (a->call == c || (!a->call && a->session == c->session))) {
			return true;
		}
	}
	return false;
}
