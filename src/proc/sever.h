/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The autarky switch as the state directory remembers it: the file `severed` holds the group or country
 * whose sites a node still reaches, and is absent while nothing is cut. It outlives restarts.
 */
#ifndef PROC_SEVER_H
#define PROC_SEVER_H

#include "base/err.h"
#include "base/str.h"

enum { SEVER_GROUP_MAX = 32 };

/* Copies the name with a NUL behind it; false when it cannot be one of a group or country. */
bool sever_group(struct str name, char ret[static SEVER_GROUP_MAX + 1]);

/* What the directory says: an empty text when nothing is cut. ERR_CORRUPT: the file says nothing that
 * can be understood, so the node must not start. */
enum err_code sever_read(int dir_fd, char ret[static SEVER_GROUP_MAX + 1],
			 struct err *err) MUST_USE;

/* On disk when it returns; an empty group removes the file. */
enum err_code sever_write(int dir_fd, const char *group, struct err *err) MUST_USE;

#endif
