/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "mcp/ask.h"

static struct arena arena;
static struct mcp_session session;
static struct buf out;

static int setup(void **state)
{
	struct err err;

	(void)state;
	arena_init(&arena, 1 << 20);
	buf_init(&out, 1 << 20);
	mcp_session_init(&session);
	mcp_session_open(&session, MCP_2025_11_25,
			 MCP_CAP_ROOTS | MCP_CAP_SAMPLING | MCP_CAP_ELICITATION |
				 MCP_CAP_ELICITATION_FORM | MCP_CAP_ELICITATION_URL);
	assert_int_equal(mcp_session_receive(&session, MCP_INITIALIZED, &err), ERR_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_done(&arena);
	buf_done(&out);
	return 0;
}

static struct mcp_msg message(const char *method, const char *params)
{
	struct mcp_msg m;
	struct str text = arena_printf(
		&arena, "{\"jsonrpc\":\"2.0\",\"id\":\"s-1\",\"method\":\"%s\",\"params\":%s}",
		method, params);

	assert_int_equal(mcp_msg_parse(&arena, text, NULL, &m, NULL), MCP_REQUEST);
	return m;
}

static enum mcp_error check(const char *method, const char *params)
{
	struct mcp_msg m = message(method, params);

	return mcp_ask_check(&arena, &m, &session);
}

#define SAMPLE           "sampling/createMessage"
#define ELICIT           "elicitation/create"
#define FORM             "{\"message\":\"Who?\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{}}}"
#define MODE(mode, rest) "{\"mode\":\"" mode "\",\"message\":\"m\"" rest "}"
#define URL(url)         MODE("url", ",\"elicitationId\":\"e1\",\"url\":\"" url "\"")

static void what_the_client_offers_may_be_asked(void **state)
{
	(void)state;
	assert_int_equal(check("roots/list", "{}"), MCP_ERROR_NONE);
	assert_int_equal(check(SAMPLE, "{\"messages\":[],\"maxTokens\":1}"), MCP_ERROR_NONE);
	assert_int_equal(check(ELICIT, FORM), MCP_ERROR_NONE);
	assert_int_equal(check(ELICIT, MODE("form", ",\"requestedSchema\":{}")), MCP_ERROR_NONE);
	assert_int_equal(check(ELICIT, URL("https://example.org/x?y=z")), MCP_ERROR_NONE);
	assert_int_equal(check(ELICIT, URL("http://127.0.0.1:80/x")), MCP_ERROR_NONE);
	assert_int_equal(check(ELICIT, URL("http:\\/\\/localhost\\/x")), MCP_ERROR_NONE);
}

static void what_it_does_not_offer_may_not(void **state)
{
	(void)state;
	session.capabilities = MCP_CAP_ELICITATION | MCP_CAP_ELICITATION_URL;
	assert_int_equal(check("roots/list", "{}"), MCP_ERROR_METHOD);
	assert_int_equal(check(SAMPLE, "{\"messages\":[],\"maxTokens\":1}"), MCP_ERROR_METHOD);
	assert_int_equal(check(ELICIT, FORM), MCP_ERROR_PARAMS);
	session.capabilities = MCP_CAP_ELICITATION | MCP_CAP_ELICITATION_FORM;
	assert_int_equal(check(ELICIT, FORM), MCP_ERROR_NONE);
	assert_int_equal(check(ELICIT, URL("https://example.org/")), MCP_ERROR_PARAMS);
	session.state = MCP_STATE_OPEN;
	assert_int_equal(check(ELICIT, FORM), MCP_ERROR_METHOD);
}

static void tools_in_sampling_need_their_own_capability(void **state)
{
	(void)state;
	assert_int_equal(check(SAMPLE, "{\"messages\":[],\"maxTokens\":1,\"tools\":[]}"),
			 MCP_ERROR_PARAMS);
	assert_int_equal(check(SAMPLE, "{\"messages\":[],\"maxTokens\":1,\"toolChoice\":{}}"),
			 MCP_ERROR_PARAMS);
	session.capabilities |= MCP_CAP_SAMPLING_TOOLS;
	assert_int_equal(check(SAMPLE, "{\"messages\":[],\"maxTokens\":1,\"tools\":[]}"),
			 MCP_ERROR_NONE);
	session.version = MCP_2025_06_18;
	assert_int_equal(check(SAMPLE, "{\"messages\":[],\"maxTokens\":1,\"tools\":[]}"),
			 MCP_ERROR_PARAMS);
}

static void what_a_revision_lacks_is_not_asked(void **state)
{
	(void)state;
	session.version = MCP_2025_06_18;
	assert_int_equal(check(ELICIT, URL("https://example.org/")), MCP_ERROR_PARAMS);
	session.capabilities = MCP_CAP_ELICITATION | MCP_CAP_ELICITATION_URL;
	assert_int_equal(check(ELICIT, FORM), MCP_ERROR_NONE); /* there was only one mode */
	session.version = MCP_2025_03_26;
	assert_int_equal(check(ELICIT, FORM), MCP_ERROR_METHOD);
}

static void incomplete_and_strange_requests_are_refused(void **state)
{
	static const char *const elicits[] = {
		"{}",
		"{\"message\":\"m\"}",
		"{\"message\":1,\"requestedSchema\":{}}",
		"{\"message\":\"m\",\"requestedSchema\":[]}",
		MODE("voice", ",\"requestedSchema\":{}"),
		"{\"mode\":1,\"message\":\"m\",\"requestedSchema\":{}}",
		"{\"message\":\"m\",\"requestedSchema\":{},\"Mode\":\"url\"}",
		"{\"message\":\"m\",\"requestedSchema\":{},\"task\":{}}",
		MODE("url", ",\"url\":\"https://example.org/\""),
		MODE("url", ",\"url\":\"https://example.org/\",\"elicitationId\":\"\""),
		MODE("url", ",\"elicitationId\":\"e\""),
	};
	static const char *const samples[] = {
		"{}",
		"{\"messages\":[]}",
		"{\"messages\":{},\"maxTokens\":1}",
		"{\"messages\":[],\"maxTokens\":\"1\"}",
		"{\"messages\":[],\"maxTokens\":1,\"task\":{\"ttl\":1}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(elicits); i++) {
		assert_int_equal(check(ELICIT, elicits[i]), MCP_ERROR_PARAMS);
	}
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		assert_int_equal(check(SAMPLE, samples[i]), MCP_ERROR_PARAMS);
	}
}

