/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of a key set that was read every key has an algorithm that it fits, and no other than the one it names; a
 * signature of nothing is verified by none of them.
 */
#include "oauth/jwt.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok)
{
	if (!ok) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const enum jws_alg algs[] = {JWS_RS256, JWS_PS256, JWS_ES256, JWS_EDDSA};
	struct oauth_keys keys;

	if (oauth_keys_read(str_make((const char *)data, n), &keys, NULL)) {
		return 0;
	}
	check(keys.n > 0 && keys.n <= OAUTH_KEYS_MAX && n <= OAUTH_KEYS_BYTES);
	for (size_t i = 0; i < keys.n; i++) {
		const struct oauth_key *k = &keys.items[i];
		unsigned fits = 0;

		check(!k->kid.p || (k->kid.n && k->kid.n <= OAUTH_KID_MAX));
		for (size_t j = 0; j < ARRAY_LEN(algs); j++) {
			const struct oauth_jwt t = {.alg = algs[j], .kid = k->kid};

			fits += jws_key_fits(k->key, algs[j]);
			check(oauth_keys_verify(&keys, &t) != OAUTH_VERIFIED);
		}
		check(fits > 0 && fits <= 2);
		check(k->alg == JWS_NONE || jws_key_fits(k->key, k->alg));
	}
	oauth_keys_done(&keys);
	return 0;
}
