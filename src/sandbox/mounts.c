/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/mounts.h"

#include "sandbox/plan_priv.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_PART = 256 };

#define WALK (O_PATH | O_NOFOLLOW | O_CLOEXEC)

static enum err_code set_attributes(int fd, uint64_t attributes, unsigned flags, struct err *err)
{
	struct mount_attr attr = {.attr_set = attributes};

	if (mount_setattr(fd, "", AT_EMPTY_PATH | flags, &attr, sizeof(attr)) < 0) {
		return ERR_ERRNO(err, "mount attributes");
	}
	return ERR_OK;
}

/* One step down; makes the directory when it is missing. Takes *at over and replaces it. */
static enum err_code step(int *at, const char *part, struct err *err)
{
	int next = openat(*at, part, WALK | O_DIRECTORY);

	if (next < 0 && errno == ENOENT) {
		if (mkdirat(*at, part, 0755) < 0) {
			return ERR_ERRNO(err, "make directory %s", part);
		}
		next = openat(*at, part, WALK | O_DIRECTORY);
	}
	if (next < 0) {
		return ERR_ERRNO(err, "enter %s", part);
	}
	fd_close(at);
	*at = next;
	return ERR_OK;
}

/* A directory of the new root that is there already, in one call; else -1. */
static int find_dir(int root, struct str dir)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};
	char path[PATH_MAX];

	if (dir.n < 2) {
		return fcntl(root, F_DUPFD_CLOEXEC, 3);
	}
	if (dir.n > sizeof(path)) {
		return -1;
	}
	memcpy(path, dir.p + 1, dir.n - 1);
	path[dir.n - 1] = '\0';
	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/* The same, making what is missing. */
static enum err_code make_dirs(int root, struct str dir, int *ret, struct err *err)
{
	CLEANUP(fd_close) int at = fcntl(root, F_DUPFD_CLOEXEC, 3);
	struct str rest = str_from(dir, 1);

	if (at < 0) {
		return ERR_ERRNO(err, "duplicate");
	}
	while (rest.n) {
		struct str part = str_cut(&rest, '/');
		char name[MAX_PART];

		if (part.n >= MAX_PART) {
			return ERR(err, ERR_LIMIT, STR_FMT ": a name is too long", STR_ARG(dir));
		}
		memcpy(name, part.p, part.n);
		name[part.n] = '\0';
		TRY(step(&at, name, err));
	}
	*ret = fd_take(&at);
	return ERR_OK;
}

/* m->dir becomes the directory that holds the target; *ret_name is the target's own name, behind which is a NUL. */
static enum err_code walk(struct mounts *m, struct str target, const char **ret_name,
			  struct err *err)
{
	struct str dir = path_dir(target);

	*ret_name = target.p + (dir.n > 1 ? dir.n + 1 : 1);
	if (target.p + target.n - *ret_name >= MAX_PART) {
		return ERR(err, ERR_LIMIT, STR_FMT ": a name is too long", STR_ARG(target));
	}
	if (m->dir >= 0 && str_eq(dir, m->dir_path)) {
		return ERR_OK;
	}
	fd_close(&m->dir);
	m->dir = find_dir(m->root, dir);
	if (m->dir < 0) {
		TRY(make_dirs(m->root, dir, &m->dir, err));
	}
	m->dir_path = dir;
	return ERR_OK;
}

/*
 * A mount at the target, which is made when it is not there. A symbolic link there is not followed: nothing can be mounted
 * on one that is to be a directory, and what is mounted on another is that link.
 */
static enum err_code attach(struct mounts *m, int mount, struct str target, bool is_dir,
			    struct err *err)
{
	const char *name;
	int made;

	TRY(walk(m, target, &name, err));
	made = is_dir ? mkdirat(m->dir, name, 0755) : mknodat(m->dir, name, S_IFREG | 0644, 0);
	if (made < 0 && errno != EEXIST) {
		return ERR_ERRNO(err, "make " STR_FMT, STR_ARG(target));
	}
	if (move_mount(mount, "", m->dir, name, MOVE_MOUNT_F_EMPTY_PATH) < 0) {
		return ERR_ERRNO(err, "mount " STR_FMT, STR_ARG(target));
	}
	if (path_within(m->dir_path, target)) {
		fd_close(&m->dir); /* what is reached by that name is another now */
	}
	return ERR_OK;
}

enum err_code mounts_private(struct err *err)
{
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		return ERR_ERRNO(err, "make the mounts private");
	}
	return ERR_OK;
}

enum err_code mounts_root(uint64_t bytes, struct mounts *ret, struct err *err)
{
	char options[64];
	int root;

	(void)snprintf(options, sizeof(options), "mode=0755,size=%llu", (unsigned long long)bytes);
	if (mount("writ", "/proc", "tmpfs", MS_NOSUID | MS_NODEV, options) < 0) {
		return ERR_ERRNO(err, "mount a root in memory");
	}
	root = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0) {
		return ERR_ERRNO(err, "open the new root");
	}
	*ret = (struct mounts){.root = root, .dir = -1};
	return ERR_OK;
}

