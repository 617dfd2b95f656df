/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "crypto/authority.h"

#include <sys/socket.h>
#include <unistd.h>

enum { TURNS = 20 };

static struct buf cert, key;
static struct tls_authority *authority;
static struct tls_ctx *trusting;

static int begin(void **state)
{
	struct tls_client_config c = {0};
	struct err err;

	(void)state;
	buf_init(&cert, 16 << 10);
	buf_init(&key, 16 << 10);
	assert_int_equal(tls_authority_make(&cert, &key, &err), ERR_OK);
	assert_int_equal(tls_authority_new(buf_str(&cert), buf_str(&key), &authority, &err),
			 ERR_OK);
	c.ca_pem = buf_str(&cert);
	assert_int_equal(tls_client_new(&c, &trusting, &err), ERR_OK);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	tls_ctx_free(trusting);
	tls_authority_free(authority);
	buf_done(&cert);
	buf_done(&key);
	return 0;
}

/* Whether a client that wants this host is content with what it is shown. */
static bool is_content(struct tls_ctx *client_ctx, const char *host, struct str *ret_asked)
{
	static char asked[256];
	struct tls *server, *client;
	bool failed = false;
	struct err err;
	size_t n;
	char byte;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	assert_int_equal(tls_accept(tls_authority_ctx(authority), ends[0], &server, &err), ERR_OK);
	assert_int_equal(tls_connect(client_ctx, ends[1], str_from_c(host), NULL, &client, &err),
			 ERR_OK);
	for (int i = 0; i < TURNS && !failed; i++) {
		failed = tls_read(client, &byte, 1, &n, &err) == TLS_FAILED ||
			 tls_read(server, &byte, 1, &n, &err) == TLS_FAILED;
	}
	failed = failed || !tls_established(client) || !tls_established(server);
	if (ret_asked) {
		(void)snprintf(asked, sizeof(asked), STR_FMT, STR_ARG(tls_server_name(server)));
		*ret_asked = str_from_c(asked);
	}
	tls_free(client);
	tls_free(server);
	close(ends[0]);
	close(ends[1]);
	return !failed;
}

static void a_client_gets_a_certificate_for_the_name_it_asks_for(void **state)
{
	struct str asked;

	(void)state;
	assert_true(is_content(trusting, "api.example.org", &asked));
	assert_str_equal(asked, STR("api.example.org"));
	assert_true(is_content(trusting, "other.example.org", NULL));
	assert_true(is_content(trusting, "a_b-c.x.example", NULL));
	assert_int_equal(tls_authority_kept(authority), 3);
}

static void the_same_name_gets_the_same_certificate(void **state)
{
	(void)state;
	assert_true(is_content(trusting, "API.example.org", NULL));
	assert_true(is_content(trusting, "api.example.org", NULL));
	assert_int_equal(tls_authority_kept(authority), 1);
}

static void who_does_not_trust_it_is_not_content(void **state)
{
	struct tls_client_config c = {0};
	struct tls_ctx *other;
	struct buf cert2, key2;
	struct err err;

	(void)state;
	buf_init(&cert2, 16 << 10);
	buf_init(&key2, 16 << 10);
	assert_int_equal(tls_authority_make(&cert2, &key2, &err), ERR_OK);
	c.ca_pem = buf_str(&cert2);
	assert_int_equal(tls_client_new(&c, &other, &err), ERR_OK);
	assert_false(is_content(other, "api.example.org", NULL));
	tls_ctx_free(other);
	buf_done(&cert2);
	buf_done(&key2);
}

static void clients_that_share_their_authorities_trust_the_same_and_outlive_each_other(void **state)
{
	struct tls_client_config c = {.ca_pem = buf_str(&cert)}, as = {0};
	struct tls_ctx *first, *second;
	struct tls_authority *stranger, *node;
	struct buf cert2, key2;
	struct err err;

	(void)state;
	assert_int_equal(tls_client_new(&c, &first, &err), ERR_OK);
	as.trust_as = first;
	assert_int_equal(tls_client_new(&as, &second, &err), ERR_OK);
	assert_true(is_content(first, "api.example.org", NULL));
	tls_ctx_free(first);
	assert_true(is_content(second, "api.example.org", NULL));
	buf_init(&cert2, 16 << 10);
	buf_init(&key2, 16 << 10);
	assert_int_equal(tls_authority_make(&cert2, &key2, &err), ERR_OK);
	assert_int_equal(tls_authority_new(buf_str(&cert2), buf_str(&key2), &stranger, &err),
			 ERR_OK);
	node = authority;
	authority = stranger;
	assert_false(is_content(second, "api.example.org", NULL));
	authority = node;
	tls_authority_free(stranger);
	tls_ctx_free(second);
	buf_done(&cert2);
	buf_done(&key2);
}

static void one_of_its_own_is_trusted_by_whoever_has_its_certificate(void **state)
{
	struct tls_authority *node = authority;
	struct tls_client_config c = {0};
	struct tls_ctx *other;
	struct buf pem;
	struct err err;

	(void)state;
	buf_init(&pem, 16 << 10);
	assert_int_equal(tls_authority_own(&pem, &authority, &err), ERR_OK);
	c.ca_pem = buf_str(&pem);
	assert_int_equal(tls_client_new(&c, &other, &err), ERR_OK);
	assert_true(is_content(other, "api.example.org", NULL));
	assert_false(is_content(trusting, "api.example.org", NULL));
	assert_int_equal(str_find_str(buf_str(&pem), STR("PRIVATE")), buf_len(&pem));
	tls_ctx_free(other);
	tls_authority_free(authority);
	authority = node;
	buf_done(&pem);
}

static void a_client_that_names_no_host_is_refused(void **state)
{
	(void)state;
	assert_false(
		is_content(trusting, "127.0.0.1", NULL)); /* an address is not sent as a name */
	assert_int_equal(tls_authority_kept(authority), 0);
}

static void certificates_are_kept_up_to_a_bound(void **state)
{
	char name[64];

	(void)state;
	for (int i = 0; i < TLS_AUTHORITY_KEPT + 5; i++) {
		(void)snprintf(name, sizeof(name), "h%d.example", i);
		assert_true(is_content(trusting, name, NULL));
		assert_true(tls_authority_kept(authority) <= TLS_AUTHORITY_KEPT);
	}
	assert_int_equal(tls_authority_kept(authority), 5);
}

static void another_key_does_not_fit(void **state)
{
	struct tls_authority *none;
	struct buf cert2, key2;
	struct err err;

	(void)state;
	buf_init(&cert2, 16 << 10);
	buf_init(&key2, 16 << 10);
	assert_int_equal(tls_authority_make(&cert2, &key2, &err), ERR_OK);
	assert_int_equal(tls_authority_new(buf_str(&cert), buf_str(&key2), &none, &err),
			 ERR_INVALID);
	assert_int_equal(tls_authority_new(STR("x"), buf_str(&key), &none, &err), ERR_INVALID);
	buf_done(&cert2);
	buf_done(&key2);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, begin, finish)
	const struct CMUnitTest tests[] = {
		T(a_client_gets_a_certificate_for_the_name_it_asks_for),
		T(the_same_name_gets_the_same_certificate),
		T(who_does_not_trust_it_is_not_content),
		T(clients_that_share_their_authorities_trust_the_same_and_outlive_each_other),
		T(one_of_its_own_is_trusted_by_whoever_has_its_certificate),
		T(a_client_that_names_no_host_is_refused),
		T(certificates_are_kept_up_to_a_bound),
		T(another_key_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
