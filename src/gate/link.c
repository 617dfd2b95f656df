/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/link.h"

#include "base/num.h"
#include "gate/ask.h"
#include "gate/gate.h"
#include "gate/subs.h"
#include "mcp/lifecycle.h"
#include "mcp/upward.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	LINK_TEXTS = 64 << 10,
	LINK_MESSAGE_MAX = 17 << 20,
	LINK_MAX_CALLS = 4096,
	LINK_BACKOFF_MS = 100,
	LINK_ASKED_SECONDS = 3600, /* a call may last while its client is asked something */
};

static void on_again(struct timer *t);
static void on_refuse(struct loop_hook *h);

enum err_code link_new(struct gate *gate, const struct config_server *server,
		       const uint8_t digest[32], struct link **ret, struct err *err)
{
	struct link *l = calloc(1, sizeof(*l));

	if (!l) {
		return ERR(err, ERR_NOMEM, "no memory for a server");
	}
	l->gate = gate;
	l->loop = &gate->loop;
	l->stream.f.fd = -1;
	l->runner = &gate->runner;
	l->timeout_ns = server->timeout_ns;
	l->ping_ns = server->ping_ns;
	l->health.on_timeout = link_health_check;
	l->protocol = server->protocol;
	l->schemas = server->schemas;
	l->pins = server->pins;
	memcpy(l->digest, digest, sizeof(l->digest));
	l->again.on_timeout = on_again;
	l->refuse.on_turn_end = on_refuse;
	list_init(&l->node);
	list_init(&l->waits);
	list_init(&l->listen_waits);
	list_init(&l->calls);
	list_init(&l->asks);
	list_init(&l->elicited);
	list_init(&l->sub_uris);
	map_init(&l->subs, gate->seed);
	map_init(&l->by_hop, gate->seed);
	arena_init(&l->arena, LINK_TEXTS);
	arena_init(&l->said, LINK_TEXTS);
	mcp_lines_init(&l->lines, MCP_LINE_MAX);
	for (unsigned k = 0; k < MCP_LIST_KINDS; k++) {
		mcp_list_init(&l->lists[k], (enum mcp_list_kind)k, gate->seed);
	}
	l->id = arena_dup(&l->arena, server->id);
	l->configured = arena_dup(&l->arena, server->instructions);
	l->transport = server->kind != CONFIG_SERVER_HTTP        ? &link_stdio_transport
		       : server->protocol == CONFIG_PROTOCOL_SSE ? &link_sse_transport
								 : &link_http_transport;
	if (!l->id.p || (server->kind == CONFIG_SERVER_HTTP && link_http_init(l, server, err))) {
		arena_done(&l->arena);
		free(l);
		return ERR(err, ERR_NOMEM, "no memory for a server");
	}
	*ret = l;
	return ERR_OK;
}

void link_free(struct link *l)
{
	l->retired = true;
	link_lost(l, LINK_FAIL_DIED, NULL);
	ask_link_done(l);
	subs_link_done(l);
	timer_stop(&l->again);
	loop_defer_cancel(&l->refuse);
	for (unsigned k = 0; k < MCP_LIST_KINDS; k++) {
		mcp_list_done(&l->lists[k]);
	}
	if (l->pool.loop) {
		gate_pool_done(&l->pool);
	}
	mcp_lines_done(&l->lines);
	map_done(&l->by_hop);
	arena_done(&l->said);
	arena_done(&l->arena);
	list_remove(&l->node);
	free(l);
}

/* ---- waiting for a link ---- */

/* Whoever is called may wait again, so each round begins at the front. */
static struct link_wait *next_wait(const struct link *l, bool ready)
{
	LIST_FOREACH (node, (struct list *)(uintptr_t)&l->waits) {
		struct link_wait *w = CONTAINER_OF(node, struct link_wait, node);

		if (!(ready && w->fresh && l->fetch_busy && link_is_modern(l))) {
			return w;
		}
	}
	return NULL;
}

void link_waits_finish(struct link *l, bool ready)
{
	struct link_wait *w;

	while ((w = next_wait(l, ready))) {
		list_remove(&w->node);
		w->node = (struct list){0};
		w->on_link(w, ready);
	}
}

