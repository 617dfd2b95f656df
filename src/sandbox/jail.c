/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order matters: what needs a privilege or a file comes before that
 * privilege or the files are given up; the system call list is last.
 */
#include "sandbox/jail.h"

#include "sandbox/confine.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

/* A sanitizer's report reads its own binary and starts a symbolizer. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZER_CALLS (CALLS_READ | CALLS_CHILD | CALLS_THREAD | CALLS_LOOP)
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZER_CALLS (CALLS_READ | CALLS_CHILD | CALLS_THREAD | CALLS_LOOP)
#endif
#endif
#ifndef SANITIZER_CALLS
#define SANITIZER_CALLS 0
#endif

/* Room for the program while it is built: 4096 instructions and the intervals. */
enum { BUILD_LIMIT = 256 * 1024, JAIL_ROOT_AS = 1000 };

static enum err_code leave_network(const struct jail_spec *spec, struct jail_report *report,
				   struct err *err)
{
	struct confine_ids ids = {.uid = geteuid(), .gid = getegid()};

	switch (spec->net) {
	case JAIL_NET_KEEP:
		return ERR_OK;
	case JAIL_NET_USER:
		if (spec->uid || spec->gid) {
			return ERR(err, ERR_INVALID, "a user namespace holds one user only");
		}
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
			break;
		}
		/*
		 * Root takes another number: a namespace that maps 0 to 0 could not start
		 * sandboxes of its own once its capabilities are gone (to map the
		 * parent's 0 needs CAP_SETFCAP).
		 */
		ids.inside_uid = ids.uid ? ids.uid : JAIL_ROOT_AS;
		ids.inside_gid = ids.gid ? ids.gid : JAIL_ROOT_AS;
		return confine_map_ids(&ids, err);
	case JAIL_NET_EMPTY:
		break;
	}
	if (unshare(CLONE_NEWNET) < 0) {
		report->missing |= JAIL_NO_NET;
	}
	return ERR_OK;
}

static enum err_code set_limits(const struct jail_spec *spec, struct err *err)
{
	TRY(confine_limit(RLIMIT_CORE, 0, err));
	if (spec->max_files) {
		TRY(confine_limit(RLIMIT_NOFILE, spec->max_files, err));
	}
	if (spec->max_processes) {
		TRY(confine_limit(RLIMIT_NPROC, spec->max_processes, err));
	}
	if (spec->max_file_size) {
		TRY(confine_limit(RLIMIT_FSIZE, spec->max_file_size, err));
	}
	return ERR_OK;
}

static enum err_code become(const struct jail_spec *spec, struct err *err)
{
	if ((spec->uid == 0 && spec->gid == 0) || geteuid() != 0) {
		return ERR_OK;
	}
	if (setgroups(0, NULL) < 0) {
		return ERR_ERRNO(err, "drop supplementary groups");
	}
	if (spec->gid && setresgid(spec->gid, spec->gid, spec->gid) < 0) {
		return ERR_ERRNO(err, "become group %u", spec->gid);
	}
	if (spec->uid && setresuid(spec->uid, spec->uid, spec->uid) < 0) {
		return ERR_ERRNO(err, "become user %u", spec->uid);
	}
	return ERR_OK;
}

static enum err_code enter_landlock(const struct jail_spec *spec, struct jail_report *report,
				    struct err *err)
{
	struct landlock_spec domain = {
		.rules = spec->paths,
		.n_rules = spec->n_paths,
		.any_file = spec->any_file,
		.any_port = spec->net == JAIL_NET_KEEP && (spec->families & FAMILY_INET),
	};

	report->landlock_abi = landlock_abi();
	if (report->landlock_abi == 0) {
		report->missing |= JAIL_NO_LANDLOCK;
		return ERR_OK;
	}
	if (report->landlock_abi < 4) {
		report->missing |= JAIL_NO_LANDLOCK_PORTS;
	}
	if (report->landlock_abi < 6) {
		report->missing |= JAIL_NO_LANDLOCK_SCOPES;
	}
	return landlock_enter(&domain, err);
}

enum err_code jail_enter(const struct jail_spec *spec, struct jail_report *report, struct err *err)
{
	struct seccomp_spec calls = {
		.calls = spec->calls | CALLS_BASE | SANITIZER_CALLS,
		.families = spec->families,
		.otherwise = spec->otherwise,
		.exec = spec->exec,
		.self = (uint32_t)getpid(),
	};
	CLEANUP(arena_done) struct arena a;
	struct seccomp_program program;
	struct jail_report mine = {0};

	arena_init(&a, BUILD_LIMIT);
	TRY(seccomp_build(&a, &calls, &program, err));
	TRY(confine_no_new_privs(err));
	TRY(leave_network(spec, &mine, err));
	TRY(set_limits(spec, err));
	TRY(enter_landlock(spec, &mine, err));
	TRY(confine_bounding_set(err));
	TRY(become(spec, err));
	TRY(confine_capabilities(err));
	TRY(confine_not_dumpable(err)); /* becoming another user had reset it */
	TRY(seccomp_enter(&program, err));
	if (report) {
		*report = mine;
	}
	return ERR_OK;
}

void jail_report_print(const struct jail_report *report, struct buf *out)
{
	static const struct {
		unsigned bit;
		struct str text;
	} layers[] = {
		{JAIL_NO_LANDLOCK, STR_INIT("no Landlock (needs Linux 5.13)")},
		{JAIL_NO_LANDLOCK_PORTS, STR_INIT("no Landlock rules for TCP (needs Linux 6.7)")},
		{JAIL_NO_LANDLOCK_SCOPES,
		 STR_INIT("no Landlock scopes for signals (needs Linux 6.12)")},
		{JAIL_NO_NET,
		 STR_INIT("no network namespace of its own (needs user namespaces, or root)")},
	};
	const char *before = "weaker: ";

	for (size_t i = 0; i < ARRAY_LEN(layers); i++) {
		if (report->missing & layers[i].bit) {
			buf_printf(out, "%s" STR_FMT, before, STR_ARG(layers[i].text));
			before = "; ";
		}
	}
}
