/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/ground.h"

#include "gate/treasury.h"

#include "base/log.h"
#include "crypto/secret.h"
#include "crypto/sign.h"
#include "ledger/permit.h"
#include "ledger/seal.h"
#include "net/listen.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { RUN_BACKLOG = 256 };

void ground_init(struct ground *g)
{
	*g = (struct ground){.lock_fd = -1,
			     .log_dir_fd = -1,
			     .key_fd = -1,
			     .runs_fd = -1,
			     .budgets_fd = -1,
			     .permit_key_fd = -1,
			     .exit_ca_fd = -1,
			     .exit_ca_key_fd = -1,
			     .login_key_fd = -1};
}

void ground_done(struct ground *g)
{
	for (unsigned i = 0; i < g->n_listeners; i++) {
		fd_close(&g->listeners[i].fd);
	}
	g->n_listeners = 0;
	if (g->lock_fd >= 0) {
		(void)unlinkat(g->lock_fd, "writ.pid", 0);
		if (g->runs_fd >= 0) {
			(void)unlinkat(g->lock_fd, "run.sock", 0);
		}
	}
	fd_close(&g->runs_fd);
	fd_close(&g->key_fd);
	fd_close(&g->budgets_fd);
	fd_close(&g->permit_key_fd);
	fd_close(&g->exit_ca_fd);
	fd_close(&g->exit_ca_key_fd);
	fd_close(&g->login_key_fd);
	fd_close(&g->log_dir_fd);
	fd_close(&g->lock_fd);
}

/* mkdir -p for the last two levels; the parents of a state directory exist. */
static enum err_code make_directory(const char *path, struct err *err)
{
	char parent[sizeof(((struct ground *)0)->state_path)];
	char *slash;

	(void)snprintf(parent, sizeof(parent), "%s", path);
	slash = strrchr(parent, '/');
	if (slash && slash != parent) {
		*slash = '\0';
		if (mkdir(parent, 0755) < 0 && errno != EEXIST) {
			return ERR_ERRNO(err, "making the directory %s", parent);
		}
	}
	if (mkdir(path, 0700) < 0 && errno != EEXIST) {
		return ERR_ERRNO(err, "making the state directory %s", path);
	}
	return ERR_OK;
}

static enum err_code write_pid(int dir_fd, struct err *err)
{
	CLEANUP(fd_close)
	int fd = openat(dir_fd, "writ.pid", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0) {
		return ERR_ERRNO(err, "writing writ.pid");
	}
	return ERR_OK;
}

/* The state directory's own descriptor carries the lock. */
static enum err_code lock_state(struct ground *g, struct err *err)
{
	TRY(make_directory(g->state_path, err));
	g->lock_fd = open(g->state_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g->lock_fd < 0) {
		return ERR_ERRNO(err, "opening the state directory %s", g->state_path);
	}
	if (flock(g->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		int why = errno;

		fd_close(&g->lock_fd); /* what is in there belongs to the other one */
		errno = why;
		return errno == EWOULDBLOCK ? ERR(err, ERR_EXISTS,
						  "another writ serves from %s: stop it (its pid "
						  "is in writ.pid) or "
						  "give this one its own state directory",
						  g->state_path)
					    : ERR_ERRNO(err, "locking %s", g->state_path);
	}
	return write_pid(g->lock_fd, err);
}

static enum err_code make_key(int dir_fd, struct str node, struct err *err)
{
	struct ledger_signer signer = {0};
	CLEANUP(fd_close)
	int fd = openat(dir_fd, "ledger.key", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	enum err_code code;
	struct buf line;

	if (fd < 0) {
		return errno == EEXIST ? ERR_OK : ERR_ERRNO(err, "making ledger.key");
	}
	TRY(sign_setup(err));
	TRY(ledger_signer_init(&signer, node, err));
	buf_init(&line, 1024);
	ledger_signer_append(&signer, &line);
	buf_append_c(&line, '\n');
	code = line.failed ? ERR(err, ERR_NOMEM, "no memory for ledger.key") : ERR_OK;
	if (!code && (write(fd, line.p, line.end) != (ssize_t)line.end || fsync(fd) < 0)) {
		code = ERR_ERRNO(err, "writing ledger.key");
	}
	secret_wipe(line.p, line.end);
	buf_done(&line);
	ledger_signer_done(&signer);
	return code;
}

static enum err_code open_ledger(struct ground *g, struct str node, struct err *err)
{
	struct arena a;
	struct str text;
	enum err_code code;
	struct stat st;
	CLEANUP(fd_close) int fd = -1;

