/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/diag.h"

#include <stdarg.h>
#include <stdio.h>

#define MESSAGE_MAX 512
#define EXCERPT_MAX 160 /* bytes of the source line shown */

void policy_diags_init(struct policy_diags *ds, struct arena *a)
{
	*ds = (struct policy_diags){.arena = a};
}

PRINTF(2, 0)
static struct str format(struct arena *a, const char *fmt, va_list va)
{
	char text[MESSAGE_MAX];
	int n = vsnprintf(text, sizeof(text), fmt, va);
	size_t len = n < 0 ? 0 : (size_t)n;

	if (len >= sizeof(text)) {
		len = sizeof(text) - 1;
	}
	return arena_dup(a, str_make(text, len));
}

/* The list's own copy of the names of a source; its bytes stay borrowed. */
static const struct policy_source *keep_source(struct policy_diags *ds,
					       const struct policy_source *src)
{
	const struct policy_source *last = ds->n > 0 ? ds->items[ds->n - 1].source : NULL;
	struct policy_source *kept;

	if (!src || (last && last->text.p == src->text.p && last->text.n == src->text.n)) {
		return src ? last : NULL;
	}
	kept = ARENA_NEW(ds->arena, struct policy_source);
	if (kept) {
		*kept = *src;
	}
	return kept;
}

PRINTF(5, 0)
static void add(struct policy_diags *ds, enum policy_severity severity,
		const struct policy_source *src, struct policy_span span, const char *fmt,
		va_list va)
{
	if (!ds) {
		return;
	}
	if (severity == POLICY_DIAG_ERROR) {
		ds->n_errors++;
	} else {
		ds->n_warnings++;
	}
	if (ds->n >= POLICY_DIAG_MAX || !ARENA_GROW(ds->arena, &ds->items, ds->n, &ds->cap)) {
		return;
	}
	ds->items[ds->n++] = (struct policy_diag){.severity = severity,
						  .source = keep_source(ds, src),
						  .span = span,
						  .message = format(ds->arena, fmt, va)};
}

void policy_diag_error(struct policy_diags *ds, const struct policy_source *src,
		       struct policy_span span, const char *fmt, ...)
{
	va_list va;

	va_start(va, fmt);
	add(ds, POLICY_DIAG_ERROR, src, span, fmt, va);
	va_end(va);
}

void policy_diag_warn(struct policy_diags *ds, const struct policy_source *src,
		      struct policy_span span, const char *fmt, ...)
{
	va_list va;

	va_start(va, fmt);
	add(ds, POLICY_DIAG_WARNING, src, span, fmt, va);
	va_end(va);
}

/* The entry the last report made, unless it was not kept. */
static struct policy_diag *newest(struct policy_diags *ds)
{
	if (!ds || ds->n == 0 || ds->n_errors + ds->n_warnings != ds->n) {
		return NULL;
	}
	return &ds->items[ds->n - 1];
}

void policy_diag_help(struct policy_diags *ds, const char *fmt, ...)
{
	struct policy_diag *d = newest(ds);
	va_list va;

	if (!d) {
		return;
	}
	va_start(va, fmt);
	d->help = format(ds->arena, fmt, va);
	va_end(va);
}

struct str policy_nearest(struct str word, const struct str *candidates, size_t n)
{
	unsigned max = word.n <= 3 ? 1 : word.n <= 6 ? 2 : 3;
	unsigned best = max + 1;
	struct str found = {0};

	if (word.n == 0 || word.n > 64) {
		return found;
	}
	for (size_t i = 0; i < n; i++) {
		unsigned d;

		if (candidates[i].n > 64) {
			continue;
		}
		d = str_ieq(word, candidates[i]) ? 0 : str_distance(word, candidates[i], max);
		if (d < best) {
			best = d;
			found = candidates[i];
		}
	}
	return found;
}

void policy_diag_suggest(struct policy_diags *ds, struct str word, const struct str *candidates,
			 size_t n)
{
	struct str near = policy_nearest(word, candidates, n);

	if (near.n > 0) {
		policy_diag_help(ds, "did you mean `" STR_FMT "`?", STR_ARG(near));
	}
}

struct policy_position policy_position(struct str text, uint32_t at)
{
	struct policy_position pos = {1, 1};

