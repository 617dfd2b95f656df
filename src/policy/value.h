/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of the policy language: Bool, Long, String, Entity, Set, Record and the
 * extension types. 16 bytes each, passed by value; what they point to lives in
 * the arena that made them and never changes.
 *
 * Canonical form: a set is sorted by policy_value_cmp without duplicates, a
 * record is sorted by key without duplicates. Make them with
 * policy_value_set and policy_value_record only; then equality is a plain walk.
 */
#ifndef POLICY_VALUE_H
#define POLICY_VALUE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define POLICY_SET_MAX   4096 /* elements of a set, members of a record */
#define POLICY_DEPTH_MAX 512  /* nesting of expressions and of values */
#define POLICY_PATH_MAX  1024 /* bytes of a type name */

enum policy_kind {
	POLICY_NONE = 0, /* no value; never inside another one */
	POLICY_BOOL,
	POLICY_LONG,
	POLICY_STRING,
	POLICY_ENTITY,
	POLICY_SET,
	POLICY_RECORD,
	POLICY_DECIMAL, /* i: units of 1/10000 */
	POLICY_IP,
	POLICY_DATETIME, /* i: milliseconds since 1970-01-01 UTC */
	POLICY_DURATION, /* i: milliseconds */
};

/* The name of an entity. `hash` is policy_uid_hash(type, id); make one with policy_uid_make. */
struct policy_uid {
	struct str type; /* "Ns::User", parts joined by ::, no white space */
	struct str id;   /* any text */
	uint64_t hash;
};

/* Address bytes (4 or 16 used) and prefix length. */
struct policy_ip {
	uint8_t bytes[16];
	uint8_t prefix;
	bool v6;
};

struct policy_field;

struct policy_value {
	enum policy_kind kind : 8;
	uint32_t n; /* bytes of a string, elements of a set, members of a record */
	union {
		bool b;
		int64_t i;
		const char *text;
		const struct policy_uid *uid;
		const struct policy_value *elems;
		const struct policy_field *fields;
		const struct policy_ip *ip;
	};
};

struct policy_field {
	struct str key;
	struct policy_value value;
};

uint64_t policy_uid_hash(struct str type, struct str id);

/* Borrows both texts. */
static inline struct policy_uid policy_uid_make(struct str type, struct str id)
{
	return (struct policy_uid){type, id, policy_uid_hash(type, id)};
}

/* str_eq without a call for what names are: a few bytes. */
static inline bool policy_name_eq(struct str a, struct str b)
{
	uint64_t x, y, v, w;

	if (a.n != b.n) {
		return false;
	}
	if (a.p == b.p) {
		return true;
	}
	if (a.n > 16) {
		return memcmp(a.p, b.p, a.n) == 0;
	}
	if (a.n >= 8) {
		memcpy(&x, a.p, 8);
		memcpy(&y, b.p, 8);
		memcpy(&v, a.p + a.n - 8, 8);
		memcpy(&w, b.p + b.n - 8, 8);
		return ((x ^ y) | (v ^ w)) == 0;
	}
	for (size_t i = 0; i < a.n; i++) {
		if (a.p[i] != b.p[i]) {
			return false;
		}
	}
	return true;
}

static inline bool policy_uid_eq(const struct policy_uid *a, const struct policy_uid *b)
{
	return a == b || (a->hash == b->hash && policy_name_eq(a->id, b->id) &&
			  policy_name_eq(a->type, b->type));
}

/* Type::"id", the id escaped. */
void policy_uid_write(struct buf *out, const struct policy_uid *uid);

static inline struct policy_value policy_bool(bool b)
{
	return (struct policy_value){.kind = POLICY_BOOL, .b = b};
}

static inline struct policy_value policy_long(int64_t i)
{
	return (struct policy_value){.kind = POLICY_LONG, .i = i};
}

/* Borrows the text, which must be UTF-8 and shorter than 4 GiB. */
static inline struct policy_value policy_string(struct str s)
{
	return (struct policy_value){.kind = POLICY_STRING, .n = (uint32_t)s.n, .text = s.p};
}

static inline struct policy_value policy_entity(const struct policy_uid *uid)
{
	return (struct policy_value){.kind = POLICY_ENTITY, .uid = uid};
}

/* DECIMAL, DATETIME or DURATION from its integer. */
static inline struct policy_value policy_scalar(enum policy_kind kind, int64_t i)
{
	return (struct policy_value){.kind = kind, .i = i};
}

static inline struct str policy_value_str(struct policy_value v)
{
	return str_make(v.text, v.n);
}

/*
 * Takes over the array (n elements, arena memory), sorts it in place and drops
 * duplicates. n < 2^32; smaller limits are the caller's.
 */
struct policy_value policy_value_set(struct policy_value *elems, size_t n);

/* The order of the members of a record; it is not that of the bytes. */
int policy_key_cmp(struct str a, struct str b);

/* The same for members; false when a key occurs twice. */
bool policy_value_record(struct policy_field *fields, size_t n, struct policy_value *ret) MUST_USE;

/* Borrowed, or NULL. `v` is a record. */
const struct policy_value *policy_record_find(struct policy_value v, struct str key);

bool policy_set_has(struct policy_value set, struct policy_value elem);

/* The language's ==: structural, across all kinds. */
bool policy_value_eq(struct policy_value a, struct policy_value b);

/* A total order consistent with policy_value_eq; not the language's <. */
int policy_value_cmp(struct policy_value a, struct policy_value b);

/* Copies everything it points to into the arena; POLICY_NONE when out of memory. */
struct policy_value policy_value_dup(struct arena *a, struct policy_value v);

/* As an expression that parses back: decimal("1.0"), User::"a", {"k": [1, 2]}. */
void policy_value_write(struct buf *out, struct policy_value v);

/* "long", "entity", "set", ... */
const char *policy_kind_name(enum policy_kind kind);

/* The last part of a type name: of "A::B" it is "B". */
struct str policy_type_basename(struct str type);

#endif
