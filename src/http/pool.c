/* SPDX-License-Identifier: Apache-2.0 */
#include "http/client_priv.h"

#include <stdlib.h>
#include <unistd.h>

enum {
	FREE_WORKS_MAX = 64,
	KEEP_IN_MAX = 16 * 1024,
	SCRATCH_MAX = 64 << 20, /* a whole request body behind its head, when a wire frames it */
};

struct dial {
	struct list node;
	struct timer timer;
	struct http_pool *pool;
	uint64_t ticket;
};

static void work_free(struct client_work *w)
{
	h1_msg_done(&w->msg);
	buf_done(&w->trailers);
	free(w);
}

struct client_work *pool_lend(struct http_pool *p)
{
	struct client_work *w = p->free_works;

	if (w) {
		p->free_works = w->next;
		p->n_free_works--;
	} else {
		w = calloc(1, sizeof(*w));
		if (!w) {
			return NULL;
		}
		h1_msg_init(&w->msg, &w->head);
		buf_init(&w->trailers, H1_MAX_HEAD);
	}
	if (!h1_msg_ready(&w->msg)) {
		work_free(w);
		return NULL;
	}
	return w;
}

void pool_room_back(struct http_pool *p, struct h1_msg *m)
{
	if (!m->forgotten || buf_len(&m->in)) {
		return;
	}
	if (p->room.p) {
		buf_done(&m->in);
	} else {
		buf_clear(&m->in);
		p->room = m->in;
		buf_init(&m->in, H1_IN_MAX);
	}
}

void pool_take_back(struct http_pool *p, struct client_work *w)
{
	if (p->n_free_works >= FREE_WORKS_MAX) {
		work_free(w);
		return;
	}
	if (w->msg.in.cap > KEEP_IN_MAX) {
		buf_done(&w->msg.in);
	}
	buf_clear(&w->msg.in);
	buf_done(&w->trailers);
	buf_done(&w->msg.body);
	pool_room_back(p, &w->msg);
	w->msg.forgotten = false;
	w->msg.raw_at = 0;
	w->next = p->free_works;
	p->free_works = w;
	p->n_free_works++;
}

static void forget_permit(struct http_call *c)
{
	if (c->permit) {
		c->pool->c.wire->forget(c->pool->c.wire->user, c);
		c->permit = NULL;
	}
}

void pool_put_permit(struct http_pool *p, struct buf *out, struct http_call *c)
{
	if (c->permit) {
		p->c.wire->put_permit(p->c.wire->user, out, c);
		forget_permit(c);
	}
}

void call_over(struct http_call *c)
{
	forget_permit(c);
	timer_stop(&c->timer);
	c->state = CALL_OVER;
	c->conn = NULL;
	c->h2 = NULL;
}

void call_failed(struct http_call *c, enum http_fail why, const struct err *err)
{
	struct err none = {0};

	c->pool->stats.failed++;
	call_over(c);
	c->answer = NULL;
	c->on->on_fail(c, why, err ? err : &none);
}

void pool_fail_later(struct http_pool *p, struct http_call *c, enum http_fail why)
{
	timer_stop(&c->timer);
	c->conn = NULL;
	c->h2 = NULL;
	c->why = why;
	c->state = CALL_FAILING;
	list_append(&p->failing, &c->node);
	loop_defer(p->loop, &p->on_turn_end);
}

void pool_resume_later(struct http_conn *conn)
{
	struct http_pool *p = conn->pool;

	list_remove(&conn->node);
	list_append(&p->resume, &conn->node);
	loop_defer(p->loop, &p->on_turn_end);
}

void pool_conn_closed(struct http_conn *conn)
{
	struct http_pool *p = conn->pool;

	list_remove(&conn->node);
	list_append(&p->dead, &conn->node);
	loop_defer(p->loop, &p->on_turn_end);
}

static void free_dead(struct http_pool *p)
{
	while (!list_empty(&p->dead)) {
		struct http_conn *conn = CONTAINER_OF(p->dead.next, struct http_conn, node);

		list_remove(&conn->node);
		free(conn);
	}
	h2_client_free_dead(p);
}

