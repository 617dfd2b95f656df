/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The children that are started here are this program again: called with --role it
 * boots like a role and tells what it was handed.
 */
#include "tests/test.h"

#include "base/buf.h"
#include "base/clock.h"
#include "ipc/frame.h"
#include "ipc/messages.h"
#include "proc/children.h"
#include "proc/zones.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char self[] = "writ";
static struct children children;
static struct handout handout;
static struct role_secret secrets[6];
static struct zones zones;
static struct role_listener listeners[4];

/* ---- the child ---- */

static void put_fd(struct buf *b, const char *what, int fd)
{
	char bytes[32];
	ssize_t n = fd < 0 ? -1 : pread(fd, bytes, sizeof(bytes), 0);

	if (fd >= 0) {
		buf_printf(b, " %s=%.*s", what, n < 0 ? 0 : (int)n, bytes);
	}
}

static int child_main(const char *role)
{
	struct role_boot boot = {
		.config_fd = -1, .bundle_fd = -1, .directory_fd = -1, .key_fd = -1};
	struct frame_writer w;
	struct err err;
	char out[1024];
	struct buf b;

	chan_init(&boot.control, ROLE_CONTROL_FD, 1 << 16);
	if (role_boot_receive(&boot, &err)) {
		return 2;
	}
	buf_init(&b, 900);
	buf_append(&b, str_from_c(role));
	put_fd(&b, "config", boot.config_fd);
	put_fd(&b, "bundle", boot.bundle_fd);
	put_fd(&b, "dir", boot.directory_fd);
	put_fd(&b, "key", boot.key_fd);
	for (unsigned i = 0; i < boot.n_secrets; i++) {
		put_fd(&b, boot.secrets[i].file, boot.secrets[i].fd);
	}
	for (unsigned i = 0; i < boot.n_listeners; i++) {
		buf_printf(&b, " listener%u", boot.listeners[i].index);
		put_fd(&b, "at", boot.listeners[i].fd);
	}
	for (unsigned i = 0; i < boot.n_channels; i++) {
		buf_printf(&b, " to-%s.%u", role_name(boot.channels[i].peer),
			   boot.channels[i].index);
	}
	buf_append(&b, boot.resolve ? STR(" resolve") : STR(""));
	if (boot.gates == 0) {
		buf_append(&b, STR(" of no gate"));
	}
	buf_append(&b, boot.again ? STR(" again") : STR(""));
	frame_begin(&w, out, sizeof(out), IPC_RELOADED);
	frame_put_str(&w, buf_str(&b));
	if (chan_send(&boot.control, frame_bytes(&w), NULL, 0, &err)) {
		return 2;
	}
	(void)pause(); /* until it is killed */
	return 0;
}

/* ---- the supervisor ---- */

static int holding(const char *text)
{
	struct err err;
	int fd;

	assert_int_equal(fd_memfd("test", str_from_c(text), &fd, &err), ERR_OK);
	return fd;
}

static int begin(void **state)
{
	static const enum role readers[] = {ROLE_CONNECTOR, ROLE_RUNNER, ROLE_GATE,
					    ROLE_RELAY,     ROLE_RELAY,  ROLE_RELAY};
	static const char *const files[] = {"/c", "/r", "/g", "/a", "/b", "/k"};
	static const uint64_t whose[] = {0, 0, 0, 1, 2, UINT64_MAX};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(secrets); i++) {
		secrets[i] = (struct role_secret){
			.reader = readers[i], .fd = holding("S"), .zones = whose[i]};
		memcpy(secrets[i].file, files[i], 3);
	}
	for (unsigned i = 0; i < 4; i++) { /* two gates, two listeners each */
		char text[] = {(char)('0' + i), '\0'};

		listeners[i] = (struct role_listener){.index = i % 2, .fd = holding(text)};
	}
	zones = (struct zones){
		.items = {{.name = "home", .config_fd = holding("at home")},
			  {.name = "away", .config_fd = holding("away"), .tls = true}},
		.n = 2};
	children_init(&children, self, 2);
	handout = (struct handout){.config_fd = holding("full"),
				   .connector_fd = holding("places"),
				   .zones = &zones,
				   .gate_config_fd = holding("part"),
				   .bundle_fd = holding("rules"),
				   .log_dir_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
				   .key_fd = holding("K"),
				   .secrets = secrets,
				   .n_secrets = ARRAY_LEN(secrets),
				   .listeners = listeners,
				   .n_listen = 2,
				   .resolve = true};
	return 0;
}

static void kill_child(struct child *c)
{
	if (c->process.pidfd >= 0) {
		assert_int_equal(kill(c->process.pid, SIGKILL), 0);
		assert_int_equal(waitpid(c->process.pid, NULL, 0), c->process.pid);
		children_ended(c, clock_mono());
	}
}

