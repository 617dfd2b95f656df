/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/upstream.h"

#include "base/clock.h"
#include "base/hex.h"
#include "gate/residency.h"
#include "http/field.h"
#include "ipc/relay_h2.h"
#include "oauth/grant.h"
#include "proc/zones.h"
#include "sys/fd.h"

#include <stdlib.h>

enum { TABLE_LIMIT = 64 << 20, FILE_MAX = 1 << 20, HEADERS_MAX = 16 << 10 };

static const char SYSTEM_ROOTS[] = "/etc/ssl/certs/ca-certificates.crt";

struct files {
	const struct role_secret *items; /* NULL: addresses only */
	unsigned n;
};

/* A file's bytes; only the files the supervisor handed over can be had. */
static enum err_code file_bytes(const struct files *files, struct str name, struct arena *a,
				struct str *ret, struct err *err)
{
	for (unsigned i = 0; i < files->n; i++) {
		if (str_eq(str_from_c(files->items[i].file), name)) {
			return fd_read_all(files->items[i].fd, FILE_MAX, a, ret, err);
		}
	}
	return ERR(err, ERR_NOT_FOUND, "the supervisor did not hand over " STR_FMT, STR_ARG(name));
}

/* Appends one header line; `value` may be a secret, so no error shows it. */
static enum err_code add_line(struct buf *lines, struct str name, struct str prefix,
			      struct str value, struct err *err)
{
	while (value.n && (value.p[value.n - 1] == '\n' || value.p[value.n - 1] == '\r')) {
		value.n--;
	}
	if (!http_is_token(name) || !http_is_value(value) || value.n == 0) {
		return ERR(err, ERR_INVALID,
			   "the header " STR_FMT " is empty or holds characters that no header may",
			   STR_ARG(name));
	}
	buf_append(lines, name);
	buf_append(lines, STR(": "));
	buf_append(lines, prefix);
	buf_append(lines, value);
	buf_append(lines, STR("\r\n"));
	return lines->failed ? ERR(err, ERR_LIMIT, "more than %d bytes of headers", HEADERS_MAX)
			     : ERR_OK;
}

/* NULL when none of the table has read this file yet. */
static struct tls_ctx *who_trusts(const struct upstreams *t, struct str roots)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->items[i].tls && str_eq(t->items[i].roots, roots)) {
			return t->items[i].tls;
		}
	}
	return NULL;
}

static enum err_code make_tls(struct upstreams *t, struct upstream *u, struct str ca_file,
			      const struct files *files, struct err *err)
{
	struct tls_client_config c = {0};

	if (!u->url->tls || !files->items) {
		return ERR_OK;
	}
	u->roots = ca_file.n ? ca_file : str_from_c(SYSTEM_ROOTS);
	c.trust_as = who_trusts(t, u->roots);
	if (!c.trust_as) {
		TRY(file_bytes(files, u->roots, &t->arena, &c.ca_pem, err));
	}
	c.http2 = u->http2 != CONFIG_HTTP2_NO;
	c.only_http2 = u->http2 == CONFIG_HTTP2_YES;
	return tls_client_new(&c, &u->tls, err);
}

/*
 * The certificates that a site's operator has signed for: what shows another is not the site. They
 * say nothing about a peer without TLS, so such a peer is not dialled.
 */
static enum err_code use_manifest(struct upstreams *t, struct upstream *u,
				  const struct site_manifest *m, struct err *err)
{
	uint8_t(*pins)[TLS_FINGERPRINT];

	if (m->certificates.n == 0 || u->pins.n) {
		return ERR_OK;
	}
	pins = arena_array(&t->arena, m->certificates.n, sizeof(*pins));
	if (!pins) {
		return ERR(err, ERR_NOMEM, "no memory for the certificates of a site");
	}
	for (size_t i = 0; i < m->certificates.n; i++) {
		if (!u->url->tls || !hex_read(m->certificates.items[i], pins[i], TLS_FINGERPRINT)) {
			return ERR(err, ERR_INVALID,
				   STR_FMT " cannot show a certificate of its site",
				   STR_ARG(u->name));
		}
	}
	u->pins = (struct tls_pins){.items = (const uint8_t(*)[TLS_FINGERPRINT])pins,
				    .n = m->certificates.n};
	return ERR_OK;
}

