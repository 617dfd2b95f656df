/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/oauth_priv.h"

#include "gate/gate.h"

/* What is known of a token. */
enum judgement {
	TOKEN_REFUSED = 0,
	TOKEN_GOOD,         /* there is a caller */
	TOKEN_NEEDS_KEYS,   /* of its issuer: to be fetched */
	TOKEN_NEEDS_ANSWER, /* of its issuer: to be asked */
	TOKEN_UNAVAILABLE,  /* nobody can tell now */
};

void oauth_say(struct oauth *o, const struct config_issuer *is, const char *what,
	       const struct err *err)
{
	if (o->said_at && o->gate->loop.now - o->said_at < CLOCK_SEC) {
		return;
	}
	o->said_at = o->gate->loop.now;
	log_line(LOG_WARN, "issuer " STR_FMT ": %s: %s", STR_ARG(is->id), what, err->msg);
}

/* ---- judging ---- */

static uint64_t now_seconds(const struct gate *g)
{
	return g->loop.real / CLOCK_SEC;
}

/* The end of a token, when the clocks may differ; far enough away not to overflow. */
static uint64_t until_of(const struct oauth *o, uint64_t expires)
{
	uint64_t s = expires < UINT32_MAX * UINT64_C(2) ? expires : UINT32_MAX * UINT64_C(2);

	return s * CLOCK_SEC + o->config->skew_ns;
}

static enum err_code check_claims(const struct oauth_issuer *is, const struct oauth_claims *c,
				  struct err *err)
{
	const struct config_oauth *o = is->oauth->config;

	TRY(oauth_claims_check(c, is->config->issuer, now_seconds(is->oauth->gate),
			       o->skew_ns / CLOCK_SEC, err));
	return oauth_claims_for(c, o->resource.text, is->config->audiences.items,
				is->config->audiences.n)
		       ? ERR_OK
		       : ERR(err, ERR_DENIED, "it is for another resource");
}

struct oauth_issuer *oauth_issuer_of(struct oauth *o, struct str issuer)
{
	for (size_t i = 0; i < o->n; i++) {
		if (str_eq(o->config->issuers[i].issuer, issuer)) {
			return &o->issuers[i];
		}
	}
	return NULL;
}

static struct oauth_issuer *issuer_to_ask(struct oauth *o)
{
	for (size_t i = 0; i < o->n; i++) {
		if (o->issuers[i].ask.made) {
			return &o->issuers[i];
		}
	}
	return NULL;
}

static bool has_type(const struct config_issuer *is, const struct oauth_jwt *t)
{
	for (size_t i = 0; i < is->types.n; i++) {
		if (oauth_jwt_type_is(t, is->types.items[i])) {
			return true;
		}
	}
	return false;
}

/* The signature is good: what the token says counts. */
static enum judgement take_claims(struct oauth_issuer *is, struct arena *a,
				  const struct oauth_jwt *t, const uint8_t digest[SHA256_LEN],
				  struct caller **ret)
{
	struct oauth *o = is->oauth;
	struct oauth_claims c;
	struct err err;
	enum err_code code = oauth_jwt_claims(a, t, &c, &err);

	if (!code && !c.issuer.p) {
		code = ERR(&err, ERR_DENIED, "it does not say who issued it");
	}
	code = code ? code : check_claims(is, &c, &err);
	if (code) {
		oauth_say(o, is->config, "a token is refused", &err);
		return TOKEN_REFUSED;
	}
	*ret = callers_add(&o->callers, o->config, is->index, digest, &c, until_of(o, c.expires),
			   o->gate->loop.real);
	return *ret ? TOKEN_GOOD : TOKEN_UNAVAILABLE;
}

static enum judgement verify(struct oauth_issuer *is, struct arena *a, const struct oauth_jwt *t,
			     const uint8_t digest[SHA256_LEN], struct caller **ret)
{
	struct err err;

	if (!oauth_keys_usable(is)) {
		return TOKEN_NEEDS_KEYS;
	}
	switch (oauth_keys_verify(&is->keys, t)) {
	case OAUTH_VERIFIED:
		return take_claims(is, a, t, digest, ret);
	case OAUTH_UNKNOWN_KEY:
		return TOKEN_NEEDS_KEYS;
	case OAUTH_FORGED:
		break;
	}
	err_ignore(ERR(&err, ERR_DENIED, "no key of its issuer verifies it"));
	oauth_say(is->oauth, is->config, "a token is refused", &err);
	return TOKEN_REFUSED;
}

static enum judgement judge_signed(struct oauth *o, struct arena *a, struct str token,
				   const uint8_t digest[SHA256_LEN], struct oauth_issuer **ret_is,
				   struct caller **ret)
{
	struct oauth_issuer *is;
	struct oauth_jwt t;
	struct str issuer;
	struct err err;

