/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that are withheld from a sandbox. A file without the right to be executed could still be copied, or be given to
 * the loader or an interpreter: so what must not be started is not there at all.
 */
#include "cli/find.h"
#include "cli/run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

struct withholding {
	struct run_plan *plan;
	struct str *hidden, *why;
	size_t n; /* of `hidden`; `why` has as many after those of places that are given */
	size_t given;
};

static enum err_code add(struct withholding *w, struct str path, struct str why, struct err *err)
{
	for (size_t i = 0; i < w->n; i++) {
		if (str_eq(w->hidden[i], path)) {
			return ERR_OK;
		}
	}
	if (run_plan_within(w->plan->machine.program.real, path)) {
		return ERR(err, ERR_DENIED,
			   "the program " STR_FMT " is withheld by another of its names (" STR_FMT
			   "): policies must agree about all of them",
			   STR_ARG(w->plan->machine.program.real), STR_ARG(why));
	}
	if (w->given + w->n >= PLAN_MAX_PATHS) {
		return ERR(err, ERR_LIMIT, "more than %d places and programs that are withheld",
			   (int)PLAN_MAX_PATHS);
	}
	w->hidden[w->n] = path;
	w->why[w->given + w->n++] = why;
	return ERR_OK;
}

/* Other names of the same file beside it: hard links, such as perl and perl5.36.0. */
static enum err_code add_links(struct withholding *w, struct str path, const struct stat *file,
			       struct str why, struct err *err)
{
	size_t slash = path.n;
	struct dirent *entry;
	struct str folder;
	enum err_code code = ERR_OK;
	DIR *dir;

	while (slash > 0 && path.p[slash - 1] != '/') {
		slash--;
	}
	folder = arena_dup(w->plan->arena, str_make(path.p, slash));
	dir = folder.p ? opendir(folder.p) : NULL;
	if (!dir) {
		return ERR_ERRNO(err, "look for other names of " STR_FMT, STR_ARG(path));
	}
	while (!code && (entry = readdir(dir))) {
		struct stat other;

		if (fstatat(dirfd(dir), entry->d_name, &other, AT_SYMLINK_NOFOLLOW) == 0 &&
		    other.st_dev == file->st_dev && other.st_ino == file->st_ino) {
			struct str name = arena_printf(w->plan->arena, STR_FMT "%s",
						       STR_ARG(folder), entry->d_name);

			code = name.p ? add(w, name, why, err)
				      : ERR(err, ERR_NOMEM, "out of memory");
		}
	}
	(void)closedir(dir);
	return code;
}

static enum err_code withhold(struct withholding *w, const struct run_program *program,
			      struct err *err)
{
	struct str why = program->policy.n ? arena_printf(w->plan->arena, "policy " STR_FMT,
							  STR_ARG(program->policy))
					   : STR("no policy permits to start it");
	struct stat file;
	struct str real;

	if (stat(program->path.p, &file) < 0) {
		/* what its caller cannot reach, the run cannot */
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES
			       ? ERR_OK
			       : ERR_ERRNO(err, STR_FMT ", which a policy names",
					   STR_ARG(program->path));
	}
	TRY(find_real_path(w->plan->arena, program->path.p, &real, err));
	TRY(add(w, real, why, err));
	return file.st_nlink > 1 && S_ISREG(file.st_mode) ? add_links(w, real, &file, why, err)
							  : ERR_OK;
}

enum err_code run_plan_withhold(struct run_plan *p, const struct run_granted *g, struct err *err)
{
	struct sandbox_spec *s = &p->spec;
	struct withholding w = {.plan = p, .given = s->n_read + s->n_write + s->n_exec};

	if (g->n_programs == 0) {
		return ERR_OK;
	}
	w.hidden = ARENA_ARRAY(p->arena, s->n_hidden + PLAN_MAX_PATHS, struct str);
	w.why = ARENA_ARRAY(p->arena, w.given + s->n_hidden + PLAN_MAX_PATHS, struct str);
	if (!w.hidden || !w.why) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	memcpy(w.hidden, s->hidden, s->n_hidden * sizeof(*w.hidden));
	memcpy(w.why, s->why, (w.given + s->n_hidden) * sizeof(*w.why));
	w.n = s->n_hidden;
	for (size_t i = 0; i < g->n_programs; i++) {
		if (!g->programs[i].permitted) {
			TRY(withhold(&w, &g->programs[i], err));
		}
	}
	s->hidden = w.hidden;
	s->why = w.why;
	s->n_hidden = w.n;
	return ERR_OK;
}
