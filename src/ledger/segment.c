/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/segment.h"

#include "base/num.h"
#include "sys/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	READER_BUF = 256 * 1024,
	MAX_SEGMENTS = 1 << 20,
	NAME_DIGITS = 20,
};

void ledger_segment_name(uint64_t first, char ret[LEDGER_SEGMENT_NAME])
{
	(void)snprintf(ret, LEDGER_SEGMENT_NAME, "%020llu.seg", (unsigned long long)first);
}

void ledger_sums_name(uint64_t first, char ret[LEDGER_SEGMENT_NAME])
{
	(void)snprintf(ret, LEDGER_SEGMENT_NAME, "%020llu.sum", (unsigned long long)first);
}

static bool name_read(const char *name, uint64_t *ret)
{
	struct str s = str_from_c(name);

	return s.n == NAME_DIGITS + 4 && str_ends_with(s, STR(".seg")) &&
	       str_to_u64(str_make(s.p, NAME_DIGITS), ret);
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

static enum err_code read_names(DIR *dir, struct arena *a, uint64_t **ret, size_t *ret_n,
				struct err *err)
{
	uint64_t *items = NULL, first;
	size_t n = 0, cap = 0;
	const struct dirent *d;

	for (errno = 0; (d = readdir(dir)); errno = 0) {
		if (!name_read(d->d_name, &first)) {
			continue;
		}
		if (n == MAX_SEGMENTS || !ARENA_GROW(a, &items, n, &cap)) {
			return ERR(err, ERR_LIMIT, "too many segments: %zu", n);
		}
		items[n++] = first;
	}
	if (errno) {
		return ERR_ERRNO(err, "reading the folder log/");
	}
	if (n) {
		qsort(items, n, sizeof(*items), compare_u64);
	}
	*ret = items;
	*ret_n = n;
	return ERR_OK;
}

enum err_code ledger_segments(int log_fd, struct arena *a, uint64_t **ret, size_t *ret_n,
			      struct err *err)
{
	enum err_code code;
	DIR *dir;
	int fd = openat(log_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		return ERR_ERRNO(err, "opening the folder log/");
	}
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return ERR_ERRNO(err, "reading the folder log/");
	}
	code = read_names(dir, a, ret, ret_n, err);
	(void)closedir(dir);
	return code;
}

/* Says where the reader stands, in front of what is wrong there. */
static enum err_code corrupt(const struct ledger_reader *r, struct err *err, const char *what)
{
	char name[LEDGER_SEGMENT_NAME];

	ledger_segment_name(r->segments[r->at_segment], name);
	return ERR(err, ERR_CORRUPT, "log/%s offset %llu, record %llu: %s", name,
		   (unsigned long long)r->offset, (unsigned long long)r->index, what);
}

static bool in_last_segment(const struct ledger_reader *r)
{
	return r->at_segment + 1 == r->n_segments;
}

/* What a crash can leave at the end of the last segment is damage anywhere else. */
static enum err_code torn(const struct ledger_reader *r, struct err *err, const char *what)
{
	if (!in_last_segment(r)) {
		return corrupt(r, err, what);
	}
	(void)corrupt(r, err, what);
	if (err) {
		err->code = ERR_AGAIN;
	}
	return ERR_AGAIN;
}

/* Makes at least n bytes available, if the file has them. */
static enum err_code fill(struct ledger_reader *r, size_t n, struct err *err)
{
	if (r->end - r->start >= n) {
		return ERR_OK;
	}
	memmove(r->buf, r->buf + r->start, r->end - r->start);
	r->end -= r->start;
	r->start = 0;
	while (r->end < n) {
		ssize_t got = pread(r->fd, r->buf + r->end, READER_BUF - r->end,
				    (off_t)(r->offset + r->end));

		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got < 0) {
			return ERR_ERRNO(err, "reading a segment");
		}
		if (got == 0) {
			break;
		}
		r->end += (size_t)got;
	}
	return ERR_OK;
}

static void step(struct ledger_reader *r, size_t n)
{
	r->start += n;
	r->offset += n;
}

static enum err_code open_segment(struct ledger_reader *r, struct err *err)
{
	char name[LEDGER_SEGMENT_NAME];
	struct stat st;

	ledger_segment_name(r->segments[r->at_segment], name);
	fd_close(&r->fd);
	/* The folder may be a stranger's: a FIFO in the place of a file must not hang the reader. */
	r->fd = openat(r->log_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (r->fd < 0 || fstat(r->fd, &st) < 0) {
		return ERR_ERRNO(err, "opening log/%s", name);
	}
	if (!S_ISREG(st.st_mode)) {
		return ERR(err, ERR_CORRUPT, "log/%s is not a regular file", name);
	}
	r->start = r->end = 0;
	r->offset = 0;
	r->header_done = false;
	return ERR_OK;
}

static enum err_code read_header(struct ledger_reader *r, struct err *err)
{
	const char *p;

