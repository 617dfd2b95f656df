/* SPDX-License-Identifier: Apache-2.0 */
/* A client that makes itself known to an authorization server (RFC 7591). */
#include "oauth/jwt.h"
#include "oauth/login.h"
#include "json/parse.h"
#include "json/write.h"

/* A native program keeps no secret of its own where it need not: PKCE binds what it asks. */
static enum oauth_method method_to_ask(const struct oauth_server *s)
{
	return s->none ? OAUTH_METHOD_NONE : s->basic ? OAUTH_METHOD_BASIC : OAUTH_METHOD_POST;
}

static void list(struct json_writer *w, struct str key, const struct str *items, size_t n)
{
	json_w_key(w, key);
	json_w_array(w);
	for (size_t i = 0; i < n; i++) {
		json_w_str(w, items[i]);
	}
	json_w_end(w);
}

void oauth_registration_write(struct buf *to, const struct oauth_server *s, struct str redirect,
			      struct str scope)
{
	const struct str grants[] = {redirect.n ? STR("authorization_code")
						: STR(OAUTH_DEVICE_GRANT),
				     STR("refresh_token")};
	const struct str code = STR("code");
	struct json_writer w = json_writer(to);

	json_w_object(&w);
	json_w_member_str(&w, STR("client_name"), STR("Writ"));
	json_w_member_str(&w, STR("application_type"), STR("native"));
	if (redirect.n) {
		list(&w, STR("redirect_uris"), &redirect, 1);
		list(&w, STR("response_types"), &code, 1);
	}
	list(&w, STR("grant_types"), grants, ARRAY_LEN(grants));
	json_w_member_str(&w, STR("token_endpoint_auth_method"),
			  oauth_method_name(method_to_ask(s)));
	if (scope.n) {
		json_w_member_str(&w, STR("scope"), scope);
	}
	json_w_end(&w);
}

enum err_code oauth_registration_read(struct arena *a, int status, struct str text,
				      const struct oauth_server *s, struct oauth_login *ret,
				      struct err *err)
{
	const struct json *root, *method;
	struct str id, secret;
	enum oauth_method m;

	if (status != 200 && status != 201) {
		return ERR(err, ERR_DENIED,
			   "the authorization server registers no client: %d " STR_FMT, status,
			   STR_ARG(oauth_refusal_read(a, text)));
	}
	TRY(oauth_answer_parse(a, text, &root, err));
	id = json_str(json_get(root, STR("client_id")));
	secret = json_str(json_get(root, STR("client_secret")));
	method = json_get(root, STR("token_endpoint_auth_method"));
	if (!id.n || id.n > OAUTH_CLIENT_MAX || secret.n > OAUTH_CLIENT_MAX ||
	    !oauth_is_visible(id) || !oauth_is_visible(secret)) {
		return ERR(err, ERR_INVALID,
			   "what the authorization server answers is no registration (RFC 7591)");
	}
	m = method ? oauth_method_by_name(json_str(method)) : method_to_ask(s);
	if (m == OAUTH_METHOD_ANY || m == OAUTH_METHOD_KEY ||
	    (m != OAUTH_METHOD_NONE && !secret.n)) {
		return ERR(err, ERR_UNSUPPORTED,
			   "the authorization server wants a proof that this client does not have");
	}
	ret->client = id;
	ret->secret = m == OAUTH_METHOD_NONE ? STR("") : secret;
	ret->method = m;
	return ERR_OK;
}
