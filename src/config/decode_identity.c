/* SPDX-License-Identifier: Apache-2.0 */
/* Where Writ listens, and who may call. */
#include "config/decode_priv.h"

#include <arpa/inet.h>
#include <sys/un.h>

enum { MAX_LISTEN = 16, MAX_CALLERS = 4096, MAX_AGENTS = 4096, MAX_ATTRIBUTE_DEPTH = 8 };

static void read_tls(struct config_ctx *c, const struct config_field *f, const struct json *node,
		     void *to)
{
	static const struct config_field fields[] = {
		CONFIG_KEY("cert", config_read_path, struct config_tls, cert, .required = true),
		CONFIG_KEY("key", config_read_path, struct config_tls, key, .required = true),
		CONFIG_KEY("client_ca", config_read_path, struct config_tls, client_ca),
	};
	struct config_listen *l = to;

	(void)f;
	config_read_fields(c, node, fields, ARRAY_LEN(fields), "tls", &l->tls);
	l->has_tls = true;
}

static void read_unix(struct config_ctx *c, const struct config_field *f, const struct json *node,
		      struct config_listen *l)
{
	struct json path = *node;

	path.text = str_from(node->text, sizeof("unix:") - 1);
	config_read_path(c, f, &path, &l->path);
	if (l->path.n >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
		config_report(c, node->at, "a socket's path is at most %zu bytes long",
			      sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
	}
	l->kind = CONFIG_LISTEN_UNIX;
	l->local = true;
}

/* True when `host` is an IP address; fills the socket address. */
static bool set_sockaddr(struct config_listen *l, struct str host, bool ipv6)
{
	char text[64];

	if (host.n == 0 || host.n >= sizeof(text)) {
		return false;
	}
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	if (ipv6) {
		struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_port = htons(l->port)};

		if (inet_pton(AF_INET6, text, &sa.sin6_addr) != 1) {
			return false;
		}
		l->local = IN6_IS_ADDR_LOOPBACK(&sa.sin6_addr) != 0;
		memcpy(&l->sockaddr, &sa, sizeof(sa));
		l->sockaddr_len = sizeof(sa);
	} else {
		struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(l->port)};

		if (inet_pton(AF_INET, text, &sa.sin_addr) != 1) {
			return false;
		}
		l->local = ntohl(sa.sin_addr.s_addr) >> 24 == 127;
		memcpy(&l->sockaddr, &sa, sizeof(sa));
		l->sockaddr_len = sizeof(sa);
	}
	return true;
}

static void read_address(struct config_ctx *c, const struct config_field *f,
			 const struct json *node, void *to)
{
	struct config_listen *l = to;
	struct str host, port;
	uint64_t v;
	bool ipv6;

	if (!config_expect(c, node, JSON_STRING)) {
		return;
	}
	l->address = node->text;
	if (str_starts_with(node->text, STR("unix:"))) {
		read_unix(c, f, node, l);
		return;
	}
	ipv6 = node->text.n && node->text.p[0] == '[';
	if (ipv6) {
		size_t close = str_find(node->text, ']');

		host = str_make(node->text.p + 1, close - 1);
		port = str_from(node->text, close + 1);
		port = port.n && port.p[0] == ':' ? str_from(port, 1) : STR("");
	} else {
		port = node->text;
		host = str_cut(&port, ':');
	}
	if (port.n > 5 || !str_to_u64(port, &v) || v == 0 || v > 65535) {
		config_report(c, node->at,
			      "expected ADDRESS:PORT or unix:PATH, as in 127.0.0.1:8700");
		return;
	}
	l->port = (uint16_t)v;
	if (!set_sockaddr(l, host, ipv6)) {
		config_report(c, node->at,
			      "an address is numeric, as in 127.0.0.1:%u, 0.0.0.0:%u or [::1]:%u",
			      l->port, l->port, l->port);
	}
}

static const char *const serves_names[] = {"gateway", "proxy", NULL};

static const struct config_field listen_fields[] = {
	{.key = STR_INIT("address"), .read = read_address, .required = true},
	{.key = STR_INIT("tls"), .read = read_tls},
	CONFIG_KEY("kind", config_read_enum, struct config_listen, serves, .names = serves_names),
	CONFIG_KEY("http2", config_read_bool, struct config_listen, http2),
};

