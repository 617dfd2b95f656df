/* SPDX-License-Identifier: Apache-2.0 */
/* proc/grantor.c - gets tokens for servers; a child of the connector.
 *
 *   reads   names of servers and challenges from the connector, metadata and answers of authorization
 *           servers and of the servers themselves
 *   holds   the configuration, the secrets and keys of its clients
 *   cannot  dial, open files, start programs, see a request of an agent or an answer to one
 */
#include "proc/grantor.h"

#include "base/clock.h"
#include "base/log.h"
#include "crypto/secret.h"
#include "ipc/frame.h"
#include "ipc/messages.h"
#include "oauth/grant.h"
#include "proc/fetch.h"
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

enum { FILES_MAX = 128, FILE_BYTES = 1 << 20, CONFIG_BYTES = 64 << 20, DANCE_BYTES = 8 << 20 };

static const char SYSTEM_ROOTS[] = "/etc/ssl/certs/ca-certificates.crt";

static const struct jail_spec grantor_jail = {
	.name = "grantor",
	.calls = CALLS_LOOP | CALLS_SOCKET,
	.net = JAIL_NET_USER,
};

struct file {
	char name[512];
	int fd;
};

struct grantor {
	struct chan chan;
	struct fetcher fetcher;
	struct arena arena; /* of the configuration */
	struct config *config;
	struct file files[FILES_MAX];
	unsigned n_files;
	bool loaded; /* the next file begins a new list */
};

/* What one token takes. */
struct dance {
	struct grantor *g;
	const struct config_server *server;
	struct arena arena;
	struct tls_ctx *tls;
	bool met; /* a challenge: `wanted` */
	struct oauth_wanted wanted;
	struct oauth_resource_metadata resource;
	struct oauth_server from;
};

static enum err_code file_bytes(struct dance *d, struct str name, struct str *ret, struct err *err)
{
	for (unsigned i = 0; i < d->g->n_files; i++) {
		if (str_eq(str_from_c(d->g->files[i].name), name)) {
			return fd_read_all(d->g->files[i].fd, FILE_BYTES, &d->arena, ret, err);
		}
	}
	return ERR(err, ERR_NOT_FOUND, "there is no " STR_FMT, STR_ARG(name));
}

/* ---- requests ---- */

/* https; or, of a server on this machine, http on this machine. */
static enum err_code safe_url(struct dance *d, struct str text, struct config_url *ret,
			      struct err *err)
{
	TRY(config_url_parse(&d->arena, text, ret, err));
	return ret->tls || (ret->loopback && d->server->url.loopback)
		       ? ERR_OK
		       : ERR(err, ERR_DENIED, "it names an address without TLS: " STR_FMT,
			     STR_ARG(text));
}

static bool is_own(const struct dance *d, const struct config_url *url)
{
	return str_ieq(url->host, d->server->url.host) && url->port == d->server->url.port;
}

static enum err_code get(struct dance *d, struct str text, struct fetch_answer *ret,
			 struct err *err)
{
	static const struct http_field accept = {STR_INIT("Accept"), STR_INIT("application/json")};
	const struct tls_pins pins = {.items = &d->server->pin, .n = d->server->has_pin};
	struct config_url url;
	struct fetch_request r = {.url = &url, .fields = &accept, .n_fields = 1, .tls = d->tls};

	TRY(safe_url(d, text, &url, err));
	r.pins = is_own(d, &url) ? &pins : NULL;
	return fetch(&d->g->fetcher, &r, &d->arena, ret, err);
}

/* Asks the server for what it will refuse, to learn by its challenge who issues tokens for it. */
static enum err_code meet_challenge(struct dance *d, struct err *err)
{
	static const struct http_field fields[] = {
		{STR_INIT("Content-Type"), STR_INIT("application/json")},
		{STR_INIT("Accept"), STR_INIT("application/json, text/event-stream")},
	};
	const struct tls_pins pins = {.items = &d->server->pin, .n = d->server->has_pin};
	const struct fetch_request r = {
		.url = &d->server->url,
		.fields = fields,
		.n_fields = ARRAY_LEN(fields),
		.body = STR("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"ping\"}"),
		.tls = d->tls,
		.pins = &pins,
	};
	struct fetch_answer answer;

