/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/data.h"
#include "policy/engine.h"

#include "tests/test.h"

#define DAY 86400000

struct bench {
	struct arena a;
	struct policy_diags diags;
	const struct policy_set *set;
	struct err err;
	struct policy_uid principal, action, resource;
	struct policy_request req;
	struct policy_decision d;
};

static enum err_code load(struct bench *b, const char *text)
{
	struct policy_source src = {STR("p.cedar"), str_from_c(text)};
	struct policy_set_opts opts = {.ids = POLICY_ID_ANNOTATION, .strict_annotations = true};

	memset(b, 0, sizeof(*b));
	arena_init(&b->a, 64 << 20);
	policy_diags_init(&b->diags, &b->a);
	b->principal = policy_uid_make(STR("Agent"), STR("a"));
	b->action = policy_uid_make(STR("Action"), STR("call"));
	b->resource = policy_uid_make(STR("Tool"), STR("s.t"));
	b->req = (struct policy_request){.principal = &b->principal,
					 .action = &b->action,
					 .resource = &b->resource,
					 .context = {.kind = POLICY_RECORD}};
	return policy_set_load(&b->a, &src, 1, &opts, &b->diags, &b->set, &b->err);
}

static enum policy_outcome decide(struct bench *b, const char *text)
{
	if (load(b, text) != ERR_OK) {
		print_error("%s\n", b->err.msg);
		fail();
	}
	policy_decide(b->set, &b->req, &b->a, &b->d);
	return b->d.outcome;
}

static void end(struct bench *b)
{
	arena_done(&b->a);
}

#define PERMIT "permit(principal,action,resource)"
#define FORBID "forbid(principal,action,resource)"

static void nothing_is_allowed_without_a_permit(void **state)
{
	struct bench b;

	(void)state;
	assert_int_equal(decide(&b, ""), POLICY_DENY);
	assert_false(b.d.allow);
	assert_int_equal(b.d.reasons.n, 0);
	assert_null(b.d.failure);
	end(&b);
}

static void a_forbid_beats_every_permit(void **state)
{
	struct bench b;

	(void)state;
	assert_int_equal(decide(&b, "@id(\"p\")" PERMIT "; @id(\"f\")" FORBID ";"), POLICY_DENY);
	assert_int_equal(b.d.reasons.n, 1);
	assert_str_equal(b.d.reasons.items[0]->id, STR("f"));
	end(&b);
}

static void a_denial_with_remedies_on_every_forbid_asks(void **state)
{
	struct bench b;

	(void)state;
	assert_int_equal(decide(&b, PERMIT "; @ask(\"owner\")@ask_ttl(\"10m\")" FORBID
					   "; @retry_after(\"60s\")" FORBID ";"),
			 POLICY_ASK);
	assert_false(b.d.allow);
	assert_int_equal(b.d.n_remedies, 3);
	assert_str_equal(b.d.remedies[0]->value, STR("owner"));
	end(&b);
	assert_int_equal(decide(&b, PERMIT "; @ask(\"owner\")" FORBID "; " FORBID ";"),
			 POLICY_DENY);
	end(&b);
	assert_int_equal(decide(&b, "@ask(\"owner\")" FORBID ";"), POLICY_DENY);
	end(&b);
}

static void a_forbid_that_fails_denies_without_remedy(void **state)
{
	struct bench b;

	(void)state;
	assert_int_equal(decide(&b, PERMIT "; @id(\"f\")@ask(\"owner\")" FORBID
					   " when { context.missing };"),
			 POLICY_DENY);
	assert_true(b.d.allow); /* Cedar skips it */
	assert_int_equal(b.d.errors.n, 1);
	assert_int_equal(b.d.faults[0], POLICY_FAULT_ATTR);
	assert_str_equal(b.d.deciding.items[0]->id, STR("f"));
	end(&b);
}

static void the_cheapest_permit_gives_the_duties(void **state)
{
	struct bench b;

	(void)state;
	assert_int_equal(
		decide(&b, "@id(\"a\")@redact(\"pii\")@audit(\"full\")@always(\"audit\")" PERMIT
			   "; @id(\"c\")@route(\"local\")" PERMIT
			   "; @id(\"b\")@route(\"eu\")" PERMIT ";"),
		POLICY_ALLOW);
	assert_str_equal(b.d.permit->id, STR("b"));
	assert_int_equal(b.d.n_duties, 2);
	assert_str_equal(b.d.duties[0]->key, STR("audit"));
	assert_str_equal(b.d.duties[1]->value, STR("eu"));
	end(&b);
}

