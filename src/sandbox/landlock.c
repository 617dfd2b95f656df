/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/landlock.h"

#include "sys/fd.h"
#include "sys/uapi_landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What each ABI can refuse; a newer kernel than the last row is treated like the last row. */
static const struct {
	uint64_t fs, net, scope;
} known[] = {
	[1] = {(UINT64_C(1) << 13) - 1, 0, 0}, [2] = {(UINT64_C(1) << 14) - 1, 0, 0},
	[3] = {(UINT64_C(1) << 15) - 1, 0, 0}, [4] = {(UINT64_C(1) << 15) - 1, 3, 0},
	[5] = {(UINT64_C(1) << 16) - 1, 3, 0}, [6] = {(UINT64_C(1) << 16) - 1, 3, 3},
	[7] = {(UINT64_C(1) << 16) - 1, 3, 3},
};

#define FS_READ  (UAPI_LANDLOCK_FS_READ_FILE | UAPI_LANDLOCK_FS_READ_DIR)
#define FS_WRITE (UAPI_LANDLOCK_FS_WRITE_FILE | UAPI_LANDLOCK_FS_TRUNCATE)
#define FS_MAKE                                                                                    \
	(UAPI_LANDLOCK_FS_REMOVE_DIR | UAPI_LANDLOCK_FS_REMOVE_FILE | UAPI_LANDLOCK_FS_MAKE_DIR |  \
	 UAPI_LANDLOCK_FS_MAKE_REG | UAPI_LANDLOCK_FS_MAKE_SYM | UAPI_LANDLOCK_FS_MAKE_FIFO |      \
	 UAPI_LANDLOCK_FS_REFER)

/* The kernel refuses rights that make sense only for directories on a plain file. */
#define FS_OF_A_FILE                                                                               \
	(UAPI_LANDLOCK_FS_EXECUTE | UAPI_LANDLOCK_FS_WRITE_FILE | UAPI_LANDLOCK_FS_READ_FILE |     \
	 UAPI_LANDLOCK_FS_TRUNCATE | UAPI_LANDLOCK_FS_IOCTL_DEV)

static uint64_t rights(unsigned access)
{
	static const struct {
		unsigned access;
		uint64_t fs;
	} table[] = {
		{FILES_READ, FS_READ},
		{FILES_WRITE, FS_WRITE},
		{FILES_MAKE, FS_MAKE},
		{FILES_SOCKET, UAPI_LANDLOCK_FS_MAKE_SOCK | UAPI_LANDLOCK_FS_REMOVE_FILE},
		{FILES_EXEC, UAPI_LANDLOCK_FS_EXECUTE},
		{FILES_DEVICE, UAPI_LANDLOCK_FS_IOCTL_DEV},
	};
	uint64_t fs = 0;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (access & table[i].access) {
			fs |= table[i].fs;
		}
	}
	return fs;
}

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, UAPI_LANDLOCK_CREATE_VERSION);

	return abi > 0 && abi < 1000 ? (int)abi : 0;
}

static enum err_code add_rule(int ruleset, const struct landlock_rule *rule, uint64_t handled,
			      struct err *err)
{
	CLEANUP(fd_close) int opened = -1;
	struct uapi_landlock_path attr = {.allowed = rights(rule->access) & handled};
	const char *shown = rule->path ? rule->path : "a descriptor";
	struct stat st;

	if (rule->path) {
		opened = open(rule->path, O_PATH | O_CLOEXEC);
		if (opened < 0) {
			if (errno == ENOENT && rule->optional) {
				return ERR_OK;
			}
			return errno == ENOENT
				       ? ERR(err, ERR_NOT_FOUND, "%s: does not exist", shown)
				       : ERR_ERRNO(err, "open %s", shown);
		}
	}
	attr.parent_fd = rule->path ? opened : rule->fd;
	if (fstat(attr.parent_fd, &st) < 0) {
		return ERR_ERRNO(err, "stat %s", shown);
	}
	if (!S_ISDIR(st.st_mode)) {
		attr.allowed &= FS_OF_A_FILE;
	}
	if (attr.allowed == 0) {
		return ERR_OK;
	}
	if (syscall(SYS_landlock_add_rule, ruleset, UAPI_LANDLOCK_RULE_PATH, &attr, 0) < 0) {
		return ERR_ERRNO(err, "landlock rule for %s", shown);
	}
	return ERR_OK;
}

enum err_code landlock_enter(const struct landlock_spec *spec, struct err *err)
{
	int abi = landlock_abi();
	size_t row = abi < (int)ARRAY_LEN(known) ? (size_t)abi : ARRAY_LEN(known) - 1;
	struct uapi_landlock_ruleset attr = {0};
	size_t size = sizeof(attr);
	CLEANUP(fd_close) int ruleset = -1;

	if (abi == 0) {
		return ERR(err, ERR_UNSUPPORTED,
			   "this kernel has no Landlock: needs Linux 5.13 with landlock in lsm=");
	}
	attr.fs = spec->any_file ? 0 : known[row].fs;
	attr.net = spec->any_port ? 0 : known[row].net;
	attr.scope = spec->any_peer ? 0 : known[row].scope;
	if (attr.fs == 0 && attr.net == 0 && attr.scope == 0) {
		return ERR_OK;
	}
	/* A kernel refuses a longer struct than it knows unless the tail is zero; be exact. */
	if (abi < 6) {
		size = abi < 4 ? offsetof(struct uapi_landlock_ruleset, net)
			       : offsetof(struct uapi_landlock_ruleset, scope);
	}
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (ruleset < 0) {
		return ERR_ERRNO(err, "landlock ruleset");
	}
	for (size_t i = 0; i < spec->n_rules && attr.fs; i++) {
		TRY(add_rule(ruleset, &spec->rules[i], attr.fs, err));
	}
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0) {
		return ERR_ERRNO(err, "landlock");
	}
	return ERR_OK;
}
