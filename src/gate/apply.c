/* SPDX-License-Identifier: Apache-2.0 */
/* Links, endpoints and models, brought in line with the rules in force. */
#include "gate/exchange.h"
#include "gate/listening.h"
#include "gate/model_queue.h"
#include "gate/model_route.h"
#include "gate/rules_residency.h"
#include "model/engine.h"

#include <stdlib.h>

enum { ENDPOINT_TEXTS = 64 << 10 };

/* ---- endpoints ---- */

static void views_drop(struct endpoint *e)
{
	for (unsigned k = 0; k < MCP_LIST_KINDS; k++) {
		if (e->built[k]) {
			e->built[k] = false;
			mcp_view_done(&e->views[k]);
		}
	}
}

/* Never at once: the last holder may be inside a callback of the link, or of its connections. */
static void link_release(struct link *l)
{
	if (--l->holds == 0 && l->retired) {
		loop_defer(l->loop, &l->gate->reap);
	}
}

static void endpoint_free(struct endpoint *e)
{
	views_drop(e);
	for (size_t i = 0; i < e->n; i++) {
		link_release(e->links[i]);
	}
	list_remove(&e->node);
	arena_done(&e->arena);
	free(e);
}

void gate_endpoint_release(struct gate *g, struct endpoint *e)
{
	(void)g;
	if (--e->uses == 0 && e->retired) {
		endpoint_free(e);
	}
}

static enum err_code endpoint_add(struct gate *g, struct str id, struct link **links, size_t n,
				  struct err *err)
{
	struct endpoint *e = calloc(1, sizeof(*e));

	if (!e) {
		return ERR(err, ERR_NOMEM, "no memory for an endpoint");
	}
	arena_init(&e->arena, ENDPOINT_TEXTS);
	list_init(&e->node);
	e->id = arena_dup(&e->arena, id);
	e->links = ARENA_ARRAY(&e->arena, n + 1, struct link *);
	if (!e->links || !e->id.p) {
		arena_done(&e->arena);
		free(e);
		return ERR(err, ERR_NOMEM, "no memory for an endpoint");
	}
	for (size_t i = 0; i < n; i++) {
		e->links[i] = links[i];
		e->links[i]->holds++;
	}
	e->n = n;
	list_append(&g->endpoints, &e->node);
	return ERR_OK;
}

struct endpoint *gate_endpoint(struct gate *g, struct str id)
{
	LIST_FOREACH (node, &g->endpoints) {
		struct endpoint *e = CONTAINER_OF(node, struct endpoint, node);

		if (!e->retired && str_eq(e->id, id)) {
			return e;
		}
	}
	return NULL;
}

const struct mcp_view *endpoint_view(struct gate *g, struct endpoint *e, enum mcp_list_kind kind)
{
	struct mcp_source *sources;
	struct arena a;
	struct err err;

	if (e->built[kind]) {
		return &e->views[kind];
	}
	arena_init(&a, 1 << 20);
	sources = ARENA_ARRAY(&a, e->n + 1, struct mcp_source);
	for (size_t i = 0; sources && i < e->n; i++) {
		sources[i].id = e->links[i]->id;
		sources[i].list = &e->links[i]->lists[kind];
		sources[i].lenient = e->links[i]->pins != CONFIG_CHECK_ENFORCE;
	}
	e->built[kind] = sources && mcp_view_build(&e->views[kind], kind,
						   e->id.n ? MCP_NAMING_PLAIN : MCP_NAMING_PREFIXED,
						   sources, e->n, g->seed, &err) == ERR_OK;
	arena_done(&a);
	for (size_t i = 0; e->built[kind] && i < e->views[kind].findings.n; i++) {
		const struct mcp_finding *f = &e->views[kind].findings.at[i];

		if (f->kind == MCP_FINDING_CONFUSABLE) {
			gate_finding(g, f->what, mcp_finding_text(f->kind).p);
		}
	}
	return e->built[kind] ? &e->views[kind] : NULL;
}

static void retire_endpoints(struct gate *g)
{
	LIST_FOREACH (node, &g->endpoints) {
		struct endpoint *e = CONTAINER_OF(node, struct endpoint, node);

		e->retired = true;
		if (e->uses == 0) {
			endpoint_free(e);
		}
	}
}

/* ---- links ---- */

static struct link *link_find(struct gate *g, struct str id)
{
	LIST_FOREACH (node, &g->links) {
		struct link *l = CONTAINER_OF(node, struct link, node);

		if (!l->retired && str_eq(l->id, id)) {
			return l;
		}
	}
	return NULL;
}

static enum err_code link_for(struct gate *g, size_t i, struct link **ret, struct err *err)
{
	const struct config_server *s = &g->rules->config->servers[i];
	struct link *l = link_find(g, s->id);

