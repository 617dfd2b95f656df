/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "ledger/seal.h"
#include "proc/ground.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], state_dir[96];
static struct config config;
static struct config_listen listeners[2];

static int begin(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/writ-ground-XXXXXX");
	if (!mkdtemp(dir)) {
		return -1;
	}
	(void)snprintf(state_dir, sizeof(state_dir), "%s/lib/writ", dir);
	listeners[0] = (struct config_listen){.address = STR("127.0.0.1:0"), .local = true};
	listeners[1] = (struct config_listen){.address = STR("127.0.0.1:0"), .local = true};
	config = (struct config){.node = STR("n1"),
				 .state = str_from_c(state_dir),
				 .listen = listeners,
				 .n_listen = 2};
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int finish(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static mode_t mode_of(const char *name)
{
	char path[160];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s", state_dir, name);
	return lstat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in at;
	socklen_t n = sizeof(at);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	return ntohs(at.sin_port);
}

static void what_is_missing_is_made_for_the_owner_only(void **state)
{
	struct ground g;
	struct err err;

	(void)state;
	ground_init(&g);
	if (ground_open(&g, &config, 1, &err)) {
		fail_msg("%s", err.msg);
	}
	assert_int_equal(mode_of("."), 0700);
	assert_int_equal(mode_of("ledger"), 0700);
	assert_int_equal(mode_of("ledger.key"), 0600);
	assert_true(mode_of("writ.pid") != 0);
	ground_done(&g);
	assert_int_equal(mode_of("writ.pid"), 0);
	assert_int_equal(mode_of("ledger.key"), 0600);
}

static void a_key_is_made_once(void **state)
{
	struct arena a;
	struct str first = {0}, again = {0};
	struct err err;

	(void)state;
	arena_init(&a, 1 << 20);
	for (int i = 0; i < 2; i++) {
		struct ground g;

		ground_init(&g);
		assert_int_equal(ground_open(&g, &config, 1, &err), ERR_OK);
		assert_int_equal(fd_read_all(g.key_fd, 4096, &a, &again, &err), ERR_OK);
		assert_true(again.n > 32);
		/* What is handed on cannot be changed any more. */
		assert_true(write(g.key_fd, "x", 1) < 0);
		if (i == 0) {
			first = again;
		}
		ground_done(&g);
	}
	assert_str_equal(first, again);
	arena_done(&a);
}

static void a_second_supervisor_is_refused_and_leaves_no_trace(void **state)
{
	struct ground g, second;
	struct err err;

	(void)state;
	ground_init(&g);
	assert_int_equal(ground_open(&g, &config, 1, &err), ERR_OK);
	ground_init(&second);
	assert_int_equal(ground_open(&second, &config, 1, &err), ERR_EXISTS);
	ground_done(&second);
	assert_true(mode_of("writ.pid") != 0); /* it is the first one's */
	ground_init(&second);
	assert_int_equal(ground_open(&second, &config, 1, &err), ERR_EXISTS);
	ground_done(&second);
	ground_done(&g);
	ground_init(&second); /* and free again afterwards */
	assert_int_equal(ground_open(&second, &config, 1, &err), ERR_OK);
	ground_done(&second);
}

static void a_key_that_others_can_read_is_refused(void **state)
{
	static const mode_t open_modes[] = {0640, 0604, 0660, 0601, 0644};
	char path[160];
	struct ground g;
	struct err err;

	(void)state;
	ground_init(&g);
	assert_int_equal(ground_open(&g, &config, 1, &err), ERR_OK);
	ground_done(&g);
	(void)snprintf(path, sizeof(path), "%s/ledger.key", state_dir);
	for (size_t i = 0; i < ARRAY_LEN(open_modes); i++) {
		assert_int_equal(chmod(path, open_modes[i]), 0);
		ground_init(&g);
		assert_int_equal(ground_open(&g, &config, 1, &err), ERR_INVALID);
		assert_non_null(strstr(err.msg, "chmod 600"));
		ground_done(&g);
	}
	assert_int_equal(chmod(path, 0400), 0);
	ground_init(&g);
	assert_int_equal(ground_open(&g, &config, 1, &err), ERR_OK);
	ground_done(&g);
}

static void a_key_that_is_a_link_is_refused(void **state)
{
	char path[160], target[160];
	struct ground g;
	struct err err;

	(void)state;
	ground_init(&g);
	assert_int_equal(ground_open(&g, &config, 1, &err), ERR_OK);
	ground_done(&g);
	(void)snprintf(path, sizeof(path), "%s/ledger.key", state_dir);
	(void)snprintf(target, sizeof(target), "%s/elsewhere", dir);
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink(target, path), 0);
	ground_init(&g);
	assert_int_equal(ground_open(&g, &config, 1, &err), ERR_SYS);
	ground_done(&g);
}

static void gates_share_the_ports_of_the_first(void **state)
{
	struct ground g;
	struct err err;

	(void)state;
	ground_init(&g);
	assert_int_equal(ground_open(&g, &config, 3, &err), ERR_OK);
	assert_int_equal(g.n_listeners, 6);
	for (unsigned gate = 1; gate < 3; gate++) {
		for (unsigned l = 0; l < 2; l++) {
			const struct role_listener *at = &g.listeners[gate * 2 + l];

			assert_int_equal(at->index, l);
			assert_int_not_equal(at->fd, g.listeners[l].fd);
			assert_int_equal(port_of(at->fd), port_of(g.listeners[l].fd));
		}
	}
	assert_int_not_equal(port_of(g.listeners[0].fd), port_of(g.listeners[1].fd));
	ground_done(&g);
}

static void paths_and_listeners_are_bounded(void **state)
{
	static struct config_listen many[ROLE_MAX_LISTENERS + 1];
	char path[700];
	struct ground g;
	struct err err;

	(void)state;
	memset(path, 'p', sizeof(path));
	path[0] = '/';
	config.state = str_make(path, sizeof(path));
	ground_init(&g);
	assert_int_equal(ground_open(&g, &config, 1, &err), ERR_LIMIT);
	ground_done(&g);
	config.state = str_from_c(state_dir);
	config.listen = many;
	config.n_listen = ARRAY_LEN(many);
	ground_init(&g);
	assert_int_equal(ground_open(&g, &config, 1, &err), ERR_LIMIT);
	ground_done(&g);
}

static void an_address_in_use_is_named(void **state)
{
	char address[32];
	struct ground g, second;
	struct err err;

	(void)state;
	ground_init(&g);
	assert_int_equal(ground_open(&g, &config, 1, &err), ERR_OK);
	(void)snprintf(address, sizeof(address), "192.0.2.77:1"); /* not one of this machine */
	listeners[1].address = str_from_c(address);
	(void)snprintf(state_dir, sizeof(state_dir), "%s/other", dir);
	config.state = str_from_c(state_dir);
	ground_init(&second);
	assert_int_equal(ground_open(&second, &config, 1, &err), ERR_SYS);
	assert_non_null(strstr(err.msg, address));
	ground_done(&second);
	ground_done(&g);
}

static void what_only_a_restart_can_change_is_refused(void **state)
{
	struct config_listen other[2];
	struct config next = config;
	struct ground g;
	struct err err;

	(void)state;
	ground_init(&g);
	assert_int_equal(ground_check_unchanged(&g, &config, &next, &err), ERR_OK);
	next.gates = 7;
	assert_int_equal(ground_check_unchanged(&g, &config, &next, &err), ERR_INVALID);
	next = config;
	next.state = STR("/elsewhere");
	assert_int_equal(ground_check_unchanged(&g, &config, &next, &err), ERR_INVALID);
	next = config;
	next.n_listen = 1;
	assert_int_equal(ground_check_unchanged(&g, &config, &next, &err), ERR_INVALID);
	next = config;
	memcpy(other, listeners, sizeof(other));
	next.listen = other;
	assert_int_equal(ground_check_unchanged(&g, &config, &next, &err), ERR_OK);
	other[1].address = STR("127.0.0.1:1");
	assert_int_equal(ground_check_unchanged(&g, &config, &next, &err), ERR_INVALID);
	memcpy(other, listeners, sizeof(other));
	other[0].has_tls = true;
	assert_int_equal(ground_check_unchanged(&g, &config, &next, &err), ERR_INVALID);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, begin, finish)
	const struct CMUnitTest tests[] = {
		T(what_is_missing_is_made_for_the_owner_only),
		T(a_key_is_made_once),
		T(a_second_supervisor_is_refused_and_leaves_no_trace),
		T(a_key_that_others_can_read_is_refused),
		T(a_key_that_is_a_link_is_refused),
		T(gates_share_the_ports_of_the_first),
		T(paths_and_listeners_are_bounded),
		T(an_address_in_use_is_named),
		T(what_only_a_restart_can_change_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
