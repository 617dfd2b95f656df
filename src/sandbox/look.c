/* SPDX-License-Identifier: Apache-2.0 */
/* What a plan must know about the machine: where things really are, and what the kernel can do. */
#include "sandbox/apply.h"
#include "sandbox/mounts.h"
#include "sandbox/plan_priv.h"
#include "sys/fd.h"
#include "sys/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_PREFIXES = 8, SHEBANG_MAX = 256 };

enum { PROBE_MOUNT = 1, PROBE_PROC = 2 }; /* exit status bits of the probing child */

/* What a child may do that has the namespaces a plan asks for. */
static int probe_namespaces(void)
{
	int flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
		    CLONE_NEWNET | CLONE_NEWCGROUP | SIGCHLD;
	pid_t pid = (pid_t)syscall(SYS_clone, flags, 0, 0, 0, 0);
	int status;

	if (pid == 0) {
		int can = 0, proc = -1;

		can |= mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 ? PROBE_MOUNT : 0;
		can |= mounts_own_proc(&proc, NULL) == ERR_OK ? PROBE_PROC : 0;
		_exit(can);
	}
	if (pid < 0) {
		return 0;
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR) {
			return 0;
		}
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

/* The digits at the start of *rest, up to and with one '.', as a number. */
static unsigned long version_part(const char **rest)
{
	char *end;
	unsigned long n = strtoul(*rest, &end, 10);

	*rest = *end == '.' ? end + 1 : end;
	return n;
}

/* Since 6.14 each pid namespace has its own kernel.pid_max. */
static bool has_pid_limit(void)
{
	struct utsname name;
	const char *rest = name.release;
	unsigned long major, minor;

	if (uname(&name) < 0) {
		return false;
	}
	major = version_part(&rest);
	minor = version_part(&rest);
	return major > 6 || (major == 6 && minor >= 14);
}

/* `what` is for the message. Only plain files and directories can be places. */
static enum err_code resolve(struct arena *a, const char *what, struct str path,
			     struct plan_place *ret, struct err *err)
{
	struct str copy = arena_dup(a, path);
	char real[PATH_MAX];
	struct plan_place place = {.path = copy};
	struct stat st;

	if (!copy.p) {
		return ERR(err, ERR_NOMEM, "out of memory for a path");
	}
	if (path_is_real(copy.p, &st)) {
		place.real = copy;
	} else if (!realpath(copy.p, real) || stat(real, &st) < 0) {
		if (errno == ENOENT) {
			return ERR(err, ERR_NOT_FOUND, "%s " STR_FMT ": does not exist", what,
				   STR_ARG(path));
		}
		return ERR_ERRNO(err, "%s " STR_FMT, what, STR_ARG(path));
	}
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)) {
		return ERR(err, ERR_INVALID,
			   "%s " STR_FMT ": neither a file nor a directory; sockets and devices "
			   "are not given to a sandbox",
			   what, STR_ARG(path));
	}
	place.is_dir = S_ISDIR(st.st_mode);
	if (!place.real.p) {
		place.real = arena_dup(a, str_from_c(real));
	}
	if (!place.real.p) {
		return ERR(err, ERR_NOMEM, "out of memory for a path");
	}
	*ret = place;
	return ERR_OK;
}

/* What is to be hidden may be anything; it is named without symbolic links. */
static enum err_code resolve_hidden(struct arena *a, struct str path, struct plan_place *ret,
				    struct err *err)
{
	struct str copy = arena_dup(a, path);
	struct stat st;

	if (!copy.p) {
		return ERR(err, ERR_NOMEM, "out of memory for a path");
	}
	if (lstat(copy.p, &st) < 0) {
		return ERR_ERRNO(err, "hidden " STR_FMT, STR_ARG(path));
	}
	if (S_ISLNK(st.st_mode)) {
		return ERR(err, ERR_INVALID, "hidden " STR_FMT ": a symbolic link", STR_ARG(path));
	}
	*ret = (struct plan_place){.path = copy, .real = copy, .is_dir = S_ISDIR(st.st_mode)};
	return ERR_OK;
}

static struct str search_path(const struct sandbox_spec *spec)
{
	const char *own = getenv("PATH");

	for (size_t i = 0; i < spec->n_env; i++) {
		if (str_starts_with(spec->env[i], STR("PATH="))) {
			return str_from(spec->env[i], 5);
		}
	}
	return str_from_c(own ? own : "/usr/local/bin:/usr/bin:/bin");
}

/* As execvp would find it, but never in the current directory. */
static enum err_code find_program(struct arena *a, const struct sandbox_spec *spec, struct str name,
				  struct plan_place *ret, struct err *err)
{
	struct str rest = search_path(spec);

