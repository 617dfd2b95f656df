/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Oracle: the tree parser and both scanners give one verdict; spans of accepted
 * texts are the tree's; a walk over any bytes stays inside them; and a text
 * accepted as a whole is refused with any tail but white space.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/attr.h"
#include "json/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_walk(const struct json *tree)
{
	const struct json *item = json_first(tree);
	struct json_member m;

	for (struct json_walk w = json_walk(tree->raw); json_walk_next(&w, &m); item = item->next) {
		ASSERT(item && str_eq(m.value, item->raw) && json_raw_type(m.value) == item->type);
		check_walk(item); /* as deep as JSON_MAX_DEPTH */
	}
	ASSERT(!item);
}

static void check_members(const struct json_scan *scan, const struct json *doc)
{
	size_t i = 0;

	ASSERT(scan->type == doc->type && str_eq(scan->value, doc->raw));
	ASSERT(scan->n == (doc->type == JSON_OBJECT ? doc->n : 0));
	JSON_EACH (m, doc) {
		if (doc->type == JSON_OBJECT && i < JSON_SCAN_MEMBERS) {
			ASSERT(str_eq(scan->members[i].value, m->raw));
			ASSERT(scan->members[i].key_escaped ||
			       str_eq(scan->members[i].key, m->key));
		}
		i++;
	}
}

/* What was listed on the second level is what a walk finds there. */
static void check_inner(const struct json_scan *scan)
{
	for (size_t i = 0; i < scan->n && i < JSON_SCAN_MEMBERS; i++) {
		const struct json_member *outer = &scan->members[i];
		struct json_member m;

		for (struct json_walk w = json_walk(outer->value);
		     w.object && json_walk_next(&w, &m);) {
			struct str listed;

			(void)json_scan_members_of(scan, outer->key, &m.key, 1, &listed, NULL,
						   NULL);
			ASSERT(listed.p == m.value.p && listed.n == m.value.n);
		}
	}
}

static void check_value(struct arena *a, const struct json *doc)
{
	const struct json *again;
	struct str text;

	ASSERT(json_parse(a, doc->raw, NULL, &again, NULL) == ERR_OK && again->type == doc->type);
	if (doc->type == JSON_STRING) {
		ASSERT(json_unquote(a, doc->raw, &text, NULL) == ERR_OK && str_eq(text, doc->text));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = str_make((const char *)data, n);
	struct json_scan vector, scalar;
	const struct json *doc = NULL;
	struct json_member m;
	struct arena a;
	bool tree;

	arena_init(&a, 64 << 20);
	tree = json_parse(&a, text, NULL, &doc, NULL) == ERR_OK;
	ASSERT((json_scan(&a, text, NULL, &vector, NULL) == ERR_OK) == tree);
	ASSERT((json_scan_scalar(&a, text, NULL, &scalar, NULL) == ERR_OK) == tree);
	if (tree) {
		check_members(&vector, doc);
		check_members(&scalar, doc);
		check_inner(&vector);
		check_inner(&scalar);
		check_walk(doc);
		check_value(&a, doc);
		JSON_EACH (item, doc) {
			check_value(&a, item);
		}
	}
	for (struct json_walk w = json_walk(text); json_walk_next(&w, &m);) {
		ASSERT(m.value.n > 0 && m.value.p >= text.p && m.value.p + m.value.n <= text.p + n);
	}
	if (tree && n > 0 && doc->raw.n < n) {
		/* Only space lies around the value, so the value alone is accepted as well. */
		ASSERT(json_scan(&a, doc->raw, NULL, &scalar, NULL) == ERR_OK);
	}
	arena_done(&a);
	return 0;
}
