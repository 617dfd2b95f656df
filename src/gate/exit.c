/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners of the exit, who calls there, and what is said when something cannot be had. */
#include "gate/exit_priv.h"

#include "gate/identity.h"
#include "sys/fd.h"
#include "json/write.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- answers ---- */

static const struct fault_text {
	int status;
	struct str error, detail;
} fault_texts[] = {
	[EXIT_FAULT_NONE] = {500, STR_INIT("internal"), STR_INIT("")},
	[EXIT_FAULT_REQUEST] = {400, STR_INIT("not_a_proxy_request"),
				STR_INIT("Send CONNECT host:port, or a request for http://host/.")},
	[EXIT_FAULT_HOST] = {400, STR_INIT("host_not_understood"),
			     STR_INIT("Write the host as a name in ASCII or an address in its "
				      "usual form, with its port.")},
	[EXIT_FAULT_PATH] = {400, STR_INIT("path_not_understood"),
			     STR_INIT("The path can be read in more than one way: write it "
				      "without dot segments, empty segments and escaped "
				      "slashes.")},
	[EXIT_FAULT_UNREACHABLE] = {502, STR_INIT("upstream_unreachable"),
				    STR_INIT("Nobody answers there.")},
	[EXIT_FAULT_FORBIDDEN] = {403, STR_INIT("address_refused"),
				  STR_INIT("The host has an address that Writ does not connect "
					   "agents to. Whoever runs Writ can open it: "
					   "egress.allow_addresses.")},
	[EXIT_FAULT_NAME] = {502, STR_INIT("name_not_found"), STR_INIT("The name has no address.")},
	[EXIT_FAULT_TIMEOUT] = {504, STR_INIT("upstream_timeout"), STR_INIT("No answer in time.")},
	[EXIT_FAULT_BUSY] = {503, STR_INIT("busy"), STR_INIT("Try again later.")},
	[EXIT_FAULT_UPSTREAM] = {502, STR_INIT("upstream_protocol"),
				 STR_INIT("The answer is not HTTP as Writ speaks it.")},
	[EXIT_FAULT_AUTHORITY] = {421, STR_INIT("request_authority_mismatch"),
				  STR_INIT("The request is for another host than the tunnel.")},
	[EXIT_FAULT_PERSON] = {403, STR_INIT("approval_refused"),
			       STR_INIT("It was asked for, and a person refused it. It was not "
					"made.")},
	[EXIT_FAULT_UNHEARD] = {403, STR_INIT("approval_missing"),
				STR_INIT(
					"It was asked for, and nobody answered in time. It was not "
					"made.")},
	[EXIT_FAULT_CREDENTIAL] = {403, STR_INIT("credential_mismatch"),
				   STR_INIT("A credential stands where it does not belong: it is "
					    "for one header, one host and one path.")},
};

static const struct http_field json_fields[] = {
	{STR_INIT("Content-Type"), STR_INIT("application/json")},
};

static void answer_json(struct http_req *req, int status, const struct buf *body)
{
	http_respond(req, status, json_fields, ARRAY_LEN(json_fields),
		     body->failed ? STR("{}") : buf_str(body));
}

void exit_answer_fault(struct http_req *req, enum exit_fault fault)
{
	const struct fault_text *t = &fault_texts[fault];
	struct json_writer w;
	struct buf body;

	buf_init(&body, 4096);
	w = json_writer(&body);
	json_w_object(&w);
	json_w_member_str(&w, STR("error"), t->error);
	json_w_member_str(&w, STR("detail"), t->detail);
	json_w_end(&w);
	answer_json(req, t->status, &body);
	buf_done(&body);
}

static void put_refusal(struct json_writer *w, const struct action *a,
			const struct egress_host *host)
{
	const struct rules_answer *answer = &a->answer;

	json_w_object(w);
	json_w_member_str(w, STR("error"), STR("policy_denied"));
	json_w_member_str(w, STR("host"), egress_host_name(host));
	json_w_member_u64(w, STR("port"), host->port);
	if (answer->policy.n) {
		json_w_member_str(w, STR("policy"), answer->policy);
	}
	json_w_member_str(w, STR("reason"),
			  answer->reason.n   ? answer->reason
			  : answer->policy.n ? STR("a policy forbids it")
					     : STR("no policy permits it"));
	json_w_member_u64(w, STR("record"), a->index);
	json_w_member_str(w, STR("next"),
			  STR("It was not made. Repeating it will not help; ask whoever owns the "
			      "policy."));
	json_w_end(w);
}

