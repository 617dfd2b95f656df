/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "base/buf.h"
#include "config/yaml.h"

/* The tree as JSON text, strings unescaped; enough to compare by eye. */
static void dump(struct buf *b, const struct json *j)
{
	bool first = true;

	if (j->key.p) {
		buf_printf(b, STR_FMT ":", STR_ARG(j->key));
	}
	switch (j->type) {
	case JSON_NULL:
		buf_append(b, STR("null"));
		break;
	case JSON_BOOL:
		buf_append(b, j->boolean ? STR("true") : STR("false"));
		break;
	case JSON_NUMBER:
		buf_append(b, j->text);
		break;
	case JSON_STRING:
		buf_printf(b, "\"" STR_FMT "\"", STR_ARG(j->text));
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		buf_append_c(b, j->type == JSON_ARRAY ? '[' : '{');
		JSON_EACH (item, j) {
			if (!first) {
				buf_append_c(b, ',');
			}
			first = false;
			dump(b, item);
		}
		buf_append_c(b, j->type == JSON_ARRAY ? ']' : '}');
		break;
	}
}

static void expect(const char *yaml, const char *want)
{
	struct err err = {0};
	const struct json *root = NULL;
	struct arena a;
	struct buf b;

	arena_init(&a, 1 << 20);
	buf_init(&b, 1 << 20);
	if (yaml_parse(&a, STR("t.yaml"), str_from_c(yaml), &root, &err)) {
		fail_msg("%s", err.msg);
	}
	dump(&b, root);
	assert_str_equal(buf_str(&b), str_from_c(want));
	buf_done(&b);
	arena_done(&a);
}

static void refused(const char *yaml, enum err_code code, const char *message)
{
	struct err err = {0};
	const struct json *root = NULL;
	struct arena a;

	arena_init(&a, 1 << 20);
	assert_int_equal(yaml_parse(&a, STR("t.yaml"), str_from_c(yaml), &root, &err), code);
	assert_string_equal(err.msg, message);
	assert_null(root);
	arena_done(&a);
}

static void plain_scalars_follow_the_core_schema(void **state)
{
	(void)state;
	expect("[null, Null, NULL, ~, true, True, TRUE, false, False, FALSE]",
	       "[null,null,null,null,true,true,true,false,false,false]");
	expect("[yes, no, on, off, y, n, nuLL, tRUE]",
	       "[\"yes\",\"no\",\"on\",\"off\",\"y\",\"n\",\"nuLL\",\"tRUE\"]");
	expect("[0, -1, +7, 007, 0o17, 0xFf, 12345678901234567890123]",
	       "[0,-1,7,7,15,255,12345678901234567890123]");
	expect("[1.5, .5, 2., -.5e-3, 1e3, 1E+3, 00.10]", "[1.5,0.5,2,-0.5e-3,1e3,1E+3,0.10]");
	expect("[1_000, 0b1, 0o8, 0x, 1e, e3, ., +, 1.2.3, 12:30, 2020-01-01, 60s]",
	       "[\"1_000\",\"0b1\",\"0o8\",\"0x\",\"1e\",\"e3\",\".\",\"+\",\"1.2.3\","
	       "\"12:30\",\"2020-01-01\",\"60s\"]");
	expect("['true', \"1\", \"\", '']", "[\"true\",\"1\",\"\",\"\"]");
}

static void blocks_flows_and_empty_values_become_one_tree(void **state)
{
	(void)state;
	expect("a: 1\nb:\n  - x\n  - {c: d, 'e': [f]}\ng: |\n  two\n  lines\nh: >-\n  one\n  line\n"
	       "i:\n",
	       "{a:1,b:[\"x\",{c:\"d\",e:[\"f\"]}],g:\"two\nlines\n\",h:\"one line\",i:null}");
	expect("# only a comment before\n---\na: {}\nb: []\n...\n", "{a:{},b:[]}");
}

static void nodes_know_their_place(void **state)
{
	static const char text[] = "a: 1\nlong_key:\n  \xc3\xa4: [x,\n    yy]\n";
	const struct json *root = NULL, *item;
	struct err err = {0};
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	assert_int_equal(yaml_parse(&a, STR("t"), str_from_c(text), &root, &err), ERR_OK);
	item = json_get(root, STR("a"));
	assert_int_equal(item->key_at, 0);
	assert_int_equal(item->at, 3);
	item = json_get(root, STR("long_key"));
	assert_int_equal(item->key_at, 5);
	item = json_get(item, STR("\xc3\xa4"));
	assert_int_equal(item->key_at, strstr(text, "\xc3") - text);
	item = item->first->next;
	assert_int_equal(item->at, strstr(text, "yy") - text);
	arena_done(&a);
}

