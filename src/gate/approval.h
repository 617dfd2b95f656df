/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two people for what opens: a configuration that lets protected data go where the one in force
 * does not, or that changes what is protected or who may approve, is put in force only when two
 * of the keys *in force* have signed it. What closes needs nobody.
 *
 * An approval is one line of the file residency.approvals, apart by blanks, all in hexadecimal:
 *
 *   DIGEST PUBLIC-KEY SIGNATURE
 *
 * The digest names the matrix, the protected categories and the keys of the configuration that is
 * approved; the signature (Ed25519) is of the text "writ residency approval 1\nDIGEST\n".
 */
#ifndef GATE_APPROVAL_H
#define GATE_APPROVAL_H

#include "crypto/sign.h"
#include "gate/residency.h"

enum { APPROVAL_TEXT_MAX = 128 };

struct approval {
	uint8_t digest[SHA256_LEN]; /* what has to be signed */
	bool needed;
	bool first;            /* nothing is in force yet that could be compared */
	bool terms;            /* what is protected, or who approves, changes */
	uint64_t opened;       /* rows of protected data, counted for each model */
	struct site_row row;   /* the smallest of them */
	struct site_column at; /* and where it goes */
	unsigned have;         /* different keys that signed */
};

/* What `now` needs to follow `before` (NULL: nothing). */
enum err_code approval_ask(const struct residency *before, const struct residency *now,
			   struct approval *ret, struct err *err) MUST_USE;

bool approval_holds(const struct approval *a);

/* The text that is signed. */
struct str approval_text(const uint8_t digest[static SHA256_LEN], char ret[APPROVAL_TEXT_MAX]);

#endif
