/* SPDX-License-Identifier: Apache-2.0 */
/* A tool server on the other end of one stream socket: its standard input and output. */
#include "gate/gate.h"
#include "gate/link.h"

#include <stdio.h>
#include <unistd.h>

enum { STDIO_PIECE = 64 * 1024, STDIO_MAX_OUT = 34 << 20 };

static void on_readable(struct stream *s)
{
	struct link *l = CONTAINER_OF(s, struct link, stream);
	char bytes[STDIO_PIECE];
	uint64_t generation = l->generation;
	struct str line;
	struct err err;
	size_t n;
	enum stream_result result = stream_read(s, bytes, sizeof(bytes), &n, &err);

	if (result == STREAM_AGAIN) {
		return;
	}
	if (result != STREAM_DATA) {
		link_lost(l, LINK_FAIL_DIED, "the server ended");
		return;
	}
	if (mcp_lines_push(&l->lines, str_make(bytes, n), &err)) {
		link_lost(l, LINK_FAIL_PROTOCOL, err.msg);
		return;
	}
	/* A message may end the link, even start its successor: then the rest is nobody's. */
	while (l->generation == generation && l->state != LINK_DOWN) {
		switch (mcp_lines_next(&l->lines, &line)) {
		case MCP_LINE_NONE:
			return;
		case MCP_LINE_MESSAGE:
			(void)link_message(l, NULL, line);
			break;
		case MCP_LINE_GARBAGE:
			if (l->garbage++ == 0) {
				gate_finding(l->gate, l->id,
					     "a line on its output that is no message");
			}
			if (l->garbage > 1000) {
				link_lost(l, LINK_FAIL_PROTOCOL, "it floods its output");
			}
			break;
		case MCP_LINE_TOO_LONG:
			gate_finding(l->gate, l->id, "a line on its output past 8 MiB");
			link_lost(l, LINK_FAIL_PROTOCOL, "a line past 8 MiB");
			break;
		}
	}
}

static void on_sent(struct stream *s)
{
	(void)s;
}

static void on_hangup(struct stream *s, bool gone)
{
	struct link *l = CONTAINER_OF(s, struct link, stream);

	if (gone) {
		link_lost(l, LINK_FAIL_DIED, "the server ended");
	}
}

static const struct stream_events stdio_events = {
	.on_readable = on_readable,
	.on_sent = on_sent,
	.on_hangup = on_hangup,
};

static void on_running(struct dial_request *d, int fd, enum ipc_dial_mode mode, struct str reason)
{
	struct link *l = CONTAINER_OF(d, struct link, run);
	char why[200];
	struct err err;

	(void)mode;
	if (fd < 0) {
		(void)snprintf(why, sizeof(why), STR_FMT, STR_ARG(reason));
		link_lost(l, LINK_FAIL_UNREACHABLE, why);
		return;
	}
	if (stream_init(&l->stream, l->loop, fd, &stdio_events, STDIO_MAX_OUT, &err)) {
		(void)close(fd);
		link_lost(l, LINK_FAIL_UNREACHABLE, err.msg);
		return;
	}
	stream_want_read(&l->stream, true);
	link_connected(l);
}

static void on_ended(struct dial_request *d, uint32_t status)
{
	struct link *l = CONTAINER_OF(d, struct link, run);

	(void)status;
	/* What it said last may still be in the socket: its end is what counts. */
	if (l->stream.f.fd < 0 || l->stream.failed) {
		link_lost(l, LINK_FAIL_DIED, "the server ended");
	}
}

/* A stream that failed while it was written to is watched no more: nobody else will say so. */
static void on_broken(struct loop_hook *h)
{
	struct link *l = CONTAINER_OF(h, struct link, broken);

	if (l->state != LINK_DOWN && l->stream.failed) {
		link_lost(l, LINK_FAIL_DIED, "the server reads no more");
	}
}

static enum err_code stdio_connect(struct link *l, struct err *err)
{
	l->run.on_answer = on_running;
	l->run.on_ended = on_ended;
	l->broken.on_turn_end = on_broken;
	return dialer_ask(l->runner, &l->run, IPC_RUN, l->id, err);
}

static enum err_code write_line(struct link *l, struct str message, struct err *err)
{
	struct buf out;
	enum err_code code;

	if (stream_pending(&l->stream) + message.n + 1 > STDIO_MAX_OUT) {
		return ERR(err, ERR_LIMIT, "the server does not read");
	}
	out = gate_buf_take(l->gate, STDIO_MAX_OUT);
	mcp_line_append(&out, message);
	code = out.failed ? ERR(err, ERR_NOMEM, "no memory for a message")
			  : stream_write(&l->stream, buf_str(&out), err);
	gate_buf_give(l->gate, &out);
	if (l->stream.failed) {
		loop_defer(l->loop, &l->broken);
	}
	return code;
}

static enum err_code stdio_call(struct link *l, struct link_call *c, struct err *err)
{
	return write_line(l, buf_str(&c->message), err);
}

static void stdio_abandon(struct link *l, struct link_call *c)
{
	(void)l;
	(void)c;
}

static void stdio_post(struct link *l, struct str message)
{
	if (l->stream.f.fd >= 0) {
		err_ignore(write_line(l, message, NULL)); /* it ends the link */
	}
}

static void stdio_close(struct link *l)
{
	if (l->stream.f.fd >= 0) {
		stream_close(&l->stream);
	}
	loop_defer_cancel(&l->broken);
	dialer_forget(l->runner, &l->run);
	mcp_lines_done(&l->lines);
	mcp_lines_init(&l->lines, MCP_LINE_MAX);
}

const struct link_transport link_stdio_transport = {
	.connect = stdio_connect,
	.call = stdio_call,
	.abandon = stdio_abandon,
	.post = stdio_post,
	.close = stdio_close,
};
