/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/action.h"

#include "base/hex.h"
#include "base/num.h"
#include "gate/gate.h"
#include "gate/redact.h"
#include "gate/rules_raise.h"
#include "gate/rules_residency.h"
#include "gate/rules_vary.h"

static void on_decision_recorded(struct record_wait *w, bool ok, uint64_t index);
static void on_outcome_recorded(struct record_wait *w, bool ok, uint64_t index);

/* "g0-1c9b2f00-26": gate, start of the gate, count. */
static void make_id(struct action *a)
{
	a->id[0] = 'g';
	a->id_n = 1 + num_write_u64(a->id + 1, a->gate->index);
	a->id[a->id_n++] = '-';
	hex_write(a->id + a->id_n, &a->gate->boot, sizeof(a->gate->boot));
	a->id_n += 2 * sizeof(a->gate->boot);
	a->id[a->id_n++] = '-';
	a->id_n += num_write_u64(a->id + a->id_n, ++a->gate->next_action);
}

/* One reading of the real clock for each turn; what comes later is that and the time passed. */
static uint64_t real_us(const struct action *a, uint64_t mono)
{
	return (a->real_at_decision + (mono - a->decided)) / 1000;
}

static struct str action_id(const struct action *a)
{
	return str_make(a->id, a->id_n);
}

/* The key that salts a session's commitments is kept by the ledger before its first use. */
static bool keep_salt(struct gate *g, struct session *s)
{
	struct ledger_salt salt = {.session = str_from_c(s->id)};
	struct buf *out;

	if (s->salted) {
		return true;
	}
	memcpy(salt.key, &s->salt, sizeof(salt.key));
	out = recorder_entry(&g->recorder, false, RECORD_OUTCOME);
	if (!out) {
		return false;
	}
	if (ledger_salt_encode(&salt, out, NULL)) {
		recorder_drop(&g->recorder, false);
		return false;
	}
	recorder_put(&g->recorder, false, RECORD_OUTCOME, NULL);
	s->salted = true;
	return true;
}

static enum ledger_verdict verdict_of(enum policy_outcome outcome)
{
	switch (outcome) {
	case POLICY_ALLOW:
		return LEDGER_ALLOW;
	case POLICY_ASK:
		return LEDGER_ASK;
	case POLICY_DENY:
		break;
	}
	return LEDGER_DENY;
}

/* Labels of all but requests to models are these, unless something was found; every action carries them. */
static const struct str labels_in[] = {STR_INIT("integrity=user"),
				       STR_INIT("confidentiality=public")};
static const struct str labels_out[] = {STR_INIT("integrity=external"),
					STR_INIT("confidentiality=public")};

static struct ledger_texts labels_of(struct action *a, const struct rules_query *q)
{
	struct ledger_texts ret = {labels_in, ARRAY_LEN(labels_in)};

	if (q->kind == RULES_INFER || q->labels.n_categories) {
		rules_residency_words(q, a->arena, &ret.items, &ret.n);
	}
	return ret;
}

/* A path that is too long for a record is left out; the digest says which file it is. */
static void put_program(const struct rules_query *q, struct ledger_decision *d)
{
	struct str digest = q->program ? q->program->digest : q->digest;

	if (hex_read(digest, d->program_digest, sizeof(d->program_digest)) && q->program &&
	    q->program->path.n <= LEDGER_TEXT_MAX) {
		d->program = q->program->path;
	}
}

static bool record_decision(struct action *a, const struct rules_query *q)
{
	struct gate *g = a->gate;
	struct ledger_decision d = {
		.action_id = action_id(a),
		.action = a->answer.action,
		.principal = a->answer.principal,
		.resource = a->answer.resource,
		.also = a->also,
		.session = str_from_c(a->session->id),
		.node = a->rules->node,
		.decision = verdict_of(a->answer.outcome),
		.policies = {a->answer.policies, a->answer.n_policies},
		.errors = {a->answer.errors, a->answer.n_errors},
		.duties = {a->answer.duties, a->answer.n_duties},
		.logged = {a->answer.logged, a->answer.n_logged},
		.reason = a->answer.cause,
		.labels = labels_of(a, q),
		.arguments_bytes = q->input.n,
		.prompt_bytes = q->prompt.n,
		.time_us = a->real_at_decision / 1000,
	};
	bool durable = a->answer.durable;
	struct buf *out;

	if (q->program || q->digest.n) {
		put_program(q, &d);
	}
	memcpy(d.policy_set, a->rules->digest, sizeof(d.policy_set));
	if (a->answer.matrix) {
		memcpy(d.matrix, a->answer.matrix, sizeof(d.matrix));
	}
	if (!keep_salt(g, a->session)) {
		return false;
	}
	ledger_commit(&a->session->salt, action_id(a), LEDGER_ARGUMENTS, q->input, d.arguments);
	if (q->prompt.p) {
		ledger_commit(&a->session->salt, action_id(a), LEDGER_PROMPT, q->prompt, d.prompt);
	}
	out = recorder_entry(&g->recorder, durable, RECORD_DECISION);
	if (!out) {
		return false;
	}
	if (ledger_decision_encode(&d, out, NULL)) {
		recorder_drop(&g->recorder, durable);
		return false;
	}
	a->wait = (struct record_wait){.on_recorded = on_decision_recorded};
	recorder_put(&g->recorder, durable, RECORD_DECISION, &a->wait);
	return true;
}

