/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins of people, as a grantor sees them. Nothing is remembered here: what was asked, and what was got, goes to
 * the connector sealed, bound to the server's id and address, and comes back with the next step.
 */
#include "base/clock.h"
#include "crypto/box.h"
#include "ipc/frame.h"
#include "oauth/exchange.h"
#include "proc/grantor_priv.h"
#include "proc/grants.h"
#include "proc/role.h"
#include "json/write.h"

enum {
	SEALED_MAX = OAUTH_LOGIN_BYTES + BOX_OVERHEAD,
	CONSENT_SECONDS = 600,
	STATUS_OK = 200,
	STATUS_BAD_REQUEST = 400,
};

/* What is asked for and what is kept never pass for each other, nor for another server's. */
static struct str bound_to(struct dance *d, const char *what)
{
	return arena_printf(&d->arena, "writ login 1 %s%s\n" STR_FMT "\n" STR_FMT, what,
			    dance_at_idp(d) ? " idp" : "", STR_ARG(d->server->id),
			    STR_ARG(d->server->url.text));
}

static enum err_code key_of(struct dance *d, const uint8_t **ret, struct err *err)
{
	struct str key;

	TRY(dance_file(d, STR(ROLE_LOGIN_KEY), &key, err));
	*ret = (const uint8_t *)key.p;
	return key.n == BOX_KEY_LEN
		       ? ERR_OK
		       : ERR(err, ERR_INVALID, "login.key in the state directory is no key");
}

static enum err_code seal(struct dance *d, const char *what, const struct oauth_login *l,
			  struct buf *to, struct err *err)
{
	const uint8_t *key;
	struct buf plain;
	enum err_code code;

	TRY(key_of(d, &key, err));
	buf_init(&plain, OAUTH_LOGIN_BYTES);
	code = oauth_login_write(l, &plain, err);
	if (!code) {
		box_seal(key, bound_to(d, what), buf_str(&plain), to);
	}
	grantor_wipe(&plain);
	return code || !to->failed ? code : ERR(err, ERR_LIMIT, "the login is too long");
}

static enum err_code unseal(struct dance *d, const char *what, struct str sealed,
			    struct oauth_login *ret, struct err *err)
{
	const uint8_t *key;
	struct buf plain;
	enum err_code code;

	TRY(key_of(d, &key, err));
	buf_init(&plain, SEALED_MAX);
	code = box_open(key, bound_to(d, what), sealed, &plain, err);
	code = code ? code
		    : oauth_login_read(&d->arena, arena_dup(&d->arena, buf_str(&plain)), ret, err);
	grantor_wipe(&plain);
	return code;
}

static enum err_code log_in(struct dance *d, const char *why, struct err *err)
{
	d->needs_login = true;
	return ERR(err, ERR_DENIED, "%s: run: writ login " STR_FMT, why, STR_ARG(d->server->id));
}

/* ---- as which client ---- */

static bool is_configured(const struct dance *d, const struct oauth_login *l)
{
	const struct config_grant *own = d->grant;

	return own->client_id.n && str_eq(own->client_id, l->client);
}

static enum err_code client_of(struct dance *d, const struct oauth_login *l,
			       struct oauth_client *ret, struct jws_signer **signer,
			       struct err *err)
{
	if (is_configured(d, l)) {
		TRY(dance_client(d, ret, signer, err));
	} else {
		*ret = (struct oauth_client){.id = l->client, .secret = l->secret};
	}
	ret->method = l->method;
	return ERR_OK;
}

/* One request as the client of this login. */
static enum err_code ask(struct dance *d, const struct oauth_login *l, struct oauth_request *r,
			 struct str endpoint, struct fetch_answer *ret, struct err *err)
{
	const struct oauth_server of = {.issuer = l->issuer};
	struct oauth_client client = {0};
	struct jws_signer *signer = NULL;
	enum err_code code = client_of(d, l, &client, &signer, err);

