/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a finished tree: what parse.h promises besides json_parse. */
#include "json/parse.h"

#include <stdlib.h>

static const char *const type_names[] = {
	[JSON_NULL] = "null",       [JSON_BOOL] = "a boolean", [JSON_NUMBER] = "a number",
	[JSON_STRING] = "a string", [JSON_ARRAY] = "an array", [JSON_OBJECT] = "an object",
};

const char *json_type_name(enum json_type type)
{
	return (size_t)type < ARRAY_LEN(type_names) ? type_names[type] : "nothing";
}

void json_position(struct str text, size_t at, size_t *ret_line, size_t *ret_column)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < at && i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c == '\n') {
			line++;
			column = 1;
		} else if ((c & 0xc0) != 0x80) {
			column++;
		}
	}
	*ret_line = line;
	*ret_column = column;
}

const struct json *json_get(const struct json *obj, struct str key)
{
	if (!json_is_object(obj)) {
		return NULL;
	}
	JSON_EACH (m, obj) {
		if (str_eq(m->key, key)) {
			return m;
		}
	}
	return NULL;
}

bool json_i64(const struct json *j, int64_t *ret)
{
	return json_is_number(j) && str_to_i64(j->text, ret);
}

bool json_u64(const struct json *j, uint64_t *ret)
{
	return json_is_number(j) && str_to_u64(j->text, ret);
}

bool json_f64(const struct json *j, double *ret)
{
	char text[512 + 1];
	double v;

	if (!json_is_number(j) || j->text.n >= sizeof(text)) {
		return false;
	}
	memcpy(text, j->text.p, j->text.n);
	text[j->text.n] = '\0';
	v = strtod(text, NULL); /* the grammar was checked; the locale is always "C" here */
	if (v > 1.7976931348623157e308 || v < -1.7976931348623157e308) {
		return false;
	}
	*ret = v;
	return true;
}
