/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jail on the real kernel: a child enters it, tries the forbidden thing, and
 * its exit status is the errno it got. Each test runs as the user who started it
 * and, when that is root, as an ordinary user too.
 */
#include "tests/test.h"

#include "sandbox/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FINE = 0, NOBODY = 65534, COULD_NOT_ENTER = 201, WENT_THROUGH = 202 };

struct trial {
	struct jail_spec spec;
	int (*act)(const struct trial *t); /* inside; returns the exit status */
	const char *dir;                   /* a directory of the test's own */
	int fd;
	pid_t other;
};

static int result(long r)
{
	return r < 0 ? errno : WENT_THROUGH;
}

/* The wait status of a child that entered the jail and acted. */
static int status_of(const struct trial *t, bool ordinary)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct err err = {0};

		if (ordinary && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
				 setresuid(NOBODY, NOBODY, NOBODY) < 0)) {
			_exit(COULD_NOT_ENTER);
		}
		/* What the supervisor's exec does: setresuid had made it undumpable. */
		(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		if (jail_enter(&t->spec, NULL, &err) != ERR_OK) {
			(void)fprintf(stderr, "jail: %s\n", err.msg);
			_exit(COULD_NOT_ENTER);
		}
		_exit(t->act(t));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void expect_exit(const struct trial *t, int code)
{
	for (int ordinary = 0; ordinary <= (geteuid() == 0); ordinary++) {
		int status = status_of(t, ordinary);

		if (!WIFEXITED(status) || WEXITSTATUS(status) != code) {
			fail_msg("%s: wait status %#x, expected exit %d (%s)",
				 ordinary ? "ordinary user" : "own user", (unsigned)status, code,
				 strerror(code));
		}
	}
}

static void expect_killed(const struct trial *t)
{
	for (int ordinary = 0; ordinary <= (geteuid() == 0); ordinary++) {
		int status = status_of(t, ordinary);

		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS) {
			fail_msg("wait status %#x, expected SIGSYS", (unsigned)status);
		}
	}
}

static struct trial trial(int (*act)(const struct trial *), unsigned calls)
{
	return (struct trial){.spec = {.name = "test", .calls = calls}, .act = act, .fd = -1};
}

static int do_nothing(const struct trial *t)
{
	void *p = malloc(1 << 20);

	(void)t;
	if (!p) {
		return ENOMEM;
	}
	memset(p, 1, 1 << 20);
	free(p);
	return FINE;
}

static void a_role_lives_in_the_smallest_jail(void **state)
{
	struct trial t = trial(do_nothing, 0);

	(void)state;
	expect_exit(&t, FINE);
	t.spec.net = JAIL_NET_USER;
	expect_exit(&t, FINE);
	t.spec.net = JAIL_NET_KEEP;
	expect_exit(&t, FINE);
}

static int make_socket(const struct trial *t)
{
	(void)t;
	return result(socket(AF_INET, SOCK_STREAM, 0));
}

static void a_call_that_is_not_listed_kills(void **state)
{
	struct trial t = trial(make_socket, CALLS_LOOP | CALLS_SOCKET);

	(void)state;
	expect_killed(&t);
	t.spec.otherwise = SECCOMP_REFUSES;
	expect_exit(&t, EPERM);
}

