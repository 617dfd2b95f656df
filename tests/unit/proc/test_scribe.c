/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/ledger/fixture.h"

#include "base/clock.h"
#include "base/num.h"
#include "ipc/messages.h"
#include "proc/scribe.h"
#include "sys/fd.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* The clock of the tests: what it says is set by each test. */
static uint64_t clock_value = 1000000;

static uint64_t test_now(void)
{
	return clock_value;
}

struct scene {
	struct fixture f;
	struct scribe_log log;
	struct frame_writer w;
	struct buf texts[8];
	char frame[IPC_FRAME_MAX];
};

static void scene_begin(struct scene *s)
{
	clock_value = 1000000;
	fixture_init(&s->f);
	assert_int_equal(fixture_open(&s->f, NULL), ERR_OK);
	scribe_log_init(&s->log, s->f.store, test_now);
	s->f.store = NULL; /* the log's now */
	for (size_t i = 0; i < ARRAY_LEN(s->texts); i++) {
		buf_init(&s->texts[i], LEDGER_ENTRY_MAX * 2);
	}
}

static void scene_end(struct scene *s)
{
	for (size_t i = 0; i < ARRAY_LEN(s->texts); i++) {
		buf_done(&s->texts[i]);
	}
	scribe_log_done(&s->log);
	fixture_done(&s->f);
}

static void begin_frame(struct scene *s, uint64_t batch, uint8_t flags, uint32_t n)
{
	frame_begin(&s->w, s->frame, sizeof(s->frame), IPC_APPEND);
	frame_put_u64(&s->w, batch);
	frame_put_u8(&s->w, flags);
	frame_put_u32(&s->w, n);
}

static struct str decision(struct scene *s, struct str action_id)
{
	struct ledger_decision d = {.action_id = action_id,
				    .action = STR("Writ::Action::\"fs.read\""),
				    .principal = STR("Writ::Agent::\"ann\""),
				    .resource = STR("Writ::Tool::\"fs.read\""),
				    .session = STR("s1"),
				    .node = STR("n"),
				    .decision = LEDGER_ALLOW};

	buf_clear(&s->texts[0]);
	assert_int_equal(ledger_decision_encode(&d, &s->texts[0], NULL), ERR_OK);
	return buf_str(&s->texts[0]);
}

static struct str event(struct scene *s, enum ledger_event_name name)
{
	struct ledger_event e = {.event = name};

	buf_clear(&s->texts[1]);
	assert_int_equal(ledger_event_encode(&e, &s->texts[1], NULL), ERR_OK);
	return buf_str(&s->texts[1]);
}

static struct str salt(struct scene *s, struct str session)
{
	struct ledger_salt key = {.session = session};

	memset(key.key, 0x33, sizeof(key.key));
	buf_clear(&s->texts[2]);
	assert_int_equal(ledger_salt_encode(&key, &s->texts[2], NULL), ERR_OK);
	return buf_str(&s->texts[2]);
}

static struct scribe_answer deliver(struct scene *s)
{
	struct scribe_answer a;

	assert_false(s->w.overflow);
	assert_true(scribe_log_append(&s->log, ROLE_GATE, 3, frame_bytes(&s->w), &a, NULL));
	return a;
}

/* The log's bytes, to look for what was written. */
static struct str written(struct scene *s)
{
	static char bytes[1 << 18];
	size_t n = fixture_read(&s->f, FIRST_SEGMENT, bytes, sizeof(bytes));

	return str_make(bytes, n);
}

static bool was_written(struct scene *s, const char *text)
{
	struct str all = written(s);

	return str_find_str(all, str_from_c(text)) < all.n;
}

static struct str sent(struct scene *s, struct str where)
{
	struct ledger_event e = {.event = LEDGER_SENT, .subject = where, .number = 9};

	memset(e.request, 0x44, sizeof(e.request));
	buf_clear(&s->texts[3]);
	assert_int_equal(ledger_event_encode(&e, &s->texts[3], NULL), ERR_OK);
	return buf_str(&s->texts[3]);
}

