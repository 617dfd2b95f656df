/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A closed-loop HTTP/1.1 load generator that speaks MCP: every connection opens
 * its own session, then sends one request after the other, each when the answer
 * to the last is complete, and ends the session. Every answer is looked at: its status, that it carries
 * the id of its request, and that it is a result and no refusal.
 *
 *   bench_load ADDRESS [key=value...]
 *     mode=MODE                   what to send
 *       mcp       tools/call      modern    the same by revision 2026-07-28, without a session
 *       list      tools/list      sessions  initialize and notifications/initialized, again and again
 *       chat      completions     stream    the same streamed; paced: event by event
 *       hold      open sessions, call once, then print "ready" and keep them until stdin ends
 *       open      the same with streams that have begun
 *     path=/mcp  tool=echo  header='Authorization: Bearer ...'
 *     connections=64  body=512  seconds=5  warmup=1  count=0 (0: by time)
 *
 * Prints one line of JSON. Exits 1 when an answer was wrong or a peer went away.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "tests/bench/wire.h"

enum { EVENTS = 256, RAMP = 64, ID_DIGITS = 9, MAX_ANSWER = 4 << 20 };
enum { LIST_PIECE = 512 << 10 };
enum { SUB_BITS = 5, BUCKETS = 64 << SUB_BITS };

enum mode {
	MODE_MCP,
	MODE_CHAT,
	MODE_STREAM,
	MODE_PACED,
	MODE_HOLD,
	MODE_OPEN,
	MODE_MODERN,
	MODE_LIST,
	MODE_SESSIONS,
};
enum stage {
	STAGE_IDLE,
	STAGE_INITIALIZE,
	STAGE_INITIALIZED,
	STAGE_CALLS,
	STAGE_ENDING,
	STAGE_DONE,
};

struct conn {
	int fd;
	enum stage stage;
	struct buf in;
	struct buf request; /* the call, whole; its id is patched in place */
	size_t id_at;       /* where in the request */
	uint64_t id, sent_at;
	bool counted; /* among those that are open, though it begins anew */
	bool begun;   /* a token of the stream has come */
};

struct load {
	const char *address, *path, *tool, *header;
	enum mode mode;
	uint64_t connections, body, seconds, warmup, count;

	int epoll;
	struct conn *conns;
	uint64_t next_conn, opening, open; /* connections made, in their handshake, in calls */
	uint64_t started, measure_from, stop_at, finished;
	bool measuring, stopping;
	uint64_t sent, answered, measured, bad_status, wrong, broken;
	uint64_t in_flight;
	char first_problem[400];
	uint32_t histogram[BUCKETS], first[BUCKETS]; /* of whole answers, and of first tokens */
};

/* ---- latency ---- */

static size_t bucket_of(uint64_t ns)
{
	unsigned top;

	if (ns < 1U << SUB_BITS) {
		return (size_t)ns;
	}
	top = 63 - (unsigned)__builtin_clzll(ns);
	return ((size_t)(top - SUB_BITS + 1) << SUB_BITS) +
	       (size_t)(ns >> (top - SUB_BITS) & ((1U << SUB_BITS) - 1));
}

static double bucket_us(size_t bucket)
{
	size_t row = bucket >> SUB_BITS, sub = bucket & ((1U << SUB_BITS) - 1);

	if (row == 0) {
		return (double)sub / 1e3;
	}
	return (double)(((uint64_t)sub + (1U << SUB_BITS)) << (row - 1)) / 1e3;
}

static double percentile(const struct load *l, const uint32_t *histogram, double share)
{
	double wanted = share * (double)l->measured, seen = 0;

	for (size_t i = 0; i < BUCKETS; i++) {
		seen += histogram[i];
		if (seen >= wanted && seen > 0) {
			return bucket_us(i);
		}
	}
	return 0;
}

static bool is_chat(const struct load *l)
{
	return l->mode == MODE_CHAT || l->mode == MODE_STREAM || l->mode == MODE_PACED ||
	       l->mode == MODE_OPEN;
}

/* ---- requests ---- */

