/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server lists that MCP clients keep, read without touching the file system:
 *
 *   {"mcpServers": {NAME: {command, args, env, cwd, url, headers, type}}}   most clients
 *   {"servers": {...}} or {"mcp": {"servers": {...}}}                        VS Code
 *
 * What cannot be carried over exactly is told in a notice, never dropped in
 * silence. Values that look like credentials are marked, so that the writer can
 * put them into files of their own.
 */
#ifndef CLI_IMPORT_READ_H
#define CLI_IMPORT_READ_H

#include "base/arena.h"
#include "base/err.h"
#include "json/parse.h"

enum { IMPORT_MAX_SERVERS = 128, IMPORT_MAX_NOTICES = 256 };

/* An environment variable or a header. */
struct import_entry {
	struct str name, value;
	bool is_secret;
	bool is_reference; /* ${...}: the client would have asked for it; there is no value here */
};

struct import_server {
	struct str id;   /* fit for writ.yaml, distinct */
	struct str name; /* as the client calls it */
	const struct str *command;
	size_t n_command;
	struct str cwd;
	const struct import_entry *env;
	size_t n_env;
	struct str url;
	bool sse; /* over HTTP+SSE */
	const struct import_entry *headers;
	size_t n_headers;
	const struct str *allowed; /* tools that the client was told not to ask about */
	size_t n_allowed;
};

struct import_list {
	struct arena *a;
	struct import_server *servers;
	size_t n_servers, cap_servers;
	struct str *notices;
	size_t n_notices, cap_notices;
};

/* `list` is zeroed by the caller but for its arena. ERR_INVALID: no server list in it. */
enum err_code import_read(struct import_list *list, const struct json *root,
			  struct err *err) MUST_USE;

/* Adds a notice; drops it past IMPORT_MAX_NOTICES. */
void import_notice(struct import_list *list, const char *fmt, ...) PRINTF(2, 3);

/* Does the name or the value look like a credential? */
bool import_is_secret(struct str name, struct str value);

#endif
