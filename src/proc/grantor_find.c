/* SPDX-License-Identifier: Apache-2.0 */
/* What a grantor asks whom, and how it finds out who issues tokens for a server. */
#include "proc/grantor_priv.h"

#include "base/clock.h"
#include "sys/fd.h"

static const char SYSTEM_ROOTS[] = "/etc/ssl/certs/ca-certificates.crt";

enum err_code dance_file(struct dance *d, struct str name, struct str *ret, struct err *err)
{
	for (unsigned i = 0; i < d->g->n_files; i++) {
		if (str_eq(str_from_c(d->g->files[i].name), name)) {
			return fd_read_all(d->g->files[i].fd, FILE_BYTES, &d->arena, ret, err);
		}
	}
	return ERR(err, ERR_NOT_FOUND, "there is no " STR_FMT, STR_ARG(name));
}

enum err_code dance_text(struct dance *d, struct str name, struct str *ret, struct err *err)
{
	TRY(dance_file(d, name, ret, err));
	while (ret->n && (ret->p[ret->n - 1] == '\n' || ret->p[ret->n - 1] == '\r')) {
		ret->n--;
	}
	return ERR_OK;
}

bool dance_at_idp(const struct dance *d)
{
	return d->grant != d->server->oauth;
}

/* ---- requests ---- */

/* https; or, of a server on this machine, http on this machine. */
enum err_code dance_url(struct dance *d, struct str text, struct config_url *ret, struct err *err)
{
	TRY(config_url_parse(&d->arena, text, ret, err));
	return ret->tls || (ret->loopback && d->server->url.loopback)
		       ? ERR_OK
		       : ERR(err, ERR_DENIED, "it names an address without TLS: " STR_FMT,
			     STR_ARG(text));
}

static bool is_own(const struct dance *d, const struct config_url *url)
{
	return str_ieq(url->host, d->server->url.host) && url->port == d->server->url.port;
}

enum err_code dance_get(struct dance *d, struct str from, struct fetch_answer *ret, struct err *err)
{
	static const struct http_field accept = {STR_INIT("Accept"), STR_INIT("application/json")};
	const struct tls_pins pins = {.items = &d->server->pin, .n = d->server->has_pin};
	struct config_url url;
	struct fetch_request r = {.url = &url, .fields = &accept, .n_fields = 1, .tls = d->tls};

	TRY(dance_url(d, from, &url, err));
	r.pins = is_own(d, &url) ? &pins : NULL;
	return fetch(&d->g->fetcher, &r, &d->arena, ret, err);
}

/* Asks the server for what it will refuse, to learn by its challenge who issues tokens for it. */
static enum err_code meet_challenge(struct dance *d, struct err *err)
{
	static const struct http_field fields[] = {
		{STR_INIT("Content-Type"), STR_INIT("application/json")},
		{STR_INIT("Accept"), STR_INIT("application/json, text/event-stream")},
	};
	const struct tls_pins pins = {.items = &d->server->pin, .n = d->server->has_pin};
	const struct fetch_request r = {
		.url = &d->server->url,
		.fields = fields,
		.n_fields = ARRAY_LEN(fields),
		.body = STR("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"ping\"}"),
		.tls = d->tls,
		.pins = &pins,
	};
	struct fetch_answer answer;

	TRY(fetch(&d->g->fetcher, &r, &d->arena, &answer, err));
	if (answer.status == 401 && answer.challenge.n) {
		d->met = oauth_challenge_read(&d->arena, answer.challenge, &d->wanted);
	}
	return ERR_OK; /* without a challenge the well-known places tell */
}

/* ---- who issues ---- */

static enum err_code take_resource(struct dance *d, struct str text, struct err *err)
{
	TRY(oauth_resource_read(&d->arena, text, &d->resource, err));
	return oauth_resource_is(d->resource.resource, d->server->url.text)
		       ? ERR_OK
		       : ERR(err, ERR_DENIED, "the metadata is of another resource");
}

static enum err_code find_resource(struct dance *d, struct err *err)
{
	struct str places[OAUTH_PLACES_MAX];
	struct fetch_answer answer;
	size_t n = 1;

	if (d->wanted.metadata.n) {
		places[0] = d->wanted.metadata;
	} else {
		n = oauth_resource_places(&d->arena, d->server->url.text, places);
	}
	for (size_t i = 0; i < n; i++) {
		TRY(dance_get(d, places[i], &answer, err));
		if (answer.status == 200) {
			return take_resource(d, answer.body, err);
		}
	}
	return ERR(err, ERR_NOT_FOUND,
		   "the server does not say who issues tokens for it (RFC 9728)");
}

static enum err_code choose_issuer(const struct dance *d, struct str *ret, struct err *err)
{
	struct str wanted = d->server->oauth->issuer;

