/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "base/hex.h"
#include "config/config.h"
#include "config/yaml.h"

#include <arpa/inet.h>

#define SHA_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHA_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static enum err_code decode(struct arena *a, const char *yaml, struct config *cfg,
			    struct config_errors *errors, struct err *err)
{
	struct config_source src = {
		.name = STR("writ.yaml"), .text = str_from_c(yaml), .dir = STR("/etc/writ")};

	TRY(yaml_parse(a, src.name, src.text, &src.root, err));
	return config_decode(a, &src, cfg, errors, err);
}

static void accepted(struct arena *a, const char *yaml, struct config *cfg)
{
	struct err err = {0};

	arena_init(a, 8 << 20);
	if (decode(a, yaml, cfg, NULL, &err)) {
		fail_msg("%s", err.msg);
	}
}

static const char whole[] =
	"version: 1\n"
	"node: n1.example\n"
	"state: var//./state/\n"
	"policies: /srv/p\n"
	"schema: s.cedarschema\n"
	"events: e.dwschema\n"
	"providers: p.json\n"
	"listen:\n"
	"  - address: 127.0.0.1:8700\n"
	"  - {address: '[::1]:8701', http2: true}\n"
	"  - {address: 'unix:run/w.sock', kind: proxy}\n"
	"  - address: 0.0.0.0:443\n"
	"    tls: {cert: c.pem, key: k.pem, client_ca: ca.pem}\n"
	"identity:\n"
	"  api_keys: [{agent: ci-bot, key_sha256: " SHA_A ", owner: Ann}]\n"
	"  mtls: [{agent: fleet, fingerprint_sha256: "
	"'BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:"
	"BB:"
	"BB:BB'}]\n"
	"  unix: [{agent: me, uid: 1000}]\n"
	"  oauth:\n"
	"    resource: https://gw.example.org/mcp\n"
	"    scopes: [mcp]\n"
	"    clock_skew: 10s\n"
	"    issuers:\n"
	"      corp: {issuer: 'https://as.example.org', jwks_url: 'https://as.example.org/k', "
	"ca_file: as.pem,\n"
	"        introspection: {url: 'https://as.example.org/i', client_id: us, "
	"client_secret_file: "
	"client-secret},\n"
	"        audiences: ['api://writ'], token_types: [JWT], algorithms: [ES256]}\n"
	"      lab: {issuer: 'https://lab.example.org', jwks_file: lab.json}\n"
	"  anonymous: guest\n"
	"agents:\n"
	"  ci-bot: {owner: Ann, team: build, attributes: {level: -3, tags: [a, b], on: true}}\n"
	"  guest:\n"
	"servers:\n"
	"  fs:\n"
	"    command: [npx, -y, server-filesystem, ./work]\n"
	"    cwd: w\n"
	"    env: {HOME: /tmp, EMPTY: '', TOKEN: {secret_file: secrets/t}}\n"
	"    files: {read: [a, /b], write: [c]}\n"
	"    sandbox: weaker\n"
	"    profile: node\n"
	"    protocol: modern\n"
	"    timeout: 90s\n"
	"    instructions: |\n"
	"      Files.\n"
	"      Only files.\n"
	"  remote:\n"
	"    url: https://mcp.example.org:8443/mcp\n"
	"    headers: {Authorization: {secret_file: /s/r}, X-Plain: 'yes'}\n"
	"    ca_file: roots.pem\n"
	"    pin_sha256: " SHA_B "\n"
	"    site: fra\n"
	"  vouched:\n"
	"    url: https://v.example.org/mcp\n"
	"    oauth: {client_id: w, client_secret_file: /s/v, issuer: 'https://as.example.org',\n"
	"      identity_provider: {issuer: 'https://idp.example.org', client_id: w-at-idp,\n"
	"        private_key_file: /s/p, key_id: k1, subject_token_file: /s/t}}\n"
	"models:\n"
	"  llama-3.1:8b: {url: 'http://127.0.0.1:8080/v1', site: here, context: 8192}\n"
	"  big: {url: 'https://llm.example/v1', model: big-70b, api_key_file: k, site: fra}\n"
	"residency: {categories: [a, b], detect: {email: [a], pii: [b, a]}}\n"
	"routes:\n"
	"  fast: {models: [big, 'llama-3.1:8b'], hedge: 800ms}\n"
	"  even: {models: [big], hedge: p95}\n"
	"  plain: ['llama-3.1:8b', big]\n"
	"sites:\n"
	"  here: {operator: us, country: NO, jurisdictions: [NO], sovereign: true}\n"
	"  fra: {operator: Host GmbH, country: DE, jurisdictions: [DE, EU]}\n"
	"limits: {body: 1MiB, connections: 10, sessions: 5, session_idle: 1h, history: 8KiB,\n"
	"         head_timeout: 5s, request_timeout: 1m, idle_timeout: 10s, drain: 0}\n"
	"gates: 2\n"
	"log: {level: debug}\n"
	"egress:\n"
	"  hosts: {git.test: [127.0.0.1, '::1']}\n"
	"  allow_addresses: [10.0.0.0/8, 'fd00:1::/32', 169.254.169.254]\n"
	"  escaped_slashes: [registry.npmjs.org]\n"
	"  idle_timeout: 20s\n"
	"  tunnels: 7\n"
	"  capture: [443, 9418]\n"
	"  inspect: [api.test]\n"
	"  ca_file: inner.pem\n"
	"credentials:\n"
	"  hub: {url: 'https://API.test/repos/', header: X-Hub, secret_file: secrets/hub}\n"
	"  near: {url: 'http://127.0.0.1:81/', header: X-Key, secret_file: secrets/near}\n"
	"ledger: {sync: 0, checkpoint: 250ms}\n";

