/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/redact.h"

#include "gate/rules_temporal.h"

enum { ROUNDS = DETECT_CLASSES + 1, MESSAGE_MAX = 34 << 20 };

/* Of a resource the arguments are its name, of a completion what is to be completed. */
static bool has_arguments(enum rules_kind kind)
{
	return kind == RULES_CALL_TOOL || kind == RULES_GET_PROMPT || kind == RULES_INFER;
}

static void add(struct detect_counts *to, const struct detect_counts *n)
{
	for (unsigned i = 0; i < DETECT_CLASSES; i++) {
		to->n[i] += n->n[i];
	}
}

/* "redacted: 1 email in the request, 2 card in the answer" */
static void note(struct action *a, const char *where)
{
	struct str said = detect_said(a->arena, &a->redacted);

	if (said.n) {
		a->finding = a->finding.n ? arena_printf(a->arena, STR_FMT "; " STR_FMT " in %s",
							 STR_ARG(a->finding), STR_ARG(said), where)
					  : arena_printf(a->arena, "redacted: " STR_FMT " in %s",
							 STR_ARG(said), where);
	}
}

/* The arguments without what was found, in the arena; p NULL: nothing was, or it failed. */
static struct str take_out(struct action *a, struct rules_query *q, bool *ret_failed)
{
	struct detect_counts n;
	struct str text = str_make(NULL, 0);
	struct buf out;
	struct err err;

	if (q->kind == RULES_INFER) {
		return a->on->redact(a, q, ret_failed);
	}
	buf_init(&out, 2 * RULES_INPUT_MAX);
	*ret_failed = detect_redact(q->input, a->answer.redact, &out, &n, &err) != ERR_OK;
	if (!*ret_failed && detect_total(&n) > 0) {
		text = arena_dup(a->arena, buf_str(&out));
		*ret_failed = !text.p;
		add(&a->redacted, &n);
	}
	buf_done(&out);
	return text;
}

static bool settle(struct action *a, struct rules_query *q)
{
	struct dw_event *event = a->answer.event;

	for (int i = 0; i < ROUNDS; i++) {
		bool failed;
		struct str text = take_out(a, q, &failed);

		if (failed) {
			return false;
		}
		if (!text.p) {
			return true;
		}
		a->input = q->input = text; /* of a model: what is told of it */
		q->again = true;
		rules_decide(a->rules, q, a->arena, &a->answer);
		a->answer.event = event;
		if (a->answer.outcome != POLICY_ALLOW || !a->answer.redact) {
			return true;
		}
	}
	return false;
}

void redact_request(struct action *a, struct rules_query *q)
{
	if (a->answer.outcome != POLICY_ALLOW || !has_arguments(q->kind) || !q->input.n) {
		return;
	}
	if (!settle(a, q)) {
		rules_refuse(&a->answer, a->arena, STR("writ.redact"), STR("redact"),
			     STR("the request could not be redacted"));
	}
	note(a, "the request");
}

static void put_around(struct buf *out, struct str whole, struct str part)
{
	buf_append(out, str_make(whole.p, (size_t)(part.p - whole.p)));
}

bool redact_arguments(struct action *a, struct mcp_msg *m, const struct json_opts *limits)
{
	struct mcp_msg changed;
	struct str text;
	struct buf out;
	struct err err;

	buf_init(&out, MESSAGE_MAX);
	put_around(&out, m->whole, m->arguments);
	buf_append(&out, a->input);
	buf_append(&out,
		   str_from(m->whole, (size_t)(m->arguments.p - m->whole.p) + m->arguments.n));
	text = out.failed ? str_make(NULL, 0) : arena_dup(a->arena, buf_str(&out));
	buf_done(&out);
	if (!text.p || mcp_msg_parse(a->arena, text, limits, &changed, &err) != MCP_REQUEST) {
		return false;
	}
	*m = changed;
	return true;
}

bool redact_message(struct action *a, struct mcp_msg *m, const struct json_opts *limits,
		    struct buf *out)
{
	struct str part = m->kind == MCP_RESPONSE         ? m->result
			  : m->kind == MCP_ERROR_RESPONSE ? m->error
							  : m->params;
	enum mcp_kind kind = m->kind;
	struct detect_counts n;
	struct mcp_msg changed;
	struct err err;

	if (!part.p) {
		return true;
	}
	put_around(out, m->whole, part);
	if (detect_redact(part, a->answer.redact, out, &n, &err)) {
		return false;
	}
	buf_append(out, str_from(m->whole, (size_t)(part.p - m->whole.p) + part.n));
	if (out->failed || mcp_msg_parse(a->arena, buf_str(out), limits, &changed, &err) != kind) {
		return false;
	}
	*m = changed;
	a->redacted = n;
	if (kind != MCP_NOTIFICATION) {
		note(a, "the answer");
	}
	return true;
}
