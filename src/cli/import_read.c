/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/import_read.h"

#include <stdarg.h>
#include <stdio.h>

enum { MAX_ID = 32 };

void import_notice(struct import_list *list, const char *fmt, ...)
{
	char text[512];
	struct str kept;
	va_list ap;

	if (list->n_notices == IMPORT_MAX_NOTICES) {
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	kept = arena_dup(list->a, str_from_c(text));
	if (kept.p && ARENA_GROW(list->a, &list->notices, list->n_notices, &list->cap_notices)) {
		list->notices[list->n_notices++] = kept;
	}
}

static bool contains_word(struct str s, const char *const *words)
{
	for (; *words; words++) {
		struct str word = str_from_c(*words);

		for (size_t i = 0; i + word.n <= s.n; i++) {
			if (str_ieq(str_make(s.p + i, word.n), word)) {
				return true;
			}
		}
	}
	return false;
}

/* Twenty characters and more of letters and digits mixed, as keys are; paths and words are not. */
static bool looks_random(struct str s)
{
	size_t digits = 0, letters = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c >= '0' && c <= '9') {
			digits++;
		} else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
			letters++;
		} else if (c != '-' && c != '_' && c != '=' && c != '+') {
			return false;
		}
	}
	return s.n >= 20 && digits >= 3 && letters >= 3;
}

bool import_is_secret(struct str name, struct str value)
{
	static const char *const names[] = {"key",  "token",  "secret",     "passw", "auth",
					    "cred", "cookie", "session_id", "dsn",   NULL};
	static const char *const starts[] = {"sk-",  "ghp_", "gho_",    "github_pat_", "glpat-",
					     "xox",  "AKIA", "Bearer ", "Basic ",      "eyJ",
					     "AIza", "hf_",  NULL};

	if (value.n == 0) {
		return false;
	}
	for (size_t i = 0; starts[i]; i++) {
		if (str_starts_with(value, str_from_c(starts[i]))) {
			return true;
		}
	}
	/* scheme://user:password@host */
	if (str_find_str(value, STR("://")) < value.n && str_find(value, '@') < value.n) {
		return true;
	}
	return contains_word(name, names) || looks_random(value);
}

static bool id_taken(const struct import_list *list, struct str id)
{
	for (size_t i = 0; i < list->n_servers; i++) {
		if (str_eq(list->servers[i].id, id)) {
			return true;
		}
	}
	return false;
}

/* Lower case; what an id cannot have becomes '-'; a number behind it when the id is taken. */
static struct str make_id(struct import_list *list, struct str name)
{
	char id[MAX_ID + 1];
	size_t n = 0;
	struct str made;

	for (size_t i = 0; i < name.n && n < MAX_ID - 4; i++) {
		char c = name.p[i];

		if (c >= 'A' && c <= 'Z') {
			c = (char)(c + ('a' - 'A'));
		}
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_') {
			c = '-';
		}
		if ((c == '-' || c == '_') && (n == 0 || id[n - 1] == '-')) {
			continue;
		}
		id[n++] = c;
	}
	while (n && id[n - 1] == '-') {
		n--;
	}
	made = arena_dup(list->a, n ? str_make(id, n) : STR("server"));
	for (unsigned k = 2; made.p && id_taken(list, made); k++) {
		made = arena_printf(list->a, STR_FMT "-%u", n ? (int)n : 6, n ? id : "server", k);
	}
	return made;
}

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f) {
			return true;
		}
	}
	return false;
}

static enum err_code expect(const struct json *j, enum json_type type, struct str server,
			    struct err *err)
{
	if (j->type == type && (type != JSON_STRING || !has_control(j->text))) {
		return ERR_OK;
	}
	return ERR(err, ERR_INVALID, "server '" STR_FMT "': '" STR_FMT "' must be %s",
		   STR_ARG(server), STR_ARG(j->key),
		   type == JSON_STRING ? "a string without control characters"
				       : json_type_name(type));
}

static enum err_code read_command(struct import_list *list, struct import_server *s,
				  const struct json *command, const struct json *args,
				  struct err *err)
{
	size_t n = 1 + (args ? args->n : 0), i = 1;
	struct str *words = ARENA_ARRAY(list->a, n, struct str);