static int open_passwd(const struct trial *t)
{
	(void)t;
	return result(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int open_tmp(const struct trial *t)
{
	(void)t;
	return result(open("/tmp/writ-test-jail-file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static void without_paths_no_file_opens(void **state)
{
	struct trial t = trial(open_passwd, CALLS_READ);

	(void)state;
	if (landlock_abi() == 0) {
		print_message("skipped: this kernel has no Landlock\n");
		skip();
	}
	expect_exit(&t, EACCES);
	t.act = open_tmp;
	t.spec.calls |= CALLS_WRITE;
	expect_exit(&t, EACCES);
}

static int read_and_write(const struct trial *t)
{
	char path[128], other[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/a", t->dir);
	(void)snprintf(other, sizeof(other), "%s/b", t->dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0) {
		return errno;
	}
	if (pwrite(fd, "x", 1, 0) != 1 || fdatasync(fd) < 0 || ftruncate(fd, 0) < 0) {
		return 203;
	}
	if (fallocate(fd, 0, 0, 4096) < 0 && errno != EOPNOTSUPP) {
		return 204;
	}
	(void)close(fd);
	if (rename(path, other) < 0) {
		return 205;
	}
	if (unlink(other) < 0) {
		return 206;
	}
	/* Out of the directory through a link that was there before. */
	(void)snprintf(path, sizeof(path), "%s/escape", t->dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 && errno == EACCES ? FINE : 207;
}

static void a_path_opens_what_is_beneath_it_and_links_do_not_lead_out(void **state)
{
	char dir[] = "/tmp/writ-jail-XXXXXX", link[64];
	struct landlock_rule rule = {.path = dir, .access = FILES_READ | FILES_WRITE | FILES_MAKE};
	struct trial t = trial(read_and_write, CALLS_READ | CALLS_WRITE | CALLS_SYNC);

	(void)state;
	if (landlock_abi() == 0) {
		print_message("skipped: this kernel has no Landlock\n");
		skip();
	}
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0777), 0);
	(void)snprintf(link, sizeof(link), "%s/escape", dir);
	assert_int_equal(symlink("/etc/passwd", link), 0);
	t.dir = dir;
	t.spec.paths = &rule;
	t.spec.n_paths = 1;
	expect_exit(&t, FINE);
	rule.access = FILES_READ;
	expect_exit(&t, EACCES);
	(void)unlink(link);
	(void)rmdir(dir);
}

static void a_missing_path_is_an_error_that_names_it(void **state)
{
	struct landlock_rule rule = {.path = "/nowhere/at/all", .access = FILES_READ};
	struct landlock_spec domain = {.rules = &rule, .n_rules = 1};
	struct err err = {0};

	(void)state;
	if (landlock_abi() == 0) {
		print_message("skipped: this kernel has no Landlock\n");
		skip();
	}
	assert_int_equal(landlock_enter(&domain, &err), ERR_NOT_FOUND);
	assert_non_null(strstr(err.msg, "/nowhere/at/all"));
}

static int look_at_self(const struct trial *t)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2];
	struct rlimit core;

	(void)t;
	if (syscall(SYS_capget, &head, caps) < 0) {
		return 203;
	}
	if (caps[0].effective | caps[0].permitted | caps[0].inheritable | caps[1].effective |
	    caps[1].permitted | caps[1].inheritable) {
		return 204;
	}
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) {
		return 205;
	}
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) {
		return 206;
	}
	if (getrlimit(RLIMIT_CORE, &core) < 0 || core.rlim_cur != 0 || core.rlim_max != 0) {
		return 207;
	}
	return FINE;
}

static void a_missing_path_may_be_optional(void **state)
{
	static const struct landlock_rule rule = {
		.path = "/nowhere/at/all", .access = FILES_READ, .optional = true};
	struct trial t = trial(open_passwd, CALLS_READ);

	(void)state;
	if (landlock_abi() == 0) {
		print_message("skipped: this kernel has no Landlock\n");
		skip();
	}
	t.spec.paths = &rule;
	t.spec.n_paths = 1;
	expect_exit(&t, EACCES);
}

static void inside_there_is_no_privilege_and_no_core(void **state)
{
	struct trial t = trial(look_at_self, CALLS_CONTAIN);

	(void)state;
	expect_exit(&t, FINE);
	t.spec.net = JAIL_NET_USER;
	expect_exit(&t, FINE);
}

static int bounding_set(const struct trial *t)
{
	(void)t;
	for (unsigned long cap = 0; cap < 64; cap++) {
		int r = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

		if (r < 0) {
			return cap > 30 ? FINE : 203;
		}
		if (r == 1) {
			return 204;
		}
	}
	return FINE;
}

static void root_loses_the_bounding_set_too(void **state)
{
	struct trial t = trial(bounding_set, CALLS_CONTAIN);
	int status;

	(void)state;
	if (geteuid() != 0) {
		print_message("skipped: only root can drop its bounding set\n");
		skip();
	}
	status = status_of(&t, false);
	assert_int_equal(status, 0);
}

static int who_am_i(const struct trial *t)
{
	if (getuid() != t->spec.uid || geteuid() != t->spec.uid || getgid() != t->spec.gid ||
	    getegid() != t->spec.gid || getgroups(0, NULL) != 0) {
		return 203;
	}
	return setresuid(0, 0, 0) == 0 ? WENT_THROUGH : look_at_self(t);
}

static void root_becomes_the_user_it_is_told_and_cannot_return(void **state)
{
	struct trial t = trial(who_am_i, CALLS_CONTAIN);

	(void)state;
	if (geteuid() != 0) {
		print_message("skipped: not root\n");
		skip();
	}
	t.spec.uid = NOBODY;
	t.spec.gid = NOBODY;
	assert_int_equal(status_of(&t, false), 0);
}

static int connect_out(const struct trial *t)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)t;
	if (fd < 0) {
		return errno;
	}
	return result(connect(fd, (struct sockaddr *)&to, sizeof(to)));
}

