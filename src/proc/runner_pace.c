/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/runner.h"

#include "base/clock.h"

bool runner_pace_start(struct runner_pace *p, uint64_t now, uint64_t *ret_wait)
{
	uint64_t minute = 60 * CLOCK_SEC, until = p->blocked_until;

	if (now - p->minute_at >= minute) {
		p->minute_at = now;
		p->starts = 0;
	}
	if (p->starts >= RUNNER_STARTS_MINUTE && until < p->minute_at + minute) {
		until = p->minute_at + minute;
	}
	if (now < until) {
		*ret_wait = (until - now + CLOCK_SEC - 1) / CLOCK_SEC;
		return false;
	}
	p->starts++;
	return true;
}

void runner_pace_died(struct runner_pace *p, uint64_t now, uint64_t lived)
{
	unsigned extra;
	uint64_t wait = RUNNER_WAIT_MAX;

	if (lived >= RUNNER_QUICK_SECONDS * CLOCK_SEC) {
		p->deaths = 0;
		return;
	}
	p->deaths++;
	if (p->deaths <= RUNNER_QUICK_DEATHS) {
		return;
	}
	extra = p->deaths - RUNNER_QUICK_DEATHS - 1;
	if (extra < 6 && (UINT64_C(1) << extra) < wait) {
		wait = UINT64_C(1) << extra;
	}
	p->blocked_until = now + wait * CLOCK_SEC;
}
