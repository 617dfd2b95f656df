/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The prover against brute force: random policies and claims, and many random
 * requests in each of which the engine is asked. No request may break a claim that
 * was proved, and what is given out as a counterexample must be one.
 */
#include "tests/test.h"

#include "tests/unit/policy/prove_edit.h"
#include "tests/unit/policy/prove_help.h"
#include "tests/unit/policy/prove_random.h"

enum { CASES = 150, WORLDS = 250 };

static const char *const claims[] = {"always-denies",         "always-allows", "never-errors",
				     "equivalent OTHER",      "implies OTHER", "shadowed policy0",
				     "never-matches policy1", "reachable"};

struct tally {
	unsigned smallest, compared;
	unsigned holds, broken, unsupported, edits;
};

/* Says the same as the claim, by other means: the reference evaluator. */
static bool breaks(struct proof *p, const struct policy_set *other, const char *claim,
		   const struct policy_request *req, struct arena *scratch)
{
	struct policy_decision one, two = {0};
	struct policy_env env = {.principal = req->principal,
				 .action = req->action,
				 .resource = req->resource,
				 .context = req->context,
				 .store = req->store,
				 .scratch = scratch};
	bool matched = false;

	policy_decide_reference(p->c.set, req, scratch, &one);
	if (other) {
		policy_decide_reference(other, req, scratch, &two);
	}
	policy_env_prepare(&env);
	switch (claim[0]) {
	case 'r':
		return one.allow;
	case 'a':
		return one.allow == (strcmp(claim, "always-denies") == 0);
	case 'e':
		return one.allow != two.allow;
	case 'i':
		return one.allow && !two.allow;
	case 's':
		return one.allow != two.allow;
	default:
		break;
	}
	if (claim[6] == 'e') {
		return one.errors.n > 0;
	}
	return !policy_eval_policy(&env, p->c.policies.items[1], &matched).code && matched;
}

/* The second set: what is compared with, or the first without policy0. */
static const struct policy_set *second_set(struct proof *p, const char *claim)
{
	struct policy_list rest = {.items = p->c.policies.items + 1,
				   .n = p->c.policies.n - 1,
				   .cap = p->c.policies.n - 1};
	const struct policy_set *set = NULL;
	bool other = claim[0] == 'e' || claim[0] == 'i';

	if (other || claim[0] == 's') {
		assert_int_equal(policy_set_build(&p->a, other ? &p->other : &rest, NULL, &p->diags,
						  &set, &p->err),
				 ERR_OK);
	}
	return set;
}

static char *text(struct buf *b)
{
	buf_append_c(b, '\0');
	assert_false(b->failed);
	return b->p;
}

static void check_worlds(struct random_source *r, struct proof *p, const char *claim,
			 const struct policy_set *other, const char *known)
{
	struct arena a;
	struct buf req, ent;

	arena_init(&a, 64u << 20);
	buf_init(&req, 1 << 20);
	buf_init(&ent, 1 << 20);
	for (int i = 0; i < WORLDS; i++) {
		struct policy_request q;

		arena_reset(&a);
		buf_clear(&req);
		buf_clear(&ent);
		prove_random_request(r, &req);
		if (known) {
			buf_append(&ent, str_from_c(known));
		} else {
			prove_random_entities(r, &ent, p->opts.complete ? 0 : 5);
		}
		if (p->opts.closed && strstr(text(&req), "\"d\"") && !strstr(known, "\"d\"")) {
			continue;
		}
		assert_true(proof_request(&a, p->c.schema, buf_str(&req), buf_str(&ent), &q));
		if (breaks(p, other, claim, &q, &a)) {
			print_error("%s was called proved, but: %.*s %.*s\n%.*s\n", claim,
				    STR_ARG(buf_str(&req)), STR_ARG(buf_str(&ent)),
				    STR_ARG(p->src[1].text));
			fail();
		}
	}
	buf_done(&req);
	buf_done(&ent);
	arena_done(&a);
}

static size_t n_known(const struct proof *p)
{
	size_t n = 0;

	if (p->opts.store) {
		(void)policy_store_entities(p->opts.store, &n);
	}
	return n;
}

/* What no step may add to. */
struct trouble {
	size_t one, two;
	enum policy_fault_code fault;
};

static struct trouble trouble_of(struct proof *p, const struct policy_set *other,
				 const struct policy_request *req, struct arena *scratch)
{
	struct policy_decision one, two = {0};
	struct trouble t = {0};
	bool matched;

	policy_decide_reference(p->c.set, req, scratch, &one);
	if (other) {
		policy_decide_reference(other, req, scratch, &two);
	}
	t.one = one.errors.n;
	t.two = two.errors.n;
	for (size_t i = 0; i < p->c.policies.n; i++) {
		struct policy_env env = {.principal = req->principal,
					 .action = req->action,
					 .resource = req->resource,
					 .context = req->context,
					 .store = req->store,
					 .scratch = scratch};

		policy_env_prepare(&env);
		if (str_eq(p->c.policies.items[i]->id, p->result.policy)) {
			t.fault = policy_eval_policy(&env, p->c.policies.items[i], &matched).code;
		}
	}
	return t;
}

