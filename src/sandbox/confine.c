/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/confine.h"

#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST_CAPABILITIES = 64 };

enum err_code confine_no_new_privs(struct err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		return ERR_ERRNO(err, "no new privileges");
	}
	return ERR_OK;
}

enum err_code confine_not_dumpable(struct err *err)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) {
		return ERR_ERRNO(err, "not dumpable");
	}
	return ERR_OK;
}

enum err_code confine_bounding_set(struct err *err)
{
	for (unsigned long cap = 0; cap < MOST_CAPABILITIES; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
			if (errno == EINVAL || errno == EPERM) {
				break; /* past the last one; or an ordinary user: see the header */
			}
			return ERR_ERRNO(err, "drop capability %lu", cap);
		}
	}
	return ERR_OK;
}

static enum err_code keep_capabilities(uint64_t bits, struct err *err)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2] = {
		{.effective = (uint32_t)bits, .permitted = (uint32_t)bits},
		{.effective = (uint32_t)(bits >> 32), .permitted = (uint32_t)(bits >> 32)}};

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL) {
		return ERR_ERRNO(err, "clear ambient capabilities");
	}
	if (syscall(SYS_capset, &head, sets) < 0) {
		return ERR_ERRNO(err, "empty capability sets");
	}
	return confine_no_new_privs(err);
}

enum err_code confine_capabilities(struct err *err)
{
	return keep_capabilities(0, err);
}

enum err_code confine_capabilities_but(unsigned cap, struct err *err)
{
	return keep_capabilities(UINT64_C(1) << cap, err);
}

enum err_code confine_limit(unsigned resource, uint64_t value, struct err *err)
{
	struct rlimit now, want;

	if (getrlimit((__rlimit_resource_t)resource, &now) < 0) {
		return ERR_ERRNO(err, "read limit %u", resource);
	}
	want.rlim_max = value < now.rlim_max ? value : now.rlim_max;
	want.rlim_cur = want.rlim_max;
	if (setrlimit((__rlimit_resource_t)resource, &want) < 0) {
		return ERR_ERRNO(err, "limit %u to %llu", resource, (unsigned long long)value);
	}
	return ERR_OK;
}

static enum err_code write_file(const char *path, const char *text, struct err *err)
{
	CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t n = strlen(text);
	ssize_t done;

	if (fd < 0) {
		return ERR_ERRNO(err, "open %s", path);
	}
	done = write(fd, text, n);
	if (done != (ssize_t)n) {
		return ERR_ERRNO(err, "write %s", path);
	}
	return ERR_OK;
}

enum err_code confine_first_to_die(struct err *err)
{
	return write_file("/proc/self/oom_score_adj", "500", err);
}

enum err_code confine_map_ids(const struct confine_ids *ids, struct err *err)
{
	char map[64];

	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0) {
		return ERR_ERRNO(err, "dumpable");
	}
	/* Without this an ordinary user may not write gid_map. */
	TRY(write_file("/proc/self/setgroups", "deny", err));
	(void)snprintf(map, sizeof(map), "%u %u 1", ids->inside_uid, ids->uid);
	TRY(write_file("/proc/self/uid_map", map, err));
	(void)snprintf(map, sizeof(map), "%u %u 1", ids->inside_gid, ids->gid);
	return write_file("/proc/self/gid_map", map, err);
}
