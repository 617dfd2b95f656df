/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One action on its path (gate/step.h). A front end says what was asked; it is
 * decided and recorded here, and only then does `forward` run. The front end hands back what came
 * of it, that is recorded too, and only then does `reply` run. There is no other way from
 * a request to an effect.
 */
#ifndef GATE_ACTION_H
#define GATE_ACTION_H

#include "detect/redact.h"
#include "gate/recorder.h"
#include "gate/rules.h"
#include "gate/session.h"
#include "gate/step.h"

struct action;
struct gate;

struct action_events {
	/* The decision is in the ledger and it is ALLOW: perform the action, then action_answered.
	 */
	void (*forward)(struct action *a);

	/*
	 * The end of the path. a->refused: it was not performed; what, says a->answer (or
	 * a->unrecorded when nothing could be recorded, so nothing was done).
	 */
	void (*reply)(struct action *a);

	/* NULL, or: what the outcome says besides, at the time it is recorded. */
	void (*tell)(struct action *a, struct ledger_outcome *ret);

	/*
	 * RULES_INFER: takes what a->answer.redact names out of what will be sent. What the policies are asked
	 * about instead, with q->over; p NULL: nothing more was found, or *ret_failed.
	 */
	struct str (*redact)(struct action *a, struct rules_query *q, bool *ret_failed);
};

enum { ACTION_ID_MAX = 64 };

/* Part of the front end's request. Zeroed is idle. */
struct action {
	struct gate *gate;
	const struct action_events *on;
	struct session *session;
	struct arena *arena; /* lives as long as the action */
	struct rules *rules; /* the ones it was decided by */
	enum action_step step;
	char id[ACTION_ID_MAX];
	size_t id_n;
	struct rules_answer answer;
	struct ledger_texts also; /* resources about which the same was decided with it */
	uint64_t index;           /* of the decision in the ledger */
	bool refused, unrecorded, active;
	struct record_wait wait;
	struct loop_hook later;
	/* The outcome. */
	enum ledger_status status;
	uint64_t code, result_bytes;
	bool has_result;
	uint8_t result[SHA256_LEN];
	uint64_t sent_bytes; /* of a connection; the front end counts */
	struct str peer;     /* likewise: where it went, in the arena */
	struct str finding;  /* what was noticed about it; static text, or in the arena */
	struct str input;    /* after @redact: what is sent for arguments; p NULL: as they came */
	struct detect_counts redacted;
	/* What temporal policies see as `output`; NONE: the structuredContent of the result. */
	struct policy_value output;
	uint64_t started, decided, forwarded, answered; /* monotonic ns */
	uint64_t real_at_decision;                      /* ns since 1970 */
};

/*
 * Decides and records. q->agent and q->session are set here from the session. `forward` or `reply`
 * follows, never from inside. `started` is when the request began.
 */
void action_start(struct action *a, struct rules_query *q, uint64_t started);

/*
 * The two halves of it, for a request that is about several things: what was decided alike can be recorded as
 * one. Of an action that was decided and is not recorded nothing is left, unless there are temporal policies: those
 * have seen it.
 */
void action_decide(struct action *a, struct rules_query *q, uint64_t started);
void action_record(struct action *a, const struct rules_query *q);

/* The action was performed: how it ended, and its result (any bytes, committed to, not kept). */
void action_answered(struct action *a, enum ledger_status status, uint64_t code, struct str result);

/* The same for a result that passed by in pieces: a commitment and its length. */
void action_commit_begin(const struct action *a, struct sha256 *h);
void action_answered_stream(struct action *a, enum ledger_status status, uint64_t code,
			    struct sha256 *h, uint64_t bytes);

/* A connection is over: so many bytes went and came. */
void action_answered_bytes(struct action *a, enum ledger_status status, uint64_t code,
			   uint64_t sent, uint64_t received);

/*
 * Its owner goes away before the end: what is under way is recorded as lost, and no event follows.
 * Harmless when idle or at its end.
 */
void action_abandon(struct action *a);

/* The same, when it is known how it ended. */
void action_cut(struct action *a, enum ledger_status status, uint64_t code);

#endif
