/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `writ policy prove`: what holds for every request that a schema allows. Words
 * before the first invariant are more files of policies. Exit: 0 all proved, 1 some
 * invariant has a counterexample, 2 could not run, or some could not be decided.
 */
#include "cli/cmd_policy_prove.h"
#include "base/clock.h"
#include "cli/out.h"
#include "json/parse.h"
#include "json/write.h"

#include <stdio.h>
#include <stdlib.h>

#define PROGRESS_NS UINT64_C(2000000000)

static bool show_progress(void *arg, uint64_t steps, size_t env, size_t n_envs)
{
	struct prover *p = arg;
	uint64_t now = clock_mono();

	if (p->next_word == 0) {
		p->next_word = now + PROGRESS_NS;
	}
	if (now >= p->next_word) {
		p->next_word = now + PROGRESS_NS;
		(void)fprintf(stderr,
			      "writ policy prove: %llu requests tried, environment %zu of %zu\n",
			      (unsigned long long)steps, env, n_envs);
	}
	return true;
}

static enum err_code answer(struct prover *p, struct question *q, struct err *err)
{
	const struct prove_opts opts = {.schema = p->world.schema,
					.store = p->args->entities ? p->world.store : NULL,
					.complete = p->args->complete,
					.closed = p->args->closed,
					.never = p->facts,
					.n_never = p->n_facts,
					.shrink = true,
					.steps = p->args->steps,
					.progress = show_progress,
					.progress_arg = p};
	struct prove_flow_result steps = {0};
	enum err_code code;

	if (p->flow) {
		code = prove_flow(&p->a, &p->policies, &q->inv, p->flow, &opts, &steps, err);
		q->result = steps.last;
		q->steps = steps.steps;
		q->n_steps = steps.n_steps;
		q->n_states = steps.n_states;
	} else {
		code = prove(&p->a, &p->policies, &q->inv, &opts, &q->result, err);
	}
	if (code) {
		err_wrap(err, STR_FMT, STR_ARG(prove_word(q->text)));
	}
	return code;
}

static const char *verdict(const struct question *q)
{
	switch (q->result.verdict) {
	case PROVE_HOLDS:
		return q->inv.claim == PROVE_REACHABLE ? "reachable" : "proved";
	case PROVE_BROKEN:
		return q->inv.claim == PROVE_REACHABLE ? "unreachable" : "counterexample";
	case PROVE_UNSUPPORTED:
		break;
	}
	return "unsupported";
}

/* Is the attribute true in the request that was found? */
static bool is_true(const struct json *request, struct str attr)
{
	const struct json *v = json_get(json_get(request, STR("context")), attr);

	return json_is_bool(v) && v->boolean;
}

/* What the history of a counterexample would have to be like. */
static void put_history(const struct prover *p, const struct question *q, struct buf *to)
{
	const struct dw_program *prog = p->temporal;
	const struct json *request;
	struct err err = {0};
	struct arena a;

	arena_init(&a, 64u << 20);
	if (prog && q->result.request.p &&
	    json_parse(&a, q->result.request, NULL, &request, &err) == ERR_OK) {
		for (size_t i = 0; i < prog->n_leaves; i++) {
			const struct temporal_leaf *leaf = &prog->leaves[i];
			struct policy_position at =
				policy_position(leaf->source->text, leaf->span.at);

			if (json_get(json_get(request, STR("context")), leaf->attr)) {
				buf_printf(to, "%s" STR_FMT " (" STR_FMT ":%u:%u) %s",
					   buf_len(to) > 0 ? ", " : "", STR_ARG(leaf->attr),
					   STR_ARG(leaf->source->name), at.line, at.column,
					   is_true(request, leaf->attr) ? "true" : "false");
			}
		}
	}
	arena_done(&a);
}

static void out_history(struct out *o, const struct prover *p, const struct question *q, bool row)
{
	struct buf text;

	buf_init(&text, 1 << 20);
	put_history(p, q, &text);
	if (row || buf_len(&text) > 0) {
		out_text(o, "history", buf_str(&text));
	}
	buf_done(&text);
}

static void put_steps(const struct question *q, struct buf *to)
{
	struct json_writer w = json_writer(to);

	json_w_array(&w);
	for (size_t i = 0; i < q->n_steps; i++) {
		json_w_object(&w);
		json_w_member_raw(&w, STR("request"), q->steps[i].request);
		json_w_member_raw(&w, STR("entities"), q->steps[i].entities);
		json_w_end(&w);
	}
	json_w_end(&w);
}

