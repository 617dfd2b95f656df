/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/prove.h"

enum follows { NOTHING = 0, QUERY, FILE_NAME, POLICY_NAME };

static const struct claim {
	struct str word;
	enum prove_claim claim;
	enum follows follows;
} claims[] = {
	{STR_INIT("always-denies"), PROVE_ALWAYS_DENIES, QUERY},
	{STR_INIT("unreachable"), PROVE_ALWAYS_DENIES, QUERY},
	{STR_INIT("reachable"), PROVE_REACHABLE, QUERY},
	{STR_INIT("always-allows"), PROVE_ALWAYS_ALLOWS, QUERY},
	{STR_INIT("never-errors"), PROVE_NEVER_ERRORS, QUERY},
	{STR_INIT("equivalent"), PROVE_EQUIVALENT, FILE_NAME},
	{STR_INIT("implies"), PROVE_IMPLIES, FILE_NAME},
	{STR_INIT("shadowed"), PROVE_SHADOWED, POLICY_NAME},
	{STR_INIT("never-matches"), PROVE_NEVER_MATCHES, POLICY_NAME},
};

static const struct claim *find(struct str word)
{
	for (size_t i = 0; i < ARRAY_LEN(claims); i++) {
		if (str_eq(claims[i].word, word)) {
			return &claims[i];
		}
	}
	return NULL;
}

struct str prove_word(struct str text)
{
	struct str s = str_trim(text);
	size_t n = 0;

	while (n < s.n && s.p[n] != ' ' && s.p[n] != '(' && s.p[n] != '\n') {
		n++;
	}
	return str_make(s.p, n);
}

bool prove_is_claim(struct str word)
{
	return find(word);
}

static bool begins_with_word(struct str s, struct str word)
{
	return str_starts_with(s, word) &&
	       (s.n == word.n || s.p[word.n] == ' ' || s.p[word.n] == '{' || s.p[word.n] == '\n');
}

/* `(principal, ...) when {...}`, `when {...}` or a condition: the rest of a permit. */
static struct str query_text(struct arena *a, struct str s)
{
	static const struct str all = STR_INIT("(principal, action, resource)");
	struct str inner = str_trim(str_make(s.p + 1, s.n > 0 ? s.n - 1 : 0));

	if (s.n > 0 && s.p[0] == '(' &&
	    (str_starts_with(inner, STR("principal,")) ||
	     str_starts_with(inner, STR("principal ,")) ||
	     begins_with_word(inner, STR("principal")))) {
		struct str text = arena_printf(a, "permit " STR_FMT ";", STR_ARG(s));
		size_t depth = 0, commas = 0;

		/* A scope has two commas, a condition in parentheses has none. */
		for (size_t i = 0; i < s.n; i++) {
			depth += s.p[i] == '(' || s.p[i] == '[';
			depth -= s.p[i] == ')' || s.p[i] == ']';
			commas += depth == 1 && s.p[i] == ',';
			if (depth == 0) {
				break;
			}
		}
		if (commas == 2) {
			return text;
		}
	}
	if (begins_with_word(s, STR("when")) || begins_with_word(s, STR("unless"))) {
		return arena_printf(a, "permit " STR_FMT " " STR_FMT ";", STR_ARG(all), STR_ARG(s));
	}
	return arena_printf(a, "permit " STR_FMT " when { " STR_FMT "\n};", STR_ARG(all),
			    STR_ARG(s));
}

static enum err_code read_query(struct arena *a, struct str text, const struct policy **ret,
				struct policy_diags *diags, struct err *err)
{
	struct policy_source *src = ARENA_NEW(a, struct policy_source);
	struct policy_list list = {0};

	if (src) {
		*src = (struct policy_source){STR("<invariant>"), query_text(a, text)};
	}
	if (!src || !src->text.p) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	TRY(policy_parse(a, src, POLICY_ID_ORDER, &list, diags, err));
	if (list.n != 1 || list.items[0]->template) {
		return ERR(err, ERR_SYNTAX, "the invariant must name one scope or one condition");
	}
	*ret = list.items[0];
	return ERR_OK;
}

enum err_code prove_parse(struct arena *a, struct str text, struct prove_invariant *ret,
			  struct str *ret_file, struct policy_diags *diags, struct err *err)
{
	struct prove_invariant inv = {0};
	struct str rest = str_trim(text), file = {0};
	const struct claim *c;
	size_t n = prove_word(rest).n;

	c = find(str_make(rest.p, n));
	if (!c) {
		return ERR(err, ERR_SYNTAX,
			   "\"" STR_FMT "\" is no invariant; `writ policy prove --help` lists them",
			   STR_ARG(str_make(rest.p, n)));
	}
	inv.claim = c->claim;
	rest = str_trim(str_make(rest.p + n, rest.n - n));
	if (rest.n == 0 && (c->follows == FILE_NAME || c->follows == POLICY_NAME)) {
		return ERR(err, ERR_SYNTAX, "%s needs %s", c->word.p,
			   c->follows == FILE_NAME ? "a file of policies" : "the id of a policy");
	}
	if (c->follows == FILE_NAME) {
		file = rest;
	} else if (c->follows == POLICY_NAME) {
		inv.id = rest;
	} else if (rest.n > 0) {
		TRY(read_query(a, rest, &inv.query, diags, err));
	}
	*ret = inv;
	*ret_file = file;
	return ERR_OK;
}
