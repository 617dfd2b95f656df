/* SPDX-License-Identifier: Apache-2.0 */
/* MODEL-5: what would make a back end reach past the decision is refused, however it is spelled. */
#include "tests/test.h"

#include "model/request.h"
#include "json/parse.h"

struct fixture {
	struct arena arena;
	struct model_request q;
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

static enum model_error parse(struct fixture *f, enum model_api api, const char *body)
{
	return model_request_parse(&f->arena, api, str_from_c(body), NULL, &f->q, &f->why);
}

#define ASK "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"

static void each_address_has_its_input(void **state)
{
	struct fixture *f = *state;

	for (enum model_api api = MODEL_API_CHAT; api < MODEL_API_MAX; api++) {
		assert_int_equal(model_api_find(model_api_info(api)->path), api);
		assert_int_not_equal(parse(f, api, "{\"model\":\"m\"}"), MODEL_ERROR_NONE);
		assert_int_equal(
			parse(f, api, "{\"model\":\"m\"," ASK ",\"input\":\"hi\"," ASK "}"),
			MODEL_ERROR_JSON);
	}
	assert_int_equal(model_api_find(STR("files")), MODEL_API_NONE);
	assert_int_equal(
		parse(f, MODEL_API_EMBEDDINGS, "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}"),
		MODEL_ERROR_NONE);
	assert_int_equal(f->q.input_bytes, 9);
	assert_int_equal(parse(f, MODEL_API_COMPLETIONS, "{\"model\":\"m\",\"prompt\":\"a\"}"),
			 MODEL_ERROR_NONE);
	assert_int_equal(parse(f, MODEL_API_MESSAGES, "{\"model\":\"m\",\"max_tokens\":9," ASK "}"),
			 MODEL_ERROR_NONE);
	assert_int_equal(f->q.max_tokens, 9);
	assert_int_equal(parse(f, MODEL_API_MESSAGES, "{\"model\":\"m\",\"messages\":\"hi\"}"),
			 MODEL_ERROR_INPUT);
	assert_int_equal(
		parse(f, MODEL_API_EMBEDDINGS, "{\"model\":\"m\",\"input\":\"a\",\"stream\":true}"),
		MODEL_ERROR_STREAM);
	assert_int_equal(
		parse(f, MODEL_API_RESPONSES, "{\"model\":\"m\",\"Model\":\"n\",\"input\":\"a\"}"),
		MODEL_ERROR_IMITATION);
}

static void splice(struct fixture *f, enum model_api api, const char *body, const char *want)
{
	struct buf out;

	assert_int_equal(parse(f, api, body), MODEL_ERROR_NONE);
	buf_init(&out, 4096);
	model_request_splice(&out, &f->q, STR("back"));
	assert_str_equal(buf_str(&out), str_from_c(want));
	buf_done(&out);
}

static void nothing_is_stored_and_everything_else_passes_unchanged(void **state)
{
	struct fixture *f = *state;

	splice(f, MODEL_API_RESPONSES, " {\"input\": \"a\",\"model\":\"m\", \"x\":1.0}",
	       "{\"store\":false,\"input\": \"a\",\"model\":\"back\", \"x\":1.0}");
	splice(f, MODEL_API_RESPONSES, "{\"store\":true,\"model\":\"m\",\"input\":\"a\"}",
	       "{\"store\":false,\"model\":\"back\",\"input\":\"a\"}");
	splice(f, MODEL_API_RESPONSES, "{\"model\":\"m\",\"input\":\"a\",\"store\":null}",
	       "{\"model\":\"back\",\"input\":\"a\",\"store\":false}");
	splice(f, MODEL_API_CHAT, "{\"model\":\"m\"," ASK "}", "{\"model\":\"back\"," ASK "}");
	splice(f, MODEL_API_CHAT, "{\"store\":true,\"model\":\"m\"," ASK "}",
	       "{\"store\":false,\"model\":\"back\"," ASK "}");
}

static void a_salt_takes_the_place_of_the_clients(void **state)
{
	static const char *const in[] = {"{\"cache_salt\":\"x\",\"store\":true,\"model\":\"m\"," ASK
					 "}",
					 "{\"model\":\"m\"," ASK "}"};
	static const char *const want[] = {
		"{\"cache_salt\":\"s\",\"store\":false,\"model\":\"back\"," ASK "}",
		"{\"cache_salt\":\"s\",\"model\":\"back\"," ASK "}"};
	struct fixture *f = *state;
	struct buf out;

	for (size_t i = 0; i < ARRAY_LEN(in); i++) {
		assert_int_equal(parse(f, MODEL_API_CHAT, in[i]), MODEL_ERROR_NONE);
		f->q.say_salt = STR("s");
		buf_init(&out, 4096);
		model_request_splice(&out, &f->q, STR("back"));
		assert_str_equal(buf_str(&out), str_from_c(want[i]));
		buf_done(&out);
	}
	splice(f, MODEL_API_CHAT, in[0],
	       "{\"cache_salt\":\"x\",\"store\":false,\"model\":\"back\"," ASK "}");
	assert_int_equal(parse(f, MODEL_API_CHAT, "{\"Cache_Salt\":\"x\",\"model\":\"m\"," ASK "}"),
			 MODEL_ERROR_IMITATION);
}

#define PART(part)                                                                                 \
	"{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":[" part    \
	"]}]}"

