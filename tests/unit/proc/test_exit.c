/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exit role for real, in its jail, with a resolver that answers from a script: what it
 * dials, what it refuses, and how often it asks.
 */
#include "tests/test.h"

#include "base/log.h"
#include "egress/ip.h"
#include "ipc/frame.h"
#include "ipc/messages.h"
#include "ipc/relay.h"
#include "proc/resolver.h"
#include "proc/role.h"
#include "sys/fd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the scripted resolver: proc/resolver.h, in the role's own process ---- */

enum { SCRIPT_MAX = 3 };

/* Each question takes the next line of a name's script: a name that changes its mind. */
static struct script {
	const char *name;
	const char *answers[SCRIPT_MAX][2];
	unsigned asked;
} scripts[] = {
	{"inside.test", {{"127.0.0.2"}}, 0},
	{"mixed.test", {{"127.0.0.1", "127.0.0.2"}}, 0},
	{"open.test", {{"127.0.0.1"}, {"127.0.0.2"}}, 0},
	{"metadata.test", {{"169.254.169.254"}}, 0},
	{"mapped.test", {{"::ffff:127.0.0.2"}}, 0},
	{"translated.test", {{"64:ff9b::7f00:2"}}, 0},
	{"nothing.test", {{NULL}}, 0},
};

static struct loop_hook answer_later;
static struct resolver *resolver;
static uint64_t asked_token;
static uint16_t asked_port;
static struct script *asked_script;

static void on_answer_later(struct loop_hook *h)
{
	struct net_addr addrs[2];
	unsigned n = 0;

	(void)h;
	for (unsigned i = 0; i < 2; i++) {
		const char *text = asked_script->answers[asked_script->asked][i];
		struct net_addr a = {.port = asked_port};

		if (!text) {
			break;
		}
		a.kind = strchr(text, ':') ? NET_ADDR_IP6 : NET_ADDR_IP4;
		if (inet_pton(a.kind == NET_ADDR_IP6 ? AF_INET6 : AF_INET, text, a.ip) == 1) {
			addrs[n++] = a;
		}
	}
	asked_script->asked++;
	resolver->on_answer(resolver, asked_token, addrs, n);
}

enum err_code resolver_start(struct resolver *r, struct err *err)
{
	(void)err;
	resolver = r;
	answer_later.on_turn_end = on_answer_later;
	return ERR_OK;
}

enum err_code resolver_watch(struct resolver *r, struct loop *loop, struct err *err)
{
	(void)err;
	r->loop = loop;
	return ERR_OK;
}

enum err_code resolver_ask(struct resolver *r, uint64_t asker, uint64_t token, struct str host,
			   uint16_t port, struct err *err)
{
	assert_int_equal(asker, 17);
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		if (str_eq(str_from_c(scripts[i].name), host)) {
			asked_token = token;
			asked_port = port;
			asked_script = &scripts[i];
			loop_defer(r->loop, &answer_later);
			return ERR_OK;
		}
	}
	return ERR(err, ERR_NOT_FOUND, "the script has no such name");
}

void resolver_forget(struct resolver *r, uint64_t token)
{
	(void)r;
	(void)token;
}

/* ---- role.c knows every role; only the exit is here ---- */

int gate_main(struct role_boot *boot)
{
	(void)boot;
	return 2;
}

int connector_main(struct role_boot *boot)
{
	(void)boot;
	return 2;
}

int relay_main(struct role_boot *boot)
{
	(void)boot;
	return 2;
}

int scribe_main(struct role_boot *boot)
{
	(void)boot;
	return 2;
}

int runner_main(struct role_boot *boot)
{
	(void)boot;
	return 2;
}

int loader_main(const char *path)
{
	(void)path;
	return 2;
}

/* ---- the scene ---- */

static const char config_text[] =
	"{\"version\":1,\"listen\":[{\"address\":\"127.0.0.1:8700\",\"kind\":\"proxy\"}],"
	"\"egress\":{\"hosts\":{\"known.test\":[\"127.0.0.2\"]},"
	"\"allow_addresses\":[\"127.0.0.1\",\"169.254.0.0/16\"]},"
	"\"credentials\":{\"near\":{\"url\":\"http://127.0.0.1:%u/api/\",\"secret_file\":\"/s\"}}}";

