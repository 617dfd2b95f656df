/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/control.h"

#include "base/hex.h"
#include "sys/fd.h"
#include "json/parse.h"
#include "json/write.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

void control_init(struct control *c)
{
	*c = (struct control){.fd = -1};
	for (unsigned i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		c->clients[i].fd = -1;
	}
}

void control_done(struct control *c)
{
	for (unsigned i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		fd_close(&c->clients[i].fd);
	}
	if (c->fd >= 0) {
		(void)unlink(c->path);
	}
	fd_close(&c->fd);
}

enum err_code control_open(struct control *c, const char *state_path, struct err *err)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	CLEANUP(fd_close) int fd = -1;
	mode_t old;
	int bound;

	(void)snprintf(c->path, sizeof(c->path), "%s/control.sock", state_path);
	if (strlen(c->path) >= sizeof(at.sun_path)) {
		return ERR(err, ERR_LIMIT,
			   "%s is too long for a socket's path: use a shorter state "
			   "directory",
			   c->path);
	}
	memcpy(at.sun_path, c->path, strlen(c->path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return ERR_ERRNO(err, "socket");
	}
	/* We hold the state directory's lock: a socket found here is a dead one's. */
	(void)unlink(c->path);
	old = umask(0177);
	bound = bind(fd, (struct sockaddr *)&at, sizeof(at));
	(void)umask(old);
	if (bound < 0 || listen(fd, CONTROL_MAX_CLIENTS) < 0) {
		return ERR_ERRNO(err, "listening on %s", c->path);
	}
	c->fd = fd_take(&fd);
	return ERR_OK;
}

unsigned control_poll(const struct control *c, struct pollfd *p)
{
	for (unsigned i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		p[i] = (struct pollfd){.fd = c->clients[i].fd, .events = POLLIN};
	}
	p[CONTROL_MAX_CLIENTS] = (struct pollfd){.fd = c->fd, .events = POLLIN};
	return CONTROL_MAX_CLIENTS + 1;
}

static bool is_owner(int fd, uint32_t *ret_uid)
{
	struct ucred who;
	socklen_t n = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0 ||
	    (who.uid != 0 && who.uid != geteuid())) {
		return false;
	}
	*ret_uid = who.uid;
	return true;
}

static void accept_client(struct control *c)
{
	CLEANUP(fd_close)
	int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	uint32_t uid;

	if (fd < 0 || !is_owner(fd, &uid)) {
		return;
	}
	for (unsigned i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		if (c->clients[i].fd < 0) {
			c->clients[i].fd = fd_take(&fd);
			c->clients[i].n = 0;
			c->clients[i].serial = ++c->accepted;
			c->clients[i].uid = uid;
			return;
		}
	}
}

/* "GATE.NUMBER" */
static bool read_id(struct str id, struct control_request *ret)
{
	struct str rest = id, gate = str_cut(&rest, '.');
	uint64_t index;

	if (!str_to_u64(gate, &index) || index > UINT16_MAX || !str_to_u64(rest, &ret->number)) {
		return false;
	}
	ret->gate = (unsigned)index;
	return true;
}

/* A text without NUL that fits, its end included; one that is not there is empty. */
static bool read_text(const struct json *root, struct str key, char *to, size_t max)
{
	struct str text = json_str(json_get(root, key));

	if (text.n >= max || str_find(text, '\0') < text.n) {
		return false;
	}
	if (text.n) {
		memcpy(to, text.p, text.n);
	}
	to[text.n] = '\0';
	return true;
}

static bool read_login(const struct json *root, bool finish, struct control_request *ret)
{
	return read_text(root, STR("server"), ret->server, sizeof(ret->server)) && ret->server[0] &&
	       read_text(root, finish ? STR("query") : STR("redirect"), ret->first,
			 sizeof(ret->first)) &&
	       read_text(root, STR("scope"), ret->second, sizeof(ret->second));
}

static enum control_op parse_line(struct str line, struct control_request *ret)
{
	static const struct {
		struct str name;
		enum control_op op;
	} ops[] = {
		{STR_INIT("reload"), CONTROL_RELOAD},
		{STR_INIT("stop"), CONTROL_STOP},
		{STR_INIT("held"), CONTROL_HELD},
		{STR_INIT("approve"), CONTROL_APPROVE},
		{STR_INIT("deny"), CONTROL_DENY},
		{STR_INIT("sever"), CONTROL_SEVER},
		{STR_INIT("restore"), CONTROL_RESTORE},
		{STR_INIT("pin_approve"), CONTROL_PIN_APPROVE},
		{STR_INIT("pin_reject"), CONTROL_PIN_REJECT},
		{STR_INIT("login_begin"), CONTROL_LOGIN_BEGIN},
		{STR_INIT("login_finish"), CONTROL_LOGIN_FINISH},
		{STR_INIT("logout"), CONTROL_LOGOUT},
		{STR_INIT("logins"), CONTROL_LOGINS},
	};
	enum control_op op = CONTROL_NONE;
	const struct json *root;
	struct arena a;

