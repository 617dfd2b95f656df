/* SPDX-License-Identifier: Apache-2.0 */
/* What temporal policies accept, refuse and mean, a claim a test. */
#include "tests/unit/policy/dw_help.h"

#include "policy/dw_script.h"

#include "tests/unit/policy/fail_alloc.h"

static const char schema_text[] =
	"entity U { id: String }; entity V; entity G;"
	"action all; action a, b in [all] appliesTo { principal: [U, V], resource: [G],"
	" context: { input: { u: String, n: Long, d?: decimal } } };"
	"action c appliesTo { principal: [U], resource: [G],"
	" context: { input: { only: String }, output?: { n: Long } } };";
static const char events_text[] =
	"max_window = 1h decision event <A>::request { ...inputs(A), callerPrincipal: "
	"principalType(A) } event <A>::response { ...inputs(A), ...outputs(A) }";

static enum err_code load(struct dw_world *w, const char *policies)
{
	dw_world_init(w);
	return dw_world_load(w, str_from_c(policies), str_from_c(schema_text),
			     str_from_c(events_text), STR(""), STR(""));
}

static void accepts(const char *policies)
{
	struct dw_world w;

	if (load(&w, policies) != ERR_OK) {
		print_error("%s: %s\n", policies, w.err.msg);
		fail();
	}
	dw_world_done(&w);
}

static void refuses(const char *policies, const char *says)
{
	struct dw_world w;
	struct buf b;

	if (load(&w, policies) == ERR_OK) {
		print_error("accepted: %s\n", policies);
		fail();
	}
	buf_init(&b, 1 << 20);
	policy_diags_render(&w.diags, &b);
	if (str_find_str(buf_str(&b), str_from_c(says)) == buf_len(&b)) {
		print_error("%s\nsays " STR_FMT "\nnot %s\n", policies, STR_ARG(buf_str(&b)), says);
		fail();
	}
	buf_done(&b);
	dw_world_done(&w);
}

#define P(body) "permit (principal, action == Action::\"a\", resource) when temporal { " body " };"

static void a_scope_may_have_any_order_and_leave_parts_out(void **state)
{
	(void)state;
	accepts("permit ();");
	accepts("forbid (resource, principal is U, action == Action::\"a\",);");
	accepts("permit (action in Action::\"all\");");
	refuses("permit (principal, principal);", "stands twice in the scope");
	refuses("permit (principal == ?principal);", "no templates");
}

static void temporal_blocks_stand_wherever_a_primary_may(void **state)
{
	(void)state;
	accepts("permit (principal, action == Action::\"a\", resource) when { context.input.n > 1 "
		"&& "
		"(temporal { Action::\"a\"::request{} } || !temporal { Action::\"b\"::request{} }) "
		"};");
	accepts("permit (principal, action, resource) when guardrails { true };");
	refuses("permit (principal, action, resource) when temporal { };",
		"expected a temporal condition");
	refuses("def cedar m(?x) { temporal { Action::\"a\"::request{} } }; permit ();",
		"cannot hold a temporal block");
}

static void grammar_errors_say_what_is_wrong(void **state)
{
	(void)state;
	refuses(P("formerly Action::\"a\"::request{}"), "expected `within`");
	refuses(P("formerly within 1w Action::\"a\"::request{}"), "a unit of time");
	refuses(P("formerly within 0s Action::\"a\"::request{}"), "a window cannot be empty");
	refuses(P("formerly within 1s formerly within 1s Action::\"a\"::request{}"),
		"must stand in parentheses");
	refuses(P("Action::\"a\"{}"), "a term is not a condition");
	refuses(P("Action::\"a\"::request"), "`{` and the fields");
	refuses(P("Action::\"a\"::request{} || Action::\"b\"::request{}"), "`||` cannot stand");
	refuses(P("3"), "a term is not a condition");
	refuses(P("Action::\"a\"::request{} since within 1s Action::\"a\"::request{} since within "
		  "1s "
		  "Action::\"a\"::request{}"),
		"cannot be chained");
	refuses(P("~Action::\"a\"::request{}"), "not part of the language");
	refuses(P("exists (context: Long). Action::\"a\"::request{}"), "cannot be bound");
	refuses(P("once(1s, Action::\"a\"::request{})"), "no macro is called `once`");
}

