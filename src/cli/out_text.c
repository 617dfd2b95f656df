/* SPDX-License-Identifier: Apache-2.0 */
/* The output interface for a person at a terminal. */
#include "cli/out.h"

#include <stdio.h>
#include <unistd.h>

/* Control characters and broken UTF-8 become \xNN; a line break stays where `breaks` allows it. */
static size_t append_safe(struct buf *to, struct str s, bool breaks)
{
	size_t columns = 0;

	while (s.n) {
		size_t n = str_printable(s);

		if (n) {
			buf_append(to, str_make(s.p, n));
			columns++;
		} else if (breaks && s.p[0] == '\n') {
			buf_append(to, STR("\n"));
			n = 1;
		} else {
			buf_printf(to, "\\x%02x", (unsigned)(unsigned char)s.p[0]);
			columns += 4;
			n = 1;
		}
		s = str_from(s, n);
	}
	return columns;
}

static void pad(struct buf *to, size_t columns, unsigned width)
{
	for (; columns < width; columns++) {
		buf_append_c(to, ' ');
	}
}

/* records_read -> "records read" */
static size_t append_label(struct buf *to, const char *name)
{
	size_t n = 0;

	for (; name[n]; n++) {
		buf_append_c(to, name[n] == '_' ? ' ' : name[n]);
	}
	return n;
}

static void text_begin(struct out *o)
{
	(void)o;
}

static void text_field(struct out *o, const char *name, struct str value, bool raw)
{
	(void)raw;
	if (!o->in_row) {
		append_label(&o->buf, name);
		buf_append(&o->buf, STR(": "));
		append_safe(&o->buf, value, true);
		buf_append_c(&o->buf, '\n');
		return;
	}
	if (o->col) {
		buf_append(&o->buf, o->list->between ? str_from_c(o->list->between) : STR("  "));
	}
	{
		size_t columns = append_safe(&o->buf, value, false);

		if (o->col + 1 < o->list->n_cols) {
			pad(&o->buf, columns, o->list->cols[o->col].width);
		}
	}
}

static void text_note(struct out *o, struct str text)
{
	append_safe(&o->buf, text, true);
	buf_append_c(&o->buf, '\n');
}

static void text_list_begin(struct out *o)
{
	o->header_done = o->list->between != NULL;
}

static void text_row_begin(struct out *o)
{
	if (o->header_done) {
		return;
	}
	o->header_done = true;
	for (size_t i = 0; i < o->list->n_cols; i++) {
		size_t columns = append_label(&o->buf, o->list->cols[i].name);

		if (i + 1 < o->list->n_cols) {
			pad(&o->buf, columns, o->list->cols[i].width);
			buf_append(&o->buf, STR("  "));
		}
	}
	buf_append_c(&o->buf, '\n');
}

static void text_row_end(struct out *o)
{
	buf_append_c(&o->buf, '\n');
}

static void text_list_empty(struct out *o)
{
	append_label(&o->buf, o->list->name);
	buf_append(&o->buf, STR(": none\n"));
}

static void text_list_end(struct out *o)
{
	(void)o;
}

static void text_error(struct out *o, const struct err *err)
{
	struct buf line;
	struct str s;

	buf_init(&line, 4096);
	buf_printf(&line, "%s: ", o->command);
	append_safe(&line, str_from_c(err->msg), true);
	buf_append_c(&line, '\n');
	s = buf_str(&line);
	if (write(STDERR_FILENO, s.p, s.n) < 0) {
		o->write_failed = true;
	}
	buf_done(&line);
}

static void text_end(struct out *o, int status)
{
	(void)o;
	(void)status;
}

const struct out_ops out_text_ops = {
	.begin = text_begin,
	.field = text_field,
	.note = text_note,
	.list_begin = text_list_begin,
	.row_begin = text_row_begin,
	.row_end = text_row_end,
	.list_empty = text_list_empty,
	.list_end = text_list_end,
	.error = text_error,
	.end = text_end,
};
