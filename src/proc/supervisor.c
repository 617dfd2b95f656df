/* SPDX-License-Identifier: Apache-2.0 */
/* proc/supervisor.c - starts, restarts, reloads and stops the other roles.
 *
 *   reads   bundles of the loader role, one-line requests of the owner on the control socket,
 *           reports of gates about what servers offer (proc/pins_keeper.h): never their texts
 *   holds   the configuration, the listeners, the children's control channels
 *   cannot  see network bytes, agent bytes or the ledger's records: none reach it
 */
#include "proc/supervisor_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "ipc/frame.h"
#include "ipc/messages.h"
#include "sys/fd.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_POLL = 2 * CHILDREN_MAX + CONTROL_MAX_CLIENTS + 3, FRAMES_A_TURN = 64 };

struct handout supervisor_handout(const struct supervisor *s)
{
	const struct bundle *b = &s->bundle;

	return (struct handout){
		.config_fd = b->config_fd,
		.connector_fd = b->connector_fd,
		.zones = &b->zones,
		.gate_config_fd = b->gate_config_fd,
		.bundle_fd = b->policies_fd,
		.log_dir_fd = s->ground.log_dir_fd,
		.key_fd = s->ground.key_fd,
		.runs_fd = s->ground.runs_fd,
		.pins_fd = s->pins.table_fd,
		.secrets = b->secrets,
		.n_secrets = b->n_secrets,
		.listeners = s->ground.listeners,
		.n_listen = s->ground.n_listen,
		.resolve = supervisor_needs_names(b->config),
		.tls = supervisor_tls_roles(b->config),
		.http2 = config_has_http2(b->config),
		.oauth = config_has_grants(b->config),
	};
}

static void note_pins(struct pins_keeper *k, struct ledger_event event)
{
	supervisor_note(CONTAINER_OF(k, struct supervisor, pins), event);
}

static void note_role(struct supervisor *s, enum ledger_event_name event, const struct child *c,
		      int status, struct str detail)
{
	char subject[64];

	role_label(c->role, c->index, c->zone, subject, sizeof(subject));
	supervisor_note(s, (struct ledger_event){.event = event,
						 .subject = str_from_c(subject),
						 .number = (uint64_t)(unsigned)status,
						 .detail = detail});
}

static void start_child(struct supervisor *s, struct child *child)
{
	struct handout h = supervisor_handout(s);
	struct err err;

	child->generation = s->generation;

	if (children_start(&s->children, child, &h, &err)) {
		log_line(LOG_ERROR, "%s.%u: %s", role_name(child->role), child->index, err.msg);
		if (child->process.pidfd >= 0) {
			(void)kill(child->process.pid, SIGKILL);
		} else {
			children_ended(child, clock_mono());
		}
	}
}

static void say_serving(struct supervisor *s)
{
	unsigned serving = 0;

	for (unsigned i = 0; i < s->children.n; i++) {
		const struct child *c = &s->children.slots[i];

		serving += c->off || c->state == CHILD_SERVING;
	}
	if (s->phase != PHASE_STARTING || serving < s->children.n) {
		return;
	}
	s->phase = PHASE_SERVING;
	for (size_t l = 0; l < s->bundle.config->n_listen; l++) {
		supervisor_note(
			s, (struct ledger_event){.event = LEDGER_LISTENING,
						 .subject = s->bundle.config->listen[l].address});
	}
	if (!s->options->quiet) {
		ground_say(&s->ground, s->bundle.config);
	}
}

/*
 * A role that says what it may not does not go on: whoever made it say so has it. Its successor
 * starts clean, after a pause that grows when it happens again.
 */
static void end_misused(struct child *c, unsigned message)
{
	log_line(LOG_WARN, "%s.%u said something it may not (message %u): it is ended",
		 role_name(c->role), c->index, message);
	supervisor_end_child(c);
}

