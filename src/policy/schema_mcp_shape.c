/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Schema to shapes. */
#include "policy/schema_mcp_priv.h"

#include "policy/lex.h"

#include <stdlib.h>

#define KEYWORDS_MAX 256   /* members of one schema object */
#define IDS_MAX      65536 /* of all enumerated types of one tool */

struct shaper {
	const struct schema_mcp *m;
	struct arena *a;
	struct str ns;
	const struct json *root;
	const struct json *open_refs[SCHEMA_MCP_MAX_DEPTH]; /* being expanded */
	size_t n_open, n_nodes, n_ids;
	struct mcp_names *names;
	struct err *err;
	enum err_code code;
};

static struct schema_mcp_shape *make(struct shaper *s, const struct json *j, struct str path,
				     unsigned depth);

static void *no_memory(struct shaper *s)
{
	if (!s->code) {
		s->code = ERR(s->err, ERR_NOMEM, "no memory for a tool's description");
	}
	return NULL;
}

static void *too_large(struct shaper *s, const char *what, size_t max)
{
	if (!s->code) {
		s->code = ERR(s->err, ERR_LIMIT, "a tool's description has more than %zu %s", max,
			      what);
	}
	return NULL;
}

struct str mcp_ident(struct arena *a, struct str text)
{
	size_t n = text.n > SCHEMA_MCP_MAX_NAME ? SCHEMA_MCP_MAX_NAME : text.n;
	char *p = arena_alloc(a, n + 2);
	struct str name;

	if (!p) {
		return str_make(NULL, 0);
	}
	p[0] = '_';
	for (size_t i = 0; i < n; i++) {
		char c = text.p[i];
		bool word =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		p[i + 1] = (char)(word ? c : '_');
	}
	p[n + 1] = '_';
	/* The first byte is a letter or the underscore in front; a reserved word gets one behind.
	 */
	name = n > 0 && !(p[1] >= '0' && p[1] <= '9') ? str_make(p + 1, n) : str_make(p, n + 1);
	if (policy_is_reserved(name) || str_eq(name, STR("Action"))) {
		name.n++;
	}
	return name;
}

static struct str join(struct shaper *s, struct str path, struct str name)
{
	struct str joined =
		path.n ? arena_printf(s->a, STR_FMT "_" STR_FMT, STR_ARG(path), STR_ARG(name))
		       : name;

	if (!joined.p) {
		no_memory(s);
	}
	return joined;
}

static struct schema_mcp_shape *of_kind(struct shaper *s, enum mcp_kind kind)
{
	struct schema_mcp_shape *shape;

	if (s->n_nodes++ == SCHEMA_MCP_MAX_NODES) {
		return too_large(s, "parts", SCHEMA_MCP_MAX_NODES);
	}
	shape = ARENA_NEW(s->a, struct schema_mcp_shape);
	if (!shape) {
		return no_memory(s);
	}
	shape->kind = kind;
	shape->type = kind == MCP_NUMBER    ? s->m->number
		      : kind == MCP_UNKNOWN ? s->m->unknown
					    : STR("");
	return shape;
}

static bool is_used(const struct mcp_names *names, struct str name)
{
	for (size_t i = 0; i < names->n; i++) {
		if (str_eq(names->items[i], name)) {
			return true;
		}
	}
	return false;
}

/* The type's name from the way to it, with a number when that is taken. */
static struct str enum_name(struct shaper *s, struct str path)
{
	struct str base = mcp_ident(s->a, path.n ? path : STR("value")), name = base;

	for (size_t i = 2; name.p && is_used(s->names, name); i++) {
		name = arena_printf(s->a, STR_FMT "_%zu", STR_ARG(base), i);
	}
	if (!name.p || !ARENA_GROW(s->a, &s->names->items, s->names->n, &s->names->cap)) {
		no_memory(s);
		return str_make(NULL, 0);
	}
	s->names->items[s->names->n++] = name;
	return name;
}

/* enum or const with at least one string; a value that is none cannot be one of the ids. */
static struct schema_mcp_shape *make_enum(struct shaper *s, const struct json *list,
					  struct str path)
{
	struct schema_mcp_shape *shape = of_kind(s, MCP_ENUM);
	struct str name = enum_name(s, path);
	bool many = list->type == JSON_ARRAY;
	size_t n = many ? list->n : 1;
	const struct json *one = many ? list->first : list;

