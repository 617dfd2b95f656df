/* SPDX-License-Identifier: Apache-2.0 */
/* One decision: the attributes of leaves and calls are computed, then Cedar decides. */
#include "policy/dw.h"

#include "policy/data.h"

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
	const struct dw_topic *topic;
	struct policy_env env;
	struct arena *a;
	dw_leaf_fn *leaf_value;
	void *arg;
};

/* Only policies whose scope matches can look at their attributes. */
static bool applies(const struct decision *d, uint32_t policy)
{
	return policy_scope_matches(&d->env, d->prog->policies.items[policy]);
}

static enum err_code add_leaves(struct decision *d, struct policy_record *r, struct err *err)
{
	for (size_t k = 0; k < d->topic->n_leaves; k++) {
		uint32_t i = d->topic->leaves[k];
		const struct temporal_leaf *leaf = &d->prog->leaves[i];
		bool holds = false;

		if (applies(d, leaf->policy)) {
			TRY(d->leaf_value(d->arg, leaf, i, &d->env, d->a, &holds, err));
			policy_record_put(r, leaf->attr, policy_bool(holds));
		}
	}
	return ERR_OK;
}

static enum err_code add_calls(struct decision *d, struct policy_record *r, struct err *err)
{
	for (size_t k = 0; k < d->topic->n_calls; k++) {
		const struct dw_call *call = &d->prog->calls[d->topic->calls[k]];
		struct policy_value v;

		if (applies(d, call->policy)) {
			TRY(dw_call_eval(call, &d->env, d->prog->schema, d->a, &v, err));
			policy_record_put(r, call->attr, v);
		}
	}
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

static enum err_code fill(struct decision *d, const struct dw_event *ev, struct policy_request *req,
			  struct err *err)
{
	struct policy_record r;

	policy_record_begin(&r, d->a);
	for (uint32_t i = 0; i < ev->context.n; i++) {
		policy_record_put(&r, ev->context.fields[i].key, ev->context.fields[i].value);
	}
	if (d->prog->n_leaves > 0) {
		TRY(check_request(d, ev, err));
	}
	TRY(add_leaves(d, &r, err));
	TRY(add_calls(d, &r, err));
	if (!policy_record_end(&r, &req->context)) {
		return ERR(err, ERR_INVALID, "the context has a name that the program uses");
	}
	return ERR_OK;
}

void dw_decide(const struct dw_program *prog, const struct dw_event *ev,
	       const struct policy_store *store, dw_leaf_fn *leaf_value, void *arg,
	       struct arena *scratch, struct policy_decision *ret, struct err *err)
{
	struct decision d = {.prog = prog,
			     .topic = dw_topic_find(prog, ev->event.action),
			     .a = scratch,
			     .leaf_value = leaf_value,
			     .arg = arg};
	const struct policy_store *known = store ? store : prog->store;
	struct policy_request req = {.principal = ev->principal,
				     .action = ev->event.action,
				     .resource = ev->resource,
				     .store = known,
				     .entities = ev->entities,
				     .n_entities = ev->n_entities,
				     .now = ev->event.ts_ms};

	*ret = (struct policy_decision){0};
	if (!ev->principal || !ev->resource || ev->context.kind != POLICY_RECORD) {
		err_ignore(ERR(err, ERR_INVALID, /* the caller gets it through err and failure */
			       "the event lacks its principal, resource or context"));
		ret->failure = "incomplete request";
		return;
	}
	if (!d.topic) {
		err_ignore(ERR(err, ERR_INVALID, "unknown action `" STR_FMT "`", /* as above */
			       STR_ARG(ev->event.action->id)));
		ret->failure = "unknown action";
		return;
	}
	d.env = (struct policy_env){.principal = ev->principal,
				    .action = ev->event.action,
				    .resource = ev->resource,
				    .context = ev->context,
				    .store = known,
				    .overlay = ev->entities,
				    .n_overlay = ev->n_entities,
				    .scratch = scratch};
	policy_env_prepare(&d.env);
	if (fill(&d, ev, &req, err)) {
		ret->failure = "a temporal condition or a provider could not be computed";
		return;
	}
	policy_decide(prog->set, &req, scratch, ret);
}