static void every_key_arrives_where_it_belongs(void **state)
{
	struct config cfg;
	struct arena a;
	uint8_t sum[32];

	(void)state;
	accepted(&a, whole, &cfg);
	assert_str_equal(cfg.node, STR("n1.example"));
	assert_str_equal(cfg.state, STR("/etc/writ/var/state"));
	assert_str_equal(cfg.policies, STR("/srv/p"));
	assert_str_equal(cfg.schema, STR("/etc/writ/s.cedarschema"));
	assert_str_equal(cfg.events, STR("/etc/writ/e.dwschema"));
	assert_str_equal(cfg.providers, STR("/etc/writ/p.json"));
	assert_int_equal(cfg.limits.history, 8192);
	assert_int_equal(cfg.n_listen, 4);
	assert_true(cfg.listen[0].local && cfg.listen[1].local && cfg.listen[2].local);
	assert_false(cfg.listen[3].local);
	assert_int_equal(cfg.listen[0].sockaddr.ss_family, AF_INET);
	assert_int_equal(cfg.listen[1].sockaddr.ss_family, AF_INET6);
	assert_int_equal(cfg.listen[1].port, 8701);
	assert_false(cfg.listen[0].http2);
	assert_true(cfg.listen[1].http2 && cfg.listen[3].http2);
	assert_str_equal(cfg.listen[2].path, STR("/etc/writ/run/w.sock"));
	assert_str_equal(cfg.listen[3].tls.client_ca, STR("/etc/writ/ca.pem"));
	assert_true(hex_read(STR(SHA_A), sum, 32));
	assert_memory_equal(cfg.identity.api_keys[0].sha256, sum, 32);
	assert_true(hex_read(STR(SHA_B), sum, 32));
	assert_memory_equal(cfg.identity.mtls[0].fingerprint, sum, 32);
	assert_int_equal(cfg.identity.unix_peers[0].uid, 1000);
	assert_str_equal(cfg.identity.anonymous, STR("guest"));
	assert_int_equal(cfg.identity.oauth.n_issuers, 2);
	assert_int_equal(cfg.identity.oauth.skew_ns, 10000000000);
	assert_int_equal(cfg.identity.oauth.cache_ns, 60000000000);
	assert_str_equal(cfg.identity.oauth.issuers[0].introspect.target, STR("/i"));
	assert_str_equal(cfg.identity.oauth.issuers[0].secret_file, STR("/etc/writ/client-secret"));
	assert_str_equal(cfg.identity.oauth.issuers[0].types.items[0], STR("JWT"));
	assert_str_equal(cfg.identity.oauth.issuers[1].types.items[0], STR("at+jwt"));
	assert_int_equal(cfg.identity.oauth.issuers[1].algorithms.n, 4);
	assert_str_equal(cfg.identity.oauth.issuers[1].keys_file, STR("/etc/writ/lab.json"));
	assert_int_equal(cfg.n_agents, 2);
	assert_non_null(json_get(config_agent_find(&cfg, STR("ci-bot"))->attributes, STR("tags")));
	arena_done(&a);
}

static void servers_models_and_sites_arrive(void **state)
{
	const struct config_server *s;
	struct config cfg;
	struct arena a;

	(void)state;
	accepted(&a, whole, &cfg);
	s = config_server_find(&cfg, STR("fs"));
	assert_int_equal(s->kind, CONFIG_SERVER_STDIO);
	assert_int_equal(s->command.n, 4);
	assert_str_equal(s->command.items[0], STR("npx"));
	assert_str_equal(s->command.items[3], STR("./work"));
	assert_str_equal(s->cwd, STR("/etc/writ/w"));
	assert_int_equal(s->env.n, 3);
	assert_non_null(s->env.items[1].text.p);
	assert_str_equal(s->env.items[2].secret_file, STR("/etc/writ/secrets/t"));
	assert_str_equal(s->files_read.items[1], STR("/b"));
	assert_int_equal(s->sandbox, CONFIG_SANDBOX_WEAKER);
	assert_int_equal(s->profile, CONFIG_PROFILE_NODE);
	assert_int_equal(s->protocol, CONFIG_PROTOCOL_MODERN);
	assert_int_equal(s->timeout_ns, UINT64_C(90000000000));
	assert_str_equal(s->instructions, STR("Files.\nOnly files.\n"));
	s = config_server_find(&cfg, STR("remote"));
	assert_int_equal(s->kind, CONFIG_SERVER_HTTP);
	assert_int_equal(s->url.port, 8443);
	assert_str_equal(s->headers.items[0].secret_file, STR("/s/r"));
	assert_str_equal(s->headers.items[1].text, STR("yes"));
	assert_true(s->has_pin);
	assert_ptr_equal(s->site, config_site_find(&cfg, STR("fra")));
	assert_int_equal(s->timeout_ns, UINT64_C(60000000000));
	assert_str_equal(config_model_find(&cfg, STR("llama-3.1:8b"))->model, STR("llama-3.1:8b"));
	assert_str_equal(config_model_find(&cfg, STR("big"))->model, STR("big-70b"));
	assert_true(config_site_find(&cfg, STR("here"))->sovereign);
	assert_int_equal(cfg.limits.body, 1 << 20);
	assert_int_equal(cfg.limits.drain_ns, 0);
	assert_int_equal(cfg.gates, 2);
	assert_int_equal(cfg.log_level, CONFIG_LOG_DEBUG);
	assert_int_equal(cfg.ledger.sync_ns, 0);
	arena_done(&a);
}

