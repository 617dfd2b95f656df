/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials that agents use without having them. */
#include "config/decode_priv.h"

enum { MAX_CREDENTIALS = 48 };

static void read_url(struct config_ctx *c, const struct config_field *f, const struct json *node,
		     void *to)
{
	struct config_credential *k = to;
	struct err err = {0};
	enum err_code code;

	(void)f;
	if (!config_expect(c, node, JSON_STRING)) {
		return;
	}
	code = config_url_parse(c->a, node->text, &k->url, &err);
	if (code == ERR_NOMEM) {
		config_nomem(c);
		return;
	}
	if (code || egress_name_parse(k->url.host, &k->host, &err)) {
		config_report(c, node->at, "%s", err.msg);
		return;
	}
	k->host.port = k->url.port;
	if (str_find(k->url.target, '?') < k->url.target.n ||
	    !str_ends_with(k->url.target, STR("/"))) {
		config_report(c, node->at,
			      "the path ends with a slash: the credential is for all below it");
	} else if (!k->url.tls && !k->url.loopback) {
		config_report(c, node->at,
			      "a secret would be sent unencrypted to another machine: use https");
	} else if (k->url.tls && k->host.is_ip) {
		config_report(c, node->at, "TLS is looked into by name: an address has none");
	}
}

static bool is_header(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char ch = s.p[i];

		if (!(ch >= 'a' && ch <= 'z') && !(ch >= 'A' && ch <= 'Z') &&
		    !(ch >= '0' && ch <= '9') && ch != '-' && ch != '_') {
			return false;
		}
	}
	return s.n > 0 && s.n <= 64;
}

static void read_header(struct config_ctx *c, const struct config_field *f, const struct json *node,
			void *to)
{
	static const struct str not [] = {STR_INIT("host"), STR_INIT("connection"),
					  STR_INIT("content-length"), STR_INIT("transfer-encoding"),
					  STR_INIT("upgrade")};

	(void)f;
	if (!config_expect(c, node, JSON_STRING)) {
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(not ); i++) {
		if (str_ieq(node->text, not [i])) {
			config_report(c, node->at, "Writ sets the header '" STR_FMT "' itself",
				      STR_ARG(node->text));
			return;
		}
	}
	if (!is_header(node->text)) {
		config_report(c, node->at, "this is not a header's name");
		return;
	}
	*(struct str *)to = node->text;
}

static const struct config_field credential_fields[] = {
	{.key = STR_INIT("url"), .read = read_url, .required = true},
	CONFIG_KEY("header", read_header, struct config_credential, header),
	CONFIG_KEY("secret_file", config_read_path, struct config_credential, file),
};

void config_read_credentials(struct config_ctx *c, const struct config_field *f,
			     const struct json *node, void *to)
{
	struct config *cfg = to;
	struct config_credential *items;
	size_t n, i = 0;

	(void)f;
	items = config_items(c, node, JSON_OBJECT, MAX_CREDENTIALS, sizeof(*items), &n);
	JSON_EACH (item, n ? node : NULL) {
		struct config_credential *k = &items[i++];

		if (!config_is_id(item->key)) {
			config_report(c, item->key_at,
				      "a credential's id has 1 to 32 characters of a-z, 0-9, '_' "
				      "and '-', and begins with a letter or a digit");
		}
		k->id = item->key;
		k->header = STR("Authorization");
		config_read_fields(c, item, credential_fields, ARRAY_LEN(credential_fields),
				   "a credential", k);
		/* A gate is not told where the secret is. */
		if (c->src->dir.n && item->type == JSON_OBJECT && !k->file.n &&
		    !json_get(item, STR("secret_file"))) {
			config_report(c, item->at, "a credential needs the key 'secret_file'");
		}
	}
	cfg->credentials = items;
	cfg->n_credentials = n;
}

const struct config_credential *config_credential_find(const struct config *cfg, struct str id)
{
	for (size_t i = 0; i < cfg->n_credentials; i++) {
		if (str_eq(cfg->credentials[i].id, id)) {
			return &cfg->credentials[i];
		}
	}
	return NULL;
}

bool config_credential_is_for(const struct config_credential *k, const struct egress_host *host,
			      bool tls)
{
	return k->url.tls == tls && k->host.port == host->port &&
	       str_eq(egress_host_name(&k->host), egress_host_name(host));
}

bool config_inspects_any(const struct config *cfg)
{
	for (size_t i = 0; i < cfg->n_credentials; i++) {
		if (cfg->credentials[i].url.tls) {
			return true;
		}
	}
	return cfg->egress.inspect.n > 0;
}

bool config_inspects(const struct config *cfg, const struct egress_host *host)
{
	for (size_t i = 0; i < cfg->n_credentials; i++) {
		if (config_credential_is_for(&cfg->credentials[i], host, true)) {
			return true;
		}
	}
	for (size_t i = 0; i < cfg->egress.inspect.n; i++) {
		if (str_eq(cfg->egress.inspect.items[i], egress_host_name(host))) {
			return true;
		}
	}
	return false;
}
