/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runner as a process of its own; the test is its supervisor and its gate. It
 * runs as the user who started the test and, when that is root, as an ordinary
 * user too.
 */
#include "tests/test.h"

#include "base/clock.h"
#include "base/log.h"
#include "ipc/frame.h"
#include "ipc/messages.h"
#include "proc/role.h"
#include "proc/runner.h"
#include "sandbox/apply.h"
#include "sys/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534, PATIENCE_MS = 15000 };

/* role.c knows every role; only the runner is here. */
int gate_main(struct role_boot *boot)
{
	(void)boot;
	return 2;
}

int connector_main(struct role_boot *boot)
{
	(void)boot;
	return 2;
}

int relay_main(struct role_boot *boot)
{
	(void)boot;
	return 2;
}

int exit_main(struct role_boot *boot)
{
	(void)boot;
	return 2;
}

int scribe_main(struct role_boot *boot)
{
	(void)boot;
	return 2;
}

int loader_main(const char *path)
{
	(void)path;
	return 2;
}

struct scene {
	pid_t pid;
	struct chan control, gate;
	int log; /* the runner's standard error */
	char said[64 * 1024];
	size_t n_said;
};

static const char *const servers =
	"{\"version\":1,\"listen\":[{\"address\":\"127.0.0.1:8700\"}],\"servers\":{"
	"\"cat\":{\"command\":[\"/bin/cat\"]},"
	"\"stubborn\":{\"command\":[\"/bin/sh\",\"-c\",\"trap '' TERM; sleep 600 & while :; do "
	"sleep 600; done\"]},"
	"\"noisy\":{\"command\":[\"/bin/sh\",\"-c\",\"printf 'one\\\\033[2Jtwo\\\\nlast' >&2; exit "
	"7\"]},"
	"\"flood\":{\"command\":[\"/bin/sh\",\"-c\",\"i=0; while [ $i -lt 5000 ]; do echo line $i; "
	"i=$((i+1)); done >&2; head -c 20000 /dev/zero | tr '\\\\0' a >&2\"]},"
	"\"missing\":{\"command\":[\"/bin/cat\"],\"files\":{\"read\":[\"/no/such/place\"],"
	"\"write\":[]}},"
	"\"linked\":{\"command\":[\"/bin/cat\",\"/tmp/writ-test-linked/link/file\"],\"files\":"
	"{\"read\":[\"/tmp/writ-test-linked/link\"],\"write\":[]}},"
	"\"secret\":{\"command\":[\"/usr/bin/env\"],\"env\":{\"TOKEN\":{\"secret_file\":\"/the/"
	"secret\"}}}"
	"}}";

static void begin(struct scene *s, bool ordinary)
{
	int control[2], gate[2], log[2];
	struct err err;

	memset(s, 0, sizeof(*s));
	assert_int_equal(chan_pair(control, &err), ERR_OK);
	assert_int_equal(chan_pair(gate, &err), ERR_OK);
	assert_int_equal(pipe2(log, O_CLOEXEC), 0);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		struct role_boot boot = {.role = ROLE_RUNNER,
					 .bundle_fd = -1,
					 .directory_fd = -1,
					 .key_fd = -1,
					 .n_channels = 1,
					 .n_secrets = 1};

		(void)dup2(log[1], 2);
		(void)close(control[0]);
		(void)close(gate[0]);
		if (ordinary && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
				 setresuid(NOBODY, NOBODY, NOBODY) < 0 ||
				 prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)) {
			_exit(99);
		}
		chan_init(&boot.control, control[1], 1 << 16);
		boot.channels[0] = (struct role_channel){.peer = ROLE_GATE, .fd = gate[1]};
		(void)snprintf(boot.secrets[0].file, sizeof(boot.secrets[0].file), "/the/secret");
		if (fd_memfd("secret", STR("hush\n"), &boot.secrets[0].fd, NULL) ||
		    fd_memfd("config", str_from_c(servers), &boot.config_fd, NULL)) {
			_exit(98);
		}
		log_setup("runner.0", LOG_INFO);
		_exit(runner_main(&boot));
	}
	(void)close(control[1]);
	(void)close(gate[1]);
	(void)close(log[1]);
	s->log = log[0];
	assert_int_equal(fcntl(s->log, F_SETFL, O_NONBLOCK), 0);
	chan_init(&s->control, control[0], 1 << 16);
	chan_init(&s->gate, gate[0], 1 << 16);
}

static void read_log(struct scene *s)
{
	ssize_t n;

	while (s->n_said < sizeof(s->said) - 1 &&
	       (n = read(s->log, s->said + s->n_said, sizeof(s->said) - 1 - s->n_said)) > 0) {
		s->n_said += (size_t)n;
	}
}

