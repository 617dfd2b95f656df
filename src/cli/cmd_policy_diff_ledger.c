/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `writ policy diff A B --ledger DIR`. A record says who asked for what, when, in which
 * session, with which labels, and which policies decided; of the arguments it holds only a
 * commitment. So each decision is weighed with what is known (policy/compare.h): it certainly
 * changes, certainly stays, or depends on what the ledger does not hold.
 */
#include "cli/cmd_ledger.h"
#include "cli/cmd_policy_diff.h"
#include "config/load.h"
#include "crypto/sha256.h"
#include "gate/rules_entities.h"
#include "ledger/segment.h"
#include "policy/compare.h"
#include "sys/fd.h"

#include <fcntl.h>

/* The gate cuts lists of ids off at this length. */
enum { IDS_MAX = 32, WORK_MAX = 256 << 20, CANONICAL_MAX = 64 << 20 };

struct walk {
	struct diff *d;
	const struct policy_compare *compare;
	const struct policy_store *store;
	bool open;
	uint8_t digests[2][SHA256_LEN]; /* before, after */
	struct arena work;
	uint64_t unchanged, elsewhere, contradicted, undecided;
};

/* A record as a request: what policies are asked. */
struct asked {
	struct policy_uid principal, action, resource, group, server;
	struct policy_entity overlay[2];
	struct policy_request req;
};

static enum err_code no_memory(struct err *err)
{
	return ERR(err, ERR_NOMEM, "out of memory");
}

/* As the gate names a set: its policies, and what says which events and providers there are. */
static enum err_code digest(struct diff *d, const struct diff_side *s, uint8_t ret[SHA256_LEN],
			    struct err *err)
{
	const struct policy_source *events;
	struct dw_texts with = {0};
	enum err_code code;
	struct buf bytes;

	TRY(cmd_policy_read_optional(&d->a, d->args->events, &events, err));
	TRY(cmd_policy_read_providers(&d->a, d->args->providers, &with, err));
	buf_init(&bytes, CANONICAL_MAX);
	code = policy_canonical(s->sources, s->n, &bytes, err);
	if (!code && events) {
		code = policy_canonical(events, 1, &bytes, err);
	}
	if (with.providers) {
		buf_append(&bytes, with.providers->text);
	}
	for (size_t i = 0; i < with.n_scripts; i++) {
		buf_append(&bytes, with.scripts[i].text);
	}
	if (!code && bytes.failed) {
		code = no_memory(err);
	}
	if (!code) {
		sha256_of(buf_str(&bytes), ret);
	}
	buf_done(&bytes);
	return code;
}

/* The entities of the configuration, of a file, or the groups of actions alone. */
static enum err_code find_entities(struct walk *w, struct err *err)
{
	static const struct config nothing = {0};
	const struct diff_args *args = w->d->args;
	struct config_loaded loaded;
	struct policy_store *store;

	w->open = !args->config && !args->closed;
	if (args->entities) {
		w->store = w->d->before.c.store;
		return ERR_OK;
	}
	if (args->config) {
		TRY(config_load(&w->d->a, args->config, &loaded, NULL, err));
	}
	TRY(rules_entities(&w->d->a, args->config ? &loaded.config : &nothing, NULL, NULL, &store,
			   err));
	w->store = store;
	return ERR_OK;
}

/* What the gate adds for tools, resources and prompts, whose names are "SERVER.NAME". */
static bool add_overlay(struct asked *q, struct arena *a)
{
	bool tool = str_eq(q->resource.type, STR("Writ::Tool"));
	bool named = tool || str_eq(q->resource.type, STR("Writ::Prompt"));
	size_t dot = str_find(q->resource.id, '.');
	struct policy_field *f = ARENA_ARRAY(a, 2, struct policy_field);
	struct policy_entity *e = &q->overlay[0];

	if (!f) {
		return false;
	}
	if ((!named && !str_eq(q->resource.type, STR("Writ::Resource"))) ||
	    dot == q->resource.id.n) {
		return true;
	}
	q->server = policy_uid_make(STR("Writ::McpServer"), str_make(q->resource.id.p, dot));
	f[0] = (struct policy_field){named ? STR("name") : STR("uri"),
				     policy_string(str_from(q->resource.id, dot + 1))};
	f[1] = (struct policy_field){STR("server"), policy_entity(&q->server)};
	*e = (struct policy_entity){.uid = q->resource, .parents = &q->server, .n_parents = 1};
	q->req.entities = q->overlay;
	q->req.n_entities = 1;
	if (tool) {
		q->group = policy_uid_make(q->action.type, STR("call_tool"));
		q->overlay[q->req.n_entities++] = (struct policy_entity){
			.uid = q->action, .parents = &q->group, .n_parents = 1};
	}
	return policy_value_record(f, 2, &e->attrs);
}

