/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "gate/splice.h"

#include "tests/unit/gate/fake_scribe.h" /* settle */

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

enum { IDLE_MS = 50, MANY = 3000000 };

static struct loop loop;
static struct splice_pipes pipes;
static struct splice splice_;
static int left, right; /* what the two peers hold */
static unsigned ended;
static enum splice_end why;

static void on_end(struct splice *s, enum splice_end how)
{
	assert_true(s->over);
	ended++;
	why = how;
}

static int other_end(int *ret)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends),
			 0);
	*ret = ends[0];
	return ends[1];
}

static int begin(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(loop_init(&loop, &err), ERR_OK);
	splice_init(&splice_, &loop, &pipes);
	splice_.on_end = on_end;
	ended = 0;
	return 0;
}

static void start(void)
{
	int a = other_end(&left), b = other_end(&right);
	struct err err;

	assert_int_equal(splice_start(&splice_, a, b, IDLE_MS * CLOCK_MS, &err), ERR_OK);
}

static int finish(void **state)
{
	(void)state;
	splice_stop(&splice_);
	splice_pipes_done(&pipes);
	assert_int_equal(pipes.made, 0);
	close(left);
	close(right);
	loop_done(&loop);
	return 0;
}

static void assert_reads(int fd, const char *text)
{
	char in[256];
	ssize_t n = read(fd, in, sizeof(in));

	assert_int_equal(n, strlen(text));
	assert_memory_equal(in, text, (size_t)n);
}

static void bytes_pass_both_ways_and_are_counted(void **state)
{
	(void)state;
	start();
	assert_int_equal(write(left, "hello", 5), 5);
	assert_int_equal(write(right, "there", 5), 5);
	settle(&loop);
	assert_reads(right, "hello");
	assert_reads(left, "there");
	assert_int_equal(splice_.from_a.bytes, 5);
	assert_int_equal(splice_.from_b.bytes, 5);
	assert_int_equal(ended, 0);
	assert_int_equal(pipes.n_plain, 1); /* nothing is lent to a silent tunnel */
}

static void what_came_before_goes_first(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(splice_preload(&splice_, STR("early "), &err), ERR_OK);
	start();
	assert_int_equal(write(left, "late", 4), 4);
	settle(&loop);
	assert_reads(right, "early late");
	assert_int_equal(splice_.from_a.bytes, 10);
}

static void a_side_that_ends_is_told_to_the_other_which_may_go_on(void **state)
{
	char byte;

	(void)state;
	start();
	assert_int_equal(write(left, "ask", 3), 3);
	assert_int_equal(shutdown(left, SHUT_WR), 0);
	settle(&loop);
	assert_reads(right, "ask");
	assert_int_equal(read(right, &byte, 1), 0);
	assert_int_equal(ended, 0);
	assert_int_equal(write(right, "answer", 6), 6);
	settle(&loop);
	assert_reads(left, "answer");
	close(right);
	right = -1;
	settle(&loop);
	assert_int_equal(ended, 1);
	assert_int_equal(why, SPLICE_CLOSED);
	assert_int_equal(splice_.from_b.bytes, 6);
}

static void silence_ends_it(void **state)
{
	struct err err;

	(void)state;
	start();
	for (int i = 0; i < 1000 && !ended; i++) {
		assert_int_equal(loop_turn(&loop, 10, &err), ERR_OK);
	}
	assert_int_equal(ended, 1);
	assert_int_equal(why, SPLICE_IDLE);
}

/* The writer is stopped by the reader that does not read, and nothing is lost or out of order. */
static void a_slow_reader_slows_the_writer_and_loses_nothing(void **state)
{
	static uint8_t block[8192], in[8192];
	size_t written = 0, got = 0;
	uint8_t next_in = 0, next_out = 0;
	struct err err;

	(void)state;
	start();
	while (got < MANY) {
		ssize_t n = 0;

		while (written < MANY && n >= 0) {
			size_t want =
				MANY - written < sizeof(block) ? MANY - written : sizeof(block);

			for (size_t i = 0; i < want; i++) {
				block[i] = (uint8_t)(next_in + i);
			}
			n = write(left, block, want);
			if (n > 0) {
				written += (size_t)n;
				next_in = (uint8_t)(next_in + n);
			}
		}
		assert_true(written - got < (size_t)2 << 20); /* what kernel buffers hold */
		assert_int_equal(loop_turn(&loop, 0, &err), ERR_OK);
		n = read(right, in, sizeof(in));
		for (ssize_t i = 0; i < n; i++) {
			assert_int_equal(in[i], next_out++);
		}
		got += n > 0 ? (size_t)n : 0;
	}
	assert_int_equal(splice_.from_a.bytes, MANY);
}

/* Fills what the kernel holds of each socket, then reads all of it; how much that was. */
static size_t carry_much(void)
{
	static uint8_t block[65536];
	size_t sent = 0, got = 0;
	ssize_t n;

	while ((n = write(left, block, sizeof(block))) > 0) {
		sent += (size_t)n;
	}
	while (got < sent) {
		settle(&loop);
		while ((n = read(right, block, sizeof(block))) > 0) {
			got += (size_t)n;
		}
	}
	return got;
}

