/* SPDX-License-Identifier: Apache-2.0 */
/* Commands as a shell would run them: in a folder of their own, with what they print. */
#ifndef TESTS_CLI_RUN_H
#define TESTS_CLI_RUN_H

#include "tests/test.h"

#include <fcntl.h>
#include <ftw.h>
#include <unistd.h>

#include "cli/cmd.h"

struct cli {
	char dir[32];
	char out[1 << 17], err[1 << 16]; /* of the last command */
};

static inline void cli_put(const struct cli *f, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static inline struct cli *cli_begin(void)
{
	struct cli *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->dir, "/tmp/writ-cli-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	return f;
}

static inline int cli_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void cli_end(struct cli *f)
{
	(void)nftw(f->dir, cli_remove, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
}

static inline void cli_take(int fd, char *to, size_t max)
{
	ssize_t n = pread(fd, to, max - 1, 0);

	assert_true(n >= 0);
	to[n] = '\0';
	assert_int_equal(close(fd), 0);
}

/* Standard output, error and input become these; the saved ones are in the same order. */
static inline void cli_swap(const int to[3], int saved[3])
{
	(void)fflush(NULL);
	for (int i = 0; i < 3; i++) {
		saved[i] = dup(i);
		assert_true(saved[i] >= 0 && dup2(to[i], i) >= 0);
	}
}

static inline int cli_run(struct cli *f, const char *input, const char *const *words)
{
	char *argv[32] = {NULL};
	int to[3], saved[3], status, argc = 0, cwd = open(".", O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; i < 3; i++) {
		to[i] = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		assert_true(to[i] >= 0);
	}
	assert_int_equal(pwrite(to[0], input, strlen(input), 0), strlen(input));
	for (; words[argc]; argc++) {
		argv[argc] = strdup(words[argc]);
	}
	assert_int_equal(chdir(f->dir), 0);
	cli_swap(to, saved);
	(void)fseek(stdin, 0, SEEK_SET);
	status = strcmp(argv[0], "init") == 0     ? cmd_init(argc, argv)
		 : strcmp(argv[0], "ledger") == 0 ? cmd_ledger(argc, argv)
		 : strcmp(argv[0], "site") == 0   ? cmd_site(argc, argv)
						  : cmd_policy(argc, argv);
	(void)fflush(NULL);
	for (int i = 0; i < 3; i++) {
		assert_true(dup2(saved[i], i) >= 0);
		(void)close(saved[i]);
	}
	assert_int_equal(fchdir(cwd), 0);
	(void)close(cwd);
	(void)close(to[0]);
	cli_take(to[1], f->out, sizeof(f->out));
	cli_take(to[2], f->err, sizeof(f->err));
	for (int i = 0; i < argc; i++) {
		free(argv[i]);
	}
	return status;
}

/* CLI(f, "policy", "check", ...) is the exit status. */
#define CLI(f, ...) cli_run((f), "", (const char *const[]){__VA_ARGS__, NULL})

static inline bool cli_said(const struct cli *f, const char *text)
{
	if (!strstr(f->out, text) && !strstr(f->err, text)) {
		print_error("not said: %s\n%s%s\n", text, f->out, f->err);
		return false;
	}
	return true;
}

#endif
