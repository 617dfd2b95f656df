/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One JSON-RPC message as MCP uses it, taken apart by spans. Nothing is copied
 * and nothing is re-modelled: what Writ does not need it does not look at, and
 * the bytes go on as they came.
 *
 * The message is validated whole (strict JSON, no duplicate names at any level),
 * because what two parsers read differently can pass an inspector and mean
 * something else behind it. For the same reason a name that only resembles a
 * protocol name is refused, in the envelope, in params and in _meta: written
 * with an escape (but for a slash), in another case, or with a character that folds to an ASCII
 * letter (U+017F, U+212A, U+0130, U+0131).
 *
 * A message that breaks a rule is a result here, not a fault: kind INVALID with
 * the error to answer. `id` is filled whenever it could be read, so that a broken
 * answer of a server can still end the call it was meant for.
 */
#ifndef MCP_RPC_H
#define MCP_RPC_H

#include "mcp/error.h"
#include "mcp/method.h"
#include "json/scan.h"

enum { MCP_ID_MAX = 256 }; /* bytes of an id or a progress token, as written */

enum mcp_kind {
	MCP_INVALID = 0,
	MCP_REQUEST,
	MCP_NOTIFICATION,
	MCP_RESPONSE,       /* with result */
	MCP_ERROR_RESPONSE, /* with error */
};

/* Spans are raw JSON that points into the message; p is NULL where there is none. */
struct mcp_msg {
	enum mcp_kind kind;
	enum mcp_error fault; /* of an invalid message, else NONE */
	bool answerable;      /* it was a request with a usable id: `fault` can be answered */
	enum mcp_method method;
	struct str whole;       /* without white space around it */
	struct str id;          /* integer or string; byte exact; may be absent in ERROR_RESPONSE */
	struct str method_text; /* decoded; in the scratch arena when it held an escape */
	struct str params;      /* an object */
	struct str object; /* the string that names the object, see mcp_method_info()->object */
	bool object_is_uri;
	struct str arguments; /* an object */
	struct str meta;      /* params._meta, an object */
	struct str
		modern_version; /* the revision that _meta names: only modern requests name one */
	struct str token;       /* progressToken: of _meta, or of notifications/progress itself */
	struct str request_id;  /* params.requestId of notifications/cancelled */
	struct str cursor;      /* params.cursor, a string */
	struct str result;      /* an object */
	struct str error;       /* an object with an integer code and a string message */
};

/*
 * Takes `text` apart. `*ret` is always written. `scratch` serves the
 * validation, and holds method_text where that says so. `opts` gives the limits and may be NULL.
 * `why` tells the operator what was wrong with an invalid message.
 */
enum mcp_kind mcp_msg_parse(struct arena *scratch, struct str text, const struct json_opts *opts,
			    struct mcp_msg *ret, struct err *why);

/* The raw value of a member of params, or p NULL. */
struct str mcp_msg_param(const struct mcp_msg *m, struct str key);

#endif
