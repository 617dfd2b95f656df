/* SPDX-License-Identifier: Apache-2.0 */
#include "oauth/exchange.h"

#include "oauth/jwt.h"

/* What the provider answered, when it is no refusal. */
static enum err_code read_answer(struct arena *a, int status, struct str text,
				 const struct json **ret, struct err *err)
{
	if (status != 200) {
		return ERR(err, ERR_DENIED, "the identity provider refuses: %d " STR_FMT, status,
			   STR_ARG(oauth_refusal_read(a, text)));
	}
	return oauth_answer_parse(a, text, ret, err);
}

/* A signed token of this issuer, for now; its claims also as a tree. */
static enum err_code read_token(struct arena *a, struct str token, struct str issuer, uint64_t now,
				struct oauth_jwt *jwt, struct oauth_claims *claims,
				const struct json **tree, struct err *err)
{
	if (token.n > OAUTH_TOKEN_MAX || !oauth_jwt_is(token)) {
		return ERR(err, ERR_INVALID, "the identity provider's answer has no signed token");
	}
	TRY(oauth_jwt_read(a, token, jwt, err));
	TRY(oauth_answer_parse(a, jwt->claims, tree, err));
	TRY(oauth_claims_read(a, *tree, claims, err));
	if (!claims->issuer.p || !str_eq(claims->issuer, issuer)) {
		return ERR(err, ERR_DENIED, "it is of another issuer");
	}
	return oauth_claims_check(claims, issuer, now, OAUTH_EXCHANGE_SKEW, err);
}

static enum err_code check_assertion(const struct oauth_jwt *jwt, const struct oauth_claims *c,
				     const struct json *claims, const struct oauth_assertion_for *f,
				     struct err *err)
{
	struct str id = json_str(json_get(claims, STR("jti")));
	struct str client = json_str(json_get(claims, STR("client_id")));
	struct str resource = json_str(json_get(claims, STR("resource")));

	if (!oauth_jwt_type_is(jwt, STR("oauth-id-jag+jwt"))) {
		return ERR(err, ERR_DENIED, "it is of another type");
	}
	if (c->n_audiences != 1 || !str_eq(c->audiences[0], f->audience)) {
		return ERR(err, ERR_DENIED, "it is for another authorization server");
	}
	if (!str_eq(client, f->client)) {
		return ERR(err, ERR_DENIED, "it is for another client");
	}
	if (!str_eq(resource, f->resource)) {
		return ERR(err, ERR_DENIED, "it is for another resource");
	}
	/* Without them nobody could tell whether it comes a second time. */
	return id.n && c->issued
		       ? ERR_OK
		       : ERR(err, ERR_DENIED, "it does not say which one it is (jti, iat)");
}

enum err_code oauth_assertion_read(struct arena *a, int status, struct str text,
				   const struct oauth_assertion_for *f, struct str *ret,
				   struct err *err)
{
	const struct json *root, *claims;
	struct oauth_jwt jwt;
	struct oauth_claims c;
	struct str token, type;
	enum err_code code;

	TRY(read_answer(a, status, text, &root, err));
	token = json_str(
		json_get(root, STR("access_token"))); /* RFC 8693 calls it so whatever it is */
	type = json_str(json_get(root, STR("token_type")));
	if (!str_eq(json_str(json_get(root, STR("issued_token_type"))), STR(OAUTH_ID_JAG)) ||
	    !str_ieq(type, STR("N_A"))) {
		return ERR(err, ERR_INVALID,
			   "the identity provider's answer is no identity assertion (ID-JAG)");
	}
	code = read_token(a, token, f->provider, f->now, &jwt, &c, &claims, err);
	code = code ? code : check_assertion(&jwt, &c, claims, f, err);
	if (code) {
		err_wrap(err, "the identity assertion is not what was asked for");
		return code;
	}
	*ret = token;
	return ERR_OK;
}

enum err_code oauth_id_token_read(struct arena *a, int status, struct str text, struct str issuer,
				  struct str client, uint64_t now, struct oauth_token *ret,
				  struct err *err)
{
	struct oauth_token t = {0};
	const struct json *root, *claims;
	struct oauth_jwt jwt;
	struct oauth_claims c;
	enum err_code code;

	TRY(read_answer(a, status, text, &root, err));
	t.token = json_str(json_get(root, STR("id_token")));
	t.refresh = json_str(json_get(root, STR("refresh_token")));
	code = read_token(a, t.token, issuer, now, &jwt, &c, &claims, err);
	if (!code && !oauth_has_text(c.audiences, c.n_audiences, client)) {
		code = ERR(err, ERR_DENIED, "it is for another client");
	}
	if (code) {
		err_wrap(err, "the ID token is not what was asked for");
		return code;
	}
	if (t.refresh.n > OAUTH_REFRESH_MAX || !oauth_is_visible(t.refresh)) {
		return ERR(err, ERR_INVALID, "the refresh token is too long or no text");
	}
	/* Over by its word, though not by the other clock: good for one exchange. */
	t.seconds = c.expires > now ? c.expires - now : 1;
	*ret = t;
	return ERR_OK;
}

static enum err_code subject_of(struct arena *a, struct str token, struct oauth_jwt *jwt,
				struct str *ret, struct err *err)
{
	struct oauth_claims c;

	TRY(oauth_jwt_read(a, token, jwt, err));
	TRY(oauth_jwt_claims(a, jwt, &c, err));
	*ret = c.subject;
	return c.subject.n ? ERR_OK : ERR(err, ERR_DENIED, "the ID token is about nobody");
}

enum err_code oauth_id_token_verify(struct arena *a, struct str token, struct str keys,
				    struct str before, struct err *err)
{
	struct oauth_jwt jwt, last;
	struct oauth_keys set;
	struct str who, was;
	enum oauth_verdict verdict;

	TRY(subject_of(a, token, &jwt, &who, err));
	TRY(oauth_keys_read(keys, &set, err));
	verdict = oauth_keys_verify(&set, &jwt);
	oauth_keys_done(&set);
	if (verdict != OAUTH_VERIFIED) {
		return ERR(err, ERR_DENIED,
			   "the ID token is signed by no key of the identity provider");
	}
	if (!before.n) {
		return ERR_OK;
	}
	TRY(subject_of(a, before, &last, &was, err));
	return str_eq(who, was) ? ERR_OK
				: ERR(err, ERR_DENIED, "the ID token is about somebody else");
}
