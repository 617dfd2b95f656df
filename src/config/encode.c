/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration as JSON, in the order of struct config. */
#include "config/encode_priv.h"

#include "base/hex.h"
#include "json/write.h"

void config_put_text(struct json_writer *w, struct str key, struct str value)
{
	if (value.n) {
		json_w_member_str(w, key, value);
	}
}

void config_put_duration(struct json_writer *w, struct str key, uint64_t ns)
{
	char text[32];
	struct buf b;

	buf_init(&b, sizeof(text));
	buf_append_u64(&b, ns);
	buf_append(&b, STR("ns"));
	json_w_member_str(w, key, buf_str(&b));
	w->out->failed |= b.failed;
	buf_done(&b);
}

static void member_hex(struct json_writer *w, struct str key, const uint8_t digest[static 32])
{
	char text[64];

	hex_write(text, digest, 32);
	json_w_member_str(w, key, str_make(text, sizeof(text)));
}

void config_put_strs(struct json_writer *w, struct str key, struct config_strs strs)
{
	if (strs.n == 0) {
		return;
	}
	json_w_key(w, key);
	json_w_array(w);
	for (size_t i = 0; i < strs.n; i++) {
		json_w_str(w, strs.items[i]);
	}
	json_w_end(w);
}

static void member_entries(struct json_writer *w, struct str key, struct config_entries entries)
{
	if (entries.n == 0) {
		return;
	}
	json_w_key(w, key);
	json_w_object(w);
	for (size_t i = 0; i < entries.n; i++) {
		const struct config_entry *e = &entries.items[i];

		json_w_key(w, e->name);
		if (e->secret_file.n) {
			json_w_object(w);
			json_w_member_str(w, STR("secret_file"), e->secret_file);
			json_w_end(w);
		} else {
			json_w_str(w, e->text);
		}
	}
	json_w_end(w);
}

/* A tree that was YAML or JSON. Depth was bounded when it was decoded. */
static void put_tree(struct json_writer *w, const struct json *j)
{
	switch (j->type) {
	case JSON_NULL:
		json_w_null(w);
		return;
	case JSON_BOOL:
		json_w_bool(w, j->boolean);
		return;
	case JSON_NUMBER:
		json_w_raw(w, j->text);
		return;
	case JSON_STRING:
		json_w_str(w, j->text);
		return;
	case JSON_ARRAY:
		json_w_array(w);
		break;
	case JSON_OBJECT:
		json_w_object(w);
		break;
	}
	JSON_EACH (item, j) {
		if (j->type == JSON_OBJECT) {
			json_w_key(w, item->key);
		}
		put_tree(w, item);
	}
	json_w_end(w);
}

static void put_listen(struct json_writer *w, const struct config *cfg)
{
	json_w_key(w, STR("listen"));
	json_w_array(w);
	for (size_t i = 0; i < cfg->n_listen; i++) {
		const struct config_listen *l = &cfg->listen[i];

		json_w_object(w);
		if (l->kind == CONFIG_LISTEN_UNIX) {
			struct buf b;

			buf_init(&b, 4096);
			buf_append(&b, STR("unix:"));
			buf_append(&b, l->path);
			json_w_member_str(w, STR("address"), buf_str(&b));
			w->out->failed |= b.failed;
			buf_done(&b);
		} else {
			json_w_member_str(w, STR("address"), l->address);
		}
		if (l->serves == CONFIG_SERVES_PROXY) {
			json_w_member_str(w, STR("kind"), STR("proxy"));
		}
		if (l->has_tls) {
			json_w_key(w, STR("tls"));
			json_w_object(w);
			json_w_member_str(w, STR("cert"), l->tls.cert);
			json_w_member_str(w, STR("key"), l->tls.key);
			config_put_text(w, STR("client_ca"), l->tls.client_ca);
			json_w_end(w);
		}
		if (l->http2 != l->has_tls) {
			json_w_member_bool(w, STR("http2"), l->http2);
		}
		json_w_end(w);
	}
	json_w_end(w);
}

