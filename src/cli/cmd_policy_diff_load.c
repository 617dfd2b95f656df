/* SPDX-License-Identifier: Apache-2.0 */
/* The two sides of `writ policy diff`, read and, but for a trace, compiled. */
#include "cli/cmd_policy_diff.h"
#include "policy/prove_temporal.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

static bool is_plain(const struct policy_source *s)
{
	return !str_ends_with(s->name, STR(".dw"));
}

static int source_order(const void *a, const void *b)
{
	const struct policy_source *x = a, *y = b;

	return str_cmp(x->name, y->name);
}

static enum err_code read_folder(struct diff *d, const char *path, struct diff_side *s,
				 struct err *err)
{
	DIR *dir = opendir(path);
	enum err_code code = ERR_OK;

	if (!dir) {
		return ERR_ERRNO(err, "open %s", path);
	}
	for (struct dirent *e = readdir(dir); e && !code; e = readdir(dir)) {
		struct str name = str_from_c(e->d_name);
		bool temporal = str_ends_with(name, STR(".dw"));

		if (name.p[0] == '.' || str_eq(name, STR("macros.dw")) ||
		    (!temporal && !str_ends_with(name, STR(".cedar")))) {
			continue;
		}
		name = arena_printf(&d->a, "%s/%s", path, e->d_name);
		if (!name.p || s->n == DIFF_FILES_MAX) {
			code = ERR(err, ERR_LIMIT, "%s: too many files", path);
			break;
		}
		code = cmd_policy_read(&d->a, name.p, &s->sources[s->n++], err);
	}
	(void)closedir(dir);
	if (!code && s->n > 0) {
		qsort(s->sources, s->n, sizeof(s->sources[0]), source_order);
	}
	return code;
}

static enum err_code read_side(struct diff *d, const char *path, struct diff_side *s,
			       struct err *err)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		return ERR_ERRNO(err, "open %s", path);
	}
	if (S_ISDIR(st.st_mode)) {
		TRY(read_folder(d, path, s, err));
	} else {
		TRY(cmd_policy_read(&d->a, path, &s->sources[s->n++], err));
	}
	for (size_t i = 0; i < s->n; i++) {
		d->temporal = d->temporal || !is_plain(&s->sources[i]);
	}
	return ERR_OK;
}

static enum err_code load_plain(struct diff *d, struct diff_side *s, struct err *err)
{
	const struct policy_set_opts opts = {.ids = POLICY_ID_ANNOTATION};
	const struct policy_case_texts texts = {.policies = s->sources,
						.n_policies = s->n,
						.schema = d->schema,
						.entities = d->entities};

	return policy_case_load(&d->a, &texts, &opts, &d->diags, &s->c, err);
}

/* -- policies over events: both sides are one program, so that equal conditions are seen -- */

static void rename_attr(struct policy_expr *e, struct str from, struct str to)
{
	if (e->kind == POLICY_EXPR_GET && str_eq(e->names[0], from)) {
		e->names[0] = to;
	}
	for (uint32_t i = 0; i < e->n_args; i++) {
		rename_attr(e->arg[i], from, to);
	}
}

static void rename_in(const struct dw_program *prog, uint32_t policy, struct str from,
		      struct str to)
{
	const struct policy *p = prog->policies.items[policy];

	for (size_t i = 0; i < p->n_conds; i++) {
		rename_attr(p->conds[i].body, from, to);
	}
}

/* Equal conditions and calls get one name. */
static void unite(const struct dw_program *prog)
{
	for (size_t i = 0; i < prog->n_leaves && prog->n_leaves <= PROVE_TEMPORAL_LEAVES; i++) {
		for (size_t k = 0; k < i; k++) {
			const struct temporal_leaf *x = &prog->leaves[k], *y = &prog->leaves[i];

			if (prove_temporal_implies(x, y) && prove_temporal_implies(y, x)) {
				rename_in(prog, y->policy, y->attr, x->attr);
				break;
			}
		}
	}
	for (size_t i = 0; i < prog->n_calls && prog->n_calls <= PROVE_TEMPORAL_LEAVES; i++) {
		for (size_t k = 0; k < i; k++) {
			const struct dw_call *x = &prog->calls[k], *y = &prog->calls[i];

			if (prove_temporal_same_call(x, y)) {
				rename_in(prog, y->policy, y->attr, x->attr);
				break;
			}
		}
	}
}