static void what_is_sent_gets_a_permit_for_its_record(void **state)
{
	struct permit p = {.bytes = 9, .index = 1};
	uint8_t mac[SHA256_LEN], request[SHA256_LEN];
	static char long_name[PERMIT_WHERE_MAX + 1];
	struct scribe_answer a;
	struct frame_writer w;
	struct frame_reader r;
	char reply[SCRIBE_REPLY_MAX];
	struct scene s;

	(void)state;
	scene_begin(&s);
	memset(s.log.permit_key, 'k', sizeof(s.log.permit_key));
	begin_frame(&s, 1, 0, 2);
	frame_put_str(&s.w, decision(&s, STR("a1")));
	frame_put_str(&s.w, sent(&s, STR("model:far")));
	a = deliver(&s);
	assert_true(a.taken);
	memset(request, 0x44, sizeof(request));
	assert_true(a.permits_at_us > 0);
	p.at_us = a.permits_at_us;
	permit_mac(str_make((const char *)s.log.permit_key, PERMIT_KEY), &p, STR("model:far"),
		   request, mac);
	scribe_answer_frame(&a, &w, reply);
	assert_int_equal(frame_open(&r, frame_bytes(&w)), IPC_ACK);
	for (int i = 0; i < 3; i++) {
		(void)frame_get_u64(&r);
	}
	assert_str_equal(frame_get_str(&r), str_make((const char *)mac, sizeof(mac)));
	assert_int_equal(frame_get_u64(&r), a.permits_at_us);
	assert_true(frame_ok(&r));
	scribe_answer_done(&a);

	/* What is not in the log gets none. */
	memset(long_name, 'x', sizeof(long_name));
	begin_frame(&s, 2, 0, 1);
	frame_put_str(&s.w, sent(&s, str_make(long_name, sizeof(long_name))));
	a = deliver(&s);
	assert_false(a.taken);
	assert_null(a.permits);
	begin_frame(&s, 3, 0, 2);
	frame_put_str(&s.w, sent(&s, STR("model:far")));
	frame_put_str(&s.w, STR("nonsense"));
	a = deliver(&s);
	assert_false(a.taken);
	assert_null(a.permits);
	scene_end(&s);
}

static void a_frame_becomes_records_of_its_sender_and_is_acknowledged(void **state)
{
	struct scribe_answer a;
	struct frame_reader r;
	char reply[SCRIBE_REPLY_MAX];
	struct frame_writer w;
	struct scene s;

	(void)state;
	scene_begin(&s);
	begin_frame(&s, 77, 0, 2);
	frame_put_str(&s.w, decision(&s, STR("a1")));
	frame_put_str(&s.w, event(&s, LEDGER_FINDING));
	a = deliver(&s);
	assert_true(a.taken);
	assert_false(a.durable);
	assert_int_equal(a.first, 0);
	assert_int_equal(a.time_us, 1000000);
	assert_true(was_written(&s, "\"from\":\"gate.3\",\"index\":1,\"time\":1000000}"));
	scribe_answer_frame(&a, &w, reply);
	assert_int_equal(frame_open(&r, frame_bytes(&w)), IPC_ACK);
	assert_int_equal(frame_get_u64(&r), 77);
	assert_int_equal(frame_get_u64(&r), 0);
	assert_int_equal(frame_get_u64(&r), 1000000000);
	assert_int_equal(frame_get_str(&r).n, 0); /* nothing is to leave */
	assert_int_equal(frame_get_u64(&r), 0);
	assert_true(frame_ok(&r));
	begin_frame(&s, 78, IPC_APPEND_DURABLE, 1);
	frame_put_str(&s.w, decision(&s, STR("a2")));
	a = deliver(&s);
	assert_true(a.taken && a.durable);
	assert_int_equal(a.first, 2);
	scene_end(&s);
}

