/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "ipc/chan.h"
#include "ipc/frame.h"
#include "ipc/run.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <unistd.h>

static void fields_come_back_as_they_were_put(void **state)
{
	char bytes[64];
	struct frame_writer w;
	struct frame_reader r;

	(void)state;
	frame_begin(&w, bytes, sizeof(bytes), 7);
	frame_put_u8(&w, 200);
	frame_put_u32(&w, 0xdeadbeef);
	frame_put_u64(&w, UINT64_MAX - 1);
	frame_put_str(&w, STR("text"));
	assert_false(w.overflow);
	assert_int_equal(frame_open(&r, frame_bytes(&w)), 7);
	assert_int_equal(frame_get_u8(&r), 200);
	assert_true(frame_get_u32(&r) == 0xdeadbeef);
	assert_true(frame_get_u64(&r) == UINT64_MAX - 1);
	assert_str_equal(frame_get_str(&r), STR("text"));
	assert_true(frame_ok(&r));
}

static void a_frame_cut_anywhere_is_bad_and_reads_nothing_past_its_end(void **state)
{
	char bytes[64];
	struct frame_writer w;

	(void)state;
	frame_begin(&w, bytes, sizeof(bytes), 7);
	frame_put_u32(&w, 1);
	frame_put_str(&w, STR("text"));
	for (size_t cut = 0; cut < w.n; cut++) {
		char *exact = malloc(cut ? cut : 1);
		struct frame_reader r;

		assert_non_null(exact);
		memcpy(exact, bytes, cut);
		(void)frame_open(&r, str_make(exact, cut));
		(void)frame_get_u32(&r);
		assert_int_equal(frame_get_str(&r).n, 0);
		assert_false(frame_ok(&r));
		free(exact);
	}
}

static void a_writer_that_overflows_stays_overflown(void **state)
{
	char bytes[8];
	struct frame_writer w;

	(void)state;
	frame_begin(&w, bytes, sizeof(bytes), 1);
	frame_put_u64(&w, 1);
	assert_true(w.overflow);
	frame_put_u8(&w, 1);
	assert_true(w.overflow);
}

static void descriptors_and_frames_keep_their_order_past_a_full_socket(void **state)
{
	enum { FRAMES = 3000 };
	char big[4096] = {0}, in[IPC_FRAME_MAX];
	int ends[2], pipefd[2], fds[CHAN_MAX_FDS];
	unsigned n_fds = 0, got = 0;
	struct chan a, b;
	struct str frame;
	struct err err;

	(void)state;
	assert_int_equal(chan_pair(ends, &err), ERR_OK);
	chan_init(&a, ends[0], 64 << 20);
	chan_init(&b, ends[1], 0);
	for (uint32_t i = 0; i < FRAMES; i++) {
		struct frame_writer w;

		frame_begin(&w, big, sizeof(big), 1);
		frame_put_u32(&w, i);
		w.n = sizeof(big);
		assert_int_equal(chan_send(&a, frame_bytes(&w), NULL, 0, &err), ERR_OK);
	}
	assert_true(chan_wants_write(&a));
	assert_int_equal(pipe2(pipefd, O_CLOEXEC), 0);
	assert_int_equal(chan_send(&a, STR("\x02"), &pipefd[1], 1, &err), ERR_OK);
	while (got <= FRAMES) {
		enum err_code code = chan_recv(&b, in, sizeof(in), &frame, fds, &n_fds, &err);

		if (code == ERR_AGAIN) {
			assert_int_equal(chan_flush(&a, &err), ERR_OK);
			continue;
		}
		assert_int_equal(code, ERR_OK);
		if (got < FRAMES) {
			struct frame_reader r;

			assert_int_equal(frame_open(&r, frame), 1);
			assert_int_equal(frame_get_u32(&r), got);
		} else {
			assert_int_equal(n_fds, 1);
			assert_int_equal(write(fds[0], "x", 1), 1);
			assert_int_equal(read(pipefd[0], in, 1), 1);
			(void)close(fds[0]);
		}
		got++;
	}
	(void)close(pipefd[0]);
	chan_done(&a);
	assert_int_equal(chan_recv(&b, in, sizeof(in), &frame, fds, &n_fds, &err), ERR_CLOSED);
	chan_done(&b);
}

