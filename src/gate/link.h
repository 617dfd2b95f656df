/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One configured MCP server as this gate reaches it: started when it is first
 * wanted, initialised, its lists fetched and kept fresh, calls correlated.
 *
 *   DOWN --wanted--> CONNECTING --> INITIALIZING --> LISTING --> READY
 *    ^                                                             |
 *    +------------- ended, broken, refused (waits a little) -------+
 *
 * Which era the server speaks is found out while INITIALIZING (gate/link_era.c). All sessions of a
 * gate share a link, as they would share the server. Ids and progress tokens are this hop's own:
 * the caller's never reach the server.
 */
#ifndef GATE_LINK_H
#define GATE_LINK_H

#include "config/config.h"
#include "gate/egress.h"
#include "gate/link_cursor.h"
#include "gate/pool.h"
#include "http/sse.h"
#include "mcp/catalogue.h"
#include "mcp/param.h"
#include "mcp/rpc.h"
#include "mcp/session.h"
#include "mcp/splice.h"
#include "mcp/stdio.h"
#include "net/stream.h"

struct action;
struct gate;
struct session;
struct link;
struct link_call;
struct inquiry;

enum link_state {
	LINK_DOWN = 0,
	LINK_CONNECTING,
	LINK_INITIALIZING,
	LINK_LISTING,
	LINK_READY,
};

enum link_era { LINK_ERA_UNKNOWN = 0, LINK_ERA_LEGACY, LINK_ERA_MODERN };

enum link_fail {
	LINK_FAIL_NONE = 0,
	LINK_FAIL_UNREACHABLE, /* nothing was sent */
	LINK_FAIL_DIED,        /* the server ended or closed before it answered */
	LINK_FAIL_PROTOCOL,    /* it answered what MCP does not allow */
	LINK_FAIL_TIMEOUT,
	LINK_FAIL_LOGIN, /* a person has to log in there first: nothing was done */
	LINK_FAIL_SCOPE, /* likewise, since what was agreed to is not enough for this */
};

/* A client's request on its way up. What is borrowed lives as long as the call. */
struct link_request {
	const struct mcp_msg *m;
	struct str object; /* as the server knows it, decoded */
	struct str
		object_raw; /* the same as raw JSON where it differs from the client's, or p NULL */
	/* What only servers of the modern era are told, since no handshake did. */
	uint32_t capabilities; /* of this client */
	bool wants_log;
	enum mcp_log_level log_level;
	struct str responses, state; /* answers to what the server asked, raw; p NULL: none */
};

struct link_events {
	/* A notification that belongs to this call (progress, log); m lives during the callback. */
	void (*on_notification)(struct link_call *c, const struct mcp_msg *m);

	/* A message of ours to the client, on this call's stream; false: it cannot take it. Of an
	 * empty one nothing is sent: it only asks. */
	bool (*on_send)(struct link_call *c, struct str message);

	/* Result or error, under the hop's id. The call has ended: its memory is the caller's. */
	void (*on_answer)(struct link_call *c, const struct mcp_msg *m);

	/* The call has ended without an answer. */
	void (*on_fail)(struct link_call *c, enum link_fail why);
};

/* A request under way; part of the caller's own request. Zeroed is idle. */
struct link_call {
	struct list node;
	struct link *link;
	const struct link_events *on;
	struct session *session;   /* whose it is; NULL: our own */
	struct egress_about about; /* likewise what it was decided as */
	struct inquiry *inquiry;   /* its client of the modern era can be asked by a result */
	uint32_t lacked;           /* what was to be asked, and the client has not offered */
	uint64_t started;
	uint64_t hop; /* id and progress token towards the server */
	char hop_text[24];
	bool has_token;
	struct timer deadline;
	struct buf message; /* as sent */
	/* HTTP only */
	struct arena heads; /* fields of this request, where they are not the link's */
	struct http_field *fields;
	size_t n_fields;
	int status;       /* of its answer, once there is a head */
	uint64_t sent_in; /* the link's generation then */
	bool in_session;
	struct http_call http;
	struct sse_parser events;
	struct link_cursor *cursor; /* where its stream can be taken up again; NULL: nowhere */
	bool repeatable; /* has no effect: may go again when its connection closed without a word */
	bool http_active, sse, resend, retried;
	bool renewed;              /* it went again with another token */
	struct dial_request renew; /* for which it waits */
};

/* Waits for a link to become ready or to fail. Zeroed is idle. */
struct link_wait {
	struct list node;
	bool fresh; /* ready, and no list is being fetched */
	void (*on_link)(struct link_wait *w, bool ready);
};

