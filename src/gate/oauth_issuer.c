/* SPDX-License-Identifier: Apache-2.0 */
/* What a gate asks an issuer of tokens: for its keys, and about opaque tokens. */
#include "gate/oauth_priv.h"

#include "gate/gate.h"

#include <stdlib.h>

/* ---- lines ---- */

static void on_fetch_open(struct gate_pool *p, bool ok);
static void on_ask_open(struct gate_pool *p, bool ok);

static enum err_code line_init(struct oauth_line *l, struct oauth_issuer *is, const char *kind,
			       const struct config_url *url,
			       void (*on_open)(struct gate_pool *p, bool ok), struct err *err)
{
	struct gate *g = is->oauth->gate;

	l->issuer = is;
	if (url->text.n == 0) {
		return ERR_OK;
	}
	TRY(gate_pool_init(&l->pool, g, kind, is->config->id, url, err));
	l->pool.on_open = on_open;
	l->made = true;
	return ERR_OK;
}

static void line_done(struct oauth_line *l)
{
	if (l->made) {
		gate_pool_done(&l->pool);
		l->made = false;
	}
}

/* True: it is open, or will say so. */
static bool line_open(struct oauth_line *l)
{
	if (!l->pool.pool && !l->opening) {
		l->opening = gate_pool_open(&l->pool, NULL) == ERR_OK;
	}
	return l->pool.pool || l->opening;
}

/* ---- keys ---- */

bool oauth_keys_usable(const struct oauth_issuer *is)
{
	uint64_t now = is->oauth->gate->loop.now;

	return is->has_keys &&
	       (!is->fetch.made || now - is->keys_at < KEYS_LAST_SECONDS * CLOCK_SEC);
}

static void fetched(struct oauth_issuer *is)
{
	is->fetching = false;
	oauth_keys_came(is);
}

static void take_keys(struct oauth_issuer *is, struct str text)
{
	uint8_t digest[SHA256_LEN];
	struct oauth_keys keys;
	struct err err;

	sha256_of(text, digest);
	if (oauth_keys_read(text, &keys, &err)) {
		oauth_say(is->oauth, is->config, "its keys cannot be used", &err);
		return; /* the last good ones stay */
	}
	if (!is->has_keys || memcmp(digest, is->keys_digest, sizeof(digest)) != 0) {
		callers_forget(&is->oauth->callers, is->index); /* a key may have been withdrawn */
		memcpy(is->keys_digest, digest, sizeof(digest));
	}
	oauth_keys_done(&is->keys);
	is->keys = keys;
	is->has_keys = true;
	is->keys_at = is->oauth->gate->loop.now;
}

static void on_keys_done(struct http_call *c)
{
	struct oauth_issuer *is = CONTAINER_OF(c, struct oauth_issuer, call);
	struct err err;

	if (c->answer->status == 200) {
		take_keys(is, c->answer_body);
	} else {
		err_ignore(ERR(&err, ERR_INVALID, "HTTP status %d", c->answer->status));
		oauth_say(is->oauth, is->config, "its keys cannot be fetched", &err);
	}
	fetched(is);
}

static void on_keys_fail(struct http_call *c, enum http_fail why, const struct err *err)
{
	struct oauth_issuer *is = CONTAINER_OF(c, struct oauth_issuer, call);

	(void)why;
	oauth_say(is->oauth, is->config, "its keys cannot be fetched", err);
	fetched(is);
}

static const struct http_call_events keys_events = {.on_done = on_keys_done,
						    .on_fail = on_keys_fail};

static void start_fetch(struct oauth_issuer *is)
{
	static const struct http_field accept = {
		STR_INIT("Accept"), STR_INIT("application/jwk-set+json, application/json")};

	is->call = (struct http_call){
		.on = &keys_events,
		.pool = is->fetch.pool.pool,
		.request = {.method = STR("GET"),
			    .target = is->fetch.pool.target,
			    .fields = &accept,
			    .n_fields = 1,
			    .no_length = true},
		.max_body = OAUTH_KEYS_BYTES,
		.timeout = OAUTH_WAIT_SECONDS * CLOCK_SEC,
	};
	http_call_start(&is->call);
}