	r->client = &client;
	r->server = &of;
	code = code ? code : dance_ask(d, r, endpoint, ret, err);
	jws_signer_free(signer);
	return code;
}

static enum err_code register_client(struct dance *d, struct oauth_login *l, struct err *err)
{
	struct fetch_answer answer;
	struct buf body;
	enum err_code code;

	buf_init(&body, 8 << 10);
	oauth_registration_write(&body, &d->from, l->redirect, l->scope);
	code = body.failed ? ERR(err, ERR_LIMIT, "the registration is too long")
			   : dance_post(d, d->from.registration, STR("application/json"),
					buf_str(&body), STR(""), &answer, err);
	buf_done(&body);
	return code ? code
		    : oauth_registration_read(&d->arena, answer.status, answer.body, &d->from, l,
					      err);
}

/* The one that is configured, one whose id says who it is, or one that registers itself now. */
static enum err_code choose_client(struct dance *d, struct oauth_login *l, struct err *err)
{
	const struct config_grant *own = d->grant;
	struct oauth_client client = {0};
	struct jws_signer *signer = NULL;

	if (own->client_id.n) {
		TRY(dance_client(d, &client, &signer, err));
		l->client = client.id;
		l->method = oauth_method_choose(&client, &d->from);
		jws_signer_free(signer);
		return l->method ? ERR_OK
				 : ERR(err, ERR_UNSUPPORTED,
				       "the authorization server takes no proof that is configured "
				       "(a secret, a key)");
	}
	if (own->client_metadata.n && d->from.reads_client) {
		l->client = own->client_metadata;
		l->method = OAUTH_METHOD_NONE;
		return ERR_OK;
	}
	return d->from.registration.n
		       ? register_client(d, l, err)
		       : ERR(err, ERR_UNSUPPORTED,
			     "the authorization server registers no clients: get a client id from "
			     "it and write it into the configuration (oauth: client_id)");
}

/* ---- beginning ---- */

static struct str joined(struct arena *a, const struct str *items, size_t n)
{
	struct str all = STR("");

	for (size_t i = 0; i < n; i++) {
		all = oauth_scopes_join(a, all, items[i]);
	}
	return all;
}

/*
 * What was asked for before and what was refused since; the first time what is configured, what the server asks
 * for, or all that it knows. A token to refresh with where there are some.
 */
static struct str scopes_to_ask(struct dance *d, const struct login_begin *in)
{
	const struct config_strs *own = &d->grant->scopes;
	struct arena *a = &d->arena;
	struct oauth_login before = {0};
	struct str scope;

	if (in->kept.n && unseal(d, "kept", in->kept, &before, NULL) == ERR_OK &&
	    str_eq(before.issuer, d->from.issuer)) {
		scope = oauth_scopes_join(a, before.scope, d->wanted.scope);
	} else if (own->n) {
		scope = joined(a, own->items, own->n);
	} else {
		scope = d->wanted.scope.n ? oauth_scopes_join(a, d->wanted.scope, STR(""))
					  : joined(a, d->resource.scopes, d->resource.n_scopes);
	}
	scope = oauth_scopes_join(a, scope, in->scope);
	scope = dance_at_idp(d) ? oauth_scopes_join(a, STR("openid"), scope) : scope;
	return d->from.offline ? oauth_scopes_join(a, scope, STR("offline_access")) : scope;
}

static void begin_text(struct json_writer *w, const struct oauth_login *l, struct str url,
		       uint64_t seconds)
{
	json_w_object(w);
	json_w_member_str(w, STR("url"), url);
	json_w_member_str(w, STR("issuer"), l->issuer);
	json_w_member_str(w, STR("scope"), l->scope);
	json_w_member_u64(w, STR("seconds"), seconds);
}

static enum err_code begin_browser(struct dance *d, struct oauth_login *l, struct buf *text,
				   struct err *err)
{
	uint8_t random[OAUTH_STATE_BYTES + OAUTH_PKCE_BYTES];
	struct json_writer w = json_writer(text);
	struct config_url url;
	struct buf to;

