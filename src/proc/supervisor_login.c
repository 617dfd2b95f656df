/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins of people at servers, as far as the supervisor takes part: it passes the steps of a login between the
 * command and the connector, whose grantors do the work, and keeps the files. What is in those it does not read.
 */
#include "proc/supervisor_priv.h"

#include "base/log.h"
#include "ipc/frame.h"
#include "ipc/messages.h"
#include "proc/logins.h"
#include "json/write.h"

#include <stdio.h>

/* Who may log in where: at a server of the configuration whose tokens come by a login. */
static bool needs_login(const struct supervisor *s, struct str server)
{
	const struct config_server *c = config_server_find(s->bundle.config, server);

	return c && config_login_of(c);
}

static bool tell(struct child *c, const struct frame_writer *w)
{
	return c->state == CHILD_SERVING && !w->overflow &&
	       chan_send(&c->control, frame_bytes(w), NULL, 0, NULL) == ERR_OK;
}

void supervisor_login(struct supervisor *s, const struct control_request *req)
{
	static const enum ipc_login steps[] = {
		[CONTROL_LOGIN_BEGIN] = IPC_LOGIN_BEGIN,
		[CONTROL_LOGIN_FINISH] = IPC_LOGIN_FINISH,
		[CONTROL_LOGOUT] = IPC_LOGIN_LEAVE,
	};
	struct login_wait *wait = &s->logins[req->client];
	char buf[ROLE_FRAME_MAX];
	struct frame_writer w;

	if (!needs_login(s, str_from_c(req->server))) {
		control_answer(&s->control, req->client, false,
			       STR("no server of the configuration has this id and 'oauth: {login: "
				   "true}': writ login --list shows those that have"));
		return;
	}
	*wait = (struct login_wait){.ticket = control_ticket(&s->control, req->client),
				    .step = (uint8_t)steps[req->op],
				    .uid = req->uid};
	memcpy(wait->server, req->server, sizeof(wait->server));
	frame_begin(&w, buf, sizeof(buf), IPC_LOGIN);
	frame_put_u64(&w, wait->ticket);
	frame_put_u8(&w, wait->step);
	frame_put_str(&w, str_from_c(req->server));
	frame_put_str(&w, str_from_c(req->first));
	frame_put_str(&w, str_from_c(req->second));
	if (!tell(children_find(&s->children, ROLE_CONNECTOR, 0), &w)) {
		wait->ticket = 0;
		control_answer(&s->control, req->client, false,
			       STR("the role that gets tokens is away: try again"));
	}
}

/* [{"server":"fs","url":"https://..","since":1700000000}]; since 0: nobody has logged in. */
void supervisor_say_logins(struct supervisor *s, int client)
{
	const struct config *c = s->bundle.config;
	struct json_writer w;
	struct buf out;

	buf_init(&out, 100 << 10);
	w = json_writer(&out);
	json_w_array(&w);
	for (size_t i = 0; i < c->n_servers; i++) {
		if (needs_login(s, c->servers[i].id)) {
			json_w_object(&w);
			json_w_member_str(&w, STR("server"), c->servers[i].id);
			json_w_member_str(&w, STR("url"), c->servers[i].url.text);
			json_w_member_u64(&w, STR("since"),
					  logins_since(s->ground.lock_fd, c->servers[i].id));
			json_w_end(&w);
		}
	}
	json_w_end(&w);
	control_answer(&s->control, client, !out.failed,
		       out.failed ? STR("too many servers to be shown") : buf_str(&out));
	buf_done(&out);
}

/* Of `how`: 0 no, 1 done, 2 the person has not answered yet. */
static void logged(struct supervisor *s, uint64_t ticket, uint8_t how, struct str text)
{
	struct login_wait *wait = &s->logins[ticket % CONTROL_MAX_CLIENTS];
	char detail[32];

	if (wait->ticket != ticket) {
		return;
	}
	if (how == 1 && wait->step != IPC_LOGIN_BEGIN) {
		(void)snprintf(detail, sizeof(detail), "uid %u", wait->uid);
		supervisor_note(s, (struct ledger_event){.event = wait->step == IPC_LOGIN_FINISH
									  ? LEDGER_LOGGED_IN
									  : LEDGER_LOGGED_OUT,
							 .subject = str_from_c(wait->server),
							 .detail = str_from_c(detail)});
	}
	wait->ticket = 0;
	control_answer(&s->control, control_client_of(&s->control, ticket), how > 0, text);
}

void supervisor_logins_lost(struct supervisor *s)
{
	for (unsigned i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		if (s->logins[i].ticket) {
			logged(s, s->logins[i].ticket, 0,
			       STR("the role that gets tokens was restarted: try again"));
		}
	}
}

static void read_slot(struct supervisor *s, struct child *connector, struct str server)
{
	char buf[ROLE_FRAME_MAX];
	struct frame_writer w;
	struct str sealed = {0};
	struct arena a;
	struct err err;

	arena_init(&a, 64 << 10);
	if (needs_login(s, server) && logins_read(s->ground.lock_fd, server, &a, &sealed, &err)) {
		log_line(LOG_ERROR, "the login at " STR_FMT ": %s", STR_ARG(server), err.msg);
	}
	frame_begin(&w, buf, sizeof(buf), IPC_SLOT);
	frame_put_str(&w, server);
	frame_put_str(&w, sealed);
	arena_done(&a);
	if (!tell(connector, &w)) {
		supervisor_end_child(connector);
	}
}

static void write_slot(struct supervisor *s, struct child *connector, struct str server,
		       struct str sealed)
{
	char buf[256];
	struct frame_writer w;
	struct err err;
	/* A reload may have taken the server away meanwhile. */
	enum err_code code = needs_login(s, server)
				     ? logins_write(s->ground.lock_fd, server, sealed, &err)
				     : ERR(&err, ERR_NOT_FOUND, "nobody logs in there any more");

	if (code) {
		log_line(LOG_ERROR, "the login at " STR_FMT " is not kept: %s", STR_ARG(server),
			 err.msg);
	}
	frame_begin(&w, buf, sizeof(buf), IPC_SLOT_KEPT);
	frame_put_str(&w, server);
	frame_put_u8(&w, code == ERR_OK);
	if (!tell(connector, &w)) {
		supervisor_end_child(connector);
	}
}

bool supervisor_take_login(struct supervisor *s, struct child *connector, struct str frame)
{
	struct frame_reader r;
	uint8_t type = frame_open(&r, frame), how = 0;
	uint64_t ticket = 0;
	struct str text, sealed = {0};

	if (type != IPC_LOGGED && type != IPC_SLOT_READ && type != IPC_SLOT_WRITE) {
		return false;
	}
	if (type == IPC_LOGGED) {
		ticket = frame_get_u64(&r);
		how = frame_get_u8(&r);
	}
	text = frame_get_str(&r);
	if (type == IPC_SLOT_WRITE) {
		sealed = frame_get_str(&r);
	}
	if (!frame_ok(&r)) {
		return false;
	}
	if (type == IPC_LOGGED) {
		logged(s, ticket, how, str_is_utf8(text) ? text : STR("(no text)"));
		return true;
	}
	if (type == IPC_SLOT_READ) {
		read_slot(s, connector, text);
	} else {
		write_slot(s, connector, text, sealed);
	}
	return true;
}
