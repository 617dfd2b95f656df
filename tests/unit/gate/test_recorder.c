/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "gate/recorder.h"

#include "tests/unit/gate/fake_scribe.h"

#include <poll.h>

struct waiter {
	struct record_wait wait;
	char permit; /* its first byte */
	unsigned called;
	bool ok;
	uint64_t index;
};

static struct loop loop;
static struct recorder rec;
static struct fake_scribe scribe, successor;

static int begin(void **state)
{
	struct err err;

	(void)state;
	if (loop_init(&loop, &err)) {
		return -1;
	}
	recorder_init(&rec, &loop);
	return recorder_connect(&rec, fake_scribe_open(&scribe), &err) == ERR_OK ? 0 : -1;
}

static int begin_alone(void **state)
{
	struct err err;

	(void)state;
	scribe.chan = (struct chan){.fd = -1};
	if (loop_init(&loop, &err)) {
		return -1;
	}
	recorder_init(&rec, &loop);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	recorder_done(&rec);
	chan_done(&scribe.chan);
	chan_done(&successor.chan);
	successor.chan.fd = -1;
	loop_done(&loop);
	return 0;
}

static void on_recorded(struct record_wait *w, bool ok, uint64_t index)
{
	struct waiter *at = CONTAINER_OF(w, struct waiter, wait);

	at->called++;
	at->ok = ok;
	at->index = index;
	at->permit = rec.permit ? rec.permit[0] : 0;
}

static void put_as(const char *text, bool durable, enum record_kind kind, struct waiter *w)
{
	struct buf *b = recorder_entry(&rec, durable, kind);

	assert_non_null(b);
	buf_append(b, str_from_c(text));
	if (w) {
		*w = (struct waiter){.wait.on_recorded = on_recorded};
	}
	recorder_put(&rec, durable, kind, w ? &w->wait : NULL);
}

static void decision(const char *text, struct waiter *w)
{
	put_as(text, false, RECORD_DECISION, w);
}

static void outcome(const char *text, struct waiter *w)
{
	put_as(text, false, RECORD_OUTCOME, w);
}

static void assert_recorded(const struct waiter *w, uint64_t index)
{
	assert_int_equal(w->called, 1);
	assert_true(w->ok);
	assert_int_equal(w->index, index);
}

static void assert_failed_once(const struct waiter *w)
{
	assert_int_equal(w->called, 1);
	assert_false(w->ok);
}

static void permits_go_to_those_that_want_them_in_their_order(void **state)
{
	struct waiter w[3];
	char macs[2 * 32];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct buf *b = recorder_entry(&rec, false, RECORD_DECISION);

		buf_append(b, STR("entry"));
		w[i] = (struct waiter){
			.wait = {.on_recorded = on_recorded, .wants_permit = i != 1}};
		recorder_put(&rec, false, RECORD_DECISION, &w[i].wait);
	}
	settle(&loop);
	assert_true(fake_scribe_next(&scribe));
	recorder_forget(&w[0].wait); /* its permit is nobody else's */
	memset(macs, 'a', 32);
	memset(macs + 32, 'b', 32);
	fake_scribe_permit(&scribe, scribe.batch, 7, str_make(macs, sizeof(macs)));
	settle(&loop);
	assert_int_equal(w[0].called, 0);
	assert_int_equal(w[1].permit, 0);
	assert_int_equal(w[2].permit, 'b');
	assert_recorded(&w[2], 9);
	assert_int_equal(rec.permit_at_us, 77);
	assert_null(rec.permit);
}

