/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a schema. Each schema in it becomes one node, however many references lead there:
 * nodes are made when they are first named and filled from a list, so nothing recurses.
 */
#include "json/schema_priv.h"

#include "base/map.h"

#include <stdlib.h>

enum dialect { DRAFT_2020 = 0, DRAFT_2019, DRAFT_7 };

struct todo {
	const struct json *from;
	struct schema_node *node;
};

struct compiler {
	struct arena *keep, *scratch;
	const struct json *doc;
	enum dialect dialect;
	struct str id; /* of the document, without a fragment */
	struct map nodes;
	struct todo *todo;
	size_t n_todo, cap_todo, n_nodes;
	struct err *err;
};

static enum err_code no_memory(const struct compiler *c)
{
	return ERR(c->err, ERR_NOMEM, "no memory for the schema");
}

/* "member at byte N" begins every message about the schema. */
#define BAD(c, code, j, fmt, ...)                                                                  \
	ERR((c)->err, (code), "byte %u, \"" STR_FMT "\": " fmt, (j)->at,                           \
	    STR_ARG(str_make((j)->key.p, (j)->key.n < 60 ? (j)->key.n : 60)), ##__VA_ARGS__)

/* The node of a schema; filled later. */
static enum err_code node_of(struct compiler *c, const struct json *j,
			     const struct schema_node **ret)
{
	struct str key = str_make((const char *)&j->at, sizeof(j->at));
	struct schema_node *n = map_find(&c->nodes, key);

	if (!n) {
		if (!json_is_object(j) && !json_is_bool(j)) {
			return BAD(c, ERR_INVALID, j, "a schema is an object or a boolean");
		}
		if (++c->n_nodes > JSON_SCHEMA_NODES) {
			return BAD(c, ERR_LIMIT, j, "more than %d schemas", JSON_SCHEMA_NODES);
		}
		n = ARENA_NEW(c->keep, struct schema_node);
		if (!n || !map_put(&c->nodes, key, n) ||
		    !ARENA_GROW(c->scratch, &c->todo, c->n_todo, &c->cap_todo)) {
			return no_memory(c);
		}
		c->todo[c->n_todo++] = (struct todo){j, n};
	}
	*ret = n;
	return ERR_OK;
}

static enum err_code nodes_of(struct compiler *c, const struct json *j, struct schema_nodes *ret)
{
	const struct schema_node **at = ARENA_ARRAY(c->keep, j->n, const struct schema_node *);

	if (!json_is_array(j) || j->n == 0) {
		return BAD(c, ERR_INVALID, j, "a list of schemas, not empty, is expected");
	}
	if (!at) {
		return no_memory(c);
	}
	ret->at = at;
	JSON_EACH (item, j) {
		TRY(node_of(c, item, &at[ret->n++]));
	}
	return ERR_OK;
}

/* ---- values of keywords ---- */

static enum err_code text_of(struct compiler *c, struct str s, struct str *ret)
{
	*ret = arena_dup(c->keep, s);
	return ret->p ? ERR_OK : no_memory(c);
}

static enum err_code count_of(struct compiler *c, const struct json *j, uint64_t *ret)
{
	struct json_decimal d;

	if (!json_is_number(j)) {
		return BAD(c, ERR_INVALID, j, "a number is expected");
	}
	d = json_decimal(j->text);
	if (d.negative || !json_decimal_is_integer(&d)) {
		return BAD(c, ERR_INVALID, j, "an integer from 0 on is expected");
	}
	if (!json_u64(j, ret)) {
		double v = 0;

		/* 2.0, or past what any value can have */
		*ret = json_f64(j, &v) && v < 1e15 ? (uint64_t)v : SCHEMA_UNSET - 1;
	}
	return ERR_OK;
}

static enum err_code regex_of(struct compiler *c, const struct json *j, struct str pattern,
			      const struct json_regex **ret)
{
	enum err_code code =
		json_regex_compile(c->keep, c->scratch, pattern, JSON_REGEX_ECMA, ret, c->err);

	if (code && c->err) {
		err_wrap(c->err, "byte %u", j->at);
	}
	return code;
}

static enum err_code names_of(struct compiler *c, const struct json *j, const struct str **ret,
			      size_t *ret_n)
{
	struct str *names = ARENA_ARRAY(c->keep, j->n, struct str);
	size_t n = 0;

	if (!json_is_array(j)) {
		return BAD(c, ERR_INVALID, j, "a list of names is expected");
	}
	if (!names) {
		return no_memory(c);
	}
	JSON_EACH (item, j) {
		if (!json_is_string(item)) {
			return BAD(c, ERR_INVALID, j, "a list of names is expected");
		}
		TRY(text_of(c, item->text, &names[n++]));
	}
	*ret = names;
	*ret_n = n;
	return ERR_OK;
}

static enum err_code resolve(struct compiler *c, const struct json *j,
			     const struct schema_node **ret)
{
	const struct json *target;

	TRY(json_schema_resolve(c->scratch, c->doc, c->id, j, &target, c->err));
	return node_of(c, target, ret);
}

/* ---- a schema's keywords, by group; each fills what it knows ---- */

/* A node while it is filled: groups are kept when a keyword of theirs was there. */
struct draft {
	const struct json *from;
	struct schema_node *node;
	struct schema_values *values;
	struct schema_numbers *numbers;
	struct schema_strings *strings;
	struct schema_arrays *arrays;
	struct schema_objects *objects;
	struct schema_logic *logic;
};

enum group { IN_NODE = 0, IN_VALUES, IN_NUMBERS, IN_STRINGS, IN_ARRAYS, IN_OBJECTS, IN_LOGIC };

typedef enum err_code fill_fn(struct compiler *c, struct draft *d, const struct json *j);

static enum err_code fill_type(struct compiler *c, struct draft *d, const struct json *j)
{
	static const struct {
		struct str name;
		unsigned bit;
	} names[] = {
		{STR_INIT("null"), 1U << JSON_NULL},     {STR_INIT("boolean"), 1U << JSON_BOOL},
		{STR_INIT("number"), 1U << JSON_NUMBER}, {STR_INIT("string"), 1U << JSON_STRING},
		{STR_INIT("array"), 1U << JSON_ARRAY},   {STR_INIT("object"), 1U << JSON_OBJECT},
		{STR_INIT("integer"), SCHEMA_INTEGER},
	};
	const struct json *each = json_is_array(j) ? j->first : j;

	for (; each; each = json_is_array(j) ? each->next : NULL) {
		unsigned bit = 0;

		for (size_t i = 0; i < ARRAY_LEN(names); i++) {
			bit |= json_str_is(each, names[i].name) ? names[i].bit : 0;
		}
		if (!bit) {
			return BAD(c, ERR_INVALID, j, "a name of a type is expected");
		}
		d->node->types = (uint8_t)(d->node->types | bit);
	}
	return d->node->types ? ERR_OK : BAD(c, ERR_INVALID, j, "no type at all");
}

static enum err_code fill_enum(struct compiler *c, struct draft *d, const struct json *j)
{
	struct str *values = ARENA_ARRAY(c->keep, j->n + 1, struct str);

	if (!json_is_array(j)) {
		return BAD(c, ERR_INVALID, j, "a list is expected");
	}
	if (!values) {
		return no_memory(c);
	}
	JSON_EACH (item, j) {
		values[d->values->n++] = item->raw;
	}
	d->values->at = values;
	return ERR_OK;
}

static enum err_code fill_const(struct compiler *c, struct draft *d, const struct json *j)
{
	struct str *value = ARENA_NEW(c->keep, struct str);

	if (!value) {
		return no_memory(c);
	}
	*value = j->raw;
	d->values->constant = value;
	return ERR_OK;
}

static enum err_code fill_bound(struct compiler *c, struct draft *d, const struct json *j)
{
	static const struct str names[BOUNDS] = {
		[BOUND_MIN] = STR_INIT("minimum"),
		[BOUND_MAX] = STR_INIT("maximum"),
		[BOUND_ABOVE] = STR_INIT("exclusiveMinimum"),
		[BOUND_BELOW] = STR_INIT("exclusiveMaximum"),
		[BOUND_MULTIPLE] = STR_INIT("multipleOf"),
	};
	unsigned i = 0;
	struct json_decimal v;

	while (!str_eq(names[i], j->key)) {
		i++;
	}
	if (!json_is_number(j)) {
		return BAD(c, ERR_INVALID, j, "a number is expected");
	}
	v = json_decimal(j->raw); /* of the caller's text, which lives on */
	if (i == BOUND_MULTIPLE && (v.n == 0 || v.negative)) {
		return BAD(c, ERR_INVALID, j, "a number above 0 is expected");
	}
	if (i == BOUND_MULTIPLE && v.n > JSON_DECIMAL_DIVISOR) {
		return BAD(c, ERR_LIMIT, j, "more than %d digits", JSON_DECIMAL_DIVISOR);
	}
	d->numbers->bounds[i].set = true;
	d->numbers->bounds[i].value = v;
	d->numbers->bounds[i].text = j->raw;
	return ERR_OK;
}

static enum err_code fill_min_length(struct compiler *c, struct draft *d, const struct json *j)
{
	return count_of(c, j, &d->strings->min);
}

static enum err_code fill_max_length(struct compiler *c, struct draft *d, const struct json *j)
{
	return count_of(c, j, &d->strings->max);
}

static enum err_code fill_pattern(struct compiler *c, struct draft *d, const struct json *j)
{
	if (!json_is_string(j)) {
		return BAD(c, ERR_INVALID, j, "a string is expected");
	}
	TRY(text_of(c, j->text, &d->strings->pattern_text));
	return regex_of(c, j, d->strings->pattern_text, &d->strings->pattern);
}

static enum err_code fill_prefix(struct compiler *c, struct draft *d, const struct json *j)
{
	return nodes_of(c, j, &d->arrays->prefix);
}

/* Until 2019-09 a list of `items` was what prefixItems is now, and additionalItems was `items`. */
static enum err_code fill_items(struct compiler *c, struct draft *d, const struct json *j)
{
	if (json_is_array(j) && c->dialect != DRAFT_2020) {
		const struct json *rest = json_get(d->from, STR("additionalItems"));

		TRY(nodes_of(c, j, &d->arrays->prefix));
		return rest ? node_of(c, rest, &d->arrays->items) : ERR_OK;
	}
	return node_of(c, j, &d->arrays->items);
}

#define FILL_NODE(name, group, field)                                                              \
	static enum err_code fill_##name(struct compiler *c, struct draft *d,                      \
					 const struct json *j)                                     \
	{                                                                                          \
		return node_of(c, j, &d->group->field);                                            \
	}
