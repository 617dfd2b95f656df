/* SPDX-License-Identifier: Apache-2.0 */
/* Where only named programs start: every way round that is known, tried from inside by one that may run itself alone. */
#include "tests/unit/sandbox/stage.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define OTHER "/usr/bin/true"

static const char *const loaders[] = {"/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"};

/* The errno of the attempt, or WENT_THROUGH; the loader says 127 when it could not. */
static int outcome(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
		return NO_START;
	}
	return WEXITSTATUS(status) == 0 ? WENT_THROUGH : WEXITSTATUS(status);
}

static int executed(const char *path, const char *argument)
{
	const char *argv[] = {path, argument, NULL};
	pid_t pid = fork();

	if (pid == 0) {
		(void)execv(path, (char **)(uintptr_t)argv);
		_exit(errno);
	}
	return outcome(pid);
}

static int loaded(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(loaders); i++) {
		if (access(loaders[i], F_OK) == 0) {
			return executed(loaders[i], path);
		}
	}
	return NO_START;
}

static int copied(int to)
{
	char buf[4096];
	int from = open(OTHER, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	while (from >= 0 && to >= 0 && (n = read(from, buf, sizeof(buf))) > 0) {
		if (write(to, buf, (size_t)n) != n) {
			return -1;
		}
	}
	(void)close(from);
	return to;
}

static int copy(const char *path)
{
	int fd = copied(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755));

	return fd < 0 ? -1 : close(fd);
}

static int in_itself(void)
{
	char self[PATH_MAX] = {0};
	const char *argv[] = {self, "--inside", "fine", NULL};
	pid_t pid = readlink("/proc/self/exe", self, sizeof(self) - 1) > 0 ? fork() : -1;

	if (pid == 0) {
		(void)execv(self, (char **)(uintptr_t)argv);
		_exit(errno);
	}
	return outcome(pid);
}

static int in_fine(void)
{
	return FINE;
}

static int in_by_path(void)
{
	return executed(OTHER, NULL);
}

static int in_by_link(void)
{
	return symlink(OTHER, "/tmp/link") < 0 ? NO_START : executed("/tmp/link", NULL);
}

static int in_by_hard_link(void)
{
	return link(OTHER, "/tmp/hard") < 0 ? errno : executed("/tmp/hard", NULL);
}

static int in_by_descriptor(void)
{
	int fd = open(OTHER, O_PATH | O_CLOEXEC);
	char *argv[] = {(char[]){"true"}, NULL};
	char *env[] = {NULL};
	pid_t pid = fd < 0 ? -1 : fork();

	if (pid == 0) {
		(void)syscall(SYS_execveat, fd, "", argv, env, AT_EMPTY_PATH);
		_exit(errno);
	}
	return outcome(pid);
}

static int in_by_proc(void)
{
	char path[64];
	int fd = open(OTHER, O_RDONLY);

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return fd < 0 ? NO_START : executed(path, NULL);
}

/* Init is Writ's own program, and lies in no place of the sandbox. */
static int in_by_init(void)
{
	return executed("/proc/1/exe", "--version");
}

static int in_by_loader(void)
{
	return loaded(OTHER);
}

static int in_copied(void)
{
	return copy("/tmp/copy") < 0 ? NO_START : executed("/tmp/copy", NULL);
}

static int in_copied_by_loader(void)
{
	return copy("/tmp/other") < 0 ? NO_START : loaded("/tmp/other");
}

/* It can only be made sealed against execution. */
static int in_memory_file(void)
{
	char path[64];
	int fd = (int)syscall(SYS_memfd_create, "x", 0);

	if (fd < 0) {
		fd = (int)syscall(SYS_memfd_create, "x", 8U /* MFD_NOEXEC_SEAL */);
	}
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return copied(fd) < 0 ? errno : executed(path, NULL);
}

static int in_script(void)
{
	static const char text[] = "#!" OTHER "\n";
	int fd = open("/tmp/script", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

	if (write(fd, text, sizeof(text) - 1) != (ssize_t)sizeof(text) - 1 || close(fd) < 0) {
		return NO_START;
	}
	return executed("/tmp/script", NULL);
}

/* What LD_PRELOAD and every loader of one's own come down to. */
static int in_mapped(void)
{
	int fd = open(OTHER, O_RDONLY | O_CLOEXEC);
	const void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

	return p == MAP_FAILED ? errno : WENT_THROUGH;
}

static int in_mapped_later(void)
{
	int fd = open(OTHER, O_RDONLY | O_CLOEXEC);
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);

	return p == MAP_FAILED                                ? NO_START
	       : mprotect(p, 4096, PROT_READ | PROT_EXEC) < 0 ? errno
							      : WENT_THROUGH;
}

