/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token that was read is the one encoding of its parts, names an algorithm, and is verified by keys that
 * did not sign it never; its claims are within their limits and mean the same when the whole is judged again.
 */
#include "base/hex.h"
#include "oauth/jwt.h"
#include "tests/unit/oauth/tokens.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok)
{
	if (!ok) {
		abort();
	}
}

static void check_claims(const struct oauth_claims *c, struct str issuer)
{
	check(!c->issuer.p || (c->issuer.n && c->issuer.n <= OAUTH_URI_MAX));
	check(!c->subject.p || (c->subject.n && c->subject.n <= OAUTH_SUBJECT_MAX));
	check(c->n_scopes <= OAUTH_SCOPES_MAX && c->n_audiences <= OAUTH_AUDIENCES_MAX);
	for (size_t i = 0; i < c->n_scopes; i++) {
		check(oauth_is_scope(c->scopes[i]));
		check(oauth_has_text(c->scopes, i, c->scopes[i]) == false);
	}
	/* good now means good a moment earlier or for more clocks, never for another issuer */
	if (oauth_claims_check(c, issuer, 1000, 30, NULL) == ERR_OK) {
		check(oauth_claims_check(c, issuer, 1000, 60, NULL) == ERR_OK);
		check(!c->issuer.p || oauth_claims_check(c, STR("x"), 1000, 30, NULL) ||
		      str_eq(issuer, STR("x")));
		check(c->expires > 970);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = str_make((const char *)data, n), issuer = STR("i");
	struct oauth_keys keys = {0};
	struct oauth_claims c;
	struct oauth_jwt t;
	struct arena a;
	struct buf again;

	arena_init(&a, 4 << 20);
	if (oauth_jwt_read(&a, in, &t, NULL) == ERR_OK) {
		check(oauth_jwt_is(in) && t.alg != JWS_NONE && in.n <= OAUTH_TOKEN_MAX);
		buf_init(&again, 2 * (size_t)OAUTH_TOKEN_MAX);
		buf_append(&again, str_make(in.p, str_find(in, '.') + 1));
		base64url_append(&again, t.claims.p, t.claims.n);
		check(str_eq(buf_str(&again), t.signed_bytes));
		buf_append_c(&again, '.');
		base64url_append(&again, t.signature.p, t.signature.n);
		check(str_eq(buf_str(&again), in));
		buf_done(&again);
		check(oauth_keys_read(STR(KEYS), &keys, NULL) == ERR_OK);
		/* The seeds are good tokens of these keys; nothing else can become one. */
		check(oauth_keys_verify(&keys, &t) != OAUTH_VERIFIED || str_eq(in, STR(EDDSA)) ||
		      str_eq(in, STR(ES256)) || str_eq(in, STR(RS256)) || str_eq(in, STR(PS256)) ||
		      str_eq(in, STR(NO_KID)));
		oauth_keys_done(&keys);
		if (oauth_jwt_issuer(&a, &t, &issuer, NULL)) {
			issuer = STR("i");
		}
		if (oauth_jwt_claims(&a, &t, &c, NULL) == ERR_OK) {
			check_claims(&c, issuer);
		}
	}
	arena_done(&a);
	return 0;
}
