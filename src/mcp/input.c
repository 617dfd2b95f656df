/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/input.h"

#include "mcp/ask.h"
#include "mcp/lifecycle.h"
#include "mcp/modern.h"
#include "mcp/pick.h"
#include "json/write.h"

static bool is_type(struct str raw, enum json_type type)
{
	return raw.p && json_raw_type(raw) == type;
}

static struct str member(struct str object, struct str name)
{
	struct str r = {NULL, 0};

	(void)json_scan_members(object, &name, 1, &r, NULL);
	return r;
}

/* The raw string of a member's name. */
static struct str key_of(const struct json_member *m)
{
	return str_make(m->key.p - 1, m->key.n + 2);
}

/* ---- what a server asks ---- */

/* The older era wants an id for a page to open; the newer one has none. */
static struct str params_with_id(struct arena *a, struct str params, struct str key)
{
	struct json_walk w = json_walk(params);
	struct json_member first;

	if (!str_eq(member(params, STR("mode")), STR("\"url\"")) ||
	    member(params, STR("elicitationId")).p || !json_walk_next(&w, &first)) {
		return params;
	}
	return arena_printf(a, "{\"elicitationId\":" STR_FMT "," STR_FMT, STR_ARG(key),
			    STR_ARG(str_from(params, 1)));
}

static enum err_code take_request(struct arena *a, struct str key, struct str raw,
				  struct mcp_inputs *ret, struct err *err)
{
	const struct str names[] = {STR("method"), STR("params")};
	struct str spans[2], name, params = STR("{}");

	if (!is_type(raw, JSON_OBJECT) || !mcp_pick(a, raw, names, 2, spans) ||
	    !is_type(spans[0], JSON_STRING) || json_unquote(a, spans[0], &name, NULL) ||
	    !mcp_ask_is(mcp_method_find(name)) || (spans[1].p && !is_type(spans[1], JSON_OBJECT))) {
		return ERR(err, ERR_INVALID, "an input request that is none");
	}
	if (ret->n == MCP_INPUTS_MAX || key.n > MCP_INPUT_KEY_MAX) {
		return ERR(err, ERR_LIMIT, "more than %d input requests, or a key past %d bytes",
			   MCP_INPUTS_MAX, MCP_INPUT_KEY_MAX);
	}
	if (spans[1].p) {
		params = params_with_id(a, spans[1], key);
	}
	ret->requests[ret->n] = arena_printf(a,
					     "{\"jsonrpc\":\"2.0\",\"id\":" STR_FMT
					     ",\"method\":\"" STR_FMT "\",\"params\":" STR_FMT "}",
					     STR_ARG(key), STR_ARG(name), STR_ARG(params));
	return ret->requests[ret->n++].p ? ERR_OK : ERR(err, ERR_NOMEM, "no memory for a question");
}

enum err_code mcp_inputs_parse(struct arena *a, struct str result, struct mcp_inputs *ret,
			       struct err *err)
{
	const struct str names[] = {STR("inputRequests"), STR("requestState"), STR("resultType")};
	struct str spans[ARRAY_LEN(names)];
	struct json_member m;

	*ret = (struct mcp_inputs){.n = 0};
	if (!mcp_pick(a, result, names, ARRAY_LEN(names), spans) ||
	    (spans[0].p && !is_type(spans[0], JSON_OBJECT)) ||
	    (spans[1].p && !is_type(spans[1], JSON_STRING)) || (!spans[0].p && !spans[1].p)) {
		return ERR(err, ERR_INVALID, "neither inputRequests nor requestState");
	}
	if (spans[1].n > MCP_INPUT_STATE_MAX) {
		return ERR(err, ERR_LIMIT, "a requestState past %d bytes", MCP_INPUT_STATE_MAX);
	}
	ret->state = spans[1];
	for (struct json_walk w = json_walk(spans[0]); spans[0].p && json_walk_next(&w, &m);) {
		TRY(take_request(a, key_of(&m), m.value, ret, err));
	}
	return ERR_OK;
}

/* ---- what a client is asked ---- */