static void names_and_types_are_checked(void **state)
{
	(void)state;
	refuses(P("Action::\"z\"::request{}"), "unknown action");
	refuses(P("Action::\"all\"::request{}"), "group of actions");
	refuses(P("Action::\"a\"::reqest{}"), "did you mean `request`?");
	refuses(P("Action::\"a\"::request{ input.x: 1 }"), "no field `x`");
	refuses(P("Action::\"a\"::request{ input: 1 }"), "is a group of fields");
	refuses(P("Action::\"a\"::request{ input.n: \"x\" }"), "not of the field's type Long");
	refuses(P("Action::\"a\"::request{ input.n: context.input.u }"), "this is of type String");
	refuses(P("Action::\"a\"::request{ input.n: context.input.z }"),
		"does not exist for action");
	refuses("permit (principal, action, resource) when temporal { "
		"Action::\"a\"::request{ input.u: context.input.u } };",
		"does not exist for action `Action::\"c\"`");
	refuses(P("Action::\"a\"::request{ input.u: principal.id }"), "does not exist for action");
	accepts("permit (principal is U, action == Action::\"a\", resource) when temporal { "
		"Action::\"a\"::request{ input.u: principal.id } };");
	refuses(P("context.input.u > 3"), "only integers can be ordered");
	refuses(P("context.input.u == 3"), "not of the other side's type");
	refuses(P("formerly within 2h Action::\"a\"::request{}"), "longer than max_window");
	accepts(P("formerly within 60m Action::\"a\"::request{}"));
	refuses(P("exists (x: Lng). Action::\"a\"::request{ input.n: x }"), "unknown type `Lng`");
	refuses(P("Action::\"a\"::response{ output.n: 1 }"), "no field `n`");
	accepts(P("Action::\"c\"::response{ output.n: 1 }"));
}

static void variables_are_bound_before_they_filter(void **state)
{
	(void)state;
	refuses(P("Action::\"a\"::request{ input.n: x }"), "not bound by `exists` or `for`");
	refuses(P("exists (x: Long). x > 3"), "`x` is not range-restricted");
	refuses(P("exists (x: Long). !Action::\"a\"::request{ input.n: x }"),
		"`x` is not range-restricted");
	refuses(P("exists (x: Long). !!Action::\"a\"::request{ input.n: x }"),
		"`x` is not range-restricted");
	refuses(P("exists (x: Long). (x > 3 && Action::\"a\"::request{ input.n: x })"),
		"before anything binds it");
	accepts(P("exists (x: Long). (Action::\"a\"::request{ input.n: x } && x > 3)"));
	refuses(P("exists (x: Long). (Action::\"a\"::request{ input.n: x } since within 1s "
		  "Action::\"b\"::request{})"),
		"`x` is not range-restricted");
	refuses(P("exists (x: Long). (!Action::\"b\"::request{ input.n: x } && "
		  "Action::\"a\"::request{ input.n: x })"),
		"in a negation before anything binds it");
	refuses(P("exists (t: Timepoint). (tp(t) && t == 3)"), "a time point can only be compared");
	refuses(P("exists (t: Long). tp(t)"), "is not a Timepoint");
	refuses(P("exists (t: Timepoint). Action::\"a\"::request{ input.n: t }"),
		"is a time point, not a field's value");
	refuses(P("Action::\"a\"::request{ input.n: (count for (t: Timepoint). where tp(t)) }"),
		"an aggregate can only stand in a comparison");
	refuses(P("(sum x for (y: Long). where Action::\"a\"::request{ input.n: y }) > 1"),
		"not in the `for` list");
	refuses(P("exists (x: Long). (Action::\"a\"::request{ input.n: x } && (sum x for (y: "
		  "Long). "
		  "where Action::\"a\"::request{ input.n: y }) > 1)"),
		"not in the `for` list");
}

