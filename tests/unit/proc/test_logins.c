/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "crypto/box.h"
#include "proc/logins.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[64];
static int dir = -1;
static struct arena arena;

static int begin(void **state)
{
	(void)state;
	arena_init(&arena, 1 << 20);
	(void)snprintf(path, sizeof(path), "/tmp/writ-logins-XXXXXX");
	dir = mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return dir < 0;
}

static int finish(void **state)
{
	(void)state;
	(void)unlinkat(dir, "logins/fs", 0);
	(void)unlinkat(dir, "logins", AT_REMOVEDIR);
	(void)unlinkat(dir, "login.key", 0);
	fd_close(&dir);
	arena_done(&arena);
	return rmdir(path); /* nothing else was left in it */
}

static struct str kept(void)
{
	struct str s = STR("?");

	assert_int_equal(logins_read(dir, STR("fs"), &arena, &s, NULL), ERR_OK);
	return s;
}

static void what_is_kept_is_replaced_as_a_whole(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(kept().n, 0);
	assert_int_equal(logins_since(dir, STR("fs")), 0);
	assert_int_equal(logins_write(dir, STR("fs"), STR("a longer text"), NULL), ERR_OK);
	assert_int_equal(logins_write(dir, STR("fs"), STR("short"), NULL), ERR_OK);
	assert_str_equal(kept(), STR("short"));
	assert_true(logins_since(dir, STR("fs")) > 0);
	assert_int_equal(fstatat(dir, "logins/fs", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(fstatat(dir, "logins", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(logins_write(dir, STR("fs"), STR(""), NULL), ERR_OK);
	assert_int_equal(logins_write(dir, STR("fs"), STR(""), NULL), ERR_OK);
	assert_int_equal(kept().n, 0);
}

static void a_link_is_not_followed(void **state)
{
	struct str s;

	(void)state;
	assert_int_equal(mkdirat(dir, "logins", 0700), 0);
	assert_int_equal(symlinkat("/etc/hostname", dir, "logins/fs"), 0);
	assert_int_not_equal(logins_read(dir, STR("fs"), &arena, &s, NULL), ERR_OK);
	/* nor written through: the link itself is replaced */
	assert_int_equal(logins_write(dir, STR("fs"), STR("x"), NULL), ERR_OK);
	assert_str_equal(kept(), STR("x"));
}

static void the_key_is_made_once_and_is_nobody_elses(void **state)
{
	struct str first, second;
	int a = -1, b = -1;

	(void)state;
	assert_int_equal(logins_key(dir, &a, NULL), ERR_OK);
	assert_int_equal(logins_key(dir, &b, NULL), ERR_OK);
	assert_int_equal(fd_read_all(a, 100, &arena, &first, NULL), ERR_OK);
	assert_int_equal(fd_read_all(b, 100, &arena, &second, NULL), ERR_OK);
	assert_int_equal(first.n, BOX_KEY_LEN);
	assert_str_equal(first, second);
	fd_close(&a);
	fd_close(&b);
	assert_int_equal(fchmodat(dir, "login.key", 0640, 0), 0);
	assert_int_equal(logins_key(dir, &a, NULL), ERR_INVALID);
	assert_int_equal(fchmodat(dir, "login.key", 0600, 0), 0);
	a = openat(dir, "login.key", O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_true(a >= 0);
	fd_close(&a);
	assert_int_equal(logins_key(dir, &a, NULL), ERR_CORRUPT); /* not silently another one */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_kept_is_replaced_as_a_whole, begin, finish),
		cmocka_unit_test_setup_teardown(a_link_is_not_followed, begin, finish),
		cmocka_unit_test_setup_teardown(the_key_is_made_once_and_is_nobody_elses, begin,
						finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
