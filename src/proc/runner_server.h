/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One running stdio server: its sandbox, what it says on standard error, and its
 * end.
 *
 *	running --stop--> asked --2 s--> SIGTERM --2 s--> SIGKILL --> ended
 *	   |________________________________________________________^
 *
 * Its standard input and output are one stream socket whose other end the gate
 * holds; to stop politely the gate closes that end, then says STOP.
 */
#ifndef PROC_RUNNER_SERVER_H
#define PROC_RUNNER_SERVER_H

#include "net/loop.h"
#include "sandbox/apply.h"

enum {
	RUNNER_LINE_MAX = 8 * 1024, /* of standard error; longer ones are cut */
	RUNNER_LINES_BURST = 100,   /* then RUNNER_LINES_SECOND each second */
	RUNNER_LINES_SECOND = 20,
	RUNNER_STEP_SECONDS = 2, /* between the steps of a stop */
};

enum server_stage { SERVER_RUNNING = 0, SERVER_ASKED, SERVER_TERMINATED, SERVER_KILLED };

struct server {
	struct loop *loop;
	char id[64];
	struct sandbox_child child;
	struct loop_fd ended; /* the pidfd */
	struct loop_fd errors;
	struct timer step;
	enum server_stage stage;
	uint64_t started_at;

	/* Standard error, by lines. */
	char line[RUNNER_LINE_MAX];
	size_t n_line;
	bool cut;          /* the rest of this line is dropped */
	uint64_t lines_at; /* when `lines_left` was last filled */
	unsigned lines_left;
	uint64_t lines_dropped;

	/* The process is gone and reaped. The callback frees the server. */
	void (*on_end)(struct server *s, uint32_t wait_status);
};

/*
 * Starts the plan. *ret_fd is the gate's end of its streams, non-blocking, and the
 * caller's. Blocks for the milliseconds that the set-up takes.
 */
enum err_code server_start(struct server *s, struct loop *loop, struct str id,
			   const struct sandbox_plan *plan, int *ret_fd, struct err *err) MUST_USE;

/* Begins to stop it; on_end follows. Harmless when that is under way. */
void server_stop(struct server *s);

/* Ends all of it now; on_end follows. */
void server_kill(struct server *s);

#endif
