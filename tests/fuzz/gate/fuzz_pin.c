/* SPDX-License-Identifier: Apache-2.0 */
/* Oracle: a report that is valid is, put together anew from what was read, the same bytes. */
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "gate/pin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str report = str_make((const char *)data, n), server, rest;
	struct pin_seen seen;
	struct buf again;
	bool valid = false, plain = true;

	if (!pin_report_open(report, &server, &rest)) {
		return 0;
	}
	buf_init(&again, 2 * PIN_REPORT_MAX);
	pin_report_begin(&again, server);
	plain = report.p[1] == 0;
	while (pin_report_next(&rest, &seen, &valid)) {
		/* a byte that is to be zero is not looked at, nor kept */
		plain = plain && seen.name.p[1 - PIN_ITEM] == 0;
		ASSERT(pin_report_put(&again, &seen));
	}
	ASSERT(!valid || !plain || str_eq(buf_str(&again), report));
	buf_done(&again);
	return 0;
}
