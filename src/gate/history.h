/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened, as far as the temporal policies in force can ask about it: each
 * action that comes to this gate is an event of its session's history. Without
 * temporal policies there is nothing here, and nothing is done.
 *
 * A session of MCP is a history. Callers without one (models, the stateless era) have
 * one history each by their name; all their requests come to one gate, which
 * gate_home (gate/handoff.c) chooses. Histories end with their sessions, and all
 * of them with their gate.
 *
 * Time is the real clock at the start of the gate and what has passed since: setting the
 * clock moves no event into or out of a window.
 */
#ifndef GATE_HISTORY_H
#define GATE_HISTORY_H

#include "gate/rules.h"
#include "model/stream.h"

struct action;
struct gate;
struct session;

struct history {
	struct dw_engine *engine;  /* NULL: no temporal policies */
	struct rules *rules;       /* held: the engine's program lives in them */
	struct hash_key seed[2];   /* secret: strangers choose what is hashed */
	uint64_t boot_ns, real_ns; /* when this began, by both clocks */
	bool first_only;           /* principals are kept in the first gate: see gate_home */
	bool again;      /* a gate of this node has died: what its principals did is not known */
	uint64_t losses; /* told so far */
};

void history_init(struct history *h);
void history_done(struct history *h);

/*
 * Makes the history ready for rules that are about to be in force. What is known is taken along when
 * their conditions watch for the same; else all begins anew, and log and ledger say so.
 */
enum err_code history_apply(struct gate *g, struct rules *rules, struct err *err) MUST_USE;

/*
 * For a question that nothing comes of: as if nothing had happened before. The engine (NULL without
 * temporal policies) is the caller's.
 */
enum err_code history_suppose(const struct gate *g, struct dw_engine **ret, struct rules_query *q,
			      struct err *err) MUST_USE;

/* Adds to the question what a temporal decision needs. Only with an engine. */
void history_ask(struct gate *g, struct session *s, struct arena *a, struct rules_query *q);

/*
 * Said before the end, where `output` is not the structuredContent of a tool's result: {bytes} of a
 * resource, prompt or completion; {received, sent, status} of a connection; {tokens, finish} of a model. A back end that does not count its
 * tokens has made one of each byte.
 */
void history_output_bytes(struct action *a, size_t bytes);
void history_output_transfer(struct action *a, uint64_t sent, uint64_t received, uint64_t status);
void history_output_model(struct action *a, const struct model_outcome *outcome, uint64_t bytes);

enum history_end { HISTORY_RESPONSE = 0, HISTORY_ERROR, HISTORY_DENIED };

/*
 * How the action ended; once for each, and nothing for one that was not observed. `result` is what
 * the server answered: raw JSON, or p NULL.
 */
void history_ended(struct action *a, enum history_end end, struct str result);

/* Nothing of this session will be asked about any more. */
void history_forget(struct gate *g, const struct session *s);

#endif
