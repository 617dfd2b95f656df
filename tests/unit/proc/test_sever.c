/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "proc/sever.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <unistd.h>

static char path[64];
static int dir = -1;

static int begin(void **state)
{
	(void)state;
	(void)snprintf(path, sizeof(path), "/tmp/writ-sever-XXXXXX");
	dir = mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return dir < 0;
}

static int finish(void **state)
{
	(void)state;
	(void)unlinkat(dir, "severed", 0);
	fd_close(&dir);
	return rmdir(path); /* nothing else was left in it */
}

static void put(const char *text)
{
	int fd = openat(dir, "severed", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
}

static void what_was_cut_is_known_again(void **state)
{
	char group[SEVER_GROUP_MAX + 1];
	struct err err;

	(void)state;
	assert_int_equal(sever_read(dir, group, &err), ERR_OK);
	assert_string_equal(group, "");
	assert_int_equal(sever_write(dir, "EU-ADEQUATE", &err), ERR_OK);
	assert_int_equal(sever_write(dir, "EEA", &err), ERR_OK);
	assert_int_equal(sever_read(dir, group, &err), ERR_OK);
	assert_string_equal(group, "EEA");
	assert_int_equal(sever_write(dir, "", &err), ERR_OK);
	assert_int_equal(sever_write(dir, "", &err), ERR_OK);
	assert_int_equal(sever_read(dir, group, &err), ERR_OK);
	assert_string_equal(group, "");
}

/* Nothing of it may pass for "nothing is cut". */
static void a_file_that_says_nothing_is_an_error(void **state)
{
	static const char *const bad[] = {
		"",          "\n",       "EEA",
		"E A\n",     "../EEA\n", "-E\n",
		"EEA\nEU\n", "E\"A\n",   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"};
	char group[SEVER_GROUP_MAX + 1];
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		put(bad[i]);
		assert_int_equal(sever_read(dir, group, &err), ERR_CORRUPT);
	}
	put("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
	assert_int_equal(sever_read(dir, group, &err), ERR_OK);
	(void)unlinkat(dir, "severed", 0);
	assert_int_equal(symlinkat("/etc/hostname", dir, "severed"), 0);
	assert_int_not_equal(sever_read(dir, group, &err), ERR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_cut_is_known_again, begin, finish),
		cmocka_unit_test_setup_teardown(a_file_that_says_nothing_is_an_error, begin,
						finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
