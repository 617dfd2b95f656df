/* SPDX-License-Identifier: Apache-2.0 */
/* What a person is asked, and what comes back: by a browser, or by a device code. */
#include "base/hex.h"
#include "crypto/secret.h"
#include "crypto/sha256.h"
#include "oauth/jwt.h"
#include "oauth/login.h"
#include "json/parse.h"

enum { PARAMETERS_MAX = 16, DEVICE_SECONDS_MAX = 3600, INTERVAL_MAX = 60, USER_CODE_MAX = 64 };

static struct str base64url(struct arena *a, const void *bytes, size_t n)
{
	struct buf text;
	struct str ret;

	buf_init(&text, 256);
	base64url_append(&text, bytes, n);
	ret = arena_dup(a, buf_str(&text));
	buf_done(&text);
	return ret;
}

void oauth_login_begin(struct arena *a, const uint8_t random[OAUTH_STATE_BYTES + OAUTH_PKCE_BYTES],
		       struct oauth_login *l)
{
	l->state = base64url(a, random, OAUTH_STATE_BYTES);
	l->verifier = base64url(a, random + OAUTH_STATE_BYTES, OAUTH_PKCE_BYTES);
}

static bool wants_offline(struct str scope)
{
	while (scope.n) {
		if (str_eq(str_cut(&scope, ' '), STR("offline_access"))) {
			return true;
		}
	}
	return false;
}

void oauth_consent_write(struct buf *to, struct str endpoint, const struct oauth_login *l)
{
	uint8_t digest[SHA256_LEN];
	struct buf challenge;

	sha256_of(l->verifier, digest);
	buf_init(&challenge, 64);
	base64url_append(&challenge, digest, sizeof(digest));
	buf_append(to, endpoint);
	buf_append_c(to, str_find(endpoint, '?') < endpoint.n ? '&' : '?');
	buf_append(to, STR("response_type=code&code_challenge_method=S256&code_challenge="));
	buf_append(to, buf_str(&challenge));
	buf_done(&challenge);
	{
		const struct {
			struct str name, value;
		} parameters[] = {
			{STR("&client_id="), l->client},
			{STR("&redirect_uri="), l->redirect},
			{STR("&state="), l->state},
			{STR("&resource="), l->resource},
			{STR("&scope="), l->scope},
			/* OpenID Connect Core section 11: else it is not given. */
			{STR("&prompt="), wants_offline(l->scope) ? STR("consent") : STR("")},
		};

		for (size_t i = 0; i < ARRAY_LEN(parameters); i++) {
			if (parameters[i].value.n) {
				buf_append(to, parameters[i].name);
				oauth_form_append(to, parameters[i].value);
			}
		}
	}
}

/* ---- the answer ---- */

/* application/x-www-form-urlencoded; p NULL when it is none. */
static struct str decode(struct arena *a, struct str text)
{
	char *to = arena_alloc(a, text.n + 1);
	size_t n = 0;

	for (size_t i = 0; to && i < text.n; i++) {
		char c = text.p[i] == '+' ? ' ' : text.p[i];

		if (c == '%') {
			if (!hex_read(str_make(text.p + i + 1, text.n - i > 2 ? 2 : 0), &c, 1)) {
				return str_make(NULL, 0);
			}
			i += 2;
		}
		to[n++] = c;
	}
	return str_make(to, n);
}

struct answer {
	struct str state, issuer, error, code;
};

static enum err_code read_query(struct arena *a, struct str query, struct answer *ret,
				struct err *err)
{
	const struct {
		struct str name;
		struct str *to;
	} known[] = {{STR("state"), &ret->state},
		     {STR("iss"), &ret->issuer},
		     {STR("error"), &ret->error},
		     {STR("code"), &ret->code}};

	for (unsigned i = 0; query.n; i++) {
		struct str value = str_cut(&query, '&'), name = str_cut(&value, '=');

		value = decode(a, value);
		if (i == PARAMETERS_MAX || !value.p || value.n > OAUTH_CODE_MAX ||
		    !oauth_is_visible(value)) {
			return ERR(err, ERR_INVALID,
				   "the answer of the consent cannot be read: begin anew");
		}
		for (size_t k = 0; k < ARRAY_LEN(known); k++) {
			if (!str_eq(name, known[k].name)) {
				continue;
			}
			if (known[k].to->p) {
				return ERR(err, ERR_INVALID,
					   "the answer of the consent says something twice: begin "
					   "anew");
			}
			*known[k].to = value;
		}
	}
	return ERR_OK;
}

static bool is_error_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && s.p[i] != '_') {
			return false;
		}
	}
	return s.n <= 64;
}

enum err_code oauth_consent_read(struct arena *a, struct str query, const struct oauth_login *l,
				 struct str *ret_code, struct err *err)
{
	struct answer said = {0};

	TRY(read_query(a, query, &said, err));
	if (!l->state.n || said.state.n != l->state.n ||
	    !secret_equal(said.state.p, l->state.p, l->state.n)) {
		return ERR(err, ERR_DENIED,
			   "the answer is not to what was asked: its state is another");
	}
	if (said.issuer.p ? !str_eq(said.issuer, l->issuer) : l->says_issuer) {
		return ERR(err, ERR_DENIED,
			   "the answer does not come from the authorization server that was asked "
			   "(RFC 9207)");
	}
	if (said.error.p) {
		return ERR(err, ERR_DENIED, "the authorization server says no: " STR_FMT,
			   STR_ARG(is_error_word(said.error) ? said.error : STR("error")));
	}
	if (!said.code.n) {
		return ERR(err, ERR_INVALID, "the answer of the consent has no code");
	}
	*ret_code = said.code;
	return ERR_OK;
}

/* ---- a device ---- */

static bool take_text(const struct json *root, struct str key, size_t max, struct str *ret)
{
	*ret = json_str(json_get(root, key));
	return ret->n <= max && oauth_is_visible(*ret);
}

enum err_code oauth_device_read(struct arena *a, struct str text, struct oauth_device *ret,
				struct err *err)
{
	struct oauth_device d = {.interval = 5};
	const struct json *root, *interval;

	TRY(oauth_answer_parse(a, text, &root, err));
	interval = json_get(root, STR("interval"));
	if (!take_text(root, STR("device_code"), OAUTH_CODE_MAX, &d.device) || !d.device.n ||
	    !take_text(root, STR("user_code"), USER_CODE_MAX, &d.user) || !d.user.n ||
	    !take_text(root, STR("verification_uri"), OAUTH_URI_MAX, &d.url) || !d.url.n ||
	    !take_text(root, STR("verification_uri_complete"), OAUTH_URI_MAX, &d.complete) ||
	    !json_get(root, STR("expires_in")) ||
	    !json_u64(json_get(root, STR("expires_in")), &d.seconds) ||
	    (interval && !json_u64(interval, &d.interval))) {
		return ERR(err, ERR_INVALID,
			   "the authorization server's answer is no device code (RFC 8628)");
	}
	d.seconds = d.seconds > DEVICE_SECONDS_MAX ? DEVICE_SECONDS_MAX : d.seconds;
	d.interval = d.interval > INTERVAL_MAX ? INTERVAL_MAX : d.interval;
	*ret = d;
	return ERR_OK;
}
