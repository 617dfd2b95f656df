/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/prove_priv.h"

/* What datetime() can read without a time zone. */
#define DATETIME_MIN INT64_C(-62167219200000)
#define DATETIME_MAX INT64_C(253402300799999)
#define DAY_MS       INT64_C(86400000)

bool prove_refuse(struct prove_model *m, const char *why)
{
	if (!m->why.p) {
		m->why = str_from_c(why);
	}
	return false;
}

struct prove_domain *prove_domain_new(struct prove_model *m, enum policy_kind kind,
				      const struct schema_entity *entity)
{
	struct prove_domain *d = ARENA_NEW(m->a, struct prove_domain);

	if (!d) {
		m->nomem = true;
		return NULL;
	}
	d->kind = kind;
	d->entity = entity;
	d->next = m->domains;
	m->domains = d;
	return d;
}

struct prove_domain *prove_domain_root(struct prove_domain *d)
{
	while (d->up) {
		d = d->up;
	}
	return d;
}

struct prove_domain *prove_domain_entity(struct prove_model *m, const struct schema_entity *e)
{
	for (struct prove_domain *d = m->domains; d; d = d->next) {
		if (d->kind == POLICY_ENTITY && d->entity == e) {
			return d;
		}
	}
	return prove_domain_new(m, POLICY_ENTITY, e);
}

void prove_domain_join(struct prove_domain *a, struct prove_domain *b)
{
	a = prove_domain_root(a);
	b = prove_domain_root(b);
	if (a != b) {
		b->up = a;
	}
}

void prove_domain_const(struct prove_model *m, struct prove_domain *d, struct policy_value v)
{
	if (!ARENA_GROW(m->a, &d->consts, d->n_consts, &d->cap_consts)) {
		m->nomem = true;
		return;
	}
	d->consts[d->n_consts++] = v;
}

void prove_domain_pattern(struct prove_model *m, struct prove_domain *d,
			  const struct policy_pattern *p)
{
	if (!ARENA_GROW(m->a, &d->patterns, d->n_patterns, &d->cap_patterns)) {
		m->nomem = true;
		return;
	}
	d->patterns[d->n_patterns++] = p;
}

void prove_domain_term(struct prove_model *m, struct prove_domain *d, uint64_t term)
{
	for (size_t i = 0; i < d->n_terms; i++) {
		if (d->terms[i] == term) {
			return;
		}
	}
	if (!ARENA_GROW(m->a, &d->terms, d->n_terms, &d->cap_terms)) {
		m->nomem = true;
		return;
	}
	d->terms[d->n_terms++] = term;
}

bool prove_domain_value(struct prove_model *m, struct prove_domain *root, struct policy_value v)
{
	for (size_t i = 0; i < root->n_values; i++) {
		if (policy_value_eq(root->values[i], v)) {
			return true;
		}
	}
	if (root->n_values == PROVE_VALUES) {
		return prove_refuse(m, "an attribute has more than 65536 classes of values");
	}
	if (!ARENA_GROW(m->a, &root->values, root->n_values, &root->cap_values)) {
		m->nomem = true;
		return false;
	}
	root->values[root->n_values++] = v;
	return true;
}

/* Everything that members of the group know becomes the root's. */
static void gather(struct prove_model *m)
{
	for (struct prove_domain *d = m->domains; d; d = d->next) {
		struct prove_domain *root = prove_domain_root(d);

		if (root == d) {
			continue;
		}
		root->linked = root->linked || d->linked;
		root->n_sets += d->n_sets;
		for (size_t i = 0; i < d->n_consts; i++) {
			prove_domain_const(m, root, d->consts[i]);
		}
		for (size_t i = 0; i < d->n_patterns; i++) {
			prove_domain_pattern(m, root, d->patterns[i]);
		}
		for (size_t i = 0; i < d->n_terms; i++) {
			prove_domain_term(m, root, d->terms[i]);
		}
	}
}

static void know_value(struct prove_model *m, struct prove_domain *root, struct policy_value v)
{
	if (v.kind == POLICY_SET) {
		for (uint32_t i = 0; i < v.n; i++) {
			know_value(m, root, v.elems[i]);
		}
	} else if (v.kind == root->kind) {
		prove_domain_const(m, root, v);
	}
}

/* An attribute that is compared with others may be one of a known entity. */
static void know_path(struct prove_model *m, const struct prove_path *p, struct policy_value v)
{
	for (; p; p = p->next) {
		const struct policy_value *member =
			v.kind == POLICY_RECORD ? policy_record_find(v, p->name) : NULL;
		struct prove_domain *root = p->domain ? prove_domain_root(p->domain) : NULL;

		if (!member) {
			continue;
		}
		if (root && root->linked && root->kind != POLICY_ENTITY) {
			know_value(m, root, *member);
		}
		know_path(m, p->kids, *member);
	}
}

