/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a server that says nothing is still there: of one that has nothing to do for us and was silent for a
 * while an answer is wanted, whatever it says (ping; in the modern era server/discover, which has none). One
 * that gives none is taken for gone: a program is ended and started anew, a connection opened anew. One that has
 * calls under way may be busy with them; these have limits of their own.
 */
#include "gate/gate.h"
#include "gate/link.h"

#include "mcp/lifecycle.h"
#include "mcp/upward.h"

enum { PING_ANSWER_SECONDS = 10 };

void link_health_start(struct link *l)
{
	if (l->ping_ns) {
		loop_timer_set(l->loop, &l->health, l->ping_ns);
	}
}

void link_health_stop(struct link *l)
{
	timer_stop(&l->health);
}

/* An error is an answer, too. */
static void on_answer(struct link_call *c, const struct mcp_msg *m)
{
	(void)m;
	link_health_start(c->link);
}

static void on_fail(struct link_call *c, enum link_fail why)
{
	struct link *l = c->link;

	if (l->state != LINK_READY) {
		return; /* it is going anyway */
	}
	if (why == LINK_FAIL_PROTOCOL) {
		link_health_start(l); /* something that makes no sense is there */
	} else {
		link_lost(l, why, "it does not answer a ping");
	}
}

static const struct link_events ping_events = {.on_answer = on_answer, .on_fail = on_fail};

static void write_ping(struct buf *out, struct link *l, uint64_t id)
{
	if (link_is_modern(l)) {
		mcp_upward_request(out, id, MCP_DISCOVER, STR(""));
	} else {
		mcp_ping_request(out, id);
	}
}

static bool has_work(const struct link *l)
{
	LIST_FOREACH (node, (struct list *)(uintptr_t)&l->calls) {
		if (!link_is_subscription(l, CONTAINER_OF(node, struct link_call, node))) {
			return true;
		}
	}
	return false;
}

void link_health_check(struct timer *t)
{
	struct link *l = CONTAINER_OF(t, struct link, health);
	uint64_t silent = l->loop->now - l->heard_at;

	if (l->state != LINK_READY) {
		return; /* it begins again with the next READY */
	}
	if (silent < l->ping_ns) {
		loop_timer_set(l->loop, t, l->ping_ns - silent);
	} else if (has_work(l) ||
		   (l->transport == &link_http_transport && !gate_link_is_used(l->gate, l))) {
		link_health_start(l);
	} else {
		uint64_t wait = l->ping_ns < PING_ANSWER_SECONDS * CLOCK_SEC / 3
					? 3 * l->ping_ns
					: PING_ANSWER_SECONDS * CLOCK_SEC;

		link_internal_call(l, &l->ping, &ping_events,
				   link_is_modern(l) ? MCP_DISCOVER : MCP_PING, write_ping, wait);
	}
}
