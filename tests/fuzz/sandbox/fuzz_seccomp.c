/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any set of calls, any call with any arguments: the program must end with a
 * return, never jump outside, and never allow a call that no chosen set contains.
 */
#include "sandbox/seccomp_priv.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t run(const struct seccomp_program *p, const struct seccomp_data *d)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < p->n;) {
		const struct sock_filter *f = &p->code[pc++];

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (f->k % 4 || f->k + 4 > sizeof(*d)) {
				abort();
			}
			memcpy(&a, (const char *)d + f->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= f->k;
			break;
		case BPF_JMP | BPF_JA:
			pc += f->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += a >= f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			pc += a & f->k ? f->jt : f->jf;
			break;
		case BPF_RET | BPF_K:
			return f->k;
		default:
			abort();
		}
	}
	abort();
}

static bool listed(unsigned sets, uint32_t nr)
{
	for (size_t i = 0; i < seccomp_n_calls; i++) {
		if (seccomp_calls[i].nr == nr) {
			return seccomp_calls[i].sets & sets;
		}
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seccomp_program program;
	struct seccomp_data d = {.arch = UAPI_AUDIT_ARCH};
	struct seccomp_spec spec;
	struct arena a;
	struct err err;
	uint32_t got;

	if (size < 6) {
		return 0;
	}
	spec = (struct seccomp_spec){.calls = data[0] | (unsigned)data[1] << 8,
				     .families = data[2] & 3,
				     .otherwise = (enum seccomp_otherwise)(data[3] % 2),
				     .exec = (enum seccomp_exec)(data[4] % 3),
				     .self = data[5]};
	arena_init(&a, 1 << 20);
	if (seccomp_build(&a, &spec, &program, &err) != ERR_OK) {
		abort();
	}
	for (data += 6, size -= 6; size >= 4;) {
		size_t n = size < 52 ? size : 52;

		memset(&d.args, 0, sizeof(d.args));
		memcpy(&d.nr, data, 4);
		memcpy(&d.args, data + 4, n - 4);
		data += n;
		size -= n;
		got = run(&program, &d);
		if (got == SECCOMP_RET_ALLOW && !listed(spec.calls, (uint32_t)d.nr)) {
			abort();
		}
		d.arch ^= 1;
		if (run(&program, &d) != SECCOMP_RET_KILL_PROCESS) {
			abort();
		}
		d.arch ^= 1;
	}
	arena_done(&a);
	return 0;
}
