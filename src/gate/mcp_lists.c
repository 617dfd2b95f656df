/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists. Whether a caller may list is decided for each server of the endpoint; servers about which the same
 * was decided are one action, with one record: its resource, and those it is also about. What is refused is left
 * out, and so is what the caller could not call (gate/mcp_shown.h). The answer is made of what links keep, so nothing goes to a server.
 *
 * Temporal policies see each server's list as an event of its own: then each is an action of its own.
 */
#include "gate/mcp_shown.h"

/* ---- what is decided ---- */

static bool same_texts(const struct str *a, size_t n_a, const struct str *b, size_t n_b)
{
	bool same = n_a == n_b;

	for (size_t i = 0; same && i < n_a; i++) {
		same = str_eq(a[i], b[i]);
	}
	return same;
}

/* Would the two have the same record, but for the resource? */
static bool is_alike(const struct rules_answer *a, const struct rules_answer *b)
{
	return a->outcome == b->outcome && a->durable == b->durable && str_eq(a->cause, b->cause) &&
	       same_texts(a->policies, a->n_policies, b->policies, b->n_policies) &&
	       same_texts(a->errors, a->n_errors, b->errors, b->n_errors) &&
	       same_texts(a->duties, a->n_duties, b->duties, b->n_duties) &&
	       same_texts(a->logged, a->n_logged, b->logged, b->n_logged);
}

/* Counts the resource among those of an action before it. */
static struct list_part *join(struct exchange *x, const struct rules_answer *answer)
{
	for (size_t i = 0; i < x->n_parts && !x->gate->history.engine; i++) {
		struct list_part *p = &x->parts[i];

		if (p->action.also.n == LEDGER_TEXTS_MAX || !is_alike(&p->action.answer, answer)) {
			continue;
		}
		if (!p->also) {
			p->also = ARENA_ARRAY(&x->req->arena, LEDGER_TEXTS_MAX, struct str);
			p->action.also.items = p->also;
		}
		if (!p->also) {
			return NULL;
		}
		p->also[p->action.also.n++] = answer->resource;
		return p;
	}
	return NULL;
}

/* ---- what comes of it ---- */

static bool is_shown(void *ctx, const struct mcp_entry *e)
{
	const struct exchange *x = ctx;

	return x->part_of[e->server]->forwarded &&
	       x->shown->seen[e - x->endpoint->views[x->list_kind].entries];
}

/* The outcome commits to what was listed: docs/formats/ledger.md, "Commitments". */
static void part_listed(struct list_part *p, const struct mcp_view *v)
{
	const struct exchange *x = p->x;
	struct sha256 h;
	uint64_t n = 0;

	action_commit_begin(&p->action, &h);
	for (size_t i = 0; i < v->n_ids; i++) {
		if (x->part_of[i] == p) {
			sha256_update(&h, x->shown->digests[i], SHA256_LEN);
			n += SHA256_LEN;
		}
	}
	action_answered_stream(&p->action, LEDGER_OK, 0, &h, n);
}

static void list_over(struct exchange *x)
{
	if (x->list_fault == MCP_ERROR_NONE) {
		exchange_reply(x, 200);
	} else {
		mcp_fail(x, x->list_fault);
	}
}

/* All is decided, and recorded as far as it could be. */
static void list_make(struct exchange *x)
{
	const struct mcp_view *view = endpoint_view(x->gate, x->endpoint, x->list_kind);
	size_t n = x->n_parts;

	x->shown = view ? mcp_shown_to(x, &x->endpoint->views[x->list_kind]) : NULL;
	x->list_fault = x->shown ? MCP_ERROR_NONE : MCP_ERROR_INTERNAL;
	for (size_t i = 0; i < n; i++) {
		x->parts_pending += x->parts[i].forwarded;
		if (x->parts[i].action.unrecorded) {
			x->list_fault = MCP_ERROR_NO_RECORD;
		}
	}
	if (x->list_fault == MCP_ERROR_NONE) {
		x->answer = gate_buf_take(x->gate, 34 << 20);
		mcp_view_answer(&x->answer, view, x->msg.id, x->version, is_shown, x);
	}
	if (x->parts_pending == 0) {
		list_over(x); /* may free x */
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct list_part *p = &x->parts[i];

		if (p->forwarded && x->list_fault == MCP_ERROR_NONE) {
			part_listed(p, view);
		} else if (p->forwarded) {
			action_answered(&p->action, LEDGER_WITHHELD, 0, str_make(NULL, 0));
		}
	}
}

static void part_recorded(struct exchange *x)
{
	if (--x->parts_pending == 0) {
		list_make(x);
	}
}

static void part_forward(struct action *a)
{
	struct list_part *p = CONTAINER_OF(a, struct list_part, action);

	p->forwarded = true;
	part_recorded(p->x);
}

static void part_reply(struct action *a)
{
	struct list_part *p = CONTAINER_OF(a, struct list_part, action);

	if (!p->forwarded) {
		part_recorded(p->x);
	} else if (--p->x->parts_pending == 0) {
		list_over(p->x);
	}
}

static const struct action_events part_events = {.forward = part_forward, .reply = part_reply};

/* ---- from request to answer ---- */

static void on_gathered(struct gather *g)
{
	struct exchange *x = CONTAINER_OF(g, struct exchange, gather);
	struct rules_query q = {0};
	const struct endpoint *e = x->endpoint;

	x->parts = ARENA_ARRAY(&x->req->arena, e->n + 1, struct list_part);
	x->part_of = ARENA_ARRAY(&x->req->arena, e->n + 1, struct list_part *);
	if (!x->parts || !x->part_of) {
		mcp_fail(x, MCP_ERROR_INTERNAL);
		return;
	}
	for (size_t i = 0; i < e->n; i++) {
		struct list_part *p = &x->parts[x->n_parts];

		*p = (struct list_part){.x = x,
					.action = {.gate = x->gate,
						   .on = &part_events,
						   .session = x->session,
						   .arena = &x->req->arena}};
		q = (struct rules_query){.kind = RULES_LIST,
					 .claims = exchange_claims(x),
					 .server = e->links[i]->id};
		action_decide(&p->action, &q, x->req->started);
		x->part_of[i] = join(x, &p->action.answer);
		if (!x->part_of[i]) {
			x->part_of[i] = p;
			x->n_parts++;
		}
	}
	if (x->n_parts == 0) {
		list_make(x);
		return;
	}
	x->parts_pending = x->n_parts;
	for (size_t i = 0; i < x->n_parts; i++) {
		action_record(&x->parts[i].action, &q);
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
