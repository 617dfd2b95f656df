/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of a server: fetched page after page when it opens, and again when they changed or got old. */
#include "gate/link.h"

#include "gate/gate.h"
#include "mcp/lifecycle.h"
#include "mcp/upward.h"

enum { LIST_SECONDS = 30 };

static void on_listed(struct link_call *c, const struct mcp_msg *m);

static void on_list_fail(struct link_call *c, enum link_fail why)
{
	struct link *l = c->link;

	if (l->state == LINK_READY && why == LINK_FAIL_PROTOCOL) {
		l->fetch_busy = false; /* a refresh that failed: what was there stays */
		mcp_list_done(&l->fetching);
		link_waits_finish(l, true);
		return;
	}
	link_lost(l, why, why == LINK_FAIL_PROTOCOL ? "it does not speak MCP" : "it ended");
}

static const struct link_events list_events = {
	.on_answer = on_listed,
	.on_fail = on_list_fail,
};

static void write_list(struct buf *out, struct link *l, uint64_t id)
{
	enum mcp_method method = mcp_list_method(l->fetching.kind);
	struct buf cursor;

	if (!link_is_modern(l)) {
		mcp_list_request(out, id, method, l->fetching.cursor);
		return;
	}
	cursor = gate_buf_take(l->gate, 2 * MCP_CURSOR_MAX);
	if (l->fetching.cursor.p) {
		buf_append(&cursor, STR("\"cursor\":"));
		buf_append(&cursor, l->fetching.cursor);
	}
	mcp_upward_request(out, id, method, buf_str(&cursor));
	gate_buf_give(l->gate, &cursor);
}

void link_fetch_stop(struct link *l)
{
	link_call_cancel(&l->internal, false);
	l->fetch_kinds = 0;
	l->fetch_busy = false;
	mcp_list_done(&l->fetching);
}

static void fetch_page(struct link *l)
{
	link_internal_call(l, &l->internal, &list_events, mcp_list_method(l->fetching.kind),
			   write_list, LIST_SECONDS * CLOCK_SEC);
}

/* Fetches the lowest kind of fetch_kinds, page after page. */
void link_fetch_next(struct link *l)
{
	unsigned kind = (unsigned)__builtin_ctz(l->fetch_kinds);

	l->fetch_kinds &= ~(1U << kind);
	l->fetch_busy = true;
	l->fresh_until[kind] = UINT64_MAX;
	mcp_list_init(&l->fetching, (enum mcp_list_kind)kind, l->gate->seed);
	fetch_page(l);
}

void link_refresh(struct link *l, enum mcp_list_kind kind)
{
	if (l->state != LINK_READY || l->retired || !link_is_modern(l) ||
	    l->loop->now < l->fresh_until[kind]) {
		return;
	}
	l->fetch_kinds |= 1U << kind;
	if (!l->fetch_busy) {
		link_fetch_next(l);
	}
}

/* Of several pages the one that is old first counts. */
static void take_ttl(struct link *l, struct str result)
{
	uint64_t *until = &l->fresh_until[l->fetching.kind];
	uint64_t here = l->loop->now + mcp_upward_ttl(result) * CLOCK_MS;

	*until = here < *until ? here : *until;
}

/* MCP 2026-07-28 basic/transports: over HTTP a tool whose annotations are not good is left out. */
static void leave_out_tools(struct link *l)
{
	UNSET struct mcp_param params[MCP_PARAMS_MAX];
	struct mcp_list *list = &l->fetching;
	size_t n, kept = 0;

	if (list->kind != MCP_LIST_TOOLS || l->transport != &link_http_transport) {
		return;
	}
	for (size_t i = 0; i < list->n; i++) {
		struct mcp_item *item = list->items[i];

		if (!mcp_params_may_be(item->raw) ||
		    mcp_params_read(&list->arena, item->raw, str_make(NULL, 0), params, &n)) {
			list->items[kept++] = item;
			continue;
		}
		(void)map_take(&list->by_key, item->key);
		gate_finding(l->gate, l->id, "a tool whose x-mcp-header is against the rules");
	}
	list->n = kept;
}

static void list_take(struct link *l)
{
	enum mcp_list_kind kind = l->fetching.kind;
	struct mcp_list old = l->lists[kind];

	l->lists[kind] = l->fetching;
	mcp_list_init(&l->fetching, kind, l->gate->seed);
	pins_judge(l, kind);
	gate_link_listed(l->gate, l, kind);
	mcp_list_done(&old);
}

static void on_listed(struct link_call *c, const struct mcp_msg *m)
{
	struct link *l = c->link;
	struct err err;

	if (m->kind == MCP_RESPONSE && mcp_list_page(&l->fetching, m->result, &err) == ERR_OK) {
		if (link_is_modern(l)) {
			take_ttl(l, m->result);
		}
		if (!l->fetching.complete) {
			fetch_page(l);
			return;
		}
		if (link_is_modern(l)) {
			leave_out_tools(l);
		}
		list_take(l);
	} else {
		/* A server may announce what it then refuses to list: its list is empty. */
		gate_finding(l->gate, l->id, "a list it announced cannot be had");
		mcp_list_done(&l->fetching);
	}
	l->fetch_busy = false;
	link_step(l);
}

void link_list_changed(struct link *l, enum mcp_method method)
{
	if (method == MCP_TOOLS_CHANGED) {
		l->fetch_kinds |= 1U << MCP_LIST_TOOLS;
	} else if (method == MCP_PROMPTS_CHANGED) {
		l->fetch_kinds |= 1U << MCP_LIST_PROMPTS;
	} else {
		l->fetch_kinds |= 1U << MCP_LIST_RESOURCES | 1U << MCP_LIST_TEMPLATES;
	}
	if (l->state == LINK_READY && !l->fetch_busy) {
		link_fetch_next(l);
	}
}
