/* SPDX-License-Identifier: Apache-2.0 */
/* What a server says: answers to their calls, questions to their clients, notifications to whom they concern. */
#include "gate/link.h"

#include "gate/ask.h"
#include "gate/gate.h"
#include "gate/subs.h"
#include "mcp/ask.h"
#include "mcp/lifecycle.h"

enum { MESSAGE_MAX = 17 << 20, GARBAGE_MAX = 1000 };

static struct link_call *find_call(const struct link *l, struct str id)
{
	return id.p ? map_find(&l->by_hop, id) : NULL;
}

static void answer_request(struct link *l, struct link_call *c, const struct mcp_msg *m)
{
	struct buf out;

	if (link_is_modern(l)) {
		/* MCP 2026-07-28 basic: servers send no requests, and clients no answers. */
		gate_finding(l->gate, l->id, "a request, which its revision does not have");
		return;
	}
	if (mcp_ask_is(m->method)) {
		ask_begin(l, c, m);
		return;
	}
	out = gate_buf_take(l->gate, MESSAGE_MAX);

	if (m->method == MCP_PING) {
		buf_append(&out, STR("{\"jsonrpc\":\"2.0\",\"id\":"));
		buf_append(&out, m->id);
		buf_append(&out, STR(",\"result\":{}}"));
	} else {
		mcp_error_append(&out, m->id, MCP_ERROR_METHOD, l->version);
	}
	l->transport->post(l, buf_str(&out));
	gate_buf_give(l->gate, &out);
}

/* Told to the one session that was sent to the page; never to all. */
static void elicitation_complete(struct link *l, const struct mcp_msg *m)
{
	struct str raw = mcp_msg_param(m, STR("elicitationId")), id;
	struct session *s;
	struct err err;

	if (!raw.p || json_raw_type(raw) != JSON_STRING ||
	    json_unquote(&l->gate->scratch, raw, &id, &err)) {
		return;
	}
	s = ask_elicited(l, id);
	if (s && mcp_session_may_send(&s->mcp, MCP_ELICIT_COMPLETE)) {
		(void)gate_session_send(l->gate, s, m->whole);
	}
}

/* The one call of a client that is under way; NULL when there are none or several. */
static struct link_call *only_call(const struct link *l)
{
	struct link_call *found = NULL;

	LIST_FOREACH (node, (struct list *)(uintptr_t)&l->calls) {
		struct link_call *c = CONTAINER_OF(node, struct link_call, node);

		if (link_is_own(l, c)) {
			continue;
		}
		if (found) {
			return NULL;
		}
		found = c;
	}
	return found;
}

static void notification(struct link *l, struct link_call *c, const struct mcp_msg *m)
{
	switch ((int)m->method) {
	case MCP_PROGRESS:
		c = find_call(l, m->token);
		if (c && c->has_token && c->on->on_notification) {
			c->on->on_notification(c, m);
		}
		break;
	case MCP_MESSAGE:
		if (!c && gate_link_agents(l->gate, l) <= 1) {
			c = only_call(l);
		}
		if (c && c != &l->internal && c->on->on_notification) {
			c->on->on_notification(c, m);
		} else if (!c) {
			gate_link_log(l->gate, l, m);
		}
		break;
	case MCP_RESOURCES_UPDATED:
		subs_updated(l, m);
		break;
	case MCP_LISTEN_ACK:
		link_listen_acknowledged(l, m);
		break;
	case MCP_CANCELLED:
		if (m->request_id.p) {
			ask_take_back(l, m->request_id);
		}
		break;
	case MCP_TASKS_STATUS:
		tasks_status(l, m);
		break;
	case MCP_ELICIT_COMPLETE:
		elicitation_complete(l, m);
		break;
	case MCP_TOOLS_CHANGED:
	case MCP_PROMPTS_CHANGED:
	case MCP_RESOURCES_CHANGED:
		link_list_changed(l, m->method);
		break;
	default:
		break; /* known to the protocol, but nothing that was asked for */
	}
}

/* "w12": of link_tell. */
static bool is_tell_id(struct str id)
{
	return str_starts_with(id, STR("\"w"));
}

static bool answer(struct link *l, struct link_call *c, const struct mcp_msg *m)
{
	struct link_call *owner = find_call(l, m->id);
	struct sse_parser events;

	if (!owner && is_tell_id(m->id)) {
		return true;
	}
	if (!owner || (c && owner != c)) {
		gate_finding(l->gate, l->id, "an answer to no request of ours");
		return true;
	}
	l->garbage = 0;
	l->transport->abandon(l, owner);
	/* m may point into the call's own event parser, and the call is gone after on_answer. */
	events = owner->events;
	owner->events = (struct sse_parser){0};
	link_call_end(owner);
	owner->on->on_answer(owner, m);
	sse_parser_done(&events);
	return owner != c;
}

/* Several messages at once, which servers of revision 2025-03-26 may send (basic: "Batching"). */
static bool take_batch(struct link *l, struct link_call *c, struct str array)
{
	uint64_t generation = l->generation;
	struct json_member m;

	for (struct json_walk w = json_walk(array); json_walk_next(&w, &m);) {
		if (json_raw_type(m.value) == JSON_ARRAY) {
			gate_finding(l->gate, l->id, "a batch within a batch");
		} else if (!link_message(l, c, m.value)) {
			return false;
		}
		/* A message may end the link: then the rest is nobody's. */
		if (l->generation != generation || l->state == LINK_DOWN) {
			return c == NULL;
		}
	}
	return true;
}

bool link_message(struct link *l, struct link_call *c, struct str text)
{
	UNSET struct mcp_msg m;
	bool goes_on = true;

	l->heard_at = l->loop->now;
	arena_reset(&l->gate->scratch);
	switch (mcp_msg_parse(&l->gate->scratch, text, &l->gate->json_limits, &m, NULL)) {
	case MCP_REQUEST:
		answer_request(l, c, &m);
		break;
	case MCP_NOTIFICATION:
		notification(l, c, &m);
		break;
	case MCP_RESPONSE:
	case MCP_ERROR_RESPONSE:
		return answer(l, c, &m);
	case MCP_INVALID:
		if (m.fault == MCP_ERROR_BATCH && l->version == MCP_2025_03_26) {
			return take_batch(l, c, m.whole);
		}
		gate_finding(l->gate, l->id, "a message that is not strict JSON-RPC");
		/* An answer that is broken, but says whose it is, is that call's end. */
		c = c ? c : find_call(l, m.id);
		if (c) {
			link_call_fail(c, LINK_FAIL_PROTOCOL);
			return false;
		}
		if (++l->garbage > GARBAGE_MAX) {
			link_lost(l, LINK_FAIL_PROTOCOL, "it says nothing that is MCP");
			goes_on = false;
		}
		break;
	}
	return goes_on;
}
