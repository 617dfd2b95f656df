/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/pin.h"

#include "base/num.h"

#include <stdlib.h>

static const struct str kind_names[PIN_KINDS] = {
	[PIN_SERVER] = STR_INIT("server"),     [PIN_INSTRUCTIONS] = STR_INIT("instructions"),
	[PIN_TOOL] = STR_INIT("tool"),         [PIN_PROMPT] = STR_INIT("prompt"),
	[PIN_TEMPLATE] = STR_INIT("template"), [PIN_RESOURCE] = STR_INIT("resource"),
};

struct str pin_kind_name(enum pin_kind kind)
{
	ASSERT(kind < PIN_KINDS);
	return kind_names[kind];
}

bool pin_kind_find(struct str name, enum pin_kind *ret)
{
	for (unsigned k = 0; k < PIN_KINDS; k++) {
		if (str_eq(name, kind_names[k])) {
			*ret = (enum pin_kind)k;
			return true;
		}
	}
	return false;
}

struct pin_id pin_id(struct str server, enum pin_kind kind, struct str name)
{
	uint8_t digest[SHA256_LEN], lengths[9];
	struct sha256 h;
	struct pin_id id;

	num_put_u32(lengths, (uint32_t)server.n);
	num_put_u32(lengths + 4, (uint32_t)name.n);
	lengths[8] = (uint8_t)kind;
	sha256_init(&h);
	sha256_update(&h, lengths, sizeof(lengths));
	sha256_update(&h, server.p, server.n);
	sha256_update(&h, name.p, name.n);
	sha256_final(&h, digest);
	memcpy(id.bytes, digest, sizeof(id.bytes));
	return id;
}

/* ---- the table ---- */

void pin_table_put(struct buf *table, const struct pin_id *id, const uint8_t digest[SHA256_LEN],
		   enum pin_state state)
{
	char *p = buf_reserve(table, PIN_ENTRY);

	if (p) {
		memset(p, 0, PIN_ENTRY);
		memcpy(p, id->bytes, PIN_ID_LEN);
		memcpy(p + PIN_ID_LEN, digest, SHA256_LEN);
		p[PIN_ID_LEN + SHA256_LEN] = (char)state;
		buf_commit(table, PIN_ENTRY);
	}
}

enum { SORTED_BY = PIN_ID_LEN + SHA256_LEN };

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, SORTED_BY);
}

void pin_table_sort(struct buf *table)
{
	if (!table->failed && buf_len(table)) {
		qsort(table->p + table->start, buf_len(table) / PIN_ENTRY, PIN_ENTRY, by_bytes);
	}
}

enum pin_state pin_table_find(struct str table, const struct pin_id *id,
			      const uint8_t digest[SHA256_LEN])
{
	size_t lo = 0, hi = table.n / PIN_ENTRY;
	char key[SORTED_BY];

	memcpy(key, id->bytes, PIN_ID_LEN);
	memcpy(key + PIN_ID_LEN, digest, SHA256_LEN);
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const char *at = table.p + mid * PIN_ENTRY;
		int c = memcmp(key, at, SORTED_BY);

		if (c == 0) {
			return at[SORTED_BY] == PIN_PINNED ? PIN_PINNED : PIN_HELD;
		}
		if (c < 0) {
			hi = mid;
		} else {
			lo = mid + 1;
		}
	}
	return PIN_UNKNOWN;
}

/* ---- reports ---- */

static void put_u16(char *to, unsigned v)
{
	to[0] = (char)(v & 255);
	to[1] = (char)(v >> 8 & 255);
}

static unsigned get_u16(const char *from)
{
	return (unsigned)(unsigned char)from[0] | (unsigned)(unsigned char)from[1] << 8;
}

void pin_report_begin(struct buf *report, struct str server)
{
	char head[PIN_HEADER] = {PIN_VERSION};

	put_u16(head + 2, (unsigned)server.n);
	buf_append(report, str_make(head, sizeof(head)));
	buf_append(report, server);
}

bool pin_report_put(struct buf *report, const struct pin_seen *seen)
{
	char head[PIN_ITEM] = {(char)seen->kind};

	if (seen->name.n > PIN_NAME_MAX || seen->text.n > PIN_TEXT_MAX ||
	    buf_len(report) + sizeof(head) + seen->name.n + seen->text.n > PIN_REPORT_MAX) {
		return false;
	}
	put_u16(head + 2, seen->score);
	num_put_u32(head + 4, (uint32_t)seen->name.n);
	num_put_u32(head + 8, (uint32_t)seen->text.n);
	memcpy(head + 12, seen->digest, SHA256_LEN);
	buf_append(report, str_make(head, sizeof(head)));
	buf_append(report, seen->name);
	buf_append(report, seen->text);
	return !report->failed;
}

bool pin_report_open(struct str report, struct str *ret_server, struct str *ret_rest)
{
	size_t n;

	if (report.n < PIN_HEADER || report.p[0] != PIN_VERSION) {
		return false;
	}
	n = get_u16(report.p + 2);
	if (n > report.n - PIN_HEADER) {
		return false;
	}
	*ret_server = str_make(report.p + PIN_HEADER, n);
	*ret_rest = str_from(report, PIN_HEADER + n);
	return true;
}

bool pin_report_next(struct str *rest, struct pin_seen *ret, bool *ret_valid)
{
	size_t name, text;

	*ret_valid = true;
	if (rest->n == 0) {
		return false;
	}
	*ret_valid = false;
	if (rest->n < PIN_ITEM || (unsigned char)rest->p[0] >= PIN_KINDS) {
		return false;
	}
	name = num_get_u32(rest->p + 4);
	text = num_get_u32(rest->p + 8);
	if (name > PIN_NAME_MAX || text > PIN_TEXT_MAX || name + text > rest->n - PIN_ITEM) {
		return false;
	}
	ret->kind = (enum pin_kind)rest->p[0];
	ret->score = get_u16(rest->p + 2);
	memcpy(ret->digest, rest->p + 12, SHA256_LEN);
	ret->name = str_make(rest->p + PIN_ITEM, name);
	ret->text = str_make(rest->p + PIN_ITEM + name, text);
	*rest = str_from(*rest, PIN_ITEM + name + text);
	*ret_valid = true;
	return true;
}
