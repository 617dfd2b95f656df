/* SPDX-License-Identifier: Apache-2.0 */
/* Policies and policy sets from JSON. */
#include "policy/data.h"
#include "policy/est.h"
#include "policy/est_priv.h"
#include "policy/template.h"

static bool no_memory(struct parser *p)
{
	p->nomem = true;
	return false;
}

static struct policy_span span_of(const struct json *j)
{
	return (struct policy_span){j->at, (uint32_t)j->raw.n};
}

static bool read_uid(struct parser *p, const struct json *j, struct policy_uid *ret)
{
	struct err err = {0};

	if (policy_json_uid(p->a, j, ret, &err)) {
		p->nomem = p->nomem || err.code == ERR_NOMEM;
		return est_fail(p, j, err.msg);
	}
	return true;
}

static bool read_uids(struct parser *p, const struct json *items, bool list, struct policy_scope *s)
{
	size_t n = list ? items->n : 1;
	struct policy_uid *uids = ARENA_ARRAY(p->a, n, struct policy_uid);

	s->uid_spans = ARENA_ARRAY(p->a, n, struct policy_span);
	if (!uids || !s->uid_spans) {
		return no_memory(p);
	}
	s->uids = uids;
	s->list = list;
	if (!list) {
		s->uid_spans[s->n_uids++] = span_of(items);
		return read_uid(p, items, uids);
	}
	JSON_EACH (item, items) {
		s->uid_spans[s->n_uids] = span_of(item);
		if (!read_uid(p, item, &uids[s->n_uids++])) {
			return false;
		}
	}
	return true;
}

/* "entity", "entities" or "slot" of a scope object. */
static bool read_target(struct parser *p, const struct json *j, struct str var,
			struct policy_scope *s)
{
	const struct json *entity = json_get(j, STR("entity"));
	const struct json *entities = json_get(j, STR("entities"));
	const struct json *slot = json_get(j, STR("slot"));

	if (!!entity + !!entities + !!slot != 1) {
		return est_fail(p, j, "needs one of `entity`, `entities`, `slot`");
	}
	if (slot) {
		s->slot = true;
		if (json_is_string(slot) && slot->text.n > 0 && slot->text.p[0] == '?' &&
		    str_eq(str_from(slot->text, 1), var) && !str_eq(var, STR("action"))) {
			return true;
		}
		return est_fail(p, slot, "this slot cannot stand here");
	}
	if (entities &&
	    (s->op != POLICY_SCOPE_IN || !str_eq(var, STR("action")) || !json_is_array(entities))) {
		return est_fail(p, entities, "only an action can be `in` a list");
	}
	return read_uids(p, entity ? entity : entities, entities, s);
}

static bool read_is(struct parser *p, const struct json *j, struct str var, struct policy_scope *s)
{
	const struct json *type = json_get(j, STR("entity_type")), *in = json_get(j, STR("in"));

	if (str_eq(var, STR("action"))) {
		return est_fail(p, j, "`is` cannot be used with the action");
	}
	if (!policy_is_type_name(json_str(type))) {
		return est_fail(p, type ? type : j, "`entity_type` must be a type name");
	}
	s->type = type->text;
	s->type_span = span_of(type);
	s->op = in ? POLICY_SCOPE_IS_IN : POLICY_SCOPE_IS;
	return !in || read_target(p, in, var, s);
}

static bool check_actions(struct parser *p, const struct json *j, const struct policy_scope *s)
{
	for (size_t i = 0; i < s->n_uids; i++) {
		if (!str_eq(policy_type_basename(s->uids[i].type), STR("Action"))) {
			return est_fail(p, j, "an action's type must be `Action`");
		}
	}
	return true;
}

static bool read_scope(struct parser *p, const struct json *policy, struct str var,
		       struct policy_scope *s)
{
	static const struct str names[] = {STR_INIT("op"),          STR_INIT("entity"),
					   STR_INIT("entities"),    STR_INIT("slot"),
					   STR_INIT("entity_type"), STR_INIT("in")};
	const struct json *j = json_get(policy, var);
	const struct json *op = json_get(j, STR("op"));

