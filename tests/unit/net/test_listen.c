/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "net/listen.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void addresses_are_read_and_written(void **state)
{
	static const struct {
		const char *text;
		enum net_addr_kind kind;
		unsigned port;
		bool loopback;
	} rows[] = {
		{"127.0.0.1:8700", NET_ADDR_IP4, 8700, true},
		{"127.9.9.9:1", NET_ADDR_IP4, 1, true},
		{"0.0.0.0:80", NET_ADDR_IP4, 80, false},
		{"[::1]:0", NET_ADDR_IP6, 0, true},
		{"[::]:443", NET_ADDR_IP6, 443, false},
		{"[::ffff:127.0.0.1]:5", NET_ADDR_IP6, 5, true},
		{"unix:/run/writ/gate.sock", NET_ADDR_UNIX, 0, true},
		{"unix:@hidden", NET_ADDR_UNIX, 0, true},
	};
	static const char *const bad[] = {"",
					  "8700",
					  "localhost:80",
					  "127.0.0.1",
					  "127.0.0.1:",
					  "127.0.0.1:x",
					  "127.0.0.1:65536",
					  "127.0.0.1:+1",
					  "127.1:80",
					  "[::1]",
					  "[::1",
					  "::1:80",
					  "unix:",
					  "1.2.3.4:000080"};
	struct net_addr a;
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(net_addr_parse(str_from_c(rows[i].text), &a, NULL), ERR_OK);
		assert_int_equal(a.kind, rows[i].kind);
		assert_int_equal(a.port, rows[i].port);
		assert_int_equal(net_addr_is_loopback(&a), rows[i].loopback);
		buf_clear(&b);
		net_addr_write(&b, &a);
		assert_str_equal(buf_str(&b), str_from_c(rows[i].text));
	}
	buf_done(&b);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(net_addr_parse(str_from_c(bad[i]), &a, NULL), ERR_SYNTAX);
	}
}

static int dial(const struct net_addr *at)
{
	struct sockaddr_storage sa;
	socklen_t n = net_addr_to_sockaddr(at, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)&sa, n), 0);
	return fd;
}

struct fixture {
	struct loop loop;
	struct net_acceptor a;
	struct net_peer peer;
	int accepted, fd;
};

static void on_accept(struct net_acceptor *a, int fd, const struct net_peer *peer)
{
	struct fixture *f = CONTAINER_OF(a, struct fixture, a);

	if (f->accepted++) {
		(void)close(f->fd);
	}
	f->fd = fd;
	f->peer = *peer;
}

static void start(struct fixture *f, int fd)
{
	*f = (struct fixture){.a.on_accept = on_accept};
	assert_int_equal(loop_init(&f->loop, NULL), ERR_OK);
	assert_int_equal(net_acceptor_init(&f->a, &f->loop, fd, NULL), ERR_OK);
}

static void finish(struct fixture *f)
{
	(void)close(f->fd);
	net_acceptor_done(&f->a);
	loop_done(&f->loop);
}

static void a_tcp_peer_is_accepted_with_its_address(void **state)
{
	struct net_addr at, self;
	struct fixture f;
	int fd, c, flags;

	(void)state;
	assert_int_equal(net_addr_parse(STR("127.0.0.1:0"), &at, NULL), ERR_OK);
	assert_int_equal(net_listen(&at, NULL, &fd, NULL), ERR_OK);
	assert_int_equal(net_local_addr(fd, &self, NULL), ERR_OK);
	assert_true(self.port != 0);
	start(&f, fd);
	c = dial(&self);
	net_acceptor_stop(&f.a);
	assert_int_equal(loop_turn(&f.loop, 0, NULL), ERR_OK);
	assert_int_equal(f.accepted, 0);
	net_acceptor_resume(&f.a);
	assert_int_equal(loop_turn(&f.loop, 1000, NULL), ERR_OK);
	assert_int_equal(f.accepted, 1);
	assert_true(net_addr_is_loopback(&f.peer.addr));
	assert_false(f.peer.has_creds);
	flags = fcntl(f.fd, F_GETFD);
	assert_true(flags & FD_CLOEXEC);
	assert_true(fcntl(f.fd, F_GETFL) & O_NONBLOCK);
	(void)close(c);
	finish(&f);
}

static void two_gates_share_a_port(void **state)
{
	struct net_addr at, self;
	int a, b;

	(void)state;
	assert_int_equal(net_addr_parse(STR("127.0.0.1:0"), &at, NULL), ERR_OK);
	assert_int_equal(net_listen(&at, NULL, &a, NULL), ERR_OK);
	assert_int_equal(net_local_addr(a, &self, NULL), ERR_OK);
	assert_int_equal(net_listen(&self, NULL, &b, NULL), ERR_EXISTS); /* a second Writ */
	assert_int_equal(net_listen(&self, &(struct net_listen_options){.shared = true}, &b, NULL),
			 ERR_OK);
	(void)close(a);
	(void)close(b);
}

static void a_unix_peer_is_known_by_its_credentials(void **state)
{
	char path[64], text[80];
	struct net_addr at;
	struct net_peer again;
	struct fixture f;
	struct stat st;
	int fd, c, other;

	(void)state;
	(void)snprintf(path, sizeof(path), "/tmp/writ-test-%d.sock", (int)getpid());
	(void)snprintf(text, sizeof(text), "unix:%s", path);
	assert_int_equal(net_addr_parse(str_from_c(text), &at, NULL), ERR_OK);
	assert_int_equal(
		net_listen(&at, &(struct net_listen_options){.unix_mode = 0660}, &fd, NULL),
		ERR_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(net_listen(&at, NULL, &other, NULL), ERR_EXISTS); /* in use */
	start(&f, fd);
	assert_int_equal(loop_turn(&f.loop, 100, NULL), ERR_OK); /* the probe just made */
	c = dial(&at);
	assert_int_equal(loop_turn(&f.loop, 1000, NULL), ERR_OK);
	assert_int_equal(f.accepted, 2);
	assert_true(f.peer.has_creds);
	assert_int_equal(f.peer.uid, getuid());
	assert_int_equal(f.peer.pid, getpid());
	assert_int_equal(net_peer_of(f.fd, &again, NULL), ERR_OK);
	assert_int_equal(again.uid, getuid());
	(void)close(c);
	finish(&f);
	/* nobody listens any more: the file is replaced */
	assert_int_equal(net_listen(&at, NULL, &fd, NULL), ERR_OK);
	(void)close(fd);
	(void)unlink(path);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(net_listen(&at, NULL, &other, NULL), ERR_EXISTS);
	(void)close(fd);
	(void)unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_written),
		cmocka_unit_test(a_tcp_peer_is_accepted_with_its_address),
		cmocka_unit_test(two_gates_share_a_port),
		cmocka_unit_test(a_unix_peer_is_known_by_its_credentials),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
