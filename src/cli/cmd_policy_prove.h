/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `writ policy prove`. */
#ifndef CLI_CMD_POLICY_PROVE_H
#define CLI_CMD_POLICY_PROVE_H

#include "cli/cmd_policy.h"
#include "policy/case.h"
#include "policy/prove_flow.h"
#include "policy/prove_temporal.h"

#define PROVE_MEMORY_MAX ((size_t)2 << 30)
#define PROVE_INVARIANTS 64

struct prove_args {
	struct opt_list policies, words;
	const char *schema, *entities, *ids, *events, *providers, *macros, *flow;
	uint64_t steps;
	bool complete, closed, json;
};

struct question {
	struct str text;
	struct str file; /* of `other`, or empty */
	struct prove_invariant inv;
	struct policy_list other;
	struct prove_result result;
	const struct prove_step *steps; /* with a flow: what comes before the request */
	size_t n_steps, n_states;
};

struct prover {
	const struct prove_args *args;
	struct arena a;
	struct policy_diags diags;
	struct policy_list policies;
	struct policy_case world;          /* its schema and store */
	const struct dw_program *temporal; /* NULL: plain Cedar */
	struct prove_never *facts;
	size_t n_facts;
	const struct prove_flow *flow; /* NULL: one request by itself */
	bool invalid;                  /* policies that do not pass strict validation */
	struct question items[PROVE_INVARIANTS];
	size_t n;
	uint64_t next_word; /* when progress is shown again */
};

/* cmd_policy_prove_load.c: everything that is read. Reports into p->diags too. */
enum err_code prover_load(struct prover *p, struct err *err) MUST_USE;

#endif
