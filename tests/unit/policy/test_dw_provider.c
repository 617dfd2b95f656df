/* SPDX-License-Identifier: Apache-2.0 */
/* Information providers: what may be declared and called, and what a call gives. */
#include "tests/unit/policy/dw_help.h"

#include "policy/dw_script.h"

#include "tests/unit/policy/fail_alloc.h"

static const char schema_text[] =
	"entity U { id: String, age: Long, names: Set<String> }; entity V { age: String }; entity "
	"G;"
	"action a appliesTo { principal: [U], resource: [G],"
	" context: { input: { u: String, n: Long, d?: decimal, s: Set<String> } } };"
	"action b appliesTo { principal: [U, V], resource: [G], context: { input: { u: String } } "
	"};";

/* A declaration: types by their letters, s i d b, S for a set of texts, r for {score: decimal}. */
static void write_type(struct buf *b, char c)
{
	static const char *const names[] = {
		['s'] = "{\"paramType\":\"string\"}",
		['i'] = "{\"paramType\":\"integer\"}",
		['l'] = "{\"paramType\":\"long\"}",
		['d'] = "{\"paramType\":\"decimal\"}",
		['b'] = "{\"paramType\":\"boolean\"}",
		['S'] = "{\"paramType\":\"set\"}",
		['r'] = "{\"paramType\":\"record\",\"fields\":{\"score\":{\"paramType\":"
			"\"decimal\"}"
			"},\"required\":[\"score\"]}",
	};

	buf_append(b, str_from_c(names[(unsigned char)c]));
}

static void write_types(struct buf *b, const char *types)
{
	buf_append_c(b, '[');
	for (size_t i = 0; types[i]; i++) {
		buf_append(b, i ? STR(",") : STR(""));
		write_type(b, types[i]);
	}
	buf_append_c(b, ']');
}

struct decl {
	const char *args, output; /* of evaluate */
	const char *methods;      /* JSON, or NULL */
	const char *script;       /* NULL: none */
	const char *file;         /* instead of the script */
};

static struct str document(struct arena *a, const struct decl *d)
{
	struct buf b;
	struct str ret;

	buf_init(&b, 1 << 20);
	buf_append(&b, STR("{\"availableProviders\":{\"P::F\":{\"argumentTypes\":"));
	write_types(&b, d->args);
	buf_append(&b, STR(",\"outputType\":"));
	write_type(&b, d->output);
	if (d->methods) {
		buf_printf(&b, ",\"availableMethods\":%s", d->methods);
	}
	if (d->script) {
		buf_printf(&b, ",\"implementation\":{\"kind\":\"rhai\",\"script\":\"%s\"}",
			   d->script);
	} else if (d->file) {
		buf_printf(&b, ",\"implementation\":{\"kind\":\"rhai\",\"scriptFile\":\"%s\"}",
			   d->file);
	}
	buf_append(&b, STR("}}}"));
	ret = arena_dup(a, buf_str(&b));
	buf_done(&b);
	return ret;
}

static enum err_code load_with(struct dw_world *w, const struct decl *d, const char *condition,
			       const struct dw_native *native)
{
	static const struct policy_source scripts[] = {
		{STR_INIT("below/len.rhai"), STR_INIT("fn evaluate(x) { x.len() }")}};
	struct dw_texts t = {.policies = &w->sources[0],
			     .n_policies = 1,
			     .schema = &w->sources[1],
			     .providers = &w->sources[2],
			     .scripts = scripts,
			     .n_scripts = ARRAY_LEN(scripts),
			     .natives = native,
			     .n_natives = native ? 1 : 0};

	dw_world_init(w);
	w->sources[0] = (struct policy_source){
		STR("policy.dw"),
		arena_printf(
			&w->a,
			"permit (principal is U, action == Action::\"a\", resource) when { %s };",
			condition)};
	w->sources[1] = (struct policy_source){STR("schema"), str_from_c(schema_text)};
	w->sources[2] = (struct policy_source){STR("providers.json"), document(&w->a, d)};
	return dw_load(&w->a, &t, &w->diags, &w->prog, &w->err);
}

