/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/out.h"

#include "cli/cmd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum {
	OUT_MAX = 64 << 20,   /* one value */
	OUT_FLUSH = 32 << 10, /* written when this much has gathered */
	OUT_COLS = 20,
};

static void out_flush(struct out *o)
{
	if (o->buf.failed) {
		o->write_failed = true;
	}
	while (!o->write_failed && buf_len(&o->buf)) {
		struct str s = buf_str(&o->buf);
		ssize_t n = write(o->fd, s.p, s.n);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			o->write_failed = true;
			break;
		}
		buf_consume(&o->buf, (size_t)n);
	}
	if (o->write_failed) {
		buf_clear(&o->buf);
	}
}

void out_init(struct out *o, const char *command, bool json, int fd)
{
	*o = (struct out){.ops = json ? &out_json_ops : &out_text_ops, .command = command};
	o->fd = fd;
	buf_init(&o->buf, OUT_MAX);
	buf_init(&o->notes, OUT_MAX);
	o->ops->begin(o);
}

static void out_field(struct out *o, const char *name, struct str value, bool raw)
{
	if (o->in_row) {
		ASSERT(o->col < o->list->n_cols);
		ASSERT(strcmp(o->list->cols[o->col].name, name) == 0);
	} else {
		ASSERT(!o->list);
	}
	o->ops->field(o, name, value, raw);
	if (o->in_row) {
		o->col++;
	} else {
		o->n_fields++;
	}
}

void out_text(struct out *o, const char *name, struct str value)
{
	out_field(o, name, value, false);
}

void out_json(struct out *o, const char *name, struct str json)
{
	out_field(o, name, json, true);
}

void out_u64(struct out *o, const char *name, uint64_t value)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);

	out_field(o, name, str_make(digits, (size_t)n), true);
}

void out_bool(struct out *o, const char *name, bool value)
{
	out_field(o, name, value ? STR("true") : STR("false"), true);
}

void out_printf(struct out *o, const char *name, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	out_field(o, name, str_from_c(text), false);
}

void out_note(struct out *o, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	ASSERT(!o->in_row);
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	o->ops->note(o, str_from_c(text));
}

void out_list_begin(struct out *o, const struct out_list *list)
{
	ASSERT(!o->list && list->n_cols <= OUT_COLS);
	o->list = list;
	o->n_rows = 0;
	o->ops->list_begin(o);
	o->n_fields++;
}

void out_row_begin(struct out *o)
{
	ASSERT(o->list && !o->in_row);
	o->in_row = true;
	o->col = 0;
	o->ops->row_begin(o);
}

void out_row_end(struct out *o)
{
	ASSERT(o->in_row && o->col == o->list->n_cols);
	o->ops->row_end(o);
	o->in_row = false;
	o->n_rows++;
	if (buf_len(&o->buf) >= OUT_FLUSH) {
		out_flush(o);
	}
}

static void close_list(struct out *o)
{
	o->ops->list_end(o);
	o->list = NULL;
}

void out_list_end(struct out *o)
{
	ASSERT(o->list && !o->in_row);
	if (!o->n_rows && o->ops->list_empty) {
		o->ops->list_empty(o);
	}
	close_list(o);
}

int out_error(struct out *o, const struct err *err)
{
	/* An error may end a half-written row; close what is open so that JSON stays JSON. */
	while (o->in_row && o->col < o->list->n_cols) {
		out_text(o, o->list->cols[o->col].name, STR(""));
	}
	if (o->in_row) {
		out_row_end(o);
	}
	if (o->list) {
		close_list(o);
	}
	out_flush(o);
	o->ops->error(o, err);
	return CMD_FAILED;
}

int out_end(struct out *o, int status)
{
	o->ops->end(o, status);
	out_flush(o);
	if (o->write_failed) {
		status = CMD_FAILED;
	}
	buf_done(&o->buf);
	buf_done(&o->notes);
	return status;
}

/* A usage error is told in JSON too, wherever --json stands. */
static bool asked_for_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			return true;
		}
	}
	return false;
}

bool out_begin(struct out *o, const struct opt_spec *spec, int argc, char **argv, const bool *json,
	       int *ret_status)
{
	struct err err = {0};
	bool help = false;

	if (opt_parse(spec, argc, argv, &help, &err)) {
		out_init(o, spec->command, asked_for_json(argc, argv), STDOUT_FILENO);
		*ret_status = out_end(o, out_error(o, &err));
		return false;
	}
	if (help) {
		/* Help is for people: the same text with and without --json. */
		out_init(o, spec->command, false, STDOUT_FILENO);
		opt_help(spec, &o->buf);
		*ret_status = out_end(o, CMD_FINE);
		return false;
	}
	out_init(o, spec->command, *json, STDOUT_FILENO);
	return true;
}
