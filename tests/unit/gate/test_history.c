/* SPDX-License-Identifier: Apache-2.0 */
/* What a gate remembers of its actions, and when it forgets. */
#include "tests/test.h"

#include "gate/gate.h"

#include "tests/unit/gate/fake_scribe.h"
#include "tests/unit/gate/rules_help.h"

#include <sys/syscall.h>
#include <time.h>

#define SCHEMA                                                                                     \
	"namespace Writ { entity Agent, McpServer, Model; entity Tool in [McpServer]; action "     \
	"call_tool;"                                                                               \
	" type Out = { n?: Long, bytes?: Long };"                                                  \
	" action \"fs.a\", \"fs.b\", \"fs.c\" in [call_tool] appliesTo { principal: [Agent],"      \
	" resource: [Tool], context: { input: { x?: Long }, output?: Out, sessionId: String } };"  \
	" action infer appliesTo { principal: [Agent], resource: [Model],"                         \
	" context: { output?: { tokens: Long, finish?: String }, sessionId: String } }; }"
#define PERMIT "@id(\"all\") permit (principal, action, resource);"
/* fs.b is refused once this has happened. */
#define AFTER(event)                                                                               \
	"@id(\"after\") forbid (action == Writ::Action::\"fs.b\") when temporal { formerly "       \
	"within 1h Writ::Action::\"fs.a\"::" event " };"
#define TWICE                                                                                      \
	"@id(\"twice\") forbid (action == Writ::Action::\"fs.b\") when temporal { bind(n, "        \
	"count_within(1h, Writ::Action::\"fs.b\"::request{ }), n > 2) };"

static struct gate gate;
static struct fake_scribe scribe;
static struct session *session;
static struct arena arena;

/* The clocks of this process, as somebody set them. */
static int64_t real_offset, boot_offset; /* seconds */

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int r = (int)syscall(SYS_clock_gettime, id, ts);

	ts->tv_sec += id == CLOCK_REALTIME ? real_offset : id == CLOCK_BOOTTIME ? boot_offset : 0;
	return r;
}

struct watched {
	struct action a;
	unsigned forwards, replies;
};

static void on_forward(struct action *a)
{
	CONTAINER_OF(a, struct watched, a)->forwards++;
}

static void on_reply(struct action *a)
{
	CONTAINER_OF(a, struct watched, a)->replies++;
}

static const struct action_events events = {.forward = on_forward, .reply = on_reply};

/* As a reload does it, without the servers. */
static enum err_code try_apply(const struct rules_help *t, struct err *err)
{
	struct rules *r = rules_help_new(t);
	enum err_code code = history_apply(&gate, r, err);

	if (code) {
		rules_unref(r);
		return code;
	}
	rules_unref(gate.rules);
	gate.rules = r;
	return ERR_OK;
}

static void apply(const char *temporal)
{
	const struct rules_help t = {.cedar = PERMIT, .temporal = temporal, .schema = SCHEMA};
	struct err err;

	if (try_apply(&t, &err)) {
		fail_msg("%s", err.msg);
	}
}

static int begin(void **state)
{
	struct err err;

	(void)state;
	real_offset = boot_offset = 0;
	if (gate_init(&gate, 3, &err)) {
		return -1;
	}
	gate.sessions.max = 1000;
	arena_init(&arena, 64 << 20);
	session = session_open(&gate.sessions, STR("ci"), STR(""), 1);
	return recorder_connect(&gate.recorder, fake_scribe_open(&scribe), &err) == ERR_OK ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	gate_done(&gate);
	chan_done(&scribe.chan);
	arena_done(&arena);
	return 0;
}

/* Everything that waits is in the log. */
static void ack(void)
{
	settle(&gate.loop);
	while (fake_scribe_next(&scribe)) {
		fake_scribe_ack(&scribe, scribe.batch, 50);
		settle(&gate.loop);
	}
}

static void start_in(struct watched *w, struct session *s, const char *tool, const char *input)
{
	struct rules_query q = {.kind = RULES_CALL_TOOL,
				.server = STR("fs"),
				.object = str_from_c(tool),
				.input = str_from_c(input)};

	*w = (struct watched){.a = {.gate = &gate, .on = &events, .session = s, .arena = &arena}};
	action_start(&w->a, &q, clock_mono());
}

