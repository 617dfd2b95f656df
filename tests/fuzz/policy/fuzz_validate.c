/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The type checker against the evaluator. Oracle: a policy that is valid for the
 * schema never fails on data that conforms to it but by a missing entity, an
 * overflow or an extension error; one that "never applies" is never satisfied;
 * checking twice says the same.
 */
#include <stdint.h>

#include "base/attr.h"
#include "policy/conform.h"
#include "policy/data.h"
#include "policy/eval.h"
#include "policy/schema_ast.h"
#include "policy/validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char schema_text[] =
	"entity G in [GG]; entity GG; entity Color enum [\"r\", \"b\"];"
	"entity U in [G] {n: Long, f?: U, ip?: ipaddr, s: Set<String>, r: {a: Long, b?: String},"
	"  o: G, c: Color, d?: datetime, us: Set<U>} tags String;"
	"entity R {owner: U, n?: Long, b: Bool} tags Set<Long>;"
	"action v in [all] appliesTo {principal: [U], resource: [R],"
	"  context: {x: Long, q?: {z?: Long, b: Bool}, dec: decimal}};"
	"action w in [all] appliesTo {principal: [U, G], resource: [R, U]}; action all;";

static const char entities_text[] =
	"[{\"uid\":{\"type\":\"U\",\"id\":\"a\"},\"attrs\":{\"n\":1,\"f\":{\"type\":\"U\",\"id\":"
	"\"b\"},\"ip\":\"10.0.0.1\",\"s\":[\"k\",\"\"],\"r\":{\"a\":1,\"b\":\"k\"},\"o\":{\"type\":"
	"\"G\",\"id\":\"g\"},\"c\":{\"type\":\"Color\",\"id\":\"r\"},\"d\":\"2024-01-01\",\"us\":"
	"[{\"type\":\"U\",\"id\":\"a\"}]},\"parents\":[{\"type\":\"G\",\"id\":\"g\"}],\"tags\":"
	"{\"k\":\"j\",\"j\":\"k\"}},"
	"{\"uid\":{\"type\":\"U\",\"id\":\"b\"},\"attrs\":{\"n\":-9223372036854775808,\"s\":[],"
	"\"r\":{\"a\":0},\"o\":{\"type\":\"G\",\"id\":\"none\"},\"c\":{\"type\":\"Color\",\"id\":"
	"\"b\"},\"us\":[]},\"parents\":[]},"
	"{\"uid\":{\"type\":\"G\",\"id\":\"g\"},\"attrs\":{},\"parents\":[{\"type\":\"GG\",\"id\":"
	"\"x\"}]},"
	"{\"uid\":{\"type\":\"R\",\"id\":\"r\"},\"attrs\":{\"owner\":{\"type\":\"U\",\"id\":\"a\"},"
	"\"n\":3,\"b\":true},\"parents\":[],\"tags\":{\"k\":[1,2]}},"
	"{\"uid\":{\"type\":\"R\",\"id\":\"s\"},\"attrs\":{\"owner\":{\"type\":\"U\",\"id\":\"b\"},"
	"\"b\":false},\"parents\":[]}]";

static const struct {
	const char *principal[2], *action, *resource[2], *context;
} requests[] = {
	{{"U", "a"}, "v", {"R", "r"}, "{\"x\":1,\"q\":{\"z\":2,\"b\":true},\"dec\":\"1.5\"}"},
	{{"U", "b"}, "v", {"R", "s"}, "{\"x\":9223372036854775807,\"dec\":\"-0.1\"}"},
	{{"U", "none"}, "v", {"R", "none"}, "{\"x\":0,\"q\":{\"b\":false},\"dec\":\"0.0\"}"},
	{{"G", "g"}, "w", {"U", "a"}, "{}"},
	{{"U", "a"}, "w", {"U", "a"}, "{}"},
};

struct world {
	struct arena a;
	const struct schema *s;
	struct policy_store *store;
	struct policy_uid uids[ARRAY_LEN(requests)][3];
	struct policy_value contexts[ARRAY_LEN(requests)];
};

