/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls against what their tools say of them: arguments before any policy sees them, results
 * before the agent does.
 */
#include "gate/exchange.h"

#include "mcp/contract.h"
#include "mcp/task.h"

#include <stdio.h>

/* An operator learns once for each list why a schema cannot be checked. */
static void tell(struct exchange *x, struct mcp_contract *c)
{
	char text[256];

	if (!c->why[0] || c->told) {
		return;
	}
	c->told = true;
	(void)snprintf(text, sizeof(text), "a schema of tool %.*s cannot be checked: %s",
		       (int)(x->object.n < 64 ? x->object.n : 64), x->object.p, c->why);
	gate_finding(x->gate, x->link->id,
		     str_is_utf8(str_from_c(text)) ? text : "a schema cannot be checked");
}

static struct mcp_contract *contract_of(struct exchange *x)
{
	struct mcp_contract *c =
		mcp_contract_of(&x->link->lists[MCP_LIST_TOOLS], x->object, &x->req->arena);

	if (c) {
		tell(x, c);
	}
	return c;
}

void mcp_check_arguments(struct exchange *x, struct rules_query *q)
{
	struct str says = STR("the tool's description cannot be read now");
	enum mcp_fit fit = MCP_FIT_UNKNOWN;
	const struct mcp_contract *c;
	bool fetches = x->msg.method == MCP_TASKS_RESULT ||
		       (x->msg.method == MCP_TASKS_GET && x->version == MCP_MODERN);

	x->unfit = x->promised = false;
	if ((x->msg.method != MCP_TOOLS_CALL && !fetches) || x->link->schemas == CONFIG_CHECK_OFF) {
		return;
	}
	c = contract_of(x);
	if (fetches) {
		x->promised = c && c->has_output; /* the arguments came with the call */
		return;
	}
	if (c) {
		x->promised = c->has_output;
		fit = mcp_contract_input(c, &x->req->arena, x->msg.arguments, &says);
	}
	if (fit == MCP_FIT_YES) {
		return;
	}
	if (x->link->schemas == CONFIG_CHECK_OBSERVE) {
		x->action.finding = STR("schema.arguments");
		return;
	}
	x->unfit = fit == MCP_FIT_NO;
	q->unfit = says.n ? says : STR("no memory to say why");
}

bool mcp_check_result(struct exchange *x, const struct mcp_msg *m, struct str *ret_says)
{
	enum mcp_fit fit = MCP_FIT_UNKNOWN;
	struct mcp_task_state task = {.result = m->result};
	const struct mcp_contract *c;

	if (!x->promised || m->kind != MCP_RESPONSE) {
		return true;
	}
	if (x->msg.method == MCP_TASKS_GET &&
	    mcp_task_state_read(&x->req->arena, m->result, &task) && !task.result.p) {
		return true; /* it has none yet */
	}
	*ret_says = STR("the tool changed while it was called");
	c = contract_of(x);
	if (c && c->has_output) {
		fit = mcp_contract_output(c, &x->req->arena, task.result, ret_says);
	}
	if (fit == MCP_FIT_YES) {
		return true;
	}
	x->action.finding = STR("schema.result");
	return x->link->schemas == CONFIG_CHECK_OBSERVE;
}
