/* SPDX-License-Identifier: Apache-2.0 */
/* From a command line, and from what the node granted, to the plan of a sandbox. */
#include "base/hex.h"
#include "cli/find.h"
#include "cli/review.h"
#include "cli/run.h"
#include "crypto/sha256.h"
#include "proc/monitor.h"
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
} profiles[] = {{"auto", PROFILE_AUTO},
		{"native", PROFILE_NATIVE},
		{"node", PROFILE_NODE},
		{"python", PROFILE_PYTHON},
		{"shell", PROFILE_SHELL}};

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

static bool within(struct str path, struct str dir)
{
	return str_eq(path, dir) || str_eq(dir, STR("/")) ||
	       (str_starts_with(path, dir) && path.p[dir.n] == '/');
}

/* Where we stand, when that is in the workspace; else the workspace. */
static enum err_code take_cwd(struct run_plan *p, struct err *err)
{
	TRY(find_real_path(p->arena, ".", &p->cwd, err));
	if (!within(p->cwd, p->workspace)) {
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

/* ---- what was granted ---- */

/* The lists of a spec while they are filled. */
struct lists {
	struct str *read, *write, *hidden;
	struct str *why_read, *why_write, *why_hidden;
	uint8_t *each_read, *each_write;
};

/* Which policies made a place what it is. */
static struct str reason(struct run_plan *p, const struct run_granted_place *g)
{
	if (g->allowed & RUN_WRITE) {
		return arena_printf(p->arena, "policy " STR_FMT, STR_ARG(g->write_policy));
	}
	if (g->allowed && g->write_policy.n) {
		return arena_printf(p->arena, "policy " STR_FMT ", and " STR_FMT " forbids writing",
				    STR_ARG(g->read_policy), STR_ARG(g->write_policy));
	}
	return g->read_policy.n ? arena_printf(p->arena, "policy " STR_FMT, STR_ARG(g->read_policy))
				: STR("no policy permits it");
}

static void tell_left_out(struct run_plan *p, const struct run_granted_place *g, uint8_t missing)
{
	const struct str policy = missing & RUN_READ ? g->read_policy : g->write_policy;

	buf_printf(&p->left_out, STR_FMT " is %s: ", STR_ARG(g->path),
		   missing & RUN_READ ? "not there" : "read only");
	if (policy.n) {
		buf_printf(&p->left_out, "policy \"" STR_FMT "\" forbids %s\n", STR_ARG(policy),
			   missing & RUN_READ ? "read_file" : "write_file");
	} else {
		buf_printf(&p->left_out, "no policy permits %s\n",
			   missing & RUN_READ ? "read_file" : "write_file");
	}
	if ((missing & RUN_READ) && str_eq(g->path, p->workspace)) {
		buf_printf(&p->left_out,
			   "so the program starts in /tmp, and what it writes there is lost: "
			   "--workspace names a folder that policies permit\n");
	}
}

/* A place that policies name must be what its name says: a link there would lead somewhere else. */
static enum err_code check_named(struct run_plan *p, const struct run_granted_place *g,
				 bool *ret_there, struct err *err)
{
	struct str real;
	struct err unseen;

	*ret_there = access(g->path.p, F_OK) == 0;
	if (!*ret_there && errno != ENOENT && errno != ENOTDIR) {
		return ERR_ERRNO(err, STR_FMT ", which a policy names", STR_ARG(g->path));
	}
	if (*ret_there &&
	    (find_real_path(p->arena, g->path.p, &real, &unseen) || !str_eq(real, g->path))) {
		return ERR(err, ERR_INVALID,
			   STR_FMT ": a policy names it, but it is reached through a symbolic "
				   "link now, so what the policy means cannot be held",
			   STR_ARG(g->path));
	}
	return ERR_OK;
}

/* EACH_... of what was granted; a place with names of policies in it has theirs too, there or not. */
static uint8_t each_of(const struct run_granted *g, const struct run_granted_place *place)
{
	uint8_t each = 0;

	for (size_t i = 0; i < g->n_places; i++) {
		if (within(g->places[i].path, place->path)) {
			each |= (uint8_t)((g->places[i].allowed & RUN_EACH_READ ? EACH_READ : 0) |
					  (g->places[i].allowed & RUN_EACH_WRITE ? EACH_WRITE : 0));
		}
	}
	return each;
}

static void put(struct str *list, struct str *why, size_t *n, struct str path, struct str reason)
{
	list[*n] = path;
	why[(*n)++] = reason;
}

static enum err_code place(struct run_plan *p, struct lists *l, const struct run_granted *all,
			   const struct run_granted_place *g, struct err *err)
{
	bool there = true;

	if (g->from == RUN_PLACE_NAMED) {
		TRY(check_named(p, g, &there, err));
	}
	if (!there) {
		return ERR_OK; /* nothing to give, and nothing to hide */
	}
	if ((g->allowed & (RUN_READ | RUN_WRITE)) == (RUN_READ | RUN_WRITE)) {
		l->each_write[p->spec.n_write] = each_of(all, g);
		put(l->write, l->why_write, &p->spec.n_write, g->path, reason(p, g));
	} else if (g->allowed & RUN_READ) {
		l->each_read[p->spec.n_read] = each_of(all, g);
		put(l->read, l->why_read, &p->spec.n_read, g->path, reason(p, g));
	} else {
		put(l->hidden, l->why_hidden, &p->spec.n_hidden, g->path, reason(p, g));
	}
	return ERR_OK;
}

static bool is_given(const struct run_plan *p, struct str path)
{
	for (size_t i = 0; i < p->spec.n_read; i++) {
		if (within(path, p->spec.read[i])) {
			return true;
		}
	}
	for (size_t i = 0; i < p->spec.n_write; i++) {
		if (within(path, p->spec.write[i])) {
			return true;
		}
	}
	return false;
}

static bool is_hidden(const struct run_guard *guard, struct str path)
{
	for (size_t i = 0; i < guard->n_hidden; i++) {
		if (within(path, guard->hidden[i])) {
			return true;
		}
	}
	return false;
}

/* By the policies, or with the program. */
static bool is_there(const struct run_plan *p, struct str path)
{
	for (size_t i = 0; i < p->machine.n_prefixes; i++) {
		if (within(path, p->machine.prefixes[i].real)) {
			return true;
		}
	}
	return is_given(p, path);
}

/* A place that was to be written to is one to be read; its EACH_... */
static uint8_t take_back(struct run_plan *p, struct lists *l, struct str path)
{
	for (size_t i = 0; i < p->spec.n_write; i++) {
		if (str_eq(l->write[i], path)) {
			uint8_t each = l->each_write[i];

			p->spec.n_write--;
			l->write[i] = l->write[p->spec.n_write];
			l->why_write[i] = l->why_write[p->spec.n_write];
			l->each_write[i] = l->each_write[p->spec.n_write];
			return each;
		}
	}
	return 0;
}

/* What the node itself needs is out of reach, whatever the policies say. */
static void keep_back_node(struct run_plan *p, struct lists *l, const struct run_guard *guard)
{
	for (size_t i = 0; i < guard->n_kept; i++) {
		if (is_given(p, guard->kept[i]) && !is_hidden(guard, guard->kept[i])) {
			l->each_read[p->spec.n_read] = take_back(p, l, guard->kept[i]);
			put(l->read, l->why_read, &p->spec.n_read, guard->kept[i],
			    i < guard->n_node_kept
				    ? STR("default: what decides is not changed from inside")
				    : STR("--guard"));
		}
	}
	for (size_t i = 0; i < guard->n_hidden; i++) {
		if (is_there(p, guard->hidden[i])) {
			put(l->hidden, l->why_hidden, &p->spec.n_hidden, guard->hidden[i],
			    STR("default: a node's own, or a socket to somebody outside"));
		}
	}
}

static enum err_code give_places(struct run_plan *p, const struct run_granted *g,
				 const struct run_guard *guard, struct err *err)
{
	size_t n = g->n_places + guard->n_hidden + guard->n_kept + 1;
	struct str *why = ARENA_ARRAY(p->arena, 3 * n, struct str);
	struct lists l = {.read = ARENA_ARRAY(p->arena, n, struct str),
			  .write = ARENA_ARRAY(p->arena, n, struct str),
			  .hidden = ARENA_ARRAY(p->arena, n, struct str),
			  .why_read = ARENA_ARRAY(p->arena, n, struct str),
			  .why_write = ARENA_ARRAY(p->arena, n, struct str),
			  .why_hidden = ARENA_ARRAY(p->arena, n, struct str),
			  .each_read = ARENA_ARRAY(p->arena, 3 * n, uint8_t),
			  .each_write = ARENA_ARRAY(p->arena, n, uint8_t)};

	if (!why || !l.each_read || !l.each_write || !l.read || !l.write || !l.hidden ||
	    !l.why_read || !l.why_write || !l.why_hidden) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < g->n_places; i++) {
		const struct run_granted_place *at = &g->places[i];
		uint8_t missing = 0;

		TRY(place(p, &l, g, at, err));
		for (size_t k = 0; k < p->n_places && at->from == RUN_PLACE_ASKED; k++) {
			missing |= (uint8_t)(str_eq(p->places[k], at->path)
						     ? p->wanted[k] & ~at->allowed
						     : 0);
		}
		if (missing) {
			tell_left_out(p, at, missing);
		}
	}
	p->spec.read = l.read;
	p->spec.write = l.write;
	p->spec.hidden = l.hidden;
	keep_back_node(p, &l, guard);
	memcpy(why, l.why_read, p->spec.n_read * sizeof(*why));
	memcpy(why + p->spec.n_read, l.why_write, p->spec.n_write * sizeof(*why));
	memcpy(why + p->spec.n_read + p->spec.n_write, l.why_hidden,
	       p->spec.n_hidden * sizeof(*why));
	p->spec.why = why;
	memcpy(l.each_read + p->spec.n_read, l.each_write, p->spec.n_write);
	p->spec.each = l.each_read;
	return ERR_OK;
}

/* What the monitor has to ask for: of all that was granted, since the innermost counts. */
static enum err_code watch_places(struct run_plan *p, const struct run_granted *g, struct err *err)
{
	struct monitor_ask *asks = ARENA_ARRAY(p->arena, g->n_places + 1, struct monitor_ask);
	struct monitor_asks *all = ARENA_NEW(p->arena, struct monitor_asks);

