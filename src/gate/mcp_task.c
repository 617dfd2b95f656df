/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests about tasks, and calls that become tasks. To fetch the result of one, to ask how it stands, to answer
 * what it asks and to cancel it are actions of their own: "task", about its server, with the tool in
 * context.input.
 *
 * The two kinds of tasks, of 2025-11-25 and of the extension of 2026-07-28, cannot stand for each other: the
 * one is asked for by the client, the other given by the server. Where client and server do not both
 * speak the older one, a call as a task is refused, and no task is invented; where they do not both speak the
 * newer one, the server does not hear of it and runs the call to its end.
 */
#include "gate/exchange.h"
#include "gate/tasks.h"

#include "mcp/lifecycle.h"
#include "mcp/upward.h"
#include "json/write.h"

static bool is_modern(const struct exchange *x)
{
	return x->version == MCP_MODERN;
}

/* "GATE/ID" taken apart. */
static bool split_gate(struct str id, unsigned *ret_gate, struct str *ret_id)
{
	struct str gate;
	uint64_t n;

	if (!mcp_task_split(id, &gate, ret_id) || !str_to_u64(gate, &n) || n > UINT8_MAX) {
		return false;
	}
	*ret_gate = (unsigned)n;
	return true;
}

/* The task that the request names, if it is the caller's. The entry may end meanwhile: texts are copied. */
bool mcp_task_find(struct exchange *x, struct str id, unsigned *ret_gate)
{
	struct arena *a = &x->req->arena;
	struct str server = x->endpoint->id;
	const struct gate_task *k;
	struct buf raw;

	*ret_gate = x->gate->index;
	if ((server.n == 0 && !mcp_task_split(id, &server, &id)) ||
	    (is_modern(x) && !split_gate(id, ret_gate, &id)) || *ret_gate != x->gate->index) {
		return false;
	}
	arena_reset(&x->gate->scratch);
	k = tasks_find(x->gate, server, id, x->agent);
	x->link = NULL;
	for (size_t i = 0; k && i < x->endpoint->n; i++) {
		struct link *l = x->endpoint->links[i];

		if (str_eq(l->id, server) && link_is_modern(l) == is_modern(x)) {
			x->link = l;
		}
	}
	if (!x->link) {
		return false;
	}
	x->task_id = arena_dup(a, id);
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

	if (is_modern(x)) {
		x->as_task = x->msg.method == MCP_TOOLS_CALL && link_is_modern(x->link) &&
			     (x->link->capabilities & MCP_CAP_EXT_TASKS) &&
			     (x->modern.capabilities & MCP_CAP_CLIENT_EXT_TASKS) &&
			     tasks_room(x->gate, x->agent);
		return MCP_ERROR_NONE;
	}
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

bool mcp_task_may_be_given(const struct exchange *x)
{
	/* The result of a task would come past what is to be taken out of it. */
	return is_modern(x) && (x->task_input.p || (x->as_task && !x->action.answer.redact));
}

bool mcp_task_take(struct exchange *x, const struct mcp_msg *said, bool *ret_bad)
{
	bool given = link_is_modern(x->link) && mcp_result_type(said) == MCP_RESULT_TASK;
	struct mcp_task_state state;
	struct mcp_task task;

	*ret_bad = false;
	if (given) {
		/* What it asks or says already it is to say where that is looked at. */
		*ret_bad = !mcp_task_may_be_given(x) || x->task_input.p ||
			   !mcp_task_given(&x->req->arena, said->result, &task) ||
			   !mcp_task_state_read(&x->req->arena, said->result, &state) ||
			   state.result.p || state.inputs.p;
	} else if (is_modern(x) || !x->as_task || said->kind != MCP_RESPONSE ||
		   !mcp_task_created(&x->req->arena, said->result, &task)) {
		return false;
	}
	*ret_bad = *ret_bad || !tasks_add(x->gate, x->link, &task, x->object, x->session);
	return true;
}

bool mcp_task_is_undeclared(struct exchange *x)
{
	struct buf data;
	bool offered = false;

	for (size_t i = 0; i < x->endpoint->n; i++) {
		const struct link *l = x->endpoint->links[i];

		/* What one offers that is not there yet nobody knows. */
		offered =
			offered || l->state != LINK_READY || (l->capabilities & MCP_CAP_EXT_TASKS);
	}
	if (!is_modern(x) || (x->modern.capabilities & MCP_CAP_CLIENT_EXT_TASKS)) {
		return false;
	}
	if (!offered) {
		mcp_fail(x, MCP_ERROR_METHOD);
		return true;
	}
	buf_init(&data, 256);
	buf_append(&data, STR("{\"requiredCapabilities\":"));
	mcp_client_capabilities_write(&data, MCP_CAP_CLIENT_EXT_TASKS, MCP_MODERN);
	buf_append_c(&data, '}');
	x->answer = gate_buf_take(x->gate, 4096);
	mcp_error_append_data(&x->answer, x->msg.id, MCP_ERROR_MISSING_CAPABILITY, x->version,
			      buf_str(&data));
	buf_done(&data);
	exchange_reply(x, 400);
	return true;
}

bool mcp_task_show(struct exchange *x, struct mcp_msg *m, struct buf *out)
{
	struct arena *a = &x->req->arena;
	struct str place = x->endpoint->id.n ? arena_printf(a, "%u", x->gate->index)
					     : arena_printf(a, STR_FMT "/%u", STR_ARG(x->link->id),
							    x->gate->index);
	struct mcp_msg shown;

	mcp_task_place(out, m, place);
	if (!place.p || out->failed ||
	    mcp_msg_parse(a, buf_str(out), &x->gate->json_limits, &shown, NULL) == MCP_INVALID) {
		return false;
	}
	*m = shown;
	return true;
}
