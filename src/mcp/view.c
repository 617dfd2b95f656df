/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/view.h"

#include "base/fold.h"
#include "mcp/splice.h"

#include <stdlib.h>

enum { ARENA_LIMIT = 3 * MCP_VIEW_BYTES };

static int by_key(const void *a, const void *b)
{
	const struct mcp_item *const *x = a, *const *y = b;

	return str_cmp((*x)->key, (*y)->key);
}

static bool is_uri(enum mcp_list_kind kind)
{
	return kind == MCP_LIST_RESOURCES || kind == MCP_LIST_TEMPLATES;
}

/* The raw JSON string under which clients get the item; the item's own when nothing changes. */
static struct str outward_raw(struct mcp_view *v, struct str id, const struct mcp_item *item)
{
	struct str inside = str_make(item->key_raw.p + 1, item->key_raw.n - 2);

	if (v->naming == MCP_NAMING_PLAIN) {
		return item->key_raw;
	}
	if (is_uri(v->kind)) {
		if (!map_find(&v->by_name, item->key) && !mcp_uri_is_wrapped(item->key)) {
			return item->key_raw;
		}
		return arena_printf(&v->arena, "\"writ://" STR_FMT "/" STR_FMT "\"", STR_ARG(id),
				    STR_ARG(inside));
	}
	{
		struct mcp_name name = mcp_name_join(id, item->key);

		return arena_printf(&v->arena, "\"%.*s\"", (int)name.n, name.text);
	}
}

/*
 * Does the name of this item look like another one of an earlier server? Two servers may well have
 * tools of one name, which their prefixes tell apart; names that differ and look the same are made
 * to be taken for each other.
 */
static enum err_code check_look(struct mcp_view *v, struct mcp_entry *e, bool *ret_alike,
				struct err *err)
{
	const struct mcp_entry *first;
	struct str look;
	struct buf b;

	*ret_alike = false;
	if (is_uri(v->kind) || v->naming == MCP_NAMING_PLAIN) {
		return ERR_OK;
	}
	buf_init(&b, 4 * (size_t)MCP_PROMPT_NAME_MAX);
	fold_skeleton(&b, e->item->key);
	first = map_find(&v->by_look, buf_str(&b));
	look = first ? buf_str(&b) : arena_dup(&v->arena, buf_str(&b));
	buf_done(&b);
	if (first) {
		*ret_alike = first->server != e->server && !str_eq(first->item->key, e->item->key);
		return ERR_OK;
	}
	return look.p && map_put(&v->by_look, look, e)
		       ? ERR_OK
		       : ERR(err, ERR_NOMEM, "no memory for the merged list");
}

static enum err_code put_entry(struct mcp_view *v, const struct mcp_source *s, size_t server,
			       const struct mcp_item *item, struct err *err)
{
	struct mcp_entry *e = &v->entries[v->n];
	struct str raw = outward_raw(v, s->id, item), name;
	bool alike;

	if (!raw.p) {
		return ERR(err, ERR_NOMEM, "no memory for the merged list");
	}
	TRY(json_unquote(&v->arena, raw, &name, err));
	if (map_find(&v->by_name, name)) {
		mcp_findings_add(&v->findings, &v->arena, MCP_FINDING_COLLISION, name);
		return ERR_OK;
	}
	*e = (struct mcp_entry){.name = name, .json = item->raw, .item = item, .server = server};
	TRY(check_look(v, e, &alike, err));
	if (alike) {
		mcp_findings_add(&v->findings, &v->arena, MCP_FINDING_CONFUSABLE, name);
		if (!s->lenient) {
			return ERR_OK;
		}
	}
	if (raw.p != item->key_raw.p) {
		struct mcp_patch p = {.at = item->key_raw, .with = raw};
		struct buf b;

		buf_init(&b, item->raw.n + raw.n);
		mcp_splice(&b, item->raw, &p, 1);
		e->json = b.failed ? str_make(NULL, 0) : arena_dup(&v->arena, buf_str(&b));
		buf_done(&b);
	}
	if (!e->json.p || !map_put(&v->by_name, name, e)) {
		return ERR(err, ERR_NOMEM, "no memory for the merged list");
	}
	v->bytes += e->json.n + 1;
	v->n++;
	return ERR_OK;
}

static enum err_code put_source(struct mcp_view *v, const struct mcp_source *s, size_t server,
				struct err *err)
{
	const struct mcp_list *l = s->list;
	struct mcp_item **sorted;

	if (!l || l->n == 0) {
		return ERR_OK;
	}
	ASSERT(l->kind == v->kind);
	sorted = ARENA_ARRAY(&v->arena, l->n, struct mcp_item *);
	if (!sorted) {
		return ERR(err, ERR_NOMEM, "no memory to sort a list");
	}
	memcpy(sorted, l->items, l->n * sizeof(struct mcp_item *));
	qsort(sorted, l->n, sizeof(struct mcp_item *), by_key);
	for (size_t i = 0; i < l->n; i++) {
		if (sorted[i]->held) {
			continue;
		}
		if (v->bytes + sorted[i]->raw.n + MCP_URI_MAX > MCP_VIEW_BYTES) {
			mcp_findings_add(&v->findings, &v->arena, MCP_FINDING_TOO_MANY, s->id);
			return ERR_OK;
		}
		TRY(put_entry(v, s, server, sorted[i], err));
	}
	return ERR_OK;
}

