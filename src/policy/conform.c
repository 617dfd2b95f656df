/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/conform.h"

/* What a message shows of a type. */
#define TEXT_MAX 120

static enum err_code mismatch(const struct type *t, struct policy_value v, struct err *err)
{
	struct buf out;
	struct str text;
	enum err_code code;

	buf_init(&out, 4096);
	type_print(&out, t);
	text = buf_str(&out);
	text.n = text.n > TEXT_MAX ? TEXT_MAX : text.n;
	if (v.kind == POLICY_ENTITY) {
		code = ERR(err, ERR_INVALID,
			   "expected " STR_FMT ", found an entity of type `" STR_FMT "`",
			   STR_ARG(text), STR_ARG(v.uid->type));
	} else {
		code = ERR(err, ERR_INVALID, "expected " STR_FMT ", found a %s", STR_ARG(text),
			   policy_kind_name(v.kind));
	}
	buf_done(&out);
	return code;
}

static enum err_code check_id(const struct schema_entity *e, const struct policy_uid *uid,
			      struct err *err)
{
	if (!schema_entity_id_ok(e, uid->id)) {
		return ERR(err, ERR_INVALID,
			   "\"" STR_FMT "\" is not one of the ids of enumerated type `" STR_FMT "`",
			   STR_ARG(uid->id), STR_ARG(uid->type));
	}
	return ERR_OK;
}

static enum err_code conform_entity_ref(const struct type *t, struct policy_value v,
					struct err *err)
{
	if (v.kind != POLICY_ENTITY || !str_eq(v.uid->type, t->entity->name)) {
		return mismatch(t, v, err);
	}
	return check_id(t->entity, v.uid, err);
}

static enum err_code conform_set(const struct schema *s, const struct type *t,
				 struct policy_value v, struct err *err)
{
	if (v.kind != POLICY_SET) {
		return mismatch(t, v, err);
	}
	for (uint32_t i = 0; i < v.n; i++) {
		TRY(conform_value(s, t->element, v.elems[i], err));
	}
	return ERR_OK;
}

/* Finds, and names, a member that the type does not have. */
static enum err_code extra_member(const struct type *t, struct policy_value v, struct err *err)
{
	for (uint32_t i = 0; i < v.n; i++) {
		if (!type_field_find(t, v.fields[i].key)) {
			return ERR(err, ERR_INVALID,
				   "attribute `" STR_FMT
				   "` should not exist according to the schema",
				   STR_ARG(v.fields[i].key));
		}
	}
	return ERR_OK;
}

static enum err_code conform_record(const struct schema *s, const struct type *t,
				    struct policy_value v, struct err *err)
{
	uint32_t n = 0;

	if (v.kind != POLICY_RECORD) {
		return mismatch(t, v, err);
	}
	for (size_t i = 0; i < t->n_fields; i++) {
		const struct type_field *f = &t->fields[i];
		const struct policy_value *member = policy_record_find(v, f->name);
		enum err_code code;

		if (!member) {
			if (f->required) {
				return ERR(err, ERR_INVALID, "attribute `" STR_FMT "` is missing",
					   STR_ARG(f->name));
			}
			continue;
		}
		n++;
		code = conform_value(s, f->type, *member, err);
		if (code) {
			err_wrap(err, "in `" STR_FMT "`", STR_ARG(f->name));
			return code;
		}
	}
	return n < v.n ? extra_member(t, v, err) : ERR_OK;
}

enum policy_kind conform_kind(const struct type *t)
{
	static const enum policy_kind kinds[TYPE_KIND_MAX] = {
		[TYPE_BOOL] = POLICY_BOOL,         [TYPE_TRUE] = POLICY_BOOL,
		[TYPE_FALSE] = POLICY_BOOL,        [TYPE_LONG] = POLICY_LONG,
		[TYPE_STRING] = POLICY_STRING,     [TYPE_DECIMAL] = POLICY_DECIMAL,
		[TYPE_IPADDR] = POLICY_IP,         [TYPE_DATETIME] = POLICY_DATETIME,
		[TYPE_DURATION] = POLICY_DURATION, [TYPE_ENTITY] = POLICY_ENTITY,
		[TYPE_SET] = POLICY_SET,           [TYPE_RECORD] = POLICY_RECORD,
	};

	return kinds[t->kind];
}

enum err_code conform_value(const struct schema *s, const struct type *t, struct policy_value v,
			    struct err *err)
{
	if (t->kind == TYPE_ENTITY) {
		return conform_entity_ref(t, v, err);
	}
	if (t->kind == TYPE_SET) {
		return conform_set(s, t, v, err);
	}
	if (t->kind == TYPE_RECORD) {
		return conform_record(s, t, v, err);
	}
	if (v.kind == POLICY_NONE || conform_kind(t) != v.kind) {
		return mismatch(t, v, err);
	}
	return ERR_OK;
}

static bool is_empty(struct policy_value v)
{
	return v.kind == POLICY_NONE || v.n == 0;
}

static const struct schema_action *find_action(const struct schema *s, const struct policy_uid *uid)
{
	return schema_action_find(s, uid->type, uid->id);
}

/* Is the ancestor implied by the parents that were given? */
static bool is_given(const struct schema *s, const struct policy_entity *e,
		     const struct schema_action *ancestor)
{
	for (uint32_t i = 0; i < e->n_parents; i++) {
		const struct schema_action *parent = find_action(s, &e->parents[i]);

		if (parent && schema_action_is_in(parent, ancestor)) {
			return true;
		}
	}
	return false;
}

