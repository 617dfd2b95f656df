/* SPDX-License-Identifier: Apache-2.0 */
/* Checking a value against a compiled schema. */
#include "base/buf.h"
#include "json/schema_priv.h"
#include "json/walk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Where in the value: the way back to the top. */
struct at {
	const struct at *up;
	struct str name; /* as written; p NULL: an element */
	size_t index;
};

/* Which members or elements some schema has looked at, for unevaluatedX. */
struct seen {
	bool *marks;
	size_t n;
};

struct run {
	struct schema_work w;
	struct json_schema_fault *fault;
	unsigned quiet, frames; /* within what may fail without harm; how deep */
};

static bool check(struct run *r, const struct schema_node *n, struct str v, const struct at *at,
		  struct seen *seen);

/* ---- what is wrong ---- */

/* RFC 6901 section 3. A way that is too long is not told in half: it stays empty. */
static void put_path(char *to, size_t room, const struct at *at)
{
	const struct at *way[JSON_MAX_DEPTH + 1];
	size_t depth = 0;
	struct buf b;

	buf_init(&b, room - 1);
	for (; at && at->up && depth < ARRAY_LEN(way); at = at->up) {
		way[depth++] = at;
	}
	while (depth) {
		const struct at *a = way[--depth];

		buf_append_c(&b, '/');
		if (!a->name.p) {
			buf_append_u64(&b, a->index);
		}
		for (size_t i = 0; i < a->name.n; i++) {
			char c = a->name.p[i];

			buf_append(&b, c == '~'   ? STR("~0")
				       : c == '/' ? STR("~1")
						  : str_make(&a->name.p[i], 1));
		}
	}
	if (!b.failed && buf_len(&b)) {
		memcpy(to, buf_str(&b).p, buf_len(&b));
	}
	to[b.failed ? 0 : buf_len(&b)] = '\0';
	buf_done(&b);
}

static bool wrong(struct run *r, const struct at *at, const char *keyword, const char *fmt, ...)
	PRINTF(4, 5);

/* Always false. */
static bool wrong(struct run *r, const struct at *at, const char *keyword, const char *fmt, ...)
{
	struct json_schema_fault *f = r->fault;
	va_list ap;

	if (!f || r->quiet || r->w.code || f->keyword[0]) {
		return false;
	}
	put_path(f->path, sizeof(f->path), at);
	(void)snprintf(f->keyword, sizeof(f->keyword), "%s", keyword);
	va_start(ap, fmt);
	(void)vsnprintf(f->expected, sizeof(f->expected), fmt, ap);
	va_end(ap);
	return false;
}

static bool spent(const struct run *r)
{
	return r->w.code != ERR_OK;
}

/* ---- scalars ---- */

static bool has_type(const struct schema_node *n, struct str v)
{
	enum json_type type = json_raw_type(v);
	struct json_decimal d;

	if (n->types & 1U << type) {
		return true;
	}
	if (type != JSON_NUMBER || !(n->types & SCHEMA_INTEGER)) {
		return false;
	}
	d = json_decimal(v);
	return json_decimal_is_integer(&d);
}

static bool wrong_type(struct run *r, const struct schema_node *n, const struct at *at)
{
	static const char *const names[] = {"null",     "a boolean", "a number",  "a string",
					    "an array", "an object", "an integer"};
	char text[96] = "";
	size_t used = 0;

	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		if (n->types & 1U << i) {
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
						 used ? " or " : "", names[i]);
		}
	}
	return wrong(r, at, "type", "%s", text);
}

static bool one_of(struct run *r, const struct schema_values *s, struct str v, const struct at *at)
{
	bool found = s->n == 0 && !s->at;

	if (s->constant && !json_schema_equal(&r->w, v, *s->constant)) {
		return wrong(r, at, "const", "the value %.*s",
			     (int)(s->constant->n < 80 ? s->constant->n : 80), s->constant->p);
	}
	for (size_t i = 0; i < s->n && !found; i++) {
		found = json_schema_equal(&r->w, v, s->at[i]);
	}
	if (!found) {
		return wrong(r, at, "enum", "one of the %zu values listed", s->n);
	}
	return true;
}

