/* SPDX-License-Identifier: Apache-2.0 */
/* Servers of tools that Writ talks to. */
#include "config/decode_priv.h"

#include <stdio.h>

enum { MAX_SERVERS = 256, MAX_ENTRIES = 64 };

#define SECONDS UINT64_C(1000000000)

void config_read_url(struct config_ctx *c, const struct config_field *f, const struct json *node,
		     void *to)
{
	struct err err = {0};
	enum err_code code;

	(void)f;
	if (!config_expect(c, node, JSON_STRING)) {
		return;
	}
	code = config_url_parse(c->a, node->text, to, &err);
	if (code == ERR_NOMEM) {
		config_nomem(c);
	} else if (code) {
		config_report(c, node->at, "%s", err.msg);
	}
}

/* A value in place, or {secret_file: FILE}. */
static void read_entry_value(struct config_ctx *c, const struct json *node, struct config_entry *to)
{
	static const struct config_field fields[] = {
		CONFIG_KEY("secret_file", config_read_path, struct config_entry, secret_file,
			   .required = true),
	};

	if (node->type == JSON_OBJECT) {
		config_read_fields(c, node, fields, ARRAY_LEN(fields), "a secret", to);
		return;
	}
	config_read_long(c, NULL, node, &to->text);
	if (to->text.n == 0) {
		to->text = STR(""); /* an empty value is a value */
	}
}

static bool is_env_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char ch = s.p[i];

		if (!(ch == '_' || (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') ||
		      (i && ch >= '0' && ch <= '9'))) {
			return false;
		}
	}
	return s.n > 0 && s.n <= 128;
}

static void read_env(struct config_ctx *c, const struct config_field *f, const struct json *node,
		     void *to)
{
	struct config_entries *entries = to;
	struct config_entry *items;
	size_t n, i = 0;

	(void)f;
	items = config_items(c, node, JSON_OBJECT, MAX_ENTRIES, sizeof(*items), &n);
	JSON_EACH (item, n ? node : NULL) {
		if (!is_env_name(item->key)) {
			config_report(c, item->key_at,
				      "a variable's name has letters, digits and '_' and does not "
				      "begin with a digit");
		}
		items[i].name = item->key;
		read_entry_value(c, item, &items[i++]);
	}
	*entries = (struct config_entries){.items = items, .n = n};
}

/* RFC 9110 5.6.2: tchar */
static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char ch = s.p[i];

		if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
		      (ch >= '0' && ch <= '9') || (ch && strchr("!#$%&'*+-.^_`|~", ch)))) {
			return false;
		}
	}
	return s.n > 0 && s.n <= 128;
}

/* Framing, routing and protocol state belong to Writ: two writers of one field disagree. */
static bool is_own_header(struct str s)
{
	static const char *const own[] = {
		"host",
		"connection",
		"content-length",
		"content-type",
		"accept",
		"transfer-encoding",
		"te",
		"trailer",
		"upgrade",
		"keep-alive",
		"expect",
		"proxy-connection",
		"mcp-session-id",
		"mcp-protocol-version",
		"last-event-id",
		"mcp-method",
		"mcp-name",
	};

	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		if (str_ieq(s, str_from_c(own[i]))) {
			return true;
		}
	}
	return false;
}

static bool contains_ignoring_case(struct str s, struct str word)
{
	for (size_t i = 0; i + word.n <= s.n; i++) {
		if (str_ieq(str_make(s.p + i, word.n), word)) {
			return true;
		}
	}
	return false;
}

static bool carries_a_secret(struct str name)
{
	static const struct str words[] = {STR_INIT("authorization"), STR_INIT("cookie"),
					   STR_INIT("api-key"),       STR_INIT("apikey"),
					   STR_INIT("token"),         STR_INIT("secret"),
					   STR_INIT("password")};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (contains_ignoring_case(name, words[i])) {
			return true;
		}
	}
	return false;
}

static void check_header(struct config_ctx *c, const struct json *item,
			 const struct config_entry *items, size_t i)
{
	if (!is_token(item->key)) {
		config_report(c, item->key_at, "this is not a header's name");
	} else if (is_own_header(item->key)) {
		config_report(c, item->key_at, "Writ sets the header '" STR_FMT "' itself",
			      STR_ARG(item->key));
	} else if (item->type == JSON_STRING && carries_a_secret(item->key)) {
		config_report(c, item->at,
			      "put the value of '" STR_FMT "' into a file of its own and write "
			      "{secret_file: FILE}",
			      STR_ARG(item->key));
	}
	if (item->type == JSON_STRING && str_find(item->text, '\n') < item->text.n) {
		config_report(c, item->at, "a header's value has no line breaks");
	}
	for (size_t k = 0; k < i; k++) {
		if (str_ieq(items[k].name, item->key)) {
			config_report(c, item->key_at, "the header '" STR_FMT "' comes twice",
				      STR_ARG(item->key));
		}
	}
}

