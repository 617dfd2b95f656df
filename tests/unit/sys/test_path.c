/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "sys/path.h"

#include <stdio.h>
#include <unistd.h>

static void only_what_realpath_would_give_is_real(void **state)
{
	static const struct {
		const char *path;
		bool real;
	} cases[] = {
		{"", true},     {"/file", true},      {"/link", false},  {"/dir/../file", false},
		{"/.", false},  {"//file", false},    {"/file/", false}, {"/nothing", false},
		{"/dir", true}, {"/into/file", false}};
	char dir[] = "/tmp/writ-path-XXXXXX", made[64], path[64];
	struct stat st;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(made, sizeof(made), "%s/file", dir);
	f = fopen(made, "we");
	assert_non_null(f);
	assert_int_equal(fclose(f), 0);
	(void)snprintf(path, sizeof(path), "%s/link", dir);
	assert_int_equal(symlink(made, path), 0);
	(void)snprintf(path, sizeof(path), "%s/into", dir);
	assert_int_equal(symlink(dir, path), 0);
	(void)snprintf(path, sizeof(path), "%s/dir", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *other, at[64];

		(void)snprintf(at, sizeof(at), "%s%s", dir, cases[i].path);
		other = realpath(at, NULL);
		if (path_is_real(at, &st) != cases[i].real ||
		    cases[i].real != (other && strcmp(other, at) == 0)) {
			fail_msg("%s", at);
		}
		free(other);
	}
	assert_false(path_is_real("relative", &st));
	assert_false(path_is_real("/", &st)); /* left to realpath */
	assert_true(path_is_real(made, &st) && S_ISREG(st.st_mode));
	for (const char *const *name = (const char *const[]){"link", "into", "file", NULL}; *name;
	     name++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, *name);
		assert_int_equal(unlink(path), 0);
	}
	(void)snprintf(path, sizeof(path), "%s/dir", dir);
	assert_int_equal(rmdir(path) | rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_realpath_would_give_is_real),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
