/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flow over a small schema. What is read must be followed to an end: a verdict, or a limit;
 * no class of labels comes about twice.
 */
#include "policy/prove_flow.h"
#include "tests/unit/policy/prove_help.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SCHEMA                                                                                     \
	"entity A; entity D = { s: Set<String>, n: Long, o?: Long };\n"                            \
	"action r, w appliesTo { principal: A, resource: D, context: { s: Set<String>, n: Long, "  \
	"b: Bool } };\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct policy_source src = {STR("flow"), str_make((const char *)data, size)};
	struct prove_flow_result res;
	const struct prove_flow *flow;
	struct proof p;
	struct str file;
	enum err_code code;

	if (size > 4096) {
		return 0;
	}
	ASSERT(proof_begin(&p, SCHEMA,
			   "permit(principal, action, resource) unless { context.n > 5 };\n"
			   "forbid(principal, action == Action::\"w\", resource)\n"
			   "when { context.s.contains(\"x\") };\n",
			   NULL, NULL));
	code = prove_flow_load(&p.a, &src, p.c.schema, &flow, &p.diags, &p.err);
	ASSERT(code == ERR_OK || p.err.msg[0] != '\0');
	if (code == ERR_OK) {
		p.opts.steps = 2000;
		ASSERT(prove_parse(&p.a,
				   STR("unreachable context.s.contains(\"y\") && context.n >= 2"),
				   &p.inv, &file, &p.diags, &p.err) == ERR_OK);
		code = prove_flow(&p.a, &p.c.policies, &p.inv, flow, &p.opts, &res, &p.err);
		ASSERT(code == ERR_OK || code == ERR_LIMIT || code == ERR_NOMEM ||
		       (code == ERR_INVALID && strstr(p.err.msg, "@start")));
	}
	proof_end(&p);
	return 0;
}
