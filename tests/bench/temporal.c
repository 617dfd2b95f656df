/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What temporal policies cost, in CPU time: one JSON object a line. Every measured step
 * takes an event in and decides about it.
 *
 *   history   10,000 policies, 10 of them for the request's action, each with one temporal
 *             condition; 200 events of one history are in every window all the time
 *   groups    the same with one action for all, each ten policies for another group of principals
 *   joins     the same as history, where each condition counts distinct values or joins two events
 *   sessions  four window conditions and many histories, visited in random order, each
 *             with 16 events in the windows
 *
 * bench_temporal [SESSIONS]; default 1,000,000.
 */
#include "policy/dw_engine.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define POLICIES   10000
#define CANDIDATES 10
#define TOOLS      (POLICIES / CANDIDATES)
#define EVENTS     200
#define HOUR_MS    3600000

static double cpu_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static size_t heap_used(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void must(enum err_code code, const struct err *err)
{
	if (code != ERR_OK) {
		(void)fprintf(stderr, "bench_temporal: %s\n", err->msg);
		exit(2);
	}
}

static void check(bool good, const char *what)
{
	if (!good) {
		(void)fprintf(stderr, "bench_temporal: %s\n", what);
		exit(2);
	}
}

/* ---- texts ---- */

#define INPUT "input: { amount: Long, to: String }"

static void write_schema(struct buf *out, int tools)
{
	buf_append(out,
		   STR("entity Group; entity Agent in [Group] { level: Long }; entity Tool;\n"));
	for (int i = 0; i < tools; i++) {
		buf_printf(out,
			   "action tool%d appliesTo { principal: [Agent], resource: [Tool],\n"
			   "  context: { " INPUT ", sessionId: String } };\n",
			   i);
	}
}

static const char events_text[] =
	"max_window = 24h\n"
	"decision event <A>::request { ...inputs(A), callerPrincipal: principalType(A),\n"
	"  pin sessionId: String = context.sessionId }\n"
	"event <A>::response { ...inputs(A), callerPrincipal: principalType(A),\n"
	"  pin sessionId: String = context.sessionId }\n";

/* What gateways are asked for: rates, budgets, approvals, what came before. */
static const char *const history_conditions[CANDIDATES] = {
	"bind(n, count_within(1h, Action::\"%s\"::request{}), n <= 1000)",
	"bind(n, sum_within(x, 1h, Action::\"%s\"::request{ input.amount: x }), n <= 1000000)",
	"formerly within 1h Action::\"%s\"::request{ input.to: context.input.to }",
	"formerly within 10m Action::\"%s\"::request{ callerPrincipal: principal }",
	"!Action::\"%s\"::response{} since within 1h Action::\"%s\"::request{}",
	"bind(n, count_within(1m, Action::\"%s\"::request{ input.to: context.input.to }), n <= 9)",
	"previous within 1m Action::\"%s\"::request{ input.to: context.input.to }",
	"!(formerly within 1h Action::\"%s\"::response{ input.to: \"nobody\" })",
	"bind(n, sum_within(x, 1h, Action::\"%s\"::request{ input.amount: x, input.to: "
	"context.input.to }), n <= 1000000)",
	"bind(n, count_within(10m, Action::\"%s\"::request{ callerPrincipal: principal }), n <= "
	"500)",
};

static const char *const join_conditions[2] = {
	"bind(n, count_distinct_within(u, 1h, Action::\"%s\"::request{ input.to: u }), n <= 100)",
	"exists (u: String). (formerly within 1h Action::\"%s\"::request{ input.to: u } &&\n"
	"  formerly within 1h Action::\"%s\"::response{ input.to: u })",
};

/* Each watches something else, so that none shares what is remembered with another. */
static const char *const session_conditions[4] = {
	"bind(n, count_within(1m, Action::\"%s\"::request{}), n <= 15)",
	"bind(n, count_within(1h, Action::\"%s\"::request{ callerPrincipal: principal }), n <= 15)",
	"bind(n, count_within(24h, Action::\"%s\"::request{ input.to: _ }), n <= 15)",
	"bind(n, sum_within(x, 1h, Action::\"%s\"::request{ input.amount: x }), n <= 1000000)",
};

struct forms {
	const char *const *items;
	size_t n;
	bool groups; /* scopes name groups of principals instead of actions */
};

/* The condition with every %s replaced by the tool. */
static void write_condition(struct buf *out, const char *form, const char *tool)
{
	for (struct str rest = str_from_c(form); rest.n > 0;) {
		size_t at = str_find_str(rest, STR("%s"));

		buf_append(out, str_make(rest.p, at));
		if (at == rest.n) {
			return;
		}
		buf_append(out, str_from_c(tool));
		rest = str_from(rest, at + 2);
	}
}

static void write_policies(struct buf *out, const struct forms *forms, int n, int candidates)
{
	for (int i = 0; i < n; i++) {
		char tool[32];

		(void)snprintf(tool, sizeof(tool), "tool%d", forms->groups ? 0 : i / candidates);
		buf_printf(out, "@id(\"p%d\") permit(principal ", i);
		if (forms->groups) {
			buf_printf(out, "in Group::\"g%d\", action, ", i / candidates);
		} else {
			buf_printf(out, "is Agent, action == Action::\"%s\", ", tool);
		}
		buf_printf(out, "resource)\nwhen { context.input.amount <= %d && temporal { ",
			   1000 + i);
		write_condition(out, forms->items[(size_t)i % forms->n], tool);
		buf_append(out, STR(" } };\n"));
	}
}

/* ---- what happens ---- */

struct step {
	struct policy_uid principal, action, resource, group;
	struct policy_entity agent;
	struct policy_field level[1], input[2], fields[3], context[2];
	struct dw_event ev;
	char session[24], to[24];
};

static void step_init(struct step *s, const char *kind)
{
	s->principal = policy_uid_make(STR("Agent"), STR("a"));
	s->action = policy_uid_make(STR("Action"), STR("tool0"));
	s->resource = policy_uid_make(STR("Tool"), STR("s.tool0"));
	s->group = policy_uid_make(STR("Group"), STR("g0"));
	s->agent =
		(struct policy_entity){.uid = s->principal, .parents = &s->group, .n_parents = 1};
	s->level[0] = (struct policy_field){STR("level"), policy_long(3)};
	check(policy_value_record(s->level, 1, &s->agent.attrs), "record");
	s->ev.entities = &s->agent;
	s->ev.n_entities = 1;
	s->ev.principal = &s->principal;
	s->ev.resource = &s->resource;
	s->ev.event.action = &s->action;
	s->ev.event.kind = str_from_c(kind);
}

static void step_set(struct step *s, unsigned session, unsigned to, int64_t ts_ms)
{
	struct policy_value input;

	(void)snprintf(s->session, sizeof(s->session), "session%u", session);
	(void)snprintf(s->to, sizeof(s->to), "someone%u@example.org", to);
	s->input[0] = (struct policy_field){STR("amount"), policy_long(10 + to)};
	s->input[1] = (struct policy_field){STR("to"), policy_string(str_from_c(s->to))};
	check(policy_value_record(s->input, 2, &input), "record");
	s->fields[0] = (struct policy_field){STR("input"), input};
	s->fields[1] = (struct policy_field){STR("callerPrincipal"), policy_entity(&s->principal)};
	s->fields[2] =
		(struct policy_field){STR("sessionId"), policy_string(str_from_c(s->session))};
	s->context[0] = s->fields[0];
	s->context[1] = s->fields[2];
	check(policy_value_record(s->fields, 3, &s->ev.event.fields), "record");
	check(policy_value_record(s->context, 2, &s->ev.context), "record");
	s->ev.event.ts_ms = ts_ms;
}

struct bench {
	struct arena a, scratch;
	struct policy_diags diags;
	struct buf policies, schema;
	const struct dw_program *prog;
	struct dw_engine *engine;
	double load_ms;
	size_t bytes; /* of program and engine, as the heap counts them */
};

static void start(struct bench *b, const struct forms *forms, int n, int candidates)
{
	const struct dw_engine_opts opts = {.plan.seed = {{1, 2}, {3, 4}},
					    .max_histories = 2000000};
	struct policy_source sources[64], schema, events;
	struct dw_texts texts = {
		.policies = sources, .schema = &schema, .events = &events, .decide_only = true};
	struct err err = {0};
	double before;

	arena_init(&b->a, (size_t)4 << 30);
	arena_init(&b->scratch, 64 << 20);
	policy_diags_init(&b->diags, &b->a);
	buf_init(&b->policies, 1 << 30);
	buf_init(&b->schema, 1 << 30);
	write_schema(&b->schema, forms->groups ? 1 : n / candidates);
	write_policies(&b->policies, forms, n, candidates);
	sources[0] = (struct policy_source){STR("bench.dw"), buf_str(&b->policies)};
	schema = (struct policy_source){STR("bench.cedarschema"), buf_str(&b->schema)};
	events = (struct policy_source){STR("bench.dwschema"), str_from_c(events_text)};
	texts.n_policies = 1;
	b->bytes = heap_used();
	before = cpu_ns();
	must(dw_load(&b->a, &texts, &b->diags, &b->prog, &err), &err);
	must(dw_engine_new(b->prog, &opts, &b->engine, &err), &err);
	b->load_ms = (cpu_ns() - before) / 1e6;
	b->bytes = heap_used() - b->bytes;
}

static void stop(struct bench *b)
{
	dw_engine_free(b->engine);
	buf_done(&b->policies);
	buf_done(&b->schema);
	arena_done(&b->scratch);
	arena_done(&b->a);
}

static void decide(struct bench *b, struct step *s, struct policy_decision *d)
{
	struct err err = {0};

	arena_reset(&b->scratch);
	dw_engine_decide(b->engine, &s->ev, NULL, &b->scratch, d, &err);
	if (d->failure) {
		must(ERR_INVALID, &err);
	}
}

/* One history; what is in the windows stays the same while time goes on. */
static void history(const char *name, const struct forms *forms)
{
	enum { TO = 10, ROUNDS = 200000 };
	static struct step steps[TO];
	struct bench b = {0};
	struct policy_decision d = {0};
	int64_t gap = HOUR_MS / EVENTS, ts = 0;
	double before, each;

	start(&b, forms, POLICIES, CANDIDATES);
	for (unsigned i = 0; i < TO; i++) {
		step_init(&steps[i], "request");
		step_set(&steps[i], 1, i, 0);
	}
	for (unsigned i = 0; i < EVENTS; i++, ts += gap) {
		steps[i % TO].ev.event.ts_ms = ts;
		decide(&b, &steps[i % TO], &d);
	}
	before = cpu_ns();
	for (unsigned i = 0; i < ROUNDS; i++, ts += gap) {
		steps[i % TO].ev.event.ts_ms = ts;
		decide(&b, &steps[i % TO], &d);
	}
	each = (cpu_ns() - before) / ROUNDS;
	check(d.reasons.n > 0, "nothing permits");
	check(dw_engine_stats(b.engine).saturated == 0, "a history is saturated");
	(void)printf("{\"case\":\"%s\",\"policies\":%d,\"candidates\":%d,\"events\":%d,"
		     "\"decide_ns\":%.1f,\"load_ms\":%.2f,\"bytes_per_policy\":%zu,"
		     "\"history_bytes\":%zu,\"reasons\":%zu}\n",
		     name, POLICIES, CANDIDATES, EVENTS, each, b.load_ms, b.bytes / POLICIES,
		     dw_engine_stats(b.engine).bytes, d.reasons.n);
	stop(&b);
}

/* A permutation of the sessions without a table: an odd stride in a power of two. */
static unsigned pick(unsigned i, unsigned n, unsigned mask)
{
	unsigned at = i;

	do {
		at = (at * 0x9E3779B1u + 0x7F4A7C15u) & mask;
	} while (at >= n);
	return at;
}

static void sessions(unsigned n)
{
	enum { FILL = 16 };
	static const struct forms forms = {session_conditions, ARRAY_LEN(session_conditions),
					   false};
	static struct step s;
	struct bench b = {0};
	struct policy_decision d = {0};
	unsigned mask = 1, at = 0;
	int64_t ts = 0;
	size_t heap;
	double spent = 0;
	struct dw_engine_stats st;

	while (mask < n) {
		mask = mask << 1 | 1;
	}
	start(&b, &forms, 4, 4);
	heap = heap_used();
	step_init(&s, "request");
	for (unsigned round = 0; round < FILL; round++) {
		double before = cpu_ns(), making = 0;

		for (unsigned i = 0; i < n; i++) {
			at = pick(at, n, mask);
			ts = (int64_t)round * 1000 + (int64_t)i * 1000 / n;
			step_set(&s, at, at & 7, ts);
			decide(&b, &s, &d);
		}
		spent = cpu_ns() - before;
		before = cpu_ns();
		for (unsigned i = 0; i < n; i++) {
			step_set(&s, i, i & 7, ts);
		}
		making = cpu_ns() - before;
		spent -= making;
	}
	st = dw_engine_stats(b.engine);
	heap = heap_used() - heap;
	check(st.histories == n, "sessions are missing");
	check(st.saturated == 0, "a history is saturated");
	check(d.reasons.n > 0, "nothing permits");
	(void)printf("{\"case\":\"sessions\",\"sessions\":%u,\"conditions\":4,\"events\":%d,"
		     "\"decide_ns\":%.1f,\"bytes_per_session\":%zu,"
		     "\"counted_bytes_per_session\":%zu}\n",
		     n, FILL, spent / n, heap / n, st.bytes / n);
	stop(&b);
}

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000000;
	static const struct forms plain = {history_conditions, CANDIDATES, false};
	static const struct forms groups = {history_conditions, CANDIDATES, true};
	static const struct forms joins = {join_conditions, ARRAY_LEN(join_conditions), false};

	history("history", &plain);
	history("groups", &groups);
	history("joins", &joins);
	sessions(n > 0 ? n : 1);
	return 0;
}
