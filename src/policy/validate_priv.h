/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request environments that a policy cannot tell apart. With one action per tool
 * most environments differ only in attributes that the policy does not mention;
 * checking one of them is checking all. Only for validate*.c.
 */
#ifndef POLICY_VALIDATE_PRIV_H
#define POLICY_VALIDATE_PRIV_H

#include "policy/ast.h"
#include "policy/typecheck.h"

enum { VALIDATE_NAMES = 8, VALIDATE_SEEN = 32 };

struct validate_key {
	const struct schema_entity *principal, *resource;
	const struct type *context; /* NULL when only the fields count */
	const struct type_field *fields[VALIDATE_NAMES];
};

/* What a policy looks at, and which environments it was checked in. */
struct validate_uses {
	bool action;                      /* the action itself: every environment counts */
	bool context;                     /* the context as a whole */
	struct str names[VALIDATE_NAMES]; /* else these attributes of it */
	size_t n_names;
	struct validate_key seen[VALIDATE_SEEN];
	size_t n_seen;
};

void validate_uses_collect(struct validate_uses *u, const struct policy *p);

/* Whether an environment that the policy cannot tell from this one was asked for before. */
bool validate_uses_seen(struct validate_uses *u, const struct typecheck_env *env);

#endif