static void a_log_only_policy_is_reported_and_not_counted(void **state)
{
	struct bench b;

	(void)state;
	assert_int_equal(decide(&b, PERMIT "; @id(\"f\")@mode(\"log\")" FORBID ";"), POLICY_ALLOW);
	assert_false(b.d.allow);
	assert_int_equal(b.d.logged.n, 1);
	end(&b);
	assert_int_equal(decide(&b, "@mode(\"log\")" PERMIT ";"), POLICY_DENY);
	assert_true(b.d.allow);
	end(&b);
}

static void a_policy_counts_only_between_since_and_until(void **state)
{
	static const struct {
		int64_t now;
		enum policy_outcome want;
	} cases[] = {
		{DAY - 1, POLICY_DENY},
		{DAY, POLICY_ALLOW},
		{2 * DAY - 1, POLICY_ALLOW},
		{2 * DAY, POLICY_DENY},
	};
	struct bench b;

	(void)state;
	decide(&b, "@since(\"1970-01-02\")@until(\"1970-01-03\")" PERMIT ";");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		b.req.now = cases[i].now;
		policy_decide(b.set, &b.req, &b.a, &b.d);
		assert_int_equal(b.d.outcome, cases[i].want);
	}
	end(&b);
}

static void refused(const char *text, const char *why)
{
	struct bench b;

	assert_int_not_equal(load(&b, text), ERR_OK);
	if (!strstr(b.err.msg, why)) {
		print_error("%s\n", b.err.msg);
		fail();
	}
	assert_null(b.set);
	end(&b);
}

static void annotations_that_cannot_work_are_refused(void **state)
{
	struct bench b;

	(void)state;
	refused("@resaon(\"x\")" PERMIT ";", "@resaon is not a known annotation");
	refused("@ask(\"x\")" PERMIT ";", "belongs on a forbid");
	refused("@redact(\"x\")" FORBID ";", "belongs on a permit");
	refused("@ask(\"owner\")@ask_ttl(\"soon\")" FORBID ";", "needs a positive duration");
	refused("@until(\"tomorrow\")" PERMIT ";", "needs a date");
	refused("@mode(\"audit\")" PERMIT ";", "\"log\" or \"enforce\"");
	refused("@always(\"audit\")" PERMIT ";", "names duties");
	refused("@ask(\"ownr\")" FORBID ";", "\"owner\", \"user\" or \"role:NAME\"");
	refused("@ask(\"role:\")" FORBID ";", "\"owner\", \"user\" or \"role:NAME\"");
	refused("@audit(\"durabel\")" FORBID ";", "\"summary\", \"full\" or \"durable\"");
	refused("@audit " PERMIT ";", "\"summary\", \"full\" or \"durable\"");
	refused("@since(\"2026-02-01\")@until(\"2026-01-01\")" FORBID ";",
		"ends before the policy begins to count");
	refused("@until(\"2026-01-01\")@since(\"2026-01-01\")" FORBID ";",
		"ends before the policy begins to count");
	refused("@id(\"a\")" PERMIT "; @id(\"a\")" PERMIT ";", "used twice");
	refused("permit(principal == ?principal,action,resource);", "template");
	assert_int_equal(load(&b, "@x_team(\"a\")@audit(\"full\")" PERMIT
				  "; @ask(\"role:dpo\")@ask_ttl(\"12h\")" FORBID ";"),
			 ERR_OK);
	end(&b);
}

