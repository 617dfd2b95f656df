/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "crypto/tls.h"
#include "net/stream.h"
#include "tests/unit/net/certs.h"

#include <sys/socket.h>
#include <unistd.h>

/* One end: it reads all that comes. */
struct end {
	struct stream s;
	struct buf got;
	int sent_events, hangups_half, hangups_gone;
	bool eof, failed;
	struct err err;
};

static void on_readable(struct stream *s)
{
	struct end *e = CONTAINER_OF(s, struct end, s);
	char *to = buf_reserve(&e->got, 20000);
	size_t n;

	switch (stream_read(s, to, 20000, &n, &e->err)) {
	case STREAM_AGAIN:
		return;
	case STREAM_DATA:
		buf_commit(&e->got, n);
		return;
	case STREAM_EOF:
		e->eof = true;
		return;
	case STREAM_FAILED:
		e->failed = true;
		return;
	}
}

static void on_sent(struct stream *s)
{
	CONTAINER_OF(s, struct end, s)->sent_events++;
}

static void on_hangup(struct stream *s, bool gone)
{
	struct end *e = CONTAINER_OF(s, struct end, s);

	e->hangups_gone += gone;
	e->hangups_half += !gone;
}

static const struct stream_events events = {
	.on_readable = on_readable,
	.on_sent = on_sent,
	.on_hangup = on_hangup,
};

struct pair {
	struct loop loop;
	struct end a, b; /* for TLS: a is the client */
};

static void pair_start(struct pair *p, size_t max_out)
{
	int fds[2];

	memset(p, 0, sizeof(*p));
	assert_int_equal(loop_init(&p->loop, NULL), ERR_OK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
			 0);
	buf_init(&p->a.got, 64 << 20);
	buf_init(&p->b.got, 64 << 20);
	assert_int_equal(stream_init(&p->a.s, &p->loop, fds[0], &events, max_out, NULL), ERR_OK);
	assert_int_equal(stream_init(&p->b.s, &p->loop, fds[1], &events, max_out, NULL), ERR_OK);
}

static void pair_done(struct pair *p)
{
	stream_close(&p->a.s);
	stream_close(&p->b.s);
	buf_done(&p->a.got);
	buf_done(&p->b.got);
	loop_done(&p->loop);
}

static void turns(struct pair *p, int n)
{
	for (int i = 0; i < n; i++) {
		assert_int_equal(loop_turn(&p->loop, 0, NULL), ERR_OK);
	}
}

static char *big(size_t n)
{
	char *p = test_malloc(n);

	for (size_t i = 0; i < n; i++) {
		p[i] = (char)(i * 31 % 253);
	}
	return p;
}

static void parts_arrive_in_order_and_pending_output_is_bounded(void **state)
{
	enum { N = 2000000 };
	struct pair p;
	char *data = big(N);
	struct iovec parts[2] = {{data, 100}, {data + 100, N - 100}};

	(void)state;
	pair_start(&p, N);
	assert_int_equal(stream_writev(&p.a.s, parts, 2, NULL), ERR_OK);
	assert_true(stream_pending(&p.a.s) > 0);
	turns(&p, 500);
	assert_int_equal(stream_pending(&p.a.s), 0);
	assert_true(p.a.sent_events > 0);
	assert_true(str_eq(buf_str(&p.b.got), str_make(data, N)));
	stream_want_read(&p.b.s, false);
	assert_int_equal(stream_write(&p.a.s, str_make(data, N), NULL), ERR_OK);
	assert_int_equal(stream_write(&p.a.s, str_make(data, N), NULL), ERR_LIMIT);
	assert_int_equal(stream_write(&p.a.s, STR("x"), NULL), ERR_CLOSED);
	pair_done(&p);
	test_free(data);
}

