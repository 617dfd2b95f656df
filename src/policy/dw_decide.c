/* SPDX-License-Identifier: Apache-2.0 */
/* One decision: the attributes of leaves and calls are computed, then Cedar decides. */
#include "policy/dw.h"

#include "policy/decide_priv.h"
#include "policy/sort.h"

bool dw_is_decision(const struct dw_program *prog, const struct dw_event *ev)
{
	const struct dw_kind *k = dw_events_kind(prog->events, ev->event.kind);

	return k && k->decision;
}

bool dw_event_key(const struct dw_program *prog, const struct temporal_event *ev,
		  struct policy_value *ret)
{
	for (size_t i = 0; i < prog->events->n_partition; i++) {
		const struct policy_value *v =
			temporal_event_field(ev->fields, &prog->events->partition[i]->name, 1);

		if (!v) {
			return false;
		}
		ret[i] = *v;
	}
	return true;
}

bool dw_request_key(const struct dw_program *prog, const struct policy_env *env,
		    struct policy_value *ret)
{
	for (size_t i = 0; i < prog->events->n_partition; i++) {
		const struct dw_field *f = prog->events->partition[i];

		ret[i] = temporal_request_path(env, f->pin_base, f->pin_path, f->n_pin_path);
		if (ret[i].kind == POLICY_NONE) {
			return false;
		}
	}
	return true;
}

struct decision {
	const struct dw_program *prog;
	struct policy_env env;
	dw_leaf_fn *leaf_value;
	void *arg;
	struct policy_matches matches; /* only these can look at their attributes */
};

/* An attribute of the context, before it has its place. */
struct attr {
	uint32_t rank;
	struct policy_field field;
};

struct attrs {
	struct attr *items;
	size_t n;
};

static int attr_cmp(const void *pa, const void *pb)
{
	const struct attr *a = pa, *b = pb;

	return (a->rank > b->rank) - (a->rank < b->rank);
}

static enum err_code add_leaves(struct decision *d, const struct dw_rule *rule, struct attrs *to,
				struct err *err)
{
	for (uint32_t i = rule->leaf; i < rule->leaf + rule->n_leaves; i++) {
		const struct temporal_leaf *leaf = &d->prog->leaves[i];
		bool holds = false;

		TRY(d->leaf_value(d->arg, leaf, i, &d->env, d->env.scratch, &holds, err));
		to->items[to->n++] = (struct attr){leaf->rank, {leaf->attr, policy_bool(holds)}};
	}
	return ERR_OK;
}

static enum err_code add_calls(struct decision *d, const struct dw_rule *rule, struct attrs *to,
			       struct err *err)
{
	for (uint32_t i = rule->call; i < rule->call + rule->n_calls; i++) {
		const struct dw_call *call = &d->prog->calls[i];
		struct policy_value v;

		TRY(dw_call_eval(call, &d->env, d->prog->schema, d->env.scratch, &v, err));
		to->items[to->n++] = (struct attr){call->rank, {call->attr, v}};
	}
	return ERR_OK;
}

/* What the matching policies look at, in the order of members. */
static enum err_code gather(struct decision *d, struct attrs *ret, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < d->matches.n; i++) {
		const struct dw_rule *rule = &d->prog->rules[d->matches.items[i]];

		n += rule->n_leaves + rule->n_calls;
	}
	*ret = (struct attrs){.items = ARENA_ARRAY(d->env.scratch, n, struct attr)};
	if (!ret->items) {
		return ERR(err, ERR_NOMEM, "decision: out of memory");
	}
	for (size_t i = 0; i < d->matches.n; i++) {
		const struct dw_rule *rule = &d->prog->rules[d->matches.items[i]];

		TRY(add_leaves(d, rule, ret, err));
		TRY(add_calls(d, rule, ret, err));
	}
	policy_sort(ret->items, n, sizeof(*ret->items), attr_cmp);
	return ERR_OK;
}

/* Two ascending lists to one. */
static enum err_code merge(const struct attrs *add, struct arena *scratch,
			   struct policy_value *context, struct err *err)
{
	size_t n = context->n + add->n, at = 0;
	struct policy_field *fields = ARENA_ARRAY(scratch, n, struct policy_field);

	if (!fields) {
		return ERR(err, ERR_NOMEM, "decision: out of memory");
	}
	for (size_t i = 0, k = 0; at < n; at++) {
		int c = i == context->n ? 1
			: k == add->n
				? -1
				: policy_key_cmp(context->fields[i].key, add->items[k].field.key);

		if (c == 0) {
			return ERR(err, ERR_INVALID,
				   "the context has a name that the program uses");
		}
		fields[at] = c < 0 ? context->fields[i++] : add->items[k++].field;
	}
	context->fields = fields;
	context->n = (uint32_t)n;
	return ERR_OK;
}

static enum err_code check_request(const struct decision *d, const struct dw_event *ev,
				   struct err *err)
{
	struct policy_value said[DW_PINS_MAX], seen[DW_PINS_MAX];

	if (!dw_request_key(d->prog, &d->env, said) || !dw_event_key(d->prog, &ev->event, seen)) {
		return ERR(err, ERR_INVALID, "the request lacks a field that events are pinned to");
	}
	for (size_t i = 0; i < d->prog->events->n_partition; i++) {
		if (!policy_value_eq(said[i], seen[i])) {
			return ERR(err, ERR_INVALID,
				   "the request and its event differ in a pinned field");
		}
	}
	return ERR_OK;
}

static enum err_code fill(struct decision *d, const struct dw_event *ev, struct err *err)
{
	struct attrs add;

	if (d->prog->n_leaves > 0) {
		TRY(check_request(d, ev, err));
	}
	if (!policy_matches_find(d->prog->set, &d->env, &d->matches)) {
		return ERR(err, ERR_NOMEM, "decision: out of memory");
	}
	TRY(gather(d, &add, err));
	return merge(&add, d->env.scratch, &d->env.context, err);
}

static void refuse(struct policy_decision *ret, struct err *err, const char *failure,
		   const char *why)
{
	err_ignore(ERR(err, ERR_INVALID, "%s", why)); /* the caller gets it by err and failure */
	policy_decision_fail(ret, failure);
}

void dw_decide(const struct dw_program *prog, const struct dw_event *ev,
	       const struct policy_store *store, dw_leaf_fn *leaf_value, void *arg,
	       struct arena *scratch, struct policy_decision *ret, struct err *err)
{
	struct decision d = {.prog = prog, .leaf_value = leaf_value, .arg = arg};
	struct policy_request req = {.principal = ev->principal,
				     .action = ev->event.action,
				     .resource = ev->resource,
				     .context = ev->context,
				     .store = store ? store : prog->store,
				     .entities = ev->entities,
				     .n_entities = ev->n_entities,
				     .now = ev->now ? ev->now : ev->event.ts_ms};

	if (!ev->principal || !ev->resource || ev->context.kind != POLICY_RECORD) {
		refuse(ret, err, "incomplete request",
		       "the event lacks its principal, resource or context");
	} else if (!dw_action_known(prog, ev->event.action)) {
		refuse(ret, err, "unknown action", "the schema has no such action");
	} else if (!policy_request_env(&req, scratch, &d.env)) {
		refuse(ret, err, "request",
		       "the request's entities go in a circle, are too many, or memory is short");
	} else if (fill(&d, ev, err)) {
		policy_decision_fail(ret,
				     "a temporal condition or a provider could not be computed");
	} else {
		policy_matches_decide(prog->set, &d.env, &d.matches, req.now, ret);
	}
}