static void macros_are_hygienic_and_checked(void **state)
{
	(void)state;
	accepts("def temporal once(?w, ?s) { formerly within ?w ?s };" P(
		"once(1s, Action::\"a\"::request{})"));
	accepts(P("once(1s, Action::\"a\"::request{})") " def temporal once(?w, ?s) { formerly "
							"within ?w ?s };");
	refuses("def temporal once(?w) { formerly within ?w ?s };" P("true == true"),
		"is not a parameter of `once`");
	refuses("def temporal once(?w, ?s) { formerly within ?w ?s };" P(
			"once(Action::\"a\"::request{}, 1s)"),
		"must be a time such as 1h");
	refuses("def temporal once(?w, ?s) { formerly within ?w ?s };" P("once(1s)"),
		"takes 2 arguments, not 1");
	refuses("def temporal count(?w) { tp(?w) };", "cannot be called `count`");
	refuses("def temporal m(?w) { tp(?w) }; def temporal m(?w) { tp(?w) };", "defined twice");
	refuses("def temporal m(?s) { ?s }; def temporal k(?s) { m(?s) };" P(
			"k(Action::\"a\"::request{})"),
		"cannot call another one");
	refuses("def cedar small(?n) { ?n < 3 };" P("small(3)"), "is a Cedar macro");
	refuses("def temporal m(?s) { ?s }; permit (principal, action, resource) when { m(1) };",
		"is a temporal macro");
	refuses("permit (principal, action, resource) when { context.input == ?x };",
		"a template slot can only stand in the scope");
	/* $t of the macro is not the t around it. */
	accepts(P("exists (t: Timepoint). (tp(t) && bind(n, count_within(1s, "
		  "Action::\"a\"::request{}), n > 0))"));
}

/* A macro whose arguments double at every call must hit a limit, not the memory. */
static void expansion_is_bounded(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	buf_append(&b, STR("def cedar twice(?x) { ?x && ?x }; permit (principal, action, resource) "
			   "when { "));
	for (int i = 0; i < 24; i++) {
		buf_append(&b, STR("twice("));
	}
	buf_append(&b, STR("true"));
	for (int i = 0; i < 24; i++) {
		buf_append_c(&b, ')');
	}
	buf_append(&b, STR(" };"));
	buf_append_c(&b, '\0');
	refuses(buf_str(&b).p, "a macro grows to more than 65536 nodes");
	buf_done(&b);
}

static void nesting_is_bounded(void **state)
{
	static const char *const openers[] = {"(", "!(", "formerly within 1s (", "[",
					      "exists (x: Long). ("};

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(openers); k++) {
		struct dw_world w;
		struct buf b;

		buf_init(&b, 1 << 20);
		buf_append(&b, STR("permit () when temporal { "));
		for (int i = 0; i < 3000; i++) {
			buf_append(&b, str_from_c(openers[k]));
		}
		buf_append_c(&b, '\0');
		assert_int_equal(load(&w, buf_str(&b).p), ERR_LIMIT);
		assert_true(strstr(w.err.msg, "64") != NULL);
		dw_world_done(&w);
		buf_done(&b);
	}
}

static void a_policy_that_fails_cedars_checks_does_not_load(void **state)
{
	(void)state;
	refuses("permit (principal, action == Action::\"a\", resource) when { context.input.zz };",
		"zz");
	refuses("permit (principal, action == Action::\"a\", resource) when { temporal { "
		"Action::\"a\"::request{} } > 3 };",
		"Long");
}

static void loading_survives_failing_allocations(void **state)
{
	static const char text[] =
		"def temporal once(?w, ?s) { formerly within ?w ?s };"
		"permit (principal, action == Action::\"a\", resource) when { context.input.n > 1 "
		"&& "
		"temporal { once(1s, Action::\"a\"::request{ input.u: context.input.u }) && "
		"bind(n, count_within(1s, Action::\"b\"::request{ input.n: 1 }), n > 2) } };";
	long n = 0;

	(void)state;
	if (!fail_alloc_works) {
		print_message("skipped: a sanitizer owns the allocator\n");
		skip();
	}
	for (;; n++) {
		struct dw_world w;
		enum err_code code;

		fail_alloc_left = n;
		code = load(&w, text);
		fail_alloc_left = -1;
		dw_world_done(&w);
		if (code == ERR_OK) {
			break;
		}
		assert_int_equal(code, ERR_NOMEM);
	}
	assert_true(n > 3);
}