#define FILL_COUNT(name, group, field)                                                             \
	static enum err_code fill_##name(struct compiler *c, struct draft *d,                      \
					 const struct json *j)                                     \
	{                                                                                          \
		return count_of(c, j, &d->group->field);                                           \
	}
#define FILL_NODES(name, group, field)                                                             \
	static enum err_code fill_##name(struct compiler *c, struct draft *d,                      \
					 const struct json *j)                                     \
	{                                                                                          \
		return nodes_of(c, j, &d->group->field);                                           \
	}

FILL_NODE(contains, arrays, contains)
FILL_NODE(unevaluated_items, arrays, unevaluated)
FILL_COUNT(min_items, arrays, min)
FILL_COUNT(max_items, arrays, max)
FILL_COUNT(min_contains, arrays, min_contains)
FILL_COUNT(max_contains, arrays, max_contains)
FILL_NODE(additional, objects, additional)
FILL_NODE(names, objects, names)
FILL_NODE(unevaluated_properties, objects, unevaluated)
FILL_COUNT(min_properties, objects, min)
FILL_COUNT(max_properties, objects, max)
FILL_NODES(all, logic, all)
FILL_NODES(any, logic, any)
FILL_NODES(one, logic, one)
FILL_NODE(not, logic, never)
FILL_NODE(if, logic, condition)
FILL_NODE(then, logic, then)
FILL_NODE(else, logic, otherwise)

