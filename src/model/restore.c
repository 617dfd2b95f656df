/* SPDX-License-Identifier: Apache-2.0 */
#include "model/restore.h"

#include "model/pick_priv.h"

enum { SCRATCH_LIMIT = 4 << 20 };

/* A piece of a text that grows. */
struct piece {
	struct str raw; /* without quotes; p NULL: none */
	uint64_t answer, text;
};

struct heard {
	struct piece piece;
	size_t n;     /* pieces: one can wait, of several none does */
	bool nothing; /* it says nothing of any text: what waits goes on waiting */
	bool last;    /* the answer ends with it */
};

static struct str member(struct str object, struct str name)
{
	struct str r = {NULL, 0};

	if (model_is_type(object, JSON_OBJECT)) {
		(void)json_scan_members(object, &name, 1, &r, NULL);
	}
	return r;
}

static uint64_t number(struct str object, struct str name)
{
	uint64_t v;

	return str_to_u64(member(object, name), &v) ? v : 0;
}

static void hear(struct heard *h, struct str raw, uint64_t answer, uint64_t text)
{
	if (model_is_type(raw, JSON_STRING) && raw.n == 2) {
		h->nothing = true;
	} else if (model_is_type(raw, JSON_STRING)) {
		h->piece = (struct piece){str_make(raw.p + 1, raw.n - 2), answer, text};
		h->n++;
	}
}

enum { TEXT_CALL = 16, TEXT_TOOLS }; /* behind the names */

static void hear_delta(struct heard *h, struct str delta, uint64_t answer)
{
	static const struct str names[] = {STR_INIT("content"), STR_INIT("reasoning_content"),
					   STR_INIT("reasoning"), STR_INIT("refusal")};
	struct json_member m;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		hear(h, member(delta, names[i]), answer, i);
	}
	hear(h, member(member(delta, STR("function_call")), STR("arguments")), answer, TEXT_CALL);
	delta = member(delta, STR("tool_calls"));
	if (model_is_type(delta, JSON_ARRAY)) {
		for (struct json_walk w = json_walk(delta); json_walk_next(&w, &m);) {
			hear(h, member(member(m.value, STR("function")), STR("arguments")), answer,
			     TEXT_TOOLS + number(m.value, STR("index")));
		}
	}
}

static void hear_choices(struct heard *h, struct str choices)
{
	struct json_member m;
	struct json_walk w = json_walk(model_is_type(choices, JSON_ARRAY) ? choices : STR("0"));

	while (json_walk_next(&w, &m)) {
		uint64_t answer = number(m.value, STR("index"));

		h->nothing = true;
		h->last |= model_is_type(member(m.value, STR("finish_reason")), JSON_STRING);
		hear(h, member(m.value, STR("text")), answer, 0);
		hear_delta(h, member(m.value, STR("delta")), answer);
	}
	h->nothing &= !h->last;
}

static void hear_messages(struct heard *h, struct str data, struct str type)
{
	struct str delta = member(data, STR("delta"));
	uint64_t block = number(data, STR("index"));

	h->nothing = str_eq(type, STR("\"ping\""));
	if (str_eq(type, STR("\"content_block_delta\""))) {
		hear(h, member(delta, STR("text")), 0, block);
		hear(h, member(delta, STR("thinking")), 0, block);
		hear(h, member(delta, STR("partial_json")), 0, block);
	}
}

static void hear_responses(struct heard *h, struct str data, struct str type)
{
	uint64_t item = number(data, STR("output_index")),
		 part = number(data, STR("content_index"));

	h->nothing = str_eq(type, STR("\"keepalive\""));
	if (str_ends_with(type, STR(".delta\""))) {
		/* What an item has two kinds of texts of, has types of different lengths. */
		hear(h, member(data, STR("delta")), 0,
		     item << 32 | (part & 0xffffff) << 8 | (type.n & 0xff));
	}
}

static struct heard listen(enum model_api api, struct str data)
{
	struct heard h = {.n = 0};

	if (api == MODEL_API_MESSAGES) {
		hear_messages(&h, data, member(data, STR("type")));
	} else if (api == MODEL_API_RESPONSES) {
		hear_responses(&h, data, member(data, STR("type")));
	} else {
		hear_choices(&h, member(data, STR("choices")));
	}
	return h;
}

/* ---- telling ---- */

static void put_json(const struct detect_vault *vault, enum model_api api, bool is_calls,
		     struct str json, struct buf *out)
{
	static const struct str names[] = {STR_INIT("arguments"), STR_INIT("delta"),
					   STR_INIT("partial_json")};

	if (api == MODEL_API_MESSAGES) {
		detect_vault_put_back_json(vault, json, &names[2], 1, out);
	} else {
		detect_vault_put_back_json(vault, json, names, is_calls ? 2 : 1, out);
	}
}

void model_restore_whole(const struct detect_vault *vault, enum model_api api, struct str body,
			 struct buf *out)
{
	put_json(vault, api, false, body, out);
}

/* The one line of data of an event; empty with p NULL: there is none, or there are more. */
static struct str data_of(struct str event)
{
	struct str data = {NULL, 0};