static void the_exit_arrives(void **state)
{
	const struct config_egress_host *h;
	struct egress_host host;
	struct config cfg;
	struct arena a;

	(void)state;
	accepted(&a, whole, &cfg);
	assert_int_equal(cfg.listen[0].serves, CONFIG_SERVES_GATEWAY);
	assert_int_equal(cfg.listen[2].serves, CONFIG_SERVES_PROXY);
	assert_true(config_has_exit(&cfg));
	h = config_egress_find(&cfg, STR("git.test"));
	assert_int_equal(h->n_addrs, 2);
	assert_true(h->addrs[1].v6);
	assert_null(config_egress_find(&cfg, STR("test")));
	assert_int_equal(cfg.egress.n_ranges, 3);
	assert_int_equal(cfg.egress.ranges[1].range.bits, 32);
	assert_true(config_escapes_slashes(&cfg, STR("registry.npmjs.org")));
	assert_false(config_escapes_slashes(&cfg, STR("npmjs.org")));
	assert_int_equal(cfg.egress.idle_ns, UINT64_C(20000000000));
	assert_int_equal(cfg.egress.tunnels, 7);
	assert_int_equal(cfg.egress.n_capture, 2);
	assert_int_equal(cfg.egress.capture[1], 9418);
	assert_str_equal(cfg.egress.ca_file, STR("/etc/writ/inner.pem"));
	assert_str_equal(config_credential_find(&cfg, STR("hub"))->header, STR("X-Hub"));
	assert_str_equal(cfg.credentials[0].file, STR("/etc/writ/secrets/hub"));
	assert_int_equal(egress_host_parse(STR("api.test:443"), 0, &host, NULL), ERR_OK);
	assert_true(config_inspects(&cfg, &host));
	assert_true(config_credential_is_for(&cfg.credentials[0], &host, true));
	assert_false(config_credential_is_for(&cfg.credentials[0], &host, false));
	assert_int_equal(egress_host_parse(STR("api.test:444"), 0, &host, NULL), ERR_OK);
	assert_false(config_credential_is_for(&cfg.credentials[0], &host, true));
	assert_true(config_inspects(&cfg, &host)); /* it is named, on any port */
	arena_done(&a);
	accepted(&a, "version: 1\ncredentials: {k: {url: 'https://a.test/', secret_file: s}}\n",
		 &cfg);
	assert_str_equal(cfg.credentials[0].header, STR("Authorization"));
	assert_false(config_has_exit(&cfg));
	assert_int_equal(cfg.egress.n_ranges, 0);
	assert_int_equal(cfg.egress.n_capture, 3);
	assert_int_equal(cfg.egress.capture[2], 443);
	arena_done(&a);
}

static void routes_and_what_raises_labels_arrive(void **state)
{
	struct config cfg;
	struct arena a;

	(void)state;
	accepted(&a, whole, &cfg);
	assert_int_equal(cfg.n_routes, 3);
	assert_int_equal(cfg.routes[0].n, 2);
	assert_int_equal(cfg.routes[0].models[0], 1);
	assert_int_equal(cfg.routes[0].hedge_ns, 800000000);
	assert_int_equal(cfg.routes[1].n, 1);
	assert_true(cfg.routes[1].hedge_ns == CONFIG_HEDGE_P95);
	assert_int_equal(cfg.routes[2].n, 2);
	assert_int_equal(cfg.routes[2].hedge_ns, 0);
	assert_int_equal(cfg.residency.n_raises, 2);
	assert_int_equal(cfg.residency.raises[1].classes, DETECT_ALL & ~DETECT_BIT(DETECT_SECRET));
	assert_int_equal(cfg.residency.raises[1].to.n, 2);
	arena_done(&a);
}

static void the_smallest_file_is_safe_and_local(void **state)
{
	struct config cfg;
	struct arena a;

	(void)state;
	accepted(&a, "version: 1\nservers:\n", &cfg);
	assert_int_equal(cfg.n_listen, 1);
	assert_true(cfg.listen[0].local);
	assert_int_equal(cfg.listen[0].port, 8700);
	assert_str_equal(cfg.identity.anonymous, STR("anonymous"));
	assert_str_equal(cfg.state, STR("/etc/writ/state"));
	assert_str_equal(cfg.policies, STR("/etc/writ/policies"));
	assert_int_equal(cfg.limits.body, 16 << 20);
	assert_int_equal(cfg.ledger.sync_ns, 5000000);
	arena_done(&a);
	accepted(&a, "version: 1\nidentity: {}\n", &cfg);
	assert_int_equal(cfg.identity.anonymous.n, 0);
	arena_done(&a);
}

#define S   "version: 1\nservers:\n  fs: " /* a server's value begins at 3:7 */
#define SC  S "{command: [a], "
#define O   "version: 1\nidentity: {oauth: "
#define SO  S "{url: 'https://x/mcp', oauth: "
#define SI  SO "{client_id: x, private_key_file: /k, issuer: 'https://a', "
#define IDP "identity_provider: {issuer: 'https://p', client_id: x, "
#define OI  O "{resource: 'https://g/mcp', issuers: {a: {"

