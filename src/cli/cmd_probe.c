/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writ probe sandbox: makes the sandbox that `writ run` makes, starts itself in it, and tries there what must not be
 * possible. Everything it tries to reach is of its own making and stands ready outside.
 */
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/run.h"
#include "sandbox/probe.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_ROOM = 256, MANY_PROBES = 256 };

/* What stands outside, and the folder it all is in. */
struct bait {
	char dir[PATH_ROOM], workspace[PATH_ROOM + 16], outside[PATH_ROOM + 16],
		socket[PATH_ROOM + 16], abstract[64];
	int path_fd, abstract_fd, tcp_fd;
	uint16_t port;
};

static const char *const folders[] = {"ws", "ws/deep", "ws/deep/kept", "ws/hidden"};
static const char *const left[] = {"ws/made",          "ws/tool", "ws/link", "ws/deep/kept/law",
				   "ws/hidden/secret", "outside", "socket",  "ws/hidden",
				   "ws/deep/kept",     "ws/deep", "ws"};

static enum err_code make_file(const char *dir, const char *name, struct err *err)
{
	char path[PATH_ROOM + 64];
	CLEANUP(fd_close) int fd = -1;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, "secret\n", 7) != 7) {
		return ERR_ERRNO(err, "%s", path);
	}
	return ERR_OK;
}

static enum err_code make_folders(struct bait *b, struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	char path[PATH_ROOM + 64], real[PATH_MAX];

	/* TMPDIR may be reached by a link: places are real paths. */
	if (!realpath(tmp && tmp[0] == '/' ? tmp : "/tmp", real) ||
	    strlen(real) > PATH_ROOM - sizeof("/writ-probe-XXXXXX")) {
		return ERR_ERRNO(err, "TMPDIR");
	}
	(void)snprintf(b->dir, sizeof(b->dir), "%.*s/writ-probe-XXXXXX", PATH_ROOM - 32, real);
	if (!mkdtemp(b->dir)) {
		return ERR_ERRNO(err, "%s", b->dir);
	}
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", b->dir, folders[i]);
		if (mkdir(path, 0755) < 0) {
			return ERR_ERRNO(err, "%s", path);
		}
	}
	(void)snprintf(b->workspace, sizeof(b->workspace), "%s/ws", b->dir);
	(void)snprintf(b->outside, sizeof(b->outside), "%s/outside", b->dir);
	(void)snprintf(path, sizeof(path), "%s/ws/link", b->dir);
	if (symlink(b->outside, path) < 0) {
		return ERR_ERRNO(err, "%s", path);
	}
	TRY(make_file(b->dir, "outside", err));
	TRY(make_file(b->dir, "ws/deep/kept/law", err));
	return make_file(b->dir, "ws/hidden/secret", err);
}

static enum err_code listen_unix(const struct sockaddr_un *at, socklen_t n, int *ret,
				 struct err *err)
{
	*ret = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*ret < 0 || bind(*ret, (const struct sockaddr *)at, n) < 0 || listen(*ret, 8) < 0) {
		return ERR_ERRNO(err, "a socket to be attacked");
	}
	return ERR_OK;
}

static enum err_code open_sockets(struct bait *b, struct err *err)
{
	struct sockaddr_un path = {.sun_family = AF_UNIX}, abstract = {.sun_family = AF_UNIX};
	struct sockaddr_in tcp = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(tcp);
	int k = snprintf(path.sun_path, sizeof(path.sun_path), "%s/socket", b->dir);

	if (k < 0 || (size_t)k >= sizeof(path.sun_path)) {
		return ERR(err, ERR_LIMIT, "the path of TMPDIR is too long for a socket");
	}
	(void)snprintf(b->socket, sizeof(b->socket), "%s/socket", b->dir);
	k = snprintf(b->abstract, sizeof(b->abstract), "writ-probe-%d", (int)getpid());
	memcpy(abstract.sun_path + 1, b->abstract, (size_t)k);
	TRY(listen_unix(&path, sizeof(path), &b->path_fd, err));
	TRY(listen_unix(&abstract,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)k),
			&b->abstract_fd, err));
	b->tcp_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (b->tcp_fd < 0 || bind(b->tcp_fd, (const struct sockaddr *)&tcp, n) < 0 ||
	    listen(b->tcp_fd, 8) < 0 || getsockname(b->tcp_fd, (struct sockaddr *)&tcp, &n) < 0) {
		return ERR_ERRNO(err, "a port to be attacked");
	}
	b->port = ntohs(tcp.sin_port);
	return ERR_OK;
}

