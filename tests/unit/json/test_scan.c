/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "tests/unit/json/cases.h"
#include "json/scan.h"

static struct arena arena;
static struct err err;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena, 64 << 20);
	memset(&err, 0, sizeof(err));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

/* Judges a copy of exactly the text's size, so that a sanitizer sees one byte too far. */
static bool all_readers_judge(struct str text, const struct json_opts *opts)
{
	struct json_scan fast, slow;
	const struct json *doc;
	char *copy = malloc(text.n ? text.n : 1);
	enum err_code tree, vector, scalar;

	assert_non_null(copy);
	memcpy(copy, text.p, text.n);
	text.p = copy;
	arena_reset(&arena);
	tree = json_parse(&arena, text, opts, &doc, NULL);
	vector = json_scan(&arena, text, opts, &fast, &err);
	scalar = json_scan_scalar(&arena, text, opts, &slow, NULL);
	if ((tree == ERR_OK) != (vector == ERR_OK) || vector != scalar) {
		fail_msg("tree %d, vector %d, scalar %d: %.*s", (int)tree, (int)vector, (int)scalar,
			 STR_ARG(text));
	}
	if (vector == ERR_OK) {
		assert_int_equal(fast.type, doc->type);
		assert_str_equal(fast.value, doc->raw);
		assert_str_equal(slow.value, doc->raw);
		assert_int_equal(fast.n, doc->type == JSON_OBJECT ? doc->n : 0);
		assert_int_equal(slow.n, fast.n);
	}
	free(copy);
	return vector == ERR_OK;
}

static void every_reader_judges_the_cases_as_stated(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(json_cases); i++) {
		const struct json_case *c = &json_cases[i];

		if (all_readers_judge(c->text, NULL) != c->accept) {
			fail_msg("case %zu: %s: %.*s", i, c->accept ? "refused" : "accepted",
				 STR_ARG(c->text));
		}
	}
}

/* Sixteen bytes are looked at together: every case must come out alike wherever it lies. */
static void the_place_of_a_text_does_not_change_the_verdict(void **state)
{
	char text[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(json_cases); i++) {
		const struct json_case *c = &json_cases[i];

		if (str_starts_with(c->text, STR("\xef\xbb\xbf")) || c->text.n == 0) {
			continue;
		}
		for (int pad = 0; pad < 34; pad++) {
			int n = snprintf(text, sizeof(text), "[\"%.*s\",", pad,
					 "0123456789abcdef0123456789abcdefgh");
			size_t at = (size_t)n;

			memcpy(text + at, c->text.p, c->text.n);
			at += c->text.n;
			memcpy(text + at, ",\"0123456789abcdef\"]", 20);
			if (!c->accept && all_readers_judge(str_make(text, at + 20), NULL)) {
				/* "1,000" and the like are fine as two elements of an array */
				assert_non_null(memchr("1-", c->text.p[0], 2));
			}
			if (c->accept) {
				assert_true(all_readers_judge(str_make(text, at + 20), NULL));
			}
		}
	}
}

static struct str rich(void)
{
	return STR("{\"jsonrpc\":\"2.0\",\"id\":18446744073709551616,\"method\":\"tools/call\","
		   "\"params\":{\"name\":\"fs.read\",\"arguments\":{\"path\":\"/a\\u00e9\\n"
		   "\xc3\xa9\xf0\x9f\x98\x80\",\"n\":[-1.5e+3,0,true,null]},\"_meta\":{}}}");
}

static void every_prefix_and_every_changed_byte_is_judged_alike(void **state)
{
	static const char bytes[] = "\"\\{}[]:,0e.-+ u\n\0\x1f\x7f\x80\xc3\xed\xf0\xff";
	struct str text = rich();
	char copy[400];

	(void)state;
	assert_true(all_readers_judge(text, NULL));
	for (size_t n = 0; n < text.n; n++) {
		assert_false(all_readers_judge(str_make(text.p, n), NULL));
	}
	memcpy(copy, text.p, text.n);
	for (size_t i = 0; i < text.n; i++) {
		for (size_t b = 0; b < sizeof(bytes); b++) {
			copy[i] = bytes[b];
			(void)all_readers_judge(str_make(copy, text.n), NULL);
		}
		copy[i] = text.p[i];
	}
}

