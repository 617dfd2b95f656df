/* SPDX-License-Identifier: Apache-2.0 */
/* The top of the file, its defaults, and what only the whole can tell. */
#include "config/config.h"

#include "config/decode_priv.h"

#include <arpa/inet.h>

#define MS  UINT64_C(1000000)
#define SEC UINT64_C(1000000000)
#define MIN (60 * SEC)
#define DAY (86400 * SEC)

static void read_version(struct config_ctx *c, const struct config_field *f,
			 const struct json *node, void *to)
{
	uint64_t v;

	(void)f;
	(void)to;
	if (!json_u64(node, &v) || v != 1) {
		config_report(c, node->at, "this program reads version 1");
	}
}

#define LIMIT(k, reader, member, ...)                                                              \
	CONFIG_KEY(k, reader, struct config_limits, member, __VA_ARGS__)

static const struct config_field limit_fields[] = {
	LIMIT("body", config_read_size, body, .min = 1 << 10, .max = 1 << 30),
	LIMIT("connections", config_read_u64, connections, .min = 1, .max = 1000000),
	LIMIT("sessions", config_read_u64, sessions, .min = 1, .max = 10000000),
	LIMIT("session_idle", config_read_duration, session_idle_ns, .min = SEC, .max = 30 * DAY),
	LIMIT("history", config_read_size, history, .min = 4 << 10, .max = 64 << 20),
	LIMIT("head_timeout", config_read_duration, head_timeout_ns, .min = 100 * MS,
	      .max = 10 * MIN),
	LIMIT("request_timeout", config_read_duration, request_timeout_ns, .min = 100 * MS,
	      .max = DAY),
	LIMIT("idle_timeout", config_read_duration, idle_timeout_ns, .min = 100 * MS, .max = DAY),
	LIMIT("drain", config_read_duration, drain_ns, .min = 0, .max = DAY),
};

static void read_limits(struct config_ctx *c, const struct config_field *f, const struct json *node,
			void *to)
{
	(void)f;
	if (node->type != JSON_NULL) {
		config_read_fields(c, node, limit_fields, ARRAY_LEN(limit_fields), "limits", to);
	}
}

static void read_ledger(struct config_ctx *c, const struct config_field *f, const struct json *node,
			void *to)
{
	static const struct config_field fields[] = {
		CONFIG_KEY("sync", config_read_duration, struct config_ledger, sync_ns, .min = 0,
			   .max = MIN),
		CONFIG_KEY("checkpoint", config_read_duration, struct config_ledger, checkpoint_ns,
			   .min = 100 * MS, .max = DAY),
	};

	(void)f;
	if (node->type != JSON_NULL) {
		config_read_fields(c, node, fields, ARRAY_LEN(fields), "ledger", to);
	}
}

static const char *const log_level_names[] = {"error", "warn", "info", "debug", NULL};

static void read_log(struct config_ctx *c, const struct config_field *f, const struct json *node,
		     void *to)
{
	static const struct config_field fields[] = {
		CONFIG_KEY("level", config_read_enum, struct config, log_level,
			   .names = log_level_names),
	};

	(void)f;
	if (node->type != JSON_NULL) {
		config_read_fields(c, node, fields, ARRAY_LEN(fields), "log", to);
	}
}

static const struct config_field top_fields[] = {
	{.key = STR_INIT("version"), .read = read_version, .required = true},
	CONFIG_KEY("node", config_read_agent, struct config, node),
	CONFIG_KEY("state", config_read_path, struct config, state),
	CONFIG_KEY("policies", config_read_path, struct config, policies),
	CONFIG_KEY("schema", config_read_path, struct config, schema),
	CONFIG_KEY("events", config_read_path, struct config, events),
	CONFIG_KEY("providers", config_read_path, struct config, providers),
	{.key = STR_INIT("listen"), .read = config_read_listen},
	{.key = STR_INIT("identity"), .read = config_read_identity},
	{.key = STR_INIT("agents"), .read = config_read_agents},
	{.key = STR_INIT("servers"), .read = config_read_servers},
	{.key = STR_INIT("models"), .read = config_read_models},
	{.key = STR_INIT("routes"), .read = config_read_routes},
	{.key = STR_INIT("budgets"), .read = config_read_budgets},
	{.key = STR_INIT("sites"), .read = config_read_sites},
	{.key = STR_INIT("residency"), .read = config_read_residency},
	CONFIG_KEY("severed", config_read_internal, struct config, severed),
	CONFIG_KEY("limits", read_limits, struct config, limits),
	{.key = STR_INIT("egress"), .read = config_read_egress},
	{.key = STR_INIT("credentials"), .read = config_read_credentials},
	CONFIG_KEY("gates", config_read_u32, struct config, gates, .min = 0, .max = 256),
	{.key = STR_INIT("log"), .read = read_log},
	CONFIG_KEY("ledger", read_ledger, struct config, ledger),
};