static const char trace_line[] =
	"@0 scope(principal: U::\"p\", resource: G::\"g\") entities(U::\"p\": {id: \"p\", age: 7, "
	"names: [\"n\"]}) request_context(input: {u: \"abc\", n: 5, s: [\"x\", \"y\"]}) "
	"Action::\"a\"::request(input: {u: \"abc\", n: 5, s: [\"x\", \"y\"]})";

/* Decides while only so many allocations succeed; negative: all. */
static bool allowed_with(struct dw_world *w, long allocations, const char **failure)
{
	struct policy_decision d;
	struct dw_history h;
	struct dw_event ev;
	int64_t ts;

	dw_history_init(&h, w->prog, &w->a);
	assert_int_equal(dw_trace_line(&w->a, str_from_c(trace_line), 1, &ts, &ev, &w->err),
			 ERR_OK);
	assert_int_equal(dw_history_add(&h, &ev.event, &w->err), ERR_OK);
	arena_done(&w->scratch); /* so that its first use allocates too */
	fail_alloc_left = allocations;
	dw_history_decide(&h, &ev, NULL, &w->scratch, &d, &w->err);
	fail_alloc_left = -1;
	*failure = d.failure;
	return d.allow;
}

static bool allowed(struct dw_world *w, const char **failure)
{
	return allowed_with(w, -1, failure);
}

/* The condition holds for the request above. */
static void holds(const struct decl *d, const char *condition)
{
	const char *failure;
	struct dw_world w;

	if (load_with(&w, d, condition, NULL) != ERR_OK) {
		print_error("%s: %s\n", condition, w.err.msg);
		fail();
	}
	if (!allowed(&w, &failure)) {
		print_error("denied: %s: %s\n", condition, failure ? w.err.msg : "");
		fail();
	}
	dw_world_done(&w);
}

/* It loads, and a decision fails, which denies. */
static void fails(const struct decl *d, const char *condition, const char *says)
{
	const char *failure;
	struct dw_world w;

	assert_int_equal(load_with(&w, d, condition, NULL), ERR_OK);
	assert_false(allowed(&w, &failure));
	assert_non_null(failure);
	if (!strstr(w.err.msg, says)) {
		print_error("%s\n", w.err.msg);
		fail();
	}
	dw_world_done(&w);
}

static void refuses(const struct decl *d, const char *condition, const char *says)
{
	struct dw_world w;

	if (load_with(&w, d, condition, NULL) == ERR_OK) {
		print_error("accepted: %s\n", condition);
		fail();
	}
	if (!strstr(w.err.msg, says)) {
		print_error("says %s\nnot %s\n", w.err.msg, says);
		fail();
	}
	dw_world_done(&w);
}

#define SCORED                                                                                     \
	"{\"atLeast\":{\"argumentTypes\":[{\"paramType\":\"decimal\"}],\"outputType\":"            \
	"{\"paramType\":\"bool\"}},\"top\":{\"argumentTypes\":[],\"outputType\":"                  \
	"{\"paramType\":\"decimal\"}},\"half\":{\"argumentTypes\":[],\"inputType\":"               \
	"{\"paramType\":\"decimal\"},\"outputType\":{\"paramType\":\"decimal\"}}}"

static const struct decl scored = {
	"s", 'r', SCORED,
	"fn evaluate(x) { #{ score: parse_decimal(\\\"0.80\\\") } } fn top(o) { o.score } "
	"fn atLeast(o, min) { o.top() >= min } fn half(d) { d - parse_decimal(\\\"0.40\\\") }",
	NULL};
static const struct decl length = {"s", 'i', NULL, "fn evaluate(x) { x.len() }", NULL};

static void methods_work_on_what_stands_before_them(void **state)
{
	(void)state;
	holds(&scored, "P::F(context.input.u).atLeast(decimal(\"0.8\"))");
	holds(&scored, "!P::F(context.input.u).atLeast(decimal(\"0.81\"))");
	holds(&scored, "P::F(context.input.u).top().greaterThan(decimal(\"0.79\"))");
	holds(&scored, "P::F(context.input.u).top().half() == decimal(\"0.4\")");
	holds(&scored, "P::F(context.input.u)[\"score\"].lessThan(decimal(\"0.9\"))");
	holds(&scored, "P::F(context.input.u).score == P::F(\"x\").top()");
}