static void top_level_members_are_found_with_their_spans(void **state)
{
	struct json_scan scan;

	(void)state;
	assert_int_equal(json_scan(&arena, rich(), NULL, &scan, &err), ERR_OK);
	assert_int_equal(scan.n, 4);
	assert_false(scan.escaped_key);
	assert_str_equal(scan.members[2].key, STR("method"));
	assert_str_equal(json_scan_get(&scan, STR("id")), STR("18446744073709551616"));
	assert_str_equal(json_scan_get(&scan, STR("method")), STR("\"tools/call\""));
	assert_null(json_scan_get(&scan, STR("Method")).p);
	assert_true(json_raw_type(json_scan_get(&scan, STR("params"))) == JSON_OBJECT);
	assert_int_equal(json_scan(&arena, STR(" { \"a\" : 1 , \"b\" : [ {} ] , \"c\" : {\n} } "),
				   NULL, &scan, &err),
			 ERR_OK);
	assert_str_equal(json_scan_get(&scan, STR("a")), STR("1"));
	assert_str_equal(json_scan_get(&scan, STR("b")), STR("[ {} ]"));
	assert_str_equal(json_scan_get(&scan, STR("c")), STR("{\n}"));
	assert_str_equal(scan.value, STR("{ \"a\" : 1 , \"b\" : [ {} ] , \"c\" : {\n} }"));
	assert_int_equal(json_scan(&arena, STR("[{\"a\":1}]"), NULL, &scan, &err), ERR_OK);
	assert_int_equal(scan.n, 0);
	assert_null(json_scan_get(&scan, STR("a")).p);
}

static void more_members_than_are_listed_are_still_found(void **state)
{
	char text[4096];
	struct json_scan scan;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%c\"key%d\":%d", i ? ',' : '{',
				      i, i);
	}
	text[n++] = '}';
	assert_int_equal(json_scan(&arena, str_make(text, n), NULL, &scan, &err), ERR_OK);
	assert_int_equal(scan.n, 100);
	assert_str_equal(json_scan_get(&scan, STR("key3")), STR("3"));
	assert_str_equal(json_scan_get(&scan, STR("key99")), STR("99"));
	assert_null(json_scan_get(&scan, STR("key100")).p);
	text[n - 1] = ',';
	n += (size_t)snprintf(text + n, sizeof(text) - n, "\"\\u006bey5\":0}");
	assert_false(all_readers_judge(str_make(text, n), NULL));
}

static void nested_members_are_cut_out_of_a_validated_object(void **state)
{
	static const struct str wanted[] = {STR_INIT("name"), STR_INIT("arguments"),
					    STR_INIT("absent")};
	struct json_scan scan;
	struct str spans[3];
	bool escaped = true;

	(void)state;
	assert_int_equal(json_scan(&arena, rich(), NULL, &scan, &err), ERR_OK);
	assert_int_equal(
		json_scan_members(json_scan_get(&scan, STR("params")), wanted, 3, spans, &escaped),
		3);
	assert_false(escaped);
	assert_str_equal(spans[0], STR("\"fs.read\""));
	assert_str_equal(spans[1],
			 STR("{\"path\":\"/a\\u00e9\\n\xc3\xa9\xf0\x9f\x98\x80\",\"n\":[-1.5e+3,0,"
			     "true,null]}"));
	assert_null(spans[2].p);
}

/* The listed members of every top-level object are those that a walk finds. */
static void assert_inner_equals_walk(struct str text)
{
	static const struct str wanted[] = {STR_INIT("a"), STR_INIT("b"), STR_INIT("name")};
	struct str listed[3], walked[3];
	struct json_scan scan;

	assert_int_equal(json_scan(&arena, text, NULL, &scan, &err), ERR_OK);
	for (size_t i = 0; i < scan.n && i < JSON_SCAN_MEMBERS; i++) {
		bool escaped[2] = {false, false}, object = false;
		size_t n = json_scan_members_of(&scan, scan.members[i].key, wanted, 3, listed,
						&escaped[0], &object);

		assert_int_equal(n, json_scan_members(scan.members[i].value, wanted, 3, walked,
						      &escaped[1]));
		assert_int_equal(escaped[0], escaped[1]);
		assert_int_equal(object, json_raw_type(scan.members[i].value) == JSON_OBJECT);
		for (size_t k = 0; k < 3; k++) {
			assert_ptr_equal(listed[k].p, walked[k].p);
			assert_str_equal(listed[k], walked[k]);
		}
	}
}