static void read_headers(struct config_ctx *c, const struct config_field *f,
			 const struct json *node, void *to)
{
	struct config_entries *entries = to;
	struct config_entry *items;
	size_t n, i = 0;

	(void)f;
	items = config_items(c, node, JSON_OBJECT, MAX_ENTRIES, sizeof(*items), &n);
	JSON_EACH (item, n ? node : NULL) {
		check_header(c, item, items, i);
		items[i].name = item->key;
		read_entry_value(c, item, &items[i++]);
	}
	*entries = (struct config_entries){.items = items, .n = n};
}

static void read_files(struct config_ctx *c, const struct config_field *f, const struct json *node,
		       void *to)
{
	static const struct config_field fields[] = {
		CONFIG_KEY("read", config_read_paths, struct config_server, files_read),
		CONFIG_KEY("write", config_read_paths, struct config_server, files_write),
	};

	(void)f;
	config_read_fields(c, node, fields, ARRAY_LEN(fields), "files", to);
}

static void read_command(struct config_ctx *c, const struct config_field *f,
			 const struct json *node, void *to)
{
	struct config_strs *command = to;

	if (node->type == JSON_STRING) {
		config_report(c, node->at,
			      "a command is a list of words: [program, argument, ...]; there is no "
			      "shell");
		return;
	}
	if (!config_expect(c, node, JSON_ARRAY)) {
		return;
	}
	if (node->n == 0) {
		config_report(c, node->at, "the command is empty");
		return;
	}
	config_read_texts(c, f, node, command);
	/* A program with a slash is a path of its own; a bare name waits for PATH (config_load). */
	if (command->n && json_is_string(node->first) &&
	    str_find(node->first->text, '/') < node->first->text.n) {
		config_read_path(c, f, node->first, (void *)(uintptr_t)&command->items[0]);
	}
}

static void read_pin(struct config_ctx *c, const struct config_field *f, const struct json *node,
		     void *to)
{
	struct config_server *s = to;

	config_read_sha256(c, f, node, s->pin);
	s->has_pin = true;
}

static const char *const sandbox_names[] = {"strict", "weaker", NULL};
static const char *const check_names[] = {"enforce", "observe", "off", NULL};
static const char *const profile_names[] = {"native", "node", "python", NULL};

static const char *const protocol_names[] = {"auto", "legacy", "modern", "sse", NULL};

static const struct config_field server_fields[] = {
	CONFIG_KEY("command", read_command, struct config_server, command),
	CONFIG_KEY("cwd", config_read_path, struct config_server, cwd),
	CONFIG_KEY("env", read_env, struct config_server, env),
	{.key = STR_INIT("files"), .read = read_files},
	CONFIG_KEY("sandbox", config_read_enum, struct config_server, sandbox,
		   .names = sandbox_names),
	CONFIG_KEY("profile", config_read_enum, struct config_server, profile,
		   .names = profile_names),
	CONFIG_KEY("url", config_read_url, struct config_server, url),
	CONFIG_KEY("headers", read_headers, struct config_server, headers),
	CONFIG_KEY("ca_file", config_read_path, struct config_server, ca_file),
	{.key = STR_INIT("pin_sha256"), .read = read_pin},
	CONFIG_KEY("http2", config_read_http2, struct config_server, http2),
	CONFIG_KEY("oauth", config_read_grant, struct config_server, oauth),
	CONFIG_KEY("site", config_read_site_ref, struct config_server, site),
	CONFIG_KEY("protocol", config_read_enum, struct config_server, protocol,
		   .names = protocol_names),
	CONFIG_KEY("timeout", config_read_duration, struct config_server, timeout_ns,
		   .min = SECONDS / 1000, .max = 86400 * SECONDS),
	CONFIG_KEY("ping", config_read_duration, struct config_server, ping_ns,
		   .max = 3600 * SECONDS),
	CONFIG_KEY("pins", config_read_enum, struct config_server, pins, .names = check_names),
	CONFIG_KEY("schemas", config_read_enum, struct config_server, schemas,
		   .names = check_names),
	CONFIG_KEY("instructions", config_read_long, struct config_server, instructions),
};

