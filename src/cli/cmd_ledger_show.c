/* SPDX-License-Identifier: Apache-2.0 */
/* writ ledger show: the records, readable. It reads only, also while a node writes. */
#include "cli/cmd_ledger.h"

#include "base/hex.h"
#include "cli/out.h"
#include "ledger/segment.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { SHOW_MEMORY = 32 << 20, FOLLOW_MS = 200, SHOWN_DIGEST = 8 /* bytes; --json has all */ };

static const uint8_t no_digest[SHA256_LEN];

struct show {
	const char *dir, *config, *session;
	uint64_t last;
	bool json, follow;

	int log_fd;
	struct arena a;       /* the list of segments */
	struct arena scratch; /* of one record */
	uint64_t *segments;
	size_t n_segments;
	struct out *o;
	uint64_t skip; /* matching records still to be passed over */
};

/* Writ::Tool::"fs.read_file" -> fs.read_file; anything else stays as it is. */
static struct str short_name(struct str uid)
{
	size_t n = str_find_str(uid, STR("::\""));

	if (n == uid.n || !str_ends_with(uid, STR("\"")) || uid.n < n + 4) {
		return uid;
	}
	return str_make(uid.p + n + 3, uid.n - n - 4);
}

static void add_texts(struct buf *b, const char *label, const struct ledger_texts *t)
{
	for (size_t i = 0; i < t->n; i++) {
		buf_append(b, i ? STR(", ") : str_from_c(label));
		buf_append(b, t->items[i]);
	}
}

static void add_text(struct buf *b, const char *label, struct str s)
{
	if (s.n) {
		buf_append(b, str_from_c(label));
		buf_append(b, s);
	}
}

static void add_duration(struct buf *b, const char *label, uint64_t ns)
{
	if (ns >= 10000000) {
		buf_printf(b, "%s%llu ms", label, (unsigned long long)(ns / 1000000));
	} else if (ns) {
		buf_printf(b, "%s%llu us", label, (unsigned long long)(ns / 1000));
	}
}

static void describe_decision(const struct ledger_decision *d, struct buf *b)
{
	struct str action = short_name(d->action), resource = short_name(d->resource);

	buf_append(b, short_name(d->principal));
	add_text(b, " -> ", action);
	if (!str_eq(action, resource)) {
		add_text(b, " on ", resource);
	}
	for (size_t i = 0; i < d->also.n; i++) {
		add_text(b, ", ", short_name(d->also.items[i]));
	}
	add_text(b, "  made by ", d->program);
	if (memcmp(d->program_digest, no_digest, sizeof(no_digest)) != 0) {
		buf_append(b, STR("  sha256 "));
		hex_append(b, d->program_digest, SHOWN_DIGEST);
	}
	add_texts(b, "  by ", &d->policies);
	add_texts(b, "  failing ", &d->errors);
	add_texts(b, "  duties ", &d->duties);
	add_texts(b, "  only logged ", &d->logged);
	add_text(b, "  reason ", d->reason);
	add_text(b, "  session ", d->session);
	add_text(b, "  id ", d->action_id);
}

static void describe_outcome(const struct ledger_outcome *o, struct buf *b)
{
	add_text(b, "id ", o->action_id);
	if (o->code) {
		buf_printf(b, "  code %llu", (unsigned long long)o->code);
	}
	if (o->sent_bytes) {
		buf_printf(b, "  %llu bytes sent", (unsigned long long)o->sent_bytes);
	}
	buf_printf(b, "  %llu bytes", (unsigned long long)o->result_bytes);
	add_text(b, "  peer ", o->peer);
	add_text(b, "  at ", o->deployment);
	if (o->attempt > 1) {
		buf_printf(b, "  attempt %llu", (unsigned long long)o->attempt);
	}
	if (o->tokens_in || o->tokens_out) {
		buf_printf(b, "  %llu tokens in, %llu out", (unsigned long long)o->tokens_in,
			   (unsigned long long)o->tokens_out);
	}
	add_duration(b, "  ", o->total_ns);
	add_duration(b, " (decided in ", o->decide_ns);
	add_duration(b, o->decide_ns ? ", upstream " : " (upstream ", o->upstream_ns);
	if (o->decide_ns || o->upstream_ns) {
		buf_append_c(b, ')');
	}
	add_texts(b, "  findings ", &o->findings);
}

static void describe_event(const struct ledger_event *e, struct buf *b)
{
	add_text(b, "", e->subject);
	if (e->number) {
		buf_printf(b, "%s%llu", e->subject.n ? "  " : "", (unsigned long long)e->number);
	}
	add_text(b, "  ", e->detail);
}

