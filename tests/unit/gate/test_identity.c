/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "crypto/sha256.h"
#include "crypto/tls.h"
#include "gate/identity.h"

#include "tests/unit/net/certs.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct config_api_key keys[2];
static struct config_unix_peer users[] = {{STR_INIT("root-bot"), 0}, {STR_INIT("me"), 1000}};
static struct config config;
static const struct config_listen local = {.kind = CONFIG_LISTEN_TCP, .local = true};
static const struct config_listen local_unix = {.kind = CONFIG_LISTEN_UNIX, .local = true};
static const struct config_listen wide = {.kind = CONFIG_LISTEN_TCP};

/* A request as the parser would give it. */
struct shown {
	struct http_req req;
	struct net_peer peer;
	struct http_field fields[8];
};

static struct shown *nothing(struct shown *s)
{
	*s = (struct shown){.req.peer = NULL};
	s->req.peer = &s->peer;
	s->req.head.fields = s->fields;
	return s;
}

static struct shown *with(struct shown *s, enum http_field_id id, const char *value)
{
	s->fields[s->req.head.n_fields] = (struct http_field){.value = str_from_c(value)};
	s->req.head.known[id] = (uint8_t)++s->req.head.n_fields;
	return s;
}

static int begin(void **state)
{
	(void)state;
	keys[0].agent = STR("ci-bot");
	sha256_of(STR("key-one"), keys[0].sha256);
	keys[1].agent = STR("night-bot");
	sha256_of(STR("key-two"), keys[1].sha256);
	config = (struct config){.identity = {.api_keys = keys,
					      .n_api_keys = 2,
					      .unix_peers = users,
					      .n_unix_peers = 2,
					      .anonymous = STR("guest")}};
	return 0;
}

static void assert_is(const struct config_listen *at, struct shown *s, const char *agent)
{
	struct str who = STR("(unset)");
	struct err err;

	assert_int_equal(identify(&config, at, &s->req, &who, &err), ERR_OK);
	assert_str_equal(who, str_from_c(agent));
}

static void assert_refused(const struct config_listen *at, struct shown *s)
{
	struct str who = STR("(unset)");
	struct err err;

	assert_int_equal(identify(&config, at, &s->req, &who, &err), ERR_DENIED);
	assert_str_equal(who, STR("(unset)"));
}

static void a_key_names_its_agent(void **state)
{
	struct shown s;

	(void)state;
	assert_is(&wide, with(nothing(&s), HTTP_F_AUTHORIZATION, "Bearer key-one"), "ci-bot");
	assert_is(&wide, with(nothing(&s), HTTP_F_AUTHORIZATION, "bEaReR   key-two "), "night-bot");
	assert_is(&wide, with(nothing(&s), HTTP_F_X_API_KEY, "key-two"), "night-bot");
	assert_is(&local, with(nothing(&s), HTTP_F_X_API_KEY, "key-one"), "ci-bot");
}

static void a_proxy_takes_a_key_as_clients_can_give_one(void **state)
{
	static const struct {
		const char *value, *agent;
	} rows[] = {
		{"Basic eDprZXktb25l", "ci-bot"},    /* x:key-one */
		{"basic a2V5LXR3bzo=", "night-bot"}, /* key-two: */
		{"Basic a2V5LXR3bw==", "night-bot"}, /* key-two */
		{"Bearer key-one", "ci-bot"},
		{"Basic eDprZXktb24=", NULL}, /* x:key-on */
		{"Basic ***", NULL},
		{"Basic ", NULL},
		{"Digest key-one", NULL},
		{"key-one", NULL},
	};
	struct shown s;
	struct str who;
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		(void)with(nothing(&s), HTTP_F_PROXY_AUTHORIZATION, rows[i].value);
		arena_init(&s.req.arena, 4096);
		who = STR("(unset)");
		if (rows[i].agent) {
			assert_int_equal(identify_proxy(&config, &wide, &s.req, &who, &err),
					 ERR_OK);
			assert_str_equal(who, str_from_c(rows[i].agent));
		} else {
			assert_int_equal(identify_proxy(&config, &local, &s.req, &who, &err),
					 ERR_DENIED);
		}
		arena_done(&s.req.arena);
	}
	/* What is meant for the host behind the proxy identifies nobody here. */
	(void)with(nothing(&s), HTTP_F_AUTHORIZATION, "Bearer key-one");
	assert_int_equal(identify_proxy(&config, &local, &s.req, &who, &err), ERR_OK);
	assert_str_equal(who, STR("guest"));
}

