/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts at privileges, at the kernel itself, and at the caller. */
#include "sandbox/probe_priv.h"
#include "sys/uapi_seccomp.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

int probe_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2] = {{0}};

	if (syscall(SYS_capget, &head, caps) < 0) {
		return errno;
	}
	for (int i = 0; i < 2; i++) {
		if (caps[i].effective || caps[i].permitted || caps[i].inheritable) {
			return PROBE_POSSIBLE;
		}
	}
	return EPERM;
}

int probe_new_privileges(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? EPERM : PROBE_POSSIBLE;
}

int probe_become_root(void)
{
	if (getuid() == 0 || geteuid() == 0) {
		return PROBE_POSSIBLE;
	}
	return probe_result(setuid(0));
}

int probe_bpf(void)
{
	return probe_result(syscall(SYS_bpf, 0, NULL, 0));
}

int probe_perf(void)
{
	return probe_result(syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0));
}

int probe_userfaultfd(void)
{
	return probe_result(syscall(SYS_userfaultfd, 1 /* user mode only */));
}

int probe_io_uring(void)
{
	char params[128] = {0};

	return probe_result(syscall(SYS_io_uring_setup, 1, params));
}

int probe_modules(void)
{
	int answer = probe_result(syscall(SYS_finit_module, -1, "", 0));

	/* A descriptor that is none would be found only behind the check for the privilege. */
	return answer == EBADF ? PROBE_POSSIBLE : answer;
}

int probe_reboot(void)
{
	return probe_result(syscall(SYS_reboot, 0, 0, 0, NULL));
}

int probe_clock(void)
{
	/* The time zone that the kernel is told is the same part of the clock, and nobody's loss. */
	return probe_result(settimeofday(NULL, &(struct timezone){0}));
}

int probe_host_name(void)
{
	char name[65] = {0};

	(void)gethostname(name, sizeof(name) - 1);
	return probe_result(sethostname(name, strlen(name)));
}

int probe_ports(void)
{
#ifdef __x86_64__
	return probe_result(syscall(SYS_iopl, 3));
#else
	return PROBE_SKIPPED;
#endif
}

int probe_personality(void)
{
	return probe_result(personality(ADDR_NO_RANDOMIZE));
}

int probe_second_filter(void)
{
	return probe_result(syscall(SYS_seccomp, 1, 0, NULL)) == EFAULT
		       ? PROBE_POSSIBLE
		       : probe_result(syscall(SYS_seccomp, 1, 0, NULL));
}

int probe_x32(void)
{
#ifdef __x86_64__
	return probe_result(syscall((long)UAPI_X32_BIT | SYS_getpid));
#else
	return PROBE_SKIPPED;
#endif
}

int probe_int80(void)
{
#ifdef __x86_64__
	long r = 20; /* getpid of i386 */

	__asm__ volatile("int $0x80" : "+a"(r) : : "memory", "r8", "r9", "r10", "r11");
	return r < 0 ? (int)-r : PROBE_POSSIBLE;
#else
	return PROBE_SKIPPED;
#endif
}

int probe_type_into_terminal(void)
{
	int answer = probe_result(ioctl(STDIN_FILENO, UAPI_TIOCSTI, "x"));

	return answer == ENOTTY ? PROBE_POSSIBLE : answer; /* only its not being one refused it */
}

int probe_console(void)
{
	int answer = probe_result(ioctl(STDIN_FILENO, UAPI_TIOCLINUX, "\2"));

	return answer == ENOTTY ? PROBE_POSSIBLE : answer;
}

int probe_write_exec_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	return p == MAP_FAILED ? errno : PROBE_POSSIBLE;
}

int probe_exec_memfd(void)
{
	return probe_result(syscall(SYS_memfd_create, "x", MFD_CLOEXEC));
}

int probe_core(void)
{
	struct rlimit core;

	return getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0 ? EPERM : PROBE_POSSIBLE;
}

int probe_caller_environment(void)
{
	return getenv(PROBE_SECRET) ? PROBE_POSSIBLE : ENOENT;
}

int probe_log(void)
{
	return probe_result(klogctl(10, NULL, 0));
}

int probe_fanotify(void)
{
	return probe_result(syscall(SYS_fanotify_init, 0, 0));
}
