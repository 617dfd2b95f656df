/* SPDX-License-Identifier: Apache-2.0 */
/* What both schema targets ask of a document that could be read. */
#ifndef TESTS_FUZZ_POLICY_SCHEMA_ORACLE_H
#define TESTS_FUZZ_POLICY_SCHEMA_ORACLE_H

#include "policy/schema_ast.h"

#define SCHEMA_FUZZ_MAX                                                                            \
	(32u << 10) /* longer inputs meet limits that the two syntaxes do not share */

static inline enum err_code schema_oracle_print(struct arena *a, const struct schema_doc *doc,
						struct str *ret)
{
	struct err err;
	struct buf out;
	enum err_code code;

	buf_init(&out, 8u << 20);
	code = schema_print(&out, doc, &err);
	if (!code) {
		*ret = arena_dup(a, buf_str(&out));
		ASSERT(ret->p || out.end == 0);
	}
	buf_done(&out);
	return code;
}

/* Reading what was printed and printing it again changes nothing, nor does resolving twice. */
static inline void schema_oracle_check(struct arena *a, struct schema_doc *doc)
{
	struct str once, twice;
	struct policy_source src = {.name = STR("printed")};
	struct schema_doc *again;
	const struct schema *s[3] = {0};
	struct err err;
	enum err_code code = schema_resolve(a, &doc, 1, &s[0], NULL, &err);

	ASSERT(code == schema_resolve(a, &doc, 1, &s[1], NULL, &err));
	ASSERT(code ||
	       (s[0]->n_entities == s[1]->n_entities && s[0]->n_actions == s[1]->n_actions));
	if (schema_oracle_print(a, doc, &once)) {
		return;
	}
	src.text = once;
	ASSERT(schema_parse(a, &src, &again, NULL, &err) == ERR_OK);
	ASSERT(schema_oracle_print(a, again, &twice) == ERR_OK && str_eq(once, twice));
	if (code == ERR_OK) {
		ASSERT(schema_resolve(a, &again, 1, &s[2], NULL, &err) == ERR_OK);
		ASSERT(s[0]->n_entities == s[2]->n_entities);
		ASSERT(s[0]->n_actions == s[2]->n_actions);
	}
}

#endif
