/* SPDX-License-Identifier: Apache-2.0 */
/* proc/runner.c - starts tool servers, each in a sandbox of its own.
 *
 *   reads   names of servers from gates (known table), lines of the servers' standard error
 *           (logged, never parsed)
 *   holds   the configuration; the environment values of servers while it starts one
 *   cannot  reach any network (a namespace without devices), gain a privilege, dial, write
 *           the ledger, see what gate and server say to each other
 *
 * It must mount and make namespaces for others, so its own files are not limited
 * by Landlock (which forbids mounting) and its system call list is that of the
 * programs it starts and what building a sandbox needs: filters and domains are
 * inherited, so whatever it gave up, its servers would lack too.
 */
#include "proc/runner.h"

#include "base/log.h"
#include "ipc/frame.h"
#include "ipc/messages.h"
#include "proc/peers.h"
#include "proc/role.h"
#include "proc/runner_server.h"
#include "proc/runner_spec.h"
#include "proc/wishes.h"
#include "sandbox/jail.h"
#include "sys/fd.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	CONFIG_BYTES = 64 << 20,
	PLAN_BYTES = 4 << 20,
	MAX_DESCRIPTORS = 4096,
	STARTS_A_TURN = 4, /* a start takes milliseconds */
};

static const struct jail_spec runner_jail = {
	.name = "runner",
	.calls = CALLS_LOOP | CALLS_SOCKET | CALLS_DIAL | CALLS_LISTEN | CALLS_READ | CALLS_WRITE |
		 CALLS_SYNC | CALLS_CHILD | CALLS_THREAD | CALLS_PROGRAM | CALLS_CONTAIN,
	.families = FAMILY_UNIX,
	.otherwise = SECCOMP_REFUSES,
	.exec = EXEC_ANY,
	.net = JAIL_NET_USER,
	.any_file = true,
};

/* Where a server's files really were when the configuration was loaded. */
struct seen {
	bool there; /* else it cannot be started */
	struct plan_machine machine;
};

struct runner {
	struct loop loop;
	struct role_boot *boot;
	struct wishes control;
	struct sandbox_kernel kernel;
	struct arena text; /* of config, pace and seen */
	struct config config;
	struct runner_pace *pace; /* one for each of config.servers */
	struct seen *seen;        /* likewise */
	struct peers peers;
	unsigned running;
	bool draining;
};

struct running {
	struct list node;  /* in its peer's list */
	struct peer *peer; /* NULL: the gate is gone */
	struct runner *runner;
	uint64_t token;
	bool asked; /* to stop */
	struct server server;
};

static struct runner *runner_of(const struct peer *p)
{
	return CONTAINER_OF(p->owner, struct runner, peers);
}

static void answer_not_run(struct peer *p, uint64_t token, const char *reason)
{
	char buf[256];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), IPC_NOT_RUN);
	frame_put_u64(&w, token);
	frame_put_str(&w, str_from_c(reason));
	peer_send(p, frame_bytes(&w), NULL, 0);
}

/* NULL for a server that the configuration no longer has. */
static struct runner_pace *pace_of(struct runner *r, struct str id)
{
	const struct config_server *s = config_server_find(&r->config, id);

	return s ? &r->pace[s - r->config.servers] : NULL;
}

static void on_end(struct server *s, uint32_t status)
{
	struct running *run = CONTAINER_OF(s, struct running, server);
	struct runner *r = run->runner;
	struct runner_pace *pace = pace_of(r, str_from_c(s->id));
	char buf[32];
	struct frame_writer w;

	log_line(LOG_INFO, "%s ended with wait status %#x", s->id, status);
	if (!run->asked && pace) {
		runner_pace_died(pace, r->loop.now, r->loop.now - s->started_at);
	}
	if (run->peer) {
		frame_begin(&w, buf, sizeof(buf), IPC_ENDED);
		frame_put_u64(&w, run->token);
		frame_put_u32(&w, status);
		peer_send(run->peer, frame_bytes(&w), NULL, 0);
		list_remove(&run->node);
	}
	r->running--;
	free(run);
	if (r->draining && r->running == 0) {
		loop_stop(&r->loop);
	}
}

static enum err_code start(struct running *run, const struct config_server *server, int *ret_fd,
			   struct err *err)
{
	struct runner *r = run->runner;
	const struct seen *seen = &r->seen[server - r->config.servers];
	struct sandbox_plan plan;
	struct arena a;
	enum err_code code;