static void put_head(const struct load *l, struct buf *to, struct str session, size_t length)
{
	buf_printf(to, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n",
		   l->path, l->address);
	if (!is_chat(l)) {
		buf_printf(to,
			   "Accept: application/json, text/event-stream\r\n"
			   "MCP-Protocol-Version: %s\r\n",
			   l->mode == MODE_MODERN ? "2026-07-28" : "2025-11-25");
	}
	if (l->mode == MODE_MODERN) {
		buf_printf(to, "Mcp-Method: tools/call\r\nMcp-Name: %s\r\n", l->tool);
	}
	if (session.n) {
		buf_printf(to, "Mcp-Session-Id: " STR_FMT "\r\n", STR_ARG(session));
	}
	if (l->header) {
		buf_printf(to, "%s\r\n", l->header);
	}
	buf_printf(to, "Content-Length: %zu\r\n\r\n", length);
}

/* The body's fixed part around a text that fills it up to the size asked for. */
static void put_body(const struct load *l, struct buf *body)
{
	struct buf tail;

	buf_init(&tail, 1024);
	if (is_chat(l)) {
		buf_printf(body,
			   "{\"model\":\"bench\",\"max_tokens\":64,\"stream\":%s%s,\"messages\":[{"
			   "\"role\":\"user\",\"content\":\"",
			   l->mode == MODE_CHAT ? "false" : "true",
			   l->mode == MODE_PACED  ? ",\"user\":\"paced\""
			   : l->mode == MODE_OPEN ? ",\"user\":\"open\""
						  : "");
		buf_append(&tail, STR("\"}]}"));
	} else if (l->mode == MODE_LIST) {
		buf_printf(
			body,
			"{\"jsonrpc\":\"2.0\",\"id\":%0*d,\"method\":\"tools/list\",\"params\":{}}",
			ID_DIGITS, 0);
		buf_done(&tail);
		return;
	} else {
		buf_printf(body,
			   "{\"jsonrpc\":\"2.0\",\"id\":%0*d,\"method\":\"tools/call\",\"params\":{"
			   "\"name\":\"%s\",\"arguments\":{\"text\":\"",
			   ID_DIGITS, 0, l->tool);
		buf_append(&tail, STR("\"}"));
		if (l->mode == MODE_MODERN) {
			buf_append(&tail,
				   STR(",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":"
				       "\"2026-07-28\",\"io.modelcontextprotocol/clientInfo\":{"
				       "\"name\":\"bench\",\"version\":\"1\"},"
				       "\"io.modelcontextprotocol/clientCapabilities\":{}}"));
		}
		buf_append(&tail, STR("}}"));
	}
	for (size_t i = 0; buf_len(body) + buf_len(&tail) < l->body; i++) {
		buf_append_c(body, "an ordinary line of text, "[i % 26]);
	}
	buf_append(body, buf_str(&tail));
	buf_done(&tail);
}

static void build_request(const struct load *l, struct conn *c, struct str session)
{
	struct buf body;
	struct str found;

	buf_init(&body, 1 << 20);
	put_body(l, &body);
	buf_clear(&c->request);
	put_head(l, &c->request, session, buf_len(&body));
	buf_append(&c->request, buf_str(&body));
	buf_done(&body);
	found = STR("\"id\":");
	c->id_at = str_find_str(buf_str(&c->request), found);
	c->id_at = c->id_at == buf_len(&c->request) ? 0 : c->id_at + found.n;
}

static void count_problem(struct load *l, const char *what, struct str answer)
{
	if (!l->first_problem[0]) {
		(void)snprintf(l->first_problem, sizeof(l->first_problem), "%s: %.*s", what,
			       (int)(answer.n < 300 ? answer.n : 300), answer.p ? answer.p : "");
	}
}

static bool conn_send(struct load *l, struct conn *c, struct str s)
{
	c->sent_at = wire_now();
	c->begun = false;
	l->sent++;
	l->in_flight++;
	return wire_send(c->fd, s);
}

static bool send_call(struct load *l, struct conn *c)
{
	if (c->id_at) {
		char digits[ID_DIGITS + 1];

		c->id = 100000000 + l->sent % 800000000;
		(void)snprintf(digits, sizeof(digits), "%0*llu", ID_DIGITS,
			       (unsigned long long)c->id);
		memcpy(c->request.p + c->request.start + c->id_at, digits, ID_DIGITS);
	}
	return conn_send(l, c, buf_str(&c->request));
}