static void content_whose_bytes_say_nothing_of_tokens_is_told(void **state)
{
	static const char *const measured[] = {
		PART("{\"type\":\"text\",\"text\":\"input_audio\"}"),
		PART("{\"image_url\":{\"url\":\"data:image/png;base64,AA\"}}"),
		PART("{\"file\":{\"file_data\":\"data:text/plain;base64,AA\"}}"),
		PART("{\"source\":{\"media_type\":\"image/png\",\"data\":\"AA\"}}"),
		PART("{\"source\":{\"media_type\":\"text/plain\",\"data\":\"AA\"}}"),
		PART("{\"input_audio\":null}"),
	};
	static const char *const unmeasured[] = {
		PART("{\"image_url\":{\"url\":\"data:video/mp4;base64,AA\"}}"),
		PART("{\"video_url\":{\"url\":\"data:image/png;base64,AA\"}}"),
		PART("{\"audio_url\":\"data:text/plain,AA\"}"),
		PART("{\"file\":{\"file_data\":\"data:application/pdf;base64,AA\"}}"),
		PART("{\"file\":{\"file_data\":\"AA\"}}"),
		PART("{\"source\":{\"media_type\":\"application/pdf\",\"data\":\"AA\"}}"),
		PART("{\"input_audio\":{\"format\":\"wav\",\"data\":\"AA\"}}"),
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(measured); i++) {
		assert_int_equal(parse(f, MODEL_API_CHAT, measured[i]), MODEL_ERROR_NONE);
		assert_false(f->q.unmeasured);
	}
	for (size_t i = 0; i < ARRAY_LEN(unmeasured); i++) {
		assert_int_equal(parse(f, MODEL_API_MESSAGES, unmeasured[i]), MODEL_ERROR_NONE);
		assert_true(f->q.unmeasured);
	}
}