	if (mkdirat(g->lock_fd, "ledger", 0700) < 0 && errno != EEXIST) {
		return ERR_ERRNO(err, "making the ledger's directory");
	}
	g->log_dir_fd = openat(g->lock_fd, "ledger", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g->log_dir_fd < 0) {
		return ERR_ERRNO(err, "opening the ledger's directory");
	}
	TRY(make_key(g->lock_fd, node, err));
	fd = openat(g->lock_fd, "ledger.key", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0) {
		return ERR_ERRNO(err, "opening ledger.key");
	}
	if (st.st_mode & 077) {
		return ERR(err, ERR_INVALID, "%s/ledger.key is open to others: chmod 600 it",
			   g->state_path);
	}
	arena_init(&a, 64 << 10);
	code = fd_read_all(fd, 4096, &a, &text, err);
	if (!code) {
		code = fd_memfd("ledger.key", text, &g->key_fd, err);
		secret_wipe((char *)(uintptr_t)text.p, text.n);
	}
	arena_done(&a);
	return code;
}

/* One listener of one gate. Gates after the first take the port that the first was given. */
static enum err_code listen_one(struct ground *g, const struct config_listen *at, unsigned l,
				unsigned gate, struct err *err)
{
	struct role_listener *slot = &g->listeners[g->n_listeners];
	struct net_addr addr;

	*slot = (struct role_listener){.index = l, .fd = -1};
	if (gate > 0 && (at->has_tls || at->http2)) {
		/* Such a connection cannot move to the gate of its session: one gate has them all. */
		g->n_listeners++;
		return ERR_OK;
	}
	if (gate > 0 && at->kind == CONFIG_LISTEN_UNIX) {
		slot->fd = fcntl(g->listeners[l].fd, F_DUPFD_CLOEXEC, 3);
		if (slot->fd < 0) {
			return ERR_ERRNO(err, "dup");
		}
	} else {
		if (gate > 0) {
			TRY(net_local_addr(g->listeners[l].fd, &addr, err));
		} else {
			TRY(net_addr_parse(at->address, &addr, err));
		}
		if (net_listen(&addr, &(struct net_listen_options){.shared = gate > 0}, &slot->fd,
			       err)) {
			err_wrap(err, "listening on " STR_FMT, STR_ARG(at->address));
			return err->code;
		}
	}
	g->n_listeners++;
	return ERR_OK;
}

static enum err_code open_runs(struct ground *g, struct err *err)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	CLEANUP(fd_close)
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int n = snprintf(at.sun_path, sizeof(at.sun_path), "%s/run.sock", g->state_path);
	mode_t old;
	int bound;

	if (n < 0 || (size_t)n >= sizeof(at.sun_path)) {
		return ERR(err, ERR_LIMIT,
			   "%s/run.sock is too long for a socket's path: use a shorter state "
			   "directory",
			   g->state_path);
	}
	if (fd < 0) {
		return ERR_ERRNO(err, "socket");
	}
	/* We hold the state directory's lock: a socket found here is a dead one's. */
	(void)unlink(at.sun_path);
	old = umask(0177);
	bound = bind(fd, (const struct sockaddr *)&at, sizeof(at));
	(void)umask(old);
	if (bound < 0 || listen(fd, RUN_BACKLOG) < 0) {
		return ERR_ERRNO(err, "listening on %s", at.sun_path);
	}
	g->runs_fd = fd_take(&fd);
	return ERR_OK;
}

enum err_code ground_open(struct ground *g, const struct config *config, unsigned n_gates,
			  struct err *err)
{
	int n = snprintf(g->state_path, sizeof(g->state_path), STR_FMT, STR_ARG(config->state));

