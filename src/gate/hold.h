/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits for a person: a request that a policy asks about (@ask). It is held, bounded in number
 * and time, and told to the supervisor, whom the owner asks (`writ approve`). A yes has it decided
 * again, with context.w.approval; nothing is allowed by the yes alone. A no, silence or too
 * much that is held already ends in a refusal.
 *
 *   decide, record: ask --hold--> yes --> decide again, record
 *                         |-----> no, or its time is over: refused
 *                         `-----> the caller leaves: forgotten
 */
#ifndef GATE_HOLD_H
#define GATE_HOLD_H

#include "gate/action.h"
#include "net/loop.h"

struct gate;

enum hold_verdict { HOLD_UNHEARD = 0, HOLD_NO, HOLD_YES };

enum {
	HOLD_MAX = 64,
	HOLD_MAX_OF_ONE = 8, /* of one agent */
	HOLD_SECONDS = 300,  /* where no @ask_ttl says otherwise */
	HOLD_SECONDS_MOST = 3600,
	HOLD_TEXT = 2048,
};

/* Part of a gate. */
struct holds {
	struct list held; /* of struct hold */
	unsigned n;
	uint64_t next;
	/* What is held (text: JSON) and, with an empty text, no more. NULL: nothing can be held. */
	void (*on_held)(struct gate *g, uint64_t n, struct str text);
};

/* Part of the request that waits. Zeroed is idle. */
struct hold {
	struct list node;
	struct gate *gate;
	struct session *who;
	uint64_t n;
	struct timer deadline;
	bool held;
	char asked[ACTION_ID_MAX]; /* id of the action that was asked about */
	size_t asked_n;
	char by[32]; /* who said yes: the user's number; empty: nobody */
	void (*on_verdict)(struct hold *h, enum hold_verdict v);
	void *owner; /* for on_verdict, where the hold is no part of it */
};

void holds_init(struct holds *hs);

/*
 * Holds a refused request where a person could lift the refusal; false: answer it. Only once: what is
 * asked about again after a yes is refused. `to` and `what` are shown to the person. on_verdict
 * must be set; it follows unless hold_end comes first, never from inside.
 */
bool hold_begin(struct hold *h, struct action *asked, struct str to, struct str what);

/* Nobody is to be asked any more: on_verdict, with HOLD_UNHEARD. Only while it is held. */
void hold_give_up(struct hold *h);

/* Harmless when nothing is held. */
void hold_end(struct hold *h);

/* A person, by the user that the kernel says, answered for what is held under this number. */
void gate_verdict(struct gate *g, uint64_t n, bool yes, uint32_t uid);

#endif
