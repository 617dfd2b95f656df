/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a client learns who issues tokens for a server: the challenge of a refusal (RFC 9110 section
 * 11.6.1), the metadata of the resource (RFC 9728) and that of the authorization server (RFC 8414, OpenID
 * Connect Discovery 1.0). All of it is said by strangers: what is not understood is refused, and every
 * URL in it is for the caller to judge before it is fetched.
 */
#ifndef OAUTH_DISCOVER_H
#define OAUTH_DISCOVER_H

#include "oauth/claims.h"

enum {
	OAUTH_METADATA_BYTES = 64 << 10,
	OAUTH_SERVERS_MAX = 8,  /* authorization servers that a resource names */
	OAUTH_METHODS_MAX = 16, /* of a list of words */
	OAUTH_PLACES_MAX = 3,   /* where metadata may be */
};

/* What the first Bearer challenge says; p NULL: nothing. In the arena. */
struct oauth_wanted {
	struct str metadata; /* resource_metadata: a URL */
	struct str scope;
};

/* A value of WWW-Authenticate. False: there is no Bearer challenge in it, or it cannot be read. */
bool oauth_challenge_read(struct arena *a, struct str value, struct oauth_wanted *ret) MUST_USE;

struct oauth_resource_metadata {
	struct str resource;
	const struct str *servers, *scopes;
	size_t n_servers, n_scopes;
};

/* ERR_INVALID unless it has a resource and at least one authorization server. */
enum err_code oauth_resource_read(struct arena *a, struct str text,
				  struct oauth_resource_metadata *ret, struct err *err) MUST_USE;

/*
 * Is metadata of `resource` about the server at `url`? It is when it is the same URL, or one that begins it up
 * to a slash (RFC 8707 section 2 lets a resource be wider than one address), of the same origin.
 */
bool oauth_resource_is(struct str resource, struct str url);

/* Where the metadata of a resource may be: behind the path, then at the root (RFC 9728 section 3.1). */
size_t oauth_resource_places(struct arena *a, struct str url, struct str places[OAUTH_PLACES_MAX]);

/* Where an issuer's may be, in the order of MCP 2025-11-25 basic/authorization. */
size_t oauth_server_places(struct arena *a, struct str issuer, struct str places[OAUTH_PLACES_MAX]);

struct oauth_server {
	struct str issuer, token_endpoint;
	/* What else it has; empty: it does not. */
	struct str authorize, registration, device, revocation, keys;
	bool basic, post, none, private_key_jwt; /* token_endpoint_auth_methods_supported */
	bool s256;                               /* of RFC 7636 */
	bool says_issuer;                        /* RFC 9207: in each answer of a consent */
	bool reads_client;                       /* whose id is the URL of its metadata */
	bool offline;                            /* it has the scope offline_access */
};

/* ERR_INVALID unless its issuer is just this one (RFC 8414 section 3.3) and it has a token endpoint. */
enum err_code oauth_server_read(struct arena *a, struct str text, struct str issuer,
				struct oauth_server *ret, struct err *err) MUST_USE;

#endif
