/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "model/stream.h"

static struct model_outcome whole(const char *body)
{
	struct model_outcome o;
	struct arena a;

	arena_init(&a, 1 << 20);
	assert_int_equal(model_outcome_parse(&a, str_from_c(body), NULL, &o, NULL), ERR_OK);
	arena_done(&a);
	return o;
}

static void a_whole_answer_tells_usage_and_end(void **state)
{
	struct model_outcome o = whole(
		"{\"choices\":[{\"index\":0,\"finish_reason\":\"tool_calls\",\"message\":{"
		"\"content\":"
		"null}}],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,\"total_tokens\":"
		"18,"
		"\"prompt_tokens_details\":{\"cached_tokens\":4},\"completion_tokens_details\":"
		"{\"reasoning_tokens\":3}}}");

	(void)state;
	assert_true(o.usage.given);
	assert_int_equal(o.usage.input, 11);
	assert_int_equal(o.usage.output, 7);
	assert_int_equal(o.usage.cached, 4);
	assert_int_equal(o.usage.reasoning, 3);
	assert_int_equal(o.finish, MODEL_FINISH_TOOL_CALLS);
	assert_false(o.is_error);
	assert_str_equal(model_finish_name(o.finish), STR("tool_calls"));
}

static void a_count_that_is_no_plain_number_was_not_given(void **state)
{
	(void)state;
	assert_false(whole("{}").usage.given);
	assert_false(whole("{\"usage\":null}").usage.given);
	assert_false(whole("{\"usage\":{\"prompt_tokens\":1}}").usage.given);
	assert_false(
		whole("{\"usage\":{\"prompt_tokens\":-1,\"completion_tokens\":2}}").usage.given);
	assert_false(
		whole("{\"usage\":{\"prompt_tokens\":1.0,\"completion_tokens\":2}}").usage.given);
	assert_false(whole("{\"usage\":{\"prompt_tokens\":99999999999999999999,"
			   "\"completion_tokens\":2}}")
			     .usage.given);
	assert_false(whole("{\"usage\":{\"prompt_tokens\":9007199254740993,"
			   "\"completion_tokens\":2}}")
			     .usage.given);
	assert_int_equal(whole("{\"choices\":[{\"finish_reason\":\"odd\"}]}").finish,
			 MODEL_FINISH_OTHER);
	assert_int_equal(whole("{\"choices\":[{\"finish_reason\":null}]}").finish,
			 MODEL_FINISH_NONE);
	assert_true(whole("{\"error\":{\"message\":\"x\"}}").is_error);
}

static void an_answer_that_is_no_object_is_refused(void **state)
{
	struct model_outcome o;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	assert_int_equal(model_outcome_parse(&a, STR("[]"), NULL, &o, NULL), ERR_INVALID);
	assert_int_equal(model_outcome_parse(&a, STR("<html>"), NULL, &o, NULL), ERR_SYNTAX);
	arena_done(&a);
}

static const struct str stream = STR_INIT(
	": ping\r\n\r\n"
	"data: "
	"{\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":null}],\"usage\":null}\n\n"
	"data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\r\n\r\n"
	"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\n"
	"data: [DONE]\n\n");

static void a_stream_tells_the_same_however_it_is_cut(void **state)
{
	(void)state;
	for (size_t cut = 1; cut <= stream.n; cut++) {
		struct model_stream s;
		struct arena scratch;

		arena_init(&scratch, 1 << 20);
		model_stream_init(&s);
		for (size_t at = 0; at < stream.n; at += cut) {
			size_t n = stream.n - at < cut ? stream.n - at : cut;

			model_stream_feed(&s, &scratch, str_make(stream.p + at, n));
		}
		assert_true(s.done);
		assert_false(s.blind);
		assert_int_equal(s.events, 4);
		assert_int_equal(s.bad_events, 0);
		assert_true(s.outcome.usage.given);
		assert_int_equal(s.outcome.usage.input, 5);
		assert_int_equal(s.outcome.usage.output, 2);
		assert_int_equal(s.outcome.finish, MODEL_FINISH_LENGTH);
		model_stream_done(&s);
		arena_done(&scratch);
	}
}

static void nonsense_ends_the_reading_not_the_stream(void **state)
{
	struct model_stream s;
	struct arena scratch;

	(void)state;
	arena_init(&scratch, 1 << 20);
	model_stream_init(&s);
	for (int i = 0; i < 100; i++) {
		model_stream_feed(&s, &scratch, STR("data: no json\n\n"));
	}
	assert_true(s.blind);
	assert_int_equal(s.bad_events, MODEL_ERROR_EVENTS);
	model_stream_done(&s);
	arena_done(&scratch);
}

static void an_event_without_end_costs_bounded_memory(void **state)
{
	static char big[100000];
	struct model_stream s;
	struct arena scratch;

	(void)state;
	memset(big, 'x', sizeof(big));
	arena_init(&scratch, 1 << 20);
	model_stream_init(&s);
	model_stream_feed(&s, &scratch, STR("data: "));
	for (int i = 0; i < 100; i++) {
		model_stream_feed(&s, &scratch, str_make(big, sizeof(big)));
	}
	assert_true(s.blind);
	assert_false(s.outcome.usage.given);
	model_stream_done(&s);
	arena_done(&scratch);
}

static void a_stream_that_breaks_off_is_not_done(void **state)
{
	struct model_stream s;
	struct arena scratch;

	(void)state;
	arena_init(&scratch, 1 << 20);
	model_stream_init(&s);
	model_stream_feed(&s, &scratch, str_make(stream.p, stream.n / 2));
	assert_false(s.done);
	model_stream_done(&s);
	arena_done(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_answer_tells_usage_and_end),
		cmocka_unit_test(a_count_that_is_no_plain_number_was_not_given),
		cmocka_unit_test(an_answer_that_is_no_object_is_refused),
		cmocka_unit_test(a_stream_tells_the_same_however_it_is_cut),
		cmocka_unit_test(nonsense_ends_the_reading_not_the_stream),
		cmocka_unit_test(an_event_without_end_costs_bounded_memory),
		cmocka_unit_test(a_stream_that_breaks_off_is_not_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
