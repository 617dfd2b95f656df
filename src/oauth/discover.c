/* SPDX-License-Identifier: Apache-2.0 */
#include "oauth/discover.h"

#include "oauth/challenge.h"

enum { DEPTH = 16, NODES = 4096, PARAMETERS_MAX = 32 };

static const struct json_opts limits = {.name = STR_INIT("metadata"),
					.max_depth = DEPTH,
					.max_nodes = NODES,
					.max_bytes = OAUTH_METADATA_BYTES};

/* ---- challenges ---- */

static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && memchr("!#$%&'*+-.^_`|~", c, 15));
}

static struct str take_token(struct str *rest)
{
	struct str s = *rest;
	size_t n = 0;

	while (n < s.n && is_token_char(s.p[n])) {
		n++;
	}
	*rest = str_from(s, n);
	return str_make(s.p, n);
}

static void skip(struct str *rest, const char *set)
{
	while (rest->n && memchr(set, rest->p[0], strlen(set))) {
		*rest = str_from(*rest, 1);
	}
}

/* A quoted string, behind its first quote; what is escaped stands for itself. */
static bool take_quoted(struct arena *a, struct str *rest, struct str *ret)
{
	char *to = arena_alloc(a, rest->n + 1);
	size_t n = 0, i = 0;

	for (; to && i < rest->n && rest->p[i] != '"'; i++) {
		if (rest->p[i] == '\\' && ++i == rest->n) {
			return false;
		}
		to[n++] = rest->p[i];
	}
	if (!to || i == rest->n) {
		return false;
	}
	*rest = str_from(*rest, i + 1);
	*ret = str_make(to, n);
	return true;
}

/* "name=value" or "name="value""; false when what follows is no parameter. */
static bool take_parameter(struct arena *a, struct str *rest, struct str *name, struct str *value)
{
	struct str at = *rest;

	*name = take_token(&at);
	skip(&at, " \t");
	if (!name->n || !at.n || at.p[0] != '=') {
		return false;
	}
	at = str_from(at, 1);
	skip(&at, " \t");
	if (at.n && at.p[0] == '"') {
		at = str_from(at, 1);
		if (!take_quoted(a, &at, value)) {
			return false;
		}
	} else {
		*value = take_token(&at);
	}
	*rest = at;
	return true;
}

bool oauth_challenge_read(struct arena *a, struct str value, struct oauth_wanted *ret)
{
	struct oauth_wanted w = {0};
	bool bearer = false;

	for (int i = 0; i < PARAMETERS_MAX && value.n; i++) {
		struct str name, text;

		skip(&value, " \t,");
		if (take_parameter(a, &value, &name, &text)) {
			if (bearer && !w.metadata.p && str_ieq(name, STR("resource_metadata"))) {
				w.metadata = text;
			} else if (bearer && !w.scope.p && str_ieq(name, STR("scope"))) {
				w.scope = text;
			}
			continue;
		}
		name = take_token(&value); /* a scheme: parameters are its own from here on */
		if (!name.n || bearer) {
			break;
		}
		bearer = str_ieq(name, STR("Bearer"));
	}
	*ret = w;
	return bearer;
}

/* ---- metadata ---- */

static enum err_code read_list(struct arena *a, const struct json *root, struct str key, size_t max,
			       const struct str **ret, size_t *ret_n, struct err *err)
{
	const struct json *list = json_get(root, key);
	struct str *items;
	size_t n = 0;

	if (!list) {
		return ERR_OK;
	}
	if (!json_is_array(list)) {
		return ERR(err, ERR_INVALID, STR_FMT " is no list", STR_ARG(key));
	}
	items = ARENA_ARRAY(a, max, struct str);
	if (!items) {
		return ERR(err, ERR_NOMEM, "no memory for metadata");
	}
	JSON_EACH (item, list) {
		if (!json_is_string(item) || item->text.n > OAUTH_URI_MAX) {
			return ERR(err, ERR_INVALID, STR_FMT " holds what is no text",
				   STR_ARG(key));
		}
		if (n < max) { /* what comes behind is not looked at */
			items[n++] = item->text;
		}
	}
	*ret = items;
	*ret_n = n;
	return ERR_OK;
}

static enum err_code parse(struct arena *a, struct str text, const struct json **ret,
			   struct err *err)
{
	TRY(json_parse(a, text, &limits, ret, err));
	return json_is_object(*ret) ? ERR_OK : ERR(err, ERR_INVALID, "metadata is an object");
}

static struct str member(const struct json *root, struct str key)
{
	struct str s = json_str(json_get(root, key));

	return s.n <= OAUTH_URI_MAX ? s : str_make(NULL, 0);
}

enum err_code oauth_resource_read(struct arena *a, struct str text,
				  struct oauth_resource_metadata *ret, struct err *err)
{
	struct oauth_resource_metadata m = {0};
	const struct json *root;