static void start(struct watched *w, const char *tool)
{
	start_in(w, session, tool, "{}");
}

static void answered(struct watched *w, enum ledger_status status, const char *result)
{
	ack();
	assert_int_equal(w->forwards, 1);
	action_answered(&w->a, status, 0, result ? str_from_c(result) : str_make(NULL, 0));
	ack();
	assert_int_equal(w->replies, 1);
}

/* Was it allowed? It is performed then, and well. */
static bool call_in(struct session *s, const char *tool)
{
	struct watched w;

	start_in(&w, s, tool, "{}");
	if (w.a.refused) {
		ack();
		return false;
	}
	answered(&w, LEDGER_OK, "{}");
	return true;
}

static bool call(const char *tool)
{
	return call_in(session, tool);
}

static size_t histories(void)
{
	return dw_engine_stats(gate.history.engine).histories;
}

static void a_request_counts_while_it_is_under_way(void **state)
{
	struct watched w[3];

	(void)state;
	apply(TWICE);
	for (int i = 0; i < 3; i++) {
		start(&w[i], "b");
		assert_int_equal(w[i].a.refused, i == 2);
	}
	ack();
	for (int i = 0; i < 2; i++) {
		answered(&w[i], LEDGER_OK, "{}");
	}
	assert_false(call("b")); /* the refused ones count as requests, too */
}

static void each_end_is_its_own_event(void **state)
{
	static const char *const kinds[] = {"response{ }", "error{ }", "denied{ }"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		char text[512];

		for (size_t end = 0; end < ARRAY_LEN(kinds); end++) {
			struct session *s = session_open(&gate.sessions, STR("ci"), STR(""), 1);
			struct watched w;

			(void)snprintf(text, sizeof(text),
				       "@id(\"after\") forbid (action == Writ::Action::\"fs.b\") "
				       "when temporal { formerly within 1h "
				       "Writ::Action::\"fs.a\"::%s };"
				       "forbid (action == Writ::Action::\"fs.a\") when { "
				       "context.input has x };",
				       kinds[i]);
			apply(text);
			start_in(&w, s, "a", end == 2 ? "{\"x\":1}" : "{}");
			assert_int_equal(w.a.refused, end == 2);
			if (end < 2) {
				answered(&w, end == 0 ? LEDGER_OK : LEDGER_TIMEOUT, NULL);
			}
			assert_int_equal(call_in(s, "b"), end != i);
			ack();
		}
	}
}

static void what_was_given_up_or_not_recorded_is_an_error_once(void **state)
{
	static const char once[] =
		"@id(\"n\") forbid (action == Writ::Action::\"fs.b\") when temporal { bind(n, "
		"count_within(1h, Writ::Action::\"fs.a\"::error{ }), n != 1) };";
	struct watched w;

	(void)state;
	apply(once);
	start(&w, "a");
	ack();
	action_abandon(&w.a);
	ack();
	assert_true(call("b"));

	session = session_open(&gate.sessions, STR("ci"), STR(""), 1);
	start(&w, "a");
	action_abandon(&w.a); /* before it was recorded */
	ack();
	assert_true(call("b"));

	session = session_open(&gate.sessions, STR("ci"), STR(""), 1);
	start(&w, "a");
	settle(&gate.loop);
	assert_true(fake_scribe_next(&scribe));
	fake_scribe_nack(&scribe, scribe.batch, IPC_NACK_FULL);
	settle(&gate.loop);
	assert_true(w.a.unrecorded);
	fake_scribe_await(&scribe, &gate.loop); /* the session's salt again */
	fake_scribe_ack(&scribe, scribe.batch, 60);
	assert_true(call("b"));
}