static enum err_code fill_unique(struct compiler *c, struct draft *d, const struct json *j)
{
	if (!json_is_bool(j)) {
		return BAD(c, ERR_INVALID, j, "a boolean is expected");
	}
	d->arrays->unique = j->boolean;
	return ERR_OK;
}

static enum err_code fill_ref(struct compiler *c, struct draft *d, const struct json *j)
{
	return resolve(c, j, &d->logic->ref);
}

/* In one document there is one dynamic anchor of a name: what it means is what $ref means. */
static enum err_code fill_dynamic_ref(struct compiler *c, struct draft *d, const struct json *j)
{
	if (d->logic->ref) {
		return BAD(c, ERR_UNSUPPORTED, j, "beside another reference");
	}
	return resolve(c, j, &d->logic->ref);
}

static enum err_code fill_patterns(struct compiler *c, struct draft *d, const struct json *j)
{
	struct schema_pattern *patterns = ARENA_ARRAY(c->keep, j->n, struct schema_pattern);
	size_t n = 0;

	if (!json_is_object(j)) {
		return BAD(c, ERR_INVALID, j, "an object is expected");
	}
	if (!patterns) {
		return no_memory(c);
	}
	JSON_EACH (item, j) {
		TRY(regex_of(c, item, item->key, &patterns[n].regex));
		TRY(node_of(c, item, &patterns[n++].node));
	}
	d->objects->patterns = patterns;
	d->objects->n_patterns = n;
	return ERR_OK;
}

