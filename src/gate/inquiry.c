/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/inquiry.h"

#include "base/hex.h"
#include "base/num.h"
#include "crypto/secret.h"
#include "gate/ask_priv.h"
#include "gate/exchange.h"

#include "mcp/ask.h"
#include "mcp/splice.h"
#include "mcp/task.h"

#include <stdlib.h>

#define ASKED_FIRST STR("its client is asked first")

enum { STATE_TEXT_MAX = 128, TOLD_MAX = 34 << 20 };

static void on_gathered(struct timer *t);
static void call_again(struct inquiry *h);
static void on_expired(struct timer *t);

/* ---- its life ---- */

/* Of the request that may come back: who asks what of which endpoint, but for the answers. */
static void bind_to(const struct exchange *x, uint8_t ret[SHA256_LEN])
{
	const struct str parts[] = {x->session->agent, x->endpoint->id, x->msg.method_text,
				    x->object, x->asked_with.p ? x->asked_with : x->msg.arguments};
	struct sha256 h;

	sha256_init(&h);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		uint64_t n = parts[i].n;

		sha256_update(&h, &n, sizeof(n));
		sha256_update(&h, parts[i].n ? parts[i].p : "", parts[i].n);
	}
	sha256_final(&h, ret);
}

static struct str id_of(const struct inquiry *h)
{
	return str_make((const char *)h->id, sizeof(h->id));
}

/* What its client can be asked, as if it had said so in a handshake. */
static void take_capabilities(struct inquiry *h, const struct exchange *x)
{
	h->asked = x->session->mcp;
	list_init(&h->asked.in_flight);
	if (h->parks) {
		mcp_session_init(&h->asked);
		mcp_session_open(&h->asked, MCP_LEGACY_NEWEST, x->modern.capabilities);
		h->asked.state = MCP_STATE_READY;
	}
}

struct inquiry *inquiry_new(struct exchange *x)
{
	struct gate *g = x->gate;
	struct inquiry *h =
		g->n_inquiries < INQUIRY_MAX && x->session->n_inquiries < INQUIRY_OF_SESSION
			? calloc(1, sizeof(*h))
			: NULL;

	if (!h) {
		return NULL;
	}
	rand_bytes(h->id, sizeof(h->id));
	h->id[0] = (uint8_t)g->index;
	if (!map_put(&g->inquiries_by_id, id_of(h), h)) {
		free(h);
		return NULL;
	}
	h->gate = g;
	h->x = x;
	h->session = x->session;
	h->link = x->link;
	h->parks = x->version == MCP_MODERN;
	h->again = link_is_modern(x->link);
	h->gather.on_timeout = on_gathered;
	h->expiry.on_timeout = on_expired;
	list_init(&h->asks);
	take_capabilities(h, x);
	bind_to(x, h->bound);
	list_append(&g->inquiries, &h->node);
	g->n_inquiries++;
	h->session->n_inquiries++;
	x->inquiry = h;
	return h;
}

void inquiry_name(struct inquiry *h, const struct action *a)
{
	memcpy(h->action_id, a->id, sizeof(h->action_id));
	h->call.about = egress_about(a);
	h->call.about.id.p = h->action_id;
}

/* Leaves its questions behind: they end by themselves. */
static void leave_asks(struct inquiry *h, enum ledger_status status)
{
	LIST_FOREACH (node, &h->asks) {
		struct ask *a = CONTAINER_OF(node, struct ask, of_inquiry);

		list_remove(&a->of_inquiry);
		a->inquiry = NULL;
		ask_end(a, status, false);
	}
}

static void inquiry_free(struct inquiry *h)
{
	struct gate *g = h->gate;

	leave_asks(h, LEDGER_CANCELLED);
	if (h->x) {
		h->x->inquiry = NULL;
	}
	timer_stop(&h->gather);
	timer_stop(&h->expiry);
	gate_buf_give(g, &h->state_buf);
	gate_buf_give(g, &h->known);
	gate_buf_give(g, &h->responses);
	gate_buf_give(g, &h->answer);
	(void)map_take(&g->inquiries_by_id, id_of(h));
	list_remove(&h->node);
	g->n_inquiries--;
	h->session->n_inquiries--;
	free(h);
}

void inquiry_end(struct inquiry *h)
{
	link_call_cancel(&h->call, true);
	inquiry_free(h);
}

