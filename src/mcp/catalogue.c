/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/catalogue.h"

#include "mcp/pick.h"

enum { FINDING_TEXT = 128, ARENA_LIMIT = 4 * MCP_LIST_BYTES };

static const struct {
	struct str member, key;
	enum mcp_method method;
} kinds[MCP_LIST_KINDS] = {
	[MCP_LIST_TOOLS] = {STR_INIT("tools"), STR_INIT("name"), MCP_TOOLS_LIST},
	[MCP_LIST_RESOURCES] = {STR_INIT("resources"), STR_INIT("uri"), MCP_RESOURCES_LIST},
	[MCP_LIST_TEMPLATES] = {STR_INIT("resourceTemplates"), STR_INIT("uriTemplate"),
				MCP_RESOURCES_TEMPLATES_LIST},
	[MCP_LIST_PROMPTS] = {STR_INIT("prompts"), STR_INIT("name"), MCP_PROMPTS_LIST},
};

static const struct str finding_texts[MCP_FINDING_KINDS] = {
	[MCP_FINDING_NOT_ITEM] = STR_INIT("an item that is no object or has no name"),
	[MCP_FINDING_NAME] = STR_INIT("a name against the rules"),
	[MCP_FINDING_DUPLICATE] = STR_INIT("the same name twice"),
	[MCP_FINDING_COLLISION] = STR_INIT("a name that another server's item already has"),
	[MCP_FINDING_CONFUSABLE] = STR_INIT("a name that looks like another server's"),
	[MCP_FINDING_TOO_LARGE] = STR_INIT("an item past the size limit"),
	[MCP_FINDING_TOO_MANY] = STR_INIT("a list past the limits; the rest is left out"),
	[MCP_FINDING_CURSOR_LOOP] = STR_INIT("a cursor that repeats; the list ends there"),
};

struct str mcp_finding_text(enum mcp_finding_kind kind)
{
	ASSERT(kind < MCP_FINDING_KINDS);
	return finding_texts[kind];
}

void mcp_findings_add(struct mcp_findings *f, struct arena *a, enum mcp_finding_kind kind,
		      struct str what)
{
	if (what.n > FINDING_TEXT) {
		what.n = FINDING_TEXT;
	}
	if (f->n == MCP_FINDINGS) {
		f->more++;
		return;
	}
	f->at[f->n++] = (struct mcp_finding){.kind = kind, .what = arena_dup(a, what)};
}

void mcp_list_init(struct mcp_list *l, enum mcp_list_kind kind, struct hash_key seed)
{
	*l = (struct mcp_list){.kind = kind};
	arena_init(&l->arena, ARENA_LIMIT);
	map_init(&l->by_key, seed);
	map_init(&l->cursors, seed);
}

void mcp_list_done(struct mcp_list *l)
{
	map_done(&l->by_key);
	map_done(&l->cursors);
	arena_done(&l->arena);
	l->items = NULL;
	l->n = l->cap = 0;
}

enum mcp_method mcp_list_method(enum mcp_list_kind kind)
{
	ASSERT(kind < MCP_LIST_KINDS);
	return kinds[kind].method;
}

struct str mcp_list_member(enum mcp_list_kind kind)
{
	ASSERT(kind < MCP_LIST_KINDS);
	return kinds[kind].member;
}

bool mcp_list_kind_of(enum mcp_method m, enum mcp_list_kind *ret)
{
	for (enum mcp_list_kind k = MCP_LIST_TOOLS; k < MCP_LIST_KINDS; k++) {
		if (kinds[k].method == m) {
			*ret = k;
			return true;
		}
	}
	return false;
}

static bool key_ok(enum mcp_list_kind kind, struct str key)
{
	switch (kind) {
	case MCP_LIST_TOOLS:
		return mcp_tool_name_ok(key);
	case MCP_LIST_RESOURCES:
		return mcp_uri_ok(key);
	case MCP_LIST_TEMPLATES:
		return mcp_uri_template_ok(key);
	case MCP_LIST_PROMPTS:
		return mcp_prompt_name_ok(key);
	case MCP_LIST_KINDS:
		break;
	}
	return false;
}

/* What Writ or a client reads of an item; nothing may imitate these. */
static const struct str item_names[] = {
	STR_INIT("name"),        STR_INIT("uri"),         STR_INIT("uriTemplate"),
	STR_INIT("description"), STR_INIT("inputSchema"), STR_INIT("outputSchema"),
	STR_INIT("annotations"), STR_INIT("title"),
};
enum { I_NAME, I_URI, I_TEMPLATE, I_MAX = ARRAY_LEN(item_names) };

static struct str key_of(enum mcp_list_kind kind, const struct str *spans)
{
	switch (kind) {
	case MCP_LIST_TOOLS:
	case MCP_LIST_PROMPTS:
		return spans[I_NAME];
	case MCP_LIST_RESOURCES:
		return spans[I_URI];
	case MCP_LIST_TEMPLATES:
		return spans[I_TEMPLATE];
	case MCP_LIST_KINDS:
		break;
	}
	return str_make(NULL, 0);
}

static enum err_code put_item(struct mcp_list *l, struct str raw, struct str key_raw,
			      struct err *err)
{
	struct mcp_item *item;
	struct str copy, key;

