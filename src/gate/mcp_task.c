/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests about tasks, and calls that become tasks. To fetch the result of one, to ask how it stands and to
 * cancel it are actions of their own: "task", about its server, with the tool in context.input.
 *
 * The two kinds of tasks, of 2025-11-25 and of the extension of 2026-07-28, cannot stand for each other: the
 * one is asked for by the client, the other given by the server. Where client and server do not both
 * speak the older one, a call as a task is refused, and no task is invented.
 */
#include "gate/exchange.h"
#include "gate/tasks.h"

#include "json/write.h"

/* The task that the request names, if it is the caller's. The entry may end meanwhile: texts are copied. */
bool mcp_task_find(struct exchange *x, struct str id)
{
	struct arena *a = &x->req->arena;
	struct str server = x->endpoint->id;
	const struct gate_task *k;
	struct buf raw;

	if (server.n == 0 && !mcp_task_split(id, &server, &id)) {
		return false;
	}
	arena_reset(&x->gate->scratch);
	k = tasks_find(x->gate, server, id, x->agent);
	x->link = NULL;
	for (size_t i = 0; k && i < x->endpoint->n; i++) {
		if (str_eq(x->endpoint->links[i]->id, server)) {
			x->link = x->endpoint->links[i];
		}
	}
	if (!x->link) {
		return false;
	}
	buf_init(&raw, 8 * MCP_TASK_ID_MAX);
	json_put_str(&raw, id);
	x->object = arena_dup(a, k->tool);
	x->object_raw = arena_dup(a, buf_str(&raw));
	buf_clear(&raw);
	buf_append(&raw, STR("{\"method\":\""));
	buf_append(&raw, mcp_method_info(x->msg.method)->name);
	buf_append(&raw, STR("\",\"tool\":"));
	json_put_str(&raw, k->tool);
	buf_append_c(&raw, '}');
	x->task_input = arena_dup(a, buf_str(&raw));
	x->object = raw.failed ? str_make(NULL, 0) : x->object;
	buf_done(&raw);
	return x->object.p && x->object_raw.p && x->task_input.p;
}

enum mcp_error mcp_task_wanted(struct exchange *x)
{
	const struct mcp_item *tool;

	x->as_task = false;
	if (!(x->link->capabilities & MCP_CAP_TASKS) || link_is_modern(x->link) ||
	    x->msg.method != MCP_TOOLS_CALL || !mcp_msg_param(&x->msg, STR("task")).p) {
		return MCP_ERROR_NONE;
	}
	tool = mcp_list_find(&x->link->lists[MCP_LIST_TOOLS], x->object);
	if (x->version != MCP_2025_11_25 || !tool || !mcp_task_supports(tool->raw)) {
		return MCP_ERROR_TASK;
	}
	x->as_task = true;
	return tasks_room(x->gate, x->agent) ? MCP_ERROR_NONE : MCP_ERROR_BUSY;
}

bool mcp_task_take(struct exchange *x, const struct mcp_msg *said, bool *ret_bad)
{
	struct mcp_task task;

	*ret_bad = false;
	if (!x->as_task || said->kind != MCP_RESPONSE ||
	    !mcp_task_created(&x->req->arena, said->result, &task)) {
		return false;
	}
	*ret_bad = !tasks_add(x->gate, x->link, &task, x->object, x->session);
	return true;
}
