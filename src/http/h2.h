/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libnghttp2, loaded when it is wanted: most processes, and most gates, never
 * speak HTTP/2 and hold nothing of it. A process that will be jailed loads it
 * before: afterwards it can open no file.
 *
 * What it is used for is framing, HPACK and flow control. Sockets, time, limits
 * and the meaning of heads are ours.
 */
#ifndef HTTP_H2_H
#define HTTP_H2_H

#include "base/err.h"

struct h2_lib;

/* ERR_NOT_FOUND, saying which package to install, when it is not on this machine. */
enum err_code h2_lib_load(struct h2_lib **ret, struct err *err) MUST_USE;

/* After the last connection that uses it. Accepts NULL. */
void h2_lib_free(struct h2_lib *lib);

#endif
