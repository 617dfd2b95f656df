/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests told in another dialect. Oracle: what is told is a request of that dialect, for the model that
 * was named, not stored and fetching nothing; and read again and told again it is the same, so nothing is lost on
 * the way back. What cannot be told has a name.
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

static const struct model_quirks quirks[] = {{false, false, false}, {true, true, true}};

static void check_again(struct arena *a, enum model_api to, struct str told,
			const struct model_quirks *q)
{
	struct model_request again;
	struct str what;
	struct buf out;

	buf_init(&out, 4 << 20);
	CHECK(model_request_parse(a, to, told, NULL, &again, NULL) == MODEL_ERROR_NONE);
	CHECK(str_eq(again.model, STR("back/\"end\"")));
	again.api = to;
	CHECK(model_translate_request(&out, a, &again, to, STR("back/\"end\""), q, 0, &what) ==
	      MODEL_ERROR_NONE);
	CHECK(str_eq(buf_str(&out), told));
	buf_done(&out);
}

static void check(enum model_api from, enum model_api to, struct str text,
		  const struct model_quirks *q)
{
	struct model_request request;
	enum model_error e;
	struct arena a;
	struct str what;
	struct buf out;

	arena_init(&a, 64 << 20);
	buf_init(&out, 4 << 20);
	if (model_request_parse(&a, from, text, NULL, &request, NULL) == MODEL_ERROR_NONE) {
		e = model_translate_request(&out, &a, &request, to, STR("back/\"end\""), q, 0,
					    &what);
		CHECK(e == MODEL_ERROR_NONE || e == MODEL_ERROR_TOO_LARGE ||
		      (e == MODEL_ERROR_UNTOLD && what.n));
		if (e == MODEL_ERROR_NONE) {
			check_again(&a, to, buf_str(&out), q);
		}
	}
	buf_done(&out);
	arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const enum model_api from[] = {MODEL_API_CHAT, MODEL_API_MESSAGES,
					      MODEL_API_RESPONSES};

	for (size_t i = 0; i < ARRAY_LEN(from) && n < 100000; i++) {
		for (size_t k = 0; k < ARRAY_LEN(quirks); k++) {
			check(from[i], MODEL_API_CHAT, str_make((const char *)data, n), &quirks[k]);
			check(from[i], MODEL_API_MESSAGES, str_make((const char *)data, n),
			      &quirks[k]);
			check(from[i], MODEL_API_RESPONSES, str_make((const char *)data, n),
			      &quirks[k]);
		}
	}
	return 0;
}
