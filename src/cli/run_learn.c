/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run did, as policies. By the ledger, which is the evidence anyway: every decision of the run's session
 * that was an allow. Of many files little is left: folders, and whole places.
 *
 *	reading		the workspace as a whole, since the program stands in it; elsewhere the folders
 *	writing		single files and what lies below a folder; of a place with many changes, all of it
 *	connecting	hosts and ports
 *	exec		the program
 */
#include "cli/cmd_ledger.h"
#include "cli/run.h"
#include "ledger/record.h"
#include "ledger/segment.h"
#include "ledger/store.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { LEARN_MOST = 512 /* of a kind */, SINGLE_MOST = 16, TEXT_MAX = 4 << 20 };

/* Texts as they stand between the quotes of Cedar, each once. */
struct texts {
	struct str items[LEARN_MOST];
	size_t n;
	bool full;
};

struct learning {
	const struct run_plan *plan;
	const struct run_granted *granted;
	struct arena *a; /* keeps */
	struct arena scratch;
	struct str session;
	size_t n_new; /* what no policy was about */
	bool *seen; /* of each granted place, the decisions about it as a whole: reading, then writing */
	struct texts exec, hosts, makers, reads, folders, singles, whole;
};

static void keep(struct learning *l, struct texts *t, struct str text)
{
	for (size_t i = 0; i < t->n; i++) {
		if (str_eq(t->items[i], text)) {
			return;
		}
	}
	if (t->n == LEARN_MOST) {
		t->full = true;
		return;
	}
	t->items[t->n] = arena_dup(l->a, text);
	t->n += t->items[t->n].p != NULL;
}

/* TYPE::"..." without what is around. */
static struct str inner(struct str text)
{
	size_t at = str_find(text, '"');

	return at + 2 <= text.n ? str_make(text.p + at + 1, text.n - at - 2) : str_make("", 0);
}

/* The innermost place that was asked for and holds it; NULL: none. */
static const struct str *place_of(const struct learning *l, struct str path)
{
	const struct str *best = NULL;

	for (size_t i = 0; i < l->plan->n_places; i++) {
		const struct str *p = &l->plan->places[i];

		if (run_plan_within(path, *p) && (!best || p->n > best->n)) {
			best = p;
		}
	}
	return best;
}

/* A place was decided as a whole before anything ran: that is nothing that the run did. */
static bool is_of_the_start(struct learning *l, struct str path, bool write)
{
	for (size_t i = 0; i < l->granted->n_places; i++) {
		bool *seen = &l->seen[2 * i + write];

		if (str_eq(l->granted->places[i].path, path) && !*seen) {
			*seen = true;
			return true;
		}
	}
	return false;
}

static struct str folder_of(struct str path)
{
	size_t n = path.n;

	while (n > 1 && path.p[n - 1] != '/') {
		n--;
	}
	return str_make(path.p, n > 1 ? n - 1 : 1);
}

static void did_read(struct learning *l, struct str path)
{
	const struct str *place = place_of(l, path);

	if (place == &l->plan->places[0]) {
		return; /* all of it */
	}
	keep(l, &l->reads, place && path.n > place->n ? folder_of(path) : path);
}

static void did_write(struct learning *l, struct str path)
{
	const struct str *place = place_of(l, path);
	struct str below =
		place && path.n > place->n ? str_from(path, place->n + 1) : str_make("", 0);
	size_t first = str_find(below, '/');

	if (first < below.n) {
		keep(l, &l->folders, str_make(path.p, place->n + 1 + first));
	} else {
		keep(l, &l->singles, path);
	}
}

static void did(struct learning *l, const struct ledger_decision *d)
{
	struct str path = inner(d->resource);
	bool write = str_eq(d->action, STR("Writ::Action::\"write_file\""));

	l->n_new += str_eq(d->reason, STR("learned"));
	if (str_eq(d->action, STR("Writ::Action::\"exec\""))) {
		keep(l, &l->exec, path);
	} else if (str_eq(d->action, STR("Writ::Action::\"connect\""))) {
		keep(l, &l->hosts, path);
		if (d->program.n) {
			keep(l, &l->makers,
			     arena_printf(&l->scratch, STR_FMT " by " STR_FMT, STR_ARG(path),
					  STR_ARG(d->program)));
		}
	} else if (write || str_eq(d->action, STR("Writ::Action::\"read_file\""))) {
		if (is_of_the_start(l, path, write)) {
			l->n_new -= str_eq(d->reason, STR("learned"));
		} else if (write) {
			did_write(l, path);
		} else {
			did_read(l, path);
		}
	}
}

