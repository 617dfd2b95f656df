/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "net/timer.h"

enum { N = 400 };

struct probe {
	struct timer t;
	uint64_t due, fired; /* times */
	int times;
};

static uint64_t now;

static void on_timeout(struct timer *t)
{
	struct probe *p = CONTAINER_OF(t, struct probe, t);

	p->fired = now;
	p->times++;
}

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return *seed >> 33;
}

static void run_to(struct timer_wheel *w, uint64_t to)
{
	now = to;
	timer_wheel_run(w, to);
}

static void a_timer_fires_once_in_time_and_never_early(void **state)
{
	static const uint64_t delays[] = {0,
					  1,
					  CLOCK_MS,
					  17 * CLOCK_MS,
					  1023,
					  CLOCK_SEC,
					  2 * CLOCK_SEC,
					  75 * CLOCK_SEC,
					  300 * CLOCK_SEC,
					  3600 * CLOCK_SEC};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
		struct timer_wheel w;
		struct probe p = {.t.on_timeout = on_timeout};
		uint64_t start = 123456789012345u + i * 7919u;

		timer_wheel_init(&w, start);
		p.due = start + delays[i];
		timer_set(&w, &p.t, p.due);
		/* sleeping as long as the wheel allows must not miss it */
		now = start;
		for (int turns = 0; p.times == 0; turns++) {
			int ms = timer_wheel_wait(&w, now, 1000);

			assert_true(turns < 10000);
			run_to(&w, now + (uint64_t)(ms ? ms : 1) * CLOCK_MS);
		}
		assert_true(p.fired >= p.due);
		assert_true(p.fired <= p.due + 3 * TIMER_TICK);
		run_to(&w, now + 7200 * CLOCK_SEC);
		assert_int_equal(p.times, 1);
		assert_int_equal(timer_wheel_wait(&w, now, -1), -1);
	}
}

static void many_timers_moved_and_stopped_at_random_keep_their_word(void **state)
{
	static struct probe probes[N];
	struct timer_wheel w;
	uint64_t seed = 42;

	(void)state;
	now = 5000 * CLOCK_SEC;
	timer_wheel_init(&w, now);
	memset(probes, 0, sizeof(probes));
	for (int round = 0; round < 20000; round++) {
		struct probe *p = &probes[next_random(&seed) % N];

		p->t.on_timeout = on_timeout;
		switch (next_random(&seed) % 4) {
		case 0:
			timer_stop(&p->t);
			p->due = 0;
			break;
		case 1:
		case 2:
			p->times = 0;
			p->due = now +
				 next_random(&seed) %
					 (next_random(&seed) % 8 ? CLOCK_SEC * 2 : CLOCK_SEC * 900);
			timer_set(&w, &p->t, p->due);
			break;
		default:
			run_to(&w, now + next_random(&seed) % (20 * CLOCK_MS));
			break;
		}
		for (int i = 0; i < N; i++) {
			p = &probes[i];
			if (p->due == 0) {
				assert_false(timer_armed(&p->t));
			} else if (p->times) {
				assert_int_equal(p->times, 1);
				assert_true(p->fired >= p->due);
			} else {
				assert_true(timer_armed(&p->t));
				assert_true(p->due + TIMER_TICK >= now);
			}
		}
	}
}

static struct timer_wheel *wheel;
static struct probe *victim;

static void stop_the_other(struct timer *t)
{
	on_timeout(t);
	timer_stop(&victim->t);
	timer_set(wheel, t, now); /* at once again, but in another run */
}

static void a_callback_may_stop_another_and_arm_itself(void **state)
{
	struct timer_wheel w;
	struct probe a = {.t.on_timeout = stop_the_other}, b = {.t.on_timeout = on_timeout};

	(void)state;
	now = CLOCK_SEC;
	timer_wheel_init(&w, now);
	wheel = &w;
	victim = &b;
	timer_set(&w, &a.t, now + 50 * CLOCK_MS);
	timer_set(&w, &b.t, now + 50 * CLOCK_MS);
	run_to(&w, now + 52 * CLOCK_MS);
	assert_int_equal(a.times, 1);
	assert_int_equal(b.times, 0);
	run_to(&w, now + TIMER_TICK);
	assert_int_equal(a.times, 2);
	timer_stop(&a.t);
	timer_stop(&a.t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timer_fires_once_in_time_and_never_early),
		cmocka_unit_test(many_timers_moved_and_stopped_at_random_keep_their_word),
		cmocka_unit_test(a_callback_may_stop_another_and_arm_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