static int finish(void **state)
{
	(void)state;
	for (unsigned i = 0; i < children.n; i++) {
		kill_child(&children.slots[i]);
	}
	for (unsigned i = 0; i < ARRAY_LEN(secrets); i++) {
		fd_close(&secrets[i].fd);
	}
	zones_done(&zones);
	fd_close(&handout.connector_fd);
	for (unsigned i = 0; i < 4; i++) {
		fd_close(&listeners[i].fd);
	}
	fd_close(&handout.config_fd);
	fd_close(&handout.gate_config_fd);
	fd_close(&handout.bundle_fd);
	fd_close(&handout.log_dir_fd);
	fd_close(&handout.key_fd);
	return 0;
}

static struct child *start(enum role role, unsigned index)
{
	struct child *c = children_find(&children, role, index);
	struct err err;

	assert_non_null(c);
	if (children_start(&children, c, &handout, &err)) {
		fail_msg("%s", err.msg);
	}
	assert_int_equal(c->state, CHILD_STARTING);
	return c;
}

static void assert_was_handed(struct child *c, const char *want)
{
	struct pollfd p = {.fd = c->control.fd, .events = POLLIN};
	int fds[CHAN_MAX_FDS];
	unsigned n_fds = 0;
	struct frame_reader r;
	struct str frame;
	char in[2048];
	struct err err;

	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(chan_recv(&c->control, in, sizeof(in), &frame, fds, &n_fds, &err), ERR_OK);
	assert_int_equal(frame_open(&r, frame), IPC_RELOADED);
	assert_str_equal(frame_get_str(&r), str_from_c(want));
}

static void each_role_is_handed_its_own_and_nothing_else(void **state)
{
	(void)state;
	assert_was_handed(start(ROLE_SCRIBE, 0), "scribe config=full dir= key=K resolve");
	assert_was_handed(start(ROLE_CONNECTOR, 0), "connector config=places /c=S resolve");
	assert_was_handed(start(ROLE_RUNNER, 0), "runner config=full /r=S resolve");
	assert_true(children_find(&children, ROLE_EXIT, 0)->off); /* until a listener needs it */
	assert_was_handed(start(ROLE_EXIT, 0), "exit config=full resolve");
	handout.resolve = false;
	assert_was_handed(start(ROLE_GATE, 0),
			  "gate config=part bundle=rules /g=S listener0 at=0 listener1 at=1 "
			  "to-scribe.0 to-connector.0 to-runner.0 to-exit.0");
	assert_was_handed(start(ROLE_GATE, 1),
			  "gate config=part bundle=rules /g=S listener0 at=2 listener1 at=3 "
			  "to-scribe.0 to-connector.0 to-runner.0 to-exit.0 to-gate.0");
}

/* RELAY-2: neither another zone's files, nor what is known of it, nor a channel to its relay. */
static void a_relay_is_handed_its_own_zone_and_nothing_else(void **state)
{
	struct child *home = children_add_relay(&children, "home");
	struct child *away = children_add_relay(&children, "away");

	(void)state;
	handout.resolve = false;
	assert_was_handed(start(ROLE_RELAY, home->index), "relay config=at home /a=S /k=S");
	assert_was_handed(start(ROLE_SCRIBE, 0), "scribe config=full dir= key=K");
	assert_was_handed(start(ROLE_CONNECTOR, 0), "connector config=places /c=S to-relay.0");
	assert_was_handed(start(ROLE_GATE, 0),
			  "gate config=part bundle=rules /g=S listener0 at=0 listener1 at=1 "
			  "to-scribe.0 to-connector.0 to-relay.0");
	assert_was_handed(start(ROLE_RELAY, away->index),
			  "relay config=away /b=S /k=S to-connector.0 to-gate.0");
	assert_false(home->tls);
	assert_true(away->tls);
}

static void a_slot_of_a_relay_that_has_ended_is_used_again(void **state)
{
	struct child *home = children_add_relay(&children, "home");
	unsigned n = children.n;

	(void)state;
	home->off = true;
	home->state = CHILD_DRAINING; /* it still serves somebody */
	assert_ptr_not_equal(children_add_relay(&children, "away"), home);
	assert_int_equal(children.n, n + 1);
	home->state = CHILD_ABSENT;
	assert_ptr_equal(children_add_relay(&children, "there"), home);
	assert_string_equal(home->zone, "there");
	assert_false(home->off);
	while (children.n < CHILDREN_MAX) {
		assert_non_null(children_add_relay(&children, "more"));
	}
	assert_null(children_add_relay(&children, "too many"));
	handout.zones = &(struct zones){0};
	{
		struct err err; /* its zone is gone: it does not start */

		assert_int_equal(child_tell_config(home, &handout, &err), ERR_NOT_FOUND);
	}
}

static void a_successor_is_connected_to_those_that_live(void **state)
{
	struct child *scribe, *gate;

	(void)state;
	scribe = start(ROLE_SCRIBE, 0);
	assert_was_handed(scribe, "scribe config=full dir= key=K resolve");
	gate = start(ROLE_GATE, 1);
	assert_was_handed(gate, "gate config=part bundle=rules /g=S listener0 at=2 listener1 at=3 "
				"to-scribe.0 resolve");
	kill_child(scribe);
	assert_int_equal(scribe->state, CHILD_ABSENT);
	scribe = start(ROLE_SCRIBE, 0);
	assert_was_handed(scribe, "scribe config=full dir= key=K to-gate.1 resolve");
	gate->served = true; /* as the supervisor notes */
	kill_child(gate);
	gate = start(ROLE_GATE, 1);
	assert_was_handed(gate, "gate config=part bundle=rules /g=S listener0 at=2 listener1 at=3 "
				"to-scribe.0 resolve again");
}

