/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the parts of the type checker; nobody else includes it. */
#ifndef POLICY_TYPECHECK_PRIV_H
#define POLICY_TYPECHECK_PRIV_H

#include "policy/typecheck.h"

/* One thing known to be present: `expr has attr`, or expr.hasTag(tag) when tag is not NULL. */
struct typecheck_cap {
	const struct policy_expr *expr;
	struct str attr;
	const struct policy_expr *tag;
	uint64_t hash;
};

struct typecheck_cap typecheck_cap_attr(const struct policy_expr *e, struct str attr);
struct typecheck_cap typecheck_cap_tag(const struct policy_expr *e, const struct policy_expr *tag);

/* NULL also when out of memory (then tc->code is set). */
const struct typecheck_caps *typecheck_caps_one(struct typecheck *tc, struct typecheck_cap cap);
const struct typecheck_caps *typecheck_caps_both(struct typecheck *tc,
						 const struct typecheck_caps *a,
						 const struct typecheck_caps *b);
bool typecheck_caps_have(const struct typecheck_caps *set, const struct typecheck_cap *cap);

/*
 * Reports an error about `e`, once however many environments show it, and says
 * in which environment. Returns the type that stands for an error.
 */
const struct type *typecheck_error(struct typecheck *tc, const struct policy_expr *e,
				   const char *fmt, ...) PRINTF(3, 4);

/* Adds a help line to the error just reported, unless that was a repetition. */
void typecheck_help(struct typecheck *tc, const char *fmt, ...) PRINTF(2, 3);

/* A type's text for a message, in scratch memory. */
struct str typecheck_text(struct typecheck *tc, const struct type *t);

/* An expression as one would write it, in scratch memory. */
struct str typecheck_source(struct typecheck *tc, const struct policy_expr *e);

/* Remembers that the work cannot go on. */
const struct type *typecheck_stop(struct typecheck *tc, enum err_code code);

/* Calls of functions and methods. */
struct typecheck_result typecheck_call(struct typecheck *tc, const struct policy_expr *e,
				       const struct typecheck_caps *known);

/* lub, NULL with a report at `e` when there is none; NONE when either is NONE. */
const struct type *typecheck_lub(struct typecheck *tc, const struct policy_expr *e,
				 const struct type *a, const struct type *b);

/* Reports unless `got` is of the kind; false then, and also (silently) when got is NONE. */
bool typecheck_want(struct typecheck *tc, const struct policy_expr *e, const struct type *got,
		    enum type_kind kind);

#endif
