/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <fcntl.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "json/parse.h"

#define SCHEMA                                                                                     \
	"entity User {level: Long, mail?: String}; entity Doc;\n"                                  \
	"action view appliesTo {principal: User, resource: Doc, context: {now: datetime}};\n"

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

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->dir, "/tmp/writ-check-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	put(f, "s.cedarschema", SCHEMA);
	put(f, "good.cedar", "permit(principal, action, resource) when { principal.level > 1 };\n");
	put(f, "bad.cedar",
	    "permit(principal, action, resource)\nwhen { principal.levle > 1 };\n"
	    "permit(principal, action, resource) when { principal.mail == \"x\" };\n");
	put(f, "broken.cedar", "permit(principal, action, resource) when { };\n");
	put(f, "never.cedar",
	    "@resaon(\"x\") permit(principal, action, resource) when { false };\n");
	put(f, "broken.cedarschema", "entity User in Group;\nentity Doc { owner: Usr };\n");
	put(f, "good.dw",
	    "permit () when temporal { formerly within 1h Action::\"view\"::request{} };\n");
	put(f, "bad.dw",
	    "permit ()\nwhen temporal { formerly within 2d Action::\"view\"::request{} };\n");
	put(f, "dear.dw",
	    "permit ()\nwhen temporal { formerly within 1h (Action::\"view\"::request{} && "
	    "previous within 1h Action::\"view\"::request{}) };\n");
	put(f, "e.dwschema", "decision event <A>::asked { who: principalType(A) }\n");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = {
		"s.cedarschema",      "good.cedar", "bad.cedar", "broken.cedar", "never.cedar",
		"broken.cedarschema", "good.dw",    "bad.dw",    "dear.dw",      "e.dwschema"};
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

/* Runs `writ policy check WORDS` in the folder; what it prints is in f->output. */
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

#define RUN(f, ...) run((f), (const char *const[]){"policy", "check", __VA_ARGS__, NULL})

static bool said(const struct fixture *f, const char *text)
{
	return strstr(f->output, text) != NULL;
}

static void valid_policies_are_fine(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(RUN(f, "--schema", "s.cedarschema", "good.cedar"), CMD_FINE);
	assert_true(said(f, "policies: 1"));
	assert_int_equal(RUN(f, "--schema", "s.cedarschema"), CMD_FINE);
}

static void every_error_is_shown_with_its_place_and_a_way_out(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(RUN(f, "--schema", "s.cedarschema", "bad.cedar", "broken.cedar"),
			 CMD_FOUND);
	assert_true(said(f, "bad.cedar:2:8: error: "));
	assert_true(said(f, "       ^~~"));
	assert_true(said(f, "did you mean `level`?"));
	assert_true(said(f, "bad.cedar:3:44: error: "));
	assert_true(said(f, "test it first: `principal has mail && ...`"));
	assert_true(said(f, "broken.cedar:1:44: error: "));
	assert_true(said(f, "errors: 3"));
}

static void a_warning_alone_is_fine_unless_strict(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(RUN(f, "--schema", "s.cedarschema", "never.cedar"), CMD_FINE);
	assert_true(said(f, "warning: policy"));
	assert_true(said(f, "never applies"));
	assert_true(said(f, "@resaon"));
	assert_int_equal(RUN(f, "--strict", "--schema", "s.cedarschema", "never.cedar"), CMD_FOUND);
}

static void a_broken_schema_is_reported_and_policies_are_still_parsed(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(RUN(f, "--schema", "broken.cedarschema", "broken.cedar"), CMD_FOUND);
	assert_true(said(f, "broken.cedarschema:1:16: error: "));
	assert_true(said(f, "did you mean `User`?"));
	assert_true(said(f, "broken.cedar:1:44: error: "));
}

static void json_says_the_same_as_text(void **state)
{
	struct fixture *f = *state;
	const struct json *doc, *first;
	struct arena a;
	struct err err;
	int64_t line;

	arena_init(&a, 1u << 20);
	assert_int_equal(RUN(f, "--json", "--schema", "s.cedarschema", "bad.cedar"), CMD_FOUND);
	assert_int_equal(json_parse(&a, str_from_c(f->output), NULL, &doc, &err), ERR_OK);
	assert_false(json_get(doc, STR("ok"))->boolean);
	first = json_first(json_get(doc, STR("problems")));
	assert_str_equal(json_str(json_get(first, STR("severity"))), STR("error"));
	assert_str_equal(json_str(json_get(first, STR("file"))), STR("bad.cedar"));
	assert_true(json_i64(json_get(first, STR("line")), &line) && line == 2);
	arena_done(&a);
}

static void what_cannot_be_done_is_said_and_ends_with_two(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(RUN(f, "good.cedar"), CMD_FAILED);
	assert_true(said(f, "--schema is needed"));
	assert_int_equal(RUN(f, "--schema", "nope", "good.cedar"), CMD_FAILED);
	assert_int_equal(RUN(f, "--schema", "s.cedarschema", "nope.cedar"), CMD_FAILED);
	assert_int_equal(RUN(f, "--schema", "s.cedarschema", "--events", "e", "good.cedar"),
			 CMD_FAILED);
	assert_int_equal(
		RUN(f, "--schema", "s.cedarschema", "--schema", "s.cedarschema", "good.dw"),
		CMD_FAILED);
	assert_true(said(f, "checked against one schema"));
}

static void a_condition_that_keeps_events_is_pointed_out(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(RUN(f, "--schema", "s.cedarschema", "good.dw"), CMD_FINE);
	assert_false(said(f, "events are kept"));
	assert_int_equal(RUN(f, "--schema", "s.cedarschema", "dear.dw"), CMD_FINE);
	assert_true(said(f, "dear.dw:2:6: warning: events are kept"));
}

static void temporal_policies_are_checked_with_their_events(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(RUN(f, "--schema", "s.cedarschema", "good.dw"), CMD_FINE);
	assert_int_equal(RUN(f, "--schema", "s.cedarschema", "--events", "e.dwschema", "good.dw"),
			 CMD_FOUND);
	assert_true(said(f, "good.dw:1:"));
	assert_true(said(f, "unknown event kind `request`"));
	assert_int_equal(RUN(f, "--schema", "s.cedarschema", "bad.dw"), CMD_FOUND);
	assert_true(said(f, "bad.dw:2:"));
	assert_true(said(f, "longer than max_window"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(valid_policies_are_fine),
		T(every_error_is_shown_with_its_place_and_a_way_out),
		T(a_warning_alone_is_fine_unless_strict),
		T(a_broken_schema_is_reported_and_policies_are_still_parsed),
		T(json_says_the_same_as_text),
		T(what_cannot_be_done_is_said_and_ends_with_two),
		T(temporal_policies_are_checked_with_their_events),
		T(a_condition_that_keeps_events_is_pointed_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
