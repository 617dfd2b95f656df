/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "http/sse.h"

/* Writes what a stream of `in`, fed in pieces of `step` bytes, says: one line an event. */
static enum sse_result tell(struct str in, size_t step, size_t max, struct buf *out)
{
	enum sse_result r = SSE_MORE;
	struct sse_parser p;
	struct sse_event e;

	sse_parser_init(&p, max);
	buf_init(out, 1 << 20);
	while (in.n && r != SSE_BAD) {
		struct str piece = str_make(in.p, in.n < step ? in.n : step);

		in = str_from(in, piece.n);
		while ((r = sse_parse(&p, &piece, &e, NULL)) == SSE_EVENT) {
			buf_printf(out, "[%.*s|%.*s", STR_ARG(e.event), STR_ARG(e.data));
			if (!e.has_data) {
				buf_append(out, STR("-"));
			}
			if (e.has_id) {
				buf_printf(out, "|id %.*s", STR_ARG(e.id));
			}
			if (e.has_retry) {
				buf_printf(out, "|retry %llu", (unsigned long long)e.retry_ms);
			}
			buf_append(out, STR("]"));
		}
	}
	sse_parser_done(&p);
	return r;
}

static void check(struct str in, struct str want)
{
	for (size_t step = 1; step <= in.n; step++) {
		struct buf out;

		assert_int_equal(tell(in, step, 1000, &out), SSE_MORE);
		assert_str_equal(buf_str(&out), want);
		buf_done(&out);
	}
}

static void events_are_read_for_every_split(void **state)
{
	(void)state;
	check(STR("data: a\n\n"), STR("[|a]"));
	check(STR("data: a\r\n\r\ndata:b\r\r"), STR("[|a][|b]"));
	check(STR("\xef\xbb\xbf"
		  "data: bom\n\n"),
	      STR("[|bom]"));
	check(STR("\xef\xbb"
		  "data: x\n\ndata: y\n\n"),
	      STR("[|y]"));
	check(STR("data: a\ndata: b\ndata\ndata:  c\n\n"), STR("[|a\nb\n\n c]"));
	check(STR(": comment\nevent: one\nevent: two\nid: 7\nretry: 3000\ndata: x\n\n"),
	      STR("[two|x|id 7|retry 3000]"));
	check(STR("id: 1\ndata:\n\n"), STR("[||id 1]")); /* priming: empty data */
	check(STR("id: 1\n\n"), STR("[|-|id 1]"));
	check(STR("event: lonely\n\n\n\n: hi\n\ndata: z\n\n"), STR("[|z]"));
	check(STR("id: a\0b\nretry: -1\nunknown: x\ndata: y\n\n"), STR("[|y]"));
	check(STR("data: never finished\n"), STR(""));
	check(STR("data: 8-byte\rdata: steps, all\r\r\ndata: b\n\r\n"),
	      STR("[|8-byte\nsteps, all][|b]"));
}

static void an_event_past_the_limit_ends_the_stream_for_every_split(void **state)
{
	static char text[300];
	struct str in = str_make(text, sizeof(text));

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "data: 1\n\ndata: ", 15);
	for (size_t step = 1; step <= in.n; step++) {
		struct buf out;

		assert_int_equal(tell(in, step, 100, &out), SSE_BAD);
		assert_str_equal(buf_str(&out), STR("[|1]"));
		buf_done(&out);
	}
}

static void what_is_written_is_read_back(void **state)
{
	struct sse_event e = {
		.event = STR("message"),
		.data = STR("{\"a\":1}\nline\r\nend\r"),
		.has_data = true,
		.id = STR("s-1"),
		.has_id = true,
		.retry_ms = 15,
		.has_retry = true,
	};
	struct buf wire, out;

	(void)state;
	buf_init(&wire, 10000);
	assert_int_equal(sse_write(&wire, &e, NULL), ERR_OK);
	sse_write_keep_alive(&wire);
	assert_int_equal(tell(buf_str(&wire), 5, 1000, &out), SSE_MORE);
	assert_str_equal(buf_str(&out), STR("[message|{\"a\":1}\nline\nend\n|id s-1|retry 15]"));
	buf_done(&out);
	buf_clear(&wire);
	e.id = STR("1\ndata: forged");
	assert_int_equal(sse_write(&wire, &e, NULL), ERR_INVALID);
	assert_int_equal(buf_len(&wire), 0);
	buf_done(&wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_read_for_every_split),
		cmocka_unit_test(an_event_past_the_limit_ends_the_stream_for_every_split),
		cmocka_unit_test(what_is_written_is_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
