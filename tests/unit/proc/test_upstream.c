/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "ipc/relay_h2.h"
#include "proc/upstream.h"
#include "sys/fd.h"

#include <unistd.h>

#define SERVER(headers)                                                                            \
	"{\"version\":1,\"servers\":{\"a\":{\"url\":\"http://127.0.0.1:1/"                         \
	"mcp\",\"headers\":{" headers "}}}}"
#define FROM_FILE SERVER("\"X-Token\":{\"secret_file\":\"/s/t\"}")

static struct role_secret secret;

/* The one file that the supervisor read. */
static void hold(const char *file, struct str bytes)
{
	struct err err;

	fd_close(&secret.fd);
	secret = (struct role_secret){.reader = ROLE_RELAY};
	(void)snprintf(secret.file, sizeof(secret.file), "%s", file);
	assert_int_equal(fd_memfd("secret", bytes, &secret.fd, &err), ERR_OK);
}

static int begin(void **state)
{
	(void)state;
	secret.fd = -1;
	hold("/s/t", STR("s3cret\n"));
	return 0;
}

static int finish(void **state)
{
	(void)state;
	fd_close(&secret.fd);
	return 0;
}

static struct upstreams table(const char *config)
{
	struct upstreams t;
	struct err err;

	if (upstreams_init(&t, str_from_c(config), &secret, 1, &err)) {
		fail_msg("%s", err.msg);
	}
	return t;
}

static void assert_refused(const char *config, enum err_code code)
{
	struct upstreams t;
	struct err err;

	assert_int_equal(upstreams_init(&t, str_from_c(config), &secret, 1, &err), code);
	assert_null(strstr(err.msg, "s3cret"));
}

static void the_table_holds_what_may_be_dialled_and_nothing_else(void **state)
{
	struct upstreams t =
		table("{\"version\":1,\"servers\":{\"a\":{\"url\":\"http://127.0.0.1:1/mcp\"},"
		      "\"run\":{\"command\":[\"/bin/x\"]}},"
		      "\"models\":{\"a\":{\"url\":\"http://10.0.0.1/v1\",\"site\":\"h\"}},"
		      "\"sites\":{\"h\":{\"operator\":\"us\",\"country\":\"NO\",\"jurisdictions\":"
		      "[\"NO\"]}}}");

	(void)state;
	assert_int_equal(t.n, 2);
	assert_non_null(upstream_find(&t, STR("server:a")));
	assert_non_null(upstream_find(&t, STR("model:a")));
	assert_null(upstream_find(&t, STR("server:run"))); /* it is started, not dialled */
	assert_null(upstream_find(&t, STR("server:b")));
	assert_null(upstream_find(&t, STR("a")));
	assert_null(upstream_find(&t, STR("")));
	assert_null(upstream_find(&t, STR("server:a ")));
	assert_null(upstream_find(&t, STR("127.0.0.1:1")));
	upstreams_done(&t);
}

static void only_a_plain_local_socket_without_credentials_is_passed_on(void **state)
{
	struct upstreams t = table(SERVER(""));

	(void)state;
	assert_true(t.items[0].direct);
	assert_int_equal(secret_str(&t.items[0].headers).n, 0);
	upstreams_done(&t);
	t = table(SERVER("\"X-Plain\":\"yes\""));
	assert_false(t.items[0].direct);
	upstreams_done(&t);
	t = table("{\"version\":1,\"servers\":{\"a\":{\"url\":\"http://192.0.2.1:1/mcp\"}}}");
	assert_false(t.items[0].direct);
	upstreams_done(&t);
}

/* RELAY-2: what the role that dials has, whatever files lie in its reach. */
static void a_table_of_addresses_has_no_credential(void **state)
{
	struct upstreams t;
	struct err err;

	(void)state;
	assert_int_equal(upstreams_init(&t, STR(FROM_FILE), NULL, 0, &err), ERR_OK);
	assert_int_equal(secret_str(&t.items[0].headers).n, 0);
	assert_false(t.items[0].direct); /* yet it knows that there is one */
	assert_str_equal(t.items[0].zone, STR("-"));
	upstreams_done(&t);
}

static void headers_become_lines(void **state)
{
	struct upstreams t =
		table(SERVER("\"X-Token\":{\"secret_file\":\"/s/t\"},\"X-B\":\"yes\""));

	(void)state;
	assert_str_equal(secret_str(&t.items[0].headers), STR("X-Token: s3cret\r\nX-B: yes\r\n"));
	upstreams_done(&t);
	t = table("{\"version\":1,\"models\":{\"m\":{\"url\":\"http://127.0.0.1/v1\",\"site\":"
		  "\"h\",\"api_key_file\":\"/s/t\"}},\"sites\":{\"h\":{\"operator\":\"us\","
		  "\"country\":\"NO\",\"jurisdictions\":[\"NO\"]}}}");
	assert_str_equal(secret_str(&t.items[0].headers), STR("Authorization: Bearer s3cret\r\n"));
	assert_false(t.items[0].direct);
	upstreams_done(&t);
}

