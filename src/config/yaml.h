/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML text to the tree that json/parse.h describes, so that one decoder serves
 * both. The only file that knows libfyaml. The subset is what can be read in one
 * way only: one document, no anchors, aliases, tags, merge keys or directives;
 * keys are scalars, and none comes twice in a mapping. Plain scalars are typed by
 * the core schema of YAML 1.2.2 section 10.3.2: `yes` and `no` are strings;
 * .inf and .nan are refused.
 *
 * For short-lived processes: libfyaml 0.7.12 loses a few KiB for a single-quoted
 * scalar with many '' in it.
 *
 * In the tree, `at` and `key_at` are byte offsets into the YAML text (use
 * json_position), `raw` is empty, and a number's text is valid JSON.
 */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include "json/parse.h"

enum {
	YAML_MAX_BYTES = 256 << 10,
	YAML_MAX_DEPTH = 32,
	YAML_MAX_NODES = 1 << 14,
};

/*
 * `name` begins the errors: "NAME:LINE:COLUMN: ". The tree lives in the arena and borrows nothing
 * from the text. ERR_SYNTAX: not YAML; ERR_INVALID: YAML outside the subset, or not UTF-8;
 * ERR_LIMIT; ERR_NOMEM. Cost is linear in the text.
 */
enum err_code yaml_parse(struct arena *a, struct str name, struct str text, const struct json **ret,
			 struct err *err) MUST_USE;

#endif
