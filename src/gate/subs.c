/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/subs.h"

#include "gate/gate.h"
#include "gate/listening.h"

#include <stdlib.h>

/* One resource of a link. */
struct sub_uri {
	struct list of_link;
	struct link *link;
	struct list subs; /* of struct sub */
	struct str uri;
	char text[];
};

/* One session that wants it. */
struct sub {
	struct list of_session, of_uri;
	struct session *session;
	struct listening *to; /* one stream of it; NULL: the session's own */
	struct sub_uri *uri;
	struct str client_raw;
	char text[];
};

static struct sub *find(const struct sub_uri *u, const struct session *s,
			const struct listening *to)
{
	LIST_FOREACH (node, (struct list *)(uintptr_t)&u->subs) {
		struct sub *sub = CONTAINER_OF(node, struct sub, of_uri);

		if (sub->session == s && sub->to == to) {
			return sub;
		}
	}
	return NULL;
}

static void uri_free(struct sub_uri *u)
{
	(void)map_take(&u->link->subs, u->uri);
	list_remove(&u->of_link);
	free(u);
}

/* True when it was the last of its resource, which is then forgotten. */
static bool sub_free(struct sub *sub)
{
	struct sub_uri *u = sub->uri;

	list_remove(&sub->of_session);
	list_remove(&sub->of_uri);
	sub->session->n_subs--;
	u->link->n_subs--;
	free(sub);
	if (!list_empty(&u->subs)) {
		return false;
	}
	uri_free(u);
	return true;
}

static struct sub_uri *uri_for(struct link *l, struct str uri)
{
	struct sub_uri *u = map_find(&l->subs, uri);

	if (u) {
		return u;
	}
	u = calloc(1, sizeof(*u) + uri.n);
	if (!u) {
		return NULL;
	}
	memcpy(u->text, uri.p, uri.n);
	u->uri = str_make(u->text, uri.n);
	u->link = l;
	list_init(&u->subs);
	list_init(&u->of_link);
	if (!map_put(&l->subs, u->uri, u)) {
		free(u);
		return NULL;
	}
	list_append(&l->sub_uris, &u->of_link);
	return u;
}

enum err_code subs_add(struct link *l, struct session *s, struct listening *to, struct str uri,
		       struct str client_raw, bool *ret_new, struct err *err)
{
	struct sub_uri *u = map_find(&l->subs, uri);
	struct sub *sub;

	*ret_new = false;
	if (u && find(u, s, to)) {
		return ERR_OK;
	}
	if (s->n_subs >= SUBS_OF_SESSION || l->n_subs >= SUBS_OF_LINK) {
		return ERR(err, ERR_LIMIT, "too many subscriptions");
	}
	sub = calloc(1, sizeof(*sub) + client_raw.n);
	u = sub ? uri_for(l, uri) : NULL;
	if (!u) {
		free(sub);
		return ERR(err, ERR_NOMEM, "no memory for a subscription");
	}
	memcpy(sub->text, client_raw.p, client_raw.n);
	sub->client_raw = str_make(sub->text, client_raw.n);
	sub->session = s;
	sub->to = to;
	sub->uri = u;
	list_append(&u->subs, &sub->of_uri);
	list_append(&s->subs, &sub->of_session);
	s->n_subs++;
	l->n_subs++;
	*ret_new = true;
	return ERR_OK;
}

bool subs_remove(struct link *l, const struct session *s, const struct listening *to,
		 struct str uri)
{
	const struct sub_uri *u = map_find(&l->subs, uri);
	struct sub *sub = u ? find(u, s, to) : NULL;

	return sub && sub_free(sub);
}

/* ---- telling the sessions ---- */

static void tell(struct gate *g, const struct sub *sub, const struct mcp_msg *m, struct str as)
{
	struct buf out;

	if (sub->to) {
		listening_updated(sub->to, m, as);
		return;
	}
	if (!mcp_session_may_send(&sub->session->mcp, MCP_RESOURCES_UPDATED)) {
		return;
	}
	out = gate_buf_take(g, 34 << 20);
	if (link_is_modern(sub->uri->link)) {
		mcp_listen_updated(&out, m, as, str_make(NULL, 0));
	} else {
		mcp_splice_call(&out, m, &(struct mcp_change){.object = as});
	}
	if (!out.failed) {
		gate_session_tell(g, sub->session, buf_str(&out));
	}
	gate_buf_give(g, &out);
}

