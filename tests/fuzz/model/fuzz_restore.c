/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text told in pieces. Oracle: however it is cut into events, and those into bytes, what the client puts
 * together is the whole text with everything put back; arguments of calls stay JSON; no event is lost or made up.
 *
 * First byte: the kind of text. Each that follows: a bit of text, a cut, or an event that says nothing.
 */
#include <stdint.h>

#include "base/attr.h"
#include "model/restore.h"
#include "json/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct kind {
	enum model_api api;
	struct str before, after, quiet;
	bool arguments;
} kinds[] = {
	{MODEL_API_CHAT, STR_INIT("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":"),
	 STR_INIT("}}]}\n\n"), STR_INIT(": alive\n\n"), false},
	{MODEL_API_CHAT,
	 STR_INIT("data: {\"choices\":[{\"index\":1,\"delta\":{\"tool_calls\":[{\"index\":0,"
		  "\"function\":{\"arguments\":"),
	 STR_INIT("}}]}}]}\r\n\r\n"),
	 STR_INIT("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"}}]}\r\n\r\n"),
	 true},
	{MODEL_API_COMPLETIONS, STR_INIT("data:{\"choices\":[{\"text\":"), STR_INIT("}]}\n\n"),
	 STR_INIT("data: {\"choices\":[{\"text\":\"\",\"finish_reason\":null}]}\n\n"), false},
	{MODEL_API_RESPONSES,
	 STR_INIT("event: response.output_text.delta\n"
		  "data: {\"type\":\"response.output_text.delta\",\"output_index\":3,\"delta\":"),
	 STR_INIT(",\"logprobs\":[]}\n\n"), STR_INIT("data: {\"type\":\"keepalive\"}\n\n"), false},
	{MODEL_API_RESPONSES,
	 STR_INIT("data: {\"type\":\"response.function_call_arguments.delta\",\"delta\":"),
	 STR_INIT("}\n\n"), STR_INIT(": alive\n\n"), true},
	{MODEL_API_MESSAGES,
	 STR_INIT("event: content_block_delta\n"
		  "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
		  "\"text_delta\",\"text\":"),
	 STR_INIT("}}\n\n"), STR_INIT("event: ping\ndata: {\"type\":\"ping\"}\n\n"), false},
	{MODEL_API_MESSAGES,
	 STR_INIT("data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{"
		  "\"partial_json\":"),
	 STR_INIT("}}\n\n"), STR_INIT(": alive\n\n"), true},
};

static const struct str bits[] = {
	STR_INIT("["),         STR_INIT("email"),      STR_INIT("-"),    STR_INIT("1"),
	STR_INIT("]"),         STR_INIT("secret"),     STR_INIT("2"),    STR_INIT("[email-1]"),
	STR_INIT("[card-1]"),  STR_INIT("[secret-1]"), STR_INIT("\n\\"), STR_INIT("\xc3\xa9"),
	STR_INIT("[email-2]"), STR_INIT("[sec"),       STR_INIT("\""),   STR_INIT("ret-1]"),
};

static void fill(struct detect_vault *v)
{
	struct hash_key seed = {3, 4};
	struct buf out;

	buf_init(&out, 1 << 16);
	detect_vault_init(v, seed);
	ASSERT(detect_vault_hide(v,
				 STR("[\"ann@x.org\",\"bob@x.org\",[4111111111111111],"
				     "\"-----BEGIN PRIVATE KEY-----\\nMIIBVgIBADANBgkqhkiG\\n"
				     "-----END PRIVATE KEY-----\"]"),
				 DETECT_ALL, &out, NULL) == ERR_OK);
	ASSERT(v->of[DETECT_EMAIL].n == 2 && v->of[DETECT_CARD].n == 1 &&
	       v->of[DETECT_SECRET].n == 1);
	buf_done(&out);
}

static void put_event(const struct kind *k, struct buf *piece, struct buf *stream)
{
	buf_append(stream, k->before);
	json_put_str(stream, buf_str(piece));
	buf_append(stream, k->after);
	buf_clear(piece);
}