static void a_salt_is_kept_beside_the_log_and_its_hash_takes_its_index(void **state)
{
	char salts[512], hex[2 * SHA256_LEN];
	uint8_t key[SHA256_LEN], hash[SHA256_LEN];
	struct scribe_answer a;
	struct scene s;
	size_t n;

	(void)state;
	scene_begin(&s);
	begin_frame(&s, 1, 0, 3);
	frame_put_str(&s.w, salt(&s, STR("s1")));
	frame_put_str(&s.w, decision(&s, STR("a1")));
	frame_put_str(&s.w, salt(&s, STR("session-2")));
	a = deliver(&s);
	assert_true(a.taken);
	assert_int_equal(ledger_store_size(s.log.store), 3);
	n = fixture_read(&s.f, "salts/00000000000000000000.salt", salts, sizeof(salts));
	assert_int_equal(n, 1 + 64 + 4 + 64 + 11);
	memset(key, 0x33, sizeof(key));
	sha256_of(str_make((char *)key, sizeof(key)), hash);
	hex_write(hex, hash, sizeof(hash));
	assert_true(was_written(&s, "\"kind\":\"salted\",\"session\":\"s1\""));
	assert_true(was_written(&s,
				"\"session\":\"session-2\",\"time\":1000000},\"from\":\"gate.3\","
				"\"index\":2,"));
	assert_true(str_find_str(written(&s), str_make(hex, sizeof(hex))) < written(&s).n);
	hex_write(hex, key, sizeof(key));
	assert_int_equal(str_find_str(written(&s), str_make(hex, sizeof(hex))), written(&s).n);
	scene_end(&s);
}

static void one_bad_entry_refuses_the_whole_frame(void **state)
{
	static const struct str bad[] = {
		STR_INIT("{}"),
		STR_INIT(""),
		STR_INIT("{\"event\":\"opened\",\"kind\":\"event\",\"time\":0}"),
		STR_INIT("{\"event\":\"role_died\",\"kind\":\"event\",\"time\":0}"),
		STR_INIT("{\"event\":\"finding\", \"kind\":\"event\",\"time\":0}"),
	};
	struct scene s;

	(void)state;
	scene_begin(&s);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct scribe_answer a;
		struct frame_reader r;
		struct frame_writer w;
		char reply[SCRIBE_REPLY_MAX];

		begin_frame(&s, i, 0, 2);
		frame_put_str(&s.w, decision(&s, STR("a1")));
		frame_put_str(&s.w, bad[i]);
		a = deliver(&s);
		assert_false(a.taken);
		assert_int_equal(a.reason, IPC_NACK_INVALID);
		assert_int_equal(ledger_store_size(s.log.store), 0);
		scribe_answer_frame(&a, &w, reply);
		assert_int_equal(frame_open(&r, frame_bytes(&w)), IPC_NACK);
		assert_int_equal(frame_get_u64(&r), i);
		assert_int_equal(frame_get_u8(&r), IPC_NACK_INVALID);
		assert_true(frame_ok(&r));
	}
	scene_end(&s);
}

/* A gate may not pretend to be the scribe: the record of a kept salt is not its to write. */
static void a_gate_may_not_write_what_only_the_scribe_may(void **state)
{
	struct ledger_salted forged = {.session = STR("s1"), .key_hash = {1}};
	struct scribe_answer a;
	struct scene s;

	(void)state;
	scene_begin(&s);
	assert_int_equal(ledger_salted_encode(&forged, &s.texts[3], NULL), ERR_OK);
	begin_frame(&s, 1, 0, 1);
	frame_put_str(&s.w, buf_str(&s.texts[3]));
	a = deliver(&s);
	assert_false(a.taken);
	scene_end(&s);
}

static void every_cut_or_padded_frame_is_refused(void **state)
{
	struct scene s;
	size_t n;

	(void)state;
	scene_begin(&s);
	begin_frame(&s, 5, 0, 2);
	frame_put_str(&s.w, decision(&s, STR("a1")));
	frame_put_str(&s.w, event(&s, LEDGER_FINDING));
	n = frame_bytes(&s.w).n;
	for (size_t cut = 0; cut < n; cut++) {
		struct scribe_answer a;

		if (scribe_log_append(&s.log, ROLE_GATE, 0, str_make(s.frame, cut), &a, NULL)) {
			assert_false(a.taken);
		}
	}
	for (uint32_t count = 0; count < 600; count += count == 3 ? 510 : 1) {
		struct scribe_answer a;

		if (count == 2) {
			continue;
		}
		num_put_u32(s.frame + 10, count); /* behind type, batch and flags */
		assert_true(
			scribe_log_append(&s.log, ROLE_GATE, 0, str_make(s.frame, n), &a, NULL));
		assert_false(a.taken);
		assert_int_equal(a.reason, IPC_NACK_INVALID);
	}
	assert_int_equal(ledger_store_size(s.log.store), 0);
	scene_end(&s);
}

