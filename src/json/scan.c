/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same loop as json/parse.c (value -> after -> value ...), but with the
 * position in a register and nothing built. Functions take the position and
 * return the new one, or NULL after refuse().
 *
 * `simd` is a constant wherever it appears: everything that carries it is
 * inlined into json_scan and json_scan_scalar, so each is compiled for its own.
 *
 * Duplicate names: the names of all open objects lie on one stack. When an
 * object closes, its own names are the topmost, side by side: they are compared
 * there and popped. Names with escapes are decoded first.
 */
#include "json/scan.h"

#include "json/bytes_priv.h"

enum {
	KEYS_INLINE = 64,
	FRAMES_INLINE = JSON_MAX_DEPTH,
	PAIRWISE = 16, /* up to here names are compared pair by pair */
};

struct scan_key {
	const char *p; /* decoded */
	uint32_t n;
	uint32_t print; /* equal names have equal prints */
};

struct scanner {
	const char *start, *end;
	struct arena *scratch;
	struct hash_key seed;
	size_t max_depth, max_nodes, nodes;

	bool object;           /* the innermost container is an object */
	uint32_t base;         /* its first name on the stack of names */
	size_t depth;          /* open containers */
	uint32_t *frames;      /* base << 1 | object of the outer ones */
	size_t frames_cap;     /* the innermost is in `object` and `base` */
	struct scan_key *keys; /* names of all open objects */
	size_t n_keys, keys_cap;
	uint32_t *slots; /* reused by the duplicate check of every large object */
	size_t slots_cap;

	size_t n_members;
	bool escaped_key; /* on the top level */
	struct json_member members[JSON_SCAN_MEMBERS];
	size_t n_inner; /* the same on the second level */
	struct json_member inner[JSON_SCAN_INNER];
	size_t inner_of[JSON_SCAN_INNER];

	enum err_code code; /* the refusal */
	const char *bad, *what;

	struct scan_key keys_inline[KEYS_INLINE];
	uint32_t frames_inline[FRAMES_INLINE];
};

__attribute__((noinline, cold)) static const char *refuse(struct scanner *s, enum err_code code,
							  const char *at, const char *what)
{
	s->code = code;
	s->bad = at;
	s->what = what;
	return NULL;
}

static const char no_memory[] = "out of memory for this document";

/* ---- strings ---- */

/* At "\u". RFC 8259 section 7: beyond the BMP, a pair of surrogates. */
static const char *scan_unicode(struct scanner *s, const char *p)
{
	int v = bytes_hex4(p + 2, s->end), low;

	if (v < 0) {
		return refuse(s, ERR_SYNTAX, p, "\\u needs four hexadecimal digits");
	}
	if (v < 0xd800 || v > 0xdfff) {
		return p + 6;
	}
	if (v > 0xdbff) {
		return refuse(s, ERR_INVALID, p, "low surrogate without a high one");
	}
	low = s->end - p >= 12 && p[6] == '\\' && p[7] == 'u' ? bytes_hex4(p + 8, s->end) : -1;
	if (low < 0xdc00 || low > 0xdfff) {
		return refuse(s, ERR_INVALID, p, "high surrogate without a low one");
	}
	return p + 12;
}

/* At a backslash. */
static ALWAYS_INLINE const char *scan_escape(struct scanner *s, const char *p)
{
	if (s->end - p < 2) {
		return refuse(s, ERR_SYNTAX, p, "string without an end");
	}
	switch (p[1]) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return p + 2;
	case 'u':
		return scan_unicode(s, p);
	default:
		return refuse(s, ERR_SYNTAX, p, "unknown escape in a string");
	}
}

/* Behind the opening quote; returns the place of the closing one. */
static ALWAYS_INLINE const char *scan_string(struct scanner *s, const char *p, bool simd,
					     bool *ret_escaped)
{
	const char *good;

	*ret_escaped = false;
	for (;;) {
		p = bytes_plain(p, s->end, simd);
		if (UNLIKELY(p == s->end)) {
			return refuse(s, ERR_SYNTAX, p, "string without an end");
		}
		if (LIKELY(*p == '"')) {
			return p;
		}
		if (*p == '\\') {
			*ret_escaped = true;
			p = scan_escape(s, p);
			if (!p) {
				return NULL;
			}
		} else if ((unsigned char)*p < 0x20) {
			return refuse(s, ERR_SYNTAX, p, "control character in a string");
		} else {
			good = bytes_utf8(p, s->end);
			if (!good) {
				return refuse(s, ERR_INVALID, p, "string is not UTF-8");
			}
			p = good;
		}
	}
}