	*ret = d->resource.servers[0];
	if (!wanted.n) {
		return ERR_OK;
	}
	*ret = wanted;
	return oauth_has_text(d->resource.servers, d->resource.n_servers, wanted)
		       ? ERR_OK
		       : ERR(err, ERR_DENIED,
			     "the server names other authorization servers than the configured "
			     "issuer");
}

enum err_code dance_server(struct dance *d, struct str issuer, struct err *err)
{
	struct str places[OAUTH_PLACES_MAX];
	struct fetch_answer answer;
	size_t n;

	n = oauth_server_places(&d->arena, issuer, places);
	for (size_t i = 0; i < n; i++) {
		TRY(dance_get(d, places[i], &answer, err));
		if (answer.status == 200) {
			return oauth_server_read(&d->arena, answer.body, issuer, &d->from, err);
		}
	}
	return ERR(err, ERR_NOT_FOUND, "the authorization server has no metadata (RFC 8414)");
}

/* ---- as its client ---- */

enum err_code dance_client(struct dance *d, struct oauth_client *ret, struct jws_signer **signer,
			   struct err *err)
{
	const struct config_grant *grant = d->grant;
	struct str pem;

	ret->id = grant->client_id;
	ret->key_id = grant->key_id;
	if (grant->secret_file.n) {
		TRY(dance_text(d, grant->secret_file, &ret->secret, err));
	}
	if (grant->key_file.n) {
		TRY(dance_file(d, grant->key_file, &pem, err));
		TRY(jws_signer_new(pem, signer, err));
		ret->signer = *signer;
	}
	return ERR_OK;
}

enum err_code dance_post(struct dance *d, struct str to, struct str type, struct str body,
			 struct str authorization, struct fetch_answer *ret, struct err *err)
{
	const struct http_field fields[] = {
		{STR("Content-Type"), type},
		{STR("Accept"), STR("application/json")},
		{STR("Authorization"), authorization},
	};
	struct config_url url;
	const struct fetch_request r = {
		.url = &url,
		.fields = fields,
		.n_fields = authorization.n ? 3 : 2,
		.body = body,
		.tls = d->tls,
	};

	TRY(dance_url(d, to, &url, err));
	return fetch(&d->g->fetcher, &r, &d->arena, ret, err);
}

enum err_code dance_open(struct dance *d, struct err *err)
{
	struct tls_client_config c = {0};
	struct str ca = d->server->ca_file.n ? d->server->ca_file : str_from_c(SYSTEM_ROOTS);

	if (d->tls) {
		return ERR_OK;
	}
	TRY(dance_file(d, ca, &c.ca_pem, err));
	return tls_client_new(&c, &d->tls, err);
}

enum err_code dance_find(struct dance *d, struct str challenge, struct err *err)
{
	struct str scope, issuer;

	d->met = oauth_challenge_read(&d->arena, challenge, &d->wanted);
	scope = d->wanted.scope;
	if (!d->wanted.metadata.n) {
		TRY(meet_challenge(d, err));
		/* What it refused counts, not what it says to somebody without a token. */
		d->wanted.scope = scope.n ? scope : d->wanted.scope;
	}
	TRY(find_resource(d, err));
	TRY(choose_issuer(d, &issuer, err));
	return dance_server(d, issuer, err);
}

enum err_code dance_scopes(struct dance *d, struct oauth_request *r, struct err *err)
{
	const struct config_strs *own = &d->server->oauth->scopes;

	if (own->n) {
		r->scopes = own->items;
		r->n_scopes = own->n;
		return ERR_OK;
	}
	if (d->wanted.scope.n) {
		return oauth_scopes_split(&d->arena, d->wanted.scope, &r->scopes, &r->n_scopes,
					  err);
	}
	r->scopes = d->resource.scopes;
	r->n_scopes = d->resource.n_scopes;
	return ERR_OK;
}

enum err_code dance_ask(struct dance *d, struct oauth_request *r, struct str endpoint,
			struct fetch_answer *ret, struct err *err)
{
	struct buf body, authorization;
	enum err_code code;

	r->now = clock_real() / CLOCK_SEC;
	rand_bytes(r->nonce, sizeof(r->nonce));
	buf_init(&body, 32 << 10);
	buf_init(&authorization, 8 << 10);
	code = oauth_request_write(r, &body, &authorization, err);
	code = code ? code
		    : dance_post(d, endpoint, STR("application/x-www-form-urlencoded"),
				 buf_str(&body), buf_str(&authorization), ret, err);
	grantor_wipe(&body);
	grantor_wipe(&authorization);
	return code;
}

enum err_code dance_ask_as_client(struct dance *d, struct oauth_request *r,
				  struct fetch_answer *ret, struct err *err)
{
	struct oauth_client client = {0};
	struct jws_signer *signer = NULL;
	enum err_code code = dance_client(d, &client, &signer, err);

	r->client = &client;
	r->server = &d->from;
	r->resource = d->resource.resource;
	code = code ? code : dance_ask(d, r, d->from.token_endpoint, ret, err);
	jws_signer_free(signer);
	return code;
}