	TRY(fetch(&d->g->fetcher, &r, &d->arena, &answer, err));
	if (answer.status == 401 && answer.challenge.n) {
		d->met = oauth_challenge_read(&d->arena, answer.challenge, &d->wanted);
	}
	return ERR_OK; /* without a challenge the well-known places tell */
}

/* ---- who issues ---- */

static enum err_code take_resource(struct dance *d, struct str text, struct err *err)
{
	TRY(oauth_resource_read(&d->arena, text, &d->resource, err));
	return oauth_resource_is(d->resource.resource, d->server->url.text)
		       ? ERR_OK
		       : ERR(err, ERR_DENIED, "the metadata is of another resource");
}

static enum err_code find_resource(struct dance *d, struct err *err)
{
	struct str places[OAUTH_PLACES_MAX];
	struct fetch_answer answer;
	size_t n = 1;

	if (d->wanted.metadata.n) {
		places[0] = d->wanted.metadata;
	} else {
		n = oauth_resource_places(&d->arena, d->server->url.text, places);
	}
	for (size_t i = 0; i < n; i++) {
		TRY(get(d, places[i], &answer, err));
		if (answer.status == 200) {
			return take_resource(d, answer.body, err);
		}
	}
	return ERR(err, ERR_NOT_FOUND,
		   "the server does not say who issues tokens for it (RFC 9728)");
}

static enum err_code choose_issuer(const struct dance *d, struct str *ret, struct err *err)
{
	struct str wanted = d->server->oauth->issuer;

	*ret = d->resource.servers[0];
	if (!wanted.n) {
		return ERR_OK;
	}
	*ret = wanted;
	return oauth_has_text(d->resource.servers, d->resource.n_servers, wanted)
		       ? ERR_OK
		       : ERR(err, ERR_DENIED,
			     "the server names other authorization servers than the configured "
			     "issuer");
}

static enum err_code find_server(struct dance *d, struct err *err)
{
	struct str places[OAUTH_PLACES_MAX], issuer;
	struct fetch_answer answer;
	size_t n;

	TRY(choose_issuer(d, &issuer, err));
	n = oauth_server_places(&d->arena, issuer, places);
	for (size_t i = 0; i < n; i++) {
		TRY(get(d, places[i], &answer, err));
		if (answer.status == 200) {
			return oauth_server_read(&d->arena, answer.body, issuer, &d->from, err);
		}
	}
	return ERR(err, ERR_NOT_FOUND, "the authorization server has no metadata (RFC 8414)");
}

/* ---- the token ---- */

/* What is configured, else what the challenge asks for, else all that the resource knows. */
static enum err_code choose_scopes(struct dance *d, struct oauth_request *r, struct err *err)
{
	const struct config_strs *own = &d->server->oauth->scopes;

	if (own->n) {
		r->scopes = own->items;
		r->n_scopes = own->n;
		return ERR_OK;
	}
	if (d->wanted.scope.n) {
		return oauth_scopes_split(&d->arena, d->wanted.scope, &r->scopes, &r->n_scopes,
					  err);
	}
	r->scopes = d->resource.scopes;
	r->n_scopes = d->resource.n_scopes;
	return ERR_OK;
}

static enum err_code load_client(struct dance *d, struct oauth_client *ret,
				 struct jws_signer **signer, struct err *err)
{
	const struct config_grant *grant = d->server->oauth;
	struct str pem;

	ret->id = grant->client_id;
	ret->key_id = grant->key_id;
	if (grant->secret_file.n) {
		TRY(file_bytes(d, grant->secret_file, &ret->secret, err));
		while (ret->secret.n && (ret->secret.p[ret->secret.n - 1] == '\n' ||
					 ret->secret.p[ret->secret.n - 1] == '\r')) {
			ret->secret.n--;
		}
	}
	if (grant->key_file.n) {
		TRY(file_bytes(d, grant->key_file, &pem, err));
		TRY(jws_signer_new(pem, signer, err));
		ret->signer = *signer;
	}
	return ERR_OK;
}

