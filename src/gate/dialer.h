/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate cannot connect(2). It asks the connector for a connection to a named
 * upstream and the runner for a tool server's streams; both answers are
 * descriptors that come through a channel. One broker for both. Where a relay stands in between, it is the relay
 * that brings the descriptor, by its own channel and under the token of the question: a token cannot be
 * guessed, so no relay answers but the one that the connector asked to.
 */
#ifndef GATE_DIALER_H
#define GATE_DIALER_H

#include "base/hash.h"
#include "base/map.h"
#include "ipc/chan.h"
#include "ipc/messages.h"
#include "net/loop.h"

struct dial_request;

/* A question under way; part of the asker. Zeroed is idle. */
struct dial_request {
	struct list node;
	uint64_t token;
	enum ipc_not_dialed why; /* of an answer without a descriptor */
	/* Of dialer_ask_host, until it is sent. */
	struct str host;
	uint16_t port;
	uint8_t flags;
	uint64_t asker;
	/* fd >= 0: the asker owns it. fd -1: `reason` says why not (bounded text of the other
	 * role). */
	void (*on_answer)(struct dial_request *d, int fd, enum ipc_dial_mode mode,
			  struct str reason);
	/* A tool server that ran under this token has ended. May be NULL. */
	void (*on_ended)(struct dial_request *d, uint32_t status);
};

struct dialer {
	struct loop *loop;
	struct chan chan;
	struct loop_fd f;
	struct list waiting, running; /* running: answered RUN requests, until ENDED */
	struct list relays;           /* their channels */
	struct hash_key key;          /* of tokens */
	uint64_t asked;               /* questions up to now */
	struct list parked;           /* asked while the role is away */
	struct timer patience;        /* with them */
};

void dialer_init(struct dialer *d, struct loop *loop);
void dialer_done(struct dialer *d);

/* A channel to the role; what was under way with its predecessor fails. Takes fd over. */
enum err_code dialer_connect(struct dialer *d, int fd, struct err *err) MUST_USE;

/* Likewise to a relay; whom an older one of that index has answered is served first. */
enum err_code dialer_connect_relay(struct dialer *d, unsigned index, int fd,
				   struct err *err) MUST_USE;

/*
 * Asks: IPC_DIAL with an upstream's name or IPC_RUN with a server's id. The answer never comes from
 * inside. ERR_CLOSED while the role is away: try again shortly.
 */
enum err_code dialer_ask(struct dialer *d, struct dial_request *req, enum ipc_message what,
			 struct str name, struct err *err) MUST_USE;

/*
 * Asks the exit for a connection to a host; flags are enum ipc_host, the host's text is borrowed until
 * the answer, which never comes from inside. `agent` is whose it is: what one asks for does not hold up others. While the role is away, or not started yet, the question
 * waits for it a few seconds.
 */
enum err_code dialer_ask_host(struct dialer *d, struct dial_request *req, struct str host,
			      uint16_t port, uint8_t flags, struct str agent,
			      struct err *err) MUST_USE;

/*
 * An upstream refused a request for want of a (better) token; `challenge` is what it said. May be lost. With a
 * request that is taken (true) on_answer follows, never from inside: its `why` is IPC_DIAL_RENEWED once there is
 * another token.
 */
bool dialer_challenged(struct dialer *d, struct dial_request *req, struct str name, unsigned status,
		       struct str challenge);

/* Forgets a request; one that is running is stopped. Harmless when idle. */
void dialer_forget(struct dialer *d, struct dial_request *req);

#endif
