/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a pattern, a line feed, a text. Oracle: a pattern matches somewhere exactly where a
 * look ahead at it holds somewhere, which is run from the other end, and a look behind. What
 * is found in either syntax lies in the text, between whole code points.
 */
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "json/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { STEPS = 1 << 18 };

/* 1, 0, or -1 when it was refused. */
static int test(struct arena *a, struct str pattern, struct str text)
{
	const struct json_regex *re;
	uint64_t steps = STEPS;
	bool found = false;

	if (json_regex_compile(a, a, pattern, JSON_REGEX_ECMA, &re, NULL) ||
	    json_regex_test(re, a, text, &steps, &found, NULL)) {
		return -1;
	}
	return found;
}

static bool between(struct str s, size_t at)
{
	return at == s.n || (at < s.n && ((unsigned char)s.p[at] & 0xc0) != 0x80);
}

/* As `test`, of a match's place. */
static int find(struct arena *a, struct str pattern, enum json_regex_syntax syntax, struct str text)
{
	size_t start = SIZE_MAX, end = SIZE_MAX;
	const struct json_regex *re;
	uint64_t steps = STEPS;
	enum err_code code;

	if (json_regex_compile(a, a, pattern, syntax, &re, NULL)) {
		return -1;
	}
	code = json_regex_find(re, a, text, 0, &steps, &start, &end, NULL);
	ASSERT(code || (start <= end && between(text, start) && between(text, end)));
	return code == ERR_OK ? 1 : code == ERR_NOT_FOUND ? 0 : -1;
}

static struct str within(struct arena *a, struct str before, struct str pattern)
{
	struct str ret;
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_append(&b, before);
	buf_append(&b, pattern);
	buf_append_c(&b, ')');
	ret = arena_dup(a, buf_str(&b));
	buf_done(&b);
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str rest = str_make((const char *)data, n), pattern = str_cut(&rest, '\n');
	int plain, ahead, behind, found;
	struct arena a;

	if (!rest.p || !str_is_utf8(pattern) || !str_is_utf8(rest) || rest.n > 4096) {
		return 0;
	}
	arena_init(&a, 64 << 20);
	plain = test(&a, pattern, rest);
	ahead = test(&a, within(&a, STR("(?="), pattern), rest);
	behind = test(&a, within(&a, STR("(?<="), pattern), rest);
	found = find(&a, pattern, JSON_REGEX_ECMA, rest);
	(void)find(&a, pattern, JSON_REGEX_RUST, rest);
	ASSERT(plain < 0 || found < 0 || plain == found);
	ASSERT(plain < 0 || ahead < 0 || plain == ahead);
	ASSERT(plain < 0 || behind < 0 || plain == behind);
	arena_done(&a);
	return 0;
}