/* What the site's owner stated, and whether anything of it is to be reached now. */
static enum err_code use_site(struct upstreams *t, struct upstream *u,
			      const struct residency_facts *facts, const struct config_site *site,
			      struct err *err)
{
	u->cut = !residency_reaches(facts, site, (int64_t)(clock_real() / CLOCK_MS));
	return site ? use_manifest(t, u, &facts->manifests[site - facts->cfg->sites], err) : ERR_OK;
}

/* Moves the lines into memory that is wiped at its end. */
static enum err_code finish(struct upstream *u, struct buf *lines, struct err *err)
{
	enum err_code code = secret_copy(&u->headers, buf_str(lines), err);

	if (!code && u->http2 != CONFIG_HTTP2_NO) {
		struct buf fields;

		buf_init(&fields, HEADERS_MAX);
		code = relay_h2_fields(buf_str(lines), &fields)
			       ? secret_copy(&u->fields, buf_str(&fields), err)
			       : ERR(err, ERR_LIMIT, "more than %d bytes of headers, for HTTP/2",
				     RELAY_H2_FIELDS_MAX);
		if (fields.p) {
			secret_wipe(fields.p, fields.cap);
		}
		buf_done(&fields);
	}
	if (lines->p) {
		secret_wipe(lines->p, lines->cap);
	}
	return code;
}

static enum err_code add_server(struct upstreams *t, const struct residency_facts *facts,
				const struct config_server *s, const struct files *files,
				struct buf *lines, struct err *err)
{
	struct upstream *u = &t->items[t->n];

	u->name = arena_printf(&t->arena, "server:" STR_FMT, STR_ARG(s->id));
	u->url = &s->url;
	u->http2 = s->http2;
	u->pins = (struct tls_pins){.items = &s->pin, .n = s->has_pin};
	u->server = s->oauth ? s->id : str_make(NULL, 0);
	u->login = config_login_of(s) != NULL;
	u->consent = s->oauth && s->oauth->login;
	TRY(use_site(t, u, facts, s->site, err));
	u->zone = zone_name(s->site);
	u->direct = !zone_relays_server(s);
	for (size_t i = 0; i < s->headers.n && files->items; i++) {
		const struct config_entry *h = &s->headers.items[i];
		struct str value = h->text;

		if (h->secret_file.n) {
			TRY(file_bytes(files, h->secret_file, &t->arena, &value, err));
		}
		TRY(add_line(lines, h->name, STR(""), value, err));
	}
	TRY(make_tls(t, u, s->ca_file, files, err));
	TRY(finish(u, lines, err));
	t->n++;
	return ERR_OK;
}

static enum err_code add_model(struct upstreams *t, const struct residency_facts *facts,
			       const struct config_model *m, const struct files *files,
			       struct buf *lines, struct err *err)
{
	struct upstream *u = &t->items[t->n];

	u->name = arena_printf(&t->arena, "model:" STR_FMT, STR_ARG(m->name));
	u->url = &m->url;
	u->http2 = m->http2;
	u->zone = zone_name(m->site);
	u->direct = !zone_relays_model(m);
	TRY(use_site(t, u, facts, m->site, err));
	if (m->api_key_file.n && files->items) {
		struct str key;

		TRY(file_bytes(files, m->api_key_file, &t->arena, &key, err));
		TRY(m->engine == CONFIG_ENGINE_ANTHROPIC
			    ? add_line(lines, STR("x-api-key"), STR(""), key, err)
			    : add_line(lines, STR("Authorization"), STR("Bearer "), key, err));
	}
	TRY(make_tls(t, u, m->ca_file, files, err));
	TRY(finish(u, lines, err));
	t->n++;
	return ERR_OK;
}

