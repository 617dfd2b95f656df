/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks a ledger directory without the program that wrote it and without
 * trusting anything in it but the key it is given: framing, canonical form,
 * order, the Merkle root at every checkpoint, every signature.
 *
 * What it can find: any changed bit, any record removed, added or moved before
 * the last checkpoint; anything malformed behind it. What it cannot: records
 * cut off behind the last checkpoint (it says how many are not sealed), and a log
 * whose checkpoints were all cut back with it: compare with a checkpoint you
 * kept (`known`), which is what witnesses are for.
 */
#ifndef LEDGER_VERIFY_H
#define LEDGER_VERIFY_H

#include "base/err.h"
#include "ledger/seal.h"

struct ledger_verify_options {
	int dir_fd;                             /* borrowed; only read */
	const struct ledger_verifier *verifier; /* NULL: checkpoints are taken unsigned */
	const struct ledger_checkpoint *known;  /* a checkpoint kept elsewhere, or NULL */
	/* Called now and then with the records done so far; NULL for none. */
	void (*progress)(void *ctx, uint64_t records);
	void *progress_ctx;
};

/* The first thing that is wrong, and where. */
struct ledger_problem {
	bool found;
	uint64_t index;   /* of the record, or the size of the checkpoint */
	uint64_t suspect; /* the change is at this index or behind it, up to `index` */
	char segment[32]; /* file it is in; empty for a checkpoint */
	uint64_t offset;
	char text[232];
};

struct ledger_verified {
	uint64_t records;
	uint64_t checkpoints;
	uint64_t sealed;     /* size of the last checkpoint */
	uint64_t torn_bytes; /* of an unfinished frame at the very end */
	uint64_t first_us, last_us;
	uint8_t root[32]; /* of all records */
	struct ledger_problem problem;
};

/* ERR_OK also when something was found: see ret->problem. Anything else: it could not run. */
enum err_code ledger_verify(const struct ledger_verify_options *o, struct ledger_verified *ret,
			    struct err *err) MUST_USE;

#endif
