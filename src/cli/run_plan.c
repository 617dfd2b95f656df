/* SPDX-License-Identifier: Apache-2.0 */
/* From a command line, and from what the node granted, to the plan of a sandbox. */
#include "base/hex.h"
#include "cli/find.h"
#include "cli/run.h"
#include "crypto/sha256.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { AGENT_PROCESSES = 512, AGENT_FILES = 4096, HASH_STEP = 16 << 10 };

#define AGENT_FILE_SIZE (UINT64_C(16) << 30)
#define AGENT_TMP       (UINT64_C(512) << 20)

/* What of the caller's environment goes inside: nothing that could be a secret or lead anywhere. */
static const struct str inherited[] = {
	STR_INIT("TERM"),       STR_INIT("COLORTERM"),   STR_INIT("LANG"),
	STR_INIT("LANGUAGE"),   STR_INIT("TZ"),          STR_INIT("NO_COLOR"),
	STR_INIT("CLICOLOR"),   STR_INIT("FORCE_COLOR"), STR_INIT("LC_ALL"),
	STR_INIT("LC_CTYPE"),   STR_INIT("LC_TIME"),     STR_INIT("LC_COLLATE"),
	STR_INIT("LC_NUMERIC"), STR_INIT("LC_MESSAGES"), STR_INIT("CI"),
};

static const struct {
	const char *name;
	enum sandbox_profile profile;
} profiles[] = {{"auto", PROFILE_AUTO},     {"native", PROFILE_NATIVE}, {"node", PROFILE_NODE},
		{"python", PROFILE_PYTHON}, {"shell", PROFILE_SHELL},   {"cuda", PROFILE_CUDA}};

const char *run_profile_name(enum sandbox_profile profile)
{
	for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
		if (profiles[i].profile == profile) {
			return profiles[i].name;
		}
	}
	return "?";
}

static enum err_code choose_profile(struct run_plan *p, struct err *err)
{
	const char *asked = p->options->profile;

	for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
		if (!asked || str_eq(str_from_c(asked), str_from_c(profiles[i].name))) {
			p->spec.profile = profiles[i].profile;
			return ERR_OK;
		}
	}
	return ERR(err, ERR_INVALID, "--profile %s: it is one of auto, native, node, python, shell",
		   asked);
}

static bool env_has(const struct run_plan *p, struct str name)
{
	for (size_t i = 0; i < p->spec.n_env; i++) {
		struct str rest = p->spec.env[i];

		if (str_eq(str_cut(&rest, '='), name)) {
			return true;
		}
	}
	return false;
}

void run_plan_env(struct run_plan *p, struct str name, struct str value)
{
	struct str *env = (struct str *)(uintptr_t)p->spec.env;

	if (!env_has(p, name) && p->spec.n_env < PLAN_MAX_ENV) {
		env[p->spec.n_env++] =
			arena_printf(p->arena, STR_FMT "=" STR_FMT, STR_ARG(name), STR_ARG(value));
	}
}

/* --env NAME=value, or --env NAME for the caller's own value. */
static enum err_code take_env(struct run_plan *p, struct err *err)
{
	const struct opt_list *asked = &p->options->env;

	p->spec.env = arena_alloc(p->arena, PLAN_MAX_ENV * sizeof(struct str));
	if (!p->spec.env) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < asked->n; i++) {
		struct str rest = str_from_c(asked->items[i]), name = str_cut(&rest, '=');
		const char *own = rest.p ? rest.p : getenv(asked->items[i]);

		if (!own) {
			return ERR(err, ERR_INVALID, "--env " STR_FMT ": it is not set here",
				   STR_ARG(name));
		}
		run_plan_env(p, name, str_from_c(own));
	}
	for (size_t i = 0; i < ARRAY_LEN(inherited); i++) {
		const char *own = getenv(inherited[i].p);

		if (own) {
			run_plan_env(p, inherited[i], str_from_c(own));
		}
	}
	return ERR_OK;
}

static enum err_code take_argv(struct run_plan *p, struct err *err)
{
	struct str *argv;
	size_t n = 0;

