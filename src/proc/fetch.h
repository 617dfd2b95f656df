/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request at a time, to an address that somebody else dials: the call returns when the answer is
 * there. For processes that do nothing else meanwhile. No redirect is followed.
 */
#ifndef PROC_FETCH_H
#define PROC_FETCH_H

#include "config/config.h"
#include "crypto/tls.h"
#include "http/client.h"
#include "ipc/chan.h"

enum { FETCH_SECONDS = 5, FETCH_BODY_MAX = 64 << 10 };

struct fetcher {
	struct loop loop;
	struct chan *chan; /* GRANTOR_DIAL goes out, IPC_DIALED comes in */
	struct loop_fd f;
	struct http_pool *pool;
	const struct config_url *url; /* of the request under way */
	uint64_t next_token, token;   /* of the dial under way; 0: none */
	uint64_t ticket;
	struct http_call call;
	/* what came of it */
	struct arena *arena;
	struct fetch_answer *answer;
	struct err why;
	bool ok;
};

struct fetch_answer {
	int status;
	struct str challenge; /* WWW-Authenticate; empty without */
	struct str body;
};

struct fetch_request {
	const struct config_url *url;
	const struct http_field *fields;
	size_t n_fields;
	struct str body;     /* p not NULL: POST, else GET */
	struct tls_ctx *tls; /* of an https URL */
	const struct tls_pins *pins;
};

/* `chan` stays the caller's, and is read here while a request is under way only. */
enum err_code fetcher_init(struct fetcher *f, struct chan *chan, struct err *err) MUST_USE;

/* Any status is an answer; its texts are in the arena. The process ends when the channel does. */
enum err_code fetch(struct fetcher *f, const struct fetch_request *r, struct arena *a,
		    struct fetch_answer *ret, struct err *err) MUST_USE;

#endif
