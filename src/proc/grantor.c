/* SPDX-License-Identifier: Apache-2.0 */
/* proc/grantor.c - gets tokens for servers; a child of the connector.
 *
 *   reads   names of servers and challenges from the connector, metadata and answers of authorization
 *           servers and of the servers themselves
 *   holds   the configuration, the secrets and keys of its clients
 *   cannot  dial, open files, start programs, see a request of an agent or an answer to one
 */
#include "proc/grantor_priv.h"

#include "base/log.h"
#include "ipc/frame.h"
#include "ipc/messages.h"
#include "sandbox/jail.h"
#include "sys/fd.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { CONFIG_BYTES = 64 << 20 };

static const struct jail_spec grantor_jail = {
	.name = "grantor",
	.calls = CALLS_LOOP | CALLS_SOCKET,
	.net = JAIL_NET_USER,
};

/* A token for the client itself. */
static enum err_code ask(struct dance *d, struct str challenge, struct oauth_token *ret,
			 struct err *err)
{
	struct oauth_request r = {0};
	struct fetch_answer answer;

	TRY(dance_open(d, err));
	TRY(dance_find(d, challenge, err));
	TRY(dance_scopes(d, &r, err));
	TRY(dance_ask_as_client(d, &r, &answer, err));
	return oauth_token_read(&d->arena, answer.status, answer.body, ret, err);
}

/* ---- messages ---- */

void grantor_wipe(struct buf *b)
{
	if (b->p) {
		secret_wipe(b->p, b->cap);
	}
	buf_done(b);
}

void grantor_say(struct grantor *g, const struct frame_writer *w)
{
	if (w->overflow || chan_send(&g->chan, frame_bytes(w), NULL, 0, NULL)) {
		_exit(2);
	}
}

bool grantor_keep(struct grantor *g, struct str sealed)
{
	char buf[GRANTOR_FRAME_MAX];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), GRANTOR_KEEP);
	frame_put_str(&w, sealed);
	grantor_say(g, &w);
	for (;;) {
		struct pollfd p = {.fd = g->chan.fd, .events = POLLIN};
		int fds[CHAN_MAX_FDS];
		unsigned n_fds = 0;
		struct frame_reader r;
		struct str frame;
		enum err_code code;

		(void)poll(&p, 1, -1);
		code = chan_recv(&g->chan, buf, sizeof(buf), &frame, fds, &n_fds, NULL);
		for (unsigned i = 0; !code && i < n_fds; i++) {
			(void)close(fds[i]); /* of a dial that nobody waits for any more */
		}
		if (code && code != ERR_AGAIN) {
			_exit(0);
		}
		if (!code && frame_open(&r, frame) == GRANTOR_KEPT) {
			return frame_get_u8(&r) == 1;
		}
	}
}

static void put_token(struct frame_writer *w, const struct oauth_token *token)
{
	frame_begin(w, w->p, w->cap, GRANTOR_TOKEN);
	frame_put_u64(w, token->seconds);
	frame_put_str(w, token->token);
}

/* GRANTOR_WANT and each step of a login: what is said goes into `w`. */
static enum err_code want(struct dance *d, struct frame_reader *r, struct frame_writer *w,
			  struct err *err)
{
	struct str challenge = frame_get_str(r);
	bool refused = frame_get_u8(r) == 1;
	struct str kept = frame_get_str(r);
	struct oauth_token token = {0};
	bool idp = dance_at_idp(d);

	if (d->grant->login) {
		/* What the server refused is not what the provider gave. */
		TRY(login_token(d, kept, refused && !idp, &token, err));
	} else if (idp) {
		TRY(dance_text(d, d->grant->subject_file, &token.token, err));
	} else {
		TRY(ask(d, challenge, &token, err));
	}
	if (idp) {
		TRY(exchange_token(d, challenge, token.token, &token, err));
	}
	put_token(w, &token);
	return ERR_OK;
}

static enum err_code begin(struct dance *d, struct frame_reader *r, struct frame_writer *w,
			   struct err *err)
{
	struct login_begin in = {.challenge = frame_get_str(r)};
	struct buf asked, text;
	enum err_code code;

	in.kept = frame_get_str(r);
	in.redirect = frame_get_str(r);
	in.scope = frame_get_str(r);
	buf_init(&asked, GRANTOR_FRAME_MAX);
	buf_init(&text, 10 << 10);
	code = login_begin(d, &in, &asked, &text, err);
	frame_begin(w, w->p, w->cap, GRANTOR_BEGUN);
	frame_put_str(w, buf_str(&asked));
	frame_put_str(w, buf_str(&text));
	buf_done(&asked);
	buf_done(&text);
	return code || !w->overflow ? code
				    : ERR(err, ERR_LIMIT, "the address to log in at is too long");
}

static enum err_code finish(struct dance *d, struct frame_reader *r, struct frame_writer *w,
			    struct err *err)
{
	struct str asked = frame_get_str(r), query = frame_get_str(r);
	struct oauth_token token = {0};
	uint32_t wait = 0;

	TRY(login_finish(d, asked, query, &token, &wait, err));
	if (wait) {
		frame_begin(w, w->p, w->cap, GRANTOR_WAIT);
		frame_put_u32(w, wait);
		return ERR_OK;
	}
	if (dance_at_idp(d)) {
		TRY(exchange_token(d, STR(""), token.token, &token, err));
	}
	put_token(w, &token);
	return ERR_OK;
}

