/* SPDX-License-Identifier: Apache-2.0 */
/* One question of a server, as gate/ask.c and gate/inquiry.c share it. */
#ifndef GATE_ASK_PRIV_H
#define GATE_ASK_PRIV_H

#include "gate/action.h"
#include "gate/ask.h"

struct inquiry;

struct ask {
	struct list of_link, of_session, of_inquiry;
	struct gate *gate;
	struct link *link;
	struct link_call *call; /* whose stream it came on; NULL: any of the session's, or over */
	struct session *session;
	struct inquiry *inquiry; /* either side is of the modern era */
	uint64_t generation;     /* of the link */
	struct arena arena;
	struct mcp_msg msg; /* in the arena */
	char id[24];        /* towards a client of the older era */
	struct action action;
	struct timer deadline;
	struct buf answer; /* for the server; empty until there is one */
	bool input;        /* its server is of the modern era: the answer is one of several */
	bool told;         /* the client has it, or will have it with the others */
	bool parked;       /* in a result and not on a stream: no word about it can follow */
	bool over;         /* nobody waits for its answer any more */
	bool silent;       /* not even the server */
};

/* Decides about a question that came in a result. False: it is against the rules. */
bool ask_input(struct inquiry *h, struct link_call *c, struct str request);

/* The client's answer, raw. */
void ask_supply(struct ask *a, struct str value);

/* Nobody waits for the answer any more; `a` may be gone afterwards. */
void ask_end(struct ask *a, enum ledger_status status, bool silent);

#endif
