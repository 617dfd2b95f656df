/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox spec may say, as far as that can be judged without looking at the machine. */
#include "sandbox/plan_priv.h"

enum { MAX_PATH = 1024, MAX_NAME = 63, MAX_ARG = 128 * 1024 };

/* Nothing in them is ever writable, nor are they writable as a whole. */
static const struct str system_dirs[] = {
	STR_INIT("/usr"),   STR_INIT("/bin"),   STR_INIT("/sbin"),   STR_INIT("/lib"),
	STR_INIT("/lib32"), STR_INIT("/lib64"), STR_INIT("/libx32"), STR_INIT("/etc"),
	STR_INIT("/boot"),  STR_INIT("/proc"),  STR_INIT("/sys"),    STR_INIT("/dev"),
};

/* The sandbox makes its own of these. */
static const struct str own_dirs[] = {STR_INIT("/proc"), STR_INIT("/sys"), STR_INIT("/dev")};

/* Variables through which a loader or interpreter runs code that nobody named; '*' ends a prefix.
 */
static const struct str hooks[] = {
	STR_INIT("LD_*"),
	STR_INIT("DYLD_*"),
	STR_INIT("GLIBC_TUNABLES"),
	STR_INIT("GCONV_PATH"),
	STR_INIT("LOCPATH"),
	STR_INIT("NLSPATH"),
	STR_INIT("HOSTALIASES"),
	STR_INIT("MALLOC_*"),
	STR_INIT("NODE_OPTIONS"),
	STR_INIT("NODE_PATH"),
	STR_INIT("NODE_REPL_*"),
	STR_INIT("PYTHONPATH"),
	STR_INIT("PYTHONHOME"),
	STR_INIT("PYTHONSTARTUP"),
	STR_INIT("PYTHONUSERBASE"),
	STR_INIT("PYTHONBREAKPOINT"),
	STR_INIT("PYTHONINSPECT"),
	STR_INIT("PYTHONEXECUTABLE"),
	STR_INIT("PYTHONWARNINGS"),
	STR_INIT("PERL5LIB"),
	STR_INIT("PERL5OPT"),
	STR_INIT("PERL5DB"),
	STR_INIT("PERLLIB"),
	STR_INIT("RUBYOPT"),
	STR_INIT("RUBYLIB"),
	STR_INIT("BASH_ENV"),
	STR_INIT("BASH_FUNC_*"),
	STR_INIT("ENV"),
	STR_INIT("IFS"),
	STR_INIT("SHELLOPTS"),
	STR_INIT("PS4"),
	STR_INIT("JAVA_TOOL_OPTIONS"),
	STR_INIT("_JAVA_OPTIONS"),
	STR_INIT("JDK_JAVA_OPTIONS"),
	STR_INIT("OPENSSL_CONF"),
	STR_INIT("OPENSSL_MODULES"),
	STR_INIT("OPENSSL_ENGINES"),
	STR_INIT("GIT_SSH_COMMAND"),
	STR_INIT("GIT_EXEC_PATH"),
};

bool path_within(struct str path, struct str dir)
{
	if (str_eq(dir, STR("/"))) {
		return true;
	}
	return str_starts_with(path, dir) && (path.n == dir.n || path.p[dir.n] == '/');
}

struct str path_dir(struct str path)
{
	size_t n = path.n;

	while (n > 0 && path.p[n - 1] != '/') {
		n--;
	}
	return n <= 1 ? str_make("/", 1) : str_make(path.p, n - 1);
}

struct str path_base(struct str path)
{
	size_t n = path.n;

	while (n > 0 && path.p[n - 1] != '/') {
		n--;
	}
	return str_from(path, n);
}

struct str path_trim(struct str path)
{
	while (path.n > 1 && path.p[path.n - 1] == '/') {
		path.n--;
	}
	return path;
}

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f) {
			return true;
		}
	}
	return false;
}

/* Absolute, without empty parts, `.` or `..`; so that what is written is what is meant. */
static enum err_code check_path(const char *what, struct str path, struct err *err)
{
	struct str rest;

