/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <fcntl.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "json/parse.h"

struct fixture {
	char dir[32];
	char output[1 << 16];
};

static void put(const struct fixture *f, const char *name, const char *text)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

#define LINE(ts, action, kind)                                                                     \
	"@" #ts " scope(principal: U::\"u\", resource: G::\"g\") request_context(input: {n: 1}) "  \
	"Action::\"" action "\"::" kind "(input: {n: 1})\n"

static const char *const names[] = {"s.cedarschema", "p.dw",      "bad.dw", "t.log",
				    "bad.log",       "macros.dw", "m.dw"};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->dir, "/tmp/writ-replay-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	put(f, "s.cedarschema",
	    "entity U; entity G; action group; action a, b in [group] appliesTo { principal: [U], "
	    "resource: [G], context: { input: { n: Long } } };");
	put(f, "p.dw",
	    "permit (action in Action::\"group\") when temporal { formerly within 5s "
	    "Action::\"b\"::response{} };\n"
	    "permit (action == Action::\"a\") when temporal { previous within 1s "
	    "Action::\"a\"::request{} };\n");
	put(f, "bad.dw", "permit ()\nwhen temporal { Action::\"c\"::request{} };\n");
	put(f, "m.dw", "permit () when temporal { lately(Action::\"b\"::response{}) };\n");
	put(f, "macros.dw", "def temporal lately(?s) { formerly within 5s ?s };\n");
	put(f, "t.log",
	    LINE(0, "a", "request") LINE(1, "b", "response") LINE(5, "a", "request")
		    LINE(6, "a", "request") LINE(9, "a", "request"));
	put(f, "bad.log", LINE(0, "a", "request") "@1 nonsense\n");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char path[64];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(f->dir);
	free(f);
	return 0;
}

/* Runs `writ policy replay WORDS` in the folder; what it prints is in f->output. */
static int run(struct fixture *f, const char *const *words)
{
	char *argv[16] = {NULL};
	int saved = dup(STDOUT_FILENO), quiet = dup(STDERR_FILENO), status, argc = 0;
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600), cwd = open(".", O_DIRECTORY);
	ssize_t n;

	assert_true(saved >= 0 && quiet >= 0 && fd >= 0 && cwd >= 0);
	for (; words[argc]; argc++) {
		argv[argc] = strdup(words[argc]);
	}
	assert_int_equal(chdir(f->dir), 0);
	(void)fflush(stdout);
	assert_true(dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0);
	status = cmd_policy(argc, argv);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0 && dup2(quiet, STDERR_FILENO) >= 0);
	assert_int_equal(fchdir(cwd), 0);
	n = pread(fd, f->output, sizeof(f->output) - 1, 0);
	assert_true(n >= 0);
	f->output[n] = '\0';
	(void)close(saved);
	(void)close(quiet);
	(void)close(fd);
	(void)close(cwd);
	for (int i = 0; i < argc; i++) {
		free(argv[i]);
	}
	return status;
}

#define RUN(f, ...) run((f), (const char *const[]){"policy", "replay", __VA_ARGS__, NULL})

static void every_decision_has_its_line_with_the_rules_that_decided(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(RUN(f, "--policies", "p.dw", "--schema", "s.cedarschema", "t.log"),
			 CMD_FINE);
	assert_string_equal(f->output, "@0 (time point 0): DENY\n"
				       "@5 (time point 1): ALLOW  [rules: 0]\n"
				       "@6 (time point 2): ALLOW  [rules: 0, 1]\n"
				       "@9 (time point 3): DENY\n");
}

static void a_whole_trace_counts_all_events(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		RUN(f, "--whole-trace", "--policies", "p.dw", "--schema", "s.cedarschema", "t.log"),
		CMD_FINE);
	assert_string_equal(f->output, "@0 (time point 0): false\n@5 (time point 2): true\n"
				       "@6 (time point 3): true\n@9 (time point 4): false\n");
}

static void json_holds_the_same(void **state)
{
	struct fixture *f = *state;
	const struct json *doc, *first;
	struct arena a;
	int64_t n;

	assert_int_equal(
		RUN(f, "--json", "--policies", "p.dw", "--schema", "s.cedarschema", "t.log"),
		CMD_FINE);
	arena_init(&a, 1 << 20);
	assert_int_equal(json_parse(&a, str_from_c(f->output), NULL, &doc, NULL), ERR_OK);
	assert_true(json_i64(json_get(doc, STR("decided")), &n) && n == 4);
	assert_true(json_i64(json_get(doc, STR("allowed")), &n) && n == 2);
	first = json_first(json_get(doc, STR("decisions")));
	assert_non_null(first);
	assert_true(json_str_is(json_get(first, STR("decision")), STR("deny")));
	assert_true(json_is_array(json_get(first, STR("rules"))));
	arena_done(&a);
}

static void macros_beside_the_policies_are_taken(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(RUN(f, "--policies", "m.dw", "--schema", "s.cedarschema", "t.log"),
			 CMD_FINE);
	assert_non_null(strstr(f->output, "@5 (time point 1): ALLOW  [rules: 0]\n"));
}

static void policies_with_errors_are_not_replayed(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(RUN(f, "--policies", "bad.dw", "--schema", "s.cedarschema", "t.log"),
			 CMD_FOUND);
	assert_non_null(strstr(f->output, "bad.dw:2:17: error: unknown action"));
}

static void a_malformed_line_ends_the_replay_with_its_place(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(RUN(f, "--policies", "p.dw", "--schema", "s.cedarschema", "bad.log"),
			 CMD_FAILED);
	assert_non_null(strstr(f->output, "line 2, column"));
	assert_int_equal(RUN(f, "--policies", "p.dw", "t.log"), CMD_FAILED);
	assert_non_null(strstr(f->output, "--policies and --schema are needed"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_decision_has_its_line_with_the_rules_that_decided),
		T(a_whole_trace_counts_all_events),
		T(json_holds_the_same),
		T(macros_beside_the_policies_are_taken),
		T(policies_with_errors_are_not_replayed),
		T(a_malformed_line_ends_the_replay_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
