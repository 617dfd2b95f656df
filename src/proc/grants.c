/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/grants_priv.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
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
	if (g->todo.step) {
		grants_put_step(&w, buf, sizeof(buf), g);
	} else {
		frame_begin(&w, buf, sizeof(buf), GRANTOR_WANT);
		frame_put_str(&w, g->server);
		frame_put_str(&w, secret_str(&g->challenge));
		frame_put_u8(&w, g->refused);
		frame_put_str(&w, secret_str(&g->kept));
		g->state = GRANT_UNDER_WAY;
		if (!g->consent) {
			secret_done(&g->challenge);
		}
	}
	if (!send(c, &w, -1)) {
		lost(gs, "it does not take what it is asked");
		return;
	}
	secret_wipe(buf, sizeof(buf));
	c->busy = g;
	c->keeping = false;
	g->moved = false;
	loop_timer_set(gs->loop, &c->deadline, GRANT_SECONDS * CLOCK_SEC);
}

/* Is there something to do for it that can be done now? */
static bool is_waiting(struct grant *g)
{
	return !g->stepping && g->state != GRANT_UNDER_WAY &&
	       (g->todo.step || g->state == GRANT_QUEUED) && grants_kept_is_known(g);
}

void grants_give_waiting(struct grants *gs)
{
	for (unsigned i = 0; i < gs->n; i++) {
		LIST_FOREACH (node, &gs->all) {
			struct grant *g = CONTAINER_OF(node, struct grant, node);

			if (!gs->children[i].busy && is_waiting(g)) {
				give(gs, &gs->children[i], g);
			}
		}
	}
}

static void queue(struct grant *g)
{
	if (g->state == GRANT_IDLE) {
		g->state = GRANT_QUEUED;
		grants_give_waiting(g->of);
	}
}

static void settle(struct grantor_child *c, struct grant *g, bool ok)
{
	struct grants *gs = g->of;

	timer_stop(&c->deadline);
	c->busy = NULL;
	g->state = GRANT_IDLE;
	gs->on_settled(gs, g, ok);
	grants_give_waiting(gs);
}

void grants_step_done(struct grantor_child *c)
{
	timer_stop(&c->deadline);
	c->busy->stepping = false;
	c->busy = NULL;
	grants_give_waiting(c->of);
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
		g->until = seconds ? now + seconds * CLOCK_SEC : 0;
		g->failed_at = 0;
		g->refused = g->needs_login = false;
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
	g->stepping = false;
	settle(c, g, true);
}

static void no_token(struct grantor_child *c, bool needs_login, struct str why)
{
	struct grant *g = c->busy;
	bool known = needs_login && g->needs_login; /* it was said, and calls would say it again */

	g->needs_login = needs_login;
	(void)snprintf(g->reason, sizeof(g->reason), "no token: %.*s",
		       (int)(why.n < GRANTOR_REASON_MAX ? why.n : GRANTOR_REASON_MAX), why.p);
	g->failed_at = g->of->loop->now;
	secret_done(&g->line);
	if (!known) {
		log_line(LOG_WARN, "server " STR_FMT ": %s", STR_ARG(g->server), g->reason);
	}
	settle(c, g, false);
}

/* What was got is for an address that the server has left: it is asked for anew. */
static bool asks_again(struct grantor_child *c)
{
	struct grant *g = c->busy;

	if (!g->moved || g->stepping) {
		return false;
	}
	timer_stop(&c->deadline);
	c->busy = NULL;
	g->state = GRANT_QUEUED;
	grants_give_waiting(g->of);
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

static bool take_dial(struct grants *gs, struct grantor_child *c, struct frame_reader *r)
{
	uint64_t number = frame_get_u64(r);
	struct str host = frame_get_str(r);
	uint32_t port = frame_get_u32(r);

	if (!frame_ok(r) || port == 0 || port > UINT16_MAX) {
		return false;
	}
	gs->on_dial(gs, &c->peer, number, c->busy->server, host, (uint16_t)port);
	return true;
}

static bool take_answer(struct grantor_child *c, struct frame_reader *r)
{
	uint64_t seconds = frame_get_u64(r);
	struct str token = frame_get_str(r);

	if (!frame_ok(r) || !is_line(token) || seconds > UINT32_MAX) {
		return false;
	}
	if (asks_again(c)) {
		return true;
	}
	if (c->busy->stepping) {
		if (c->busy->moved) {
			grants_step_failed(c,
					   STR("the server has another address now: begin anew"));
			return true;
		}
		secret_done(&c->busy->asked);
		grants_say_logged(c, 1, STR("{}"));
	}
	take_token(c, seconds, token);
	return true;
}

static bool take_refusal(struct grantor_child *c, struct frame_reader *r)
{
	bool needs_login = frame_get_u8(r) == 1;
	struct str why = frame_get_str(r);

	if (!frame_ok(r)) {
		return false;
	}
	why = str_is_utf8(why) ? why : STR("(its reason cannot be shown)");
	if (asks_again(c)) {
		return true;
	}
	if (c->busy->stepping) {
		grants_step_failed(c, why);
	} else {
		no_token(c, needs_login, why);
	}
	return true;
}

/* False: not what a grantor may say. */
static bool take(struct grants *gs, struct grantor_child *c, struct str frame)
{
	struct frame_reader r;
	uint8_t type = frame_open(&r, frame);

	if (!c->busy) {
		return false;
	}
	switch (type) {
	case GRANTOR_DIAL:
		return take_dial(gs, c, &r);
	case GRANTOR_TOKEN:
		return take_answer(c, &r);
	case GRANTOR_NO_TOKEN:
		return take_refusal(c, &r);
	default:
		return c->busy->login && grants_take_step(c, type, &r);
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
	secret_done(&g->asked);
	timer_stop(&g->ahead);
	g->moved = g->state == GRANT_UNDER_WAY || g->stepping;
	g->renewed_at = g->failed_at = 0;
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

static void keep_challenge(struct grant *g, struct str challenge)
{
	struct err err;

	secret_done(&g->challenge);
	if (challenge.n && secret_copy(&g->challenge, challenge, &err)) {
		g->challenge = (struct secret){0}; /* then the server is asked for one */
	}
}

void grant_refused(struct grant *g, unsigned status, struct str challenge)
{
	uint64_t now = g->of->loop->now;
	struct err err;

	if (g->consent && status != 401) {
		if (!str_eq(secret_str(&g->challenge), challenge)) {
			keep_challenge(g, challenge);
			log_line(LOG_WARN,
				 "server " STR_FMT ": it asks for more than the login gave: run: "
				 "writ login " STR_FMT,
				 STR_ARG(g->server), STR_ARG(g->server));
		}
		return;
	}
	/* Another one that is refused, too, is so for a reason that the next would not change. */
	if (g->state != GRANT_IDLE ||
	    (g->renewed_at && now - g->renewed_at < GRANT_PAUSE_SECONDS * CLOCK_SEC)) {
		return;
	}
	g->renewed_at = now;
	g->refused = true;
	if (!g->consent) {
		keep_challenge(g, challenge);
	}
	if (grant_want(g, &err) && !g->consent) {
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