	if (l && memcmp(l->digest, g->rules->servers[i], sizeof(l->digest)) == 0) {
		*ret = l;
		return ERR_OK;
	}
	if (l) {
		l->retired = true;
	}
	TRY(link_new(g, s, g->rules->servers[i], ret, err));
	list_append(&g->links, &(*ret)->node);
	return ERR_OK;
}

static enum err_code links_apply(struct gate *g, struct link **links, struct err *err)
{
	const struct config *config = g->rules->config;

	for (size_t i = 0; i < config->n_servers; i++) {
		TRY(link_for(g, i, &links[i], err));
		links[i]->holds++; /* until the endpoints hold it */
	}
	LIST_FOREACH (node, &g->links) {
		struct link *l = CONTAINER_OF(node, struct link, node);

		if (!config_server_find(config, l->id)) {
			l->retired = true;
		}
	}
	return ERR_OK;
}

/* ---- models ---- */

static void model_free(struct gate_model *m)
{
	list_remove(&m->node);
	model_health_done(m);
	loop_defer_cancel(&m->next);
	model_turns_done(m);
	gate_pool_done(&m->pool);
	free(m);
}

static void on_model_open(struct gate_pool *p, bool ok)
{
	model_opened(CONTAINER_OF(p, struct gate_model, pool), ok);
}

static enum err_code model_add(struct gate *g, const struct config_model *config, struct err *err)
{
	struct gate_model *m = calloc(1, sizeof(*m));

	if (!m) {
		return ERR(err, ERR_NOMEM, "no memory for a model");
	}
	m->gate = g;
	list_init(&m->node);
	list_init(&m->waiting);
	list_init(&m->queue);
	map_init(&m->turns, g->seed);
	m->limit = config->in_flight;
	if (gate_pool_init(&m->pool, g, "model", config->name, &config->url, err)) {
		free(m);
		return err->code;
	}
	m->pool.on_open = on_model_open;
	m->pool.max_conns = (unsigned)g->rules->config->limits.connections; /* a stream holds one */
	m->pool.h2 = config->http2 != CONFIG_HTTP2_NO ? g->h2 : NULL;
	m->name = arena_dup(&m->pool.arena, config->name);
	m->back_name = arena_dup(&m->pool.arena, config->model);
	m->deployment = arena_printf(&m->pool.arena, STR_FMT "/" STR_FMT, STR_ARG(config->site->id),
				     STR_ARG(config->model));
	m->engine = model_engine_find(str_from_c(config_engine_name(config->engine)));
	m->engine = m->engine ? m->engine : &model_engine_plain;
	for (size_t i = 0; i < config->speaks.n; i++) {
		m->speaks |= model_api_bit(config->speaks.items[i]);
	}
	m->speaks = m->speaks ? m->speaks : m->engine->speaks;
	m->max_tokens = config->max_tokens;
	list_append(&g->models, &m->node);
	return ERR_OK;
}

static enum err_code models_apply(struct gate *g, struct err *err)
{
	const struct config *config = g->rules->config;

	/* Calls under way go on with their model; new ones find the new one first. */
	LIST_FOREACH (node, &g->models) {
		struct gate_model *m = CONTAINER_OF(node, struct gate_model, node);

		m->retired = true;
		if (m->uses == 0) {
			model_free(m);
		}
	}
	for (size_t i = 0; i < config->n_models; i++) {
		TRY(model_add(g, &config->models[i], err));
	}
	return ERR_OK;
}

void gate_model_release(struct gate_model *m)
{
	if (--m->uses == 0 && m->retired) {
		loop_defer(&m->gate->loop, &m->gate->reap);
	}
}

void gate_on_reap(struct loop_hook *h)
{
	struct gate *g = CONTAINER_OF(h, struct gate, reap);

	LIST_FOREACH (node, &g->links) {
		struct link *l = CONTAINER_OF(node, struct link, node);

		if (l->retired && l->holds == 0) {
			link_free(l);
		}
	}
	LIST_FOREACH (model_node, &g->models) {
		struct gate_model *m = CONTAINER_OF(model_node, struct gate_model, node);

		if (m->retired && m->uses == 0) {
			model_free(m);
		}
	}
}

/* ---- all of it ---- */

static enum err_code apply(struct gate *g, struct link **links, struct err *err)
{
	const struct config *config = g->rules->config;

	TRY(links_apply(g, links, err));
	retire_endpoints(g);
	TRY(endpoint_add(g, STR(""), links, config->n_servers, err));
	for (size_t i = 0; i < config->n_servers; i++) {
		TRY(endpoint_add(g, config->servers[i].id, &links[i], 1, err));
	}
	return models_apply(g, err);
}

/*
 * What `writ site sever` cuts ends now, with its calls: also what an older configuration, or an action
 * that was decided before, still holds.
 */
