/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions of a server as results (MCP 2026-07-28 basic/mrtr): a result with resultType
 * "input_required" names requests of the kinds of mcp/ask.h under keys, and the client sends its
 * request again with the answers under the same keys and the requestState that came along.
 *
 * Here both ends of that are read and written. Inside Writ each question is a request of the older
 * era, with the key as its id, whatever it came as.
 */
#ifndef MCP_INPUT_H
#define MCP_INPUT_H

#include "mcp/rpc.h"

enum {
	MCP_INPUTS_MAX = 16,
	MCP_INPUT_KEY_MAX = 128, /* as written, with quotes */
	MCP_INPUT_STATE_MAX = 64 << 10,
};

struct mcp_inputs {
	size_t n;
	struct str requests[MCP_INPUTS_MAX]; /* whole requests of the older era; in the arena */
	struct str state;                    /* requestState, a raw string; p NULL: none */
};

/*
 * Takes an input_required result apart. ERR_INVALID: not of that form, an unknown kind of request, or
 * neither requests nor state; ERR_LIMIT.
 */
enum err_code mcp_inputs_parse(struct arena *a, struct str result, struct mcp_inputs *ret,
			       struct err *err) MUST_USE;

/* The key under which a client of the modern era is asked m: its id, as a raw string. */
void mcp_input_key(struct buf *out, const struct mcp_msg *m);

/*
 * Appends "key":{"method":...,"params":{...}}. With `server`, what a person reads begins with that
 * name, as in mcp_ask_append.
 */
void mcp_input_append(struct buf *out, struct arena *scratch, const struct mcp_msg *m,
		      struct str server);

/* The whole answer to request `id`; `inputs` are members as mcp_input_append makes them. */
void mcp_input_required(struct buf *out, struct str id, struct str inputs, struct str state);

/*
 * What a client sends along. MCP_ERROR_PARAMS: inputResponses that is no object, or a requestState
 * that is no string or too long. Absent: p NULL.
 */
struct mcp_supplied {
	struct str responses; /* a raw object */
	struct str state;     /* decoded */
};

enum mcp_error mcp_supplied_parse(struct arena *a, const struct mcp_msg *m,
				  struct mcp_supplied *ret);

/*
 * The answer to the question m among `responses` (raw object, or p NULL): a raw object that could
 * be one, or p NULL. What could not be counts as missing, so that it is asked for again.
 */
struct str mcp_supplied_find(struct arena *a, struct str responses, const struct mcp_msg *m);

#endif
