/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/bundle.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "crypto/sha256.h"
#include "sys/fd.h"
#include "sys/spawn.h"
#include "json/parse.h"
#include "json/write.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOADER_SECONDS = 30, ERROR_TEXT_MAX = 64 << 10, SECRET_MAX = 1 << 20 };

static const char SYSTEM_ROOTS[] = "/etc/ssl/certs/ca-certificates.crt";

void bundle_init(struct bundle *b)
{
	*b = (struct bundle){.config_fd = -1,
			     .connector_fd = -1,
			     .gate_config_fd = -1,
			     .policies_fd = -1,
			     .loader_errors_fd = -1,
			     .loader_bundle_fd = -1};
	arena_init(&b->arena, 2 * (size_t)BUNDLE_MAX);
}

void bundle_done(struct bundle *b)
{
	for (unsigned i = 0; i < b->n_secrets; i++) {
		fd_close(&b->secrets[i].fd);
	}
	zones_done(&b->zones);
	fd_close(&b->config_fd);
	fd_close(&b->connector_fd);
	fd_close(&b->gate_config_fd);
	fd_close(&b->policies_fd);
	fd_close(&b->loader_errors_fd);
	fd_close(&b->loader_bundle_fd);
	arena_done(&b->arena);
	bundle_init(b);
}

/* Reads the error text until the loader closes it or the time is up. */
static enum err_code read_errors(struct bundle *b, int fd, struct str *ret, struct err *err)
{
	uint64_t until = clock_mono() + LOADER_SECONDS * CLOCK_SEC;
	char *text = arena_alloc(&b->arena, ERROR_TEXT_MAX);
	size_t n = 0;

	if (!text) {
		return ERR(err, ERR_NOMEM, "no memory for the loader's answer");
	}
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		uint64_t now = clock_mono();
		ssize_t got;

		if (now >= until || poll(&p, 1, (int)((until - now) / CLOCK_MS) + 1) == 0) {
			return ERR(err, ERR_TIMEOUT,
				   "loading the configuration takes longer than %d s",
				   LOADER_SECONDS);
		}
		got = read(fd, text + n, ERROR_TEXT_MAX - n);
		if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
			continue;
		}
		if (got <= 0 || (n += (size_t)got) == ERROR_TEXT_MAX) {
			break;
		}
	}
	*ret = str_trim(str_make(text, n));
	return ERR_OK;
}

enum err_code bundle_begin(struct bundle *b, const char *path, struct err *err)
{
	char program[] = "writ", flag[] = "--role", role[] = "loader", config[4096];
	char *argv[] = {program, flag, role, config, NULL};
	struct spawn_request req = {.program = "/proc/self/exe", .argv = argv, .n_fds = 2};
	CLEANUP(fd_close) int bundle_fd = memfd_create("bundle", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	enum err_code code;
	int ends[2];

	if (bundle_fd < 0) {
		return ERR_ERRNO(err, "memfd_create");
	}
	(void)snprintf(config, sizeof(config), "%s", path);
	req.envp = environ; /* PATH: where a server's command is looked up */
	if (pipe2(ends, O_CLOEXEC) < 0) {
		return ERR_ERRNO(err, "pipe");
	}
	req.fds[0] = bundle_fd;
	req.fds[1] = ends[1];
	code = spawn(&req, &b->loader, err);
	(void)close(ends[1]);
	if (code) {
		(void)close(ends[0]);
		return code;
	}
	b->loader_errors_fd = ends[0];
	b->loader_bundle_fd = fd_take(&bundle_fd);
	return ERR_OK;
}

/* Until the loader has ended, or its time is up. */
static enum err_code wait_for_loader(struct bundle *b, struct str *ret_text, struct err *err)
{
	enum err_code code = read_errors(b, b->loader_errors_fd, ret_text, err);
	int status = 0;

