/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `writ policy eval`: one decision as one line of JSON on standard output.
 * --batch reads a question a line from standard input,
 *   {"policies": TEXT, "entities": JSON or TEXT, "schema": JSON or TEXT, "request": {...}}
 * and answers a line each. Exit: 0 allowed (batch: all answered), 1 denied
 * (batch: some line could not be), 2 could not run.
 */
#include "cli/cmd_policy.h"
#include "cli/out.h"
#include "policy/answer.h"
#include "policy/case.h"

#include <stdio.h>
#include <stdlib.h>

#define MEMORY_MAX     ((size_t)2 << 30)
#define LINE_MAX_BYTES ((size_t)64 << 20)

struct eval_args {
	struct opt_list policies, more;
	const char *entities, *schema, *request, *ids;
	bool batch, json;
};

static int print_answer(struct buf *out, int status)
{
	struct str s;

	buf_append_c(out, '\n');
	s = buf_str(out);
	if (out->failed || fwrite(s.p, 1, s.n, stdout) != s.n || fflush(stdout) != 0) {
		status = CMD_FAILED;
	}
	buf_clear(out);
	return status;
}

static enum err_code decide_files(struct arena *a, const struct eval_args *args,
				  struct policy_diags *diags, struct policy_decision *ret,
				  struct err *err)
{
	const struct cmd_policy_files files = {.policies = &args->policies,
					       .more = &args->more,
					       .schema = args->schema,
					       .entities = args->entities,
					       .request = args->request};
	const struct policy_set_opts opts = {
		.ids = args->ids && strcmp(args->ids, "annotation") == 0 ? POLICY_ID_ANNOTATION
									 : POLICY_ID_ORDER};
	struct policy_request req;
	struct policy_case c;

	TRY(cmd_policy_question(a, &files, &opts, diags, &c, &req, err));
	policy_decide(c.set, &req, a, ret);
	return ERR_OK;
}

static int eval_files(const struct eval_args *args, struct buf *out)
{
	struct policy_decision d;
	struct policy_diags diags;
	struct err err = {0};
	struct arena a;
	int status;

	arena_init(&a, MEMORY_MAX);
	policy_diags_init(&diags, &a);
	if (decide_files(&a, args, &diags, &d, &err) == ERR_OK) {
		policy_answer_write(out, &d);
		status = print_answer(out, d.allow ? CMD_FINE : CMD_FOUND);
	} else {
		if (args->json) {
			policy_answer_write_error(out, &err);
			(void)print_answer(out, CMD_FAILED);
		} else if (diags.n > 0) {
			policy_diags_render(&diags, out);
			(void)fwrite(buf_str(out).p, 1, buf_len(out), stderr);
		} else {
			(void)fprintf(stderr, "writ policy eval: %s\n", err.msg);
		}
		status = CMD_FAILED;
	}
	arena_done(&a);
	return status;
}

/* A member of the question as a source; NULL when it is absent. */
static const struct policy_source *member_source(const struct json *q, struct str key,
						 struct policy_source *keep)
{
	const struct json *j = json_get(q, key);

	if (!j || j->type == JSON_NULL) {
		return NULL;
	}
	keep->name = key;
	keep->text = j->type == JSON_STRING ? j->text : j->raw;
	return keep;
}

static enum err_code decide_line(struct arena *a, struct str line, struct policy_decision *ret,
				 struct err *err)
{
	const struct policy_source src = {STR("line"), line};
	struct policy_source policies, schema, entities;
	struct policy_case_texts texts = {.n_policies = 1};
	struct policy_request req;
	struct policy_diags diags;
	struct policy_case c;
	const struct json *q;

	policy_diags_init(&diags, a);
	TRY(policy_case_json(a, &src, &q, err));
	texts.policies = member_source(q, STR("policies"), &policies);
	texts.schema = member_source(q, STR("schema"), &schema);
	texts.entities = member_source(q, STR("entities"), &entities);
	if (!texts.policies || !json_is_object(json_get(q, STR("request")))) {
		return ERR(err, ERR_INVALID, "the question needs `policies` and `request`");
	}
	TRY(policy_case_load(a, &texts, NULL, &diags, &c, err));
	TRY(policy_case_request(a, &c, json_get(q, STR("request")), true, &req, err));
	policy_decide(c.set, &req, a, ret);
	return ERR_OK;
}

static int eval_line(struct arena *a, struct str line, struct buf *out)
{
	struct policy_decision d;
	struct err err = {0};
	int status = CMD_FINE;

	if (decide_line(a, line, &d, &err) == ERR_OK) {
		policy_answer_write(out, &d);
	} else {
		policy_answer_write_error(out, &err);
		status = CMD_FOUND;
	}
	arena_reset(a);
	return print_answer(out, status);
}

static int eval_batch(struct buf *out)
{
	int status = CMD_FINE;
	char *line = NULL;
	size_t cap = 0;
	struct arena a;
	ssize_t n;

	arena_init(&a, MEMORY_MAX);
	while (status != CMD_FAILED && (n = getline(&line, &cap, stdin)) > 0) {
		struct str s = str_make(line, (size_t)n);
		int one;

		while (s.n > 0 && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r')) {
			s.n--;
		}
		if (str_trim(s).n == 0) {
			continue;
		}
		one = eval_line(&a, s, out);
		status = one > status ? one : status;
	}
	if (ferror(stdin)) {
		status = CMD_FAILED;
	}
	arena_done(&a);
	free(line);
	return status;
}

int cmd_policy_eval(int argc, char **argv)
{
	struct eval_args args = {0};
	const struct opt opts[] = {
		{.name = "policies",
		 .value = "FILE",
		 .list = &args.policies,
		 .help = "policies (.cedar, .dw, JSON); more files may follow"},
		{.name = "entities",
		 .value = "FILE",
		 .text = &args.entities,
		 .help = "entities as JSON"},
		{.name = "schema",
		 .value = "FILE",
		 .text = &args.schema,
		 .help = "Cedar schema: entities and request must fit it"},
		{.name = "request",
		 .value = "FILE",
		 .text = &args.request,
		 .help = "{principal, action, resource, context} as JSON"},
		{.name = "ids",
		 .value = "HOW",
		 .text = &args.ids,
		 .help = "order (policy0, policy1, ...) or annotation (@id)"},
		{.name = "batch",
		 .flag = &args.batch,
		 .help = "a question a line on standard input, an answer a line"},
		OPT_JSON(&args.json),
	};
	const struct opt_word words[] = {
		{.name = "FILE", .help = "more policies", .list = &args.more},
	};
	const struct opt_spec spec = {
		.command = "writ policy eval",
		.summary = "Decides a request against Cedar policies.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = "writ policy eval --policies p.cedar --entities e.json --request r.json",
	};
	struct out o;
	struct buf out;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &args.json, &status)) {
		return status;
	}
	if (!args.batch && (!args.request || args.policies.n == 0)) {
		struct err err = {0};

		err_ignore(ERR(&err, ERR_INVALID,
			       "--policies and --request are needed, or --batch")); /* shown */
		return out_end(&o, out_error(&o, &err));
	}
	buf_done(&o.buf); /* the answer is one line of JSON in either mode */
	buf_done(&o.notes);
	buf_init(&out, LINE_MAX_BYTES);
	status = args.batch ? eval_batch(&out) : eval_files(&args, &out);
	buf_done(&out);
	return status;
}
