/* SPDX-License-Identifier: Apache-2.0 */
/* Which relays there are: one for each zone in force (proc/zones.h). */
#include "proc/supervisor_priv.h"

#include "base/log.h"
#include "ipc/messages.h"

static struct child *next_relay(struct supervisor *s, struct child *after)
{
	struct child *end = s->children.slots + s->children.n;
	struct child *c = after ? after + 1 : s->children.slots;

	while (c < end && c->role != ROLE_RELAY) {
		c++;
	}
	return c < end ? c : NULL;
}

/* Nothing new comes to it: whom it serves now it serves to the end. */
static void drain(struct child *c)
{
	struct err err;

	c->off = true;
	if (c->state == CHILD_SERVING && child_tell(c, IPC_DRAIN, -1, &err) == ERR_OK) {
		c->state = CHILD_DRAINING;
	} else {
		supervisor_end_child(c);
	}
}

static struct child *find(struct supervisor *s, const char *zone)
{
	for (struct child *c = next_relay(s, NULL); c; c = next_relay(s, c)) {
		if (!c->off && strcmp(c->zone, zone) == 0) {
			return c;
		}
	}
	return NULL;
}

void supervisor_place_zones(struct supervisor *s)
{
	const struct zones *zones = &s->bundle.zones;

	for (struct child *c = next_relay(s, NULL); c; c = next_relay(s, c)) {
		if (!c->off && !zones_find(zones, str_from_c(c->zone))) {
			drain(c);
		}
	}
	for (unsigned i = 0; i < zones->n; i++) {
		const char *zone = zones->items[i].name;

		if (!find(s, zone) && !children_add_relay(&s->children, zone)) {
			log_line(LOG_ERROR,
				 "no room for the relay of %s until older ones have ended", zone);
		}
	}
}

void supervisor_cut_zones(struct supervisor *s)
{
	for (struct child *c = next_relay(s, NULL); c; c = next_relay(s, c)) {
		if (c->off || zone_is_cut(s->bundle.config, str_from_c(c->zone))) {
			supervisor_end_child(c);
		}
	}
}
