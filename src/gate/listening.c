/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/listening.h"

#include "gate/subs.h"
#include "json/write.h"

enum { MESSAGE_MAX = 34 << 20, ACK_MAX = 1 << 20 };

/* One resource that is to be listened to. */
struct listen_part {
	struct listening *l;
	struct action action;
	struct link *link;
	struct str raw, uri; /* as the client knows it, and as its server does */
	struct mcp_msg msg;  /* the request of the older era that it becomes */
	struct link_call call;
	struct link_wait listened;
	bool added, honoured;
};

/* ---- the acknowledgement ---- */

static void acknowledge(struct listening *l)
{
	struct exchange *x = l->x;
	struct mcp_filter honoured = l->filter;
	struct buf out = gate_buf_take(x->gate, ACK_MAX);
	bool sent;

	honoured.n_uris = 0;
	for (size_t i = 0; i < l->n_parts; i++) {
		if (l->parts[i].honoured) {
			honoured.uris[honoured.n_uris++] = l->parts[i].raw;
		}
	}
	l->filter = honoured;
	mcp_listen_acknowledged(&out, &l->filter, x->msg.id);
	sent = !out.failed && exchange_event(x, buf_str(&out));
	gate_buf_give(x->gate, &out);
	if (!sent) {
		exchange_text(
			x, 406,
			STR("Only a stream tells this: Accept must name text/event-stream.\n"));
		return;
	}
	list_append(&x->gate->listenings, &l->node);
	gate_endpoint_release(x->gate, x->endpoint);
	x->endpoint = NULL;
}

/* ---- each resource ---- */

static void part_over(struct listen_part *p, bool honoured, enum ledger_status status,
		      struct str result)
{
	p->honoured = honoured;
	if (p->added && !honoured) {
		p->added = false;
		(void)subs_remove(p->link, p->l->x->session, p->l, p->uri);
	}
	action_answered(&p->action, status, 0, result);
}

static void on_answer(struct link_call *c, const struct mcp_msg *m)
{
	bool ok = m->kind == MCP_RESPONSE;

	part_over(CONTAINER_OF(c, struct listen_part, call), ok, ok ? LEDGER_OK : LEDGER_TOOL_ERROR,
		  ok ? m->result : m->error);
}

static void on_fail(struct link_call *c, enum link_fail why)
{
	part_over(CONTAINER_OF(c, struct listen_part, call), false,
		  why == LINK_FAIL_TIMEOUT ? LEDGER_TIMEOUT : LEDGER_DIED, str_make(NULL, 0));
}

static const struct link_events call_events = {.on_answer = on_answer, .on_fail = on_fail};

static void on_listened(struct link_wait *w, bool ready)
{
	part_over(CONTAINER_OF(w, struct listen_part, listened), ready,
		  ready ? LEDGER_OK : LEDGER_DIED, STR("{}"));
}

static void part_forward(struct action *a)
{
	struct listen_part *p = CONTAINER_OF(a, struct listen_part, action);
	struct exchange *x = p->l->x;
	const struct link_request r = {.m = &p->msg, .object = p->uri};

	if (subs_add(p->link, x->session, p->l, p->uri, p->raw, &p->added, NULL)) {
		part_over(p, false, LEDGER_UNREACHABLE, str_make(NULL, 0));
	} else if (link_is_modern(p->link)) {
		p->listened.on_link = on_listened;
		link_listen_wait(p->link, &p->listened);
	} else {
		p->call = (struct link_call){
			.on = &call_events, .session = x->session, .about = egress_about(a)};
		if (link_call_start(p->link, &p->call, &r, NULL)) {
			p->call.hop = 0;
			part_over(p, false, LEDGER_UNREACHABLE, str_make(NULL, 0));
		}
	}
}

static void part_reply(struct action *a)
{
	struct listening *l = CONTAINER_OF(a, struct listen_part, action)->l;

	if (--l->pending == 0) {
		acknowledge(l);
	}
}

static const struct action_events part_events = {.forward = part_forward, .reply = part_reply};

/* The request that a server of the older era gets; false when memory is short. */
static bool write_request(struct listen_part *p)
{
	struct arena *a = &p->l->x->req->arena;
	struct buf text;
	struct str kept;

	buf_init(&text, 64 << 10);
	buf_append(&text, STR("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"resources/subscribe\","
			      "\"params\":{\"uri\":"));
	json_put_str(&text, p->uri);
	buf_append(&text, STR("}}"));
	kept = text.failed ? str_make(NULL, 0) : arena_dup(a, buf_str(&text));
	buf_done(&text);
	return kept.p && mcp_msg_parse(a, kept, NULL, &p->msg, NULL) == MCP_REQUEST;
}

