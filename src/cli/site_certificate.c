/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/site_certificate.h"

#include "base/clock.h"
#include "base/hex.h"
#include "cli/cmd_ledger.h"
#include "sys/fd.h"
#include "json/write.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* ---- the text ---- */

static void put_digest(struct json_writer *w, struct str key, const uint8_t digest[SHA256_LEN])
{
	char hex[2 * SHA256_LEN];

	hex_write(hex, digest, SHA256_LEN);
	json_w_member_str(w, key, str_make(hex, sizeof(hex)));
}

static void put_text(struct json_writer *w, struct str key, struct str name, struct str text)
{
	uint8_t digest[SHA256_LEN];

	sha256_of(text, digest);
	json_w_object(w);
	json_w_member_str(w, key, name);
	put_digest(w, STR("sha256"), digest);
	json_w_end(w);
}

static void put_list(struct json_writer *w, struct str key)
{
	json_w_key(w, key);
	json_w_array(w);
}

/* What the matrix was made of. */
static void put_sources(struct site_view *v, struct json_writer *w)
{
	const struct config *cfg = &v->loaded.config;

	put_list(w, STR("models"));
	for (size_t i = 0; i < cfg->n_models; i++) {
		json_w_object(w);
		json_w_member_str(w, STR("model"), v->residency.columns[i].model);
		json_w_member_str(w, STR("site"), v->residency.columns[i].site);
		json_w_end(w);
	}
	json_w_end(w);
	put_list(w, STR("manifests"));
	for (size_t i = 0; i < cfg->n_sites; i++) {
		if (cfg->sites[i].manifest.n) {
			put_text(w, STR("site"), cfg->sites[i].id, cfg->sites[i].manifest);
		}
	}
	json_w_end(w);
	put_list(w, STR("groups"));
	for (size_t i = 0; i < cfg->residency.n_groups; i++) {
		put_text(w, STR("file"), cfg->residency.groups[i].file,
			 cfg->residency.groups[i].text);
	}
	json_w_end(w);
	put_list(w, STR("policies"));
	for (size_t i = 0; i < v->loaded.n_policies; i++) {
		put_text(w, STR("file"), v->loaded.policies[i].name, v->loaded.policies[i].text);
	}
	json_w_end(w);
}

void site_certificate_write(struct site_view *v, const struct site_claim *claims, size_t n,
			    uint64_t rows, struct buf *to)
{
	const struct residency *r = &v->residency;
	struct json_writer w = json_writer(to);
	char time[CMD_LEDGER_TIME];

	cmd_ledger_time(clock_real() / 1000, time);
	json_w_object(&w);
	json_w_member_str(&w, STR("certificate"), STR("writ residency proof 1"));
	json_w_member_str(&w, STR("writ"), STR(WRIT_VERSION));
	json_w_member_str(&w, STR("made"), str_from_c(time));
	json_w_member_str(&w, STR("node"), v->loaded.config.node);
	put_digest(&w, STR("matrix"), r->digest);
	json_w_member_u64(&w, STR("rows"), rows);
	if (r->window.until != INT64_MAX) {
		json_w_member_i64(&w, STR("holds_until_ms"), r->window.until);
	}
	put_sources(v, &w);
	put_list(&w, STR("looking_past"));
	for (size_t i = 0; i < r->compiled.n_open; i++) {
		json_w_str(&w, r->compiled.open[i]);
	}
	json_w_end(&w);
	put_list(&w, STR("claims"));
	for (size_t i = 0; i < n; i++) {
		json_w_str(&w, claims[i].text);
	}
	json_w_end(&w);
	json_w_end(&w);
	buf_append_c(to, '\n');
}

/* ---- the files ---- */

static enum err_code write_file(const char *path, struct str text, struct err *err)
{
	CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0) {
		return ERR_ERRNO(err, "%s", path);
	}
	while (text.n) {
		ssize_t k = write(fd, text.p, text.n);

		if (k <= 0) {
			return ERR_ERRNO(err, "writing %s", path);
		}
		text = str_from(text, (size_t)k);
	}
	return ERR_OK;
}

enum err_code site_sign_beside(const char *path, struct str text, const struct sign_key *key,
			       struct err *err)
{
	uint8_t signature[SIGN_LEN];
	char beside[4096];
	int n = snprintf(beside, sizeof(beside), "%s.sig", path);

	if (n < 0 || (size_t)n >= sizeof(beside)) {
		return ERR(err, ERR_LIMIT, "the path is too long");
	}
	sign_bytes(key, text, signature);
	return write_file(beside, str_make((const char *)signature, sizeof(signature)), err);
}

enum err_code site_sign_file(const char *path, struct str text, const struct sign_key *key,
			     struct err *err)
{
	TRY(write_file(path, text, err));
	return site_sign_beside(path, text, key, err);
}
