/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URIs in the answers of a server behind the aggregated endpoint. There a client
 * reads a resource by a URI that leads to one of several servers, so a URI that
 * one of them mentions must lead back to it:
 *
 *   - one that would lead to another server is wrapped (mcp/name);
 *   - a resource_link that would lead nowhere is wrapped, unless it is an http or
 *     https URL, which a client may fetch by itself;
 *   - all others stay.
 *
 * Looked at are the members that the protocol defines: contents[].uri,
 * content[].uri, content[].resource.uri, and the same in messages[].content, and in the
 * result of a task.
 * What a tool puts elsewhere (structuredContent, text) is its own.
 */
#ifndef MCP_OUTWARD_H
#define MCP_OUTWARD_H

#include "mcp/rpc.h"
#include "mcp/view.h"

/* Whose answer it is, and what the endpoint offers. */
struct mcp_outward {
	const struct mcp_view *resources, *templates; /* templates may be NULL */
	size_t server;
	bool of_task; /* a result may stand in its member "result" (mcp/task.h) */
};

/* False at once for most answers: then there is nothing to do. Never false for one that has a URI. */
bool mcp_outward_may_apply(const struct mcp_msg *answer);

/*
 * Appends the answer with its URIs replaced and sets *ret_changed, or appends
 * nothing when all may stay. ERR_NOMEM: the arena is full.
 */
enum err_code mcp_outward_uris(struct buf *out, struct arena *a, const struct mcp_msg *answer,
			       const struct mcp_outward *o, bool *ret_changed,
			       struct err *err) MUST_USE;

#endif
