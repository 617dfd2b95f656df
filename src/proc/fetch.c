/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/fetch.h"

#include "base/clock.h"
#include "ipc/frame.h"
#include "ipc/messages.h"
#include "proc/grantor.h"

#include <unistd.h>

static void finish(struct fetcher *f, bool ok)
{
	f->ok = ok;
	loop_stop(&f->loop);
}

static void on_done(struct http_call *c)
{
	struct fetcher *f = CONTAINER_OF(c, struct fetcher, call);

	f->answer->status = c->answer->status;
	f->answer->challenge = arena_dup(f->arena, h1_get(c->answer, HTTP_F_WWW_AUTHENTICATE));
	f->answer->body = arena_dup(f->arena, c->answer_body);
	finish(f, true);
}

static void on_fail(struct http_call *c, enum http_fail why, const struct err *err)
{
	struct fetcher *f = CONTAINER_OF(c, struct fetcher, call);

	(void)why;
	f->why = *err;
	finish(f, false);
}

static const struct http_call_events events = {.on_done = on_done, .on_fail = on_fail};

static void on_dial(struct http_pool *p, uint64_t ticket)
{
	struct fetcher *f = http_pool_user(p);
	char buf[512];
	struct frame_writer w;

	f->ticket = ticket;
	f->token = ++f->next_token;
	frame_begin(&w, buf, sizeof(buf), GRANTOR_DIAL);
	frame_put_u64(&w, f->token);
	frame_put_str(&w, f->url->host);
	frame_put_u32(&w, f->url->port);
	if (w.overflow || chan_send(f->chan, frame_bytes(&w), NULL, 0, NULL)) {
		f->token = 0; /* the dial's own time runs out */
	}
}

static void take(struct fetcher *f, struct str frame, int fd)
{
	struct frame_reader r;
	uint8_t type = frame_open(&r, frame);
	uint64_t token = frame_get_u64(&r);
	struct str reason;
	struct err err;

	if (!f->token || token != f->token || (type != IPC_DIALED && type != IPC_NOT_DIALED)) {
		if (fd >= 0) {
			(void)close(fd);
		}
		return;
	}
	f->token = 0;
	if (type == IPC_DIALED && fd >= 0) {
		http_pool_connected(f->pool, f->ticket, fd);
		return;
	}
	reason = frame_get_str(&r);
	err_ignore(ERR(&err, ERR_CLOSED, STR_FMT, STR_ARG(reason)));
	http_pool_dial_failed(f->pool, f->ticket, &err);
}

static void on_frame(struct loop_fd *lf, uint32_t ready)
{
	struct fetcher *f = CONTAINER_OF(lf, struct fetcher, f);
	int fds[CHAN_MAX_FDS] = {-1};
	unsigned n_fds = 0;
	char in[1024];
	struct str frame;
	enum err_code code = chan_recv(f->chan, in, sizeof(in), &frame, fds, &n_fds, NULL);

	(void)ready;
	if (code == ERR_AGAIN) {
		return;
	}
	if (code) {
		_exit(0); /* the connector is gone */
	}
	for (unsigned i = 1; i < n_fds; i++) {
		(void)close(fds[i]);
	}
	take(f, frame, n_fds ? fds[0] : -1);
}

enum err_code fetcher_init(struct fetcher *f, struct chan *chan, struct err *err)
{
	*f = (struct fetcher){.chan = chan, .f = {.fd = chan->fd, .on_ready = on_frame}};
	return loop_init(&f->loop, err);
}

static void write_host(struct buf *out, const struct config_url *url)
{
	uint16_t usual = url->tls ? 443 : 80;

	buf_append(out, url->ipv6 ? STR("[") : STR(""));
	buf_append(out, url->host);
	buf_append(out, url->ipv6 ? STR("]") : STR(""));
	if (url->port != usual) {
		buf_append_c(out, ':');
		buf_append_u64(out, url->port);
	}
}

static enum err_code run(struct fetcher *f, const struct fetch_request *r, struct err *err)
{
	f->call = (struct http_call){
		.on = &events,
		.pool = f->pool,
		.request = {.method = r->body.p ? STR("POST") : STR("GET"),
			    .target = r->url->target,
			    .fields = r->fields,
			    .n_fields = r->n_fields,
			    .framing = r->body.p ? HTTP_LENGTH : HTTP_NO_BODY,
			    .body_len = r->body.n,
			    .no_length = !r->body.p},
		.body = r->body,
		.max_body = FETCH_BODY_MAX,
		.timeout = FETCH_SECONDS * CLOCK_SEC,
	};
	TRY(loop_add(&f->loop, &f->f, LOOP_READ, err));
	http_call_start(&f->call);
	TRY(loop_run(&f->loop, err));
	loop_remove(&f->loop, &f->f);
	return f->ok ? ERR_OK : ERR(err, ERR_CLOSED, "%s", f->why.msg);
}

enum err_code fetch(struct fetcher *f, const struct fetch_request *r, struct arena *a,
		    struct fetch_answer *ret, struct err *err)
{
	struct fetch_answer answer = {0};
	struct buf host;
	struct http_pool_config c = {.dial = on_dial,
				     .user = f,
				     .tls = r->url->tls ? r->tls : NULL,
				     .tls_pins = r->pins,
				     .max_conns = 1,
				     .dial_timeout = FETCH_SECONDS * CLOCK_SEC};
	enum err_code code;

	if (r->url->tls && !r->tls) {
		return ERR(err, ERR_UNSUPPORTED, "there is no TLS for this server");
	}
	buf_init(&host, 512);
	write_host(&host, r->url);
	c.host = arena_dup(a, buf_str(&host));
	buf_done(&host);
	f->url = r->url;
	f->arena = a;
	f->answer = &answer;
	f->loop.now = clock_mono();
	TRY(http_pool_new(&f->loop, &c, &f->pool, err));
	code = run(f, r, err);
	f->token = 0;
	http_pool_free(f->pool);
	f->pool = NULL;
	if (!code && a->exhausted) {
		code = ERR(err, ERR_NOMEM, "no memory for an answer");
	}
	if (!code) {
		*ret = answer;
	}
	return code;
}
