/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/role.h"

#include "base/log.h"
#include "crypto/tls.h"
#include "ipc/frame.h"
#include "ipc/messages.h"
#include "ledger/permit.h"
#include "sandbox/jail.h"
#include "sys/fd.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static const char *const role_names[ROLE_MAX] = {
	[ROLE_NONE] = "none",           [ROLE_SUPERVISOR] = "supervisor",
	[ROLE_LOADER] = "loader",       [ROLE_GATE] = "gate",
	[ROLE_CONNECTOR] = "connector", [ROLE_SCRIBE] = "scribe",
	[ROLE_RUNNER] = "runner",       [ROLE_EXIT] = "exit",
	[ROLE_RELAY] = "relay",
};

const char *role_name(enum role role)
{
	return role < ROLE_MAX ? role_names[role] : "none";
}

void role_label(enum role role, unsigned index, const char *zone, char *to, size_t n)
{
	if (role == ROLE_RELAY) {
		(void)snprintf(to, n, "%s.%s", role_name(role), zone);
	} else {
		(void)snprintf(to, n, "%s.%u", role_name(role), index);
	}
}

enum role role_by_name(struct str name)
{
	for (unsigned i = ROLE_NONE + 1; i < ROLE_MAX; i++) {
		if (str_eq(name, str_from_c(role_names[i]))) {
			return (enum role)i;
		}
	}
	return ROLE_NONE;
}

/* A message that carries exactly one descriptor: keeps it in *slot, which it replaces. */
static bool keep_fd(int *slot, int *fds, unsigned *n_fds)
{
	if (*n_fds != 1) {
		return false;
	}
	fd_close(slot);
	*slot = fds[0];
	*n_fds = 0;
	return true;
}

static bool keep_channel(struct role_boot *boot, struct frame_reader *r, int *fds, unsigned *n_fds)
{
	struct role_channel *c = &boot->channels[boot->n_channels];
	struct str zone;

	if (boot->n_channels == ROLE_MAX_CHANNELS) {
		return false;
	}
	*c = (struct role_channel){.fd = -1};
	c->peer = (enum role)frame_get_u8(r);
	c->index = frame_get_u32(r);
	zone = frame_get_str(r);
	if (zone.n > ROLE_ZONE_NAME_MAX) {
		return false;
	}
	memcpy(c->zone, zone.p, zone.n);
	boot->n_channels++;
	return c->peer < ROLE_MAX && keep_fd(&c->fd, fds, n_fds);
}

static bool keep_listener(struct role_boot *boot, struct frame_reader *r, int *fds, unsigned *n_fds)
{
	struct role_listener *l = &boot->listeners[boot->n_listeners];

	if (boot->n_listeners == ROLE_MAX_LISTENERS) {
		return false;
	}
	*l = (struct role_listener){.index = frame_get_u32(r), .fd = -1};
	boot->n_listeners++;
	return keep_fd(&l->fd, fds, n_fds);
}

static bool keep_secret(struct role_boot *boot, struct frame_reader *r, int *fds, unsigned *n_fds)
{
	struct role_secret *s;
	struct str file;

	if (boot->secrets_used) {
		for (unsigned i = 0; i < boot->n_secrets; i++) {
			fd_close(&boot->secrets[i].fd);
		}
		boot->n_secrets = 0;
		boot->secrets_used = false;
	}
	s = &boot->secrets[boot->n_secrets];
	if (boot->n_secrets == ROLE_MAX_SECRETS) {
		return false;
	}
	(void)frame_get_u32(r);
	file = frame_get_str(r);
	if (file.n == 0 || file.n >= sizeof(s->file)) {
		return false;
	}
	*s = (struct role_secret){.fd = -1};
	memcpy(s->file, file.p, file.n);
	boot->n_secrets++;
	return keep_fd(&s->fd, fds, n_fds);
}

