/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/tls_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

struct tls_ctx {
	SSL_CTX *ssl;
	BIO_METHOD *socket; /* OpenSSL's own socket BIO would raise SIGPIPE */
	unsigned refs;      /* the owner's and one for each session */
};

struct tls {
	SSL *ssl;
	struct tls_ctx *ctx;
	int fd;
	bool established, failed;
	struct err why; /* once failed */
	struct tls_pins pins;
};

enum err_code tls_err(struct err *err, enum err_code code, const char *what)
{
	unsigned long e = ERR_peek_last_error();
	const char *why = e ? ERR_reason_error_string(e) : NULL;

	ERR_clear_error();
	return ERR(err, code, "%s: %s", what, why ? why : "unknown failure");
}

static int bio_write(BIO *b, const char *from, size_t n, size_t *ret_n)
{
	ssize_t r = send(((const struct tls *)BIO_get_data(b))->fd, from, n, MSG_NOSIGNAL);

	BIO_clear_retry_flags(b);
	if (r <= 0) {
		if (r < 0 && (errno == EAGAIN || errno == EINTR)) {
			BIO_set_retry_write(b);
		}
		return 0;
	}
	*ret_n = (size_t)r;
	return 1;
}

static int bio_read(BIO *b, char *to, size_t n, size_t *ret_n)
{
	ssize_t r = recv(((const struct tls *)BIO_get_data(b))->fd, to, n, 0);

	BIO_clear_retry_flags(b);
	if (r <= 0) {
		if (r < 0 && (errno == EAGAIN || errno == EINTR)) {
			BIO_set_retry_read(b);
		} else if (r == 0) {
			BIO_set_flags(b, BIO_FLAGS_IN_EOF);
		}
		return 0;
	}
	*ret_n = (size_t)r;
	return 1;
}

static long bio_control(BIO *b, int cmd, long n, void *p)
{
	(void)n;
	(void)p;
	if (cmd == BIO_CTRL_EOF) {
		return BIO_test_flags(b, BIO_FLAGS_IN_EOF) != 0;
	}
	return cmd == BIO_CTRL_FLUSH;
}

static BIO_METHOD *socket_method(void)
{
	/* BIO_get_new_index() has 127 of them for a process; nothing here asks for the type. */
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK | 0xff, "writ socket");

	if (m && (!BIO_meth_set_write_ex(m, bio_write) || !BIO_meth_set_read_ex(m, bio_read) ||
		  !BIO_meth_set_ctrl(m, bio_control))) {
		BIO_meth_free(m);
		m = NULL;
	}
	return m;
}

static void ctx_unref(struct tls_ctx *ctx)
{
	if (--ctx->refs == 0) {
		SSL_CTX_free(ctx->ssl);
		BIO_meth_free(ctx->socket);
		free(ctx);
	}
}

void tls_ctx_free(struct tls_ctx *ctx)
{
	if (ctx) {
		ctx_unref(ctx);
	}
}

static struct tls_ctx *ctx_new(const SSL_METHOD *method)
{
	struct tls_ctx *ctx = calloc(1, sizeof(*ctx));

	if (!ctx) {
		return NULL;
	}
	ctx->refs = 1;
	/* The system's openssl.cnf is a file, and the roles that speak TLS cannot open any. */
	ctx->ssl = OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) ? SSL_CTX_new(method) : NULL;
	ctx->socket = socket_method();
	if (!ctx->ssl || !ctx->socket || !SSL_CTX_set_min_proto_version(ctx->ssl, TLS1_2_VERSION) ||
	    !SSL_CTX_set_cipher_list(ctx->ssl, "ECDHE+AESGCM:ECDHE+CHACHA20")) {
		ctx_unref(ctx);
		return NULL;
	}
	SSL_CTX_set_options(ctx->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					      SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_TICKET);
	SSL_CTX_set_mode(ctx->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
					   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					   SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx->ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_read_ahead(ctx->ssl, 1);
	return ctx;
}

