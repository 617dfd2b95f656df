/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams of back ends told in another dialect. Oracle: however the stream is cut the client is told the same but
 * for keep-alives; each event it gets is strict JSON; and a stream that ends well has told its last event once, at
 * the end.
 */
#include "model/translate.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

struct heard {
	struct buf all; /* types and data of the events, a line each */
	unsigned last;  /* events that end a stream */
	bool ended_last;
};

static bool is_last(struct str event, struct str data)
{
	static const struct str names[] = {STR_INIT("message_stop"), STR_INIT("response.completed"),
					   STR_INIT("response.incomplete"),
					   STR_INIT("response.failed"), STR_INIT("error")};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (str_eq(event, names[i])) {
			return true;
		}
	}
	return event.n == 0 &&
	       (str_eq(data, STR("[DONE]")) || str_starts_with(data, STR("{\"error\":")));
}

static void hear(struct heard *h, struct sse_parser *p, struct str bytes)
{
	struct sse_event e;

	while (sse_parse(p, &bytes, &e, NULL) == SSE_EVENT) {
		struct json_scan scan;
		struct arena a;

		arena_init(&a, 16 << 20);
		if (!str_eq(e.data, STR("[DONE]"))) {
			CHECK(json_scan(&a, e.data, NULL, &scan, NULL) == ERR_OK);
		}
		arena_done(&a);
		if (str_eq(e.event, STR("ping"))) {
			continue;
		}
		h->ended_last = is_last(e.event, e.data);
		h->last += h->ended_last;
		buf_append(&h->all, e.event);
		buf_append(&h->all, e.data);
		buf_append_c(&h->all, '\n');
	}
}

/* True: the stream was whole. */
static bool run(enum model_api from, enum model_api client, struct str all, size_t cut,
		struct heard *h)
{
	struct model_translation t;
	struct sse_parser p;
	struct buf out;
	bool whole;

	buf_init(&out, 16 << 20);
	buf_init(&h->all, 64 << 20);
	sse_parser_init(&p, 16 << 20);
	model_translation_init(&t, from, client, true, true, STR("model"), 1700000000, &out);
	for (size_t at = 0; at < all.n; at += cut) {
		model_translation_feed(&t,
				       str_make(all.p + at, all.n - at < cut ? all.n - at : cut));
	}
	whole = model_translation_end(&t);
	if (!t.failed) {
		hear(h, &p, buf_str(&out));
	}
	CHECK(h->last <= 1);
	CHECK(!whole || h->ended_last);
	model_translation_done(&t);
	sse_parser_done(&p);
	buf_done(&out);
	return whole;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const enum model_api clients[] = {MODEL_API_CHAT, MODEL_API_MESSAGES,
						 MODEL_API_RESPONSES};
	const size_t k = ARRAY_LEN(clients);
	struct str all = str_make((const char *)data, n);

	for (size_t i = 0; i < k * k && n > 0 && n < 20000; i++) {
		enum model_api from = clients[i % k];
		struct heard one = {.last = 0}, many = {.last = 0};
		bool whole = run(from, clients[i / k], all, n, &one);

		CHECK(run(from, clients[i / k], all, 3, &many) == whole);
		CHECK(!whole || str_eq(buf_str(&one.all), buf_str(&many.all)));
		buf_done(&one.all);
		buf_done(&many.all);
	}
	return 0;
}
