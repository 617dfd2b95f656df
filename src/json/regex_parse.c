/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a pattern: ECMA-262 section 22.2.1, or as Rust has it, into a tree. */
#include "json/regex_priv.h"

enum { COUNT_MAX = 1000, RANGES_MAX = 512 };

struct look {
	const struct regex_node *what;
	bool behind;
};

struct set {
	uint64_t ascii[2];
	struct regex_range ranges[RANGES_MAX];
	size_t n;
};

struct parser {
	struct arena *keep, *scratch;
	struct str s;
	size_t at;
	int depth;
	bool rust, fold; /* (?i) */
	struct regex_set *sets;
	size_t n_sets, cap_sets;
	struct look looks[JSON_REGEX_LOOKS];
	size_t n_looks;
	struct set set; /* being read */
	struct err *err;
	enum err_code code;
};

static struct regex_node *fail(struct parser *p, enum err_code code, const char *what)
{
	if (!p->code) {
		p->code = ERR(p->err, code, "pattern, offset %zu: %s", p->at, what);
	}
	return NULL;
}

static struct regex_node *make(struct parser *p, struct regex_node n)
{
	struct regex_node *r = ARENA_NEW(p->scratch, struct regex_node);

	if (!r) {
		return fail(p, ERR_NOMEM, "out of memory");
	}
	*r = n;
	return r;
}

static bool more(const struct parser *p)
{
	return p->at < p->s.n;
}

static bool accept(struct parser *p, char c)
{
	if (!more(p) || p->s.p[p->at] != c) {
		return false;
	}
	p->at++;
	return true;
}

static bool accept_str(struct parser *p, struct str s)
{
	if (!str_starts_with(str_from(p->s, p->at), s)) {
		return false;
	}
	p->at += s.n;
	return true;
}

static uint32_t take(struct parser *p)
{
	unsigned char b = (unsigned char)p->s.p[p->at++];
	unsigned n = b < 0x80 ? 0 : b < 0xe0 ? 1 : b < 0xf0 ? 2 : 3;
	uint32_t c = n ? b & (0x3fU >> n) : b;

	for (; n && more(p); n--) {
		c = c << 6 | ((unsigned char)p->s.p[p->at++] & 0x3fU);
	}
	return c;
}

/* ---- sets ---- */

static bool put_range(struct parser *p, uint32_t lo, uint32_t hi)
{
	for (uint32_t c = lo; c <= hi && c < 128; c++) {
		uint32_t letter = c | 0x20;

		p->set.ascii[c >> 6] |= UINT64_C(1) << (c & 63);
		if (p->fold && letter >= 'a' && letter <= 'z') {
			p->set.ascii[1] |= UINT64_C(1) << (letter & 63) | UINT64_C(1)
										  << (letter & 31);
		}
	}
	if (hi < 128) {
		return true;
	}
	if (p->set.n == RANGES_MAX) {
		return fail(p, ERR_LIMIT, "more than 512 ranges in a class") != NULL;
	}
	p->set.ranges[p->set.n++] = (struct regex_range){lo < 128 ? 128 : lo, hi};
	return true;
}

static const struct regex_range digits[] = {{'0', '9'}};
static const struct regex_range words[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
static const struct regex_range line_ends[] = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};
static const struct regex_range spaces[] = {
	{'\t', '\r'},     {' ', ' '},       {0xa0, 0xa0},     {0x1680, 0x1680}, {0x2000, 0x200a},
	{0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}, {0xfeff, 0xfeff},
};

static bool put_ranges(struct parser *p, const struct regex_range *r, size_t n, bool negated)
{
	uint32_t from = 0;
	bool ok = true;

	for (size_t i = 0; i < n && ok; i++) {
		if (!negated) {
			ok = put_range(p, r[i].lo, r[i].hi);
		} else if (r[i].lo > from) {
			ok = put_range(p, from, r[i].lo - 1);
		}
		from = r[i].hi + 1;
	}
	return ok && (!negated || put_range(p, from, 0x10ffff));
}

