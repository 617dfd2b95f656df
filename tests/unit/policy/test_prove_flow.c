/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many steps against random walks: random policies and flows, and walks in which the
 * reference evaluator decides and labels change as the flow says. No walk may come to a
 * request that was called unreachable, and the steps that are given out must be a walk.
 */
#include "tests/test.h"

#include "policy/prove_flow.h"
#include "tests/unit/policy/prove_help.h"
#include "tests/unit/policy/random.h"

enum { CASES = 150, WALKS = 40, STEPS = 12 };

static const char schema_text[] =
	"entity Jurisdiction in [Jurisdiction];\n"
	"entity Site in [Jurisdiction];\n"
	"entity Agent = { cleared: Bool };\n"
	"entity Model = { site: Site };\n"
	"entity Doc = { cats: Set<String>, level: Long, low?: Long };\n"
	"type Taint = { cats: Set<String>, level: Long, low: Long, dirty: Bool };\n"
	"action observe;\n"
	"action read, scan in [observe] appliesTo { principal: [Agent], resource: [Doc], context: "
	"{ "
	"t: Taint, n: Long } };\n"
	"action infer appliesTo { principal: [Agent], resource: [Model], context: { t: Taint, n: "
	"Long } };\n"
	"action wash appliesTo { principal: [Agent], resource: [Doc], context: { t: Taint, n: Long "
	"} "
	"};\n"
	"action ping appliesTo { principal: [Agent], resource: [Doc], context: { n: Long } };\n";

static const char *const atoms[] = {
	"context.t.cats.contains(\"h\")",
	"context.t.cats.contains(\"p\")",
	"context.t.cats.isEmpty()",
	"context.t.level >= 2",
	"context.t.level < 1",
	"context.t.level == context.n",
	"context.t.low < 2",
	"context.t.dirty",
	"context.n > 1",
	"principal has cleared && principal.cleared",
};
static const char *const doc_atoms[] = {
	"resource has cats && resource.cats.contains(\"h\")",
	"resource has cats && resource.cats.containsAny([\"p\", \"q\"])",
	"resource has level && resource.level > 1",
	"resource has level && context.t.level >= resource.level",
	"resource has low && resource.low < 1",
};
static const char *const effects[] = {
	"context.t.cats += resource.cats",
	"context.t.level max= resource.level",
	"context.t.cats += resource.cats; context.t.level max= resource.level",
	"context.t.level max= resource.level; context.t.cats += resource.cats",
	"context.t.level max= context.n",
};
static const char *const others[] = {"context.t.low min= resource.low", "context.t.dirty = true"};
static const char *const washes[] = {
	"context.t.cats = []",
	"context.t.cats = [\\\"p\\\"]; context.t.level = 0",
	"context.t.level = 1; context.t.dirty = false",
};

static void put_condition(struct random_source *r, struct buf *b, bool doc)
{
	for (uint32_t n = random_next(r, 3); n > 0; n--) {
		const char *atom = doc && random_next(r, 2) ? RANDOM_PICK(r, doc_atoms)
							    : RANDOM_PICK(r, atoms);

		buf_printf(b, " %s { %s }", random_next(r, 3) ? "when" : "unless", atom);
	}
}

static void put_policies(struct random_source *r, struct buf *b)
{
	static const char *const actions[] = {"observe", "read", "scan", "infer", "wash"};

	for (uint32_t n = 3 + random_next(r, 4); n > 0; n--) {
		uint32_t i = random_next(r, ARRAY_LEN(actions));

		buf_printf(b, "%s(principal, action in Action::\"%s\", resource)",
			   random_next(r, 3) ? "permit" : "forbid", actions[i]);
		put_condition(r, b, i != 3);
		buf_append(b, STR(";\n"));
	}
	buf_append(b, STR("permit(principal, action == Action::\"infer\", resource)"));
	put_condition(r, b, false);
	buf_append(b, STR(";\n"));
	buf_append_c(b, '\0');
}

