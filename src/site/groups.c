/* SPDX-License-Identifier: Apache-2.0 */
#include "site/groups.h"

#include "policy/ext.h"

void site_window_cut(struct site_window *w, int64_t date, int64_t now)
{
	if (date <= now) {
		w->from = date > w->from ? date : w->from;
	} else {
		w->until = date < w->until ? date : w->until;
	}
}

bool site_date_parse(struct str s, int64_t *ret)
{
	return policy_datetime_parse(s, ret);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next word; what follows it in *rest, without the space between. */
static struct str word(struct str *rest)
{
	struct str w;
	size_t n = 0;

	while (n < rest->n && !is_space(rest->p[n])) {
		n++;
	}
	w = str_make(rest->p, n);
	while (n < rest->n && is_space(rest->p[n])) {
		n++;
	}
	*rest = str_from(*rest, n);
	return w;
}

static bool is_name(struct str s, size_t max, bool lower)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool letter = (c >= 'A' && c <= 'Z') || (lower && c >= 'a' && c <= 'z');

		if (!letter && !(i && ((c >= '0' && c <= '9') || c == '-'))) {
			return false;
		}
	}
	return s.n >= 2 && s.n <= max;
}

static bool take_member(struct str text, struct site_member *m)
{
	struct str rest = text;

	if (str_starts_with(text, STR("@"))) {
		m->is_group = true;
		m->code = str_from(text, 1);
		return is_name(m->code, SITE_NAME_MAX, false);
	}
	m->code = str_cut(&rest, '+');
	m->scheme = rest;
	return is_name(m->code, SITE_CODE_MAX, false) &&
	       (!rest.p || is_name(rest, SITE_NAME_MAX, true));
}

static bool take_date(struct str s, int64_t none, int64_t *ret)
{
	*ret = none;
	return str_eq(s, STR("-")) || site_date_parse(s, ret);
}

static const char *take_line(struct str line, struct site_member *m)
{
	m->group = word(&line);
	if (!is_name(m->group, SITE_NAME_MAX, false)) {
		return "a group is named in capitals, as in EU-ADEQUATE";
	}
	if (!take_member(word(&line), m)) {
		return "a member is a code as DE, a code with a scheme as US+dpf, or a group as "
		       "@EEA";
	}
	if (!take_date(word(&line), INT64_MIN, &m->from) ||
	    !take_date(word(&line), INT64_MAX, &m->until)) {
		return "a date is YYYY-MM-DD, or '-'";
	}
	if (m->from >= m->until) {
		return "it ends before it begins";
	}
	m->basis = str_trim(line);
	if (!str_is_utf8(m->basis)) {
		return "the legal basis is not UTF-8";
	}
	return m->basis.n ? NULL : "the legal basis is missing";
}

enum err_code site_groups_parse(struct arena *a, struct str name, struct str text,
				struct site_groups *to, struct err *err)
{
	size_t at = 0;

	while (text.p) {
		struct str line = str_cut(&text, '\n');
		struct site_member m = {0};
		const char *wrong;

		at++;
		line = str_make(line.p, str_find(line, '#'));
		while (line.n && is_space(line.p[line.n - 1])) {
			line.n--;
		}
		while (line.n && is_space(line.p[0])) {
			line = str_from(line, 1);
		}
		if (line.n == 0) {
			continue;
		}
		wrong = take_line(line, &m);
		if (wrong) {
			return ERR(err, ERR_SYNTAX, STR_FMT ":%zu: %s", STR_ARG(name), at, wrong);
		}
		if (to->n == SITE_GROUPS_MEMBERS_MAX) {
			return ERR(err, ERR_LIMIT, STR_FMT ":%zu: more than %d members",
				   STR_ARG(name), at, SITE_GROUPS_MEMBERS_MAX);
		}
		if (!ARENA_GROW(a, &to->items, to->n, &to->cap)) {
			return ERR(err, ERR_NOMEM, "no memory for the groups");
		}
		to->items[to->n++] = m;
	}
	return ERR_OK;
}

struct question {
	const struct site_groups *groups;
	struct str code;
	const struct str *schemes;
	size_t n_schemes;
	int64_t now;
	struct site_window *window;
};

static bool holds(const struct question *q, const struct site_member *m)
{
	bool scheme = m->scheme.n == 0;

	for (size_t i = 0; i < q->n_schemes && !scheme; i++) {
		scheme = str_eq(q->schemes[i], m->scheme);
	}
	if (!scheme || m->revoked) {
		return false;
	}
	if (m->from != INT64_MIN) {
		site_window_cut(q->window, m->from, q->now);
	}
	if (m->until != INT64_MAX) {
		site_window_cut(q->window, m->until, q->now);
	}
	return m->from <= q->now && q->now < m->until;
}

/* Recursion is bounded by SITE_GROUPS_DEPTH_MAX. */
static bool is_in(const struct question *q, struct str group, unsigned depth)
{
	for (size_t i = 0; i < q->groups->n; i++) {
		const struct site_member *m = &q->groups->items[i];

		if (!str_eq(m->group, group) || (!m->is_group && !str_eq(m->code, q->code)) ||
		    !holds(q, m)) {
			continue;
		}
		if (!m->is_group ||
		    (depth < SITE_GROUPS_DEPTH_MAX && is_in(q, m->code, depth + 1))) {
			return true;
		}
	}
	return false;
}

bool site_groups_have(const struct site_groups *g, struct str group, struct str code,
		      const struct str *schemes, size_t n_schemes, int64_t now,
		      struct site_window *w)
{
	const struct question q = {.groups = g,
				   .code = code,
				   .schemes = schemes,
				   .n_schemes = n_schemes,
				   .now = now,
				   .window = w};

	return is_in(&q, group, 0);
}

size_t site_groups_revoke(struct site_groups *g, struct str basis)
{
	struct str member = basis, group = str_cut(&member, ':');
	size_t n = 0;

	for (size_t i = 0; i < g->n; i++) {
		struct site_member *m = &g->items[i];

		if ((member.p && str_eq(m->group, group) && str_eq(m->code, member)) ||
		    (basis.n && str_find_str(m->basis, basis) < m->basis.n)) {
			m->revoked = true;
			n++;
		}
	}
	return n;
}
