/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/children.h"

#include "base/clock.h"
#include "gate/pin.h"
#include "ipc/frame.h"
#include "ipc/messages.h"
#include "proc/zones.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONTROL_QUEUE = 1 << 20, QUICK_DEATH_LIMIT = 5 };

static void add_slot(struct children *c, enum role role, unsigned index)
{
	struct child *child = &c->slots[c->n++];

	*child = (struct child){.role = role, .index = index};
	child->process.pidfd = -1;
	child->control.fd = -1;
	child->room_fd = -1;
}

void children_init(struct children *c, char *self, unsigned n_gates)
{
	static const enum role singles[] = {ROLE_SCRIBE, ROLE_CONNECTOR, ROLE_RUNNER, ROLE_EXIT};

	*c = (struct children){.n_gates = n_gates, .self = self};
	for (size_t i = 0; i < ARRAY_LEN(singles); i++) {
		add_slot(c, singles[i], 0);
	}
	children_find(c, ROLE_EXIT, 0)->off = true;
	for (unsigned g = 0; g < n_gates; g++) {
		add_slot(c, ROLE_GATE, g);
	}
}

struct child *children_add_relay(struct children *c, const char *zone)
{
	unsigned index = 0;
	struct child *at = NULL;

	for (unsigned i = 0; i < c->n && !at; i++) {
		struct child *child = &c->slots[i];

		index += child->role == ROLE_RELAY;
		at = child->role == ROLE_RELAY && child->off && child->state == CHILD_ABSENT ? child
											     : NULL;
	}
	if (at) {
		at->off = at->served = false;
		at->quick_deaths = 0;
		at->started_at = at->restart_at = 0;
	} else if (c->n == CHILDREN_MAX) {
		return NULL;
	} else {
		add_slot(c, ROLE_RELAY, index);
		at = &c->slots[c->n - 1];
	}
	(void)snprintf(at->zone, sizeof(at->zone), "%s", zone);
	return at;
}

void children_set_gates(struct children *c, unsigned n_gates)
{
	while (c->n_gates > n_gates) {
		struct child *child =
			&c->slots[--c->n]; /* gates come last, relays are not there yet */

		c->n_gates--;
		if (child->state == CHILD_SPAWNED) {
			(void)kill(child->process.pid, SIGKILL);
			(void)waitpid(child->process.pid, NULL, 0);
		}
		children_ended(child, clock_mono());
	}
	while (c->n_gates < n_gates) {
		add_slot(c, ROLE_GATE, c->n_gates++);
	}
}

struct child *children_find(struct children *c, enum role role, unsigned index)
{
	for (unsigned i = 0; i < c->n; i++) {
		if (c->slots[i].role == role && c->slots[i].index == index) {
			return &c->slots[i];
		}
	}
	return NULL;
}

static enum err_code tell(struct child *child, const struct frame_writer *w, int fd,
			  struct err *err)
{
	int copy = -1;

	if (fd >= 0) {
		copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (copy < 0) {
			return ERR_ERRNO(err, "dup");
		}
	}
	ASSERT(!w->overflow);
	return chan_send(&child->control, frame_bytes(w), &copy, copy >= 0 ? 1 : 0, err);
}

enum err_code child_tell(struct child *child, uint8_t message, int fd, struct err *err)
{
	char buf[8];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), message);
	return tell(child, &w, fd, err);
}

static enum err_code tell_secret(struct child *child, const struct role_secret *secret,
				 struct err *err)
{
	char buf[sizeof(secret->file) + 16];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), IPC_SECRET);
	frame_put_u32(&w, 0);
	frame_put_str(&w, str_from_c(secret->file));
	return tell(child, &w, secret->fd, err);
}

static enum err_code tell_start(struct child *child, const struct handout *h, unsigned n_gates,
				struct err *err)
{
	char buf[16];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), IPC_START);
	frame_put_u8(&w, h->resolve);
	frame_put_u32(&w, n_gates);
	frame_put_u8(&w, child->served);
	frame_put_u8(&w, child->tls);
	frame_put_u8(&w, child->http2);
	frame_put_u8(&w, h->oauth);
	return tell(child, &w, -1, err);
}

enum err_code child_tell_config(struct child *child, const struct handout *h, struct err *err)
{
	const struct zone *zone =
		child->role == ROLE_RELAY ? zones_find(h->zones, str_from_c(child->zone)) : NULL;
	uint64_t whose = zone ? UINT64_C(1) << (zone - h->zones->items) : 0;

	if (child->role == ROLE_RELAY && !zone) {
		return ERR(err, ERR_NOT_FOUND, "there is no zone %s any more", child->zone);
	}
	for (unsigned i = 0; i < h->n_secrets; i++) {
		if (child->role == h->secrets[i].reader && (!zone || h->secrets[i].zones & whose)) {
			TRY(tell_secret(child, &h->secrets[i], err));
		}
	}
	return child_tell(child, IPC_CONFIG,
			  zone                            ? zone->config_fd
			  : child->role == ROLE_GATE      ? h->gate_config_fd
			  : child->role == ROLE_CONNECTOR ? h->connector_fd
							  : h->config_fd,
			  err);
}

static enum err_code tell_listener(struct child *child, unsigned index, int fd, struct err *err)
{
	char buf[16];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), IPC_LISTENER);
	frame_put_u32(&w, index);
	return tell(child, &w, fd, err);
}

/* Hands `to` its end of a channel to `peer`; the end is consumed. */
static enum err_code tell_channel(struct child *to, const struct child *peer, int end,
				  struct err *err)
{
	char buf[64];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), IPC_CHANNEL);
	frame_put_u8(&w, (uint8_t)peer->role);
	frame_put_u32(&w, peer->index);
	frame_put_str(&w, str_from_c(peer->zone));
	return chan_send(&to->control, frame_bytes(&w), &end, 1, err);
}

