/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was found (detect/detect.h) taken out of JSON: in every string that is a value, also one
 * with escapes, "[email redacted]" stands for an address, and a number that is a card's becomes
 * such a string. Names of members stay. All else stays byte for byte.
 */
#ifndef DETECT_REDACT_H
#define DETECT_REDACT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "detect/detect.h"

struct detect_counts {
	uint64_t n[DETECT_CLASSES];
};

/*
 * Appends `json` (one valid value) without what is of these classes; *ret counts what was
 * taken out. Doing it again takes out nothing more. ERR_LIMIT when `out` is full; then it
 * holds no whole value.
 */
enum err_code detect_redact(struct str json, unsigned classes, struct buf *out,
			    struct detect_counts *ret, struct err *err) MUST_USE;

uint64_t detect_total(const struct detect_counts *c);

/* "2 email, 1 card", in the arena; empty for none. */
struct str detect_said(struct arena *a, const struct detect_counts *c);

#endif