#define SECRET "sk-very-secret-1"

static pid_t pid;
static struct chan control, gate;
static int listener;
static uint16_t port;
static uint64_t next_token;
static int kept_fd = -1; /* of the last that was dialled */

static int listen_at(uint32_t address, uint16_t *ret_port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
	socklen_t n = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
	*ret_port = ntohs(sa.sin_port);
	return fd;
}

static int begin(void **state)
{
	int control_ends[2], gate_ends[2];
	struct err err;

	(void)state;
	listener = listen_at(INADDR_LOOPBACK, &port);
	assert_int_equal(chan_pair(control_ends, &err), ERR_OK);
	assert_int_equal(chan_pair(gate_ends, &err), ERR_OK);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct role_boot boot = {.role = ROLE_EXIT,
					 .bundle_fd = -1,
					 .directory_fd = -1,
					 .key_fd = -1,
					 .n_secrets = 1};
		char config[sizeof(config_text) + 8];

		(void)close(control_ends[0]);
		(void)close(gate_ends[0]);
		chan_init(&boot.control, control_ends[1], 1 << 16);
		boot.channels[boot.n_channels++] =
			(struct role_channel){.peer = ROLE_GATE, .fd = gate_ends[1]};
		(void)snprintf(config, sizeof(config), config_text, port);
		(void)snprintf(boot.secrets[0].file, sizeof(boot.secrets[0].file), "/s");
		if (fd_memfd("config", str_from_c(config), &boot.config_fd, NULL) ||
		    fd_memfd("secret", STR(SECRET "\n"), &boot.secrets[0].fd, NULL)) {
			_exit(98);
		}
		log_setup("exit.0", LOG_ERROR);
		_exit(exit_main(&boot));
	}
	(void)close(control_ends[1]);
	(void)close(gate_ends[1]);
	chan_init(&control, control_ends[0], 1 << 16);
	chan_init(&gate, gate_ends[0], 1 << 16);
	return 0;
}

static int finish(void **state)
{
	int status = 0;

	(void)state;
	chan_done(&control); /* without its supervisor a role ends */
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	chan_done(&gate);
	(void)close(listener);
	if (kept_fd >= 0) {
		(void)close(kept_fd);
		kept_fd = -1;
	}
	return 0;
}

static void ask_for(const char *host, uint32_t at, uint8_t flags)
{
	struct frame_writer w;
	char out[512];
	struct err err;

	frame_begin(&w, out, sizeof(out), IPC_DIAL_HOST);
	frame_put_u64(&w, ++next_token);
	frame_put_str(&w, str_from_c(host));
	frame_put_u32(&w, at);
	frame_put_u8(&w, flags);
	frame_put_u64(&w, 17);
	assert_int_equal(chan_send(&gate, frame_bytes(&w), NULL, 0, &err), ERR_OK);
}

static void ask(const char *host, uint32_t at)
{
	ask_for(host, at, 0);
}

enum { WAS_DIALLED = -1 };

/* WAS_DIALLED, or why not (enum ipc_not_dialed). */
static int answered(void)
{
	struct pollfd p = {.fd = gate.fd, .events = POLLIN};
	int fds[CHAN_MAX_FDS];
	unsigned n_fds = 0;
	struct frame_reader r;
	struct str frame;
	char in[1024];
	struct err err;
	uint8_t type;
	int why;

	assert_int_equal(poll(&p, 1, 20000), 1);
	assert_int_equal(chan_recv(&gate, in, sizeof(in), &frame, fds, &n_fds, &err), ERR_OK);
	type = frame_open(&r, frame);
	assert_int_equal(frame_get_u64(&r), next_token);
	if (type == IPC_DIALED) {
		assert_int_equal(n_fds, 1);
		if (kept_fd >= 0) {
			(void)close(kept_fd);
		}
		kept_fd = fds[0];
		return WAS_DIALLED;
	}
	assert_int_equal(type, IPC_NOT_DIALED);
	(void)frame_get_str(&r);
	why = frame_get_u8(&r);
	assert_true(frame_ok(&r));
	return why;
}