static void show_text(struct out *o, const struct prover *p, const struct question *q)
{
	const struct prove_result *r = &q->result;

	out_printf(o, verdict(q), STR_FMT, STR_ARG(q->text));
	for (size_t i = 0; i < q->n_steps; i++) {
		out_printf(o, "step", "%zu", i + 1);
		out_json(o, "request", q->steps[i].request);
		out_json(o, "entities", q->steps[i].entities);
	}
	if (q->n_steps > 0) {
		out_printf(o, "step", "%zu", q->n_steps + 1);
	}
	if (r->verdict == PROVE_UNSUPPORTED) {
		out_text(o, "reason", r->reason);
	}
	if (r->policy.n > 0) {
		out_text(o, "policy", r->policy);
	}
	if (r->request.p) {
		out_json(o, "request", r->request);
		out_json(o, "entities", r->entities);
	}
	if (r->request.p && !p->flow && !r->minimal) {
		out_note(o, "A smaller request may do too: the search for one was stopped.");
	}
	out_history(o, p, q, false);
	if (r->n_envs == 0) {
		out_note(o, "No request of the schema is of this kind.");
	}
}

static void show_row(struct out *o, const struct prover *p, const struct question *q)
{
	const struct prove_result *r = &q->result;
	struct buf steps;

	out_row_begin(o);
	out_text(o, "invariant", q->text);
	out_text(o, "verdict", str_from_c(verdict(q)));
	out_text(o, "reason", r->reason);
	out_text(o, "policy", r->policy);
	out_json(o, "request", r->request.p ? r->request : STR("null"));
	out_json(o, "entities", r->entities.p ? r->entities : STR("null"));
	out_bool(o, "minimal", r->minimal);
	out_history(o, p, q, true);
	buf_init(&steps, 64u << 20);
	put_steps(q, &steps);
	out_json(o, "steps", buf_str(&steps));
	buf_done(&steps);
	out_u64(o, "states", q->n_states);
	out_u64(o, "requests_tried", r->steps);
	out_u64(o, "environments", r->n_envs);
	out_row_end(o);
}

static int report(struct prover *p, struct out *o)
{
	static const struct out_col cols[] = {
		{"invariant", 0}, {"verdict", 0},  {"reason", 0},         {"policy", 0},
		{"request", 0},   {"entities", 0}, {"minimal", 0},        {"history", 0},
		{"steps", 0},     {"states", 0},   {"requests_tried", 0}, {"environments", 0}};
	static const struct out_list list = {"invariants", cols, ARRAY_LEN(cols), NULL};
	int status = CMD_FINE;

	if (p->args->json) {
		out_list_begin(o, &list);
	}
	for (size_t i = 0; i < p->n; i++) {
		const struct question *q = &p->items[i];
		int one = q->result.verdict == PROVE_HOLDS    ? CMD_FINE
			  : q->result.verdict == PROVE_BROKEN ? CMD_FOUND
							      : CMD_FAILED;

		status = one > status ? one : status;
		if (p->args->json) {
			show_row(o, p, q);
		} else {
			show_text(o, p, q);
		}
	}
	if (p->args->json) {
		out_list_end(o);
	}
	if (p->temporal) {
		out_note(o,
			 "Temporal conditions are free: each may be true or false whatever else "
			 "is so, but for what windows and limits imply. What is proved holds for "
			 "every history; a request that was found may need one that cannot be.");
	}
	if (p->flow) {
		out_note(o,
			 "With a flow: labels are only what allowed requests make them; everything "
			 "else may be different in every step, entities too.");
	}
	if (p->invalid) {
		out_note(o, "The policies are not valid for this schema (`writ policy check` says "
			    "why); they count as they would evaluate.");
	}
	return status;
}

static int run(const struct prove_args *args, struct out *o)
{
	struct prover *p = calloc(1, sizeof(*p));
	enum err_code code = ERR_OK;
	struct err err = {0};
	int status;

	if (!p) {
		err_ignore(ERR(&err, ERR_NOMEM, "out of memory")); /* shown */
		return out_error(o, &err);
	}
	p->args = args;
	arena_init(&p->a, PROVE_MEMORY_MAX);
	policy_diags_init(&p->diags, &p->a);
	code = prover_load(p, &err);
	for (size_t i = 0; i < p->n && !code; i++) {
		code = answer(p, &p->items[i], &err);
	}
	status = code ? cmd_policy_fail(&p->diags, o, &err) : report(p, o);
	arena_done(&p->a);
	free(p);
	return status;
}