static void put_flow(struct random_source *r, struct buf *b)
{
	buf_append(b,
		   STR("@start permit(principal, action, resource) when { context has t && "
		       "context.t.cats.isEmpty() && context.t.level == 0 && context.t.low == 3 && "
		       "!context.t.dirty };\n"));
	/* Rules that meet in one request change different places. */
	for (uint32_t n = random_next(r, 2), i = 0; i <= n; i++) {
		const char *action =
			random_next(r, 2) ? "in Action::\"observe\"" : "== Action::\"read\"";

		buf_printf(b, "@effect(\"%s\") permit(principal, action %s, resource)",
			   i == 0 ? RANDOM_PICK(r, effects) : RANDOM_PICK(r, others), action);
		put_condition(r, b, true);
		buf_append(b, STR(";\n"));
	}
	if (random_next(r, 2)) {
		buf_printf(b,
			   "@effect(\"%s\") permit(principal, action == Action::\"wash\", "
			   "resource);\n",
			   RANDOM_PICK(r, washes));
	}
}

static const char *const queries[] = {
	"reachable (principal, action == Action::\"infer\", resource) when { "
	"context.t.cats.contains(\"h\") && !(resource.site in Jurisdiction::\"e\") }",
	"unreachable (principal, action == Action::\"infer\", resource) when { context.t.level >= "
	"2 "
	"}",
	"unreachable (principal, action == Action::\"infer\", resource) when { "
	"context.t.cats.contains(\"p\") && context.t.low < 2 }",
	"reachable (principal, action == Action::\"infer\", resource) when { context.t.dirty && "
	"context.t.cats.isEmpty() }",
};

/* The labels of a walk. */
struct labels {
	bool h, p, q, dirty;
	int64_t level, low;
};

struct rig {
	struct proof p;
	const struct prove_flow *flow;
	struct policy_list rules; /* of the flow, in their order; the first is @start */
	struct buf policies, flow_text;
	struct policy_source src;
};

static void put_cats(struct buf *b, bool h, bool p, bool q)
{
	buf_printf(b, "[%s%s%s%s%s]", h ? "\"h\"" : "", h && (p || q) ? "," : "", p ? "\"p\"" : "",
		   p && q ? "," : "", q ? "\"q\"" : "");
}

static void put_request(struct random_source *r, struct buf *b, const struct labels *l)
{
	static const char *const actions[] = {"read", "scan", "infer", "wash", "infer", "read"};
	const char *action = RANDOM_PICK(r, actions);
	bool model = strcmp(action, "infer") == 0;

	buf_printf(
		b,
		"{\"principal\":{\"type\":\"Agent\",\"id\":\"a\"},\"action\":{\"type\":\"Action\","
		"\"id\":\"%s\"},\"resource\":{\"type\":\"%s\",\"id\":\"r\"},\"context\":{\"t\":{"
		"\"cats\":",
		action, model ? "Model" : "Doc");
	put_cats(b, l->h, l->p, l->q);
	buf_printf(b, ",\"level\":%lld,\"low\":%lld,\"dirty\":%s},\"n\":%u}}", (long long)l->level,
		   (long long)l->low, l->dirty ? "true" : "false", random_next(r, 4));
}

static void put_entities(struct random_source *r, struct buf *b)
{
	buf_printf(b,
		   "[{\"uid\":{\"type\":\"Agent\",\"id\":\"a\"},\"attrs\":{\"cleared\":%s},"
		   "\"parents\":[]},{\"uid\":{\"type\":\"Model\",\"id\":\"r\"},\"attrs\":{\"site\":"
		   "{\"__entity\":{\"type\":\"Site\",\"id\":\"%s\"}}},\"parents\":[]},{\"uid\":{"
		   "\"type\":\"Site\",\"id\":\"in\"},\"attrs\":{},\"parents\":[{\"type\":"
		   "\"Jurisdiction\",\"id\":\"e\"}]}",
		   random_next(r, 2) ? "true" : "false", random_next(r, 2) ? "in" : "out");
	if (random_next(r, 8)) {
		buf_append(b,
			   STR(",{\"uid\":{\"type\":\"Doc\",\"id\":\"r\"},\"attrs\":{\"cats\":"));
		put_cats(b, random_next(r, 2), random_next(r, 2), random_next(r, 3) == 0);
		buf_printf(b, ",\"level\":%u", random_next(r, 4));
		if (random_next(r, 2)) {
			buf_printf(b, ",\"low\":%u", random_next(r, 4));
		}
		buf_append(b, STR("},\"parents\":[]}"));
	}
	buf_append_c(b, ']');
}

