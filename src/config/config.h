/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of one node, decoded. There is one decoder for YAML and for
 * the JSON that roles receive: both are trees of struct json whose nodes know
 * their place in a text, so every error reads "writ.yaml:12:5: unknown key
 * 'adress' (did you mean 'address'?)". docs/configuration.md lists every key.
 *
 * Everything here is pure: no file is opened, PATH is not read, no name is
 * resolved. Files are read in config/load.h only.
 *
 * A struct config holds names of secret files, never a secret. It borrows from
 * the source's text and arena, and lives as long as both.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "detect/detect.h"
#include "egress/host.h"
#include "json/parse.h"

#include <netinet/in.h>

enum {
	CONFIG_MAX_BYTES = 256 << 10, /* one configuration file */
	CONFIG_MAX_DEPTH = 32,
	CONFIG_MAX_ID = 32,     /* server, site, model ids */
	CONFIG_MAX_ERRORS = 20, /* reported by one decoding */
	CONFIG_MAX_CAPTURE = 16,
};

struct config_strs {
	const struct str *items;
	size_t n;
};

/* A header or an environment variable: exactly one of text and secret_file is not NULL. */
struct config_entry {
	struct str name, text, secret_file;
};

struct config_entries {
	const struct config_entry *items;
	size_t n;
};

/* Files that make a listener speak TLS. client_ca is empty when client certificates are not asked
 * for. */
struct config_tls {
	struct str cert, key, client_ca;
};

/* Whether an upstream is asked for HTTP/2. AUTO takes what TLS agrees on. */
enum config_http2 { CONFIG_HTTP2_NO = 0, CONFIG_HTTP2_AUTO, CONFIG_HTTP2_YES };

enum config_listen_kind { CONFIG_LISTEN_TCP = 0, CONFIG_LISTEN_UNIX };

/* What is behind a listener: MCP and models, or the exit as an HTTP proxy. */
enum config_serves { CONFIG_SERVES_GATEWAY = 0, CONFIG_SERVES_PROXY };

struct config_listen {
	enum config_listen_kind kind;
	enum config_serves serves;
	struct str address; /* as written: "127.0.0.1:8700", "[::1]:8700", "unix:/run/writ.sock" */
	struct sockaddr_storage sockaddr; /* TCP: ready for bind(2) */
	socklen_t sockaddr_len;
	uint16_t port;
	struct str path; /* UNIX: absolute */
	bool local;      /* loopback or UNIX: nobody outside this machine reaches it */
	bool has_tls;
	bool http2; /* offered besides HTTP/1.1; with TLS unless it is written otherwise */
	struct config_tls tls;
};

struct config_api_key {
	struct str agent, owner;
	uint8_t sha256[32]; /* of the whole key */
};

struct config_mtls {
	struct str agent;
	uint8_t fingerprint[32]; /* SHA-256 of the client's certificate (DER) */
};

struct config_unix_peer {
	struct str agent;
	uint32_t uid;
};

struct config_url {
	struct str text;   /* the whole, as written */
	struct str host;   /* without brackets */
	struct str target; /* path and query, begins with '/' */
	uint16_t port;
	bool tls;      /* https */
	bool ipv6;     /* host is an IPv6 address */
	bool ip;       /* host is an IP address of either kind */
	bool loopback; /* 127.0.0.0/8, ::1 or localhost: the connector may pass the socket on */
};

/* Who issues tokens, and how they are verified. Needs a key set, or introspection. */
struct config_issuer {
	struct str id;                     /* begins the names of its agents: "corp:alice" */
	struct str issuer;                 /* its identifier, as tokens state it */
	struct config_url keys_url;        /* text empty: none */
	struct str keys_file, keys;        /* the file, and its text, filled by config_load */
	struct config_url introspect;      /* text empty: none */
	struct str client_id, secret_file; /* for introspection; empty in a gate's view */
	struct str ca_file;                /* of both URLs; empty: the system's roots */
	struct config_strs audiences;      /* besides the resource itself */
	struct config_strs types;          /* of signed tokens: "at+jwt" */
	struct config_strs algorithms;     /* of RS256, PS256, ES256, EdDSA */
};