static enum err_code post(struct dance *d, struct str body, struct str authorization,
			  struct fetch_answer *ret, struct err *err)
{
	const struct http_field fields[] = {
		{STR("Content-Type"), STR("application/x-www-form-urlencoded")},
		{STR("Accept"), STR("application/json")},
		{STR("Authorization"), authorization},
	};
	struct config_url url;
	const struct fetch_request r = {
		.url = &url,
		.fields = fields,
		.n_fields = authorization.n ? 3 : 2,
		.body = body,
		.tls = d->tls,
	};

	TRY(safe_url(d, d->from.token_endpoint, &url, err));
	return fetch(&d->g->fetcher, &r, &d->arena, ret, err);
}

static void wipe(struct buf *b)
{
	if (b->p) {
		secret_wipe(b->p, b->cap);
	}
	buf_done(b);
}

static enum err_code ask(struct dance *d, struct oauth_token *ret, struct err *err)
{
	struct oauth_client client = {0};
	struct jws_signer *signer = NULL;
	struct oauth_request r = {.client = &client,
				  .server = &d->from,
				  .resource = d->resource.resource,
				  .now = clock_real() / CLOCK_SEC};
	struct buf body, authorization;
	struct fetch_answer answer;
	enum err_code code;

	TRY(choose_scopes(d, &r, err));
	rand_bytes(r.nonce, sizeof(r.nonce));
	buf_init(&body, 32 << 10);
	buf_init(&authorization, 8 << 10);
	code = load_client(d, &client, &signer, err);
	code = code ? code : oauth_request_write(&r, &body, &authorization, err);
	code = code ? code : post(d, buf_str(&body), buf_str(&authorization), &answer, err);
	code = code ? code : oauth_token_read(&d->arena, answer.status, answer.body, ret, err);
	wipe(&body);
	wipe(&authorization);
	jws_signer_free(signer);
	return code;
}

static enum err_code run(struct dance *d, struct str challenge, struct oauth_token *ret,
			 struct err *err)
{
	const struct config_server *s = d->server;
	struct tls_client_config c = {0};

	TRY(file_bytes(d, s->ca_file.n ? s->ca_file : str_from_c(SYSTEM_ROOTS), &c.ca_pem, err));
	TRY(tls_client_new(&c, &d->tls, err));
	d->met = oauth_challenge_read(&d->arena, challenge, &d->wanted);
	if (!d->met) {
		TRY(meet_challenge(d, err));
	}
	TRY(find_resource(d, err));
	TRY(find_server(d, err));
	return ask(d, ret, err);
}

/* ---- messages ---- */

static void say(struct grantor *g, const struct frame_writer *w)
{
	if (w->overflow || chan_send(&g->chan, frame_bytes(w), NULL, 0, NULL)) {
		_exit(2);
	}
}

static void want(struct grantor *g, struct str server, struct str challenge)
{
	struct dance d = {.g = g,
			  .server = g->config ? config_server_find(g->config, server) : NULL};
	char out[GRANTOR_FRAME_MAX];
	struct oauth_token token = {0};
	struct frame_writer w;
	struct err err = {0};
	enum err_code code;

	arena_init(&d.arena, DANCE_BYTES);
	code = d.server && d.server->oauth ? run(&d, challenge, &token, &err)
					   : ERR(&err, ERR_NOT_FOUND, "there is no such server");
	frame_begin(&w, out, sizeof(out), code ? GRANTOR_NO_TOKEN : GRANTOR_TOKEN);
	if (code) {
		frame_put_str(&w, str_from_c(err.msg));
	} else {
		frame_put_u64(&w, token.seconds);
		frame_put_str(&w, token.token);
	}
	say(g, &w);
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
	struct str first, second;
	struct frame_reader r;

	switch (frame_open(&r, frame)) {
	case GRANTOR_FILE:
		first = frame_get_str(&r);
		add_file(g, first, fd);
		return;
	case GRANTOR_LOAD:
		load(g, fd);
		return;
	case GRANTOR_WANT:
		first = frame_get_str(&r);
		second = frame_get_str(&r);
		if (frame_ok(&r)) {
			want(g, first, second);
		}
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
