/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said of two sets for a request that is known in part, with what was recorded
 * of the decision, against the decisions about the whole request.
 */
#include "tests/test.h"

#include "policy/compare.h"
#include "tests/unit/policy/partial_help.h"
#include "tests/unit/policy/prove_help.h"

enum { CASES = 2500, NOW = 1000 };

struct tally {
	unsigned sure, unsure;
};

struct pair {
	struct proof p;
	struct policy_list list[2];
	const struct policy_set *set[2];
	struct buf text[2], req, ent;
};

static void put_policy(struct random_source *r, struct buf *out, unsigned n)
{
	static const char *const notes[] = {"",
					    "",
					    "",
					    "@ask(\"owner\") ",
					    "@mode(\"log\") ",
					    "@until(\"1970-01-01\") ",
					    "@until(\"1970-01-02\") "};
	size_t at;

	buf_printf(out, "@id(\"%u\") %s", n, RANDOM_PICK(r, notes));
	at = buf_len(out);
	prove_random_policy(r, out);
	assert_true(buf_len(out) > at);
}

/* The second set has some policies of the first, some with other annotations, and its own. */
static void make_texts(struct random_source *r, struct pair *x)
{
	for (unsigned n = 0; n < 4; n++) {
		size_t at = buf_len(&x->text[0]);

		put_policy(r, &x->text[0], n);
		if (random_next(r, 4)) {
			struct str whole = str_from(buf_str(&x->text[0]), at);
			bool loud = random_next(r, 4) == 0;
			size_t bare = str_find_str(whole, STR(") permit"));

			bare = bare < whole.n ? bare : str_find_str(whole, STR(") forbid"));
			if (loud && bare < whole.n) {
				buf_printf(&x->text[1], "@id(\"%u\"", n);
				whole = str_from(whole, bare);
			}
			buf_append(&x->text[1], whole);
		}
	}
	put_policy(r, &x->text[1], 9);
}

static void begin(struct random_source *r, struct pair *x)
{
	*x = (struct pair){0};
	for (int i = 0; i < 2; i++) {
		buf_init(&x->text[i], 1 << 20);
	}
	buf_init(&x->req, 1 << 20);
	buf_init(&x->ent, 1 << 20);
	make_texts(r, x);
	prove_random_request(r, &x->req);
	prove_random_entities(r, &x->ent, 6);
	assert_true(proof_begin(&x->p, PROVE_SCHEMA, "", NULL, NULL));
	for (int i = 0; i < 2; i++) {
		const struct policy_source src = {STR("p"), buf_str(&x->text[i])};

		if (policy_parse(&x->p.a, &src, POLICY_ID_ANNOTATION, &x->list[i], &x->p.diags,
				 &x->p.err) ||
		    policy_set_build(&x->p.a, &x->list[i], NULL, &x->p.diags, &x->set[i],
				     &x->p.err)) {
			fail_msg("%s", x->p.err.msg);
		}
	}
}

static void end(struct pair *x)
{
	proof_end(&x->p);
	buf_done(&x->text[0]);
	buf_done(&x->text[1]);
	buf_done(&x->req);
	buf_done(&x->ent);
}

static size_t ids(struct arena *a, const struct policy_rules *rules, const struct str **ret)
{
	struct str *items = ARENA_ARRAY(a, rules->n + 1, struct str);

	assert_non_null(items);
	for (size_t i = 0; i < rules->n; i++) {
		items[i] = rules->items[i]->id;
	}
	*ret = items;
	return rules->n;
}

/* What a ledger would hold of a decision. */
static struct policy_recorded record(struct random_source *r, struct pair *x,
				     const struct policy_decision *d, bool after)
{
	struct policy_recorded rec = {.known = true, .after = after, .outcome = d->outcome};

	rec.n_deciding = ids(&x->p.a, &d->deciding, &rec.deciding);
	rec.n_errors = ids(&x->p.a, &d->errors, &rec.errors);
	rec.all_deciding = rec.all_errors = true;
	if (rec.n_deciding > 1 && random_next(r, 4) == 0) {
		rec.n_deciding--;
		rec.all_deciding = false;
	}
	if (rec.n_errors > 0 && random_next(r, 4) == 0) {
		rec.n_errors--;
		rec.all_errors = false;
	}
	return rec;
}

static void check(const struct pair *x, const struct policy_compare *c,
		  const struct policy_partial *known, const struct policy_recorded *rec,
		  unsigned is, bool exact, struct tally *t)
{
	struct policy_compared got;
	struct err err = {0};
	struct arena a;

	arena_init(&a, 64 << 20);
	assert_int_equal(policy_compare(c, known, rec, &a, &got, &err), ERR_OK);
	if (!(got.pairs & is) || (exact && got.pairs != is) || got.contradicted) {
		fail_msg("%x is not in %x (%d): %.*s\n--\n%.*s\n%.*s", is, got.pairs,
			 got.contradicted, STR_ARG(buf_str(&x->text[0])),
			 STR_ARG(buf_str(&x->text[1])), STR_ARG(buf_str(&x->req)));
	}
	assert_true(!exact || got.n_open == 0);
	t->sure += got.pairs == is;
	t->unsure += got.pairs != is;
	arena_done(&a);
}

static void one_case(struct random_source *r, struct tally *t)
{
	const struct policy_recorded nothing = {0};
	const struct policy_compare *c;
	struct policy_partial known;
	struct policy_decision d[2];
	struct policy_request req;
	struct policy_recorded rec;
	struct pair x;
	unsigned is;

	begin(r, &x);
	assert_true(proof_request(&x.p.a, x.p.c.schema, buf_str(&x.req), buf_str(&x.ent), &req));
	req.now = NOW;
	assert_int_equal(policy_compare_new(
				 &x.p.a, &(struct policy_compare_set){&x.list[0], x.set[0]},
				 &(struct policy_compare_set){&x.list[1], x.set[1]}, &c, &x.p.err),
			 ERR_OK);
	policy_decide(x.set[0], &req, &x.p.a, &d[0]);
	policy_decide(x.set[1], &req, &x.p.a, &d[1]);
	is = POLICY_COMPARE_BIT(d[0].outcome, d[1].outcome);
	known = (struct policy_partial){.request = &req};
	check(&x, c, &known, &nothing, is, true, t);
	req.context = hide(r, &x.p.a, req.context);
	check(&x, c, &known, &nothing, is, false, t);
	rec = record(r, &x, &d[0], false);
	check(&x, c, &known, &rec, is, false, t);
	rec = record(r, &x, &d[1], true);
	check(&x, c, &known, &rec, is, false, t);
	req.store = forget(r, &x.p.a, req.store);
	known.open = true;
	check(&x, c, &known, &rec, is, false, t);
	end(&x);
}

static void the_true_pair_of_outcomes_is_never_left_out(void **state)
{
	const char *more = getenv("COMPARE_CASES");
	struct random_source r = {31};
	struct tally t = {0};

	(void)state;
	for (int i = more ? atoi(more) : CASES; i > 0; i--) {
		one_case(&r, &t);
	}
	print_message("%u pairs known for sure, %u not\n", t.sure, t.unsure);
	assert_true(t.sure > t.unsure && t.unsure > t.sure / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_true_pair_of_outcomes_is_never_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
