/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop of a single-threaded role: level-triggered epoll, timers,
 * hooks at the end of a turn. One turn is: wait, read the clocks,
 * timers, ready descriptors, and where many were ready the same again without
 * waiting, at most LOOP_AGAIN times; then hooks, whose one flush is for more that way.
 * Nothing here allocates after loop_init.
 *
 * A callback may remove, close and free any watched thing, its own included:
 * events of the same turn that belong to something removed are not delivered.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/err.h"
#include "net/timer.h"

#include <signal.h>
#include <sys/epoll.h>

enum loop_events {
	LOOP_READ = EPOLLIN,
	LOOP_WRITE = EPOLLOUT,
	LOOP_PEER_CLOSED = EPOLLRDHUP, /* the peer will send no more */
	LOOP_ERROR = EPOLLERR,         /* always reported, cannot be masked */
	LOOP_HANGUP = EPOLLHUP,        /* likewise */
};

enum { LOOP_BATCH = 128, LOOP_AGAIN = 2, LOOP_BUSY = 4 };

/* A watched descriptor. The loop never owns or closes it. */
struct loop_fd {
	int fd;
	uint32_t events; /* what is watched now; 0 when not in the loop */
	void (*on_ready)(struct loop_fd *f, uint32_t ready);
};

/* Work for the end of the turn, as one flush for all that a turn collected. Zeroed is idle. */
struct loop_hook {
	struct list node;
	void (*on_turn_end)(struct loop_hook *h);
};

struct loop {
	uint64_t now;  /* monotonic ns, read before descriptors are handed out */
	uint64_t real; /* ns since 1970 at that moment */
	struct timer_wheel timers;
	struct list hooks;
	int epoll_fd;
	int batch_at, batch_n; /* the event being delivered, and how many there are */
	bool stopping;
	struct epoll_event batch[LOOP_BATCH];
};

enum err_code loop_init(struct loop *l, struct err *err) MUST_USE;
void loop_done(struct loop *l);

/* Starts watching f->fd; f stays where it is until loop_remove. events may be 0. */
enum err_code loop_add(struct loop *l, struct loop_fd *f, uint32_t events,
		       struct err *err) MUST_USE;

/* Changes what is watched; no system call when nothing changes. f must be in the loop. */
void loop_watch(struct loop *l, struct loop_fd *f, uint32_t events);

/* Call before closing the descriptor. Harmless when it is not watched. */
void loop_remove(struct loop *l, struct loop_fd *f);

/*
 * Runs h once at the end of this turn; asking again before it ran changes
 * nothing. A hook asked for while hooks run belongs to the next turn, which
 * then does not sleep.
 */
void loop_defer(struct loop *l, struct loop_hook *h);

/* Takes h back. Harmless when it is idle. */
void loop_defer_cancel(struct loop_hook *h);

static inline void loop_timer_set(struct loop *l, struct timer *t, uint64_t after)
{
	timer_set(&l->timers, t, l->now + after);
}

/* One turn, sleeping at most max_ms (-1: until something happens). */
enum err_code loop_turn(struct loop *l, int max_ms, struct err *err) MUST_USE;

/* Turns until loop_stop. */
enum err_code loop_run(struct loop *l, struct err *err) MUST_USE;

static inline void loop_stop(struct loop *l)
{
	l->stopping = true;
}

#endif
