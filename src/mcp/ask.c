/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/ask.h"

#include "mcp/pick.h"
#include "mcp/splice.h"
#include "mcp/task.h"

bool mcp_ask_is(enum mcp_method m)
{
	return m == MCP_SAMPLE || m == MCP_ELICIT || m == MCP_ROOTS_LIST;
}

static bool is_type(struct str raw, enum json_type type)
{
	return raw.p && json_raw_type(raw) == type;
}

/* ---- elicitation ---- */

enum { E_MODE, E_MESSAGE, E_SCHEMA, E_URL, E_ID, E_TASK, E_N };

static bool pick_elicitation(struct arena *a, const struct mcp_msg *m, struct str *spans)
{
	static const struct str names[E_N] = {
		[E_MODE] = STR_INIT("mode"),
		[E_MESSAGE] = STR_INIT("message"),
		[E_SCHEMA] = STR_INIT("requestedSchema"),
		[E_URL] = STR_INIT("url"),
		[E_ID] = STR_INIT("elicitationId"),
		[E_TASK] = STR_INIT("task"),
	};

	return m->params.p && mcp_pick(a, m->params, names, E_N, spans);
}

/* The authority of an http URL is the machine of whoever opens it. */
static bool is_loopback(struct str rest)
{
	static const struct str hosts[] = {STR_INIT("localhost"), STR_INIT("127.0.0.1"),
					   STR_INIT("[::1]")};

	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		if (str_starts_with(rest, hosts[i])) {
			struct str after = str_from(rest, hosts[i].n);

			return after.n == 0 || after.p[0] == ':' || after.p[0] == '/' ||
			       after.p[0] == '?' || after.p[0] == '#';
		}
	}
	return false;
}

static bool url_ok(struct str url)
{
	struct str rest = str_from(url, 7);

	for (size_t i = 0; i < url.n; i++) {
		if ((unsigned char)url.p[i] <= 0x20 || url.p[i] == 0x7f || url.p[i] == '\\') {
			return false;
		}
	}
	if (str_starts_with(url, STR("https://"))) {
		return url.n > 8;
	}
	/* "http://localhost:1@elsewhere/": who it leads to stands behind the '@' */
	return str_starts_with(url, STR("http://")) && is_loopback(rest) &&
	       str_find(rest, '@') == rest.n;
}

static enum mcp_error check_url(struct arena *a, const struct str *spans,
				const struct mcp_session *s)
{
	struct str url, id;
	struct err err;

	if (s->version < MCP_2025_11_25 || !(s->capabilities & MCP_CAP_ELICITATION_URL) ||
	    !is_type(spans[E_URL], JSON_STRING) || !is_type(spans[E_ID], JSON_STRING) ||
	    json_unquote(a, spans[E_URL], &url, &err) || json_unquote(a, spans[E_ID], &id, &err)) {
		return MCP_ERROR_PARAMS;
	}
	return url_ok(url) && id.n && id.n <= MCP_ELICITATION_ID_MAX ? MCP_ERROR_NONE
								     : MCP_ERROR_PARAMS;
}

static enum mcp_error check_elicitation(struct arena *a, const struct mcp_msg *m,
					const struct mcp_session *s)
{
	struct str spans[E_N], mode = STR("form");
	struct err err;

	if (!pick_elicitation(a, m, spans) || !is_type(spans[E_MESSAGE], JSON_STRING) ||
	    spans[E_TASK].p ||
	    (spans[E_MODE].p && (!is_type(spans[E_MODE], JSON_STRING) ||
				 json_unquote(a, spans[E_MODE], &mode, &err)))) {
		return MCP_ERROR_PARAMS;
	}
	if (str_eq(mode, STR("url"))) {
		return check_url(a, spans, s);
	}
	/* Before modes there was one, whatever a client says of them. */
	if (!str_eq(mode, STR("form")) ||
	    (s->version >= MCP_2025_11_25 && !(s->capabilities & MCP_CAP_ELICITATION_FORM)) ||
	    !is_type(spans[E_SCHEMA], JSON_OBJECT)) {
		return MCP_ERROR_PARAMS;
	}
	return MCP_ERROR_NONE;
}

struct str mcp_ask_elicitation(struct arena *scratch, const struct mcp_msg *m)
{
	struct str spans[E_N], id;
	struct err err;

