/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments of a tool that HTTP shows as headers (MCP 2026-07-28 basic/transports): a property
 * of the input schema that says "x-mcp-header": "Region" is mirrored as Mcp-Param-Region.
 *
 * An annotation is good if its name is a token (RFC 9110) of at most MCP_PARAM_NAME_MAX bytes,
 * unique in any case, its property is a string, an integer or a boolean, and only `properties` lead
 * to it: behind an alternative, a reference or an array nobody could say which value is meant.
 */
#ifndef MCP_PARAM_H
#define MCP_PARAM_H

#include "base/arena.h"
#include "base/buf.h"

enum { MCP_PARAMS_MAX = 16, MCP_PARAM_NAME_MAX = 64, MCP_PARAM_VALUE_MAX = 4096 };

struct mcp_param {
	struct str name;  /* behind "Mcp-Param-" */
	struct str value; /* what the arguments hold, as text; p NULL: nothing, or null */
	bool mismatch;    /* they hold something that no header can show */
};

/*
 * The annotations of a tool (`tool` raw, as listed), with their values in `arguments` (a raw
 * object, or p NULL). False when one of them is not good: HTTP clients leave such a tool out.
 */
bool mcp_params_read(struct arena *a, struct str tool, struct str arguments,
		     struct mcp_param ret[MCP_PARAMS_MAX], size_t *ret_n) MUST_USE;

/* Could the tool have any? A fast no. */
bool mcp_params_may_be(struct str tool);

/* Appends the value of a mirrored header: the text, or =?base64?...?= where it could not stand. */
void mcp_header_encode(struct buf *out, struct str text);

#endif
