/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "model/meter.h"

static void what_writ_asked_for_is_taken_out_and_nothing_else(void **state)
{
	static const char *const stream =
		"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":null}\n\n"
		": still here\n\n"
		"data: {\"choices\": [] , \"usage\":{\"prompt_tokens\":1}}\r\n\r\n"
		"data: {\"choices\":[],\"usage\":null}\n\n"
		"data: [DONE]\n\ndata: rest";
	static const char *const wanted =
		"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":null}\n\n"
		": still here\n\n"
		"data: {\"choices\":[],\"usage\":null}\n\n"
		"data: [DONE]\n\ndata: rest";
	struct str all = str_from_c(stream);

	(void)state;
	for (size_t cut = 1; cut < all.n; cut += 3) {
		struct model_meter m;
		struct buf out;

		model_meter_init(&m);
		buf_init(&out, 1 << 20);
		for (size_t at = 0; at < all.n; at += cut) {
			model_meter_feed(&m,
					 str_make(all.p + at, all.n - at < cut ? all.n - at : cut),
					 &out);
		}
		model_meter_end(&m, &out);
		assert_str_equal(buf_str(&out), str_from_c(wanted));
		buf_done(&out);
		model_meter_done(&m);
	}
}

static void an_event_without_end_passes(void **state)
{
	struct model_meter m;
	struct buf out;
	char part[1000];
	size_t n = 0;

	(void)state;
	memset(part, 'x', sizeof(part));
	model_meter_init(&m);
	buf_init(&out, 4 << 20);
	for (; n < 2 << 20; n += sizeof(part)) {
		model_meter_feed(&m, str_make(part, sizeof(part)), &out);
	}
	model_meter_end(&m, &out);
	assert_int_equal(buf_len(&out), n);
	buf_done(&out);
	model_meter_done(&m);
}

static void the_request_says_the_limit_and_asks_for_usage(void **state)
{
	const struct model_quirks none = {false, false, false};
	struct model_request q;
	struct arena a;
	struct buf out;

	(void)state;
	arena_init(&a, 1 << 20);
	buf_init(&out, 1 << 20);
	assert_int_equal(model_request_parse(&a, MODEL_API_CHAT,
					     STR("{\"model\":\"m\",\"stream\":true,\"messages\":[{"
						 "\"role\":\"user\",\"content\":\"x\"}]}"),
					     NULL, &q, NULL),
			 MODEL_ERROR_NONE);
	assert_true(model_request_meter(&a, &q, 9, &none));
	model_request_splice(&out, &q, STR("b"));
	assert_str_equal(buf_str(&out),
			 STR("{\"max_tokens\":9,\"stream_options\":{\"include_usage\":true},"
			     "\"model\":\"b\",\"stream\":true,\"messages\":[{\"role\":\"user\","
			     "\"content\":\"x\"}]}"));
	buf_done(&out);
	arena_done(&a);
}

static bool bound(enum model_api api, const char *body, uint64_t *ret)
{
	struct model_request q;
	struct arena a;
	bool ok;

	arena_init(&a, 1 << 20);
	assert_int_equal(model_request_parse(&a, api, str_from_c(body), NULL, &q, NULL),
			 MODEL_ERROR_NONE);
	ok = model_output_bound(&a, &q, q.max_tokens ? q.max_tokens : 50, ret);
	arena_done(&a);
	return ok;
}

static void every_answer_to_every_prompt_counts(void **state)
{
	static const struct {
		enum model_api api;
		const char *body;
		uint64_t most;
	} cases[] = {
		{MODEL_API_COMPLETIONS, "{\"model\":\"m\",\"prompt\":\"x\"}", 50},
		{MODEL_API_COMPLETIONS, "{\"model\":\"m\",\"prompt\":[1,2,3],\"max_tokens\":7}", 7},
		{MODEL_API_COMPLETIONS, "{\"model\":\"m\",\"prompt\":[\"a\",\"b\"],\"n\":3}", 300},
		{MODEL_API_COMPLETIONS,
		 "{\"model\":\"m\",\"prompt\":[[1],[2]],\"best_of\":4,\"n\":2}", 400},
		{MODEL_API_COMPLETIONS,
		 "{\"model\":\"m\",\"prompt\":\"x\",\"max_tokens\":1,\"n_predict\":900}", 900},
		{MODEL_API_CHAT,
		 "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],"
		 "\"max_tokens\":9,\"n_predict\":80,\"prompt\":[\"a\",\"b\"]}",
		 80},
	};
	uint64_t most;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_true(bound(cases[i].api, cases[i].body, &most));
		assert_int_equal(most, cases[i].most);
	}
	assert_false(bound(MODEL_API_COMPLETIONS,
			   "{\"model\":\"m\",\"prompt\":\"x\",\"n_predict\":-1}", &most));
	assert_false(bound(MODEL_API_COMPLETIONS,
			   "{\"model\":\"m\",\"prompt\":[\"a\",\"b\"],"
			   "\"max_tokens\":18446744073709551615}",
			   &most));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_writ_asked_for_is_taken_out_and_nothing_else),
		cmocka_unit_test(an_event_without_end_passes),
		cmocka_unit_test(the_request_says_the_limit_and_asks_for_usage),
		cmocka_unit_test(every_answer_to_every_prompt_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