	fd_close(&b->loader_errors_fd);
	if (code) {
		(void)kill(b->loader.pid, SIGKILL);
	}
	(void)waitpid(b->loader.pid, &status, 0);
	fd_close(&b->loader.pidfd);
	TRY(code);
	if (status != 0) {
		size_t line = str_find(*ret_text, '\n');

		return ERR(err, ERR_INVALID, STR_FMT,
			   STR_ARG(ret_text->n ? str_make(ret_text->p, line)
					       : STR("the loader ended without a word")));
	}
	for (struct str rest = *ret_text; rest.n;) {
		struct str line = str_cut(&rest, '\n');

		if (!str_starts_with(line, STR(" "))) { /* not the excerpts that belong to it */
			log_line(LOG_WARN, STR_FMT, STR_ARG(line));
		}
	}
	return ERR_OK;
}

/* `zones`: whose, when relays are to have it. */
static enum err_code add_file(struct bundle *b, struct str file, enum role reader, uint64_t zones,
			      bool is_private, struct err *err)
{
	struct role_secret *s = &b->secrets[b->n_secrets];
	CLEANUP(fd_close) int fd = -1;
	enum err_code code;
	struct arena a;
	struct stat st;
	struct str text;

	for (unsigned i = 0; i < b->n_secrets; i++) {
		if (str_eq(str_from_c(b->secrets[i].file), file) &&
		    b->secrets[i].reader == reader) {
			b->secrets[i].zones |= zones;
			return ERR_OK;
		}
	}
	if (b->n_secrets == ROLE_MAX_SECRETS || file.n >= sizeof(s->file)) {
		return ERR(err, ERR_LIMIT,
			   "more than %d files, or a path that is too long: " STR_FMT,
			   ROLE_MAX_SECRETS, STR_ARG(file));
	}
	*s = (struct role_secret){.fd = -1, .reader = reader, .zones = zones};
	memcpy(s->file, file.p, file.n);
	fd = open(s->file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0) {
		return ERR_ERRNO(err, "opening %s", s->file);
	}
	if (is_private && (st.st_mode & 077)) {
		return ERR(err, ERR_INVALID, "%s is open to others: chmod 600 it", s->file);
	}
	arena_init(&a, 2 * SECRET_MAX);
	code = fd_read_all(fd, SECRET_MAX, &a, &text, err);
	code = code ? code : fd_memfd("secret", text, &s->fd, err);
	arena_done(&a);
	TRY(code);
	b->n_secrets++;
	return ERR_OK;
}

enum err_code bundle_add(struct bundle *b, const char *name, int fd, enum role reader,
			 struct err *err)
{
	struct role_secret *s = &b->secrets[b->n_secrets];

	if (b->n_secrets == ROLE_MAX_SECRETS) {
		return ERR(err, ERR_LIMIT, "more than %d files", ROLE_MAX_SECRETS);
	}
	*s = (struct role_secret){
		.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3), .reader = reader, .zones = UINT64_MAX};
	if (s->fd < 0) {
		return ERR_ERRNO(err, "dup");
	}
	(void)snprintf(s->file, sizeof(s->file), "%s", name);
	b->n_secrets++;
	return ERR_OK;
}

static enum err_code add_secret(struct bundle *b, struct str file, enum role reader,
				bool is_private, struct err *err)
{
	return add_file(b, file, reader, 0, is_private, err);
}

static enum err_code collect_entries(struct bundle *b, const struct config_entries *entries,
				     enum role reader, uint64_t zone, struct err *err)
{
	for (size_t i = 0; i < entries->n; i++) {
		if (entries->items[i].secret_file.n) {
			TRY(add_file(b, entries->items[i].secret_file, reader, zone, true, err));
		}
	}
	return ERR_OK;
}

static enum err_code collect_exit(struct bundle *b, struct err *err)
{
	const struct config *c = b->config;

	for (size_t i = 0; i < c->n_credentials; i++) {
		TRY(add_secret(b, c->credentials[i].file, ROLE_EXIT, true, err));
	}
	if (!config_inspects_any(c)) {
		return ERR_OK;
	}
	return add_secret(b, c->egress.ca_file.n ? c->egress.ca_file : str_from_c(SYSTEM_ROOTS),
			  ROLE_EXIT, false, err);
}

/* What the certificate of something in this zone is verified by. */
static enum err_code collect_roots(struct bundle *b, const struct config_url *url,
				   struct str ca_file, uint64_t zone, struct err *err)
{
	return url->tls ? add_file(b, ca_file.n ? ca_file : str_from_c(SYSTEM_ROOTS), ROLE_RELAY,
				   zone, false, err)
			: ERR_OK;
}