static void members_of_members_are_listed_in_the_same_pass(void **state)
{
	char text[1000];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(json_cases); i++) {
		if (json_cases[i].accept) {
			assert_inner_equals_walk(json_cases[i].text);
		}
	}
	assert_inner_equals_walk(rich());
	assert_inner_equals_walk(STR("{\"x\":[{\"a\":1}],\"y\":{\"b\":[{\"a\":{}}] ,\"a\": {} },"
				     "\"z\":{\"\\u0061\":1},\"w\":{},\"a\":{\"b\":\"b\"}}"));
	for (int i = 0; i < 40; i++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\"%d\":1",
				      i ? "," : "{\"p\":{", i);
	}
	n += (size_t)snprintf(text + n, sizeof(text) - n, ",\"b\":2},\"q\":{\"a\":3}}");
	assert_inner_equals_walk(str_make(text, n));
}

static void a_name_with_an_escape_is_reported(void **state)
{
	static const struct str wanted[] = {STR_INIT("method")};
	struct str text = STR("{\"a\":1,\"me\\u0074hod\":\"x\"}"), span;
	struct json_scan scan;
	bool escaped = false;

	(void)state;
	assert_int_equal(json_scan(&arena, text, NULL, &scan, &err), ERR_OK);
	assert_true(scan.escaped_key);
	assert_true(scan.members[1].key_escaped);
	assert_null(json_scan_get(&scan, STR("method")).p);
	assert_int_equal(json_scan_members(text, wanted, 1, &span, &escaped), 2);
	assert_true(escaped);
	assert_null(span.p);
	assert_int_equal(json_scan(&arena, STR("{\"a\":{\"\\u0062\":\"\\n\"}}"), NULL, &scan, &err),
			 ERR_OK);
	assert_false(scan.escaped_key);
}

/* Whatever a walk yields must be what the tree holds. */
static void assert_walk_equals(struct str span, const struct json *tree)
{
	const struct json *item = json_first(tree);
	struct json_member m;
	struct str key;

	for (struct json_walk w = json_walk(span); json_walk_next(&w, &m); item = item->next) {
		assert_non_null(item);
		assert_str_equal(m.value, item->raw);
		assert_int_equal(json_raw_type(m.value), item->type);
		if (tree->type == JSON_OBJECT) {
			char *quoted = arena_alloc(&arena, m.key.n + 2);

			memcpy(quoted + 1, m.key.p, m.key.n);
			quoted[0] = quoted[m.key.n + 1] = '"';
			assert_int_equal(
				json_unquote(&arena, str_make(quoted, m.key.n + 2), &key, &err),
				ERR_OK);
			assert_str_equal(key, item->key);
		}
		if (item->type == JSON_STRING) {
			assert_int_equal(json_unquote(&arena, m.value, &key, &err), ERR_OK);
			assert_str_equal(key, item->text);
		}
	}
	assert_null(item);
}

static void walking_yields_what_the_tree_holds(void **state)
{
	const struct json *doc;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(json_cases); i++) {
		if (json_cases[i].accept) {
			assert_int_equal(json_parse(&arena, json_cases[i].text, NULL, &doc, &err),
					 ERR_OK);
			assert_walk_equals(doc->raw, doc);
		}
	}
	assert_int_equal(json_parse(&arena, rich(), NULL, &doc, &err), ERR_OK);
	assert_walk_equals(doc->raw, doc);
	assert_walk_equals(json_get(doc, STR("params"))->raw, json_get(doc, STR("params")));
}

static void walking_bytes_that_were_never_validated_ends_inside_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(json_cases); i++) {
		struct str text = json_cases[i].text, span;
		char *copy = malloc(text.n ? text.n : 1);
		struct json_member m;
		size_t n = 0;

		assert_non_null(copy);
		memcpy(copy, text.p, text.n);
		for (struct json_walk w = json_walk(str_make(copy, text.n));
		     json_walk_next(&w, &m);) {
			assert_true(m.value.p >= copy && m.value.p + m.value.n <= copy + text.n);
			assert_true(++n <= text.n);
		}
		err_ignore(json_unquote(&arena, str_make(copy, text.n), &span,
					&err)); /* any verdict */
		free(copy);
	}
}

static void only_a_string_can_be_unquoted(void **state)
{
	struct str s = STR("untouched");

	(void)state;
	assert_int_equal(json_unquote(&arena, STR("12"), &s, &err), ERR_INVALID);
	assert_int_equal(json_unquote(&arena, STR("\""), &s, &err), ERR_INVALID);
	assert_str_equal(s, STR("untouched"));
	assert_int_equal(json_unquote(&arena, STR("\"a\\u0000\\ud83d\\ude00\""), &s, &err), ERR_OK);
	assert_str_equal(s, STR("a\0\xf0\x9f\x98\x80"));
}

