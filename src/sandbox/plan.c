/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Construction of a plan. First every place is collected under its real name with
 * what may be done there; then they are sorted so that a directory comes before
 * what lies in it, and those that add nothing to the one around them fall out;
 * then the operations are written down in the order in which they must happen.
 */
#include "sandbox/plan_priv.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>

enum {
	INSIDE_ROOT_AS = 1000, /* the user and group number that root gets inside */
	DEFAULT_PROCESSES = 256,
	DEFAULT_FILES = 1024,
	FIRST_PIDS = 300, /* the kernel keeps these for the first round */
	ROOT_BYTES = 1024 * 1024,
	MAX_PINS = 256,
};

#define DEFAULT_FILE_SIZE (UINT64_C(1) << 30)
#define DEFAULT_MEMORY    (UINT64_C(4) << 30)
#define DEFAULT_TMP       (UINT64_C(64) << 20)

enum right { RIGHT_READ = 1, RIGHT_WRITE = 2, RIGHT_EXEC = 4 };

struct want {
	struct str path, real;
	struct str why;
	unsigned rights;
	bool is_dir;
	bool hidden;  /* rights are 0: nothing is seen of it */
	bool derived; /* comes with the program, was not written in the spec */
	bool pinned;  /* adds no right, but cannot be renamed */
	bool dropped;
};

struct building {
	struct arena *a;
	const struct sandbox_spec *spec;
	const struct plan_machine *machine;
	struct want *wants;
	size_t n_wants, cap_wants;
	struct plan_op *ops;
	size_t n_ops, cap_ops;
	struct plan_op nowhere; /* written when out of memory; the arena remembers that */
	uint32_t uid, gid;      /* inside */
	unsigned missing;
};

static const struct str system_paths[] = {
	STR_INIT("/usr"),
	STR_INIT("/bin"),
	STR_INIT("/sbin"),
	STR_INIT("/lib"),
	STR_INIT("/lib32"),
	STR_INIT("/lib64"),
	STR_INIT("/libx32"),
	STR_INIT("/etc/alternatives"),
	STR_INIT("/etc/ld.so.cache"),
	STR_INIT("/etc/localtime"),
	STR_INIT("/etc/pki"),
	STR_INIT("/etc/ssl/certs"),
	STR_INIT("/etc/ssl/openssl.cnf"),
};

const struct str *plan_system_paths(size_t *n)
{
	*n = ARRAY_LEN(system_paths);
	return system_paths;
}

/* One that nobody wrote in the spec: it comes with the system or the program. */
static void want(struct building *b, const struct plan_place *place, unsigned rights,
		 struct str why)
{
	b->wants[b->n_wants++] = (struct want){.path = path_trim(place->path),
					       .real = path_trim(place->real),
					       .why = why,
					       .rights = rights,
					       .is_dir = place->is_dir,
					       .derived = true};
}

/* The i-th place of the spec. */
static enum err_code want_place(struct building *b, size_t i, struct err *err)
{
	const struct sandbox_spec *s = b->spec;
	const struct plan_place *place = &b->machine->places[i];
	struct want w = {.path = path_trim(place->path),
			 .real = path_trim(place->real),
			 .why = s->why ? s->why[i] : STR("asked for"),
			 .is_dir = place->is_dir};

	if (i < s->n_read) {
		TRY(plan_check_read(place->real, err));
		w.rights = RIGHT_READ;
	} else if (i < s->n_read + s->n_write) {
		TRY(plan_check_write(place->real, err));
		w.rights = RIGHT_READ | RIGHT_WRITE | (s->write_exec ? RIGHT_EXEC : 0U);
	} else if (i < s->n_read + s->n_write + s->n_exec) {
		TRY(plan_check_read(place->real, err));
		w.rights = RIGHT_READ | RIGHT_EXEC;
	} else {
		w.hidden = true;
	}
	b->wants[b->n_wants++] = w;
	return ERR_OK;
}