static void methods_are_checked(void **state)
{
	static const struct decl shadow = {
		"s", 'i',
		"{\"isEmpty\":{\"argumentTypes\":[],\"outputType\":{\"paramType\":\"bool\"}}}",
		"fn evaluate(x) { 1 } fn isEmpty(x) { true }", NULL};
	static const struct decl absent = {
		"s", 'i',
		"{\"twice\":{\"argumentTypes\":[],\"outputType\":{\"paramType\":\"bool\"}}}",
		"fn evaluate(x) { 1 } fn twice(x, y) { true }", NULL};
	static const struct decl wrong = {
		"s", 'i',
		"{\"bad\":{\"argumentTypes\":[],\"outputType\":{\"paramType\":\"bool\"}}}",
		"fn evaluate(x) { 1 } fn bad(x) { 7 }", NULL};
	static const struct decl middle = {
		"s", 's',
		"{\"n\":{\"argumentTypes\":[],\"outputType\":{\"paramType\":\"integer\"}}}",
		"fn evaluate(x) { 1 } fn n(x) { 7 }", NULL};

	(void)state;
	refuses(&scored, "P::F(\"x\").nothing()", "has no method `nothing`");
	refuses(&scored, "P::F(\"x\").atLeast()", "`atLeast` takes 1 arguments, not 0");
	refuses(&scored, "P::F(\"x\").atLeast(3)",
		"method atLeast: argument 1 is of the wrong type");
	refuses(&scored, "P::F(\"x\").atLeast(context.input.n)", "argument 1 is of the wrong type");
	refuses(&scored, "P::F(\"x\").half() == decimal(\"0.4\")",
		"`half` does not take what stands before it");
	refuses(&scored, "P::F(\"x\").top() == 3", "");
	refuses(&shadow, "P::F(\"x\") == 1", "has the name of one of Cedar's");
	refuses(&absent, "P::F(\"x\") == 1", "no function `twice` with 1 parameters");
	fails(&wrong, "P::F(\"x\").bad()", "provider `P::F`");
	/* Also what stands between two methods has to be as declared. */
	fails(&middle, "P::F(\"x\").n() == 7", "provider `P::F`");
}

static void arguments_are_literals_and_paths_of_the_declared_type(void **state)
{
	static const struct decl set = {"S", 'i', NULL, "fn evaluate(x) { x.len() }", NULL};
	static const struct decl dec = {"d", 'b', NULL,
					"fn evaluate(x) { x == parse_decimal(\\\"0.5\\\") }", NULL};
	static const struct decl number = {"l", 'i', NULL, "fn evaluate(x) { x + 1 }", NULL};
	static const struct decl unit = {"d", 's', NULL, "fn evaluate(x) { type_of(x) }", NULL};

	(void)state;
	holds(&set, "P::F([\"a\", context.input.u, principal.id]) == 3");
	holds(&set, "P::F([]) == 0");
	holds(&set, "P::F(context.input.s) == 2");
	holds(&set, "P::F(principal.names) == 1");
	holds(&dec, "P::F(decimal(\"0.50\"))");
	holds(&number, "P::F(principal.age) == 8");
	holds(&number, "P::F(-3) == -2");
	holds(&unit, "P::F(context.input.d) == \"()\"");
	holds(&length, "P::F(principal.type) == 1 && P::F(resource.id) == 1");
	refuses(&set, "P::F([\"a\", context.input.n]) == 3", "of the wrong type");
	refuses(&set, "P::F([1]) == 3", "of the wrong type");
	refuses(&set, "P::F([[\"a\"]]) == 3", "of the wrong type");
	refuses(&number, "P::F(principal.id) == 3", "of the wrong type");
	refuses(&number, "P::F(1 + 1) == 3", "a literal or a path");
	refuses(&number, "P::F(context.input.z) == 3", "does not exist for action");
	refuses(&dec, "P::F(decimal(context.input.u))", "not a decimal such as");
	refuses(&length, "P::F() == 3", "takes 1 arguments, not 0");
	refuses(&length, "Q::F(\"a\") == 3", "no provider is called `Q::F`");
}