/* Bytes of a character, or of an escape, may stand in different pieces only where JSON lets them. */
static size_t make(const struct kind *k, const uint8_t *data, size_t n, struct buf *text,
		   struct buf *stream)
{
	struct buf piece, inner;
	size_t events = 1;

	buf_init(&piece, 1 << 20);
	buf_init(&inner, 1 << 20);
	buf_append(&piece, k->arguments ? STR("{\"a\":\"") : STR(""));
	for (size_t i = 0; i < n; i++) {
		struct str bit = bits[data[i] % ARRAY_LEN(bits)];

		if (data[i] >= 192) {
			put_event(k, &piece, stream);
			buf_append(stream, k->quiet);
			events += 2;
		} else if (data[i] >= 128) {
			put_event(k, &piece, stream);
			events++;
		} else if (k->arguments) {
			json_put_str(&inner, bit);
			buf_append(&piece, str_make(buf_str(&inner).p + 1, buf_len(&inner) - 2));
			buf_clear(&inner);
			buf_append(text, bit);
		} else {
			buf_append(&piece, bit);
			buf_append(text, bit);
		}
	}
	buf_append(&piece, k->arguments ? STR("\"}") : STR(""));
	put_event(k, &piece, stream);
	buf_done(&piece);
	buf_done(&inner);
	return events;
}

/* What a client puts together; how many events it came in. */
static size_t put_together(const struct kind *k, struct arena *a, struct str stream,
			   struct buf *text)
{
	size_t events = 0, n;
	struct str raw, s;

	for (; (n = model_event_length(stream)) > 0; stream = str_from(stream, n), events++) {
		raw = str_make(stream.p, n);
		if (str_eq(raw, k->quiet)) {
			continue;
		}
		ASSERT(str_starts_with(raw, k->before) && str_ends_with(raw, k->after));
		raw = str_make(raw.p + k->before.n, n - k->before.n - k->after.n);
		ASSERT(json_unquote(a, raw, &s, NULL) == ERR_OK);
		buf_append(text, s);
	}
	ASSERT(stream.n == 0);
	return events;
}

static void check(const struct kind *k, size_t step, struct str stream, size_t events,
		  const struct detect_vault *v, struct str want)
{
	struct model_restore r;
	struct json_scan scan;
	struct buf out, text;
	struct arena a;
	struct str got;

	arena_init(&a, 64 << 20);
	buf_init(&out, 16 << 20);
	buf_init(&text, 16 << 20);
	model_restore_init(&r, v, k->api);
	for (size_t at = 0; at < stream.n; at += step) {
		struct str rest = str_from(stream, at);

		model_restore_feed(&r, str_make(rest.p, rest.n < step ? rest.n : step), &out);
	}
	model_restore_end(&r, &out);
	ASSERT(put_together(k, &a, buf_str(&out), &text) == events);
	got = buf_str(&text);
	if (k->arguments) {
		ASSERT(json_scan(&a, got, NULL, &scan, NULL) == ERR_OK);
		ASSERT(json_unquote(&a, json_scan_get(&scan, STR("a")), &got, NULL) == ERR_OK);
	}
	ASSERT(str_eq(got, want));
	model_restore_done(&r);
	buf_done(&out);
	buf_done(&text);
	arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct kind *k = n ? &kinds[data[0] % ARRAY_LEN(kinds)] : NULL;
	struct buf text, stream, want;
	struct detect_vault v;
	size_t events;

	if (!k || n > 512) {
		return 0;
	}
	buf_init(&text, 1 << 20);
	buf_init(&stream, 1 << 20);
	buf_init(&want, 1 << 20);
	fill(&v);
	events = make(k, data + 1, n - 1, &text, &stream);
	detect_vault_put_back(&v, buf_str(&text), 0, &want);
	check(k, 1 + data[0] / ARRAY_LEN(kinds), buf_str(&stream), events, &v, buf_str(&want));
	check(k, buf_len(&stream), buf_str(&stream), events, &v, buf_str(&want));
	detect_vault_done(&v);
	buf_done(&text);
	buf_done(&stream);
	buf_done(&want);
	return 0;
}
