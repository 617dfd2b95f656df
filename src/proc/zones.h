/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A zone is a site: what goes to its models and servers, but for what is on this machine and wants neither TLS
 * nor a credential, goes by way of one process (proc/zone.c) that is told of nothing else. What the
 * configuration puts at no site, issuers of tokens too, shares one zone.
 */
#ifndef PROC_ZONES_H
#define PROC_ZONES_H

#include "config/config.h"
#include "proc/role.h"

_Static_assert((int)ROLE_ZONE_NAME_MAX >= (int)CONFIG_MAX_ID, "a site is the name of its zone");

/* No site can be called so. */
#define ZONE_OF_NO_SITE "-"

struct zone {
	char name[ROLE_ZONE_NAME_MAX + 1]; /* the site's id */
	bool tls;                          /* something there speaks it */
	int config_fd;                     /* what its relay is told; -1: not written yet */
};

struct zones {
	struct zone items[ROLE_MAX_ZONES];
	unsigned n;
};

/* Whether a relay stands in between; else the connected socket is passed on. */
bool zone_relays_server(const struct config_server *s);
bool zone_relays_model(const struct config_model *m);
bool zone_relays_keys(const struct config_issuer *is);
bool zone_relays_introspection(const struct config_issuer *is);

struct str zone_name(const struct config_site *site);

/* Those that this configuration needs, without files. ERR_LIMIT: more than ROLE_MAX_ZONES. */
enum err_code zones_of(const struct config *c, struct zones *ret, struct err *err) MUST_USE;

/* Borrowed, or NULL. */
const struct zone *zones_find(const struct zones *z, struct str name);

/* The bit of a site's zone in role_secret.zones. */
static inline uint64_t zones_bit(const struct zones *z, const struct config_site *site)
{
	const struct zone *at = zones_find(z, zone_name(site));

	return at ? UINT64_C(1) << (at - z->items) : 0;
}

/* Closes the files. */
void zones_done(struct zones *z);

/* Is nothing of this zone reached, since the node is severed? Also when that cannot be found out. */
bool zone_is_cut(const struct config *c, struct str zone);

/* What a relay is told of the configuration: its own zone. Lives in the arena, and borrows from c. */
enum err_code zone_view(struct arena *a, const struct config *c, struct str zone,
			struct config *ret, struct err *err) MUST_USE;

/* What the role that dials is told: where everything is, and no credential. */
enum err_code zone_view_of_connector(struct arena *a, const struct config *c, struct config *ret,
				     struct err *err) MUST_USE;

#endif
