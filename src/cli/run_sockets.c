/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unix sockets, behind which somebody outside would act for a sandbox. Those that were bound by their whole
 * path are in a table of the kernel. Of those that were bound by another one, as "./agent.sock", nobody knows
 * where they are: once there is such a one, the places that are given are searched for all there are.
 */
#include "cli/find.h"
#include "cli/run.h"
#include "sys/fd.h"
#include "sys/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	TABLE_STEP = 8 << 10,
	DEPTH_MAX = 128,
	ENTRIES_MAX = 2000000, /* about a second for a million */
};

/* proc(5), /proc/net/unix: seven columns, then the name as it was bound. */
static struct str name_of(struct str line)
{
	for (int i = 0; i < 7; i++) {
		while (line.n && line.p[0] == ' ') {
			line = str_from(line, 1);
		}
		line = str_from(line, str_find(line, ' '));
	}
	return str_from(line, 1); /* the name may begin or end with a space */
}

/* The socket's real path, if one is bound there. */
static bool find_socket(struct arena *a, const char *path, struct str *ret)
{
	struct stat st;

	if (path_is_real(path, &st)) {
		*ret = str_from_c(path);
		return S_ISSOCK(st.st_mode);
	}
	return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	       find_real_path(a, path, ret, NULL) == ERR_OK;
}

/* The folder of a node's socket is its state: with its keys. */
static struct str hidden_for(struct arena *a, struct str socket)
{
	static const struct str own = STR_INIT("/run.sock");
	struct str dir, key;

	if (!str_ends_with(socket, own)) {
		return socket;
	}
	dir = arena_dup(a, str_make(socket.p, socket.n - own.n));
	key = arena_printf(a, STR_FMT "/ledger.key", STR_ARG(dir));
	return dir.n && key.p && find_is_file(key.p) ? dir : socket;
}

static bool take_bound(struct arena *a, struct run_sockets *s, struct str line)
{
	struct str name = name_of(line), real, number = line;

	if (str_cut(&number, ':').n == line.n || str_find(line, '/') < str_find(line, ':')) {
		s->nameless = true; /* the rest of a name with a newline in it */
		return true;
	}
	if (name.n == 0 || name.p[0] == '@') {
		return true; /* of no file */
	}
	if (name.p[0] != '/') {
		s->nameless = true;
		return true;
	}
	name = arena_dup(a, name);
	if (name.p && find_socket(a, name.p, &real) && ARENA_GROW(a, &s->paths, s->n, &s->cap)) {
		s->paths[s->n++] = hidden_for(a, real);
	}
	return !a->exhausted;
}

/* A machine may have many: they are read in pieces. */
enum err_code run_sockets_bound(struct arena *a, struct run_sockets *ret, struct err *err)
{
	CLEANUP(fd_close) int fd = open("/proc/net/unix", O_RDONLY | O_CLOEXEC);
	char text[TABLE_STEP];
	struct str rest = str_make(text, 0);
	ssize_t n = fd < 0 ? -1 : 1;
	bool titles = true; /* the first line */

	*ret = (struct run_sockets){0};
	while (n > 0) {
		memmove(text, rest.p, rest.n);
		n = read(fd, text + rest.n, sizeof(text) - rest.n);
		rest = str_make(text, rest.n + (n > 0 ? (size_t)n : 0));
		while (str_find(rest, '\n') < rest.n) {
			struct str line = str_cut(&rest, '\n');

			if (!titles && !take_bound(a, ret, line)) {
				return ERR(err, ERR_NOMEM, "out of memory");
			}
			titles = false;
		}
	}
	if (n < 0 || rest.n) {
		return n < 0 ? ERR_ERRNO(err, "/proc/net/unix, which tells which sockets to hide")
			     : ERR(err, ERR_CORRUPT, "/proc/net/unix has a line without an end");
	}
	return ERR_OK;
}

/* ---- the search ---- */

struct search {
	struct arena *arena;
	struct run_sockets *found;
	struct str place;
	size_t entries;
	struct err *err;
	size_t n;
	char path[PATH_MAX]; /* where it stands */
};

static enum err_code keep(struct search *s)
{
	struct str path = arena_dup(s->arena, str_make(s->path, s->n));
	struct run_sockets *f = s->found;

	if (!path.p || !ARENA_GROW(s->arena, &f->paths, f->n, &f->cap)) {
		return ERR(s->err, ERR_NOMEM, "out of memory");
	}
	f->paths[f->n++] = hidden_for(s->arena, path);
	return ERR_OK;
}

static enum err_code too_much(struct search *s)
{
	return ERR(s->err, ERR_LIMIT,
		   STR_FMT
		   ": too much to be searched for Unix sockets, of which this machine has some "
		   "that were bound by no whole path: give smaller places",
		   STR_ARG(s->place));
}

/* DT_SOCK, DT_DIR or another; no link is followed. */
static unsigned char type_of(int dir, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN) {
		return e->d_type;
	}
	return fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? IFTODT(st.st_mode)
								      : DT_UNKNOWN;
}

static enum err_code search_folder(struct search *s, int at, const char *name, unsigned depth);

static enum err_code look_at(struct search *s, int dir, const struct dirent *e, unsigned depth)
{
	size_t before = s->n, n = strlen(e->d_name);
	bool self = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	unsigned char type = self ? DT_UNKNOWN : type_of(dir, e);
	enum err_code code;

	if (++s->entries > ENTRIES_MAX || before + n + 2 > sizeof(s->path)) {
		return too_much(s);
	}
	if (type != DT_SOCK && type != DT_DIR) {
		return ERR_OK;
	}
	s->path[s->n++] = '/';
	memcpy(s->path + s->n, e->d_name, n);
	s->n += n;
	code = type == DT_SOCK ? keep(s) : search_folder(s, dir, e->d_name, depth + 1);
	s->n = before;
	return code;
}

/* A folder that we may not list is hidden: a program may know what is in it. */
static enum err_code search_folder(struct search *s, int at, const char *name, unsigned depth)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	enum err_code code = depth > DEPTH_MAX ? too_much(s) : ERR_OK;
	const struct dirent *e;

	if (!d) {
		code = errno == EACCES ? keep(s)
		       : errno == ENOENT || errno == ENOTDIR
			       ? ERR_OK
			       : ERR_ERRNO(s->err, "search " STR_FMT " for sockets",
					   STR_ARG(s->place));
		fd_close(&fd);
		return code;
	}
	while (!code && (e = readdir(d))) {
		code = look_at(s, fd, e, depth);
	}
	(void)closedir(d);
	return code;
}

enum err_code run_sockets_in(struct arena *a, struct str place, struct run_sockets *ret,
			     struct err *err)
{
	struct search s = {.arena = a, .found = ret, .place = place, .err = err, .n = place.n};
	struct str name = arena_dup(a, place);

	if (!name.p || place.n >= sizeof(s.path)) {
		return ERR(err, ERR_NOMEM, "no memory for a path");
	}
	memcpy(s.path, place.p, place.n);
	return search_folder(&s, AT_FDCWD, name.p, 0);
}
