/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a protected resource says what it wants: its metadata (RFC 9728) and the challenge of a refusal
 * (RFC 6750 section 3, RFC 9728 section 5.1).
 */
#ifndef OAUTH_CHALLENGE_H
#define OAUTH_CHALLENGE_H

#include "base/buf.h"

enum { OAUTH_CHALLENGE_MAX = 12 << 10 };

#define OAUTH_WELL_KNOWN STR("/.well-known/oauth-protected-resource")

struct oauth_resource {
	struct str resource; /* its URL: what tokens are for */
	const struct str *issuers, *scopes;
	size_t n_issuers, n_scopes;
};

/* {"resource": ...}, as JSON. */
void oauth_metadata_write(struct buf *out, const struct oauth_resource *r);

enum oauth_error {
	OAUTH_NO_TOKEN = 0, /* nothing was shown: RFC 6750 section 3.1 wants no error then */
	OAUTH_INVALID_TOKEN,
	OAUTH_INSUFFICIENT_SCOPE,
};

/*
 * The value of WWW-Authenticate: Bearer with the URL of the metadata of `resource` (its path is put behind
 * the well-known one, RFC 9728 section 3.1) and all scopes that are needed, each once.
 */
void oauth_challenge_write(struct buf *out, enum oauth_error error, struct str resource,
			   const struct str *scopes, size_t n_scopes);

/* Where the path of a URL begins: its length when there is none. */
size_t oauth_path_at(struct str url);

#endif
