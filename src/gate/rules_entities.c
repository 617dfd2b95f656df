/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/rules_entities.h"

#include "gate/residency.h"
#include "policy/conform.h"
#include "policy/data.h"

/* The groups of actions, each with what it belongs to. */
static const struct action_group {
	struct str id, parents[RULES_GROUPS_MAX];
} action_groups[] = {
	{STR_INIT("all"), {{0}, {0}}},
	{STR_INIT("observe"), {STR_INIT("all"), {0}}},
	{STR_INIT("mutate"), {STR_INIT("all"), {0}}},
	{STR_INIT("egress"), {STR_INIT("all"), {0}}},
	{STR_INIT("model"), {STR_INIT("all"), {0}}},
	{STR_INIT("mcp"), {STR_INIT("all"), {0}}},
	{STR_INIT("call_tool"), {STR_INIT("mcp"), {0}}},
	{STR_INIT("read_resource"), {STR_INIT("mcp"), STR_INIT("observe")}},
	{STR_INIT("get_prompt"), {STR_INIT("mcp"), STR_INIT("observe")}},
	{STR_INIT("complete"), {STR_INIT("mcp"), STR_INIT("observe")}},
	{STR_INIT("list"), {STR_INIT("mcp"), STR_INIT("observe")}},
	{STR_INIT("subscribe"), {STR_INIT("mcp"), STR_INIT("observe")}},
	{STR_INIT("sample"), {STR_INIT("mcp"), {0}}},
	{STR_INIT("elicit"), {STR_INIT("mcp"), {0}}},
	{STR_INIT("list_roots"), {STR_INIT("mcp"), {0}}},
	{STR_INIT("task"), {STR_INIT("mcp"), {0}}},
	{STR_INIT("infer"), {STR_INIT("model"), STR_INIT("egress")}},
	{STR_INIT("connect"), {STR_INIT("egress"), {0}}},
	{STR_INIT("fs"), {STR_INIT("all"), {0}}},
	{STR_INIT("exec"), {STR_INIT("mutate"), {0}}},
	{STR_INIT("read_file"), {STR_INIT("fs"), STR_INIT("observe")}},
	{STR_INIT("write_file"), {STR_INIT("fs"), STR_INIT("mutate")}},
};

const struct str *rules_action_groups(struct str id)
{
	for (size_t i = 0; i < ARRAY_LEN(action_groups); i++) {
		if (str_eq(action_groups[i].id, id)) {
			return action_groups[i].parents;
		}
	}
	return NULL;
}

struct world {
	struct arena *arena;
	struct policy_entity *items;
	size_t n, cap;
};

static struct policy_entity *add(struct world *w, struct str type, struct str id)
{
	struct policy_entity *e;

	if (!ARENA_GROW(w->arena, &w->items, w->n, &w->cap)) {
		return NULL;
	}
	e = &w->items[w->n++];
	*e = (struct policy_entity){.uid = policy_uid_make(type, id)};
	return e;
}

static bool add_parents(struct world *w, struct policy_entity *e, struct str type,
			const struct str *ids, size_t n)
{
	struct policy_uid *parents = ARENA_ARRAY(w->arena, n + 1, struct policy_uid);

	if (!parents) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (ids[i].n) {
			parents[e->n_parents++] = policy_uid_make(type, ids[i]);
		}
	}
	e->parents = parents;
	return true;
}

static struct policy_value entity_value(struct world *w, struct str type, struct str id)
{
	struct policy_uid *uid = ARENA_NEW(w->arena, struct policy_uid);

	if (!uid) {
		return (struct policy_value){0};
	}
	*uid = policy_uid_make(type, id);
	return policy_entity(uid);
}

static bool add_actions(struct world *w, const struct schema *schema)
{
	for (size_t i = 0; i < ARRAY_LEN(action_groups); i++) {
		const struct action_group *g = &action_groups[i];
		struct policy_entity *e;

		if (schema && schema_action_find(schema, RULES_ACTION, g->id)) {
			continue;
		}
		e = add(w, RULES_ACTION, g->id);
		if (!e || !add_parents(w, e, RULES_ACTION, g->parents, ARRAY_LEN(g->parents))) {
			return false;
		}
	}
	return true;
}

