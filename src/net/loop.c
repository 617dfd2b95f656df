/* SPDX-License-Identifier: Apache-2.0 */
#include "net/loop.h"

#include <errno.h>
#include <unistd.h>

enum err_code loop_init(struct loop *l, struct err *err)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0) {
		return ERR_ERRNO(err, "epoll_create1");
	}
	*l = (struct loop){.epoll_fd = fd, .now = clock_mono(), .real = clock_real()};
	timer_wheel_init(&l->timers, l->now);
	list_init(&l->hooks);
	return ERR_OK;
}

void loop_done(struct loop *l)
{
	if (l->epoll_fd >= 0) {
		(void)close(l->epoll_fd);
	}
	l->epoll_fd = -1;
}

static int control(struct loop *l, int op, struct loop_fd *f, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = f};

	return epoll_ctl(l->epoll_fd, op, f->fd, &e);
}

/* epoll reports errors and hang-ups even for an empty mask, so 0 in `events` can mean "not in". */
static uint32_t with_always(uint32_t events)
{
	return events | (uint32_t)LOOP_ERROR;
}

enum err_code loop_add(struct loop *l, struct loop_fd *f, uint32_t events, struct err *err)
{
	if (control(l, EPOLL_CTL_ADD, f, events) < 0) {
		return ERR_ERRNO(err, "epoll_ctl add %d", f->fd);
	}
	f->events = with_always(events);
	return ERR_OK;
}

void loop_watch(struct loop *l, struct loop_fd *f, uint32_t events)
{
	if (f->events == with_always(events)) {
		return;
	}
	ASSERT(f->events != 0);
	ASSERT(control(l, EPOLL_CTL_MOD, f, events) == 0);
	f->events = with_always(events);
}

void loop_remove(struct loop *l, struct loop_fd *f)
{
	if (f->events == 0) {
		return;
	}
	(void)control(l, EPOLL_CTL_DEL, f, 0); /* fails only when already gone */
	f->events = 0;
	for (int i = l->batch_at; i < l->batch_n; i++) {
		if (l->batch[i].data.ptr == f) {
			l->batch[i].data.ptr = NULL;
		}
	}
}

void loop_defer(struct loop *l, struct loop_hook *h)
{
	if (!h->node.next || h->node.next == &h->node) {
		list_append(&l->hooks, &h->node);
	}
}

void loop_defer_cancel(struct loop_hook *h)
{
	if (h->node.next) {
		list_remove(&h->node);
	}
}

static void run_hooks(struct loop *l)
{
	struct list now;

	list_init(&now);
	while (!list_empty(&l->hooks)) {
		struct list *n = l->hooks.next;

		list_remove(n);
		list_append(&now, n);
	}
	while (!list_empty(&now)) {
		struct loop_hook *h = CONTAINER_OF(now.next, struct loop_hook, node);

		list_remove(&h->node);
		h->on_turn_end(h);
	}
}

/* Hands out what is ready; how many, or -1 with errno. */
static int take_ready(struct loop *l, int ms)
{
	int n = epoll_wait(l->epoll_fd, l->batch, LOOP_BATCH, ms);

	if (n < 0 && errno != EINTR) {
		return n;
	}
	n = n < 0 ? 0 : n;
	l->now = clock_mono();
	l->real = clock_real();
	l->batch_n = n;
	l->batch_at = 0;
	timer_wheel_run(&l->timers, l->now);
	while (l->batch_at < l->batch_n) {
		struct epoll_event *e = &l->batch[l->batch_at++];
		struct loop_fd *f = e->data.ptr;

		if (f) {
			f->on_ready(f, e->events);
		}
	}
	l->batch_n = 0;
	return n;
}

enum err_code loop_turn(struct loop *l, int max_ms, struct err *err)
{
	int ms = list_empty(&l->hooks) ? timer_wheel_wait(&l->timers, clock_mono(), max_ms) : 0;
	int n = take_ready(l, ms);

	for (int again = 0; again < LOOP_AGAIN && n >= LOOP_BUSY && !l->stopping; again++) {
		n = take_ready(l, 0);
	}
	if (n < 0) {
		return ERR_ERRNO(err, "epoll_wait");
	}
	run_hooks(l);
	return ERR_OK;
}

enum err_code loop_run(struct loop *l, struct err *err)
{
	l->stopping = false;
	while (!l->stopping) {
		TRY(loop_turn(l, -1, err));
	}
	return ERR_OK;
}
