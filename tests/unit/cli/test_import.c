/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "cli/cmd.h"
#include "cli/import_openshell.h"
#include "cli/import_read.h"
#include "config/load.h"
#include "config/yaml.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err_code read_text(struct arena *a, const char *text, struct import_list *list,
			       struct err *err)
{
	const struct json *root;

	*list = (struct import_list){.a = a};
	TRY(json_parse(a, str_from_c(text), NULL, &root, err));
	return import_read(list, root, err);
}

static bool noticed(const struct import_list *list, const char *words)
{
	for (size_t i = 0; i < list->n_notices; i++) {
		if (str_find_str(list->notices[i], str_from_c(words)) < list->notices[i].n) {
			return true;
		}
	}
	return false;
}

static void every_clients_shape_is_read(void **state)
{
	static const char *const texts[] = {
		"{\"mcpServers\":{\"a\":{\"command\":\"x\",\"args\":[\"y\"],\"env\":{\"K\":\"v\"}}}"
		"}",
		"{\"inputs\":[],\"servers\":{\"a\":{\"type\":\"stdio\",\"command\":\"x\",\"args\":"
		"[\"y\"],\"env\":{\"K\":\"v\"}}}}",
		"{\"mcp\":{\"servers\":{\"a\":{\"command\":\"x\",\"args\":[\"y\"],\"env\":{\"K\":"
		"\"v\"}}}}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct import_list list;
		struct err err = {0};
		struct arena a;

		arena_init(&a, 1 << 20);
		if (read_text(&a, texts[i], &list, &err)) {
			fail_msg("%s", err.msg);
		}
		assert_int_equal(list.n_servers, 1);
		assert_int_equal(list.servers[0].n_command, 2);
		assert_str_equal(list.servers[0].command[1], STR("y"));
		assert_str_equal(list.servers[0].env[0].value, STR("v"));
		assert_false(list.servers[0].env[0].is_secret);
		assert_int_equal(list.n_notices, 0);
		arena_done(&a);
	}
}

static void what_cannot_be_carried_over_is_told(void **state)
{
	struct import_list list;
	struct err err = {0};
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	assert_int_equal(
		read_text(&a,
			  "{\"mcpServers\":{"
			  "\"My Files\":{\"command\":\"/usr/bin/npx\",\"args\":[\"--key=1\","
			  "\"ghp_abcdefghij\"],\"timeout\":3},"
			  "\"my-files\":{\"url\":\"https://x/sse\",\"type\":\"sse\"},"
			  "\"\xc3\xa4\":{\"command\":\"docker\"},"
			  "\"off\":{\"command\":\"x\",\"disabled\":true}}}",
			  &list, &err),
		ERR_OK);
	assert_int_equal(list.n_servers, 3);
	assert_str_equal(list.servers[0].id, STR("my-files"));
	assert_str_equal(list.servers[1].id, STR("my-files-2"));
	assert_true(list.servers[1].sse);
	assert_str_equal(list.servers[2].id, STR("server"));
	assert_true(noticed(&list, "'My Files' is called 'my-files' here"));
	assert_true(noticed(&list, "'npx' downloads when it starts"));
	assert_true(noticed(&list, "argument 2 looks like a credential"));
	assert_true(noticed(&list, "'timeout' has no counterpart"));
	assert_true(noticed(&list, "HTTP+SSE is the transport of 2024-11-05"));
	assert_true(noticed(&list, "a container engine cannot run"));
	assert_true(noticed(&list, "'off' is disabled"));
	arena_done(&a);
}