static int connect_datagram(const struct trial *t)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)t;
	if (fd < 0) {
		return errno;
	}
	return result(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)));
}

static void an_empty_network_reaches_nothing(void **state)
{
	struct trial t = trial(connect_datagram, CALLS_DIAL | CALLS_SOCKET);
	struct jail_report report;

	(void)state;
	t.spec.families = FAMILY_INET;
	t.spec.net = JAIL_NET_USER;
	memset(&report, 0, sizeof(report));
	expect_exit(&t, ENETUNREACH);
	t.act = connect_out; /* by Landlock already */
	if (landlock_abi() >= 4) {
		expect_exit(&t, EACCES);
	}
	/* The role that dials does reach the machine's network: nobody listens on port 9. */
	t.spec.net = JAIL_NET_KEEP;
	expect_exit(&t, ECONNREFUSED);
}

static int make_mptcp(const struct trial *t)
{
	(void)t;
	return result(socket(AF_INET, SOCK_STREAM, 262));
}

static int make_netlink(const struct trial *t)
{
	(void)t;
	return result(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int send_fast_open(const struct trial *t)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)t;
	return result(sendto(fd, "x", 1, 0x20000000, (const struct sockaddr *)&to, sizeof(to)));
}

static void the_ways_around_connect_are_closed(void **state)
{
	struct trial t = trial(make_mptcp, CALLS_DIAL | CALLS_SOCKET);

	(void)state;
	t.spec.families = FAMILY_INET;
	t.spec.net = JAIL_NET_KEEP;
	expect_exit(&t, EPROTONOSUPPORT);
	t.act = make_netlink;
	expect_exit(&t, EAFNOSUPPORT);
	t.act = send_fast_open;
	expect_exit(&t, EPERM);
}

static int signal_other(const struct trial *t)
{
	return result(kill(t->other, 0));
}

static void signals_do_not_leave_the_jail(void **state)
{
	struct trial t = trial(signal_other, CALLS_CHILD);

	(void)state;
	if (landlock_abi() < 6) {
		print_message("skipped: Landlock ABI %d has no scopes\n", landlock_abi());
		skip();
	}
	t.other = getpid();
	expect_exit(&t, EPERM);
}

static int connect_abstract(const struct trial *t)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "\0writ-test-jail"};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)t;
	if (fd < 0) {
		return errno;
	}
	return result(connect(fd, (struct sockaddr *)&to, sizeof(to)));
}

