/* SPDX-License-Identifier: Apache-2.0 */
/*
 * That the attempts of `writ probe sandbox` are real: without a sandbox the harmless ones among them succeed.
 * That a sandbox refuses them all, says the scenario.
 */
#include "tests/test.h"

#include "sandbox/probe.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int attempt(const char *what)
{
	for (unsigned i = 0; i < n_probes; i++) {
		if (strcmp(probes[i].what, what) == 0) {
			pid_t pid = fork();
			int status;

			assert_true(pid >= 0);
			if (pid == 0) {
				_exit(probes[i].act());
			}
			assert_int_equal(waitpid(pid, &status, 0), pid);
			return WIFEXITED(status) ? WEXITSTATUS(status) : PROBE_KILLED;
		}
	}
	fail_msg("no attempt is called: %s", what);
	return PROBE_BROKEN;
}

static void set(const char *name, const char *dir, const char *file)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s%s", dir, file);
	assert_int_equal(setenv(name, path, 1), 0);
}

static void put(const char *dir, const char *name)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0 && write(fd, "x", 1) == 1);
	(void)close(fd);
}

static void make(const char *dir, const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void without_a_sandbox_attempts_succeed(void **state)
{
	static const char *const possible[] = {
		"read a file outside",
		"read it by ..",
		"read it by a link in the workspace",
		"list /sys",
		"see what is hidden",
		"write what is kept",
		"run a file it wrote",
		"see other processes",
		"signal a process outside",
		"reach a port of the machine",
		"reach a Unix socket by path",
		"reach an abstract Unix socket",
		"gain privileges by execve",
		"make written memory executable",
		"make an executable memfd",
		"see the caller's environment",
		"write in the workspace",
	};
	struct sockaddr_un path = {.sun_family = AF_UNIX}, abstract = {.sun_family = AF_UNIX};
	struct sockaddr_in tcp = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	char dir[] = "/tmp/writ-test-probe-XXXXXX", text[128];
	socklen_t n = sizeof(tcp);
	int a = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int b = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_non_null(mkdtemp(dir));
	make(dir, "ws");
	make(dir, "ws/deep");
	make(dir, "ws/deep/kept");
	make(dir, "ws/hidden");
	put(dir, "outside");
	put(dir, "ws/deep/kept/law");
	put(dir, "ws/hidden/secret");
	set(PROBE_WORKSPACE, dir, "/ws");
	set(PROBE_OUTSIDE, dir, "/outside");
	set(PROBE_SOCKET, dir, "/socket");
	set(PROBE_ABSTRACT, dir, "");
	set(PROBE_SECRET, "x", "");
	(void)snprintf(text, sizeof(text), "%s/ws/link", dir);
	assert_int_equal(symlink(getenv(PROBE_OUTSIDE), text), 0);
	(void)snprintf(path.sun_path, sizeof(path.sun_path), "%s/socket", dir);
	memcpy(abstract.sun_path + 1, dir, strlen(dir));
	assert_int_equal(bind(a, (struct sockaddr *)&path, sizeof(path)) | listen(a, 8), 0);
	assert_int_equal(
		bind(b, (struct sockaddr *)&abstract,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(dir))) |
			listen(b, 8),
		0);
	assert_int_equal(bind(c, (struct sockaddr *)&tcp, n) | listen(c, 8), 0);
	assert_int_equal(getsockname(c, (struct sockaddr *)&tcp, &n), 0);
	(void)snprintf(text, sizeof(text), "%u", ntohs(tcp.sin_port));
	set(PROBE_PORT, text, "");
	(void)snprintf(text, sizeof(text), "%d", (int)getpid());
	set(PROBE_PROCESS, text, "");

	for (size_t i = 0; i < ARRAY_LEN(possible); i++) {
		int answer = attempt(possible[i]);

		if (answer != PROBE_POSSIBLE) {
			fail_msg("%s: %d", possible[i], answer);
		}
	}
	(void)close(a);
	(void)close(b);
	(void)close(c);
	(void)snprintf(text, sizeof(text), "rm -r %s", dir);
	assert_int_equal(system(text), 0);
}

static void answers_have_names(void **state)
{
	char buf[16];

	(void)state;
	assert_string_equal(probe_errno_name(1, buf, sizeof(buf)), "EPERM");
	assert_string_equal(probe_errno_name(199, buf, sizeof(buf)), "errno 199");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_sandbox_attempts_succeed),
		cmocka_unit_test(answers_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
