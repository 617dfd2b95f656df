/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "gate/gate.h"
#include "ledger/salt.h"

#include "tests/unit/gate/fake_scribe.h"
#include "tests/unit/gate/rules_help.h"

#define READS "@id(\"reads\") permit (principal, action == Writ::Action::\"fs.read\", resource);"
#define ASKS                                                                                       \
	"@id(\"may\") permit (principal, action == Writ::Action::\"fs.ask\", resource);"           \
	"@id(\"asks\") @ask(\"owner\") forbid (principal, action == Writ::Action::\"fs.ask\", "    \
	"resource);"
#define DURABLE                                                                                    \
	"@id(\"kept\") @audit(\"durable\") permit (principal, action == "                          \
	"Writ::Action::\"fs.keep\", resource);"

struct watched {
	struct action a;
	unsigned forwards, replies;
};

static struct gate gate;
static struct fake_scribe scribe, successor;
static struct session *session;
static struct arena arena;

static void on_forward(struct action *a)
{
	struct watched *w = CONTAINER_OF(a, struct watched, a);

	assert_int_equal(w->replies, 0);
	w->forwards++;
}

static void on_reply(struct action *a)
{
	CONTAINER_OF(a, struct watched, a)->replies++;
}

static const struct action_events events = {.forward = on_forward, .reply = on_reply};

static int begin(void **state)
{
	struct err err;

	(void)state;
	if (gate_init(&gate, 3, &err)) {
		return -1;
	}
	gate.rules = rules_of(READS DURABLE ASKS);
	gate.sessions.max = 10;
	arena_init(&arena, 16 << 20);
	session = session_open(&gate.sessions, STR("ci"), STR(""), 1);
	successor.chan = (struct chan){.fd = -1};
	return recorder_connect(&gate.recorder, fake_scribe_open(&scribe), &err) == ERR_OK ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	assert_int_equal(session->busy, 0);
	assert_int_equal(gate.rules->refs, 1);
	gate_done(&gate);
	chan_done(&scribe.chan);
	chan_done(&successor.chan);
	arena_done(&arena);
	return 0;
}

static void start(struct watched *w, const char *tool)
{
	struct rules_query q = {.kind = RULES_CALL_TOOL,
				.server = STR("fs"),
				.object = str_from_c(tool),
				.input = STR("{\"path\":\"/a\"}")};

	*w = (struct watched){
		.a = {.gate = &gate, .on = &events, .session = session, .arena = &arena}};
	action_start(&w->a, &q, clock_mono());
	assert_int_equal(w->forwards + w->replies, 0); /* never from inside */
}

/* The entry with this number in the scribe's last frame. */
static struct ledger_entry entry(const struct fake_scribe *s, uint32_t i, enum ledger_kind kind)
{
	struct ledger_entry e;
	struct err err;

	assert_true(i < s->n);
	if (ledger_entry_decode(arena_dup(&arena, s->entries[i]), &arena, &e, &err)) {
		fail_msg("%s", err.msg);
	}
	assert_int_equal(e.kind, kind);
	return e;
}

static void ack(void)
{
	fake_scribe_ack(&scribe, scribe.batch, 50);
	settle(&gate.loop);
}

/* To the point where it is being performed. */
static void start_forwarded(struct watched *w)
{
	start(w, "read");
	settle(&gate.loop);
	assert_true(fake_scribe_next(&scribe));
	ack();
	assert_int_equal(w->forwards, 1);
}

static void nothing_more_is_recorded(void)
{
	settle(&gate.loop);
	assert_false(fake_scribe_next(&scribe));
	assert_true(recorder_idle(&gate.recorder));
}