static void set_begin(struct parser *p)
{
	p->set.ascii[0] = p->set.ascii[1] = 0;
	p->set.n = 0;
}

/* The set that was read as a node. */
static struct regex_node *set_end(struct parser *p, bool negated)
{
	struct regex_set s = {.n = p->set.n, .negated = negated};
	struct regex_range *ranges = ARENA_ARRAY(p->keep, p->set.n, struct regex_range);

	if (!ranges || !ARENA_GROW(p->keep, &p->sets, p->n_sets, &p->cap_sets)) {
		return fail(p, ERR_NOMEM, "out of memory");
	}
	memcpy(ranges, p->set.ranges, p->set.n * sizeof(*ranges));
	s.ranges = ranges;
	s.ascii[0] = negated ? ~p->set.ascii[0] : p->set.ascii[0];
	s.ascii[1] = negated ? ~p->set.ascii[1] : p->set.ascii[1];
	p->sets[p->n_sets] = s;
	return make(p, (struct regex_node){.type = REGEX_ONE,
					   .inst = {.op = REGEX_SET, .x = (uint32_t)p->n_sets++}});
}

static struct regex_node *one(struct parser *p, uint32_t c)
{
	set_begin(p);
	return put_range(p, c, c) ? set_end(p, false) : NULL;
}

/* ---- escapes ---- */

/* \d, \w, \s and their opposites into the set; false when `c` is none of them. */
static bool is_shorthand(char c)
{
	return c && strchr("dDwWsS", c) != NULL;
}

static bool put_shorthand(struct parser *p, char c)
{
	switch (c) {
	case 'd':
	case 'D':
		return put_ranges(p, digits, ARRAY_LEN(digits), c == 'D');
	case 'w':
	case 'W':
		return put_ranges(p, words, ARRAY_LEN(words), c == 'W');
	default:
		return put_ranges(p, spaces, p->rust ? 2 : ARRAY_LEN(spaces), c == 'S');
	}
}

static bool hex(struct parser *p, unsigned n, uint32_t *ret)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < n; i++) {
		char c = more(p) ? p->s.p[p->at] : 'x', l = (char)(c | 0x20);

		if (!((c >= '0' && c <= '9') || (l >= 'a' && l <= 'f'))) {
			return fail(p, ERR_SYNTAX, "hexadecimal digits are missing") != NULL;
		}
		v = v << 4 | (uint32_t)(c <= '9' ? c - '0' : l - 'a' + 10);
		p->at++;
	}
	*ret = v;
	return true;
}

/* Behind "\u": four digits, a pair of surrogates, or {digits}. */
static bool unicode(struct parser *p, uint32_t *ret)
{
	uint32_t v = 0, low;

	if (accept(p, '{')) {
		uint32_t digit;

		while (!accept(p, '}')) {
			if (!hex(p, 1, &digit)) {
				return false;
			}
			v = v << 4 | digit;
			if (v > 0x10ffff) {
				return fail(p, ERR_SYNTAX, "no code point") != NULL;
			}
		}
		*ret = v;
		return true;
	}
	if (!hex(p, 4, &v)) {
		return false;
	}
	if (v >= 0xd800 && v < 0xdc00 && str_starts_with(str_from(p->s, p->at), STR("\\u"))) {
		size_t before = p->at;

		p->at += 2;
		if (!hex(p, 4, &low)) {
			return false;
		}
		if (low >= 0xdc00 && low < 0xe000) {
			v = 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
		} else {
			p->at = before;
		}
	}
	*ret = v;
	return true;
}