	while (p->options->argv[n]) {
		n++;
	}
	argv = ARENA_ARRAY(p->arena, n + 1, struct str);
	if (!argv) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < n; i++) {
		argv[i] = str_from_c(p->options->argv[i]);
	}
	/* ./agent: the sandbox knows whole paths and names in PATH only. */
	if (argv[0].n && argv[0].p[0] != '/' && str_find(argv[0], '/') < argv[0].n &&
	    find_real_path(p->arena, p->options->argv[0], &argv[0], err)) {
		return ERR(err, ERR_NOT_FOUND, "%s: there is no such program", p->options->argv[0]);
	}
	p->spec.argv = argv;
	p->spec.n_argv = n;
	return ERR_OK;
}

static enum err_code add_place(struct run_plan *p, const char *path, uint8_t wanted,
			       struct err *err)
{
	struct str real;

	TRY(find_real_path(p->arena, path, &real, err));
	for (size_t i = 0; i < p->n_places; i++) {
		if (str_eq(p->places[i], real)) {
			p->wanted[i] |= wanted;
			return ERR_OK;
		}
	}
	if (p->n_places == RUN_MAX_PLACES) {
		return ERR(err, ERR_LIMIT, "more than %d places", RUN_MAX_PLACES);
	}
	p->places[p->n_places] = real;
	p->wanted[p->n_places++] = wanted;
	return ERR_OK;
}

static enum err_code take_places(struct run_plan *p, struct err *err)
{
	const struct run_options *o = p->options;

	p->places = ARENA_ARRAY(p->arena, RUN_MAX_PLACES, struct str);
	p->wanted = ARENA_ARRAY(p->arena, RUN_MAX_PLACES, uint8_t);
	if (!p->places || !p->wanted) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	TRY(add_place(p, o->workspace ? o->workspace : ".", RUN_READ | RUN_WRITE, err));
	p->workspace = p->places[0];
	for (size_t i = 0; i < o->read.n; i++) {
		TRY(add_place(p, o->read.items[i], RUN_READ, err));
	}
	for (size_t i = 0; i < o->write.n; i++) {
		TRY(add_place(p, o->write.items[i], RUN_READ | RUN_WRITE, err));
	}
	return ERR_OK;
}

bool run_plan_within(struct str path, struct str dir)
{
	return str_eq(path, dir) || str_eq(dir, STR("/")) ||
	       (str_starts_with(path, dir) && path.p[dir.n] == '/');
}

/* Where we stand, when that is in the workspace; else the workspace. */
static enum err_code take_cwd(struct run_plan *p, struct err *err)
{
	TRY(find_real_path(p->arena, ".", &p->cwd, err));
	if (!run_plan_within(p->cwd, p->workspace)) {
		p->cwd = p->workspace;
	}
	return ERR_OK;
}

/* The agent is who --agent says, else it is called like its program. */
static enum err_code take_name(struct run_plan *p, struct err *err)
{
	struct str name = p->spec.argv[0];
	size_t at = name.n;

	while (at > 0 && name.p[at - 1] != '/') {
		at--;
	}
	p->agent = p->options->agent ? str_from_c(p->options->agent) : str_from(name, at);
	if (p->agent.n == 0 || p->agent.n > RUN_MAX_NAME) {
		return ERR(err, ERR_INVALID, "an agent's name has 1 to %d characters",
			   RUN_MAX_NAME);
	}
	p->spec.name = STR("writ-run");
	return ERR_OK;
}

static enum err_code take_weaker(struct run_plan *p, struct err *err)
{
	p->weaker = ARENA_ARRAY(p->arena, RUN_MAX_WEAKER, struct str);
	if (!p->weaker) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	if (p->options->write_exec) {
		p->weaker[p->n_weaker++] = STR("write-exec");
	}
	if (p->options->learn) {
		p->weaker[p->n_weaker++] = STR("learn");
	}
	if (p->options->weaker) {
		p->weaker[p->n_weaker++] = STR("missing-layers");
	}
	return ERR_OK;
}

