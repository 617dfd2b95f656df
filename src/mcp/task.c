/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/task.h"

#include "mcp/pick.h"
#include "mcp/splice.h"

static struct str member(struct str object, struct str name)
{
	struct str r = {NULL, 0};

	if (object.p && json_raw_type(object) == JSON_OBJECT) {
		(void)json_scan_members(object, &name, 1, &r, NULL);
	}
	return r;
}

static bool is_string(struct str raw)
{
	return raw.p && json_raw_type(raw) == JSON_STRING;
}

static bool read_task(struct arena *a, struct str task, struct str ttl, struct mcp_task *ret)
{
	const struct str names[] = {STR("taskId"), ttl, STR("status")};
	struct str r[ARRAY_LEN(names)];

	if (!task.p || json_raw_type(task) != JSON_OBJECT ||
	    !mcp_pick(a, task, names, ARRAY_LEN(names), r) || !is_string(r[0]) ||
	    !is_string(r[2]) || json_unquote(a, r[0], &ret->id, NULL)) {
		return false;
	}
	if (!r[1].p || !str_to_u64(r[1], &ret->ttl_ms)) {
		ret->ttl_ms = UINT64_MAX;
	}
	return ret->id.n > 0 && ret->id.n <= MCP_TASK_ID_MAX;
}

bool mcp_task_created(struct arena *a, struct str result, struct mcp_task *ret)
{
	static const struct str outer[] = {STR_INIT("task")};
	struct str task;

	return result.p && mcp_pick(a, result, outer, 1, &task) &&
	       read_task(a, task, STR("ttl"), ret);
}

bool mcp_task_given(struct arena *a, struct str result, struct mcp_task *ret)
{
	return str_eq(member(result, STR("resultType")), STR("\"task\"")) &&
	       read_task(a, result, STR("ttlMs"), ret);
}

bool mcp_task_state_read(struct arena *a, struct str answer, struct mcp_task_state *ret)
{
	static const struct str names[] = {STR_INIT("result"), STR_INIT("inputRequests")};
	struct str r[ARRAY_LEN(names)];

	*ret = (struct mcp_task_state){{NULL, 0}, {NULL, 0}};
	if (!mcp_pick(a, answer, names, ARRAY_LEN(names), r) ||
	    (r[0].p && json_raw_type(r[0]) != JSON_OBJECT) ||
	    (r[1].p && json_raw_type(r[1]) != JSON_OBJECT)) {
		return false;
	}
	*ret = (struct mcp_task_state){r[0], r[1]};
	return true;
}

bool mcp_task_supports(struct str tool)
{
	struct str said = member(member(tool, STR("execution")), STR("taskSupport"));

	return str_eq(said, STR("\"optional\"")) || str_eq(said, STR("\"required\""));
}

bool mcp_task_split(struct str id, struct str *ret_server, struct str *ret_id)
{
	size_t at = str_find(id, '/');

	if (at == 0 || at >= id.n) {
		return false;
	}
	*ret_server = str_make(id.p, at);
	*ret_id = str_from(id, at + 1);
	return ret_id->n > 0;
}

/* "fs/" behind the quote of each; nothing of it needs an escape. */
static size_t prefix(struct mcp_patch *p, size_t n, struct str raw, struct str server)
{
	if (is_string(raw) && server.n) {
		p[n++] = (struct mcp_patch){.at = str_make(raw.p + 1, 0), .with = server};
		p[n++] = (struct mcp_patch){.at = str_make(raw.p + 1, 0), .with = STR("/")};
	}
	return n;
}

static struct str related(struct str meta)
{
	return member(member(meta, STR("io.modelcontextprotocol/related-task")), STR("taskId"));
}

struct str mcp_task_related(struct str meta)
{
	struct str raw = related(meta);

	return is_string(raw) ? str_make(raw.p + 1, 0) : str_make(NULL, 0);
}

void mcp_task_answer(struct buf *out, const struct mcp_msg *m, enum mcp_method method,
		     struct str id, struct str server)
{
	UNSET struct mcp_patch p[MCP_PATCH_MAX];
	size_t n = 0;

	if (m->id.p) {
		p[n++] = (struct mcp_patch){.at = m->id, .with = id};
	}
	n = prefix(p, n, related(member(m->result, STR("_meta"))), server);
	if (method == MCP_TOOLS_CALL) {
		n = prefix(p, n, member(member(m->result, STR("task")), STR("taskId")), server);
	} else if (method != MCP_TASKS_RESULT) {
		n = prefix(p, n, member(m->result, STR("taskId")), server);
	}
	mcp_splice(out, m->whole, p, n);
}

void mcp_task_place(struct buf *out, const struct mcp_msg *m, struct str place)
{
	UNSET struct mcp_patch p[2];

	mcp_splice(out, m->whole, p, prefix(p, 0, member(m->result, STR("taskId")), place));
}

void mcp_task_status(struct buf *out, const struct mcp_msg *m, struct str server)
{
	UNSET struct mcp_patch p[4];
	size_t n = prefix(p, 0, m->object, server);

	n = prefix(p, n, related(m->meta), server);
	mcp_splice(out, m->whole, p, n);
}

void mcp_task_answer_inward(struct buf *out, const struct mcp_msg *m, struct str id,
			    struct str server)
{
	struct str raw = related(member(m->result, STR("_meta")));
	UNSET struct mcp_patch p[2];
	size_t n = 0;

	p[n++] = (struct mcp_patch){.at = m->id, .with = id};
	/* A client gives back what it got, byte for byte; what it wrote otherwise stays. */
	if (server.n && is_string(raw) && raw.n > server.n + 2 &&
	    str_eq(str_make(raw.p + 1, server.n), server) && raw.p[1 + server.n] == '/') {
		p[n++] = (struct mcp_patch){.at = str_make(raw.p + 1, server.n + 1),
					    .with = STR("")};
	}
	mcp_splice(out, m->whole, p, n);
}
