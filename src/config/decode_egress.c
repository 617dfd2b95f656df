/* SPDX-License-Identifier: Apache-2.0 */
/* The exit: which hosts are known without being looked up, which special addresses are open. */
#include "config/decode_priv.h"

enum { MAX_HOSTS = 1024, MAX_ADDRESSES = 16, MAX_RANGES = 256, MAX_NAMES = 256 };

static void read_name(struct config_ctx *c, const struct config_field *f, const struct json *node,
		      void *to)
{
	struct egress_host h;
	struct err err;

	(void)f;
	if (!config_expect(c, node, JSON_STRING)) {
		return;
	}
	if (egress_name_parse(node->text, &h, &err) || !str_eq(egress_host_name(&h), node->text)) {
		config_report(c, node->at,
			      "expected a host's name in lower case, as in git.example.org");
		return;
	}
	*(struct str *)to = node->text;
}

/* The addresses of one host: any that can be dialled at all, since they are named here. */
static void read_addresses(struct config_ctx *c, const struct json *node,
			   struct config_egress_host *host)
{
	struct egress_ip *items;
	size_t n, i = 0;

	items = config_items(c, node, JSON_ARRAY, MAX_ADDRESSES, sizeof(*items), &n);
	JSON_EACH (item, n ? node : NULL) {
		struct egress_range own = {.bits = 0};

		if (!config_expect(c, item, JSON_STRING)) {
			continue;
		}
		if (!egress_ip_parse(item->text, &items[i])) {
			config_report(c, item->at,
				      "expected an address, as in 10.1.2.3 or fd00::1");
			continue;
		}
		own = (struct egress_range){.at = items[i], .bits = items[i].v6 ? 128 : 32};
		if (!egress_may_dial(&items[i], &own, 1)) {
			config_report(c, item->at, "%s addresses are never dialled",
				      egress_class_name(egress_classify(&items[i])));
		}
		i++;
	}
	if (n == 0 && node->type == JSON_ARRAY) {
		config_report(c, node->at, "a host needs an address");
	}
	host->addrs = items;
	host->n_addrs = i;
}

static void read_hosts(struct config_ctx *c, const struct config_field *f, const struct json *node,
		       void *to)
{
	struct config_egress *e = to;
	struct config_egress_host *items;
	size_t n, i = 0;

	(void)f;
	items = config_items(c, node, JSON_OBJECT, MAX_HOSTS, sizeof(*items), &n);
	JSON_EACH (item, n ? node : NULL) {
		struct egress_host h;
		struct err err;

		if (egress_name_parse(item->key, &h, &err) || h.is_ip ||
		    !str_eq(egress_host_name(&h), item->key)) {
			config_report(
				c, item->key_at,
				"expected a host's name in lower case, as in git.example.org");
		}
		items[i].name = item->key;
		read_addresses(c, item, &items[i++]);
	}
	e->hosts = items;
	e->n_hosts = n;
}

static void read_ranges(struct config_ctx *c, const struct config_field *f, const struct json *node,
			void *to)
{
	struct config_egress *e = to;
	struct config_egress_range *items;
	size_t n, i = 0;

	(void)f;
	items = config_items(c, node, JSON_ARRAY, MAX_RANGES, sizeof(*items), &n);
	JSON_EACH (item, n ? node : NULL) {
		struct err err;

		if (!config_expect(c, item, JSON_STRING)) {
			continue;
		}
		if (egress_range_parse(item->text, &items[i].range, &err)) {
			config_report(c, item->at, "'%.*s': %s",
				      (int)(item->text.n < 64 ? item->text.n : 64), item->text.p,
				      err.msg);
			continue;
		}
		items[i++].text = item->text;
	}
	e->ranges = items;
	e->n_ranges = i;
}

static void read_names(struct config_ctx *c, const struct config_field *f, const struct json *node,
		       void *to)
{
	struct config_strs *names = to;
	struct str *items;
	size_t n, i = 0;

	(void)f;
	items = config_items(c, node, JSON_ARRAY, MAX_NAMES, sizeof(*items), &n);
	JSON_EACH (item, n ? node : NULL) {
		read_name(c, NULL, item, &items[i++]);
	}
	*names = (struct config_strs){.items = items, .n = n};
}

/* Taken inside already: the gateway, the proxy, and name servers, which are captured anyway. */
static bool is_taken(uint64_t port)
{
	return port == 53 || port == 8700 || port == 8701;
}

static void read_ports(struct config_ctx *c, const struct config_field *f, const struct json *node,
		       void *to)
{
	struct config_egress *e = to;
	uint16_t *items;
	size_t n, i = 0;

	(void)f;
	items = config_items(c, node, JSON_ARRAY, CONFIG_MAX_CAPTURE, sizeof(*items), &n);
	JSON_EACH (item, n ? node : NULL) {
		const struct config_field port = {.min = 1, .max = UINT16_MAX};
		uint64_t number = 0;

		config_read_u64(c, &port, item, &number);
		if (is_taken(number)) {
			config_report(c, item->at, "port %u has another use in a sandbox",
				      (unsigned)number);
		}
		for (size_t k = 0; k < i; k++) {
			if (items[k] == number) {
				config_report(c, item->at, "port %u stands there twice",
					      (unsigned)number);
			}
		}
		items[i++] = (uint16_t)number;
	}
	e->capture = items;
	e->n_capture = i;
}

static const struct config_field egress_fields[] = {
	{.key = STR_INIT("hosts"), .read = read_hosts},
	{.key = STR_INIT("allow_addresses"), .read = read_ranges},
	CONFIG_KEY("escaped_slashes", read_names, struct config_egress, slash_escapes),
	CONFIG_KEY("inspect", read_names, struct config_egress, inspect),
	CONFIG_KEY("http2", config_read_bool, struct config_egress, http2),
	CONFIG_KEY("programs", config_read_bool, struct config_egress, programs),
	CONFIG_KEY("ca_file", config_read_path, struct config_egress, ca_file),
	CONFIG_KEY("idle_timeout", config_read_duration, struct config_egress, idle_ns,
		   .min = UINT64_C(100000000), .max = UINT64_C(86400000000000)),
	CONFIG_KEY("tunnels", config_read_u64, struct config_egress, tunnels, .min = 1,
		   .max = 100000),
	{.key = STR_INIT("capture"), .read = read_ports},
};

void config_read_egress(struct config_ctx *c, const struct config_field *f, const struct json *node,
			void *to)
{
	struct config *cfg = to;

	(void)f;
	if (node->type != JSON_NULL) {
		config_read_fields(c, node, egress_fields, ARRAY_LEN(egress_fields), "egress",
				   &cfg->egress);
	}
}

bool config_has_exit(const struct config *cfg)
{
	for (size_t i = 0; i < cfg->n_listen; i++) {
		if (cfg->listen[i].serves == CONFIG_SERVES_PROXY) {
			return true;
		}
	}
	return false;
}

const struct config_egress_host *config_egress_find(const struct config *cfg, struct str name)
{
	for (size_t i = 0; i < cfg->egress.n_hosts; i++) {
		if (str_eq(cfg->egress.hosts[i].name, name)) {
			return &cfg->egress.hosts[i];
		}
	}
	return NULL;
}

bool config_escapes_slashes(const struct config *cfg, struct str name)
{
	for (size_t i = 0; i < cfg->egress.slash_escapes.n; i++) {
		if (str_eq(cfg->egress.slash_escapes.items[i], name)) {
			return true;
		}
	}
	return false;
}
