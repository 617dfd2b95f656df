/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No evidence, no egress: what a request needs to be passed on by the role that dials. The record
 * `sent` in the ledger names where it goes and commits to its bytes; whoever wrote that record
 * answers with a MAC under a key that only the writer and the role that dials have. Pure.
 *
 *   request     a head (without its empty line and what the relay adds), then its body in pieces of
 *               PERMIT_PIECE bytes
 *   commitment  SHA-256(salt || SHA-256(head) || SHA-256(piece) ...)
 *   mac         HMAC-SHA-256(key, "writ permit 2" 0x00 || u64 index || u64 at || u64 bytes || matrix ||
 *               commitment || where), integers little endian
 *
 * `matrix` names the residency matrix that a request to a model was decided by; of all else it is zeros.
 * A permit on the wire is: u64 index, u64 at in us, u64 bytes, matrix, salt, mac, and the digests.
 */
#ifndef LEDGER_PERMIT_H
#define LEDGER_PERMIT_H

#include "base/buf.h"
#include "crypto/sha256.h"

enum {
	PERMIT_PIECE = 1 << 20,
	PERMIT_DIGESTS = 34, /* a head and 33 MiB */
	PERMIT_KEY = 32,
	PERMIT_WHERE_MAX = 128,
	PERMIT_FIXED = 3 * 8 + 3 * SHA256_LEN,
	PERMIT_MAX = PERMIT_FIXED + PERMIT_DIGESTS * SHA256_LEN
};

struct permit {
	uint64_t index; /* of the record */
	uint64_t at_us; /* when it was written, by the machine's monotonic clock */
	uint64_t bytes; /* of the request, as the record says */
	uint8_t matrix[SHA256_LEN], salt[SHA256_LEN], mac[SHA256_LEN];
	unsigned n; /* digests: of the head, then of the pieces of the body */
	uint8_t digests[PERMIT_DIGESTS][SHA256_LEN];
};

/* Fills bytes, n and digests. False when the request is longer than a permit can say. */
bool permit_of(struct permit *p, struct str head, struct str body) MUST_USE;

void permit_commit(const struct permit *p, uint8_t ret[SHA256_LEN]);

/* `key` has PERMIT_KEY bytes. */
void permit_mac(struct str key, const struct permit *p, struct str where,
		const uint8_t commitment[SHA256_LEN], uint8_t ret[SHA256_LEN]);

void permit_write(const struct permit *p, struct buf *to);

/* False when these are no bytes of permit_write; p is then not to be used. */
bool permit_read(struct permit *p, struct str bytes) MUST_USE;

/*
 * Each permit is good once. The newest PERMIT_WINDOW records are remembered one by one, older ones
 * count as used. Zeroed remembers nothing; permit_window_done releases.
 */
enum { PERMIT_WINDOW = 1 << 20 };

struct permit_window {
	uint64_t *bits;
	uint64_t end; /* behind the newest index that was seen */
};

/* True the first time. Without memory: false. */
bool permit_window_take(struct permit_window *w, uint64_t index) MUST_USE;
void permit_window_done(struct permit_window *w);

#endif
