/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/listen.h"

#include "mcp/modern.h"
#include "mcp/pick.h"
#include "json/write.h"

#define SUBSCRIPTION STR("io.modelcontextprotocol/subscriptionId")

static enum mcp_error take_flag(struct str raw, bool *ret)
{
	*ret = str_eq(raw, STR("true"));
	return !raw.p || json_raw_type(raw) == JSON_BOOL ? MCP_ERROR_NONE : MCP_ERROR_PARAMS;
}

static bool is_there(const struct mcp_filter *f, struct str uri)
{
	for (size_t i = 0; i < f->n_uris; i++) {
		if (str_eq(f->uris[i], uri)) {
			return true;
		}
	}
	return false;
}

static enum mcp_error take_uris(struct str raw, struct mcp_filter *f)
{
	struct json_member m;

	if (!raw.p) {
		return MCP_ERROR_NONE;
	}
	if (json_raw_type(raw) != JSON_ARRAY) {
		return MCP_ERROR_PARAMS;
	}
	for (struct json_walk w = json_walk(raw); json_walk_next(&w, &m);) {
		if (json_raw_type(m.value) != JSON_STRING) {
			return MCP_ERROR_PARAMS;
		}
		if (is_there(f, m.value)) {
			continue;
		}
		if (f->n_uris == MCP_LISTEN_URIS) {
			return MCP_ERROR_PARAMS;
		}
		f->uris[f->n_uris++] = m.value;
	}
	return MCP_ERROR_NONE;
}

enum mcp_error mcp_filter_parse(struct arena *a, const struct mcp_msg *m, struct mcp_filter *ret)
{
	const struct str names[] = {STR("toolsListChanged"), STR("promptsListChanged"),
				    STR("resourcesListChanged"), STR("resourceSubscriptions")};
	struct str spans[ARRAY_LEN(names)], filter = mcp_msg_param(m, STR("notifications"));

	*ret = (struct mcp_filter){.n_uris = 0};
	if (!filter.p || json_raw_type(filter) != JSON_OBJECT ||
	    !mcp_pick(a, filter, names, ARRAY_LEN(names), spans) ||
	    take_flag(spans[0], &ret->tools) || take_flag(spans[1], &ret->prompts) ||
	    take_flag(spans[2], &ret->resources)) {
		return MCP_ERROR_PARAMS;
	}
	return take_uris(spans[3], ret);
}

bool mcp_filter_wants(const struct mcp_filter *f, enum mcp_list_kind kind)
{
	switch (kind) {
	case MCP_LIST_TOOLS:
		return f->tools;
	case MCP_LIST_PROMPTS:
		return f->prompts;
	case MCP_LIST_RESOURCES:
	case MCP_LIST_TEMPLATES:
		return f->resources;
	case MCP_LIST_KINDS:
		break;
	}
	return false;
}

static void begin(struct buf *out, enum mcp_method method)
{
	buf_append(out, STR("{\"jsonrpc\":\"2.0\",\"method\":\""));
	buf_append(out, mcp_method_info(method)->name);
	buf_append(out, STR("\",\"params\":{"));
}

static void put_id(struct buf *out, struct str id)
{
	buf_append(out, STR("\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":"));
	buf_append(out, id);
	buf_append_c(out, '}');
}

void mcp_listen_acknowledged(struct buf *out, const struct mcp_filter *honoured, struct str id)
{
	struct json_writer w = json_writer(out);

	begin(out, MCP_LISTEN_ACK);
	buf_append(out, STR("\"notifications\":"));
	json_w_object(&w);
	if (honoured->tools) {
		json_w_member_bool(&w, STR("toolsListChanged"), true);
	}
	if (honoured->prompts) {
		json_w_member_bool(&w, STR("promptsListChanged"), true);
	}
	if (honoured->resources) {
		json_w_member_bool(&w, STR("resourcesListChanged"), true);
	}
	if (honoured->n_uris) {
		json_w_key(&w, STR("resourceSubscriptions"));
		json_w_array(&w);
		for (size_t i = 0; i < honoured->n_uris; i++) {
			json_w_raw(&w, honoured->uris[i]);
		}
		json_w_end(&w);
	}
	json_w_end(&w);
	buf_append_c(out, ',');
	put_id(out, id);
	buf_append(out, STR("}}"));
}

void mcp_listen_changed(struct buf *out, enum mcp_method method, struct str id)
{
	begin(out, method);
	put_id(out, id);
	buf_append(out, STR("}}"));
}

/* _meta of the server, but for its own id of a subscription. */
static void put_meta(struct buf *out, struct str meta, struct str id)
{
	struct json_member m;
	bool any = id.p != NULL;

	buf_append(out, STR("\"_meta\":{"));
	if (id.p) {
		buf_append(out, STR("\"io.modelcontextprotocol/subscriptionId\":"));
		buf_append(out, id);
	}
	for (struct json_walk w = json_walk(meta); meta.p && json_walk_next(&w, &m);) {
		if (mcp_key_is(m.key, SUBSCRIPTION)) {
			continue;
		}
		buf_append(out, any ? STR(",\"") : STR("\""));
		buf_append(out, m.key);
		buf_append(out, STR("\":"));
		buf_append(out, m.value);
		any = true;
	}
	buf_append_c(out, '}');
}

void mcp_listen_updated(struct buf *out, const struct mcp_msg *m, struct str uri, struct str id)
{
	struct json_member p;

	begin(out, MCP_RESOURCES_UPDATED);
	for (struct json_walk w = json_walk(m->params); m->params.p && json_walk_next(&w, &p);) {
		if (p.value.p == m->meta.p) {
			continue;
		}
		buf_append_c(out, '"');
		buf_append(out, p.key);
		buf_append(out, STR("\":"));
		buf_append(out, uri.p && p.value.p == m->object.p ? uri : p.value);
		buf_append_c(out, ',');
	}
	put_meta(out, m->meta, id);
	buf_append(out, STR("}}"));
}

void mcp_listen_result(struct buf *out, struct str id)
{
	buf_append(out, STR("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_append(out, id);
	buf_append(out, STR(",\"result\":{\"resultType\":\"complete\","));
	put_id(out, id);
	buf_append(out, STR("}}"));
}
