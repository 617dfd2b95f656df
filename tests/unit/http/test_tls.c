/* SPDX-License-Identifier: Apache-2.0 */
/* Server and client in one loop, over real sockets and TLS. */
#include "tests/test.h"

#include "crypto/tls.h"
#include "http/client.h"
#include "http/server.h"
#include "tests/unit/net/certs.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
	struct loop loop;
	struct cert ca, server_cert, client_cert;
	struct tls_ctx *server_tls, *client_tls;
	struct http_server *server;
	struct http_pool *pool;
	struct net_addr at;
	uint64_t tickets[16];
	int n_tickets, dials;
	struct loop_hook dialler;
	char agent[64];
};

struct result {
	struct http_call call;
	int dones, fails;
	enum http_fail why;
	char error[232];
	struct buf body;
};

static void on_request(struct http_req *req)
{
	struct fixture *f = http_server_user(req->server);
	struct str who = req->tls ? tls_peer_subject(req->tls, &req->arena) : STR("nobody");

	(void)snprintf(f->agent, sizeof(f->agent), STR_FMT, STR_ARG(who));
}

static void on_body_complete(struct http_req *req)
{
	http_respond(req, 200, NULL, 0, req->body);
}

static void on_abort(struct http_req *req, bool gone)
{
	if (gone) {
		http_req_drop(req);
	}
}

static const struct http_handler handler = {
	.on_request = on_request,
	.on_body_complete = on_body_complete,
	.on_abort = on_abort,
};

static void on_dial(struct http_pool *p, uint64_t ticket)
{
	struct fixture *f = http_pool_user(p);

	f->tickets[f->n_tickets++] = ticket;
	loop_defer(&f->loop, &f->dialler);
}

static void dial_all(struct loop_hook *h)
{
	struct fixture *f = CONTAINER_OF(h, struct fixture, dialler);
	struct sockaddr_storage sa;
	socklen_t n = net_addr_to_sockaddr(&f->at, &sa);

	while (f->n_tickets) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		int rc = connect(fd, (const struct sockaddr *)&sa, n);

		assert_true(rc == 0 || errno == EINPROGRESS);
		f->dials++;
		http_pool_connected(f->pool, f->tickets[--f->n_tickets], fd);
	}
}

static void on_done(struct http_call *c)
{
	struct result *r = c->user;

	r->dones++;
	buf_append(&r->body, c->answer_body);
}

static void on_fail(struct http_call *c, enum http_fail why, const struct err *err)
{
	struct result *r = c->user;

	r->fails++;
	r->why = why;
	memcpy(r->error, err->msg, sizeof(r->error));
}

static const struct http_call_events events = {.on_done = on_done, .on_fail = on_fail};

static struct fixture *start(const char *host)
{
	struct fixture *f = test_calloc(1, sizeof(*f));
	struct tls_server_config sc = {.client_auth = TLS_CLIENT_OPTIONAL};
	struct tls_client_config cc = {0};
	struct http_server_config hc = {.handler = &handler, .user = f};
	struct http_pool_config pc = {.dial = on_dial, .user = f, .host = str_from_c(host)};
	int fd;

	assert_int_equal(loop_init(&f->loop, NULL), ERR_OK);
	f->dialler.on_turn_end = dial_all;
	f->ca = cert_make("CA", NULL, NULL, 86400);
	f->server_cert = cert_make("server", "DNS:gate.example", &f->ca, 86400);
	f->client_cert = cert_make("agent-7", NULL, &f->ca, 86400);
	sc.cert_pem = f->server_cert.cert_pem;
	sc.key_pem = f->server_cert.key_pem;
	cc.ca_pem = sc.client_ca_pem = f->ca.cert_pem;
	cc.cert_pem = f->client_cert.cert_pem;
	cc.key_pem = f->client_cert.key_pem;
	assert_int_equal(tls_server_new(&sc, &f->server_tls, NULL), ERR_OK);
	assert_int_equal(tls_client_new(&cc, &f->client_tls, NULL), ERR_OK);
	hc.tls = f->server_tls;
	pc.tls = f->client_tls;
	assert_int_equal(net_addr_parse(STR("127.0.0.1:0"), &f->at, NULL), ERR_OK);
	assert_int_equal(net_listen(&f->at, NULL, &fd, NULL), ERR_OK);
	assert_int_equal(net_local_addr(fd, &f->at, NULL), ERR_OK);
	assert_int_equal(http_server_new(&f->loop, &hc, &f->server, NULL), ERR_OK);
	assert_int_equal(http_server_listen(f->server, fd, NULL), ERR_OK);
	assert_int_equal(http_pool_new(&f->loop, &pc, &f->pool, NULL), ERR_OK);
	return f;
}

static void finish(struct fixture *f)
{
	http_pool_free(f->pool);
	http_server_free(f->server);
	tls_ctx_free(f->server_tls);
	tls_ctx_free(f->client_tls);
	cert_done(&f->ca);
	cert_done(&f->server_cert);
	cert_done(&f->client_cert);
	loop_done(&f->loop);
	test_free(f);
}

static void go(struct fixture *f, struct result *r, struct str body)
{
	r->call = (struct http_call){
		.on = &events,
		.pool = f->pool,
		.request = {.method = STR("POST"), .target = STR("/mcp")},
		.body = body,
		.user = r,
	};
	buf_init(&r->body, 64 << 20);
	http_call_start(&r->call);
	for (int i = 0; i < 20000 && !r->dones && !r->fails; i++) {
		assert_int_equal(loop_turn(&f->loop, 10, NULL), ERR_OK);
	}
}

static void calls_go_over_tls_and_reuse_the_connection(void **state)
{
	enum { BIG = 3000000 };
	struct fixture *f = start("gate.example");
	char *data = test_malloc(BIG);

	(void)state;
	for (size_t i = 0; i < BIG; i++) {
		data[i] = (char)(i * 31 % 253);
	}
	for (size_t n = 1; n <= BIG; n *= 12) {
		struct result r = {0};

		go(f, &r, str_make(data, n));
		assert_int_equal(r.dones, 1);
		assert_true(str_eq(buf_str(&r.body), str_make(data, n)));
		buf_done(&r.body);
	}
	assert_int_equal(f->dials, 1);
	assert_string_equal(f->agent, "CN=agent-7");
	test_free(data);
	finish(f);
}

static void a_certificate_for_another_name_fails_the_call_and_says_so(void **state)
{
	struct fixture *f = start("other.example");
	struct result r = {0};

	(void)state;
	go(f, &r, STR("secret"));
	assert_int_equal(r.fails, 1);
	assert_int_equal(r.why, HTTP_FAIL_CLOSED);
	assert_non_null(strstr(r.error, "ostname mismatch"));
	assert_int_equal(http_server_stats(f->server)->requests, 0);
	finish(f);
}

static void a_refused_dial_fails_the_call(void **state)
{
	struct fixture *f = start("gate.example");
	struct result r = {0};

	(void)state;
	http_server_free(f->server);
	f->server = NULL;
	go(f, &r, STR("x"));
	assert_int_equal(r.why, HTTP_FAIL_CLOSED);
	finish(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_go_over_tls_and_reuse_the_connection),
		cmocka_unit_test(a_certificate_for_another_name_fails_the_call_and_says_so),
		cmocka_unit_test(a_refused_dial_fails_the_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
