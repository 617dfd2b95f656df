/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node that decides about a run. When none runs for the configuration, one is started for
 * this run alone: it stays as long as the pipe that is its standard input, or as any run is left.
 */
#include "base/hex.h"
#include "cli/find.h"
#include "cli/init_text.h"
#include "cli/run.h"
#include "config/load.h"
#include "crypto/sha256.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { START_MS = 15000, STEP_MS = 2, LOG_SHOWN = 4096, NAME_SHOWN = 20 };

static enum err_code dial(const char *state, int *ret_fd, struct err *err)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int n = snprintf(at.sun_path, sizeof(at.sun_path), "%s/run.sock", state);
	CLEANUP(fd_close) int fd = -1;

	if (n < 0 || (size_t)n >= sizeof(at.sun_path)) {
		return ERR(err, ERR_LIMIT, "the path of the state folder is too long for a socket");
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return ERR_ERRNO(err, "socket");
	}
	if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0) {
		if (errno == ENOENT || errno == ECONNREFUSED) {
			return ERR(
				err, ERR_NOT_FOUND,
				"no node runs here: %s does not answer. `writ serve` starts one; "
				"--config names the configuration of another",
				at.sun_path);
		}
		return ERR_ERRNO(err, "%s", at.sun_path);
	}
	*ret_fd = fd_take(&fd);
	return ERR_OK;
}

enum err_code run_make_folders(char *path, struct err *err)
{
	for (char *p = path + 1;; p++) {
		char c = *p;

		if (c != '/' && c != '\0') {
			continue;
		}
		*p = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST) {
			int why = errno;

			*p = c;
			errno = why;
			return ERR_ERRNO(err, "making %s", path);
		}
		*p = c;
		if (!c) {
			return ERR_OK;
		}
	}
}

static enum err_code write_file(struct arena *a, const char *dir, const char *name, struct str text,
				struct err *err)
{
	struct str path = arena_printf(a, "%s/%s", dir, name);
	CLEANUP(fd_close)
	int fd = path.p ? open(path.p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)
			: -1;

	if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n) {
		return ERR_ERRNO(err, "writing %s/%s", dir, name);
	}
	return ERR_OK;
}

/* What holds where nobody has written anything: the program may start and use its workspace, no more. */
static void default_policy(struct buf *b, struct str workspace)
{
	buf_append(b, STR("// Made by `writ run`, which found no writ.yaml. Anything that is not "
			  "permitted here is denied:\n// tools, models and the network among it.\n"
			  "@id(\"default.exec\")\n"
			  "permit (principal, action == Writ::Action::\"exec\", resource);\n\n"
			  "@id(\"default.workspace\")\n"
			  "permit (principal, action in [Writ::Action::\"read_file\", "
			  "Writ::Action::\"write_file\"],\n        resource in Writ::Path::\""));
	cedar_put_text(b, workspace, false);
	buf_append(b, STR("\");\n"));
}

static void default_config(struct buf *b, const char *state, struct str policies)
{
	char socket[RUN_STATE_PATH + 32];

	buf_append(b, STR("version: 1\nnode: writ-run\ngates: 1\nlog: {level: warn}\nstate: "));
	yaml_put_text(b, str_from_c(state));
	buf_append(b, STR("\npolicies: "));
	yaml_put_text(b, policies);
	buf_append(b, STR("\nlisten:\n  - address: "));
	(void)snprintf(socket, sizeof(socket), "unix:%s/gate.sock", state);
	yaml_put_text(b, str_from_c(socket));
	buf_append_c(b, '\n');
}

/* For people: folders may be called anything, and who named them may not be who runs in them. */
static void plain_name(struct str name, char ret[NAME_SHOWN + 1])
{
	size_t n = name.n < NAME_SHOWN ? name.n : NAME_SHOWN;

	for (size_t i = 0; i < n; i++) {
		char c = name.p[i];
		bool word =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		ret[i] = word || (c && strchr("._+-", c)) ? c : '_';
	}
	ret[n] = '\0';
	if (n == 0) {
		memcpy(ret, "root", sizeof("root"));
	}
}