static void a_turn_leaves_as_one_frame_and_is_acknowledged_together(void **state)
{
	struct waiter w[3];

	(void)state;
	decision("one", &w[0]);
	outcome("two", &w[1]);
	decision("three", &w[2]);
	assert_false(fake_scribe_next(&scribe)); /* not before the turn ends */
	settle(&loop);
	assert_true(fake_scribe_next(&scribe));
	assert_int_equal(scribe.n, 3);
	assert_int_equal(scribe.flags, 0);
	assert_str_equal(scribe.entries[0], STR("one"));
	assert_str_equal(scribe.entries[1], STR("two"));
	assert_str_equal(scribe.entries[2], STR("three"));
	assert_false(fake_scribe_next(&scribe));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(w[i].called, 0);
	}
	assert_false(recorder_idle(&rec));

	fake_scribe_ack(&scribe, scribe.batch, 40);
	settle(&loop);
	for (unsigned i = 0; i < 3; i++) {
		assert_recorded(&w[i], 40 + i);
	}
	assert_true(recorder_idle(&rec));
}

static void so_many_batches_are_under_way_and_the_rest_fills_one(void **state)
{
	struct waiter w[RECORDER_IN_FLIGHT + 5];
	uint64_t first = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(w); i++) {
		decision("e", &w[i]);
		settle(&loop);
	}
	for (unsigned i = 0; i < RECORDER_IN_FLIGHT; i++) {
		assert_true(fake_scribe_next(&scribe));
		assert_int_equal(scribe.n, 1);
		first = i == 0 ? scribe.batch : first;
	}
	assert_false(fake_scribe_next(&scribe));
	fake_scribe_ack(&scribe, first, 0);
	settle(&loop);
	assert_true(fake_scribe_next(&scribe));
	assert_int_equal(scribe.n, 5);
	assert_false(fake_scribe_next(&scribe));
}

static void a_refused_batch_fails_decisions_at_once_and_sends_outcomes_again(void **state)
{
	struct waiter d, o;

	(void)state;
	decision("d", &d);
	outcome("o", &o);
	settle(&loop);
	assert_true(fake_scribe_next(&scribe));
	fake_scribe_nack(&scribe, scribe.batch, IPC_NACK_FAILED);
	settle(&loop);
	assert_failed_once(&d);
	assert_int_equal(o.called, 0);
	assert_false(recorder_idle(&rec));
	fake_scribe_await(&scribe, &loop);
	assert_int_equal(scribe.n, 1);
	assert_str_equal(scribe.entries[0], STR("o"));
	fake_scribe_ack(&scribe, scribe.batch, 3);
	settle(&loop);
	assert_recorded(&o, 3);
	assert_int_equal(d.called, 1);
	assert_true(recorder_idle(&rec));
}

static void a_full_disk_is_tried_again_until_there_is_room(void **state)
{
	struct waiter d, o;

	(void)state;
	outcome("o", &o);
	settle(&loop);
	assert_true(fake_scribe_next(&scribe));
	for (int i = 0; i < 3; i++) {
		fake_scribe_nack(&scribe, scribe.batch, IPC_NACK_FULL);
		settle(&loop);
		assert_true(rec.full);
		assert_false(fake_scribe_next(&scribe)); /* not in a hurry */
		fake_scribe_await(&scribe, &loop);
		assert_int_equal(scribe.n, 1);
		assert_str_equal(scribe.entries[0], STR("o"));
	}
	decision("d", &d); /* new ones are still tried, and fail by themselves */
	settle(&loop);
	fake_scribe_ack(&scribe, scribe.batch, 0);
	settle(&loop);
	assert_false(rec.full);
	assert_recorded(&o, 0);
	assert_true(fake_scribe_next(&scribe));
	assert_str_equal(scribe.entries[0], STR("d"));
	assert_int_equal(d.called, 0);
}

