/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `writ site approve` and `writ site sign`: what people put their keys to. A configuration that opens paths
 * of protected data takes effect when two have approved it; a manifest counts when it is signed.
 */
#include "base/hex.h"
#include "cli/cmd_site.h"
#include "cli/site_certificate.h"
#include "cli/site_key.h"
#include "proc/accepted.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { MANIFEST_MEMORY = 1 << 20 };

/* ---- approve ---- */

static void put_needed(struct site_view *v, struct out *o, const struct approval *a)
{
	out_text(o, "matrix", site_view_hash(v, v->residency.digest));
	out_text(o, "approval", site_view_hash(v, a->digest));
	out_bool(o, "needed", a->needed);
	out_u64(o, "opened", a->opened);
	if (a->opened) {
		out_text(o, "first",
			 arena_printf(&v->arena, STR_FMT " -> " STR_FMT " at " STR_FMT,
				      STR_ARG(site_view_row(v, &v->residency.compiled.matrix.words,
							    &a->row)),
				      STR_ARG(a->at.model), STR_ARG(a->at.site)));
	}
	if (a->terms) {
		out_note(o, "It changes what is protected, or who may approve.");
	}
}

static enum err_code append(const char *path, const struct sign_key *key,
			    const uint8_t digest[static SHA256_LEN], struct err *err)
{
	CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	char text[APPROVAL_TEXT_MAX], hex[2 * (SHA256_LEN + SIGN_PUBLIC_LEN + SIGN_LEN)];
	uint8_t signature[SIGN_LEN];

	if (fd < 0) {
		return ERR_ERRNO(err, "%s", path);
	}
	sign_bytes(key, approval_text(digest, text), signature);
	hex_write(hex, digest, SHA256_LEN);
	hex_write(hex + 64, key->public, SIGN_PUBLIC_LEN);
	hex_write(hex + 128, signature, SIGN_LEN);
	if (dprintf(fd, "%.64s %.64s %.128s\n", hex, hex + 64, hex + 128) < 0 || fsync(fd) < 0) {
		return ERR_ERRNO(err, "writing %s", path);
	}
	return ERR_OK;
}

static enum err_code approve(struct site_view *v, struct out *o, const char *key_file,
			     struct err *err)
{
	const struct config *cfg = &v->loaded.config;
	struct sign_key key;
	struct approval a;
	enum err_code code;

	if (cfg->residency.approvals_file.n == 0) {
		return ERR(err, ERR_INVALID, "residency.approvals names no file to write to");
	}
	TRY(accepted_ask(cfg->state, &v->residency, &a, err));
	put_needed(v, o, &a);
	if (!a.needed || !key_file) {
		out_u64(o, "signatures", a.have);
		return ERR_OK;
	}
	TRY(site_key_read(key_file, &key, err));
	code = append(cfg->residency.approvals_file.p, &key, a.digest, err);
	sign_key_done(&key);
	TRY(code);
	out_text(o, "signed_in", cfg->residency.approvals_file);
	return ERR_OK;
}

int cmd_site_approve(int argc, char **argv)
{
	const char *config = "writ.yaml", *key = NULL;
	bool json = false;
	const struct opt opts[] = {SITE_OPT_CONFIG(&config), SITE_OPT_KEY(&key), OPT_JSON(&json)};
	const struct opt_spec spec = {
		.command = "writ site approve",
		.summary = "Shows what a configuration opens for protected data, and signs it; "
			   "without --key it\nonly shows.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.example = "writ site approve --config new/writ.yaml\n"
			   "writ site approve --config new/writ.yaml --key ann.pem",
	};
	struct site_view v = {0};
	struct err err = {0};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &json, &status)) {
		return status;
	}
	status = site_view_open(&v, config, NULL, &err) || approve(&v, &o, key, &err)
			 ? out_error(&o, &err)
			 : CMD_FINE;
	site_view_done(&v);
	return out_end(&o, status);
}

/* ---- sign ---- */

static enum err_code sign(struct arena *a, struct out *o, const char *file, const char *key_file,
			  struct err *err)
{
	char public[2 * SIGN_PUBLIC_LEN];
	struct site_manifest m;
	struct sign_key key;
	enum err_code code;
	struct str text;

	TRY(fd_read_path(file, SITE_MANIFEST_MAX, a, &text, err));
	TRY(site_manifest_parse(a, str_from_c(file), text, &m, err));
	TRY(site_key_read(key_file, &key, err));
	code = site_sign_beside(file, text, &key, err);
	hex_write(public, key.public, sizeof(key.public));
	sign_key_done(&key);
	TRY(code);
	out_text(o, "site", m.site);
	out_text(o, "signed_by", str_make(public, sizeof(public)));
	return ERR_OK;
}

int cmd_site_sign(int argc, char **argv)
{
	const char *file = NULL, *key = NULL;
	bool json = false;
	const struct opt opts[] = {SITE_OPT_KEY(&key), OPT_JSON(&json)};
	const struct opt_word words[] = {
		{.name = "MANIFEST", .help = "a site's manifest", .required = true, .text = &file}};
	const struct opt_spec spec = {
		.command = "writ site sign",
		.summary =
			"Signs a manifest that is well formed: writes MANIFEST.sig, and says the "
			"public key for\nresidency.keys.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = "writ site sign here.json --key operator.pem",
	};
	struct err err = {0};
	struct arena a;
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &json, &status)) {
		return status;
	}
	arena_init(&a, MANIFEST_MEMORY);
	status = sign(&a, &o, file, key, &err) ? out_error(&o, &err) : CMD_FINE;
	status = out_end(&o, status);
	arena_done(&a);
	return status;
}
