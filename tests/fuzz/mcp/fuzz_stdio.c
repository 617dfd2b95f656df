/* SPDX-License-Identifier: Apache-2.0 */
/* However the bytes are cut, the lines are the same; and none is longer than allowed. */
#include "base/arena.h"
#include "mcp/stdio.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { LIMIT = 40 };

static void record(struct buf *log, enum mcp_line_kind kind, struct str line)
{
	if (kind != MCP_LINE_TOO_LONG && line.n > LIMIT) {
		abort();
	}
	buf_append_u64(log, (uint64_t)kind);
	buf_append(log, line);
	buf_append_c(log, '\n');
}

static void run(struct buf *log, struct str all, size_t cut)
{
	struct mcp_lines l;
	struct str line;
	enum mcp_line_kind kind;

	mcp_lines_init(&l, LIMIT);
	for (size_t at = 0; at < all.n;) {
		size_t step = cut < all.n - at ? cut : all.n - at;

		if (mcp_lines_push(&l, str_make(all.p + at, step), NULL)) {
			abort();
		}
		while ((kind = mcp_lines_next(&l, &line)) != MCP_LINE_NONE) {
			record(log, kind, line);
		}
		at += step;
	}
	kind = mcp_lines_end(&l, &line);
	if (kind != MCP_LINE_NONE) {
		record(log, kind, line);
	}
	mcp_lines_done(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str all = str_make((const char *)data, n);
	struct buf whole, parts;

	if (n > 100000) {
		return 0;
	}
	buf_init(&whole, 1 << 20);
	buf_init(&parts, 1 << 20);
	run(&whole, all, n ? n : 1);
	for (size_t cut = 1; cut <= 7; cut += 2) {
		buf_clear(&parts);
		run(&parts, all, cut);
		if (!str_eq(buf_str(&whole), buf_str(&parts))) {
			abort();
		}
	}
	buf_done(&whole);
	buf_done(&parts);
	return 0;
}
