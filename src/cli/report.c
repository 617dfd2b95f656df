/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report.h"

#include "base/clock.h"
#include "base/hex.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { NOTE_MAX = 64 << 10, SCRATCH_MAX = 32 << 20 };
#define REPORT_MEMORY ((size_t)1 << 30)

/* ---- opening ---- */

static enum err_code read_day(const char *text, uint64_t usual, uint64_t *ret, struct err *err)
{
	int64_t ms;

	*ret = usual;
	if (!text) {
		return ERR_OK;
	}
	if (!site_date_parse(str_from_c(text), &ms) || ms < 0) {
		return ERR(err, ERR_INVALID, "'%s' is no date as 2027-01-31", text);
	}
	*ret = (uint64_t)ms * 1000;
	return ERR_OK;
}

/* Read before the log: a node that writes meanwhile seals more, never less. */
static enum err_code read_checkpoint(struct report *r, struct err *err)
{
	CLEANUP(fd_close)
	int fd = openat(r->dir_fd, "checkpoint", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0) {
		return errno == ENOENT ? ERR_OK : ERR_ERRNO(err, "opening the checkpoint");
	}
	TRY(fd_read_all(fd, NOTE_MAX, &r->a, &r->note, err));
	return ledger_checkpoint_open(r->note, &r->verifier, &r->sealed, err);
}

static enum err_code verify(struct report *r, struct err *err)
{
	const struct ledger_verify_options o = {.dir_fd = r->dir_fd, .verifier = &r->verifier};

	TRY(read_checkpoint(r, err));
	TRY(ledger_verify(&o, &r->verified, err));
	if (r->verified.problem.found) {
		return ERR(err, ERR_CORRUPT,
			   "the ledger is not what was written (record %llu: %s): nothing is "
			   "reported from it; writ ledger verify says more",
			   (unsigned long long)r->verified.problem.index, r->verified.problem.text);
	}
	return ERR_OK;
}

enum err_code report_open(struct report *r, const struct report_args *args, struct err *err)
{
	*r = (struct report){.args = args, .dir_fd = -1};
	arena_init(&r->a, REPORT_MEMORY);
	TRY(read_day(args->from, 0, &r->from_us, err));
	TRY(read_day(args->until, UINT64_MAX, &r->until_us, err));
	TRY(site_view_open(&r->view, args->config, NULL, err));
	TRY(cmd_ledger_open(args->dir, args->config, &r->dir_fd, err));
	TRY(cmd_ledger_key(&r->a, args->key, r->dir_fd, &r->verifier, err));
	return verify(r, err);
}

void report_done(struct report *r)
{
	fd_close(&r->dir_fd);
	site_view_done(&r->view);
	arena_done(&r->a);
}

/* ---- reading ---- */

/* A walk over the records from one time to another. */
struct walk {
	uint64_t from_us, until_us;
	report_take *take;
	void *ctx;
	struct arena scratch;
};

static enum err_code take_one(struct walk *w, const struct ledger_found *f, struct err *err)
{
	struct ledger_entry e;

	if (f->record.time_us < w->from_us || f->record.time_us >= w->until_us) {
		return ERR_OK;
	}
	arena_reset(&w->scratch);
	TRY(ledger_entry_decode(f->record.entry, &w->scratch, &e, err));
	return w->take(w->ctx, f, &e, err);
}

static enum err_code read_all(struct report *r, int log_fd, struct walk *w, struct err *err)
{
	struct ledger_reader reader;
	struct ledger_found f;
	uint64_t *segments;
	enum err_code code;
	size_t n;

	TRY(ledger_segments(log_fd, &r->a, &segments, &n, err));
	if (n == 0) {
		return ERR_OK;
	}
	TRY(ledger_reader_init(&reader, log_fd, segments, n, 0, err));
	while (!(code = ledger_reader_next(&reader, &f, err)) &&
	       f.record.index < r->verified.records) {
		code = take_one(w, &f, err);
		if (code) {
			break;
		}
	}
	ledger_reader_done(&reader);
	return code == ERR_NOT_FOUND || code == ERR_AGAIN ? ERR_OK : code;
}

static enum err_code walk(struct report *r, struct walk *w, struct err *err)
{
	CLEANUP(fd_close) int log_fd = openat(r->dir_fd, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err_code code;

	if (log_fd < 0) {
		return ERR_ERRNO(err, "opening the ledger's log");
	}
	arena_init(&w->scratch, SCRATCH_MAX);
	code = read_all(r, log_fd, w, err);
	arena_done(&w->scratch);
	return code;
}

enum err_code report_each(struct report *r, report_take *take, void *ctx, struct err *err)
{
	struct walk w = {.from_us = r->from_us, .until_us = r->until_us, .take = take, .ctx = ctx};

	return walk(r, &w, err);
}

enum err_code report_each_ever(struct report *r, report_take *take, void *ctx, struct err *err)
{
	struct walk w = {.until_us = UINT64_MAX, .take = take, .ctx = ctx};

	return walk(r, &w, err);
}

enum err_code report_count(struct report *r, uint64_t index, struct err *err)
{
	if (!r->args->evidence) {
		return ERR_OK;
	}
	if (!ARENA_GROW(&r->a, &r->counted, r->n_counted, &r->cap_counted)) {
		return ERR(err, ERR_LIMIT,
			   "too many records for one report: name --from and "
			   "--until");
	}
	r->counted[r->n_counted++] = index;
	return ERR_OK;
}

/* ---- words ---- */

struct str report_name(struct str uid)
{
	size_t n = str_find_str(uid, STR("::\""));

