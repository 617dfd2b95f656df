/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/zones.h"

#include "base/clock.h"
#include "gate/residency.h"
#include "sys/fd.h"

enum { FACTS_MAX = 64 << 20 };

static bool is_local(const struct config_url *url)
{
	return url->loopback && !url->tls;
}

bool zone_relays_server(const struct config_server *s)
{
	return s->kind == CONFIG_SERVER_HTTP && (!is_local(&s->url) || s->headers.n || s->oauth);
}

bool zone_relays_model(const struct config_model *m)
{
	return !is_local(&m->url) || m->api_key_file.n;
}

bool zone_relays_keys(const struct config_issuer *is)
{
	return is->keys_url.text.n && !is_local(&is->keys_url);
}

bool zone_relays_introspection(const struct config_issuer *is)
{
	return is->introspect.text.n; /* it wants Writ's own credential, wherever it is */
}

struct str zone_name(const struct config_site *site)
{
	return site ? site->id : STR(ZONE_OF_NO_SITE);
}

const struct zone *zones_find(const struct zones *z, struct str name)
{
	for (unsigned i = 0; i < z->n; i++) {
		if (str_eq(str_from_c(z->items[i].name), name)) {
			return &z->items[i];
		}
	}
	return NULL;
}

static enum err_code add(struct zones *z, const struct config_site *site, bool tls, struct err *err)
{
	struct str name = zone_name(site);
	struct zone *at = (struct zone *)(uintptr_t)zones_find(z, name);

	if (!at && z->n == ROLE_MAX_ZONES) {
		return ERR(err, ERR_LIMIT,
			   "more than %d sites are reached by way of relays: put machines of one "
			   "operator at one site",
			   ROLE_MAX_ZONES);
	}
	if (!at) {
		at = &z->items[z->n++];
		*at = (struct zone){.config_fd = -1};
		memcpy(at->name, name.p, name.n);
	}
	at->tls |= tls;
	return ERR_OK;
}

enum err_code zones_of(const struct config *c, struct zones *ret, struct err *err)
{
	const struct config_oauth *o = &c->identity.oauth;

	ret->n = 0;
	for (size_t i = 0; i < c->n_servers; i++) {
		if (zone_relays_server(&c->servers[i])) {
			TRY(add(ret, c->servers[i].site, c->servers[i].url.tls, err));
		}
	}
	for (size_t i = 0; i < c->n_models; i++) {
		if (zone_relays_model(&c->models[i])) {
			TRY(add(ret, c->models[i].site, c->models[i].url.tls, err));
		}
	}
	for (size_t i = 0; i < o->n_issuers; i++) {
		const struct config_issuer *is = &o->issuers[i];

		if (zone_relays_keys(is) || zone_relays_introspection(is)) {
			TRY(add(ret, NULL, is->keys_url.tls || is->introspect.tls, err));
		}
	}
	return ERR_OK;
}

void zones_done(struct zones *z)
{
	while (z->n) {
		fd_close(&z->items[--z->n].config_fd);
	}
}

bool zone_is_cut(const struct config *c, struct str zone)
{
	const struct config_site *site = config_site_find(c, zone);
	struct residency_facts facts;
	struct arena a;
	struct err err;
	bool cut;

	arena_init(&a, FACTS_MAX);
	cut = residency_read(&a, c, NULL, 0, false, &facts, &err) ||
	      !residency_reaches(&facts, site, (int64_t)(clock_real() / CLOCK_MS));
	arena_done(&a);
	return cut;
}

/* What both kinds of roles that reach others need: no agent, listener, host of the exit, or file. */
static struct config bare(const struct config *c)
{
	struct config ret = *c;

	ret.n_listen = ret.n_servers = ret.n_models = ret.n_agents = 0;
	ret.n_routes = ret.n_budgets = ret.n_credentials = 0;
	ret.identity = (struct config_identity){.oauth = c->identity.oauth};
	ret.egress.n_hosts = ret.egress.n_ranges = ret.egress.n_capture = 0;
	ret.egress.inspect.n = ret.egress.slash_escapes.n = 0;
	return ret;
}

enum err_code zone_view(struct arena *a, const struct config *c, struct str zone,
			struct config *ret, struct err *err)
{
	struct config_server *servers = ARENA_ARRAY(a, c->n_servers + 1, struct config_server);
	struct config_model *models = ARENA_ARRAY(a, c->n_models + 1, struct config_model);
	struct config view = bare(c);

	if (!servers || !models) {
		return ERR(err, ERR_NOMEM, "no memory for a zone");
	}
	view.sites = config_site_find(c, zone);
	view.n_sites = view.sites ? 1 : 0;
	if (view.sites) {
		view.identity.oauth.n_issuers = 0;
	}
	for (size_t i = 0; i < c->n_servers; i++) {
		const struct config_server *s = &c->servers[i];

		if (zone_relays_server(s) && str_eq(zone_name(s->site), zone)) {
			servers[view.n_servers++] = *s;
		}
	}
	for (size_t i = 0; i < c->n_models; i++) {
		const struct config_model *m = &c->models[i];

		if (zone_relays_model(m) && str_eq(zone_name(m->site), zone)) {
			models[view.n_models++] = *m;
		}
	}
	view.servers = servers;
	view.models = models;
	*ret = view;
	return ERR_OK;
}

/* Names stay: that there is a header says that a relay is needed. Its text can be a credential. */
static enum err_code hide_texts(struct arena *a, struct config_entries *headers, struct err *err)
{
	struct config_entry *items = ARENA_ARRAY(a, headers->n + 1, struct config_entry);

	if (!items) {
		return ERR(err, ERR_NOMEM, "no memory for a zone");
	}
	for (size_t i = 0; i < headers->n; i++) {
		items[i] = headers->items[i];
		items[i].text = items[i].secret_file.n ? items[i].text : STR("-");
	}
	headers->items = items;
	return ERR_OK;
}

enum err_code zone_view_of_connector(struct arena *a, const struct config *c, struct config *ret,
				     struct err *err)
{
	struct config_server *servers = ARENA_ARRAY(a, c->n_servers + 1, struct config_server);
	struct config view = bare(c);

	if (!servers) {
		return ERR(err, ERR_NOMEM, "no memory for a zone");
	}
	for (size_t i = 0; i < c->n_servers; i++) {
		if (c->servers[i].kind == CONFIG_SERVER_HTTP) {
			servers[view.n_servers] = c->servers[i];
			TRY(hide_texts(a, &servers[view.n_servers++].headers, err));
		}
	}
	view.servers = servers;
	view.n_models = c->n_models;
	*ret = view;
	return ERR_OK;
}