void inquiry_session_end(struct gate *g, const struct session *s)
{
	LIST_FOREACH (node, &g->inquiries) {
		struct inquiry *h = CONTAINER_OF(node, struct inquiry, node);

		if (h->session == s) {
			inquiry_end(h);
		}
	}
}

void inquiry_drain(struct gate *g)
{
	LIST_FOREACH (node, &g->inquiries) {
		struct inquiry *h = CONTAINER_OF(node, struct inquiry, node);

		if (!h->x) {
			inquiry_end(h);
		}
	}
}

void inquiry_done(struct gate *g)
{
	inquiry_drain(g); /* requests are gone by now, and with them all others */
	map_done(&g->inquiries_by_id);
}

static void on_expired(struct timer *t)
{
	inquiry_end(CONTAINER_OF(t, struct inquiry, expiry));
}

/* ---- its name, as the client carries it ---- */

static void make_mac(const struct inquiry *h, uint64_t round, uint8_t ret[SHA256_LEN])
{
	uint8_t bytes[INQUIRY_ID_LEN + 8 + SHA256_LEN];

	memcpy(bytes, h->id, INQUIRY_ID_LEN);
	memcpy(bytes + INQUIRY_ID_LEN, &round, 8);
	memcpy(bytes + INQUIRY_ID_LEN + 8, h->bound, SHA256_LEN);
	hmac_sha256(str_make((const char *)h->gate->state_key, sizeof(h->gate->state_key)),
		    str_make((const char *)bytes, sizeof(bytes)), ret);
}

static void put_state(struct buf *out, const struct inquiry *h)
{
	uint8_t bytes[INQUIRY_STATE_LEN];

	memcpy(bytes, h->id, INQUIRY_ID_LEN);
	memcpy(bytes + INQUIRY_ID_LEN, &h->round, 8);
	make_mac(h, h->round, bytes + INQUIRY_ID_LEN + 8);
	base64_append(out, bytes, sizeof(bytes));
}

bool inquiry_return(struct exchange *x, struct str state, unsigned *ret_gate)
{
	uint8_t mac[SHA256_LEN], bound[SHA256_LEN];
	struct str bytes;
	struct inquiry *h;
	uint64_t round;

	*ret_gate = x->gate->index;
	if (!base64_decode(&x->req->arena, state, &bytes) || bytes.n != INQUIRY_STATE_LEN) {
		return false;
	}
	*ret_gate = (uint8_t)bytes.p[0];
	h = map_find(&x->gate->inquiries_by_id, str_make(bytes.p, INQUIRY_ID_LEN));
	if (!h || h->x || h->session != x->session || h->link != x->link) {
		return false;
	}
	memcpy(&round, bytes.p + INQUIRY_ID_LEN, 8);
	make_mac(h, round, mac);
	bind_to(x, bound);
	if (!secret_equal(mac, bytes.p + INQUIRY_ID_LEN + 8, sizeof(mac)) || round != h->round ||
	    memcmp(bound, h->bound, sizeof(bound)) != 0) {
		return false;
	}
	h->round++; /* once */
	h->x = x;
	x->inquiry = h;
	timer_stop(&h->expiry);
	return true;
}

/* ---- asking ---- */

/* The questions that are allowed, as members. */
static void put_inputs(struct buf *out, struct inquiry *h)
{
	struct str server = h->x->endpoint->id.n ? STR("") : h->link->id;
	bool any = buf_len(&h->known) > 0;

	LIST_FOREACH (node, &h->asks) {
		struct ask *a = CONTAINER_OF(node, struct ask, of_inquiry);

		if (a->told && !a->over) {
			if (any) {
				buf_append_c(out, ',');
			}
			any = true;
			mcp_input_append(out, &a->arena, &a->msg, server);
		}
	}
}

/* The client gets what is asked of it, and goes. */
static void tell(struct inquiry *h)
{
	struct exchange *x = h->x;
	struct buf inputs = gate_buf_take(h->gate, TOLD_MAX);
	struct buf state = gate_buf_take(h->gate, STATE_TEXT_MAX);

	put_inputs(&inputs, h);
	put_state(&state, h);
	x->answer = gate_buf_take(h->gate, TOLD_MAX);
	mcp_input_required(&x->answer, x->msg.id, buf_str(&inputs), buf_str(&state));
	x->answer.failed = x->answer.failed || inputs.failed;
	gate_buf_give(h->gate, &inputs);
	gate_buf_give(h->gate, &state);
	h->x = NULL;
	x->inquiry = NULL;
	loop_timer_set(&h->gate->loop, &h->expiry, INQUIRY_SECONDS * CLOCK_SEC);
	if (x->action.active) {
		x->action.finding = ASKED_FIRST;
		action_answered(&x->action, LEDGER_OK, 0, buf_str(&x->answer));
	} else {
		exchange_reply(x, 200);
	}
}