/* One boot message; *started is set by START. */
static bool boot_message(struct role_boot *boot, struct str frame, int *fds, unsigned *n_fds,
			 bool *started)
{
	struct frame_reader r;
	bool ok;

	switch ((enum ipc_message)frame_open(&r, frame)) {
	case IPC_CONFIG:
		ok = keep_fd(&boot->config_fd, fds, n_fds);
		break;
	case IPC_BUNDLE:
		ok = keep_fd(&boot->bundle_fd, fds, n_fds);
		break;
	case IPC_DIRECTORY:
		ok = keep_fd(&boot->directory_fd, fds, n_fds);
		break;
	case IPC_KEY:
		ok = keep_fd(&boot->key_fd, fds, n_fds);
		break;
	case IPC_RUNS:
		ok = keep_fd(&boot->runs_fd, fds, n_fds);
		break;
	case IPC_PINS_ROOM:
		ok = keep_fd(&boot->pins_room_fd, fds, n_fds);
		break;
	case IPC_PINS:
		boot->pins_answer = frame_get_u8(&r) == 1;
		ok = keep_fd(&boot->pins_fd, fds, n_fds);
		break;
	case IPC_SECRET:
		ok = keep_secret(boot, &r, fds, n_fds);
		break;
	case IPC_LISTENER:
		ok = keep_listener(boot, &r, fds, n_fds);
		break;
	case IPC_CHANNEL:
		ok = keep_channel(boot, &r, fds, n_fds);
		break;
	case IPC_START:
		boot->resolve = frame_get_u8(&r) != 0;
		boot->gates = frame_get_u32(&r);
		boot->again = frame_get_u8(&r) != 0;
		boot->tls = frame_get_u8(&r) != 0;
		boot->http2 = frame_get_u8(&r) != 0;
		boot->oauth = frame_get_u8(&r) != 0;
		*started = true;
		ok = true;
		break;
	case IPC_NONE:
	case IPC_RELOAD:
	case IPC_DRAIN:
	case IPC_NOTE:
	case IPC_VERDICT:
	case IPC_HELD:
	case IPC_READY:
	case IPC_RELOADED:
	case IPC_NOTED:
	case IPC_MISUSE:
	case IPC_APPEND:
	case IPC_ACK:
	case IPC_NACK:
	case IPC_DIAL:
	case IPC_DIAL_HOST:
	case IPC_DIALED:
	case IPC_NOT_DIALED:
	case IPC_RUN:
	case IPC_STOP:
	case IPC_RUNNING:
	case IPC_NOT_RUN:
	case IPC_ENDED:
	case IPC_HANDOFF:
	case IPC_COUNT:
	case IPC_PINS_SEEN:
	case IPC_CHALLENGE:
	case IPC_LOGIN:
	case IPC_LOGGED:
	case IPC_SLOT:
	case IPC_SLOT_KEPT:
	case IPC_SLOT_READ:
	case IPC_SLOT_WRITE:
	case IPC_HAND:
	case IPC_HANDED:
	case IPC_TOKEN:
	case IPC_TOKEN_USED:
	default:
		ok = false;
		break;
	}
	return ok && frame_ok(&r) && *n_fds == 0;
}

enum err_code role_boot_receive(struct role_boot *boot, struct err *err)
{
	bool started = false;

	while (!started) {
		struct pollfd p = {.fd = boot->control.fd, .events = POLLIN};
		int fds[CHAN_MAX_FDS];
		unsigned n_fds = 0;
		char buf[4096];
		struct str frame;
		enum err_code code;

		if (poll(&p, 1, -1) < 0 && errno != EINTR) {
			return ERR_ERRNO(err, "waiting for the supervisor");
		}
		code = chan_recv(&boot->control, buf, sizeof(buf), &frame, fds, &n_fds, err);
		if (code == ERR_AGAIN) {
			continue;
		}
		TRY(code);
		if (!boot_message(boot, frame, fds, &n_fds, &started)) {
			return ERR(err, ERR_INVALID, "message %u is not one of a boot",
				   frame.n ? (unsigned char)frame.p[0] : 0U);
		}
	}
	boot->secrets_used = true;
	return ERR_OK;
}

/* A message of the supervisor while the role serves. */
static enum err_code serving_message(struct role_boot *boot, struct str frame, int *fds,
				     unsigned *n_fds, enum role_wish *ret, struct str *ret_note,
				     struct err *err)
{
	struct frame_reader r;
	uint8_t type = frame_open(&r, frame);
	bool started = false;