/* What happened, in a word, and the rest of it. */
static const char *describe(const struct ledger_entry *e, struct buf *b)
{
	switch (e->kind) {
	case LEDGER_DECISION:
		describe_decision(&e->u.decision, b);
		return ledger_verdict_name(e->u.decision.decision);
	case LEDGER_OUTCOME:
		describe_outcome(&e->u.outcome, b);
		return ledger_status_name(e->u.outcome.status);
	case LEDGER_EVENT:
		describe_event(&e->u.event, b);
		return ledger_event_text(e->u.event.event);
	case LEDGER_SALTED:
		add_text(b, "session ", e->u.salted.session);
		return ledger_kind_name(e->kind);
	case LEDGER_SALT:
	case LEDGER_NO_KIND:
	case LEDGER_KIND_MAX:
		break;
	}
	return "?";
}

static struct str session_of(const struct ledger_entry *e)
{
	switch (e->kind) {
	case LEDGER_DECISION:
		return e->u.decision.session;
	case LEDGER_OUTCOME:
		return e->u.outcome.session;
	case LEDGER_SALTED:
		return e->u.salted.session;
	case LEDGER_EVENT:
		return e->u.event.event == LEDGER_SESSION_OPENED ||
				       e->u.event.event == LEDGER_SESSION_CLOSED
			       ? e->u.event.subject
			       : STR("");
	case LEDGER_SALT:
	case LEDGER_NO_KIND:
	case LEDGER_KIND_MAX:
		break;
	}
	return STR("");
}

static const struct out_col text_cols[] = {
	{"index", 6}, {"time", 27}, {"from", 10}, {"what", 8}, {"about", 0}};
static const struct out_list text_list = {"records", text_cols, ARRAY_LEN(text_cols), "  "};
static const struct out_col json_cols[] = {
	{"index", 0}, {"time", 0}, {"time_us", 0}, {"from", 0}, {"entry", 0}};
static const struct out_list json_list = {"records", json_cols, ARRAY_LEN(json_cols), NULL};

static void print_record(struct show *s, const struct ledger_found *f, const struct ledger_entry *e)
{
	char time[CMD_LEDGER_TIME];
	struct buf about;
	const char *what;

	cmd_ledger_time(f->record.time_us, time);
	out_row_begin(s->o);
	out_u64(s->o, "index", f->record.index);
	out_text(s->o, "time", str_from_c(time));
	if (s->json) {
		out_u64(s->o, "time_us", f->record.time_us);
		out_text(s->o, "from", f->record.from);
		out_json(s->o, "entry", f->record.entry);
	} else {
		buf_init(&about, 4 * LEDGER_RECORD_MAX);
		what = describe(e, &about);
		out_text(s->o, "from", f->record.from);
		out_text(s->o, "what", str_from_c(what));
		out_text(s->o, "about", buf_str(&about));
		buf_done(&about);
	}
	out_row_end(s->o);
}

/* One record; counts it when `count` is set, prints it otherwise. */
static enum err_code take(struct show *s, const struct ledger_found *f, uint64_t *count,
			  struct err *err)
{
	struct ledger_entry e;
	enum err_code code;

	arena_reset(&s->scratch);
	code = ledger_entry_decode(f->record.entry, &s->scratch, &e, err);
	if (code) {
		err_wrap(err, "record %llu", (unsigned long long)f->record.index);
		return ERR_CORRUPT;
	}
	if (s->session && !str_eq(session_of(&e), str_from_c(s->session))) {
		return ERR_OK;
	}
	if (count) {
		(*count)++;
	} else if (s->skip) {
		s->skip--;
	} else {
		print_record(s, f, &e);
	}
	return ERR_OK;
}

/* Everything from the reader's place to the end; ERR_NOT_FOUND or ERR_AGAIN is the end. */
static enum err_code take_all(struct show *s, struct ledger_reader *r, uint64_t *count,
			      struct err *err)
{
	struct ledger_found f;
	enum err_code code;

	while (!(code = ledger_reader_next(r, &f, err))) {
		TRY(take(s, &f, count, err));
	}
	return code;
}

static bool at_end(enum err_code code)
{
	return code == ERR_NOT_FOUND || code == ERR_AGAIN;
}

static enum err_code count_from(struct show *s, size_t segment, uint64_t *ret, struct err *err)
{
	struct ledger_reader r;
	enum err_code code;

	*ret = 0;
	TRY(ledger_reader_init(&r, s->log_fd, s->segments, s->n_segments, segment, err));
	code = take_all(s, &r, ret, err);
	ledger_reader_done(&r);
	return at_end(code) ? ERR_OK : code;
}

/* Where to begin so that the last `last` matching records are shown. */
static enum err_code find_begin(struct show *s, size_t *ret_segment, struct err *err)
{
	size_t at = s->n_segments;
	uint64_t n = 0;

	*ret_segment = 0;
	if (!s->last) {
		return ERR_OK;
	}
	if (s->session) { /* they may be anywhere */
		TRY(count_from(s, 0, &n, err));
		s->skip = n > s->last ? n - s->last : 0;
		return ERR_OK;
	}
	TRY(count_from(s, at - 1, &n, err));
	while (--at > 0 && n < s->last) {
		n += s->segments[at] - s->segments[at - 1];
	}
	*ret_segment = at;
	s->skip = n > s->last ? n - s->last : 0;
	return ERR_OK;
}

