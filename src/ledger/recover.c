/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a store: find the end of the log and the tree that belongs to it.
 *
 * The last checkpoint is the anchor: its signature must be this signer's. The
 * frontier file, when its root is the checkpoint's, saves reading what the
 * checkpoint covers:
 *
 *   writ frontier 1
 *   size <records> segment <first index> offset <of the next frame> time <of the last record>
 *   <hex>          one line for each set bit of size, lowest first
 *
 * Everything behind it, or all of the log when there is no frontier, is read and checked.
 */
#include "base/hex.h"
#include "base/num.h"
#include "ledger/segment.h"
#include "ledger/store.h"
#include "ledger/store_priv.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	DEFAULT_SEGMENT_BYTES = 64 * 1024 * 1024,
	RECOVER_ARENA = 32 * 1024 * 1024,
	RECOVER_SCRATCH = 256 * 1024,
};

/* What is known before the log is read. */
struct recovery {
	struct ledger_store *s;
	struct arena *a;       /* lives through the recovery */
	struct arena *scratch; /* of one record */
	uint64_t *segments;
	size_t n_segments;
	struct ledger_checkpoint checkpoint; /* size 0 when there is none */
	struct ledger_recovery result;
};

void store_frontier_append(const struct store_point *at, struct buf *to)
{
	buf_printf(to, "writ frontier 1\nsize %llu segment %llu offset %llu time %llu\n",
		   (unsigned long long)at->tree.n, (unsigned long long)at->segment,
		   (unsigned long long)at->offset, (unsigned long long)at->time_us);
	for (unsigned i = 0; i < LEDGER_TREE_LEVELS; i++) {
		if (at->tree.n >> i & 1) {
			hex_append(to, at->tree.peaks[i], SHA256_LEN);
			buf_append_c(to, '\n');
		}
	}
}

static bool take_named(struct str *rest, struct str name, uint64_t *ret)
{
	return str_eq(str_cut(rest, ' '), name) && str_to_u64(str_cut(rest, ' '), ret);
}

static bool frontier_read(struct str text, struct ledger_tree *t, struct ledger_place *place,
			  uint64_t *time_us)
{
	struct str head = str_cut(&text, '\n'), line = str_cut(&text, '\n');

	*t = (struct ledger_tree){0};
	if (!str_eq(head, STR("writ frontier 1")) || !take_named(&line, STR("size"), &t->n) ||
	    !take_named(&line, STR("segment"), &place->segment) ||
	    !take_named(&line, STR("offset"), &place->offset) ||
	    !take_named(&line, STR("time"), time_us)) {
		return false;
	}
	for (unsigned i = 0; i < LEDGER_TREE_LEVELS; i++) {
		if ((t->n >> i & 1) && !hex_read(str_cut(&text, '\n'), t->peaks[i], SHA256_LEN)) {
			return false;
		}
	}
	return text.p && text.n == 0;
}

static enum err_code take_lock(struct ledger_store *s, struct err *err)
{
	s->lock_fd = openat(s->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (s->lock_fd < 0) {
		return ERR_ERRNO(err, "opening the lock of the ledger");
	}
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK) {
			return ERR(err, ERR_EXISTS, "another process writes this ledger");
		}
		return ERR_ERRNO(err, "locking the ledger");
	}
	return ERR_OK;
}

static enum err_code open_folders(struct ledger_store *s, int dir_fd, struct err *err)
{
	s->dir_fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir_fd < 0) {
		return ERR_ERRNO(err, "opening the ledger directory");
	}
	TRY(take_lock(s, err));
	if ((mkdirat(s->dir_fd, "log", 0750) < 0 && errno != EEXIST) ||
	    (mkdirat(s->dir_fd, "salts", 0700) < 0 && errno != EEXIST)) {
		return ERR_ERRNO(err, "making the folders of the ledger");
	}
	s->log_fd = openat(s->dir_fd, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (s->log_fd < 0) {
		return ERR_ERRNO(err, "opening the folder log/");
	}
	return ERR_OK;
}

/* The last whole note of `checkpoints`; what is torn behind it is cut off. */
static enum err_code read_checkpoints(struct recovery *r, struct err *err)
{
	struct ledger_store *s = r->s;
	struct str rest, note, last = {0};
	enum err_code code;

