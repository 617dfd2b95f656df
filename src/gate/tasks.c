/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/tasks.h"

#include "gate/gate.h"

#include <stdlib.h>

enum { TASK_KEPT_MS = 24 * 3600 * 1000 };

void tasks_init(struct tasks *t, struct hash_key seed)
{
	map_init(&t->by_name, seed);
	list_init(&t->all);
	t->n = 0;
}

static void forget(struct tasks *t, struct gate_task *k)
{
	(void)map_take(&t->by_name, k->name);
	list_remove(&k->node);
	t->n--;
	free(k);
}

void tasks_done(struct tasks *t)
{
	while (!list_empty(&t->all)) {
		forget(t, CONTAINER_OF(t->all.next, struct gate_task, node));
	}
	map_done(&t->by_name);
}

bool tasks_room(struct gate *g, struct str agent)
{
	struct tasks *t = &g->tasks;
	struct list *next;
	size_t n = 0;

	for (struct list *at = t->all.next; at != &t->all; at = next) {
		struct gate_task *k = CONTAINER_OF(at, struct gate_task, node);

		next = at->next;
		if (k->until <= g->loop.now) {
			forget(t, k);
		} else {
			n += str_eq(k->agent, agent);
		}
	}
	return t->n < TASKS_MAX && n < TASKS_OF_AGENT;
}

static struct str put(char **at, struct str text)
{
	struct str r = {*at, text.n};

	memcpy(*at, text.p, text.n);
	*at += text.n;
	return r;
}

/* "fs/ID" */
static struct str name_of(struct arena *a, struct str server, struct str id)
{
	return arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(server), STR_ARG(id));
}

bool tasks_add(struct gate *g, const struct link *l, const struct mcp_task *task, struct str tool,
	       const struct session *s)
{
	struct tasks *t = &g->tasks;
	struct str name = name_of(&g->scratch, l->id, task->id);
	uint64_t ms = task->ttl_ms < TASK_KEPT_MS ? task->ttl_ms : TASK_KEPT_MS;
	struct gate_task *k;
	char *at;

	if (!name.p || map_find(&t->by_name, name)) {
		return false;
	}
	k = calloc(1, sizeof(*k) + name.n + tool.n + s->agent.n);
	if (!k) {
		return false;
	}
	at = (char *)(k + 1);
	k->name = put(&at, name);
	k->server = str_make(k->name.p, l->id.n);
	k->id = str_from(k->name, l->id.n + 1);
	k->tool = put(&at, tool);
	k->agent = put(&at, s->agent);
	memcpy(k->session, s->id, sizeof(k->session));
	k->until = g->loop.now + ms * CLOCK_MS;
	if (!map_put(&t->by_name, k->name, k)) {
		free(k);
		return false;
	}
	list_append(&t->all, &k->node);
	t->n++;
	return true;
}

static struct gate_task *find_any(struct gate *g, struct str server, struct str id)
{
	struct str name = name_of(&g->scratch, server, id);

	return name.p ? map_find(&g->tasks.by_name, name) : NULL;
}

const struct gate_task *tasks_find(struct gate *g, struct str server, struct str id,
				   struct str agent)
{
	const struct gate_task *k = find_any(g, server, id);

	return k && k->until > g->loop.now && str_eq(k->agent, agent) ? k : NULL;
}

bool tasks_asked(struct gate *g, struct str server, struct str id,
		 const uint8_t question[SHA256_LEN], bool *ret_may)
{
	const struct gate_task *k = find_any(g, server, id);

	for (size_t i = 0; k && i < k->n_asked && i < ARRAY_LEN(k->asked); i++) {
		if (memcmp(k->asked[i].digest, question, SHA256_LEN) == 0) {
			*ret_may = k->asked[i].may;
			return true;
		}
	}
	return false;
}

void tasks_note_asked(struct gate *g, struct str server, struct str id,
		      const uint8_t question[SHA256_LEN], bool may)
{
	struct gate_task *k = find_any(g, server, id);
	struct task_asked *at = k ? &k->asked[k->n_asked++ % ARRAY_LEN(k->asked)] : NULL;

	if (at) {
		memcpy(at->digest, question, SHA256_LEN);
		at->may = may;
	}
}

void tasks_status(struct link *l, const struct mcp_msg *m)
{
	struct gate *g = l->gate;
	const struct gate_task *k;
	struct session *s;
	struct buf out;
	struct str id;

	if (!m->object.p || json_unquote(&g->scratch, m->object, &id, NULL)) {
		return;
	}
	k = find_any(g, l->id, id);
	s = k ? session_find(&g->sessions, str_from_c(k->session)) : NULL;
	if (!s || !str_eq(s->agent, k->agent) || !mcp_session_may_send(&s->mcp, MCP_TASKS_STATUS)) {
		return;
	}
	out = gate_buf_take(g, 34 << 20);
	mcp_task_status(&out, m, s->endpoint.n ? STR("") : l->id);
	if (!out.failed) {
		gate_session_tell(g, s, buf_str(&out));
	}
	gate_buf_give(g, &out);
}