	if (str_find(name, '/') < name.n) {
		TRY(resolve(a, "command", name, ret, err));
		if (ret->is_dir || access(ret->real.p, X_OK) < 0) {
			return ERR(err, ERR_INVALID, "command " STR_FMT ": not executable",
				   STR_ARG(name));
		}
		return ERR_OK;
	}
	while (rest.p) {
		struct str dir = str_cut(&rest, ':'), full;

		if (dir.n == 0 || dir.p[0] != '/') {
			continue;
		}
		full = arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(dir), STR_ARG(name));
		if (full.p && access(full.p, X_OK) == 0 &&
		    resolve(a, "command", full, ret, NULL) == ERR_OK && !ret->is_dir) {
			return ERR_OK;
		}
	}
	return ERR(err, ERR_NOT_FOUND, "command " STR_FMT ": not found in PATH", STR_ARG(name));
}

/* The interpreter that the first line names; empty for a binary. *ret_env: the program that finds it, or empty. */
static struct str shebang(struct arena *a, const struct plan_place *program, struct str *ret_env)
{
	CLEANUP(fd_close) int fd = open(program->real.p, O_RDONLY | O_CLOEXEC);
	char line[SHEBANG_MAX];
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line));
	struct str rest, word;

	if (n < 3 || line[0] != '#' || line[1] != '!') {
		return str_make(NULL, 0);
	}
	rest = str_make(line + 2, (size_t)n - 2);
	rest = str_trim(str_cut(&rest, '\n'));
	word = str_cut(&rest, ' ');
	if (str_eq(path_base(word), STR("env"))) {
		*ret_env = arena_dup(a, word);
		/* #!/usr/bin/env [-S] NAME */
		do {
			rest = str_trim(rest);
			word = str_cut(&rest, ' ');
		} while (rest.p && str_starts_with(word, STR("-")));
	}
	return arena_dup(a, word);
}

struct prefixes {
	struct plan_place *list;
	size_t n;
};

/*
 * What lies in somebody's folder, a project with its .env, comes with a program only where that is
 * installed: beside its libraries.
 */
static struct str prefix_of(struct arena *a, struct str path)
{
	const char *env = getenv("HOME");
	struct str home = path_trim(str_from_c(env && env[0] == '/' ? env : ""));
	struct str prefix = plan_program_prefix(path, home);
	struct str lib = arena_printf(a, STR_FMT "/lib", STR_ARG(prefix));

	if (prefix.n == path.n || str_eq(path_base(prefix), STR("node_modules")) ||
	    !plan_is_personal(prefix, home) || (lib.p && access(lib.p, F_OK) == 0)) {
		return prefix;
	}
	return path;
}

static enum err_code add_prefix(struct arena *a, struct prefixes *p, struct str path,
				struct err *err)
{
	if (p->n == MAX_PREFIXES) {
		return ERR(err, ERR_LIMIT, "too many programs in one command");
	}
	TRY(resolve(a, "program", prefix_of(a, path), &p->list[p->n], err));
	p->n++;
	return ERR_OK;
}

/* Both where the program was named (a python venv) and where it really is. */
static enum err_code add_program(struct arena *a, struct prefixes *p,
				 const struct plan_place *program, struct err *err)
{
	TRY(add_prefix(a, p, program->path, err));
	return str_eq(program->path, program->real) ? ERR_OK : add_prefix(a, p, program->real, err);
}

/*
 * An installed package may read its packages. Any other script is given alone: what lies beside
 * it, as a project with its .env, is for the configuration to give.
 */
static enum err_code add_script_place(struct arena *a, struct prefixes *p,
				      const struct plan_place *script, struct err *err)
{
	if (str_find_str(script->real, STR("/node_modules/")) < script->real.n) {
		return add_program(a, p, script, err);
	}
	if (p->n == MAX_PREFIXES) {
		return ERR(err, ERR_LIMIT, "too many programs in one command");
	}
	p->list[p->n++] = *script;
	return ERR_OK;
}

/* The first argument that is an absolute path of a file: `node /x/server.js`. */
static enum err_code add_script(struct arena *a, struct prefixes *p,
				const struct sandbox_spec *spec, struct err *err)
{
	struct plan_place script = {0};

	for (size_t i = 1; i < spec->n_argv; i++) {
		if (spec->argv[i].n && spec->argv[i].p[0] == '-') {
			continue;
		}
		if (spec->argv[i].n && spec->argv[i].p[0] == '/' &&
		    resolve(a, "script", spec->argv[i], &script, NULL) == ERR_OK &&
		    !script.is_dir) {
			return add_script_place(a, p, &script, err);
		}
		return ERR_OK;
	}
	return ERR_OK;
}

static enum err_code look_at_program(struct arena *a, const struct sandbox_spec *spec,
				     struct plan_machine *m, struct err *err)
{
	struct prefixes p = {.list = ARENA_ARRAY(a, MAX_PREFIXES, struct plan_place)};
	struct str interpreter, env = STR("");

	if (!p.list) {
		return ERR(err, ERR_NOMEM, "out of memory for a sandbox");
	}
	TRY(find_program(a, spec, spec->argv[0], &m->program, err));
	TRY(add_program(a, &p, &m->program, err));
	m->profile = plan_guess_profile(m->program.real);
	interpreter = shebang(a, &m->program, &env);
	if (interpreter.n) {
		struct plan_place place = {0};

		TRY(find_program(a, spec, interpreter, &place, err));
		TRY(add_program(a, &p, &place, err));
		m->profile = plan_guess_profile(place.real);
		m->interpreters[m->n_interpreters++] = place;
		if (env.n) {
			TRY(find_program(a, spec, env, &m->interpreters[m->n_interpreters++], err));
		}
	} else if (m->profile != PROFILE_NATIVE) {
		TRY(add_script(a, &p, spec, err));
	}
	m->prefixes = p.list;
	m->n_prefixes = p.n;
	return ERR_OK;
}