/* The answer to tasks/get goes on, with the questions that are allowed. */
static void tell_of_task(struct inquiry *h)
{
	struct exchange *x = h->x;
	struct buf inputs = gate_buf_take(h->gate, TOLD_MAX);
	struct buf whole = gate_buf_take(h->gate, TOLD_MAX);
	struct mcp_task_state task = {.result = {NULL, 0}};
	struct mcp_msg m;
	bool ok;

	buf_append_c(&inputs, '{');
	buf_append(&inputs, buf_str(&h->known));
	put_inputs(&inputs, h);
	buf_append_c(&inputs, '}');
	ok = mcp_msg_parse(&x->req->arena, buf_str(&h->answer), &x->gate->json_limits, &m, NULL) ==
		     MCP_RESPONSE &&
	     mcp_task_state_read(&x->req->arena, m.result, &task) && task.inputs.p;
	if (ok) {
		mcp_splice(&whole, m.whole,
			   &(struct mcp_patch){.at = task.inputs, .with = buf_str(&inputs)}, 1);
		ok = !inputs.failed && !h->known.failed && !whole.failed &&
		     mcp_msg_parse(&x->req->arena, buf_str(&whole), &x->gate->json_limits, &m,
				   NULL) == MCP_RESPONSE;
	}
	leave_asks(h, ok ? LEDGER_OK : LEDGER_CANCELLED);
	inquiry_free(h);
	if (ok) {
		x->task_asked = true;
		mcp_call_answered(x, &m, 0);
	} else {
		mcp_call_failed(x, LINK_FAIL_PROTOCOL);
	}
	gate_buf_give(x->gate, &whole);
	gate_buf_give(x->gate, &inputs);
}

static size_t n_open(const struct inquiry *h)
{
	size_t n = 0;

	LIST_FOREACH (node, (struct list *)(uintptr_t)&h->asks) {
		const struct ask *a = CONTAINER_OF(node, struct ask, of_inquiry);

		n += a->told && !a->over;
	}
	return n;
}

/* Something has changed: what can be done now? */
static void on_gathered(struct timer *t)
{
	struct inquiry *h = CONTAINER_OF(t, struct inquiry, gather);
	struct exchange *x = h->x;

	/* A parked one waits for its client, one on its way to or from the ledger for that, and one
	 * that a person is asked about for the person. */
	if (!x || x->call.hop || (x->action.active && x->action.step != STEP_FORWARD) ||
	    (x->hold && x->hold->held)) {
		return;
	}
	if (h->of_task) {
		if (h->deciding == 0) {
			tell_of_task(h);
		}
	} else if (h->again && list_empty(&h->asks)) {
		call_again(h);
	} else if (h->parks && h->deciding == 0 && n_open(h)) {
		/* A modern server's rounds are counted where it asks. */
		if (h->again || h->rounds++ < INQUIRY_ROUNDS) {
			tell(h);
		} else {
			mcp_call_failed(x, LINK_FAIL_PROTOCOL);
		}
	}
}

static void look_soon(struct inquiry *h, uint64_t ms)
{
	loop_timer_set(&h->gate->loop, &h->gather, ms * CLOCK_MS);
}

void inquiry_rest(struct inquiry *h)
{
	look_soon(h, 0);
}

/* A question of a task, and by what it was decided: as long as that is the same, so is the decision. */
static void question_of(const struct exchange *x, struct str whole, uint8_t ret[SHA256_LEN])
{
	const struct session *s = x->session;
	struct sha256 h;

	sha256_init(&h);
	sha256_update(&h, x->gate->rules->digest, SHA256_LEN);
	sha256_update(&h, s->id, strlen(s->id) + 1);
	sha256_update(&h, &s->met_data, sizeof(s->met_data));
	if (x->caller) {
		sha256_update(&h, x->caller->token, SHA256_LEN);
	}
	sha256_update(&h, whole.p, whole.n);
	sha256_final(&h, ret);
}

