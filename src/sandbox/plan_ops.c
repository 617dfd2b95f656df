/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of a plan, written down in the order in which they must happen. */
#include "sandbox/plan_priv.h"

#include <sched.h>
#include <sys/resource.h>

enum {
	DEFAULT_PROCESSES = 256,
	DEFAULT_FILES = 1024,
	FIRST_PIDS = 300, /* the kernel keeps these for the first round */
};

#define DEFAULT_FILE_SIZE (UINT64_C(1) << 30)
#define DEFAULT_MEMORY    (UINT64_C(4) << 30)
#define DEFAULT_TMP       (UINT64_C(64) << 20)
/* At most, of what lies in the root itself: folders, links and made files. */
#define ROOT_BYTES ((UINT64_C(1) << 20) + PLAN_MAX_FILES * PLAN_MAX_FILE)

struct plan_op *plan_op_add(struct building *b, enum plan_kind kind)
{
	if (!ARENA_GROW(b->a, &b->ops, b->n_ops, &b->cap_ops)) {
		return &b->nowhere;
	}
	b->ops[b->n_ops] = (struct plan_op){.kind = kind};
	return &b->ops[b->n_ops++];
}

struct plan_op *plan_op_add_path(struct building *b, enum plan_kind kind, struct str source,
				 struct str target)
{
	struct plan_op *o = plan_op_add(b, kind);

	o->source = arena_dup(b->a, source);
	o->target = arena_dup(b->a, target);
	return o;
}

static void op_value(struct building *b, enum plan_kind kind, unsigned flags, uint64_t value)
{
	struct plan_op *o = plan_op_add(b, kind);

	o->flags = flags;
	o->value = value;
}

static void plan_namespaces(struct building *b)
{
	/* Time namespaces are left out: they would only let the program lie to itself. */
	op_value(b, PLAN_NAMESPACES, 0,
		 CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
			 CLONE_NEWNET | CLONE_NEWCGROUP);
	op_value(b, PLAN_IDS, 0, (uint64_t)b->uid << 32 | b->gid);
}

void plan_ops_network(struct building *b)
{
	if (b->spec->loopback && b->spec->capture) {
		(void)plan_op_add(b, PLAN_CAPTURE);
	}
	for (size_t i = 0; i < b->spec->n_listeners; i++) {
		const struct sandbox_listener *l = &b->spec->listeners[i];

		op_value(b, PLAN_LISTEN,
			 l->kind | (l->any ? LISTEN_ANY : 0U) |
				 (l->datagram ? LISTEN_DATAGRAM : 0U) |
				 (l->refusals ? LISTEN_REFUSALS : 0U),
			 l->port);
	}
}

static void plan_places(struct building *b)
{
	for (size_t i = 0; i < b->n_wants; i++) {
		const struct want *w = &b->wants[i];

		struct plan_op *o;

		if (w->dropped) {
			continue;
		}
		if (w->hidden) {
			o = plan_op_add_path(b, PLAN_MASK, STR(""), w->real);
		} else if (w->pinned) {
			o = plan_op_add_path(b, PLAN_PIN, STR(""), w->real);
		} else if (str_eq(w->real, b->spec->overlay)) {
			o = plan_op_add_path(b, PLAN_OVERLAY, b->spec->scratch, w->real);
		} else {
			o = plan_op_add_path(b, PLAN_BIND, w->real, w->real);
		}
		o->flags = (w->rights & RIGHT_WRITE ? BIND_WRITE : 0U) |
			   (w->rights & RIGHT_EXEC ? BIND_EXEC : 0U) |
			   (w->rights & RIGHT_MAP ? BIND_MAP : 0U) | (w->is_dir ? BIND_DIR : 0U);
		o->why = w->why;
	}
}

/*
 * A place named through a symbolic link is found by that name too. When the link
 * itself lies in a place or behind another link it is there already.
 */