static const struct {
	const char *yaml, *message;
} mistakes[] = {
	{"a: 1\n", "writ.yaml:1:1: unknown key 'a' (and 1 more)"},
	{"[]", "writ.yaml:1:1: expected an object, found an array"},
	{"node: x\n", "writ.yaml:1:1: the file needs the key 'version'"},
	{"version: 2\n", "writ.yaml:1:10: this program reads version 1"},
	{"version: '1'\n", "writ.yaml:1:10: this program reads version 1"},
	{"version: 1\nlisten:\n- adress: x\n",
	 "writ.yaml:3:3: unknown key 'adress' (did you mean 'address'?) (and 1 more)"},
	{"version: 1\nlisten: 8700\n", "writ.yaml:2:9: expected an array, found a number"},
	{"version: 1\nlisten: [{address: 8700}]\n",
	 "writ.yaml:2:20: expected a string, found a number: put it in quotes"},
	{"version: 1\nlisten: [{address: '8700'}]\n",
	 "writ.yaml:2:20: expected ADDRESS:PORT or unix:PATH, as in 127.0.0.1:8700"},
	{"version: 1\nlisten: [{address: localhost:80}]\n",
	 "writ.yaml:2:20: an address is numeric, as in 127.0.0.1:80, 0.0.0.0:80 or [::1]:80"},
	{"version: 1\nlisten: [{address: '[::1:80'}]\n",
	 "writ.yaml:2:20: expected ADDRESS:PORT or unix:PATH, as in 127.0.0.1:8700"},
	{"version: 1\nlisten: [{address: '0.0.0.0:80'}]\n",
	 "writ.yaml:2:10: '0.0.0.0:80' can be reached from other machines: configure "
	 "identity.api_keys, identity.mtls or identity.oauth first, or listen on 127.0.0.1"},
	{"version: 1\nlisten: [{address: '0.0.0.0:80'}]\nidentity: {anonymous: x}\n",
	 "writ.yaml:2:10: '0.0.0.0:80' can be reached from other machines: configure "
	 "identity.api_keys, identity.mtls or identity.oauth first, or listen on 127.0.0.1"},
	{"version: 1\nlisten: [{address: '127.0.0.1:80', tls: {cert: a}}]\n",
	 "writ.yaml:2:41: tls needs the key 'key'"},
	{"version: 1\nlisten: [{address: '127.0.0.1:80'}, {address: '127.0.0.1:80'}]\n",
	 "writ.yaml:2:37: '127.0.0.1:80' is listened on twice"},
	{"version: 1\nidentity: {mtls: [{agent: a, fingerprint_sha256: " SHA_A "}]}\n",
	 "writ.yaml:2:12: identity.mtls needs a listener with tls.client_ca"},
	{"version: 1\nidentity: {api_keys: [{agent: a, key_sha256: secret}]}\n",
	 "writ.yaml:2:46: expected a SHA-256 as 64 hexadecimal digits"},
	{"version: 1\nidentity: {api_keys: [{agent: a, key_sha256: " SHA_A
	 "}, {agent: b, key_sha256: " SHA_A "}]}\n",
	 "writ.yaml:2:113: this key belongs to agent 'a' already"},
	{"version: 1\nidentity: {unix: [{agent: a, uid: -1}]}\n",
	 "writ.yaml:2:35: expected a whole number that is not negative"},
	{"version: 1\nidentity: {unix: [{agent: a, uid: 7}, {agent: b, uid: 7}]}\n",
	 "writ.yaml:2:39: uid 7 belongs to agent 'a' already"},
	{O "{issuers: {}}}\n", "writ.yaml:2:19: oauth needs the key 'resource' (and 1 more)"},
	{O "{resource: 'https://g/mcp/', issuers: {a: {issuer: 'https://a', jwks_file: /k}}}}\n",
	 "writ.yaml:2:30: the resource is the address of /mcp as clients know it, without a query "
	 "and without a slash at its end"},
	{O "{resource: 'http://g/mcp', issuers: {a: {issuer: 'https://a', jwks_file: /k}}}}\n",
	 "writ.yaml:2:30: what comes from there decides who callers are: use https"},
	{OI "issuer: 'https://a', jwks_url: 'http://b/k'}}}}\n",
	 "writ.yaml:2:92: what comes from there decides who callers are: use https (and 1 more)"},
	{OI "issuer: 'https://a'}}}}\n",
	 "writ.yaml:2:60: an issuer needs one of 'jwks_url', 'jwks_file', 'introspection'"},
	{OI "issuer: 'https://a', jwks_file: /k, jwks_url: 'https://a/k'}}}}\n",
	 "writ.yaml:2:60: keys come from a URL or from a file, not from both"},
	{OI "issuer: 'https://a', jwks_file: /k, jwks_text: x}}}}\n",
	 "writ.yaml:2:97: unknown key 'jwks_text'"},
	{OI "issuer: 'https://a', jwks_file: /k, algorithms: [HS256]}}}}\n",
	 "writ.yaml:2:109: tokens are verified by RS256, PS256, ES256 or EdDSA"},
	{OI "issuer: 'https://a', introspection: {url: 'https://a/i'}}}}}\n",
	 "writ.yaml:2:97: introspection needs the keys 'client_id' and 'client_secret_file'"},
	{OI "issuer: 'https://a', jwks_file: /k}, b: {issuer: 'https://a', jwks_file: /k}}}}\n",
	 "writ.yaml:2:101: 'https://a' is the issuer 'a' already"},
	{SO "{client_id: x}}\n",
	 "writ.yaml:3:37: a client is proved by 'client_secret_file' or by 'private_key_file'"},
	{SO "{client_id: x, client_secret_file: /s, private_key_file: /k}}\n",
	 "writ.yaml:3:37: a client is proved by 'client_secret_file' or by 'private_key_file'"},
	{SO "{client_id: x, client_secret_file: /s, key_id: k}}\n",
	 "writ.yaml:3:37: 'key_id' is of a 'private_key_file'"},
	{SO "{client_id: x, client_secret_file: /s}}\n",
	 "writ.yaml:3:37: a secret is for one authorization server: name it as 'issuer'"},
	{SO "{private_key_file: /k}}\n",
	 "writ.yaml:3:37: oauth needs 'client_id', or 'login: true'"},
	{SO "{client_id: x, private_key_file: /k, client_metadata_url: 'https://a/c'}}\n",
	 "writ.yaml:3:37: 'client_metadata_url' is for 'login: true'"},
	{SO "{login: true, private_key_file: /k}}\n",
	 "writ.yaml:3:37: a secret or a key is of a 'client_id'"},
	{SO "{login: true, client_metadata_url: 'http://a/c'}}\n",
	 "writ.yaml:3:37: 'client_metadata_url' is an https URL with a path"},
	{SO "{login: true, client_metadata_url: 'https://a/c', client_id: x}}\n",
	 "writ.yaml:3:37: 'client_id' and 'client_metadata_url' exclude each other"},
	{SO "{login: true, client_id: x, client_secret_file: /s}}\n",
	 "writ.yaml:3:37: a secret is for one authorization server: name it as 'issuer'"},
	{SO "{client_id: x, private_key_file: /k, " IDP "login: true}}}\n",
	 "writ.yaml:3:37: what an identity provider gives is for one authorization server: name it "
	 "as 'issuer'"},
	{SO "{login: true, " IDP "login: true}}}\n",
	 "writ.yaml:3:37: with 'identity_provider' a person logs in there: 'login' stands below "
	 "it"},
	{SI IDP "scopes: [a]}}}\n",
	 "writ.yaml:3:114: who is vouched for is known by 'login: true' or by a "
	 "'subject_token_file'"},
	{SI IDP "login: true, subject_token_file: /t}}}\n",
	 "writ.yaml:3:114: who is vouched for is known by 'login: true' or by a "
	 "'subject_token_file'"},
	{SI IDP "subject_token_file: /t, subject_token_type: jwt}}}\n",
	 "writ.yaml:3:194: what is exchanged is an id_token, access_token, refresh_token or saml2"},
	{SI "identity_provider: {issuer: 'http://p', client_id: x, login: true}}}\n",
	 "writ.yaml:3:123: what comes from there decides who callers are: use https"},
	{SO "{client_id: x, private_key_file: /k}, headers: {authorization: {secret_file: /a}}}\n",
	 "writ.yaml:3:30: tokens and an Authorization header of your own exclude each other"},
	{S "{url: 'http://x/', oauth: {client_id: x, private_key_file: /k}}\n",
	 "writ.yaml:3:13: a secret would be sent unencrypted to another machine: use https"},
	{SC "oauth: {client_id: x, private_key_file: /k}}\n",
	 "writ.yaml:3:22: 'oauth' is for a server with 'url'"},
	{"version: 1\nidentity: {anonymous: 'a b'}\n",
	 "writ.yaml:2:23: an agent's name has 1 to 128 letters, digits and any of ._@:/+-|%~ and "
	 "begins "
	 "with a letter or a digit"},
	{"version: 1\nagents: {a: {attributes: {x: null}}}\n",
	 "writ.yaml:2:30: an attribute cannot be null: leave it out"},
	{"version: 1\nagents: {a: {attributes: {x: 1.5}}}\n",
	 "writ.yaml:2:30: an attribute's number is whole and fits 64 bits"},
	{"version: 1\nagents: {a: {attributes: {owner: x}}}\n",
	 "writ.yaml:2:27: 'owner' is not free: Writ sets it"},
	{"version: 1\nservers: {FS: {command: [a]}}\n",
	 "writ.yaml:2:11: a server's id has 1 to 32 characters of a-z, 0-9, '_' and '-', and "
	 "begins "
	 "with a letter or a digit"},
	{S "{}\n", "writ.yaml:3:7: a server needs 'command' or 'url'"},
	{S "\n", "writ.yaml:3:3: a value is missing: expected an object"},
	{S "{command: [a], url: 'http://x'}\n",
	 "writ.yaml:3:22: a server has 'command' or 'url', not both"},
	{S "{command: npx -y x}\n", "writ.yaml:3:17: a command is a list of words: [program, "
				    "argument, ...]; there is no shell"},
	{S "{command: []}\n", "writ.yaml:3:17: the command is empty"},
	{S "{command: [a, 1]}\n",
	 "writ.yaml:3:21: expected a string, found a number: put it in quotes"},
	{S "{url: 'http://u:p@x/'}\n", "writ.yaml:3:13: a user or password in a URL is not "
				       "accepted: use headers with secret_file"},
	{S "{url: 'ftp://x'}\n", "writ.yaml:3:13: a URL begins with http:// or https://"},
	{S "{url: 'http://x', cwd: /}\n", "writ.yaml:3:25: 'cwd' is for a server with 'command'"},
	{SC "headers: {}}\n", "writ.yaml:3:22: 'headers' is for a server with 'url'"},
	{S "{url: 'http://x', ca_file: /c}\n", "writ.yaml:3:25: 'ca_file' needs an https URL"},
	{S "{url: 'http://x', headers: {A: {secret_file: /s}}}\n",
	 "writ.yaml:3:13: a secret would be sent unencrypted to another machine: use https"},
	{S "{url: 'https://x', headers: {authorization: Bearer abc}}\n",
	 "writ.yaml:3:51: put the value of 'authorization' into a file of its own and write "
	 "{secret_file: FILE}"},
	{S "{url: 'https://x', headers: {Host: a}}\n",
	 "writ.yaml:3:36: Writ sets the header 'Host' itself"},
	{S "{url: 'https://x', headers: {'a b': c}}\n",
	 "writ.yaml:3:36: this is not a header's name"},
	{S "{url: 'https://x', headers: {aa: c, AA: d}}\n",
	 "writ.yaml:3:43: the header 'AA' comes twice"},
	{S "{url: 'https://x', headers: {aa: \"c\\r\\nd: e\"}}\n",
	 "writ.yaml:3:40: a header's value has no line breaks (and 1 more)"},
	{SC "env: {'A-B': c}}\n",
	 "writ.yaml:3:28: a variable's name has letters, digits and '_' and does not begin with a "
	 "digit"},
	{SC "env: {A: 1}}\n",
	 "writ.yaml:3:31: expected a string, found a number: put it in quotes"},
	{SC "env: {A: {secret_fil: x}}}\n",
	 "writ.yaml:3:32: unknown key 'secret_fil' (did you mean 'secret_file'?) (and 1 more)"},
	{SC "files: {read: /x}}\n", "writ.yaml:3:36: expected an array, found a string"},
	{SC "files: {read: [~/x]}}\n", "writ.yaml:3:37: '~' is not expanded: write the whole path"},
	{SC "sandbox: none}\n", "writ.yaml:3:31: expected strict or weaker"},
	{SC "profile: ruby}\n", "writ.yaml:3:31: expected native, node or python"},
	{SC "protocol: older}\n", "writ.yaml:3:32: expected auto, legacy, modern or sse"},
	{SC "protocol: sse}\n",
	 "writ.yaml:3:32: 'sse' is for a server with 'url', without 'http2'"},
	{SC "ping: 2h}\n", "writ.yaml:3:28: must be between 0ns and 1h"},
	{SC "timeout: 60}\n", "writ.yaml:3:31: expected a duration, as in 5ms, 30s, 10m or 1h"},
	{SC "timeout: 2d}\n", "writ.yaml:3:31: must be between 1ms and 1d"},
	{SC "timeout: 99999999999d}\n",
	 "writ.yaml:3:31: expected a duration, as in 5ms, 30s, 10m or 1h"},
	{SC "site: x}\n", "writ.yaml:3:28: no site is called 'x'"},
	{"version: 1\nroutes: {r: {hedge: 1s}}\n",
	 "writ.yaml:2:13: a route needs the key 'models'"},
	{"version: 1\nroutes: {r: {models: m, hedge: 1s}}\n",
	 "writ.yaml:2:22: expected an array, found a string (and 1 more)"},
	{"version: 1\nroutes: {r: {models: [m], hedge: 1us}}\n",
	 "writ.yaml:2:34: must be between 1ms and 10m (and 1 more)"},
	{"version: 1\nroutes: {r: m}\n", "writ.yaml:2:13: expected an object, found a string"},
	{"version: 1\nmodels: {m: {url: 'http://x'}}\n",
	 "writ.yaml:2:13: a model needs the key 'site'"},
	{"version: 1\nsites: {s: {operator: o, country: DE, jurisdictions: [EU], manifest: m}}\n",
	 "writ.yaml:2:12: a manifest has to be signed: name who may sign in residency.keys"},
	{"version: 1\nsevered: EEA\n", "writ.yaml:2:1: unknown key 'severed'"},
	{"version: 1\nsites: {s: {operator: o, country: DE, jurisdictions: [EU], manifest_text: "
	 "m}}\n",
	 "writ.yaml:2:60: unknown key 'manifest_text'"},
	{"version: 1\nresidency: {categories: [a, Any]}\n",
	 "writ.yaml:2:29: a name has 1 to 32 characters of a-z, 0-9, '.', '_' and '-', and is not "
	 "'any'"},
	{"version: 1\nresidency: {categories: [a], detect: {mail: [a]}}\n",
	 "writ.yaml:2:39: expected secret, iban, card, email, phone, pii or all"},
	{"version: 1\nresidency: {categories: [a], detect: {email: [b]}}\n",
	 "writ.yaml:2:30: 'b' is not in residency.categories"},
	{"version: 1\nresidency: {origins: [DE, DE]}\n", "writ.yaml:2:27: 'DE' comes twice"},
	{"version: 1\nresidency: {keys: [ab]}\n",
	 "writ.yaml:2:20: an Ed25519 public key is 64 hexadecimal digits"},
	{"version: 1\nagents: {a: {data: {level: secret}}}\n",
	 "writ.yaml:2:28: expected public, internal, confidential or restricted"},
	{"version: 1\nagents: {a: {data: {purpose: p}}}\n",
	 "writ.yaml:2:14: 'p' is not in residency.purposes"},
	{"version: 1\nsites: {s: {operator: o, country: de, jurisdictions: [EU]}}\n",
	 "writ.yaml:2:35: a country is two capital letters (ISO 3166-1), as in DE"},
	{"version: 1\nsites: {s: {operator: o, country: DE, jurisdictions: []}}\n",
	 "writ.yaml:2:54: name every jurisdiction that can reach the data at this site"},
	{"version: 1\nsites: {s: {operator: o, country: DE, jurisdictions: [eu]}}\n",
	 "writ.yaml:2:55: a jurisdiction is written in capitals, as in EU or DE or US-CA"},
	{"version: 1\nsites: {s: {operator: o, country: DE, jurisdictions: [EU], sovereign: "
	 "yes}}\n",
	 "writ.yaml:2:71: expected true or false"},
	{"version: 1\nlimits: {body: 16MB}\n",
	 "writ.yaml:2:16: expected a size, as in 4096, 64KiB, 16MiB or 1GiB"},
	{"version: 1\nlimits: {body: 2GiB}\n",
	 "writ.yaml:2:16: must be between 1024 and 1073741824 bytes"},
	{"version: 1\nlisten: [{address: '127.0.0.1:80', kind: socks}]\n",
	 "writ.yaml:2:42: expected gateway or proxy"},
	{"version: 1\nservers: {a: {url: 'http://127.0.0.1:1/', http2: auto}}\n",
	 "writ.yaml:2:50: 'auto' needs an https URL: without TLS nothing is agreed on, so write "
	 "true "
	 "or false"},
	{"version: 1\nservers: {a: {url: 'http://127.0.0.1:1/', http2: 1}}\n",
	 "writ.yaml:2:50: expected true, false or auto"},
	{"version: 1\nlisten: [{address: '127.0.0.1:80', kind: proxy, http2: true}]\n",
	 "writ.yaml:2:10: a proxy speaks HTTP/1.1 only: leave out http2"},
	{"version: 1\nlisten: [{address: '127.0.0.1:80', kind: proxy, tls: {cert: a, key: b}}]\n",
	 "writ.yaml:2:10: a proxy has no TLS of its own: listen on this machine, or on a unix "
	 "socket"},
	{"version: 1\negress: {allow_addresses: [0.0.0.0/0]}\n",
	 "writ.yaml:2:28: '0.0.0.0/0': the range is wider than one kind of special address: name "
	 "the kinds one by one"},
	{"version: 1\negress: {allow_addresses: [8.8.8.8]}\n",
	 "writ.yaml:2:28: '8.8.8.8': public addresses need no permission here"},
	{"version: 1\negress: {hosts: {Git.test: [10.0.0.1]}}\n",
	 "writ.yaml:2:18: expected a host's name in lower case, as in git.example.org"},
	{"version: 1\negress: {hosts: {git.test: [224.0.0.1]}}\n",
	 "writ.yaml:2:29: multicast addresses are never dialled"},
	{"version: 1\ncredentials: {k: {url: 'https://a.test/'}}\n",
	 "writ.yaml:2:18: a credential needs the key 'secret_file'"},
	{"version: 1\ncredentials: {k: {url: 'https://a.test/x', secret_file: s}}\n",
	 "writ.yaml:2:24: the path ends with a slash: the credential is for all below it"},
	{"version: 1\ncredentials: {k: {url: 'http://a.test/', secret_file: s}}\n",
	 "writ.yaml:2:24: a secret would be sent unencrypted to another machine: use https"},
	{"version: 1\ncredentials: {k: {url: 'https://10.0.0.1/', secret_file: s}}\n",
	 "writ.yaml:2:24: TLS is looked into by name: an address has none"},
	{"version: 1\ncredentials: {k: {url: 'https://a.test/', header: Host, secret_file: s}}\n",
	 "writ.yaml:2:51: Writ sets the header 'Host' itself"},
	{"version: 1\negress: {hosts: {git.test: []}}\n",
	 "writ.yaml:2:28: a host needs an address"},
	{"version: 1\negress: {capture: [80, 8701]}\n",
	 "writ.yaml:2:24: port 8701 has another use in a sandbox"},
	{"version: 1\negress: {capture: [80, 80]}\n", "writ.yaml:2:24: port 80 stands there twice"},
	{"version: 1\negress: {capture: [0]}\n", "writ.yaml:2:20: must be between 1 and 65535"},
	{"version: 1\ngates: 257\n", "writ.yaml:2:8: must be between 0 and 256"},
	{"version: 1\nlog: {level: loud}\n", "writ.yaml:2:14: expected error, warn, info or debug"},
	{"version: 1\nstate: ''\n", "writ.yaml:2:8: the path is empty"},
	{"version: 1\nnode: \"a\\nb\"\n", "writ.yaml:2:7: an agent's name has 1 to 128 letters, "
					  "digits and any of ._@:/+-|%~ and begins "
					  "with a letter or a digit"},
};