enum err_code mounts_dir(struct mounts *m, struct str target, struct err *err)
{
	const char *name;

	TRY(walk(m, target, &name, err));
	return mkdirat(m->dir, name, 0755) < 0 && errno != EEXIST
		       ? ERR_ERRNO(err, "make " STR_FMT, STR_ARG(target))
		       : ERR_OK;
}

enum err_code mounts_link(struct mounts *m, const struct plan_op *op, struct err *err)
{
	const char *name;

	TRY(walk(m, op->target, &name, err));
	if (symlinkat(op->source.p, m->dir, name) < 0) {
		return ERR_ERRNO(err, "link " STR_FMT, STR_ARG(op->target));
	}
	return ERR_OK;
}

enum err_code mounts_file(struct mounts *m, const struct plan_op *op, struct err *err)
{
	CLEANUP(fd_close) int fd = -1;
	const char *name;

	TRY(walk(m, op->target, &name, err));
	fd = openat(m->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, op->source.p, op->source.n) != (ssize_t)op->source.n) {
		return ERR_ERRNO(err, "write " STR_FMT, STR_ARG(op->target));
	}
	return ERR_OK;
}

enum err_code mounts_bind(struct mounts *m, const struct plan_op *op, struct err *err)
{
	uint64_t attributes = MOUNT_ATTR_NOSUID;
	/* Resolved before: a link that appeared since is not followed. */
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
	CLEANUP(fd_close) int tree = -1;
	CLEANUP(fd_close)
	int source = (int)syscall(SYS_openat2, AT_FDCWD, op->source.p, &how, sizeof(how));

	if (source < 0) {
		return ERR_ERRNO(err, "take " STR_FMT, STR_ARG(op->source));
	}
	tree = open_tree(source, "",
			 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);
	if (tree < 0) {
		return ERR_ERRNO(err, "take " STR_FMT, STR_ARG(op->source));
	}
	attributes |= op->flags & BIND_WRITE ? 0 : MOUNT_ATTR_RDONLY;
	attributes |= op->flags & (BIND_EXEC | BIND_MAP) ? 0 : MOUNT_ATTR_NOEXEC;
	attributes |= op->flags & BIND_DEVICE ? 0 : MOUNT_ATTR_NODEV;
	TRY(set_attributes(tree, attributes, AT_RECURSIVE, err));
	return attach(m, tree, op->target, op->flags & BIND_DIR, err);
}

/* A new file system of its own, not yet mounted anywhere. */
static enum err_code make_filesystem(const char *type, const char *const options[][2], size_t n,
				     unsigned attributes, int *ret, struct err *err)
{
	CLEANUP(fd_close) int fs = fsopen(type, FSOPEN_CLOEXEC);
	int mount;

	if (fs < 0) {
		return ERR_ERRNO(err, "%s", type);
	}
	for (size_t i = 0; i < n; i++) {
		if (fsconfig(fs, FSCONFIG_SET_STRING, options[i][0], options[i][1], 0) < 0) {
			return ERR_ERRNO(err, "%s option %s", type, options[i][0]);
		}
	}
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
		return ERR_ERRNO(err, "make a %s", type);
	}
	mount = fsmount(fs, FSMOUNT_CLOEXEC, attributes);
	if (mount < 0) {
		return ERR_ERRNO(err, "mount a %s", type);
	}
	*ret = mount;
	return ERR_OK;
}

/* Layers are named in a list that ':' separates and '\\' escapes: such paths are not taken. */
static enum err_code overlay_options(int fs, const char *scratch, struct err *err)
{
	char upper[PATH_MAX], work[PATH_MAX];

	if (strpbrk(scratch, ":\\,") ||
	    snprintf(upper, sizeof(upper), "%s/upper", scratch) >= (int)sizeof(upper) ||
	    snprintf(work, sizeof(work), "%s/work", scratch) >= (int)sizeof(work)) {
		return ERR(err, ERR_INVALID, "%s cannot hold the changes: its name", scratch);
	}
	/* The lower layer is the folder we stand in, whatever it is called. */
	if (fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir", ".", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "upperdir", upper, 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "workdir", work, 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0 ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
		return ERR_ERRNO(err, "make an overlay (is %s on a plain file system?)", scratch);
	}
	return ERR_OK;
}

enum err_code mounts_overlay(struct mounts *m, const struct plan_op *op, struct err *err)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_NO_SYMLINKS};
	CLEANUP(fd_close)
	int lower = (int)syscall(SYS_openat2, AT_FDCWD, op->target.p, &how, sizeof(how));
	CLEANUP(fd_close) int fs = -1;
	CLEANUP(fd_close) int mount = -1;

	if (lower < 0 || fchdir(lower) < 0) {
		return ERR_ERRNO(err, "take " STR_FMT, STR_ARG(op->target));
	}
	fs = fsopen("overlay", FSOPEN_CLOEXEC);
	if (fs < 0) {
		return ERR_ERRNO(err, "overlay");
	}
	TRY(overlay_options(fs, op->source.p, err));
	mount = fsmount(fs, FSMOUNT_CLOEXEC,
			MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				(op->flags & BIND_EXEC ? 0U : MOUNT_ATTR_NOEXEC));
	if (mount < 0) {
		return ERR_ERRNO(err, "mount an overlay");
	}
	return attach(m, mount, op->target, true, err);
}

