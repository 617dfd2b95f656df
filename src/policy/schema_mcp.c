/* SPDX-License-Identifier: Apache-2.0 */
/* Tools to declarations. */
#include "policy/schema_mcp_priv.h"

/* What is made out of the shapes; one at a time. */
struct writer {
	const struct schema_mcp *m;
	struct arena *a;
	struct schema_doc *doc;
	struct err *err;
	enum err_code code;
	bool number, unknown; /* types that are needed */
	size_t n_decls;
};

static void *no_memory(struct writer *w)
{
	if (!w->code) {
		w->code = ERR(w->err, ERR_NOMEM, "no memory for the schema of the tools");
	}
	return NULL;
}

void schema_mcp_init(struct schema_mcp *m, struct arena *a, const struct schema_mcp_opts *opts)
{
	*m = (struct schema_mcp){.arena = a, .opts = *opts};
}

const struct schema_mcp_tool *schema_mcp_find(const struct schema_mcp *m, struct str action)
{
	for (size_t i = 0; i < m->n_tools; i++) {
		if (str_eq(m->tools[i].action, action)) {
			return &m->tools[i];
		}
	}
	return NULL;
}

static bool ns_is_taken(const struct schema_mcp *m, struct str ns)
{
	for (size_t i = 0; i < m->n_tools; i++) {
		if (str_eq(m->tools[i].ns, ns)) {
			return true;
		}
	}
	return false;
}

/* NS::SERVER_TOOL, with a number when two tools would share it. */
static struct str tool_ns(const struct schema_mcp *m, struct str action)
{
	struct str name = mcp_ident(m->arena, action), ns = {0};

	for (size_t i = 1; name.p && i <= SCHEMA_MCP_MAX_TOOLS; i++) {
		ns = i == 1 ? arena_printf(m->arena, STR_FMT "::" STR_FMT, STR_ARG(m->opts.ns),
					   STR_ARG(name))
			    : arena_printf(m->arena, STR_FMT "::" STR_FMT "_%zu",
					   STR_ARG(m->opts.ns), STR_ARG(name), i);
		if (!ns.p || !ns_is_taken(m, ns)) {
			break;
		}
	}
	return ns;
}

static enum err_code add_tool(struct schema_mcp *m, struct str server, const struct json *j,
			      struct err *err)
{
	const struct json *name = json_get(j, STR("name"));
	const struct json *input = json_get(j, STR("inputSchema"));
	const struct json *output = json_get(j, STR("outputSchema"));
	struct schema_mcp_shape *in, *out = NULL;
	struct schema_mcp_tool tool = {0};
	struct mcp_names names = {0};

	if (!json_is_string(name) || name->text.n == 0 || name->text.n > SCHEMA_MCP_MAX_NAME) {
		return ERR(err, ERR_INVALID, "a tool without a name of 1 to %d bytes",
			   SCHEMA_MCP_MAX_NAME);
	}
	if (m->n_tools == SCHEMA_MCP_MAX_TOOLS) {
		return ERR(err, ERR_LIMIT, "more than %d tools", SCHEMA_MCP_MAX_TOOLS);
	}
	tool.action =
		arena_printf(m->arena, STR_FMT "." STR_FMT, STR_ARG(server), STR_ARG(name->text));
	tool.ns = tool_ns(m, tool.action);
	if (!tool.action.p || !tool.ns.p) {
		return ERR(err, ERR_NOMEM, "no memory for a tool");
	}
	if (schema_mcp_find(m, tool.action)) {
		return ERR(err, ERR_EXISTS, "tool `" STR_FMT "` is there twice",
			   STR_ARG(tool.action));
	}
	input = input ? input : json_get(j, STR("parameters"));
	TRY(mcp_shape_object(m, tool.ns, STR(""), input, &names, &in, err));
	if (m->opts.outputs && output) {
		TRY(mcp_shape_object(m, tool.ns, STR("output"), output, &names, &out, err));
	}
	tool.input = in;
	tool.output = out;
	if (!ARENA_GROW(m->arena, &m->tools, m->n_tools, &m->cap)) {
		return ERR(err, ERR_NOMEM, "no memory for a tool");
	}
	m->tools[m->n_tools++] = tool;
	return ERR_OK;
}