static enum err_code look_at_places(struct arena *a, const struct sandbox_spec *spec,
				    struct plan_machine *m, struct err *err)
{
	size_t n = spec->n_read + spec->n_write + spec->n_exec + spec->n_hidden;
	size_t at = n - spec->n_hidden;
	struct plan_place *places = ARENA_ARRAY(a, n, struct plan_place);

	if (!places) {
		return ERR(err, ERR_NOMEM, "out of memory for a sandbox");
	}
	for (size_t i = 0; i < spec->n_read; i++) {
		TRY(resolve(a, "read", spec->read[i], &places[i], err));
	}
	for (size_t i = 0; i < spec->n_write; i++) {
		TRY(resolve(a, "write", spec->write[i], &places[spec->n_read + i], err));
	}
	for (size_t i = 0; i < spec->n_exec; i++) {
		TRY(resolve(a, "exec", spec->exec[i], &places[spec->n_read + spec->n_write + i],
			    err));
	}
	for (size_t i = 0; i < spec->n_hidden; i++) {
		TRY(resolve_hidden(a, spec->hidden[i], &places[at + i], err));
	}
	m->places = places;
	m->n_places = n;
	return ERR_OK;
}

/* Nodes of the driver, in the order of their names; none without its control node. */
static enum err_code look_at_devices(struct arena *a, struct plan_machine *m, struct err *err)
{
	struct str *found = ARENA_ARRAY(a, PLAN_MAX_DEVICES, struct str);
	struct dirent **names;
	bool controlled = false;
	int n = scandir("/dev", &names, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		struct str name = str_from_c(names[i]->d_name);
		bool caps = str_eq(name, STR("nvidia-caps"));
		struct str path = str_starts_with(name, STR("nvidia"))
					  ? arena_printf(a, "/dev/%s", names[i]->d_name)
					  : str_make(NULL, 0);
		struct stat st;

		if (found && path.p && m->n_devices < PLAN_MAX_DEVICES && lstat(path.p, &st) == 0 &&
		    (S_ISCHR(st.st_mode) || (caps && S_ISDIR(st.st_mode)))) {
			found[m->n_devices++] = path;
			controlled = controlled || str_eq(name, STR("nvidiactl"));
		}
		free(names[i]);
	}
	if (n >= 0) {
		free(names);
	}
	m->devices = found;
	m->n_devices = controlled ? m->n_devices : 0;
	return a->exhausted ? ERR(err, ERR_NOMEM, "out of memory for a sandbox") : ERR_OK;
}

static enum err_code look_at_system(struct arena *a, struct plan_machine *m, struct err *err)
{
	size_t n;
	const struct str *paths = plan_system_paths(&n);
	struct plan_place *system = ARENA_ARRAY(a, n, struct plan_place);

	if (!system) {
		return ERR(err, ERR_NOMEM, "out of memory for a sandbox");
	}
	for (size_t i = 0; i < n; i++) {
		if (resolve(a, "system", paths[i], &system[m->n_system], NULL) == ERR_OK) {
			m->n_system++;
		}
	}
	m->system = system;
	return ERR_OK;
}

struct sandbox_kernel sandbox_probe(void)
{
	int can = probe_namespaces();

	return (struct sandbox_kernel){.landlock_abi = landlock_abi(),
				       .user_namespaces = can & PROBE_MOUNT,
				       .own_proc = can & PROBE_PROC,
				       .pid_limit = has_pid_limit()};
}

struct sandbox_kernel sandbox_assume(void)
{
	return (struct sandbox_kernel){.landlock_abi = landlock_abi(),
				       .user_namespaces = true,
				       .own_proc = true,
				       .pid_limit = has_pid_limit()};
}

enum err_code sandbox_look(struct arena *a, const struct sandbox_spec *spec,
			   const struct sandbox_kernel *kernel, struct plan_machine *ret,
			   struct err *err)
{
	struct plan_machine m = {.uid = geteuid(), .gid = getegid(), .kernel = *kernel};

	TRY(plan_check(spec, err));
	TRY(look_at_program(a, spec, &m, err));
	TRY(look_at_places(a, spec, &m, err));
	TRY(look_at_system(a, &m, err));
	if (spec->profile == PROFILE_CUDA) {
		TRY(look_at_devices(a, &m, err));
	}
	*ret = m;
	return ERR_OK;
}

enum err_code sandbox_look_places(struct arena *a, const struct sandbox_spec *spec,
				  struct plan_machine *machine, struct err *err)
{
	struct plan_machine m = *machine;

	TRY(plan_check(spec, err));
	TRY(look_at_places(a, spec, &m, err));
	*machine = m;
	return ERR_OK;
}
