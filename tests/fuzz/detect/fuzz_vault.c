/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Oracle: what is hidden is JSON in which nothing is found, and putting it back gives the same values; nothing
 * that ends in the beginning of a placeholder is said not to.
 */
#include <stdint.h>

#include "base/attr.h"
#include "detect/vault.h"
#include "json/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct str json_in[] = {STR_INIT("arguments")};

/* A number may have become a text; the depth is bounded by the parser. */
static void check_same(const struct json *a, const struct json *b)
{
	const struct json *other = b->first;

	ASSERT(str_eq(a->key, b->key) || str_find(a->key, '[') < a->key.n);
	ASSERT(a->type == b->type || (a->type == JSON_NUMBER && b->type == JSON_STRING));
	if (a->type == JSON_STRING && !str_eq(a->key, json_in[0])) {
		ASSERT(str_eq(a->text, b->text));
	}
	if (a->type == JSON_NUMBER) {
		ASSERT(str_eq(a->text, b->text));
	}
	ASSERT(a->n == b->n);
	JSON_EACH (item, a) {
		check_same(item, other);
		other = other->next;
	}
}

static void check_begun(const struct detect_vault *v, struct str text)
{
	static const struct str whole = STR_INIT("[email-9999]");
	struct buf b;

	for (size_t n = 1; v->of[DETECT_EMAIL].n && n < whole.n; n++) {
		buf_init(&b, 1 << 20);
		buf_append(&b, text);
		buf_append(&b, str_make(whole.p, n));
		ASSERT(detect_vault_begun(v, buf_str(&b)) == n);
		buf_done(&b);
	}
}

static void check(struct arena *a, struct str text, const struct json *doc)
{
	struct hash_key seed = {1, 2};
	const struct json *hidden, *back;
	struct detect_vault v, other;
	struct buf out, again;

	buf_init(&out, 32 << 20);
	buf_init(&again, 32 << 20);
	detect_vault_init(&v, seed);
	detect_vault_init(&other, seed);
	ASSERT(detect_vault_hide(&v, text, DETECT_ALL, &out, NULL) == ERR_OK);
	ASSERT(json_parse(a, buf_str(&out), NULL, &hidden, NULL) == ERR_OK);
	ASSERT(!detect_vault_is_empty(&v) || str_eq(text, buf_str(&out)));
	ASSERT(detect_vault_hide(&other, buf_str(&out), DETECT_ALL, &again, NULL) == ERR_OK);
	ASSERT(detect_total(&other.counts) == 0);
	buf_clear(&again);
	detect_vault_put_back_json(&v, buf_str(&out), json_in, 1, &again);
	ASSERT(json_parse(a, buf_str(&again), NULL, &back, NULL) == ERR_OK);
	check_same(doc, back);
	check_begun(&v, text);
	detect_vault_done(&v);
	detect_vault_done(&other);
	buf_done(&again);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = str_make((const char *)data, n);
	const struct json *doc;
	struct arena a;

	arena_init(&a, 64 << 20);
	if (n < 65536 && json_parse(&a, text, NULL, &doc, NULL) == ERR_OK) {
		check(&a, text, doc);
	}
	arena_done(&a);
	return 0;
}
