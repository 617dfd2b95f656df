/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names on the aggregated endpoint. A tool `read_file` of the server configured
 * as `fs` is offered as `fs__read_file`: characters of [A-Za-z0-9_-] and at most
 * 64 of them, which is what model APIs accept. A name that does not fit gets a
 * suffix made from its hash; the same pair gives the same name on every machine
 * and after every restart. The way back is the catalogue's table, never cutting.
 *
 * The server's id comes from the configuration, never from its `serverInfo`.
 */
#ifndef MCP_NAME_H
#define MCP_NAME_H

#include "base/buf.h"

enum {
	MCP_NAME_MAX = 64,       /* an aggregated name */
	MCP_SERVER_ID_MAX = 32,  /* leaves half of it to the tool */
	MCP_TOOL_NAME_MAX = 128, /* what an upstream may offer */
	MCP_PROMPT_NAME_MAX = 256,
	MCP_URI_MAX = 4096,
	MCP_TEMPLATE_MAX = 512,
	MCP_TEMPLATE_EXPRESSIONS = 16,
};

/*
 * A server id: [A-Za-z0-9] first, then [A-Za-z0-9_-]; no "__" and no "_" at the end, so
 * that the first "__" of an aggregated name always ends the server's id.
 */
bool mcp_server_id_ok(struct str id);

/* MCP 2025-11-25 server/tools: 1 to 128 of [A-Za-z0-9_.-]; '/' too, since real servers use it. */
bool mcp_tool_name_ok(struct str name);

/* UTF-8 without control characters, 1 to 256 bytes. */
bool mcp_prompt_name_ok(struct str name);

/* 1 to 4096 printable ASCII bytes or UTF-8 beyond, with a scheme. */
bool mcp_uri_ok(struct str uri);

struct mcp_name {
	char text[MCP_NAME_MAX];
	size_t n;
};

/*
 * The aggregated name of a tool or prompt. `server` must be ok. Two different
 * pairs may, by a collision of 40 bits, get one name: whoever fills a table
 * refuses the second.
 */
struct mcp_name mcp_name_join(struct str server, struct str name);

/*
 * A resource whose URI another server already uses is offered as
 * "writ://SERVER/URI", with the URI unchanged behind the second slash, so the
 * way back is exact. A URI that already begins with "writ://" is always wrapped,
 * so that no server can name another's resource.
 */
void mcp_uri_wrap(struct buf *out, struct str server, struct str uri);
bool mcp_uri_is_wrapped(struct str uri);

/* Views into `wrapped`; false when it does not have the form. */
bool mcp_uri_unwrap(struct str wrapped, struct str *ret_server, struct str *ret_uri);

/*
 * Could `uri` come from the URI template (RFC 6570)? Literals match exactly, {x}
 * one or more characters without '/', an expression with an operator (as {+x} or {?q})
 * anything. Wider than the RFC where that is cheaper: it only chooses the server
 * that is asked. Never slower than the product of both lengths; a template past
 * MCP_TEMPLATE_MAX or with too many expressions is not ok and matches nothing.
 */
bool mcp_uri_template_ok(struct str tmpl);
bool mcp_uri_template_matches(struct str tmpl, struct str uri);

#endif