static void a_secret_that_would_break_the_head_is_refused_and_not_shown(void **state)
{
	static const struct str bad[] = {
		STR_INIT("s3cret\r\nHost: evil"),
		STR_INIT("s3cret\nX: y"),
		STR_INIT("s3c\rret"),
		STR_INIT("s3cret\0x"),
		STR_INIT("s3cret\x7f"),
		STR_INIT("s3cret\x01"),
		STR_INIT("\r\ns3cret"),
		STR_INIT(""),
		STR_INIT("\r\n\n"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		hold("/s/t", bad[i]);
		assert_refused(FROM_FILE, ERR_INVALID);
	}
	hold("/s/t", STR("s3cret\r\n\r\n")); /* line ends of an editor are no part of it */
	{
		struct upstreams t = table(FROM_FILE);

		assert_str_equal(secret_str(&t.items[0].headers), STR("X-Token: s3cret\r\n"));
		upstreams_done(&t);
	}
}

static void a_header_of_the_configuration_cannot_break_the_head(void **state)
{
	struct upstreams t;
	struct err err;

	(void)state;
	assert_int_not_equal(
		upstreams_init(&t, STR(SERVER("\"X-A\":\"a\\r\\nHost: evil\"")), &secret, 1, &err),
		ERR_OK);
	assert_int_not_equal(
		upstreams_init(&t, STR(SERVER("\"X-A: b\\r\\nY\":\"a\"")), &secret, 1, &err),
		ERR_OK);
	assert_int_not_equal(upstreams_init(&t, STR(SERVER("\"\":\"a\"")), &secret, 1, &err),
			     ERR_OK);
}

static void only_files_that_were_handed_over_can_be_read(void **state)
{
	(void)state;
	assert_refused(SERVER("\"X-A\":{\"secret_file\":\"/etc/hostname\"}"), ERR_NOT_FOUND);
	assert_refused(SERVER("\"X-A\":{\"secret_file\":\"/s/t2\"}"), ERR_NOT_FOUND);
	/* Without its authorities no TLS. */
	assert_refused("{\"version\":1,\"servers\":{\"a\":{\"url\":\"https://127.0.0.1/mcp\","
		       "\"ca_file\":\"/s/ca\"}}}",
		       ERR_NOT_FOUND);
	assert_refused("{\"version\":1,\"servers\":{\"a\":{\"url\":\"https://127.0.0.1/mcp\","
		       "\"ca_file\":\"/s/t\"}}}",
		       ERR_INVALID);
}

static void headers_are_bounded(void **state)
{
	static char big[20000];

	(void)state;
	memset(big, 's', sizeof(big));
	hold("/s/t", str_make(big, sizeof(big)));
	assert_refused(FROM_FILE, ERR_LIMIT);
	hold("/s/t", str_make(big, 15000));
	{
		struct upstreams t = table(FROM_FILE);

		upstreams_done(&t);
	}
}

/* Else each of its calls would end the connection, with the calls of others on it. */
static void a_credential_leaves_room_for_a_head_of_http2(void **state)
{
	static const char config[] =
		"{\"version\":1,\"servers\":{\"a\":{\"url\":\"http://127.0.0.1:1/mcp\",\"http2\":"
		"true,\"headers\":{\"X-Token\":{\"secret_file\":\"/s/t\"}}}}}";
	static char most[RELAY_H2_FIELDS_MAX];
	struct upstreams t;

	(void)state;
	memset(most, 'k', sizeof(most));
	hold("/s/t", str_make(most, sizeof(most)));
	assert_refused(config, ERR_LIMIT);
	hold("/s/t", str_make(most, sizeof(most) - 64));
	t = table(config);
	assert_true(secret_str(&t.items[0].fields).n <= RELAY_H2_FIELDS_MAX);
	upstreams_done(&t);
}

static void a_configuration_that_cannot_be_read_makes_no_table(void **state)
{
	(void)state;
	assert_refused("", ERR_SYNTAX);
	assert_refused("{}", ERR_INVALID);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, begin, finish)
	const struct CMUnitTest tests[] = {
		T(the_table_holds_what_may_be_dialled_and_nothing_else),
		T(only_a_plain_local_socket_without_credentials_is_passed_on),
		T(a_table_of_addresses_has_no_credential),
		T(headers_become_lines),
		T(a_secret_that_would_break_the_head_is_refused_and_not_shown),
		T(a_header_of_the_configuration_cannot_break_the_head),
		T(only_files_that_were_handed_over_can_be_read),
		T(headers_are_bounded),
		T(a_credential_leaves_room_for_a_head_of_http2),
		T(a_configuration_that_cannot_be_read_makes_no_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
