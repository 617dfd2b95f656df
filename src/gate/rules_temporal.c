/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/rules_temporal.h"

#include "gate/rules_entities.h"
#include "policy/conform.h"
#include "policy/data.h"

/*
 * Of the context, what the action declares. Members of Writ's own are cut to it; the input is the
 * agent's and stays whole, so that whatever the schema does not admit shows.
 */
static bool fit_context(const struct type *t, struct policy_value context, struct arena *a,
			struct policy_value *ret)
{
	struct policy_record r;

	policy_record_begin(&r, a);
	for (uint32_t i = 0; i < context.n; i++) {
		const struct policy_field *m = &context.fields[i];
		const struct type_field *f = type_field_find(t, m->key);
		struct policy_value v = m->value;

		if (!f) {
			continue;
		}
		if (!str_eq(m->key, STR("input")) && !rules_fit(a, f->type, m->value, &v)) {
			return false;
		}
		policy_record_put(&r, m->key, v);
	}
	return policy_record_end(&r, ret);
}

/* The entities of this request only: what the policies read of them is as declared. */
static enum err_code fit_entities(const struct rules *r, struct rules_subject *s, struct arena *a,
				  struct err *err)
{
	const struct schema *schema = r->policies.temporal->schema;
	const struct policy_entity unknown = {.uid = s->principal};

	for (size_t i = 0; i < s->n_overlay; i++) {
		struct policy_entity *e = &s->overlay[i];
		const struct schema_entity *decl = schema_entity_find(schema, e->uid.type);

		if (decl && !rules_fit(a, decl->attrs, e->attrs, &e->attrs)) {
			return ERR(err, ERR_NOMEM, "no memory");
		}
		TRY(conform_entities(schema, e, 1, err));
	}
	if (!policy_store_find(r->store, &s->principal)) {
		TRY(conform_entities(schema, &unknown, 1, err));
	}
	return ERR_OK;
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
	if (!ev || !fit_context(decl->context, context, a, &context)) {
		rules_refuse(ret, a, STR("writ.history"), STR("history.memory"),
			     STR("there is no memory to decide"));
		return false;
	}
	if (conform_request(schema, &s->principal, &s->action, &s->resource, context, &err)) {
		return refuse_schema(ret, a, STR("schema.request"), &err);
	}
	if (fit_entities(r, s, a, &err)) {
		return refuse_schema(ret, a, STR("schema.entity"), &err);
	}
	if (!q->engine || !make_event(q, s, context, a, ev)) {
		rules_refuse(ret, a, STR("writ.history"), STR("history.memory"),
			     STR("what happens cannot be remembered now"));
		return false;
	}
	dw_engine_decide(q->engine, ev, r->store, a, d, &err);
	ret->event = ev;
	if (d->failure) {
		rules_refuse(ret, a, STR("writ.history"), STR("history.undecided"), said(a, &err));
		return false;
	}
	return true;
}