static bool is_of(const struct policy_request *q, const struct policy *p, struct arena *a)
{
	struct policy_env env = {.principal = q->principal,
				 .action = q->action,
				 .resource = q->resource,
				 .context = q->context,
				 .store = q->store,
				 .scratch = a};
	bool v = false;

	policy_env_prepare(&env);
	return !policy_eval_policy(&env, p, &v).code && v;
}

/* Long attribute of the resource, or -1. */
static int64_t number_of(const struct policy_request *q, const char *name)
{
	const struct policy_entity *e = policy_store_find(q->store, q->resource);
	const struct policy_value *v = e && e->attrs.kind == POLICY_RECORD
					       ? policy_record_find(e->attrs, str_from_c(name))
					       : NULL;

	return v ? v->i : -1;
}

static bool has_cat(const struct policy_request *q, const char *name)
{
	const struct policy_entity *e = policy_store_find(q->store, q->resource);
	const struct policy_value *v = e && e->attrs.kind == POLICY_RECORD
					       ? policy_record_find(e->attrs, STR("cats"))
					       : NULL;

	return v && policy_set_has(*v, policy_string(str_from_c(name)));
}

/* What the effects of a rule say, by hand. */
static void apply(struct labels *l, const struct policy_request *q, struct str text)
{
	const struct policy_value *n = policy_record_find(q->context, STR("n"));

	while (text.p) {
		struct str one = str_trim(str_cut(&text, ';'));
		int64_t level = number_of(q, "level"), low = number_of(q, "low");

		if (str_eq(one, STR("context.t.cats += resource.cats"))) {
			l->h = l->h || has_cat(q, "h");
			l->p = l->p || has_cat(q, "p");
			l->q = l->q || has_cat(q, "q");
		} else if (str_eq(one, STR("context.t.level max= resource.level"))) {
			l->level = level > l->level ? level : l->level;
		} else if (str_eq(one, STR("context.t.level max= context.n"))) {
			l->level = n->i > l->level ? n->i : l->level;
		} else if (str_eq(one, STR("context.t.low min= resource.low"))) {
			l->low = low >= 0 && low < l->low ? low : l->low;
		} else if (str_eq(one, STR("context.t.dirty = true"))) {
			l->dirty = true;
		} else if (str_eq(one, STR("context.t.dirty = false"))) {
			l->dirty = false;
		} else if (str_eq(one, STR("context.t.cats = []"))) {
			l->h = l->p = l->q = false;
		} else if (str_eq(one, STR("context.t.cats = [\"p\"]"))) {
			l->h = l->q = false;
			l->p = true;
		} else if (str_eq(one, STR("context.t.level = 0"))) {
			l->level = 0;
		} else if (str_eq(one, STR("context.t.level = 1"))) {
			l->level = 1;
		} else {
			fail_msg("%.*s", STR_ARG(one));
		}
	}
}

static bool allowed(const struct rig *x, const struct policy_request *q, struct arena *a)
{
	struct policy_decision d;

	policy_decide_reference(x->p.c.set, q, a, &d);
	return d.allow;
}

static void step(const struct rig *x, const struct policy_request *q, struct labels *l,
		 struct arena *a)
{
	for (size_t i = 1; i < x->rules.n; i++) {
		if (is_of(q, x->rules.items[i], a)) {
			apply(l, q,
			      policy_annotation_find(x->rules.items[i], STR("effect"))->value);
		}
	}
}

static const struct labels at_start = {.low = 3};

