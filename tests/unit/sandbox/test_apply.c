/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sandboxes on the real kernel. This binary is also the program inside: started
 * as `--inside NAME` it tries one forbidden (or allowed) thing and exits with the
 * errno it got. Each test runs as the user who started it and, when that is root, as
 * an ordinary user too.
 */
#include "tests/test.h"

#include "base/clock.h"
#include "sandbox/apply.h"
#include "sys/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FINE = 0, NOBODY = 65534, WENT_THROUGH = 202, NO_START = 203 };

static int result(long r)
{
	return r < 0 ? errno : WENT_THROUGH;
}

/* ---- inside ---- */

static int in_fine(void)
{
	return FINE;
}

static int connect_to(int family, int type, int protocol, const void *to, socklen_t n)
{
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);

	if (fd < 0) {
		return errno;
	}
	return result(connect(fd, to, n));
}

static const struct sockaddr_in somewhere = {.sin_family = AF_INET, .sin_port = 0x0900};

static int in_tcp(void)
{
	return connect_to(AF_INET, SOCK_STREAM, 0, &somewhere, sizeof(somewhere));
}

static int in_udp(void)
{
	return connect_to(AF_INET, SOCK_DGRAM, 0, &somewhere, sizeof(somewhere));
}

static int in_mptcp(void)
{
	return connect_to(AF_INET, SOCK_STREAM, 262, &somewhere, sizeof(somewhere));
}

static int in_netlink(void)
{
	return result(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int in_vsock(void)
{
	return result(socket(AF_VSOCK, SOCK_STREAM, 0));
}

static int in_packet(void)
{
	return result(socket(AF_PACKET, SOCK_RAW, 0));
}

static int in_abstract(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "\0writ-test-apply"};

	return connect_to(AF_UNIX, SOCK_STREAM, 0, &to, sizeof(to));
}

static int in_fast_open(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return result(sendto(fd, "x", 1, 0x20000000, (const struct sockaddr *)&somewhere,
			     sizeof(somewhere)));
}

static int in_root_file(void)
{
	return result(open("/etc/shadow", O_RDONLY));
}

static int in_home(void)
{
	return result(open("/root", O_RDONLY));
}

static int in_sys(void)
{
	return result(open("/sys/kernel", O_RDONLY));
}

static int in_write_usr(void)
{
	return result(open("/usr/writ-test", O_WRONLY | O_CREAT, 0600));
}

static int in_write_root(void)
{
	return result(open("/writ-test", O_WRONLY | O_CREAT, 0600));
}

static int in_write_etc(void)
{
	return result(open("/etc/passwd", O_WRONLY));
}

static int in_write_proc(void)
{
	return result(open("/proc/sys/kernel/pid_max", O_WRONLY));
}

static int in_disk(void)
{
	return result(open("/dev/vda", O_RDONLY));
}

static int in_mknod(void)
{
	return result(mknod("/tmp/disk", S_IFBLK | 0600, makedev(254, 0)));
}

static int in_tmp(void)
{
	int fd = open("/tmp/file", O_RDWR | O_CREAT | O_EXCL, 0600);

	if (fd < 0 || write(fd, "x", 1) != 1) {
		return errno;
	}
	return FINE;
}

/* More than /tmp may hold. */
static int in_fill_tmp(void)
{
	int fd = open("/tmp/file", O_RDWR | O_CREAT | O_EXCL, 0600);

	return fd < 0 ? errno : posix_fallocate(fd, 0, 512 << 20);
}

static int in_exec_tmp(void)
{
	char bytes[4096];
	ssize_t n;
	int from = open("/usr/bin/true", O_RDONLY),
	    to = open("/tmp/true", O_WRONLY | O_CREAT, 0700);

	while ((n = read(from, bytes, sizeof(bytes))) > 0) {
		if (write(to, bytes, (size_t)n) != n) {
			return NO_START;
		}
	}
	(void)close(to);
	return result(execl("/tmp/true", "true", NULL));
}

static int in_others(void)
{
	DIR *d = opendir("/proc");
	const struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d))) {
		n += e->d_name[0] >= '0' && e->d_name[0] <= '9';
	}
	return d ? n : errno; /* init and this one */
}

static int in_init_memory(void)
{
	return result(open("/proc/1/mem", O_RDONLY));
}

static int in_init_environ(void)
{
	return result(open("/proc/1/environ", O_RDONLY));
}

static int in_ptrace(void)
{
	return result(ptrace(PTRACE_ATTACH, 1, NULL, NULL));
}

static int in_peek(void)
{
	char byte;
	struct iovec own = {&byte, 1}, its = {&byte, 1};

	return result(process_vm_readv(1, &own, 1, &its, 1, 0));
}

static int in_kill_init(void)
{
	/* To itself the kernel would say fine and do nothing; Landlock says no. */
	return result(kill(1, SIGKILL));
}

static int in_io_uring(void)
{
	return result(syscall(SYS_io_uring_setup, 1, NULL));
}

static int in_user_namespace(void)
{
	return result(unshare(CLONE_NEWUSER));
}

