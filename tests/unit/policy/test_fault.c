/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation fails once: nothing crashes, nothing half made is left, nothing is allowed. */
#include "policy/case.h"
#include "policy/dw_engine.h"
#include "policy/dw_trace.h"
#include "policy/est.h"
#include "policy/explain.h"
#include "policy/fmt.h"

#include "tests/test.h"

#include "tests/unit/policy/random.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

static long countdown = -1; /* allocations until one fails; negative: none does */
static bool hit;

#ifndef SANITIZED
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static bool fails(void)
{
	if (countdown < 0) {
		return false;
	}
	if (countdown-- == 0) {
		hit = true;
		return true;
	}
	return false;
}

__attribute__((visibility("default"))) void *malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

__attribute__((visibility("default"))) void *realloc(void *p, size_t n)
{
	return fails() ? NULL : __libc_realloc(p, n);
}
#endif

static const char policies[] =
	"@id(\"a\") @reason(\"x\\n\") permit(principal in Group::\"g\", action in "
	"[Action::\"read\", "
	"Action::\"any\"], resource is Tool)\n"
	"when { [context.n, 2, 3].contains(3) && context.s like \"x*\" && {a: context.b}.a };\n"
	"@id(\"b\") @ask(\"owner\") forbid(principal, action, resource) unless { principal has r.n "
	"&& "
	"ip(\"10.0.0.1\").isInRange(ip(\"10.0.0.0/8\")) && principal.r.n == 2 };\n";

static enum err_code load(struct arena *a, struct policy_case *c, struct policy_request *req,
			  struct err *err)
{
	static const struct policy_source src = {STR_INIT("p"), STR_INIT(policies)};
	static const struct policy_source entities = {STR_INIT("e"), STR_INIT(RANDOM_ENTITIES)};
	static const struct policy_source request = {
		STR_INIT("r"), STR_INIT("{\"principal\":\"User::\\\"a\\\"\",\"action\":\"Action::"
					"\\\"read\\\"\",\"resource\":\"Tool::\\\"t\\\"\","
					"\"context\":" RANDOM_CONTEXT "}")};
	const struct policy_case_texts texts = {&src, 1, NULL, &entities};
	const struct policy_set_opts opts = {.ids = POLICY_ID_ANNOTATION,
					     .strict_annotations = true};
	struct policy_diags diags;
	const struct json *doc;

	policy_diags_init(&diags, a);
	TRY(policy_case_load(a, &texts, &opts, &diags, c, err));
	TRY(policy_case_json(a, &request, &doc, err));
	TRY(policy_case_request(a, c, doc, true, req, err));
	return policy_set_load(a, &src, 1, &opts, &diags, &c->set, err);
}

/* Loads and decides; true when nothing failed. */
static bool decide_once(void)
{
	struct policy_decision d = {0};
	struct policy_explanation x;
	struct policy_request req;
	struct arena a, scratch;
	struct policy_case c;
	struct err err = {0};
	enum err_code code;

	arena_init(&a, 64 << 20);
	arena_init(&scratch, 64 << 20);
	code = load(&a, &c, &req, &err);
	if (!code) {
		policy_decide(c.set, &req, &scratch, &d);
		assert_int_equal(d.outcome, d.failure ? POLICY_DENY : POLICY_ALLOW);
		code = policy_explain_request(&req, c.policies.items[0], &scratch, &x, &err);
	}
	if (code) {
		assert_true(code == ERR_NOMEM || code == ERR_LIMIT);
	}
	arena_done(&scratch);
	arena_done(&a);
	return !code && !d.failure;
}

static bool format_once(void)
{
	const struct policy_source src = {STR("p"), STR(policies)};
	struct policy_diags diags;
	struct arena a;
	struct buf out;
	enum err_code code;

	arena_init(&a, 64 << 20);
	buf_init(&out, 1 << 20);
	policy_diags_init(&diags, &a);
	code = policy_fmt(&a, &src, &out, &diags, NULL);
	if (code) {
		assert_true(code == ERR_NOMEM || code == ERR_LIMIT);
		assert_int_equal(buf_len(&out), 0);
	}
	buf_done(&out);
	arena_done(&a);
	return !code;
}

static bool translate_once(void)
{
	const struct policy_source src = {STR("p"), STR(policies)};
	struct policy_source json = {STR("json"), {0}};
	struct policy_list list = {0}, back = {0};
	struct policy_diags diags;
	struct arena a;
	struct buf out;
	enum err_code code;

	arena_init(&a, 64 << 20);
	buf_init(&out, 1 << 20);
	policy_diags_init(&diags, &a);
	code = policy_parse(&a, &src, POLICY_ID_ORDER, &list, &diags, NULL);
	if (!code) {
		policy_est_write_set(&out, &list);
		code = out.failed ? ERR_NOMEM : ERR_OK;
	}
	if (!code) {
		json.text = buf_str(&out);
		code = policy_est_read(&a, &json, &back, &diags, NULL);
	}
	if (code) {
		assert_true(code == ERR_NOMEM || code == ERR_LIMIT);
		assert_int_equal(back.n, 0);
	}
	buf_done(&out);
	arena_done(&a);
	return !code;
}