	if (n < 0 || (size_t)n >= sizeof(g->state_path)) {
		return ERR(err, ERR_LIMIT, "the state directory's path is longer than %zu bytes",
			   sizeof(g->state_path) - 1);
	}
	if (config->n_listen > ROLE_MAX_LISTENERS) {
		return ERR(err, ERR_LIMIT, "more than %d listeners", ROLE_MAX_LISTENERS);
	}
	TRY(lock_state(g, err));
	TRY(open_ledger(g, config->node, err));
	TRY(open_runs(g, err));
	g->n_listen = (unsigned)config->n_listen;
	for (unsigned gate = 0; gate < n_gates; gate++) {
		for (unsigned l = 0; l < g->n_listen; l++) {
			TRY(listen_one(g, &config->listen[l], l, gate, err));
		}
	}
	return ERR_OK;
}

enum err_code ground_check_unchanged(const struct ground *g, const struct config *now,
				     const struct config *next, struct err *err)
{
	bool same = str_eq(now->state, next->state) && now->gates == next->gates &&
		    now->n_listen == next->n_listen;

	(void)g;
	for (size_t i = 0; same && i < now->n_listen; i++) {
		same = str_eq(now->listen[i].address, next->listen[i].address) &&
		       now->listen[i].has_tls == next->listen[i].has_tls &&
		       now->listen[i].http2 == next->listen[i].http2;
	}
	return same ? ERR_OK
		    : ERR(err, ERR_INVALID,
			  "state, gates and listen cannot change while writ serves: restart it");
}

static void say_listener(const struct ground *g, const struct config_listen *at, unsigned l)
{
	struct net_addr addr;
	struct buf b;
	struct err err;

	buf_init(&b, 512);
	if (at->kind == CONFIG_LISTEN_TCP && net_local_addr(g->listeners[l].fd, &addr, &err) == 0) {
		buf_append(&b, at->has_tls ? STR("https://") : STR("http://"));
		net_addr_write(&b, &addr);
	} else {
		buf_append(&b, at->address);
	}
	if (at->serves == CONFIG_SERVES_PROXY) {
		log_line(LOG_INFO, "serves as a proxy at " STR_FMT "%s", STR_ARG(buf_str(&b)),
			 at->local ? " (this machine only)" : "");
	} else {
		log_line(LOG_INFO, "serves " STR_FMT "/mcp and " STR_FMT "/v1%s",
			 STR_ARG(buf_str(&b)), STR_ARG(buf_str(&b)),
			 at->local ? " (this machine only)" : "");
	}
	buf_done(&b);
}

void ground_say(const struct ground *g, const struct config *config)
{
	for (unsigned l = 0; l < g->n_listen; l++) {
		say_listener(g, &config->listen[l], l);
	}
	if (config->identity.anonymous.n) {
		log_line(LOG_INFO,
			 "callers on this machine that show no identity are the agent \"" STR_FMT
			 "\"",
			 STR_ARG(config->identity.anonymous));
	}
	log_line(LOG_INFO, "ledger in %s/ledger: writ ledger verify %s/ledger", g->state_path,
		 g->state_path);
}

enum err_code ground_permit_key(struct ground *g, struct err *err)
{
	char key[PERMIT_KEY];
	enum err_code code;

	rand_bytes(key, sizeof(key));
	code = fd_memfd(ROLE_PERMIT_KEY, str_make(key, sizeof(key)), &g->permit_key_fd, err);
	secret_wipe(key, sizeof(key));
	return code;
}

enum err_code ground_budgets(struct ground *g, struct err *err)
{
	int fd = openat(g->lock_fd, "budgets", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	enum err_code code;

	if (fd < 0) {
		return ERR_ERRNO(err, "opening the counters of budgets in the state directory");
	}
	code = treasury_prepare(fd, err);
	if (code) {
		fd_close(&fd);
		return code;
	}
	g->budgets_fd = fd;
	return ERR_OK;
}