static uint64_t size_of(struct arena *a, struct str request, struct str entities, size_t known)
{
	const struct policy_source req = {STR("request"), request};
	const struct policy_source ent = {STR("entities"), entities};
	const struct json *r, *e;

	assert_int_equal(policy_case_json(a, &req, &r, NULL), ERR_OK);
	assert_int_equal(policy_case_json(a, &ent, &e, NULL), ERR_OK);
	return prove_documents_size(r, e, known);
}

/* Every single edit of the documents is refused, ends the counterexample, or adds trouble. */
static unsigned check_smallest(struct proof *p, const struct policy_set *other, const char *claim,
			       const struct policy_request *found)
{
	struct trouble was = trouble_of(p, other, found, &p->a);
	unsigned tried = 0;
	struct arena a;

	arena_init(&a, 64u << 20);
	for (unsigned at = 0;; at++) {
		struct prove_edit e = {.at = at, .n_known = n_known(p), .keep = p->opts.complete};
		struct policy_request q;
		struct trouble t;

		arena_reset(&a);
		assert_true(prove_edit(&a, &e, p->result.request, p->result.entities));
		if (!e.done) {
			break;
		}
		if (!proof_request(&a, p->c.schema, e.request, e.entities, &q)) {
			continue;
		}
		tried++;
		t = trouble_of(p, other, &q, &a);
		if (breaks(p, other, claim, &q, &a) && t.one <= was.one && t.two <= was.two &&
		    t.fault == was.fault) {
			print_error("%s: %.*s %.*s\nis not smallest: %.*s %.*s\n%.*s\n", claim,
				    STR_ARG(p->result.request), STR_ARG(p->result.entities),
				    STR_ARG(e.request), STR_ARG(e.entities),
				    STR_ARG(p->src[1].text));
			fail();
		}
	}
	arena_done(&a);
	return tried;
}

/* A request that breaks the claim while no more fails than in the one that was found. */
struct rival {
	const struct policy_set *other;
	const char *claim;
	struct trouble was;
	struct arena a, next;
	struct str request, entities;
};

static bool is_rival(struct proof *p, struct rival *v, struct str request, struct str entities)
{
	struct policy_request q;
	struct trouble t;

	if (!proof_request(&v->next, p->c.schema, request, entities, &q) ||
	    !breaks(p, v->other, v->claim, &q, &v->next)) {
		return false;
	}
	t = trouble_of(p, v->other, &q, &v->next);
	return t.one <= v->was.one && t.two <= v->was.two;
}

static bool random_world(struct random_source *r, struct proof *p, const char *known,
			 struct rival *v)
{
	struct buf req, ent;
	bool good;

	arena_reset(&v->a);
	arena_reset(&v->next);
	buf_init(&req, 1 << 20);
	buf_init(&ent, 1 << 20);
	prove_random_request(r, &req);
	if (known) {
		buf_append(&ent, str_from_c(known));
	} else {
		prove_random_entities(r, &ent, p->opts.complete ? 0 : 5);
	}
	v->request = arena_dup(&v->a, buf_str(&req));
	v->entities = arena_dup(&v->a, buf_str(&ent));
	good = !(p->opts.closed && strstr(v->request.p, "\"d\"") && !strstr(known, "\"d\"")) &&
	       is_rival(p, v, v->request, v->entities);
	buf_done(&req);
	buf_done(&ent);
	return good;
}

/* Parts are left out in random order, as long as it stays one. */
static void descend(struct random_source *r, struct proof *p, struct rival *v)
{
	for (unsigned misses = 0; misses < 60; misses++) {
		struct prove_edit e = {
			.at = random_next(r, 60), .n_known = n_known(p), .keep = p->opts.complete};

		arena_reset(&v->next);
		assert_true(prove_edit(&v->next, &e, v->request, v->entities));
		if (e.done && is_rival(p, v, e.request, e.entities)) {
			v->request = arena_dup(&v->a, e.request);
			v->entities = arena_dup(&v->a, e.entities);
			misses = 0;
		}
	}
}

