/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command says. A command writes its result once, as a document of named
 * fields and lists of rows; struct out_ops has one implementation that prints text
 * for a person and one that prints a JSON object, so --json exists everywhere and
 * cannot drift from the text.
 *
 *   out_text(&o, "node", node);
 *   out_list_begin(&o, &list);          {"node":"n1","servers":[{"id":"fs","tools":9}]}
 *   out_row_begin(&o);
 *   out_text(&o, "id", id);
 *   out_u64(&o, "tools", 9);
 *   out_row_end(&o);
 *   out_list_end(&o);
 *   return out_end(&o, CMD_FINE);
 *
 * Output streams: a long list is not held in memory. Text output escapes control characters, so
 * nothing that came from outside can steer the terminal. Names are borrowed and lower_case.
 */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include "base/buf.h"
#include "base/err.h"
#include "cli/opt.h"

struct out;

struct out_col {
	const char *name;
	unsigned width; /* text pads shorter values with spaces; 0 does not pad */
};

/* Rows with the same fields in the same order. At most 20 columns. */
struct out_list {
	const char *name;
	const struct out_col *cols;
	size_t n_cols;
	const char *between; /* text: what stands between values; NULL: two spaces and a header */
};

struct out_ops {
	void (*begin)(struct out *o);
	void (*field)(struct out *o, const char *name, struct str value, bool raw);
	void (*note)(struct out *o, struct str text);
	void (*list_begin)(struct out *o);
	void (*row_begin)(struct out *o);
	void (*row_end)(struct out *o);
	void (*list_empty)(
		struct out *o); /* before list_end, of a list without rows; may be NULL */
	void (*list_end)(struct out *o);
	void (*error)(struct out *o, const struct err *err);
	void (*end)(struct out *o, int status);
};

struct out {
	const struct out_ops *ops;
	const char *command;
	struct buf buf;
	struct buf notes;            /* JSON: the elements of "notes" */
	const struct out_list *list; /* open list, NULL outside */
	size_t n_fields, n_rows, col;
	int fd;
	bool in_row, header_done, write_failed;
};

extern const struct out_ops out_text_ops, out_json_ops, out_csv_ops;

/* Writes to `fd` (standard output when a command uses it). Release: out_end. */
void out_init(struct out *o, const char *command, bool json, int fd);

/* Fields of the document, or of the open row. */
void out_text(struct out *o, const char *name, struct str value);
void out_u64(struct out *o, const char *name, uint64_t value);
void out_bool(struct out *o, const char *name, bool value);
void out_printf(struct out *o, const char *name, const char *fmt, ...) PRINTF(3, 4);
/* `json` is one valid JSON value, taken as it is. */
void out_json(struct out *o, const char *name, struct str json);

/* A sentence for the reader; in JSON an element of "notes". Not inside a row. */
void out_note(struct out *o, const char *fmt, ...) PRINTF(2, 3);

/* `list` must live until out_list_end. Lists do not nest. */
void out_list_begin(struct out *o, const struct out_list *list);
void out_row_begin(struct out *o);
void out_row_end(struct out *o);
void out_list_end(struct out *o);

/*
 * Reports why the command could not do its work: in text "COMMAND: message" on standard error,
 * in JSON "error" and "code" in the document. Returns CMD_FAILED for out_end.
 */
int out_error(struct out *o, const struct err *err);

/*
 * Finishes the document, writes what is left and releases everything. Returns `status`, or
 * CMD_FAILED when standard output could not be written. In JSON "ok" is true when status is 0.
 */
int out_end(struct out *o, int status);

/*
 * The start of every command: parses the options, prints --help or the usage error, and opens the
 * output. False: the command is over and returns *ret_status. `json` is read after parsing, so it
 * points at the variable of OPT_JSON.
 */
bool out_begin(struct out *o, const struct opt_spec *spec, int argc, char **argv, const bool *json,
	       int *ret_status) MUST_USE;

#endif
