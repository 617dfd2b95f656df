/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "detect/lint.h"
#include "proc/pin_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/writ-pins-XXXXXX";
static int dir_fd;
static struct pin_store store;
static struct pin_news news;
static struct err err;

static int set_up(void **state)
{
	(void)state;
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
	pin_store_init(&store);
	assert_int_equal(pin_store_open(&store, dir_fd, &err), ERR_OK);
	return 0;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	pin_store_done(&store);
	(void)close(dir_fd);
	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

/* One tool, and with `whole` the server's mark as well, as a gate reports it. */
static enum err_code seen_of(const char *server, enum pin_kind kind, const char *name,
			     const char *text, unsigned score, bool whole)
{
	struct pin_seen s = {
		.kind = kind, .score = score, .name = str_from_c(name), .text = str_from_c(text)};
	enum err_code code;
	struct buf b;

	buf_init(&b, PIN_REPORT_MAX);
	pin_report_begin(&b, str_from_c(server));
	sha256_of(s.text, s.digest);
	assert_true(pin_report_put(&b, &s));
	if (whole) {
		struct pin_seen self = {.kind = PIN_SERVER, .name = STR(""), .text = STR("")};

		sha256_of(STR(""), self.digest);
		assert_true(pin_report_put(&b, &self));
	}
	code = pin_store_take(&store, buf_str(&b), 100, &news, &err);
	buf_done(&b);
	return code;
}

static enum err_code seen(enum pin_kind kind, const char *name, const char *text, unsigned score,
			  bool whole)
{
	return seen_of("fs", kind, name, text, score, whole);
}

static const struct pin *pin(enum pin_kind kind, const char *name)
{
	struct pin_id id = pin_id(STR("fs"), kind, str_from_c(name));

	return pin_store_find(&store, &id);
}

static void the_first_use_pins_and_what_comes_later_waits(void **state)
{
	(void)state;
	assert_int_equal(seen(PIN_TOOL, "read", "{\"a\":1}", 0, true), ERR_OK);
	assert_int_equal(news.first_use, 1);
	assert_int_equal(news.held_n, 0);
	assert_true(pin(PIN_TOOL, "read")->has_pinned);
	assert_int_equal(seen(PIN_TOOL, "read", "{\"a\":2}", 0, false), ERR_OK);
	assert_int_equal(news.held_n, 1);
	assert_true(pin(PIN_TOOL, "read")->has_pinned && pin(PIN_TOOL, "read")->has_pending);
	assert_int_equal(seen(PIN_TOOL, "write", "{}", 0, false), ERR_OK);
	assert_int_equal(news.held_n, 1);
	assert_false(pin(PIN_TOOL, "write")->has_pinned);
	/* lists of resources grow as people work; a resource that changes waits */
	assert_int_equal(seen(PIN_RESOURCE, "file:///a", "{}", 0, false), ERR_OK);
	assert_int_equal(news.held_n, 0);
	assert_int_equal(seen(PIN_RESOURCE, "file:///a", "{\"b\":1}", 0, false), ERR_OK);
	assert_int_equal(news.held_n, 1);
	/* what is known is no news */
	assert_int_equal(seen(PIN_TOOL, "read", "{\"a\":2}", 0, false), ERR_OK);
	assert_false(news.changed);
}

static void what_the_linter_objects_to_waits_at_once(void **state)
{
	(void)state;
	assert_int_equal(seen(PIN_TOOL, "read", "{}", LINT_HOLD, true), ERR_OK);
	assert_int_equal(news.first_use, 0);
	assert_int_equal(news.held_n, 1);
}

static void a_text_must_be_what_its_digest_says(void **state)
{
	struct pin_seen s = {.kind = PIN_TOOL, .name = STR("x"), .text = STR("{}")};
	struct buf b;

	(void)state;
	buf_init(&b, PIN_REPORT_MAX);
	pin_report_begin(&b, STR("fs"));
	assert_true(pin_report_put(&b, &s));
	assert_int_equal(pin_store_take(&store, buf_str(&b), 1, &news, &err), ERR_INVALID);
	assert_null(pin(PIN_TOOL, "x"));
	buf_done(&b);
}

static void a_person_decides_about_what_was_shown(void **state)
{
	const struct pin *p;
	uint8_t shown[SHA256_LEN];

	(void)state;
	assert_int_equal(seen(PIN_TOOL, "read", "{\"a\":1}", 0, true), ERR_OK);
	assert_int_equal(seen(PIN_TOOL, "read", "{\"a\":2}", 0, false), ERR_OK);
	p = pin(PIN_TOOL, "read");
	memcpy(shown, p->pending, sizeof(shown));
	/* it changed again behind the person's back: the answer was to something else */
	assert_int_equal(seen(PIN_TOOL, "read", "{\"a\":3}", 0, false), ERR_OK);
	assert_int_equal(pin_store_decide(&store, &p->id, shown, true, 7, 1, &err), ERR_NOT_FOUND);
	memcpy(shown, p->pending, sizeof(shown));
	assert_int_equal(pin_store_decide(&store, &p->id, shown, true, 7, 200, &err), ERR_OK);
	assert_false(p->has_pending);
	assert_memory_equal(p->pinned, shown, sizeof(shown));
	assert_string_equal(p->how, "uid 7");
}

static void what_was_rejected_stays_so_until_it_changes(void **state)
{
	const struct pin *p;

	(void)state;
	assert_int_equal(seen(PIN_TOOL, "read", "{\"a\":1}", 0, true), ERR_OK);
	assert_int_equal(seen(PIN_TOOL, "read", "{\"a\":2}", 0, false), ERR_OK);
	p = pin(PIN_TOOL, "read");
	assert_int_equal(pin_store_decide(&store, &p->id, p->pending, false, 0, 1, &err), ERR_OK);
	assert_int_equal(seen(PIN_TOOL, "read", "{\"a\":2}", 0, false), ERR_OK);
	assert_int_equal(news.held_n, 0);
	assert_true(p->rejected);
	assert_int_equal(seen(PIN_TOOL, "read", "{\"a\":3}", 0, false), ERR_OK);
	assert_int_equal(news.held_n, 1);
	assert_false(p->rejected);
}

static void everything_is_there_after_a_restart(void **state)
{
	uint8_t pending[SHA256_LEN];
	int fd = -1;

	(void)state;
	assert_int_equal(seen(PIN_TOOL, "re\"ad\xc3\xa9", "{\"a\":1}", 10, true), ERR_OK);
	assert_int_equal(seen(PIN_TOOL, "re\"ad\xc3\xa9", "{\"a\":2}", 20, false), ERR_OK);
	memcpy(pending, pin(PIN_TOOL, "re\"ad\xc3\xa9")->pending, sizeof(pending));
	pin_store_done(&store);
	assert_int_equal(pin_store_open(&store, dir_fd, &err), ERR_OK);
	assert_int_equal(store.use.n, 2);
	assert_int_equal(store.use.n_held, 1);
	assert_memory_equal(pin(PIN_TOOL, "re\"ad\xc3\xa9")->pending, pending, sizeof(pending));
	assert_int_equal(pin(PIN_TOOL, "re\"ad\xc3\xa9")->score, 20);
	assert_int_equal(seen(PIN_TOOL, "new", "{}", 0, false), ERR_OK);
	assert_int_equal(news.held_n, 1); /* the server is known: this is no first use */
	assert_int_equal(pin_store_table(&store, &fd, &err), ERR_OK);
	assert_int_equal(lseek(fd, 0, SEEK_END), 4 * PIN_ENTRY);
	(void)close(fd);
}

static void one_server_leaves_room_for_what_others_offer(void **state)
{
	char name[16];
	bool full = false;

	(void)state;
	assert_int_equal(seen_of("bad", PIN_TOOL, "first", "{}", 0, true), ERR_OK);
	assert_int_equal(seen_of("good", PIN_TOOL, "first", "{}", 0, true), ERR_OK);
	for (unsigned i = 0; i < PINS_HELD_MAX && !full; i++) {
		(void)snprintf(name, sizeof(name), "t%u", i);
		assert_int_equal(seen_of("bad", PIN_TOOL, name, "{}", 0, false), ERR_OK);
		full = news.full;
	}
	assert_true(full);
	assert_int_equal(store.use.n_held, PINS_HELD_MAX / 2);
	assert_int_equal(seen_of("good", PIN_TOOL, "later", "{}", 0, false), ERR_OK);
	assert_false(news.full);
	assert_int_equal(news.held_n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_first_use_pins_and_what_comes_later_waits,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_server_leaves_room_for_what_others_offer,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_the_linter_objects_to_waits_at_once, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_text_must_be_what_its_digest_says, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_person_decides_about_what_was_shown, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_was_rejected_stays_so_until_it_changes, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(everything_is_there_after_a_restart, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
