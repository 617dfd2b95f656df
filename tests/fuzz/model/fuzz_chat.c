/* SPDX-License-Identifier: Apache-2.0 */
/* A request that is taken agrees with the tree of its text, and only its model's name can change.
 */
#include "model/chat.h"
#include "json/parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = str_make((const char *)data, n);
	const struct json *doc, *again;
	struct model_chat c, d;
	struct arena a;
	struct buf out;

	if (n > 100000) {
		return 0;
	}
	arena_init(&a, 64 << 20);
	buf_init(&out, 1 << 20);
	if (model_chat_parse(&a, text, NULL, &c, NULL) == MODEL_ERROR_NONE) {
		CHECK(json_parse(&a, text, NULL, &doc, NULL) == ERR_OK);
		CHECK(json_str_is(json_get(doc, STR("model")), c.model));
		CHECK(json_get(doc, STR("messages"))->n == c.n_messages && c.n_messages > 0);
		CHECK(c.stream == (json_is_bool(json_get(doc, STR("stream"))) &&
				   json_get(doc, STR("stream"))->boolean));
		model_chat_splice(&out, &c, STR("other/\"name\""));
		CHECK(json_parse(&a, buf_str(&out), NULL, &again, NULL) == ERR_OK);
		CHECK(json_str_is(json_get(again, STR("model")), STR("other/\"name\"")));
		CHECK(model_chat_parse(&a, buf_str(&out), NULL, &d, NULL) == MODEL_ERROR_NONE);
		CHECK(str_eq(c.messages, d.messages) && str_eq(c.tools, d.tools));
		CHECK(d.whole.n - d.model_raw.n == c.whole.n - c.model_raw.n);
	}
	buf_done(&out);
	arena_done(&a);
	return 0;
}
