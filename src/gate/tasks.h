/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks that servers keep for agents (mcp/task.h): which agent each belongs to. A task is its agent's; to
 * others it does not exist, whatever session or endpoint they ask through. Known to the gate where it was
 * made, for as long as the server said, and a day at most.
 */
#ifndef GATE_TASKS_H
#define GATE_TASKS_H

#include "crypto/sha256.h"
#include "gate/session.h"
#include "mcp/input.h"
#include "mcp/task.h"

struct gate;
struct link;

enum { TASKS_MAX = 4096, TASKS_OF_AGENT = 256 };

struct tasks {
	struct map by_name; /* "fs/ID" */
	struct list all;    /* oldest first */
	size_t n;
};

struct gate_task {
	struct list node;
	struct str server, id, tool, agent;
	struct str name; /* "fs/ID" */
	char session[SESSION_NAME_MAX + 8];
	uint64_t until;
	/* What it asks of the client: each question, and whether it may. The oldest make room. */
	struct task_asked {
		uint8_t digest[SHA256_LEN];
		bool may;
	} asked[MCP_INPUTS_MAX];
	size_t n_asked;
};

void tasks_init(struct tasks *t, struct hash_key seed);
void tasks_done(struct tasks *t);

/* May this agent have one more? Asked before the server makes it. */
bool tasks_room(struct gate *g, struct str agent);

/* False: no memory, or the server gave an id that is in use. Texts are copied. */
bool tasks_add(struct gate *g, const struct link *l, const struct mcp_task *task, struct str tool,
	       const struct session *s);

/* Borrowed; NULL when there is none of this agent. */
const struct gate_task *tasks_find(struct gate *g, struct str server, struct str id,
				   struct str agent);

/* Was it decided whether this task may ask this? `question` names it, and what it was decided by. */
bool tasks_asked(struct gate *g, struct str server, struct str id,
		 const uint8_t question[SHA256_LEN], bool *ret_may);
void tasks_note_asked(struct gate *g, struct str server, struct str id,
		      const uint8_t question[SHA256_LEN], bool may);

/* notifications/tasks/status of a server: to the session that made the task, and to no other. */
void tasks_status(struct link *l, const struct mcp_msg *m);

#endif
