/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/modern.h"

#include "base/hex.h"
#include "mcp/lifecycle.h"
#include "mcp/splice.h"

enum { META_VERSION, META_CAPABILITIES, META_CLIENT, META_LEVEL, META_MAX };

static const struct str meta_names[META_MAX] = {
	[META_VERSION] = STR_INIT("io.modelcontextprotocol/protocolVersion"),
	[META_CAPABILITIES] = STR_INIT("io.modelcontextprotocol/clientCapabilities"),
	[META_CLIENT] = STR_INIT("io.modelcontextprotocol/clientInfo"),
	[META_LEVEL] = STR_INIT("io.modelcontextprotocol/logLevel"),
};

bool mcp_key_is(struct str key, struct str name)
{
	size_t k = 0;

	for (size_t i = 0; i < name.n; i++, k++) {
		if (k < key.n && key.p[k] == '\\') {
			k++;
		}
		if (k >= key.n || key.p[k] != name.p[i]) {
			return false;
		}
	}
	return k == key.n;
}

static void read_meta(struct str meta, struct str *spans)
{
	struct json_member m;

	memset(spans, 0, META_MAX * sizeof(*spans));
	if (!meta.p) {
		return;
	}
	for (struct json_walk w = json_walk(meta); json_walk_next(&w, &m);) {
		for (size_t i = 0; i < META_MAX; i++) {
			if (mcp_key_is(m.key, meta_names[i])) {
				spans[i] = m.value;
			}
		}
	}
}

static bool is_type(struct str raw, enum json_type type)
{
	return raw.p && json_raw_type(raw) == type;
}

bool mcp_is_modern(const struct mcp_msg *m, const struct mcp_headers *headers)
{
	return m->modern_version.p || (headers && mcp_version_find(headers->version) == MCP_MODERN);
}

#define WRAP_OPEN  STR("=?base64?")
#define WRAP_CLOSE STR("?=")

bool mcp_header_decode(struct arena *a, struct str value, struct str *ret)
{
	if (!str_starts_with(value, WRAP_OPEN) || !str_ends_with(value, WRAP_CLOSE) ||
	    value.n < WRAP_OPEN.n + WRAP_CLOSE.n) {
		*ret = value;
		return true;
	}
	value = str_make(value.p + WRAP_OPEN.n, value.n - WRAP_OPEN.n - WRAP_CLOSE.n);
	return base64_decode(a, value, ret) && str_is_utf8(*ret);
}

/* MCP 2026-07-28 basic/transports: Mcp-Method on all, Mcp-Name where the body names an object. */
static bool mirrors_body(struct arena *scratch, const struct mcp_msg *m,
			 const struct mcp_headers *h)
{
	enum mcp_object where = mcp_method_info(m->method)->object;
	struct str header, body;

	if (!h->method.p || !str_eq(h->method, m->method_text)) {
		return false;
	}
	if (where == MCP_OBJECT_NONE || where == MCP_OBJECT_REF) {
		return true;
	}
	return h->name.p && mcp_header_decode(scratch, h->name, &header) &&
	       json_unquote(scratch, m->object, &body, NULL) == ERR_OK && str_eq(header, body);
}

static bool take_level(struct arena *scratch, struct str raw, struct mcp_modern *ret)
{
	struct str level;

	if (!raw.p) {
		return true;
	}
	ret->wants_log = json_raw_type(raw) == JSON_STRING &&
			 json_unquote(scratch, raw, &level, NULL) == ERR_OK &&
			 mcp_log_level_find(level, &ret->log_level);
	return ret->wants_log;
}

enum mcp_error mcp_modern_check(struct arena *scratch, const struct mcp_msg *m,
				const struct mcp_headers *headers, struct mcp_modern *ret)
{
	struct str meta[META_MAX], version;

	*ret = (struct mcp_modern){.wants_log = false};
	if (headers && !headers->version.p) {
		return MCP_ERROR_HEADER_MISMATCH;
	}
	read_meta(m->meta, meta);
	if (!is_type(meta[META_VERSION], JSON_STRING) ||
	    !is_type(meta[META_CAPABILITIES], JSON_OBJECT) ||
	    json_unquote(scratch, meta[META_VERSION], &version, NULL)) {
		return MCP_ERROR_META;
	}
	ret->requested = meta[META_VERSION];
	ret->capabilities = mcp_client_capabilities(meta[META_CAPABILITIES]);
	ret->client =
		is_type(meta[META_CLIENT], JSON_OBJECT) ? meta[META_CLIENT] : str_make(NULL, 0);
	if (headers && !str_eq(headers->version, version)) {
		return MCP_ERROR_HEADER_MISMATCH;
	}
	if (mcp_version_find(version) != MCP_MODERN) {
		return MCP_ERROR_UNSUPPORTED_VERSION;
	}
	if (!mcp_method_allowed(m->method, MCP_FROM_CLIENT, MCP_MODERN)) {
		return MCP_ERROR_METHOD;
	}
	if (headers && !mirrors_body(scratch, m, headers)) {
		return MCP_ERROR_HEADER_MISMATCH;
	}
	return take_level(scratch, meta[META_LEVEL], ret) ? MCP_ERROR_NONE : MCP_ERROR_PARAMS;
}

static bool may_be_cached(enum mcp_method method)
{
	return mcp_method_info(method)->action == MCP_ACTION_LIST || method == MCP_RESOURCES_READ ||
	       method == MCP_DISCOVER;
}

