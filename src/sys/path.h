/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel can say about a path at once, where libc's realpath(3) asks about each part of it. */
#ifndef SYS_PATH_H
#define SYS_PATH_H

#include <stdbool.h>
#include <sys/stat.h>

/*
 * The path exists, is absolute, has no part that is empty, `.` or `..`, and none that is a symbolic link: it is what
 * realpath would give. *ret describes what is there. False also when the kernel cannot say (before 5.6).
 */
bool path_is_real(const char *path, struct stat *ret);

#endif
