/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML text. Oracle: every node's place lies in the text; the tree written as JSON is JSON of the
 * same shape; a decoded configuration is stable under re-encoding.
 */
#include "config/yaml.h"
#include "tests/fuzz/config/round_trip.h"
#include "json/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7.12 loses up to a few KiB for a single-quoted scalar with many '' in it. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml";
}

static void put_tree(struct json_writer *w, const struct json *j)
{
	if (j->type == JSON_NUMBER) {
		json_w_raw(w, j->text);
	} else if (j->type == JSON_STRING) {
		json_w_str(w, j->text);
	} else if (j->type == JSON_BOOL) {
		json_w_bool(w, j->boolean);
	} else if (j->type == JSON_NULL) {
		json_w_null(w);
	} else {
		if (j->type == JSON_ARRAY) {
			json_w_array(w);
		} else {
			json_w_object(w);
		}
		JSON_EACH (item, j) {
			if (j->type == JSON_OBJECT) {
				json_w_key(w, item->key);
			}
			put_tree(w, item);
		}
		json_w_end(w);
	}
}

static void check_same(const struct json *x, const struct json *y, size_t n)
{
	const struct json *other = y->first;

	ASSERT(x->type == y->type && x->n == y->n && x->boolean == y->boolean);
	ASSERT(str_eq(x->text, y->text) && str_eq(x->key, y->key));
	ASSERT(x->at <= n && x->key_at <= n);
	JSON_EACH (item, x) {
		ASSERT(other);
		check_same(item, other, n);
		other = other->next;
	}
}

static void check_tree(struct arena *a, const struct json *root, size_t n)
{
	const struct json *again;
	struct json_writer w;
	struct err err = {0};
	struct buf b;

	buf_init(&b, ENCODED_MAX);
	w = json_writer(&b);
	put_tree(&w, root);
	ASSERT(!b.failed);
	ASSERT(json_parse(a, buf_str(&b), NULL, &again, &err) == ERR_OK);
	check_same(root, again, n);
	buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct config_source src = {
		.name = STR("f"), .text = str_make((const char *)data, n), .dir = STR("/d")};
	struct config_errors errors;
	struct config cfg;
	struct err err = {0};
	struct arena a;

	arena_init(&a, 64 << 20);
	if (yaml_parse(&a, src.name, src.text, &src.root, &err)) {
		check_error(&err, src.name);
	} else {
		check_tree(&a, src.root, n);
		if (config_decode(&a, &src, &cfg, &errors, &err)) {
			check_error(&err, src.name);
			ASSERT(errors.n > 0);
		} else {
			check_round_trip(&a, &cfg);
		}
	}
	arena_done(&a);
	return 0;
}
