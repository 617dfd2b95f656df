/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/rpc.h"

#include "mcp/pick.h"

/* Names that Writ itself reads; whoever imitates one of them is refused. */
static const struct str envelope_names[] = {
	STR_INIT("jsonrpc"), STR_INIT("id"),     STR_INIT("method"),
	STR_INIT("params"),  STR_INIT("result"), STR_INIT("error"),
};
static const struct str params_names[] = {
	STR_INIT("name"),
	STR_INIT("arguments"),
	STR_INIT("_meta"),
	STR_INIT("uri"),
	STR_INIT("ref"),
	STR_INIT("taskId"),
	STR_INIT("cursor"),
	STR_INIT("requestId"),
	STR_INIT("progressToken"),
	STR_INIT("protocolVersion"),
	STR_INIT("capabilities"),
	STR_INIT("level"),
	STR_INIT("requestState"),
	STR_INIT("argument"),
	STR_INIT("inputResponses"),
};
static const struct str meta_names[] = {
	STR_INIT("progressToken"),
	STR_INIT("io.modelcontextprotocol/protocolVersion"),
	STR_INIT("io.modelcontextprotocol/clientCapabilities"),
	STR_INIT("io.modelcontextprotocol/clientInfo"),
	STR_INIT("io.modelcontextprotocol/logLevel"),
};
static const struct str ref_names[] = {STR_INIT("type"), STR_INIT("name"), STR_INIT("uri")};

static bool is_type(struct str raw, enum json_type type)
{
	return raw.p && json_raw_type(raw) == type;
}

static bool absent_or(struct str raw, enum json_type type)
{
	return !raw.p || json_raw_type(raw) == type;
}

/* MCP basic: an id is a string or an integer; never null, never a fraction. */
static bool is_id(struct str raw)
{
	if (!raw.p || raw.n > MCP_ID_MAX) {
		return false;
	}
	if (json_raw_type(raw) == JSON_STRING) {
		return true;
	}
	if (json_raw_type(raw) != JSON_NUMBER) {
		return false;
	}
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] == '.' || raw.p[i] == 'e' || raw.p[i] == 'E') {
			return false;
		}
	}
	return true;
}

static enum mcp_kind invalid(struct mcp_msg *m, enum mcp_error fault, struct err *why,
			     const char *text)
{
	err_ignore(ERR(why, ERR_INVALID, "%s", text)); /* the fault is the result */
	m->kind = MCP_INVALID;
	m->fault = fault;
	return MCP_INVALID;
}

enum { P_NAME, P_ARGUMENTS, P_META, P_URI, P_REF, P_TASK, P_CURSOR, P_REQUEST_ID, P_TOKEN };
enum { R_TYPE, R_NAME, R_URI };

/* completion/complete: params.ref is a prompt's name or a resource's URI, told apart by its type.
 */
static bool take_ref(struct arena *scratch, struct mcp_msg *m, struct str ref)
{
	struct str r[ARRAY_LEN(ref_names)], type;

	if (!is_type(ref, JSON_OBJECT) ||
	    !mcp_pick(scratch, ref, ref_names, ARRAY_LEN(ref_names), r) || !r[R_TYPE].p ||
	    json_unquote(scratch, r[R_TYPE], &type, NULL)) {
		return false;
	}
	m->object_is_uri = str_eq(type, STR("ref/resource"));
	if (!m->object_is_uri && !str_eq(type, STR("ref/prompt"))) {
		return false;
	}
	m->object = m->object_is_uri ? r[R_URI] : r[R_NAME];
	return true;
}

static bool take_object(struct arena *scratch, struct mcp_msg *m, const struct str *p)
{
	switch (mcp_method_info(m->method)->object) {
	case MCP_OBJECT_NONE:
		return true;
	case MCP_OBJECT_NAME:
		m->object = p[P_NAME];
		break;
	case MCP_OBJECT_URI:
		m->object = p[P_URI];
		m->object_is_uri = true;
		break;
	case MCP_OBJECT_TASK:
		m->object = p[P_TASK];
		break;
	case MCP_OBJECT_REF:
		if (!take_ref(scratch, m, p[P_REF])) {
			return false;
		}
		break;
	}
	return is_type(m->object, JSON_STRING);
}