static bool send_handshake(struct load *l, struct conn *c, struct str session)
{
	struct str body =
		session.n ? STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}")
			  : STR("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\","
				"\"params\":{\"protocolVersion\":\"2025-11-25\","
				"\"capabilities\":{},\"clientInfo\":{\"name\":\"bench\","
				"\"version\":\"1\"}}}");
	struct buf to;
	bool ok;

	buf_init(&to, 8192);
	put_head(l, &to, session, body.n);
	buf_append(&to, body);
	ok = conn_send(l, c, buf_str(&to));
	buf_done(&to);
	return ok;
}

/* ---- answers ---- */

static int status_of(struct str head)
{
	return head.n > 12 ? (head.p[9] - '0') * 100 + (head.p[10] - '0') * 10 + (head.p[11] - '0')
			   : 0;
}

static bool has(struct str s, struct str part)
{
	return memmem(s.p, s.n, part.p, part.n) != NULL;
}

static void judge_call(struct load *l, const struct conn *c, int status, struct str body)
{
	char id[32];

	if (status != 200) {
		l->bad_status++;
		count_problem(l, "status", body);
		return;
	}
	if (is_chat(l)) {
		if (!has(body, l->mode == MODE_CHAT ? STR("\"choices\"") : STR("[DONE]"))) {
			l->wrong++;
			count_problem(l, "wrong answer", body);
		}
		return;
	}
	(void)snprintf(id, sizeof(id), "\"id\":%llu", (unsigned long long)c->id);
	if (!has(body, str_from_c(id)) ||
	    !has(body, l->mode == MODE_LIST ? STR("\"tools\":[{") : STR("\"content\":[")) ||
	    has(body, STR("\"isError\":true"))) {
		l->wrong++;
		count_problem(l, "wrong answer", body);
	}
}

static void note_latency(struct load *l, const struct conn *c, uint64_t now)
{
	l->answered++;
	if (!l->measuring && now >= l->measure_from) {
		l->measuring = true;
		l->measure_from = now;
		l->stop_at = now + l->seconds * 1000000000U;
	} else if (l->measuring && !l->stopping) {
		l->measured++;
		l->histogram[bucket_of(now - c->sent_at)]++;
		l->finished = now;
	}
	if (l->measuring && (l->count ? l->measured >= l->count : now >= l->stop_at)) {
		l->stopping = true;
	}
}

/* Sends DELETE for the session of the calls; true also where there is none. */
static bool end_session(struct load *l, struct conn *c)
{
	struct str session = wire_header(buf_str(&c->request), STR("mcp-session-id"));
	struct buf to;
	bool ok;

	c->stage = session.n ? STAGE_ENDING : STAGE_DONE;
	if (!session.n) {
		return true;
	}
	buf_init(&to, 8192);
	buf_printf(&to, "DELETE %s HTTP/1.1\r\nHost: %s\r\nMcp-Session-Id: " STR_FMT "\r\n",
		   l->path, l->address, STR_ARG(session));
	if (l->header) {
		buf_printf(&to, "%s\r\n", l->header);
	}
	buf_append(&to, STR("\r\n"));
	ok = conn_send(l, c, buf_str(&to));
	buf_done(&to);
	return ok;
}

/* One is open and known to be: another, as long as the run lasts. */
static bool next_session(struct load *l, struct conn *c)
{
	if (!c->counted) {
		c->counted = true;
		l->opening--;
		l->open++;
	}
	note_latency(l, c, wire_now());
	c->stage = l->stopping ? STAGE_DONE : STAGE_INITIALIZE;
	return l->stopping || send_handshake(l, c, STR(""));
}

