/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "model/translate.h"

static struct arena arena;
static struct buf out;

static int begin(void **state)
{
	(void)state;
	arena_init(&arena, 16 << 20);
	buf_init(&out, 16 << 20);
	return 0;
}

static int end(void **state)
{
	(void)state;
	buf_done(&out);
	arena_done(&arena);
	return 0;
}

/* What the back end is asked, or the name of what has no equal. */
static struct str ask(enum model_api from, enum model_api to, const char *text)
{
	struct model_request q;
	struct str what;

	buf_clear(&out);
	assert_int_equal(model_request_parse(&arena, from, str_from_c(text), NULL, &q, NULL),
			 MODEL_ERROR_NONE);
	if (model_translate_request(&out, &arena, &q, to, STR("back"), &model_engine_plain.quirks,
				    0, &what)) {
		return what;
	}
	return buf_str(&out);
}

static struct str told(enum model_api from, enum model_api client, const char *stream, size_t cut,
		       bool *ret_whole)
{
	struct model_translation t;
	struct str all = str_from_c(stream);

	buf_clear(&out);
	model_translation_init(&t, from, client, true, true, STR("m"), 5, &out);
	for (size_t at = 0; at < all.n; at += cut) {
		model_translation_feed(&t,
				       str_make(all.p + at, all.n - at < cut ? all.n - at : cut));
	}
	*ret_whole = model_translation_end(&t);
	model_translation_done(&t);
	return buf_str(&out);
}