static void note_question(const struct inquiry *h, const struct ask *a, bool may)
{
	uint8_t question[SHA256_LEN];

	if (h->of_task && h->x) {
		question_of(h->x, a->msg.whole, question);
		tasks_note_asked(h->gate, h->link->id, h->x->task_id, question, may);
	}
}

void inquiry_asked(struct inquiry *h, struct ask *a)
{
	struct str value;

	h->deciding--;
	note_question(h, a, true);
	if (!h->parks) {
		return;
	}
	/* Some clients answer before they are asked: once the question is allowed, that will do. */
	value = h->x && !h->of_task
			? mcp_supplied_find(&a->arena, h->x->supplied.responses, &a->msg)
			: str_make(NULL, 0);
	if (value.p) {
		ask_supply(a, value);
	} else {
		look_soon(h, INQUIRY_GATHER_MS);
	}
}

bool inquiry_ask(struct exchange *x, const struct mcp_msg *answer)
{
	struct inquiry *h = x->inquiry ? x->inquiry : inquiry_new(x);
	struct mcp_inputs inputs;

	if (!h || h->rounds++ >= INQUIRY_ROUNDS ||
	    mcp_inputs_parse(&x->req->arena, answer->result, &inputs, NULL)) {
		return false;
	}
	gate_buf_give(h->gate, &h->state_buf);
	h->state_buf = gate_buf_take(h->gate, MCP_INPUT_STATE_MAX);
	buf_append(&h->state_buf, inputs.state);
	h->state = inputs.state.p ? buf_str(&h->state_buf) : str_make(NULL, 0);
	for (size_t i = 0; i < inputs.n; i++) {
		if (!ask_input(h, h->parks ? NULL : &x->call, inputs.requests[i])) {
			return false;
		}
	}
	/* This call is over. The next one is an action of its own, decided when the answers are there. */
	x->action.finding = ASKED_FIRST;
	action_answered(&x->action, LEDGER_OK, 0, answer->result);
	return true;
}

/* Temporal policies may think of it otherwise each time: where there are some, it is decided each time. */
static bool ask_in_task(struct inquiry *h, struct str request)
{
	struct exchange *x = h->x;
	uint8_t question[SHA256_LEN];
	struct mcp_msg m;
	bool may;

	question_of(x, request, question);
	if (x->gate->history.engine ||
	    !tasks_asked(x->gate, h->link->id, x->task_id, question, &may)) {
		return ask_input(h, NULL, request);
	}
	if (mcp_msg_parse(&x->req->arena, request, &x->gate->json_limits, &m, NULL) !=
		    MCP_REQUEST ||
	    mcp_ask_check(&x->req->arena, &m, &h->asked) != MCP_ERROR_NONE) {
		return false;
	}
	if (may) {
		if (buf_len(&h->known)) {
			buf_append_c(&h->known, ',');
		}
		mcp_input_append(&h->known, &x->req->arena, &m,
				 x->endpoint->id.n ? STR("") : h->link->id);
	}
	return true;
}

bool inquiry_of_task(struct exchange *x, const struct mcp_msg *answer)
{
	struct mcp_inputs inputs = {.n = 0};
	struct mcp_task_state task;
	struct inquiry *h;

	if (!mcp_task_state_read(&x->req->arena, answer->result, &task) ||
	    (task.inputs.p && mcp_inputs_parse(&x->req->arena, answer->result, &inputs, NULL))) {
		return false;
	}
	if (inputs.n == 0) {
		x->task_asked = true;
		mcp_call_answered(x, answer, 0);
		return true;
	}
	h = inquiry_new(x);
	if (!h) {
		return false;
	}
	h->of_task = true;
	h->answer = gate_buf_take(h->gate, TOLD_MAX);
	h->known = gate_buf_take(h->gate, TOLD_MAX);
	buf_append(&h->answer, answer->whole);
	for (size_t i = 0; i < inputs.n; i++) {
		if (!ask_in_task(h, inputs.requests[i])) {
			return false;
		}
	}
	look_soon(h, 0); /* all may have been decided before */
	return true;
}

/* ---- answers ---- */

