/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the prover takes for granted about temporal conditions, against random histories in
 * which the reference evaluator is asked: nothing that it calls impossible may happen. And
 * what it proves and finds about policies over events.
 */
#include "tests/unit/policy/dw_help.h"

#include "policy/prove_temporal.h"
#include "tests/unit/policy/prove_help.h"
#include "tests/unit/policy/random.h"

enum { ROUNDS = 1500, LEAVES = 12, EVENTS = 40 };

static const char schema_text[] = "entity U; entity G;"
				  "action a, b appliesTo { principal: [U], resource: [G],"
				  " context: { input: { u: String, n: Long } } };";

static const char *const windows[] = {"2s", "5s", "9s"};
static const char *const ops[] = {"==", "!=", "<", "<=", ">", ">="};

static void put_event(struct random_source *r, struct buf *b, const char *u)
{
	static const char *const us[] = {"context.input.u", "\"x\"", "_"};
	bool both = random_next(r, 3) == 0;

	buf_printf(b, "Action::\"%c\"::%s{", "ab"[random_next(r, 2)],
		   random_next(r, 3) ? "request" : "response");
	if (u || both || random_next(r, 2)) {
		buf_printf(b, "input.u: %s", u ? u : RANDOM_PICK(r, us));
		if (both) {
			buf_printf(b, ", input.n: %u", random_next(r, 2));
		}
	}
	buf_append_c(b, '}');
}

static void put_count(struct random_source *r, struct buf *b)
{
	bool macro = random_next(r, 2);

	buf_printf(b,
		   macro ? "bind(k, count_within(%s, "
			 : "((count for (t: Timepoint). where (formerly within %s (",
		   RANDOM_PICK(r, windows));
	put_event(r, b, NULL);
	buf_printf(b, macro ? "), k %s %u)" : " && tp(t)))) %s %u)", RANDOM_PICK(r, ops),
		   random_next(r, 3));
}

static void put_condition(struct random_source *r, struct buf *b, int depth)
{
	switch (random_next(r, depth > 0 ? 9 : 5)) {
	case 0:
		put_event(r, b, NULL);
		break;
	case 1:
		buf_printf(b, "(formerly within %s ", RANDOM_PICK(r, windows));
		put_event(r, b, NULL);
		buf_append_c(b, ')');
		break;
	case 2:
		buf_printf(b, "(previous within %s ", RANDOM_PICK(r, windows));
		put_event(r, b, NULL);
		buf_append_c(b, ')');
		break;
	case 3:
		buf_append(b, random_next(r, 2) ? STR("(!") : STR("("));
		put_event(r, b, NULL);
		buf_printf(b, " since within %s ", RANDOM_PICK(r, windows));
		put_event(r, b, NULL);
		buf_append_c(b, ')');
		break;
	case 4:
		put_count(r, b);
		break;
	case 5:
		buf_append_c(b, '!');
		put_condition(r, b, depth - 1);
		break;
	case 6:
		buf_printf(b, "(formerly within %s (", RANDOM_PICK(r, windows));
		put_condition(r, b, depth - 1);
		buf_append(b, STR("))"));
		break;
	case 7:
		buf_append_c(b, '(');
		put_condition(r, b, depth - 1);
		buf_append(b, STR(" && "));
		put_condition(r, b, depth - 1);
		buf_append_c(b, ')');
		break;
	default:
		buf_printf(b, "(exists (q: String). (formerly within %s ", RANDOM_PICK(r, windows));
		put_event(r, b, "q");
		buf_printf(b, " && formerly within %s ", RANDOM_PICK(r, windows));
		put_event(r, b, "q");
		buf_append(b, STR("))"));
		break;
	}
}

static void put_trace_line(struct random_source *r, struct buf *b, unsigned ts)
{
	char u = "xyz"[random_next(r, 3)];
	unsigned n = random_next(r, 3);

	buf_clear(b);
	buf_printf(b,
		   "@%u scope(principal: U::\"u\", resource: G::\"g\") request_context(input: {u: "
		   "\"%c\", n: %u}) Action::\"%c\"::%s(input: {u: \"%c\", n: %u})",
		   ts, u, n, "ab"[random_next(r, 2)], random_next(r, 4) ? "request" : "response", u,
		   n);
}

/* The truth of each leaf as the context that the lowered policies see. */
static struct policy_value context_of(struct dw_world *w, const struct policy_decision *d)
{
	struct policy_field *f = ARENA_ARRAY(&w->scratch, LEAVES, struct policy_field);
	struct policy_value v;

	assert_non_null(f);
	for (size_t i = 0; i < LEAVES; i++) {
		f[i] = (struct policy_field){w->prog->leaves[i].attr, policy_bool(false)};
		for (size_t k = 0; k < d->reasons.n; k++) {
			if (d->reasons.items[k]->index == w->prog->leaves[i].policy) {
				f[i].value = policy_bool(true);
			}
		}
	}
	assert_true(policy_value_record(f, LEAVES, &v));
	return v;
}

