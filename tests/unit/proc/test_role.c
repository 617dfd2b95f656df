/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "ipc/frame.h"
#include "ipc/messages.h"
#include "proc/children.h"
#include "proc/role.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

static struct role_boot boot;
static struct chan supervisor;

static void open_boot(void)
{
	struct err err;
	int ends[2];

	assert_int_equal(chan_pair(ends, &err), ERR_OK);
	boot = (struct role_boot){.role = ROLE_GATE,
				  .config_fd = -1,
				  .bundle_fd = -1,
				  .directory_fd = -1,
				  .key_fd = -1,
				  .runs_fd = -1};
	chan_init(&boot.control, ends[0], 1 << 16);
	chan_init(&supervisor, ends[1], 8 << 20);
}

static void close_boot(void)
{
	fd_close(&boot.config_fd);
	fd_close(&boot.bundle_fd);
	fd_close(&boot.directory_fd);
	fd_close(&boot.key_fd);
	for (unsigned i = 0; i < boot.n_channels; i++) {
		fd_close(&boot.channels[i].fd);
	}
	for (unsigned i = 0; i < boot.n_listeners; i++) {
		fd_close(&boot.listeners[i].fd);
	}
	for (unsigned i = 0; i < boot.n_secrets; i++) {
		fd_close(&boot.secrets[i].fd);
	}
	chan_done(&boot.control);
	chan_done(&supervisor);
}

static int begin(void **state)
{
	(void)state;
	open_boot();
	return 0;
}

static int finish(void **state)
{
	(void)state;
	close_boot();
	return 0;
}

static void send_frame(struct str frame, unsigned n_fds)
{
	struct err err;
	int fds[CHAN_MAX_FDS] = {0};

	for (unsigned i = 0; i < n_fds; i++) {
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_true(fds[i] >= 0);
	}
	assert_int_equal(chan_send(&supervisor, frame, fds, n_fds, &err), ERR_OK);
}

static void say(enum ipc_message m, unsigned n_fds)
{
	char type = (char)m;

	send_frame(str_make(&type, 1), n_fds);
}

static void start(void)
{
	struct frame_writer w;
	char out[16];

	frame_begin(&w, out, sizeof(out), IPC_START);
	frame_put_u8(&w, 1);
	frame_put_u32(&w, 4);
	frame_put_u8(&w, 1);
	frame_put_u8(&w, 1);
	frame_put_u8(&w, 1);
	frame_put_u8(&w, 1);
	send_frame(frame_bytes(&w), 0);
}

static void say_channel(enum role role, unsigned index, unsigned n_fds)
{
	struct frame_writer w;
	char out[16];

	frame_begin(&w, out, sizeof(out), IPC_CHANNEL);
	frame_put_u8(&w, (uint8_t)role);
	frame_put_u32(&w, index);
	frame_put_str(&w, role == ROLE_RELAY ? STR("home") : STR(""));
	send_frame(frame_bytes(&w), n_fds);
}

static void say_secret(struct str file, unsigned n_fds)
{
	struct frame_writer w;
	char out[1200];

	frame_begin(&w, out, sizeof(out), IPC_SECRET);
	frame_put_u32(&w, 0);
	frame_put_str(&w, file);
	assert_false(w.overflow);
	send_frame(frame_bytes(&w), n_fds);
}

static void say_listener(uint32_t index, unsigned n_fds)
{
	struct frame_writer w;
	char out[16];

	frame_begin(&w, out, sizeof(out), IPC_LISTENER);
	frame_put_u32(&w, index);
	send_frame(frame_bytes(&w), n_fds);
}