static void what_an_answer_says_is_part_of_its_event(void **state)
{
	struct watched w;

	(void)state;
	apply(AFTER("response{ output.n: 5 }"));
	start(&w, "a");
	answered(&w, LEDGER_OK, "{\"content\":[],\"structuredContent\":{\"n\":4,\"more\":[1]}}");
	assert_true(call("b"));
	start(&w, "a");
	answered(&w, LEDGER_OK, "{\"structuredContent\":{\"n\":5}}");
	assert_false(call("b"));
	assert_int_equal(dw_engine_stats(gate.history.engine).saturated, 0);
	/* An answer without it, or with another type: anything may have been said. */
	for (int i = 0; i < 4; i++) {
		static const char *const bad[] = {"{}", "{\"structuredContent\":{\"n\":\"5\"}}",
						  "{\"structuredContent\":5}", NULL};

		session = session_open(&gate.sessions, STR("ci"), STR(""), 1);
		start(&w, "a");
		answered(&w, LEDGER_OK, bad[i]);
		assert_false(call("b"));
	}
	/* Nothing looks at what failed. */
	session = session_open(&gate.sessions, STR("ci"), STR(""), 1);
	start(&w, "a");
	answered(&w, LEDGER_TOOL_ERROR, "{\"isError\":true}");
	assert_true(call("b"));
}

static void bytes_and_tokens_are_outputs(void **state)
{
	struct model_outcome outcome = {.usage = {.given = true, .output = 7},
					.finish = MODEL_FINISH_STOP};
	struct rules_query q = {.kind = RULES_INFER, .object = STR("small")};
	struct watched w;

	(void)state;
	apply("@id(\"b\") forbid (action == Writ::Action::\"fs.b\") when temporal { bind(s, "
	      "sum_within(n, 1h, Writ::Action::\"infer\"::response{ output.tokens: n, "
	      "output.finish: \"stop\" }), s != 7 ) };"
	      "@id(\"c\") forbid (action == Writ::Action::\"fs.c\") when temporal { bind(s, "
	      "sum_within(n, 1h, Writ::Action::\"fs.a\"::response{ output.bytes: n }), s != 12) "
	      "};");
	assert_false(call("b"));
	w = (struct watched){
		.a = {.gate = &gate, .on = &events, .session = session, .arena = &arena}};
	action_start(&w.a, &q, clock_mono());
	ack();
	history_output_model(&w.a, &outcome, 1000);
	answered(&w, LEDGER_OK, "streamed");
	assert_true(call("b"));
	/* A back end that does not count: as many as there were bytes. */
	outcome.usage.given = false;
	w = (struct watched){
		.a = {.gate = &gate, .on = &events, .session = session, .arena = &arena}};
	action_start(&w.a, &q, clock_mono());
	ack();
	history_output_model(&w.a, &outcome, 1000);
	answered(&w, LEDGER_OK, "streamed");
	assert_false(call("b"));

	start(&w, "a");
	ack();
	history_output_bytes(&w.a, 12);
	answered(&w, LEDGER_OK, "{}");
	assert_true(call("c"));
}

/* Else an agent could spend without limit, and hang up before each end. */
static void to_hang_up_takes_back_nothing(void **state)
{
	const struct model_outcome outcome = {0};
	struct rules_query q = {.kind = RULES_INFER, .object = STR("small")};

	(void)state;
	apply("@id(\"b\") forbid (action == Writ::Action::\"fs.b\") when temporal { bind(s, "
	      "sum_within(n, 1h, Writ::Action::\"infer\"::response{ output.tokens: n }), s >= 30) "
	      "};");
	for (int i = 0; i < 3; i++) {
		struct watched w = {
			.a = {.gate = &gate, .on = &events, .session = session, .arena = &arena}};

		assert_true(call("b"));
		action_start(&w.a, &q, clock_mono());
		ack();
		history_output_model(&w.a, &outcome, 10);
		if (i == 1) {
			action_abandon(&w.a);
		} else {
			answered(&w, LEDGER_CALLER_GONE, NULL);
		}
		ack();
	}
	assert_false(call("b"));
}

static void setting_the_clock_moves_nothing(void **state)
{
	(void)state;
	apply(TWICE);
	assert_true(call("b"));
	real_offset = -7200;
	assert_true(call("b"));
	assert_false(call("b"));
	real_offset = 7200;
	assert_false(call("b"));
	real_offset = -100000;
	boot_offset = 3700; /* this is how time passes, also asleep */
	assert_true(call("b"));
}

