/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/ledger/fixture.h"

#include <signal.h>
#include <sys/wait.h>

#include "cli/cmd.h"
#include "json/parse.h"

static char output[1 << 18];

/* Runs `writ ledger ...` with its standard output in a file; returns the exit status. */
static int run(const char *const *words)
{
	char path[] = "/tmp/writ-out-XXXXXX";
	char *argv[16] = {NULL};
	int fd = mkstemp(path), saved = dup(STDOUT_FILENO), argc = 0, status;
	ssize_t n;

	assert_true(fd >= 0 && saved >= 0);
	for (; words[argc]; argc++) {
		argv[argc] = strdup(words[argc]);
	}
	(void)fflush(stdout);
	assert_true(dup2(fd, STDOUT_FILENO) >= 0);
	status = cmd_ledger(argc, argv);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	(void)close(saved);
	n = pread(fd, output, sizeof(output) - 1, 0);
	assert_true(n >= 0);
	output[n] = '\0';
	(void)close(fd);
	(void)unlink(path);
	for (int i = 0; i < argc; i++) {
		free(argv[i]);
	}
	return status;
}

#define RUN(...) run((const char *const[]){"ledger", __VA_ARGS__, NULL})

static size_t lines(void)
{
	size_t n = 0;

	for (const char *p = output; *p; p++) {
		n += *p == '\n';
	}
	return n;
}

static struct str add_texts(struct buf *b, const char *session, unsigned i)
{
	char id[16];
	int n = snprintf(id, sizeof(id), "g0-%u", i);
	struct ledger_decision d = {.action_id = str_make(id, (size_t)n),
				    .action = STR("Writ::Action::\"fs.read\""),
				    .principal = STR("Writ::Agent::\"ann\""),
				    .resource = STR("Writ::Tool::\"fs.read\""),
				    .session = str_from_c(session),
				    .node = STR("n"),
				    .reason = STR("red \033[31m"),
				    .decision = LEDGER_DENY};

	assert_int_equal(ledger_decision_encode(&d, b, NULL), ERR_OK);
	return buf_str(b);
}

/* Thirty decisions of three sessions in several segments; the last five are not sealed. */
static void make_log(struct fixture *f)
{
	static const char *const sessions[] = {"s-0", "s-1", "s-2"};
	struct ledger_salt salt = {.session = STR("s-1"), .key = {7}};

	fixture_init(f);
	f->options.segment_bytes = 2500;
	assert_int_equal(fixture_open(f, NULL), ERR_OK);
	assert_int_equal(ledger_store_salts(f->store, &salt, 1, NULL), ERR_OK);
	for (unsigned i = 0; i < 30; i++) {
		struct ledger_appended appended;
		struct str entry;
		struct buf b;

		buf_init(&b, 4096);
		entry = add_texts(&b, sessions[i % 3], i);
		assert_int_equal(ledger_store_append(f->store, STR("gate.0"), &entry, 1,
						     UINT64_C(1795425356123456) + i, &appended,
						     NULL, NULL),
				 ERR_OK);
		buf_done(&b);
		if (i == 24) {
			assert_int_equal(ledger_store_seal(f->store, NULL), ERR_OK);
		}
	}
}

static void show_prints_one_safe_line_for_each_record(void **state)
{
	struct fixture f;

	(void)state;
	make_log(&f);
	assert_int_equal(RUN("show", f.path), CMD_FINE);
	assert_int_equal(lines(), 30);
	assert_non_null(strstr(output, "2026-11-23T09:15:56.123456Z  gate.0      deny"));
	assert_non_null(strstr(output, "ann -> fs.read  reason red \\x1b[31m  session s-0"));
	assert_null(strchr(output, '\033'));
	fixture_done(&f);
}

static void show_can_be_limited_to_the_end_and_to_a_session(void **state)
{
	struct fixture f;

	(void)state;
	make_log(&f);
	assert_int_equal(RUN("show", "--last", "4", f.path), CMD_FINE);
	assert_int_equal(lines(), 4);
	assert_int_equal(strncmp(output, "26 ", 3), 0);
	assert_int_equal(RUN("show", "--last", "25", f.path), CMD_FINE); /* over segments */
	assert_int_equal(lines(), 25);
	assert_int_equal(strncmp(output, "5 ", 2), 0);
	assert_int_equal(RUN("show", "--session", "s-1", f.path), CMD_FINE);
	assert_int_equal(lines(), 10);
	assert_int_equal(RUN("show", "--session", "s-1", "-n", "2", f.path), CMD_FINE);
	assert_int_equal(lines(), 2);
	assert_non_null(strstr(output, "g0-25"));
	assert_non_null(strstr(output, "g0-28"));
	fixture_done(&f);
}