	s->checkpoints_fd =
		openat(s->dir_fd, "checkpoints", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (s->checkpoints_fd < 0) {
		return ERR_ERRNO(err, "opening checkpoints");
	}
	TRY(fd_read_all(s->checkpoints_fd, STORE_CHECKPOINTS_MAX, r->a, &rest, err));
	while (ledger_note_cut(&rest, &note)) {
		last = note;
		s->checkpoints_size = (uint64_t)(note.n + 1) + s->checkpoints_size;
	}
	if (rest.n && s->io.truncate(s->checkpoints_fd, (off_t)s->checkpoints_size) < 0) {
		return ERR_ERRNO(err, "cutting off a torn checkpoint");
	}
	if (last.n == 0) {
		return ERR_OK;
	}
	code = ledger_checkpoint_open(last, &s->signer->verifier, &r->checkpoint, err);
	if (code) {
		err_wrap(err, "the last checkpoint of this ledger");
		return code;
	}
	s->has_checkpoint = true;
	s->sealed = r->checkpoint.size;
	return ERR_OK;
}

static size_t find_segment(const struct recovery *r, uint64_t first)
{
	size_t i = 0;

	while (i < r->n_segments && r->segments[i] != first) {
		i++;
	}
	return i;
}

/* Uses the frontier when its root is the checkpoint's; otherwise leaves the empty tree. */
static enum err_code use_frontier(struct recovery *r, size_t *ret_segment, uint64_t *ret_offset,
				  struct err *err)
{
	CLEANUP(fd_close)
	int fd = openat(r->s->dir_fd, "frontier", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct ledger_place place;
	struct ledger_tree t;
	uint8_t root[SHA256_LEN];
	uint64_t time_us;
	struct str text;
	size_t at;

	*ret_segment = 0;
	*ret_offset = 0;
	if (fd < 0 || !r->s->has_checkpoint ||
	    fd_read_all(fd, STORE_FRONTIER_MAX, r->a, &text, NULL) ||
	    !frontier_read(text, &t, &place, &time_us) || t.n != r->checkpoint.size) {
		return ERR_OK;
	}
	ledger_tree_root(&t, root);
	at = find_segment(r, place.segment);
	if (memcmp(root, r->checkpoint.root, sizeof(root)) != 0 || at == r->n_segments) {
		return ERR_OK;
	}
	if (at + 1 < r->n_segments && r->segments[at + 1] < t.n) {
		return ERR(err, ERR_CORRUPT, "the frontier and the segments do not fit together");
	}
	r->s->at.tree = t;
	r->s->at.time_us = time_us;
	*ret_segment = at;
	*ret_offset = place.offset;
	return ERR_OK;
}

static enum err_code take_record(struct recovery *r, const struct ledger_found *found,
				 struct err *err)
{
	struct ledger_store *s = r->s;
	uint8_t hash[SHA256_LEN];
	struct ledger_entry entry;
	enum err_code code;

	arena_reset(r->scratch);
	code = ledger_entry_decode(found->record.entry, r->scratch, &entry, err);
	if (!code && entry.kind == LEDGER_SALT) {
		code = ERR(err, ERR_CORRUPT, "a salt may not stand in the log");
	}
	if (code) {
		err_wrap(err, "record %llu", (unsigned long long)found->record.index);
		return ERR_CORRUPT;
	}
	if (s->sums_fd < 0 || s->at.segment != found->place.segment) {
		store_end_sums(s);
		s->at.segment = found->place.segment;
		store_open_sums(s, s->at.tree.n - s->at.segment);
	}
	ledger_leaf_hash(found->bytes, hash);
	ledger_tree_append(&s->at.tree, hash);
	store_keep_sum(s, hash);
	s->at.time_us = found->record.time_us;
	r->result.scanned++;
	if (s->has_checkpoint && s->at.tree.n == r->checkpoint.size) {
		ledger_tree_root(&s->at.tree, hash);
		if (memcmp(hash, r->checkpoint.root, sizeof(hash)) != 0) {
			return ERR(err, ERR_CORRUPT,
				   "the first %llu records are not those of the last checkpoint: "
				   "run `writ ledger verify`",
				   (unsigned long long)s->at.tree.n);
		}
	}
	return ERR_OK;
}

/* Reads from the reader's place to the end; ERR_NOT_FOUND or ERR_AGAIN is how it ends well. */
static enum err_code scan(struct recovery *r, struct ledger_reader *reader, struct err *err)
{
	struct ledger_found found;
	enum err_code code;

	while (!(code = ledger_reader_next(reader, &found, err))) {
		TRY(take_record(r, &found, err));
	}
	if ((code == ERR_NOT_FOUND || code == ERR_AGAIN) && r->s->at.tree.n < r->checkpoint.size) {
		return ERR(err, ERR_CORRUPT,
			   "the log ends after %llu records, its last checkpoint covers %llu",
			   (unsigned long long)r->s->at.tree.n,
			   (unsigned long long)r->checkpoint.size);
	}
	return code;
}

/* Opens the last segment for writing and cuts a torn tail off. */
static enum err_code adopt_segment(struct recovery *r, const struct ledger_reader *reader,
				   struct err *err)
{
	struct ledger_store *s = r->s;
	char name[LEDGER_SEGMENT_NAME];
	struct stat st;

	ledger_segment_name(r->segments[r->n_segments - 1], name);
	s->fd = openat(s->log_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (s->fd < 0 || fstat(s->fd, &st) < 0) {
		return ERR_ERRNO(err, "opening log/%s", name);
	}
	if (s->sums_fd < 0 || s->at.segment != r->segments[r->n_segments - 1]) {
		store_end_sums(s);
		s->at.segment = r->segments[r->n_segments - 1];
		store_open_sums(s, s->at.tree.n - s->at.segment);
	}
	s->at.offset = reader->offset;
	if ((uint64_t)st.st_size > s->at.offset) {
		r->result.dropped_bytes = (uint64_t)st.st_size - s->at.offset;
		if (s->io.truncate(s->fd, (off_t)s->at.offset) < 0) {
			return ERR_ERRNO(err, "cutting off the torn end of log/%s", name);
		}
	}
	s->unsynced = true; /* who wrote it may have died before its sync */
	return ERR_OK;
}

static enum err_code read_log(struct recovery *r, struct err *err)
{
	struct ledger_reader reader;
	size_t segment;
	uint64_t offset;
	enum err_code code;

