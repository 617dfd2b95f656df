/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One edit at a time of a request and its entities as text, knowing nothing of how they
 * were found: a member or an element is left out, a Bool turned false, a Long 0, a String
 * empty. Many edits are against the schema; who reads the documents sees that.
 */
#ifndef TESTS_POLICY_PROVE_EDIT_H
#define TESTS_POLICY_PROVE_EDIT_H

#include "json/parse.h"
#include "json/write.h"

struct prove_edit {
	unsigned at;    /* which one */
	size_t n_known; /* so many entities come first and stay as they are */
	bool keep;      /* no entity is left out */
	bool done;      /* there was such an edit */
	struct str request, entities;
};

static inline bool prove_edit_here(struct prove_edit *e)
{
	bool here = !e->done && e->at == 0;

	e->done = e->done || here;
	e->at -= !e->done;
	return here;
}

static inline bool prove_edit_is_scalar(const struct json *v, struct str simplest)
{
	return (json_is_bool(v) || json_is_number(v) || json_is_string(v)) &&
	       !str_eq(v->raw, simplest);
}

/* `element`: of a set, which may go but stays what it is. */
static inline void prove_edit_value(struct prove_edit *e, struct json_writer *w,
				    const struct json *v, bool element)
{
	struct str simplest = json_is_bool(v)     ? STR("false")
			      : json_is_number(v) ? STR("0")
						  : STR("\"\"");

	if (json_get(v, STR("__entity")) || json_get(v, STR("__extn"))) {
		json_w_raw(w, v->raw);
	} else if (json_is_object(v)) {
		json_w_object(w);
		JSON_EACH (m, v) {
			if (!prove_edit_here(e)) {
				json_w_key(w, m->key);
				prove_edit_value(e, w, m, false);
			}
		}
		json_w_end(w);
	} else if (json_is_array(v)) {
		json_w_array(w);
		JSON_EACH (m, v) {
			if (!prove_edit_here(e)) {
				prove_edit_value(e, w, m, true);
			}
		}
		json_w_end(w);
	} else {
		bool simpler = !element && prove_edit_is_scalar(v, simplest) && prove_edit_here(e);

		json_w_raw(w, simpler ? simplest : v->raw);
	}
}

static inline void prove_edit_entity(struct prove_edit *e, struct json_writer *w,
				     const struct json *entity)
{
	json_w_object(w);
	JSON_EACH (part, entity) {
		json_w_key(w, part->key);
		if (str_eq(part->key, STR("uid"))) {
			json_w_raw(w, part->raw);
		} else if (str_eq(part->key, STR("parents"))) {
			json_w_array(w);
			JSON_EACH (parent, part) {
				if (!prove_edit_here(e)) {
					json_w_raw(w, parent->raw);
				}
			}
			json_w_end(w);
		} else {
			prove_edit_value(e, w, part, false);
		}
	}
	json_w_end(w);
}

/* Both documents with the edit; false when they cannot be read. */
static inline bool prove_edit(struct arena *a, struct prove_edit *e, struct str request,
			      struct str entities)
{
	const struct json *req, *ent;
	struct json_writer w;
	struct err err = {0};
	struct buf out;
	size_t i = 0;

	if (json_parse(a, request, NULL, &req, &err) || json_parse(a, entities, NULL, &ent, &err)) {
		return false;
	}
	buf_init(&out, 1 << 20);
	w = json_writer(&out);
	json_w_object(&w);
	JSON_EACH (part, req) {
		json_w_key(&w, part->key);
		if (str_eq(part->key, STR("context"))) {
			prove_edit_value(e, &w, part, false);
		} else {
			json_w_raw(&w, part->raw);
		}
	}
	json_w_end(&w);
	e->request = arena_dup(a, buf_str(&out));
	buf_clear(&out);
	w = json_writer(&out);
	json_w_array(&w);
	JSON_EACH (entity, ent) {
		if (i++ < e->n_known) {
			json_w_raw(&w, entity->raw);
		} else if (e->keep || !prove_edit_here(e)) {
			prove_edit_entity(e, &w, entity);
		}
	}
	json_w_end(&w);
	e->entities = arena_dup(a, buf_str(&out));
	buf_done(&out);
	return e->request.p && e->entities.p;
}

#endif
