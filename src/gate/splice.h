/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes between two sockets, both ways, without passing through this process:
 * splice(2) by way of a pipe, which is lent while bytes are under way. Each side is
 * slowed down to the other's pace. A side that stops sending is told to the other
 * (half-close); both sides together, a broken one, or silence end it.
 */
#ifndef GATE_SPLICE_H
#define GATE_SPLICE_H

#include "base/str.h"
#include "net/loop.h"

/* Where empty pipes are kept; of the owner. */
struct splice_pipes {
	int (*fds)[2];
	unsigned *n, max;
};

/* One direction. */
struct splice_flow {
	int pipe[2];    /* -1, -1: none lent */
	size_t held;    /* bytes in it */
	uint64_t bytes; /* that have arrived */
	bool ended;     /* its source sends no more */
};

enum splice_end { SPLICE_CLOSED = 0, SPLICE_BROKEN, SPLICE_IDLE, SPLICE_NO_PIPE };

struct splice {
	struct loop *loop;
	struct splice_pipes pipes;
	struct loop_fd a, b; /* both owned */
	struct splice_flow from_a, from_b;
	struct timer idle;
	uint64_t idle_ns;
	bool over;
	/* Once; both descriptors are closed. May free the splice. */
	void (*on_end)(struct splice *s, enum splice_end why);
};

/* Nothing is owned yet. Zeroed descriptors are set to -1. */
void splice_init(struct splice *s, struct loop *l, struct splice_pipes pipes);

/* Bytes that came from a before; at most 64 KiB. ERR_SYS or ERR_LIMIT when they cannot be kept. */
enum err_code splice_preload(struct splice *s, struct str from_a, struct err *err) MUST_USE;

/* Owns both from here on, also on failure. on_end must be set; it is not called from inside. */
enum err_code splice_start(struct splice *s, int a, int b, uint64_t idle_ns,
			   struct err *err) MUST_USE;

/* Ends it without on_end. Harmless when it is over or not begun. */
void splice_stop(struct splice *s);

#endif
