/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a sandbox spec, on a machine where every place is where it says or
 * where another line says. Lines: r/w/x PATH [REAL], e NAME=VALUE, a ARGUMENT, c CWD, m MARKS, p
 * PROGRAM. Whatever is accepted must hold the promises of sandbox/plan.h.
 */
#include "sandbox/plan.h"

#include <stdlib.h>

enum { MAX = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	struct str read[MAX], write[MAX], exec[MAX], env[MAX], argv[MAX + 1];
	struct plan_place reads[MAX], writes[MAX], execs[MAX], all[3 * MAX], prefix;
	uint8_t each[3 * MAX];
	struct sandbox_spec spec;
	struct plan_machine machine;
};

static void place(struct str *path, struct plan_place *place, size_t *n, struct str text)
{
	struct str rest = text, first = str_cut(&rest, ' ');

	if (*n < MAX) {
		path[*n] = first;
		place[*n] = (struct plan_place){first, rest.n ? rest : first, first.n % 2};
		(*n)++;
	}
}

static void line(struct input *in, struct str l)
{
	struct str text = str_from(l, 2);

	if (l.n < 2) {
		return;
	}
	switch (l.p[0]) {
	case 'r':
		place(in->read, in->reads, &in->spec.n_read, text);
		break;
	case 'w':
		place(in->write, in->writes, &in->spec.n_write, text);
		break;
	case 'x':
		place(in->exec, in->execs, &in->spec.n_exec, text);
		break;
	case 'e':
		if (in->spec.n_env < MAX) {
			in->env[in->spec.n_env++] = text;
		}
		break;
	case 'a':
		if (in->spec.n_argv < MAX) {
			in->argv[in->spec.n_argv++] = text;
		}
		break;
	case 'm': /* of the places in their order: '1' for one whose files are decided */
		for (size_t i = 0; i < text.n && i < ARRAY_LEN(in->each); i++) {
			in->each[i] = text.p[i] == '1' ? EACH_READ | EACH_WRITE : 0;
		}
		break;
	case 'c':
		in->spec.cwd = text;
		break;
	case 'p':
		in->machine.program.path = in->machine.program.real = text;
		break;
	default:
		break;
	}
}

static void must(bool holds)
{
	if (!holds) {
		abort();
	}
}

static bool within(struct str path, const char *dir)
{
	struct str d = str_from_c(dir);

	return str_starts_with(path, d) && (path.n == d.n || path.p[d.n] == '/');
}

/* What only the monitor opens, the program's own domain gives neither itself nor by a folder around it. */
static void check_monitored(const struct sandbox_plan *plan, size_t monitor)
{
	for (size_t i = 0; i < monitor; i++) {
		for (size_t k = monitor; k < plan->n_ops && plan->ops[i].kind == PLAN_MONITORED;
		     k++) {
			must(plan->ops[k].kind != PLAN_ALLOW ||
			     !within(plan->ops[i].target, plan->ops[k].target.p));
		}
	}
}

static void monitor(struct monitor *m, const void *arg)
{
	(void)m;
	(void)arg;
}

static void check(const struct sandbox_plan *plan)
{
	static const char *const system[] = {"/usr", "/bin",  "/sbin", "/lib",
					     "/etc", "/boot", "/proc", "/sys"};
	bool pivoted = false, landlock = false, seccomp = false, executed = false;

	for (size_t i = 0; i < plan->n_ops; i++) {
		const struct plan_op *op = &plan->ops[i];

		must(!executed);
		switch (op->kind) {
		case PLAN_BIND:
			must(!pivoted && op->source.n && op->target.p[0] == '/');
			must(!((op->flags & BIND_WRITE) && (op->flags & BIND_EXEC)));
			for (size_t k = 0; k < ARRAY_LEN(system); k++) {
				must(!(op->flags & BIND_WRITE) || !within(op->target, system[k]));
			}
			must(!within(op->target, "/dev") || (op->flags & BIND_DEVICE));
			for (size_t k = 0; k < i; k++) {
				const struct plan_op *other = &plan->ops[k];

				/* what lies in a place comes after it, or it would be hidden */
				must(other->kind != PLAN_BIND ||
				     !within(other->target, op->target.p));
			}
			break;
		case PLAN_PIVOT:
			pivoted = true;
			break;
		case PLAN_LANDLOCK:
			must(pivoted);
			landlock = true;
			break;
		case PLAN_SECCOMP:
			must(landlock);
			seccomp = true;
			break;
		case PLAN_EXEC:
			must(seccomp);
			executed = true;
			break;
		case PLAN_MONITOR:
			must(landlock);
			check_monitored(plan, i);
			break;
		case PLAN_MASK:
		case PLAN_OVERLAY:
		case PLAN_PIN:
		case PLAN_MONITORED:
			must(!pivoted && op->target.p[0] == '/');
			break;
		case PLAN_NAMESPACES:
		case PLAN_IDS:
		case PLAN_PIDS:
		case PLAN_LOOPBACK:
		case PLAN_CAPTURE:
		case PLAN_ROOT:
		case PLAN_DIR:
		case PLAN_LINK:
		case PLAN_FILE:
		case PLAN_TMP:
		case PLAN_PROC:
		case PLAN_WATCH:
		case PLAN_PTS:
		case PLAN_LISTEN:
		case PLAN_TERMINAL:
		case PLAN_HOSTNAME:
		case PLAN_INIT:
		case PLAN_CWD:
		case PLAN_LIMIT:
		case PLAN_ALLOW:
		case PLAN_CAPABILITIES:
		case PLAN_KIND_MAX:
			break;
		}
	}
	must(executed);
	for (char *const *v = plan->env; *v; v++) {
		must(strncmp(*v, "LD_", 3) != 0 && strchr(*v, '=') && **v != '=');
	}
}