	if (path.n == 0 || path.p[0] != '/') {
		return ERR(err, ERR_INVALID, "%s \"" STR_FMT "\": must begin with /", what,
			   STR_ARG(path));
	}
	if (path.n > MAX_PATH) {
		return ERR(err, ERR_LIMIT, "%s: longer than %d bytes", what, MAX_PATH);
	}
	if (has_control(path)) {
		return ERR(err, ERR_INVALID, "%s: a path with a control character", what);
	}
	rest = path_trim(path);
	rest = str_from(rest, 1);
	if (rest.n == 0) {
		return ERR(err, ERR_INVALID,
			   "%s /: the whole machine is not a place; name a directory", what);
	}
	while (rest.p) {
		struct str part = str_cut(&rest, '/');

		if (part.n == 0 || str_eq(part, STR(".")) || str_eq(part, STR(".."))) {
			return ERR(err, ERR_INVALID, "%s \"" STR_FMT "\": no empty part, . or ..",
				   what, STR_ARG(path));
		}
	}
	return ERR_OK;
}

enum err_code plan_check_read(struct str path, struct err *err)
{
	/* Landlock does not see connections to sockets by path, and read only does not hold them. */
	if (path_within(path, STR("/run")) || path_within(path, STR("/var/run"))) {
		return ERR(err, ERR_INVALID,
			   STR_FMT ": the sockets of the machine's services live there; a sandbox "
				   "gets none of them",
			   STR_ARG(path));
	}
	if (str_eq(path, STR("/tmp"))) {
		return ERR(err, ERR_INVALID,
			   "/tmp: a sandbox has its own /tmp; name a directory beneath it");
	}
	for (size_t i = 0; i < ARRAY_LEN(own_dirs); i++) {
		if (path_within(path, own_dirs[i])) {
			return ERR(err, ERR_INVALID, STR_FMT ": a sandbox has its own " STR_FMT,
				   STR_ARG(path), STR_ARG(own_dirs[i]));
		}
	}
	return ERR_OK;
}

enum err_code plan_check_write(struct str path, struct err *err)
{
	TRY(plan_check_read(path, err));
	for (size_t i = 0; i < ARRAY_LEN(system_dirs); i++) {
		if (path_within(path, system_dirs[i]) || path_within(system_dirs[i], path)) {
			return ERR(err, ERR_INVALID,
				   "write " STR_FMT ": " STR_FMT " is a system directory",
				   STR_ARG(path), STR_ARG(system_dirs[i]));
		}
	}
	return ERR_OK;
}

static enum err_code check_name(struct str name, struct err *err)
{
	if (name.n == 0 || name.n > MAX_NAME) {
		return ERR(err, ERR_INVALID, "a name has 1 to %d characters", MAX_NAME);
	}
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '-' || c == '_' || c == '.')) {
			return ERR(err, ERR_INVALID,
				   "a name has letters, digits, '-', '_' and '.' only");
		}
	}
	return ERR_OK;
}

static bool is_hook(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(hooks); i++) {
		struct str hook = hooks[i];

		if (hook.p[hook.n - 1] == '*' ? str_starts_with(name, str_make(hook.p, hook.n - 1))
					      : str_eq(name, hook)) {
			return true;
		}
	}
	return false;
}

static enum err_code check_env(const struct sandbox_spec *spec, struct err *err)
{
	if (spec->n_env > PLAN_MAX_ENV) {
		return ERR(err, ERR_LIMIT, "more than %d environment variables", (int)PLAN_MAX_ENV);
	}
	for (size_t i = 0; i < spec->n_env; i++) {
		struct str rest = spec->env[i], name = str_cut(&rest, '=');

		if (!rest.p || name.n == 0 || has_control(name) || memchr(rest.p, 0, rest.n) ||
		    rest.n > MAX_ARG) {
			return ERR(err, ERR_INVALID, "environment variable %zu is not NAME=value",
				   i + 1);
		}
		if (is_hook(name)) {
			return ERR(err, ERR_INVALID,
				   "environment variable " STR_FMT
				   ": makes the loader or an interpreter run other code; refused",
				   STR_ARG(name));
		}
		for (size_t k = 0; k < i; k++) {
			struct str other = spec->env[k];

			if (str_eq(str_cut(&other, '='), name)) {
				return ERR(err, ERR_INVALID,
					   "environment variable " STR_FMT " is given twice",
					   STR_ARG(name));
			}
		}
	}
	return ERR_OK;
}