static void a_successor_gets_each_outcome_once_and_in_order_and_no_decision(void **state)
{
	struct waiter o[RECORDER_IN_FLIGHT], d[RECORDER_IN_FLIGHT], waits[2], late[2];
	char texts[RECORDER_IN_FLIGHT][2] = {{0}};
	struct err err;

	(void)state;
	for (unsigned i = 0; i < RECORDER_IN_FLIGHT; i++) {
		texts[i][0] = (char)('0' + i);
		outcome(texts[i], &o[i]);
		decision("d", &d[i]);
		settle(&loop);
		assert_true(fake_scribe_next(&scribe));
	}
	outcome("next", &waits[0]); /* the next batch, which has not left yet */
	decision("waits", &waits[1]);
	settle(&loop);
	assert_int_equal(recorder_connect(&rec, fake_scribe_open(&successor), &err), ERR_OK);
	for (unsigned i = 0; i < RECORDER_IN_FLIGHT; i++) {
		assert_failed_once(&d[i]);
		assert_int_equal(o[i].called, 0);
	}
	outcome("more", &late[0]);
	decision("late", &late[1]);
	settle(&loop);

	assert_true(fake_scribe_next(&successor));
	assert_int_equal(successor.n, RECORDER_IN_FLIGHT);
	for (unsigned i = 0; i < RECORDER_IN_FLIGHT; i++) {
		assert_str_equal(successor.entries[i], str_from_c(texts[i]));
	}
	fake_scribe_ack(&successor, successor.batch, 100);
	settle(&loop);
	for (unsigned i = 0; i < RECORDER_IN_FLIGHT; i++) {
		assert_recorded(&o[i], 100 + i);
	}
	assert_true(fake_scribe_next(&successor));
	assert_int_equal(successor.n, 4); /* what had not left was never lost */
	assert_str_equal(successor.entries[0], STR("next"));
	assert_str_equal(successor.entries[1], STR("waits"));
	assert_str_equal(successor.entries[2], STR("more"));
	assert_str_equal(successor.entries[3], STR("late"));
	fake_scribe_ack(&successor, successor.batch, 200);
	settle(&loop);
	assert_recorded(&waits[1], 201);
	assert_recorded(&late[1], 203);
	assert_false(fake_scribe_next(&successor));
	assert_true(recorder_idle(&rec));
	assert_int_equal(rec.refused, RECORDER_IN_FLIGHT);
}

static void a_scribe_that_hangs_up_fails_decisions_and_keeps_outcomes(void **state)
{
	struct waiter d, o;
	struct err err;

	(void)state;
	decision("d", &d);
	outcome("o", &o);
	settle(&loop);
	assert_true(fake_scribe_next(&scribe));
	chan_done(&scribe.chan);
	settle(&loop);
	assert_failed_once(&d);
	assert_int_equal(o.called, 0);
	assert_int_equal(recorder_connect(&rec, fake_scribe_open(&successor), &err), ERR_OK);
	fake_scribe_await(&successor, &loop);
	assert_int_equal(successor.n, 1);
	assert_str_equal(successor.entries[0], STR("o"));
}

static void decisions_wait_a_moment_for_the_successor(void **state)
{
	uint64_t began = clock_mono();
	struct waiter d, o;
	struct err err;

	(void)state;
	outcome("o", &o); /* is kept: its retry must not end the wait of others */
	settle(&loop);
	chan_done(&scribe.chan);
	settle(&loop);
	decision("d", &d);
	while (!d.called && clock_mono() - began < 300 * CLOCK_MS) {
		assert_int_equal(loop_turn(&loop, 20, &err), ERR_OK);
	}
	if (d.called) { /* a machine that stands still for a second proves nothing */
		assert_true(clock_mono() - began >= CLOCK_SEC);
		return;
	}
	assert_int_equal(recorder_connect(&rec, fake_scribe_open(&successor), &err), ERR_OK);
	settle(&loop);
	assert_true(fake_scribe_next(&successor));
	assert_str_equal(successor.entries[0], STR("o"));
	fake_scribe_ack(&successor, successor.batch, 0);
	settle(&loop);
	assert_true(fake_scribe_next(&successor));
	assert_str_equal(successor.entries[0], STR("d"));
}

