/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Oracle: the canonical form reads back, is its own canonical form, and keeps
 * the number of values; what the writer writes of any bytes is read back.
 */
#include <stdint.h>

#include "base/attr.h"
#include "json/canon.h"
#include "json/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_canon(struct arena *a, const struct json *doc)
{
	const struct json *again;
	struct buf first, second;

	buf_init(&first, 16 << 20);
	buf_init(&second, 16 << 20);
	if (json_canon(a, doc, &first, NULL) == ERR_OK) {
		ASSERT(json_parse(a, buf_str(&first), NULL, &again, NULL) == ERR_OK);
		ASSERT(again->type == doc->type && again->n == doc->n);
		ASSERT(json_canon(a, again, &second, NULL) == ERR_OK);
		ASSERT(str_eq(buf_str(&first), buf_str(&second)));
	}
	buf_done(&first);
	buf_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = str_make((const char *)data, n);
	const struct json *doc;
	struct buf written;
	struct arena a;

	arena_init(&a, 64 << 20);
	if (json_parse(&a, text, NULL, &doc, NULL) == ERR_OK) {
		check_canon(&a, doc);
	}
	buf_init(&written, 16 << 20);
	json_put_str(&written, text);
	ASSERT(!written.failed);
	ASSERT(json_parse(&a, buf_str(&written), NULL, &doc, NULL) == ERR_OK);
	ASSERT(!str_is_utf8(text) || str_eq(doc->text, text));
	buf_done(&written);
	arena_done(&a);
	return 0;
}