static void credentials_are_recognised(void **state)
{
	static const struct {
		const char *name, *value;
		bool secret;
	} cases[] = {
		{"DEBUG", "1", false},
		{"HOME", "/home/ann", false},
		{"LANG", "en_US.UTF-8", false},
		{"API_URL", "https://api.example.org/v1", false},
		{"GITHUB_TOKEN", "x", true},
		{"github_token", "", false},
		{"DB_PASSWORD", "hunter2", true},
		{"X-Api-Key", "abc", true},
		{"Cookie", "a=b", true},
		{"A", "sk-abc", true},
		{"A", "Bearer abc", true},
		{"DATABASE_URL", "postgres://u:p@h/db", true},
		{"A", "a8f5f167f44f4964e6c998dee827110c", true},
		{"A", "internationalisation-of-things", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (import_is_secret(str_from_c(cases[i].name), str_from_c(cases[i].value)) !=
		    cases[i].secret) {
			fail_msg("%s=%s", cases[i].name, cases[i].value);
		}
	}
}

static void malformed_lists_are_refused(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"{}", "no list of servers: expected an object \"mcpServers\" or \"servers\""},
		{"[]", "no list of servers: expected an object \"mcpServers\" or \"servers\""},
		{"{\"mcpServers\":{}}", "the list of servers is empty"},
		{"{\"mcpServers\":{\"a\":1}}", "server 'a' must be an object"},
		{"{\"mcpServers\":{\"a\":{}}}", "server 'a' needs either 'command' or 'url'"},
		{"{\"mcpServers\":{\"a\":{\"command\":\"x\",\"url\":\"y\"}}}",
		 "server 'a' needs either 'command' or 'url'"},
		{"{\"mcpServers\":{\"a\":{\"command\":[\"x\"]}}}",
		 "server 'a': 'command' must be a string without control characters"},
		{"{\"mcpServers\":{\"a\":{\"command\":\"x\",\"args\":\"y\"}}}",
		 "server 'a': 'args' must be an array"},
		{"{\"mcpServers\":{\"a\":{\"command\":\"x\",\"args\":[1]}}}",
		 "server 'a': every element of 'args' must be a string"},
		{"{\"mcpServers\":{\"a\":{\"command\":\"x\",\"env\":[]}}}",
		 "server 'a': 'env' must be an object"},
		{"{\"mcpServers\":{\"a\":{\"url\":\"https://x\\ny\"}}}",
		 "server 'a': 'url' must be a string without control characters"},
		{"{\"mcpServers\":{\"a\\u001b[2J\":{\"url\":\"https://x\"}}}",
		 "a server's name has a control character"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct import_list list;
		struct err err = {0};
		struct arena a;

		arena_init(&a, 1 << 20);
		assert_int_equal(read_text(&a, cases[i].text, &list, &err), ERR_INVALID);
		assert_string_equal(err.msg, cases[i].message);
		arena_done(&a);
	}
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int quietly(int argc, char **argv)
{
	int out = dup(STDOUT_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC), status;

	(void)fflush(NULL);
	dup2(null, STDOUT_FILENO);
	status = cmd_import(argc, argv);
	dup2(out, STDOUT_FILENO);
	close(out);
	close(null);
	return status;
}

static void secrets_go_to_files_and_never_into_yaml(void **state)
{
	static const char text[] =
		"{\"mcpServers\":{\"a\":{\"command\":\"/bin/sh\",\"env\":{\"TOKEN\":\"s3cr3t\","
		"\"MODE\":\"x: [y\"}},\"b\":{\"url\":\"https://x.example/\",\"headers\":{"
		"\"Authorization\":\"Bearer t0ken\"}}}}";
	char dir[] = "/tmp/writ-import-XXXXXX", name[] = "import", opt[] = "--out";
	char from[64], to[64], path[128], yaml[8192];
	char *argv[] = {name, from, opt, to, NULL};
	struct config_loaded loaded;
	struct err err = {0};
	struct stat st;
	struct arena a;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(from, sizeof(from), "%s/mcp.json", dir);
	(void)snprintf(to, sizeof(to), "%s/out", dir);
	f = fopen(from, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(quietly(4, argv), CMD_FINE);

	(void)snprintf(path, sizeof(path), "%s/secrets/a.TOKEN", to);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	(void)snprintf(path, sizeof(path), "%s/writ.yaml", to);
	f = fopen(path, "r");
	assert_non_null(f);
	yaml[fread(yaml, 1, sizeof(yaml) - 1, f)] = '\0';
	fclose(f);
	assert_null(strstr(yaml, "s3cr3t"));
	assert_null(strstr(yaml, "t0ken"));

	arena_init(&a, 16 << 20);
	if (config_load(&a, path, &loaded, NULL, &err)) {
		fail_msg("%s", err.msg);
	}
	assert_int_equal(loaded.n_secrets, 2);
	assert_str_equal(loaded.config.servers[0].env.items[1].text, STR("x: [y"));
	arena_done(&a);
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- policies of OpenShell ---- */

static enum err_code read_shell(struct arena *a, const char *yaml, struct import_list *list,
				struct openshell *o, struct buf *policies, struct err *err)
{
	const struct json *root;

	arena_init(a, 16 << 20);
	buf_init(policies, 1 << 20);
	*list = (struct import_list){.a = a};
	*o = (struct openshell){.list = list, .policies = policies};
	TRY(yaml_parse(a, STR("p.yaml"), str_from_c(yaml), &root, err));
	return import_openshell(o, root, err);
}

static bool says(const struct buf *b, const char *text)
{
	return str_find_str(buf_str(b), str_from_c(text)) < buf_len(b);
}

static const char head[] = "version: 1\n";

static void a_policy_of_openshell_becomes_policies(void **state)
{
	static const char yaml[] =
		"version: 1\n"
		"filesystem_policy: {read_only: [/usr/lib, /srv/data], read_write: [/tmp, "
		"/srv/out]}\n"
		"network_policies:\n"
		"  hub:\n"
		"    endpoints:\n"
		"      - {host: api.test, ports: [443, 8443], protocol: rest, access: read-only,\n"
		"         enforcement: enforce, deny_rules: [{method: GET, path: /secrets/**}]}\n"
		"      - {host: '*.pkg.test', port: 22}\n"
		"    binaries: [{path: /usr/bin/gh}, {path: /opt/*/bin}]\n";
	struct import_list list;
	struct buf policies;
	struct openshell o;
	struct arena a;
	struct err err;

	(void)state;
	assert_int_equal(read_shell(&a, yaml, &list, &o, &policies, &err), ERR_OK);
	assert_int_equal(o.n_permits, 1 + 2 + 3);
	assert_int_equal(o.n_forbids, 2);
	assert_int_equal(o.inspect.n, 1);
	assert_int_equal(o.read.n, 1);
	assert_int_equal(o.write.n, 1);
	assert_true(says(&policies, "resource == Writ::Host::\"api.test:8443\""));
	assert_true(says(&policies, "[\"GET\", \"HEAD\", \"OPTIONS\"].contains"));
	assert_true(says(&policies, "@id(\"openshell.hub.1.443.deny.1\")\nforbid"));
	assert_true(says(&policies, "[\"GET\", \"HEAD\"].contains(context.input.method) && "
				    "context.input.path like \"/secrets/*\""));
	assert_true(says(&policies,
			 "resource in Writ::Host::\"pkg.test\")\nwhen { resource.port == "
			 "22 && resource.name like \"*.pkg.test\" }"));
	assert_true(says(&policies, "context.program.path == \"/usr/bin/gh\" || "
				    "context.program.path like \"/opt/*/bin\""));
	assert_true(noticed(&list, "binaries:"));
	assert_false(noticed(&list, "enforcement"));
	buf_done(&policies);
	arena_done(&a);
}

/* What would permit more here than it did there is left out, and told. */
static void what_cannot_be_said_as_narrowly_is_left_out(void **state)
{
	static const struct {
		const char *endpoint, *notice;
		unsigned permits;
	} cases[] = {
		{"{host: '*.a.test', port: 443, protocol: rest, access: full}", "one by one", 0},
		{"{host: a.test, port: 443, protocol: graphql, access: full}", "not looked into",
		 0},
		{"{host: a.test, port: 443, protocol: mcp}", "tool server", 0},
		{"{port: 443, allowed_ips: [10.0.0.0/8]}", "without a host", 0},
		{"{host: 'a.*', port: 443}", "without a host", 0},
		{"{host: 'a\"b', port: 443}", "without a host", 0},
		{"{host: a.test, port: 70000}", "a port that is none", 0},
		{"{host: a.test, port: 443, credential_signing: sigv4}", "credential_signing", 1},
		{"{host: a.test, port: 443, protocol: rest, access: full}", "audit", 1},
		{"{host: a.test, port: 80, protocol: rest, rules: [{allow: {method: GET, query: "
		 "{a: "
		 "b}}}]}",
		 "about a query", 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct import_list list;
		struct buf policies;
		struct openshell o;
		struct arena a;
		struct err err;
		char yaml[1024];

		(void)snprintf(
			yaml, sizeof(yaml),
			"%snetwork_policies: {p: {endpoints: [%s], binaries: [{path: /bin/x}]}}",
			head, cases[i].endpoint);
		assert_int_equal(read_shell(&a, yaml, &list, &o, &policies, &err), ERR_OK);
		if (!noticed(&list, cases[i].notice) || o.n_permits != 1 + cases[i].permits) {
			fail_msg("%s: %u permits", cases[i].endpoint, (unsigned)o.n_permits);
		}
		assert_false(says(&policies, "query"));
		buf_done(&policies);
		arena_done(&a);
	}
}

static void what_is_no_policy_of_openshell_is_refused(void **state)
{
	static const char *const texts[] = {"version: 2\n", "{}", "[]", "network_policies: {}\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct import_list list;
		struct buf policies;
		struct openshell o;
		struct arena a;
		struct err err;

		assert_int_equal(read_shell(&a, texts[i], &list, &o, &policies, &err), ERR_INVALID);
		buf_done(&policies);
		arena_done(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_clients_shape_is_read),
		cmocka_unit_test(what_cannot_be_carried_over_is_told),
		cmocka_unit_test(credentials_are_recognised),
		cmocka_unit_test(malformed_lists_are_refused),
		cmocka_unit_test(secrets_go_to_files_and_never_into_yaml),
		cmocka_unit_test(a_policy_of_openshell_becomes_policies),
		cmocka_unit_test(what_cannot_be_said_as_narrowly_is_left_out),
		cmocka_unit_test(what_is_no_policy_of_openshell_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