static void each_mistake_is_named_with_its_place(void **state)
{
	bool all = true;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
		struct config cfg = {.gates = 77};
		struct err err = {0};
		struct arena a;

		arena_init(&a, 1 << 20);
		if (decode(&a, mistakes[i].yaml, &cfg, NULL, &err) != ERR_INVALID ||
		    strcmp(err.msg, mistakes[i].message) != 0) {
			print_error("%s--- got\n%s\n--- want\n%s\n", mistakes[i].yaml, err.msg,
				    mistakes[i].message);
			all = false;
		}
		assert_int_equal(cfg.gates, 77);
		arena_done(&a);
	}
	assert_true(all);
}

static void all_mistakes_are_reported_at_once(void **state)
{
	struct config_errors errors;
	struct err err = {0};
	struct config cfg;
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, 1 << 20);
	assert_int_equal(decode(&a, "version: 1\ngates: x\nlog: {level: 1, lvl: 2}\nfoo: 1\n", &cfg,
				&errors, &err),
			 ERR_INVALID);
	assert_int_equal(errors.n, 4);
	assert_str_equal(errors.lines[1],
			 STR("writ.yaml:3:14: expected error, warn, info or debug"));
	assert_str_equal(errors.lines[3], STR("writ.yaml:4:1: unknown key 'foo'"));
	arena_done(&a);

	buf_init(&b, 1 << 16);
	buf_append(&b, STR("version: 1\n"));
	for (int i = 0; i < 50; i++) {
		buf_printf(&b, "x%d: 1\n", i);
	}
	buf_append_c(&b, '\0');
	arena_init(&a, 1 << 20);
	assert_int_equal(decode(&a, buf_str(&b).p, &cfg, &errors, &err), ERR_INVALID);
	assert_int_equal(errors.n, CONFIG_MAX_ERRORS);
	assert_int_equal(errors.more, 50 - CONFIG_MAX_ERRORS);
	arena_done(&a);
	buf_done(&b);
}

