/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/ledger/fixture.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

static void assert_intact(struct fixture *f, uint64_t records, uint64_t sealed)
{
	struct ledger_verified v = fixture_verify(f);

	if (v.problem.found) {
		fail_msg("record %llu: %s", (unsigned long long)v.problem.index, v.problem.text);
	}
	assert_int_equal(v.records, records);
	assert_int_equal(v.sealed, sealed);
}

static void a_new_log_is_empty_and_takes_records(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_true(f.recovery.created);
	assert_int_equal(ledger_store_size(f.store), 0);
	assert_int_equal(fixture_append(&f, 1, NULL), ERR_OK);
	assert_int_equal(fixture_append(&f, 40, NULL), ERR_OK);
	assert_int_equal(ledger_store_size(f.store), 41);
	assert_true(ledger_store_unsynced(f.store));
	assert_int_equal(ledger_store_seal(f.store, NULL), ERR_OK);
	assert_false(ledger_store_unsynced(f.store));
	assert_false(ledger_store_unsealed(f.store));
	assert_intact(&f, 41, 41);
	fixture_done(&f);
}

static void opening_again_finds_everything_with_and_without_the_frontier(void **state)
{
	uint8_t root[SHA256_LEN], again[SHA256_LEN];
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.options.segment_bytes = 2000; /* several segments */
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	for (int i = 0; i < 30; i++) {
		assert_int_equal(fixture_append(&f, 3, NULL), ERR_OK);
	}
	assert_int_equal(ledger_store_seal(f.store, NULL), ERR_OK);
	assert_int_equal(fixture_append(&f, 2, NULL), ERR_OK);
	ledger_store_root(f.store, root);
	for (int round = 0; round < 3; round++) {
		if (round == 1) {
			assert_int_equal(unlinkat(f.dir_fd, "frontier", 0), 0);
		} else if (round == 2) {
			fixture_write(&f, "frontier", "writ frontier 1\nsize 90 seg", 27);
		}
		fixture_close(&f);
		assert_int_equal(fixture_open(&f, NULL), ERR_OK);
		assert_false(f.recovery.created);
		assert_int_equal(f.recovery.scanned, round == 0 ? 2 : 92);
		assert_int_equal(f.recovery.dropped_bytes, 0);
		ledger_store_root(f.store, again);
		assert_memory_equal(root, again, SHA256_LEN);
	}
	assert_int_equal(fixture_append(&f, 5, NULL), ERR_OK);
	assert_int_equal(ledger_store_seal(f.store, NULL), ERR_OK);
	assert_intact(&f, 97, 97);
	fixture_done(&f);
}

static void a_frontier_that_lies_is_not_believed(void **state)
{
	char text[4096];
	struct fixture f;
	size_t n;

	(void)state;
	fixture_init(&f);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_int_equal(fixture_append(&f, 6, NULL), ERR_OK);
	assert_int_equal(ledger_store_seal(f.store, NULL), ERR_OK);
	fixture_close(&f);
	n = fixture_read(&f, "frontier", text, sizeof(text));
	text[n - 2] = text[n - 2] == '0' ? '1' : '0'; /* a hash */
	fixture_write(&f, "frontier", text, n);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_int_equal(f.recovery.scanned, 6);
	fixture_done(&f);
}

