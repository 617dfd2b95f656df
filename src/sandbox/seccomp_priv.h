/* SPDX-License-Identifier: Apache-2.0 */
/* The table of system calls, shared by the program builder and the printer. */
#ifndef SANDBOX_SECCOMP_PRIV_H
#define SANDBOX_SECCOMP_PRIV_H

#include "sandbox/seccomp.h"

/* Which arguments are looked at; what they must be depends on the spec: see seccomp_checks(). */
enum call_rule {
	RULE_NONE = 0,
	RULE_MMAP,     /* arg 2 */
	RULE_MPROTECT, /* mprotect, pkey_mprotect: arg 2 */
	RULE_CLONE,    /* arg 0 */
	RULE_CLONE3,   /* never, with ENOSYS */
	RULE_SOCKET,   /* socket, socketpair: args 0, 1, 2 */
	RULE_SENDTO,   /* args 3, 4 */
	RULE_SENDMSG,  /* arg 2 */
	RULE_SENDMMSG, /* arg 3 */
	RULE_OPTION,   /* setsockopt: arg 1 */
	RULE_IOCTL,    /* arg 1 */
	RULE_PRCTL,    /* arg 0 */
	RULE_FCNTL,    /* arg 1 */
	RULE_OPEN,     /* open: arg 1 */
	RULE_OPENAT,   /* arg 2 */
	RULE_STATAT,   /* newfstatat: arg 3 */
	RULE_STATX,    /* statx: arg 2 */
	RULE_TGKILL,   /* arg 0 */
	RULE_PRLIMIT,  /* args 0, 2 */
	RULE_MKNOD,    /* arg 1 */
	RULE_MKNODAT,  /* arg 2 */
	RULE_MEMFD,    /* arg 1 */
	RULE_MODE,     /* chmod, fchmod, mkdir, creat: arg 1 */
	RULE_MODEAT,   /* fchmodat, mkdirat: arg 2 */
};

struct seccomp_call {
	const char *name;
	uint16_t nr;
	uint16_t sets; /* CALLS_... that contain it */
	enum call_rule rule;
};

enum check_kind {
	CHECK_BITS_CLEAR, /* no bit of mask */
	CHECK_BITS_SET,   /* at least one bit of mask */
	CHECK_NOT_ALL,    /* not every bit of mask together */
	CHECK_ONE_OF,     /* one of values, after mask when it is not 0 */
	CHECK_NONE_OF,    /* none of values */
	CHECK_ZERO,       /* all 64 bits */
	CHECK_SELF,       /* spec->self */
	CHECK_UNLESS_ROUTE, /* allows at once what FAMILY_ROUTE means; the checks behind it are for the
			       rest */
	CHECK_NEVER,
};

/*
 * Checks see the low 32 bits of an argument but for CHECK_ZERO: all of these
 * arguments are int, unsigned int, or flag words without high bits, and the
 * kernel does not look at the rest either.
 */
struct check {
	uint8_t arg;
	enum check_kind kind;
	uint16_t fails_with; /* errno */
	uint32_t mask;
	const uint32_t *values;
	uint32_t n;
};

enum { SECCOMP_MAX_CHECKS = 4 };

extern const struct seccomp_call seccomp_calls[];
extern const size_t seccomp_n_calls;

/* Writes the checks that `rule` means under this spec; 0 when the call is simply allowed. */
size_t seccomp_checks(const struct seccomp_spec *spec, enum call_rule rule,
		      struct check out[SECCOMP_MAX_CHECKS]);

#endif
