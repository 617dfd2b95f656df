/* SPDX-License-Identifier: Apache-2.0 */
#include "site/compile_priv.h"

#include "policy/partial.h"

/*
 * A policy is a row of conditions that must all hold. Each is looked at by itself: whether
 * it depends on the row, on the column, on both or on something that is open; its value for each
 * class becomes pieces, and the pieces of all conditions are intersected.
 */

enum { PIECES_MAX = 4096, CELLS_MAX = 1 << 20, MIXED_CELLS_MAX = 1 << 12 };

static const struct str agent_type = STR_INIT("Writ::Agent");

struct compiler {
	struct arena *a, scratch;
	const struct site_compile *in;
	struct policy_uid principal, action;
	struct policy_uid *columns;
	const struct policy *policy; /* under way */
	bool looks_past;             /* it has met something open */
	enum err_code code;
	struct err *err;
};

static struct site_piece whole(const struct compiler *c)
{
	struct site_piece p = {.levels = (1u << SITE_LEVELS) - 1,
			       .purposes = UINT64_MAX >> (63 - c->in->words.n_purposes),
			       .origins = UINT32_MAX >> (31 - c->in->words.n_origins)};

	for (size_t i = 0; i < c->in->n_columns; i++) {
		site_set_add(&p.columns, i);
	}
	return p;
}

/* ---- one class ---- */

static struct policy_value context_of(struct compiler *c, const struct site_row *row)
{
	const struct site_words *w = &c->in->words;
	struct policy_value *categories =
		ARENA_ARRAY(&c->scratch, SITE_CATEGORIES, struct policy_value);
	struct policy_field *f = ARENA_ARRAY(&c->scratch, 12, struct policy_field);
	struct policy_value labels, common, context = {0};
	size_t n = 0;

	if (!f || !categories) {
		return context;
	}
	for (size_t i = 0; i < w->n_categories; i++) {
		if (row->categories >> i & 1) {
			categories[n++] = policy_string(w->categories[i]);
		}
	}
	f[0] = (struct policy_field){STR("categories"), policy_value_set(categories, n)};
	f[1] = (struct policy_field){STR("confidentiality"), policy_long(row->level)};
	f[2] = (struct policy_field){STR("integrity"), {0}};
	f[3] = (struct policy_field){STR("origins"), {0}};
	if (!policy_value_record(f, 4, &labels)) {
		return context;
	}
	f[4] = (struct policy_field){STR("labels"), labels};
	f[5] = (struct policy_field){STR("now"), {0}};
	f[6] = (struct policy_field){
		STR("origin"),
		policy_string(row->origin < w->n_origins ? w->origins[row->origin] : STR(""))};
	f[7] = (struct policy_field){
		STR("purpose"),
		policy_string(row->purpose < w->n_purposes ? w->purposes[row->purpose] : STR(""))};
	f[8] = (struct policy_field){STR("session"), {0}};
	if (!policy_value_record(f + 4, 5, &common)) {
		return context;
	}
	f[9] = (struct policy_field){STR("input"), {0}};
	f[10] = (struct policy_field){STR("sessionId"), {0}};
	f[11] = (struct policy_field){STR("w"), common};
	return policy_value_record(f + 9, 3, &context) ? context : (struct policy_value){0};
}

/* Does the part of a policy count for this row and column? */
static bool counts(struct compiler *c, const struct policy *part, const struct site_row *row,
		   size_t column)
{
	struct policy_request req = {.principal = &c->principal,
				     .action = &c->action,
				     .resource = &c->columns[column],
				     .store = c->in->store};
	const struct policy_partial known = {.request = &req};
	unsigned may = POLICY_MAY_ALL;

	arena_reset(&c->scratch);
	req.context = context_of(c, row);
	if (c->code || !req.context.fields) {
		c->code = c->code ? c->code : ERR(c->err, ERR_NOMEM, "no memory for the matrix");
		return false;
	}
	if (policy_partial(&known, part, &c->scratch, &may, c->err)) {
		c->code = ERR(c->err, ERR_NOMEM, "no memory for the matrix");
		return false;
	}
	if (may & (may - 1)) {
		c->looks_past = true;
	}
	return c->policy->effect == POLICY_PERMIT ? (may & POLICY_MAY_HOLD) != 0
						  : (may & POLICY_MAY_NOT) == 0;
}

/* ---- one condition ---- */