static void a_boot_collects_what_it_is_handed(void **state)
{
	struct err err;

	(void)state;
	say(IPC_CONFIG, 1);
	say(IPC_BUNDLE, 1);
	say(IPC_DIRECTORY, 1);
	say(IPC_KEY, 1);
	say_listener(2, 1);
	say_secret(STR("/s/one"), 1);
	say_secret(STR("/s/two"), 1);
	say_channel(ROLE_SCRIBE, 0, 1);
	say_channel(ROLE_GATE, 7, 1);
	start();
	assert_int_equal(role_boot_receive(&boot, &err), ERR_OK);
	assert_true(boot.config_fd >= 0 && boot.bundle_fd >= 0);
	assert_true(boot.directory_fd >= 0 && boot.key_fd >= 0);
	assert_int_equal(boot.n_listeners, 1);
	assert_int_equal(boot.listeners[0].index, 2);
	assert_int_equal(boot.n_secrets, 2);
	assert_string_equal(boot.secrets[1].file, "/s/two");
	assert_int_equal(boot.n_channels, 2);
	assert_int_equal(boot.channels[1].peer, ROLE_GATE);
	assert_int_equal(boot.channels[1].index, 7);
	assert_true(boot.resolve);
	assert_int_equal(boot.gates, 4);
	assert_true(boot.again);
}

static void assert_refused(void)
{
	struct err err;

	start(); /* it must not come this far */
	assert_int_equal(role_boot_receive(&boot, &err), ERR_INVALID);
	close_boot();
	open_boot();
}

static bool is_boot_message(unsigned m)
{
	return (m >= IPC_CONFIG && m <= IPC_START) || m == IPC_PINS_ROOM || m == IPC_PINS;
}

static void what_is_not_of_a_boot_ends_it(void **state)
{
	(void)state;
	for (unsigned m = 0; m < 256; m++) {
		if (!is_boot_message(m)) {
			say((enum ipc_message)m, 0);
			assert_refused();
			say((enum ipc_message)m, 1);
			assert_refused();
		}
	}
}

static void a_message_has_exactly_its_descriptor(void **state)
{
	(void)state;
	for (unsigned n_fds = 0; n_fds <= CHAN_MAX_FDS; n_fds++) {
		if (n_fds == 1) {
			continue;
		}
		say(IPC_CONFIG, n_fds);
		assert_refused();
		say(IPC_KEY, n_fds);
		assert_refused();
		say_channel(ROLE_SCRIBE, 0, n_fds);
		assert_refused();
		say_listener(0, n_fds);
		assert_refused();
		say_secret(STR("x"), n_fds);
		assert_refused();
	}
}

static void a_start_with_a_descriptor_or_without_its_field_is_none(void **state)
{
	struct frame_writer w;
	char out[16];

	(void)state;
	frame_begin(&w, out, sizeof(out), IPC_START);
	frame_put_u8(&w, 1);
	send_frame(frame_bytes(&w), 0);
	assert_refused();
	frame_put_u32(&w, 4);
	frame_put_u8(&w, 1);
	frame_put_u8(&w, 0);
	frame_put_u8(&w, 0);
	send_frame(frame_bytes(&w), 1);
	assert_refused();
	say(IPC_START, 0);
	assert_refused();
}

static void cut_and_padded_messages_end_the_boot(void **state)
{
	struct frame_writer w;
	char out[64];

	(void)state;
	frame_begin(&w, out, sizeof(out), IPC_SECRET);
	frame_put_u32(&w, 0);
	send_frame(frame_bytes(&w), 1); /* no name */
	assert_refused();
	frame_put_u32(&w, 100);
	send_frame(frame_bytes(&w), 1); /* a name longer than the frame */
	assert_refused();
	say_secret(STR(""), 1);
	assert_refused();
	frame_begin(&w, out, sizeof(out), IPC_CHANNEL);
	frame_put_u8(&w, ROLE_SCRIBE);
	send_frame(frame_bytes(&w), 1);
	assert_refused();
	frame_begin(&w, out, sizeof(out), IPC_CONFIG);
	frame_put_u8(&w, 0);
	send_frame(frame_bytes(&w), 1);
	assert_refused();
	say_channel(ROLE_MAX, 0, 1);
	assert_refused();
}

