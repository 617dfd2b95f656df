/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program:
 *
 *	architecture is ours?        else kill
 *	x32 bit clear? (x86-64)      else kill
 *	binary search over intervals of call numbers; each ends in
 *	    allow | otherwise | checks of the arguments, then allow
 *
 * Intervals cover all numbers without a gap: neighbouring calls that are simply
 * allowed share one, and what lies between is `otherwise`.
 *
 * It is written from its end: what a comparison jumps to is there already, so one instruction is enough
 * for it, and returns are shared as far as a conditional jump reaches. The kernel compiles the program at
 * every start of a sandbox, so its length is time.
 */
#include "sandbox/seccomp_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	MAX_CODE = BPF_MAXINSNS,
	MAX_CALLS = 512, /* numbers */
	MAX_PART = 128,
	REACH = UINT8_MAX, /* of a conditional jump */
	NEWEST_CALL =
		450, /* set_mempolicy_home_node: the last in the headers this was written with */
};

enum verdict { OTHERWISE, ALLOW, CHECKS, UNKNOWN };

struct interval {
	uint32_t start; /* up to the start of the next one */
	enum verdict verdict;
	enum call_rule rule; /* of CHECKS */
	bool notify;         /* of CHECKS: then the listener is asked */
};

struct builder {
	const struct seccomp_spec *spec;
	struct interval *intervals;
	size_t n_intervals;
	struct sock_filter *code; /* of the whole, in [first, MAX_CODE) */
	size_t first;
	bool full;
	struct sock_filter part[MAX_PART]; /* the checks of one call, in order */
	size_t n;
};

static void emit(struct builder *b, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	if (b->n >= MAX_PART) {
		b->full = true;
		return;
	}
	b->part[b->n++] = (struct sock_filter){.code = code, .jt = jt, .jf = jf, .k = k};
}

static void emit_return(struct builder *b, uint32_t action)
{
	emit(b, BPF_RET | BPF_K, action, 0, 0);
}

