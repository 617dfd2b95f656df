/* SPDX-License-Identifier: Apache-2.0 */
/* What sandboxes of agents have besides: reins, listeners, a terminal, places that are kept back. */
#include "tests/unit/sandbox/stage.h"

#include "sys/reins.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <termios.h>

enum { PORT = 8700 };

/* A started sandbox and what is held of it. */
struct held {
	struct sandbox_child child;
	struct sandbox_given given;
	int reins, out;
};

static void script(struct stage *s, const char *text)
{
	stage_init(s, "unused");
	s->argv[0] = STR("/bin/sh");
	s->argv[1] = STR("-c");
	s->argv[2] = str_from_c(text);
	s->spec.profile = PROFILE_SHELL;
	s->spec.loopback = true;
	s->spec.terminal = true;
}

static int hold(struct stage *s, struct held *h, bool terminal)
{
	struct sandbox_kernel kernel = sandbox_probe();
	struct plan_machine machine;
	struct err err = {0};
	int ends[2], out[2];
	struct sandbox_fds fds;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0 ||
	    pipe2(out, O_CLOEXEC) < 0) {
		return NO_START;
	}
	fds = (struct sandbox_fds){.in = terminal ? SANDBOX_FD_TERMINAL : SANDBOX_FD_NULL,
				   .out = terminal ? SANDBOX_FD_TERMINAL : out[1],
				   .errors = 2,
				   .reins = ends[1]};
	if (sandbox_look(&s->a, &s->spec, &kernel, &machine, &err) ||
	    plan_build(&s->a, &s->spec, &machine, &s->plan, &err) ||
	    sandbox_start_given(&s->plan, &fds, &h->child, &h->given, &err)) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return NO_START;
	}
	(void)close(ends[1]);
	(void)close(out[1]);
	h->reins = ends[0];
	h->out = out[0];
	return FINE;
}

