/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a schema, a line feed, a value. Oracle: the verdict does not depend on how the
 * value is written: its canonical form gets the same one; and a refusal says which keyword.
 */
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "json/canon.h"
#include "json/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void compare(struct arena *a, const struct json_schema *s, const struct json *value)
{
	struct json_schema_fault fault;
	enum err_code code = json_schema_check(s, a, value->raw, &fault, NULL), again;
	struct buf canonical;

	ASSERT(code == ERR_OK || code == ERR_INVALID || code == ERR_LIMIT || code == ERR_NOMEM);
	ASSERT((code == ERR_INVALID) == (fault.keyword[0] != '\0') || code == ERR_LIMIT ||
	       code == ERR_NOMEM);
	buf_init(&canonical, 1 << 20);
	if (json_canon(a, value, &canonical, NULL) == ERR_OK) {
		again = json_schema_check(s, a, buf_str(&canonical), NULL, NULL);
		/* the work of spaces is not that of none */
		ASSERT(again == code || code == ERR_LIMIT || again == ERR_LIMIT ||
		       code == ERR_NOMEM || again == ERR_NOMEM);
	}
	buf_done(&canonical);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str rest = str_make((const char *)data, n), schema = str_cut(&rest, '\n');
	const struct json_schema *s;
	const struct json *value;
	struct arena a;

	arena_init(&a, 64 << 20);
	if (rest.p && json_schema_compile(&a, &a, schema, &s, NULL) == ERR_OK &&
	    json_parse(&a, rest, NULL, &value, NULL) == ERR_OK) {
		compare(&a, s, value);
	}
	arena_done(&a);
	return 0;
}
