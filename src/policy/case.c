/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/case.h"

#include "policy/conform.h"
#include "policy/dw.h"
#include "policy/est.h"
#include "policy/schema_ast.h"

#define CASE_NODES (16u << 20)

enum err_code policy_case_json(struct arena *a, const struct policy_source *src,
			       const struct json **ret, struct err *err)
{
	const struct json_opts opts = {
		.name = src->name,
		.max_depth = POLICY_DATA_DEPTH + 8,
		.max_nodes = CASE_NODES,
		.max_bytes = POLICY_CASE_JSON_MAX,
	};

	return json_parse(a, src->text, &opts, ret, err);
}

static enum err_code load_store(struct arena *a, const struct policy_source *src,
				struct policy_case *c, struct err *err)
{
	struct policy_source nothing = {STR("<entities>"), STR("[]")};
	struct policy_entity *entities;
	struct policy_store *store;
	const struct json *doc;
	size_t n;

	TRY(policy_case_json(a, src ? src : &nothing, &doc, err));
	TRY(policy_json_entities(a, doc, c->schema, &entities, &n, err));
	if (c->schema) {
		TRY(conform_entities(c->schema, entities, n, err));
	}
	TRY(policy_store_build(a, entities, n, &store, err));
	c->store = store;
	return ERR_OK;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

enum err_code policy_case_policies(struct arena *a, const struct policy_source *src,
				   enum policy_id_scheme ids, struct policy_list *list,
				   struct policy_diags *diags, struct err *err)
{
	size_t at = 0;

	while (at < src->text.n && is_space(src->text.p[at])) {
		at++;
	}
	if (at < src->text.n && (src->text.p[at] == '{' || src->text.p[at] == '[')) {
		return policy_est_read(a, src, list, diags, err);
	}
	return policy_parse(a, src, ids, list, diags, err);
}

bool policy_case_is_temporal(const struct policy_source *src)
{
	return str_ends_with(src->name, STR(".dw"));
}

static enum err_code load_temporal(struct arena *a, const struct policy_case_texts *t,
				   const struct policy_set_opts *opts, struct policy_diags *diags,
				   struct policy_case *c, struct err *err)
{
	bool *cedar = ARENA_ARRAY(a, t->n_policies, bool);
	const struct dw_texts texts = {
		.policies = t->policies,
		.n_policies = t->n_policies,
		.cedar = cedar,
		.schema = t->schema,
		.macros = t->macros,
		.ids = opts ? opts->ids : POLICY_ID_ORDER,
		.strict_annotations = opts && opts->strict_annotations,
		.no_past = true,
	};
	const struct dw_program *prog;

	if (!cedar) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < t->n_policies; i++) {
		cedar[i] = !policy_case_is_temporal(&t->policies[i]);
	}
	TRY(dw_load(a, &texts, diags, &prog, err));
	c->policies = prog->policies;
	c->set = prog->set;
	c->schema = prog->schema;
	return ERR_OK;
}

static enum err_code load_plain(struct arena *a, const struct policy_case_texts *texts,
				const struct policy_set_opts *opts, struct policy_diags *diags,
				struct policy_case *c, struct err *err)
{
	for (size_t i = 0; i < texts->n_policies; i++) {
		TRY(policy_case_policies(a, &texts->policies[i], opts ? opts->ids : POLICY_ID_ORDER,
					 &c->policies, diags, err));
	}
	TRY(policy_set_build(a, &c->policies, opts, diags, &c->set, err));
	return texts->schema ? schema_load(a, texts->schema, &c->schema, diags, err) : ERR_OK;
}

enum err_code policy_case_load(struct arena *a, const struct policy_case_texts *texts,
			       const struct policy_set_opts *opts, struct policy_diags *diags,
			       struct policy_case *ret, struct err *err)
{
	struct policy_case c = {0};
	bool temporal = false;
	enum err_code code;

	for (size_t i = 0; i < texts->n_policies; i++) {
		temporal = temporal || policy_case_is_temporal(&texts->policies[i]);
	}
	TRY(temporal ? load_temporal(a, texts, opts, diags, &c, err)
		     : load_plain(a, texts, opts, diags, &c, err));
	code = load_store(a, texts->entities, &c, err);
	if (code) {
		err_wrap(err, "entities");
		return code;
	}
	*ret = c;
	return ERR_OK;
}

static enum err_code read_uid(struct arena *a, const struct json *j, const char *what,
			      const struct policy_uid **ret, struct err *err)
{
	struct policy_uid *uid = ARENA_NEW(a, struct policy_uid);
	enum err_code code;

	if (!uid) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	*ret = uid;
	if (json_is_string(j)) {
		if (!policy_uid_parse(a, j->text, uid)) {
			return ERR(err, ERR_INVALID, "%s: expected an entity such as User::\"a\"",
				   what);
		}
		return ERR_OK;
	}
	code = policy_json_uid(a, j, uid, err);
	if (code) {
		err_wrap(err, "%s", what);
	}
	return code;
}

enum err_code policy_case_request(struct arena *a, const struct policy_case *c,
				  const struct json *j, bool validate, struct policy_request *ret,
				  struct err *err)
{
	struct policy_request r = {.store = c->store, .context = {.kind = POLICY_RECORD}};
	const struct schema_action *action = NULL;
	const struct json *context = json_get(j, STR("context"));

	TRY(read_uid(a, json_get(j, STR("principal")), "principal", &r.principal, err));
	TRY(read_uid(a, json_get(j, STR("action")), "action", &r.action, err));
	TRY(read_uid(a, json_get(j, STR("resource")), "resource", &r.resource, err));
	if (c->schema) {
		action = schema_action_find(c->schema, r.action->type, r.action->id);
	}
	if (context) {
		enum err_code code = policy_json_context(
			a, context, action ? action->context : NULL, &r.context, err);

		if (code) {
			err_wrap(err, "context");
			return code;
		}
	}
	if (c->schema && validate) {
		TRY(conform_request(c->schema, r.principal, r.action, r.resource, r.context, err));
	}
	*ret = r;
	return ERR_OK;
}
