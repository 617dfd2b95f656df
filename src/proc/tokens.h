/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokens that a relay adds to requests, as the connector hands them to it (proc/grants.h): the newest of
 * each server, for the address that it was got for.
 */
#ifndef PROC_TOKENS_H
#define PROC_TOKENS_H

#include "base/err.h"
#include "base/str.h"

struct token;

enum { TOKENS_MAX = 256 };

/* Zeroed has none. */
struct tokens {
	struct token *first;
	unsigned n;
	/* A token goes with a request, for the first time. May be NULL. */
	void (*on_used)(struct tokens *t, struct str server);
};

/* Replaces what there was for this server; an empty line: nothing is there any more. `until`: loop time, 0: for ever. */
enum err_code tokens_set(struct tokens *t, struct str server, struct str url, uint64_t until,
			 struct str line, struct err *err) MUST_USE;

/* The header line with CRLF, borrowed; empty when there is none that is good for this address now. */
struct str tokens_use(struct tokens *t, struct str server, struct str url, uint64_t now);

void tokens_done(struct tokens *t);

#endif
