/* SPDX-License-Identifier: Apache-2.0 */
/* What `writ init` writes is loaded by the real decoder and decided by the real engine. */
#include "tests/test.h"

#include "cli/cmd.h"
#include "cli/init_text.h"
#include "config/load.h"
#include "policy/data.h"
#include "policy/engine.h"
#include "policy/schema_ast.h"

#include <fcntl.h>
#include <ftw.h>
#include <unistd.h>

struct fixture {
	struct arena a;
	struct buf text[6];
	const struct policy_set *set;
};

static const struct init_values values = {
	.dir = STR_INIT("/srv/writ"),
	.peers = STR_INIT("/opt/peers"),
	.node = STR_INIT("/usr/bin/node"),
	.workspace = STR_INIT("/srv/w*rk \"1\""),
	.demo = true,
};

static int load_policies(void **state)
{
	static struct fixture f;
	struct policy_set_opts opts = {.ids = POLICY_ID_ANNOTATION, .strict_annotations = true};
	struct policy_source sources[5], schema = {.name = STR("schema")};
	struct policy_diags diags;
	struct err err = {0};

	arena_init(&f.a, 16 << 20);
	for (size_t i = 0; i < ARRAY_LEN(f.text); i++) {
		buf_init(&f.text[i], 1 << 16);
	}
	init_put_list_policy(&f.text[0]);
	init_put_files_policy(&f.text[1], &values);
	init_put_memory_policy(&f.text[2]);
	init_put_everything_policy(&f.text[3]);
	init_put_secrets_policy(&f.text[4]);
	for (size_t i = 0; i < 5; i++) {
		sources[i] = (struct policy_source){STR("demo"), buf_str(&f.text[i])};
	}
	init_put_schema(&f.text[5], &values);
	schema.text = buf_str(&f.text[5]);
	policy_diags_init(&diags, &f.a);
	if (schema_load(&f.a, &schema, &opts.schema, &diags, &err) ||
	    policy_set_load(&f.a, sources, 5, &opts, &diags, &f.set, &err)) {
		print_error("%s\n", err.msg);
		return -1;
	}
	*state = &f;
	return 0;
}

static int drop_policies(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(f->text); i++) {
		buf_done(&f->text[i]);
	}
	arena_done(&f->a);
	return 0;
}

/* Decides the call of tool "server.tool"; returns the deciding policy's id, "" when none is. */
static struct str decide(struct fixture *f, const char *tool, const char *input,
			 enum policy_outcome *outcome)
{
	struct str name = str_from_c(tool);
	struct str server = str_make(tool, str_find(name, '.'));
	struct policy_uid agent = policy_uid_make(STR("Writ::Agent"), STR("anonymous"));
	struct policy_uid action = policy_uid_make(STR("Writ::Action"), name);
	struct policy_uid group = policy_uid_make(STR("Writ::Action"), STR("call_tool"));
	struct policy_uid resource = policy_uid_make(STR("Writ::Tool"), name);
	struct policy_uid upstream = policy_uid_make(STR("Writ::McpServer"), server);
	struct policy_entity entities[] = {
		{.uid = action, .parents = &group, .n_parents = 1},
		{.uid = resource, .parents = &upstream, .n_parents = 1},
	};
	struct policy_request req = {.principal = &agent,
				     .action = &action,
				     .resource = &resource,
				     .entities = entities,
				     .n_entities = 2};
	struct str text = arena_printf(&f->a, "{\"input\":%s}", input);
	struct policy_decision d;
	struct err err = {0};

	if (policy_input_parse(&f->a, text, &req.context, &err)) {
		fail_msg("%s", err.msg);
	}
	policy_decide(f->set, &req, &f->a, &d);
	assert_null(d.failure);
	*outcome = d.outcome;
	return d.deciding.n ? d.deciding.items[0]->id : STR("");
}