struct table {
	struct site_reads reads;
	uint8_t bits[SITE_CATEGORIES]; /* which category each bit of the table stands for */
	size_t n_bits, n_levels, n_purposes, n_origins, n; /* of cells */
	uint8_t *cells;
};

static bool table_init(struct compiler *c, const struct site_reads *reads, size_t max,
		       struct table *t)
{
	const struct site_words *w = &c->in->words;

	*t = (struct table){.reads = *reads,
			    .n_levels = reads->level ? SITE_LEVELS : 1,
			    .n_purposes = reads->purpose ? w->n_purposes + 1 : 1,
			    .n_origins = reads->origin ? w->n_origins + 1 : 1};
	for (uint8_t i = 0; i < w->n_categories; i++) {
		if (reads->categories >> i & 1) {
			t->bits[t->n_bits++] = i;
		}
	}
	t->n = t->n_levels * t->n_purposes * t->n_origins << t->n_bits;
	if (t->n > max) {
		c->code = ERR(c->err, ERR_LIMIT,
			      "policy " STR_FMT
			      " asks for too many labels at once in one condition: split it",
			      STR_ARG(c->policy->id));
		return false;
	}
	t->cells = arena_alloc(c->a, t->n);
	if (!t->cells) {
		c->code = ERR(c->err, ERR_NOMEM, "no memory for the matrix");
	}
	return t->cells != NULL;
}

/* Cell numbers count origins fastest, then purposes, levels, categories. */
static void table_fill(struct compiler *c, struct table *t, const struct policy *part,
		       size_t column)
{
	for (size_t i = 0; i < t->n && !c->code; i++) {
		size_t rest = i / t->n_origins;
		struct site_row row = {.origin = (uint8_t)(i % t->n_origins)};

		row.purpose = (uint8_t)(rest % t->n_purposes);
		rest /= t->n_purposes;
		row.level = (uint8_t)(rest % t->n_levels);
		rest /= t->n_levels;
		for (size_t k = 0; k < t->n_bits; k++) {
			if (rest >> k & 1) {
				row.categories |= (uint16_t)(1u << t->bits[k]);
			}
		}
		t->cells[i] = counts(c, part, &row, column);
	}
}

static bool add_piece(struct compiler *c, struct site_pieces *to, const struct site_piece *p)
{
	if (to->n == PIECES_MAX) {
		c->code = ERR(c->err, ERR_LIMIT,
			      "policy " STR_FMT " falls into too many parts: write several",
			      STR_ARG(c->policy->id));
		return false;
	}
	if (!ARENA_GROW(c->a, &to->items, to->n, &to->cap)) {
		c->code = ERR(c->err, ERR_NOMEM, "no memory for the matrix");
		return false;
	}
	to->items[to->n++] = *p;
	return true;
}

static uint32_t origins_at(const struct table *t, const uint8_t *cells, uint32_t all)
{
	uint32_t origins = 0;

	if (!t->reads.origin) {
		return cells[0] ? all : 0;
	}
	for (size_t o = 0; o < t->n_origins; o++) {
		origins |= (uint32_t)cells[o] << o;
	}
	return origins;
}

/* The purposes from `p` on that go with the same origins. */
static uint64_t purposes_like(const uint32_t *origins, size_t n, size_t p)
{
	uint64_t purposes = 0;

	for (size_t q = p; q < n; q++) {
		purposes |= (uint64_t)(origins[q] == origins[p]) << q;
	}
	return purposes;
}

/* A level's piece joins that of another level which is the same otherwise. */
static void join_levels(struct compiler *c, struct site_pieces *to, size_t first,
			const struct site_piece *piece)
{
	size_t k = first;

	while (k < to->n && (to->items[k].purposes != piece->purposes ||
			     to->items[k].origins != piece->origins)) {
		k++;
	}
	if (k < to->n) {
		to->items[k].levels |= piece->levels;
	} else {
		(void)add_piece(c, to, piece); /* c->code tells */
	}
}