/* RFC 6749 section 2.3.1: both are form-urlencoded before they are put together. */
static enum err_code add_basic(struct upstreams *t, const struct config_issuer *is,
			       const struct files *files, struct buf *lines, struct err *err)
{
	struct buf pair, encoded;
	struct str secret;
	enum err_code code;

	TRY(file_bytes(files, is->secret_file, &t->arena, &secret, err));
	while (secret.n && (secret.p[secret.n - 1] == '\n' || secret.p[secret.n - 1] == '\r')) {
		secret.n--;
	}
	buf_init(&pair, HEADERS_MAX);
	buf_init(&encoded, HEADERS_MAX);
	oauth_form_append(&pair, is->client_id);
	buf_append_c(&pair, ':');
	oauth_form_append(&pair, secret);
	base64_append(&encoded, buf_str(&pair).p, buf_len(&pair));
	code = pair.failed || encoded.failed ? ERR(err, ERR_LIMIT, "a client's secret is too long")
					     : add_line(lines, STR("Authorization"), STR("Basic "),
							buf_str(&encoded), err);
	if (pair.p) {
		secret_wipe(pair.p, pair.cap);
	}
	if (encoded.p) {
		secret_wipe(encoded.p, encoded.cap);
	}
	buf_done(&pair);
	buf_done(&encoded);
	return code;
}

/* What gates ask an issuer: for its keys, and about opaque tokens. */
static enum err_code add_issuer(struct upstreams *t, const struct residency_facts *facts,
				const struct config_issuer *is, const struct files *files,
				struct buf *lines, struct err *err)
{
	const struct config_url *urls[] = {&is->keys_url, &is->introspect};
	static const char *const kinds[] = {"keys", "introspect"};

	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		struct upstream *u = &t->items[t->n];

		if (urls[i]->text.n == 0) {
			continue;
		}
		buf_clear(lines);
		u->name = arena_printf(&t->arena, "%s:" STR_FMT, kinds[i], STR_ARG(is->id));
		u->url = urls[i];
		u->zone = zone_name(NULL);
		u->direct = i == 0 ? !zone_relays_keys(is) : !zone_relays_introspection(is);
		if (i == 1 && files->items) {
			TRY(add_basic(t, is, files, lines, err));
		}
		TRY(use_site(t, u, facts, NULL, err));
		TRY(make_tls(t, u, is->ca_file, files, err));
		TRY(finish(u, lines, err));
		t->n++;
	}
	return ERR_OK;
}

static enum err_code fill(struct upstreams *t, const struct config *config,
			  const struct files *files, struct err *err)
{
	const struct config_oauth *oauth = &config->identity.oauth;
	enum err_code code = ERR_OK;
	struct residency_facts facts;
	struct buf lines;

	t->severed = config->severed.n > 0;
	TRY(residency_read(&t->arena, config, NULL, 0, false, &facts, err));
	t->items = ARENA_ARRAY(&t->arena,
			       config->n_servers + config->n_models + 2 * oauth->n_issuers + 1,
			       struct upstream);
	if (!t->items) {
		return ERR(err, ERR_NOMEM, "no memory for the upstreams");
	}
	buf_init(&lines, HEADERS_MAX);
	for (size_t i = 0; i < config->n_servers && !code; i++) {
		if (config->servers[i].kind == CONFIG_SERVER_HTTP) {
			buf_clear(&lines);
			code = add_server(t, &facts, &config->servers[i], files, &lines, err);
		}
	}
	for (size_t i = 0; i < config->n_models && !code; i++) {
		buf_clear(&lines);
		code = add_model(t, &facts, &config->models[i], files, &lines, err);
	}
	for (size_t i = 0; i < oauth->n_issuers && !code; i++) {
		code = add_issuer(t, &facts, &oauth->issuers[i], files, &lines, err);
	}
	if (lines.p) {
		secret_wipe(lines.p, lines.cap); /* also after a failure in the middle */
	}
	buf_done(&lines);
	return code;
}