/* A role that gates talk to, about a gate; the connector about a relay. False: that is not what was said. */
static bool accuses(struct supervisor *s, const struct child *by, struct frame_reader *r)
{
	uint8_t role = frame_get_u8(r);
	struct child *whom = children_find(&s->children, (enum role)role, frame_get_u32(r));

	if (!frame_ok(r) || !whom ||
	    !(role == ROLE_GATE ? by->role != ROLE_GATE
				: role == ROLE_RELAY && by->role == ROLE_CONNECTOR)) {
		return false;
	}
	supervisor_end_child(whom);
	return true;
}

/* False: not what a role says that was started. */
static bool is_ready(struct supervisor *s, struct child *c, struct frame_reader *r)
{
	struct str weaker = frame_get_str(r);

	if (!frame_ok(r) || c->state != CHILD_STARTING) {
		return false;
	}
	if (weaker.n && c->role == ROLE_RELAY) {
		note_role(s, LEDGER_ROLE_STARTED, c, 0, weaker);
	}
	return true;
}

static void child_message(struct supervisor *s, struct child *c, struct str frame)
{
	struct frame_reader r;
	uint8_t type = frame_open(&r, frame);

	if (type == IPC_READY && is_ready(s, c, &r)) {
		c->state = CHILD_SERVING;
		c->served = true;
		if (c->role == ROLE_SCRIBE) {
			supervisor_send_notes(s);
		} else if (c->generation != s->generation) {
			supervisor_hand_anew(s, c);
		}
		say_serving(s);
		return;
	}
	if (type == IPC_NOTED && frame_ok(&r) && c->role == ROLE_SCRIBE &&
	    supervisor_forget_note(s)) {
		return;
	}
	if (type == IPC_COUNT && c->role == ROLE_GATE && c->index == 0) {
		uint32_t runs = frame_get_u32(&r);

		if (frame_ok(&r)) {
			s->runs = runs;
			if (runs) {
				/* Their only way to other hosts; without runs it may not be needed. */
				children_find(&s->children, ROLE_EXIT, 0)->off = false;
			}
			return;
		}
	}
	if (type == IPC_HELD && c->role == ROLE_GATE) {
		uint64_t number = frame_get_u64(&r);
		struct str text = frame_get_str(&r);

		if (frame_ok(&r)) {
			supervisor_take_held(s, c->index, number, text);
			return;
		}
	}
	if (type == IPC_PINS_SEEN && c->role == ROLE_GATE) {
		uint32_t n = frame_get_u32(&r);

		if (frame_ok(&r) && pins_keeper_seen(&s->pins, s->bundle.config, c, n)) {
			return;
		}
	}
	if (type == IPC_RELOADED) {
		bool ok = frame_get_u8(&r) == 1;
		struct str text = frame_get_str(&r);

		if (frame_ok(&r)) {
			supervisor_child_reloaded(s, c, ok, text);
			return;
		}
	}
	if (c->role == ROLE_CONNECTOR && supervisor_take_login(s, c, frame)) {
		return;
	}
	if (type == IPC_MISUSE && accuses(s, c, &r)) {
		return;
	}
	end_misused(c, type);
}

/* A budget: a child that talks without end must not keep the others, and SIGTERM, waiting. */
static void child_readable(struct supervisor *s, struct child *c)
{
	char buf[ROLE_FRAME_MAX];

	for (unsigned turn = 0; turn < FRAMES_A_TURN; turn++) {
		int fds[CHAN_MAX_FDS];
		unsigned n_fds = 0;
		struct str frame;
		struct err err;
		enum err_code code =
			chan_recv(&c->control, buf, sizeof(buf), &frame, fds, &n_fds, &err);

		if (code == ERR_INVALID) {
			end_misused(c, 0);
			return;
		}
		if (code) {
			return; /* the end of a child is seen by its pidfd */
		}
		for (unsigned i = 0; i < n_fds; i++) {
			(void)close(fds[i]);
		}
		child_message(s, c, frame);
	}
}

static void describe_end(int status, char *to, size_t n)
{
	if (WIFSIGNALED(status)) {
		(void)snprintf(to, n, "killed by signal %d", WTERMSIG(status));
	} else {
		(void)snprintf(to, n, "exit status %d", WEXITSTATUS(status));
	}
}

