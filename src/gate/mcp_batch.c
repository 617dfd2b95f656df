/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several messages in one POST, which only revision 2025-03-26 has (basic: "Batching"). Each member is a
 * request of its own here, with its arena and its exchange, and goes the way of all requests: a decision, a
 * record and an outcome for each. What they answer is gathered into one array; as soon as one of them has
 * something to say before its answer (progress, a question of a server) the whole becomes a stream of
 * events, one for each answer.
 *
 *   POST [..] --+--> member: http_req with batch_ops --> mcp_post_ops --> answer --+--> one answer
 *               +--> member ...                                                  --+
 *
 * Bounded: BATCH_MAX members, their arenas and their answers together.
 */
#include "gate/ask.h"
#include "gate/exchange.h"

#include "http/sse.h"

enum {
	BATCH_MAX = 64,
	BATCH_ARENAS = 8 << 20,
	BATCH_ANSWERS = 32 << 20,
};

struct batch_part {
	struct mcp_batch *batch;
	struct http_req req;
	struct exchange x;
	bool over;
};

struct mcp_batch {
	struct exchange *x; /* the POST */
	struct batch_part *parts;
	size_t n, open;
	struct buf answers; /* "[{...},{...}": what is gathered while it is no stream */
};

static struct batch_part *part_of(const struct http_req *req)
{
	return CONTAINER_OF((struct http_req *)(uintptr_t)req, struct batch_part, req);
}

/* ---- the answer of the whole ---- */

static void write_event(struct exchange *outer, struct str message)
{
	const struct sse_event e = {.data = message, .has_data = true};
	struct buf out = gate_buf_take(outer->gate, BATCH_ANSWERS + 4096);

	if (sse_write(&out, &e, NULL) == ERR_OK && !out.failed) {
		(void)http_respond_write(outer->req, buf_str(&out));
	}
	gate_buf_give(outer->gate, &out);
}

static void add_answer(struct batch_part *p, struct str answer)
{
	struct mcp_batch *b = p->batch;
	struct buf refused = {0};

	if (buf_len(&b->answers) + answer.n + 2 > BATCH_ANSWERS) {
		refused = gate_buf_take(b->x->gate, 4096);
		mcp_error_append(&refused, p->x.msg.id, MCP_ERROR_BATCH_LARGE, p->x.version);
		answer = buf_str(&refused);
	}
	if (b->x->streaming) {
		write_event(b->x, answer);
	} else {
		buf_append_c(&b->answers, buf_len(&b->answers) ? ',' : '[');
		buf_append(&b->answers, answer);
	}
	gate_buf_give(b->x->gate, &refused);
}

static void finish(struct mcp_batch *b)
{
	struct exchange *outer = b->x;

	if (outer->gone) {
		http_req_drop(outer->req);
	} else if (outer->streaming) {
		http_respond_end(outer->req);
	} else if (buf_len(&b->answers) == 0) {
		exchange_empty(outer, 202);
	} else {
		buf_append_c(&b->answers, ']');
		exchange_json(outer, b->answers.failed ? 500 : 200,
			      b->answers.failed ? STR("") : buf_str(&b->answers));
	}
}

static void release(struct mcp_batch *b)
{
	if (--b->open == 0) {
		finish(b);
	}
}

static void part_close(struct batch_part *p)
{
	p->over = true;
	gate_http_handler.on_end(&p->req);
	arena_done(&p->req.arena);
}

static void part_over(struct batch_part *p)
{
	if (!p->over) {
		part_close(p);
		release(p->batch);
	}
}

/* ---- a member, as the code for requests sees it ---- */

static void part_respond(struct http_req *req, int status, const struct http_field *f, size_t n,
			 struct str body)
{
	struct batch_part *p = part_of(req);
	struct buf failed = {0};

	(void)f;
	(void)n;
	if (body.n == 0 && status >= 400) {
		failed = gate_buf_take(p->x.gate, 4096);
		mcp_error_append(&failed, p->x.msg.id, MCP_ERROR_INTERNAL, p->x.version);
		body = buf_str(&failed);
	}
	if (body.n) {
		add_answer(p, body);
	}
	gate_buf_give(p->x.gate, &failed);
	part_over(p);
}

/* The whole becomes a stream: what was gathered goes first. */
static bool part_begin(struct http_req *req, int status, const struct http_field *f, size_t n,
		       int64_t length)
{
	struct mcp_batch *b = part_of(req)->batch;
	struct json_member m;

	if (b->x->streaming) {
		return true;
	}
	if (b->x->gone || !http_respond_begin(b->x->req, status, f, n, length)) {
		return false;
	}
	b->x->streaming = true;
	if (buf_len(&b->answers)) {
		buf_append_c(&b->answers, ']');
		for (struct json_walk w = json_walk(buf_str(&b->answers));
		     json_walk_next(&w, &m);) {
			write_event(b->x, m.value);
		}
		buf_clear(&b->answers);
	}
	return true;
}