static void limits_hold_and_say_where(void **state)
{
	struct json_opts three = {.max_nodes = 3}, deep = {.max_depth = 1000},
			 shallow = {.max_depth = 2};
	struct json_opts small = {.max_bytes = 3, .name = STR("call")};
	struct json_scan scan;
	char text[2000];

	(void)state;
	assert_true(all_readers_judge(STR("[1,2]"), &three));
	assert_false(all_readers_judge(STR("[1,2,3]"), &three));
	assert_true(all_readers_judge(STR("[[]]"), &shallow));
	assert_false(all_readers_judge(STR("[{\"a\":[]}]"), &shallow));
	memset(text, '[', 1000);
	memset(text + 1000, ']', 1000);
	assert_true(all_readers_judge(str_make(text, 2000), &deep));
	assert_true(all_readers_judge(str_make(text + 1000 - JSON_MAX_DEPTH, 2 * JSON_MAX_DEPTH),
				      NULL));
	assert_false(all_readers_judge(
		str_make(text + 999 - JSON_MAX_DEPTH, 2 + 2 * JSON_MAX_DEPTH), NULL));
	assert_int_equal(json_scan(&arena, STR("[12]"), &small, &scan, &err), ERR_LIMIT);
	assert_str_equal(str_from_c(err.msg), STR("call: 4 bytes are more than 3"));
	assert_int_equal(json_scan(&arena, STR("[\n }"), NULL, &scan, &err), ERR_SYNTAX);
	assert_str_equal(str_from_c(err.msg), STR("json:2:2: expected a value (byte 3)"));
}

static void a_plain_message_takes_no_scratch_and_scratch_is_bounded(void **state)
{
	struct arena tiny;
	struct json_scan scan;
	char text[8000];
	size_t n = 0;

	(void)state;
	arena_init(&tiny, 0);
	assert_int_equal(json_scan(&tiny, rich(), NULL, &scan, &err), ERR_OK);
	for (int i = 0; i < 500; i++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%c\"k%d\":0", i ? ',' : '{', i);
	}
	text[n++] = '}';
	assert_int_equal(json_scan(&tiny, str_make(text, n), NULL, &scan, &err), ERR_NOMEM);
	assert_true(all_readers_judge(str_make(text, n), NULL));
	arena_done(&tiny);
}

static void any_shortage_of_scratch_is_a_clean_refusal(void **state)
{
	struct json_opts opts = {.max_depth = 400};
	char text[8000];
	size_t n = 0, refused = 0;

	(void)state;
	memset(text, '[', 300);
	n = 300;
	for (int i = 0; i < 200; i++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\"k\\n%d\":%d", i ? "," : "{",
				      i, i);
	}
	text[n++] = '}';
	memset(text + n, ']', 300);
	n += 300;
	for (size_t limit = 0; limit < 64 << 10; limit += 16) {
		struct json_scan scan;
		struct arena small;
		enum err_code code;

		arena_init(&small, limit);
		code = json_scan(&small, str_make(text, n), &opts, &scan, &err);
		assert_true(code == ERR_OK || code == ERR_NOMEM);
		refused += code == ERR_NOMEM;
		arena_done(&small);
	}
	assert_in_range(refused, 100, 4000);
}

#define CLAIM(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(every_reader_judges_the_cases_as_stated),
		CLAIM(the_place_of_a_text_does_not_change_the_verdict),
		CLAIM(every_prefix_and_every_changed_byte_is_judged_alike),
		CLAIM(top_level_members_are_found_with_their_spans),
		CLAIM(more_members_than_are_listed_are_still_found),
		CLAIM(nested_members_are_cut_out_of_a_validated_object),
		CLAIM(members_of_members_are_listed_in_the_same_pass),
		CLAIM(a_name_with_an_escape_is_reported),
		CLAIM(walking_yields_what_the_tree_holds),
		CLAIM(walking_bytes_that_were_never_validated_ends_inside_them),
		CLAIM(only_a_string_can_be_unquoted),
		CLAIM(limits_hold_and_say_where),
		CLAIM(any_shortage_of_scratch_is_a_clean_refusal),
		CLAIM(a_plain_message_takes_no_scratch_and_scratch_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
