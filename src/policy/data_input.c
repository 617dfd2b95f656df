/* SPDX-License-Identifier: Apache-2.0 */
/* The input reader, and records built by hand. */
#include "policy/data.h"

#include "policy/ext.h"

static enum err_code read_input(struct arena *a, const struct json *j, int depth,
				struct policy_value *ret, struct err *err);

static enum err_code no_memory(struct err *err)
{
	return ERR(err, ERR_NOMEM, "out of memory");
}

static struct policy_value number(const struct json *j)
{
	int64_t i;

	if (json_i64(j, &i)) {
		return policy_long(i);
	}
	if (policy_decimal_parse(j->text, &i)) {
		return policy_scalar(POLICY_DECIMAL, i);
	}
	return policy_string(j->text);
}

static enum err_code array(struct arena *a, const struct json *j, int depth,
			   struct policy_value *ret, struct err *err)
{
	struct policy_value *v = ARENA_ARRAY(a, j->n, struct policy_value);
	size_t n = 0;

	if (!v) {
		return no_memory(err);
	}
	JSON_EACH (item, j) {
		if (item->type != JSON_NULL) {
			TRY(read_input(a, item, depth + 1, &v[n++], err));
		}
	}
	*ret = policy_value_set(v, n);
	return ERR_OK;
}

static enum err_code object(struct arena *a, const struct json *j, int depth,
			    struct policy_value *ret, struct err *err)
{
	struct policy_field *f = ARENA_ARRAY(a, j->n, struct policy_field);
	size_t n = 0;

	if (!f) {
		return no_memory(err);
	}
	JSON_EACH (item, j) {
		if (item->type != JSON_NULL) {
			f[n].key = item->key;
			TRY(read_input(a, item, depth + 1, &f[n++].value, err));
		}
	}
	if (!policy_value_record(f, n, ret)) {
		return ERR(err, ERR_INVALID, "a member occurs twice");
	}
	return ERR_OK;
}

static enum err_code read_input(struct arena *a, const struct json *j, int depth,
				struct policy_value *ret, struct err *err)
{
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
		*ret = number(j);
		return ERR_OK;
	case JSON_STRING:
		*ret = policy_string(j->text);
		return ERR_OK;
	case JSON_ARRAY:
		return array(a, j, depth, ret, err);
	case JSON_OBJECT:
		return object(a, j, depth, ret, err);
	}
	return ERR(err, ERR_INVALID, "not a value");
}

enum err_code policy_input_value(struct arena *a, const struct json *j, struct policy_value *ret,
				 struct err *err)
{
	struct policy_value v;

	TRY(read_input(a, j, 0, &v, err));
	*ret = v;
	return ERR_OK;
}

enum err_code policy_input_parse(struct arena *a, struct str text, struct policy_value *ret,
				 struct err *err)
{
	const struct json *doc;

	TRY(json_parse(a, text, NULL, &doc, err));
	return policy_input_value(a, doc, ret, err);
}

void policy_record_begin(struct policy_record *r, struct arena *a)
{
	*r = (struct policy_record){.arena = a};
}

void policy_record_put(struct policy_record *r, struct str key, struct policy_value v)
{
	if (r->failed || v.kind == POLICY_NONE ||
	    !ARENA_GROW(r->arena, &r->fields, r->n, &r->cap)) {
		r->failed = true;
		return;
	}
	r->fields[r->n++] = (struct policy_field){key, v};
}

bool policy_record_end(struct policy_record *r, struct policy_value *ret)
{
	return !r->failed && policy_value_record(r->fields, r->n, ret);
}
