/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of OAuth 2.1: which are accepted, and what they are verified by. */
#include "config/decode_priv.h"

enum { MAX_ISSUERS = 16, MAX_SCOPES = 32, MAX_AUDIENCES = 16, MAX_TYPES = 4, MAX_SCOPE = 128 };

#define SEC UINT64_C(1000000000)

void config_read_safe_url(struct config_ctx *c, const struct config_field *f,
			  const struct json *node, void *to)
{
	struct config_url url;
	struct err err;

	(void)f;
	if (!config_expect(c, node, JSON_STRING)) {
		return;
	}
	if (config_url_parse(c->a, node->text, &url, &err)) {
		config_report(c, node->at, "%s", err.msg);
	} else if (!url.tls && !url.loopback) {
		config_report(c, node->at,
			      "what comes from there decides who callers are: use https");
	} else {
		*(struct config_url *)to = url;
	}
}

/* The address that clients use: another program may stand in front, so it need not be ours. */
static void read_resource(struct config_ctx *c, const struct config_field *f,
			  const struct json *node, void *to)
{
	struct config_url url = {0};

	config_read_safe_url(c, f, node, &url);
	if (url.text.n == 0) {
		return;
	}
	if (str_find(url.text, '?') < url.text.n || str_ends_with(url.text, STR("/"))) {
		config_report(c, node->at,
			      "the resource is the address of /mcp as clients know it, without a "
			      "query and without a slash at its end");
		return;
	}
	*(struct config_url *)to = url;
}

/* RFC 8414 section 2: a URL without a query, compared byte by byte. */
static void read_issuer(struct config_ctx *c, const struct config_field *f, const struct json *node,
			void *to)
{
	struct config_url url = {0};

	config_read_safe_url(c, f, node, &url);
	if (str_find(url.text, '?') < url.text.n) {
		config_report(c, node->at, "an issuer's identifier has no query");
	} else if (url.text.n) {
		*(struct str *)to = url.text;
	}
}

/* RFC 6749 section 3.3, without what a header could not quote. */
static bool is_scope(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < 0x21 || s.p[i] > 0x7e || s.p[i] == '"' || s.p[i] == '\\') {
			return false;
		}
	}
	return s.n > 0 && s.n <= MAX_SCOPE;
}

static void read_list(struct config_ctx *c, const struct config_field *f, const struct json *node,
		      size_t max, struct config_strs *to)
{
	config_read_texts(c, f, node, to);
	if (to->n > max) {
		config_report(c, node->at, "%zu entries are more than %zu", to->n, max);
		to->n = 0;
	}
}

static void read_scopes(struct config_ctx *c, const struct config_field *f, const struct json *node,
			void *to)
{
	struct config_strs *scopes = to;

	read_list(c, f, node, MAX_SCOPES, scopes);
	for (size_t i = 0; i < scopes->n; i++) {
		if (!is_scope(scopes->items[i])) {
			config_report(c, node->at,
				      "a scope is one word of visible characters, at most %d",
				      MAX_SCOPE);
			return;
		}
	}
}

static void read_audiences(struct config_ctx *c, const struct config_field *f,
			   const struct json *node, void *to)
{
	read_list(c, f, node, MAX_AUDIENCES, to);
}

static void read_types(struct config_ctx *c, const struct config_field *f, const struct json *node,
		       void *to)
{
	read_list(c, f, node, MAX_TYPES, to);
}

static void read_algorithms(struct config_ctx *c, const struct config_field *f,
			    const struct json *node, void *to)
{
	static const struct str known[] = {STR_INIT("RS256"), STR_INIT("PS256"), STR_INIT("ES256"),
					   STR_INIT("EdDSA")};
	struct config_strs *algorithms = to;

	read_list(c, f, node, ARRAY_LEN(known), algorithms);
	for (size_t i = 0; i < algorithms->n; i++) {
		size_t k = 0;

		while (k < ARRAY_LEN(known) && !str_eq(known[k], algorithms->items[i])) {
			k++;
		}
		if (k == ARRAY_LEN(known)) {
			config_report(c, node->at,
				      "tokens are verified by RS256, PS256, ES256 or EdDSA");
			return;
		}
	}
}