static int end(struct scene *s)
{
	int status;

	chan_done(&s->gate);
	chan_done(&s->control);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	read_log(s);
	(void)close(s->log);
	return status;
}

/* One frame of a channel, with its descriptor or -1. */
static uint8_t await(struct scene *s, struct chan *c, char *buf, struct frame_reader *r, int *fd)
{
	uint64_t until = clock_mono() + PATIENCE_MS * CLOCK_MS;
	int fds[CHAN_MAX_FDS];
	unsigned n_fds = 0;
	struct str frame;
	struct err err;

	for (;;) {
		enum err_code code = chan_recv(c, buf, 4096, &frame, fds, &n_fds, &err);
		struct pollfd p = {.fd = c->fd, .events = POLLIN};

		if (code == ERR_OK) {
			break;
		}
		read_log(s);
		if (code != ERR_AGAIN || clock_mono() > until) {
			fail_msg("no answer: %s\n%s", err.msg, s->said);
		}
		(void)poll(&p, 1, 100);
	}
	*fd = n_fds ? fds[0] : -1;
	return frame_open(r, frame);
}

static void say(struct scene *s, uint8_t type, uint64_t token, const char *id)
{
	char buf[256];
	struct frame_writer w;
	struct err err;

	frame_begin(&w, buf, sizeof(buf), type);
	frame_put_u64(&w, token);
	if (id) {
		frame_put_str(&w, str_from_c(id));
	}
	assert_int_equal(chan_send(&s->gate, frame_bytes(&w), NULL, 0, &err), ERR_OK);
}

static void await_ready(struct scene *s)
{
	char buf[4096];
	struct frame_reader r;
	int fd;

	assert_int_equal(await(s, &s->control, buf, &r, &fd), IPC_READY);
}

/* Starts a server; its streams. */
static int run(struct scene *s, uint64_t token, const char *id)
{
	char buf[4096];
	struct frame_reader r;
	uint8_t type;
	int fd;

	say(s, IPC_RUN, token, id);
	type = await(s, &s->gate, buf, &r, &fd);
	if (type != IPC_RUNNING) {
		read_log(s);
		fail_msg("%s did not start:\n%s", id, s->said);
	}
	assert_true(frame_get_u64(&r) == token && frame_ok(&r) && fd >= 0);
	assert_int_equal(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK), 0);
	return fd;
}

static uint32_t await_end(struct scene *s, uint64_t token)
{
	char buf[4096];
	struct frame_reader r;
	uint32_t status;
	int fd;

	assert_int_equal(await(s, &s->gate, buf, &r, &fd), IPC_ENDED);
	assert_true(frame_get_u64(&r) == token);
	status = frame_get_u32(&r);
	assert_true(frame_ok(&r));
	return status;
}

static bool cannot_sandbox(void)
{
	struct sandbox_kernel k = sandbox_probe();

	if (!k.user_namespaces || !k.own_proc || k.landlock_abi == 0) {
		print_message("skipped: user namespaces, an own /proc or Landlock are not there\n");
		return true;
	}
	return false;
}

/* Each test once as this user and, for root, once as an ordinary one. */
#define EACH_USER(ordinary) for (int ordinary = 0; ordinary <= (geteuid() == 0); ordinary++)

static void a_server_is_started_and_speaks_over_its_streams(void **state)
{
	struct scene s;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	EACH_USER(ordinary)
	{
		char back[8] = {0};
		int fd;

		begin(&s, ordinary);
		await_ready(&s);
		fd = run(&s, 1, "cat");
		assert_int_equal(write(fd, "hello\n", 6), 6);
		assert_int_equal(read(fd, back, sizeof(back)), 6);
		assert_memory_equal(back, "hello\n", 6);
		/* The end of its input is the polite way to stop. */
		(void)close(fd);
		assert_int_equal(await_end(&s, 1), 0);
		assert_int_equal(end(&s), 0);
	}
}

static void a_server_that_will_not_stop_is_killed_with_its_children(void **state)
{
	struct scene s;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	EACH_USER(ordinary)
	{
		uint64_t asked;
		uint32_t status;
		int fd;

		begin(&s, ordinary);
		await_ready(&s);
		fd = run(&s, 5, "stubborn");
		(void)close(fd);
		asked = clock_mono();
		say(&s, IPC_STOP, 5, NULL);
		status = await_end(&s, 5);
		assert_true(WIFSIGNALED((int)status) && WTERMSIG((int)status) == SIGKILL);
		assert_in_range((clock_mono() - asked) / CLOCK_MS, 3900, 6000);
		assert_int_equal(end(&s), 0);
	}
}

