/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question of a server to a client (a request of it, or one of those in a result of the modern
 * era, gate/inquiry.h): whose client it is, the action it becomes, and the
 * way of the answer back. To ask is an action of the agent whose call it serves.
 *
 * All sessions of a gate share a link, so it has to be known whose call a request belongs to.
 * It is, when
 *   - it came on the stream of that call (Streamable HTTP), or
 *   - all calls under way on the link are one session's, and all sessions that can
 *     reach the server are one agent's.
 * Otherwise the server gets an error and the ledger a finding: no client is ever guessed.
 *
 *   server --request--> decide, record --> client --answer--> record --> server
 *                            |                |
 *                            v                v   the call ends, the server takes it back, the
 *                       a refusal in the      |   client is gone or too slow: a refusal, too,
 *                       protocol's words      +-> and the client is told that nobody waits
 */
#ifndef GATE_ASK_H
#define GATE_ASK_H

#include "gate/link.h"

struct gate;
struct session;

enum {
	ASK_SECONDS = 600,    /* a person may have to think */
	ASKS_OF_SESSION = 32, /* without an answer yet */
	ASKS_OF_LINK = 256,
	ASK_ELICITED = 64, /* of one link: elicitations by URL that may still be told complete */
	ASK_MEMORY = 32 << 20, /* of one, its decision included */
};

/*
 * Takes a request of the three (mcp/ask.h) from the server; `c` is the call whose stream it came
 * on, or NULL. The server gets exactly one answer, unless it takes the request back.
 */
void ask_begin(struct link *l, struct link_call *c, const struct mcp_msg *m);

/* The client's answer. False when nothing of that id was asked of this session. */
bool ask_answer(struct gate *g, struct session *s, const struct mcp_msg *m);

/* The client's progress with it: passed on. */
void ask_progress(struct gate *g, struct session *s, const struct mcp_msg *m);

/* The server takes back the request of this id (raw). */
void ask_take_back(struct link *l, struct str id);

/* A stream to this client is gone: what was asked on the last one will not be answered. */
void ask_client_gone(struct session *s);

/* A call has ended. */
void ask_call_over(struct link *l, struct link_call *c);

/* The session goes: its questions are over at once, without another word. */
void ask_session_end(struct session *s);

/* The server is gone, or has forgotten us. */
void ask_link_lost(struct link *l);

/* Frees what is left without another word; the link is about to go. */
void ask_link_done(struct link *l);

/* Does the client of this call have to answer something first? */
bool ask_is_open(const struct link *l, const struct link_call *c);

/* ---- notifications/elicitation/complete ---- */

/* The session that was asked to open the page of this elicitation; NULL when none is known. */
struct session *ask_elicited(struct link *l, struct str elicitation_id);

#endif
