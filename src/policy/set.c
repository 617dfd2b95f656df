/* SPDX-License-Identifier: Apache-2.0 */
/* Making policy sets: ids, annotations, and what the whole set must fulfil. */
#include "base/hash.h"
#include "policy/annotation.h"
#include "policy/set_priv.h"
#include "policy/validate.h"

#define TREES_MAX ((size_t)8 << 30) /* bytes of trees while a set is made */

static enum err_code no_memory(struct err *err)
{
	return ERR(err, ERR_NOMEM, "policies: out of memory");
}

struct str policy_rule_note(const struct policy_rule *rule, struct str key)
{
	for (uint32_t i = 0; i < rule->n_notes; i++) {
		if (str_eq(rule->notes[i].key, key)) {
			return rule->notes[i].value;
		}
	}
	return str_make(NULL, 0);
}

size_t policy_set_size(const struct policy_set *set)
{
	return set->n;
}

const struct policy_rule *policy_set_rule(const struct policy_set *set, size_t i)
{
	ASSERT(i < set->n);
	return &set->rules[i];
}

static uint32_t *id_slot(const struct policy_set *set, struct str id)
{
	size_t at = (size_t)hash_str((struct hash_key){0}, id) & (set->by_id_cap - 1);

	while (set->by_id[at] && !str_eq(set->rules[set->by_id[at] - 1].id, id)) {
		at = (at + 1) & (set->by_id_cap - 1);
	}
	return &set->by_id[at];
}

const struct policy_rule *policy_set_find(const struct policy_set *set, struct str id)
{
	uint32_t index = *id_slot(set, id);

	return index ? &set->rules[index - 1] : NULL;
}

static bool copy_notes(struct arena *a, const struct policy *p, struct policy_rule *rule)
{
	struct policy_note *notes = ARENA_ARRAY(a, p->n_annotations, struct policy_note);

	for (size_t i = 0; notes && i < p->n_annotations; i++) {
		notes[i].key = arena_dup(a, p->annotations[i].key);
		notes[i].value = arena_dup(a, p->annotations[i].value);
	}
	rule->notes = notes;
	rule->n_notes = (uint32_t)p->n_annotations;
	return !a->exhausted;
}

/* Lines are counted once over a source, not once for each policy. */
struct lines {
	const struct policy_source *src;
	struct str name;
	uint32_t at, line;
};

static void place_of(struct arena *a, struct lines *l, const struct policy *p,
		     struct policy_rule *rule)
{
	uint32_t at = p->effect_span.at;

	if (l->src != p->source || at < l->at) {
		if (l->src != p->source) {
			l->name = arena_dup(a, p->source->name);
		}
		l->src = p->source;
		l->at = 0;
		l->line = 1;
	}
	for (; l->at < at && l->at < p->source->text.n; l->at++) {
		l->line += p->source->text.p[l->at] == '\n';
	}
	rule->source = l->name;
	rule->line = l->line;
	rule->column = 1;
	for (; at > 0 && p->source->text.p[at - 1] != '\n'; at--) {
		rule->column += (p->source->text.p[at - 1] & 0xc0) != 0x80;
	}
}

/* False when something was reported; ERR_NOMEM shows in the arena. */
static bool add_rule(struct arena *a, struct policy_set *set, const struct policy *p,
		     struct lines *lines, const struct policy_set_opts *opts,
		     struct policy_diags *diags)
{
	struct policy_rule *rule = &set->rules[set->n];
	uint32_t *slot;
	bool good = true;

	if (p->template) {
		policy_diag_error(diags, p->source, p->span,
				  "a template cannot stand in a policy set before it is linked");
		good = false;
	}
	rule->id = arena_dup(a, p->id);
	rule->effect = p->effect;
	rule->index = (uint32_t)set->n;
	place_of(a, lines, p, rule);
	if (!rule->id.p || !copy_notes(a, p, rule)) {
		return false;
	}
	if (!policy_annotations_decode(p, rule, opts && opts->strict_annotations, diags)) {
		good = false;
	}
	if (opts && opts->check && !opts->check(p, opts->check_arg, diags)) {
		good = false;
	}
	slot = id_slot(set, rule->id);
	if (*slot) {
		const struct policy_rule *other = &set->rules[*slot - 1];

		policy_diag_error(diags, p->source, p->effect_span,
				  "policy id `" STR_FMT "` is used twice; first in " STR_FMT
				  ", line %u",
				  STR_ARG(p->id), STR_ARG(other->source), other->line);
		return false;
	}
	*slot = (uint32_t)set->n + 1;
	set->n++;
	return good;
}