/* Whatever random requests can be made smaller to is no smaller than the one that was found. */
static void check_size(struct random_source *r, struct proof *p, const char *claim,
		       const struct policy_set *other, const char *known,
		       const struct policy_request *found, struct tally *t)
{
	const uint64_t least = size_of(&p->a, p->result.request, p->result.entities, n_known(p));
	struct rival v = {
		.other = other, .claim = claim, .was = trouble_of(p, other, found, &p->a)};

	arena_init(&v.a, 64u << 20);
	arena_init(&v.next, 64u << 20);
	for (int i = 0, tried = 0; i < WORLDS && tried < 3; i++) {
		if (!random_world(r, p, known, &v)) {
			continue;
		}
		descend(r, p, &v);
		tried++;
		t->compared++;
		arena_reset(&v.next);
		if (size_of(&v.next, v.request, v.entities, n_known(p)) < least) {
			print_error("%s: %.*s %.*s\nis not smallest: %.*s %.*s\n%.*s\n", claim,
				    STR_ARG(p->result.request), STR_ARG(p->result.entities),
				    STR_ARG(v.request), STR_ARG(v.entities),
				    STR_ARG(p->src[1].text));
			fail();
		}
	}
	arena_done(&v.next);
	arena_done(&v.a);
}

static void one_case(struct random_source *r, const char *claim, const char *known, bool closed,
		     bool complete, struct tally *t)
{
	const struct policy_set *other;
	struct policy_request q;
	struct buf mine, theirs;
	struct proof p;
	bool found;

	buf_init(&mine, 1 << 20);
	buf_init(&theirs, 1 << 20);
	for (uint32_t n = 2 + random_next(r, 2); n > 0; n--) {
		size_t at = buf_len(&mine);

		prove_random_policy(r, &mine);
		if (random_next(r, 4)) {
			buf_append(&theirs, str_from(buf_str(&mine), at));
		}
	}
	if (random_next(r, 3) == 0) {
		prove_random_policy(r, &theirs);
	}
	assert_true(proof_begin(&p, PROVE_SCHEMA, text(&mine), known, text(&theirs)));
	p.opts.closed = closed;
	p.opts.complete = complete;
	p.opts.steps = 200000;
	other = second_set(&p, claim);
	proof_run(&p, claim);
	if (p.code == ERR_LIMIT) {
		p.result.verdict = PROVE_UNSUPPORTED;
	} else {
		assert_int_equal(p.code, ERR_OK);
	}
	found = p.result.request.p;
	if (p.result.verdict == PROVE_UNSUPPORTED) {
		t->unsupported++;
		if (getenv("PROVE_SHOW")) {
			print_message("%s: %.*s %s\n%s\n", claim, STR_ARG(p.result.reason),
				      p.err.msg, mine.p);
		}
	} else if (found) {
		t->broken++;
		assert_true(
			proof_request(&p.a, p.c.schema, p.result.request, p.result.entities, &q));
		assert_true(breaks(&p, other, claim, &q, &p.a));
		t->smallest += p.result.minimal;
		t->edits += check_smallest(&p, other, claim, &q);
		if (p.result.minimal) {
			check_size(r, &p, claim, other, known, &q, t);
		}
	} else {
		t->holds++;
		check_worlds(r, &p, claim, other, known);
	}
	proof_end(&p);
	buf_done(&mine);
	buf_done(&theirs);
}

static void many(uint64_t seed, bool known, bool closed, bool complete)
{
	const char *more = getenv("PROVE_CASES");
	int cases = more ? atoi(more) : CASES;
	struct random_source r = {seed};
	struct tally t = {0};

	if (getenv("PROVE_SEED")) {
		r.state = strtoull(getenv("PROVE_SEED"), NULL, 10) * 2 + 1;
	}
	for (int i = 0; i < cases; i++) {
		struct buf entities;

		buf_init(&entities, 1 << 20);
		prove_random_entities(&r, &entities, 3);
		one_case(&r, RANDOM_PICK(&r, claims), known ? text(&entities) : NULL, closed,
			 complete, &t);
		buf_done(&entities);
	}
	print_message("%u proved, %u counterexamples (%u smaller ones tried), %u undecided\n",
		      t.holds, t.broken, t.edits, t.unsupported);
	print_message("%u proved smallest, beside %u others\n", t.smallest, t.compared);
	assert_true(t.smallest * 10 > t.broken * 9);
	assert_true(t.edits > (unsigned)cases / 20);
	assert_true(t.holds > (unsigned)cases / 20);
	assert_true(t.broken > (unsigned)cases / 20);
	assert_true(t.unsupported < (unsigned)cases / 10);
}

static void no_request_breaks_what_was_proved(void **state)
{
	(void)state;
	many(11, false, false, false);
}

static void nor_when_every_entity_exists(void **state)
{
	(void)state;
	many(12, false, false, true);
}

static void nor_with_known_entities(void **state)
{
	(void)state;
	many(13, true, false, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_request_breaks_what_was_proved),
		cmocka_unit_test(nor_when_every_entity_exists),
		cmocka_unit_test(nor_with_known_entities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