static void take_all(struct list *from, struct list *to)
{
	list_init(to);
	while (!list_empty(from)) {
		struct list *n = from->next;

		list_remove(n);
		list_append(to, n);
	}
}

static void on_turn_end(struct loop_hook *h)
{
	struct http_pool *p = CONTAINER_OF(h, struct http_pool, on_turn_end);
	struct list now;

	take_all(&p->resume, &now);
	while (!list_empty(&now)) {
		struct http_conn *conn = CONTAINER_OF(now.next, struct http_conn, node);

		list_remove(&conn->node);
		list_append(&p->busy, &conn->node);
		client_conn_resume(conn);
	}
	take_all(&p->failing, &now);
	while (!list_empty(&now)) {
		struct http_call *c = CONTAINER_OF(now.next, struct http_call, node);

		list_remove(&c->node);
		call_failed(c, c->why, NULL);
	}
	free_dead(p);
	pool_pump(p);
}

static struct dial *dial_find(struct http_pool *p, uint64_t ticket)
{
	LIST_FOREACH (n, &p->dials) {
		struct dial *d = CONTAINER_OF(n, struct dial, node);

		if (d->ticket == ticket) {
			return d;
		}
	}
	return NULL;
}

static void dial_end(struct dial *d)
{
	timer_stop(&d->timer);
	list_remove(&d->node);
	d->pool->n_dials--;
	free(d);
}

static void fail_oldest(struct http_pool *p, enum http_fail why, const struct err *err)
{
	if (!list_empty(&p->waiting)) {
		struct http_call *c = CONTAINER_OF(p->waiting.next, struct http_call, node);

		list_remove(&c->node);
		p->stats.waiting--;
		call_failed(c, why, err);
	}
}

static void dial_timed_out(struct timer *t)
{
	struct dial *d = CONTAINER_OF(t, struct dial, timer);
	struct http_pool *p = d->pool;

	dial_end(d);
	fail_oldest(p, HTTP_FAIL_DIAL, NULL);
	pool_pump(p);
}

static bool dial_start(struct http_pool *p)
{
	struct dial *d = calloc(1, sizeof(*d));

	if (!d) {
		return false;
	}
	d->pool = p;
	d->ticket = ++p->next_ticket;
	d->timer.on_timeout = dial_timed_out;
	loop_timer_set(p->loop, &d->timer, p->c.dial_timeout);
	list_append(&p->dials, &d->node);
	p->n_dials++;
	p->stats.dialled++;
	p->c.dial(p, d->ticket);
	return true;
}

static struct http_call *next_waiting(struct http_pool *p)
{
	struct http_call *c = CONTAINER_OF(p->waiting.next, struct http_call, node);

	list_remove(&c->node);
	p->stats.waiting--;
	return c;
}

/* Gives waiting calls the connections there are, and asks for those that are missing. */
void pool_pump(struct http_pool *p)
{
	if (p->held) {
		return;
	}
	while (!list_empty(&p->waiting) && !list_empty(&p->idle)) {
		struct http_conn *conn = CONTAINER_OF(p->idle.next, struct http_conn, node);

		client_conn_run(conn, next_waiting(p));
	}
	while (!list_empty(&p->waiting) && h2_client_has_room(p)) {
		(void)h2_client_run(p, next_waiting(p));
	}
	/* One connection of HTTP/2 may be enough for all that wait. */
	if (p->c.h2 && !p->only_h1 && p->n_dials) {
		return;
	}
	while (p->n_dials < p->stats.waiting && p->stats.conns + p->n_dials < p->c.max_conns) {
		if (!dial_start(p) || (p->c.h2 && !p->only_h1)) {
			return; /* without memory the calls' own timers end their wait */
		}
	}
}

