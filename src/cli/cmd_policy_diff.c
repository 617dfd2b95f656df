/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `writ policy diff A B`: what changes when the policies A become B. A and B are
 * a file, or a folder whose .cedar and .dw files make one set; policies are matched by
 * @id. Alone: which policies are added, removed or changed. With --requests, a request
 * a line as for `eval` (and optionally "now"), also which of those come out
 * differently; with --ledger, which recorded decisions, as far as the ledger
 * says; with --trace, which decisions of a trace.
 * Exit 1 when anything does, or may.
 */
#include "cli/cmd_policy_diff.h"
#include "cli/out.h"
#include "policy/print.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX ((size_t)64 << 20)

static const struct policy *find_policy(const struct diff_side *s, struct str id)
{
	const struct policy_rule *rule = policy_set_find(s->c.set, id);

	return rule ? s->c.policies.items[rule->index] : NULL;
}

static bool same_policy(const struct policy *a, const struct policy *b)
{
	struct buf x, y;
	bool same;

	buf_init(&x, TEXT_MAX);
	buf_init(&y, TEXT_MAX);
	policy_print(&x, a);
	policy_print(&y, b);
	same = !x.failed && !y.failed && str_eq(buf_str(&x), buf_str(&y));
	buf_done(&x);
	buf_done(&y);
	return same;
}

static void policy_row(struct diff *d, const char *change, const struct policy *p)
{
	struct policy_position at = policy_position(p->source->text, p->effect_span.at);

	d->policies++;
	out_row_begin(d->out);
	out_text(d->out, "change", str_from_c(change));
	out_text(d->out, "policy", p->id);
	out_printf(d->out, "where", STR_FMT ":%u", STR_ARG(p->source->name), at.line);
	out_row_end(d->out);
}

static void diff_policies(struct diff *d)
{
	static const struct out_col cols[] = {{"change", 8}, {"policy", 24}, {"where", 0}};
	static const struct out_list list = {"policies", cols, ARRAY_LEN(cols), NULL};

	out_list_begin(d->out, &list);
	for (size_t i = 0; i < d->before.c.policies.n; i++) {
		const struct policy *p = d->before.c.policies.items[i];

		if (!find_policy(&d->after, p->id)) {
			policy_row(d, "removed", p);
		}
	}
	for (size_t i = 0; i < d->after.c.policies.n; i++) {
		const struct policy *p = d->after.c.policies.items[i];
		const struct policy *old = find_policy(&d->before, p->id);

		if (!old || !same_policy(old, p)) {
			policy_row(d, old ? "changed" : "added", p);
		}
	}
	out_list_end(d->out);
}

bool diff_same_ids(const struct policy_rules *a, const struct policy_rules *b)
{
	if (a->n != b->n) {
		return false;
	}
	for (size_t i = 0; i < a->n; i++) {
		bool found = false;

		for (size_t k = 0; k < b->n && !found; k++) {
			found = str_eq(a->items[i]->id, b->items[k]->id);
		}
		if (!found) {
			return false;
		}
	}
	return true;
}

struct str diff_verdict(struct arena *a, const struct policy_decision *d)
{
	struct str s = str_from_c(policy_outcome_name(d->outcome));

	for (size_t i = 0; i < d->deciding.n; i++) {
		s = arena_printf(a, STR_FMT "%s" STR_FMT, STR_ARG(s), i == 0 ? " by " : ", ",
				 STR_ARG(d->deciding.items[i]->id));
	}
	return s;
}

struct str diff_uid(struct arena *a, const struct policy_uid *uid)
{
	struct str s;
	struct buf b;

	buf_init(&b, 1 << 20);
	policy_uid_write(&b, uid);
	s = arena_dup(a, buf_str(&b));
	buf_done(&b);
	return s;
}

static void request_row(struct diff *d, struct arena *work, uint64_t line,
			const struct policy_request *req, const struct policy_decision *before,
			const struct policy_decision *after)
{
	out_row_begin(d->out);
	out_u64(d->out, "line", line);
	out_text(d->out, "principal", diff_uid(work, req->principal));
	out_text(d->out, "action", diff_uid(work, req->action));
	out_text(d->out, "resource", diff_uid(work, req->resource));
	out_text(d->out, "before", diff_verdict(work, before));
	out_text(d->out, "after", diff_verdict(work, after));
	out_row_end(d->out);
}

static enum err_code diff_request(struct diff *d, struct arena *work, struct str text,
				  uint64_t line, struct err *err)
{
	const struct policy_source src = {STR("request"), text};
	struct policy_decision before, after;
	struct policy_request req;
	const struct json *doc;
	enum err_code code;

	code = policy_case_json(work, &src, &doc, err);
	if (!code) {
		code = policy_case_request(work, &d->before.c, doc, true, &req, err);
	}
	if (code) {
		err_wrap(err, "line %llu", (unsigned long long)line);
		return code;
	}
	if (json_get(doc, STR("now")) &&
	    !policy_datetime_parse(json_str(json_get(doc, STR("now"))), &req.now)) {
		return ERR(err, ERR_INVALID, "line %llu: `now` is not a date and time",
			   (unsigned long long)line);
	}
	policy_decide(d->before.c.set, &req, work, &before);
	req.store = d->after.c.store;
	policy_decide(d->after.c.set, &req, work, &after);
	if (before.failure || after.failure) {
		return ERR(err, ERR_NOMEM, "line %llu: out of memory", (unsigned long long)line);
	}
	d->seen++;
	if (before.outcome != after.outcome || !diff_same_ids(&before.deciding, &after.deciding)) {
		d->changed++;
		request_row(d, work, line, &req, &before, &after);
	}
	return ERR_OK;
}

