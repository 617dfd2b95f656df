/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modern era (2026-07-28) on the server's side: what Writ sends to such a server, and what
 * becomes of its answers. A request says everything about itself, so whatever the client said in
 * its own _meta about revision, capabilities, itself and log level is replaced by what is so on
 * this hop; all else goes on as it came.
 */
#ifndef MCP_UPWARD_H
#define MCP_UPWARD_H

#include "mcp/rpc.h"
#include "mcp/session.h"
#include "mcp/splice.h"

/* What a request says to the server. */
struct mcp_upward {
	struct str id;         /* raw */
	struct str object;     /* raw, in place of the client's; p NULL keeps that */
	struct str token;      /* raw, in place of a progressToken; p NULL: there is none */
	uint32_t capabilities; /* of the client, as far as Writ can relay them */
	bool wants_log;        /* else the server must send no notifications/message */
	enum mcp_log_level log_level;
	struct str responses, state; /* inputResponses and requestState, raw; p NULL: none */
};

/* A client's request of either era, as the next hop gets it. */
void mcp_upward_call(struct buf *out, const struct mcp_msg *m, const struct mcp_upward *u);

/*
 * A modern client's request for a server of the older era: what only the newer one has is left out,
 * since a server that knows both would take the request for one of that.
 */
void mcp_legacy_call(struct buf *out, const struct mcp_msg *m, const struct mcp_change *c);

/* A request of our own; `member` (raw, with its name: "cursor":"x") may be empty. */
void mcp_upward_request(struct buf *out, uint64_t id, enum mcp_method m, struct str member);

/* What of a client's capabilities a server may be told. */
#define MCP_CAP_UPWARD(caps)                                                                       \
	((caps) & (MCP_CAP_ROOTS | MCP_CAP_SAMPLING | MCP_CAP_SAMPLING_TOOLS |                     \
		   MCP_CAP_ELICITATION | MCP_CAP_ELICITATION_FORM | MCP_CAP_ELICITATION_URL))

/* The same, with what is only told and never asked for. */
#define MCP_CAP_TOLD(caps) (MCP_CAP_UPWARD(caps) | ((caps)&MCP_CAP_CLIENT_EXT_TASKS))

/* What a server says in its answer to server/discover. */
struct mcp_discovered {
	bool speaks; /* the one modern revision is among its supportedVersions */
	uint32_t capabilities;
	struct str instructions; /* decoded */
};

/* ERR_INVALID: not such an answer. */
enum err_code mcp_discovered_parse(struct arena *a, struct str result, struct mcp_discovered *ret,
				   struct err *err) MUST_USE;

/*
 * What an answer to a request of the modern era says about the server's era. Only errors that no
 * other revision has are evidence (MCP 2026-07-28 basic/versioning); a status is none.
 */
enum mcp_evidence {
	MCP_EVIDENCE_NONE = 0,
	MCP_EVIDENCE_MODERN,
	MCP_EVIDENCE_OTHER_REVISION, /* it wants one of its own list */
	MCP_EVIDENCE_SAME_REVISION,  /* which has the one that it was asked in: ask again */
};
enum mcp_evidence mcp_evidence_of(const struct mcp_msg *answer);

/* resultType; absent counts as complete, a value of no meaning here is UNKNOWN. */
enum mcp_result_type {
	MCP_RESULT_UNKNOWN = 0,
	MCP_RESULT_COMPLETE,
	MCP_RESULT_INPUT_REQUIRED,
	MCP_RESULT_TASK, /* of the tasks extension: mcp/task.h */
};
enum mcp_result_type mcp_result_type(const struct mcp_msg *answer);

/*
 * The answer of a modern server under the client's id. For a legacy client the members that its
 * revision does not have are left out; for a modern one serverInfo becomes Writ's, ttlMs stays, and
 * what is cached is the caller's alone: a server's word that something is the same for all is
 * not enough.
 */
void mcp_upward_answer(struct buf *out, const struct mcp_msg *answer, struct str id,
		       enum mcp_method method, enum mcp_version client);

/* ttlMs of a list, in ms; 0 when it says none or nonsense. At most a day. */
uint64_t mcp_upward_ttl(struct str result);

#endif