/* Whose resource it is; false when nobody can tell of its changes. */
static bool part_find(struct listening *l, struct listen_part *p, struct str raw)
{
	struct exchange *x = l->x;
	const struct mcp_view *resources = endpoint_view(x->gate, x->endpoint, MCP_LIST_RESOURCES);
	const struct mcp_view *templates = endpoint_view(x->gate, x->endpoint, MCP_LIST_TEMPLATES);
	struct mcp_target target;
	struct str uri;

	if (!resources || json_unquote(&x->req->arena, raw, &uri, NULL) ||
	    !mcp_view_resolve_uri(resources, templates, uri, &target)) {
		return false;
	}
	*p = (struct listen_part){.l = l, .raw = raw, .link = x->endpoint->links[target.server]};
	p->uri = arena_dup(&x->req->arena, target.uri);
	return p->uri.p && p->link->state == LINK_READY &&
	       (p->link->capabilities & MCP_CAP_RESOURCES_SUBSCRIBE) && write_request(p);
}

static void on_gathered(struct gather *g)
{
	struct exchange *x = CONTAINER_OF(g, struct exchange, gather);
	struct listening *l = x->listening;

	for (size_t i = 0; i < l->filter.n_uris; i++) {
		l->n_parts += part_find(l, &l->parts[l->n_parts], l->filter.uris[i]);
	}
	l->pending = l->n_parts;
	if (l->n_parts == 0) {
		acknowledge(l);
		return;
	}
	for (size_t i = 0; i < l->n_parts; i++) {
		struct listen_part *p = &l->parts[i];
		struct rules_query q = {.kind = RULES_SUBSCRIBE,
					.server = p->link->id,
					.object = p->uri,
					.claims = exchange_claims(x)};

		p->action = (struct action){.gate = x->gate,
					    .on = &part_events,
					    .session = x->session,
					    .arena = &x->req->arena};
		action_start(&p->action, &q, x->req->started);
	}
}

void listening_start(struct exchange *x)
{
	struct arena *a = &x->req->arena;
	struct listening *l = ARENA_NEW(a, struct listening);
	enum mcp_error e;

	if (!l) {
		mcp_fail(x, MCP_ERROR_INTERNAL);
		return;
	}
	list_init(&l->node);
	l->x = x;
	e = mcp_filter_parse(a, &x->msg, &l->filter);
	l->endpoint = arena_dup(a, x->endpoint->id);
	l->parts = ARENA_ARRAY(a, l->filter.n_uris + 1, struct listen_part);
	if (e != MCP_ERROR_NONE || !l->parts || !l->endpoint.p) {
		mcp_fail(x, e != MCP_ERROR_NONE ? e : MCP_ERROR_INTERNAL);
		return;
	}
	x->listening = l;
	if (!gather_start(&x->gather, a, &x->gate->loop, x->endpoint->links, x->endpoint->n,
			  on_gathered)) {
		mcp_fail(x, MCP_ERROR_BUSY);
	}
}

void listening_end(struct exchange *x)
{
	struct listening *l = x->listening;

	if (!l) {
		return;
	}
	x->listening = NULL;
	list_remove(&l->node);
	for (size_t i = 0; i < l->n_parts; i++) {
		struct listen_part *p = &l->parts[i];

		link_wait_forget(&p->listened);
		if (p->call.hop) {
			link_call_cancel(&p->call, true);
		}
		action_abandon(&p->action);
	}
	subs_listening_end(x->session, l);
}

/* ---- what it hears ---- */

void listening_changed(struct gate *g, struct str endpoint, enum mcp_list_kind kind,
		       enum mcp_method method)
{
	LIST_FOREACH (node, &g->listenings) {
		struct listening *l = CONTAINER_OF(node, struct listening, node);
		struct buf out;

		if (!mcp_filter_wants(&l->filter, kind) || !str_eq(l->endpoint, endpoint)) {
			continue;
		}
		out = gate_buf_take(g, 4096);
		mcp_listen_changed(&out, method, l->x->msg.id);
		(void)exchange_event(l->x, buf_str(&out));
		gate_buf_give(g, &out);
	}
}

void listening_updated(struct listening *l, const struct mcp_msg *m, struct str uri)
{
	struct gate *g = l->x->gate;
	struct buf out = gate_buf_take(g, MESSAGE_MAX);

	mcp_listen_updated(&out, m, uri, l->x->msg.id);
	if (!out.failed && !list_empty(&l->node)) { /* not before it is acknowledged */
		(void)exchange_event(l->x, buf_str(&out));
	}
	gate_buf_give(g, &out);
}

void listening_keep_alive(struct gate *g)
{
	LIST_FOREACH (node, &g->listenings) {
		struct http_req *req = CONTAINER_OF(node, struct listening, node)->x->req;

		if (http_respond_pending(req) == 0) {
			(void)http_respond_write(req, STR(": \n\n"));
		}
	}
}

void listening_drain(struct gate *g)
{
	LIST_FOREACH (node, &g->listenings) {
		struct exchange *x = CONTAINER_OF(node, struct listening, node)->x;

		x->answer = gate_buf_take(g, 4096);
		mcp_listen_result(&x->answer, x->msg.id);
		exchange_reply(x, 200);
	}
}