static void child_ended(struct supervisor *s, struct child *c)
{
	bool was_draining = c->state == CHILD_DRAINING;
	unsigned waited = c->reloads_pending;
	char how[64], who[64];
	int status = 0;

	if (waitpid(c->process.pid, &status, 0) < 0) {
		return;
	}
	if (c->role == ROLE_CONNECTOR) {
		supervisor_logins_lost(s);
	}
	if (c->role == ROLE_GATE) {
		supervisor_forget_held(s, c->index); /* it went with its gate */
	}
	if (c->role == ROLE_GATE && c->index == 0) {
		s->runs = 0; /* they ended with it */
	}
	children_ended(c, clock_mono());
	describe_end(status, how, sizeof(how));
	role_label(c->role, c->index, c->zone, who, sizeof(who));
	if (was_draining || s->phase >= PHASE_DRAINING_GATES) {
		return;
	}
	log_line(LOG_WARN, "%s ended (%s); it is started again", who, how);
	if (s->phase == PHASE_STARTING && c->quick_deaths > 3) {
		log_line(LOG_ERROR, "%s does not start; its own message above says why", who);
		s->failed = true;
		s->phase = PHASE_STOPPED;
		return;
	}
	note_role(s, LEDGER_ROLE_DIED, c, status, STR(""));
	s->reload_waits -= waited; /* the successor starts with the new one */
	supervisor_changes_done(s);
}

/* Starts what is absent and due; returns the time of the next one due, or 0. */
static uint64_t start_absent(struct supervisor *s)
{
	uint64_t now = clock_mono(), next = 0;

	if (s->phase >= PHASE_DRAINING_GATES) {
		return 0;
	}
	for (unsigned i = 0; i < s->children.n; i++) {
		struct child *c = &s->children.slots[i];

		if (c->off || (c->state != CHILD_ABSENT && c->state != CHILD_SPAWNED)) {
			continue;
		}
		if (c->restart_at <= now) {
			bool again = c->state == CHILD_ABSENT && c->started_at != 0;

			start_child(s, c);
			if (again && c->state != CHILD_ABSENT) {
				note_role(s, LEDGER_ROLE_STARTED, c, 0, STR(""));
			}
		}
		if (c->state == CHILD_ABSENT && (next == 0 || c->restart_at < next)) {
			next = c->restart_at;
		}
	}
	return next;
}

static bool drain_role(struct supervisor *s, bool scribe)
{
	bool any = false;

	for (unsigned i = 0; i < s->children.n; i++) {
		struct child *c = &s->children.slots[i];
		struct err err;

		if (c->state == CHILD_ABSENT || (c->role == ROLE_SCRIBE) != scribe) {
			continue;
		}
		any = true;
		if (c->state != CHILD_DRAINING) {
			c->state = CHILD_DRAINING;
			if (child_tell(c, IPC_DRAIN, -1, &err)) {
				(void)kill(c->process.pid, SIGKILL);
			}
		}
	}
	return any;
}

static void stop(struct supervisor *s)
{
	if (s->phase >= PHASE_DRAINING_GATES) {
		s->drain_until = 0; /* asked twice: now */
		return;
	}
	log_line(LOG_INFO, "draining");
	s->phase = PHASE_DRAINING_GATES;
	s->drain_until = clock_mono() + s->bundle.config->limits.drain_ns;
}

/* Gates (with connector and runner, which serve them) go first, the scribe last: it records them.
 */
static void drain_step(struct supervisor *s)
{
	bool late = clock_mono() >= s->drain_until;

	if (s->phase == PHASE_DRAINING_GATES && !drain_role(s, false)) {
		s->phase = PHASE_DRAINING_SCRIBE;
	}
	if (s->phase == PHASE_DRAINING_SCRIBE && !drain_role(s, true)) {
		s->phase = PHASE_STOPPED;
	}
	for (unsigned i = 0; late && i < s->children.n; i++) {
		const struct child *c = &s->children.slots[i];

		if (c->state == CHILD_DRAINING &&
		    (c->role != ROLE_SCRIBE || s->phase == PHASE_DRAINING_SCRIBE)) {
			(void)kill(c->process.pid, SIGKILL);
		}
	}
}

