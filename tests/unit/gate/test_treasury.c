/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "gate/treasury.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_file(void)
{
	char path[] = "/tmp/writ-treasury-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(treasury_prepare(fd, NULL), ERR_OK);
	return fd;
}

static void what_is_taken_is_used_until_it_is_settled(void **state)
{
	struct treasury t = {NULL};
	struct treasury_taken one, two;
	int fd = open_file();

	(void)state;
	assert_int_equal(treasury_map(&t, fd, NULL), ERR_OK);
	assert_true(treasury_take(&t, STR("a"), 7, 60, 100, &one));
	assert_false(treasury_take(&t, STR("a"), 7, 41, 100, &two));
	assert_true(treasury_take(&t, STR("b"), 7, 100, 100, &two));
	assert_true(treasury_take(&t, STR("a"), 7, 40, 100, &two));
	treasury_settle(&t, &one, 10);
	assert_int_equal(treasury_used(&t, STR("a"), 7), 50);
	treasury_settle(&t, &one, 10); /* once */
	assert_int_equal(treasury_used(&t, STR("a"), 7), 50);
	treasury_settle(&t, &two, 45); /* it was more than could be */
	assert_int_equal(treasury_used(&t, STR("a"), 7), 55);
	treasury_unmap(&t);
	(void)close(fd);
}

static void a_new_period_begins_with_nothing_used(void **state)
{
	struct treasury t = {NULL};
	struct treasury_taken old, taken;
	int fd = open_file();

	(void)state;
	assert_int_equal(treasury_map(&t, fd, NULL), ERR_OK);
	assert_true(treasury_take(&t, STR("a"), 65535, 90, 100, &old));
	assert_true(treasury_take(&t, STR("a"), 0, 90, 100, &taken));
	/* what the last period took goes back into no other */
	treasury_settle(&t, &old, 0);
	assert_int_equal(treasury_used(&t, STR("a"), 0), 90);
	/* a clock that goes back does not make the last period anew */
	assert_false(treasury_take(&t, STR("a"), 65535, 90, 100, &taken));
	assert_true(treasury_take(&t, STR("a"), 65535, 10, 100, &taken));
	assert_int_equal(treasury_used(&t, STR("a"), 0), 100);
	treasury_unmap(&t);
	(void)close(fd);
}

/* Numbers of periods wrap: at worst the old amounts count, and no budget is had twice. */
static void a_slot_of_long_ago_gives_less_but_never_more(void **state)
{
	struct treasury t = {NULL};
	struct treasury_taken taken;
	int fd = open_file();

	(void)state;
	assert_int_equal(treasury_map(&t, fd, NULL), ERR_OK);
	assert_true(treasury_take(&t, STR("a"), 1, 90, 100, &taken));
	assert_true(treasury_take(&t, STR("a"), 1 + 32767, 90, 100, &taken)); /* still counted on */
	assert_false(
		treasury_take(&t, STR("a"), 2, 90, 100, &taken)); /* 2^15 + 2 later, or before */
	assert_true(treasury_take(&t, STR("a"), 2, 10, 100, &taken));
	assert_false(treasury_take(&t, STR("a"), 3, 1, 100, &taken));
	treasury_unmap(&t);
	(void)close(fd);
}

static void a_file_of_another_kind_is_refused(void **state)
{
	int fd = open_file();

	(void)state;
	assert_int_equal(treasury_prepare(fd, NULL), ERR_OK);
	assert_int_equal(pwrite(fd, "X", 1, 0), 1);
	assert_int_equal(treasury_prepare(fd, NULL), ERR_INVALID);
	(void)close(fd);
}

enum { CHILDREN = 4, ROUNDS = 40, LIMIT = 100000, WORST = 97 };

/* What each child has settled for certain, and how often it died with something under way. */
struct tally {
	volatile uint64_t settled[CHILDREN], begun[CHILDREN], ended[CHILDREN];
};

static void spend(int fd, struct tally *tally, int me, unsigned seed)
{
	struct treasury t = {NULL};
	struct treasury_taken taken;

	if (treasury_map(&t, fd, NULL)) {
		_exit(1);
	}
	for (;;) {
		uint64_t used;

		seed = seed * 1103515245 + 12345;
		used = seed % WORST;
		tally->begun[me]++;
		if (!treasury_take(&t, STR("shared"), 1, WORST, LIMIT, &taken)) {
			tally->ended[me]++;
			_exit(0);
		}
		tally->settled[me] += used;
		treasury_settle(&t, &taken, used);
		tally->ended[me]++;
	}
}

/*
 * Gates that are killed at any instruction. Never is more used than there is, and what is used is what
 * was settled and, at worst, what each death had under way.
 */
static void gates_that_are_killed_lose_only_what_they_had_under_way(void **state)
{
	struct tally *tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct treasury t = {NULL};
	uint64_t settled = 0, deaths = 0, used;
	int fd = open_file();
	pid_t pid;

	(void)state;
	assert_ptr_not_equal(tally, MAP_FAILED);
	assert_int_equal(treasury_map(&t, fd, NULL), ERR_OK);
	for (unsigned round = 0; round < ROUNDS; round++) {
		pid_t pids[CHILDREN];

		for (int i = 0; i < CHILDREN; i++) {
			pids[i] = fork();
			assert_true(pids[i] >= 0);
			if (pids[i] == 0) {
				spend(fd, tally, i, round * 31 + (unsigned)i);
			}
		}
		(void)usleep(round * 7);
		for (int i = 0; i < CHILDREN; i++) {
			(void)kill(pids[i], SIGKILL);
			assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
			deaths += tally->begun[i] != tally->ended[i];
			tally->begun[i] = tally->ended[i];
		}
		assert_true(treasury_used(&t, STR("shared"), 1) <= LIMIT);
	}
	/* those that live on use it to the end */
	pid = fork();
	if (pid == 0) {
		spend(fd, tally, 0, 5);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	for (int i = 0; i < CHILDREN; i++) {
		settled += tally->settled[i];
	}
	used = treasury_used(&t, STR("shared"), 1);
	assert_true(used <= LIMIT);
	assert_true(used > LIMIT - WORST);
	assert_true(used >= settled - deaths * WORST);
	assert_true(used <= settled + deaths * WORST);
	treasury_unmap(&t);
	(void)munmap(tally, sizeof(*tally));
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken_is_used_until_it_is_settled),
		cmocka_unit_test(a_new_period_begins_with_nothing_used),
		cmocka_unit_test(a_slot_of_long_ago_gives_less_but_never_more),
		cmocka_unit_test(a_file_of_another_kind_is_refused),
		cmocka_unit_test(gates_that_are_killed_lose_only_what_they_had_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
