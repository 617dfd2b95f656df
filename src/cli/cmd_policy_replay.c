/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `writ policy replay`: decides every decision event of a trace again and prints a
 * line for each:
 *
 *   @TS (time point N): ALLOW  [rules: 0, 2]      N counts decision events
 *   @TS (time point I): true                      --whole-trace: I counts all events
 *
 * Exit: 0 replayed, 1 the policies have errors, 2 could not run.
 */
#include "cli/cmd_policy.h"
#include "cli/out.h"
#include "policy/case.h"
#include "policy/dw_history.h"
#include "policy/dw_trace.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define MEMORY_MAX  ((size_t)4 << 30)
#define SCRATCH_MAX ((size_t)1 << 30)

struct replay_args {
	struct opt_list policies;
	const char *schema, *events, *providers, *entities, *macros, *trace;
	bool whole, json;
};

struct replay {
	struct arena arena, scratch;
	struct policy_diags diags;
	const struct dw_program *prog;
	const struct policy_store *store;
	struct dw_history history;
	size_t n_decisions, n_allowed, n_failed;
};

const char *cmd_policy_macros_beside(struct arena *a, const char *policies)
{
	const char *slash = strrchr(policies, '/');
	struct str path =
		arena_printf(a, "%.*smacros.dw", slash ? (int)(slash - policies + 1) : 0, policies);

	return path.p && access(path.p, R_OK) == 0 ? path.p : NULL;
}

static enum err_code load(struct replay *r, const struct replay_args *args, struct err *err)
{
	struct policy_source *src = ARENA_ARRAY(&r->arena, args->policies.n, struct policy_source);
	const char *macros = args->macros
				     ? args->macros
				     : cmd_policy_macros_beside(&r->arena, args->policies.items[0]);
	struct policy_case_texts entities = {0};
	bool *cedar = ARENA_ARRAY(&r->arena, args->policies.n, bool);
	struct dw_texts texts = {.policies = src, .n_policies = args->policies.n, .cedar = cedar};
	const struct policy_source *schema, *json;
	struct policy_case c;

	if (!src || !cedar) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < args->policies.n; i++) {
		TRY(cmd_policy_read(&r->arena, args->policies.items[i], &src[i], err));
		cedar[i] = str_ends_with(src[i].name, STR(".cedar"));
	}
	TRY(cmd_policy_read_optional(&r->arena, args->schema, &schema, err));
	TRY(cmd_policy_read_optional(&r->arena, args->events, &texts.events, err));
	TRY(cmd_policy_read_providers(&r->arena, args->providers, &texts, err));
	TRY(cmd_policy_read_optional(&r->arena, args->entities, &json, err));
	TRY(cmd_policy_read_optional(&r->arena, macros, &texts.macros, err));
	texts.schema = schema;
	TRY(dw_load(&r->arena, &texts, &r->diags, &r->prog, err));
	if (json) {
		entities.schema = schema;
		entities.entities = json;
		TRY(policy_case_load(&r->arena, &entities, NULL, &r->diags, &c, err));
		r->store = c.store;
	}
	return ERR_OK;
}

static void print_rules(struct buf *b, const struct policy_rules *rules, const char *between)
{
	for (size_t i = 0; i < rules->n; i++) {
		buf_printf(b, "%s%u", i > 0 ? between : "", rules->items[i]->index);
	}
}

static void print_text(struct buf *b, const struct replay_args *args, int64_t ts, size_t index,
		       const struct policy_decision *d, const struct err *err)
{
	buf_printf(b, "@%lld (time point %zu): ", (long long)ts, index);
	if (args->whole) {
		buf_append(b, d->allow ? STR("true\n") : STR("false\n"));
		return;
	}
	buf_append(b, d->allow ? STR("ALLOW") : STR("DENY"));
	if (d->reasons.n > 0) {
		buf_append(b, STR("  [rules: "));
		print_rules(b, &d->reasons, ", ");
		buf_append_c(b, ']');
	}
	buf_append_c(b, '\n');
	if (d->failure) {
		(void)fprintf(stderr, "writ policy replay: @%lld: %s: %s\n", (long long)ts,
			      d->failure, err->msg);
	}
}

static void print_row(struct out *o, int64_t ts, size_t index, const struct policy_decision *d,
		      const struct err *err)
{
	struct buf rules;

	out_row_begin(o);
	out_printf(o, "ts", "%lld", (long long)ts);
	out_u64(o, "time_point", index);
	out_text(o, "decision", d->allow ? STR("allow") : STR("deny"));
	buf_init(&rules, 1 << 20);
	buf_append_c(&rules, '[');
	print_rules(&rules, &d->reasons, ",");
	buf_append_c(&rules, ']');
	out_json(o, "rules", buf_str(&rules));
	buf_done(&rules);
	out_text(o, "failure", str_from_c(d->failure ? err->msg : ""));
	out_row_end(o);
}

static enum err_code replay_line(struct replay *r, const struct replay_args *args, struct out *o,
				 struct str line, size_t number, struct err *err)
{
	struct dw_event *ev = ARENA_NEW(&r->arena, struct dw_event);
	struct policy_decision d;
	struct err why = {0};
	int64_t ts;

