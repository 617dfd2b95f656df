/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a tool says of its arguments and of its results: inputSchema and outputSchema, compiled
 * when the tool is first called, kept with the list it belongs to.
 *
 * A schema that cannot be checked (json/schema.h says which those are) is no permission: what
 * it should have judged counts as not fitting.
 */
#ifndef MCP_CONTRACT_H
#define MCP_CONTRACT_H

#include "mcp/catalogue.h"
#include "json/schema.h"

struct mcp_contract {
	const struct json_schema *input, *output; /* NULL: there is none, or see below */
	bool has_input, has_output;
	char why[128]; /* why one that is there cannot be checked; else empty. For the operator */
	bool told;     /* the owner's: that the operator was told */
};

/* What came of a check. */
enum mcp_fit {
	MCP_FIT_UNKNOWN =
		0, /* the schema cannot be checked, or to check the value takes too much */
	MCP_FIT_NO,
	MCP_FIT_YES,
};

/*
 * The contract of a tool of this list, read on the first call. NULL when there is no such tool
 * or memory is short. `scratch` is for the reading.
 */
struct mcp_contract *mcp_contract_of(struct mcp_list *tools, struct str name,
				     struct arena *scratch);

/*
 * `arguments` (raw; p NULL: none) against inputSchema. The reason of anything but YES is told in
 * *ret_says, in the arena: for the agent, which sent them.
 */
enum mcp_fit mcp_contract_input(const struct mcp_contract *c, struct arena *scratch,
				struct str arguments, struct str *ret_says);

/*
 * `result` (raw) against outputSchema: its structuredContent, where there is one. Says nothing of
 * what was in it but the keyword: the text is a server's.
 */
enum mcp_fit mcp_contract_output(const struct mcp_contract *c, struct arena *scratch,
				 struct str result, struct str *ret_says);

#endif
