/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/prove_priv.h"

#include "json/write.h"

static void put_key(struct buf *out, bool *first, struct str key)
{
	if (!*first) {
		buf_append_c(out, ',');
	}
	*first = false;
	json_put_str(out, key);
	buf_append_c(out, ':');
}

static void put_uid(struct buf *out, const struct policy_uid *uid)
{
	buf_append(out, STR("{\"type\":"));
	json_put_str(out, uid->type);
	buf_append(out, STR(",\"id\":"));
	json_put_str(out, uid->id);
	buf_append_c(out, '}');
}

void prove_json_uid(struct buf *out, const struct policy_uid *uid)
{
	put_uid(out, uid);
}

static const char *constructor(enum policy_kind kind)
{
	return kind == POLICY_DECIMAL    ? "decimal"
	       : kind == POLICY_IP       ? "ip"
	       : kind == POLICY_DATETIME ? "datetime"
					 : "duration";
}

static void put_value(struct buf *out, struct policy_value v)
{
	struct buf text;

	if (v.kind == POLICY_BOOL) {
		buf_append(out, v.b ? STR("true") : STR("false"));
	} else if (v.kind == POLICY_LONG) {
		buf_append_i64(out, v.i);
	} else if (v.kind == POLICY_STRING) {
		json_put_str(out, policy_value_str(v));
	} else if (v.kind == POLICY_ENTITY) {
		buf_append(out, STR("{\"__entity\":"));
		put_uid(out, v.uid);
		buf_append_c(out, '}');
	} else if (v.kind == POLICY_SET) {
		buf_append_c(out, '[');
		for (uint32_t i = 0; i < v.n; i++) {
			if (i > 0) {
				buf_append_c(out, ',');
			}
			put_value(out, v.elems[i]);
		}
		buf_append_c(out, ']');
	} else if (v.kind == POLICY_RECORD) {
		bool first = true;

		buf_append_c(out, '{');
		for (uint32_t i = 0; i < v.n; i++) {
			put_key(out, &first, v.fields[i].key);
			put_value(out, v.fields[i].value);
		}
		buf_append_c(out, '}');
	} else {
		buf_init(&text, 1 << 12);
		policy_ext_write(&text, v);
		buf_printf(out, "{\"__extn\":{\"fn\":\"%s\",\"arg\":", constructor(v.kind));
		json_put_str(out, buf_str(&text));
		buf_append(out, STR("}}"));
		buf_done(&text);
	}
}

static const struct prove_slot *find_slot(const struct prove_world *w, const struct prove_path *p,
					  uint32_t owner, struct str tag)
{
	for (size_t i = 0; p && i < w->n_slots; i++) {
		const struct prove_slot *s = &w->slots[i];

		if (s->path == p && s->owner == owner && str_eq(s->tag, tag)) {
			return s;
		}
	}
	return NULL;
}

/* Any entity of the type will do; one that is there already if there is one. */
static void put_some_entity(struct prove_world *w, struct buf *out,
			    const struct schema_entity *type)
{
	struct policy_uid uid = policy_uid_make(type->name, STR("any"));
	const struct policy_entity *e;
	size_t n = 0;

	if (type->n_ids > 0) {
		uid.id = type->ids[0];
	} else if (type->is_action) {
		uid.id = w->m->action->id;
	}
	e = w->m->opts->store ? policy_store_entities(w->m->opts->store, &n) : NULL;
	for (size_t i = 0; i < n && type->n_ids == 0 && !type->is_action; i++) {
		if (str_eq(e[i].uid.type, type->name)) {
			uid = e[i].uid;
			break;
		}
	}
	for (size_t i = 0; i < w->n_entities && type->n_ids == 0 && !type->is_action; i++) {
		if (w->entities[i].type == type) {
			uid = *w->entities[i].uid;
			break;
		}
	}
	if (w->whole) {
		prove_make_exist(w, &uid);
	}
	put_value(out, policy_entity(&uid));
}

static void put_default(struct prove_world *w, struct buf *out, const struct type *t)
{
	static const struct policy_ip ip = PROVE_USUAL_IP;

	switch (t->kind) {
	case TYPE_BOOL:
	case TYPE_TRUE:
	case TYPE_FALSE:
		put_value(out, policy_bool(false));
		break;
	case TYPE_STRING:
		put_value(out, policy_string(STR("")));
		break;
	case TYPE_LONG:
	case TYPE_DECIMAL:
	case TYPE_DATETIME:
	case TYPE_DURATION:
		put_value(out, policy_scalar(conform_kind(t), 0));
		break;
	case TYPE_IPADDR:
		put_value(out, (struct policy_value){.kind = POLICY_IP, .ip = &ip});
		break;
	case TYPE_ENTITY:
		put_some_entity(w, out, t->entity);
		break;
	case TYPE_SET:
		buf_append(out, STR("[]"));
		break;
	case TYPE_RECORD:
	case TYPE_NONE:
	case TYPE_KIND_MAX:
		break;
	}
}

static void put_record(struct prove_world *w, struct buf *out, const struct type *t,
		       const struct prove_path *p, uint32_t owner, struct str tag);

static void put_place(struct prove_world *w, struct buf *out, const struct type *t,
		      const struct prove_path *p, uint32_t owner, struct str tag)
{
	const struct prove_slot *s = find_slot(w, p, owner, tag);
	bool first = true;

	if (t->kind == TYPE_RECORD) {
		put_record(w, out, t, p, owner, tag);
		return;
	}
	if (t->kind == TYPE_SET && s) {
		buf_append_c(out, '[');
		for (size_t i = 0; i < s->n_members; i++) {
			if (s->members[i].in) {
				if (!first) {
					buf_append_c(out, ',');
				}
				first = false;
				put_value(out, s->members[i].v);
			}
		}
		buf_append_c(out, ']');
	} else if (s && s->value.kind != POLICY_NONE) {
		put_value(out, s->value);
	} else {
		put_default(w, out, t);
	}
}