static void json_is_read_by_the_same_decoder(void **state)
{
	struct err err = {0};
	struct config cfg;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	assert_int_equal(
		config_decode_json(&a, STR("{\"version\":1,\n\"polices\":\"/p\"}"), &cfg, &err),
		ERR_INVALID);
	assert_string_equal(err.msg, "configuration:2:1: unknown key 'polices' (did you mean "
				     "'policies'?)");
	assert_int_equal(
		config_decode_json(&a, STR("{\"version\":1,\"policies\":\"p\"}"), &cfg, &err),
		ERR_INVALID);
	assert_string_equal(err.msg, "configuration:1:25: the path must be absolute");
	arena_done(&a);
}

static void encoding_and_decoding_give_the_same_bytes(void **state)
{
	struct err err = {0};
	struct config cfg, again;
	struct buf one, two;
	struct arena a;

	(void)state;
	accepted(&a, whole, &cfg);
	buf_init(&one, 1 << 20);
	buf_init(&two, 1 << 20);
	config_encode_json(&cfg, CONFIG_VIEW_FULL, &one);
	assert_false(one.failed);
	if (config_decode_json(&a, buf_str(&one), &again, &err)) {
		fail_msg("%s", err.msg);
	}
	config_encode_json(&again, CONFIG_VIEW_FULL, &two);
	assert_str_equal(buf_str(&one), buf_str(&two));
	assert_memory_equal(&cfg.limits, &again.limits, sizeof(cfg.limits));
	assert_int_equal(again.n_servers, 3);
	assert_str_equal(again.servers[2].oauth->idp->subject_type, STR("id_token"));
	buf_done(&one);
	buf_done(&two);
	arena_done(&a);
}

