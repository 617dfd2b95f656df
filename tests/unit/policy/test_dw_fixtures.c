/* SPDX-License-Identifier: Apache-2.0 */
/* The conformance data of the temporal language: every trace, every policy, every refusal. */
#include "tests/unit/policy/dw_help.h"

#include "policy/schema_ast.h"

#include <dirent.h>
#include <sys/stat.h>

static const char *root(void)
{
	const char *data = getenv("WRIT_DATA");

	if (!data) {
		print_message("skipped: WRIT_DATA not set\n");
		skip();
	}
	return data;
}

/* Empty when there is no such file. */
static struct str read_file(struct arena *a, const char *path)
{
	FILE *f = fopen(path, "rb");
	struct str s = {0};
	char *bytes;
	long n;

	if (!f) {
		return s;
	}
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	n = ftell(f);
	assert_true(n >= 0);
	rewind(f);
	bytes = arena_alloc(a, (size_t)n + 1);
	assert_non_null(bytes);
	assert_int_equal(fread(bytes, 1, (size_t)n, f), n);
	(void)fclose(f);
	return str_make(bytes, (size_t)n);
}

static struct str in_dir(struct arena *a, const char *dir, const char *name)
{
	char path[1024];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return read_file(a, path);
}

static void load_dir(struct dw_world *w, const char *dir, const char *policy)
{
	struct str events = in_dir(&w->a, dir, "event.dwschema");

	if (events.n == 0) {
		events = in_dir(&w->a, dir, "events.dwschema");
	}
	dw_world_must_load(w, in_dir(&w->a, dir, policy), in_dir(&w->a, dir, "schema.cedarschema"),
			   events, in_dir(&w->a, dir, "providers.json"),
			   in_dir(&w->a, dir, "macros.dw"));
}

static void compare(struct dw_world *w, const char *dir, struct str trace, struct str expected,
		    bool whole)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	dw_world_replay(w, trace, whole, &out);
	if (!str_eq(buf_str(&out), expected)) {
		print_error("%s:\n" STR_FMT "expected:\n" STR_FMT, dir, STR_ARG(buf_str(&out)),
			    STR_ARG(expected));
		fail();
	}
	buf_done(&out);
}

typedef void visit_fn(const char *dir, size_t *n);

static size_t each(const char *below, visit_fn *visit)
{
	char path[512], dir[800];
	size_t n = 0;
	struct dirent *e;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s/%s", root(), below);
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] != '.') {
			(void)snprintf(dir, sizeof(dir), "%s/%s", path, e->d_name);
			visit(dir, &n);
		}
	}
	(void)closedir(d);
	return n;
}

static void load_example(const char *dir, size_t *n)
{
	struct dw_world w;

	dw_world_init(&w);
	load_dir(&w, dir, "policy.dw");
	dw_world_done(&w);
	(*n)++;
}

static void replay_example(const char *dir, size_t *n)
{
	struct dw_world w;
	struct str trace;

	dw_world_init(&w);
	trace = in_dir(&w.a, dir, "trace.log");
	if (trace.n > 0) {
		load_dir(&w, dir, "policy.dw");
		compare(&w, dir, trace, in_dir(&w.a, dir, "expected.out"), false);
		(*n)++;
	}
	dw_world_done(&w);
}

static void replay_language(const char *dir, size_t *n)
{
	for (int i = 1; i <= 9; i++) {
		char name[32];
		struct dw_world w;
		struct str trace;

		dw_world_init(&w);
		(void)snprintf(name, sizeof(name), "trace_%d.log", i);
		trace = in_dir(&w.a, dir, name);
		if (trace.n > 0) {
			load_dir(&w, dir, "policy_1.dw");
			(void)snprintf(name, sizeof(name), "expected_%d.out", i);
			compare(&w, dir, trace, in_dir(&w.a, dir, name), true);
			(*n)++;
		}
		dw_world_done(&w);
	}
}

/* Enough schema for every refused policy, so that each is refused for its own reason. */
static const char refusal_schema[] =
	"namespace Drupe { entity U; entity G; entity Tool1_Input_mode enum [\"read\"];"
	" entity Tool2_Input_mode enum [\"read\"];"
	" action Read appliesTo { principal: [U], resource: [G], context: { input: { user: String "
	"} } };"
	" action Alert appliesTo { principal: [U], resource: [G], context: { input: { server: "
	"String } } };"
	" action Login appliesTo { principal: [U], resource: [G],"
	"  context: { input: { user: String, server: String }, output?: { result: Bool } } };"
	" action Logout appliesTo { principal: [U], resource: [G], context: { input: { user: "
	"String } } };"
	" action Heartbeat appliesTo { principal: [U], resource: [G], context: { input: { server: "
	"String } } };"
	" action Transfer appliesTo { principal: [U], resource: [G],"
	"  context: { input: { user: String, amount: Long }, output?: { amount: Long } } };"
	" action Charge appliesTo { principal: [U], resource: [G], context: { input: { score: "
	"decimal } } };"
	" action Tool1 appliesTo { principal: [U], resource: [G], context: { input: { mode: "
	"Tool1_Input_mode } } };"
	" action Tool2 appliesTo { principal: [U], resource: [G], context: { input: { mode: "
	"Tool2_Input_mode } } };"
	"}";
