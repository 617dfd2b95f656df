/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canonical JSON, as far as the ledger needs it: RFC 8785 for objects whose
 * keys are known and written in order, strings, lists of strings, and integers
 * from 0 to 2^53 - 1. One value has exactly one encoding, so equal bytes and
 * equal meaning are the same thing and a hash of the bytes is a hash of both.
 *
 * Strings are UTF-8; only '"', '\\' and control characters are escaped, in the
 * shortest form RFC 8785 section 3.2.2.2 names.
 *
 * The reader is a cursor with a sticky error: it accepts only what the writer
 * writes.
 */
#ifndef LEDGER_CANON_H
#define LEDGER_CANON_H

#include "base/arena.h"
#include "base/buf.h"

#define CANON_INT_MAX ((UINT64_C(1) << 53) - 1)

/* Most bytes canon_put_string writes for a text of n bytes, and canon_put_u64 ever. */
#define CANON_STRING_MAX(n) (6 * (n) + 2)
enum { CANON_INT_LEN = 20 };

/* Both return the end of what was written; NULL when s is not UTF-8. */
char *canon_put_string(char *to, struct str s) MUST_USE;
char *canon_put_u64(char *to, uint64_t v) MUST_USE;

struct canon_in {
	const char *p;
	size_t n, at; /* `at` stands where the error is once `bad` is set */
	bool bad;
};

/* The next bytes are exactly `s`: steps over them. False, without an error, when they are not. */
bool canon_take(struct canon_in *in, struct str s) MUST_USE;

/* The same, but anything else is an error. */
void canon_expect(struct canon_in *in, struct str s);

/* A string, borrowed from the input or, when it has escapes, in the arena. */
struct str canon_get_string(struct canon_in *in, struct arena *a);
uint64_t canon_get_u64(struct canon_in *in);

#endif