enum err_code upstreams_init(struct upstreams *ret, struct str config_json,
			     const struct role_secret *secrets, unsigned n_files, struct err *err)
{
	const struct files files = {.items = secrets, .n = n_files};
	struct upstreams t = {0};
	enum err_code code;
	struct config *config;

	arena_init(&t.arena, TABLE_LIMIT);
	config = ARENA_NEW(&t.arena, struct config);
	code = config ? config_decode_json(&t.arena, config_json, config, err)
		      : ERR(err, ERR_NOMEM, "no memory for the configuration");
	t.config = config;
	code = code ? code : fill(&t, config, &files, err);
	if (code) {
		upstreams_done(&t);
		return code;
	}
	*ret = t;
	return ERR_OK;
}

bool upstream_stranger(const struct upstreams *u, struct str server, struct str host, uint16_t port,
		       char *to, struct config_url *ret, bool *ret_any)
{
	const struct config_server *s = config_server_find(u->config, server);
	struct egress_host name;
	struct config_url issuer;
	struct arena a;
	struct err err;

	if (!s || !s->oauth || egress_name_parse(host, &name, &err) || port == 0) {
		return false;
	}
	memcpy(to, name.name, name.n);
	*ret = (struct config_url){.host = str_make(to, name.n),
				   .port = port,
				   .ip = name.is_ip,
				   .ipv6 = name.is_ip && name.ip.v6,
				   .loopback = egress_is_localhost(egress_host_name(&name))};
	*ret_any = str_ieq(ret->host, s->url.host);
	for (const struct config_grant *g = s->oauth; g && !*ret_any; g = g->idp) {
		arena_init(&a, 16 << 10);
		*ret_any = g->issuer.n &&
			   config_url_parse(&a, g->issuer, &issuer, &err) == ERR_OK &&
			   str_ieq(ret->host, issuer.host);
		arena_done(&a);
	}
	/* "localhost" is this machine without a look-up: then the name itself has to be ours. */
	return *ret_any || !ret->loopback;
}

void upstreams_done(struct upstreams *u)
{
	for (size_t i = 0; i < u->n; i++) {
		secret_done(&u->items[i].headers);
		secret_done(&u->items[i].fields);
		tls_ctx_free(u->items[i].tls);
	}
	/* File bytes went through the arena: wipe what it held before it is freed. */
	arena_wipe(&u->arena);
	arena_done(&u->arena);
	*u = (struct upstreams){0};
}

const struct upstream *upstream_find(const struct upstreams *u, struct str name)
{
	for (size_t i = 0; i < u->n; i++) {
		if (str_eq(u->items[i].name, name)) {
			return &u->items[i];
		}
	}
	return NULL;
}

enum err_code upstream_table_load(struct upstream_table **newest, const struct role_boot *boot,
				  bool addresses_only, struct err *err)
{
	struct upstream_table *t = calloc(1, sizeof(*t));
	enum err_code code;
	struct str text;

	if (!t) {
		return ERR(err, ERR_NOMEM, "no memory for the upstreams");
	}
	arena_init(&t->text, TABLE_LIMIT);
	code = fd_read_all(boot->config_fd, TABLE_LIMIT, &t->text, &text, err);
	code = code ? code
		    : upstreams_init(&t->upstreams, text, addresses_only ? NULL : boot->secrets,
				     addresses_only ? 0 : boot->n_secrets, err);
	if (code) {
		arena_done(&t->text);
		free(t);
		return code;
	}
	t->older = *newest;
	*newest = t;
	return ERR_OK;
}

void upstream_tables_sweep(struct upstream_table *newest)
{
	for (struct upstream_table **at = &newest->older; *at;) {
		struct upstream_table *t = *at;

		if (t->uses) {
			at = &t->older;
			continue;
		}
		*at = t->older;
		upstreams_done(&t->upstreams);
		arena_done(&t->text);
		free(t);
	}
}
