/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/rules_vary.h"

#include "gate/rules_entities.h"
#include "policy/vary.h"

enum { MEMORY = 4 << 20 };

static bool is_within(struct str path, struct str dir)
{
	return str_eq(dir, STR("/")) ||
	       (str_starts_with(path, dir) && (path.n == dir.n || path.p[dir.n] == '/'));
}

/* Of a path below the place: a place of its own, since a policy names it. */
static bool is_about(const void *arg, const struct policy_uid *named)
{
	const struct rules_query *q = arg;

	return is_within(q->object, named->id);
}

/* What a run has once for all, and what no action with a file has at all. */
static bool is_fixed(const void *arg, enum policy_var var, const struct str *names, size_t n)
{
	static const struct str fixed[] = {STR_INIT("input"), STR_INIT("program"),
					   STR_INIT("sessionId")};
	static const struct str fixed_of_w[] = {STR_INIT("labels"), STR_INIT("origin"),
						STR_INIT("purpose"), STR_INIT("session")};

	(void)arg;
	if (var == POLICY_VAR_RESOURCE) {
		return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
		if (str_eq(names[0], fixed[i])) {
			return true;
		}
	}
	for (size_t i = 0; n > 1 && str_eq(names[0], STR("w")) && i < ARRAY_LEN(fixed_of_w); i++) {
		if (str_eq(names[1], fixed_of_w[i])) {
			return true;
		}
	}
	return false;
}

/* Any policy, or any permit, that varies. */
static bool any(const struct policy_vary *v, bool permits, struct arena *a)
{
	for (size_t i = 0; i < policy_set_size(v->set); i++) {
		const struct policy_rule *rule = policy_set_rule(v->set, i);

		if ((!permits || rule->effect == POLICY_PERMIT) && policy_varies(v, rule, a)) {
			return true;
		}
	}
	return false;
}

static bool all_vary(const struct policy_vary *v, const struct rules_answer *answer,
		     struct arena *a)
{
	for (size_t i = 0; i < answer->n_policies; i++) {
		const struct policy_rule *rule = policy_set_find(v->set, answer->policies[i]);

		if (!rule || !policy_varies(v, rule, a)) {
			return false;
		}
	}
	return answer->n_policies > 0;
}

bool rules_vary(const struct rules *r, const struct rules_query *q,
		const struct rules_answer *answer)
{
	struct policy_uid principal = policy_uid_make(STR("Writ::Agent"), q->agent);
	struct policy_uid action = policy_uid_make(
		RULES_ACTION, q->kind == RULES_WRITE_FILE ? STR("write_file") : STR("read_file"));
	struct policy_uid resource = policy_uid_make(STR("Writ::Path"), q->object);
	struct policy_request req = {.principal = &principal,
				     .action = &action,
				     .resource = &resource,
				     .store = r->store,
				     .now = (int64_t)q->now_ms};
	struct policy_vary v = {.set = r->policies.set,
				.request = &req,
				.is_about = is_about,
				.is_fixed = is_fixed,
				.arg = q};
	struct arena a;
	bool ret;

	arena_init(&a, MEMORY);
	ret = !policy_value_record(NULL, 0, &req.context) ? true
	      : answer->outcome == POLICY_ALLOW           ? any(&v, false, &a)
	      : answer->policy.n                          ? all_vary(&v, answer, &a)
							  : any(&v, true, &a);
	arena_done(&a);
	return ret;
}

/* ---- programs that a run starts later ---- */

static bool is_any_program(const void *arg, const struct policy_uid *named)
{
	(void)arg;
	(void)named;
	return true;
}

static bool is_no_named_program(const void *arg, const struct policy_uid *named)
{
	(void)arg;
	(void)named;
	return false;
}

/* What stays as it was when the run began. A program's file does; nobody approves of what is started later. */
static bool is_fixed_in_a_run(const void *arg, enum policy_var var, const struct str *names,
			      size_t n)
{
	return var == POLICY_VAR_RESOURCE || is_fixed(arg, var, names, n) ||
	       (str_eq(names[0], STR("w")) && (n == 1 || str_eq(names[1], STR("approval"))));
}

/* Of programs that no policy names all but their paths is known: they are not hashed. */
static bool is_known_of_others(const void *arg, enum policy_var var, const struct str *names,
			       size_t n)
{
	(void)arg;
	(void)n;
	return var == POLICY_VAR_CONTEXT || str_eq(names[0], STR("digest"));
}

static const struct policy_rule *find_exec(const struct rules *r, struct str agent,
					   struct policy_vary *v, bool permits)
{
	struct policy_uid principal = policy_uid_make(STR("Writ::Agent"), agent);
	struct policy_uid action = policy_uid_make(RULES_ACTION, STR("exec"));
	struct policy_uid resource = policy_uid_make(STR("Writ::Program"), STR(""));
	struct policy_request req = {.principal = &principal,
				     .action = &action,
				     .resource = &resource,
				     .store = r->store};
	const struct policy_rule *ret = NULL;
	struct arena a;

	v->set = r->policies.set;
	v->request = &req;
	arena_init(&a, MEMORY);
	for (size_t i = 0;
	     policy_value_record(NULL, 0, &req.context) && !ret && i < policy_set_size(v->set);
	     i++) {
		const struct policy_rule *rule = policy_set_rule(v->set, i);

		if (!(permits ? rule->effect == POLICY_FORBID
			      : policy_rule_note(rule, STR("decided")).p != NULL) &&
		    policy_varies(v, rule, &a)) {
			ret = rule;
		}
	}
	arena_done(&a);
	return ret;
}

const struct policy_rule *rules_vary_exec(const struct rules *r, struct str agent)
{
	struct policy_vary v = {.is_about = is_any_program, .is_fixed = is_fixed_in_a_run};

	return find_exec(r, agent, &v, false);
}

bool rules_permit_by_path(const struct rules *r, struct str agent)
{
	struct policy_vary v = {.is_about = is_no_named_program, .is_fixed = is_known_of_others};

	return find_exec(r, agent, &v, true) != NULL;
}

void rules_learn(const struct rules_query *q, struct rules_answer *answer)
{
	bool learnt = q->kind == RULES_READ_FILE || q->kind == RULES_WRITE_FILE ||
		      q->kind == RULES_CONNECT;

	if (learnt && answer->outcome == POLICY_DENY && answer->n_policies == 0 &&
	    answer->n_errors == 0 && !answer->policy.n && !answer->cause.n) {
		answer->outcome = POLICY_ALLOW;
		answer->cause = STR("learned");
	}
}
