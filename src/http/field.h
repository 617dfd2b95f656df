/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Header fields: the pair, the names Writ itself looks at, and what may stand
 * in a name and a value (RFC 9110 section 5).
 */
#ifndef HTTP_FIELD_H
#define HTTP_FIELD_H

#include "base/str.h"

struct http_field {
	struct str name, value;
};

/*
 * name, text, and flags:
 *   ONE  a second field of the name is refused in requests, since the two ends might
 *        believe different ones
 *   HOP  belongs to one connection (RFC 9110 section 7.6.1): never forwarded, always
 *        generated anew
 * Sorted by length, which http_field_find relies on.
 */
#define HTTP_KNOWN_FIELDS(X)                                                                       \
	X(TE, "te", HTTP_FIELD_HOP)                                                                \
	X(DATE, "date", 0)                                                                         \
	X(HOST, "host", HTTP_FIELD_ONE | HTTP_FIELD_HOP)                                           \
	X(ACCEPT, "accept", 0)                                                                     \
	X(COOKIE, "cookie", 0)                                                                     \
	X(EXPECT, "expect", HTTP_FIELD_ONE | HTTP_FIELD_HOP)                                       \
	X(ORIGIN, "origin", HTTP_FIELD_ONE)                                                        \
	X(SERVER, "server", 0)                                                                     \
	X(TRAILER, "trailer", HTTP_FIELD_HOP)                                                      \
	X(UPGRADE, "upgrade", HTTP_FIELD_HOP)                                                      \
	X(LOCATION, "location", 0)                                                                 \
	X(MCP_NAME, "mcp-name", HTTP_FIELD_ONE)                                                    \
	X(X_API_KEY, "x-api-key", HTTP_FIELD_ONE)                                                  \
	X(CONNECTION, "connection", HTTP_FIELD_HOP)                                                \
	X(KEEP_ALIVE, "keep-alive", HTTP_FIELD_HOP)                                                \
	X(MCP_METHOD, "mcp-method", HTTP_FIELD_ONE)                                                \
	X(SET_COOKIE, "set-cookie", 0)                                                             \
	X(USER_AGENT, "user-agent", 0)                                                             \
	X(RETRY_AFTER, "retry-after", 0)                                                           \
	X(TRACEPARENT, "traceparent", HTTP_FIELD_ONE)                                              \
	X(CONTENT_TYPE, "content-type", HTTP_FIELD_ONE)                                            \
	X(AUTHORIZATION, "authorization", HTTP_FIELD_ONE)                                          \
	X(CACHE_CONTROL, "cache-control", 0)                                                       \
	X(LAST_EVENT_ID, "last-event-id", HTTP_FIELD_ONE)                                          \
	X(CONTENT_LENGTH, "content-length", HTTP_FIELD_ONE | HTTP_FIELD_HOP)                       \
	X(MCP_SESSION_ID, "mcp-session-id", HTTP_FIELD_ONE)                                        \
	X(ACCEPT_ENCODING, "accept-encoding", 0)                                                   \
	X(CONTENT_ENCODING, "content-encoding", HTTP_FIELD_ONE)                                    \
	X(PROXY_CONNECTION, "proxy-connection", HTTP_FIELD_HOP)                                    \
	X(WWW_AUTHENTICATE, "www-authenticate", 0)                                                 \
	X(ANTHROPIC_VERSION, "anthropic-version", HTTP_FIELD_ONE)                                  \
	X(TRANSFER_ENCODING, "transfer-encoding", HTTP_FIELD_ONE | HTTP_FIELD_HOP)                 \
	X(PROXY_AUTHENTICATE, "proxy-authenticate", 0)                                             \
	X(PROXY_AUTHORIZATION, "proxy-authorization", HTTP_FIELD_ONE | HTTP_FIELD_HOP)             \
	X(MCP_PROTOCOL_VERSION, "mcp-protocol-version", HTTP_FIELD_ONE)

enum http_field_id {
	HTTP_F_UNKNOWN = 0,
#define X(id, text, flags) HTTP_F_##id,
	HTTP_KNOWN_FIELDS(X)
#undef X
		HTTP_F_MAX
};

enum http_field_flags { HTTP_FIELD_ONE = 1, HTTP_FIELD_HOP = 2 };

/* Any case; HTTP_F_UNKNOWN for all other names. */
enum http_field_id http_field_find(struct str name);

unsigned http_field_flags(enum http_field_id id);

/* A non-empty token. */
bool http_is_token(struct str s);

/* Visible ASCII, space, tab and bytes from 0x80 on; no CR, LF, NUL or other control. */
bool http_is_value(struct str s);

/*
 * The next element of a comma-separated list, trimmed; empty elements are
 * skipped. False at the end of *rest. Quoted strings are not understood, so
 * use it for lists of tokens only.
 */
bool http_list_next(struct str *rest, struct str *ret);

/* Whether the list holds the token, in any case. */
bool http_list_has(struct str list, struct str token);

/* Whether a Connection field among f names this one (RFC 9110 section 7.6.1). */
bool http_field_is_connections(const struct http_field *f, size_t n, struct str name);

/*
 * Whether an Accept value admits type/subtype; an absent (empty) value admits
 * all. Parameters are skipped, "q=0" excludes.
 */
bool http_accepts(struct str accept, struct str type, struct str subtype);

/* Whether a Content-Type value is the given type/subtype, parameters aside. */
bool http_type_is(struct str content_type, struct str type);

#endif
