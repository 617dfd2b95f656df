/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's request becomes a request of the modern era with the same arguments, whatever it said of
 * itself. A server's answer becomes one of the older era without the members that has not. A
 * tool's annotations are read without a crash, and what a header shows can be read back.
 */
#include "mcp/modern.h"
#include "mcp/param.h"
#include "mcp/splice.h"
#include "mcp/task.h"
#include "mcp/upward.h"
#include "json/parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static void request(struct arena *a, const struct mcp_msg *m)
{
	const struct mcp_upward u = {.id = STR_INIT("7"),
				     .token = m->token.p ? STR("7") : str_make(NULL, 0)};
	struct mcp_msg again;
	struct mcp_modern modern;
	struct buf out;

	buf_init(&out, 1 << 20);
	mcp_upward_call(&out, m, &u);
	CHECK(mcp_msg_parse(a, buf_str(&out), NULL, &again, NULL) == MCP_REQUEST);
	CHECK(str_eq(again.id, STR("7")) && str_eq(again.method_text, m->method_text));
	CHECK(str_eq(again.modern_version, STR("\"2026-07-28\"")));
	CHECK(str_eq(again.arguments, m->arguments) && str_eq(again.object, m->object));
	CHECK(str_eq(again.token, u.token));
	CHECK(mcp_modern_check(a, &again, NULL, &modern) != MCP_ERROR_META);
	CHECK(modern.capabilities == 0 && !modern.wants_log);
	buf_clear(&out);
	mcp_legacy_call(&out, m, &(struct mcp_change){.id = STR("7")});
	CHECK(mcp_msg_parse(a, buf_str(&out), NULL, &again, NULL) == MCP_REQUEST);
	CHECK(str_eq(again.id, STR("7")) && !again.modern_version.p);
	CHECK(str_eq(again.arguments, m->arguments) && str_eq(again.token, m->token));
	buf_done(&out);
}

static void legacy(struct arena *a, const struct mcp_msg *m)
{
	struct mcp_msg again;
	const struct json *tree;
	struct buf out;

	buf_init(&out, 1 << 20);
	mcp_upward_answer(&out, m, STR("7"), MCP_RESOURCES_READ, MCP_2025_11_25);
	CHECK(mcp_msg_parse(a, buf_str(&out), NULL, &again, NULL) == m->kind);
	CHECK(!m->id.p || str_eq(again.id, STR("7")));
	if (m->kind == MCP_RESPONSE) {
		CHECK(json_parse(a, again.result, NULL, &tree, NULL) == ERR_OK);
		CHECK(again.result.n <= m->result.n);
	}
	buf_done(&out);
}

static void tool(struct arena *a, const struct mcp_msg *m)
{
	struct mcp_param params[MCP_PARAMS_MAX];
	struct mcp_discovered d;
	struct str back;
	struct buf out;
	size_t n = 0;

	err_ignore(mcp_discovered_parse(a, m->result, &d, NULL)); /* either is fine */
	if (!mcp_params_read(a, m->result, m->result, params, &n)) {
		return;
	}
	CHECK(n <= MCP_PARAMS_MAX);
	for (size_t i = 0; i < n; i++) {
		buf_init(&out, 1 << 20);
		mcp_header_encode(&out, params[i].value);
		CHECK(!params[i].value.p || !str_is_utf8(params[i].value) ||
		      (mcp_header_decode(a, buf_str(&out), &back) &&
		       str_eq(back, params[i].value)));
		buf_done(&out);
	}
}

/* What is said of a task stays a message, and without a server's name differs in its id alone. */
static void task(struct arena *a, const struct mcp_msg *m)
{
	static const enum mcp_method methods[] = {MCP_TOOLS_CALL, MCP_TASKS_GET, MCP_TASKS_RESULT};
	struct mcp_task_state s;
	struct mcp_task t;
	struct mcp_msg again;
	struct buf plain, out;

	CHECK(!mcp_task_created(a, m->result, &t) || (t.id.n && t.id.n <= MCP_TASK_ID_MAX));
	CHECK(!mcp_task_given(a, m->result, &t) || (t.id.n && t.id.n <= MCP_TASK_ID_MAX));
	CHECK(!mcp_task_state_read(a, m->result, &s) || !s.inputs.p ||
	      json_raw_type(s.inputs) == JSON_OBJECT);
	(void)mcp_task_supports(m->result);
	buf_init(&plain, 1 << 20);
	buf_init(&out, 1 << 20);
	mcp_splice_answer(&plain, m, STR("7"));
	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		buf_clear(&out);
		mcp_task_answer(&out, m, methods[i], STR("7"), STR(""));
		CHECK(str_eq(buf_str(&out), buf_str(&plain)));
		buf_clear(&out);
		mcp_task_answer(&out, m, methods[i], STR("7"), STR("fs"));
		CHECK(mcp_msg_parse(a, buf_str(&out), NULL, &again, NULL) == MCP_RESPONSE);
	}
	buf_clear(&out);
	mcp_task_place(&out, m, STR("fs/1"));
	CHECK(mcp_msg_parse(a, buf_str(&out), NULL, &again, NULL) == MCP_RESPONSE);
	buf_clear(&out);
	mcp_task_answer_inward(&out, m, STR("7"), STR("fs"));
	CHECK(mcp_msg_parse(a, buf_str(&out), NULL, &again, NULL) == MCP_RESPONSE);
	buf_done(&out);
	buf_done(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a;
	struct mcp_msg m;

	if (n > 60000) {
		return 0;
	}
	arena_init(&a, 64 << 20);
	switch (mcp_msg_parse(&a, str_make((const char *)data, n), NULL, &m, NULL)) {
	case MCP_REQUEST:
		request(&a, &m);
		break;
	case MCP_RESPONSE:
		tool(&a, &m);
		legacy(&a, &m);
		task(&a, &m);
		break;
	case MCP_ERROR_RESPONSE:
		(void)mcp_evidence_of(&m);
		if (m.id.p) {
			legacy(&a, &m);
		}
		break;
	case MCP_NOTIFICATION:
	case MCP_INVALID:
		break;
	}
	arena_done(&a);
	return 0;
}