static void calls_and_their_results_keep_their_places(void **state)
{
	(void)state;
	assert_str_equal(
		ask(MODEL_API_MESSAGES, MODEL_API_CHAT,
		    "{\"model\":\"m\",\"max_tokens\":9,\"system\":\"s\",\"messages\":["
		    "{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":[{"
		    "\"type\":\"text\",\"text\":\"t\"},{\"type\":\"tool_use\",\"id\":\"a\","
		    "\"name\":\"f\",\"input\":{\"x\":1.0}}]},{\"role\":\"user\",\"content\":[{"
		    "\"type\":\"tool_result\",\"tool_use_id\":\"a\",\"content\":\"r\","
		    "\"is_error\":true},{\"type\":\"text\",\"text\":\"and\"}]}]}"),
		STR("{\"model\":\"back\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},"
		    "{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":"
		    "\"t\",\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{"
		    "\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1.0}\"}}]},{\"role\":\"tool\","
		    "\"tool_call_id\":\"a\",\"content\":\"Error: r\"},{\"role\":\"user\","
		    "\"content\":\"and\"}],\"max_tokens\":9}"));
	assert_str_equal(
		ask(MODEL_API_CHAT, MODEL_API_MESSAGES,
		    "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\","
		    "\"content\":\"q\"},{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\","
		    "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}},{"
		    "\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"g\","
		    "\"arguments\":\"{\\\"x\\\":1}\"}}]},{\"role\":\"tool\",\"tool_call_id\":"
		    "\"a\",\"content\":\"1\"},{\"role\":\"tool\",\"tool_call_id\":\"b\","
		    "\"content\":\"2\"}]}"),
		STR("{\"model\":\"back\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\","
		    "\"content\":[{\"type\":\"text\",\"text\":\"q\"}]},{\"role\":\"assistant\","
		    "\"content\":[{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":{}"
		    "},{\"type\":\"tool_use\",\"id\":\"b\",\"name\":\"g\",\"input\":{\"x\":1}}]},"
		    "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":"
		    "\"a\",\"content\":\"1\"},{\"type\":\"tool_result\",\"tool_use_id\":\"b\","
		    "\"content\":\"2\"}]}]}"));
}

static void what_has_no_equal_is_named(void **state)
{
	static const struct {
		enum model_api from, to;
		const char *text, *name;
	} cases[] = {
		{MODEL_API_CHAT, MODEL_API_MESSAGES,
		 "{\"model\":\"m\",\"max_tokens\":1,\"seed\":1,\"messages\":[{\"role\":\"user\","
		 "\"content\":\"x\"}]}",
		 "seed"},
		{MODEL_API_CHAT, MODEL_API_MESSAGES,
		 "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
		 "a request without max_tokens"},
		{MODEL_API_CHAT, MODEL_API_MESSAGES,
		 "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":"
		 "\"x\"},{\"role\":\"system\",\"content\":\"s\"}]}",
		 "a system message after others"},
		{MODEL_API_CHAT, MODEL_API_MESSAGES,
		 "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{\"role\":\"assistant\","
		 "\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\","
		 "\"arguments\":\"{\"}}]}]}",
		 "arguments of a call that are no JSON object"},
		{MODEL_API_MESSAGES, MODEL_API_CHAT,
		 "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":[{"
		 "\"type\":\"document\",\"source\":{}}]}]}",
		 "messages[].content[].document"},
		{MODEL_API_MESSAGES, MODEL_API_CHAT,
		 "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":"
		 "\"x\",\"weight\":2}]}",
		 "messages[].weight"},
		{MODEL_API_RESPONSES, MODEL_API_CHAT,
		 "{\"model\":\"m\",\"input\":\"x\",\"truncation\":\"auto\"}", "truncation"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_str_equal(ask(cases[i].from, cases[i].to, cases[i].text),
				 str_from_c(cases[i].name));
	}
}

static const char *const chat_stream =
	"data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\","
	"\"content\":\"\"}}]}\n\n"
	"data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n"
	"data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,"
	"\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}\n\n"
	"data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":"
	"\"tool_calls\"}]}\n\n"
	"data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,"
	"\"prompt_tokens_details\":{\"cached_tokens\":4}}}\n\n"
	"data: [DONE]\n\n";

static void a_stream_is_told_event_by_event(void **state)
{
	static const char *const wanted =
		"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":"
		"\"msg_c\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":"
		"[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":0,"
		"\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":"
		"0}}}\n\n"
		"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
		"\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
		"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
		"\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n"
		"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
		"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,"
		"\"content_block\":{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":{}}"
		"}\n\n"
		"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,"
		"\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}}\n\n"
		"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n"
		"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{"
		"\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":{\"input_tokens\":"
		"5,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":4,"
		"\"output_tokens\":2}}\n\n"
		"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
	bool whole;

	(void)state;
	for (size_t cut = 1; cut < 400; cut += 37) {
		assert_str_equal(told(MODEL_API_CHAT, MODEL_API_MESSAGES, chat_stream, cut, &whole),
				 str_from_c(wanted));
		assert_true(whole);
	}
}

static void a_stream_that_breaks_off_does_not_look_complete(void **state)
{
	static const enum model_api clients[] = {MODEL_API_CHAT, MODEL_API_MESSAGES,
						 MODEL_API_RESPONSES};
	struct str all = str_from_c(chat_stream);
	bool whole;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
		/* up to, but without, why it stopped */
		size_t n = str_find_str(all, STR("{},\"finish_reason\""));
		struct str part = arena_dup(&arena, str_make(all.p, n));
		struct str got = told(MODEL_API_CHAT, clients[i], part.p, part.n, &whole);

		assert_false(whole);
		assert_int_equal(str_find_str(got, STR("[DONE]")), got.n);
		assert_int_equal(str_find_str(got, STR("message_stop")), got.n);
		assert_int_equal(str_find_str(got, STR("response.completed")), got.n);
	}
}

static void a_back_end_of_responses_alone_is_asked_and_heard(void **state)
{
	static const char stream[] =
		"data: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\"}}\n\n"
		"data: {\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{"
		"\"type\":\"message\"}}\n\n"
		"data: "
		"{\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"hi\"}\n\n"
		"data: {\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{"
		"\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"hi\"}]}}"
		"\n\n"
		"data: "
		"{\"type\":\"response.output_item.added\",\"output_index\":1,\"item\":{\"type\":"
		"\"function_call\",\"call_id\":\"c\",\"name\":\"f\"}}\n\n"
		"data: "
		"{\"type\":\"response.output_item.done\",\"output_index\":1,\"item\":{\"type\":"
		"\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"}}\n\n"
		"data: "
		"{\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":3,"
		"\"output_tokens\":2}}}\n\n";
	struct str s;
	bool whole;

	(void)state;
	s = ask(MODEL_API_CHAT, MODEL_API_RESPONSES,
		"{\"model\":\"m\",\"max_tokens\":5,\"messages\":["
		"{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"u\"},"
		"{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c\",\"type\":"
		"\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
		"{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"r\"}],"
		"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}");
	assert_str_equal(
		s,
		STR("{\"model\":\"back\",\"store\":false,\"input\":["
		    "{\"type\":\"message\",\"role\":\"system\",\"content\":[{\"type\":"
		    "\"input_text\",\"text\":\"s\"}]},"
		    "{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":"
		    "\"input_text\",\"text\":\"u\"}]},"
		    "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":"
		    "\"{}\"},"
		    "{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"r\"}],"
		    "\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{\"type\":"
		    "\"object\",\"properties\":{}},\"strict\":false}],\"max_output_tokens\":5}"));
	for (size_t cut = 1; cut < sizeof(stream); cut += 7) {
		s = told(MODEL_API_RESPONSES, MODEL_API_CHAT, stream, cut, &whole);
		assert_true(whole);
		assert_true(str_find_str(s, STR("\"content\":\"hi\"")) < s.n);
		assert_true(str_find_str(s, STR("\"arguments\":\"{}\"")) < s.n);
		assert_true(str_find_str(s, STR("\"finish_reason\":\"tool_calls\"")) < s.n);
		assert_true(str_find_str(s, STR("\"prompt_tokens\":3")) < s.n);
		assert_true(str_ends_with(s, STR("data: [DONE]\n\n")));
	}
	s = ask(MODEL_API_CHAT, MODEL_API_RESPONSES,
		"{\"model\":\"m\",\"stop\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":"
		"\"u\"}]}");
	assert_str_equal(s, STR("stop"));
	(void)told(MODEL_API_RESPONSES, MODEL_API_MESSAGES,
		   "data: {\"type\":\"response.output_item.added\",\"item\":{\"type\":"
		   "\"web_search_call\"}}\n\n",
		   1000, &whole);
	assert_false(whole);
}

static void an_error_in_the_middle_is_an_error_in_every_dialect(void **state)
{
	static const struct {
		enum model_api client;
		const char *says;
	} cases[] = {
		{MODEL_API_CHAT, "data: {\"error\":{\"message\":\"too much\""},
		{MODEL_API_MESSAGES, "event: error\ndata: {\"type\":\"error\",\"error\":{"
				     "\"type\":\"api_error\",\"message\":\"too much\""},
		{MODEL_API_RESPONSES, "event: response.failed"},
	};
	bool whole;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str got = told(MODEL_API_MESSAGES, cases[i].client,
				      "data: {\"type\":\"message_start\",\"message\":{}}\n\n"
				      "data: {\"type\":\"error\",\"error\":{\"type\":"
				      "\"overloaded_error\",\"message\":\"too much\"}}\n\n",
				      1000, &whole);

		assert_true(str_find_str(got, str_from_c(cases[i].says)) < got.n);
	}
}

static void calls_that_interleave_end_a_stream_whose_dialect_has_them_one_by_one(void **state)
{
	bool whole;

	(void)state;
	(void)told(MODEL_API_CHAT, MODEL_API_MESSAGES,
		   "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\","
		   "\"function\":{\"name\":\"f\",\"arguments\":\"\"}},{\"index\":1,\"id\":\"b\","
		   "\"function\":{\"name\":\"g\",\"arguments\":\"\"}}]}}]}\n\n"
		   "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{"
		   "\"arguments\":\"{}\"}}]}}]}\n\n"
		   "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
		   "data: [DONE]\n\n",
		   1000, &whole);
	assert_false(whole);
}

static void every_engine_of_the_configuration_is_known(void **state)
{
	static const char *const engines[] = {"vllm",    "sglang", "llama-server", "ollama",
					      "mistral", "openai", "anthropic"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(engines); i++) {
		const struct model_engine *e = model_engine_find(str_from_c(engines[i]));

		assert_non_null(e);
		assert_int_not_equal(model_api_for(MODEL_API_CHAT, e->speaks), MODEL_API_NONE);
	}
	assert_int_equal(
		model_api_for(MODEL_API_EMBEDDINGS, model_engine_find(STR("anthropic"))->speaks),
		MODEL_API_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_and_their_results_keep_their_places),
		cmocka_unit_test(what_has_no_equal_is_named),
		cmocka_unit_test(a_stream_is_told_event_by_event),
		cmocka_unit_test(a_stream_that_breaks_off_does_not_look_complete),
		cmocka_unit_test(a_back_end_of_responses_alone_is_asked_and_heard),
		cmocka_unit_test(an_error_in_the_middle_is_an_error_in_every_dialect),
		cmocka_unit_test(
			calls_that_interleave_end_a_stream_whose_dialect_has_them_one_by_one),
		cmocka_unit_test(every_engine_of_the_configuration_is_known),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