/* kill -9 in the middle of a write, at every byte; what was acknowledged before stays. */
static void a_torn_tail_is_dropped_wherever_the_crash_cut(void **state)
{
	static char bytes[65536];
	struct fixture f;
	size_t sealed_end, end;

	(void)state;
	fixture_init(&f);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_int_equal(fixture_append(&f, 4, NULL), ERR_OK);
	assert_int_equal(ledger_store_seal(f.store, NULL), ERR_OK);
	sealed_end = fixture_read(&f, FIRST_SEGMENT, bytes, sizeof(bytes));
	assert_int_equal(fixture_append(&f, 3, NULL), ERR_OK);
	fixture_close(&f);
	end = fixture_read(&f, FIRST_SEGMENT, bytes, sizeof(bytes));
	for (size_t cut = 0; cut <= end; cut++) {
		enum err_code code;
		size_t whole = 0, at = LEDGER_SEGMENT_HEADER;

		while (at + 4 <= cut) { /* the frames that are all there */
			size_t n = (unsigned char)bytes[at] + 256U * (unsigned char)bytes[at + 1];

			if (at + 4 + n > cut) {
				break;
			}
			at += 4 + n;
			whole++;
		}
		fixture_write(&f, FIRST_SEGMENT, bytes, cut);
		code = fixture_open(&f, NULL);
		if (cut < sealed_end) {
			assert_int_equal(code, ERR_CORRUPT);
			continue;
		}
		assert_int_equal(code, ERR_OK);
		assert_int_equal(ledger_store_size(f.store), whole);
		assert_int_equal(f.recovery.dropped_bytes, cut - at);
		assert_int_equal(fixture_append(&f, 1, NULL), ERR_OK);
		assert_intact(&f, whole + 1, 4);
		fixture_close(&f);
	}
	fixture_done(&f);
}

static void a_tail_of_zeros_after_a_power_failure_is_dropped(void **state)
{
	static char bytes[65536];
	struct fixture f;
	size_t end;

	(void)state;
	fixture_init(&f);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_int_equal(fixture_append(&f, 4, NULL), ERR_OK);
	fixture_close(&f);
	memset(bytes, 0, sizeof(bytes));
	end = fixture_read(&f, FIRST_SEGMENT, bytes, sizeof(bytes));
	memset(bytes + end - 40, 0, 40);
	fixture_write(&f, FIRST_SEGMENT, bytes, end + 4096);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_int_equal(ledger_store_size(f.store), 3);
	assert_true(f.recovery.dropped_bytes > 4096);
	fixture_done(&f);
}

static void damage_in_the_middle_is_refused_with_its_place(void **state)
{
	static char bytes[65536];
	struct fixture f;
	struct err err;
	size_t end, second;

	(void)state;
	fixture_init(&f);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_int_equal(fixture_append(&f, 4, NULL), ERR_OK); /* none of it sealed */
	fixture_close(&f);
	end = fixture_read(&f, FIRST_SEGMENT, bytes, sizeof(bytes));
	second = LEDGER_SEGMENT_HEADER + 4U + (unsigned char)bytes[LEDGER_SEGMENT_HEADER];

	bytes[second + 10] ^= 0x20;
	fixture_write(&f, FIRST_SEGMENT, bytes, end);
	assert_int_equal(fixture_open(&f, &err), ERR_CORRUPT);
	assert_non_null(strstr(err.msg, "record 1"));
	bytes[second + 10] ^= 0x20;

	bytes[second + 1] ^= 0x10; /* a length that runs past the end, with records behind it */
	fixture_write(&f, FIRST_SEGMENT, bytes, end);
	assert_int_equal(fixture_open(&f, &err), ERR_CORRUPT);
	assert_non_null(strstr(err.msg, "record 1: a damaged length"));
	fixture_done(&f);
}

static void a_log_shorter_than_its_checkpoint_is_refused(void **state)
{
	struct fixture f;
	struct err err;

	(void)state;
	fixture_init(&f);
	f.options.segment_bytes = 500;
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(fixture_append(&f, 1, NULL), ERR_OK);
	}
	assert_int_equal(ledger_store_seal(f.store, NULL), ERR_OK);
	fixture_close(&f);
	assert_int_equal(renameat(f.dir_fd, "log", f.dir_fd, "gone"), 0);
	assert_int_equal(fixture_open(&f, &err), ERR_CORRUPT);
	assert_non_null(strstr(err.msg, "covers 10"));
	assert_int_equal(unlinkat(f.dir_fd, "log", AT_REMOVEDIR), 0);
	assert_int_equal(renameat(f.dir_fd, "gone", f.dir_fd, "log"), 0);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	fixture_done(&f);
}