static enum err_code add_all(struct schema_mcp *m, struct str server, const struct json *tools,
			     struct err *err)
{
	const struct json *list = json_get(tools, STR("tools"));

	list = list ? list : tools;
	if (json_is_object(list)) {
		return add_tool(m, server, list, err);
	}
	if (!json_is_array(list)) {
		return ERR(err, ERR_INVALID, "expected a list of tools");
	}
	JSON_EACH (tool, list) {
		TRY(add_tool(m, server, tool, err));
	}
	return ERR_OK;
}

enum err_code schema_mcp_add(struct schema_mcp *m, struct str server, const struct json *tools,
			     struct err *err)
{
	size_t before = m->n_tools;
	enum err_code code;

	if (server.n == 0 || server.n > SCHEMA_MCP_MAX_NAME) {
		return ERR(err, ERR_INVALID, "a server's name has 1 to %d bytes",
			   SCHEMA_MCP_MAX_NAME);
	}
	if (!m->number.p) {
		m->number = arena_printf(m->arena, STR_FMT "::Number", STR_ARG(m->opts.ns));
		m->unknown = arena_printf(m->arena, STR_FMT "::Unknown", STR_ARG(m->opts.ns));
	}
	if (!m->number.p || !m->unknown.p) {
		return ERR(err, ERR_NOMEM, "no memory for the schema of the tools");
	}
	code = add_all(m, server, tools, err);
	if (code) {
		m->n_tools = before;
	}
	return code;
}

static struct schema_te *te_new(struct writer *w, enum schema_te_kind kind)
{
	struct schema_te *te = ARENA_NEW(w->a, struct schema_te);

	if (!te) {
		return no_memory(w);
	}
	te->kind = kind;
	return te;
}

static struct schema_te *te_builtin(struct writer *w, enum type_kind kind)
{
	struct schema_te *te = te_new(w, SCHEMA_TE_BUILTIN);

	if (te) {
		te->builtin = kind;
	}
	return te;
}

static struct schema_te *te_named(struct writer *w, enum schema_te_kind kind, struct str name)
{
	struct schema_te *te = te_new(w, kind);

	if (te) {
		te->name = name;
	}
	return te;
}

static struct schema_te *te_set(struct writer *w, struct schema_te *element)
{
	struct schema_te *te = te_new(w, SCHEMA_TE_SET);

	if (te) {
		te->element = element;
	}
	return te;
}

static struct schema_te *te_of(struct writer *w, const struct schema_mcp_shape *shape);

static void put_field(struct writer *w, struct schema_te *record, struct str name,
		      struct schema_te *type, bool optional)
{
	if (type) {
		record->fields[record->n_fields++] = (struct schema_te_field){
			.name.text = name, .type = type, .optional = optional};
	} else {
		no_memory(w);
	}
}

/* To policy_input_value, what such a description admits may be of several types. */
static bool is_untyped(const struct schema_mcp_shape *shape)
{
	while (shape->kind == MCP_SET) {
		shape = shape->element;
	}
	switch (shape->kind) {
	case MCP_UNKNOWN:
	case MCP_NUMBER:
	case MCP_DECIMAL:
	case MCP_TUPLE:
	case MCP_CHOICE:
		return true;
	case MCP_RECORD:
	case MCP_BOOL:
	case MCP_LONG:
	case MCP_STRING:
	case MCP_ENUM:
	case MCP_DECIMAL_TEXT:
	case MCP_DATE:
	case MCP_DATETIME:
	case MCP_DURATION:
	case MCP_IP:
	case MCP_SET:
		break;
	}
	return false;
}

static struct schema_te *te_record(struct writer *w, const struct schema_mcp_shape *shape)
{
	bool plain = w->m->opts.plain;

	struct schema_te *te = te_new(w, SCHEMA_TE_RECORD);

