/* SPDX-License-Identifier: Apache-2.0 */
#include "oauth/claims.h"

/* Seconds since 1970 may be written with a fraction (RFC 7519 section 2); 2^53 is far enough. */
#define TIME_MAX 9007199254740992.0

/* NQCHAR of RFC 6749, without the quotes and the backslash that a challenge could not hold. */
bool oauth_is_scope(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x21 || c > 0x7e || c == '"' || c == '\\') {
			return false;
		}
	}
	return s.n > 0 && s.n <= OAUTH_SCOPE_MAX;
}

bool oauth_has_text(const struct str *items, size_t n, struct str wanted)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq(items[i], wanted)) {
			return true;
		}
	}
	return false;
}

/* Adds one that is not there yet. */
static enum err_code add_scope(struct str *items, size_t *n, struct str s, struct err *err)
{
	if (!oauth_is_scope(s)) {
		return ERR(err, ERR_INVALID, "a scope has 1 to %d visible ASCII characters",
			   OAUTH_SCOPE_MAX);
	}
	if (oauth_has_text(items, *n, s)) {
		return ERR_OK;
	}
	if (*n == OAUTH_SCOPES_MAX) {
		return ERR(err, ERR_LIMIT, "more than %d scopes", OAUTH_SCOPES_MAX);
	}
	items[(*n)++] = s;
	return ERR_OK;
}

enum err_code oauth_scopes_split(struct arena *a, struct str text, const struct str **ret,
				 size_t *ret_n, struct err *err)
{
	struct str *items = ARENA_ARRAY(a, OAUTH_SCOPES_MAX, struct str);
	size_t n = 0;

	if (!items) {
		return ERR(err, ERR_NOMEM, "no memory for the scopes");
	}
	while (text.p) {
		struct str s = str_cut(&text, ' ');

		if (s.n) {
			TRY(add_scope(items, &n, s, err));
		}
	}
	*ret = items;
	*ret_n = n;
	return ERR_OK;
}

/* "scope" is one text; "scp" of some servers is a list of them, or one text too. */
static enum err_code read_scopes(struct arena *a, const struct json *claims, struct oauth_claims *c,
				 struct err *err)
{
	const struct json *scope = json_get(claims, STR("scope"));
	struct str *items;

	scope = scope ? scope : json_get(claims, STR("scp"));
	if (!scope) {
		return ERR_OK;
	}
	if (json_is_string(scope)) {
		return oauth_scopes_split(a, scope->text, &c->scopes, &c->n_scopes, err);
	}
	items = ARENA_ARRAY(a, OAUTH_SCOPES_MAX, struct str);
	if (!items || !json_is_array(scope)) {
		return ERR(err, ERR_INVALID, "scope is no text");
	}
	JSON_EACH (item, scope) {
		if (!json_is_string(item)) {
			return ERR(err, ERR_INVALID, "a scope is no text");
		}
		TRY(add_scope(items, &c->n_scopes, item->text, err));
	}
	c->scopes = items;
	return ERR_OK;
}

static enum err_code read_audiences(struct arena *a, const struct json *claims,
				    struct oauth_claims *c, struct err *err)
{
	const struct json *aud = json_get(claims, STR("aud"));
	struct str *items = ARENA_ARRAY(a, OAUTH_AUDIENCES_MAX, struct str);

	if (!items) {
		return ERR(err, ERR_NOMEM, "no memory for the audiences");
	}
	c->audiences = items;
	if (json_is_string(aud)) {
		items[c->n_audiences++] = aud->text;
		return ERR_OK;
	}
	if (aud && !json_is_array(aud)) {
		return ERR(err, ERR_INVALID, "aud is neither a text nor a list");
	}
	JSON_EACH (item, aud) {
		if (!json_is_string(item) || item->text.n > OAUTH_URI_MAX) {
			return ERR(err, ERR_INVALID, "an audience is no text, or too long");
		}
		if (c->n_audiences == OAUTH_AUDIENCES_MAX) {
			return ERR(err, ERR_LIMIT, "more than %d audiences", OAUTH_AUDIENCES_MAX);
		}
		items[c->n_audiences++] = item->text;
	}
	return ERR_OK;
}