int cmd_policy_prove(int argc, char **argv)
{
	struct prove_args args = {0};
	const struct opt opts[] = {
		{.name = "policies",
		 .value = "FILE",
		 .list = &args.policies,
		 .help = "Cedar policies; more files may follow"},
		{.name = "schema",
		 .value = "FILE",
		 .text = &args.schema,
		 .help = "Cedar schema: which requests there are"},
		{.name = "entities",
		 .value = "FILE",
		 .text = &args.entities,
		 .help = "entities that are as they are here; others may be anything"},
		{.name = "events",
		 .value = "FILE",
		 .text = &args.events,
		 .help = "event schema of temporal policies (.dw)"},
		{.name = "providers",
		 .value = "FILE",
		 .text = &args.providers,
		 .help = "information providers of temporal policies"},
		{.name = "macros",
		 .value = "FILE",
		 .text = &args.macros,
		 .help = "macro library; macros.dw beside temporal policies is taken by itself"},
		{.name = "flow",
		 .value = "FILE",
		 .text = &args.flow,
		 .help = "how allowed requests change labels (@effect, @start): reachable and\n"
			 "                             unreachable are then about any number of "
			 "requests"},
		{.name = "closed",
		 .flag = &args.closed,
		 .help = "there are no entities but those of --entities"},
		{.name = "complete",
		 .flag = &args.complete,
		 .help = "every entity that is referred to exists"},
		{.name = "ids",
		 .value = "HOW",
		 .text = &args.ids,
		 .help = "annotation (@id, the default) or order (policy0, policy1, ...)"},
		{.name = "limit",
		 .value = "N",
		 .number = &args.steps,
		 .help = "requests to try for one invariant; default 5000000"},
		OPT_JSON(&args.json),
	};
	const struct opt_word words[] = {
		{.name = "INVARIANT",
		 .help = "always-denies, always-allows, never-errors [QUERY]: of all requests\n"
			 "                             reachable QUERY: some request of it is "
			 "allowed (shown; exit 0)\n"
			 "                             unreachable QUERY: none is; the same as "
			 "always-denies\n"
			 "                             equivalent FILE, implies FILE: the policies "
			 "there decide the same,\n"
			 "                               or allow at least as much\n"
			 "                             shadowed ID: without the policy nothing "
			 "changes; never-matches ID\n"
			 "                             QUERY is a condition, or the rest of a "
			 "policy from its scope on.\n"
			 "                             A request for which it fails (an entity is "
			 "missing) is not of it;\n"
			 "                             ask never-errors too. Allowed is what Cedar "
			 "allows, also where a\n"
			 "                             forbid failed; the gateway is stricter.\n"
			 "                             A request that is shown is ready for `writ "
			 "policy eval` and, without\n"
			 "                             --flow, the smallest: nothing in it can be "
			 "left out or made simpler\n"
			 "                             by itself (docs/policies.md has the rules)",
		 .list = &args.words},
	};
	const struct opt_spec spec = {
		.command = "writ policy prove",
		.summary = "Proves what holds for every request, or shows one that breaks it.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example =
			"writ policy prove --policies p.cedar --schema s.cedarschema never-errors\n"
			"writ policy prove --policies p.cedar --schema s.cedarschema "
			"unreachable 'resource.site.sovereign == false'\n"
			"writ policy prove --policies p.cedar --schema s.cedarschema always-denies "
			"'(principal is Agent, action == Action::\"send\", resource) "
			"when { context.secret }'\n"
			"writ policy prove --policies new.cedar --schema s.cedarschema "
			"equivalent old.cedar\n"
			"writ policy prove --policies p.cedar --schema s.cedarschema --flow "
			"flow.cedar unreachable 'context.taint.contains(\"health\") && "
			"!(resource.site in Jurisdiction::\"EEA\")'",
	};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &args.json, &status)) {
		return status;
	}
	if (!args.schema || args.policies.n == 0) {
		struct err err = {0};

		err_ignore(
			ERR(&err, ERR_INVALID, "--policies and --schema are needed")); /* shown */
		return out_end(&o, out_error(&o, &err));
	}
	return out_end(&o, run(&args, &o));
}
