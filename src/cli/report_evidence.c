/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of --evidence: a line of JSON for the log, then one for each record that was counted, with
 * its path to the root of the last checkpoint (RFC 6962 section 2.1.1). `writ report check` needs
 * nothing else but the key, and no record that was not counted is in it.
 *
 *   {"checkpoint":"<signed note>"}
 *   {"index":7,"record":"<base64>","path":["<base64>",...]}
 */
#include "cli/report.h"

#include "base/hex.h"
#include "ledger/tree.h"
#include "json/write.h"

#include <errno.h>
#include <stdio.h>

enum { LINE_MAX = 1 << 20 };

/* The hashes of every level; level 0 are the leaves. */
struct hashes {
	uint8_t (*levels[LEDGER_TREE_LEVELS])[SHA256_LEN];
	uint64_t size; /* leaves */
};

struct writer {
	struct report *r;
	struct hashes h;
	FILE *to;
	size_t at; /* the next of r->counted */
	uint64_t written;
};

static bool node(void *ctx, unsigned level, uint64_t index, uint8_t ret[SHA256_LEN])
{
	const struct hashes *h = ctx;

	if (level >= LEDGER_TREE_LEVELS || index >= h->size >> level) {
		return false;
	}
	memcpy(ret, h->levels[level][index], SHA256_LEN);
	return true;
}

static enum err_code make_levels(struct report *r, struct hashes *h, uint64_t size, struct err *err)
{
	h->size = size;
	for (unsigned level = 0; level < LEDGER_TREE_LEVELS && size >> level; level++) {
		h->levels[level] = arena_array(&r->a, size >> level, SHA256_LEN);
		if (!h->levels[level]) {
			return ERR(err, ERR_LIMIT,
				   "this log is too long for proofs in memory: writ ledger export "
				   "gives them as files");
		}
	}
	return ERR_OK;
}

static enum err_code take_leaf(void *ctx, const struct ledger_found *f,
			       const struct ledger_entry *e, struct err *err)
{
	struct hashes *h = ctx;

	(void)e;
	(void)err;
	if (f->record.index < h->size) {
		ledger_leaf_hash(f->bytes, h->levels[0][f->record.index]);
	}
	return ERR_OK;
}

static void join_levels(struct hashes *h)
{
	for (unsigned level = 1; level < LEDGER_TREE_LEVELS && h->size >> level; level++) {
		for (uint64_t i = 0; i < h->size >> level; i++) {
			ledger_node_hash(h->levels[level - 1][2 * i],
					 h->levels[level - 1][2 * i + 1], h->levels[level][i]);
		}
	}
}

static void put_base64(struct json_writer *w, const void *bytes, size_t n)
{
	struct buf text;

	buf_init(&text, LINE_MAX);
	base64_append(&text, bytes, n);
	json_w_str(w, buf_str(&text));
	w->out->failed |= text.failed;
	buf_done(&text);
}

static enum err_code put_line(struct writer *w, const struct buf *line, struct err *err)
{
	if (line->failed) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	if (fwrite(line->p + line->start, 1, buf_len(line), w->to) != buf_len(line) ||
	    fputc('\n', w->to) == EOF) {
		return ERR_ERRNO(err, "writing %s", w->r->args->evidence);
	}
	return ERR_OK;
}

static enum err_code put_record(struct writer *w, const struct ledger_found *f, struct err *err)
{
	const struct ledger_tree_source source = {.node = node, .ctx = &w->h};
	struct ledger_proof proof;
	struct json_writer j;
	enum err_code code;
	struct buf line;

	TRY(ledger_prove_inclusion(&source, f->record.index, w->h.size, &proof, err));
	buf_init(&line, LINE_MAX);
	j = json_writer(&line);
	json_w_object(&j);
	json_w_member_u64(&j, STR("index"), f->record.index);
	json_w_key(&j, STR("record"));
	put_base64(&j, f->bytes.p, f->bytes.n);
	json_w_key(&j, STR("path"));
	json_w_array(&j);
	for (unsigned i = 0; i < proof.n; i++) {
		put_base64(&j, proof.path[i], SHA256_LEN);
	}
	json_w_end(&j);
	json_w_end(&j);
	code = put_line(w, &line, err);
	buf_done(&line);
	w->written++;
	return code;
}

static enum err_code take_record(void *ctx, const struct ledger_found *f,
				 const struct ledger_entry *e, struct err *err)
{
	struct writer *w = ctx;

	(void)e;
	if (w->at == w->r->n_counted || w->r->counted[w->at] != f->record.index) {
		return ERR_OK;
	}
	w->at++;
	return f->record.index < w->h.size ? put_record(w, f, err) : ERR_OK;
}

static enum err_code put_note(struct writer *w, struct str note, struct err *err)
{
	struct json_writer j;
	enum err_code code;
	struct buf line;

	buf_init(&line, LINE_MAX);
	j = json_writer(&line);
	json_w_object(&j);
	json_w_member_str(&j, STR("checkpoint"), note);
	json_w_end(&j);
	code = put_line(w, &line, err);
	buf_done(&line);
	return code;
}

static enum err_code write_all(struct writer *w, struct err *err)
{
	if (w->r->note.n == 0) {
		return ERR(err, ERR_NOT_FOUND,
			   "this ledger has no checkpoint yet: nothing in it can be proved");
	}
	TRY(make_levels(w->r, &w->h, w->r->sealed.size, err));
	TRY(report_each_ever(w->r, take_leaf, &w->h, err));
	join_levels(&w->h);
	TRY(put_note(w, w->r->note, err));
	return report_each(w->r, take_record, w, err);
}

enum err_code report_evidence(struct report *r, struct out *o, struct err *err)
{
	struct writer w = {.r = r};
	enum err_code code;

	if (!r->args->evidence) {
		return ERR_OK;
	}
	w.to = fopen(r->args->evidence, "we");
	if (!w.to) {
		return ERR_ERRNO(err, "making %s", r->args->evidence);
	}
	code = write_all(&w, err);
	if (fclose(w.to) == EOF && !code) {
		code = ERR_ERRNO(err, "writing %s", r->args->evidence);
	}
	if (!code) {
		out_u64(o, "proved", w.written);
		if (w.written < r->n_counted) {
			out_note(o,
				 "%zu records are not sealed by a checkpoint yet: they have no "
				 "proof.",
				 r->n_counted - (size_t)w.written);
		}
	}
	return code;
}