/* BASE/NAME-8digits of this workspace, or of this policy folder. */
static enum err_code default_state(struct arena *a, struct str of, char *ret, struct err *err)
{
	uint8_t digest[SHA256_LEN];
	char hex[8];
	char name[NAME_SHOWN + 1];
	struct str base;
	size_t at = of.n;
	int n;

	TRY(run_base(a, &base, err));
	while (at > 0 && of.p[at - 1] != '/') {
		at--;
	}
	plain_name(str_from(of, at), name);
	sha256_of(of, digest);
	hex_write(hex, digest, sizeof(hex) / 2);
	n = snprintf(ret, RUN_STATE_PATH, "%s/%s-%.8s", base.p, name, hex);
	return n > 0 && n < RUN_STATE_PATH
		       ? ERR_OK
		       : ERR(err, ERR_LIMIT, "the path of the state folder is too long");
}

/* The files of the default configuration, made anew. */
static enum err_code write_default(struct arena *a, const struct run_where *where,
				   struct run_node *n, struct str *ret_config, struct err *err)
{
	struct str policies = arena_printf(a, "%s/policies", n->state);
	enum err_code code;
	struct buf b;

	if (where->policy) {
		TRY(find_real_path(a, where->policy, &policies, err));
	}
	TRY(run_make_folders(n->state, err));
	buf_init(&b, 64 << 10);
	code = ERR_OK;
	if (!where->policy) {
		char dir[RUN_STATE_PATH + 16];

		(void)snprintf(dir, sizeof(dir), "%s/policies", n->state);
		code = run_make_folders(dir, err);
		default_policy(&b, where->workspace);
		code = code ? code : write_file(a, dir, "run.cedar", buf_str(&b), err);
		buf_clear(&b);
	}
	default_config(&b, n->state, policies);
	code = code ? code : write_file(a, n->state, "writ.yaml", buf_str(&b), err);
	buf_done(&b);
	*ret_config = arena_printf(a, "%s/writ.yaml", n->state);
	return code;
}

/* The first lines of what the node said before it gave up. */
static enum err_code tell_failure(const struct run_node *n, struct err *err)
{
	char text[LOG_SHOWN];
	CLEANUP(fd_close) int fd = open(n->log, O_RDONLY | O_CLOEXEC);
	ssize_t k = fd < 0 ? -1 : read(fd, text, sizeof(text));

	while (k > 0 && text[k - 1] == '\n') {
		k--;
	}
	return ERR(err, ERR_UNSUPPORTED, "the node for this run did not start: %.*s",
		   k > 0 ? (int)k : 0, text);
}

static enum err_code start_node(const char *config, struct run_node *n, struct err *err)
{
	int ends[2];
	CLEANUP(fd_close)
	int log = open(n->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	CLEANUP(fd_close) int in = -1;
	CLEANUP(fd_close) int life = -1;
	pid_t pid;

	if (log < 0 || pipe2(ends, O_CLOEXEC) < 0) {
		return ERR_ERRNO(err, "%s", n->log);
	}
	in = ends[0];
	life = ends[1];
	pid = fork();
	if (pid < 0) {
		return ERR_ERRNO(err, "fork");
	}
	if (pid == 0) {
		/* A session of its own: keys pressed in this terminal are not for the node. */
		if (setsid() >= 0 && dup2(in, 0) == 0 && dup2(log, 1) == 1 && dup2(log, 2) == 2) {
			(void)execl("/proc/self/exe", "writ", "serve", "--quiet", "--until-eof",
				    "--config", config, (char *)NULL);
		}
		_exit(RUN_EXIT_FAILED);
	}
	n->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	n->life = fd_take(&life);
	n->own = true;
	return ERR_OK;
}

static enum err_code wait_for_node(struct run_node *n, int *ret_fd, struct err *err)
{
	for (int waited = 0; waited < START_MS; waited += STEP_MS) {
		struct pollfd p = {.fd = n->pidfd, .events = POLLIN};

		if (dial(n->state, ret_fd, NULL) == ERR_OK) {
			return ERR_OK;
		}
		if (poll(&p, 1, STEP_MS) > 0) {
			return tell_failure(n, err);
		}
	}
	return ERR(err, ERR_TIMEOUT, "the node for this run is not ready after %d s: see %s",
		   START_MS / 1000, n->log);
}

static enum err_code read_config(struct arena *a, struct str path, struct run_node *n,
				 struct err *err)
{
	struct config *cfg = ARENA_NEW(a, struct config);

