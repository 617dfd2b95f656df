/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates made at test time: nothing expires and no key lies in the tree. */
#ifndef TESTS_UNIT_NET_CERTS_H
#define TESTS_UNIT_NET_CERTS_H

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

struct cert {
	EVP_PKEY *key;
	X509 *x509;
	BIO *cert_bio, *key_bio;
	struct str cert_pem, key_pem;
};

static inline struct str cert_bio_str(BIO *b)
{
	char *p;
	long n = BIO_get_mem_data(b, &p);

	return str_make(p, (size_t)n);
}

static inline void cert_extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

/* Signed by `issuer`, or by itself as an authority when that is NULL. valid_s may be negative. */
static inline struct cert cert_make(const char *cn, const char *san, const struct cert *issuer,
				    long valid_s)
{
	struct cert c = {0};
	X509_NAME *name;
	static long serial = 1;

	c.key = EVP_EC_gen("P-256");
	c.x509 = X509_new();
	assert_true(c.key && c.x509);
	assert_int_equal(X509_set_version(c.x509, 2), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(c.x509), serial++), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(c.x509), -86400));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(c.x509), valid_s));
	name = X509_get_subject_name(c.x509);
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
						    (const unsigned char *)cn, -1, -1, 0),
			 1);
	assert_int_equal(
		X509_set_issuer_name(c.x509, X509_get_subject_name(issuer ? issuer->x509 : c.x509)),
		1);
	assert_int_equal(X509_set_pubkey(c.x509, c.key), 1);
	cert_extend(c.x509, issuer ? issuer->x509 : c.x509, NID_basic_constraints,
		    issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (san) {
		cert_extend(c.x509, issuer ? issuer->x509 : c.x509, NID_subject_alt_name, san);
	}
	assert_true(X509_sign(c.x509, issuer ? issuer->key : c.key, EVP_sha256()) > 0);
	c.cert_bio = BIO_new(BIO_s_mem());
	c.key_bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_X509(c.cert_bio, c.x509), 1);
	assert_int_equal(PEM_write_bio_PrivateKey(c.key_bio, c.key, NULL, NULL, 0, NULL, NULL), 1);
	c.cert_pem = cert_bio_str(c.cert_bio);
	c.key_pem = cert_bio_str(c.key_bio);
	return c;
}

static inline void cert_done(struct cert *c)
{
	EVP_PKEY_free(c->key);
	X509_free(c->x509);
	BIO_free(c->cert_bio);
	BIO_free(c->key_bio);
}

#endif
