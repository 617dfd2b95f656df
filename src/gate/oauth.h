/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Callers that show a token of OAuth 2.1: this gateway is a protected resource (MCP 2025-11-25 and
 * 2026-07-28 basic/authorization, RFC 9728, RFC 9068). A signed token is verified here, by the keys of its
 * issuer; about an opaque one the issuer is asked (RFC 7662).
 *
 * The gate cannot connect: keys and answers come by way of the connector, which has the credential for
 * introspection. Where they come from is the configuration's word only, never a token's.
 *
 *   token --kept? yes-------------------------------------------> caller
 *     |no, signed: verified by the keys there are?  yes---------> caller
 *     |    key unknown, or none yet: WAITS for one fetch, then once more
 *     |no, opaque: WAITS for the issuer's answer ----active-----> caller
 *     +--anything else: 401
 *
 * A fetch for an unknown key is made at most FETCH_BURST times at once and then once in FETCH_EVERY seconds,
 * whatever tokens come; the last good keys stay while their issuer cannot be reached, for a day.
 */
#ifndef GATE_OAUTH_H
#define GATE_OAUTH_H

#include "gate/caller.h"

struct exchange;
struct gate;
struct oauth;

/* Brings it in line with the rules in force; what waits is answered 503. Nothing to do without issuers. */
enum err_code oauth_apply(struct gate *g, struct err *err) MUST_USE;
void oauth_free(struct oauth *o); /* accepts NULL */

/* The token of "Authorization: Bearer TOKEN"; p NULL when there is none. */
struct str oauth_token_of(const struct exchange *x);

/*
 * Who shows this token? True: x->agent and x->caller are set. False: it was answered, or waits and goes on
 * with exchange_identified.
 */
bool oauth_identify(struct exchange *x, struct str token);

/* The request is over: its wait, if there is one, and its caller. */
void oauth_end(struct exchange *x);

/* GET of the metadata, for anybody. False: the path is another. */
bool oauth_metadata(struct exchange *x);

/* 401 with a challenge; `shown`: there was a token, which is not good. */
void oauth_unauthorized(struct exchange *x, bool shown);

/*
 * The value of WWW-Authenticate for a request that needs more scopes, separated by spaces: all that
 * its token has, and those. Empty when memory is short.
 */
struct str oauth_step_up(struct exchange *x, struct str scopes);

#endif