static void connected(struct http_pool *p, uint64_t ticket, int fd, bool h2)
{
	struct dial *d = dial_find(p, ticket);
	struct err err = {0};

	if (!d) {
		(void)close(fd);
		return;
	}
	dial_end(d);
	p->only_h1 = !h2;
	if (h2 ? h2_client_new(p, fd, &err) != ERR_OK : !client_conn_new(p, fd, &err)) {
		(void)close(fd);
		fail_oldest(p, HTTP_FAIL_NOMEM, &err);
	}
	pool_pump(p);
}

void http_pool_connected(struct http_pool *p, uint64_t ticket, int fd)
{
	connected(p, ticket, fd, false);
}

void http_pool_connected_h2(struct http_pool *p, uint64_t ticket, int fd)
{
	ASSERT(p->c.h2);
	connected(p, ticket, fd, true);
}

void http_pool_dial_failed(struct http_pool *p, uint64_t ticket, const struct err *err)
{
	struct dial *d = dial_find(p, ticket);

	if (d) {
		dial_end(d);
		fail_oldest(p, HTTP_FAIL_DIAL, err);
		pool_pump(p);
	}
}

void call_on_timeout(struct timer *t)
{
	struct http_call *c = CONTAINER_OF(t, struct http_call, timer);
	struct http_pool *p = c->pool;

	switch ((enum call_state)c->state) {
	case CALL_OVER:
	case CALL_FAILING:
		return;
	case CALL_ASKING:
		list_remove(&c->node);
		call_failed(c, HTTP_FAIL_TIMEOUT, NULL);
		return;
	case CALL_WAITING:
		list_remove(&c->node);
		p->stats.waiting--;
		call_failed(c, HTTP_FAIL_TIMEOUT, NULL);
		return;
	case CALL_SENT:
	case CALL_BODY:
		if (c->h2) {
			h2_call_fail(c, HTTP_FAIL_TIMEOUT);
		} else {
			client_conn_fail(c->conn, HTTP_FAIL_TIMEOUT, NULL);
		}
		return;
	}
}

/* On a connection that is there, or in the queue for one. */
static void run(struct http_call *c)
{
	struct http_pool *p = c->pool;

	if (p->stats.waiting == 0 && p->held == 0 && h2_client_run(p, c)) {
		return;
	}
	if (p->stats.waiting == 0 && p->held == 0 && !list_empty(&p->idle)) {
		client_conn_run(CONTAINER_OF(p->idle.next, struct http_conn, node), c);
		return;
	}
	if (p->stats.waiting >= p->c.max_waiting) {
		pool_fail_later(p, c, HTTP_FAIL_QUEUE);
		return;
	}
	c->state = CALL_WAITING;
	call_timer(c, p->c.dial_timeout);
	list_append(&p->waiting, &c->node);
	p->stats.waiting++;
	pool_pump(p);
}

void http_call_start(struct http_call *c)
{
	struct http_pool *p = c->pool;
	const struct http_wire *wire = p->c.wire;
	uint64_t total = c->timeout ? c->timeout : p->c.timeout;

	p->stats.calls++;
	c->timer.on_timeout = call_on_timeout;
	c->deadline = UINT64_MAX;
	if (total && total != HTTP_NO_TIMEOUT) {
		c->deadline = p->loop->now + total;
	}
	list_init(&c->node);
	c->permit = NULL;
	if (!wire || !wire->ask) {
		run(c);
	} else if (wire->ask(wire->user, c)) {
		c->state = CALL_ASKING;
		list_append(&p->asking, &c->node);
		call_timer(c, p->c.dial_timeout);
	} else {
		pool_fail_later(p, c, HTTP_FAIL_DIAL);
	}
}

void http_call_permitted(struct http_call *c, bool ok)
{
	ASSERT(c->state == CALL_ASKING);
	list_remove(&c->node);
	timer_stop(&c->timer);
	if (ok) {
		run(c);
	} else {
		pool_fail_later(c->pool, c, HTTP_FAIL_DIAL);
	}
}