/* The connector hands them on to who gets the tokens. */
static enum err_code collect_grant(struct bundle *b, const struct config_server *s, struct err *err)
{
	if (!s->oauth) {
		return ERR_OK;
	}
	for (const struct config_grant *g = s->oauth; g; g = g->idp) {
		const struct str files[] = {g->secret_file, g->key_file, g->subject_file};

		for (size_t i = 0; i < ARRAY_LEN(files); i++) {
			if (files[i].n) {
				TRY(add_secret(b, files[i], ROLE_CONNECTOR, true, err));
			}
		}
	}
	/* Its authorization server may be anywhere. */
	return add_secret(b, s->ca_file.n ? s->ca_file : str_from_c(SYSTEM_ROOTS), ROLE_CONNECTOR,
			  false, err);
}

static enum err_code collect_issuers(struct bundle *b, struct err *err)
{
	const struct config_oauth *o = &b->config->identity.oauth;
	uint64_t zone = zones_bit(&b->zones, NULL);

	for (size_t i = 0; i < o->n_issuers; i++) {
		const struct config_issuer *is = &o->issuers[i];

		if (is->secret_file.n) {
			TRY(add_file(b, is->secret_file, ROLE_RELAY, zone, true, err));
		}
		TRY(collect_roots(b, &is->keys_url, is->ca_file, zone, err));
		TRY(collect_roots(b, &is->introspect, is->ca_file, zone, err));
	}
	return ERR_OK;
}

static enum err_code collect_secrets(struct bundle *b, struct err *err)
{
	const struct config *c = b->config;

	for (size_t i = 0; i < c->n_listen; i++) {
		const struct config_listen *l = &c->listen[i];

		if (l->has_tls) {
			TRY(add_secret(b, l->tls.cert, ROLE_GATE, false, err));
			TRY(add_secret(b, l->tls.key, ROLE_GATE, true, err));
		}
		if (l->has_tls && l->tls.client_ca.n) {
			TRY(add_secret(b, l->tls.client_ca, ROLE_GATE, false, err));
		}
	}
	for (size_t i = 0; i < c->n_servers; i++) {
		const struct config_server *s = &c->servers[i];
		uint64_t zone = zones_bit(&b->zones, s->site);

		TRY(collect_entries(b, &s->headers, ROLE_RELAY, zone, err));
		TRY(collect_entries(b, &s->env, ROLE_RUNNER, 0, err));
		TRY(collect_grant(b, s, err));
		if (s->kind == CONFIG_SERVER_HTTP) {
			TRY(collect_roots(b, &s->url, s->ca_file, zone, err));
		}
	}
	for (size_t i = 0; i < c->n_models; i++) {
		const struct config_model *m = &c->models[i];
		uint64_t zone = zones_bit(&b->zones, m->site);

		if (m->api_key_file.n) {
			TRY(add_file(b, m->api_key_file, ROLE_RELAY, zone, true, err));
		}
		TRY(collect_roots(b, &m->url, m->ca_file, zone, err));
	}
	TRY(collect_issuers(b, err));
	return collect_exit(b, err);
}

/* A gate knows by its digest whether a server is configured as before, commands and all. */
static void append_digests(struct buf *out, const struct json *servers)
{
	uint8_t digest[SHA256_LEN];
	bool first = true;

	buf_append(out, STR(",\"servers\":{"));
	JSON_EACH (s, servers) {
		sha256_of(s->raw, digest);
		buf_append(out, first ? STR("") : STR(","));
		json_put_str(out, s->key);
		buf_append(out, STR(":\""));
		hex_append(out, digest, sizeof(digest));
		buf_append_c(out, '"');
		first = false;
	}
	buf_append_c(out, '}');
}

static void append_beside(struct buf *out, const struct json *root, struct str key)
{
	const struct json *text = json_get(root, key);

	buf_append(out, STR(",\""));
	buf_append(out, key);
	buf_append(out, STR("\":"));
	buf_append(out, text ? text->raw : STR("null"));
}

static enum err_code encode(const struct config *c, enum config_view view, int *ret,
			    struct err *err)
{
	enum err_code code;
	struct buf out;

	buf_init(&out, BUNDLE_MAX);
	config_encode_json(c, view, &out);
	code = out.failed ? ERR(err, ERR_NOMEM, "no memory for the configuration")
			  : fd_memfd("config", buf_str(&out), ret, err);
	buf_done(&out);
	return code;
}

