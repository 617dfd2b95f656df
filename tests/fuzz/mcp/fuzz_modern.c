/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server's answer made fit for a modern client is a message again, complete and
 * private, and else as it was. A client's request is judged without a crash.
 */
#include "mcp/lifecycle.h"
#include "mcp/modern.h"
#include "mcp/outward.h"
#include "json/parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static bool is_ours(struct str key)
{
	return str_eq(key, STR("resultType")) || str_eq(key, STR("ttlMs")) ||
	       str_eq(key, STR("cacheScope")) || str_eq(key, STR("_meta"));
}

static void check_result(struct arena *a, const struct mcp_msg *before, struct str after)
{
	const struct json *old, *new;

	CHECK(json_parse(a, before->result, NULL, &old, NULL) == ERR_OK);
	CHECK(json_parse(a, after, NULL, &new, NULL) == ERR_OK);
	CHECK(json_str_is(json_get(new, STR("resultType")), STR("complete")));
	CHECK(json_str_is(json_get(new, STR("cacheScope")), STR("private")));
	CHECK(str_eq(json_get(new, STR("ttlMs"))->raw, STR("0")));
	JSON_EACH (member, old) {
		const struct json *same = json_get(new, member->key);

		CHECK(same && (is_ours(member->key) || str_eq(same->raw, member->raw)));
	}
}

static void answer(struct arena *a, const struct mcp_msg *m)
{
	struct mcp_msg again;
	struct buf out;

	buf_init(&out, 1 << 20);
	mcp_modern_answer(&out, m, STR("7"), MCP_RESOURCES_READ, false);
	CHECK(mcp_msg_parse(a, buf_str(&out), NULL, &again, NULL) == m->kind);
	CHECK(!m->id.p || str_eq(again.id, STR("7")));
	if (m->kind == MCP_RESPONSE) {
		check_result(a, m, again.result);
	}
	buf_done(&out);
}

static void uris(struct arena *a, const struct mcp_msg *m)
{
	const struct mcp_source s[] = {{STR_INIT("one"), NULL}, {STR_INIT("two"), NULL}};
	struct mcp_outward o;
	struct mcp_view v;
	struct mcp_msg again;
	struct buf out;
	bool changed;

	buf_init(&out, 1 << 20);
	CHECK(mcp_view_build(&v, MCP_LIST_RESOURCES, MCP_NAMING_PREFIXED, s, 2,
			     (struct hash_key){1, 2}, NULL) == ERR_OK);
	o = (struct mcp_outward){&v, NULL, 1};
	CHECK(mcp_outward_uris(&out, a, m, &o, &changed, NULL) == ERR_OK);
	CHECK(!changed || mcp_msg_parse(a, buf_str(&out), NULL, &again, NULL) == MCP_RESPONSE);
	mcp_view_done(&v);
	buf_done(&out);
}

static void request(struct arena *a, const struct mcp_msg *m)
{
	const struct mcp_headers h = {STR_INIT("2026-07-28"), m->method_text, m->method_text};
	struct mcp_client_hello hello;
	struct mcp_modern modern;

	(void)mcp_modern_check(a, m, NULL, &modern);
	(void)mcp_modern_check(a, m, &h, &modern);
	err_ignore(mcp_client_hello_parse(a, m, &hello, NULL)); /* either is fine */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mcp_server_hello hello;
	struct arena a;
	struct mcp_msg m;

	if (n > 60000) {
		return 0;
	}
	arena_init(&a, 64 << 20);
	switch (mcp_msg_parse(&a, str_make((const char *)data, n), NULL, &m, NULL)) {
	case MCP_INVALID:
		break;
	case MCP_REQUEST:
	case MCP_NOTIFICATION:
		request(&a, &m);
		break;
	case MCP_RESPONSE:
		uris(&a, &m);
		err_ignore(mcp_server_hello_parse(&a, m.result, &hello, NULL)); /* likewise */
		answer(&a, &m);
		break;
	case MCP_ERROR_RESPONSE:
		answer(&a, &m);
		break;
	}
	arena_done(&a);
	return 0;
}