/* What an action is a member of by the schema, and by Writ's own word. */
static bool add_schema_action(struct world *w, const struct schema_action *action)
{
	const struct str *own =
		str_eq(action->type->name, RULES_ACTION) ? rules_action_groups(action->id) : NULL;
	struct policy_uid *parents =
		ARENA_ARRAY(w->arena, action->n_parents + RULES_GROUPS_MAX, struct policy_uid);
	struct policy_entity *e = add(w, action->type->name, action->id);

	if (!parents || !e) {
		return false;
	}
	for (size_t i = 0; i < action->n_parents; i++) {
		parents[e->n_parents++] =
			policy_uid_make(action->parents[i]->type->name, action->parents[i]->id);
	}
	for (size_t i = 0; own && i < RULES_GROUPS_MAX && own[i].n; i++) {
		parents[e->n_parents++] = policy_uid_make(RULES_ACTION, own[i]);
	}
	e->parents = parents;
	return true;
}

static bool add_schema_actions(struct world *w, const struct schema *schema)
{
	for (size_t i = 0; schema && i < schema->n_actions; i++) {
		if (!add_schema_action(w, &schema->actions[i])) {
			return false;
		}
	}
	return true;
}

bool rules_fit(struct arena *a, const struct type *t, struct policy_value v,
	       struct policy_value *ret)
{
	struct policy_field *fields;
	size_t n = 0;

	if (v.kind != POLICY_RECORD || t->kind != TYPE_RECORD) {
		*ret = v;
		return true;
	}
	fields = ARENA_ARRAY(a, v.n + 1, struct policy_field);
	for (uint32_t i = 0; fields && i < v.n; i++) {
		const struct type_field *f = type_field_find(t, v.fields[i].key);

		if (f) {
			fields[n].key = v.fields[i].key;
			if (!rules_fit(a, f->type, v.fields[i].value, &fields[n++].value)) {
				return false;
			}
		}
	}
	return fields && policy_value_record(fields, n, ret);
}

enum err_code rules_check_entity(struct arena *a, const struct schema *schema,
				 const struct policy_entity *e, struct err *err)
{
	const struct schema_entity *decl = schema_entity_find(schema, e->uid.type);
	struct policy_uid *parents = ARENA_ARRAY(a, e->n_parents + 1, struct policy_uid);
	struct policy_entity declared = {.uid = e->uid, .parents = parents};

	if (!decl) {
		return ERR_OK; /* no policy can ask about it */
	}
	if (!parents || !rules_fit(a, decl->attrs, e->attrs, &declared.attrs)) {
		return ERR(err, ERR_NOMEM, "no memory for the entities");
	}
	for (uint32_t i = 0; i < e->n_parents; i++) {
		if (schema_entity_find(schema, e->parents[i].type)) {
			parents[declared.n_parents++] = e->parents[i];
		}
	}
	return conform_entities(schema, &declared, 1, err);
}

static enum err_code check_entities(struct world *w, const struct schema *schema, struct err *err)
{
	for (size_t i = 0; i < w->n; i++) {
		if (!str_eq(w->items[i].uid.type, RULES_ACTION)) {
			TRY(rules_check_entity(w->arena, schema, &w->items[i], err));
		}
	}
	return ERR_OK;
}

static struct policy_value strings(struct world *w, const struct str *s, size_t n, bool anyone)
{
	struct policy_value *v = ARENA_ARRAY(w->arena, n + 1, struct policy_value);

	for (size_t i = 0; v && i < n; i++) {
		v[i] = policy_string(s[i]);
	}
	if (v && anyone) {
		v[n++] = policy_string(STR("*"));
	}
	return v ? policy_value_set(v, n) : (struct policy_value){0};
}

/* What a manifest states; without one, or what it does not say, is the worst. */
static void put_manifest(struct world *w, struct policy_record *r, const struct residency_site *s)
{
	static const struct site_manifest silent;
	static const struct str retention[] = {STR_INIT("unlimited"), STR_INIT("limited"),
					       STR_INIT("none")};
	static const struct str custody[] = {STR_INIT("provider"), STR_INIT("customer"),
					     STR_INIT("hsm")};
	const struct site_manifest *m = s->manifest ? s->manifest : &silent;

	policy_record_put(r, STR("attested"), policy_bool(m->attestation.n > 0));
	policy_record_put(r, STR("exposure"),
			  strings(w, s->exposure.codes, s->exposure.n, s->exposure.anyone));
	policy_record_put(r, STR("keys"), policy_string(custody[m->custody]));
	policy_record_put(r, STR("manifest"), policy_bool(s->manifest != NULL));
	policy_record_put(r, STR("retention"), policy_string(retention[m->retention]));
	policy_record_put(r, STR("schemes"), strings(w, m->schemes.items, m->schemes.n, false));
	policy_record_put(r, STR("training"), policy_bool(!m->no_training));
	policy_record_put(r, STR("within"), strings(w, s->within, s->n_within, false));
}

