/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `writ policy check`: are these policies valid for this schema? All problems of
 * all files are reported, not only the first. Exit status 1 means that there is
 * an error; warnings alone leave it 0.
 */
#include "cli/cmd_policy.h"
#include "cli/out.h"
#include "policy/case.h"
#include "policy/dw.h"
#include "policy/engine.h"
#include "policy/schema_ast.h"
#include "policy/temporal_plan.h"
#include "policy/validate.h"

#define MEMORY_MAX ((size_t)1 << 30)

struct check_args {
	struct opt_list schemas, files;
	const char *events, *providers, *macros;
	bool strict, json;
};

struct check {
	struct arena arena;
	struct policy_diags diags;
	const struct schema *schema; /* NULL when it has errors */
	struct policy_list policies;
};

/* A problem of the input is in `diags` and does not stop the work; anything else does. */
static bool is_problem(const struct check *c, size_t errors_before)
{
	return c->diags.n_errors > errors_before && !c->arena.exhausted;
}

static enum err_code load_schemas(struct check *c, const struct opt_list *paths, struct err *err)
{
	struct schema_doc *docs[ARRAY_LEN(paths->items)];
	size_t before = c->diags.n_errors;
	enum err_code code;

	for (size_t i = 0; i < paths->n; i++) {
		struct policy_source *src = ARENA_NEW(&c->arena, struct policy_source);

		if (!src) {
			return ERR(err, ERR_NOMEM, "out of memory");
		}
		TRY(cmd_policy_read(&c->arena, paths->items[i], src, err));
		validate_text(src, &c->diags);
		code = schema_parse_any(&c->arena, src, &docs[i], &c->diags, err);
		if (code && !is_problem(c, before)) {
			return code;
		}
	}
	if (c->diags.n_errors > before) {
		return ERR_OK;
	}
	code = schema_resolve(&c->arena, docs, paths->n, &c->schema, &c->diags, err);
	return code && !is_problem(c, before) ? code : ERR_OK;
}

static enum err_code load_policies(struct check *c, const struct opt_list *paths, struct err *err)
{
	for (size_t i = 0; i < paths->n; i++) {
		struct policy_source *src = ARENA_NEW(&c->arena, struct policy_source);
		size_t before = c->diags.n_errors;
		enum err_code code;

		if (!src) {
			return ERR(err, ERR_NOMEM, "out of memory");
		}
		TRY(cmd_policy_read(&c->arena, paths->items[i], src, err));
		validate_text(src, &c->diags);
		code = policy_case_policies(&c->arena, src, POLICY_ID_ANNOTATION, &c->policies,
					    &c->diags, err);
		if (code && !is_problem(c, before)) {
			return code;
		}
	}
	return ERR_OK;
}

/* The policies that are complete: templates get their ids and values when they are linked. */
static bool without_templates(struct check *c, struct policy_list *ret)
{
	ret->items = ARENA_ARRAY(&c->arena, c->policies.n, struct policy *);
	for (size_t i = 0; ret->items && i < c->policies.n; i++) {
		if (!c->policies.items[i]->template) {
			ret->items[ret->n++] = c->policies.items[i];
		}
	}
	return ret->items != NULL;
}

/*
 * What the language allows but a gateway refuses: an annotation it does not know
 * or cannot follow, two policies with one id.
 */
static enum err_code check_for_gateway(struct check *c, bool strict, struct err *err)
{
	const struct policy_set_opts opts = {.ids = POLICY_ID_ANNOTATION,
					     .strict_annotations = true};
	const struct policy_set *set;
	struct policy_list list = {0};
	size_t n = c->diags.n, before = c->diags.n_errors;
	enum err_code code;

	if (!without_templates(c, &list)) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	code = policy_set_build(&c->arena, &list, &opts, &c->diags, &set, err);
	if (code && !is_problem(c, before)) {
		return code;
	}
	if (strict) {
		return ERR_OK;
	}
	for (; n < c->diags.n; n++) {
		c->diags.items[n].severity = POLICY_DIAG_WARNING;
	}
	c->diags.n_warnings += c->diags.n_errors - before;
	c->diags.n_errors = before;
	return ERR_OK;
}

static bool is_temporal(const struct check_args *args)
{
	bool any = args->events || args->providers || args->macros;

	for (size_t i = 0; i < args->files.n && !any; i++) {
		any = str_ends_with(str_from_c(args->files.items[i]), STR(".dw"));
	}
	return any;
}

/* What a gateway has to remember events for, and not a few numbers. */
static enum err_code warn_of_cost(struct check *c, const struct dw_program *prog, struct err *err)
{
	const struct temporal_plan_opts opts = {0};
	const struct temporal_plan *plan;

	TRY(temporal_plan_build(&c->arena, prog, &opts, &plan, err));
	for (size_t i = 0; i < prog->n_leaves; i++) {
		const struct temporal_leaf *leaf = &prog->leaves[i];

		if (!plan->leaves[i].part) {
			policy_diag_warn(&c->diags, leaf->source, leaf->span,
					 "events are kept for this condition, as long as its "
					 "windows reach back; it costs more the more there are");
			policy_diag_help(&c->diags, "docs/policies.md says which forms keep none");
		}
	}
	return ERR_OK;
}

/* Temporal policies are loaded whole: what loads is valid. */
static enum err_code check_temporal(struct check *c, const struct check_args *args, struct err *err)
{
	struct policy_source *files = ARENA_ARRAY(&c->arena, args->files.n, struct policy_source);
	bool *cedar = ARENA_ARRAY(&c->arena, args->files.n, bool);
	struct dw_texts texts = {.policies = files, .n_policies = args->files.n, .cedar = cedar};
	const char *macros = args->macros;
	const struct dw_program *prog;
	size_t before = c->diags.n_errors;
	enum err_code code;

