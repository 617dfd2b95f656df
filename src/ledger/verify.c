/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/verify.h"

#include "ledger/segment.h"
#include "ledger/tree.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CHECKPOINTS_BYTES_MAX = 64 * 1024 * 1024,
	VERIFY_ARENA = 512 * 1024 * 1024,
	VERIFY_SCRATCH = 256 * 1024,
	PROGRESS_EVERY = 1 << 16,
};

/* A place in the log whose root a checkpoint has confirmed. */
struct anchor {
	struct ledger_tree tree;
	struct ledger_place next; /* of the record behind it */
	uint64_t time_us;
	size_t segment; /* number of next.segment */
};

struct verify {
	const struct ledger_verify_options *o;
	struct ledger_verified *ret;
	struct arena *a, *scratch;
	int log_fd;
	uint64_t *segments;
	size_t n_segments;
	struct ledger_checkpoint *points; /* ascending */
	size_t n_points, cap_points, at_point;
	bool stop; /* the log is damaged here; what a checkpoint file says wrong does not stop */
	struct ledger_tree tree;
	struct anchor anchor;
};

static void problem(struct verify *v, uint64_t suspect, uint64_t index, const char *fmt, ...)
	PRINTF(4, 5);

/* Only the first problem is kept: what follows may be its consequence. */
static void problem(struct verify *v, uint64_t suspect, uint64_t index, const char *fmt, ...)
{
	struct ledger_problem *p = &v->ret->problem;
	va_list ap;

	v->stop = true;
	if (p->found) {
		return;
	}
	p->found = true;
	p->suspect = suspect;
	p->index = index;
	va_start(ap, fmt);
	(void)vsnprintf(p->text, sizeof(p->text), fmt, ap);
	va_end(ap);
}

static void problem_place(struct verify *v, uint64_t segment, uint64_t offset)
{
	char name[LEDGER_SEGMENT_NAME];

	ledger_segment_name(segment, name);
	(void)snprintf(v->ret->problem.segment, sizeof(v->ret->problem.segment), "log/%s", name);
	v->ret->problem.offset = offset;
}

static enum err_code add_point(struct verify *v, const struct ledger_checkpoint *c, struct err *err)
{
	if (!ARENA_GROW(v->a, &v->points, v->n_points, &v->cap_points)) {
		return ERR(err, ERR_NOMEM, "no memory for %zu checkpoints", v->n_points);
	}
	v->points[v->n_points++] = *c;
	if (c->size > v->ret->sealed) {
		v->ret->sealed = c->size;
	}
	return ERR_OK;
}

/* A file of the directory; an absent one is empty. */
static enum err_code read_file(struct verify *v, const char *name, struct str *ret, struct err *err)
{
	CLEANUP(fd_close)
	int fd = openat(v->o->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	enum err_code code;

	*ret = str_make("", 0);
	if (fd < 0 && errno == ENOENT) {
		return ERR_OK;
	}
	if (fd < 0) {
		return ERR_ERRNO(err, "opening %s", name);
	}
	code = fd_read_all(fd, CHECKPOINTS_BYTES_MAX, v->a, ret, err);
	if (code) {
		err_wrap(err, "%s", name);
	}
	return code;
}

/* The history of checkpoints, each signed, growing, one behind the other. */
static enum err_code read_history(struct verify *v, struct err *err)
{
	struct str rest, note;
	uint64_t last = 0;

	TRY(read_file(v, "checkpoints", &rest, err));
	while (ledger_note_cut(&rest, &note)) {
		struct ledger_checkpoint c;
		struct err why;

		if (ledger_checkpoint_open(note, v->o->verifier, &c, &why)) {
			problem(v, last, last, "checkpoint number %llu, behind the one of %llu: %s",
				(unsigned long long)v->ret->checkpoints + 1,
				(unsigned long long)last, why.msg);
			return ERR_OK;
		}
		if (v->n_points && c.size <= last) {
			problem(v, c.size, last,
				"the checkpoints are out of order: one of %llu records follows one "
				"of %llu",
				(unsigned long long)c.size, (unsigned long long)last);
			return ERR_OK;
		}
		TRY(add_point(v, &c, err));
		last = c.size;
		v->ret->checkpoints++;
	}
	if (rest.n) {
		problem(v, last, last,
			"the last %zu bytes of `checkpoints` are not a whole checkpoint: a crash "
			"or "
			"a cut",
			rest.n);
	}
	return ERR_OK;
}

static bool same_root(const uint8_t a[SHA256_LEN], const uint8_t b[SHA256_LEN])
{
	return memcmp(a, b, SHA256_LEN) == 0;
}

/* Puts a checkpoint of another source in its place among the others. */
static enum err_code insert_point(struct verify *v, const struct ledger_checkpoint *c,
				  const char *source, struct err *err)
{
	size_t at = v->n_points;

	while (at > 0 && v->points[at - 1].size > c->size) {
		at--;
	}
	if (at > 0 && v->points[at - 1].size == c->size) {
		if (!same_root(v->points[at - 1].root, c->root)) {
			problem(v, 0, c->size,
				"%s and the history differ about the first %llu records", source,
				(unsigned long long)c->size);
		}
		return ERR_OK;
	}
	TRY(add_point(v, c, err));
	memmove(v->points + at + 1, v->points + at, (v->n_points - 1 - at) * sizeof(*v->points));
	v->points[at] = *c;
	return ERR_OK;
}

static enum err_code read_points(struct verify *v, struct err *err)
{
	struct ledger_checkpoint c;
	struct str note;
	struct err why;