static void what_can_be_read_in_two_ways_is_refused(void **state)
{
	(void)state;
	refused("a: &x 1\nb: 2\n", ERR_INVALID, "t.yaml:1:4: anchors (&name) are not accepted");
	refused("a: 1\nb: *x\n", ERR_INVALID, "t.yaml:2:4: aliases (*name) are not accepted");
	refused("a: !!str 1\n", ERR_INVALID, "t.yaml:1:4: tags (!name) are not accepted");
	refused("a: !secret [x]\n", ERR_INVALID, "t.yaml:1:4: tags (!name) are not accepted");
	refused("a:\n  <<: {b: 1}\n", ERR_INVALID, "t.yaml:2:3: merge keys (<<) are not accepted");
	refused("a: 1\n---\nb: 2\n", ERR_INVALID,
		"t.yaml:2:1: a second document (---) is not accepted");
	refused("%YAML 1.1\n---\na: yes\n", ERR_INVALID,
		"t.yaml:1:1: directives (%) are not accepted");
	refused("a: 1\nb: 2\na: 3\n", ERR_INVALID, "t.yaml:3:1: key 'a' comes twice");
	refused("{x: {'k': 1, k: 2}}", ERR_INVALID, "t.yaml:1:14: key 'k' comes twice");
	refused("{[a]: 1}", ERR_INVALID, "t.yaml:1:2: a key must be a plain word");
	refused("? {a: b}\n: 1\n", ERR_INVALID, "t.yaml:1:3: a key must be a plain word");
	refused("'': 1", ERR_INVALID, "t.yaml:1:1: a key is empty");
	refused("a: .inf", ERR_INVALID,
		"t.yaml:1:4: infinity and not-a-number are not accepted; quote it if it is text");
	refused("text", ERR_INVALID, "t.yaml:1:1: expected a mapping or a list");
	refused(" |\n a\n    b\n", ERR_INVALID, "t.yaml:2:1: expected a mapping or a list");
	refused("", ERR_INVALID, "t.yaml:1:1: the file is empty");
	refused("# nothing\n", ERR_INVALID, "t.yaml:1:1: the file is empty");
	refused("a: \"\\0\"", ERR_INVALID, "t.yaml:1:4: a NUL character is not accepted");
	refused("a: \x01", ERR_INVALID, "t.yaml:1:4: a control character is not accepted");
	refused("a: \xff", ERR_INVALID, "t.yaml: not UTF-8");
	refused("\xef\xbb\xbf"
		"a: 1",
		ERR_INVALID, "t.yaml:1:1: starts with a byte order mark; save it without one");
}

static void syntax_errors_say_where(void **state)
{
	static const char *const bad[] = {
		"a: [1, 2\n",     "a: 'x\n",     "a: b: c\n", "a:\n\t- b\n",
		"a: 1\n  b: 2\n", "- a\nb: 1\n", "{a: 1",     "]"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = {0};
		const struct json *root = NULL;
		struct arena a;

		arena_init(&a, 1 << 20);
		assert_int_equal(yaml_parse(&a, STR("t.yaml"), str_from_c(bad[i]), &root, &err),
				 ERR_SYNTAX);
		print_message("%s\n", err.msg);
		assert_memory_equal(err.msg, "t.yaml:", 7);
		assert_true(err.msg[7] >= '1' && err.msg[7] <= '9');
		arena_done(&a);
	}
}

static void size_depth_and_count_are_bounded(void **state)
{
	struct err err = {0};
	const struct json *root = NULL;
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, 64 << 20);
	buf_init(&b, 1 << 20);
	for (int i = 0; i < YAML_MAX_DEPTH + 1; i++) {
		buf_append_c(&b, '[');
	}
	assert_int_equal(yaml_parse(&a, STR("t"), buf_str(&b), &root, &err), ERR_LIMIT);
	assert_string_equal(err.msg, "t: nesting deeper than 32");
	buf_clear(&b);
	for (int i = 0; i < 50000; i++) {
		buf_append(&b, STR("[\n"));
	}
	assert_int_not_equal(yaml_parse(&a, STR("t"), buf_str(&b), &root, &err), ERR_OK);
	buf_clear(&b);
	for (int i = 0; i <= YAML_MAX_NODES; i++) {
		buf_append(&b, STR("- 1\n"));
	}
	assert_int_equal(yaml_parse(&a, STR("t"), buf_str(&b), &root, &err), ERR_LIMIT);
	buf_clear(&b);
	for (int i = 0; i < YAML_MAX_BYTES; i++) {
		buf_append(&b, STR("#"));
	}
	buf_append(&b, STR("#"));
	assert_int_equal(yaml_parse(&a, STR("t"), buf_str(&b), &root, &err), ERR_LIMIT);
	assert_string_equal(err.msg, "t: larger than 256 KiB");
	buf_done(&b);
	arena_done(&a);
}

static void a_small_arena_is_an_error_and_not_a_crash(void **state)
{
	static const char text[] = "a: [1, two, {three: 4}]\nb: {c: 'd', e: 0x10}\n";
	bool done = false;

	(void)state;
	for (size_t limit = 0; limit < 65536 && !done; limit += 16) {
		const struct json *root = NULL;
		struct err err = {0};
		struct arena a;
		enum err_code code;

		arena_init(&a, limit);
		code = yaml_parse(&a, STR("t"), str_from_c(text), &root, &err);
		assert_true(code == ERR_OK || code == ERR_NOMEM);
		done = code == ERR_OK;
		arena_done(&a);
	}
	assert_true(done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_scalars_follow_the_core_schema),
		cmocka_unit_test(blocks_flows_and_empty_values_become_one_tree),
		cmocka_unit_test(nodes_know_their_place),
		cmocka_unit_test(what_can_be_read_in_two_ways_is_refused),
		cmocka_unit_test(syntax_errors_say_where),
		cmocka_unit_test(size_depth_and_count_are_bounded),
		cmocka_unit_test(a_small_arena_is_an_error_and_not_a_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