static void a_history_ends_with_its_session(void **state)
{
	struct session *other;

	(void)state;
	apply(TWICE);
	for (int i = 0; i < 100; i++) {
		other = session_open(&gate.sessions, STR("ci"), STR(""), 1);
		assert_true(call_in(other, "b"));
		assert_int_equal(histories(), 1);
		gate_session_end(&gate, other);
		ack();
		assert_int_equal(histories(), 0);
	}
	/* And only its own. */
	assert_true(call("b"));
	other = session_open(&gate.sessions, STR("ci"), STR(""), 1);
	assert_true(call_in(other, "b"));
	gate_session_end(&gate, other);
	ack();
	assert_true(call("b"));
	assert_false(call("b"));
}

static void a_reload_takes_histories_along_while_conditions_stay(void **state)
{
	const struct rules_help other = {
		.cedar = "@id(\"other\") permit (principal, action, resource);",
		.temporal = "// the same\n@reason(\"two an hour\") " TWICE,
		.schema = SCHEMA};
	struct watched under_way;
	struct err err;

	(void)state;
	apply(TWICE);
	start(&under_way, "b");
	assert_int_equal(try_apply(&other, &err), ERR_OK);
	answered(&under_way, LEDGER_OK, "{}"); /* decided before, ended after */
	assert_true(call("b"));
	assert_false(call("b"));
	apply("@id(\"thrice\") forbid (action == Writ::Action::\"fs.b\") when temporal { bind(n, "
	      "count_within(1h, Writ::Action::\"fs.b\"::request{ }), n > 3) };");
	assert_true(call("b")); /* another condition: all begins anew */
	apply("");
	assert_null(gate.history.engine);
	for (int i = 0; i < 5; i++) {
		assert_true(call("b"));
	}
	start(&under_way, "b");
	apply(TWICE);
	answered(&under_way, LEDGER_OK, "{}"); /* its request was no event, so its end is none */
	assert_int_equal(histories(), 0);
}

static void a_reload_that_changes_what_happened_to_mean_says_so(void **state)
{
	struct ledger_entry e;
	struct err err;

	(void)state;
	apply(TWICE);
	assert_true(call("b"));
	apply(AFTER("request{ }"));
	settle(&gate.loop);
	assert_true(fake_scribe_next(&scribe));
	assert_int_equal(
		ledger_entry_decode(arena_dup(&arena, scribe.entries[0]), &arena, &e, &err),
		ERR_OK);
	assert_int_equal(e.kind, LEDGER_EVENT);
	assert_int_equal(e.u.event.event, LEDGER_FINDING);
	assert_str_equal(e.u.event.subject, STR("histories"));
	assert_true(str_find_str(e.u.event.detail, STR("does not count")) < e.u.event.detail.n);
	fake_scribe_ack(&scribe, scribe.batch, 1);
	ack();
}

/* A gate that died: sessions ended with it, principals did not. */
static void what_a_dead_gate_knew_of_a_principal_is_taken_for_the_worst(void **state)
{
	struct session *named, *late;

	(void)state;
	gate.history.again = true;
	apply(AFTER("request{ }"));
	assert_true(call("b"));
	named = session_named(&gate.sessions, STR("ci"), 1);
	assert_false(call_in(named, "b"));
	assert_true(call_in(named, "a"));
	boot_offset = 3590;
	late = session_named(&gate.sessions, STR("late"), 1);
	assert_false(call_in(late, "b"));
	/* Out of every window, what it did matters no more. */
	boot_offset = 3700;
	assert_true(call_in(named, "b"));
	assert_true(call_in(session_named(&gate.sessions, STR("later"), 1), "b"));
	assert_false(call_in(late, "b")); /* the loss counts from when it was noticed */
	boot_offset = 7300;
	assert_true(call_in(late, "b"));
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, begin, finish)
	const struct CMUnitTest tests[] = {
		T(a_request_counts_while_it_is_under_way),
		T(each_end_is_its_own_event),
		T(what_was_given_up_or_not_recorded_is_an_error_once),
		T(what_an_answer_says_is_part_of_its_event),
		T(bytes_and_tokens_are_outputs),
		T(to_hang_up_takes_back_nothing),
		T(setting_the_clock_moves_nothing),
		T(a_history_ends_with_its_session),
		T(a_reload_takes_histories_along_while_conditions_stay),
		T(a_reload_that_changes_what_happened_to_mean_says_so),
		T(what_a_dead_gate_knew_of_a_principal_is_taken_for_the_worst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
