/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/authority.h"

#include "crypto/secret.h"
#include "crypto/tls_priv.h"

#include <stdlib.h>

enum { NAME_MAX_BYTES = 253, SERIAL_BYTES = 16, CA_DAYS = 365, LEAF_DAYS = 7, DAY = 86400 };

struct kept {
	char name[NAME_MAX_BYTES + 1];
	X509 *cert;
};

struct tls_authority {
	X509 *cert;
	EVP_PKEY *key, *leaf_key;
	struct tls_ctx *ctx;
	size_t n;
	struct kept kept[TLS_AUTHORITY_KEPT];
};

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	bool ok;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext && X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok;
}

static bool set_serial(X509 *cert)
{
	uint8_t bytes[SERIAL_BYTES];
	BIGNUM *n;
	bool ok;

	rand_bytes(bytes, sizeof(bytes));
	bytes[0] &= 0x7f;
	n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
	BN_free(n);
	return ok;
}

static bool set_subject(X509_NAME *name, const char *text)
{
	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)text, -1,
					  -1, 0) == 1;
}

/* Without its extensions and its signature. Clocks differ, so it begins an hour ago. */
static X509 *begin_cert(EVP_PKEY *key, const char *subject, int days)
{
	X509 *cert = X509_new();

	if (cert && X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
	    X509_gmtime_adj(X509_getm_notBefore(cert), -3600) &&
	    X509_gmtime_adj(X509_getm_notAfter(cert), (long)days * DAY) &&
	    set_subject(X509_get_subject_name(cert), subject) && X509_set_pubkey(cert, key) == 1) {
		return cert;
	}
	X509_free(cert);
	return NULL;
}

static X509 *make_root(EVP_PKEY *key, const char *subject)
{
	X509 *cert = begin_cert(key, subject, CA_DAYS);

	if (cert && X509_set_issuer_name(cert, X509_get_subject_name(cert)) == 1 &&
	    add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	    add_extension(cert, cert, NID_key_usage, "critical,keyCertSign") &&
	    add_extension(cert, cert, NID_subject_key_identifier, "hash") &&
	    X509_sign(cert, key, EVP_sha256()) > 0) {
		return cert;
	}
	X509_free(cert);
	return NULL;
}

/* `name` is [a-z0-9_.-], so it cannot break out of the extension's syntax. */
static X509 *make_leaf(struct tls_authority *a, const char *name)
{
	X509 *cert = begin_cert(a->leaf_key, "Writ", LEAF_DAYS);
	char san[NAME_MAX_BYTES + 8];

	(void)snprintf(san, sizeof(san), "DNS:%s", name);
	if (cert && X509_set_issuer_name(cert, X509_get_subject_name(a->cert)) == 1 &&
	    add_extension(cert, a->cert, NID_subject_alt_name, san) &&
	    add_extension(cert, a->cert, NID_basic_constraints, "critical,CA:FALSE") &&
	    add_extension(cert, a->cert, NID_key_usage, "critical,digitalSignature") &&
	    add_extension(cert, a->cert, NID_ext_key_usage, "serverAuth") &&
	    add_extension(cert, a->cert, NID_authority_key_identifier, "keyid") &&
	    X509_sign(cert, a->key, EVP_sha256()) > 0) {
		return cert;
	}
	X509_free(cert);
	return NULL;
}

/* Lower case into `to`; false when it is no host's name. */
static bool canonical(const char *from, char to[NAME_MAX_BYTES + 1])
{
	size_t n = 0;

	for (; from[n]; n++) {
		char c = from[n] >= 'A' && from[n] <= 'Z' ? (char)(from[n] + 32) : from[n];

		if (n == NAME_MAX_BYTES || !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
					     c == '-' || c == '_' || c == '.')) {
			return false;
		}
		to[n] = c;
	}
	to[n] = '\0';
	return n > 0;
}

static void forget_all(struct tls_authority *a)
{
	for (size_t i = 0; i < a->n; i++) {
		X509_free(a->kept[i].cert); /* sessions that show it keep their own hold */
	}
	a->n = 0;
}

static X509 *cert_for(struct tls_authority *a, const char *name)
{
	X509 *cert;

	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->kept[i].name, name) == 0) {
			return a->kept[i].cert;
		}
	}
	cert = make_leaf(a, name);
	if (!cert) {
		return NULL;
	}
	if (a->n == TLS_AUTHORITY_KEPT) {
		forget_all(a);
	}
	(void)snprintf(a->kept[a->n].name, sizeof(a->kept[a->n].name), "%s", name);
	a->kept[a->n++].cert = cert;
	return cert;
}

