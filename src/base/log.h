/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operator's log: one line on standard error for each message, written by
 * one write(2), control characters escaped. Only gate/, proc/ and cli/ call it;
 * libraries return errors. Never pass it a secret, a prompt or an argument.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/attr.h"

enum log_level { LOG_ERROR = 0, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Who speaks ("gate.0") and the least important level that is printed. Called once, at start. */
void log_setup(const char *who, enum log_level most);

void log_line(enum log_level level, const char *fmt, ...) PRINTF(2, 3);

#endif