static void on_refuse(struct loop_hook *h)
{
	struct link *l = CONTAINER_OF(h, struct link, refuse);

	if (l->state == LINK_READY) {
		link_waits_finish(l, true);
	} else if (l->state == LINK_DOWN) {
		link_waits_finish(l, false);
	}
}

static void link_connect(struct link *l)
{
	struct err err;

	l->state = LINK_CONNECTING;
	l->generation++;
	if (l->transport->connect(l, &err)) {
		link_lost(l, LINK_FAIL_UNREACHABLE, err.msg);
	}
}

void link_want(struct link *l, struct link_wait *w)
{
	list_append(&l->waits, &w->node);
	if (l->state == LINK_READY || l->retired ||
	    (l->state == LINK_DOWN && timer_armed(&l->again) && l->down != LINK_FAIL_LOGIN)) {
		loop_defer(l->loop, &l->refuse);
	} else if (l->state == LINK_DOWN) {
		link_connect(l);
	}
}

void link_wait_forget(struct link_wait *w)
{
	if (w->node.next) {
		list_remove(&w->node);
		w->node = (struct list){0};
	}
}

static void on_again(struct timer *t)
{
	struct link *l = CONTAINER_OF(t, struct link, again);

	/* Somebody listens for changes: the link comes back without being asked. */
	if (l->state == LINK_DOWN && !l->retired && gate_link_is_used(l->gate, l)) {
		link_connect(l);
	}
}

void link_lost(struct link *l, enum link_fail why, const char *what)
{
	bool was_up = l->state >= LINK_INITIALIZING;
	unsigned shift = why == LINK_FAIL_LOGIN ? 0 : l->failures > 8 ? 8 : l->failures;

	if (l->state == LINK_DOWN || (l->probing && link_probe_failed(l, why))) {
		return;
	}
	l->probing = false;
	l->state = LINK_DOWN;
	l->transport->close(l);
	timer_stop(&l->listen_again);
	link_health_stop(l);
	l->session = STR("");
	ask_link_lost(l);
	pins_link_lost(l);
	link_fetch_stop(l);
	/* A login may come at any time, and asking whether it did is answered at home. */
	l->failures = why == LINK_FAIL_LOGIN ? 0 : l->failures + 1;
	l->down = why;
	if (!l->retired) {
		loop_timer_set(l->loop, &l->again, (LINK_BACKOFF_MS * CLOCK_MS) << shift);
		gate_link_down(l->gate, l, was_up, what ? what : "closed");
	}
	while (!list_empty(&l->calls)) {
		link_call_fail(CONTAINER_OF(l->calls.next, struct link_call, node), why);
	}
	link_listen_over(l, false);
	link_waits_finish(l, false);
}

/* ---- calls ---- */

static void on_deadline(struct timer *t)
{
	struct link_call *c = CONTAINER_OF(t, struct link_call, deadline);

	if (c == &c->link->internal) {
		link_lost(c->link, LINK_FAIL_TIMEOUT, "it does not answer in time");
		return;
	}
	/* The time that a person thinks is not the server's. */
	if (ask_is_open(c->link, c) &&
	    c->link->loop->now - c->started < LINK_ASKED_SECONDS * CLOCK_SEC) {
		loop_timer_set(c->link->loop, t, c->link->timeout_ns);
		return;
	}
	link_call_cancel(c, true);
	c->on->on_fail(c, LINK_FAIL_TIMEOUT);
}

/* Gives the call its id on this hop; the message is still to be written. */
static enum err_code call_prepare(struct link *l, struct link_call *c, const struct link_events *on,
				  struct err *err)
{
	size_t n;

	c->link = l;
	c->on = on;
	c->hop = ++l->next_hop;
	c->started = l->loop->now;
	n = num_write_u64(c->hop_text, c->hop);
	c->hop_text[n] = '\0';
	c->message = gate_buf_take(l->gate, LINK_MESSAGE_MAX);
	c->deadline = (struct timer){.on_timeout = on_deadline};
	if (!map_put(&l->by_hop, str_make(c->hop_text, n), c)) {
		gate_buf_give(l->gate, &c->message);
		return ERR(err, ERR_NOMEM, "no memory for a call");
	}
	list_append(&l->calls, &c->node);
	return ERR_OK;
}