static enum err_code check_places(const struct sandbox_spec *spec, struct err *err)
{
	if (spec->n_read + spec->n_write + spec->n_exec + spec->n_hidden > PLAN_MAX_PATHS) {
		return ERR(err, ERR_LIMIT, "more than %d paths", (int)PLAN_MAX_PATHS);
	}
	for (size_t i = 0; i < spec->n_read; i++) {
		TRY(check_path("read", spec->read[i], err));
		TRY(plan_check_read(path_trim(spec->read[i]), err));
	}
	for (size_t i = 0; i < spec->n_exec; i++) {
		TRY(check_path("exec", spec->exec[i], err));
		TRY(plan_check_read(path_trim(spec->exec[i]), err));
	}
	for (size_t i = 0; i < spec->n_write; i++) {
		TRY(check_path("write", spec->write[i], err));
		TRY(plan_check_write(path_trim(spec->write[i]), err));
		for (size_t k = 0; k < spec->n_exec && !spec->write_exec; k++) {
			if (path_within(path_trim(spec->exec[k]), path_trim(spec->write[i]))) {
				return ERR(err, ERR_INVALID,
					   "exec " STR_FMT " lies in write " STR_FMT
					   ": what can be changed must not be executed",
					   STR_ARG(spec->exec[k]), STR_ARG(spec->write[i]));
			}
		}
	}
	for (size_t i = 0; i < spec->n_hidden; i++) {
		TRY(check_path("hidden", spec->hidden[i], err));
	}
	return ERR_OK;
}

static enum err_code check_listeners(const struct sandbox_spec *spec, struct err *err)
{
	if (spec->n_listeners > PLAN_MAX_LISTENERS) {
		return ERR(err, ERR_LIMIT, "more than %d listeners", (int)PLAN_MAX_LISTENERS);
	}
	for (size_t i = 0; i < spec->n_listeners; i++) {
		if (!spec->loopback || spec->listeners[i].kind == 0 ||
		    spec->listeners[i].kind > 63 || spec->listeners[i].port == 0) {
			return ERR(err, ERR_INVALID,
				   "listener %zu needs a kind, a port and loopback", i + 1);
		}
		if (spec->listeners[i].refusals && spec->listeners[i].port != 4 &&
		    spec->listeners[i].port != 6) {
			return ERR(err, ERR_INVALID, "refusals of IPv4 or IPv6");
		}
		if ((spec->listeners[i].any || spec->listeners[i].refusals) && !spec->capture) {
			return ERR(err, ERR_INVALID, "listener %zu at every address needs capture",
				   i + 1);
		}
	}
	if (spec->capture && !spec->loopback) {
		return ERR(err, ERR_INVALID, "capture needs loopback");
	}
	return ERR_OK;
}

static enum err_code check_files(const struct sandbox_spec *spec, struct err *err)
{
	if (spec->n_files > PLAN_MAX_FILES) {
		return ERR(err, ERR_LIMIT, "more than %d files to make", (int)PLAN_MAX_FILES);
	}
	for (size_t i = 0; i < spec->n_files; i++) {
		TRY(check_name(spec->files[i].name, err));
		if (spec->files[i].name.p[0] == '.') {
			return ERR(err, ERR_INVALID, "a file to make is not hidden");
		}
		if (spec->files[i].text.n > PLAN_MAX_FILE) {
			return ERR(err, ERR_LIMIT, STR_FMT ": a file to make is too long",
				   STR_ARG(spec->files[i].name));
		}
		for (size_t k = 0; k < i; k++) {
			if (str_eq(spec->files[k].name, spec->files[i].name)) {
				return ERR(err, ERR_INVALID, STR_FMT ": made twice",
					   STR_ARG(spec->files[i].name));
			}
		}
	}
	return ERR_OK;
}

enum err_code plan_check(const struct sandbox_spec *spec, struct err *err)
{
	TRY(check_name(spec->name, err));
	if (spec->n_argv == 0 || spec->argv[0].n == 0) {
		return ERR(err, ERR_INVALID, "no command");
	}
	if (spec->n_argv > PLAN_MAX_ARGS) {
		return ERR(err, ERR_LIMIT, "more than %d arguments", (int)PLAN_MAX_ARGS);
	}
	for (size_t i = 0; i < spec->n_argv; i++) {
		if (spec->argv[i].n > MAX_ARG ||
		    (spec->argv[i].n && memchr(spec->argv[i].p, 0, spec->argv[i].n))) {
			return ERR(err, ERR_INVALID, "argument %zu: too long or with a NUL byte",
				   i);
		}
	}
	if (memchr(spec->argv[0].p, '/', spec->argv[0].n)) {
		TRY(check_path("command", spec->argv[0], err));
	}
	if (spec->cwd.n && !str_eq(spec->cwd, STR("/"))) {
		TRY(check_path("cwd", spec->cwd, err));
	}
	TRY(check_env(spec, err));
	TRY(check_listeners(spec, err));
	TRY(check_files(spec, err));
	return check_places(spec, err);
}

