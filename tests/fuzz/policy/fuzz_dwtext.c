/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a .dw file. Oracle: what loads was checked, so every leaf has a
 * retention within its nesting; the reference evaluator and both forms of the
 * incremental state decide alike about a fixed history.
 */
#include "policy/dw_engine.h"
#include "policy/dw_history.h"
#include "policy/dw_trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct policy_source schema = {
	STR_INIT("schema"),
	STR_INIT("entity U; entity G; action a, b appliesTo { principal: [U], resource: [G],"
		 " context: { input: { u: String, n: Long, d?: decimal }, sessionId: String } };")};
static const struct policy_source events = {
	STR_INIT("events"),
	STR_INIT("decision event <A>::request { ...inputs(A), callerPrincipal: principalType(A),"
		 " pin sessionId: String = context.sessionId }"
		 "event <A>::response { ...inputs(A), callerPrincipal: principalType(A),"
		 " pin sessionId: String = context.sessionId }")};
static const struct policy_source providers = {
	STR_INIT("providers"),
	STR_INIT("{\"availableProviders\":{\"S::Len\":{\"argumentTypes\":[{\"paramType\":"
		 "\"string\"}],"
		 "\"outputType\":{\"paramType\":\"integer\"},\"availableMethods\":{\"plus\":{"
		 "\"argumentTypes\":[{\"paramType\":\"integer\"}],\"outputType\":"
		 "{\"paramType\":\"integer\"}}},\"implementation\":{\"kind\":\"rhai\","
		 "\"script\":\"fn evaluate(x) { x.len() } fn plus(n, m) { n + m }\"}}}}")};

static void line(struct arena *a, int i, struct dw_event *ev)
{
	static const char *const users[] = {"x", "y"};
	struct str text = arena_printf(
		a,
		"@%d scope(principal: U::\"%s\", resource: G::\"g\") request_context(input: {u: "
		"\"%s\", "
		"n: %d}, sessionId: \"s%d\") Action::\"%s\"::%s(input: {u: \"%s\", n: %d}, "
		"callerPrincipal: U::\"%s\", sessionId: \"s%d\")",
		i * i % 7 + i * 3, users[i % 2], users[i / 2 % 2], i % 3, i / 5 % 2,
		i % 3 ? "a" : "b", i % 4 == 3 ? "response" : "request", users[i / 2 % 2], i % 3,
		users[i % 2], i / 5 % 2);
	int64_t ts;

	ASSERT(dw_trace_line(a, text, 1, &ts, ev, NULL) == ERR_OK);
}

static bool same(const struct policy_decision *a, const struct policy_decision *b)
{
	if (a->allow != b->allow || a->reasons.n != b->reasons.n) {
		return false;
	}
	for (size_t i = 0; i < a->reasons.n; i++) {
		if (a->reasons.items[i] != b->reasons.items[i]) {
			return false;
		}
	}
	return true;
}

static void check(struct arena *a, const struct dw_program *prog)
{
	struct dw_engine_opts opts = {.plan = {.max_bytes = 16 << 20}};
	struct dw_engine *fast, *general;
	struct dw_history h;
	struct arena scratch;

	arena_init(&scratch, 64 << 20);
	ASSERT(dw_engine_new(prog, &opts, &fast, NULL) == ERR_OK);
	opts.plan.all_general = true;
	ASSERT(dw_engine_new(prog, &opts, &general, NULL) == ERR_OK);
	dw_history_init(&h, prog, a);
	for (int i = 0; i < 24; i++) {
		struct dw_event *ev = ARENA_NEW(a, struct dw_event);
		struct policy_decision d[3];
		struct err err;

		ASSERT(ev);
		line(a, i, ev);
		ev->event.ts_ms = (int64_t)i * 1500;
		ASSERT(dw_history_add(&h, &ev->event, NULL) == ERR_OK);
		if (!dw_is_decision(prog, ev)) {
			ASSERT(dw_engine_observe(fast, &ev->event, &scratch, NULL) == ERR_OK);
			ASSERT(dw_engine_observe(general, &ev->event, &scratch, NULL) == ERR_OK);
			continue;
		}
		dw_history_decide(&h, ev, NULL, &scratch, &d[0], &err);
		dw_engine_decide(fast, ev, NULL, &scratch, &d[1], &err);
		dw_engine_decide(general, ev, NULL, &scratch, &d[2], &err);
		if (!d[0].failure && !d[1].failure && !d[2].failure) {
			ASSERT(same(&d[0], &d[1]));
			ASSERT(same(&d[0], &d[2]));
		}
		arena_reset(&scratch);
	}
	dw_engine_free(fast);
	dw_engine_free(general);
	arena_done(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct policy_source src = {STR("p.dw"), str_make((const char *)data, n)};
	const struct dw_texts texts = {.policies = &src,
				       .n_policies = 1,
				       .schema = &schema,
				       .events = &events,
				       .providers = &providers};
	const struct dw_program *prog;
	struct policy_diags diags;
	struct arena a;

	arena_init(&a, 256 << 20);
	policy_diags_init(&diags, &a);
	if (dw_load(&a, &texts, &diags, &prog, NULL) == ERR_OK) {
		for (size_t i = 0; i < prog->n_leaves; i++) {
			ASSERT(prog->leaves[i].retention_ms >= 0);
			ASSERT(prog->leaves[i].safe >= -1 && prog->leaves[i].safe <= 1);
		}
		check(&a, prog);
	}
	arena_done(&a);
	return 0;
}
