/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gate: the process that strangers talk to. It parses, identifies, decides,
 * records, forwards and answers; it holds no credential and cannot connect, open
 * or start anything. proc/gate.c gives it its channels and its jail.
 */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include "base/log.h"
#include "gate/action.h"
#include "gate/budget.h"
#include "gate/dialer.h"
#include "gate/exit.h"
#include "gate/history.h"
#include "gate/hold.h"
#include "gate/link.h"
#include "gate/oauth.h"
#include "gate/pins.h"
#include "gate/recorder.h"
#include "gate/rules.h"
#include "gate/run.h"
#include "gate/session.h"
#include "gate/tasks.h"
#include "http/server.h"
#include "mcp/lifecycle.h"
#include "mcp/view.h"

enum {
	GATE_SPARE_BUFS = 64,
	GATE_SPARE_EXCHANGES = 64,
	GATE_MAX_LISTENERS = 16,
	GATE_MAX_PEERS = 64
};

/* What one path of this gate offers: all servers, or one. */
struct endpoint {
	struct list node;
	struct str id; /* empty: all */
	struct arena arena;
	struct link **links; /* held: they live as long as this */
	size_t n;
	unsigned uses; /* requests; a retired one ends with the last */
	bool retired;
	struct mcp_view views[MCP_LIST_KINDS];
	bool built[MCP_LIST_KINDS];
};

struct gate_listener {
	struct gate *gate;
	unsigned index;                     /* into config.listen */
	const struct config_listen *listen; /* of a run; NULL: config.listen[index] */
	struct gate_run *run; /* whose sandbox its connections come from; NULL: any caller's */
	struct http_server *server;
	struct tls_ctx *tls;
};

/* How soon a model begins to answer, and what its hedges owe: gate/model_hedge.h. */
enum { GATE_HEDGE_SAMPLES = 64 };

struct gate_pace {
	uint32_t us[GATE_HEDGE_SAMPLES]; /* the last ones */
	unsigned n, debt;
};

/* A model back end. */
struct gate_model {
	struct list node;
	struct gate *gate;
	struct gate_pool pool;
	struct str name, back_name; /* for clients, and at the back end */
	struct str deployment;      /* "site/back_name" */
	const struct model_engine *engine;
	uint32_t speaks;     /* bits 1 << enum model_api */
	uint64_t max_tokens; /* of an answer whose client states no limit; 0: none */

	/* who is there, and who waits (gate/model_queue.h) */
	uint64_t limit; /* 0: none */
	uint64_t in_flight, tokens;
	struct list queue;
	unsigned n_queue;
	struct map turns; /* of agents (gate/model_queue.c) */
	uintptr_t turn;
	struct loop_hook next;

	/* how it does (gate/model_route.h) */
	unsigned failures; /* in a row, none of them more than some agent may cause alone */
	uint64_t ill_until;
	struct gate_blame {
		uint64_t agent; /* its hash; 0: none */
		unsigned n;     /* failures of its requests since the model last answered */
		uint64_t until; /* the model is ill for this agent alone */
	} blame[4];
	struct gate_pace pace;
	bool probing, probe_runs;
	struct http_call probe;
	struct list waiting; /* of struct exchange, until the pool is open */
	unsigned uses;
	bool retired, opening;
};

/* Another gate, for connections whose session lives there. */
struct gate_peer {
	struct gate *gate;
	unsigned index;
	struct chan chan;
	struct loop_fd f;
};

struct gate {
	struct loop loop;
	unsigned index, n_gates;
	uint32_t boot; /* random: tells this process from its predecessors */
	uint64_t next_action;
	struct hash_key seed;
	struct rules *rules;
	struct history history;
	struct recorder recorder;
	struct treasury treasury; /* without budgets: none */
	struct dialer connector, runner;
	struct exits exits;
	struct gate_pins pins;
	struct sessions sessions;
	struct tasks tasks;
	struct oauth *oauth; /* NULL: no tokens are accepted */
	struct gate_runs runs;
	struct holds holds; /* what waits for a person */
	struct h2_lib *h2;  /* NULL when nothing that is configured can speak HTTP/2 */
	struct replays replays;
	struct list listenings; /* gate/listening.h */
	struct list inquiries;  /* calls that wait for answers of their clients: gate/inquiry.h */
	struct map inquiries_by_id;
	size_t n_inquiries;
	uint8_t state_key[32];                /* of their names */
	struct list links, endpoints, models; /* with those that a reload retired */
	struct gate_listener listeners[GATE_MAX_LISTENERS];
	unsigned n_listeners;
	struct gate_peer peers[GATE_MAX_PEERS];
	unsigned n_peers;
	struct arena scratch; /* of one message from an upstream */
	struct json_opts json_limits;
	struct buf spare[GATE_SPARE_BUFS];
	unsigned n_spare, n_spare_exchanges;
	struct exchange *spare_exchanges;
	struct loop_hook reap; /* frees what a reload retired, once nobody uses it */
	struct timer housekeeping;
	size_t unused; /* bytes of heap free after they were last given back */
	uint64_t keep_alive_at;
	uint64_t findings_at; /* second in which findings are counted */
	unsigned findings_n;
	struct {
		bool set;
		enum mcp_log_level level;
	} log;
	bool draining;
	unsigned still_open; /* listeners not drained yet */
	void (*on_drained)(struct gate *g);
};

