/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate.h"

#include "gate/ask.h"
#include "gate/inquiry.h"
#include "gate/listening.h"
#include "gate/subs.h"

#include "crypto/secret.h"
#include "crypto/tls.h"
#include "http/h2.h"
#include "http/sse.h"

#include <malloc.h>
#include <stdlib.h>

enum {
	LOGGER_BYTES = 16, /* what mcp_splice_log adds besides the name */
	SCRATCH_MAX = 64 << 20,
	SPARE_MAX = 64 << 10,
	HOUSE_SECONDS = 2,
	UNUSED_MAX = 1 << 20, /* bytes of heap that a burst may leave behind */
	KEEP_ALIVE_SECONDS = 15,
	FINDINGS_A_SECOND = 20,
	JSON_DEPTH = 64,
};

static void on_housekeeping(struct timer *t);

enum err_code gate_init(struct gate *g, unsigned index, struct err *err)
{
	*g = (struct gate){.index = index, .n_gates = 1};
	TRY(loop_init(&g->loop, err));
	rand_bytes(&g->seed, sizeof(g->seed));
	rand_bytes(&g->boot, sizeof(g->boot));
	rand_bytes(g->state_key, sizeof(g->state_key));
	map_init(&g->inquiries_by_id, g->seed);
	tasks_init(&g->tasks, g->seed);
	list_init(&g->inquiries);
	list_init(&g->listenings);
	replays_init(&g->replays);
	list_init(&g->links);
	list_init(&g->endpoints);
	list_init(&g->models);
	arena_init(&g->scratch, SCRATCH_MAX);
	g->json_limits = (struct json_opts){.max_depth = JSON_DEPTH, .seed = g->seed};
	recorder_init(&g->recorder, &g->loop);
	dialer_init(&g->connector, &g->loop);
	dialer_init(&g->runner, &g->loop);
	exits_init(g);
	pins_init(g);
	holds_init(&g->holds);
	sessions_init(&g->sessions, index, 0, g->seed);
	gate_runs_init(&g->runs, g);
	history_init(&g->history);
	g->reap.on_turn_end = gate_on_reap;
	g->housekeeping.on_timeout = on_housekeeping;
	loop_timer_set(&g->loop, &g->housekeeping, HOUSE_SECONDS * CLOCK_SEC);
	return ERR_OK;
}

void gate_done(struct gate *g)
{
	gate_runs_done(&g->runs);
	for (unsigned i = 0; i < g->n_listeners; i++) {
		http_server_free(g->listeners[i].server);
		tls_ctx_free(g->listeners[i].tls);
	}
	exits_done(g);
	inquiry_done(g);
	pins_done(g);
	gate_unapply(g);
	for (unsigned i = 0; i < g->n_peers; i++) {
		gate_peer_done(&g->peers[i]);
	}
	sessions_done(&g->sessions);
	tasks_done(&g->tasks);
	dialer_done(&g->connector);
	dialer_done(&g->runner);
	recorder_done(&g->recorder);
	history_done(&g->history);
	rules_unref(g->rules);
	while (g->n_spare) {
		buf_done(&g->spare[--g->n_spare]);
	}
	exchange_free_spare(g);
	arena_done(&g->scratch);
	h2_lib_free(g->h2);
	timer_stop(&g->housekeeping);
	loop_done(&g->loop);
}

/* ---- buffers ---- */

struct buf gate_buf_take(struct gate *g, size_t max)
{
	struct buf b;

	if (g->n_spare) {
		b = g->spare[--g->n_spare];
		b.max = max > b.cap ? max : b.cap;
		return b;
	}
	buf_init(&b, max);
	return b;
}

void gate_buf_give(struct gate *g, struct buf *b)
{
	if (b->p && b->cap <= SPARE_MAX && g->n_spare < GATE_SPARE_BUFS) {
		buf_clear(b);
		g->spare[g->n_spare++] = *b;
	} else {
		buf_done(b);
	}
	*b = (struct buf){0};
}

/* ---- listening ---- */

enum err_code gate_listen(struct gate *g, unsigned index, int fd, struct tls_ctx *tls,
			  struct err *err)
{
	const struct config_limits *limits = &g->rules->config->limits;
	struct gate_listener *l = &g->listeners[g->n_listeners];
	struct http_server_config c = {
		.handler = &gate_http_handler,
		.user = l,
		.tls = tls,
		.h2 = g->rules->config->listen[index].http2 ? g->h2 : NULL,
		.max_body = limits->body,
		.max_out = 36 << 20,
		.arena_limit = 64 << 20,
		.max_conns = (unsigned)limits->connections,
		.head_timeout = limits->head_timeout_ns,
		.request_timeout = limits->request_timeout_ns,
		.idle_timeout = limits->idle_timeout_ns,
	};