/* "integrity=user" as its level; unknown when it is not recorded or not a word of these. */
static struct policy_value level(const struct ledger_decision *d, const char *what,
				 const char *const words[4])
{
	for (size_t i = 0; i < d->labels.n; i++) {
		struct str label = d->labels.items[i], name = str_cut(&label, '=');

		for (int k = 0; k < 4 && str_eq(name, str_from_c(what)); k++) {
			if (str_eq(label, str_from_c(words[k]))) {
				return policy_long(k);
			}
		}
	}
	return (struct policy_value){0};
}

static bool record(struct arena *a, const struct policy_field *fields, size_t n,
		   struct policy_value *ret)
{
	struct policy_field *f = ARENA_ARRAY(a, n, struct policy_field);

	if (!f) {
		return false;
	}
	memcpy(f, fields, n * sizeof(*f));
	return policy_value_record(f, n, ret);
}

/* context as the gate makes it; what is not recorded is unknown. */
static bool make_context(const struct ledger_decision *d, struct asked *q, struct arena *a)
{
	static const char *const integrity[] = {"untrusted", "external", "user", "system"};
	static const char *const secrecy[] = {"public", "internal", "confidential", "secret"};
	const struct policy_value unknown = {0};
	const struct policy_field of_labels[] = {
		{STR("categories"), unknown},
		{STR("confidentiality"), level(d, "confidentiality", secrecy)},
		{STR("integrity"), level(d, "integrity", integrity)},
		{STR("origins"), unknown}};
	const struct policy_field of_session[] = {{STR("depth"), unknown},
						  {STR("id"), policy_string(d->session)},
						  {STR("taint"), unknown}};
	struct policy_value labels, session, w;

	if (!record(a, of_labels, ARRAY_LEN(of_labels), &labels) ||
	    !record(a, of_session, ARRAY_LEN(of_session), &session)) {
		return false;
	}
	const struct policy_field of_w[] = {
		{STR("*"), unknown}, /* there may be others */
		{STR("labels"), labels},
		{STR("now"), policy_scalar(POLICY_DATETIME, q->req.now)},
		{STR("session"), session}};
	if (!record(a, of_w, ARRAY_LEN(of_w), &w)) {
		return false;
	}
	const struct policy_field of_context[] = {{STR("input"), unknown},
						  {STR("sessionId"), policy_string(d->session)},
						  {STR("w"), w}};
	return record(a, of_context, ARRAY_LEN(of_context), &q->req.context);
}

/* False when the record is not about a request that policies were asked about. */
static bool make_request(struct walk *w, const struct ledger_decision *d, struct str resource,
			 struct asked *q)
{
	struct arena *a = &w->work;

	*q = (struct asked){0};
	q->req = (struct policy_request){.principal = &q->principal,
					 .action = &q->action,
					 .resource = &q->resource,
					 .store = w->store,
					 .now = (int64_t)(d->time_us / 1000)};
	return policy_uid_parse(a, d->principal, &q->principal) &&
	       policy_uid_parse(a, d->action, &q->action) &&
	       policy_uid_parse(a, resource, &q->resource) && add_overlay(q, a) &&
	       make_context(d, q, a);
}

static enum policy_outcome outcome_of(enum ledger_verdict v)
{
	return v == LEDGER_ALLOW ? POLICY_ALLOW : v == LEDGER_ASK ? POLICY_ASK : POLICY_DENY;
}

/* What the gateway itself refused, before policies were asked, has names of its own. */
static bool by_gateway(const struct walk *w, const struct ledger_decision *d)
{
	return d->policies.n == 1 && str_starts_with(d->policies.items[0], STR("writ.")) &&
	       !policy_set_find(w->d->before.c.set, d->policies.items[0]) &&
	       !policy_set_find(w->d->after.c.set, d->policies.items[0]);
}

