/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commitments: the log says what an action's arguments and result were without
 * holding them. A commitment is SHA-256(salt || content), where
 *
 *   salt = HMAC-SHA-256(key of the session, part || 0x00 || action id)
 *
 * part is "arguments", "prompt", "result" or "request" (ledger/permit.h). The key is 32 random bytes made when the
 * session begins. It is kept in the ledger's salts/ folder, beside the log and
 * not in it. Who holds the content and the salt can show that the record is
 * about it; showing one salt says nothing of the others. Once the key is erased
 * nobody can: not even somebody who guesses the content. Pure.
 */
#ifndef LEDGER_SALT_H
#define LEDGER_SALT_H

#include "crypto/sha256.h"

enum ledger_part { LEDGER_ARGUMENTS = 0, LEDGER_RESULT, LEDGER_REQUEST, LEDGER_PROMPT };

struct ledger_salt_key {
	uint8_t bytes[SHA256_LEN];
};

/* The salt of one part of one action. The action id has at most 256 bytes. */
void ledger_salt_of(const struct ledger_salt_key *key, struct str action_id, enum ledger_part part,
		    uint8_t ret[SHA256_LEN]);

/* Begins a commitment; go on with sha256_update for the content and end with sha256_final. */
void ledger_commit_init(struct sha256 *h, const struct ledger_salt_key *key, struct str action_id,
			enum ledger_part part);

/* The commitment to content that is all there. */
void ledger_commit(const struct ledger_salt_key *key, struct str action_id, enum ledger_part part,
		   struct str content, uint8_t ret[SHA256_LEN]);

#endif