/* New segments may have come; the reader goes on where it is. */
static enum err_code look_again(struct show *s, struct ledger_reader *r, struct err *err)
{
	uint64_t *segments;
	size_t n;

	arena_reset(&s->scratch);
	TRY(ledger_segments(s->log_fd, &s->scratch, &segments, &n, err));
	if (n == s->n_segments) {
		return ERR_OK;
	}
	arena_reset(&s->a);
	TRY(ledger_segments(s->log_fd, &s->a, &s->segments, &s->n_segments, err));
	r->segments = s->segments;
	r->n_segments = s->n_segments;
	return ERR_OK;
}

/* Each round is a document of its own, so that it is printed at once. */
static enum err_code follow(struct show *s, struct ledger_reader *r, struct err *err)
{
	const struct timespec pause = {.tv_nsec = FOLLOW_MS * 1000000L};

	for (;;) {
		struct ledger_found f;
		struct out o;
		enum err_code code;

		(void)nanosleep(&pause, NULL);
		TRY(look_again(s, r, err));
		code = ledger_reader_next(r, &f, err);
		if (at_end(code)) {
			continue;
		}
		TRY(code);
		out_init(&o, "writ ledger show", s->json, STDOUT_FILENO);
		s->o = &o;
		out_list_begin(&o, s->json ? &json_list : &text_list);
		code = take(s, &f, NULL, err);
		code = code ? code : take_all(s, r, NULL, err);
		out_list_end(&o);
		if (out_end(&o, CMD_FINE) != CMD_FINE) {
			return ERR(err, ERR_CLOSED, "nobody reads the output");
		}
		if (!at_end(code)) {
			return code;
		}
	}
}

static enum err_code show_log(struct show *s, struct out *o, struct err *err)
{
	struct ledger_reader r;
	enum err_code code;
	size_t segment;

	TRY(ledger_segments(s->log_fd, &s->a, &s->segments, &s->n_segments, err));
	if (s->n_segments == 0) {
		return ERR(err, ERR_NOT_FOUND, "this ledger has no records");
	}
	TRY(find_begin(s, &segment, err));
	TRY(ledger_reader_init(&r, s->log_fd, s->segments, s->n_segments, segment, err));
	s->o = o;
	out_list_begin(o, s->json ? &json_list : &text_list);
	code = take_all(s, &r, NULL, err);
	out_list_end(o);
	if (code == ERR_AGAIN && !s->follow) {
		out_note(o, "The last record is not finished: a write is under way, or a crash.");
	}
	if (at_end(code) && s->follow) {
		(void)out_end(o, CMD_FINE);
		code = follow(s, &r, err);
		out_init(o, "writ ledger show", s->json, STDOUT_FILENO);
	}
	ledger_reader_done(&r);
	return at_end(code) ? ERR_OK : code;
}

static int run(struct show *s, struct out *o)
{
	CLEANUP(fd_close) int dir_fd = -1;
	CLEANUP(fd_close) int log_fd = -1;
	struct err err = {0};
	enum err_code code = cmd_ledger_open(s->dir, s->config, &dir_fd, &err);

	if (!code) {
		log_fd = openat(dir_fd, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		code = log_fd < 0 ? ERR_ERRNO(&err, "opening the folder log/") : ERR_OK;
	}
	if (!code) {
		s->log_fd = log_fd;
		code = show_log(s, o, &err);
	}
	if (!code) {
		return CMD_FINE;
	}
	(void)out_error(o, &err);
	return code == ERR_CORRUPT ? CMD_FOUND : CMD_FAILED;
}

int cmd_ledger_show(int argc, char **argv)
{
	struct show s = {0};
	const struct opt opts[] = {
		{.name = "last",
		 .letter = 'n',
		 .value = "N",
		 .number = &s.last,
		 .help = "only the last N records"},
		{.name = "session",
		 .letter = 's',
		 .value = "ID",
		 .text = &s.session,
		 .help = "only the records of this session"},
		{.name = "follow",
		 .letter = 'f',
		 .flag = &s.follow,
		 .help = "go on with what is written from now on"},
		CMD_LEDGER_CONFIG(&s.config),
		OPT_JSON(&s.json),
	};
	const struct opt_word words[] = CMD_LEDGER_WORDS(&s.dir);
	const struct opt_spec spec = {
		.command = "writ ledger show",
		.summary = "Prints the records of a ledger. It does not check them against the "
			   "checkpoints: that is\n`writ ledger verify`. With --json --follow, one "
			   "JSON document for each piece of news.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = "writ ledger show --last 20 ~/writ/state\n"
			   "writ ledger show --follow --session 5f2b6c1e --config writ.yaml",
	};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &s.json, &status)) {
		return status;
	}
	arena_init(&s.a, SHOW_MEMORY);
	arena_init(&s.scratch, SHOW_MEMORY);
	status = out_end(&o, run(&s, &o));
	arena_done(&s.a);
	arena_done(&s.scratch);
	return status;
}
