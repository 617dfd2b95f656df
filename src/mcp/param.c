/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/param.h"

#include "base/hex.h"
#include "json/walk.h"

enum { DEPTH_MAX = 64, DIGITS_MAX = 16 };

#define ANNOTATION STR("x-mcp-header")
#define SAFE_MAX   UINT64_C(9007199254740991) /* 2^53 - 1 */

struct reader {
	struct arena *arena;
	struct mcp_param *params;
	size_t n;
};

bool mcp_params_may_be(struct str tool)
{
	return str_find_str(tool, ANNOTATION) < tool.n;
}

static struct str member(struct str object, struct str name)
{
	struct str r = {NULL, 0};

	if (object.p && json_raw_type(object) == JSON_OBJECT) {
		(void)json_scan_members(object, &name, 1, &r, NULL);
	}
	return r;
}

/* How many annotations there are anywhere below a schema: those behind no chain of properties too. */
static size_t count(struct str raw, bool names_are_free, unsigned depth)
{
	struct json_member m;
	size_t n = 0;

	for (struct json_walk w = json_walk(raw); depth && json_walk_next(&w, &m);) {
		if (!names_are_free && str_eq(m.key, ANNOTATION)) {
			n++;
		} else {
			n += count(m.value, !names_are_free && str_eq(m.key, STR("properties")),
				   depth - 1);
		}
	}
	return n;
}

/* RFC 9110 section 5.6.2 */
static bool is_token(struct str s)
{
	const struct str others = STR("!#$%&'*+-.^_`|~");

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      str_find(others, c) < others.n)) {
			return false;
		}
	}
	return s.n > 0;
}

/* An integer within +-(2^53 - 1), as written. */
static bool is_safe_integer(struct str raw)
{
	size_t at = raw.n && raw.p[0] == '-';
	uint64_t v = 0;

	if (raw.n - at > DIGITS_MAX) {
		return false;
	}
	for (size_t i = at; i < raw.n; i++) {
		if (raw.p[i] < '0' || raw.p[i] > '9') {
			return false;
		}
		v = v * 10 + (uint64_t)(raw.p[i] - '0');
	}
	return raw.n > at && v <= SAFE_MAX;
}

static void take_value(struct arena *a, struct str type, struct str raw, struct mcp_param *p)
{
	if (!raw.p || json_raw_type(raw) == JSON_NULL) {
		return;
	}
	if (str_eq(type, STR("\"string\"")) && json_raw_type(raw) == JSON_STRING) {
		p->mismatch = json_unquote(a, raw, &p->value, NULL) != ERR_OK ||
			      p->value.n > MCP_PARAM_VALUE_MAX;
	} else if (str_eq(type, STR("\"integer\"")) && is_safe_integer(raw)) {
		p->value = raw;
	} else if (str_eq(type, STR("\"boolean\"")) && json_raw_type(raw) == JSON_BOOL) {
		p->value = raw;
	} else {
		p->mismatch = true;
	}
}

static bool is_taken(const struct reader *r, struct str name)
{
	for (size_t i = 0; i < r->n; i++) {
		if (str_ieq(r->params[i].name, name)) {
			return true;
		}
	}
	return false;
}

static bool take(struct reader *r, struct str property, struct str annotation, struct str value)
{
	struct str type = member(property, STR("type")), name;
	struct mcp_param *p = &r->params[r->n];

	if (json_raw_type(annotation) != JSON_STRING || r->n == MCP_PARAMS_MAX ||
	    json_unquote(r->arena, annotation, &name, NULL) || !is_token(name) ||
	    name.n > MCP_PARAM_NAME_MAX || is_taken(r, name) ||
	    !(str_eq(type, STR("\"string\"")) || str_eq(type, STR("\"integer\"")) ||
	      str_eq(type, STR("\"boolean\"")))) {
		return false;
	}
	*p = (struct mcp_param){.name = name};
	take_value(r->arena, type, value, p);
	r->n++;
	return true;
}

/* The value of the argument that a property describes; names are compared as they decode. */
static struct str argument(struct arena *a, struct str arguments, struct str key)
{
	struct json_member m;

	if (!arguments.p || json_raw_type(arguments) != JSON_OBJECT) {
		return str_make(NULL, 0);
	}
	for (struct json_walk w = json_walk(arguments); json_walk_next(&w, &m);) {
		struct str name = m.key;

		if (m.key_escaped &&
		    json_unquote(a, str_make(m.key.p - 1, m.key.n + 2), &name, NULL)) {
			continue;
		}
		if (str_eq(name, key)) {
			return m.value;
		}
	}
	return str_make(NULL, 0);
}

static bool read_schema(struct reader *r, struct str schema, struct str arguments, unsigned depth)
{
	struct json_member m;

	if (depth == 0) {
		return false;
	}
	for (struct json_walk w = json_walk(member(schema, STR("properties")));
	     json_walk_next(&w, &m);) {
		struct str annotation = member(m.value, ANNOTATION), key = m.key, value;

		if (m.key_escaped &&
		    json_unquote(r->arena, str_make(m.key.p - 1, m.key.n + 2), &key, NULL)) {
			return false;
		}
		value = argument(r->arena, arguments, key);
		if (annotation.p && !take(r, m.value, annotation, value)) {
			return false;
		}
		if (!read_schema(r, m.value, value, depth - 1)) {
			return false;
		}
	}
	return true;
}

bool mcp_params_read(struct arena *a, struct str tool, struct str arguments,
		     struct mcp_param ret[MCP_PARAMS_MAX], size_t *ret_n)
{
	struct str schema = member(tool, STR("inputSchema"));
	struct reader r = {.arena = a, .params = ret};

	*ret_n = 0;
	if (!schema.p || json_raw_type(schema) != JSON_OBJECT || !mcp_params_may_be(schema)) {
		return true;
	}
	if (!read_schema(&r, schema, arguments, DEPTH_MAX) ||
	    count(schema, false, DEPTH_MAX) != r.n) {
		return false;
	}
	*ret_n = r.n;
	return true;
}

/* What could be taken for something else, or lost on the way: MCP 2026-07-28 basic/transports. */
static bool needs_wrap(struct str text)
{
	if (text.n == 0 || text.p[0] == ' ' || text.p[text.n - 1] == ' ' ||
	    str_starts_with(text, STR("=?base64?"))) {
		return true;
	}
	for (size_t i = 0; i < text.n; i++) {
		if ((unsigned char)text.p[i] < 0x20 || (unsigned char)text.p[i] > 0x7e) {
			return true;
		}
	}
	return false;
}

void mcp_header_encode(struct buf *out, struct str text)
{
	if (!needs_wrap(text)) {
		buf_append(out, text);
		return;
	}
	buf_append(out, STR("=?base64?"));
	base64_append(out, text.p, text.n);
	buf_append(out, STR("?="));
}