void exit_answer_refused(struct gate *g, struct http_req *req, const struct action *a,
			 const struct egress_host *host)
{
	struct buf body = gate_buf_take(g, 64 << 10);
	struct json_writer w = json_writer(&body);

	if (a->unrecorded) {
		json_w_object(&w);
		json_w_member_str(&w, STR("error"), STR("not_recorded"));
		json_w_member_str(&w, STR("detail"),
				  STR("The decision could not be recorded, so nothing was done."));
		json_w_end(&w);
	} else {
		put_refusal(&w, a, host);
	}
	answer_json(req, a->unrecorded ? 503 : 403, &body);
	gate_buf_give(g, &body);
}

enum exit_fault exit_fault_of(enum ipc_not_dialed why)
{
	switch (why) {
	case IPC_DIAL_UNREACHABLE:
	case IPC_DIAL_LOGIN: /* these two are of servers, not of hosts */
	case IPC_DIAL_RENEWED:
		break;
	case IPC_DIAL_FORBIDDEN:
		return EXIT_FAULT_FORBIDDEN;
	case IPC_DIAL_NO_NAME:
		return EXIT_FAULT_NAME;
	case IPC_DIAL_TIMEOUT:
		return EXIT_FAULT_TIMEOUT;
	case IPC_DIAL_BUSY:
		return EXIT_FAULT_BUSY;
	}
	return EXIT_FAULT_UNREACHABLE;
}

enum ledger_status exit_status_of(enum ipc_not_dialed why)
{
	return why == IPC_DIAL_TIMEOUT ? LEDGER_TIMEOUT : LEDGER_UNREACHABLE;
}

/* ---- what is asked ---- */

static void put_url(struct buf *out, const struct egress_host *host, struct str path,
		    struct str query, bool tls)
{
	buf_append(out, tls ? STR("https://") : STR("http://"));
	egress_host_write(out, host, tls ? 443 : 80);
	buf_append(out, path);
	if (query.p) {
		buf_append_c(out, '?');
		buf_append(out, query);
	}
}

struct str exit_describe(struct http_req *req, struct arena *a, const struct egress_host *host,
			 struct str path, struct str upgrade, bool tls)
{
	struct buf out, url;
	struct json_writer w;
	struct str text;

	buf_init(&out, 128 << 10);
	buf_init(&url, 64 << 10);
	w = json_writer(&out);
	json_w_object(&w);
	if (req) {
		struct str query = req->head.query.n ? req->head.query : str_make(NULL, 0);

		put_url(&url, host, path, query, tls);
		json_w_member_u64(&w, STR("bytes"), req->head.body_len);
		json_w_member_str(&w, STR("kind"), STR("request"));
		json_w_member_str(&w, STR("method"), req->head.method_text);
		json_w_member_str(&w, STR("path"), path);
		json_w_member_str(&w, STR("query"), query.p ? query : STR(""));
		if (upgrade.n) {
			json_w_member_str(&w, STR("upgrade"), upgrade);
		}
		json_w_member_str(&w, STR("url"), buf_str(&url));
	} else {
		json_w_member_str(&w, STR("kind"), STR("tunnel"));
	}
	json_w_end(&w);
	text = out.failed || url.failed ? str_make(NULL, 0) : arena_dup(a, buf_str(&out));
	buf_done(&url);
	buf_done(&out);
	return text;
}

struct str exit_peer_text(int fd, struct arena *a)
{
	struct sockaddr_storage ss = {0};
	socklen_t n = sizeof(ss);
	struct str text = str_make(NULL, 0);
	struct net_addr addr;
	struct buf out;

	if (getpeername(fd, (struct sockaddr *)&ss, &n) < 0) {
		return text;
	}
	addr = net_addr_from_sockaddr(&ss, n);
	buf_init(&out, 128);
	net_addr_write(&out, &addr);
	if (!out.failed) {
		text = arena_dup(a, buf_str(&out));
	}
	buf_done(&out);
	return text;
}

/* ---- requests ---- */

static const struct http_handler *handler_of(const struct http_req *req)
{
	const struct exit_request *r = req->user;

	return r ? r->on : NULL;
}

static void who_are_you(struct http_req *req)
{
	static const struct http_field fields[] = {
		{STR_INIT("Content-Type"), STR_INIT("application/json")},
		{STR_INIT("Proxy-Authenticate"), STR_INIT("Basic realm=\"writ\"")},
	};

	http_respond(req, 407, fields, ARRAY_LEN(fields),
		     STR("{\"error\":\"identity_needed\",\"detail\":\"Writ does not know this "
			 "caller: put a key of the configuration's identity section into the "
			 "proxy's URL, as http://KEY@host:port.\"}"));
}

