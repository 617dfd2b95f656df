/* SPDX-License-Identifier: Apache-2.0 */
/* What the argument rules mean under a given spec. */
#include "sandbox/seccomp_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* In Linux since 5.17; Debian 12 keeps it out of sys/prctl.h. */
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

static const uint32_t families_unix[] = {AF_UNIX};
static const uint32_t families_inet[] = {AF_INET, AF_INET6};
static const uint32_t families_both[] = {AF_UNIX, AF_INET, AF_INET6};
static const uint32_t socket_types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
static const uint32_t socket_protocols[] = {0, IPPROTO_TCP, IPPROTO_UDP};
static const uint32_t option_levels[] = {SOL_SOCKET, IPPROTO_IP, IPPROTO_TCP, IPPROTO_IPV6};
static const uint32_t role_ioctls[] = {FIONREAD, FIONBIO, FIOCLEX, TCGETS};
static const uint32_t monitor_ioctls[] = {SECCOMP_IOCTL_NOTIF_RECV, SECCOMP_IOCTL_NOTIF_SEND,
					  SECCOMP_IOCTL_NOTIF_ID_VALID, SECCOMP_IOCTL_NOTIF_ADDFD};
static const uint32_t terminal_injection[] = {UAPI_TIOCSTI, UAPI_TIOCLINUX};
static const uint32_t role_prctls[] = {PR_SET_NAME, PR_GET_NAME, PR_SET_VMA, PR_GET_DUMPABLE};
static const uint32_t program_prctls[] = {
	PR_SET_NAME,           PR_GET_NAME,         PR_SET_VMA,
	PR_GET_DUMPABLE,       PR_SET_DUMPABLE,     PR_SET_PDEATHSIG,
	PR_GET_PDEATHSIG,      PR_GET_NO_NEW_PRIVS, PR_SET_NO_NEW_PRIVS,
	PR_GET_TIMERSLACK,     PR_SET_TIMERSLACK,   PR_GET_SECCOMP,
	PR_SET_THP_DISABLE,    PR_GET_THP_DISABLE,  PR_CAPBSET_READ,
	PR_GET_KEEPCAPS,       PR_GET_TID_ADDRESS,  PR_GET_CHILD_SUBREAPER,
	PR_SET_CHILD_SUBREAPER};
/* The last only for who splices: what pipes could hold is counted against their user. */
static const uint32_t role_fcntls[] = {
	F_DUPFD_CLOEXEC, F_GETFD,     F_SETFD,     F_GETFL,     F_SETFL,     F_GETLK,     F_SETLK,
	F_SETLKW,        F_OFD_GETLK, F_OFD_SETLK, F_ADD_SEALS, F_GET_SEALS, F_SETPIPE_SZ};
static const uint32_t no_device_types[] = {0, S_IFREG, S_IFIFO, S_IFSOCK};

#define LIST(values_) .values = (values_), .n = ARRAY_LEN(values_)

static size_t check_socket(const struct seccomp_spec *spec, struct check *out)
{
	static const struct {
		const uint32_t *values;
		uint32_t n;
	} families[] = {
		[FAMILY_UNIX] = {LIST(families_unix)},
		[FAMILY_INET] = {LIST(families_inet)},
		[FAMILY_UNIX | FAMILY_INET] = {LIST(families_both)},
	};
	unsigned which = spec->families & (FAMILY_UNIX | FAMILY_INET);
	size_t n = 0;

	if (spec->families & FAMILY_ROUTE) {
		out[n++] = (struct check){.kind = CHECK_UNLESS_ROUTE};
	}
	if (which == 0) {
		out[n++] = (struct check){.kind = CHECK_NEVER, .fails_with = EAFNOSUPPORT};
		return n;
	}
	out[n++] = (struct check){.kind = CHECK_ONE_OF,
				  .arg = 0,
				  .values = families[which].values,
				  .n = families[which].n,
				  .fails_with = EAFNOSUPPORT};
	/* The type's high bits are SOCK_CLOEXEC and SOCK_NONBLOCK. */
	out[n++] = (struct check){.kind = CHECK_ONE_OF,
				  .arg = 1,
				  .mask = 0xf,
				  LIST(socket_types),
				  .fails_with = EPROTONOSUPPORT};
	/* Above all not MPTCP (262), which Landlock's TCP rules do not see. */
	out[n++] = (struct check){.kind = CHECK_ONE_OF,
				  .arg = 2,
				  LIST(socket_protocols),
				  .fails_with = EPROTONOSUPPORT};
	return n;
}

