/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the answer of a login comes back to: a port of this machine that takes one request from the person's browser
 * (RFC 8252 section 7.3). What it brings is passed on, not read.
 */
#ifndef CLI_REDIRECT_H
#define CLI_REDIRECT_H

#include "base/arena.h"
#include "base/err.h"

enum { REDIRECT_QUERY_MAX = 3000, REDIRECT_HEAD_MAX = 8 << 10 };

struct redirect {
	int fd;        /* listens; -1: closed */
	int client_fd; /* the browser that waits for a page; -1: none */
	char url[64];
};

/* On a free port of 127.0.0.1. */
enum err_code redirect_open(struct redirect *r, struct err *err) MUST_USE;
void redirect_done(struct redirect *r);

/*
 * The query that came, in the arena; other requests are answered 404 meanwhile. With `paste` a line of standard
 * input may bring it instead: the address at which a browser on another machine ended. ERR_TIMEOUT.
 */
enum err_code redirect_wait(struct redirect *r, struct arena *a, uint64_t seconds, bool paste,
			    struct str *ret, struct err *err) MUST_USE;

/* What the person sees in the browser. */
void redirect_say(struct redirect *r, bool ok);

/* The query of the request whose head this is, or of a pasted address; false: it is none of ours. */
bool redirect_query(struct str text, struct str *ret);

#endif