/* ---- meaning that no published trace distinguishes ---- */

static void replays(const char *policies, const char *trace, const char *expected)
{
	struct dw_world w;
	struct buf b;

	assert_int_equal(load(&w, policies), ERR_OK);
	buf_init(&b, 1 << 20);
	dw_world_replay(&w, str_from_c(trace), false, &b);
	assert_str_equal(buf_str(&b), str_from_c(expected));
	buf_done(&b);
	dw_world_done(&w);
}

#define A(ts, n)                                                                                   \
	"@" #ts                                                                                    \
	" scope(principal: U::\"p\", resource: G::\"g\") request_context(input: {u: \"x\", n: " #n \
	"}) Action::\"a\"::request(input: {u: \"x\", n: " #n "}, callerPrincipal: U::\"p\")\n"

static void a_window_holds_its_bound_and_nothing_more(void **state)
{
	(void)state;
	replays(P("formerly within 5s Action::\"a\"::request{ input.n: 7 }"),
		A(0, 7) A(5, 1) A(6, 1),
		"@0 (time point 0): ALLOW  [rules: 0]\n@5 (time point 1): ALLOW  [rules: 0]\n"
		"@6 (time point 2): DENY\n");
}

static void equal_amounts_count_once_without_a_time_point(void **state)
{
	(void)state;
	replays(P("(sum x for (x: Long). where (formerly within 9s "
		  "Action::\"a\"::request{ input.n: x })) == 5"),
		A(0, 5) A(1, 5),
		"@0 (time point 0): ALLOW  [rules: 0]\n@1 (time point 1): ALLOW  [rules: 0]\n");
	replays(P("(sum x for (x: Long), (t: Timepoint). where (formerly within 9s "
		  "(Action::\"a\"::request{ input.n: x } && tp(t)))) == 5"),
		A(0, 5) A(1, 5), "@0 (time point 0): ALLOW  [rules: 0]\n@1 (time point 1): DENY\n");
}

static void a_sum_beyond_64_bits_is_clamped(void **state)
{
	(void)state;
	replays(P("(sum x for (x: Long), (t: Timepoint). where (formerly within 9s "
		  "(Action::\"a\"::request{ input.n: x } && tp(t)))) == 9223372036854775807"),
		A(0, 9223372036854775806) A(1, 9223372036854775806) A(20, 1),
		"@0 (time point 0): DENY\n@1 (time point 1): ALLOW  [rules: 0]\n"
		"@20 (time point 2): DENY\n");
}

/* ---- which leaves are asked ---- */

#define MEMBER                                                                                     \
	"@0 scope(principal: U::\"p\", resource: G::\"g\") entities(U::\"p\": {id: \"p\"} in "     \
	"[Team::\"x\"], Team::\"x\": {} in [Team::\"top\"]) request_context(input: {u: \"x\", "    \
	"n: 1}) Action::\"a\"::request(input: {u: \"x\", n: 1}, callerPrincipal: U::\"p\")"

static enum err_code count_leaf(void *arg, const struct temporal_leaf *leaf, size_t index,
				const struct policy_env *env, struct arena *scratch, bool *ret,
				struct err *err)
{
	(void)index;
	(void)env;
	(void)scratch;
	(void)err;
	*(uint64_t *)arg |= UINT64_C(1) << leaf->policy;
	*ret = true;
	return ERR_OK;
}