	if (!seen->there) {
		return ERR(err, ERR_NOT_FOUND,
			   "its files were not there when the configuration was loaded: `writ "
			   "reload` looks again");
	}
	arena_init(&a, PLAN_BYTES);
	code = runner_plan(&a, server, &seen->machine, r->boot->secrets, r->boot->n_secrets, &plan,
			   err);
	if (!code) {
		code = server_start(&run->server, &r->loop, server->id, &plan, ret_fd, err);
	}
	if (!code && plan.missing) {
		struct buf text;

		buf_init(&text, 1024);
		plan_print_missing(plan.missing, &text);
		log_line(LOG_WARN, STR_FMT " runs weaker: " STR_FMT, STR_ARG(server->id),
			 STR_ARG(buf_str(&text)));
		buf_done(&text);
	}
	arena_wipe(&a); /* the environment may hold secrets */
	arena_done(&a);
	return code;
}

/* NULL, or why this server cannot be started now: a text for the gate. */
static const char *refuse(struct runner *r, const struct config_server *server, char *buf, size_t n)
{
	uint64_t wait;

	if (!server || server->kind != CONFIG_SERVER_STDIO) {
		return "not a stdio server of this configuration";
	}
	if (r->draining) {
		return "Writ is stopping";
	}
	if (r->running >= RUNNER_MAX_SERVERS) {
		return "too many servers are running";
	}
	if (!runner_pace_start(pace_of(r, server->id), r->loop.now, &wait)) {
		(void)snprintf(buf, n, "it keeps ending; next start in %llu s",
			       (unsigned long long)wait);
		return buf;
	}
	return NULL;
}

static void run_asked(struct peer *p, uint64_t token, struct str id)
{
	struct runner *r = runner_of(p);
	const struct config_server *server = config_server_find(&r->config, id);
	char text[96], buf[32];
	const char *reason = refuse(r, server, text, sizeof(text));
	struct running *run;
	struct frame_writer w;
	struct err err;
	int fd;

	if (reason) {
		answer_not_run(p, token, reason);
		return;
	}
	run = calloc(1, sizeof(*run));
	if (!run) {
		answer_not_run(p, token, "no memory");
		return;
	}
	run->runner = r;
	run->peer = p;
	run->token = token;
	run->server.on_end = on_end;
	if (start(run, server, &fd, &err)) {
		log_line(LOG_ERROR, STR_FMT ": %s", STR_ARG(id), err.msg);
		answer_not_run(p, token,
			       "its sandbox could not be made; the runner's log says why");
		free(run);
		return;
	}
	r->running++;
	list_append(&p->asked, &run->node);
	frame_begin(&w, buf, sizeof(buf), IPC_RUNNING);
	frame_put_u64(&w, token);
	peer_send(p, frame_bytes(&w), &fd, 1);
}

static struct running *find(struct peer *p, uint64_t token)
{
	LIST_FOREACH (node, &p->asked) {
		struct running *run = CONTAINER_OF(node, struct running, node);

		if (run->token == token) {
			return run;
		}
	}
	return NULL;
}

static void stop_asked(struct peer *p, uint64_t token)
{
	struct running *run = find(p, token);

	if (run) {
		run->asked = true;
		server_stop(&run->server);
	}
}

static bool peer_message(struct peer *p, struct str frame)
{
	struct frame_reader r;
	uint8_t type = frame_open(&r, frame);
	uint64_t token = frame_get_u64(&r);
	struct str id = type == IPC_RUN ? frame_get_str(&r) : STR("");

	if ((type != IPC_RUN && type != IPC_STOP) || !frame_ok(&r)) {
		return false;
	}
	if (type == IPC_STOP) {
		stop_asked(p, token);
	} else if (find(p, token)) {
		return false;
	} else {
		run_asked(p, token, id);
	}
	return true;
}

/* What that gate had started goes with it; each had the end of its input when the gate went. */
static void peer_gone(struct peer *p)
{
	LIST_FOREACH (node, &p->asked) {
		struct running *run = CONTAINER_OF(node, struct running, node);

		list_remove(&run->node);
		run->peer = NULL;
		run->asked = true;
		server_stop(&run->server);
	}
}

/* Programs that download what they run: clients' lists of servers are full of them. */
static bool downloads(const struct config_server *s)
{
	static const struct str names[] = {STR_INIT("npx"),  STR_INIT("bunx"), STR_INIT("uvx"),
					   STR_INIT("pipx"), STR_INIT("uv"),   STR_INIT("docker")};
	struct str rest = s->command.n ? s->command.items[0] : STR(""), name = rest;

	while (rest.p) {
		name = str_cut(&rest, '/');
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (str_eq(name, names[i])) {
			return true;
		}
	}
	return false;
}