static void without_a_scribe_decisions_fail_in_the_end_and_outcomes_do_not(void **state)
{
	uint64_t until = clock_mono() + 5 * CLOCK_SEC;
	struct waiter d, o;
	struct err err;

	(void)state;
	decision("d", &d);
	outcome("o", &o);
	settle(&loop);
	while (!d.called && clock_mono() < until) {
		assert_int_equal(loop_turn(&loop, 20, &err), ERR_OK);
	}
	assert_failed_once(&d);
	assert_int_equal(o.called, 0);
	assert_int_equal(recorder_connect(&rec, fake_scribe_open(&successor), &err), ERR_OK);
	fake_scribe_await(&successor, &loop);
	assert_int_equal(successor.n, 1);
	assert_str_equal(successor.entries[0], STR("o"));
}

static void say_raw(const char *bytes, size_t n)
{
	struct err err;

	assert_int_equal(chan_send(&scribe.chan, str_make(bytes, n), NULL, 0, &err), ERR_OK);
}

static void answers_that_make_no_sense_change_nothing(void **state)
{
	struct waiter d, o;
	struct frame_writer w;
	char out[64];
	uint64_t batch;

	(void)state;
	decision("d", &d);
	outcome("o", &o);
	settle(&loop);
	assert_true(fake_scribe_next(&scribe));
	batch = scribe.batch;

	fake_scribe_ack(&scribe, batch + 1, 1); /* not sent */
	fake_scribe_nack(&scribe, batch + 1, 0);
	fake_scribe_ack(&scribe, 0, 1);
	say_raw("\0", 1);
	say_raw("\377garbage", 8);
	frame_begin(&w, out, sizeof(out), IPC_RUNNING); /* a known word from the wrong mouth */
	frame_put_u64(&w, batch);
	fake_scribe_say(&scribe, &w);
	frame_begin(&w, out, sizeof(out), IPC_ACK); /* cut */
	frame_put_u64(&w, batch);
	fake_scribe_say(&scribe, &w);
	frame_put_u64(&w, 5);
	fake_scribe_say(&scribe, &w);
	frame_put_u64(&w, 5);
	frame_put_u8(&w, 0); /* and too long */
	fake_scribe_say(&scribe, &w);
	frame_begin(&w, out, sizeof(out), IPC_NACK);
	frame_put_u64(&w, batch);
	fake_scribe_say(&scribe, &w);
	settle(&loop);
	assert_int_equal(d.called, 0);
	assert_int_equal(o.called, 0);
	assert_false(fake_scribe_next(&scribe));

	fake_scribe_ack(&scribe, batch, 9);
	fake_scribe_ack(&scribe, batch, 90); /* twice */
	fake_scribe_nack(&scribe, batch, 0);
	settle(&loop);
	assert_recorded(&d, 9);
	assert_recorded(&o, 10);
	assert_int_equal(rec.n_sent[0] + rec.n_sent[1], 0);
}

static void a_descriptor_from_the_scribe_is_closed(void **state)
{
	struct pollfd p;
	struct err err;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(chan_send(&scribe.chan, STR("x"), &ends[1], 1, &err), ERR_OK);
	settle(&loop);
	p = (struct pollfd){.fd = ends[0], .events = POLLIN};
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_true(p.revents & POLLHUP);
	close(ends[0]);
}

static void an_answer_that_is_too_long_ends_the_channel(void **state)
{
	static char big[16 << 10] = {IPC_ACK};
	struct waiter d;

	(void)state;
	decision("d", &d);
	settle(&loop);
	say_raw(big, sizeof(big));
	settle(&loop);
	assert_failed_once(&d);
	assert_int_equal(rec.chan.fd, -1);
}

