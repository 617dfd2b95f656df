/* SPDX-License-Identifier: Apache-2.0 */
#include "http/server.h"

#include "base/clock.h"
#include "http/server_priv.h"

#include <stdlib.h>
#include <unistd.h>

enum {
	FREE_WORKS_MAX = 64,
	KEEP_IN_MAX = 16 * 1024, /* a bigger input buffer is not kept for the next request */
	SCRATCH_MAX = 64 * 1024,
};

static void work_free(struct h1_work *w)
{
	arena_done(&w->req.arena);
	h1_msg_done(&w->msg);
	buf_done(&w->out);
	free(w);
}

struct h1_work *server_lend(struct http_server *s, struct h1_conn *c, struct h2_stream *stream)
{
	struct h1_work *w = s->free_works;

	if (w) {
		s->free_works = w->next;
		s->n_free_works--;
	} else {
		w = calloc(1, sizeof(*w));
		if (!w) {
			return NULL;
		}
		arena_init(&w->req.arena, s->c.arena_limit);
		h1_msg_init(&w->msg, &w->req.head);
		buf_init(&w->out, SCRATCH_MAX);
		w->req.server = s;
	}
	if (!h1_msg_ready(&w->msg)) {
		work_free(w);
		return NULL;
	}
	w->conn = c;
	w->stream = stream;
	return w;
}

void server_take_back(struct http_server *s, struct h1_work *w)
{
	if (s->n_free_works >= FREE_WORKS_MAX) {
		work_free(w);
		return;
	}
	if (w->msg.in.cap > KEEP_IN_MAX) {
		buf_done(&w->msg.in);
	}
	buf_clear(&w->msg.in);
	w->out.max = SCRATCH_MAX;
	w->msg.raw_at = 0;
	w->conn = NULL;
	w->stream = NULL;
	w->next = s->free_works;
	s->free_works = w;
	s->n_free_works++;
}

static void two_digits(char *to, unsigned v)
{
	to[0] = (char)('0' + v / 10 % 10);
	to[1] = (char)('0' + v % 10);
}