static void a_frame_longer_than_any_ends_the_boot(void **state)
{
	static char big[5000] = {IPC_CONFIG};

	(void)state;
	send_frame(str_make(big, sizeof(big)), 1);
	assert_refused();
}

static void names_of_files_are_bounded(void **state)
{
	char name[sizeof(boot.secrets[0].file)];
	struct err err;

	(void)state;
	memset(name, 'n', sizeof(name));
	say_secret(str_make(name, sizeof(name)), 1);
	assert_refused();
	say_secret(str_make(name, sizeof(name) - 1), 1);
	start();
	assert_int_equal(role_boot_receive(&boot, &err), ERR_OK);
	assert_int_equal(strlen(boot.secrets[0].file), sizeof(name) - 1);
}

static void tables_take_no_more_than_they_hold(void **state)
{
	(void)state;
	for (unsigned i = 0; i <= ROLE_MAX_CHANNELS; i++) {
		say_channel(ROLE_GATE, i, 1);
	}
	assert_refused();
	for (unsigned i = 0; i <= ROLE_MAX_LISTENERS; i++) {
		say_listener(i, 1);
	}
	assert_refused();
	for (unsigned i = 0; i <= ROLE_MAX_SECRETS; i++) {
		say_secret(STR("x"), 1);
	}
	assert_refused();
}

/* With as many gates as there may be, each has room for all its peers and for a successor. */
static void the_fullest_house_has_room(void **state)
{
	struct err err;
	enum role_wish wish;
	char buf[ROLE_FRAME_MAX];
	struct str note;

	(void)state;
	say_channel(ROLE_SCRIBE, 0, 1);
	say_channel(ROLE_CONNECTOR, 0, 1);
	say_channel(ROLE_RUNNER, 0, 1);
	for (unsigned i = 1; i < CHILDREN_MAX_GATES; i++) {
		say_channel(ROLE_GATE, i, 1);
	}
	for (unsigned i = 0; i < ROLE_MAX_ZONES; i++) {
		say_channel(ROLE_RELAY, i, 1);
	}
	start();
	assert_int_equal(role_boot_receive(&boot, &err), ERR_OK);
	for (unsigned i = 0; i < 300; i++) {
		int old = -1;
		unsigned index = 1 + i % (CHILDREN_MAX_GATES - 1);

		for (unsigned c = 0; c < boot.n_channels; c++) {
			if (boot.channels[c].peer == ROLE_GATE && boot.channels[c].index == index) {
				old = boot.channels[c].fd;
			}
		}
		say_channel(ROLE_GATE, index, 1);
		assert_int_equal(role_next_wish(&boot, buf, &wish, &note, &err), ERR_OK);
		assert_int_equal(wish, ROLE_WISH_CHANNEL);
		assert_int_equal(boot.n_channels, CHILDREN_MAX_GATES + ROLE_MAX_ZONES + 2);
		assert_int_equal(boot.channels[boot.n_channels - 1].index, index);
		assert_int_not_equal(boot.channels[boot.n_channels - 1].fd, old);
		close(old); /* it was the role's */
	}
}

static void a_later_configuration_replaces_and_closes_the_first(void **state)
{
	struct err err;
	struct pollfd p;
	int ends[2];
	char type = IPC_CONFIG;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(chan_send(&supervisor, str_make(&type, 1), &ends[1], 1, &err), ERR_OK);
	say(IPC_CONFIG, 1);
	start();
	assert_int_equal(role_boot_receive(&boot, &err), ERR_OK);
	p = (struct pollfd){.fd = ends[0], .events = POLLIN};
	assert_int_equal(poll(&p, 1, 0), 1);
	close(ends[0]);
}

static void a_supervisor_that_goes_away_ends_the_boot(void **state)
{
	struct err err;

	(void)state;
	say(IPC_CONFIG, 1);
	chan_done(&supervisor);
	assert_int_equal(role_boot_receive(&boot, &err), ERR_CLOSED);
}

static enum role_wish next(struct str *note)
{
	static char buf[ROLE_FRAME_MAX];
	enum role_wish wish;
	struct err err;

