/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/resolver.h"

#include "base/log.h"
#include "ipc/frame.h"
#include "sandbox/jail.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { MESSAGE_ASK = 1, MESSAGE_ANSWER = 2, FRAME_MAX = 1024 };

static const struct landlock_rule resolver_files[] = {
	{.path = "/etc", .access = FILES_READ},
	{.path = "/usr/lib", .access = FILES_READ | FILES_EXEC},
	{.path = "/lib", .access = FILES_READ | FILES_EXEC, .optional = true},
	{.path = "/lib64", .access = FILES_READ | FILES_EXEC, .optional = true},
	{.path = "/run/systemd/resolve", .access = FILES_READ, .optional = true},
};

/* reads  host names from the connector, answers of name servers
 * holds  nothing
 * cannot write files, start programs */
static const struct jail_spec resolver_jail = {
	.name = "resolver",
	.calls = CALLS_SOCKET | CALLS_DIAL | CALLS_LISTEN | CALLS_READ,
	.families = FAMILY_UNIX | FAMILY_INET,
	.otherwise = SECCOMP_REFUSES,
	.net = JAIL_NET_KEEP,
	.paths = resolver_files,
	.n_paths = ARRAY_LEN(resolver_files),
};

static void resolve(const char *host, uint16_t port, struct frame_writer *w)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *list = NULL;
	char service[8];
	uint8_t n = 0;

	(void)snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(host, service, &hints, &list) != 0) {
		list = NULL;
	}
	for (const struct addrinfo *a = list; a && n < RESOLVER_MAX_ADDRS; a = a->ai_next) {
		frame_put_str(w, str_make((const char *)a->ai_addr, a->ai_addrlen));
		n++;
	}
	if (list) {
		freeaddrinfo(list);
	}
}

static void child_answer(struct chan *chan, struct str question)
{
	char host[RESOLVER_HOST_MAX + 1] = {0}, out[FRAME_MAX];
	struct frame_writer w;
	struct frame_reader r;
	struct str name;
	uint64_t token;
	uint16_t port;
	struct err err;

	(void)frame_open(&r, question);
	token = frame_get_u64(&r);
	name = frame_get_str(&r);
	port = (uint16_t)frame_get_u32(&r);
	frame_begin(&w, out, sizeof(out), MESSAGE_ANSWER);
	frame_put_u64(&w, token);
	if (frame_ok(&r) && name.n <= RESOLVER_HOST_MAX && !memchr(name.p, 0, name.n)) {
		memcpy(host, name.p, name.n);
		resolve(host, port, &w);
	}
	err_ignore(chan_send(chan, frame_bytes(&w), NULL, 0, &err)); /* the connector asks again */
}

static NORETURN void child_main(int fd)
{
	struct chan chan;
	struct err err;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Nothing else of the connector's is kept: its peers must see when it goes. */
	(void)close_range(3, (unsigned)fd - 1, 0);
	(void)close_range((unsigned)fd + 1, UINT_MAX, 0);
	chan_init(&chan, fd, 64 << 10);
	/* Whoever asks gives up after ten seconds: to try for longer only holds up others. */
	(void)setenv("RES_OPTIONS", "timeout:2 attempts:2", 0);
	if (jail_enter(&resolver_jail, NULL, &err)) {
		log_line(LOG_ERROR, "resolver: %s", err.msg);
		_exit(2);
	}
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int fds[CHAN_MAX_FDS];
		unsigned n_fds = 0;
		char in[FRAME_MAX];
		struct str frame;
		enum err_code code;

		(void)poll(&p, 1, -1);
		code = chan_recv(&chan, in, sizeof(in), &frame, fds, &n_fds, &err);
		if (code == ERR_OK) {
			child_answer(&chan, frame);
		} else if (code != ERR_AGAIN) {
			_exit(0);
		}
	}
}

/* ---- who asks ---- */

struct question {
	struct list node;
	uint64_t asker, token;
	uint16_t port;
	struct str host;
	char text[];
};

/* The last two labels: who answers for them is one and the same, mostly. */
static struct str domain_of(struct str host)
{
	unsigned dots = 0;