static int end_of(const struct held *h)
{
	siginfo_t info = {0};

	(void)waitid(P_PIDFD, (id_t)h->child.pidfd, &info, WEXITED);
	return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

/* Bytes that arrive within `ms`. */
static size_t arrives(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char bytes[4096];
	size_t n = 0;

	while (poll(&p, 1, ms) > 0) {
		ssize_t k = read(fd, bytes, sizeof(bytes));

		if (k <= 0) {
			break;
		}
		n += (size_t)k;
		ms = ms > 20 ? ms - 20 : 0;
	}
	return n;
}

static bool order(const struct held *h, char what)
{
	struct pollfd p = {.fd = h->reins, .events = POLLIN};
	char answer = 0;

	return send(h->reins, &what, 1, MSG_NOSIGNAL) == 1 && poll(&p, 1, 5000) == 1 &&
	       recv(h->reins, &answer, 1, 0) == 1 && answer == what;
}

static void drain(int fd)
{
	while (arrives(fd, 50)) {
	}
}

static int freeze_and_thaw(void *arg)
{
	struct held h;

	if (hold(arg, &h, false) != FINE) {
		return NO_START;
	}
	if (!arrives(h.out, 5000)) {
		return 1;
	}
	if (!order(&h, REINS_FREEZE)) {
		return 2;
	}
	drain(h.out);
	if (arrives(h.out, 300)) {
		return 3;
	}
	/* A polite signal of the starter does not wake what is frozen. */
	if (sandbox_signal(&h.child, SIGUSR1, NULL) || arrives(h.out, 200)) {
		return 4;
	}
	if (!order(&h, REINS_THAW) || !arrives(h.out, 5000)) {
		return 5;
	}
	if (!order(&h, REINS_FREEZE) || send(h.reins, "k", 1, 0) != 1) {
		return 6;
	}
	return end_of(&h) == 137 ? FINE : 7;
}

static void as_both(struct stage *s, int (*act)(void *))
{
	for (int ordinary = 0; ordinary <= (geteuid() == 0); ordinary++) {
		int status = run_as(ordinary, act, s);

		if (!WIFEXITED(status) || WEXITSTATUS(status) != FINE) {
			fail_msg("as %s: wait status %#x", ordinary ? "ordinary user" : "own user",
				 (unsigned)status);
		}
	}
}

/* Every process forks another and ends: a freeze that takes one by one would never catch up. */
static const char fork_race[] =
	"trap '' USR1; f() { while :; do (printf x) & (printf y) & wait; done; }; f & f & f";

static void reins_freeze_thaw_and_kill_also_what_forks_all_the_time(void **state)
{
	struct stage s;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	script(&s, fork_race);
	as_both(&s, freeze_and_thaw);
	arena_done(&s.a);
}

static int let_go(void *arg)
{
	struct held h;

	if (hold(arg, &h, false) != FINE || !arrives(h.out, 5000)) {
		return NO_START;
	}
	(void)close(h.reins);
	return end_of(&h) == 137 && arrives(h.out, 10) < 1 << 20 ? FINE : 1;
}

static void the_end_of_the_reins_is_the_end_of_the_sandbox(void **state)
{
	struct stage s;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	script(&s, "while :; do printf x; sleep 0.01; done");
	as_both(&s, let_go);
	arena_done(&s.a);
}

static int serve_inside(void *arg)
{
	struct sockaddr_in from;
	socklen_t n = sizeof(from);
	struct held h;
	char got[8] = {0};
	int fd;

	if (hold(arg, &h, false) != FINE) {
		return NO_START;
	}
	if (h.given.n_listeners != 1 || h.given.listeners[0].kind != 2) {
		return 1;
	}
	(void)fcntl(h.given.listeners[0].fd, F_SETFL, 0);
	fd = accept(h.given.listeners[0].fd, (struct sockaddr *)&from, &n);
	if (fd < 0 || from.sin_addr.s_addr != htonl(INADDR_LOOPBACK) ||
	    write(fd, "hello", 5) != 5 || close(fd) < 0) {
		return 2;
	}
	if (read(h.out, got, 5) != 5 || strcmp(got, "hello") != 0) {
		return 3;
	}
	return end_of(&h) == 0 ? FINE : 4;
}

static void a_listener_of_the_sandbox_is_served_from_outside(void **state)
{
	static const struct sandbox_listener listener = {.kind = 2, .port = PORT};
	struct stage s;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	script(&s, "exec 3<>/dev/tcp/127.0.0.1/8700; cat <&3");
	s.argv[0] = STR("/bin/bash");
	s.spec.listeners = &listener;
	s.spec.n_listeners = 1;
	as_both(&s, serve_inside);
	arena_done(&s.a);
}

/* The address it wanted is the connection's own, of either family. */
static int serve_every_address(void *arg)
{
	static const char *const wanted[] = {"198.51.100.7", "2001:db8::7"};
	struct held h;

	if (hold(arg, &h, false) != FINE) {
		return NO_START;
	}
	if (h.given.n_listeners != 1) {
		return 1;
	}
	(void)fcntl(h.given.listeners[0].fd, F_SETFL, 0);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		struct sockaddr_in6 at = {0};
		socklen_t n = sizeof(at);
		char text[INET6_ADDRSTRLEN];
		int fd = accept(h.given.listeners[0].fd, NULL, NULL);

		if (fd < 0 || getsockname(fd, (struct sockaddr *)&at, &n) < 0 ||
		    !inet_ntop(AF_INET6, &at.sin6_addr, text, sizeof(text)) || close(fd) < 0) {
			return 2;
		}
		if (!strstr(text, wanted[i])) {
			(void)fprintf(stderr, "%s\n", text);
			return 3;
		}
	}
	return end_of(&h) == 0 ? FINE : 4;
}

static void whatever_it_connects_to_is_its_own(void **state)
{
	static const struct sandbox_listener listener = {.kind = 2, .port = 443, .any = true};
	struct stage s;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	/* Where nobody listens it is refused at once; datagrams, too. */
	script(&s, "exec 3<>/dev/tcp/198.51.100.7/443 4<>/dev/tcp/2001:db8::7/443; "
		   "(exec 5<>/dev/tcp/198.51.100.7/444) 2>&1 | grep -q refused || exit 7; "
		   "exec 6<>/dev/udp/198.51.100.7/443; echo >&6; echo 2>&1 >&6 | grep -q refused");
	s.argv[0] = STR("/bin/bash");
	s.spec.listeners = &listener;
	s.spec.n_listeners = 1;
	s.spec.capture = true;
	as_both(&s, serve_every_address);
	arena_done(&s.a);
}