static void bait_done(struct bait *b)
{
	fd_close(&b->path_fd);
	fd_close(&b->abstract_fd);
	fd_close(&b->tcp_fd);
	for (size_t i = 0; i < ARRAY_LEN(left) && b->workspace[0]; i++) {
		char path[PATH_ROOM + 64];

		(void)snprintf(path, sizeof(path), "%s/%s", b->dir, left[i]);
		(void)remove(path);
	}
	(void)rmdir(b->dir);
}

static enum err_code add_env(struct arena *a, struct opt_list *env, const char *name,
			     const char *value, struct err *err)
{
	struct str text = arena_printf(a, "%s=%s", name, value);

	if (!text.p || env->n == ARRAY_LEN(env->items)) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	env->items[env->n++] = text.p;
	return ERR_OK;
}

static enum err_code fill_env(struct arena *a, const struct bait *b, const char *self,
			      struct opt_list *env, struct err *err)
{
	char number[16];

	TRY(add_env(a, env, PROBE_WORKSPACE, b->workspace, err));
	TRY(add_env(a, env, PROBE_OUTSIDE, b->outside, err));
	TRY(add_env(a, env, PROBE_SOCKET, b->socket, err));
	TRY(add_env(a, env, PROBE_ABSTRACT, b->abstract, err));
	TRY(add_env(a, env, "WRIT_PROBE_PROGRAM", self, err));
	(void)snprintf(number, sizeof(number), "%u", b->port);
	TRY(add_env(a, env, PROBE_PORT, number, err));
	(void)snprintf(number, sizeof(number), "%d", (int)getpid());
	TRY(add_env(a, env, PROBE_PROCESS, number, err));
	return setenv(PROBE_SECRET, "of the caller", 1) < 0 ? ERR_ERRNO(err, "setenv") : ERR_OK;
}

/* As if policies had given the workspace but for two places in it, and all programs. */
static enum err_code make_plan(struct arena *a, const struct bait *b, struct run_options *o,
			       struct run_plan *ret, struct err *err)
{
	static const struct run_guard none = {0};
	struct run_granted_place places[] = {
		{.path = arena_printf(a, "%s", b->workspace),
		 .allowed = RUN_READ | RUN_WRITE,
		 .from = RUN_PLACE_ASKED},
		{.path = arena_printf(a, "%s/deep/kept", b->workspace),
		 .allowed = RUN_READ,
		 .from = RUN_PLACE_NAMED},
		{.path = arena_printf(a, "%s/hidden", b->workspace), .from = RUN_PLACE_NAMED}};
	struct run_granted granted = {
		.places = places, .n_places = ARRAY_LEN(places), .others = RUN_OTHERS_START};

	TRY(run_plan_prepare(a, o, ret, err));
	TRY(run_plan_look(ret, err));
	ret->spec.capture = true; /* as under a node, but nobody answers */
	return run_plan_settle(ret, &granted, &none, err);
}

static enum err_code run_inside(const struct run_plan *p, unsigned char *answers, struct err *err)
{
	CLEANUP(fd_close) int from = -1;
	CLEANUP(fd_close) int to = -1;
	struct sandbox_child child;
	siginfo_t info;
	size_t n = 0;
	ssize_t k;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0) {
		return ERR_ERRNO(err, "pipe");
	}
	from = ends[0];
	to = ends[1];
	TRY(sandbox_start(&p->plan,
			  &(struct sandbox_fds){.in = SANDBOX_FD_NULL, .out = to, .errors = 2},
			  &child, err));
	fd_close(&to);
	while (n < n_probes && (k = read(from, answers + n, n_probes - n)) > 0) {
		n += (size_t)k;
	}
	while (waitid(P_PIDFD, (id_t)child.pidfd, &info, WEXITED) < 0 && errno == EINTR) {
	}
	fd_close(&child.pidfd);
	return n == n_probes ? ERR_OK
			     : ERR(err, ERR_CORRUPT, "the sandbox ended after %zu of %u attempts",
				   n, n_probes);
}

static bool by_design(const struct probe *probe, const struct run_plan *p)
{
	return (probe->jit && p->plan.seccomp.exec == EXEC_ANY) ||
	       (probe->write_exec && p->spec.write_exec);
}