static void the_gate_never_sees_where_credentials_are(void **state)
{
	static const char *const hidden[] = {"w-at-idp",      "/s/t",          "secret",
					     "TOKEN",         "Authorization", "X-Plain",
					     "api_key_file",  "HOME",          "server-filesystem",
					     "client-secret", "client_id",     "as.pem"};
	struct err err = {0};
	struct config cfg, gate;
	struct arena a;
	struct buf b;

	(void)state;
	accepted(&a, whole, &cfg);
	buf_init(&b, 1 << 20);
	config_encode_json(&cfg, CONFIG_VIEW_GATE, &b);
	for (size_t i = 0; i < ARRAY_LEN(hidden); i++) {
		if (str_find_str(buf_str(&b), str_from_c(hidden[i])) < buf_len(&b)) {
			fail_msg("the gate sees %s", hidden[i]);
		}
	}
	if (config_decode_json(&a, buf_str(&b), &gate, &err)) {
		fail_msg("%s", err.msg);
	}
	assert_int_equal(gate.n_servers, 3);
	assert_int_equal(gate.servers[0].kind, CONFIG_SERVER_STDIO);
	assert_int_equal(gate.servers[0].timeout_ns, cfg.servers[0].timeout_ns);
	assert_str_equal(gate.servers[1].url.host, STR("mcp.example.org"));
	buf_done(&b);
	arena_done(&a);
}