	if (r->segments[0] != 0) {
		return ERR(err, ERR_CORRUPT, "the first segment of the log is missing");
	}
	TRY(use_frontier(r, &segment, &offset, err));
	TRY(ledger_reader_init(&reader, r->s->log_fd, r->segments, r->n_segments, segment, err));
	code = offset ? ledger_reader_seek(&reader, r->s->at.tree.n, offset, r->s->at.time_us, err)
		      : ERR_OK;
	if (!code) {
		code = scan(r, &reader, err);
	}
	ledger_reader_done(&reader);
	if (code != ERR_NOT_FOUND && code != ERR_AGAIN) {
		return code;
	}
	if (reader.offset >= LEDGER_SEGMENT_HEADER) {
		return adopt_segment(r, &reader, err);
	}
	/* The last segment's header never got to the disk. */
	if (r->segments[r->n_segments - 1] != r->s->at.tree.n) {
		return ERR(err, ERR_CORRUPT, "the last segment is empty and not the next one");
	}
	return store_begin_segment(r->s, err);
}

/* The public key beside the log, so that a person has it at hand. */
static void write_verifier(struct ledger_store *s)
{
	CLEANUP(fd_close)
	int fd = openat(s->dir_fd, "verifier", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	struct buf b;

	if (fd < 0) {
		return; /* it is there, or it will be missed by nobody who checks properly */
	}
	buf_init(&b, 1024);
	ledger_verifier_append(&s->signer->verifier, &b);
	buf_append_c(&b, '\n');
	err_ignore(store_write_at(s, fd, 0, buf_str(&b), "verifier", NULL));
	buf_done(&b);
}

static enum err_code recover(struct recovery *r, int dir_fd, struct err *err)
{
	struct ledger_store *s = r->s;

	TRY(open_folders(s, dir_fd, err));
	TRY(read_checkpoints(r, err));
	TRY(ledger_segments(s->log_fd, r->a, &r->segments, &r->n_segments, err));
	if (r->n_segments == 0 && r->checkpoint.size > 0) {
		return ERR(err, ERR_CORRUPT, "the log is gone, its last checkpoint covers %llu",
			   (unsigned long long)r->checkpoint.size);
	}
	if (r->n_segments == 0) {
		r->result.created = true;
		TRY(store_begin_segment(s, err));
		if (s->io.sync(s->dir_fd) < 0) {
			return ERR_ERRNO(err, "syncing the ledger directory");
		}
	} else {
		TRY(read_log(r, err));
	}
	write_verifier(s);
	return ERR_OK;
}

enum err_code ledger_store_open(const struct ledger_store_options *o, struct ledger_store **ret,
				struct ledger_recovery *ret_recovery, struct err *err)
{
	static const struct ledger_io kernel = {
		.pwrite = pwrite, .sync = fdatasync, .truncate = ftruncate};
	struct ledger_store *s = calloc(1, sizeof(*s));
	struct recovery r = {.s = s};
	struct arena a, scratch;
	enum err_code code;

	if (!s) {
		return ERR(err, ERR_NOMEM, "no memory for the ledger");
	}
	s->signer = o->signer;
	s->io = o->io ? *o->io : kernel;
	s->segment_bytes = o->segment_bytes ? o->segment_bytes : DEFAULT_SEGMENT_BYTES;
	s->checkpoints_bytes = o->checkpoints_bytes ? o->checkpoints_bytes : STORE_CHECKPOINTS_THIN;
	ASSERT(s->checkpoints_bytes <= STORE_CHECKPOINTS_THIN);
	s->dir_fd = s->log_fd = s->lock_fd = s->fd = s->checkpoints_fd = s->salts_fd = s->sums_fd =
		-1;
	buf_init(&s->batch, SIZE_MAX / 2);
	buf_init(&s->sums, (STORE_SUMS_MAX + 1) * SHA256_LEN);
	arena_init(&a, RECOVER_ARENA);
	arena_init(&scratch, RECOVER_SCRATCH);
	r.a = &a;
	r.scratch = &scratch;
	code = recover(&r, o->dir_fd, err);
	arena_done(&a);
	arena_done(&scratch);
	if (code) {
		ledger_store_close(s);
		return code;
	}
	*ret = s;
	*ret_recovery = r.result;
	return ERR_OK;
}

void ledger_store_close(struct ledger_store *s)
{
	if (!s) {
		return;
	}
	fd_close(&s->fd);
	fd_close(&s->log_fd);
	fd_close(&s->dir_fd);
	fd_close(&s->checkpoints_fd);
	fd_close(&s->salts_fd);
	fd_close(&s->sums_fd);
	fd_close(&s->lock_fd);
	buf_done(&s->batch);
	buf_done(&s->sums);
	free(s);
}
