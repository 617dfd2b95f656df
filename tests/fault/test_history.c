/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory runs out at every single allocation in turn while a gate remembers what happens: nothing
 * crashes, nothing leaks, and what happened is never taken not to have.
 */
#include "tests/test.h"

#include "gate/gate.h"

#include "tests/fault/alloc.h"
#include "tests/unit/gate/fake_scribe.h"
#include "tests/unit/gate/rules_help.h"

#define SCHEMA                                                                                     \
	"namespace Writ { entity Agent, McpServer; entity Tool in [McpServer]; action call_tool;"  \
	" action \"fs.a\", \"fs.b\" in [call_tool] appliesTo { principal: [Agent],"                \
	" resource: [Tool], context: { output?: { n: Long }, sessionId: String } }; }"
#define PERMIT "@id(\"all\") permit (principal, action, resource);"
/* Once in a part that is kept by entries, once in one for which events are kept. */
#define AFTER                                                                                      \
	"forbid (action == Writ::Action::\"fs.b\") when temporal { formerly within 1h "            \
	"Writ::Action::\"fs.a\"::response{ output.n: 5 } };"
#define AFTER_KEPT                                                                                 \
	"forbid (action == Writ::Action::\"fs.b\") when temporal { formerly within 1h ("           \
	"Writ::Action::\"fs.a\"::response{ } && formerly within 1h "                               \
	"Writ::Action::\"fs.a\"::request{ }) };"

static struct gate gate;
static struct fake_scribe scribe;
static struct session *session;
static struct arena arena;

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

static struct rules *rules_with(const char *temporal)
{
	return rules_help_new(
		&(struct rules_help){.cedar = PERMIT, .temporal = temporal, .schema = SCHEMA});
}

static void open_gate(const char *temporal)
{
	struct err err;

	assert_int_equal(gate_init(&gate, 0, &err), ERR_OK);
	gate.rules = rules_with(temporal);
	gate.sessions.max = 10;
	assert_int_equal(history_apply(&gate, gate.rules, &err), ERR_OK);
	session = session_open(&gate.sessions, STR("ci"), STR(""), 1);
	session->salted = true;
	arena_init(&arena, 1 << 20);
	assert_int_equal(recorder_connect(&gate.recorder, fake_scribe_open(&scribe), &err), ERR_OK);
}

static void close_gate(void)
{
	gate_done(&gate);
	chan_done(&scribe.chan);
	arena_done(&arena);
}

static void ack(void)
{
	settle(&gate.loop);
	while (fake_scribe_next(&scribe)) {
		fake_scribe_ack(&scribe, scribe.batch, 0);
		settle(&gate.loop);
	}
}

static void start(struct watched *w, const char *tool)
{
	struct rules_query q = {.kind = RULES_CALL_TOOL,
				.server = STR("fs"),
				.object = str_from_c(tool),
				.input = STR("{}")};

	*w = (struct watched){
		.a = {.gate = &gate, .on = &events, .session = session, .arena = &arena}};
	action_start(&w->a, &q, clock_mono());
}

static bool may_b(void)
{
	struct watched w;
	bool may;

	start(&w, "b");
	may = !w.a.refused;
	ack();
	action_abandon(&w.a);
	ack();
	return may;
}

/* That records find no memory is another test's matter (test_gate.c): here they have it. */
static void begin_batch(void)
{
	gate_event(&gate, &(struct ledger_event){.event = LEDGER_SESSION_OPENED,
						 .subject = STR("s"),
						 .detail = STR("ci")});
}

static void answer_a(struct watched *w)
{
	action_answered(&w->a, LEDGER_OK, 0, STR("{\"structuredContent\":{\"n\":5}}"));
}

static void temporal_rules_are_made_whole_or_not_at_all(void **state)
{
	const struct rules_help t = {
		.cedar = PERMIT, .temporal = AFTER AFTER_KEPT, .schema = SCHEMA};
	struct buf bundle;

	(void)state;
	rules_help_bundle(&bundle, &t);
	ALLOC_EACH(n, all)
	{
		long before = alloc_live;
		struct rules *r = NULL;
		struct err err = {0};
		enum err_code code;
		bool failed;

		alloc_fail_at(n, all);
		code = rules_new(STR(RULES_CONFIG), buf_str(&bundle), &r, &err);
		failed = alloc_normal();
		if (code) {
			assert_true(failed);
			assert_null(r);
			assert_true(err.msg[0] != '\0');
		} else {
			rules_unref(r);
		}
		assert_int_equal(alloc_live, before);
	}
	buf_done(&bundle);
}

/* Whatever fails while it is decided: it is not performed, or it is remembered. */
static void what_is_performed_is_remembered(void **state)
{
	static const char *const policies[] = {AFTER, AFTER_KEPT};
	unsigned refused = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
		ALLOC_EACH(n, all)
		{
			long before = alloc_live;
			struct watched w;
			bool failed;

			open_gate(policies[i]);
			begin_batch();
			alloc_fail_at(n, all);
			start(&w, "a");
			failed = alloc_normal();
			ack();
			refused += w.a.refused;
			assert_true(failed || w.forwards == 1);
			if (w.forwards) {
				answer_a(&w);
				ack();
				assert_false(may_b());
			}
			action_abandon(&w.a);
			close_gate();
			assert_int_equal(alloc_live, before);
		}
	}
	assert_true(refused > 0);
}

static void an_answer_that_finds_no_memory_is_taken_for_the_worst(void **state)
{
	static const char *const policies[] = {AFTER, AFTER_KEPT};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
		ALLOC_EACH(n, all)
		{
			struct watched w;

			open_gate(policies[i]);
			start(&w, "a");
			ack();
			assert_int_equal(w.forwards, 1);
			begin_batch();
			alloc_fail_at(n, all);
			history_ended(&w.a, HISTORY_RESPONSE,
				      STR("{\"structuredContent\":{\"n\":5}}"));
			(void)alloc_normal();
			answer_a(&w);
			ack();
			assert_false(may_b());
			close_gate();
		}
	}
}

static void a_reload_without_memory_forgets_nothing_silently(void **state)
{
	unsigned done = 0, not_done = 0;

	(void)state;
	ALLOC_EACH(n, all)
	{
		long before = alloc_live;
		enum err_code code;
		struct watched w;
		struct rules *r;
		struct err err;

		open_gate(AFTER AFTER_KEPT);
		start(&w, "a");
		ack();
		answer_a(&w);
		ack();
		assert_false(may_b());
		r = rules_with("// the same\n" AFTER AFTER_KEPT);
		begin_batch();
		alloc_fail_at(n, all);
		code = history_apply(&gate, r, &err);
		(void)alloc_normal();
		if (code == ERR_OK) {
			rules_unref(gate.rules);
			gate.rules = r;
			ack();
			assert_false(may_b());
			done++;
		} else {
			rules_unref(r); /* the gate is ended then */
			not_done++;
		}
		close_gate();
		assert_int_equal(alloc_live, before);
	}
	assert_true(done > 2 && not_done > 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(temporal_rules_are_made_whole_or_not_at_all),
		cmocka_unit_test(what_is_performed_is_remembered),
		cmocka_unit_test(an_answer_that_finds_no_memory_is_taken_for_the_worst),
		cmocka_unit_test(a_reload_without_memory_forgets_nothing_silently),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