static void cut(struct gate *g)
{
	const struct config *config = g->rules->config;

	LIST_FOREACH (node, &g->links) {
		struct link *l = CONTAINER_OF(node, struct link, node);
		const struct config_server *s = config_server_find(config, l->id);

		if (l->pool.loop && rules_residency_cuts(g->rules, s ? s->site : NULL)) {
			link_lost(l, LINK_FAIL_UNREACHABLE, "it is cut off: writ site sever");
			gate_pool_cut(&l->pool);
		}
	}
	LIST_FOREACH (model_node, &g->models) {
		struct gate_model *m = CONTAINER_OF(model_node, struct gate_model, node);
		const struct config_model *c = config_model_find(config, m->name);

		if (rules_residency_cuts(g->rules, c ? c->site : NULL)) {
			m->uses++; /* its last call ends here */
			gate_pool_cut(&m->pool);
			model_opened(m, false);
			gate_model_release(m);
		}
	}
	exits_cut(g);
}

enum err_code gate_apply(struct gate *g, struct rules *rules, struct err *err)
{
	struct rules *old = g->rules;
	struct link **links = calloc(rules->config->n_servers + 1, sizeof(struct link *));
	enum err_code code;

	if (!links) {
		return ERR(err, ERR_NOMEM, "no memory for the servers");
	}
	code = history_apply(g, rules, err);
	if (code) {
		free(links);
		return code;
	}
	g->rules = rules;
	g->sessions.max = (size_t)rules->config->limits.sessions;
	code = apply(g, links, err);
	code = code ? code : oauth_apply(g, err);
	for (size_t i = 0; i < rules->config->n_servers; i++) {
		if (links[i]) {
			link_release(links[i]);
		}
	}
	free(links);
	if (!code && rules->config->severed.n) {
		cut(g);
	}
	rules_unref(old);
	return code;
}

void gate_unapply(struct gate *g)
{
	oauth_free(g->oauth);
	g->oauth = NULL;
	LIST_FOREACH (node, &g->endpoints) {
		endpoint_free(CONTAINER_OF(node, struct endpoint, node));
	}
	LIST_FOREACH (link_node, &g->links) {
		link_free(CONTAINER_OF(link_node, struct link, node));
	}
	LIST_FOREACH (model_node, &g->models) {
		model_free(CONTAINER_OF(model_node, struct gate_model, node));
	}
}

/* ---- what links report ---- */

static bool sees(const struct endpoint *e, const struct link *l)
{
	for (size_t i = 0; i < e->n; i++) {
		if (e->links[i] == l) {
			return true;
		}
	}
	return false;
}

/* Builds the view anew, if it was built: a client that never saw the list misses no change. */
static bool view_changed(struct gate *g, struct endpoint *e, enum mcp_list_kind kind)
{
	struct mcp_view old = e->views[kind];
	const struct mcp_view *now;
	bool same;

	if (!e->built[kind]) {
		return false;
	}
	e->built[kind] = false;
	now = endpoint_view(g, e, kind);
	same = now && mcp_view_same(&old, now);
	mcp_view_done(&old);
	return !same;
}

static void tell_changed(struct gate *g, const struct endpoint *e, enum mcp_method method)
{
	struct buf out = gate_buf_take(g, 4096);

	buf_append(&out, STR("{\"jsonrpc\":\"2.0\",\"method\":\""));
	buf_append(&out, mcp_method_info(method)->name);
	buf_append(&out, STR("\"}"));
	LIST_FOREACH (node, &g->sessions.idle) {
		struct session *s = CONTAINER_OF(node, struct session, idle);

		if ((s->stream || s->own.number) && str_eq(s->endpoint, e->id) &&
		    mcp_session_may_send(&s->mcp, method)) {
			gate_session_tell(g, s, buf_str(&out));
		}
	}
	gate_buf_give(g, &out);
}

/* Clients see others of its items than before, or might. */
void gate_link_shown(struct gate *g, struct link *l, enum mcp_list_kind kind)
{
	static const enum mcp_method changed[MCP_LIST_KINDS] = {
		[MCP_LIST_TOOLS] = MCP_TOOLS_CHANGED,
		[MCP_LIST_RESOURCES] = MCP_RESOURCES_CHANGED,
		[MCP_LIST_TEMPLATES] = MCP_RESOURCES_CHANGED,
		[MCP_LIST_PROMPTS] = MCP_PROMPTS_CHANGED,
	};

	LIST_FOREACH (node, &g->endpoints) {
		struct endpoint *e = CONTAINER_OF(node, struct endpoint, node);

		if (sees(e, l) && view_changed(g, e, kind) && !e->retired) {
			tell_changed(g, e, changed[kind]);
			listening_changed(g, e->id, kind, changed[kind]);
		}
	}
}

void gate_link_listed(struct gate *g, struct link *l, enum mcp_list_kind kind)
{
	const struct mcp_findings *f = &l->lists[kind].findings;

	for (size_t i = 0; i < f->n; i++) {
		gate_finding(g, l->id, mcp_finding_text(f->at[i].kind).p);
	}
	gate_link_shown(g, l, kind);
}
