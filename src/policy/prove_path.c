/* SPDX-License-Identifier: Apache-2.0 */
/* The places of values: variables, attributes and tags, each made when a policy first looks at it. */
#include "policy/prove_priv.h"

struct prove_path *prove_path_find(const struct prove_path *root, struct str name)
{
	for (struct prove_path *p = root->kids; p; p = p->next) {
		if (str_eq(p->name, name)) {
			return p;
		}
	}
	return NULL;
}

/* Gives a place its domain; records have none, their attributes do. */
static bool place(struct prove_model *m, struct prove_path *p, const struct type *t)
{
	const struct type *of = t->kind == TYPE_SET ? t->element : t;

	p->type = t;
	if (t->kind == TYPE_RECORD) {
		return true;
	}
	if (of && of->kind == TYPE_ENTITY) {
		p->domain = prove_domain_entity(m, of->entity);
	} else {
		p->domain = prove_domain_new(m, of ? conform_kind(of) : POLICY_NONE, NULL);
	}
	return p->domain;
}

static struct prove_path *make(struct prove_model *m, const struct schema_entity *owner,
			       const struct type *t)
{
	struct prove_path *p = ARENA_NEW(m->a, struct prove_path);

	if (!p || !place(m, p, t)) {
		m->nomem = true;
		return NULL;
	}
	p->owner = owner;
	return p;
}

struct prove_path *prove_path_attr(struct prove_model *m, struct prove_path *of, struct str name)
{
	struct prove_path *p = prove_path_find(of, name);
	const struct type_field *f;

	if (p || of->type->kind != TYPE_RECORD) {
		return p;
	}
	f = type_field_find(of->type, name);
	if (!f) {
		return NULL;
	}
	p = make(m, of->owner, f->type);
	if (p) {
		p->name = f->name;
		p->required = f->required;
		p->up = of;
		p->next = of->kids;
		of->kids = p;
	}
	return p;
}

struct prove_path *prove_path_type(struct prove_model *m, const struct schema_entity *e)
{
	struct prove_path *p = m->types;

	while (p && p->owner != e) {
		p = p->next;
	}
	if (!p) {
		p = make(m, e, e->attrs);
		if (p) {
			p->next = m->types;
			m->types = p;
		}
	}
	return p;
}

struct prove_path *prove_path_tags(struct prove_model *m, const struct schema_entity *e)
{
	struct prove_path *p = m->tags;

	while (p && p->owner != e) {
		p = p->next;
	}
	if (!p && e->tags) {
		p = make(m, e, e->tags);
		if (p) {
			p->keys = prove_domain_new(m, POLICY_STRING, NULL);
			p->next = m->tags;
			m->tags = p;
		}
	}
	return p;
}

/* `type` of the entity, whose declaration holds it. */
static bool variable(struct prove_model *m, struct prove_path *p, const struct schema_entity *e)
{
	p->required = true;
	return place(m, p, &e->type);
}

bool prove_model_init(struct prove_model *m)
{
	struct str type = m->action->type->name;

	m->action_uid = policy_uid_make(type, m->action->id);
	m->context.type = m->action->context;
	m->context.required = true;
	if (!variable(m, &m->var_principal, m->principal) ||
	    !variable(m, &m->var_resource, m->resource)) {
		m->nomem = true;
		return false;
	}
	return true;
}
