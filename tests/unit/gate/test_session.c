/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "base/hex.h"
#include "gate/session.h"

static const struct hash_key seed = {0};

static void an_id_says_its_gate_and_nothing_else(void **state)
{
	static const unsigned gates[] = {0, 1, 17, 63};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(gates); i++) {
		struct session *a, *b;
		struct sessions t;
		unsigned home = 999;

		sessions_init(&t, gates[i], 10, seed);
		a = session_open(&t, STR("ann"), STR(""), 1);
		b = session_open(&t, STR("ann"), STR(""), 1);
		assert_int_equal(strlen(a->id), SESSION_ID_LEN);
		assert_true(session_home(str_from_c(a->id), &home));
		assert_int_equal(home, gates[i]);
		assert_string_not_equal(a->id, b->id);
		sessions_done(&t);
	}
}

/* 128 random bits: over many ids every bit is set about half of the time. */
static void ids_and_salts_are_not_to_be_guessed(void **state)
{
	enum { IDS = 2000, BYTES = SESSION_ID_LEN / 2 };
	unsigned ones[BYTES * 8] = {0};
	struct ledger_salt_key last = {0};
	struct sessions t;

	(void)state;
	sessions_init(&t, 5, IDS, seed);
	for (int i = 0; i < IDS; i++) {
		struct session *s = session_open(&t, STR("ann"), STR(""), 1);
		unsigned char bytes[BYTES];

		assert_non_null(s);
		assert_true(hex_read(str_from_c(s->id), bytes, BYTES));
		assert_memory_not_equal(&s->salt, &last, sizeof(last));
		last = s->salt;
		for (unsigned bit = 8; bit < BYTES * 8; bit++) {
			ones[bit] += ((unsigned)bytes[bit / 8] >> (bit % 8)) & 1U;
		}
	}
	for (unsigned bit = 8; bit < BYTES * 8; bit++) {
		assert_in_range(ones[bit], IDS / 2 - 250, IDS / 2 + 250); /* 11 sigma */
	}
	sessions_done(&t);
}

static void text_that_is_no_id_has_no_home(void **state)
{
	unsigned home = 7;

	(void)state;
	assert_false(session_home(STR(""), &home));
	assert_false(session_home(STR("00"), &home));
	assert_false(session_home(STR("000102030405060708090a0b0c0d0e0f1"), &home));
	assert_false(session_home(STR("000102030405060708090a0b0c0d0e0f101"), &home));
	assert_false(session_home(STR("zz0102030405060708090a0b0c0d0e0f10"), &home));
	assert_false(session_home(STR("-10102030405060708090a0b0c0d0e0f10"), &home));
	assert_int_equal(home, 7);
}

static void a_session_is_found_by_its_whole_id(void **state)
{
	char upper[SESSION_ID_LEN + 1];
	struct sessions t;
	struct session *s;

	(void)state;
	sessions_init(&t, 10, 10, seed);
	s = session_open(&t, STR("ann"), STR("fs"), 1);
	assert_str_equal(s->agent, STR("ann"));
	assert_str_equal(s->endpoint, STR("fs"));
	assert_ptr_equal(session_find(&t, str_from_c(s->id)), s);
	assert_null(session_find(&t, str_make(s->id, SESSION_ID_LEN - 1)));
	assert_null(session_find(&t, str_make(s->id, SESSION_ID_LEN + 1)));
	assert_null(session_find(&t, STR("")));
	memcpy(upper, s->id, sizeof(upper));
	upper[1] = 'A'; /* gate 10 is "0a" */
	assert_null(session_find(&t, str_from_c(upper)));
	session_close(&t, s);
	upper[1] = 'a';
	assert_null(session_find(&t, str_from_c(upper)));
	sessions_done(&t);
}

static void texts_of_a_session_outlive_what_they_came_from(void **state)
{
	char agent[] = "ann", endpoint[] = "fs";
	struct session *a, *b;
	struct sessions t;

	(void)state;
	sessions_init(&t, 0, 10, seed);
	a = session_open(&t, str_from_c(agent), str_from_c(endpoint), 1);
	memset(agent, 'x', 3);
	memset(endpoint, 'x', 2);
	b = session_open(&t, STR("ann"), STR("fs"), 1);
	assert_str_equal(a->agent, STR("ann"));
	assert_ptr_equal(a->agent.p, b->agent.p); /* once for all sessions */
	assert_str_equal(a->endpoint, STR("fs"));
	sessions_done(&t);
}

static void the_longest_unused_expires_first(void **state)
{
	struct session *a, *b, *c;
	struct sessions t;

	(void)state;
	sessions_init(&t, 0, 10, seed);
	a = session_open(&t, STR("ann"), STR(""), 100);
	b = session_open(&t, STR("ann"), STR(""), 200);
	c = session_open(&t, STR("ann"), STR(""), 300);
	assert_null(session_expired(&t, 100));
	assert_ptr_equal(session_expired(&t, 101), a);
	session_touch(&t, a, 400);
	assert_null(session_expired(&t, 200));
	assert_ptr_equal(session_expired(&t, 1000), b);
	session_close(&t, b);
	assert_ptr_equal(session_expired(&t, 1000), c);
	session_close(&t, c);
	assert_ptr_equal(session_expired(&t, 1000), a);
	session_close(&t, a);
	assert_null(session_expired(&t, 1000));
	sessions_done(&t);
}