void link_call_end(struct link_call *c)
{
	struct link *l = c->link;

	timer_stop(&c->deadline);
	list_remove(&c->node);
	(void)map_take(&l->by_hop, str_from_c(c->hop_text));
	ask_call_over(l, c);
	gate_buf_give(l->gate, &c->message);
	sse_parser_done(&c->events);
	arena_done(&c->heads);
	link_cursor_done(&c->cursor);
	c->fields = NULL;
	c->hop = 0;
}

static enum err_code call_send(struct link_call *c, uint64_t timeout, struct err *err)
{
	struct link *l = c->link;
	enum err_code code =
		c->message.failed ? ERR(err, ERR_LIMIT, "a message past %d bytes", LINK_MESSAGE_MAX)
				  : l->transport->call(l, c, err);

	if (code) {
		link_call_end(c);
		return code;
	}
	if (timeout != UINT64_MAX) {
		loop_timer_set(l->loop, &c->deadline, timeout);
	}
	return ERR_OK;
}

/* The message as a server of the modern era gets it, and what HTTP shows of it. */
static enum err_code write_modern(struct link *l, struct link_call *c, const struct link_request *r,
				  struct err *err)
{
	const struct mcp_upward up = {
		.id = str_from_c(c->hop_text),
		.object = r->object_raw,
		.token = c->has_token ? str_from_c(c->hop_text) : str_make(NULL, 0),
		.capabilities = MCP_CAP_TOLD(r->capabilities),
		.wants_log = r->wants_log,
		.log_level = r->log_level,
		.responses = r->responses,
		.state = r->state,
	};

	mcp_upward_call(&c->message, r->m, &up);
	if (l->transport != &link_http_transport) {
		return ERR_OK;
	}
	return link_http_heads(l, c, r->m->method, r->object,
			       r->m->method == MCP_TOOLS_CALL
				       ? mcp_list_find(&l->lists[MCP_LIST_TOOLS], r->object)
				       : NULL,
			       r->m->arguments, err);
}

enum err_code link_call_start(struct link *l, struct link_call *c, const struct link_request *r,
			      struct err *err)
{
	const struct mcp_msg *m = r->m;
	struct mcp_change change = {.object = r->object_raw};
	enum err_code code;

	if (l->state != LINK_READY || l->retired) {
		return ERR(err, ERR_CLOSED, "the server is not there");
	}
	if (l->by_hop.n >= LINK_MAX_CALLS) {
		return ERR(err, ERR_LIMIT, "%d calls wait for this server", LINK_MAX_CALLS);
	}
	TRY(call_prepare(l, c, c->on, err));
	change.id = str_from_c(c->hop_text);
	/* RFC 9110 section 9.2.2: what may have been executed is not sent twice. */
	c->repeatable = m->method != MCP_TOOLS_CALL && m->method != MCP_TASKS_UPDATE;
	c->has_token = m->token.p != NULL;
	if (link_is_modern(l)) {
		code = write_modern(l, c, r, err);
		if (code) {
			link_call_end(c);
			return code;
		}
	} else {
		change.token = c->has_token ? change.id : str_make(NULL, 0);
		if (m->modern_version.p) {
			mcp_legacy_call(&c->message, m, &change);
		} else {
			mcp_splice_call(&c->message, m, &change);
		}
	}
	return call_send(c, l->timeout_ns, err);
}

void link_internal_call(struct link *l, struct link_call *c, const struct link_events *on,
			enum mcp_method method, link_write *write, uint64_t timeout)
{
	struct err err;

	ASSERT(c->hop == 0);
	*c = (struct link_call){.repeatable = true};
	if (call_prepare(l, c, on, &err)) {
		link_lost(l, LINK_FAIL_UNREACHABLE, err.msg);
		return;
	}
	write(&c->message, l, c->hop);
	if ((link_is_modern(l) || l->probing) && l->transport == &link_http_transport &&
	    link_http_heads(l, c, method, str_make(NULL, 0), NULL, str_make(NULL, 0), &err)) {
		link_call_end(c);
		link_lost(l, LINK_FAIL_UNREACHABLE, err.msg);
		return;
	}
	if (call_send(c, timeout, &err)) {
		link_lost(l, LINK_FAIL_UNREACHABLE, err.msg);
	}
}