static void two_writers_are_refused(void **state)
{
	struct ledger_recovery recovery;
	struct ledger_store *second = NULL;
	struct fixture f;

	(void)state;
	fixture_init(&f);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_int_equal(ledger_store_open(&f.options, &second, &recovery, NULL), ERR_EXISTS);
	assert_null(second);
	fixture_done(&f);
}

static void a_log_sealed_by_another_key_is_refused(void **state)
{
	struct ledger_signer other;
	struct fixture f;

	(void)state;
	fixture_init(&f);
	assert_int_equal(ledger_signer_init(&other, STR("test.example/log"), NULL), ERR_OK);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_int_equal(fixture_append(&f, 1, NULL), ERR_OK);
	assert_int_equal(ledger_store_seal(f.store, NULL), ERR_OK);
	fixture_close(&f);
	f.options.signer = &other;
	assert_int_equal(fixture_open(&f, NULL), ERR_DENIED);
	ledger_signer_done(&other);
	fixture_done(&f);
}

static void time_never_goes_back(void **state)
{
	struct ledger_appended first, second;
	struct fixture f;
	uint64_t back = 99;
	struct buf b;
	struct str entry;

	(void)state;
	fixture_init(&f);
	buf_init(&b, 1024);
	entry = fixture_entry(&b, 1);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_int_equal(
		ledger_store_append(f.store, STR("gate.0"), &entry, 1, 5000, &first, &back, NULL),
		ERR_OK);
	assert_int_equal(back, 0);
	assert_int_equal(
		ledger_store_append(f.store, STR("gate.0"), &entry, 1, 3000, &second, &back, NULL),
		ERR_OK);
	assert_int_equal(second.time_us, 5000);
	assert_int_equal(back, 2000);
	fixture_close(&f);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_int_equal(
		ledger_store_append(f.store, STR("gate.0"), &entry, 1, 4000, &second, &back, NULL),
		ERR_OK);
	assert_int_equal(back, 1000); /* also across a restart */
	buf_done(&b);
	fixture_done(&f);
}

/* Counts calls and fails the one it is told to, the way a full or broken disk does. */
static struct {
	long calls, fail_at;
	int error;
	bool halfway; /* write half before failing */
} fault;

static bool fails_now(void)
{
	return fault.calls++ == fault.fail_at;
}

static ssize_t fault_pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	if (fault.fail_at >= 0 && fault.calls > fault.fail_at && fault.halfway) {
		fault.halfway = false; /* second half of the failing write */
		errno = fault.error;
		return -1;
	}
	if (fails_now()) {
		if (fault.halfway && n > 1) {
			return pwrite(fd, bytes, n / 2, at);
		}
		errno = fault.error;
		return -1;
	}
	return pwrite(fd, bytes, n, at);
}

static int fault_sync(int fd)
{
	if (fails_now()) {
		errno = EIO;
		return -1;
	}
	return fdatasync(fd);
}

static int fault_truncate(int fd, off_t length)
{
	if (fails_now()) {
		errno = EIO;
		return -1;
	}
	return ftruncate(fd, length);
}

static const struct ledger_io fault_io = {fault_pwrite, fault_sync, fault_truncate};

/* Writes, syncs, seals and rotates; returns how many records were acknowledged. */
static uint64_t work_under_faults(struct fixture *f)
{
	uint64_t acknowledged = 0;

	if (fixture_open(f, NULL)) {
		return 0;
	}
	acknowledged = ledger_store_size(f->store);
	for (size_t i = 0; i < 12; i++) {
		if (fixture_append(f, 1 + i % 3, NULL) == ERR_OK) {
			acknowledged += 1 + i % 3;
		}
		assert_int_equal(ledger_store_size(f->store), acknowledged);
		if (i % 3 == 2) {
			err_ignore(ledger_store_sync(f->store, NULL));
		}
		if (i % 4 == 3) {
			err_ignore(ledger_store_seal(f->store, NULL));
		}
	}
	fixture_close(f);
	return acknowledged;
}