static void an_action_is_performed_between_its_two_records(void **state)
{
	struct ledger_decision d;
	struct ledger_outcome o;
	struct ledger_salt salt;
	uint8_t commitment[SHA256_LEN];
	struct watched w;

	(void)state;
	start(&w, "read");
	settle(&gate.loop);
	settle(&gate.loop);
	assert_int_equal(w.forwards, 0); /* the record has left, but is not acknowledged */
	assert_int_equal(session->busy, 1);
	assert_true(fake_scribe_next(&scribe));
	assert_int_equal(scribe.n, 2);
	salt = entry(&scribe, 0, LEDGER_SALT).u.salt;
	assert_str_equal(salt.session, str_from_c(session->id));
	assert_memory_equal(salt.key, &session->salt, sizeof(salt.key));
	d = entry(&scribe, 1, LEDGER_DECISION).u.decision;
	assert_int_equal(d.decision, LEDGER_ALLOW);
	assert_str_equal(d.action, STR("Writ::Action::\"fs.read\""));
	assert_str_equal(d.principal, STR("Writ::Agent::\"ci\""));
	assert_str_equal(d.session, str_from_c(session->id));
	assert_str_equal(d.node, STR("n1"));
	assert_int_equal(d.policies.n, 1);
	assert_str_equal(d.policies.items[0], STR("reads"));
	assert_memory_equal(d.policy_set, gate.rules->digest, SHA256_LEN);
	ledger_commit(&session->salt, d.action_id, LEDGER_ARGUMENTS, STR("{\"path\":\"/a\"}"),
		      commitment);
	assert_memory_equal(d.arguments, commitment, SHA256_LEN);
	assert_true(str_starts_with(d.action_id, STR("g3-")));

	ack();
	assert_int_equal(w.forwards, 1);
	assert_int_equal(w.a.index, 51);
	nothing_more_is_recorded();
	action_answered(&w.a, LEDGER_OK, 200, STR("the answer"));
	settle(&gate.loop);
	assert_int_equal(w.replies, 0);
	assert_true(fake_scribe_next(&scribe));
	assert_int_equal(scribe.n, 1);
	o = entry(&scribe, 0, LEDGER_OUTCOME).u.outcome;
	assert_str_equal(o.action_id, d.action_id);
	assert_int_equal(o.status, LEDGER_OK);
	assert_int_equal(o.code, 200);
	ledger_commit(&session->salt, d.action_id, LEDGER_RESULT, STR("the answer"), commitment);
	assert_memory_equal(o.result, commitment, SHA256_LEN);
	ack();
	assert_int_equal(w.replies, 1);
	assert_int_equal(w.forwards, 1);
	assert_false(w.a.refused);
	assert_int_equal(w.a.step, STEP_DONE);
	nothing_more_is_recorded();
}

static void a_refusal_is_recorded_and_never_performed(void **state)
{
	struct watched w;

	(void)state;
	start(&w, "delete");
	settle(&gate.loop);
	assert_int_equal(w.replies, 0);
	assert_true(fake_scribe_next(&scribe));
	assert_int_equal(entry(&scribe, 1, LEDGER_DECISION).u.decision.decision, LEDGER_DENY);
	ack();
	assert_int_equal(w.replies, 1);
	assert_int_equal(w.forwards, 0);
	assert_true(w.a.refused && !w.a.unrecorded);
	nothing_more_is_recorded();
}

static void what_has_to_be_asked_about_is_not_performed(void **state)
{
	struct watched w;

	(void)state;
	start(&w, "ask");
	settle(&gate.loop);
	assert_true(fake_scribe_next(&scribe));
	assert_int_equal(entry(&scribe, 1, LEDGER_DECISION).u.decision.decision, LEDGER_ASK);
	ack();
	assert_int_equal(w.forwards, 0);
	assert_int_equal(w.replies, 1);
	assert_true(w.a.refused);
	nothing_more_is_recorded();
}

static void assert_unrecorded(const struct watched *w)
{
	assert_int_equal(w->forwards, 0);
	assert_int_equal(w->replies, 1);
	assert_true(w->a.refused && w->a.unrecorded);
}

static void what_is_not_recorded_is_never_performed(void **state)
{
	struct watched w[2];

	(void)state;
	start(&w[0], "read");
	start(&w[1], "delete");
	settle(&gate.loop);
	assert_true(fake_scribe_next(&scribe));
	fake_scribe_nack(&scribe, scribe.batch, IPC_NACK_FULL);
	settle(&gate.loop);
	assert_unrecorded(&w[0]);
	assert_unrecorded(&w[1]);
	fake_scribe_await(&scribe, &gate.loop);
	assert_int_equal(scribe.n, 1); /* the salt only: it has to be kept before its use */
	(void)entry(&scribe, 0, LEDGER_SALT);
	ack();
	nothing_more_is_recorded();
}

static void an_action_whose_scribe_dies_is_never_performed(void **state)
{
	struct watched w;

	(void)state;
	start(&w, "read");
	settle(&gate.loop);
	chan_done(&scribe.chan);
	settle(&gate.loop);
	assert_unrecorded(&w);
}

static void an_action_that_no_record_can_name_is_never_performed(void **state)
{
	struct watched w;

	(void)state;
	rules_unref(gate.rules);
	gate.rules = rules_of("permit (principal, action, resource);");
	start(&w, "bad\xff");
	settle(&gate.loop);
	assert_unrecorded(&w);
	assert_int_equal(w.a.step, STEP_DONE);
	assert_true(fake_scribe_next(&scribe));
	assert_int_equal(scribe.n, 1); /* its salt */
	(void)entry(&scribe, 0, LEDGER_SALT);
	ack();
}

