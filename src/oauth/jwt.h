/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed tokens (JWS compact serialisation, RFC 7515 section 7.1) as access tokens (RFC 9068), and the
 * keys that verify them (JSON web key sets, RFC 7517).
 *
 * A token is valid if and only if it is three parts of canonical base64url; its header and its claims are
 * objects without a member twice; the header has an algorithm of the allowed ones, a type that is
 * allowed, and neither "crit" nor a key of its own ("jwk", "jku", "x5u", "x5c" are not looked at: a
 * token does not say what verifies it); and a key of the set verifies it. Nothing of the claims is
 * believed before that.
 */
#ifndef OAUTH_JWT_H
#define OAUTH_JWT_H

#include "crypto/jws.h"
#include "oauth/claims.h"

enum {
	OAUTH_TOKEN_MAX = 8192, /* bytes of a token as it is shown */
	OAUTH_KID_MAX = 256,
	OAUTH_KEYS_MAX = 64,
	OAUTH_KEYS_BYTES = 256 << 10, /* of a key set */
	OAUTH_JSON_DEPTH = 16,
	OAUTH_JSON_NODES = 2048,
};

struct oauth_jwt {
	enum jws_alg alg;
	struct str kid; /* p NULL: none */
	struct str typ; /* the same */
	struct str signed_bytes, signature;
	struct str claims; /* text; parsed by oauth_jwt_claims, after the signature was verified */
};

/* Does it look like one: three parts? Others are opaque. */
bool oauth_jwt_is(struct str token);

/* Everything lives in the arena or borrows the token. */
enum err_code oauth_jwt_read(struct arena *a, struct str token, struct oauth_jwt *ret,
			     struct err *err) MUST_USE;

/*
 * The issuer that the token claims to be of: only to know whose keys to try. ERR_INVALID when it
 * says none.
 */
enum err_code oauth_jwt_issuer(struct arena *a, const struct oauth_jwt *t, struct str *ret,
			       struct err *err) MUST_USE;

enum err_code oauth_jwt_claims(struct arena *a, const struct oauth_jwt *t, struct oauth_claims *ret,
			       struct err *err) MUST_USE;

/* "at+jwt" is "application/at+jwt" (RFC 9068 section 2.1), in any case. */
bool oauth_jwt_type_is(const struct oauth_jwt *t, struct str type);

struct oauth_key {
	struct str kid;   /* p NULL: none */
	enum jws_alg alg; /* JWS_NONE: any of its kind */
	struct jws_key *key;
};

struct oauth_keys {
	struct arena arena;
	struct oauth_key *items;
	size_t n;
};

/*
 * Reads a key set. Keys that are not for verifying, of other kinds, too weak, or broken are skipped, as
 * RFC 7517 section 5 asks; so is one that holds a private part. ERR_INVALID when none is left, ERR_LIMIT
 * for more than OAUTH_KEYS_MAX.
 */
enum err_code oauth_keys_read(struct str text, struct oauth_keys *ret, struct err *err) MUST_USE;
void oauth_keys_done(struct oauth_keys *k); /* accepts a zeroed one */

enum oauth_verdict {
	OAUTH_FORGED = 0,  /* a key that it names does not verify it */
	OAUTH_UNKNOWN_KEY, /* no key of the set is the one it names */
	OAUTH_VERIFIED,
};

/* With a kid: by the keys of that name; without one: by the only key that fits, if there is just one. */
enum oauth_verdict oauth_keys_verify(const struct oauth_keys *k, const struct oauth_jwt *t);

#endif
