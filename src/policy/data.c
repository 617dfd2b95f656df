/* SPDX-License-Identifier: Apache-2.0 */
/* The Cedar reader of values. */
#include "policy/data.h"

#include "policy/ext.h"
#include "policy/lex.h"

static enum err_code read_value(struct arena *a, const struct json *j, const struct type *expected,
				int depth, struct policy_value *ret, struct err *err);

static enum err_code no_memory(struct err *err)
{
	return ERR(err, ERR_NOMEM, "out of memory");
}

bool policy_is_type_name(struct str name)
{
	if (name.n > POLICY_PATH_MAX) {
		return false;
	}
	for (;;) {
		size_t colon = str_find(name, ':');
		struct str part = str_make(name.p, colon);

		if (!policy_is_ident(part) || policy_is_reserved(part)) {
			return false;
		}
		if (colon == name.n) {
			return true;
		}
		name = str_from(name, colon);
		if (!str_starts_with(name, STR("::"))) {
			return false;
		}
		name = str_from(name, 2);
	}
}

/* {type, id}, both strings and nothing else. */
static bool is_uid_object(const struct json *j)
{
	return json_is_object(j) && j->n == 2 && json_is_string(json_get(j, STR("type"))) &&
	       json_is_string(json_get(j, STR("id")));
}

enum err_code policy_json_uid(struct arena *a, const struct json *j, struct policy_uid *ret,
			      struct err *err)
{
	const struct json *escape = json_get(j, STR("__entity"));
	struct str type, id;

	if (escape && j->n == 1) {
		j = escape;
	}
	if (!is_uid_object(j)) {
		return ERR(err, ERR_INVALID,
			   "expected an entity such as {\"type\": \"User\", \"id\": \"a\"}, found "
			   "%s",
			   j ? json_type_name(j->type) : "nothing");
	}
	type = json_str(json_get(j, STR("type")));
	id = json_str(json_get(j, STR("id")));
	if (!policy_is_type_name(type)) {
		return ERR(err, ERR_INVALID, "`" STR_FMT "` is not a type name", STR_ARG(type));
	}
	type = arena_dup(a, type);
	id = arena_dup(a, id);
	if (!type.p || !id.p) {
		return no_memory(err);
	}
	*ret = policy_uid_make(type, id);
	return ERR_OK;
}

static enum err_code read_entity(struct arena *a, const struct json *j, struct policy_value *ret,
				 struct err *err)
{
	struct policy_uid *uid = ARENA_NEW(a, struct policy_uid);

	if (!uid) {
		return no_memory(err);
	}
	TRY(policy_json_uid(a, j, uid, err));
	*ret = policy_entity(uid);
	return ERR_OK;
}

static enum err_code construct(struct arena *a, enum policy_fn fn, const struct json *arg,
			       struct policy_value *ret, struct err *err)
{
	struct str name = policy_fn_info(fn)->name;

	if (!json_is_string(arg)) {
		return ERR(err, ERR_INVALID, "the argument of " STR_FMT " must be a string",
			   STR_ARG(name));
	}
	if (!policy_ext_parse(fn, arg->text, a, ret)) {
		return ERR(err, a->exhausted ? ERR_NOMEM : ERR_INVALID,
			   "\"" STR_FMT "\" is not a valid " STR_FMT, STR_ARG(arg->text),
			   STR_ARG(name));
	}
	return ERR_OK;
}

/* A method in JSON, as datetime's offset: {fn: "offset", args: [receiver, ...]}. */
#define ARGS_MAX 2

static bool is_ctor(enum policy_fn fn)
{
	return fn >= POLICY_FN_DECIMAL && fn <= POLICY_FN_DURATION;
}

/* datetime.offset(duration) is the one method that may stand in data. */
static enum err_code read_offset(struct arena *a, const struct json *args, int depth,
				 struct policy_value *ret, struct err *err)
{
	struct policy_value v[ARGS_MAX];
	int64_t ms;

