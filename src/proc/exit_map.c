/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/exit_map.h"

#include "crypto/tls.h"
#include "egress/redact.h"
#include "http/field.h"
#include "sys/fd.h"

#include <stdlib.h>

enum { CONFIG_MAX = 64 << 20, FILE_MAX = 1 << 20 };

static const char SYSTEM_ROOTS[] = "/etc/ssl/certs/ca-certificates.crt";

struct files {
	const struct role_secret *items;
	unsigned n;
};

static enum err_code file_bytes(const struct files *files, struct str name, struct arena *a,
				struct str *ret, struct err *err)
{
	for (unsigned i = 0; i < files->n; i++) {
		if (str_eq(str_from_c(files->items[i].file), name)) {
			return fd_read_all(files->items[i].fd, FILE_MAX, a, ret, err);
		}
	}
	return ERR(err, ERR_NOT_FOUND, "the supervisor did not hand over " STR_FMT, STR_ARG(name));
}

/* A secret that is too short to be found again in an answer is none to be kept. */
static enum err_code add_credential(struct exit_map *m, const struct config_credential *k,
				    const struct files *files, struct arena *scratch,
				    struct err *err)
{
	struct exit_credential *c = &m->credentials[m->n_credentials];
	struct str text;

	TRY(file_bytes(files, k->file, scratch, &text, err));
	while (text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r')) {
		text.n--;
	}
	if (text.n < 8 || text.n > REDACT_SECRET_MAX / 2 || !http_is_value(text)) {
		return ERR(err, ERR_INVALID,
			   "credential " STR_FMT ": a secret has 8 to %d characters that may stand "
			   "in a header",
			   STR_ARG(k->id), REDACT_SECRET_MAX / 2);
	}
	c->config = k;
	TRY(secret_copy(&c->value, text, err));
	m->n_credentials++;
	return ERR_OK;
}

static enum err_code make_tls(struct exit_map *m, const struct files *files, struct arena *scratch,
			      struct err *err)
{
	struct tls_client_config c = {0};
	struct str file = m->config.egress.ca_file;

	if (!config_inspects_any(&m->config)) {
		return ERR_OK;
	}
	TRY(file_bytes(files, file.n ? file : str_from_c(SYSTEM_ROOTS), scratch, &c.ca_pem, err));
	TRY(tls_client_new(&c, &m->tls, err));
	c.http2 = true;
	return m->config.egress.http2 ? tls_client_new(&c, &m->tls_h2, err) : ERR_OK;
}

static enum err_code fill(struct exit_map *m, int config_fd, const struct files *files,
			  struct arena *scratch, struct err *err)
{
	struct str text;

	TRY(fd_read_all(config_fd, CONFIG_MAX, &m->arena, &text, err));
	TRY(config_decode_json(&m->arena, text, &m->config, err));
	m->n_open = m->config.egress.n_ranges;
	m->open = ARENA_ARRAY(&m->arena, m->n_open + 1, struct egress_range);
	m->credentials =
		ARENA_ARRAY(&m->arena, m->config.n_credentials + 1, struct exit_credential);
	if (!m->open || !m->credentials) {
		return ERR(err, ERR_NOMEM, "no memory for the configuration");
	}
	for (size_t i = 0; i < m->n_open; i++) {
		m->open[i] = m->config.egress.ranges[i].range;
	}
	for (size_t i = 0; i < m->config.n_credentials; i++) {
		TRY(add_credential(m, &m->config.credentials[i], files, scratch, err));
	}
	return make_tls(m, files, scratch, err);
}

enum err_code exit_map_new(int config_fd, const struct role_secret *files, unsigned n_files,
			   struct exit_map **ret, struct err *err)
{
	const struct files handed = {.items = files, .n = n_files};
	struct exit_map *m = calloc(1, sizeof(*m));
	struct arena scratch;
	enum err_code code;

	if (!m) {
		return ERR(err, ERR_NOMEM, "no memory for the configuration");
	}
	m->refs = 1;
	arena_init(&m->arena, 2 * (size_t)CONFIG_MAX);
	arena_init(&scratch, 2 * (size_t)CONFIG_MAX);
	code = fill(m, config_fd, &handed, &scratch, err);
	arena_wipe(&scratch); /* the files went through it */
	arena_done(&scratch);
	if (code) {
		exit_map_unref(m);
		return code;
	}
	*ret = m;
	return ERR_OK;
}

struct exit_map *exit_map_ref(struct exit_map *m)
{
	m->refs++;
	return m;
}

void exit_map_unref(struct exit_map *m)
{
	if (!m || --m->refs) {
		return;
	}
	for (size_t i = 0; i < m->n_credentials; i++) {
		secret_done(&m->credentials[i].value);
	}
	tls_ctx_free(m->tls);
	tls_ctx_free(m->tls_h2);
	arena_done(&m->arena);
	free(m);
}

bool exit_map_has_secret(const struct exit_map *m, const struct egress_host *host, bool tls)
{
	for (size_t i = 0; i < m->n_credentials; i++) {
		if (config_credential_is_for(m->credentials[i].config, host, tls)) {
			return true;
		}
	}
	return false;
}
