/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For a sandbox in which only named programs start: where libraries lie, which have to be mapped as code, and which
 * programs lie among them, which must not be, or the loader would start them (`ld.so PROGRAM`).
 */
#include "sandbox/apply.h"
#include "sandbox/plan_priv.h"
#include "sys/fd.h"
#include "sys/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_ENTRIES = 1000000, MOST_DEPTH = 48, MOST_ROOTS = 32 };

static const char *const library_folders[] = {
	"/lib",       "/lib32",     "/lib64",      "/libx32",        "/usr/lib",
	"/usr/lib32", "/usr/lib64", "/usr/libx32", "/usr/local/lib", "/usr/local/lib64",
};

/* Programs name one of these as their interpreter; the kernel executes it to start them. */
static const char *const loaders[] = {
	"/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/lib/ld-linux.so.2",
	"/lib/ld-musl-x86_64.so.1",    "/lib/ld-musl-aarch64.so.1",
};

struct search {
	struct arena *a;
	struct plan_place *found;
	size_t n, entries;
	unsigned depth;
};

static bool is_library(const char *name)
{
	const char *so = strstr(name, ".so");
	size_t n = strlen(name);

	while (so && so[3] != '\0' && so[3] != '.') {
		so = strstr(so + 1, ".so");
	}
	return so || (n > 5 && strcmp(name + n - 5, ".node") == 0);
}

/* One that cannot be read may be. A script is none: it is no code to the loader. */
static bool is_program(int dir, const char *name)
{
	CLEANUP(fd_close) int fd = -1;
	struct stat st;
	char magic[4];

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
	    !(st.st_mode & 0111)) {
		return false;
	}
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 || (read(fd, magic, sizeof(magic)) == (ssize_t)sizeof(magic) &&
			  memcmp(magic, "\177ELF", sizeof(magic)) == 0);
}

static enum err_code found(struct search *s, const char *path, bool is_dir, struct err *err)
{
	struct str copy = arena_dup(s->a, str_from_c(path));

	if (s->n == PLAN_MAX_INERT) {
		return ERR(err, ERR_LIMIT,
			   "more than %d programs lie among libraries, the last %s: only named "
			   "programs cannot be held here",
			   (int)PLAN_MAX_INERT, path);
	}
	s->found[s->n++] = (struct plan_place){copy, copy, is_dir};
	return copy.p ? ERR_OK : ERR(err, ERR_NOMEM, "out of memory for a sandbox");
}

static enum err_code search_folder(struct search *s, int fd, char path[PATH_MAX],
				   bool *ret_libraries, struct err *err);

/* A folder with programs and without a library is one place. `name` is the end of `path`. */
static enum err_code search_below(struct search *s, int dir, const char *name, char path[PATH_MAX],
				  bool *libraries, struct err *err)
{
	int below = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool any = false;
	size_t before = s->n;

	if (below < 0) { /* what its starter cannot look into, the run cannot */
		return errno == EACCES || errno == ENOENT ? ERR_OK
							  : ERR_ERRNO(err, "look into %s", path);
	}
	TRY(search_folder(s, below, path, &any, err));
	if (any || s->n == before) {
		*libraries = *libraries || any;
		return ERR_OK;
	}
	s->n = before;
	return found(s, path, true, err);
}

static enum err_code search_entry(struct search *s, int dir, const struct dirent *e,
				  char path[PATH_MAX], bool *libraries, struct err *err)
{
	struct stat st;
	unsigned char type = e->d_type;

	if (type == DT_UNKNOWN && fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		type = S_ISDIR(st.st_mode) ? DT_DIR : S_ISREG(st.st_mode) ? DT_REG : DT_LNK;
	}
	if (type == DT_DIR) {
		return search_below(s, dir, e->d_name, path, libraries, err);
	}
	if (type == DT_REG && is_library(e->d_name)) {
		*libraries = true;
	} else if (type == DT_REG && is_program(dir, e->d_name)) {
		return found(s, path, false, err);
	}
	return ERR_OK;
}