	if (!args || args->n != 2) {
		return ERR(err, ERR_INVALID, "offset takes two arguments");
	}
	TRY(read_value(a, args->first, NULL, depth + 1, &v[0], err));
	TRY(read_value(a, args->first->next, NULL, depth + 1, &v[1], err));
	if (v[0].kind != POLICY_DATETIME || v[1].kind != POLICY_DURATION) {
		return ERR(err, ERR_INVALID, "offset takes a datetime and a duration");
	}
	if (__builtin_add_overflow(v[0].i, v[1].i, &ms)) {
		return ERR(err, ERR_INVALID, "offset overflows");
	}
	*ret = policy_scalar(POLICY_DATETIME, ms);
	return ERR_OK;
}

/* {fn, arg} or {fn, args: [arg]} */
static bool is_call_object(const struct json *j)
{
	return json_is_object(j) && j->n == 2 && json_is_string(json_get(j, STR("fn"))) &&
	       (json_get(j, STR("arg")) || json_is_array(json_get(j, STR("args"))));
}

static enum err_code read_call(struct arena *a, const struct json *j, int depth,
			       struct policy_value *ret, struct err *err)
{
	const struct json *arg = json_get(j, STR("arg")), *args = json_get(j, STR("args"));
	enum policy_fn fn;
	struct str name;

	if (!is_call_object(j)) {
		return ERR(
			err, ERR_INVALID,
			"expected an extension value such as {\"fn\": \"ip\", \"arg\": \"::1\"}");
	}
	name = json_str(json_get(j, STR("fn")));
	fn = policy_fn_find(name);
	if (fn == POLICY_FN_OFFSET) {
		return read_offset(a, args, depth, ret, err);
	}
	if (!is_ctor(fn) || (args && args->n != 1)) {
		return ERR(err, ERR_INVALID, "`" STR_FMT "` makes no value from this",
			   STR_ARG(name));
	}
	return construct(a, fn, args ? args->first : arg, ret, err);
}

static enum policy_fn ctor_of(const struct type *t)
{
	if (!t) {
		return POLICY_FN_NONE;
	}
	return t->kind == TYPE_DECIMAL    ? POLICY_FN_DECIMAL
	       : t->kind == TYPE_IPADDR   ? POLICY_FN_IP
	       : t->kind == TYPE_DATETIME ? POLICY_FN_DATETIME
	       : t->kind == TYPE_DURATION ? POLICY_FN_DURATION
					  : POLICY_FN_NONE;
}

static enum err_code read_set(struct arena *a, const struct json *j, const struct type *expected,
			      int depth, struct policy_value *ret, struct err *err)
{
	const struct type *elem = expected && expected->kind == TYPE_SET ? expected->element : NULL;
	struct policy_value *v = ARENA_ARRAY(a, j->n, struct policy_value);
	size_t n = 0;

	if (!v) {
		return no_memory(err);
	}
	JSON_EACH (item, j) {
		TRY(read_value(a, item, elem, depth + 1, &v[n++], err));
	}
	*ret = policy_value_set(v, n);
	return ERR_OK;
}

static enum err_code check_required(const struct json *j, const struct type *record,
				    struct err *err)
{
	for (size_t i = 0; i < record->n_fields; i++) {
		if (record->fields[i].required && !json_get(j, record->fields[i].name)) {
			return ERR(err, ERR_INVALID, "the record lacks `" STR_FMT "`",
				   STR_ARG(record->fields[i].name));
		}
	}
	return ERR_OK;
}

/* One member, or one attribute of an entity. */
static enum err_code read_member(struct arena *a, const struct json *j, const struct type *record,
				 int depth, struct policy_field *ret, struct err *err)
{
	const struct type *type = NULL;
	enum err_code code;

	if (record) {
		const struct type_field *f = type_field_find(record, j->key);

		if (!f) {
			return ERR(err, ERR_INVALID,
				   "`" STR_FMT "` should not exist according to the schema",
				   STR_ARG(j->key));
		}
		type = f->type;
	}
	ret->key = arena_dup(a, j->key);
	if (!ret->key.p) {
		return no_memory(err);
	}
	code = read_value(a, j, type, depth, &ret->value, err);
	if (code) {
		err_wrap(err, "in `" STR_FMT "`", STR_ARG(j->key));
	}
	return code;
}

