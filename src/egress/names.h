/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses that stand for names. A program that asks for a host's address gets one from a pool
 * that leads nowhere (198.18.0.0/15, RFC 2544; the same number behind 2001:2::/96, RFC 5180); when it connects there, the pool says which name it
 * meant. So a name is decided about, and looked up outside, only when something connects.
 *
 * At most 1,024 names at once, the oldest makes way. An address that was given comes back for another
 * name only after some 130,000 others: until then it stands for nothing.
 */
#ifndef EGRESS_NAMES_H
#define EGRESS_NAMES_H

#include "egress/host.h"

enum { EGRESS_NAMES_MAX = 1024, EGRESS_NAMES_POOL = 127 * EGRESS_NAMES_MAX };

/* Zeroed is empty. */
struct egress_names {
	struct egress_named **slots; /* EGRESS_NAMES_MAX; NULL before the first name */
	uint32_t next;               /* how many were given, modulo the pool */
};

void egress_names_done(struct egress_names *t);

/* The address of this name, the same while it is kept: `v6` or not. False when out of memory. */
bool egress_names_give(struct egress_names *t, struct str name, bool v6,
		       struct egress_ip *ret) MUST_USE;

/* The name an address stands for, until the next call of egress_names_give; p NULL: none. */
struct str egress_names_find(const struct egress_names *t, const struct egress_ip *ip);

/* Is it of the pool at all? */
bool egress_names_holds(const struct egress_ip *ip);

#endif