static bool number(struct run *r, const struct schema_numbers *s, struct str v, const struct at *at)
{
	static const struct {
		const char *keyword, *says;
	} texts[BOUNDS] = {
		[BOUND_MIN] = {"minimum", "at least"},
		[BOUND_MAX] = {"maximum", "at most"},
		[BOUND_ABOVE] = {"exclusiveMinimum", "more than"},
		[BOUND_BELOW] = {"exclusiveMaximum", "less than"},
		[BOUND_MULTIPLE] = {"multipleOf", "a multiple of"},
	};
	struct json_decimal d = json_decimal(v);

	for (unsigned i = 0; i < BOUNDS; i++) {
		int c = s->bounds[i].set ? json_decimal_cmp(&d, &s->bounds[i].value) : 0;
		bool ok = !s->bounds[i].set ||
			  (i == BOUND_MIN     ? c >= 0
			   : i == BOUND_MAX   ? c <= 0
			   : i == BOUND_ABOVE ? c > 0
			   : i == BOUND_BELOW ? c < 0
					      : json_decimal_is_multiple(&d, &s->bounds[i].value));

		if (!ok) {
			return wrong(r, at, texts[i].keyword, "%s %.*s", texts[i].says,
				     (int)(s->bounds[i].text.n < 80 ? s->bounds[i].text.n : 80),
				     s->bounds[i].text.p);
		}
	}
	return true;
}

static size_t characters(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	}
	return n;
}

static bool matches(struct run *r, const struct json_regex *re, struct str text)
{
	bool found = false;
	enum err_code code = json_regex_test(re, r->w.scratch, text, &r->w.steps, &found, NULL);

	if (code) {
		r->w.code = r->w.code ? r->w.code : code;
	}
	return found && !code;
}

static bool string(struct run *r, const struct schema_strings *s, struct str v, const struct at *at)
{
	struct str text = json_schema_text(&r->w, v);
	size_t n = s->min || s->max != SCHEMA_UNSET ? characters(text) : 0;

	if (n < s->min) {
		return wrong(r, at, "minLength", "at least %llu characters",
			     (unsigned long long)s->min);
	}
	if (n > s->max) {
		return wrong(r, at, "maxLength", "at most %llu characters",
			     (unsigned long long)s->max);
	}
	if (s->pattern && !matches(r, s->pattern, text)) {
		return wrong(r, at, "pattern", "a text that matches %.*s",
			     (int)(s->pattern_text.n < 90 ? s->pattern_text.n : 90),
			     s->pattern_text.p);
	}
	return !spent(r);
}

/* ---- arrays ---- */

static void mark(struct seen *seen, size_t i)
{
	if (seen && i < seen->n) {
		seen->marks[i] = true;
	}
}

