/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/rules_compile.h"

#include "gate/rules_duties.h"
#include "gate/rules_entities.h"
#include "policy/schema_ast.h"

static bool is_temporal(const struct policy_source *src)
{
	return str_ends_with(src->name, STR(".dw"));
}

static bool is_macros(const struct policy_source *src)
{
	return str_eq(src->name, STR("macros.dw")) || str_ends_with(src->name, STR("/macros.dw"));
}

static enum err_code plain_set(struct arena *a, const struct rules_texts *t,
			       struct policy_diags *diags, struct rules_compiled *ret,
			       struct err *err)
{
	struct policy_set_opts opts = {.ids = POLICY_ID_ANNOTATION,
				       .strict_annotations = true,
				       .check = rules_check_duties,
				       .check_arg = t->config};

	if (t->schema) {
		TRY(schema_load(a, t->schema, &opts.schema, diags, err));
	}
	return policy_set_load(a, t->policies, t->n_policies, &opts, diags, &ret->set, err);
}

/* ---- event schemas that a gate can serve ---- */

static bool is_string(const struct dw_field *f)
{
	return f->kind == DW_FIELD_TYPE && f->type->kind == TYPE_STRING;
}

/* Is it a field that a gate fills in, as declared? */
static bool is_filled(const struct dw_kind *k, const struct dw_field *f)
{
	static const struct str session = STR_INIT("sessionId");

	if (f->pin && !str_eq(f->name, session) && f->kind != DW_FIELD_PRINCIPAL &&
	    f->kind != DW_FIELD_RESOURCE) {
		return false;
	}
	switch (f->kind) {
	case DW_FIELD_INPUTS:
		return str_eq(f->name, STR("input"));
	case DW_FIELD_OUTPUTS:
		return str_eq(f->name, STR("output")) && str_eq(k->name, STR("response"));
	case DW_FIELD_PRINCIPAL:
		return str_eq(f->name, STR("callerPrincipal"));
	case DW_FIELD_RESOURCE:
		return str_eq(f->name, STR("callerResource"));
	case DW_FIELD_TYPE:
		return is_string(f) &&
		       (str_eq(f->name, STR("requestId")) || str_eq(f->name, session));
	case DW_FIELD_GROUP:
		break;
	}
	return false;
}

static void check_kind(const struct policy_source *src, const struct dw_kind *k,
		       struct policy_diags *diags)
{
	static const struct str kinds[] = {STR_INIT("request"), STR_INIT("response"),
					   STR_INIT("error"), STR_INIT("denied")};
	bool known = false;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		known = known || str_eq(k->name, kinds[i]);
	}
	if (!known) {
		policy_diag_error(diags, src, (struct policy_span){0},
				  "events of the kind `" STR_FMT "` never come: a gate tells of "
				  "request, response, error and denied",
				  STR_ARG(k->name));
	} else if (k->decision != str_eq(k->name, kinds[0])) {
		policy_diag_error(diags, src, (struct policy_span){0},
				  "a gate asks for a decision at `request` and at nothing else");
	}
	for (size_t i = 0; i < k->n_fields; i++) {
		if (!is_filled(k, &k->fields[i])) {
			policy_diag_error(
				diags, src, (struct policy_span){0},
				"no gate fills in `" STR_FMT "` of `" STR_FMT
				"`: it knows ...inputs(A), of a response ...outputs(A), "
				"callerPrincipal, callerResource, requestId and sessionId",
				STR_ARG(k->fields[i].name), STR_ARG(k->name));
		}
	}
}

/* The names of the pins that split the history, as bits: 1 sessionId, 2 callerPrincipal, 4 others. */
static unsigned partition(const struct dw_events *ev)
{
	unsigned names = 0;

	for (size_t i = 0; i < ev->n_partition; i++) {
		struct str name = ev->partition[i]->name;

		names |= str_eq(name, STR("sessionId"))         ? 1
			 : str_eq(name, STR("callerPrincipal")) ? 2
								: 4;
	}
	return names;
}

static enum err_code check_events(const struct policy_source *src, const struct dw_events *ev,
				  struct policy_diags *diags, struct rules_compiled *ret,
				  struct err *err)
{
	unsigned names = partition(ev);

	for (size_t i = 0; i < ev->n_kinds; i++) {
		check_kind(src, &ev->kinds[i], diags);
	}
	if (names == 0 || (names & 4)) {
		policy_diag_error(
			diags, src, (struct policy_span){0},
			"histories are kept by session or by principal: every kind needs `pin "
			"sessionId: String = context.sessionId`, or `pin callerPrincipal: "
			"principalType(A) = principal`, and no other pin on every kind");
	}
	if (diags->n_errors > 0) {
		return policy_diags_err(diags, ERR_INVALID, err);
	}
	ret->by_principal = names == 2;
	ret->has_denied = dw_events_kind(ev, STR("denied")) != NULL;
	return ERR_OK;
}