struct link_transport {
	/* Asks for the connection; link_connected or link_lost follows. */
	enum err_code (*connect)(struct link *l, struct err *err);
	/* Sends call->message; on failure the call stays idle. */
	enum err_code (*call)(struct link *l, struct link_call *c, struct err *err);
	/* The call is forgotten: stop reading its answer. */
	void (*abandon)(struct link *l, struct link_call *c);
	/* A notification or an answer of ours to the server. */
	void (*post)(struct link *l, struct str message);
	void (*close)(struct link *l);
};

struct link {
	struct list node;
	struct gate *gate;
	struct loop *loop;
	const struct link_transport *transport;
	enum link_state state;
	struct arena arena;    /* what lives as long as the link */
	struct str id;         /* of the server, as configured */
	struct str configured; /* instructions of the configuration, in place of the server's own */
	uint64_t timeout_ns, ping_ns;
	uint64_t heard_at;     /* when it said something last */
	struct timer health;   /* to ask it whether it is there (gate/link_health.c) */
	struct link_call ping; /* which asks */
	enum config_check schemas, pins;
	/* gate/pins.c */
	bool pins_wanted, pins_asked, pins_waiting; /* to report; reported; READY waits for it */
	size_t pins_told;                           /* how much was unknown at the last report */
	bool instructions_held, instructions_unknown;
	uint8_t digest[32]; /* of the server's configuration: equal means it may stay on reload */
	unsigned holds;
	bool retired; /* left by a reload: takes no new calls */
	struct list waits;
	struct list calls;
	struct map by_hop; /* of struct link_call */
	uint64_t next_hop;
	struct list asks;     /* the server's requests to clients (gate/ask.c) */
	struct list elicited; /* likewise */
	unsigned n_asks, n_elicited;
	struct map subs; /* of struct sub_uri (gate/subs.c) */
	struct list sub_uris;
	size_t n_subs;
	unsigned failures;   /* in a row */
	enum link_fail down; /* why it is DOWN */
	struct timer again;  /* not before */
	uint64_t generation; /* counts connections */

	/* Which era it speaks, and since when that is known. */
	enum config_protocol protocol; /* as configured */
	enum link_era era;
	uint64_t era_at;
	bool probing, probed_again;

	/* What the server said of itself. */
	struct arena said;
	enum mcp_version version;
	uint32_t capabilities;
	struct str instructions;
	struct mcp_list lists[MCP_LIST_KINDS];
	uint64_t fresh_until[MCP_LIST_KINDS]; /* modern era: by the server's ttlMs */

	/* The list being fetched. */
	struct mcp_list fetching;
	unsigned fetch_kinds; /* bit set of kinds still to fetch */
	bool fetch_busy;
	struct link_call internal;
	struct loop_hook refuse; /* fails what waits while the link may not try again */
	unsigned garbage;        /* messages in a row that are none */

	/* stdio */
	struct dialer *runner;
	struct dial_request run;
	struct stream stream;
	struct loop_hook broken;
	struct mcp_lines lines;

	/* HTTP */
	struct str url; /* as configured */
	char *post_to;  /* HTTP+SSE: where messages go; NULL: not known yet */
	struct gate_pool pool;
	struct str session; /* Mcp-Session-Id */
	char session_text[256];
	struct http_field fields[4];
	size_t n_fields;
	struct http_call listen; /* the GET stream */
	struct sse_parser listen_events;
	struct link_cursor *listen_cursor;
	bool listening;
	struct timer listen_again;

	/* subscriptions/listen of the modern era: the one in force, and its successor until that one
	 * is acknowledged (gate/link_listen.c). */
	struct link_call subscriptions[2];
	unsigned subscribed;      /* index of the newest */
	struct list listen_waits; /* of struct link_wait */
	bool no_listen;           /* the server has none */
};

/* Text and digest are copied from the configuration. */
enum err_code link_new(struct gate *gate, const struct config_server *server,
		       const uint8_t digest[32], struct link **ret, struct err *err) MUST_USE;

/* Fails what is under way and closes. */
void link_free(struct link *l);

/* Starts it if need be; on_link follows, never from inside. */
void link_want(struct link *l, struct link_wait *w);
void link_wait_forget(struct link_wait *w);

/*
 * Sends a client's request under an id of this hop. Only on a READY link. ERR_LIMIT, ERR_CLOSED;
 * ERR_INVALID: an argument that HTTP has to show cannot be shown. Then nothing was sent.
 */
enum err_code link_call_start(struct link *l, struct link_call *c, const struct link_request *r,
			      struct err *err) MUST_USE;

