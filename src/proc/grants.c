/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/grants.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "ipc/frame.h"
#include "ipc/messages.h"
#include "proc/grantor.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- children ---- */

static enum err_code start_child(struct grantor_child *c, struct err *err)
{
	int ends[2];
	pid_t pid;

	TRY(chan_pair(ends, err));
	pid = fork();
	if (pid < 0) {
		return ERR_ERRNO(err, "fork");
	}
	if (pid == 0) {
		(void)close(ends[0]);
		grantor_main(ends[1]);
	}
	(void)close(ends[1]);
	chan_init(&c->peer.chan, ends[0], 256 << 10);
	return ERR_OK;
}

enum err_code grants_start(struct grants *gs, struct err *err)
{
	while (gs->n < GRANTORS) {
		TRY(start_child(&gs->children[gs->n], err));
		gs->n++;
	}
	return ERR_OK;
}

/* Without one of them this role is of little use: its successor has both. */
static void lost(struct grants *gs, const char *why)
{
	log_line(LOG_ERROR, "a grantor is ended: %s", why);
	loop_stop(gs->loop);
}

static bool send(struct grantor_child *c, const struct frame_writer *w, int fd)
{
	return !w->overflow &&
	       chan_send(&c->peer.chan, frame_bytes(w), &fd, fd >= 0, NULL) == ERR_OK;
}

static bool tell_config(struct grants *gs, struct grantor_child *c)
{
	char buf[1024];
	struct frame_writer w;
	bool ok = true;

	for (unsigned i = 0; i < gs->boot->n_secrets && ok; i++) {
		const struct role_secret *s = &gs->boot->secrets[i];
		int fd = dup(s->fd);

		frame_begin(&w, buf, sizeof(buf), GRANTOR_FILE);
		frame_put_str(&w, str_from_c(s->file));
		ok = fd >= 0 && send(c, &w, fd);
	}
	frame_begin(&w, buf, sizeof(buf), GRANTOR_LOAD);
	ok = ok && send(c, &w, dup(gs->boot->config_fd));
	c->stale = !ok;
	return ok;
}

/* ---- who is asked for what ---- */

static void give(struct grants *gs, struct grantor_child *c, struct grant *g)
{
	char buf[GRANTOR_FRAME_MAX];
	struct frame_writer w;

	if (c->stale && !tell_config(gs, c)) {
		lost(gs, "it cannot be told of the configuration");
		return;
	}
	frame_begin(&w, buf, sizeof(buf), GRANTOR_WANT);
	frame_put_str(&w, g->server);
	frame_put_str(&w, secret_str(&g->challenge));
	secret_done(&g->challenge);
	if (!send(c, &w, -1)) {
		lost(gs, "it does not take what it is asked");
		return;
	}
	c->busy = g;
	g->state = GRANT_UNDER_WAY;
	g->moved = false;
	loop_timer_set(gs->loop, &c->deadline, GRANT_SECONDS * CLOCK_SEC);
}

static void give_waiting(struct grants *gs)
{
	for (unsigned i = 0; i < gs->n; i++) {
		LIST_FOREACH (node, &gs->all) {
			struct grant *g = CONTAINER_OF(node, struct grant, node);

			if (!gs->children[i].busy && g->state == GRANT_QUEUED) {
				give(gs, &gs->children[i], g);
			}
		}
	}
}

static void queue(struct grant *g)
{
	if (g->state == GRANT_IDLE) {
		g->state = GRANT_QUEUED;
		give_waiting(g->of);
	}
}

static void settle(struct grantor_child *c, struct grant *g, bool ok)
{
	struct grants *gs = g->of;

	timer_stop(&c->deadline);
	c->busy = NULL;
	g->state = GRANT_IDLE;
	gs->on_settled(gs, g, ok);
	give_waiting(gs);
}

