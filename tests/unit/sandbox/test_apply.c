/* SPDX-License-Identifier: Apache-2.0 */
/* Sandboxes on the real kernel; this binary is also the program inside. */
#include "tests/unit/sandbox/inside.h"
#include "tests/unit/sandbox/stage.h"

static void inside_every_forbidden_thing_gets_its_error(void **state)
{
	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	for (size_t i = 0; i < ARRAY_LEN(insides); i++) {
		struct stage s;

		if (insides[i].act == in_workspace || insides[i].act == in_escape ||
		    insides[i].act == in_sleepers) {
			continue; /* have tests of their own */
		}
		if (insides[i].act == in_kill_init && landlock_abi() < 6) {
			continue; /* the kernel says yes and does nothing */
		}
		stage_init(&s, insides[i].name);
		expect(&s, insides[i].expect);
		arena_done(&s.a);
	}
}

static void a_workspace_is_writable_but_not_executable_and_links_lead_nowhere(void **state)
{
	static const char *const names[] = {"kept/file", "kept", "script", "escape"};
	char dir[] = "/tmp/writ-apply-XXXXXX", out[] = "/tmp/writ-outside-XXXXXX";
	char env[64], kept[64], link[64];
	struct stage s;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	assert_non_null(mkdtemp(dir));
	assert_non_null(mkdtemp(out));
	assert_int_equal(chmod(dir, 0777) | chmod(out, 0777), 0);
	(void)snprintf(kept, sizeof(kept), "%s/kept", dir);
	(void)snprintf(link, sizeof(link), "%s/escape", dir);
	(void)snprintf(env, sizeof(env), "WORKSPACE=%s", dir);
	assert_int_equal(mkdir(kept, 0755), 0);
	make_file(dir, "kept/file", "x", 0666);
	make_file(dir, "script", "#!/bin/sh\nexit 0\n", 0755);
	make_file(out, "secret", "x", 0666);
	assert_int_equal(symlink(out, link), 0);

	stage_init(&s, "workspace");
	s.env[1] = str_from_c(env);
	s.spec.n_env = 2;
	s.write[0] = str_from_c(dir);
	s.spec.n_write = 1;
	s.read[0] = str_from_c(kept);
	s.spec.n_read = 1;
	expect(&s, FINE);
	s.argv[2] = STR("escape");
	expect(&s, ENOENT);
	arena_done(&s.a);

	remove_tree(dir, names, ARRAY_LEN(names));
	remove_tree(out, (const char *const[]){"secret"}, 1);
}

/* Kills init and sees the last write end of the pipe, held by grandchildren only, close. */
static int kill_init(void *arg)
{
	struct stage *s = arg;
	struct sandbox_child c;
	siginfo_t info = {0};
	char bytes[8];
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0 ||
	    start(s, &(struct sandbox_fds){-1, ends[1], 2}, &c) != FINE) {
		return NO_START;
	}
	(void)close(ends[1]);
	if (read(ends[0], bytes, 5) != 5) {
		return 1;
	}
	if (sandbox_signal(&c, SIGKILL, NULL) != ERR_OK || read(ends[0], bytes, 1) != 0) {
		return 2;
	}
	(void)waitid(P_PIDFD, (id_t)c.pidfd, &info, WEXITED);
	return info.si_code == CLD_KILLED ? FINE : 3;
}

static void killing_init_kills_every_process_of_the_sandbox(void **state)
{
	struct stage s;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	for (int ordinary = 0; ordinary <= (geteuid() == 0); ordinary++) {
		stage_init(&s, "sleepers");
		assert_int_equal(run_as(ordinary, kill_init, &s), 0);
		arena_done(&s.a);
	}
}

/* The starter ends without a word; whoever holds the pipe sees that all inside end too. */
static int start_and_leave(void *arg)
{
	struct stage *s = arg;
	struct sandbox_child c;

	return start(s, &(struct sandbox_fds){-1, 1, 2}, &c);
}