static int by_print(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

struct printed {
	uint64_t print;
	struct str value;
};

/* Values of one print are compared; any two of different prints differ. */
static bool is_unique(struct run *r, struct str v, size_t n)
{
	struct printed *all = ARENA_ARRAY(r->w.scratch, n, struct printed);
	struct json_member m;
	size_t i = 0;

	if (!all) {
		r->w.code = r->w.code ? r->w.code : ERR_NOMEM;
		return false;
	}
	for (struct json_walk w = json_walk(v); json_walk_next(&w, &m) && i < n; i++) {
		all[i] = (struct printed){json_schema_print(&r->w, m.value), m.value};
	}
	qsort(all, i, sizeof(*all), by_print); /* the print stands first */
	for (size_t k = 0; k < i; k++) {
		for (size_t j = k + 1; j < i && all[j].print == all[k].print; j++) {
			if (json_schema_equal(&r->w, all[k].value, all[j].value) || spent(r)) {
				return false;
			}
		}
	}
	return true;
}

static bool count_ok(struct run *r, const struct at *at, uint64_t n, uint64_t min, uint64_t max,
		     const char *const names[2], const char *what)
{
	if (n < min) {
		return wrong(r, at, names[0], "at least %llu %s", (unsigned long long)min, what);
	}
	if (n > max) {
		return wrong(r, at, names[1], "at most %llu %s", (unsigned long long)max, what);
	}
	return true;
}

static bool contains(struct run *r, const struct schema_arrays *s, struct str v,
		     const struct at *at, struct seen *seen)
{
	static const char *const names[] = {"contains", "maxContains"};
	uint64_t min = s->min_contains == SCHEMA_UNSET ? 1 : s->min_contains, found = 0;
	struct json_member m;
	size_t i = 0;

	r->quiet++;
	for (struct json_walk w = json_walk(v); json_walk_next(&w, &m); i++) {
		struct at below = {.up = at, .index = i};

		if (check(r, s->contains, m.value, &below, NULL)) {
			mark(seen, i);
			found++;
		}
	}
	r->quiet--;
	return !spent(r) && count_ok(r, at, found, min, s->max_contains, names,
				     "elements of the kind asked for");
}

static bool array(struct run *r, const struct schema_arrays *s, struct str v, const struct at *at,
		  struct seen *seen)
{
	static const char *const names[] = {"minItems", "maxItems"};
	struct json_member m;
	size_t i = 0;

	for (struct json_walk w = json_walk(v); json_walk_next(&w, &m); i++) {
		const struct schema_node *n = i < s->prefix.n ? s->prefix.at[i] : s->items;
		struct at below = {.up = at, .index = i};

		if (n) {
			if (!check(r, n, m.value, &below, NULL)) {
				return false;
			}
			mark(seen, i);
		}
	}
	if (!count_ok(r, at, i, s->min, s->max, names, "elements")) {
		return false;
	}
	if (s->contains && !contains(r, s, v, at, seen)) {
		return false;
	}
	return !s->unique || is_unique(r, v, i) || wrong(r, at, "uniqueItems", "no element twice");
}

/* ---- objects ---- */

static const struct schema_property *find_property(const struct schema_objects *s, struct str name)
{
	size_t lo = 0, hi = s->n_properties;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = str_cmp(name, s->properties[mid].name);

		if (c == 0) {
			return &s->properties[mid];
		}
		if (c < 0) {
			hi = mid;
		} else {
			lo = mid + 1;
		}
	}
	return NULL;
}

static struct str raw_key(const struct json_member *m)
{
	return str_make(m->key.p - 1, m->key.n + 2);
}

static bool has_member(struct run *r, struct str object, struct str name)
{
	struct json_member m;

	if (!json_schema_spend(&r->w, 1 + object.n / 16)) {
		return false;
	}
	for (struct json_walk w = json_walk(object); json_walk_next(&w, &m);) {
		if (str_eq(m.key_escaped ? json_schema_text(&r->w, raw_key(&m)) : m.key, name)) {
			return true;
		}
	}
	return false;
}

static bool missing(struct run *r, const struct schema_objects *s, struct str v,
		    const struct at *at)
{
	for (size_t i = 0; i < s->n_properties; i++) {
		struct str name = s->properties[i].name;

		if (s->properties[i].required && !has_member(r, v, name)) {
			return wrong(r, at, "required", "a member \"%.*s\"",
				     (int)(name.n < 90 ? name.n : 90), name.p);
		}
	}
	return false;
}

/* One member: whether it fits, and whether some schema was for it. */
static bool member(struct run *r, const struct schema_objects *s, const struct json_member *m,
		   const struct schema_property *p, const struct at *at, bool *ret_evaluated)
{
	const struct at below = {.up = at, .name = m->key};
	struct str name = m->key;

	*ret_evaluated = false;
	if (p && p->node) {
		*ret_evaluated = true;
		if (!check(r, p->node, m->value, &below, NULL)) {
			return false;
		}
	}
	if (s->n_patterns && m->key_escaped) {
		name = json_schema_text(&r->w, raw_key(m));
	}
	for (size_t i = 0; i < s->n_patterns; i++) {
		if (matches(r, s->patterns[i].regex, name)) {
			*ret_evaluated = true;
			if (!check(r, s->patterns[i].node, m->value, &below, NULL)) {
				return false;
			}
		}
	}
	if (s->additional && !*ret_evaluated) {
		*ret_evaluated = true;
		if (s->additional->nothing) {
			return wrong(r, &below, "additionalProperties", "no member of this name");
		}
		if (!check(r, s->additional, m->value, &below, NULL)) {
			return false;
		}
	}
	return !s->names || check(r, s->names, raw_key(m), &below, NULL);
}