/* What the record says about the set that decided, when that is A or B. */
static struct policy_recorded read_record(const struct walk *w, const struct ledger_decision *d)
{
	struct policy_recorded r = {.outcome = outcome_of(d->decision),
				    .deciding = d->policies.items,
				    .n_deciding = d->policies.n,
				    .errors = d->errors.items,
				    .n_errors = d->errors.n,
				    .all_deciding = d->policies.n < IDS_MAX,
				    .all_errors = d->errors.n < IDS_MAX};
	const struct diff_side *s;
	bool before = memcmp(d->policy_set, w->digests[0], SHA256_LEN) == 0;
	size_t permits = 0;

	r.known = before || memcmp(d->policy_set, w->digests[1], SHA256_LEN) == 0;
	r.after = !before;
	s = r.after ? &w->d->after : &w->d->before;
	for (size_t i = 0; r.known && i < r.n_deciding; i++) {
		const struct policy_rule *rule = policy_set_find(s->c.set, r.deciding[i]);

		r.known = rule;
		permits += rule && rule->effect == POLICY_PERMIT;
	}
	/* Permits decide a denial when nobody could do their duties: the policies allowed. */
	if (r.known && r.outcome == POLICY_DENY && permits > 0) {
		r.outcome = POLICY_ALLOW;
	}
	return r;
}

/* "deny" or "allow or deny" */
static struct str outcomes(struct arena *a, unsigned pairs, bool after)
{
	struct str s = STR("");

	for (int o = POLICY_ALLOW; o >= POLICY_DENY; o--) {
		bool possible = false;

		for (int other = POLICY_DENY; other <= POLICY_ALLOW; other++) {
			possible = possible || (pairs & (after ? POLICY_COMPARE_BIT(other, o)
							       : POLICY_COMPARE_BIT(o, other)));
		}
		if (possible) {
			s = arena_printf(a, STR_FMT "%s%s", STR_ARG(s), s.n > 0 ? " or " : "",
					 policy_outcome_name((enum policy_outcome)o));
		}
	}
	return s;
}

static struct str open_ids(struct arena *a, const struct policy_compared *c)
{
	struct str s = STR("");

	for (size_t i = 0; i < c->n_open; i++) {
		s = arena_printf(a, STR_FMT "%s" STR_FMT, STR_ARG(s), i > 0 ? ", " : "",
				 STR_ARG(c->open[i]->id));
	}
	return s;
}

static void show(struct walk *w, const struct ledger_found *f, const struct ledger_decision *d,
		 struct str resource, const struct policy_compared *c, bool changed)
{
	struct out *o = w->d->out;
	char time[CMD_LEDGER_TIME];

	cmd_ledger_time(d->time_us, time);
	out_row_begin(o);
	out_u64(o, "record", f->record.index);
	out_text(o, "change", changed ? STR("changed") : STR("depends"));
	out_text(o, "time", str_from_c(time));
	out_text(o, "principal", d->principal);
	out_text(o, "action", d->action);
	out_text(o, "resource", resource);
	out_text(o, "before", outcomes(&w->work, c->pairs, false));
	out_text(o, "after", outcomes(&w->work, c->pairs, true));
	out_text(o, "rests_on", open_ids(&w->work, c));
	out_row_end(o);
}

static enum err_code weigh(struct walk *w, const struct ledger_found *f,
			   const struct ledger_decision *d, struct str resource, struct err *err)
{
	unsigned same = POLICY_COMPARE_BIT(POLICY_DENY, POLICY_DENY) |
			POLICY_COMPARE_BIT(POLICY_ASK, POLICY_ASK) |
			POLICY_COMPARE_BIT(POLICY_ALLOW, POLICY_ALLOW);
	struct policy_recorded rec = read_record(w, d);
	struct policy_compared c;
	struct policy_partial known;
	struct asked q;

	if (by_gateway(w, d) || !make_request(w, d, resource, &q)) {
		w->undecided++;
		return w->work.exhausted ? no_memory(err) : ERR_OK;
	}
	known = (struct policy_partial){.request = &q.req, .open = w->open};
	TRY(policy_compare(w->compare, &known, &rec, &w->work, &c, err));
	w->d->seen++;
	w->elsewhere += !rec.known;
	w->contradicted += c.contradicted;
	if (!(c.pairs & ~same)) {
		w->unchanged++;
		return ERR_OK;
	}
	w->d->changed += !(c.pairs & same);
	w->d->open += (c.pairs & same) != 0;
	show(w, f, d, resource, &c, !(c.pairs & same));
	return ERR_OK;
}

