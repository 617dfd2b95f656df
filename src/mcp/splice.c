/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/splice.h"

#include <stdlib.h>

/* Few patches: put in order by insertion. */
static void order(struct mcp_patch *to, const struct mcp_patch *from, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = i;

		while (k > 0 && to[k - 1].at.p > from[i].at.p) {
			to[k] = to[k - 1];
			k--;
		}
		to[k] = from[i];
	}
}

static void apply(struct buf *out, struct str whole, const struct mcp_patch *p, size_t n)
{
	const char *at = whole.p, *end = whole.p + whole.n;

	for (size_t i = 0; i < n; i++) {
		ASSERT(p[i].at.p >= at && p[i].at.p <= end &&
		       p[i].at.n <= (size_t)(end - p[i].at.p));
		buf_append(out, str_make(at, (size_t)(p[i].at.p - at)));
		buf_append(out, p[i].with);
		at = p[i].at.p + p[i].at.n;
	}
	buf_append(out, str_make(at, (size_t)(end - at)));
}

void mcp_splice(struct buf *out, struct str whole, const struct mcp_patch *patches, size_t n)
{
	UNSET struct mcp_patch p[MCP_PATCH_MAX];

	ASSERT(n <= MCP_PATCH_MAX);
	order(p, patches, n);
	apply(out, whole, p, n);
}

static int by_place(const void *a, const void *b)
{
	const struct mcp_patch *x = a, *y = b;

	return (x->at.p > y->at.p) - (x->at.p < y->at.p);
}

void mcp_splice_many(struct buf *out, struct str whole, struct mcp_patch *patches, size_t n)
{
	qsort(patches, n, sizeof(*patches), by_place);
	apply(out, whole, patches, n);
}

static size_t add(struct mcp_patch *p, size_t n, struct str at, struct str with)
{
	if (at.p && with.p) {
		p[n++] = (struct mcp_patch){.at = at, .with = with};
	}
	return n;
}

void mcp_splice_call(struct buf *out, const struct mcp_msg *m, const struct mcp_change *c)
{
	UNSET struct mcp_patch p[4];
	size_t n = 0;

	ASSERT(m->kind == MCP_REQUEST || m->kind == MCP_NOTIFICATION);
	n = add(p, n, m->id, c->id);
	n = add(p, n, m->object, c->object);
	n = add(p, n, m->token, c->token);
	n = add(p, n, m->request_id, c->request_id);
	mcp_splice(out, m->whole, p, n);
}

void mcp_splice_log(struct buf *out, const struct mcp_msg *m, struct str server)
{
	struct str logger = mcp_msg_param(m, STR("logger"));
	bool named = logger.n >= 2 && logger.p[0] == '"';
	UNSET struct mcp_patch p[3];
	struct str at;
	size_t n = 0;

	/* Params that have a level are an object, and not an empty one. */
	if (server.n && (named || (!logger.p && mcp_msg_param(m, STR("level")).p))) {
		at = str_make((named ? logger.p : m->params.p) + 1, 0);
		n = add(p, n, at, named ? STR("") : STR("\"logger\":\""));
		n = add(p, n, at, server);
		n = add(p, n, at, named ? STR("/") : STR("\","));
	}
	mcp_splice(out, m->whole, p, n);
}

void mcp_splice_answer(struct buf *out, const struct mcp_msg *m, struct str id)
{
	struct mcp_patch p = {.at = m->id, .with = id};

	ASSERT(m->kind == MCP_RESPONSE || m->kind == MCP_ERROR_RESPONSE);
	mcp_splice(out, m->whole, &p, m->id.p != NULL);
}