static void durable_entries_go_apart(void **state)
{
	(void)state;
	put_as("a", false, RECORD_DECISION, NULL);
	put_as("b", true, RECORD_DECISION, NULL);
	put_as("c", false, RECORD_DECISION, NULL);
	put_as("d", true, RECORD_OUTCOME, NULL);
	settle(&loop);
	assert_true(fake_scribe_next(&scribe));
	assert_int_equal(scribe.flags, 0);
	assert_int_equal(scribe.n, 2);
	assert_str_equal(scribe.entries[1], STR("c"));
	fake_scribe_ack(&scribe, scribe.batch, 0);
	settle(&loop);
	assert_true(fake_scribe_next(&scribe));
	assert_int_equal(scribe.flags, IPC_APPEND_DURABLE);
	assert_int_equal(scribe.n, 2);
	assert_str_equal(scribe.entries[0], STR("b"));
	assert_str_equal(scribe.entries[1], STR("d"));
}

static void a_durable_outcome_stays_durable_when_it_is_sent_again(void **state)
{
	struct waiter o;

	(void)state;
	put_as("o", true, RECORD_OUTCOME, &o);
	settle(&loop);
	assert_true(fake_scribe_next(&scribe));
	assert_int_equal(scribe.flags, IPC_APPEND_DURABLE);
	fake_scribe_nack(&scribe, scribe.batch, IPC_NACK_FULL);
	settle(&loop);
	fake_scribe_await(&scribe, &loop);
	assert_str_equal(scribe.entries[0], STR("o"));
	assert_int_equal(scribe.flags, IPC_APPEND_DURABLE);
}

static void a_batch_that_waits_for_the_disk_holds_up_no_other_kind(void **state)
{
	struct waiter d, o;
	uint64_t first;

	(void)state;
	put_as("d", true, RECORD_DECISION, &d);
	settle(&loop);
	assert_true(fake_scribe_next(&scribe));
	first = scribe.batch;
	for (unsigned i = 0; i < 5; i++) {
		decision("o", &o);
		settle(&loop);
		assert_true(fake_scribe_next(&scribe));
		assert_int_equal(scribe.flags, 0);
		fake_scribe_ack(&scribe, scribe.batch, 10 + i);
		settle(&loop);
		assert_recorded(&o, 10 + i);
	}
	assert_int_equal(d.called, 0);
	fake_scribe_ack(&scribe, first, 9); /* and is answered after those behind it */
	settle(&loop);
	assert_recorded(&d, 9);
}

static void what_is_sent_again_counts_as_under_way(void **state)
{
	enum { BATCHES = RECORDER_IN_FLIGHT + 2 };
	unsigned got = 0, frames;

	(void)state;
	for (int i = 0; i < BATCHES * RECORDER_BATCH_ENTRIES; i++) {
		put_as("o", true, RECORD_OUTCOME, NULL);
	}
	settle(&loop);
	for (int i = 0; i < BATCHES; i++) {
		fake_scribe_await(&scribe, &loop);
		fake_scribe_nack(&scribe, scribe.batch, IPC_NACK_FULL);
	}
	while (got < BATCHES * RECORDER_BATCH_ENTRIES) {
		fake_scribe_await(&scribe, &loop);
		settle(&loop);
		for (frames = 0; frames == 0 || fake_scribe_next(&scribe); frames++) {
			assert_int_equal(scribe.flags, IPC_APPEND_DURABLE);
			got += scribe.n;
			fake_scribe_ack(&scribe, scribe.batch, 0);
		}
		assert_true(frames <= RECORDER_IN_FLIGHT);
	}
	settle(&loop);
	assert_true(recorder_idle(&rec));
}