/* IMF-fixdate (RFC 9110 section 5.6.7), without the C library's idea of a locale. */
static void write_date(char to[DATE_SIZE], uint64_t real)
{
	static const char days[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	uint64_t sec = real / CLOCK_SEC, day = sec / 86400, rest = sec % 86400;
	/* civil date from a day count; years begin in March so that leap days come last */
	uint64_t z = day + 719468, era = z / 146097, doe = z % 146097;
	uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	unsigned month = (unsigned)(mp < 10 ? mp + 2 : mp - 10); /* from 0 */
	unsigned year = (unsigned)(yoe + era * 400 + (month < 2));

	memcpy(to, "Thu, 01 Jan 1970 00:00:00 GMT", DATE_SIZE);
	memcpy(to, days + day % 7 * 3, 3);
	two_digits(to + 5, (unsigned)(doy - (153 * mp + 2) / 5 + 1));
	memcpy(to + 8, months + (size_t)month * 3, 3);
	two_digits(to + 12, year / 100);
	two_digits(to + 14, year % 100);
	two_digits(to + 17, (unsigned)(rest / 3600));
	two_digits(to + 20, (unsigned)(rest / 60 % 60));
	two_digits(to + 23, (unsigned)(rest % 60));
}

struct str server_date(struct http_server *s)
{
	uint64_t now = s->loop->now;

	if (s->date_at == 0 || now - s->date_at >= CLOCK_SEC) {
		uint64_t real = clock_real();

		write_date(s->date, real);
		s->date_at = now - real % CLOCK_SEC; /* when this second began */
	}
	return str_make(s->date, DATE_SIZE);
}

void server_resume_later(struct http_server *s, struct server_conn *c)
{
	if (!c->resuming) {
		c->resuming = true;
		list_remove(&c->node);
		list_append(&s->resume, &c->node);
		loop_defer(s->loop, &s->on_turn_end);
	}
}

static void free_dead(struct http_server *s)
{
	while (!list_empty(&s->dead)) {
		struct server_conn *c = CONTAINER_OF(s->dead.next, struct server_conn, node);

		list_remove(&c->node);
		c->ops->release(c);
	}
}

static void on_turn_end(struct loop_hook *h)
{
	struct http_server *s = CONTAINER_OF(h, struct http_server, on_turn_end);
	struct list now;

	list_init(&now);
	while (!list_empty(&s->resume)) {
		struct list *n = s->resume.next;

		list_remove(n);
		list_append(&now, n);
	}
	while (!list_empty(&now)) {
		struct server_conn *c = CONTAINER_OF(now.next, struct server_conn, node);

		server_conn_busy(s, c);
		c->ops->resume(c);
	}
	free_dead(s);
}

struct server_acceptor {
	struct net_acceptor a;
	struct http_server *server;
};

static void close_first(struct list *conns)
{
	struct server_conn *c = CONTAINER_OF(conns->next, struct server_conn, node);

	c->ops->close(c);
}

static void pause_accepting(struct http_server *s)
{
	s->accept_paused = true;
	for (unsigned i = 0; i < s->n_acceptors; i++) {
		net_acceptor_stop(s->acceptors[i]);
	}
}

static void resume_accepting(struct http_server *s)
{
	s->accept_paused = false;
	for (unsigned i = 0; i < s->n_acceptors; i++) {
		net_acceptor_resume(s->acceptors[i]);
	}
}

/* Whoever has been silent for longest makes way; when all are busy the next ones wait. */
static void make_way(struct http_server *s)
{
	if (s->idle.next != s->idle.prev) { /* not the one just accepted */
		close_first(&s->idle);
	} else {
		pause_accepting(s);
	}
}

static void accept_conn(struct net_acceptor *a, int fd, const struct net_peer *peer)
{
	struct http_server *s = CONTAINER_OF(a, struct server_acceptor, a)->server;

	s->stats.accepted++;
	if (h1_conn_new(s, fd, s->c.tls, str_make(NULL, 0), peer, NULL)) {
		(void)close(fd); /* out of memory: the client sees a closed connection */
		return;
	}
	if (s->stats.conns >= s->c.max_conns) {
		make_way(s);
	}
}

void server_conn_closed(struct http_server *s, struct server_conn *c)
{
	list_remove(&c->node);
	list_append(&s->dead, &c->node);
	loop_defer(s->loop, &s->on_turn_end);
	s->stats.conns--;
	if (s->draining) {
		if (s->stats.conns == 0 && s->on_drained) {
			void (*told)(struct http_server *) = s->on_drained;

			s->on_drained = NULL;
			told(s);
		}
	} else if (s->accept_paused && s->stats.conns < s->c.max_conns) {
		resume_accepting(s);
	}
}

static void move_to(struct server_conn *c, struct list *list)
{
	c->resuming = false;
	list_remove(&c->node);
	list_append(list, &c->node);
}

void server_conn_busy(struct http_server *s, struct server_conn *c)
{
	move_to(c, &s->conns);
}

void server_conn_idle(struct http_server *s, struct server_conn *c)
{
	move_to(c, &s->idle);
	if (s->accept_paused) {
		resume_accepting(s);
	}
}

static uint64_t or_default(uint64_t v, uint64_t fallback)
{
	return v ? v : fallback;
}

enum err_code http_server_new(struct loop *l, const struct http_server_config *c,
			      struct http_server **ret, struct err *err)
{
	struct http_server *s = calloc(1, sizeof(*s));

	if (!s) {
		return ERR(err, ERR_NOMEM, "no memory for an HTTP server");
	}
	s->c = *c;
	s->c.max_body = or_default(c->max_body, 16 << 20);
	s->c.max_out = (size_t)or_default(c->max_out, 1 << 20);
	s->c.arena_limit = (size_t)or_default(c->arena_limit, 4 << 20);
	s->c.max_conns = (unsigned)or_default(c->max_conns, 10000);
	s->c.head_timeout = or_default(c->head_timeout, 10 * CLOCK_SEC);
	s->c.body_timeout = or_default(c->body_timeout, 20 * CLOCK_SEC);
	s->c.request_timeout = or_default(c->request_timeout, 300 * CLOCK_SEC);
	s->c.idle_timeout = or_default(c->idle_timeout, 75 * CLOCK_SEC);
	s->c.write_timeout = or_default(c->write_timeout, 20 * CLOCK_SEC);
	s->loop = l;
	s->on_turn_end.on_turn_end = on_turn_end;
	list_init(&s->conns);
	list_init(&s->idle);
	list_init(&s->resume);
	list_init(&s->dead);
	buf_init(&s->scratch, SCRATCH_MAX);
	*ret = s;
	return ERR_OK;
}

static void close_all(struct list *conns)
{
	while (!list_empty(conns)) {
		close_first(conns);
	}
}

static void close_acceptors(struct http_server *s)
{
	while (s->n_acceptors) {
		struct net_acceptor *a = s->acceptors[--s->n_acceptors];

		net_acceptor_done(a);
		free(CONTAINER_OF(a, struct server_acceptor, a));
	}
}

void http_server_free(struct http_server *s)
{
	if (!s) {
		return;
	}
	s->draining = true;
	s->on_drained = NULL;
	close_acceptors(s);
	close_all(&s->idle);
	close_all(&s->conns);
	close_all(&s->resume);
	free_dead(s);
	loop_defer_cancel(&s->on_turn_end);
	while (s->free_works) {
		struct h1_work *w = s->free_works;

		s->free_works = w->next;
		work_free(w);
	}
	buf_done(&s->scratch);
	free(s);
}

void *http_server_user(const struct http_server *s)
{
	return s->c.user;
}

enum err_code http_server_listen(struct http_server *s, int listen_fd, struct err *err)
{
	struct server_acceptor *a;

	if (s->n_acceptors == ARRAY_LEN(s->acceptors)) {
		return ERR(err, ERR_LIMIT, "more than %zu listeners", ARRAY_LEN(s->acceptors));
	}
	a = calloc(1, sizeof(*a));
	if (!a) {
		return ERR(err, ERR_NOMEM, "no memory for a listener");
	}
	a->server = s;
	a->a.on_accept = accept_conn;
	if (net_acceptor_init(&a->a, s->loop, listen_fd, err)) {
		free(a);
		return ERR_SYS;
	}
	s->acceptors[s->n_acceptors++] = &a->a;
	return ERR_OK;
}

static enum err_code take_over(struct http_server *s, int fd, struct tls_ctx *tls, struct str bytes,
			       const struct net_peer *peer, struct err *err)
{
	if (s->draining) {
		return ERR(err, ERR_CLOSED, "the server takes no more connections");
	}
	if (s->stats.conns >= s->c.max_conns) {
		if (list_empty(&s->idle)) {
			return ERR(err, ERR_LIMIT, "%u connections are busy", s->stats.conns);
		}
		close_first(&s->idle);
	}
	TRY(h1_conn_new(s, fd, tls, bytes, peer, err));
	s->stats.accepted++;
	return ERR_OK;
}

enum err_code http_server_adopt(struct http_server *s, int fd, struct str bytes,
				const struct net_peer *peer, struct err *err)
{
	return take_over(s, fd, NULL, bytes, peer, err);
}

enum err_code http_server_take(struct http_server *s, int fd, const struct net_peer *peer,
			       struct err *err)
{
	return take_over(s, fd, s->c.tls, str_make(NULL, 0), peer, err);
}

void http_server_drain(struct http_server *s, void (*on_drained)(struct http_server *s))
{
	s->draining = true;
	close_acceptors(s);
	close_all(&s->idle);
	LIST_FOREACH (node, &s->conns) {
		struct server_conn *c = CONTAINER_OF(node, struct server_conn, node);

		if (c->ops->drain) {
			c->ops->drain(c);
		}
	}
	s->on_drained = on_drained;
	if (s->stats.conns == 0 && on_drained) {
		s->on_drained = NULL;
		on_drained(s);
	}
}

const struct http_server_stats *http_server_stats(const struct http_server *s)
{
	return &s->stats;
}

void http_collect(struct http_req *req, uint64_t limit)
{
	req->ops->collect(req, limit);
}

void http_stream(struct http_req *req)
{
	req->ops->stream(req);
}

void http_body_pause(struct http_req *req, bool paused)
{
	req->ops->pause(req, paused);
}

void http_respond(struct http_req *req, int status, const struct http_field *fields, size_t n,
		  struct str body)
{
	req->ops->respond(req, status, fields, n, body);
}

bool http_respond_begin(struct http_req *req, int status, const struct http_field *fields, size_t n,
			int64_t length)
{
	return req->ops->begin(req, status, fields, n, length);
}

bool http_respond_switch(struct http_req *req, struct str protocol, const struct http_field *fields,
			 size_t n)
{
	return req->ops->become && req->ops->become(req, protocol, fields, n);
}

bool http_respond_write(struct http_req *req, struct str bytes)
{
	return req->ops->write(req, bytes);
}

size_t http_respond_pending(const struct http_req *req)
{
	return req->ops->pending(req);
}

void http_respond_trailers(struct http_req *req, struct str lines)
{
	if (req->ops->trailers && lines.n) {
		req->ops->trailers(req, lines);
	}
}

void http_respond_end(struct http_req *req)
{
	req->ops->end(req);
}

void http_req_forget(struct http_req *req)
{
	if (req->ops->forget) {
		req->ops->forget(req);
	}
}

void http_req_drop(struct http_req *req)
{
	req->ops->drop(req);
}

enum err_code http_req_detach(struct http_req *req, int *ret_fd, struct str *ret_bytes,
			      struct err *err)
{
	return req->ops->detach(req, ret_fd, ret_bytes, err);
}