/* Fast open connects without connect(2), so Landlock does not see it either. */
static size_t check_send(const struct seccomp_spec *spec, enum call_rule rule, struct check *out)
{
	out[0] = (struct check){.kind = CHECK_BITS_CLEAR,
				.arg = rule == RULE_SENDMSG ? 2 : 3,
				.mask = UAPI_MSG_FASTOPEN,
				.fails_with = EPERM};
	if (rule == RULE_SENDTO && !(spec->calls & CALLS_DIAL)) {
		out[1] = (struct check){.kind = CHECK_ZERO, .arg = 4, .fails_with = EPERM};
		return 2;
	}
	return 1;
}

static size_t check_memory(const struct seccomp_spec *spec, enum call_rule rule, struct check *out)
{
	switch (spec->exec) {
	case EXEC_ANY:
	case EXEC_MEMFD:
		return 0;
	case EXEC_FILES:
		if (rule == RULE_MMAP) {
			out[0] = (struct check){.kind = CHECK_NOT_ALL,
						.arg = 2,
						.mask = PROT_WRITE | PROT_EXEC,
						.fails_with = EACCES};
			return 1;
		}
		break;
	case EXEC_NEVER:
		break;
	}
	out[0] = (struct check){
		.kind = CHECK_BITS_CLEAR, .arg = 2, .mask = PROT_EXEC, .fails_with = EACCES};
	return 1;
}

/*
 * Files that a sandboxed program leaves in a writable folder are its user's outside, maybe root's: none
 * may run there with that user's rights for whoever starts it.
 */
static size_t check_mode(unsigned arg, struct check *out)
{
	out[0] = (struct check){.kind = CHECK_BITS_CLEAR,
				.arg = (uint8_t)arg,
				.mask = S_ISUID | S_ISGID,
				.fails_with = EPERM};
	return 1;
}

static size_t check_open(const struct seccomp_spec *spec, enum call_rule rule, struct check *out)
{
	if (spec->calls & CALLS_WRITE) {
		/* Without O_CREAT libc passes 0. */
		return check_mode(rule == RULE_OPEN ? 2 : 3, out);
	}
	/* O_TMPFILE needs a write mode, so these three cover it. */
	out[0] = (struct check){.kind = CHECK_BITS_CLEAR,
				.arg = rule == RULE_OPEN ? 1 : 2,
				.mask = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC,
				.fails_with = EACCES};
	return 1;
}

static size_t check_stat(const struct seccomp_spec *spec, enum call_rule rule, struct check *out)
{
	if (spec->calls & (CALLS_READ | CALLS_WRITE)) {
		return 0;
	}
	/* fstat() of glibc is newfstatat(fd, "", AT_EMPTY_PATH). */
	out[0] = (struct check){.kind = CHECK_BITS_SET,
				.arg = rule == RULE_STATX ? 2 : 3,
				.mask = AT_EMPTY_PATH,
				.fails_with = EACCES};
	return 1;
}

static size_t check_clone(const struct seccomp_spec *spec, struct check *out)
{
	if (spec->calls & CALLS_CONTAIN) {
		return 0;
	}
	out[0] = (struct check){
		.kind = CHECK_BITS_CLEAR, .mask = UAPI_CLONE_NAMESPACES, .fails_with = EPERM};
	if (!(spec->calls & CALLS_CHILD)) {
		out[1] = (struct check){
			.kind = CHECK_BITS_SET, .mask = 0x10000 /* thread */, .fails_with = EPERM};
		return 2;
	}
	return 1;
}

static size_t check_prlimit(const struct seccomp_spec *spec, struct check *out)
{
	if (spec->calls & CALLS_CONTAIN) {
		return 0;
	}
	if (spec->calls & CALLS_PROGRAM) {
		/* Its own limits, downwards: the kernel sees to that without CAP_SYS_RESOURCE. */
		out[0] = (struct check){.kind = CHECK_ZERO, .arg = 0, .fails_with = EPERM};
		return 1;
	}
	out[0] = (struct check){.kind = CHECK_ZERO, .arg = 0, .fails_with = EPERM};
	out[1] = (struct check){.kind = CHECK_ZERO, .arg = 2, .fails_with = EPERM};
	return 2;
}

static size_t check_one_of(struct check *out, unsigned arg, const uint32_t *values, uint32_t n,
			   int fails_with)
{
	out[0] = (struct check){.kind = CHECK_ONE_OF,
				.arg = (uint8_t)arg,
				.values = values,
				.n = n,
				.fails_with = (uint16_t)fails_with};
	return 1;
}