static void take_token(struct grantor_child *c, uint64_t seconds, struct str token)
{
	struct grant *g = c->busy;
	uint64_t now = g->of->loop->now;
	struct secret line;
	struct buf text;
	struct err err;

	buf_init(&text, 10 << 10);
	buf_append(&text, STR("Authorization: Bearer "));
	buf_append(&text, token);
	buf_append(&text, STR("\r\n"));
	if (text.failed || secret_copy(&line, buf_str(&text), &err)) {
		lost(g->of, "no memory for a token");
	} else {
		secret_done(&g->line);
		g->line = line;
		g->used = false;
		g->got_at = now;
		g->until = seconds ? now + seconds * CLOCK_SEC : 0;
		g->failed_at = 0;
		timer_stop(&g->ahead);
		if (seconds > 2 * GRANT_AHEAD_SECONDS) {
			loop_timer_set(g->of->loop, &g->ahead,
				       (seconds - GRANT_AHEAD_SECONDS) * CLOCK_SEC);
		}
		log_line(LOG_INFO, "server " STR_FMT ": there is a token", STR_ARG(g->server));
	}
	if (text.p) {
		secret_wipe(text.p, text.cap);
	}
	buf_done(&text);
	settle(c, g, true);
}

static void no_token(struct grantor_child *c, struct str why)
{
	struct grant *g = c->busy;

	(void)snprintf(g->reason, sizeof(g->reason), "no token: %.*s",
		       (int)(why.n < GRANTOR_REASON_MAX ? why.n : GRANTOR_REASON_MAX), why.p);
	g->failed_at = g->of->loop->now;
	secret_done(&g->line);
	log_line(LOG_WARN, "server " STR_FMT ": %s", STR_ARG(g->server), g->reason);
	settle(c, g, false);
}

/* What was got is for an address that the server has left: it is asked for anew. */
static bool asks_again(struct grantor_child *c)
{
	struct grant *g = c->busy;

	if (!g->moved) {
		return false;
	}
	timer_stop(&c->deadline);
	c->busy = NULL;
	g->state = GRANT_QUEUED;
	give_waiting(g->of);
	return true;
}

/* ---- messages ---- */

static bool is_line(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < 0x21 || s.p[i] > 0x7e) {
			return false;
		}
	}
	return s.n > 0;
}

/* False: not what a grantor may say. */
static bool take(struct grants *gs, struct grantor_child *c, struct str frame)
{
	struct frame_reader r;
	uint8_t type = frame_open(&r, frame);
	uint64_t number = type == GRANTOR_NO_TOKEN ? 0 : frame_get_u64(&r);
	struct str text = frame_get_str(&r);
	uint32_t port = type == GRANTOR_DIAL ? frame_get_u32(&r) : 0;

	if (!frame_ok(&r) || !c->busy) {
		return false;
	}
	switch (type) {
	case GRANTOR_DIAL:
		if (port == 0 || port > UINT16_MAX) {
			return false;
		}
		gs->on_dial(gs, &c->peer, number, c->busy->server, text, (uint16_t)port);
		return true;
	case GRANTOR_TOKEN:
		if (!is_line(text) || number > UINT32_MAX) {
			return false;
		}
		if (!asks_again(c)) {
			take_token(c, number, text);
		}
		return true;
	case GRANTOR_NO_TOKEN:
		if (!asks_again(c)) {
			no_token(c, str_is_utf8(text) ? text : STR("(its reason cannot be shown)"));
		}
		return true;
	default:
		return false;
	}
}

static void on_frames(struct loop_fd *f, uint32_t ready)
{
	struct grantor_child *c =
		CONTAINER_OF(CONTAINER_OF(f, struct peer, f), struct grantor_child, peer);
	struct grants *gs = c->of;
	char in[GRANTOR_FRAME_MAX];

	if ((ready & LOOP_WRITE) && chan_flush(&c->peer.chan, NULL)) {
		lost(gs, "it is gone");
		return;
	}
	for (;;) {
		int fds[CHAN_MAX_FDS];
		unsigned n_fds = 0;
		struct str frame;
		enum err_code code =
			chan_recv(&c->peer.chan, in, sizeof(in), &frame, fds, &n_fds, NULL);

		if (code == ERR_AGAIN) {
			break;
		}
		for (unsigned i = 0; !code && i < n_fds; i++) {
			(void)close(fds[i]);
		}
		if (code || n_fds || !take(gs, c, frame)) {
			lost(gs, code ? "it is gone" : "it said something it may not");
			break;
		}
	}
	secret_wipe(in, sizeof(in));
	loop_watch(gs->loop, f,
		   LOOP_READ | (chan_wants_write(&c->peer.chan) ? (uint32_t)LOOP_WRITE : 0));
}