static void show_as_json_holds_the_entries_as_they_are(void **state)
{
	const struct json *doc, *records;
	struct fixture f;
	struct arena a;

	(void)state;
	make_log(&f);
	arena_init(&a, 16 << 20);
	assert_int_equal(RUN("show", "--json", f.path), CMD_FINE);
	assert_int_equal(json_parse(&a, str_from_c(output), NULL, &doc, NULL), ERR_OK);
	records = json_get(doc, STR("records"));
	assert_non_null(records);
	assert_int_equal(records->n, 30);
	assert_non_null(strstr(output, "\"entry\":{\"action\":\"Writ::Action::\\\"fs.read\\\"\""));
	arena_done(&a);
	fixture_done(&f);
}

static void show_follows_what_is_written_into_new_segments(void **state)
{
	char path[] = "/tmp/writ-follow-XXXXXX";
	int fd = mkstemp(path), status;
	struct fixture f;
	size_t seen = 0;
	pid_t pid;

	(void)state;
	make_log(&f);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char words[][8] = {"ledger", "show", "-n", "1", "-f"};
		char *argv[] = {words[0], words[1], words[2], words[3], words[4], f.path, NULL};

		(void)dup2(fd, STDOUT_FILENO);
		_exit(cmd_ledger(6, argv));
	}
	for (int i = 0; i < 50 && seen < 1; i++) {
		(void)usleep(100000);
		seen = (size_t)pread(fd, output, sizeof(output) - 1, 0);
	}
	assert_int_equal(fixture_append(&f, 40, NULL), ERR_OK);
	assert_int_equal(fixture_append(&f, 2, NULL), ERR_OK); /* begins a segment */
	for (int i = 0; i < 50 && lines() < 43; i++) {
		(void)usleep(100000);
		seen = (size_t)pread(fd, output, sizeof(output) - 1, 0);
		output[seen] = '\0';
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(lines(), 43);
	assert_int_equal(strncmp(output, "29 ", 3), 0);
	assert_non_null(strstr(output, "\n71 "));
	(void)close(fd);
	(void)unlink(path);
	fixture_done(&f);
}

static void verify_says_intact_or_what_and_where(void **state)
{
	char key[512];
	struct fixture f;
	struct buf b;
	int fd;

	(void)state;
	make_log(&f);
	buf_init(&b, 1024);
	ledger_verifier_append(&f.signer.verifier, &b);
	(void)snprintf(key, sizeof(key), STR_FMT, STR_ARG(buf_str(&b)));
	buf_done(&b);
	assert_int_equal(RUN("verify", f.path), CMD_FINE);
	assert_non_null(strstr(output, "intact: true\nrecords: 30\nsealed: 25\n"));
	assert_non_null(strstr(output, "5 records after the last checkpoint are not sealed yet."));
	assert_non_null(strstr(output, "beside the log"));
	assert_int_equal(RUN("verify", "--key", key, "--json", f.path), CMD_FINE);
	assert_null(strstr(output, "beside the log"));
	assert_non_null(strstr(output, "\"intact\":true"));
	fd = openat(f.dir_fd, FIRST_SEGMENT, O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "X", 1, 500), 1);
	(void)close(fd);
	assert_int_equal(RUN("verify", "--key", key, f.path), CMD_FOUND);
	assert_non_null(strstr(output, "intact: false"));
	assert_non_null(strstr(output, "at record: 1\nfile: " FIRST_SEGMENT));
	fixture_done(&f);
}

