/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens that the connector has for servers, and the processes that get them (proc/grantor.h). A token is
 * asked for when a connection to its server is wanted, when the server refuses the one there is, and ahead
 * of its end while it is used. It is added to requests as other credentials are, and is nowhere else.
 */
#ifndef PROC_GRANTS_H
#define PROC_GRANTS_H

#include "crypto/secret.h"
#include "ipc/frame.h"
#include "proc/peers.h"

enum {
	GRANTORS = 2,
	GRANTS_MAX = 256,
	GRANT_SECONDS = 120,      /* for all the requests that one token takes */
	GRANT_PAUSE_SECONDS = 2,  /* after a failure, and between two tokens because of refusals */
	GRANT_AHEAD_SECONDS = 30, /* before a token ends */
};

struct config;
struct grants;

/* What is kept of a person's login, sealed: the supervisor has it until it is asked. */
enum grant_kept { GRANT_KEPT_UNKNOWN = 0, GRANT_KEPT_ASKED, GRANT_KEPT_KNOWN };

enum grant_state { GRANT_IDLE = 0, GRANT_QUEUED, GRANT_UNDER_WAY };

/* Of one server; lives as long as the role. */
struct grant {
	struct list node;
	struct grants *of;
	struct str server;
	struct str url;     /* of the server, on the heap: what its tokens are for */
	bool moved;         /* since the token under way was asked for: that one is for nobody */
	struct secret line; /* "Authorization: Bearer ...", CRLF; n 0: there is none */
	uint64_t until;     /* loop time; 0: its end was not said */
	enum grant_state state;
	bool used;           /* since it came */
	uint64_t renewed_at; /* loop time of the last refusal that another token was asked for */
	uint64_t failed_at;
	char reason[256];        /* of the last failure */
	struct secret challenge; /* that is to be answered; n 0: none was met */
	struct timer ahead;
	/* Of a server where a person logs in: */
	bool login;       /* there, or at the identity provider that vouches for them */
	bool consent;     /* what the token is good for is what they said yes to */
	bool refused;     /* the token there is: the next one has to be another */
	bool needs_login; /* why the last one failed */
	enum grant_kept kept_state;
	struct secret kept;
	struct secret asked;  /* what goes with the next step */
	uint64_t asked_until; /* loop time */
	struct {
		uint8_t step; /* enum ipc_login; NONE: nothing is to be done */
		uint64_t ticket;
		struct secret first, second;
	} todo;
	bool stepping; /* a child does it */
};

/* A child. It asks as gates do, so it is one of the role's peers, but for its messages. */
struct grantor_child {
	struct peer peer;
	struct grants *of;
	struct grant *busy; /* NULL: idle */
	bool keeping;       /* it waits for GRANTOR_KEPT */
	bool stale;         /* it has to be told of the configuration in force */
	struct timer deadline;
};

struct grants {
	struct loop *loop;
	struct role_boot *boot;
	struct grantor_child children[GRANTORS];
	unsigned n; /* 0: no server of the configuration needs a token */
	struct list all;
	unsigned n_all;
	/* Dials for a grantor, for this server; peer_dialed or peer_not_dialed answers. */
	void (*on_dial)(struct grants *gs, struct peer *p, uint64_t token, struct str server,
			struct str host, uint16_t port);
	/* There is a token now, or there is none: g->reason. */
	void (*on_settled)(struct grants *gs, struct grant *g, bool ok);
	/* The token that there was is taken back: nobody waits for another. */
	void (*on_dropped)(struct grants *gs, const struct grant *g);
	/* A frame for the supervisor, about logins. */
	void (*on_tell)(struct grants *gs, const struct frame_writer *w);
};

/* Forks the children. Called before the role's jail closes. */
enum err_code grants_start(struct grants *gs, struct err *err) MUST_USE;

/* Puts them into the loop, once the role is in its jail. The functions must be set. */
enum err_code grants_watch(struct grants *gs, struct peers *peers, struct err *err) MUST_USE;

/* There is a new configuration in the boot: tokens that there are are asked for anew. */
void grants_reload(struct grants *gs);

/*
 * Of this server at this address; made when it is first asked for. At another address than before it is
 * another server, whatever its id: the token there was is forgotten. NULL when there are too many, or no memory.
 */
struct grant *grants_of(struct grants *gs, struct str server, struct str url);

bool grant_is_good(const struct grant *g);

/* Is the token for what is at this address? A connection may be older than the configuration. */
bool grant_is_for(const struct grant *g, struct str url);

/* on_settled follows, never from inside. ERR_AGAIN right after a failure: g->reason. */
enum err_code grant_want(struct grant *g, struct err *err) MUST_USE;

/*
 * The server refused a request although it had the token there is: with 401, or 403 because the token is not
 * good for that. More than a person has agreed to only a person can give: then nothing is asked for.
 */
void grant_refused(struct grant *g, unsigned status, struct str challenge);

/* A frame of the supervisor about logins (IPC_LOGIN, SLOT, SLOT_KEPT). */
void grants_take_login(struct grants *gs, struct str frame);

#endif