void http_call_cancel(struct http_call *c)
{
	struct http_conn *conn = c->conn;

	switch ((enum call_state)c->state) {
	case CALL_OVER:
		return;
	case CALL_WAITING:
		c->pool->stats.waiting--;
		list_remove(&c->node);
		break;
	case CALL_ASKING:
	case CALL_FAILING:
		list_remove(&c->node);
		break;
	case CALL_SENT:
	case CALL_BODY:
		if (c->h2) {
			h2_call_cancel(c);
			return;
		}
		conn->call = NULL;
		call_over(c);
		client_conn_close(conn);
		return;
	}
	call_over(c);
}

static uint64_t or_default(uint64_t v, uint64_t fallback)
{
	return v ? v : fallback;
}

enum err_code http_pool_new(struct loop *l, const struct http_pool_config *c,
			    struct http_pool **ret, struct err *err)
{
	struct http_pool *p = calloc(1, sizeof(*p));

	if (!p) {
		return ERR(err, ERR_NOMEM, "no memory for a connection pool");
	}
	p->c = *c;
	p->c.max_conns = (unsigned)or_default(c->max_conns, 64);
	p->c.max_idle = (unsigned)or_default(c->max_idle, 16);
	p->c.max_waiting = (unsigned)or_default(c->max_waiting, 1024);
	p->c.max_body = or_default(c->max_body, 16 << 20);
	p->c.max_out = (size_t)or_default(c->max_out, 1 << 20);
	p->c.dial_timeout = or_default(c->dial_timeout, 5 * CLOCK_SEC);
	p->c.head_timeout = or_default(c->head_timeout, 120 * CLOCK_SEC);
	p->c.idle_timeout = or_default(c->idle_timeout, 30 * CLOCK_SEC);
	p->loop = l;
	p->on_turn_end.on_turn_end = on_turn_end;
	list_init(&p->idle);
	list_init(&p->busy);
	list_init(&p->resume);
	list_init(&p->dead);
	list_init(&p->h2);
	list_init(&p->h2_dead);
	list_init(&p->waiting);
	list_init(&p->asking);
	list_init(&p->failing);
	list_init(&p->dials);
	buf_init(&p->scratch, SCRATCH_MAX);
	*ret = p;
	return ERR_OK;
}

static void fail_all(struct http_pool *p)
{
	while (!list_empty(&p->waiting)) {
		call_failed(next_waiting(p), HTTP_FAIL_CLOSED, NULL);
	}
	while (!list_empty(&p->asking)) {
		struct http_call *c = CONTAINER_OF(p->asking.next, struct http_call, node);

		list_remove(&c->node);
		call_failed(c, HTTP_FAIL_CLOSED, NULL);
	}
	while (!list_empty(&p->failing)) {
		struct http_call *c = CONTAINER_OF(p->failing.next, struct http_call, node);

		list_remove(&c->node);
		call_failed(c, c->why, NULL);
	}
	while (!list_empty(&p->resume)) {
		client_conn_fail(CONTAINER_OF(p->resume.next, struct http_conn, node),
				 HTTP_FAIL_CLOSED, NULL);
	}
	while (!list_empty(&p->busy)) {
		client_conn_fail(CONTAINER_OF(p->busy.next, struct http_conn, node),
				 HTTP_FAIL_CLOSED, NULL);
	}
	h2_client_close_all(p);
}

void http_pool_free(struct http_pool *p)
{
	if (!p) {
		return;
	}
	p->held++; /* nothing starts any more */
	fail_all(p);
	while (!list_empty(&p->idle)) {
		client_conn_close(CONTAINER_OF(p->idle.next, struct http_conn, node));
	}
	LIST_FOREACH (node, &p->dials) {
		dial_end(CONTAINER_OF(node, struct dial, node));
	}
	free_dead(p);
	loop_defer_cancel(&p->on_turn_end);
	while (p->free_works) {
		struct client_work *w = p->free_works;

		p->free_works = w->next;
		work_free(w);
	}
	buf_done(&p->scratch);
	buf_done(&p->room);
	free(p);
}

void *http_pool_user(const struct http_pool *p)
{
	return p->c.user;
}

const struct http_pool_stats *http_pool_stats(const struct http_pool *p)
{
	return &p->stats;
}