static size_t check_ioctl(const struct seccomp_spec *spec, struct check *out)
{
	if (spec->calls & CALLS_WATCH) {
		return check_one_of(out, 1, monitor_ioctls, ARRAY_LEN(monitor_ioctls), ENOTTY);
	}
	if (!(spec->calls & CALLS_PROGRAM)) {
		return check_one_of(out, 1, role_ioctls, ARRAY_LEN(role_ioctls), ENOTTY);
	}
	/* The kernel takes the command as 32 bits, so high bits cannot hide these two. */
	out[0] = (struct check){
		.kind = CHECK_NONE_OF, .arg = 1, LIST(terminal_injection), .fails_with = EPERM};
	return 1;
}

static size_t check_fcntl(const struct seccomp_spec *spec, struct check *out)
{
	const unsigned splices = CALLS_LOOP | CALLS_SOCKET;
	uint32_t n = ARRAY_LEN(role_fcntls);

	return spec->calls & CALLS_PROGRAM
		       ? 0
		       : check_one_of(out, 1, role_fcntls,
				      (spec->calls & splices) == splices ? n : n - 1, EINVAL);
}

static size_t check_prctl(const struct seccomp_spec *spec, struct check *out)
{
	if (spec->calls & CALLS_CONTAIN) {
		return 0;
	}
	if (spec->calls & CALLS_PROGRAM) {
		return check_one_of(out, 0, program_prctls, ARRAY_LEN(program_prctls), EINVAL);
	}
	return check_one_of(out, 0, role_prctls, ARRAY_LEN(role_prctls), EINVAL);
}

/*
 * A memfd lies on no mount that could forbid executing or mapping it so: without
 * run-time code there is none, else only what is sealed against execve.
 */
static size_t check_memfd(const struct seccomp_spec *spec, struct check *out)
{
	if (spec->calls & CALLS_CONTAIN) {
		return 0;
	}
	if (spec->exec == EXEC_MEMFD) {
		out[0] = (struct check){.kind = CHECK_BITS_CLEAR,
					.arg = 1,
					.mask = UAPI_MFD_EXEC,
					.fails_with = EACCES};
		return 1;
	}
	out[0] = spec->exec == EXEC_ANY ? (struct check){.kind = CHECK_BITS_SET,
							 .arg = 1,
							 .mask = UAPI_MFD_NOEXEC_SEAL,
							 .fails_with = EACCES}
					: (struct check){.kind = CHECK_NEVER, .fails_with = ENOSYS};
	return 1;
}

static size_t check_mknod(enum call_rule rule, struct check *out)
{
	out[0] = (struct check){.kind = CHECK_ONE_OF,
				.arg = rule == RULE_MKNOD ? 1 : 2,
				.mask = S_IFMT,
				LIST(no_device_types),
				.fails_with = EPERM};
	return 1 + check_mode(rule == RULE_MKNOD ? 1 : 2, &out[1]);
}

size_t seccomp_checks(const struct seccomp_spec *spec, enum call_rule rule,
		      struct check out[SECCOMP_MAX_CHECKS])
{
	switch (rule) {
	case RULE_NONE:
		return 0;
	case RULE_MMAP:
	case RULE_MPROTECT:
		return check_memory(spec, rule, out);
	case RULE_CLONE:
		return check_clone(spec, out);
	case RULE_CLONE3:
		out[0] = (struct check){.kind = CHECK_NEVER, .fails_with = ENOSYS};
		return 1;
	case RULE_SOCKET:
		return check_socket(spec, out);
	case RULE_SENDTO:
	case RULE_SENDMSG:
	case RULE_SENDMMSG:
		return check_send(spec, rule, out);
	case RULE_OPTION:
		return check_one_of(out, 1, option_levels, ARRAY_LEN(option_levels), ENOPROTOOPT);
	case RULE_IOCTL:
		return check_ioctl(spec, out);
	case RULE_PRCTL:
		return check_prctl(spec, out);
	case RULE_FCNTL:
		return check_fcntl(spec, out);
	case RULE_OPEN:
	case RULE_OPENAT:
		return check_open(spec, rule, out);
	case RULE_STATAT:
	case RULE_STATX:
		return check_stat(spec, rule, out);
	case RULE_TGKILL:
		out[0] = (struct check){.kind = CHECK_SELF, .fails_with = EPERM};
		return spec->self && !(spec->calls & CALLS_CHILD) ? 1 : 0;
	case RULE_PRLIMIT:
		return check_prlimit(spec, out);
	case RULE_MKNOD:
	case RULE_MKNODAT:
		return check_mknod(rule, out);
	case RULE_MEMFD:
		return check_memfd(spec, out);
	case RULE_MODE:
		return check_mode(1, out);
	case RULE_MODEAT:
		return check_mode(2, out);
	}
	return 0;
}
