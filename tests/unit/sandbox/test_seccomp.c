/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter programs run here in a small interpreter, over every call number and
 * over the arguments that rules look at; the oracle is the plain meaning of the
 * sets. The golden files hold the lists and programs of typical specs.
 */
#include "tests/test.h"
#include "tests/unit/sandbox/golden.h"

#include "sandbox/seccomp.h"
#include "sandbox/seccomp_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define KILL  SECCOMP_RET_KILL_PROCESS
#define ALLOW SECCOMP_RET_ALLOW

struct machine {
	struct arena a;
	struct seccomp_program program;
	struct seccomp_spec spec;
};

static uint32_t load(const struct seccomp_data *d, uint32_t at)
{
	uint32_t v;

	assert_true(at % 4 == 0 && at + 4 <= sizeof(*d));
	memcpy(&v, (const char *)d + at, sizeof(v));
	return v;
}

/* A jump outside the program or no return is a failure, as for the kernel. */
static uint32_t run(const struct seccomp_program *p, const struct seccomp_data *d)
{
	uint32_t a = 0;

	for (size_t pc = 0, steps = 0; pc < p->n && steps < 10000; steps++) {
		const struct sock_filter *f = &p->code[pc++];

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			a = load(d, f->k);
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
			fail_msg("unexpected instruction %#x", f->code);
		}
	}
	fail_msg("the program ends without a return");
	return 0;
}

static struct machine machine(struct seccomp_spec spec)
{
	struct machine m = {.spec = spec};
	struct err err;

	arena_init(&m.a, 1 << 20);
	if (seccomp_build(&m.a, &m.spec, &m.program, &err) != ERR_OK) {
		fail_msg("%s", err.msg);
	}
	assert_true(m.program.n > 0);
	return m;
}

static uint32_t call(const struct machine *m, uint32_t nr, const uint64_t args[6])
{
	struct seccomp_data d = {.nr = (int)nr, .arch = UAPI_AUDIT_ARCH};

	if (args) {
		memcpy(d.args, args, sizeof(d.args));
	}
	return run(&m->program, &d);
}

#define ARGS(...)                                                                                  \
	(const uint64_t[6])                                                                        \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

static uint32_t failing(int error)
{
	return SECCOMP_RET_ERRNO | (uint32_t)error;
}

static const struct seccomp_spec gate = {.calls = CALLS_BASE | CALLS_LOOP | CALLS_SOCKET};
static const struct seccomp_spec connector = {.calls = CALLS_BASE | CALLS_LOOP | CALLS_SOCKET |
						       CALLS_DIAL | CALLS_READ,
					      .families = FAMILY_UNIX | FAMILY_INET};
static const struct seccomp_spec scribe = {.calls = CALLS_BASE | CALLS_LOOP | CALLS_SOCKET |
						    CALLS_READ | CALLS_WRITE | CALLS_SYNC};
#define ALL_PROGRAM                                                                                \
	(CALLS_BASE | CALLS_LOOP | CALLS_SOCKET | CALLS_DIAL | CALLS_LISTEN | CALLS_READ |         \
	 CALLS_WRITE | CALLS_SYNC | CALLS_CHILD | CALLS_THREAD | CALLS_PROGRAM)
static const struct seccomp_spec program = {.calls = ALL_PROGRAM,
					    .families = FAMILY_UNIX,
					    .otherwise = SECCOMP_REFUSES,
					    .exec = EXEC_FILES};
static const struct seccomp_spec node = {.calls = ALL_PROGRAM,
					 .families = FAMILY_UNIX,
					 .otherwise = SECCOMP_REFUSES,
					 .exec = EXEC_ANY};
static const struct seccomp_spec cuda = {.calls = ALL_PROGRAM,
					 .families = FAMILY_UNIX,
					 .otherwise = SECCOMP_REFUSES,
					 .exec = EXEC_MEMFD};
static const struct seccomp_spec runner = {.calls = ALL_PROGRAM | CALLS_CONTAIN,
					   .families = FAMILY_UNIX,
					   .otherwise = SECCOMP_REFUSES,
					   .exec = EXEC_ANY};

static const struct seccomp_spec init = {.calls = CALLS_INIT};
static const struct seccomp_spec asked = {.calls = ALL_PROGRAM,
					  .families = FAMILY_UNIX,
					  .otherwise = SECCOMP_REFUSES,
					  .exec = EXEC_ANY,
					  .notify = NOTIFY_ALL};
