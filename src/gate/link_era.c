/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a connection to a server: which era it speaks, and what it says of itself.
 *
 *   server/discover --> an answer of the modern era: it is that
 *                   --> anything else a server of the older era may say: `initialize`
 *
 * The verdict is kept with its time. That a server is of the older era never shows again by itself, so
 * it is asked anew after a while; that it is modern shows at once when it is no longer so.
 *
 * MCP 2026-07-28 basic/versioning: no single error says "older"; whatever is not of the modern era
 * does. Statuses that speak of something else (who one is, that it is overloaded) do not. Some
 * programs end on a first request that is not `initialize`: another one is started for that.
 */
#include "gate/gate.h"
#include "gate/link.h"

#include "mcp/lifecycle.h"
#include "mcp/upward.h"

enum {
	START_SECONDS = 30,
	PROBE_SECONDS = 5,
	LEGACY_HOLDS_SECONDS = 3600,
};

static void initialize(struct link *l);

static void verdict(struct link *l, enum link_era era)
{
	l->probing = false;
	l->era = era;
	l->era_at = l->loop->now;
}

/* ---- the legacy era ---- */

static void on_initialize_fail(struct link_call *c, enum link_fail why)
{
	link_lost(c->link, why, why == LINK_FAIL_PROTOCOL ? "it does not speak MCP" : "it ended");
}

static void on_initialized(struct link_call *c, const struct mcp_msg *m)
{
	struct link *l = c->link;
	struct mcp_server_hello info;
	struct err err;
	struct buf out;

	arena_reset(&l->said);
	if (m->kind != MCP_RESPONSE || mcp_server_hello_parse(&l->said, m->result, &info, &err)) {
		l->era = LINK_ERA_UNKNOWN;
		link_lost(l, LINK_FAIL_PROTOCOL, "its answer to initialize is not MCP");
		return;
	}
	l->version = info.version;
	if (l->transport == &link_http_transport) {
		link_http_ready(l);
	}
	out = gate_buf_take(l->gate, 4096);
	mcp_initialized_notification(&out);
	l->transport->post(l, buf_str(&out));
	gate_buf_give(l->gate, &out);
	link_opened(l, info.version, info.capabilities, info.instructions);
}

static const struct link_events initialize_events = {
	.on_answer = on_initialized,
	.on_fail = on_initialize_fail,
};

static void write_initialize(struct buf *out, struct link *l, uint64_t id)
{
	(void)l;
	mcp_initialize_request(out, id, MCP_LEGACY_NEWEST, MCP_CAP_RELAYED);
}

static void initialize(struct link *l)
{
	l->version = MCP_VERSION_NONE;
	link_internal_call(l, &l->internal, &initialize_events, MCP_INITIALIZE, write_initialize,
			   START_SECONDS * CLOCK_SEC);
}

/* ---- the modern era ---- */

static bool says_something_else(int status)
{
	return status == 401 || status == 403 || status == 407 || status == 429 || status >= 500;
}

/* It is not modern, as far as one can tell. */
static void fall_back(struct link *l)
{
	if (l->protocol == CONFIG_PROTOCOL_MODERN) {
		l->probing = false;
		link_lost(l, LINK_FAIL_PROTOCOL, "it does not speak revision 2026-07-28");
		return;
	}
	verdict(l, LINK_ERA_LEGACY);
	initialize(l);
}

static void discover(struct link *l);

static void on_discovered(struct link_call *c, const struct mcp_msg *m)
{
	struct link *l = c->link;
	struct mcp_discovered said;
	struct err err;

	arena_reset(&l->said);
	if (m->kind == MCP_RESPONSE &&
	    mcp_discovered_parse(&l->said, m->result, &said, &err) == ERR_OK && said.speaks) {
		verdict(l, LINK_ERA_MODERN);
		link_opened(l, MCP_MODERN, said.capabilities, said.instructions);
	} else if (mcp_evidence_of(m) == MCP_EVIDENCE_SAME_REVISION && !l->probed_again) {
		l->probed_again = true;
		discover(l);
	} else if (mcp_evidence_of(m) == MCP_EVIDENCE_MODERN ||
		   mcp_evidence_of(m) == MCP_EVIDENCE_SAME_REVISION) {
		l->probing = false;
		link_lost(l, LINK_FAIL_PROTOCOL, "it refuses server/discover");
	} else if (says_something_else(c->status)) {
		l->probing = false;
		link_lost(l, LINK_FAIL_PROTOCOL, "it refuses Writ, or cannot answer now");
	} else {
		fall_back(l);
	}
}

static void on_discover_fail(struct link_call *c, enum link_fail why)
{
	struct link *l = c->link;

	/* A text that is no JSON-RPC, or none at all, with a status that says "not this way". */
	if (c->status >= 400 && !says_something_else(c->status)) {
		fall_back(l);
		return;
	}
	if (why == LINK_FAIL_PROTOCOL && c->status == 0) {
		fall_back(l);
		return;
	}
	l->probing = false;
	link_lost(l, why,
		  c->status ? "it refuses Writ, or cannot answer now" : "it does not answer");
}

static const struct link_events discover_events = {
	.on_answer = on_discovered,
	.on_fail = on_discover_fail,
};

static void write_discover(struct buf *out, struct link *l, uint64_t id)
{
	(void)l;
	mcp_upward_request(out, id, MCP_DISCOVER, STR(""));
}

static void discover(struct link *l)
{
	link_internal_call(l, &l->internal, &discover_events, MCP_DISCOVER, write_discover,
			   PROBE_SECONDS * CLOCK_SEC);
}

void link_connected(struct link *l)
{
	bool known = l->era == LINK_ERA_LEGACY &&
		     l->loop->now - l->era_at < LEGACY_HOLDS_SECONDS * CLOCK_SEC;

	l->state = LINK_INITIALIZING;
	l->garbage = 0;
	l->version = MCP_VERSION_NONE;
	if (l->protocol == CONFIG_PROTOCOL_LEGACY || l->protocol == CONFIG_PROTOCOL_SSE || known) {
		initialize(l);
		return;
	}
	l->probing = true;
	l->probed_again = false;
	discover(l);
}

bool link_probe_failed(struct link *l, enum link_fail why)
{
	struct err err;

	if (l->transport != &link_stdio_transport || l->retired || l->state != LINK_INITIALIZING ||
	    l->protocol == CONFIG_PROTOCOL_MODERN ||
	    (why != LINK_FAIL_DIED && why != LINK_FAIL_TIMEOUT)) {
		return false;
	}
	verdict(l, LINK_ERA_LEGACY);
	link_call_cancel(&l->internal, false);
	l->transport->close(l);
	l->state = LINK_CONNECTING;
	l->generation++;
	if (l->transport->connect(l, &err)) {
		link_lost(l, LINK_FAIL_UNREACHABLE, err.msg);
	}
	return true;
}
