/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/json/jansson_oracle.h"

#include <jansson.h>

bool jansson_accepts(const char *text, size_t n, bool *ret_too_large)
{
	json_error_t why;
	json_t *j = json_loadb(text ? text : "", n,
			       JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
	enum json_error_code code = j ? json_error_unknown : json_error_code(&why);
	bool accepted = j != NULL;

	*ret_too_large = !accepted && (code == json_error_numeric_overflow ||
				       code == json_error_null_byte_in_key);
	json_decref(j);
	return accepted;
}