/* Groups that the request's own entities say, and one policy under two actions, once. */
static void only_policies_whose_scope_holds_are_asked(void **state)
{
	static const char schema[] =
		"entity Team in [Team]; entity U in [Team] { id: String }; entity G; action all;"
		"action a, b in [all] appliesTo { principal: [U], resource: [G],"
		" context: { input: { u: String, n: Long } } };";
	static const char text[] =
		"forbid (principal in Team::\"top\", action, resource) when temporal { LEAF };"
		"forbid (principal in Team::\"y\", action, resource) when temporal { LEAF };"
		"forbid (principal, action == Action::\"b\", resource) when temporal { LEAF };"
		"forbid (principal, action in [Action::\"all\", Action::\"a\"], resource) when "
		"temporal { LEAF };"
		"permit (principal == U::\"q\", action, resource) unless temporal { LEAF };"
		"permit (principal, action, resource);";
	struct policy_decision d;
	struct dw_event ev;
	struct dw_world w;
	uint64_t asked = 0;
	struct buf b;
	int64_t ts;

	(void)state;
	dw_world_init(&w);
	buf_init(&b, 1 << 16);
	for (struct str rest = str_from_c(text); rest.n > 0;) {
		size_t at = str_find_str(rest, STR("LEAF"));

		buf_append(&b, str_make(rest.p, at));
		buf_append(&b, at < rest.n ? STR("Action::\"a\"::request{}") : STR(""));
		rest = str_from(rest, at < rest.n ? at + 4 : at);
	}
	dw_world_must_load(&w, buf_str(&b), str_from_c(schema), str_from_c(events_text), STR(""),
			   STR(""));
	assert_int_equal(dw_trace_line(&w.a, STR(MEMBER), 1, &ts, &ev, &w.err), ERR_OK);
	dw_decide(w.prog, &ev, NULL, count_leaf, &asked, &w.scratch, &d, &w.err);
	assert_null(d.failure);
	assert_false(d.allow);
	assert_int_equal(asked, 1 | 8);
	assert_int_equal(d.reasons.n, 2);
	assert_int_equal(d.errors.n, 0);
	buf_done(&b);
	dw_world_done(&w);
}

static void an_event_without_its_request_is_denied(void **state)
{
	(void)state;
	replays("permit ();", "@0 Action::\"a\"::request(input: {u: \"x\", n: 1})\n",
		"@0 (time point 0): DENY\n");
}

static void lines_of_a_trace_are_strict(void **state)
{
	static const char *const bad[] = {
		"Action::\"a\"::request()",
		"@x Action::\"a\"::request()",
		"@99999999999999999 Action::\"a\"::request()",
		"@1 Action::\"a\"::request(a: 1, a: 2)",
		"@1 Action::\"a\"::request(a: 1.23456)",
		"@1 Action::\"a\"::request() x",
		"@1 Action::\"a\"",
		"@1 scope(principal: U::\"a\", principal: U::\"b\") Action::\"a\"::request()",
		"@1 Action::\"a\"::request(a: 99999999999999999999)",
		"@1 Action::\"a\"::request(a: nope)",
		"@1 Action::\"a\"::request(a: \"open)",
	};
	struct dw_event ev;
	struct arena a;
	int64_t ts;

	(void)state;
	arena_init(&a, 16 << 20);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(dw_trace_line(&a, str_from_c(bad[i]), 1, &ts, &ev, NULL),
				 ERR_SYNTAX);
	}
	assert_int_equal(dw_trace_line(&a, STR("@1 Action::\"a\"::request(a: null, b: -02.50)"), 1,
				       &ts, &ev, NULL),
			 ERR_OK);
	assert_int_equal(ev.event.fields.n, 1);
	assert_int_equal(ev.event.fields.fields[0].value.i, -25000);
	arena_done(&a);
}

/* ---- scripts ---- */

static void script(const char *text, const char *expected)
{
	const struct policy_value arg = policy_string(STR("r\xC3\xA9sum\xC3\xA9 42"));
	const struct dw_script *s;
	struct policy_value v;
	struct err err = {0};
	struct arena a;
	struct buf b;

	arena_init(&a, 64 << 20);
	buf_init(&b, 1 << 16);
	if (dw_script_parse(&a, str_from_c(text), STR("evaluate"), 1, &s, &err) != ERR_OK ||
	    dw_script_run(s, &arg, 1, &a, &v, &err) != ERR_OK) {
		buf_printf(&b, "%s", err.msg);
	} else {
		policy_value_write(&b, v);
	}
	if (!str_eq(buf_str(&b), str_from_c(expected))) {
		print_error("%s: " STR_FMT "\n", text, STR_ARG(buf_str(&b)));
		fail();
	}
	buf_done(&b);
	arena_done(&a);
}