	if (oauth_jwt_read(a, token, &t, &err) || oauth_jwt_issuer(a, &t, &issuer, &err)) {
		oauth_say(o, &o->config->issuers[0], "a token is refused", &err);
		return TOKEN_REFUSED;
	}
	is = oauth_issuer_of(o, issuer);
	if (!is) {
		return TOKEN_REFUSED;
	}
	*ret_is = is;
	if (!is->fetch.made && !is->has_keys) {
		return is->ask.made ? TOKEN_NEEDS_ANSWER : TOKEN_REFUSED;
	}
	if (!oauth_has_text(is->config->algorithms.items, is->config->algorithms.n,
			    jws_alg_name(t.alg)) ||
	    !has_type(is->config, &t)) {
		err_ignore(ERR(&err, ERR_DENIED, "its algorithm or its type is not accepted"));
		oauth_say(o, is->config, "a token is refused", &err);
		return TOKEN_REFUSED;
	}
	/* Keys that are still good are fetched anew beside; a file changes with a reload. */
	if (is->fetch.made && is->has_keys &&
	    o->gate->loop.now - is->keys_at > KEYS_FRESH_SECONDS * CLOCK_SEC) {
		(void)oauth_fetch_keys(is);
	}
	return verify(is, a, &t, digest, ret);
}

/* b64token of RFC 6750 section 2.1. */
static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    !memchr("-._~+/=", c, 7)) {
			return false;
		}
	}
	return s.n > 0 && s.n <= OAUTH_TOKEN_MAX;
}

static enum judgement judge(struct exchange *x, struct str token, const uint8_t digest[SHA256_LEN],
			    struct oauth_issuer **ret_is, struct caller **ret)
{
	struct oauth *o = x->gate->oauth;

	*ret = callers_find(&o->callers, digest, x->gate->loop.real);
	if (*ret) {
		(void)caller_ref(*ret);
		return TOKEN_GOOD;
	}
	if (oauth_jwt_is(token)) {
		return judge_signed(o, &x->req->arena, token, digest, ret_is, ret);
	}
	*ret_is = issuer_to_ask(o);
	return *ret_is ? TOKEN_NEEDS_ANSWER : TOKEN_REFUSED;
}

/* ---- what comes of it ---- */

/* Below /mcp/ is what the address of the resource is followed by; all else is the resource. */
static bool is_for_place(const struct caller *c, const struct oauth *o, struct str path)
{
	struct str resource = o->config->resource.text;
	struct str below = str_starts_with(path, STR("/mcp/")) ? str_from(path, 4) : STR("");

	for (size_t i = 0; i < c->n_places && below.n; i++) {
		struct str place = c->places[i];

		if (str_starts_with(place, resource) &&
		    str_eq(str_from(place, resource.n), below)) {
			return true;
		}
	}
	return c->everywhere;
}

/* The caller's reference becomes the request's. True: it may go on. */
static bool admit(struct exchange *x, struct caller *c)
{
	x->caller = c;
	x->agent = c->agent;
	if (!is_for_place(c, x->gate->oauth, x->req->head.path)) {
		oauth_unauthorized(x, true);
		return false;
	}
	if (!c->scoped) {
		oauth_respond(x, 403, oauth_step_up(x, STR("")),
			      STR("This token has not the scopes that Writ needs.\n"));
		return false;
	}
	return true;
}

static void wait_end(struct oauth_wait *w)
{
	timer_stop(&w->deadline);
	oauth_ask_forget(w);
	list_remove(&w->node);
	w->issuer->n_waiting--;
	w->x->waits = NULL;
}

/* What waited goes on, or is answered. */
static void settle(struct oauth_wait *w, enum judgement j, struct caller *c)
{
	struct exchange *x = w->x;

	wait_end(w);
	http_body_pause(x->req, false);
	if (j == TOKEN_GOOD) {
		if (admit(x, c)) {
			exchange_identified(x);
		}
	} else if (j == TOKEN_REFUSED) {
		oauth_unauthorized(x, true);
	} else {
		oauth_unavailable(x);
	}
}

static void on_deadline(struct timer *t)
{
	settle(CONTAINER_OF(t, struct oauth_wait, deadline), TOKEN_UNAVAILABLE, NULL);
}

/* The body waits where it is: another gate may be the one to read it. */
static bool wait_for(struct exchange *x, struct oauth_issuer *is, struct str token,
		     const uint8_t digest[SHA256_LEN], bool ask)
{
	struct oauth_wait *w = is->n_waiting < OAUTH_WAITING_MAX
				       ? ARENA_NEW(&x->req->arena, struct oauth_wait)
				       : NULL;

	if (!w) {
		return false;
	}
	w->x = x;
	w->issuer = is;
	w->token = token;
	memcpy(w->digest, digest, SHA256_LEN);
	w->deadline.on_timeout = on_deadline;
	loop_timer_set(&x->gate->loop, &w->deadline, OAUTH_WAIT_SECONDS * CLOCK_SEC);
	list_append(&is->waiting, &w->node);
	is->n_waiting++;
	x->waits = w;
	http_body_pause(x->req, true);
	if (ask) {
		oauth_ask(w);
	}
	return true;
}

