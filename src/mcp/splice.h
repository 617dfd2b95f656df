/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message rebuilt with a few values replaced and every other byte as it came:
 * unknown members, number texts, _meta, order and white space survive. A typed
 * model would drop by accident what it does not know.
 */
#ifndef MCP_SPLICE_H
#define MCP_SPLICE_H

#include "mcp/rpc.h"

/* `at` points into the message; where it is empty, `with` is inserted. */
struct mcp_patch {
	struct str at, with;
};

enum { MCP_PATCH_MAX = 8 };

/* Appends `whole` with the patches applied; they are in any order and do not overlap. */
void mcp_splice(struct buf *out, struct str whole, const struct mcp_patch *patches, size_t n);

/* The same for any number of patches. They are put in order in place. */
void mcp_splice_many(struct buf *out, struct str whole, struct mcp_patch *patches, size_t n);

/*
 * What changes in a request on its way to an upstream: all raw JSON; p NULL keeps
 * the client's own. `token` replaces a progressToken that is there; none is invented.
 */
struct mcp_change {
	struct str id, object, token;
	struct str request_id; /* of notifications/cancelled */
};

/* A request or notification for the next hop. */
void mcp_splice_call(struct buf *out, const struct mcp_msg *m, const struct mcp_change *c);

/*
 * A notifications/message of `server` for a client of several: its logger becomes SERVER/LOGGER, or SERVER
 * where it has none. With an empty `server` it stays as it is.
 */
void mcp_splice_log(struct buf *out, const struct mcp_msg *m, struct str server);

/* An answer (result or error) under the id of the hop before. */
void mcp_splice_answer(struct buf *out, const struct mcp_msg *m, struct str id);

#endif