void config_read_listen(struct config_ctx *c, const struct config_field *f, const struct json *node,
			void *to)
{
	struct config *cfg = to;
	struct config_listen *items;
	size_t n, i = 0;

	(void)f;
	items = config_items(c, node, JSON_ARRAY, MAX_LISTEN, sizeof(*items), &n);
	JSON_EACH (item, n ? node : NULL) {
		config_read_fields(c, item, listen_fields, ARRAY_LEN(listen_fields), "a listener",
				   &items[i]);
		if (!json_get(item, STR("http2"))) {
			items[i].http2 = items[i].has_tls;
		} else if (items[i].http2 && items[i].serves == CONFIG_SERVES_PROXY) {
			config_report(c, item->at, "a proxy speaks HTTP/1.1 only: leave out http2");
		}
		for (size_t k = 0; k < i; k++) {
			if (items[i].address.n && str_eq(items[k].address, items[i].address)) {
				config_report(c, item->at, "'" STR_FMT "' is listened on twice",
					      STR_ARG(items[i].address));
			}
		}
		i++;
	}
	cfg->listen = items;
	cfg->n_listen = n;
}

static const struct config_field api_key_fields[] = {
	CONFIG_KEY("agent", config_read_agent, struct config_api_key, agent, .required = true),
	CONFIG_KEY("key_sha256", config_read_sha256, struct config_api_key, sha256,
		   .required = true),
	CONFIG_KEY("owner", config_read_text, struct config_api_key, owner),
};

static void read_api_keys(struct config_ctx *c, const struct config_field *f,
			  const struct json *node, void *to)
{
	struct config_identity *id = to;
	struct config_api_key *items;
	size_t n, i = 0;

	(void)f;
	items = config_items(c, node, JSON_ARRAY, MAX_CALLERS, sizeof(*items), &n);
	JSON_EACH (item, n ? node : NULL) {
		config_read_fields(c, item, api_key_fields, ARRAY_LEN(api_key_fields), "an API key",
				   &items[i]);
		for (size_t k = 0; k < i; k++) {
			if (memcmp(items[k].sha256, items[i].sha256, 32) == 0 &&
			    json_get(item, STR("key_sha256"))) {
				config_report(c, item->at,
					      "this key belongs to agent '" STR_FMT "' already",
					      STR_ARG(items[k].agent));
			}
		}
		i++;
	}
	id->api_keys = items;
	id->n_api_keys = n;
}

static const struct config_field mtls_fields[] = {
	CONFIG_KEY("agent", config_read_agent, struct config_mtls, agent, .required = true),
	CONFIG_KEY("fingerprint_sha256", config_read_sha256, struct config_mtls, fingerprint,
		   .required = true),
};

static void read_mtls(struct config_ctx *c, const struct config_field *f, const struct json *node,
		      void *to)
{
	struct config_identity *id = to;
	struct config_mtls *items;
	size_t n, i = 0;

	(void)f;
	items = config_items(c, node, JSON_ARRAY, MAX_CALLERS, sizeof(*items), &n);
	JSON_EACH (item, n ? node : NULL) {
		config_read_fields(c, item, mtls_fields, ARRAY_LEN(mtls_fields),
				   "a client certificate", &items[i]);
		for (size_t k = 0; k < i; k++) {
			if (memcmp(items[k].fingerprint, items[i].fingerprint, 32) == 0 &&
			    json_get(item, STR("fingerprint_sha256"))) {
				config_report(c, item->at,
					      "this certificate belongs to agent '" STR_FMT
					      "' already",
					      STR_ARG(items[k].agent));
			}
		}
		i++;
	}
	id->mtls = items;
	id->n_mtls = n;
}

static const struct config_field unix_fields[] = {
	CONFIG_KEY("agent", config_read_agent, struct config_unix_peer, agent, .required = true),
	CONFIG_KEY("uid", config_read_u32, struct config_unix_peer, uid, .required = true,
		   .max = UINT32_MAX - 1),
};