bool oauth_identify(struct exchange *x, struct str token)
{
	struct oauth_issuer *is = NULL;
	struct caller *c = NULL;
	uint8_t digest[SHA256_LEN];
	enum judgement j;

	if (!is_token(token)) {
		oauth_unauthorized(x, true);
		return false;
	}
	sha256_of(token, digest);
	j = judge(x, token, digest, &is, &c);
	switch (j) {
	case TOKEN_GOOD:
		return admit(x, c);
	case TOKEN_REFUSED:
		oauth_unauthorized(x, true);
		return false;
	case TOKEN_NEEDS_KEYS:
		if (oauth_fetch_keys(is)) {
			if (!wait_for(x, is, token, digest, false)) {
				oauth_unavailable(x);
			}
		} else if (oauth_keys_usable(is)) {
			oauth_unauthorized(x, true); /* asked often enough: nobody knows that key */
		} else {
			oauth_unavailable(x);
		}
		return false;
	case TOKEN_NEEDS_ANSWER:
		if (!wait_for(x, is, token, digest, true)) {
			oauth_unavailable(x);
		}
		return false;
	case TOKEN_UNAVAILABLE:
		break;
	}
	oauth_unavailable(x);
	return false;
}

/* Settling one may do anything to the list but take others off it twice: begin anew each time. */
static struct oauth_wait *first_for_keys(const struct oauth_issuer *is)
{
	LIST_FOREACH (node, (struct list *)(uintptr_t)&is->waiting) {
		struct oauth_wait *w = CONTAINER_OF(node, struct oauth_wait, node);

		if (!w->asks) {
			return w;
		}
	}
	return NULL;
}

void oauth_keys_came(struct oauth_issuer *is)
{
	struct oauth_wait *w;

	while ((w = first_for_keys(is))) {
		struct oauth_issuer *same = NULL;
		struct caller *c = NULL;
		enum judgement j = judge(w->x, w->token, w->digest, &same, &c);

		/* There was a fetch just now: what is unknown after it is refused. */
		if (j == TOKEN_NEEDS_KEYS) {
			j = oauth_keys_usable(is) ? TOKEN_REFUSED : TOKEN_UNAVAILABLE;
		}
		settle(w, j, c);
	}
}

/* RFC 7662 section 2.2: what is not active is nothing, and nothing else of it is told. */
static enum err_code read_answer(struct oauth_wait *w, struct str text, struct oauth_claims *ret,
				 struct err *err)
{
	const struct json_opts limits = {.name = STR("answer"),
					 .max_depth = OAUTH_JSON_DEPTH,
					 .max_nodes = OAUTH_JSON_NODES,
					 .max_bytes = OAUTH_ANSWER_MAX};
	struct oauth *o = w->issuer->oauth;
	struct arena *a = &w->x->req->arena;
	struct str own = arena_dup(a, text);
	const struct json *root, *active;

	if (!own.p) {
		return ERR(err, ERR_NOMEM, "no memory for an answer");
	}
	TRY(json_parse(a, own, &limits, &root, err));
	active = json_get(root, STR("active"));
	if (!json_is_bool(active) || !active->boolean) {
		return ERR(err, ERR_DENIED, "it is not active");
	}
	TRY(oauth_claims_read(a, root, ret, err));
	if (ret->type.p && !str_ieq(ret->type, STR("Bearer"))) {
		return ERR(err, ERR_DENIED, "it is no bearer token");
	}
	if (ret->expires == 0) { /* the answer does not have to say; it holds no longer than this */
		ret->expires = now_seconds(o->gate) + o->config->cache_ns / CLOCK_SEC + 1;
	}
	return check_claims(w->issuer, ret, err);
}

void oauth_asked(struct oauth_wait *w, struct str answer)
{
	struct oauth_issuer *is = w->issuer;
	struct oauth *o = is->oauth;
	uint64_t now = o->gate->loop.real, until;
	struct caller *c = NULL;
	struct oauth_claims claims;
	struct err err;

	if (answer.n == 0) {
		settle(w, TOKEN_UNAVAILABLE, NULL);
		return;
	}
	if (read_answer(w, answer, &claims, &err)) {
		oauth_say(o, is->config, "a token is refused", &err);
		settle(w, TOKEN_REFUSED, NULL);
		return;
	}
	until = until_of(o, claims.expires);
	until = until < now + o->config->cache_ns ? until : now + o->config->cache_ns;
	c = callers_add(&o->callers, o->config, is->index, w->digest, &claims, until, now);
	settle(w, c ? TOKEN_GOOD : TOKEN_UNAVAILABLE, c);
}

void oauth_end(struct exchange *x)
{
	if (x->waits) {
		wait_end(x->waits);
	}
	caller_unref(x->caller);
	x->caller = NULL;
}

void oauth_give_up(struct oauth_issuer *is)
{
	while (!list_empty(&is->waiting)) {
		settle(CONTAINER_OF(is->waiting.next, struct oauth_wait, node), TOKEN_UNAVAILABLE,
		       NULL);
	}
}
