/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/mcp_shown.h"

enum { KEPT = 64, SCRATCH = 1 << 20 };

static const struct {
	enum rules_kind kind;
	bool decided;
} actions[MCP_LIST_KINDS] = {
	[MCP_LIST_TOOLS] = {RULES_CALL_TOOL, true},
	[MCP_LIST_RESOURCES] = {RULES_READ_RESOURCE, true},
	[MCP_LIST_PROMPTS] = {RULES_GET_PROMPT, true},
};

/* Of a run that learns, everything that no policy is about is allowed. */
static bool is_filtered(const struct exchange *x, const struct mcp_view *v)
{
	return actions[v->kind].decided && !x->session->learns;
}

static void look(const struct exchange *x, const struct mcp_view *v, struct mcp_shown *s)
{
	struct arena scratch;

	arena_init(&scratch, SCRATCH);
	for (size_t i = 0; i < v->n; i++) {
		const struct mcp_entry *e = &v->entries[i];
		const struct rules_query q = {.kind = actions[v->kind].kind,
					      .agent = x->session->agent,
					      .claims = exchange_claims(x),
					      .server = v->ids[e->server],
					      .object = e->item->key};

		s->seen[i] = !is_filtered(x, v) || rules_may(x->gate->rules, &q, &scratch);
		arena_reset(&scratch);
	}
	arena_done(&scratch);
}

static void digest(const struct mcp_view *v, struct mcp_shown *s)
{
	size_t at = 0;

	for (size_t i = 0; i < v->n_ids; i++) {
		bool any = false;
		struct sha256 h;

		sha256_init(&h);
		for (; at < v->n && v->entries[at].server == i; at++) {
			if (s->seen[at]) {
				sha256_update(&h, ",", any);
				sha256_update(&h, v->entries[at].json.p, v->entries[at].json.n);
				any = true;
			}
		}
		sha256_final(&h, s->digests[i]);
	}
}

static struct mcp_shown *make(const struct exchange *x, const struct mcp_view *v, struct arena *a)
{
	struct mcp_shown *s = ARENA_NEW(a, struct mcp_shown);

	if (!s) {
		return NULL;
	}
	s->agent = arena_dup(a, x->session->agent);
	s->seen = ARENA_ARRAY(a, v->n + 1, bool);
	s->digests = arena_array(a, v->n_ids + 1, sizeof(*s->digests));
	if (!s->agent.p || !s->seen || !s->digests) {
		return NULL;
	}
	look(x, v, s);
	digest(v, s);
	return s;
}

const struct mcp_shown *mcp_shown_to(struct exchange *x, struct mcp_view *v)
{
	bool keep = !exchange_claims(x) && !x->session->learns;
	struct mcp_shown *s;
	size_t n = 0;

	for (s = keep ? v->shown : NULL; s; s = s->next) {
		if (str_eq(s->agent, x->session->agent)) {
			return s;
		}
		n++;
	}
	if (!keep || n == KEPT) {
		return make(x, v, &x->req->arena);
	}
	s = make(x, v, &v->arena);
	if (s) {
		s->next = v->shown;
		v->shown = s;
	}
	return s;
}