/* A text of visible characters; absent is fine. */
static enum err_code read_text(const struct json *claims, struct str key, size_t max,
			       struct str *ret, struct err *err)
{
	const struct json *j = json_get(claims, key);

	if (!j) {
		return ERR_OK;
	}
	if (!json_is_string(j) || j->text.n == 0 || j->text.n > max) {
		return ERR(err, ERR_INVALID, STR_FMT " is no text of 1 to %zu bytes", STR_ARG(key),
			   max);
	}
	for (struct str rest = j->text; rest.n;) {
		size_t n = str_printable(rest);

		if (n == 0) {
			return ERR(err, ERR_INVALID, STR_FMT " holds a character that is not shown",
				   STR_ARG(key));
		}
		rest = str_from(rest, n);
	}
	*ret = j->text;
	return ERR_OK;
}

static enum err_code read_time(const struct json *claims, struct str key, uint64_t *ret,
			       struct err *err)
{
	const struct json *j = json_get(claims, key);
	double v;

	if (!j) {
		return ERR_OK;
	}
	if (!json_f64(j, &v) || v < 1 || v > TIME_MAX) {
		return ERR(err, ERR_INVALID, STR_FMT " is no time", STR_ARG(key));
	}
	*ret = (uint64_t)v;
	return ERR_OK;
}

enum err_code oauth_claims_read(struct arena *a, const struct json *claims,
				struct oauth_claims *ret, struct err *err)
{
	struct oauth_claims c = {0};

	if (!json_is_object(claims)) {
		return ERR(err, ERR_INVALID, "the claims are no object");
	}
	/* Bound to a key (RFC 7800): a bearer has not shown that it has it. */
	if (json_get(claims, STR("cnf"))) {
		return ERR(err, ERR_INVALID, "it is bound to a key, and no bearer's");
	}
	TRY(read_text(claims, STR("iss"), OAUTH_URI_MAX, &c.issuer, err));
	TRY(read_text(claims, STR("sub"), OAUTH_SUBJECT_MAX, &c.subject, err));
	TRY(read_text(claims, STR("client_id"), OAUTH_URI_MAX, &c.client, err));
	if (!c.client.p) {
		TRY(read_text(claims, STR("azp"), OAUTH_URI_MAX, &c.client, err));
	}
	TRY(read_text(claims, STR("token_type"), 64, &c.type, err));
	TRY(read_time(claims, STR("exp"), &c.expires, err));
	TRY(read_time(claims, STR("nbf"), &c.not_before, err));
	TRY(read_time(claims, STR("iat"), &c.issued, err));
	TRY(read_scopes(a, claims, &c, err));
	TRY(read_audiences(a, claims, &c, err));
	*ret = c;
	return ERR_OK;
}

enum err_code oauth_claims_check(const struct oauth_claims *c, struct str issuer, uint64_t now,
				 uint64_t skew, struct err *err)
{
	if (c->issuer.p && !str_eq(c->issuer, issuer)) {
		return ERR(err, ERR_DENIED, "it is of another issuer");
	}
	if (!c->subject.p) {
		return ERR(err, ERR_DENIED, "it has no subject");
	}
	if (c->expires == 0) {
		return ERR(err, ERR_DENIED, "it has no end");
	}
	if (now >= c->expires + skew) {
		return ERR(err, ERR_DENIED, "it has expired");
	}
	if (c->not_before > now + skew || c->issued > now + skew) {
		return ERR(err, ERR_DENIED, "it is not valid yet");
	}
	return ERR_OK;
}

bool oauth_claims_for(const struct oauth_claims *c, struct str resource, const struct str *others,
		      size_t n_others)
{
	for (size_t i = 0; i < c->n_audiences; i++) {
		struct str aud = c->audiences[i];

		if (oauth_has_text(others, n_others, aud) ||
		    (str_starts_with(aud, resource) &&
		     (aud.n == resource.n || aud.p[resource.n] == '/'))) {
			return true;
		}
	}
	return false;
}