static void standard_error_is_logged_by_lines_without_control_characters(void **state)
{
	struct scene s;
	int fd;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	begin(&s, false);
	await_ready(&s);
	fd = run(&s, 2, "noisy");
	assert_int_equal(await_end(&s, 2), 7 << 8);
	(void)close(fd);
	assert_int_equal(end(&s), 0);
	assert_non_null(strstr(s.said, "noisy: one"));
	assert_non_null(strstr(s.said, "noisy: last")); /* without a newline too */
	assert_null(strchr(s.said, '\033'));
}

static void a_flood_of_lines_is_cut_and_counted(void **state)
{
	struct scene s;
	size_t lines = 0;
	int fd;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	begin(&s, false);
	await_ready(&s);
	fd = run(&s, 3, "flood");
	assert_int_equal(await_end(&s, 3), 0);
	(void)close(fd);
	assert_int_equal(end(&s), 0);
	for (const char *p = s.said; (p = strstr(p, "flood: line")); p++) {
		lines++;
	}
	assert_in_range(lines, 50, 400);
	assert_non_null(strstr(s.said, "were not logged"));
}

static void what_cannot_be_started_is_refused_with_a_reason(void **state)
{
	static const struct {
		const char *id, *reason;
	} cases[] = {{"nobody", "not a stdio server of this configuration"},
		     {"", "not a stdio server of this configuration"},
		     {"missing", "its sandbox could not be made; the runner's log says why"}};
	struct scene s;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	begin(&s, false);
	await_ready(&s);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char buf[4096];
		struct frame_reader r;
		int fd;

		say(&s, IPC_RUN, 10 + i, cases[i].id);
		assert_int_equal(await(&s, &s.gate, buf, &r, &fd), IPC_NOT_RUN);
		assert_true(frame_get_u64(&r) == 10 + i);
		assert_str_equal(frame_get_str(&r), str_from_c(cases[i].reason));
		assert_true(frame_ok(&r) && fd == -1);
	}
	assert_int_equal(end(&s), 0);
	assert_non_null(strstr(s.said, "missing cannot be started: read /no/such/place"));
}

static void a_server_that_keeps_dying_has_to_wait(void **state)
{
	struct scene s;
	unsigned started = 0;
	uint8_t type = IPC_NONE;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	begin(&s, false);
	await_ready(&s);
	for (uint64_t token = 1; token < 10; token++) {
		char buf[4096];
		struct frame_reader r;
		int fd;

		say(&s, IPC_RUN, token, "noisy");
		type = await(&s, &s.gate, buf, &r, &fd);
		if (type != IPC_RUNNING) {
			break;
		}
		(void)close(fd);
		started++;
		assert_int_equal(await_end(&s, token), 7 << 8);
	}
	assert_int_equal(type, IPC_NOT_RUN);
	assert_int_equal(started, RUNNER_QUICK_DEATHS + 1);
	assert_int_equal(end(&s), 0);
}

static void the_environment_is_what_the_configuration_says(void **state)
{
	struct scene s;
	char out[4096] = {0};
	size_t n = 0;
	ssize_t got;
	int fd;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	(void)setenv("LEAK", "me", 1);
	begin(&s, false);
	await_ready(&s);
	fd = run(&s, 1, "secret");
	while (n < sizeof(out) - 1 && (got = read(fd, out + n, sizeof(out) - 1 - n)) > 0) {
		n += (size_t)got;
	}
	(void)close(fd);
	assert_non_null(strstr(out, "TOKEN=hush\n"));
	assert_null(strstr(out, "LEAK"));
	assert_int_equal(await_end(&s, 1), 0);
	assert_int_equal(end(&s), 0);
	assert_null(strstr(s.said, "hush"));
}

static void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
}

/* Somebody who may write in a folder on the way cannot choose another place after the load. */
static void a_link_changed_after_the_load_leads_nowhere_else(void **state)
{
	static const char *const made[] = {
		"/tmp/writ-test-linked/link",      "/tmp/writ-test-linked/good/file",
		"/tmp/writ-test-linked/evil/file", "/tmp/writ-test-linked/good",
		"/tmp/writ-test-linked/evil",      "/tmp/writ-test-linked"};
	struct scene s;
	char got[64] = {0};
	int fd;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		(void)remove(made[i]);
	}
	for (size_t i = ARRAY_LEN(made); i-- > 3;) {
		assert_int_equal(mkdir(made[i], 0755), 0);
	}
	put_file(made[1], "good");
	put_file(made[2], "evil");
	assert_int_equal(symlink("good", made[0]), 0);
	begin(&s, false);
	await_ready(&s);
	assert_int_equal(unlink(made[0]), 0);
	assert_int_equal(symlink("evil", made[0]), 0);
	fd = run(&s, 1, "linked");
	assert_true(fd >= 0);
	(void)await_end(&s, 1);
	assert_int_equal(read(fd, got, sizeof(got) - 1), 4);
	assert_string_equal(got, "good");
	(void)close(fd);
	assert_int_equal(end(&s), 0);
	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		(void)remove(made[i]);
	}
}

