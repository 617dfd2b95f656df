/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A person's login at a server, as it is kept between two requests: first what was asked for, until the person
 * has answered, then the tokens. Everything that is needed to go on is in it, so who keeps it (sealed: see
 * crypto/box.h) needs no memory of its own. It is JSON:
 *
 *   {"issuer":..,"token_endpoint":..,"client_id":..,...}
 *
 * valid if and only if each member is one of the table in login.c, of its type and within its length, and
 * issuer, token endpoint, client and method are there.
 */
#ifndef OAUTH_LOGIN_H
#define OAUTH_LOGIN_H

#include "oauth/grant.h"

enum {
	OAUTH_LOGIN_BYTES = 14 << 10,
	OAUTH_CLIENT_MAX = 1024, /* bytes of an id or a secret that was given at registration */
	OAUTH_SCOPES_TEXT_MAX = 2048, /* of a list of scopes, as one text */
	OAUTH_ACCESS_MAX = 4096,      /* of an access token that is kept; longer ones are not */
	OAUTH_CODE_MAX = 2048,
	OAUTH_PKCE_BYTES = 32,
	OAUTH_STATE_BYTES = 16,
};

struct oauth_login {
	struct str issuer, token_endpoint, revocation;
	struct str client,
		secret; /* the secret only of one that was registered: others are configured */
	enum oauth_method method;
	struct str resource; /* empty: the login is at an identity provider, for its ID tokens */
	struct str scope;    /* that was asked for */
	/* until it is answered */
	struct str redirect, state, verifier; /* of a consent in a browser */
	struct str device;                    /* the device code */
	bool says_issuer;
	/* then */
	struct str access, refresh; /* access: of an identity provider an ID token */
	uint64_t until;             /* of `access`, seconds since 1970; 0: not said */
};

/* An access token for which there is no room is left out. ERR_LIMIT when the rest has none. */
enum err_code oauth_login_write(const struct oauth_login *l, struct buf *to,
				struct err *err) MUST_USE;

/* In the arena. ERR_INVALID, ERR_LIMIT: it was written by somebody else. */
enum err_code oauth_login_read(struct arena *a, struct str text, struct oauth_login *ret,
			       struct err *err) MUST_USE;

/* ---- the consent ---- */

/* Makes state and verifier of these random bytes, in the arena. */
void oauth_login_begin(struct arena *a, const uint8_t random[OAUTH_STATE_BYTES + OAUTH_PKCE_BYTES],
		       struct oauth_login *l);

/* Where the person is to say yes: the authorization request (RFC 6749 section 4.1.1, RFC 7636, RFC 8707). */
void oauth_consent_write(struct buf *to, struct str endpoint, const struct oauth_login *l);

/*
 * What came back to the redirect: the query of its URL (RFC 6749 section 4.1.2). In this order: the state is
 * ours (ERR_DENIED), the issuer is the one that was asked (RFC 9207, ERR_DENIED; by plain comparison), it is
 * no refusal (ERR_DENIED with its code), there is a code. A parameter that comes twice is ERR_INVALID.
 */
enum err_code oauth_consent_read(struct arena *a, struct str query, const struct oauth_login *l,
				 struct str *ret_code, struct err *err) MUST_USE;

/* ---- a device (RFC 8628 section 3.2) ---- */

struct oauth_device {
	struct str device;        /* the code that is asked with */
	struct str user;          /* the one that the person types */
	struct str url, complete; /* where; complete: with the code in it, or empty */
	uint64_t seconds, interval;
};

enum err_code oauth_device_read(struct arena *a, struct str text, struct oauth_device *ret,
				struct err *err) MUST_USE;

/* ---- a client that registers itself (RFC 7591) ---- */

/* As a native program that asks a person; with an empty redirect: by a device code. */
void oauth_registration_write(struct buf *to, const struct oauth_server *s, struct str redirect,
			      struct str scope);

/* Sets client, secret and method. ERR_DENIED with the server's error code. */
enum err_code oauth_registration_read(struct arena *a, int status, struct str text,
				      const struct oauth_server *s, struct oauth_login *ret,
				      struct err *err) MUST_USE;

/* ---- scopes ---- */

/* The words of both texts, each once; what is no scope is left out. In the arena. */
struct str oauth_scopes_join(struct arena *a, struct str first, struct str second);

#endif
