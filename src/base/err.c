/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum err_code err_set(struct err *err, enum err_code code, int sys_errno, const char *where,
		      const char *fmt, ...)
{
	if (err) {
		va_list ap;

		err->code = code;
		err->sys_errno = sys_errno;
		err->where = where;
		va_start(ap, fmt);
		(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
		va_end(ap);
	}
	return code;
}

enum err_code err_set_errno(struct err *err, const char *where, const char *fmt, ...)
{
	int saved = errno;

	if (err) {
		va_list ap;
		size_t n;

		err->code = ERR_SYS;
		err->sys_errno = saved;
		err->where = where;
		va_start(ap, fmt);
		(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
		va_end(ap);
		n = strlen(err->msg);
		(void)snprintf(err->msg + n, sizeof(err->msg) - n, ": %s", strerror(saved));
	}
	errno = saved;
	return ERR_SYS;
}

void err_wrap(struct err *err, const char *fmt, ...)
{
	char inner[sizeof(err->msg)];
	va_list ap;
	size_t n;

	if (!err) {
		return;
	}
	memcpy(inner, err->msg, sizeof(inner));
	inner[sizeof(inner) - 1] = '\0';
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	n = strlen(err->msg);
	(void)snprintf(err->msg + n, sizeof(err->msg) - n, ": %.*s", (int)(sizeof(inner) - 1),
		       inner);
}

const char *err_code_name(enum err_code code)
{
	static const char *const names[ERR_CODE_MAX] = {
		[ERR_OK] = "ok",
		[ERR_NOMEM] = "out of memory",
		[ERR_SYS] = "system",
		[ERR_SYNTAX] = "syntax",
		[ERR_INVALID] = "invalid",
		[ERR_LIMIT] = "limit",
		[ERR_NOT_FOUND] = "not found",
		[ERR_EXISTS] = "exists",
		[ERR_DENIED] = "denied",
		[ERR_AGAIN] = "again",
		[ERR_CLOSED] = "closed",
		[ERR_TIMEOUT] = "timeout",
		[ERR_CORRUPT] = "corrupt",
		[ERR_UNSUPPORTED] = "unsupported",
	};

	return code < ERR_CODE_MAX ? names[code] : "unknown";
}