	assert_int_equal(role_next_wish(&boot, buf, &wish, note, &err), ERR_OK);
	return wish;
}

static void a_serving_role_hears_one_wish_after_the_other(void **state)
{
	struct frame_writer w;
	struct err err;
	struct str note;
	char out[64];

	(void)state;
	say_secret(STR("/old"), 1);
	say_secret(STR("/older"), 1);
	start();
	assert_int_equal(role_boot_receive(&boot, &err), ERR_OK);
	assert_int_equal(next(&note), ROLE_WISH_NONE);

	say(IPC_CONFIG, 1);
	say_secret(STR("/new"), 1);
	say(IPC_RELOAD, 0);
	frame_begin(&w, out, sizeof(out), IPC_NOTE);
	frame_put_str(&w, STR("an entry"));
	send_frame(frame_bytes(&w), 0);
	say(IPC_DRAIN, 0);
	assert_int_equal(next(&note), ROLE_WISH_RELOAD);
	assert_int_equal(boot.n_secrets, 1); /* the old ones are gone */
	assert_string_equal(boot.secrets[0].file, "/new");
	assert_int_equal(next(&note), ROLE_WISH_NOTE);
	assert_str_equal(note, STR("an entry"));
	assert_int_equal(next(&note), ROLE_WISH_DRAIN);
	assert_int_equal(next(&note), ROLE_WISH_NONE);
}

static void a_serving_role_refuses_what_is_not_for_it(void **state)
{
	static char buf[ROLE_FRAME_MAX];
	enum role_wish wish;
	struct str note;
	struct err err;

	(void)state;
	for (unsigned m = 0; m < 256; m++) {
		bool fits = m == IPC_RELOAD || m == IPC_DRAIN;

		close_boot();
		open_boot();
		start();
		assert_int_equal(role_boot_receive(&boot, &err), ERR_OK);
		say((enum ipc_message)m, 0);
		assert_int_equal(role_next_wish(&boot, buf, &wish, &note, &err),
				 fits ? ERR_OK : ERR_INVALID);
		if (fits) { /* nor with a descriptor that has no meaning */
			say((enum ipc_message)m, 1);
			assert_int_equal(role_next_wish(&boot, buf, &wish, &note, &err),
					 ERR_INVALID);
		}
	}
	start(); /* twice */
	assert_int_equal(role_next_wish(&boot, buf, &wish, &note, &err), ERR_INVALID);
	chan_done(&supervisor);
	assert_int_equal(role_next_wish(&boot, buf, &wish, &note, &err), ERR_CLOSED);
}

static void roles_are_found_by_their_names(void **state)
{
	(void)state;
	for (unsigned r = ROLE_NONE + 1; r < ROLE_MAX; r++) {
		assert_int_equal(role_by_name(str_from_c(role_name((enum role)r))), r);
	}
	assert_int_equal(role_by_name(STR("none")), ROLE_NONE);
	assert_int_equal(role_by_name(STR("Gate")), ROLE_NONE);
	assert_int_equal(role_by_name(STR("")), ROLE_NONE);
	assert_string_equal(role_name(ROLE_MAX), "none");
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, begin, finish)
	const struct CMUnitTest tests[] = {
		T(a_boot_collects_what_it_is_handed),
		T(what_is_not_of_a_boot_ends_it),
		T(a_message_has_exactly_its_descriptor),
		T(a_start_with_a_descriptor_or_without_its_field_is_none),
		T(cut_and_padded_messages_end_the_boot),
		T(a_frame_longer_than_any_ends_the_boot),
		T(names_of_files_are_bounded),
		T(tables_take_no_more_than_they_hold),
		T(the_fullest_house_has_room),
		T(a_later_configuration_replaces_and_closes_the_first),
		T(a_supervisor_that_goes_away_ends_the_boot),
		T(a_serving_role_hears_one_wish_after_the_other),
		T(a_serving_role_refuses_what_is_not_for_it),
		cmocka_unit_test(roles_are_found_by_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