static const struct seccomp_spec monitor = {.calls = CALLS_BASE | CALLS_SOCKET | CALLS_READ |
						     CALLS_WRITE | CALLS_WATCH};

static bool in_sets(const struct seccomp_spec *spec, uint32_t nr)
{
	for (size_t i = 0; i < seccomp_n_calls; i++) {
		if (seccomp_calls[i].nr == nr && (seccomp_calls[i].sets & spec->calls)) {
			return true;
		}
	}
	return false;
}

static bool has_rule(uint32_t nr)
{
	for (size_t i = 0; i < seccomp_n_calls; i++) {
		if (seccomp_calls[i].nr == nr) {
			return seccomp_calls[i].rule != RULE_NONE;
		}
	}
	return false;
}

static void every_number_gets_what_the_sets_say(void **state)
{
	const struct seccomp_spec *specs[] = {&gate, &connector, &scribe, &program,
					      &node, &runner,    &init};

	(void)state;
	for (size_t s = 0; s < ARRAY_LEN(specs); s++) {
		struct machine m = machine(*specs[s]);
		uint32_t not_listed = m.spec.otherwise == SECCOMP_KILLS ? KILL : failing(EPERM);
		uint32_t newer = m.spec.otherwise == SECCOMP_KILLS ? KILL : failing(ENOSYS);

		for (uint32_t nr = 0; nr < 1024; nr++) {
			uint32_t got = call(&m, nr, NULL);

			if (nr > 450) {
				assert_int_equal(got, newer);
			} else if (!in_sets(specs[s], nr)) {
				assert_int_equal(got, not_listed);
			} else if (!has_rule(nr)) {
				assert_int_equal(got, ALLOW);
			} else {
				assert_true(got == ALLOW ||
					    (got & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO);
			}
		}
		assert_int_equal(call(&m, UINT32_MAX >> 2, NULL), newer);
		arena_done(&m.a);
	}
}

static void no_call_is_listed_twice(void **state)
{
	(void)state;
	for (size_t i = 0; i < seccomp_n_calls; i++) {
		for (size_t k = i + 1; k < seccomp_n_calls; k++) {
			assert_int_not_equal(seccomp_calls[i].nr, seccomp_calls[k].nr);
		}
		assert_int_not_equal(seccomp_calls[i].sets, 0);
	}
}

static void other_architectures_are_killed(void **state)
{
	struct machine m = machine(runner);
	struct seccomp_data d = {.nr = SYS_read, .arch = AUDIT_ARCH_I386};

	(void)state;
	assert_int_equal(run(&m.program, &d), KILL);
	d.arch = UAPI_AUDIT_ARCH;
	assert_int_equal(run(&m.program, &d), ALLOW);
#ifdef __x86_64__
	d.nr = (int)(SYS_read | UAPI_X32_BIT);
	assert_int_equal(run(&m.program, &d), KILL);
#endif
	arena_done(&m.a);
}

static void escapes_are_in_no_set(void **state)
{
	static const uint32_t never[] = {
		SYS_io_uring_setup,
		SYS_io_uring_enter,
		SYS_io_uring_register,
		SYS_ptrace,
		SYS_process_vm_readv,
		SYS_process_vm_writev,
		SYS_bpf,
		SYS_perf_event_open,
		SYS_userfaultfd,
		SYS_keyctl,
		SYS_add_key,
		SYS_request_key,
		SYS_init_module,
		SYS_finit_module,
		SYS_delete_module,
		SYS_kexec_load,
		SYS_kexec_file_load,
		SYS_reboot,
		SYS_swapon,
		SYS_personality,
		SYS_pidfd_getfd,
		SYS_open_by_handle_at,
		SYS_vmsplice,
		SYS_acct,
		SYS_quotactl,
		SYS_settimeofday,
		SYS_clock_settime,
		SYS_adjtimex,
		SYS_syslog,
		SYS_iopl,
		SYS_ioperm,
		SYS_modify_ldt,
		SYS_kcmp,
		SYS_move_pages,
		SYS_migrate_pages,
		SYS_fanotify_init,

		SYS_process_madvise,
		SYS_memfd_secret,
		SYS_shmat,
	};
	struct machine m = machine(runner);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(never); i++) {
		assert_int_equal(call(&m, never[i], NULL), failing(EPERM));
	}
	arena_done(&m.a);
}