static void verify_compares_with_a_checkpoint_that_was_kept(void **state)
{
	char kept[128], text[4096];
	struct fixture f;
	size_t n;

	(void)state;
	make_log(&f);
	n = fixture_read(&f, "checkpoint", text, sizeof(text));
	fixture_write(&f, "kept", text, n);
	(void)snprintf(kept, sizeof(kept), "%s/kept", f.path);
	assert_int_equal(RUN("verify", "--known", kept, f.path), CMD_FINE);
	fixture_close(&f);
	/* The whole log is replaced by a shorter one of the same key. */
	fixture_empty_folder(f.dir_fd, "log");
	(void)unlinkat(f.dir_fd, "checkpoint", 0);
	(void)unlinkat(f.dir_fd, "checkpoints", 0);
	(void)unlinkat(f.dir_fd, "frontier", 0);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_int_equal(fixture_append(&f, 3, NULL), ERR_OK);
	assert_int_equal(ledger_store_seal(f.store, NULL), ERR_OK);
	assert_int_equal(RUN("verify", f.path), CMD_FINE);
	assert_int_equal(RUN("verify", "--known", kept, f.path), CMD_FOUND);
	assert_non_null(strstr(output, "covers 25 records"));
	fixture_done(&f);
}

static void erasing_a_session_leaves_the_log_intact_and_the_key_gone(void **state)
{
	char text[1024];
	struct fixture f;
	size_t n;

	(void)state;
	make_log(&f);
	assert_int_equal(RUN("erase", "--session", "s-1", f.path), CMD_FINE);
	assert_non_null(strstr(output, "keys erased: 1"));
	n = fixture_read(&f, "salts/00000000000000000000.salt", text, sizeof(text));
	assert_str_equal(
		str_make(text, n),
		STR("\n0000000000000000000000000000000000000000000000000000000000000000 s-1\n"));
	assert_int_equal(RUN("erase", "--session", "s-1", f.path), CMD_FOUND);
	assert_int_equal(RUN("verify", f.path), CMD_FINE);
	fixture_done(&f);
}

static void export_writes_what_is_sealed_as_tiles(void **state)
{
	char to[128];
	struct fixture f;

	(void)state;
	make_log(&f);
	(void)snprintf(to, sizeof(to), "%s/out", f.path);
	assert_int_equal(RUN("export", to, f.path), CMD_FINE);
	assert_non_null(strstr(output, "records: 25\n"));
	assert_int_equal(faccessat(f.dir_fd, "out/tile/0/000.p/25", F_OK, 0), 0);
	assert_int_equal(unlinkat(f.dir_fd, "out/tile/0/000.p/25", 0), 0);
	assert_int_equal(unlinkat(f.dir_fd, "out/tile/0/000.p", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(f.dir_fd, "out/tile/0", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(f.dir_fd, "out/tile/entries/000.p/25", 0), 0);
	assert_int_equal(unlinkat(f.dir_fd, "out/tile/entries/000.p", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(f.dir_fd, "out/tile/entries", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(f.dir_fd, "out/tile", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(f.dir_fd, "out/checkpoint", 0), 0);
	assert_int_equal(unlinkat(f.dir_fd, "out", AT_REMOVEDIR), 0);
	assert_int_equal(RUN("export"), CMD_FAILED);
	fixture_done(&f);
}

static void what_cannot_be_done_exits_with_2(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	assert_int_equal(RUN("verify", f.path), CMD_FAILED);
	assert_int_equal(RUN("show", "/nonexistent"), CMD_FAILED);
	assert_int_equal(RUN("show", "--nonsense", f.path), CMD_FAILED);
	assert_int_equal(RUN("erase", f.path), CMD_FAILED);
	assert_int_equal(RUN("shwo"), CMD_FAILED);
	assert_int_equal(fixture_open(&f, NULL), ERR_OK);
	assert_int_equal(RUN("verify", "--key", "not+a+key", f.path), CMD_FAILED);
	assert_int_equal(RUN("verify", "--known", "/nonexistent", f.path), CMD_FAILED);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(show_prints_one_safe_line_for_each_record),
		cmocka_unit_test(show_can_be_limited_to_the_end_and_to_a_session),
		cmocka_unit_test(show_as_json_holds_the_entries_as_they_are),
		cmocka_unit_test(show_follows_what_is_written_into_new_segments),
		cmocka_unit_test(verify_says_intact_or_what_and_where),
		cmocka_unit_test(verify_compares_with_a_checkpoint_that_was_kept),
		cmocka_unit_test(erasing_a_session_leaves_the_log_intact_and_the_key_gone),
		cmocka_unit_test(export_writes_what_is_sealed_as_tiles),
		cmocka_unit_test(what_cannot_be_done_exits_with_2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
