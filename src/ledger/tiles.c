/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/tiles.h"

#include "base/arena.h"
#include "base/buf.h"
#include "ledger/segment.h"
#include "ledger/tree.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	TILE_LEVELS = 8, /* 256^8 records are all that can be numbered */
	BUNDLE_MAX = LEDGER_TILE_WIDTH * (LEDGER_RECORD_MAX + 2),
};

/* The tile of a level that is being filled. */
struct tile {
	uint64_t number;
	unsigned width;
	uint8_t hashes[LEDGER_TILE_WIDTH][SHA256_LEN];
};

struct export
{
	int out_fd;
	struct tile levels[TILE_LEVELS];
	struct buf bundle;
	struct ledger_tree tree;
	struct ledger_checkpoint checkpoint;
};

void ledger_tile_path(int level, uint64_t n, unsigned width, char ret[LEDGER_TILE_PATH])
{
	unsigned groups[7], n_groups = 0;
	int at;

	do {
		groups[n_groups++] = (unsigned)(n % 1000);
		n /= 1000;
	} while (n);
	at = level < 0 ? snprintf(ret, LEDGER_TILE_PATH, "tile/entries")
		       : snprintf(ret, LEDGER_TILE_PATH, "tile/%d", level);
	while (n_groups--) {
		at += snprintf(ret + at, (size_t)(LEDGER_TILE_PATH - at), "/%s%03u",
			       n_groups ? "x" : "", groups[n_groups]);
	}
	if (width < LEDGER_TILE_WIDTH) {
		(void)snprintf(ret + at, (size_t)(LEDGER_TILE_PATH - at), ".p/%u", width);
	}
}

/* Makes the folders on the way to `path`. */
static enum err_code make_folders(int out_fd, const char *path, struct err *err)
{
	char folder[LEDGER_TILE_PATH];

	for (size_t i = 0; path[i]; i++) {
		if (path[i] == '/') {
			(void)snprintf(folder, sizeof(folder), "%.*s", (int)i, path);
			if (mkdirat(out_fd, folder, 0755) < 0 && errno != EEXIST) {
				return ERR_ERRNO(err, "making the folder %s", folder);
			}
		}
	}
	return ERR_OK;
}

static enum err_code write_file(int out_fd, const char *path, struct str bytes, struct err *err)
{
	CLEANUP(fd_close) int fd = -1;

	TRY(make_folders(out_fd, path, err));
	fd = openat(out_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0) {
		return ERR_ERRNO(err, "making %s", path);
	}
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return ERR_ERRNO(err, "writing %s", path);
		}
		bytes = str_from(bytes, (size_t)n);
	}
	return ERR_OK;
}

static enum err_code write_tile(struct export *x, int level, struct err *err)
{
	const struct tile *t = &x->levels[level];
	char path[LEDGER_TILE_PATH];

	ledger_tile_path(level, t->number, t->width, path);
	return write_file(x->out_fd, path,
			  str_make((const char *)t->hashes, (size_t)t->width * SHA256_LEN), err);
}

static enum err_code write_bundle(struct export *x, struct err *err)
{
	char path[LEDGER_TILE_PATH];

	if (x->bundle.failed) {
		return ERR(err, ERR_NOMEM, "no memory for a bundle of entries");
	}
	ledger_tile_path(-1, x->levels[0].number, x->levels[0].width, path);
	return write_file(x->out_fd, path, buf_str(&x->bundle), err);
}

/* One more hash of a level; a full tile is written and becomes one hash of the next level. */
static enum err_code add_hash(struct export *x, const uint8_t leaf[SHA256_LEN], struct err *err)
{
	uint8_t hash[SHA256_LEN];

	memcpy(hash, leaf, SHA256_LEN);
	for (int level = 0; level < TILE_LEVELS; level++) {
		struct tile *t = &x->levels[level];
		struct ledger_tree sub = {0};

		memcpy(t->hashes[t->width++], hash, SHA256_LEN);
		if (t->width < LEDGER_TILE_WIDTH) {
			return ERR_OK;
		}
		TRY(write_tile(x, level, err));
		if (level == 0) {
			TRY(write_bundle(x, err));
			buf_consume(&x->bundle, buf_len(&x->bundle));
		}
		for (unsigned i = 0; i < LEDGER_TILE_WIDTH; i++) {
			ledger_tree_append(&sub, t->hashes[i]);
		}
		ledger_tree_root(&sub, hash);
		t->number++;
		t->width = 0;
	}
	return ERR_OK;
}