static void what_carries_much_is_lent_a_wide_pipe_and_what_carries_little_a_plain_one(void **state)
{
	int bytes = 1 << 20;
	size_t n = 0;

	(void)state;
	start();
	assert_int_equal(setsockopt(left, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), 0);
	assert_int_equal(setsockopt(splice_.b.fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), 0);
	for (int i = 0; i < 4; i++) {
		n += carry_much();
	}
	assert_int_equal(splice_.from_a.bytes, n);
	assert_int_equal(pipes.made, 1);
	assert_int_equal(pipes.n_wide, 1);
	assert_int_equal(fcntl(pipes.wide[0][0], F_GETPIPE_SZ), 1 << 20);
	assert_int_equal(pipes.n_plain, 1);
	assert_int_equal(write(left, "little", 6), 6);
	settle(&loop); /* may still go by the wide one; the next does not */
	assert_reads(right, "little");
	assert_false(splice_.from_a.bulk);
}

/* A wide pipe that cannot be emptied is closed with its splice, and another may be made. */
static void a_wide_pipe_with_bytes_in_it_is_not_given_to_others(void **state)
{
	static uint8_t block[65536];
	int bytes = 1 << 20;

	(void)state;
	start();
	assert_int_equal(setsockopt(left, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), 0);
	assert_int_equal(setsockopt(splice_.b.fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), 0);
	(void)carry_much();
	while (splice_.from_a.held == 0) { /* until the reader's side is full */
		while (write(left, block, sizeof(block)) > 0) {
		}
		settle(&loop);
	}
	assert_true(splice_.from_a.wide);
	assert_int_equal(pipes.made, 1);
	splice_stop(&splice_);
	assert_int_equal(pipes.made, 0);
	assert_int_equal(pipes.n_wide, 0);
}

/* Everything was sent and the sender left, while the other has not read: it still arrives. */
static void what_was_sent_arrives_although_the_sender_left(void **state)
{
	static uint8_t block[65536];
	size_t sent = 0, got = 0;
	struct err err;
	ssize_t n;

	(void)state;
	start();
	assert_int_equal(shutdown(right, SHUT_WR), 0);
	while ((n = write(left, block, sizeof(block))) > 0) {
		sent += (size_t)n;
		assert_int_equal(loop_turn(&loop, 0, &err), ERR_OK);
	}
	close(left);
	left = -1;
	for (int i = 0; i < 100000 && !ended; i++) {
		assert_int_equal(loop_turn(&loop, 0, &err), ERR_OK);
		while ((n = read(right, block, sizeof(block))) > 0) {
			got += (size_t)n;
		}
	}
	assert_int_equal(got, sent);
	assert_int_equal(ended, 1);
	assert_int_equal(why, SPLICE_CLOSED);
}

static void stopping_tells_nobody_and_closes_all(void **state)
{
	char byte;

	(void)state;
	start();
	assert_int_equal(write(left, "x", 1), 1);
	splice_stop(&splice_);
	assert_int_equal(ended, 0);
	assert_int_equal(read(right, &byte, 1), 0);
	splice_stop(&splice_);
}

static void too_much_before_is_refused(void **state)
{
	static char block[65537];
	struct err err;

	(void)state;
	left = right = -1;
	assert_int_equal(splice_preload(&splice_, str_make(block, sizeof(block)), &err), ERR_LIMIT);
}

/* As the kernel makes pipes small for a user who has many; whoever has next must not find the part that went in. */
static void a_pipe_that_took_only_a_part_is_not_given_to_others(void **state)
{
	static char block[16384];
	struct err err;

	(void)state;
	left = right = -1;
	assert_int_equal(pipe2(pipes.plain[0], O_NONBLOCK | O_CLOEXEC), 0);
	assert_int_equal(fcntl(pipes.plain[0][1], F_SETPIPE_SZ, 4096), 4096);
	pipes.n_plain = 1;
	assert_int_equal(splice_preload(&splice_, str_make(block, sizeof(block)), &err), ERR_LIMIT);
	splice_stop(&splice_);
	assert_int_equal(pipes.n_plain, 0);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, begin, finish)
	const struct CMUnitTest tests[] = {
		T(bytes_pass_both_ways_and_are_counted),
		T(what_came_before_goes_first),
		T(a_side_that_ends_is_told_to_the_other_which_may_go_on),
		T(silence_ends_it),
		T(a_slow_reader_slows_the_writer_and_loses_nothing),
		T(what_carries_much_is_lent_a_wide_pipe_and_what_carries_little_a_plain_one),
		T(a_wide_pipe_with_bytes_in_it_is_not_given_to_others),
		T(what_was_sent_arrives_although_the_sender_left),
		T(stopping_tells_nobody_and_closes_all),
		T(too_much_before_is_refused),
		T(a_pipe_that_took_only_a_part_is_not_given_to_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