	if (!files || !cedar) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	if (args->schemas.n > 1) {
		return ERR(err, ERR_UNSUPPORTED,
			   "temporal policies are checked against one schema");
	}
	if (!macros && args->files.n > 0) {
		macros = cmd_policy_macros_beside(&c->arena, args->files.items[0]);
	}
	for (size_t i = 0; i < args->files.n; i++) {
		TRY(cmd_policy_read(&c->arena, args->files.items[i], &files[i], err));
		cedar[i] = str_ends_with(files[i].name, STR(".cedar")) ||
			   str_ends_with(files[i].name, STR(".json"));
		validate_text(&files[i], &c->diags);
	}
	TRY(cmd_policy_read_optional(&c->arena, args->schemas.n ? args->schemas.items[0] : NULL,
				     &texts.schema, err));
	TRY(cmd_policy_read_optional(&c->arena, args->events, &texts.events, err));
	TRY(cmd_policy_read_providers(&c->arena, args->providers, &texts, err));
	TRY(cmd_policy_read_optional(&c->arena, macros, &texts.macros, err));
	code = dw_load(&c->arena, &texts, &c->diags, &prog, err);
	if (code) {
		return is_problem(c, before) ? ERR_OK : code;
	}
	c->policies = prog->policies;
	if (prog->n_leaves > 0) {
		TRY(warn_of_cost(c, prog, err));
	}
	return check_for_gateway(c, args->strict, err);
}

static enum err_code check_all(struct check *c, const struct check_args *args, struct err *err)
{
	if (is_temporal(args)) {
		return check_temporal(c, args, err);
	}
	TRY(load_schemas(c, &args->schemas, err));
	TRY(load_policies(c, &args->files, err));
	if (c->schema) {
		TRY(validate_policies(c->schema, &c->policies, &c->diags, err));
	}
	return check_for_gateway(c, args->strict, err);
}

static void report_row(struct out *o, const struct policy_diag *d)
{
	struct policy_position pos = {0};

	out_row_begin(o);
	out_text(o, "severity", d->severity == POLICY_DIAG_ERROR ? STR("error") : STR("warning"));
	if (d->source) {
		pos = policy_position(d->source->text, d->span.at);
	}
	out_text(o, "file", d->source ? d->source->name : STR(""));
	out_u64(o, "line", pos.line);
	out_u64(o, "column", pos.column);
	out_text(o, "policy", d->policy);
	out_text(o, "message", d->message);
	out_text(o, "help", d->help);
	out_row_end(o);
}

static int report(struct out *o, const struct check *c, bool json)
{
	static const struct out_col cols[] = {{"severity", 8}, {"file", 0},    {"line", 4},
					      {"column", 4},   {"policy", 12}, {"message", 0},
					      {"help", 0}};
	static const struct out_list list = {
		.name = "problems", .cols = cols, .n_cols = ARRAY_LEN(cols)};

	if (json) {
		out_list_begin(o, &list);
		for (size_t i = 0; i < c->diags.n; i++) {
			report_row(o, &c->diags.items[i]);
		}
		out_list_end(o);
	} else {
		policy_diags_render(&c->diags, &o->buf);
	}
	out_u64(o, "policies", c->policies.n);
	out_u64(o, "errors", c->diags.n_errors);
	out_u64(o, "warnings", c->diags.n_warnings);
	return c->diags.n_errors > 0 ? CMD_FOUND : CMD_FINE;
}

static enum err_code check_usage(const struct check_args *args, struct err *err)
{
	if (args->schemas.n == 0) {
		return ERR(err, ERR_INVALID,
			   "--schema is needed: `writ init` writes one, `writ policy schema` one "
			   "for the tools of your "
			   "servers");
	}
	return ERR_OK;
}

static int run(const struct check_args *args, struct out *o)
{
	struct check c = {0};
	struct err err = {0};
	int status;

	if (check_usage(args, &err)) {
		return out_end(o, out_error(o, &err));
	}
	arena_init(&c.arena, MEMORY_MAX);
	policy_diags_init(&c.diags, &c.arena);
	if (check_all(&c, args, &err) == ERR_OK) {
		status = report(o, &c, args->json);
	} else {
		status = out_error(o, &err);
	}
	status = out_end(o, status);
	arena_done(&c.arena);
	return status;
}

int cmd_policy_check(int argc, char **argv)
{
	struct check_args args = {0};
	const struct opt opts[] = {
		{.name = "schema",
		 .value = "FILE",
		 .list = &args.schemas,
		 .help = "Cedar schema, human or JSON syntax; several are taken together"},
		{.name = "events",
		 .value = "FILE",
		 .text = &args.events,
		 .help = "event schema of temporal policies"},
		{.name = "providers",
		 .value = "FILE",
		 .text = &args.providers,
		 .help = "information providers of temporal policies"},
		{.name = "macros",
		 .value = "FILE",
		 .text = &args.macros,
		 .help = "macro library of temporal policies; macros.dw beside them is taken by "
			 "itself"},
		{.name = "strict",
		 .flag = &args.strict,
		 .help = "what a gateway would refuse is an error too, not a warning"},
		OPT_JSON(&args.json),
	};
	const struct opt_word words[] = {
		{.name = "FILE",
		 .help = "policies, text, JSON or temporal (.dw); none checks the schema",
		 .list = &args.files},
	};
	const struct opt_spec spec = {
		.command = "writ policy check",
		.summary = "Checks policies against a schema.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = "writ policy check --schema writ.cedarschema fs.cedar mail.cedar",
	};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &args.json, &status)) {
		return status;
	}
	return run(&args, &o);
}