/* Inside-out: '/' sorts before every other byte, so a directory is followed by what is in it. */
static int by_real_path(const void *x, const void *y)
{
	const struct want *a = x;
	const struct want *b = y;
	size_t n = a->real.n < b->real.n ? a->real.n : b->real.n;

	for (size_t i = 0; i < n; i++) {
		unsigned char p = (unsigned char)a->real.p[i], q = (unsigned char)b->real.p[i];

		if (p != q) {
			p = p == '/' ? 0 : p;
			q = q == '/' ? 0 : q;
			return p < q ? -1 : 1;
		}
	}
	return a->real.n < b->real.n ? -1 : a->real.n > b->real.n;
}

static enum err_code collect(struct building *b, struct err *err)
{
	const struct sandbox_spec *s = b->spec;
	const struct plan_machine *m = b->machine;

	if (m->n_places != s->n_read + s->n_write + s->n_exec + s->n_hidden) {
		return ERR(err, ERR_INVALID, "the machine was looked at for another spec");
	}
	b->cap_wants = m->n_system + m->n_prefixes + m->n_places + MAX_PINS;
	b->wants = arena_alloc(b->a, b->cap_wants * sizeof(*b->wants)); /* few are used */
	if (!b->wants) {
		return ERR(err, ERR_NOMEM, "out of memory for a sandbox plan");
	}
	for (size_t i = 0; i < m->n_system; i++) {
		bool exec = !path_within(m->system[i].path, STR("/etc"));

		want(b, &m->system[i], RIGHT_READ | (exec ? RIGHT_EXEC : 0U),
		     STR("default: the system"));
	}
	for (size_t i = 0; i < m->n_prefixes; i++) {
		TRY(plan_check_read(m->prefixes[i].real, err));
		want(b, &m->prefixes[i], RIGHT_READ | RIGHT_EXEC,
		     STR("default: comes with the program"));
	}
	for (size_t i = 0; i < m->n_places; i++) {
		TRY(want_place(b, i, err));
	}
	return ERR_OK;
}

/* The innermost place of the first n that is kept and holds `path`, or NULL. Places are sorted. */
static const struct want *around(const struct building *b, size_t n, struct str path)
{
	while (n-- > 0) {
		if (!b->wants[n].dropped && path_within(path, b->wants[n].real)) {
			return &b->wants[n];
		}
	}
	return NULL;
}

static enum err_code merge_equal(const struct building *b, struct want *into, const struct want *w,
				 struct err *err)
{
	unsigned both = into->rights | w->rights;

	if (into->hidden || w->hidden) {
		into->hidden = true;
		into->rights = 0;
		into->why = w->hidden ? w->why : into->why;
		return ERR_OK;
	}
	if ((both & RIGHT_WRITE) && (both & RIGHT_EXEC) && !b->spec->write_exec) {
		return ERR(err, ERR_INVALID,
			   STR_FMT ": writable and executable; what can be changed must not be "
				   "executed",
			   STR_ARG(w->real));
	}
	into->rights = both;
	into->derived = into->derived && w->derived;
	return ERR_OK;
}

static enum err_code settle(struct building *b, struct err *err)
{
	ASSERT(b->wants);
	qsort(b->wants, b->n_wants, sizeof(b->wants[0]), by_real_path);
	for (size_t i = 0; i < b->n_wants; i++) {
		struct want *w = &b->wants[i];

		for (size_t k = i; k-- > 0;) {
			if (!b->wants[k].dropped && str_eq(b->wants[k].real, w->real)) {
				TRY(merge_equal(b, &b->wants[k], w, err));
				w->dropped = true;
				break;
			}
		}
	}
	for (size_t i = 0; i < b->n_wants; i++) {
		struct want *w = &b->wants[i];
		const struct want *outer;

		if (w->dropped) {
			continue;
		}
		outer = around(b, i, w->real);
		if (!outer) {
			w->dropped = w->hidden; /* it is not there anyway */
			continue;
		}
		if (outer->hidden && !w->hidden && !w->derived) {
			return ERR(err, ERR_INVALID,
				   STR_FMT " lies in " STR_FMT
					   ", which is hidden: it cannot be given alone",
				   STR_ARG(w->real), STR_ARG(outer->real));
		}
		if (outer->rights == w->rights || outer->hidden ||
		    (w->rights == RIGHT_READ && !(outer->rights & RIGHT_WRITE))) {
			w->dropped = true;
			continue;
		}
		if (w->hidden && (b->missing & PLAN_NO_NAMESPACES)) {
			return ERR(err, ERR_UNSUPPORTED,
				   STR_FMT ": without namespaces it cannot be hidden",
				   STR_ARG(w->real));
		}
		if ((outer->rights & RIGHT_WRITE) && (b->missing & PLAN_NO_NAMESPACES)) {
			return ERR(err, ERR_UNSUPPORTED,
				   STR_FMT " lies in write " STR_FMT
					   ": without namespaces it cannot be kept from changes",
				   STR_ARG(w->real), STR_ARG(outer->real));
		}
		if ((outer->rights & RIGHT_WRITE) && (w->rights & RIGHT_EXEC) && !w->derived &&
		    !b->spec->write_exec) {
			return ERR(err, ERR_INVALID,
				   "exec " STR_FMT " lies in write " STR_FMT
				   ": what can be changed must not be executed",
				   STR_ARG(w->real), STR_ARG(outer->real));
		}
	}
	return ERR_OK;
}

