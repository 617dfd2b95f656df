/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox has of its exit: listeners, and how programs in it find and trust them. */
#include "cli/run.h"
#include "sys/fd.h"

#include <fcntl.h>

/* Certificates of a system; more than this is not one. */
enum { ROOTS_MAX = 700 << 10 };

#define EXIT_CA "/etc/writ/exit-ca.pem"
#define BUNDLE  "/etc/writ/ca-bundle.pem"

/* Where the sandbox finds what the gate serves at its loopback. */
static void add_gateway_env(struct run_plan *p, uint64_t id)
{
	struct str base = arena_printf(p->arena, "http://127.0.0.1:%d", RUN_PORT_GATEWAY);

	run_plan_env(p, STR("WRIT_RUN"), arena_printf(p->arena, "%llu", (unsigned long long)id));
	run_plan_env(p, STR("WRIT_MCP_URL"), arena_printf(p->arena, STR_FMT "/mcp", STR_ARG(base)));
	run_plan_env(p, STR("OPENAI_BASE_URL"),
		     arena_printf(p->arena, STR_FMT "/v1", STR_ARG(base)));
	run_plan_env(p, STR("OPENAI_API_BASE"),
		     arena_printf(p->arena, STR_FMT "/v1", STR_ARG(base)));
	/* Libraries insist on a key; here it says nothing and gives nothing. */
	run_plan_env(p, STR("OPENAI_API_KEY"), STR("writ"));
}

/* Programs differ in which of these they look at. */
static void add_proxy_env(struct run_plan *p)
{
	static const struct str names[] = {STR_INIT("HTTP_PROXY"),  STR_INIT("http_proxy"),
					   STR_INIT("HTTPS_PROXY"), STR_INIT("https_proxy"),
					   STR_INIT("ALL_PROXY"),   STR_INIT("all_proxy")};
	struct str at = arena_printf(p->arena, "http://127.0.0.1:%d", RUN_PORT_PROXY);

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		run_plan_env(p, names[i], at);
	}
	run_plan_env(p, STR("NO_PROXY"), STR("127.0.0.1,localhost,::1"));
	run_plan_env(p, STR("no_proxy"), STR("127.0.0.1,localhost,::1"));
	run_plan_env(p, STR("NODE_USE_ENV_PROXY"), STR("1")); /* node 24 on */
}

/*
 * What the system trusts, where programs look for it on the usual distributions, and this run's own
 * authority; empty when out of memory.
 */
static struct str trust_bundle(struct arena *a, struct str own)
{
	static const char *const usual[] = {"/etc/ssl/certs/ca-certificates.crt",
					    "/etc/pki/tls/certs/ca-bundle.crt",
					    "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};
	struct str roots = STR("");

	for (size_t i = 0; i < ARRAY_LEN(usual) && roots.n == 0; i++) {
		CLEANUP(fd_close) int fd = open(usual[i], O_RDONLY | O_CLOEXEC);
		struct err err;

		if (fd >= 0 && fd_read_all(fd, ROOTS_MAX, a, &roots, &err)) {
			roots = STR(""); /* then the system's own stay where they are */
		}
	}
	return arena_printf(a, STR_FMT "%s" STR_FMT, STR_ARG(roots),
			    roots.n && !str_ends_with(roots, STR("\n")) ? "\n" : "", STR_ARG(own));
}

/* Programs differ in which of these they look at, and whether it adds or replaces. */
static void trust(struct run_plan *p, struct str authority)
{
	static const struct str replacing[] = {
		STR_INIT("SSL_CERT_FILE"),     STR_INIT("REQUESTS_CA_BUNDLE"),
		STR_INIT("CURL_CA_BUNDLE"),    STR_INIT("GIT_SSL_CAINFO"),
		STR_INIT("PIP_CERT"),          STR_INIT("AWS_CA_BUNDLE"),
		STR_INIT("CARGO_HTTP_CAINFO"), STR_INIT("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"),
		STR_INIT("npm_config_cafile"),
	};
	static const struct str adding[] = {STR_INIT("NODE_EXTRA_CA_CERTS"), STR_INIT("DENO_CERT")};
	const struct str why = STR("the exit looks into tunnels");

	for (size_t i = 0; i < ARRAY_LEN(replacing); i++) {
		run_plan_env(p, replacing[i], STR(BUNDLE));
	}
	for (size_t i = 0; i < ARRAY_LEN(adding); i++) {
		run_plan_env(p, adding[i], STR(EXIT_CA));
	}
	p->files[p->spec.n_files++] = (struct sandbox_file){STR("exit-ca.pem"), authority, why};
	p->files[p->spec.n_files++] =
		(struct sandbox_file){STR("ca-bundle.pem"), trust_bundle(p->arena, authority), why};
}

static void listen_at(struct run_plan *p, unsigned kind, uint16_t port)
{
	p->listeners[p->spec.n_listeners++] = (struct sandbox_listener){.kind = kind, .port = port};
}

/* Every address is the sandbox's own; at these ports and for names the node answers. */
static void capture(struct run_plan *p, const struct run_granted *g)
{
	struct sandbox_listener any = {.kind = RUN_LISTEN_DNS, .port = RUN_PORT_DNS, .any = true};

	p->spec.capture = true;
	p->listeners[p->spec.n_listeners++] = any;
	any.datagram = true;
	p->listeners[p->spec.n_listeners++] = any;
	for (size_t i = 0; i < g->n_capture; i++) {
		p->listeners[p->spec.n_listeners++] = (struct sandbox_listener){
			.kind = RUN_LISTEN_CAPTURE, .port = g->capture[i], .any = true};
	}
	for (unsigned i = 0; i < 4; i++) {
		p->listeners[p->spec.n_listeners++] =
			(struct sandbox_listener){.kind = RUN_LISTEN_REFUSAL,
						  .port = i & 2 ? 6 : 4,
						  .datagram = i & 1,
						  .refusals = true};
	}
}

enum err_code run_plan_exit(struct run_plan *p, const struct run_granted *g, struct err *err)
{
	if (g->listeners & 1U << RUN_LISTEN_GATEWAY) {
		listen_at(p, RUN_LISTEN_GATEWAY, RUN_PORT_GATEWAY);
		add_gateway_env(p, g->id);
	}
	if (g->listeners & 1U << RUN_LISTEN_PROXY) {
		listen_at(p, RUN_LISTEN_PROXY, RUN_PORT_PROXY);
		add_proxy_env(p);
	}
	if (g->listeners & 1U << RUN_LISTEN_CAPTURE) {
		capture(p, g);
	}
	if (g->authority.n) {
		trust(p, g->authority);
	}
	p->spec.watched = g->listeners != 0;
	p->spec.listeners = p->listeners;
	p->spec.files = p->files;
	return p->arena->exhausted ? ERR(err, ERR_NOMEM, "out of memory") : ERR_OK;
}