/* Looks where every server's files are and tries its plan: a wrong path is seen now, not at a call. */
static void rehearse(struct runner *r)
{
	for (size_t i = 0; i < r->config.n_servers; i++) {
		const struct config_server *s = &r->config.servers[i];
		struct sandbox_plan plan;
		struct arena a;
		struct err err;

		if (s->kind != CONFIG_SERVER_STDIO) {
			continue;
		}
		if (downloads(s)) {
			log_line(LOG_WARN,
				 STR_FMT ": " STR_FMT " fetches what it runs, but a sandbox has no "
					 "network: install the server and name its program",
				 STR_ARG(s->id), STR_ARG(s->command.items[0]));
		}
		arena_init(&a, PLAN_BYTES);
		r->seen[i].there =
			runner_look(&r->text, s, &r->kernel, r->boot->secrets, r->boot->n_secrets,
				    &r->seen[i].machine, &err) == ERR_OK;
		if (!r->seen[i].there || runner_plan(&a, s, &r->seen[i].machine, r->boot->secrets,
						     r->boot->n_secrets, &plan, &err)) {
			log_line(LOG_WARN, STR_FMT " cannot be started: %s", STR_ARG(s->id),
				 err.msg);
		}
		arena_wipe(&a);
		arena_done(&a);
	}
}

/* The new configuration serves the next starts; what runs goes on as it was started. */
static enum err_code load_config(struct runner *r, struct err *err)
{
	struct config config = {0};
	struct runner_pace *pace;
	struct seen *seen;
	struct arena a;
	struct str text;
	enum err_code code;

	arena_init(&a, CONFIG_BYTES);
	code = fd_read_all(r->boot->config_fd, CONFIG_BYTES, &a, &text, err);
	code = code ? code : config_decode_json(&a, text, &config, err);
	pace = code ? NULL : ARENA_ARRAY(&a, config.n_servers, struct runner_pace);
	seen = code ? NULL : ARENA_ARRAY(&a, config.n_servers, struct seen);
	if (!pace || !seen) {
		arena_done(&a);
		return code ? code : ERR(err, ERR_NOMEM, "no memory for the servers");
	}
	arena_done(&r->text);
	r->text = a;
	r->config = config;
	r->pace = pace;
	r->seen = seen;
	rehearse(r);
	return ERR_OK;
}

/* The gates finish what runs; their servers end with them. */
static void drain(struct runner *r)
{
	r->draining = true;
	if (r->running == 0) {
		loop_stop(&r->loop);
	}
}

static enum err_code on_channel(struct wishes *w, const struct role_channel *channel,
				struct err *err)
{
	return peers_add(&CONTAINER_OF(w, struct runner, control)->peers, channel, err);
}

static enum err_code on_reload(struct wishes *w, struct err *err)
{
	return load_config(CONTAINER_OF(w, struct runner, control), err);
}

static void on_drain(struct wishes *w)
{
	drain(CONTAINER_OF(w, struct runner, control));
}

static const struct wishes_ops wishes = {
	.channel = on_channel, .reload = on_reload, .drain = on_drain};

/* Each running server takes two descriptors; the sandboxes get a limit of their own. */
static void raise_descriptor_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < MAX_DESCRIPTORS) {
		files.rlim_cur =
			files.rlim_max < MAX_DESCRIPTORS ? files.rlim_max : MAX_DESCRIPTORS;
		(void)setrlimit(RLIMIT_NOFILE, &files); /* else fewer servers fit */
	}
}

static enum err_code serve(struct runner *r, struct err *err)
{
	struct jail_report report;

	raise_descriptor_limit();
	TRY(loop_init(&r->loop, err));
	TRY(jail_enter(&runner_jail, &report, err));
	if (report.missing & JAIL_NO_NET) {
		log_line(LOG_WARN, "the runner has no network namespace of its own (needs user "
				   "namespaces, or root)");
	}
	r->kernel = sandbox_probe();
	TRY(load_config(r, err));
	for (unsigned i = 0; i < r->boot->n_channels; i++) {
		TRY(peers_add(&r->peers, &r->boot->channels[i], err));
	}
	r->control = (struct wishes){.boot = r->boot, .loop = &r->loop, .ops = &wishes};
	TRY(wishes_watch(&r->control, err));
	TRY(role_ready(r->boot, err));
	return loop_run(&r->loop, err);
}

int runner_main(struct role_boot *boot)
{
	struct runner r = {
		.boot = boot,
		.peers = {.loop = &r.loop,
			  .boot = boot,
			  .frames_a_turn = STARTS_A_TURN,
			  .queue_max = 1 << 20,
			  .on_message = peer_message,
			  .on_gone = peer_gone},
	};
	struct err err;

	/* Servers end with the runner: each init watches it. */
	if (serve(&r, &err)) {
		log_line(LOG_ERROR, "%s", err.msg);
		return 2;
	}
	return 0;
}
