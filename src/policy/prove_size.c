/* SPDX-License-Identifier: Apache-2.0 */
/* How large a counterexample is. Parents that follow from others are not counted. */
#include "policy/case.h"
#include "policy/prove_priv.h"

/* {"__entity": ...} and {"__extn": ...} are values, not records. */
static bool is_value(const struct json *j)
{
	return json_get(j, STR("__entity")) || json_get(j, STR("__extn"));
}

/* Members of records and elements of sets, with all that is in them. The depth is the parser's. */
static uint64_t parts(const struct json *j)
{
	uint64_t n = 0;

	if ((!json_is_object(j) && !json_is_array(j)) || (json_is_object(j) && is_value(j))) {
		return 0;
	}
	JSON_EACH (item, j) {
		n += 1 + parts(item);
	}
	return n;
}

uint64_t prove_documents_size(const struct json *request, const struct json *entities,
			      size_t n_known)
{
	uint64_t n = parts(json_get(request, STR("context")));
	size_t at = 0;

	JSON_EACH (e, entities) {
		const struct json *parents = json_get(e, STR("parents"));

		if (at++ >= n_known) {
			n += 1 + parts(json_get(e, STR("attrs"))) +
			     parts(json_get(e, STR("tags"))) + (parents ? parents->n : 0);
		}
	}
	return n;
}

static size_t n_known(const struct prove_world *w)
{
	const struct policy_entity *known;
	size_t n = 0, written = 0;

	known = w->m->opts->store ? policy_store_entities(w->m->opts->store, &n) : NULL;
	for (size_t i = 0; i < n; i++) {
		const struct schema_entity *type = schema_entity_find(w->m->s, known[i].uid.type);

		written += !type || !type->is_action;
	}
	return written;
}

/* Edges that the others imply: they are written, but need not be. */
static uint64_t implied_edges(struct prove_world *w)
{
	uint64_t n = 0;

	for (size_t i = 0; i < w->n_edges; i++) {
		struct prove_edge *e = &w->edges[i];

		if (e->in) {
			e->in = false;
			if (prove_reaches(w, e->a, e->b)) {
				n++; /* and it stays away: two may imply each other's rest */
			} else {
				e->in = true;
			}
		}
	}
	return n;
}

bool prove_size(struct prove_world *w, struct arena *a, struct str request, struct str entities,
		uint64_t *ret)
{
	const struct policy_source sources[] = {{STR("request"), request},
						{STR("entities"), entities}};
	const struct json *docs[2];
	struct err err;

	for (int i = 0; i < 2; i++) {
		if (policy_case_json(a, &sources[i], &docs[i], &err)) {
			return false;
		}
	}
	*ret = prove_documents_size(docs[0], docs[1], n_known(w)) - implied_edges(w);
	return !w->stopped;
}