static void a_gate_cannot_make_sockets_or_open_or_connect(void **state)
{
	static const uint32_t refused[] = {
		SYS_socket, SYS_connect, SYS_bind, SYS_listen, SYS_openat, SYS_open,   SYS_clone,
		SYS_execve, SYS_unlink,  SYS_kill, SYS_mount,  SYS_setuid, SYS_unshare};
	struct machine m = machine(gate);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		assert_int_equal(call(&m, refused[i], NULL), KILL);
	}
	assert_int_equal(call(&m, SYS_accept4, NULL), ALLOW);
	assert_int_equal(call(&m, SYS_sendto, ARGS(3, 0, 1, 0, 0, 0)), ALLOW);
	/* no address: it would be a way around connect(2) */
	assert_int_equal(call(&m, SYS_sendto, ARGS(3, 0, 1, 0, 0x1000, 16)), failing(EPERM));
	assert_int_equal(call(&m, SYS_sendto, ARGS(3, 0, 1, 0, UINT64_C(1) << 32, 16)),
			 failing(EPERM));
	arena_done(&m.a);
}

static void an_init_waits_signals_and_ends(void **state)
{
	static const uint32_t refused[] = {SYS_execve, SYS_clone, SYS_openat, SYS_mmap,
					   SYS_socket, SYS_prctl, SYS_ioctl,  SYS_signalfd4};
	struct machine m = machine(init);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		assert_int_equal(call(&m, refused[i], NULL), KILL);
	}
	assert_int_equal(call(&m, SYS_wait4, NULL), ALLOW);
	assert_int_equal(call(&m, SYS_kill, ARGS(UINT32_MAX, 9)), ALLOW);
	assert_int_equal(call(&m, SYS_exit_group, NULL), ALLOW);
	arena_done(&m.a);
}

/* The kernel compiles them at every start: this is what is paid for a longer list. */
static void programs_are_short(void **state)
{
	struct machine p = machine(program), i = machine(init);

	(void)state;
	assert_in_range(p.program.n, 1, 320);
	assert_in_range(i.program.n, 1, 32);
	arena_done(&p.a);
	arena_done(&i.a);
}

static void sockets_are_only_of_the_families_given(void **state)
{
	struct machine c = machine(connector), p = machine(program);

	(void)state;
	for (uint64_t family = 0; family < 64; family++) {
		bool ours = family == AF_UNIX || family == AF_INET || family == AF_INET6;

		assert_int_equal(call(&c, SYS_socket, ARGS(family, SOCK_STREAM)),
				 ours ? ALLOW : failing(EAFNOSUPPORT));
		assert_int_equal(call(&p, SYS_socket, ARGS(family, SOCK_STREAM | SOCK_CLOEXEC)),
				 family == AF_UNIX ? ALLOW : failing(EAFNOSUPPORT));
	}
	for (uint64_t protocol = 0; protocol < 300; protocol++) {
		bool ours = protocol == 0 || protocol == 6 || protocol == 17;

		assert_int_equal(call(&c, SYS_socket, ARGS(AF_INET, SOCK_STREAM, protocol)),
				 ours ? ALLOW : failing(EPROTONOSUPPORT));
	}
	assert_int_equal(call(&c, SYS_socket, ARGS(AF_INET, SOCK_RAW, 0)),
			 failing(EPROTONOSUPPORT));
	/* the kernel ignores the high half of an int, and so must we */
	assert_int_equal(call(&p, SYS_socket, ARGS((UINT64_C(1) << 32) | AF_INET, SOCK_STREAM)),
			 failing(EAFNOSUPPORT));
	arena_done(&c.a);
	arena_done(&p.a);
}

static void fast_open_is_refused_in_every_send(void **state)
{
	struct machine m = machine(connector);
	uint64_t flag = UAPI_MSG_FASTOPEN | MSG_NOSIGNAL;

	(void)state;
	assert_int_equal(call(&m, SYS_sendto, ARGS(3, 0, 0, flag, 1, 16)), failing(EPERM));
	assert_int_equal(call(&m, SYS_sendmsg, ARGS(3, 0, flag)), failing(EPERM));
	assert_int_equal(call(&m, SYS_sendmmsg, ARGS(3, 0, 1, flag)), failing(EPERM));
	assert_int_equal(call(&m, SYS_sendto, ARGS(3, 0, 0, MSG_NOSIGNAL, 1, 16)), ALLOW);
	assert_int_equal(call(&m, SYS_sendmsg, ARGS(3, 0, MSG_NOSIGNAL)), ALLOW);
	arena_done(&m.a);
}

