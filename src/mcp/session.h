/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of one downstream session of the legacy era. Pure and small: many
 * thousands are held, so what belongs to one request lives with the request.
 *
 *      NEW --initialize--> OPEN --notifications/initialized--> READY
 *
 * A client may send `ping` at any time. Requests are taken from OPEN on, since
 * many clients do not wait for the notification; messages of the server's own
 * may go out only in READY.
 */
#ifndef MCP_SESSION_H
#define MCP_SESSION_H

#include "base/err.h"
#include "base/list.h"
#include "mcp/rpc.h"

enum mcp_state { MCP_STATE_NEW = 0, MCP_STATE_OPEN, MCP_STATE_READY };

/* RFC 5424 severities as MCP names them; the least important level that a client wants. */
enum mcp_log_level {
	MCP_LOG_EMERGENCY = 0,
	MCP_LOG_ALERT,
	MCP_LOG_CRITICAL,
	MCP_LOG_ERROR,
	MCP_LOG_WARNING,
	MCP_LOG_NOTICE,
	MCP_LOG_INFO,
	MCP_LOG_DEBUG,
	MCP_LOG_LEVELS
};

enum { MCP_IN_FLIGHT_MAX = 256 };

struct mcp_session {
	struct list in_flight; /* of struct mcp_in_flight */
	uint32_t capabilities; /* of the client, MCP_CAP_ bits */
	uint16_t n_in_flight;
	uint8_t version; /* enum mcp_version */
	uint8_t state;   /* enum mcp_state */
	uint8_t log_level;
	bool log_level_set; /* the client has asked for one */
};

_Static_assert(sizeof(struct mcp_session) <= 300, "10,000 of them are held");

/*
 * A request that has no answer yet. The caller owns it (it is part of the
 * caller's own request) and keeps `id` alive. `hop` is the id used towards the
 * upstream.
 */
struct mcp_in_flight {
	struct list node;
	struct str id; /* raw JSON: 1 and "1" are different ids */
	uint64_t hop;
	enum mcp_method method;
};

void mcp_session_init(struct mcp_session *s);

/* What the client said in `initialize`. */
void mcp_session_open(struct mcp_session *s, enum mcp_version v, uint32_t capabilities);

/*
 * May the client send this method now? ERR_INVALID: wrong state or direction;
 * ERR_NOT_FOUND: unknown in this revision. Moves OPEN to READY for
 * `notifications/initialized`.
 */
enum err_code mcp_session_receive(struct mcp_session *s, enum mcp_method m,
				  struct err *err) MUST_USE;

/* May the server side send this method to the client: state, revision, the client's capability? */
bool mcp_session_may_send(const struct mcp_session *s, enum mcp_method m);

/* ERR_LIMIT: too many requests without an answer. Ids may repeat: some clients use 1 for all. */
enum err_code mcp_session_begin(struct mcp_session *s, struct mcp_in_flight *r,
				struct err *err) MUST_USE;

/* Harmless when it was never begun (its node initialised) or ended before. */
void mcp_session_end(struct mcp_session *s, struct mcp_in_flight *r);

/*
 * The request to which `id` can only refer: NULL when none has that id, and when
 * several have it, since guessing would cancel somebody else's call. `initialize`
 * is never found: it cannot be cancelled.
 */
struct mcp_in_flight *mcp_session_find(const struct mcp_session *s, struct str id);

/* By its name in lower case; false when it is none. */
bool mcp_log_level_find(struct str name, enum mcp_log_level *ret);
struct str mcp_log_level_name(enum mcp_log_level level);

/* Of params.level, for logging/setLevel and notifications/message alike; false when it is none. */
bool mcp_msg_log_level(struct arena *scratch, const struct mcp_msg *m, enum mcp_log_level *ret);

/* Should a notifications/message of this level reach the client? All do until it asks for a level.
 */
bool mcp_session_wants_log(const struct mcp_session *s, enum mcp_log_level level);

#endif
