/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/store.h"

#include "base/hex.h"
#include "base/num.h"
#include "crypto/secret.h"
#include "ledger/segment.h"
#include "ledger/store_priv.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	BATCH_BYTES_MAX = LEDGER_BATCH_MAX * (LEDGER_RECORD_MAX + LEDGER_FRAME_HEADER),
	BATCH_KEEP = 1024 * 1024,
	HASHED_AT_ONCE = 32,
};

static bool no_space(int code)
{
	return code == ENOSPC || code == EDQUOT || code == EFBIG;
}

static enum err_code write_error(struct err *err, const char *what)
{
	if (no_space(errno)) {
		return ERR(err, ERR_LIMIT, "no space left for %s", what);
	}
	return ERR_ERRNO(err, "writing %s", what);
}

enum err_code store_write_at(struct ledger_store *s, int fd, uint64_t offset, struct str bytes,
			     const char *what, struct err *err)
{
	enum err_code code = ERR_OK;
	size_t done = 0;

	while (done < bytes.n && !code) {
		ssize_t n =
			s->io.pwrite(fd, bytes.p + done, bytes.n - done, (off_t)(offset + done));

		if (n > 0) {
			done += (size_t)n;
		} else if (n == 0) {
			code = ERR(err, ERR_LIMIT, "no space left for %s", what);
		} else if (errno != EINTR) {
			code = write_error(err, what);
		}
	}
	if (code && done > 0 && s->io.truncate(fd, (off_t)offset) < 0 && fd == s->fd) {
		s->cut_pending = true;
	}
	return code;
}

/*
 * The .sum file helps to say where a log was changed; the log does not need it. So what cannot be
 * written to it is tried again later, and dropped when too much waits.
 */
static void write_sums(struct ledger_store *s)
{
	struct str bytes = buf_str(&s->sums);

	if (bytes.n == 0 || s->sums_fd < 0 ||
	    store_write_at(s, s->sums_fd, s->sums_written * SHA256_LEN, bytes, "sums", NULL)) {
		return;
	}
	s->sums_written += bytes.n / SHA256_LEN;
	buf_consume(&s->sums, bytes.n);
}

void store_keep_sum(struct ledger_store *s, const uint8_t leaf[SHA256_LEN])
{
	if (buf_len(&s->sums) >= STORE_SUMS_MAX * SHA256_LEN) {
		write_sums(s);
	}
	if (buf_len(&s->sums) >= STORE_SUMS_MAX * SHA256_LEN) {
		s->sums_written += buf_len(&s->sums) / SHA256_LEN; /* leaves a hole of zeros */
		buf_consume(&s->sums, buf_len(&s->sums));
	}
	buf_append(&s->sums, str_make((const char *)leaf, SHA256_LEN));
}

void store_end_sums(struct ledger_store *s)
{
	write_sums(s);
	buf_consume(&s->sums, buf_len(&s->sums));
	fd_close(&s->sums_fd);
}

