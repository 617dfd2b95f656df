/* SPDX-License-Identifier: Apache-2.0 */
/* Putting back what was taken out of a request, into streams of events. */
#include "model/restore.h"

#include "tests/test.h"

#define CHAT(index, delta) "data: {\"choices\":[{\"index\":" #index ",\"delta\":{" delta "}}]}\n\n"
#define SAYS(index, text)  CHAT(index, "\"content\":\"" text "\"")
#define END(index)         "data: {\"choices\":[{\"index\":" #index ",\"finish_reason\":\"stop\"}]}\n\n"

/* [email-1] is ann@x.org, [secret-1] has a line end in it. */
static void becomes(enum model_api api, const char *stream, const char *want)
{
	struct hash_key seed = {1, 2};
	struct str in = str_from_c(stream);
	struct model_restore r;
	struct detect_vault v;
	struct buf hidden, out;

	buf_init(&hidden, 1 << 16);
	detect_vault_init(&v, seed);
	assert_int_equal(detect_vault_hide(&v,
					   STR("\"ann@x.org -----BEGIN PRIVATE KEY-----\\nMIIBVg"
					       "\\n-----END PRIVATE KEY-----\""),
					   DETECT_ALL, &hidden, NULL),
			 ERR_OK);
	for (size_t step = 1; step <= in.n; step += in.n - 1) {
		buf_init(&out, 1 << 20);
		model_restore_init(&r, &v, api);
		for (size_t at = 0; at < in.n; at += step) {
			model_restore_feed(&r, str_make(in.p + at, step), &out);
		}
		model_restore_end(&r, &out);
		assert_str_equal(buf_str(&out), str_from_c(want));
		model_restore_done(&r);
		buf_done(&out);
	}
	detect_vault_done(&v);
	buf_done(&hidden);
}

static void split_placeholder_is_put_back(void **state)
{
	(void)state;
	becomes(MODEL_API_CHAT,
		SAYS(0, "to [em") SAYS(0, "ail") SAYS(0, "-1] now") "data: [DONE]\n\n",
		SAYS(0, "to ") SAYS(0, "") SAYS(0, "ann@x.org now") "data: [DONE]\n\n");
	becomes(MODEL_API_MESSAGES,
		"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
		"\"delta\":{\"type\":\"text_delta\",\"text\":\"[email-\"}}\n\n"
		"event: ping\ndata: {\"type\":\"ping\"}\n\n"
		"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
		"\"delta\":{\"type\":\"text_delta\",\"text\":\"1]\"}}\n\n",
		"event: ping\ndata: {\"type\":\"ping\"}\n\n"
		"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
		"\"delta\":{\"type\":\"text_delta\",\"text\":\"\"}}\n\n"
		"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
		"\"delta\":{\"type\":\"text_delta\",\"text\":\"ann@x.org\"}}\n\n");
}

static void what_only_begins_like_one_is_told_as_it_is(void **state)
{
	(void)state;
	becomes(MODEL_API_CHAT, SAYS(0, "an array [") SAYS(0, "0]") END(0),
		SAYS(0, "an array ") SAYS(0, "[0]") END(0));
	becomes(MODEL_API_CHAT, SAYS(0, "an array [") END(0), SAYS(0, "an array [") END(0));
	becomes(MODEL_API_CHAT, SAYS(0, "[email-") SAYS(0, "2] [card-1]"),
		SAYS(0, "") SAYS(0, "[email-2] [card-1]"));
}

static void answers_of_one_stream_wait_each_for_itself(void **state)
{
	(void)state;
	becomes(MODEL_API_CHAT,
		SAYS(0, "[em") SAYS(1, "[email") SAYS(0, "ail-1]") SAYS(1, "-1]") END(0) END(1),
		SAYS(0, "") SAYS(0, "ann@x.org") SAYS(1, "") SAYS(1, "ann@x.org") END(0) END(1));
}

static void other_text_of_an_answer_lets_go_what_waits(void **state)
{
	(void)state;
	becomes(MODEL_API_CHAT,
		SAYS(0, "[em") CHAT(0, "\"reasoning\":\"ail-1]\"") SAYS(0, "[email-1]"),
		SAYS(0, "[em") CHAT(0, "\"reasoning\":\"ail-1]\"") SAYS(0, "ann@x.org"));
}

static void arguments_stay_json(void **state)
{
	(void)state;
	becomes(MODEL_API_CHAT,
		CHAT(0, "\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\":"
			"\\\"[se\"}}]") CHAT(0, "\"tool_calls\":[{\"index\":0,\"function\":{"
						"\"arguments\":\"cret-1]\\\"}\"}}]"),
		CHAT(0, "\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\":"
			"\\\"\"}}]")
			CHAT(0, "\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
				"\"-----BEGIN PRIVATE KEY-----\\\\nMIIBVg\\\\n-----END PRIVATE "
				"KEY-----\\\"}\"}}]"));
	becomes(MODEL_API_RESPONSES,
		"data: "
		"{\"type\":\"response.function_call_arguments.delta\",\"delta\":\"[secret-1]\"}\n\n"
		"data: {\"type\":\"response.output_text.done\",\"text\":\"[secret-1]\"}\n\n",
		"data: {\"type\":\"response.function_call_arguments.delta\",\"delta\":\"-----BEGIN "
		"PRIVATE KEY-----\\\\nMIIBVg\\\\n-----END PRIVATE KEY-----\"}\n\n"
		"data: {\"type\":\"response.output_text.done\",\"text\":\"-----BEGIN PRIVATE "
		"KEY-----\\nMIIBVg\\n-----END PRIVATE KEY-----\"}\n\n");
}

static void what_is_no_event_passes(void **state)
{
	(void)state;
	becomes(MODEL_API_CHAT,
		SAYS(0, "[em") ": alive\n\ndata: no [email-1] JSON\n\n" SAYS(0,
									     "ail-1]") "data: cut",
		": alive\n\n" SAYS(0, "[em") "data: no [email-1] JSON\n\n" SAYS(
			0, "ail-1]") "data: cut");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split_placeholder_is_put_back),
		cmocka_unit_test(what_only_begins_like_one_is_told_as_it_is),
		cmocka_unit_test(answers_of_one_stream_wait_each_for_itself),
		cmocka_unit_test(other_text_of_an_answer_lets_go_what_waits),
		cmocka_unit_test(arguments_stay_json),
		cmocka_unit_test(what_is_no_event_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
