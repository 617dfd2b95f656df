/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/type.h"

#include "base/hash.h"
#include "policy/schema.h"

#define POOL_MIN 64u

/* How much of a type a message shows. */
#define PRINT_MAX_DEPTH  4u
#define PRINT_MAX_FIELDS 12u

#define SCALAR(k) [k] = {.kind = (k), .hash = (k)}

static const struct type scalars[TYPE_KIND_MAX] = {
	SCALAR(TYPE_NONE),     SCALAR(TYPE_BOOL),     SCALAR(TYPE_TRUE),    SCALAR(TYPE_FALSE),
	SCALAR(TYPE_LONG),     SCALAR(TYPE_STRING),   SCALAR(TYPE_DECIMAL), SCALAR(TYPE_IPADDR),
	SCALAR(TYPE_DATETIME), SCALAR(TYPE_DURATION),
};

const struct type *type_scalar(enum type_kind kind)
{
	return &scalars[kind];
}

void type_pool_init(struct type_pool *pool, struct arena *a, const struct type_pool *parent)
{
	*pool = (struct type_pool){.arena = a, .parent = parent};
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h ^= v + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
	return h * 0xff51afd7ed558ccdu;
}

static uint64_t hash_fields(const struct type_field *fields, size_t n)
{
	uint64_t h = TYPE_RECORD;

	for (size_t i = 0; i < n; i++) {
		h = mix(h, hash_str((struct hash_key){0}, fields[i].name));
		h = mix(h, fields[i].required);
		h = mix(h, (uint64_t)(uintptr_t)fields[i].type);
	}
	return h;
}

static bool same_shape(const struct type *a, const struct type *b)
{
	if (a->kind != b->kind || a->hash != b->hash || a->element != b->element ||
	    a->n_fields != b->n_fields) {
		return false;
	}
	for (size_t i = 0; i < a->n_fields; i++) {
		const struct type_field *x = &a->fields[i], *y = &b->fields[i];

		if (x->type != y->type || x->required != y->required || !str_eq(x->name, y->name)) {
			return false;
		}
	}
	return true;
}

static const struct type *pool_find(const struct type_pool *pool, const struct type *like)
{
	for (; pool; pool = pool->parent) {
		if (pool->cap == 0) {
			continue;
		}
		for (size_t i = like->hash & (pool->cap - 1); pool->slots[i];
		     i = (i + 1) & (pool->cap - 1)) {
			if (same_shape(pool->slots[i], like)) {
				return pool->slots[i];
			}
		}
	}
	return NULL;
}

static void slot_put(const struct type **slots, size_t cap, const struct type *t)
{
	size_t i = t->hash & (cap - 1);

	while (slots[i]) {
		i = (i + 1) & (cap - 1);
	}
	slots[i] = t;
}

static bool pool_room(struct type_pool *pool)
{
	size_t cap = pool->cap ? pool->cap * 2 : POOL_MIN;
	const struct type **slots;

	if (pool->n + 1 <= pool->cap / 2) {
		return true;
	}
	slots = ARENA_ARRAY(pool->arena, cap, const struct type *);
	if (!slots) {
		return false;
	}
	for (size_t i = 0; i < pool->cap; i++) {
		if (pool->slots[i]) {
			slot_put(slots, cap, pool->slots[i]);
		}
	}
	pool->slots = slots;
	pool->cap = cap;
	return true;
}

/* The pooled twin of *like, made when there is none; its fields are copied. */
static enum err_code pool_make(struct type_pool *pool, const struct type *like,
			       const struct type **ret, struct err *err)
{
	const struct type *found = pool_find(pool, like);
	struct type_field *fields = NULL;
	struct type *t;

	if (found) {
		*ret = found;
		return ERR_OK;
	}
	if (like->depth > TYPE_MAX_DEPTH) {
		return ERR(err, ERR_LIMIT, "type nested deeper than %d", TYPE_MAX_DEPTH);
	}
	if (!pool_room(pool) || !(t = ARENA_NEW(pool->arena, struct type))) {
		return ERR(err, ERR_NOMEM, "no memory for a type");
	}
	if (like->n_fields > 0) {
		fields = ARENA_ARRAY(pool->arena, like->n_fields, struct type_field);
		if (!fields) {
			return ERR(err, ERR_NOMEM, "no memory for a record type");
		}
		memcpy(fields, like->fields, like->n_fields * sizeof(*fields));
	}
	*t = *like;
	t->fields = fields;
	slot_put(pool->slots, pool->cap, t);
	pool->n++;
	*ret = t;
	return ERR_OK;
}

enum err_code type_set(struct type_pool *pool, const struct type *element, const struct type **ret,
		       struct err *err)
{
	struct type like = {.kind = TYPE_SET, .element = element};

	like.depth = 1 + (element ? element->depth : 0);
	like.hash = mix(TYPE_SET, (uint64_t)(uintptr_t)element);
	return pool_make(pool, &like, ret, err);
}

/* Stable, so that the last of equal names is the one written last. */
static void sort_fields(struct type_field *f, struct type_field *tmp, size_t n)
{
	size_t half = n / 2, i = 0, j = half, k = 0;

	if (n < 2) {
		return;
	}
	sort_fields(f, tmp, half);
	sort_fields(f + half, tmp + half, n - half);
	while (i < half || j < n) {
		bool left = j == n || (i < half && str_cmp(f[i].name, f[j].name) <= 0);

		tmp[k++] = left ? f[i++] : f[j++];
	}
	memcpy(f, tmp, n * sizeof(*f));
}