static void walk_at_random(struct random_source *r, struct rig *x)
{
	struct labels l = at_start;
	struct buf req, ent;
	struct arena a;

	arena_init(&a, 64 << 20);
	buf_init(&req, 1 << 16);
	buf_init(&ent, 1 << 16);
	for (int i = 0; i < STEPS; i++) {
		struct policy_request q;

		buf_clear(&req);
		buf_clear(&ent);
		arena_reset(&a);
		put_request(r, &req, &l);
		put_entities(r, &ent);
		assert_true(proof_request(&a, x->p.c.schema, buf_str(&req), buf_str(&ent), &q));
		if (!allowed(x, &q, &a)) {
			continue;
		}
		if (is_of(&q, x->p.inv.query, &a)) {
			fail_msg("called unreachable: %.*s %.*s\n%s%.*s", STR_ARG(buf_str(&req)),
				 STR_ARG(buf_str(&ent)), x->policies.p,
				 STR_ARG(buf_str(&x->flow_text)));
		}
		step(x, &q, &l, &a);
	}
	buf_done(&req);
	buf_done(&ent);
	arena_done(&a);
}

static bool changes(const struct rig *x, const char *one, const char *other)
{
	struct str s = buf_str(&x->flow_text);

	return str_find_str(s, str_from_c(one)) < s.n || str_find_str(s, str_from_c(other)) < s.n;
}

/* What no rule changes may be anything in every step. */
static void is_at(const struct rig *x, const struct policy_request *q, struct labels *l)
{
	const struct policy_value *t = policy_record_find(q->context, STR("t")), *cats;
	struct labels is;

	if (!t) {
		return;
	}
	cats = policy_record_find(*t, STR("cats"));
	is = (struct labels){.h = policy_set_has(*cats, policy_string(STR("h"))),
			     .p = policy_set_has(*cats, policy_string(STR("p"))),
			     .q = l->q,
			     .dirty = policy_record_find(*t, STR("dirty"))->b,
			     .level = policy_record_find(*t, STR("level"))->i,
			     .low = policy_record_find(*t, STR("low"))->i};
	if (changes(x, "context.t.cats += ", "context.t.cats = ")) {
		assert_int_equal(is.h, l->h);
		assert_int_equal(is.p, l->p);
	}
	assert_true(is.dirty == l->dirty ||
		    !changes(x, "context.t.dirty = ", "context.t.dirty = "));
	assert_true(is.level == l->level ||
		    !changes(x, "context.t.level max= ", "context.t.level = "));
	assert_true(is.low == l->low || !changes(x, "context.t.low min= ", "context.t.low = "));
	*l = is;
}

/* Each step begins where the one before it ended, and is allowed; the last is what was asked for. */
static void walk_as_shown(struct rig *x, const struct prove_flow_result *res)
{
	struct labels l = at_start;
	struct policy_request q;

	for (size_t i = 0; getenv("FLOW_SHOW") && i < res->n_steps; i++) {
		print_message("%.*s %.*s\n", STR_ARG(res->steps[i].request),
			      STR_ARG(res->steps[i].entities));
	}
	for (size_t i = 0; i < res->n_steps; i++) {
		assert_true(proof_request(&x->p.a, x->p.c.schema, res->steps[i].request,
					  res->steps[i].entities, &q));
		is_at(x, &q, &l);
		assert_true(allowed(x, &q, &x->p.a));
		step(x, &q, &l, &x->p.a);
	}
	assert_true(
		proof_request(&x->p.a, x->p.c.schema, res->last.request, res->last.entities, &q));
	is_at(x, &q, &l);
	assert_true(allowed(x, &q, &x->p.a) && is_of(&q, x->p.inv.query, &x->p.a));
}

static void begin(struct random_source *r, struct rig *x)
{
	*x = (struct rig){0};
	buf_init(&x->policies, 1 << 16);
	buf_init(&x->flow_text, 1 << 16);
	put_policies(r, &x->policies);
	put_flow(r, &x->flow_text);
	assert_true(proof_begin(&x->p, schema_text, x->policies.p, NULL, NULL));
	x->src = (struct policy_source){STR("flow"), buf_str(&x->flow_text)};
	if (prove_flow_load(&x->p.a, &x->src, x->p.c.schema, &x->flow, &x->p.diags, &x->p.err)) {
		fail_msg("%s\n%.*s", x->p.err.msg, STR_ARG(x->src.text));
	}
	assert_int_equal(
		policy_parse(&x->p.a, &x->src, POLICY_ID_ORDER, &x->rules, &x->p.diags, &x->p.err),
		ERR_OK);
}