static void finish(struct action *a)
{
	step_move(&a->step, STEP_REPLY);
	step_move(&a->step, STEP_DONE);
	a->active = false;
	a->on->reply(a);
}

/* What they say of a request to a model was looked at by its front end. */
static struct str arguments_of(const struct rules_query *q)
{
	return q->kind == RULES_INFER || q->input.n == 0 ? str_make(NULL, 0) : q->input;
}

/* Nothing could be recorded: the answer is the same for all, but never from inside action_start. */
static void on_unrecorded(struct loop_hook *h);

void action_decide(struct action *a, struct rules_query *q, uint64_t started)
{
	struct gate *g = a->gate;

	a->started = started;
	a->rules = g->rules;
	a->step = STEP_PARSE;
	step_move(&a->step, STEP_IDENTIFY);
	q->agent = a->session->agent;
	q->session = str_from_c(a->session->id);
	step_move(&a->step, STEP_LABEL);
	q->labels = (struct rules_labels){.integrity = 2};
	q->now_ms = g->loop.real / CLOCK_MS;
	if (a->rules->seeks) {
		q->found |= rules_raise_look(a->rules, a->session, arguments_of(q));
	}
	rules_residency_label(a->rules, q);
	make_id(a);
	q->request = action_id(a);
	if (g->history.engine) {
		history_ask(g, a->session, a->arena, q);
	}
	step_move(&a->step, STEP_DECIDE);
	rules_decide(a->rules, q, a->arena, &a->answer);
	if (a->session->learns) {
		rules_learn(q, &a->answer);
	}
	if (a->answer.redact) {
		redact_request(a, q);
	}
	a->decided = clock_mono();
	a->real_at_decision = g->loop.real + (a->decided - g->loop.now);
	a->refused = a->answer.outcome != POLICY_ALLOW;
}

void action_record(struct action *a, const struct rules_query *q)
{
	a->active = true;
	if (a->refused) {
		history_ended(a, HISTORY_DENIED, str_make(NULL, 0));
	}
	/* Texts of the decision point into the rules: they stay until the action has ended. */
	(void)rules_ref(a->rules);
	a->session->busy++;
	step_move(&a->step, a->refused ? STEP_RECORD_REFUSAL : STEP_RECORD);
	if (!record_decision(a, q)) {
		a->unrecorded = true;
		a->refused = true;
		a->later.on_turn_end = on_unrecorded;
		loop_defer(&a->gate->loop, &a->later);
	}
}

void action_start(struct action *a, struct rules_query *q, uint64_t started)
{
	action_decide(a, q, started);
	action_record(a, q);
}

static void release(struct action *a)
{
	a->session->busy--;
	rules_unref(a->rules);
	a->rules = NULL;
}

static void end(struct action *a)
{
	struct rules *rules = a->rules;

	history_ended(a, HISTORY_ERROR, str_make(NULL, 0)); /* unless it has been said */
	(void)rules_ref(rules);
	release(a);
	finish(a); /* may free a */
	rules_unref(rules);
}

static void on_unrecorded(struct loop_hook *h)
{
	end(CONTAINER_OF(h, struct action, later));
}

static void on_decision_recorded(struct record_wait *w, bool ok, uint64_t index)
{
	struct action *a = CONTAINER_OF(w, struct action, wait);

	a->index = index;
	if (!ok) {
		a->unrecorded = true;
		a->refused = true;
	}
	if (a->refused) {
		end(a);
		return;
	}
	step_move(&a->step, STEP_FORWARD);
	a->forwarded = a->gate->loop.now;
	a->on->forward(a);
}

