/* SPDX-License-Identifier: Apache-2.0 */
/* How often a server may be started. Pure but for the clock that is passed in. */
#ifndef PROC_RUNNER_H
#define PROC_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

enum {
	RUNNER_MAX_SERVERS = 1024,  /* running at once, for all gates */
	RUNNER_STARTS_MINUTE = 120, /* of one configured server */
	RUNNER_QUICK_SECONDS = 5,   /* an unasked end sooner than this is a quick death */
	RUNNER_QUICK_DEATHS = 3,    /* so many in a row are free */
	RUNNER_WAIT_MAX = 60,       /* seconds */
};

/* One for each configured server. Zeroed is new. */
struct runner_pace {
	uint64_t minute_at; /* when the minute of `starts` began */
	unsigned starts;
	unsigned deaths; /* quick ones in a row */
	uint64_t blocked_until;
};

/* Whether a start may happen now; counts it when it may. Else *ret_wait: whole seconds. */
bool runner_pace_start(struct runner_pace *p, uint64_t now, uint64_t *ret_wait);

/* A server that nobody asked to stop ended after `lived` ns. The wait doubles with each in a row.
 */
void runner_pace_died(struct runner_pace *p, uint64_t now, uint64_t lived);

#endif
