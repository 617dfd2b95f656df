/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What loading and deciding cost, in CPU time: one JSON object a line,
 *   {"policies":10000,"candidates":10,"load_ms":80.1,"decide_ns":680.9,"bytes_per_policy":889,...}
 * bench_policy [POLICIES CANDIDATES] runs one case instead of all. A candidate is a
 * policy for the request's action; each has four conditions and an exception.
 * `decide_json_ns` starts from the request and the entities as JSON text, which is
 * what another engine has to be given. bench_policy --question POLICIES CANDIDATES
 * prints such a question for it: {"policies":TEXT,"entities":[...],"request":{...}}.
 */
#include "policy/case.h"
#include "json/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PART (3u << 20) /* bytes of one source */

struct load {
	struct buf text;
	struct policy_source parts[1024];
	size_t n_parts;
};

static double cpu_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void must(enum err_code code, const struct err *err)
{
	if (code != ERR_OK) {
		(void)fprintf(stderr, "bench_policy: %s\n", err->msg);
		exit(2);
	}
}

/* One in five forbids and does not apply. */
static void write_policy(struct buf *out, int i, int candidates)
{
	bool forbid = i % 5 == 4;

	buf_printf(out,
		   "@id(\"p%d\") %s(principal is Agent, action == Action::\"tool%d\",\n"
		   "  resource in Server::\"s\")\n"
		   "when { context.input.amount <= %d && context.w.session.depth < 8 &&\n"
		   "  principal.level >= 2 && context.input.to like \"*@example.org\" }\n"
		   "unless { context.w.labels.confidentiality >= 2 && resource.egress };\n",
		   i, forbid ? "forbid" : "permit", i / candidates, forbid ? 0 : 1000 + i);
}

static void write_policies(struct load *l, int n, int candidates)
{
	struct str rest;
	size_t cuts[1024], n_cuts = 0, last = 0;

	buf_init(&l->text, (size_t)2 << 30);
	for (int i = 0; i < n; i++) {
		if (buf_len(&l->text) - last > PART) {
			last = cuts[n_cuts++] = buf_len(&l->text);
		}
		write_policy(&l->text, i, candidates);
	}
	cuts[n_cuts++] = buf_len(&l->text);
	rest = buf_str(&l->text);
	last = 0;
	for (size_t i = 0; i < n_cuts; i++) {
		l->parts[i] = (struct policy_source){STR("bench.cedar"),
						     str_make(rest.p + last, cuts[i] - last)};
		last = cuts[i];
	}
	l->n_parts = n_cuts;
}

#define CONTEXT                                                                                    \
	"{\"input\":{\"amount\":500,\"to\":\"someone@example.org\",\"subject\":\"hi\"},"           \
	"\"w\":{\"session\":{\"id\":\"s\",\"depth\":1},"                                           \
	"\"labels\":{\"confidentiality\":1,\"integrity\":2}},\"sessionId\":\"s\"}"

#define REQUEST                                                                                    \
	"{\"principal\":{\"type\":\"Agent\",\"id\":\"a\"},"                                        \
	"\"action\":{\"type\":\"Action\",\"id\":\"tool0\"},"                                       \
	"\"resource\":{\"type\":\"Tool\",\"id\":\"s.tool0\"},\"context\":" CONTEXT "}"

#define ENTITIES                                                                                   \
	"[{\"uid\":{\"type\":\"Agent\",\"id\":\"a\"},\"attrs\":{\"level\":3},\"parents\":[]},"     \
	"{\"uid\":{\"type\":\"Tool\",\"id\":\"s.tool0\"},"                                         \
	"\"attrs\":{\"egress\":false,\"mutates\":true},"                                           \
	"\"parents\":[{\"type\":\"Server\",\"id\":\"s\"}]},"                                       \
	"{\"uid\":{\"type\":\"Action\",\"id\":\"tool0\"},\"attrs\":{},"                            \
	"\"parents\":[{\"type\":\"Action\",\"id\":\"call_tool\"}]}]"

static struct policy_value value(struct arena *a, const char *json)
{
	struct policy_value v = {0};
	struct err err = {0};

	must(policy_input_parse(a, str_from_c(json), &v, &err), &err);
	return v;
}

struct world {
	struct policy_uid principal, action, resource, server, group;
	struct policy_request req;
};

static void make_world(struct arena *a, struct world *w)
{
	struct policy_entity *e = ARENA_ARRAY(a, 3, struct policy_entity);
	struct policy_store *store = NULL;
	struct err err = {0};

	w->principal = policy_uid_make(STR("Agent"), STR("a"));
	w->action = policy_uid_make(STR("Action"), STR("tool0"));
	w->resource = policy_uid_make(STR("Tool"), STR("s.tool0"));
	w->server = policy_uid_make(STR("Server"), STR("s"));
	w->group = policy_uid_make(STR("Action"), STR("call_tool"));
	e[0].uid = w->principal;
	e[0].attrs = value(a, "{\"level\":3}");
	e[1].uid = w->resource;
	e[1].parents = &w->server;
	e[1].n_parents = 1;
	e[1].attrs = value(a, "{\"egress\":false,\"mutates\":true}");
	e[2].uid = w->action;
	e[2].parents = &w->group;
	e[2].n_parents = 1;
	must(policy_store_build(a, e, 3, &store, &err), &err);
	w->req = (struct policy_request){.principal = &w->principal,
					 .action = &w->action,
					 .resource = &w->resource,
					 .store = store};
	w->req.context = value(a, CONTEXT);
}