static void signal_arrived(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			supervisor_reload(s, -1);
		} else {
			stop(s);
		}
	}
}

static void control_request(struct supervisor *s, const struct control_request *req)
{
	switch (req->op) {
	case CONTROL_NONE:
		break;
	case CONTROL_RELOAD:
		supervisor_reload(s, req->client);
		break;
	case CONTROL_HELD:
		supervisor_say_held(s, req->client);
		break;
	case CONTROL_APPROVE:
	case CONTROL_DENY:
		supervisor_give_verdict(s, req);
		break;
	case CONTROL_SEVER:
	case CONTROL_RESTORE:
		supervisor_sever(s, req);
		break;
	case CONTROL_PIN_APPROVE:
	case CONTROL_PIN_REJECT: {
		struct err err = {0};
		bool done = pins_keeper_decide(&s->pins, req, &err);

		control_answer(&s->control, req->client, done, str_from_c(done ? "" : err.msg));
		break;
	}
	case CONTROL_LOGIN_BEGIN:
	case CONTROL_LOGIN_FINISH:
	case CONTROL_LOGOUT:
		supervisor_login(s, req);
		break;
	case CONTROL_LOGINS:
		supervisor_say_logins(s, req->client);
		break;
	case CONTROL_STOP:
		control_answer(&s->control, req->client, true, STR("draining"));
		stop(s);
		break;
	}
}

/* One turn: waits for the next event of any kind and handles all that are there. */
static void turn(struct supervisor *s)
{
	struct pollfd p[MAX_POLL];
	uint64_t due = start_absent(s), now = clock_mono();
	int timeout = due == 0 ? -1 : due <= now ? 0 : (int)((due - now) / CLOCK_MS) + 1;
	nfds_t n = 0, control_at, alone_at;

	if (s->phase >= PHASE_DRAINING_GATES) {
		timeout = 100;
	}
	p[n++] = (struct pollfd){.fd = s->signals, .events = POLLIN};
	for (unsigned i = 0; i < s->children.n; i++) {
		const struct child *c = &s->children.slots[i];
		bool on = c->state != CHILD_ABSENT;
		short more = chan_wants_write(&c->control) ? POLLOUT : 0;

		p[n++] = (struct pollfd){.fd = on ? c->process.pidfd : -1, .events = POLLIN};
		p[n++] = (struct pollfd){.fd = on ? c->control.fd : -1,
					 .events = (short)(POLLIN | more)};
	}
	alone_at = n;
	p[n++] = (struct pollfd){.fd = s->options->until_eof && !s->left_alone ? STDIN_FILENO : -1,
				 .events = POLLIN};
	control_at = n;
	n += control_poll(&s->control, p + n);
	if (poll(p, n, timeout) < 0 && errno != EINTR) {
		log_line(LOG_ERROR, "poll: errno %d", errno);
		return;
	}
	for (unsigned i = 0; i < s->children.n; i++) {
		struct child *c = &s->children.slots[i];
		struct err err;

		if (p[2 + 2 * i].revents & POLLOUT) {
			err_ignore(chan_flush(&c->control, &err)); /* a dead child is seen below */
		}
		if (p[2 + 2 * i].revents & POLLIN) {
			child_readable(s, c);
		}
		if (p[1 + 2 * i].revents) {
			child_ended(s, c);
		}
	}
	if (p[0].revents) {
		signal_arrived(s);
	}
	if (p[alone_at].revents) {
		char byte;

		s->left_alone = read(STDIN_FILENO, &byte, 1) <= 0;
	}
	if (s->left_alone && s->runs == 0 && s->phase < PHASE_DRAINING_GATES) {
		stop(s);
	}
	for (struct control_request req = {0}; control_next(&s->control, p + control_at, &req);) {
		control_request(s, &req);
	}
}

static enum err_code open_signals(int *ret_fd, struct err *err)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN); // NOLINT(cert-err33-c): cannot fail for SIGPIPE
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0) {
		return ERR_ERRNO(err, "signalfd");
	}
	*ret_fd = fd;
	return ERR_OK;
}