static bool part_write(struct http_req *req, struct str bytes)
{
	struct exchange *outer = part_of(req)->batch->x;

	return !outer->gone && http_respond_write(outer->req, bytes);
}

static void part_end(struct http_req *req)
{
	part_over(part_of(req));
}

static size_t part_pending(const struct http_req *req)
{
	return http_respond_pending(part_of(req)->batch->x->req);
}

/* Its body is there already. */
static void part_collect(struct http_req *req, uint64_t limit)
{
	(void)req;
	(void)limit;
}

static void part_stream(struct http_req *req)
{
	(void)req;
}

static void part_pause(struct http_req *req, bool paused)
{
	(void)req;
	(void)paused;
}

static enum err_code part_detach(struct http_req *req, int *ret_fd, struct str *ret_bytes,
				 struct err *err)
{
	(void)req;
	(void)ret_fd;
	(void)ret_bytes;
	return ERR(err, ERR_UNSUPPORTED, "a member of a batch has no connection of its own");
}

static const struct http_req_ops part_ops = {
	.collect = part_collect,
	.stream = part_stream,
	.pause = part_pause,
	.respond = part_respond,
	.begin = part_begin,
	.write = part_write,
	.end = part_end,
	.pending = part_pending,
	.drop = part_end,
	.detach = part_detach,
};

static void part_start(struct mcp_batch *b, struct batch_part *p, struct str member)
{
	struct exchange *outer = b->x;

	p->batch = b;
	p->over = false;
	p->req = (struct http_req){
		.ops = &part_ops,
		.server = outer->req->server,
		.head = outer->req->head,
		.body = member,
		.peer = outer->req->peer,
		.tls = outer->req->tls,
		.started = outer->req->started,
		.conn_id = outer->req->conn_id,
		.user = &p->x,
	};
	arena_init(&p->req.arena, BATCH_ARENAS / b->n);
	p->x = (struct exchange){
		.ops = &mcp_post_ops,
		.gate = outer->gate,
		.req = &p->req,
		.listener = outer->listener,
		.agent = outer->agent,
		.caller = outer->caller ? caller_ref(outer->caller) : NULL,
		.gone = outer->gone,
		.half_closed = outer->half_closed,
		.batch = b,
		.endpoint = outer->endpoint,
	};
	p->x.endpoint->uses++;
	mcp_post_ops.on_body(&p->x);
}

/* ---- the POST ---- */

/* Here and below members may end meanwhile, the last of them with the whole: so that is held. */
static void on_batch_gone(struct exchange *outer)
{
	struct mcp_batch *b = outer->batch;

	b->open++;
	for (size_t i = 0; i < b->n; i++) {
		struct batch_part *p = &b->parts[i];

		if (!p->over) {
			p->x.gone = true;
			mcp_post_ops.on_gone(&p->x);
		}
	}
	release(b);
}

void mcp_batch_half_closed(struct exchange *outer)
{
	struct mcp_batch *b = outer->batch;

	b->open++;
	for (size_t i = 0; i < b->n; i++) {
		struct exchange *x = &b->parts[i].x;

		x->half_closed = true;
		if (!b->parts[i].over && x->hold && x->hold->held) {
			hold_give_up(x->hold); /* as it is with a request alone */
		}
	}
	ask_client_gone(outer->session);
	release(b);
}

static void on_batch_end(struct exchange *outer)
{
	struct mcp_batch *b = outer->batch;

	for (size_t i = 0; i < b->n; i++) {
		if (!b->parts[i].over) {
			part_close(&b->parts[i]);
		}
	}
	gate_buf_give(outer->gate, &b->answers);
}

const struct exchange_ops mcp_batch_ops = {.on_gone = on_batch_gone, .on_end = on_batch_end};

void mcp_batch_start(struct exchange *x)
{
	struct mcp_batch *b = ARENA_NEW(&x->req->arena, struct mcp_batch);
	struct json_member m;
	size_t n = 0, i = 0;

	for (struct json_walk w = json_walk(x->msg.whole); json_walk_next(&w, &m);) {
		n++;
	}
	if (n == 0 || n > BATCH_MAX) {
		mcp_fail(x, n ? MCP_ERROR_BATCH_LARGE : MCP_ERROR_REQUEST);
		return;
	}
	if (b) {
		*b = (struct mcp_batch){.x = x, .n = n, .open = n + 1};
		b->parts = ARENA_ARRAY(&x->req->arena, n, struct batch_part);
	}
	if (!b || !b->parts) {
		mcp_fail(x, MCP_ERROR_BUSY);
		return;
	}
	for (i = 0; i < n; i++) {
		b->parts[i].over = true; /* until it begins */
	}
	b->answers = gate_buf_take(x->gate, BATCH_ANSWERS + 4096);
	x->batch = b;
	x->ops = &mcp_batch_ops;
	i = 0;
	for (struct json_walk w = json_walk(x->msg.whole); json_walk_next(&w, &m);) {
		part_start(b, &b->parts[i++], m.value);
	}
	release(b);
}