static void tell_cancelled(struct link *l, const struct link_call *c)
{
	struct buf out = gate_buf_take(l->gate, LINK_MESSAGE_MAX);

	mcp_cancel_notification(&out, c->hop);
	l->transport->post(l, buf_str(&out));
	gate_buf_give(l->gate, &out);
}

void link_call_cancel(struct link_call *c, bool tell)
{
	struct link *l = c->link;

	if (c->hop == 0) {
		return;
	}
	/* A modern server behind HTTP sees that its answer is not read: there is no other word for it. */
	if (tell && l->state == LINK_READY &&
	    !(link_is_modern(l) && l->transport == &link_http_transport)) {
		tell_cancelled(l, c);
	}
	l->transport->abandon(l, c);
	link_call_end(c);
}

void link_call_fail(struct link_call *c, enum link_fail why)
{
	c->link->transport->abandon(c->link, c);
	link_call_end(c);
	c->on->on_fail(c, why);
}

/* ---- from open to ready ---- */

void link_opened(struct link *l, enum mcp_version version, uint32_t capabilities,
		 struct str instructions)
{
	l->version = version;
	l->capabilities = capabilities;
	l->instructions = l->configured.n ? l->configured : instructions;
	l->state = LINK_LISTING;
	l->no_listen = false;
	l->fetch_kinds = (capabilities & MCP_CAP_TOOLS ? 1U << MCP_LIST_TOOLS : 0) |
			 (capabilities & MCP_CAP_PROMPTS ? 1U << MCP_LIST_PROMPTS : 0) |
			 (capabilities & MCP_CAP_RESOURCES
				  ? 1U << MCP_LIST_RESOURCES | 1U << MCP_LIST_TEMPLATES
				  : 0);
	link_step(l);
}

void link_settled(struct link *l)
{
	if (l->state == LINK_LISTING) {
		link_step(l);
	}
}

/* After a list, or when there was none to fetch. */
void link_step(struct link *l)
{
	if (l->fetch_kinds) {
		link_fetch_next(l);
		return;
	}
	if (l->state == LINK_READY) {
		link_waits_finish(l, true);
		return;
	}
	if (!pins_settle(l)) {
		return; /* link_settled comes */
	}
	l->state = LINK_READY;
	l->failures = 0;
	gate_link_up(l->gate, l);
	link_health_start(l);
	subs_restore(l);
	if (link_is_modern(l)) {
		link_listen_soon(l);
	}
	LIST_FOREACH (node, &l->calls) {
		struct link_call *c = CONTAINER_OF(node, struct link_call, node);
		struct err err;

		if (c->resend) {
			c->resend = false;
			if (l->transport->call(l, c, &err)) {
				link_call_fail(c, LINK_FAIL_UNREACHABLE);
			}
		}
	}
	link_waits_finish(l, true);
}

/* ---- what it is told ---- */

void link_tell(struct link *l, enum mcp_method method, struct str params)
{
	struct buf out = gate_buf_take(l->gate, LINK_MESSAGE_MAX);

	/* The answer finds no call and is dropped: an id that no call ever gets. */
	buf_append(&out, STR("{\"jsonrpc\":\"2.0\",\"id\":\"w"));
	buf_append_u64(&out, ++l->next_hop);
	buf_append(&out, STR("\",\"method\":\""));
	buf_append(&out, mcp_method_info(method)->name);
	buf_append(&out, STR("\",\"params\":"));
	buf_append(&out, params);
	buf_append_c(&out, '}');
	l->transport->post(l, buf_str(&out));
	gate_buf_give(l->gate, &out);
}

void link_set_level(struct link *l, enum mcp_log_level level)
{
	struct buf params;

	/* In the modern era each request says it. */
	if (l->state != LINK_READY || !(l->capabilities & MCP_CAP_LOGGING) || link_is_modern(l)) {
		return;
	}
	params = gate_buf_take(l->gate, 4096);
	buf_append(&params, STR("{\"level\":\""));
	buf_append(&params, mcp_log_level_name(level));
	buf_append(&params, STR("\"}"));
	link_tell(l, MCP_SET_LEVEL, buf_str(&params));
	gate_buf_give(l->gate, &params);
}
