/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every role does first: it is our own binary, started again by the
 * supervisor with `--role NAME --index N` and its control channel as descriptor
 * 3. It collects what the supervisor hands it until START, enters its jail, and
 * only then parses anything.
 */
#ifndef PROC_ROLE_H
#define PROC_ROLE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "ipc/chan.h"

struct jail_spec;

enum role {
	ROLE_NONE = 0,
	ROLE_SUPERVISOR,
	ROLE_LOADER,
	ROLE_GATE,
	ROLE_CONNECTOR,
	ROLE_SCRIBE,
	ROLE_RUNNER,
	ROLE_EXIT,
	ROLE_RELAY,
	ROLE_MAX
};

enum {
	ROLE_MAX_ZONES = 64, /* proc/zones.h */
	ROLE_ZONE_NAME_MAX = 32,
	ROLE_MAX_CHANNELS =
		72 + ROLE_MAX_ZONES, /* a gate's: to all others, and one that replaces another */
	ROLE_MAX_LISTENERS = 16,
	ROLE_MAX_SECRETS = 64,
	ROLE_CONTROL_FD = 3
};

/* Names of what the supervisor makes itself and hands a gate as it does files. */
#define ROLE_EXIT_CA     "exit-ca"
#define ROLE_EXIT_CA_KEY "exit-ca-key"
#define ROLE_LOGIN_KEY   "login-key"  /* what logins are sealed under; the connector hands it on */
#define ROLE_BUDGETS     "budgets"    /* the file of gate/treasury.h, to be mapped */
#define ROLE_PERMIT_KEY  "permit-key" /* scribe and relays: ledger/permit.h */

struct role_channel {
	enum role peer;
	unsigned index;
	int fd;
	char zone[ROLE_ZONE_NAME_MAX + 1]; /* of a relay */
};

struct role_secret {
	char file[512];   /* as the configuration names it */
	int fd;           /* sealed memfd */
	enum role reader; /* whom it is for: TLS of listeners a gate, upstreams a relay, env the
			     runner */
	uint64_t zones;   /* of a relay's: bits 1 << index of those that may have it */
};

struct role_listener {
	unsigned index; /* into config.listen */
	int fd;
};

/* What a role was handed before START. Descriptors are the role's; -1 where nothing came. */
struct role_boot {
	enum role role;
	unsigned index;
	const char *zone; /* of a relay; else empty */
	struct chan control;
	int config_fd, bundle_fd, directory_fd, key_fd, runs_fd;
	int pins_fd, pins_room_fd; /* gates only, where servers are pinned */
	bool pins_answer;          /* the newest pins_fd answers this gate's report */
	struct role_channel channels[ROLE_MAX_CHANNELS];
	unsigned n_channels;
	struct role_listener listeners[ROLE_MAX_LISTENERS];
	unsigned n_listeners;
	struct role_secret secrets[ROLE_MAX_SECRETS];
	unsigned n_secrets;
	struct {
		uint64_t number;
		bool yes;
		uint32_t uid;
	} verdict; /* of ROLE_WISH_VERDICT */
	char weaker
		[200];  /* what the jail lacks on this machine, said with READY; usually nothing */
	bool resolve;   /* of START */
	unsigned gates; /* the same: how many serve */
	bool again;     /* the same: it follows one that died */
	bool tls;       /* the same: it will speak TLS */
	bool http2;     /* the same: a gate may have to speak it */
	bool oauth;     /* the same: the connector needs tokens for some server */
	bool secrets_used; /* the next SECRET begins a new list */
};

const char *role_name(enum role role);

/* What people are told: "gate.1"; a relay by its zone, "relay.home". */
void role_label(enum role role, unsigned index, const char *zone, char *to, size_t n);

/* The role called so, or ROLE_NONE. */
enum role role_by_name(struct str name);

/* main() of `--role`: boots and runs the role; the result is the exit status. */
int role_main(int argc, char **argv);

/*
 * Waits, blocking, for frames of the supervisor until START. Fails when the
 * supervisor closes the channel or says something that is not boot.
 */
enum err_code role_boot_receive(struct role_boot *boot, struct err *err) MUST_USE;

/*
 * The first act of a role that serves: enters its jail, says in the log what this machine could not
 * give of it, and names the process. Nothing is parsed before.
 */
enum err_code role_enter(struct role_boot *boot, const struct jail_spec *spec,
			 struct err *err) MUST_USE;

/* What scribe and relays share (ROLE_PERMIT_KEY): PERMIT_KEY bytes, in the arena. */
enum err_code role_permit_key(const struct role_boot *boot, struct arena *a, struct str *ret,
			      struct err *err) MUST_USE;

/* Tells the supervisor that the role serves now. */
enum err_code role_ready(struct role_boot *boot, struct err *err) MUST_USE;

/* Tells the supervisor that its oldest note without an answer need not be sent again. */
enum err_code role_noted(struct role_boot *boot, struct err *err) MUST_USE;

/* Tells the supervisor how many runs this gate holds. */
enum err_code role_count(struct role_boot *boot, uint32_t n, struct err *err) MUST_USE;

/* Tells the supervisor that a peer said what it may not. */
enum err_code role_accuse(struct role_boot *boot, enum role role, unsigned index,
			  struct err *err) MUST_USE;

/* What the supervisor wants of a role that serves. */
enum role_wish {
	ROLE_WISH_NONE = 0, /* nothing waits */
	ROLE_WISH_CHANNEL,  /* boot->channels[boot->n_channels - 1] is new; it replaces that peer's
			     */
	ROLE_WISH_RELOAD,  /* config_fd, bundle_fd and secrets are new ones: answer role_reloaded */
	ROLE_WISH_DRAIN,   /* finish, then exit 0 */
	ROLE_WISH_VERDICT, /* boot->verdict: a person answered (gates) */
	ROLE_WISH_PINS,    /* pins_fd is a new one (gates) */
	ROLE_WISH_NOTE,    /* *ret_note is an entry for the ledger (scribe) */
	ROLE_WISH_LOGIN,   /* *ret_note is a whole frame: LOGIN, SLOT or SLOT_KEPT (connector) */
};

/*
 * The next wish, when control is readable; call until ROLE_WISH_NONE. ERR_CLOSED: the
 * supervisor is gone, and so is the role's reason to be. *ret_note points into `buf`, which
 * has room for ROLE_FRAME_MAX bytes.
 */
enum { ROLE_FRAME_MAX = 20 * 1024 };
enum err_code role_next_wish(struct role_boot *boot, void *buf, enum role_wish *ret,
			     struct str *ret_note, struct err *err) MUST_USE;

/* Tells the supervisor what this gate holds for a person; with an empty text: no more. */
enum err_code role_held(struct role_boot *boot, uint64_t number, struct str text,
			struct err *err) MUST_USE;

/* Tells the supervisor that a report of so many bytes is in this gate's room. */
enum err_code role_pins_seen(struct role_boot *boot, uint32_t n, struct err *err) MUST_USE;

/* The answer to ROLE_WISH_RELOAD. */
enum err_code role_reloaded(struct role_boot *boot, bool ok, struct str text,
			    struct err *err) MUST_USE;

/*
 * The loader is not booted like the others: it lives for one load. Descriptor 3
 * is where the bundle goes, 4 where an error text goes.
 */
int loader_main(const char *config_path);

/* One for each role, in its own file; returns the exit status. */
int gate_main(struct role_boot *boot);
int connector_main(struct role_boot *boot);
int scribe_main(struct role_boot *boot);
int runner_main(struct role_boot *boot);
int exit_main(struct role_boot *boot);
int relay_main(struct role_boot *boot);

#endif