/* ---- schemas that a gate can serve ---- */

/* What every action of this kind is a member of, the schema may not leave out. */
static void check_group(const struct policy_source *src, const struct schema *s,
			const struct schema_action *action, struct str group,
			struct policy_diags *diags)
{
	const struct schema_action *of = schema_action_find(s, RULES_ACTION, group);

	if (of && !schema_action_is_in(action, of)) {
		policy_diag_error(diags, src, (struct policy_span){0},
				  "action \"" STR_FMT "\" has to be a member of \"" STR_FMT
				  "\", as it is without a schema",
				  STR_ARG(action->id), STR_ARG(group));
	}
}

static bool applies_to_tools(const struct schema_action *action)
{
	for (size_t i = 0; i < action->n_resources; i++) {
		if (str_eq(action->resources[i]->name, STR("Writ::Tool"))) {
			return true;
		}
	}
	return false;
}

static void check_session_field(const struct policy_source *src, const struct schema_action *action,
				struct policy_diags *diags)
{
	const struct type_field *f = type_field_find(action->context, STR("sessionId"));

	if (action->n_resources > 0 && (!f || !f->required || f->type->kind != TYPE_STRING)) {
		policy_diag_error(diags, src, (struct policy_span){0},
				  "the context of action \"" STR_FMT
				  "\" has to declare `sessionId: String`: histories are kept by it",
				  STR_ARG(action->id));
	}
}

static enum err_code check_schema(const struct policy_source *src, const struct schema *s,
				  bool by_principal, struct policy_diags *diags, struct err *err)
{
	for (size_t i = 0; i < s->n_actions; i++) {
		const struct schema_action *action = &s->actions[i];
		const struct str *groups;

		if (!str_eq(action->type->name, RULES_ACTION)) {
			continue;
		}
		groups = rules_action_groups(action->id);
		for (size_t k = 0; groups && k < RULES_GROUPS_MAX && groups[k].n; k++) {
			check_group(src, s, action, groups[k], diags);
		}
		if (applies_to_tools(action)) {
			check_group(src, s, action, STR("call_tool"), diags);
		}
		if (!by_principal) {
			check_session_field(src, action, diags);
		}
	}
	return diags->n_errors > 0 ? policy_diags_err(diags, ERR_INVALID, err) : ERR_OK;
}

/* ---- all of it ---- */

static enum err_code temporal_set(struct arena *a, const struct rules_texts *t,
				  struct policy_diags *diags, struct rules_compiled *ret,
				  struct err *err)
{
	struct policy_source *sources = ARENA_ARRAY(a, t->n_policies + 1, struct policy_source);
	bool *cedar = ARENA_ARRAY(a, t->n_policies + 1, bool);
	struct dw_texts texts = {.policies = sources,
				 .cedar = cedar,
				 .schema = t->schema,
				 .events = t->events ? t->events : &dw_gateway_events,
				 .providers = t->providers,
				 .scripts = t->scripts,
				 .n_scripts = t->n_scripts,
				 .ids = POLICY_ID_ANNOTATION,
				 .strict_annotations = true,
				 .check = rules_check_duties,
				 .check_arg = t->config,
				 .decide_only = true};
	const struct dw_program *prog;

	if (!sources || !cedar) {
		return ERR(err, ERR_NOMEM, "no memory for the policies");
	}
	for (size_t i = 0; i < t->n_policies; i++) {
		if (is_macros(&t->policies[i])) {
			texts.macros = &t->policies[i];
			continue;
		}
		cedar[texts.n_policies] = !is_temporal(&t->policies[i]);
		sources[texts.n_policies++] = t->policies[i];
	}
	TRY(dw_load(a, &texts, diags, &prog, err));
	ret->set = prog->set;
	if (prog->n_leaves + prog->n_calls == 0) {
		return ERR_OK;
	}
	TRY(check_events(texts.events, prog->events, diags, ret, err));
	TRY(check_schema(texts.schema, prog->schema, ret->by_principal, diags, err));
	ret->temporal = prog;
	return ERR_OK;
}

enum err_code rules_compile(struct arena *a, const struct rules_texts *texts,
			    struct policy_diags *diags, struct rules_compiled *ret, struct err *err)
{
	bool temporal = texts->events || texts->providers;

	*ret = (struct rules_compiled){0};
	if (temporal && !texts->schema) {
		return ERR(err, ERR_INVALID,
			   "an event schema and providers need a schema: name one by `schema` too");
	}
	for (size_t i = 0; i < texts->n_policies && !temporal; i++) {
		temporal = is_temporal(&texts->policies[i]);
	}
	return temporal ? temporal_set(a, texts, diags, ret, err)
			: plain_set(a, texts, diags, ret, err);
}