static const struct json *parse(struct arena *a, const char *text)
{
	const struct json *j;

	ASSERT(json_parse(a, str_from_c(text), NULL, &j, NULL) == ERR_OK);
	return j;
}

static void world_init(struct world *w)
{
	struct policy_source src = {STR("schema"), str_from_c(schema_text)};
	struct policy_entity *entities;
	size_t n;

	arena_init(&w->a, 16u << 20);
	ASSERT(schema_load(&w->a, &src, &w->s, NULL, NULL) == ERR_OK);
	ASSERT(policy_json_entities(&w->a, parse(&w->a, entities_text), w->s, &entities, &n,
				    NULL) == ERR_OK);
	ASSERT(conform_entities(w->s, entities, n, NULL) == ERR_OK);
	ASSERT(policy_store_build(&w->a, entities, n, &w->store, NULL) == ERR_OK);
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		struct policy_uid *uid = w->uids[i];
		const struct schema_action *act;

		uid[0] = policy_uid_make(str_from_c(requests[i].principal[0]),
					 str_from_c(requests[i].principal[1]));
		uid[1] = policy_uid_make(STR("Action"), str_from_c(requests[i].action));
		uid[2] = policy_uid_make(str_from_c(requests[i].resource[0]),
					 str_from_c(requests[i].resource[1]));
		act = schema_action_find(w->s, uid[1].type, uid[1].id);
		ASSERT(policy_json_context(&w->a, parse(&w->a, requests[i].context), act->context,
					   &w->contexts[i], NULL) == ERR_OK);
		ASSERT(conform_request(w->s, &uid[0], &uid[1], &uid[2], w->contexts[i], NULL) ==
		       ERR_OK);
	}
}

static void check_outcome(struct world *w, const struct policy *p, size_t i, bool possible)
{
	struct arena scratch;
	struct policy_env env = {
		.principal = &w->uids[i][0],
		.action = &w->uids[i][1],
		.resource = &w->uids[i][2],
		.context = w->contexts[i],
		.store = w->store,
		.scratch = &scratch,
	};
	struct policy_fault fault;
	bool satisfied = false;

	arena_init(&scratch, 16u << 20);
	policy_env_prepare(&env);
	fault = policy_eval_policy(&env, p, &satisfied);
	ASSERT(fault.code == POLICY_FAULT_NONE || fault.code == POLICY_FAULT_ENTITY ||
	       fault.code == POLICY_FAULT_OVERFLOW || fault.code == POLICY_FAULT_EXT ||
	       fault.code == POLICY_FAULT_MEMORY);
	ASSERT(possible || fault.code != POLICY_FAULT_NONE || !satisfied);
	arena_done(&scratch);
}

static void check_policy(struct world *w, const struct policy *p)
{
	struct policy_diags diags[2];
	struct arena a;
	struct err err;

	arena_init(&a, 64u << 20);
	for (size_t i = 0; i < ARRAY_LEN(diags); i++) {
		policy_diags_init(&diags[i], &a);
		ASSERT(validate_policy(w->s, p, &diags[i], &err) == ERR_OK);
	}
	ASSERT(diags[0].n_errors == diags[1].n_errors && diags[0].n == diags[1].n);
	for (size_t i = 0; i < ARRAY_LEN(requests) && diags[0].n_errors == 0 && !p->template; i++) {
		check_outcome(w, p, i, diags[0].n_warnings == 0);
	}
	arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct world world; /* made once: it never changes */
	struct policy_source src = {STR("input"), str_make((const char *)data, n)};
	struct policy_list list = {0};
	struct arena a;
	struct err err;

	if (!world.s) {
		world_init(&world);
	}
	arena_init(&a, 64u << 20);
	if (policy_parse(&a, &src, POLICY_ID_ORDER, &list, NULL, &err) == ERR_OK) {
		for (size_t i = 0; i < list.n; i++) {
			check_policy(&world, list.items[i]);
		}
	}
	arena_done(&a);
	return 0;
}