static void plan_links(struct building *b)
{
	size_t first = b->n_ops;

	for (size_t i = 0; i < b->n_wants; i++) {
		const struct want *w = &b->wants[i];
		bool there = str_eq(w->path, w->real) || plan_places_around(b, b->n_wants, w->path);

		for (size_t k = first; k < b->n_ops && !there; k++) {
			there = path_within(w->path, b->ops[k].target);
		}
		if (!there) {
			(void)plan_op_add_path(b, PLAN_LINK, w->real, w->path);
		}
	}
}

static void plan_devices(struct building *b)
{
	static const struct str devices[] = {
		STR_INIT("/dev/full"),    STR_INIT("/dev/null"), STR_INIT("/dev/random"),
		STR_INIT("/dev/urandom"), STR_INIT("/dev/zero"),
	};
	static const struct {
		struct str name, to;
	} links[] = {
		{STR_INIT("/dev/fd"), STR_INIT("/proc/self/fd")},
		{STR_INIT("/dev/stdin"), STR_INIT("/proc/self/fd/0")},
		{STR_INIT("/dev/stdout"), STR_INIT("/proc/self/fd/1")},
		{STR_INIT("/dev/stderr"), STR_INIT("/proc/self/fd/2")},
		{STR_INIT("/dev/shm"), STR_INIT("/tmp")},
	};

	for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
		plan_op_add_path(b, PLAN_BIND, devices[i], devices[i])->flags =
			BIND_WRITE | BIND_DEVICE;
	}
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		(void)plan_op_add_path(b, PLAN_LINK, links[i].to, links[i].name);
	}
	if (b->spec->terminal) {
		/* The device means the terminal of whoever opens it, so it leads nowhere else. */
		plan_op_add_path(b, PLAN_BIND, STR("/dev/tty"), STR("/dev/tty"))->flags =
			BIND_WRITE | BIND_DEVICE;
		(void)plan_op_add_path(b, PLAN_PTS, STR(""), STR("/dev/pts"));
		(void)plan_op_add_path(b, PLAN_LINK, STR("pts/ptmx"), STR("/dev/ptmx"));
	}
}

static void plan_etc(struct building *b)
{
	(void)plan_op_add_path(
		b, PLAN_FILE,
		arena_printf(b->a,
			     "writ:x:%u:%u::/tmp:/bin/sh\n"
			     "nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n",
			     b->uid, b->gid),
		STR("/etc/passwd"));
	(void)plan_op_add_path(b, PLAN_FILE,
			       arena_printf(b->a, "writ:x:%u:\nnogroup:x:65534:\n", b->gid),
			       STR("/etc/group"));
	(void)plan_op_add_path(b, PLAN_FILE,
			       b->spec->capture
				       ? STR("passwd: files\ngroup: files\nhosts: files dns\n"
					     "services: files\n")
				       : STR("passwd: files\ngroup: files\nhosts: files\n"
					     "services: files\n"),
			       STR("/etc/nsswitch.conf"));
	if (b->spec->capture) {
		/* It answers at once or never. */
		(void)plan_op_add_path(b, PLAN_FILE,
				       STR("nameserver 127.0.0.1\noptions timeout:2 attempts:2\n"),
				       STR("/etc/resolv.conf"));
	}
	(void)plan_op_add_path(b, PLAN_FILE, STR("127.0.0.1 localhost\n::1 localhost\n"),
			       STR("/etc/hosts"));
	for (size_t i = 0; i < b->spec->n_files; i++) {
		const struct sandbox_file *f = &b->spec->files[i];

		plan_op_add_path(b, PLAN_FILE, f->text,
				 arena_printf(b->a, "/etc/writ/" STR_FMT, STR_ARG(f->name)))
			->why = f->why;
	}
}

static uint64_t most_processes(const struct building *b)
{
	uint64_t n = b->spec->limits.processes;

	return n ? n : DEFAULT_PROCESSES;
}