static void one_round(struct random_source *r, size_t *n_facts, size_t *n_decisions)
{
	const struct policy_uid u = policy_uid_make(STR("U"), STR("u"));
	struct prove_never *facts;
	struct dw_history h;
	struct buf text, line;
	struct dw_world w;
	unsigned ts = 0;
	size_t n;

	dw_world_init(&w);
	buf_init(&text, 1 << 20);
	for (int i = 0; i < LEAVES; i++) {
		buf_append(&text, STR("permit () when temporal { "));
		put_condition(r, &text, 2);
		buf_append(&text, STR(" };\n"));
	}
	dw_world_must_load(&w, buf_str(&text), str_from_c(schema_text), STR(""), STR(""), STR(""));
	assert_int_equal(w.prog->n_leaves, LEAVES);
	assert_int_equal(prove_temporal(&w.a, w.prog, &facts, &n, &w.err), ERR_OK);
	*n_facts += n;
	dw_history_init(&h, w.prog, &w.a);
	for (int i = 0; i < EVENTS; i++) {
		struct policy_env env = {.principal = &u, .action = &u, .resource = &u};
		struct dw_event *ev = ARENA_NEW(&w.a, struct dw_event);
		struct policy_decision d;
		struct err err = {0};
		int64_t at;

		buf_init(&line, 1 << 12);
		put_trace_line(r, &line, ts);
		ts += random_next(r, 4);
		assert_int_equal(
			dw_trace_line(&w.a, arena_dup(&w.a, buf_str(&line)), 1, &at, ev, &err),
			ERR_OK);
		buf_done(&line);
		assert_int_equal(dw_history_add(&h, &ev->event, &err), ERR_OK);
		if (!dw_is_decision(w.prog, ev)) {
			continue;
		}
		dw_history_decide(&h, ev, NULL, &w.scratch, &d, &err);
		assert_null(d.failure);
		env.context = context_of(&w, &d);
		env.scratch = &w.scratch;
		policy_env_prepare(&env);
		for (size_t k = 0; k < n; k++) {
			bool met = false;

			assert_int_equal(policy_eval_policy(&env, facts[k].policy, &met).code,
					 POLICY_FAULT_NONE);
			if (met) {
				fail_msg("called impossible: %.*s\n%.*s",
					 STR_ARG(facts[k].policy->source->text),
					 STR_ARG(buf_str(&text)));
			}
		}
		(*n_decisions)++;
		arena_reset(&w.scratch);
	}
	buf_done(&text);
	dw_world_done(&w);
}

static void no_history_does_what_is_called_impossible(void **state)
{
	const char *more = getenv("WRIT_ROUNDS");
	struct random_source r = {0xfeed};
	size_t n_facts = 0, n_decisions = 0;

	(void)state;
	for (int i = more ? atoi(more) : ROUNDS; i > 0; i--) {
		one_round(&r, &n_facts, &n_decisions);
	}
	print_message("%zu facts, %zu decisions\n", n_facts, n_decisions);
	assert_true(n_facts > ROUNDS);
}

static bool implied(const char *a, const char *b)
{
	struct dw_world w;
	struct buf text;
	bool found;

	dw_world_init(&w);
	buf_init(&text, 1 << 16);
	buf_printf(&text, "permit () when temporal { %s };\npermit () when temporal { %s };\n", a,
		   b);
	dw_world_must_load(&w, buf_str(&text), str_from_c(schema_text), STR(""), STR(""), STR(""));
	found = prove_temporal_implies(&w.prog->leaves[0], &w.prog->leaves[1]);
	buf_done(&text);
	dw_world_done(&w);
	return found;
}

#define A "Action::\"a\"::request"

static void windows_fields_and_limits_imply_each_other(void **state)
{
	(void)state;
	assert_true(implied("formerly within 5s " A "{}", "formerly within 1m " A "{}"));
	assert_false(implied("formerly within 1m " A "{}", "formerly within 5s " A "{}"));
	assert_true(implied("formerly within 5s " A "{ input.u: \"x\" }",
			    "formerly within 5s " A "{ input.u: _ }"));
	assert_false(implied("formerly within 5s " A "{ input.u: _ }",
			     "formerly within 5s " A "{ input.u: \"x\" }"));
	assert_true(implied("!formerly within 1m " A "{}", "!formerly within 5s " A "{}"));
	assert_true(implied("previous within 5s " A "{}", "formerly within 5s " A "{}"));
	assert_true(implied("bind(n, count_within(1m, " A "{}), n > 5)",
			    "bind(k, count_within(5m, " A "{}), k > 3)"));
	assert_false(implied("bind(n, count_within(5m, " A "{}), n > 5)",
			     "bind(k, count_within(1m, " A "{}), k > 3)"));
	assert_true(implied("bind(n, count_within(5m, " A "{}), n < 3)",
			    "bind(k, count_within(1m, " A "{}), k <= 3)"));
	assert_false(implied("bind(n, sum_within(x, 1m, " A "{ input.n: x }), n > 5)",
			     "bind(n, sum_within(x, 5m, " A "{ input.n: x }), n > 5)"));
	assert_true(implied("bind(n, sum_within(x, 5m, " A "{ input.n: x }), n > 5)",
			    "bind(n, sum_within(y, 5m, " A "{ input.n: y }), n >= 5)"));
	assert_true(implied("exists (q: String). (formerly within 1s " A "{ input.u: q } && "
			    "formerly within 2s Action::\"b\"::request{ input.u: q })",
			    "exists (p: String). (formerly within 5s " A "{ input.u: p })"));
	assert_false(implied("exists (q: String). exists (p: String). (formerly within 1s " A
			     "{ input.u: q } && formerly within 2s Action::\"b\"::request"
			     "{ input.u: p })",
			     "exists (p: String). (formerly within 5s " A "{ input.u: p } && "
			     "formerly within 5s Action::\"b\"::request{ input.u: p })"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_history_does_what_is_called_impossible),
		cmocka_unit_test(windows_fields_and_limits_imply_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
