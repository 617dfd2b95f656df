/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message taken apart by spans agrees with the tree of the whole text, and
 * putting the same id, object and token back gives the same bytes.
 */
#include "mcp/splice.h"
#include "json/parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static void same(const struct json *j, struct str span)
{
	CHECK((j != NULL) == (span.p != NULL));
	CHECK(!j || str_eq(j->raw, span));
}

static void agrees(const struct json *doc, const struct mcp_msg *m)
{
	const struct json *params = json_get(doc, STR("params"));

	CHECK(json_is_object(doc) && str_eq(doc->raw, m->whole));
	CHECK(json_str_is(json_get(doc, STR("jsonrpc")), STR("2.0")));
	if (!json_is_null(json_get(doc, STR("id")))) {
		same(json_get(doc, STR("id")), m->id);
	}
	same(json_get(doc, STR("result")), m->result);
	same(json_get(doc, STR("error")), m->error);
	if (m->kind != MCP_REQUEST && m->kind != MCP_NOTIFICATION) {
		return;
	}
	CHECK(json_str_is(json_get(doc, STR("method")), m->method_text));
	same(params, m->params);
	same(json_get(params, STR("arguments")), m->arguments);
	same(json_get(params, STR("_meta")), m->meta);
	if (m->method == MCP_TOOLS_CALL) {
		same(json_get(params, STR("name")), m->object);
	}
	if (m->method != MCP_PROGRESS) {
		same(json_get(json_get(params, STR("_meta")), STR("progressToken")), m->token);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = str_make((const char *)data, n);
	const struct json *doc = NULL;
	enum err_code tree;
	struct arena a;
	struct mcp_msg m;
	struct buf out;

	if (n > 100000) {
		return 0;
	}
	arena_init(&a, 64 << 20);
	tree = json_parse(&a, text, NULL, &doc, NULL);
	(void)mcp_msg_parse(&a, text, NULL, &m, NULL);
	CHECK((m.kind == MCP_INVALID) == (m.fault != MCP_ERROR_NONE));
	CHECK((tree == ERR_OK) == (m.fault != MCP_ERROR_PARSE && m.fault != MCP_ERROR_TOO_LARGE));
	if (m.kind != MCP_INVALID) {
		struct mcp_change c = {.id = m.id, .object = m.object, .token = m.token};

		agrees(doc, &m);
		buf_init(&out, 1 << 20);
		if (m.kind == MCP_REQUEST || m.kind == MCP_NOTIFICATION) {
			mcp_splice_call(&out, &m, &c);
		} else {
			mcp_splice_answer(&out, &m, m.id);
		}
		CHECK(str_eq(buf_str(&out), m.whole));
		buf_done(&out);
	}
	arena_done(&a);
	return 0;
}
