/* SPDX-License-Identifier: Apache-2.0 */
/* The output interface as one JSON object (RFC 8259) on one line. */
#include "cli/out.h"

#include "cli/cmd.h"
#include "json/write.h"

static void append_key(struct out *o, const char *name, bool first)
{
	if (!first) {
		buf_append_c(&o->buf, ',');
	}
	json_put_str(&o->buf, str_from_c(name));
	buf_append_c(&o->buf, ':');
}

static void json_begin(struct out *o)
{
	buf_append_c(&o->buf, '{');
}

static void json_field(struct out *o, const char *name, struct str value, bool raw)
{
	append_key(o, name, (o->in_row ? o->col : o->n_fields) == 0);
	if (raw) {
		buf_append(&o->buf, value);
	} else {
		json_put_str(&o->buf, value);
	}
}

static void json_note(struct out *o, struct str text)
{
	if (buf_len(&o->notes)) {
		buf_append_c(&o->notes, ',');
	}
	json_put_str(&o->notes, text);
}

static void json_list_begin(struct out *o)
{
	append_key(o, o->list->name, o->n_fields == 0);
	buf_append_c(&o->buf, '[');
}

static void json_row_begin(struct out *o)
{
	buf_append(&o->buf, o->n_rows ? STR(",{") : STR("{"));
}

static void json_row_end(struct out *o)
{
	buf_append_c(&o->buf, '}');
}

static void json_list_end(struct out *o)
{
	buf_append_c(&o->buf, ']');
}

static void json_error(struct out *o, const struct err *err)
{
	append_key(o, "error", o->n_fields == 0);
	json_put_str(&o->buf, str_from_c(err->msg));
	append_key(o, "code", false);
	json_put_str(&o->buf, str_from_c(err_code_name(err->code)));
	o->n_fields += 2;
}

static void json_end(struct out *o, int status)
{
	if (buf_len(&o->notes)) {
		append_key(o, "notes", o->n_fields == 0);
		buf_append_c(&o->buf, '[');
		buf_append(&o->buf, buf_str(&o->notes));
		buf_append_c(&o->buf, ']');
		o->n_fields++;
	}
	append_key(o, "ok", o->n_fields == 0);
	buf_append(&o->buf, status == CMD_FINE ? STR("true}\n") : STR("false}\n"));
}

const struct out_ops out_json_ops = {
	.begin = json_begin,
	.field = json_field,
	.note = json_note,
	.list_begin = json_list_begin,
	.row_begin = json_row_begin,
	.row_end = json_row_end,
	.list_end = json_list_end,
	.error = json_error,
	.end = json_end,
};
