/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/jws.h"

#include "crypto/sign.h"
#include "crypto/tls_priv.h"

#include <stdlib.h>

enum {
	RSA_BYTES_MIN = 2048 / 8,
	RSA_BYTES_MAX = 8192 / 8,
	RSA_EXPONENT_MAX = 4, /* bytes */
	P256_BYTES = 32,
	DER_MAX = 80, /* of an ECDSA signature with P-256 */
};

enum kind { KIND_NONE = 0, KIND_RSA, KIND_P256, KIND_ED25519 };

struct jws_key {
	enum kind kind;
	EVP_PKEY *pkey; /* RSA, P256 */
	uint8_t ed25519[SIGN_PUBLIC_LEN];
};

static const struct {
	struct str name;
	enum jws_alg alg;
	enum kind kind;
} algs[] = {
	{STR_INIT("RS256"), JWS_RS256, KIND_RSA},
	{STR_INIT("PS256"), JWS_PS256, KIND_RSA},
	{STR_INIT("ES256"), JWS_ES256, KIND_P256},
	{STR_INIT("EdDSA"), JWS_EDDSA, KIND_ED25519},
	{STR_INIT("Ed25519"), JWS_EDDSA, KIND_ED25519},
};

enum jws_alg jws_alg_find(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
		if (str_eq(algs[i].name, name)) {
			return algs[i].alg;
		}
	}
	return JWS_NONE;
}

struct str jws_alg_name(enum jws_alg alg)
{
	for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
		if (algs[i].alg == alg) {
			return algs[i].name;
		}
	}
	return STR("none");
}

bool jws_key_fits(const struct jws_key *k, enum jws_alg alg)
{
	for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
		if (algs[i].alg == alg) {
			return algs[i].kind == k->kind;
		}
	}
	return false;
}

void jws_key_free(struct jws_key *k)
{
	if (k) {
		if (k->pkey) {
			EVP_PKEY_free(k->pkey);
		}
		free(k);
	}
}

static enum err_code key_new(enum kind kind, EVP_PKEY *pkey, struct jws_key **ret, struct err *err)
{
	struct jws_key *k = calloc(1, sizeof(*k));

	if (!k) {
		if (pkey) {
			EVP_PKEY_free(pkey);
		}
		return ERR(err, ERR_NOMEM, "no memory for a key");
	}
	k->kind = kind;
	k->pkey = pkey;
	*ret = k;
	return ERR_OK;
}

/* What the parameters say, checked by the library; NULL when it is no key. Takes the builder over. */
static EVP_PKEY *make_pkey(const char *type, OSSL_PARAM_BLD *bld)
{
	OSSL_PARAM *params = bld ? OSSL_PARAM_BLD_to_param(bld) : NULL;
	EVP_PKEY_CTX *make = NULL, *check = NULL;
	EVP_PKEY *pkey = NULL;

	/* The system's openssl.cnf is a file, and the roles that verify cannot open any. */
	if (params && OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL)) {
		make = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	}
	if (make && EVP_PKEY_fromdata_init(make) == 1 &&
	    EVP_PKEY_fromdata(make, &pkey, EVP_PKEY_PUBLIC_KEY, params) == 1) {
		check = EVP_PKEY_CTX_new(pkey, NULL);
	}
	if (pkey && (!check || EVP_PKEY_public_check_quick(check) != 1)) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	EVP_PKEY_CTX_free(check);
	EVP_PKEY_CTX_free(make);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	ERR_clear_error();
	return pkey;
}

static struct str without_zeros(struct str s)
{
	while (s.n && s.p[0] == '\0') {
		s = str_from(s, 1);
	}
	return s;
}

/* NULL when memory is short. */
static BIGNUM *number(struct str s)
{
	return BN_bin2bn((const unsigned char *)s.p, (int)s.n, NULL);
}

enum err_code jws_key_rsa(struct str n, struct str e, struct jws_key **ret, struct err *err)
{
	OSSL_PARAM_BLD *bld;
	EVP_PKEY *pkey = NULL;
	BIGNUM *bn_n, *bn_e;

