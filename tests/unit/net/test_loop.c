/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "net/loop.h"

#include <sys/socket.h>
#include <unistd.h>

struct watched {
	struct loop_fd f;
	struct loop *loop;
	struct watched *victim;
	struct loop_hook hook;
	int ready, turn_ends;
};

static void on_ready(struct loop_fd *f, uint32_t ready)
{
	struct watched *w = CONTAINER_OF(f, struct watched, f);

	(void)ready;
	w->ready++;
	loop_defer(w->loop, &w->hook);
	loop_defer(w->loop, &w->hook);
	if (w->victim) {
		loop_remove(w->loop, &w->victim->f);
	}
}

static void on_turn_end(struct loop_hook *h)
{
	CONTAINER_OF(h, struct watched, hook)->turn_ends++;
}

static void make(struct loop *l, struct watched *w, int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	*w = (struct watched){.loop = l, .f = {.fd = fds[0], .on_ready = on_ready}};
	w->hook.on_turn_end = on_turn_end;
	assert_int_equal(loop_add(l, &w->f, LOOP_READ, NULL), ERR_OK);
}

static void something_removed_in_a_turn_is_not_called_in_it(void **state)
{
	struct watched a, b;
	struct loop l;
	int fa[2], fb[2];

	(void)state;
	assert_int_equal(loop_init(&l, NULL), ERR_OK);
	make(&l, &a, fa);
	make(&l, &b, fb);
	a.victim = &b;
	b.victim = &a;
	assert_int_equal(write(fa[1], "x", 1), 1);
	assert_int_equal(write(fb[1], "x", 1), 1);
	assert_int_equal(loop_turn(&l, 0, NULL), ERR_OK);
	assert_int_equal(a.ready + b.ready, 1);
	assert_int_equal(a.turn_ends + b.turn_ends, 1);
	loop_remove(&l, &a.f);
	loop_remove(&l, &b.f);
	for (int i = 0; i < 2; i++) {
		(void)close(fa[i]);
		(void)close(fb[i]);
	}
	loop_done(&l);
}

static void defer_again(struct loop_hook *h)
{
	struct watched *w = CONTAINER_OF(h, struct watched, hook);

	if (++w->turn_ends < 3) {
		loop_defer(w->loop, h);
	}
}

static void a_hook_asked_for_by_a_hook_waits_for_the_next_turn(void **state)
{
	struct watched w = {0};
	struct loop l;

	(void)state;
	assert_int_equal(loop_init(&l, NULL), ERR_OK);
	w.loop = &l;
	w.hook.on_turn_end = defer_again;
	loop_defer(&l, &w.hook);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(loop_turn(&l, 10000, NULL), ERR_OK); /* does not sleep */
		assert_int_equal(w.turn_ends, i);
	}
	loop_defer(&l, &w.hook);
	loop_defer_cancel(&w.hook);
	assert_int_equal(loop_turn(&l, 0, NULL), ERR_OK);
	assert_int_equal(w.turn_ends, 3);
	loop_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(something_removed_in_a_turn_is_not_called_in_it),
		cmocka_unit_test(a_hook_asked_for_by_a_hook_waits_for_the_next_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
