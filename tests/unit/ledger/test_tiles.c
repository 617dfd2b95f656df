/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/ledger/fixture.h"

#include "ledger/tiles.h"

#include <ftw.h>

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

struct export_scene {
	struct fixture f;
	char out[64];
	int out_fd;
	struct ledger_checkpoint checkpoint;
};

/* A log of n records, sealed, and three that are not. */
static void scene_begin(struct export_scene *s, size_t n)
{
	fixture_init(&s->f);
	assert_int_equal(fixture_open(&s->f, NULL), ERR_OK);
	for (size_t left = n; left;) {
		size_t batch = left > LEDGER_BATCH_MAX ? LEDGER_BATCH_MAX : left;

		assert_int_equal(fixture_append(&s->f, batch, NULL), ERR_OK);
		left -= batch;
	}
	assert_int_equal(ledger_store_seal(s->f.store, NULL), ERR_OK);
	assert_int_equal(fixture_append(&s->f, 3, NULL), ERR_OK);
	(void)snprintf(s->out, sizeof(s->out), "/tmp/writ-tiles-XXXXXX");
	assert_non_null(mkdtemp(s->out));
	s->out_fd = open(s->out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(s->out_fd >= 0);
}

static void scene_end(struct export_scene *s)
{
	(void)close(s->out_fd);
	(void)nftw(s->out, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	fixture_done(&s->f);
}

static enum err_code export(struct export_scene *s, struct err *err) {
	return ledger_tiles_export(s->f.dir_fd, &s->f.signer.verifier, s->out_fd, &s->checkpoint,
				   err);
}

static size_t read_out(struct export_scene *s, const char *path, char *to, size_t cap)
{
	int fd = openat(s->out_fd, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, to, cap);

	if (fd >= 0) {
		(void)close(fd);
	}
	return n < 0 ? 0 : (size_t)n;
}

/* What a client does that has nothing but the tiles. */
static bool tile_node(void *ctx, unsigned level, uint64_t index, uint8_t ret[SHA256_LEN])
{
	struct export_scene *s = ctx;
	unsigned tile_level = level / 8, inside = level % 8;
	uint64_t first = index << inside, per = s->checkpoint.size >> (8 * tile_level);
	uint64_t n = first / LEDGER_TILE_WIDTH, at = first % LEDGER_TILE_WIDTH;
	uint64_t width = per - n * LEDGER_TILE_WIDTH;
	static char bytes[LEDGER_TILE_WIDTH * SHA256_LEN + 1];
	struct ledger_tree sub = {0};
	char path[LEDGER_TILE_PATH];

	width = width > LEDGER_TILE_WIDTH ? LEDGER_TILE_WIDTH : width;
	ledger_tile_path((int)tile_level, n, (unsigned)width, path);
	if (read_out(s, path, bytes, sizeof(bytes)) != width * SHA256_LEN ||
	    at + (UINT64_C(1) << inside) > width) {
		return false;
	}
	for (uint64_t i = 0; i < UINT64_C(1) << inside; i++) {
		ledger_tree_append(&sub, (const uint8_t *)bytes + (at + i) * SHA256_LEN);
	}
	ledger_tree_root(&sub, ret);
	return true;
}

static void paths_are_those_of_the_specification(void **state)
{
	char path[LEDGER_TILE_PATH];

	(void)state;
	ledger_tile_path(0, 1234067, 256, path);
	assert_string_equal(path, "tile/0/x001/x234/067");
	ledger_tile_path(3, 0, 256, path);
	assert_string_equal(path, "tile/3/000");
	ledger_tile_path(0, 999, 17, path);
	assert_string_equal(path, "tile/0/999.p/17");
	ledger_tile_path(-1, 1000, 256, path);
	assert_string_equal(path, "tile/entries/x001/000");
	ledger_tile_path(7, UINT64_MAX, 255, path);
	assert_string_equal(path, "tile/7/x018/x446/x744/x073/x709/x551/615.p/255");
}

static void every_record_can_be_proved_from_the_tiles(void **state)
{
	static const size_t sizes[] = {1, 255, 256, 257, 700, 1024};

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
		struct export_scene s;
		struct ledger_tree_source src = {tile_node, &s};
		struct ledger_proof p;

		scene_begin(&s, sizes[k]);
		assert_int_equal(export(&s, NULL), ERR_OK);
		assert_int_equal(s.checkpoint.size, sizes[k]);
		for (size_t i = 0; i < sizes[k]; i += 1 + sizes[k] / 50) {
			uint8_t leaf[SHA256_LEN];

			assert_true(tile_node(&s, 0, i, leaf));
			assert_int_equal(ledger_prove_inclusion(&src, i, sizes[k], &p, NULL),
					 ERR_OK);
			assert_true(
				ledger_check_inclusion(leaf, i, sizes[k], &p, s.checkpoint.root));
		}
		scene_end(&s);
	}
}

static void bundles_hold_the_records_behind_their_lengths(void **state)
{
	static char bytes[1 << 17];
	struct export_scene s;
	struct ledger_record r;
	size_t n, at = 0, count = 0;
	uint8_t leaf[SHA256_LEN], kept[SHA256_LEN];

	(void)state;
	scene_begin(&s, 300);
	assert_int_equal(export(&s, NULL), ERR_OK);
	n = read_out(&s, "tile/entries/001.p/44", bytes, sizeof(bytes));
	while (at + 2 <= n) {
		size_t length =
			(size_t)(unsigned char)bytes[at] << 8 | (unsigned char)bytes[at + 1];

		assert_int_equal(ledger_record_decode(str_make(bytes + at + 2, length), &r, NULL),
				 ERR_OK);
		assert_int_equal(r.index, 256 + count);
		ledger_leaf_hash(str_make(bytes + at + 2, length), leaf);
		assert_true(tile_node(&s, 0, 256 + count, kept));
		assert_memory_equal(leaf, kept, SHA256_LEN);
		at += 2 + length;
		count++;
	}
	assert_int_equal(at, n);
	assert_int_equal(count, 44);
	assert_true(read_out(&s, "checkpoint", bytes, sizeof(bytes)) > 0);
	assert_int_equal(read_out(&s, "tile/1/000.p/1", bytes, sizeof(bytes)), SHA256_LEN);
	scene_end(&s);
}

static void a_changed_log_is_not_exported(void **state)
{
	struct export_scene s;
	struct err err;
	char c = 'X';
	int fd;

	(void)state;
	scene_begin(&s, 10);
	fd = openat(s.f.dir_fd, FIRST_SEGMENT, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, &c, 1, 100), 1);
	(void)close(fd);
	assert_int_equal(export(&s, &err), ERR_CORRUPT);
	assert_int_equal(faccessat(s.out_fd, "checkpoint", F_OK, 0), -1);
	assert_int_equal(unlinkat(s.f.dir_fd, "checkpoint", 0), 0);
	assert_int_equal(export(&s, &err), ERR_NOT_FOUND);
	scene_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_those_of_the_specification),
		cmocka_unit_test(every_record_can_be_proved_from_the_tiles),
		cmocka_unit_test(bundles_hold_the_records_behind_their_lengths),
		cmocka_unit_test(a_changed_log_is_not_exported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