static void what_is_busy_streams_or_has_a_name_never_expires(void **state)
{
	struct session *busy, *streams, *named, *idle;
	struct http_req req;
	struct sessions t;

	(void)state;
	sessions_init(&t, 0, 10, seed);
	busy = session_open(&t, STR("ann"), STR(""), 1);
	streams = session_open(&t, STR("ann"), STR(""), 2);
	named = session_named(&t, STR("ann"), 3);
	idle = session_open(&t, STR("ann"), STR(""), 4);
	busy->busy = 1;
	streams->stream = &req;
	assert_non_null(named);
	assert_ptr_equal(session_expired(&t, 1000), idle);
	session_close(&t, idle);
	assert_null(session_expired(&t, 1000));
	busy->busy = 0;
	assert_ptr_equal(session_expired(&t, 1000), busy);
	busy->busy = 1;
	streams->stream = NULL;
	assert_ptr_equal(session_expired(&t, 1000), streams);
	sessions_done(&t);
}

/* Callers with tokens may be as many as there are people: theirs go, and their texts with them. */
static void the_named_session_of_a_token_expires_when_nobody_uses_it(void **state)
{
	struct caller caller = {.refs = 100};
	struct sessions t;
	struct session *s;
	char name[32];

	(void)state;
	sessions_init(&t, 0, 10, seed);
	for (unsigned i = 0; i < 2 * SESSION_TEXTS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "corp:%u", i);
		s = session_named(&t, str_from_c(name), i);
		assert_non_null(s);
		caller.refs++;
		s->caller = &caller;
		assert_null(session_expired(&t, i));
		s->users = 1;
		assert_null(session_expired(&t, i + 1));
		s->users = 0;
		s->at_exit = true; /* what is open there holds it without being counted */
		assert_null(session_expired(&t, i + 1));
		s->at_exit = false;
		assert_ptr_equal(session_expired(&t, i + 1), s);
		session_close(&t, s);
	}
	assert_int_equal(t.texts.n, 0);
	assert_int_equal(caller.refs, 100);
	sessions_done(&t);
}

static void an_agent_has_one_named_session(void **state)
{
	struct session *a, *b;
	struct sessions t;

	(void)state;
	sessions_init(&t, 0, 10, seed);
	a = session_named(&t, STR("ann"), 1);
	b = session_named(&t, STR("bob"), 1);
	assert_non_null(a);
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(session_named(&t, STR("ann"), 2), a);
	assert_true(a->named);
	assert_str_equal(a->agent, STR("ann"));
	assert_string_equal(a->id, "agent.ann");
	sessions_done(&t);
}

/* An agent's name can make its id as long as a real one: it must still not be one to ask for. */
static void no_caller_can_name_a_named_session(void **state)
{
	struct session *s;
	struct sessions t;

	(void)state;
	sessions_init(&t, 0, 10, seed);
	s = session_named(&t, STR("abcdefghijklmnopqrstuvwxyz01"), 1);
	assert_int_equal(strlen(s->id), SESSION_ID_LEN);
	assert_null(session_find(&t, str_from_c(s->id)));
	s = session_named(&t, STR("ann"), 1);
	assert_null(session_find(&t, str_from_c(s->id)));
	sessions_done(&t);
}

static void a_long_name_has_a_session_of_its_own_too(void **state)
{
	char name[SESSION_NAME_MAX * 2];
	struct session *one, *other;
	struct sessions t;

	(void)state;
	memset(name, 'n', sizeof(name));
	sessions_init(&t, 0, 10, seed);
	assert_non_null(session_named(&t, str_make(name, SESSION_NAME_MAX), 1));
	one = session_named(&t, str_make(name, sizeof(name)), 1);
	assert_non_null(one);
	assert_true(strlen(one->id) < sizeof(one->id));
	name[sizeof(name) - 1] = 'm';
	other = session_named(&t, str_make(name, sizeof(name)), 1);
	assert_ptr_not_equal(one, other);
	assert_string_not_equal(one->id, other->id);
	assert_ptr_equal(session_named(&t, other->agent, 1), other);
	sessions_done(&t);
}

static void there_are_no_more_than_the_limit(void **state)
{
	struct session *s = NULL;
	struct sessions t;

	(void)state;
	sessions_init(&t, 0, 3, seed);
	for (int i = 0; i < 3; i++) {
		s = session_open(&t, STR("ann"), STR(""), 1);
		assert_non_null(s);
	}
	assert_null(session_open(&t, STR("ann"), STR(""), 1));
	session_close(&t, s);
	assert_non_null(session_open(&t, STR("ann"), STR(""), 1));
	sessions_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_named_session_of_a_token_expires_when_nobody_uses_it),
		cmocka_unit_test(an_id_says_its_gate_and_nothing_else),
		cmocka_unit_test(ids_and_salts_are_not_to_be_guessed),
		cmocka_unit_test(text_that_is_no_id_has_no_home),
		cmocka_unit_test(a_session_is_found_by_its_whole_id),
		cmocka_unit_test(texts_of_a_session_outlive_what_they_came_from),
		cmocka_unit_test(the_longest_unused_expires_first),
		cmocka_unit_test(what_is_busy_streams_or_has_a_name_never_expires),
		cmocka_unit_test(an_agent_has_one_named_session),
		cmocka_unit_test(no_caller_can_name_a_named_session),
		cmocka_unit_test(a_long_name_has_a_session_of_its_own_too),
		cmocka_unit_test(there_are_no_more_than_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