static void whichever_call_fails_no_acknowledged_record_is_lost(void **state)
{
	struct fixture f;
	long total;

	(void)state;
	fixture_init(&f);
	fault.fail_at = -1;
	fault.calls = 0;
	f.options.io = &fault_io;
	f.options.segment_bytes = 700;
	assert_int_equal(work_under_faults(&f), 24);
	total = fault.calls;
	assert_true(total > 40);
	for (int halfway = 0; halfway < 2; halfway++) {
		for (long n = 0; n < total; n++) {
			uint64_t acknowledged;
			struct ledger_verified v;

			fixture_clear(&f);
			fault.calls = 0;
			fault.fail_at = n;
			fault.error = n % 2 ? ENOSPC : EIO;
			fault.halfway = halfway;
			acknowledged = work_under_faults(&f);
			fault.fail_at = -1;
			fault.halfway = false;
			v = fixture_verify(&f);
			if (acknowledged) {
				assert_false(v.problem.found && v.problem.segment[0]);
			}
			assert_int_equal(fixture_open(&f, NULL), ERR_OK);
			assert_int_equal(ledger_store_size(f.store), acknowledged);
			assert_int_equal(fixture_append(&f, 2, NULL), ERR_OK);
			assert_int_equal(ledger_store_seal(f.store, NULL), ERR_OK);
			assert_intact(&f, acknowledged + 2, acknowledged + 2);
		}
	}
	fixture_done(&f);
}

static void after_a_failed_sync_nothing_more_is_taken(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.options.io = &fault_io;
	fault.fail_at = -1;
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_int_equal(fixture_append(&f, 1, NULL), ERR_OK);
	fault.calls = 0;
	fault.fail_at = 0;
	assert_int_equal(ledger_store_sync(f.store, NULL), ERR_SYS);
	fault.fail_at = -1;
	assert_int_equal(fixture_append(&f, 1, NULL), ERR_SYS);
	assert_int_equal(ledger_store_sync(f.store, NULL), ERR_SYS);
	assert_int_equal(ledger_store_seal(f.store, NULL), ERR_SYS);
	fixture_close(&f);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_int_equal(fixture_append(&f, 1, NULL), ERR_OK);
	fixture_done(&f);
}

static void a_sync_elsewhere_covers_what_was_there_when_it_began(void **state)
{
	int fds[LEDGER_SYNC_FDS];
	struct fixture f;

	(void)state;
	fixture_init(&f);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_int_equal(fixture_append(&f, 3, NULL), ERR_OK);
	assert_int_equal(ledger_store_sync_begin(f.store, fds), 1);
	assert_false(ledger_store_unsynced(f.store));
	assert_int_equal(fixture_append(&f, 4, NULL), ERR_OK); /* while it is under way */
	assert_true(ledger_store_unsynced(f.store));
	assert_int_equal(ledger_store_seal_synced(f.store, NULL), ERR_OK);
	assert_int_equal(fixture_verify(&f).sealed, 0); /* nothing is known to be on the disk */
	assert_int_equal(ledger_store_sync_end(f.store, 0, NULL), ERR_OK);
	assert_int_equal(ledger_store_seal_synced(f.store, NULL), ERR_OK);
	assert_intact(&f, 7, 3);
	assert_true(ledger_store_unsealed(f.store));
	fixture_close(&f);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK); /* the frontier is that of 3 records */
	assert_int_equal(f.recovery.scanned, 4);
	assert_int_equal(ledger_store_seal(f.store, NULL), ERR_OK);
	assert_intact(&f, 7, 7);
	fixture_done(&f);
}