	if (!shape || !name.p) {
		return NULL;
	}
	s->n_ids += n;
	if (s->n_ids > IDS_MAX) {
		return too_large(s, "enum values", IDS_MAX);
	}
	shape->ids = ARENA_ARRAY(s->a, n, struct str);
	shape->type = arena_printf(s->a, STR_FMT "::" STR_FMT, STR_ARG(s->ns), STR_ARG(name));
	if (!shape->ids || !shape->type.p) {
		return no_memory(s);
	}
	for (size_t i = 0; i < n; i++, one = one->next) {
		if (one->type == JSON_STRING) {
			shape->ids[shape->n_ids] = arena_dup(s->a, one->text);
			if (!shape->ids[shape->n_ids++].p) {
				return no_memory(s);
			}
		}
	}
	return shape;
}

static bool lists_string(const struct json *list)
{
	JSON_EACH (item, list) {
		if (item->type == JSON_STRING) {
			return true;
		}
	}
	return json_is_string(list);
}

static struct schema_mcp_shape *make_string(struct shaper *s, const struct json *j, struct str path)
{
	static const struct {
		struct str format;
		enum mcp_kind kind;
	} formats[] = {
		{STR_INIT("date"), MCP_DATE},         {STR_INIT("date-time"), MCP_DATETIME},
		{STR_INIT("duration"), MCP_DURATION}, {STR_INIT("ipv4"), MCP_IP},
		{STR_INIT("ipv6"), MCP_IP},           {STR_INIT("decimal"), MCP_DECIMAL_TEXT},
	};
	const struct json *list = json_get(j, STR("enum"));
	const struct json *format = json_get(j, STR("format"));

	list = list ? list : json_get(j, STR("const"));
	if (list && lists_string(list) && !s->m->opts.plain) {
		return make_enum(s, list, path);
	}
	for (size_t i = 0; i < ARRAY_LEN(formats) && !s->m->opts.plain; i++) {
		if (json_str_is(format, formats[i].format)) {
			return of_kind(s, formats[i].kind);
		}
	}
	return of_kind(s, MCP_STRING);
}

/* At most four fraction digits, no exponent: every multiple of it is a decimal. */
static bool is_decimal_step(const struct json *j)
{
	size_t dot;

	if (!json_is_number(j) || str_find(j->text, 'e') < j->text.n ||
	    str_find(j->text, 'E') < j->text.n) {
		return false;
	}
	dot = str_find(j->text, '.');
	return dot == j->text.n || j->text.n - dot - 1 <= 4;
}

static struct schema_mcp_shape *make_set(struct shaper *s, const struct json *j, struct str path,
					 unsigned depth)
{
	const struct json *items = json_get(j, STR("items"));
	struct schema_mcp_shape *shape = of_kind(s, MCP_SET);

	if (shape) {
		shape->element = items ? make(s, items, path, depth + 1) : of_kind(s, MCP_UNKNOWN);
	}
	return s->code ? NULL : shape;
}

/* The fields of a tuple or of a choice: PREFIX0, PREFIX1, ... */
static struct schema_mcp_shape *make_numbered(struct shaper *s, enum mcp_kind kind,
					      const char *prefix, const struct json *list,
					      struct str path, unsigned depth)
{
	struct schema_mcp_shape *shape = of_kind(s, kind);

	if (!shape) {
		return NULL;
	}
	shape->fields = ARENA_ARRAY(s->a, list->n, struct mcp_field);
	if (!shape->fields) {
		return no_memory(s);
	}
	JSON_EACH (item, list) {
		struct mcp_field *f = &shape->fields[shape->n_fields];

		f->name = arena_printf(s->a, "%s%zu", prefix, shape->n_fields);
		if (!f->name.p) {
			return no_memory(s);
		}
		f->shape = make(s, item, join(s, path, f->name), depth + 1);
		f->optional = kind == MCP_CHOICE;
		if (s->code) {
			return NULL;
		}
		shape->n_fields++;
	}
	return shape;
}

static struct schema_mcp_shape *make_array(struct shaper *s, const struct json *j, struct str path,
					   unsigned depth)
{
	const struct json *prefix = json_get(j, STR("prefixItems"));
	const struct json *items = json_get(j, STR("items"));

	if (json_is_array(prefix) && json_is_bool(items) && !items->boolean) {
		return make_numbered(s, MCP_TUPLE, "proj", prefix, path, depth);
	}
	if (prefix || json_is_bool(items)) {
		struct schema_mcp_shape *shape = of_kind(s, MCP_SET);

		if (shape) {
			shape->element = of_kind(s, MCP_UNKNOWN);
		}
		return s->code ? NULL : shape;
	}
	return make_set(s, j, path, depth);
}

static bool is_required(const struct json *j, struct str name)
{
	JSON_EACH (item, json_get(j, STR("required"))) {
		if (json_str_is(item, name)) {
			return true;
		}
	}
	return false;
}

static bool make_field(struct shaper *s, const struct json *j, const struct json *prop,
		       struct str path, unsigned depth, struct mcp_field *ret)
{
	struct str milli;