static void read_introspection(struct config_ctx *c, const struct config_field *f,
			       const struct json *node, void *to)
{
	static const struct config_field fields[] = {
		CONFIG_KEY("url", config_read_safe_url, struct config_issuer, introspect,
			   .required = true),
		CONFIG_KEY("client_id", config_read_text, struct config_issuer, client_id),
		CONFIG_KEY("client_secret_file", config_read_path, struct config_issuer,
			   secret_file),
	};
	struct config_issuer *is = to;

	(void)f;
	config_read_fields(c, node, fields, ARRAY_LEN(fields), "introspection", is);
	/* A gate is not told who it is there. RFC 7662 section 2.1: nobody may ask without being known. */
	if (!config_is_between_roles(c) && (!is->client_id.n || !is->secret_file.n)) {
		config_report(c, node->at,
			      "introspection needs the keys 'client_id' and 'client_secret_file'");
	}
}

static const struct config_field issuer_fields[] = {
	CONFIG_KEY("issuer", read_issuer, struct config_issuer, issuer, .required = true),
	CONFIG_KEY("jwks_url", config_read_safe_url, struct config_issuer, keys_url),
	CONFIG_KEY("jwks_file", config_read_path, struct config_issuer, keys_file),
	CONFIG_KEY("jwks_text", config_read_internal, struct config_issuer, keys),
	{.key = STR_INIT("introspection"), .read = read_introspection},
	CONFIG_KEY("ca_file", config_read_path, struct config_issuer, ca_file),
	CONFIG_KEY("audiences", read_audiences, struct config_issuer, audiences),
	CONFIG_KEY("token_types", read_types, struct config_issuer, types),
	CONFIG_KEY("algorithms", read_algorithms, struct config_issuer, algorithms),
};

static void check_issuer(struct config_ctx *c, const struct json *node,
			 const struct config_oauth *o, const struct config_issuer *is)
{
	if (is->keys_url.text.n && is->keys_file.n) {
		config_report(c, node->at, "keys come from a URL or from a file, not from both");
	} else if (!is->keys_url.text.n && !is->keys_file.n && !is->introspect.text.n) {
		config_report(c, node->at,
			      "an issuer needs one of 'jwks_url', 'jwks_file', 'introspection'");
	}
	for (const struct config_issuer *other = o->issuers; other < is; other++) {
		if (is->issuer.n && str_eq(other->issuer, is->issuer)) {
			config_report(c, node->at,
				      "'" STR_FMT "' is the issuer '" STR_FMT "' already",
				      STR_ARG(is->issuer), STR_ARG(other->id));
		}
		/* Whom to ask about an opaque token it does not say. */
		if (is->introspect.text.n && other->introspect.text.n) {
			config_report(c, node->at, "only one issuer can be asked about tokens");
		}
	}
}

static void read_issuers(struct config_ctx *c, const struct config_field *f,
			 const struct json *node, void *to)
{
	static const struct str usual_type = STR_INIT("at+jwt");
	static const struct str usual_algorithms[] = {STR_INIT("RS256"), STR_INIT("PS256"),
						      STR_INIT("ES256"), STR_INIT("EdDSA")};
	struct config_oauth *o = to;
	struct config_issuer *items;
	size_t n;

	(void)f;
	items = config_items(c, node, JSON_OBJECT, MAX_ISSUERS, sizeof(*items), &n);
	o->issuers = items;
	JSON_EACH (item, n ? node : NULL) {
		struct config_issuer *is = &items[o->n_issuers];

		if (!config_is_id(item->key)) {
			config_report(c, item->key_at,
				      "an issuer's id has 1 to 32 characters of a-z, 0-9, '_' and "
				      "'-', and begins with a letter or a digit");
		}
		is->id = item->key;
		is->types = (struct config_strs){&usual_type, 1};
		is->algorithms =
			(struct config_strs){usual_algorithms, ARRAY_LEN(usual_algorithms)};
		config_read_fields(c, item, issuer_fields, ARRAY_LEN(issuer_fields), "an issuer",
				   is);
		check_issuer(c, item, o, is);
		o->n_issuers++;
	}
}

