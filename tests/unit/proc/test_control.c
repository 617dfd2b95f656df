/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "proc/control.h"
#include "sys/fd.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];
static struct control control;

static int begin(void **state)
{
	struct err err;

	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/writ-control-XXXXXX");
	control_init(&control);
	return mkdtemp(dir) && control_open(&control, dir, &err) == ERR_OK ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	control_done(&control);
	return rmdir(dir); /* the socket is gone */
}

static int dial(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s/control.sock", dir);
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* What a supervisor's loop does; true when there is a request. */
static bool look(struct control_request *ret)
{
	struct pollfd p[CONTROL_MAX_CLIENTS + 1];

	for (int i = 0; i < 4; i++) {
		unsigned n = control_poll(&control, p);

		assert_int_equal(n, CONTROL_MAX_CLIENTS + 1);
		(void)poll(p, n, 0);
		if (control_next(&control, p, ret)) {
			return true;
		}
	}
	return false;
}

static bool is_closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, 0) == 0 || (errno == ECONNRESET);
}

static void assert_hears(int fd, const char *want)
{
	char got[512];
	ssize_t n = recv(fd, got, sizeof(got), 0);

	assert_true(n >= 0);
	assert_str_equal(str_make(got, (size_t)n), str_from_c(want));
	assert_true(is_closed(fd));
	close(fd);
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void a_line_asks_and_a_line_answers(void **state)
{
	struct control_request r;
	int fd = dial();

	(void)state;
	assert_false(look(&r));
	say(fd, "{\"op\":\"rel");
	assert_false(look(&r));
	say(fd, "oad\"}\n");
	assert_true(look(&r));
	assert_int_equal(r.op, CONTROL_RELOAD);
	control_answer(&control, r.client, false, STR("a \"b\"\n"));
	assert_hears(fd, "{\"ok\":false,\"error\":\"a \\\"b\\\"\\n\"}\n");

	fd = dial();
	say(fd, "{\"op\":\"stop\",\"more\":1}\n");
	assert_true(look(&r));
	assert_int_equal(r.op, CONTROL_STOP);
	control_answer(&control, r.client, true, STR(""));
	assert_hears(fd, "{\"ok\":true,\"text\":\"\"}\n");
	control_answer(&control, r.client, true, STR("")); /* it is gone: ignored */
	control_answer(&control, -1, true, STR(""));
	control_answer(&control, CONTROL_MAX_CLIENTS, true, STR(""));
}

static void what_is_no_request_is_told_so(void **state)
{
	static const char *const lines[] = {
		"{}\n",
		"\n",
		"reload\n",
		"{\"op\":\"RELOAD\"}\n",
		"{\"op\":1}\n",
		"[\"reload\"]\n",
		"{\"op\":\"reload\",\"op\":\"stop\"}\n",
		"{\"op\":\"reload\"\n",
		"{\"op\":\"logout\"}\n",
		"{\"op\":\"logout\",\"server\":\"a\\u0000b\"}\n",
		"{\"op\":\"logout\",\"server\":\"a-name-that-is-longer-than-any-id-may-be\"}\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct control_request r;
		int fd = dial();

		say(fd, lines[i]);
		assert_false(look(&r));
		assert_hears(fd, "{\"ok\":false,\"error\":\"unknown request: say "
				 "{\\\"op\\\":\\\"reload\\\"} or {\\\"op\\\":\\\"stop\\\"}\"}\n");
	}
}

static void a_login_brings_its_texts(void **state)
{
	struct control_request r;
	uint64_t ticket;
	int fd = dial();

	(void)state;
	say(fd, "{\"op\":\"login_begin\",\"server\":\"fs\",\"redirect\":\"http://127.0.0.1:1/\","
		"\"scope\":\"a b\"}\n");
	assert_true(look(&r));
	assert_int_equal(r.op, CONTROL_LOGIN_BEGIN);
	assert_string_equal(r.server, "fs");
	assert_string_equal(r.first, "http://127.0.0.1:1/");
	assert_string_equal(r.second, "a b");
	/* who is answered later is who asked, not whoever has its place then */
	ticket = control_ticket(&control, r.client);
	assert_int_equal(control_client_of(&control, ticket), r.client);
	close(fd);
	assert_false(look(&r));
	assert_int_equal(control_client_of(&control, ticket), -1);
	fd = dial();
	say(fd, "{\"op\":\"login_finish\",\"server\":\"fs\",\"query\":\"code=c\"}\n");
	assert_true(look(&r));
	assert_int_equal(r.op, CONTROL_LOGIN_FINISH);
	assert_string_equal(r.first, "code=c");
	assert_int_equal(control_client_of(&control, ticket), -1);
	close(fd);
}

static void a_line_is_bounded(void **state)
{
	char line[CONTROL_LINE_MAX + 1];
	struct control_request r;
	int fd = dial();

	(void)state;
	/* The longest line there is. */
	memset(line, ' ', sizeof(line));
	memcpy(line, "{\"op\":\"stop\"}", 13);
	line[CONTROL_LINE_MAX - 1] = '\n';
	assert_int_equal(send(fd, line, CONTROL_LINE_MAX, 0), CONTROL_LINE_MAX);
	assert_true(look(&r));
	control_answer(&control, r.client, true, STR(""));
	close(fd);
	/* One byte more. */
	fd = dial();
	line[CONTROL_LINE_MAX - 1] = ' ';
	assert_int_equal(send(fd, line, CONTROL_LINE_MAX, 0), CONTROL_LINE_MAX);
	assert_false(look(&r));
	assert_true(is_closed(fd));
	close(fd);
}

static void a_client_that_leaves_makes_room(void **state)
{
	int fds[CONTROL_MAX_CLIENTS], one;
	struct control_request r;

	(void)state;
	for (unsigned i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		fds[i] = dial();
		assert_false(look(&r));
	}
	one = dial();
	assert_false(look(&r));
	assert_true(is_closed(one)); /* too many */
	close(one);
	close(fds[3]);
	assert_false(look(&r));
	one = dial();
	say(one, "{\"op\":\"reload\"}\n");
	assert_true(look(&r));
	assert_int_equal(r.client, 3);
	control_answer(&control, r.client, true, STR(""));
	close(one);
	for (unsigned i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		if (i != 3) {
			close(fds[i]);
		}
	}
	assert_false(look(&r));
}

static void a_client_that_leaves_before_its_answer_harms_nothing(void **state)
{
	struct control_request r;
	int fd = dial();

	(void)state;
	say(fd, "{\"op\":\"reload\"}\n");
	close(fd);
	assert_true(look(&r));
	control_answer(&control, r.client, true, STR("lost"));
}

static void only_the_owner_gets_at_the_socket(void **state)
{
	char path[128];
	struct stat st;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/control.sock", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_uid, geteuid());
}

/* Even where the file's mode would let them. */
static void another_user_is_not_listened_to(void **state)
{
	struct control_request r;
	char path[128];
	int status, go[2];
	pid_t pid;

	(void)state;
	if (geteuid() != 0) {
		print_message("skipped: only root can be another user\n");
		skip();
	}
	(void)snprintf(path, sizeof(path), "%s/control.sock", dir);
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		char byte;
		int fd;

		if (setresuid(65534, 65534, 65534)) {
			_exit(9);
		}
		fd = dial();
		if (fd < 0 || send(fd, "{\"op\":\"stop\"}\n", 14, 0) != 14) {
			_exit(8);
		}
		(void)!write(go[1], "x", 1);
		for (int i = 0; i < 500; i++) {
			ssize_t n = recv(fd, &byte, 1, 0);

			if (n > 0) {
				_exit(7);
			}
			if (n == 0 || errno != EAGAIN) {
				_exit(0);
			}
			usleep(10000);
		}
		_exit(6);
	}
	(void)!read(go[0], path, 1);
	assert_false(look(&r));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(go[0]);
	close(go[1]);
}

static void a_dead_ones_socket_is_replaced(void **state)
{
	struct control second;
	struct err err;

	(void)state;
	fd_close(&control.fd); /* died: the file stays */
	control_init(&second);
	assert_int_equal(control_open(&second, dir, &err), ERR_OK);
	control_done(&second);
	assert_int_equal(dial(), -1);
}

static void a_path_too_long_for_a_socket_is_told(void **state)
{
	struct control c;
	char path[200];
	struct err err;

	(void)state;
	memset(path, 'd', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	control_init(&c);
	assert_int_equal(control_open(&c, path, &err), ERR_LIMIT);
	control_done(&c);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, begin, finish)
	const struct CMUnitTest tests[] = {
		T(a_line_asks_and_a_line_answers),
		T(what_is_no_request_is_told_so),
		T(a_line_is_bounded),
		T(a_login_brings_its_texts),
		T(a_client_that_leaves_makes_room),
		T(a_client_that_leaves_before_its_answer_harms_nothing),
		T(only_the_owner_gets_at_the_socket),
		T(another_user_is_not_listened_to),
		T(a_dead_ones_socket_is_replaced),
		cmocka_unit_test(a_path_too_long_for_a_socket_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
