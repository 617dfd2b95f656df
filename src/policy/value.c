/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/value.h"

#include "base/hash.h"
#include "policy/ext.h"
#include "policy/lex.h"
#include "policy/sort.h"

uint64_t policy_uid_hash(struct str type, struct str id)
{
	struct hash_key key = {hash_str((struct hash_key){0}, type), 0};

	return hash_str(key, id);
}

void policy_uid_write(struct buf *out, const struct policy_uid *uid)
{
	buf_append(out, uid->type);
	buf_append(out, STR("::\""));
	policy_escape(out, uid->id);
	buf_append_c(out, '"');
}

const char *policy_kind_name(enum policy_kind kind)
{
	static const char *const names[] = {
		[POLICY_NONE] = "nothing",      [POLICY_BOOL] = "bool",
		[POLICY_LONG] = "long",         [POLICY_STRING] = "string",
		[POLICY_ENTITY] = "entity",     [POLICY_SET] = "set",
		[POLICY_RECORD] = "record",     [POLICY_DECIMAL] = "decimal",
		[POLICY_IP] = "ipaddr",         [POLICY_DATETIME] = "datetime",
		[POLICY_DURATION] = "duration",
	};

	return names[kind];
}

struct str policy_type_basename(struct str type)
{
	for (size_t i = type.n; i > 0; i--) {
		if (type.p[i - 1] == ':') {
			return str_from(type, i);
		}
	}
	return type;
}

/* Shorter first, then by bytes: cheap to compare, and a total order. */
int policy_key_cmp(struct str a, struct str b)
{
	if (a.n != b.n) {
		return a.n < b.n ? -1 : 1;
	}
	return a.n == 0 ? 0 : memcmp(a.p, b.p, a.n);
}

