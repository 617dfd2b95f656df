/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The single steps of confinement that jail and apply share. Each acts on the
 * calling process, allocates nothing and can run between fork and exec.
 */
#ifndef SANDBOX_CONFINE_H
#define SANDBOX_CONFINE_H

#include "base/err.h"

#include <stdint.h>

/*
 * Empties the bounding set. Needs CAP_SETPCAP, so it comes before the next two; an
 * ordinary user cannot, and needs not: no_new_privs holds the same door.
 */
enum err_code confine_bounding_set(struct err *err) MUST_USE;

/*
 * Empties the ambient, inheritable, permitted and effective sets and sets
 * no_new_privs, so that no exec brings any back.
 */
enum err_code confine_capabilities(struct err *err) MUST_USE;

/* The same, but one capability stays, and stays with nothing that is executed. */
enum err_code confine_capabilities_but(unsigned cap, struct err *err) MUST_USE;

enum err_code confine_no_new_privs(struct err *err) MUST_USE;

/* Not dumpable: no core, no ptrace, /proc/PID closed to others of the same user. */
enum err_code confine_not_dumpable(struct err *err) MUST_USE;

/* When memory runs out the kernel takes this process before others. Must be dumpable. */
enum err_code confine_first_to_die(struct err *err) MUST_USE;

/* Both the soft and the hard limit, lowered to `value`; a lower hard limit stays. */
enum err_code confine_limit(unsigned resource, uint64_t value, struct err *err) MUST_USE;

/* A user and group and the numbers they have inside a user namespace. */
struct confine_ids {
	uint32_t uid, gid; /* outside */
	uint32_t inside_uid, inside_gid;
};

/*
 * Right after entering a user namespace: maps this one user and group, whose files
 * are the only ones that stay its own. Turns the process dumpable for the moment,
 * since /proc/self belongs to nobody otherwise.
 */
enum err_code confine_map_ids(const struct confine_ids *ids, struct err *err) MUST_USE;

#endif
