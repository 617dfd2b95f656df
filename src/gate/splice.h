/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes between two sockets, both ways, without passing through this process:
 * splice(2) by way of a pipe, which is lent while bytes are under way, a wide one to a
 * direction that has much to carry. Each side is slowed down to the other's pace. A side that stops sending is told to the other
 * (half-close); both sides together, a broken one, or silence end it.
 */
#ifndef GATE_SPLICE_H
#define GATE_SPLICE_H

#include "base/str.h"
#include "net/loop.h"

/* Wide ones are few: the kernel counts what pipes could hold against their user, 64 MiB as it comes. */
enum { SPLICE_SPARE = 64, SPLICE_WIDE = 4 };

/* Empty pipes at hand, for all splices of one owner. Zeroed is empty. */
struct splice_pipes {
	int plain[SPLICE_SPARE][2], wide[SPLICE_WIDE][2];
	unsigned n_plain, n_wide;
	unsigned made; /* wide ones, those that are lent too */
};

/* One direction. */
struct splice_flow {
	int pipe[2];    /* -1, -1: none lent */
	bool wide;      /* it is a wide one */
	bool bulk;      /* had so much to carry that the next is to be one */
	bool ended;     /* its source sends no more */
	size_t held;    /* bytes in the pipe */
	uint64_t bytes; /* that have arrived */
};

enum splice_end { SPLICE_CLOSED = 0, SPLICE_BROKEN, SPLICE_IDLE, SPLICE_NO_PIPE };

struct splice {
	struct loop *loop;
	struct splice_pipes *pipes;
	struct loop_fd a, b; /* both owned */
	struct splice_flow from_a, from_b;
	struct timer idle;
	uint64_t idle_ns;
	bool over;
	/* Once; both descriptors are closed. May free the splice. */
	void (*on_end)(struct splice *s, enum splice_end why);
};

/* Closes those at hand: after the last splice. */
void splice_pipes_done(struct splice_pipes *p);

/* Nothing is owned yet. Zeroed descriptors are set to -1. `pipes` outlives it. */
void splice_init(struct splice *s, struct loop *l, struct splice_pipes *pipes);

/* Bytes that came from a before; at most 64 KiB. ERR_SYS or ERR_LIMIT when they cannot be kept. */
enum err_code splice_preload(struct splice *s, struct str from_a, struct err *err) MUST_USE;

/* Owns both from here on, also on failure. on_end must be set; it is not called from inside. */
enum err_code splice_start(struct splice *s, int a, int b, uint64_t idle_ns,
			   struct err *err) MUST_USE;

/* Ends it without on_end. Harmless when it is over or not begun. */
void splice_stop(struct splice *s);

#endif