enum err_code gate_init(struct gate *g, unsigned index, struct err *err) MUST_USE;
void gate_done(struct gate *g);

/*
 * Puts the rules in force (the reference moves in) and brings links, endpoints and models in line:
 * what is configured as before goes on, what is gone ends when its calls have ended.
 */
enum err_code gate_apply(struct gate *g, struct rules *rules, struct err *err) MUST_USE;

/* Serves on a listening descriptor (owned); tls may be NULL, else it is owned too. */
enum err_code gate_listen(struct gate *g, unsigned index, int fd, struct tls_ctx *tls,
			  struct err *err) MUST_USE;

/* A channel to another gate (owned). */
enum err_code gate_add_peer(struct gate *g, unsigned index, int fd, struct err *err) MUST_USE;

/* Takes nothing new; on_drained once what runs has ended. */
void gate_drain(struct gate *g, void (*on_drained)(struct gate *g));

/* ---- inside gate/ ---- */

/* Buffers lent for one message; they keep their memory when given back. */
struct buf gate_buf_take(struct gate *g, size_t max);
void gate_buf_give(struct gate *g, struct buf *b);

/* Borrowed, or NULL. Who keeps it past the call counts itself in `uses`. */
struct endpoint *gate_endpoint(struct gate *g, struct str id);
void gate_endpoint_release(struct gate *g, struct endpoint *e);

void gate_model_release(struct gate_model *m);
void gate_on_reap(struct loop_hook *h);
void gate_unapply(struct gate *g);

/* The endpoint's view of one kind, built when needed; NULL when memory is short. */
const struct mcp_view *endpoint_view(struct gate *g, struct endpoint *e, enum mcp_list_kind kind);

/* Something worth a record, about a server; bounded in number. */
void gate_finding(struct gate *g, struct str subject, const char *text);
void gate_event(struct gate *g, const struct ledger_event *event);

/* What links report. */
void gate_link_up(struct gate *g, struct link *l);
void gate_link_down(struct gate *g, struct link *l, bool was_up, const char *why);
void gate_link_listed(struct gate *g, struct link *l, enum mcp_list_kind kind);
void gate_link_shown(struct gate *g, struct link *l, enum mcp_list_kind kind);
void gate_link_log(struct gate *g, struct link *l, const struct mcp_msg *m);

/* How many agents have sessions that see this link: 0, 1, or 2 for more. */
unsigned gate_link_agents(const struct gate *g, const struct link *l);
bool gate_link_is_used(const struct gate *g, const struct link *l);

/* Sends a message on a session's open stream; false when it has none that keeps up. */
bool gate_session_send(struct gate *g, struct session *s, struct str message);

/* The same for what is no question: a client whose stream was lost gets it when it comes back. */
void gate_session_tell(struct gate *g, struct session *s, struct str message);
void gate_session_end(struct gate *g, struct session *s);

/* The session's stream is no longer its own; to be ended next (gate/mcp_post.c). */
void mcp_stream_leave(struct http_req *stream);

/* Handlers of HTTP requests (gate/front.c). */
extern const struct http_handler gate_http_handler;

/* The pool of a model is open, or cannot be (gate/model_chat.c). */
void model_opened(struct gate_model *m, bool ok);

void gate_peer_done(struct gate_peer *p);

/* Hands a plain connection of a configured listener to another gate; false: it stays here. */
bool gate_hand_off(struct gate *g, struct http_req *req, unsigned listener, unsigned to);

/*
 * The gate at which a principal's history is kept while temporal policies are in force: all of its
 * requests without a session come there, so that a limit holds whichever gate they arrive at. The
 * first gate when servers or listeners are that gate's alone, else the name's hash says which.
 */
unsigned gate_home(const struct gate *g, struct str agent);

#endif