static void only_the_supervisor_reports_roles_and_only_events(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s);
	assert_int_equal(scribe_log_note(&s.log, event(&s, LEDGER_ROLE_DIED), NULL), ERR_OK);
	assert_true(was_written(&s, "\"from\":\"supervisor\""));
	assert_int_equal(scribe_log_note(&s.log, event(&s, LEDGER_CLOSED), NULL), ERR_DENIED);
	assert_int_equal(scribe_log_note(&s.log, decision(&s, STR("a")), NULL), ERR_DENIED);
	assert_int_equal(scribe_log_note(&s.log, STR("{"), NULL), ERR_SYNTAX);
	assert_int_equal(ledger_store_size(s.log.store), 1);
	scene_end(&s);
}

static void a_clock_that_jumps_back_is_clamped_and_noted_once(void **state)
{
	struct scribe_answer a;
	struct scene s;

	(void)state;
	scene_begin(&s);
	for (int i = 0; i < 4; i++) {
		static const uint64_t times[] = {2000000, 1400000, 1500000, 3000000};

		clock_value = times[i];
		begin_frame(&s, 1, 0, 1);
		frame_put_str(&s.w, decision(&s, STR("a1")));
		a = deliver(&s);
		assert_true(a.taken);
		assert_int_equal(a.time_us, i < 3 ? 2000000 : 3000000);
	}
	assert_int_equal(ledger_store_size(s.log.store), 5);
	assert_true(was_written(&s, "{\"event\":\"clock\",\"kind\":\"event\",\"number\":600000,"));
	scene_end(&s);
}

static void a_full_disk_is_said_to_the_gate_and_noted_when_it_is_over(void **state)
{
	struct rlimit old, low;
	struct scribe_answer a = {0};
	uint64_t refused = 0;
	char number[64];
	struct scene s;

	(void)state;
	scene_begin(&s);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	low = (struct rlimit){.rlim_cur = 2000, .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	for (int i = 0; i < 20; i++) {
		begin_frame(&s, 1, 0, 2);
		frame_put_str(&s.w, decision(&s, STR("a1")));
		frame_put_str(&s.w, event(&s, LEDGER_FINDING));
		a = deliver(&s);
		refused += a.taken ? 0 : 2;
		assert_true(a.taken || a.reason == IPC_NACK_FULL);
	}
	assert_false(a.taken);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	begin_frame(&s, 1, 0, 1);
	frame_put_str(&s.w, decision(&s, STR("a1")));
	a = deliver(&s);
	assert_true(a.taken);
	(void)snprintf(number, sizeof(number), "\"disk_full\",\"kind\":\"event\",\"number\":%llu,",
		       (unsigned long long)refused);
	assert_true(was_written(&s, number));
	scene_end(&s);
}

/* The supervisor's and a gate's end of a scribe that runs as its own process, jailed. */
struct running {
	pid_t pid;
	struct chan control, gate;
};

static void child_main(struct fixture *f, int key_fd, int control, int gate)
{
	struct role_boot boot = {
		.role = ROLE_SCRIBE, .bundle_fd = -1, .key_fd = key_fd, .n_channels = 1};
	struct str config =
		STR("{\"version\":1,\"node\":\"n\",\"state\":\"/s\",\"policies\":\"/p\"}");

	chan_init(&boot.control, control, 1 << 16);
	boot.channels[0] = (struct role_channel){.peer = ROLE_GATE, .index = 0, .fd = gate};
	boot.directory_fd = f->dir_fd;
	boot.n_secrets = 1;
	(void)snprintf(boot.secrets[0].file, sizeof(boot.secrets[0].file), ROLE_PERMIT_KEY);
	if (fd_memfd("config", config, &boot.config_fd, NULL) ||
	    fd_memfd("permit", STR("0123456789abcdef0123456789abcdef"), &boot.secrets[0].fd,
		     NULL)) {
		_exit(3);
	}
	_exit(scribe_main(&boot));
}

/* Before the fork: a secret does not follow into a child. */
static int key_file(struct fixture *f)
{
	struct buf text;
	int fd;

	buf_init(&text, 4096);
	ledger_signer_append(&f->signer, &text);
	assert_int_equal(fd_memfd("key", buf_str(&text), &fd, NULL), ERR_OK);
	buf_done(&text);
	return fd;
}

static struct str receive(struct chan *c, char *buf, size_t cap)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	int fds[CHAN_MAX_FDS];
	unsigned n_fds = 0;
	struct str frame;

	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(chan_recv(c, buf, cap, &frame, fds, &n_fds, NULL), ERR_OK);
	assert_int_equal(n_fds, 0);
	return frame;
}

