/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `writ policy prove`: what holds for every request that a schema allows. Words
 * before the first invariant are more files of policies. Exit: 0 all proved, 1 some
 * invariant has a counterexample, 2 could not run, or some could not be decided.
 */
#include "base/clock.h"
#include "cli/cmd_policy.h"
#include "cli/out.h"
#include "policy/case.h"
#include "policy/prove.h"
#include "policy/schema_ast.h"

#include <stdio.h>
#include <stdlib.h>

#define MEMORY_MAX  ((size_t)2 << 30)
#define INVARIANTS  64
#define PROGRESS_NS UINT64_C(2000000000)

struct prove_args {
	struct opt_list policies, words;
	const char *schema, *entities, *ids;
	uint64_t steps;
	bool complete, closed, json;
};

struct question {
	struct str text;
	struct prove_invariant inv;
	struct policy_list other;
	struct prove_result result;
};

struct prover {
	const struct prove_args *args;
	struct arena a;
	struct policy_diags diags;
	struct policy_list policies;
	struct policy_case world; /* its schema and store */
	struct question items[INVARIANTS];
	size_t n;
	uint64_t next_word; /* when progress is shown again */
};

static enum policy_id_scheme id_scheme(const struct prover *p)
{
	return p->args->ids && strcmp(p->args->ids, "order") == 0 ? POLICY_ID_ORDER
								  : POLICY_ID_ANNOTATION;
}

static enum err_code read_policies(struct prover *p, const char *path, struct policy_list *list,
				   struct err *err)
{
	struct policy_source *src = ARENA_NEW(&p->a, struct policy_source);

	if (!src) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	TRY(cmd_policy_read(&p->a, path, src, err));
	return policy_case_policies(&p->a, src, id_scheme(p), list, &p->diags, err);
}

static enum err_code read_world(struct prover *p, struct err *err)
{
	static const struct policy_set_opts opts = {0};
	struct policy_source *src = ARENA_ARRAY(&p->a, 2, struct policy_source);
	struct policy_case_texts texts = {0};

	if (!src) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	TRY(cmd_policy_read(&p->a, p->args->schema, &src[0], err));
	texts.schema = &src[0];
	if (p->args->entities) {
		TRY(cmd_policy_read(&p->a, p->args->entities, &src[1], err));
		texts.entities = &src[1];
	}
	return policy_case_load(&p->a, &texts, &opts, &p->diags, &p->world, err);
}

static struct str first_word(struct str s)
{
	size_t n = 0;

	s = str_trim(s);
	while (n < s.n && s.p[n] != ' ' && s.p[n] != '(' && s.p[n] != '\n') {
		n++;
	}
	return str_make(s.p, n);
}

/* A word that is a claim begins an invariant, others continue it; before the first come files. */
static enum err_code split_words(struct prover *p, struct err *err)
{
	for (size_t i = 0; i < p->args->words.n; i++) {
		struct str word = str_from_c(p->args->words.items[i]);
		struct str *text;

		if (prove_is_claim(first_word(word))) {
			if (p->n == INVARIANTS) {
				return ERR(err, ERR_LIMIT, "more than %d invariants", INVARIANTS);
			}
			p->items[p->n++].text = word;
		} else if (p->n == 0) {
			TRY(read_policies(p, p->args->words.items[i], &p->policies, err));
		} else {
			text = &p->items[p->n - 1].text;
			*text = arena_printf(&p->a, STR_FMT " " STR_FMT, STR_ARG(*text),
					     STR_ARG(word));
			if (!text->p) {
				return ERR(err, ERR_NOMEM, "out of memory");
			}
		}
	}
	if (p->n == 0) {
		return ERR(err, ERR_INVALID, "no invariant is named; see --help");
	}
	return ERR_OK;
}

static enum err_code read_invariant(struct prover *p, struct question *q, struct err *err)
{
	struct str file, path;

	TRY(prove_parse(&p->a, q->text, &q->inv, &file, &p->diags, err));
	if (file.n > 0) {
		path = arena_dup(&p->a, file);
		if (!path.p) {
			return ERR(err, ERR_NOMEM, "out of memory");
		}
		TRY(read_policies(p, path.p, &q->other, err));
		q->inv.other = &q->other;
	}
	return ERR_OK;
}

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

static enum err_code load(struct prover *p, struct err *err)
{
	for (size_t i = 0; i < p->args->policies.n; i++) {
		TRY(read_policies(p, p->args->policies.items[i], &p->policies, err));
	}
	TRY(split_words(p, err));
	TRY(read_world(p, err));
	for (size_t i = 0; i < p->n; i++) {
		enum err_code code = read_invariant(p, &p->items[i], err);

		if (code) {
			return code;
		}
	}
	return ERR_OK;
}

static enum err_code answer(struct prover *p, struct question *q, struct err *err)
{
	const struct prove_opts opts = {.schema = p->world.schema,
					.store = p->args->entities ? p->world.store : NULL,
					.complete = p->args->complete,
					.closed = p->args->closed,
					.steps = p->args->steps,
					.progress = show_progress,
					.progress_arg = p};
	enum err_code code = prove(&p->a, &p->policies, &q->inv, &opts, &q->result, err);

	if (code) {
		err_wrap(err, STR_FMT, STR_ARG(first_word(q->text)));
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

static void show_text(struct out *o, const struct question *q)
{
	const struct prove_result *r = &q->result;

	out_printf(o, verdict(q), STR_FMT, STR_ARG(q->text));
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
}

static void show_row(struct out *o, const struct question *q)
{
	const struct prove_result *r = &q->result;

	out_row_begin(o);
	out_text(o, "invariant", q->text);
	out_text(o, "verdict", str_from_c(verdict(q)));
	out_text(o, "reason", r->reason);
	out_text(o, "policy", r->policy);
	out_json(o, "request", r->request.p ? r->request : STR("null"));
	out_json(o, "entities", r->entities.p ? r->entities : STR("null"));
	out_u64(o, "requests_tried", r->steps);
	out_u64(o, "environments", r->n_envs);
	out_row_end(o);
}

static int report(struct prover *p, struct out *o)
{
	static const struct out_col cols[] = {
		{"invariant", 0}, {"verdict", 0},  {"reason", 0},         {"policy", 0},
		{"request", 0},   {"entities", 0}, {"requests_tried", 0}, {"environments", 0}};
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
			show_row(o, q);
		} else {
			show_text(o, q);
		}
	}
	if (p->args->json) {
		out_list_end(o);
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
	arena_init(&p->a, MEMORY_MAX);
	policy_diags_init(&p->diags, &p->a);
	code = load(p, &err);
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
			 "                             forbid failed; the gateway is stricter",
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
			"equivalent old.cedar",
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