static void a_wrong_key_is_refused_even_where_none_is_needed(void **state)
{
	static const char *const wrong[] = {
		"Bearer key-on",
		"Bearer key-one2",
		"Bearer KEY-ONE",
		"Bearer ",
		"Bearer",
		"Basic a2V5LW9uZQ==",
		"",
		"Bearer key-one,key-two",
		"Bearerkey-one",
	};
	struct shown s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		assert_refused(&wide, with(nothing(&s), HTTP_F_AUTHORIZATION, wrong[i]));
		assert_refused(&local, with(nothing(&s), HTTP_F_AUTHORIZATION, wrong[i]));
	}
	assert_refused(&local, with(nothing(&s), HTTP_F_X_API_KEY, "nope"));
	/* A right one beside a wrong one does not help. */
	assert_refused(&local, with(with(nothing(&s), HTTP_F_AUTHORIZATION, "Bearer nope"),
				    HTTP_F_X_API_KEY, "key-one"));
	/* Nor does the right user. */
	with(nothing(&s), HTTP_F_X_API_KEY, "nope");
	s.peer = (struct net_peer){.has_creds = true, .uid = 1000};
	assert_refused(&local_unix, &s);
}

static void the_digest_of_a_key_is_no_key(void **state)
{
	struct shown s;
	char raw[sizeof(keys[0].sha256) + 1] = {0};

	(void)state;
	memcpy(raw, keys[0].sha256, sizeof(keys[0].sha256));
	assert_refused(&wide, with(nothing(&s), HTTP_F_X_API_KEY, raw));
}

static void a_unix_peer_is_its_user(void **state)
{
	struct shown s;

	(void)state;
	nothing(&s)->peer = (struct net_peer){.has_creds = true, .uid = 1000};
	assert_is(&local_unix, &s, "me");
	nothing(&s)->peer = (struct net_peer){.has_creds = true, .uid = 0};
	assert_is(&local_unix, &s, "root-bot");
	nothing(&s)->peer = (struct net_peer){.has_creds = true, .uid = 7};
	assert_is(&local_unix, &s, "guest");
	/* A TCP peer has a zeroed user, which is not root. */
	assert_refused(&wide, nothing(&s));
	assert_is(&local, nothing(&s), "guest");
}

static void nobody_in_particular_is_served_on_this_machine_only(void **state)
{
	struct shown s;

	(void)state;
	assert_is(&local, nothing(&s), "guest");
	assert_is(&local_unix, nothing(&s), "guest");
	assert_refused(&wide, nothing(&s));
	config.identity.anonymous = STR("");
	assert_refused(&local, nothing(&s));
	assert_refused(&local_unix, nothing(&s));
	assert_refused(&wide, nothing(&s));
}

/* Both ends in this process, until the handshake is done. */
static struct tls *shake(struct tls_ctx *server, struct tls_ctx *client, int ends[2],
			 struct tls **ret_client)
{
	struct tls *s, *c;
	struct err err;
	char byte;
	size_t n;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	assert_int_equal(tls_accept(server, ends[0], &s, &err), ERR_OK);
	assert_int_equal(tls_connect(client, ends[1], STR("localhost"), NULL, &c, &err), ERR_OK);
	for (int i = 0; i < 20; i++) {
		assert_int_not_equal(tls_read(c, &byte, 1, &n, &err), TLS_FAILED);
		assert_int_not_equal(tls_read(s, &byte, 1, &n, &err), TLS_FAILED);
	}
	assert_true(tls_established(s));
	*ret_client = c;
	return s;
}

