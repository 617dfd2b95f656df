/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of schemas share: loading one text. */
#ifndef TESTS_UNIT_POLICY_SCHEMA_HELP_H
#define TESTS_UNIT_POLICY_SCHEMA_HELP_H

#include "tests/unit/policy/vectors.h"

#include "policy/schema_ast.h"

struct loaded {
	struct arena a;
	struct policy_source src;
	struct policy_diags diags;
	const struct schema *s;
	struct err err;
	enum err_code code;
};

static inline void load(struct loaded *l, struct str text)
{
	*l = (struct loaded){.src = {.name = STR("s.cedarschema"), .text = text}};
	arena_init(&l->a, 64u << 20);
	policy_diags_init(&l->diags, &l->a);
	l->code = schema_load(&l->a, &l->src, &l->s, &l->diags, &l->err);
}

static inline void unload(struct loaded *l)
{
	arena_done(&l->a);
}

#endif