static void memory_becomes_executable_only_as_the_spec_says(void **state)
{
	struct machine role = machine(gate), native = machine(program), jit = machine(runner);
	const uint64_t *rx = ARGS(0, 4096, PROT_READ | PROT_EXEC);
	const uint64_t *wx = ARGS(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
	const uint64_t *rw = ARGS(0, 4096, PROT_READ | PROT_WRITE);

	(void)state;
	assert_int_equal(call(&role, SYS_mmap, rw), ALLOW);
	assert_int_equal(call(&role, SYS_mmap, rx), failing(EACCES));
	assert_int_equal(call(&role, SYS_mprotect, rx), failing(EACCES));
	assert_int_equal(call(&native, SYS_mmap, rx), ALLOW);
	assert_int_equal(call(&native, SYS_mmap, wx), failing(EACCES));
	assert_int_equal(call(&native, SYS_mprotect, rx), failing(EACCES));
	assert_int_equal(call(&native, SYS_mprotect, rw), ALLOW);
	assert_int_equal(call(&jit, SYS_mmap, wx), ALLOW);
	assert_int_equal(call(&jit, SYS_mprotect, rx), ALLOW);
	arena_done(&role.a);
	arena_done(&native.a);
	arena_done(&jit.a);
}

static void anonymous_files_cannot_be_executed(void **state)
{
	struct machine native = machine(program), jit = machine(node);
	struct machine driver = machine(cuda);

	(void)state;
	assert_int_equal(call(&native, SYS_memfd_create, ARGS(1, 8)), failing(ENOSYS));
	assert_int_equal(call(&jit, SYS_memfd_create, ARGS(1, 1)), failing(EACCES));
	assert_int_equal(call(&jit, SYS_memfd_create, ARGS(1, 8 | 1)), ALLOW);
	assert_int_equal(call(&driver, SYS_memfd_create, ARGS(1, 1)), ALLOW);
	assert_int_equal(call(&driver, SYS_memfd_create, ARGS(1, 16 | 1)), failing(EACCES));
	arena_done(&native.a);
	arena_done(&jit.a);
	arena_done(&driver.a);
}

static void programs_make_processes_but_no_namespaces(void **state)
{
	static const uint64_t flags[] = {0x80,      0x20000,    0x2000000,  0x4000000,
					 0x8000000, 0x10000000, 0x20000000, 0x40000000};
	struct machine m = machine(program), r = machine(runner);

	(void)state;
	assert_int_equal(call(&m, SYS_clone, ARGS(17)), ALLOW);
	assert_int_equal(call(&m, SYS_clone, ARGS(0x3d0f00)), ALLOW); /* pthread_create */
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		assert_int_equal(call(&m, SYS_clone, ARGS(flags[i] | 17)), failing(EPERM));
		assert_int_equal(call(&r, SYS_clone, ARGS(flags[i] | 17)), ALLOW);
	}
	assert_int_equal(call(&m, SYS_clone3, NULL), failing(ENOSYS));
	assert_int_equal(call(&r, SYS_clone3, NULL), failing(ENOSYS));
	assert_int_equal(call(&m, SYS_unshare, NULL), failing(EPERM));
	arena_done(&m.a);
	arena_done(&r.a);
}

/* Filters are inherited and add up: what the runner gave up, its servers would lack. */
static void the_runner_may_all_that_its_programs_may(void **state)
{
	static const uint64_t values[] = {0,  1,  2,     3,      5,       7,        8,        9,
					  16, 17, 0x800, 0x5401, 0x80000, 0x3d0f00, 0x1200011};
	struct machine r = machine(runner);
	const struct seccomp_spec *programs[] = {&program, &node};

	(void)state;
	for (size_t p = 0; p < ARRAY_LEN(programs); p++) {
		struct machine m = machine(*programs[p]);

		for (uint32_t nr = 0; nr < 460; nr++) {
			for (size_t i = 0; i < ARRAY_LEN(values) * ARRAY_LEN(values); i++) {
				uint64_t a = values[i / ARRAY_LEN(values)];
				uint64_t b = values[i % ARRAY_LEN(values)];
				const uint64_t *args = ARGS(a, b, b, b, a, a);

				if (call(&m, nr, args) == ALLOW) {
					assert_int_equal(call(&r, nr, args), ALLOW);
				}
			}
		}
		arena_done(&m.a);
	}
	arena_done(&r.a);
}