	while (event.p) {
		struct str line = str_cut(&event, '\n');

		if (str_starts_with(line, STR("data:"))) {
			if (data.p) {
				return str_make(NULL, 0);
			}
			data = str_from(line, 5);
			data.n -= str_ends_with(data, STR("\r"));
			data = str_trim(data);
		}
	}
	return data;
}

/* An event, or one that waited; it has a line of data. */
static void tell(struct model_restore *r, struct str event, struct buf *out)
{
	struct str data = data_of(event);
	size_t at = (size_t)(data.p - event.p);
	bool is_calls = str_eq(member(data, STR("type")),
			       STR("\"response.function_call_arguments.delta\""));

	buf_append(out, str_make(event.p, at));
	put_json(r->vault, r->api, is_calls, data, out);
	buf_append(out, str_from(event, at + data.n));
}

static void let_go(struct model_restore *r, struct model_lane *lane, struct buf *out)
{
	if (buf_len(&lane->event)) {
		tell(r, buf_str(&lane->event), out);
		buf_done(&lane->event);
	}
}

static void let_all_go(struct model_restore *r, struct buf *out)
{
	for (size_t i = 0; i < MODEL_LANES; i++) {
		let_go(r, &r->lanes[i], out);
	}
}

/* What waits goes out but for the beginning of a placeholder, which is appended to `begun`. */
static void let_go_but(struct model_restore *r, struct model_lane *lane, struct buf *begun,
		       struct buf *out)
{
	struct str event = buf_str(&lane->event);
	size_t n = detect_vault_begun(r->vault, str_make(event.p + lane->at, lane->n));
	size_t cut = lane->at + lane->n - n;
	struct buf rest;

	buf_append(begun, str_make(event.p + cut, n));
	buf_init(&rest, 2 * MODEL_EVENT_MAX);
	buf_append(&rest, str_make(event.p, cut));
	buf_append(&rest, str_from(event, cut + n));
	tell(r, buf_str(&rest), out);
	buf_done(&rest);
	buf_done(&lane->event);
}

static void take_piece(struct model_restore *r, struct str event, const struct heard *h,
		       struct buf *out)
{
	struct model_lane *lane = &r->lanes[h->piece.answer % MODEL_LANES];
	size_t at = (size_t)(h->piece.raw.p - event.p), n;
	struct buf whole;

	buf_init(&whole, 2 * MODEL_EVENT_MAX);
	buf_append(&whole, str_make(event.p, at));
	if (buf_len(&lane->event) && lane->answer == h->piece.answer &&
	    lane->text == h->piece.text) {
		let_go_but(r, lane, &whole, out);
	}
	let_go(r, lane, out);
	n = buf_len(&whole) - at + h->piece.raw.n;
	buf_append(&whole, str_from(event, at));
	if (h->last || !detect_vault_begun(r->vault, str_make(buf_str(&whole).p + at, n))) {
		tell(r, buf_str(&whole), out);
		buf_done(&whole);
		return;
	}
	*lane = (struct model_lane){h->piece.answer, h->piece.text, whole, at, n};
}

static void take_event(struct model_restore *r, struct str event, struct buf *out)
{
	struct str data = data_of(event);
	struct json_scan scan;
	struct heard h;

	if (!data.p && str_starts_with(event, STR(":"))) { /* a sign of life */
		buf_append(out, event);
		return;
	}
	if (!data.p || json_scan(&r->scratch, data, NULL, &scan, NULL) != ERR_OK) {
		let_all_go(r, out);
		buf_append(out, event);
		return;
	}
	h = listen(r->api, data);
	if (h.n == 1) {
		take_piece(r, event, &h, out);
		return;
	}
	if (!h.nothing || h.n) {
		let_all_go(r, out);
	}
	tell(r, event, out);
}

void model_restore_init(struct model_restore *r, const struct detect_vault *vault,
			enum model_api api)
{
	*r = (struct model_restore){.vault = vault, .api = api};
	buf_init(&r->held, MODEL_EVENT_MAX);
	arena_init(&r->scratch, SCRATCH_LIMIT);
}

void model_restore_done(struct model_restore *r)
{
	for (size_t i = 0; i < MODEL_LANES; i++) {
		buf_done(&r->lanes[i].event);
	}
	buf_done(&r->held);
	arena_done(&r->scratch);
}

void model_restore_feed(struct model_restore *r, struct str bytes, struct buf *out)
{
	size_t n;

	buf_append(&r->held, bytes);
	if (r->held.failed) {
		let_all_go(r, out);
		buf_append(out, buf_str(&r->held));
		buf_clear(&r->held);
		buf_append(out, bytes);
		r->open = true;
		return;
	}
	while ((n = model_event_length(buf_str(&r->held))) > 0) {
		struct str event = str_make(buf_str(&r->held).p, n);

		if (r->open) {
			buf_append(out, event);
		} else {
			take_event(r, event, out);
			arena_reset(&r->scratch);
		}
		r->open = false;
		buf_consume(&r->held, n);
	}
}

void model_restore_end(struct model_restore *r, struct buf *out)
{
	let_all_go(r, out);
	buf_append(out, buf_str(&r->held));
	buf_clear(&r->held);
}