	for (size_t i = host.n; i-- > 0;) {
		if (host.p[i] == '.' && ++dots == 2) {
			return str_from(host, i + 1);
		}
	}
	return host;
}

static bool same_domain(struct str a, struct str b)
{
	return str_ieq(domain_of(a), domain_of(b));
}

static bool is_asked(const struct resolver *r, struct str host)
{
	for (unsigned i = 0; i < RESOLVER_CHILDREN; i++) {
		const struct resolver_child *c = &r->children[i];

		if (c->busy && same_domain(str_from_c(c->host), host)) {
			return true;
		}
	}
	return false;
}

static unsigned under_way(const struct resolver *r, uint64_t asker)
{
	unsigned n = 0;

	for (unsigned i = 0; asker && i < RESOLVER_CHILDREN; i++) {
		n += r->children[i].busy && r->children[i].asker == asker;
	}
	return n;
}

static bool may_go(const struct resolver *r, uint64_t asker, struct str host)
{
	return under_way(r, asker) < RESOLVER_OF_ASKER && !is_asked(r, host);
}

static struct resolver_child *idle_child(struct resolver *r)
{
	for (unsigned i = 0; i < RESOLVER_CHILDREN; i++) {
		if (!r->children[i].busy) {
			return &r->children[i];
		}
	}
	return NULL;
}

static enum err_code give(struct resolver_child *c, uint64_t asker, uint64_t token, struct str host,
			  uint16_t port, struct err *err)
{
	char out[FRAME_MAX];
	struct frame_writer w;

	frame_begin(&w, out, sizeof(out), MESSAGE_ASK);
	frame_put_u64(&w, token);
	frame_put_str(&w, host);
	frame_put_u32(&w, port);
	TRY(chan_send(&c->chan, frame_bytes(&w), NULL, 0, err));
	memcpy(c->host, host.p, host.n);
	c->host[host.n] = '\0';
	c->token = token;
	c->asker = asker;
	c->busy = true;
	return ERR_OK;
}

static void question_free(struct resolver *r, struct question *q)
{
	list_remove(&q->node);
	r->n_waiting--;
	free(q);
}

/* Of those that may go: of who has the fewest under way, the one that has waited longest. */
static struct question *next_question(const struct resolver *r)
{
	struct question *best = NULL;
	unsigned least = RESOLVER_OF_ASKER;

	for (struct list *n = r->waiting.next; n != &r->waiting && (!best || least); n = n->next) {
		struct question *q = CONTAINER_OF(n, struct question, node);
		unsigned has = under_way(r, q->asker);

		if (has < least && !is_asked(r, q->host)) {
			best = q;
			least = has;
		}
	}
	return best;
}

static void give_waiting(struct resolver *r)
{
	struct resolver_child *c;
	struct question *q;

	while ((c = idle_child(r)) && (q = next_question(r))) {
		uint64_t token = q->token;
		struct err err;
		enum err_code code = give(c, q->asker, token, q->host, q->port, &err);

		question_free(r, q);
		if (code) {
			r->on_answer(r, token, NULL, 0);
			return; /* the child is gone, which its hangup tells */
		}
	}
}

static void take_answer(struct resolver_child *c, struct str frame)
{
	struct net_addr addrs[RESOLVER_MAX_ADDRS];
	struct resolver *r = c->of;
	struct frame_reader fr;
	uint64_t token;
	unsigned n = 0;

	if (frame_open(&fr, frame) != MESSAGE_ANSWER) {
		return;
	}
	token = frame_get_u64(&fr);
	while (!fr.bad && fr.at < fr.n && n < RESOLVER_MAX_ADDRS) {
		struct str bytes = frame_get_str(&fr);
		struct sockaddr_storage ss = {0};

		if (bytes.n && bytes.n <= sizeof(ss)) {
			memcpy(&ss, bytes.p, bytes.n);
			addrs[n] = net_addr_from_sockaddr(&ss, (socklen_t)bytes.n);
			n += addrs[n].kind == NET_ADDR_IP4 || addrs[n].kind == NET_ADDR_IP6;
		}
	}
	if (!c->busy || token != c->token) {
		return; /* it answers what it was asked, nothing else */
	}
	c->busy = false;
	r->on_answer(r, token, addrs, n);
	give_waiting(r);
}