static enum err_code leave(struct dance *d, struct frame_reader *r, struct frame_writer *w,
			   struct err *err)
{
	struct str what;

	TRY(login_leave(d, frame_get_str(r), &what, err));
	frame_begin(w, w->p, w->cap, GRANTOR_LEFT);
	frame_put_str(w, what);
	return ERR_OK;
}

static void serve_one(struct grantor *g, uint8_t type, struct frame_reader *r)
{
	struct str server = frame_get_str(r);
	struct dance d = {.g = g,
			  .server = g->config ? config_server_find(g->config, server) : NULL};
	char out[GRANTOR_FRAME_MAX];
	struct frame_writer w;
	struct err err = {0};
	enum err_code code = ERR_OK;

	arena_init(&d.arena, DANCE_BYTES);
	d.grant = d.server ? d.server->oauth : NULL;
	d.grant = d.grant && d.grant->idp ? d.grant->idp : d.grant;
	frame_begin(&w, out, sizeof(out), GRANTOR_NO_TOKEN);
	if (!d.grant || (type != GRANTOR_WANT && !d.grant->login)) {
		code = ERR(&err, ERR_NOT_FOUND, "there is no such server");
	} else {
		code = type == GRANTOR_WANT     ? want(&d, r, &w, &err)
		       : type == GRANTOR_BEGIN  ? begin(&d, r, &w, &err)
		       : type == GRANTOR_FINISH ? finish(&d, r, &w, &err)
						: leave(&d, r, &w, &err);
	}
	if (code) {
		frame_begin(&w, out, sizeof(out), GRANTOR_NO_TOKEN);
		frame_put_u8(&w, d.needs_login);
		frame_put_str(&w, str_from_c(err.msg));
	}
	grantor_say(g, &w);
	secret_wipe(out, sizeof(out));
	tls_ctx_free(d.tls);
	arena_wipe(&d.arena);
	arena_done(&d.arena);
}

static void add_file(struct grantor *g, struct str name, int fd)
{
	struct file *f;

	if (g->loaded) {
		while (g->n_files) {
			fd_close(&g->files[--g->n_files].fd);
		}
		g->loaded = false;
	}
	if (fd < 0 || g->n_files == FILES_MAX || name.n >= sizeof(f->name)) {
		_exit(2);
	}
	f = &g->files[g->n_files++];
	*f = (struct file){.fd = fd};
	memcpy(f->name, name.p, name.n);
}

static void load(struct grantor *g, int fd)
{
	struct str text;
	struct err err;

	g->loaded = true;
	arena_done(&g->arena);
	arena_init(&g->arena, 2 * (size_t)CONFIG_BYTES);
	g->config = ARENA_NEW(&g->arena, struct config);
	if (fd < 0 || !g->config || fd_read_all(fd, CONFIG_BYTES, &g->arena, &text, &err) ||
	    config_decode_json(&g->arena, text, g->config, &err)) {
		log_line(LOG_ERROR, "grantor: the configuration cannot be read");
		_exit(2);
	}
	(void)close(fd);
}

static void on_message(struct grantor *g, struct str frame, int fd)
{
	struct frame_reader r;
	uint8_t type = frame_open(&r, frame);

	switch (type) {
	case GRANTOR_FILE:
		add_file(g, frame_get_str(&r), fd);
		return;
	case GRANTOR_LOAD:
		load(g, fd);
		return;
	case GRANTOR_WANT:
	case GRANTOR_BEGIN:
	case GRANTOR_FINISH:
	case GRANTOR_LEAVE:
		serve_one(g, type, &r);
		break;
	default: /* an answer to a dial that nobody waits for any more */
		break;
	}
	if (fd >= 0) {
		(void)close(fd);
	}
}

static NORETURN void serve(struct grantor *g)
{
	char *in = malloc(GRANTOR_FRAME_MAX);

	for (;;) {
		struct pollfd p = {.fd = g->chan.fd, .events = POLLIN};
		int fds[CHAN_MAX_FDS] = {-1};
		unsigned n_fds = 0;
		struct str frame = {0};
		enum err_code code;

		(void)poll(&p, 1, -1);
		code = in ? chan_recv(&g->chan, in, GRANTOR_FRAME_MAX, &frame, fds, &n_fds, NULL)
			  : ERR_NOMEM;
		if (code == ERR_AGAIN) {
			continue;
		}
		if (code) {
			_exit(0);
		}
		for (unsigned i = 1; i < n_fds; i++) {
			(void)close(fds[i]);
		}
		on_message(g, frame, n_fds ? fds[0] : -1);
	}
}

void grantor_main(int fd)
{
	struct grantor *g = calloc(1, sizeof(*g));
	struct err err;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_NAME, "writ-grantor");
	/* Nothing else of the connector's is kept: its peers must see when it goes. */
	(void)close_range(3, (unsigned)fd - 1, 0);
	(void)close_range((unsigned)fd + 1, UINT_MAX, 0);
	/* Dates of certificates go through libc's time zones, which are files unless TZ says it all. */
	(void)setenv("TZ", "UTC0", 1);
	tzset();
	if (!g || tls_load(&err) || jail_enter(&grantor_jail, NULL, &err)) {
		log_line(LOG_ERROR, "grantor: %s", g ? err.msg : "no memory");
		_exit(2);
	}
	chan_init(&g->chan, fd, 64 << 10);
	if (fetcher_init(&g->fetcher, &g->chan, &err)) {
		_exit(2);
	}
	serve(g);
}
