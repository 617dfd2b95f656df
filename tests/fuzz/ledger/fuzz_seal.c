/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Oracle: nobody without the key makes a checkpoint that opens; a checkpoint of
 * accepted form is one note for ledger_note_cut; cutting notes loses no byte;
 * a key that is accepted is written as it was read.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/attr.h"
#include "ledger/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_cuts(struct str text)
{
	struct str rest = text, note;
	size_t total = 0;

	while (ledger_note_cut(&rest, &note)) {
		ASSERT(note.n > 0 && note.p[note.n - 1] == '\n');
		total += note.n + 1;
	}
	ASSERT(total + rest.n == text.n && str_eq(note, rest));
}

static void check_keys(struct str text)
{
	struct ledger_verifier v;
	struct ledger_signer s;
	struct buf again;

	buf_init(&again, 4096);
	if (ledger_verifier_parse(text, &v, NULL) == ERR_OK) {
		ledger_verifier_append(&v, &again);
		ASSERT(again.end <= text.n && text.n <= again.end + 1);
	}
	buf_clear(&again);
	if (ledger_signer_parse(text, &s, NULL) == ERR_OK) {
		ledger_signer_append(&s, &again);
		ASSERT(again.end <= text.n && text.n <= again.end + 1);
		ledger_signer_done(&s);
	}
	buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = str_make((const char *)data, n), rest, note;
	struct ledger_verifier v;
	struct ledger_checkpoint c;
	struct buf doubled;

	/* The name of the seeds with a key nobody has. */
	ASSERT(ledger_verifier_parse(
		       STR("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"),
		       &v, NULL) == ERR_OK);
	ASSERT(ledger_checkpoint_open(text, &v, &c, NULL) != ERR_OK);
	if (ledger_checkpoint_open(text, NULL, &c, NULL) == ERR_OK) {
		buf_init(&doubled, 1 << 20);
		buf_append(&doubled, text);
		buf_append_c(&doubled, '\n');
		rest = buf_str(&doubled);
		ASSERT(ledger_note_cut(&rest, &note) && str_eq(note, text) && rest.n == 0);
		buf_done(&doubled);
	}
	check_cuts(text);
	check_keys(text);
	return 0;
}