static void one_case(struct random_source *r, unsigned counts[3])
{
	struct prove_flow_result res;
	const char *claim = RANDOM_PICK(r, queries);
	struct rig x;
	struct str file;

	begin(r, &x);
	if (getenv("FLOW_SHOW")) {
		print_message("----\n%s%.*s%s\n", x.policies.p, STR_ARG(x.src.text), claim);
	}
	x.p.opts.complete = random_next(r, 2);
	assert_int_equal(
		prove_parse(&x.p.a, str_from_c(claim), &x.p.inv, &file, &x.p.diags, &x.p.err),
		ERR_OK);
	if (prove_flow(&x.p.a, &x.p.c.policies, &x.p.inv, x.flow, &x.p.opts, &res, &x.p.err)) {
		fail_msg("%s\n%s%.*s", x.p.err.msg, x.policies.p, STR_ARG(x.src.text));
	}
	if (getenv("FLOW_SHOW")) {
		print_message("states %zu, requests %llu\n", res.n_states,
			      (unsigned long long)res.last.steps);
	}
	if (res.last.verdict == PROVE_UNSUPPORTED) {
		counts[2]++;
		if (getenv("FLOW_SHOW")) {
			print_message("%.*s\n%s%.*s\n", STR_ARG(res.last.reason), x.policies.p,
				      STR_ARG(x.src.text));
		}
	} else if (res.last.request.p) {
		counts[1]++;
		walk_as_shown(&x, &res);
	} else {
		counts[0]++;
		for (int i = 0; i < WALKS; i++) {
			walk_at_random(r, &x);
		}
	}
	proof_end(&x.p);
	buf_done(&x.policies);
	buf_done(&x.flow_text);
}

static void no_walk_comes_to_what_is_called_unreachable(void **state)
{
	const char *more = getenv("FLOW_CASES");
	int cases = more ? atoi(more) : CASES;
	struct random_source r = {77};
	unsigned counts[3] = {0};

	(void)state;
	for (int i = 0; i < cases; i++) {
		one_case(&r, counts);
	}
	print_message("%u unreachable, %u reachable, %u undecided\n", counts[0], counts[1],
		      counts[2]);
	assert_true(counts[0] > (unsigned)cases / 10 && counts[1] > (unsigned)cases / 10);
	assert_true(counts[2] < (unsigned)cases / 10);
}

static void refused(const char *flow, const char *why)
{
	const struct policy_source src = {STR("flow"), str_from_c(flow)};
	const struct prove_flow *f;
	struct proof p;

	assert_true(proof_begin(&p, schema_text, "", NULL, NULL));
	assert_int_not_equal(prove_flow_load(&p.a, &src, p.c.schema, &f, &p.diags, &p.err), ERR_OK);
	if (!strstr(p.err.msg, why)) {
		fail_msg("%s: %s", flow, p.err.msg);
	}
	proof_end(&p);
}

#define RULE(effect)                                                                               \
	"@effect(\"" effect "\") permit(principal, action == Action::\"read\", resource);"

static void flows_that_cannot_be_followed_are_refused(void **state)
{
	(void)state;
	refused("", "no @effect");
	refused("permit(principal, action, resource);", "expected @effect");
	refused(RULE("context.t.cats"), "expected PLACE += PATH");
	refused(RULE("context.t.cats -= resource.cats"), "expected PLACE += PATH");
	refused(RULE("context.t.cats max= resource.cats"), "does not fit");
	refused(RULE("context.t.none += resource.cats"), "no action's context has");
	refused(RULE("resource.level max= context.n"), "not an attribute of the context");
	refused(RULE("context.t.level = true"), "not a constant");
	refused(RULE("context.t.level = ("), "not an expression");
	refused(RULE("context.t.low min= resource.level"), "@start has to say");
	refused(RULE("context.t.level = 1; context.t.level = 2"), "twice");
	refused("@effect(\"context.t.level = 1\") permit(principal, action == Action::\"reed\", "
		"resource);",
		"Action::\"reed\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_walk_comes_to_what_is_called_unreachable),
		cmocka_unit_test(flows_that_cannot_be_followed_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