/* Tokens of OAuth 2.1: the resource that they must be for, and who issues them. */
struct config_oauth {
	struct config_url resource; /* as clients reach it; text has no slash at its end */
	struct config_strs scopes;  /* that every use needs */
	const struct config_issuer *issuers;
	size_t n_issuers;  /* 0: no tokens are accepted */
	uint64_t skew_ns;  /* how far an issuer's clock may differ */
	uint64_t cache_ns; /* how long the answer to an introspection holds */
};

/* How callers are recognised. */
struct config_identity {
	struct config_oauth oauth;
	const struct config_api_key *api_keys;
	const struct config_mtls *mtls;
	const struct config_unix_peer *unix_peers;
	size_t n_api_keys, n_mtls, n_unix_peers;
	/* Who a caller is that shows nothing, on local listeners only; empty: such a caller is
	 * refused. "anonymous" when the file has no identity section at all. */
	struct str anonymous;
};

struct config_site {
	struct str id, operator_name;
	struct str country;               /* ISO 3166-1 alpha-2, upper case */
	struct config_strs jurisdictions; /* who can reach the data; never empty */
	bool sovereign;
	struct str manifest_file; /* absolute; empty: nobody states anything about the site */
	/* What the file and FILE.sig hold; filled by config_load, and between roles only. */
	struct str manifest, manifest_sig; /* the signature in hexadecimal */
};

/* A file of groups of jurisdictions; the text is filled by config_load. */
struct config_group_file {
	struct str file, text;
};

enum { CONFIG_APPROVERS = 2 }; /* different keys that have to sign what opens */

/* What is found raises a request to these categories. */
struct config_raise {
	struct str what;  /* "email", "pii": words of detect/detect.h */
	unsigned classes; /* DETECT_BITs */
	struct config_strs to;
};

/* What data is called, and what it is used for: the dimensions of the residency matrix. */
struct config_residency {
	bool present; /* there is such a section: who states nothing about data has the worst */
	struct config_strs categories, purposes, origins;
	const struct config_group_file *groups;
	const struct config_key *keys; /* who may sign manifests, and approve what opens */
	struct config_strs protected;  /* categories for which nothing opens without approval */
	struct str approvals_file;     /* absolute; may not be there yet; empty: none */
	struct str approvals;          /* its text; filled by config_load, and between roles only */
	const struct config_raise *raises;
	size_t n_groups, n_keys, n_raises;
};

/* An Ed25519 public key. */
struct config_key {
	uint8_t bytes[32];
};

enum config_level {
	CONFIG_LEVEL_PUBLIC = 0,
	CONFIG_LEVEL_INTERNAL,
	CONFIG_LEVEL_CONFIDENTIAL,
	CONFIG_LEVEL_RESTRICTED,
};

/* What an agent works with at least: the floor of the labels of its requests. */
struct config_data {
	bool stated;
	enum config_level level;
	struct config_strs categories;
	struct str purpose, origin; /* empty: none with a name */
};

enum config_server_kind { CONFIG_SERVER_STDIO = 0, CONFIG_SERVER_HTTP };
enum config_sandbox { CONFIG_SANDBOX_STRICT = 0, CONFIG_SANDBOX_WEAKER };
/* What is done about what a check finds. */
enum config_check { CONFIG_CHECK_ENFORCE = 0, CONFIG_CHECK_OBSERVE, CONFIG_CHECK_OFF };
enum config_profile { CONFIG_PROFILE_NATIVE = 0, CONFIG_PROFILE_NODE, CONFIG_PROFILE_PYTHON };

/* How a server is spoken to. */
enum config_protocol {
	CONFIG_PROTOCOL_AUTO = 0, /* found out */
	CONFIG_PROTOCOL_LEGACY,   /* 2025-11-25 and before */
	CONFIG_PROTOCOL_MODERN,   /* 2026-07-28 */
	CONFIG_PROTOCOL_SSE,      /* over HTTP+SSE, the transport of 2024-11-05 */
};