static void put_api_keys(struct json_writer *w, const struct config_identity *id)
{
	json_w_key(w, STR("api_keys"));
	json_w_array(w);
	for (size_t i = 0; i < id->n_api_keys; i++) {
		json_w_object(w);
		json_w_member_str(w, STR("agent"), id->api_keys[i].agent);
		member_hex(w, STR("key_sha256"), id->api_keys[i].sha256);
		config_put_text(w, STR("owner"), id->api_keys[i].owner);
		json_w_end(w);
	}
	json_w_end(w);
}

static void put_introspection(struct json_writer *w, const struct config_issuer *is,
			      enum config_view view)
{
	json_w_key(w, STR("introspection"));
	json_w_object(w);
	json_w_member_str(w, STR("url"), is->introspect.text);
	if (view == CONFIG_VIEW_FULL) {
		config_put_text(w, STR("client_id"), is->client_id);
		config_put_text(w, STR("client_secret_file"), is->secret_file);
	}
	json_w_end(w);
}

static void put_oauth(struct json_writer *w, const struct config_oauth *o, enum config_view view)
{
	json_w_key(w, STR("oauth"));
	json_w_object(w);
	json_w_member_str(w, STR("resource"), o->resource.text);
	config_put_strs(w, STR("scopes"), o->scopes);
	config_put_duration(w, STR("clock_skew"), o->skew_ns);
	config_put_duration(w, STR("introspection_cache"), o->cache_ns);
	json_w_key(w, STR("issuers"));
	json_w_object(w);
	for (size_t i = 0; i < o->n_issuers; i++) {
		const struct config_issuer *is = &o->issuers[i];

		json_w_key(w, is->id);
		json_w_object(w);
		json_w_member_str(w, STR("issuer"), is->issuer);
		config_put_text(w, STR("jwks_url"), is->keys_url.text);
		config_put_text(w, STR("jwks_file"), is->keys_file);
		config_put_text(w, STR("jwks_text"), is->keys);
		if (is->introspect.text.n) {
			put_introspection(w, is, view);
		}
		if (view == CONFIG_VIEW_FULL) {
			config_put_text(w, STR("ca_file"), is->ca_file);
		}
		config_put_strs(w, STR("audiences"), is->audiences);
		config_put_strs(w, STR("token_types"), is->types);
		config_put_strs(w, STR("algorithms"), is->algorithms);
		json_w_end(w);
	}
	json_w_end(w);
	json_w_end(w);
}

static void put_identity(struct json_writer *w, const struct config_identity *id,
			 enum config_view view)
{
	json_w_key(w, STR("identity"));
	json_w_object(w);
	put_api_keys(w, id);
	json_w_key(w, STR("mtls"));
	json_w_array(w);
	for (size_t i = 0; i < id->n_mtls; i++) {
		json_w_object(w);
		json_w_member_str(w, STR("agent"), id->mtls[i].agent);
		member_hex(w, STR("fingerprint_sha256"), id->mtls[i].fingerprint);
		json_w_end(w);
	}
	json_w_end(w);
	json_w_key(w, STR("unix"));
	json_w_array(w);
	for (size_t i = 0; i < id->n_unix_peers; i++) {
		json_w_object(w);
		json_w_member_str(w, STR("agent"), id->unix_peers[i].agent);
		json_w_member_u64(w, STR("uid"), id->unix_peers[i].uid);
		json_w_end(w);
	}
	json_w_end(w);
	if (id->oauth.n_issuers) {
		put_oauth(w, &id->oauth, view);
	}
	config_put_text(w, STR("anonymous"), id->anonymous);
	json_w_end(w);
}

static void put_data(struct json_writer *w, const struct config_data *d)
{
	static const struct str levels[] = {STR_INIT("public"), STR_INIT("internal"),
					    STR_INIT("confidential"), STR_INIT("restricted")};

	if (!d->stated) {
		return;
	}
	json_w_key(w, STR("data"));
	json_w_object(w);
	json_w_member_str(w, STR("level"), levels[d->level]);
	config_put_strs(w, STR("categories"), d->categories);
	config_put_text(w, STR("purpose"), d->purpose);
	config_put_text(w, STR("origin"), d->origin);
	json_w_end(w);
}

