/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For comparison with another validator: each line of standard input is an object with
 * "schema" and "value", or "pattern" and "text"; each line of the output is "true",
 * "false", or "refused: " and why.
 */
#include "json/parse.h"
#include "json/regex.h"
#include "json/schema.h"

#include <stdio.h>
#include <stdlib.h>

static enum err_code check_pattern(struct arena *a, const struct json *j, bool *ret,
				   struct err *err)
{
	const struct json_regex *re;
	uint64_t steps = 1 << 24;

	TRY(json_regex_compile(a, a, json_str(json_get(j, STR("pattern"))), JSON_REGEX_ECMA, &re,
			       err));
	return json_regex_test(re, a, json_str(json_get(j, STR("text"))), &steps, ret, err);
}

static enum err_code check_schema(struct arena *a, const struct json *j, bool *ret, struct err *err)
{
	const struct json_schema *s;
	enum err_code code;

	TRY(json_schema_compile(a, a, json_get(j, STR("schema"))->raw, &s, err));
	code = json_schema_check(s, a, json_get(j, STR("value"))->raw, NULL, err);
	*ret = code == ERR_OK;
	return code == ERR_INVALID ? ERR_OK : code;
}

static void line(struct str text)
{
	const struct json *j;
	bool fits = false;
	struct arena a;
	struct err err;

	arena_init(&a, 64 << 20);
	if (json_parse(&a, text, NULL, &j, &err) ||
	    (json_get(j, STR("pattern")) ? check_pattern(&a, j, &fits, &err)
					 : check_schema(&a, j, &fits, &err))) {
		(void)printf("refused: %s\n", err.msg);
	} else {
		(void)puts(fits ? "true" : "false");
	}
	arena_done(&a);
}

int main(void)
{
	char *text = NULL;
	size_t cap = 0;
	ssize_t n;

	while ((n = getline(&text, &cap, stdin)) > 0) {
		line(str_make(text, (size_t)n - (text[n - 1] == '\n')));
	}
	free(text);
	return 0;
}