	if (!d->from.authorize.n) {
		return ERR(err, ERR_UNSUPPORTED,
			   "the authorization server has no authorization endpoint: try --device");
	}
	if (!d->from.s256) {
		return ERR(err, ERR_DENIED,
			   "the authorization server does not offer PKCE with S256, so an answer "
			   "could be used by who intercepts it");
	}
	TRY(dance_url(d, d->from.authorize, &url, err));
	rand_bytes(random, sizeof(random));
	oauth_login_begin(&d->arena, random, l);
	buf_init(&to, 8 << 10);
	oauth_consent_write(&to, d->from.authorize, l);
	text->failed |= to.failed;
	begin_text(&w, l, buf_str(&to), CONSENT_SECONDS);
	json_w_end(&w);
	buf_done(&to);
	return ERR_OK;
}

static enum err_code begin_device(struct dance *d, struct oauth_login *l, struct buf *text,
				  struct err *err)
{
	struct json_writer w = json_writer(text);
	struct oauth_request r = {
		.ask = OAUTH_ASK_DEVICE_CODE,
		.resource = l->resource,
		.scopes = &l->scope,
		.n_scopes = l->scope.n > 0,
	};
	struct fetch_answer answer;
	struct oauth_device device;
	struct config_url url;

	TRY(ask(d, l, &r, d->from.device, &answer, err));
	if (answer.status != STATUS_OK) {
		return ERR(err, ERR_DENIED,
			   "the authorization server gives no device code: %d " STR_FMT,
			   answer.status, STR_ARG(oauth_refusal_read(&d->arena, answer.body)));
	}
	TRY(oauth_device_read(&d->arena, answer.body, &device, err));
	TRY(dance_url(d, device.url, &url, err));
	if (device.complete.n) {
		TRY(dance_url(d, device.complete, &url, err));
	}
	l->device = device.device;
	begin_text(&w, l, device.complete.n ? device.complete : device.url, device.seconds);
	json_w_member_str(&w, STR("code"), device.user);
	json_w_member_u64(&w, STR("interval"), device.interval);
	json_w_end(&w);
	return ERR_OK;
}

/* The answer comes back to this machine, to the command that waits for it, or nowhere. */
static enum err_code check_redirect(struct dance *d, struct str redirect, struct err *err)
{
	struct config_url url;

	TRY(config_url_parse(&d->arena, redirect, &url, err));
	return url.loopback && url.ip && !url.tls
		       ? ERR_OK
		       : ERR(err, ERR_DENIED, "the redirect does not lead to this machine");
}

enum err_code login_begin(struct dance *d, const struct login_begin *in, struct buf *asked,
			  struct buf *text, struct err *err)
{
	struct oauth_login l = {.redirect = in->redirect};

	if (in->redirect.n) {
		TRY(check_redirect(d, in->redirect, err));
	}
	TRY(dance_open(d, err));
	TRY(dance_at_idp(d) ? dance_server(d, d->grant->issuer, err)
			    : dance_find(d, in->challenge, err));
	if (!in->redirect.n && !d->from.device.n) {
		return ERR(err, ERR_UNSUPPORTED,
			   "the authorization server gives no device codes: log in without "
			   "--device");
	}
	l.issuer = d->from.issuer;
	l.token_endpoint = d->from.token_endpoint;
	l.revocation = d->from.revocation;
	l.says_issuer = d->from.says_issuer;
	l.resource = d->resource.resource;
	l.scope = scopes_to_ask(d, in);
	TRY(choose_client(d, &l, err));
	TRY((in->redirect.n ? begin_browser : begin_device)(d, &l, text, err));
	TRY(seal(d, "asked", &l, asked, err));
	return text->failed ? ERR(err, ERR_LIMIT, "the address to log in at is too long") : ERR_OK;
}

/* ---- tokens ---- */

