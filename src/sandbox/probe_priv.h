/* SPDX-License-Identifier: Apache-2.0 */
/* The attempts, by the file they are in. Each gives an enum probe_answer or an errno. */
#ifndef SANDBOX_PROBE_PRIV_H
#define SANDBOX_PROBE_PRIV_H

#include "base/attr.h"
#include "sandbox/probe.h"

#include <errno.h>
#include <stdlib.h>

static inline int probe_result(long r)
{
	return r < 0 ? errno : PROBE_POSSIBLE;
}

static inline char *probe_env(const char *name)
{
	static char nothing[] = "/nowhere";
	char *value = getenv(name);

	return value ? value : nothing;
}

/* probe_files.c */
int probe_read_outside(void);
int probe_read_by_dots(void);
int probe_read_by_link(void);
int probe_read_by_proc_root(void);
int probe_read_shadow(void);
int probe_list_homes(void);
int probe_sysfs(void);
int probe_hidden(void);
int probe_write_kept(void);
int probe_move_kept(void);
int probe_write_system(void);
int probe_write_passwd(void);
int probe_write_sysctl(void);
int probe_run_written(void);
int probe_run_tmp(void);
int probe_setuid_file(void);
int probe_device_node(void);
int probe_open_devices(void);
int probe_mount(void);
int probe_remount(void);
int probe_unmount(void);
int probe_new_mount_calls(void);
int probe_chroot(void);
int probe_handle(void);
int probe_use_workspace(void);
int probe_read_kept(void);
int probe_use_tmp(void);
int probe_run_system(void);

/* probe_net.c */
int probe_host_loopback(void);
int probe_internet4(void);
int probe_internet6(void);
int probe_metadata(void);
int probe_private(void);
int probe_udp(void);
int probe_icmp(void);
int probe_raw(void);
int probe_mptcp(void);
int probe_fast_open(void);
int probe_sctp(void);
int probe_other_families(void);
int probe_netlink(void);
int probe_unix_path(void);
int probe_unix_abstract(void);
int probe_name(void);
int probe_own_loopback(void);
int probe_interfaces(void);

/* probe_process.c */
int probe_see_others(void);
int probe_signal_host(void);
int probe_kill_init(void);
int probe_trace_init(void);
int probe_init_memory(void);
int probe_init_environ(void);
int probe_take_descriptor(void);
int probe_fork_bomb(void);
int probe_shared_memory(void);
int probe_keys(void);
int probe_new_user(void);
int probe_new_spaces(void);
int probe_clone_user(void);
int probe_clone3(void);
int probe_enter_space(void);
int probe_use_threads(void);
int probe_use_terminal(void);

/* probe_privilege.c */
int probe_capabilities(void);
int probe_new_privileges(void);
int probe_become_root(void);
int probe_bpf(void);
int probe_perf(void);
int probe_userfaultfd(void);
int probe_io_uring(void);
int probe_modules(void);
int probe_reboot(void);
int probe_clock(void);
int probe_host_name(void);
int probe_ports(void);
int probe_personality(void);
int probe_second_filter(void);
int probe_x32(void);
int probe_int80(void);
int probe_type_into_terminal(void);
int probe_console(void);
int probe_write_exec_memory(void);
int probe_exec_memfd(void);
int probe_core(void);
int probe_caller_environment(void);
int probe_log(void);
int probe_fanotify(void);

#endif
