/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/upward.h"

#include "mcp/lifecycle.h"
#include "mcp/modern.h"
#include "mcp/pick.h"
#include "mcp/splice.h"

enum { TTL_MAX_MS = 24 * 3600 * 1000 };

#define META_VERSION      STR("io.modelcontextprotocol/protocolVersion")
#define META_CAPABILITIES STR("io.modelcontextprotocol/clientCapabilities")
#define META_CLIENT       STR("io.modelcontextprotocol/clientInfo")
#define META_LEVEL        STR("io.modelcontextprotocol/logLevel")
#define META_SERVER       STR("io.modelcontextprotocol/serverInfo")
#define META_SUBSCRIPTION STR("io.modelcontextprotocol/subscriptionId")

/* ---- objects written anew, without some of their members ---- */

struct object {
	struct buf *out;
	bool any;
};

static void put_key(struct object *o, struct str key)
{
	buf_append(o->out, o->any ? STR(",\"") : STR("\""));
	buf_append(o->out, key);
	buf_append(o->out, STR("\":"));
	o->any = true;
}

static void put(struct object *o, struct str key, struct str value)
{
	put_key(o, key);
	buf_append(o->out, value);
}

static bool is_one_of(const struct json_member *m, const struct str *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (mcp_key_is(m->key, names[i])) {
			return true;
		}
	}
	return false;
}

/* ---- requests ---- */

static void put_meta(struct buf *out, struct str old, const struct mcp_upward *u)
{
	const struct str ours[] = {META_VERSION, META_CAPABILITIES, META_CLIENT, META_LEVEL,
				   STR("progressToken")};
	struct object o = {.out = out};
	struct json_member m;

	buf_append_c(out, '{');
	put(&o, META_VERSION, STR("\"2026-07-28\""));
	put_key(&o, META_CAPABILITIES);
	mcp_client_capabilities_write(out, u->capabilities, MCP_MODERN);
	put_key(&o, META_CLIENT);
	mcp_server_info(out);
	if (u->wants_log) {
		put_key(&o, META_LEVEL);
		buf_append_c(out, '"');
		buf_append(out, mcp_log_level_name(u->log_level));
		buf_append_c(out, '"');
	}
	if (u->token.p) {
		put(&o, STR("progressToken"), u->token);
	}
	for (struct json_walk w = json_walk(old); old.p && json_walk_next(&w, &m);) {
		if (!is_one_of(&m, ours, ARRAY_LEN(ours))) {
			put(&o, m.key, m.value);
		}
	}
	buf_append_c(out, '}');
}

static bool holds(struct str span, struct str inner)
{
	return inner.p && inner.p >= span.p && inner.p + inner.n <= span.p + span.n;
}

/* The params but for what each hop says itself, with the object under the server's name. */
static void put_params(struct object *o, const struct mcp_msg *m, struct str object)
{
	const struct str ours[] = {STR("_meta"), STR("inputResponses"), STR("requestState")};
	struct json_member p;

	for (struct json_walk w = json_walk(m->params); m->params.p && json_walk_next(&w, &p);) {
		if (is_one_of(&p, ours, ARRAY_LEN(ours))) {
			continue;
		}
		put_key(o, p.key);
		if (object.p && holds(p.value, m->object)) {
			mcp_splice(o->out, p.value,
				   &(struct mcp_patch){.at = m->object, .with = object}, 1);
		} else {
			buf_append(o->out, p.value);
		}
	}
}

/* The envelope up to the params' opening brace. */
static void put_envelope(struct buf *out, const struct mcp_msg *m, struct str id)
{
	struct object o = {.out = out};
	struct json_member e;

	ASSERT(m->kind == MCP_REQUEST);
	buf_append_c(out, '{');
	for (struct json_walk w = json_walk(m->whole); json_walk_next(&w, &e);) {
		if (e.value.p == m->id.p) {
			put(&o, e.key, id);
		} else if (e.value.p != m->params.p) {
			put(&o, e.key, e.value);
		}
	}
	put_key(&o, STR("params"));
	buf_append_c(out, '{');
}

