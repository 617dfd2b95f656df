/* SPDX-License-Identifier: Apache-2.0 */
/* Signing web tokens: how a client proves who it is (RFC 7523). */
#include "crypto/jws.h"

#include "crypto/tls_priv.h"

#include <stdlib.h>

enum { RSA_BITS_MIN = 2048, P256_BYTES = 32 };

struct jws_signer {
	enum jws_alg alg;
	EVP_PKEY *pkey;
};

/* What this key signs with; JWS_NONE for one that is not ours. */
static enum jws_alg alg_of(const EVP_PKEY *pkey)
{
	char group[32];
	size_t n;

	if (EVP_PKEY_is_a(pkey, "RSA")) {
		return EVP_PKEY_get_bits(pkey) >= RSA_BITS_MIN ? JWS_RS256 : JWS_NONE;
	}
	if (EVP_PKEY_is_a(pkey, "ED25519")) {
		return JWS_EDDSA;
	}
	return EVP_PKEY_is_a(pkey, "EC") &&
			       EVP_PKEY_get_group_name(pkey, group, sizeof(group), &n) == 1 &&
			       str_eq(str_make(group, n), STR("prime256v1"))
		       ? JWS_ES256
		       : JWS_NONE;
}

/* A key is never asked for a password: an encrypted one does not parse. */
// NOLINTNEXTLINE(readability-non-const-parameter): the type is OpenSSL's
static int no_password(char *to, int n, int writing, void *user)
{
	(void)to;
	(void)n;
	(void)writing;
	(void)user;
	return -1;
}

enum err_code jws_signer_new(struct str pem, struct jws_signer **ret, struct err *err)
{
	struct jws_signer *s;
	EVP_PKEY *pkey = NULL;
	BIO *bio;

	TRY(tls_load(err));
	bio = pem.n && pem.n <= INT32_MAX && OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL)
		      ? BIO_new_mem_buf(pem.p, (int)pem.n)
		      : NULL;
	if (bio) {
		pkey = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
		(void)BIO_free(bio);
	}
	ERR_clear_error();
	if (!pkey || alg_of(pkey) == JWS_NONE) {
		EVP_PKEY_free(pkey);
		return ERR(err, ERR_INVALID,
			   "this is no private key of RSA (2048 bits or more), P-256 or Ed25519");
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		EVP_PKEY_free(pkey);
		return ERR(err, ERR_NOMEM, "no memory for a key");
	}
	s->alg = alg_of(pkey);
	s->pkey = pkey;
	*ret = s;
	return ERR_OK;
}

void jws_signer_free(struct jws_signer *s)
{
	if (s) {
		EVP_PKEY_free(s->pkey);
		free(s);
	}
}

enum jws_alg jws_signer_alg(const struct jws_signer *s)
{
	return s->alg;
}

/* The library gives DER; a token wants r and s, 32 bytes each (RFC 7518 section 3.4). */
static bool append_raw(struct buf *to, const unsigned char *der, size_t n)
{
	const unsigned char *at = der;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)n);
	unsigned char raw[2 * P256_BYTES];
	const BIGNUM *r, *s;
	bool ok;

	if (!sig) {
		return false;
	}
	ECDSA_SIG_get0(sig, &r, &s);
	ok = BN_bn2binpad(r, raw, P256_BYTES) == P256_BYTES &&
	     BN_bn2binpad(s, raw + P256_BYTES, P256_BYTES) == P256_BYTES;
	ECDSA_SIG_free(sig);
	if (ok) {
		buf_append(to, str_make((char *)raw, sizeof(raw)));
	}
	return ok;
}

enum err_code jws_sign(const struct jws_signer *s, struct str bytes, struct buf *signature,
		       struct err *err)
{
	unsigned char made[JWS_SIGNATURE_MAX];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = sizeof(made);
	bool ok = ctx &&
		  EVP_DigestSignInit(ctx, NULL, s->alg == JWS_EDDSA ? NULL : EVP_sha256(), NULL,
				     s->pkey) == 1 &&
		  EVP_DigestSign(ctx, made, &n, (const unsigned char *)bytes.p, bytes.n) == 1;

	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	if (ok && s->alg == JWS_ES256) {
		ok = append_raw(signature, made, n);
	} else if (ok) {
		buf_append(signature, str_make((char *)made, n));
	}
	return ok && !signature->failed ? ERR_OK : ERR(err, ERR_INVALID, "the key does not sign");
}
