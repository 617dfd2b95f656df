/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names to addresses, in a process of its own: libc's resolver blocks, opens
 * files and parses answers from the network, none of which the connector may do.
 * One question at a time goes to it; answers come back through the loop.
 */
#ifndef PROC_RESOLVER_H
#define PROC_RESOLVER_H

#include "ipc/chan.h"
#include "net/addr.h"
#include "net/loop.h"

enum { RESOLVER_MAX_ADDRS = 4 };

struct resolver {
	struct loop *loop;
	struct loop_fd f;
	struct chan chan;
	void (*on_answer)(struct resolver *r, uint64_t token, const struct net_addr *addrs,
			  unsigned n); /* n 0: no such name, or no answer in time */
};

/*
 * Forks the child. Called before the connector's jail closes; the child enters its own (it
 * keeps the network and reads the resolver's files, nothing else). on_answer must be set.
 */
enum err_code resolver_start(struct resolver *r, struct err *err) MUST_USE;

/* Puts its answers into the loop. */
enum err_code resolver_watch(struct resolver *r, struct loop *loop, struct err *err) MUST_USE;

enum err_code resolver_ask(struct resolver *r, uint64_t token, struct str host, uint16_t port,
			   struct err *err) MUST_USE;

#endif
