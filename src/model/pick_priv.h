/* SPDX-License-Identifier: Apache-2.0 */
/* Small readers of raw spans that the parsers of requests share. */
#ifndef MODEL_PICK_PRIV_H
#define MODEL_PICK_PRIV_H

#include "model/error.h"
#include "json/scan.h"

/* spans[i] becomes the value of wanted[i]; false when a member imitates one of them. */
bool model_pick(struct arena *a, struct str object, const struct str *wanted, size_t n,
		struct str *spans);

static inline bool model_is_type(struct str raw, enum json_type type)
{
	return raw.p && json_raw_type(raw) == type;
}

/* Absent and null mean the same to every back end. */
static inline bool model_is_absent(struct str raw)
{
	return !raw.p || json_raw_type(raw) == JSON_NULL;
}

bool model_take_bool(struct str raw, bool *ret);

/* Raises *ret to a positive integer; false when it is something else. */
bool model_take_limit(struct str raw, uint64_t *ret);

/* The name of a model: 1 to MODEL_NAME_MAX bytes, no white space, no control. */
bool model_take_name(struct arena *a, struct str raw, struct str *ret);

#endif
