/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "gate/replay.h"

static struct replays all;
static struct replay one, two;
static struct buf out;

static int setup(void **state)
{
	(void)state;
	replays_init(&all);
	one = two = (struct replay){.n = 0};
	buf_init(&out, 64 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	replay_done(&one);
	replay_done(&two);
	assert_int_equal(all.bytes, 0);
	buf_done(&out);
	return 0;
}

static void say(struct replay *r, struct replay_stream *s, struct str text)
{
	buf_clear(&out);
	replay_event(r, s, text, &out);
}

static struct str missed(const struct replay *r, const char *id)
{
	struct replay_stream from;

	assert_true(replay_parse(str_from_c(id), &from));
	buf_clear(&out);
	replay_append(r, &from, &out);
	return buf_str(&out);
}

static void each_event_has_an_id_of_its_stream(void **state)
{
	struct replay_stream a, b;

	(void)state;
	replay_begin(&all, &one, &a);
	replay_begin(&all, &one, &b);
	say(&one, &a, STR(""));
	assert_str_equal(buf_str(&out), STR("id: 1-1\nretry: 1000\ndata: \n\n"));
	say(&one, &a, STR("x"));
	assert_str_equal(buf_str(&out), STR("id: 1-2\ndata: x\n\n"));
	say(&one, &b, STR("y"));
	assert_str_equal(buf_str(&out), STR("id: 2-1\ndata: y\n\n"));
}

static void who_comes_back_gets_the_rest_of_that_stream_only(void **state)
{
	struct replay_stream a, b, other;

	(void)state;
	replay_begin(&all, &one, &a);
	replay_begin(&all, &one, &b);
	replay_begin(&all, &two, &other);
	say(&one, &a, STR("a1"));
	say(&one, &b, STR("b1"));
	say(&two, &other, STR("o1"));
	say(&one, &a, STR("a2"));
	say(&one, &a, STR("a3"));
	assert_str_equal(missed(&one, "1-1"), STR("id: 1-2\ndata: a2\n\nid: 1-3\ndata: a3\n\n"));
	assert_str_equal(missed(&one, "1-3"), STR(""));
	assert_str_equal(missed(&one, "2-0"), STR("id: 2-1\ndata: b1\n\n"));
	assert_str_equal(missed(&one, "3-0"), STR(""));
	assert_str_equal(missed(&two, "1-0"), STR("id: 1-1\ndata: o1\n\n"));
}

static void the_oldest_goes_first(void **state)
{
	struct replay_stream a;

	(void)state;
	replay_begin(&all, &one, &a);
	for (int i = 0; i < REPLAY_EVENTS + 10; i++) {
		say(&one, &a, STR("x"));
	}
	assert_int_equal(one.n, REPLAY_EVENTS);
	assert_true(str_starts_with(missed(&one, "1-0"), STR("id: 1-11\n")));
}

static void what_is_kept_is_bounded(void **state)
{
	static char big[REPLAY_BYTES / 4];
	struct replay_stream a;

	(void)state;
	memset(big, 'x', sizeof(big));
	replay_begin(&all, &one, &a);
	for (int i = 0; i < 10; i++) {
		say(&one, &a, str_make(big, sizeof(big)));
		assert_in_range(one.bytes, 1, REPLAY_BYTES);
	}
	assert_int_equal(all.bytes, one.bytes);
}

static void what_is_no_id_is_none(void **state)
{
	static const char *const bad[] = {"",    "1",   "-",     "1-",   "-1",
					  "0-1", "a-1", "1-1-1", "1- 1", "4294967296-1"};
	struct replay_stream s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_false(replay_parse(str_from_c(bad[i]), &s));
	}
	assert_false(replay_parse(str_make(NULL, 0), &s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_event_has_an_id_of_its_stream, setup,
						teardown),
		cmocka_unit_test_setup_teardown(who_comes_back_gets_the_rest_of_that_stream_only,
						setup, teardown),
		cmocka_unit_test_setup_teardown(the_oldest_goes_first, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_kept_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_id_is_none, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
