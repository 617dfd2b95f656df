/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void files_init(struct files *f, struct arena *a, const char *dir)
{
	*f = (struct files){.a = a, .dir = str_from_c(dir)};
}

static void add(struct files *f, struct str name, struct str content, mode_t mode, bool is_dir)
{
	struct files_item item = {
		.path = arena_printf(f->a, STR_FMT "/" STR_FMT, STR_ARG(f->dir), STR_ARG(name)),
		.content = arena_dup(f->a, content),
		.mode = mode,
		.is_dir = is_dir,
	};

	if (f->n == FILES_MAX || !item.path.p || !item.content.p ||
	    !ARENA_GROW(f->a, &f->items, f->n, &f->cap)) {
		f->failed = true;
		return;
	}
	f->items[f->n++] = item;
}

void files_add(struct files *f, struct str name, struct str content, mode_t mode)
{
	add(f, name, content, mode, false);
}

void files_add_dir(struct files *f, struct str name, mode_t mode)
{
	add(f, name, STR(""), mode, true);
}

static enum err_code make_dir(struct files_item *item, struct err *err)
{
	struct stat st;

	if (mkdir(item->path.p, item->mode) == 0) {
		item->made = true;
		return ERR_OK;
	}
	if (errno == EEXIST && stat(item->path.p, &st) == 0 && S_ISDIR(st.st_mode)) {
		return ERR_OK;
	}
	return ERR_ERRNO(err, "%s", item->path.p);
}

static enum err_code make_file(struct files_item *item, struct err *err)
{
	int fd = open(item->path.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, item->mode);
	struct str rest = item->content;
	bool fine = true;

	if (fd < 0) {
		return ERR_ERRNO(err, "%s", item->path.p);
	}
	item->made = true;
	while (rest.n && fine) {
		ssize_t n = write(fd, rest.p, rest.n);

		if (n < 0 && errno != EINTR) {
			fine = false;
		} else if (n > 0) {
			rest = str_from(rest, (size_t)n);
		}
	}
	fine = fine && fchmod(fd, item->mode) == 0; /* whatever the umask says */
	if (!fine) {
		err_ignore(ERR_ERRNO(err, "%s", item->path.p)); /* close may change errno */
	}
	(void)close(fd);
	return fine ? ERR_OK : ERR_SYS;
}

static void remove_made(struct files *f)
{
	for (size_t i = f->n; i > 0; i--) {
		if (f->items[i - 1].made) {
			(void)remove(f->items[i - 1].path.p); /* a folder in use stays */
		}
	}
}

static enum err_code check_free(const struct files *f, struct err *err)
{
	struct stat st;

	for (size_t i = 0; i < f->n; i++) {
		if (!f->items[i].is_dir && lstat(f->items[i].path.p, &st) == 0) {
			return ERR(
				err, ERR_EXISTS,
				"%s exists already; nothing was written: choose another folder or "
				"move it away",
				f->items[i].path.p);
		}
	}
	return ERR_OK;
}

enum err_code files_write(struct files *f, struct err *err)
{
	if (f->failed) {
		return ERR(err, ERR_NOMEM, "out of memory, or more than %d files", FILES_MAX);
	}
	TRY(check_free(f, err));
	if (mkdir(f->dir.p, 0755) < 0 && errno != EEXIST) {
		return ERR_ERRNO(err, STR_FMT, STR_ARG(f->dir));
	}
	for (size_t i = 0; i < f->n; i++) {
		struct files_item *item = &f->items[i];
		enum err_code code = item->is_dir ? make_dir(item, err) : make_file(item, err);

		if (code) {
			remove_made(f);
			return code;
		}
	}
	return ERR_OK;
}
