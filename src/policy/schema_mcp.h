/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tools as a schema. A `tools/list` result of an MCP server becomes Cedar
 * actions with typed arguments, so that policies about tools are type checked,
 * and arguments of a call are read by the same description.
 *
 *   namespace NS {            action "SERVER.TOOL" in ["GROUP"] appliesTo {principal: [...],
 *                               resource: [...], context: {input: SERVER_TOOL::Input, ...}};
 *                             entity Number, Unknown; }
 *   namespace NS::SERVER_TOOL { type Input = {...}; entity mode enum ["fast", "safe"]; }
 *
 * In names, bytes that no identifier has become `_`; a name that is taken gets a
 * number. How JSON Schema reads:
 *
 *   boolean, integer, string     Bool, Long, String; null in a union makes it optional
 *   string with enum or const    an enumerated entity type
 *   string with format           date, date-time: datetime; duration: duration (a month
 *                                30 days, a year 365); ipv4, ipv6: ipaddr; decimal: decimal
 *   number, multipleOf >= 0.0001 decimal
 *   any other number             entity Number (its text as id, so only == makes sense), and
 *                                for an attribute x also x_milli: Long, thousandths rounded
 *                                away from zero so that no fraction slips under a limit
 *   array of T                   Set<T>; prefixItems with items false: {proj0, proj1, ...}
 *   object with properties       closed record; with additionalProperties also "*": Set<String>,
 *                                the names of the others
 *   anyOf, oneOf, type [...]     {typeChoice0?, typeChoice1?, ...}: the first that fits
 *   $ref #/$defs/X               what X is; a recursive one is Unknown
 *   everything else              entity Unknown (its JSON text as id)
 *
 * With `plain` the types are those that policy_input_value gives: texts stay String,
 * whatever their enum or format; what has no type of its own (a number that may have
 * a fraction, an object without properties, anyOf, ...) is left out, so that no
 * policy can lean on it. Such a schema is for strict validation of policies only.
 *
 * Titles and descriptions are not looked at. Arguments that the description does
 * not admit are ERR_INVALID: the call is to be denied before any policy is asked.
 */
#ifndef POLICY_SCHEMA_MCP_H
#define POLICY_SCHEMA_MCP_H

#include "policy/schema_ast.h"
#include "policy/value.h"
#include "json/parse.h"

#define SCHEMA_MCP_MAX_TOOLS  8192
#define SCHEMA_MCP_MAX_NODES  4096  /* of one tool's description, references expanded */
#define SCHEMA_MCP_MAX_DEPTH  32    /* nesting of a description */
#define SCHEMA_MCP_MAX_NAME   256   /* bytes of a server's, tool's or property's name */
#define SCHEMA_MCP_MAX_ID     4096  /* bytes of an Unknown or Number */
#define SCHEMA_MCP_MAX_VISITS 65536 /* values looked at to read the arguments of one call */

struct schema_mcp_field {
	struct str name, type; /* a type by its name, as "Common" or "String" */
	bool optional;
};

/* All borrowed, until the document was made and resolved. */
struct schema_mcp_opts {
	struct str ns;                            /* "Writ" */
	struct str group;                         /* parent of every tool's action: "call_tool" */
	const struct str *principals, *resources; /* names of entity types */
	size_t n_principals, n_resources;
	const struct schema_mcp_field *context; /* beside `input` */
	size_t n_context;
	bool outputs; /* `output?` from outputSchema */
	bool plain;   /* as policy_input_value reads: not for schema_mcp_read */
};

struct schema_mcp_shape;

struct schema_mcp_tool {
	struct str action; /* "SERVER.TOOL" */
	struct str ns;     /* "NS::SERVER_TOOL" */
	const struct schema_mcp_shape *input;
	const struct schema_mcp_shape *output; /* NULL without outputSchema */
};

struct schema_mcp {
	struct arena *arena;
	struct schema_mcp_opts opts;
	struct schema_mcp_tool *tools; /* in the order they were added */
	size_t n_tools, cap;
	struct str number, unknown; /* type names */
};

void schema_mcp_init(struct schema_mcp *m, struct arena *a, const struct schema_mcp_opts *opts);

/*
 * Adds the tools of one server: a tools/list result, its array of tools, or one
 * tool. All or nothing; nothing of the JSON is borrowed. ERR_EXISTS when an
 * action is there already.
 */
enum err_code schema_mcp_add(struct schema_mcp *m, struct str server, const struct json *tools,
			     struct err *err) MUST_USE;

/* What was added as a document, to be resolved with the schema that declares the rest. */
enum err_code schema_mcp_doc(const struct schema_mcp *m, struct schema_doc **ret,
			     struct err *err) MUST_USE;

/* Borrowed, or NULL. */
const struct schema_mcp_tool *schema_mcp_find(const struct schema_mcp *m, struct str action);

/*
 * The arguments of a call, or a structured result, as a value of the declared
 * type. `j` may be NULL: no arguments. The text of `j` must outlive the value.
 */
enum err_code schema_mcp_read(struct arena *a, const struct schema_mcp_shape *shape,
			      const struct json *j, struct policy_value *ret,
			      struct err *err) MUST_USE;

#endif