/* The key set of an identity provider, which verifies its ID tokens. Nothing of others, whose tokens are opaque. */
static enum err_code get_keys(struct dance *d, const struct oauth_login *l, struct str *ret,
			      struct err *err)
{
	struct fetch_answer answer;

	*ret = STR("");
	if (!dance_at_idp(d)) {
		return ERR_OK;
	}
	TRY(dance_server(d, l->issuer, err));
	if (!d->from.keys.n) {
		return ERR(err, ERR_UNSUPPORTED,
			   "the identity provider does not say which keys are its own (jwks_uri)");
	}
	TRY(dance_get(d, d->from.keys, &answer, err));
	*ret = answer.body;
	return answer.status == STATUS_OK
		       ? ERR_OK
		       : ERR(err, ERR_INVALID, "the identity provider does not give its keys: %d",
			     answer.status);
}

static enum err_code read_tokens(struct dance *d, const struct oauth_login *l, struct str keys,
				 const struct fetch_answer *answer, uint64_t now,
				 struct oauth_token *ret, struct err *err)
{
	struct arena *a = &d->arena;

	if (!dance_at_idp(d)) {
		return oauth_token_read(a, answer->status, answer->body, ret, err);
	}
	TRY(oauth_id_token_read(a, answer->status, answer->body, l->issuer, l->client, now, ret,
				err));
	return oauth_id_token_verify(a, ret->token, keys, l->access, err);
}

/* They are kept before they are used: a token to refresh with is often good for once. */
static enum err_code take(struct dance *d, struct oauth_login *l, struct str keys,
			  const struct fetch_answer *answer, struct oauth_token *ret,
			  struct err *err)
{
	uint64_t now = clock_real() / CLOCK_SEC;
	struct buf sealed;
	enum err_code code;

	TRY(read_tokens(d, l, keys, answer, now, ret, err));
	l->access = ret->token;
	l->until = ret->seconds ? now + ret->seconds : 0;
	l->refresh = ret->refresh.n ? ret->refresh : l->refresh;
	l->redirect = l->state = l->verifier = l->device = STR("");
	buf_init(&sealed, SEALED_MAX);
	code = seal(d, "kept", l, &sealed, err);
	if (!code && !grantor_keep(d->g, buf_str(&sealed))) {
		code = ERR(err, ERR_CLOSED,
			   "the login cannot be kept in the state directory: see the log");
	}
	buf_done(&sealed);
	return code;
}

static bool is_waiting(struct dance *d, const struct fetch_answer *answer, uint32_t *ret)
{
	struct str word = answer->status == STATUS_BAD_REQUEST
				  ? oauth_refusal_read(&d->arena, answer->body)
				  : STR("");

	*ret = str_eq(word, STR("authorization_pending")) ? 1
	       : str_eq(word, STR("slow_down"))           ? 5
							  : 0;
	return *ret > 0;
}

enum err_code login_finish(struct dance *d, struct str asked, struct str query,
			   struct oauth_token *ret, uint32_t *ret_wait, struct err *err)
{
	struct oauth_request r = {0};
	struct fetch_answer answer;
	struct oauth_login l;
	struct str keys;

	TRY(unseal(d, "asked", asked, &l, err));
	r.resource = l.resource;
	if (l.device.n) {
		r.ask = OAUTH_ASK_DEVICE;
		r.code = l.device;
	} else {
		r.ask = OAUTH_ASK_CODE;
		r.redirect = l.redirect;
		r.verifier = l.verifier;
		TRY(oauth_consent_read(&d->arena, query, &l, &r.code, err));
	}
	TRY(dance_open(d, err));
	TRY(ask(d, &l, &r, l.token_endpoint, &answer, err));
	if (l.device.n && is_waiting(d, &answer, ret_wait)) {
		return ERR_OK;
	}
	TRY(get_keys(d, &l, &keys, err));
	return take(d, &l, keys, &answer, ret, err);
}

