/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Construction of a plan: what the machine lacks, the places (plan_places.c), the program's surroundings, and then the
 * operations (plan_ops.c) in the order in which they must happen.
 */
#include "sandbox/plan_priv.h"

enum { INSIDE_ROOT_AS = 1000 /* the user and group number that root gets inside */ };

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
	if (m->uid == 0 && !plan_has_pid_limit(b) && m->kernel.user_namespaces) {
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
		[PROFILE_CUDA] = EXEC_MEMFD, /* the driver's libraries make plain memory files */
	};
	static const struct seccomp_spec init = {.calls = CALLS_INIT};
	static const struct seccomp_spec monitor = {
		.calls = CALLS_BASE | CALLS_SOCKET | CALLS_READ | CALLS_WRITE | CALLS_WATCH,
	};

	enum sandbox_profile profile =
		b->spec->profile == PROFILE_AUTO ? b->machine->profile : b->spec->profile;

	plan->seccomp = (struct seccomp_spec){
		.calls = CALLS_BASE | CALLS_LOOP | CALLS_SOCKET | CALLS_DIAL | CALLS_LISTEN |
			 CALLS_READ | CALLS_WRITE | CALLS_SYNC | CALLS_CHILD | CALLS_THREAD |
			 CALLS_PROGRAM,
		.families = FAMILY_UNIX | (b->spec->loopback ? FAMILY_INET | FAMILY_ROUTE : 0U),
		.otherwise = SECCOMP_REFUSES,
		.exec = profile < PROFILE_MAX ? exec[profile] : EXEC_NEVER,
		.notify = b->each & EACH_READ ? NOTIFY_ALL
			  : b->each           ? NOTIFY_CHANGES
					      : NOTIFY_NOTHING,
	};
	if (b->missing & PLAN_NO_NAMESPACES) {
		/* Landlock does not see connections to sockets by path: /run/docker.sock */
		plan->seccomp.calls &= ~(unsigned)(CALLS_DIAL | CALLS_LISTEN);
	}
	TRY(seccomp_build(b->a, &plan->seccomp, &plan->filter, err));
	if (b->each) {
		plan->monitor = b->spec->monitor;
		plan->monitor_arg = b->spec->monitor_arg;
		TRY(seccomp_build(b->a, &monitor, &plan->monitor_filter, err));
	}
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

/* Mounts hold the loader, Landlock what lies among libraries; either without the other has a way round. */
static enum err_code check_named_only(const struct building *b, struct err *err)
{
	const struct sandbox_spec *s = b->spec;

	if (!s->named_only) {
		return ERR_OK;
	}
	if (b->missing & (PLAN_NO_NAMESPACES | PLAN_NO_LANDLOCK)) {
		return ERR(err, ERR_UNSUPPORTED,
			   "only named programs may start, and that needs namespaces and Landlock");
	}
	if (s->write_exec || s->profile == PROFILE_CUDA) {
		return ERR(err, ERR_INVALID,
			   "only named programs may start: %s would let others be executed",
			   s->write_exec ? "writable places that are executable"
					 : "memory files of the profile cuda");
	}
	return ERR_OK;
}

static enum err_code check_devices(const struct building *b, struct err *err)
{
	if (b->spec->profile == PROFILE_CUDA && b->machine->n_devices == 0) {
		return ERR(
			err, ERR_UNSUPPORTED,
			"the profile cuda is for machines with an NVIDIA device, and there is no "
			"/dev/nvidiactl here: is its driver loaded?");
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
		plan_ops_first(b);
		plan_ops_network(b);
		plan_ops_root(b);
	}
	plan_ops_program(b);
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
	b.missing =
		machine->kernel.own_proc ? 0 : PLAN_NO_PROC; /* plan_build says whether it may */
	plan_ops_first(&b);
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
	TRY(plan_places_collect(&b, err));
	TRY(plan_watch_mark(&b, err));
	TRY(check_overlay(&b, err));
	TRY(check_program(&b, err));
	TRY(check_devices(&b, err));
	TRY(check_named_only(&b, err));
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