	arena_init(&a, 64 << 10);
	if (json_parse(&a, line, NULL, &root, NULL) == ERR_OK) {
		for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
			if (json_str_is(json_get(root, STR("op")), ops[i].name)) {
				op = ops[i].op;
			}
		}
		if ((op == CONTROL_APPROVE || op == CONTROL_DENY) &&
		    !read_id(json_str(json_get(root, STR("id"))), ret)) {
			op = CONTROL_NONE;
		}
		if ((op == CONTROL_PIN_APPROVE || op == CONTROL_PIN_REJECT) &&
		    !(hex_read(json_str(json_get(root, STR("pin"))), ret->pin.bytes, PIN_ID_LEN) &&
		      hex_read(json_str(json_get(root, STR("digest"))), ret->digest, SHA256_LEN))) {
			op = CONTROL_NONE;
		}
		if ((op == CONTROL_LOGIN_BEGIN || op == CONTROL_LOGIN_FINISH ||
		     op == CONTROL_LOGOUT) &&
		    !read_login(root, op == CONTROL_LOGIN_FINISH, ret)) {
			op = CONTROL_NONE;
		}
		if (op == CONTROL_SEVER &&
		    !sever_group(json_str(json_get(root, STR("group"))), ret->group)) {
			op = CONTROL_NONE;
		}
	}
	arena_done(&a);
	return op;
}

/* Reads what is there; true when a whole line is: then *ret is the request. */
static bool read_client(struct control *c, unsigned i, struct control_request *ret)
{
	struct control_client *k = &c->clients[i];
	ssize_t n = read(k->fd, k->line + k->n, sizeof(k->line) - k->n);
	size_t end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return false;
	}
	if (n <= 0) {
		fd_close(&k->fd);
		return false;
	}
	k->n += (size_t)n;
	end = str_find(str_make(k->line, k->n), '\n');
	if (end < k->n) {
		*ret = (struct control_request){.client = (int)i, .uid = k->uid};
		ret->op = parse_line(str_make(k->line, end), ret);
		if (ret->op == CONTROL_NONE) {
			control_answer(c, (int)i, false,
				       STR("unknown request: say {\"op\":\"reload\"} or "
					   "{\"op\":\"stop\"}"));
			return false;
		}
		return true;
	}
	if (k->n == sizeof(k->line)) {
		fd_close(&k->fd);
	}
	return false;
}

bool control_next(struct control *c, struct pollfd *p, struct control_request *ret)
{
	for (unsigned i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		if (p[i].revents && c->clients[i].fd == p[i].fd) {
			p[i].revents = 0;
			if (read_client(c, i, ret)) {
				return true;
			}
		}
	}
	if (p[CONTROL_MAX_CLIENTS].revents) {
		p[CONTROL_MAX_CLIENTS].revents = 0;
		accept_client(c);
	}
	return false;
}

void control_answer(struct control *c, int client, bool ok, struct str text)
{
	struct buf b;

	if (client < 0 || client >= CONTROL_MAX_CLIENTS || c->clients[client].fd < 0) {
		return;
	}
	buf_init(&b, 256 << 10);
	buf_append(&b, ok ? STR("{\"ok\":true,\"text\":") : STR("{\"ok\":false,\"error\":"));
	json_put_str(&b, text);
	buf_append(&b, STR("}\n"));
	/* One answer fits a socket's buffer; a client that is gone loses it. */
	(void)!send(c->clients[client].fd, b.p, b.end, MSG_NOSIGNAL);
	buf_done(&b);
	fd_close(&c->clients[client].fd);
}

uint64_t control_ticket(const struct control *c, int client)
{
	return c->clients[client].serial * CONTROL_MAX_CLIENTS + (uint64_t)client;
}

int control_client_of(const struct control *c, uint64_t ticket)
{
	const struct control_client *k = &c->clients[ticket % CONTROL_MAX_CLIENTS];

	return k->fd >= 0 && k->serial == ticket / CONTROL_MAX_CLIENTS
		       ? (int)(ticket % CONTROL_MAX_CLIENTS)
		       : -1;
}