/* dependentRequired and dependentSchemas, and `dependencies`, which was both. */
static enum err_code fill_dependents(struct compiler *c, struct draft *d, const struct json *j)
{
	size_t n = d->objects->n_dependents;
	struct schema_dependent *all =
		json_is_object(j) ? ARENA_ARRAY(c->keep, n + j->n, struct schema_dependent) : NULL;
	bool lists = !str_eq(j->key, STR("dependentSchemas"));
	bool schemas = !str_eq(j->key, STR("dependentRequired"));

	if (!all) {
		return json_is_object(j) ? no_memory(c)
					 : BAD(c, ERR_INVALID, j, "an object is expected");
	}
	if (n) {
		memcpy(all, d->objects->dependents, n * sizeof(*all));
	}
	JSON_EACH (item, j) {
		TRY(text_of(c, item->key, &all[n].name));
		if (lists && (json_is_array(item) || !schemas)) {
			TRY(names_of(c, item, &all[n].required, &all[n].n));
		} else {
			TRY(node_of(c, item, &all[n].node));
		}
		n++;
	}
	d->objects->dependents = all;
	d->objects->n_dependents = n;
	return ERR_OK;
}

static int by_name(const void *a, const void *b)
{
	const struct schema_property *x = a, *y = b;

	return str_cmp(x->name, y->name);
}

/* `properties` and `required` are one table; read when the first of them is met. */
static enum err_code fill_properties(struct compiler *c, struct draft *d, const struct json *j)
{
	const struct json *properties = json_get(d->from, STR("properties"));
	const struct json *required = json_get(d->from, STR("required"));
	size_t room = (properties ? properties->n : 0) + (required ? required->n : 0), n = 0, k = 0;
	struct schema_property *all = ARENA_ARRAY(c->keep, room, struct schema_property);

