/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan of a sandbox: from what a program needs to an ordered list of
 * operations. Pure: the machine is described by `struct plan_machine`, so a plan
 * can be printed, compared and tested without running anything. sandbox/apply.h
 * carries it out, in this order, and adds nothing.
 *
 * What the program sees: an empty root with these in it, nothing else.
 *
 *	/usr /bin /sbin /lib*	read only, executable
 *	/etc			loader cache, certificates, time zone, alternatives; passwd,
 *				group, hosts and name order are made up; no resolver, or
 *				with `capture` 127.0.0.1;
 *				/etc/writ holds the files of the spec
 *	/proc			its own processes only, read only
 *	/dev			null zero full random urandom, fd, shm (which is /tmp); with a
 *				terminal also tty, ptmx and a pts of its own; with PROFILE_CUDA
 *				nvidia*
 *	/tmp			empty, bounded, in memory, not executable
 *	program's prefix	read only, executable: see plan_program_prefix(); the
 *				same for its #! interpreter; of the script that a node
 *				or python runs: its node_modules, else the file alone
 *	read, write, exec	as the spec says; writable places are not executable,
 *				unless spec->write_exec says so by name
 *	hidden			empty and closed, whatever lies there outside
 *	each			there, but only the sandbox's monitor can open what lies in it, or
 *				change it: sandbox/monitor.h
 *	programs		with `named_only` nothing is executable but these files and folders.
 *				Libraries can still be mapped as code from folders that hold some
 *				(/usr/lib, the program's prefix), programs that lie among them not: the
 *				loader is no way round, nor is LD_PRELOAD. An interpreter reads what
 *				it likes
 */
#ifndef SANDBOX_PLAN_H
#define SANDBOX_PLAN_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "sandbox/landlock.h"
#include "sandbox/seccomp.h"

#include <stdbool.h>
#include <stdint.h>

#define PLAN_NVIDIA_CAPS   "/dev/nvidia-caps" /* a folder of nodes */
#define PLAN_MAX_DEVICES   (UINT64_C(64))
#define PLAN_MAX_PATHS     (UINT64_C(256))
#define PLAN_MAX_ARGS      (UINT64_C(1024))
#define PLAN_MAX_ENV       (UINT64_C(256))
#define PLAN_MAX_LISTENERS (UINT64_C(24))
#define PLAN_MAX_FILES     (UINT64_C(8))
#define PLAN_MAX_FILE      (UINT64_C(1) << 20)
#define PLAN_MAX_WATCHED   (UINT64_C(64))
#define PLAN_MAX_INERT     (UINT64_C(512))

struct monitor;

/* Of a place: what is decided for each file of it, by spec->monitor. */
enum plan_each { EACH_READ = 1 << 0, EACH_WRITE = 1 << 1 };

/* Which interpreter runs: decides the system call list and whether memory may become executable. */
enum sandbox_profile {
	PROFILE_AUTO = 0, /* by the program's name: what sandbox_look found */
	PROFILE_NATIVE,   /* compiled programs */
	PROFILE_NODE,
	PROFILE_PYTHON,
	PROFILE_SHELL, /* starts whatever there is: node and python too */
	PROFILE_CUDA,  /* as SHELL, and it has the machine's NVIDIA devices */
	PROFILE_MAX
};

struct sandbox_limits {
	uint64_t processes; /* processes and threads together; 0: 256 */
	uint64_t files;     /* open descriptors of each process; 0: 1024 */
	uint64_t file_size; /* bytes of any one file written; 0: 1 GiB */
	uint64_t tmp;       /* bytes in /tmp; 0: 64 MiB */
	uint64_t memory;    /* writable memory of each process, in bytes; 0: 4 GiB */
};

/*
 * A socket in the sandbox's network from before the program starts. It is handed to the starter, who serves
 * what connects: it stands outside. Of TCP it listens; of UDP it tells with each datagram where that was sent
 * (IPV6_PKTINFO, or IP_PKTINFO where there is no IPv6).
 */
struct sandbox_listener {
	unsigned kind; /* the starter's own word for it, 1 to 63 */
	uint16_t port;
	bool any; /* at every address, of IPv6 too; needs spec->capture. Else at 127.0.0.1 */
	bool datagram;
	/*
	 * Instead of all that: a raw socket that gets what the sandbox's kernel answers to connections, or with
	 * `datagram` to datagrams, that it refuses, those to loopback left out; port is 4 or 6. Needs capture.
	 */
	bool refusals;
};

/* A file that is made for the sandbox, read only, in its /etc/writ. */
struct sandbox_file {
	struct str name; /* letters, digits, '-', '_', '.', and none of them hidden */
	struct str text;
	struct str why; /* what made it, for people */
};

/* One that may be started, or a folder of them. */
struct sandbox_program {
	struct str path, why;
	bool is_dir;
};

/* What a program needs. All text is borrowed; paths are absolute. */
struct sandbox_spec {
	struct str name;        /* for messages and the host name; letters, digits, '-', '_', '.' */
	const struct str *argv; /* argv[0]: a path, or a name to be found in the runner's PATH */
	size_t n_argv;
	struct str cwd;        /* empty: /tmp, which is fresh */
	const struct str *env; /* "NAME=value"; loader and interpreter hooks are refused */
	size_t n_env;
	const struct str *read, *write, *exec, *hidden;
	size_t n_read, n_write, n_exec, n_hidden;
	/*
	 * One of `write` that is not changed: changes go to the folder `upper` in `scratch`, beside the empty
	 * folder `work` (overlayfs). Real paths; empty: none.
	 */
	struct str overlay, scratch;
	const struct str *why; /* of each place, in that order; NULL: "asked for" */
	/*
	 * EACH_... of each place, in that order; NULL: of none. What lies in such a place is its monitor's too, whatever
	 * the spec says of it. Needs `monitor`, which gets monitor_arg as it is in memory when the program starts.
	 */
	const uint8_t *each;
	void (*monitor)(struct monitor *m, const void *arg);
	const void *monitor_arg;
	enum sandbox_profile profile;
	struct sandbox_limits limits;
	const struct sandbox_listener *listeners; /* need loopback */
	size_t n_listeners;
	const struct sandbox_file *files;
	size_t n_files;
	bool watched;    /* its /proc and a netlink socket that knows its connections are handed to
			    the starter: sandbox/owner.h */
	bool capture;    /* with loopback: every address is its own, so what it connects to
			    reaches its listeners or is refused at once; names are asked of it */
	bool loopback;   /* IPv4/IPv6 sockets within its own, otherwise empty, network */
	bool terminal;   /* may make pseudo terminals, and can be given one: SANDBOX_FD_TERMINAL */
	bool write_exec; /* weaker: what lies in writable places, /tmp too, may be executed */
	/*
	 * Only these start, for all of its life: real paths, the program among them. Not with write_exec or
	 * PROFILE_CUDA, and only where there are namespaces and Landlock. `machine` needs sandbox_look_programs.
	 */
	bool named_only;
	const struct sandbox_program *programs;
	size_t n_programs;
	bool weaker; /* go on when the machine lacks a layer, and report which */
};

/* A path of the spec as it stands on this machine. */
struct plan_place {
	struct str path; /* as given */
	struct str real; /* without symbolic links */
	bool is_dir;
};

/* What the kernel can do: sandbox_probe() asks it. */
struct sandbox_kernel {
	int landlock_abi;     /* 0: none */
	bool user_namespaces; /* with all the other kinds, and mounting inside */
	bool own_proc;        /* mounting a /proc inside: not in containers that mask theirs */
	bool pid_limit;       /* kernel.pid_max belongs to the pid namespace (6.14) */
};

/* What plan_build must know about the machine; sandbox_look() fills it. */
struct plan_machine {
	uint32_t uid, gid;
	struct sandbox_kernel kernel;
	struct plan_place program;         /* argv[0], found and resolved */
	struct plan_place interpreters[2]; /* that its #! line names: /usr/bin/env is one, too */
	size_t n_interpreters;
	enum sandbox_profile profile;      /* guessed from the program and its interpreter */
	const struct plan_place *prefixes; /* what comes with it: plan_program_prefix(), resolved */
	size_t n_prefixes;
	const struct plan_place *places; /* every spec path: read, write, exec, then hidden */
	size_t n_places;
	const struct plan_place *system; /* those system places that exist (plan_system_paths) */
	size_t n_system;
	const struct str *devices; /* for PROFILE_CUDA: device nodes, and /dev/nvidia-caps */
	size_t n_devices;
	/* For named_only: sandbox_look_programs() fills it. All under their real names. */
	const struct plan_place *libraries; /* folders */
	const struct plan_place *inert;     /* programs in them, and folders of programs */
	const struct plan_place *loaders;   /* ld.so */
	size_t n_libraries, n_inert, n_loaders;
};

enum plan_kind {
	PLAN_NAMESPACES = 0, /* value: clone flags */
	PLAN_IDS,            /* value: uid << 32 | gid as seen inside; flags unused */
	PLAN_PIDS,           /* value: most processes, by the pid namespace */
	PLAN_LOOPBACK,       /* bring up lo */
	PLAN_CAPTURE,        /* every address there is leads to lo */
	PLAN_ROOT,           /* a new, empty root in memory */
	PLAN_DIR,            /* target */
	PLAN_LINK,           /* symbolic link target -> source */
	PLAN_FILE,           /* target with the bytes of source */
	PLAN_BIND,           /* source at target; flags */
	PLAN_OVERLAY,        /* target, its changes in the folders of source; flags */
	PLAN_PIN,            /* target, a folder that is there, mounted on itself */
	PLAN_TMP,            /* memory file system at target; value: bytes; flags */
	PLAN_PROC,           /* target */
	PLAN_WATCH,          /* /proc and a view of connections, for the starter */
	PLAN_PTS,            /* pseudo terminals of its own at target */
	PLAN_MASK,           /* nothing at target; flags: BIND_DIR */
	PLAN_MONITORED, /* target becomes read only to all but the monitor; flags: BIND_WRITE: which may write */
	PLAN_MONITOR,      /* the monitor starts, in the domain that was entered last */
	PLAN_LISTEN,       /* a listener for the starter; flags: kind and LISTEN_..., value: port */
	PLAN_PIVOT,        /* the new root becomes the root, the old one is gone */
	PLAN_HOSTNAME,     /* source */
	PLAN_INIT,         /* from here on in a child: this process stays behind as init */
	PLAN_TERMINAL,     /* standard streams that were asked to be become a terminal of its own */
	PLAN_CWD,          /* target */
	PLAN_LIMIT,        /* flags: RLIMIT_..., value */
	PLAN_ALLOW,        /* landlock rule: target, flags: FILES_... */
	PLAN_LANDLOCK,     /* enter the domain of the rules so far; flags: 1 = ports stay open */
	PLAN_CAPABILITIES, /* empty every set, no new privileges */
	PLAN_SECCOMP,      /* the filter of plan->seccomp */
	PLAN_EXEC,         /* source: the program */
	PLAN_KIND_MAX
};

enum plan_listen_flag {
	LISTEN_KIND = 0xff,
	LISTEN_ANY = 1 << 8,
	LISTEN_DATAGRAM = 1 << 9,
	LISTEN_REFUSALS = 1 << 10,
};

enum plan_bind_flag {
	BIND_WRITE = 1 << 0,  /* else read only */
	BIND_EXEC = 1 << 1,   /* else not executable */
	BIND_DEVICE = 1 << 2, /* device nodes work */
	BIND_DIR = 1 << 3,    /* the source is a directory */
	BIND_MAP = 1 << 4,    /* may be mapped as code; Landlock keeps it from being executed */
};

struct plan_op {
	enum plan_kind kind;
	unsigned flags;
	uint64_t value;
	struct str source, target; /* NUL-terminated behind the end */
	struct str why;            /* what made it, for people: "default: the system" */
};

/* Layers that this machine lacks and the spec allowed to be missing. */
enum plan_missing {
	PLAN_NO_LANDLOCK = 1 << 0,
	PLAN_NO_LANDLOCK_SCOPES = 1 << 1, /* ABI below 6, without namespaces */
	PLAN_NO_NAMESPACES = 1 << 2, /* then there is no new root and no empty network either */
	PLAN_NO_PROC = 1 << 4,       /* then there is no /proc at all inside */
	PLAN_NO_PID_LIMIT = 1 << 3,  /* as root, before 6.14: RLIMIT_NPROC does not hold uid 0 */
};

struct sandbox_plan {
	struct plan_op *ops;
	size_t n_ops;
	uint32_t outer_uid, outer_gid; /* whose files it uses */
	struct seccomp_spec seccomp;
	struct seccomp_program filter;      /* built once, used for every start */
	struct seccomp_program init_filter; /* for the init that stays behind */
	struct seccomp_program monitor_filter;
	void (*monitor)(struct monitor *m, const void *arg);
	const void *monitor_arg;
	void *shared; /* memory that starter and child share, which the monitor gives up; NULL: none */
	size_t n_shared;
	char *const *argv; /* NULL-terminated, for execve */
	char *const *env;  /* NULL-terminated, for execve */
	unsigned missing;  /* PLAN_NO_... */
};

/*
 * Everything the plan points to is in the arena. ERR_INVALID names what is
 * wrong with the spec; ERR_UNSUPPORTED names the layer that the machine lacks
 * and what to do about it (spec->weaker turns most of these into `missing`).
 */
enum err_code plan_build(struct arena *a, const struct sandbox_spec *spec,
			 const struct plan_machine *machine, struct sandbox_plan *ret,
			 struct err *err) MUST_USE;

/*
 * The operations that every plan of this spec begins with, whatever its places, files and listeners will be: namespaces,
 * lo, an empty root with /tmp, /dev and /proc, the limit of processes, the host name. Only limits, loopback, terminal,
 * write_exec and name are looked at.
 */
enum err_code plan_first(struct arena *a, const struct sandbox_spec *spec,
			 const struct plan_machine *machine, struct sandbox_plan *ret,
			 struct err *err) MUST_USE;

/* The checks of plan_build that need no machine: for whoever reads configuration. */
enum err_code plan_check(const struct sandbox_spec *spec, struct err *err) MUST_USE;

/*
 * The directory that comes with a program: the outermost node_modules above it;
 * else for PREFIX/bin/NAME it is PREFIX (interpreters keep their libraries beside
 * bin); else the program's own directory. Where that would be a place that holds
 * more than one program (the root, a system directory, /home, somebody's folder there, its bin and
 * .local, /root, /tmp, /opt, /srv, /var, ...), it is the program's file alone: then the result is `path`.
 * `home` is the caller's own folder wherever it lies, or empty.
 */
struct str plan_program_prefix(struct str path, struct str home);

/*
 * Does it lie in somebody's folder, and not in a hidden one there, as installers make them? Then it is a
 * program's only when it looks like that.
 */
bool plan_is_personal(struct str path, struct str home);

/* The profile for a program by its file name: node, npx -> NODE; python3 -> PYTHON; bash -> SHELL. */
enum sandbox_profile plan_guess_profile(struct str real_path);

/* The system places that a plan mounts when they exist; `*n` of them. */
const struct str *plan_system_paths(size_t *n);

/* One line for each operation; environment values are not printed. */
void plan_print(const struct sandbox_plan *plan, struct buf *out);

/* The word of an operation ("bind"), and the rest of its line. */
const char *plan_op_name(const struct plan_op *op);
void plan_op_print(const struct sandbox_plan *plan, const struct plan_op *op, struct buf *out);

/* "no Landlock; no pid limit": the layers in `missing`, or nothing. */
void plan_print_missing(unsigned missing, struct buf *out);

#endif
