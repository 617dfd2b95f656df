/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server may ask of a client in the legacy era: a completion of its model
 * (sampling/createMessage), words of its person (elicitation/create), its roots
 * (roots/list). Here stands what is checked before anybody is bothered, how the request
 * looks to the client, and how a server learns that it gets nothing.
 *
 * A server hears of a refusal in the words that the protocol has for a person who says no:
 * which policy refused, and why, is none of its business.
 */
#ifndef MCP_ASK_H
#define MCP_ASK_H

#include "mcp/rpc.h"
#include "mcp/session.h"

enum { MCP_ELICITATION_ID_MAX = 256 };

/* One of the three. */
bool mcp_ask_is(enum mcp_method m);

/*
 * May the client of this session be asked that? MCP_ERROR_METHOD: it has not offered to
 * answer such requests, or is not ready. MCP_ERROR_PARAMS: not this form of it (a mode of
 * elicitation, tools in sampling), a request without what its revision demands, a task, or a page to
 * open that is neither https nor on the client's own machine (MCP 2025-11-25
 * client/elicitation; "javascript:" and its like open more than a page).
 */
enum mcp_error mcp_ask_check(struct arena *scratch, const struct mcp_msg *m,
			     const struct mcp_session *s);

/* Of an elicitation by URL: its elicitationId, decoded; p NULL in all other requests. */
struct str mcp_ask_elicitation(struct arena *scratch, const struct mcp_msg *m);

/*
 * Appends the request as the client gets it: under `id`, its progress token, if it has one, replaced
 * by the same. With `server`, what an elicitation says to a person begins with that name: on an
 * endpoint of several servers nobody else can tell who asks. Of a sampling request includeContext becomes "none":
 * what a client has from "thisServer" is what it has from all that are behind Writ, and no server gets the
 * words of others that way (MCP 2025-11-25 client/sampling: clients may modify or omit it).
 */
void mcp_ask_append(struct buf *out, struct arena *scratch, const struct mcp_msg *m, struct str id,
		    struct str server);

enum mcp_ask_end {
	MCP_ASK_REFUSED = 0, /* by policy */
	MCP_ASK_UNANSWERED,  /* the client is gone, too slow, or the call is over */
};

/* Appends the answer to a request that no client answers; `id` is the server's, raw. */
void mcp_ask_refuse(struct buf *out, struct str id, enum mcp_method method, enum mcp_ask_end why);

#endif