	if (!te) {
		return NULL;
	}
	te->fields = ARENA_ARRAY(w->a, 2 * shape->n_fields + 1, struct schema_te_field);
	if (!te->fields) {
		return no_memory(w);
	}
	for (size_t i = 0; i < shape->n_fields && !w->code; i++) {
		const struct mcp_field *f = &shape->fields[i];

		if (plain && is_untyped(f->shape)) {
			continue;
		}
		put_field(w, te, f->name, te_of(w, f->shape), f->optional);
		if (f->milli.n > 0) {
			put_field(w, te, f->milli, te_builtin(w, TYPE_LONG), f->optional);
		}
	}
	if (shape->open && !plain) {
		put_field(w, te, STR("*"), te_set(w, te_builtin(w, TYPE_STRING)), false);
	}
	return te;
}

/* Recursion is bounded by SCHEMA_MCP_MAX_DEPTH. */
static struct schema_te *te_of(struct writer *w, const struct schema_mcp_shape *shape)
{
	switch (shape->kind) {
	case MCP_UNKNOWN:
		w->unknown = true;
		return te_named(w, SCHEMA_TE_ENTITY, shape->type);
	case MCP_NUMBER:
		w->number = true;
		return te_named(w, SCHEMA_TE_ENTITY, shape->type);
	case MCP_ENUM:
		return te_named(w, SCHEMA_TE_ENTITY, shape->type);
	case MCP_BOOL:
		return te_builtin(w, TYPE_BOOL);
	case MCP_LONG:
		return te_builtin(w, TYPE_LONG);
	case MCP_STRING:
		return te_builtin(w, TYPE_STRING);
	case MCP_DECIMAL:
	case MCP_DECIMAL_TEXT:
		return te_builtin(w, TYPE_DECIMAL);
	case MCP_DATE:
	case MCP_DATETIME:
		return te_builtin(w, TYPE_DATETIME);
	case MCP_DURATION:
		return te_builtin(w, TYPE_DURATION);
	case MCP_IP:
		return te_builtin(w, TYPE_IPADDR);
	case MCP_SET:
		return te_set(w, te_of(w, shape->element));
	case MCP_TUPLE:
	case MCP_RECORD:
	case MCP_CHOICE:
		return te_record(w, shape);
	}
	return NULL;
}

static struct schema_ns *ns_new(struct writer *w, struct str name)
{
	if (!ARENA_GROW(w->a, &w->doc->ns, w->doc->n_ns, &w->doc->cap)) {
		return no_memory(w);
	}
	w->doc->ns[w->doc->n_ns] = (struct schema_ns){.name.text = name};
	return &w->doc->ns[w->doc->n_ns++];
}

static void put_decl(struct writer *w, struct schema_ns *ns, const struct schema_decl *d)
{
	if (w->n_decls++ == SCHEMA_MAX_DECLS) {
		w->code = ERR(w->err, ERR_LIMIT, "the tools need more than %d declarations",
			      SCHEMA_MAX_DECLS);
	} else if (!ARENA_GROW(w->a, &ns->decls, ns->n_decls, &ns->cap)) {
		no_memory(w);
	} else {
		ns->decls[ns->n_decls++] = *d;
	}
}

static struct schema_name *names_of(struct writer *w, const struct str *texts, size_t n)
{
	struct schema_name *names = ARENA_ARRAY(w->a, n, struct schema_name);

	if (!names) {
		return no_memory(w);
	}
	for (size_t i = 0; i < n; i++) {
		names[i].text = texts[i];
	}
	return names;
}

static void put_enum(struct writer *w, struct schema_ns *ns, const struct schema_mcp_shape *shape)
{
	struct schema_decl d = {.kind = SCHEMA_DECL_ENUM, .n_ids = shape->n_ids};

	d.name.text = str_from(shape->type, ns->name.text.n + 2);
	d.ids = names_of(w, shape->ids, shape->n_ids);
	if (d.ids) {
		put_decl(w, ns, &d);
	}
}

