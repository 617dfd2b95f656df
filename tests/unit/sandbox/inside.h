/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What test_apply does inside a sandbox, started again as `--inside NAME`: each
 * tries one forbidden (or allowed) thing and gives the errno it got, which becomes the
 * exit status.
 */
#ifndef TESTS_UNIT_SANDBOX_INSIDE_H
#define TESTS_UNIT_SANDBOX_INSIDE_H

#include "tests/unit/sandbox/stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static int result(long r)
{
	return r < 0 ? errno : WENT_THROUGH;
}

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

static int in_far(void)
{
	struct sockaddr_in far = {
		.sin_family = AF_INET, .sin_port = 0x5000, .sin_addr = {0x08080808}};

	return connect_to(AF_INET, SOCK_STREAM, 0, &far, sizeof(far));
}

static int in_mptcp(void)
{
	return connect_to(AF_INET, SOCK_STREAM, 262, &somewhere, sizeof(somewhere));
}

static int in_netlink(void)
{
	return result(socket(AF_NETLINK, SOCK_RAW, 0));
}

/* Other families of netlink: XFRM, sock_diag, audit, generic; and raw packets of IP. */
static int in_netlink_others(void)
{
	static const int protocols[] = {4, 6, 9, 12, 16, 17};

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (socket(AF_NETLINK, SOCK_RAW, protocols[i]) >= 0) {
			return WENT_THROUGH;
		}
	}
	return errno;
}

static int in_raw(void)
{
	return result(socket(AF_INET, SOCK_RAW, IPPROTO_TCP));
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

static int in_hungry(void)
{
	void *p = mmap(NULL, 512 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : WENT_THROUGH;
}

/* What just-in-time compilers do: reserve much, use little. */
static int in_reserve(void)
{
	void *p = mmap(NULL, UINT64_C(64) << 30, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? errno : FINE;
}

static int in_big_file(void)
{
	int fd = open("/tmp/file", O_RDWR | O_CREAT | O_EXCL, 0600);

	(void)signal(SIGXFSZ, SIG_IGN);
	return fd < 0 ? errno : result(ftruncate(fd, 2 << 20));
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

/* What it leaves outside is its user's there: nothing may run with that user's rights. */
static int in_setuid_file(void)
{
	int fd = open("/tmp/tool", O_WRONLY | O_CREAT, 0700);

	return fd < 0 ? errno : result(fchmod(fd, 04755));
}

static int in_setgid_by_open(void)
{
	return result(open("/tmp/tool2", O_WRONLY | O_CREAT, 02700));
}

static int in_dots(void)
{
	return result(open("../../../../../../../../root", O_RDONLY));
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
	{"far", in_far, EAFNOSUPPORT},
	{"mptcp", in_mptcp, EAFNOSUPPORT},
	{"netlink", in_netlink, EAFNOSUPPORT},
	{"netlink others", in_netlink_others, EAFNOSUPPORT},
	{"raw", in_raw, EAFNOSUPPORT},
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
	{"reserve", in_reserve, FINE},
	{"hungry", in_hungry, WENT_THROUGH}, /* within the default limit */
	{"big file", in_big_file, WENT_THROUGH},
	{"fork bomb", in_fork_bomb, FINE},
	{"workspace", in_workspace, FINE},
	{"escape", in_escape, ENOENT},
	{"dots", in_dots, ENOENT},
	{"setuid_file", in_setuid_file, EPERM},
	{"setgid_by_open", in_setgid_by_open, EPERM},
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

#endif
