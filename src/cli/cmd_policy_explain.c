/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `writ policy explain`: a decision, and for each policy that mattered the tree
 * of what was evaluated. Policies whose scope did not match are only counted,
 * unless --all or --policy asks for them.
 */
#include "cli/cmd_policy.h"
#include "cli/out.h"
#include "policy/answer.h"
#include "policy/case.h"
#include "policy/explain.h"

#include <stdio.h>

#define MEMORY_MAX ((size_t)2 << 30)
#define TEXT_MAX   ((size_t)64 << 20)

struct explain_args {
	struct opt_list policies, more;
	const char *entities, *schema, *request, *policy;
	bool all, by_annotation, json;
};

struct explain {
	struct arena a;
	struct policy_diags diags;
	struct policy_case c;
	struct policy_request req;
	struct policy_decision d;
	struct buf text; /* JSON: the elements of "policies" */
	size_t shown, others;
};

static enum err_code load(struct explain *x, const struct explain_args *args, struct err *err)
{
	const struct cmd_policy_files files = {.policies = &args->policies,
					       .more = &args->more,
					       .schema = args->schema,
					       .entities = args->entities,
					       .request = args->request};
	const struct policy_set_opts opts = {.ids = args->by_annotation ? POLICY_ID_ANNOTATION
									: POLICY_ID_ORDER};

	TRY(cmd_policy_question(&x->a, &files, &opts, &x->diags, &x->c, &x->req, err));
	policy_decide(x->c.set, &x->req, &x->a, &x->d);
	return ERR_OK;
}

static bool scope_holds(const struct policy_explanation *e)
{
	for (size_t i = 0; i < e->n && e->steps[i].kind == POLICY_STEP_SCOPE; i++) {
		if (e->steps[i].state != POLICY_STEP_VALUE || !e->steps[i].value.b) {
			return false;
		}
	}
	return true;
}

static enum err_code explain_all(struct explain *x, const struct explain_args *args,
				 struct err *err)
{
	struct arena scratch;
	enum err_code code = ERR_OK;

	arena_init(&scratch, MEMORY_MAX);
	for (size_t i = 0; i < x->c.policies.n && !code; i++) {
		const struct policy *p = x->c.policies.items[i];
		struct policy_explanation e;

		arena_reset(&scratch);
		code = policy_explain_request(&x->req, p, &scratch, &e, err);
		if (code) {
			break;
		}
		if (args->policy ? !str_eq(p->id, str_from_c(args->policy))
				 : !args->all && !scope_holds(&e)) {
			x->others++;
			continue;
		}
		if (args->json) {
			buf_append(&x->text, x->shown > 0 ? STR(",") : STR(""));
			policy_explanation_write_json(&x->text, &e);
		} else {
			buf_append(&x->text, x->shown > 0 ? STR("\n") : STR(""));
			policy_explanation_write(&x->text, &e);
		}
		x->shown++;
	}
	arena_done(&scratch);
	return code;
}

static void print_text(struct explain *x)
{
	(void)printf("%s (Cedar: %s)\n", policy_outcome_name(x->d.outcome),
		     x->d.allow ? "allow" : "deny");
	if (x->d.reasons.n == 0 && !x->d.allow) {
		(void)printf("no permit is satisfied\n");
	}
	(void)printf("\n%.*s", (int)buf_len(&x->text), buf_str(&x->text).p);
	if (x->others > 0) {
		(void)printf("%s%zu more whose scope does not match; --all shows them\n",
			     x->shown > 0 ? "\n" : "", x->others);
	}
}

static void print_json(struct explain *x, struct out *o)
{
	struct buf answer;

	buf_init(&answer, TEXT_MAX);
	policy_answer_write(&answer, &x->d);
	out_json(o, "answer", buf_str(&answer));
	buf_clear(&answer);
	buf_append_c(&answer, '[');
	buf_append(&answer, buf_str(&x->text));
	buf_append_c(&answer, ']');
	out_json(o, "policies", buf_str(&answer));
	out_u64(o, "others", x->others);
	buf_done(&answer);
}

static int run(const struct explain_args *args, struct out *o)
{
	struct explain x = {0};
	struct err err = {0};
	int status = CMD_FINE;

	arena_init(&x.a, MEMORY_MAX);
	buf_init(&x.text, TEXT_MAX);
	policy_diags_init(&x.diags, &x.a);
	if (load(&x, args, &err) || explain_all(&x, args, &err)) {
		status = cmd_policy_fail(&x.diags, o, &err);
	} else if (args->policy && x.shown == 0) {
		err_ignore(ERR(&err, ERR_NOT_FOUND, "no policy `%s`", args->policy)); /* shown */
		status = out_error(o, &err);
	} else if (args->json) {
		print_json(&x, o);
	} else {
		print_text(&x);
		status = fflush(stdout) == 0 ? CMD_FINE : CMD_FAILED;
	}
	buf_done(&x.text);
	arena_done(&x.a);
	return status;
}

int cmd_policy_explain(int argc, char **argv)
{
	struct explain_args args = {0};
	const struct opt opts[] = {
		{.name = "policies",
		 .value = "FILE",
		 .list = &args.policies,
		 .help = "policies (.cedar, .dw, JSON); more files may follow"},
		{.name = "entities",
		 .value = "FILE",
		 .text = &args.entities,
		 .help = "entities as JSON"},
		{.name = "schema", .value = "FILE", .text = &args.schema, .help = "Cedar schema"},
		{.name = "request",
		 .value = "FILE",
		 .text = &args.request,
		 .help = "{principal, action, resource, context} as JSON"},
		{.name = "policy",
		 .value = "ID",
		 .text = &args.policy,
		 .help = "explain only this one"},
		{.name = "all",
		 .flag = &args.all,
		 .help = "also policies whose scope does not match"},
		{.name = "named",
		 .flag = &args.by_annotation,
		 .help = "call policies by their @id instead of policy0, policy1, ..."},
		OPT_JSON(&args.json),
	};
	const struct opt_word words[] = {
		{.name = "FILE", .help = "more policies", .list = &args.more},
	};
	const struct opt_spec spec = {
		.command = "writ policy explain",
		.summary = "Says why a request is allowed or denied.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example =
			"writ policy explain --policies p.cedar --entities e.json --request r.json",
	};
	struct err err = {0};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &args.json, &status)) {
		return status;
	}
	if (!args.request || args.policies.n == 0) {
		err_ignore(
			ERR(&err, ERR_INVALID, "--policies and --request are needed")); /* shown */
		return out_end(&o, out_error(&o, &err));
	}
	return out_end(&o, run(&args, &o));
}
