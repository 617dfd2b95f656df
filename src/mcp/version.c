/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/version.h"

static const struct str names[MCP_VERSION_MAX] = {
	[MCP_VERSION_NONE] = STR_INIT(""),         [MCP_2024_11_05] = STR_INIT("2024-11-05"),
	[MCP_2025_03_26] = STR_INIT("2025-03-26"), [MCP_2025_06_18] = STR_INIT("2025-06-18"),
	[MCP_2025_11_25] = STR_INIT("2025-11-25"), [MCP_2026_07_28] = STR_INIT("2026-07-28"),
};

enum mcp_version mcp_version_find(struct str name)
{
	for (enum mcp_version v = MCP_2024_11_05; v < MCP_VERSION_MAX; v++) {
		if (str_eq(names[v], name)) {
			return v;
		}
	}
	return MCP_VERSION_NONE;
}

struct str mcp_version_name(enum mcp_version v)
{
	ASSERT(v < MCP_VERSION_MAX);
	return names[v];
}

enum mcp_version mcp_version_negotiate(struct str wanted)
{
	enum mcp_version v = mcp_version_find(wanted);

	return mcp_version_is_legacy(v) ? v : MCP_LEGACY_NEWEST;
}
