/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of crypto/ that speak TLS. */
#ifndef CRYPTO_TLS_PRIV_H
#define CRYPTO_TLS_PRIV_H

#include "crypto/tls.h"

#include <openssl/ssl.h>

/* A server's context without a certificate: who makes it sets one for each session. */
enum err_code tls_server_bare(struct tls_ctx **ret, struct err *err) MUST_USE;

SSL_CTX *tls_ctx_ssl(struct tls_ctx *ctx);

/* Reports the newest thing OpenSSL has to say and empties its queue. */
enum err_code tls_err(struct err *err, enum err_code code, const char *what);

#endif
