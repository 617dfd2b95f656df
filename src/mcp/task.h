/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks of revision 2025-11-25 (basic/utilities/tasks): a call that is answered at once by a task, whose
 * result is fetched later. Its id is the server's; on the endpoint of all servers it is written
 * "SERVER/ID" towards the client, wherever the protocol puts it: in the answers to tasks/get and its like,
 * in notifications/tasks/status, and in the _meta of what belongs to a task.
 *
 * Those of the extension io.modelcontextprotocol/tasks (of 2026-07-28): a server makes one of any call of a client
 * that declares it; the result is in the answer to tasks/get, and so are questions to the client, whose
 * answers go by tasks/update. A client of that revision has no session that would say which gate it
 * belongs to, so "SERVER/GATE/ID" says it; "GATE/ID" where the endpoint has one server.
 */
#ifndef MCP_TASK_H
#define MCP_TASK_H

#include "mcp/rpc.h"

enum { MCP_TASK_ID_MAX = 256 }; /* bytes of a server's id, decoded */

struct mcp_task {
	struct str id;   /* decoded */
	uint64_t ttl_ms; /* how long the server keeps it; UINT64_MAX: not said, or for ever */
};

/* Whether `result` is a task in place of a result; one whose id is unfit is none. */
bool mcp_task_created(struct arena *a, struct str result, struct mcp_task *ret);

/* The same of the extension: its resultType is "task". */
bool mcp_task_given(struct arena *a, struct str result, struct mcp_task *ret);

/* What an answer to tasks/get of the extension holds: raw, or p NULL. */
struct mcp_task_state {
	struct str result; /* of the call */
	struct str inputs; /* questions to the client, an object */
};

/* False: a member only resembles one of these. */
bool mcp_task_state_read(struct arena *a, struct str answer, struct mcp_task_state *ret) MUST_USE;

/* May a tool be called so? `tool` is the listed item, raw. */
bool mcp_task_supports(struct str tool);

/* "fs/ID" taken apart; false when it names no server. */
bool mcp_task_split(struct str id, struct str *ret_server, struct str *ret_id);

/* An answer that is about a task, or makes one, under `id`; `server` empty: ids stay as they are. */
void mcp_task_answer(struct buf *out, const struct mcp_msg *m, enum mcp_method method,
		     struct str id, struct str server);

/* The same of the extension, under the id that the message has; `place` is "SERVER/GATE" or "GATE". */
void mcp_task_place(struct buf *out, const struct mcp_msg *m, struct str place);

/* notifications/tasks/status, likewise. */
void mcp_task_status(struct buf *out, const struct mcp_msg *m, struct str server);

/*
 * The place in _meta where "SERVER/" goes in front of the id of the task that a message belongs to; p NULL:
 * it belongs to none.
 */
struct str mcp_task_related(struct str meta);

/* A client's answer to a question within a task, under `id`, with the task's id as the server knows it. */
void mcp_task_answer_inward(struct buf *out, const struct mcp_msg *m, struct str id,
			    struct str server);

#endif
