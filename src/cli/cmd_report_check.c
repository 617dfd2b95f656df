/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `writ report check FILE --key KEY`: what somebody else does with the evidence of a report. Everything in
 * the file but the signature is untrusted.
 */
#include "base/hex.h"
#include "cli/report.h"
#include "ledger/tree.h"
#include "json/parse.h"

#include <stdio.h>
#include <stdlib.h>

enum { LINE_MEMORY = 8 << 20, LINE_BYTES_MAX = 1 << 20 };

struct check {
	const char *path, *key;
	struct ledger_verifier verifier;
	struct ledger_checkpoint sealed;
	struct arena line; /* of one line */
	uint64_t records, last;
};

static enum err_code bad(const struct check *c, const char *what, struct err *err)
{
	return ERR(err, ERR_CORRUPT, "%s:%llu: %s", c->path, (unsigned long long)c->records + 2,
		   what);
}

static bool read_path(struct check *c, const struct json *j, struct ledger_proof *ret)
{
	ret->n = 0;
	if (!json_is_array(j) || j->n > LEDGER_PROOF_MAX) {
		return false;
	}
	JSON_EACH (item, j) {
		struct str hash;

		if (!json_is_string(item) || !base64_decode(&c->line, item->text, &hash) ||
		    hash.n != SHA256_LEN) {
			return false;
		}
		memcpy(ret->path[ret->n++], hash.p, SHA256_LEN);
	}
	return true;
}

static enum err_code check_record(struct check *c, const struct json *j, struct err *err)
{
	const struct json *index = json_get(j, STR("index"));
	uint8_t leaf[SHA256_LEN];
	struct ledger_proof proof;
	struct ledger_record r;
	struct str bytes;
	uint64_t at;

	if (!index || !json_u64(index, &at) ||
	    !base64_decode(&c->line, json_str(json_get(j, STR("record"))), &bytes) ||
	    !read_path(c, json_get(j, STR("path")), &proof)) {
		return bad(c, "a record with its index and path is expected here", err);
	}
	ledger_leaf_hash(bytes, leaf);
	if (!ledger_check_inclusion(leaf, at, c->sealed.size, &proof, c->sealed.root)) {
		return bad(c, "this record is not in the log that the checkpoint seals", err);
	}
	if (ledger_record_decode(bytes, &r, err) || r.index != at) {
		return bad(c, "this record stands elsewhere than it says", err);
	}
	if (c->records && at <= c->last) {
		return bad(c, "records come in the order of the log, each once", err);
	}
	c->last = at;
	c->records++;
	return ERR_OK;
}

static enum err_code check_line(struct check *c, struct str line, bool first, struct err *err)
{
	const struct json_opts opts = {.name = STR("evidence"), .max_depth = 4};
	const struct json *j;

	arena_reset(&c->line);
	TRY(json_parse(&c->line, line, &opts, &j, err));
	return first ? ledger_checkpoint_open(json_str(json_get(j, STR("checkpoint"))),
					      &c->verifier, &c->sealed, err)
		     : check_record(c, j, err);
}

/* `line` has room for the longest line, its end and a NUL. */
static enum err_code check_lines(struct check *c, FILE *f, char *line, struct err *err)
{
	bool first = true;

	while (fgets(line, LINE_BYTES_MAX + 2, f)) {
		size_t n = strlen(line);

		if (n == 0 || line[n - 1] != '\n') {
			return bad(c, "a line of at most 1 MiB, with its end, is expected", err);
		}
		TRY(check_line(c, str_make(line, n - 1), first, err));
		first = false;
	}
	return first ? bad(c, "the file is empty", err) : ERR_OK;
}

static enum err_code check_file(struct check *c, struct err *err)
{
	char *line = malloc(LINE_BYTES_MAX + 2);
	FILE *f = line ? fopen(c->path, "re") : NULL;
	enum err_code code;

	if (!f) {
		code = line ? ERR_ERRNO(err, "%s", c->path) : ERR(err, ERR_NOMEM, "out of memory");
	} else {
		code = check_lines(c, f, line, err);
		(void)fclose(f);
	}
	free(line);
	return code;
}

static int say(struct out *o, const struct check *c, enum err_code code, const struct err *err)
{
	bool wrong = code == ERR_CORRUPT || code == ERR_DENIED || code == ERR_SYNTAX;

	if (code && !wrong) {
		return out_error(o, err);
	}
	out_bool(o, "proved", !code);
	out_u64(o, "records", c->records);
	out_u64(o, "sealed", c->sealed.size);
	if (code) {
		out_text(o, "problem", str_from_c(err->msg));
	}
	return code ? CMD_FOUND : CMD_FINE;
}

int cmd_report_check(int argc, char **argv)
{
	struct check c = {0};
	bool json = false;
	const struct opt opts[] = {CMD_LEDGER_KEY(&c.key), OPT_JSON(&json)};
	const struct opt_word words[] = {{.name = "FILE",
					  .text = &c.path,
					  .required = true,
					  .help = "what --evidence wrote"}};
	const struct opt_spec spec = {
		.command = "writ report check",
		.summary = "Checks the evidence of a report with nothing but the key of its log: "
			   "each record is in the\nlog that the checkpoint seals, unchanged.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = "writ report check transfers.jsonl --key node.vkey",
	};
	struct err err = {0};
	enum err_code code;
	struct arena a;
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &json, &status)) {
		return status;
	}
	arena_init(&a, 1 << 20);
	arena_init(&c.line, LINE_MEMORY);
	code = c.key ? cmd_ledger_key(&a, c.key, -1, &c.verifier, &err)
		     : ERR(&err, ERR_INVALID, "--key is needed: the key that you know the log by");
	code = code ? code : check_file(&c, &err);
	status = c.key ? say(&o, &c, code, &err) : out_error(&o, &err);
	arena_done(&c.line);
	arena_done(&a);
	return out_end(&o, status);
}
