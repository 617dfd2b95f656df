/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/name.h"

#include "base/hash.h"
#include "base/hex.h"
#include "base/num.h"

#define WRAP STR("writ://")

enum { HASH_BYTES = 5, HASH_CHARS = 2 * HASH_BYTES };

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_name_char(char c)
{
	return is_alnum(c) || c == '_' || c == '-';
}

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		/* U+0080 to U+009F are C2 80 to C2 9F */
		if (c < 0x20 || c == 0x7f ||
		    (c == 0xc2 && i + 1 < s.n && (unsigned char)s.p[i + 1] < 0xa0)) {
			return true;
		}
	}
	return false;
}

bool mcp_server_id_ok(struct str id)
{
	if (id.n == 0 || id.n > MCP_SERVER_ID_MAX || !is_alnum(id.p[0]) || id.p[id.n - 1] == '_') {
		return false;
	}
	for (size_t i = 0; i < id.n; i++) {
		if (!is_name_char(id.p[i]) || (id.p[i] == '_' && id.p[i + 1] == '_')) {
			return false;
		}
	}
	return true;
}

bool mcp_tool_name_ok(struct str name)
{
	if (name.n == 0 || name.n > MCP_TOOL_NAME_MAX) {
		return false;
	}
	for (size_t i = 0; i < name.n; i++) {
		if (!is_name_char(name.p[i]) && name.p[i] != '.' && name.p[i] != '/') {
			return false;
		}
	}
	return true;
}

bool mcp_prompt_name_ok(struct str name)
{
	return name.n > 0 && name.n <= MCP_PROMPT_NAME_MAX && str_is_utf8(name) &&
	       !has_control(name);
}

bool mcp_uri_ok(struct str uri)
{
	size_t colon = str_find(uri, ':');

	if (uri.n > MCP_URI_MAX || colon == 0 || colon == uri.n || !is_alnum(uri.p[0]) ||
	    !str_is_utf8(uri) || has_control(uri)) {
		return false;
	}
	for (size_t i = 0; i < colon; i++) {
		if (!is_alnum(uri.p[i]) && uri.p[i] != '+' && uri.p[i] != '-' && uri.p[i] != '.') {
			return false;
		}
	}
	return str_find(uri, ' ') == uri.n;
}

/* Keeps what fits and is allowed; true when anything had to change. */
static bool put_name(struct mcp_name *to, struct str name, size_t room)
{
	bool changed = name.n > room;

	for (size_t i = 0; i < name.n && i < room; i++) {
		bool ok = is_name_char(name.p[i]);

		to->text[to->n++] = ok ? name.p[i] : '_';
		changed |= !ok;
	}
	return changed;
}

struct mcp_name mcp_name_join(struct str server, struct str name)
{
	struct mcp_name r = {.n = 0};
	unsigned char digest[8];
	size_t prefix;

	ASSERT(mcp_server_id_ok(server));
	memcpy(r.text, server.p, server.n);
	r.n = server.n;
	r.text[r.n++] = '_';
	r.text[r.n++] = '_';
	prefix = r.n;
	if (!put_name(&r, name, MCP_NAME_MAX - prefix)) {
		return r;
	}
	/* the name as offered decides, not what is left of it: "a.b" and "a/b" stay apart */
	num_put_u64(digest, hash_str((struct hash_key){0, 0}, name));
	if (r.n > MCP_NAME_MAX - HASH_CHARS - 1) {
		r.n = MCP_NAME_MAX - HASH_CHARS - 1;
	}
	r.text[r.n++] = '_';
	hex_write(r.text + r.n, digest, HASH_BYTES);
	r.n += HASH_CHARS;
	return r;
}

void mcp_uri_wrap(struct buf *out, struct str server, struct str uri)
{
	buf_append(out, WRAP);
	buf_append(out, server);
	buf_append_c(out, '/');
	buf_append(out, uri);
}

bool mcp_uri_is_wrapped(struct str uri)
{
	return uri.n >= WRAP.n && str_ieq(str_make(uri.p, WRAP.n), WRAP);
}

bool mcp_uri_unwrap(struct str wrapped, struct str *ret_server, struct str *ret_uri)
{
	struct str rest, server;

	if (!str_starts_with(wrapped, WRAP)) {
		return false;
	}
	rest = str_from(wrapped, WRAP.n);
	server = str_cut(&rest, '/');
	if (!mcp_server_id_ok(server) || !mcp_uri_ok(rest)) {
		return false;
	}
	*ret_server = server;
	*ret_uri = rest;
	return true;
}

/* One element of a template: a literal byte, or an expression. */
struct element {
	size_t n; /* bytes of the template it takes */
	bool is_expression, any;
};

static struct element element_at(struct str tmpl, size_t at)
{
	struct element e = {.n = 1};
	size_t close;

	if (tmpl.p[at] != '{') {
		return e;
	}
	close = str_find(str_from(tmpl, at), '}');
	if (at + close == tmpl.n) {
		return e; /* never closed: a literal brace */
	}
	e.n = close + 1;
	e.is_expression = true;
	e.any = close > 1 && !is_alnum(tmpl.p[at + 1]) && tmpl.p[at + 1] != '_';
	return e;
}

bool mcp_uri_template_ok(struct str tmpl)
{
	unsigned expressions = 0;

	if (tmpl.n == 0 || tmpl.n > MCP_TEMPLATE_MAX || !str_is_utf8(tmpl) || has_control(tmpl)) {
		return false;
	}
	for (size_t i = 0; i < tmpl.n; i += element_at(tmpl, i).n) {
		expressions += element_at(tmpl, i).is_expression;
	}
	return expressions <= MCP_TEMPLATE_EXPRESSIONS;
}

/*
 * One row of the usual table: `now[j]` says whether the template up to here
 * matches the first j bytes of the URI. No backtracking, so no way to make it slow.
 */
bool mcp_uri_template_matches(struct str tmpl, struct str uri)
{
	bool now[MCP_URI_MAX + 1];
	size_t literal = str_find(tmpl, '{');

	/* most templates are told apart by what stands before their first expression */
	if (!mcp_uri_template_ok(tmpl) || uri.n > MCP_URI_MAX || uri.n < literal ||
	    memcmp(tmpl.p, uri.p, literal) != 0) {
		return false;
	}
	tmpl = str_from(tmpl, literal);
	uri = str_from(uri, literal);
	memset(now, 0, uri.n + 1);
	now[0] = true;
	for (size_t i = 0; i < tmpl.n;) {
		struct element e = element_at(tmpl, i);

		/* `before` is the old now[j - 1] */
		if (!e.is_expression) {
			for (size_t j = uri.n; j > 0; j--) {
				now[j] = now[j - 1] && uri.p[j - 1] == tmpl.p[i];
			}
			now[0] = false;
		} else {
			bool before = now[0];

			now[0] = now[0] && e.any;
			for (size_t j = 1; j <= uri.n; j++) {
				bool was = now[j];

				now[j] = (e.any && was) ||
					 ((before || now[j - 1]) && (e.any || uri.p[j - 1] != '/'));
				before = was;
			}
		}
		i += e.n;
	}
	return now[uri.n];
}
