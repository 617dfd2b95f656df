/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request and what is done about it; it ends with the request. The client may go away before: then the
 * work goes on, its outcome is recorded, and the answer is dropped.
 */
#ifndef GATE_EXCHANGE_H
#define GATE_EXCHANGE_H

#include "gate/caller.h"
#include "gate/gate.h"
#include "gate/inquiry.h"
#include "gate/model_reply.h"
#include "mcp/modern.h"
#include "model/request.h"

struct exchange;
struct oauth_wait;

struct exchange_ops {
	/* The whole body is in req->body. */
	void (*on_body)(struct exchange *x);
	/* The client is gone. */
	void (*on_gone)(struct exchange *x);
	/* The request ends: release what is held. */
	void (*on_end)(struct exchange *x);
	/* What was pending has left. */
	void (*on_drain)(struct exchange *x);
};

/* Waits for several links at once. */
struct gather {
	struct gather_wait {
		struct link_wait wait;
		struct gather *gather;
	} * waits;
	size_t n, pending;
	struct timer deadline;
	void (*on_gathered)(struct gather *g);
};

struct exchange {
	const struct exchange_ops *ops;
	struct gate *gate;
	struct http_req *req;
	const struct gate_listener *listener;
	struct str agent;
	struct session *session;
	struct session *named;       /* the same, counted among its users, when it has a name */
	struct caller *caller;       /* of a token, held; else NULL */
	struct oauth_wait *waits;    /* until it is known whose token it is */
	bool gone;                   /* the client is */
	bool half_closed;            /* it sends no more on this connection */
	bool streaming;              /* the answer is a stream of events that has begun */
	struct replay_stream stream; /* of an older client\'s answer: it can come back for it */
	struct buf answer;           /* what will be sent; lent */
	struct mcp_batch *batch;     /* it is of several messages, or one of them; else NULL */

	struct endpoint *endpoint; /* of MCP, held */
	enum mcp_version version;
	struct hold *hold; /* a person is, or was, asked about it; NULL: nobody */

	union {
		struct { /* MCP */
			struct action action;
			struct mcp_msg msg;
			struct mcp_modern modern;
			struct mcp_in_flight in_flight;
			bool counted;    /* in_flight is in the session's list */
			bool cancelled;  /* by the client */
			unsigned status; /* of HTTP, when a server's answer says one; 0: 200 */
			struct gather gather;
			struct link *link;
			struct str object; /* as the server knows it, decoded */
			bool unfit;        /* the arguments are, and the agent can correct them */
			bool promised;     /* the tool has an outputSchema */
			bool as_task;      /* the call is to become a task of its server */
			struct str task_input; /* what policies see of a request about a task */
			struct str task_id;    /* as its server knows it, decoded */
			bool task_asked;       /* what its server asks in it has been decided */
			bool subscribed;       /* by this request: undone when the server refuses */
			struct str
				object_raw; /* the same as raw JSON when it differs from the client's */
			struct link_call call;
			struct str
				asked_with; /* the arguments as they came: duties may change them */
			struct inquiry *inquiry; /* where the server or the client is asked first */
			struct mcp_supplied supplied; /* answers that came with the request */
			struct link_wait listened; /* for a modern server to take a subscription */
			struct listening *listening; /* it is a stream that only listens */

			/* lists: one action for all servers about which the same was decided */
			struct list_part {
				struct exchange *x;
				struct action action;
				struct str *also; /* LEDGER_TEXTS_MAX of them, or NULL */
				bool forwarded;
			} * parts;
			struct list_part **part_of; /* of each server */
			size_t n_parts, parts_pending;
			enum mcp_list_kind list_kind;
			const struct mcp_shown *shown; /* to this caller */
			enum mcp_error list_fault;     /* why nothing is listed */
		};
		struct { /* models: only for model_chat_ops */
			enum model_api model_api;
			struct model_reply *reply; /* NULL, or: */
			struct model_reply model_reply;
		};
	};
	bool stored;           /* it has memory of its own: it is no part of a batch */
	struct exchange *next; /* while free */
};

/* The session of a caller that has none of the protocol's own: its run's, or its agent's. */
struct session *exchange_session(const struct exchange *x);

/* It is this session's from here on; whose token it came with is remembered there. */
void exchange_set_session(struct exchange *x, struct session *s);
void exchange_leave_session(struct exchange *x);

/* It is known now who asks: x->agent is set (front.c). */
void exchange_identified(struct exchange *x);

/* Exchanges that have ended are kept for the next; at the end of the gate they go. */
void exchange_free_spare(struct gate *g);

/* What the caller's token says, for policies; NULL without one. */
const struct policy_value *exchange_claims(const struct exchange *x);

