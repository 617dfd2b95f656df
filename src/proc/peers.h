/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gates that a role which dials answers to: one channel each, in the role's loop. A
 * gate that was started again replaces its predecessor, with all that one asked for.
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
	unsigned index;
	struct list asked; /* the owner's: what this gate waits for */
};

struct peers {
	struct loop *loop;
	struct peer *first;
	void (*on_message)(struct peer *p, struct str frame);
	void (*on_gone)(struct peer *p); /* release what is in p->asked; p is freed next */
};

/* Takes the channel over. */
enum err_code peers_add(struct peers *ps, const struct role_channel *channel,
			struct err *err) MUST_USE;

/* Descriptors are closed here in every case. A peer that does not read is logged. */
void peer_send(struct peer *p, struct str frame, const int *fds, unsigned n_fds);

/* NOT_DIALED; `why` is enum ipc_not_dialed. */
void peer_not_dialed(struct peer *p, uint64_t token, const char *reason, uint8_t why);

/* DIALED; `mode` is enum ipc_dial_mode; fd is closed here. */
void peer_dialed(struct peer *p, uint64_t token, uint8_t mode, int fd);

#endif