static void a_sandbox_ends_with_its_starter(void **state)
{
	struct stage s;
	char bytes[8];
	int ends[2], before;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	stage_init(&s, "sleepers");
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	before = dup(1);
	assert_int_equal(dup2(ends[1], 1), 1);
	(void)close(ends[1]);
	assert_int_equal(run_as(false, start_and_leave, &s), 0);
	assert_int_equal(dup2(before, 1), 1);
	(void)close(before);
	while (read(ends[0], bytes, sizeof(bytes)) > 0) {
	}
	assert_int_equal(read(ends[0], bytes, 1), 0);
	(void)close(ends[0]);
	arena_done(&s.a);
}

static int terminate(void *arg)
{
	struct stage *s = arg;
	struct sandbox_child c;
	siginfo_t info = {0};
	char bytes[8];
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0 ||
	    start(s, &(struct sandbox_fds){-1, ends[1], 2}, &c) != FINE) {
		return NO_START;
	}
	(void)close(ends[1]);
	if (read(ends[0], bytes, 5) != 5 || sandbox_signal(&c, SIGTERM, NULL) != ERR_OK) {
		return NO_START;
	}
	(void)waitid(P_PIDFD, (id_t)c.pidfd, &info, WEXITED);
	return info.si_code == CLD_EXITED && info.si_status == 128 + SIGTERM ? FINE : 1;
}

static void a_polite_signal_reaches_the_program(void **state)
{
	struct stage s;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	stage_init(&s, "sleepers");
	assert_int_equal(run_as(false, terminate, &s), 0);
	arena_done(&s.a);
}

static void what_cannot_be_executed_is_reported_by_name(void **state)
{
	struct sandbox_kernel kernel = sandbox_probe();
	struct plan_machine machine;
	struct sandbox_child c;
	struct stage s;
	struct err err = {0};

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	stage_init(&s, "fine");
	s.argv[0] = STR("no-such-program-anywhere");
	assert_int_equal(sandbox_look(&s.a, &s.spec, &kernel, &machine, &err), ERR_NOT_FOUND);
	assert_non_null(strstr(err.msg, "no-such-program-anywhere: not found in PATH"));
	s.argv[0] = STR("/etc/hostname-none");
	assert_int_equal(sandbox_look(&s.a, &s.spec, &kernel, &machine, &err), ERR_NOT_FOUND);
	s.argv[0] = STR("/etc/passwd");
	assert_int_equal(sandbox_look(&s.a, &s.spec, &kernel, &machine, &err), ERR_INVALID);
	assert_non_null(strstr(err.msg, "not executable"));
	/* The working directory is not among the places: known only when it is entered. */
	s.argv[0] = STR("true");
	s.spec.cwd = STR("/var/spool");
	assert_int_equal(sandbox_look(&s.a, &s.spec, &kernel, &machine, &err), ERR_OK);
	assert_int_equal(plan_build(&s.a, &s.spec, &machine, &s.plan, &err), ERR_OK);
	assert_int_equal(sandbox_start(&s.plan, &(struct sandbox_fds){-1, -1, 2}, &c, &err),
			 ERR_SYS);
	assert_int_equal(err.sys_errno, ENOENT);
	assert_non_null(strstr(err.msg, "sandbox: enter /var/spool"));
	arena_done(&s.a);
}

static void sockets_and_devices_are_not_given_to_a_sandbox(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "/tmp/writ-apply-socket"};
	struct sandbox_kernel kernel = sandbox_probe();
	struct plan_machine machine;
	struct stage s;
	struct err err = {0};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	(void)unlink(at.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	stage_init(&s, "fine");
	s.read[0] = STR("/tmp/writ-apply-socket");
	s.spec.n_read = 1;
	assert_int_equal(sandbox_look(&s.a, &s.spec, &kernel, &machine, &err), ERR_INVALID);
	assert_non_null(strstr(err.msg, "neither a file nor a directory"));
	(void)unlink(at.sun_path);
	(void)close(fd);
	arena_done(&s.a);
}