static void on_fetch_open(struct gate_pool *p, bool ok)
{
	struct oauth_line *l = CONTAINER_OF(p, struct oauth_line, pool);
	struct err err;

	l->opening = false;
	if (ok) {
		start_fetch(l->issuer);
		return;
	}
	err_ignore(ERR(&err, ERR_CLOSED, "no connection"));
	oauth_say(l->issuer->oauth, l->issuer->config, "its keys cannot be fetched", &err);
	fetched(l->issuer);
}

/* A bucket: a burst, then one in a while, however many tokens name keys that do not exist. */
static bool may_fetch(struct oauth_issuer *is)
{
	uint64_t now = is->oauth->gate->loop.now;
	uint64_t back = (now - is->spent_at) / (FETCH_EVERY * CLOCK_SEC);

	if (back) {
		is->spent = back >= is->spent ? 0 : is->spent - (unsigned)back;
		is->spent_at = now;
	}
	if (is->spent >= FETCH_BURST) {
		return false;
	}
	is->spent++;
	return true;
}

bool oauth_fetch_keys(struct oauth_issuer *is)
{
	if (is->fetching) {
		return true;
	}
	if (!is->fetch.made || !may_fetch(is) || !line_open(&is->fetch)) {
		return false;
	}
	is->fetching = true;
	if (is->fetch.pool.pool) {
		start_fetch(is);
	}
	return true;
}

/* ---- introspection ---- */

static void on_ask_done(struct http_call *c)
{
	struct oauth_wait *w = CONTAINER_OF(c, struct oauth_wait, call);
	struct err err;

	w->calling = false;
	if (c->answer->status == 200) {
		oauth_asked(w, c->answer_body);
		return;
	}
	err_ignore(ERR(&err, ERR_INVALID, "HTTP status %d", c->answer->status));
	oauth_say(w->issuer->oauth, w->issuer->config, "it cannot be asked about a token", &err);
	oauth_asked(w, STR(""));
}

static void on_ask_fail(struct http_call *c, enum http_fail why, const struct err *err)
{
	struct oauth_wait *w = CONTAINER_OF(c, struct oauth_wait, call);

	(void)why;
	w->calling = false;
	oauth_say(w->issuer->oauth, w->issuer->config, "it cannot be asked about a token", err);
	oauth_asked(w, STR(""));
}

static const struct http_call_events ask_events = {.on_done = on_ask_done, .on_fail = on_ask_fail};

static void start_ask(struct oauth_wait *w)
{
	static const struct http_field fields[] = {
		{STR_INIT("Content-Type"), STR_INIT("application/x-www-form-urlencoded")},
		{STR_INIT("Accept"), STR_INIT("application/json")},
	};

	w->calling = true;
	w->call = (struct http_call){
		.on = &ask_events,
		.pool = w->issuer->ask.pool.pool,
		.request = {.method = STR("POST"),
			    .target = w->issuer->ask.pool.target,
			    .fields = fields,
			    .n_fields = ARRAY_LEN(fields),
			    .framing = HTTP_LENGTH,
			    .body_len = w->body.n},
		.body = w->body,
		.max_body = OAUTH_ANSWER_MAX,
		.timeout = OAUTH_WAIT_SECONDS * CLOCK_SEC,
	};
	http_call_start(&w->call);
}

static struct oauth_wait *first_to_ask(const struct oauth_issuer *is)
{
	LIST_FOREACH (node, (struct list *)(uintptr_t)&is->waiting) {
		struct oauth_wait *w = CONTAINER_OF(node, struct oauth_wait, node);

		if (w->asks && !w->calling) {
			return w;
		}
	}
	return NULL;
}

static void on_ask_open(struct gate_pool *p, bool ok)
{
	struct oauth_line *l = CONTAINER_OF(p, struct oauth_line, pool);
	struct oauth_wait *w;

	l->opening = false;
	while ((w = first_to_ask(l->issuer))) {
		if (ok) {
			start_ask(w);
		} else {
			oauth_asked(w, STR(""));
		}
	}
}

/* Characters of a token (RFC 6750 section 2.1) that a form gives another meaning. */
static void put_token(struct buf *to, struct str token)
{
	buf_append(to, STR("token_type_hint=access_token&token="));
	for (size_t i = 0; i < token.n; i++) {
		switch (token.p[i]) {
		case '+':
			buf_append(to, STR("%2B"));
			break;
		case '/':
			buf_append(to, STR("%2F"));
			break;
		case '=':
			buf_append(to, STR("%3D"));
			break;
		default:
			buf_append_c(to, token.p[i]);
		}
	}
}

