/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Oracle: what is found lies in the text; what comes out of JSON is JSON with as many values and the
 * same names; nothing is found in it again; where nothing was found every byte is the same. What says whether there is
 * anything says so of exactly this, base64 aside.
 */
#include <stdint.h>

#include "base/attr.h"
#include "detect/redact.h"
#include "json/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_text(struct str text)
{
	struct detect_found f;

	for (size_t at = 0; detect_next(text, at, DETECT_ALL, &f); at = f.at + f.n) {
		ASSERT(f.at >= at && f.n > 0 && f.at + f.n <= text.n && f.what < DETECT_CLASSES);
	}
}

/* The depth is bounded by the parser. */
static void check_same(const struct json *a, const struct json *b)
{
	const struct json *other = b->first;

	ASSERT(str_eq(a->key, b->key));
	ASSERT(a->type == b->type || (a->type == JSON_NUMBER && b->type == JSON_STRING));
	if (a->type != JSON_ARRAY && a->type != JSON_OBJECT) {
		return;
	}
	ASSERT(a->n == b->n);
	JSON_EACH (item, a) {
		check_same(item, other);
		other = other->next;
	}
}

static void check_looked(struct str text, const struct detect_counts *counts)
{
	unsigned found = detect_in_json(text, DETECT_ALL);
	bool opaque = str_find_str(text, STR("data")) < text.n ||
		      str_find_str(text, STR("signature")) < text.n ||
		      str_find_str(text, STR("encrypted")) < text.n ||
		      str_find(text, '\\') < text.n;

	ASSERT(!found || detect_total(counts) > 0);
	ASSERT(opaque || !found == !detect_total(counts));
}

static void check_json(struct arena *a, struct str text, const struct json *doc)
{
	struct detect_counts counts, again;
	const struct json *clean;
	struct buf out, twice;

	buf_init(&out, 16 << 20);
	buf_init(&twice, 16 << 20);
	ASSERT(detect_redact(text, DETECT_ALL, &out, &counts, NULL) == ERR_OK);
	ASSERT(json_parse(a, buf_str(&out), NULL, &clean, NULL) == ERR_OK);
	check_same(doc, clean);
	ASSERT(detect_total(&counts) > 0 || str_eq(text, buf_str(&out)));
	ASSERT(detect_redact(buf_str(&out), DETECT_ALL, &twice, &again, NULL) == ERR_OK);
	ASSERT(detect_total(&again) == 0);
	check_looked(text, &counts);
	buf_done(&twice);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = str_make((const char *)data, n);
	const struct json *doc;
	struct arena a;

	check_text(text);
	arena_init(&a, 64 << 20);
	if (json_parse(&a, text, NULL, &doc, NULL) == ERR_OK) {
		check_json(&a, text, doc);
	}
	arena_done(&a);
	return 0;
}
