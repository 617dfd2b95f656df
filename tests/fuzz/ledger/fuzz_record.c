/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Oracle: an entry that is accepted encodes to the same bytes, and these are the
 * canonical JSON of RFC 8785 as the general writer makes it; a record that is accepted
 * is made of the same parts again.
 */
#include <stdint.h>

#include "base/attr.h"
#include "ledger/record.h"
#include "json/canon.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_canonical(struct str entry)
{
	const struct json *doc;
	struct buf canonical;
	struct arena a;

	arena_init(&a, 16 << 20);
	buf_init(&canonical, 1 << 20);
	ASSERT(json_parse(&a, entry, NULL, &doc, NULL) == ERR_OK);
	ASSERT(json_canon(&a, doc, &canonical, NULL) == ERR_OK);
	ASSERT(str_eq(buf_str(&canonical), entry));
	buf_done(&canonical);
	arena_done(&a);
}

static void check_entry(struct str text)
{
	struct ledger_entry e;
	struct buf again;
	struct arena a;

	arena_init(&a, 1 << 20);
	buf_init(&again, 1 << 20);
	if (ledger_entry_decode(text, &a, &e, NULL) == ERR_OK) {
		ASSERT(ledger_entry_encode(&e, &again, NULL) == ERR_OK);
		ASSERT(str_eq(buf_str(&again), text));
		check_canonical(text);
	}
	buf_done(&again);
	arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = str_make((const char *)data, n);
	struct ledger_record r;
	struct buf again;

	check_entry(text);
	if (ledger_record_decode(text, &r, NULL) == ERR_OK) {
		buf_init(&again, 1 << 20);
		ledger_record_encode(&r, &again);
		ASSERT(!again.failed && str_eq(buf_str(&again), text));
		buf_done(&again);
		check_entry(r.entry);
	}
	return 0;
}
