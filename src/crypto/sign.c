/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/sign.h"

#include <sodium.h>

_Static_assert(SIGN_SEED_LEN == crypto_sign_SEEDBYTES, "the length of a seed");
_Static_assert(SIGN_PUBLIC_LEN == crypto_sign_PUBLICKEYBYTES, "the length of a public key");
_Static_assert(SIGN_LEN == crypto_sign_BYTES, "the length of a signature");

enum err_code sign_setup(struct err *err)
{
	if (sodium_init() < 0) {
		return ERR(err, ERR_UNSUPPORTED, "libsodium cannot start on this machine");
	}
	return ERR_OK;
}

enum err_code sign_key_init(struct sign_key *k, const uint8_t seed[SIGN_SEED_LEN], struct err *err)
{
	struct sign_key made;
	uint8_t random[SIGN_SEED_LEN];

	TRY(sign_setup(err));
	TRY(secret_init(&made.secret, crypto_sign_SECRETKEYBYTES, err));
	if (!seed) {
		rand_bytes(random, sizeof(random));
	}
	(void)crypto_sign_seed_keypair(made.public, made.secret.p, seed ? seed : random);
	secret_wipe(random, sizeof(random));
	*k = made;
	return ERR_OK;
}

void sign_key_done(struct sign_key *k)
{
	secret_done(&k->secret);
}

const uint8_t *sign_key_seed(const struct sign_key *k)
{
	return k->secret.p;
}

void sign_bytes(const struct sign_key *k, struct str s, uint8_t ret[SIGN_LEN])
{
	(void)crypto_sign_detached(ret, NULL, (const unsigned char *)s.p, s.n, k->secret.p);
}

bool sign_verify(const uint8_t public[SIGN_PUBLIC_LEN], struct str s,
		 const uint8_t signature[SIGN_LEN])
{
	return sign_setup(NULL) == ERR_OK &&
	       crypto_sign_verify_detached(signature, (const unsigned char *)s.p, s.n, public) == 0;
}
