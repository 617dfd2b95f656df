/* SPDX-License-Identifier: Apache-2.0 */
#include "json/write.h"

#include "json/bytes_priv.h"

/* ---- strings ---- */

/* The well-formed character at p: its length, and its value where it needs an escape, else 0. */
static size_t look_at_character(const char *p, const char *end, unsigned *ret_escape)
{
	size_t n = (unsigned char)*p >= 0xf0 ? 4 : (unsigned char)*p >= 0xe0 ? 3 : 2;

	*ret_escape = 0xfffd;
	if ((size_t)(end - p) < n || bytes_utf8(p, p + n) != p + n) {
		return 1;
	}
	if (n == 2 && (unsigned char)p[0] == 0xc2 && (unsigned char)p[1] < 0xa0) {
		*ret_escape = (unsigned char)p[1]; /* C1: U+0080 to U+009F */
	} else if (n == 3 && memcmp(p, "\xe2\x80\xa8", 3) == 0) {
		*ret_escape = 0x2028;
	} else if (n == 3 && memcmp(p, "\xe2\x80\xa9", 3) == 0) {
		*ret_escape = 0x2029;
	} else {
		*ret_escape = 0;
	}
	return n;
}

void json_put_str(struct buf *out, struct str s)
{
	const char *p = s.p, *end = s.n ? s.p + s.n : s.p, *kept = p;

	buf_append_c(out, '"');
	while (p < end) {
		unsigned escape;
		size_t n = 1;

		if (!bytes_special[(unsigned char)*p] && *p != 0x7f) {
			p++;
			continue;
		}
		escape = (unsigned char)*p;
		if (escape >= 0x80) {
			n = look_at_character(p, end, &escape);
		}
		if (escape || *p == 0) {
			buf_append(out, str_make(kept, (size_t)(p - kept)));
			bytes_put_escape(out, escape);
			kept = p + n;
		}
		p += n;
	}
	buf_append(out, str_make(kept, (size_t)(end - kept)));
	buf_append_c(out, '"');
}

/* ---- nesting ---- */

static uint64_t level(const struct json_writer *w)
{
	return (uint64_t)1 << (w->depth - 1);
}

static void before_value(struct json_writer *w)
{
	if (w->depth == 0) {
		return;
	}
	if (w->objects & level(w)) {
		ASSERT(w->keyed);
		w->keyed = false;
		return;
	}
	if (w->nonempty & level(w)) {
		buf_append_c(w->out, ',');
	}
	w->nonempty |= level(w);
}

static void begin(struct json_writer *w, bool object)
{
	before_value(w);
	ASSERT(w->depth < JSON_WRITE_DEPTH);
	w->depth++;
	w->nonempty &= ~level(w);
	w->objects = object ? w->objects | level(w) : w->objects & ~level(w);
	buf_append_c(w->out, object ? '{' : '[');
}

void json_w_object(struct json_writer *w)
{
	begin(w, true);
}

void json_w_array(struct json_writer *w)
{
	begin(w, false);
}

void json_w_end(struct json_writer *w)
{
	ASSERT(w->depth > 0 && !w->keyed);
	buf_append_c(w->out, w->objects & level(w) ? '}' : ']');
	w->depth--;
}

void json_w_key(struct json_writer *w, struct str key)
{
	ASSERT(w->depth > 0 && (w->objects & level(w)) && !w->keyed);
	if (w->nonempty & level(w)) {
		buf_append_c(w->out, ',');
	}
	w->nonempty |= level(w);
	json_put_str(w->out, key);
	buf_append_c(w->out, ':');
	w->keyed = true;
}

/* ---- values ---- */

void json_w_raw(struct json_writer *w, struct str value)
{
	before_value(w);
	buf_append(w->out, value);
}

void json_w_str(struct json_writer *w, struct str s)
{
	before_value(w);
	json_put_str(w->out, s);
}

void json_w_i64(struct json_writer *w, int64_t v)
{
	before_value(w);
	buf_append_i64(w->out, v);
}

void json_w_u64(struct json_writer *w, uint64_t v)
{
	before_value(w);
	buf_append_u64(w->out, v);
}

void json_w_bool(struct json_writer *w, bool v)
{
	json_w_raw(w, v ? STR("true") : STR("false"));
}

void json_w_null(struct json_writer *w)
{
	json_w_raw(w, STR("null"));
}

void json_w_member_str(struct json_writer *w, struct str key, struct str s)
{
	json_w_key(w, key);
	json_w_str(w, s);
}

void json_w_member_i64(struct json_writer *w, struct str key, int64_t v)
{
	json_w_key(w, key);
	json_w_i64(w, v);
}

void json_w_member_u64(struct json_writer *w, struct str key, uint64_t v)
{
	json_w_key(w, key);
	json_w_u64(w, v);
}

void json_w_member_bool(struct json_writer *w, struct str key, bool v)
{
	json_w_key(w, key);
	json_w_bool(w, v);
}

void json_w_member_raw(struct json_writer *w, struct str key, struct str value)
{
	json_w_key(w, key);
	json_w_raw(w, value);
}