static int see_terminal(void *arg)
{
	const struct winsize size = {.ws_row = 33, .ws_col = 101};
	struct held h;
	char got[512] = {0};
	size_t n = 0;
	ssize_t k;

	if (hold(arg, &h, true) != FINE || h.given.terminal < 0) {
		return NO_START;
	}
	if (ioctl(h.given.terminal, TIOCSWINSZ, &size) < 0 ||
	    write(h.given.terminal, "go\n", 3) != 3) {
		return 1;
	}
	while (n < sizeof(got) - 1 &&
	       (k = read(h.given.terminal, got + n, sizeof(got) - 1 - n)) > 0) {
		n += (size_t)k;
	}
	if (!strstr(got, "/dev/pts/0") || !strstr(got, "33 101") || !strstr(got, "by name")) {
		(void)fprintf(stderr, "%s\n", got);
		return 2;
	}
	return end_of(&h) == 0 ? FINE : 3;
}

static void the_terminal_is_its_own_and_can_be_named(void **state)
{
	struct stage s;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	script(&s, "read go; tty; stty size; echo by name >/dev/tty");
	as_both(&s, see_terminal);
	arena_done(&s.a);
}

static void kept_and_hidden_places_stay_where_they_are(void **state)
{
	static const char *const names[] = {"a/b/kept/x", "a/b/kept", "a/b", "a/hid/y",
					    "a/hid",      "a/f",      "a"};
	char dir[] = "/tmp/writ-agent-XXXXXX", text[512], kept[64], hid[64], file[64];
	static struct str hidden[2];
	struct stage s;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0777), 0);
	for (size_t i = ARRAY_LEN(names); i-- > 0;) {
		char path[64];

		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		if (names[i][strlen(names[i]) - 1] != 'x' &&
		    names[i][strlen(names[i]) - 1] != 'y' &&
		    names[i][strlen(names[i]) - 1] != 'f') {
			assert_int_equal(mkdir(path, 0777) | chmod(path, 0777), 0);
		} else {
			make_file(dir, names[i], "secret", 0666);
		}
	}
	(void)snprintf(kept, sizeof(kept), "%s/a/b/kept", dir);
	(void)snprintf(hid, sizeof(hid), "%s/a/hid", dir);
	(void)snprintf(file, sizeof(file), "%s/a/f", dir);
	(void)snprintf(
		text, sizeof(text),
		"cd %s || exit 1; cat a/b/kept/x >/dev/null || exit 2; ls a/hid && exit 3; cat a/f "
		"&& "
		"exit 4; echo >a/b/kept/new && exit 5; mv a z && exit 6; mv a/b a/z && exit 7; mv "
		"a/b/kept a/b/z && exit 8; rm -r a/hid && exit 9; rm a/f && exit 10; chmod 777 "
		"a/hid && "
		"exit 11; echo fine >a/b/made && rm a/b/made",
		dir);
	script(&s, text);
	s.write[0] = str_from_c(dir);
	s.spec.n_write = 1;
	s.read[0] = str_from_c(kept);
	s.spec.n_read = 1;
	hidden[0] = str_from_c(hid);
	hidden[1] = str_from_c(file);
	s.spec.hidden = hidden;
	s.spec.n_hidden = 2;
	expect(&s, FINE);
	arena_done(&s.a);
	remove_tree(dir, names, ARRAY_LEN(names));
}

enum { ROOM = 4 << 20, STATUS = 7 };

/* What a plan is made of in memory that the child shares, while the child is there already. */
static int begin(struct stage *s, struct held *h, struct sandbox_plan **ret_plan,
		 struct plan_machine *machine)
{
	struct sandbox_kernel kernel = sandbox_probe();
	void *room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct sandbox_plan first;
	struct err err = {0};
	int out[2];

	if (room == MAP_FAILED || pipe2(out, O_CLOEXEC) < 0) {
		return NO_START;
	}
	arena_init_in(&s->a, room, ROOM);
	*ret_plan = ARENA_NEW(&s->a, struct sandbox_plan);
	if (!*ret_plan || sandbox_look(&s->a, &s->spec, &kernel, machine, &err) ||
	    plan_first(&s->a, &s->spec, machine, &first, &err) ||
	    sandbox_begin(&first,
			  &(struct sandbox_fds){.in = SANDBOX_FD_NULL, .out = out[1], .errors = 2},
			  &h->child, &err)) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return NO_START;
	}
	(void)close(out[1]);
	h->out = out[0];
	return FINE;
}