	TRY(json_unquote(&l->arena, key_raw, &key, err));
	if (!key_ok(l->kind, key)) {
		mcp_findings_add(&l->findings, &l->arena, MCP_FINDING_NAME, key);
		return ERR_OK;
	}
	if (map_find(&l->by_key, key)) {
		mcp_findings_add(&l->findings, &l->arena, MCP_FINDING_DUPLICATE, key);
		return ERR_OK;
	}
	item = ARENA_NEW(&l->arena, struct mcp_item);
	copy = arena_dup(&l->arena, raw);
	if (!item || !copy.p || !ARENA_GROW(&l->arena, &l->items, l->n, &l->cap)) {
		return ERR(err, ERR_NOMEM, "no memory for item %zu of the list", l->n);
	}
	item->raw = copy;
	item->key_raw = str_make(copy.p + (key_raw.p - raw.p), key_raw.n);
	TRY(json_unquote(&l->arena, item->key_raw, &item->key, err)); /* of our own copy */
	if (!map_put(&l->by_key, item->key, item)) {
		return ERR(err, ERR_NOMEM, "no memory for the index of the list");
	}
	l->items[l->n++] = item;
	l->bytes += raw.n;
	return ERR_OK;
}

static enum err_code take_item(struct mcp_list *l, struct str raw, struct err *err)
{
	struct str spans[I_MAX], key_raw;

	if (raw.n > MCP_ITEM_BYTES) {
		mcp_findings_add(&l->findings, &l->arena, MCP_FINDING_TOO_LARGE, raw);
		return ERR_OK;
	}
	if (json_raw_type(raw) != JSON_OBJECT) {
		mcp_findings_add(&l->findings, &l->arena, MCP_FINDING_NOT_ITEM, raw);
		return ERR_OK;
	}
	if (!mcp_pick(&l->arena, raw, item_names, I_MAX, spans)) {
		mcp_findings_add(&l->findings, &l->arena, MCP_FINDING_NAME, raw);
		return ERR_OK;
	}
	key_raw = key_of(l->kind, spans);
	if (!key_raw.p || json_raw_type(key_raw) != JSON_STRING) {
		mcp_findings_add(&l->findings, &l->arena, MCP_FINDING_NOT_ITEM, raw);
		return ERR_OK;
	}
	return put_item(l, raw, key_raw, err);
}

static bool is_full(const struct mcp_list *l, struct str next)
{
	size_t items = l->kind == MCP_LIST_TEMPLATES ? MCP_LIST_TEMPLATES_MAX : MCP_LIST_ITEMS;

	return l->n >= items || l->bytes + next.n > MCP_LIST_BYTES;
}

/* No more pages: none is left, the limit is reached, or the server goes in circles. */
static enum err_code take_cursor(struct mcp_list *l, struct str cursor, struct err *err)
{
	l->cursor = str_make(NULL, 0);
	l->complete = true;
	if (!cursor.p || json_raw_type(cursor) == JSON_NULL) {
		return ERR_OK;
	}
	if (json_raw_type(cursor) != JSON_STRING || cursor.n > MCP_CURSOR_MAX) {
		return ERR(err, ERR_INVALID, "nextCursor is not a string of at most %d bytes",
			   MCP_CURSOR_MAX);
	}
	if (map_find(&l->cursors, cursor)) {
		mcp_findings_add(&l->findings, &l->arena, MCP_FINDING_CURSOR_LOOP, cursor);
		return ERR_OK;
	}
	if (l->pages >= MCP_LIST_PAGES) {
		mcp_findings_add(&l->findings, &l->arena, MCP_FINDING_TOO_MANY, cursor);
		return ERR_OK;
	}
	cursor = arena_dup(&l->arena, cursor);
	if (!cursor.p || !map_put(&l->cursors, cursor, l)) {
		return ERR(err, ERR_NOMEM, "no memory for a cursor");
	}
	l->cursor = cursor;
	l->complete = false;
	return ERR_OK;
}

enum err_code mcp_list_page(struct mcp_list *l, struct str result, struct err *err)
{
	const struct str names[] = {kinds[l->kind].member, STR("nextCursor")};
	struct str spans[ARRAY_LEN(names)];
	struct json_member item;

	ASSERT(!l->complete);
	if (!mcp_pick(&l->arena, result, names, ARRAY_LEN(names), spans)) {
		return ERR(err, ERR_INVALID, "the result imitates a name of the protocol");
	}
	if (!spans[0].p || json_raw_type(spans[0]) != JSON_ARRAY) {
		return ERR(err, ERR_INVALID, "the result has no array " STR_FMT, STR_ARG(names[0]));
	}
	l->pages++;
	for (struct json_walk w = json_walk(spans[0]); json_walk_next(&w, &item);) {
		if (is_full(l, item.value)) {
			mcp_findings_add(&l->findings, &l->arena, MCP_FINDING_TOO_MANY, item.value);
			l->complete = true;
			return ERR_OK;
		}
		TRY(take_item(l, item.value, err));
	}
	return take_cursor(l, spans[1], err);
}

const struct mcp_item *mcp_list_find(const struct mcp_list *l, struct str key)
{
	return map_find(&l->by_key, key);
}