void store_open_sums(struct ledger_store *s, uint64_t written)
{
	char name[LEDGER_SEGMENT_NAME];

	ledger_sums_name(s->at.segment, name);
	fd_close(&s->sums_fd);
	s->sums_fd = openat(s->log_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	s->sums_written = written;
}

static enum err_code sync_fd(struct ledger_store *s, int fd, const char *what, struct err *err)
{
	if (s->io.sync(fd) < 0) {
		s->failed = true;
		return ERR_ERRNO(err, "syncing %s", what);
	}
	return ERR_OK;
}

enum err_code store_begin_segment(struct ledger_store *s, struct err *err)
{
	char name[LEDGER_SEGMENT_NAME], header[LEDGER_SEGMENT_HEADER];
	enum err_code code;
	int fd;

	TRY(ledger_store_sync(s, err)); /* the one written so far */
	ledger_segment_name(s->at.tree.n, name);
	/* A file of this name can only be left over from an attempt that failed: no record of it.
	 */
	fd = openat(s->log_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0) {
		return write_error(err, "a new segment");
	}
	memcpy(header, LEDGER_SEGMENT_MAGIC, 8);
	num_put_u64(header + 8, s->at.tree.n);
	code = store_write_at(s, fd, 0, str_make(header, sizeof(header)), "a new segment", err);
	if (code) {
		(void)unlinkat(s->log_fd, name, 0);
		(void)close(fd);
		return code;
	}
	if (s->io.sync(s->log_fd) < 0) { /* the name itself has to survive */
		s->failed = true;
		(void)close(fd);
		return ERR_ERRNO(err, "syncing the folder log/");
	}
	store_end_sums(s);
	fd_close(&s->fd);
	s->fd = fd;
	s->at.segment = s->at.tree.n;
	store_open_sums(s, 0);
	s->at.offset = LEDGER_SEGMENT_HEADER;
	s->unsynced = true;
	return ERR_OK;
}

static enum err_code check_alive(const struct ledger_store *s, struct err *err)
{
	if (s->failed) {
		return ERR(err, ERR_SYS, "the log failed to sync earlier and must be opened anew");
	}
	return ERR_OK;
}

/* Whether the store can take a batch now; repairs what can be repaired. */
static enum err_code make_ready(struct ledger_store *s, struct err *err)
{
	TRY(check_alive(s, err));
	if (s->cut_pending) {
		if (s->io.truncate(s->fd, (off_t)s->at.offset) < 0) {
			return ERR_ERRNO(err, "cutting off a failed write");
		}
		s->cut_pending = false;
	}
	if (s->at.offset >= s->segment_bytes) {
		TRY(store_begin_segment(s, err));
	}
	return ERR_OK;
}

/* The frames of a batch, as one run of bytes. */
static enum err_code encode_batch(struct ledger_store *s, struct str from,
				  const struct str *entries, size_t n, uint64_t time_us,
				  struct err *err)
{
	struct buf *b = &s->batch;

	if (b->cap > BATCH_KEEP) {
		buf_done(b);
	}
	b->start = b->end = 0;
	b->failed = false;
	for (size_t i = 0; i < n; i++) {
		struct ledger_record r = {.entry = entries[i],
					  .from = from,
					  .index = s->at.tree.n + i,
					  .time_us = time_us};
		size_t at = b->end;

		buf_append(b, str_make("\0\0\0\0", LEDGER_FRAME_HEADER));
		ledger_record_encode(&r, b);
		if (b->failed) {
			return ERR(err, ERR_NOMEM, "no memory for a batch of records");
		}
		num_put_u32(b->p + at, (uint32_t)(b->end - at - LEDGER_FRAME_HEADER));
	}
	return ERR_OK;
}

/*
 * Hashes all that was encoded. The last byte of the length in front of a record is 0, which is just
 * what a leaf is hashed with in front (RFC 6962 section 2.1).
 */
_Static_assert(LEDGER_RECORD_MAX < 1 << 24, "a frame's length ends with the prefix of a leaf");

static void hash_batch(struct ledger_store *s)
{
	struct str frames = buf_str(&s->batch), leaves[HASHED_AT_ONCE];
	uint8_t hashes[HASHED_AT_ONCE][SHA256_LEN];

	while (frames.n) {
		size_t n = 0;

		for (; frames.n && n < HASHED_AT_ONCE; n++) {
			size_t length = num_get_u32(frames.p);

			leaves[n] = str_make(frames.p + LEDGER_FRAME_HEADER - 1, length + 1);
			frames = str_from(frames, LEDGER_FRAME_HEADER + length);
		}
		sha256_of_each(leaves, n, hashes);
		for (size_t i = 0; i < n; i++) {
			ledger_tree_append(&s->at.tree, hashes[i]);
			store_keep_sum(s, hashes[i]);
		}
	}
}

enum err_code ledger_store_append(struct ledger_store *s, struct str from,
				  const struct str *entries, size_t n, uint64_t now_us,
				  struct ledger_appended *ret, uint64_t *ret_back, struct err *err)
{
	uint64_t time_us = now_us > s->at.time_us ? now_us : s->at.time_us;
	uint64_t first = s->at.tree.n;

	ASSERT(n > 0 && n <= LEDGER_BATCH_MAX);
	TRY(make_ready(s, err));
	TRY(encode_batch(s, from, entries, n, time_us, err));
	TRY(store_write_at(s, s->fd, s->at.offset, buf_str(&s->batch), "records", err));
	s->at.offset += buf_len(&s->batch);
	s->unsynced = true;
	hash_batch(s);
	if (ret_back) {
		*ret_back = time_us - now_us;
	}
	s->at.time_us = time_us;
	*ret = (struct ledger_appended){.first = first, .time_us = time_us};
	return ERR_OK;
}

enum err_code ledger_store_sync(struct ledger_store *s, struct err *err)
{
	TRY(check_alive(s, err));
	if (s->unsynced || s->sync_under_way) {
		TRY(sync_fd(s, s->fd, "the log", err));
		s->unsynced = false;
	}
	if (s->salts_unsynced || (s->sync_under_way && s->salts_fd >= 0)) {
		TRY(sync_fd(s, s->salts_fd, "the salts", err));
		s->salts_unsynced = false;
	}
	s->synced = s->at;
	return ERR_OK;
}

unsigned ledger_store_sync_begin(struct ledger_store *s, int ret_fds[LEDGER_SYNC_FDS])
{
	unsigned n = 0;

	if (s->failed) {
		return 0;
	}
	if (s->unsynced) {
		ret_fds[n++] = s->fd;
	}
	if (s->salts_unsynced) {
		ret_fds[n++] = s->salts_fd;
	}
	s->unsynced = s->salts_unsynced = false; /* what comes from now on is for the next one */
	s->syncing = s->at;
	s->sync_under_way = true;
	return n;
}

enum err_code ledger_store_sync_end(struct ledger_store *s, int sync_errno, struct err *err)
{
	TRY(check_alive(s, err));
	s->sync_under_way = false;
	if (sync_errno) {
		s->failed = true;
		errno = sync_errno;
		return ERR_ERRNO(err, "syncing the log");
	}
	if (s->syncing.tree.n > s->synced.tree.n) {
		s->synced = s->syncing; /* unless a blocking sync has gone further meanwhile */
	}
	return ERR_OK;
}

bool ledger_store_failed(const struct ledger_store *s)
{
	return s->failed;
}

bool ledger_store_unsynced(const struct ledger_store *s)
{
	return s->unsynced || s->salts_unsynced;
}

/* Replaces a small file in one step. Not synced: each of these can be made again. */
static enum err_code replace_file(struct ledger_store *s, const char *name, struct str bytes,
				  struct err *err)
{
	CLEANUP(fd_close) int fd = -1;
	char temporary[32];

	(void)snprintf(temporary, sizeof(temporary), "%s.new", name);
	fd = openat(s->dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		    0640);
	if (fd < 0) {
		return write_error(err, name);
	}
	TRY(store_write_at(s, fd, 0, bytes, name, err));
	if (renameat(s->dir_fd, temporary, s->dir_fd, name) < 0) {
		return write_error(err, name);
	}
	return ERR_OK;
}

/*
 * Bounds `checkpoints`: of the older half every second note goes. What stays
 * still pins down a change to within a few records of where it is old, and
 * exactly where it is new.
 */
static enum err_code thin_checkpoints(struct ledger_store *s, struct err *err)
{
	CLEANUP(fd_close) int fd = -1;
	struct arena a;
	struct str all, rest, note;
	struct buf kept;
	enum err_code code;
	bool keep = true;

	arena_init(&a, STORE_CHECKPOINTS_MAX + 65536);
	buf_init(&kept, STORE_CHECKPOINTS_MAX);
	code = fd_read_all(s->checkpoints_fd, STORE_CHECKPOINTS_MAX, &a, &all, err);
	if (!code) {
		for (rest = all; ledger_note_cut(&rest, &note);) {
			bool old = (size_t)(note.p - all.p) < all.n / 2;

			if (!old || keep) {
				buf_append(&kept, note);
				buf_append_c(&kept, '\n');
			}
			keep = !keep;
		}
		code = kept.failed ? ERR(err, ERR_NOMEM, "no memory to thin the checkpoints")
				   : replace_file(s, "checkpoints", buf_str(&kept), err);
	}
	if (!code) {
		fd = openat(s->dir_fd, "checkpoints", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0) {
			code = ERR_ERRNO(err, "opening checkpoints");
		} else {
			fd_close(&s->checkpoints_fd);
			s->checkpoints_fd = fd_take(&fd);
			s->checkpoints_size = buf_len(&kept);
		}
	}
	buf_done(&kept);
	arena_done(&a);
	return code;
}

bool ledger_store_unsealed(const struct ledger_store *s)
{
	return s->sealed != s->at.tree.n;
}

static enum err_code write_checkpoint(struct ledger_store *s, const struct store_point *at,
				      struct buf *b, struct err *err)
{
	struct ledger_checkpoint c = {.size = at->tree.n};
	size_t note;

	ledger_tree_root(&at->tree, c.root);
	ledger_checkpoint_sign(s->signer, &c, b);
	note = buf_len(b);
	buf_append_c(b, '\n');
	if (b->failed) {
		return ERR(err, ERR_NOMEM, "no memory for a checkpoint");
	}
	TRY(store_write_at(s, s->checkpoints_fd, s->checkpoints_size, buf_str(b), "checkpoints",
			   err));
	s->checkpoints_size += buf_len(b);
	s->sealed = c.size;
	s->has_checkpoint = true;
	TRY(replace_file(s, "checkpoint", str_make(buf_str(b).p, note), err));
	buf_clear(b);
	store_frontier_append(at, b);
	return replace_file(s, "frontier", buf_str(b), err);
}

enum err_code ledger_store_seal_synced(struct ledger_store *s, struct err *err)
{
	enum err_code code;
	struct buf b;

	TRY(check_alive(s, err));
	if (s->sealed >= s->synced.tree.n) {
		return ERR_OK;
	}
	write_sums(s);
	buf_init(&b, STORE_FRONTIER_MAX);
	code = write_checkpoint(s, &s->synced, &b, err);
	buf_done(&b);
	TRY(code);
	if (s->checkpoints_size > s->checkpoints_bytes) {
		TRY(thin_checkpoints(s, err));
	}
	return ERR_OK;
}

enum err_code ledger_store_seal(struct ledger_store *s, struct err *err)
{
	TRY(ledger_store_sync(s, err));
	return ledger_store_seal_synced(s, err);
}

/* salts/<first index of the segment in use>.salt; see docs/formats/ledger.md. */
static enum err_code open_salts(struct ledger_store *s, struct err *err)
{
	char name[48];
	off_t end;
	int fd;

	(void)snprintf(name, sizeof(name), "salts/%020llu.salt", (unsigned long long)s->at.segment);
	fd = openat(s->dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		return write_error(err, "salts");
	}
	end = lseek(fd, 0, SEEK_END);
	if (end < 0) {
		(void)close(fd);
		return ERR_ERRNO(err, "salts");
	}
	s->salts_fd = fd;
	s->salts_size = (uint64_t)end;
	return ERR_OK;
}

enum err_code ledger_store_salts(struct ledger_store *s, const struct ledger_salt *salts, size_t n,
				 struct err *err)
{
	enum err_code code;
	struct buf b;

	TRY(check_alive(s, err));
	if (s->salts_fd < 0) {
		TRY(open_salts(s, err));
	}
	buf_init(&b, LEDGER_BATCH_MAX * 256);
	buf_append_c(&b, '\n'); /* so that a torn line before it cannot swallow the first */
	for (size_t i = 0; i < n; i++) {
		hex_append(&b, salts[i].key, SHA256_LEN);
		buf_append_c(&b, ' ');
		buf_append(&b, salts[i].session);
		buf_append_c(&b, '\n');
	}
	code = b.failed ? ERR(err, ERR_LIMIT, "too many salts at once")
			: store_write_at(s, s->salts_fd, s->salts_size, buf_str(&b), "salts", err);
	if (!code) {
		s->salts_size += buf_len(&b);
		s->salts_unsynced = true;
	}
	if (b.p) {
		secret_wipe(b.p, b.cap);
	}
	buf_done(&b);
	return code;
}

uint64_t ledger_store_size(const struct ledger_store *s)
{
	return s->at.tree.n;
}

void ledger_store_root(const struct ledger_store *s, uint8_t ret[SHA256_LEN])
{
	ledger_tree_root(&s->at.tree, ret);
}