	if (m->method != MCP_ELICIT || !pick_elicitation(scratch, m, spans) || !spans[E_URL].p ||
	    !is_type(spans[E_ID], JSON_STRING) || json_unquote(scratch, spans[E_ID], &id, &err)) {
		return str_make(NULL, 0);
	}
	return id;
}

/* ---- sampling ---- */

static enum mcp_error check_sampling(struct arena *a, const struct mcp_msg *m,
				     const struct mcp_session *s)
{
	static const struct str names[] = {STR_INIT("messages"), STR_INIT("maxTokens"),
					   STR_INIT("tools"), STR_INIT("toolChoice"),
					   STR_INIT("task")};
	struct str spans[ARRAY_LEN(names)];

	if (!m->params.p || !mcp_pick(a, m->params, names, ARRAY_LEN(names), spans) ||
	    !is_type(spans[0], JSON_ARRAY) || !is_type(spans[1], JSON_NUMBER) || spans[4].p) {
		return MCP_ERROR_PARAMS;
	}
	if ((spans[2].p || spans[3].p) &&
	    (s->version < MCP_2025_11_25 || !(s->capabilities & MCP_CAP_SAMPLING_TOOLS))) {
		return MCP_ERROR_PARAMS;
	}
	return MCP_ERROR_NONE;
}

enum mcp_error mcp_ask_check(struct arena *scratch, const struct mcp_msg *m,
			     const struct mcp_session *s)
{
	ASSERT(m->kind == MCP_REQUEST && mcp_ask_is(m->method));
	if (!mcp_session_may_send(s, m->method)) {
		return MCP_ERROR_METHOD;
	}
	if (m->method == MCP_ELICIT) {
		return check_elicitation(scratch, m, s);
	}
	return m->method == MCP_SAMPLE ? check_sampling(scratch, m, s) : MCP_ERROR_NONE;
}

/* includeContext as it stands there; p NULL: it is not there, or the request is another. */
static struct str included_context(struct arena *a, const struct mcp_msg *m)
{
	static const struct str name = STR_INIT("includeContext");
	struct str span = {0};

	return m->method == MCP_SAMPLE && m->params.p && mcp_pick(a, m->params, &name, 1, &span)
		       ? span
		       : str_make(NULL, 0);
}

/* ---- what the two sides get ---- */

void mcp_ask_append(struct buf *out, struct arena *scratch, const struct mcp_msg *m, struct str id,
		    struct str server)
{
	UNSET struct mcp_patch p[7];
	struct str spans[E_N], task = server.n ? mcp_task_related(m->meta) : str_make(NULL, 0);
	struct str context = included_context(scratch, m);
	size_t n = 0;

	p[n++] = (struct mcp_patch){.at = m->id, .with = id};
	if (m->token.p) {
		p[n++] = (struct mcp_patch){.at = m->token, .with = id};
	}
	if (m->method == MCP_ELICIT && server.n && pick_elicitation(scratch, m, spans) &&
	    is_type(spans[E_MESSAGE], JSON_STRING)) {
		/* a server's id needs no escape, see mcp_server_id_ok */
		p[n++] = (struct mcp_patch){.at = str_make(spans[E_MESSAGE].p + 1, 0),
					    .with = STR("The server \\\"")};
		p[n++] = (struct mcp_patch){.at = str_make(spans[E_MESSAGE].p + 1, 0),
					    .with = server};
		p[n++] = (struct mcp_patch){.at = str_make(spans[E_MESSAGE].p + 1, 0),
					    .with = STR("\\\" asks: ")};
	}
	if (context.p) {
		p[n++] = (struct mcp_patch){.at = context, .with = STR("\"none\"")};
	}
	if (task.p) {
		p[n++] = (struct mcp_patch){.at = task, .with = server};
		p[n++] = (struct mcp_patch){.at = task, .with = STR("/")};
	}
	mcp_splice(out, m->whole, p, n);
}

void mcp_ask_refuse(struct buf *out, struct str id, enum mcp_method method, enum mcp_ask_end why)
{
	if (method != MCP_ELICIT) {
		mcp_error_append(out, id,
				 why == MCP_ASK_REFUSED ? MCP_ERROR_REJECTED : MCP_ERROR_UNANSWERED,
				 MCP_LEGACY_NEWEST);
		return;
	}
	buf_append(out, STR("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_append(out, id);
	buf_append(out, why == MCP_ASK_REFUSED ? STR(",\"result\":{\"action\":\"decline\"}}")
					       : STR(",\"result\":{\"action\":\"cancel\"}}"));
}