	switch (type) {
	case IPC_RELOAD:
		boot->secrets_used = true;
		*ret = ROLE_WISH_RELOAD;
		break;
	case IPC_DRAIN:
		*ret = ROLE_WISH_DRAIN;
		break;
	case IPC_NOTE:
		*ret_note = frame_get_str(&r);
		*ret = ROLE_WISH_NOTE;
		break;
	case IPC_LOGIN:
	case IPC_SLOT:
	case IPC_SLOT_KEPT:
		*ret_note = frame; /* its fields are the connector's to read */
		*ret = ROLE_WISH_LOGIN;
		return *n_fds == 0 && boot->role == ROLE_CONNECTOR
			       ? ERR_OK
			       : ERR(err, ERR_INVALID, "message %u is not for this role", type);
	case IPC_VERDICT:
		boot->verdict.number = frame_get_u64(&r);
		boot->verdict.yes = frame_get_u8(&r) == 1;
		boot->verdict.uid = frame_get_u32(&r);
		*ret = ROLE_WISH_VERDICT;
		break;
	default:
		if (!boot_message(boot, frame, fds, n_fds, &started) || started) {
			return ERR(err, ERR_INVALID, "message %u of the supervisor is not expected",
				   type);
		}
		*ret = type == IPC_CHANNEL ? ROLE_WISH_CHANNEL
		       : type == IPC_PINS  ? ROLE_WISH_PINS
					   : ROLE_WISH_NONE;
		return ERR_OK;
	}
	return frame_ok(&r) && *n_fds == 0 ? ERR_OK
					   : ERR(err, ERR_INVALID, "message %u is malformed", type);
}

/* Forgets the entry that the newest one replaces, so that the table stays bounded. */
static void replace_channel(struct role_boot *boot)
{
	struct role_channel newest = boot->channels[boot->n_channels - 1];

	for (unsigned i = 0; i + 1 < boot->n_channels; i++) {
		if (boot->channels[i].peer == newest.peer &&
		    boot->channels[i].index == newest.index) {
			boot->channels[i] = boot->channels[boot->n_channels - 2];
			boot->channels[boot->n_channels - 2] = newest;
			boot->n_channels--;
			return;
		}
	}
}

enum err_code role_next_wish(struct role_boot *boot, void *buf, enum role_wish *ret,
			     struct str *ret_note, struct err *err)
{
	enum role_wish wish = ROLE_WISH_NONE;
	struct str note = str_make(NULL, 0);

	while (wish == ROLE_WISH_NONE) {
		int fds[CHAN_MAX_FDS];
		unsigned n_fds = 0;
		struct str frame;
		enum err_code code =
			chan_recv(&boot->control, buf, ROLE_FRAME_MAX, &frame, fds, &n_fds, err);

		if (code == ERR_AGAIN) {
			break;
		}
		TRY(code);
		TRY(serving_message(boot, frame, fds, &n_fds, &wish, &note, err));
	}
	if (wish == ROLE_WISH_CHANNEL) {
		replace_channel(boot);
	}
	*ret = wish;
	*ret_note = note;
	return ERR_OK;
}

enum err_code role_reloaded(struct role_boot *boot, bool ok, struct str text, struct err *err)
{
	char buf[4096];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), IPC_RELOADED);
	frame_put_u8(&w, ok ? 1 : 0);
	frame_put_str(&w, text.n > 4000 ? str_make(text.p, 4000) : text);
	return chan_send(&boot->control, frame_bytes(&w), NULL, 0, err);
}

enum err_code role_enter(struct role_boot *boot, const struct jail_spec *spec, struct err *err)
{
	struct jail_report report = {0};
	struct buf weaker;
	char name[64] = "writ-";

	role_label(boot->role, boot->index, boot->zone, name + 5, sizeof(name) - 5);
	(void)prctl(PR_SET_NAME, name); /* of which the kernel keeps the first 15 bytes */
	/* Dates of certificates go through libc's time zones, which are files unless TZ says it all. */
	(void)setenv("TZ", "UTC0", 1);
	tzset();
	if (boot->tls) {
		TRY(tls_load(err));
	}
	TRY(jail_enter(spec, &report, err));
	buf_init(&weaker, 1024);
	jail_report_print(&report, &weaker);
	if (buf_len(&weaker)) {
		log_line(LOG_WARN, STR_FMT, STR_ARG(buf_str(&weaker)));
		(void)snprintf(boot->weaker, sizeof(boot->weaker), STR_FMT,
			       STR_ARG(buf_str(&weaker)));
	}
	buf_done(&weaker);
	return ERR_OK;
}

enum err_code role_permit_key(const struct role_boot *boot, struct arena *a, struct str *ret,
			      struct err *err)
{
	for (unsigned i = 0; i < boot->n_secrets; i++) {
		if (strcmp(boot->secrets[i].file, ROLE_PERMIT_KEY) == 0) {
			TRY(fd_read_all(boot->secrets[i].fd, PERMIT_KEY + 1, a, ret, err));
			return ret->n == PERMIT_KEY
				       ? ERR_OK
				       : ERR(err, ERR_CORRUPT, "a key of %zu bytes", ret->n);
		}
	}
	return ERR(err, ERR_NOT_FOUND, "the supervisor did not hand over the key of permits");
}

