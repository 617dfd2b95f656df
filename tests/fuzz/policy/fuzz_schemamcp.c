/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line with tools, a line with arguments. Oracle: tools that were taken make a
 * schema that resolves, prints and reads back; arguments that were read have the
 * type that the schema declares for them.
 */
#include <stdint.h>

#include "policy/conform.h"
#include "policy/schema_mcp.h"
#include "tests/fuzz/policy/schema_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_arguments(struct arena *a, const struct schema_mcp *m, const struct schema *s,
			    struct str text)
{
	const struct json *j;
	struct policy_value v;
	struct err err;

	if (json_parse(a, text, NULL, &j, &err)) {
		return;
	}
	for (size_t i = 0; i < m->n_tools; i++) {
		const struct schema_action *act =
			schema_action_find(s, STR("W::Action"), m->tools[i].action);
		const struct type_field *f = type_field_find(act->context, STR("input"));

		if (schema_mcp_read(a, m->tools[i].input, j, &v, &err) == ERR_OK) {
			ASSERT(conform_value(s, f->type, v, &err) == ERR_OK);
		}
	}
}

static void check_tools(struct arena *a, const struct schema_mcp *m, struct str arguments)
{
	static const struct policy_source base_src = {
		STR_INIT("base"), STR_INIT("namespace W { entity A; action call_tool; }")};
	struct schema_doc *docs[2];
	const struct schema *s;
	struct err err;

	ASSERT(schema_parse(a, &base_src, &docs[0], NULL, &err) == ERR_OK);
	if (schema_mcp_doc(m, &docs[1], &err) == ERR_LIMIT) {
		return;
	}
	ASSERT(schema_resolve(a, docs, 2, &s, NULL, &err) == ERR_OK);
	schema_oracle_check(a, docs[1]);
	check_arguments(a, m, s, arguments);
}

static void one_mode(struct str tools, struct str arguments, bool plain)
{
	static const struct str target = STR_INIT("A");
	const struct schema_mcp_opts opts = {
		.ns = STR("W"),
		.group = STR("call_tool"),
		.principals = &target,
		.n_principals = 1,
		.resources = &target,
		.n_resources = 1,
		.outputs = true,
		.plain = plain,
	};
	const struct json *j;
	struct schema_mcp m;
	struct arena a;
	struct err err;

	arena_init(&a, 256u << 20);
	schema_mcp_init(&m, &a, &opts);
	if (json_parse(&a, tools, NULL, &j, &err) == ERR_OK &&
	    schema_mcp_add(&m, STR("s"), j, &err) == ERR_OK) {
		check_tools(&a, &m, plain ? STR("") : arguments);
	}
	arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str rest = str_make((const char *)data, n), tools = str_cut(&rest, '\n');

	if (n <= SCHEMA_FUZZ_MAX) {
		one_mode(tools, rest, false);
		one_mode(tools, rest, true);
	}
	return 0;
}
