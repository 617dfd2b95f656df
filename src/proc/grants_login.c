/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins of people, as the connector sees them: it passes the steps of a login to a grantor, one at a time for each
 * server, and what is to be kept to the supervisor. Both are sealed, and opened by grantors alone.
 */
#include "base/clock.h"
#include "base/log.h"
#include "ipc/messages.h"
#include "proc/grants_priv.h"

enum { ASKED_SECONDS = 3600 };

static void tell(struct grants *gs, uint8_t type, struct str server, const struct str *text)
{
	char buf[GRANTOR_FRAME_MAX];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), type);
	frame_put_str(&w, server);
	if (text) {
		frame_put_str(&w, *text);
	}
	gs->on_tell(gs, &w);
}

bool grants_kept_is_known(struct grant *g)
{
	if (g->login && g->kept_state == GRANT_KEPT_UNKNOWN) {
		g->kept_state = GRANT_KEPT_ASKED;
		tell(g->of, IPC_SLOT_READ, g->server, NULL);
	}
	return !g->login || g->kept_state == GRANT_KEPT_KNOWN;
}

static void replace(struct secret *s, struct str text)
{
	struct err err;

	secret_done(s);
	if (text.n && secret_copy(s, text, &err)) {
		*s = (struct secret){0};
		log_line(LOG_ERROR, "a login: %s", err.msg);
	}
}

/* ---- steps ---- */

static void say(struct grants *gs, uint64_t ticket, uint8_t how, struct str text)
{
	char buf[GRANTOR_FRAME_MAX];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), IPC_LOGGED);
	frame_put_u64(&w, ticket);
	frame_put_u8(&w, how);
	frame_put_str(&w, text);
	gs->on_tell(gs, &w);
}

void grants_say_logged(struct grantor_child *c, uint8_t how, struct str text)
{
	say(c->of, c->busy->todo.ticket, how, text);
	c->busy->todo.ticket = 0;
}

void grants_step_failed(struct grantor_child *c, struct str why)
{
	secret_done(&c->busy->asked); /* what was asked is answered once */
	grants_say_logged(c, 0, why);
	grants_step_done(c);
}

void grants_put_step(struct frame_writer *w, char *buf, size_t n, struct grant *g)
{
	static const uint8_t messages[] = {
		[IPC_LOGIN_BEGIN] = GRANTOR_BEGIN,
		[IPC_LOGIN_FINISH] = GRANTOR_FINISH,
		[IPC_LOGIN_LEAVE] = GRANTOR_LEAVE,
	};
	uint8_t step = g->todo.step;

	frame_begin(w, buf, n, messages[step]);
	frame_put_str(w, g->server);
	if (step == IPC_LOGIN_BEGIN) {
		frame_put_str(w, secret_str(&g->challenge));
	}
	frame_put_str(w, secret_str(step == IPC_LOGIN_FINISH ? &g->asked : &g->kept));
	if (step != IPC_LOGIN_LEAVE) {
		frame_put_str(w, secret_str(&g->todo.first));
	}
	if (step == IPC_LOGIN_BEGIN) {
		frame_put_str(w, secret_str(&g->todo.second));
	}
	secret_done(&g->todo.first);
	secret_done(&g->todo.second);
	g->todo.step = IPC_LOGIN_NONE;
	g->stepping = true;
}

static void keep(struct grantor_child *c, struct str sealed)
{
	struct grant *g = c->busy;

	/* What was got for an address that the server has left is bound to that, and of no use. */
	if (g->moved) {
		sealed = STR("");
	}
	replace(&g->kept, sealed);
	c->keeping = true;
	tell(g->of, IPC_SLOT_WRITE, g->server, &sealed);
}

static void left(struct grantor_child *c, struct str what)
{
	struct grant *g = c->busy;

	secret_done(&g->kept);
	secret_done(&g->line);
	secret_done(&g->challenge);
	g->needs_login = true;
	timer_stop(&g->ahead);
	g->of->on_dropped(g->of, g);
	tell(g->of, IPC_SLOT_WRITE, g->server, &STR(""));
	grants_say_logged(c, 1, what);
	grants_step_done(c);
}