enum err_code role_ready(struct role_boot *boot, struct err *err)
{
	char buf[8 + sizeof(boot->weaker)];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), IPC_READY);
	frame_put_str(&w, str_from_c(boot->weaker));
	return chan_send(&boot->control, frame_bytes(&w), NULL, 0, err);
}

enum err_code role_noted(struct role_boot *boot, struct err *err)
{
	char buf[8];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), IPC_NOTED);
	return chan_send(&boot->control, frame_bytes(&w), NULL, 0, err);
}

enum err_code role_count(struct role_boot *boot, uint32_t n, struct err *err)
{
	char buf[8];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), IPC_COUNT);
	frame_put_u32(&w, n);
	return chan_send(&boot->control, frame_bytes(&w), NULL, 0, err);
}

enum err_code role_held(struct role_boot *boot, uint64_t number, struct str text, struct err *err)
{
	char buf[4096];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), IPC_HELD);
	frame_put_u64(&w, number);
	frame_put_str(&w, text);
	if (w.overflow) {
		return ERR(err, ERR_LIMIT, "a text of %zu bytes", text.n);
	}
	return chan_send(&boot->control, frame_bytes(&w), NULL, 0, err);
}

enum err_code role_pins_seen(struct role_boot *boot, uint32_t n, struct err *err)
{
	char buf[8];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), IPC_PINS_SEEN);
	frame_put_u32(&w, n);
	return chan_send(&boot->control, frame_bytes(&w), NULL, 0, err);
}

enum err_code role_accuse(struct role_boot *boot, enum role role, unsigned index, struct err *err)
{
	char buf[16];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), IPC_MISUSE);
	frame_put_u8(&w, (uint8_t)role);
	frame_put_u32(&w, index);
	return chan_send(&boot->control, frame_bytes(&w), NULL, 0, err);
}

/* Keys pressed in the supervisor's terminal reach all of its group: only the supervisor decides. */
static void leave_signals_to_supervisor(void)
{
	static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE};

	for (size_t i = 0; i < ARRAY_LEN(ignored); i++) {
		(void)signal(ignored[i], SIG_IGN); // NOLINT(cert-err33-c): cannot fail for these
	}
}

static int role_run(struct role_boot *boot)
{
	switch (boot->role) {
	case ROLE_GATE:
		return gate_main(boot);
	case ROLE_CONNECTOR:
		return connector_main(boot);
	case ROLE_SCRIBE:
		return scribe_main(boot);
	case ROLE_RUNNER:
		return runner_main(boot);
	case ROLE_EXIT:
		return exit_main(boot);
	case ROLE_RELAY:
		return relay_main(boot);
	case ROLE_NONE:
	case ROLE_SUPERVISOR:
	case ROLE_LOADER:
	case ROLE_MAX:
		break;
	}
	return 2;
}

/* argv: --role, NAME, and for the loader a path, for all others an index; for a relay its zone besides */
int role_main(int argc, char **argv)
{
	struct role_boot boot = {.config_fd = -1,
				 .bundle_fd = -1,
				 .directory_fd = -1,
				 .key_fd = -1,
				 .runs_fd = -1,
				 .zone = "",
				 .pins_fd = -1,
				 .pins_room_fd = -1};
	struct err err;
	enum err_code code;
	uint64_t index;
	char who[64];

	if (argc != 3 && argc != 4) {
		return 2;
	}
	boot.role = role_by_name(str_from_c(argv[1]));
	if (boot.role == ROLE_LOADER) {
		log_setup("loader", LOG_INFO);
		return loader_main(argv[2]);
	}
	if (!str_to_u64(str_from_c(argv[2]), &index) || index > 1024) {
		return 2;
	}
	boot.index = (unsigned)index;
	boot.zone = argc == 4 ? argv[3] : "";
	role_label(boot.role, boot.index, boot.zone, who, sizeof(who));
	log_setup(who, LOG_INFO);
	leave_signals_to_supervisor();
	chan_init(&boot.control, ROLE_CONTROL_FD, 1 << 16);
	code = role_boot_receive(&boot, &err);
	if (code == ERR_CLOSED) {
		return 0; /* spawned ahead of a start that did not come: the supervisor says why */
	}
	if (code) {
		log_line(LOG_ERROR, "boot: %s", err.msg);
		return 2;
	}
	return role_run(&boot);
}
