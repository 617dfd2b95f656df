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