/* The folder of the person with whom it lies; empty: it is nobody's. */
static struct str home_of(struct str path, struct str home)
{
	struct str rest;

	if (home.n > 1 && path_within(path, home)) {
		return home;
	}
	if (path_within(path, STR("/root"))) {
		return STR("/root");
	}
	if (!str_starts_with(path, STR("/home/"))) {
		return str_make(NULL, 0);
	}
	rest = str_from(path, STR("/home/").n);
	return str_make(path.p, path.n - rest.n + str_find(rest, '/'));
}

/* Places that hold more than one program: nothing in them is pulled in as a whole. */
static bool is_shared(struct str dir, struct str home)
{
	static const struct str everywhere[] = {
		STR_INIT("/"),        STR_INIT("/home"),  STR_INIT("/root"), STR_INIT("/tmp"),
		STR_INIT("/opt"),     STR_INIT("/srv"),   STR_INIT("/var"),  STR_INIT("/run"),
		STR_INIT("/mnt"),     STR_INIT("/media"), STR_INIT("/data"), STR_INIT("/var/lib"),
		STR_INIT("/var/tmp"), STR_INIT("/usr"),   STR_INIT("/etc"),
	};
	static const struct str at_home[] = {
		STR_INIT(""),
		STR_INIT("/bin"),
		STR_INIT("/.local"),
		STR_INIT("/.local/bin"),
		STR_INIT("/.local/share"),
		STR_INIT("/.local/state"),
		STR_INIT("/.local/lib"),
		STR_INIT("/.local/opt"),
		STR_INIT("/.config"),
		STR_INIT("/.cache"),
		STR_INIT("/.cargo"),
	};
	struct str of = home_of(dir, home);

	for (size_t i = 0; i < ARRAY_LEN(everywhere); i++) {
		if (str_eq(dir, everywhere[i])) {
			return true;
		}
	}
	for (size_t i = 0; of.n && i < ARRAY_LEN(at_home); i++) {
		if (str_eq(str_from(dir, of.n), at_home[i])) {
			return true;
		}
	}
	return home.n > 1 && path_within(home, dir);
}

struct str plan_program_prefix(struct str path, struct str home)
{
	size_t modules = str_find_str(path, STR("/node_modules/"));
	struct str dir = path_dir(path);

	if (modules < path.n) {
		return str_make(path.p, modules + STR("/node_modules").n);
	}
	if (str_eq(path_base(dir), STR("bin")) && !is_shared(path_dir(dir), home)) {
		return path_dir(dir);
	}
	return is_shared(dir, home) ? path : dir;
}

bool plan_is_personal(struct str path, struct str home)
{
	struct str of = home_of(path, home);

	return of.n && str_find_str(str_from(path, of.n), STR("/.")) == path.n - of.n;
}

enum sandbox_profile plan_guess_profile(struct str path)
{
	static const struct str shells[] = {STR_INIT("sh"),  STR_INIT("bash"), STR_INIT("dash"),
					    STR_INIT("zsh"), STR_INIT("fish"), STR_INIT("ksh")};
	struct str name = path_base(path);

	if (str_eq(name, STR("node")) || str_eq(name, STR("nodejs")) || str_eq(name, STR("npx")) ||
	    str_eq(name, STR("npm")) || str_eq(name, STR("bun")) || str_eq(name, STR("deno")) ||
	    str_ends_with(name, STR(".js")) || str_ends_with(name, STR(".mjs")) ||
	    str_ends_with(name, STR(".cjs"))) {
		return PROFILE_NODE;
	}
	if (str_starts_with(name, STR("python")) || str_starts_with(name, STR("pypy")) ||
	    str_ends_with(name, STR(".py"))) {
		return PROFILE_PYTHON;
	}
	for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
		if (str_eq(name, shells[i])) {
			return PROFILE_SHELL;
		}
	}
	return PROFILE_NATIVE;
}