static bool next_step(struct load *l, struct conn *c, struct str head, struct str body)
{
	int status = status_of(head);
	struct str session;

	switch (c->stage) {
	case STAGE_INITIALIZE:
		if (status != 200) {
			count_problem(l, "initialize", str_make(head.p, head.n + body.n));
			return false;
		}
		session = wire_header(head, STR("mcp-session-id"));
		build_request(l, c, session);
		c->stage = STAGE_INITIALIZED;
		return send_handshake(l, c, session);
	case STAGE_INITIALIZED:
		if (status != 202 && status != 200) {
			count_problem(l, "initialized", str_make(head.p, head.n + body.n));
			return false;
		}
		if (l->mode == MODE_SESSIONS) {
			return next_session(l, c);
		}
		l->opening--;
		l->open++;
		c->stage = STAGE_CALLS;
		return send_call(l, c);
	case STAGE_CALLS:
		judge_call(l, c, status, body);
		note_latency(l, c, wire_now());
		if (l->mode == MODE_HOLD) {
			c->stage = STAGE_DONE;
			return true;
		}
		return l->stopping ? end_session(l, c) : send_call(l, c);
	case STAGE_ENDING:
		c->stage = STAGE_DONE;
		return status >= 200 && status < 300;
	case STAGE_IDLE:
	case STAGE_DONE:
		break;
	}
	return true;
}

static void conn_lost(struct load *l, struct conn *c, const char *what)
{
	l->broken++;
	count_problem(l, what, buf_str(&c->in));
	(void)close(c->fd);
	c->fd = -1;
	l->opening -= c->stage < STAGE_CALLS && !c->counted;
	c->stage = STAGE_DONE;
}

static void conn_ready(struct load *l, struct conn *c)
{
	size_t piece = l->mode == MODE_LIST ? LIST_PIECE : 2048;
	char *room = buf_reserve(&c->in, piece);
	ssize_t n = room ? recv(c->fd, room, piece, MSG_DONTWAIT) : 0;
	size_t head, whole;
	struct str in;

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN) {
			l->in_flight -= c->stage != STAGE_DONE;
			conn_lost(l, c, "connection closed");
		}
		return;
	}
	buf_commit(&c->in, (size_t)n);
	in = buf_str(&c->in);
	if (l->mode == MODE_OPEN) {
		if (has(in, STR("token "))) {
			l->in_flight--;
			l->opening--;
			l->open++;
			c->stage = STAGE_DONE;
			buf_done(&c->in);
			buf_done(&c->request);
		}
		return;
	}
	if (l->mode == MODE_STREAM && !c->begun && has(in, STR("token "))) {
		c->begun = true;
		if (l->measuring && !l->stopping) {
			l->first[bucket_of(wire_now() - c->sent_at)]++;
		}
	}
	head = wire_head(in);
	whole = head ? wire_message(in, head) : 0;
	if (!whole) {
		return;
	}
	l->in_flight--;
	if (!next_step(l, c, str_make(in.p, head), str_make(in.p + head, whole - head))) {
		conn_lost(l, c, "cannot go on");
		return;
	}
	buf_consume(&c->in, whole);
	if (l->mode == MODE_HOLD && c->stage == STAGE_DONE) {
		buf_done(&c->in);
		buf_done(&c->request);
	}
}

static bool open_conn(struct load *l)
{
	struct conn *c = &l->conns[l->next_conn++];
	struct epoll_event e = {.events = EPOLLIN, .data = {.ptr = c}};

	buf_init(&c->in, MAX_ANSWER);
	buf_init(&c->request, MAX_ANSWER);
	c->fd = wire_connect(l->address);
	if (c->fd < 0) {
		(void)snprintf(l->first_problem, sizeof(l->first_problem), "connect %s: %s",
			       l->address, strerror(errno));
		return false;
	}
	(void)epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e);
	l->opening++;
	if (is_chat(l) || l->mode == MODE_MODERN) {
		build_request(l, c, STR(""));
		if (l->mode != MODE_OPEN) {
			l->opening--;
			l->open++;
		}
		c->stage = STAGE_CALLS;
		return send_call(l, c);
	}
	c->stage = STAGE_INITIALIZE;
	return send_handshake(l, c, STR(""));
}

/* ---- the run ---- */