/* The run is called by the index of its first decision. */
static enum err_code take(struct learning *l, const struct ledger_found *f, struct err *err)
{
	struct ledger_entry e;

	if (f->record.index < l->granted->id) {
		return ERR_OK;
	}
	arena_reset(&l->scratch);
	TRY(ledger_entry_decode(f->record.entry, &l->scratch, &e, err));
	if (e.kind != LEDGER_DECISION) {
		return ERR_OK;
	}
	if (f->record.index == l->granted->id) {
		l->session = arena_dup(l->a, e.u.decision.session);
	}
	if (str_eq(e.u.decision.session, l->session) && e.u.decision.decision == LEDGER_ALLOW) {
		did(l, &e.u.decision);
	}
	return ERR_OK;
}

static enum err_code read_ledger(struct learning *l, const char *state, struct err *err)
{
	CLEANUP(fd_close) int dir = -1;
	CLEANUP(fd_close) int log_fd = -1;
	struct ledger_reader r;
	struct ledger_found f;
	uint64_t *segments;
	enum err_code code;
	size_t n, at;

	TRY(cmd_ledger_open(state, NULL, &dir, err));
	log_fd = openat(dir, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (log_fd < 0) {
		return ERR_ERRNO(err, "the ledger's log");
	}
	TRY(ledger_segments(log_fd, l->a, &segments, &n, err));
	if (n == 0) {
		return ERR(err, ERR_NOT_FOUND, "this ledger has no records");
	}
	for (at = n - 1; at > 0 && segments[at] > l->granted->id; at--) {
	}
	TRY(ledger_reader_init(&r, log_fd, segments, n, at, err));
	while (!(code = ledger_reader_next(&r, &f, err)) && !(code = take(l, &f, err))) {
	}
	ledger_reader_done(&r);
	if (code == ERR_NOT_FOUND || code == ERR_AGAIN) { /* its end */
		*err = (struct err){0};
		return ERR_OK;
	}
	return code;
}

/* ---- policies ---- */

/* Places with so many changes that they are given as a whole; their parts are left out then. */
static void sum_up(struct learning *l)
{
	for (size_t k = 0; k < l->plan->n_places; k++) {
		struct str place = l->plan->places[k];
		size_t n = 0;

		for (size_t i = 0; i < l->singles.n; i++) {
			n += run_plan_within(l->singles.items[i], place);
		}
		if (n > SINGLE_MOST || ((l->singles.full || l->folders.full) && n > 0)) {
			keep(l, &l->whole, place);
		}
	}
}

static bool is_whole(const struct learning *l, struct str path)
{
	for (size_t i = 0; i < l->whole.n; i++) {
		if (run_plan_within(path, l->whole.items[i])) {
			return true;
		}
	}
	return false;
}

static void put_head(const struct learning *l, struct buf *b, const char *what, const char *action)
{
	buf_printf(b,
		   "\n@id(\"learned." STR_FMT
		   ".%s\")\npermit (\n  principal == Writ::Agent::\"" STR_FMT
		   "\",\n  action == Writ::Action::\"%s\",\n  resource",
		   STR_ARG(l->plan->agent), what, STR_ARG(l->plan->agent), action);
}

/* Was anything changed that is not in a whole place? */
static bool has_parts(const struct learning *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->singles.n; i++) {
		n += !is_whole(l, l->singles.items[i]);
	}
	for (size_t i = 0; i < l->folders.n; i++) {
		n += !is_whole(l, l->folders.items[i]);
	}
	return n > 0;
}

/* One permit for all: a scope takes one resource, a condition a list. */
static void put_among(const struct learning *l, struct buf *b, const char *what, const char *action,
		      const char *type, const struct texts *t, const char *in)
{
	if (t->n == 0) {
		return;
	}
	put_head(l, b, what, action);
	buf_append(b, STR("\n)\nwhen {\n  resource"));
	buf_printf(b, " %s [", in);
	for (size_t i = 0; i < t->n; i++) {
		buf_printf(b, "%s\n    %s::\"" STR_FMT "\"", i ? "," : "", type,
			   STR_ARG(t->items[i]));
	}
	buf_append(b, STR("\n  ]\n};\n"));
}

/* In a pattern a star is any text. */
static void put_pattern(struct buf *b, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		buf_append(b, text.p[i] == '*' ? STR("\\*") : str_make(&text.p[i], 1));
	}
}