/* All that a modern server asked for is there: it is called again. */
static void call_again(struct inquiry *h)
{
	struct exchange *x = h->x;
	struct buf responses;

	if (h->refused) {
		mcp_call_rejected(x);
		return;
	}
	if (!x->action.active) {
		mcp_object_again(
			x); /* decided and recorded first: it comes back by inquiry_resume */
		return;
	}
	responses = gate_buf_take(h->gate, TOLD_MAX);
	buf_append_c(&responses, '{');
	buf_append(&responses, buf_str(&h->responses));
	buf_append_c(&responses, '}');
	buf_clear(&h->responses);
	if (responses.failed || !mcp_call_again(x, buf_str(&responses), h->state)) {
		mcp_call_failed(x, LINK_FAIL_UNREACHABLE);
	}
	gate_buf_give(x->gate, &responses);
}

void inquiry_answered(struct inquiry *h, const struct ask *a, struct str value, bool refused)
{
	if (!a->told) {
		h->deciding--;
	}
	if (refused) {
		note_question(h, a, false);
	}
	look_soon(h, INQUIRY_GATHER_MS);
	if (!h->again || h->of_task) {
		return;
	}
	if (!value.p && a->msg.method == MCP_ELICIT) {
		value = refused ? STR("{\"action\":\"decline\"}") : STR("{\"action\":\"cancel\"}");
	}
	if (!h->responses.max) {
		h->responses = gate_buf_take(h->gate, TOLD_MAX);
	}
	if (value.p) {
		if (buf_len(&h->responses)) {
			buf_append_c(&h->responses, ',');
		}
		mcp_input_key(&h->responses, &a->msg);
		buf_append_c(&h->responses, ':');
		buf_append(&h->responses, value);
	} else {
		h->refused = true;
	}
	if (list_empty(&h->asks)) {
		look_soon(h, 0);
	}
}

void inquiry_resume(struct inquiry *h)
{
	struct exchange *x = h->x;
	struct mcp_msg m;

	if (h->failed) {
		enum link_fail why = h->failed;

		inquiry_free(h);
		mcp_call_failed(x, why);
		return;
	}
	if (h->answered) {
		struct buf answer = h->answer;
		uint32_t lacked = h->call.lacked;

		h->answer = (struct buf){0};
		inquiry_free(h);
		if (mcp_msg_parse(&x->req->arena, buf_str(&answer), &x->gate->json_limits, &m,
				  NULL) == MCP_INVALID) {
			mcp_call_failed(x, LINK_FAIL_PROTOCOL);
		} else {
			mcp_call_answered(x, &m, lacked);
		}
		gate_buf_give(x->gate, &answer);
		return;
	}
	LIST_FOREACH (node, &h->asks) {
		struct ask *a = CONTAINER_OF(node, struct ask, of_inquiry);
		struct str value =
			a->told && !a->over
				? mcp_supplied_find(&a->arena, x->supplied.responses, &a->msg)
				: str_make(NULL, 0);

		if (value.p) {
			ask_supply(a, value);
		}
	}
	look_soon(h, n_open(h) ? INQUIRY_GATHER_MS : 0);
}

/* ---- an older server's call ---- */

/* Does a client wait, and may it be answered? Until its return is in the ledger it may not. */
static bool is_waited_for(const struct inquiry *h)
{
	return h->x && h->x->action.active && h->x->action.step == STEP_FORWARD;
}

static void on_notification(struct link_call *c, const struct mcp_msg *m)
{
	struct inquiry *h = CONTAINER_OF(c, struct inquiry, call);

	if (h->x) {
		mcp_call_notified(h->x, m);
	}
}

static void on_answer(struct link_call *c, const struct mcp_msg *m)
{
	struct inquiry *h = CONTAINER_OF(c, struct inquiry, call);
	struct exchange *x = h->x;
	uint32_t lacked = c->lacked;

	if (is_waited_for(h)) {
		inquiry_free(h);
		mcp_call_answered(x, m, lacked);
		return;
	}
	h->answered = true;
	h->answer = gate_buf_take(h->gate, TOLD_MAX);
	buf_append(&h->answer, m->whole);
}

static void on_fail(struct link_call *c, enum link_fail why)
{
	struct inquiry *h = CONTAINER_OF(c, struct inquiry, call);
	struct exchange *x = h->x;

	if (is_waited_for(h)) {
		inquiry_free(h);
		mcp_call_failed(x, why);
	} else {
		h->failed = why;
	}
}

const struct link_events inquiry_events = {
	.on_notification = on_notification,
	.on_answer = on_answer,
	.on_fail = on_fail,
};