/* Gates talk to all others, and the connector to relays. Nobody else talks sideways, least of all relays to relays. */
static bool are_peers(const struct child *a, const struct child *b)
{
	return a != b && (a->role == ROLE_GATE || b->role == ROLE_GATE ||
			  (a->role == ROLE_RELAY && b->role == ROLE_CONNECTOR) ||
			  (a->role == ROLE_CONNECTOR && b->role == ROLE_RELAY));
}

static enum err_code connect_peers(struct children *c, struct child *child, struct err *err)
{
	for (unsigned i = 0; i < c->n; i++) {
		struct child *peer = &c->slots[i];
		int ends[2];

		if (!are_peers(child, peer) || peer->state < CHILD_STARTING) {
			continue;
		}
		TRY(chan_pair(ends, err));
		if (tell_channel(peer, child, ends[0], err)) {
			/* The peer is dying too; its successor will be connected to us. */
			(void)close(ends[1]);
			continue;
		}
		TRY(tell_channel(child, peer, ends[1], err));
	}
	return ERR_OK;
}

/* A file of fixed size that only grows full: what a gate writes into it is bounded. */
static enum err_code make_room(struct child *child, struct err *err)
{
	CLEANUP(fd_close) int fd = memfd_create("pins-room", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, PIN_REPORT_MAX) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0) {
		return ERR_ERRNO(err, "making room for reports of pins");
	}
	fd_close(&child->room_fd);
	child->room_fd = fd_take(&fd);
	return child_tell(child, IPC_PINS_ROOM, child->room_fd, err);
}

enum err_code child_tell_pins(struct child *child, int pins_fd, bool answer, struct err *err)
{
	char buf[16];
	struct frame_writer w;

	if (child->room_fd < 0) {
		TRY(make_room(child, err));
	}
	frame_begin(&w, buf, sizeof(buf), IPC_PINS);
	frame_put_u8(&w, answer);
	return tell(child, &w, pins_fd, err);
}

static enum err_code hand_out(struct child *child, const struct handout *h, struct err *err)
{
	bool gate = child->role == ROLE_GATE;

	TRY(child_tell_config(child, h, err));
	if (gate) {
		TRY(child_tell(child, IPC_BUNDLE, h->bundle_fd, err));
		for (unsigned l = 0; l < h->n_listen; l++) {
			const struct role_listener *at =
				&h->listeners[child->index * h->n_listen + l];

			if (at->fd >= 0) {
				TRY(tell_listener(child, at->index, at->fd, err));
			}
		}
		fd_close(&child->room_fd); /* its predecessor's */
		if (h->pins_fd >= 0) {
			TRY(child_tell_pins(child, h->pins_fd, false, err));
		}
		if (child->index == 0 && h->runs_fd >= 0) {
			TRY(child_tell(child, IPC_RUNS, h->runs_fd, err));
		}
	}
	if (child->role == ROLE_SCRIBE) {
		TRY(child_tell(child, IPC_DIRECTORY, h->log_dir_fd, err));
		TRY(child_tell(child, IPC_KEY, h->key_fd, err));
	}
	return ERR_OK;
}

enum err_code children_spawn(struct children *c, struct child *child, struct err *err)
{
	char index[16];
	char role_flag[] = "--role";
	char name[16];
	char *argv[] = {c->self, role_flag, name, index, child->zone[0] ? child->zone : NULL, NULL};
	struct spawn_request req = {.program = "/proc/self/exe", .argv = argv, .n_fds = 1};
	enum err_code code;
	int ends[2];

	(void)snprintf(index, sizeof(index), "%u", child->index);
	(void)snprintf(name, sizeof(name), "%s", role_name(child->role));
	TRY(chan_pair(ends, err));
	req.fds[0] = ends[1];
	code = spawn(&req, &child->process, err);
	(void)close(ends[1]);
	if (code) {
		(void)close(ends[0]);
		child->process = (struct spawn_child){.pidfd = -1};
		return code;
	}
	chan_init(&child->control, ends[0], CONTROL_QUEUE);
	child->state = CHILD_SPAWNED;
	child->started_at = clock_mono();
	return ERR_OK;
}

bool child_needs_tls(const struct child *child, const struct handout *h)
{
	const struct zone *zone =
		child->role == ROLE_RELAY ? zones_find(h->zones, str_from_c(child->zone)) : NULL;

	return zone ? zone->tls : (h->tls & 1U << child->role) != 0;
}

enum err_code children_start(struct children *c, struct child *child, const struct handout *h,
			     struct err *err)
{
	if (child->state == CHILD_ABSENT) {
		TRY(children_spawn(c, child, err));
	}
	child->state = CHILD_STARTING;
	child->tls = child_needs_tls(child, h);
	child->http2 = h->http2 && child->role == ROLE_GATE;
	TRY(hand_out(child, h, err));
	TRY(connect_peers(c, child, err));
	return tell_start(child, h, c->n_gates, err);
}

void children_ended(struct child *child, uint64_t now)
{
	bool quick = now - child->started_at < CLOCK_SEC;

	chan_done(&child->control);
	fd_close(&child->process.pidfd);
	child->state = CHILD_ABSENT;
	child->reloads_pending = 0;
	child->quick_deaths = quick ? child->quick_deaths + 1 : 0;
	/* The first successors come at once; one that dies again and again waits longer. */
	child->restart_at = now;
	if (child->quick_deaths > QUICK_DEATH_LIMIT) {
		unsigned shift = child->quick_deaths - QUICK_DEATH_LIMIT;

		child->restart_at += (100 * CLOCK_MS) << (shift > 6 ? 6 : shift);
	}
}
