/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server behind every proxy that ./bench measures: as fast as one thread can
 * be, so that it is never what is measured. MCP Streamable HTTP at /mcp (at /mcp/many with 50 tools, at
 * /mcp/modern of revision 2026-07-28 only) and an OpenAI-like /v1/chat/completions, answers of fixed size, keep-alive; HTTP/2 with who begins with
 * its preface. A stream comes in one piece; for the user "paced" an event each millisecond, as an engine
 * gives them, and for "open" the first one only: it never ends (both over HTTP/1.1 alone).
 *
 *   bench_upstream 127.0.0.1:PORT
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "tests/bench/upstream_h2.h"
#include "tests/bench/wire.h"
#include "json/scan.h"

enum { EVENTS = 256, MAX_MESSAGE = 1 << 20, READ_PIECE = 16 << 10, STREAM_EVENTS = 16, TOOLS = 50 };

struct conn {
	int fd;
	struct buf in;
	struct upstream_h2 *h2; /* NULL: HTTP/1.1 */
	struct conn *next;      /* of those with events to come */
	int left;               /* how many */
};

struct upstream {
	int epoll, listener;
	uint64_t sessions;
	struct arena scratch;
	struct buf out, body;
	struct conn *current, *paced;
	uint64_t next_tick;
};

#define TEXT_50  "The quick brown fox jumps over the lazy dog, twice"
#define TEXT_200 TEXT_50 TEXT_50 TEXT_50 TEXT_50

static void answer(struct upstream *u, const char *status, const char *type, struct str extra)
{
	struct str body = buf_str(&u->body);

	buf_append(&u->out, STR("HTTP/1.1 "));
	buf_append(&u->out, str_from_c(status));
	if (body.n) {
		buf_append(&u->out, STR("\r\nContent-Type: "));
		buf_append(&u->out, str_from_c(type));
	}
	buf_append(&u->out, extra);
	buf_append(&u->out, STR("\r\nContent-Length: "));
	buf_append_u64(&u->out, body.n);
	buf_append(&u->out, STR("\r\n\r\n"));
	buf_append(&u->out, body);
}

static void answer_plain(struct upstream *u, const char *status)
{
	answer(u, status, "application/json", STR(""));
}

/* ---- MCP ---- */

