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

enum { VALIDATE_PATHS = 8, VALIDATE_STEPS = 6, VALIDATE_SEEN = 32, VALIDATE_MISSES = 128 };

/* context.a.b as {a, b}: a longer one is cut, which only makes it less special. */
struct validate_path {
	struct str names[VALIDATE_STEPS];
	uint32_t n;
	bool presence; /* only asked whether the last one is there */
};

/* What a path is in one environment. */
struct validate_found {
	const struct type *type; /* at its end or at the first that is no record; NULL: absent */
	uint32_t steps;          /* attributes found on the way */
	uint32_t required;       /* one bit for each */
};

struct validate_key {
	const struct schema_entity *principal, *resource;
	const struct type *context; /* NULL when only the paths count */
	struct validate_found found[VALIDATE_PATHS];
};

/* What a policy looks at, and which environments it was checked in. */
struct validate_uses {
	bool action;  /* the action itself: every environment counts */
	bool context; /* the context as a whole */
	struct validate_path paths[VALIDATE_PATHS]; /* else these attributes of it */
	size_t n_paths;
	struct validate_key seen[VALIDATE_SEEN];
	size_t n_seen, n_misses;
};

void validate_uses_collect(struct validate_uses *u, const struct policy *p);

/* Whether an environment that the policy cannot tell from this one was asked for before. */
bool validate_uses_seen(struct validate_uses *u, const struct typecheck_env *env);

#endif
