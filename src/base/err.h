/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors as values: a code to branch on and a record to read. Reporting an
 * error allocates nothing, so it works out of memory, between fork and exec,
 * and under seccomp. On failure a function has written no output parameter.
 *
 * `err` may be NULL when the caller only wants the code. The text is for the
 * operator: messages to peers come from fixed tables, never from err->msg.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/attr.h"

enum err_code {
	ERR_OK = 0,
	ERR_NOMEM,       /* allocation failed or an arena reached its limit */
	ERR_SYS,         /* a system call failed: sys_errno says how */
	ERR_SYNTAX,      /* input does not follow its grammar */
	ERR_INVALID,     /* well formed, but not allowed where it stands */
	ERR_LIMIT,       /* a stated limit was reached */
	ERR_NOT_FOUND,   /* the thing asked for does not exist */
	ERR_EXISTS,      /* the thing to be made already exists */
	ERR_DENIED,      /* a policy or a privilege says no: a result, not a fault */
	ERR_AGAIN,       /* not now: more input or another event is needed */
	ERR_CLOSED,      /* the peer is gone */
	ERR_TIMEOUT,     /* a deadline passed */
	ERR_CORRUPT,     /* stored data fails its own integrity check */
	ERR_UNSUPPORTED, /* this build or this kernel cannot do it */
	ERR_CODE_MAX
};

struct err {
	enum err_code code;
	int sys_errno;     /* errno when code is ERR_SYS, else 0 */
	const char *where; /* "file:line" of the first report; static storage */
	char msg[232];     /* always NUL-terminated; truncated, never NULL */
};

#define ERR_STRINGIFY_(x) #x
#define ERR_STRINGIFY(x)  ERR_STRINGIFY_(x)
#define ERR_HERE          __FILE__ ":" ERR_STRINGIFY(__LINE__)

/* return ERR(err, ERR_LIMIT, "offset %zu: nesting deeper than %d", at, max); */
#define ERR(err, code, ...) err_set((err), (code), 0, ERR_HERE, __VA_ARGS__)

/* return ERR_ERRNO(err, "open %s", path);  appends ": " and strerror(errno). */
#define ERR_ERRNO(err, ...) err_set_errno((err), ERR_HERE, __VA_ARGS__)

/* The one macro that returns: TRY(policy_check(a, ast, &rules, err)); */
#define TRY(call)                                                                                  \
	do {                                                                                       \
		enum err_code try_ = (call);                                                       \
		if (UNLIKELY(try_)) {                                                              \
			return try_;                                                               \
		}                                                                                  \
	} while (0)

enum err_code err_set(struct err *err, enum err_code code, int sys_errno, const char *where,
		      const char *fmt, ...) PRINTF(5, 6) COLD;
enum err_code err_set_errno(struct err *err, const char *where, const char *fmt, ...)
	PRINTF(3, 4) COLD;

/* Puts outer context in front of the message: "loading policy: ...". Keeps the code. */
void err_wrap(struct err *err, const char *fmt, ...) PRINTF(2, 3) COLD;

/* The code's name, as "limit"; static storage. */
const char *err_code_name(enum err_code code);

/* Spells that a result is ignored on purpose; say why beside it. */
static inline void err_ignore(enum err_code code)
{
	(void)code;
}

#endif
