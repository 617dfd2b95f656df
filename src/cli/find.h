/* SPDX-License-Identifier: Apache-2.0 */
/* Small questions that commands ask the file system. */
#ifndef CLI_FIND_H
#define CLI_FIND_H

#include "base/arena.h"
#include "base/err.h"

/* Absolute, symbolic links followed. The path must exist. */
enum err_code find_real_path(struct arena *a, const char *path, struct str *ret,
			     struct err *err) MUST_USE;

/* The program in PATH, absolute; empty with p NULL when there is none. */
struct str find_program(struct arena *a, const char *name);

bool find_is_dir(const char *path);
bool find_is_file(const char *path);

#endif