static void a_half_close_lets_the_other_half_go_on(void **state)
{
	struct pair p;

	(void)state;
	pair_start(&p, 1000);
	stream_want_read(&p.b.s, false);
	assert_int_equal(stream_write(&p.a.s, STR("question"), NULL), ERR_OK);
	stream_shutdown(&p.a.s);
	assert_int_equal(stream_write(&p.a.s, STR("x"), NULL), ERR_CLOSED);
	turns(&p, 5);
	assert_int_equal(p.b.hangups_half, 1); /* once, not at every turn */
	stream_want_read(&p.b.s, true);
	turns(&p, 3);
	assert_str_equal(buf_str(&p.b.got), STR("question"));
	assert_true(p.b.eof);
	assert_int_equal(stream_write(&p.b.s, STR("answer"), NULL), ERR_OK);
	turns(&p, 3);
	assert_str_equal(buf_str(&p.a.got), STR("answer"));
	pair_done(&p);
}

static void a_reader_that_pauses_still_gets_what_came_before_the_end(void **state)
{
	struct pair p;

	(void)state;
	pair_start(&p, 1000);
	stream_want_read(&p.b.s, false);
	assert_int_equal(stream_write(&p.a.s, STR("last words"), NULL), ERR_OK);
	stream_close(&p.a.s);
	turns(&p, 3);
	assert_int_equal(p.b.hangups_gone, 1);
	stream_want_read(&p.b.s, true);
	turns(&p, 3);
	assert_str_equal(buf_str(&p.b.got), STR("last words"));
	assert_true(p.b.eof);
	pair_done(&p);
}

static void a_closed_peer_shows_in_the_write_that_fails(void **state)
{
	struct pair p;

	(void)state;
	pair_start(&p, 1000);
	stream_close(&p.b.s);
	assert_int_equal(stream_write(&p.a.s, STR("x"), NULL), ERR_CLOSED);
	turns(&p, 2);
	assert_int_equal(p.a.hangups_gone, 0); /* the return value has told it */
	pair_done(&p);
}

/* TLS below */

struct world {
	struct cert ca, other_ca, server, client, expired;
	struct tls_ctx *server_ctx, *client_ctx;
};

static void make_contexts(struct world *w, const struct cert *server, enum tls_client_auth auth,
			  const struct cert *client, const struct cert *trusted)
{
	struct tls_server_config sc = {
		.cert_pem = server->cert_pem,
		.key_pem = server->key_pem,
		.client_ca_pem = w->ca.cert_pem,
		.client_auth = auth,
	};
	struct tls_client_config cc = {.ca_pem = trusted->cert_pem};

	if (client) {
		cc.cert_pem = client->cert_pem;
		cc.key_pem = client->key_pem;
	}
	tls_ctx_free(w->server_ctx);
	tls_ctx_free(w->client_ctx);
	assert_int_equal(tls_server_new(&sc, &w->server_ctx, NULL), ERR_OK);
	assert_int_equal(tls_client_new(&cc, &w->client_ctx, NULL), ERR_OK);
}

static int world_make(void **state)
{
	struct world *w = test_calloc(1, sizeof(*w));

	w->ca = cert_make("Test CA", NULL, NULL, 86400);
	w->other_ca = cert_make("Other CA", NULL, NULL, 86400);
	w->server = cert_make("server", "DNS:gate.example,IP:127.0.0.1", &w->ca, 86400);
	w->client = cert_make("agent-7", NULL, &w->ca, 86400);
	w->expired = cert_make("old", "DNS:gate.example", &w->ca, -60);
	*state = w;
	return 0;
}

static int world_done(void **state)
{
	struct world *w = *state;

	tls_ctx_free(w->server_ctx);
	tls_ctx_free(w->client_ctx);
	cert_done(&w->ca);
	cert_done(&w->other_ca);
	cert_done(&w->server);
	cert_done(&w->client);
	cert_done(&w->expired);
	test_free(w);
	return 0;
}

static void tls_start(struct pair *p, struct world *w, const char *host,
		      const struct tls_pins *pins)
{
	pair_start(p, 8 << 20);
	assert_int_equal(stream_accept_tls(&p->b.s, w->server_ctx, NULL), ERR_OK);
	assert_int_equal(stream_connect_tls(&p->a.s, w->client_ctx, str_from_c(host), pins, NULL),
			 ERR_OK);
	assert_int_equal(stream_write(&p->a.s, STR("hello"), NULL), ERR_OK);
	turns(p, 20);
}

/* The owner learns of it from a read or from on_hangup. */
static bool has_failed(const struct end *e)
{
	return e->failed || e->hangups_gone;
}

