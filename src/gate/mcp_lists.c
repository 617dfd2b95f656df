/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists: to list is an action on each server of the endpoint; what the policies
 * refuse is left out. The answer is made of what links keep.
 */
#include "gate/exchange.h"

static bool is_allowed(void *ctx, const struct mcp_entry *e)
{
	const struct exchange *x = ctx;

	return e->server < x->n_parts && x->parts[e->server].allowed;
}

static void answer_lists(struct exchange *x)
{
	const struct mcp_view *view = endpoint_view(x->gate, x->endpoint, x->list_kind);

	if (!view) {
		mcp_fail(x, MCP_ERROR_INTERNAL);
		return;
	}
	x->answer = gate_buf_take(x->gate, 34 << 20);
	mcp_view_answer(&x->answer, view, x->msg.id, x->version, is_allowed, x);
	exchange_reply(x, 200);
}

static void part_forward(struct action *a)
{
	struct list_part *p = CONTAINER_OF(a, struct list_part, action);

	/* The answer is at hand: what is listed of this server is what its link keeps. */
	p->allowed = true;
	action_answered(a, LEDGER_OK, 0, str_make(NULL, 0));
}

static void part_reply(struct action *a)
{
	struct list_part *p = CONTAINER_OF(a, struct list_part, action);
	struct exchange *x = p->x;
	bool recorded = true;

	if (--x->parts_pending) {
		return;
	}
	for (size_t i = 0; i < x->n_parts; i++) {
		recorded = recorded && !x->parts[i].action.unrecorded;
	}
	if (!recorded) {
		mcp_fail(x, MCP_ERROR_NO_RECORD);
		return;
	}
	answer_lists(x);
}

static const struct action_events part_events = {.forward = part_forward, .reply = part_reply};

static void on_gathered(struct gather *g)
{
	struct exchange *x = CONTAINER_OF(g, struct exchange, gather);

	x->parts = ARENA_ARRAY(&x->req->arena, x->endpoint->n + 1, struct list_part);
	if (!x->parts) {
		mcp_fail(x, MCP_ERROR_INTERNAL);
		return;
	}
	x->n_parts = x->parts_pending = x->endpoint->n;
	if (!x->n_parts) {
		answer_lists(x);
		return;
	}
	for (size_t i = 0; i < x->n_parts; i++) {
		struct rules_query q = {.kind = RULES_LIST,
					.claims = exchange_claims(x),
					.server = x->endpoint->links[i]->id};
		struct list_part *p = &x->parts[i];

		p->x = x;
		p->action = (struct action){.gate = x->gate,
					    .on = &part_events,
					    .session = x->session,
					    .arena = &x->req->arena};
		action_start(&p->action, &q, x->req->started);
	}
}

void mcp_lists_start(struct exchange *x, enum mcp_list_kind kind)
{
	x->list_kind = kind;
	if (!mcp_view_cursor_ok(x->msg.cursor)) {
		mcp_fail(x, MCP_ERROR_CURSOR);
		return;
	}
	for (size_t i = 0; i < x->endpoint->n; i++) {
		link_refresh(x->endpoint->links[i], kind);
	}
	if (!gather_start(&x->gather, &x->req->arena, &x->gate->loop, x->endpoint->links,
			  x->endpoint->n, on_gathered)) {
		mcp_fail(x, MCP_ERROR_BUSY);
	}
}

void mcp_lists_end(struct exchange *x)
{
	for (size_t i = 0; i < x->n_parts; i++) {
		action_abandon(&x->parts[i].action);
	}
	x->n_parts = 0;
}
