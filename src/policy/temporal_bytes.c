/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/temporal_bytes.h"

#include "base/num.h"

void temporal_put(struct temporal_bytes *b, const void *p, size_t n)
{
	size_t need;

	if (b->failed || n == 0) {
		return;
	}
	if (!num_add(b->n, n, &need)) {
		b->failed = true;
		return;
	}
	if (need > b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 128;
		char *grown;

		while (cap < need) {
			cap *= 2;
		}
		grown = arena_alloc(b->a, cap);
		if (!grown) {
			b->failed = true;
			return;
		}
		if (b->n > 0) {
			memcpy(grown, b->p, b->n);
		}
		b->p = grown;
		b->cap = cap;
	}
	memcpy(b->p + b->n, p, n);
	b->n = need;
}

void temporal_put_u32(struct temporal_bytes *b, uint32_t v)
{
	unsigned char raw[4];

	num_put_u32(raw, v);
	temporal_put(b, raw, sizeof(raw));
}

void temporal_put_u64(struct temporal_bytes *b, uint64_t v)
{
	unsigned char raw[8];

	num_put_u64(raw, v);
	temporal_put(b, raw, sizeof(raw));
}

static void put_str(struct temporal_bytes *b, struct str s)
{
	temporal_put_u32(b, (uint32_t)s.n);
	temporal_put(b, s.p, s.n);
}

void temporal_put_value(struct temporal_bytes *b, struct policy_value v)
{
	unsigned char kind = (unsigned char)v.kind, flag = v.kind == POLICY_BOOL && v.b;

	temporal_put(b, &kind, 1);
	switch (v.kind) {
	case POLICY_NONE:
		break;
	case POLICY_BOOL:
		temporal_put(b, &flag, 1);
		break;
	case POLICY_LONG:
	case POLICY_DECIMAL:
	case POLICY_DATETIME:
	case POLICY_DURATION:
		temporal_put_u64(b, (uint64_t)v.i);
		break;
	case POLICY_STRING:
		put_str(b, policy_value_str(v));
		break;
	case POLICY_ENTITY:
		put_str(b, v.uid->type);
		put_str(b, v.uid->id);
		break;
	case POLICY_IP:
		flag = v.ip->v6;
		temporal_put(b, v.ip->bytes, sizeof(v.ip->bytes));
		temporal_put(b, &v.ip->prefix, 1);
		temporal_put(b, &flag, 1);
		break;
	case POLICY_SET:
		temporal_put_u32(b, v.n);
		for (uint32_t i = 0; i < v.n; i++) {
			temporal_put_value(b, v.elems[i]);
		}
		break;
	case POLICY_RECORD:
		temporal_put_u32(b, v.n);
		for (uint32_t i = 0; i < v.n; i++) {
			put_str(b, v.fields[i].key);
			temporal_put_value(b, v.fields[i].value);
		}
		break;
	}
}

static bool take(struct str *s, size_t n, const char **ret)
{
	if (s->n < n) {
		return false;
	}
	*ret = s->p;
	*s = str_make(s->p + n, s->n - n);
	return true;
}

bool temporal_get_u32(struct str *s, uint32_t *ret)
{
	const char *p;

	if (!take(s, 4, &p)) {
		return false;
	}
	*ret = num_get_u32(p);
	return true;
}

bool temporal_get_u64(struct str *s, uint64_t *ret)
{
	const char *p;

	if (!take(s, 8, &p)) {
		return false;
	}
	*ret = num_get_u64(p);
	return true;
}

static bool get_str(struct str *s, struct str *ret)
{
	const char *p;
	uint32_t n;

	if (!temporal_get_u32(s, &n) || !take(s, n, &p)) {
		return false;
	}
	*ret = str_make(p, n);
	return str_is_utf8(*ret);
}

static bool get_entity(struct str *s, struct arena *a, struct policy_value *ret)
{
	struct policy_uid *uid = ARENA_NEW(a, struct policy_uid);
	struct str type, id;

	if (!uid || !get_str(s, &type) || !get_str(s, &id)) {
		return false;
	}
	*uid = policy_uid_make(type, id);
	*ret = policy_entity(uid);
	return true;
}

static bool get_ip(struct str *s, struct arena *a, struct policy_value *ret)
{
	struct policy_ip *ip = ARENA_NEW(a, struct policy_ip);
	const char *p;

	if (!ip || !take(s, 18, &p) || (unsigned char)p[17] > 1) {
		return false;
	}
	memcpy(ip->bytes, p, 16);
	ip->prefix = (unsigned char)p[16];
	ip->v6 = p[17] == 1;
	*ret = (struct policy_value){.kind = POLICY_IP, .ip = ip};
	return ip->prefix <= (ip->v6 ? 128 : 32);
}

static bool get_value(struct str *s, struct arena *a, int depth, struct policy_value *ret);

/* Every element takes a byte at least, so a count cannot ask for more than the text is long. */
static bool get_set(struct str *s, struct arena *a, int depth, struct policy_value *ret)
{
	struct policy_value *items;
	uint32_t n;

	if (!temporal_get_u32(s, &n) || n > s->n) {
		return false;
	}
	items = ARENA_ARRAY(a, n, struct policy_value);
	for (uint32_t i = 0; i < n; i++) {
		if (!items || !get_value(s, a, depth + 1, &items[i]) ||
		    items[i].kind == POLICY_NONE) {
			return false;
		}
	}
	*ret = policy_value_set(items, n);
	return ret->n == n;
}

static bool get_record(struct str *s, struct arena *a, int depth, struct policy_value *ret)
{
	struct policy_field *fields;
	uint32_t n;

	if (!temporal_get_u32(s, &n) || n > s->n) {
		return false;
	}
	fields = ARENA_ARRAY(a, n, struct policy_field);
	for (uint32_t i = 0; i < n; i++) {
		if (!fields || !get_str(s, &fields[i].key) ||
		    !get_value(s, a, depth + 1, &fields[i].value) ||
		    fields[i].value.kind == POLICY_NONE) {
			return false;
		}
	}
	return policy_value_record(fields, n, ret);
}

static bool get_value(struct str *s, struct arena *a, int depth, struct policy_value *ret)
{
	const char *p;
	uint64_t i;
	struct str text;

	if (depth > TEMPORAL_BYTES_DEPTH || !take(s, 1, &p)) {
		return false;
	}
	switch (*p) {
	case POLICY_NONE:
		*ret = (struct policy_value){0};
		return true;
	case POLICY_BOOL:
		if (!take(s, 1, &p) || (unsigned char)*p > 1) {
			return false;
		}
		*ret = policy_bool(*p == 1);
		return true;
	case POLICY_LONG:
	case POLICY_DECIMAL:
	case POLICY_DATETIME:
	case POLICY_DURATION: {
		enum policy_kind kind = (enum policy_kind) * p;

		if (!temporal_get_u64(s, &i)) {
			return false;
		}
		*ret = policy_scalar(kind, (int64_t)i);
		return true;
	}
	case POLICY_STRING:
		if (!get_str(s, &text)) {
			return false;
		}
		*ret = policy_string(text);
		return true;
	case POLICY_ENTITY:
		return get_entity(s, a, ret);
	case POLICY_IP:
		return get_ip(s, a, ret);
	case POLICY_SET:
		return get_set(s, a, depth, ret);
	case POLICY_RECORD:
		return get_record(s, a, depth, ret);
	default:
		return false;
	}
}

bool temporal_get_value(struct str *s, struct arena *a, struct policy_value *ret)
{
	return get_value(s, a, 0, ret);
}