/*
 * How tokens for a server are got: as a client of its authorization server (RFC 6749 section 4.4), by a
 * person's login (section 4.1), or for what an organisation's identity provider vouches for (`idp`), where Writ is
 * a client of its own: there a person logs in, or a file has the token that says for whom.
 */
struct config_grant {
	bool login;
	const struct config_grant *idp; /* NULL: none */
	struct str subject_file;        /* of an idp without login */
	struct str
		subject_type; /* of what is in it: what follows urn:ietf:params:oauth:token-type: */
	struct str client_metadata; /* login: a URL that is the client's id and says who it is */
	struct str client_id;       /* login: empty: it registers itself */
	struct str secret_file, key_file; /* what proves it: a secret, or a private key (PEM) */
	struct str key_id;                /* of the key, as the server knows it; empty: not named */
	struct str issuer;                /* empty: the first that the server names */
	struct config_strs scopes;        /* empty: what the server asks for */
};

struct config_server {
	struct str id;
	enum config_server_kind kind;
	/* STDIO */
	struct config_strs command; /* [0] is absolute after config_load; the gate sees no more */
	struct str cwd;             /* empty: a fresh empty directory */
	struct config_entries env;
	struct config_strs files_read, files_write; /* absolute paths */
	enum config_sandbox sandbox;
	enum config_profile profile;
	/* HTTP */
	struct config_url url;
	enum config_http2 http2;
	struct config_entries headers;
	const struct config_grant *oauth; /* NULL: none */
	struct str ca_file;               /* empty: the system's roots */
	bool has_pin;
	uint8_t pin[32]; /* SHA-256 of the peer's certificate (DER) */
	/* both */
	const struct config_site *site; /* NULL: this machine, or not stated for a URL */
	enum config_protocol protocol;
	uint64_t timeout_ns;       /* one call */
	uint64_t ping_ns;          /* so long it may say nothing, unasked; 0: for ever */
	enum config_check pins;    /* what clients see of it is what a person knows */
	enum config_check schemas; /* arguments and results against what tools say of them */
	struct str instructions;   /* what `initialize` tells clients about it; empty: nothing */
};

/* What serves a model; PLAIN: not said. */
enum config_engine {
	CONFIG_ENGINE_PLAIN = 0,
	CONFIG_ENGINE_VLLM,
	CONFIG_ENGINE_SGLANG,
	CONFIG_ENGINE_LLAMA_SERVER,
	CONFIG_ENGINE_OLLAMA,
	CONFIG_ENGINE_MISTRAL,
	CONFIG_ENGINE_OPENAI,
	CONFIG_ENGINE_ANTHROPIC,
};

struct config_model {
	struct str name;
	struct config_url url; /* of the OpenAI-compatible API, as "https://llm.example/v1" */
	enum config_http2 http2;
	struct str model; /* the name at the back end; the same as `name` when not written */
	struct str api_key_file, ca_file;
	const struct config_site *site; /* never NULL */
	uint64_t context;               /* tokens; 0: not stated */
	enum config_engine engine;
	struct config_strs speaks; /* dialects ("chat"); none: those that the engine is known for */
	uint64_t max_tokens;       /* of an answer whose client states no limit; 0: no limit */
	uint64_t in_flight;        /* requests of one gate at the same time; 0: any number */
	bool priced;
	uint64_t price_input, price_output; /* of a million tokens, in millionths of the currency */
};

#define CONFIG_HEDGE_P95 UINT64_MAX /* so long as 95 in a hundred requests wait for the model */

/* A name for several models, each at its site: whichever may, and can, answers. */
struct config_route {
	struct str name;
	const uint32_t *models; /* indices into config.models, in the order written */
	size_t n;
	uint64_t hedge_ns; /* so long without an answer another is asked too, or P95; 0: none is */
};