/* Every enumerated type below a shape. */
static void put_enums(struct writer *w, struct schema_ns *ns, const struct schema_mcp_shape *shape)
{
	if (shape->kind == MCP_ENUM) {
		put_enum(w, ns, shape);
	}
	if (shape->element) {
		put_enums(w, ns, shape->element);
	}
	for (size_t i = 0; i < shape->n_fields && !w->code; i++) {
		put_enums(w, ns, shape->fields[i].shape);
	}
}

static void put_type(struct writer *w, struct schema_ns *ns, struct str name,
		     const struct schema_mcp_shape *shape)
{
	struct schema_decl d = {.kind = SCHEMA_DECL_COMMON, .name.text = name};

	d.type = te_of(w, shape);
	if (!w->code) {
		put_decl(w, ns, &d);
	}
}

static struct schema_te *context_of(struct writer *w, const struct schema_mcp_tool *tool)
{
	const struct schema_mcp_opts *o = &w->m->opts;
	struct schema_te *te = te_new(w, SCHEMA_TE_RECORD);
	struct str in = arena_printf(w->a, STR_FMT "::Input", STR_ARG(tool->ns));
	struct str out = arena_printf(w->a, STR_FMT "::Output", STR_ARG(tool->ns));

	if (!te || !in.p || !out.p) {
		return no_memory(w);
	}
	te->fields = ARENA_ARRAY(w->a, o->n_context + 2, struct schema_te_field);
	if (!te->fields) {
		return no_memory(w);
	}
	put_field(w, te, STR("input"), te_named(w, SCHEMA_TE_COMMON, in), false);
	if (tool->output) {
		put_field(w, te, STR("output"), te_named(w, SCHEMA_TE_COMMON, out), true);
	}
	for (size_t i = 0; i < o->n_context; i++) {
		put_field(w, te, o->context[i].name,
			  te_named(w, SCHEMA_TE_NAME, o->context[i].type), o->context[i].optional);
	}
	return te;
}

static void put_action(struct writer *w, const struct schema_mcp_tool *tool)
{
	const struct schema_mcp_opts *o = &w->m->opts;
	struct schema_decl d = {
		.kind = SCHEMA_DECL_ACTION,
		.name.text = tool->action,
		.applies = true,
		.n_principals = o->n_principals,
		.n_resources = o->n_resources,
		.n_refs = o->group.n > 0,
	};

	d.refs = ARENA_NEW(w->a, struct schema_action_ref);
	d.principals = names_of(w, o->principals, o->n_principals);
	d.resources = names_of(w, o->resources, o->n_resources);
	d.context = context_of(w, tool);
	if (!d.refs || w->code) {
		no_memory(w);
		return;
	}
	d.refs->id = o->group;
	put_decl(w, &w->doc->ns[1], &d);
}

static void put_tool(struct writer *w, const struct schema_mcp_tool *tool)
{
	struct schema_ns *ns = ns_new(w, tool->ns);

	if (!ns) {
		return;
	}
	put_enums(w, ns, tool->input);
	put_type(w, ns, STR("Input"), tool->input);
	if (tool->output) {
		put_enums(w, ns, tool->output);
		put_type(w, ns, STR("Output"), tool->output);
	}
	if (!w->code) {
		put_action(w, tool);
	}
}

enum err_code schema_mcp_doc(const struct schema_mcp *m, struct schema_doc **ret, struct err *err)
{
	struct writer w = {.m = m, .a = m->arena, .err = err};
	struct schema_decl number = {.name.text = STR("Number")};
	struct schema_decl unknown = {.name.text = STR("Unknown")};

	w.doc = ARENA_NEW(m->arena, struct schema_doc);
	if (!w.doc || !ns_new(&w, STR("")) || !ns_new(&w, m->opts.ns)) {
		return ERR(err, ERR_NOMEM, "no memory for the schema of the tools");
	}
	for (size_t i = 0; i < m->n_tools && !w.code; i++) {
		put_tool(&w, &m->tools[i]);
	}
	if (w.number && !w.code) {
		put_decl(&w, &w.doc->ns[1], &number);
	}
	if (w.unknown && !w.code) {
		put_decl(&w, &w.doc->ns[1], &unknown);
	}
	if (w.code) {
		return w.code;
	}
	*ret = w.doc;
	return ERR_OK;
}