	for (uint32_t i = 0; i < at && i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c == '\n') {
			pos.line++;
			pos.column = 1;
		} else if ((c & 0xC0) != 0x80) {
			pos.column++;
		}
	}
	return pos;
}

/* The line around `at`, without its end. */
static struct str line_around(struct str text, size_t at)
{
	size_t from = at > text.n ? text.n : at;
	size_t to = from;

	while (from > 0 && text.p[from - 1] != '\n') {
		from--;
	}
	while (to < text.n && text.p[to] != '\n' && text.p[to] != '\r') {
		to++;
	}
	return str_make(text.p + from, to > from ? to - from : 0);
}

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xC0) == 0x80;
}

static void put_visible(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		buf_append_c(out, c < 0x20 || c == 0x7f ? ' ' : (char)c);
	}
}

/* The source line and a caret line below it. */
static void put_excerpt(struct buf *out, const struct policy_diag *d)
{
	struct str line = line_around(d->source->text, d->span.at);
	size_t before = (size_t)(d->source->text.p + d->span.at - line.p);
	size_t cut = 0;
	size_t n;

	if (before > EXCERPT_MAX / 2) {
		cut = before - EXCERPT_MAX / 2;
		while (cut < before && is_continuation(line.p[cut])) {
			cut++;
		}
	}
	line = str_from(line, cut);
	before -= cut;
	if (line.n > EXCERPT_MAX) {
		line.n = EXCERPT_MAX;
		while (line.n > 0 && is_continuation(line.p[line.n])) {
			line.n--;
		}
	}
	buf_append(out, STR("  "));
	put_visible(out, line);
	buf_append(out, STR("\n  "));
	for (size_t i = 0; i < before; i++) {
		if (i >= line.n || !is_continuation(line.p[i])) {
			buf_append_c(out, ' ');
		}
	}
	buf_append_c(out, '^');
	n = d->span.n;
	for (size_t i = before + 1; i < before + n && i < line.n; i++) {
		if (!is_continuation(line.p[i])) {
			buf_append_c(out, '~');
		}
	}
	buf_append_c(out, '\n');
}

void policy_diags_keep(struct policy_diags *ds)
{
	for (size_t i = 0; i < ds->n; i++) {
		ds->items[i].policy = arena_dup(ds->arena, ds->items[i].policy);
	}
}

void policy_diag_render(const struct policy_diag *d, struct buf *out)
{
	const char *word = d->severity == POLICY_DIAG_ERROR ? "error" : "warning";

	if (d->source) {
		struct policy_position pos = policy_position(d->source->text, d->span.at);

		put_visible(out, d->source->name);
		buf_printf(out, ":%u:%u: ", pos.line, pos.column);
	}
	buf_printf(out, "%s: ", word);
	if (d->policy.n > 0) {
		buf_append(out, STR("policy `"));
		put_visible(out, d->policy);
		buf_append(out, STR("`: "));
	}
	put_visible(out, d->message);
	buf_append_c(out, '\n');
	if (d->source && d->span.at <= d->source->text.n) {
		put_excerpt(out, d);
	}
	if (d->help.n > 0) {
		buf_append(out, STR("  help: "));
		put_visible(out, d->help);
		buf_append_c(out, '\n');
	}
}

void policy_diags_render(const struct policy_diags *ds, struct buf *out)
{
	size_t more = ds->n_errors + ds->n_warnings - ds->n;

	for (size_t i = 0; i < ds->n; i++) {
		policy_diag_render(&ds->items[i], out);
	}
	if (more > 0) {
		buf_printf(out, "and %zu more\n", more);
	}
}

enum err_code policy_diags_err(const struct policy_diags *ds, enum err_code code, struct err *err)
{
	for (size_t i = 0; i < ds->n; i++) {
		const struct policy_diag *d = &ds->items[i];
		struct policy_position pos;

		if (d->severity != POLICY_DIAG_ERROR) {
			continue;
		}
		if (!d->source) {
			return ERR(err, code, STR_FMT, STR_ARG(d->message));
		}
		pos = policy_position(d->source->text, d->span.at);
		return ERR(err, code, STR_FMT ":%u:%u: " STR_FMT, STR_ARG(d->source->name),
			   pos.line, pos.column, STR_ARG(d->message));
	}
	return ERR(err, code, "refused with %zu errors", ds->n_errors);
}