	if (d->objects->properties) {
		return ERR_OK;
	}
	if (properties && !json_is_object(properties)) {
		return BAD(c, ERR_INVALID, j, "an object is expected");
	}
	if (required && !json_is_array(required)) {
		return BAD(c, ERR_INVALID, j, "a list of names is expected");
	}
	if (!all) {
		return no_memory(c);
	}
	JSON_EACH (item, properties) {
		TRY(text_of(c, item->key, &all[n].name));
		TRY(node_of(c, item, &all[n++].node));
	}
	JSON_EACH (name, required) {
		if (!json_is_string(name)) {
			return BAD(c, ERR_INVALID, required, "a list of names is expected");
		}
		TRY(text_of(c, name->text, &all[n].name));
		all[n++].required = true;
	}
	qsort(all, n, sizeof(*all), by_name);
	for (size_t i = 0; i < n; i++) { /* the same name twice is one */
		if (k && str_eq(all[k - 1].name, all[i].name)) {
			all[k - 1].node = all[k - 1].node ? all[k - 1].node : all[i].node;
			all[k - 1].required = all[k - 1].required || all[i].required;
		} else {
			all[k++] = all[i];
		}
	}
	for (size_t i = 0; i < k; i++) {
		d->objects->n_required += all[i].required;
	}
	d->objects->properties = all;
	d->objects->n_properties = k;
	return ERR_OK;
}

static const struct keyword {
	struct str name;
	enum group group;
	fill_fn *fill;
	unsigned since, until; /* enum dialect counts back in time */
} keywords[] = {
	{STR_INIT("type"), IN_NODE, fill_type, DRAFT_7, DRAFT_2020},
	{STR_INIT("enum"), IN_VALUES, fill_enum, DRAFT_7, DRAFT_2020},
	{STR_INIT("const"), IN_VALUES, fill_const, DRAFT_7, DRAFT_2020},
	{STR_INIT("minimum"), IN_NUMBERS, fill_bound, DRAFT_7, DRAFT_2020},
	{STR_INIT("maximum"), IN_NUMBERS, fill_bound, DRAFT_7, DRAFT_2020},
	{STR_INIT("exclusiveMinimum"), IN_NUMBERS, fill_bound, DRAFT_7, DRAFT_2020},
	{STR_INIT("exclusiveMaximum"), IN_NUMBERS, fill_bound, DRAFT_7, DRAFT_2020},
	{STR_INIT("multipleOf"), IN_NUMBERS, fill_bound, DRAFT_7, DRAFT_2020},
	{STR_INIT("minLength"), IN_STRINGS, fill_min_length, DRAFT_7, DRAFT_2020},
	{STR_INIT("maxLength"), IN_STRINGS, fill_max_length, DRAFT_7, DRAFT_2020},
	{STR_INIT("pattern"), IN_STRINGS, fill_pattern, DRAFT_7, DRAFT_2020},
	{STR_INIT("prefixItems"), IN_ARRAYS, fill_prefix, DRAFT_2020, DRAFT_2020},
	{STR_INIT("items"), IN_ARRAYS, fill_items, DRAFT_7, DRAFT_2020},
	{STR_INIT("contains"), IN_ARRAYS, fill_contains, DRAFT_7, DRAFT_2020},
	{STR_INIT("minContains"), IN_ARRAYS, fill_min_contains, DRAFT_2019, DRAFT_2020},
	{STR_INIT("maxContains"), IN_ARRAYS, fill_max_contains, DRAFT_2019, DRAFT_2020},
	{STR_INIT("minItems"), IN_ARRAYS, fill_min_items, DRAFT_7, DRAFT_2020},
	{STR_INIT("maxItems"), IN_ARRAYS, fill_max_items, DRAFT_7, DRAFT_2020},
	{STR_INIT("uniqueItems"), IN_ARRAYS, fill_unique, DRAFT_7, DRAFT_2020},
	{STR_INIT("unevaluatedItems"), IN_ARRAYS, fill_unevaluated_items, DRAFT_2019, DRAFT_2020},
	{STR_INIT("properties"), IN_OBJECTS, fill_properties, DRAFT_7, DRAFT_2020},
	{STR_INIT("required"), IN_OBJECTS, fill_properties, DRAFT_7, DRAFT_2020},
	{STR_INIT("patternProperties"), IN_OBJECTS, fill_patterns, DRAFT_7, DRAFT_2020},
	{STR_INIT("additionalProperties"), IN_OBJECTS, fill_additional, DRAFT_7, DRAFT_2020},
	{STR_INIT("propertyNames"), IN_OBJECTS, fill_names, DRAFT_7, DRAFT_2020},
	{STR_INIT("minProperties"), IN_OBJECTS, fill_min_properties, DRAFT_7, DRAFT_2020},
	{STR_INIT("maxProperties"), IN_OBJECTS, fill_max_properties, DRAFT_7, DRAFT_2020},
	{STR_INIT("dependentRequired"), IN_OBJECTS, fill_dependents, DRAFT_2019, DRAFT_2020},
	{STR_INIT("dependentSchemas"), IN_OBJECTS, fill_dependents, DRAFT_2019, DRAFT_2020},
	{STR_INIT("dependencies"), IN_OBJECTS, fill_dependents, DRAFT_7, DRAFT_7},
	{STR_INIT("unevaluatedProperties"), IN_OBJECTS, fill_unevaluated_properties, DRAFT_2019,
	 DRAFT_2020},
	{STR_INIT("$ref"), IN_LOGIC, fill_ref, DRAFT_7, DRAFT_2020},
	{STR_INIT("$dynamicRef"), IN_LOGIC, fill_dynamic_ref, DRAFT_2020, DRAFT_2020},
	{STR_INIT("$recursiveRef"), IN_LOGIC, fill_dynamic_ref, DRAFT_2019, DRAFT_2019},
	{STR_INIT("allOf"), IN_LOGIC, fill_all, DRAFT_7, DRAFT_2020},
	{STR_INIT("anyOf"), IN_LOGIC, fill_any, DRAFT_7, DRAFT_2020},
	{STR_INIT("oneOf"), IN_LOGIC, fill_one, DRAFT_7, DRAFT_2020},
	{STR_INIT("not"), IN_LOGIC, fill_not, DRAFT_7, DRAFT_2020},
	{STR_INIT("if"), IN_LOGIC, fill_if, DRAFT_7, DRAFT_2020},
	{STR_INIT("then"), IN_LOGIC, fill_then, DRAFT_7, DRAFT_2020},
	{STR_INIT("else"), IN_LOGIC, fill_else, DRAFT_7, DRAFT_2020},
};

