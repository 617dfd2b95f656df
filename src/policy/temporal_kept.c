/* SPDX-License-Identifier: Apache-2.0 */
/* Events that general leaves look at: of their fields those that some leaf names. */
#include "policy/temporal_state_priv.h"

#include "policy/temporal_bytes.h"

#include <stdlib.h>

static void free_kept(struct temporal_state *s, struct temporal_kept *k)
{
	temporal_state_give(s, k->n);
	free(k->bytes);
	k->bytes = NULL;
}

static bool grow_kept(struct temporal_state *s)
{
	uint32_t cap = s->kept_cap ? s->kept_cap * 2 : 4;
	struct temporal_kept *fresh;

	if (cap > 1u << 24 || !temporal_state_take(s, cap * sizeof(*fresh))) {
		s->failed = true;
		return false;
	}
	fresh = calloc(cap, sizeof(*fresh));
	if (!fresh) {
		s->failed = true;
		return false;
	}
	for (uint32_t i = 0; i < s->kept_n; i++) {
		fresh[i] = s->kept[(s->kept_start + i) % s->kept_cap];
	}
	temporal_state_give(s, s->kept_cap * sizeof(*fresh));
	free(s->kept);
	s->kept = fresh;
	s->kept_cap = cap;
	s->kept_start = 0;
	return true;
}

struct temporal_kept *temporal_kept_add(struct temporal_state *s, size_t bytes)
{
	struct temporal_kept *k;

	if (s->kept_n == s->kept_cap && !grow_kept(s)) {
		return NULL;
	}
	if (!temporal_state_take(s, bytes)) {
		return NULL;
	}
	k = &s->kept[(s->kept_start + s->kept_n) % s->kept_cap];
	*k = (struct temporal_kept){.n = (uint32_t)bytes, .bytes = malloc(bytes ? bytes : 1)};
	if (!k->bytes) {
		temporal_state_give(s, bytes);
		s->failed = true;
		return NULL;
	}
	s->kept_n++;
	return k;
}

void temporal_kept_expire(struct temporal_state *s)
{
	while (s->kept_n > 0 &&
	       temporal_older(s->now, s->kept[s->kept_start].ts, s->plan->retention_ms)) {
		free_kept(s, &s->kept[s->kept_start]);
		s->kept_start = (s->kept_start + 1) % s->kept_cap;
		s->kept_n--;
	}
}

/* The fields that are asked for, as a record of the same shape. */
static void put_fields(struct temporal_bytes *b, struct policy_value v,
		       const struct temporal_field *const *fields, size_t n, uint32_t depth,
		       struct arena *scratch)
{
	const struct temporal_field **inner =
		ARENA_ARRAY(scratch, n, const struct temporal_field *);
	struct temporal_bytes body = {.a = scratch};
	uint32_t count = 0;
	unsigned char kind = POLICY_RECORD;

	for (uint32_t i = 0; inner && i < v.n; i++) {
		size_t k = 0;
		bool whole = false;

		for (size_t j = 0; j < n; j++) {
			if (fields[j]->n_path > depth &&
			    str_eq(fields[j]->path[depth], v.fields[i].key)) {
				whole = whole || fields[j]->n_path == depth + 1;
				inner[k++] = fields[j];
			}
		}
		if (k == 0) {
			continue;
		}
		count++;
		temporal_put_u32(&body, (uint32_t)v.fields[i].key.n);
		temporal_put(&body, v.fields[i].key.p, v.fields[i].key.n);
		if (whole || v.fields[i].value.kind != POLICY_RECORD) {
			temporal_put_value(&body, v.fields[i].value);
		} else {
			put_fields(&body, v.fields[i].value, inner, k, depth + 1, scratch);
		}
	}
	b->failed = b->failed || body.failed || !inner;
	temporal_put(b, &kind, 1);
	temporal_put_u32(b, count);
	temporal_put(b, body.p, body.n);
}

void temporal_kept_event(struct temporal_state *s, const struct temporal_topic *t,
			 const struct temporal_event *ev, struct arena *scratch)
{
	struct temporal_bytes b = {.a = scratch};
	bool wanted = t && t->kept;
	struct temporal_kept *k;

	if (!wanted && !s->plan->keeps_all) {
		return;
	}
	if (wanted) {
		put_fields(&b, ev->fields, t->fields, t->n_fields, 0, scratch);
	}
	if (b.failed || b.n > UINT32_MAX) {
		s->failed = true;
		return;
	}
	k = temporal_kept_add(s, b.n);
	if (k) {
		s->last_kept = true;
		k->ts = ev->ts_ms;
		k->topic = wanted ? (uint32_t)(t - s->plan->topics) + 1 : 0;
		if (b.n > 0) {
			memcpy(k->bytes, b.p, b.n);
		}
	}
}
