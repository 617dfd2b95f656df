/* SPDX-License-Identifier: Apache-2.0 */
/* `initialize` and `server/discover`: what the servers of an endpoint offer together. */
#include "gate/exchange.h"

static void make_offer(struct exchange *x, struct mcp_offer *offer)
{
	struct mcp_instructions *texts =
		ARENA_ARRAY(&x->req->arena, x->endpoint->n + 1, struct mcp_instructions);

	*offer = (struct mcp_offer){.instructions = texts};
	for (size_t i = 0; texts && i < x->endpoint->n; i++) {
		const struct link *l = x->endpoint->links[i];

		if (l->state != LINK_READY) {
			continue; /* it comes by list_changed once it is there */
		}
		offer->capabilities |= l->capabilities;
		if (l->instructions.n && !l->instructions_held) {
			texts[offer->n_instructions++] =
				(struct mcp_instructions){.server = l->id, .text = l->instructions};
		}
	}
	/* Lists of Writ's change when a server comes or goes, whatever the servers say. */
	if (offer->capabilities & MCP_CAP_TOOLS) {
		offer->capabilities |= MCP_CAP_TOOLS_CHANGED;
	}
	if (offer->capabilities & MCP_CAP_RESOURCES) {
		offer->capabilities |= MCP_CAP_RESOURCES_CHANGED;
	}
	if (offer->capabilities & MCP_CAP_PROMPTS) {
		offer->capabilities |= MCP_CAP_PROMPTS_CHANGED;
	}
}

static void open_session(struct exchange *x)
{
	struct mcp_client_hello hello;
	struct http_field fields[3] = {
		{STR("Content-Type"), STR("application/json")},
		{STR("Cache-Control"), STR("no-store")},
	};
	struct mcp_offer offer;
	struct err err;

	if (mcp_client_hello_parse(&x->req->arena, &x->msg, &hello, &err)) {
		mcp_fail(x, MCP_ERROR_PARAMS);
		return;
	}
	/* A session is recorded: while nothing can be, none is opened. */
	if (!recorder_has_room(&x->gate->recorder)) {
		mcp_fail(x, MCP_ERROR_NO_RECORD);
		return;
	}
	exchange_set_session(
		x, session_open(&x->gate->sessions, x->agent, x->endpoint->id, x->gate->loop.now));
	if (!x->session) {
		mcp_fail(x, MCP_ERROR_BUSY);
		return;
	}
	mcp_session_open(&x->session->mcp, hello.version, hello.capabilities);
	gate_event(x->gate, &(struct ledger_event){.event = LEDGER_SESSION_OPENED,
						   .subject = str_from_c(x->session->id),
						   .detail = x->session->agent});
	make_offer(x, &offer);
	x->answer = gate_buf_take(x->gate, 1 << 20);
	mcp_initialize_answer(&x->answer, x->msg.id, hello.version, &offer);
	fields[2] = (struct http_field){STR("Mcp-Session-Id"), str_from_c(x->session->id)};
	if (x->gone) {
		http_req_drop(x->req);
		return;
	}
	http_respond(x->req, x->answer.failed ? 500 : 200, fields, ARRAY_LEN(fields),
		     buf_str(&x->answer));
}

static void discover(struct exchange *x)
{
	struct mcp_offer offer;

	make_offer(x, &offer);
	x->answer = gate_buf_take(x->gate, 1 << 20);
	mcp_discover_answer(&x->answer, x->msg.id, &offer);
	exchange_reply(x, 200);
}

static void on_gathered(struct gather *g)
{
	struct exchange *x = CONTAINER_OF(g, struct exchange, gather);

	if (x->msg.method == MCP_DISCOVER) {
		discover(x);
	} else {
		open_session(x);
	}
}

void mcp_open_start(struct exchange *x)
{
	if (!gather_start(&x->gather, &x->req->arena, &x->gate->loop, x->endpoint->links,
			  x->endpoint->n, on_gathered)) {
		mcp_fail(x, MCP_ERROR_BUSY);
	}
}
