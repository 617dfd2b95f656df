/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New files, all or none: a command gathers what it wants to write, and nothing
 * that exists is touched. When one cannot be made, those that were made are
 * removed again.
 */
#ifndef CLI_FILES_H
#define CLI_FILES_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#include <sys/types.h>

enum { FILES_MAX = 512 };

struct files_item {
	struct str path; /* NUL behind it */
	struct str content;
	mode_t mode;
	bool is_dir;
	bool made;
};

struct files {
	struct arena *a;
	struct str dir; /* everything goes below */
	struct files_item *items;
	size_t n, cap;
	bool failed; /* out of memory or too many: files_write reports it */
};

void files_init(struct files *f, struct arena *a, const char *dir);

/* `name` is relative to the folder; the content is copied. Folders come before what is in them;
 * an existing folder is fine. */
void files_add(struct files *f, struct str name, struct str content, mode_t mode);
void files_add_dir(struct files *f, struct str name, mode_t mode);

/* ERR_EXISTS names the file that is in the way. Makes the folder itself when it is missing. */
enum err_code files_write(struct files *f, struct err *err) MUST_USE;

#endif