static void a_waiter_that_goes_away_is_not_called_and_its_entry_stays(void **state)
{
	struct waiter gone, kept, later;

	(void)state;
	decision("a", &gone);
	decision("b", &kept);
	recorder_forget(&gone.wait); /* before it leaves */
	settle(&loop);
	assert_true(fake_scribe_next(&scribe));
	assert_int_equal(scribe.n, 2);
	outcome("c", &later);
	fake_scribe_ack(&scribe, scribe.batch, 0);
	settle(&loop);
	assert_recorded(&kept, 1);
	assert_true(fake_scribe_next(&scribe));
	recorder_forget(&later.wait); /* under way */
	fake_scribe_nack(&scribe, scribe.batch, 0);
	settle(&loop);
	fake_scribe_await(&scribe, &loop); /* nobody waits for it, but it must be in the log */
	assert_str_equal(scribe.entries[0], STR("c"));
	fake_scribe_ack(&scribe, scribe.batch, 2);
	settle(&loop);
	assert_int_equal(gone.called, 0);
	assert_int_equal(later.called, 0);
	recorder_forget(&gone.wait); /* harmless when idle */
	recorder_forget(&kept.wait);
	assert_true(recorder_idle(&rec));
}

static void a_waiter_that_was_told_no_longer_touches_its_batch(void **state)
{
	struct waiter told, next;

	(void)state;
	decision("a", &told);
	settle(&loop);
	assert_true(fake_scribe_next(&scribe));
	fake_scribe_ack(&scribe, scribe.batch, 0);
	settle(&loop);
	decision("b", &next); /* in the memory of the batch before */
	recorder_forget(&told.wait);
	settle(&loop);
	assert_true(fake_scribe_next(&scribe));
	fake_scribe_ack(&scribe, scribe.batch, 1);
	settle(&loop);
	assert_recorded(&next, 1);
	assert_recorded(&told, 0);
}

static void a_kept_outcome_can_be_forgotten_too(void **state)
{
	struct waiter o;

	(void)state;
	outcome("o", &o);
	settle(&loop);
	assert_true(fake_scribe_next(&scribe));
	fake_scribe_nack(&scribe, scribe.batch, 0);
	settle(&loop);
	recorder_forget(&o.wait);
	fake_scribe_await(&scribe, &loop);
	fake_scribe_ack(&scribe, scribe.batch, 0);
	settle(&loop);
	assert_int_equal(o.called, 0);
	assert_true(recorder_idle(&rec));
}

static void a_dropped_entry_leaves_nothing(void **state)
{
	struct buf *b;

	(void)state;
	decision("a", NULL);
	b = recorder_entry(&rec, false, RECORD_DECISION);
	buf_append(b, STR("half of an ent"));
	recorder_drop(&rec, false);
	decision("b", NULL);
	settle(&loop);
	assert_true(fake_scribe_next(&scribe));
	assert_int_equal(scribe.n, 2);
	assert_str_equal(scribe.entries[0], STR("a"));
	assert_str_equal(scribe.entries[1], STR("b"));

	b = recorder_entry(&rec, false, RECORD_DECISION);
	buf_append(b, STR("alone"));
	recorder_drop(&rec, false);
	settle(&loop);
	assert_false(fake_scribe_next(&scribe));
	fake_scribe_ack(&scribe, scribe.batch, 0);
	settle(&loop);
	assert_true(recorder_idle(&rec));
}

/* A waiter may record something new from inside, as an action that goes on does. */
struct chained {
	struct record_wait wait;
	struct waiter next;
};

static void on_chain(struct record_wait *w, bool ok, uint64_t index)
{
	struct chained *c = CONTAINER_OF(w, struct chained, wait);

	(void)ok;
	(void)index;
	outcome("next", &c->next);
}

static void what_waits_may_record_from_inside(void **state)
{
	struct chained c = {.wait.on_recorded = on_chain};
	struct buf *b;

	(void)state;
	for (int refused = 0; refused < 2; refused++) {
		b = recorder_entry(&rec, false, RECORD_DECISION);
		buf_append(b, STR("first"));
		recorder_put(&rec, false, RECORD_DECISION, &c.wait);
		settle(&loop);
		assert_true(fake_scribe_next(&scribe));
		if (refused) {
			fake_scribe_nack(&scribe, scribe.batch, 0);
		} else {
			fake_scribe_ack(&scribe, scribe.batch, 0);
		}
		settle(&loop);
		assert_true(fake_scribe_next(&scribe));
		assert_str_equal(scribe.entries[0], STR("next"));
		fake_scribe_ack(&scribe, scribe.batch, 1);
		settle(&loop);
		assert_recorded(&c.next, 1);
	}
}