static void plan_tmp(struct building *b)
{
	uint64_t bytes = b->spec->limits.tmp;
	struct plan_op *o = plan_op_add_path(b, PLAN_TMP, STR(""), STR("/tmp"));

	o->value = bytes ? bytes : DEFAULT_TMP;
	o->flags = b->spec->write_exec ? BIND_EXEC : 0U;
}

/*
 * What every sandbox of a starter has alike, whatever its places will be. It can be there before anything is decided:
 * none of it is anybody's.
 */
void plan_ops_first(struct building *b)
{
	plan_namespaces(b);
	if (b->spec->loopback) {
		(void)plan_op_add(b, PLAN_LOOPBACK);
	}
	op_value(b, PLAN_ROOT, 0, ROOT_BYTES);
	plan_tmp(b);
	plan_devices(b);
	if (!(b->missing & PLAN_NO_PROC)) {
		(void)plan_op_add_path(b, PLAN_PROC, STR(""), STR("/proc"));
	}
	if (plan_has_pid_limit(b)) {
		op_value(b, PLAN_PIDS, 0, FIRST_PIDS + most_processes(b));
	}
	(void)plan_op_add_path(b, PLAN_HOSTNAME, b->spec->name, STR(""));
}

static void plan_accelerators(struct building *b)
{
	const struct plan_machine *m = b->machine;

	for (size_t i = 0; b->spec->profile == PROFILE_CUDA && i < m->n_devices; i++) {
		struct plan_op *o = plan_op_add_path(b, PLAN_BIND, m->devices[i], m->devices[i]);

		o->flags = BIND_WRITE | BIND_DEVICE |
			   (str_eq(m->devices[i], STR(PLAN_NVIDIA_CAPS)) ? BIND_DIR : 0U);
		o->why = STR("profile cuda");
	}
}

void plan_ops_root(struct building *b)
{
	plan_accelerators(b);
	plan_places(b);
	plan_links(b);
	plan_etc(b);
	plan_watch_ops(b);
	if (b->spec->watched && !(b->missing & PLAN_NO_PROC)) {
		(void)plan_op_add(b, PLAN_WATCH);
	}
	(void)plan_op_add(b, PLAN_PIVOT);
}

static struct str working_directory(const struct building *b)
{
	if (b->spec->cwd.n) {
		return path_trim(b->spec->cwd);
	}
	return b->missing & PLAN_NO_NAMESPACES ? STR("/") : STR("/tmp");
}

static void plan_limits(struct building *b)
{
	const struct sandbox_limits *l = &b->spec->limits;

	op_value(b, PLAN_LIMIT, RLIMIT_CORE, 0);
	op_value(b, PLAN_LIMIT, RLIMIT_NOFILE, l->files ? l->files : DEFAULT_FILES);
	op_value(b, PLAN_LIMIT, RLIMIT_NPROC, most_processes(b));
	op_value(b, PLAN_LIMIT, RLIMIT_FSIZE, l->file_size ? l->file_size : DEFAULT_FILE_SIZE);
}

/* Not RLIMIT_AS: V8 reserves far more address space than it will ever write to. */
static void plan_memory(struct building *b)
{
	uint64_t bytes = b->spec->limits.memory;

	op_value(b, PLAN_LIMIT, RLIMIT_DATA, bytes ? bytes : DEFAULT_MEMORY);
}

void plan_ops_program(struct building *b)
{
	(void)plan_op_add(b, PLAN_INIT);
	if (b->spec->terminal) {
		(void)plan_op_add(b, PLAN_TERMINAL);
	}
	(void)plan_op_add_path(b, PLAN_CWD, STR(""), working_directory(b));
	plan_limits(b);
	if (!b->each) {
		plan_memory(b);
	}
	plan_watch_landlock(b);
	if (b->each) { /* the monitor's own memory is fixed, and not what the program may have */
		plan_memory(b);
	}
	(void)plan_op_add(b, PLAN_CAPABILITIES);
	(void)plan_op_add(b, PLAN_SECCOMP);
	(void)plan_op_add_path(b, PLAN_EXEC, b->machine->program.path, STR(""));
}
