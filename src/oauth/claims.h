/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an authorisation server says of a token: the claims of a signed one (RFC 7519, RFC 9068),
 * or the answer to an introspection (RFC 7662). Both are JSON objects that json_parse accepted, so
 * no claim is there twice.
 *
 * Refused as a whole: a claim of another type than its own, a subject, client or scope with characters
 * that no text of its kind may have, a token that is bound to a key (RFC 7800, so of RFC 8705 or RFC 9449:
 * its bearer is not asked to show the key), and anything over the limits below.
 */
#ifndef OAUTH_CLAIMS_H
#define OAUTH_CLAIMS_H

#include "base/arena.h"
#include "base/err.h"
#include "json/parse.h"

enum {
	OAUTH_SCOPES_MAX = 64,
	OAUTH_SCOPE_MAX = 128, /* bytes of one */
	OAUTH_AUDIENCES_MAX = 16,
	OAUTH_SUBJECT_MAX = 255, /* OpenID Connect Core section 2 */
	OAUTH_URI_MAX = 1024,
};

struct oauth_claims {
	struct str issuer;  /* p NULL: not stated */
	struct str subject; /* likewise */
	struct str client;  /* client_id, else azp; likewise */
	struct str type;    /* token_type; likewise */
	const struct str *scopes, *audiences;
	size_t n_scopes, n_audiences;
	uint64_t expires, not_before, issued; /* seconds since 1970; 0: not stated */
};

/* Everything lives in the arena or in the tree. ERR_INVALID says which claim is wrong. */
enum err_code oauth_claims_read(struct arena *a, const struct json *claims,
				struct oauth_claims *ret, struct err *err) MUST_USE;

/*
 * Splits "a b c" (RFC 6749 section 3.3), each once, in order of appearance. ERR_INVALID for other
 * characters, ERR_LIMIT for too many.
 */
enum err_code oauth_scopes_split(struct arena *a, struct str text, const struct str **ret,
				 size_t *ret_n, struct err *err) MUST_USE;

bool oauth_is_scope(struct str s);
bool oauth_has_text(const struct str *items, size_t n, struct str wanted);

/*
 * Is the token for now, from this issuer? A token without an end is refused. `skew` in seconds is how
 * far the two clocks may differ; a token made later than that is refused too. An issuer that is not
 * stated is for the caller to judge.
 */
enum err_code oauth_claims_check(const struct oauth_claims *c, struct str issuer, uint64_t now,
				 uint64_t skew, struct err *err) MUST_USE;

/*
 * An audience that is `resource` itself, a place below it, or one of `others`: only such a token is
 * meant for us (RFC 9068 section 4). Which place is asked for is compared with each request.
 */
bool oauth_claims_for(const struct oauth_claims *c, struct str resource, const struct str *others,
		      size_t n_others);

#endif