static int children_of(pid_t pid)
{
	char path[64];
	FILE *f;
	int n = 0, child;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	f = fopen(path, "r");
	while (f && fscanf(f, "%d", &child) == 1) {
		n++;
	}
	if (f) {
		(void)fclose(f);
	}
	return n;
}

static void a_gate_that_goes_takes_its_servers_along(void **state)
{
	struct scene s;
	uint64_t until;
	int fd;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	begin(&s, false);
	await_ready(&s);
	fd = run(&s, 1, "cat");
	assert_int_equal(children_of(s.pid), 1);
	(void)close(fd);
	chan_done(&s.gate);
	until = clock_mono() + 5 * CLOCK_SEC;
	while (children_of(s.pid) && clock_mono() < until) {
		(void)usleep(10000);
	}
	assert_int_equal(children_of(s.pid), 0);
	assert_int_equal(kill(s.pid, 0), 0); /* the runner itself goes on */
	assert_int_equal(end(&s), 0);
}

static void when_the_runner_is_killed_nothing_it_started_lives_on(void **state)
{
	struct scene s;
	char byte;
	int fd, status;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	begin(&s, false);
	await_ready(&s);
	fd = run(&s, 1, "stubborn");
	assert_int_equal(kill(s.pid, SIGKILL), 0);
	/* The end of the stream: no process holds the other end any more. */
	assert_int_equal(read(fd, &byte, 1), 0);
	(void)close(fd);
	assert_int_equal(waitpid(s.pid, &status, 0), s.pid);
	chan_done(&s.gate);
	chan_done(&s.control);
	(void)close(s.log);
}

static int descriptors_of(pid_t pid)
{
	char path[64];
	DIR *d;
	int n = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	if (!d) {
		return -1;
	}
	while (readdir(d)) {
		n++;
	}
	(void)closedir(d);
	return n;
}

static void servers_that_came_and_went_leave_no_descriptor(void **state)
{
	struct scene s;
	int before;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	begin(&s, false);
	await_ready(&s);
	before = descriptors_of(s.pid);
	if (before < 0) {
		print_message("skipped: only root may look into the runner\n");
		assert_int_equal(end(&s), 0);
		skip();
	}
	for (uint64_t token = 1; token <= 40; token++) {
		(void)close(run(&s, token, "cat"));
		say(&s, IPC_STOP, token, NULL);
		assert_int_equal(await_end(&s, token), 0);
	}
	assert_int_equal(descriptors_of(s.pid), before);
	assert_int_equal(end(&s), 0);
}

static void starts_are_paced(void **state)
{
	struct runner_pace p = {0};
	uint64_t now = 1000 * CLOCK_SEC, wait = 0;

	(void)state;
	for (int i = 0; i < RUNNER_STARTS_MINUTE; i++) {
		assert_true(runner_pace_start(&p, now, &wait));
	}
	assert_false(runner_pace_start(&p, now, &wait));
	assert_int_equal(wait, 60);
	assert_true(runner_pace_start(&p, now + 60 * CLOCK_SEC, &wait));

	p = (struct runner_pace){0};
	for (uint64_t i = 1; i <= 12; i++) {
		uint64_t wanted =
			i <= RUNNER_QUICK_DEATHS ? 0 : UINT64_C(1) << (i - RUNNER_QUICK_DEATHS - 1);

		wanted = wanted > RUNNER_WAIT_MAX ? RUNNER_WAIT_MAX : wanted;
		assert_true(runner_pace_start(&p, now, &wait));
		runner_pace_died(&p, now, CLOCK_SEC);
		if (wanted) {
			assert_false(runner_pace_start(&p, now, &wait));
			assert_int_equal(wait, wanted);
		}
		now += 61 * CLOCK_SEC;
	}
	runner_pace_died(&p, now, 10 * CLOCK_SEC);
	assert_int_equal(p.deaths, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_is_started_and_speaks_over_its_streams),
		cmocka_unit_test(a_server_that_will_not_stop_is_killed_with_its_children),
		cmocka_unit_test(standard_error_is_logged_by_lines_without_control_characters),
		cmocka_unit_test(a_flood_of_lines_is_cut_and_counted),
		cmocka_unit_test(what_cannot_be_started_is_refused_with_a_reason),
		cmocka_unit_test(a_server_that_keeps_dying_has_to_wait),
		cmocka_unit_test(the_environment_is_what_the_configuration_says),
		cmocka_unit_test(a_gate_that_goes_takes_its_servers_along),
		cmocka_unit_test(when_the_runner_is_killed_nothing_it_started_lives_on),
		cmocka_unit_test(servers_that_came_and_went_leave_no_descriptor),
		cmocka_unit_test(a_link_changed_after_the_load_leads_nowhere_else),
		cmocka_unit_test(starts_are_paced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
