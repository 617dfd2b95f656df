/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that arrive at the wrong gate: the kernel spreads them over the
 * gates, but a session lives on one. The descriptor and what was read of it go to
 * that gate, which serves it as if it had come there.
 */
#include "gate/gate.h"

#include "ipc/frame.h"
#include "ipc/messages.h"

#include <unistd.h>

enum { HANDOFF_MAX = 64 << 10, HANDOFF_QUEUE = 4 << 20, FRAMES_A_TURN = 64 };

static struct gate_peer *peer_find(struct gate *g, unsigned index)
{
	for (unsigned i = 0; i < g->n_peers; i++) {
		if (g->peers[i].index == index && g->peers[i].chan.fd >= 0) {
			return &g->peers[i];
		}
	}
	return NULL;
}

/*
 * Gates need not have the same listeners: they are told apart by their place in the configuration.
 * NULL: none, or one that speaks TLS.
 */
static struct http_server *server_at(struct gate *g, unsigned index)
{
	for (unsigned i = 0; i < g->n_listeners; i++) {
		if (g->listeners[i].index == index) {
			return g->listeners[i].tls ? NULL : g->listeners[i].server;
		}
	}
	return exits_server(g, index);
}

static void watch(struct gate_peer *p)
{
	loop_watch(&p->gate->loop, &p->f,
		   LOOP_READ | (chan_wants_write(&p->chan) ? (uint32_t)LOOP_WRITE : 0));
}

bool gate_hand_off(struct gate *g, struct http_req *req, unsigned listener, unsigned to)
{
	struct gate_peer *p = peer_find(g, to);
	char frame[HANDOFF_MAX + 64];
	struct frame_writer w;
	struct str bytes;
	struct err err;
	int fd;

	/* TLS state cannot travel: such a request is served here, by sessions of this gate. */
	if (!p || req->tls || http_req_detach(req, &fd, &bytes, &err)) {
		return false;
	}
	frame_begin(&w, frame, sizeof(frame), IPC_HANDOFF);
	frame_put_u32(&w, listener);
	frame_put_str(&w, bytes);
	if (w.overflow) {
		(void)close(fd);
	} else if (chan_send(&p->chan, frame_bytes(&w), &fd, 1, &err)) {
		log_line(LOG_WARN, "a connection for gate.%u is lost: %s", to, err.msg);
	}
	watch(p);
	http_req_drop(req);
	return true;
}

unsigned gate_home(const struct gate *g, struct str agent)
{
	/* The same in every gate. Names are the configuration's or an issuer's: no caller chooses its own. */
	static const struct hash_key key = {0};

	if (!g->history.engine) {
		return g->index;
	}
	return g->history.first_only ? 0 : (unsigned)(hash_str(key, agent) % g->n_gates);
}

static void take(struct gate_peer *p, struct str frame, int fd)
{
	struct gate *g = p->gate;
	struct frame_reader r;
	uint8_t type = frame_open(&r, frame);
	struct http_server *server = server_at(g, frame_get_u32(&r));
	struct str bytes = frame_get_str(&r);
	struct net_peer who;
	struct err err;

	if (type != IPC_HANDOFF || !frame_ok(&r) || fd < 0 || !server ||
	    net_peer_of(fd, &who, &err) || http_server_adopt(server, fd, bytes, &who, &err)) {
		if (fd >= 0) {
			(void)close(fd);
		}
	}
}

static void on_ready(struct loop_fd *f, uint32_t ready)
{
	struct gate_peer *p = CONTAINER_OF(f, struct gate_peer, f);
	static const size_t most = HANDOFF_MAX + 64;
	struct buf in = gate_buf_take(p->gate, most);
	char *bytes = buf_reserve(&in, most);
	struct err err;

	if ((ready & LOOP_WRITE) && chan_flush(&p->chan, &err)) {
		gate_peer_done(p);
	}
	for (unsigned turn = 0; bytes && p->chan.fd >= 0 && turn < FRAMES_A_TURN; turn++) {
		int fds[CHAN_MAX_FDS] = {-1};
		unsigned n_fds = 0;
		struct str frame;
		enum err_code code = chan_recv(&p->chan, bytes, most, &frame, fds, &n_fds, &err);

		if (code == ERR_AGAIN) {
			watch(p);
			break;
		}
		if (code) {
			gate_peer_done(p);
			break;
		}
		for (unsigned i = 1; i < n_fds; i++) {
			(void)close(fds[i]);
		}
		take(p, frame, n_fds ? fds[0] : -1);
	}
	gate_buf_give(p->gate, &in);
}

void gate_peer_done(struct gate_peer *p)
{
	if (p->chan.fd >= 0) {
		loop_remove(&p->gate->loop, &p->f);
	}
	chan_done(&p->chan);
}

enum err_code gate_add_peer(struct gate *g, unsigned index, int fd, struct err *err)
{
	struct gate_peer *p = NULL;

	for (unsigned i = 0; i < g->n_peers; i++) {
		if (g->peers[i].index == index) {
			p = &g->peers[i];
			gate_peer_done(p);
		}
	}
	if (!p) {
		if (g->n_peers == GATE_MAX_PEERS) {
			(void)close(fd);
			return ERR(err, ERR_LIMIT, "more than %d gates", GATE_MAX_PEERS);
		}
		p = &g->peers[g->n_peers++];
	}
	*p = (struct gate_peer){.gate = g, .index = index};
	chan_init(&p->chan, fd, HANDOFF_QUEUE);
	p->f = (struct loop_fd){.fd = fd, .on_ready = on_ready};
	return loop_add(&g->loop, &p->f, LOOP_READ, err);
}