/* Trying takes a millisecond: only done when the answer may change the plan. */
static struct sandbox_kernel kernel(const struct run_options *o)
{
	return o->weaker ? sandbox_probe() : sandbox_assume();
}

enum err_code run_plan_prepare(struct arena *a, const struct run_options *o, struct run_plan *ret,
			       struct err *err)
{
	struct run_plan p = {.arena = a,
			     .options = o,
			     .machine = {.kernel = kernel(o), .uid = geteuid(), .gid = getegid()}};

	p.spec = (struct sandbox_spec){
		.limits = {.processes = o->processes ? o->processes : AGENT_PROCESSES,
			   .files = AGENT_FILES,
			   .file_size = AGENT_FILE_SIZE,
			   .tmp = AGENT_TMP,
			   .memory = o->memory},
		.loopback = true,
		.terminal = true,
		.write_exec = o->write_exec,
		.weaker = o->weaker,
	};
	buf_init(&p.left_out, 64 << 10);
	buf_init(&p.unheld, 64 << 10);
	TRY(take_argv(&p, err));
	TRY(take_name(&p, err));
	TRY(choose_profile(&p, err));
	TRY(take_env(&p, err));
	TRY(take_places(&p, err));
	TRY(take_cwd(&p, err));
	TRY(take_weaker(&p, err));
	*ret = p;
	return ERR_OK;
}

enum err_code run_plan_look(struct run_plan *p, struct err *err)
{
	const struct sandbox_kernel k = p->machine.kernel;

	/* Without any place, for the program alone: which places there will be is not known yet. */
	TRY(sandbox_look(p->arena, &p->spec, &k, &p->machine, err));
	if (p->spec.profile == PROFILE_AUTO) {
		p->spec.profile = p->machine.profile;
	}
	return ERR_OK;
}

static enum err_code digest_of(struct arena *a, const char *path, struct str *ret, struct err *err)
{
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char step[HASH_STEP];
	uint8_t digest[SHA256_LEN];
	char hex[2 * SHA256_LEN];
	struct sha256 h;
	ssize_t n;

	if (fd < 0) {
		return ERR_ERRNO(err, "%s", path);
	}
	sha256_init(&h);
	while ((n = read(fd, step, HASH_STEP)) > 0) {
		sha256_update(&h, step, (size_t)n);
	}
	if (n < 0) {
		return ERR_ERRNO(err, "%s", path);
	}
	sha256_final(&h, digest);
	hex_write(hex, digest, sizeof(digest));
	*ret = arena_dup(a, str_make(hex, sizeof(hex)));
	return ret->p ? ERR_OK : ERR(err, ERR_NOMEM, "out of memory");
}

enum err_code run_plan_ask(struct run_plan *p, struct run_open *ret, struct err *err)
{
	size_t bytes = 0;

	*ret = (struct run_open){
		.learn = p->options->learn,
		.agent = p->agent,
		.program = p->machine.program.real,
		.cwd = p->cwd,
		.profile = str_from_c(run_profile_name(p->spec.profile)),
		.args = p->spec.argv,
		.n_args = (uint32_t)p->spec.n_argv,
		.weaker = p->weaker,
		.n_weaker = (uint32_t)p->n_weaker,
		.places = p->places,
		.wanted = p->wanted,
		.n_places = (uint32_t)p->n_places,
	};
	for (size_t i = 0; i < ret->n_args; i++) {
		bytes += ret->args[i].n;
		if (!str_is_utf8(ret->args[i])) {
			return ERR(err, ERR_INVALID,
				   "argument %zu is not UTF-8: policies could not "
				   "read it",
				   i);
		}
	}
	if (bytes > RUN_MAX_TEXT || ret->n_args > RUN_MAX_ARGS) {
		return ERR(err, ERR_LIMIT, "more than %d arguments, or %d bytes of them",
			   RUN_MAX_ARGS, RUN_MAX_TEXT);
	}
	return digest_of(p->arena, ret->program.p, &ret->digest, err);
}