	if (!ev) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	TRY(dw_trace_line(&r->arena, line, number, &ts, ev, err));
	if (!dw_events_kind(r->prog->events, ev->event.kind)) {
		return ERR(err, ERR_INVALID, "line %zu: unknown event kind `" STR_FMT "`", number,
			   STR_ARG(ev->event.kind));
	}
	TRY(dw_history_add(&r->history, &ev->event, err));
	if (!dw_is_decision(r->prog, ev)) {
		return ERR_OK;
	}
	dw_history_decide(&r->history, ev, r->store, &r->scratch, &d, &why);
	if (args->json) {
		print_row(o, ts, args->whole ? r->history.n - 1 : r->n_decisions, &d, &why);
	} else {
		print_text(&o->buf, args, ts, args->whole ? r->history.n - 1 : r->n_decisions, &d,
			   &why);
	}
	r->n_decisions++;
	r->n_allowed += d.allow;
	r->n_failed += d.failure != NULL;
	arena_reset(&r->scratch);
	return ERR_OK;
}

static enum err_code replay_trace(struct replay *r, const struct replay_args *args, struct out *o,
				  struct err *err)
{
	static const struct out_col cols[] = {
		{"ts", 0}, {"time_point", 0}, {"decision", 0}, {"rules", 0}, {"failure", 0}};
	static const struct out_list list = {
		.name = "decisions", .cols = cols, .n_cols = ARRAY_LEN(cols)};
	struct policy_source trace;
	enum err_code code = ERR_OK;
	struct str rest;
	size_t number = 0;

	TRY(cmd_policy_read(&r->arena, args->trace, &trace, err));
	dw_history_init(&r->history, r->prog, &r->arena);
	if (args->json) {
		out_list_begin(o, &list);
	}
	rest = trace.text;
	while (rest.p && !code) {
		struct str line = str_cut(&rest, '\n');

		number++;
		if (line.n > 0 && line.p[line.n - 1] == '\r') {
			line.n--;
		}
		if (str_trim(line).n > 0) {
			code = replay_line(r, args, o, line, number, err);
		}
	}
	if (args->json) {
		out_list_end(o);
		out_u64(o, "decided", r->n_decisions);
		out_u64(o, "allowed", r->n_allowed);
		out_u64(o, "failed", r->n_failed);
	}
	return code;
}

static int report(struct out *o, const struct replay *r, const struct err *err, bool json)
{
	if (r->diags.n_errors > 0) {
		struct buf text;

		if (json) {
			return out_error(o, err) == CMD_FINE ? CMD_FINE : CMD_FOUND;
		}
		buf_init(&text, 1 << 20);
		policy_diags_render(&r->diags, &text);
		(void)fwrite(buf_str(&text).p, 1, buf_len(&text), stderr);
		buf_done(&text);
		return CMD_FOUND;
	}
	return out_error(o, err);
}

static int run(const struct replay_args *args, struct out *o)
{
	struct replay r = {0};
	struct err err = {0};
	int status = CMD_FINE;

	arena_init(&r.arena, MEMORY_MAX);
	arena_init(&r.scratch, SCRATCH_MAX);
	policy_diags_init(&r.diags, &r.arena);
	if (load(&r, args, &err) || replay_trace(&r, args, o, &err)) {
		status = report(o, &r, &err, args->json);
	}
	status = out_end(o, status);
	arena_done(&r.scratch);
	arena_done(&r.arena);
	return status;
}

int cmd_policy_replay(int argc, char **argv)
{
	struct replay_args args = {0};
	const struct opt opts[] = {
		{.name = "policies",
		 .value = "FILE",
		 .list = &args.policies,
		 .help = "policies (.dw); may be repeated"},
		{.name = "schema", .value = "FILE", .text = &args.schema, .help = "Cedar schema"},
		{.name = "events",
		 .value = "FILE",
		 .text = &args.events,
		 .help = "event schema; without it request, response and error, unpinned"},
		{.name = "providers",
		 .value = "FILE",
		 .text = &args.providers,
		 .help = "information providers (JSON)"},
		{.name = "entities",
		 .value = "FILE",
		 .text = &args.entities,
		 .help = "entities (JSON), below those of each event"},
		{.name = "macros",
		 .value = "FILE",
		 .text = &args.macros,
		 .help = "macro library instead of the standard one; macros.dw beside the policies "
			 "is taken by itself"},
		{.name = "whole-trace",
		 .flag = &args.whole,
		 .help = "print true or false, and count all events"},
		OPT_JSON(&args.json),
	};
	const struct opt_word words[] = {
		{.name = "TRACE", .help = "the trace", .required = true, .text = &args.trace},
	};
	const struct opt_spec spec = {
		.command = "writ policy replay",
		.summary = "Decides the events of a trace by temporal policies.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = "writ policy replay --policies p.dw --schema s.cedarschema trace.log",
	};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &args.json, &status)) {
		return status;
	}
	if (args.policies.n == 0 || !args.schema) {
		struct err err = {0};

		err_ignore(
			ERR(&err, ERR_INVALID, "--policies and --schema are needed")); /* shown */
		return out_end(&o, out_error(&o, &err));
	}
	return run(&args, &o);
}
