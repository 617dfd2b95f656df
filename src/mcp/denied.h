/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a refusal looks to an MCP client. A refused tool call is answered by a
 * tool result with isError, so that a model can read it and go on; everything
 * else by a JSON-RPC error. Both name the policy, its reason and the record in
 * the ledger, and what to do next; nothing of the arguments, of other policies
 * or of what would have been allowed.
 */
#ifndef MCP_DENIED_H
#define MCP_DENIED_H

#include "mcp/rpc.h"

enum mcp_refusal_kind {
	MCP_REFUSAL_DENIED = 0,
	MCP_REFUSAL_ASK,         /* waiting, or a person, could lift it; none can be asked now */
	MCP_REFUSAL_PERSON,      /* a person was asked and said no */
	MCP_REFUSAL_UNHEARD,     /* a person was asked and said nothing */
	MCP_REFUSAL_UNAVAILABLE, /* no decision or no record could be made */
	MCP_REFUSAL_ARGUMENTS,   /* of a call: they do not fit; reason says where */
	MCP_REFUSAL_WITHHELD,    /* the call was made, its result does not fit */
};

struct mcp_refusal {
	enum mcp_refusal_kind kind;
	struct str policy;      /* id of the policy that decided; empty: nothing permits it */
	struct str reason;      /* its @reason; may be empty; cut at 512 bytes */
	struct str retry_after; /* ASK that waiting alone lifts: how long; else empty */
	struct str step_up;     /* ASK that a token with these scopes lifts; else empty */
	uint64_t record;        /* index in the ledger */
	bool has_record;
};

/* Appends the whole answer to the request m. */
void mcp_denied_append(struct buf *out, const struct mcp_msg *m, enum mcp_version v,
		       const struct mcp_refusal *r);

#endif