static struct running run_scribe(struct fixture *f)
{
	struct running r;
	int control[2], gate[2], key_fd = key_file(f);
	char buf[4096];

	assert_int_equal(chan_pair(control, NULL), ERR_OK);
	assert_int_equal(chan_pair(gate, NULL), ERR_OK);
	r.pid = fork();
	assert_true(r.pid >= 0);
	if (r.pid == 0) {
		child_main(f, key_fd, control[1], gate[1]);
	}
	(void)close(key_fd);
	(void)close(control[1]);
	(void)close(gate[1]);
	chan_init(&r.control, control[0], 1 << 16);
	chan_init(&r.gate, gate[0], 1 << 20);
	assert_int_equal(receive(&r.control, buf, sizeof(buf)).p[0], IPC_READY);
	return r;
}

static void stop_scribe(struct running *r)
{
	char frame = IPC_DRAIN;
	int status;

	assert_int_equal(chan_send(&r->control, str_make(&frame, 1), NULL, 0, NULL), ERR_OK);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	assert_int_equal(status, 0);
	chan_done(&r->control);
	chan_done(&r->gate);
}

/* Sends one frame of n decisions; returns the index of the first. */
static uint64_t send_and_wait(struct scene *s, struct running *r, uint64_t batch, uint8_t flags,
			      uint32_t n)
{
	struct frame_reader reader;
	uint64_t first;
	char buf[4096];

	begin_frame(s, batch, flags, n);
	for (uint32_t i = 0; i < n; i++) {
		frame_put_str(&s->w, decision(s, STR("a1")));
	}
	assert_int_equal(chan_send(&r->gate, frame_bytes(&s->w), NULL, 0, NULL), ERR_OK);
	assert_int_equal(frame_open(&reader, receive(&r->gate, buf, sizeof(buf))), IPC_ACK);
	assert_int_equal(frame_get_u64(&reader), batch);
	first = frame_get_u64(&reader);
	assert_true(frame_get_u64(&reader) > 0);
	assert_int_equal(frame_get_str(&reader).n, 0);
	(void)frame_get_u64(&reader);
	assert_true(frame_ok(&reader));
	return first;
}

static void the_role_serves_in_its_jail_and_closes_the_log_in_order(void **state)
{
	struct ledger_verified v;
	struct running r;
	struct scene s;

	(void)state;
	scene_begin(&s);
	scribe_log_done(&s.log); /* the log is the child's */
	scribe_log_init(&s.log, NULL, test_now);
	r = run_scribe(&s.f);
	assert_int_equal(send_and_wait(&s, &r, 1, 0, 1), 1); /* behind "opened" */
	assert_int_equal(send_and_wait(&s, &r, 2, IPC_APPEND_DURABLE, 3), 2);
	assert_int_equal(kill(r.pid, SIGTERM), 0); /* as a service manager does to all at once */
	assert_int_equal(kill(r.pid, SIGINT), 0);
	assert_int_equal(send_and_wait(&s, &r, 3, 0, 100), 5);
	stop_scribe(&r);
	v = fixture_verify(&s.f);
	assert_false(v.problem.found);
	assert_int_equal(v.records, 106); /* with "closed" */
	assert_int_equal(v.sealed, 106);
	assert_true(was_written(&s, "\"event\":\"closed\""));
	scene_end(&s);
}

/* The only child of a process. */
static pid_t child_of(pid_t pid)
{
	char path[64], text[64];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0) {
		(void)close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	return (pid_t)strtol(text, NULL, 10);
}