static void know_tags(struct prove_model *m, const struct prove_path *p, struct policy_value tags)
{
	struct prove_domain *root = p->domain ? prove_domain_root(p->domain) : NULL;
	struct prove_domain *keys = p->keys ? prove_domain_root(p->keys) : NULL;

	for (uint32_t i = 0; tags.kind == POLICY_RECORD && i < tags.n; i++) {
		if (root && root->linked) {
			know_value(m, root, tags.fields[i].value);
		}
		if (keys && keys->linked) {
			know_value(m, keys, policy_string(tags.fields[i].key));
		}
		know_path(m, p->kids, tags.fields[i].value);
	}
}

static void know_entities(struct prove_model *m)
{
	const struct policy_entity *e;
	size_t n = 0;

	e = m->opts->store ? policy_store_entities(m->opts->store, &n) : NULL;
	for (size_t i = 0; i < n; i++) {
		for (struct prove_path *t = m->types; t; t = t->next) {
			if (str_eq(t->owner->name, e[i].uid.type)) {
				know_path(m, t->kids, e[i].attrs);
			}
		}
		for (struct prove_path *t = m->tags; t; t = t->next) {
			if (str_eq(t->owner->name, e[i].uid.type)) {
				know_tags(m, t, e[i].tags);
			}
		}
	}
}

static int by_number(const void *a, const void *b)
{
	const struct policy_value *x = a, *y = b;

	return x->i < y->i ? -1 : x->i > y->i;
}

/* Insertion sort of a few; constants of one attribute are seldom many. */
static void sort_numbers(struct policy_value *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct policy_value x = v[i];
		size_t k = i;

		for (; k > 0 && by_number(&v[k - 1], &x) > 0; k--) {
			v[k] = v[k - 1];
		}
		v[k] = x;
	}
}

/* Up to `spare` numbers after `from`, before `end` (not included); away from zero by `step`. */
static bool fill_gap(struct prove_model *m, struct prove_domain *d, int64_t from, int64_t step,
		     int64_t end)
{
	int64_t at = from;

	for (uint32_t i = 0; i < d->spare; i++) {
		if (__builtin_add_overflow(at, step, &at) || at == end) {
			return true;
		}
		if (!prove_domain_value(m, d, policy_scalar(d->kind, at))) {
			return false;
		}
	}
	return true;
}

/* Data has dates of the years 0 to 9999 and up to a day around them; constants beyond cut nothing. */
static bool clip_dates(struct prove_model *m, struct prove_domain *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n_consts; i++) {
		int64_t at = d->consts[i].i;

		if (at < DATETIME_MIN - DAY_MS || at > DATETIME_MAX + DAY_MS) {
			continue;
		}
		if (at < DATETIME_MIN + DAY_MS || at > DATETIME_MAX - DAY_MS) {
			return prove_refuse(m, "a date at the end of what dates can be");
		}
		d->consts[n++] = d->consts[i];
	}
	d->n_consts = n;
	return d->spare < DAY_MS || prove_refuse(m, "too many dates are compared");
}

/*
 * A number matters by its place among the constants, and among the other numbers
 * of its gap: as many as can differ, side by side, stand for any.
 */
static bool fill_numbers(struct prove_model *m, struct prove_domain *d)
{
	size_t n;
	bool ok = true;

	if (d->kind == POLICY_DATETIME && !clip_dates(m, d)) {
		return false;
	}
	n = d->n_consts;
	if (n == 0) {
		return prove_domain_value(m, d, policy_scalar(d->kind, 0)) &&
		       fill_gap(m, d, 0, 1, 0);
	}
	sort_numbers(d->consts, n);
	for (size_t i = 0; ok && i < n; i++) {
		ok = prove_domain_value(m, d, d->consts[i]);
	}
	for (size_t i = 0; ok && i + 1 < n; i++) {
		ok = d->consts[i].i == d->consts[i + 1].i ||
		     fill_gap(m, d, d->consts[i].i, 1, d->consts[i + 1].i);
	}
	return ok && fill_gap(m, d, d->consts[n - 1].i, 1, d->consts[0].i) &&
	       fill_gap(m, d, d->consts[0].i, -1, d->consts[n - 1].i);
}

/* Bits of the address up to `n`, of which the last is turned when `turn`; the rest is zero. */
static struct policy_ip ip_part(const struct policy_ip *ip, unsigned n, bool turn, bool whole)
{
	struct policy_ip x = {.v6 = ip->v6};
	unsigned all = ip->v6 ? 128 : 32;

