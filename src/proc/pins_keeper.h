/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's part in pinning: what gates report goes into the store, what is pinned goes to all
 * gates, what waits for a person is recorded, and a person's word is carried out.
 */
#ifndef PROC_PINS_KEEPER_H
#define PROC_PINS_KEEPER_H

#include "config/config.h"
#include "ledger/record.h"
#include "proc/children.h"
#include "proc/control.h"
#include "proc/pin_store.h"

struct pins_keeper {
	struct pin_store store;
	int table_fd; /* -1: nothing is pinned */
	struct children *children;
	/* An event for the ledger. */
	void (*note)(struct pins_keeper *k, struct ledger_event event);
};

/* The owner sets children and note. */
void pins_keeper_init(struct pins_keeper *k);
void pins_keeper_done(struct pins_keeper *k);

/* Opens the store, once, when this configuration pins anything. */
enum err_code pins_keeper_open(struct pins_keeper *k, const struct config *config, int state_fd,
			       struct err *err) MUST_USE;

/* A gate has written a report of n bytes. False: it is none, and no gate of ours says so. */
bool pins_keeper_seen(struct pins_keeper *k, const struct config *config, struct child *gate,
		      uint32_t n);

/* PIN_APPROVE or PIN_REJECT; *ret_text says why not. */
bool pins_keeper_decide(struct pins_keeper *k, const struct control_request *req, struct err *err);

#endif
