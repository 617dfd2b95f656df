/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server behind HTTP+SSE, the transport of 2024-11-05 (basic/transports), which later revisions dropped:
 * one stream of events for the whole link. Its first event names the address that messages are posted
 * to; all that the server says comes on the stream, answers too.
 *
 *   GET url --> event endpoint: /messages?session=.. --> initialize by POST --> event message: its answer
 *
 * The address has to be of the same origin. When the stream ends, all that waits has failed, and the link
 * begins anew.
 */
#include "gate/gate.h"
#include "gate/link.h"

#include <stdlib.h>

enum {
	SSE_EVENT_BYTES = 17 << 20,
	ENDPOINT_MAX = 2048,
	ENDPOINT_SECONDS = 30,
};

/* Of one scheme, host and port: then only what stands behind them counts. */
static bool same_origin(const struct config_url *a, const struct config_url *b)
{
	return a->tls == b->tls && a->port == b->port && str_ieq(a->host, b->host);
}

static bool is_plain(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] <= 0x20 || text.p[i] >= 0x7f || text.p[i] == '\\') {
			return false;
		}
	}
	return text.n > 0 && text.n <= ENDPOINT_MAX;
}

/* A path from the root, or a whole URL. What else a URI may be is nothing that servers send. */
static bool resolve(struct link *l, struct arena *a, struct str said, struct config_url *ret)
{
	struct config_url own;
	struct str text = said;

	if (!is_plain(said) || str_starts_with(said, STR("//")) ||
	    config_url_parse(a, l->url, &own, NULL)) {
		return false;
	}
	if (said.p[0] == '/') {
		/* up to the path: "https://host:port" */
		size_t at = str_find(str_from(l->url, own.tls ? 8 : 7), '/') + (own.tls ? 8 : 7);

		text = arena_printf(a, STR_FMT STR_FMT,
				    STR_ARG(str_make(l->url.p, at < l->url.n ? at : l->url.n)),
				    STR_ARG(said));
	}
	return text.p && config_url_parse(a, text, ret, NULL) == ERR_OK && same_origin(ret, &own);
}

static bool take_endpoint(struct link *l, struct str said)
{
	struct config_url url;
	struct arena a;
	bool good;

	arena_init(&a, 8 * ENDPOINT_MAX);
	good = resolve(l, &a, said, &url);
	if (good) {
		free(l->post_to);
		l->post_to = strndup(url.target.p, url.target.n);
	}
	arena_done(&a);
	return good && l->post_to;
}

/* ---- the stream ---- */

static void on_head(struct http_call *h)
{
	if (h->answer->status == 200 &&
	    http_type_is(h1_get(h->answer, HTTP_F_CONTENT_TYPE), STR("text/event-stream"))) {
		http_call_stream(h);
	}
}

static void on_event(struct link *l, const struct sse_event *e)
{
	if (str_eq(e->event, STR("endpoint"))) {
		if (l->state != LINK_CONNECTING) {
			return; /* it was told before, and messages are under way there */
		}
		timer_stop(&l->listen_again);
		if (take_endpoint(l, e->data)) {
			link_connected(l);
		} else {
			gate_finding(l->gate, l->id,
				     "an address for messages that is not of its own origin");
			link_lost(l, LINK_FAIL_PROTOCOL, "it names another origin for messages");
		}
	} else if (e->has_data && e->data.n && l->state > LINK_CONNECTING &&
		   (e->event.n == 0 || str_eq(e->event, STR("message")))) {
		(void)link_message(l, NULL, e->data);
	}
}

static void on_data(struct http_call *h, struct str bytes)
{
	struct link *l = CONTAINER_OF(h, struct link, listen);
	uint64_t generation = l->generation;
	struct sse_event e;
	UNSET struct err err;

	while (l->listening && l->generation == generation) {
		switch (sse_parse(&l->listen_events, &bytes, &e, &err)) {
		case SSE_MORE:
			return;
		case SSE_BAD:
			link_lost(l, LINK_FAIL_PROTOCOL, "an event past its limit");
			return;
		case SSE_EVENT:
			on_event(l, &e);
			break;
		}
	}
}

static void stream_over(struct link *l, enum link_fail why, const char *what)
{
	l->listening = false;
	sse_parser_done(&l->listen_events);
	link_lost(l, why, what);
}

static void on_done(struct http_call *h)
{
	struct link *l = CONTAINER_OF(h, struct link, listen);
	int status = h->answer->status;

	if (status == 401 || status == 403) {
		(void)dialer_challenged(l->pool.connector, NULL, l->pool.name, (unsigned)status,
					h1_get(h->answer, HTTP_F_WWW_AUTHENTICATE));
	}
	stream_over(l, status == 200 ? LINK_FAIL_DIED : LINK_FAIL_PROTOCOL,
		    status == 200 ? "its stream ended" : "it opens no stream of events");
}

static void on_fail(struct http_call *h, enum http_fail why, const struct err *err)
{
	(void)err;
	stream_over(CONTAINER_OF(h, struct link, listen),
		    why == HTTP_FAIL_DIAL || why == HTTP_FAIL_QUEUE ? LINK_FAIL_UNREACHABLE
								    : LINK_FAIL_DIED,
		    "its stream broke off");
}

static const struct http_call_events stream_events = {
	.on_head = on_head,
	.on_data = on_data,
	.on_done = on_done,
	.on_fail = on_fail,
};

static void on_no_endpoint(struct timer *t)
{
	link_lost(CONTAINER_OF(t, struct link, listen_again), LINK_FAIL_TIMEOUT,
		  "it does not say where to post messages");
}

void link_sse_open(struct link *l)
{
	l->listening = true;
	sse_parser_init(&l->listen_events, SSE_EVENT_BYTES);
	l->listen = (struct http_call){
		.on = &stream_events,
		.pool = l->pool.pool,
		.request = {.method = STR("GET"),
			    .target = l->pool.target,
			    .fields = l->fields,
			    .n_fields = l->n_fields,
			    .no_length = true},
		.timeout = HTTP_NO_TIMEOUT,
	};
	l->listen_again.on_timeout = on_no_endpoint;
	loop_timer_set(l->loop, &l->listen_again, ENDPOINT_SECONDS * CLOCK_SEC);
	http_call_start(&l->listen);
}

/* ---- messages ---- */

static enum err_code sse_call(struct link *l, struct link_call *c, struct err *err)
{
	return link_http_post(l, str_from_c(l->post_to), buf_str(&c->message), c)
		       ? ERR_OK
		       : ERR(err, ERR_NOMEM, "no memory for a message");
}

static void sse_post(struct link *l, struct str message)
{
	if (l->post_to) {
		(void)link_http_post(l, str_from_c(l->post_to), message, NULL);
	}
}

static void sse_abandon(struct link *l, struct link_call *c)
{
	(void)l;
	(void)c;
}

static void sse_close(struct link *l)
{
	timer_stop(&l->listen_again);
	if (l->listening) {
		l->listening = false;
		http_call_cancel(&l->listen);
		sse_parser_done(&l->listen_events);
	}
	free(l->post_to);
	l->post_to = NULL;
}

const struct link_transport link_sse_transport = {
	.connect = link_http_connect,
	.call = sse_call,
	.abandon = sse_abandon,
	.post = sse_post,
	.close = sse_close,
};