/* Behind a backslash, what stands for one character. */
static bool escaped(struct parser *p, uint32_t *ret)
{
	static const char names[] = "fnrtv", codes[] = "\f\n\r\t\v";
	const char *at;
	char c;

	if (!more(p)) {
		return fail(p, ERR_SYNTAX, "ends in a backslash") != NULL;
	}
	c = p->s.p[p->at];
	at = c ? strchr(names, c) : NULL;
	if (at) {
		p->at++;
		*ret = (uint32_t)codes[at - names];
		return true;
	}
	if (p->rust && ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))) {
		return fail(p, ERR_UNSUPPORTED, "an escape that is not read here") != NULL;
	}
	if (c == 'x' || c == 'u') {
		p->at++;
		return c == 'x' ? hex(p, 2, ret) : unicode(p, ret);
	}
	if (c == 'c' && p->at + 1 < p->s.n && (p->s.p[p->at + 1] | 0x20) >= 'a' &&
	    (p->s.p[p->at + 1] | 0x20) <= 'z') {
		*ret = (uint32_t)p->s.p[p->at + 1] & 31;
		p->at += 2;
		return true;
	}
	if (c == '0' &&
	    !(p->at + 1 < p->s.n && p->s.p[p->at + 1] >= '0' && p->s.p[p->at + 1] <= '9')) {
		p->at++;
		*ret = 0;
		return true;
	}
	if ((c >= '0' && c <= '9') || c == 'k') {
		return fail(p, ERR_UNSUPPORTED,
			    "a back reference, which has no bound on its time") != NULL;
	}
	if (c == 'p' || c == 'P') {
		return fail(p, ERR_UNSUPPORTED, "a property of Unicode (\\p)") != NULL;
	}
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
		return fail(p, ERR_SYNTAX, "an escape that does not exist") != NULL;
	}
	*ret = take(p);
	return true;
}

/* One end of a range, or a shorthand that is already in the set. */
static bool class_atom(struct parser *p, uint32_t *ret, bool *ret_shorthand)
{
	*ret_shorthand = false;
	if (!accept(p, '\\')) {
		*ret = take(p);
		return true;
	}
	if (more(p) && is_shorthand(p->s.p[p->at])) {
		*ret_shorthand = true;
		return put_shorthand(p, p->s.p[p->at++]);
	}
	if (!p->rust && accept(p, 'b')) {
		*ret = '\b';
		return true;
	}
	return escaped(p, ret);
}

/* Behind "[". */
static struct regex_node *class_of(struct parser *p)
{
	bool negated = accept(p, '^'), is_set, is_set_too;
	uint32_t lo, hi;

	set_begin(p);
	for (bool literal = p->rust; literal || !accept(p, ']'); literal = false) {
		if (!more(p)) {
			return fail(p, ERR_SYNTAX, "a class without its end");
		}
		if (!class_atom(p, &lo, &is_set)) {
			return NULL;
		}
		if (p->at + 1 < p->s.n && p->s.p[p->at] == '-' && p->s.p[p->at + 1] != ']') {
			p->at++; /* class_atom needs a byte: there is one */
			if (!class_atom(p, &hi, &is_set_too)) {
				return NULL;
			}
			if (is_set || is_set_too || lo > hi) {
				return fail(p, ERR_SYNTAX, "a range that is none");
			}
		} else {
			hi = lo;
		}
		if (!is_set && !put_range(p, lo, hi)) {
			return NULL;
		}
	}
	return set_end(p, negated);
}

/* ---- terms ---- */

static struct regex_node *disjunction(struct parser *p);

/* Behind "(?" and what says that it looks. */
static struct regex_node *look(struct parser *p, bool behind, bool negated)
{
	struct regex_node *what = disjunction(p);

	if (!what) {
		return NULL;
	}
	if (p->n_looks == JSON_REGEX_LOOKS) {
		return fail(p, ERR_LIMIT, "more than 16 looks ahead or behind");
	}
	p->looks[p->n_looks] = (struct look){.what = what, .behind = behind};
	return make(p,
		    (struct regex_node){
			    .type = REGEX_ONE,
			    .inst = {.op = REGEX_LOOK, .x = (uint32_t)p->n_looks++, .y = negated}});
}

static struct regex_node *group(struct parser *p)
{
	struct regex_node *n;