static void scripts_compute_what_they_say(void **state)
{
	(void)state;
	script("fn evaluate(x) { x.len() }", "9");
	script("fn evaluate(x) { regex_find(\"[0-9]+\", x) }", "\"42\"");
	script("fn evaluate(x) { regex_count(\"\\\\w\", x) }", "6");
	script("fn evaluate(x) { regex_count(\"\", x) }", "10");
	script("fn evaluate(x) { regex_is_match(\"(\", x) }", "false");
	script("fn evaluate(x) { let n = 0; for i in [1, 2, 3] { if i == 2 { continue; } n += i; } "
	       "n }",
	       "4");
	script("fn f(n) { if n < 2 { return n; } f(n - 1) + f(n - 2) } fn evaluate(x) { f(10) }",
	       "55");
	script("fn evaluate(x) { let m = #{}; m[\"k\"] = #{ a: 1 }; m.k.a = 5; m }",
	       "{\"k\": {\"a\": 5}}");
	script("fn evaluate(x) { 9223372036854775807 + 1 }", "script, line 1: arithmetic overflow");
	script("fn evaluate(x) { while true { } }", "script, line 1: more than 1000000 steps");
	script("fn evaluate(x) { evaluate(x) }", "script, line 1: calls nested deeper than 64");
	script("fn evaluate(x) { 1 / 0 }", "script, line 1: arithmetic overflow");
	script("fn other(x) { 1 }", "script: no function evaluate with 1 parameters");
	script("fn evaluate(x) { import \"fs\" }",
	       "script, line 1: this part of the language is not supported");
}

/* Entities that come with the event are in what their parents say, for blocks as for all else. */
static void an_events_own_entities_have_their_ancestors(void **state)
{
	static const char schema[] =
		"entity S; entity U; entity G in [S]; action a appliesTo { principal: [U], "
		"resource: [G], context: { input: {} } };";
	struct policy_uid user = policy_uid_make(STR("U"), STR("u"));
	struct policy_uid act = policy_uid_make(STR("Action"), STR("a"));
	struct policy_uid thing = policy_uid_make(STR("G"), STR("g"));
	struct policy_uid parent = policy_uid_make(STR("S"), STR("s"));
	const struct policy_entity entity = {.uid = thing, .parents = &parent, .n_parents = 1};
	const struct dw_engine_opts opts = {0};
	struct dw_event ev = {.event = {.ts_ms = 1, .action = &act, .kind = STR("request")},
			      .principal = &user,
			      .resource = &thing,
			      .context = {.kind = POLICY_RECORD},
			      .entities = &entity,
			      .n_entities = 1};
	struct policy_decision d;
	struct dw_engine *e;
	struct dw_world w;

	(void)state;
	dw_world_init(&w);
	dw_world_must_load(&w,
			   STR("permit (principal, action, resource in S::\"s\") when temporal { "
			       "Action::\"a\"::request{ } };"),
			   str_from_c(schema), STR("decision event <A>::request { }"), STR(""),
			   STR(""));
	assert_int_equal(dw_engine_new(w.prog, &opts, &e, &w.err), ERR_OK);
	ev.event.fields = ev.context;
	dw_engine_decide(e, &ev, NULL, &w.scratch, &d, &w.err);
	assert_null(d.failure);
	assert_int_equal(d.errors.n, 0);
	assert_true(d.allow);
	dw_engine_free(e);
	dw_world_done(&w);
}

/* As a gateway loads a folder: Cedar files and temporal ones, one set. */
static enum err_code load_folder(struct dw_world *w, const char *cedar, const char *temporal,
				 bool schema)
{
	static const bool plain[] = {true, false};
	struct dw_texts t = {.policies = w->sources,
			     .n_policies = 2,
			     .cedar = plain,
			     .schema = schema ? &w->sources[2] : NULL,
			     .ids = POLICY_ID_ANNOTATION,
			     .strict_annotations = true};

	dw_world_init(w);
	w->sources[0] = (struct policy_source){STR("a.cedar"), str_from_c(cedar)};
	w->sources[1] = (struct policy_source){STR("b.dw"), str_from_c(temporal)};
	w->sources[2] = (struct policy_source){STR("schema"), str_from_c(schema_text)};
	return dw_load(&w->a, &t, &w->diags, &w->prog, &w->err);
}