/* ---- numbers and words ---- */

static ALWAYS_INLINE const char *skip_digits(const char *p, const char *end)
{
	while (p < end && (unsigned char)(*p - '0') <= 9) {
		p++;
	}
	return p;
}

static ALWAYS_INLINE const char *scan_number(struct scanner *s, const char *p)
{
	const char *start = p, *end = s->end, *digits;

	p += *p == '-';
	digits = p;
	p = skip_digits(p, end);
	if (UNLIKELY(p == digits || (*digits == '0' && p - digits > 1))) {
		return refuse(s, ERR_SYNTAX, start,
			      p == digits ? "number without digits" : "number with a leading zero");
	}
	if (p < end && *p == '.') {
		digits = ++p;
		p = skip_digits(p, end);
		if (UNLIKELY(p == digits)) {
			return refuse(s, ERR_SYNTAX, start,
				      "number without digits after the point");
		}
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		p += p < end && (*p == '+' || *p == '-');
		digits = p;
		p = skip_digits(p, end);
		if (UNLIKELY(p == digits)) {
			return refuse(s, ERR_SYNTAX, start,
				      "number without digits in its exponent");
		}
	}
	return p;
}

static const char *scan_word(struct scanner *s, const char *p)
{
	struct str rest = str_make(p, (size_t)(s->end - p));

	if (str_starts_with(rest, STR("true")) || str_starts_with(rest, STR("null"))) {
		return p + 4;
	}
	if (str_starts_with(rest, STR("false"))) {
		return p + 5;
	}
	if (p == s->start && str_starts_with(rest, STR("\xef\xbb\xbf"))) {
		return refuse(s, ERR_SYNTAX, p, "byte order mark before the text");
	}
	return refuse(s, ERR_SYNTAX, p, "expected a value");
}

/* ---- names ---- */

/* Decodes a name with escapes, so that the duplicate check compares what readers will see. */
static bool decode_key(struct scanner *s, struct str *key)
{
	char *to = arena_alloc(s->scratch, key->n);

	if (!to) {
		return false;
	}
	*key = str_make(to, bytes_decode(*key, to));
	return true;
}

static bool grow_keys(struct scanner *s)
{
	size_t cap = s->keys_cap * 2;
	struct scan_key *keys = ARENA_ARRAY(s->scratch, cap, struct scan_key);

	if (!keys) {
		return false;
	}
	memcpy(keys, s->keys, s->n_keys * sizeof(*keys));
	s->keys = keys;
	s->keys_cap = cap;
	return true;
}

static ALWAYS_INLINE bool push_key(struct scanner *s, struct str key, bool escaped)
{
	if (UNLIKELY(escaped) && !decode_key(s, &key)) {
		return false;
	}
	if (UNLIKELY(s->n_keys == s->keys_cap) && !grow_keys(s)) {
		return false;
	}
	s->keys[s->n_keys++] = (struct scan_key){
		.p = key.p, .n = (uint32_t)key.n, .print = bytes_print(key.p, key.n)};
	return true;
}

static void note_member(struct scanner *s, struct str key, const char *value, bool escaped)
{
	if (s->n_members < JSON_SCAN_MEMBERS) {
		s->members[s->n_members] = (struct json_member){
			.key = key, .value = str_make(value, 0), .key_escaped = escaped};
	}
	s->escaped_key |= escaped;
	s->n_members++;
}

/* The same in an object that is a member of the top-level object. */
static void note_inner(struct scanner *s, struct str key, const char *value, bool escaped)
{
	if (s->n_inner < JSON_SCAN_INNER) {
		s->inner[s->n_inner] = (struct json_member){
			.key = key, .value = str_make(value, 0), .key_escaped = escaped};
		s->inner_of[s->n_inner] = s->n_members - 1;
	}
	s->n_inner++;
}