static enum err_code conform_action(const struct schema *s, const struct policy_entity *e,
				    struct err *err)
{
	const struct schema_action *a = find_action(s, &e->uid);

	if (!a) {
		return ERR(err, ERR_INVALID, "the schema declares no such action");
	}
	if (!is_empty(e->attrs) || !is_empty(e->tags)) {
		return ERR(err, ERR_INVALID, "actions have no attributes and no tags");
	}
	for (uint32_t i = 0; i < e->n_parents; i++) {
		const struct schema_action *parent = find_action(s, &e->parents[i]);

		if (!parent || parent == a || !schema_action_is_in(a, parent)) {
			return ERR(err, ERR_INVALID,
				   "the schema does not make it a member of \"" STR_FMT "\"",
				   STR_ARG(e->parents[i].id));
		}
	}
	for (size_t i = 0; i < a->n_ancestors; i++) {
		if (!is_given(s, e, a->ancestors[i])) {
			return ERR(err, ERR_INVALID,
				   "the schema makes it a member of \"" STR_FMT
				   "\", the document does not",
				   STR_ARG(a->ancestors[i]->id));
		}
	}
	return ERR_OK;
}

static enum err_code conform_parents(const struct schema *s, const struct schema_entity *decl,
				     const struct policy_entity *e, struct err *err)
{
	for (uint32_t i = 0; i < e->n_parents; i++) {
		const struct policy_uid *uid = &e->parents[i];
		const struct schema_entity *parent = schema_entity_find(s, uid->type);

		if (!parent || !schema_entity_may_be_in(decl, parent)) {
			return ERR(err, ERR_INVALID,
				   "a parent of type `" STR_FMT "` is not allowed by the schema",
				   STR_ARG(uid->type));
		}
		TRY(check_id(parent, uid, err));
	}
	return ERR_OK;
}

static enum err_code conform_tags(const struct schema *s, const struct schema_entity *decl,
				  struct policy_value tags, struct err *err)
{
	if (!decl->tags && !is_empty(tags)) {
		return ERR(err, ERR_INVALID, "the schema allows no tags");
	}
	for (uint32_t i = 0; tags.kind == POLICY_RECORD && i < tags.n; i++) {
		enum err_code code = conform_value(s, decl->tags, tags.fields[i].value, err);

		if (code) {
			err_wrap(err, "in tag `" STR_FMT "`", STR_ARG(tags.fields[i].key));
			return code;
		}
	}
	return ERR_OK;
}

static enum err_code conform_entity(const struct schema *s, const struct policy_entity *e,
				    struct err *err)
{
	static const struct policy_value empty = {.kind = POLICY_RECORD};
	const struct schema_entity *decl = schema_entity_find(s, e->uid.type);

	if (str_eq(policy_type_basename(e->uid.type), STR("Action"))) {
		return conform_action(s, e, err);
	}
	if (!decl) {
		return ERR(err, ERR_INVALID, "the schema declares no type `" STR_FMT "`",
			   STR_ARG(e->uid.type));
	}
	TRY(check_id(decl, &e->uid, err));
	TRY(conform_value(s, decl->attrs, e->attrs.kind ? e->attrs : empty, err));
	TRY(conform_tags(s, decl, e->tags, err));
	return conform_parents(s, decl, e, err);
}

enum err_code conform_entities(const struct schema *s, const struct policy_entity *entities,
			       size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		enum err_code code = conform_entity(s, &entities[i], err);

		if (code) {
			err_wrap(err, "entity " STR_FMT "::\"" STR_FMT "\"",
				 STR_ARG(entities[i].uid.type), STR_ARG(entities[i].uid.id));
			return code;
		}
	}
	return ERR_OK;
}

static enum err_code conform_target(const struct schema *s, const struct policy_uid *uid,
				    const struct schema_entity *const *allowed, size_t n,
				    const char *what, struct err *err)
{
	const struct schema_entity *e = schema_entity_find(s, uid->type);
	bool ok = false;

	if (!e) {
		return ERR(err, ERR_INVALID, "the schema declares no type `" STR_FMT "` (%s)",
			   STR_ARG(uid->type), what);
	}
	for (size_t i = 0; i < n && !ok; i++) {
		ok = allowed[i] == e;
	}
	if (!ok) {
		return ERR(err, ERR_INVALID,
			   "the action does not apply to a %s of type `" STR_FMT "`", what,
			   STR_ARG(uid->type));
	}
	return check_id(e, uid, err);
}

enum err_code conform_request(const struct schema *s, const struct policy_uid *principal,
			      const struct policy_uid *action, const struct policy_uid *resource,
			      struct policy_value context, struct err *err)
{
	const struct schema_action *a = find_action(s, action);
	enum err_code code;

	if (!a) {
		return ERR(err, ERR_INVALID,
			   "the schema declares no action " STR_FMT "::\"" STR_FMT "\"",
			   STR_ARG(action->type), STR_ARG(action->id));
	}
	TRY(conform_target(s, principal, a->principals, a->n_principals, "principal", err));
	TRY(conform_target(s, resource, a->resources, a->n_resources, "resource", err));
	code = conform_value(s, a->context, context, err);
	if (code) {
		err_wrap(err, "context");
	}
	return code;
}
