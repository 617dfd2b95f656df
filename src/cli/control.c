/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/control.h"

#include "config/load.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static void close_fd(int *fd)
{
	if (*fd >= 0) {
		(void)close(*fd);
	}
}

static enum err_code dial(struct str state_dir, int *ret, struct err *err)
{
	const struct timeval wait = {.tv_sec = CONTROL_WAIT_SECONDS};
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int n = snprintf(sa.sun_path, sizeof(sa.sun_path), STR_FMT "/control.sock",
			 STR_ARG(state_dir));
	CLEANUP(close_fd) int fd = -1;

	if (n < 0 || (size_t)n >= sizeof(sa.sun_path)) {
		return ERR(err, ERR_LIMIT, "the path of the state folder is too long for a socket");
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return ERR_ERRNO(err, "socket");
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0) {
		return ERR_ERRNO(err, "setsockopt");
	}
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0) {
		if (errno == ENOENT || errno == ECONNREFUSED) {
			return ERR(
				err, ERR_NOT_FOUND,
				"no node runs here: %s does not answer. `writ serve` starts one; "
				"--config names the configuration of another",
				sa.sun_path);
		}
		return ERR_ERRNO(err, "%s", sa.sun_path);
	}
	*ret = fd;
	fd = -1;
	return ERR_OK;
}

static enum err_code send_line(int fd, struct str request, struct err *err)
{
	char line[4096];
	int n = snprintf(line, sizeof(line), STR_FMT "\n", STR_ARG(request));
	size_t sent = 0;

	if (n < 0 || (size_t)n >= sizeof(line)) {
		return ERR(err, ERR_LIMIT, "the request is too long");
	}
	while (sent < (size_t)n) {
		ssize_t k = send(fd, line + sent, (size_t)n - sent, MSG_NOSIGNAL);

		if (k < 0 && errno == EINTR) {
			continue;
		}
		if (k < 0) {
			return ERR_ERRNO(err, "asking the node");
		}
		sent += (size_t)k;
	}
	return ERR_OK;
}

static enum err_code receive_line(struct arena *a, int fd, struct str *ret, struct err *err)
{
	char *p = arena_alloc(a, CONTROL_ANSWER_MAX);
	size_t n = 0;

	if (!p) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	for (;;) {
		ssize_t k = n < CONTROL_ANSWER_MAX ? recv(fd, p + n, CONTROL_ANSWER_MAX - n, 0) : 0;
		const char *end;

		if (k < 0 && errno == EINTR) {
			continue;
		}
		if (k < 0 && errno == EAGAIN) {
			return ERR(err, ERR_TIMEOUT, "the node did not answer within %d s",
				   CONTROL_WAIT_SECONDS);
		}
		if (k < 0) {
			return ERR_ERRNO(err, "waiting for the node");
		}
		end = memchr(p + n, '\n', (size_t)k);
		n += (size_t)k;
		if (end || k == 0) {
			*ret = str_make(p, end ? (size_t)(end - p) : n);
			return ERR_OK;
		}
	}
}

enum err_code control_state(struct arena *a, const char *config, const char *state, struct str *ret,
			    struct config_errors *errors, struct err *err)
{
	struct config cfg;

	if (state) {
		*ret = str_from_c(state);
		return ERR_OK;
	}
	TRY(config_read_file(a, config, &cfg, errors, err));
	*ret = cfg.state;
	return ERR_OK;
}

enum err_code control_ask(struct arena *a, struct str state_dir, struct str request,
			  const struct json **ret, struct err *err)
{
	const struct json_opts opts = {.name = STR("the node's answer"), .max_depth = 16};
	CLEANUP(close_fd) int fd = -1;
	const struct json *answer;
	struct str line;

	TRY(dial(state_dir, &fd, err));
	TRY(send_line(fd, request, err));
	TRY(receive_line(a, fd, &line, err));
	if (line.n == 0) {
		return ERR(err, ERR_CLOSED, "the node hung up without an answer");
	}
	TRY(json_parse(a, line, &opts, &answer, err));
	if (!json_is_object(answer)) {
		return ERR(err, ERR_SYNTAX, "the node's answer is not an object");
	}
	*ret = answer;
	return ERR_OK;
}
