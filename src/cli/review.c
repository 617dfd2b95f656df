/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/review.h"

#include "sys/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { COPY = 64 << 10, PATH_BYTES = 4096 };

#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

const char *review_kind_name(enum review_kind kind)
{
	switch (kind) {
	case REVIEW_CHANGED:
		return "changed";
	case REVIEW_ADDED:
		return "added";
	case REVIEW_REMOVED:
		return "removed";
	case REVIEW_REPLACED:
		return "replaced";
	case REVIEW_SKIPPED:
		return "skipped";
	}
	return "?";
}

/* ---- walking ---- */

/* One name of a folder of changes, with what stands at the same place in the workspace. */
struct entry {
	const char *name;
	struct stat st;
	int upper, lower; /* the folders; lower -1: there is none */
	bool there;       /* in the workspace */
	struct stat was;
};

typedef enum err_code (*visit_fn)(void *user, const struct entry *e, struct str path, int depth,
				  struct err *err);

static bool is_removed(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

static bool is_opaque(int dir, const char *name)
{
	CLEANUP(fd_close) int fd = openat(dir, name, OPEN_DIR);
	char value = 0;

	return fd >= 0 && fgetxattr(fd, "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

/* Calls back for each name in `upper`, which is taken over. */
static enum err_code each(int upper, int lower, struct str path, int depth, visit_fn visit,
			  void *user, struct err *err)
{
	DIR *d = fdopendir(upper);
	enum err_code code = ERR_OK;
	const struct dirent *e;

	if (!d) {
		(void)close(upper);
		return ERR_ERRNO(err, STR_FMT, STR_ARG(path));
	}
	while (!code && (e = readdir(d))) {
		struct entry at = {.name = e->d_name, .upper = dirfd(d), .lower = lower};

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
			continue;
		}
		if (depth >= REVIEW_DEPTH) {
			code = ERR(err, ERR_LIMIT, STR_FMT ": too deep", STR_ARG(path));
		} else if (fstatat(at.upper, at.name, &at.st, AT_SYMLINK_NOFOLLOW) < 0) {
			code = ERR_ERRNO(err, "%s", at.name);
		} else {
			at.there = lower >= 0 &&
				   fstatat(lower, at.name, &at.was, AT_SYMLINK_NOFOLLOW) == 0;
			code = visit(user, &at, path, depth, err);
		}
	}
	(void)closedir(d);
	return code;
}

/* The folder of an entry in the workspace, or -1. */
static int lower_dir(const struct entry *e)
{
	return e->there && S_ISDIR(e->was.st_mode) ? openat(e->lower, e->name, OPEN_DIR) : -1;
}

static enum err_code open_layers(struct arena *a, const char *folder, int *ret_upper,
				 int *ret_lower, struct err *err)
{
	struct str path = arena_printf(a, "%s/upper", folder), workspace;

	TRY(review_workspace(a, folder, &workspace, err));
	*ret_upper = path.p ? open(path.p, OPEN_DIR) : -1;
	if (*ret_upper < 0) {
		return ERR_ERRNO(err, "%s/upper", folder);
	}
	*ret_lower = open(workspace.p, OPEN_DIR);
	if (*ret_lower < 0) {
		(void)close(*ret_upper);
		return ERR_ERRNO(err, STR_FMT, STR_ARG(workspace));
	}
	return ERR_OK;
}

/* ---- the list ---- */

struct listing {
	struct arena *a;
	struct review_change *items;
	size_t n, cap;
};

static enum err_code add(struct listing *l, struct review_change c, struct err *err)
{
	if (l->n == REVIEW_MAX) {
		return ERR(err, ERR_LIMIT, "more than %d changes", REVIEW_MAX);
	}
	if (!c.path.p || !ARENA_GROW(l->a, &l->items, l->n, &l->cap)) {
		return ERR(err, ERR_NOMEM, "out of memory for the changes");
	}
	l->items[l->n++] = c;
	return ERR_OK;
}

static enum err_code read_target(struct arena *a, const struct entry *e, struct str *ret,
				 struct err *err)
{
	char to[PATH_MAX];
	ssize_t n = readlinkat(e->upper, e->name, to, sizeof(to));

	if (n < 0) {
		return ERR_ERRNO(err, "%s", e->name);
	}
	*ret = arena_dup(a, str_make(to, (size_t)n));
	return ret->p ? ERR_OK : ERR(err, ERR_NOMEM, "out of memory");
}

static enum err_code list_one(void *user, const struct entry *e, struct str path, int depth,
			      struct err *err)
{
	struct listing *l = user;
	struct review_change c = {
		.path = path.n ? arena_printf(l->a, STR_FMT "/%s", STR_ARG(path), e->name)
			       : arena_dup(l->a, str_from_c(e->name)),
		.is_dir = S_ISDIR(e->st.st_mode),
		.bytes = S_ISREG(e->st.st_mode) ? (uint64_t)e->st.st_size : 0,
		.kind = e->there ? REVIEW_CHANGED : REVIEW_ADDED};
	int fd;

	if (is_removed(&e->st)) {
		c.kind = REVIEW_REMOVED;
		return add(l, c, err);
	}
	if (S_ISLNK(e->st.st_mode)) {
		TRY(read_target(l->a, e, &c.target, err));
	}
	if (!c.is_dir) {
		c.kind = S_ISREG(e->st.st_mode) || S_ISLNK(e->st.st_mode) ? c.kind : REVIEW_SKIPPED;
		return add(l, c, err);
	}
	if (e->there && (is_opaque(e->upper, e->name) || !S_ISDIR(e->was.st_mode))) {
		c.kind = REVIEW_REPLACED;
		TRY(add(l, c, err));
	} else if (!e->there || (e->st.st_mode & 0777) != (e->was.st_mode & 0777)) {
		TRY(add(l, c, err)); /* it is new, or who may enter it is */
	}
	fd = openat(e->upper, e->name, OPEN_DIR);
	if (fd < 0) {
		return ERR_ERRNO(err, STR_FMT, STR_ARG(c.path));
	}
	CLEANUP(fd_close) int lower = c.kind == REVIEW_CHANGED ? lower_dir(e) : -1;
	return each(fd, lower, c.path, depth + 1, list_one, l, err);
}

enum err_code review_list(struct arena *a, const char *folder, struct review_change **ret,
			  size_t *ret_n, struct err *err)
{
	struct listing l = {.a = a};
	CLEANUP(fd_close) int lower = -1;
	int upper;

	TRY(open_layers(a, folder, &upper, &lower, err));
	TRY(each(upper, lower, STR(""), 0, list_one, &l, err));
	*ret = l.items;
	*ret_n = l.n;
	return ERR_OK;
}

/* ---- removing ---- */

static enum err_code remove_one(void *user, const struct entry *e, struct str path, int depth,
				struct err *err)
{
	bool dir = S_ISDIR(e->st.st_mode);

	(void)user;
	if (dir) {
		int fd;

		/* overlayfs leaves folders nobody may enter; by now it may be a link */
		if (fchmodat(e->upper, e->name, 0700, AT_SYMLINK_NOFOLLOW) < 0) {
			return ERR_ERRNO(err, "%s", e->name);
		}
		fd = openat(e->upper, e->name, OPEN_DIR);
		if (fd < 0) {
			return ERR_ERRNO(err, "%s", e->name);
		}
		TRY(each(fd, -1, path, depth + 1, remove_one, NULL, err));
	}
	if (unlinkat(e->upper, e->name, dir ? AT_REMOVEDIR : 0) < 0) {
		return ERR_ERRNO(err, "removing %s", e->name);
	}
	return ERR_OK;
}

/* Whatever is called so, with all that is in it. */
static enum err_code remove_at(int dir, const char *name, struct err *err)
{
	struct entry e = {.name = name, .upper = dir, .lower = -1};

	if (fstatat(dir, name, &e.st, AT_SYMLINK_NOFOLLOW) < 0) {
		return errno == ENOENT ? ERR_OK : ERR_ERRNO(err, "%s", name);
	}
	return remove_one(NULL, &e, STR(""), 0, err);
}

enum err_code review_discard(const char *folder, struct err *err)
{
	return remove_at(AT_FDCWD, folder, err);
}

/* ---- keeping ---- */

static enum err_code copy_bytes(int from, int to, struct err *err)
{
	static const char what[] = "copying a change";
	char bytes[COPY];
	ssize_t n;

	while ((n = read(from, bytes, sizeof(bytes))) > 0) {
		for (ssize_t done = 0; done < n;) {
			ssize_t k = write(to, bytes + done, (size_t)(n - done));

			if (k <= 0) {
				return ERR_ERRNO(err, what);
			}
			done += k;
		}
	}
	return n < 0 ? ERR_ERRNO(err, what) : ERR_OK;
}

/* Whole or not at all: a new file takes the old one's place. */
static enum err_code keep_file(const struct entry *e, struct err *err)
{
	static const char fresh[] = ".writ-review-new";
	CLEANUP(fd_close) int from = openat(e->upper, e->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP(fd_close) int to = -1;

	if (from < 0) {
		return ERR_ERRNO(err, "%s", e->name);
	}
	(void)unlinkat(e->lower, fresh, 0);
	to = openat(e->lower, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0) {
		return ERR_ERRNO(err, "%s", e->name);
	}
	TRY(copy_bytes(from, to, err));
	if (e->there && S_ISDIR(e->was.st_mode)) {
		TRY(remove_at(e->lower, e->name, err));
	}
	if (fchmod(to, e->st.st_mode & 0777) < 0 ||
	    renameat(e->lower, fresh, e->lower, e->name) < 0) {
		return ERR_ERRNO(err, "%s", e->name);
	}
	return ERR_OK;
}

static enum err_code keep_link(const struct entry *e, struct err *err)
{
	char to[PATH_BYTES];
	ssize_t n = readlinkat(e->upper, e->name, to, sizeof(to) - 1);

	if (n < 0) {
		return ERR_ERRNO(err, "%s", e->name);
	}
	to[n] = '\0';
	TRY(remove_at(e->lower, e->name, err));
	if (symlinkat(to, e->lower, e->name) < 0) {
		return ERR_ERRNO(err, "%s", e->name);
	}
	return ERR_OK;
}

static enum err_code keep_one(void *user, const struct entry *e, struct str path, int depth,
			      struct err *err)
{
	int from;

	if (is_removed(&e->st)) {
		return remove_at(e->lower, e->name, err);
	}
	if (S_ISREG(e->st.st_mode)) {
		return keep_file(e, err);
	}
	if (S_ISLNK(e->st.st_mode)) {
		return keep_link(e, err);
	}
	if (!S_ISDIR(e->st.st_mode)) {
		return ERR_OK;
	}
	if (e->there && (!S_ISDIR(e->was.st_mode) || is_opaque(e->upper, e->name))) {
		TRY(remove_at(e->lower, e->name, err));
	}
	if (mkdirat(e->lower, e->name, 0700) < 0 && errno != EEXIST) {
		return ERR_ERRNO(err, "%s", e->name);
	}
	CLEANUP(fd_close) int lower = openat(e->lower, e->name, OPEN_DIR);
	from = openat(e->upper, e->name, OPEN_DIR);
	if (lower < 0 || from < 0) {
		fd_close(&from);
		return ERR_ERRNO(err, "%s", e->name);
	}
	TRY(each(from, lower, path, depth + 1, keep_one, user, err));
	return fchmod(lower, e->st.st_mode & 0777) < 0 ? ERR_ERRNO(err, "%s", e->name) : ERR_OK;
}

enum err_code review_keep(struct arena *a, const char *folder, struct err *err)
{
	CLEANUP(fd_close) int lower = -1;
	int upper;

	TRY(open_layers(a, folder, &upper, &lower, err));
	TRY(each(upper, lower, STR(""), 0, keep_one, NULL, err));
	return review_discard(folder, err);
}

/* ---- folders ---- */

enum err_code review_begin(struct arena *a, struct str workspace, struct str *ret_folder,
			   struct err *err)
{
	static const char *const places[] = {"/var/tmp", "/tmp"};
	char folder[] = "/var/tmp/writ-review-XXXXXX";
	CLEANUP(fd_close) int dir = -1;
	CLEANUP(fd_close) int note = -1;
	bool made = false;

	for (size_t i = 0; i < ARRAY_LEN(places) && !made; i++) {
		(void)snprintf(folder, sizeof(folder), "%s/writ-review-XXXXXX", places[i]);
		made = mkdtemp(folder) != NULL;
	}
	if (!made) {
		return ERR_ERRNO(err, "a folder for the changes in /var/tmp");
	}
	*ret_folder = arena_dup(a, str_from_c(folder));
	dir = open(folder, OPEN_DIR);
	if (dir < 0 || !ret_folder->p || mkdirat(dir, "upper", 0755) < 0 ||
	    mkdirat(dir, "work", 0700) < 0) {
		return ERR_ERRNO(err, "%s", folder);
	}
	note = openat(dir, "workspace", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (note < 0 || write(note, workspace.p, workspace.n) != (ssize_t)workspace.n) {
		return ERR_ERRNO(err, "%s/workspace", folder);
	}
	return ERR_OK;
}

enum err_code review_workspace(struct arena *a, const char *folder, struct str *ret,
			       struct err *err)
{
	struct str path = arena_printf(a, "%s/workspace", folder);
	struct stat st;

	/* Somebody else's folder would change our files as they like. */
	if (lstat(folder, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 077)) {
		return ERR(err, ERR_INVALID, "%s is no folder of changes of your own", folder);
	}
	if (!path.p || fd_read_path(path.p, PATH_BYTES, a, ret, err)) {
		return ERR(err, ERR_INVALID, "%s is no folder of changes", folder);
	}
	if (ret->n == 0 || ret->p[0] != '/' || memchr(ret->p, 0, ret->n)) {
		return ERR(err, ERR_INVALID, "%s/workspace does not name a folder", folder);
	}
	return ERR_OK;
}