static const char *verdict(const struct probe *probe, unsigned char answer,
			   const struct run_plan *p, bool *ret_bad)
{
	*ret_bad = false;
	if (answer == PROBE_SKIPPED) {
		return "not tried";
	}
	if (answer == PROBE_POSSIBLE && !probe->wanted && by_design(probe, p)) {
		return "by design";
	}
	*ret_bad = (answer == PROBE_POSSIBLE) != probe->wanted || answer == PROBE_BROKEN;
	return *ret_bad ? "WRONG" : "right";
}

static int report(struct out *o, const struct run_plan *p, const unsigned char *answers)
{
	static const struct out_col cols[] = {
		{"group", 11}, {"attempt", 38}, {"answer", 16}, {"verdict", 0}};
	static const struct out_list list = {.name = "attempts", .cols = cols, .n_cols = 4};
	unsigned wrong = 0;

	out_text(o, "profile", str_from_c(run_profile_name(p->spec.profile)));
	out_u64(o, "user", getuid());
	out_list_begin(o, &list);
	for (unsigned i = 0; i < n_probes; i++) {
		char number[16];
		bool bad;
		const char *says = verdict(&probes[i], answers[i], p, &bad);

		out_row_begin(o);
		out_text(o, "group", str_from_c(probes[i].group));
		out_text(o, "attempt", str_from_c(probes[i].what));
		out_text(
			o, "answer",
			answers[i] == PROBE_POSSIBLE ? STR("possible")
			: answers[i] == PROBE_KILLED
				? STR("killed")
				: str_from_c(probe_errno_name(answers[i], number, sizeof(number))));
		out_text(o, "verdict", str_from_c(says));
		out_row_end(o);
		wrong += bad;
	}
	out_list_end(o);
	out_u64(o, "attempts_made", n_probes);
	out_u64(o, "wrong", wrong);
	return wrong ? CMD_FOUND : CMD_FINE;
}

static int probe_sandbox(struct out *o, struct arena *a, struct run_options *options,
			 struct err *err)
{
	struct bait b = {.path_fd = -1, .abstract_fd = -1, .tcp_fd = -1};
	unsigned char answers[MANY_PROBES] = {0};
	char self[PATH_ROOM] = {0};
	char *argv[] = {self, (char[]){"probe"}, (char[]){"--inside"}, NULL};
	struct run_plan plan;
	enum err_code code;

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0) {
		err_ignore(ERR_ERRNO(err, "/proc/self/exe"));
		return out_error(o, err);
	}
	ASSERT(n_probes <= MANY_PROBES);
	options->argv = argv;
	options->workspace = b.workspace;
	options->agent = "probe";
	code = make_folders(&b, err);
	code = code ? code : open_sockets(&b, err);
	code = code ? code : fill_env(a, &b, self, &options->env, err);
	code = code ? code : make_plan(a, &b, options, &plan, err);
	code = code ? code : run_inside(&plan, answers, err);
	bait_done(&b);
	return code ? out_error(o, err) : report(o, &plan, answers);
}

int cmd_probe(int argc, char **argv)
{
	struct run_options options = {.profile = "native"};
	const char *target = NULL;
	bool json = false;
	const struct opt opts[] = {
		{.name = "profile",
		 .value = "P",
		 .text = &options.profile,
		 .help = "node, python, shell or native (the default)"},
		{.name = "exec-workspace",
		 .flag = &options.write_exec,
		 .help = "as for writ run: files that it writes may be executed"},
		{.name = "weaker",
		 .flag = &options.weaker,
		 .help = "as for writ run: go on when this machine lacks a layer"},
		OPT_JSON(&json),
	};
	const struct opt_word words[] = {
		{.name = "TARGET", .help = "sandbox", .required = true, .text = &target}};
	const struct opt_spec spec = {
		.command = "writ probe",
		.summary =
			"Tries, from inside of a sandbox as `writ run` makes it, what must not be "
			"possible there.\nExits with 1 when anything was.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = "writ probe sandbox --profile node",
	};
	struct err err = {0};
	struct arena a;
	struct out o;
	int status;

	if (argc == 2 && strcmp(argv[1], "--inside") == 0) {
		return probe_all(STDOUT_FILENO); /* what it starts in the sandbox */
	}
	if (!out_begin(&o, &spec, argc, argv, &json, &status)) {
		return status;
	}
	arena_init(&a, RUN_MEMORY);
	if (strcmp(target, "sandbox") != 0) {
		err_ignore(ERR(&err, ERR_INVALID, "nothing is known to probe but `sandbox`"));
		status = out_error(&o, &err);
	} else {
		status = probe_sandbox(&o, &a, &options, &err);
	}
	arena_done(&a);
	return out_end(&o, status);
}
