/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures of JSON web tokens (RFC 7515, RFC 7518, RFC 8037) by key pairs only: RS256, PS256,
 * ES256 and EdDSA with Ed25519. There is no "none" and there are no shared secrets, so a public
 * key can never be taken for one (RFC 8725 sections 2.1 and 3.1). A key is of one kind, and verifies
 * the algorithms of that kind alone.
 *
 * Keys are made of the numbers of a JSON web key, big endian. RSA: 2048 to 8192 bits, an odd
 * exponent from 3 to 2^32. P-256: the point must be on the curve.
 *
 * RSA and P-256 are OpenSSL's, which is loaded with the first such key when the process has not called
 * tls_load() before: in a jail it has to. Ed25519 is libsodium's.
 *
 * Verifying takes 19 us (RSA 2048), 77 us (P-256), 49 us (Ed25519) here.
 */
#ifndef CRYPTO_JWS_H
#define CRYPTO_JWS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum jws_alg {
	JWS_NONE = 0, /* no algorithm: nothing verifies */
	JWS_RS256,
	JWS_PS256,
	JWS_ES256,
	JWS_EDDSA,
};

enum { JWS_ALGS = 5, JWS_SIGNATURE_MAX = 1024 };

struct jws_key;

/* By its name in a header: "RS256"; JWS_NONE for all others. "Ed25519" (RFC 9864) is EdDSA. */
enum jws_alg jws_alg_find(struct str name);
struct str jws_alg_name(enum jws_alg alg);

/* ERR_INVALID when the key is none, or too weak. */
enum err_code jws_key_rsa(struct str n, struct str e, struct jws_key **ret,
			  struct err *err) MUST_USE;
enum err_code jws_key_p256(struct str x, struct str y, struct jws_key **ret,
			   struct err *err) MUST_USE;
enum err_code jws_key_ed25519(struct str x, struct jws_key **ret, struct err *err) MUST_USE;
void jws_key_free(struct jws_key *k); /* accepts NULL */

/* Is the algorithm one of this kind of key? */
bool jws_key_fits(const struct jws_key *k, enum jws_alg alg);

/* True only for a valid signature of exactly these bytes by this key with this algorithm. */
bool jws_verify(const struct jws_key *k, enum jws_alg alg, struct str signed_bytes,
		struct str signature) MUST_USE;

/*
 * Signs with a private key (PEM, unencrypted): RS256 for RSA of 2048 bits or more, ES256 for P-256, EdDSA for
 * Ed25519. ERR_INVALID when the key is none of these. jws_sign appends the signature's bytes.
 */
struct jws_signer;
enum err_code jws_signer_new(struct str pem, struct jws_signer **ret, struct err *err) MUST_USE;
void jws_signer_free(struct jws_signer *s); /* accepts NULL */
enum jws_alg jws_signer_alg(const struct jws_signer *s);
enum err_code jws_sign(const struct jws_signer *s, struct str bytes, struct buf *signature,
		       struct err *err) MUST_USE;

#endif
