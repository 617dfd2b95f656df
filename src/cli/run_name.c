/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where policies permit named programs alone: what of them is there for this run. A permit gives nothing that would not be
 * seen without it: a program lies in the system, or comes with the run's own.
 */
#include "cli/find.h"
#include "cli/run.h"

#include <errno.h>
#include <sys/stat.h>

struct naming {
	struct run_plan *plan;
	struct sandbox_program *list;
	size_t n;
};

static bool is_seen(const struct run_plan *p, struct str path)
{
	const struct plan_machine *m = &p->machine;

	for (size_t i = 0; i < m->n_system; i++) {
		if (run_plan_within(path, m->system[i].real) &&
		    !run_plan_within(path, STR("/etc"))) {
			return true;
		}
	}
	for (size_t i = 0; i < m->n_prefixes; i++) {
		if (run_plan_within(path, m->prefixes[i].real)) {
			return true;
		}
	}
	return false;
}

static bool is_written_to(const struct run_plan *p, struct str path)
{
	for (size_t i = 0; i < p->spec.n_write; i++) {
		if (run_plan_within(path, p->spec.write[i])) {
			return true;
		}
	}
	return false;
}

static bool is_named(const struct naming *n, struct str path)
{
	for (size_t i = 0; i < n->n; i++) {
		if (run_plan_within(path, n->list[i].path)) {
			return true;
		}
	}
	return false;
}

static struct str reason(struct run_plan *p, struct str policy)
{
	return arena_printf(p->arena, "policy " STR_FMT, STR_ARG(policy));
}

static enum err_code name(struct naming *n, const struct run_program *program, struct err *err)
{
	struct run_plan *p = n->plan;
	struct stat file;
	struct str real;

	if (stat(program->path.p, &file) < 0) {
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES
			       ? ERR_OK
			       : ERR_ERRNO(err, STR_FMT ", which a policy names",
					   STR_ARG(program->path));
	}
	TRY(find_real_path(p->arena, program->path.p, &real, err));
	if (!is_seen(p, real) || is_written_to(p, real)) {
		buf_printf(&p->unheld, STR_FMT " is permitted, and cannot be started: it %s\n",
			   STR_ARG(program->path),
			   is_written_to(p, real)
				   ? "lies in a place that can be written to"
				   : "neither lies in the system nor comes with the run's program");
		return ERR_OK;
	}
	n->list[n->n++] = (struct sandbox_program){
		.path = real, .why = reason(p, program->policy), .is_dir = S_ISDIR(file.st_mode)};
	return ERR_OK;
}

static enum err_code check_interpreters(const struct naming *n, struct err *err)
{
	const struct plan_machine *m = &n->plan->machine;

	for (size_t i = 0; i < m->n_interpreters; i++) {
		if (!is_named(n, m->interpreters[i].real)) {
			return ERR(err, ERR_DENIED,
				   STR_FMT " is a script of " STR_FMT
					   ", and policies permit only programs that they name: "
					   "permit exec of that one, too",
				   STR_ARG(m->program.real), STR_ARG(m->interpreters[i].real));
		}
	}
	return ERR_OK;
}

/* What no kernel holds. */
static void tell_unheld(struct run_plan *p)
{
	buf_append(&p->unheld,
		   STR("only named programs start; held are their files, and not what they do: an "
		       "interpreter among them runs any script that it can read\n"));
	if (p->spec.profile != PROFILE_NATIVE) {
		buf_append(
			&p->unheld,
			STR("the profile lets memory become executable, so a program can bring "
			    "code "
			    "of its own there, as a compiler does (--profile native does not)\n"));
	}
}

enum err_code run_plan_name(struct run_plan *p, const struct run_granted *g, struct err *err)
{
	struct naming n = {.plan = p};

	if (g->others == RUN_OTHERS_BY_PATH) {
		buf_append(&p->unheld,
			   STR("other programs are not decided: a policy permits programs by their "
			       "path, which holds for the run's own alone; permit them by name "
			       "(resource == Writ::Program::\"...\") to have no others\n"));
	}
	if (g->others != RUN_OTHERS_NEVER) {
		return ERR_OK;
	}
	n.list = ARENA_ARRAY(p->arena, g->n_programs + 1, struct sandbox_program);
	if (!n.list) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	n.list[n.n++] = (struct sandbox_program){.path = p->machine.program.real,
						 .why = reason(p, g->policy)};
	for (size_t i = 0; i < g->n_programs; i++) {
		if (g->programs[i].permitted) {
			TRY(name(&n, &g->programs[i], err));
		}
	}
	TRY(check_interpreters(&n, err));
	TRY(sandbox_look_programs(p->arena, &p->machine, err));
	p->spec.named_only = true;
	p->spec.programs = n.list;
	p->spec.n_programs = n.n;
	tell_unheld(p);
	return ERR_OK;
}