static const struct {
	const char *name;
	int (*act)(void);
	int want;
} ways[] = {
	{"fine", in_fine, FINE},
	{"itself", in_itself, WENT_THROUGH},
	{"by path", in_by_path, EACCES},
	{"by a link", in_by_link, EACCES},
	{"by a hard link", in_by_hard_link, EXDEV},
	{"by descriptor", in_by_descriptor, EACCES},
	{"by /proc", in_by_proc, EACCES},
	{"by init", in_by_init, EACCES},
	{"by the loader", in_by_loader, 127},
	{"a copy", in_copied, EACCES},
	{"a copy by the loader", in_copied_by_loader, 127},
	{"a memory file", in_memory_file, EACCES},
	{"a script for it", in_script, EACCES},
	{"mapped", in_mapped, EPERM},
	{"mapped later", in_mapped_later, EACCES},
};

static void try(const char *name, enum sandbox_profile profile, int want)
{
	struct sandbox_program self;
	struct stage s;

	stage_init(&s, name);
	self = (struct sandbox_program){str_from_c(s.self), STR("the test"), false};
	s.spec.programs = &self;
	s.spec.n_programs = 1;
	s.spec.named_only = true;
	s.spec.profile = profile;
	expect(&s, want);
	arena_done(&s.a);
}

static void only_named_programs_start_whatever_way_is_tried(void **state)
{
	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		try(ways[i].name, PROFILE_SHELL, ways[i].want);
	}
}

/* The same program without the limit: else the test above could not fail. */
static void without_that_limit_others_start(void **state)
{
	struct stage s;

	(void)state;
	if (cannot_sandbox()) {
		skip();
	}
	stage_init(&s, "by the loader");
	expect(&s, WENT_THROUGH);
	arena_done(&s.a);
	stage_init(&s, "by path");
	expect(&s, WENT_THROUGH);
	arena_done(&s.a);
}

/* Programs lie among libraries, which must be mapped: those are found. */
static void programs_among_libraries_are_found(void **state)
{
	static const char *const names[] = {
		"lib/tools/prog", "lib/tools", "lib/prog", "lib/x.so.1", "lib/note",
		"lib/script",     "lib",       "bin/only", "bin"};
	char dir[] = "/tmp/writ-named-XXXXXX", path[256];
	struct plan_place prefix = {.is_dir = true};
	struct plan_machine m = {.prefixes = &prefix, .n_prefixes = 1};
	struct arena a;
	struct err err = {0};
	size_t found = 0;

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (const char *const *sub = (const char *const[]){"lib", "lib/tools", "bin", NULL}; *sub;
	     sub++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, *sub);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	make_file(dir, "lib/tools/prog", "\177ELF", 0755);
	make_file(dir, "lib/prog", "\177ELF", 0755);
	make_file(dir, "lib/x.so.1", "\177ELF", 0755);
	make_file(dir, "lib/note", "\177ELF", 0644);
	make_file(dir, "lib/script", "#!/bin/sh", 0755);
	make_file(dir, "bin/only", "\177ELF", 0755);
	prefix.path = prefix.real = str_from_c(dir);
	arena_init(&a, 8 << 20);
	if (sandbox_look_programs(&a, &m, &err)) {
		fail_msg("%s", err.msg);
	}
	for (size_t i = 0; i < m.n_inert; i++) {
		struct str at = m.inert[i].real;

		if (!str_starts_with(at, prefix.real)) {
			continue;
		}
		at = str_from(at, prefix.real.n);
		assert_true((str_eq(at, STR("/lib/tools")) && m.inert[i].is_dir) ||
			    str_eq(at, STR("/lib/prog")) ||
			    (str_eq(at, STR("/bin")) && m.inert[i].is_dir));
		found++;
	}
	assert_int_equal(found, 3);
	assert_true(str_eq(m.libraries[m.n_libraries - 1].real, prefix.real));
	arena_done(&a);
	remove_tree(dir, names, ARRAY_LEN(names));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_named_programs_start_whatever_way_is_tried),
		cmocka_unit_test(without_that_limit_others_start),
		cmocka_unit_test(programs_among_libraries_are_found),
	};

	for (size_t i = 0; argc == 3 && i < ARRAY_LEN(ways); i++) {
		if (strcmp(argv[2], ways[i].name) == 0) {
			return ways[i].act();
		}
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
