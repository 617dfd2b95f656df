/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's parts: its loop (supervisor.c), changes of what is in force (supervisor_change.c), what
 * gates hold for a person (supervisor_held.c), logins at servers (supervisor_login.c) and its own events for the ledger (supervisor_note.c). */
#ifndef PROC_SUPERVISOR_PRIV_H
#define PROC_SUPERVISOR_PRIV_H

#include "ledger/record.h"
#include "proc/bundle.h"
#include "proc/children.h"
#include "proc/control.h"
#include "proc/ground.h"
#include "proc/pins_keeper.h"
#include "proc/sever.h"
#include "proc/supervisor.h"

#include <signal.h>

enum { SUPERVISOR_HELD_MAX = 64 };

/* What a gate holds for a person. */
struct held {
	unsigned gate;
	uint64_t number;
	char text[2048]; /* JSON, as the gate wrote it: given on as text, never read */
};

enum phase {
	PHASE_STARTING = 0,
	PHASE_SERVING,
	PHASE_DRAINING_GATES,
	PHASE_DRAINING_SCRIBE,
	PHASE_STOPPED
};

struct supervisor {
	const struct supervisor_options *options;
	enum phase phase;
	uint64_t drain_until; /* monotonic ns, while draining */
	struct bundle bundle;
	struct ground ground; /* state directory, lock, key, listeners */
	struct children children;
	struct control control;
	int signals;
	bool failed;
	bool left_alone; /* until_eof: nobody holds the other end of standard input any more */
	uint32_t runs;   /* as the first gate says */
	/* A reload under way: the new bundle until it is in force, and who asked. */
	struct bundle next;
	bool reloading;
	unsigned generation; /* counts bundles in force */
	unsigned reload_waits;
	int reload_client;              /* control client index, -1 for SIGHUP */
	uint8_t policy_set[SHA256_LEN]; /* of the policies that the last reload brought */
	/* Events that no scribe has answered for, the oldest first. */
	struct note *notes, **notes_end;
	unsigned n_notes;
	struct held *held[SUPERVISOR_HELD_MAX]; /* NULL: free */
	/* The group whose sites are still reached; empty: nothing is cut. And who waits for that. */
	char severed[SEVER_GROUP_MAX + 1];
	bool severing;
	int sever_client;
	struct pins_keeper pins;
	/* Commands that wait for a step of a login: the one of each client of `control`. */
	struct login_wait {
		uint64_t ticket; /* 0: none */
		uint8_t step;    /* enum ipc_login */
		uint32_t uid;
		char server[CONTROL_SERVER_MAX + 1];
	} logins[CONTROL_MAX_CLIENTS];
};

static inline void supervisor_end_child(const struct child *c)
{
	if (c->process.pidfd >= 0) {
		(void)kill(c->process.pid, SIGKILL);
	}
}

/* What children are handed of what is in force. */
struct handout supervisor_handout(const struct supervisor *s);

/* ---- zones (supervisor_zones.c) ---- */

/* Each zone in force has a slot; what is left of others ends when its connections have. */
void supervisor_place_zones(struct supervisor *s);

/* Ends the relays of what a severed node does not reach, connections and all. */
void supervisor_cut_zones(struct supervisor *s);

/* ---- changes ---- */

bool supervisor_needs_names(const struct config *c);

/* The roles that speak TLS under this configuration, as bits 1 << role: only they load OpenSSL. */
unsigned supervisor_tls_roles(const struct config *c);

enum err_code supervisor_add_own_files(struct supervisor *s, struct bundle *b,
				       struct err *err) MUST_USE;
enum err_code supervisor_keep_accepted(const struct supervisor *s, const struct bundle *b,
				       struct err *err) MUST_USE;
void supervisor_reload(struct supervisor *s, int client);
void supervisor_sever(struct supervisor *s, const struct control_request *req);
void supervisor_hand_anew(struct supervisor *s, struct child *c);
void supervisor_changes_done(struct supervisor *s);
void supervisor_child_reloaded(struct supervisor *s, struct child *c, bool ok, struct str text);

/* ---- what is held ---- */

void supervisor_take_held(struct supervisor *s, unsigned gate, uint64_t number, struct str text);
void supervisor_say_held(struct supervisor *s, int client);
void supervisor_give_verdict(struct supervisor *s, const struct control_request *req);

/* What this gate held, it holds no more. */
void supervisor_forget_held(struct supervisor *s, unsigned gate);

/* ---- logins ---- */

void supervisor_login(struct supervisor *s, const struct control_request *req);
void supervisor_say_logins(struct supervisor *s, int client);

/* A frame of the connector about logins; false: not what it may say. */
bool supervisor_take_login(struct supervisor *s, struct child *connector, struct str frame);

/* The connector has ended: nobody answers who waits for it. */
void supervisor_logins_lost(struct supervisor *s);

/* ---- events ---- */

/* An event of ours for the ledger; kept until a scribe says that it is there. */
void supervisor_note(struct supervisor *s, struct ledger_event event);

/* A scribe serves: what its predecessor did not answer for, and what came since, is told now. */
void supervisor_send_notes(struct supervisor *s);

/* The oldest is in the log; false when none waits. */
bool supervisor_forget_note(struct supervisor *s);

#endif
