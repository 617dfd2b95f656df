/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/ledger/fixture.h"

#include "base/num.h"

static char segment[1 << 18], damaged[1 << 18];

/* Four checkpoints over 11 records; returns the segment's length. */
static size_t make_log(struct fixture *f)
{
	fixture_init(f);
	assert_int_equal(fixture_open(f, NULL), ERR_OK);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(fixture_append(f, 2 + i % 3, NULL), ERR_OK);
		assert_int_equal(ledger_store_seal(f->store, NULL), ERR_OK);
	}
	assert_int_equal(ledger_store_size(f->store), 11);
	fixture_close(f);
	assert_false(fixture_verify(f).problem.found);
	return fixture_read(f, FIRST_SEGMENT, segment, sizeof(segment));
}

/* Offset of frame number i. */
static size_t frame(size_t i)
{
	size_t at = LEDGER_SEGMENT_HEADER;

	while (i--) {
		at += 4 + num_get_u32(segment + at);
	}
	return at;
}

/* With this segment instead. Signatures are left out: most of the time would go there. */
static struct ledger_problem find(struct fixture *f, const char *bytes, size_t n)
{
	const struct ledger_verify_options o = {.dir_fd = f->dir_fd};
	struct ledger_verified v;

	fixture_write(f, FIRST_SEGMENT, bytes, n);
	assert_int_equal(ledger_verify(&o, &v, NULL), ERR_OK);
	return v.problem;
}

static void an_intact_log_verifies_and_says_what_it_saw(void **state)
{
	struct ledger_verified v;
	struct fixture f;
	uint8_t root[SHA256_LEN];

	(void)state;
	(void)make_log(&f);
	v = fixture_verify(&f);
	assert_int_equal(v.records, 11);
	assert_int_equal(v.checkpoints, 4);
	assert_int_equal(v.sealed, 11);
	assert_int_equal(v.torn_bytes, 0);
	assert_true(v.last_us >= v.first_us && v.first_us > 0);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	ledger_store_root(f.store, root);
	assert_memory_equal(root, v.root, SHA256_LEN);
	fixture_done(&f);
}

static void every_flipped_bit_is_found_at_its_record(void **state)
{
	struct fixture f;
	size_t n, record = 0;

	(void)state;
	n = make_log(&f);
	for (size_t bit = 0; bit < n * 8; bit++) {
		struct ledger_problem p;

		memcpy(damaged, segment, n);
		damaged[bit / 8] = (char)(damaged[bit / 8] ^ (1 << bit % 8));
		while (record < 10 && bit / 8 >= frame(record + 1)) {
			record++;
		}
		p = find(&f, damaged, n);
		if (!p.found || p.index != record || p.suspect != record) {
			fail_msg("bit %zu of record %zu: found %d at %llu: %s", bit, record,
				 p.found, (unsigned long long)p.index, p.text);
		}
	}
	fixture_done(&f);
}

static void without_the_kept_hashes_a_change_is_found_between_its_checkpoints(void **state)
{
	struct ledger_problem p;
	struct fixture f;
	size_t n;
	char *at;

	(void)state;
	n = make_log(&f);
	assert_int_equal(unlinkat(f.dir_fd, FIRST_SUMS, 0), 0);
	memcpy(damaged, segment, n);
	at = memmem(damaged + frame(3), 400, "server fs", 9); /* checkpoints at 2, 5, 9, 11 */
	assert_non_null(at);
	at[7] = 'g';
	p = find(&f, damaged, n);
	assert_true(p.found);
	assert_int_equal(p.suspect, 2);
	assert_int_equal(p.index, 4);
	fixture_done(&f);
}

static void changing_the_kept_hashes_too_does_not_hide_a_change(void **state)
{
	struct ledger_problem p;
	uint8_t leaf[SHA256_LEN];
	char sums[1024];
	struct fixture f;
	size_t n, n_sums;
	char *at;

	(void)state;
	n = make_log(&f);
	memcpy(damaged, segment, n);
	at = memmem(damaged + frame(3), 400, "server fs", 9);
	assert_non_null(at);
	at[7] = 'g';
	ledger_leaf_hash(str_make(damaged + frame(3) + 4, num_get_u32(damaged + frame(3))), leaf);
	n_sums = fixture_read(&f, FIRST_SUMS, sums, sizeof(sums));
	assert_int_equal(n_sums, 11 * SHA256_LEN);
	memcpy(sums + 3 * SHA256_LEN, leaf, SHA256_LEN);
	fixture_write(&f, FIRST_SUMS, sums, n_sums);
	p = find(&f, damaged, n);
	assert_true(p.found);
	assert_int_equal(p.suspect, 2);
	assert_int_equal(p.index, 4);
	fixture_done(&f);
}

static void a_removed_record_is_found_where_it_is_missing(void **state)
{
	struct fixture f;
	size_t n;

	(void)state;
	n = make_log(&f);
	for (size_t i = 0; i < 11; i++) {
		size_t begin = frame(i), end = frame(i + 1);
		struct ledger_problem p;

		memcpy(damaged, segment, begin);
		memcpy(damaged + begin, segment + end, n - end);
		p = find(&f, damaged, n - (end - begin));
		assert_true(p.found);
		assert_int_equal(p.index, i);
	}
	fixture_done(&f);
}

