/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line with an invariant, then policies. The prover must come to an end, and no
 * random request may break what it called proved.
 */
#include "tests/unit/policy/prove_help.h"
#include "tests/unit/policy/prove_random.h"

#include <stdlib.h>

enum { WORLDS = 24 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool breaks(const struct proof *p, const struct policy_request *req, struct arena *scratch)
{
	struct policy_decision d;
	struct policy_env env = {.principal = req->principal,
				 .action = req->action,
				 .resource = req->resource,
				 .context = req->context,
				 .store = req->store,
				 .scratch = scratch};
	bool asked = true;

	policy_env_prepare(&env);
	if (p->inv.query && (policy_eval_policy(&env, p->inv.query, &asked).code || !asked)) {
		return false;
	}
	policy_decide_reference(p->c.set, req, scratch, &d);
	return p->inv.claim == PROVE_ALWAYS_ALLOWS   ? !d.allow
	       : p->inv.claim == PROVE_ALWAYS_DENIES ? d.allow
	       : p->inv.claim == PROVE_NEVER_ERRORS  ? d.errors.n > 0
						     : false;
}

static void check(const struct proof *p, uint64_t seed)
{
	struct random_source r = {seed | 1};
	struct buf req, ent;
	struct arena a;

	arena_init(&a, 64u << 20);
	buf_init(&req, 1 << 20);
	buf_init(&ent, 1 << 20);
	for (int i = 0; i < WORLDS; i++) {
		struct policy_request q;

		arena_reset(&a);
		buf_clear(&req);
		buf_clear(&ent);
		prove_random_request(&r, &req);
		prove_random_entities(&r, &ent, 5);
		if (!proof_request(&a, p->c.schema, buf_str(&req), buf_str(&ent), &q) ||
		    breaks(p, &q, &a)) {
			abort();
		}
	}
	buf_done(&req);
	buf_done(&ent);
	arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proof p;
	char *text, *policies;
	uint64_t seed = size;

	if (size > 4096 || !(text = malloc(size + 1))) {
		return 0;
	}
	for (size_t i = 0; i < size; i++) {
		text[i] = data[i] ? (char)data[i] : ' ';
		seed = seed * 31 + data[i];
	}
	text[size] = '\0';
	policies = strchr(text, '\n');
	if (policies) {
		*policies++ = '\0';
	}
	if (proof_begin(&p, PROVE_SCHEMA, policies ? policies : "", NULL,
			policies ? policies : "")) {
		p.opts.steps = 3000;
		proof_run(&p, text);
		if (!p.code && p.result.verdict == PROVE_HOLDS) {
			check(&p, seed);
		}
	}
	proof_end(&p);
	free(text);
	return 0;
}
