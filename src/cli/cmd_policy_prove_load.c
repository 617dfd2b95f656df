/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `writ policy prove` reads. Temporal policies are read as one program with those that
 * they are compared with, so that a condition that stands in both is the same.
 */
#include "cli/cmd_policy_prove.h"
#include "policy/schema_ast.h"
#include "policy/validate.h"

struct file {
	const char *path;
	struct policy_source src;
	struct policy_list *to;
};

/* Files in the order of their reading. */
struct reading {
	struct prover *p;
	struct file *items;
	size_t n, cap;
	bool temporal;
};

static enum err_code no_memory(struct err *err)
{
	return ERR(err, ERR_NOMEM, "out of memory");
}

static enum err_code add_file(struct reading *r, const char *path, struct policy_list *to,
			      struct err *err)
{
	struct file *f;

	if (!ARENA_GROW(&r->p->a, &r->items, r->n, &r->cap)) {
		return no_memory(err);
	}
	f = &r->items[r->n++];
	*f = (struct file){.path = path, .to = to};
	r->temporal = r->temporal || str_ends_with(str_from_c(path), STR(".dw"));
	return cmd_policy_read(&r->p->a, path, &f->src, err);
}

/* A word that is a claim begins an invariant, others continue it; before the first come files. */
static enum err_code split_words(struct reading *r, struct err *err)
{
	struct prover *p = r->p;

	for (size_t i = 0; i < p->args->words.n; i++) {
		struct str word = str_from_c(p->args->words.items[i]);
		struct str *text;

		if (prove_is_claim(prove_word(word))) {
			if (p->n == PROVE_INVARIANTS) {
				return ERR(err, ERR_LIMIT, "more than %d invariants",
					   PROVE_INVARIANTS);
			}
			p->items[p->n++].text = word;
		} else if (p->n == 0) {
			TRY(add_file(r, p->args->words.items[i], &p->policies, err));
		} else {
			text = &p->items[p->n - 1].text;
			*text = arena_printf(&p->a, STR_FMT " " STR_FMT, STR_ARG(*text),
					     STR_ARG(word));
			if (!text->p) {
				return no_memory(err);
			}
		}
	}
	if (p->n == 0) {
		return ERR(err, ERR_INVALID, "no invariant is named; see --help");
	}
	return ERR_OK;
}

static enum err_code read_invariant(struct reading *r, struct question *q, struct err *err)
{
	struct str path;

	TRY(prove_parse(&r->p->a, q->text, &q->inv, &q->file, &r->p->diags, err));
	if (q->file.n == 0) {
		return ERR_OK;
	}
	path = arena_dup(&r->p->a, q->file);
	if (!path.p) {
		return no_memory(err);
	}
	TRY(add_file(r, path.p, &q->other, err));
	q->inv.other = &q->other;
	return ERR_OK;
}

static enum policy_id_scheme id_scheme(const struct prover *p)
{
	return p->args->ids && strcmp(p->args->ids, "order") == 0 ? POLICY_ID_ORDER
								  : POLICY_ID_ANNOTATION;
}

static enum err_code read_cedar(struct reading *r, struct err *err)
{
	struct prover *p = r->p;
	struct policy_diags problems;

	for (size_t i = 0; i < r->n; i++) {
		TRY(policy_case_policies(&p->a, &r->items[i].src, id_scheme(p), r->items[i].to,
					 &p->diags, err));
	}
	policy_diags_init(&problems, &p->a);
	TRY(validate_policies(p->world.schema, &p->policies, &problems, err));
	p->invalid = problems.n_errors > 0;
	return ERR_OK;
}

static enum err_code take_policy(struct reading *r, struct policy *policy, size_t at,
				 struct err *err)
{
	const struct policy_annotation *id = policy_annotation_find(policy, STR("id"));
	struct policy_list *to = r->items[at].to;

