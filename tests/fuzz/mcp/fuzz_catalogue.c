/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte chooses the kind, each line is a page. Whatever a server sends,
 * the merged list is strict JSON, every outward name is allowed and leads back to
 * the item it was made from, and every item is the server's bytes but for the name.
 */
#include "mcp/splice.h"
#include "mcp/view.h"
#include "json/scan.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static const struct hash_key seed = {5, 6};

static void fill(struct mcp_list *l, struct arena *scratch, struct str pages)
{
	struct json_scan scan;

	while (pages.p && !l->complete) {
		struct str line = str_cut(&pages, '\n');

		if (json_scan(scratch, line, NULL, &scan, NULL) || scan.type != JSON_OBJECT) {
			continue;
		}
		err_ignore(mcp_list_page(l, scan.value, NULL)); /* a refusal is fine too */
	}
}

/* The item as clients get it differs from what the server sent in the name only. */
static void check_entry(const struct mcp_view *v, struct arena *scratch, const struct mcp_entry *e)
{
	size_t before = (size_t)(e->item->key_raw.p - e->item->raw.p);
	size_t after = e->item->raw.n - before - e->item->key_raw.n;
	struct json_scan scan;
	struct str name;

	CHECK(mcp_view_find(v, e->name) == e);
	CHECK(json_scan(scratch, e->json, NULL, &scan, NULL) == ERR_OK);
	CHECK(e->json.n > before + after);
	CHECK(memcmp(e->json.p, e->item->raw.p, before) == 0);
	CHECK(memcmp(e->json.p + e->json.n - after, e->item->raw.p + e->item->raw.n - after,
		     after) == 0);
	CHECK(json_unquote(scratch, str_make(e->json.p + before, e->json.n - before - after), &name,
			   NULL) == ERR_OK);
	CHECK(str_eq(name, e->name));
	if (v->kind == MCP_LIST_TOOLS || v->kind == MCP_LIST_PROMPTS) {
		CHECK(e->name.n <= MCP_NAME_MAX && mcp_tool_name_ok(e->name));
	}
	if (v->kind == MCP_LIST_RESOURCES) {
		struct mcp_target t;

		CHECK(mcp_view_resolve_uri(v, NULL, e->name, &t));
		CHECK(t.server == e->server && str_eq(t.uri, e->item->key));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str all = str_make((const char *)data, n);
	struct mcp_source s[2] = {{.id = STR_INIT("one")}, {.id = STR_INIT("two")}};
	struct mcp_list l[2];
	struct json_scan scan;
	struct mcp_view v;
	struct arena scratch;
	struct buf out;
	enum mcp_list_kind kind;

	if (n < 2 || n > 60000) {
		return 0;
	}
	kind = (enum mcp_list_kind)(data[0] % MCP_LIST_KINDS);
	arena_init(&scratch, 64 << 20);
	buf_init(&out, 16 << 20);
	for (size_t i = 0; i < 2; i++) {
		mcp_list_init(&l[i], kind, seed);
		fill(&l[i], &scratch, str_from(all, i ? n / 2 : 1));
		s[i].list = &l[i];
	}
	CHECK(mcp_view_build(&v, kind, MCP_NAMING_PREFIXED, s, 2, seed, NULL) == ERR_OK);
	CHECK(v.n <= l[0].n + l[1].n);
	for (size_t i = 0; i < v.n; i++) {
		check_entry(&v, &scratch, &v.entries[i]);
	}
	mcp_view_answer(&out, &v, STR("1"), MCP_2026_07_28, NULL, NULL);
	CHECK(json_scan(&scratch, buf_str(&out), NULL, &scan, NULL) == ERR_OK);
	mcp_view_done(&v);
	mcp_list_done(&l[0]);
	mcp_list_done(&l[1]);
	buf_done(&out);
	arena_done(&scratch);
	return 0;
}
