/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output interface for a spreadsheet (RFC 4180): the lists and nothing else, each with a header. A
 * cell that a spreadsheet would take for a formula gets an apostrophe: it came from outside.
 */
#include "cli/out.h"

#include <unistd.h>

static bool is_formula(struct str s)
{
	return s.n && (s.p[0] == '=' || s.p[0] == '+' || s.p[0] == '-' || s.p[0] == '@' ||
		       s.p[0] == '\t' || s.p[0] == '\r');
}

static void cell(struct buf *to, struct str s)
{
	buf_append_c(to, '"');
	if (is_formula(s)) {
		buf_append_c(to, '\'');
	}
	while (s.n) {
		size_t n = str_find(s, '"');

		buf_append(to, str_make(s.p, n));
		if (n < s.n) {
			buf_append(to, STR("\"\""));
			n++;
		}
		s = str_from(s, n);
	}
	buf_append_c(to, '"');
}

static void csv_field(struct out *o, const char *name, struct str value, bool raw)
{
	(void)name;
	(void)raw;
	if (o->in_row) {
		if (o->col) {
			buf_append_c(&o->buf, ',');
		}
		cell(&o->buf, value);
	}
}

static void csv_list_begin(struct out *o)
{
	for (size_t i = 0; i < o->list->n_cols; i++) {
		if (i) {
			buf_append_c(&o->buf, ',');
		}
		cell(&o->buf, str_from_c(o->list->cols[i].name));
	}
	buf_append(&o->buf, STR("\r\n"));
}

static void csv_row_end(struct out *o)
{
	buf_append(&o->buf, STR("\r\n"));
}

static void csv_nothing(struct out *o)
{
	(void)o;
}

static void csv_note(struct out *o, struct str text)
{
	(void)o;
	(void)text;
}

static void csv_error(struct out *o, const struct err *err)
{
	out_text_ops.error(o, err);
}

static void csv_end(struct out *o, int status)
{
	(void)o;
	(void)status;
}

const struct out_ops out_csv_ops = {
	.begin = csv_nothing,
	.field = csv_field,
	.note = csv_note,
	.list_begin = csv_list_begin,
	.row_begin = csv_nothing,
	.row_end = csv_row_end,
	.list_end = csv_nothing,
	.error = csv_error,
	.end = csv_end,
};
