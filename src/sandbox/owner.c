/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/owner.h"

#include "sys/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_SEEN = 65536, ENTRY = 288 };

/* The number of the program's end, as its links in /proc show it. */
static enum err_code find_inode(int diag, const struct sandbox_conn *c, uint32_t *ret,
				struct err *err)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 ask;
	} q = {
		.head = {.nlmsg_len = sizeof(q),
			 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			 .nlmsg_flags = NLM_F_REQUEST},
		.ask = {.sdiag_family = c->v6 ? AF_INET6 : AF_INET,
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_states = ~0U,
			.id = {.idiag_sport = c->own_port,
			       .idiag_dport = c->peer_port,
			       .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
	};
	struct {
		struct nlmsghdr head;
		struct inet_diag_msg told;
		char rest[1024];
	} answer;
	ssize_t n;

	memcpy(q.ask.id.idiag_src, c->own, c->v6 ? 16 : 4);
	memcpy(q.ask.id.idiag_dst, c->peer, c->v6 ? 16 : 4);
	if (send(diag, &q, sizeof(q), 0) < 0) {
		return ERR_ERRNO(err, "ask for a connection");
	}
	n = recv(diag, &answer, sizeof(answer), 0);
	if (n < (ssize_t)(sizeof(answer.head) + sizeof(answer.told)) ||
	    answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY || answer.told.idiag_inode == 0) {
		return ERR(err, ERR_NOT_FOUND, "nobody has that connection");
	}
	*ret = answer.told.idiag_inode;
	return ERR_OK;
}

/* A search through all descriptors of all processes. */
struct search {
	int proc;
	char link[64]; /* "socket:[123]" */
	unsigned seen;
	char holder[ENTRY]; /* "17/fd/3" of the first one found */
	struct stat exe;    /* of the first one */
	struct sandbox_owner owner;
	bool mixed;
};

static bool is_number(const char *name)
{
	return name[0] >= '1' && name[0] <= '9';
}

static bool links_to(const struct search *s, int dir, const char *name)
{
	char to[sizeof(s->link)];
	ssize_t n = readlinkat(dir, name, to, sizeof(to) - 1);

	if (n <= 0) {
		return false;
	}
	to[n] = '\0';
	return strcmp(to, s->link) == 0;
}

/* Its descriptor flags stand in octal: "flags:	02000002". */
static bool is_closed_by_exec(const struct search *s, const char *pid, const char *fd)
{
	char path[2 * ENTRY], text[512];
	CLEANUP(fd_close) int f = -1;
	const char *at;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/fdinfo/%s", pid, fd);
	f = openat(s->proc, path, O_RDONLY | O_CLOEXEC);
	n = f < 0 ? -1 : read(f, text, sizeof(text) - 1);
	if (n <= 0) {
		return false;
	}
	text[n] = '\0';
	at = strstr(text, "flags:\t");
	return at && (strtoul(at + 7, NULL, 8) & O_CLOEXEC);
}

static int open_exe(const struct search *s, const char *pid, struct stat *ret)
{
	char path[ENTRY + 8];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/exe", pid);
	fd = openat(s->proc, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && (fstat(fd, ret) < 0 || !S_ISREG(ret->st_mode))) {
		fd_close(&fd);
	}
	return fd;
}

static void found(struct search *s, const char *pid, const char *fd)
{
	bool closed = is_closed_by_exec(s, pid, fd);
	CLEANUP(fd_close) int exe = -1;
	char path[ENTRY + 8];
	struct stat st;
	ssize_t n;

	exe = open_exe(s, pid, &st);
	if (exe < 0) {
		s->mixed = true;
		return;
	}
	if (s->holder[0]) {
		s->mixed = s->mixed || st.st_dev != s->exe.st_dev || st.st_ino != s->exe.st_ino;
		s->owner.certain = s->owner.certain && closed;
		return;
	}
	(void)snprintf(path, sizeof(path), "%s/exe", pid);
	n = readlinkat(s->proc, path, s->owner.path, sizeof(s->owner.path) - 1);
	s->owner.path[n > 0 ? n : 0] = '\0';
	(void)snprintf(s->holder, sizeof(s->holder), "%.16s/fd/%.16s", pid, fd);
	s->exe = st;
	s->owner.exe = fd_take(&exe);
	s->owner.certain = closed;
}

static DIR *open_dir(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0) {
		(void)close(fd);
	}
	return d;
}

static void search_process(struct search *s, const char *pid)
{
	char name[ENTRY];
	const struct dirent *e;
	DIR *d;

	(void)snprintf(name, sizeof(name), "%.16s/fd", pid);
	d = open_dir(s->proc, name);
	while (d && s->seen <= MAX_SEEN && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.') {
			continue;
		}
		s->seen++;
		if (links_to(s, dirfd(d), e->d_name)) {
			found(s, pid, e->d_name);
		}
	}
	if (d) {
		(void)closedir(d);
	}
}

/* It still holds it, and is still the same program: else another one was meant. */
static bool is_still_so(const struct search *s)
{
	char pid[ENTRY];
	CLEANUP(fd_close) int exe = -1;
	struct stat st;

	(void)snprintf(pid, sizeof(pid), "%.*s", (int)strcspn(s->holder, "/"), s->holder);
	exe = open_exe(s, pid, &st);
	return exe >= 0 && st.st_dev == s->exe.st_dev && st.st_ino == s->exe.st_ino &&
	       links_to(s, s->proc, s->holder);
}

enum err_code sandbox_owner_find(int proc, int diag, const struct sandbox_conn *conn,
				 struct sandbox_owner *ret, struct err *err)
{
	struct search s = {.proc = proc, .owner.exe = -1};
	const struct dirent *e;
	uint32_t inode;
	DIR *d;

	TRY(find_inode(diag, conn, &inode, err));
	(void)snprintf(s.link, sizeof(s.link), "socket:[%u]", inode);
	d = open_dir(proc, ".");
	if (!d) {
		return ERR_ERRNO(err, "the sandbox's /proc");
	}
	while ((e = readdir(d)) != NULL) {
		if (is_number(e->d_name)) {
			search_process(&s, e->d_name);
		}
	}
	(void)closedir(d);
	if (!s.holder[0] || s.mixed || s.seen > MAX_SEEN || !is_still_so(&s)) {
		fd_close(&s.owner.exe);
		return ERR(err, ERR_NOT_FOUND, "no program has that connection alone");
	}
	*ret = s.owner;
	return ERR_OK;
}