static void a_peer_that_does_not_read_is_bounded(void **state)
{
	char big[4096] = {1};
	int ends[2];
	struct chan a;
	struct err err;
	enum err_code code = ERR_OK;

	(void)state;
	assert_int_equal(chan_pair(ends, &err), ERR_OK);
	chan_init(&a, ends[0], 100000);
	for (int i = 0; i < 100000 && code == ERR_OK; i++) {
		code = chan_send(&a, str_make(big, sizeof(big)), NULL, 0, &err);
	}
	assert_int_equal(code, ERR_LIMIT);
	assert_true(a.queued <= 100000);
	chan_done(&a);
	(void)close(ends[1]);
}

static void a_sealed_memfd_reads_back_and_cannot_be_written(void **state)
{
	struct arena a;
	struct str s;
	struct err err;
	int fd;

	(void)state;
	arena_init(&a, 1 << 20);
	assert_int_equal(fd_memfd("t", STR("hello"), &fd, &err), ERR_OK);
	assert_int_equal(fd_read_all(fd, 100, &a, &s, &err), ERR_OK);
	assert_str_equal(s, STR("hello"));
	assert_int_equal(fd_read_all(fd, 4, &a, &s, &err), ERR_LIMIT);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	fd_close(&fd);
	arena_done(&a);
}

static bool open_passes(const struct run_open *o)
{
	char bytes[4096];
	struct frame_writer w;
	struct frame_reader r;
	struct run_open back;
	struct arena a;
	bool ok;

	arena_init(&a, 1 << 20);
	frame_begin(&w, bytes, sizeof(bytes), RUN_OPEN);
	run_open_encode(o, &w);
	assert_false(w.overflow);
	assert_int_equal(frame_open(&r, frame_bytes(&w)), RUN_OPEN);
	ok = run_open_decode(&a, &r, &back);
	if (ok) {
		assert_true(str_eq(back.agent, o->agent) && str_eq(back.cwd, o->cwd));
		assert_int_equal(back.n_places, o->n_places);
		assert_int_equal(back.wanted[0], o->wanted[0]);
		assert_true(str_eq(back.args[1], o->args[1]));
	}
	arena_done(&a);
	return ok;
}

static void an_open_is_read_as_it_was_written_or_not_at_all(void **state)
{
	static const struct str args[] = {STR_INIT("node"), STR_INIT("a b")};
	struct str places[] = {STR_INIT("/ws")};
	uint8_t wanted[] = {RUN_READ | RUN_WRITE};
	struct run_open good = {
		.agent = STR("coder"),
		.program = STR("/usr/bin/node"),
		.digest = STR("abababababababababababababababababababababababababababababababab"),
		.cwd = STR("/ws"),
		.profile = STR("node"),
		.args = args,
		.n_args = 2,
		.places = places,
		.wanted = wanted,
		.n_places = 1};
	static const struct str bad_paths[] = {STR_INIT("ws"),    STR_INIT("/ws/"),
					       STR_INIT("/a//b"), STR_INIT("/a/../b"),
					       STR_INIT("/a/."),  STR_INIT("")};
	struct run_open o;

	(void)state;
	assert_true(open_passes(&good));
	for (size_t i = 0; i < ARRAY_LEN(bad_paths); i++) {
		places[0] = bad_paths[i];
		assert_false(open_passes(&good));
		assert_false(run_path_is_plain(bad_paths[i]));
	}
	places[0] = STR("/");
	assert_true(open_passes(&good));
	o = good; /* who learns says so to the policies, and who says so learns */
	o.learn = true;
	assert_false(open_passes(&o));
	o.weaker = &(struct str)STR_INIT("learn");
	o.n_weaker = 1;
	assert_true(open_passes(&o));
	o.learn = false;
	assert_false(open_passes(&o));
	o = good;
	o.agent = STR("-coder");
	assert_false(open_passes(&o));
	o = good;
	o.digest = STR("ab");
	assert_false(open_passes(&o));
	wanted[0] = 0;
	assert_false(open_passes(&good));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_open_is_read_as_it_was_written_or_not_at_all),
		cmocka_unit_test(fields_come_back_as_they_were_put),
		cmocka_unit_test(a_frame_cut_anywhere_is_bad_and_reads_nothing_past_its_end),
		cmocka_unit_test(a_writer_that_overflows_stays_overflown),
		cmocka_unit_test(descriptors_and_frames_keep_their_order_past_a_full_socket),
		cmocka_unit_test(a_peer_that_does_not_read_is_bounded),
		cmocka_unit_test(a_sealed_memfd_reads_back_and_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