static void tls_carries_bytes_both_ways(void **state)
{
	enum { N = 3000000 };
	struct world *w = *state;
	char *data = big(N);
	struct pair p;

	make_contexts(w, &w->server, TLS_CLIENT_NONE, NULL, &w->ca);
	tls_start(&p, w, "gate.example", NULL);
	assert_str_equal(buf_str(&p.b.got), STR("hello"));
	assert_str_equal(tls_alpn(stream_tls_session(&p.a.s)), STR("http/1.1"));
	assert_str_equal(tls_alpn(stream_tls_session(&p.b.s)), STR("http/1.1"));
	assert_int_equal(stream_write(&p.b.s, str_make(data, N), NULL), ERR_OK);
	turns(&p, 3000);
	assert_true(str_eq(buf_str(&p.a.got), str_make(data, N)));
	buf_clear(&p.a.got);
	stream_want_read(&p.a.s, false); /* back-pressure holds with decrypted bytes waiting */
	assert_int_equal(stream_write(&p.b.s, str_make(data, N), NULL), ERR_OK);
	turns(&p, 50);
	assert_int_equal(buf_len(&p.a.got), 0);
	stream_want_read(&p.a.s, true);
	turns(&p, 3000);
	assert_true(str_eq(buf_str(&p.a.got), str_make(data, N)));
	stream_shutdown(&p.b.s);
	turns(&p, 5);
	assert_true(p.a.eof);
	assert_false(p.a.failed);
	pair_done(&p);
	test_free(data);
}

static void a_cut_tls_connection_is_a_failure_not_an_end(void **state)
{
	struct world *w = *state;
	struct pair p;

	make_contexts(w, &w->server, TLS_CLIENT_NONE, NULL, &w->ca);
	tls_start(&p, w, "127.0.0.1", NULL);
	assert_str_equal(buf_str(&p.b.got), STR("hello"));
	stream_close(&p.a.s); /* no close_notify */
	turns(&p, 5);
	assert_true(has_failed(&p.b));
	assert_false(p.b.eof);
	pair_done(&p);
}

static void a_client_trusts_only_the_right_server(void **state)
{
	struct world *w = *state;
	uint8_t pins[2][TLS_FINGERPRINT] = {0};
	const struct tls_pins either = {(const uint8_t(*)[TLS_FINGERPRINT])pins, 2};
	struct pair p;
	struct err err;
	unsigned n = sizeof(pins[1]);

	make_contexts(w, &w->server, TLS_CLIENT_NONE, NULL, &w->ca);
	tls_start(&p, w, "other.example", NULL);
	assert_true(has_failed(&p.a));
	err = stream_failure(&p.a.s);
	assert_non_null(strstr(err.msg, "ostname mismatch"));
	assert_int_equal(buf_len(&p.b.got), 0);
	pair_done(&p);

	tls_start(&p, w, "gate.example", &either); /* neither: nothing of ours was sent */
	assert_true(has_failed(&p.a));
	assert_int_equal(buf_len(&p.b.got), 0);
	pair_done(&p);

	assert_int_equal(X509_digest(w->server.x509, EVP_sha256(), pins[1], &n), 1);
	tls_start(&p, w, "gate.example", &either);
	assert_str_equal(buf_str(&p.b.got), STR("hello"));
	pair_done(&p);

	make_contexts(w, &w->server, TLS_CLIENT_NONE, NULL, &w->other_ca);
	tls_start(&p, w, "gate.example", NULL);
	assert_true(has_failed(&p.a));
	pair_done(&p);

	make_contexts(w, &w->expired, TLS_CLIENT_NONE, NULL, &w->ca);
	tls_start(&p, w, "gate.example", NULL);
	assert_true(has_failed(&p.a));
	pair_done(&p);
}