static bool run(struct load *l)
{
	struct epoll_event events[EVENTS];

	l->measure_from = UINT64_MAX;
	for (;;) {
		int n;

		while (l->next_conn < l->connections && l->opening < RAMP) {
			if (!open_conn(l)) {
				return false;
			}
		}
		if (l->open == l->connections && l->measure_from == UINT64_MAX) {
			l->measure_from = wire_now() + l->warmup * 1000000000U;
		}
		if (l->broken || (l->next_conn == l->connections && l->in_flight == 0)) {
			return l->broken == 0;
		}
		n = epoll_wait(l->epoll, events, EVENTS, 10000);
		if (n == 0) {
			count_problem(l, "no answer for ten seconds", STR(""));
			return false;
		}
		for (int i = 0; i < n; i++) {
			conn_ready(l, events[i].data.ptr);
		}
	}
}

static void report(const struct load *l)
{
	double seconds = (double)(l->finished - l->measure_from) / 1e9;
	struct rusage use;

	(void)getrusage(RUSAGE_SELF, &use);
	printf("{\"requests\":%llu,\"answered\":%llu,\"seconds\":%.3f,\"rps\":%.0f,\"p50_us\":%.1f,"
	       "\"p99_us\":%.1f,\"first_us\":%.1f,\"bad_status\":%llu,\"wrong\":%llu,\"broken\":%"
	       "llu,\"own_cpu_s\":"
	       "%.3f}\n",
	       (unsigned long long)l->measured, (unsigned long long)l->answered,
	       l->measured ? seconds : 0, l->measured ? (double)l->measured / seconds : 0,
	       percentile(l, l->histogram, 0.5), percentile(l, l->histogram, 0.99),
	       percentile(l, l->first, 0.5), (unsigned long long)l->bad_status,
	       (unsigned long long)l->wrong, (unsigned long long)l->broken,
	       (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
		       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
	if (l->first_problem[0]) {
		(void)fprintf(stderr, "bench_load: %s\n", l->first_problem);
	}
}

static bool set_option(struct load *l, const char *arg)
{
	struct {
		const char *name;
		uint64_t *to;
	} numbers[] = {{"connections", &l->connections},
		       {"body", &l->body},
		       {"seconds", &l->seconds},
		       {"warmup", &l->warmup},
		       {"count", &l->count}};
	static const char *const modes[] = {"mcp",  "chat",   "stream", "paced",   "hold",
					    "open", "modern", "list",   "sessions"};
	struct str value = str_from_c(arg), key = str_cut(&value, '=');

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		if (str_eq(key, str_from_c(numbers[i].name))) {
			return str_to_u64(value, numbers[i].to);
		}
	}
	for (size_t i = 0; str_eq(key, STR("mode")) && i < ARRAY_LEN(modes); i++) {
		if (str_eq(value, str_from_c(modes[i]))) {
			l->mode = (enum mode)i;
			return true;
		}
	}
	if (str_eq(key, STR("path"))) {
		l->path = value.p;
	} else if (str_eq(key, STR("tool"))) {
		l->tool = value.p;
	} else if (str_eq(key, STR("header"))) {
		l->header = value.p;
	} else {
		return false;
	}
	return value.p != NULL;
}

int main(int argc, char **argv)
{
	struct load l = {.connections = 64, .body = 512, .seconds = 5, .warmup = 1, .tool = "echo"};
	struct rlimit files;
	char byte;
	bool ok;

	for (int i = 2; i < argc; i++) {
		if (!set_option(&l, argv[i])) {
			(void)fprintf(stderr, "bench_load: what is \"%s\"?\n", argv[i]);
			return 2;
		}
	}
	if (argc < 2 || l.connections == 0) {
		(void)fprintf(stderr, "bench_load ADDRESS [key=value...]\n");
		return 2;
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	l.address = argv[1];
	l.path = l.path ? l.path : is_chat(&l) ? "/v1/chat/completions" : "/mcp";
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	l.conns = calloc(l.connections, sizeof(*l.conns));
	if (!l.conns) {
		return 2;
	}
	l.started = wire_now();
	ok = run(&l);
	if ((l.mode == MODE_HOLD || l.mode == MODE_OPEN) && ok) {
		printf("ready\n");
		(void)fflush(stdout);
		while (read(STDIN_FILENO, &byte, 1) > 0) {
		}
	}
	report(&l);
	return ok && !l.wrong && !l.bad_status ? 0 : 1;
}