static void a_scribe_that_cannot_sync_ends_and_acknowledges_nothing_durable(void **state)
{
	struct frame_reader reader;
	struct running r;
	struct scene s;
	char buf[4096];
	pid_t helper;
	int status;

	(void)state;
	scene_begin(&s);
	scribe_log_done(&s.log);
	scribe_log_init(&s.log, NULL, test_now);
	r = run_scribe(&s.f);
	(void)send_and_wait(&s, &r, 1, IPC_APPEND_DURABLE, 1);
	helper = child_of(r.pid);
	if (helper <= 0) {
		print_message("skipped: this kernel does not list a process's children\n");
		stop_scribe(&r);
		scene_end(&s);
		skip();
	}
	assert_int_equal(kill(helper, SIGSTOP), 0);
	begin_frame(&s, 2, IPC_APPEND_DURABLE, 1);
	frame_put_str(&s.w, decision(&s, STR("a2")));
	assert_int_equal(chan_send(&r.gate, frame_bytes(&s.w), NULL, 0, NULL), ERR_OK);
	assert_int_equal(send_and_wait(&s, &r, 3, 0, 1), 3); /* others are not held up */
	(void)usleep(
		100000); /* until the helper was asked; a scribe that cannot ask syncs itself */
	assert_int_equal(kill(helper, SIGKILL), 0);
	assert_int_equal(frame_open(&reader, receive(&r.gate, buf, sizeof(buf))), IPC_NACK);
	assert_int_equal(frame_get_u64(&reader), 2);
	assert_int_equal(waitpid(r.pid, &status, 0), r.pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2);
	chan_done(&r.control);
	chan_done(&r.gate);
	assert_false(fixture_verify(&s.f).problem.found);
	scene_end(&s);
}

static void a_killed_scribe_loses_no_acknowledged_record(void **state)
{
	struct ledger_verified v;
	struct running r;
	struct scene s;
	uint64_t want = 1;

	(void)state;
	scene_begin(&s);
	scribe_log_done(&s.log);
	scribe_log_init(&s.log, NULL, test_now);
	for (int round = 0; round < 5; round++) {
		int status;

		r = run_scribe(&s.f);
		for (uint64_t i = 0; i < 7; i++) {
			assert_int_equal(send_and_wait(&s, &r, i, 0, 2), want);
			want += 2;
		}
		assert_int_equal(kill(r.pid, SIGKILL), 0);
		assert_int_equal(waitpid(r.pid, &status, 0), r.pid);
		chan_done(&r.control);
		chan_done(&r.gate);
		want++; /* the next one's "opened" */
	}
	v = fixture_verify(&s.f);
	assert_false(v.problem.found);
	assert_int_equal(v.records, 5 * 15);
	scene_end(&s);
}

/* What a gate was told: its batch begins at this record. */
struct told {
	uint64_t batch, first;
};

static size_t take_answers(struct chan *c, struct told *told, size_t n, size_t cap)
{
	for (;;) {
		struct frame_reader reader;
		int fds[CHAN_MAX_FDS];
		unsigned n_fds = 0;
		char buf[4096];
		struct str frame;

		if (chan_recv(c, buf, sizeof(buf), &frame, fds, &n_fds, NULL)) {
			return n;
		}
		assert_int_equal(frame_open(&reader, frame), IPC_ACK);
		assert_true(n < cap);
		told[n].batch = frame_get_u64(&reader);
		told[n++].first = frame_get_u64(&reader);
	}
}

/* Writes as fast as it can until the scribe is killed, some milliseconds from now. */
static size_t flood(struct scene *s, struct running *r, unsigned ms, struct told *told, size_t cap)
{
	uint64_t batch = 1, end = clock_mono() + ms * CLOCK_MS;
	size_t n = 0;
	int status;

	while (clock_mono() < end && n < cap - 64) {
		char id[32];
		int len = snprintf(id, sizeof(id), "batch-%llu", (unsigned long long)batch);

		begin_frame(s, batch, batch % 5 ? 0 : IPC_APPEND_DURABLE, 4);
		batch++;
		for (int i = 0; i < 4; i++) {
			frame_put_str(&s->w, decision(s, str_make(id, (size_t)len)));
		}
		if (chan_send(&r->gate, frame_bytes(&s->w), NULL, 0, NULL)) {
			(void)usleep(500); /* it does not keep up */
		}
		n = take_answers(&r->gate, told, n, cap);
	}
	assert_int_equal(kill(r->pid, SIGKILL), 0);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	n = take_answers(&r->gate, told, n, cap); /* sent before it died */
	chan_done(&r->control);
	chan_done(&r->gate);
	return n;
}