static void what_reaches_past_the_decision_is_refused(void **state)
{
	static const struct {
		enum model_api api;
		enum model_error e;
		const char *rest;
	} rows[] = {
		{MODEL_API_RESPONSES, MODEL_ERROR_REMOTE,
		 "\"input\":[{\"image_url\":\"http://x\"}]"},
		{MODEL_API_RESPONSES, MODEL_ERROR_REMOTE, "\"input\":[{\"file_url\":\"ftp://x\"}]"},
		{MODEL_API_RESPONSES, MODEL_ERROR_REMOTE,
		 "\"input\":[{\"image_url\":\"\\u0064ata:x\"}]"},
		{MODEL_API_RESPONSES, MODEL_ERROR_IMITATION,
		 "\"input\":[{\"image_ur\\u006c\":\"http://x\"}]"},
		{MODEL_API_RESPONSES, MODEL_ERROR_IMITATION,
		 "\"input\":[{\"Image_URL\":\"http://x\"}]"},
		{MODEL_API_RESPONSES, MODEL_ERROR_STATE, "\"input\":[{\"file_id\":\"f\"}]"},
		{MODEL_API_RESPONSES, MODEL_ERROR_STATE,
		 "\"input\":\"x\",\"previous_response_id\":\"r\""},
		{MODEL_API_RESPONSES, MODEL_ERROR_STATE, "\"input\":\"x\",\"conversation\":\"c\""},
		{MODEL_API_RESPONSES, MODEL_ERROR_STATE, "\"input\":\"x\",\"background\":true"},
		{MODEL_API_RESPONSES, MODEL_ERROR_STATE,
		 "\"input\":\"x\",\"prompt\":{\"id\":\"p\"}"},
		{MODEL_API_RESPONSES, MODEL_ERROR_BUILTIN,
		 "\"input\":\"x\",\"tools\":[{\"type\":\"code_interpreter\"}]"},
		{MODEL_API_RESPONSES, MODEL_ERROR_BUILTIN,
		 "\"input\":\"x\",\"tools\":[{\"type\":\"mcp\",\"server_url\":\"http://x\"}]"},
		{MODEL_API_CHAT, MODEL_ERROR_BUILTIN, ASK ",\"web_search_options\":{}"},
		{MODEL_API_CHAT, MODEL_ERROR_REMOTE,
		 "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
		 "\"image_url\":{\"url\":\"https://x\"}}]}]"},
		{MODEL_API_MESSAGES, MODEL_ERROR_BUILTIN, ASK ",\"mcp_servers\":[{}]"},
		{MODEL_API_MESSAGES, MODEL_ERROR_REMOTE,
		 "\"messages\":[{\"role\":\"user\",\"content\":[{\"source\":{\"type\":\"url\","
		 "\"url\":\"https://x\"}}]}]"},
		{MODEL_API_COUNT_TOKENS, MODEL_ERROR_REMOTE,
		 ASK ",\"system\":[{\"source\":{\"url\":\"https://x\"}}]"},
	};
	struct fixture *f = *state;
	char body[512];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		(void)snprintf(body, sizeof(body), "{\"model\":\"m\",%s}", rows[i].rest);
		if (parse(f, rows[i].api, body) != rows[i].e) {
			fail_msg("%s", body);
		}
	}
}

static void what_only_looks_like_it_passes(void **state)
{
	static const char *const rows[] = {
		"\"messages\":[{\"role\":\"user\",\"content\":\"see https://x\"}]",
		"\"messages\":[{\"role\":\"user\",\"content\":[{\"image_url\":\"data:image/"
		"png,x\"}]}]",
		"\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\","
		"\"input\":"
		"{\"url\":\"https://x\"}}]}]",
		ASK ",\"tools\":[{\"name\":\"fetch\",\"input_schema\":{\"properties\":{\"url\":"
		    "{\"type\":\"string\",\"examples\":[{\"url\":\"https://x\"}]}}}}]",
		ASK ",\"tools\":[{\"type\":\"custom\",\"name\":\"f\"}],\"container\":null",
		ASK ",\"background\":false,\"previous_response_id\":null",
	};
	struct fixture *f = *state;
	char body[512];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		(void)snprintf(body, sizeof(body), "{\"model\":\"m\",%s}", rows[i]);
		if (parse(f, MODEL_API_MESSAGES, body) != MODEL_ERROR_NONE) {
			fail_msg("%s", body);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_address_has_its_input, setup, teardown),
		cmocka_unit_test_setup_teardown(
			nothing_is_stored_and_everything_else_passes_unchanged, setup, teardown),
		cmocka_unit_test_setup_teardown(a_salt_takes_the_place_of_the_clients, setup,
						teardown),
		cmocka_unit_test_setup_teardown(content_whose_bytes_say_nothing_of_tokens_is_told,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_reaches_past_the_decision_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_only_looks_like_it_passes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
