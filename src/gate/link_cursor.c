/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/link_cursor.h"

#include "base/clock.h"

#include <stdlib.h>

enum { RETRY_MIN_MS = 100, RETRY_MAX_MS = 60 * 1000 };

/* RFC 9110 section 5.5, cut down to what every server reads alike. */
static bool can_be_shown(struct str id)
{
	for (size_t i = 0; i < id.n; i++) {
		if (id.p[i] < 0x20 || id.p[i] > 0x7e) {
			return false;
		}
	}
	return id.n > 0 && id.n <= LINK_CURSOR_MAX && id.p[0] != ' ' && id.p[id.n - 1] != ' ';
}

void link_cursor_note(struct link_cursor **at, const struct sse_event *e, void *owner,
		      void (*on_again)(struct timer *t))
{
	struct link_cursor *c = *at;

	if (!e->has_id && !e->has_retry) {
		return;
	}
	if (!c) {
		c = *at = calloc(1, sizeof(*c));
		if (!c) {
			return;
		}
		c->owner = owner;
		c->again.on_timeout = on_again;
	}
	if (e->has_retry) {
		c->has_retry = true;
		c->retry_ms = e->retry_ms;
	}
	if (e->has_id) {
		c->n = can_be_shown(e->id) ? e->id.n : 0;
		memcpy(c->id, e->id.p, c->n);
	}
}

uint64_t link_cursor_wait(const struct link_cursor *c, uint64_t unsaid)
{
	if (!c || !c->has_retry) {
		return unsaid;
	}
	return (c->retry_ms < RETRY_MIN_MS   ? RETRY_MIN_MS
		: c->retry_ms > RETRY_MAX_MS ? RETRY_MAX_MS
					     : c->retry_ms) *
	       CLOCK_MS;
}

void link_cursor_show(struct link_cursor *c, struct h1_out *request)
{
	ASSERT(request->n_fields < LINK_CURSOR_FIELDS);
	memcpy(c->fields, request->fields, request->n_fields * sizeof(*c->fields));
	c->fields[request->n_fields++] =
		(struct http_field){STR("Last-Event-ID"), str_make(c->id, c->n)};
	request->fields = c->fields;
}

void link_cursor_done(struct link_cursor **at)
{
	if (*at) {
		timer_stop(&(*at)->again);
		free(*at);
		*at = NULL;
	}
}
