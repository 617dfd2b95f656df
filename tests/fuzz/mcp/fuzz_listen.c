/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client wants to hear of, whatever it says: what is taken from it can be acknowledged, and the
 * acknowledgement is a message that names as much. A server's update reaches it under its id.
 */
#include "mcp/listen.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static void request(struct arena *a, const struct mcp_msg *m, struct buf *out)
{
	struct mcp_filter f, again;
	struct mcp_msg ack;

	if (mcp_filter_parse(a, m, &f) != MCP_ERROR_NONE) {
		return;
	}
	mcp_listen_acknowledged(out, &f, STR("7"));
	CHECK(mcp_msg_parse(a, buf_str(out), NULL, &ack, NULL) == MCP_NOTIFICATION);
	CHECK(ack.method == MCP_LISTEN_ACK);
	CHECK(mcp_filter_parse(a, &ack, &again) == MCP_ERROR_NONE);
	CHECK(f.n_uris == again.n_uris && f.tools == again.tools && f.prompts == again.prompts &&
	      f.resources == again.resources);
}

static void update(struct arena *a, const struct mcp_msg *m, struct buf *out)
{
	const struct str name = STR("io.modelcontextprotocol/subscriptionId");
	struct mcp_msg again;
	struct str id;

	mcp_listen_updated(out, m, STR("\"a://b\""), STR("7"));
	CHECK(mcp_msg_parse(a, buf_str(out), NULL, &again, NULL) == MCP_NOTIFICATION);
	CHECK(str_eq(again.object, STR("\"a://b\"")));
	(void)json_scan_members(again.meta, &name, 1, &id, NULL);
	CHECK(str_eq(id, STR("7")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a;
	struct mcp_msg m;
	struct buf out;

	if (n > 60000) {
		return 0;
	}
	arena_init(&a, 64 << 20);
	buf_init(&out, 1 << 20);
	(void)mcp_msg_parse(&a, str_make((const char *)data, n), NULL, &m, NULL);
	if (m.kind == MCP_REQUEST) {
		request(&a, &m, &out);
	} else if (m.kind == MCP_NOTIFICATION && m.method == MCP_RESOURCES_UPDATED) {
		update(&a, &m, &out);
	}
	buf_done(&out);
	arena_done(&a);
	return 0;
}
