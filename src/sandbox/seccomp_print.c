/* SPDX-License-Identifier: Apache-2.0 */
/* Filters as text: the list for people, the program for golden tests. */
#include "sandbox/seccomp_priv.h"

#include <stddef.h>

const char *seccomp_call_name(uint32_t nr)
{
	for (size_t i = 0; i < seccomp_n_calls; i++) {
		if (seccomp_calls[i].nr == nr) {
			return seccomp_calls[i].name;
		}
	}
	return NULL;
}

static void print_values(struct buf *out, const struct check *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		buf_printf(out, "%s%#x", i ? "," : "", c->values[i]);
	}
}

static void print_check(struct buf *out, const struct seccomp_spec *spec, const struct check *c)
{
	buf_printf(out, " arg%u", c->arg);
	if (c->mask && (c->kind == CHECK_ONE_OF || c->kind == CHECK_NONE_OF)) {
		buf_printf(out, "&%#x", c->mask);
	}
	switch (c->kind) {
	case CHECK_BITS_CLEAR:
		buf_printf(out, " without %#x", c->mask);
		break;
	case CHECK_BITS_SET:
		buf_printf(out, " with %#x", c->mask);
		break;
	case CHECK_NOT_ALL:
		buf_printf(out, " not all of %#x", c->mask);
		break;
	case CHECK_ONE_OF:
		buf_append(out, STR(" in "));
		print_values(out, c);
		break;
	case CHECK_NONE_OF:
		buf_append(out, STR(" not in "));
		print_values(out, c);
		break;
	case CHECK_ZERO:
		buf_append(out, STR(" is 0"));
		break;
	case CHECK_SELF:
		buf_printf(out, " is %u", spec->self);
		break;
	case CHECK_UNLESS_ROUTE:
		buf_append(out, STR(" allowed if AF_NETLINK with NETLINK_ROUTE, else"));
		return;
	case CHECK_NEVER:
		buf_append(out, STR(" never"));
		break;
	}
	buf_printf(out, " else errno %u", c->fails_with);
}

void seccomp_print_list(const struct seccomp_spec *spec, struct buf *out)
{
	for (size_t i = 0; i < seccomp_n_calls; i++) {
		const struct seccomp_call *call = &seccomp_calls[i];
		struct check checks[SECCOMP_MAX_CHECKS];
		size_t n;

		if (!(call->sets & spec->calls)) {
			continue;
		}
		buf_printf(out, "%s", call->name);
		n = seccomp_checks(spec, call->rule, checks);
		for (size_t k = 0; k < n; k++) {
			buf_append(out, k ? STR(";") : STR(":"));
			print_check(out, spec, &checks[k]);
		}
		if (spec->notify && (call->sets & CALLS_NOTIFIED)) {
			buf_append(out, STR(" notified"));
		}
		buf_append_c(out, '\n');
	}
}

static void print_load(struct buf *out, uint32_t k)
{
	if (k == offsetof(struct seccomp_data, nr)) {
		buf_append(out, STR("load nr"));
	} else if (k == offsetof(struct seccomp_data, arch)) {
		buf_append(out, STR("load arch"));
	} else {
		uint32_t at = k - (uint32_t)offsetof(struct seccomp_data, args);

		buf_printf(out, "load arg%u %s", at / 8, at % 8 ? "high" : "low");
	}
}

static void print_return(struct buf *out, uint32_t k)
{
	switch (k & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
		buf_append(out, STR("allow"));
		return;
	case SECCOMP_RET_KILL_PROCESS:
		buf_append(out, STR("kill"));
		return;
	case SECCOMP_RET_ERRNO:
		buf_printf(out, "errno %u", k & SECCOMP_RET_DATA);
		return;
	case SECCOMP_RET_LOG:
		buf_append(out, STR("allow and log"));
		return;
	case SECCOMP_RET_USER_NOTIF:
		buf_append(out, STR("notify"));
		return;
	default:
		buf_printf(out, "return %#x", k);
		return;
	}
}

void seccomp_print_program(const struct seccomp_program *program, struct buf *out)
{
	for (size_t i = 0; i < program->n; i++) {
		const struct sock_filter *f = &program->code[i];
		size_t yes = i + 1 + f->jt, no = i + 1 + f->jf;

		buf_printf(out, "%4zu  ", i);
		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			print_load(out, f->k);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			buf_printf(out, "and %#x", f->k);
			break;
		case BPF_JMP | BPF_JA:
			buf_printf(out, "goto %zu", i + 1 + f->k);
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			buf_printf(out, "if == %#x goto %zu else %zu", f->k, yes, no);
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			buf_printf(out, "if >= %u goto %zu else %zu", f->k, yes, no);
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			buf_printf(out, "if & %#x goto %zu else %zu", f->k, yes, no);
			break;
		case BPF_RET | BPF_K:
			print_return(out, f->k);
			break;
		default:
			buf_printf(out, "code %#x k %#x", f->code, f->k);
			break;
		}
		buf_append_c(out, '\n');
	}
}
