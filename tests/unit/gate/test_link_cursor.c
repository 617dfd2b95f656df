/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "base/clock.h"
#include "gate/link_cursor.h"

static struct link_cursor *after(const struct sse_event *e)
{
	struct link_cursor *c = NULL;

	link_cursor_note(&c, e, NULL, NULL);
	return c;
}

static void streams_without_ids_cost_nothing(void **state)
{
	(void)state;
	assert_null(after(&(struct sse_event){.data = STR("{}"), .has_data = true}));
}

static void the_last_id_is_where_it_goes_on(void **state)
{
	const struct http_field accept = {STR("Accept"), STR("text/event-stream")};
	struct h1_out request = {.fields = &accept, .n_fields = 1};
	struct link_cursor *c = after(&(struct sse_event){.id = STR("a"), .has_id = true});

	(void)state;
	link_cursor_note(&c, &(struct sse_event){.id = STR("b c"), .has_id = true}, NULL, NULL);
	link_cursor_show(c, &request);
	assert_int_equal(request.n_fields, 2);
	assert_str_equal(request.fields[0].name, STR("Accept"));
	assert_str_equal(request.fields[1].name, STR("Last-Event-ID"));
	assert_str_equal(request.fields[1].value, STR("b c"));
	link_cursor_done(&c);
	assert_null(c);
	link_cursor_done(&c);
}

static void what_no_header_can_carry_is_no_place(void **state)
{
	static const char long_id[LINK_CURSOR_MAX + 1];
	const struct str ids[] = {STR(""),   STR("\r\nX: y"), STR("caf\xc3\xa9"),        STR(" a"),
				  STR("a "), STR("a\tb"),     {long_id, sizeof(long_id)}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		struct link_cursor *c = after(&(struct sse_event){.id = STR("a"), .has_id = true});

		/* nor is the place before it: what came since would be told twice */
		link_cursor_note(&c, &(struct sse_event){.id = ids[i], .has_id = true}, NULL, NULL);
		assert_int_equal(c->n, 0);
		link_cursor_done(&c);
	}
}

static void the_server_says_when_within_bounds(void **state)
{
	static const struct {
		uint64_t said, ms;
	} cases[] = {{0, 100}, {500, 500}, {60000, 60000}, {UINT64_MAX, 60000}};

	(void)state;
	assert_int_equal(link_cursor_wait(NULL, 7), 7);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct link_cursor *c =
			after(&(struct sse_event){.retry_ms = cases[i].said, .has_retry = true});

		assert_int_equal(link_cursor_wait(c, 7), cases[i].ms * CLOCK_MS);
		link_cursor_done(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_without_ids_cost_nothing),
		cmocka_unit_test(the_last_id_is_where_it_goes_on),
		cmocka_unit_test(what_no_header_can_carry_is_no_place),
		cmocka_unit_test(the_server_says_when_within_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
