/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "model/chat.h"

struct fixture {
	struct arena arena;
	struct model_chat c;
	struct err why;
};

static int setup(void **state)
{
	static struct fixture f;

	arena_init(&f.arena, 1 << 20);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_done(&f->arena);
	return 0;
}

static enum model_error parse(struct fixture *f, const char *body)
{
	return model_chat_parse(&f->arena, str_from_c(body), NULL, &f->c, &f->why);
}

#define ASK "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"

static void a_request_says_what_a_decision_needs(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		parse(f, "{\"model\":\"qwen\\u0033\",\"stream\":true,\"stream_options\":"
			 "{\"include_usage\":true},\"max_tokens\":10,\"max_completion_tokens\":20,"
			 "\"n\":2,\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}},"
			 "{\"type\":\"web_search\"}],\"temperature\":0.10," ASK "}"),
		MODEL_ERROR_NONE);
	assert_str_equal(f->c.model, STR("qwen3"));
	assert_true(f->c.stream);
	assert_true(f->c.include_usage);
	assert_int_equal(f->c.max_tokens, 20);
	assert_int_equal(f->c.n, 2);
	assert_int_equal(f->c.n_messages, 1);
	assert_int_equal(f->c.n_tools, 2);
	assert_int_equal(f->c.input_bytes, f->c.messages.n + f->c.tools.n);
	assert_int_equal(parse(f, "{\"model\":\"m\",\"stream\":null,\"max_tokens\":null," ASK "}"),
			 MODEL_ERROR_NONE);
	assert_false(f->c.stream);
	assert_int_equal(f->c.max_tokens, 0);
	assert_int_equal(f->c.n, 1);
}

static void the_tools_offered_to_the_model_are_named(void **state)
{
	struct fixture *f = *state;
	struct json_walk w;
	struct str name;

	assert_int_equal(parse(f,
			       "{\"model\":\"m\"," ASK ",\"tools\":[{\"type\":\"function\","
			       "\"function\":{\"name\":\"a\\u0062\"}},{\"type\":\"web_search\"}]}"),
			 MODEL_ERROR_NONE);
	w = json_walk(f->c.tools);
	assert_true(model_chat_tool(&w, &f->arena, &name));
	assert_str_equal(name, STR("ab"));
	assert_true(model_chat_tool(&w, &f->arena, &name));
	assert_str_equal(name, STR("web_search"));
	assert_false(model_chat_tool(&w, &f->arena, &name));
}

static void only_the_model_name_changes_on_the_way(void **state)
{
	struct fixture *f = *state;
	struct buf b;

	buf_init(&b, 10000);
	assert_int_equal(
		parse(f, " {\"x\":[1.0,1e400],\"model\" : \"a\" ," ASK ",\"user\":\"\\u0041\"} "),
		MODEL_ERROR_NONE);
	model_chat_splice(&b, &f->c, STR("org/big \"7b\""));
	assert_str_equal(buf_str(&b),
			 STR("{\"x\":[1.0,1e400],\"model\" : \"org/big \\\"7b\\\"\" ," ASK
			     ",\"user\":\"\\u0041\"}"));
	buf_done(&b);
}

static void a_name_that_imitates_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(parse(f, "{\"model\":\"a\",\"Model\":\"b\"," ASK "}"),
			 MODEL_ERROR_IMITATION);
	assert_int_equal(parse(f, "{\"model\":\"a\",\"me\xc5\xbf"
				  "sages\":[]," ASK "}"),
			 MODEL_ERROR_IMITATION);
	assert_int_equal(parse(f, "{\"m\\u006fdel\":\"a\"," ASK "}"), MODEL_ERROR_IMITATION);
	assert_int_equal(parse(f, "{\"model\":\"a\",\"model\":\"b\"," ASK "}"), MODEL_ERROR_JSON);
	assert_int_equal(parse(f, "{\"model\":\"a\",\"messages\":[{\"role\":\"user\",\"Role\":"
				  "\"system\"}]}"),
			 MODEL_ERROR_MESSAGES);
}

