/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client asks an authorization server, by POST: for a token, as a client of its own (RFC 6749 section
 * 4.4), for a person (sections 4.1 and 6, RFC 8628), or for what an identity provider vouches for (RFC 7523 section
 * 2.1; that is asked by RFC 8693: oauth/exchange.h), and to take one back (RFC 7009); proved by a secret, by a
 * key (RFC 7523 section 2.2) or, of a client without either, by its name; for one resource (RFC 8707). And what
 * it answers.
 */
#ifndef OAUTH_GRANT_H
#define OAUTH_GRANT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "crypto/jws.h"
#include "oauth/discover.h"

enum {
	OAUTH_ANSWER_BYTES = 64 << 10,
	OAUTH_ASSERTION_SECONDS = 60,
	OAUTH_REFRESH_MAX = 4096, /* bytes of a token to refresh with */
};

#define OAUTH_DEVICE_GRANT "urn:ietf:params:oauth:grant-type:device_code"
#define OAUTH_TOKEN_TYPE   "urn:ietf:params:oauth:token-type:"
#define OAUTH_ID_JAG       OAUTH_TOKEN_TYPE "id-jag"

/* How a client proves who it is. */
enum oauth_method {
	OAUTH_METHOD_ANY = 0, /* the first of these that it and the server have */
	OAUTH_METHOD_KEY,
	OAUTH_METHOD_BASIC,
	OAUTH_METHOD_POST,
	OAUTH_METHOD_NONE, /* it has nothing but a name */
	OAUTH_METHOD_MAX
};

/* As RFC 7591 section 2 calls it; empty for ANY. */
struct str oauth_method_name(enum oauth_method m);
enum oauth_method oauth_method_by_name(struct str name); /* ANY for others */

struct oauth_client {
	struct str id;
	enum oauth_method method;
	struct str secret;               /* empty: a key proves who it is */
	const struct jws_signer *signer; /* NULL: the secret does */
	struct str key_id;               /* of the signer; empty: not named */
};

enum oauth_ask {
	OAUTH_ASK_CREDENTIALS = 0, /* a token for the client itself */
	OAUTH_ASK_CODE,            /* `code` is what the consent was answered with */
	OAUTH_ASK_REFRESH,         /* a token to refresh with */
	OAUTH_ASK_DEVICE,          /* a device code */
	OAUTH_ASK_DEVICE_CODE,     /* for such a code */
	OAUTH_ASK_REVOKE,          /* a token to refresh with, to be taken back */
	OAUTH_ASK_REVOKE_ACCESS,   /* an access token */
	OAUTH_ASK_EXCHANGE,        /* a token that says for whom, for an ID-JAG */
	OAUTH_ASK_ASSERTION,       /* that ID-JAG */
};

struct oauth_request {
	enum oauth_ask ask;
	struct str code;
	struct str redirect, verifier; /* of CODE */
	struct str audience, type;     /* of EXCHANGE; type: behind OAUTH_TOKEN_TYPE */
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

/* Which one is used; ANY: the server takes no proof that the client has. */
enum oauth_method oauth_method_choose(const struct oauth_client *c, const struct oauth_server *s);

struct oauth_token {
	struct str token;   /* visible characters; in the arena or the text */
	uint64_t seconds;   /* how long it holds; 0: not said */
	struct str refresh; /* empty: none */
	struct str scope;   /* what was given, where it is said */
};

/* ERR_DENIED with the server's error code, or ERR_INVALID for what is no answer of one. */
enum err_code oauth_token_read(struct arena *a, int status, struct str text,
			       struct oauth_token *ret, struct err *err) MUST_USE;

/* Characters that ids, secrets and codes may have (VSCHAR of RFC 6749 appendix A); an empty text is. */
bool oauth_is_visible(struct str s);

/* Can it stand in a header: b64token of RFC 6750 section 2.1, of OAUTH_TOKEN_MAX bytes at most? */
bool oauth_is_token(struct str s);

/* An answer as a tree, within the limits of what a stranger may say. */
enum err_code oauth_answer_parse(struct arena *a, struct str text, const struct json **ret,
				 struct err *err) MUST_USE;

/* The error code of a refusal, a word (RFC 6749 section 5.2); empty without one. */
struct str oauth_refusal_read(struct arena *a, struct str text);

/* application/x-www-form-urlencoded, as RFC 6749 appendix B has it. */
void oauth_form_append(struct buf *to, struct str text);

#endif