static int plan_later(void *arg)
{
	struct stage *s = arg;
	struct plan_machine machine;
	struct sandbox_plan *plan;
	struct pollfd p = {.events = POLLIN};
	struct err err = {0};
	uint32_t status = 0;
	char got[8] = {0};
	struct held h;

	if (begin(s, &h, &plan, &machine) != FINE) {
		return NO_START;
	}
	if (plan_build(&s->a, &s->spec, &machine, plan, &err) ||
	    sandbox_go_on(plan, &h.child, &h.given, &err)) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	p.fd = h.child.status;
	if (read(h.out, got, sizeof(got)) != 3 || strcmp(got, "ok\n") != 0) {
		return 2;
	}
	if (poll(&p, 1, 10000) != 1 || !sandbox_has_ended(&h.child, &status) || status != STATUS) {
		return 3;
	}
	/* The one that was left behind holds the pipe: it is gone before its end is told. */
	if (read(h.out, got, sizeof(got)) != 0) {
		return 4;
	}
	return end_of(&h) == STATUS ? FINE : 5;
}

static void a_sandbox_can_be_begun_before_its_plan_is_known(void **state)
{
	struct stage s;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	script(&s, "echo ok; sleep 1000 & exit 7");
	as_both(&s, plan_later);
	arena_done(&s.a);
}

static int give_up(void *arg)
{
	struct plan_machine machine;
	struct sandbox_plan *plan;
	struct held h;
	char byte;

	if (begin(arg, &h, &plan, &machine) != FINE) {
		return NO_START;
	}
	sandbox_give_up(&h.child);
	sandbox_give_up(&h.child); /* it may have failed by itself */
	return read(h.out, &byte, 1) == 0 && waitpid(-1, NULL, 0) < 0 && errno == ECHILD ? FINE : 1;
}

static void one_that_is_given_up_leaves_nothing(void **state)
{
	struct stage s;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	script(&s, "echo no");
	as_both(&s, give_up);
	arena_done(&s.a);
}

/* The starter is a child of its own here; what it began holds the pipe until it ends too. */
static int lose_starter(void *arg)
{
	struct pollfd p = {.events = POLLIN};
	int held[2], status;
	pid_t starter;
	char byte;

	if (pipe2(held, 0) < 0) {
		return NO_START;
	}
	starter = fork();
	if (starter == 0) {
		struct plan_machine machine;
		struct sandbox_plan *plan;
		struct held h;
		bool fine;

		(void)close(held[0]);
		fine = dup2(held[1], 2) == 2 && begin(arg, &h, &plan, &machine) == FINE;
		_exit(fine ? FINE : NO_START);
	}
	(void)close(held[1]);
	if (waitpid(starter, &status, 0) != starter || status != 0) {
		return NO_START;
	}
	p.fd = held[0];
	return poll(&p, 1, 10000) == 1 && read(held[0], &byte, 1) == 0 ? FINE : 1;
}

static void one_whose_starter_is_gone_ends_too(void **state)
{
	struct stage s;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	script(&s, "echo no");
	as_both(&s, lose_starter);
	arena_done(&s.a);
}

static int fail_later(void *arg)
{
	struct stage *s = arg;
	struct plan_machine machine;
	struct sandbox_plan *plan;
	struct err err = {0};
	struct held h;

	if (begin(s, &h, &plan, &machine) != FINE ||
	    plan_build(&s->a, &s->spec, &machine, plan, &err)) {
		return NO_START;
	}
	plan->ops[plan->n_ops - 1].source = STR("/nowhere");
	if (sandbox_go_on(plan, &h.child, &h.given, &err) == ERR_OK ||
	    !strstr(err.msg, "nowhere")) {
		return 1;
	}
	return waitpid(-1, NULL, 0) < 0 && errno == ECHILD ? FINE : 2;
}

static void what_fails_after_the_split_is_told_too(void **state)
{
	struct stage s;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	script(&s, "echo no");
	as_both(&s, fail_later);
	arena_done(&s.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reins_freeze_thaw_and_kill_also_what_forks_all_the_time),
		cmocka_unit_test(the_end_of_the_reins_is_the_end_of_the_sandbox),
		cmocka_unit_test(a_listener_of_the_sandbox_is_served_from_outside),
		cmocka_unit_test(whatever_it_connects_to_is_its_own),
		cmocka_unit_test(the_terminal_is_its_own_and_can_be_named),
		cmocka_unit_test(kept_and_hidden_places_stay_where_they_are),
		cmocka_unit_test(a_sandbox_can_be_begun_before_its_plan_is_known),
		cmocka_unit_test(one_that_is_given_up_leaves_nothing),
		cmocka_unit_test(one_whose_starter_is_gone_ends_too),
		cmocka_unit_test(what_fails_after_the_split_is_told_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