void oauth_ask(struct oauth_wait *w)
{
	struct buf body;

	w->asks = true;
	buf_init(&body, 4 * (size_t)OAUTH_TOKEN_MAX);
	put_token(&body, w->token);
	w->body = arena_dup(&w->x->req->arena, buf_str(&body));
	buf_done(&body);
	if (w->body.n && line_open(&w->issuer->ask) && w->issuer->ask.pool.pool) {
		start_ask(w);
	}
	/* A line that does not open lets the deadline pass. */
}

void oauth_ask_forget(struct oauth_wait *w)
{
	if (w->calling) {
		w->calling = false;
		http_call_cancel(&w->call);
	}
}

/* ---- issuers ---- */

static enum err_code issuer_init(struct oauth_issuer *is, struct oauth *o, size_t index,
				 struct err *err)
{
	is->oauth = o;
	is->index = index;
	is->config = &o->config->issuers[index];
	list_init(&is->waiting);
	TRY(line_init(&is->fetch, is, "keys", &is->config->keys_url, on_fetch_open, err));
	TRY(line_init(&is->ask, is, "introspect", &is->config->introspect, on_ask_open, err));
	if (is->config->keys.n) {
		TRY(oauth_keys_read(is->config->keys, &is->keys, err));
		is->has_keys = true;
	}
	return ERR_OK;
}

static void issuer_done(struct oauth_issuer *is)
{
	if (is->fetching && !is->fetch.opening) {
		http_call_cancel(&is->call);
	}
	line_done(&is->fetch);
	line_done(&is->ask);
	oauth_keys_done(&is->keys);
}

/* ---- in line with the configuration ---- */

void oauth_free(struct oauth *o)
{
	if (!o) {
		return;
	}
	for (size_t i = 0; i < o->n; i++) {
		oauth_give_up(&o->issuers[i]);
		issuer_done(&o->issuers[i]);
	}
	callers_done(&o->callers);
	rules_unref(o->rules);
	free(o->issuers);
	free(o);
}

/* Keys that were good stay good: the issuer may not be there just now. */
static void keep_keys(struct oauth *o, struct oauth *old)
{
	for (size_t i = 0; old && i < o->n; i++) {
		struct oauth_issuer *is = &o->issuers[i], *was;

		was = oauth_issuer_of(old, is->config->issuer);
		if (was && was->has_keys && was->fetch.made && is->fetch.made &&
		    str_eq(was->config->keys_url.text, is->config->keys_url.text)) {
			is->keys = was->keys;
			is->has_keys = true;
			is->keys_at = was->keys_at;
			is->spent = was->spent;
			is->spent_at = was->spent_at;
			memcpy(is->keys_digest, was->keys_digest, sizeof(is->keys_digest));
			was->keys = (struct oauth_keys){0};
			was->has_keys = false;
		}
	}
}

static enum err_code oauth_new(struct gate *g, struct oauth **ret, struct err *err)
{
	const struct config_oauth *config = &g->rules->config->identity.oauth;
	struct oauth *o = calloc(1, sizeof(*o));

	if (!o) {
		return ERR(err, ERR_NOMEM, "no memory for the issuers of tokens");
	}
	o->gate = g;
	o->config = config;
	o->rules = rules_ref(g->rules);
	callers_init(&o->callers, g->seed);
	o->issuers = calloc(config->n_issuers, sizeof(*o->issuers));
	while (o->issuers && o->n < config->n_issuers) {
		if (issuer_init(&o->issuers[o->n], o, o->n, err)) {
			issuer_done(&o->issuers[o->n]);
			oauth_free(o);
			return err->code;
		}
		o->n++;
	}
	if (!o->issuers) {
		oauth_free(o);
		return ERR(err, ERR_NOMEM, "no memory for the issuers of tokens");
	}
	*ret = o;
	return ERR_OK;
}

enum err_code oauth_apply(struct gate *g, struct err *err)
{
	struct oauth *o = NULL;

	if (g->rules->config->identity.oauth.n_issuers) {
		TRY(oauth_new(g, &o, err));
		keep_keys(o, g->oauth);
	}
	oauth_free(g->oauth);
	g->oauth = o;
	return ERR_OK;
}
