/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `writ policy schema`: the schema that policies about the tools of servers are
 * checked against, from what the servers say about them (a tools/list result).
 * Types are those the gateway gives to arguments; with --typed those of programs
 * that read arguments by their description (policy/schema_mcp.h).
 */
#include "cli/cmd_policy.h"
#include "cli/out.h"
#include "cli/schema_text.h"
#include "gate/rules_types.h"
#include "policy/case.h"
#include "policy/dw_events.h"
#include "policy/schema_mcp.h"
#include "proc/pins_file.h"

#define MEMORY_MAX ((size_t)1 << 30)
#define TEXT_MAX   ((size_t)16 << 20)

struct schema_args {
	struct opt_list from;
	const char *base, *pins;
	bool typed, outputs, events, json;
};

struct maker {
	struct arena a;
	const struct schema_args *args;
	struct policy_diags diags;
	struct schema_mcp tools;
	struct buf text;
};

static enum err_code no_memory(struct err *err)
{
	return ERR(err, ERR_NOMEM, "out of memory");
}

/* The list in a file: a JSON-RPC answer, its result, an array of tools, or one tool. */
static enum err_code read_tools(struct maker *m, const char *path, const struct json **ret,
				struct err *err)
{
	struct policy_source *src = ARENA_NEW(&m->a, struct policy_source);
	const struct json *result;

	if (!src) {
		return no_memory(err);
	}
	TRY(cmd_policy_read(&m->a, path, src, err));
	TRY(policy_case_json(&m->a, src, ret, err));
	result = json_get(*ret, STR("result"));
	*ret = json_is_object(result) ? result : *ret;
	return ERR_OK;
}

/* Adds a tool as the gateway offers it, SERVER__TOOL. */
static enum err_code add_offered(struct maker *m, const struct json *tool, struct err *err)
{
	struct json copy = *tool, name;
	struct str full = json_str(json_get(tool, STR("name")));
	size_t cut = str_find_str(full, STR("__"));

	if (cut == full.n || cut == 0) {
		return ERR(err, ERR_INVALID,
			   "tool \"" STR_FMT "\" does not say which server it is of; write "
			   "--from SERVER=FILE",
			   STR_ARG(full));
	}
	/* One tool object whose first member is the name it has at its own server. */
	name = *json_get(tool, STR("name"));
	name.text = str_from(full, cut + 2);
	name.next = NULL;
	copy.first = &name;
	copy.n = 1;
	JSON_EACH (member, tool) {
		struct json *more;

		if (str_eq(member->key, STR("name"))) {
			continue;
		}
		more = ARENA_NEW(&m->a, struct json);
		if (!more) {
			return no_memory(err);
		}
		*more = *member;
		more->next = name.next;
		name.next = more;
		copy.n++;
	}
	return schema_mcp_add(&m->tools, str_make(full.p, cut), &copy, err);
}

static enum err_code add_file(struct maker *m, const char *word, struct err *err)
{
	struct str server = str_from_c(word);
	size_t eq = str_find(server, '=');
	bool named = eq < server.n && str_find(server, '/') > eq;
	const char *path = named ? word + eq + 1 : word;
	const struct json *doc, *list;

	server.n = named ? eq : 0;
	TRY(read_tools(m, path, &doc, err));
	if (named) {
		return schema_mcp_add(&m->tools, server, doc, err);
	}
	list = json_get(doc, STR("tools"));
	list = list ? list : doc;
	if (!json_is_array(list)) {
		return ERR(err, ERR_INVALID, "expected a list of tools");
	}
	JSON_EACH (tool, list) {
		TRY(add_offered(m, tool, err));
	}
	return ERR_OK;
}

/* The tools that clients of a node see: those that are pinned, as they are pinned. */
static enum err_code add_pinned(struct maker *m, struct str state, struct err *err)
{
	const struct json *pins, *tool;

	TRY(pins_file_read(&m->a, state, &pins, err));
	JSON_EACH (pin, pins) {
		struct str text;

		if (!str_eq(pins_file_member(pin, STR("kind")), STR("tool"))) {
			continue;
		}
		TRY(pins_file_text(&m->a, state, pin, "pinned", &text, err));
		if (text.n == 0) {
			continue;
		}
		TRY(json_parse(&m->a, text, NULL, &tool, err));
		TRY(schema_mcp_add(&m->tools, pins_file_member(pin, STR("server")), tool, err));
	}
	return ERR_OK;
}