/* Where a name should be; returns the start of its value. */
static ALWAYS_INLINE const char *scan_key(struct scanner *s, const char *p, bool simd)
{
	const char *start = p + 1;
	struct str key;
	bool escaped;

	if (UNLIKELY(p == s->end || *p != '"')) {
		return refuse(s, ERR_SYNTAX, p, "expected a member name in double quotes");
	}
	p = scan_string(s, start, simd, &escaped);
	if (UNLIKELY(!p)) {
		return NULL;
	}
	key = str_make(start, (size_t)(p - start));
	p = bytes_space(p + 1, s->end);
	if (UNLIKELY(p == s->end || *p != ':')) {
		return refuse(s, ERR_SYNTAX, p, "expected ':' after a member name");
	}
	p = bytes_space(p + 1, s->end);
	if (s->depth == 1) {
		note_member(s, key, p, escaped);
	} else if (s->depth == 2 && (s->frames[1] & 1)) {
		note_inner(s, key, p, escaped);
	}
	if (UNLIKELY(!push_key(s, key, escaped))) {
		return refuse(s, ERR_NOMEM, start, no_memory);
	}
	return p;
}

static ALWAYS_INLINE bool same_key(const struct scan_key *a, const struct scan_key *b)
{
	return a->print == b->print && a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

/* More than PAIRWISE names: linear probing over slots that hold index + 1, at most half full. */
static bool large_is_unique(struct scanner *s, const struct scan_key *keys, size_t n, bool *ret)
{
	size_t want = 4 * PAIRWISE;

	while (want < 2 * n) {
		want *= 2;
	}
	if (s->slots_cap < want) {
		s->slots = ARENA_ARRAY(s->scratch, want, uint32_t);
		s->slots_cap = s->slots ? want : 0;
		if (!s->slots) {
			return false;
		}
	} else {
		memset(s->slots, 0, want * sizeof(*s->slots));
	}
	*ret = false;
	for (size_t k = 0; k < n; k++) {
		size_t i = (size_t)hash_str(s->seed, str_make(keys[k].p, keys[k].n)) & (want - 1);

		for (; s->slots[i]; i = (i + 1) & (want - 1)) {
			if (same_key(&keys[s->slots[i] - 1], &keys[k])) {
				return true;
			}
		}
		s->slots[i] = (uint32_t)k + 1;
	}
	*ret = true;
	return true;
}

/* At the closing brace `p` of an object: pops its names; NULL when two are equal. */
static ALWAYS_INLINE const char *pop_keys(struct scanner *s, const char *p)
{
	const struct scan_key *keys = s->keys + s->base;
	size_t n = s->n_keys - s->base;
	bool unique = true;

	s->n_keys = s->base;
	if (UNLIKELY(n > PAIRWISE)) {
		if (!large_is_unique(s, keys, n, &unique)) {
			return refuse(s, ERR_NOMEM, p, no_memory);
		}
	} else {
		for (size_t i = 1; i < n; i++) {
			for (size_t k = 0; k < i; k++) {
				unique &= !same_key(&keys[i], &keys[k]);
			}
		}
	}
	return LIKELY(unique) ? p
			      : refuse(s, ERR_INVALID, p,
				       "a member name appears twice in the object that ends here");
}

/* ---- structure ---- */

static bool grow_frames(struct scanner *s)
{
	size_t cap = s->frames_cap * 2;
	uint32_t *frames = ARENA_ARRAY(s->scratch, cap, uint32_t);

	if (!frames) {
		return false;
	}
	memcpy(frames, s->frames, s->depth * sizeof(*frames));
	s->frames = frames;
	s->frames_cap = cap;
	return true;
}

/* At an opening bracket; returns what is behind it and its space. */
static ALWAYS_INLINE const char *push(struct scanner *s, const char *p)
{
	if (UNLIKELY(s->depth >= s->max_depth)) {
		return refuse(s, ERR_LIMIT, p, "nested too deeply");
	}
	if (UNLIKELY(s->depth == s->frames_cap) && !grow_frames(s)) {
		return refuse(s, ERR_NOMEM, p, no_memory);
	}
	s->frames[s->depth++] = s->base << 1 | s->object;
	s->base = (uint32_t)s->n_keys;
	s->object = *p == '{';
	return bytes_space(p + 1, s->end);
}

static ALWAYS_INLINE void pop(struct scanner *s)
{
	uint32_t up = s->frames[--s->depth];

	s->base = up >> 1;
	s->object = up & 1;
}

/* At a value: behind a scalar or an empty container's opening; *ret_open: at a first child. */
static ALWAYS_INLINE const char *scan_value(struct scanner *s, const char *p, bool simd,
					    bool *ret_open)
{
	bool escaped;

	*ret_open = false;
	if (UNLIKELY(p == s->end)) {
		return refuse(s, ERR_SYNTAX, p, "the text ends where a value should be");
	}
	if (UNLIKELY(s->nodes++ >= s->max_nodes)) {
		return refuse(s, ERR_LIMIT, p, "too many values in one document");
	}
	if (*p == '"') {
		p = scan_string(s, p + 1, simd, &escaped);
		return p ? p + 1 : NULL;
	}
	if (*p == '{' || *p == '[') {
		p = push(s, p);
		*ret_open = p && (p == s->end || *p != (s->object ? '}' : ']'));
		return p;
	}
	if (*p == '-' || (unsigned char)(*p - '0') <= 9) {
		return scan_number(s, p);
	}
	return scan_word(s, p);
}

/* Behind a value: if it is that of the last member listed on this level, its span is complete. */
static ALWAYS_INLINE void end_member(struct scanner *s, const char *p)
{
	struct str *value;

	/* The subtraction wraps where there is no member yet. */
	if (s->depth == 1 && s->n_members - 1 < JSON_SCAN_MEMBERS) {
		value = &s->members[s->n_members - 1].value;
	} else if (s->depth == 2 && s->object && s->n_inner - 1 < JSON_SCAN_INNER) {
		value = &s->inner[s->n_inner - 1].value;
	} else {
		return;
	}
	value->n = (size_t)(p - value->p);
}

/* Behind a value: closes containers until another value is due or none is open. */
static ALWAYS_INLINE const char *scan_after(struct scanner *s, const char *p, bool simd)
{
	while (s->depth) {
		if (s->depth <= 2) {
			end_member(s, p);
		}
		p = bytes_space(p, s->end);
		if (UNLIKELY(p == s->end)) {
			return refuse(s, ERR_SYNTAX, p, "the text ends inside a container");
		}
		if (*p == ',') {
			p = bytes_space(p + 1, s->end);
			return s->object ? scan_key(s, p, simd) : p;
		}
		if (*p != (s->object ? '}' : ']')) {
			return refuse(s, ERR_SYNTAX, p,
				      s->object ? "expected ',' or '}' in an object"
						: "expected ',' or ']' in an array");
		}
		if (s->object && UNLIKELY(!pop_keys(s, p))) {
			return NULL;
		}
		pop(s);
		p++;
	}
	return p;
}

/* Returns the end of the document's value, space not included. */
static ALWAYS_INLINE const char *scan_document(struct scanner *s, const char *p, bool simd)
{
	const char *end;
	bool open;

	do {
		p = scan_value(s, p, simd, &open);
		if (UNLIKELY(!p)) {
			return NULL;
		}
		if (!open) {
			p = scan_after(s, p, simd);
		} else if (s->object) {
			p = scan_key(s, p, simd);
		}
		if (UNLIKELY(!p)) {
			return NULL;
		}
	} while (s->depth);
	end = p;
	p = bytes_space(p, s->end);
	return LIKELY(p == s->end) ? end : refuse(s, ERR_SYNTAX, p, "more text after the document");
}

/* ---- entry ---- */

static void scanner_init(struct scanner *s, struct arena *scratch, struct str text,
			 const struct json_opts *o)
{
	s->start = text.p;
	s->end = text.p + text.n;
	s->scratch = scratch;
	s->seed = o->seed;
	s->max_depth = bytes_limit(o->max_depth, JSON_MAX_DEPTH, JSON_DEPTH_CEILING);
	s->max_nodes = bytes_limit(o->max_nodes, JSON_MAX_NODES, INT32_MAX);
	s->nodes = s->depth = s->n_keys = s->n_members = s->n_inner = s->slots_cap = 0;
	s->object = s->escaped_key = false;
	s->base = 0;
	s->slots = NULL;
	s->keys = s->keys_inline;
	s->keys_cap = KEYS_INLINE;
	s->frames = s->frames_inline;
	s->frames_cap = FRAMES_INLINE;
}

static enum err_code report(const struct scanner *s, struct str text, struct str name,
			    struct err *err)
{
	size_t line, column, at = (size_t)(s->bad - s->start);

	if (!err) {
		return s->code;
	}
	json_position(text, at, &line, &column);
	return ERR(err, s->code, STR_FMT ":%zu:%zu: %s (byte %zu)", STR_ARG(name), line, column,
		   s->what, at);
}

static void scanner_result(const struct scanner *s, struct json_scan *ret)
{
	ret->type = json_raw_type(ret->value);
	ret->n = s->n_members; /* stays 0 when the document is no object */
	ret->escaped_key = s->escaped_key;
	ret->n_inner = s->n_inner;
	memcpy(ret->members, s->members,
	       bytes_limit(ret->n, 0, JSON_SCAN_MEMBERS) * sizeof(s->members[0]));
	memcpy(ret->inner, s->inner,
	       bytes_limit(ret->n_inner, 0, JSON_SCAN_INNER) * sizeof(s->inner[0]));
	memcpy(ret->inner_of, s->inner_of,
	       bytes_limit(ret->n_inner, 0, JSON_SCAN_INNER) * sizeof(s->inner_of[0]));
}

static ALWAYS_INLINE enum err_code scan_text(struct arena *scratch, struct str text,
					     const struct json_opts *opts, struct json_scan *ret,
					     struct err *err, bool simd)
{
	static const struct json_opts none;
	const struct json_opts *o = opts ? opts : &none;
	size_t max_bytes = bytes_limit(o->max_bytes, JSON_MAX_BYTES, UINT32_MAX);
	struct str name = o->name.n ? o->name : STR("json");
	struct scanner s __attribute__((uninitialized)); /* 3 KB; scanner_init sets what counts */
	const char *p, *end;

	text.p = text.p ? text.p : "";
	if (text.n > max_bytes) {
		return ERR(err, ERR_LIMIT, STR_FMT ": %zu bytes are more than %zu", STR_ARG(name),
			   text.n, max_bytes);
	}
	scanner_init(&s, scratch, text, o);
	p = bytes_space(s.start, s.end);
	end = scan_document(&s, p, simd);
	if (!end) {
		return report(&s, text, name, err);
	}
	ret->value = str_make(p, (size_t)(end - p));
	scanner_result(&s, ret);
	return ERR_OK;
}

enum err_code json_scan(struct arena *scratch, struct str text, const struct json_opts *opts,
			struct json_scan *ret, struct err *err)
{
	return scan_text(scratch, text, opts, ret, err, BYTES_SIMD);
}

enum err_code json_scan_scalar(struct arena *scratch, struct str text, const struct json_opts *opts,
			       struct json_scan *ret, struct err *err)
{
	return scan_text(scratch, text, opts, ret, err, false);
}

struct str json_scan_get(const struct json_scan *scan, struct str key)
{
	struct str found;

	if (scan->n > JSON_SCAN_MEMBERS) {
		(void)json_scan_members(scan->value, &key, 1, &found, NULL);
		return found;
	}
	for (size_t i = 0; i < scan->n; i++) {
		if (str_eq(scan->members[i].key, key)) {
			return scan->members[i].value;
		}
	}
	return str_make(NULL, 0);
}

size_t json_scan_members_of(const struct json_scan *scan, struct str key, const struct str *wanted,
			    size_t n, struct str *spans, bool *ret_escaped, bool *ret_is_object)
{
	struct str outer = json_scan_get(scan, key);
	bool escaped = false;
	size_t members = 0;

	if (ret_is_object) {
		*ret_is_object = outer.n > 0 && outer.p[0] == '{';
	}
	if (scan->n > JSON_SCAN_MEMBERS || scan->n_inner > JSON_SCAN_INNER) {
		return json_scan_members(outer, wanted, n, spans, ret_escaped);
	}
	for (size_t i = 0; i < n; i++) {
		spans[i] = str_make(NULL, 0);
	}
	for (size_t k = 0; k < scan->n_inner; k++) {
		const struct json_member *m = &scan->inner[k];

		if (scan->members[scan->inner_of[k]].value.p != outer.p) {
			continue;
		}
		members++;
		escaped |= m->key_escaped;
		for (size_t i = 0; i < n; i++) {
			if (str_eq(m->key, wanted[i])) {
				spans[i] = m->value;
			}
		}
	}
	if (ret_escaped) {
		*ret_escaped = escaped;
	}
	return members;
}