void mcp_upward_call(struct buf *out, const struct mcp_msg *m, const struct mcp_upward *u)
{
	struct object params = {.out = out};

	put_envelope(out, m, u->id);
	put_params(&params, m, u->object);
	if (u->responses.p) {
		put(&params, STR("inputResponses"), u->responses);
	}
	if (u->state.p) {
		put(&params, STR("requestState"), u->state);
	}
	put_key(&params, STR("_meta"));
	put_meta(out, m->meta, u);
	buf_append(out, STR("}}"));
}

void mcp_legacy_call(struct buf *out, const struct mcp_msg *m, const struct mcp_change *c)
{
	const struct str newer[] = {META_VERSION, META_CAPABILITIES, META_CLIENT, META_LEVEL};
	struct object params = {.out = out}, meta = {.out = out};
	struct json_member member;

	put_envelope(out, m, c->id);
	put_params(&params, m, c->object);
	put_key(&params, STR("_meta"));
	buf_append_c(out, '{');
	for (struct json_walk w = json_walk(m->meta); m->meta.p && json_walk_next(&w, &member);) {
		if (!is_one_of(&member, newer, ARRAY_LEN(newer))) {
			put(&meta, member.key,
			    member.value.p == m->token.p && c->token.p ? c->token : member.value);
		}
	}
	buf_append(out, STR("}}}"));
}

