/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/rules_types.h"

#include "base/map.h"

static const struct str principals[] = {STR_INIT("Agent")}, resources[] = {STR_INIT("Tool")};

struct schema_mcp_opts rules_types_opts(void)
{
	static const struct schema_mcp_field context[] = {
		{STR_INIT("sessionId"), STR_INIT("String"), false},
		{STR_INIT("w"), STR_INIT("Common"), false},
	};

	return (struct schema_mcp_opts){
		.ns = STR("Writ"),
		.group = STR("call_tool"),
		.principals = principals,
		.n_principals = ARRAY_LEN(principals),
		.resources = resources,
		.n_resources = ARRAY_LEN(resources),
		.context = context,
		.n_context = ARRAY_LEN(context),
		.plain = true,
	};
}

/* ---- what policies name ---- */

static bool is_pinned(const struct config *config, struct str server)
{
	const struct config_server *s = config_server_find(config, server);

	return s && s->pins != CONFIG_CHECK_OFF;
}

/* The next one behind *at; false: there is none. */
static bool next_named(const struct policy_source *src, size_t *at, struct rules_named *ret)
{
	static const struct str before = STR_INIT("Action::\"");

	for (;;) {
		struct str rest = str_from(src->text, *at), id;
		size_t found = str_find_str(rest, before), dot;

		if (found == rest.n) {
			return false;
		}
		id = str_from(rest, found + before.n);
		id.n = str_find(id, '"');
		dot = str_find(id, '.');
		*at = (size_t)(id.p - src->text.p);
		if (dot + 1 < id.n && str_find(id, '\\') == id.n && str_find(id, '\n') == id.n) {
			*ret = (struct rules_named){
				.action = id,
				.server = str_make(id.p, dot),
				.tool = str_from(id, dot + 1),
				.source = src,
				.span = {(uint32_t)*at - 1, (uint32_t)id.n + 2},
			};
			return true;
		}
	}
}

enum err_code rules_types_named(struct arena *a, const struct policy_source *policies, size_t n,
				const struct config *config, struct rules_named **ret,
				size_t *ret_n, struct err *err)
{
	struct rules_named *items = NULL, found;
	size_t n_items = 0, cap = 0;
	enum err_code code = ERR_OK;
	struct map seen;

	map_init(&seen, (struct hash_key){0}); /* the owner's own texts */
	for (size_t i = 0; i < n && !code; i++) {
		size_t at = 0;

		while (!code && next_named(&policies[i], &at, &found)) {
			if (!is_pinned(config, found.server) || map_find(&seen, found.action)) {
				continue;
			}
			if (n_items == SCHEMA_MCP_MAX_TOOLS) {
				code = ERR(err, ERR_LIMIT, "policies name more than %d tools",
					   SCHEMA_MCP_MAX_TOOLS);
			} else if (!ARENA_GROW(a, &items, n_items, &cap) ||
				   !map_put(&seen, found.action, &seen)) {
				code = ERR(err, ERR_NOMEM, "no memory for the tools in policies");
			} else {
				items[n_items++] = found;
			}
		}
	}
	map_done(&seen);
	*ret = items;
	*ret_n = n_items;
	return code;
}

/* ---- the schema ---- */

static bool declares(const struct schema_ns *ns, enum schema_decl_kind kind, struct str name)
{
	for (size_t i = 0; i < ns->n_decls; i++) {
		if (ns->decls[i].kind == kind && str_eq(ns->decls[i].name.text, name)) {
			return true;
		}
	}
	return false;
}

enum err_code rules_types_begin(struct rules_types *t, struct arena *a,
				const struct policy_source *schema, struct err *err)
{
	const struct schema_mcp_opts opts = rules_types_opts();
	const struct schema_ns *ns;

	*t = (struct rules_types){.arena = a};
	schema_mcp_init(&t->tools, a, &opts);
	TRY(schema_parse_any(a, schema, &t->base, NULL, err));
	ns = schema_ns_find(t->base, opts.ns);
	return ns && declares(ns, SCHEMA_DECL_ENTITY, principals[0]) &&
			       declares(ns, SCHEMA_DECL_ENTITY, resources[0]) &&
			       declares(ns, SCHEMA_DECL_COMMON, STR("Common")) &&
			       declares(ns, SCHEMA_DECL_ACTION, opts.group)
		       ? ERR_OK
		       : ERR(err, ERR_UNSUPPORTED, "the schema is not the gateway's");
}

bool rules_types_has(const struct rules_types *t, const struct rules_named *tool)
{
	return declares(schema_ns_find(t->base, t->tools.opts.ns), SCHEMA_DECL_ACTION,
			tool->action);
}

enum err_code rules_types_add(struct rules_types *t, const struct rules_named *tool,
			      const struct json *pinned, struct err *err)
{
	return schema_mcp_add(&t->tools, tool->server, pinned, err);
}

enum err_code rules_types_leave_open(struct rules_types *t, const struct rules_named *tool,
				     struct err *err)
{
	struct schema_name *types = ARENA_ARRAY(t->arena, 2, struct schema_name);
	struct schema_action_ref *group = ARENA_NEW(t->arena, struct schema_action_ref);
	struct schema_note *note = ARENA_NEW(t->arena, struct schema_note);

	if (!types || !group || !note ||
	    !ARENA_GROW(t->arena, &t->unchecked, t->n_unchecked, &t->cap)) {
		return ERR(err, ERR_NOMEM, "no memory for the schema");
	}
	types[0].text = principals[0];
	types[1].text = resources[0];
	group->id = t->tools.opts.group;
	note->key = STR("unchecked");
	t->unchecked[t->n_unchecked++] = (struct schema_decl){
		.kind = SCHEMA_DECL_ACTION,
		.name.text = tool->action,
		.notes = note,
		.n_notes = 1,
		.applies = true,
		.refs = group,
		.n_refs = 1,
		.principals = &types[0],
		.n_principals = 1,
		.resources = &types[1],
		.n_resources = 1,
	};
	return ERR_OK;
}

enum err_code rules_types_text(struct rules_types *t, struct str *ret, struct err *err)
{
	struct schema_ns open = {
		.name.text = t->tools.opts.ns, .decls = t->unchecked, .n_decls = t->n_unchecked};
	const struct schema_doc rest = {.ns = &open, .n_ns = 1};
	struct schema_doc *tools;
	enum err_code code;
	struct buf text;

	TRY(schema_mcp_doc(&t->tools, &tools, err));
	TRY(schema_merge(t->arena, t->base, tools, err));
	TRY(schema_merge(t->arena, t->base, &rest, err));
	buf_init(&text, SCHEMA_MAX_BYTES);
	code = schema_print(&text, t->base, err);
	if (!code && text.failed) {
		code = ERR(err, ERR_LIMIT, "the schema with the types of tools is too large");
	}
	if (!code) {
		*ret = arena_dup(t->arena, buf_str(&text));
		code = ret->p ? ERR_OK : ERR(err, ERR_NOMEM, "no memory for the schema");
	}
	buf_done(&text);
	return code;
}