	TRY(fill(r, LEDGER_SEGMENT_HEADER, err));
	p = r->buf + r->start;
	if (r->end - r->start < LEDGER_SEGMENT_HEADER) {
		return torn(r, err, "the file ends inside its header");
	}
	if (memcmp(p, LEDGER_SEGMENT_MAGIC, 8) != 0 ||
	    num_get_u64(p + 8) != r->segments[r->at_segment]) {
		for (size_t i = 0; i < LEDGER_SEGMENT_HEADER; i++) {
			if (p[i]) {
				return corrupt(r, err, "not the header of this segment");
			}
		}
		return torn(r, err, "an empty header");
	}
	if (num_get_u64(p + 8) != r->index) {
		return corrupt(r, err, "records are missing in front of this segment");
	}
	step(r, LEDGER_SEGMENT_HEADER);
	r->header_done = true;
	return ERR_OK;
}

enum err_code ledger_reader_init(struct ledger_reader *r, int log_fd, const uint64_t *segments,
				 size_t n, size_t at, struct err *err)
{
	struct ledger_reader made = {.log_fd = log_fd,
				     .segments = segments,
				     .n_segments = n,
				     .at_segment = at,
				     .fd = -1,
				     .index = segments[at]};
	enum err_code code;

	made.buf = malloc(READER_BUF);
	if (!made.buf) {
		return ERR(err, ERR_NOMEM, "no memory to read a segment");
	}
	code = open_segment(&made, err);
	if (code) {
		ledger_reader_done(&made);
		return code;
	}
	*r = made;
	return ERR_OK;
}

void ledger_reader_done(struct ledger_reader *r)
{
	fd_close(&r->fd);
	free(r->buf);
	r->buf = NULL;
}

enum err_code ledger_reader_seek(struct ledger_reader *r, uint64_t index, uint64_t offset,
				 uint64_t time_us, struct err *err)
{
	struct stat st;

	TRY(read_header(r, err));
	if (fstat(r->fd, &st) < 0) {
		return ERR_ERRNO(err, "reading a segment");
	}
	r->start = r->end = 0;
	if ((uint64_t)st.st_size < offset) {
		r->offset = (uint64_t)st.st_size;
		return corrupt(r, err, "records that a checkpoint covers were cut off");
	}
	r->offset = offset;
	r->index = index;
	r->time_us = time_us;
	return ERR_OK;
}

/* Checks what the frame holds; the frame's bytes are all in the buffer. */
static enum err_code check_record(struct ledger_reader *r, struct str bytes,
				  struct ledger_record *ret, struct err *err)
{
	if (memchr(bytes.p, '\0', bytes.n)) {
		return torn(r, err, "zero bytes, which the writer never writes");
	}
	if (ledger_record_decode(bytes, ret, NULL)) {
		return corrupt(r, err, "not a canonical record");
	}
	if (ret->index != r->index) {
		return corrupt(r, err, "a record with another index stands here");
	}
	if (ret->time_us < r->time_us) {
		return corrupt(r, err, "its time is before its predecessor's");
	}
	return ERR_OK;
}

/*
 * A crash leaves nothing behind a frame that stops early. Where a later record
 * stands behind it, the length was damaged and nothing may be dropped.
 */
static bool later_record_follows(const struct ledger_reader *r)
{
	struct str rest = str_make(r->buf + r->start, r->end - r->start);
	struct str begin = STR("{\"entry\":");
	size_t at = LEDGER_FRAME_HEADER + 1;

	while (at < rest.n) {
		const char *p = memmem(rest.p + at, rest.n - at, begin.p, begin.n);
		struct ledger_record record;
		size_t n;

		if (!p) {
			return false;
		}
		at = (size_t)(p - rest.p);
		n = num_get_u32(p - LEDGER_FRAME_HEADER);
		if (n <= rest.n - at && !ledger_record_decode(str_make(p, n), &record, NULL) &&
		    record.index > r->index) {
			return true;
		}
		at++;
	}
	return false;
}

/* A whole frame at the reader's place: *ret_n bytes of record. ERR_NOT_FOUND at the file's end. */
static enum err_code read_frame(struct ledger_reader *r, size_t *ret_n, struct err *err)
{
	uint32_t n;

	TRY(fill(r, LEDGER_FRAME_HEADER, err));
	if (r->start == r->end) {
		return ERR_NOT_FOUND;
	}
	if (r->end - r->start < LEDGER_FRAME_HEADER) {
		return torn(r, err, "the file ends inside a length");
	}
	n = num_get_u32(r->buf + r->start);
	if (n == 0) {
		return torn(r, err, "a length of zero");
	}
	if (n > LEDGER_RECORD_MAX) {
		return corrupt(r, err, "an impossible length");
	}
	TRY(fill(r, LEDGER_FRAME_HEADER + n, err));
	if (r->end - r->start < LEDGER_FRAME_HEADER + n) {
		if (later_record_follows(r)) {
			return corrupt(r, err, "a damaged length");
		}
		return torn(r, err, "the file ends inside a record");
	}
	*ret_n = n;
	return ERR_OK;
}

static enum err_code next(struct ledger_reader *r, struct ledger_found *ret, struct err *err)
{
	for (;;) {
		enum err_code code = ERR_OK;
		struct ledger_found found;
		size_t n = 0;

		if (!r->header_done) {
			TRY(read_header(r, err));
		}
		code = read_frame(r, &n, err);
		if (code == ERR_NOT_FOUND && !in_last_segment(r)) {
			r->at_segment++;
			TRY(open_segment(r, err));
			continue;
		}
		if (code == ERR_NOT_FOUND) {
			return ERR(err, ERR_NOT_FOUND, "the end of the log");
		}
		TRY(code);
		found.bytes = str_make(r->buf + r->start + LEDGER_FRAME_HEADER, n);
		TRY(check_record(r, found.bytes, &found.record, err));
		found.place = (struct ledger_place){.segment = r->segments[r->at_segment],
						    .offset = r->offset};
		step(r, LEDGER_FRAME_HEADER + n);
		r->index++;
		r->time_us = found.record.time_us;
		*ret = found;
		return ERR_OK;
	}
}

enum err_code ledger_reader_next(struct ledger_reader *r, struct ledger_found *ret, struct err *err)
{
	enum err_code code = next(r, ret, err);

	if (code == ERR_NOT_FOUND || code == ERR_AGAIN) {
		r->start = r->end = 0; /* the writer may put something else there */
	}
	return code;
}