/* Takes `fd` over. */
static enum err_code search_folder(struct search *s, int fd, char path[PATH_MAX],
				   bool *ret_libraries, struct err *err)
{
	size_t n = strlen(path);
	enum err_code code = ERR_OK;
	struct dirent *e;
	DIR *dir = fdopendir(fd);

	if (!dir) {
		(void)close(fd);
		return ERR_ERRNO(err, "look into %s", path);
	}
	if (s->depth == MOST_DEPTH) {
		code = ERR(err, ERR_LIMIT, "%s: folders too deep", path);
	}
	s->depth++;
	while (!code && (e = readdir(dir))) {
		size_t more = strlen(e->d_name);

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
			continue;
		}
		if (++s->entries > MOST_ENTRIES || n + more + 2 > PATH_MAX) {
			code = ERR(err, ERR_LIMIT, "%s: too much to look for programs in", path);
			break;
		}
		path[n] = '/';
		memcpy(path + n + 1, e->d_name, more + 1);
		code = search_entry(s, dirfd(dir), e, path, ret_libraries, err);
		path[n] = '\0';
	}
	s->depth--;
	(void)closedir(dir);
	return code;
}

/* One more folder that libraries are mapped from, when there are any. */
static enum err_code add_root(struct search *s, struct plan_machine *m, struct plan_place *roots,
			      struct str real, struct err *err)
{
	char path[PATH_MAX];
	bool libraries = false;
	size_t before = s->n;
	int fd;

	for (size_t i = 0; i < m->n_libraries; i++) {
		if (path_within(real, roots[i].real)) {
			return ERR_OK;
		}
	}
	if (m->n_libraries == MOST_ROOTS || real.n >= sizeof(path)) {
		return ERR(err, ERR_LIMIT, "too many folders with libraries");
	}
	memcpy(path, real.p, real.n);
	path[real.n] = '\0';
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		return errno == ENOENT || errno == EACCES ? ERR_OK
							  : ERR_ERRNO(err, "look into %s", path);
	}
	TRY(search_folder(s, fd, path, &libraries, err));
	if (libraries) {
		roots[m->n_libraries++] = (struct plan_place){real, real, true};
	} else {
		s->n = before;
	}
	return ERR_OK;
}

/* Of the system only the folders above. */
static bool is_of_the_system(const struct plan_machine *m, struct str prefix)
{
	for (size_t i = 0; i < m->n_system; i++) {
		if (path_within(m->system[i].real, prefix)) {
			return true;
		}
	}
	return false;
}

static enum err_code look_at(struct search *s, struct plan_machine *m, struct plan_place *roots,
			     struct err *err)
{
	char real[PATH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(library_folders); i++) {
		struct str copy;

		if (!realpath(library_folders[i], real)) {
			continue;
		}
		copy = arena_dup(s->a, str_from_c(real));
		TRY(copy.p ? add_root(s, m, roots, copy, err)
			   : ERR(err, ERR_NOMEM, "out of memory for a sandbox"));
	}
	for (size_t i = 0; i < m->n_prefixes; i++) {
		if (m->prefixes[i].is_dir && !is_of_the_system(m, m->prefixes[i].real)) {
			TRY(add_root(s, m, roots, m->prefixes[i].real, err));
		}
	}
	return ERR_OK;
}

/* As they are reached, and as they are. */
static enum err_code look_for_loaders(struct arena *a, struct plan_machine *m, struct err *err)
{
	struct plan_place *there = ARENA_ARRAY(a, ARRAY_LEN(loaders), struct plan_place);
	char real[PATH_MAX];

	for (size_t i = 0; there && i < ARRAY_LEN(loaders); i++) {
		if (realpath(loaders[i], real)) {
			struct str copy = arena_dup(a, str_from_c(real));

			there[m->n_loaders++] = (struct plan_place){copy, copy, false};
		}
	}
	m->loaders = there;
	return a->exhausted ? ERR(err, ERR_NOMEM, "out of memory for a sandbox") : ERR_OK;
}

enum err_code sandbox_look_programs(struct arena *a, struct plan_machine *machine, struct err *err)
{
	struct plan_machine m = *machine;
	struct plan_place *roots = ARENA_ARRAY(a, MOST_ROOTS, struct plan_place);
	struct search s = {.a = a, .found = ARENA_ARRAY(a, PLAN_MAX_INERT, struct plan_place)};

	if (!roots || !s.found) {
		return ERR(err, ERR_NOMEM, "out of memory for a sandbox");
	}
	m.n_libraries = m.n_loaders = 0;
	TRY(look_at(&s, &m, roots, err));
	TRY(look_for_loaders(a, &m, err));
	m.libraries = roots;
	m.inert = s.found;
	m.n_inert = s.n;
	*machine = m;
	return ERR_OK;
}
