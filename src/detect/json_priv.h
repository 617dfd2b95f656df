/* SPDX-License-Identifier: Apache-2.0 */
/* Walking over accepted JSON token by token, to change values and keep every other byte. */
#ifndef DETECT_JSON_PRIV_H
#define DETECT_JSON_PRIV_H

#include "base/str.h"

#include <stdbool.h>

enum detect_token { DETECT_END = 0, DETECT_STRING, DETECT_NUMBER };

struct detect_tokens {
	struct str json;
	size_t at;       /* behind the token */
	struct str name; /* of the member whose value the token is, as written; empty in an array */
	size_t depth;    /* of arrays and objects around it */
};

/* The next string or number that is a value; *ret is it as written. Names are passed over. */
enum detect_token detect_token_next(struct detect_tokens *t, struct str *ret);

/* Base64 by its place: a data: URL that says so, or a member that holds nothing else. */
bool detect_is_opaque(struct str name, struct str text);

#endif