static void fail_each(bool (*once)(void))
{
#ifdef SANITIZED
	print_message("skipped: the sanitizer has its own allocator\n");
	skip();
#endif
	for (long n = 0;; n++) {
		bool good;

		hit = false;
		countdown = n;
		good = once();
		countdown = -1;
		if (!hit) {
			assert_true(good);
			assert_true(n > 3);
			return;
		}
		assert_false(good);
	}
}

static void loading_and_deciding_survive_every_failed_allocation(void **state)
{
	(void)state;
	fail_each(decide_once);
}

/* ---- temporal policies ---- */

static const char temporal_policies[] =
	"def temporal seen(?w, ?u) { formerly within ?w Action::\"a\"::request{ input.u: ?u } };\n"
	"@id(\"p\") permit (principal, action == Action::\"a\", resource)\n"
	"when temporal { bind(n, count_within(1h, Action::\"a\"::request{ input.u: "
	"context.input.u }), n <= 2) && seen(1h, \"x\") }\n"
	"unless temporal { formerly within 1h (formerly within 1h Action::\"a\"::request{ input.n: "
	"7 "
	"}) }\n"
	"unless { S::Len(context.input.u).n > 3 };\n"
	"permit (principal, action, resource) when temporal { exists (u: String). (formerly within "
	"1h "
	"Action::\"a\"::request{ input.u: u } && formerly within 1m Action::\"a\"::request{ "
	"input.u: u }) };\n";
static const char temporal_schema[] =
	"entity User; entity Tool; action a appliesTo { principal: User, resource: Tool,\n"
	"  context: { input: { u: String, n: Long }, sessionId: String } };\n";
static const char temporal_providers[] =
	"{\"availableProviders\":{\"S::Len\":{\"argumentTypes\":[{\"paramType\":\"string\"}],"
	"\"outputType\":{\"paramType\":\"record\",\"fields\":{\"n\":{\"paramType\":\"integer\"}},"
	"\"required\":[\"n\"]},\"implementation\":{\"kind\":\"rhai\","
	"\"script\":\"fn evaluate(t) { #{n: t.len()} }\"}}}}";
static const char temporal_line[] =
	"@1 scope(principal: User::\"u\", resource: Tool::\"t\") "
	"request_context(input: {u: \"x\", n: 1}, sessionId: \"s\") "
	"Action::\"a\"::request(input: {u: \"x\", n: 1}, callerPrincipal: User::\"u\", "
	"callerResource: Tool::\"t\", requestId: \"1\", sessionId: \"s\")";

static enum err_code ask_temporal(struct arena *a, bool decide_only, struct policy_decision *d)
{
	static const struct policy_source sources[] = {
		{STR_INIT("p.dw"), STR_INIT(temporal_policies)},
		{STR_INIT("schema"), STR_INIT(temporal_schema)},
		{STR_INIT("providers"), STR_INIT(temporal_providers)}};
	const struct dw_texts texts = {.policies = &sources[0],
				       .n_policies = 1,
				       .schema = &sources[1],
				       .providers = &sources[2],
				       .ids = POLICY_ID_ANNOTATION,
				       .decide_only = decide_only};
	const struct dw_engine_opts opts = {0};
	const struct dw_program *prog;
	struct policy_diags diags;
	struct dw_engine *engine;
	struct dw_event ev;
	struct err err = {0};
	int64_t ts;

	policy_diags_init(&diags, a);
	TRY(dw_load(a, &texts, &diags, &prog, &err));
	TRY(dw_trace_line(a, str_from_c(temporal_line), 1, &ts, &ev, &err));
	TRY(dw_engine_new(prog, &opts, &engine, &err));
	dw_engine_decide(engine, &ev, NULL, a, d, &err);
	dw_engine_free(engine);
	return ERR_OK;
}

static bool temporal_once(bool decide_only)
{
	struct policy_decision d = {0};
	struct arena a;
	enum err_code code;

	arena_init(&a, 64 << 20);
	code = ask_temporal(&a, decide_only, &d);
	if (code) {
		assert_true(code == ERR_NOMEM || code == ERR_LIMIT);
	}
	arena_done(&a);
	return !code && d.allow && d.reasons.n == 2; /* an event that is lost makes permits false */
}

static bool with_trees(void)
{
	return temporal_once(false);
}

static bool without_trees(void)
{
	return temporal_once(true);
}

static void temporal_policies_survive_every_failed_allocation(void **state)
{
	(void)state;
	fail_each(with_trees);
	fail_each(without_trees);
}

static void formatting_survives_every_failed_allocation(void **state)
{
	(void)state;
	fail_each(format_once);
}

static void translating_survives_every_failed_allocation(void **state)
{
	(void)state;
	fail_each(translate_once);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loading_and_deciding_survive_every_failed_allocation),
		cmocka_unit_test(temporal_policies_survive_every_failed_allocation),
		cmocka_unit_test(formatting_survives_every_failed_allocation),
		cmocka_unit_test(translating_survives_every_failed_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