static void a_script_may_stand_in_a_file(void **state)
{
	static const struct decl file = {"s", 'i', NULL, NULL, "below/len.rhai"};
	static const struct decl gone = {"s", 'i', NULL, NULL, "other.rhai"};
	static const char *const outside[] = {"../len.rhai", "/etc/passwd", "a//b", "", "a/./b"};
	struct policy_source src = {STR("p"), {0}};
	struct err err = {0};
	struct arena a;
	struct str *names;
	size_t n;

	(void)state;
	holds(&file, "P::F(context.input.u) == 3");
	refuses(&gone, "P::F(\"a\") == 3", "its script `other.rhai` was not given");
	arena_init(&a, 1 << 20);
	src.text = document(&a, &file);
	assert_int_equal(dw_provider_scripts(&a, &src, &names, &n, &err), ERR_OK);
	assert_int_equal(n, 1);
	assert_true(str_eq(names[0], STR("below/len.rhai")));
	src.text = document(&a, &length);
	assert_int_equal(dw_provider_scripts(&a, &src, &names, &n, &err), ERR_OK);
	assert_int_equal(n, 0);
	for (size_t i = 0; i < ARRAY_LEN(outside); i++) {
		struct decl d = {"s", 'i', NULL, NULL, outside[i]};

		refuses(&d, "P::F(\"a\") == 3", "must name a file beside the document");
		src.text = document(&a, &d);
		assert_int_equal(dw_provider_scripts(&a, &src, &names, &n, &err), ERR_INVALID);
	}
	arena_done(&a);
}

static enum err_code native(void *arg, const struct policy_value *args, size_t n,
			    struct arena *scratch, struct policy_value *ret, struct err *err)
{
	int64_t *calls = arg;

	(void)scratch;
	assert_int_equal(n, 1);
	*calls += 1;
	if (args[0].kind != POLICY_STRING) {
		return ERR(err, ERR_INVALID, "no text");
	}
	*ret = *calls > 100 ? policy_bool(true) : policy_long(args[0].n);
	return ERR_OK;
}

static void a_provider_without_an_implementation_is_the_hosts(void **state)
{
	static const struct decl interface = {"s", 'i', NULL, NULL, NULL};
	static const struct decl methods = {
		"s", 'i', "{\"m\":{\"argumentTypes\":[],\"outputType\":{\"paramType\":\"bool\"}}}",
		NULL, NULL};
	int64_t calls = 0;
	const struct dw_native mine = {STR("P::F"), native, &calls};
	const char *failure;
	struct dw_world w;

	(void)state;
	assert_int_equal(load_with(&w, &interface, "P::F(context.input.u) == 3", &mine), ERR_OK);
	assert_true(allowed(&w, &failure));
	assert_int_equal(calls, 1);
	calls = 100; /* now it gives what was not declared */
	assert_false(allowed(&w, &failure));
	assert_non_null(failure);
	dw_world_done(&w);
	/* The script of a document is not replaced by the host's. */
	assert_int_equal(load_with(&w, &length, "P::F(context.input.u) == 3", &mine), ERR_OK);
	assert_true(allowed(&w, &failure));
	assert_int_equal(calls, 101);
	dw_world_done(&w);
	refuses(&interface, "P::F(\"a\") == 1", "nobody computes `P::F`");
	refuses(&methods, "P::F(\"a\") == 1", "no function `m`");
	/* Declared and not called: nothing is missing. */
	assert_int_equal(load_with(&w, &interface, "true", NULL), ERR_OK);
	dw_world_done(&w);
}