static bool dependents(struct run *r, const struct schema_objects *s, struct str v,
		       const struct at *at, struct seen *seen)
{
	for (size_t i = 0; i < s->n_dependents; i++) {
		const struct schema_dependent *d = &s->dependents[i];

		if (!has_member(r, v, d->name)) {
			continue;
		}
		for (size_t k = 0; k < d->n; k++) {
			if (!has_member(r, v, d->required[k])) {
				return wrong(r, at, "dependentRequired", "a member \"%.*s\" too",
					     (int)(d->required[k].n < 90 ? d->required[k].n : 90),
					     d->required[k].p);
			}
		}
		if (d->node && !check(r, d->node, v, at, seen)) {
			return false;
		}
	}
	return !spent(r);
}

static bool object(struct run *r, const struct schema_objects *s, struct str v, const struct at *at,
		   struct seen *seen)
{
	static const char *const names[] = {"minProperties", "maxProperties"};
	size_t i = 0, required = 0;
	struct json_member m;

	for (struct json_walk w = json_walk(v); json_walk_next(&w, &m); i++) {
		struct str name = m.key_escaped ? json_schema_text(&r->w, raw_key(&m)) : m.key;
		const struct schema_property *p = find_property(s, name);
		bool evaluated;

		required += p && p->required;
		if (!member(r, s, &m, p, at, &evaluated)) {
			return false;
		}
		if (evaluated) {
			mark(seen, i);
		}
	}
	if (required < s->n_required) {
		return missing(r, s, v, at);
	}
	return count_ok(r, at, i, s->min, s->max, names, "members") &&
	       (!s->n_dependents || dependents(r, s, v, at, seen));
}

/* ---- schemas of schemas ---- */

static bool seen_init(struct run *r, struct seen *s, struct str v)
{
	struct json_member m;

	*s = (struct seen){.n = 0};
	for (struct json_walk w = json_walk(v); json_walk_next(&w, &m);) {
		s->n++;
	}
	s->marks = ARENA_ARRAY(r->w.scratch, s->n, bool);
	if (!s->marks || !json_schema_spend(&r->w, 1 + v.n / 16)) {
		r->w.code = r->w.code ? r->w.code : ERR_NOMEM;
		return false;
	}
	return true;
}

/* Applies what may fail without harm; what it has seen counts only when it fits. */
static bool attempt(struct run *r, const struct schema_node *n, struct str v, const struct at *at,
		    struct seen *seen)
{
	struct seen own;
	bool ok;

	if (seen && !seen_init(r, &own, v)) {
		return false;
	}
	r->quiet++;
	ok = check(r, n, v, at, seen ? &own : NULL);
	r->quiet--;
	for (size_t i = 0; ok && seen && i < own.n; i++) {
		seen->marks[i] = seen->marks[i] || own.marks[i];
	}
	return ok;
}

static size_t how_many(struct run *r, const struct schema_nodes *s, struct str v,
		       const struct at *at, struct seen *seen, size_t enough)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n && n < enough && !spent(r); i++) {
		n += attempt(r, s->at[i], v, at, seen);
	}
	return n;
}

static bool logic(struct run *r, const struct schema_logic *s, struct str v, const struct at *at,
		  struct seen *seen)
{
	if (s->ref && !check(r, s->ref, v, at, seen)) {
		return false;
	}
	for (size_t i = 0; i < s->all.n; i++) {
		if (!check(r, s->all.at[i], v, at, seen)) {
			return false;
		}
	}
	if (s->any.n && how_many(r, &s->any, v, at, seen, seen ? s->any.n : 1) == 0) {
		return wrong(r, at, "anyOf", "one of the %zu forms listed", s->any.n);
	}
	if (s->one.n) {
		size_t n = how_many(r, &s->one, v, at, seen, 2);

		if (n != 1) {
			return wrong(r, at, "oneOf", "exactly one of the %zu forms listed, not %s",
				     s->one.n, n ? "several" : "none");
		}
	}
	if (s->never && (attempt(r, s->never, v, at, NULL) || spent(r))) {
		return wrong(r, at, "not", "something else");
	}
	if (s->condition) {
		const struct schema_node *n =
			attempt(r, s->condition, v, at, seen) ? s->then : s->otherwise;

		return !spent(r) && (!n || check(r, n, v, at, seen));
	}
	return !spent(r);
}

