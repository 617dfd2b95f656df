/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of each budget is used: one file of counters, DIR/budgets, that all gates have mapped. An amount is taken
 * before anything is sent and what was not needed is given back; both are one atomic step on one word, so
 * that no two gates together take more than there is. A gate that dies has taken what it had under way, and nobody gives
 * it back: that counts as used. The file survives every death of a process; after a
 * power failure it is as old as what the kernel had written.
 *
 *   header  8 bytes "writ-bdg", u32 version, u32 number of slots, 16 bytes key, zeroes up to 64
 *   slot    u64 name: keyed hash of budget, unit and subject, never 0; 0: free
 *           u64 word: period in the top 16 bits, used in the other 48
 *
 * Valid if and only if the size is that of the slots, and version and number are these. Numbers are of the machine's byte
 * order: the file stays where it was made. A slot belongs to its name for good; when a new period begins
 * the first who takes sets the word anew, in the same atomic step.
 *
 * Periods count modulo 2^16: a slot that nobody used for more than half of them (of hours: 3.7 years) stays in
 * its old period for the other half, so less may be taken then, never more.
 */
#ifndef GATE_TREASURY_H
#define GATE_TREASURY_H

#include "base/err.h"
#include "base/hash.h"

enum { TREASURY_SLOTS = 8192 };

#define TREASURY_MAX ((UINT64_C(1) << 48) - 1)

struct treasury_file;

struct treasury {
	struct treasury_file *file; /* NULL: there is none */
};

/* Of the supervisor, before any gate: makes the file that fd is, or checks it. ERR_INVALID. */
enum err_code treasury_prepare(int fd, struct err *err) MUST_USE;

/* Maps it; fd stays the caller's. */
enum err_code treasury_map(struct treasury *t, int fd, struct err *err) MUST_USE;
/* Only to look, from outside of the gates. ERR_INVALID: it is no such file. */
enum err_code treasury_map_read(struct treasury *t, int fd, struct err *err) MUST_USE;
void treasury_unmap(struct treasury *t);

/* What was taken. Zeroed: nothing. */
struct treasury_taken {
	uint32_t slot;
	uint16_t period;
	uint64_t amount;
};

/*
 * Takes the amount if no more than `limit` is used then. False: too little is left, or there is no slot for
 * a new name; nothing was taken. Periods count up; one that lies before the slot's own (the
 * clock went back) counts as that.
 */
bool treasury_take(struct treasury *t, struct str name, uint16_t period, uint64_t amount,
		   uint64_t limit, struct treasury_taken *ret);

/*
 * What was really used; the rest is given back. More than was taken counts too. Nothing is given back
 * into another period. *taken is nothing then.
 */
void treasury_settle(struct treasury *t, struct treasury_taken *taken, uint64_t used);

/* Used in this period. */
uint64_t treasury_used(const struct treasury *t, struct str name, uint16_t period);

#endif