	if (n == uid.n || !str_ends_with(uid, STR("\"")) || uid.n < n + 4) {
		return uid;
	}
	return str_make(uid.p + n + 3, uid.n - n - 4);
}

struct str report_day(struct arena *a, uint64_t time_us)
{
	char time[CMD_LEDGER_TIME];

	cmd_ledger_time(time_us, time);
	return arena_dup(a, str_make(time, 10));
}

void report_head(struct report *r, struct out *o)
{
	struct buf root;

	if (r->verified.records) {
		uint64_t first =
			r->verified.first_us > r->from_us ? r->verified.first_us : r->from_us;
		uint64_t last =
			r->verified.last_us < r->until_us ? r->verified.last_us : r->until_us;

		out_text(o, "from", report_day(&r->a, first));
		out_text(o, "to", report_day(&r->a, last));
	}
	out_text(o, "node", r->view.loaded.config.node);
	out_u64(o, "records", r->verified.records);
	out_u64(o, "sealed", r->verified.sealed);
	buf_init(&root, 128);
	base64_append(&root, r->verified.root, sizeof(r->verified.root));
	out_text(o, "root", buf_str(&root));
	buf_done(&root);
}

/* ---- transfers ---- */

static bool says_basis(const struct site_groups *g, struct str code, const struct site_member *m,
		       const struct site_manifest *manifest, int64_t now)
{
	struct site_window w = SITE_WINDOW_ALL;

	return !m->is_group && str_eq(m->code, code) &&
	       site_groups_have(g, m->group, code, manifest ? manifest->schemes.items : NULL,
				manifest ? manifest->schemes.n : 0, now, &w);
}

/* "US: Implementing Decision (EU) 2023/1795": every group that the code is in now says its own. */
static void add_basis(struct report *r, struct buf *to, struct str code,
		      const struct site_manifest *manifest)
{
	const struct site_groups *g = &r->view.facts.groups;
	bool found = false;

	for (size_t i = 0; i < g->n; i++) {
		const struct site_member *m = &g->items[i];

		if (says_basis(g, code, m, manifest, r->view.residency.now)) {
			buf_printf(to, "%s" STR_FMT ": " STR_FMT " (" STR_FMT ")",
				   buf_len(to) ? "; " : "", STR_ARG(code), STR_ARG(m->basis),
				   STR_ARG(m->group));
			found = true;
		}
	}
	if (!found) {
		buf_printf(to, "%s" STR_FMT ": none known", buf_len(to) ? "; " : "", STR_ARG(code));
	}
}

static void add_codes(struct report *r, const struct residency_site *s, struct str border,
		      struct buf *outside, struct buf *basis)
{
	struct site_window w = SITE_WINDOW_ALL;

	for (size_t i = 0; i < s->exposure.n; i++) {
		struct str code = s->exposure.codes[i];

		if (!str_eq(code, border) &&
		    !site_groups_have(&r->view.facts.groups, border, code, NULL, 0,
				      r->view.residency.now, &w)) {
			buf_printf(outside, "%s" STR_FMT, buf_len(outside) ? ", " : "",
				   STR_ARG(code));
			add_basis(r, basis, code, s->manifest);
		}
	}
	if (s->exposure.anyone) {
		buf_printf(outside, "%sanyone", buf_len(outside) ? ", " : "");
		buf_printf(basis, "%sanyone: none known", buf_len(basis) ? "; " : "");
	}
}

enum err_code report_transfer(struct report *r, const struct config_site *site,
			      struct report_transfer *ret, struct err *err)
{
	static const struct residency_site unknown = {.exposure = {.anyone = true}};
	struct str border = str_from_c(r->args->border ? r->args->border : "EEA");
	const struct config *cfg = &r->view.loaded.config;
	struct buf outside, basis;
	bool failed;

	buf_init(&outside, 4096);
	buf_init(&basis, 64 << 10);
	add_codes(r, site ? &r->view.residency.sites[site - cfg->sites] : &unknown, border,
		  &outside, &basis);
	ret->outside = arena_dup(&r->a, buf_str(&outside));
	ret->basis = arena_dup(&r->a, buf_str(&basis));
	failed = outside.failed || basis.failed || !ret->outside.p || !ret->basis.p;
	buf_done(&outside);
	buf_done(&basis);
	return failed ? ERR(err, ERR_NOMEM, "out of memory") : ERR_OK;
}

/* ---- the command ---- */

static enum err_code run(struct report *r, const struct report_kind *kind, struct out *o,
			 struct err *err)
{
	TRY(report_open(r, r->args, err));
	report_head(r, o);
	TRY(kind->run(r, o, err));
	return report_evidence(r, o, err);
}

int report_main(const struct report_kind *kind, struct report_args *args, int argc, char **argv)
{
	struct report r = {.args = args, .dir_fd = -1};
	struct err err = {0};
	struct out o;
	int status;

	args->config = "writ.yaml";
	if (!out_begin(&o, &kind->spec, argc, argv, &args->json, &status)) {
		return status;
	}
	if (args->csv) {
		o.ops = &out_csv_ops;
	}
	status = run(&r, kind, &o, &err) ? out_error(&o, &err) : CMD_FINE;
	report_done(&r);
	return out_end(&o, status);
}