	if (!cfg) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	TRY(config_read_file(a, path.p, cfg, NULL, err));
	n->config = path;
	n->cfg = cfg;
	return ERR_OK;
}

/* The configuration that is meant: *ret_path is empty for the default one. */
static enum err_code choose(struct arena *a, const struct run_where *where, struct run_node *n,
			    struct str *ret_path, struct err *err)
{
	const char *path = where->config                                 ? where->config
			   : !where->policy && find_is_file("writ.yaml") ? "writ.yaml"
									 : NULL;
	struct str of = where->workspace;

	*ret_path = STR("");
	if (path) {
		TRY(find_real_path(a, path, ret_path, err));
		if (where->may_start) {
			TRY(run_known(a, *ret_path, where->config != NULL, err));
		}
		TRY(read_config(a, *ret_path, n, err));
		if (n->cfg->state.n >= sizeof(n->state)) {
			return ERR(err, ERR_LIMIT, "the path of the state folder is too long");
		}
		(void)snprintf(n->state, sizeof(n->state), STR_FMT, STR_ARG(n->cfg->state));
		return ERR_OK;
	}
	if (where->policy) {
		TRY(find_real_path(a, where->policy, &of, err));
	}
	return default_state(a, of, n->state, err);
}

enum err_code run_node_connect(struct arena *a, const struct run_where *where, struct run_node *ret,
			       int *ret_fd, struct buf *said, struct err *err)
{
	struct run_node n = {.life = -1, .pidfd = -1};
	struct str config;
	enum err_code code;

	TRY(choose(a, where, &n, &config, err));
	(void)snprintf(n.log, sizeof(n.log), "%s/serve.log", n.state);
	code = dial(n.state, ret_fd, err);
	if (!where->may_start) {
		*ret = n;
		return code;
	}
	if (code == ERR_OK) {
		if (!n.cfg) {
			code = read_config(a, arena_printf(a, "%s/writ.yaml", n.state), &n, err);
		}
		*ret = n;
		return code;
	}
	if (code != ERR_NOT_FOUND) {
		return code;
	}
	if (config.n == 0) {
		TRY(write_default(a, where, &n, &config, err));
		buf_printf(said, "%s; ",
			   where->policy ? "no writ.yaml: nothing but the folder of policies holds"
					 : "no writ.yaml: the program may use its workspace and "
					   "nothing else");
	}
	TRY(run_make_folders(n.state, err));
	TRY(start_node(config.p, &n, err));
	code = wait_for_node(&n, ret_fd, err);
	if (code) {
		run_node_done(&n);
		return code;
	}
	if (!n.cfg) {
		TRY(read_config(a, config, &n, err));
	}
	*err = (struct err){0}; /* that none ran is no failure */
	buf_printf(said,
		   "no node was running, so one was started for this run; its ledger is %s/ledger",
		   n.state);
	*ret = n;
	return ERR_OK;
}

void run_node_done(struct run_node *n)
{
	fd_close(&n->life);
	fd_close(&n->pidfd);
}

enum err_code run_ask_connect(struct arena *a, struct run_where *where, struct chan *ret,
			      struct err *err)
{
	struct run_node node;
	struct buf said;
	enum err_code code;
	int fd = -1;

	TRY(find_real_path(a, ".", &where->workspace, err));
	buf_init(&said, 1024);
	code = run_node_connect(a, where, &node, &fd, &said, err);
	buf_done(&said);
	if (!code) {
		chan_init(ret, fd, 1 << 16);
	}
	return code;
}
