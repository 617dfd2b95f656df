/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/literals.h"

#include "policy/lex.h"

struct found {
	struct arena *arena;
	struct str *items;
	size_t n, cap;
};

static bool is_known(const struct found *f, struct str id)
{
	for (size_t i = 0; i < f->n; i++) {
		if (str_eq(f->items[i], id)) {
			return true;
		}
	}
	return false;
}

static enum err_code keep(struct found *f, struct str id, struct err *err)
{
	if (is_known(f, id)) {
		return ERR_OK;
	}
	if (f->n == POLICY_LITERALS_MAX) {
		return ERR(err, ERR_LIMIT, "the policies name more than %d things of one type",
			   POLICY_LITERALS_MAX);
	}
	if (!ARENA_GROW(f->arena, &f->items, f->n, &f->cap)) {
		return ERR(err, ERR_NOMEM, "no memory for what the policies name");
	}
	f->items[f->n++] = id;
	return ERR_OK;
}

/* TYPE :: "id", wherever it stands. */
static enum err_code look(struct found *f, const struct policy_source *src, struct str type,
			  struct err *err)
{
	struct policy_diags diags = {.arena = f->arena};
	struct policy_lex lx;
	struct str id;

	if (!policy_lex_init(&lx, src, &diags)) {
		return ERR(err, ERR_SYNTAX, STR_FMT ": not the text of policies",
			   STR_ARG(src->name));
	}
	while (lx.tok.kind != POLICY_TOK_END) {
		bool named = policy_lex_is(&lx, type);

		if (lx.tok.kind == POLICY_TOK_BAD) {
			return ERR(err, ERR_SYNTAX, STR_FMT ": not the text of policies",
				   STR_ARG(src->name));
		}
		policy_lex_next(&lx);
		if (!named || !policy_lex_accept(&lx, POLICY_TOK_PATH) ||
		    lx.tok.kind != POLICY_TOK_STRING) {
			continue;
		}
		if (!policy_unescape(&lx, &lx.tok, f->arena, &id)) {
			return ERR(err, ERR_SYNTAX, STR_FMT ": a bad string", STR_ARG(src->name));
		}
		TRY(keep(f, id, err));
	}
	return ERR_OK;
}

enum err_code policy_literals(struct arena *a, const struct policy_source *sources, size_t n,
			      struct str type, const struct str **ret, size_t *ret_n,
			      struct err *err)
{
	struct found f = {.arena = a};

	for (size_t i = 0; i < n; i++) {
		/* Most sets name none: their texts are not even cut into tokens. */
		if (str_find_str(sources[i].text, type) < sources[i].text.n) {
			TRY(look(&f, &sources[i], type, err));
		}
	}
	*ret = f.items;
	*ret_n = f.n;
	return ERR_OK;
}