static const struct want *find_want(const struct building *b, struct str real)
{
	for (size_t i = 0; i < b->n_wants; i++) {
		if (!b->wants[i].dropped && str_eq(b->wants[i].real, real)) {
			return &b->wants[i];
		}
	}
	return NULL;
}

/* One more place, which gives what its surroundings give. */
static enum err_code add_pin(struct building *b, const struct want *outer, struct str real,
			     struct err *err)
{
	if (find_want(b, real)) {
		return ERR_OK;
	}
	if (b->n_wants == b->cap_wants) {
		return ERR(err, ERR_LIMIT, "too many places lie deep in writable ones");
	}
	b->wants[b->n_wants++] = (struct want){.path = real,
					       .real = real,
					       .why = STR("default: keeps what is in it in place"),
					       .rights = outer->rights,
					       .is_dir = true,
					       .derived = true,
					       .pinned = true};
	return ERR_OK;
}

/*
 * A mount cannot be renamed, but a folder above it can: then its old name would be free for something
 * else, outside too. So every folder between a place and the writable one around it is mounted as well.
 */
static enum err_code pin(struct building *b, struct err *err)
{
	size_t n = b->n_wants;

	for (size_t i = 0; i < n; i++) {
		struct want *w = &b->wants[i];
		const struct want *outer = w->dropped ? NULL : around(b, i, w->real);

		if (!outer || !(outer->rights & RIGHT_WRITE)) {
			continue;
		}
		for (struct str dir = path_dir(w->real); dir.n > outer->real.n;
		     dir = path_dir(dir)) {
			TRY(add_pin(b, outer, dir, err));
		}
	}
	if (b->n_wants > n) {
		qsort(b->wants, b->n_wants, sizeof(b->wants[0]), by_real_path);
	}
	return ERR_OK;
}

static struct plan_op *op(struct building *b, enum plan_kind kind)
{
	if (!ARENA_GROW(b->a, &b->ops, b->n_ops, &b->cap_ops)) {
		return &b->nowhere;
	}
	b->ops[b->n_ops] = (struct plan_op){.kind = kind};
	return &b->ops[b->n_ops++];
}

/* Source and target get a NUL behind them; empty text stays empty. */
static struct plan_op *op_path(struct building *b, enum plan_kind kind, struct str source,
			       struct str target)
{
	struct plan_op *o = op(b, kind);

	o->source = arena_dup(b->a, source);
	o->target = arena_dup(b->a, target);
	return o;
}

