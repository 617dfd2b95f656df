/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/stdio.h"

/* A push may come while a line of full length waits for its newline. */
enum { SLACK = 1024 * 1024, EXCERPT = 256 };

void mcp_lines_init(struct mcp_lines *l, size_t max)
{
	*l = (struct mcp_lines){.max = max};
	buf_init(&l->in, max + SLACK);
}

void mcp_lines_done(struct mcp_lines *l)
{
	buf_done(&l->in);
	l->taken = l->scanned = 0;
	l->skipping = false;
}

/* What was handed out stays valid until here. */
static void forget_taken(struct mcp_lines *l)
{
	if (l->taken) {
		buf_consume(&l->in, l->taken);
		l->taken = l->scanned = 0;
	}
}

/* Inside a line that was given up: drops up to and with the next newline. */
static struct str drop_rest_of_line(struct mcp_lines *l, struct str bytes)
{
	size_t at = str_find(bytes, '\n');

	if (at == bytes.n) {
		return str_make(NULL, 0);
	}
	l->skipping = false;
	return str_from(bytes, at + 1);
}

enum err_code mcp_lines_push(struct mcp_lines *l, struct str bytes, struct err *err)
{
	forget_taken(l);
	if (l->skipping) {
		bytes = drop_rest_of_line(l, bytes);
	}
	if (bytes.n > SLACK) {
		return ERR(err, ERR_LIMIT, "a push of %zu bytes; at most %d", bytes.n, SLACK);
	}
	buf_append(&l->in, bytes);
	if (l->in.failed) {
		return ERR(err, ERR_NOMEM, "no memory for a line of more than %zu bytes",
			   buf_len(&l->in));
	}
	return ERR_OK;
}

static enum mcp_line_kind classify(struct str line)
{
	return line.p[0] == '{' || line.p[0] == '[' ? MCP_LINE_MESSAGE : MCP_LINE_GARBAGE;
}

static struct str trim_line(struct str line)
{
	if (line.n && line.p[line.n - 1] == '\r') {
		line.n--;
	}
	return str_trim(line);
}

/* The line in front passed the limit: report its beginning and forget it. */
static enum mcp_line_kind give_up(struct mcp_lines *l, size_t len, bool ended, struct str *ret)
{
	*ret = str_make(buf_str(&l->in).p, EXCERPT < l->max ? EXCERPT : l->max);
	l->taken = ended ? len + 1 : len;
	l->skipping = !ended;
	return MCP_LINE_TOO_LONG;
}

enum mcp_line_kind mcp_lines_next(struct mcp_lines *l, struct str *ret)
{
	for (;;) {
		struct str all, line;
		size_t at;
		bool ended;

		forget_taken(l);
		all = buf_str(&l->in);
		at = l->scanned + str_find(str_from(all, l->scanned), '\n');
		ended = at < all.n;
		if (at > l->max) {
			return give_up(l, at, ended, ret);
		}
		if (!ended) {
			l->scanned = all.n;
			return MCP_LINE_NONE;
		}
		line = trim_line(str_make(all.p, at));
		l->taken = at + 1;
		if (line.n) {
			*ret = line;
			return classify(line);
		}
	}
}

enum mcp_line_kind mcp_lines_end(struct mcp_lines *l, struct str *ret)
{
	struct str rest;

	forget_taken(l);
	rest = trim_line(buf_str(&l->in));
	if (l->skipping || rest.n == 0) {
		return MCP_LINE_NONE;
	}
	*ret = rest;
	return MCP_LINE_GARBAGE;
}

void mcp_line_append(struct buf *out, struct str msg)
{
	char *to = buf_reserve(out, msg.n + 1);

	if (!to) {
		return;
	}
	if (msg.n) {
		memcpy(to, msg.p, msg.n);
	}
	if (msg.n && (memchr(to, '\n', msg.n) || memchr(to, '\r', msg.n))) {
		for (size_t i = 0; i < msg.n; i++) {
			to[i] = to[i] == '\n' || to[i] == '\r' ? ' ' : to[i];
		}
	}
	to[msg.n] = '\n';
	buf_commit(out, msg.n + 1);
}
