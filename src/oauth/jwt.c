/* SPDX-License-Identifier: Apache-2.0 */
#include "oauth/jwt.h"

#include "base/hex.h"

static const struct json_opts limits = {
	.name = STR_INIT("token"),
	.max_depth = OAUTH_JSON_DEPTH,
	.max_nodes = OAUTH_JSON_NODES,
	.max_bytes = OAUTH_TOKEN_MAX,
};

bool oauth_jwt_is(struct str token)
{
	size_t dots = 0;

	for (size_t i = 0; i < token.n; i++) {
		dots += token.p[i] == '.';
	}
	return dots == 2;
}

static enum err_code part(struct arena *a, struct str text, const char *what, struct str *ret,
			  struct err *err)
{
	if (text.n == 0 || !base64url_decode(a, text, ret)) {
		return ERR(err, ERR_INVALID, "its %s is not base64url", what);
	}
	return ERR_OK;
}

/* A header's text, if it is there. */
static enum err_code header_text(const struct json *header, struct str key, struct str *ret,
				 struct err *err)
{
	const struct json *j = json_get(header, key);

	if (!j) {
		return ERR_OK;
	}
	if (!json_is_string(j) || j->text.n == 0 || j->text.n > OAUTH_KID_MAX) {
		return ERR(err, ERR_INVALID, "its header's " STR_FMT " is no text of 1 to %d bytes",
			   STR_ARG(key), OAUTH_KID_MAX);
	}
	*ret = j->text;
	return ERR_OK;
}

static enum err_code read_header(struct arena *a, struct str text, struct oauth_jwt *t,
				 struct err *err)
{
	const struct json *header;
	struct str alg = {0};

	TRY(json_parse(a, text, &limits, &header, err));
	if (!json_is_object(header)) {
		return ERR(err, ERR_INVALID, "its header is no object");
	}
	/* RFC 7515 section 4.1.11: what is critical and not understood refuses the whole. */
	if (json_get(header, STR("crit"))) {
		return ERR(err, ERR_INVALID, "its header has critical members");
	}
	TRY(header_text(header, STR("alg"), &alg, err));
	TRY(header_text(header, STR("kid"), &t->kid, err));
	TRY(header_text(header, STR("typ"), &t->typ, err));
	t->alg = jws_alg_find(alg);
	return t->alg ? ERR_OK : ERR(err, ERR_INVALID, "its algorithm is none of ours");
}

enum err_code oauth_jwt_read(struct arena *a, struct str token, struct oauth_jwt *ret,
			     struct err *err)
{
	struct str rest = token, header_part, claims_part, header;
	struct oauth_jwt t = {0};

	if (token.n > OAUTH_TOKEN_MAX) {
		return ERR(err, ERR_LIMIT, "it has more than %d bytes", OAUTH_TOKEN_MAX);
	}
	if (!oauth_jwt_is(token)) {
		return ERR(err, ERR_INVALID, "it has not three parts");
	}
	header_part = str_cut(&rest, '.');
	claims_part = str_cut(&rest, '.');
	t.signed_bytes = str_make(token.p, header_part.n + 1 + claims_part.n);
	TRY(part(a, header_part, "header", &header, err));
	TRY(part(a, claims_part, "part of claims", &t.claims, err));
	TRY(part(a, rest, "signature", &t.signature, err));
	TRY(read_header(a, header, &t, err));
	*ret = t;
	return ERR_OK;
}

static enum err_code parse_claims(struct arena *a, const struct oauth_jwt *t,
				  const struct json **ret, struct err *err)
{
	TRY(json_parse(a, t->claims, &limits, ret, err));
	return json_is_object(*ret) ? ERR_OK : ERR(err, ERR_INVALID, "its claims are no object");
}

enum err_code oauth_jwt_issuer(struct arena *a, const struct oauth_jwt *t, struct str *ret,
			       struct err *err)
{
	const struct json *claims;
	struct str issuer;

	TRY(parse_claims(a, t, &claims, err));
	issuer = json_str(json_get(claims, STR("iss")));
	if (issuer.n == 0 || issuer.n > OAUTH_URI_MAX) {
		return ERR(err, ERR_INVALID, "it does not say who issued it");
	}
	*ret = issuer;
	return ERR_OK;
}

enum err_code oauth_jwt_claims(struct arena *a, const struct oauth_jwt *t, struct oauth_claims *ret,
			       struct err *err)
{
	const struct json *claims;

	TRY(parse_claims(a, t, &claims, err));
	return oauth_claims_read(a, claims, ret, err);
}

bool oauth_jwt_type_is(const struct oauth_jwt *t, struct str type)
{
	struct str typ = t->typ, media = STR("application/");

	/* RFC 7515 section 4.1.9: the prefix may be left out. */
	if (typ.n > media.n && str_ieq(str_make(typ.p, media.n), media)) {
		typ = str_from(typ, media.n);
	}
	return typ.n > 0 && str_ieq(typ, type);
}