static void read_unix_peers(struct config_ctx *c, const struct config_field *f,
			    const struct json *node, void *to)
{
	struct config_identity *id = to;
	struct config_unix_peer *items;
	size_t n, i = 0;

	(void)f;
	items = config_items(c, node, JSON_ARRAY, MAX_CALLERS, sizeof(*items), &n);
	JSON_EACH (item, n ? node : NULL) {
		config_read_fields(c, item, unix_fields, ARRAY_LEN(unix_fields), "a local user",
				   &items[i]);
		for (size_t k = 0; k < i; k++) {
			if (items[k].uid == items[i].uid && json_get(item, STR("uid"))) {
				config_report(c, item->at,
					      "uid %u belongs to agent '" STR_FMT "' already",
					      items[i].uid, STR_ARG(items[k].agent));
			}
		}
		i++;
	}
	id->unix_peers = items;
	id->n_unix_peers = n;
}

static const struct config_field identity_fields[] = {
	{.key = STR_INIT("api_keys"), .read = read_api_keys},
	{.key = STR_INIT("mtls"), .read = read_mtls},
	{.key = STR_INIT("unix"), .read = read_unix_peers},
	CONFIG_KEY("oauth", config_read_oauth, struct config_identity, oauth),
	CONFIG_KEY("anonymous", config_read_agent, struct config_identity, anonymous),
};

void config_read_identity(struct config_ctx *c, const struct config_field *f,
			  const struct json *node, void *to)
{
	struct config *cfg = to;

	(void)f;
	if (node->type == JSON_NULL) {
		return;
	}
	cfg->identity.anonymous = str_make(NULL, 0); /* stated or refused */
	config_read_fields(c, node, identity_fields, ARRAY_LEN(identity_fields), "identity",
			   &cfg->identity);
}

/* Cedar has strings, 64-bit whole numbers, booleans, sets and records; nothing else. */
static void check_attribute(struct config_ctx *c, const struct json *node, int depth)
{
	int64_t number;

	if (depth > MAX_ATTRIBUTE_DEPTH) {
		config_report(c, node->at, "attributes nest deeper than %d", MAX_ATTRIBUTE_DEPTH);
		return;
	}
	if (node->type == JSON_NULL) {
		config_report(c, node->at, "an attribute cannot be null: leave it out");
	} else if (node->type == JSON_NUMBER && !json_i64(node, &number)) {
		config_report(c, node->at, "an attribute's number is whole and fits 64 bits");
	}
	JSON_EACH (item, node) {
		check_attribute(c, item, depth + 1);
	}
}

static void read_attributes(struct config_ctx *c, const struct config_field *f,
			    const struct json *node, void *to)
{
	static const struct str own[] = {STR_INIT("name"), STR_INIT("owner"), STR_INIT("team"),
					 STR_INIT("oauth")};

	(void)f;
	if (!config_expect(c, node, JSON_OBJECT)) {
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		const struct json *item = json_get(node, own[i]);

		if (item) {
			config_report(c, item->key_at, "'" STR_FMT "' is not free: Writ sets it",
				      STR_ARG(item->key));
		}
	}
	check_attribute(c, node, 0);
	*(const struct json **)to = node;
}

static const struct config_field agent_fields[] = {
	CONFIG_KEY("owner", config_read_text, struct config_agent, owner),
	CONFIG_KEY("team", config_read_text, struct config_agent, team),
	CONFIG_KEY("attributes", read_attributes, struct config_agent, attributes),
	CONFIG_KEY("data", config_read_data, struct config_agent, data),
	{.key = STR_INIT("models"), .read = config_read_aliases},
};

void config_read_agents(struct config_ctx *c, const struct config_field *f, const struct json *node,
			void *to)
{
	struct config *cfg = to;
	struct config_agent *items;
	size_t n, i = 0;

	(void)f;
	items = config_items(c, node, JSON_OBJECT, MAX_AGENTS, sizeof(*items), &n);
	JSON_EACH (item, n ? node : NULL) {
		if (!config_is_agent_name(item->key)) {
			config_report(c, item->key_at,
				      "an agent's name has 1 to 128 letters, digits and any of "
				      "._@:/+-|%%~ and begins with a letter or a digit");
		}
		items[i].name = item->key;
		if (item->type != JSON_NULL) { /* "name:" alone is an agent without more to say */
			config_read_fields(c, item, agent_fields, ARRAY_LEN(agent_fields),
					   "an agent", &items[i]);
		}
		i++;
	}
	cfg->agents = items;
	cfg->n_agents = n;
}