/* What an agent calls a model or a route. */
struct config_alias {
	struct str name, to;
};

enum config_budget_per { CONFIG_PER_NODE = 0, CONFIG_PER_AGENT, CONFIG_PER_TEAM };
enum config_period {
	CONFIG_PERIOD_DAY = 0,
	CONFIG_PERIOD_HOUR,
	CONFIG_PERIOD_MONTH,
	CONFIG_PERIOD_EVER
};

/* How much may be used of models; every budget that a request falls under holds. */
struct config_budget {
	struct str name;
	enum config_budget_per per;
	enum config_period period;         /* of UTC */
	uint64_t tokens, money;            /* 0: no limit; money in millionths of the currency */
	struct config_strs agents, models; /* whom and what it is about; none: all */
};

struct config_agent {
	struct str name, owner, team;
	const struct config_alias *aliases;
	size_t n_aliases;
	const struct json *attributes; /* an object for the agent's Cedar entity; NULL: none */
	struct config_data data;
};

struct config_limits {
	uint64_t body;        /* bytes of one request or response that is buffered */
	uint64_t connections; /* of one gate */
	uint64_t sessions;    /* of one gate */
	uint64_t session_idle_ns;
	uint64_t history;            /* bytes of what happened that one session keeps */
	uint64_t head_timeout_ns;    /* from the first byte of a request to the end of its head */
	uint64_t request_timeout_ns; /* from its first byte to the end of its body */
	uint64_t idle_timeout_ns;    /* a connection without a request */
	uint64_t drain_ns;           /* a graceful stop */
};

/* A host that is not looked up: it has these addresses, special ones too. */
struct config_egress_host {
	struct str name;
	const struct egress_ip *addrs;
	size_t n_addrs;
};

struct config_egress_range {
	struct str text; /* as written */
	struct egress_range range;
};

/* The exit: what agents may reach is the policies' to say; this is how it is reached. */
struct config_egress {
	const struct config_egress_host *hosts;
	const struct config_egress_range *ranges; /* special addresses that may be dialled */
	size_t n_hosts, n_ranges;
	struct config_strs slash_escapes; /* hosts in whose paths "%2F" is let through */
	struct config_strs inspect;       /* hosts in whose tunnels TLS is looked into */
	bool programs;           /* found out for each connection of a run, for the record */
	bool http2;              /* is spoken in tunnels that are looked into */
	struct str ca_file;      /* of the hosts that are looked into; empty: the system's roots */
	uint64_t idle_ns;        /* a tunnel without a byte */
	uint64_t tunnels;        /* of one gate */
	const uint16_t *capture; /* ports where `writ run` takes connections of all programs */
	size_t n_capture;
};

/*
 * A secret that an agent uses without having it: it sends "writ-credential-ID" in this header, and
 * the role that dials puts the secret there, for requests below this URL and nowhere else.
 */
struct config_credential {
	struct str id;
	struct config_url url; /* target ends with a slash */
	struct egress_host host;
	struct str header;
	struct str file; /* empty in a gate's view */
};

enum config_log_level {
	CONFIG_LOG_ERROR = 0,
	CONFIG_LOG_WARN,
	CONFIG_LOG_INFO,
	CONFIG_LOG_DEBUG
}; /* the numbers of enum log_level */

struct config_ledger {
	uint64_t sync_ns;       /* group commit to disk; 0: after every batch */
	uint64_t checkpoint_ns; /* between signed checkpoints */
};

struct config {
	struct str node;
	struct str state;    /* directory, absolute */
	struct str policies; /* directory, absolute */
	/* Files, absolute; empty: none. Temporal policies: what happens, and what they may call. */
	struct str schema, events, providers;
	const struct config_listen *listen;
	const struct config_server *servers;
	const struct config_model *models;
	const struct config_route *routes;
	const struct config_budget *budgets;
	const struct config_site *sites;
	const struct config_agent *agents;
	size_t n_listen, n_servers, n_models, n_sites, n_agents, n_routes, n_budgets;
	struct config_identity identity;
	struct config_residency residency;
	struct str
		severed; /* group or country: no link leaves it; empty: none is cut. Of no file. */
	struct config_limits limits;
	struct config_ledger ledger;
	struct config_egress egress;
	const struct config_credential *credentials;
	size_t n_credentials;
	uint32_t gates; /* 0: one for each core */
	enum config_log_level log_level;
};