static bool take_meta(struct arena *scratch, struct mcp_msg *m, struct str meta)
{
	struct str r[ARRAY_LEN(meta_names)];

	if (!absent_or(meta, JSON_OBJECT)) {
		return false;
	}
	m->meta = meta;
	if (!meta.p) {
		return true;
	}
	if (!mcp_pick(scratch, meta, meta_names, ARRAY_LEN(meta_names), r)) {
		return false;
	}
	m->token = r[0];
	m->modern_version = r[1];
	return !m->token.p || is_id(m->token);
}

/*
 * A modern request with a method that only the legacy era has is answered "method
 * not found", whatever its params are: MCP 2026-07-28 basic/transports.
 */
static bool left_the_protocol(const struct mcp_msg *m)
{
	return mcp_method_info(m->method)->last != MCP_MODERN && m->modern_version.p;
}

static enum mcp_kind take_params(struct arena *scratch, struct mcp_msg *m, struct err *why)
{
	struct str p[ARRAY_LEN(params_names)] = {{NULL, 0}};

	if (m->params.p &&
	    !mcp_pick(scratch, m->params, params_names, ARRAY_LEN(params_names), p)) {
		return invalid(m, MCP_ERROR_REQUEST, why,
			       "params hold a name that imitates a protocol name");
	}
	m->arguments = p[P_ARGUMENTS];
	m->cursor = p[P_CURSOR];
	m->request_id = p[P_REQUEST_ID];
	if (!absent_or(m->arguments, JSON_OBJECT) || !absent_or(m->cursor, JSON_STRING)) {
		return invalid(m, MCP_ERROR_PARAMS, why, "arguments or cursor of a wrong type");
	}
	if (!take_meta(scratch, m, p[P_META])) {
		return invalid(m, MCP_ERROR_PARAMS, why, "_meta is not usable");
	}
	if (!take_object(scratch, m, p) && !left_the_protocol(m)) {
		return invalid(m, MCP_ERROR_PARAMS, why, "params do not name their object");
	}
	if (m->method == MCP_PROGRESS) {
		m->token = p[P_TOKEN];
		if (!is_id(m->token)) {
			return invalid(m, MCP_ERROR_PARAMS, why, "progress without a token");
		}
	}
	if (m->method == MCP_CANCELLED && m->request_id.p && !is_id(m->request_id)) {
		return invalid(m, MCP_ERROR_PARAMS, why, "requestId is no id");
	}
	return m->kind;
}

static enum mcp_kind take_call(struct arena *scratch, struct mcp_msg *m, struct str method,
			       struct str params, struct err *why)
{
	enum mcp_shape shape;

	if (json_unquote(scratch, method, &m->method_text, why)) {
		return invalid(m, MCP_ERROR_REQUEST, why, "method is not a string");
	}
	if (m->result.p || m->error.p) {
		return invalid(m, MCP_ERROR_REQUEST, why, "both a call and an answer");
	}
	if (!absent_or(params, JSON_OBJECT)) {
		return invalid(m, MCP_ERROR_REQUEST, why, "params is not an object");
	}
	m->params = params;
	m->method = mcp_method_find(m->method_text);
	m->kind = m->id.p ? MCP_REQUEST : MCP_NOTIFICATION;
	shape = m->id.p ? MCP_SHAPE_REQUEST : MCP_SHAPE_NOTIFICATION;
	if (m->method && mcp_method_info(m->method)->shape != shape) {
		return invalid(m, MCP_ERROR_REQUEST, why,
			       m->id.p ? "a notification with an id" : "a request without an id");
	}
	return take_params(scratch, m, why);
}

static bool error_is_ok(struct arena *scratch, struct str error)
{
	static const struct str names[] = {STR_INIT("code"), STR_INIT("message")};
	struct str r[ARRAY_LEN(names)];

	return is_type(error, JSON_OBJECT) &&
	       mcp_pick(scratch, error, names, ARRAY_LEN(names), r) && is_type(r[0], JSON_NUMBER) &&
	       is_id(r[0]) && is_type(r[1], JSON_STRING);
}

