/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with a text, and where: a list of diagnostics over one or more
 * sources. Parsers and checkers append to it and go on or give up; callers ask
 * for `n_errors`. Everything lives in the list's arena. At most
 * POLICY_DIAG_MAX entries are kept; later ones are only counted.
 *
 * A rendered diagnostic looks like a compiler's:
 *
 *   rules.cedar:3:22: error: `foo` is not a method
 *     when { context.x.foo(1) };
 *                      ^~~
 *     help: did you mean `contains`?
 */
#ifndef POLICY_DIAG_H
#define POLICY_DIAG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define POLICY_DIAG_MAX 200

/*
 * A text and its name. The bytes are borrowed and outlive whatever was parsed from
 * them and the diagnostics about them.
 */
struct policy_source {
	struct str name; /* for messages: a path, or "<policies>" */
	struct str text;
};

/* Bytes [at, at + n) of a source. */
struct policy_span {
	uint32_t at, n;
};

static inline struct policy_span policy_span_join(struct policy_span a, struct policy_span b)
{
	uint32_t at = a.at < b.at ? a.at : b.at;
	uint32_t end = a.at + a.n > b.at + b.n ? a.at + a.n : b.at + b.n;

	return (struct policy_span){at, end - at};
}

enum policy_severity { POLICY_DIAG_ERROR = 0, POLICY_DIAG_WARNING };

struct policy_diag {
	enum policy_severity severity;
	const struct policy_source *source; /* NULL when it concerns no text */
	struct policy_span span;
	struct str policy; /* id of the policy concerned, or empty */
	struct str message;
	struct str help; /* may be empty */
};

struct policy_diags {
	struct arena *arena;
	struct policy_diag *items;
	size_t n, cap;
	size_t n_errors, n_warnings; /* all that were reported, also those not kept */
};

void policy_diags_init(struct policy_diags *ds, struct arena *a);

/* `ds` may be NULL: then nothing is kept and the caller only sees its own result. */
void policy_diag_error(struct policy_diags *ds, const struct policy_source *src,
		       struct policy_span span, const char *fmt, ...) PRINTF(4, 5);
void policy_diag_warn(struct policy_diags *ds, const struct policy_source *src,
		      struct policy_span span, const char *fmt, ...) PRINTF(4, 5);

/* Adds a help line to the newest diagnostic. */
void policy_diag_help(struct policy_diags *ds, const char *fmt, ...) PRINTF(2, 3);

/* Adds "did you mean `x`?" to the newest when a candidate is near enough. */
void policy_diag_suggest(struct policy_diags *ds, struct str word, const struct str *candidates,
			 size_t n);

/* The candidate nearest to the word, or an empty str when none is near. */
struct str policy_nearest(struct str word, const struct str *candidates, size_t n);

/* Line and column, both from 1; columns count code points. */
struct policy_position {
	uint32_t line, column;
};
struct policy_position policy_position(struct str text, uint32_t at);

/* Copies the ids that the diagnostics name: they are texts of syntax trees, which may go then. */
void policy_diags_keep(struct policy_diags *ds);

void policy_diag_render(const struct policy_diag *d, struct buf *out);
void policy_diags_render(const struct policy_diags *ds, struct buf *out);

/* Makes the first error of the list an `err` with ERR_SYNTAX or the given code. */
enum err_code policy_diags_err(const struct policy_diags *ds, enum err_code code, struct err *err);

#endif