static void op_value(struct building *b, enum plan_kind kind, unsigned flags, uint64_t value)
{
	struct plan_op *o = op(b, kind);

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

static void plan_network(struct building *b)
{
	if (b->spec->loopback) {
		op(b, PLAN_LOOPBACK)->flags = b->spec->capture ? 1 : 0;
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
			o = op_path(b, PLAN_MASK, STR(""), w->real);
		} else if (w->pinned) {
			o = op_path(b, PLAN_PIN, STR(""), w->real);
		} else if (str_eq(w->real, b->spec->overlay)) {
			o = op_path(b, PLAN_OVERLAY, b->spec->scratch, w->real);
		} else {
			o = op_path(b, PLAN_BIND, w->real, w->real);
		}
		o->flags = (w->rights & RIGHT_WRITE ? BIND_WRITE : 0U) |
			   (w->rights & RIGHT_EXEC ? BIND_EXEC : 0U) | (w->is_dir ? BIND_DIR : 0U);
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
		bool there = str_eq(w->path, w->real) || around(b, b->n_wants, w->path);

		for (size_t k = first; k < b->n_ops && !there; k++) {
			there = path_within(w->path, b->ops[k].target);
		}
		if (!there) {
			(void)op_path(b, PLAN_LINK, w->real, w->path);
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
		op_path(b, PLAN_BIND, devices[i], devices[i])->flags = BIND_WRITE | BIND_DEVICE;
	}
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		(void)op_path(b, PLAN_LINK, links[i].to, links[i].name);
	}
	if (b->spec->terminal) {
		/* The device means the terminal of whoever opens it, so it leads nowhere else. */
		op_path(b, PLAN_BIND, STR("/dev/tty"), STR("/dev/tty"))->flags =
			BIND_WRITE | BIND_DEVICE;
		(void)op_path(b, PLAN_PTS, STR(""), STR("/dev/pts"));
		(void)op_path(b, PLAN_LINK, STR("pts/ptmx"), STR("/dev/ptmx"));
	}
}

static void plan_etc(struct building *b)
{
	(void)op_path(b, PLAN_FILE,
		      arena_printf(b->a,
				   "writ:x:%u:%u::/tmp:/bin/sh\n"
				   "nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n",
				   b->uid, b->gid),
		      STR("/etc/passwd"));
	(void)op_path(b, PLAN_FILE, arena_printf(b->a, "writ:x:%u:\nnogroup:x:65534:\n", b->gid),
		      STR("/etc/group"));
	(void)op_path(b, PLAN_FILE,
		      b->spec->capture ? STR("passwd: files\ngroup: files\nhosts: files dns\n"
					     "services: files\n")
				       : STR("passwd: files\ngroup: files\nhosts: files\n"
					     "services: files\n"),
		      STR("/etc/nsswitch.conf"));
	if (b->spec->capture) {
		/* It answers at once or never. */
		(void)op_path(b, PLAN_FILE,
			      STR("nameserver 127.0.0.1\noptions timeout:2 attempts:2\n"),
			      STR("/etc/resolv.conf"));
	}
	(void)op_path(b, PLAN_FILE, STR("127.0.0.1 localhost\n::1 localhost\n"), STR("/etc/hosts"));
	for (size_t i = 0; i < b->spec->n_files; i++) {
		const struct sandbox_file *f = &b->spec->files[i];

		op_path(b, PLAN_FILE, f->text,
			arena_printf(b->a, "/etc/writ/" STR_FMT, STR_ARG(f->name)))
			->why = f->why;
	}
}

/* What lies in the root itself: folders, links and made files. */
static uint64_t root_bytes(const struct building *b)
{
	uint64_t n = ROOT_BYTES;

	for (size_t i = 0; i < b->spec->n_files; i++) {
		n += b->spec->files[i].text.n;
	}
	return n;
}

static uint64_t most_processes(const struct building *b)
{
	uint64_t n = b->spec->limits.processes;

	return n ? n : DEFAULT_PROCESSES;
}

/* The limit is set by way of the sandbox's own /proc. */
static bool has_pid_limit(const struct building *b)
{
	return b->machine->kernel.pid_limit && b->machine->kernel.own_proc;
}

static void plan_tmp(struct building *b)
{
	uint64_t bytes = b->spec->limits.tmp;
	struct plan_op *o = op_path(b, PLAN_TMP, STR(""), STR("/tmp"));

	o->value = bytes ? bytes : DEFAULT_TMP;
	o->flags = b->spec->write_exec ? BIND_EXEC : 0U;
}