static int int_order(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int uid_order(const struct policy_uid *a, const struct policy_uid *b)
{
	int order = policy_key_cmp(a->type, b->type);

	return order != 0 ? order : policy_key_cmp(a->id, b->id);
}

static int ip_order(const struct policy_ip *a, const struct policy_ip *b)
{
	int order = int_order(a->v6, b->v6);

	if (order == 0) {
		order = memcmp(a->bytes, b->bytes, sizeof(a->bytes));
	}
	return order != 0 ? order : int_order(a->prefix, b->prefix);
}

static int set_order(struct policy_value a, struct policy_value b)
{
	int order = int_order(a.n, b.n);

	for (uint32_t i = 0; order == 0 && i < a.n; i++) {
		order = policy_value_cmp(a.elems[i], b.elems[i]);
	}
	return order;
}

static int record_order(struct policy_value a, struct policy_value b)
{
	int order = int_order(a.n, b.n);

	for (uint32_t i = 0; order == 0 && i < a.n; i++) {
		order = policy_key_cmp(a.fields[i].key, b.fields[i].key);
		if (order == 0) {
			order = policy_value_cmp(a.fields[i].value, b.fields[i].value);
		}
	}
	return order;
}

int policy_value_cmp(struct policy_value a, struct policy_value b)
{
	if (a.kind != b.kind) {
		return a.kind < b.kind ? -1 : 1;
	}
	switch (a.kind) {
	case POLICY_NONE:
		return 0;
	case POLICY_BOOL:
		return int_order(a.b, b.b);
	case POLICY_STRING:
		return policy_key_cmp(policy_value_str(a), policy_value_str(b));
	case POLICY_ENTITY:
		return uid_order(a.uid, b.uid);
	case POLICY_SET:
		return set_order(a, b);
	case POLICY_RECORD:
		return record_order(a, b);
	case POLICY_IP:
		return ip_order(a.ip, b.ip);
	case POLICY_LONG:
	case POLICY_DECIMAL:
	case POLICY_DATETIME:
	case POLICY_DURATION:
		break;
	}
	return int_order(a.i, b.i);
}

bool policy_value_eq(struct policy_value a, struct policy_value b)
{
	if (a.kind != b.kind) {
		return false;
	}
	if (a.kind == POLICY_ENTITY) {
		return policy_uid_eq(a.uid, b.uid);
	}
	if (a.kind == POLICY_STRING) {
		return str_eq(policy_value_str(a), policy_value_str(b));
	}
	return policy_value_cmp(a, b) == 0;
}

static int elem_order(const void *a, const void *b)
{
	return policy_value_cmp(*(const struct policy_value *)a, *(const struct policy_value *)b);
}

static int field_order(const void *a, const void *b)
{
	return policy_key_cmp(((const struct policy_field *)a)->key,
			      ((const struct policy_field *)b)->key);
}

struct policy_value policy_value_set(struct policy_value *elems, size_t n)
{
	size_t kept = n > 0 ? 1 : 0;

	policy_sort(elems, n, sizeof(*elems), elem_order);
	for (size_t i = 1; i < n; i++) {
		if (policy_value_cmp(elems[kept - 1], elems[i]) != 0) {
			elems[kept++] = elems[i];
		}
	}
	return (struct policy_value){.kind = POLICY_SET, .n = (uint32_t)kept, .elems = elems};
}

bool policy_value_record(struct policy_field *fields, size_t n, struct policy_value *ret)
{
	size_t i = 1;

	/* Records that a host builds can come in order. */
	while (i < n && policy_key_cmp(fields[i - 1].key, fields[i].key) < 0) {
		i++;
	}
	if (i < n) {
		policy_sort(fields, n, sizeof(*fields), field_order);
		for (i = 1; i < n; i++) {
			if (str_eq(fields[i - 1].key, fields[i].key)) {
				return false;
			}
		}
	}
	*ret = (struct policy_value){.kind = POLICY_RECORD, .n = (uint32_t)n, .fields = fields};
	return true;
}

const struct policy_value *policy_record_find(struct policy_value v, struct str key)
{
	uint32_t lo = 0, hi = v.n;

	if (hi <= 8) {
		for (; lo < hi; lo++) {
			if (policy_name_eq(v.fields[lo].key, key)) {
				return &v.fields[lo].value;
			}
		}
		return NULL;
	}
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		int order = policy_key_cmp(v.fields[mid].key, key);

		if (order == 0) {
			return &v.fields[mid].value;
		}
		if (order < 0) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return NULL;
}

bool policy_set_has(struct policy_value set, struct policy_value elem)
{
	uint32_t lo = 0, hi = set.n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		int order = policy_value_cmp(set.elems[mid], elem);

		if (order == 0) {
			return true;
		}
		if (order < 0) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return false;
}

static struct policy_value set_dup(struct arena *a, struct policy_value v)
{
	struct policy_value *elems = ARENA_ARRAY(a, v.n, struct policy_value);

	for (uint32_t i = 0; elems && i < v.n; i++) {
		elems[i] = policy_value_dup(a, v.elems[i]);
	}
	v.elems = elems;
	return v;
}

static struct policy_value record_dup(struct arena *a, struct policy_value v)
{
	struct policy_field *fields = ARENA_ARRAY(a, v.n, struct policy_field);

	for (uint32_t i = 0; fields && i < v.n; i++) {
		fields[i].key = arena_dup(a, v.fields[i].key);
		fields[i].value = policy_value_dup(a, v.fields[i].value);
	}
	v.fields = fields;
	return v;
}

static struct policy_value uid_dup(struct arena *a, struct policy_value v)
{
	struct policy_uid *uid = ARENA_NEW(a, struct policy_uid);

	if (uid) {
		*uid = *v.uid;
		uid->type = arena_dup(a, v.uid->type);
		uid->id = arena_dup(a, v.uid->id);
	}
	v.uid = uid;
	return v;
}

static struct policy_value ip_dup(struct arena *a, struct policy_value v)
{
	struct policy_ip *ip = ARENA_NEW(a, struct policy_ip);

	if (ip) {
		*ip = *v.ip;
	}
	v.ip = ip;
	return v;
}

struct policy_value policy_value_dup(struct arena *a, struct policy_value v)
{
	switch (v.kind) {
	case POLICY_STRING:
		v.text = arena_dup(a, policy_value_str(v)).p;
		break;
	case POLICY_ENTITY:
		v = uid_dup(a, v);
		break;
	case POLICY_SET:
		v = set_dup(a, v);
		break;
	case POLICY_RECORD:
		v = record_dup(a, v);
		break;
	case POLICY_IP:
		v = ip_dup(a, v);
		break;
	case POLICY_NONE:
	case POLICY_BOOL:
	case POLICY_LONG:
	case POLICY_DECIMAL:
	case POLICY_DATETIME:
	case POLICY_DURATION:
		break;
	}
	return a->exhausted ? (struct policy_value){0} : v;
}

static void write_text(struct buf *out, struct str s)
{
	buf_append_c(out, '"');
	policy_escape(out, s);
	buf_append_c(out, '"');
}

static void write_ext(struct buf *out, const char *ctor, struct policy_value v)
{
	buf_printf(out, "%s(\"", ctor);
	policy_ext_write(out, v);
	buf_append(out, STR("\")"));
}

static void write_record(struct buf *out, struct policy_value v)
{
	buf_append_c(out, '{');
	for (uint32_t i = 0; i < v.n; i++) {
		buf_append(out, i > 0 ? STR(", ") : STR(""));
		write_text(out, v.fields[i].key);
		buf_append(out, STR(": "));
		policy_value_write(out, v.fields[i].value);
	}
	buf_append_c(out, '}');
}

static void write_set(struct buf *out, struct policy_value v)
{
	buf_append_c(out, '[');
	for (uint32_t i = 0; i < v.n; i++) {
		buf_append(out, i > 0 ? STR(", ") : STR(""));
		policy_value_write(out, v.elems[i]);
	}
	buf_append_c(out, ']');
}

void policy_value_write(struct buf *out, struct policy_value v)
{
	switch (v.kind) {
	case POLICY_NONE:
		break;
	case POLICY_BOOL:
		buf_append(out, v.b ? STR("true") : STR("false"));
		break;
	case POLICY_LONG:
		buf_append_i64(out, v.i);
		break;
	case POLICY_STRING:
		write_text(out, policy_value_str(v));
		break;
	case POLICY_ENTITY:
		policy_uid_write(out, v.uid);
		break;
	case POLICY_SET:
		write_set(out, v);
		break;
	case POLICY_RECORD:
		write_record(out, v);
		break;
	case POLICY_DECIMAL:
		write_ext(out, "decimal", v);
		break;
	case POLICY_IP:
		write_ext(out, "ip", v);
		break;
	case POLICY_DATETIME:
		write_ext(out, "datetime", v);
		break;
	case POLICY_DURATION:
		write_ext(out, "duration", v);
		break;
	}
}
