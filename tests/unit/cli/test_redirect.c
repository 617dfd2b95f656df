/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "cli/redirect.h"

static void the_query_of_the_answer_is_found(void **state)
{
	static const struct {
		const char *text, *query;
	} cases[] = {
		{"GET /callback?code=a&state=b HTTP/1.1\r\nHost: x\r\n\r\n", "code=a&state=b"},
		{"GET /callback?code=a HTTP/1.1", "code=a"},
		{"http://127.0.0.1:41/callback?code=a%20b&state=c#_\n", "code=a%20b&state=c"},
		{"http://127.0.0.1:41/callback?code=a\n", "code=a"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str query;

		assert_true(redirect_query(str_from_c(cases[i].text), &query));
		assert_str_equal(query, str_from_c(cases[i].query));
	}
}

static void other_requests_are_none_of_ours(void **state)
{
	static const char *const cases[] = {
		"",
		"\n",
		"GET / HTTP/1.1\r\n\r\n",
		"GET /favicon.ico HTTP/1.1\r\n\r\n",
		"GET /callback HTTP/1.1\r\n\r\n",
		"GET /callback? HTTP/1.1\r\n\r\n",
		"POST /callback?code=a HTTP/1.1\r\n\r\n",
		"GET /x/callback?code=a HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nX: GET /callback?code=a\r\n\r\n",
		"https://evil.test/callback?code=a\n",
	};
	static char big[REDIRECT_QUERY_MAX + 100] = "GET /callback?";
	struct str query;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_false(redirect_query(str_from_c(cases[i]), &query));
	}
	memset(big + 14, 'x', sizeof(big) - 14);
	assert_false(redirect_query(str_make(big, sizeof(big)), &query));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_query_of_the_answer_is_found),
		cmocka_unit_test(other_requests_are_none_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