static void terminals_cannot_be_typed_into(void **state)
{
	struct machine m = machine(program);

	(void)state;
	assert_int_equal(call(&m, SYS_ioctl, ARGS(0, 0x5412)), failing(EPERM));
	assert_int_equal(call(&m, SYS_ioctl, ARGS(0, UINT64_C(0x100005412))), failing(EPERM));
	assert_int_equal(call(&m, SYS_ioctl, ARGS(0, 0x541c)), failing(EPERM));
	assert_int_equal(call(&m, SYS_ioctl, ARGS(0, 0x5401)), ALLOW);
	arena_done(&m.a);
}

static void reading_roles_cannot_open_for_writing(void **state)
{
	struct machine r = machine(connector), w = machine(scribe);
	static const uint64_t writing[] = {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_TMPFILE | O_RDWR};

	(void)state;
	assert_int_equal(call(&r, SYS_openat, ARGS(0, 0, O_RDONLY | O_CLOEXEC)), ALLOW);
	for (size_t i = 0; i < ARRAY_LEN(writing); i++) {
		assert_int_equal(call(&r, SYS_openat, ARGS(0, 0, writing[i])), failing(EACCES));
		assert_int_equal(call(&r, SYS_open, ARGS(0, writing[i])), failing(EACCES));
		assert_int_equal(call(&w, SYS_openat, ARGS(0, 0, writing[i])), ALLOW);
	}
	arena_done(&r.a);
	arena_done(&w.a);
}

static void a_role_signals_itself_only(void **state)
{
	struct seccomp_spec spec = gate;
	struct machine m;

	(void)state;
	spec.self = 77;
	m = machine(spec);
	assert_int_equal(call(&m, SYS_tgkill, ARGS(77, 77, 6)), ALLOW);
	assert_int_equal(call(&m, SYS_tgkill, ARGS(78, 78, 6)), failing(EPERM));
	assert_int_equal(call(&m, SYS_kill, ARGS(77, 6)), KILL);
	arena_done(&m.a);
}

static void a_role_has_few_prctls_and_reads_its_limits_only(void **state)
{
	struct machine m = machine(gate), p = machine(program);

	(void)state;
	assert_int_equal(call(&m, SYS_prctl, ARGS(PR_SET_NAME)), ALLOW);
	assert_int_equal(call(&m, SYS_prctl, ARGS(PR_SET_DUMPABLE, 1)), failing(EINVAL));
	assert_int_equal(call(&p, SYS_prctl, ARGS(PR_SET_SECCOMP)), failing(EINVAL));
	assert_int_equal(call(&p, SYS_prctl, ARGS(PR_SET_MM)), failing(EINVAL));
	assert_int_equal(call(&m, SYS_prlimit64, ARGS(0, 7, 0, 0x1000)), ALLOW);
	assert_int_equal(call(&m, SYS_prlimit64, ARGS(0, 7, 0x1000, 0)), failing(EPERM));
	assert_int_equal(call(&m, SYS_prlimit64, ARGS(1, 7, 0, 0x1000)), failing(EPERM));
	assert_int_equal(call(&p, SYS_prlimit64, ARGS(0, 7, 0x1000, 0)), ALLOW);
	arena_done(&m.a);
	arena_done(&p.a);
}

static void reporting_allows_and_logs(void **state)
{
	struct seccomp_spec spec = gate;
	struct machine m;

	(void)state;
	spec.otherwise = SECCOMP_REPORTS;
	m = machine(spec);
	assert_int_equal(call(&m, SYS_openat, NULL), SECCOMP_RET_LOG);
	arena_done(&m.a);
}