static void frames_stay_within_their_bounds(void **state)
{
	char big[LEDGER_ENTRY_MAX + 1];
	unsigned got = 0;

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	for (int i = 0; i < 40; i++) {
		put_as(big, false, RECORD_OUTCOME, NULL);
	}
	for (int i = 0; i < RECORDER_BATCH_ENTRIES + 10; i++) {
		put_as("s", false, RECORD_OUTCOME, NULL);
	}
	settle(&loop);
	while (fake_scribe_next(&scribe)) {
		assert_true(scribe.n <= RECORDER_BATCH_ENTRIES);
		got += scribe.n;
		fake_scribe_ack(&scribe, scribe.batch, 0);
		settle(&loop);
	}
	assert_int_equal(got, 40 + RECORDER_BATCH_ENTRIES + 10);
	assert_true(recorder_idle(&rec));
}

static void past_so_many_batches_decisions_are_refused_and_outcomes_taken(void **state)
{
	unsigned long taken = 0;
	struct waiter o;
	struct buf *b;

	(void)state;
	while ((b = recorder_entry(&rec, false, RECORD_DECISION)) != NULL) {
		buf_append(b, STR("d"));
		recorder_put(&rec, false, RECORD_DECISION, NULL);
		taken++;
		assert_true(taken <= (unsigned long)RECORDER_MAX_BATCHES * RECORDER_BATCH_ENTRIES);
	}
	assert_int_equal(taken, RECORDER_MAX_BATCHES * RECORDER_BATCH_ENTRIES);
	outcome("o", &o);
	assert_int_equal(o.called, 0);
	assert_null(recorder_entry(&rec, true, RECORD_DECISION));
	assert_null(recorder_entry(&rec, false, RECORD_DECISION)); /* not beside the outcome */
}

int main(void)
{
#define WITH(t)  cmocka_unit_test_setup_teardown(t, begin, finish)
#define ALONE(t) cmocka_unit_test_setup_teardown(t, begin_alone, finish)
	const struct CMUnitTest tests[] = {
		WITH(permits_go_to_those_that_want_them_in_their_order),
		WITH(a_turn_leaves_as_one_frame_and_is_acknowledged_together),
		WITH(so_many_batches_are_under_way_and_the_rest_fills_one),
		WITH(a_refused_batch_fails_decisions_at_once_and_sends_outcomes_again),
		WITH(a_full_disk_is_tried_again_until_there_is_room),
		WITH(a_successor_gets_each_outcome_once_and_in_order_and_no_decision),
		WITH(a_scribe_that_hangs_up_fails_decisions_and_keeps_outcomes),
		WITH(decisions_wait_a_moment_for_the_successor),
		ALONE(without_a_scribe_decisions_fail_in_the_end_and_outcomes_do_not),
		WITH(answers_that_make_no_sense_change_nothing),
		WITH(a_descriptor_from_the_scribe_is_closed),
		WITH(an_answer_that_is_too_long_ends_the_channel),
		WITH(durable_entries_go_apart),
		WITH(a_durable_outcome_stays_durable_when_it_is_sent_again),
		WITH(a_batch_that_waits_for_the_disk_holds_up_no_other_kind),
		WITH(what_is_sent_again_counts_as_under_way),
		WITH(a_waiter_that_goes_away_is_not_called_and_its_entry_stays),
		WITH(a_waiter_that_was_told_no_longer_touches_its_batch),
		WITH(a_kept_outcome_can_be_forgotten_too),
		WITH(a_dropped_entry_leaves_nothing),
		WITH(what_waits_may_record_from_inside),
		WITH(frames_stay_within_their_bounds),
		ALONE(past_so_many_batches_decisions_are_refused_and_outcomes_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