static void the_demo_decides_as_its_story_says(void **state)
{
	static const struct {
		const char *tool, *input;
		enum policy_outcome outcome;
		const char *policy;
	} cases[] = {
		{"fs.read_text_file", "{\"path\":\"/srv/w*rk \\\"1\\\"/a.txt\"}", POLICY_ALLOW,
		 "fs.read"},
		{"fs.list_directory", "{\"path\":\"/srv/w*rk \\\"1\\\"\"}", POLICY_ALLOW,
		 "fs.read"},
		{"fs.list_allowed_directories", "{}", POLICY_ALLOW, "fs.roots"},
		{"fs.read_text_file", "{\"path\":\"/etc/passwd\"}", POLICY_DENY,
		 "fs.workspace-only"},
		/* the star of the folder's name is a star and nothing else */
		{"fs.read_text_file", "{\"path\":\"/srv/wXrk \\\"1\\\"/a.txt\"}", POLICY_DENY,
		 "fs.workspace-only"},
		{"fs.read_text_file", "{\"path\":\"/srv/w*rk \\\"1\\\"/../x\"}", POLICY_DENY,
		 "fs.workspace-only"},
		{"fs.read_text_file", "{\"path\":\"/srv/w*rk \\\"1\\\"2/x\"}", POLICY_DENY,
		 "fs.workspace-only"},
		{"fs.read_text_file", "{\"path\":7}", POLICY_DENY, "fs.workspace-only"},
		{"fs.read_text_file", "{}", POLICY_DENY, ""},
		{"fs.write_file", "{\"path\":\"/srv/w*rk \\\"1\\\"/a\",\"content\":\"x\"}",
		 POLICY_DENY, "fs.no-write"},
		{"fs.read_multiple_files", "{\"paths\":[\"/etc/passwd\"]}", POLICY_DENY, ""},
		{"memory.read_graph", "{}", POLICY_ALLOW, "memory.use"},
		{"memory.delete_entities", "{}", POLICY_DENY, ""},
		{"everything.echo", "{\"message\":\"hello\"}", POLICY_ALLOW, "everything.use"},
		{"everything.get-sum", "{\"a\":1,\"b\":2}", POLICY_ALLOW, "everything.use"},
		{"everything.echo", "{\"message\":\"key sk-123\"}", POLICY_DENY, "no-secrets-out"},
		{"everything.echo", "{\"message\":[\"sk-\"]}", POLICY_DENY, "no-secrets-out"},
		{"everything.echo", "{\"message\":\"-----BEGIN OPENSSH PRIVATE KEY-----\\nx\"}",
		 POLICY_DENY, "no-secrets-out"},
		{"everything.get-env", "{}", POLICY_DENY, ""},
		{"other.tool", "{}", POLICY_DENY, ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum policy_outcome outcome;
		struct str id = decide(*state, cases[i].tool, cases[i].input, &outcome);

		if (outcome != cases[i].outcome || !str_eq(id, str_from_c(cases[i].policy))) {
			fail_msg("%s %s: %s by '%.*s'", cases[i].tool, cases[i].input,
				 policy_outcome_name(outcome), STR_ARG(id));
		}
	}
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

/* Runs the command with its output thrown away. */
static int quietly(int argc, char **argv)
{
	int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), status;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)fflush(NULL);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	status = cmd_init(argc, argv);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	close(out);
	close(err);
	close(null);
	return status;
}

static void what_init_writes_loads_and_is_never_overwritten(void **state)
{
	char dir[] = "/tmp/writ-init-XXXXXX", name[] = "init", path[64];
	char *argv[] = {name, dir, NULL};
	struct config_loaded loaded;
	struct err err = {0};
	struct arena a;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(quietly(2, argv), CMD_FINE);
	(void)snprintf(path, sizeof(path), "%s/writ.yaml", dir);
	arena_init(&a, 16 << 20);
	if (config_load(&a, path, &loaded, NULL, &err)) {
		fail_msg("%s", err.msg);
	}
	assert_int_equal(loaded.n_policies, 4);
	assert_true(loaded.config.listen[0].local);
	arena_done(&a);
	assert_int_equal(quietly(2, argv), CMD_FAILED);
	assert_int_equal(remove(path), 0);
	assert_int_equal(quietly(2, argv), CMD_FAILED); /* the policies are still in the way */
	assert_int_equal(access(path, F_OK), -1);
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_demo_decides_as_its_story_says, load_policies,
						drop_policies),
		cmocka_unit_test(what_init_writes_loads_and_is_never_overwritten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