	for (unsigned i = 0; i < n; i++) {
		unsigned bit = (unsigned)ip->bytes[i / 8] >> (7 - i % 8) & 1u;

		if (turn && i + 1 == n) {
			bit ^= 1u;
		}
		x.bytes[i / 8] = (uint8_t)(x.bytes[i / 8] | bit << (7 - i % 8));
	}
	x.prefix = (uint8_t)(whole ? all : n);
	return x;
}

static bool ip_same_class(const struct prove_domain *d, const struct policy_ip *a,
			  const struct policy_ip *b)
{
	bool same = a->v6 == b->v6 && policy_ip_is_loopback(a) == policy_ip_is_loopback(b) &&
		    policy_ip_is_multicast(a) == policy_ip_is_multicast(b);

	for (size_t i = 0; same && i < d->n_consts; i++) {
		same = policy_ip_in_range(a, d->consts[i].ip) ==
		       policy_ip_in_range(b, d->consts[i].ip);
	}
	return same;
}

/* Kept unless the class has one that is no constant. */
static bool ip_offer(struct prove_model *m, struct prove_domain *d, struct policy_ip x)
{
	struct policy_ip *ip;
	struct policy_value v = {.kind = POLICY_IP, .ip = &x};

	for (size_t i = 0; i < d->n_consts; i++) {
		if (policy_value_eq(d->consts[i], v)) {
			return true;
		}
	}
	for (size_t i = d->n_consts; i < d->n_values; i++) {
		if (ip_same_class(d, d->values[i].ip, &x)) {
			return true;
		}
	}
	ip = ARENA_NEW(m->a, struct policy_ip);
	if (!ip) {
		m->nomem = true;
		return false;
	}
	*ip = x;
	v.ip = ip;
	return prove_domain_value(m, d, v);
}

/*
 * An address matters by the smallest range that holds it: those where the path of
 * its bits leaves the tree of all ranges, or ends inside it, stand for all.
 */
static bool ip_around(struct prove_model *m, struct prove_domain *d, const struct policy_ip *ip)
{
	bool ok = true;

	for (unsigned i = 0; ok && i <= ip->prefix; i++) {
		struct policy_ip inner = ip_part(ip, i, false, false);

		ok = (i == 0 || ip_offer(m, d, ip_part(ip, i, true, true))) &&
		     ip_offer(m, d, ip_part(ip, i, false, true)) && ip_offer(m, d, inner);
		if (ok && i < (ip->v6 ? 128 : 32)) {
			inner.bytes[ip->v6 ? 15 : 3] |= 1;
			ok = ip_offer(m, d, inner);
		}
	}
	return ok;
}

static bool fill_ips(struct prove_model *m, struct prove_domain *d)
{
	static const struct policy_ip usual[] = {
		{{127}, 8, false}, {{224}, 4, false}, {{[15] = 1}, 128, true}, {{255}, 8, true}};
	size_t n = 0;

	if (d->linked) {
		return prove_refuse(m, "two addresses of requests are compared");
	}
	for (size_t i = 0; i < d->n_consts; i++) {
		size_t k = 0;

		while (k < n && !policy_value_eq(d->consts[k], d->consts[i])) {
			k++;
		}
		if (k == n) {
			d->consts[n++] = d->consts[i];
			if (!prove_domain_value(m, d, d->consts[i])) {
				return false;
			}
		}
	}
	d->n_consts = n;
	for (size_t i = 0; i < ARRAY_LEN(usual); i++) {
		if (!ip_around(m, d, &usual[i])) {
			return false;
		}
	}
	for (size_t i = 0; i < n; i++) {
		if (!ip_around(m, d, d->consts[i].ip)) {
			return false;
		}
	}
	return true;
}

static bool fill(struct prove_model *m, struct prove_domain *d)
{
	d->spare = d->linked ? (uint32_t)d->n_terms + d->n_sets : 1;
	if (d->spare == 0) {
		d->spare = 1;
	}
	switch (d->kind) {
	case POLICY_BOOL:
		return prove_domain_value(m, d, policy_bool(false)) &&
		       prove_domain_value(m, d, policy_bool(true));
	case POLICY_LONG:
	case POLICY_DECIMAL:
	case POLICY_DATETIME:
	case POLICY_DURATION:
		return fill_numbers(m, d);
	case POLICY_STRING:
		return prove_strings_fill(m, d);
	case POLICY_IP:
		return fill_ips(m, d);
	case POLICY_ENTITY:
	case POLICY_SET:
	case POLICY_RECORD:
	case POLICY_NONE:
		break;
	}
	return true;
}

bool prove_domains_fill(struct prove_model *m)
{
	gather(m);
	know_entities(m);
	for (struct prove_domain *d = m->domains; d; d = d->next) {
		if (!d->up && !m->nomem && !m->why.p && !fill(m, d)) {
			return false;
		}
	}
	return !m->nomem && !m->why.p;
}