static int dial(const char *host)
{
	ask(host, port);
	return answered();
}

static void an_address_that_is_open_is_dialled(void **state)
{
	(void)state;
	assert_int_equal(dial("127.0.0.1"), WAS_DIALLED);
	assert_int_equal(dial("localhost"), WAS_DIALLED);
	assert_int_equal(dial("open.test"), WAS_DIALLED);
}

static void special_addresses_are_refused_in_every_form(void **state)
{
	static const char *const special[] = {
		"127.0.0.2",
		"::1",
		"169.254.169.254",
		"10.0.0.1",
		"192.168.1.1",
		"172.16.0.1",
		"100.64.0.1",
		"100.100.100.200",
		"0.0.0.0",
		"::",
		"255.255.255.255",
		"224.0.0.1",
		"fe80::1",
		"fc00::1",
		"ff02::1",
		"::ffff:127.0.0.2",
		"::ffff:10.0.0.1",
		"64:ff9b::7f00:2",
		"64:ff9b::a9fe:a9fe",
		"2002:7f00:1::",
		"2001:0:7f00:1::",
		"::7f00:1",
		"fd00:ec2::254",
		"168.63.129.16",
		"192.0.0.192",
		"198.18.0.1",
		"240.0.0.1",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(special); i++) {
		char canonical[INET6_ADDRSTRLEN];
		struct in6_addr v6;

		/* As egress/host.h writes it. */
		if (inet_pton(AF_INET6, special[i], &v6) == 1) {
			struct egress_ip ip = {.v6 = true};
			struct buf out;

			memcpy(ip.bytes, &v6, 16);
			buf_init(&out, sizeof(canonical));
			egress_ip_write(&out, &ip);
			(void)snprintf(canonical, sizeof(canonical), STR_FMT,
				       STR_ARG(buf_str(&out)));
			buf_done(&out);
		} else {
			(void)snprintf(canonical, sizeof(canonical), "%s", special[i]);
		}
		if (dial(canonical) != IPC_DIAL_FORBIDDEN) {
			fail_msg("%s was not refused", special[i]);
		}
	}
}

static void names_of_special_addresses_are_refused(void **state)
{
	(void)state;
	assert_int_equal(dial("inside.test"), IPC_DIAL_FORBIDDEN);
	assert_int_equal(dial("metadata.test"), IPC_DIAL_FORBIDDEN); /* its range is open, it not */
	assert_int_equal(dial("mapped.test"), IPC_DIAL_FORBIDDEN);
	assert_int_equal(dial("translated.test"), IPC_DIAL_FORBIDDEN);
}

static void a_name_with_one_forbidden_address_is_refused_whole(void **state)
{
	(void)state;
	assert_int_equal(dial("mixed.test"), IPC_DIAL_FORBIDDEN);
}

/* EXIT-2. The second answer of open.test is forbidden: had it been asked twice for one dial, the first would fail. */
static void what_was_judged_is_what_is_dialled(void **state)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	socklen_t n = sizeof(sa);
	int fd;

	(void)state;
	assert_int_equal(dial("open.test"), WAS_DIALLED);
	fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
	assert_int_equal(sa.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	(void)close(fd);
	assert_int_equal(dial("open.test"), IPC_DIAL_FORBIDDEN);
}

static void a_name_without_an_address_is_told_so(void **state)
{
	(void)state;
	assert_int_equal(dial("nothing.test"), IPC_DIAL_NO_NAME);
}

static void a_refused_connection_fails_at_once(void **state)
{
	uint16_t closed;
	int fd = listen_at(INADDR_LOOPBACK, &closed);

	(void)state;
	(void)close(fd);
	ask("127.0.0.1", closed);
	assert_int_equal(answered(), IPC_DIAL_UNREACHABLE);
}