/* Every batch that was acknowledged stands where it was said to stand. */
static void assert_told_is_true(struct fixture *f, const struct told *told, size_t n)
{
	int log_fd = openat(f->dir_fd, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct ledger_reader reader;
	struct ledger_found found;
	uint64_t *segments;
	size_t n_segments, at = 0;
	struct arena a;

	arena_init(&a, 1 << 20);
	assert_int_equal(ledger_segments(log_fd, &a, &segments, &n_segments, NULL), ERR_OK);
	assert_int_equal(ledger_reader_init(&reader, log_fd, segments, n_segments, 0, NULL),
			 ERR_OK);
	while (at < n && ledger_reader_next(&reader, &found, NULL) == ERR_OK) {
		char want[64];

		if (found.record.index != told[at].first + 3) {
			continue;
		}
		(void)snprintf(want, sizeof(want), "\"action_id\":\"batch-%llu\"",
			       (unsigned long long)told[at].batch);
		assert_true(str_find_str(found.bytes, str_from_c(want)) < found.bytes.n);
		at++;
	}
	assert_int_equal(at, n);
	ledger_reader_done(&reader);
	(void)close(log_fd);
	arena_done(&a);
}

static int by_place(const void *a, const void *b)
{
	const struct told *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

static void killed_at_any_moment_under_load_it_has_told_nothing_untrue(void **state)
{
	static struct told told[1 << 17];
	size_t total = 0;

	(void)state;
	for (unsigned round = 0; round < 12; round++) {
		struct ledger_recovery recovery;
		struct ledger_store *store;
		struct running r;
		struct scene s;
		size_t n;

		scene_begin(&s);
		scribe_log_done(&s.log);
		scribe_log_init(&s.log, NULL, test_now);
		r = run_scribe(&s.f);
		n = flood(&s, &r, 3 + 7 * round, told, ARRAY_LEN(told));
		qsort(told, n, sizeof(*told), by_place);
		assert_told_is_true(&s.f, told, n);
		assert_int_equal(ledger_store_open(&s.f.options, &store, &recovery, NULL), ERR_OK);
		assert_true(n == 0 || ledger_store_size(store) >= told[n - 1].first + 4);
		assert_int_equal(ledger_store_seal(store, NULL), ERR_OK);
		ledger_store_close(store);
		assert_false(fixture_verify(&s.f).problem.found);
		total += n;
		scene_end(&s);
	}
	assert_true(total > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sent_gets_a_permit_for_its_record),
		cmocka_unit_test(a_frame_becomes_records_of_its_sender_and_is_acknowledged),
		cmocka_unit_test(a_salt_is_kept_beside_the_log_and_its_hash_takes_its_index),
		cmocka_unit_test(one_bad_entry_refuses_the_whole_frame),
		cmocka_unit_test(a_gate_may_not_write_what_only_the_scribe_may),
		cmocka_unit_test(every_cut_or_padded_frame_is_refused),
		cmocka_unit_test(only_the_supervisor_reports_roles_and_only_events),
		cmocka_unit_test(a_clock_that_jumps_back_is_clamped_and_noted_once),
		cmocka_unit_test(the_role_serves_in_its_jail_and_closes_the_log_in_order),
		cmocka_unit_test(a_scribe_that_cannot_sync_ends_and_acknowledges_nothing_durable),
		cmocka_unit_test(a_killed_scribe_loses_no_acknowledged_record),
		cmocka_unit_test(killed_at_any_moment_under_load_it_has_told_nothing_untrue),
		cmocka_unit_test(a_full_disk_is_said_to_the_gate_and_noted_when_it_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