static BIO *pem_bio(struct str pem)
{
	return pem.n && pem.n <= INT32_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
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

static bool use_key(SSL_CTX *ssl, struct str pem)
{
	BIO *b = pem_bio(pem);
	EVP_PKEY *key = b ? PEM_read_bio_PrivateKey(b, NULL, no_password, NULL) : NULL;
	bool ok =
		key && SSL_CTX_use_PrivateKey(ssl, key) == 1 && SSL_CTX_check_private_key(ssl) == 1;

	EVP_PKEY_free(key);
	BIO_free(b);
	return ok;
}

/* The end of the PEM text is reported as an error of its own; any other is a fault. */
static bool at_pem_end(void)
{
	unsigned long e = ERR_peek_last_error();
	bool end = ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE;

	if (end) {
		ERR_clear_error();
	}
	return end;
}

static bool use_chain(SSL_CTX *ssl, struct str pem)
{
	BIO *b = pem_bio(pem);
	X509 *cert = b ? PEM_read_bio_X509_AUX(b, NULL, no_password, NULL) : NULL;
	bool ok = cert && SSL_CTX_use_certificate(ssl, cert) == 1;

	X509_free(cert);
	while (ok && (cert = PEM_read_bio_X509(b, NULL, no_password, NULL))) {
		ok = SSL_CTX_add0_chain_cert(ssl, cert) == 1;
		if (!ok) {
			X509_free(cert);
		}
	}
	ok = ok && at_pem_end();
	BIO_free(b);
	return ok;
}

static bool use_authorities(SSL_CTX *ssl, struct str pem, bool announce)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ssl);
	BIO *b = pem_bio(pem);
	bool ok = b != NULL;
	size_t n = 0;
	X509 *cert;

	while (ok && (cert = PEM_read_bio_X509(b, NULL, no_password, NULL))) {
		ok = X509_STORE_add_cert(store, cert) == 1 &&
		     (!announce || SSL_CTX_add_client_CA(ssl, cert) == 1);
		X509_free(cert);
		n++;
	}
	ok = ok && n > 0 && at_pem_end();
	BIO_free(b);
	return ok;
}