static void put_agents(struct json_writer *w, const struct config *cfg)
{
	json_w_key(w, STR("agents"));
	json_w_object(w);
	for (size_t i = 0; i < cfg->n_agents; i++) {
		const struct config_agent *a = &cfg->agents[i];

		json_w_key(w, a->name);
		json_w_object(w);
		config_put_text(w, STR("owner"), a->owner);
		config_put_text(w, STR("team"), a->team);
		if (a->attributes) {
			json_w_key(w, STR("attributes"));
			put_tree(w, a->attributes);
		}
		put_data(w, &a->data);
		config_put_aliases(w, a);
		json_w_end(w);
	}
	json_w_end(w);
}

static void put_command(struct json_writer *w, const struct config_server *s, enum config_view view)
{
	static const struct str sandboxes[] = {STR_INIT("strict"), STR_INIT("weaker")};
	static const struct str profiles[] = {STR_INIT("native"), STR_INIT("node"),
					      STR_INIT("python")};
	struct config_strs command = s->command;

	if (view == CONFIG_VIEW_GATE) {
		command.n = 1;
	}
	config_put_strs(w, STR("command"), command);
	if (view == CONFIG_VIEW_GATE) {
		return;
	}
	config_put_text(w, STR("cwd"), s->cwd);
	member_entries(w, STR("env"), s->env);
	json_w_key(w, STR("files"));
	json_w_object(w);
	config_put_strs(w, STR("read"), s->files_read);
	config_put_strs(w, STR("write"), s->files_write);
	json_w_end(w);
	json_w_member_str(w, STR("sandbox"), sandboxes[s->sandbox]);
	json_w_member_str(w, STR("profile"), profiles[s->profile]);
}

void config_put_http2(struct json_writer *w, enum config_http2 http2)
{
	switch (http2) {
	case CONFIG_HTTP2_NO:
		return;
	case CONFIG_HTTP2_AUTO:
		json_w_member_str(w, STR("http2"), STR("auto"));
		return;
	case CONFIG_HTTP2_YES:
		json_w_member_bool(w, STR("http2"), true);
		return;
	}
}

static void put_grant(struct json_writer *w, struct str key, const struct config_grant *g)
{
	json_w_key(w, key);
	json_w_object(w);
	if (g->login) {
		json_w_member_bool(w, STR("login"), true);
	}
	config_put_text(w, STR("client_id"), g->client_id);
	config_put_text(w, STR("client_metadata_url"), g->client_metadata);
	config_put_text(w, STR("client_secret_file"), g->secret_file);
	config_put_text(w, STR("private_key_file"), g->key_file);
	config_put_text(w, STR("key_id"), g->key_id);
	config_put_text(w, STR("issuer"), g->issuer);
	config_put_strs(w, STR("scopes"), g->scopes);
	config_put_text(w, STR("subject_token_file"), g->subject_file);
	config_put_text(w, STR("subject_token_type"), g->subject_type);
	if (g->idp) {
		put_grant(w, STR("identity_provider"), g->idp);
	}
	json_w_end(w);
}

static void put_url(struct json_writer *w, const struct config_server *s, enum config_view view)
{
	json_w_member_str(w, STR("url"), s->url.text);
	config_put_http2(w, s->http2);
	if (view == CONFIG_VIEW_GATE) {
		return;
	}
	member_entries(w, STR("headers"), s->headers);
	if (s->oauth) {
		put_grant(w, STR("oauth"), s->oauth);
	}
	config_put_text(w, STR("ca_file"), s->ca_file);
	if (s->has_pin) {
		member_hex(w, STR("pin_sha256"), s->pin);
	}
}

static const struct str protocols[] = {
	[CONFIG_PROTOCOL_AUTO] = STR_INIT("auto"),
	[CONFIG_PROTOCOL_LEGACY] = STR_INIT("legacy"),
	[CONFIG_PROTOCOL_MODERN] = STR_INIT("modern"),
	[CONFIG_PROTOCOL_SSE] = STR_INIT("sse"),
};