/* Fetches a list anew that its server called good for a time which is over. */
void link_refresh(struct link *l, enum mcp_list_kind kind);

/* Forgets the call: its answer will be dropped. tell: also ask the server to stop. */
void link_call_cancel(struct link_call *c, bool tell);

/* A request of ours whose answer nobody waits for; params raw JSON. Only on a READY link. */
void link_tell(struct link *l, enum mcp_method method, struct str params);

/* Asks for log messages from this level on, where the server can. */
void link_set_level(struct link *l, enum mcp_log_level level);

static inline bool link_is_modern(const struct link *l)
{
	return l->version == MCP_MODERN;
}

/* ---- for the transports and the parts of a link ---- */

void link_connected(struct link *l);

/* The connection is gone: calls fail, the link is DOWN and waits before it tries again. */
void link_lost(struct link *l, enum link_fail why, const char *what);

/* A message from the server; `c` is the call whose stream it came on, or NULL. False: c has ended.
 */
bool link_message(struct link *l, struct link_call *c, struct str text);

/* Those who wait for it are told. */
void link_waits_finish(struct link *l, bool ready);

/* A list is there, or there is none to fetch: on to the next, or to READY. */
void link_step(struct link *l);

/* ---- its lists (gate/link_list.c) ---- */

/* Fetches the lowest kind of fetch_kinds, page after page. */
void link_fetch_next(struct link *l);

/* Forgets a list that is being fetched. */
void link_fetch_stop(struct link *l);

/* The server says that one has changed. */
void link_list_changed(struct link *l, enum mcp_method method);

/* What is pinned of it is known: a link that waits for that goes on. */
void link_settled(struct link *l);

void link_call_end(struct link_call *c);
void link_call_fail(struct link_call *c, enum link_fail why);

/* A call of our own. `write` appends its message; timeout in ns, or UINT64_MAX. */
typedef void link_write(struct buf *out, struct link *l, uint64_t id);
void link_internal_call(struct link *l, struct link_call *c, const struct link_events *on,
			enum mcp_method method, link_write *write, uint64_t timeout);

/* What it can do is known: its lists come next. */
void link_opened(struct link *l, enum mcp_version version, uint32_t capabilities,
		 struct str instructions);

/*
 * The process that was asked for its era has ended, or says nothing: true when another one is on its
 * way, which will be asked in the older way.
 */
bool link_probe_failed(struct link *l, enum link_fail why);

/* The header fields of a request of the modern era; `tool` is the listed item, or NULL. */
enum err_code link_http_heads(struct link *l, struct link_call *c, enum mcp_method method,
			      struct str object, const struct mcp_item *tool, struct str arguments,
			      struct err *err) MUST_USE;

/* ---- whether it is still there (gate/link_health.c) ---- */

void link_health_start(struct link *l);
void link_health_stop(struct link *l);
void link_health_check(struct timer *t);

/* A call of ours, which is for no client. */
static inline bool link_is_own(const struct link *l, const struct link_call *c)
{
	return c == &l->internal || c == &l->ping || c == &l->subscriptions[0] ||
	       c == &l->subscriptions[1];
}

/* ---- subscriptions/listen (gate/link_listen.c) ---- */

/* What is to be listened to has changed: a new subscription replaces the old one shortly. */
void link_listen_soon(struct link *l);

/* The same, and on_link says whether the server took it; never from inside. */
void link_listen_wait(struct link *l, struct link_wait *w);

/* Nobody will acknowledge anything any more. */
void link_listen_over(struct link *l, bool ready);

/* The server has begun to serve a subscription. */
void link_listen_acknowledged(struct link *l, const struct mcp_msg *m);

static inline bool link_is_subscription(const struct link *l, const struct link_call *c)
{
	return c == &l->subscriptions[0] || c == &l->subscriptions[1];
}

extern const struct link_transport link_stdio_transport, link_http_transport, link_sse_transport;

/* Sets up and releases the transport's part. */
enum err_code link_http_init(struct link *l, const struct config_server *server,
			     struct err *err) MUST_USE;
void link_http_ready(struct link *l);
enum err_code link_http_connect(struct link *l, struct err *err);

/* The same for HTTP+SSE: asks for its stream; link_connected or link_lost follows. */
void link_sse_open(struct link *l);

/*
 * Posts a message to this target, whatever comes back; a call that it is (or NULL) fails when that is a refusal.
 * False: no memory.
 */
bool link_http_post(struct link *l, struct str target, struct str message,
		    const struct link_call *c);

#endif