	if (!words) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	TRY(expect(command, JSON_STRING, s->name, err));
	words[0] = command->text;
	if (args) {
		TRY(expect(args, JSON_ARRAY, s->name, err));
	}
	JSON_EACH (item, args) {
		if (!json_is_string(item) || has_control(item->text)) {
			return ERR(err, ERR_INVALID,
				   "server '" STR_FMT "': every element of 'args' must be a string",
				   STR_ARG(s->name));
		}
		if (import_is_secret(STR(""), item->text)) {
			import_notice(list,
				      STR_FMT ": argument %zu looks like a credential and stays in "
					      "writ.yaml: give it as an environment variable",
				      STR_ARG(s->id), i);
		}
		words[i++] = item->text;
	}
	s->command = words;
	s->n_command = n;
	return ERR_OK;
}

static enum err_code read_entries(struct import_list *list, struct str server, const struct json *j,
				  const struct import_entry **ret, size_t *ret_n, struct err *err)
{
	struct import_entry *items;
	size_t i = 0;

	if (!j || json_is_null(j)) {
		return ERR_OK;
	}
	TRY(expect(j, JSON_OBJECT, server, err));
	items = ARENA_ARRAY(list->a, j->n, struct import_entry);
	if (!items) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	JSON_EACH (item, j) {
		struct import_entry *e = &items[i];

		if (json_is_null(item)) {
			continue;
		}
		e->name = item->key;
		e->value = json_is_number(item) ? item->text : json_str(item);
		if (json_is_bool(item)) {
			e->value = item->boolean ? STR("true") : STR("false");
		} else if (!json_is_number(item)) {
			TRY(expect(item, JSON_STRING, server, err));
		}
		e->is_reference = str_find_str(e->value, STR("${")) < e->value.n;
		e->is_secret = e->is_reference || import_is_secret(e->name, e->value);
		i++;
	}
	*ret = items;
	*ret_n = i;
	return ERR_OK;
}

/* Clients know lists of tools that run without a question. */
static void read_allowed(struct import_list *list, struct import_server *s, const struct json *j)
{
	struct str *names = j ? ARENA_ARRAY(list->a, j->n, struct str) : NULL;
	size_t n = 0;

	if (!names || j->type != JSON_ARRAY) {
		return;
	}
	JSON_EACH (item, j) {
		if (json_is_string(item) && item->text.n && !has_control(item->text)) {
			names[n++] = item->text;
		}
	}
	s->allowed = names;
	s->n_allowed = n;
}

static void notice_unknown(struct import_list *list, const struct import_server *s,
			   const struct json *j)
{
	static const char *const known[] = {"command",     "args",        "env",         "cwd",
					    "url",         "serverUrl",   "httpUrl",     "headers",
					    "type",        "transport",   "disabled",    "enabled",
					    "alwaysAllow", "autoApprove", "description", NULL};

	JSON_EACH (item, j) {
		size_t i = 0;

		while (known[i] && !str_eq(item->key, str_from_c(known[i]))) {
			i++;
		}
		if (!known[i]) {
			import_notice(list, STR_FMT ": '%.*s' has no counterpart and is left out",
				      STR_ARG(s->id), (int)(item->key.n < 64 ? item->key.n : 64),
				      item->key.p);
		}
	}
}

static void notice_command(struct import_list *list, const struct import_server *s)
{
	static const char *const fetchers[] = {"npx", "uvx", "bunx", "pnpx", NULL};
	struct str program = s->command[0];

	while (str_find(program, '/') < program.n) {
		program = str_from(program, str_find(program, '/') + 1);
	}
	for (size_t i = 0; fetchers[i]; i++) {
		if (str_eq(program, str_from_c(fetchers[i]))) {
			import_notice(list,
				      STR_FMT
				      ": '%s' downloads when it starts, but servers have no "
				      "network: install the package and name its program "
				      "instead",
				      STR_ARG(s->id), fetchers[i]);
		}
	}
	if (str_eq(program, STR("docker")) || str_eq(program, STR("podman"))) {
		import_notice(list,
			      STR_FMT ": a container engine cannot run in the server's jail: start "
				      "the server without it, or reach it over HTTP",
			      STR_ARG(s->id));
	}
}