enum err_code mounts_pin(struct mounts *m, const struct plan_op *op, struct err *err)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};
	CLEANUP(fd_close)
	int at = (int)syscall(SYS_openat2, m->root, op->target.p + 1, &how, sizeof(how));
	CLEANUP(fd_close) int tree = -1;

	if (at < 0) {
		return ERR_ERRNO(err, "keep " STR_FMT, STR_ARG(op->target));
	}
	tree = open_tree(at, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (tree < 0) {
		return ERR_ERRNO(err, "keep " STR_FMT, STR_ARG(op->target));
	}
	return attach(m, tree, op->target, true, err);
}

enum err_code mounts_monitored(const struct mounts *m, const struct plan_op *op, int *ret_tree,
			       struct err *err)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC,
			       .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};
	CLEANUP(fd_close)
	int at = (int)syscall(SYS_openat2, m->root, op->target.p + 1, &how, sizeof(how));
	CLEANUP(fd_close) int tree = -1;

	if (at < 0) {
		return ERR_ERRNO(err, "watch " STR_FMT, STR_ARG(op->target));
	}
	if (!(op->flags & BIND_WRITE)) {
		*ret_tree = fd_take(&at);
		return ERR_OK;
	}
	tree = open_tree(at, "",
			 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);
	if (tree < 0) {
		return ERR_ERRNO(err, "watch " STR_FMT, STR_ARG(op->target));
	}
	TRY(set_attributes(at, MOUNT_ATTR_RDONLY, AT_RECURSIVE, err));
	*ret_tree = fd_take(&tree);
	return ERR_OK;
}

enum err_code mounts_tmp(struct mounts *m, const struct plan_op *op, struct err *err)
{
	CLEANUP(fd_close) int mount = -1;
	char size[32];
	const char *const options[][2] = {{"mode", "1777"}, {"size", size}, {"nr_inodes", "65536"}};

	(void)snprintf(size, sizeof(size), "%llu", (unsigned long long)op->value);
	TRY(make_filesystem("tmpfs", options, ARRAY_LEN(options),
			    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				    (op->flags & BIND_EXEC ? 0U : MOUNT_ATTR_NOEXEC),
			    &mount, err));
	return attach(m, mount, op->target, true, err);
}

enum err_code mounts_pts(struct mounts *m, struct str target, struct err *err)
{
	static const char *const options[][2] = {
		{"mode", "0620"}, {"ptmxmode", "0666"}, {"max", "64"}};
	CLEANUP(fd_close) int mount = -1;

	TRY(make_filesystem("devpts", options, ARRAY_LEN(options),
			    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, &mount, err));
	return attach(m, mount, target, true, err);
}

/* On a mount without devices even this one cannot be opened. */
static enum err_code mask_file(struct mounts *m, struct str target, struct err *err)
{
	CLEANUP(fd_close)
	int tree = open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0) {
		return ERR_ERRNO(err, "take /dev/null");
	}
	TRY(set_attributes(
		tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
		0, err));
	return attach(m, tree, target, false, err);
}

enum err_code mounts_mask(struct mounts *m, const struct plan_op *op, struct err *err)
{
	static const char *const options[][2] = {
		{"mode", "0000"}, {"size", "4096"}, {"nr_inodes", "1"}};
	CLEANUP(fd_close) int mount = -1;

	if (!(op->flags & BIND_DIR)) {
		return mask_file(m, op->target, err);
	}
	TRY(make_filesystem("tmpfs", options, ARRAY_LEN(options),
			    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				    MOUNT_ATTR_NOEXEC,
			    &mount, err));
	return attach(m, mount, op->target, true, err);
}

enum err_code mounts_own_proc(int *ret, struct err *err)
{
	enum err_code code =
		make_filesystem("proc", NULL, 0,
				MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, ret, err);

	if (code != ERR_OK) {
		err_wrap(err, "an own /proc (in a container it must not be masked)");
	}
	return code;
}

enum err_code mounts_proc(struct mounts *m, struct str target, int *ret_proc, struct err *err)
{
	CLEANUP(fd_close) int mount = -1;

	TRY(mounts_own_proc(&mount, err));
	TRY(attach(m, mount, target, true, err));
	*ret_proc = fd_take(&mount);
	return ERR_OK;
}

enum err_code mounts_pivot(struct mounts *m, int proc, struct err *err)
{
	if (proc >= 0) {
		TRY(set_attributes(proc, MOUNT_ATTR_RDONLY, 0, err));
	}
	TRY(set_attributes(m->root, MOUNT_ATTR_RDONLY, 0, err));
	fd_close(&m->dir);
	if (fchdir(m->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0) {
		return ERR_ERRNO(err, "change to the new root");
	}
	/* The old root is mounted over the new one now; take it away. */
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0) {
		return ERR_ERRNO(err, "leave the old root");
	}
	return ERR_OK;
}
