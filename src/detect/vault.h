/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was found (detect/detect.h) taken out of JSON so that it can be put back. "[email-1]" stands for
 * an address, and for the same one wherever it stands; they are numbered as they come, so that a text
 * that goes on as another did has the same ones. What looks like such a placeholder before gets one of its
 * own: what is put back is exactly what was there, and nothing stands for what another vault holds.
 *
 * In every string that is a value, in the JSON inside of a string called "arguments", and in numbers
 * within lists or objects (a card's becomes a string). Names of members stay. Not looked into is what is
 * base64 by its place: a data: URL that says so, and "data", "signature" and "encrypted_content"
 * of nothing but its letters.
 */
#ifndef DETECT_VAULT_H
#define DETECT_VAULT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "detect/redact.h"

enum {
	DETECT_VAULT_MAX = 9999,       /* of each class */
	DETECT_VAULT_MEMORY = 4 << 20, /* bytes, with tables */
	DETECT_VAULT_TEXT = 4 << 20, /* bytes that are looked through, at most 70 ms for each MiB */
	DETECT_PLACEHOLDER_MAX = 16,
};

struct detect_vault {
	struct arena arena;
	struct detect_originals {
		struct str *items;
		size_t n, cap;
		struct map known; /* text to its number */
	} of[DETECT_CLASSES];
	struct detect_counts counts; /* what was taken out, how often */
	size_t looked;               /* bytes, so far */
};

void detect_vault_init(struct detect_vault *v, struct hash_key seed);
void detect_vault_done(struct detect_vault *v);
bool detect_vault_is_empty(const struct detect_vault *v);

/*
 * Appends `json` (one valid value) without what is of these classes. Nothing is found in it any more.
 * ERR_LIMIT when the vault or `out` is full, or there is more than DETECT_VAULT_TEXT; then it holds no whole value.
 */
enum err_code detect_vault_hide(struct detect_vault *v, struct str json, unsigned classes,
				struct buf *out, struct err *err) MUST_USE;

/*
 * Appends the text with what its placeholders stand for, written as within JSON strings that many deep;
 * 0: as it is.
 */
void detect_vault_put_back(const struct detect_vault *v, struct str text, unsigned deep,
			   struct buf *out);

/*
 * The same in all strings of a JSON value, names of members too. The values of members with one of the
 * names in `json_in` hold JSON themselves.
 */
void detect_vault_put_back_json(const struct detect_vault *v, struct str json,
				const struct str *json_in, size_t n, struct buf *out);

/* So many bytes at the end of the text may be the beginning of a placeholder, going on behind it. */
size_t detect_vault_begun(const struct detect_vault *v, struct str text);

#endif
