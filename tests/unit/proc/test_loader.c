/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "config/config.h"
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
		cmocka_unit_test_setup_teardown(the_role_loads_from_inside_its_jail, make_dir,
						remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
