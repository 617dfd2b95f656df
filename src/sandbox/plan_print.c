/* SPDX-License-Identifier: Apache-2.0 */
/* A plan as text: one line for each operation, in order. */
#include "sandbox/plan.h"

#include <sched.h>
#include <sys/resource.h>

static void print_bits(struct buf *out, uint64_t bits, const char *const *names, size_t n)
{
	const char *before = " ";

	for (size_t i = 0; i < n; i++) {
		if (names[i] && (bits >> i & 1)) {
			buf_printf(out, "%s%s", before, names[i]);
			before = ",";
		}
	}
}

static void print_namespaces(struct buf *out, uint64_t flags)
{
	static const struct {
		uint64_t flag;
		const char *name;
	} kinds[] = {{CLONE_NEWUSER, "user"},    {CLONE_NEWNS, "mount"}, {CLONE_NEWPID, "pid"},
		     {CLONE_NEWIPC, "ipc"},      {CLONE_NEWUTS, "uts"},  {CLONE_NEWNET, "net"},
		     {CLONE_NEWCGROUP, "cgroup"}};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (flags & kinds[i].flag) {
			buf_printf(out, " %s", kinds[i].name);
		}
	}
}

static void print_limit(struct buf *out, const struct plan_op *op)
{
	static const char *const names[] = {
		[RLIMIT_CORE] = "core",       [RLIMIT_NOFILE] = "files",
		[RLIMIT_NPROC] = "processes", [RLIMIT_FSIZE] = "file-size",
		[RLIMIT_DATA] = "memory",
	};
	const char *name = op->flags < ARRAY_LEN(names) ? names[op->flags] : NULL;

	buf_printf(out, " %s %llu", name ? name : "?", (unsigned long long)op->value);
}

enum { SHOWN_TEXT = 512 };

/* A file's text on one line; of a long one, its size. */
static void print_text(struct buf *out, struct str text)
{
	if (text.n > SHOWN_TEXT) {
		buf_printf(out, "%zu bytes", text.n);
		return;
	}
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\n') {
			buf_append(out, STR("\\n"));
		} else {
			buf_append_c(out, text.p[i]);
		}
	}
}

const char *plan_op_name(const struct plan_op *op)
{
	static const char *const names[PLAN_KIND_MAX] = {
		[PLAN_NAMESPACES] = "namespaces",
		[PLAN_IDS] = "ids",
		[PLAN_PIDS] = "pids",
		[PLAN_LOOPBACK] = "loopback",
		[PLAN_CAPTURE] = "capture",
		[PLAN_ROOT] = "root",
		[PLAN_DIR] = "dir",
		[PLAN_LINK] = "link",
		[PLAN_FILE] = "file",
		[PLAN_BIND] = "bind",
		[PLAN_TMP] = "tmp",
		[PLAN_PROC] = "proc",
		[PLAN_WATCH] = "watch",
		[PLAN_PIVOT] = "pivot",
		[PLAN_HOSTNAME] = "hostname",
		[PLAN_INIT] = "init",
		[PLAN_CWD] = "cwd",
		[PLAN_LIMIT] = "limit",
		[PLAN_ALLOW] = "allow",
		[PLAN_LANDLOCK] = "landlock",
		[PLAN_CAPABILITIES] = "capabilities",
		[PLAN_SECCOMP] = "seccomp",
		[PLAN_EXEC] = "exec",
		[PLAN_OVERLAY] = "overlay",
		[PLAN_PIN] = "pin",
		[PLAN_PTS] = "pts",
		[PLAN_MASK] = "mask",
		[PLAN_MONITORED] = "monitored",
		[PLAN_MONITOR] = "monitor",
		[PLAN_LISTEN] = "listen",
		[PLAN_TERMINAL] = "terminal",
	};

	return op->kind < PLAN_KIND_MAX ? names[op->kind] : "?";
}