/* Which of the two kinds a key belongs to. */
static void check_kind(struct config_ctx *c, const struct json *node)
{
	static const struct str stdio_only[] = {STR_INIT("cwd"), STR_INIT("env"), STR_INIT("files"),
						STR_INIT("sandbox"), STR_INIT("profile")};
	static const struct str url_only[] = {STR_INIT("headers"), STR_INIT("ca_file"),
					      STR_INIT("pin_sha256"), STR_INIT("http2"),
					      STR_INIT("oauth")};
	const struct json *url = json_get(node, STR("url"));
	const struct json *command = json_get(node, STR("command"));
	const struct json *protocol = json_get(node, STR("protocol"));

	if (url && command) {
		config_report(c, url->key_at, "a server has 'command' or 'url', not both");
		return;
	}
	if (!url && !command) {
		config_report(c, node->at, "a server needs 'command' or 'url'");
		return;
	}
	if (protocol && protocol->type == JSON_STRING && str_eq(protocol->text, STR("sse")) &&
	    (command || json_get(node, STR("http2")))) {
		config_report(c, protocol->at, "'sse' is for a server with 'url', without 'http2'");
	}
	for (size_t i = 0; url && i < ARRAY_LEN(stdio_only); i++) {
		const struct json *item = json_get(node, stdio_only[i]);

		if (item) {
			config_report(c, item->key_at,
				      "'" STR_FMT "' is for a server with 'command'",
				      STR_ARG(item->key));
		}
	}
	for (size_t i = 0; command && i < ARRAY_LEN(url_only); i++) {
		const struct json *item = json_get(node, url_only[i]);

		if (item) {
			config_report(c, item->key_at, "'" STR_FMT "' is for a server with 'url'",
				      STR_ARG(item->key));
		}
	}
}

/* A credential may leave this machine only encrypted. */
void config_check_transport(struct config_ctx *c, const struct json *node,
			    const struct config_url *url, bool has_secret)
{
	static const struct str tls_only[] = {STR_INIT("ca_file"), STR_INIT("pin_sha256")};
	const struct json *url_node = json_get(node, STR("url"));

	if (!url_node || !url->text.n || url->tls) {
		return;
	}
	if (has_secret && !url->loopback) {
		config_report(c, url_node->at,
			      "a secret would be sent unencrypted to another machine: use https");
	}
	for (size_t i = 0; i < ARRAY_LEN(tls_only); i++) {
		const struct json *item = json_get(node, tls_only[i]);

		if (item) {
			config_report(c, item->key_at, "'" STR_FMT "' needs an https URL",
				      STR_ARG(item->key));
		}
	}
}

void config_read_http2(struct config_ctx *c, const struct config_field *f, const struct json *node,
		       void *to)
{
	enum config_http2 *http2 = to;

	(void)f;
	if (node->type == JSON_BOOL) {
		*http2 = node->boolean ? CONFIG_HTTP2_YES : CONFIG_HTTP2_NO;
	} else if (json_is_string(node) && str_eq(node->text, STR("auto"))) {
		*http2 = CONFIG_HTTP2_AUTO;
	} else {
		config_report(c, node->at, "expected true, false or auto");
	}
}

void config_check_http2(struct config_ctx *c, const struct json *node, const struct config_url *url)
{
	const struct json *http2 = json_get(node, STR("http2"));

	if (http2 && json_is_string(http2) && url->text.n && !url->tls) {
		config_report(
			c, http2->at,
			"'auto' needs an https URL: without TLS nothing is agreed on, so write "
			"true or false");
	}
}

static bool has_secret(const struct config_entries *entries)
{
	for (size_t i = 0; i < entries->n; i++) {
		if (entries->items[i].secret_file.n) {
			return true;
		}
	}
	return false;
}

/* A request has one Authorization field, which is added to HTTP/1.1 alone. */
static void check_one_token(struct config_ctx *c, const struct json *node,
			    const struct config_server *s)
{
	if (s->oauth && s->http2 != CONFIG_HTTP2_NO) {
		config_report(
			c, json_get(node, STR("oauth"))->key_at,
			"a server that needs tokens is reached by HTTP/1.1: leave 'http2' out");
	}
	for (size_t i = 0; s->oauth && i < s->headers.n; i++) {
		if (str_ieq(s->headers.items[i].name, STR("Authorization"))) {
			config_report(c, json_get(node, STR("oauth"))->key_at,
				      "tokens and an Authorization header of your own exclude each "
				      "other");
		}
	}
}

void config_read_servers(struct config_ctx *c, const struct config_field *f,
			 const struct json *node, void *to)
{
	struct config *cfg = to;
	struct config_server *servers;
	size_t n, i = 0;

	(void)f;
	servers = config_items(c, node, JSON_OBJECT, MAX_SERVERS, sizeof(*servers), &n);
	JSON_EACH (item, n ? node : NULL) {
		struct config_server *s = &servers[i++];

		if (!config_is_id(item->key)) {
			config_report(c, item->key_at,
				      "a server's id has 1 to 32 characters of a-z, 0-9, '_' and "
				      "'-', and begins with a letter or a digit");
		}
		s->id = item->key;
		s->timeout_ns = 60 * SECONDS;
		s->ping_ns = 30 * SECONDS;
		config_read_fields(c, item, server_fields, ARRAY_LEN(server_fields), "a server", s);
		if (item->type == JSON_OBJECT) {
			check_kind(c, item);
			config_check_transport(c, item, &s->url,
					       has_secret(&s->headers) || s->oauth);
			check_one_token(c, item, s);
			config_check_http2(c, item, &s->url);
		}
		s->kind = s->url.text.n ? CONFIG_SERVER_HTTP : CONFIG_SERVER_STDIO;
	}
	cfg->servers = servers;
	cfg->n_servers = n;
}
