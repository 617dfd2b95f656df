/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server's request to a client, whatever it holds: what passes the checks reaches the client as a
 * request again, under our id and token, with every other value as it was; a page to open is https
 * or on the client's own machine; and a refusal is an answer.
 */
#include "mcp/ask.h"
#include "json/parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static struct mcp_session ready(enum mcp_version v)
{
	struct mcp_session s;

	mcp_session_init(&s);
	mcp_session_open(&s, v, UINT32_MAX);
	CHECK(mcp_session_receive(&s, MCP_INITIALIZED, NULL) == ERR_OK);
	return s;
}

static void same_params(struct arena *a, const struct mcp_msg *before, const struct mcp_msg *after)
{
	const struct json *old, *new;

	CHECK((before->params.p == NULL) == (after->params.p == NULL));
	if (!before->params.p) {
		return;
	}
	CHECK(json_parse(a, before->params, NULL, &old, NULL) == ERR_OK);
	CHECK(json_parse(a, after->params, NULL, &new, NULL) == ERR_OK);
	CHECK(old->n == new->n);
	JSON_EACH (member, old) {
		const struct json *same = json_get(new, member->key);

		CHECK(same);
		if (str_eq(member->key, STR("message")) && before->method == MCP_ELICIT) {
			CHECK(str_starts_with(same->text, STR("The server \"fs\" asks: ")));
			CHECK(str_ends_with(same->text, member->text));
		} else if (!str_eq(member->key, STR("_meta"))) {
			CHECK(str_eq(same->raw, member->raw));
		}
	}
}

static void page(struct arena *a, const struct mcp_msg *m)
{
	const struct json *params;
	struct str url;

	if (!mcp_ask_elicitation(a, m).p) {
		return;
	}
	CHECK(json_parse(a, m->params, NULL, &params, NULL) == ERR_OK);
	if (!json_str_is(json_get(params, STR("mode")), STR("url"))) {
		return;
	}
	url = json_str(json_get(params, STR("url")));
	CHECK(str_starts_with(url, STR("https://")) || str_starts_with(url, STR("http://l")) ||
	      str_starts_with(url, STR("http://1")) || str_starts_with(url, STR("http://[")));
}

static void passed_on(struct arena *a, const struct mcp_msg *m)
{
	struct mcp_msg again;
	struct buf out;

	buf_init(&out, 1 << 20);
	mcp_ask_append(&out, a, m, STR("7"), STR("fs"));
	CHECK(mcp_msg_parse(a, buf_str(&out), NULL, &again, NULL) == MCP_REQUEST);
	CHECK(str_eq(again.id, STR("7")) && again.method == m->method);
	CHECK((again.token.p == NULL) == (m->token.p == NULL));
	CHECK(!again.token.p || str_eq(again.token, STR("7")));
	same_params(a, m, &again);
	buf_done(&out);
}

static void refused(struct arena *a, const struct mcp_msg *m, enum mcp_ask_end why)
{
	struct mcp_msg answer;
	enum mcp_kind kind;
	struct buf out;

	buf_init(&out, 4096);
	mcp_ask_refuse(&out, m->id, m->method, why);
	kind = mcp_msg_parse(a, buf_str(&out), NULL, &answer, NULL);
	CHECK(kind == (m->method == MCP_ELICIT ? MCP_RESPONSE : MCP_ERROR_RESPONSE));
	CHECK(str_eq(answer.id, m->id));
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mcp_session newest = ready(MCP_2025_11_25), oldest = ready(MCP_2024_11_05);
	struct mcp_msg m;
	struct arena a;

	arena_init(&a, 64 << 20);
	if (mcp_msg_parse(&a, str_make((const char *)data, n), NULL, &m, NULL) == MCP_REQUEST &&
	    mcp_ask_is(m.method)) {
		(void)mcp_ask_check(&a, &m, &oldest);
		if (mcp_ask_check(&a, &m, &newest) == MCP_ERROR_NONE) {
			page(&a, &m);
			passed_on(&a, &m);
		}
		refused(&a, &m, MCP_ASK_REFUSED);
		refused(&a, &m, MCP_ASK_UNANSWERED);
	}
	arena_done(&a);
	return 0;
}