/* The cells of one set of categories: purposes that go with the same origins are one piece. */
static void leaf(struct compiler *c, const struct table *t, const uint8_t *cells,
		 const struct site_piece *base, struct site_pieces *to)
{
	uint32_t origins[SITE_PURPOSES];
	size_t first = to->n;

	for (size_t l = 0; l < t->n_levels; l++) {
		uint64_t done = 0;

		for (size_t p = 0; p < t->n_purposes; p++) {
			origins[p] = origins_at(t, cells + (l * t->n_purposes + p) * t->n_origins,
						base->origins);
		}
		for (size_t p = 0; p < t->n_purposes && !c->code; p++) {
			struct site_piece piece = *base;

			if (origins[p] == 0 || (done >> p & 1)) {
				continue;
			}
			piece.origins = origins[p];
			piece.levels = t->reads.level ? (uint8_t)(1u << l) : base->levels;
			if (t->reads.purpose) {
				piece.purposes = purposes_like(origins, t->n_purposes, p);
				done |= piece.purposes;
			}
			join_levels(c, to, first, &piece);
		}
	}
}

/* Halves the table by its last category; halves that are alike need no word about it. */
static void pieces_of(struct compiler *c, const struct table *t, const uint8_t *cells,
		      size_t n_bits, struct site_piece base, struct site_pieces *to)
{
	size_t half = t->n_levels * t->n_purposes * t->n_origins << (n_bits ? n_bits - 1 : 0);
	uint16_t bit;

	if (c->code) {
		return;
	}
	if (n_bits == 0) {
		leaf(c, t, cells, &base, to);
		return;
	}
	if (memcmp(cells, cells + half, half) == 0) {
		pieces_of(c, t, cells, n_bits - 1, base, to);
		return;
	}
	bit = (uint16_t)(1u << t->bits[n_bits - 1]);
	base.excluded |= bit;
	pieces_of(c, t, cells, n_bits - 1, base, to);
	base.excluded &= (uint16_t)~bit;
	base.required |= bit;
	pieces_of(c, t, cells + half, n_bits - 1, base, to);
}

/* A condition on the row alone, the same for every column. */
static void by_row(struct compiler *c, const struct policy *part, const struct site_reads *reads,
		   struct site_pieces *to)
{
	struct table t;

	if (table_init(c, reads, CELLS_MAX, &t)) {
		table_fill(c, &t, part, 0);
		pieces_of(c, &t, t.cells, t.n_bits, whole(c), to);
	}
}

/* A condition on both: columns whose tables are alike share their pieces. */
static void by_both(struct compiler *c, const struct policy *part, const struct site_reads *reads,
		    const struct site_set *columns, struct site_pieces *to)
{
	struct table *t = ARENA_ARRAY(c->a, c->in->n_columns, struct table);
	struct site_set *sets = ARENA_ARRAY(c->a, c->in->n_columns, struct site_set);
	size_t n = 0;

	if (!t || !sets) {
		c->code = ERR(c->err, ERR_NOMEM, "no memory for the matrix");
		return;
	}
	for (size_t i = 0; i < c->in->n_columns && !c->code; i++) {
		size_t k = 0;

		if (!site_set_has(columns, i) || !table_init(c, reads, MIXED_CELLS_MAX, &t[n])) {
			continue;
		}
		table_fill(c, &t[n], part, i);
		while (k < n && memcmp(t[k].cells, t[n].cells, t[n].n) != 0) {
			k++;
		}
		site_set_add(&sets[k], i);
		n += k == n;
	}
	for (size_t k = 0; k < n && !c->code; k++) {
		struct site_piece base = whole(c);

		base.columns = sets[k];
		pieces_of(c, &t[k], t[k].cells, t[k].n_bits, base, to);
	}
}

static void by_column(struct compiler *c, const struct policy *part, struct site_set *columns)
{
	const struct site_row any = {0};

	for (size_t i = 0; i < c->in->n_columns && !c->code; i++) {
		if (site_set_has(columns, i) && !counts(c, part, &any, i)) {
			columns->w[i / 64] &= ~(UINT64_C(1) << (i % 64));
		}
	}
}

static bool meet(const struct site_piece *x, const struct site_piece *y, struct site_piece *ret)
{
	*ret = (struct site_piece){.required = x->required | y->required,
				   .excluded = x->excluded | y->excluded,
				   .levels = x->levels & y->levels,
				   .purposes = x->purposes & y->purposes,
				   .origins = x->origins & y->origins};
	for (size_t k = 0; k < SITE_SET_WORDS; k++) {
		ret->columns.w[k] = x->columns.w[k] & y->columns.w[k];
	}
	return ret->levels && ret->purposes && ret->origins && !(ret->required & ret->excluded) &&
	       !site_set_empty(&ret->columns);
}