	if (g->n_listeners == GATE_MAX_LISTENERS) {
		return ERR(err, ERR_LIMIT, "more than %d listeners", GATE_MAX_LISTENERS);
	}
	*l = (struct gate_listener){.gate = g, .index = index, .tls = tls};
	TRY(http_server_new(&g->loop, &c, &l->server, err));
	g->n_listeners++;
	return http_server_listen(l->server, fd, err);
}

/* Drained once nothing is connected and every outcome is in the log. */
static void check_drained(struct gate *g)
{
	if (g->draining && g->still_open == 0 && exits_idle(g) && gate_runs_idle(&g->runs) &&
	    recorder_idle(&g->recorder) && g->on_drained) {
		void (*on_drained)(struct gate * g) = g->on_drained;

		g->on_drained = NULL;
		on_drained(g);
	}
}

static void on_server_drained(struct http_server *s)
{
	const struct gate_listener *l = http_server_user(s);

	l->gate->still_open--;
	check_drained(l->gate);
}

void gate_drain(struct gate *g, void (*on_drained)(struct gate *g))
{
	g->draining = true;
	g->on_drained = on_drained;
	g->still_open = g->n_listeners;
	/* Streams without an end have nothing to finish. */
	LIST_FOREACH (node, &g->sessions.idle) {
		struct session *s = CONTAINER_OF(node, struct session, idle);

		if (s->stream) {
			http_respond_end(s->stream);
		}
	}
	exits_drain(g);
	inquiry_drain(g);
	listening_drain(g);
	for (unsigned i = 0; i < g->n_listeners; i++) {
		http_server_drain(g->listeners[i].server, on_server_drained);
	}
	gate_runs_drain(&g->runs);
	loop_timer_set(&g->loop, &g->housekeeping, 50 * CLOCK_MS);
}

/* ---- sessions ---- */

bool gate_session_send(struct gate *g, struct session *s, struct str message)
{
	struct buf out;
	bool sent;

	if (!s->stream || http_respond_pending(s->stream) > HTTP_HIGH_WATER) {
		return false; /* a client that does not read loses notices, never answers */
	}
	out = gate_buf_take(g, 34 << 20);
	replay_event(&s->replay, &s->own, message, &out);
	sent = !out.failed && http_respond_write(s->stream, buf_str(&out));
	gate_buf_give(g, &out);
	return sent;
}

void gate_session_tell(struct gate *g, struct session *s, struct str message)
{
	struct buf out;

	if (s->stream) {
		(void)gate_session_send(g, s, message);
	} else if (s->own.number) {
		out = gate_buf_take(g, 34 << 20);
		replay_event(&s->replay, &s->own, message, &out);
		gate_buf_give(g, &out);
	}
}

void gate_session_end(struct gate *g, struct session *s)
{
	gate_event(g, &(struct ledger_event){.event = LEDGER_SESSION_CLOSED,
					     .subject = str_from_c(s->id)});
	if (s->stream) {
		struct http_req *stream = s->stream;

		mcp_stream_leave(stream);
		http_respond_end(stream);
	}
	if (s->outlet) {
		struct http_req *outlet = s->outlet;

		mcp_stream_leave(outlet);
		http_respond_end(outlet);
	}
	history_forget(g, s);
	inquiry_session_end(g, s);
	ask_session_end(s);
	subs_session_end(s);
	session_close(&g->sessions, s);
}

static void expire_sessions(struct gate *g)
{
	uint64_t idle = g->rules ? g->rules->config->limits.session_idle_ns : UINT64_MAX;
	uint64_t before = g->loop.now > idle ? g->loop.now - idle : 0;
	struct session *s;

	while ((s = session_expired(&g->sessions, before))) {
		gate_session_end(g, s);
	}
}

static void keep_streams_alive(struct gate *g)
{
	listening_keep_alive(g);
	LIST_FOREACH (node, &g->sessions.idle) {
		struct session *s = CONTAINER_OF(node, struct session, idle);

		if (s->stream && http_respond_pending(s->stream) == 0) {
			(void)http_respond_write(s->stream, STR(": \n\n"));
		}
	}
}

/*
 * What a burst used goes back to the kernel once it is over. Free chunks lie between those of
 * sessions that live on, so free(3) alone would keep the peak for ever. Free pages that were given
 * back still count as unused: only what came since is looked at.
 */
static void give_memory_back(struct gate *g)
{
	size_t unused = mallinfo2().fordblks;

	if (unused > g->unused + UNUSED_MAX) {
		(void)malloc_trim(0);
		g->unused = mallinfo2().fordblks;
	} else if (unused < g->unused) {
		g->unused = unused;
	}
}

