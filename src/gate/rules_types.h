/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types of tools in the schema that policies are checked against: of those that policies name, as they are pinned.
 * The schema of the configuration declares the rest, and what it declares of a tool itself counts as it stands.
 *
 * A tool that policies name and of which nothing is pinned yet becomes an action with the annotation @unchecked
 * (policy/validate.h): its name may be used, what is said of its arguments cannot be judged.
 *
 * Pure.
 */
#ifndef GATE_RULES_TYPES_H
#define GATE_RULES_TYPES_H

#include "config/config.h"
#include "policy/schema_mcp.h"

/* Types as the gateway reads arguments, in the namespace Writ. */
struct schema_mcp_opts rules_types_opts(void);

/* A tool that a policy names, and where first. */
struct rules_named {
	struct str action; /* "SERVER.TOOL" */
	struct str server, tool;
	const struct policy_source *source;
	struct policy_span span;
};

/*
 * What policies name as Action::"SERVER.TOOL" of servers that are configured and pinned, each once. The texts are not
 * parsed: a name in a comment counts too, one written with escapes or with spaces around :: does not. ERR_LIMIT for more
 * than SCHEMA_MCP_MAX_TOOLS.
 */
enum err_code rules_types_named(struct arena *a, const struct policy_source *policies, size_t n,
				const struct config *config, struct rules_named **ret,
				size_t *ret_n, struct err *err) MUST_USE;

struct rules_types {
	struct arena *arena;
	struct schema_doc *base;
	struct schema_mcp tools;
	struct schema_decl *unchecked;
	size_t n_unchecked, cap;
};

/*
 * Begins with the schema of the configuration. ERR_UNSUPPORTED when it is not the gateway's, so that no tool could
 * be declared beside it: no namespace Writ with Agent, Tool, Common and call_tool.
 */
enum err_code rules_types_begin(struct rules_types *t, struct arena *a,
				const struct policy_source *schema, struct err *err) MUST_USE;

/* Does the schema declare it itself? */
bool rules_types_has(const struct rules_types *t, const struct rules_named *tool);

/* As it is pinned: a tool of the server's list. On failure it is not there. */
enum err_code rules_types_add(struct rules_types *t, const struct rules_named *tool,
			      const struct json *pinned, struct err *err) MUST_USE;

/* The same without anything that is known of it. */
enum err_code rules_types_leave_open(struct rules_types *t, const struct rules_named *tool,
				     struct err *err) MUST_USE;

/* The schema and all that was added, as one text in the arena. */
enum err_code rules_types_text(struct rules_types *t, struct str *ret, struct err *err) MUST_USE;

#endif