static const char provider_schema[] = "namespace App { entity U; entity G;"
				      " action Open appliesTo { principal: [U], resource: [G], "
				      "context: { input: { document: String } } };"
				      " action Ping appliesTo { principal: [U], resource: [G], "
				      "context: { input: { n: Long } } }; }";
static const char matches_provider[] =
	"{\"availableProviders\":{\"Strings::Matches\":{\"argumentTypes\":[{\"paramType\":"
	"\"string\"},"
	"{\"paramType\":\"string\"}],\"outputType\":{\"paramType\":\"record\",\"fields\":{"
	"\"matched\":"
	"{\"paramType\":\"bool\"}},\"required\":[\"matched\"]},\"implementation\":{\"kind\":"
	"\"rhai\","
	"\"script\":\"fn evaluate(a, b) { #{ matched: regex_is_match(b, a) } }\"}}}}";

static void refuse(const char *dir, size_t *n)
{
	static const struct {
		const char *id, *says;
	} why[] = {
		{"0475", "`let` is not recognized"},
		{"0524", "`for` variable `a` is not range-restricted"},
		{"0560", "`let` is not recognized"},
		{"0605", "`let` is not recognized"},
		{"0853", "`let` is not recognized"},
		{"0890", "`let` is not recognized"},
		{"1035", "not of the field's type Drupe::Tool2_Input_mode"},
		{"1042", "only a Long can be summed"},
		{"2020", "a condition cannot be empty"},
		{"2093", "argument `context.input.document` does not exist for action "
			 "`App::Action::\"Ping\"`"},
	};
	const char *name = strrchr(dir, '/') + 1;
	bool provider = strncmp(name, "2093", 4) == 0, known = false;
	struct dw_world w;

	dw_world_init(&w);
	assert_int_not_equal(
		dw_world_load(&w, in_dir(&w.a, dir, "policy_1.dw"),
			      str_from_c(provider ? provider_schema : refusal_schema), STR(""),
			      provider ? str_from_c(matches_provider) : STR(""), STR("")),
		ERR_OK);
	assert_true(w.diags.n_errors > 0);
	for (size_t i = 0; i < ARRAY_LEN(why); i++) {
		struct str message = w.diags.items[0].message;

		if (strncmp(name, why[i].id, 4) == 0) {
			known = true;
			if (str_find_str(message, str_from_c(why[i].says)) == message.n) {
				print_error("%s: " STR_FMT "\n", name, STR_ARG(message));
				fail();
			}
		}
	}
	assert_true(known);
	assert_true(w.diags.items[0].source != NULL && w.diags.items[0].span.n > 0);
	dw_world_done(&w);
	(*n)++;
}

static void every_documented_policy_loads(void **state)
{
	(void)state;
	assert_int_equal(each("dogwood/examples", load_example), 86);
}

static void every_documented_trace_replays_byte_for_byte(void **state)
{
	(void)state;
	assert_int_equal(each("dogwood/examples", replay_example), 49);
}

static void every_language_trace_replays_byte_for_byte(void **state)
{
	(void)state;
	assert_int_equal(each("dogwood/language/temporal_only", replay_language), 27);
}

static void every_refused_policy_is_refused_for_its_reason_and_place(void **state)
{
	(void)state;
	assert_int_equal(each("dogwood/language/expected_failures", refuse), 10);
}

static void a_gateways_policies_replay_byte_for_byte(void **state)
{
	char dir[512];
	struct dw_world w;

	(void)state;
	dw_world_init(&w);
	(void)snprintf(dir, sizeof(dir), "%s/writ-policy", root());
	dw_world_must_load(&w, in_dir(&w.a, dir, "trace/policy.dw"),
			   in_dir(&w.a, dir, "writ.cedarschema"),
			   in_dir(&w.a, dir, "trace/event.dwschema"), STR(""), STR(""));
	compare(&w, dir, in_dir(&w.a, dir, "trace/trace.log"),
		in_dir(&w.a, dir, "trace/expected.out"), false);
	dw_world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_documented_policy_loads),
		cmocka_unit_test(every_documented_trace_replays_byte_for_byte),
		cmocka_unit_test(every_language_trace_replays_byte_for_byte),
		cmocka_unit_test(every_refused_policy_is_refused_for_its_reason_and_place),
		cmocka_unit_test(a_gateways_policies_replay_byte_for_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