/* MCP 2025-11-25 server/resources: what changed "might be a sub-resource" of what was asked for. */
static bool is_below(struct str uri, struct str top)
{
	return uri.n > top.n && str_starts_with(uri, top) &&
	       (uri.p[top.n] == '/' || (top.n && top.p[top.n - 1] == '/'));
}

void subs_updated(struct link *l, const struct mcp_msg *m)
{
	const struct sub_uri *exact;
	struct str uri;
	struct err err;

	if (!m->object.p || json_unquote(&l->gate->scratch, m->object, &uri, &err)) {
		return;
	}
	exact = map_find(&l->subs, uri);
	if (exact) {
		LIST_FOREACH (node, (struct list *)(uintptr_t)&exact->subs) {
			const struct sub *sub = CONTAINER_OF(node, struct sub, of_uri);

			tell(l->gate, sub, m, sub->client_raw);
		}
	}
	LIST_FOREACH (top_node, &l->sub_uris) {
		struct sub_uri *top = CONTAINER_OF(top_node, struct sub_uri, of_link);

		if (!is_below(uri, top->uri)) {
			continue;
		}
		LIST_FOREACH (node, &top->subs) {
			const struct sub *sub = CONTAINER_OF(node, struct sub, of_uri);
			struct str plain = str_make(sub->client_raw.p + 1, sub->client_raw.n - 2);

			if (!exact || !find(exact, sub->session, sub->to)) {
				/* A client that calls it by another URI knows only that one. */
				tell(l->gate, sub, m,
				     str_eq(plain, top->uri) ? str_make(NULL, 0) : sub->client_raw);
			}
		}
	}
}

/* ---- telling the server ---- */

static void tell_server(struct link *l, enum mcp_method method, struct str uri)
{
	struct buf params;

	if (l->state != LINK_READY) {
		return;
	}
	if (link_is_modern(l)) {
		link_listen_soon(l);
		return;
	}
	params = gate_buf_take(l->gate, 64 << 10);
	buf_append(&params, STR("{\"uri\":"));
	json_put_str(&params, uri);
	buf_append_c(&params, '}');
	if (!params.failed) {
		link_tell(l, method, buf_str(&params));
	}
	gate_buf_give(l->gate, &params);
}

void subs_write(const struct link *l, struct json_writer *w)
{
	LIST_FOREACH (node, (struct list *)(uintptr_t)&l->sub_uris) {
		json_w_str(w, CONTAINER_OF(node, struct sub_uri, of_link)->uri);
	}
}

void subs_restore(struct link *l)
{
	if (link_is_modern(l)) {
		return; /* its listening says it all at once */
	}
	LIST_FOREACH (node, &l->sub_uris) {
		tell_server(l, MCP_RESOURCES_SUBSCRIBE,
			    CONTAINER_OF(node, struct sub_uri, of_link)->uri);
	}
}

static void sub_end(struct sub *sub)
{
	struct sub_uri *u = sub->uri;

	if (u->subs.next == u->subs.prev) { /* the last one */
		tell_server(u->link, MCP_RESOURCES_UNSUBSCRIBE, u->uri);
	}
	(void)sub_free(sub);
}

void subs_session_end(struct session *s)
{
	LIST_FOREACH (node, &s->subs) {
		sub_end(CONTAINER_OF(node, struct sub, of_session));
	}
}

void subs_listening_end(struct session *s, const struct listening *to)
{
	LIST_FOREACH (node, &s->subs) {
		struct sub *sub = CONTAINER_OF(node, struct sub, of_session);

		if (sub->to == to) {
			sub_end(sub);
		}
	}
}

void subs_link_done(struct link *l)
{
	LIST_FOREACH (node, &l->sub_uris) {
		struct sub_uri *u = CONTAINER_OF(node, struct sub_uri, of_link);

		LIST_FOREACH (sub_node, &u->subs) {
			if (sub_free(CONTAINER_OF(sub_node, struct sub, of_uri))) {
				break; /* the resource went with its last one */
			}
		}
	}
	map_done(&l->subs);
}
