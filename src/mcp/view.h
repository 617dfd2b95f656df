/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one endpoint offers of one kind: the lists of its servers merged, under
 * the names that clients use, and the way back from such a name to the server
 * and to the name it knows.
 *
 * On the aggregated endpoint each tool and prompt carries its server's id
 * (mcp/name); on an endpoint of one server names are untouched. A resource keeps
 * its URI when it is the first, in the order of the configuration, to use it;
 * a later one is wrapped. Everything else of an item is the server's bytes.
 *
 * The order is the servers' order in the configuration, then names by bytes, so
 * that the same tools make the same list whatever order a server sends them in.
 *
 * A list is answered whole, on one page: its size is limited when it is built.
 * So Writ issues no cursor, and any cursor a client sends is forged or stale;
 * there is nothing to sign. The empty cursor counts as none.
 */
#ifndef MCP_VIEW_H
#define MCP_VIEW_H

#include "mcp/catalogue.h"

enum { MCP_VIEW_BYTES = 12 << 20 }; /* of all items; below the limit on a message */

enum mcp_naming { MCP_NAMING_PREFIXED = 0, MCP_NAMING_PLAIN };

/* A server of the endpoint; `list` is NULL while it has none. */
struct mcp_source {
	struct str id;
	const struct mcp_list *list;
	bool lenient; /* its names may look like those of servers before it */
};

struct mcp_entry {
	struct str name; /* what clients call it, decoded */
	struct str json; /* the item as clients get it */
	const struct mcp_item *item;
	size_t server; /* index of its source */
};

struct mcp_shown;

struct mcp_view {
	enum mcp_list_kind kind;
	enum mcp_naming naming;
	struct arena arena;
	struct str *ids; /* of the sources */
	size_t n_ids;
	struct mcp_entry *entries;
	size_t n, bytes;
	struct map by_name; /* of struct mcp_entry */
	struct map
		by_look; /* the first entry of each skeleton (base/fold.h), of tools and prompts */
	struct mcp_findings findings;
	struct mcp_shown *shown; /* the owner's, in the arena: what callers are shown of it */
};

/*
 * Builds the view of the sources' lists, which must outlive it. Items that are held are left out; so
 * is, with a finding, a tool or prompt whose name looks like one of an earlier server and is not the same. MCP_NAMING_PLAIN
 * takes one source. A server whose list no longer fits within MCP_VIEW_BYTES is
 * left out from there on, with a finding. ERR_NOMEM leaves nothing to release.
 */
enum err_code mcp_view_build(struct mcp_view *v, enum mcp_list_kind kind, enum mcp_naming naming,
			     const struct mcp_source *sources, size_t n, struct hash_key seed,
			     struct err *err) MUST_USE;
void mcp_view_done(struct mcp_view *v);

/* By the name clients use; borrowed, or NULL. */
const struct mcp_entry *mcp_view_find(const struct mcp_view *v, struct str name);

/* Do clients see the same? When they do, there is no list_changed to send. */
bool mcp_view_same(const struct mcp_view *a, const struct mcp_view *b);

/* May this caller see the entry? NULL lets all through. */
typedef bool mcp_view_filter(void *ctx, const struct mcp_entry *e);

/*
 * Appends the whole answer to a list request. In the modern era it carries
 * resultType, a ttlMs of 0 and cacheScope "private", since what is listed depends
 * on who asks.
 */
void mcp_view_answer(struct buf *out, const struct mcp_view *v, struct str id, enum mcp_version ver,
		     mcp_view_filter *filter, void *ctx);

/* A cursor as sent by a client: absent or the empty string. */
bool mcp_view_cursor_ok(struct str raw);

/* Which server answers for a URI, and under which URI it knows it (a view into `uri` or an item).
 */
struct mcp_target {
	size_t server;
	struct str uri;
	const struct mcp_entry *entry; /* NULL when it is not listed as such */
};

/*
 * A listed URI, a wrapped one, or one that a listed template could have made, in
 * this order. `templates` may be NULL. On an endpoint of one server that server
 * answers for all.
 */
bool mcp_view_resolve_uri(const struct mcp_view *resources, const struct mcp_view *templates,
			  struct str uri, struct mcp_target *ret);

#endif