static const struct config_listen default_listen = {
	.kind = CONFIG_LISTEN_TCP,
	.address = STR_INIT("127.0.0.1:8700"),
	.port = 8700,
	.local = true,
};

static struct str default_path(struct config_ctx *c, struct str name)
{
	struct str path =
		arena_printf(c->a, STR_FMT "/" STR_FMT, STR_ARG(c->src->dir), STR_ARG(name));

	if (!path.p) {
		config_nomem(c);
	}
	return path;
}

static void set_default_listen(struct config_ctx *c, struct config *cfg)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(8700)};
	struct config_listen *l = ARENA_NEW(c->a, struct config_listen);

	if (!l) {
		config_nomem(c);
		return;
	}
	*l = default_listen;
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	memcpy(&l->sockaddr, &sa, sizeof(sa));
	l->sockaddr_len = sizeof(sa);
	cfg->listen = l;
	cfg->n_listen = 1;
}

static const uint16_t captured[] = {22, 80, 443};

static void set_defaults(struct config_ctx *c, struct config *cfg)
{
	*cfg = (struct config){
		.node = STR("writ"),
		.state = default_path(c, STR("state")),
		.policies = default_path(c, STR("policies")),
		.identity.anonymous = STR("anonymous"),
		.limits = {.body = 16 << 20,
			   .connections = 20000,
			   .sessions = 20000,
			   .session_idle_ns = 30 * MIN,
			   .history = 256 << 10,
			   .head_timeout_ns = 10 * SEC,
			   .request_timeout_ns = 2 * MIN,
			   .idle_timeout_ns = 2 * MIN,
			   .drain_ns = 30 * SEC},
		.egress = {.idle_ns = 10 * MIN,
			   .tunnels = 1024,
			   .capture = captured,
			   .n_capture = ARRAY_LEN(captured)},
		.ledger = {.sync_ns = 5 * MS, .checkpoint_ns = SEC},
		.log_level = CONFIG_LOG_INFO,
	};
}

static void resolve_sites(struct config_ctx *c, const struct config *cfg)
{
	for (size_t i = 0; i < c->n_site_refs; i++) {
		const struct json *node = c->site_refs[i].node;
		const struct config_site *site = config_site_find(cfg, node->text);

		if (site) {
			*c->site_refs[i].to = site;
		} else {
			config_report(c, node->at, "no site is called '%.*s'",
				      (int)(node->text.n < 64 ? node->text.n : 64), node->text.p);
		}
	}
}

/* Anybody may call from another machine, so nobody unknown may. */
static void check_listeners(struct config_ctx *c, const struct config *cfg)
{
	const struct config_identity *id = &cfg->identity;
	const struct json *list = json_get(c->src->root, STR("listen"));
	const struct json *item = json_first(list);
	bool asks_certificates = false;

	for (size_t i = 0; i < cfg->n_listen; i++) {
		const struct config_listen *l = &cfg->listen[i];

		asks_certificates |= l->tls.client_ca.n > 0;
		if (l->serves == CONFIG_SERVES_PROXY && l->has_tls) {
			config_report(c, item ? item->at : 0,
				      "a proxy has no TLS of its own: listen on this machine, or "
				      "on a unix socket");
		}
		if (l->sockaddr_len && !l->local && id->n_api_keys == 0 && id->n_mtls == 0 &&
		    id->oauth.n_issuers == 0) {
			config_report(
				c, item ? item->at : 0,
				"'" STR_FMT "' can be reached from other machines: configure "
				"identity.api_keys, identity.mtls or identity.oauth first, or "
				"listen on 127.0.0.1",
				STR_ARG(l->address));
		}
		item = item ? item->next : NULL;
	}
	if (id->n_mtls && !asks_certificates) {
		const struct json *mtls =
			json_get(json_get(c->src->root, STR("identity")), STR("mtls"));

		config_report(c, mtls ? mtls->key_at : 0,
			      "identity.mtls needs a listener with tls.client_ca");
	}
}