static void emit_load(struct builder *b, size_t offset)
{
	emit(b, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void emit_load_arg(struct builder *b, unsigned arg, bool high)
{
	/* Both architectures are little endian: the low word comes first. */
	emit_load(b, offsetof(struct seccomp_data, args) + arg * 8U + (high ? 4U : 0U));
}

/* Jumps over the `return` that follows when one of the values matches (`hit`) or none does. */
static void emit_values(struct builder *b, const uint32_t *values, uint32_t n, bool hit)
{
	for (uint32_t i = 0; i < n; i++) {
		uint8_t left = (uint8_t)(n - 1 - i);

		if (hit) {
			emit(b, BPF_JMP | BPF_JEQ | BPF_K, values[i], (uint8_t)(left + 1), 0);
		} else {
			emit(b, BPF_JMP | BPF_JEQ | BPF_K, values[i], left, left == 0 ? 1 : 0);
		}
	}
}

/* socket(AF_NETLINK, SOCK_RAW or SOCK_DGRAM, NETLINK_ROUTE) is allowed; else falls through. */
static void emit_route(struct builder *b)
{
	emit_load_arg(b, 0, false);
	emit(b, BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 7);
	emit_load_arg(b, 2, false);
	emit(b, BPF_JMP | BPF_JEQ | BPF_K, NETLINK_ROUTE, 0, 5);
	emit_load_arg(b, 1, false);
	emit(b, BPF_ALU | BPF_AND | BPF_K, 0xf, 0, 0);
	emit(b, BPF_JMP | BPF_JEQ | BPF_K, SOCK_RAW, 1, 0);
	emit(b, BPF_JMP | BPF_JEQ | BPF_K, SOCK_DGRAM, 0, 1);
	emit_return(b, SECCOMP_RET_ALLOW);
}

/* One check: falls through when it holds, returns the errno when not. */
static void emit_check(struct builder *b, const struct check *c)
{
	if (c->kind == CHECK_UNLESS_ROUTE) {
		emit_route(b);
		return;
	}
	if (c->kind != CHECK_NEVER) {
		emit_load_arg(b, c->arg, false);
	}
	switch (c->kind) {
	case CHECK_BITS_CLEAR:
		emit(b, BPF_JMP | BPF_JSET | BPF_K, c->mask, 0, 1);
		break;
	case CHECK_BITS_SET:
		emit(b, BPF_JMP | BPF_JSET | BPF_K, c->mask, 1, 0);
		break;
	case CHECK_NOT_ALL:
		emit(b, BPF_ALU | BPF_AND | BPF_K, c->mask, 0, 0);
		emit(b, BPF_JMP | BPF_JEQ | BPF_K, c->mask, 0, 1);
		break;
	case CHECK_ONE_OF:
	case CHECK_NONE_OF:
		if (c->mask) {
			emit(b, BPF_ALU | BPF_AND | BPF_K, c->mask, 0, 0);
		}
		emit_values(b, c->values, c->n, c->kind == CHECK_ONE_OF);
		break;
	case CHECK_ZERO:
		emit(b, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2);
		emit_load_arg(b, c->arg, true);
		emit(b, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
		break;
	case CHECK_SELF:
		emit(b, BPF_JMP | BPF_JEQ | BPF_K, b->spec->self, 1, 0);
		break;
	case CHECK_UNLESS_ROUTE:
	case CHECK_NEVER:
		break;
	}
	emit_return(b, SECCOMP_RET_ERRNO | c->fails_with);
}

static uint32_t otherwise(enum seccomp_otherwise how)
{
	switch (how) {
	case SECCOMP_KILLS:
		return SECCOMP_RET_KILL_PROCESS;
	case SECCOMP_REFUSES:
		return SECCOMP_RET_ERRNO | EPERM;
	case SECCOMP_REPORTS:
		return SECCOMP_RET_LOG;
	}
	return SECCOMP_RET_KILL_PROCESS;
}

/* Puts instructions before all that there is; where they stand then. */
static size_t put(struct builder *b, const struct sock_filter *code, size_t n)
{
	if (b->full || n > b->first) {
		b->full = true;
		return b->first;
	}
	b->first -= n;
	memcpy(&b->code[b->first], code, n * sizeof(*code));
	return b->first;
}

/* What emit_... wrote since the last time. */
static size_t put_part(struct builder *b)
{
	size_t n = b->n;

	b->n = 0;
	return put(b, b->part, n);
}

static size_t put_return(struct builder *b, uint32_t action)
{
	for (size_t i = b->first; i < MAX_CODE && i - b->first < REACH / 2; i++) {
		if (b->code[i].code == (BPF_RET | BPF_K) && b->code[i].k == action) {
			return i;
		}
	}
	emit_return(b, action);
	return put_part(b);
}

/* What passed its checks, and is asked about unless it only reads and reading is not asked about. */
static void emit_notify(struct builder *b, enum call_rule rule)
{
	bool opens = rule == RULE_OPEN || rule == RULE_OPENAT;

	if (opens && b->spec->notify == NOTIFY_CHANGES) {
		emit_load_arg(b, rule == RULE_OPEN ? 1 : 2, false);
		emit(b, BPF_JMP | BPF_JSET | BPF_K, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC, 1, 0);
		emit_return(b, SECCOMP_RET_ALLOW);
	}
	emit_return(b, SECCOMP_RET_USER_NOTIF);
}

static size_t put_leaf(struct builder *b, const struct interval *in)
{
	struct check checks[SECCOMP_MAX_CHECKS];
	size_t n;

	switch (in->verdict) {
	case OTHERWISE:
		return put_return(b, otherwise(b->spec->otherwise));
	case UNKNOWN:
		return put_return(b, b->spec->otherwise == SECCOMP_REFUSES
					     ? SECCOMP_RET_ERRNO | ENOSYS
					     : otherwise(b->spec->otherwise));
	case CHECKS:
		n = seccomp_checks(b->spec, in->rule, checks);
		for (size_t i = 0; i < n; i++) {
			emit_check(b, &checks[i]);
		}
		if (in->notify) {
			emit_notify(b, in->rule);
		} else if (n == 0 || checks[n - 1].kind != CHECK_NEVER) {
			emit_return(b, SECCOMP_RET_ALLOW);
		}
		return put_part(b);
	case ALLOW:
		break;
	}
	return put_return(b, SECCOMP_RET_ALLOW);
}

/* Something that leads to `at` and that the next instruction's jump reaches, with one put between. */
static size_t bring_near(struct builder *b, size_t at)
{
	struct sock_filter f = {.code = BPF_JMP | BPF_JA, .k = (uint32_t)(at - b->first)};

	if (b->full || at - b->first < REACH) {
		return at;
	}
	return put(b, b->code[at].code == (BPF_RET | BPF_K) ? &b->code[at] : &f, 1);
}

/* Intervals [from, to): one leaf, or a comparison with two halves behind it. */
static size_t put_tree(struct builder *b, size_t from, size_t to)
{
	size_t middle = from + (to - from) / 2, above, below;
	struct sock_filter f = {.code = BPF_JMP | BPF_JGE | BPF_K};

	if (to - from == 1) {
		return put_leaf(b, &b->intervals[from]);
	}
	above = put_tree(b, middle, to);
	below = put_tree(b, from, middle);
	above = bring_near(b, above);
	below = bring_near(b, below);
	f.k = b->intervals[middle].start;
	f.jt = (uint8_t)(above - b->first);
	f.jf = (uint8_t)(below - b->first);
	return put(b, &f, 1);
}

/* The other architectures of the machine, and the x32 numbers of this one, have no way in. */
static void put_prologue(struct builder *b)
{
	emit_load(b, offsetof(struct seccomp_data, arch));
	emit(b, BPF_JMP | BPF_JEQ | BPF_K, UAPI_AUDIT_ARCH, 1, 0);
	emit_return(b, SECCOMP_RET_KILL_PROCESS);
	emit_load(b, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
	emit(b, BPF_JMP | BPF_JSET | BPF_K, UAPI_X32_BIT, 0, 1);
	emit_return(b, SECCOMP_RET_KILL_PROCESS);
#endif
	(void)put_part(b);
}

static bool is_notified(const struct seccomp_spec *spec, const struct seccomp_call *call)
{
	return spec->notify && (call->sets & CALLS_NOTIFIED);
}

/* `call`: of CHECKS; else NULL. */
static void add_interval(struct builder *b, uint32_t start, enum verdict verdict,
			 const struct seccomp_call *call)
{
	struct interval *last = b->n_intervals ? &b->intervals[b->n_intervals - 1] : NULL;

	if (last && last->start == start) { /* replaces an empty one */
		b->n_intervals--;
		last = b->n_intervals ? &b->intervals[b->n_intervals - 1] : NULL;
	}
	if (last && last->verdict == verdict && verdict != CHECKS) {
		return;
	}
	b->intervals[b->n_intervals++] =
		(struct interval){.start = start,
				  .verdict = verdict,
				  .rule = call ? call->rule : RULE_NONE,
				  .notify = call && is_notified(b->spec, call)};
}

/* `calls` by their numbers; NULL: not on the list. */
static void make_intervals(struct builder *b, const struct seccomp_call *const calls[MAX_CALLS])
{
	struct check unused[SECCOMP_MAX_CHECKS];

	add_interval(b, 0, OTHERWISE, NULL);
	for (uint32_t nr = 0; nr < MAX_CALLS; nr++) {
		if (calls[nr]) {
			bool checked = seccomp_checks(b->spec, calls[nr]->rule, unused) > 0 ||
				       is_notified(b->spec, calls[nr]);

			add_interval(b, nr, checked ? CHECKS : ALLOW, calls[nr]);
			add_interval(b, nr + 1, OTHERWISE, NULL);
		}
	}
	add_interval(b, NEWEST_CALL + 1, UNKNOWN, NULL);
}

enum err_code seccomp_build(struct arena *a, const struct seccomp_spec *spec,
			    struct seccomp_program *ret, struct err *err)
{
	const struct seccomp_call *calls[MAX_CALLS] = {NULL};
	struct builder b = {.spec = spec, .first = MAX_CODE};

	_Static_assert(sizeof(struct sock_filter) == 8, "the kernel's layout");
	/* Most of them is never touched, so they are not cleared either. */
	b.intervals = arena_alloc(a, (2 * seccomp_n_calls + 2) * sizeof(*b.intervals));
	b.code = arena_alloc(a, MAX_CODE * sizeof(*b.code));
	if (!b.intervals || !b.code) {
		return ERR(err, ERR_NOMEM, "out of memory for a system call filter");
	}
	for (size_t i = 0; i < seccomp_n_calls; i++) {
		if (seccomp_calls[i].sets & spec->calls) {
			ASSERT(seccomp_calls[i].nr <= NEWEST_CALL);
			calls[seccomp_calls[i].nr] = &seccomp_calls[i];
		}
	}
	make_intervals(&b, calls);

	/* The root is put last, so it stands where the prologue falls through to. */
	(void)put_tree(&b, 0, b.n_intervals);
	put_prologue(&b);
	if (b.full) {
		return ERR(err, ERR_LIMIT, "the system call filter is longer than %d instructions",
			   MAX_CODE);
	}
	*ret = (struct seccomp_program){.code = b.code + b.first,
					.n = (uint16_t)(MAX_CODE - b.first)};
	return ERR_OK;
}

static enum err_code enter(const struct seccomp_program *program, unsigned flags, int *ret,
			   struct err *err)
{
	struct sock_fprog fprog = {.len = program->n, .filter = program->code};
	long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &fprog);

	if (fd < 0) {
		if (errno == ENOSYS) {
			return ERR(err, ERR_UNSUPPORTED, "this kernel has no seccomp filters");
		}
		return ERR_ERRNO(err, "seccomp filter");
	}
	*ret = (int)fd;
	return ERR_OK;
}

enum err_code seccomp_enter(const struct seccomp_program *program, struct err *err)
{
	int none;

	return enter(program, 0, &none, err);
}

enum err_code seccomp_enter_heard(const struct seccomp_program *program, int *ret_listener,
				  struct err *err)
{
	/* A call that was taken up is not begun anew by each signal: runtimes that send many would ask for ever. */
	return enter(program,
		     SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
		     ret_listener, err);
}
