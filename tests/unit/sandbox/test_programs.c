/* SPDX-License-Identifier: Apache-2.0 */
/* Real programs in a sandbox: what the lists and mounts must not break. */
#include "tests/unit/sandbox/stage.h"

#include <signal.h>

struct talk {
	struct stage s;
	const char *say;
	char heard[16 * 1024];
	const char *want;
};

/* Says something to the program and listens until it has said what is wanted, or ends. */
static int talk(void *arg)
{
	struct talk *t = arg;
	struct sandbox_child c;
	siginfo_t info = {0};
	int in[2], out[2];
	size_t n = 0;
	ssize_t got = 1;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 ||
	    start(&t->s, &(struct sandbox_fds){in[0], out[1], -1}, &c) != FINE) {
		return NO_START;
	}
	(void)close(in[0]);
	(void)close(out[1]);
	if (write(in[1], t->say, strlen(t->say)) != (ssize_t)strlen(t->say)) {
		return 1;
	}
	while (!strstr(t->heard, t->want) && n < sizeof(t->heard) - 1 && got > 0) {
		got = read(out[0], t->heard + n, sizeof(t->heard) - 1 - n);
		n += got > 0 ? (size_t)got : 0;
		t->heard[n] = '\0';
	}
	(void)close(in[1]);
	if (!strstr(t->heard, t->want)) {
		(void)fprintf(stderr, "said: %s\n", t->heard);
		return 2;
	}
	err_ignore(sandbox_signal(&c, SIGKILL, NULL)); /* it may have ended */
	(void)waitid(P_PIDFD, (id_t)c.pidfd, &info, WEXITED);
	return FINE;
}

static void converse(struct talk *t)
{
	for (int ordinary = 0; ordinary <= (geteuid() == 0); ordinary++) {
		memset(t->heard, 0, sizeof(t->heard));
		assert_int_equal(run_as(ordinary, talk, t), 0);
	}
}

static bool have(const char *program)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/usr/bin/%s", program);
	if (access(path, X_OK) == 0) {
		return true;
	}
	print_message("skipped: no %s\n", path);
	return false;
}

static void node_compiles_and_runs_inside(void **state)
{
	struct talk t = {.say = "", .want = "v8 42"};

	(void)state;
	if (cannot_sandbox() || !have("node")) {
		skip();
	}
	stage_init(&t.s, "");
	t.s.argv[0] = STR("/usr/bin/node");
	t.s.argv[1] = STR("-e");
	t.s.argv[2] = STR("let n = 0; for (let i = 0; i < 1e6; i++) n = (n + i) % 43;"
			  "require('child_process').execSync('true');"
			  "console.log('v8', 42)");
	converse(&t);
	arena_done(&t.s.a);
}

static void python_runs_inside_with_threads_and_callbacks(void **state)
{
	struct talk t = {.say = "", .want = "five 5"};

	(void)state;
	if (cannot_sandbox() || !have("python3")) {
		skip();
	}
	stage_init(&t.s, "");
	t.s.argv[0] = STR("/usr/bin/python3");
	t.s.argv[1] = STR("-c");
	t.s.argv[2] = STR("import ctypes, threading, asyncio, subprocess, tempfile\n"
			  "f = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 5)\n"
			  "t = threading.Thread(target=lambda: subprocess.run(['true'], "
			  "check=True)); t.start(); t.join()\n"
			  "async def main(): return f()\n"
			  "tempfile.TemporaryFile().write(b'x')\n"
			  "print('five', asyncio.run(main()))\n");
	converse(&t);
	arena_done(&t.s.a);
}

/* WRIT_PEERS is a directory with node_modules of the official MCP servers. */
static void a_real_mcp_server_reads_a_file_from_inside(void **state)
{
	const char *peers = getenv("WRIT_PEERS");
	char dir[] = "/tmp/writ-peer-XXXXXX", server[512], say[1024];
	struct talk t = {.want = "from the workspace"};

	(void)state;
	if (!peers) {
		print_message("skipped: WRIT_PEERS not set\n");
		skip();
	}
	if (cannot_sandbox()) {
		skip();
	}
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0755), 0);
	make_file(dir, "file", "from the workspace", 0644);
	(void)snprintf(server, sizeof(server), "%s/node_modules/.bin/mcp-server-filesystem", peers);
	(void)snprintf(
		say, sizeof(say),
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{"
		"\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{"
		"\"name\":\"t\",\"version\":\"1\"}}}\n"
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n"
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":"
		"\"read_text_file\",\"arguments\":{\"path\":\"%s/file\"}}}\n",
		dir);
	stage_init(&t.s, "");
	t.say = say;
	t.s.argv[0] = str_from_c(server);
	t.s.argv[1] = str_from_c(dir);
	t.s.spec.n_argv = 2;
	t.s.read[0] = str_from_c(dir);
	t.s.spec.n_read = 1;
	converse(&t);
	arena_done(&t.s.a);
	remove_tree(dir, (const char *const[]){"file"}, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(node_compiles_and_runs_inside),
		cmocka_unit_test(python_runs_inside_with_threads_and_callbacks),
		cmocka_unit_test(a_real_mcp_server_reads_a_file_from_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