static enum err_code read_upstream(struct import_list *list, struct import_server *s,
				   const struct json *j, struct err *err)
{
	const struct json *command = json_get(j, STR("command"));
	const struct json *url = json_get(j, STR("url"));
	const struct json *type = json_get(j, STR("type"));
	const struct json *cwd = json_get(j, STR("cwd"));

	url = url ? url : json_get(j, STR("serverUrl"));
	url = url ? url : json_get(j, STR("httpUrl"));
	if (!command == !url) {
		return ERR(err, ERR_INVALID, "server '" STR_FMT "' needs either 'command' or 'url'",
			   STR_ARG(s->name));
	}
	if (command) {
		TRY(read_command(list, s, command, json_get(j, STR("args")), err));
		notice_command(list, s);
		if (cwd && !json_is_null(cwd)) {
			TRY(expect(cwd, JSON_STRING, s->name, err));
			s->cwd = cwd->text;
		}
		return read_entries(list, s->name, json_get(j, STR("env")), &s->env, &s->n_env,
				    err);
	}
	TRY(expect(url, JSON_STRING, s->name, err));
	s->url = url->text;
	s->sse = json_str_is(type ? type : json_get(j, STR("transport")), STR("sse"));
	if (s->sse) {
		import_notice(list,
			      STR_FMT
			      ": HTTP+SSE is the transport of 2024-11-05; if the server has "
			      "an address for Streamable HTTP too, use that, without 'protocol'",
			      STR_ARG(s->id));
	}
	return read_entries(list, s->name, json_get(j, STR("headers")), &s->headers, &s->n_headers,
			    err);
}

static enum err_code read_server(struct import_list *list, const struct json *j, struct err *err)
{
	const struct json *disabled = json_get(j, STR("disabled"));
	const struct json *allowed = json_get(j, STR("alwaysAllow"));
	struct import_server s = {.name = j->key};

	if (!json_is_object(j)) {
		return ERR(err, ERR_INVALID, "server '" STR_FMT "' must be an object",
			   STR_ARG(j->key));
	}
	if (has_control(j->key)) {
		return ERR(err, ERR_INVALID, "a server's name has a control character");
	}
	if (json_is_bool(disabled) && disabled->boolean) {
		import_notice(list, "'" STR_FMT "' is disabled and left out", STR_ARG(j->key));
		return ERR_OK;
	}
	if (list->n_servers == IMPORT_MAX_SERVERS) {
		return ERR(err, ERR_LIMIT, "more than %d servers", IMPORT_MAX_SERVERS);
	}
	s.id = make_id(list, j->key);
	if (!s.id.p) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	if (!str_eq(s.id, j->key)) {
		import_notice(list, "'" STR_FMT "' is called '" STR_FMT "' here", STR_ARG(j->key),
			      STR_ARG(s.id));
	}
	TRY(read_upstream(list, &s, j, err));
	read_allowed(list, &s, allowed ? allowed : json_get(j, STR("autoApprove")));
	notice_unknown(list, &s, j);
	if (!ARENA_GROW(list->a, &list->servers, list->n_servers, &list->cap_servers)) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	list->servers[list->n_servers++] = s;
	return ERR_OK;
}

enum err_code import_read(struct import_list *list, const struct json *root, struct err *err)
{
	const struct json *servers = json_get(root, STR("mcpServers"));

	servers = servers ? servers : json_get(root, STR("servers"));
	servers = servers ? servers : json_get(json_get(root, STR("mcp")), STR("servers"));
	if (!json_is_object(servers)) {
		return ERR(err, ERR_INVALID,
			   "no list of servers: expected an object \"mcpServers\" or \"servers\"");
	}
	JSON_EACH (item, servers) {
		TRY(read_server(list, item, err));
	}
	if (list->n_servers == 0) {
		return ERR(err, ERR_INVALID, "the list of servers is empty");
	}
	return ERR_OK;
}
