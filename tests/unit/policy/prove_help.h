/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the prover share: a schema and policies from text, a claim, its answer. */
#ifndef TESTS_POLICY_PROVE_HELP_H
#define TESTS_POLICY_PROVE_HELP_H

#include "policy/case.h"
#include "policy/conform.h"
#include "policy/prove.h"
#include "policy/schema_ast.h"

struct proof {
	struct arena a;
	struct policy_diags diags;
	struct policy_source src[4];
	struct policy_case c;
	struct policy_list other;
	struct prove_invariant inv;
	struct prove_opts opts;
	struct prove_result result;
	struct err err;
	enum err_code code;
};

/* NULL leaves out entities and the other policies. Ids are order ids or @id. */
static inline bool proof_begin(struct proof *p, const char *schema, const char *policies,
			       const char *entities, const char *other)
{
	const struct policy_set_opts set_opts = {.ids = POLICY_ID_ORDER};
	struct policy_case_texts texts = {.n_policies = 1};

	*p = (struct proof){0};
	arena_init(&p->a, (size_t)1 << 30);
	policy_diags_init(&p->diags, &p->a);
	p->src[0] = (struct policy_source){STR("schema"), str_from_c(schema)};
	p->src[1] = (struct policy_source){STR("policies"), str_from_c(policies)};
	texts.schema = &p->src[0];
	texts.policies = &p->src[1];
	if (entities) {
		p->src[2] = (struct policy_source){STR("entities"), str_from_c(entities)};
		texts.entities = &p->src[2];
	}
	p->code = policy_case_load(&p->a, &texts, &set_opts, &p->diags, &p->c, &p->err);
	if (!p->code && other) {
		p->src[3] = (struct policy_source){STR("other"), str_from_c(other)};
		p->code = policy_case_policies(&p->a, &p->src[3], POLICY_ID_ORDER, &p->other,
					       &p->diags, &p->err);
	}
	p->opts.schema = p->c.schema;
	p->opts.shrink = true;
	p->opts.store = entities ? p->c.store : NULL;
	return p->code == ERR_OK;
}

static inline void proof_run(struct proof *p, const char *invariant)
{
	struct str file;

	p->result = (struct prove_result){0};
	p->code = prove_parse(&p->a, str_from_c(invariant), &p->inv, &file, &p->diags, &p->err);
	if (!p->code) {
		p->inv.other = file.n > 0 ? &p->other : NULL;
		p->code = prove(&p->a, &p->c.policies, &p->inv, &p->opts, &p->result, &p->err);
	}
}

static inline void proof_end(struct proof *p)
{
	arena_done(&p->a);
}

/* The documents as a request against the schema, as `writ policy eval` reads them. */
static inline bool proof_request(struct arena *a, const struct schema *s, struct str request,
				 struct str entities, struct policy_request *ret)
{
	const struct policy_source req = {STR("request"), request},
				   ent = {STR("entities"), entities};
	struct policy_case c = {.schema = s};
	struct policy_entity *items;
	struct policy_store *store;
	const struct json *doc;
	struct err err = {0};
	size_t n;

	if (policy_case_json(a, &ent, &doc, &err) ||
	    policy_json_entities(a, doc, s, &items, &n, &err) ||
	    conform_entities(s, items, n, &err) || policy_store_build(a, items, n, &store, &err)) {
		return false;
	}
	c.store = store;
	return policy_case_json(a, &req, &doc, &err) == ERR_OK &&
	       policy_case_request(a, &c, doc, true, ret, &err) == ERR_OK;
}

#endif
