/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS 1.2 and 1.3 over a non-blocking socket, by OpenSSL. Certificates, keys
 * and authorities come as bytes: the roles that speak TLS cannot open files.
 * No memory is taken before a context is made, and a session only while a
 * connection lives. OpenSSL itself is loaded by tls_load(), else with the first context: that opens
 * files, so a role that will speak TLS loads it before its jail.
 *
 * TLS 1.2 is limited to ECDHE with AEAD ciphers; no renegotiation, no
 * compression, no tickets on the server. Truncation is an error, never an end.
 */
#ifndef CRYPTO_TLS_H
#define CRYPTO_TLS_H

#include "base/arena.h"
#include "base/err.h"

struct tls_ctx; /* one for each listener or upstream; shared by its sessions */
struct tls;     /* one connection */

enum { TLS_FINGERPRINT = 32 };

enum tls_client_auth { TLS_CLIENT_NONE = 0, TLS_CLIENT_OPTIONAL, TLS_CLIENT_REQUIRED };

struct tls_server_config {
	struct str cert_pem;      /* leaf first, then its chain */
	struct str key_pem;       /* unencrypted */
	struct str client_ca_pem; /* with client_auth other than NONE */
	enum tls_client_auth client_auth;
	bool http2; /* offer "h2" before "http/1.1" */
};

/* ERR_UNSUPPORTED: this machine has none that fits. Done once, the others cost nothing. */
enum err_code tls_load(struct err *err) MUST_USE;

/* Copies what it needs. ERR_INVALID when the PEM does not parse or the key does not fit. */
enum err_code tls_server_new(const struct tls_server_config *c, struct tls_ctx **ret,
			     struct err *err) MUST_USE;

struct tls_client_config {
	struct str ca_pem;            /* trust exactly these authorities */
	struct tls_ctx *trust_as;     /* instead of ca_pem: those of this client, in one copy */
	struct str cert_pem, key_pem; /* our own certificate; both empty for none */
	bool http2, only_http2;       /* offer "h2" before "http/1.1", or alone */
};

enum err_code tls_client_new(const struct tls_client_config *c, struct tls_ctx **ret,
			     struct err *err) MUST_USE;

/* Of a server: whether sessions from now on are offered "h2" before "http/1.1". */
void tls_ctx_offer_http2(struct tls_ctx *ctx, bool on);

/* Sessions keep their context alive by themselves. Accepts NULL. */
void tls_ctx_free(struct tls_ctx *ctx);

/* A session over fd, which stays the caller's. The handshake happens inside read and write. */
enum err_code tls_accept(struct tls_ctx *ctx, int fd, struct tls **ret, struct err *err) MUST_USE;

/* SHA-256 of the certificates (DER) that a peer may show; n 0: any that verifies. */
struct tls_pins {
	const uint8_t (*items)[TLS_FINGERPRINT];
	size_t n;
};

/*
 * `host` (a name or an IP literal) is sent as SNI when it is a name, and the
 * certificate must be for it. With pins (which must outlive the session; NULL for none) the leaf
 * must also be one of them.
 */
enum err_code tls_connect(struct tls_ctx *ctx, int fd, struct str host, const struct tls_pins *pins,
			  struct tls **ret, struct err *err) MUST_USE;

/* What went wrong, for the operator; NULL while nothing has. Lives with t. */
const char *tls_why_failed(const struct tls *t);

/* Accepts NULL. Sends nothing. */
void tls_free(struct tls *t);

enum tls_result {
	TLS_FAILED = 0,
	TLS_DONE,       /* *ret_n bytes were moved */
	TLS_WANT_READ,  /* call again when the socket is readable */
	TLS_WANT_WRITE, /* call again when it is writable */
	TLS_EOF,        /* the peer's close_notify */
};

enum tls_result tls_read(struct tls *t, void *to, size_t n, size_t *ret_n, struct err *err);

/* After WANT_* the same bytes must come again (they may have moved). */
enum tls_result tls_write(struct tls *t, const void *from, size_t n, size_t *ret_n,
			  struct err *err);

/* Bytes that a read would give without touching the socket. */
bool tls_has_pending(const struct tls *t);

/* Sends close_notify if it can. */
void tls_shutdown(struct tls *t);

bool tls_established(const struct tls *t);

/* Of a verified peer certificate: false when the peer showed none. */
bool tls_peer_fingerprint(const struct tls *t, uint8_t ret[TLS_FINGERPRINT]);

/* The subject in RFC 2253 form, in the arena; empty when there is none. */
struct str tls_peer_subject(const struct tls *t, struct arena *a);

/* Of a server's session: the name that the client asked for; p NULL when none. Lives with t. */
struct str tls_server_name(const struct tls *t);

/* The negotiated application protocol: "h2", "http/1.1", or empty. Lives with t. */
struct str tls_alpn(const struct tls *t);

#endif
