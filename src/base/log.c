/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The two exceptions to "no mutable globals": set once at start, read by every message. */
static char log_who[32] = "writ"; // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
static enum log_level log_most =
	LOG_INFO; // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

void log_setup(const char *who, enum log_level most)
{
	(void)snprintf(log_who, sizeof(log_who), "%s", who);
	log_most = most;
}

/* A line is often a stranger's text: nothing in it may move a terminal. */
static void make_printable(char *line, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t len = str_printable(str_make(line + i, n - i));

		if (len == 0) {
			line[i] = '?';
		}
		i += len ? len : 1;
	}
}

void log_line(enum log_level level, const char *fmt, ...)
{
	static const char *const words[] = {"error", "warning", "info", "debug"};
	char line[1024];
	va_list ap;
	int head, body;
	size_t n;

	if (level > log_most) {
		return;
	}
	head = snprintf(line, sizeof(line), "writ %s: %s: ", log_who, words[level]);
	va_start(ap, fmt);
	body = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, fmt, ap);
	va_end(ap);
	n = (size_t)head + (body > 0 ? (size_t)body : 0);
	n = n > sizeof(line) - 2 ? sizeof(line) - 2 : n;
	make_printable(line, n);
	line[n] = '\n';
	/* A full or closed stderr must not stop a role. */
	if (write(STDERR_FILENO, line, n + 1) < 0) {
		return;
	}
}