/* What happens is remembered of the principal, in one gate: elsewhere it could not be decided. */
static bool serve_elsewhere(struct exit_listener *l, struct http_req *req, struct str agent)
{
	unsigned home = gate_home(l->gate, agent);

	if (home == l->gate->index) {
		return false;
	}
	if (!gate_hand_off(l->gate, req, l->index, home)) {
		exit_answer_fault(req, EXIT_FAULT_BUSY);
	}
	return true;
}

/* NULL: the request is answered, or given away. */
static struct session *caller_of(struct exit_listener *l, struct http_req *req)
{
	const struct config *config = l->gate->rules->config;
	struct session *who;
	struct str agent;
	struct err err;

	if (l->who) {
		return l->who;
	}
	if (identify_proxy(config, &config->listen[l->index], req, &agent, &err)) {
		who_are_you(req);
		return NULL;
	}
	if (serve_elsewhere(l, req, agent)) {
		return NULL;
	}
	who = session_named(&l->gate->sessions, agent, l->gate->loop.now);
	if (who) {
		who->at_exit = true;
	}
	return who;
}

static void on_request(struct http_req *req)
{
	struct exit_listener *l = http_server_user(req->server);
	struct session *who;

	bool proxied = req->head.method == HTTP_CONNECT || req->head.form == HTTP_FORM_ABSOLUTE;

	if (proxied != (l->kind == EXIT_PROXY)) {
		exit_answer_fault(req, EXIT_FAULT_REQUEST);
		return;
	}
	who = caller_of(l, req);
	if (!who) {
		return;
	}
	if (req->head.method == HTTP_CONNECT) {
		exit_tunnel_begin(l, req, who);
	} else {
		exit_http_begin(l, req, who);
	}
}

static void on_body(struct http_req *req, struct str bytes)
{
	const struct http_handler *h = handler_of(req);

	if (h && h->on_body) {
		h->on_body(req, bytes);
	}
}

static void on_body_complete(struct http_req *req)
{
	const struct http_handler *h = handler_of(req);

	if (h && h->on_body_complete) {
		h->on_body_complete(req);
	}
}

static void on_drain(struct http_req *req)
{
	const struct http_handler *h = handler_of(req);

	if (h && h->on_drain) {
		h->on_drain(req);
	}
}

static void on_abort(struct http_req *req, bool gone)
{
	const struct http_handler *h = handler_of(req);

	if (h) {
		h->on_abort(req, gone);
	} else {
		http_req_drop(req);
	}
}

static void on_end(struct http_req *req)
{
	const struct http_handler *h = handler_of(req);

	if (h) {
		h->on_end(req);
	}
	req->user = NULL;
}

const struct http_handler exit_handler = {
	.on_request = on_request,
	.on_body = on_body,
	.on_body_complete = on_body_complete,
	.on_drain = on_drain,
	.on_abort = on_abort,
	.on_end = on_end,
};

/* ---- listeners ---- */

enum err_code exit_listener_new(struct gate *g, struct session *who, enum exit_kind kind,
				struct exit_listener **ret, struct err *err)
{
	const struct config_limits *limits = &g->rules->config->limits;
	struct exit_listener *l = calloc(1, sizeof(*l));
	struct http_server_config c = {
		.handler = &exit_handler,
		.user = l,
		.max_body = UINT64_C(1) << 50, /* passed on, never kept */
		.max_out = 2 << 20,
		.arena_limit = 4 << 20,
		.max_conns = (unsigned)limits->connections,
		.head_timeout = limits->head_timeout_ns,
		.request_timeout = UINT64_C(86400) * CLOCK_SEC,
		.idle_timeout = limits->idle_timeout_ns,
	};
	enum err_code code;

	if (!l) {
		return ERR(err, ERR_NOMEM, "no memory for a listener");
	}
	*l = (struct exit_listener){.gate = g, .who = who, .kind = kind};
	code = http_server_new(&g->loop, &c, &l->server, err);
	if (code) {
		free(l);
		return code;
	}
	list_append(&g->exits.listeners, &l->node);
	*ret = l;
	return ERR_OK;
}

static enum err_code listen_proxy(struct gate *g, struct session *who, unsigned index, int fd,
				  struct err *err)
{
	struct exit_listener *l;
	enum err_code code = exit_listener_new(g, who, EXIT_PROXY, &l, err);

	if (code) {
		(void)close(fd);
		return code;
	}
	l->index = index;
	return http_server_listen(l->server, fd, err);
}

enum err_code gate_exit_listen(struct gate *g, struct session *who, enum exit_kind kind, int fd,
			       struct err *err)
{
	struct exit_listener *proxy;
	enum err_code code = ERR_OK;