static bool group_begin(struct compiler *c, struct draft *d, enum group g)
{
	switch (g) {
	case IN_NODE:
		return true;
	case IN_VALUES:
		d->values = d->values ? d->values : ARENA_NEW(c->keep, struct schema_values);
		return d->values != NULL;
	case IN_NUMBERS:
		d->numbers = d->numbers ? d->numbers : ARENA_NEW(c->keep, struct schema_numbers);
		return d->numbers != NULL;
	case IN_STRINGS:
		if (!d->strings && (d->strings = ARENA_NEW(c->keep, struct schema_strings))) {
			d->strings->max = SCHEMA_UNSET;
		}
		return d->strings != NULL;
	case IN_ARRAYS:
		if (!d->arrays && (d->arrays = ARENA_NEW(c->keep, struct schema_arrays))) {
			d->arrays->max = d->arrays->min_contains = d->arrays->max_contains =
				SCHEMA_UNSET;
		}
		return d->arrays != NULL;
	case IN_OBJECTS:
		if (!d->objects && (d->objects = ARENA_NEW(c->keep, struct schema_objects))) {
			d->objects->max = SCHEMA_UNSET;
		}
		return d->objects != NULL;
	case IN_LOGIC:
		d->logic = d->logic ? d->logic : ARENA_NEW(c->keep, struct schema_logic);
		return d->logic != NULL;
	}
	return false;
}