/* ---- answers (exchange.c) ---- */

/* Plain answers of ours; the text is sent as application/json. Ends the request. */
void exchange_json(struct exchange *x, int status, struct str body);
void exchange_empty(struct exchange *x, int status);
/* A sentence for people, as text/plain; it says no more than any caller may know. */
void exchange_text(struct exchange *x, int status, struct str text);

/* The message in x->answer, as JSON or as the last event of the stream. Ends the request. */
void exchange_reply(struct exchange *x, int status);

/* The same, as JSON with a value of WWW-Authenticate; of a request that is not streaming. */
void exchange_challenge(struct exchange *x, int status, struct str challenge);

/* One message on the way, as an event; begins the stream. False when the client cannot take it. */
bool exchange_event(struct exchange *x, struct str message);

/* Ends the request with nothing more to say. */
void exchange_over(struct exchange *x);

/* Waits until every link is ready or has failed, or the time is up; never from inside. */
bool gather_start(struct gather *g, struct arena *a, struct loop *loop, struct link **links,
		  size_t n, void (*on_gathered)(struct gather *g));
void gather_stop(struct gather *g);

/* Front ends, by path. */
extern const struct exchange_ops mcp_post_ops, mcp_batch_ops, mcp_get_ops, model_chat_ops;

void mcp_begin(struct exchange *x, struct str server);
void model_begin(struct exchange *x, struct str what);

/* ---- MCP requests (mcp_*.c) ---- */

void mcp_fail(struct exchange *x, enum mcp_error e);

/* Several messages in the one POST of a session of 2025-03-26 (mcp_batch.c): x->msg.whole is an array. */
void mcp_batch_start(struct exchange *x);
void mcp_batch_half_closed(struct exchange *outer);

/* The session a message of the older era names, if it may use it; else the answer is given. */
bool mcp_find_session(struct exchange *x);

/*
 * May what the request names send it to another gate? Not where its place follows from the request itself: the other
 * gate would send it back.
 */
bool mcp_may_move(const struct exchange *x);

void mcp_lists_start(struct exchange *x, enum mcp_list_kind kind);
void mcp_object_start(struct exchange *x);
void mcp_object_leave(struct exchange *x); /* who was to be asked need not be any more */

/* Arguments against the tool's inputSchema (mcp_check.c): says in q->unfit why they are refused, or
 * in the action's finding. */
void mcp_check_arguments(struct exchange *x, struct rules_query *q);

/* A result against its outputSchema; false with the reason: it is to be withheld. */
bool mcp_check_result(struct exchange *x, const struct mcp_msg *m, struct str *ret_says);

/* Tasks (mcp_task.c). *ret_gate: where it is kept, this gate or another that has to be asked. */
bool mcp_task_find(struct exchange *x, struct str id, unsigned *ret_gate);
enum mcp_error mcp_task_wanted(struct exchange *x);

/* The server made a task of the call; *ret_bad: it cannot be kept, so that nobody could ask for it. */
bool mcp_task_take(struct exchange *x, const struct mcp_msg *said, bool *ret_bad);

/* Of the extension: may its servers hear of it with this request? */
bool mcp_task_may_be_given(const struct exchange *x);

/* The client has not declared it: the answer is given. */
bool mcp_task_is_undeclared(struct exchange *x);

/* "SERVER/GATE" in front of the id in an answer. The changed text is kept in `out`, which *m then points into. */
bool mcp_task_show(struct exchange *x, struct mcp_msg *m, struct buf *out);

/* The same action once more, for a server that has asked for something in between. */
void mcp_object_again(struct exchange *x);

/* Asks the server; the answer ends the action. ERR_LIMIT, ERR_INVALID, ERR_CLOSED: nothing was sent. */
enum err_code mcp_call_start(struct exchange *x) MUST_USE;

/* Asks a modern server again, with what it wanted to know (raw, p NULL: nothing). */
bool mcp_call_again(struct exchange *x, struct str responses, struct str state) MUST_USE;

/* What a call comes to, whoever holds it; each but the first ends the action, or the request when no
 * action is under way. */
void mcp_call_notified(struct exchange *x, const struct mcp_msg *said);
void mcp_call_answered(struct exchange *x, const struct mcp_msg *said, uint32_t lacked);
void mcp_call_failed(struct exchange *x, enum link_fail why);

/* Appends to x->answer that its server could not be asked, or did not answer; with what to do, where a person can. */
void mcp_call_error(struct exchange *x, const struct link *l, enum link_fail why);
void mcp_call_rejected(struct exchange *x);

/* Stops what is under way for this request. */
void mcp_call_stop(struct exchange *x);

void mcp_open_start(struct exchange *x);
void mcp_lists_end(struct exchange *x);

#endif