static void on_housekeeping(struct timer *t)
{
	struct gate *g = CONTAINER_OF(t, struct gate, housekeeping);

	if (g->draining) {
		inquiry_drain(g);
		check_drained(g);
		loop_timer_set(&g->loop, t, 50 * CLOCK_MS);
		return;
	}
	loop_timer_set(&g->loop, t, HOUSE_SECONDS * CLOCK_SEC);
	expire_sessions(g);
	give_memory_back(g);
	if (g->loop.now >= g->keep_alive_at) {
		g->keep_alive_at = g->loop.now + KEEP_ALIVE_SECONDS * CLOCK_SEC;
		keep_streams_alive(g);
	}
}

/* ---- events ---- */

void gate_event(struct gate *g, const struct ledger_event *event)
{
	struct buf *out = recorder_entry(&g->recorder, false, RECORD_OUTCOME);
	struct ledger_event e = *event;
	struct err err;

	e.node = g->rules->node;
	e.time_us = clock_real() / 1000;
	if (ledger_event_encode(&e, out, &err)) {
		recorder_drop(&g->recorder, false);
		log_line(LOG_WARN, "an event cannot be recorded: %s", err.msg);
		return;
	}
	recorder_put(&g->recorder, false, RECORD_OUTCOME, NULL);
}

void gate_finding(struct gate *g, struct str subject, const char *text)
{
	uint64_t second = g->loop.now / CLOCK_SEC;

	if (second != g->findings_at) {
		g->findings_at = second;
		g->findings_n = 0;
	}
	/* A server that misbehaves all the time must not fill the log, nor what waits for it. */
	if (++g->findings_n > FINDINGS_A_SECOND || !recorder_has_room(&g->recorder)) {
		return;
	}
	gate_event(g, &(struct ledger_event){.event = LEDGER_FINDING,
					     .subject = subject,
					     .detail = str_from_c(text)});
}

void gate_link_up(struct gate *g, struct link *l)
{
	/* The revision it speaks: what was found out, and with the record's time, when. */
	gate_event(g, &(struct ledger_event){.event = LEDGER_SERVER_STARTED,
					     .subject = l->id,
					     .detail = mcp_version_name(l->version)});
	log_line(LOG_INFO,
		 "server " STR_FMT " is ready, by revision " STR_FMT
		 ": %zu tools, %zu resources, %zu prompts",
		 STR_ARG(l->id), STR_ARG(mcp_version_name(l->version)), l->lists[MCP_LIST_TOOLS].n,
		 l->lists[MCP_LIST_RESOURCES].n, l->lists[MCP_LIST_PROMPTS].n);
	if (g->log.set) {
		link_set_level(l, g->log.level);
	}
}

void gate_link_down(struct gate *g, struct link *l, bool was_up, const char *why)
{
	if (was_up) {
		gate_event(g, &(struct ledger_event){.event = LEDGER_SERVER_ENDED,
						     .subject = l->id,
						     .detail = str_from_c(why)});
	}
	log_line(LOG_WARN, "server " STR_FMT ": %s", STR_ARG(l->id), why);
}

bool gate_link_is_used(const struct gate *g, const struct link *l)
{
	LIST_FOREACH (node, (struct list *)(uintptr_t)&g->sessions.idle) {
		const struct session *s = CONTAINER_OF(node, struct session, idle);

		if (s->stream && (s->endpoint.n == 0 || str_eq(s->endpoint, l->id))) {
			return true;
		}
	}
	return false;
}

static bool sees_link(const struct session *s, const struct link *l)
{
	return s->endpoint.n == 0 || str_eq(s->endpoint, l->id);
}

unsigned gate_link_agents(const struct gate *g, const struct link *l)
{
	struct str agent = str_make(NULL, 0);

	LIST_FOREACH (node, (struct list *)(uintptr_t)&g->sessions.idle) {
		const struct session *s = CONTAINER_OF(node, struct session, idle);

		if (!sees_link(s, l)) {
			continue;
		}
		if (agent.p && !str_eq(agent, s->agent)) {
			return 2;
		}
		agent = s->agent;
	}
	return agent.p ? 1 : 0;
}

/*
 * A log message that belongs to no call goes to the sessions of this server only when all of them
 * are one agent's: what a server says because of one caller is not another's to read.
 */
void gate_link_log(struct gate *g, struct link *l, const struct mcp_msg *m)
{
	enum mcp_log_level level = MCP_LOG_INFO;

	if (gate_link_agents(g, l) != 1) {
		return;
	}
	(void)mcp_msg_log_level(&g->scratch, m, &level);
	LIST_FOREACH (node, &g->sessions.idle) {
		struct session *s = CONTAINER_OF(node, struct session, idle);

		if (s->stream && sees_link(s, l) && mcp_session_may_send(&s->mcp, MCP_MESSAGE) &&
		    mcp_session_wants_log(&s->mcp, level)) {
			struct buf out = gate_buf_take(g, m->whole.n + l->id.n + LOGGER_BYTES);

			mcp_splice_log(&out, m, s->endpoint.n ? STR("") : l->id);
			gate_session_tell(g, s, buf_str(&out));
			gate_buf_give(g, &out);
		}
	}
}