	TRY(read_history(v, err));
	TRY(read_file(v, "checkpoint", &note, err));
	if (note.n && ledger_checkpoint_open(note, v->o->verifier, &c, &why)) {
		problem(v, v->ret->sealed, v->ret->sealed, "the file `checkpoint`: %s", why.msg);
	} else if (note.n) {
		TRY(insert_point(v, &c, "the file `checkpoint`", err));
	}
	if (v->o->known) {
		TRY(insert_point(v, v->o->known, "the checkpoint you keep", err));
	}
	return ERR_OK;
}

/* One leaf hash of the .sum file; false when it is not there. */
static bool read_sum(const struct verify *v, uint64_t segment, uint64_t index,
		     uint8_t ret[SHA256_LEN])
{
	static const uint8_t hole[SHA256_LEN];
	char name[LEDGER_SEGMENT_NAME];
	ssize_t n;
	int fd;

	ledger_sums_name(segment, name);
	fd = openat(v->log_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) {
		return false;
	}
	n = pread(fd, ret, SHA256_LEN, (off_t)((index - segment) * SHA256_LEN));
	(void)close(fd);
	return n == SHA256_LEN && !same_root(ret, hole);
}

/* The segment that record `index` belongs to. */
static uint64_t segment_of(const struct verify *v, uint64_t index)
{
	size_t i = v->n_segments;

	while (i > 1 && v->segments[i - 1] > index) {
		i--;
	}
	return v->segments[i - 1];
}

/* The kept leaf hashes from the anchor on lead to this checkpoint's root: they are the true ones.
 */
static bool sums_are_true(const struct verify *v, const struct ledger_checkpoint *point)
{
	struct ledger_tree t = v->anchor.tree;
	uint8_t sum[SHA256_LEN], root[SHA256_LEN];

	while (t.n < point->size) {
		if (!read_sum(v, segment_of(v, t.n), t.n, sum)) {
			return false;
		}
		ledger_tree_append(&t, sum);
	}
	ledger_tree_root(&t, root);
	return same_root(root, point->root);
}

/* Reads again from the anchor to the first record that does not have its kept hash. */
static bool find_changed(struct verify *v, const struct ledger_checkpoint *point,
			 uint64_t *ret_index, struct ledger_place *ret_place)
{
	struct ledger_reader r;
	struct ledger_found found;
	uint8_t sum[SHA256_LEN], leaf[SHA256_LEN];
	bool differs = false;

	if (!sums_are_true(v, point) ||
	    ledger_reader_init(&r, v->log_fd, v->segments, v->n_segments, v->anchor.segment,
			       NULL)) {
		return false;
	}
	if (v->anchor.next.offset) {
		differs = ledger_reader_seek(&r, v->anchor.tree.n, v->anchor.next.offset,
					     v->anchor.time_us, NULL) != ERR_OK;
	}
	while (!differs && r.index < point->size) {
		uint64_t index = r.index;

		*ret_place = (struct ledger_place){r.segments[r.at_segment], r.offset};
		differs = ledger_reader_next(&r, &found, NULL) != ERR_OK;
		if (!differs) {
			*ret_place = found.place;
			ledger_leaf_hash(found.bytes, leaf);
			differs = !read_sum(v, found.place.segment, index, sum) ||
				  !same_root(sum, leaf);
		}
		*ret_index = index;
	}
	ledger_reader_done(&r);
	return differs;
}

/*
 * The log is not right at `index`, as the text says. The change may be in front of it: say which
 * record it is when the kept hashes can tell.
 */
static void damage(struct verify *v, uint64_t index, struct ledger_place place, const char *text)
{
	const struct ledger_checkpoint *point =
		v->at_point < v->n_points ? &v->points[v->at_point] : NULL;
	struct ledger_place changed;
	uint64_t at = index;

	if (point && find_changed(v, point, &at, &changed) && at < index) {
		problem(v, at, at, "this record was changed after it was written");
		problem_place(v, changed.segment, changed.offset);
		return;
	}
	problem(v, index, index, "%s", text);
	problem_place(v, place.segment, place.offset);
}

static void root_differs(struct verify *v, const struct ledger_checkpoint *point)
{
	struct ledger_place place;
	uint64_t index;

	if (find_changed(v, point, &index, &place)) {
		problem(v, index, index, "this record was changed after it was written");
		problem_place(v, place.segment, place.offset);
		return;
	}
	problem(v, v->anchor.tree.n, point->size - 1,
		"the first %llu records do not have the root that their checkpoint says: one of "
		"the records %llu to %llu was changed, or the checkpoint is not theirs",
		(unsigned long long)point->size, (unsigned long long)v->anchor.tree.n,
		(unsigned long long)point->size - 1);
}

/* Compares the tree with the checkpoint of its size, if there is one. */
static void check_point(struct verify *v, const struct ledger_reader *r)
{
	uint8_t root[SHA256_LEN];

	if (v->at_point == v->n_points || v->points[v->at_point].size != v->tree.n) {
		return;
	}
	ledger_tree_root(&v->tree, root);
	if (!same_root(root, v->points[v->at_point].root)) {
		root_differs(v, &v->points[v->at_point]);
		return;
	}
	v->at_point++;
	v->anchor = (struct anchor){
		.tree = v->tree,
		.next = {.segment = r->segments[r->at_segment], .offset = r->offset},
		.time_us = r->time_us,
		.segment = r->at_segment,
	};
}

static void take_record(struct verify *v, const struct ledger_found *found)
{
	struct ledger_entry entry;
	uint8_t leaf[SHA256_LEN];
	enum err_code code;
	struct err why;

	arena_reset(v->scratch);
	code = ledger_entry_decode(found->record.entry, v->scratch, &entry, &why);
	if (!code && entry.kind == LEDGER_SALT) {
		code = ERR(&why, ERR_INVALID, "a salt may not stand in the log");
	}
	if (code) {
		damage(v, found->record.index, found->place, why.msg);
		return;
	}
	ledger_leaf_hash(found->bytes, leaf);
	ledger_tree_append(&v->tree, leaf);
	if (v->ret->records == 0) {
		v->ret->first_us = found->record.time_us;
	}
	v->ret->last_us = found->record.time_us;
	v->ret->records++;
	if (v->o->progress && v->ret->records % PROGRESS_EVERY == 0) {
		v->o->progress(v->o->progress_ctx, v->ret->records);
	}
}

static uint64_t file_size(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : (uint64_t)st.st_size;
}

/* How reading ended: cleanly, inside a frame, or at damage. */
static enum err_code check_end(struct verify *v, const struct ledger_reader *r, enum err_code code,
			       const struct err *why, struct err *err)
{
	if (code == ERR_CORRUPT) {
		damage(v, r->index, (struct ledger_place){r->segments[r->at_segment], r->offset},
		       why->msg);
		return ERR_OK;
	}
	if (code != ERR_NOT_FOUND && code != ERR_AGAIN) {
		*err = *why;
		return code;
	}
	v->ret->torn_bytes = code == ERR_AGAIN ? file_size(r->fd) - r->offset : 0;
	if (v->tree.n < v->ret->sealed) {
		problem(v, v->tree.n, v->tree.n,
			"the log ends here, its last checkpoint covers %llu records: the rest was "
			"removed",
			(unsigned long long)v->ret->sealed);
		problem_place(v, r->segments[r->at_segment], r->offset);
	}
	return ERR_OK;
}

static enum err_code read_log(struct verify *v, struct err *err)
{
	struct ledger_reader reader;
	struct ledger_found found;
	struct err why = {0};
	enum err_code code = ERR_OK;