	if (++p->depth > JSON_REGEX_DEPTH) {
		return fail(p, ERR_LIMIT, "groups nested deeper than 32");
	}
	if (accept_str(p, STR("?:"))) {
		n = disjunction(p);
	} else if (p->rust && accept(p, '?')) {
		return fail(p, ERR_UNSUPPORTED, "of groups with a ? only (?: ) is read here");
	} else if (accept_str(p, STR("?="))) {
		n = look(p, false, false);
	} else if (accept_str(p, STR("?!"))) {
		n = look(p, false, true);
	} else if (accept_str(p, STR("?<="))) {
		n = look(p, true, false);
	} else if (accept_str(p, STR("?<!"))) {
		n = look(p, true, true);
	} else if (accept_str(p, STR("?<"))) {
		size_t name = str_find(str_from(p->s, p->at), '>');

		if (name == 0 || p->at + name >= p->s.n) {
			return fail(p, ERR_SYNTAX, "a group without its name");
		}
		p->at += name + 1;
		n = disjunction(p);
	} else if (accept(p, '?')) {
		return fail(p, ERR_UNSUPPORTED, "a group with modifiers");
	} else {
		n = disjunction(p);
	}
	p->depth--;
	if (n && !accept(p, ')')) {
		return fail(p, ERR_SYNTAX, "a group without its end");
	}
	return n;
}

static struct regex_node *assertion(struct parser *p, enum regex_op op, bool negated)
{
	return make(p, (struct regex_node){.type = REGEX_ONE, .inst = {.op = op, .y = negated}});
}

static struct regex_node *atom(struct parser *p)
{
	uint32_t c;

	if (accept(p, '(')) {
		return group(p);
	}
	if (accept(p, '[')) {
		return class_of(p);
	}
	if (accept(p, '^')) {
		return assertion(p, REGEX_BEGIN, false);
	}
	if (accept(p, '$')) {
		return assertion(p, REGEX_END, false);
	}
	if (accept(p, '.')) {
		set_begin(p);
		return put_ranges(p, line_ends, p->rust ? 1 : ARRAY_LEN(line_ends), true)
			       ? set_end(p, false)
			       : NULL;
	}
	if (accept(p, '\\')) {
		if (more(p) && (p->s.p[p->at] | 0x20) == 'b') {
			return assertion(p, REGEX_WORD, p->s.p[p->at++] == 'B');
		}
		if (more(p) && is_shorthand(p->s.p[p->at])) {
			set_begin(p);
			return put_shorthand(p, p->s.p[p->at++]) ? set_end(p, false) : NULL;
		}
		return escaped(p, &c) ? one(p, c) : NULL;
	}
	if (strchr("*+?", p->s.p[p->at]) && p->s.p[p->at]) {
		return fail(p, ERR_SYNTAX, "nothing to repeat");
	}
	return one(p, take(p));
}

static bool number(struct parser *p, uint32_t *ret)
{
	size_t n = 0;
	uint64_t v = 0;

	while (p->at + n < p->s.n && p->s.p[p->at + n] >= '0' && p->s.p[p->at + n] <= '9') {
		n++;
	}
	if (n == 0) {
		return false;
	}
	if (!str_to_u64(str_make(p->s.p + p->at, n), &v) || v > COUNT_MAX) {
		v = COUNT_MAX + 1;
	}
	p->at += n;
	*ret = (uint32_t)v;
	return true;
}

/* {n}, {n,} or {n,m}; false with nothing taken when the brace is a literal. */
static bool braces(struct parser *p, uint32_t *ret_least, uint32_t *ret_most)
{
	size_t before = p->at;

	if (accept(p, '{') && number(p, ret_least)) {
		*ret_most = *ret_least;
		if (accept(p, ',') && !number(p, ret_most)) {
			*ret_most = REGEX_NO_END;
		}
		if (accept(p, '}')) {
			return true;
		}
	}
	p->at = before;
	return false;
}

static struct regex_node *quantified(struct parser *p)
{
	struct regex_node *a = atom(p);
	uint32_t least = 0, most = REGEX_NO_END;
	bool lazy;

