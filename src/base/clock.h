/* SPDX-License-Identifier: Apache-2.0 */
/* Time, in nanoseconds. Deadlines use the monotonic clock, records the real one. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define CLOCK_MS  UINT64_C(1000000)
#define CLOCK_SEC UINT64_C(1000000000)

/* Never goes back; starts anywhere. */
uint64_t clock_mono(void);

/* The same, and goes on while the machine sleeps. */
uint64_t clock_boot(void);

/* Since 1970-01-01 UTC; may jump both ways when somebody sets the clock. */
uint64_t clock_real(void);

#endif