static void intersect(struct compiler *c, struct site_pieces *all, const struct site_pieces *with)
{
	struct site_pieces next = {0};
	struct site_piece p;

	for (size_t i = 0; i < all->n; i++) {
		for (size_t k = 0; k < with->n && !c->code; k++) {
			if (meet(&all->items[i], &with->items[k], &p)) {
				(void)add_piece(c, &next, &p); /* c->code tells */
			}
		}
	}
	*all = next;
}

static void take_condition(struct compiler *c, const struct site_condition *cond,
			   struct site_set *columns, struct site_pieces *all)
{
	struct policy_cond one = {.unless = cond->negated, .body = cond->body};
	const struct policy part = {
		.effect = c->policy->effect, .id = c->policy->id, .conds = &one, .n_conds = 1};
	struct site_reads reads = {0};
	struct site_pieces pieces = {0};

	site_reads_of(cond->body, &c->in->words, &reads);
	if (reads.open) {
		c->looks_past = true;
		if (c->policy->effect == POLICY_FORBID) {
			all->n = 0;
		}
		return;
	}
	if (reads.categories || reads.level || reads.purpose || reads.origin) {
		if (reads.column) {
			by_both(c, &part, &reads, columns, &pieces);
		} else {
			by_row(c, &part, &reads, &pieces);
		}
		intersect(c, all, &pieces);
	} else {
		struct site_piece only = whole(c);

		by_column(c, &part, columns);
		only.columns = *columns;
		pieces = (struct site_pieces){.items = &only, .n = 1};
		intersect(c, all, &pieces);
	}
}

/* ---- one policy ---- */

/* False: it says nothing about models, or never matches an agent. */
static bool take_scope(struct compiler *c, struct site_set *columns, bool *ret_dropped)
{
	const struct policy *p = c->policy;
	const struct policy action = {.effect = POLICY_PERMIT, .action = p->action};
	const struct policy resource = {.effect = p->effect, .resource = p->resource};
	struct policy_request req = {.principal = &c->principal,
				     .action = &c->action,
				     .resource = &c->columns[0],
				     .store = c->in->store,
				     .context = {.kind = POLICY_RECORD}};
	const struct policy_partial known = {.request = &req};
	bool typed = p->principal.op == POLICY_SCOPE_IS || p->principal.op == POLICY_SCOPE_IS_IN;
	unsigned may = 0;

	*ret_dropped = false;
	arena_reset(&c->scratch);
	if (policy_partial(&known, &action, &c->scratch, &may, c->err)) {
		c->code = ERR(c->err, ERR_NOMEM, "no memory for the matrix");
		return false;
	}
	if (!(may & POLICY_MAY_HOLD) || (typed && !str_eq(p->principal.type, agent_type))) {
		return false;
	}
	if (p->principal.op != POLICY_SCOPE_ANY && p->principal.op != POLICY_SCOPE_IS) {
		c->looks_past = true;
		*ret_dropped = p->effect == POLICY_FORBID;
	}
	by_column(c, &resource, columns);
	return true;
}

static void take_policy(struct compiler *c, struct site_pieces *all, bool *ret_bears)
{
	struct site_conditions conds = {0};
	struct site_piece start = whole(c);
	bool dropped;

	*all = (struct site_pieces){0};
	*ret_bears = take_scope(c, &start.columns, &dropped);
	if (c->code || !*ret_bears || dropped || site_set_empty(&start.columns)) {
		return;
	}
	if (!site_conditions(c->a, c->policy, &conds)) {
		c->code = ERR(c->err, ERR_NOMEM, "no memory for the matrix");
		return;
	}
	(void)add_piece(c, all, &start); /* c->code tells */
	for (size_t i = 0; i < conds.n && !c->code; i++) {
		take_condition(c, &conds.items[i], &start.columns, all);
	}
}

static enum err_code add_terms(struct compiler *c, const struct site_pieces *all, uint32_t policy,
			       struct site_matrix *m, size_t *cap)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct site_piece *p = &all->items[i];

		if (m->n_terms == SITE_TERMS_MAX) {
			return ERR(c->err, ERR_LIMIT,
				   "the policies are too many for a residency matrix");
		}
		if (!ARENA_GROW(c->a, &m->terms, m->n_terms, cap)) {
			return ERR(c->err, ERR_NOMEM, "no memory for the matrix");
		}
		m->terms[m->n_terms++] = (struct site_term){
			.permit = c->policy->effect == POLICY_PERMIT,
			.levels = p->levels,
			.required = p->required,
			.excluded = p->excluded,
			.origins = p->origins,
			.purposes = p->purposes,
			.policy = policy,
			.columns = p->columns,
		};
	}
	return ERR_OK;
}

