/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A result that asks for something, whatever it holds: what is taken from it are requests of the three
 * kinds, each of which a client of the modern era can be asked, and answer. What a client sends
 * along is judged without a crash.
 */
#include "mcp/ask.h"
#include "mcp/input.h"
#include "json/parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static void question(struct arena *a, struct str text)
{
	const struct json *tree;
	struct mcp_msg m;
	struct buf out, answers;

	/* A key may be as long as an id, its request as deep as a message less two. */
	if (mcp_msg_parse(a, text, NULL, &m, NULL) != MCP_REQUEST) {
		return;
	}
	CHECK(mcp_ask_is(m.method) && json_raw_type(m.id) == JSON_STRING);
	buf_init(&out, 1 << 20);
	buf_init(&answers, 1 << 20);
	buf_append_c(&out, '{');
	mcp_input_append(&out, a, &m, STR("fs"));
	buf_append_c(&out, '}');
	CHECK(out.failed ||
	      (json_parse(a, buf_str(&out), NULL, &tree, NULL) == ERR_OK && tree->n == 1));
	buf_append_c(&answers, '{');
	mcp_input_key(&answers, &m);
	buf_append(&answers, STR(":{\"action\":\"accept\",\"roots\":[],\"content\":{}}}"));
	CHECK(mcp_supplied_find(a, buf_str(&answers), &m).p);
	buf_done(&answers);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mcp_supplied supplied;
	struct mcp_inputs in;
	struct arena a;
	struct mcp_msg m;

	if (n > 60000) {
		return 0;
	}
	arena_init(&a, 64 << 20);
	switch (mcp_msg_parse(&a, str_make((const char *)data, n), NULL, &m, NULL)) {
	case MCP_RESPONSE:
		if (mcp_inputs_parse(&a, m.result, &in, NULL) == ERR_OK) {
			CHECK(in.n <= MCP_INPUTS_MAX && (in.n || in.state.p || m.result.n));
			for (size_t i = 0; i < in.n; i++) {
				question(&a, in.requests[i]);
			}
		}
		break;
	case MCP_REQUEST:
		if (mcp_supplied_parse(&a, &m, &supplied) == MCP_ERROR_NONE) {
			(void)mcp_supplied_find(&a, supplied.responses, &m);
		}
		break;
	case MCP_NOTIFICATION:
	case MCP_ERROR_RESPONSE:
	case MCP_INVALID:
		break;
	}
	arena_done(&a);
	return 0;
}