static void plan_root(struct building *b)
{
	op_value(b, PLAN_ROOT, 0, root_bytes(b));
	plan_tmp(b);
	plan_places(b);
	plan_links(b);
	plan_devices(b);
	plan_etc(b);
	if (!(b->missing & PLAN_NO_PROC)) {
		op_path(b, PLAN_PROC, STR(""), STR("/proc"))->flags = b->spec->watched ? 1 : 0;
	}
	if (has_pid_limit(b)) {
		op_value(b, PLAN_PIDS, 0, FIRST_PIDS + most_processes(b));
	}
	(void)op(b, PLAN_PIVOT);
	(void)op_path(b, PLAN_HOSTNAME, b->spec->name, STR(""));
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
	/* Not RLIMIT_AS: V8 reserves far more address space than it will ever write to. */
	op_value(b, PLAN_LIMIT, RLIMIT_DATA, l->memory ? l->memory : DEFAULT_MEMORY);
}

static void allow(struct building *b, struct str path, unsigned access)
{
	op_path(b, PLAN_ALLOW, STR(""), path)->flags = access;
}

/* The second line behind the mounts: what Landlock can say of the same places. */
static void plan_landlock(struct building *b)
{
	const unsigned change = FILES_WRITE | FILES_MAKE | FILES_SOCKET;
	bool bare = b->missing & PLAN_NO_NAMESPACES;

	if (b->missing & PLAN_NO_LANDLOCK) {
		return;
	}
	for (size_t i = 0; i < b->n_wants; i++) {
		const struct want *w = &b->wants[i];

		/* /etc is allowed as a whole below: all in it is read only */
		if (!w->dropped && !w->hidden && !w->pinned &&
		    (bare || !path_within(w->real, STR("/etc")))) {
			allow(b, w->real,
			      FILES_READ | (w->rights & RIGHT_EXEC ? FILES_EXEC : 0U) |
				      (w->rights & RIGHT_WRITE ? change : 0U));
		}
	}
	if (!bare) {
		allow(b, STR("/tmp"),
		      FILES_READ | change | (b->spec->write_exec ? FILES_EXEC : 0U));
		if (!(b->missing & PLAN_NO_PROC)) {
			allow(b, STR("/proc"), FILES_READ);
		}
		allow(b, STR("/etc"), FILES_READ);
		allow(b, STR("/dev"), FILES_READ | FILES_WRITE | FILES_DEVICE);
	} else {
		allow(b, STR("/dev/null"), FILES_READ | FILES_WRITE);
		allow(b, STR("/dev/urandom"), FILES_READ);
	}
	op(b, PLAN_LANDLOCK)->flags = b->spec->loopback ? 1 : 0;
}

static enum err_code lacks(struct building *b, unsigned layer, const char *what, struct err *err)
{
	if (!b->spec->weaker) {
		return ERR(err, ERR_UNSUPPORTED, "%s; or `sandbox: weaker` to run without", what);
	}
	b->missing |= layer;
	return ERR_OK;
}

static enum err_code find_missing(struct building *b, struct err *err)
{
	const struct plan_machine *m = b->machine;

	if (!m->kernel.user_namespaces) {
		TRY(lacks(b, PLAN_NO_NAMESPACES,
			  "this machine does not let Writ make user namespaces: allow them (sysctl "
			  "user.max_user_namespaces, kernel.unprivileged_userns_clone, AppArmor, "
			  "the container's seccomp profile)",
			  err));
	}
	if (m->kernel.landlock_abi == 0) {
		TRY(lacks(b, PLAN_NO_LANDLOCK,
			  "this kernel has no Landlock: boot with landlock in lsm= (Linux 5.13)",
			  err));
	} else if (m->kernel.landlock_abi < 6 && (b->missing & PLAN_NO_NAMESPACES)) {
		b->missing |=
			PLAN_NO_LANDLOCK_SCOPES; /* else pid and net namespaces hold the same */
	}
	if (m->kernel.user_namespaces && !m->kernel.own_proc) {
		TRY(lacks(b, PLAN_NO_PROC,
			  "this machine does not let a sandbox mount a /proc of its own: in a "
			  "container, "
			  "/proc must not be masked",
			  err));
	}
	/* RLIMIT_NPROC does not count root; the pid namespace's own limit does. */
	if (m->uid == 0 && !has_pid_limit(b) && m->kernel.user_namespaces) {
		b->missing |= PLAN_NO_PID_LIMIT;
	}
	if ((b->missing & PLAN_NO_LANDLOCK) && (b->missing & PLAN_NO_NAMESPACES)) {
		return ERR(err, ERR_UNSUPPORTED,
			   "neither user namespaces nor Landlock: nothing would hold the program");
	}
	return ERR_OK;
}