/* The gate's view and the policies, each as a sealed memfd of its own. */
static enum err_code cut_views(struct bundle *b, const struct json *root, struct err *err)
{
	const struct json *policies = json_get(root, STR("policies"));
	enum err_code code;
	struct buf out;

	b->n_policy_files = policies ? policies->n : 0;
	TRY(encode(b->config, CONFIG_VIEW_GATE, &b->gate_config_fd, err));
	buf_init(&out, BUNDLE_MAX);
	buf_append(&out, STR("{\"policies\":"));
	buf_append(&out, policies ? policies->raw : STR("[]"));
	append_beside(&out, root, STR("schema"));
	append_beside(&out, root, STR("events"));
	append_beside(&out, root, STR("providers"));
	append_beside(&out, root, STR("scripts"));
	append_digests(&out, json_get(json_get(root, STR("config")), STR("servers")));
	buf_append_c(&out, '}');
	code = out.failed ? ERR(err, ERR_NOMEM, "no memory for the policies")
			  : fd_memfd("policies", buf_str(&out), &b->policies_fd, err);
	buf_done(&out);
	return code;
}

/* What relays and the role that dials are told. */
static enum err_code cut_zones(const struct config *c, struct zones *zones, int *ret_connector,
			       struct err *err)
{
	struct config view;
	enum err_code code;
	struct arena a;

	TRY(zones_of(c, zones, err));
	arena_init(&a, BUNDLE_MAX);
	code = zone_view_of_connector(&a, c, &view, err);
	code = code ? code : encode(&view, CONFIG_VIEW_FULL, ret_connector, err);
	for (unsigned i = 0; i < zones->n && !code; i++) {
		struct zone *z = &zones->items[i];

		code = zone_view(&a, c, str_from_c(z->name), &view, err);
		code = code ? code : encode(&view, CONFIG_VIEW_FULL, &z->config_fd, err);
	}
	arena_done(&a);
	return code;
}

enum err_code bundle_sever(struct bundle *b, struct str group, struct err *err)
{
	CLEANUP(fd_close) int full = -1, gate = -1, connector = -1;
	struct config c = *b->config;
	struct zones zones = {0};

	c.severed = group;
	TRY(encode(&c, CONFIG_VIEW_FULL, &full, err));
	TRY(encode(&c, CONFIG_VIEW_GATE, &gate, err));
	if (cut_zones(&c, &zones, &connector, err)) {
		zones_done(&zones);
		return err->code;
	}
	b->config->severed = group;
	zones_done(&b->zones);
	fd_close(&b->config_fd);
	fd_close(&b->connector_fd);
	fd_close(&b->gate_config_fd);
	b->zones = zones;
	b->config_fd = fd_take(&full);
	b->connector_fd = fd_take(&connector);
	b->gate_config_fd = fd_take(&gate);
	return ERR_OK;
}

static enum err_code take_apart(struct bundle *b, int bundle_fd, struct err *err)
{
	const struct json_opts opts = {
		.name = STR("bundle"), .max_depth = 128, .max_bytes = BUNDLE_MAX};
	const struct json *root, *config;
	struct str text;

	TRY(fd_read_all(bundle_fd, BUNDLE_MAX, &b->arena, &text, err));
	TRY(json_parse(&b->arena, text, &opts, &root, err));
	config = json_get(root, STR("config"));
	if (!config) {
		return ERR(err, ERR_INVALID, "the loader gave no configuration");
	}
	b->config = ARENA_NEW(&b->arena, struct config);
	if (!b->config) {
		return ERR(err, ERR_NOMEM, "no memory for the configuration");
	}
	TRY(config_decode_json(&b->arena, config->raw, b->config, err));
	TRY(fd_memfd("config", config->raw, &b->config_fd, err));
	TRY(cut_views(b, root, err));
	TRY(cut_zones(b->config, &b->zones, &b->connector_fd, err));
	return collect_secrets(b, err);
}

enum err_code bundle_finish(struct bundle *b, struct str *ret_text, struct err *err)
{
	CLEANUP(fd_close) int fd = fd_take(&b->loader_bundle_fd);

	TRY(wait_for_loader(b, ret_text, err));
	return take_apart(b, fd, err);
}
