/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "sys/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], path[96];
static struct arena arena;

static int begin(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/writ-fd-XXXXXX");
	if (!mkdtemp(dir)) {
		return -1;
	}
	(void)snprintf(path, sizeof(path), "%s/file", dir);
	arena_init(&arena, 1 << 20);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	arena_done(&arena);
	(void)unlink(path);
	return rmdir(dir);
}

static void put(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void a_file_is_read_up_to_its_limit(void **state)
{
	struct str s;
	struct err err;

	(void)state;
	put("0123456789");
	assert_int_equal(fd_read_path(path, 10, &arena, &s, &err), ERR_OK);
	assert_str_equal(s, STR("0123456789"));
	assert_int_equal(s.p[s.n], '\0');
	assert_int_equal(fd_read_path(path, 9, &arena, &s, &err), ERR_LIMIT);
	assert_non_null(strstr(err.msg, path));
	put("");
	assert_int_equal(fd_read_path(path, 0, &arena, &s, &err), ERR_OK);
	assert_int_equal(s.n, 0);
}

static void what_is_no_regular_file_is_refused_and_does_not_hang(void **state)
{
	struct str s;
	struct err err;

	(void)state;
	assert_int_equal(fd_read_path(path, 10, &arena, &s, &err), ERR_NOT_FOUND);
	assert_int_equal(fd_read_path(dir, 10, &arena, &s, &err), ERR_INVALID);
	assert_int_equal(fd_read_path("/dev/zero", 10, &arena, &s, &err), ERR_INVALID);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(fd_read_path(path, 10, &arena, &s, &err), ERR_INVALID);
}

static void reading_leaves_the_offset_alone(void **state)
{
	struct str s;
	struct err err;
	char byte;
	int fd;

	(void)state;
	put("abc");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, &byte, 1), 1);
	assert_int_equal(fd_read_all(fd, 10, &arena, &s, &err), ERR_OK);
	assert_str_equal(s, STR("abc"));
	assert_int_equal(read(fd, &byte, 1), 1);
	assert_int_equal(byte, 'b');
	close(fd);
}

static void a_memfd_is_sealed_against_everything(void **state)
{
	struct err err;
	int fd;

	(void)state;
	assert_int_equal(fd_memfd("m", STR("abc"), &fd, &err), ERR_OK);
	assert_true(pwrite(fd, "x", 1, 0) < 0);
	assert_true(pwrite(fd, "x", 1, 3) < 0);
	assert_true(ftruncate(fd, 0) < 0);
	assert_true(ftruncate(fd, 100) < 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

static void a_descriptor_is_closed_once(void **state)
{
	int fd = open("/dev/null", O_RDONLY), taken = fd_take(&fd);

	(void)state;
	assert_int_equal(fd, -1);
	fd_close(&fd); /* nothing */
	assert_true(fcntl(taken, F_GETFD) >= 0);
	fd_close(&taken);
	assert_int_equal(taken, -1);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, begin, finish)
	const struct CMUnitTest tests[] = {
		T(a_file_is_read_up_to_its_limit),
		T(what_is_no_regular_file_is_refused_and_does_not_hang),
		T(reading_leaves_the_offset_alone),
		T(a_memfd_is_sealed_against_everything),
		T(a_descriptor_is_closed_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
