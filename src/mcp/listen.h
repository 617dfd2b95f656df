/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subscriptions/listen of a client (MCP 2026-07-28 server/subscriptions): what it wants to hear of,
 * and what it hears. Everything on its stream carries the id of its request, so that several on one
 * connection can be told apart.
 */
#ifndef MCP_LISTEN_H
#define MCP_LISTEN_H

#include "mcp/catalogue.h"
#include "mcp/rpc.h"

enum { MCP_LISTEN_URIS = 100 };

struct mcp_filter {
	bool tools, prompts, resources;   /* changes of these lists */
	struct str uris[MCP_LISTEN_URIS]; /* raw strings: changes of these resources */
	size_t n_uris;
};

/*
 * MCP_ERROR_PARAMS: params.notifications is missing, a member of it is of a wrong type, or there are
 * too many URIs. Unknown members are not honoured. A URI that comes twice counts once.
 */
enum mcp_error mcp_filter_parse(struct arena *a, const struct mcp_msg *m, struct mcp_filter *ret);

/* Does it want to hear that lists of this kind changed? */
bool mcp_filter_wants(const struct mcp_filter *f, enum mcp_list_kind kind);

/* The first message of the stream: what of it is honoured. `id` is the request's, raw. */
void mcp_listen_acknowledged(struct buf *out, const struct mcp_filter *honoured, struct str id);

/* One of the three list_changed. */
void mcp_listen_changed(struct buf *out, enum mcp_method method, struct str id);

/*
 * A server's notifications/resources/updated for this listener, under the URI that it knows (raw; p
 * NULL keeps the server's). With id.p NULL it is for a client of the older era, which has no such id.
 */
void mcp_listen_updated(struct buf *out, const struct mcp_msg *m, struct str uri, struct str id);

/* Its end in good order. */
void mcp_listen_result(struct buf *out, struct str id);

#endif