static void abstract_sockets_outside_are_out_of_reach(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "\0writ-test-jail"};
	struct trial t = trial(connect_abstract, CALLS_DIAL | CALLS_SOCKET);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	if (landlock_abi() < 6) {
		print_message("skipped: Landlock ABI %d has no scopes\n", landlock_abi());
		skip();
	}
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	t.spec.families = FAMILY_UNIX;
	t.spec.net = JAIL_NET_KEEP; /* abstract names belong to the network namespace */
	expect_exit(&t, EPERM);
	(void)close(fd);
}

static int pass_bytes(const struct trial *t)
{
	char c = 'x';

	if (send(t->fd, &c, 1, MSG_NOSIGNAL) != 1 || recv(t->fd, &c, 1, 0) != 1) {
		return errno;
	}
	return c == 'y' ? FINE : 203;
}

static void sockets_that_were_open_keep_working(void **state)
{
	for (int ordinary = 0; ordinary <= (geteuid() == 0); ordinary++) {
		struct trial t = trial(pass_bytes, CALLS_SOCKET);
		int pair[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
		assert_int_equal(send(pair[0], "y", 1, 0), 1);
		t.fd = pair[1];
		t.spec.net = JAIL_NET_USER;
		assert_int_equal(status_of(&t, ordinary), 0);
		(void)close(pair[0]);
		(void)close(pair[1]);
	}
	(void)state;
}

static int make_executable(const struct trial *t)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)t;
	return p == MAP_FAILED ? 203 : result(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static void memory_does_not_become_executable(void **state)
{
	struct trial t = trial(make_executable, 0);

	(void)state;
	expect_exit(&t, EACCES);
	t.spec.exec = EXEC_ANY;
	expect_exit(&t, WENT_THROUGH);
}

static int open_many(const struct trial *t)
{
	(void)t;
	for (int i = 0; i < 100; i++) {
		if (dup(2) < 0) {
			return errno;
		}
	}
	return FINE;
}

static void descriptors_are_bounded(void **state)
{
	struct trial t = trial(open_many, CALLS_CHILD | CALLS_LOOP);

	(void)state;
	t.spec.max_files = 32;
	t.spec.calls |= CALLS_PROGRAM;
	t.spec.otherwise = SECCOMP_REFUSES;
	expect_exit(&t, EMFILE);
}

static void the_report_says_what_is_weaker(void **state)
{
	struct jail_report all = {.landlock_abi = 7},
			   some = {.missing = JAIL_NO_LANDLOCK_SCOPES | JAIL_NO_NET};
	struct buf out;

	(void)state;
	buf_init(&out, 1024);
	jail_report_print(&all, &out);
	assert_int_equal(buf_len(&out), 0);
	jail_report_print(&some, &out);
	assert_str_equal(buf_str(&out),
			 STR("weaker: no Landlock scopes for signals (needs Linux 6.12); no "
			     "network namespace of its own (needs user namespaces, or root)"));
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_role_lives_in_the_smallest_jail),
		cmocka_unit_test(a_call_that_is_not_listed_kills),
		cmocka_unit_test(without_paths_no_file_opens),
		cmocka_unit_test(a_path_opens_what_is_beneath_it_and_links_do_not_lead_out),
		cmocka_unit_test(a_missing_path_is_an_error_that_names_it),
		cmocka_unit_test(a_missing_path_may_be_optional),
		cmocka_unit_test(inside_there_is_no_privilege_and_no_core),
		cmocka_unit_test(root_loses_the_bounding_set_too),
		cmocka_unit_test(root_becomes_the_user_it_is_told_and_cannot_return),
		cmocka_unit_test(an_empty_network_reaches_nothing),
		cmocka_unit_test(the_ways_around_connect_are_closed),
		cmocka_unit_test(signals_do_not_leave_the_jail),
		cmocka_unit_test(abstract_sockets_outside_are_out_of_reach),
		cmocka_unit_test(sockets_that_were_open_keep_working),
		cmocka_unit_test(memory_does_not_become_executable),
		cmocka_unit_test(descriptors_are_bounded),
		cmocka_unit_test(the_report_says_what_is_weaker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