void plan_op_print(const struct sandbox_plan *plan, const struct plan_op *op, struct buf *out)
{
	static const char *const binds[] = {"write", "exec", "device", "dir", "libraries"};
	static const char *const files[] = {"read", "write", "make", "socket", "exec", "device"};
	static const char *const memory[] = {"none", "files", "any", "any, memory files too,"};

	switch (op->kind) {
	case PLAN_NAMESPACES:
		print_namespaces(out, op->value);
		break;
	case PLAN_IDS:
		buf_printf(out, " %u:%u", (unsigned)(op->value >> 32), (unsigned)op->value);
		break;
	case PLAN_PIDS:
	case PLAN_ROOT:
		buf_printf(out, " %llu", (unsigned long long)op->value);
		break;
	case PLAN_TMP:
		buf_printf(out, " " STR_FMT " %llu", STR_ARG(op->target),
			   (unsigned long long)op->value);
		print_bits(out, op->flags, binds, ARRAY_LEN(binds));
		break;
	case PLAN_LISTEN:
		if (op->flags & LISTEN_REFUSALS) {
			buf_printf(out, " for %s that are refused over IPv%u",
				   op->flags & LISTEN_DATAGRAM ? "datagrams" : "connections",
				   (unsigned)op->value);
			break;
		}
		buf_printf(out, " %s:%llu%s", op->flags & LISTEN_ANY ? "*" : "127.0.0.1",
			   (unsigned long long)op->value,
			   op->flags & LISTEN_DATAGRAM ? " udp" : "");
		break;
	case PLAN_LINK:
		buf_printf(out, " " STR_FMT " -> " STR_FMT, STR_ARG(op->target),
			   STR_ARG(op->source));
		break;
	case PLAN_FILE:
		buf_printf(out, " " STR_FMT " ", STR_ARG(op->target));
		print_text(out, op->source);
		break;
	case PLAN_BIND:
	case PLAN_OVERLAY:
	case PLAN_PIN:
	case PLAN_MASK:
	case PLAN_MONITORED:
		buf_printf(out, " " STR_FMT, STR_ARG(op->target));
		print_bits(out, op->flags, binds, ARRAY_LEN(binds));
		break;
	case PLAN_DIR:
	case PLAN_PTS:
	case PLAN_PROC:
	case PLAN_CWD:
		buf_printf(out, " " STR_FMT, STR_ARG(op->target));
		break;
	case PLAN_HOSTNAME:
	case PLAN_EXEC:
		buf_printf(out, " " STR_FMT, STR_ARG(op->source));
		break;
	case PLAN_LIMIT:
		print_limit(out, op);
		break;
	case PLAN_ALLOW:
		buf_printf(out, " " STR_FMT, STR_ARG(op->target));
		print_bits(out, op->flags, files, ARRAY_LEN(files));
		break;
	case PLAN_LANDLOCK:
		buf_printf(out, " ports %s", op->flags ? "open" : "closed");
		break;
	case PLAN_SECCOMP:
		buf_printf(out, " executable-memory %s%s", memory[plan->seccomp.exec],
			   plan->seccomp.families & FAMILY_INET ? " sockets unix,inet"
								: " sockets unix");
		buf_append(out, plan->seccomp.notify == NOTIFY_ALL       ? STR(" monitored")
				: plan->seccomp.notify == NOTIFY_CHANGES ? STR(" changes monitored")
									 : STR(""));
		break;
	case PLAN_LOOPBACK:
	case PLAN_CAPTURE:
	case PLAN_WATCH:
	case PLAN_PIVOT:
	case PLAN_INIT:
	case PLAN_TERMINAL:
	case PLAN_MONITOR:
	case PLAN_CAPABILITIES:
	case PLAN_KIND_MAX:
		break;
	}
}

void plan_print(const struct sandbox_plan *plan, struct buf *out)
{
	for (size_t i = 0; i < plan->n_ops; i++) {
		buf_printf(out, "%s", plan_op_name(&plan->ops[i]));
		plan_op_print(plan, &plan->ops[i], out);
		buf_append_c(out, '\n');
	}
	if (plan->missing) {
		buf_append(out, STR("missing "));
		plan_print_missing(plan->missing, out);
		buf_append_c(out, '\n');
	}
}

void plan_print_missing(unsigned missing, struct buf *out)
{
	static const struct {
		unsigned bit;
		struct str text;
	} layers[] = {
		{PLAN_NO_NAMESPACES,
		 STR_INIT("no namespaces (files by Landlock only, network by the system call list "
			  "only)")},
		{PLAN_NO_LANDLOCK, STR_INIT("no Landlock")},
		{PLAN_NO_LANDLOCK_SCOPES, STR_INIT("no Landlock scopes (needs Linux 6.12)")},
		{PLAN_NO_PROC, STR_INIT("no /proc")},
		{PLAN_NO_PID_LIMIT,
		 STR_INIT("no bound on processes for root (needs Linux 6.14, or run Writ as an "
			  "ordinary user)")},
	};
	const char *before = "";

	for (size_t i = 0; i < ARRAY_LEN(layers); i++) {
		if (missing & layers[i].bit) {
			buf_printf(out, "%s" STR_FMT, before, STR_ARG(layers[i].text));
			before = "; ";
		}
	}
}
