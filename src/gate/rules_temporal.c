/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/rules_temporal.h"

#include "gate/rules_entities.h"
#include "policy/conform.h"
#include "policy/data.h"

/*
 * Whatever the schema declares of this request has to be so: else a value of another type would be
 * equal to nothing, greater than nothing, and slip under a limit. Members that it does not
 * declare no policy can ask about.
 */
static enum err_code check_request(const struct rules *r, const struct schema_action *decl,
				   struct rules_subject *s, struct policy_value context,
				   struct arena *a, struct err *err)
{
	const struct schema *schema = r->policies.temporal->schema;
	const struct policy_entity unknown = {.uid = s->principal};
	struct policy_value declared;

	if (!rules_fit(a, decl->context, context, &declared)) {
		return ERR(err, ERR_NOMEM, "no memory to decide");
	}
	TRY(conform_request(schema, &s->principal, &s->action, &s->resource, declared, err));
	for (size_t i = 0; i < s->n_overlay; i++) { /* the others are only names above them */
		if (policy_uid_eq(&s->overlay[i].uid, &s->resource) ||
		    policy_uid_eq(&s->overlay[i].uid, &s->principal)) {
			TRY(rules_check_entity(a, schema, &s->overlay[i], err));
		}
	}
	return policy_store_find(r->store, &s->principal)
		       ? ERR_OK
		       : rules_check_entity(a, schema, &unknown, err);
}

static bool make_event(const struct rules_query *q, struct rules_subject *s,
		       struct policy_value context, struct arena *a, struct dw_event *ev)
{
	const struct policy_value *input = policy_record_find(context, STR("input"));
	struct policy_record r;

	*ev = (struct dw_event){
		.event = {.ts_ms = q->event_ms, .action = &s->action, .kind = STR("request")},
		.principal = &s->principal,
		.resource = &s->resource,
		.context = context,
		.entities = s->overlay,
		.n_entities = s->n_overlay,
		.now = (int64_t)q->now_ms,
	};
	policy_record_begin(&r, a);
	policy_record_put(&r, STR("callerPrincipal"), policy_entity(&s->principal));
	policy_record_put(&r, STR("callerResource"), policy_entity(&s->resource));
	if (input) {
		policy_record_put(&r, STR("input"), *input);
	}
	policy_record_put(&r, STR("requestId"), policy_string(q->request));
	policy_record_put(&r, STR("sessionId"), policy_string(q->session));
	return policy_record_end(&r, &ev->event.fields);
}

static struct str said(struct arena *a, const struct err *err)
{
	struct str text = arena_dup(a, str_from_c(err->msg));

	return text.p && str_is_utf8(text) ? text : STR("(its text cannot be shown)");
}

static bool refuse_schema(struct rules_answer *ret, struct arena *a, struct str cause,
			  const struct err *err)
{
	rules_refuse(ret, a, STR("writ.schema"), cause, said(a, err));
	return false;
}

bool rules_decide_temporal(const struct rules *r, const struct rules_query *q,
			   struct rules_subject *s, struct policy_value context, struct arena *a,
			   struct policy_decision *d, struct rules_answer *ret)
{
	const struct schema *schema = r->policies.temporal->schema;
	const struct schema_action *decl = schema_action_find(schema, s->action.type, s->action.id);
	struct dw_event *ev = ARENA_NEW(a, struct dw_event);
	struct err err = {0};

	if (!decl) {
		err_ignore(ERR(&err, ERR_INVALID, /* said below */
			       "the schema does not describe this action, and with temporal "
			       "policies only what it describes is done"));
		return refuse_schema(ret, a, STR("schema.action"), &err);
	}
	if (check_request(r, decl, s, context, a, &err)) {
		return refuse_schema(ret, a, STR("schema.request"), &err);
	}
	if (!ev || !q->engine || !make_event(q, s, context, a, ev)) {
		rules_refuse(ret, a, STR("writ.history"), STR("history.memory"),
			     STR("what happens cannot be remembered now"));
		return false;
	}
	if (q->again) {
		dw_engine_decide_again(q->engine, ev, r->store, a, d, &err);
	} else {
		dw_engine_decide(q->engine, ev, r->store, a, d, &err);
	}
	ret->event = ev;
	if (d->failure) {
		rules_refuse(ret, a, STR("writ.history"), STR("history.undecided"), said(a, &err));
		return false;
	}
	return true;
}
