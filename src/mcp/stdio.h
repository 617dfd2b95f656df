/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of a stdio transport: bytes in, messages out. Whatever the cuts between
 * the pushes, the same bytes give the same lines.
 *
 * MCP 2025-11-25 basic/transports: "Messages are delimited by newlines, and
 * MUST NOT contain embedded newlines. The server MUST NOT write anything to its
 * stdout that is not a valid MCP message." Servers do both; a line that cannot
 * be a message is handed out as garbage, so that it becomes a finding, and
 * reading goes on with the next line. A line past the limit is reported once
 * and its bytes are dropped as they come.
 */
#ifndef MCP_STDIO_H
#define MCP_STDIO_H

#include "base/buf.h"
#include "base/err.h"

#define MCP_LINE_MAX ((size_t)8 * 1024 * 1024)

enum mcp_line_kind {
	MCP_LINE_NONE = 0, /* no complete line yet */
	MCP_LINE_MESSAGE,  /* begins like a JSON message; not yet parsed */
	MCP_LINE_GARBAGE,  /* cannot be one */
	MCP_LINE_TOO_LONG, /* passed the limit; the text is its beginning */
};

struct mcp_lines {
	struct buf in;
	size_t max;     /* longest line, its newline not counted */
	size_t taken;   /* bytes at the front already handed out */
	size_t scanned; /* bytes behind those known to hold no newline */
	bool skipping;  /* inside a line already reported as too long */
};

/* No allocation until the first push. */
void mcp_lines_init(struct mcp_lines *l, size_t max);
void mcp_lines_done(struct mcp_lines *l);

/*
 * Adds bytes. The caller takes out all lines with mcp_lines_next() after each
 * push; at most 64 KiB a push keeps the memory near `max`. ERR_NOMEM when memory
 * is short: the stream cannot go on.
 */
enum err_code mcp_lines_push(struct mcp_lines *l, struct str bytes, struct err *err) MUST_USE;

/* The next line, without its line end; valid until the next push or next. Blank lines are skipped.
 */
enum mcp_line_kind mcp_lines_next(struct mcp_lines *l, struct str *ret);

/*
 * At the end of the stream, after NONE: a line without its newline is a message
 * cut short, so it is garbage, even when it looks whole.
 */
enum mcp_line_kind mcp_lines_end(struct mcp_lines *l, struct str *ret);

/*
 * Appends the message as one line. `msg` is strict JSON: a raw line feed or
 * carriage return in it can only be white space between tokens and becomes a
 * blank, so the length stays the same.
 */
void mcp_line_append(struct buf *out, struct str msg);

#endif