static void put_result(struct upstream *u, struct str id, struct str result)
{
	buf_append(&u->body, STR("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_append(&u->body, id);
	buf_append(&u->body, STR(",\"result\":"));
	buf_append(&u->body, result);
	buf_append_c(&u->body, '}');
}

static void answer_initialize(struct upstream *u, struct str id)
{
	char session[64];
	int n = snprintf(session, sizeof(session), "\r\nMcp-Session-Id: bench-%012llx",
			 (unsigned long long)++u->sessions);

	put_result(u, id,
		   STR("{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},"
		       "\"serverInfo\":{\"name\":\"bench\",\"version\":\"1\"}}"));
	answer(u, "200 OK", "application/json", str_make(session, (size_t)n));
}

/* With what each result of revision 2026-07-28 says. */
#define MODERN_RESULT "{\"resultType\":\"complete\","
#define MODERN_CACHED MODERN_RESULT "\"ttlMs\":3600000,\"cacheScope\":\"public\","
#define TOOL_ECHO                                                                                  \
	"\"tools\":[{\"name\":\"echo\",\"description\":\"Says it "                                 \
	"again\",\"inputSchema\":{\"type\":"                                                       \
	"\"object\",\"properties\":{\"text\":{\"type\":\"string\"}},\"required\":[\"text\"]}}]}"
#define CALL_RESULT "\"content\":[{\"type\":\"text\",\"text\":\"" TEXT_200 "\"}],\"isError\":false}"

static void answer_modern(struct upstream *u, struct str body)
{
	struct json_scan scan;
	struct str method, id;

	if (json_scan(&u->scratch, body, NULL, &scan, NULL) != ERR_OK) {
		answer_plain(u, "400 Bad Request");
		return;
	}
	method = json_scan_get(&scan, STR("method"));
	id = json_scan_get(&scan, STR("id"));
	if (str_eq(method, STR("\"tools/call\""))) {
		put_result(u, id, STR(MODERN_RESULT CALL_RESULT));
	} else if (str_eq(method, STR("\"tools/list\""))) {
		put_result(u, id, STR(MODERN_CACHED TOOL_ECHO));
	} else if (str_eq(method, STR("\"server/discover\""))) {
		put_result(u, id,
			   STR(MODERN_CACHED "\"supportedVersions\":[\"2026-07-28\"],"
					     "\"capabilities\":{\"tools\":{}},\"serverInfo\":"
					     "{\"name\":\"bench\",\"version\":\"1\"}}"));
	} else {
		answer_plain(u, "404 Not Found");
		return;
	}
	answer_plain(u, "200 OK");
}

static void put_many_tools(struct upstream *u, struct str id)
{
	struct buf list;

	buf_init(&list, MAX_MESSAGE);
	for (int i = 0; i < TOOLS; i++) {
		buf_printf(
			&list,
			"%s{\"name\":\"tool_%02d\",\"description\":\"%s\",\"inputSchema\":{"
			"\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\"},"
			"\"limit\":{\"type\":\"integer\",\"minimum\":1}},\"required\":[\"text\"]}}",
			i ? "," : "{\"tools\":[", i, TEXT_50);
	}
	buf_append(&list, STR("]}"));
	put_result(u, id, buf_str(&list));
	buf_done(&list);
}

static void answer_mcp(struct upstream *u, struct str body, bool many)
{
	struct json_scan scan;
	struct str method, id;

	if (json_scan(&u->scratch, body, NULL, &scan, NULL) != ERR_OK) {
		answer_plain(u, "400 Bad Request");
		return;
	}
	method = json_scan_get(&scan, STR("method"));
	id = json_scan_get(&scan, STR("id"));
	if (!id.p || !method.p) {
		answer_plain(u,
			     "202 Accepted"); /* a notification, or an answer to nothing we asked */
	} else if (str_eq(method, STR("\"tools/call\""))) {
		put_result(u, id, STR("{" CALL_RESULT));
		answer_plain(u, "200 OK");
	} else if (str_eq(method, STR("\"initialize\""))) {
		answer_initialize(u, id);
	} else if (str_eq(method, STR("\"tools/list\"")) && many) {
		put_many_tools(u, id);
		answer_plain(u, "200 OK");
	} else if (str_eq(method, STR("\"tools/list\""))) {
		put_result(u, id, STR("{" TOOL_ECHO));
		answer_plain(u, "200 OK");
	} else if (str_eq(method, STR("\"ping\""))) {
		put_result(u, id, STR("{}"));
		answer_plain(u, "200 OK");
	} else {
		buf_append(&u->body, STR("{\"jsonrpc\":\"2.0\",\"id\":"));
		buf_append(&u->body, id);
		buf_append(&u->body,
			   STR(",\"error\":{\"code\":-32601,\"message\":\"Method not found\"}}"));
		answer_plain(u, "200 OK");
	}
}

/* ---- chat completions ---- */

static void put_event(struct upstream *u, struct str data)
{
	struct str event = STR("data: ");

	buf_printf(&u->out, "%zx\r\n", event.n + data.n + 2);
	buf_append(&u->out, event);
	buf_append(&u->out, data);
	buf_append(&u->out, STR("\n\n\r\n"));
}

static const struct str token = STR_INIT(
	"{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":0,\"model\":\"bench\","
	"\"choices\":[{\"index\":0,\"delta\":{\"content\":\"token \"},\"finish_reason\":null}]}");
static const struct str last_token = STR_INIT(
	"{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":0,\"model\":\"bench\","
	"\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}");

/* The event with so many still to come after it. */
static void put_nth(struct upstream *u, int left)
{
	put_event(u, left > 1 ? token : left == 1 ? last_token : STR("[DONE]"));
	if (left == 0) {
		buf_append(&u->out, STR("0\r\n\r\n"));
	}
}

static void pace(struct upstream *u, struct str user)
{
	bool open = str_eq(user, STR("\"open\""));

	put_nth(u, STREAM_EVENTS + 1);
	if (!open) {
		u->current->left = STREAM_EVENTS + 1;
		u->current->next = u->paced;
		u->paced = u->current;
	}
}

static void answer_chat(struct upstream *u, struct str body)
{
	struct json_scan scan;
	struct str user;

	if (json_scan(&u->scratch, body, NULL, &scan, NULL) != ERR_OK) {
		answer_plain(u, "400 Bad Request");
		return;
	}
	if (!str_eq(json_scan_get(&scan, STR("stream")), STR("true"))) {
		buf_append(
			&u->body,
			STR("{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":0,"
			    "\"model\":\"bench\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
			    "\"assistant\",\"content\":\"" TEXT_200
			    "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":100,"
			    "\"completion_tokens\":40,\"total_tokens\":140}}"));
		answer_plain(u, "200 OK");
		return;
	}
	buf_append(&u->out, STR("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
				"Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"));
	user = json_scan_get(&scan, STR("user"));
	if (user.p && u->current) {
		pace(u, user);
		return;
	}
	for (int left = STREAM_EVENTS + 1; left >= 0; left--) {
		put_nth(u, left);
	}
}

/* ---- connections ---- */

static void answer_request(struct upstream *u, struct str head, struct str body)
{
	arena_reset(&u->scratch);
	buf_clear(&u->body);
	if (str_starts_with(head, STR("POST /mcp ")) ||
	    str_starts_with(head, STR("POST /mcp/many "))) {
		answer_mcp(u, body, head.p[9] == '/');
	} else if (str_starts_with(head, STR("POST /mcp/modern "))) {
		answer_modern(u, body);
	} else if (str_starts_with(head, STR("POST /v1/chat/completions "))) {
		answer_chat(u, body);
	} else if (str_starts_with(head, STR("GET /v1/models "))) {
		buf_append(&u->body,
			   STR("{\"object\":\"list\",\"data\":[{\"id\":\"bench\",\"object\":"
			       "\"model\",\"created\":0,\"owned_by\":\"bench\"}]}"));
		answer_plain(u, "200 OK");
	} else if (str_starts_with(head, STR("DELETE /mcp"))) {
		answer_plain(u, "200 OK");
	} else if (str_starts_with(head, STR("GET /mcp"))) {
		answer_plain(u, "405 Method Not Allowed");
	} else {
		answer_plain(u, "404 Not Found");
	}
}

static void conn_close(struct upstream *u, struct conn *c)
{
	for (struct conn **at = &u->paced; *at; at = &(*at)->next) {
		if (*at == c) {
			*at = c->next;
			break;
		}
	}
	(void)close(c->fd);
	upstream_h2_free(c->h2);
	buf_done(&c->in);
	free(c);
}

static void answer_h2(void *user, struct str method_and_path, struct str body, struct buf *to)
{
	struct upstream *u = user;
	struct buf frames = u->out;

	buf_init(&u->out, 1 << 20);
	answer_request(u, method_and_path, body);
	buf_append(to, buf_str(&u->out));
	buf_done(&u->out);
	u->out = frames;
}

/* False when the connection is over. */
static bool take_h2(struct upstream *u, struct conn *c)
{
	bool goes_on;

	if (!c->h2) {
		c->h2 = upstream_h2_new(answer_h2, u);
	}
	goes_on = c->h2 && upstream_h2_take(c->h2, buf_str(&c->in), &u->out);
	buf_clear(&c->in);
	return goes_on;
}

static void conn_ready(struct upstream *u, struct conn *c)
{
	char *room = buf_reserve(&c->in, READ_PIECE);
	ssize_t n = room ? recv(c->fd, room, READ_PIECE, 0) : 0;
	size_t head, whole;

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN) {
			conn_close(u, c);
		}
		return;
	}
	buf_commit(&c->in, (size_t)n);
	buf_clear(&u->out);
	u->current = NULL;
	if (c->h2 || upstream_h2_begins(buf_str(&c->in))) {
		if (!take_h2(u, c)) {
			conn_close(u, c);
			return;
		}
	}
	while ((head = wire_head(buf_str(&c->in))) &&
	       (whole = wire_message(buf_str(&c->in), head))) {
		struct str in = buf_str(&c->in);

		u->current = c;
		answer_request(u, str_make(in.p, head), str_make(in.p + head, whole - head));
		buf_consume(&c->in, whole);
	}
	if (buf_len(&u->out) && !wire_send(c->fd, buf_str(&u->out))) {
		conn_close(u, c);
	}
}

