/* SPDX-License-Identifier: Apache-2.0 */
/* Entities documents. */
#include "policy/data.h"

static enum err_code no_memory(struct err *err)
{
	return ERR(err, ERR_NOMEM, "out of memory");
}

static bool is_action(const struct policy_uid *uid)
{
	return str_eq(policy_type_basename(uid->type), STR("Action"));
}

static enum err_code read_parents(struct arena *a, const struct json *j, struct policy_entity *e,
				  struct err *err)
{
	struct policy_uid *uids;
	uint32_t n = 0;

	if (!json_is_array(j)) {
		return ERR(err, ERR_INVALID, "`parents` must be an array");
	}
	uids = ARENA_ARRAY(a, j->n, struct policy_uid);
	if (!uids) {
		return no_memory(err);
	}
	JSON_EACH (item, j) {
		TRY(policy_json_uid(a, item, &uids[n], err));
		if (is_action(&e->uid) && !is_action(&uids[n])) {
			return ERR(err, ERR_INVALID, "the parent of an action must be an action");
		}
		n++;
	}
	e->parents = uids;
	e->n_parents = n;
	return ERR_OK;
}

/* What the schema says of one attribute or tag; refuses what it does not allow. */
static enum err_code expected_type(const struct schema_entity *s, struct str key, bool tags,
				   const struct type **ret, struct err *err)
{
	const struct type_field *f;

	*ret = NULL;
	if (!s) {
		return ERR_OK;
	}
	if (tags) {
		if (!s->tags) {
			return ERR(err, ERR_INVALID, "the schema allows no tags on `" STR_FMT "`",
				   STR_ARG(s->name));
		}
		*ret = s->tags;
		return ERR_OK;
	}
	f = type_field_find(s->attrs, key);
	if (!f) {
		return ERR(err, ERR_INVALID,
			   "attribute `" STR_FMT "` should not exist according to the schema",
			   STR_ARG(key));
	}
	*ret = f->type;
	return ERR_OK;
}

static enum err_code read_attrs(struct arena *a, const struct json *j,
				const struct schema_entity *s, bool tags, struct policy_value *ret,
				struct err *err)
{
	struct policy_field *f;
	size_t n = 0;

	if (!json_is_object(j)) {
		return ERR(err, ERR_INVALID, "`%s` must be an object", tags ? "tags" : "attrs");
	}
	f = ARENA_ARRAY(a, j->n, struct policy_field);
	if (!f) {
		return no_memory(err);
	}
	JSON_EACH (member, j) {
		const struct type *type;
		enum err_code code;

		TRY(expected_type(s, member->key, tags, &type, err));
		f[n].key = arena_dup(a, member->key);
		if (!f[n].key.p) {
			return no_memory(err);
		}
		code = policy_json_value(a, member, type, &f[n].value, err);
		if (code) {
			err_wrap(err, "in %s `" STR_FMT "`", tags ? "tag" : "attribute",
				 STR_ARG(member->key));
			return code;
		}
		n++;
	}
	if (!policy_value_record(f, n, ret)) {
		return ERR(err, ERR_INVALID, "an attribute occurs twice");
	}
	return ERR_OK;
}

static enum err_code read_body(struct arena *a, const struct json *j, const struct schema *s,
			       struct policy_entity *e, struct err *err)
{
	const struct json *attrs = json_get(j, STR("attrs")), *tags = json_get(j, STR("tags"));
	const struct json *parents = json_get(j, STR("parents"));
	const struct schema_entity *decl = NULL;

	if (!attrs || !parents) {
		return ERR(err, ERR_INVALID, "`%s` is missing", attrs ? "parents" : "attrs");
	}
	if (s) {
		decl = schema_entity_find(s, e->uid.type);
		if (!decl) {
			return ERR(err, ERR_INVALID,
				   "type `" STR_FMT "` is not declared in the schema",
				   STR_ARG(e->uid.type));
		}
	}
	TRY(read_attrs(a, attrs, decl, false, &e->attrs, err));
	if (tags) {
		TRY(read_attrs(a, tags, decl, true, &e->tags, err));
	}
	return read_parents(a, parents, e, err);
}

static enum err_code read_entity(struct arena *a, const struct json *j, const struct schema *s,
				 struct policy_entity *e, struct err *err)
{
	enum err_code code;

	if (!json_is_object(j)) {
		return ERR(err, ERR_INVALID, "an entity must be an object");
	}
	code = policy_json_uid(a, json_get(j, STR("uid")), &e->uid, err);
	if (code) {
		err_wrap(err, "in `uid`");
		return code;
	}
	code = read_body(a, j, s, e, err);
	if (code) {
		err_wrap(err, "entity " STR_FMT "::\"" STR_FMT "\"", STR_ARG(e->uid.type),
			 STR_ARG(e->uid.id));
	}
	return code;
}

/* The schema's action as an entity: its parents as declared, no attributes. */
static bool action_entity(struct arena *a, const struct schema_action *act, struct policy_entity *e)
{
	struct policy_uid *parents = ARENA_ARRAY(a, act->n_parents, struct policy_uid);

	if (!parents) {
		return false;
	}
	for (size_t i = 0; i < act->n_parents; i++) {
		parents[i] = policy_uid_make(act->parents[i]->type->name, act->parents[i]->id);
	}
	e->uid = policy_uid_make(act->type->name, act->id);
	e->parents = parents;
	e->n_parents = (uint32_t)act->n_parents;
	return true;
}

static bool has_entity(const struct policy_entity *e, size_t n, const struct policy_uid *uid)
{
	for (size_t i = 0; i < n; i++) {
		if (policy_uid_eq(&e[i].uid, uid)) {
			return true;
		}
	}
	return false;
}

enum err_code policy_json_entities(struct arena *a, const struct json *j, const struct schema *s,
				   struct policy_entity **ret, size_t *ret_n, struct err *err)
{
	struct policy_entity *e;
	size_t n = 0, given;

	if (!json_is_array(j)) {
		return ERR(err, ERR_INVALID, "entities must be an array");
	}
	e = ARENA_ARRAY(a, j->n + (s ? s->n_actions : 0), struct policy_entity);
	if (!e) {
		return no_memory(err);
	}
	JSON_EACH (item, j) {
		TRY(read_entity(a, item, s, &e[n], err));
		n++;
	}
	given = n;
	for (size_t i = 0; s && i < s->n_actions; i++) {
		if (!action_entity(a, &s->actions[i], &e[n])) {
			return no_memory(err);
		}
		if (!has_entity(e, given, &e[n].uid)) {
			n++;
		}
	}
	*ret = e;
	*ret_n = n;
	return ERR_OK;
}