static int on_server_name(SSL *ssl, int *alert, void *user)
{
	struct tls_authority *a = user;
	const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	char name[NAME_MAX_BYTES + 1];
	X509 *cert;

	*alert = SSL_AD_UNRECOGNIZED_NAME;
	if (!asked || !canonical(asked, name)) {
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	cert = cert_for(a, name);
	if (!cert || SSL_use_certificate(ssl, cert) != 1 ||
	    SSL_use_PrivateKey(ssl, a->leaf_key) != 1) {
		*alert = SSL_AD_INTERNAL_ERROR;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	return SSL_TLSEXT_ERR_OK;
}

static void take_pem(BIO *b, struct buf *to)
{
	char *text;
	long n = BIO_get_mem_data(b, &text);

	buf_append(to, str_make(text, n > 0 ? (size_t)n : 0));
	if (n > 0) {
		secret_wipe(text, (size_t)n);
	}
}

enum err_code tls_authority_make(struct buf *cert, struct buf *key, struct err *err)
{
	BIO *cert_out, *key_out;
	EVP_PKEY *k;
	X509 *c;
	bool ok;

	TRY(tls_load(err));
	k = EVP_EC_gen("P-256");
	c = k ? make_root(k, "Writ, the exit of this node") : NULL;
	cert_out = BIO_new(BIO_s_mem());
	key_out = BIO_new(BIO_s_mem());
	ok = c && cert_out && key_out && PEM_write_bio_X509(cert_out, c) == 1 &&
	     PEM_write_bio_PKCS8PrivateKey(key_out, k, NULL, NULL, 0, NULL, NULL) == 1;
	if (ok) {
		take_pem(cert_out, cert);
		take_pem(key_out, key);
	}
	BIO_free(cert_out);
	BIO_free(key_out);
	X509_free(c);
	EVP_PKEY_free(k);
	if (!ok) {
		return tls_err(err, ERR_NOMEM, "an authority cannot be made");
	}
	return cert->failed || key->failed ? ERR(err, ERR_NOMEM, "no memory for an authority")
					   : ERR_OK;
}

static bool read_pem(struct tls_authority *a, struct str cert_pem, struct str key_pem)
{
	BIO *cert = BIO_new_mem_buf(cert_pem.p, (int)cert_pem.n);
	BIO *key = BIO_new_mem_buf(key_pem.p, (int)key_pem.n);

	a->cert = cert ? PEM_read_bio_X509(cert, NULL, NULL, NULL) : NULL;
	a->key = key ? PEM_read_bio_PrivateKey(key, NULL, NULL, NULL) : NULL;
	BIO_free(cert);
	BIO_free(key);
	return a->cert && a->key && X509_check_private_key(a->cert, a->key) == 1;
}

/* Without certificate and key. The context comes first: with it OpenSSL learns to read no files. */
static enum err_code begin(struct tls_authority **ret, struct err *err)
{
	struct tls_authority *a;

	*ret = NULL;
	TRY(tls_load(err));
	a = calloc(1, sizeof(*a));
	if (!a) {
		return ERR(err, ERR_NOMEM, "no memory for an authority");
	}
	*ret = a;
	TRY(tls_server_bare(&a->ctx, err));
	a->leaf_key = EVP_EC_gen("P-256");
	if (!a->leaf_key) {
		return tls_err(err, ERR_NOMEM, "a key cannot be made");
	}
	SSL_CTX_set_tlsext_servername_callback(tls_ctx_ssl(a->ctx), on_server_name);
	SSL_CTX_set_tlsext_servername_arg(tls_ctx_ssl(a->ctx), a);
	return ERR_OK;
}

static enum err_code finish(struct tls_authority *a, enum err_code code, struct tls_authority **ret)
{
	if (code) {
		tls_authority_free(a);
	} else {
		*ret = a;
	}
	return code;
}

enum err_code tls_authority_new(struct str cert_pem, struct str key_pem, struct tls_authority **ret,
				struct err *err)
{
	struct tls_authority *a;
	enum err_code code = begin(&a, err);

	if (!code &&
	    (cert_pem.n > 1 << 16 || key_pem.n > 1 << 16 || !read_pem(a, cert_pem, key_pem))) {
		code = tls_err(err, ERR_INVALID, "the authority's certificate and key");
	}
	return finish(a, code, ret);
}

static enum err_code make_own(struct tls_authority *a, struct buf *cert, struct err *err)
{
	BIO *out = BIO_new(BIO_s_mem());
	bool ok;

	a->key = EVP_EC_gen("P-256");
	a->cert = a->key ? make_root(a->key, "Writ, the exit of this run") : NULL;
	ok = out && a->cert && PEM_write_bio_X509(out, a->cert) == 1;
	if (ok) {
		take_pem(out, cert);
	}
	BIO_free(out);
	if (!ok) {
		return tls_err(err, ERR_NOMEM, "an authority cannot be made");
	}
	return cert->failed ? ERR(err, ERR_NOMEM, "no memory for an authority") : ERR_OK;
}

enum err_code tls_authority_own(struct buf *cert, struct tls_authority **ret, struct err *err)
{
	struct tls_authority *a;
	enum err_code code = begin(&a, err);

	return finish(a, code ? code : make_own(a, cert, err), ret);
}

void tls_authority_free(struct tls_authority *a)
{
	if (!a) {
		return;
	}
	if (a->ctx) {
		SSL_CTX_set_tlsext_servername_callback(tls_ctx_ssl(a->ctx), NULL);
	}
	forget_all(a);
	tls_ctx_free(a->ctx);
	X509_free(a->cert);
	EVP_PKEY_free(a->key);
	EVP_PKEY_free(a->leaf_key);
	free(a);
}

struct tls_ctx *tls_authority_ctx(struct tls_authority *a)
{
	return a->ctx;
}

size_t tls_authority_kept(const struct tls_authority *a)
{
	return a->n;
}