	if (!a) {
		return NULL;
	}
	if (accept(p, '+')) {
		least = 1;
	} else if (accept(p, '?')) {
		most = 1;
	} else if (!accept(p, '*') && !braces(p, &least, &most)) {
		return p->rust && more(p) && p->s.p[p->at] == '{'
			       ? fail(p, ERR_SYNTAX, "a brace that is no count")
			       : a;
	}
	lazy = accept(p, '?');
	if (least > COUNT_MAX || (most != REGEX_NO_END && most > COUNT_MAX)) {
		return fail(p, ERR_LIMIT, "a count past 1000");
	}
	if (least > most) {
		return fail(p, ERR_SYNTAX, "a count whose end is before its beginning");
	}
	if (more(p) && strchr("*+?", p->s.p[p->at]) && p->s.p[p->at]) {
		return fail(p, ERR_SYNTAX, "nothing to repeat");
	}
	return make(
		p,
		(struct regex_node){
			.type = REGEX_REPEAT, .a = a, .least = least, .most = most, .lazy = lazy});
}

static struct regex_node *sequence(struct parser *p)
{
	struct regex_node *all = make(p, (struct regex_node){.type = REGEX_EMPTY});

	while (all && more(p) && p->s.p[p->at] != '|' && p->s.p[p->at] != ')') {
		struct regex_node *next = quantified(p);

		if (!next) {
			return NULL;
		}
		all = all->type == REGEX_EMPTY
			      ? next
			      : make(p,
				     (struct regex_node){.type = REGEX_CAT, .a = all, .b = next});
	}
	return all;
}

static struct regex_node *disjunction(struct parser *p)
{
	struct regex_node *all = sequence(p);

	while (all && accept(p, '|')) {
		struct regex_node *next = sequence(p);

		all = next ? make(p, (struct regex_node){.type = REGEX_OR, .a = all, .b = next})
			   : NULL;
	}
	return all;
}

static enum err_code compile(struct parser *p, struct json_regex *re)
{
	struct regex_program *looks;
	struct regex_node *all = disjunction(p);

	if (all && more(p)) {
		all = fail(p, ERR_SYNTAX, "a closing parenthesis without its group");
	}
	looks = ARENA_ARRAY(p->keep, p->n_looks, struct regex_program);
	if (!all || !looks) {
		return p->code ? p->code : ERR(p->err, ERR_NOMEM, "no memory for a pattern");
	}
	TRY(regex_emit(p->keep, p->scratch, all, false, &re->main, p->err));
	/* What stands ahead ends anywhere and begins here: read from its end. */
	for (size_t i = 0; i < p->n_looks; i++) {
		TRY(regex_emit(p->keep, p->scratch, p->looks[i].what, !p->looks[i].behind,
			       &looks[i], p->err));
	}
	re->looks = looks;
	re->n_looks = p->n_looks;
	re->sets = p->sets;
	re->n_sets = p->n_sets;
	return ERR_OK;
}

enum err_code json_regex_compile(struct arena *keep, struct arena *scratch, struct str pattern,
				 enum json_regex_syntax syntax, const struct json_regex **ret,
				 struct err *err)
{
	struct parser *p = ARENA_NEW(scratch, struct parser);
	struct json_regex *re = ARENA_NEW(keep, struct json_regex);

	if (!p || !re) {
		return ERR(err, ERR_NOMEM, "no memory for a pattern");
	}
	*p = (struct parser){.keep = keep,
			     .scratch = scratch,
			     .s = pattern,
			     .rust = syntax == JSON_REGEX_RUST,
			     .err = err};
	p->fold = p->rust && accept_str(p, STR("(?i)"));
	if (pattern.n > JSON_REGEX_PATTERN) {
		return ERR(err, ERR_LIMIT, "a pattern of more than %d bytes", JSON_REGEX_PATTERN);
	}
	TRY(compile(p, re));
	*ret = re;
	return ERR_OK;
}
