/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp and classic BPF as the kernel numbers them, with the constants that
 * argument rules need and that Debian 12's headers lack or hide.
 */
#ifndef SYS_UAPI_SECCOMP_H
#define SYS_UAPI_SECCOMP_H

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#if defined(__x86_64__)
#define UAPI_AUDIT_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define UAPI_AUDIT_ARCH AUDIT_ARCH_AARCH64
#else
#error "the system call filter knows x86-64 and aarch64 only"
#endif

/* x86-64 only: calls of the x32 ABI carry this bit in their number. */
#define UAPI_X32_BIT 0x40000000U

#define UAPI_IPPROTO_MPTCP 262
#define UAPI_MSG_FASTOPEN  0x20000000U

#define UAPI_MFD_EXEC        16U /* memfd_create, since 6.3 */
#define UAPI_MFD_NOEXEC_SEAL 8U  /* memfd_create, since 6.3 */

#define UAPI_TIOCSTI   0x5412U
#define UAPI_TIOCLINUX 0x541CU

/* clone(2): every flag that makes a namespace. */
#define UAPI_CLONE_NAMESPACES                                                                      \
	(0x00000080U /* time */ | 0x00020000U /* mount */ | 0x02000000U /* cgroup */ |             \
	 0x04000000U /* uts */ | 0x08000000U /* ipc */ | 0x10000000U /* user */ |                  \
	 0x20000000U /* pid */ | 0x40000000U /* net */)

#endif