	if (id && id->value.n > 0 && id_scheme(r->p) == POLICY_ID_ANNOTATION) {
		policy->id = id->value;
	}
	if (!ARENA_GROW(&r->p->a, &to->items, to->n, &to->cap)) {
		return no_memory(err);
	}
	to->items[to->n++] = policy;
	return ERR_OK;
}

static enum err_code read_temporal(struct reading *r, const struct policy_source *schema,
				   struct err *err)
{
	struct prover *p = r->p;
	struct policy_source *sources = ARENA_ARRAY(&p->a, r->n, struct policy_source);
	bool *cedar = ARENA_ARRAY(&p->a, r->n, bool);
	struct dw_texts texts = {
		.policies = sources, .n_policies = r->n, .cedar = cedar, .schema = schema};
	const char *macros = p->args->macros;

	if (!sources || !cedar) {
		return no_memory(err);
	}
	for (size_t i = 0; i < r->n; i++) {
		sources[i] = r->items[i].src;
		cedar[i] = !str_ends_with(sources[i].name, STR(".dw"));
	}
	macros = macros ? macros : cmd_policy_macros_beside(&p->a, r->items[0].path);
	TRY(cmd_policy_read_optional(&p->a, p->args->events, &texts.events, err));
	TRY(cmd_policy_read_providers(&p->a, p->args->providers, &texts, err));
	TRY(cmd_policy_read_optional(&p->a, macros, &texts.macros, err));
	TRY(dw_load(&p->a, &texts, &p->diags, &p->temporal, err));
	for (size_t i = 0; i < p->temporal->policies.n; i++) {
		struct policy *policy = p->temporal->policies.items[i];
		size_t at = 0;

		while (at + 1 < r->n && policy->source != &sources[at]) {
			at++;
		}
		TRY(take_policy(r, policy, at, err));
	}
	TRY(dw_lower(&p->a, p->temporal, &p->diags, &p->world.schema, err));
	return prove_temporal(&p->a, p->temporal, &p->facts, &p->n_facts, err);
}

static enum err_code read_world(struct prover *p, const struct policy_source *schema,
				struct err *err)
{
	static const struct policy_set_opts opts = {0};
	struct policy_case_texts texts = {.schema = schema};

	TRY(cmd_policy_read_optional(&p->a, p->args->entities, &texts.entities, err));
	return policy_case_load(&p->a, &texts, &opts, &p->diags, &p->world, err);
}

/* A claim about what nothing is called would hold for nothing's sake. */
static enum err_code check_queries(struct prover *p, struct err *err)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->items[i].inv.query) {
			validate_names(p->world.schema, p->items[i].inv.query, &p->diags);
		}
	}
	return p->diags.n_errors > 0 ? policy_diags_err(&p->diags, ERR_INVALID, err) : ERR_OK;
}

static enum err_code read_flow(struct prover *p, struct err *err)
{
	const struct policy_source *src;

	TRY(cmd_policy_read_optional(&p->a, p->args->flow, &src, err));
	return src ? prove_flow_load(&p->a, src, p->world.schema, &p->flow, &p->diags, err)
		   : ERR_OK;
}

enum err_code prover_load(struct prover *p, struct err *err)
{
	struct reading r = {.p = p};
	const struct policy_source *schema;

	r.temporal = p->args->events || p->args->providers || p->args->macros;
	for (size_t i = 0; i < p->args->policies.n; i++) {
		TRY(add_file(&r, p->args->policies.items[i], &p->policies, err));
	}
	TRY(split_words(&r, err));
	for (size_t i = 0; i < p->n; i++) {
		TRY(read_invariant(&r, &p->items[i], err));
	}
	TRY(cmd_policy_read_optional(&p->a, p->args->schema, &schema, err));
	TRY(read_world(p, schema, err));
	TRY(r.temporal ? read_temporal(&r, schema, err) : read_cedar(&r, err));
	TRY(read_flow(p, err));
	return check_queries(p, err);
}