static void a_host_of_the_configuration_is_not_looked_up(void **state)
{
	(void)state;
	/* The script does not know it, and nobody listens there: it was dialled all the same. */
	assert_int_equal(dial("known.test"), IPC_DIAL_UNREACHABLE);
}

/* What the role told its supervisor: the gate that is to be ended. */
static void was_accused(void)
{
	struct pollfd p = {.fd = control.fd, .events = POLLIN};
	int fds[CHAN_MAX_FDS];
	unsigned n_fds = 0;
	struct frame_reader r;
	struct str frame = STR("");
	char in[ROLE_FRAME_MAX];
	uint8_t type = IPC_NONE;
	struct err err;

	while (type != IPC_MISUSE) { /* READY comes before */
		assert_int_equal(poll(&p, 1, 20000), 1);
		assert_int_equal(chan_recv(&control, in, sizeof(in), &frame, fds, &n_fds, &err),
				 ERR_OK);
		type = frame_open(&r, frame);
	}
	assert_int_equal(frame_get_u8(&r), ROLE_GATE);
	assert_int_equal(frame_get_u32(&r), 0);
	assert_true(frame_ok(&r));
	p.fd = gate.fd;
	assert_int_equal(poll(&p, 1, 20000), 1);
	assert_int_equal(chan_recv(&gate, in, sizeof(in), &frame, fds, &n_fds, &err), ERR_CLOSED);
}

/* ROLE-2 */
static void a_gate_that_asks_what_it_may_not_is_dropped_and_told_of(void **state)
{
	static const char *const bad[] = {"LOCALHOST", "127.1", "0x7f.1", "localhost.",
					  "",          "[::1]", "a b",    "::ffff:7f00:1%lo"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad) + 2; i++) {
		if (i) {
			(void)finish(state);
			(void)begin(state);
		}
		if (i < ARRAY_LEN(bad)) {
			ask(bad[i], port);
		} else {
			ask("127.0.0.1", i == ARRAY_LEN(bad) ? 0 : 65536);
		}
		was_accused();
	}
}

/* ---- relayed connections ---- */

static int upstream;

static void relay_begin(void)
{
	ask_for("127.0.0.1", port, IPC_HOST_RELAY);
	assert_int_equal(answered(), WAS_DIALLED);
	upstream = accept(listener, NULL, NULL);
	assert_true(upstream >= 0);
	assert_int_equal(fcntl(kept_fd, F_SETFL, 0), 0); /* blocking: the other side is a process */
}

static void relay_piece(enum relay_kind kind, const char *text)
{
	struct buf out;

	buf_init(&out, 8192);
	relay_frame(&out, kind, (uint32_t)strlen(text));
	buf_append(&out, str_from_c(text));
	assert_int_equal(write(kept_fd, buf_str(&out).p, buf_len(&out)), buf_len(&out));
	buf_done(&out);
}

/* Until so many bytes have come, or the end. */
static struct str reads(int fd, size_t want)
{
	static char in[4096];
	size_t n = 0;
	ssize_t got;

	while (n < want && (got = read(fd, in + n, want - n)) > 0) {
		n += (size_t)got;
	}
	return str_make(in, n);
}

static void assert_arrives(int fd, const char *text)
{
	assert_str_equal(reads(fd, strlen(text)), str_from_c(text));
}

static void head(const char *target, const char *field)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s\r\n",
		       target, port, field);
	relay_piece(RELAY_HEAD, text);
}

/* CRED-2 */
static void a_placeholder_becomes_the_secret_where_it_belongs(void **state)
{
	char want[512];

	(void)state;
	relay_begin();
	head("/api/x", "Authorization: Bearer writ-credential-near");
	(void)snprintf(want, sizeof(want),
		       "GET /api/x HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer " SECRET
		       "\r\n\r\n",
		       port);
	assert_arrives(upstream, want);
	(void)close(upstream);
}

