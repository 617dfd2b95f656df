/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "config/load.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each test has a folder of its own. */
static char dir[64];

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
	(void)snprintf(dir, sizeof(dir), "/tmp/writ-load-XXXXXX");
	if (!mkdtemp(dir)) {
		return -1;
	}
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

static enum err_code load(struct arena *a, struct config_loaded *l, struct err *err)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/writ.yaml", dir);
	arena_init(a, 64 << 20);
	return config_load(a, path, l, NULL, err);
}

static void refused(const char *yaml, enum err_code code, const char *want)
{
	char message[512];
	struct config_loaded l;
	struct err err = {0};
	struct arena a;

	put("writ.yaml", yaml, 0644);
	assert_int_equal(load(&a, &l, &err), code);
	{
		const char *at = strchr(want, '@'); /* stands for the folder */

		(void)snprintf(message, sizeof(message), "%.*s%s%s",
			       (int)(at ? at - want : (long)strlen(want)), want, at ? dir : "",
			       at ? at + 1 : "");
	}
	assert_string_equal(err.msg, message);
	arena_done(&a);
}

static void policies_come_sorted_with_their_names_and_text(void **state)
{
	struct config_loaded l;
	struct err err = {0};
	struct arena a;
	char want[128];

	(void)state;
	put("writ.yaml",
	    "version: 1\nschema: s.txt\nservers: {a: {command: [sh, -c, x]}, b: {command: "
	    "[./run]}}\n",
	    0644);
	put("s.txt", "schema", 0644);
	put("run", "#!/bin/sh\n", 0755);
	put("policies/b.cedar", "B", 0644);
	put("policies/a.dw", "A", 0644);
	put("policies/.hidden.cedar", "H", 0644);
	put("policies/README", "R", 0644);
	if (load(&a, &l, &err)) {
		fail_msg("%s", err.msg);
	}
	assert_int_equal(l.n_policies, 2);
	assert_str_equal(l.policies[0].name, STR("policies/a.dw"));
	assert_str_equal(l.policies[1].name, STR("policies/b.cedar"));
	assert_str_equal(l.policies[1].text, STR("B"));
	assert_str_equal(l.schema.text, STR("schema"));
	assert_true(str_ends_with(l.config.servers[0].command.items[0], STR("/sh")));
	assert_int_equal(l.config.servers[0].command.items[0].p[0], '/');
	assert_str_equal(l.config.servers[0].command.items[2], STR("x"));
	(void)snprintf(want, sizeof(want), "%s/run", dir);
	assert_str_equal(l.config.servers[1].command.items[0], str_from_c(want));
	arena_done(&a);
}

static void a_missing_file_is_named(void **state)
{
	struct config_loaded l;
	struct err err = {0};
	struct arena a;
	char want[256];

	(void)state;
	assert_int_equal(load(&a, &l, &err), ERR_NOT_FOUND);
	(void)snprintf(want, sizeof(want),
		       "%s/writ.yaml: there is no such configuration: `writ init DIR` writes one, "
		       "--config FILE names another",
		       dir);
	assert_string_equal(err.msg, want);
	arena_done(&a);
	refused("version: 1\npolicies: nowhere\n", ERR_SYS,
		"policies: @/nowhere: No such file or directory");
	refused("version: 1\nschema: nowhere\n", ERR_SYS, "@/nowhere: No such file or directory");
	refused("version: 1\nschema: policies\n", ERR_INVALID,
		"@/policies: not a regular file but a folder: name the file in it");
	refused("version: 1\nservers: {a: {command: [no-such-program-anywhere]}}\n", ERR_NOT_FOUND,
		"writ.yaml: server 'a': no program 'no-such-program-anywhere' in PATH: install it, "
		"or name it by its whole path");
	put("text", "not a program", 0644);
	refused("version: 1\nservers: {a: {command: [./text]}}\n", ERR_NOT_FOUND,
		"writ.yaml: server 'a': '@/text' is not a program that can be started");
}

static void a_secret_file_is_closed_to_others(void **state)
{
	static const char yaml[] =
		"version: 1\nservers:\n  a: {url: 'https://x', headers: {A: {secret_file: key}, B: "
		"{secret_file: key}}}\n  b: {command: [sh], env: {K: {secret_file: key}}}\n";
	struct config_loaded l;
	struct err err = {0};
	struct arena a;

	(void)state;
	refused(yaml, ERR_SYS, "writ.yaml: secret file '@/key': No such file or directory");
	put("key", "s3cret\n", 0644);
	refused(yaml, ERR_DENIED,
		"writ.yaml: other users of this machine may use the secret file '@/key': chmod 600 "
		"it");
	put("key", "", 0600);
	refused(yaml, ERR_INVALID, "writ.yaml: secret file '@/key' is empty");
	put("key", "s3cret\n", 0600);
	if (load(&a, &l, &err)) {
		fail_msg("%s", err.msg);
	}
	assert_int_equal(l.n_secrets, 2);
	assert_int_equal(l.secrets[0].reader, CONFIG_SECRET_CONNECTOR);
	assert_int_equal(l.secrets[1].reader, CONFIG_SECRET_RUNNER);
	arena_done(&a);
}