void mcp_upward_request(struct buf *out, uint64_t id, enum mcp_method m, struct str member)
{
	const struct mcp_upward u = {.capabilities = 0};

	buf_append(out, STR("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_append_u64(out, id);
	buf_append(out, STR(",\"method\":\""));
	buf_append(out, mcp_method_info(m)->name);
	buf_append(out, STR("\",\"params\":{"));
	buf_append(out, member);
	buf_append(out, member.n ? STR(",\"_meta\":") : STR("\"_meta\":"));
	put_meta(out, str_make(NULL, 0), &u);
	buf_append(out, STR("}}"));
}

/* ---- answers ---- */

static struct str member(struct str object, struct str name)
{
	struct str r = {NULL, 0};

	(void)json_scan_members(object, &name, 1, &r, NULL);
	return r;
}

static bool is_type(struct str raw, enum json_type type)
{
	return raw.p && json_raw_type(raw) == type;
}

static bool lists_modern(struct str revisions)
{
	struct json_member m;

	for (struct json_walk w = json_walk(revisions); json_walk_next(&w, &m);) {
		if (str_eq(m.value, STR("\"2026-07-28\""))) {
			return true;
		}
	}
	return false;
}

enum err_code mcp_discovered_parse(struct arena *a, struct str result, struct mcp_discovered *ret,
				   struct err *err)
{
	const struct str names[] = {STR("supportedVersions"), STR("capabilities"),
				    STR("instructions")};
	struct str spans[ARRAY_LEN(names)], text = {NULL, 0};

	*ret = (struct mcp_discovered){.speaks = false};
	if (!mcp_pick(a, result, names, ARRAY_LEN(names), spans) ||
	    !is_type(spans[0], JSON_ARRAY) || !is_type(spans[1], JSON_OBJECT)) {
		return ERR(err, ERR_INVALID, "supportedVersions or capabilities is missing");
	}
	ret->speaks = lists_modern(spans[0]);
	if (is_type(spans[2], JSON_STRING)) {
		TRY(json_unquote(a, spans[2], &text, err));
		ret->instructions = arena_dup(a, text);
	}
	ret->capabilities =
		mcp_server_capabilities(spans[1]) & ~(MCP_CAP_TASKS | MCP_CAP_TASKS_CANCEL);
	return ERR_OK;
}

enum mcp_evidence mcp_evidence_of(const struct mcp_msg *answer)
{
	struct str code, data, supported = {NULL, 0};

	if (answer->kind != MCP_ERROR_RESPONSE) {
		return MCP_EVIDENCE_NONE;
	}
	code = member(answer->error, STR("code"));
	data = member(answer->error, STR("data"));
	if (str_eq(code, STR("-32022")) && is_type(data, JSON_OBJECT)) {
		supported = member(data, STR("supported"));
	}
	if (is_type(supported, JSON_ARRAY)) {
		return lists_modern(supported) ? MCP_EVIDENCE_SAME_REVISION
					       : MCP_EVIDENCE_OTHER_REVISION;
	}
	return str_eq(code, STR("-32020")) || str_eq(code, STR("-32021")) ? MCP_EVIDENCE_MODERN
									  : MCP_EVIDENCE_NONE;
}

enum mcp_result_type mcp_result_type(const struct mcp_msg *answer)
{
	struct str type = answer->kind == MCP_RESPONSE ? member(answer->result, STR("resultType"))
						       : str_make(NULL, 0);

	if (!type.p || str_eq(type, STR("\"complete\""))) {
		return MCP_RESULT_COMPLETE;
	}
	return str_eq(type, STR("\"input_required\"")) ? MCP_RESULT_INPUT_REQUIRED
	       : str_eq(type, STR("\"task\""))         ? MCP_RESULT_TASK
						       : MCP_RESULT_UNKNOWN;
}

uint64_t mcp_upward_ttl(struct str result)
{
	uint64_t ms = 0;

	if (!str_to_u64(member(result, STR("ttlMs")), &ms)) {
		return 0;
	}
	return ms > TTL_MAX_MS ? TTL_MAX_MS : ms;
}

/* _meta without what the server says of itself; left out when nothing else is in it. */
static void put_legacy_meta(struct object *o, struct str meta)
{
	const struct str left_out[] = {META_SERVER, META_SUBSCRIPTION};
	struct object inner = {.out = o->out};
	size_t before = o->out->end;
	bool any = o->any;
	struct json_member m;

	put_key(o, STR("_meta"));
	buf_append_c(o->out, '{');
	for (struct json_walk w = json_walk(meta); json_walk_next(&w, &m);) {
		if (!is_one_of(&m, left_out, ARRAY_LEN(left_out))) {
			put(&inner, m.key, m.value);
		}
	}
	buf_append_c(o->out, '}');
	if (!inner.any && !o->out->failed) {
		o->out->end = before;
		o->any = any;
	}
}

static void put_legacy_result(struct buf *out, struct str result)
{
	const struct str left_out[] = {STR("resultType"), STR("ttlMs"), STR("cacheScope")};
	struct object o = {.out = out};
	struct json_member m;

	buf_append_c(out, '{');
	for (struct json_walk w = json_walk(result); json_walk_next(&w, &m);) {
		if (mcp_key_is(m.key, STR("_meta")) && json_raw_type(m.value) == JSON_OBJECT) {
			put_legacy_meta(&o, m.value);
		} else if (mcp_key_is(m.key, STR("structuredContent")) &&
			   json_raw_type(m.value) != JSON_OBJECT) {
			continue; /* only an object before 2026-07-28; the content says it as text */
		} else if (!is_one_of(&m, left_out, ARRAY_LEN(left_out))) {
			put(&o, m.key, m.value);
		}
	}
	buf_append_c(out, '}');
}

static void legacy_answer(struct buf *out, const struct mcp_msg *answer, struct str id)
{
	struct object o = {.out = out};
	struct json_member e;

	buf_append_c(out, '{');
	for (struct json_walk w = json_walk(answer->whole); json_walk_next(&w, &e);) {
		if (e.value.p == answer->id.p) {
			put(&o, e.key, id);
		} else if (e.value.p == answer->result.p) {
			put_key(&o, e.key);
			put_legacy_result(out, answer->result);
		} else {
			put(&o, e.key, e.value);
		}
	}
	buf_append_c(out, '}');
}

/* An error about this hop says nothing to the client: what it sent was right. */
static bool is_of_the_hop(const struct mcp_msg *answer)
{
	struct str code = answer->kind == MCP_ERROR_RESPONSE ? member(answer->error, STR("code"))
							     : str_make(NULL, 0);

	return str_eq(code, STR("-32020")) || str_eq(code, STR("-32022")) ||
	       (str_eq(code, STR("-32021")) &&
		!is_type(member(answer->error, STR("data")), JSON_OBJECT));
}

void mcp_upward_answer(struct buf *out, const struct mcp_msg *answer, struct str id,
		       enum mcp_method method, enum mcp_version client)
{
	if (is_of_the_hop(answer)) {
		mcp_error_append(out, id, MCP_ERROR_UPSTREAM, client);
	} else if (client == MCP_MODERN) {
		mcp_modern_answer(out, answer, id, method, true);
	} else if (answer->kind == MCP_RESPONSE) {
		legacy_answer(out, answer, id);
	} else {
		mcp_splice_answer(out, answer, id);
	}
}