	TRY(parse(a, text, &root, err));
	m.resource = member(root, STR("resource"));
	TRY(read_list(a, root, STR("authorization_servers"), OAUTH_SERVERS_MAX, &m.servers,
		      &m.n_servers, err));
	TRY(read_list(a, root, STR("scopes_supported"), OAUTH_SCOPES_MAX, &m.scopes, &m.n_scopes,
		      err));
	if (!m.resource.n || !m.n_servers) {
		return ERR(err, ERR_INVALID,
			   "the metadata of the resource names no resource or no authorization "
			   "server");
	}
	for (size_t i = 0; i < m.n_scopes; i++) {
		if (!oauth_is_scope(m.scopes[i])) {
			return ERR(err, ERR_INVALID, "scopes_supported holds what is no scope");
		}
	}
	*ret = m;
	return ERR_OK;
}

bool oauth_resource_is(struct str resource, struct str url)
{
	if (resource.n && resource.p[resource.n - 1] == '/') {
		resource.n--; /* "https://host/" and "https://host" are one */
	}
	return resource.n >= oauth_path_at(url) && str_starts_with(url, resource) &&
	       (url.n == resource.n || url.p[resource.n] == '/' || url.p[resource.n] == '?');
}

static size_t add_place(struct arena *a, struct str places[OAUTH_PLACES_MAX], size_t n,
			struct str origin, struct str before, struct str known, struct str behind)
{
	places[n] = arena_printf(a, STR_FMT STR_FMT STR_FMT STR_FMT, STR_ARG(origin),
				 STR_ARG(before), STR_ARG(known), STR_ARG(behind));
	return n + (places[n].n != 0);
}

/* The path without a query and without a slash at its end. */
static struct str path_of(struct str url)
{
	struct str path = str_from(url, oauth_path_at(url));

	path.n = str_find(path, '?');
	while (path.n && path.p[path.n - 1] == '/') {
		path.n--;
	}
	return path;
}

size_t oauth_resource_places(struct arena *a, struct str url, struct str places[OAUTH_PLACES_MAX])
{
	struct str origin = str_make(url.p, oauth_path_at(url)), path = path_of(url);
	size_t n = 0;

	if (path.n) {
		n = add_place(a, places, n, origin, STR(""), OAUTH_WELL_KNOWN, path);
	}
	return add_place(a, places, n, origin, STR(""), OAUTH_WELL_KNOWN, STR(""));
}

size_t oauth_server_places(struct arena *a, struct str issuer, struct str places[OAUTH_PLACES_MAX])
{
	static const struct str rfc8414 = STR_INIT("/.well-known/oauth-authorization-server");
	static const struct str oidc = STR_INIT("/.well-known/openid-configuration");
	struct str origin = str_make(issuer.p, oauth_path_at(issuer)), path = path_of(issuer);
	size_t n = 0;

	n = add_place(a, places, n, origin, STR(""), rfc8414, path);
	n = add_place(a, places, n, origin, STR(""), oidc, path);
	return path.n ? add_place(a, places, n, origin, path, oidc, STR("")) : n;
}

static bool says(const struct json *root, struct str key)
{
	const struct json *j = json_get(root, key);

	return json_is_bool(j) && j->boolean;
}

static enum err_code lists(struct arena *a, const struct json *root, struct str key, size_t max,
			   struct str wanted, bool *ret, struct err *err)
{
	const struct str *items = NULL;
	size_t n = 0;

	TRY(read_list(a, root, key, max, &items, &n, err));
	*ret = oauth_has_text(items, n, wanted);
	return ERR_OK;
}

enum err_code oauth_server_read(struct arena *a, struct str text, struct str issuer,
				struct oauth_server *ret, struct err *err)
{
	struct oauth_server s = {0};
	const struct str *methods = NULL;
	const struct json *root;
	size_t n = 0;

	TRY(parse(a, text, &root, err));
	s.issuer = member(root, STR("issuer"));
	s.token_endpoint = member(root, STR("token_endpoint"));
	if (!str_eq(s.issuer, issuer)) {
		return ERR(err, ERR_DENIED, "the metadata is of another issuer");
	}
	if (!s.token_endpoint.n) {
		return ERR(err, ERR_INVALID, "the issuer has no token endpoint");
	}
	TRY(read_list(a, root, STR("token_endpoint_auth_methods_supported"), OAUTH_METHODS_MAX,
		      &methods, &n, err));
	/* RFC 8414 section 2: client_secret_basic when it is not said. */
	s.basic = !methods || oauth_has_text(methods, n, STR("client_secret_basic"));
	s.post = oauth_has_text(methods, n, STR("client_secret_post"));
	s.none = oauth_has_text(methods, n, STR("none"));
	s.private_key_jwt = oauth_has_text(methods, n, STR("private_key_jwt"));
	s.authorize = member(root, STR("authorization_endpoint"));
	s.registration = member(root, STR("registration_endpoint"));
	s.device = member(root, STR("device_authorization_endpoint"));
	s.revocation = member(root, STR("revocation_endpoint"));
	s.keys = member(root, STR("jwks_uri"));
	TRY(lists(a, root, STR("code_challenge_methods_supported"), OAUTH_METHODS_MAX, STR("S256"),
		  &s.s256, err));
	TRY(lists(a, root, STR("scopes_supported"), OAUTH_SCOPES_MAX, STR("offline_access"),
		  &s.offline, err));
	s.says_issuer = says(root, STR("authorization_response_iss_parameter_supported"));
	s.reads_client = says(root, STR("client_id_metadata_document_supported"));
	*ret = s;
	return ERR_OK;
}