static void put_servers(struct json_writer *w, const struct config *cfg, enum config_view view)
{
	static const struct str checks[] = {STR_INIT("enforce"), STR_INIT("observe"),
					    STR_INIT("off")};

	json_w_key(w, STR("servers"));
	json_w_object(w);
	for (size_t i = 0; i < cfg->n_servers; i++) {
		const struct config_server *s = &cfg->servers[i];

		json_w_key(w, s->id);
		json_w_object(w);
		if (s->kind == CONFIG_SERVER_STDIO) {
			put_command(w, s, view);
		} else {
			put_url(w, s, view);
		}
		if (s->site) {
			json_w_member_str(w, STR("site"), s->site->id);
		}
		if (s->protocol != CONFIG_PROTOCOL_AUTO) {
			json_w_member_str(w, STR("protocol"), protocols[s->protocol]);
		}
		config_put_duration(w, STR("timeout"), s->timeout_ns);
		config_put_duration(w, STR("ping"), s->ping_ns);
		json_w_member_str(w, STR("pins"), checks[s->pins]);
		json_w_member_str(w, STR("schemas"), checks[s->schemas]);
		config_put_text(w, STR("instructions"), s->instructions);
		json_w_end(w);
	}
	json_w_end(w);
}

static void put_sites(struct json_writer *w, const struct config *cfg)
{
	json_w_key(w, STR("sites"));
	json_w_object(w);
	for (size_t i = 0; i < cfg->n_sites; i++) {
		const struct config_site *s = &cfg->sites[i];

		json_w_key(w, s->id);
		json_w_object(w);
		json_w_member_str(w, STR("operator"), s->operator_name);
		json_w_member_str(w, STR("country"), s->country);
		config_put_strs(w, STR("jurisdictions"), s->jurisdictions);
		json_w_member_bool(w, STR("sovereign"), s->sovereign);
		config_put_text(w, STR("manifest"), s->manifest_file);
		config_put_text(w, STR("manifest_text"), s->manifest);
		config_put_text(w, STR("manifest_signature"), s->manifest_sig);
		json_w_end(w);
	}
	json_w_end(w);
}

static void put_residency(struct json_writer *w, const struct config_residency *r)
{
	if (!r->present) {
		return;
	}
	json_w_key(w, STR("residency"));
	json_w_object(w);
	config_put_strs(w, STR("categories"), r->categories);
	config_put_strs(w, STR("purposes"), r->purposes);
	config_put_strs(w, STR("origins"), r->origins);
	json_w_key(w, STR("groups"));
	json_w_array(w);
	for (size_t i = 0; i < r->n_groups; i++) {
		json_w_object(w);
		json_w_member_str(w, STR("file"), r->groups[i].file);
		config_put_text(w, STR("text"), r->groups[i].text);
		json_w_end(w);
	}
	json_w_end(w);
	json_w_key(w, STR("detect"));
	json_w_object(w);
	for (size_t i = 0; i < r->n_raises; i++) {
		config_put_strs(w, r->raises[i].what, r->raises[i].to);
	}
	json_w_end(w);
	config_put_strs(w, STR("protected"), r->protected);
	config_put_text(w, STR("approvals"), r->approvals_file);
	config_put_text(w, STR("approvals_text"), r->approvals);
	json_w_key(w, STR("keys"));
	json_w_array(w);
	for (size_t i = 0; i < r->n_keys; i++) {
		char hex[64];

		hex_write(hex, r->keys[i].bytes, 32);
		json_w_str(w, str_make(hex, sizeof(hex)));
	}
	json_w_end(w);
	json_w_end(w);
}

static void put_limits(struct json_writer *w, const struct config_limits *l)
{
	json_w_key(w, STR("limits"));
	json_w_object(w);
	json_w_member_u64(w, STR("body"), l->body);
	json_w_member_u64(w, STR("connections"), l->connections);
	json_w_member_u64(w, STR("sessions"), l->sessions);
	config_put_duration(w, STR("session_idle"), l->session_idle_ns);
	json_w_member_u64(w, STR("history"), l->history);
	config_put_duration(w, STR("head_timeout"), l->head_timeout_ns);
	config_put_duration(w, STR("request_timeout"), l->request_timeout_ns);
	config_put_duration(w, STR("idle_timeout"), l->idle_timeout_ns);
	config_put_duration(w, STR("drain"), l->drain_ns);
	json_w_end(w);
}

