/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is pinned of a server, and how gates and supervisor tell each other of it.
 *
 * An item is a tool, prompt, resource, template or the server's instructions. Its text is its
 * canonical form (json/canon.h), or its bytes where it has none; its digest is the text's SHA-256. Items are
 * known by an id made of server, kind and name.
 *
 * A table is what the supervisor knows, as gates get it: entries of 52 bytes, sorted,
 *
 *   id 16, digest 32, u8 enum pin_state, 3 bytes of zero
 *
 * of which a gate believes all. A report is what a gate has seen of one server and the table does
 * not hold, as the supervisor gets it: untrusted bytes.
 *
 *   u8 PIN_VERSION, u8 0, u16 bytes of server, server, then for each item:
 *   u8 enum pin_kind, u8 0, u16 score, u32 bytes of name, u32 bytes of text, digest 32, name, text
 *
 * All integers little endian. Valid if and only if it has at least PIN_HEADER bytes, its lengths are
 * within the limits below and end exactly at its end.
 */
#ifndef GATE_PIN_H
#define GATE_PIN_H

#include "base/buf.h"
#include "crypto/sha256.h"

enum {
	PIN_VERSION = 1,
	PIN_ID_LEN = 16,
	PIN_ENTRY = 52,
	PIN_HEADER = 4,
	PIN_ITEM = 44,             /* of a report, without name and text */
	PIN_NAME_MAX = 4096,       /* as long as a URI */
	PIN_TEXT_MAX = 512 << 10,  /* an item's canonical form */
	PIN_REPORT_MAX = 16 << 20, /* what does not fit is told in the next one */
	PIN_TABLE_MAX = 1 << 20,   /* entries */
};

enum pin_kind {
	PIN_SERVER = 0, /* the server itself: that it was seen once, whatever it offered */
	PIN_INSTRUCTIONS,
	PIN_TOOL,
	PIN_PROMPT,
	PIN_TEMPLATE,
	PIN_RESOURCE,
	PIN_KINDS
};

enum pin_state {
	PIN_UNKNOWN = 0,
	PIN_HELD,   /* waits for a person, or was rejected */
	PIN_PINNED, /* may be seen */
};

struct pin_id {
	uint8_t bytes[PIN_ID_LEN];
};

struct pin_id pin_id(struct str server, enum pin_kind kind, struct str name);

/* "tool"; static storage. */
struct str pin_kind_name(enum pin_kind kind);
bool pin_kind_find(struct str name, enum pin_kind *ret);

void pin_table_put(struct buf *table, const struct pin_id *id, const uint8_t digest[SHA256_LEN],
		   enum pin_state state);
void pin_table_sort(struct buf *table);

/* Of this digest under this id. */
enum pin_state pin_table_find(struct str table, const struct pin_id *id,
			      const uint8_t digest[SHA256_LEN]);

struct pin_seen {
	enum pin_kind kind;
	unsigned score; /* of detect/lint.h */
	uint8_t digest[SHA256_LEN];
	struct str name, text;
};

void pin_report_begin(struct buf *report, struct str server);

/* False, with nothing appended, when it does not fit. */
bool pin_report_put(struct buf *report, const struct pin_seen *seen);

/* Reads a report; everything points into it. False: it is not valid. */
bool pin_report_open(struct str report, struct str *ret_server, struct str *ret_rest) MUST_USE;

/* The next item off *rest; false at the end, and with *ret_valid false when it is not valid. */
bool pin_report_next(struct str *rest, struct pin_seen *ret, bool *ret_valid);

#endif