void mcp_input_key(struct buf *out, const struct mcp_msg *m)
{
	bool quoted = json_raw_type(m->id) == JSON_STRING;

	buf_append(out, quoted ? STR("") : STR("\""));
	buf_append(out, m->id);
	buf_append(out, quoted ? STR("") : STR("\""));
}

/* Its params, as text for people says who asks, without what the modern era does not have. */
static void put_params(struct buf *out, const struct mcp_msg *asked)
{
	const struct str gone[] = {STR("elicitationId"), STR("task")};
	struct json_member p;
	bool any = false;

	buf_append_c(out, '{');
	for (struct json_walk w = json_walk(asked->params);
	     asked->params.p && json_walk_next(&w, &p);) {
		if (str_eq(p.key, gone[0]) || str_eq(p.key, gone[1])) {
			continue;
		}
		buf_append(out, any ? STR(",\"") : STR("\""));
		buf_append(out, p.key);
		buf_append(out, STR("\":"));
		buf_append(out, p.value);
		any = true;
	}
	buf_append_c(out, '}');
}

void mcp_input_append(struct buf *out, struct arena *scratch, const struct mcp_msg *m,
		      struct str server)
{
	struct mcp_msg stamped;
	struct buf whole;

	buf_init(&whole, m->whole.n + 1024);
	mcp_ask_append(&whole, scratch, m, STR("0"), server);
	if (whole.failed ||
	    mcp_msg_parse(scratch, buf_str(&whole), NULL, &stamped, NULL) != MCP_REQUEST) {
		out->failed = true;
	} else {
		mcp_input_key(out, m);
		buf_append(out, STR(":{\"method\":\""));
		buf_append(out, mcp_method_info(m->method)->name);
		buf_append(out, STR("\",\"params\":"));
		put_params(out, &stamped);
		buf_append_c(out, '}');
	}
	buf_done(&whole);
}

void mcp_input_required(struct buf *out, struct str id, struct str inputs, struct str state)
{
	buf_append(out, STR("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_append(out, id);
	buf_append(out, STR(",\"result\":{\"resultType\":\"input_required\",\"inputRequests\":{"));
	buf_append(out, inputs);
	buf_append(out, STR("},\"requestState\":"));
	json_put_str(out, state);
	buf_append(out, STR(",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":"));
	mcp_server_info(out);
	buf_append(out, STR("}}}"));
}

/* ---- what a client sends along ---- */

enum mcp_error mcp_supplied_parse(struct arena *a, const struct mcp_msg *m,
				  struct mcp_supplied *ret)
{
	struct str state = mcp_msg_param(m, STR("requestState"));

	*ret = (struct mcp_supplied){.responses = mcp_msg_param(m, STR("inputResponses"))};
	if ((ret->responses.p && !is_type(ret->responses, JSON_OBJECT)) ||
	    (state.p && (!is_type(state, JSON_STRING) || state.n > MCP_INPUT_STATE_MAX ||
			 json_unquote(a, state, &ret->state, NULL)))) {
		return MCP_ERROR_PARAMS;
	}
	return MCP_ERROR_NONE;
}

static bool could_answer(const struct mcp_msg *m, struct str value)
{
	if (!is_type(value, JSON_OBJECT)) {
		return false;
	}
	switch ((int)m->method) {
	case MCP_ELICIT:
		return is_type(member(value, STR("action")), JSON_STRING);
	case MCP_ROOTS_LIST:
		return is_type(member(value, STR("roots")), JSON_ARRAY);
	default:
		return member(value, STR("content")).p != NULL;
	}
}

struct str mcp_supplied_find(struct arena *a, struct str responses, const struct mcp_msg *m)
{
	struct str wanted = m->id, key;
	struct json_member r;

	if (json_raw_type(m->id) == JSON_STRING && json_unquote(a, m->id, &wanted, NULL)) {
		return str_make(NULL, 0);
	}
	for (struct json_walk w = json_walk(responses); responses.p && json_walk_next(&w, &r);) {
		if (json_unquote(a, key_of(&r), &key, NULL) == ERR_OK && str_eq(key, wanted)) {
			return could_answer(m, r.value) ? r.value : str_make(NULL, 0);
		}
	}
	return str_make(NULL, 0);
}