/* What a tree came from. */
struct config_source {
	struct str name; /* for errors: "writ.yaml" */
	struct str text; /* node offsets count into it */
	const struct json *root;
	struct str dir; /* absolute: what relative paths start from; empty: they are refused */
};

/* Everything that is wrong, one "name:line:column: what" for each; lives in the arena. */
struct config_errors {
	struct str lines[CONFIG_MAX_ERRORS];
	size_t n;
	size_t more; /* how many were not kept */
};

/*
 * Decodes a tree. On failure err holds the first error, and `errors`, when not NULL, all of them.
 * ERR_INVALID: something is wrong; ERR_NOMEM.
 */
enum err_code config_decode(struct arena *a, const struct config_source *src, struct config *ret,
			    struct config_errors *errors, struct err *err) MUST_USE;

/* The same from JSON text, which must outlive *ret. Paths must be absolute. */
enum err_code config_decode_json(struct arena *a, struct str text, struct config *ret,
				 struct err *err) MUST_USE;

/* Who may see what of a configuration. */
enum config_view {
	CONFIG_VIEW_GATE = 0, /* no credential's name or place, no environment, no command */
	CONFIG_VIEW_FULL,
};

/*
 * Appends canonical JSON: fixed order of keys, every default written out, absolute paths,
 * durations in nanoseconds. config_decode_json of it gives the same configuration, and the same
 * bytes when encoded again. Check to->failed.
 */
void config_encode_json(const struct config *cfg, enum config_view view, struct buf *to);

/* Borrowed, or NULL. */
const struct config_server *config_server_find(const struct config *cfg, struct str id);
const struct config_model *config_model_find(const struct config *cfg, struct str name);
const struct config_route *config_route_find(const struct config *cfg, struct str name);
const struct config_site *config_site_find(const struct config *cfg, struct str id);
const struct config_agent *config_agent_find(const struct config *cfg, struct str name);

/* May a gate have to speak HTTP/2? */
bool config_has_http2(const struct config *cfg);

/* "vllm"; "" for PLAIN. Static storage. */
const char *config_engine_name(enum config_engine e);

/* Is anything of any server pinned? */
bool config_pins_any(const struct config *cfg);

/* Does any server need tokens that its authorization server gives? */
bool config_has_grants(const struct config *cfg);

/* Does a person have to log in at some of them? */
bool config_has_logins(const struct config *cfg);

/* Where a person has to log in for this server: its `oauth`, or the `idp` of that; NULL: nowhere. */
const struct config_grant *config_login_of(const struct config_server *s);

/* Does anything of this configuration need the role that dials hosts? */
bool config_has_exit(const struct config *cfg);

/* Borrowed, or NULL: then the name is looked up. */
const struct config_egress_host *config_egress_find(const struct config *cfg, struct str name);
const struct config_credential *config_credential_find(const struct config *cfg, struct str id);

/* Whether it may go to this host at all; the path is another question. */
bool config_credential_is_for(const struct config_credential *k, const struct egress_host *host,
			      bool tls);

/* Whether tunnels to this host are looked into: it is named, or a credential is for it. */
bool config_inspects(const struct config *cfg, const struct egress_host *host);
bool config_inspects_any(const struct config *cfg);

bool config_escapes_slashes(const struct config *cfg, struct str name);

/* Absolute http or https URL, no user, no fragment; `text` must outlive *ret. ERR_INVALID says why.
 */
enum err_code config_url_parse(struct arena *a, struct str text, struct config_url *ret,
			       struct err *err) MUST_USE;

#endif
