/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/denied.h"

#include "json/write.h"

enum { REASON_MAX = 512, POLICY_MAX = 128, RETRY_MAX = 64, SCOPES_MAX = 512 };

static struct str cut(struct str s, size_t max)
{
	return str_make(s.p, s.n < max ? s.n : max);
}

static struct str decision_name(enum mcp_refusal_kind kind)
{
	switch (kind) {
	case MCP_REFUSAL_DENIED:
	case MCP_REFUSAL_PERSON:
		return STR("deny");
	case MCP_REFUSAL_ASK:
	case MCP_REFUSAL_UNHEARD:
		return STR("ask");
	case MCP_REFUSAL_UNAVAILABLE:
		return STR("unavailable");
	case MCP_REFUSAL_ARGUMENTS:
		return STR("invalid");
	case MCP_REFUSAL_WITHHELD:
		return STR("withheld");
	}
	return STR("deny");
}

static struct str ending(enum mcp_refusal_kind kind)
{
	switch (kind) {
	case MCP_REFUSAL_ASK:
		return STR(" Nobody can be asked about it now: repeat it later.");
	case MCP_REFUSAL_UNHEARD:
		return STR(" Repeat it when somebody is there to answer.");
	case MCP_REFUSAL_PERSON:
		return STR(" Do not repeat it.");
	case MCP_REFUSAL_DENIED:
	case MCP_REFUSAL_UNAVAILABLE:
	case MCP_REFUSAL_ARGUMENTS:
	case MCP_REFUSAL_WITHHELD:
		break;
	}
	return STR(" Repeating it will not help; ask whoever owns the policy.");
}

static void say_record(struct buf *b, const struct mcp_refusal *r)
{
	if (r->has_record) {
		buf_append(b, STR(" Ledger record "));
		buf_append_u64(b, r->record);
		buf_append_c(b, '.');
	}
}

static void say(struct buf *b, const struct mcp_refusal *r)
{
	switch (r->kind) {
	case MCP_REFUSAL_ARGUMENTS:
		buf_append(b, STR("The arguments of this call do not fit what the tool says of "
				  "them: "));
		buf_append(b, cut(r->reason, REASON_MAX));
		buf_append(b, STR(". It was not made."));
		say_record(b, r);
		buf_append(b, STR(" Correct the arguments and call again."));
		return;
	case MCP_REFUSAL_WITHHELD:
		buf_append(b, STR("The call was made, but Writ withheld its result: it does not "
				  "fit what the tool says of it: "));
		buf_append(b, cut(r->reason, REASON_MAX));
		buf_append_c(b, '.');
		say_record(b, r);
		return;
	case MCP_REFUSAL_DENIED:
		buf_append(b, STR("Writ refused this call"));
		break;
	case MCP_REFUSAL_ASK:
		buf_append(
			b,
			r->step_up.n ? STR("Writ refused this call")
			: r->retry_after.n
				? STR("Writ holds this call back for now")
				: STR("Writ refused this call, which only a person can approve"));
		break;
	case MCP_REFUSAL_PERSON:
		buf_append(b, STR("Writ asked a person about this call, who said no"));
		break;
	case MCP_REFUSAL_UNHEARD:
		buf_append(b, STR("Writ asked a person about this call, and nobody answered"));
		break;
	case MCP_REFUSAL_UNAVAILABLE:
		buf_append(b, STR("Writ cannot let this call through now; it was not made. "
				  "Try again later."));
		return;
	}
	if (r->policy.n) {
		buf_append(b, STR(": policy \""));
		buf_append(b, cut(r->policy, POLICY_MAX));
		buf_append_c(b, '"');
	} else {
		buf_append(b, STR(": no policy permits it"));
	}
	if (r->reason.n) {
		buf_append(b, STR(": "));
		buf_append(b, cut(r->reason, REASON_MAX));
	}
	buf_append(b, r->reason.n && str_ends_with(cut(r->reason, REASON_MAX), STR("."))
			      ? STR(" It was not made.")
			      : STR(". It was not made."));
	say_record(b, r);
	if (r->kind == MCP_REFUSAL_ASK && r->retry_after.n) {
		buf_append(b, STR(" Repeat it after "));
		buf_append(b, cut(r->retry_after, RETRY_MAX));
		buf_append_c(b, '.');
		return;
	}
	if (r->kind == MCP_REFUSAL_ASK && r->step_up.n) {
		buf_append(b, STR(" Repeat it with a token that has the scope "));
		buf_append(b, cut(r->step_up, SCOPES_MAX));
		buf_append_c(b, '.');
		return;
	}
	buf_append(b, ending(r->kind));
}

/* The same for programs. */
static void write_decision(struct json_writer *w, const struct mcp_refusal *r)
{
	json_w_object(w);
	json_w_member_str(w, STR("decision"), decision_name(r->kind));
	if (r->policy.n) {
		json_w_member_str(w, STR("policy"), cut(r->policy, POLICY_MAX));
	}
	if (r->reason.n) {
		json_w_member_str(w, STR("reason"), cut(r->reason, REASON_MAX));
	}
	if (r->retry_after.n) {
		json_w_member_str(w, STR("retry_after"), cut(r->retry_after, RETRY_MAX));
	}
	if (r->step_up.n) {
		json_w_member_str(w, STR("step_up"), cut(r->step_up, SCOPES_MAX));
	}
	if (r->has_record) {
		json_w_member_u64(w, STR("record"), r->record);
	}
	json_w_end(w);
}

static void tool_result(struct buf *out, struct str id, enum mcp_version v,
			const struct mcp_refusal *r, struct str text)
{
	struct json_writer w = json_writer(out);

	buf_append(out, STR("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_append(out, id);
	buf_append(out, STR(",\"result\":"));
	json_w_object(&w);
	if (v == MCP_MODERN) {
		json_w_member_str(&w, STR("resultType"), STR("complete"));
	}
	json_w_key(&w, STR("content"));
	json_w_array(&w);
	json_w_object(&w);
	json_w_member_str(&w, STR("type"), STR("text"));
	json_w_member_str(&w, STR("text"), text);
	json_w_end(&w);
	json_w_end(&w);
	json_w_member_bool(&w, STR("isError"), true);
	json_w_key(&w, STR("_meta"));
	json_w_object(&w);
	json_w_key(&w, STR("writ/decision"));
	write_decision(&w, r);
	json_w_end(&w);
	json_w_end(&w);
	buf_append_c(out, '}');
}

void mcp_denied_append(struct buf *out, const struct mcp_msg *m, enum mcp_version v,
		       const struct mcp_refusal *r)
{
	struct buf text;

	ASSERT(m->id.p);
	buf_init(&text, 4096);
	if (m->method == MCP_TOOLS_CALL) {
		say(&text, r);
		tool_result(out, m->id, v, r, buf_str(&text));
	} else {
		struct json_writer w = json_writer(&text);

		write_decision(&w, r);
		mcp_error_append_data(out, m->id,
				      r->kind == MCP_REFUSAL_UNAVAILABLE ? MCP_ERROR_NO_RECORD
									 : MCP_ERROR_DENIED,
				      v, buf_str(&text));
	}
	out->failed |= text.failed;
	buf_done(&text);
}
