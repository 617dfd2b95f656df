/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call whose server wants to know something first, where at least one of the two sides is of the
 * modern era, in which questions are results and not requests.
 *
 *                        older server: its call goes on     modern server: its call has ended
 *   modern client    input_required; the call is parked      input_required; the server's state is
 *                    until the client comes back             kept until the client comes back
 *   older client     (gate/ask.c alone)                      requests to the client, then the call again
 *
 *          asked                gathered, told              the client comes back
 *   OPEN ---------> questions ------------------> PARKED -------------------------> OPEN
 *    |                                              |
 *    +--> the answer, a failure, a hang-up          +--> too late, or the session ends: the call is
 *                                                        cancelled
 *
 * Each question is an action of its own (gate/ask.h), decided before the client hears of it; so is each
 * call of a server, and each return of a client. What the client carries between is a name for what is kept here,
 * good once, for the same request of the same agent, until it expires, with a MAC over all of that:
 * a server's own requestState never leaves this process.
 */
#ifndef GATE_INQUIRY_H
#define GATE_INQUIRY_H

#include "crypto/sha256.h"
#include "gate/action.h"
#include "gate/link.h"
#include "mcp/input.h"

struct exchange;
struct gate;
struct session;
struct ask;

enum {
	INQUIRY_MAX = 1024, /* of one gate */
	INQUIRY_OF_SESSION = 64,
	INQUIRY_SECONDS = 600,  /* a person may have to think */
	INQUIRY_ROUNDS = 16,    /* a server that asks for ever is not served */
	INQUIRY_GATHER_MS = 10, /* questions that come together are told together */
	INQUIRY_ID_LEN = 16,
	INQUIRY_STATE_LEN = INQUIRY_ID_LEN + 8 + SHA256_LEN,
};

struct inquiry {
	struct list node;
	struct gate *gate;
	struct exchange *x; /* whose client waits; NULL: parked */
	struct session *session;
	struct link *link;
	struct link_call call;         /* to an older server, while it goes on */
	char action_id[ACTION_ID_MAX]; /* of the action that it is, which may be over before it */
	struct mcp_session asked;      /* what its client can be asked, in terms of the older era */
	bool parks;                    /* its client is of the modern era */
	bool again;                    /* its server is: it is called again with the answers */
	bool of_task;                  /* no: the client answers by tasks/update */
	struct buf known;  /* of a task: questions that were allowed before, as members */
	struct list asks;  /* open questions */
	unsigned deciding; /* of these, not yet allowed or refused */
	unsigned rounds;
	struct timer gather, expiry;
	bool refused;     /* a question that has no polite no was refused */
	struct str state; /* of a modern server, raw */
	struct buf state_buf, responses;
	/* What an older server said while nobody waited. */
	bool answered;
	enum link_fail failed;
	struct buf answer;
	/* What the client's name for it is made of. */
	uint8_t id[INQUIRY_ID_LEN];
	uint64_t round;
	uint8_t bound[SHA256_LEN];
};

/* For the request of x; NULL when too many are held. x->inquiry is set. */
struct inquiry *inquiry_new(struct exchange *x);

/* Its call is what this action was decided as. */
void inquiry_name(struct inquiry *h, const struct action *a);

/* Ends it without a word to the client: what is under way is cancelled. */
void inquiry_end(struct inquiry *h);

/*
 * A modern server's answer asks for something: this ends the action of the call. False: it does so
 * against the rules, or for ever, and the action goes on.
 */
bool inquiry_ask(struct exchange *x, const struct mcp_msg *answer);

/*
 * The state of a task, as a modern server gives it: what it asks of the client in it is decided, and then the answer
 * goes on with what may be asked. False: it is against the rules.
 */
bool inquiry_of_task(struct exchange *x, const struct mcp_msg *answer);

/* That is recorded. */
void inquiry_rest(struct inquiry *h);

/* ---- the client comes back ---- */

/*
 * By what it carries. False: nothing is held under that name for this request; *ret_gate is then the
 * gate that may know it, or this one.
 */
bool inquiry_return(struct exchange *x, struct str state, unsigned *ret_gate);

/* Its return was allowed (or another call of a modern server): the answers are passed on. */
void inquiry_resume(struct inquiry *h);

/* ---- what gate/ask.c reports ---- */

/* The client may be asked (or has to be: it is told once no other is being decided). */
void inquiry_asked(struct inquiry *h, struct ask *a);

/* A question is over. `value`: the raw answer to a modern server's, or p NULL. */
void inquiry_answered(struct inquiry *h, const struct ask *a, struct str value, bool refused);

extern const struct link_events inquiry_events;

/* Nobody will come back: all that are parked end. */
void inquiry_drain(struct gate *g);

void inquiry_session_end(struct gate *g, const struct session *s);
void inquiry_done(struct gate *g);

#endif