static void request_time_entities_join_the_hierarchy_of_the_store(void **state)
{
	struct policy_entity *stored, overlay[2];
	struct policy_uid server, group, org;
	struct policy_store *store;
	struct bench b;

	(void)state;
	assert_int_equal(load(&b, "permit(principal,action,resource in Org::\"o\") when { "
				  "resource.mutates == false && resource in Server::\"s\" };"),
			 ERR_OK);
	org = policy_uid_make(STR("Org"), STR("o"));
	group = policy_uid_make(STR("Group"), STR("g"));
	server = policy_uid_make(STR("Server"), STR("s"));
	stored = ARENA_ARRAY(&b.a, 1, struct policy_entity);
	stored[0] = (struct policy_entity){.uid = group, .parents = &org, .n_parents = 1};
	assert_int_equal(policy_store_build(&b.a, stored, 1, &store, NULL), ERR_OK);
	memset(overlay, 0, sizeof(overlay));
	overlay[0].uid = b.resource;
	overlay[0].parents = &server;
	overlay[0].n_parents = 1;
	{
		struct policy_record r;

		policy_record_begin(&r, &b.a);
		policy_record_put(&r, STR("mutates"), policy_bool(false));
		assert_true(policy_record_end(&r, &overlay[0].attrs));
	}
	overlay[1].uid = server;
	overlay[1].parents = &group;
	overlay[1].n_parents = 1;
	b.req.store = store;
	b.req.entities = overlay;
	b.req.n_entities = 2;
	policy_decide(b.set, &b.req, &b.a, &b.d);
	assert_null(b.d.failure);
	assert_int_equal(b.d.outcome, POLICY_ALLOW);
	b.req.n_entities = 1; /* the server is then only a name */
	policy_decide(b.set, &b.req, &b.a, &b.d);
	assert_int_equal(b.d.outcome, POLICY_DENY);
	overlay[1].parents = &server;
	b.req.n_entities = 2;
	policy_decide(b.set, &b.req, &b.a, &b.d);
	assert_non_null(b.d.failure);
	assert_int_equal(b.d.outcome, POLICY_DENY);
	end(&b);
}

static void exhausted_memory_is_a_denial(void **state)
{
	struct bench b;
	struct arena scratch;
	bool allowed = false;

	(void)state;
	assert_int_equal(load(&b, PERMIT " when { [1,2,3].contains(2) };"), ERR_OK);
	for (size_t limit = 0; limit < 16384; limit += 64) {
		arena_init(&scratch, limit);
		policy_decide(b.set, &b.req, &scratch, &b.d);
		if (b.d.outcome == POLICY_ALLOW) {
			allowed = true;
			assert_null(b.d.failure);
		} else {
			assert_non_null(b.d.failure);
			assert_false(b.d.allow);
		}
		arena_done(&scratch);
	}
	assert_true(allowed);
	end(&b);
}

static void the_canonical_bytes_ignore_layout_and_nothing_else(void **state)
{
	struct policy_source a = {STR("a"), STR("permit ( principal,action , resource ) ; // x")};
	struct policy_source b = {STR("b"), STR("permit(principal,action,resource);")};
	struct policy_source c = {STR("b"), STR("forbid(principal,action,resource);")};
	struct buf x, y;

	(void)state;
	buf_init(&x, 1000);
	buf_init(&y, 1000);
	assert_int_equal(policy_canonical(&a, 1, &x, NULL), ERR_OK);
	assert_int_equal(policy_canonical(&b, 1, &y, NULL), ERR_OK);
	assert_str_equal(buf_str(&x), buf_str(&y));
	buf_clear(&y);
	assert_int_equal(policy_canonical(&c, 1, &y, NULL), ERR_OK);
	assert_false(str_eq(buf_str(&x), buf_str(&y)));
	buf_done(&x);
	buf_done(&y);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_allowed_without_a_permit),
		cmocka_unit_test(a_forbid_beats_every_permit),
		cmocka_unit_test(a_denial_with_remedies_on_every_forbid_asks),
		cmocka_unit_test(a_forbid_that_fails_denies_without_remedy),
		cmocka_unit_test(the_cheapest_permit_gives_the_duties),
		cmocka_unit_test(a_log_only_policy_is_reported_and_not_counted),
		cmocka_unit_test(a_policy_counts_only_between_since_and_until),
		cmocka_unit_test(annotations_that_cannot_work_are_refused),
		cmocka_unit_test(request_time_entities_join_the_hierarchy_of_the_store),
		cmocka_unit_test(exhausted_memory_is_a_denial),
		cmocka_unit_test(the_canonical_bytes_ignore_layout_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