static int in_clone_namespace(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0) {
		_exit(0);
	}
	return result(pid);
}

static int in_clone3(void)
{
	return result(syscall(SYS_clone3, NULL, 0));
}

static int in_keyctl(void)
{
	return result(syscall(SYS_keyctl, 0, 0));
}

static int in_bpf(void)
{
	return result(syscall(SYS_bpf, 0, NULL, 0));
}

static int in_perf(void)
{
	return result(syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0));
}

static int in_userfaultfd(void)
{
	return result(syscall(SYS_userfaultfd, 0));
}

static int in_mount(void)
{
	return result(mount("none", "/tmp", "tmpfs", 0, NULL));
}

static int in_setuid(void)
{
	return result(setuid(0));
}

static int in_chroot(void)
{
	return result(chroot("/tmp"));
}

static int in_seccomp(void)
{
	return result(syscall(SYS_seccomp, 1, 0, NULL));
}

static int in_personality(void)
{
	return result(syscall(SYS_personality, 0x0400000));
}

static int in_terminal(void)
{
	return result(ioctl(0, 0x5412, "x"));
}

static int in_write_exec(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	return p == MAP_FAILED ? errno : WENT_THROUGH;
}

static int in_privileges(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2];

	if (syscall(SYS_capget, &head, caps) < 0 || caps[0].effective || caps[0].permitted ||
	    caps[0].inheritable || caps[1].effective || caps[1].permitted || caps[1].inheritable) {
		return 1;
	}
	for (unsigned long cap = 0; cap < 40; cap++) {
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 0) {
			return 2;
		}
	}
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || getuid() == 0 || geteuid() == 0) {
		return 3;
	}
	return FINE;
}

static int in_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	const struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d))) {
		n += e->d_name[0] != '.';
	}
	return d ? n : errno; /* 0, 1, 2 and the one of opendir */
}

static int in_fork_bomb(void)
{
	int n = 0;

	for (; n < 5000; n++) {
		pid_t pid = fork();

		if (pid == 0) {
			(void)pause();
			_exit(0);
		}
		if (pid < 0) {
			break;
		}
	}
	return n < 700 ? FINE : 1;
}

static int in_workspace(void)
{
	const char *dir = getenv("WORKSPACE");
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/new", dir);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || write(fd, "x", 1) != 1 || unlink(path) < 0) {
		return errno;
	}
	(void)snprintf(path, sizeof(path), "%s/kept/file", dir);
	fd = open(path, O_RDONLY);
	if (fd < 0) {
		return errno;
	}
	fd = open(path, O_WRONLY);
	if (fd >= 0 || errno != EROFS) {
		return 100;
	}
	(void)snprintf(path, sizeof(path), "%s/script", dir);
	(void)execl(path, "script", NULL);
	return errno == EACCES ? FINE : 101;
}

/* A link that was planted in the workspace leads to a place that is not there. */
static int in_escape(void)
{
	const char *dir = getenv("WORKSPACE");
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/escape/secret", dir);
	return result(open(path, O_RDONLY));
}

static int in_dots(void)
{
	return result(open("../../../../../../../../root/.bashrc", O_RDONLY));
}

static int in_sleepers(void)
{
	for (int i = 0; i < 3; i++) {
		if (fork() == 0) {
			(void)setsid();
			if (fork() == 0) {
				(void)pause();
			}
			_exit(0);
		}
	}
	if (write(1, "ready", 5) == 5) {
		(void)pause();
	}
	return FINE;
}

static const struct inside {
	const char *name;
	int (*act)(void);
	int expect; /* the errno */
} insides[] = {
	{"fine", in_fine, FINE},
	{"tcp", in_tcp, EAFNOSUPPORT},
	{"udp", in_udp, EAFNOSUPPORT},
	{"mptcp", in_mptcp, EAFNOSUPPORT},
	{"netlink", in_netlink, EAFNOSUPPORT},
	{"vsock", in_vsock, EAFNOSUPPORT},
	{"packet", in_packet, EAFNOSUPPORT},
	{"abstract", in_abstract, ECONNREFUSED}, /* of its own network namespace */
	{"fast open", in_fast_open, EPERM},
	{"shadow", in_root_file, ENOENT},
	{"home", in_home, ENOENT},
	{"sys", in_sys, ENOENT},
	{"write usr", in_write_usr, EROFS},
	{"write root", in_write_root, EROFS},
	{"write etc", in_write_etc, EROFS},
	{"write proc", in_write_proc, EACCES},
	{"disk", in_disk, ENOENT},
	{"mknod", in_mknod, EPERM},
	{"tmp", in_tmp, FINE},
	{"fill tmp", in_fill_tmp, ENOSPC},
	{"exec tmp", in_exec_tmp, EACCES},
	{"others", in_others, 2},
	{"init memory", in_init_memory, EACCES},
	{"init environ", in_init_environ, EACCES},
	{"ptrace", in_ptrace, EPERM},
	{"peek", in_peek, EPERM},
	{"kill init", in_kill_init, EPERM},
	{"io_uring", in_io_uring, EPERM},
	{"user namespace", in_user_namespace, EPERM},
	{"clone namespace", in_clone_namespace, EPERM},
	{"clone3", in_clone3, ENOSYS},
	{"keyctl", in_keyctl, EPERM},
	{"bpf", in_bpf, EPERM},
	{"perf", in_perf, EPERM},
	{"userfaultfd", in_userfaultfd, EPERM},
	{"mount", in_mount, EPERM},
	{"setuid", in_setuid, EPERM},
	{"chroot", in_chroot, EPERM},
	{"seccomp", in_seccomp, EPERM},
	{"personality", in_personality, EPERM},
	{"terminal", in_terminal, EPERM},
	{"write exec", in_write_exec, EACCES},
	{"privileges", in_privileges, FINE},
	{"descriptors", in_descriptors, 4},
	{"fork bomb", in_fork_bomb, FINE},
	{"workspace", in_workspace, FINE},
	{"escape", in_escape, ENOENT},
	{"dots", in_dots, ENOENT},
	{"sleepers", in_sleepers, FINE},
};

