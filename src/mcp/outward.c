/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/outward.h"

#include "mcp/splice.h"

struct rewrite {
	struct arena *arena;
	const struct mcp_outward *o;
	struct mcp_patch *patches;
	size_t n, cap;
	struct err *err;
};

bool mcp_outward_may_apply(const struct mcp_msg *answer)
{
	struct str r = answer->result;

	/* a name written with escapes is no reason to look closer: it is no plain "uri" */
	return answer->kind == MCP_RESPONSE && str_find_str(r, STR("\"uri\"")) < r.n;
}

static struct str member(struct str object, struct str name)
{
	struct str r = {NULL, 0};

	if (object.p && json_raw_type(object) == JSON_OBJECT) {
		(void)json_scan_members(object, &name, 1, &r, NULL);
	}
	return r;
}

static bool leads_back(const struct rewrite *w, struct str uri, bool is_link)
{
	struct mcp_target t;

	if (mcp_view_resolve_uri(w->o->resources, w->o->templates, uri, &t)) {
		return t.server == w->o->server && str_eq(t.uri, uri);
	}
	return !mcp_uri_ok(uri) || !(is_link || mcp_uri_is_wrapped(uri)) ||
	       str_starts_with(uri, STR("http://")) || str_starts_with(uri, STR("https://"));
}

static enum err_code take_uri(struct rewrite *w, struct str raw, bool is_link)
{
	struct str uri, with;

	if (!raw.p || json_raw_type(raw) != JSON_STRING) {
		return ERR_OK;
	}
	TRY(json_unquote(w->arena, raw, &uri, w->err));
	if (leads_back(w, uri, is_link)) {
		return ERR_OK;
	}
	with = arena_printf(w->arena, "\"writ://" STR_FMT "/" STR_FMT "\"",
			    STR_ARG(w->o->resources->ids[w->o->server]), (int)(raw.n - 2),
			    raw.p + 1);
	if (!with.p || !ARENA_GROW(w->arena, &w->patches, w->n, &w->cap)) {
		return ERR(w->err, ERR_NOMEM, "no memory for the URIs of an answer");
	}
	w->patches[w->n++] = (struct mcp_patch){.at = raw, .with = with};
	return ERR_OK;
}

/* One block of content: a link, an embedded resource, or the contents of one. */
static enum err_code take_block(struct rewrite *w, struct str block)
{
	bool is_link = str_eq(member(block, STR("type")), STR("\"resource_link\""));

	TRY(take_uri(w, member(block, STR("uri")), is_link));
	return take_uri(w, member(member(block, STR("resource")), STR("uri")), false);
}

/* A block, or an array of them. */
static enum err_code take_blocks(struct rewrite *w, struct str blocks)
{
	struct json_member m;

	if (!blocks.p || json_raw_type(blocks) != JSON_ARRAY) {
		return take_block(w, blocks);
	}
	for (struct json_walk i = json_walk(blocks); json_walk_next(&i, &m);) {
		TRY(take_block(w, m.value));
	}
	return ERR_OK;
}

static enum err_code take_messages(struct rewrite *w, struct str messages)
{
	struct json_member m;

	if (!messages.p || json_raw_type(messages) != JSON_ARRAY) {
		return ERR_OK;
	}
	for (struct json_walk i = json_walk(messages); json_walk_next(&i, &m);) {
		TRY(take_blocks(w, member(m.value, STR("content"))));
	}
	return ERR_OK;
}

enum err_code mcp_outward_uris(struct buf *out, struct arena *a, const struct mcp_msg *answer,
			       const struct mcp_outward *o, bool *ret_changed, struct err *err)
{
	struct rewrite w = {.arena = a, .o = o, .err = err};

	ASSERT(o->server < o->resources->n_ids);
	if (o->resources->naming == MCP_NAMING_PREFIXED && mcp_outward_may_apply(answer)) {
		TRY(take_blocks(&w, member(answer->result, STR("contents"))));
		TRY(take_blocks(&w, member(answer->result, STR("content"))));
		TRY(take_messages(&w, member(answer->result, STR("messages"))));
		if (o->of_task) {
			TRY(take_blocks(
				&w, member(member(answer->result, STR("result")), STR("content"))));
		}
	}
	if (w.n) {
		mcp_splice_many(out, answer->whole, w.patches, w.n);
	}
	*ret_changed = w.n > 0;
	return ERR_OK;
}