static enum err_code build(struct mcp_view *v, const struct mcp_source *sources, size_t n,
			   struct err *err)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i++) {
		total += sources[i].list ? sources[i].list->n : 0;
	}
	v->ids = ARENA_ARRAY(&v->arena, n, struct str);
	v->entries = ARENA_ARRAY(&v->arena, total, struct mcp_entry);
	if (!v->ids || !v->entries) {
		return ERR(err, ERR_NOMEM, "no memory for %zu items", total);
	}
	v->n_ids = n;
	for (size_t i = 0; i < n; i++) {
		v->ids[i] = arena_dup(&v->arena, sources[i].id);
		TRY(put_source(v, &sources[i], i, err));
	}
	return v->arena.exhausted ? ERR(err, ERR_NOMEM, "no memory for the merged list") : ERR_OK;
}

enum err_code mcp_view_build(struct mcp_view *v, enum mcp_list_kind kind, enum mcp_naming naming,
			     const struct mcp_source *sources, size_t n, struct hash_key seed,
			     struct err *err)
{
	enum err_code code;

	ASSERT(naming == MCP_NAMING_PREFIXED || n <= 1);
	*v = (struct mcp_view){.kind = kind, .naming = naming};
	arena_init(&v->arena, ARENA_LIMIT);
	map_init(&v->by_name, seed);
	map_init(&v->by_look, seed);
	code = build(v, sources, n, err);
	if (code) {
		mcp_view_done(v);
	}
	return code;
}

void mcp_view_done(struct mcp_view *v)
{
	map_done(&v->by_name);
	map_done(&v->by_look);
	arena_done(&v->arena);
	v->entries = NULL;
	v->n = v->n_ids = 0;
}

const struct mcp_entry *mcp_view_find(const struct mcp_view *v, struct str name)
{
	return map_find(&v->by_name, name);
}

bool mcp_view_same(const struct mcp_view *a, const struct mcp_view *b)
{
	if (a->kind != b->kind || a->n != b->n || a->bytes != b->bytes) {
		return false;
	}
	for (size_t i = 0; i < a->n; i++) {
		if (!str_eq(a->entries[i].json, b->entries[i].json)) {
			return false;
		}
	}
	return true;
}

void mcp_view_answer(struct buf *out, const struct mcp_view *v, struct str id, enum mcp_version ver,
		     mcp_view_filter *filter, void *ctx)
{
	bool first = true;

	buf_append(out, STR("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_append(out, id);
	buf_append(out, STR(",\"result\":{"));
	if (ver == MCP_MODERN) {
		buf_append(out, STR("\"resultType\":\"complete\",\"ttlMs\":0,"
				    "\"cacheScope\":\"private\","));
	}
	buf_append_c(out, '"');
	buf_append(out, mcp_list_member(v->kind));
	buf_append(out, STR("\":["));
	for (size_t i = 0; i < v->n; i++) {
		if (filter && !filter(ctx, &v->entries[i])) {
			continue;
		}
		if (!first) {
			buf_append_c(out, ',');
		}
		first = false;
		buf_append(out, v->entries[i].json);
	}
	buf_append(out, STR("]}}"));
}

bool mcp_view_cursor_ok(struct str raw)
{
	return !raw.p || str_eq(raw, STR("\"\""));
}

static bool resolve_wrapped(const struct mcp_view *v, struct str uri, struct mcp_target *ret)
{
	struct str id, inner;

	if (!mcp_uri_unwrap(uri, &id, &inner)) {
		return false;
	}
	for (size_t i = 0; i < v->n_ids; i++) {
		if (str_eq(v->ids[i], id)) {
			*ret = (struct mcp_target){.server = i, .uri = inner};
			return true;
		}
	}
	return false;
}

bool mcp_view_resolve_uri(const struct mcp_view *resources, const struct mcp_view *templates,
			  struct str uri, struct mcp_target *ret)
{
	const struct mcp_entry *e = mcp_view_find(resources, uri);

	if (e) {
		*ret = (struct mcp_target){.server = e->server, .uri = e->item->key, .entry = e};
		return true;
	}
	if (!mcp_uri_ok(uri)) {
		return false;
	}
	if (resources->naming == MCP_NAMING_PLAIN) {
		*ret = (struct mcp_target){.server = 0, .uri = uri};
		return resources->n_ids == 1;
	}
	if (mcp_uri_is_wrapped(uri)) {
		return resolve_wrapped(resources, uri, ret);
	}
	for (size_t i = 0; templates && i < templates->n; i++) {
		e = &templates->entries[i];
		if (e->name.p && str_eq(e->name, e->item->key) &&
		    mcp_uri_template_matches(e->item->key, uri)) {
			*ret = (struct mcp_target){.server = e->server, .uri = uri};
			return true;
		}
	}
	return false;
}