static void on_deadline(struct timer *t)
{
	lost(CONTAINER_OF(t, struct grantor_child, deadline)->of, "it takes too long");
}

enum err_code grants_watch(struct grants *gs, struct peers *peers, struct err *err)
{
	for (unsigned i = 0; i < gs->n; i++) {
		struct grantor_child *c = &gs->children[i];

		c->of = gs;
		c->stale = true;
		c->deadline.on_timeout = on_deadline;
		c->peer.owner = peers;
		c->peer.index = i;
		list_init(&c->peer.asked);
		c->peer.f = (struct loop_fd){.fd = c->peer.chan.fd, .on_ready = on_frames};
		TRY(loop_add(gs->loop, &c->peer.f, LOOP_READ, err));
	}
	return ERR_OK;
}

/* ---- tokens ---- */

static bool is_over(const struct grant *g)
{
	return g->until && g->until <= g->of->loop->now;
}

bool grant_is_good(const struct grant *g)
{
	return g->line.n && !is_over(g);
}

bool grant_is_for(const struct grant *g, struct str url)
{
	return str_eq(g->url, url);
}

/* Soon it is over: while somebody uses it there is the next one before. */
static void on_ahead(struct timer *t)
{
	struct grant *g = CONTAINER_OF(t, struct grant, ahead);

	if (g->used) {
		queue(g);
	}
}

/* False without memory: then the token there is stays where it belongs. */
static bool move(struct grant *g, struct str url)
{
	char *to = malloc(url.n + 1);

	if (!to) {
		return false;
	}
	memcpy(to, url.p, url.n);
	free((void *)(uintptr_t)g->url.p);
	g->url = str_make(to, url.n);
	secret_done(&g->line);
	secret_done(&g->challenge);
	timer_stop(&g->ahead);
	g->moved = g->state == GRANT_UNDER_WAY;
	g->got_at = g->failed_at = 0;
	return true;
}

struct grant *grants_of(struct grants *gs, struct str server, struct str url)
{
	struct grant *g;
	char *name;

	LIST_FOREACH (node, &gs->all) {
		g = CONTAINER_OF(node, struct grant, node);
		if (str_eq(g->server, server)) {
			return grant_is_for(g, url) || move(g, url) ? g : NULL;
		}
	}
	g = gs->n_all < GRANTS_MAX ? calloc(1, sizeof(*g) + server.n) : NULL;
	if (!g) {
		return NULL;
	}
	name = (char *)(g + 1);
	memcpy(name, server.p, server.n);
	g->server = str_make(name, server.n);
	g->of = gs;
	g->ahead.on_timeout = on_ahead;
	if (!move(g, url)) {
		free(g);
		return NULL;
	}
	list_append(&gs->all, &g->node);
	gs->n_all++;
	return g;
}

enum err_code grant_want(struct grant *g, struct err *err)
{
	uint64_t now = g->of->loop->now;

	if (g->failed_at && now - g->failed_at < GRANT_PAUSE_SECONDS * CLOCK_SEC) {
		return ERR(err, ERR_AGAIN, "%s", g->reason);
	}
	queue(g);
	return ERR_OK;
}

void grant_refused(struct grant *g, struct str challenge)
{
	uint64_t now = g->of->loop->now;
	struct err err;

	/* One that has just come is refused for a reason that the next one would not change. */
	if (g->state != GRANT_IDLE ||
	    (g->got_at && now - g->got_at < GRANT_PAUSE_SECONDS * CLOCK_SEC)) {
		return;
	}
	secret_done(&g->challenge);
	if (challenge.n && secret_copy(&g->challenge, challenge, &err)) {
		g->challenge = (struct secret){0}; /* then the server is asked for one */
	}
	if (grant_want(g, &err)) {
		secret_done(&g->challenge);
	}
}

void grants_reload(struct grants *gs)
{
	for (unsigned i = 0; i < gs->n; i++) {
		gs->children[i].stale = true;
	}
	LIST_FOREACH (node, &gs->all) {
		struct grant *g = CONTAINER_OF(node, struct grant, node);

		g->failed_at = 0;
		if (g->line.n) { /* it serves until the next one is there */
			queue(g);
		}
	}
}
