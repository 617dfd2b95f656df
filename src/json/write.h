/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing JSON into a buffer. Output is one line of valid UTF-8 without spaces:
 * C0 and C1 controls, DEL, U+2028 and U+2029 are escaped, and each byte of text
 * that is not UTF-8 becomes \ufffd, so hostile text can neither break a line nor
 * steer a terminal. Out of room is the buffer's sticky `failed`.
 */
#ifndef JSON_WRITE_H
#define JSON_WRITE_H

#include "base/buf.h"

/* One string with its quotes; for text that is put together by hand. */
void json_put_str(struct buf *out, struct str s);

/* The nearest double in the shortest form that reads back equal, as ECMAScript writes it. The
 * value must be finite. */
void json_put_f64(struct buf *out, double v);

enum { JSON_WRITE_DEPTH = 64 };

/*
 * Knows the nesting and sets the commas:
 *
 *   struct json_writer w = json_writer(out);
 *   json_w_object(&w);
 *   json_w_key(&w, STR("id"));
 *   json_w_i64(&w, 7);
 *   json_w_end(&w);                                  {"id":7}
 *
 * A value in an object needs its key before it; that, an end without a begin and
 * nesting deeper than JSON_WRITE_DEPTH are bugs of the caller: ASSERT.
 */
struct json_writer {
	struct buf *out;
	unsigned depth;
	uint64_t objects;  /* bit d: level d is an object */
	uint64_t nonempty; /* bit d: level d has a value already */
	bool keyed;        /* a key was written and waits for its value */
};

static inline struct json_writer json_writer(struct buf *out)
{
	return (struct json_writer){.out = out};
}

void json_w_object(struct json_writer *w);
void json_w_array(struct json_writer *w);
void json_w_end(struct json_writer *w); /* closes the innermost of either */
void json_w_key(struct json_writer *w, struct str key);

void json_w_str(struct json_writer *w, struct str s);
void json_w_i64(struct json_writer *w, int64_t v);
void json_w_u64(struct json_writer *w, uint64_t v);
void json_w_bool(struct json_writer *w, bool v);
void json_w_null(struct json_writer *w);

/* A value that is JSON already: a span that json_scan or json_parse accepted. */
void json_w_raw(struct json_writer *w, struct str value);

/* A key with its value. */
void json_w_member_str(struct json_writer *w, struct str key, struct str s);
void json_w_member_i64(struct json_writer *w, struct str key, int64_t v);
void json_w_member_u64(struct json_writer *w, struct str key, uint64_t v);
void json_w_member_bool(struct json_writer *w, struct str key, bool v);
void json_w_member_raw(struct json_writer *w, struct str key, struct str value);

#endif
