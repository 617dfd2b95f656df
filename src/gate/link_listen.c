/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server of the modern era tells by itself: one subscriptions/listen for all sessions of this
 * gate (MCP 2026-07-28 server/subscriptions). It names what is wanted: changes of the lists that the
 * server announces, and the resources that sessions subscribed to. When that changes, a second one is
 * opened, and the first is given up once the second is acknowledged, so that nothing is missed.
 */
#include "gate/gate.h"
#include "gate/link.h"
#include "gate/subs.h"

#include "mcp/upward.h"
#include "json/write.h"

enum { LISTEN_AGAIN_SECONDS = 5, ACKNOWLEDGE_SECONDS = 30, FILTER_MAX = 8 << 20 };

static void on_again(struct timer *t);

static void again_in(struct link *l, uint64_t ns)
{
	l->listen_again.on_timeout = on_again;
	loop_timer_set(l->loop, &l->listen_again, ns);
}

void link_listen_soon(struct link *l)
{
	if (l->state == LINK_READY && link_is_modern(l)) {
		again_in(l, 1 * CLOCK_MS); /* several changes of one moment make one request */
	}
}

void link_listen_wait(struct link *l, struct link_wait *w)
{
	list_append(&l->listen_waits, &w->node);
	link_listen_soon(l);
}

void link_listen_over(struct link *l, bool ready)
{
	while (!list_empty(&l->listen_waits)) {
		struct link_wait *w = CONTAINER_OF(l->listen_waits.next, struct link_wait, node);

		list_remove(&w->node);
		w->node = (struct list){0};
		w->on_link(w, ready);
	}
}

/* "notifications":{...}; empty when there is nothing that the server could tell. */
static void write_filter(struct buf *out, const struct link *l)
{
	static const struct {
		uint32_t bit;
		struct str name;
	} lists[] = {
		{MCP_CAP_TOOLS_CHANGED, STR_INIT("toolsListChanged")},
		{MCP_CAP_PROMPTS_CHANGED, STR_INIT("promptsListChanged")},
		{MCP_CAP_RESOURCES_CHANGED, STR_INIT("resourcesListChanged")},
	};
	struct json_writer w = json_writer(out);
	bool any = l->n_subs > 0;

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		any = any || (l->capabilities & lists[i].bit);
	}
	if (!any) {
		return;
	}
	buf_append(out, STR("\"notifications\":"));
	json_w_object(&w);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		if (l->capabilities & lists[i].bit) {
			json_w_member_bool(&w, lists[i].name, true);
		}
	}
	if (l->n_subs) {
		json_w_key(&w, STR("resourceSubscriptions"));
		json_w_array(&w);
		subs_write(l, &w);
		json_w_end(&w);
	}
	json_w_end(&w);
}

static void write_listen(struct buf *out, struct link *l, uint64_t id)
{
	struct buf filter = gate_buf_take(l->gate, FILTER_MAX);

	write_filter(&filter, l);
	mcp_upward_request(out, id, MCP_LISTEN, buf_str(&filter));
	out->failed = out->failed || filter.failed;
	gate_buf_give(l->gate, &filter);
}

/* The server has ended it: in order, or because it knows no such thing. */
static void on_answer(struct link_call *c, const struct mcp_msg *m)
{
	struct link *l = c->link;

	if (m->kind == MCP_ERROR_RESPONSE) {
		l->no_listen = true;
		gate_finding(l->gate, l->id,
			     "it announces changes, and lets nobody listen to them");
	} else if (c == &l->subscriptions[l->subscribed]) {
		again_in(l, LISTEN_AGAIN_SECONDS * CLOCK_SEC);
	}
}

static void on_fail(struct link_call *c, enum link_fail why)
{
	struct link *l = c->link;

	(void)why;
	if (l->state == LINK_READY && c == &l->subscriptions[l->subscribed]) {
		link_listen_over(l, false);
		again_in(l, LISTEN_AGAIN_SECONDS * CLOCK_SEC);
	}
}

static const struct link_events listen_events = {.on_answer = on_answer, .on_fail = on_fail};

static void on_again(struct timer *t)
{
	struct link *l = CONTAINER_OF(t, struct link, listen_again);
	struct buf filter;
	bool wanted;

	if (l->state != LINK_READY || !link_is_modern(l)) {
		return;
	}
	if (l->no_listen) {
		link_listen_over(l, false);
		return;
	}
	filter = gate_buf_take(l->gate, FILTER_MAX);
	write_filter(&filter, l);
	wanted = buf_len(&filter) > 0;
	gate_buf_give(l->gate, &filter);
	l->subscribed = !l->subscribed;
	link_call_cancel(&l->subscriptions[l->subscribed], true);
	if (wanted) {
		link_internal_call(l, &l->subscriptions[l->subscribed], &listen_events, MCP_LISTEN,
				   write_listen, ACKNOWLEDGE_SECONDS * CLOCK_SEC);
	} else {
		link_call_cancel(&l->subscriptions[!l->subscribed], true);
	}
}

void link_listen_acknowledged(struct link *l, const struct mcp_msg *m)
{
	const struct str name = STR("io.modelcontextprotocol/subscriptionId");
	struct link_call *now = &l->subscriptions[l->subscribed];
	struct str id = {NULL, 0};

	if (m->meta.p) {
		(void)json_scan_members(m->meta, &name, 1, &id, NULL);
	}
	if (now->hop && str_eq(id, str_from_c(now->hop_text))) {
		timer_stop(&now->deadline);           /* from here on it lasts */
		if (!timer_armed(&l->listen_again)) { /* nothing has been added since */
			link_listen_over(l, true);
		}
		link_call_cancel(&l->subscriptions[!l->subscribed], true);
	}
}
