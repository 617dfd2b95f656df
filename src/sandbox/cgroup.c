/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/cgroup.h"

#include "sys/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_MAX = 256 << 10, PARENTS = 4, CPU_PERIOD = 100000 /* microseconds */ };

#define PREFIX "writ-run-"

/* cgroups(7): the controllers, and the files that hold their limits. */
static const struct {
	const char *controller, *what;
	const char *file[3]; /* by version */
} limits[CGROUP_MAX] = {
	[CGROUP_MEMORY] = {"memory", "memory", {NULL, "memory.limit_in_bytes", "memory.max"}},
	[CGROUP_CPU] = {"cpu", "cpu", {NULL, "cpu.cfs_quota_us", "cpu.max"}},
	[CGROUP_PIDS] = {"pids", "processes", {NULL, "pids.max", "pids.max"}},
};

bool cgroup_wanted(const struct cgroup_spec *spec)
{
	for (size_t i = 0; i < CGROUP_MAX; i++) {
		if (spec->value[i]) {
			return true;
		}
	}
	return false;
}

static bool put(const char *dir, const char *file, const char *text)
{
	char path[CGROUP_PATH + 64];
	CLEANUP(fd_close) int fd = -1;
	size_t n = strlen(text);

	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, text, n) == (ssize_t)n;
}

/* ---- where they are ---- */

/* A file of /proc, which has no size. */
static struct str slurp(struct buf *b, const char *path)
{
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : 1;

	buf_init(b, TEXT_MAX);
	while (n > 0) {
		char *to = buf_reserve(b, 4096);

		n = to ? read(fd, to, 4096) : -1;
		if (n > 0) {
			buf_commit(b, (size_t)n);
		}
	}
	return n < 0 || b->failed ? STR("") : buf_str(b);
}

static bool has_word(struct str list, const char *word)
{
	while (list.p) {
		if (str_eq(str_cut(&list, ','), str_from_c(word))) {
			return true;
		}
	}
	return false;
}

/* Our own group, as /proc/self/cgroup says: "0::/a/b" of version 2, "4:memory:/a/b" of 1. */
static struct str own_path(struct str text, const char *controller, int version)
{
	while (text.n) {
		struct str path = str_cut(&text, '\n');
		struct str number = str_cut(&path, ':'), controllers = str_cut(&path, ':');

		if (version == 2 ? str_eq(number, STR("0")) && controllers.n == 0
				 : has_word(controllers, controller)) {
			return path;
		}
	}
	return STR("");
}

/* proc(5), mountinfo: id parent device ROOT POINT options ... - TYPE source SUPER */
static bool mounted_at(struct str text, const char *controller, int version, struct str *ret_root,
		       struct str *ret_point)
{
	while (text.n) {
		struct str rest = str_cut(&text, '\n'), type;
		size_t dash = str_find_str(rest, STR(" - "));
		struct str tail = str_from(rest, dash < rest.n ? dash + 3 : rest.n);

		for (int i = 0; i < 3; i++) {
			(void)str_cut(&rest, ' ');
		}
		*ret_root = str_cut(&rest, ' ');
		*ret_point = str_cut(&rest, ' ');
		type = str_cut(&tail, ' ');
		(void)str_cut(&tail, ' ');
		if (version == 2 ? str_eq(type, STR("cgroup2"))
				 : str_eq(type, STR("cgroup")) && has_word(tail, controller)) {
			return true;
		}
	}
	return false;
}

/* The folder of our own group, in `ret`; false when it is not to be seen here. */
static bool own_folder(struct str groups, struct str mounts, size_t limit, int version,
		       char ret[CGROUP_PATH])
{
	const char *controller = limits[limit].controller;
	struct str own = own_path(groups, controller, version), root, point;
	int n;

	if (own.n == 0 || !mounted_at(mounts, controller, version, &root, &point)) {
		return false;
	}
	if (root.n > 1) { /* only a part of the tree is mounted */
		if (!str_starts_with(own, root)) {
			return false;
		}
		own = str_from(own, root.n);
	}
	while (own.n && own.p[own.n - 1] == '/') {
		own.n--;
	}
	n = snprintf(ret, CGROUP_PATH, STR_FMT STR_FMT, STR_ARG(point), STR_ARG(own));
	return n > 0 && n < CGROUP_PATH - 64;
}

/* ---- making one ---- */

/* What runs left that were killed: a group is removed with its last process gone, and its starter too. */
static void remove_left(const char *parent)
{
	DIR *d = opendir(parent);
	const struct dirent *e;

	while (d && (e = readdir(d))) { // NOLINT(concurrency-mt-unsafe)
		long pid = strncmp(e->d_name, PREFIX, sizeof(PREFIX) - 1) == 0
				   ? strtol(e->d_name + sizeof(PREFIX) - 1, NULL, 10)
				   : 0;

		if (pid > 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH) {
			(void)unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
		}
	}
	if (d) {
		(void)closedir(d);
	}
}

