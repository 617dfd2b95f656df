/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/rules_duties.h"

#include "detect/detect.h"
#include "gate/rules_entities.h"

struct undone {
	struct str key;
	const char *why;
};

static const struct undone undone[] = {
	{STR_INIT("mask_output"), "is not done here; @redact takes out what it finds"},
	{STR_INIT("watermark"), "is not done here"},
	{STR_INIT("sandbox"), "is not done here: sandboxes of servers stand in writ.yaml"},
	{STR_INIT("timeout"), "is not done here: limits of time stand in writ.yaml"},
};

static bool report(const struct policy *p, const struct policy_annotation *an,
		   struct policy_diags *diags, const char *what)
{
	policy_diag_error(diags, p->source, an->span, "@" STR_FMT " %s", STR_ARG(an->key), what);
	return false;
}

/* Tools have a dot in their names, nothing else has. */
static bool is_redacted(const struct policy_uid *action)
{
	static const struct str names[] = {STR_INIT("call_tool"), STR_INIT("read_resource"),
					   STR_INIT("get_prompt"), STR_INIT("complete"),
					   STR_INIT("infer")};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (str_eq(action->id, names[i])) {
			return str_eq(action->type, RULES_ACTION);
		}
	}
	return str_eq(action->type, RULES_ACTION) && str_find(action->id, '.') < action->id.n;
}

static bool check_redact(const struct policy *p, const struct policy_annotation *an,
			 struct policy_diags *diags)
{
	bool good = p->action.op != POLICY_SCOPE_ANY;

	if (!detect_classes(an->value)) {
		return report(p, an, diags,
			      "names what to take out: \"secret\", \"email\", \"phone\", \"iban\", "
			      "\"card\", or \"pii\" (all but secrets), \"secrets\", \"all\"");
	}
	for (size_t i = 0; i < p->action.n_uids; i++) {
		good = good && is_redacted(&p->action.uids[i]);
	}
	return good || report(p, an, diags,
			      "works on tools, resources, prompts, completions and models only: "
			      "let the scope "
			      "say so, as `action in Writ::Action::\"call_tool\"`");
}

static bool check_route(const struct policy *p, const struct policy_annotation *an,
			const struct config *config, struct policy_diags *diags)
{
	bool good = p->action.op != POLICY_SCOPE_ANY;

	for (size_t i = 0; i < p->action.n_uids; i++) {
		good = good && str_eq(p->action.uids[i].type, RULES_ACTION) &&
		       str_eq(p->action.uids[i].id, STR("infer"));
	}
	if (!good) {
		return report(
			p, an, diags,
			"is about requests to models only: let the scope say so, as `action == "
			"Writ::Action::\"infer\"`");
	}
	return config_model_find(config, an->value) || config_route_find(config, an->value) ||
	       report(p, an, diags,
		      "names no model and no route: they stand under models and routes in "
		      "writ.yaml");
}

bool rules_check_duties(const struct policy *p, const void *config, struct policy_diags *diags)
{
	bool good = true;

	for (size_t i = 0; i < p->n_annotations; i++) {
		const struct policy_annotation *an = &p->annotations[i];

		for (size_t k = 0; k < ARRAY_LEN(undone); k++) {
			if (str_eq(an->key, undone[k].key)) {
				good = report(p, an, diags, undone[k].why);
			}
		}
		if (str_eq(an->key, STR("ask")) && !str_eq(an->value, STR("owner"))) {
			good = report(p, an, diags, "is \"owner\" here: nobody else can be asked");
		} else if (str_eq(an->key, STR("audit")) && str_eq(an->value, STR("full"))) {
			good = report(p, an, diags,
				      "is \"summary\" or \"durable\" here: the ledger holds "
				      "commitments to what passes, never the contents");
		} else if (str_eq(an->key, STR("route"))) {
			good = check_route(p, an, config, diags) && good;
		} else if (str_eq(an->key, STR("redact"))) {
			good = check_redact(p, an, diags) && good;
		}
	}
	return good;
}

static bool can_redact(enum rules_kind kind)
{
	return kind == RULES_CALL_TOOL || kind == RULES_READ_RESOURCE || kind == RULES_GET_PROMPT ||
	       kind == RULES_COMPLETE || kind == RULES_INFER;
}

static bool can_do(enum rules_kind kind, const struct policy_note *duty)
{
	if (str_eq(duty->key, STR("redact"))) {
		return can_redact(kind) && detect_classes(duty->value);
	}
	if (str_eq(duty->key, STR("route"))) {
		return kind == RULES_INFER;
	}
	return str_eq(duty->key, STR("audit")) &&
	       (str_eq(duty->value, STR("summary")) || str_eq(duty->value, STR("durable")));
}

bool rules_can_do_duties(enum rules_kind kind, const struct policy_decision *d)
{
	for (size_t i = 0; i < d->n_duties; i++) {
		if (!can_do(kind, d->duties[i])) {
			return false;
		}
	}
	return true;
}

static bool leads_to(const struct config *config, struct str name, struct str model)
{
	const struct config_route *route = config_route_find(config, name);

	for (size_t i = 0; route && i < route->n; i++) {
		if (str_eq(config->models[route->models[i]].name, model)) {
			return true;
		}
	}
	return str_eq(name, model);
}

struct str rules_route_away(const struct config *config, const struct policy_decision *d,
			    struct str model)
{
	for (size_t i = 0; i < d->n_duties; i++) {
		if (str_eq(d->duties[i]->key, STR("route")) &&
		    !leads_to(config, d->duties[i]->value, model)) {
			return d->duties[i]->value;
		}
	}
	return STR("");
}

unsigned rules_redaction(const struct policy_decision *d)
{
	unsigned classes = 0;

	for (size_t i = 0; i < d->n_duties; i++) {
		if (str_eq(d->duties[i]->key, STR("redact"))) {
			classes |= detect_classes(d->duties[i]->value);
		}
	}
	return classes;
}
