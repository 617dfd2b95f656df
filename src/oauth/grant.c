/* SPDX-License-Identifier: Apache-2.0 */
#include "oauth/grant.h"

#include "base/hex.h"
#include "crypto/secret.h"
#include "oauth/jwt.h"
#include "json/write.h"

enum { ASSERTION_MAX = 8192, HELD_MAX = 31 * 86400 };

void oauth_form_append(struct buf *to, struct str text)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] && strchr(plain, text.p[i])) {
			buf_append_c(to, text.p[i]);
		} else {
			buf_append_c(to, '%');
			hex_append(to, &text.p[i], 1);
		}
	}
}

static void member(struct buf *to, struct str name, struct str value)
{
	buf_append(to, buf_len(to) ? STR("&") : STR(""));
	buf_append(to, name);
	buf_append_c(to, '=');
	oauth_form_append(to, value);
}

static void wipe(struct buf *b)
{
	if (b->p) {
		secret_wipe(b->p, b->cap);
	}
	buf_done(b);
}

static void put_basic(struct buf *to, const struct oauth_client *c)
{
	struct buf pair;

	buf_init(&pair, ASSERTION_MAX);
	oauth_form_append(&pair, c->id);
	buf_append_c(&pair, ':');
	oauth_form_append(&pair, c->secret);
	buf_append(to, STR("Basic "));
	base64_append(to, buf_str(&pair).p, buf_len(&pair));
	to->failed |= pair.failed;
	wipe(&pair);
}

/* A token of our own, for this server, for a minute, once (RFC 7523 section 3). */
static enum err_code put_assertion(struct buf *to, const struct oauth_request *r, struct err *err)
{
	const struct oauth_client *c = r->client;
	struct buf json, signature;
	struct json_writer w;
	char nonce[2 * sizeof(r->nonce)];
	enum err_code code;

	buf_init(&json, ASSERTION_MAX);
	buf_init(&signature, JWS_SIGNATURE_MAX);
	w = json_writer(&json);
	json_w_object(&w);
	json_w_member_str(&w, STR("alg"), jws_alg_name(jws_signer_alg(c->signer)));
	json_w_member_str(&w, STR("typ"), STR("JWT"));
	if (c->key_id.n) {
		json_w_member_str(&w, STR("kid"), c->key_id);
	}
	json_w_end(&w);
	base64url_append(to, buf_str(&json).p, buf_len(&json));
	buf_append_c(to, '.');
	buf_clear(&json);
	hex_write(nonce, r->nonce, sizeof(r->nonce));
	w = json_writer(&json);
	json_w_object(&w);
	json_w_member_str(&w, STR("iss"), c->id);
	json_w_member_str(&w, STR("sub"), c->id);
	json_w_member_str(&w, STR("aud"), r->server->issuer);
	json_w_member_str(&w, STR("jti"), str_make(nonce, sizeof(nonce)));
	json_w_member_u64(&w, STR("iat"), r->now);
	json_w_member_u64(&w, STR("exp"), r->now + OAUTH_ASSERTION_SECONDS);
	json_w_end(&w);
	base64url_append(to, buf_str(&json).p, buf_len(&json));
	code = to->failed || json.failed ? ERR(err, ERR_LIMIT, "a client's name is too long")
					 : jws_sign(c->signer, buf_str(to), &signature, err);
	buf_append_c(to, '.');
	base64url_append(to, buf_str(&signature).p, buf_len(&signature));
	buf_done(&json);
	wipe(&signature);
	return code;
}

static const struct str methods[OAUTH_METHOD_MAX] = {
	[OAUTH_METHOD_KEY] = STR_INIT("private_key_jwt"),
	[OAUTH_METHOD_BASIC] = STR_INIT("client_secret_basic"),
	[OAUTH_METHOD_POST] = STR_INIT("client_secret_post"),
	[OAUTH_METHOD_NONE] = STR_INIT("none"),
};

struct str oauth_method_name(enum oauth_method m)
{
	return methods[m];
}

enum oauth_method oauth_method_by_name(struct str name)
{
	enum oauth_method m = OAUTH_METHOD_NONE;

	while (m > OAUTH_METHOD_ANY && !str_eq(methods[m], name)) {
		m--;
	}
	return m;
}

