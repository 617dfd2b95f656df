/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict JSON text (RFC 8259) to a tree in an arena.
 *
 * Accepted is exactly the grammar of RFC 8259, and of that only what every
 * reader understands alike: invalid UTF-8, a byte order mark, lone surrogates
 * (escaped or not), and two members of one object whose names are equal after
 * decoding are refused at every level. json/scan accepts the same set.
 *
 * The tree borrows the text: spans, numbers, and strings without escapes point
 * into it, so the text must live as long as the arena's tree. Nodes are
 * immutable. Cost is linear; there is no recursion.
 *
 * Errors begin with "NAME:LINE:COLUMN: " (see struct json_opts). Lines and
 * columns count from 1; a column is a character, not a byte.
 */
#ifndef JSON_PARSE_H
#define JSON_PARSE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

enum {
	JSON_MAX_DEPTH = 64,       /* nesting of arrays and objects, unless opts says otherwise */
	JSON_MAX_NODES = 1 << 20,  /* values in one document, likewise */
	JSON_MAX_BYTES = 16 << 20, /* length of one document, likewise */
	JSON_DEPTH_CEILING = 1 << 12, /* what opts may ask for at most */
};

struct json {
	enum json_type type;
	bool boolean;            /* JSON_BOOL */
	uint32_t at;             /* where the value starts: a byte offset into the text */
	uint32_t key_at;         /* where the quote of its name is, for a member of an object */
	uint32_t n;              /* elements or members */
	struct str text;         /* JSON_STRING: decoded, may hold NUL; JSON_NUMBER: as written */
	struct str raw;          /* the value as written, quotes and brackets included */
	struct str key;          /* decoded name, for a member of an object */
	const struct json *next; /* next sibling, in the order of the text */
	struct json *first;      /* first element or member */
};

/* Zero in a field means the default. */
struct json_opts {
	struct str name;  /* what errors call the text, as "policy.json"; default "json" */
	size_t max_depth; /* at most JSON_DEPTH_CEILING */
	size_t max_nodes;
	size_t max_bytes;     /* at most UINT32_MAX */
	struct hash_key seed; /* secret, where an attacker chooses the member names */
};

/*
 * Parses the whole text. `opts` may be NULL. ERR_SYNTAX: not JSON; ERR_INVALID:
 * a duplicate name, bad UTF-8, a lone surrogate; ERR_LIMIT: depth, nodes, bytes;
 * ERR_NOMEM: the arena's limit.
 */
enum err_code json_parse(struct arena *a, struct str text, const struct json_opts *opts,
			 const struct json **ret, struct err *err) MUST_USE;

/* The member called `key`, or NULL; also NULL when `obj` is NULL or no object. Linear. */
const struct json *json_get(const struct json *obj, struct str key);

/* First element or member; NULL for everything else, NULL included. */
static inline const struct json *json_first(const struct json *parent)
{
	return parent && (parent->type == JSON_ARRAY || parent->type == JSON_OBJECT) ? parent->first
										     : NULL;
}

/* JSON_EACH(item, parent) { ... item->key ... }  visits elements or members in order. */
#define JSON_EACH(item, parent)                                                                    \
	for (const struct json *item = json_first(parent); item; item = item->next)

/* All false for NULL. */
static inline bool json_is(const struct json *j, enum json_type type)
{
	return j && j->type == type;
}
static inline bool json_is_null(const struct json *j)
{
	return json_is(j, JSON_NULL);
}
static inline bool json_is_bool(const struct json *j)
{
	return json_is(j, JSON_BOOL);
}
static inline bool json_is_number(const struct json *j)
{
	return json_is(j, JSON_NUMBER);
}
static inline bool json_is_string(const struct json *j)
{
	return json_is(j, JSON_STRING);
}
static inline bool json_is_array(const struct json *j)
{
	return json_is(j, JSON_ARRAY);
}
static inline bool json_is_object(const struct json *j)
{
	return json_is(j, JSON_OBJECT);
}

/* The decoded string; empty with p NULL when `j` is no string. */
static inline struct str json_str(const struct json *j)
{
	return json_is_string(j) ? j->text : str_make(NULL, 0);
}

/* Is `j` the string `s`? */
static inline bool json_str_is(const struct json *j, struct str s)
{
	return json_is_string(j) && str_eq(j->text, s);
}

/*
 * True when `j` is a number written as an integer (no fraction, no exponent)
 * that fits. "1.0" and "1e3" are not: a peer may read them as another type.
 */
bool json_i64(const struct json *j, int64_t *ret);
bool json_u64(const struct json *j, uint64_t *ret);

/* The nearest double. False when `j` is no number, is infinite as a double, or exceeds 512 bytes.
 */
bool json_f64(const struct json *j, double *ret);

/* "null", "a boolean", "a number", "a string", "an array", "an object"; for messages. */
const char *json_type_name(enum json_type type);

/* Line and column, from 1, of a byte offset; columns count UTF-8 characters. */
void json_position(struct str text, size_t at, size_t *ret_line, size_t *ret_column);

#endif