void config_read_oauth(struct config_ctx *c, const struct config_field *f, const struct json *node,
		       void *to)
{
	static const struct config_field fields[] = {
		CONFIG_KEY("resource", read_resource, struct config_oauth, resource,
			   .required = true),
		CONFIG_KEY("scopes", read_scopes, struct config_oauth, scopes),
		{.key = STR_INIT("issuers"), .read = read_issuers, .required = true},
		CONFIG_KEY("clock_skew", config_read_duration, struct config_oauth, skew_ns,
			   .min = 0, .max = 300 * SEC),
		CONFIG_KEY("introspection_cache", config_read_duration, struct config_oauth,
			   cache_ns, .min = 0, .max = 3600 * SEC),
	};
	struct config_oauth *o = to;

	(void)f;
	if (node->type == JSON_NULL) {
		return;
	}
	*o = (struct config_oauth){.skew_ns = 30 * SEC, .cache_ns = 60 * SEC};
	config_read_fields(c, node, fields, ARRAY_LEN(fields), "oauth", o);
	if (o->n_issuers == 0 && node->type == JSON_OBJECT) {
		config_report(c, node->at, "oauth needs at least one issuer");
	}
}

/* ---- tokens for servers ---- */

static const char ONE_PROOF[] =
	"a client is proved by 'client_secret_file' or by 'private_key_file'";
static const char KEY_ID[] = "'key_id' is of a 'private_key_file'";

static const char *wrong_in_own(const struct config_grant *g)
{
	return !g->client_id.n                       ? "oauth needs 'client_id', or 'login: true'"
	       : !g->secret_file.n == !g->key_file.n ? ONE_PROOF
	       : g->client_metadata.n                ? "'client_metadata_url' is for 'login: true'"
	       : g->idp && !g->issuer.n              ? "what an identity provider gives is for one "
						       "authorization server: name it as "
						       "'issuer'"
						     : NULL;
}

/* The id of a client can be the URL of its metadata: https, with a path, which a stranger will fetch. */
static bool is_metadata_url(struct config_ctx *c, struct str text)
{
	struct config_url url;
	struct err err;

	return config_url_parse(c->a, text, &url, &err) == ERR_OK && url.tls && url.target.n > 1;
}

static const char *wrong_in_login(struct config_ctx *c, const struct config_grant *g)
{
	bool proof = g->secret_file.n || g->key_file.n;

	return g->idp ? "with 'identity_provider' a person logs in there: 'login' stands below it"
	       : proof && !g->client_id.n          ? "a secret or a key is of a 'client_id'"
	       : g->secret_file.n && g->key_file.n ? ONE_PROOF
	       : g->client_metadata.n && g->client_id.n
		       ? "'client_id' and 'client_metadata_url' exclude each other"
	       : g->client_metadata.n && !is_metadata_url(c, g->client_metadata)
		       ? "'client_metadata_url' is an https URL with a path"
		       : NULL;
}

/* ---- where an organisation says who may use which server ---- */

/* What is behind urn:ietf:params:oauth:token-type: (RFC 8693 section 3). */
static void read_subject_type(struct config_ctx *c, const struct config_field *f,
			      const struct json *node, void *to)
{
	static const struct str known[] = {STR_INIT("id_token"), STR_INIT("access_token"),
					   STR_INIT("refresh_token"), STR_INIT("saml2")};
	struct str *type = to;

	config_read_text(c, f, node, type);
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (str_eq(known[i], *type)) {
			return;
		}
	}
	if (type->n) {
		config_report(c, node->at,
			      "what is exchanged is an id_token, access_token, refresh_token or "
			      "saml2");
	}
}

