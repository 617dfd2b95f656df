/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modern era (2026-07-28) on the client's side, over servers of the legacy
 * one: what every request must say about itself, the HTTP headers that mirror
 * the body, and the members that every result must have.
 *
 * The body is the truth. A header that says something else is not believed but
 * refused, since somebody between could have decided by it.
 */
#ifndef MCP_MODERN_H
#define MCP_MODERN_H

#include "mcp/rpc.h"
#include "mcp/session.h"

/*
 * The mirrored headers, without the space around them; p NULL when absent. Over a
 * transport without headers there is nothing to mirror: pass NULL instead. A
 * header that came twice is refused before this.
 */
struct mcp_headers {
	struct str version; /* MCP-Protocol-Version */
	struct str method;  /* Mcp-Method */
	struct str name;    /* Mcp-Name */
};

/*
 * Is it a request of the modern era? It is when its _meta names a revision, or
 * its header names the modern one; all else is legacy. `headers` may be NULL.
 */
bool mcp_is_modern(const struct mcp_msg *m, const struct mcp_headers *headers);

/* What a request says about its sender; each request anew. */
struct mcp_modern {
	struct str requested;  /* the revision, raw; for mcp_error_append_version */
	uint32_t capabilities; /* of the client */
	struct str client;     /* the raw clientInfo object, or p NULL */
	bool wants_log;        /* else no notifications/message may be sent */
	enum mcp_log_level log_level;
};

/*
 * Checks a request, in this order: version header there (HEADER_MISMATCH), _meta
 * complete (META), header and _meta agree (HEADER_MISMATCH), revision supported
 * (UNSUPPORTED_VERSION), method known in this era (METHOD), Mcp-Method and Mcp-Name
 * (HEADER_MISMATCH). MCP_ERROR_NONE when all is well. `*ret` is always written as
 * far as it got.
 */
enum mcp_error mcp_modern_check(struct arena *scratch, const struct mcp_msg *m,
				const struct mcp_headers *headers, struct mcp_modern *ret);

/*
 * A header value that stands for `text`: itself, or =?base64?...?= when it is
 * wrapped. False when the wrapping is broken. Decoded into the arena.
 */
bool mcp_header_decode(struct arena *a, struct str value, struct str *ret) MUST_USE;

/*
 * The answer of a server for a modern client, under the client's id: a result gains
 * resultType "complete" (whatever a legacy server may have said itself, since it cannot
 * ask for input that way), serverInfo in its _meta, and for methods whose results may be
 * cached ttlMs 0 (a modern server's own stays) and cacheScope "private"; of the errors that
 * this era has no more, -32002 (no such resource) becomes -32602 and -32042 (a URL has to be visited first: its data
 * says which) -32000. A modern server's result must be a complete one (mcp/upward.h), or a task that is taken as one.
 */
void mcp_modern_answer(struct buf *out, const struct mcp_msg *answer, struct str id,
		       enum mcp_method method, bool from_modern);

/* Is a member of _meta, as written, called `name`? Some writers escape the slash. */
bool mcp_key_is(struct str key, struct str name);

/* The HTTP status under which a POST is answered with this error from a server (as relayed). */
unsigned mcp_modern_status(const struct mcp_msg *answer);

#endif