static unsigned count_cores(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return cores < 1 ? 1 : cores > CHILDREN_MAX_GATES ? CHILDREN_MAX_GATES : (unsigned)cores;
}

static unsigned count_gates(const struct config *config)
{
	return config->gates == 0                   ? count_cores()
	       : config->gates > CHILDREN_MAX_GATES ? CHILDREN_MAX_GATES
						    : config->gates;
}

/* While the loader works, the others' processes come up: most of a start is loading programs. */
static void spawn_ahead(struct supervisor *s)
{
	struct err err;

	children_init(&s->children, s->children.self, count_cores());
	for (unsigned i = 0; i < s->children.n; i++) {
		struct child *c = &s->children.slots[i];

		if (!c->off && children_spawn(&s->children, c, &err)) {
			log_line(LOG_WARN, "%s", err.msg); /* tried again when it is needed */
		}
	}
}

static enum err_code set_up(struct supervisor *s, struct err *err)
{
	struct str text = STR("");
	enum err_code code;

	TRY(open_signals(&s->signals, err));
	TRY(bundle_begin(&s->bundle, s->options->config_path, err));
	spawn_ahead(s);
	code = bundle_finish(&s->bundle, &text, err);
	if (code == ERR_INVALID && str_starts_with(text, str_from_c(err->msg))) {
		(void)fprintf(stderr, STR_FMT, STR_ARG(text));
		return ERR(err, code,
			   "nothing was started: the configuration has to be mended first");
	}
	TRY(code);
	children_set_gates(&s->children, count_gates(s->bundle.config));
	children_find(&s->children, ROLE_EXIT, 0)->off = !config_has_exit(s->bundle.config);
	supervisor_place_zones(s);
	TRY(ground_open(&s->ground, s->bundle.config, s->children.n_gates, err));
	TRY(supervisor_add_own_files(s, &s->bundle, err));
	TRY(pins_keeper_open(&s->pins, s->bundle.config, s->ground.lock_fd, err));
	TRY(sever_read(s->ground.lock_fd, s->severed, err));
	if (s->severed[0]) {
		TRY(bundle_sever(&s->bundle, str_from_c(s->severed), err));
		log_line(LOG_WARN, "severed: only sites within %s are reached: writ site restore",
			 s->severed);
	}
	TRY(supervisor_keep_accepted(s, &s->bundle, err));
	return control_open(&s->control, s->ground.state_path, err);
}

/* Every connection is a descriptor; the usual soft limit of 1,024 is far below what gates can hold. */
static void raise_descriptor_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files); /* else the soft limit holds */
	}
}

int supervisor_run(const struct supervisor_options *options)
{
	struct supervisor s = {.options = options, .signals = -1, .reload_client = -1};
	char self[] = "writ";
	struct err err = {0};

	s.children.self = self;
	raise_descriptor_limit();
	s.notes_end = &s.notes;
	bundle_init(&s.bundle);
	bundle_init(&s.next);
	ground_init(&s.ground);
	control_init(&s.control);
	pins_keeper_init(&s.pins);
	s.pins.children = &s.children;
	s.pins.note = note_pins;
	if (set_up(&s, &err)) {
		log_line(LOG_ERROR, "%s", err.msg);
		s.failed = true;
	} else {
		while (s.phase != PHASE_STOPPED) {
			turn(&s);
			if (s.phase >= PHASE_DRAINING_GATES) {
				drain_step(&s);
			}
		}
	}
	/* Children that are left die with us (PDEATHSIG). */
	for (unsigned i = 0; i < s.children.n; i++) {
		chan_done(&s.children.slots[i].control);
		fd_close(&s.children.slots[i].process.pidfd);
		fd_close(&s.children.slots[i].room_fd);
	}
	pins_keeper_done(&s.pins);
	control_done(&s.control);
	ground_done(&s.ground);
	while (supervisor_forget_note(&s)) {
	}
	for (unsigned i = 0; i < CHILDREN_MAX_GATES; i++) {
		supervisor_forget_held(&s, i);
	}
	bundle_done(&s.next);
	bundle_done(&s.bundle);
	fd_close(&s.signals);
	return s.failed ? 2 : 0;
}
