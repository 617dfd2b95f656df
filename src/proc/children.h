/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's children: one slot for each role instance, how it is started
 * and how it is connected to the others. A child that ends leaves its slot to
 * its successor; the channels of the dead one are made anew on both sides.
 */
#ifndef PROC_CHILDREN_H
#define PROC_CHILDREN_H

#include "proc/role.h"
#include "sys/spawn.h"

enum { CHILDREN_MAX = 72 + ROLE_MAX_ZONES, CHILDREN_MAX_GATES = 64 };

enum child_state {
	CHILD_ABSENT = 0, /* not running; restart_at says when it may be */
	CHILD_SPAWNED,    /* its process is there and waits to be told what it is for */
	CHILD_STARTING,   /* spawned and handed everything, has not said READY */
	CHILD_SERVING,
	CHILD_DRAINING,
};

struct zones;

struct child {
	enum role role;
	unsigned index;
	char zone[ROLE_ZONE_NAME_MAX +
		  1]; /* of a relay; its index stays with it as long as there is the zone */
	enum child_state state;
	bool off;                   /* this node has no use for it: it is not started */
	struct spawn_child process; /* pidfd -1 when absent */
	struct chan control;
	uint64_t started_at, restart_at; /* monotonic ns */
	bool served;                     /* this one or one before it */
	unsigned quick_deaths;           /* ended within a second of their start, in a row */
	unsigned reloads_pending;        /* handed over, and not answered yet */
	bool tls;                        /* it was told to load OpenSSL before its jail */
	bool http2;                      /* likewise libnghttp2 */
	int room_fd;         /* of a gate: what it writes its reports of pins to; -1: none */
	unsigned generation; /* of the bundle it was handed last */
};

/* What children are handed at boot; descriptors stay the supervisor's and are dup'ed for each
 * child. */
struct handout {
	int config_fd;    /* everything but secrets: for the runner, which needs most of it */
	int connector_fd; /* the connector's */
	const struct zones *zones;         /* each with its relay's view */
	int gate_config_fd;                /* what a gate may see */
	int bundle_fd;                     /* policies and schema: gates only */
	int log_dir_fd, key_fd;            /* scribe only */
	int runs_fd;                       /* first gate only; -1: none */
	int pins_fd;                       /* gates only; -1: nothing is pinned */
	const struct role_secret *secrets; /* each says whose it is */
	unsigned n_secrets;
	const struct role_listener *listeners; /* gates only; index g * n_listen + l */
	unsigned n_listen;
	bool resolve; /* some upstream is known by a name only */
	unsigned tls; /* bits 1 << enum role: which roles speak TLS */
	bool http2;   /* gates may have to speak it */
	bool oauth;   /* the connector needs tokens for some server */
};

struct children {
	struct child slots[CHILDREN_MAX];
	unsigned n, n_gates;
	char *self; /* path of our own binary */
};

/* Slots for one scribe, connector, runner and exit (off) and `n_gates` gates. Nothing runs yet. Relays get theirs last. */
void children_init(struct children *c, char *self, unsigned n_gates);

/* A relay's slot, which may be another's that is not needed any more; NULL: there is no room. */
struct child *children_add_relay(struct children *c, const char *zone);

struct child *children_find(struct children *c, enum role role, unsigned index);

/* Only the process, ahead of time: it waits for children_start. */
enum err_code children_spawn(struct children *c, struct child *child, struct err *err) MUST_USE;

/* Changes the number of gates before any has started: surplus processes are ended. */
void children_set_gates(struct children *c, unsigned n_gates);

/* Starts the child, handing it what its role gets; connects it to its running peers. */
enum err_code children_start(struct children *c, struct child *child, const struct handout *h,
			     struct err *err) MUST_USE;

/* Whether it has to load OpenSSL before its jail. */
bool child_needs_tls(const struct child *child, const struct handout *h);

/* Notes that the child ended: closes what was its; sets when it may start again. */
void children_ended(struct child *child, uint64_t now);

/* One message with at most one descriptor (dup'ed; -1 for none). */
enum err_code child_tell(struct child *child, uint8_t message, int fd, struct err *err) MUST_USE;

/* The table of pins, to a gate; the first of it comes with the room for its reports. */
enum err_code child_tell_pins(struct child *child, int pins_fd, bool answer,
			      struct err *err) MUST_USE;

/* This child's view of the configuration, and those of the files that it may have. */
enum err_code child_tell_config(struct child *child, const struct handout *h,
				struct err *err) MUST_USE;

#endif
