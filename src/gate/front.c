/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door: every request comes in here. What is asked for is found by its path,
 * who asks by what was shown; what is not known is refused before its body is read.
 */
#include "gate/ask.h"
#include "gate/exchange.h"
#include "gate/identity.h"
#include "gate/oauth.h"

#include <stdlib.h>

static const struct config_listen *listen_of(const struct gate_listener *l)
{
	return l->listen ? l->listen : &l->gate->rules->config->listen[l->index];
}

static void plain(struct http_req *req, int status, struct str text)
{
	static const struct http_field fields[] = {
		{STR_INIT("Content-Type"), STR_INIT("text/plain; charset=utf-8")},
	};

	http_respond(req, status, fields, ARRAY_LEN(fields), text);
}

static void unauthorized(struct exchange *x)
{
	static const struct http_field fields[] = {
		{STR_INIT("Content-Type"), STR_INIT("text/plain; charset=utf-8")},
		{STR_INIT("WWW-Authenticate"), STR_INIT("Bearer realm=\"writ\"")},
	};

	if (x->gate->oauth) {
		oauth_unauthorized(x, false);
		return;
	}
	http_respond(
		x->req, 401, fields, ARRAY_LEN(fields),
		STR("Writ does not know this caller: send Authorization: Bearer KEY with a key "
		    "of the configuration's identity section.\n"));
}

static struct exchange *exchange_new(struct gate_listener *l, struct http_req *req)
{
	struct gate *g = l->gate;
	struct exchange *x = g->spare_exchanges;

	if (x) {
		g->spare_exchanges = x->next;
		g->n_spare_exchanges--;
	} else {
		x = malloc(sizeof(*x));
	}
	if (x) {
		*x = (struct exchange){.gate = g, .listener = l, .req = req, .stored = true};
		req->user = x;
	}
	return x;
}

static void exchange_free(struct exchange *x)
{
	struct gate *g = x->gate;

	if (g->n_spare_exchanges == GATE_SPARE_EXCHANGES) {
		free(x);
		return;
	}
	x->next = g->spare_exchanges;
	g->spare_exchanges = x;
	g->n_spare_exchanges++;
}

void exchange_free_spare(struct gate *g)
{
	while (g->spare_exchanges) {
		struct exchange *x = g->spare_exchanges;

		g->spare_exchanges = x->next;
		free(x);
	}
	g->n_spare_exchanges = 0;
}

static void route(struct exchange *x)
{
	struct str path = x->req->head.path;

	if (str_eq(path, STR("/mcp"))) {
		mcp_begin(x, STR(""));
	} else if (str_starts_with(path, STR("/mcp/"))) {
		mcp_begin(x, str_from(path, 5));
	} else if (str_starts_with(path, STR("/v1/"))) {
		model_begin(x, str_from(path, 4));
	} else {
		exchange_text(x, 404, STR("Not here. Writ serves /mcp, /mcp/SERVER and /v1.\n"));
	}
}

void exchange_identified(struct exchange *x)
{
	route(x);
}

/* True: x->agent is known. False: answered, or it goes on later. */
static bool find_agent(struct exchange *x)
{
	struct gate *g = x->gate;
	struct str token;

	if (identify(g->rules->config, listen_of(x->listener), x->req, &x->agent, NULL) == ERR_OK) {
		/* The configuration may be replaced while the request lasts. */
		x->agent = arena_dup(&x->req->arena, x->agent);
		return true;
	}
	token = g->oauth ? oauth_token_of(x) : str_make(NULL, 0);
	if (token.p) {
		return oauth_identify(x, token);
	}
	unauthorized(x);
	return false;
}

static void on_request(struct http_req *req)
{
	struct gate_listener *l = http_server_user(req->server);
	struct exchange *x = exchange_new(l, req);

	if (!x) {
		http_respond(req, 503, NULL, 0, STR(""));
		return;
	}
	if (!origin_is_ours(listen_of(l), req)) {
		plain(req, 403, STR("Host or Origin is not of this machine.\n"));
		return;
	}
	if (l->run) {
		x->agent = l->run->agent; /* by where it comes from: nothing it shows matters */
		route(x);
		return;
	}
	if (l->gate->oauth && oauth_metadata(x)) {
		return;
	}
	if (find_agent(x)) {
		route(x);
	}
}

static void on_body_complete(struct http_req *req)
{
	struct exchange *x = req->user;

	if (x->ops) {
		x->ops->on_body(x);
	}
}

/*
 * A client that closes its half is taken to be gone where hanging up means to cancel: a model's
 * answer, and all of the stateless era. Before that a disconnect was no cancellation. A stream that
 * only listens has nothing to wait for.
 */
static bool hanging_up_cancels(const struct exchange *x)
{
	return x->ops == &model_chat_ops || x->ops == &mcp_get_ops || x->version == MCP_MODERN ||
	       (x->hold && x->hold->held);
}

static void on_abort(struct http_req *req, bool gone)
{
	struct exchange *x = req->user;

	if (!x) {
		return;
	}
	if (!gone && !hanging_up_cancels(x)) {
		/* It may still read its answer, but whoever has closed will not be asked anything. */
		x->half_closed = true;
		if (x->ops == &mcp_batch_ops) {
			mcp_batch_half_closed(x);
		} else if (x->ops == &mcp_post_ops && (x->call.hop || x->inquiry)) {
			ask_client_gone(x->session);
		}
		return;
	}
	x->gone = true;
	if (x->ops && x->ops->on_gone) {
		x->ops->on_gone(x);
	} else {
		http_req_drop(req);
	}
}

static void on_drain(struct http_req *req)
{
	struct exchange *x = req->user;

	if (x && x->ops && x->ops->on_drain) {
		x->ops->on_drain(x);
	}
}

static void on_end(struct http_req *req)
{
	struct exchange *x = req->user;

	if (!x) {
		return;
	}
	if (x->ops && x->ops->on_end) {
		x->ops->on_end(x);
	}
	if (x->endpoint) {
		gate_endpoint_release(x->gate, x->endpoint);
	}
	gate_buf_give(x->gate, &x->answer);
	exchange_leave_session(x);
	oauth_end(x);
	req->user = NULL;
	if (x->stored) {
		exchange_free(x);
	}
}

const struct http_handler gate_http_handler = {
	.on_request = on_request,
	.on_body_complete = on_body_complete,
	.on_drain = on_drain,
	.on_abort = on_abort,
	.on_end = on_end,
};