	if (prop->key.n > SCHEMA_MCP_MAX_NAME) {
		too_large(s, "bytes in a property's name", SCHEMA_MCP_MAX_NAME);
		return false;
	}
	ret->name = arena_dup(s->a, prop->key);
	ret->shape = make(s, prop, join(s, path, prop->key), depth + 1);
	if (!ret->name.p) {
		no_memory(s);
	}
	if (s->code) {
		return false;
	}
	ret->optional = ret->shape->nullable || !is_required(j, prop->key);
	if (ret->shape->kind == MCP_NUMBER && !s->m->opts.plain) {
		milli = arena_printf(s->a, STR_FMT "_milli", STR_ARG(prop->key));
		if (!milli.p) {
			no_memory(s);
			return false;
		}
		ret->milli = json_get(json_get(j, STR("properties")), milli) ? STR("") : milli;
	}
	return true;
}

static int by_name(const void *a, const void *b)
{
	const struct mcp_field *x = a, *y = b;

	return str_cmp(x->name, y->name);
}

static struct schema_mcp_shape *make_record(struct shaper *s, const struct json *j, struct str path,
					    unsigned depth)
{
	const struct json *props = json_get(j, STR("properties"));
	const struct json *more = json_get(j, STR("additionalProperties"));
	const struct json *required = json_get(j, STR("required"));
	struct schema_mcp_shape *shape = of_kind(s, MCP_RECORD);

	if (!shape) {
		return NULL;
	}
	shape->open = more && !(more->type == JSON_BOOL && !more->boolean);
	if (!json_is_object(props)) {
		return shape;
	}
	if (props->n > SCHEMA_MCP_MAX_NODES || (required && required->n > SCHEMA_MCP_MAX_NODES)) {
		return too_large(s, "properties", SCHEMA_MCP_MAX_NODES);
	}
	shape->fields = ARENA_ARRAY(s->a, props->n, struct mcp_field);
	if (!shape->fields) {
		return no_memory(s);
	}
	JSON_EACH (prop, props) {
		if (shape->open && str_eq(prop->key, STR("*"))) {
			s->code = ERR(s->err, ERR_INVALID,
				      "a property called * beside additionalProperties");
			return NULL;
		}
		if (!make_field(s, j, prop, path, depth, &shape->fields[shape->n_fields])) {
			return NULL;
		}
		shape->n_fields++;
	}
	if (shape->n_fields > 0) {
		qsort(shape->fields, shape->n_fields, sizeof(*shape->fields), by_name);
	}
	return shape;
}

static bool is_null_type(const struct json *j)
{
	return json_str_is(j, STR("null")) || json_str_is(json_get(j, STR("type")), STR("null"));
}

/* anyOf and oneOf: without null, a single alternative is what it is. */
static struct schema_mcp_shape *make_any(struct shaper *s, const struct json *list, struct str path,
					 unsigned depth)
{
	struct schema_mcp_shape *shape;
	const struct json *only = NULL;
	struct json rest = *list;
	struct json *copies = ARENA_ARRAY(s->a, list->n, struct json);
	bool nullable = false;

	if (!copies) {
		return no_memory(s);
	}
	rest.n = 0;
	rest.first = copies;
	JSON_EACH (item, list) {
		if (is_null_type(item)) {
			nullable = true;
			continue;
		}
		only = item;
		copies[rest.n] = *item;
		copies[rest.n].next = NULL;
		if (rest.n > 0) {
			copies[rest.n - 1].next = &copies[rest.n];
		}
		rest.n++;
	}
	if (rest.n == 0) {
		shape = of_kind(s, MCP_UNKNOWN);
	} else if (rest.n == 1) {
		shape = make(s, only, path, depth + 1);
	} else {
		shape = make_numbered(s, MCP_CHOICE, "typeChoice", &rest, path, depth);
	}
	if (shape) {
		shape->nullable = shape->nullable || nullable;
	}
	return shape;
}

/* One keyword of `type`; what it cannot say is unknown. */
static struct schema_mcp_shape *make_typed(struct shaper *s, const struct json *j, struct str type,
					   struct str path, unsigned depth)
{
	if (str_eq(type, STR("boolean"))) {
		return of_kind(s, MCP_BOOL);
	}
	if (str_eq(type, STR("integer"))) {
		return of_kind(s, MCP_LONG);
	}
	if (str_eq(type, STR("number"))) {
		return of_kind(s, is_decimal_step(json_get(j, STR("multipleOf"))) ? MCP_DECIMAL
										  : MCP_NUMBER);
	}
	if (str_eq(type, STR("string"))) {
		return make_string(s, j, path);
	}
	if (str_eq(type, STR("array"))) {
		return make_array(s, j, path, depth);
	}
	if (str_eq(type, STR("object")) && json_is_object(json_get(j, STR("properties")))) {
		return make_record(s, j, path, depth);
	}
	return of_kind(s, MCP_UNKNOWN);
}