static const char *wrong_in_idp(const struct config_grant *g)
{
	return g->secret_file.n && g->key_file.n ? ONE_PROOF
	       : g->login == (g->subject_file.n > 0)
		       ? "who is vouched for is known by 'login: true' or by a "
			 "'subject_token_file'"
	       : g->subject_type.n && !g->subject_file.n
		       ? "'subject_token_type' is of a 'subject_token_file'"
		       : NULL;
}

static void read_idp(struct config_ctx *c, const struct config_field *f, const struct json *node,
		     void *to)
{
	static const struct config_field fields[] = {
		CONFIG_KEY("issuer", read_issuer, struct config_grant, issuer, .required = true),
		CONFIG_KEY("client_id", config_read_text, struct config_grant, client_id,
			   .required = true),
		CONFIG_KEY("client_secret_file", config_read_path, struct config_grant,
			   secret_file),
		CONFIG_KEY("private_key_file", config_read_path, struct config_grant, key_file),
		CONFIG_KEY("key_id", config_read_text, struct config_grant, key_id),
		CONFIG_KEY("login", config_read_bool, struct config_grant, login),
		CONFIG_KEY("scopes", read_scopes, struct config_grant, scopes),
		CONFIG_KEY("subject_token_file", config_read_path, struct config_grant,
			   subject_file),
		CONFIG_KEY("subject_token_type", read_subject_type, struct config_grant,
			   subject_type),
	};
	struct config_grant *idp = ARENA_NEW(c->a, struct config_grant);
	const char *wrong;

	(void)f;
	if (!idp) {
		config_nomem(c);
		return;
	}
	config_read_fields(c, node, fields, ARRAY_LEN(fields), "identity_provider", idp);
	wrong = idp->key_id.n && !idp->key_file.n ? KEY_ID : wrong_in_idp(idp);
	if (node->type == JSON_OBJECT && wrong) {
		config_report(c, node->at, "%s", wrong);
	}
	if (idp->subject_file.n && !idp->subject_type.n) {
		idp->subject_type = STR("id_token");
	}
	*(const struct config_grant **)to = idp;
}

void config_read_grant(struct config_ctx *c, const struct config_field *f, const struct json *node,
		       void *to)
{
	static const struct config_field fields[] = {
		CONFIG_KEY("login", config_read_bool, struct config_grant, login),
		CONFIG_KEY("client_id", config_read_text, struct config_grant, client_id),
		CONFIG_KEY("client_metadata_url", config_read_text, struct config_grant,
			   client_metadata),
		CONFIG_KEY("client_secret_file", config_read_path, struct config_grant,
			   secret_file),
		CONFIG_KEY("private_key_file", config_read_path, struct config_grant, key_file),
		CONFIG_KEY("key_id", config_read_text, struct config_grant, key_id),
		CONFIG_KEY("issuer", read_issuer, struct config_grant, issuer),
		CONFIG_KEY("scopes", read_scopes, struct config_grant, scopes),
		CONFIG_KEY("identity_provider", read_idp, struct config_grant, idp),
	};
	struct config_grant *grant = ARENA_NEW(c->a, struct config_grant);
	const char *wrong;

	(void)f;
	if (!grant) {
		config_nomem(c);
		return;
	}
	config_read_fields(c, node, fields, ARRAY_LEN(fields), "oauth", grant);
	wrong = grant->login ? wrong_in_login(c, grant) : wrong_in_own(grant);
	if (node->type == JSON_OBJECT && wrong) {
		config_report(c, node->at, "%s", wrong);
	} else if (grant->key_id.n && !grant->key_file.n) {
		config_report(c, node->at, "%s", KEY_ID);
	} else if (grant->secret_file.n && !grant->issuer.n) {
		/* A server could name one of its own, which would learn the secret. */
		config_report(c, node->at,
			      "a secret is for one authorization server: name it as 'issuer'");
	}
	*(const struct config_grant **)to = grant;
}
