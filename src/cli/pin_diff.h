/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two versions of an item for a person's eyes: JSON with one value a line, what is gone and what
 * is new. Characters that a screen would not show are shown by number.
 */
#ifndef CLI_PIN_DIFF_H
#define CLI_PIN_DIFF_H

#include "json/parse.h"

enum pin_op { PIN_SAME = 0, PIN_GONE, PIN_NEW, PIN_LEFT_OUT };

struct pin_line {
	enum pin_op op;
	struct str text;
};

/*
 * The lines of both, those far from any change left out. `before` may be empty: then all is new.
 * Everything lives in the arena. ERR_SYNTAX: one of them is not JSON.
 */
enum err_code pin_diff(struct arena *a, struct str before, struct str after,
		       const struct pin_line **ret, size_t *ret_n, struct err *err) MUST_USE;

#endif