static void what_the_listener_is_told_is_what_the_spec_says(void **state)
{
	static const uint32_t changes[] = {SYS_rename,    SYS_renameat2, SYS_unlinkat, SYS_mkdir,
					   SYS_linkat,    SYS_symlinkat, SYS_truncate, SYS_fchmodat,
					   SYS_utimensat, SYS_creat};
	struct seccomp_spec spec = asked;
	struct machine m = machine(spec);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		assert_int_equal(call(&m, changes[i], NULL), SECCOMP_RET_USER_NOTIF);
	}
	assert_int_equal(call(&m, SYS_openat, ARGS(0, 0, O_RDONLY)), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(call(&m, SYS_execve, NULL), ALLOW);
	assert_int_equal(call(&m, SYS_read, NULL), ALLOW);
	/* What a rule refuses is refused before anybody is asked. */
	assert_int_equal(call(&m, SYS_openat, ARGS(0, 0, O_CREAT, 04755)), failing(EPERM));
	arena_done(&m.a);
	spec.notify = NOTIFY_CHANGES;
	m = machine(spec);
	assert_int_equal(call(&m, SYS_openat, ARGS(0, 0, O_RDONLY | O_CLOEXEC)), ALLOW);
	assert_int_equal(call(&m, SYS_open, ARGS(0, O_RDONLY | O_DIRECTORY)), ALLOW);
	assert_int_equal(call(&m, SYS_openat, ARGS(0, 0, O_WRONLY)), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(call(&m, SYS_openat, ARGS(0, 0, O_RDWR)), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(call(&m, SYS_openat, ARGS(0, 0, O_RDONLY | O_TRUNC)),
			 SECCOMP_RET_USER_NOTIF);
	assert_int_equal(call(&m, SYS_open, ARGS(0, O_RDONLY | O_CREAT)), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(call(&m, SYS_creat, NULL), SECCOMP_RET_USER_NOTIF);
	arena_done(&m.a);
}

static void a_monitor_starts_nothing_and_dials_nobody(void **state)
{
	static const uint32_t never[] = {
		SYS_socket, SYS_connect, SYS_execve, SYS_fork,
		SYS_clone,  SYS_ptrace,  SYS_mount,  SYS_process_vm_writev};
	static const uint64_t receive[6] = {3, SECCOMP_IOCTL_NOTIF_RECV};
	struct machine m = machine(monitor);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(never); i++) {
		assert_int_equal(call(&m, never[i], NULL), KILL);
	}
	assert_int_equal(call(&m, SYS_process_vm_readv, NULL), ALLOW);
	assert_int_equal(call(&m, SYS_ioctl, receive), ALLOW);
	assert_int_equal(call(&m, SYS_ioctl, ARGS(3, 0x5413)), failing(ENOTTY));
	arena_done(&m.a);
}

static void lists_and_programs_are_as_reviewed(void **state)
{
	static const struct {
		const char *name;
		const struct seccomp_spec *spec;
	} all[] = {{"gate", &gate},       {"connector", &connector}, {"scribe", &scribe},
		   {"program", &program}, {"node", &node},           {"cuda", &cuda},
		   {"runner", &runner},   {"init", &init},           {"asked", &asked},
		   {"monitor", &monitor}};

	(void)state;
#ifndef __x86_64__
	print_message("skipped: the golden files are for x86-64\n");
	skip();
#endif
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct machine m = machine(*all[i].spec);
		struct buf out;
		char name[64];

		buf_init(&out, 256 * 1024);
		seccomp_print_list(all[i].spec, &out);
		(void)snprintf(name, sizeof(name), "seccomp_%s.list", all[i].name);
		golden(name, buf_str(&out));
		buf_clear(&out);
		seccomp_print_program(&m.program, &out);
		(void)snprintf(name, sizeof(name), "seccomp_%s.bpf", all[i].name);
		golden(name, buf_str(&out));
		assert_false(out.failed);
		buf_done(&out);
		arena_done(&m.a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_number_gets_what_the_sets_say),
		cmocka_unit_test(no_call_is_listed_twice),
		cmocka_unit_test(other_architectures_are_killed),
		cmocka_unit_test(escapes_are_in_no_set),
		cmocka_unit_test(a_gate_cannot_make_sockets_or_open_or_connect),
		cmocka_unit_test(an_init_waits_signals_and_ends),
		cmocka_unit_test(programs_are_short),
		cmocka_unit_test(sockets_are_only_of_the_families_given),
		cmocka_unit_test(fast_open_is_refused_in_every_send),
		cmocka_unit_test(memory_becomes_executable_only_as_the_spec_says),
		cmocka_unit_test(anonymous_files_cannot_be_executed),
		cmocka_unit_test(programs_make_processes_but_no_namespaces),
		cmocka_unit_test(the_runner_may_all_that_its_programs_may),
		cmocka_unit_test(terminals_cannot_be_typed_into),
		cmocka_unit_test(reading_roles_cannot_open_for_writing),
		cmocka_unit_test(a_role_signals_itself_only),
		cmocka_unit_test(a_role_has_few_prctls_and_reads_its_limits_only),
		cmocka_unit_test(reporting_allows_and_logs),
		cmocka_unit_test(what_the_listener_is_told_is_what_the_spec_says),
		cmocka_unit_test(a_monitor_starts_nothing_and_dials_nobody),
		cmocka_unit_test(lists_and_programs_are_as_reviewed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