/* A decision that starts from text, entities included. */
static void decide_json(const struct policy_set *set, struct arena *a)
{
	const struct policy_source req_src = {STR("request"), STR(REQUEST)};
	const struct policy_source ent_src = {STR("entities"), STR(ENTITIES)};
	struct policy_decision d;
	struct policy_case c = {0};
	struct policy_entity *items = NULL;
	struct policy_store *store = NULL;
	struct policy_request req = {0};
	const struct json *doc = NULL;
	struct err err = {0};
	size_t n = 0;

	must(policy_case_json(a, &ent_src, &doc, &err), &err);
	must(policy_json_entities(a, doc, NULL, &items, &n, &err), &err);
	must(policy_store_build(a, items, n, &store, &err), &err);
	c.store = store;
	must(policy_case_json(a, &req_src, &doc, &err), &err);
	must(policy_case_request(a, &c, doc, false, &req, &err), &err);
	policy_decide(set, &req, a, &d);
}

static double time_json(const struct policy_set *set, struct arena *scratch)
{
	const int rounds = 20000;
	double start = cpu_ns();

	for (int i = 0; i < rounds; i++) {
		arena_reset(scratch);
		decide_json(set, scratch);
	}
	return (cpu_ns() - start) / rounds;
}

static int question(int n, int candidates)
{
	static struct load l;
	struct json_writer w;
	struct buf out;
	bool written;

	write_policies(&l, n, candidates);
	buf_init(&out, (size_t)2 << 30);
	w = json_writer(&out);
	json_w_object(&w);
	json_w_key(&w, STR("policies"));
	json_w_str(&w, buf_str(&l.text));
	json_w_key(&w, STR("entities"));
	json_w_raw(&w, STR(ENTITIES));
	json_w_key(&w, STR("request"));
	json_w_raw(&w, STR(REQUEST));
	json_w_end(&w);
	buf_append_c(&out, '\n');
	written = !out.failed && fwrite(buf_str(&out).p, 1, buf_len(&out), stdout) == buf_len(&out);
	buf_done(&out);
	buf_done(&l.text);
	return written && fflush(stdout) == 0 ? 0 : 2;
}

static void bench(int n, int candidates)
{
	const struct policy_set_opts opts = {.ids = POLICY_ID_ANNOTATION,
					     .strict_annotations = true};
	const struct policy_set *set = NULL;
	struct policy_decision d = {0};
	struct policy_diags diags;
	struct arena a, scratch;
	struct err err = {0};
	static struct load l;
	struct world w = {0};
	double start, load, decide, from_json;
	int rounds = 2000000 / (candidates + 1);
	size_t used;

	write_policies(&l, n, candidates);
	arena_init(&a, (size_t)4 << 30);
	arena_init(&scratch, 1 << 20);
	policy_diags_init(&diags, &scratch);
	start = cpu_ns();
	must(policy_set_load(&a, l.parts, l.n_parts, &opts, &diags, &set, &err), &err);
	load = (cpu_ns() - start) / 1e6;
	used = a.used;
	make_world(&a, &w);
	start = cpu_ns();
	for (int i = 0; i < rounds; i++) {
		arena_reset(&scratch);
		policy_decide(set, &w.req, &scratch, &d);
	}
	decide = (cpu_ns() - start) / rounds;
	from_json = time_json(set, &scratch);
	(void)printf("{\"policies\":%d,\"candidates\":%d,\"load_ms\":%.2f,\"decide_ns\":%.1f,"
		     "\"decide_json_ns\":%.1f,\"bytes_per_policy\":%zu,\"reasons\":%zu,"
		     "\"outcome\":\"%s\"}\n",
		     n, candidates, load, decide, from_json, used / (size_t)n, d.reasons.n,
		     policy_outcome_name(d.outcome));
	arena_done(&scratch);
	arena_done(&a);
	buf_done(&l.text);
}

int main(int argc, char **argv)
{
	static const int cases[][2] = {
		{1, 1}, {100, 1}, {100, 10}, {100, 100}, {10000, 1}, {10000, 10}, {100000, 10},
	};

	if (argc == 4 && strcmp(argv[1], "--question") == 0) {
		return question((int)strtol(argv[2], NULL, 10), (int)strtol(argv[3], NULL, 10));
	}
	if (argc == 3) {
		bench((int)strtol(argv[1], NULL, 10), (int)strtol(argv[2], NULL, 10));
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bench(cases[i][0], cases[i][1]);
	}
	return 0;
}