static enum err_code take_record(struct export *x, const struct ledger_found *found,
				 struct err *err)
{
	uint8_t leaf[SHA256_LEN];

	buf_append_c(&x->bundle, (char)(found->bytes.n >> 8));
	buf_append_c(&x->bundle, (char)(found->bytes.n & 0xff));
	buf_append(&x->bundle, found->bytes);
	ledger_leaf_hash(found->bytes, leaf);
	ledger_tree_append(&x->tree, leaf);
	return add_hash(x, leaf, err);
}

static enum err_code write_partial(struct export *x, struct err *err)
{
	for (int level = 0; level < TILE_LEVELS; level++) {
		if (x->levels[level].width) {
			TRY(write_tile(x, level, err));
		}
	}
	return x->levels[0].width ? write_bundle(x, err) : ERR_OK;
}

static enum err_code read_log(struct export *x, int dir_fd, struct arena *a, struct err *err)
{
	CLEANUP(fd_close)
	int log_fd = openat(dir_fd, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct ledger_reader reader;
	struct ledger_found found;
	uint64_t *segments;
	size_t n;
	enum err_code code = ERR_OK;

	if (log_fd < 0) {
		return ERR_ERRNO(err, "opening the folder log/");
	}
	TRY(ledger_segments(log_fd, a, &segments, &n, err));
	if (x->checkpoint.size == 0) {
		return ERR_OK;
	}
	if (n == 0 || segments[0] != 0) {
		return ERR(err, ERR_CORRUPT, "the first segment of the log is missing");
	}
	TRY(ledger_reader_init(&reader, log_fd, segments, n, 0, err));
	while (!code && x->tree.n < x->checkpoint.size) {
		code = ledger_reader_next(&reader, &found, err);
		code = code ? code : take_record(x, &found, err);
	}
	ledger_reader_done(&reader);
	if (code == ERR_NOT_FOUND || code == ERR_AGAIN) {
		return ERR(err, ERR_CORRUPT, "the log ends before its last checkpoint");
	}
	return code;
}

static enum err_code run(struct export *x, int dir_fd, const struct ledger_verifier *verifier,
			 struct arena *a, struct err *err)
{
	CLEANUP(fd_close)
	int fd = openat(dir_fd, "checkpoint", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	uint8_t root[SHA256_LEN];
	struct str note;

	if (fd < 0) {
		return errno == ENOENT
			       ? ERR(err, ERR_NOT_FOUND, "this ledger has no checkpoint yet")
			       : ERR_ERRNO(err, "opening checkpoint");
	}
	TRY(fd_read_all(fd, LEDGER_NOTE_MAX, a, &note, err));
	TRY(ledger_checkpoint_open(note, verifier, &x->checkpoint, err));
	TRY(read_log(x, dir_fd, a, err));
	ledger_tree_root(&x->tree, root);
	if (memcmp(root, x->checkpoint.root, sizeof(root)) != 0) {
		return ERR(err, ERR_CORRUPT,
			   "the records are not those of the checkpoint: run `writ ledger verify`");
	}
	TRY(write_partial(x, err));
	return write_file(x->out_fd, "checkpoint", note, err);
}

enum err_code ledger_tiles_export(int dir_fd, const struct ledger_verifier *verifier, int out_fd,
				  struct ledger_checkpoint *ret, struct err *err)
{
	struct export *x = calloc(1, sizeof(*x)); /* too big for the stack */
	enum err_code code;
	struct arena a;

	if (!x) {
		return ERR(err, ERR_NOMEM, "no memory for an export");
	}
	x->out_fd = out_fd;
	arena_init(&a, 32 << 20);
	buf_init(&x->bundle, BUNDLE_MAX);
	code = run(x, dir_fd, verifier, &a, err);
	if (!code) {
		*ret = x->checkpoint;
	}
	buf_done(&x->bundle);
	arena_done(&a);
	free(x);
	return code;
}