/* type: ["string", "null"] and the like. */
static struct schema_mcp_shape *make_types(struct shaper *s, const struct json *j,
					   const struct json *types, struct str path,
					   unsigned depth)
{
	struct schema_mcp_shape *shape = of_kind(s, MCP_CHOICE);
	bool nullable = false;

	if (!shape) {
		return NULL;
	}
	shape->fields = ARENA_ARRAY(s->a, types->n, struct mcp_field);
	if (!shape->fields) {
		return no_memory(s);
	}
	JSON_EACH (type, types) {
		struct mcp_field *f = &shape->fields[shape->n_fields];

		if (is_null_type(type)) {
			nullable = true;
			continue;
		}
		f->optional = true;
		f->name = arena_printf(s->a, "typeChoice%zu", shape->n_fields);
		f->shape = make_typed(s, j, json_str(type), path, depth + 1);
		if (!f->shape || !f->name.p) {
			return f->shape ? no_memory(s) : NULL;
		}
		shape->n_fields++;
	}
	if (shape->n_fields == 1) {
		shape = shape->fields[0].shape;
	} else if (shape->n_fields == 0) {
		shape = of_kind(s, MCP_UNKNOWN);
	}
	if (shape) {
		shape->nullable = shape->nullable || nullable;
	}
	return shape;
}

static const struct json *find_ref(const struct shaper *s, struct str ref)
{
	const struct json *defs = json_get(s->root, STR("$defs"));
	const struct json *definitions = json_get(s->root, STR("definitions"));

	if ((defs && defs->n > SCHEMA_MCP_MAX_NODES) ||
	    (definitions && definitions->n > SCHEMA_MCP_MAX_NODES)) {
		return NULL;
	}
	if (str_starts_with(ref, STR("#/$defs/"))) {
		return json_get(defs, str_from(ref, 8));
	}
	if (str_starts_with(ref, STR("#/definitions/"))) {
		return json_get(definitions, str_from(ref, 14));
	}
	return NULL;
}

static struct schema_mcp_shape *make_ref(struct shaper *s, struct str ref, struct str path,
					 unsigned depth)
{
	const struct json *to = find_ref(s, ref);
	struct schema_mcp_shape *shape;

	for (size_t i = 0; i < s->n_open; i++) {
		if (s->open_refs[i] == to) {
			to = NULL;
		}
	}
	if (!to || s->n_open == ARRAY_LEN(s->open_refs)) {
		return of_kind(s, MCP_UNKNOWN);
	}
	s->open_refs[s->n_open++] = to;
	shape = make(s, to, path, depth + 1);
	s->n_open--;
	return shape;
}

/* Recursion is bounded by SCHEMA_MCP_MAX_DEPTH. NULL when s->code is set. */
static struct schema_mcp_shape *make(struct shaper *s, const struct json *j, struct str path,
				     unsigned depth)
{
	const struct json *ref = json_get(j, STR("$ref")), *type = json_get(j, STR("type"));
	const struct json *any = json_get(j, STR("anyOf")), *list = json_get(j, STR("enum"));

	if (s->code) {
		return NULL;
	}
	if (depth > SCHEMA_MCP_MAX_DEPTH) {
		return too_large(s, "levels", SCHEMA_MCP_MAX_DEPTH);
	}
	if (j->n > KEYWORDS_MAX) {
		return too_large(s, "keywords in one place", KEYWORDS_MAX);
	}
	any = any ? any : json_get(j, STR("oneOf"));
	list = list ? list : json_get(j, STR("const"));
	if (json_is_string(ref)) {
		return make_ref(s, ref->text, path, depth);
	}
	if (json_get(j, STR("allOf"))) {
		return of_kind(s, MCP_UNKNOWN);
	}
	if (json_is_array(any)) {
		return make_any(s, any, path, depth);
	}
	if (json_is_array(type)) {
		return make_types(s, j, type, path, depth);
	}
	if (!type && list && lists_string(list) && !s->m->opts.plain) {
		return make_enum(s, list, path);
	}
	return make_typed(s, j, json_str(type), path, depth);
}

enum err_code mcp_shape_object(const struct schema_mcp *m, struct str ns, struct str prefix,
			       const struct json *root, struct mcp_names *names,
			       struct schema_mcp_shape **ret, struct err *err)
{
	struct shaper s = {
		.m = m, .a = m->arena, .ns = ns, .root = root, .names = names, .err = err};
	struct schema_mcp_shape *shape = make_record(&s, root, prefix, 0);

	if (s.code) {
		return s.code;
	}
	*ret = shape;
	return ERR_OK;
}