static void a_certificate_names_its_agent_before_all_else(void **state)
{
	struct cert ca = cert_make("ca", NULL, NULL, 3600);
	struct cert server = cert_make("localhost", "DNS:localhost", &ca, 3600);
	struct cert known = cert_make("one", NULL, &ca, 3600);
	struct cert other = cert_make("two", NULL, &ca, 3600);
	const struct tls_server_config sc = {.cert_pem = server.cert_pem,
					     .key_pem = server.key_pem,
					     .client_ca_pem = ca.cert_pem,
					     .client_auth = TLS_CLIENT_OPTIONAL};
	struct config_mtls mtls = {.agent = STR("fleet")};
	const struct cert *certs[] = {&known, &other, NULL};
	struct tls_ctx *sctx;
	struct err err;

	(void)state;
	config.identity.mtls = &mtls;
	config.identity.n_mtls = 1;
	assert_int_equal(tls_server_new(&sc, &sctx, &err), ERR_OK);
	for (size_t i = 0; i < ARRAY_LEN(certs); i++) {
		struct tls_client_config cc = {.ca_pem = ca.cert_pem};
		struct tls_ctx *cctx;
		struct tls *client;
		struct shown s;
		int ends[2];

		if (certs[i]) {
			cc.cert_pem = certs[i]->cert_pem;
			cc.key_pem = certs[i]->key_pem;
		}
		assert_int_equal(tls_client_new(&cc, &cctx, &err), ERR_OK);
		nothing(&s)->req.tls = shake(sctx, cctx, ends, &client);
		if (i == 0) {
			assert_true(tls_peer_fingerprint(s.req.tls, mtls.fingerprint));
			assert_is(&wide, &s, "fleet");
			/* It stands before a key that somebody else was given. */
			assert_is(&wide, with(&s, HTTP_F_X_API_KEY, "key-one"), "fleet");
		} else {
			assert_refused(&wide, &s);
			assert_is(&local, &s, "guest");
			assert_is(&wide, with(&s, HTTP_F_X_API_KEY, "key-one"), "ci-bot");
		}
		tls_free(s.req.tls);
		tls_free(client);
		tls_ctx_free(cctx);
		close(ends[0]);
		close(ends[1]);
	}
	tls_ctx_free(sctx);
	cert_done(&ca);
	cert_done(&server);
	cert_done(&known);
	cert_done(&other);
}

static const struct origin_case {
	const struct config_listen *at;
	const char *host, *origin; /* NULL: not there */
	bool ours;
} origins[] = {
	/* This machine's own: Host has to be a name of it, against rebound names. */
	{&local, "localhost:8700", NULL, true},
	{&local, "LOCALHOST", NULL, true},
	{&local, "127.0.0.1:8700", NULL, true},
	{&local, "[::1]:8700", NULL, true},
	{&local, "[::1]", NULL, true},
	{&local, "evil.example", NULL, false},
	{&local, "localhost.evil.example", NULL, false},
	{&local, "127.0.0.1.evil.example:8700", NULL, false},
	{&local, "[::1].evil.example", NULL, false},
	{&local, "[::1", NULL, false},
	{&local, "[::2]:8700", NULL, false},
	{&local, "localhost:evil.example", NULL, false},
	{&local, "0.0.0.0:8700", NULL, false},
	{&local, "", NULL, false},
	{&local, "localhost", "http://localhost:3000", true},
	{&local, "localhost", "https://127.0.0.1", true},
	{&local, "localhost", "http://[::1]:1", true},
	{&local, "localhost", "http://evil.example", false},
	{&local, "localhost", "http://localhost.evil.example", false},
	{&local, "localhost", "http://[::1].evil.example", false},
	{&local, "localhost", "null", false},
	{&local, "localhost", "", false},
	{&local, "localhost", "localhost", false},
	{&local, "localhost", "file://localhost", false},
	{&local, "localhost", "http://", false},
	{&local, "evil.example", "http://evil.example", false},
	/* Elsewhere the page has to come from the same host. */
	{&wide, "writ.example", NULL, true},
	{&wide, "writ.example", "https://writ.example", true},
	{&wide, "writ.example", "https://WRIT.example", true},
	{&wide, "writ.example:8443", "https://writ.example:8443", true},
	{&wide, "writ.example:8443", "https://writ.example", false},
	{&wide, "writ.example", "https://evil.example", false},
	{&wide, "writ.example", "http://localhost", false},
	{&wide, "writ.example", "null", false},
	/* A browser does not reach a Unix socket. */
	{&local_unix, "anything", NULL, true},
	{&local_unix, "anything", "http://evil.example", false},
};

static void host_and_origin_have_to_be_ours(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(origins); i++) {
		const struct origin_case *c = &origins[i];
		struct shown s;

		nothing(&s)->req.head.authority = str_from_c(c->host);
		if (c->origin) {
			with(&s, HTTP_F_ORIGIN, c->origin);
		}
		if (origin_is_ours(c->at, &s.req) != c->ours) {
			fail_msg("Host \"%s\", Origin \"%s\": not %d", c->host,
				 c->origin ? c->origin : "(none)", c->ours);
		}
	}
}

int main(void)
{
#define T(t) cmocka_unit_test_setup(t, begin)
	const struct CMUnitTest tests[] = {
		T(a_key_names_its_agent),
		T(a_proxy_takes_a_key_as_clients_can_give_one),
		T(a_wrong_key_is_refused_even_where_none_is_needed),
		T(the_digest_of_a_key_is_no_key),
		T(a_unix_peer_is_its_user),
		T(nobody_in_particular_is_served_on_this_machine_only),
		T(a_certificate_names_its_agent_before_all_else),
		T(host_and_origin_have_to_be_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
