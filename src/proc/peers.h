/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gates that a role answers to, and of the connector the relays: one channel each, in the role's loop. A peer
 * that was started again replaces its predecessor, with all that one asked for. A peer that says what it may not is
 * dropped, and the supervisor is told, which ends it: strangers talk to gates.
 */
#ifndef PROC_PEERS_H
#define PROC_PEERS_H

#include "net/loop.h"
#include "proc/role.h"

struct peers;

struct peer {
	struct peer *next;
	struct peers *owner;
	struct loop_fd f;
	struct chan chan;
	enum role role;
	unsigned index;
	char zone[ROLE_ZONE_NAME_MAX + 1]; /* of a relay */
	struct list asked;                 /* the owner's: what this gate waits for */
};

enum { PEERS_SHORT_FRAME = 1024 };

/* Filled by the owner before the first peers_add. */
struct peers {
	struct loop *loop;
	struct role_boot *boot;
	struct peer *first;
	char *in;               /* where a frame is read; NULL: in `short_frame` */
	size_t in_max;          /* the largest that a gate may send */
	unsigned frames_a_turn; /* of one gate, so that the others, and ends, are seen in between */
	size_t queue_max;       /* bytes of answers that a gate may leave unread */
	bool stopped;           /* the owner's: nothing more is read */
	bool relays;            /* they are peers besides gates */
	/* False: not what a gate may say. The frame is valid during the call. */
	bool (*on_message)(struct peer *p, struct str frame);
	void (*on_gone)(struct peer *p); /* release what is in p->asked; p is freed next */
	char short_frame[PEERS_SHORT_FRAME];
};

/*
 * Takes the channel over. What a predecessor sent before it ended is not taken any more, unless
 * peers_take was called before.
 */
enum err_code peers_add(struct peers *ps, const struct role_channel *channel,
			struct err *err) MUST_USE;

/* Borrowed, or NULL. */
struct peer *peers_find(const struct peers *ps, enum role role, unsigned index);

/* Takes all that every gate, or the one of that index, has sent up to now. */
void peers_take(struct peers *ps);
void peers_take_of(struct peers *ps, unsigned index);

/* Drops every gate. */
void peers_done(struct peers *ps);

/* Descriptors are closed here in every case. A peer that does not read is logged. */
void peer_send(struct peer *p, struct str frame, const int *fds, unsigned n_fds);

/* NOT_DIALED; `why` is enum ipc_not_dialed. */
void peer_not_dialed(struct peer *p, uint64_t token, const char *reason, uint8_t why);

/* DIALED; `mode` is enum ipc_dial_mode; fd is closed here. */
void peer_dialed(struct peer *p, uint64_t token, uint8_t mode, int fd);

#endif