static void a_small_arena_is_an_error_and_not_a_crash(void **state)
{
	bool done = false;

	(void)state;
	for (size_t limit = 0; limit < (1 << 20) && !done; limit += 256) {
		struct config cfg;
		struct err err = {0};
		struct arena a;
		enum err_code code;

		arena_init(&a, limit);
		code = decode(&a, whole, &cfg, NULL, &err);
		if (code != ERR_OK && code != ERR_NOMEM) {
			fail_msg("%zu: %s", limit, err.msg);
		}
		done = code == ERR_OK;
		arena_done(&a);
	}
	assert_true(done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_arrives_where_it_belongs),
		cmocka_unit_test(servers_models_and_sites_arrive),
		cmocka_unit_test(the_exit_arrives),
		cmocka_unit_test(routes_and_what_raises_labels_arrive),
		cmocka_unit_test(the_smallest_file_is_safe_and_local),
		cmocka_unit_test(each_mistake_is_named_with_its_place),
		cmocka_unit_test(all_mistakes_are_reported_at_once),
		cmocka_unit_test(json_is_read_by_the_same_decoder),
		cmocka_unit_test(encoding_and_decoding_give_the_same_bytes),
		cmocka_unit_test(the_gate_never_sees_where_credentials_are),
		cmocka_unit_test(a_small_arena_is_an_error_and_not_a_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