static void slots_are_one_for_each_role_and_gate(void **state)
{
	struct children c;

	(void)state;
	children_init(&c, self, CHILDREN_MAX_GATES);
	assert_int_equal(c.n, CHILDREN_MAX_GATES + 4);
	assert_true(c.n <= CHILDREN_MAX);
	assert_non_null(children_find(&c, ROLE_SCRIBE, 0));
	assert_non_null(children_find(&c, ROLE_GATE, CHILDREN_MAX_GATES - 1));
	assert_null(children_find(&c, ROLE_GATE, CHILDREN_MAX_GATES));
	assert_null(children_find(&c, ROLE_SCRIBE, 1));
	assert_null(children_find(&c, ROLE_LOADER, 0));
	for (unsigned i = 0; i < c.n; i++) {
		assert_int_equal(c.slots[i].state, CHILD_ABSENT);
		assert_int_equal(c.slots[i].process.pidfd, -1);
	}
}

static void a_process_started_ahead_is_used_or_ended(void **state)
{
	struct child *gate = children_find(&children, ROLE_GATE, 0);
	struct child *surplus = children_find(&children, ROLE_GATE, 1);
	struct err err;
	pid_t pid, ahead;

	(void)state;
	assert_int_equal(children_spawn(&children, gate, &err), ERR_OK);
	assert_int_equal(children_spawn(&children, surplus, &err), ERR_OK);
	assert_int_equal(gate->state, CHILD_SPAWNED);
	ahead = gate->process.pid;
	pid = surplus->process.pid;
	children_set_gates(&children, 1);
	assert_null(children_find(&children, ROLE_GATE, 1));
	assert_int_equal(kill(pid, 0), -1); /* no zombie either */
	assert_was_handed(start(ROLE_GATE, 0),
			  "gate config=part bundle=rules /g=S listener0 at=0 listener1 at=1 "
			  "resolve");
	assert_int_equal(gate->process.pid, ahead);
	children_set_gates(&children, 2);
	assert_non_null(children_find(&children, ROLE_GATE, 1));
	assert_int_equal(children.n, 6);
}

static void a_child_that_dies_again_and_again_waits_longer(void **state)
{
	struct child c = {.process.pidfd = -1, .control.fd = -1};
	uint64_t now = 1000 * CLOCK_SEC, last = 0;
	bool waited = false;

	(void)state;
	for (int i = 0; i < 40; i++) {
		c.started_at = now;
		c.state = CHILD_SERVING;
		children_ended(&c, now + CLOCK_MS);
		assert_int_equal(c.state, CHILD_ABSENT);
		assert_true(c.restart_at >= now);
		if (i < 3) {
			assert_true(c.restart_at <= now + CLOCK_MS); /* at once */
		}
		assert_true(c.restart_at - now >= last); /* never less than before */
		last = c.restart_at - now;
		waited = waited || last > CLOCK_SEC;
		assert_true(last <= 60 * CLOCK_SEC);
		now = c.restart_at;
	}
	assert_true(waited);
	c.started_at = now; /* one long life makes it good */
	children_ended(&c, now + 5 * CLOCK_SEC);
	assert_true(c.restart_at <= now + 5 * CLOCK_SEC);
}

static void telling_a_child_that_is_gone_fails_and_leaks_nothing(void **state)
{
	struct child c = {.role = ROLE_CONNECTOR, .process.pidfd = -1};
	struct err err;
	int before, after;

	(void)state;
	chan_init(&c.control, -1, 1 << 16);
	before = dup(0);
	close(before);
	assert_int_equal(child_tell(&c, IPC_CONFIG, handout.config_fd, &err), ERR_CLOSED);
	assert_int_equal(child_tell_config(&c, &handout, &err), ERR_CLOSED);
	after = dup(0);
	close(after);
	assert_int_equal(before, after);
	assert_true(fcntl(handout.config_fd, F_GETFD) >= 0); /* it stays ours */
}

int main(int argc, char **argv)
{
#define T(t) cmocka_unit_test_setup_teardown(t, begin, finish)
	const struct CMUnitTest tests[] = {
		T(each_role_is_handed_its_own_and_nothing_else),
		T(a_relay_is_handed_its_own_zone_and_nothing_else),
		T(a_slot_of_a_relay_that_has_ended_is_used_again),
		T(a_successor_is_connected_to_those_that_live),
		T(a_process_started_ahead_is_used_or_ended),
		cmocka_unit_test(slots_are_one_for_each_role_and_gate),
		cmocka_unit_test(a_child_that_dies_again_and_again_waits_longer),
		T(telling_a_child_that_is_gone_fails_and_leaks_nothing),
	};

	if (argc >= 4 && strcmp(argv[1], "--role") == 0) {
		return child_main(argv[2]);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
