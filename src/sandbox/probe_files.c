/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts at files. */
#include "sandbox/probe_priv.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

/* A path below the workspace, in a buffer of the caller. */
static const char *below(char buf[512], const char *name)
{
	(void)snprintf(buf, 512, "%s/%s", probe_env(PROBE_WORKSPACE), name);
	return buf;
}

static int reads(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char byte;

	if (fd < 0) {
		return errno;
	}
	return probe_result(read(fd, &byte, 1));
}

static int lists(const char *path)
{
	DIR *d = opendir(path);
	const struct dirent *e;
	int n = 0;

	if (!d) {
		return errno;
	}
	while ((e = readdir(d))) {
		n += e->d_name[0] != '.';
	}
	return n ? PROBE_POSSIBLE : ENOENT;
}

static int makes(const char *path)
{
	return probe_result(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

int probe_read_outside(void)
{
	return reads(probe_env(PROBE_OUTSIDE));
}

int probe_read_by_dots(void)
{
	char path[512], *name = strrchr(probe_env(PROBE_OUTSIDE), '/');

	(void)snprintf(path, sizeof(path), "%s/..%s", probe_env(PROBE_WORKSPACE),
		       name ? name : "/");
	return reads(path);
}

int probe_read_by_link(void)
{
	char path[512];

	return reads(below(path, "link"));
}

int probe_read_by_proc_root(void)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "/proc/1/root%s", probe_env(PROBE_OUTSIDE));
	return reads(path);
}

int probe_read_shadow(void)
{
	return reads("/etc/shadow");
}

int probe_list_homes(void)
{
	static const char *const places[] = {"/root", "/home", "/var", "/run",
					     "/srv",  "/opt",  "/mnt"};
	int answer = ENOENT;

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		answer = lists(places[i]);
		/* The folders that lead to what was given are there, and nothing else in them. */
		if (answer == PROBE_POSSIBLE &&
		    strncmp(probe_env(PROBE_WORKSPACE), places[i], strlen(places[i])) != 0 &&
		    strncmp(probe_env("WRIT_PROBE_PROGRAM"), places[i], strlen(places[i])) != 0) {
			return PROBE_POSSIBLE;
		}
	}
	return answer ? answer : ENOENT;
}

int probe_sysfs(void)
{
	return lists("/sys");
}

int probe_hidden(void)
{
	char path[512];
	int answer = lists(below(path, "hidden"));

	return answer == PROBE_POSSIBLE ? answer : reads(below(path, "hidden/secret"));
}

int probe_write_kept(void)
{
	char path[512];
	int fd = open(below(path, "deep/kept/law"), O_WRONLY | O_CLOEXEC);

	return fd < 0 ? errno : PROBE_POSSIBLE;
}

int probe_move_kept(void)
{
	char from[512], to[512];
	int answer;

	if (rename(below(from, "deep/kept"), below(to, "deep/lost")) == 0) {
		return PROBE_POSSIBLE;
	}
	answer = errno;
	return rename(below(from, "deep"), below(to, "lost")) == 0 ? PROBE_POSSIBLE : answer;
}

int probe_write_system(void)
{
	static const char *const places[] = {"/usr/probe", "/probe", "/etc/probe", "/dev/probe",
					     "/proc/probe"};
	int answer = EROFS;

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		answer = makes(places[i]);
		if (answer == PROBE_POSSIBLE) {
			return answer;
		}
	}
	return answer;
}

int probe_write_passwd(void)
{
	return probe_result(open("/etc/passwd", O_WRONLY | O_CLOEXEC));
}

int probe_write_sysctl(void)
{
	return probe_result(open("/proc/sys/kernel/core_pattern", O_WRONLY | O_CLOEXEC));
}

static int copies_and_runs(const char *path)
{
	char *const argv[] = {(char[]){"true"}, NULL};
	char bytes[4096];
	ssize_t n;
	int from = open("/bin/true", O_RDONLY | O_CLOEXEC);
	int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

	if (from < 0 || to < 0) {
		return PROBE_BROKEN;
	}
	while ((n = read(from, bytes, sizeof(bytes))) > 0) {
		if (write(to, bytes, (size_t)n) != n) {
			return PROBE_BROKEN;
		}
	}
	(void)close(to);
	(void)execv(path, argv);
	return errno;
}

int probe_run_written(void)
{
	char path[512];

	return copies_and_runs(below(path, "made"));
}

int probe_run_tmp(void)
{
	return copies_and_runs("/tmp/made");
}

int probe_setuid_file(void)
{
	char path[512];
	int fd = open(below(path, "tool"), O_WRONLY | O_CREAT | O_CLOEXEC, 0700);

	return fd < 0 ? PROBE_BROKEN : probe_result(fchmod(fd, 04755));
}

int probe_device_node(void)
{
	return probe_result(mknod("/tmp/disk", S_IFBLK | 0600, makedev(254, 0)));
}

int probe_open_devices(void)
{
	static const char *const devices[] = {"/dev/mem",     "/dev/kmsg", "/dev/vda",
					      "/dev/sda",     "/dev/kvm",  "/dev/fuse",
					      "/dev/console", "/dev/tty0", "/dev/net/tun"};
	int answer = ENOENT;

	for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
		int fd = open(devices[i], O_RDONLY | O_NONBLOCK | O_CLOEXEC);

		if (fd >= 0) {
			return PROBE_POSSIBLE;
		}
		answer = errno;
	}
	return answer;
}

int probe_mount(void)
{
	return probe_result(mount("none", probe_env(PROBE_WORKSPACE), "tmpfs", 0, NULL));
}

int probe_remount(void)
{
	return probe_result(mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND, NULL));
}

int probe_unmount(void)
{
	char path[512];

	return probe_result(umount2(below(path, "hidden"), MNT_DETACH));
}

int probe_new_mount_calls(void)
{
	int answer = probe_result(syscall(SYS_fsopen, "tmpfs", 0));

	return answer == PROBE_POSSIBLE
		       ? answer
		       : probe_result(syscall(SYS_open_tree, -100, "/", 1 /* clone */));
}

int probe_chroot(void)
{
	int answer = probe_result(chroot("/tmp"));

	return answer == PROBE_POSSIBLE ? answer
					: probe_result(syscall(SYS_pivot_root, "/tmp", "/tmp"));
}

int probe_handle(void)
{
	return probe_result(syscall(SYS_open_by_handle_at, 3, NULL, 0));
}

int probe_use_workspace(void)
{
	char path[512];
	int fd = open(below(path, "new"), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, "x", 1) != 1) {
		return errno;
	}
	return probe_result(unlink(path));
}

int probe_read_kept(void)
{
	char path[512];

	return reads(below(path, "deep/kept/law"));
}

int probe_use_tmp(void)
{
	return makes("/tmp/new");
}

int probe_run_system(void)
{
	(void)execl("/bin/true", "true", (char *)NULL);
	return errno;
}
