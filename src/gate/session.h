/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions of one gate. A session belongs to one agent, lives on one gate (its
 * id says which) and carries the key that salts its commitments. Callers without
 * a session of the protocol's own (models, the stateless era) have one each by
 * their name, so that every action belongs to some session.
 */
#ifndef GATE_SESSION_H
#define GATE_SESSION_H

#include "base/list.h"
#include "base/map.h"
#include "gate/caller.h"
#include "gate/replay.h"
#include "http/server.h"
#include "ledger/salt.h"
#include "mcp/session.h"

enum {
	SESSION_ID_LEN = 34,
	SESSION_NAME_MAX = 64,
	SESSION_TEXTS_MAX = 1 << 16, /* agents and endpoints of one gate's sessions */
};

struct session {
	struct list idle; /* in the table's list, longest unused first */
	char id[SESSION_NAME_MAX + 8];
	struct mcp_session mcp;
	struct str agent;      /* lives in the table */
	struct caller *caller; /* whose token it was last used with, held; NULL: without one */
	struct str endpoint;   /* "" for all servers, else a server's id; lives in the table */
	struct ledger_salt_key salt;
	uint64_t used_at; /* monotonic ns */
	struct list asks; /* servers' requests to its client (gate/ask.c) */
	struct list subs; /* resources it wants to hear of (gate/subs.c) */
	uint64_t next_ask;
	unsigned n_asks, n_subs, n_inquiries;
	unsigned n_tunnels;       /* gate/exit_tunnel.c */
	struct exit_run *exit;    /* of a run, while its exit is open: gate/exit_run.c */
	unsigned busy;            /* requests under way */
	unsigned users;           /* exchanges, when it is named */
	unsigned met_data;        /* what detectors found: gate/rules_raise.h */
	bool salted;              /* the ledger keeps its salt */
	bool named;               /* not of the protocol */
	bool outlives;            /* its agent's own: there again after its gate has died */
	bool at_exit;             /* what it has open there holds it: it does not expire */
	bool learns;              /* a run that is to learn: what no policy is about is allowed */
	bool met;                 /* its history begins here: gate/history.h */
	struct http_req *stream;  /* its open GET, or NULL */
	struct replay_stream own; /* that stream, or the last one */
	struct http_req *outlet;  /* a GET that took up the answer of a request, or NULL */
	uint32_t outlet_stream;   /* of that */
	struct replay replay;
};

struct sessions {
	struct map by_id;
	struct map texts; /* agents and endpoints, as long as a session has them */
	struct list idle;
	struct hash_key seed;
	unsigned gate;
	size_t max;
};

void sessions_init(struct sessions *t, unsigned gate, size_t max, struct hash_key seed);
void sessions_done(struct sessions *t);

/* A new one with a random id, or NULL when there are too many or no memory is left. */
struct session *session_open(struct sessions *t, struct str agent, struct str endpoint,
			     uint64_t now);

/*
 * The session of an agent that has none of the protocol's own, used now; made when first asked for. Its id is
 * the agent's name, or what stands for a long one. NULL as above.
 */
struct session *session_named(struct sessions *t, struct str agent, uint64_t now);

/* The session of one run of an agent in a sandbox, "run-" and a random id; session_find does not know it. */
struct session *session_run(struct sessions *t, struct str agent, uint64_t now);

/* By its id; NULL when there is none. */
struct session *session_find(const struct sessions *t, struct str id);

/* The gate that an id belongs to; false when it has not the form of one. */
bool session_home(struct str id, unsigned *ret_gate);

void session_touch(struct sessions *t, struct session *s, uint64_t now);
void session_close(struct sessions *t, struct session *s);

/*
 * The longest unused one that is not busy and was last used before `before`; NULL when none is. Those of the
 * configuration's agents and of runs do not expire; of callers with tokens there is no end. Nobody comes to the exit
 * with a token, but who does may use one elsewhere.
 */
struct session *session_expired(const struct sessions *t, uint64_t before);

#endif