static void with_too_much_under_way_nothing_is_performed(void **state)
{
	struct watched w;
	struct buf *b;

	(void)state;
	while ((b = recorder_entry(&gate.recorder, false, RECORD_DECISION)) != NULL) {
		buf_append(b, STR("x"));
		recorder_put(&gate.recorder, false, RECORD_DECISION, NULL);
	}
	start(&w, "read");
	for (int i = 0; i < 3 && !w.replies; i++) {
		settle(&gate.loop);
	}
	assert_unrecorded(&w);
}

static void the_key_of_a_session_is_recorded_once(void **state)
{
	struct watched w[2];

	(void)state;
	start_forwarded(&w[0]);
	start(&w[1], "read");
	settle(&gate.loop);
	assert_true(fake_scribe_next(&scribe));
	assert_int_equal(scribe.n, 1);
	(void)entry(&scribe, 0, LEDGER_DECISION);
	assert_false(str_eq(str_make(w[0].a.id, w[0].a.id_n), str_make(w[1].a.id, w[1].a.id_n)));
	action_abandon(&w[0].a);
	action_abandon(&w[1].a);
	ack();
}

static void an_outcome_is_recorded_however_long_it_takes(void **state)
{
	struct watched w;
	struct err err;

	(void)state;
	start_forwarded(&w);
	action_answered(&w.a, LEDGER_TOOL_ERROR, 200, STR("no"));
	settle(&gate.loop);
	assert_true(fake_scribe_next(&scribe));
	fake_scribe_nack(&scribe, scribe.batch, IPC_NACK_FULL);
	settle(&gate.loop);
	assert_int_equal(w.replies, 0);
	fake_scribe_await(&scribe, &gate.loop);
	chan_done(&scribe.chan); /* nor does the scribe's end change it */
	settle(&gate.loop);
	assert_int_equal(w.replies, 0);
	assert_int_equal(recorder_connect(&gate.recorder, fake_scribe_open(&successor), &err),
			 ERR_OK);
	fake_scribe_await(&successor, &gate.loop);
	assert_int_equal(successor.n, 1);
	assert_int_equal(entry(&successor, 0, LEDGER_OUTCOME).u.outcome.status, LEDGER_TOOL_ERROR);
	fake_scribe_ack(&successor, successor.batch, 9);
	settle(&gate.loop);
	assert_int_equal(w.replies, 1);
	assert_false(fake_scribe_next(&successor));
}

static void an_outcome_without_a_result_is_recorded_as_well(void **state)
{
	static const uint8_t none[SHA256_LEN];
	struct ledger_outcome o;
	struct watched w;

	(void)state;
	start_forwarded(&w);
	action_answered(&w.a, LEDGER_UNREACHABLE, 0, str_make(NULL, 0));
	settle(&gate.loop);
	assert_true(fake_scribe_next(&scribe));
	o = entry(&scribe, 0, LEDGER_OUTCOME).u.outcome;
	assert_int_equal(o.status, LEDGER_UNREACHABLE);
	assert_memory_equal(o.result, none, SHA256_LEN);
	ack();
	assert_int_equal(w.replies, 1);
}

static void a_result_in_pieces_is_committed_to_like_a_whole_one(void **state)
{
	uint8_t commitment[SHA256_LEN];
	struct ledger_outcome o;
	struct sha256 h;
	struct watched w;

	(void)state;
	start_forwarded(&w);
	action_commit_begin(&w.a, &h);
	sha256_update(&h, "the ", 4);
	sha256_update(&h, "answer", 6);
	action_answered_stream(&w.a, LEDGER_OK, 200, &h, 10);
	settle(&gate.loop);
	assert_true(fake_scribe_next(&scribe));
	o = entry(&scribe, 0, LEDGER_OUTCOME).u.outcome;
	ledger_commit(&session->salt, o.action_id, LEDGER_RESULT, STR("the answer"), commitment);
	assert_memory_equal(o.result, commitment, SHA256_LEN);
	assert_int_equal(o.result_bytes, 10);
	ack();
}

static void a_durable_action_is_durable_in_both_records(void **state)
{
	struct watched w;

	(void)state;
	start(&w, "keep");
	settle(&gate.loop);
	assert_true(fake_scribe_next(&scribe)); /* the session's key */
	assert_int_equal(scribe.flags, 0);
	ack();
	assert_int_equal(w.forwards, 0);
	assert_true(fake_scribe_next(&scribe));
	assert_int_equal(scribe.flags, IPC_APPEND_DURABLE);
	assert_int_equal(entry(&scribe, 0, LEDGER_DECISION).u.decision.decision, LEDGER_ALLOW);
	ack();
	assert_int_equal(w.forwards, 1);
	action_answered(&w.a, LEDGER_OK, 200, STR(""));
	settle(&gate.loop);
	assert_true(fake_scribe_next(&scribe));
	assert_int_equal(scribe.flags, IPC_APPEND_DURABLE);
	ack();
	assert_int_equal(w.replies, 1);
}