static bool unevaluated(struct run *r, const struct schema_node *n, struct str v,
			const struct at *at, const char *keyword, struct seen *seen)
{
	struct json_member m;
	size_t i = 0;

	for (struct json_walk w = json_walk(v); json_walk_next(&w, &m); i++) {
		struct at below = {.up = at, .name = m.key, .index = i};

		if (seen->marks[i]) {
			continue;
		}
		if (n->nothing) {
			return wrong(r, &below, keyword, "nothing here");
		}
		if (!check(r, n, m.value, &below, NULL)) {
			return false;
		}
		seen->marks[i] = true;
	}
	return true;
}

static bool check_compound(struct run *r, const struct schema_node *n, struct str v,
			   const struct at *at, struct seen *seen)
{
	bool is_object = v.p[0] == '{', is_array = v.p[0] == '[';
	const struct schema_node *rest = is_object && n->objects ? n->objects->unevaluated
					 : is_array && n->arrays ? n->arrays->unevaluated
								 : NULL;
	struct seen own;

	/* what was seen outside of this schema does not count within it (2020-12 core, 11.3) */
	if (rest && !seen_init(r, &own, v)) {
		return false;
	}
	if ((is_object && n->objects && !object(r, n->objects, v, at, rest ? &own : seen)) ||
	    (is_array && n->arrays && !array(r, n->arrays, v, at, rest ? &own : seen)) ||
	    (n->logic && !logic(r, n->logic, v, at, rest ? &own : seen))) {
		return false;
	}
	if (!rest) {
		return true;
	}
	if (!unevaluated(r, rest, v, at, is_object ? "unevaluatedProperties" : "unevaluatedItems",
			 &own)) {
		return false;
	}
	for (size_t i = 0; seen && i < own.n; i++) {
		seen->marks[i] = true; /* all of them are, now */
	}
	return true;
}

static bool check(struct run *r, const struct schema_node *n, struct str v, const struct at *at,
		  struct seen *seen)
{
	char c = v.p[0];
	bool ok;

	if (!json_schema_spend(&r->w, 1 + v.n / 16)) {
		return false;
	}
	if (r->frames == JSON_SCHEMA_FRAMES) {
		r->w.code = ERR_LIMIT; /* a schema that refers to itself, or comes close to it */
		return false;
	}
	if (n->nothing) {
		return wrong(r, at, "false", "nothing here");
	}
	if (n->types && !has_type(n, v)) {
		return wrong_type(r, n, at);
	}
	if (n->values && !one_of(r, n->values, v, at)) {
		return false;
	}
	if (n->strings && c == '"' && !string(r, n->strings, v, at)) {
		return false;
	}
	if (n->numbers && (c == '-' || (c >= '0' && c <= '9')) && !number(r, n->numbers, v, at)) {
		return false;
	}
	if (!n->objects && !n->arrays && !n->logic) {
		return true;
	}
	r->frames++;
	ok = check_compound(r, n, v, at, seen);
	r->frames--;
	return ok && !spent(r);
}

enum err_code json_schema_check(const struct json_schema *s, struct arena *scratch,
				struct str value, struct json_schema_fault *ret_fault,
				struct err *err)
{
	struct run r = {.w = {.scratch = scratch, .steps = JSON_SCHEMA_STEPS}, .fault = ret_fault};
	const struct at top = {.up = NULL};
	bool ok;

	if (ret_fault) {
		ret_fault->path[0] = ret_fault->keyword[0] = ret_fault->expected[0] = '\0';
	}
	if (value.n == 0) {
		return ERR(err, ERR_INVALID, "no value");
	}
	ok = check(&r, s->root, value, &top, NULL);
	if (r.w.code) {
		return ERR(err, r.w.code,
			   r.w.code == ERR_LIMIT ? "checking it takes too much work"
						 : "no memory to check it");
	}
	return ok ? ERR_OK : ERR(err, ERR_INVALID, "it does not fit the schema");
}
