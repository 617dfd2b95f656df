/* SPDX-License-Identifier: Apache-2.0 */
/* What is given out: a request that the engine confirms, and that no other one is smaller than. */
#include "policy/prove_job.h"

#include "policy/case.h"
#include "policy/conform.h"

#define TEXT_MAX ((size_t)256 << 20)

/* -- what a found request must do when the engine decides it -- */

static bool matches(const struct policy_request *req, const struct policy *p, struct arena *scratch,
		    enum policy_fault_code *fault)
{
	struct policy_env env = {.principal = req->principal,
				 .action = req->action,
				 .resource = req->resource,
				 .context = req->context,
				 .store = req->store,
				 .scratch = scratch};
	bool v = false;

	policy_env_prepare(&env);
	*fault = policy_eval_policy(&env, p, &v).code;
	return v && *fault == POLICY_FAULT_NONE;
}

static bool breaks(struct job *j, const struct policy_request *req, struct arena *scratch,
		   size_t n_errors[2])
{
	struct policy_decision one, two = {0};
	enum policy_fault_code fault;

	if (j->inv->query && !matches(req, j->inv->query, scratch, &fault)) {
		return false;
	}
	policy_decide(j->one.set, req, scratch, &one);
	if (j->two.set) {
		policy_decide(j->two.set, req, scratch, &two);
	}
	if (one.failure || two.failure) {
		return false;
	}
	n_errors[0] = one.errors.n;
	n_errors[1] = two.errors.n;
	switch (j->inv->claim) {
	case PROVE_ALWAYS_DENIES:
	case PROVE_REACHABLE:
		return one.allow;
	case PROVE_ALWAYS_ALLOWS:
		return !one.allow;
	case PROVE_NEVER_ERRORS:
		return one.errors.n > 0;
	case PROVE_EQUIVALENT:
	case PROVE_SHADOWED:
		return one.allow != two.allow;
	case PROVE_IMPLIES:
		return one.allow && !two.allow;
	case PROVE_NEVER_MATCHES:
		return matches(req, j->named, scratch, &fault);
	case PROVE_NONE:
		break;
	}
	return false;
}

/* Reads the documents as `writ policy eval` would. */
static enum err_code read_documents(const struct job *j, struct arena *a, struct str request,
				    struct str entities, struct policy_request *ret,
				    struct err *err)
{
	const struct policy_source req_src = {STR("request"), request};
	const struct policy_source ent_src = {STR("entities"), entities};
	struct policy_case c = {.schema = j->opts->schema};
	struct policy_entity *items;
	struct policy_store *store;
	const struct json *doc;
	size_t n;

	TRY(policy_case_json(a, &ent_src, &doc, err));
	TRY(policy_json_entities(a, doc, c.schema, &items, &n, err));
	TRY(conform_entities(c.schema, items, n, err));
	TRY(policy_store_build(a, items, n, &store, err));
	c.store = store;
	TRY(policy_case_json(a, &req_src, &doc, err));
	return policy_case_request(a, &c, doc, true, ret, err);
}

/* Lets the engine decide, and keeps what a smaller request must not change. */
static enum err_code replay(struct job *j, struct str request, struct str entities, bool *ret,
			    struct err *err)
{
	struct policy_request req;

	TRY(read_documents(j, &j->replay_arena, request, entities, &req, err));
	*ret = breaks(j, &req, &j->replay_arena, j->n_errors);
	j->failing = NULL;
	for (size_t i = 0; i < j->n_goal; i++) {
		if (j->goal[i].want == PROVE_FAILING) {
			j->failing = j->goal[i].policy;
			(void)matches(&req, j->failing, &j->replay_arena, &j->fault);
		}
	}
	return ERR_OK;
}

bool prove_is_about(const struct job *j, const struct prove_never *never)
{
	const struct type *context = j->m.action->context;

	return type_field_find(context, never->attrs[0]) &&
	       type_field_find(context, never->attrs[1]);
}

