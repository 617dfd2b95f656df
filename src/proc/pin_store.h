/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store of pins, in the folder `pins` of the state directory; the supervisor's.
 *
 *   pins.json    {"version":1,"pins":[{"id":"32 hexadecimal digits","server":"fs","kind":"tool",
 *                "name":"read_file","pinned":"SHA-256","how":"first use","since":1795425356,
 *                "pending":"SHA-256","score":0,"rejected":false}]}
 *   ID.pinned    the text whose digest is `pinned`
 *   ID.pending   the text whose digest is `pending`
 *
 * Rules, for what a gate reports of a server:
 *   - the first report ever of a server pins what it holds, unless the linter's score is
 *     LINT_HOLD or more: that waits for a person;
 *   - later, what is new or changed waits for a person. A resource that is new is pinned as on
 *     first use: lists of resources grow as people work;
 *   - what was rejected stays so until it changes again.
 * A text whose SHA-256 is not its digest is not taken. Of each limit a server may use as much as is
 * left: whatever one does, there is room for the others.
 */
#ifndef PROC_PIN_STORE_H
#define PROC_PIN_STORE_H

#include "base/err.h"
#include "base/map.h"
#include "gate/pin.h"

enum {
	PINS_MAX = 20000,             /* items of all servers */
	PINS_HELD_MAX = 1000,         /* of them that wait for a person */
	PINS_WRITTEN_MAX = 256 << 20, /* bytes of texts that reports bring between two starts */
	PINS_FILE_MAX = 128 << 20,    /* pins.json */
	PINS_HOW_MAX = 24,
};

struct pin_share; /* what its server uses */

struct pin {
	struct pin_id id;
	enum pin_kind kind;
	bool has_pinned, has_pending, rejected;
	uint8_t pinned[SHA256_LEN], pending[SHA256_LEN];
	unsigned score;         /* of what is pending, else of what is pinned */
	uint64_t since;         /* seconds since 1970 */
	char how[PINS_HOW_MAX]; /* "first use", "uid 0" */
	struct pin_share *share;
	struct str server, name; /* behind this struct */
};

/* What is counted against the limits. */
struct pin_use {
	size_t n, n_held, written;
};

struct pin_store {
	int dir_fd; /* -1: not open */
	struct pin **all;
	size_t cap;
	struct pin_use use; /* of all servers */
	struct map by_id, shares;
};

void pin_store_init(struct pin_store *p);
void pin_store_done(struct pin_store *p);

/* Makes the folder (0700) where it is missing and reads what is there. */
enum err_code pin_store_open(struct pin_store *p, int state_fd, struct err *err) MUST_USE;

/* What came of a report. */
struct pin_news {
	bool changed;              /* the table is another one */
	size_t first_use;          /* items pinned without a person */
	size_t held_n;             /* items that wait now and did not before */
	const struct pin *held[8]; /* the first of them */
	bool full;                 /* something found no room */
};

/*
 * Takes a report of a gate about a server that is configured. ERR_INVALID: it is none;
 * ERR_SYS: something could not be written, and may be forgotten at the next start.
 */
enum err_code pin_store_take(struct pin_store *p, struct str report, uint64_t now,
			     struct pin_news *ret, struct err *err) MUST_USE;

/* The server that a report is about; empty when it is none. */
struct str pin_store_report_server(struct str report);

/* Borrowed, or NULL. */
const struct pin *pin_store_find(const struct pin_store *p, const struct pin_id *id);

/*
 * A person's word on what is pending: `digest` is what was shown. ERR_NOT_FOUND: nothing of
 * that digest is pending there (any more).
 */
enum err_code pin_store_decide(struct pin_store *p, const struct pin_id *id,
			       const uint8_t digest[SHA256_LEN], bool yes, uint32_t uid,
			       uint64_t now, struct err *err) MUST_USE;

/* A sealed memfd with the table for gates (gate/pin.h). */
enum err_code pin_store_table(const struct pin_store *p, int *ret_fd, struct err *err) MUST_USE;

#endif