/* The edits of one result; the texts stay until they are spliced in. */
struct edit {
	struct mcp_patch p[MCP_PATCH_MAX];
	size_t n;
	struct buf head; /* new members of the result */
	struct buf meta; /* new members of its _meta, or its serverInfo */
};

static void replace(struct edit *e, struct str at, struct str with)
{
	e->p[e->n++] = (struct mcp_patch){.at = at, .with = with};
}

static void add_member(struct buf *b, struct str name, struct str value)
{
	if (buf_len(b)) {
		buf_append_c(b, ',');
	}
	buf_append_c(b, '"');
	buf_append(b, name);
	buf_append(b, STR("\":"));
	buf_append(b, value);
}

/* Puts the new members behind the opening brace of an object. */
static void insert(struct edit *e, struct buf *b, struct str object)
{
	struct json_walk w = json_walk(object);
	struct json_member m;

	if (buf_len(b) == 0) {
		return;
	}
	if (json_walk_next(&w, &m)) {
		buf_append_c(b, ',');
	}
	replace(e, str_make(object.p + 1, 0), buf_str(b));
}

/* Writ answers here: what the server behind says of itself goes to the record only. */
static void edit_meta(struct edit *e, struct str meta)
{
	const struct str name = STR("io.modelcontextprotocol/serverInfo");
	struct str theirs;
	struct buf info;

	buf_init(&info, 256);
	mcp_server_info(&info);
	if (!meta.p) {
		buf_append(&e->meta, STR("{"));
		buf_append(&e->meta, STR("\"io.modelcontextprotocol/serverInfo\":"));
		buf_append(&e->meta, buf_str(&info));
		buf_append_c(&e->meta, '}');
		add_member(&e->head, STR("_meta"), buf_str(&e->meta));
	} else if (json_raw_type(meta) == JSON_OBJECT) {
		(void)json_scan_members(meta, &name, 1, &theirs, NULL);
		if (theirs.p) {
			buf_append(&e->meta, buf_str(&info));
			replace(e, theirs, buf_str(&e->meta));
		} else {
			add_member(&e->meta, name, buf_str(&info));
			insert(e, &e->meta, meta);
		}
	}
	buf_done(&info);
}

static void modern_result(struct buf *out, const struct mcp_msg *answer, struct str id,
			  enum mcp_method method, bool from_modern)
{
	static const struct {
		struct str name, value;
	} members[] = {
		{STR_INIT("resultType"), STR_INIT("\"complete\"")},
		{STR_INIT("ttlMs"), STR_INIT("0")},
		{STR_INIT("cacheScope"), STR_INIT("\"private\"")},
	};
	size_t n_members = may_be_cached(method) ? ARRAY_LEN(members) : 1;
	const struct str meta_name = STR("_meta");
	struct edit e = {.n = 0};
	struct str there;

	buf_init(&e.head, 1024);
	buf_init(&e.meta, 1024);
	replace(&e, answer->id, id);
	for (size_t i = 0; i < n_members; i++) {
		(void)json_scan_members(answer->result, &members[i].name, 1, &there, NULL);
		if (there.p && from_modern && str_eq(members[i].name, STR("ttlMs")) &&
		    json_raw_type(there) == JSON_NUMBER) {
			continue; /* how long it is good for, its server knows */
		}
		if (from_modern && i == 0 && str_eq(there, STR("\"task\""))) {
			continue; /* the caller has taken it as one */
		}
		if (there.p) {
			replace(&e, there, members[i].value);
		} else {
			add_member(&e.head, members[i].name, members[i].value);
		}
	}
	(void)json_scan_members(answer->result, &meta_name, 1, &there, NULL);
	edit_meta(&e, there);
	insert(&e, &e.head, answer->result);
	out->failed |= e.head.failed || e.meta.failed;
	mcp_splice(out, answer->whole, e.p, e.n);
	buf_done(&e.head);
	buf_done(&e.meta);
}

static struct str error_code(const struct mcp_msg *answer)
{
	const struct str name = STR("code");
	struct str code;

	(void)json_scan_members(answer->error, &name, 1, &code, NULL);
	return code;
}

/* MCP 2026-07-28 never emits these: what the error is written as instead, or p NULL. */
static struct str code_in_place_of(struct str legacy)
{
	return str_eq(legacy, STR("-32002"))   ? STR("-32602")
	       : str_eq(legacy, STR("-32042")) ? STR("-32000")
					       : str_make(NULL, 0);
}

void mcp_modern_answer(struct buf *out, const struct mcp_msg *answer, struct str id,
		       enum mcp_method method, bool from_modern)
{
	struct mcp_patch p[2];
	struct str code;
	size_t n = 0;

	if (answer->kind == MCP_RESPONSE) {
		modern_result(out, answer, id, method, from_modern);
		return;
	}
	ASSERT(answer->kind == MCP_ERROR_RESPONSE);
	if (answer->id.p) {
		p[n++] = (struct mcp_patch){.at = answer->id, .with = id};
	}
	code = error_code(answer);
	if (code_in_place_of(code).p) {
		p[n++] = (struct mcp_patch){.at = code, .with = code_in_place_of(code)};
	}
	mcp_splice(out, answer->whole, p, n);
}

unsigned mcp_modern_status(const struct mcp_msg *answer)
{
	struct str code = answer->kind == MCP_ERROR_RESPONSE ? error_code(answer) : STR("");

	return str_eq(code, STR("-32601")) ? 404 : str_eq(code, STR("-32021")) ? 400 : 200;
}