static void a_blocking_sync_does_not_trust_one_that_is_under_way(void **state)
{
	int fds[LEDGER_SYNC_FDS];
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.options.io = &fault_io;
	fault.fail_at = -1;
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_int_equal(fixture_append(&f, 3, NULL), ERR_OK);
	assert_int_equal(ledger_store_sync_begin(f.store, fds), 1);
	fault.calls = 0;
	assert_int_equal(ledger_store_seal(f.store, NULL), ERR_OK);
	assert_true(fault.calls > 1); /* a sync and the checkpoint */
	assert_intact(&f, 3, 3);
	assert_int_equal(ledger_store_sync_end(f.store, EIO, NULL), ERR_SYS);
	assert_true(ledger_store_failed(f.store));
	assert_int_equal(fixture_append(&f, 1, NULL), ERR_SYS);
	assert_int_equal(ledger_store_sync_begin(f.store, fds), 0);
	fixture_done(&f);
}

/* The size limit of a process stands for a disk that is full: same path, EFBIG for ENOSPC. */
static void a_full_disk_refuses_whole_batches_and_recovers_by_itself(void **state)
{
	struct rlimit old, low = {.rlim_cur = 3000, .rlim_max = RLIM_INFINITY};
	uint64_t taken = 0;
	struct fixture f;
	struct stat st;
	int refused = 0;

	(void)state;
	fixture_init(&f);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	low.rlim_max = old.rlim_max;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	for (int i = 0; i < 20; i++) {
		enum err_code code = fixture_append(&f, 3, NULL);

		assert_true(code == ERR_OK || code == ERR_LIMIT);
		taken += code == ERR_OK ? 3 : 0;
		refused += code != ERR_OK;
	}
	assert_true(taken > 0);
	assert_true(refused > 0);
	assert_int_equal(ledger_store_size(f.store), taken);
	assert_int_equal(fstatat(f.dir_fd, FIRST_SEGMENT, &st, 0), 0);
	assert_true(st.st_size < 3000); /* the half that fitted was cut off again */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(fixture_append(&f, 3, NULL), ERR_OK);
	assert_int_equal(ledger_store_seal(f.store, NULL), ERR_OK);
	assert_intact(&f, taken + 3, taken + 3);
	fixture_done(&f);
}