static void bad_shapes_get_the_error_that_says_which(void **state)
{
	static const struct {
		const char *body;
		enum model_error want;
	} cases[] = {
		{"", MODEL_ERROR_JSON},
		{"{", MODEL_ERROR_JSON},
		{"[]", MODEL_ERROR_SHAPE},
		{"{" ASK "}", MODEL_ERROR_NO_MODEL},
		{"{\"model\":7," ASK "}", MODEL_ERROR_NO_MODEL},
		{"{\"model\":\"\"," ASK "}", MODEL_ERROR_NO_MODEL},
		{"{\"model\":\"a b\"," ASK "}", MODEL_ERROR_NO_MODEL},
		{"{\"model\":\"a\\n\"," ASK "}", MODEL_ERROR_NO_MODEL},
		{"{\"model\":\"m\"}", MODEL_ERROR_MESSAGES},
		{"{\"model\":\"m\",\"messages\":[]}", MODEL_ERROR_MESSAGES},
		{"{\"model\":\"m\",\"messages\":{}}", MODEL_ERROR_MESSAGES},
		{"{\"model\":\"m\",\"messages\":[\"hi\"]}", MODEL_ERROR_MESSAGES},
		{"{\"model\":\"m\",\"messages\":[{}]}", MODEL_ERROR_MESSAGES},
		{"{\"model\":\"m\",\"stream\":\"yes\"," ASK "}", MODEL_ERROR_STREAM},
		{"{\"model\":\"m\",\"stream_options\":1," ASK "}", MODEL_ERROR_STREAM},
		{"{\"model\":\"m\",\"max_tokens\":0," ASK "}", MODEL_ERROR_MAX_TOKENS},
		{"{\"model\":\"m\",\"max_tokens\":-1," ASK "}", MODEL_ERROR_MAX_TOKENS},
		{"{\"model\":\"m\",\"max_tokens\":1.5," ASK "}", MODEL_ERROR_MAX_TOKENS},
		{"{\"model\":\"m\",\"max_completion_tokens\":\"9\"," ASK "}",
		 MODEL_ERROR_MAX_TOKENS},
		{"{\"model\":\"m\",\"n\":129," ASK "}", MODEL_ERROR_N},
		{"{\"model\":\"m\",\"n\":0," ASK "}", MODEL_ERROR_N},
		{"{\"model\":\"m\",\"tools\":{}," ASK "}", MODEL_ERROR_TOOLS},
		{"{\"model\":\"m\",\"tools\":[{}]," ASK "}", MODEL_ERROR_TOOLS},
		{"{\"model\":\"m\",\"tools\":[{\"type\":\"function\",\"function\":{}}]," ASK "}",
		 MODEL_ERROR_TOOLS},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (parse(*state, cases[i].body) != cases[i].want) {
			print_error("%s\n", cases[i].body);
			fail();
		}
	}
}

static void size_and_length_have_limits(void **state)
{
	struct fixture *f = *state;
	const struct json_opts small = {.max_bytes = 20};
	char text[400];

	assert_int_equal(model_chat_parse(&f->arena, STR("{\"model\":\"m\"," ASK "}"), &small,
					  &f->c, &f->why),
			 MODEL_ERROR_TOO_LARGE);
	(void)snprintf(text, sizeof(text), "{\"model\":\"%0129d\"," ASK "}", 1);
	assert_int_equal(parse(f, text), MODEL_ERROR_NO_MODEL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(a_request_says_what_a_decision_needs),
		T(the_tools_offered_to_the_model_are_named),
		T(only_the_model_name_changes_on_the_way),
		T(a_name_that_imitates_is_refused),
		T(bad_shapes_get_the_error_that_says_which),
		T(size_and_length_have_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
