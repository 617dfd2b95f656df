/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `writ site verify CERTIFICATE`: who signed it, and is it about the matrix that the configuration gives
 * now? Exit: 0 yes, 1 not signed by a known key or about another, 2 it could not run.
 */
#include "base/hex.h"
#include "cli/cmd_site.h"
#include "crypto/sign.h"
#include "sys/fd.h"
#include "json/parse.h"

enum { CERTIFICATE_MAX = 16 << 20 };

struct verify {
	const char *file, *config;
	struct opt_list keys; /* in hexadecimal; none: residency.keys */
	struct arena a;
	struct str text, signature;
};

static enum err_code read_files(struct verify *w, struct err *err)
{
	struct str path = arena_printf(&w->a, "%s.sig", w->file);

	if (!path.p) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	TRY(fd_read_path(w->file, CERTIFICATE_MAX, &w->a, &w->text, err));
	return fd_read_path(path.p, SIGN_LEN, &w->a, &w->signature, err);
}

static bool is_by(const struct verify *w, const uint8_t key[static SIGN_PUBLIC_LEN])
{
	return w->signature.n == SIGN_LEN &&
	       sign_verify(key, w->text, (const uint8_t *)w->signature.p);
}

/* The public key that signed it, in hexadecimal; empty when none of the known ones did. */
static enum err_code find_signer(struct verify *w, const struct config_residency *r,
				 struct str *ret, struct err *err)
{
	uint8_t key[SIGN_PUBLIC_LEN];
	char hex[2 * SIGN_PUBLIC_LEN];

	*ret = STR("");
	for (size_t i = 0; i < w->keys.n; i++) {
		if (!hex_read(str_from_c(w->keys.items[i]), key, sizeof(key))) {
			return ERR(err, ERR_INVALID, "--signer: a key is 64 hexadecimal digits");
		}
		if (is_by(w, key)) {
			*ret = str_from_c(w->keys.items[i]);
		}
	}
	for (size_t i = 0; w->keys.n == 0 && i < r->n_keys; i++) {
		if (is_by(w, r->keys[i].bytes)) {
			hex_write(hex, r->keys[i].bytes, sizeof(r->keys[i].bytes));
			*ret = arena_dup(&w->a, str_make(hex, sizeof(hex)));
		}
	}
	return ERR_OK;
}

static int say(struct verify *w, struct site_view *v, struct out *o, struct str signer)
{
	const struct json_opts opts = {.name = str_from_c(w->file), .max_depth = 8};
	static const struct out_col cols[] = {{"claim", 0}};
	static const struct out_list list = {"claims", cols, ARRAY_LEN(cols), " "};
	struct err err = {0};
	const struct json *root;
	bool same;

	if (json_parse(&w->a, w->text, &opts, &root, &err)) {
		return out_error(o, &err);
	}
	same = str_eq(json_str(json_get(root, STR("matrix"))),
		      site_view_hash(v, v->residency.digest));
	out_bool(o, "signed", signer.n > 0);
	out_text(o, "by", signer);
	out_text(o, "made", json_str(json_get(root, STR("made"))));
	out_text(o, "matrix", json_str(json_get(root, STR("matrix"))));
	out_bool(o, "of_this_configuration", same);
	out_list_begin(o, &list);
	JSON_EACH (claim, json_get(root, STR("claims"))) {
		out_row_begin(o);
		out_text(o, "claim", json_str(claim));
		out_row_end(o);
	}
	out_list_end(o);
	return signer.n && same ? CMD_FINE : CMD_FOUND;
}

static int verify(struct verify *w, struct site_view *v, struct out *o)
{
	struct err err = {0};
	struct str signer;

	if (read_files(w, &err) || site_view_open(v, w->config, NULL, &err) ||
	    find_signer(w, &v->loaded.config.residency, &signer, &err)) {
		return out_error(o, &err);
	}
	return say(w, v, o, signer);
}

int cmd_site_verify(int argc, char **argv)
{
	struct verify w = {.config = "writ.yaml"};
	bool json = false;
	const struct opt opts[] = {SITE_OPT_CONFIG(&w.config),
				   {.name = "signer",
				    .value = "KEY",
				    .list = &w.keys,
				    .help = "a public key in hexadecimal; default residency.keys"},
				   OPT_JSON(&json)};
	const struct opt_word words[] = {{.name = "FILE",
					  .help = "what `writ site prove --certificate` wrote",
					  .required = true,
					  .text = &w.file}};
	const struct opt_spec spec = {
		.command = "writ site verify",
		.summary = "Checks a certificate: who signed it, and whether it is about the "
			   "matrix that this\nconfiguration gives now.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = "writ site verify proof.json",
	};
	struct site_view v = {0};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &json, &status)) {
		return status;
	}
	arena_init(&w.a, 4 * (size_t)CERTIFICATE_MAX);
	status = verify(&w, &v, &o);
	site_view_done(&v);
	status = out_end(&o, status);
	arena_done(&w.a);
	return status;
}