	if (!est_members(p, j, names, ARRAY_LEN(names), 5)) {
		return false;
	}
	s->span = span_of(j);
	if (json_str_is(op, STR("All")) && j->n == 1) {
		return true;
	}
	if (json_str_is(op, STR("is"))) {
		return read_is(p, j, var, s);
	}
	s->op = json_str_is(op, STR("==")) ? POLICY_SCOPE_EQ : POLICY_SCOPE_IN;
	if ((s->op == POLICY_SCOPE_IN && !json_str_is(op, STR("in"))) || j->n != 2) {
		return est_fail(p, j, "`op` is All, ==, in or is");
	}
	return read_target(p, j, var, s) && (!str_eq(var, STR("action")) || check_actions(p, j, s));
}

static bool read_conditions(struct parser *p, const struct json *j, struct policy *pol)
{
	static const struct str names[] = {STR_INIT("kind"), STR_INIT("body")};

	if (!json_is_array(j)) {
		return est_fail(p, j, "`conditions` must be a list");
	}
	pol->conds = ARENA_ARRAY(p->a, j->n, struct policy_cond);
	if (!pol->conds) {
		return no_memory(p);
	}
	JSON_EACH (item, j) {
		struct policy_cond *c = &pol->conds[pol->n_conds++];
		const struct json *kind = json_get(item, names[0]);

		if (!est_members(p, item, names, 2, 0)) {
			return false;
		}
		c->unless = json_str_is(kind, STR("unless"));
		if (!c->unless && !json_str_is(kind, STR("when"))) {
			return est_fail(p, kind, "`kind` is when or unless");
		}
		c->span = span_of(item);
		c->body = est_expr(p, json_get(item, names[1]));
		if (!c->body) {
			return false;
		}
	}
	return true;
}

static bool read_annotations(struct parser *p, const struct json *j, struct policy *pol)
{
	if (!j) {
		return true;
	}
	if (!json_is_object(j)) {
		return est_fail(p, j, "`annotations` must be an object");
	}
	pol->annotations = ARENA_ARRAY(p->a, j->n, struct policy_annotation);
	if (!pol->annotations) {
		return no_memory(p);
	}
	JSON_EACH (item, j) {
		struct policy_annotation *an = &pol->annotations[pol->n_annotations++];

		if (!policy_is_ident(item->key)) {
			return est_fail(p, item, "not an annotation key");
		}
		if (item->type != JSON_STRING && item->type != JSON_NULL) {
			return est_fail(p, item, "an annotation's value is a string or null");
		}
		an->key = item->key;
		an->has_value = item->type == JSON_STRING;
		an->value = an->has_value ? item->text : STR("");
		an->span = span_of(item);
	}
	return true;
}

static struct policy *read_policy(struct parser *p, const struct json *j)
{
	static const struct str names[] = {STR_INIT("effect"),     STR_INIT("principal"),
					   STR_INIT("action"),     STR_INIT("resource"),
					   STR_INIT("conditions"), STR_INIT("annotations")};
	struct policy *pol = ARENA_NEW(p->a, struct policy);
	const struct json *effect = json_get(j, names[0]);

	if (!pol) {
		(void)no_memory(p);
		return NULL;
	}
	if (!est_members(p, j, names, ARRAY_LEN(names), 1)) {
		return NULL;
	}
	if (!json_str_is(effect, STR("permit")) && !json_str_is(effect, STR("forbid"))) {
		(void)est_fail(p, effect, "`effect` is permit or forbid");
		return NULL;
	}
	pol->effect = json_str_is(effect, STR("permit")) ? POLICY_PERMIT : POLICY_FORBID;
	pol->source = p->lx.src;
	pol->span = span_of(j);
	pol->effect_span = span_of(effect);
	if (!read_scope(p, j, names[1], &pol->principal) ||
	    !read_scope(p, j, names[2], &pol->action) ||
	    !read_scope(p, j, names[3], &pol->resource) ||
	    !read_conditions(p, json_get(j, names[4]), pol) ||
	    !read_annotations(p, json_get(j, names[5]), pol)) {
		return NULL;
	}
	pol->template = pol->principal.slot || pol->resource.slot;
	return pol;
}

static bool list_put(struct parser *p, struct policy_list *list, struct policy *pol)
{
	if (list->n >= POLICY_COUNT_MAX || !ARENA_GROW(p->a, &list->items, list->n, &list->cap)) {
		return no_memory(p);
	}
	list->items[list->n++] = pol;
	return true;
}

static bool read_numbered(struct parser *p, const struct json *j, struct policy_list *list)
{
	struct policy *pol = read_policy(p, j);

	if (!pol) {
		return false;
	}
	pol->id = arena_printf(p->a, "policy%zu", list->n);
	return pol->id.p ? list_put(p, list, pol) : no_memory(p);
}