static void begun(struct grantor_child *c, struct str asked, struct str text)
{
	struct grant *g = c->busy;

	replace(&g->asked, g->moved ? STR("") : asked);
	g->asked_until = g->of->loop->now + ASKED_SECONDS * CLOCK_SEC;
	grants_say_logged(c, 1, text);
	grants_step_done(c);
}

bool grants_take_step(struct grantor_child *c, uint8_t type, struct frame_reader *r)
{
	bool wait = type == GRANTOR_WAIT;
	uint32_t seconds = wait ? frame_get_u32(r) : 0;
	struct str text = wait ? STR("") : frame_get_str(r);
	struct str more = type == GRANTOR_BEGUN ? frame_get_str(r) : STR("");

	if (!frame_ok(r) || (type != GRANTOR_KEEP && !c->busy->stepping)) {
		return false;
	}
	switch (type) {
	case GRANTOR_KEEP:
		keep(c, text);
		return true;
	case GRANTOR_BEGUN:
		begun(c, text, more);
		return true;
	case GRANTOR_WAIT:
		grants_say_logged(c, 2, seconds > 1 ? STR("slower") : STR("wait"));
		grants_step_done(c);
		return true;
	case GRANTOR_LEFT:
		left(c, text);
		return true;
	default:
		return false;
	}
}

/* ---- from the supervisor ---- */

static struct grant *find(struct grants *gs, struct str server)
{
	LIST_FOREACH (node, &gs->all) {
		struct grant *g = CONTAINER_OF(node, struct grant, node);

		if (g->login && str_eq(g->server, server)) {
			return g;
		}
	}
	return NULL;
}

static void begin_step(struct grants *gs, struct frame_reader *r)
{
	uint64_t ticket = frame_get_u64(r);
	uint8_t step = frame_get_u8(r);
	struct grant *g = find(gs, frame_get_str(r));
	struct str first = frame_get_str(r), second = frame_get_str(r);

	if (!frame_ok(r) || step == IPC_LOGIN_NONE || step > IPC_LOGIN_LEAVE) {
		return;
	}
	if (!g || gs->n == 0) {
		say(gs, ticket, 0, STR("this server is not there yet: try again"));
		return;
	}
	if (g->todo.step || g->stepping) {
		say(gs, ticket, 0, STR("somebody else logs in there just now: try again"));
		return;
	}
	if (step == IPC_LOGIN_FINISH && (!g->asked.n || g->asked_until < gs->loop->now)) {
		say(gs, ticket, 0, STR("nobody began to log in there, or it was too long ago"));
		return;
	}
	replace(&g->todo.first, first);
	replace(&g->todo.second, second);
	g->todo.ticket = ticket;
	g->todo.step = step;
	grants_give_waiting(gs);
}

static void take_kept(struct grants *gs, struct grant *g, bool ok)
{
	char buf[8];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), GRANTOR_KEPT);
	frame_put_u8(&w, ok);
	for (unsigned i = 0; i < gs->n; i++) {
		struct grantor_child *c = &gs->children[i];

		if (c->busy == g && c->keeping) {
			c->keeping = false;
			if (chan_send(&c->peer.chan, frame_bytes(&w), NULL, 0, NULL)) {
				loop_stop(gs->loop);
			}
		}
	}
}

void grants_take_login(struct grants *gs, struct str frame)
{
	struct frame_reader r;
	uint8_t type = frame_open(&r, frame);
	struct grant *g;

	if (type == IPC_LOGIN) {
		begin_step(gs, &r);
		return;
	}
	g = find(gs, frame_get_str(&r));
	if (g && type == IPC_SLOT_KEPT) {
		take_kept(gs, g, frame_get_u8(&r) == 1);
	} else if (g && type == IPC_SLOT && g->kept_state == GRANT_KEPT_ASKED) {
		replace(&g->kept, frame_get_str(&r));
		g->kept_state = GRANT_KEPT_KNOWN;
		grants_give_waiting(gs);
	}
}
