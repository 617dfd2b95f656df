/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the body of a history's snapshot (what follows the identity of the plan).
 * Oracle: what loads stays within its bytes, takes further events, and its own snapshot
 * loads again and is the same.
 */
#include "base/num.h"
#include "policy/dw_trace.h"
#include "policy/temporal_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MAX_BYTES (1u << 20)
#define A         "Action::\"a\"::request"

static const struct policy_source schema = {
	STR_INIT("schema"),
	STR_INIT("entity U; entity G; action a appliesTo { principal: [U], "
		 "resource: [G], context: { input: { u: String, n: Long } } };")};
static const struct policy_source policies = {
	STR_INIT("p.dw"),
	STR_INIT("forbid () when temporal { formerly within 1h " A "{ input.u: context.input.u } };"
		 "forbid () when temporal { bind(n, count_within(1h, " A "{}), n > 5) };"
		 "forbid () when temporal { bind(n, sum_within(x, 1h, " A
		 "{ input.n: x }), n > 5) };"
		 "forbid () when temporal { bind(n, count_distinct_within(k, 1h, " A
		 "{ input.u: k }), n > 5) };"
		 "forbid () when temporal { exists (q: String). (formerly within 1h " A
		 "{ input.u: q } && formerly within 1m " A "{ input.u: q, input.n: 2 }) };"
		 "forbid () when temporal { formerly within 1h (" A
		 "{ input.n: 3 } && formerly within 1h " A "{ input.n: 4 }) };")};

static const struct temporal_plan *plan_of(struct arena *a)
{
	const struct dw_texts texts = {.policies = &policies, .n_policies = 1, .schema = &schema};
	const struct temporal_plan_opts opts = {.max_bytes = MAX_BYTES};
	const struct temporal_plan *plan = NULL;
	const struct dw_program *prog;
	struct policy_diags diags;

	policy_diags_init(&diags, a);
	ASSERT(dw_load(a, &texts, &diags, &prog, NULL) == ERR_OK);
	ASSERT(temporal_plan_build(a, prog, &opts, &plan, NULL) == ERR_OK);
	return plan;
}

static void add_more(struct temporal_state *s, struct arena *a)
{
	struct dw_event ev;
	int64_t ts;

	ASSERT(dw_trace_line(a, STR("@0 Action::\"a\"::request(input: {u: \"x\", n: 2})"), 1, &ts,
			     &ev, NULL) == ERR_OK);
	for (int i = 0; i < 3; i++) {
		ev.event.ts_ms = temporal_state_time(s);
		if (__builtin_add_overflow(ev.event.ts_ms, i * 40000, &ev.event.ts_ms)) {
			return;
		}
		ASSERT(temporal_state_add(s, &ev.event, a, NULL) == ERR_OK);
		ASSERT(temporal_state_bytes(s) <= MAX_BYTES);
	}
}

static void check(const struct temporal_plan *plan, struct str bytes, struct arena *a)
{
	struct temporal_state *s, *again;
	struct buf one, two;

	if (temporal_state_load(plan, bytes, a, &s, NULL) != ERR_OK) {
		return;
	}
	ASSERT(temporal_state_bytes(s) <= MAX_BYTES);
	buf_init(&one, 64 << 20);
	buf_init(&two, 64 << 20);
	temporal_state_save(s, &one);
	ASSERT(temporal_state_load(plan, buf_str(&one), a, &again, NULL) == ERR_OK);
	temporal_state_save(again, &two);
	ASSERT(!one.failed && str_eq(buf_str(&one), buf_str(&two)));
	add_more(s, a);
	add_more(again, a);
	buf_clear(&one);
	buf_clear(&two);
	temporal_state_save(s, &one);
	temporal_state_save(again, &two);
	ASSERT(str_eq(buf_str(&one), buf_str(&two)));
	temporal_state_free(s);
	temporal_state_free(again);
	buf_done(&one);
	buf_done(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct temporal_plan *plan;
	unsigned char identity[8];
	struct buf bytes;
	struct arena a;

	arena_init(&a, 64 << 20);
	plan = plan_of(&a);
	buf_init(&bytes, n + 64);
	num_put_u64(identity, plan->identity);
	buf_append(&bytes, STR("WTS3"));
	buf_append(&bytes, str_make((const char *)identity, sizeof(identity)));
	buf_append(&bytes, str_make((const char *)data, n));
	check(plan, buf_str(&bytes), &a);
	buf_done(&bytes);
	arena_done(&a);
	return 0;
}
