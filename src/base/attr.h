/* SPDX-License-Identifier: Apache-2.0 */
/* Compiler attributes and the few macros the whole tree shares. */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#include <stddef.h>

#define MUST_USE        __attribute__((warn_unused_result))
#define PRINTF(fmt, va) __attribute__((format(printf, fmt, va)))
#define NORETURN        __attribute__((noreturn))
#define UNUSED          __attribute__((unused))
#define COLD            __attribute__((cold))
#define LIKELY(x)       __builtin_expect(!!(x), 1)
#define UNLIKELY(x)     __builtin_expect(!!(x), 0)

/* A local that is written before it is read: release builds zero every other one first. */
#define UNSET __attribute__((uninitialized))

/* Declares a variable together with its release: CLEANUP(fd_close) int fd = -1; */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* A broken promise of our own code: aborts this process only. The supervisor restarts it. */
#define ASSERT(cond)                                                                               \
	do {                                                                                       \
		if (UNLIKELY(!(cond))) {                                                           \
			assert_failed(#cond, __FILE__, __LINE__);                                  \
		}                                                                                  \
	} while (0)

NORETURN COLD void assert_failed(const char *cond, const char *file, int line);

#endif