static void cedar_files_and_temporal_ones_make_one_set(void **state)
{
	struct dw_world w;

	(void)state;
	assert_int_equal(
		load_folder(&w,
			    "@id(\"p\") permit (principal, action, resource);"
			    "forbid (principal, action, resource) when { false };",
			    "@id(\"t\") @reason(\"why\") forbid (action == Action::\"a\") when "
			    "temporal { formerly within 1h Action::\"b\"::request{ } }; permit ();",
			    true),
		ERR_OK);
	assert_int_equal(policy_set_size(w.prog->set), 4);
	assert_str_equal(policy_set_rule(w.prog->set, 0)->id, STR("p"));
	assert_str_equal(policy_set_rule(w.prog->set, 1)->id, STR("a.cedar:policy1"));
	assert_str_equal(policy_set_rule(w.prog->set, 2)->id, STR("t"));
	assert_str_equal(policy_rule_note(policy_set_rule(w.prog->set, 2), STR("reason")),
			 STR("why"));
	assert_str_equal(policy_set_rule(w.prog->set, 3)->id, STR("b.dw:policy1"));
	assert_int_equal(w.prog->leaves[0].policy, 2);
	dw_world_done(&w);
	/* A Cedar file stays Cedar, ids are distinct over all, annotations are what gateways know. */
	assert_int_not_equal(
		load_folder(&w, P("formerly within 1h Action::\"b\"::request{ }"), "", true),
		ERR_OK);
	dw_world_done(&w);
	assert_int_not_equal(load_folder(&w, "@id(\"x\") permit (principal, action, resource);",
					 "@id(\"x\") permit ();", true),
			     ERR_OK);
	dw_world_done(&w);
	assert_int_not_equal(load_folder(&w, "", "@resaon(\"x\") permit ();", true), ERR_OK);
	dw_world_done(&w);
}

static void without_a_schema_only_plain_conditions_load(void **state)
{
	struct dw_world w;

	(void)state;
	assert_int_equal(load_folder(&w, "permit (principal, action, resource);",
				     "def cedar big(?n) { ?n > 3 };"
				     "@id(\"x\") forbid () when { big(context.input.n) };",
				     false),
			 ERR_OK);
	assert_int_equal(w.prog->n_leaves, 0);
	assert_int_equal(policy_set_size(w.prog->set), 2);
	dw_world_done(&w);
	assert_int_equal(
		load_folder(&w, "", P("formerly within 1h Action::\"b\"::request{ }"), false),
		ERR_INVALID);
	assert_non_null(strstr(w.err.msg, "b.dw:1:"));
	assert_non_null(strstr(w.err.msg, "a temporal condition needs a schema"));
	dw_world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scope_may_have_any_order_and_leave_parts_out),
		cmocka_unit_test(temporal_blocks_stand_wherever_a_primary_may),
		cmocka_unit_test(grammar_errors_say_what_is_wrong),
		cmocka_unit_test(names_and_types_are_checked),
		cmocka_unit_test(variables_are_bound_before_they_filter),
		cmocka_unit_test(macros_are_hygienic_and_checked),
		cmocka_unit_test(expansion_is_bounded),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(a_policy_that_fails_cedars_checks_does_not_load),
		cmocka_unit_test(loading_survives_failing_allocations),
		cmocka_unit_test(an_events_own_entities_have_their_ancestors),
		cmocka_unit_test(cedar_files_and_temporal_ones_make_one_set),
		cmocka_unit_test(without_a_schema_only_plain_conditions_load),
		cmocka_unit_test(a_window_holds_its_bound_and_nothing_more),
		cmocka_unit_test(equal_amounts_count_once_without_a_time_point),
		cmocka_unit_test(a_sum_beyond_64_bits_is_clamped),
		cmocka_unit_test(only_policies_whose_scope_holds_are_asked),
		cmocka_unit_test(an_event_without_its_request_is_denied),
		cmocka_unit_test(lines_of_a_trace_are_strict),
		cmocka_unit_test(scripts_compute_what_they_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
