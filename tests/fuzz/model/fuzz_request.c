/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any address of models. Oracle over the tree of what a back end would get: only the model's name and
 * `store` differ, nothing is stored, and in its content no member is an address to fetch.
 */
#include "model/request.h"
#include "json/parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static bool is_address(struct str key)
{
	return str_ieq(key, STR("url")) || str_ieq(key, STR("image_url")) ||
	       str_ieq(key, STR("video_url")) || str_ieq(key, STR("audio_url")) ||
	       str_ieq(key, STR("file_url"));
}

/* Depth is bounded by the reader's. */
static void check_content(const struct json *j)
{
	bool arguments = json_str_is(json_get(j, STR("type")), STR("tool_use"));

	JSON_EACH (item, j) {
		CHECK(!json_is_string(item) || !is_address(item->key) ||
		      str_starts_with(item->text, STR("data:")));
		CHECK(!str_ieq(item->key, STR("file_id")) || json_is_null(item));
		if (!(arguments && str_eq(item->key, STR("input")))) {
			check_content(item);
		}
	}
}

static void check(struct arena *a, enum model_api api, struct str text)
{
	const struct json *doc, *sent, *tools;
	struct model_request q;
	struct buf out;

	if (model_request_parse(a, api, text, NULL, &q, NULL)) {
		return;
	}
	buf_init(&out, 1 << 20);
	model_request_splice(&out, &q, STR("other/\"name\""));
	CHECK(json_parse(a, text, NULL, &doc, NULL) == ERR_OK);
	CHECK(json_parse(a, buf_str(&out), NULL, &sent, NULL) == ERR_OK);
	CHECK(json_str_is(json_get(doc, STR("model")), q.model));
	CHECK(json_str_is(json_get(sent, STR("model")), STR("other/\"name\"")));
	CHECK(sent->n == doc->n + (api == MODEL_API_RESPONSES && !json_get(doc, STR("store"))));
	CHECK(!json_get(sent, STR("store")) || (json_is_bool(json_get(sent, STR("store"))) &&
						!json_get(sent, STR("store"))->boolean));
	CHECK(api != MODEL_API_RESPONSES || json_get(sent, STR("store")));
	JSON_EACH (item, sent) {
		if (str_eq(item->key, STR("messages")) || str_eq(item->key, STR("input")) ||
		    str_eq(item->key, STR("system")) || str_eq(item->key, STR("prompt"))) {
			check_content(item);
		}
	}
	tools = json_get(sent, STR("tools"));
	JSON_EACH (tool, tools) {
		const struct json *type = json_get(tool, STR("type"));

		CHECK(!type || json_is_null(type) || json_str_is(type, STR("function")) ||
		      json_str_is(type, STR("custom")));
	}
	CHECK(model_request_parse(a, api, buf_str(&out), NULL, &q, NULL) == MODEL_ERROR_NONE);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a;

	if (n > 100000) {
		return 0;
	}
	for (enum model_api api = MODEL_API_CHAT; api < MODEL_API_MAX; api++) {
		arena_init(&a, 64 << 20);
		check(&a, api, str_make((const char *)data, n));
		arena_done(&a);
	}
	return 0;
}
