/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `writ policy diff A B --trace FILE`: decides every decision event of a trace by both
 * sets. The history is the same for both: what a stricter set would have prevented did
 * happen in it.
 */
#include "cli/cmd_policy_diff.h"
#include "policy/dw_history.h"
#include "policy/dw_trace.h"

#define SCRATCH_MAX ((size_t)1 << 30)

struct player {
	const struct dw_program *prog;
	struct dw_history history;
	struct policy_decision decision;
};

struct play {
	struct diff *d;
	struct arena scratch;
	struct player before, after;
	const struct policy_store *store;
};

static enum err_code load_player(struct play *p, const struct diff_side *s, struct player *to,
				 struct err *err)
{
	struct arena *a = &p->d->a;
	bool *cedar = ARENA_ARRAY(a, s->n + 1, bool);
	struct dw_texts texts = {
		.policies = s->sources, .n_policies = s->n, .cedar = cedar, .schema = p->d->schema};

	if (!cedar) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < s->n; i++) {
		cedar[i] = !str_ends_with(s->sources[i].name, STR(".dw"));
	}
	TRY(diff_temporal_texts(p->d, &texts, s->sources, err));
	TRY(dw_load(a, &texts, &p->d->diags, &to->prog, err));
	dw_history_init(&to->history, to->prog, a);
	return ERR_OK;
}

static enum err_code load_entities(struct play *p, struct err *err)
{
	const struct policy_case_texts texts = {.schema = p->d->schema, .entities = p->d->entities};
	struct policy_case c;

	if (!p->d->entities) {
		return ERR_OK;
	}
	TRY(policy_case_load(&p->d->a, &texts, NULL, &p->d->diags, &c, err));
	p->store = c.store;
	return ERR_OK;
}

static enum err_code step(struct play *p, struct player *x, const struct dw_event *ev,
			  size_t number, bool *ret_decides, struct err *err)
{
	struct err why = {0};

	if (!dw_events_kind(x->prog->events, ev->event.kind)) {
		return ERR(err, ERR_INVALID, "line %zu: unknown event kind `" STR_FMT "`", number,
			   STR_ARG(ev->event.kind));
	}
	TRY(dw_history_add(&x->history, &ev->event, err));
	*ret_decides = dw_is_decision(x->prog, ev);
	if (*ret_decides) {
		dw_history_decide(&x->history, ev, p->store, &p->scratch, &x->decision, &why);
	}
	return ERR_OK;
}

static struct str shown(struct arena *a, const struct policy_decision *d)
{
	return d->failure ? arena_printf(a, "deny (%s)", d->failure) : diff_verdict(a, d);
}

static void show(struct play *p, int64_t ts, const struct dw_event *ev)
{
	struct out *o = p->d->out;

	out_row_begin(o);
	out_printf(o, "ts", "%lld", (long long)ts);
	out_u64(o, "time_point", p->d->seen - 1);
	out_text(o, "principal", ev->principal ? diff_uid(&p->scratch, ev->principal) : STR(""));
	out_text(o, "action", diff_uid(&p->scratch, ev->event.action));
	out_text(o, "before", shown(&p->scratch, &p->before.decision));
	out_text(o, "after", shown(&p->scratch, &p->after.decision));
	out_row_end(o);
}

static enum err_code play_line(struct play *p, struct str line, size_t number, struct err *err)
{
	struct dw_event *ev = ARENA_NEW(&p->d->a, struct dw_event);
	bool decides;
	int64_t ts;

	if (!ev) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	TRY(dw_trace_line(&p->d->a, line, number, &ts, ev, err));
	arena_reset(&p->scratch);
	TRY(step(p, &p->before, ev, number, &decides, err));
	TRY(step(p, &p->after, ev, number, &decides, err));
	if (!decides) {
		return ERR_OK;
	}
	p->d->seen++;
	if (p->before.decision.outcome != p->after.decision.outcome ||
	    p->before.decision.allow != p->after.decision.allow) {
		p->d->changed++;
		show(p, ts, ev);
	}
	return ERR_OK;
}

static enum err_code play_trace(struct play *p, struct err *err)
{
	static const struct out_col cols[] = {{"ts", 10},     {"time_point", 10}, {"principal", 20},
					      {"action", 24}, {"before", 24},     {"after", 0}};
	static const struct out_list list = {"decisions_that_differ", cols, ARRAY_LEN(cols), NULL};
	enum err_code code = ERR_OK;
	struct policy_source trace;
	struct str rest;

	TRY(cmd_policy_read(&p->d->a, p->d->args->trace, &trace, err));
	out_list_begin(p->d->out, &list);
	rest = trace.text;
	for (size_t number = 1; rest.p && !code; number++) {
		struct str line = str_cut(&rest, '\n');

		if (line.n > 0 && line.p[line.n - 1] == '\r') {
			line.n--;
		}
		if (str_trim(line).n > 0) {
			code = play_line(p, line, number, err);
		}
	}
	out_list_end(p->d->out);
	return code;
}

enum err_code diff_trace(struct diff *d, struct err *err)
{
	struct play p = {.d = d};
	enum err_code code;

	TRY(load_player(&p, &d->before, &p.before, err));
	TRY(load_player(&p, &d->after, &p.after, err));
	TRY(load_entities(&p, err));
	arena_init(&p.scratch, SCRATCH_MAX);
	code = play_trace(&p, err);
	arena_done(&p.scratch);
	if (code) {
		return code;
	}
	out_u64(d->out, "decisions", d->seen);
	out_u64(d->out, "changed", d->changed);
	if (d->changed > 0) {
		out_note(d->out, "Both were shown the same history: what one set alone would have "
				 "refused did happen in it.");
	}
	return ERR_OK;
}
