/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON-RPC errors that Writ itself answers, in one table: code, HTTP status
 * in each era, text. The text is fixed; nothing a peer sent is ever part of it.
 *
 * Codes of Writ's own stand outside the range that JSON-RPC and MCP reserve
 * (-32768 to -32000), so that no client mistakes them for the protocol's.
 */
#ifndef MCP_ERROR_H
#define MCP_ERROR_H

#include "base/buf.h"
#include "mcp/version.h"

/* clang-format off */
#define MCP_ERRORS(X)                                                                              \
	/* id               legacy  modern  http   http   text                                        \
	 *                  code    code    legacy modern */                                          \
	X(PARSE,            -32700, -32700, 400,   400,   "Parse error: the message is not strict JSON") \
	X(REQUEST,          -32600, -32600, 400,   400,   "Invalid request")                             \
	X(BATCH,            -32600, -32600, 400,   400,   "Invalid request: a batch, which only sessions of revision 2025-03-26 may send") \
	X(BATCH_LARGE,      -32600, -32600, 413,   413,   "Invalid request: a batch of more than 64 messages, or its answers together past 32 MiB") \
	X(TOO_LARGE,        -32600, -32600, 413,   413,   "Invalid request: the message is too large or nested too deeply") \
	X(NOT_INITIALIZED,  -32600, -32600, 400,   400,   "Invalid request: the session is not initialized") \
	X(INITIALIZED_TWICE, -32600, -32600, 400,  400,   "Invalid request: the session is already initialized") \
	X(SESSION_MISSING,  -32600, -32600, 400,   400,   "Invalid request: the session id is missing")  \
	X(SESSION_UNKNOWN,  -32001, -32001, 404,   404,   "Session not found")                           \
	X(METHOD,           -32601, -32601, 200,   404,   "Method not found")                            \
	X(PARAMS,           -32602, -32602, 200,   400,   "Invalid params")                              \
	X(CURSOR,           -32602, -32602, 200,   200,   "Invalid params: this cursor was not issued here") \
	X(META,             -32602, -32602, 400,   400,   "Invalid params: _meta must hold io.modelcontextprotocol/protocolVersion and io.modelcontextprotocol/clientCapabilities") \
	X(STATE,            -32602, -32602, 200,   400,   "Invalid params: this requestState was not issued for this request, has been used, or has expired") \
	X(UNKNOWN_TOOL,     -32602, -32602, 200,   200,   "Unknown tool")                                \
	X(UNKNOWN_TASK,     -32602, -32602, 200,   200,   "Unknown task")                                \
	X(TASK,             -32601, -32602, 200,   400,   "This tool cannot be called as a task here")   \
	X(UNKNOWN_PROMPT,   -32602, -32602, 200,   200,   "Unknown prompt")                              \
	X(UNKNOWN_RESOURCE, -32002, -32602, 200,   200,   "Resource not found")                          \
	X(INTERNAL,         -32603, -32603, 200,   200,   "Internal error")                              \
	X(HEADER_MISMATCH,  -32020, -32020, 400,   400,   "Header mismatch: a header does not agree with the body") \
	X(MISSING_CAPABILITY, -32021, -32021, 400, 400,   "A required client capability is missing")     \
	X(UNSUPPORTED_VERSION, -32022, -32022, 400, 400,  "Unsupported protocol version")                \
	X(DENIED,           -31001, -31001, 200,   200,   "Refused by policy")                           \
	X(UPSTREAM,         -31002, -31002, 200,   200,   "The server behind Writ failed or is not available") \
	X(TIMEOUT,          -31003, -31003, 200,   200,   "The server behind Writ did not answer in time") \
	X(LOGIN,            -31006, -31006, 200,   200,   "The server behind Writ needs the login of a person, who can run the command in data.command") \
	X(SCOPE,            -31007, -31007, 200,   200,   "The server behind Writ wants more than the person who logged in agreed to: that person can run the command in data.command") \
	X(BUSY,             -31004, -31004, 200,   200,   "Too many requests are waiting; try again later") \
	X(REJECTED,         -1,     -1,     200,   200,   "The request was refused")                     \
	X(UNANSWERED,       -32603, -32603, 200,   200,   "No answer came from the client")              \
	X(NO_RECORD,        -31005, -31005, 200,   200,   "Nothing can be recorded now, so nothing can be done; try again later")
/* clang-format on */

enum mcp_error {
	MCP_ERROR_NONE = 0,
#define X(id, ...) MCP_ERROR_##id,
	MCP_ERRORS(X)
#undef X
		MCP_ERROR_MAX
};

struct mcp_error_info {
	int code[2];                   /* [0] legacy, [1] modern */
	unsigned short http_status[2]; /* of a POST that gets this as its only answer */
	struct str text;
};

/* Not for NONE. Static storage. */
const struct mcp_error_info *mcp_error_info(enum mcp_error e);

/* The index into the pairs of mcp_error_info. */
static inline unsigned mcp_era(enum mcp_version v)
{
	return v == MCP_MODERN;
}

/*
 * Appends a whole error response. `id` is raw JSON; without one (p NULL) the
 * member is left out, as MCP 2025-11-25 wants it when the id could not be read.
 */
void mcp_error_append(struct buf *out, struct str id, enum mcp_error e, enum mcp_version v);

/* The same with `data`, raw JSON of our own making. */
void mcp_error_append_data(struct buf *out, struct str id, enum mcp_error e, enum mcp_version v,
			   struct str data);

/*
 * UNSUPPORTED_VERSION with its data: the modern revision, which is what a request that
 * names its revision itself may name, and what was asked for as a raw JSON string from
 * a checked message (left out when longer than 64 bytes).
 */
void mcp_error_append_version(struct buf *out, struct str id, struct str requested);

#endif