static void an_oversize_file_is_refused_unread(void **state)
{
	char *big = malloc(CONFIG_MAX_POLICY_BYTES + 2);

	(void)state;
	assert_non_null(big);
	memset(big, '#', CONFIG_MAX_POLICY_BYTES + 1);
	big[CONFIG_MAX_POLICY_BYTES + 1] = '\0';
	put("policies/a.cedar", big, 0644);
	refused("version: 1\n", ERR_LIMIT, "policies/a.cedar: larger than 1024 KiB");
	free(big);
}

static void a_server_is_never_given_writs_own_files(void **state)
{
	static const char *const places[] = {
		"..", /* holds the whole folder */
		".",  "state", "state/ledger", "policies", "writ.yaml", "link", "keys/key",
	};
	char link[128];

	(void)state;
	(void)snprintf(link, sizeof(link), "%s/link", dir);
	assert_int_equal(symlink("policies", link), 0);
	(void)snprintf(link, sizeof(link), "%s/keys", dir);
	assert_int_equal(mkdir(link, 0700), 0);
	put("keys/key", "secret", 0600);
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		for (int write = 0; write < 2; write++) {
			struct config_loaded l;
			struct err err = {0};
			struct arena a;
			char yaml[512];

			(void)snprintf(yaml, sizeof(yaml),
				       "version: 1\nservers:\n  a:\n    command: [sh]\n"
				       "    files: {%s: [%s]}\n"
				       "    env: {K: {secret_file: keys/key}}\n",
				       write ? "write" : "read", places[i]);
			put("writ.yaml", yaml, 0644);
			if (load(&a, &l, &err) != ERR_INVALID || !strstr(err.msg, "may not have")) {
				fail_msg("%s: %s", places[i], err.msg);
			}
			arena_done(&a);
		}
	}
	put("writ.yaml", "version: 1\nservers: {a: {command: [sh], files: {read: [work]}}}\n",
	    0644);
	(void)snprintf(link, sizeof(link), "%s/work", dir);
	assert_int_equal(mkdir(link, 0700), 0);
	{
		struct config_loaded l;
		struct err err = {0};
		struct arena a;

		if (load(&a, &l, &err)) {
			fail_msg("%s", err.msg);
		}
		arena_done(&a);
	}
}

static void make_folder(const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

/* A server that may write in a folder could put a link where another place was. */
static void what_a_server_can_replace_is_given_to_none(void **state)
{
	static const struct {
		const char *servers;
		bool refused;
	} cases[] = {
		{"a: {command: [sh], files: {write: [p, p/out]}}", true},
		{"a: {command: [sh], files: {write: [p], read: [p/out]}}", true},
		{"a: {command: [sh], files: {write: [p/]}}\n  b: {command: [sh], files: {read: "
		 "[p/out/]}}",
		 true},
		{"b: {command: [sh], files: {read: [away]}}\n  a: {command: [sh], files: {write: "
		 "[p]}}",
		 true},
		{"a: {command: [sh], files: {write: [p], read: [p/link]}}", true},
		{"a: {command: [python3, -u, DIR/p/script.sh], files: {write: [p]}}", true},
		{"a: {command: [sh], files: {write: [p]}}\n  b: {command: [DIR/p/script.sh]}",
		 true},
		{"a: {command: [sh], files: {write: [p]}}\n  b: {command: [sh], files: {write: "
		 "[p]}}",
		 false},
		{"a: {command: [sh], files: {write: [p], read: [pp]}}", false},
		{"a: {command: [sh], files: {write: [p/out], read: [p]}}", false},
		{"a: {command: [sh, DIR/p/out], cwd: p/out, files: {write: [p]}}", false},
	};
	char from[128], to[128];

	(void)state;
	make_folder("p");
	make_folder("p/out");
	make_folder("pp");
	put("p/script.sh", "#!/bin/sh\n", 0755);
	(void)snprintf(from, sizeof(from), "%s/away", dir);
	assert_int_equal(symlink("p/out", from), 0);
	(void)snprintf(from, sizeof(from), "%s/p/link", dir);
	(void)snprintf(to, sizeof(to), "%s/pp", dir);
	assert_int_equal(symlink(to, from), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *here = strstr(cases[i].servers, "DIR");
		int before = here ? (int)(here - cases[i].servers) : 0;
		struct config_loaded l;
		struct err err = {0};
		struct arena a;
		char yaml[1024];
		enum err_code code;

		(void)snprintf(yaml, sizeof(yaml), "version: 1\nservers:\n  %.*s%s%s\n", before,
			       cases[i].servers, here ? dir : "",
			       here ? here + 3 : cases[i].servers);
		put("writ.yaml", yaml, 0644);
		code = load(&a, &l, &err);
		if (cases[i].refused ? code != ERR_INVALID || !strstr(err.msg, "put a link")
				     : code != ERR_OK) {
			fail_msg("%s: %s", cases[i].servers, err.msg);
		}
		arena_done(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_a_server_can_replace_is_given_to_none,
						make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(policies_come_sorted_with_their_names_and_text,
						make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_missing_file_is_named, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_secret_file_is_closed_to_others, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(an_oversize_file_is_refused_unread, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(a_server_is_never_given_writs_own_files, make_dir,
						remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