static void put_writes(const struct learning *l, struct buf *b)
{
	const char *before = "";

	if (!has_parts(l)) {
		return;
	}
	put_head(l, b, "write", "write_file");
	buf_append(b, STR("\n)\nwhen {"));
	for (size_t i = 0; i < l->singles.n; i++) {
		if (!is_whole(l, l->singles.items[i])) {
			buf_printf(b, "%s\n  resource.path == \"" STR_FMT "\"", before,
				   STR_ARG(l->singles.items[i]));
			before = " ||";
		}
	}
	for (size_t i = 0; i < l->folders.n; i++) {
		if (!is_whole(l, l->folders.items[i])) {
			buf_printf(b, "%s\n  resource.path like \"", before);
			put_pattern(b, l->folders.items[i]);
			buf_append(b, STR("/*\""));
			before = " ||";
		}
	}
	buf_append(b, STR("\n};\n"));
}

/* What a program is called must not end the comment. */
static void put_comment(struct buf *b, struct str text)
{
	while (text.n) {
		size_t n = str_printable(text);

		buf_append(b, n ? str_make(text.p, n) : STR("?"));
		text = str_from(text, n ? n : 1);
	}
}

/* Which programs a run starts is not seen; where only named ones could, these are all. */
static void put_start(const struct learning *l, struct buf *b)
{
	if (l->granted->others == RUN_OTHERS_NEVER) {
		put_among(l, b, "start", "exec", "Writ::Program", &l->exec, "in");
		return;
	}
	put_head(l, b, "start", "exec");
	buf_printf(b,
		   "\n)\nwhen {\n  context.input.program == \"" STR_FMT
		   "\" // and whatever that starts: narrow it to resource == "
		   "Writ::Program::\"...\"\n};\n",
		   STR_ARG(l->plan->machine.program.real));
}

static void put_all(struct learning *l, struct buf *b)
{
	buf_printf(b,
		   "// What run %llu of the agent " STR_FMT
		   " did, as `writ run --learn` saw it. Not in force.\n"
		   "// Read it, narrow it, and take out what it had no business with: what it did "
		   "need not be "
		   "what it should.\n",
		   (unsigned long long)l->granted->id, STR_ARG(l->plan->agent));
	keep(l, &l->reads, l->plan->workspace);
	put_start(l, b);
	put_among(l, b, "read", "read_file", "Writ::Path", &l->reads, "in");
	put_among(l, b, "write-all", "write_file", "Writ::Path", &l->whole, "in");
	put_writes(l, b);
	for (size_t i = 0; i < l->makers.n; i++) {
		buf_append(b, i ? STR("// ") : STR("\n// "));
		put_comment(b, l->makers.items[i]);
		buf_append_c(b, '\n');
	}
	put_among(l, b, "connect", "connect", "Writ::Host", &l->hosts, "in");
}

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* In the folder as it was before the program ran, which may have put a link in its place. */
enum err_code run_learn_begin(struct arena *a, struct run_options *o, struct err *err)
{
	const char *name = last_name(o->learn);
	struct str dir = arena_printf(a, "%.*s.", (int)(name - o->learn), o->learn);

	if (!dir.p) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	o->learn_dir = open(dir.p, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (o->learn_dir < 0) {
		return ERR_ERRNO(err, "--learn %s: its folder", o->learn);
	}
	return faccessat(o->learn_dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0
		       ? ERR(err, ERR_EXISTS, "--learn %s: it is there already", o->learn)
		       : ERR_OK;
}

static enum err_code write_new(int dir, const char *path, struct str text, struct err *err)
{
	CLEANUP(fd_close)
	int fd = openat(dir, last_name(path), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			0644);

	if (fd < 0) {
		return errno == EEXIST ? ERR(err, ERR_EXISTS, "%s: it is there already", path)
				       : ERR_ERRNO(err, "%s", path);
	}
	return write(fd, text.p, text.n) == (ssize_t)text.n ? ERR_OK
							    : ERR_ERRNO(err, "write %s", path);
}

enum err_code run_learn(const struct run_plan *p, const struct run_granted *g, const char *state,
			size_t *ret_n, struct err *err)
{
	struct learning *l = ARENA_NEW(p->arena, struct learning);
	enum err_code code;
	struct buf b;

	if (!l || !(l->seen = ARENA_ARRAY(p->arena, 2 * g->n_places + 2, bool))) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	l->plan = p;
	l->granted = g;
	l->a = p->arena;
	arena_init(&l->scratch, 1 << 20);
	buf_init(&b, TEXT_MAX);
	code = read_ledger(l, state, err);
	if (!code) {
		sum_up(l);
		put_all(l, &b);
		code = b.failed || p->arena->exhausted
			       ? ERR(err, ERR_NOMEM, "out of memory")
			       : write_new(p->options->learn_dir, p->options->learn, buf_str(&b),
					   err);
	}
	*ret_n = l->n_new;
	buf_done(&b);
	arena_done(&l->scratch);
	return code;
}
