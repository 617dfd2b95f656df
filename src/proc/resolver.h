/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names to addresses, in processes of their own: libc's resolver blocks, opens
 * files and parses answers from the network, none of which who asks may do.
 *
 * Each child looks up one name at a time. Whose name server does not answer holds up the names below
 * its own domain (the last two labels) and no others: of one domain one lookup is under way at a time.
 * Who asks for names of many such domains holds up its own: one child is left to others, and whoever has
 * the fewest lookups under way has the next.
 */
#ifndef PROC_RESOLVER_H
#define PROC_RESOLVER_H

#include "ipc/chan.h"
#include "net/addr.h"
#include "net/loop.h"

enum {
	RESOLVER_MAX_ADDRS = 4,
	RESOLVER_CHILDREN = 3,
	RESOLVER_HOST_MAX = 254,
	RESOLVER_WAITING = 4096, /* questions that no child has yet */
	RESOLVER_WAITING_OF_DOMAIN = 512,
	RESOLVER_WAITING_OF_ASKER = 2048,
	RESOLVER_OF_ASKER = RESOLVER_CHILDREN - 1, /* at once */
};

struct resolver;

struct resolver_child {
	struct resolver *of;
	struct loop_fd f;
	struct chan chan;
	bool busy;
	uint64_t token; /* busy: of what it looks up */
	uint64_t asker;
	char host[RESOLVER_HOST_MAX + 1];
};

struct resolver {
	struct loop *loop;
	struct resolver_child children[RESOLVER_CHILDREN];
	struct list waiting;
	unsigned n_waiting;
	void (*on_answer)(struct resolver *r, uint64_t token, const struct net_addr *addrs,
			  unsigned n); /* n 0: no such name, or no answer in time */
};

/*
 * Forks the children. Called before the role's jail closes; each enters its own (it
 * keeps the network and reads the resolver's files, nothing else). on_answer must be set.
 */
enum err_code resolver_start(struct resolver *r, struct err *err) MUST_USE;

/* Puts its answers into the loop. */
enum err_code resolver_watch(struct resolver *r, struct loop *loop, struct err *err) MUST_USE;

/*
 * `asker` is a number of whoever wants to know; 0: this role itself, which is not held to a share.
 * ERR_LIMIT: too many questions wait, or too many of this domain or asker.
 */
enum err_code resolver_ask(struct resolver *r, uint64_t asker, uint64_t token, struct str host,
			   uint16_t port, struct err *err) MUST_USE;

/* Nobody waits for this one any more. One that is under way may still be answered. */
void resolver_forget(struct resolver *r, uint64_t token);

#endif