/* The attacker also numbers the following records anew, so only the tree can tell. */
static void a_removed_record_is_found_though_the_others_were_renumbered(void **state)
{
	struct ledger_problem p;
	struct fixture f;
	size_t out = frame(4), at = frame(5), n;

	(void)state;
	n = make_log(&f);
	out = frame(4);
	at = frame(5);
	memcpy(damaged, segment, out);
	while (at < n) {
		size_t len = num_get_u32(segment + at);
		struct ledger_record r;
		struct buf b;

		buf_init(&b, 4096);
		assert_int_equal(ledger_record_decode(str_make(segment + at + 4, len), &r, NULL),
				 ERR_OK);
		r.index--;
		ledger_record_encode(&r, &b);
		num_put_u32(damaged + out, (uint32_t)buf_len(&b));
		memcpy(damaged + out + 4, buf_str(&b).p, buf_len(&b));
		out += 4 + buf_len(&b);
		at += 4 + len;
		buf_done(&b);
	}
	p = find(&f, damaged, out);
	assert_true(p.found);
	assert_int_equal(p.index, 4);
	assert_int_equal(p.suspect, 4);
	fixture_done(&f);
}

static void two_exchanged_records_are_found(void **state)
{
	struct fixture f;
	size_t n;

	(void)state;
	n = make_log(&f);
	for (size_t i = 0; i + 1 < 11; i++) {
		size_t a = frame(i), b = frame(i + 1), c = frame(i + 2);
		struct ledger_problem p;

		memcpy(damaged, segment, n);
		memcpy(damaged + a, segment + b, c - b);
		memcpy(damaged + a + (c - b), segment + a, b - a);
		p = find(&f, damaged, n);
		assert_true(p.found);
		assert_int_equal(p.index, i);
	}
	fixture_done(&f);
}

static void a_cut_before_the_last_checkpoint_is_found_at_every_byte(void **state)
{
	struct fixture f;
	size_t n;

	(void)state;
	n = make_log(&f);
	for (size_t cut = 0; cut < n; cut++) {
		struct ledger_problem p = find(&f, segment, cut);
		size_t whole = 0;

		while (whole < 11 && frame(whole + 1) <= cut) {
			whole++;
		}
		assert_true(p.found);
		assert_int_equal(p.index, whole);
	}
	fixture_done(&f);
}

static void a_missing_segment_is_found(void **state)
{
	struct ledger_problem p;
	struct ledger_verified v;
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.options.segment_bytes = 480; /* three records each */
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	for (int i = 0; i < 12; i++) {
		assert_int_equal(fixture_append(&f, 1, NULL), ERR_OK);
	}
	assert_int_equal(ledger_store_seal(f.store, NULL), ERR_OK);
	fixture_close(&f);
	v = fixture_verify(&f);
	assert_false(v.problem.found);
	assert_int_equal(v.records, 12);
	assert_int_equal(unlinkat(f.dir_fd, "log/00000000000000000003.seg", 0), 0);
	p = fixture_verify(&f).problem;
	assert_true(p.found);
	assert_int_equal(p.index, 3);
	assert_int_equal(unlinkat(f.dir_fd, FIRST_SEGMENT, 0), 0);
	p = fixture_verify(&f).problem;
	assert_true(p.found);
	assert_int_equal(p.index, 0);
	fixture_done(&f);
}

static void records_behind_the_last_checkpoint_are_counted_not_sealed(void **state)
{
	struct ledger_verified v;
	struct fixture f;
	size_t n;

	(void)state;
	(void)make_log(&f);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_int_equal(fixture_append(&f, 3, NULL), ERR_OK);
	v = fixture_verify(&f); /* while the writer has it open */
	assert_false(v.problem.found);
	assert_int_equal(v.records, 14);
	assert_int_equal(v.sealed, 11);
	fixture_close(&f);
	n = fixture_read(&f, FIRST_SEGMENT, segment, sizeof(segment));
	fixture_write(&f, FIRST_SEGMENT, segment, n - 5);
	v = fixture_verify(&f);
	assert_false(v.problem.found);
	assert_int_equal(v.records, 13);
	assert_true(v.torn_bytes > 0);
	fixture_done(&f);
}

static void every_flipped_bit_of_a_checkpoint_is_found(void **state)
{
	static const char *const files[] = {"checkpoints", "checkpoint"};
	struct fixture f;

	(void)state;
	(void)make_log(&f);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		size_t n = fixture_read(&f, files[i], segment, sizeof(segment));

		for (size_t bit = 0; bit < n * 8; bit++) {
			memcpy(damaged, segment, n);
			damaged[bit / 8] = (char)(damaged[bit / 8] ^ (1 << bit % 8));
			fixture_write(&f, files[i], damaged, n);
			if (!fixture_verify(&f).problem.found) {
				fail_msg("%s: bit %zu", files[i], bit);
			}
		}
		fixture_write(&f, files[i], segment, n);
	}
	assert_false(fixture_verify(&f).problem.found);
	fixture_done(&f);
}