static struct policy_set *new_set(struct arena *a, size_t n)
{
	struct policy_set *set = ARENA_NEW(a, struct policy_set);

	if (!set) {
		return NULL;
	}
	set->by_id_cap = 16;
	while (set->by_id_cap < n * 2) {
		set->by_id_cap *= 2;
	}
	set->by_id = ARENA_ARRAY(a, set->by_id_cap, uint32_t);
	set->rules = ARENA_ARRAY(a, n, struct policy_rule);
	return set->by_id && set->rules ? set : NULL;
}

static enum err_code build(struct arena *a, const struct policy_list *list,
			   const struct policy_set_opts *opts, struct policy_diags *diags,
			   struct policy_set **ret, struct err *err)
{
	const struct policy *const *trees = (const struct policy *const *)list->items;
	struct policy_set *set = new_set(a, list->n);
	struct lines lines = {0};
	bool good = true;

	if (!set) {
		return no_memory(err);
	}
	for (size_t i = 0; i < list->n; i++) {
		good = add_rule(a, set, list->items[i], &lines, opts, diags) && good;
	}
	if (a->exhausted) {
		return no_memory(err);
	}
	if (!good) {
		return policy_diags_err(diags, ERR_INVALID, err);
	}
	if (opts && opts->schema) {
		size_t before = diags->n_errors;

		TRY(validate_policies(opts->schema, list, diags, err));
		if (diags->n_errors > before) {
			return policy_diags_err(diags, ERR_INVALID, err);
		}
	}
	TRY(policy_compile(a, trees, list->n, &set->code, err));
	TRY(policy_index_build(a, trees, list->n, &set->code, &set->index, err));
	set->trees = opts && opts->drop_trees ? NULL : trees;
	*ret = set;
	return ERR_OK;
}

enum err_code policy_set_build(struct arena *a, const struct policy_list *list,
			       const struct policy_set_opts *opts, struct policy_diags *diags,
			       const struct policy_set **ret, struct err *err)
{
	struct policy_set *set;

	TRY(build(a, list, opts, diags, &set, err));
	*ret = set;
	return ERR_OK;
}

static enum err_code parse_all(struct arena *a, const struct policy_source *sources, size_t n,
			       enum policy_id_scheme ids, struct policy_list *list,
			       struct policy_diags *diags, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (sources[i].text.n > POLICY_FILE_MAX) {
			return ERR(err, ERR_LIMIT, STR_FMT ": longer than %u bytes",
				   STR_ARG(sources[i].name), POLICY_FILE_MAX);
		}
		TRY(policy_parse(a, &sources[i], ids, list, diags, err));
	}
	return ERR_OK;
}

enum err_code policy_set_load(struct arena *a, const struct policy_source *sources, size_t n,
			      const struct policy_set_opts *opts, struct policy_diags *diags,
			      const struct policy_set **ret, struct err *err)
{
	struct policy_list list = {0};
	struct policy_set *set = NULL;
	enum err_code code;
	struct arena trees;

	arena_init(&trees, TREES_MAX);
	code = parse_all(&trees, sources, n, opts ? opts->ids : POLICY_ID_ORDER, &list, diags, err);
	if (!code) {
		code = build(a, &list, opts, diags, &set, err);
	}
	if (code) {
		policy_diags_keep(diags);
	}
	arena_done(&trees);
	if (!code) {
		set->trees = NULL;
		*ret = set;
	}
	return code;
}

enum err_code policy_canonical(const struct policy_source *sources, size_t n, struct buf *out,
			       struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct policy_lex lx;

		if (!policy_lex_init(&lx, &sources[i], NULL)) {
			return ERR(err, ERR_SYNTAX, STR_FMT ": not a policy text",
				   STR_ARG(sources[i].name));
		}
		for (; lx.tok.kind != POLICY_TOK_END; policy_lex_next(&lx)) {
			if (lx.tok.kind == POLICY_TOK_BAD) {
				return ERR(err, ERR_SYNTAX, STR_FMT ": not a policy text",
					   STR_ARG(sources[i].name));
			}
			buf_append(out, lx.tok.text);
			buf_append_c(out, lx.tok.kind == POLICY_TOK_SEMICOLON ? '\n' : ' ');
		}
	}
	return out->failed ? ERR(err, ERR_LIMIT, "policies: canonical text too long") : ERR_OK;
}