static void only_pages_are_opened(void **state)
{
	static const char *const urls[] = {
		URL(""),
		URL("https://"),
		URL("javascript:alert(1)"),
		URL("file:///etc/passwd"),
		URL("HTTPS://example.org/"),
		URL("http://example.org/"),
		URL("http://localhost.example.org/"),
		URL("http://127.0.0.1.example.org/"),
		URL("http://localhost:1@example.org/"),
		URL("https://example.org/a b"),
		URL("https://example.org\\\\@evil.test/"),
		URL("https://example.org/\\u0000"),
		URL(" https://example.org/"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		assert_int_equal(check(ELICIT, urls[i]), MCP_ERROR_PARAMS);
	}
}

static void only_an_elicitation_by_url_has_an_id(void **state)
{
	struct mcp_msg m = message(ELICIT, URL("https://example.org/"));

	(void)state;
	assert_str_equal(mcp_ask_elicitation(&arena, &m), STR("e1"));
	m = message(ELICIT, FORM);
	assert_null(mcp_ask_elicitation(&arena, &m).p);
	m = message("roots/list", "{}");
	assert_null(mcp_ask_elicitation(&arena, &m).p);
}

static void the_client_gets_its_own_id_and_every_other_byte(void **state)
{
	struct mcp_msg m = message(
		SAMPLE, "{\"messages\":[ ],\"maxTokens\":1.0,\"x\":{},\"_meta\":{\"progressToken\":"
			"\"up\",\"v/x\":1}}");

	(void)state;
	mcp_ask_append(&out, &arena, &m, STR("7"), STR("fs"));
	assert_str_equal(buf_str(&out),
			 STR("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"sampling/createMessage\","
			     "\"params\":{\"messages\":[ ],\"maxTokens\":1.0,\"x\":{},\"_meta\":{"
			     "\"progressToken\":7,\"v/x\":1}}}"));
}

static void a_server_gets_no_context_of_others(void **state)
{
	static const char *const asked[] = {"\"allServers\"", "\"thisServer\"", "\"none\"",
					    "{\"a\":[1]}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		const char *params =
			arena_printf(&arena,
				     "{\"messages\":[],\"includeContext\":%s,\"maxTokens\":1}",
				     asked[i])
				.p;
		struct mcp_msg m = message(SAMPLE, params);

		buf_clear(&out);
		mcp_ask_append(&out, &arena, &m, STR("7"), i % 2 ? STR("fs") : STR(""));
		assert_str_equal(
			buf_str(&out),
			STR("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"sampling/createMessage\","
			    "\"params\":{\"messages\":[],\"includeContext\":\"none\",\"maxTokens\":"
			    "1}}"));
	}
}

static void among_several_servers_a_person_is_told_who_asks(void **state)
{
	struct mcp_msg m = message(ELICIT, "{\"message\":\"\\nWho?\",\"requestedSchema\":{}}");

	(void)state;
	mcp_ask_append(&out, &arena, &m, STR("7"), STR("fs"));
	assert_str_equal(
		buf_str(&out),
		STR("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"elicitation/create\",\"params\":"
		    "{\"message\":\"The server \\\"fs\\\" asks: "
		    "\\nWho?\",\"requestedSchema\":{}}}"));
	buf_clear(&out);
	mcp_ask_append(&out, &arena, &m, STR("7"), STR(""));
	assert_int_equal(str_find_str(buf_str(&out), STR("asks")), buf_len(&out));
}

static void a_refusal_is_what_a_person_would_say(void **state)
{
	(void)state;
	mcp_ask_refuse(&out, STR("\"s\""), MCP_ELICIT, MCP_ASK_REFUSED);
	assert_str_equal(
		buf_str(&out),
		STR("{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"result\":{\"action\":\"decline\"}}"));
	buf_clear(&out);
	mcp_ask_refuse(&out, STR("0"), MCP_ELICIT, MCP_ASK_UNANSWERED);
	assert_str_equal(buf_str(&out),
			 STR("{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"action\":\"cancel\"}}"));
	buf_clear(&out);
	mcp_ask_refuse(&out, STR("0"), MCP_SAMPLE, MCP_ASK_REFUSED);
	assert_str_equal(buf_str(&out),
			 STR("{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":-1,\"message\":"
			     "\"The request was refused\"}}"));
	buf_clear(&out);
	mcp_ask_refuse(&out, STR("0"), MCP_ROOTS_LIST, MCP_ASK_UNANSWERED);
	assert_true(str_find_str(buf_str(&out), STR("\"code\":-32603")) < buf_len(&out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(what_the_client_offers_may_be_asked),
		T(what_it_does_not_offer_may_not),
		T(tools_in_sampling_need_their_own_capability),
		T(what_a_revision_lacks_is_not_asked),
		T(incomplete_and_strange_requests_are_refused),
		T(only_pages_are_opened),
		T(only_an_elicitation_by_url_has_an_id),
		T(the_client_gets_its_own_id_and_every_other_byte),
		T(among_several_servers_a_person_is_told_who_asks),
		T(a_server_gets_no_context_of_others),
		T(a_refusal_is_what_a_person_would_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
