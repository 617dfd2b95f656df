/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/contract.h"

#include "mcp/pick.h"

static const struct json_schema *compile(struct mcp_contract *c, struct mcp_list *l,
					 struct arena *scratch, struct str text)
{
	const struct json_schema *s = NULL;
	struct err err;

	if (json_schema_compile(&l->arena, scratch, text, &s, &err)) {
		if (!c->why[0]) {
			size_t n = strlen(err.msg);

			memcpy(c->why, err.msg, n < sizeof(c->why) - 1 ? n : sizeof(c->why) - 1);
		}
		return NULL;
	}
	return s;
}

struct mcp_contract *mcp_contract_of(struct mcp_list *tools, struct str name, struct arena *scratch)
{
	static const struct str names[] = {STR_INIT("inputSchema"), STR_INIT("outputSchema")};
	struct mcp_item *item = (struct mcp_item *)(uintptr_t)mcp_list_find(tools, name);
	struct str spans[ARRAY_LEN(names)];
	struct mcp_contract *c;

	if (!item || item->contract) {
		return item ? item->contract : NULL;
	}
	c = ARENA_NEW(&tools->arena, struct mcp_contract);
	if (!c) {
		return NULL;
	}
	/* names that imitate these are refused with the item (mcp/catalogue.c) */
	(void)json_scan_members(item->raw, names, ARRAY_LEN(names), spans, NULL);
	c->has_input = spans[0].p != NULL;
	c->has_output = spans[1].p != NULL;
	c->input = c->has_input ? compile(c, tools, scratch, spans[0]) : NULL;
	c->output = c->has_output ? compile(c, tools, scratch, spans[1]) : NULL;
	item->contract = c;
	return c;
}

static enum mcp_fit check(const struct json_schema *s, struct arena *scratch, struct str value,
			  bool is_ours, struct str *ret_says)
{
	UNSET struct json_schema_fault f;
	enum err_code code;

	if (!s) {
		*ret_says = STR("its schema is one that cannot be checked");
		return MCP_FIT_UNKNOWN;
	}
	code = json_schema_check(s, scratch, value, &f, NULL);
	if (code == ERR_OK) {
		return MCP_FIT_YES;
	}
	if (code != ERR_INVALID) {
		*ret_says = STR("to check it takes too much work");
		return MCP_FIT_UNKNOWN;
	}
	*ret_says = is_ours ? arena_printf(scratch, "at \"%s\": expected %s (%s)", f.path,
					   f.expected, f.keyword)
			    : arena_printf(scratch, "keyword %s", f.keyword);
	return MCP_FIT_NO;
}

enum mcp_fit mcp_contract_input(const struct mcp_contract *c, struct arena *scratch,
				struct str arguments, struct str *ret_says)
{
	if (!c->has_input) {
		return MCP_FIT_YES;
	}
	return check(c->input, scratch, arguments.p ? arguments : STR("{}"), true, ret_says);
}

enum mcp_fit mcp_contract_output(const struct mcp_contract *c, struct arena *scratch,
				 struct str result, struct str *ret_says)
{
	static const struct str names[] = {STR_INIT("structuredContent"), STR_INIT("isError")};
	struct str spans[ARRAY_LEN(names)];

	if (!c->has_output) {
		return MCP_FIT_YES;
	}
	if (!mcp_pick(scratch, result, names, ARRAY_LEN(names), spans)) {
		*ret_says = STR("a name that imitates one of the protocol");
		return MCP_FIT_NO;
	}
	/* MCP 2025-11-25 server/tools: an error need not have what the schema describes */
	if (!spans[0].p || str_eq(spans[1], STR("true"))) {
		return MCP_FIT_YES;
	}
	return check(c->output, scratch, spans[0], false, ret_says);
}