static char **strings(struct building *b, const struct str *list, size_t n)
{
	char **out = ARENA_ARRAY(b->a, n + 1, char *);

	for (size_t i = 0; out && i < n; i++) {
		char *copy = arena_alloc(b->a, list[i].n + 1);

		if (!copy) {
			return NULL;
		}
		memcpy(copy, list[i].p, list[i].n);
		copy[list[i].n] = '\0';
		out[i] = copy;
	}
	return out;
}

static bool env_has(const struct sandbox_spec *spec, struct str name)
{
	for (size_t i = 0; i < spec->n_env; i++) {
		struct str rest = spec->env[i];

		if (str_eq(str_cut(&rest, '='), name)) {
			return true;
		}
	}
	return false;
}

/* Only what the spec says and these few; nothing of Writ's own environment. */
static char **environment(struct building *b)
{
	struct str dir = path_dir(b->machine->program.path);
	struct str standard = STR("/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin");
	struct str own[] = {
		arena_printf(b->a, "PATH=" STR_FMT ":" STR_FMT, STR_ARG(dir), STR_ARG(standard)),
		STR("HOME=/tmp"), STR("TMPDIR=/tmp"), STR("LANG=C.UTF-8"), STR("USER=writ")};
	struct str *all = ARENA_ARRAY(b->a, ARRAY_LEN(own) + b->spec->n_env, struct str);
	size_t n = 0;

	if (!all || !own[0].p) {
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		struct str rest = own[i];

		if (!env_has(b->spec, str_cut(&rest, '='))) {
			all[n++] = own[i];
		}
	}
	for (size_t i = 0; i < b->spec->n_env; i++) {
		all[n++] = b->spec->env[i];
	}
	return strings(b, all, n);
}

static enum err_code filters(struct building *b, struct sandbox_plan *plan, struct err *err)
{
	static const enum seccomp_exec exec[PROFILE_MAX] = {
		[PROFILE_AUTO] = EXEC_FILES, [PROFILE_NATIVE] = EXEC_FILES,
		[PROFILE_NODE] = EXEC_ANY,   /* V8 compiles as it runs */
		[PROFILE_PYTHON] = EXEC_ANY, /* callbacks of ctypes and cffi */
		[PROFILE_SHELL] = EXEC_ANY,  /* it starts either of them */
	};
	static const struct seccomp_spec init = {.calls = CALLS_INIT};

	enum sandbox_profile profile =
		b->spec->profile == PROFILE_AUTO ? b->machine->profile : b->spec->profile;

	plan->seccomp = (struct seccomp_spec){
		.calls = CALLS_BASE | CALLS_LOOP | CALLS_SOCKET | CALLS_DIAL | CALLS_LISTEN |
			 CALLS_READ | CALLS_WRITE | CALLS_SYNC | CALLS_CHILD | CALLS_THREAD |
			 CALLS_PROGRAM,
		.families = FAMILY_UNIX | (b->spec->loopback ? FAMILY_INET | FAMILY_ROUTE : 0U),
		.otherwise = SECCOMP_REFUSES,
		.exec = profile < PROFILE_MAX ? exec[profile] : EXEC_NEVER,
	};
	if (b->missing & PLAN_NO_NAMESPACES) {
		/* Landlock does not see connections to sockets by path: /run/docker.sock */
		plan->seccomp.calls &= ~(unsigned)(CALLS_DIAL | CALLS_LISTEN);
	}
	TRY(seccomp_build(b->a, &plan->seccomp, &plan->filter, err));
	return seccomp_build(b->a, &init, &plan->init_filter, err);
}

/* What is written beneath an overlay goes to its changes, or it is no review of them all. */
static enum err_code check_overlay(const struct building *b, struct err *err)
{
	struct str overlay = b->spec->overlay;