static const unsigned char ALPN_BOTH[] = "\x02h2\x08http/1.1";
static const unsigned char ALPN_HTTP1[] = "\x08http/1.1";
enum {
	ALPN_H2_LEN = 3, /* the first of both */
	ALPN_BOTH_LEN = sizeof(ALPN_BOTH) - 1,
	ALPN_HTTP1_LEN = sizeof(ALPN_HTTP1) - 1,
};

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_n,
			   const unsigned char *in, unsigned in_n, void *user)
{
	bool both = user != NULL;
	unsigned char *chosen;

	(void)ssl;
	if (SSL_select_next_proto(&chosen, out_n, both ? ALPN_BOTH : ALPN_HTTP1,
				  both ? ALPN_BOTH_LEN : ALPN_HTTP1_LEN, in,
				  in_n) != OPENSSL_NPN_NEGOTIATED) {
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

void tls_ctx_offer_http2(struct tls_ctx *ctx, bool on)
{
	SSL_CTX_set_alpn_select_cb(ctx->ssl, choose_protocol, on ? ctx : NULL);
}

static enum err_code ask_for_client(struct tls_ctx *ctx, const struct tls_server_config *c,
				    struct err *err)
{
	int mode = SSL_VERIFY_PEER;

	if (c->client_auth == TLS_CLIENT_NONE) {
		return ERR_OK;
	}
	if (c->client_auth == TLS_CLIENT_REQUIRED) {
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	}
	if (!use_authorities(ctx->ssl, c->client_ca_pem, true)) {
		return tls_err(err, ERR_INVALID, "client authorities");
	}
	SSL_CTX_set_verify(ctx->ssl, mode, NULL);
	return ERR_OK;
}

SSL_CTX *tls_ctx_ssl(struct tls_ctx *ctx)
{
	return ctx->ssl;
}

enum err_code tls_server_bare(struct tls_ctx **ret, struct err *err)
{
	struct tls_ctx *ctx;

	TRY(tls_load(err));
	ctx = ctx_new(TLS_server_method());
	if (!ctx) {
		return tls_err(err, ERR_NOMEM, "TLS server");
	}
	tls_ctx_offer_http2(ctx, false);
	if (!SSL_CTX_set_num_tickets(ctx->ssl, 0)) {
		ctx_unref(ctx);
		return tls_err(err, ERR_NOMEM, "TLS server");
	}
	*ret = ctx;
	return ERR_OK;
}

static enum err_code server_set_up(struct tls_ctx *ctx, const struct tls_server_config *c,
				   struct err *err)
{
	if (!use_chain(ctx->ssl, c->cert_pem)) {
		return tls_err(err, ERR_INVALID, "server certificate");
	}
	if (!use_key(ctx->ssl, c->key_pem)) {
		return tls_err(err, ERR_INVALID, "server key");
	}
	tls_ctx_offer_http2(ctx, c->http2);
	if (!SSL_CTX_set_num_tickets(ctx->ssl, 0)) {
		return tls_err(err, ERR_NOMEM, "TLS server");
	}
	return ask_for_client(ctx, c, err);
}

enum err_code tls_server_new(const struct tls_server_config *c, struct tls_ctx **ret,
			     struct err *err)
{
	struct tls_ctx *ctx;
	enum err_code code;

	TRY(tls_load(err));
	ctx = ctx_new(TLS_server_method());
	if (!ctx) {
		return tls_err(err, ERR_NOMEM, "TLS server");
	}
	code = server_set_up(ctx, c, err);
	if (code) {
		ctx_unref(ctx);
		return code;
	}
	*ret = ctx;
	return ERR_OK;
}

static enum err_code client_set_up(struct tls_ctx *ctx, const struct tls_client_config *c,
				   struct err *err)
{
	if (c->trust_as) {
		SSL_CTX_set1_cert_store(ctx->ssl, SSL_CTX_get_cert_store(c->trust_as->ssl));
	} else if (!use_authorities(ctx->ssl, c->ca_pem, false)) {
		return tls_err(err, ERR_INVALID, "authorities");
	}
	if (c->cert_pem.n &&
	    (!use_chain(ctx->ssl, c->cert_pem) || !use_key(ctx->ssl, c->key_pem))) {
		return tls_err(err, ERR_INVALID, "client certificate and key");
	}
	SSL_CTX_set_verify(ctx->ssl, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_set_alpn_protos(ctx->ssl, c->http2 ? ALPN_BOTH : ALPN_HTTP1,
				    c->only_http2 ? ALPN_H2_LEN
				    : c->http2    ? ALPN_BOTH_LEN
						  : ALPN_HTTP1_LEN) != 0) {
		return tls_err(err, ERR_NOMEM, "TLS client");
	}
	return ERR_OK;
}

enum err_code tls_client_new(const struct tls_client_config *c, struct tls_ctx **ret,
			     struct err *err)
{
	struct tls_ctx *ctx;
	enum err_code code;

	TRY(tls_load(err));
	ctx = ctx_new(TLS_client_method());
	if (!ctx) {
		return tls_err(err, ERR_NOMEM, "TLS client");
	}
	code = client_set_up(ctx, c, err);
	if (code) {
		ctx_unref(ctx);
		return code;
	}
	*ret = ctx;
	return ERR_OK;
}

static struct tls *session_new(struct tls_ctx *ctx, int fd)
{
	struct tls *t = calloc(1, sizeof(*t));
	SSL *ssl = t ? SSL_new(ctx->ssl) : NULL;
	BIO *b = ssl ? BIO_new(ctx->socket) : NULL;

	if (!b) {
		SSL_free(ssl);
		free(t);
		return NULL;
	}
	BIO_set_data(b, t);
	BIO_set_init(b, 1);
	SSL_set_bio(ssl, b, b);
	t->ssl = ssl;
	t->fd = fd;
	t->ctx = ctx;
	ctx->refs++;
	return t;
}

enum err_code tls_accept(struct tls_ctx *ctx, int fd, struct tls **ret, struct err *err)
{
	struct tls *t = session_new(ctx, fd);

	if (!t) {
		return tls_err(err, ERR_NOMEM, "TLS session");
	}
	SSL_set_accept_state(t->ssl);
	*ret = t;
	return ERR_OK;
}

static bool is_ip(const char *host)
{
	unsigned char to[16];

	return inet_pton(AF_INET, host, to) == 1 || inet_pton(AF_INET6, host, to) == 1;
}

static bool expect_host(SSL *ssl, char *host)
{
	if (is_ip(host)) {
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	}
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

enum err_code tls_connect(struct tls_ctx *ctx, int fd, struct str host, const struct tls_pins *pins,
			  struct tls **ret, struct err *err)
{
	char name[256];
	struct tls *t;

	if (host.n == 0 || host.n >= sizeof(name) || memchr(host.p, '\0', host.n)) {
		return ERR(err, ERR_INVALID, "no usable name to verify the TLS server by");
	}
	memcpy(name, host.p, host.n);
	name[host.n] = '\0';
	t = session_new(ctx, fd);
	if (!t) {
		return tls_err(err, ERR_NOMEM, "TLS session");
	}
	SSL_set_connect_state(t->ssl);
	if (!expect_host(t->ssl, name)) {
		tls_free(t);
		return tls_err(err, ERR_INVALID, "TLS server name");
	}
	if (pins) {
		t->pins = *pins;
	}
	*ret = t;
	return ERR_OK;
}

const char *tls_why_failed(const struct tls *t)
{
	return t->failed ? t->why.msg : NULL;
}

void tls_free(struct tls *t)
{
	if (t) {
		SSL_free(t->ssl);
		ctx_unref(t->ctx);
		free(t);
	}
}

static enum tls_result failed(struct tls *t, struct err *err)
{
	long verify = SSL_get_verify_result(t->ssl);

	t->failed = true;
	if (!t->established && verify != X509_V_OK) {
		ERR_clear_error();
		err_ignore(ERR(&t->why, ERR_INVALID, "TLS certificate: %s",
			       X509_verify_cert_error_string(verify)));
	} else {
		err_ignore(tls_err(&t->why, ERR_CLOSED, "TLS"));
	}
	if (err) {
		*err = t->why;
	}
	return TLS_FAILED;
}

/* What a call that moved nothing means. */
static enum tls_result outcome(struct tls *t, int rc, struct err *err)
{
	switch (SSL_get_error(t->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_EOF;
	default:
		return failed(t, err);
	}
}

static bool is_pinned(const struct tls *t)
{
	uint8_t fingerprint[TLS_FINGERPRINT];

	if (t->pins.n == 0) {
		return true;
	}
	if (!tls_peer_fingerprint(t, fingerprint)) {
		return false;
	}
	for (size_t i = 0; i < t->pins.n; i++) {
		if (CRYPTO_memcmp(fingerprint, t->pins.items[i], sizeof(fingerprint)) == 0) {
			return true;
		}
	}
	return false;
}

/* Nothing of ours may leave before the pins were compared: the handshake is a step of its own. */
static enum tls_result handshake(struct tls *t, struct err *err)
{
	int rc = SSL_do_handshake(t->ssl);

	if (rc != 1) {
		return outcome(t, rc, err);
	}
	if (!is_pinned(t)) {
		t->failed = true;
		err_ignore(ERR(&t->why, ERR_INVALID, "TLS certificate: not the pinned one"));
		if (err) {
			*err = t->why;
		}
		return TLS_FAILED;
	}
	t->established = true;
	return TLS_DONE;
}

static enum tls_result ready(struct tls *t, struct err *err)
{
	ERR_clear_error();
	if (t->failed) {
		err_ignore(ERR(err, ERR_CLOSED, "the TLS session has failed"));
		return TLS_FAILED;
	}
	return t->established ? TLS_DONE : handshake(t, err);
}

enum tls_result tls_read(struct tls *t, void *to, size_t n, size_t *ret_n, struct err *err)
{
	enum tls_result r = ready(t, err);
	int rc;

	if (r != TLS_DONE) {
		return r;
	}
	rc = SSL_read_ex(t->ssl, to, n, ret_n);
	return rc == 1 ? TLS_DONE : outcome(t, rc, err);
}

enum tls_result tls_write(struct tls *t, const void *from, size_t n, size_t *ret_n, struct err *err)
{
	enum tls_result r = ready(t, err);
	int rc;

	if (r != TLS_DONE) {
		return r;
	}
	rc = SSL_write_ex(t->ssl, from, n, ret_n);
	return rc == 1 ? TLS_DONE : outcome(t, rc, err);
}

bool tls_has_pending(const struct tls *t)
{
	return SSL_has_pending(t->ssl) == 1;
}

void tls_shutdown(struct tls *t)
{
	if (t->established && !t->failed) {
		ERR_clear_error();
		(void)SSL_shutdown(t->ssl); /* best effort: the socket may be full or gone */
		ERR_clear_error();
	}
}

bool tls_established(const struct tls *t)
{
	return t->established;
}

bool tls_peer_fingerprint(const struct tls *t, uint8_t ret[TLS_FINGERPRINT])
{
	X509 *cert = SSL_get0_peer_certificate(t->ssl);
	unsigned n = TLS_FINGERPRINT;

	return cert && SSL_get_verify_result(t->ssl) == X509_V_OK &&
	       X509_digest(cert, EVP_sha256(), ret, &n) == 1;
}

struct str tls_peer_subject(const struct tls *t, struct arena *a)
{
	X509 *cert = SSL_get0_peer_certificate(t->ssl);
	struct str s = {0};
	BIO *b;

	if (!cert || SSL_get_verify_result(t->ssl) != X509_V_OK) {
		return s;
	}
	b = BIO_new(BIO_s_mem());
	if (b && X509_NAME_print_ex(b, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) >= 0) {
		char *text;
		long n = BIO_get_mem_data(b, &text);

		s = arena_dup(a, str_make(text, n > 0 ? (size_t)n : 0));
	}
	BIO_free(b);
	return s;
}

struct str tls_server_name(const struct tls *t)
{
	return str_from_c(SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name));
}

struct str tls_alpn(const struct tls *t)
{
	const unsigned char *p;
	unsigned n;

	SSL_get0_alpn_selected(t->ssl, &p, &n);
	return str_make((const char *)p, n);
}