bool config_has_http2(const struct config *cfg)
{
	bool has = cfg->egress.http2;

	for (size_t i = 0; i < cfg->n_listen; i++) {
		has = has || cfg->listen[i].http2;
	}
	for (size_t i = 0; i < cfg->n_servers; i++) {
		has = has || cfg->servers[i].http2 != CONFIG_HTTP2_NO;
	}
	for (size_t i = 0; i < cfg->n_models; i++) {
		has = has || cfg->models[i].http2 != CONFIG_HTTP2_NO;
	}
	return has;
}

bool config_pins_any(const struct config *cfg)
{
	bool any = false;

	for (size_t i = 0; i < cfg->n_servers; i++) {
		any = any || cfg->servers[i].pins != CONFIG_CHECK_OFF;
	}
	return any;
}

static enum err_code verdict(struct config_ctx *c, struct err *err)
{
	const struct config_errors *e = c->errors;

	if (c->nomem) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	if (e->n == 0) {
		return ERR_OK;
	}
	if (e->n + e->more > 1) {
		return ERR(err, ERR_INVALID, STR_FMT " (and %zu more)", STR_ARG(e->lines[0]),
			   e->n + e->more - 1);
	}
	return ERR(err, ERR_INVALID, STR_FMT, STR_ARG(e->lines[0]));
}

enum err_code config_decode(struct arena *a, const struct config_source *src, struct config *ret,
			    struct config_errors *errors, struct err *err)
{
	struct config_errors own = {0};
	struct config_ctx c = {.a = a, .src = src, .errors = errors ? errors : &own};
	struct config cfg;

	*c.errors = own;
	set_defaults(&c, &cfg);
	config_read_fields(&c, src->root, top_fields, ARRAY_LEN(top_fields), "the file", &cfg);
	if (cfg.n_listen == 0) {
		set_default_listen(&c, &cfg);
	}
	if (!c.nomem) {
		resolve_sites(&c, &cfg);
		check_listeners(&c, &cfg);
		config_check_residency(&c, &cfg);
		config_check_models(&c, &cfg);
	}
	TRY(verdict(&c, err));
	*ret = cfg;
	return ERR_OK;
}

enum err_code config_decode_json(struct arena *a, struct str text, struct config *ret,
				 struct err *err)
{
	const struct json_opts opts = {.name = STR("configuration"), .max_depth = 40};
	struct config_source src = {.name = opts.name, .text = text};

	TRY(json_parse(a, text, &opts, &src.root, err));
	return config_decode(a, &src, ret, NULL, err);
}

const struct config_server *config_server_find(const struct config *cfg, struct str id)
{
	for (size_t i = 0; i < cfg->n_servers; i++) {
		if (str_eq(cfg->servers[i].id, id)) {
			return &cfg->servers[i];
		}
	}
	return NULL;
}

bool config_has_grants(const struct config *cfg)
{
	for (size_t i = 0; i < cfg->n_servers; i++) {
		if (cfg->servers[i].oauth) {
			return true;
		}
	}
	return false;
}

const struct config_grant *config_login_of(const struct config_server *s)
{
	const struct config_grant *g = s->oauth && s->oauth->idp ? s->oauth->idp : s->oauth;

	return g && g->login ? g : NULL;
}

bool config_has_logins(const struct config *cfg)
{
	for (size_t i = 0; i < cfg->n_servers; i++) {
		if (config_login_of(&cfg->servers[i])) {
			return true;
		}
	}
	return false;
}

const struct config_model *config_model_find(const struct config *cfg, struct str name)
{
	for (size_t i = 0; i < cfg->n_models; i++) {
		if (str_eq(cfg->models[i].name, name)) {
			return &cfg->models[i];
		}
	}
	return NULL;
}

const struct config_route *config_route_find(const struct config *cfg, struct str name)
{
	for (size_t i = 0; i < cfg->n_routes; i++) {
		if (str_eq(cfg->routes[i].name, name)) {
			return &cfg->routes[i];
		}
	}
	return NULL;
}

const struct config_site *config_site_find(const struct config *cfg, struct str id)
{
	for (size_t i = 0; i < cfg->n_sites; i++) {
		if (str_eq(cfg->sites[i].id, id)) {
			return &cfg->sites[i];
		}
	}
	return NULL;
}

const struct config_agent *config_agent_find(const struct config *cfg, struct str name)
{
	for (size_t i = 0; i < cfg->n_agents; i++) {
		if (str_eq(cfg->agents[i].name, name)) {
			return &cfg->agents[i];
		}
	}
	return NULL;
}
