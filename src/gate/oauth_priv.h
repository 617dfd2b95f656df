/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of gate/ that verify tokens. */
#ifndef GATE_OAUTH_PRIV_H
#define GATE_OAUTH_PRIV_H

#include "gate/exchange.h"
#include "gate/oauth.h"
#include "gate/pool.h"
#include "oauth/jwt.h"

enum {
	OAUTH_WAITING_MAX = 256, /* requests that wait for one issuer */
	OAUTH_WAIT_SECONDS = 10,
	FETCH_BURST = 4,
	FETCH_EVERY = 30,             /* seconds */
	KEYS_FRESH_SECONDS = 10 * 60, /* older ones are fetched anew while they go on serving */
	KEYS_LAST_SECONDS = 24 * 3600,
	OAUTH_ANSWER_MAX = 64 << 10, /* bytes of an introspection's answer */
};

/* Requests to one address of an issuer. */
struct oauth_line {
	struct oauth_issuer *issuer;
	struct gate_pool pool;
	bool made, opening;
};

struct oauth_issuer {
	struct oauth *oauth;
	size_t index;
	const struct config_issuer *config;

	/* Keys. */
	struct oauth_keys keys;
	bool has_keys;
	uint8_t keys_digest[SHA256_LEN]; /* of the set's text */
	uint64_t keys_at;                /* loop time of the last good fetch; files stay good */
	unsigned spent;                  /* fetches of the burst */
	uint64_t spent_at;
	struct oauth_line fetch;
	struct http_call call;
	bool fetching; /* from the wish for it to its end */

	struct oauth_line ask; /* introspection */

	struct list waiting; /* of struct oauth_wait, for keys or for an answer */
	unsigned n_waiting;
};

struct oauth {
	struct gate *gate;
	struct rules *rules; /* whose configuration it is */
	const struct config_oauth *config;
	struct callers callers;
	struct oauth_issuer *issuers;
	size_t n;
	uint64_t said_at; /* loop time of the last line about a refused token */
};

/* A request that waits; in its arena. */
struct oauth_wait {
	struct list node;
	struct exchange *x;
	struct oauth_issuer *issuer;
	struct str token;
	uint8_t digest[SHA256_LEN];
	struct timer deadline;
	/* Introspection. */
	bool asks, calling;
	struct http_call call;
	struct http_field fields[2];
	struct str body;
};

/* The issuer's keys are to be fetched. False: not now, there were too many fetches. */
bool oauth_fetch_keys(struct oauth_issuer *is);

/* Can the keys that there are still be believed? */
bool oauth_keys_usable(const struct oauth_issuer *is);

/* Asks about the token of w; oauth_asked follows, never from inside. */
void oauth_ask(struct oauth_wait *w);
void oauth_ask_forget(struct oauth_wait *w);

/* ---- what oauth.c is told ---- */

/* The keys are there, or cannot be had now: who waits for them is judged again. */
void oauth_keys_came(struct oauth_issuer *is);

/* The issuer has answered; an empty text: it has not. */
void oauth_asked(struct oauth_wait *w, struct str answer);

/* A line for the operator; one a second. */
void oauth_say(struct oauth *o, const struct config_issuer *is, const char *what,
	       const struct err *err);

/* Whoever waits for this issuer is answered 503. */
void oauth_give_up(struct oauth_issuer *is);

/* Borrowed, or NULL. */
struct oauth_issuer *oauth_issuer_of(struct oauth *o, struct str issuer);

/* ---- answers (oauth_answer.c) ---- */

void oauth_respond(struct exchange *x, int status, struct str challenge, struct str text);
void oauth_unavailable(struct exchange *x);

#endif
