/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protocol revisions. Two eras: the legacy one opens with a handshake and may
 * keep a session; the modern one (2026-07-28) has neither and says everything
 * in each request. The order of the values is the order of time.
 */
#ifndef MCP_VERSION_H
#define MCP_VERSION_H

#include "base/str.h"

enum mcp_version {
	MCP_VERSION_NONE = 0,
	MCP_2024_11_05,
	MCP_2025_03_26,
	MCP_2025_06_18,
	MCP_2025_11_25, /* the newest of the legacy era */
	MCP_2026_07_28, /* the modern era */
	MCP_VERSION_MAX
};

#define MCP_LEGACY_NEWEST MCP_2025_11_25
#define MCP_MODERN        MCP_2026_07_28

/* The revision with exactly this name, or MCP_VERSION_NONE. */
enum mcp_version mcp_version_find(struct str name);

/* As "2025-11-25"; empty for NONE. Static storage. */
struct str mcp_version_name(enum mcp_version v);

static inline bool mcp_version_is_legacy(enum mcp_version v)
{
	return v > MCP_VERSION_NONE && v <= MCP_LEGACY_NEWEST;
}

/*
 * What a server answers to a client that asked for `wanted` in `initialize`:
 * the same when it is a legacy revision, else the newest legacy one. (MCP
 * 2025-11-25 basic/lifecycle: "Otherwise, the server MUST respond with another
 * protocol version it supports.")
 */
enum mcp_version mcp_version_negotiate(struct str wanted);

#endif