enum oauth_method oauth_method_choose(const struct oauth_client *c, const struct oauth_server *s)
{
	return c->method                         ? c->method
	       : c->signer && s->private_key_jwt ? OAUTH_METHOD_KEY
	       : c->secret.n && s->basic         ? OAUTH_METHOD_BASIC
	       : c->secret.n && s->post          ? OAUTH_METHOD_POST
	       : !c->signer && !c->secret.n      ? OAUTH_METHOD_NONE
						 : OAUTH_METHOD_ANY;
}

static enum err_code put_proof(const struct oauth_request *r, struct buf *body,
			       struct buf *authorization, struct err *err)
{
	const struct oauth_client *c = r->client;
	enum oauth_method method = oauth_method_choose(c, r->server);
	struct buf assertion;
	enum err_code code;

	if ((method == OAUTH_METHOD_KEY && !c->signer) ||
	    ((method == OAUTH_METHOD_BASIC || method == OAUTH_METHOD_POST) && !c->secret.n)) {
		method = OAUTH_METHOD_ANY; /* what proved it is gone */
	}
	switch (method) {
	case OAUTH_METHOD_KEY:
		buf_init(&assertion, ASSERTION_MAX);
		code = put_assertion(&assertion, r, err);
		member(body, STR("client_assertion_type"),
		       STR("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
		member(body, STR("client_assertion"), buf_str(&assertion));
		member(body, STR("client_id"), c->id);
		wipe(&assertion);
		return code;
	case OAUTH_METHOD_BASIC:
		put_basic(authorization, c);
		return ERR_OK;
	case OAUTH_METHOD_POST:
		member(body, STR("client_id"), c->id);
		member(body, STR("client_secret"), c->secret);
		return ERR_OK;
	case OAUTH_METHOD_NONE:
		member(body, STR("client_id"), c->id);
		return ERR_OK;
	case OAUTH_METHOD_ANY:
	case OAUTH_METHOD_MAX:
		break;
	}
	return ERR(err, ERR_UNSUPPORTED,
		   "the authorization server takes no proof that is configured (a secret, a key)");
}

static void put_optional(struct buf *to, struct str name, struct str value)
{
	if (value.n) {
		member(to, name, value);
	}
}

static void put_scopes(struct buf *to, const struct oauth_request *r)
{
	struct buf scope;

	buf_init(&scope, OAUTH_SCOPES_MAX * (OAUTH_SCOPE_MAX + 1));
	for (size_t i = 0; i < r->n_scopes; i++) {
		buf_append(&scope, i ? STR(" ") : STR(""));
		buf_append(&scope, r->scopes[i]);
	}
	put_optional(to, STR("scope"), buf_str(&scope));
	to->failed |= scope.failed;
	buf_done(&scope);
}

enum err_code oauth_request_write(const struct oauth_request *r, struct buf *body,
				  struct buf *authorization, struct err *err)
{
	static const struct {
		struct str grant, code, hint;
	} asks[] = {
		[OAUTH_ASK_CREDENTIALS] = {.grant = STR_INIT("client_credentials")},
		[OAUTH_ASK_CODE] = {.grant = STR_INIT("authorization_code"),
				    .code = STR_INIT("code")},
		[OAUTH_ASK_REFRESH] = {.grant = STR_INIT("refresh_token"),
				       .code = STR_INIT("refresh_token")},
		[OAUTH_ASK_DEVICE] = {.grant = STR_INIT(OAUTH_DEVICE_GRANT),
				      .code = STR_INIT("device_code")},
		[OAUTH_ASK_DEVICE_CODE] = {.code = {0}},
		[OAUTH_ASK_REVOKE] = {.code = STR_INIT("token"), .hint = STR_INIT("refresh_token")},
		[OAUTH_ASK_REVOKE_ACCESS] = {.code = STR_INIT("token"),
					     .hint = STR_INIT("access_token")},
		[OAUTH_ASK_EXCHANGE] = {.grant = STR_INIT("urn:ietf:params:oauth:grant-type:"
							  "token-exchange"),
					.code = STR_INIT("subject_token")},
		[OAUTH_ASK_ASSERTION] = {.grant = STR_INIT("urn:ietf:params:oauth:grant-type:"
							   "jwt-bearer"),
					 .code = STR_INIT("assertion")},
	};

	put_optional(body, STR("grant_type"), asks[r->ask].grant);
	if (asks[r->ask].code.n) {
		member(body, asks[r->ask].code, r->code);
	}
	if (r->ask == OAUTH_ASK_EXCHANGE) {
		member(body, STR("requested_token_type"), STR(OAUTH_ID_JAG));
		member(body, STR("subject_token_type"), STR(OAUTH_TOKEN_TYPE));
		oauth_form_append(body, r->type);
	}
	put_optional(body, STR("audience"), r->audience);
	put_optional(body, STR("token_type_hint"), asks[r->ask].hint);
	put_optional(body, STR("redirect_uri"), r->redirect);
	put_optional(body, STR("code_verifier"), r->verifier);
	put_optional(body, STR("resource"), r->resource);
	put_scopes(body, r);
	TRY(put_proof(r, body, authorization, err));
	return body->failed || authorization->failed
		       ? ERR(err, ERR_LIMIT, "the request for a token is too long")
		       : ERR_OK;
}

/* VSCHAR of RFC 6749 appendix A. */
bool oauth_is_visible(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < 0x20 || s.p[i] > 0x7e) {
			return false;
		}
	}
	return true;
}