static void what_a_script_cannot_do_is_refused_when_it_is_loaded(void **state)
{
	static const struct {
		const char *script, *says;
	} t[] = {
		{"fn evaluate(x) { http_get(x); 1 }", "scripts have no network"},
		{"fn evaluate(x) { timestamp() }", "no function `timestamp` with 0 arguments"},
		{"fn evaluate(x) { help(x) }", "no function `help` with 1 arguments"},
		{"fn evaluate() { 1 }", "no function evaluate with 1 parameters"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct decl d = {"s", 'i', NULL, t[i].script, NULL};

		refuses(&d, "P::F(\"a\") == 1", t[i].says);
	}
}

static void what_is_no_regular_expression_matches_nothing(void **state)
{
	static const struct decl none = {"s", 'b', NULL,
					 "fn evaluate(x) { regex_is_match(x, \\\"a\\\")"
					 " }",
					 NULL};

	(void)state;
	holds(&none, "!P::F(\"[\") && !P::F(\"*\") && P::F(\"[a]\")");
	fails(&none, "P::F(\"\\\\p{L}\")",
	      "an escape that is not read here"); /* one elsewhere: not guessed */
}

/* Calls and nesting multiply; the stack must hold. */
static void calls_are_the_same_only_when_all_of_them_is(void **state)
{
	static const char condition[] =
		"P::F(\"x\").top() == P::F(\"x\").top() && P::F(\"y\").top() == "
		"P::F(\"x\").top().half() && P::F(context.input.u).top() == P::F(\"x\").top()";
	struct dw_world w;

	(void)state;
	assert_int_equal(load_with(&w, &scored, condition, NULL), ERR_OK);
	assert_int_equal(w.prog->n_calls, 6);
	for (size_t i = 0; i < 6; i++) {
		bool same = i == 1 || i == 5;

		assert_int_equal(dw_call_same(&w.prog->calls[0], &w.prog->calls[i]), same || !i);
	}
	dw_world_done(&w);
}

static void scripts_are_bounded_in_depth(void **state)
{
	const struct policy_value arg = policy_long(1);
	const struct dw_script *s;
	struct policy_value v;
	struct err err = {0};
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, 64 << 20);
	buf_init(&b, 1 << 16);
	buf_append(&b, STR("fn evaluate(x) { "));
	for (int i = 0; i < 50; i++) {
		buf_append(&b, STR("1 + (1 * ("));
	}
	buf_append(&b, STR("evaluate(x)"));
	for (int i = 0; i < 50; i++) {
		buf_append(&b, STR("))"));
	}
	buf_append(&b, STR(" }"));
	if (dw_script_parse(&a, buf_str(&b), STR("evaluate"), 1, &s, &err) == ERR_OK) {
		assert_int_equal(dw_script_run(s, &arg, 1, &a, &v, &err), ERR_LIMIT);
	}
	buf_clear(&b);
	buf_append(&b, STR("fn evaluate(x) { "));
	for (int i = 0; i < 25; i++) {
		buf_append(&b, STR("1 + ("));
	}
	buf_append(&b, STR("evaluate(x)"));
	for (int i = 0; i < 25; i++) {
		buf_append_c(&b, ')');
	}
	buf_append(&b, STR(" }"));
	assert_int_equal(dw_script_parse(&a, buf_str(&b), STR("evaluate"), 1, &s, &err), ERR_OK);
	assert_int_equal(dw_script_run(s, &arg, 1, &a, &v, &err), ERR_LIMIT);
	assert_non_null(strstr(err.msg, "deeper"));
	buf_done(&b);
	arena_done(&a);
}

static void calls_survive_failing_allocations(void **state)
{
	long n = 0;

	(void)state;
	if (!fail_alloc_works) {
		print_message("skipped: a sanitizer owns the allocator\n");
		skip();
	}
	for (enum err_code code = ERR_NOMEM; code; n++) {
		const char *failure;
		struct dw_world w;

		fail_alloc_left = n;
		code = load_with(&w, &scored, "P::F(context.input.u).atLeast(decimal(\"0.8\"))",
				 NULL);
		fail_alloc_left = -1;
		assert_true(!code || code == ERR_NOMEM || code == ERR_LIMIT);
		for (long k = 0; !code && !allowed_with(&w, k, &failure); k++) {
			assert_non_null(failure);
			assert_true(k < 1000);
		}
		dw_world_done(&w);
		assert_true(n < 10000);
	}
	assert_true(n > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(methods_work_on_what_stands_before_them),
		cmocka_unit_test(methods_are_checked),
		cmocka_unit_test(arguments_are_literals_and_paths_of_the_declared_type),
		cmocka_unit_test(a_script_may_stand_in_a_file),
		cmocka_unit_test(a_provider_without_an_implementation_is_the_hosts),
		cmocka_unit_test(what_a_script_cannot_do_is_refused_when_it_is_loaded),
		cmocka_unit_test(what_is_no_regular_expression_matches_nothing),
		cmocka_unit_test(calls_are_the_same_only_when_all_of_them_is),
		cmocka_unit_test(scripts_are_bounded_in_depth),
		cmocka_unit_test(calls_survive_failing_allocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
