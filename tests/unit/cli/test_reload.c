/* SPDX-License-Identifier: Apache-2.0 */
/* The client of the control socket, against a node that answers well, badly and not at all. */
#include "tests/test.h"

#include "cli/cmd.h"
#include "cli/control.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct node {
	char dir[64], socket[96], question[256];
	int listener;
	pid_t pid;
};

/* A child that takes one question, checks it, and says `answer`. */
static void node_start(struct node *n, const char *answer)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	(void)snprintf(n->dir, sizeof(n->dir), "/tmp/writ-reload-XXXXXX");
	assert_non_null(mkdtemp(n->dir));
	(void)snprintf(n->socket, sizeof(n->socket), "%s/control.sock", n->dir);
	memcpy(sa.sun_path, n->socket, strlen(n->socket) + 1);
	n->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(n->listener, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(n->listener, 1), 0);
	n->pid = fork();
	if (n->pid == 0) {
		int fd = accept(n->listener, NULL, NULL);
		ssize_t got = read(fd, n->question, sizeof(n->question) - 1);
		bool good = got > 0 && strcmp(n->question, "{\"op\":\"reload\"}\n") == 0;
		size_t half = strlen(answer) / 2;

		if (good && (write(fd, answer, half) < 0 ||
			     write(fd, answer + half, strlen(answer) - half) < 0)) {
			_exit(2);
		}
		_exit(good ? 0 : 1);
	}
}

static void node_stop(struct node *n)
{
	int status;

	close(n->listener);
	assert_int_equal(waitpid(n->pid, &status, 0), n->pid);
	assert_int_equal(status, 0);
	unlink(n->socket);
	rmdir(n->dir);
}

/* Runs `writ reload --state DIR --json`; its output is in `text`. */
static int reload(const char *dir, char *text, size_t size)
{
	char name[] = "reload", opt[] = "--state", json[] = "--json", where[64];
	char *argv[] = {name, opt, where, json, NULL};
	int out = dup(STDOUT_FILENO), to = memfd_create("out", MFD_CLOEXEC), status;
	ssize_t n;

	(void)snprintf(where, sizeof(where), "%s", dir);
	(void)fflush(NULL);
	dup2(to, STDOUT_FILENO);
	status = cmd_reload(4, argv);
	dup2(out, STDOUT_FILENO);
	n = pread(to, text, size - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	close(out);
	close(to);
	return status;
}

static void expect(const char *answer, int want_status, const char *want)
{
	char text[1024], message[1024];
	struct node n = {0};

	node_start(&n, answer);
	assert_int_equal(reload(n.dir, text, sizeof(text)), want_status);
	node_stop(&n);
	(void)snprintf(message, sizeof(message), "%s\n", want);
	assert_string_equal(text, message);
}

static void a_node_that_accepts_is_success(void **state)
{
	(void)state;
	expect("{\"ok\":true,\"text\":\"\"}\n", CMD_FINE, "{\"reloaded\":true,\"ok\":true}");
}

static void a_node_that_refuses_is_found_with_its_reason(void **state)
{
	(void)state;
	expect("{\"ok\":false,\"error\":\"writ.yaml:1:2: bad\\n\"}\n", CMD_FOUND,
	       "{\"reloaded\":false,\"reason\":\"writ.yaml:1:2: bad\",\"notes\":[\"The node keeps "
	       "serving with what it had.\"],\"ok\":false}");
}

static void an_answer_that_makes_no_sense_fails(void **state)
{
	(void)state;
	expect("[1]\n", CMD_FAILED,
	       "{\"error\":\"the node's answer is not an "
	       "object\",\"code\":\"syntax\",\"ok\":false}");
	expect("", CMD_FAILED,
	       "{\"error\":\"the node hung up without an "
	       "answer\",\"code\":\"closed\",\"ok\":false}");
}

static void no_node_is_told_so(void **state)
{
	char text[1024];

	(void)state;
	assert_int_equal(reload("/nowhere", text, sizeof(text)), CMD_FAILED);
	assert_string_equal(
		text, "{\"error\":\"no node runs here: /nowhere/control.sock does not answer. "
		      "`writ serve` starts one; --config names the configuration of another\","
		      "\"code\":\"not found\",\"ok\":false}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_that_accepts_is_success),
		cmocka_unit_test(a_node_that_refuses_is_found_with_its_reason),
		cmocka_unit_test(an_answer_that_makes_no_sense_fails),
		cmocka_unit_test(no_node_is_told_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