static void a_client_is_known_by_its_certificate(void **state)
{
	struct world *w = *state;
	struct cert stranger = cert_make("agent-7", NULL, &w->other_ca, 86400);
	uint8_t want[TLS_FINGERPRINT], got[TLS_FINGERPRINT];
	unsigned n = sizeof(want);
	struct arena arena;
	struct pair p;

	arena_init(&arena, 10000);
	assert_int_equal(X509_digest(w->client.x509, EVP_sha256(), want, &n), 1);
	make_contexts(w, &w->server, TLS_CLIENT_REQUIRED, &w->client, &w->ca);
	tls_start(&p, w, "gate.example", NULL);
	assert_str_equal(buf_str(&p.b.got), STR("hello"));
	assert_true(tls_peer_fingerprint(stream_tls_session(&p.b.s), got));
	assert_memory_equal(got, want, sizeof(want));
	assert_str_equal(tls_peer_subject(stream_tls_session(&p.b.s), &arena), STR("CN=agent-7"));
	pair_done(&p);

	make_contexts(w, &w->server, TLS_CLIENT_OPTIONAL, NULL, &w->ca);
	tls_start(&p, w, "gate.example", NULL);
	assert_str_equal(buf_str(&p.b.got), STR("hello"));
	assert_false(tls_peer_fingerprint(stream_tls_session(&p.b.s), got));
	pair_done(&p);

	make_contexts(w, &w->server, TLS_CLIENT_REQUIRED, NULL, &w->ca);
	tls_start(&p, w, "gate.example", NULL);
	assert_true(has_failed(&p.b));
	assert_int_equal(buf_len(&p.b.got), 0);
	pair_done(&p);

	make_contexts(w, &w->server, TLS_CLIENT_OPTIONAL, &stranger, &w->ca);
	tls_start(&p, w, "gate.example", NULL);
	assert_true(has_failed(&p.b));
	assert_int_equal(buf_len(&p.b.got), 0);
	pair_done(&p);
	cert_done(&stranger);
	arena_done(&arena);
}

static void plain_text_on_a_tls_port_fails_cleanly(void **state)
{
	struct world *w = *state;
	struct pair p;

	make_contexts(w, &w->server, TLS_CLIENT_NONE, NULL, &w->ca);
	pair_start(&p, 10000);
	assert_int_equal(stream_accept_tls(&p.b.s, w->server_ctx, NULL), ERR_OK);
	assert_int_equal(stream_write(&p.a.s, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), NULL),
			 ERR_OK);
	turns(&p, 5);
	assert_true(has_failed(&p.b));
	pair_done(&p);
}

static void contexts_refuse_what_they_cannot_use(void **state)
{
	struct world *w = *state;
	struct tls_server_config sc = {.cert_pem = w->server.cert_pem,
				       .key_pem = w->client.key_pem};
	struct tls_client_config cc = {.ca_pem = STR("no pem")};
	struct tls_ctx *ctx;
	struct err err;

	assert_int_equal(tls_server_new(&sc, &ctx, &err), ERR_INVALID); /* the key is another's */
	sc.key_pem = STR("");
	assert_int_equal(tls_server_new(&sc, &ctx, &err), ERR_INVALID);
	sc.key_pem = w->server.key_pem;
	sc.cert_pem = str_make(w->server.cert_pem.p, w->server.cert_pem.n / 2);
	assert_int_equal(tls_server_new(&sc, &ctx, &err), ERR_INVALID);
	assert_int_equal(tls_client_new(&cc, &ctx, &err), ERR_INVALID);
	cc.ca_pem = STR("");
	assert_int_equal(tls_client_new(&cc, &ctx, &err), ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_arrive_in_order_and_pending_output_is_bounded),
		cmocka_unit_test(a_half_close_lets_the_other_half_go_on),
		cmocka_unit_test(a_reader_that_pauses_still_gets_what_came_before_the_end),
		cmocka_unit_test(a_closed_peer_shows_in_the_write_that_fails),
		cmocka_unit_test(tls_carries_bytes_both_ways),
		cmocka_unit_test(a_cut_tls_connection_is_a_failure_not_an_end),
		cmocka_unit_test(a_client_trusts_only_the_right_server),
		cmocka_unit_test(a_client_is_known_by_its_certificate),
		cmocka_unit_test(plain_text_on_a_tls_port_fails_cleanly),
		cmocka_unit_test(contexts_refuse_what_they_cannot_use),
	};

	return cmocka_run_group_tests(tests, world_make, world_done);
}