static void fill_outcome(struct action *a, struct ledger_outcome *o)
{
	uint64_t now = clock_mono();

	*o = (struct ledger_outcome){
		.action_id = action_id(a),
		.session = str_from_c(a->session->id),
		.status = a->status,
		.code = a->code,
		.labels = {labels_out, ARRAY_LEN(labels_out)},
		.result_bytes = a->result_bytes,
		.sent_bytes = a->sent_bytes,
		.peer = a->peer,
		.findings = {&a->finding, a->finding.n != 0},
		.decide_ns = a->decided - a->started,
		.upstream_ns = a->answered > a->forwarded ? a->answered - a->forwarded : 0,
		.total_ns = now - a->started,
		.time_us = real_us(a, now),
	};
	if (a->has_result) {
		memcpy(o->result, a->result, sizeof(o->result));
	}
	if (a->on->tell) {
		a->on->tell(a, o);
	}
}

/* An outcome has to get into the log: without room for it this gate cannot go on. */
static void record_outcome(struct action *a, struct record_wait *w)
{
	bool durable = a->answer.durable;
	UNSET struct ledger_outcome o;
	struct buf *out = recorder_entry(&a->gate->recorder, durable, RECORD_OUTCOME);
	UNSET struct err err;

	fill_outcome(a, &o);
	if (ledger_outcome_encode(&o, out, &err)) {
		log_line(LOG_ERROR, "an outcome cannot be encoded: %s", err.msg);
		ASSERT(false);
	}
	recorder_put(&a->gate->recorder, durable, RECORD_OUTCOME, w);
}

/* What was passed on has happened, however it ended: to hang up does not take it back. */
static enum history_end end_of(const struct action *a, enum ledger_status status)
{
	return status == LEDGER_OK || a->output.kind != POLICY_NONE ? HISTORY_RESPONSE
								    : HISTORY_ERROR;
}

/* Of a connection; others carry no bytes here. */
static void note_transfer(struct action *a, enum ledger_status status, uint64_t code)
{
	if (status == LEDGER_OK || a->sent_bytes > 0 || a->result_bytes > 0) {
		history_output_transfer(a, a->sent_bytes, a->result_bytes, code);
	}
}

static void conclude(struct action *a, enum ledger_status status, uint64_t code, struct str result)
{
	history_ended(a, end_of(a, status), result);
	a->answered = a->gate->loop.now;
	a->status = status;
	a->code = code;
	if (a->has_result) {
		step_move(&a->step, STEP_INSPECT);
		step_move(&a->step, STEP_LABEL_ANSWER);
	}
	step_move(&a->step, STEP_RECORD_OUTCOME);
	a->wait = (struct record_wait){.on_recorded = on_outcome_recorded};
	record_outcome(a, &a->wait);
}

void action_answered(struct action *a, enum ledger_status status, uint64_t code, struct str result)
{
	ASSERT(a->step == STEP_FORWARD);
	a->has_result = result.p != NULL;
	a->result_bytes = result.n;
	if (a->has_result) {
		ledger_commit(&a->session->salt, action_id(a), LEDGER_RESULT, result, a->result);
	}
	conclude(a, status, code, result);
}

void action_answered_bytes(struct action *a, enum ledger_status status, uint64_t code,
			   uint64_t sent, uint64_t received)
{
	ASSERT(a->step == STEP_FORWARD);
	a->sent_bytes = sent;
	a->result_bytes = received;
	note_transfer(a, status, code);
	conclude(a, status, code, str_make(NULL, 0));
}

void action_commit_begin(const struct action *a, struct sha256 *h)
{
	ledger_commit_init(h, &a->session->salt, action_id(a), LEDGER_RESULT);
}

void action_answered_stream(struct action *a, enum ledger_status status, uint64_t code,
			    struct sha256 *h, uint64_t bytes)
{
	ASSERT(a->step == STEP_FORWARD);
	sha256_final(h, a->result);
	a->has_result = true;
	a->result_bytes = bytes;
	conclude(a, status, code, str_make(NULL, 0));
}

static void on_outcome_recorded(struct record_wait *w, bool ok, uint64_t index)
{
	struct action *a = CONTAINER_OF(w, struct action, wait);

	(void)index;
	ASSERT(ok); /* outcomes are kept until they are in the log */
	end(a);
}

void action_abandon(struct action *a)
{
	action_cut(a, LEDGER_LOST, 0);
}

void action_cut(struct action *a, enum ledger_status status, uint64_t code)
{
	if (!a->active) {
		return;
	}
	a->active = false;
	note_transfer(a, status, code);
	history_ended(a, end_of(a, status), str_make(NULL, 0));
	recorder_forget(&a->wait);
	loop_defer_cancel(&a->later);
	if (a->step == STEP_FORWARD) {
		a->answered = clock_mono();
		a->status = status;
		a->code = code;
		record_outcome(a, NULL);
	}
	release(a);
}