static void on_answers(struct loop_fd *f, uint32_t ready)
{
	struct resolver_child *c = CONTAINER_OF(f, struct resolver_child, f);
	int fds[CHAN_MAX_FDS];
	unsigned n_fds = 0;
	char in[FRAME_MAX];
	struct str frame;
	struct err err;

	(void)ready;
	for (;;) {
		enum err_code code;

		n_fds = 0;
		code = chan_recv(&c->chan, in, sizeof(in), &frame, fds, &n_fds, &err);
		if (code == ERR_AGAIN) {
			return;
		}
		for (unsigned i = 0; !code && i < n_fds; i++) {
			(void)close(fds[i]); /* an answer carries none */
		}
		if (code) {
			/* Without it this role is of little use: its successor has one. */
			log_line(LOG_ERROR, "a resolver is gone");
			loop_stop(c->of->loop);
			return;
		}
		take_answer(c, frame);
	}
}

static enum err_code start_child(struct resolver_child *c, struct err *err)
{
	int ends[2];
	pid_t pid;

	TRY(chan_pair(ends, err));
	pid = fork();
	if (pid < 0) {
		return ERR_ERRNO(err, "fork");
	}
	if (pid == 0) {
		(void)close(ends[0]);
		child_main(ends[1]);
	}
	(void)close(ends[1]);
	chan_init(&c->chan, ends[0], 64 << 10);
	return ERR_OK;
}

enum err_code resolver_start(struct resolver *r, struct err *err)
{
	for (unsigned i = 0; i < RESOLVER_CHILDREN; i++) {
		TRY(start_child(&r->children[i], err));
	}
	return ERR_OK;
}

enum err_code resolver_watch(struct resolver *r, struct loop *loop, struct err *err)
{
	r->loop = loop;
	list_init(&r->waiting);
	for (unsigned i = 0; i < RESOLVER_CHILDREN; i++) {
		struct resolver_child *c = &r->children[i];

		c->of = r;
		c->f = (struct loop_fd){.fd = c->chan.fd, .on_ready = on_answers};
		TRY(loop_add(loop, &c->f, LOOP_READ, err));
	}
	return ERR_OK;
}

static enum err_code wait_for_child(struct resolver *r, uint64_t asker, uint64_t token,
				    struct str host, uint16_t port, struct err *err)
{
	struct question *q;
	unsigned n = 0, own = 0;

	LIST_FOREACH (node, &r->waiting) {
		q = CONTAINER_OF(node, struct question, node);
		n += same_domain(q->host, host);
		own += asker && q->asker == asker;
	}
	if (r->n_waiting >= RESOLVER_WAITING || n >= RESOLVER_WAITING_OF_DOMAIN ||
	    own >= RESOLVER_WAITING_OF_ASKER) {
		return ERR(err, ERR_LIMIT, "too many names are to be looked up");
	}
	q = calloc(1, sizeof(*q) + host.n);
	if (!q) {
		return ERR(err, ERR_NOMEM, "no memory for a name");
	}
	memcpy(q->text, host.p, host.n);
	q->host = str_make(q->text, host.n);
	q->asker = asker;
	q->token = token;
	q->port = port;
	list_append(&r->waiting, &q->node);
	r->n_waiting++;
	return ERR_OK;
}

enum err_code resolver_ask(struct resolver *r, uint64_t asker, uint64_t token, struct str host,
			   uint16_t port, struct err *err)
{
	struct resolver_child *c = may_go(r, asker, host) ? idle_child(r) : NULL;

	if (host.n > RESOLVER_HOST_MAX) {
		return ERR(err, ERR_LIMIT, "a host name of %zu bytes", host.n);
	}
	return c ? give(c, asker, token, host, port, err)
		 : wait_for_child(r, asker, token, host, port, err);
}

void resolver_forget(struct resolver *r, uint64_t token)
{
	if (!r->loop) {
		return; /* it was never started */
	}
	LIST_FOREACH (node, &r->waiting) {
		struct question *q = CONTAINER_OF(node, struct question, node);

		if (q->token == token) {
			question_free(r, q);
			return;
		}
	}
}