/* A child may have carried these out before the plan was known. */
static void check_first(const struct sandbox_plan *first, const struct sandbox_plan *plan)
{
	must(first->n_ops > 0 && first->n_ops < plan->n_ops);
	for (size_t i = 0; i < first->n_ops; i++) {
		const struct plan_op *a = &first->ops[i], *b = &plan->ops[i];

		must(a->kind == b->kind && a->flags == b->flags && a->value == b->value &&
		     str_eq(a->source, b->source) && str_eq(a->target, b->target));
	}
}

/* What realpath() may give: nothing else comes from the machine. */
static bool is_real(struct str path)
{
	struct str rest = str_from(path, 1);

	if (path.n < 2 || path.p[0] != '/' || memchr(path.p, 0, path.n)) {
		return false;
	}
	while (rest.p) {
		struct str part = str_cut(&rest, '/');

		if (part.n == 0 || str_eq(part, STR(".")) || str_eq(part, STR(".."))) {
			return false;
		}
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct plan_place usr = {STR_INIT("/usr"), STR_INIT("/usr"), true};
	struct input in = {0};
	struct str rest = {(const char *)data, size};
	struct sandbox_plan plan, first;
	struct arena a;
	struct buf out;
	struct err err;

	in.spec = (struct sandbox_spec){.name = STR("fuzz"),
					.argv = in.argv,
					.env = in.env,
					.read = in.read,
					.write = in.write,
					.exec = in.exec,
					.each = in.each,
					.monitor = monitor};
	in.machine = (struct plan_machine){
		.uid = 1000,
		.gid = 1000,
		.kernel = {.landlock_abi = 7,
			   .user_namespaces = true,
			   .own_proc = true,
			   .pid_limit = true},
		.program = {STR("/usr/bin/true"), STR("/usr/bin/true"), false},
		.system = &usr,
		.n_system = 1};
	while (rest.p && rest.n) {
		line(&in, str_cut(&rest, '\n'));
	}
	memcpy(in.all, in.reads, in.spec.n_read * sizeof(in.all[0]));
	memcpy(in.all + in.spec.n_read, in.writes, in.spec.n_write * sizeof(in.all[0]));
	memcpy(in.all + in.spec.n_read + in.spec.n_write, in.execs,
	       in.spec.n_exec * sizeof(in.all[0]));
	in.machine.places = in.all;
	in.machine.n_places = in.spec.n_read + in.spec.n_write + in.spec.n_exec;
	in.prefix.path = in.prefix.real = plan_program_prefix(in.machine.program.path, STR(""));
	in.machine.prefixes = &in.prefix;
	in.machine.n_prefixes = 1;
	for (size_t i = 0; i < in.machine.n_places; i++) {
		if (!is_real(in.all[i].real)) {
			return 0;
		}
	}
	if (!is_real(in.machine.program.path)) {
		return 0;
	}
	arena_init(&a, 4 << 20);
	buf_init(&out, 1 << 20);
	if (plan_build(&a, &in.spec, &in.machine, &plan, &err) == ERR_OK) {
		check(&plan);
		must(plan_first(&a, &in.spec, &in.machine, &first, &err) == ERR_OK);
		check_first(&first, &plan);
		plan_print(&plan, &out);
		must(!out.failed);
	}
	buf_done(&out);
	arena_done(&a);
	return 0;
}