static void a_placeholder_where_it_does_not_belong_ends_the_connection(void **state)
{
	static const char *const bad[][2] = {
		{"/other", "Authorization: Bearer writ-credential-near"},
		{"/api", "Authorization: Bearer writ-credential-near"},
		{"/api/x", "X-Other: writ-credential-near"},
		{"/api/x", "Authorization: Bearer writ-credential-far"},
		{"/api/x", "Authorization: Bearer writ-credential-near2"},
		{"/api/x?k=writ-credential-near", "X: y"},
		{"/other", "Authorization: Basic eDp3cml0LWNyZWRlbnRpYWwtbmVhcg=="},
		{"/api/x", "Host: elsewhere"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		relay_begin();
		head(bad[i][0], bad[i][1]);
		assert_int_equal(reads(upstream, 1).n, 0);
		assert_int_equal(reads(kept_fd, 1).n, 0);
		(void)close(upstream);
	}
}

static void say_upstream(const char *text)
{
	assert_int_equal(write(upstream, text, strlen(text)), strlen(text));
}

/* CRED-3, in a header, cut into chunks of the coding and of the network, and as Basic carries it. */
static void an_echoed_secret_is_overwritten(void **state)
{
	(void)state;
	relay_begin();
	head("/api/x", "Authorization: Basic eDp3cml0LWNyZWRlbnRpYWwtbmVhcg==");
	(void)reads(upstream, 20);
	say_upstream("HTTP/1.1 200 OK\r\nX-Echo: " SECRET "\r\nTransfer-Encoding: chunked\r\n\r\n");
	assert_arrives(kept_fd, "HTTP/1.1 200 OK\r\nX-Echo: ****************\r\n"
				"Transfer-Encoding: chunked\r\n\r\n");
	say_upstream("8\r\nA sk-ver\r\n3\r\ny-s\r\n");
	assert_arrives(kept_fd, "8\r\nA ");
	say_upstream("9\r\necret-1 B\r\n");
	assert_arrives(kept_fd, "******\r\n3\r\n***\r\n9\r\n******* B\r\n");
	/* base64 of x:SECRET */
	say_upstream("18\r\neDpzay12ZXJ5LXNlY3JldC0x\r\n0\r\n\r\n");
	assert_arrives(kept_fd, "18\r\n************************\r\n0\r\n\r\n");
	(void)close(upstream);
}

static void what_cannot_be_looked_into_is_not_given_on(void **state)
{
	static const char *const bad[] = {
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
		"nonsense\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		relay_begin();
		head("/api/x", "X: y");
		(void)reads(upstream, 20);
		say_upstream(bad[i]);
		assert_int_equal(reads(kept_fd, 1).n, 0);
		(void)close(upstream);
	}
}

static void more_body_than_announced_ends_the_connection(void **state)
{
	(void)state;
	relay_begin();
	head("/api/x", "Content-Length: 3");
	relay_piece(RELAY_BODY, "abcd");
	assert_int_equal(reads(kept_fd, 1).n, 0);
	(void)close(upstream);
}

static void a_second_head_within_a_body_ends_the_connection(void **state)
{
	(void)state;
	relay_begin();
	head("/api/x", "Content-Length: 3");
	head("/api/x", "Authorization: writ-credential-near");
	assert_int_equal(reads(kept_fd, 1).n, 0);
	(void)close(upstream);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, begin, finish)
	const struct CMUnitTest tests[] = {
		T(an_address_that_is_open_is_dialled),
		T(special_addresses_are_refused_in_every_form),
		T(names_of_special_addresses_are_refused),
		T(a_name_with_one_forbidden_address_is_refused_whole),
		T(what_was_judged_is_what_is_dialled),
		T(a_name_without_an_address_is_told_so),
		T(a_refused_connection_fails_at_once),
		T(a_host_of_the_configuration_is_not_looked_up),
		T(a_gate_that_asks_what_it_may_not_is_dropped_and_told_of),
		T(a_placeholder_becomes_the_secret_where_it_belongs),
		T(a_placeholder_where_it_does_not_belong_ends_the_connection),
		T(an_echoed_secret_is_overwritten),
		T(what_cannot_be_looked_into_is_not_given_on),
		T(more_body_than_announced_ends_the_connection),
		T(a_second_head_within_a_body_ends_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
