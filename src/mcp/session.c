/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/session.h"

#include "json/walk.h"

static const struct str levels[MCP_LOG_LEVELS] = {
	[MCP_LOG_EMERGENCY] = STR_INIT("emergency"), [MCP_LOG_ALERT] = STR_INIT("alert"),
	[MCP_LOG_CRITICAL] = STR_INIT("critical"),   [MCP_LOG_ERROR] = STR_INIT("error"),
	[MCP_LOG_WARNING] = STR_INIT("warning"),     [MCP_LOG_NOTICE] = STR_INIT("notice"),
	[MCP_LOG_INFO] = STR_INIT("info"),           [MCP_LOG_DEBUG] = STR_INIT("debug"),
};

void mcp_session_init(struct mcp_session *s)
{
	*s = (struct mcp_session){.state = MCP_STATE_NEW};
	list_init(&s->in_flight);
}

void mcp_session_open(struct mcp_session *s, enum mcp_version v, uint32_t capabilities)
{
	ASSERT(s->state == MCP_STATE_NEW && mcp_version_is_legacy(v));
	s->version = (uint8_t)v;
	s->capabilities = capabilities;
	s->state = MCP_STATE_OPEN;
}

enum err_code mcp_session_receive(struct mcp_session *s, enum mcp_method m, struct err *err)
{
	struct str name = mcp_method_info(m)->name;

	if (s->state == MCP_STATE_NEW) {
		if (m == MCP_INITIALIZE || m == MCP_PING) {
			return ERR_OK;
		}
		return ERR(err, ERR_INVALID, "the session is not initialized");
	}
	if (m == MCP_INITIALIZE) {
		return ERR(err, ERR_INVALID, "the session is already initialized");
	}
	if (m == MCP_METHOD_UNKNOWN) {
		return ERR(err, ERR_NOT_FOUND, "unknown method");
	}
	if (!mcp_method_allowed(m, MCP_FROM_CLIENT, s->version)) {
		return ERR(err, ERR_NOT_FOUND, STR_FMT " is not for clients of revision " STR_FMT,
			   STR_ARG(name), STR_ARG(mcp_version_name(s->version)));
	}
	if (m == MCP_INITIALIZED) {
		s->state = MCP_STATE_READY;
	}
	return ERR_OK;
}

bool mcp_session_may_send(const struct mcp_session *s, enum mcp_method m)
{
	const struct mcp_method_info *i = mcp_method_info(m);
	uint32_t client_side = i->capability & 0xffff0000u;

	return s->state == MCP_STATE_READY && mcp_method_allowed(m, MCP_FROM_SERVER, s->version) &&
	       (s->capabilities & client_side) == client_side;
}

enum err_code mcp_session_begin(struct mcp_session *s, struct mcp_in_flight *r, struct err *err)
{
	list_init(&r->node);
	if (s->n_in_flight >= MCP_IN_FLIGHT_MAX) {
		return ERR(err, ERR_LIMIT, "%d requests of this session have no answer yet",
			   MCP_IN_FLIGHT_MAX);
	}
	list_append(&s->in_flight, &r->node);
	s->n_in_flight++;
	return ERR_OK;
}

void mcp_session_end(struct mcp_session *s, struct mcp_in_flight *r)
{
	if (!list_empty(&r->node)) {
		ASSERT(s->n_in_flight > 0);
		list_remove(&r->node);
		s->n_in_flight--;
	}
}

struct mcp_in_flight *mcp_session_find(const struct mcp_session *s, struct str id)
{
	struct mcp_in_flight *found = NULL;

	LIST_FOREACH (node, &s->in_flight) {
		struct mcp_in_flight *r = CONTAINER_OF(node, struct mcp_in_flight, node);

		if (r->method == MCP_INITIALIZE || !str_eq(r->id, id)) {
			continue;
		}
		if (found) {
			return NULL;
		}
		found = r;
	}
	return found;
}

bool mcp_log_level_find(struct str name, enum mcp_log_level *ret)
{
	for (enum mcp_log_level i = MCP_LOG_EMERGENCY; i < MCP_LOG_LEVELS; i++) {
		if (str_eq(levels[i], name)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

bool mcp_msg_log_level(struct arena *scratch, const struct mcp_msg *m, enum mcp_log_level *ret)
{
	struct str raw = mcp_msg_param(m, STR("level")), name;

	return raw.p && json_raw_type(raw) == JSON_STRING &&
	       json_unquote(scratch, raw, &name, NULL) == ERR_OK && mcp_log_level_find(name, ret);
}

struct str mcp_log_level_name(enum mcp_log_level level)
{
	ASSERT(level < MCP_LOG_LEVELS);
	return levels[level];
}

bool mcp_session_wants_log(const struct mcp_session *s, enum mcp_log_level level)
{
	return !s->log_level_set || level <= s->log_level;
}