static void given_up_before_its_record_it_is_never_performed(void **state)
{
	struct watched w[2];

	(void)state;
	start(&w[0], "read");
	start(&w[1], "delete");
	settle(&gate.loop);
	assert_true(fake_scribe_next(&scribe));
	action_abandon(&w[0].a);
	action_abandon(&w[1].a);
	assert_int_equal(session->busy, 0);
	ack();
	for (int i = 0; i < 2; i++) {
		assert_int_equal(w[i].forwards + w[i].replies, 0);
	}
	nothing_more_is_recorded();
}

static void given_up_while_it_is_performed_it_is_recorded_as_lost(void **state)
{
	struct watched w;

	(void)state;
	start_forwarded(&w);
	action_abandon(&w.a);
	action_abandon(&w.a); /* harmless at its end */
	memset(&w, 0x5a, sizeof(w));
	settle(&gate.loop);
	assert_true(fake_scribe_next(&scribe));
	assert_int_equal(scribe.n, 1);
	assert_int_equal(entry(&scribe, 0, LEDGER_OUTCOME).u.outcome.status, LEDGER_LOST);
	ack();
	nothing_more_is_recorded();
}

static void given_up_after_its_end_its_outcome_is_recorded_once(void **state)
{
	struct watched w;

	(void)state;
	start_forwarded(&w);
	action_answered(&w.a, LEDGER_OK, 200, STR("x"));
	action_abandon(&w.a);
	memset(&w, 0x5a, sizeof(w));
	settle(&gate.loop);
	assert_true(fake_scribe_next(&scribe));
	assert_int_equal(scribe.n, 1);
	assert_int_equal(entry(&scribe, 0, LEDGER_OUTCOME).u.outcome.status, LEDGER_OK);
	fake_scribe_nack(&scribe, scribe.batch, 0);
	fake_scribe_await(&scribe, &gate.loop);
	assert_int_equal(scribe.n, 1);
	ack();
	nothing_more_is_recorded();
}

static void given_up_before_it_hears_that_nothing_was_recorded(void **state)
{
	struct watched w;

	(void)state;
	rules_unref(gate.rules);
	gate.rules = rules_of("permit (principal, action, resource);");
	start(&w, "bad\xff");
	action_abandon(&w.a);
	settle(&gate.loop);
	assert_int_equal(w.forwards + w.replies, 0);
	action_abandon(&w.a);
}

static void an_idle_action_can_be_given_up(void **state)
{
	struct action a = {0};

	(void)state;
	action_abandon(&a);
	nothing_more_is_recorded();
}

static void a_reload_leaves_an_action_the_rules_it_was_decided_by(void **state)
{
	struct rules *old = gate.rules;
	struct watched w, after;

	(void)state;
	start_forwarded(&w);
	rules_unref(old); /* as gate_apply does */
	gate.rules = rules_of("");
	start(&after, "read");
	assert_true(after.a.refused);
	assert_str_equal(w.a.answer.policy, STR("reads")); /* its text is still there */
	assert_ptr_equal(w.a.rules, old);
	action_answered(&w.a, LEDGER_OK, 200, STR("x"));
	settle(&gate.loop);
	assert_true(fake_scribe_next(&scribe));
	ack();
	assert_int_equal(w.replies, 1);
	assert_int_equal(after.replies, 1);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, begin, finish)
	const struct CMUnitTest tests[] = {
		T(an_action_is_performed_between_its_two_records),
		T(a_refusal_is_recorded_and_never_performed),
		T(what_has_to_be_asked_about_is_not_performed),
		T(what_is_not_recorded_is_never_performed),
		T(an_action_whose_scribe_dies_is_never_performed),
		T(an_action_that_no_record_can_name_is_never_performed),
		T(with_too_much_under_way_nothing_is_performed),
		T(the_key_of_a_session_is_recorded_once),
		T(an_outcome_is_recorded_however_long_it_takes),
		T(an_outcome_without_a_result_is_recorded_as_well),
		T(a_result_in_pieces_is_committed_to_like_a_whole_one),
		T(a_durable_action_is_durable_in_both_records),
		T(given_up_before_its_record_it_is_never_performed),
		T(given_up_while_it_is_performed_it_is_recorded_as_lost),
		T(given_up_after_its_end_its_outcome_is_recorded_once),
		T(given_up_before_it_hears_that_nothing_was_recorded),
		T(an_idle_action_can_be_given_up),
		T(a_reload_leaves_an_action_the_rules_it_was_decided_by),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
