/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "base/hex.h"
#include "config/config.h"
#include "crypto/sha256.h"
#include "proc/loader.h"
#include "proc/role.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64], config[96];

static void put(const char *name, const char *text, mode_t mode)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static int make_dir(void **state)
{
	char path[256];

	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/writ-loader-XXXXXX");
	if (!mkdtemp(dir)) {
		return -1;
	}
	(void)snprintf(config, sizeof(config), "%s/writ.yaml", dir);
	(void)snprintf(path, sizeof(path), "%s/policies", dir);
	return mkdir(path, 0700);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int remove_dir(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct str content(int fd)
{
	static char text[1 << 16];
	ssize_t n = pread(fd, text, sizeof(text), 0);

	assert_true(n >= 0);
	return str_make(text, (size_t)n);
}

static void what_is_good_becomes_one_bundle(void **state)
{
	int bundle = memfd_create("bundle", MFD_CLOEXEC);
	int errors = memfd_create("errors", MFD_CLOEXEC);
	const struct json *root, *policies;
	struct config cfg;
	struct err err = {0};
	struct arena a;

	(void)state;
	put("writ.yaml",
	    "version: 1\nschema: s.cedarschema\nservers:\n  a: {command: [sh], env: {T: "
	    "{secret_file: t}}}\n",
	    0644);
	put("t", "s3cr3t", 0600);
	put("s.cedarschema", "entity User; action x appliesTo { principal: User, resource: User };",
	    0644);
	put("policies/b.cedar",
	    "@id(\"b\") permit (principal is User, action == Action::\"x\", "
	    "resource);",
	    0644);
	put("policies/a.cedar", "", 0644);
	assert_int_equal(loader_run(config, bundle, errors), 0);
	assert_int_equal(content(errors).n, 0);

	arena_init(&a, 16 << 20);
	if (json_parse(&a, content(bundle), NULL, &root, &err)) {
		fail_msg("%s", err.msg);
	}
	if (config_decode_json(&a, json_get(root, STR("config"))->raw, &cfg, &err)) {
		fail_msg("%s", err.msg);
	}
	assert_int_equal(cfg.n_servers, 1);
	policies = json_get(root, STR("policies"));
	assert_int_equal(policies->n, 2);
	assert_true(
		json_str_is(json_get(policies->first->next, STR("name")), STR("policies/b.cedar")));
	assert_true(json_is_object(json_get(root, STR("schema"))));
	assert_true(json_str_is(json_get(json_get(root, STR("secrets"))->first, STR("reader")),
				STR("runner")));
	assert_int_equal(str_find_str(content(bundle), STR("s3cr3t")), content(bundle).n);
	arena_done(&a);
	close(bundle);
	close(errors);
}

static void refused(const char *want)
{
	int bundle = memfd_create("bundle", MFD_CLOEXEC);
	int errors = memfd_create("errors", MFD_CLOEXEC);

	assert_int_equal(loader_run(config, bundle, errors), 1);
	assert_str_equal(content(errors), str_from_c(want));
	assert_int_equal(content(bundle).n, 0);
	assert_int_equal(loader_run(config, -1, -1), 1); /* nobody listens: the status tells */
	close(bundle);
	close(errors);
}

#define TOOL(type)                                                                                 \
	"{\"inputSchema\":{\"properties\":{\"n\":{\"type\":\"" type "\"}},\"type\":\"object\"},"   \
	"\"name\":\"t\"}"
#define POLICY(tool, when)                                                                         \
	"@id(\"f\") forbid (principal, action == Writ::Action::\"" tool                            \
	"\", resource) when { " when " };"

/* The tools a.t, pinned as `pinned`, and a.new, of which something waits; b has none. */
static void pin(const char *pinned, const char *pending)
{
	const char *const texts[] = {pinned, pending};
	char hex[2][2 * SHA256_LEN + 1] = {{0}}, json[1024], path[256];

	for (size_t i = 0; i < 2; i++) {
		uint8_t digest[SHA256_LEN];

		sha256_of(str_from_c(texts[i]), digest);
		hex_write(hex[i], digest, sizeof(digest));
	}
	(void)snprintf(path, sizeof(path), "%s/state/pins", dir);
	(void)snprintf(json, sizeof(json),
		       "{\"version\":1,\"pins\":[{\"id\":\"01\",\"server\":\"a\",\"kind\":\"tool\","
		       "\"name\":\"t\",\"pinned\":\"%s\",\"pending\":\"%s\"},{\"id\":\"02\","
		       "\"server\":\"a\",\"kind\":\"tool\",\"name\":\"new\",\"pending\":\"%s\"}]}",
		       hex[0], hex[1], hex[1]);
	put("state/pins/pins.json", json, 0600);
	put("state/pins/01.pinned", pinned, 0600);
	put("state/pins/01.pending", pending, 0600);
}

/* What the loader says, which accepts or does not. */
static void says(const char *policy, bool good, const char *what)
{
	struct buf report;

	put("policies/a.cedar", policy, 0644);
	buf_init(&report, 1 << 16);
	if ((loader_check(config, &report) == ERR_OK) != good ||
	    (*what == 0 ? buf_len(&report) > 0
			: str_find_str(buf_str(&report), str_from_c(what)) == buf_len(&report))) {
		fail_msg("%s: %.*s", policy, STR_ARG(buf_str(&report)));
	}
	buf_done(&report);
}

static void types_come_from_what_is_pinned(void **state)
{
	char path[256];
	struct buf report;

	(void)state;
	put("writ.yaml",
	    "version: 1\nschema: s.cedarschema\nservers:\n  a: {command: [sh]}\n"
	    "  b: {command: [sh]}\n",
	    0644);
	put("s.cedarschema",
	    "namespace Writ { entity Agent, Tool; type Common = {}; action call_tool; }", 0644);
	put("policies/b.cedar", "", 0644);
	(void)snprintf(path, sizeof(path), "%s/state", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	says(POLICY("a.t", "context.input.n > 1"), true,
	     "a.cedar:1:53: warning: nothing is pinned");
	(void)snprintf(path, sizeof(path), "%s/state/pins", dir);
	assert_int_equal(mkdir(path, 0700), 0);

	pin(TOOL("integer"), TOOL("string"));
	says(POLICY("a.t", "context.input has n && context.input.n > 1"), true, "");
	says(POLICY("a.t", "context.input.m > 1"), false, "a.cedar:1:");
	says(POLICY("a.other", "true"), false, "declares no action");
	says(POLICY("a.new", "context.input.m"), true, "warning: this tool waits for a person");
	says(POLICY("b.x", "context.input.m"), true, "warning: nothing is pinned of this server");

	put("policies/a.cedar", POLICY("a.t", "context.input has n && context.input.n > 1"), 0644);
	buf_init(&report, 1 << 16);
	assert_int_not_equal(loader_check_pin(config, STR("01"), &report), ERR_OK);
	assert_true(str_find_str(buf_str(&report), STR("expected Long")) < buf_len(&report));
	buf_done(&report);

	put("state/pins/01.pinned", "{}", 0600);
	says(POLICY("a.t", "context.input.m"), true, "warning: the text that is pinned");
	pin("no JSON", TOOL("string"));
	says(POLICY("a.t", "context.input.m"), true,
	     "warning: what is pinned of this tool cannot be read");
	put("state/pins/pins.json", "{", 0600);
	says(POLICY("a.t", "context.input.m"), false, "pins.json");
}

static void what_is_wrong_is_told_with_its_place(void **state)
{
	(void)state;
	put("writ.yaml", "version: 1\ngates: x\nnod: y\n", 0644);
	refused("writ.yaml:2:8: expected a number, found a string\n"
		"writ.yaml:3:1: unknown key 'nod' (did you mean 'node'?)\n");
	put("writ.yaml", "version: [1\n", 0644);
	refused("writ.yaml:2:1: flow sequence without a closing bracket\n");
	put("writ.yaml", "version: 1\n", 0644);
	put("policies/a.cedar", "permit (principal, action, resource) wen { true };\n", 0644);
	refused("policies/a.cedar:1:38: error: expected `when`, `unless` or `;`, found `wen`\n"
		"  permit (principal, action, resource) wen { true };\n"
		"                                       ^~~\n"
		"  help: did you mean `when`?\n");
}

/* The role itself: in its jail, with the descriptors that the supervisor gives it. */
static void the_role_loads_from_inside_its_jail(void **state)
{
	int bundle = memfd_create("bundle", MFD_CLOEXEC), status;
	pid_t pid;

	(void)state;
	put("writ.yaml", "version: 1\nservers: {a: {command: [sh]}}\n", 0644);
	put("policies/a.cedar", "permit (principal, action, resource);\n", 0644);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int kept = fcntl(bundle, F_DUPFD, 10);

		dup2(kept, 3);
		dup2(kept, 4);
		_exit(loader_main(config));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status)) {
		fail_msg("the loader died of signal %d", WTERMSIG(status));
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(str_starts_with(content(bundle), STR("{\"config\":{\"version\":1")));
	close(bundle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_good_becomes_one_bundle, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(what_is_wrong_is_told_with_its_place, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(types_come_from_what_is_pinned, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(the_role_loads_from_inside_its_jail, make_dir,
						remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
