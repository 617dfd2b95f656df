/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files that hold the records, as they are read.
 *
 *   log/<first index, 20 digits>.seg
 *     offset 0   8 bytes   "writlog1"
 *     offset 8   8 bytes   first index, little endian
 *     offset 16  frames:   4 bytes length, little endian; that many bytes of record
 *
 * A segment is valid if and only if (1) its header is this one and its index is
 * the one its name says; (2) its first index is the one behind the last record
 * of the segment before it (0 for the first); (3) every length is from 1 to
 * LEDGER_RECORD_MAX and the frames fill the file; (4) every record is canonical
 * and holds the index of its place and a time not before its predecessor's.
 *
 * Beside each segment stands log/<first index, 20 digits>.sum: the leaf hashes of its records, 32
 * bytes each. Nobody has to trust it: it is there so that, when a checkpoint's root
 * does not fit the records, one can say which record was changed. Hashes of the
 * latest records may be missing.
 *
 * Only the last segment may end otherwise, and only behind the last checkpoint:
 * there a frame that stops early, or bytes that are zero where the writer never
 * writes a zero, are what a crash leaves (ERR_AGAIN: "torn"). Anything else is
 * ERR_CORRUPT.
 */
#ifndef LEDGER_SEGMENT_H
#define LEDGER_SEGMENT_H

#include "base/arena.h"
#include "base/err.h"
#include "ledger/record.h"

#define LEDGER_SEGMENT_MAGIC "writlog1"
enum { LEDGER_SEGMENT_HEADER = 16, LEDGER_SEGMENT_NAME = 25, LEDGER_FRAME_HEADER = 4 };

/* First indexes of the segments in the folder, ascending, in the arena. Other names are ignored. */
enum err_code ledger_segments(int log_fd, struct arena *a, uint64_t **ret, size_t *ret_n,
			      struct err *err) MUST_USE;

/* "00000000000000000042.seg" with its NUL, and "00000000000000000042.sum". */
void ledger_segment_name(uint64_t first, char ret[LEDGER_SEGMENT_NAME]);
void ledger_sums_name(uint64_t first, char ret[LEDGER_SEGMENT_NAME]);

/* Where a record stands. */
struct ledger_place {
	uint64_t segment; /* first index of its segment */
	uint64_t offset;  /* of its frame in the file */
};

struct ledger_found {
	struct str bytes; /* the record; valid until the next call */
	struct ledger_record record;
	struct ledger_place place;
};

/* Reads records in order, across segments. */
struct ledger_reader {
	int log_fd; /* borrowed */
	const uint64_t *segments;
	size_t n_segments, at_segment;
	int fd;
	char *buf;
	size_t start, end; /* unread bytes in buf */
	uint64_t offset;   /* in the file, of buf[start] */
	uint64_t index;    /* of the next record */
	uint64_t time_us;  /* of the last record */
	bool header_done;
};

/*
 * Begins at the first record of segments[at]. Everything passed in is borrowed. Release with
 * ledger_reader_done.
 */
enum err_code ledger_reader_init(struct ledger_reader *r, int log_fd, const uint64_t *segments,
				 size_t n, size_t at, struct err *err) MUST_USE;
void ledger_reader_done(struct ledger_reader *r);

/* Goes on at this record of the segment it stands in, as a checked frontier says. */
enum err_code ledger_reader_seek(struct ledger_reader *r, uint64_t index, uint64_t offset,
				 uint64_t time_us, struct err *err) MUST_USE;

/*
 * The next record. ERR_NOT_FOUND at the clean end; ERR_AGAIN at a torn end (r->offset is where the
 * good part of the last segment ends); ERR_CORRUPT says the file, the offset and the index.
 * After ERR_NOT_FOUND or ERR_AGAIN it may be called again: a writer may have gone on.
 */
enum err_code ledger_reader_next(struct ledger_reader *r, struct ledger_found *ret,
				 struct err *err) MUST_USE;

#endif