/* Counted at `now`? Its dates bound how long the answer holds. */
static bool in_force(const struct site_compile *in, const struct policy *p, struct site_window *w)
{
	const struct policy_rule *rule = in->set ? policy_set_find(in->set, p->id) : NULL;

	if (!rule) {
		return !p->template;
	}
	if (rule->since != INT64_MIN) {
		site_window_cut(w, rule->since, in->now);
	}
	if (rule->until != INT64_MAX) {
		site_window_cut(w, rule->until, in->now);
	}
	return !rule->log_only && rule->since <= in->now && in->now < rule->until;
}

/* What cannot be taken apart permits all that no other policy forbids. */
static enum err_code add_opaque(struct compiler *c, struct site_compiled *out, struct str *ids,
				struct str *open, size_t *cap)
{
	static const struct policy permit = {.effect = POLICY_PERMIT};
	struct site_piece all = whole(c);
	const struct site_pieces one = {.items = &all, .n = 1};

	c->policy = &permit;
	for (size_t i = 0; i < c->in->n_opaque; i++) {
		TRY(add_terms(c, &one, (uint32_t)out->n_policies, &out->matrix, cap));
		ids[out->n_policies++] = c->in->opaque[i];
		open[out->n_open++] = c->in->opaque[i];
	}
	return ERR_OK;
}

static enum err_code compile_all(struct compiler *c, struct site_compiled *out)
{
	size_t most = c->in->policies->n + c->in->n_opaque + 1;
	struct str *ids = ARENA_ARRAY(c->a, most, struct str);
	struct str *open = ARENA_ARRAY(c->a, most, struct str);
	size_t cap = 0;

	if (!ids || !open) {
		return ERR(c->err, ERR_NOMEM, "no memory for the matrix");
	}
	TRY(add_opaque(c, out, ids, open, &cap));
	for (size_t i = 0; i < c->in->policies->n; i++) {
		struct site_pieces all;
		bool bears;

		c->policy = c->in->policies->items[i];
		c->looks_past = false;
		if (!in_force(c->in, c->policy, &out->window)) {
			continue;
		}
		take_policy(c, &all, &bears);
		TRY(c->code);
		if (!bears) {
			continue;
		}
		TRY(add_terms(c, &all, (uint32_t)out->n_policies, &out->matrix, &cap));
		ids[out->n_policies++] = c->policy->id;
		if (c->looks_past) {
			open[out->n_open++] = c->policy->id;
		}
	}
	out->policies = ids;
	out->open = open;
	return ERR_OK;
}

enum err_code site_compile(struct arena *a, const struct site_compile *in,
			   struct site_compiled *ret, struct err *err)
{
	struct err local = {0};
	struct compiler c = {.a = a, .in = in, .err = err ? err : &local};
	struct site_compiled out = {.window = ret->window};
	enum err_code code = ERR_OK;

	if (in->words.n_purposes >= SITE_PURPOSES || in->words.n_origins >= SITE_ORIGINS ||
	    in->words.n_categories > SITE_CATEGORIES || in->n_columns > SITE_COLUMNS) {
		return ERR(c.err, ERR_LIMIT, "more labels or models than a matrix holds");
	}
	c.principal = policy_uid_make(agent_type, STR(""));
	c.action = policy_uid_make(STR("Writ::Action"), STR("infer"));
	c.columns = ARENA_ARRAY(a, in->n_columns + 1, struct policy_uid);
	if (!c.columns) {
		return ERR(c.err, ERR_NOMEM, "no memory for the matrix");
	}
	for (size_t i = 0; i < in->n_columns; i++) {
		c.columns[i] = policy_uid_make(STR("Writ::Model"), in->columns[i].model);
	}
	arena_init(&c.scratch, 4 << 20);
	out.matrix = (struct site_matrix){.words = in->words,
					  .columns = in->columns,
					  .n_columns = in->n_columns,
					  .usable = in->usable};
	if (in->n_columns) {
		code = compile_all(&c, &out);
	}
	arena_done(&c.scratch);
	TRY(code);
	TRY(site_matrix_build(a, &out.matrix, c.err));
	*ret = out;
	return ERR_OK;
}