/* One record may be about several resources, each a request of its own to the policies. */
static enum err_code weigh_all(struct walk *w, const struct ledger_found *f,
			       const struct ledger_decision *d, struct err *err)
{
	TRY(weigh(w, f, d, d->resource, err));
	for (size_t i = 0; i < d->also.n; i++) {
		TRY(weigh(w, f, d, d->also.items[i], err));
	}
	return ERR_OK;
}

static enum err_code walk_log(struct walk *w, int log_fd, struct err *err)
{
	struct ledger_reader r;
	struct ledger_found f;
	uint64_t *segments;
	enum err_code code;
	size_t n;

	TRY(ledger_segments(log_fd, &w->d->a, &segments, &n, err));
	if (n == 0) {
		return ERR(err, ERR_NOT_FOUND, "this ledger has no records");
	}
	TRY(ledger_reader_init(&r, log_fd, segments, n, 0, err));
	while (!(code = ledger_reader_next(&r, &f, err))) {
		struct ledger_entry e;

		arena_reset(&w->work);
		code = ledger_entry_decode(f.record.entry, &w->work, &e, err);
		if (!code && e.kind == LEDGER_DECISION) {
			code = weigh_all(w, &f, &e.u.decision, err);
		}
		if (code) {
			err_wrap(err, "record %llu", (unsigned long long)f.record.index);
			break;
		}
	}
	ledger_reader_done(&r);
	return code == ERR_NOT_FOUND || code == ERR_AGAIN ? ERR_OK : code;
}

static void sum_up(const struct walk *w)
{
	struct out *o = w->d->out;

	out_u64(o, "decisions", w->d->seen);
	out_u64(o, "changed", w->d->changed);
	out_u64(o, "unchanged", w->unchanged);
	out_u64(o, "depends", w->d->open);
	if (w->d->open > 0) {
		out_note(o, "\"depends\": on the arguments, or other things that the ledger does "
			    "not hold, for the policies named last.");
	}
	if (w->elsewhere > 0) {
		out_note(o,
			 "%llu decisions were made by other policies than A or B: what those "
			 "answered says nothing here.",
			 (unsigned long long)w->elsewhere);
	}
	if (w->contradicted > 0) {
		out_note(o,
			 "%llu decisions cannot have been made with these entities; the record was "
			 "believed. Give the configuration of then.",
			 (unsigned long long)w->contradicted);
	}
	if (w->undecided > 0) {
		out_note(o, "%llu requests were refused before policies were asked.",
			 (unsigned long long)w->undecided);
	}
}

static enum err_code open_log(const struct diff *d, int *ret_fd, struct err *err)
{
	CLEANUP(fd_close) int dir_fd = -1;

	TRY(cmd_ledger_open(d->args->ledger, NULL, &dir_fd, err));
	*ret_fd = openat(dir_fd, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd < 0 ? ERR_ERRNO(err, "opening the folder log/") : ERR_OK;
}

enum err_code diff_ledger(struct diff *d, struct err *err)
{
	static const struct out_col cols[] = {{"record", 6},     {"change", 7},  {"time", 27},
					      {"principal", 20}, {"action", 24}, {"resource", 24},
					      {"before", 8},     {"after", 13},  {"rests_on", 0}};
	static const struct out_list list = {"decisions_that_differ", cols, ARRAY_LEN(cols), NULL};
	const struct policy_compare_set before = {&d->before.c.policies, d->before.c.set},
					after = {&d->after.c.policies, d->after.c.set};
	CLEANUP(fd_close) int log_fd = -1;
	struct walk w = {.d = d};
	enum err_code code;

	TRY(open_log(d, &log_fd, err));
	TRY(find_entities(&w, err));
	TRY(digest(d, &d->before, w.digests[0], err));
	TRY(digest(d, &d->after, w.digests[1], err));
	TRY(policy_compare_new(&d->a, &before, &after, &w.compare, err));
	arena_init(&w.work, WORK_MAX);
	out_list_begin(d->out, &list);
	code = walk_log(&w, log_fd, err);
	out_list_end(d->out);
	arena_done(&w.work);
	if (!code) {
		sum_up(&w);
	}
	return code;
}