static int inside(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(insides); i++) {
		if (strcmp(insides[i].name, name) == 0) {
			return insides[i].act();
		}
	}
	return NO_START;
}

/* ---- outside ---- */

struct stage {
	struct arena a;
	struct sandbox_plan plan;
	struct str argv[8], env[4], read[4], write[4];
	struct sandbox_spec spec;
	char self[512];
};

static void stage_init(struct stage *s, const char *name)
{
	ssize_t n = readlink("/proc/self/exe", s->self, sizeof(s->self) - 1);

	assert_true(n > 0);
	s->self[n] = '\0';
	arena_init(&s->a, 8 << 20);
	s->argv[0] = str_from_c(s->self);
	s->argv[1] = STR("--inside");
	s->argv[2] = str_from_c(name);
	s->env[0] = STR("ASAN_OPTIONS=detect_leaks=0");
	s->spec = (struct sandbox_spec){.name = STR("test"),
					.argv = s->argv,
					.n_argv = 3,
					.env = s->env,
					.n_env = 1,
					.read = s->read,
					.write = s->write};
}

/* In a child of the test, since an ordinary user cannot become root again: its wait status. */
static int run_as(bool ordinary, int (*act)(void *arg), void *arg)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (ordinary && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
				 setresuid(NOBODY, NOBODY, NOBODY) < 0 ||
				 prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)) {
			_exit(NO_START);
		}
		_exit(act(arg));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int start(struct stage *s, const struct sandbox_fds *fds, struct sandbox_child *c)
{
	struct sandbox_kernel kernel = sandbox_probe();
	struct plan_machine machine;
	struct err err = {0};

	if (sandbox_look(&s->a, &s->spec, &kernel, &machine, &err) ||
	    plan_build(&s->a, &s->spec, &machine, &s->plan, &err) ||
	    sandbox_start(&s->plan, fds, c, &err)) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return NO_START;
	}
	return FINE;
}

static int start_and_wait(void *arg)
{
	struct stage *s = arg;
	struct sandbox_child c;
	siginfo_t info = {0};

	if (start(s, &(struct sandbox_fds){-1, -1, 2}, &c) != FINE) {
		return NO_START;
	}
	(void)waitid(P_PIDFD, (id_t)c.pidfd, &info, WEXITED);
	return info.si_code == CLD_EXITED ? info.si_status : NO_START;
}

static bool cannot_sandbox(void)
{
	struct sandbox_kernel k = sandbox_probe();

	if (!k.user_namespaces || k.landlock_abi < 6) {
		print_message("skipped: user namespaces or Landlock ABI 6 are not there\n");
		return true;
	}
	return false;
}

static void expect(struct stage *s, int code)
{
	for (int ordinary = 0; ordinary <= (geteuid() == 0); ordinary++) {
		int status = run_as(ordinary, start_and_wait, s);

		if (!WIFEXITED(status) || WEXITSTATUS(status) != code) {
			fail_msg(STR_FMT " as %s: wait status %#x, expected exit %d (%s)",
				 STR_ARG(s->argv[2]), ordinary ? "ordinary user" : "own user",
				 (unsigned)status, code, strerror(code));
		}
	}
}

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
		stage_init(&s, insides[i].name);
		expect(&s, insides[i].expect);
		arena_done(&s.a);
	}
}

static void make_file(const char *dir, const char *name, const char *text, unsigned mode)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
}

static void remove_tree(const char *dir, const char *const *names, size_t n)
{
	char path[256];

	for (size_t i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)remove(path);
	}
	(void)remove(dir);
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
	    start(s, &(struct sandbox_fds){-1, ends[1], 2}, &c) != FINE ||
	    read(ends[0], bytes, 5) != 5 || sandbox_signal(&c, SIGTERM, NULL) != ERR_OK) {
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
	};

	if (argc == 3 && strcmp(argv[1], "--inside") == 0) {
		_exit(inside(argv[2])); /* no leak check: the sandbox allows no ptrace */
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