static enum err_code read_record(struct arena *a, const struct json *j, const struct type *expected,
				 int depth, struct policy_value *ret, struct err *err)
{
	const struct type *record = expected && expected->kind == TYPE_RECORD ? expected : NULL;
	struct policy_field *f = ARENA_ARRAY(a, j->n, struct policy_field);
	size_t n = 0;

	if (!f) {
		return no_memory(err);
	}
	if (record) {
		TRY(check_required(j, record, err));
	}
	JSON_EACH (member, j) {
		TRY(read_member(a, member, record, depth + 1, &f[n++], err));
	}
	if (!policy_value_record(f, n, ret)) {
		return ERR(err, ERR_INVALID, "a member occurs twice");
	}
	return ERR_OK;
}

static enum err_code read_object(struct arena *a, const struct json *j, const struct type *expected,
				 int depth, struct policy_value *ret, struct err *err)
{
	const struct json *extn = json_get(j, STR("__extn"));
	const struct json *entity = json_get(j, STR("__entity"));

	if (json_get(j, STR("__expr"))) {
		return ERR(err, ERR_INVALID, "the `__expr` escape is not supported");
	}
	if ((extn || entity) && j->n != 1) {
		return ERR(err, ERR_INVALID, "`__%s` must be the only member",
			   extn ? "extn" : "entity");
	}
	if (extn) {
		return read_call(a, extn, depth, ret, err);
	}
	if (entity || (expected && expected->kind == TYPE_ENTITY)) {
		return read_entity(a, j, ret, err);
	}
	if (ctor_of(expected) != POLICY_FN_NONE) {
		return read_call(a, j, depth, ret, err);
	}
	return read_record(a, j, expected, depth, ret, err);
}

static enum err_code read_string(struct arena *a, const struct json *j, const struct type *expected,
				 struct policy_value *ret, struct err *err)
{
	enum policy_fn fn = ctor_of(expected);
	struct str s;

	if (fn != POLICY_FN_NONE) {
		return construct(a, fn, j, ret, err);
	}
	if (expected && expected->kind == TYPE_ENTITY) {
		struct policy_uid uid;

		return policy_json_uid(a, j, &uid, err);
	}
	s = arena_dup(a, j->text);
	if (!s.p) {
		return no_memory(err);
	}
	*ret = policy_string(s);
	return ERR_OK;
}

static enum err_code read_value(struct arena *a, const struct json *j, const struct type *expected,
				int depth, struct policy_value *ret, struct err *err)
{
	int64_t i;

	if (depth > POLICY_DATA_DEPTH) {
		return ERR(err, ERR_LIMIT, "value nested deeper than %d", POLICY_DATA_DEPTH);
	}
	switch (j->type) {
	case JSON_NULL:
		return ERR(err, ERR_INVALID, "null is not a value");
	case JSON_BOOL:
		*ret = policy_bool(j->boolean);
		return ERR_OK;
	case JSON_NUMBER:
		if (!json_i64(j, &i)) {
			return ERR(err, ERR_INVALID, STR_FMT " is not a 64-bit integer",
				   STR_ARG(j->text));
		}
		*ret = policy_long(i);
		return ERR_OK;
	case JSON_STRING:
		return read_string(a, j, expected, ret, err);
	case JSON_ARRAY:
		return read_set(a, j, expected, depth, ret, err);
	case JSON_OBJECT:
		return read_object(a, j, expected, depth, ret, err);
	}
	return ERR(err, ERR_INVALID, "not a value");
}

enum err_code policy_json_value(struct arena *a, const struct json *j, const struct type *expected,
				struct policy_value *ret, struct err *err)
{
	struct policy_value v;

	TRY(read_value(a, j, expected, 0, &v, err));
	*ret = v;
	return ERR_OK;
}

enum err_code policy_json_context(struct arena *a, const struct json *j,
				  const struct type *expected, struct policy_value *ret,
				  struct err *err)
{
	struct policy_value v;

	if (!json_is_object(j)) {
		return ERR(err, ERR_INVALID, "the context must be an object");
	}
	TRY(read_value(a, j, expected, 0, &v, err));
	if (v.kind != POLICY_RECORD) {
		return ERR(err, ERR_INVALID, "the context must be a record");
	}
	*ret = v;
	return ERR_OK;
}