bool oauth_is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    !(c && memchr("-._~+/=", c, 7))) {
			return false;
		}
	}
	return s.n > 0 && s.n <= OAUTH_TOKEN_MAX;
}

enum err_code oauth_answer_parse(struct arena *a, struct str text, const struct json **ret,
				 struct err *err)
{
	const struct json_opts limits = {.name = STR("answer"),
					 .max_depth = OAUTH_JSON_DEPTH,
					 .max_nodes = OAUTH_JSON_NODES,
					 .max_bytes = OAUTH_ANSWER_BYTES};

	return json_parse(a, text, &limits, ret, err);
}

/* An error code is a word (RFC 6749 section 5.2); nothing else of a refusal is shown. */
static struct str error_word(const struct json *root)
{
	struct str code = json_str(json_get(root, STR("error")));

	for (size_t i = 0; i < code.n; i++) {
		if (!(code.p[i] >= 'a' && code.p[i] <= 'z') && code.p[i] != '_') {
			code.n = 0;
		}
	}
	return code.n <= 64 ? code : STR("");
}

struct str oauth_refusal_read(struct arena *a, struct str text)
{
	const struct json *root;

	return oauth_answer_parse(a, text, &root, NULL) ? STR("") : error_word(root);
}

enum err_code oauth_token_read(struct arena *a, int status, struct str text,
			       struct oauth_token *ret, struct err *err)
{
	struct oauth_token t = {0};
	const struct json *root, *seconds;
	enum err_code code = oauth_answer_parse(a, text, &root, err);

	if (status != 200) {
		struct str word = code ? STR("") : error_word(root);

		return ERR(err, ERR_DENIED, "the authorization server refuses a token: %d " STR_FMT,
			   status, STR_ARG(word));
	}
	TRY(code);
	t.token = json_str(json_get(root, STR("access_token")));
	seconds = json_get(root, STR("expires_in"));
	if (!str_ieq(json_str(json_get(root, STR("token_type"))), STR("Bearer")) ||
	    !oauth_is_token(t.token)) {
		return ERR(err, ERR_INVALID,
			   "the authorization server's answer is no bearer token");
	}
	if (seconds && (!json_u64(seconds, &t.seconds) || t.seconds == 0)) {
		return ERR(err, ERR_INVALID, "expires_in is no number of seconds");
	}
	t.seconds = t.seconds > HELD_MAX ? HELD_MAX : t.seconds;
	t.refresh = json_str(json_get(root, STR("refresh_token")));
	t.scope = json_str(json_get(root, STR("scope")));
	if (t.refresh.n > OAUTH_REFRESH_MAX || !oauth_is_visible(t.refresh)) {
		return ERR(err, ERR_INVALID, "the refresh token is too long or no text");
	}
	*ret = t;
	return ERR_OK;
}
