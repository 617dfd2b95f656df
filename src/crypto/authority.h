/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An authority of our own, that signs a certificate for whatever name a TLS client asks for:
 * where policy has a tunnel looked into, the agent's side of it ends here. Only those
 * who were given its certificate trust it; it is made anew at each start.
 *
 * ECDSA with P-256 (FIPS 186-4). Certificates are for one name, live a week and are kept
 * for the next client, up to a bound.
 */
#ifndef CRYPTO_AUTHORITY_H
#define CRYPTO_AUTHORITY_H

#include "base/buf.h"
#include "crypto/tls.h"

enum { TLS_AUTHORITY_KEPT = 256 };

struct tls_authority;

/* A new authority as PEM: `cert` is for everybody, `key` is a secret (wipe the buffer). */
enum err_code tls_authority_make(struct buf *cert, struct buf *key, struct err *err) MUST_USE;

/* ERR_INVALID when the PEM does not parse or the key does not fit. */
enum err_code tls_authority_new(struct str cert_pem, struct str key_pem, struct tls_authority **ret,
				struct err *err) MUST_USE;

/* One whose key never leaves this process: `cert` (PEM) is for whoever is to trust it. */
enum err_code tls_authority_own(struct buf *cert, struct tls_authority **ret,
				struct err *err) MUST_USE;
void tls_authority_free(struct tls_authority *a);

/*
 * The context for sessions with clients, which lives as long as the authority or the last session. A
 * client that names no server, or one that is no host's name, is refused.
 */
struct tls_ctx *tls_authority_ctx(struct tls_authority *a);

/* How many certificates are kept, for tests. */
size_t tls_authority_kept(const struct tls_authority *a);

#endif
