/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One list of one upstream (its tools, resources, resource templates or prompts)
 * as it was received, page by page. Items stay the bytes that the server sent;
 * only the name under which each is called is looked at. What a list may not
 * contain is left out and becomes a finding; nothing disappears silently.
 *
 * A refresh fills a new list and then replaces the old one, so that a server
 * which fails half way through leaves what was there.
 */
#ifndef MCP_CATALOGUE_H
#define MCP_CATALOGUE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "mcp/method.h"
#include "mcp/name.h"

enum mcp_list_kind {
	MCP_LIST_TOOLS = 0,
	MCP_LIST_RESOURCES,
	MCP_LIST_TEMPLATES,
	MCP_LIST_PROMPTS,
	MCP_LIST_KINDS
};

enum {
	MCP_LIST_ITEMS = 5000,        /* of one server */
	MCP_LIST_TEMPLATES_MAX = 200, /* templates are tried one after the other */
	MCP_LIST_PAGES = 500,
	MCP_LIST_BYTES = 8 << 20,
	MCP_ITEM_BYTES = 256 << 10,
	MCP_CURSOR_MAX = 4096,
	MCP_FINDINGS = 32,
};

enum mcp_finding_kind {
	MCP_FINDING_NOT_ITEM = 0, /* not an object, or without a name */
	MCP_FINDING_NAME,        /* a name against the rules, or one that imitates another member */
	MCP_FINDING_DUPLICATE,   /* offered twice by one server: the first one stays */
	MCP_FINDING_COLLISION,   /* two servers' items would get one name: the first one stays */
	MCP_FINDING_CONFUSABLE,  /* it looks like another server's: the first one stays */
	MCP_FINDING_TOO_LARGE,   /* one item past MCP_ITEM_BYTES */
	MCP_FINDING_TOO_MANY,    /* the list ends here: a limit on items, pages or bytes */
	MCP_FINDING_CURSOR_LOOP, /* the server repeats a cursor: the list ends here */
	MCP_FINDING_KINDS
};

struct mcp_finding {
	enum mcp_finding_kind kind;
	struct str what; /* at most 128 bytes of the name or item: untrusted text */
};

struct mcp_findings {
	struct mcp_finding at[MCP_FINDINGS];
	size_t n;    /* how many are kept */
	size_t more; /* how many were not */
};

/* In plain words, for the operator; static storage. */
struct str mcp_finding_text(enum mcp_finding_kind kind);

struct mcp_contract;

struct mcp_item {
	struct str raw;                /* the whole item */
	struct str key_raw;            /* inside it: the JSON string it is called by */
	struct str key;                /* decoded: a name, a URI or a URI template */
	struct mcp_contract *contract; /* of a tool that was called: mcp/contract.h */
	/* The owner's: what is pinned of it. An item that is held is in no view. */
	bool held, unknown, has_digest;
	uint8_t digest[32];
};

struct mcp_list {
	enum mcp_list_kind kind;
	struct arena arena; /* owns all text of the list */
	struct mcp_item **items;
	size_t n, cap, pages, bytes;
	struct map by_key; /* of struct mcp_item */
	struct map cursors;
	struct str cursor; /* raw JSON string to ask with, while there is more */
	struct mcp_findings findings;
	bool complete;
};

/* `seed` is secret: the server chooses the names. No allocation yet. */
void mcp_list_init(struct mcp_list *l, enum mcp_list_kind kind, struct hash_key seed);
void mcp_list_done(struct mcp_list *l);

/* The method that asks for this kind, and the member of its result that holds the items. */
enum mcp_method mcp_list_method(enum mcp_list_kind kind);
struct str mcp_list_member(enum mcp_list_kind kind);

/* False when `m` lists nothing. */
bool mcp_list_kind_of(enum mcp_method m, enum mcp_list_kind *ret);

/*
 * Takes the `result` (raw, of a validated answer) of one page. Sets complete, or
 * cursor when another page is to be asked for. ERR_INVALID: not a list;
 * ERR_NOMEM: the list is not usable.
 */
enum err_code mcp_list_page(struct mcp_list *l, struct str result, struct err *err) MUST_USE;

/* Borrowed, or NULL. */
const struct mcp_item *mcp_list_find(const struct mcp_list *l, struct str key);

/* Used by the view as well; `what` is copied into the arena, cut to 128 bytes. */
void mcp_findings_add(struct mcp_findings *f, struct arena *a, enum mcp_finding_kind kind,
		      struct str what);

#endif