	if (overlay.n == 0) {
		return ERR_OK;
	}
	if (b->missing & PLAN_NO_NAMESPACES) {
		return ERR(err, ERR_UNSUPPORTED, "without namespaces changes cannot be kept apart");
	}
	for (size_t i = 0; i < b->n_wants; i++) {
		const struct want *w = &b->wants[i];

		if (!w->dropped && !w->pinned && (w->rights & RIGHT_WRITE) &&
		    path_within(w->real, overlay) && !str_eq(w->real, overlay)) {
			return ERR(err, ERR_INVALID,
				   STR_FMT
				   " lies in " STR_FMT
				   ", whose changes are to be reviewed: it cannot be given apart",
				   STR_ARG(w->real), STR_ARG(overlay));
		}
	}
	return ERR_OK;
}

static enum err_code check_program(const struct building *b, struct err *err)
{
	struct str real = b->machine->program.real;

	if (b->spec->write_exec) {
		return ERR_OK;
	}
	for (size_t i = b->spec->n_read; i < b->spec->n_read + b->spec->n_write; i++) {
		if (path_within(real, path_trim(b->machine->places[i].real))) {
			return ERR(err, ERR_INVALID,
				   "the program " STR_FMT " lies in write " STR_FMT
				   ": what can be changed must not be executed",
				   STR_ARG(real), STR_ARG(b->machine->places[i].path));
		}
	}
	return ERR_OK;
}

static void operations(struct building *b)
{
	if (!(b->missing & PLAN_NO_NAMESPACES)) {
		plan_namespaces(b);
		plan_network(b);
		plan_root(b);
	}
	(void)op(b, PLAN_INIT);
	if (b->spec->terminal) {
		(void)op(b, PLAN_TERMINAL);
	}
	(void)op_path(b, PLAN_CWD, STR(""), working_directory(b));
	plan_limits(b);
	plan_landlock(b);
	(void)op(b, PLAN_CAPABILITIES);
	(void)op(b, PLAN_SECCOMP);
	(void)op_path(b, PLAN_EXEC, b->machine->program.path, STR(""));
}

static struct building begin(struct arena *a, const struct sandbox_spec *spec,
			     const struct plan_machine *machine)
{
	return (struct building){
		.a = a,
		.spec = spec,
		.machine = machine,
		/* Inside, root has another number: it is not root there, and programs should know. */
		.uid = machine->uid ? machine->uid : INSIDE_ROOT_AS,
		.gid = machine->gid ? machine->gid : INSIDE_ROOT_AS,
	};
}

enum err_code plan_first(struct arena *a, const struct sandbox_spec *spec,
			 const struct plan_machine *machine, struct sandbox_plan *ret,
			 struct err *err)
{
	struct building b = begin(a, spec, machine);

	if (!machine->kernel.user_namespaces) {
		return ERR(err, ERR_UNSUPPORTED,
			   "without namespaces there is nothing to begin with");
	}
	plan_namespaces(&b);
	*ret = (struct sandbox_plan){.ops = b.ops,
				     .n_ops = b.n_ops,
				     .outer_uid = machine->uid,
				     .outer_gid = machine->gid};
	return a->exhausted ? ERR(err, ERR_NOMEM, "out of memory for a sandbox plan") : ERR_OK;
}

enum err_code plan_build(struct arena *a, const struct sandbox_spec *spec,
			 const struct plan_machine *machine, struct sandbox_plan *ret,
			 struct err *err)
{
	struct building b = begin(a, spec, machine);
	struct sandbox_plan plan = {.outer_uid = machine->uid, .outer_gid = machine->gid};

	TRY(plan_check(spec, err));
	TRY(find_missing(&b, err));
	TRY(collect(&b, err));
	TRY(settle(&b, err));
	if (!(b.missing & PLAN_NO_NAMESPACES)) {
		TRY(pin(&b, err));
	}
	TRY(check_overlay(&b, err));
	TRY(check_program(&b, err));
	TRY(filters(&b, &plan, err));
	operations(&b);
	plan.argv = strings(&b, spec->argv, spec->n_argv);
	plan.env = environment(&b);
	plan.ops = b.ops;
	plan.n_ops = b.n_ops;
	plan.missing = b.missing;
	if (a->exhausted || !plan.argv || !plan.env) {
		return ERR(err, ERR_NOMEM, "out of memory for a sandbox plan");
	}
	*ret = plan;
	return ERR_OK;
}
