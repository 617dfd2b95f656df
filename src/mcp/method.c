/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/method.h"

static const struct mcp_method_info methods[MCP_METHOD_MAX] = {
#define X(id, text, from_, shape_, first_, last_, cap_, action_, object_)                          \
	[MCP_##id] = {.name = STR_INIT(text),                                                      \
		      .capability = (cap_),                                                        \
		      .from = MCP_FROM_##from_,                                                    \
		      .first = MCP_##first_,                                                       \
		      .last = MCP_##last_,                                                         \
		      .shape = MCP_SHAPE_##shape_,                                                 \
		      .action = MCP_ACTION_##action_,                                              \
		      .object = MCP_OBJECT_##object_},
	MCP_METHODS(X)
#undef X
};

static const struct str actions[MCP_ACTION_MAX] = {
	[MCP_ACTION_NONE] = STR_INIT("none"),
	[MCP_ACTION_CALL_TOOL] = STR_INIT("call_tool"),
	[MCP_ACTION_READ_RESOURCE] = STR_INIT("read_resource"),
	[MCP_ACTION_GET_PROMPT] = STR_INIT("get_prompt"),
	[MCP_ACTION_COMPLETE] = STR_INIT("complete"),
	[MCP_ACTION_LIST] = STR_INIT("list"),
	[MCP_ACTION_SUBSCRIBE] = STR_INIT("subscribe"),
	[MCP_ACTION_SAMPLE] = STR_INIT("sample"),
	[MCP_ACTION_ELICIT] = STR_INIT("elicit"),
	[MCP_ACTION_LIST_ROOTS] = STR_INIT("list_roots"),
	[MCP_ACTION_TASK] = STR_INIT("task"),
};

enum mcp_method mcp_method_find(struct str name)
{
	/* tools/call stands first, so the hot path compares once */
	for (enum mcp_method m = MCP_METHOD_UNKNOWN + 1; m < MCP_METHOD_MAX; m++) {
		if (str_eq(methods[m].name, name)) {
			return m;
		}
	}
	return MCP_METHOD_UNKNOWN;
}

const struct mcp_method_info *mcp_method_info(enum mcp_method m)
{
	ASSERT(m < MCP_METHOD_MAX);
	return &methods[m];
}

bool mcp_method_allowed(enum mcp_method m, unsigned from, enum mcp_version v)
{
	const struct mcp_method_info *i = mcp_method_info(m);

	return (i->from & from) == from && from && v >= i->first && v <= i->last &&
	       v != MCP_VERSION_NONE;
}

struct str mcp_action_name(enum mcp_action a)
{
	ASSERT(a < MCP_ACTION_MAX);
	return actions[a];
}