static void put_address(struct json_writer *w, const struct egress_ip *ip)
{
	struct buf text;

	buf_init(&text, 64);
	egress_ip_write(&text, ip);
	json_w_str(w, buf_str(&text));
	w->out->failed |= text.failed;
	buf_done(&text);
}

static void put_egress(struct json_writer *w, const struct config_egress *e, enum config_view view)
{
	json_w_key(w, STR("egress"));
	json_w_object(w);
	json_w_key(w, STR("hosts"));
	json_w_object(w);
	for (size_t i = 0; i < e->n_hosts; i++) {
		json_w_key(w, e->hosts[i].name);
		json_w_array(w);
		for (size_t k = 0; k < e->hosts[i].n_addrs; k++) {
			put_address(w, &e->hosts[i].addrs[k]);
		}
		json_w_end(w);
	}
	json_w_end(w);
	json_w_key(w, STR("allow_addresses"));
	json_w_array(w);
	for (size_t i = 0; i < e->n_ranges; i++) {
		json_w_str(w, e->ranges[i].text);
	}
	json_w_end(w);
	config_put_strs(w, STR("escaped_slashes"), e->slash_escapes);
	config_put_strs(w, STR("inspect"), e->inspect);
	json_w_member_bool(w, STR("http2"), e->http2);
	json_w_member_bool(w, STR("programs"), e->programs);
	if (view == CONFIG_VIEW_FULL) {
		config_put_text(w, STR("ca_file"), e->ca_file);
	}
	config_put_duration(w, STR("idle_timeout"), e->idle_ns);
	json_w_member_u64(w, STR("tunnels"), e->tunnels);
	json_w_key(w, STR("capture"));
	json_w_array(w);
	for (size_t i = 0; i < e->n_capture; i++) {
		json_w_u64(w, e->capture[i]);
	}
	json_w_end(w);
	json_w_end(w);
}

static void put_credentials(struct json_writer *w, const struct config *cfg, enum config_view view)
{
	json_w_key(w, STR("credentials"));
	json_w_object(w);
	for (size_t i = 0; i < cfg->n_credentials; i++) {
		const struct config_credential *k = &cfg->credentials[i];

		json_w_key(w, k->id);
		json_w_object(w);
		json_w_member_str(w, STR("url"), k->url.text);
		json_w_member_str(w, STR("header"), k->header);
		if (view == CONFIG_VIEW_FULL) {
			config_put_text(w, STR("secret_file"), k->file);
		}
		json_w_end(w);
	}
	json_w_end(w);
}

void config_encode_json(const struct config *cfg, enum config_view view, struct buf *to)
{
	static const struct str levels[] = {STR_INIT("error"), STR_INIT("warn"), STR_INIT("info"),
					    STR_INIT("debug")};
	struct json_writer w = json_writer(to);

	json_w_object(&w);
	json_w_member_u64(&w, STR("version"), 1);
	json_w_member_str(&w, STR("node"), cfg->node);
	json_w_member_str(&w, STR("state"), cfg->state);
	json_w_member_str(&w, STR("policies"), cfg->policies);
	config_put_text(&w, STR("schema"), cfg->schema);
	config_put_text(&w, STR("events"), cfg->events);
	config_put_text(&w, STR("providers"), cfg->providers);
	put_listen(&w, cfg);
	put_identity(&w, &cfg->identity, view);
	put_agents(&w, cfg);
	put_servers(&w, cfg, view);
	config_put_models(&w, cfg, view);
	put_sites(&w, cfg);
	put_residency(&w, &cfg->residency);
	config_put_text(&w, STR("severed"), cfg->severed);
	put_limits(&w, &cfg->limits);
	put_egress(&w, &cfg->egress, view);
	put_credentials(&w, cfg, view);
	json_w_member_u64(&w, STR("gates"), cfg->gates);
	json_w_key(&w, STR("log"));
	json_w_object(&w);
	json_w_member_str(&w, STR("level"), levels[cfg->log_level]);
	json_w_end(&w);
	json_w_key(&w, STR("ledger"));
	json_w_object(&w);
	config_put_duration(&w, STR("sync"), cfg->ledger.sync_ns);
	config_put_duration(&w, STR("checkpoint"), cfg->ledger.checkpoint_ns);
	json_w_end(&w);
	json_w_end(&w);
}