static enum err_code read_base(struct maker *m, struct schema_doc **ret, struct err *err)
{
	struct policy_source *src = ARENA_NEW(&m->a, struct policy_source);

	if (!src) {
		return no_memory(err);
	}
	if (m->args->base) {
		TRY(cmd_policy_read(&m->a, m->args->base, src, err));
	} else {
		buf_init(&m->text, TEXT_MAX);
		schema_put_base(&m->text);
		schema_put_end(&m->text);
		*src = (struct policy_source){STR("base"), arena_dup(&m->a, buf_str(&m->text))};
		buf_done(&m->text);
		if (!src->text.p) {
			return no_memory(err);
		}
	}
	return schema_parse_any(&m->a, src, ret, &m->diags, err);
}

static enum err_code make(struct maker *m, struct err *err)
{
	struct schema_mcp_opts opts = rules_types_opts();
	struct schema_doc *docs[2];
	const struct schema *checked;

	opts.outputs = m->args->outputs;
	opts.plain = !m->args->typed;
	if (m->args->events) {
		buf_init(&m->text, TEXT_MAX);
		buf_append(&m->text, dw_gateway_events.text);
		return m->text.failed ? no_memory(err) : ERR_OK;
	}
	schema_mcp_init(&m->tools, &m->a, &opts);
	for (size_t i = 0; i < m->args->from.n; i++) {
		if (add_file(m, m->args->from.items[i], err)) {
			err_wrap(err, "%s", m->args->from.items[i]);
			return err->code;
		}
	}
	if (m->args->pins) {
		TRY(add_pinned(m, str_from_c(m->args->pins), err));
	}
	TRY(read_base(m, &docs[0], err));
	TRY(schema_mcp_doc(&m->tools, &docs[1], err));
	TRY(schema_resolve(&m->a, docs, 2, &checked, &m->diags, err));
	TRY(schema_merge(&m->a, docs[0], docs[1], err));
	buf_init(&m->text, TEXT_MAX);
	TRY(schema_print(&m->text, docs[0], err));
	return m->text.failed ? ERR(err, ERR_LIMIT, "the schema is too large") : ERR_OK;
}

static int report(struct maker *m, struct out *o)
{
	if (m->args->json) {
		out_text(o, "schema", buf_str(&m->text));
		out_u64(o, "tools", m->tools.n_tools);
	} else {
		buf_append(&o->buf, buf_str(&m->text));
	}
	return CMD_FINE;
}

static int run(const struct schema_args *args, struct out *o)
{
	struct maker m = {.args = args};
	struct err err = {0};
	int status;

	arena_init(&m.a, MEMORY_MAX);
	policy_diags_init(&m.diags, &m.a);
	status = make(&m, &err) ? cmd_policy_fail(&m.diags, o, &err) : report(&m, o);
	buf_done(&m.text);
	status = out_end(o, status);
	arena_done(&m.a);
	return status;
}

int cmd_policy_schema(int argc, char **argv)
{
	struct schema_args args = {0};
	const struct opt opts[] = {
		{.name = "from",
		 .value = "[SERVER=]FILE",
		 .list = &args.from,
		 .help = "a tools/list answer of that server, or of Writ itself, whose tools are "
			 "SERVER__TOOL; may be repeated"},
		{.name = "pins",
		 .value = "STATE",
		 .text = &args.pins,
		 .help = "the tools that are pinned in a node's state folder, as clients see them"},
		{.name = "base",
		 .value = "FILE",
		 .text = &args.base,
		 .help = "a schema of namespace Writ to add the tools to, instead of the "
			 "gateway's"},
		{.name = "outputs",
		 .flag = &args.outputs,
		 .help = "also what tools answer, as context.output"},
		{.name = "events",
		 .flag = &args.events,
		 .help = "the event schema instead: what temporal policies (.dw) can say happened"},
		{.name = "typed",
		 .flag = &args.typed,
		 .help = "types by the whole description (dates, enumerations, ...), for programs "
			 "that read arguments so; the gateway does not"},
		OPT_JSON(&args.json),
	};
	const struct opt_spec spec = {
		.command = "writ policy schema",
		.summary =
			"Writes the schema of what the gateway asks its policies, with an action "
			"for each tool.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.example = "writ policy schema --from fs=tools.json > policies/writ.cedarschema\n"
			   "writ policy schema --pins state > policies/writ.cedarschema && writ "
			   "reload",
	};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &args.json, &status)) {
		return status;
	}
	return run(&args, &o);
}
