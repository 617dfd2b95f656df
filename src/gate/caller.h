/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Callers that showed a good token, kept for their next request: a signature is verified, or an issuer
 * asked, once for each token and not for each request. The key is the token's SHA-256; the token itself is
 * not kept. Bounded: the longest unused one makes room.
 */
#ifndef GATE_CALLER_H
#define GATE_CALLER_H

#include "base/list.h"
#include "base/map.h"
#include "config/config.h"
#include "crypto/sha256.h"
#include "oauth/claims.h"
#include "policy/value.h"

enum { CALLERS_MAX = 2048, CALLER_AGENT_MAX = 128 };

struct caller {
	struct list node; /* in the table's list */
	unsigned refs;    /* the table's and one for each request and session that has it */
	bool kept;        /* in the table */
	uint8_t token[SHA256_LEN];
	size_t issuer;  /* index into the configuration's */
	uint64_t until; /* ns since 1970: then the token is looked at again */
	struct arena arena;
	struct str agent; /* "corp:alice" */
	struct policy_value
		claims; /* {client, issuer, scopes, subject}: principal.oauth of policies */
	const struct str *scopes;
	size_t n_scopes;
	bool scoped;              /* it has the scopes that every use needs */
	bool everywhere;          /* it is for all of this gateway, and not for some places of it */
	const struct str *places; /* else: the audiences, one of which must be the place */
	size_t n_places;
};

struct callers {
	struct map by_token;
	struct list used; /* longest unused first */
};

void callers_init(struct callers *t, struct hash_key seed);
void callers_done(struct callers *t);

/* Borrowed, or NULL when it is not known or its time is over. */
struct caller *callers_find(struct callers *t, const uint8_t token[SHA256_LEN], uint64_t now);

/*
 * Makes the caller of a token whose claims were found good, and keeps it until `until` (not at all when that
 * is not after now). The caller of the function gets a reference. NULL when memory is short.
 *
 * The agent is called ISSUER-ID:SUBJECT. What is no character of an agent's name is written %XX; a subject
 * too long for one becomes "~" and its SHA-256.
 */
struct caller *callers_add(struct callers *t, const struct config_oauth *config, size_t issuer,
			   const uint8_t token[SHA256_LEN], const struct oauth_claims *c,
			   uint64_t until, uint64_t now) MUST_USE;

/* Forgets those of one issuer: its keys have changed. */
void callers_forget(struct callers *t, size_t issuer);

struct caller *caller_ref(struct caller *c);
void caller_unref(struct caller *c); /* accepts NULL */

#endif