/* {id: policy, ...}; `templates` says which kind must stand there. */
static bool read_named(struct parser *p, const struct json *j, bool templates,
		       struct policy_list *list)
{
	if (j && !json_is_object(j)) {
		return est_fail(p, j, "expected an object of policies by id");
	}
	JSON_EACH (item, j) {
		struct policy *pol = read_policy(p, item);

		if (!pol) {
			return false;
		}
		if (pol->template != templates) {
			return est_fail(p, item,
					templates ? "a template needs a slot"
						  : "a static policy cannot have slots");
		}
		pol->id = item->key;
		if (!list_put(p, list, pol)) {
			return false;
		}
	}
	return true;
}

static const struct policy *find_template(const struct policy_list *list, struct str id)
{
	for (size_t i = 0; i < list->n; i++) {
		if (str_eq(list->items[i]->id, id)) {
			return list->items[i];
		}
	}
	return NULL;
}

static bool read_link(struct parser *p, const struct json *j, const struct policy_list *templates,
		      struct policy_list *list)
{
	static const struct str names[] = {STR_INIT("templateId"), STR_INIT("newId"),
					   STR_INIT("values")};
	static const struct str slots[] = {STR_INIT("?principal"), STR_INIT("?resource")};
	struct policy_uid uids[2];
	const struct policy_uid *given[2] = {NULL, NULL};
	const struct policy *template;
	const struct json *values;
	struct policy *linked;
	struct err err = {0};

	if (!est_members(p, j, names, 3, 0)) {
		return false;
	}
	values = json_get(j, names[2]);
	template = find_template(templates, json_str(json_get(j, names[0])));
	if (!template || !json_is_string(json_get(j, names[1]))) {
		return est_fail(p, j, template ? "`newId` must be a string" : "no such template");
	}
	if (!est_members(p, values, slots, 2, 2)) {
		return false;
	}
	for (int i = 0; i < 2; i++) {
		const struct json *v = json_get(values, slots[i]);

		if (v && !read_uid(p, v, &uids[i])) {
			return false;
		}
		given[i] = v ? &uids[i] : NULL;
	}
	if (policy_template_link(p->a, template, json_get(j, names[1])->text, given[0], given[1],
				 &linked, &err)) {
		return est_fail(p, j, err.msg);
	}
	return list_put(p, list, linked);
}

static bool read_set(struct parser *p, const struct json *j, struct policy_list *list)
{
	static const struct str names[] = {STR_INIT("staticPolicies"), STR_INIT("templates"),
					   STR_INIT("templateLinks")};
	const struct json *links = json_get(j, names[2]);
	struct policy_list templates = {0};

	if (!est_members(p, j, names, 3, 3) || !read_named(p, json_get(j, names[0]), false, list) ||
	    !read_named(p, json_get(j, names[1]), true, &templates)) {
		return false;
	}
	if (links && !json_is_array(links)) {
		return est_fail(p, links, "`templateLinks` must be a list");
	}
	JSON_EACH (link, links) {
		if (!read_link(p, link, &templates, list)) {
			return false;
		}
	}
	/* Without links the templates themselves are what the document holds. */
	for (size_t i = 0; json_first(links) == NULL && i < templates.n; i++) {
		if (!list_put(p, list, templates.items[i])) {
			return false;
		}
	}
	return true;
}

static bool read_document(struct parser *p, const struct json *j, struct policy_list *list)
{
	if (json_is_array(j)) {
		JSON_EACH (item, j) {
			if (!read_numbered(p, item, list)) {
				return false;
			}
		}
		return true;
	}
	return json_get(j, STR("effect")) ? read_numbered(p, j, list) : read_set(p, j, list);
}

enum err_code policy_est_read(struct arena *a, const struct policy_source *src,
			      struct policy_list *list, struct policy_diags *diags, struct err *err)
{
	const struct json_opts opts = {.name = src->name, .max_depth = POLICY_EST_DEPTH};
	struct policy_list grown = *list;
	struct parser p = {.a = a};
	const struct json *doc;

	TRY(json_parse(a, src->text, &opts, &doc, err));
	p.lx.src = src;
	p.lx.diags = diags;
	if (!read_document(&p, doc, &grown)) {
		return parse_failed(&p, err);
	}
	*list = grown;
	return ERR_OK;
}