static bool add_site(struct world *w, const struct config_site *s,
		     const struct residency_site *known)
{
	static const struct residency_site nothing = {.exposure = {.anyone = true}};
	struct policy_entity *e = add(w, STR("Writ::Site"), s->id);
	struct policy_record r;

	if (!e || !add_parents(w, e, STR("Writ::Jurisdiction"), s->jurisdictions.items,
			       s->jurisdictions.n)) {
		return false;
	}
	policy_record_begin(&r, w->arena);
	policy_record_put(&r, STR("country"), policy_string(s->country));
	policy_record_put(&r, STR("operator"), policy_string(s->operator_name));
	policy_record_put(&r, STR("sovereign"), policy_bool(s->sovereign));
	put_manifest(w, &r, known ? known : &nothing);
	return policy_record_end(&r, &e->attrs);
}

static bool add_server(struct world *w, const struct config_server *s)
{
	struct policy_entity *e = add(w, STR("Writ::McpServer"), s->id);
	struct policy_record r;

	if (!e) {
		return false;
	}
	policy_record_begin(&r, w->arena);
	if (s->site) {
		policy_record_put(&r, STR("site"), entity_value(w, STR("Writ::Site"), s->site->id));
	}
	return policy_record_end(&r, &e->attrs);
}

static bool add_model(struct world *w, const struct config_model *m)
{
	struct policy_entity *e = add(w, STR("Writ::Model"), m->name);
	struct policy_record r;

	if (!e) {
		return false;
	}
	policy_record_begin(&r, w->arena);
	policy_record_put(&r, STR("context"), policy_long((int64_t)m->context));
	policy_record_put(&r, STR("site"), entity_value(w, STR("Writ::Site"), m->site->id));
	policy_record_put(&r, STR("weights"), policy_string(m->model));
	return policy_record_end(&r, &e->attrs);
}

static enum err_code add_agent(struct world *w, const struct config_agent *agent, struct err *err)
{
	struct policy_entity *e = add(w, STR("Writ::Agent"), agent->name);
	struct policy_value own = {0};
	struct policy_record r;

	if (!e || !add_parents(w, e, STR("Writ::Team"), &agent->team, 1)) {
		return ERR(err, ERR_NOMEM, "no memory for the agents");
	}
	policy_record_begin(&r, w->arena);
	if (agent->attributes) {
		TRY(policy_json_value(w->arena, agent->attributes, NULL, &own, err));
		for (uint32_t i = 0; i < own.n; i++) {
			policy_record_put(&r, own.fields[i].key, own.fields[i].value);
		}
	}
	if (agent->owner.n) {
		policy_record_put(&r, STR("owner"),
				  entity_value(w, STR("Writ::User"), agent->owner));
	}
	if (!policy_record_end(&r, &e->attrs)) {
		return ERR(err, ERR_INVALID,
			   "agent " STR_FMT ": an attribute may not be called owner as well",
			   STR_ARG(agent->name));
	}
	return ERR_OK;
}

enum err_code rules_entities(struct arena *a, const struct config *config,
			     const struct residency_site *sites, const struct schema *schema,
			     struct policy_store **ret, struct err *err)
{
	struct world w = {.arena = a};
	bool ok = add_actions(&w, schema);

	for (size_t i = 0; ok && i < config->n_sites; i++) {
		ok = add_site(&w, &config->sites[i], sites ? &sites[i] : NULL);
	}
	for (size_t i = 0; ok && i < config->n_servers; i++) {
		ok = add_server(&w, &config->servers[i]);
	}
	for (size_t i = 0; ok && i < config->n_models; i++) {
		ok = add_model(&w, &config->models[i]);
	}
	if (!ok) {
		return ERR(err, ERR_NOMEM, "no memory for the entities of the configuration");
	}
	for (size_t i = 0; i < config->n_agents; i++) {
		TRY(add_agent(&w, &config->agents[i], err));
	}
	if (schema) {
		TRY(check_entities(&w, schema, err));
		if (!add_schema_actions(&w, schema)) {
			return ERR(err, ERR_NOMEM, "no memory for the actions of the schema");
		}
	}
	return policy_store_build(a, w.items, w.n, ret, err);
}