	ASSERT(who->exit);
	switch (kind) {
	case EXIT_PROXY:
		code = exit_listener_new(g, who, EXIT_PROXY, &proxy, err);
		if (code) {
			break;
		}
		return exit_port_listen(who->exit, proxy, fd, err);
	case EXIT_CAPTURE:
		return exit_port_listen(who->exit, NULL, fd, err);
	case EXIT_DNS:
		return exit_dns_listen(who->exit, fd, err);
	case EXIT_REFUSAL:
		return exit_refusals_listen(who->exit, fd, err);
	case EXIT_NONE:
		code = ERR(err, ERR_UNSUPPORTED, "no listener of the exit is of no kind");
		break;
	}
	(void)close(fd);
	return code;
}

enum err_code gate_exit_proxy(struct gate *g, unsigned index, int fd, struct err *err)
{
	return listen_proxy(g, NULL, index, fd, err);
}

static void listener_free(struct exit_listener *l)
{
	list_remove(&l->node);
	http_server_free(l->server);
	free(l);
}

static void close_listeners(struct gate *g, const struct session *who)
{
	LIST_FOREACH (node, &g->exits.listeners) {
		struct exit_listener *l = CONTAINER_OF(node, struct exit_listener, node);

		if (!who || l->who == who) {
			listener_free(l);
		}
	}
}

void gate_exit_close(struct gate *g, struct session *who)
{
	exit_tunnels_end(g, who, LEDGER_CANCELLED);
	exit_inspected_close(g, who);
	close_listeners(g, who);
	exit_run_free(who->exit);
	who->exit = NULL;
}

/* ---- the exit of a gate ---- */

void exit_free_later(struct gate *g, struct exit_over *o)
{
	list_append(&g->exits.over, &o->node);
	loop_defer(&g->loop, &g->exits.sweep);
}

static void sweep(struct exits *x)
{
	while (!list_empty(&x->over)) {
		struct exit_over *o = CONTAINER_OF(x->over.next, struct exit_over, node);

		list_remove(&o->node);
		o->free(o);
	}
}

static void on_sweep(struct loop_hook *h)
{
	sweep(CONTAINER_OF(h, struct exits, sweep));
}

struct str exit_host_text(struct arena *a, const struct egress_host *host)
{
	return arena_printf(a, STR_FMT ":%u", STR_ARG(egress_host_name(host)), host->port);
}

void exits_init(struct gate *g)
{
	struct exits *x = &g->exits;

	dialer_init(&x->dialer, &g->loop);
	list_init(&x->listeners);
	list_init(&x->tunnels);
	list_init(&x->inspected);
	list_init(&x->requests);
	list_init(&x->over);
	x->sweep.on_turn_end = on_sweep;
}

void exits_done(struct gate *g)
{
	struct exits *x = &g->exits;

	exit_tunnels_end(g, NULL, LEDGER_LOST);
	exit_inspected_close(g, NULL);
	close_listeners(g, NULL);
	loop_defer_cancel(&x->sweep);
	sweep(x);
	dialer_done(&x->dialer);
	tls_authority_free(x->authority);
	splice_pipes_done(&x->pipes);
}

static void on_listener_drained(struct http_server *s)
{
	struct exit_listener *l = http_server_user(s);

	l->draining = false;
}

void exits_drain(struct gate *g)
{
	exit_tunnels_end(g, NULL, LEDGER_CANCELLED);
	LIST_FOREACH (node, &g->exits.inspected) {
		http_server_drain(CONTAINER_OF(node, struct exit_inspected, node)->server, NULL);
	}
	LIST_FOREACH (node, &g->exits.listeners) {
		struct exit_listener *l = CONTAINER_OF(node, struct exit_listener, node);

		l->draining = true;
		http_server_drain(l->server, on_listener_drained);
	}
}

void exits_cut(struct gate *g)
{
	exit_tunnels_end(g, NULL, LEDGER_CANCELLED);
	exit_inspected_close(g, NULL);
	exit_requests_cut(g);
}

struct http_server *exits_server(const struct gate *g, unsigned index)
{
	LIST_FOREACH (node, (struct list *)(uintptr_t)&g->exits.listeners) {
		const struct exit_listener *l = CONTAINER_OF(node, struct exit_listener, node);

		if (!l->who && l->index == index) {
			return l->server;
		}
	}
	return NULL;
}

bool exits_idle(const struct gate *g)
{
	LIST_FOREACH (node, (struct list *)(uintptr_t)&g->exits.inspected) {
		const struct exit_inspected *i = CONTAINER_OF(node, struct exit_inspected, node);

		if (http_server_stats(i->server)->conns) {
			return false;
		}
	}
	LIST_FOREACH (node, (struct list *)(uintptr_t)&g->exits.listeners) {
		if (CONTAINER_OF(node, struct exit_listener, node)->draining) {
			return false;
		}
	}
	return true;
}