	if (!asks || !all) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	asks[0].path = STR(
		"/tmp"); /* of the sandbox itself; where a place lies in it, the monitor opens it too */
	for (size_t i = 0; i < g->n_places; i++) {
		uint8_t allowed = g->places[i].allowed;

		asks[i + 1] = (struct monitor_ask){
			g->places[i].path, (uint8_t)((allowed & RUN_EACH_READ ? EACH_READ : 0) |
						     (allowed & RUN_EACH_WRITE ? EACH_WRITE : 0))};
	}
	*all = (struct monitor_asks){asks, g->n_places + 1};
	p->spec.monitor = monitor_main;
	p->spec.monitor_arg = all;
	return ERR_OK;
}

static bool can_write(const struct run_plan *p, struct str path)
{
	for (size_t i = 0; i < p->spec.n_write; i++) {
		if (str_eq(p->spec.write[i], path)) {
			return true;
		}
	}
	return false;
}

/* The caller's own guards: like the node's, they only take away. */
static enum err_code with_own_guards(struct run_plan *p, const struct run_guard *node,
				     struct run_guard *ret, struct err *err)
{
	const struct opt_list *asked = &p->options->guard;

	*ret = *node;
	ret->n_node_kept = node->n_kept;
	ret->kept = ARENA_ARRAY(p->arena, node->n_kept + asked->n + 1, struct str);
	if (!ret->kept) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < node->n_kept; i++) {
		ret->kept[i] = node->kept[i];
	}
	for (size_t i = 0; i < asked->n; i++) {
		TRY(find_real_path(p->arena, asked->items[i], &ret->kept[ret->n_kept++], err));
	}
	return ERR_OK;
}