/* 2020-12 core, 8.2.1: an $id makes what it is in a document of its own, with references of its own.
 */
static enum err_code check_id(struct compiler *c, const struct json *j)
{
	struct str id = json_str(json_get(j, STR("$id")));

	if (j != c->doc && id.n && id.p[0] != '#') {
		return ERR(c->err, ERR_UNSUPPORTED,
			   "byte %u: an $id within a schema opens a document of its own", j->at);
	}
	return ERR_OK;
}

static enum err_code fill(struct compiler *c, const struct todo *t)
{
	struct draft d = {.from = t->from, .node = t->node};
	const struct json *ref = json_get(t->from, STR("$ref"));

	if (json_is_bool(t->from)) {
		t->node->nothing = !t->from->boolean;
		return ERR_OK;
	}
	TRY(check_id(c, t->from));
	JSON_EACH (j, t->from) {
		for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
			const struct keyword *k = &keywords[i];

			if (!str_eq(k->name, j->key) || c->dialect > k->since ||
			    c->dialect < k->until || (ref && ref != j && c->dialect == DRAFT_7)) {
				continue;
			}
			if (!group_begin(c, &d, k->group)) {
				return no_memory(c);
			}
			TRY(k->fill(c, &d, j));
		}
	}
	t->node->values = d.values;
	t->node->numbers = d.numbers;
	t->node->strings = d.strings;
	t->node->arrays = d.arrays;
	t->node->objects = d.objects;
	t->node->logic = d.logic;
	return ERR_OK;
}

static enum err_code read_dialect(struct compiler *c)
{
	static const struct {
		struct str name;
		enum dialect dialect;
	} known[] = {
		{STR_INIT("json-schema.org/draft/2020-12/schema"), DRAFT_2020},
		{STR_INIT("json-schema.org/draft/2019-09/schema"), DRAFT_2019},
		{STR_INIT("json-schema.org/draft-07/schema"), DRAFT_7},
		{STR_INIT("json-schema.org/draft-06/schema"), DRAFT_7},
	};
	const struct json *j = json_get(c->doc, STR("$schema"));
	struct str name = json_str(j);

	if (!j) {
		return ERR_OK;
	}
	name = str_ends_with(name, STR("#")) ? str_make(name.p, name.n - 1) : name;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (str_ends_with(name, known[i].name) &&
		    (name.n == known[i].name.n + 7 || name.n == known[i].name.n + 8)) {
			c->dialect = known[i].dialect;
			return ERR_OK;
		}
	}
	return BAD(c, ERR_UNSUPPORTED, j, "another dialect than drafts 6 to 2020-12");
}

static enum err_code compile(struct compiler *c, struct json_schema *s)
{
	struct str id = json_str(json_get(c->doc, STR("$id")));

	TRY(read_dialect(c));
	c->id = str_make(id.p, str_find(id, '#'));
	TRY(node_of(c, c->doc, &s->root));
	while (c->n_todo) {
		struct todo t = c->todo[--c->n_todo];

		TRY(fill(c, &t));
	}
	return ERR_OK;
}

enum err_code json_schema_compile(struct arena *keep, struct arena *scratch, struct str text,
				  const struct json_schema **ret, struct err *err)
{
	const struct json_opts opts = {.name = STR("schema"), .max_bytes = JSON_SCHEMA_BYTES};
	struct compiler c = {.keep = keep, .scratch = scratch, .err = err};
	struct json_schema *s = ARENA_NEW(keep, struct json_schema);
	enum err_code code;

	if (!s) {
		return no_memory(&c);
	}
	TRY(json_parse(scratch, text, &opts, &c.doc, err));
	map_init(&c.nodes, (struct hash_key){0});
	code = compile(&c, s);
	map_done(&c.nodes);
	if (!code) {
		*ret = s;
	}
	return code;
}