static enum err_code refresh(struct dance *d, struct oauth_login *l, struct oauth_token *ret,
			     struct err *err)
{
	struct oauth_request r = {
		.ask = OAUTH_ASK_REFRESH, .code = l->refresh, .resource = l->resource};
	struct fetch_answer answer;
	struct str keys;

	/* First: what comes back may be good for once, and is not to be lost for want of them. */
	TRY(get_keys(d, l, &keys, err));
	TRY(ask(d, l, &r, l->token_endpoint, &answer, err));
	if (answer.status != STATUS_OK &&
	    str_eq(oauth_refusal_read(&d->arena, answer.body), STR("invalid_grant"))) {
		(void)grantor_keep(d->g, STR("")); /* it is good for nothing any more */
		return log_in(d, "the login has ended (invalid_grant)", err);
	}
	return take(d, l, keys, &answer, ret, err);
}

/* What is configured may have changed since; then the login is of somebody else. */
static bool is_of_configuration(const struct dance *d, const struct oauth_login *l)
{
	const struct config_grant *own = d->grant;

	return (!own->issuer.n || str_eq(own->issuer, l->issuer)) &&
	       (!own->client_id.n || str_eq(own->client_id, l->client));
}

enum err_code login_token(struct dance *d, struct str kept, bool refused, struct oauth_token *ret,
			  struct err *err)
{
	uint64_t now = clock_real() / CLOCK_SEC;
	uint64_t ahead = now + GRANT_AHEAD_SECONDS + FETCH_SECONDS;
	struct oauth_login l;

	if (!kept.n) {
		return log_in(d, "nobody has logged in there", err);
	}
	if (unseal(d, "kept", kept, &l, err)) {
		return log_in(d, "the login that is kept is not of this server, or was changed",
			      err);
	}
	if (!is_of_configuration(d, &l)) {
		return log_in(d, "the configuration names another issuer or client than the login",
			      err);
	}
	if (!refused && l.access.n && (!l.until || l.until > (l.refresh.n ? ahead : now))) {
		*ret = (struct oauth_token){.token = l.access,
					    .seconds = l.until ? l.until - now : 0};
		return ERR_OK;
	}
	if (!l.refresh.n) {
		return log_in(d, "the login has ended", err);
	}
	TRY(dance_open(d, err));
	if (refused) {
		/* It may have another authorization server now, which is not to get what is this one's. */
		TRY(dance_find(d, STR(""), err));
		if (!str_eq(d->from.issuer, l.issuer)) {
			return log_in(d, "the server has another authorization server now", err);
		}
	}
	return refresh(d, &l, ret, err);
}

/* ---- leaving ---- */

enum err_code login_leave(struct dance *d, struct str kept, struct str *ret, struct err *err)
{
	struct oauth_request r = {0};
	struct fetch_answer answer;
	struct oauth_login l;

	*ret = STR("the authorization server does not take tokens back: it forgets them in time");
	if (!kept.n) {
		return ERR(err, ERR_NOT_FOUND, "nobody has logged in there");
	}
	if (unseal(d, "kept", kept, &l, err)) {
		*ret = STR("what was kept could not be read, so nothing was taken back");
		return ERR_OK;
	}
	if (!l.revocation.n) {
		return ERR_OK;
	}
	r.ask = l.refresh.n ? OAUTH_ASK_REVOKE : OAUTH_ASK_REVOKE_ACCESS;
	r.code = l.refresh.n ? l.refresh : l.access;
	if (dance_open(d, err) || ask(d, &l, &r, l.revocation, &answer, err)) {
		*ret = arena_printf(&d->arena, "the authorization server was not told: %s",
				    err->msg);
	} else if (answer.status == STATUS_OK) {
		*ret = STR("the authorization server has taken the tokens back");
	} else {
		*ret = arena_printf(&d->arena,
				    "the authorization server did not take the tokens back: %d",
				    answer.status);
	}
	return ERR_OK;
}
