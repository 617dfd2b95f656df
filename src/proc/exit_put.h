/* SPDX-License-Identifier: Apache-2.0 */
/* A request's head with secrets in the place of their placeholders. Pure. */
#ifndef PROC_EXIT_PUT_H
#define PROC_EXIT_PUT_H

#include "http/h1_parse.h"
#include "proc/exit_map.h"

/*
 * Appends the head. A placeholder stands in the value of the credential's header, as a part of
 * it or within what "Basic" encodes; the request is to its host and below its path. ERR_DENIED
 * for any other placeholder: no head then, and the buffer holds nothing to be sent. What "Basic"
 * made of a secret is left in `encoded`, which is as secret as that; else it is empty.
 */
enum err_code exit_put_head(struct buf *out, const struct h1_head *h, const struct exit_map *map,
			    const struct egress_host *host, bool tls, struct buf *encoded,
			    struct err *err) MUST_USE;

#endif