static enum mcp_kind take_answer(struct arena *scratch, struct mcp_msg *m, struct err *why)
{
	if ((m->result.p != NULL) == (m->error.p != NULL)) {
		return invalid(m, MCP_ERROR_REQUEST, why, "neither a call nor one answer");
	}
	if (m->error.p) {
		if (!error_is_ok(scratch, m->error)) {
			return invalid(m, MCP_ERROR_REQUEST, why, "error is not an error object");
		}
		m->kind = MCP_ERROR_RESPONSE;
		return m->kind;
	}
	if (!m->id.p || json_raw_type(m->result) != JSON_OBJECT) {
		return invalid(m, MCP_ERROR_REQUEST, why,
			       m->id.p ? "result is not an object" : "an answer without an id");
	}
	m->kind = MCP_RESPONSE;
	return m->kind;
}

enum { E_JSONRPC, E_ID, E_METHOD, E_PARAMS, E_RESULT, E_ERROR, E_MAX };

static enum mcp_kind take_envelope(struct arena *scratch, struct mcp_msg *m,
				   const struct json_scan *scan, struct err *why)
{
	struct str e[E_MAX] = {{NULL, 0}};
	bool null_id, imitated = false;

	if (scan->n > JSON_SCAN_MEMBERS) {
		return invalid(m, MCP_ERROR_REQUEST, why, "too many members in the envelope");
	}
	for (size_t i = 0; i < scan->n; i++) {
		size_t k;

		if (!mcp_key_is_plain(scratch, &scan->members[i], envelope_names, E_MAX, &k)) {
			imitated = true;
		} else if (k < E_MAX) {
			e[k] = scan->members[i].value;
		}
	}
	/* an answer to a message whose id could not be read may carry a null id */
	null_id = str_eq(e[E_ID], STR("null")) && e[E_ERROR].p && !e[E_METHOD].p;
	if (e[E_ID].p && !null_id && !is_id(e[E_ID])) {
		return invalid(m, MCP_ERROR_REQUEST, why, "id is not a string or an integer");
	}
	if (!null_id) {
		m->id = e[E_ID];
	}
	m->answerable = m->id.p && e[E_METHOD].p;
	if (imitated) {
		return invalid(m, MCP_ERROR_REQUEST, why, "a name imitates a name of the envelope");
	}
	if (!str_eq(e[E_JSONRPC], STR("\"2.0\""))) {
		return invalid(m, MCP_ERROR_REQUEST, why, "jsonrpc is not \"2.0\"");
	}
	m->result = e[E_RESULT];
	m->error = e[E_ERROR];
	if (e[E_METHOD].p) {
		return take_call(scratch, m, e[E_METHOD], e[E_PARAMS], why);
	}
	return take_answer(scratch, m, why);
}

enum mcp_kind mcp_msg_parse(struct arena *scratch, struct str text, const struct json_opts *opts,
			    struct mcp_msg *ret, struct err *why)
{
	UNSET struct json_scan scan;
	enum err_code code;

	*ret = (struct mcp_msg){.kind = MCP_INVALID};
	code = json_scan(scratch, text, opts, &scan, why);
	if (code) {
		ret->fault = code == ERR_LIMIT || code == ERR_NOMEM ? MCP_ERROR_TOO_LARGE
								    : MCP_ERROR_PARSE;
		return MCP_INVALID;
	}
	ret->whole = scan.value;
	if (scan.type != JSON_OBJECT) {
		return invalid(ret, scan.type == JSON_ARRAY ? MCP_ERROR_BATCH : MCP_ERROR_REQUEST,
			       why, "the message is not an object");
	}
	return take_envelope(scratch, ret, &scan, why);
}

struct str mcp_msg_param(const struct mcp_msg *m, struct str key)
{
	struct str r = {NULL, 0};

	if (m->params.p) {
		(void)json_scan_members(m->params, &key, 1, &r, NULL);
	}
	return r;
}