enum err_code type_record(struct type_pool *pool, struct type_field *fields, size_t n,
			  const struct type **ret, struct err *err)
{
	struct type like = {.kind = TYPE_RECORD, .fields = fields, .depth = 1};
	struct type_field *tmp = ARENA_ARRAY(pool->arena, n, struct type_field);

	if (!tmp) {
		return ERR(err, ERR_NOMEM, "no memory for a record type");
	}
	sort_fields(fields, tmp, n);
	for (size_t i = 0; i < n; i++) {
		if (like.n_fields > 0 && str_eq(fields[like.n_fields - 1].name, fields[i].name)) {
			like.n_fields--;
		}
		fields[like.n_fields++] = fields[i];
	}
	for (size_t i = 0; i < like.n_fields; i++) {
		if (fields[i].type->depth >= like.depth) {
			like.depth = fields[i].type->depth + 1;
		}
	}
	like.hash = hash_fields(fields, like.n_fields);
	return pool_make(pool, &like, ret, err);
}

const struct type_field *type_field_find(const struct type *record, struct str name)
{
	size_t lo = 0, hi = record->n_fields;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = str_cmp(name, record->fields[mid].name);

		if (c == 0) {
			return &record->fields[mid];
		}
		if (c < 0) {
			hi = mid;
		} else {
			lo = mid + 1;
		}
	}
	return NULL;
}

static enum err_code lub_records(struct type_pool *pool, const struct type *a, const struct type *b,
				 const struct type **ret, struct err *err)
{
	struct type_field *fields;

	*ret = NULL;
	if (a->n_fields != b->n_fields) {
		return ERR_OK;
	}
	fields = ARENA_ARRAY(pool->arena, a->n_fields, struct type_field);
	if (!fields) {
		return ERR(err, ERR_NOMEM, "no memory for a record type");
	}
	for (size_t i = 0; i < a->n_fields; i++) {
		const struct type_field *x = &a->fields[i], *y = &b->fields[i];

		if (x->required != y->required || !str_eq(x->name, y->name)) {
			return ERR_OK;
		}
		fields[i] = *x;
		TRY(type_lub(pool, x->type, y->type, &fields[i].type, err));
		if (!fields[i].type) {
			return ERR_OK;
		}
	}
	return type_record(pool, fields, a->n_fields, ret, err);
}

/* Recursion is bounded by TYPE_MAX_DEPTH; equal parts stop it at once. */
enum err_code type_lub(struct type_pool *pool, const struct type *a, const struct type *b,
		       const struct type **ret, struct err *err)
{
	const struct type *element;

	*ret = NULL;
	if (a == b) {
		*ret = a;
	} else if (type_is_bool(a) && type_is_bool(b)) {
		*ret = type_scalar(TYPE_BOOL);
	} else if (a->kind == TYPE_RECORD && b->kind == TYPE_RECORD) {
		return lub_records(pool, a, b, ret, err);
	} else if (a->kind == TYPE_SET && b->kind == TYPE_SET) {
		if (!a->element || !b->element) {
			*ret = a->element ? a : b;
			return ERR_OK;
		}
		TRY(type_lub(pool, a->element, b->element, &element, err));
		if (element) {
			return type_set(pool, element, ret, err);
		}
	}
	return ERR_OK;
}

static void print_at(struct buf *out, const struct type *t, unsigned depth);

static void print_record(struct buf *out, const struct type *t, unsigned depth)
{
	buf_append(out, STR("{"));
	for (size_t i = 0; i < t->n_fields; i++) {
		if (i == PRINT_MAX_FIELDS) {
			buf_append(out, STR(", ..."));
			break;
		}
		buf_append(out, i ? STR(", ") : STR(""));
		buf_append(out, t->fields[i].name);
		buf_append(out, t->fields[i].required ? STR(": ") : STR("?: "));
		print_at(out, t->fields[i].type, depth + 1);
	}
	buf_append(out, STR("}"));
}

static void print_at(struct buf *out, const struct type *t, unsigned depth)
{
	if (depth > PRINT_MAX_DEPTH) {
		buf_append(out, STR("..."));
		return;
	}
	switch (t->kind) {
	case TYPE_NONE:
	case TYPE_KIND_MAX:
		buf_append(out, STR("unknown"));
		break;
	case TYPE_BOOL:
	case TYPE_TRUE:
	case TYPE_FALSE:
		buf_append(out, STR("Bool"));
		break;
	case TYPE_LONG:
		buf_append(out, STR("Long"));
		break;
	case TYPE_STRING:
		buf_append(out, STR("String"));
		break;
	case TYPE_DECIMAL:
		buf_append(out, STR("decimal"));
		break;
	case TYPE_IPADDR:
		buf_append(out, STR("ipaddr"));
		break;
	case TYPE_DATETIME:
		buf_append(out, STR("datetime"));
		break;
	case TYPE_DURATION:
		buf_append(out, STR("duration"));
		break;
	case TYPE_ENTITY:
		buf_append(out, t->entity->name);
		break;
	case TYPE_SET:
		buf_append(out, STR("Set<"));
		if (t->element) {
			print_at(out, t->element, depth + 1);
		}
		buf_append(out, STR(">"));
		break;
	case TYPE_RECORD:
		print_record(out, t, depth);
		break;
	}
}

void type_print(struct buf *out, const struct type *t)
{
	print_at(out, t, 0);
}