/* Recursion is bounded by the depth of the type. */
static void put_record(struct prove_world *w, struct buf *out, const struct type *t,
		       const struct prove_path *p, uint32_t owner, struct str tag)
{
	bool first = true;

	buf_append_c(out, '{');
	for (size_t i = 0; i < t->n_fields && !out->failed; i++) {
		const struct type_field *f = &t->fields[i];
		const struct prove_path *kid = p ? prove_path_find(p, f->name) : NULL;
		const struct prove_slot *s = find_slot(w, kid, owner, tag);

		if (f->required || (s && s->presence == PROVE_THERE)) {
			put_key(out, &first, f->name);
			put_place(w, out, f->type, kid, owner, tag);
		}
	}
	buf_append_c(out, '}');
}

static const struct prove_path *root_of(const struct prove_path *list,
					const struct schema_entity *e)
{
	while (list && list->owner != e) {
		list = list->next;
	}
	return list;
}

static void put_tags(struct prove_world *w, struct buf *out, uint32_t at)
{
	bool first = true;

	buf_append(out, STR(",\"tags\":{"));
	for (size_t i = 0; i < w->n_slots; i++) {
		const struct prove_slot s = w->slots[i];

		if (s.owner == at && s.presence == PROVE_THERE && s.path->keys) {
			put_key(out, &first, s.tag);
			put_place(w, out, s.path->type, s.path, at, s.tag);
		}
	}
	buf_append_c(out, '}');
}

static void put_entity(struct prove_world *w, struct buf *out, uint32_t at)
{
	const struct prove_entity e = w->entities[at];
	bool first = true;

	buf_append(out, STR("{\"uid\":"));
	put_uid(out, e.uid);
	buf_append(out, STR(",\"attrs\":"));
	put_record(w, out, e.type->attrs, root_of(w->m->types, e.type), at, STR(""));
	buf_append(out, STR(",\"parents\":["));
	for (size_t i = 0; i < w->n_edges; i++) {
		if (w->edges[i].a == at && w->edges[i].in) {
			if (!first) {
				buf_append_c(out, ',');
			}
			first = false;
			put_uid(out, w->entities[w->edges[i].b].uid);
		}
	}
	buf_append_c(out, ']');
	if (root_of(w->m->tags, e.type)) {
		put_tags(w, out, at);
	}
	buf_append_c(out, '}');
}

static void put_known(struct buf *out, const struct policy_entity *e)
{
	const struct policy_value empty = {.kind = POLICY_RECORD};

	buf_append(out, STR("{\"uid\":"));
	put_uid(out, &e->uid);
	buf_append(out, STR(",\"attrs\":"));
	put_value(out, e->attrs.kind ? e->attrs : empty);
	buf_append(out, STR(",\"parents\":["));
	for (uint32_t i = 0; i < e->n_parents; i++) {
		if (i > 0) {
			buf_append_c(out, ',');
		}
		put_uid(out, &e->parents[i]);
	}
	buf_append_c(out, ']');
	if (e->tags.kind == POLICY_RECORD && e->tags.n > 0) {
		buf_append(out, STR(",\"tags\":"));
		put_value(out, e->tags);
	}
	buf_append_c(out, '}');
}

static void put_entities(struct prove_world *w, struct buf *out)
{
	const struct policy_entity *known;
	bool first = true;
	size_t n = 0;

	known = w->m->opts->store ? policy_store_entities(w->m->opts->store, &n) : NULL;
	buf_append_c(out, '[');
	for (size_t i = 0; i < n && !out->failed; i++) {
		const struct schema_entity *type = schema_entity_find(w->m->s, known[i].uid.type);

		if (type && type->is_action) {
			continue; /* the schema has them */
		}
		if (!first) {
			buf_append_c(out, ',');
		}
		first = false;
		put_known(out, &known[i]);
	}
	for (uint32_t i = 0; i < w->n_entities && !out->failed; i++) {
		if (w->entities[i].exists != PROVE_YES) {
			continue;
		}
		if (!first) {
			buf_append_c(out, ',');
		}
		first = false;
		put_entity(w, out, i);
	}
	buf_append_c(out, ']');
}

/* Principal and resource are chosen now if no policy asked. */
static bool put_var(struct prove_world *w, struct buf *out, const struct prove_path *var)
{
	struct policy_value v = prove_slot_value(w, prove_slot_at(w, var, PROVE_CONTEXT, STR("")));

	if (v.kind != POLICY_ENTITY) {
		return false;
	}
	put_uid(out, v.uid);
	return true;
}

bool prove_json(struct prove_world *w, struct buf *request, struct buf *entities)
{
	buf_append(request, STR("{\"principal\":"));
	if (!put_var(w, request, &w->m->var_principal)) {
		return false;
	}
	buf_append(request, STR(",\"action\":"));
	put_uid(request, &w->m->action_uid);
	buf_append(request, STR(",\"resource\":"));
	if (!put_var(w, request, &w->m->var_resource)) {
		return false;
	}
	buf_append(request, STR(",\"context\":"));
	put_record(w, request, w->m->context.type, &w->m->context, PROVE_CONTEXT, STR(""));
	buf_append_c(request, '}');
	put_entities(w, entities);
	return !request->failed && !entities->failed;
}