static void a_full_file_system_refuses_whole_batches_and_recovers_by_itself(void **state)
{
	static char filler[4096];
	uint64_t taken;
	struct fixture f;
	int fd;

	(void)state;
	fixture_init(&f);
	if (mount("tmpfs", f.path, "tmpfs", 0, "size=128k") < 0) {
		print_message("skipped: mounting a small tmpfs needs root\n");
		fixture_done(&f);
		skip();
	}
	(void)close(f.dir_fd);
	f.dir_fd = open(f.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f.options.dir_fd = f.dir_fd;
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_int_equal(fixture_append(&f, 10, NULL), ERR_OK);
	fd = openat(f.dir_fd, "filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, filler, sizeof(filler)) > 0) {
	}
	taken = 10;
	for (int i = 0; i < 100; i++) { /* until the last page is full */
		taken += fixture_append(&f, 1, NULL) == ERR_OK;
	}
	assert_int_equal(fixture_append(&f, 200, NULL), ERR_LIMIT);
	assert_int_equal(ledger_store_size(f.store), taken);
	err_ignore(ledger_store_seal(f.store, NULL)); /* it may or may not fit */
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(fixture_append(&f, 20, NULL), ERR_OK);
	assert_int_equal(ledger_store_seal(f.store, NULL), ERR_OK);
	assert_intact(&f, taken + 20, taken + 20);
	(void)close(fd);
	fixture_close(&f);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	fixture_close(&f);
	(void)close(f.dir_fd);
	assert_int_equal(umount(f.path), 0);
	f.dir_fd = open(f.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fixture_done(&f);
}

static void checkpoints_are_thinned_out_and_still_verify(void **state)
{
	struct ledger_verified v;
	struct fixture f;
	struct stat st;

	(void)state;
	fixture_init(&f);
	f.options.checkpoints_bytes = 8192;
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	for (int i = 0; i < 300; i++) {
		assert_int_equal(fixture_append(&f, 1, NULL), ERR_OK);
		assert_int_equal(ledger_store_seal(f.store, NULL), ERR_OK);
		assert_int_equal(fstatat(f.dir_fd, "checkpoints", &st, 0), 0);
		assert_true(st.st_size <= 8192);
	}
	assert_intact(&f, 300, 300);
	v = fixture_verify(&f);
	assert_true(v.checkpoints > 20 && v.checkpoints < 60);
	fixture_close(&f);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_int_equal(f.recovery.scanned, 0);
	fixture_done(&f);
}

static void a_torn_checkpoint_is_cut_off_when_opening(void **state)
{
	static char text[65536];
	struct fixture f;
	size_t n;

	(void)state;
	fixture_init(&f);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_int_equal(fixture_append(&f, 2, NULL), ERR_OK);
	assert_int_equal(ledger_store_seal(f.store, NULL), ERR_OK);
	n = fixture_read(&f, "checkpoints", text, sizeof(text));
	assert_int_equal(fixture_append(&f, 2, NULL), ERR_OK);
	assert_int_equal(ledger_store_seal(f.store, NULL), ERR_OK);
	fixture_close(&f);
	(void)fixture_read(&f, "checkpoints", text, sizeof(text));
	fixture_write(&f, "checkpoints", text, n + 30);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_int_equal(f.recovery.scanned, 4);
	assert_int_equal(fixture_read(&f, "checkpoints", text, sizeof(text)), n);
	assert_int_equal(ledger_store_seal(f.store, NULL), ERR_OK);
	assert_intact(&f, 4, 4);
	fixture_done(&f);
}

static void salts_are_kept_beside_the_log_and_synced_with_it(void **state)
{
	struct ledger_salt salts[2] = {{.session = STR("s-1")}, {.session = STR("s-2")}};
	char text[1024];
	struct fixture f;
	size_t n;

	(void)state;
	fixture_init(&f);
	memset(salts[0].key, 0x11, SHA256_LEN);
	memset(salts[1].key, 0x22, SHA256_LEN);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_int_equal(ledger_store_salts(f.store, salts, 2, NULL), ERR_OK);
	assert_true(ledger_store_unsynced(f.store));
	assert_int_equal(ledger_store_sync(f.store, NULL), ERR_OK);
	assert_int_equal(ledger_store_size(f.store), 0);
	n = fixture_read(&f, "salts/00000000000000000000.salt", text, sizeof(text));
	assert_str_equal(
		str_make(text, n),
		STR("\n1111111111111111111111111111111111111111111111111111111111111111 s-1\n"
		    "2222222222222222222222222222222222222222222222222222222222222222 s-2\n"));
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_log_is_empty_and_takes_records),
		cmocka_unit_test(opening_again_finds_everything_with_and_without_the_frontier),
		cmocka_unit_test(a_frontier_that_lies_is_not_believed),
		cmocka_unit_test(a_torn_tail_is_dropped_wherever_the_crash_cut),
		cmocka_unit_test(a_tail_of_zeros_after_a_power_failure_is_dropped),
		cmocka_unit_test(damage_in_the_middle_is_refused_with_its_place),
		cmocka_unit_test(a_log_shorter_than_its_checkpoint_is_refused),
		cmocka_unit_test(two_writers_are_refused),
		cmocka_unit_test(a_log_sealed_by_another_key_is_refused),
		cmocka_unit_test(time_never_goes_back),
		cmocka_unit_test(whichever_call_fails_no_acknowledged_record_is_lost),
		cmocka_unit_test(after_a_failed_sync_nothing_more_is_taken),
		cmocka_unit_test(a_sync_elsewhere_covers_what_was_there_when_it_began),
		cmocka_unit_test(a_blocking_sync_does_not_trust_one_that_is_under_way),
		cmocka_unit_test(a_full_disk_refuses_whole_batches_and_recovers_by_itself),
		cmocka_unit_test(a_full_file_system_refuses_whole_batches_and_recovers_by_itself),
		cmocka_unit_test(checkpoints_are_thinned_out_and_still_verify),
		cmocka_unit_test(a_torn_checkpoint_is_cut_off_when_opening),
		cmocka_unit_test(salts_are_kept_beside_the_log_and_synced_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