/* One event for each stream. */
static void tick(struct upstream *u)
{
	struct conn **at = &u->paced;

	while (*at) {
		struct conn *c = *at;

		buf_clear(&u->out);
		put_nth(u, --c->left);
		if (!wire_send(c->fd, buf_str(&u->out))) {
			c->left = 0; /* its end is noticed by reading */
		}
		if (c->left == 0) {
			*at = c->next;
		} else {
			at = &c->next;
		}
	}
}

static void accept_all(struct upstream *u)
{
	for (;;) {
		int fd = accept4(u->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct epoll_event e = {.events = EPOLLIN};
		struct conn *c;

		if (fd < 0) {
			return;
		}
		c = calloc(1, sizeof(*c));
		if (!c) {
			(void)close(fd);
			return;
		}
		c->fd = fd;
		buf_init(&c->in, MAX_MESSAGE);
		e.data.ptr = c;
		(void)epoll_ctl(u->epoll, EPOLL_CTL_ADD, fd, &e);
	}
}

int main(int argc, char **argv)
{
	struct upstream u = {.listener = -1};
	struct epoll_event events[EVENTS], e = {.events = EPOLLIN};

	if (argc != 2 || (u.listener = wire_listen(argv[1])) < 0) {
		perror("bench_upstream 127.0.0.1:PORT");
		return 2;
	}
	u.epoll = epoll_create1(EPOLL_CLOEXEC);
	arena_init(&u.scratch, 16 << 20);
	buf_init(&u.out, 16 << 20);
	buf_init(&u.body, 1 << 20);
	(void)epoll_ctl(u.epoll, EPOLL_CTL_ADD, u.listener, &e);
	for (;;) {
		int n = epoll_wait(u.epoll, events, EVENTS, u.paced ? 1 : -1);

		if (u.paced && wire_now() >= u.next_tick) {
			u.next_tick = wire_now() + 1000000;
			tick(&u);
		}
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr) {
				conn_ready(&u, events[i].data.ptr);
			} else {
				accept_all(&u);
			}
		}
	}
}