static void a_log_cut_back_with_its_checkpoints_needs_a_kept_checkpoint(void **state)
{
	struct ledger_verify_options o = {0};
	struct ledger_checkpoint known;
	struct ledger_verified v;
	struct fixture f;
	struct str rest, note;
	size_t n, cut;

	(void)state;
	(void)make_log(&f);
	n = fixture_read(&f, "checkpoint", damaged, sizeof(damaged));
	assert_int_equal(
		ledger_checkpoint_open(str_make(damaged, n), &f.signer.verifier, &known, NULL),
		ERR_OK);
	rest = str_make(damaged, fixture_read(&f, "checkpoints", damaged, sizeof(damaged)));
	assert_true(ledger_note_cut(&rest, &note));
	assert_true(ledger_note_cut(&rest, &note)); /* back to 5 records */
	cut = frame(5);
	fixture_write(&f, "checkpoint", note.p, note.n);
	fixture_write(&f, "checkpoints", damaged, (size_t)(rest.p - damaged));
	fixture_write(&f, FIRST_SEGMENT, segment, cut);
	assert_false(fixture_verify(&f).problem.found); /* nothing in the directory can tell */
	o.dir_fd = f.dir_fd;
	o.verifier = &f.signer.verifier;
	o.known = &known;
	assert_int_equal(ledger_verify(&o, &v, NULL), ERR_OK);
	assert_true(v.problem.found);
	assert_int_equal(v.problem.index, 5);
	fixture_done(&f);
}

static void a_log_of_another_key_does_not_verify(void **state)
{
	struct ledger_verify_options o = {0};
	struct ledger_signer other;
	struct ledger_verified v;
	struct fixture f;

	(void)state;
	(void)make_log(&f);
	assert_int_equal(ledger_signer_init(&other, STR("test.example/log"), NULL), ERR_OK);
	o.dir_fd = f.dir_fd;
	o.verifier = &other.verifier;
	assert_int_equal(ledger_verify(&o, &v, NULL), ERR_OK);
	assert_true(v.problem.found);
	ledger_signer_done(&other);
	fixture_done(&f);
}

static void a_fifo_among_the_files_does_not_hang_the_verifier(void **state)
{
	struct ledger_verify_options o = {0};
	struct ledger_verified v;
	struct fixture f;

	(void)state;
	(void)make_log(&f);
	o.dir_fd = f.dir_fd;
	o.verifier = &f.signer.verifier;
	assert_int_equal(unlinkat(f.dir_fd, FIRST_SEGMENT, 0), 0);
	assert_int_equal(mkfifoat(f.dir_fd, FIRST_SEGMENT, 0600), 0);
	assert_int_not_equal(ledger_verify(&o, &v, NULL), ERR_OK);
	assert_int_equal(unlinkat(f.dir_fd, "checkpoints", 0), 0);
	assert_int_equal(mkfifoat(f.dir_fd, "checkpoints", 0600), 0);
	assert_int_not_equal(ledger_verify(&o, &v, NULL), ERR_OK);
	fixture_done(&f);
}

static void what_is_not_a_ledger_is_an_error_not_a_finding(void **state)
{
	struct ledger_verify_options o = {0};
	struct ledger_verified v;
	struct fixture f;
	struct err err;

	(void)state;
	fixture_init(&f);
	o.dir_fd = f.dir_fd;
	assert_int_equal(ledger_verify(&o, &v, &err), ERR_SYS);
	assert_non_null(strstr(err.msg, "not a ledger directory"));
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_intact_log_verifies_and_says_what_it_saw),
		cmocka_unit_test(every_flipped_bit_is_found_at_its_record),
		cmocka_unit_test(without_the_kept_hashes_a_change_is_found_between_its_checkpoints),
		cmocka_unit_test(changing_the_kept_hashes_too_does_not_hide_a_change),
		cmocka_unit_test(a_removed_record_is_found_where_it_is_missing),
		cmocka_unit_test(a_removed_record_is_found_though_the_others_were_renumbered),
		cmocka_unit_test(two_exchanged_records_are_found),
		cmocka_unit_test(a_cut_before_the_last_checkpoint_is_found_at_every_byte),
		cmocka_unit_test(a_missing_segment_is_found),
		cmocka_unit_test(records_behind_the_last_checkpoint_are_counted_not_sealed),
		cmocka_unit_test(every_flipped_bit_of_a_checkpoint_is_found),
		cmocka_unit_test(a_log_cut_back_with_its_checkpoints_needs_a_kept_checkpoint),
		cmocka_unit_test(a_log_of_another_key_does_not_verify),
		cmocka_unit_test(a_fifo_among_the_files_does_not_hang_the_verifier),
		cmocka_unit_test(what_is_not_a_ledger_is_an_error_not_a_finding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