static enum err_code diff_requests(struct diff *d, const char *path, struct err *err)
{
	static const struct out_col cols[] = {{"line", 5},      {"principal", 20}, {"action", 24},
					      {"resource", 24}, {"before", 24},    {"after", 0}};
	static const struct out_list list = {"requests", cols, ARRAY_LEN(cols), NULL};
	enum err_code code = ERR_OK;
	struct policy_source src;
	struct arena work;
	struct str rest;

	TRY(cmd_policy_read(&d->a, path, &src, err));
	arena_init(&work, DIFF_MEMORY_MAX);
	out_list_begin(d->out, &list);
	rest = src.text;
	for (uint64_t line = 1; rest.p && !code; line++) {
		struct str text = str_trim(str_cut(&rest, '\n'));

		if (text.n > 0 && text.p[0] != '\r') {
			arena_reset(&work);
			code = diff_request(d, &work, text, line, err);
		}
	}
	out_list_end(d->out);
	arena_done(&work);
	return code;
}

static enum err_code run(struct diff *d, struct err *err)
{
	const struct diff_args *args = d->args;

	TRY(cmd_policy_read_optional(&d->a, args->schema, &d->schema, err));
	TRY(cmd_policy_read_optional(&d->a, args->entities, &d->entities, err));
	TRY(diff_load(d, err));
	if (args->trace) {
		return diff_trace(d, err);
	}
	diff_policies(d);
	if (args->requests) {
		TRY(diff_requests(d, args->requests, err));
	}
	return args->ledger ? diff_ledger(d, err) : ERR_OK;
}

static int report(struct diff *d)
{
	const struct diff_args *args = d->args;

	if (args->requests) {
		out_note(d->out, "%llu of %llu requests come out differently",
			 (unsigned long long)d->changed, (unsigned long long)d->seen);
	}
	if (args->requests || args->ledger || args->trace) {
		return d->changed > 0 || d->open > 0 ? CMD_FOUND : CMD_FINE;
	}
	if (d->policies == 0) {
		out_note(d->out, "the policies are the same");
	}
	return d->policies > 0 ? CMD_FOUND : CMD_FINE;
}

static enum err_code check_usage(const struct diff_args *args, struct err *err)
{
	if ((args->requests != NULL) + (args->ledger != NULL) + (args->trace != NULL) > 1) {
		return ERR(err, ERR_INVALID, "one of --requests, --ledger and --trace");
	}
	if (args->trace && !args->schema) {
		return ERR(err, ERR_INVALID, "--trace needs --schema");
	}
	if (!args->ledger && (args->config || args->closed)) {
		return ERR(err, ERR_INVALID, "--config and --closed go with --ledger");
	}
	if (args->config && args->entities) {
		return ERR(err, ERR_INVALID, "either --config or --entities");
	}
	return ERR_OK;
}

int cmd_policy_diff(int argc, char **argv)
{
	struct diff_args args = {0};
	const struct opt opts[] = {
		{.name = "requests",
		 .value = "FILE",
		 .text = &args.requests,
		 .help = "requests to try on both, one JSON object a line"},
		{.name = "entities",
		 .value = "FILE",
		 .text = &args.entities,
		 .help = "entities as JSON"},
		{.name = "schema", .value = "FILE", .text = &args.schema, .help = "Cedar schema"},
		{.name = "ledger",
		 .value = "DIR",
		 .text = &args.ledger,
		 .help = "recorded decisions to try on both: changed, unchanged, or depends on\n"
			 "                             what the ledger does not hold (the "
			 "arguments)"},
		{.name = "config",
		 .value = "FILE",
		 .text = &args.config,
		 .help = "with --ledger: the node's configuration, for its entities"},
		{.name = "closed",
		 .flag = &args.closed,
		 .help = "with --ledger: there are no entities but those of --entities"},
		{.name = "trace",
		 .value = "FILE",
		 .text = &args.trace,
		 .help = "events to decide by both, for policies over what happened (.dw)"},
		{.name = "events",
		 .value = "FILE",
		 .text = &args.events,
		 .help = "event schema of policies over events (.dw)"},
		{.name = "providers",
		 .value = "FILE",
		 .text = &args.providers,
		 .help = "information providers of such policies (JSON)"},
		{.name = "macros",
		 .value = "FILE",
		 .text = &args.macros,
		 .help = "macro library of such policies; macros.dw beside them is taken by "
			 "itself"},
		OPT_JSON(&args.json),
	};
	const struct opt_word words[] = {
		{.name = "A",
		 .help = "policies now: a file or a folder",
		 .required = true,
		 .text = &args.before},
		{.name = "B", .help = "policies then", .required = true, .text = &args.after},
	};
	const struct opt_spec spec = {
		.command = "writ policy diff",
		.summary = "Shows what changes between two sets of policies.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example =
			"writ policy diff policies new --entities e.json --requests r.jsonl\n"
			"writ policy diff policies new --ledger state --config writ.yaml\n"
			"writ policy diff old.dw new.dw --schema s.cedarschema --trace trace.log",
	};
	struct diff *d;
	struct err err = {0};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &args.json, &status)) {
		return status;
	}
	if (check_usage(&args, &err)) {
		return out_end(&o, out_error(&o, &err));
	}
	d = calloc(1, sizeof(*d));
	if (!d) {
		err_ignore(ERR(&err, ERR_NOMEM, "out of memory")); /* shown */
		return out_end(&o, out_error(&o, &err));
	}
	d->out = &o;
	d->args = &args;
	arena_init(&d->a, DIFF_MEMORY_MAX);
	policy_diags_init(&d->diags, &d->a);
	status = run(d, &err) ? cmd_policy_fail(&d->diags, &o, &err) : report(d);
	arena_done(&d->a);
	free(d);
	return out_end(&o, status);
}