static enum err_code take(struct diff *d, struct policy *p, struct diff_side *s, struct err *err)
{
	const struct policy_annotation *id = policy_annotation_find(p, STR("id"));
	struct policy_list *to = &s->c.policies;

	if (!ARENA_GROW(&d->a, &to->items, to->n, &to->cap)) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	p->id = id && id->value.n > 0 ? id->value : arena_printf(&d->a, "policy%zu", to->n);
	to->items[to->n++] = p;
	return p->id.p ? ERR_OK : ERR(err, ERR_NOMEM, "out of memory");
}

static enum err_code build_side(struct diff *d, struct diff_side *s, struct err *err)
{
	const struct policy_case_texts texts = {.schema = d->schema, .entities = d->entities};
	struct policy_list list = s->c.policies;

	TRY(policy_case_load(&d->a, &texts, NULL, &d->diags, &s->c, err));
	s->c.policies = list;
	return policy_set_build(&d->a, &list, NULL, &d->diags, &s->c.set, err);
}

static enum err_code load_temporal(struct diff *d, struct err *err)
{
	struct diff_side *a = &d->before, *b = &d->after;
	size_t n = a->n + b->n;
	struct policy_source *sources = ARENA_ARRAY(&d->a, n + 1, struct policy_source);
	bool *cedar = ARENA_ARRAY(&d->a, n + 1, bool);
	struct dw_texts texts = {
		.policies = sources, .n_policies = n, .cedar = cedar, .schema = d->schema};
	const struct dw_program *prog;

	if (!d->schema) {
		return ERR(err, ERR_INVALID, "policies over events (.dw) need --schema");
	}
	if (!sources || !cedar) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < n; i++) {
		sources[i] = i < a->n ? a->sources[i] : b->sources[i - a->n];
		cedar[i] = is_plain(&sources[i]);
	}
	TRY(diff_temporal_texts(d, &texts, sources, err));
	TRY(dw_load(&d->a, &texts, &d->diags, &prog, err));
	unite(prog);
	for (size_t i = 0; i < prog->policies.n; i++) {
		struct policy *p = prog->policies.items[i];

		TRY(take(d, p, p->source < sources + a->n ? a : b, err));
	}
	TRY(build_side(d, a, err));
	return build_side(d, b, err);
}

enum err_code diff_temporal_texts(struct diff *d, struct dw_texts *texts,
				  const struct policy_source *first, struct err *err)
{
	const struct diff_args *args = d->args;
	const char *macros = args->macros;

	if (!macros && texts->n_policies > 0) {
		macros = cmd_policy_macros_beside(&d->a, first->name.p);
	}
	TRY(cmd_policy_read_optional(&d->a, args->events, &texts->events, err));
	TRY(cmd_policy_read_providers(&d->a, args->providers, texts, err));
	return cmd_policy_read_optional(&d->a, macros, &texts->macros, err);
}

enum err_code diff_load(struct diff *d, struct err *err)
{
	TRY(read_side(d, d->args->before, &d->before, err));
	TRY(read_side(d, d->args->after, &d->after, err));
	if (d->args->trace) {
		return ERR_OK;
	}
	if (d->temporal) {
		return d->args->requests ? ERR(err, ERR_UNSUPPORTED,
					       "requests by themselves have no history: compare "
					       "policies over "
					       "events (.dw) with --trace or --ledger")
					 : load_temporal(d, err);
	}
	TRY(load_plain(d, &d->before, err));
	return load_plain(d, &d->after, err);
}
