/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock as the kernel numbers it, up to ABI 7. Debian 12's header stops at
 * ABI 2, and a header is no proof of what the running kernel knows: ask
 * landlock_abi() (sandbox/landlock.h) and drop the bits it does not have.
 */
#ifndef SYS_UAPI_LANDLOCK_H
#define SYS_UAPI_LANDLOCK_H

#include <stdint.h>

#define UAPI_LANDLOCK_CREATE_VERSION 1U /* landlock_create_ruleset(NULL, 0, this): the ABI */

#define UAPI_LANDLOCK_RULE_PATH 1
#define UAPI_LANDLOCK_RULE_PORT 2 /* ABI 4 */

/* File system rights; ABI 1 unless noted. */
#define UAPI_LANDLOCK_FS_EXECUTE     (UINT64_C(1) << 0)
#define UAPI_LANDLOCK_FS_WRITE_FILE  (UINT64_C(1) << 1)
#define UAPI_LANDLOCK_FS_READ_FILE   (UINT64_C(1) << 2)
#define UAPI_LANDLOCK_FS_READ_DIR    (UINT64_C(1) << 3)
#define UAPI_LANDLOCK_FS_REMOVE_DIR  (UINT64_C(1) << 4)
#define UAPI_LANDLOCK_FS_REMOVE_FILE (UINT64_C(1) << 5)
#define UAPI_LANDLOCK_FS_MAKE_CHAR   (UINT64_C(1) << 6)
#define UAPI_LANDLOCK_FS_MAKE_DIR    (UINT64_C(1) << 7)
#define UAPI_LANDLOCK_FS_MAKE_REG    (UINT64_C(1) << 8)
#define UAPI_LANDLOCK_FS_MAKE_SOCK   (UINT64_C(1) << 9)
#define UAPI_LANDLOCK_FS_MAKE_FIFO   (UINT64_C(1) << 10)
#define UAPI_LANDLOCK_FS_MAKE_BLOCK  (UINT64_C(1) << 11)
#define UAPI_LANDLOCK_FS_MAKE_SYM    (UINT64_C(1) << 12)
#define UAPI_LANDLOCK_FS_REFER       (UINT64_C(1) << 13) /* ABI 2 */
#define UAPI_LANDLOCK_FS_TRUNCATE    (UINT64_C(1) << 14) /* ABI 3 */
#define UAPI_LANDLOCK_FS_IOCTL_DEV   (UINT64_C(1) << 15) /* ABI 5 */

#define UAPI_LANDLOCK_NET_BIND_TCP    (UINT64_C(1) << 0) /* ABI 4 */
#define UAPI_LANDLOCK_NET_CONNECT_TCP (UINT64_C(1) << 1) /* ABI 4 */

#define UAPI_LANDLOCK_SCOPE_ABSTRACT_UNIX (UINT64_C(1) << 0) /* ABI 6 */
#define UAPI_LANDLOCK_SCOPE_SIGNAL        (UINT64_C(1) << 1) /* ABI 6 */

/* landlock_restrict_self flags, ABI 7 */
#define UAPI_LANDLOCK_LOG_SAME_EXEC_OFF  1U
#define UAPI_LANDLOCK_LOG_NEW_EXEC_ON    2U
#define UAPI_LANDLOCK_LOG_SUBDOMAINS_OFF 4U

/* Each ABI knows a prefix of it; pass the size of that prefix. */
struct uapi_landlock_ruleset {
	uint64_t fs;    /* ABI 1 */
	uint64_t net;   /* ABI 4 */
	uint64_t scope; /* ABI 6 */
};

struct uapi_landlock_path {
	uint64_t allowed;
	int32_t parent_fd;
} __attribute__((packed));

#endif