	n = without_zeros(n);
	e = without_zeros(e);
	/* The highest byte may have up to seven bits unset: what counts are bits. */
	if (n.n < RSA_BYTES_MIN || n.n > RSA_BYTES_MAX ||
	    (n.n == RSA_BYTES_MIN && !((unsigned char)n.p[0] & 0x80)) || !(n.p[n.n - 1] & 1)) {
		return ERR(err, ERR_INVALID, "an RSA key has 2048 to 8192 bits");
	}
	if (e.n == 0 || e.n > RSA_EXPONENT_MAX || !(e.p[e.n - 1] & 1) ||
	    (e.n == 1 && e.p[0] == 1)) {
		return ERR(err, ERR_INVALID, "an RSA key's exponent is odd and from 3 to 2^32");
	}
	TRY(tls_load(err));
	bn_n = number(n);
	bn_e = number(e);
	bld = OSSL_PARAM_BLD_new();
	if (bn_n && bn_e && bld && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn_n) &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, bn_e)) {
		pkey = make_pkey("RSA", bld);
	} else {
		OSSL_PARAM_BLD_free(bld);
	}
	BN_free(bn_n);
	BN_free(bn_e);
	return pkey ? key_new(KIND_RSA, pkey, ret, err)
		    : ERR(err, ERR_INVALID, "this is not an RSA key");
}

enum err_code jws_key_p256(struct str x, struct str y, struct jws_key **ret, struct err *err)
{
	unsigned char point[1 + 2 * P256_BYTES] = {POINT_CONVERSION_UNCOMPRESSED};
	OSSL_PARAM_BLD *bld;
	EVP_PKEY *pkey = NULL;

	/* RFC 7518 section 6.2.1.2: the length is that of the field, zeros included. */
	if (x.n != P256_BYTES || y.n != P256_BYTES) {
		return ERR(err, ERR_INVALID, "a coordinate of P-256 has 32 bytes");
	}
	TRY(tls_load(err));
	memcpy(point + 1, x.p, P256_BYTES);
	memcpy(point + 1 + P256_BYTES, y.p, P256_BYTES);
	bld = OSSL_PARAM_BLD_new();
	if (bld && OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) &&
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point))) {
		pkey = make_pkey("EC", bld);
	} else {
		OSSL_PARAM_BLD_free(bld);
	}
	return pkey ? key_new(KIND_P256, pkey, ret, err)
		    : ERR(err, ERR_INVALID, "this is not a point of P-256");
}

enum err_code jws_key_ed25519(struct str x, struct jws_key **ret, struct err *err)
{
	if (x.n != SIGN_PUBLIC_LEN) {
		return ERR(err, ERR_INVALID, "an Ed25519 key has 32 bytes");
	}
	TRY(key_new(KIND_ED25519, NULL, ret, err));
	memcpy((*ret)->ed25519, x.p, SIGN_PUBLIC_LEN);
	return ERR_OK;
}

static bool verify_der(EVP_PKEY *pkey, bool pss, struct str text, const unsigned char *der,
		       size_t n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how = NULL; /* of ctx */
	bool ok = ctx && EVP_DigestVerifyInit(ctx, &how, EVP_sha256(), NULL, pkey) == 1;

	if (ok && pss) { /* RFC 7518 section 3.5: MGF1 with SHA-256, a salt as long as the hash */
		ok = EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
		     EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1 &&
		     EVP_PKEY_CTX_set_rsa_mgf1_md(how, EVP_sha256()) == 1;
	}
	ok = ok && EVP_DigestVerify(ctx, der, n, (const unsigned char *)text.p, text.n) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

/* RFC 7518 section 3.4: r and s, 32 bytes each; the library wants them as DER. */
static bool verify_ec(EVP_PKEY *pkey, struct str text, struct str signature)
{
	unsigned char der[DER_MAX], *at = der;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r, *s;
	int n = 0;

	if (!sig || signature.n != 2 * (size_t)P256_BYTES) {
		ECDSA_SIG_free(sig);
		return false;
	}
	r = number(str_make(signature.p, P256_BYTES));
	s = number(str_from(signature, P256_BYTES));
	if (r && s && ECDSA_SIG_set0(sig, r, s)) {
		n = i2d_ECDSA_SIG(sig, NULL);
		n = n > 0 && n <= DER_MAX ? i2d_ECDSA_SIG(sig, &at) : 0;
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(sig);
	return n > 0 && verify_der(pkey, false, text, der, (size_t)n);
}

bool jws_verify(const struct jws_key *k, enum jws_alg alg, struct str signed_bytes,
		struct str signature)
{
	if (!jws_key_fits(k, alg) || signature.n > JWS_SIGNATURE_MAX) {
		return false;
	}
	switch (alg) {
	case JWS_RS256:
	case JWS_PS256:
		return verify_der(k->pkey, alg == JWS_PS256, signed_bytes,
				  (const unsigned char *)signature.p, signature.n);
	case JWS_ES256:
		return verify_ec(k->pkey, signed_bytes, signature);
	case JWS_EDDSA:
		return signature.n == SIGN_LEN &&
		       sign_verify(k->ed25519, signed_bytes, (const uint8_t *)signature.p);
	case JWS_NONE:
		break;
	}
	return false;
}
