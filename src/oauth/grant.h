/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking an authorization server for a token as a client of its own (RFC 6749 section 4.4), proved by a secret
 * or by a key (RFC 7523 section 2.2), for one resource (RFC 8707); and what it answers.
 */
#ifndef OAUTH_GRANT_H
#define OAUTH_GRANT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "crypto/jws.h"
#include "oauth/discover.h"

enum { OAUTH_ANSWER_BYTES = 64 << 10, OAUTH_ASSERTION_SECONDS = 60 };

struct oauth_client {
	struct str id;
	struct str secret;               /* empty: a key proves who it is */
	const struct jws_signer *signer; /* NULL: the secret does */
	struct str key_id;               /* of the signer; empty: not named */
};

struct oauth_request {
	const struct oauth_client *client;
	const struct oauth_server *server;
	struct str resource;
	const struct str *scopes;
	size_t n_scopes;
	uint64_t now; /* seconds since 1970 */
	uint8_t nonce[16];
};

/*
 * The body of the request to the token endpoint, and, with client_secret_basic, the value of its
 * Authorization field (else empty). Both hold secrets: wipe the buffers. ERR_UNSUPPORTED when the server
 * takes no proof that the client has.
 */
enum err_code oauth_request_write(const struct oauth_request *r, struct buf *body,
				  struct buf *authorization, struct err *err) MUST_USE;

struct oauth_token {
	struct str token; /* visible characters; in the arena or the text */
	uint64_t seconds; /* how long it holds; 0: not said */
};

/* ERR_DENIED with the server's error code, or ERR_INVALID for what is no answer of one. */
enum err_code oauth_token_read(struct arena *a, int status, struct str text,
			       struct oauth_token *ret, struct err *err) MUST_USE;

/* application/x-www-form-urlencoded, as RFC 6749 appendix B has it. */
void oauth_form_append(struct buf *to, struct str text);

#endif