/* Sockets that only a search finds are hidden like the others. */
static enum err_code hide_found(struct run_plan *p, const struct run_granted *g,
				struct run_guard *guard, struct err *err)
{
	struct run_sockets found = {0};
	struct str *all;

	for (size_t i = 0; guard->nameless_sockets && i < g->n_places; i++) {
		if (g->places[i].allowed) {
			TRY(run_sockets_in(p->arena, g->places[i].path, &found, err));
		}
	}
	if (found.n == 0) {
		return ERR_OK;
	}
	all = ARENA_ARRAY(p->arena, guard->n_hidden + found.n, struct str);
	if (!all) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	memcpy(all, guard->hidden, guard->n_hidden * sizeof(*all));
	guard->hidden = all;
	for (size_t i = 0; i < found.n; i++) {
		if (!is_hidden(guard, found.paths[i])) {
			all[guard->n_hidden++] = found.paths[i];
		}
	}
	return ERR_OK;
}

/* Else its start would say that there is no such file. */
static enum err_code check_program_is_there(const struct run_plan *p, struct err *err)
{
	struct str program = p->machine.program.real;

	for (size_t i = 0; i < p->spec.n_hidden; i++) {
		if (within(program, p->spec.hidden[i])) {
			return ERR(err, ERR_DENIED,
				   "the program " STR_FMT " lies in " STR_FMT
				   ", which is withheld: no policy permits to read it",
				   STR_ARG(program), STR_ARG(p->spec.hidden[i]));
		}
	}
	return ERR_OK;
}

enum err_code run_plan_settle(struct run_plan *p, const struct run_granted *g,
			      const struct run_guard *guard, struct err *err)
{
	struct run_guard all;

	TRY(with_own_guards(p, guard, &all, err));
	TRY(hide_found(p, g, &all, err));
	TRY(give_places(p, g, &all, err));
	TRY(watch_places(p, g, err));
	TRY(check_program_is_there(p, err));
	TRY(run_plan_exit(p, g, err));
	p->spec.cwd = is_given(p, p->cwd) ? p->cwd : STR("");
	if (p->options->review && can_write(p, p->workspace)) {
		TRY(review_begin(p->arena, p->workspace, &p->changes, err));
		p->spec.overlay = p->workspace;
		p->spec.scratch = p->changes;
	}
	TRY(sandbox_look_places(p->arena, &p->spec, &p->machine, err));
	TRY(plan_build(p->arena, &p->spec, &p->machine, &p->plan, err));
	p->plan.shared = p->room;
	p->plan.n_shared = RUN_MEMORY;
	return ERR_OK;
}
