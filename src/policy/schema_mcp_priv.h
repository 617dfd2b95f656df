/* SPDX-License-Identifier: Apache-2.0 */
/* What a JSON Schema says, as far as types go. Only for schema_mcp*.c. */
#ifndef POLICY_SCHEMA_MCP_PRIV_H
#define POLICY_SCHEMA_MCP_PRIV_H

#include "policy/schema_mcp.h"

enum mcp_kind {
	MCP_UNKNOWN = 0,
	MCP_BOOL,
	MCP_LONG,
	MCP_STRING,
	MCP_ENUM,         /* string of a list */
	MCP_NUMBER,       /* number, any */
	MCP_DECIMAL,      /* number with at most four fraction digits */
	MCP_DECIMAL_TEXT, /* the same as a string */
	MCP_DATE,
	MCP_DATETIME,
	MCP_DURATION,
	MCP_IP,
	MCP_SET,    /* element */
	MCP_TUPLE,  /* fields proj0, ...: array elements in their order */
	MCP_RECORD, /* fields */
	MCP_CHOICE, /* fields typeChoice0, ...: exactly one is present */
};

struct mcp_field {
	struct str name;
	struct str milli; /* NUMBER: the companion's name, or empty */
	struct schema_mcp_shape *shape;
	bool optional;
};

struct schema_mcp_shape {
	enum mcp_kind kind;
	bool open;       /* RECORD: "*" collects other names */
	bool nullable;   /* null was among the types: the member is optional */
	struct str type; /* UNKNOWN, NUMBER, ENUM: full name of the entity type */
	struct str *ids; /* ENUM */
	size_t n_ids;
	struct schema_mcp_shape *element;
	struct mcp_field *fields; /* RECORD: sorted by name */
	size_t n_fields;
};

/* Names of enumerated types of one tool, so that no two are alike. */
struct mcp_names {
	struct str *items;
	size_t n, cap;
};

/*
 * Reads the JSON Schema of an object. `root` holds its $defs too; `ns` is the
 * tool's namespace; `prefix` begins the names of enumerated types. A missing or
 * strange description is one of an object without members.
 */
enum err_code mcp_shape_object(const struct schema_mcp *m, struct str ns, struct str prefix,
			       const struct json *root, struct mcp_names *names,
			       struct schema_mcp_shape **ret, struct err *err);

/* An identifier made from any text: never empty, never reserved, at most SCHEMA_MCP_MAX_NAME. */
struct str mcp_ident(struct arena *a, struct str text);

#endif
