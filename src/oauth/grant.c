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
	if (pair.p) {
		secret_wipe(pair.p, pair.cap);
	}
	buf_done(&pair);
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
	buf_done(&signature);
	return code;
}

static enum err_code put_proof(const struct oauth_request *r, struct buf *body,
			       struct buf *authorization, struct err *err)
{
	const struct oauth_client *c = r->client;
	struct buf assertion;
	enum err_code code;

	if (c->signer && r->server->private_key_jwt) {
		buf_init(&assertion, ASSERTION_MAX);
		code = put_assertion(&assertion, r, err);
		member(body, STR("client_assertion_type"),
		       STR("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
		member(body, STR("client_assertion"), buf_str(&assertion));
		member(body, STR("client_id"), c->id);
		buf_done(&assertion);
		return code;
	}
	if (c->secret.n && r->server->basic) {
		put_basic(authorization, c);
		return ERR_OK;
	}
	if (c->secret.n && r->server->post) {
		member(body, STR("client_id"), c->id);
		member(body, STR("client_secret"), c->secret);
		return ERR_OK;
	}
	return ERR(err, ERR_UNSUPPORTED,
		   "the authorization server takes no proof that is configured (a secret, a key)");
}

enum err_code oauth_request_write(const struct oauth_request *r, struct buf *body,
				  struct buf *authorization, struct err *err)
{
	struct buf scope;

	member(body, STR("grant_type"), STR("client_credentials"));
	member(body, STR("resource"), r->resource);
	if (r->n_scopes) {
		buf_init(&scope, OAUTH_SCOPES_MAX * (OAUTH_SCOPE_MAX + 1));
		for (size_t i = 0; i < r->n_scopes; i++) {
			buf_append(&scope, i ? STR(" ") : STR(""));
			buf_append(&scope, r->scopes[i]);
		}
		member(body, STR("scope"), buf_str(&scope));
		body->failed |= scope.failed;
		buf_done(&scope);
	}
	TRY(put_proof(r, body, authorization, err));
	return body->failed || authorization->failed
		       ? ERR(err, ERR_LIMIT, "the request for a token is too long")
		       : ERR_OK;
}

/* b64token of RFC 6750: what may stand in a header. */
static bool is_token(struct str s)
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

/* An error code is a word (RFC 6749 section 5.2); nothing else of a refusal is shown. */
static enum err_code refused(int status, struct str code, struct err *err)
{
	for (size_t i = 0; i < code.n; i++) {
		if (!(code.p[i] >= 'a' && code.p[i] <= 'z') && code.p[i] != '_') {
			code.n = 0;
		}
	}
	return ERR(err, ERR_DENIED, "the authorization server refuses a token: %d %.*s", status,
		   (int)(code.n < 64 ? code.n : 64), code.p);
}

enum err_code oauth_token_read(struct arena *a, int status, struct str text,
			       struct oauth_token *ret, struct err *err)
{
	const struct json_opts limits = {.name = STR("answer"),
					 .max_depth = OAUTH_JSON_DEPTH,
					 .max_nodes = OAUTH_JSON_NODES,
					 .max_bytes = OAUTH_ANSWER_BYTES};
	struct oauth_token t = {0};
	const struct json *root, *seconds;
	enum err_code code = json_parse(a, text, &limits, &root, err);

	if (status != 200) {
		return refused(status, code ? STR("") : json_str(json_get(root, STR("error"))),
			       err);
	}
	TRY(code);
	t.token = json_str(json_get(root, STR("access_token")));
	seconds = json_get(root, STR("expires_in"));
	if (!str_ieq(json_str(json_get(root, STR("token_type"))), STR("Bearer")) ||
	    !is_token(t.token)) {
		return ERR(err, ERR_INVALID,
			   "the authorization server's answer is no bearer token");
	}
	if (seconds && (!json_u64(seconds, &t.seconds) || t.seconds == 0)) {
		return ERR(err, ERR_INVALID, "expires_in is no number of seconds");
	}
	t.seconds = t.seconds > HELD_MAX ? HELD_MAX : t.seconds;
	*ret = t;
	return ERR_OK;
}