/* Without namespaces and only when it is said: Landlock and the call list hold alone. */
static int start_weaker(void *arg)
{
	struct stage *s = arg;
	struct sandbox_kernel kernel = {.landlock_abi = landlock_abi()};
	struct plan_machine machine;
	struct sandbox_child c;
	siginfo_t info = {0};
	struct err err = {0};

	s->spec.weaker = true;
	if (sandbox_look(&s->a, &s->spec, &kernel, &machine, &err) ||
	    plan_build(&s->a, &s->spec, &machine, &s->plan, &err) ||
	    sandbox_start(&s->plan, &(struct sandbox_fds){-1, -1, 2}, &c, &err)) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return NO_START;
	}
	(void)waitid(P_PIDFD, (id_t)c.pidfd, &info, WEXITED);
	return info.si_code == CLD_EXITED ? info.si_status : NO_START;
}

static void the_weaker_sandbox_still_holds_files_and_sockets(void **state)
{
	static const struct {
		const char *name;
		int code;
	} cases[] = {{"fine", FINE},
		     {"tcp", EPERM},
		     {"shadow", EACCES},
		     {"tmp", EACCES},
		     {"write usr", EACCES},
		     {"abstract", EPERM},
		     {"user namespace", EPERM},
		     {"io_uring", EPERM}};

	(void)state;
	if (landlock_abi() < 6 || geteuid() == 0) {
		/* root keeps its bounding set and user there: the ordinary user below is the test
		 */
		if (landlock_abi() < 6) {
			print_message("skipped: Landlock ABI 6 is not there\n");
			skip();
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct stage s;
		int status;

		stage_init(&s, cases[i].name);
		status = run_as(geteuid() == 0, start_weaker, &s);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != cases[i].code) {
			fail_msg("%s: wait status %#x, expected exit %d", cases[i].name,
				 (unsigned)status, cases[i].code);
		}
		arena_done(&s.a);
	}
}

static void memory_and_file_size_are_bounded(void **state)
{
	struct stage s;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	stage_init(&s, "big file");
	s.spec.limits.file_size = 1 << 20;
	expect(&s, EFBIG);
	arena_done(&s.a);
	if (STAGE_MEMORY) {
		print_message("skipped: a sanitizer needs unbounded memory\n");
		skip();
	}
	stage_init(&s, "hungry");
	s.spec.limits.memory = 256 << 20;
	expect(&s, ENOMEM);
	s.argv[2] = STR("reserve");
	expect(&s, FINE);
	arena_done(&s.a);
}

static void with_loopback_the_network_is_its_own_and_empty(void **state)
{
	static const struct {
		const char *name;
		int code;
	} cases[] = {{"tcp", ECONNREFUSED},
		     {"far", ENETUNREACH},
		     {"mptcp", EPROTONOSUPPORT},
		     {"fast open", EPERM},
		     {"packet", EAFNOSUPPORT},
		     {"netlink", WENT_THROUGH},
		     {"netlink others", EAFNOSUPPORT},
		     {"raw", EPROTONOSUPPORT}};

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct stage s;

		stage_init(&s, cases[i].name);
		s.spec.loopback = true;
		expect(&s, cases[i].code);
		arena_done(&s.a);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inside_every_forbidden_thing_gets_its_error),
		cmocka_unit_test(a_workspace_is_writable_but_not_executable_and_links_lead_nowhere),
		cmocka_unit_test(killing_init_kills_every_process_of_the_sandbox),
		cmocka_unit_test(a_sandbox_ends_with_its_starter),
		cmocka_unit_test(a_polite_signal_reaches_the_program),
		cmocka_unit_test(what_cannot_be_executed_is_reported_by_name),
		cmocka_unit_test(sockets_and_devices_are_not_given_to_a_sandbox),
		cmocka_unit_test(the_weaker_sandbox_still_holds_files_and_sockets),
		cmocka_unit_test(memory_and_file_size_are_bounded),
		cmocka_unit_test(with_loopback_the_network_is_its_own_and_empty),
	};

	if (argc == 3 && strcmp(argv[1], "--inside") == 0) {
		_exit(inside(argv[2])); /* no leak check: the sandbox allows no ptrace */
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
