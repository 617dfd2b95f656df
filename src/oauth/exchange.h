/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens that an organisation's identity provider vouches for (MCP extension enterprise-managed-authorization,
 * draft-ietf-oauth-identity-assertion-authz-grant): a client shows the provider a token that says for whom it
 * asks, gets an identity assertion (ID-JAG, by RFC 8693) that is meant for one authorization server and one
 * resource, and shows that to the authorization server (RFC 7523 section 2.1). The requests are oauth/grant.h's.
 *
 * What is checked is that they are what was asked for, so that nothing else is passed on. An identity assertion comes
 * straight from the provider over TLS, and the authorization server that it is for verifies its signature; that of an
 * ID token, which stands for a person here, is verified by oauth_id_token_verify.
 */
#ifndef OAUTH_EXCHANGE_H
#define OAUTH_EXCHANGE_H

#include "oauth/grant.h"

enum { OAUTH_EXCHANGE_SKEW = 60 }; /* seconds that two clocks may differ */

struct oauth_assertion_for {
	struct str provider; /* its issuer */
	struct str audience; /* issuer of the authorization server: the only one */
	struct str client;   /* as that one knows it */
	struct str resource; /* the only one */
	uint64_t now;
};

/*
 * The answer to OAUTH_ASK_EXCHANGE; *ret is the ID-JAG, in the arena. ERR_DENIED with the provider's error code,
 * or naming what is another than asked: type, issuer, audience, client, resource, time. ERR_INVALID for what is none.
 */
enum err_code oauth_assertion_read(struct arena *a, int status, struct str text,
				   const struct oauth_assertion_for *f, struct str *ret,
				   struct err *err) MUST_USE;

/*
 * The answer of a provider to a login: ret->token is its ID token, for `client` and from `issuer`, and
 * ret->seconds how long that holds. ERR_DENIED, ERR_INVALID as above.
 */
enum err_code oauth_id_token_read(struct arena *a, int status, struct str text, struct str issuer,
				  struct str client, uint64_t now, struct oauth_token *ret,
				  struct err *err) MUST_USE;

/*
 * Is this ID token, which oauth_id_token_read gave, signed by a key of the provider's key set `keys`, and about the
 * same person as `before` (OpenID Connect Core sections 3.1.3.7 and 12.2)? `before` is one that passed here, or empty.
 * ERR_DENIED when it is not; else what oauth_keys_read says of `keys`.
 */
enum err_code oauth_id_token_verify(struct arena *a, struct str token, struct str keys,
				    struct str before, struct err *err) MUST_USE;

#endif