static bool hold(const char *dir, size_t limit, int version, uint64_t value)
{
	char text[64];
	const char *file = limits[limit].file[version];

	if (limit != CGROUP_CPU) {
		(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	} else if (version == 2) {
		(void)snprintf(text, sizeof(text), "%llu %d",
			       (unsigned long long)(value * CPU_PERIOD / 1000), CPU_PERIOD);
	} else {
		(void)snprintf(text, sizeof(text), "%llu",
			       (unsigned long long)(value * CPU_PERIOD / 1000));
	}
	if (!put(dir, file, text)) {
		return false;
	}
	if (limit == CGROUP_MEMORY) {
		/* What the limit takes from memory must not go to the disk instead, where that can be said. */
		(void)put(dir, version == 2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes",
			  version == 2 ? "0" : text);
	}
	return true;
}

/* In `parent`: a group of this process, with the limit. */
static bool make_in(struct cgroup *g, const char *parent, size_t limit, int version)
{
	char dir[CGROUP_PATH];
	int n = snprintf(dir, sizeof(dir), "%s/" PREFIX "%d", parent, (int)getpid());
	bool made;

	if (n < 0 || (size_t)n >= sizeof(dir)) {
		return false;
	}
	remove_left(parent);
	if (version == 2) {
		char enable[32];

		(void)snprintf(enable, sizeof(enable), "+%s", limits[limit].controller);
		(void)put(parent, "cgroup.subtree_control", enable); /* or it is, or cannot be */
	}
	made = mkdir(dir, 0755) == 0;
	if (!made && errno != EEXIST) {
		return false;
	}
	if (!hold(dir, limit, version, g->spec.value[limit])) {
		if (made) {
			(void)rmdir(dir);
		}
		return false;
	}
	memcpy(g->of[limit].dir, dir, sizeof(dir));
	g->of[limit].version = version;
	return true;
}

/* In our own group, else in one above: with version 2, a group that has processes cannot hand on limits. */
static bool make_one(struct cgroup *g, struct str groups, struct str mounts, size_t limit)
{
	for (int version = 2; version >= 1; version--) {
		char at[CGROUP_PATH];

		if (!own_folder(groups, mounts, limit, version, at)) {
			continue;
		}
		for (int up = 0; up < PARENTS; up++) {
			char *slash = strrchr(at, '/');

			if (make_in(g, at, limit, version)) {
				return true;
			}
			if (!slash || slash == at) {
				break;
			}
			*slash = '\0';
		}
	}
	return false;
}

enum err_code cgroup_make(const struct cgroup_spec *spec, struct cgroup *ret, struct err *err)
{
	struct cgroup g = {.spec = *spec};
	struct buf groups_buf, mounts_buf;
	struct str groups = slurp(&groups_buf, "/proc/self/cgroup");
	struct str mounts = slurp(&mounts_buf, "/proc/self/mountinfo");
	enum err_code code = ERR_OK;

	for (size_t i = 0; i < CGROUP_MAX && !code; i++) {
		if (spec->value[i] && !make_one(&g, groups, mounts, i)) {
			code = ERR(
				err, ERR_UNSUPPORTED,
				"the %s of a whole sandbox cannot be limited here: this user may "
				"not make a control group with the controller %s (systemd-run "
				"--user --scope -p Delegate=yes gives one)",
				limits[i].what, limits[i].controller);
		}
	}
	buf_done(&groups_buf);
	buf_done(&mounts_buf);
	if (code) {
		cgroup_done(&g);
		return code;
	}
	*ret = g;
	return ERR_OK;
}

enum err_code cgroup_enter(const struct cgroup *g, pid_t pid, struct err *err)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	for (size_t i = 0; i < CGROUP_MAX; i++) {
		if (g->of[i].dir[0] && !put(g->of[i].dir, "cgroup.procs", text)) {
			return ERR_ERRNO(err, "enter the control group %s", g->of[i].dir);
		}
	}
	return ERR_OK;
}

void cgroup_done(struct cgroup *g)
{
	for (size_t i = 0; i < CGROUP_MAX; i++) {
		if (g->of[i].dir[0]) {
			(void)rmdir(g->of[i].dir); /* of version 2 it is one for all */
		}
	}
	*g = (struct cgroup){0};
}

void cgroup_print(const struct cgroup *g, struct buf *out)
{
	bool first = true;

	for (size_t i = 0; i < CGROUP_MAX; i++) {
		unsigned long long v = g->spec.value[i];

		if (!g->of[i].dir[0]) {
			continue;
		}
		buf_printf(out, "%s%s ", first ? "" : ", ", limits[i].what);
		if (i == CGROUP_CPU) {
			buf_printf(out, "%llu.%03llu", v / 1000, v % 1000);
		} else {
			buf_printf(out, "%llu%s", i == CGROUP_MEMORY ? v >> 10 : v,
				   i == CGROUP_MEMORY ? " KiB" : "");
		}
		buf_printf(out, " (control groups v%d)", g->of[i].version);
		first = false;
	}
}