	TRY(ledger_reader_init(&reader, v->log_fd, v->segments, v->n_segments, 0, err));
	v->stop = false;
	check_point(v, &reader); /* there may be one of the empty log */
	while (!v->stop && !(code = ledger_reader_next(&reader, &found, &why))) {
		take_record(v, &found);
		check_point(v, &reader);
	}
	if (code) {
		code = check_end(v, &reader, code, &why, err);
	}
	ledger_reader_done(&reader);
	return code;
}

static enum err_code verify_all(struct verify *v, struct err *err)
{
	CLEANUP(fd_close)
	int fd = openat(v->o->dir_fd, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0) {
		return ERR_ERRNO(err, "this is not a ledger directory: log/");
	}
	v->log_fd = fd;
	TRY(read_points(v, err));
	TRY(ledger_segments(fd, v->a, &v->segments, &v->n_segments, err));
	if (v->n_segments == 0 || v->segments[0] != 0) {
		if (v->n_segments || v->ret->sealed) {
			problem(v, 0, 0, "the first segment of the log is missing");
		}
		return ERR_OK;
	}
	TRY(read_log(v, err));
	ledger_tree_root(&v->tree, v->ret->root);
	return ERR_OK;
}

enum err_code ledger_verify(const struct ledger_verify_options *o, struct ledger_verified *ret,
			    struct err *err)
{
	struct ledger_verified result = {0};
	struct arena a, scratch;
	struct verify v = {.o = o, .ret = &result, .a = &a, .scratch = &scratch};
	enum err_code code;

	arena_init(&a, VERIFY_ARENA);
	arena_init(&scratch, VERIFY_SCRATCH);
	code = verify_all(&v, err);
	arena_done(&a);
	arena_done(&scratch);
	if (!code) {
		*ret = result;
	}
	return code;
}