/* Does the smaller request break the claim for the same reason, and can it be? */
static bool is_as_good(struct job *j, const struct policy_request *req)
{
	enum policy_fault_code fault;
	size_t n_errors[2];

	for (size_t i = 0; i < j->opts->n_never; i++) {
		const struct prove_never *never = &j->opts->never[i];

		if (prove_is_about(j, never) &&
		    matches(req, never->policy, &j->replay_arena, &fault)) {
			return false;
		}
	}
	if (!breaks(j, req, &j->replay_arena, n_errors) || n_errors[0] > j->n_errors[0] ||
	    n_errors[1] > j->n_errors[1]) {
		return false;
	}
	if (j->failing) {
		(void)matches(req, j->failing, &j->replay_arena, &fault);
		if (fault != j->fault) {
			return false;
		}
	}
	j->n_errors[0] = n_errors[0];
	j->n_errors[1] = n_errors[1];
	return true;
}

static enum err_code check(void *arg, struct str request, struct str entities, bool *ret,
			   struct err *err)
{
	struct job *j = arg;
	struct policy_request req;
	struct err why = {0};
	enum err_code code;

	arena_reset(&j->replay_arena);
	code = read_documents(j, &j->replay_arena, request, entities, &req, &why);
	if (code == ERR_NOMEM) {
		return prove_no_memory(err);
	}
	*ret = code == ERR_OK && is_as_good(j, &req);
	return ERR_OK;
}

void prove_undecided(struct job *j, const char *why)
{
	struct str about = j->m.action ? j->m.action->id : STR("");

	j->undecided++;
	if (!j->refused.p) {
		j->refused = arena_printf(j->a, "%s (action \"" STR_FMT "\")", why, STR_ARG(about));
	}
}

/* The world as documents in the caller's arena. */
static enum err_code write_world(struct job *j, struct str *request, struct str *entities,
				 struct err *err)
{
	struct buf req, ent;
	bool good;

	buf_init(&req, TEXT_MAX);
	buf_init(&ent, TEXT_MAX);
	good = prove_json(&j->w, &req, &ent);
	*request = arena_dup(j->a, buf_str(&req));
	*entities = arena_dup(j->a, buf_str(&ent));
	buf_done(&req);
	buf_done(&ent);
	return good && request->p && entities->p ? ERR_OK : prove_no_memory(err);
}

/* The first counterexample, if the engine agrees. */
static enum err_code is_confirmed(struct job *j, struct str request, struct str entities, bool *ret,
				  struct err *err)
{
	struct err why = {0};
	enum err_code code;
	bool good = false;

	arena_reset(&j->replay_arena);
	code = replay(j, request, entities, &good, &why);
	if (code == ERR_NOMEM) {
		return prove_no_memory(err);
	}
	*ret = code == ERR_OK && good;
	if (!*ret) {
		prove_undecided(j, code ? why.msg
					: "a request was found that the engine does not confirm");
	}
	return ERR_OK;
}

/* Another one, which is smaller and in which no more policies fail. */
static enum err_code is_smaller(struct job *j, struct str request, struct str entities, bool *ret,
				struct err *err)
{
	uint64_t size;

	arena_reset(&j->replay_arena);
	*ret = false;
	if (!prove_size(&j->w, &j->replay_arena, request, entities, &size)) {
		return prove_no_memory(err);
	}
	if (size > j->w.budget) {
		return ERR_OK;
	}
	j->failing = NULL; /* which one fails is the goal's business */
	TRY(check(j, request, entities, ret, err));
	if (*ret) {
		TRY(is_confirmed(j, request, entities, ret, err));
	}
	return ERR_OK;
}

/* The world that was found becomes the answer when it is as small as it can be by itself. */
enum err_code prove_deliver(struct job *j, struct err *err)
{
	const struct policy *failing = j->failing;
	struct str request, entities;
	bool good;

	TRY(write_world(j, &request, &entities, err));
	TRY(j->found ? is_smaller(j, request, entities, &good, err)
		     : is_confirmed(j, request, entities, &good, err));
	if (!good) {
		j->failing = j->found ? failing : j->failing;
		return ERR_OK;
	}
	if (j->opts->shrink) {
		uint64_t size;

		TRY(prove_shrink(&j->w, check, j, &j->ret->minimal, err));
		TRY(write_world(j, &request, &entities, err));
		arena_reset(&j->replay_arena);
		if (!prove_size(&j->w, &j->replay_arena, request, entities, &size)) {
			return prove_no_memory(err);
		}
		j->w.budget = size > 0 ? size - 1 : 0;
		j->smallest = size == 0 || !j->ret->minimal;
	}
	j->found = true;
	j->ret->request = request;
	j->ret->entities = entities;
	if (j->failing) {
		j->ret->policy = j->failing->id;
	}
	return ERR_OK;
}
