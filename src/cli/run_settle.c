/* SPDX-License-Identifier: Apache-2.0 */
/* From what the node granted to the plan of a sandbox: its places, which of them are decided file by file. */
#include "cli/find.h"
#include "cli/review.h"
#include "cli/run.h"
#include "proc/monitor.h"

#include <errno.h>
#include <unistd.h>

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
		if (run_plan_within(g->places[i].path, place->path)) {
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
		if (run_plan_within(path, p->spec.read[i])) {
			return true;
		}
	}
	for (size_t i = 0; i < p->spec.n_write; i++) {
		if (run_plan_within(path, p->spec.write[i])) {
			return true;
		}
	}
	return false;
}

static bool is_hidden(const struct run_guard *guard, struct str path)
{
	for (size_t i = 0; i < guard->n_hidden; i++) {
		if (run_plan_within(path, guard->hidden[i])) {
			return true;
		}
	}
	return false;
}

/* By the policies, or with the program. */
static bool is_there(const struct run_plan *p, struct str path)
{
	for (size_t i = 0; i < p->machine.n_prefixes; i++) {
		if (run_plan_within(path, p->machine.prefixes[i].real)) {
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

/* What nothing gives is not there, and has not to be covered: then a part of it can be given alone. */
static bool is_absent(const struct run_plan *p, struct str path)
{
	bool around = false;
	size_t n;
	const struct str *system = plan_system_paths(&n);

	for (size_t i = 0; i < n; i++) {
		if (run_plan_within(path, system[i]) || run_plan_within(system[i], path)) {
			return false;
		}
	}
	for (size_t i = 0; i < p->spec.n_read; i++) {
		around |= run_plan_within(p->spec.read[i], path);
	}
	for (size_t i = 0; i < p->spec.n_write; i++) {
		around |= run_plan_within(p->spec.write[i], path);
	}
	return around && !is_there(p, path);
}

static void drop_absent(struct run_plan *p, struct lists *l)
{
	size_t n = 0;

	for (size_t i = 0; i < p->spec.n_hidden; i++) {
		if (!is_absent(p, l->hidden[i])) {
			l->hidden[n] = l->hidden[i];
			l->why_hidden[n++] = l->why_hidden[i];
		}
	}
	p->spec.n_hidden = n;
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
	drop_absent(p, &l);
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

static unsigned needs_asking(uint8_t allowed, uint8_t right, uint8_t each, uint8_t ret)
{
	return (allowed & (right | each)) == right ? 0 : ret;
}

/*
 * What the monitor has to ask for: of all that was granted, since the innermost counts. What was refused is asked for
 * again: a place that was not there to be covered or read only can be made, in one that the monitor opens.
 */
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
			g->places[i].path,
			(uint8_t)(needs_asking(allowed, RUN_READ, RUN_EACH_READ, EACH_READ) |
				  needs_asking(allowed, RUN_WRITE, RUN_EACH_WRITE, EACH_WRITE))};
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

static bool is_of_the_system(struct str path)
{
	size_t n;
	const struct str *system = plan_system_paths(&n);

	for (size_t i = 0; i < n; i++) {
		if (run_plan_within(path, system[i])) {
			return true;
		}
	}
	return false;
}

/* Sockets that only a search finds are hidden like the others, also in what comes with the program. */
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
	for (size_t i = 0; guard->nameless_sockets && i < p->machine.n_prefixes; i++) {
		struct str prefix = p->machine.prefixes[i].real;

		if (!is_of_the_system(prefix)) {
			TRY(run_sockets_in(p->arena, prefix, &found, err));
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
		if (run_plan_within(program, p->spec.hidden[i])) {
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
	TRY(run_plan_withhold(p, g, err));
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
	TRY(run_plan_name(p, g, err));
	TRY(plan_build(p->arena, &p->spec, &p->machine, &p->plan, err));
	p->plan.shared = p->room;
	p->plan.n_shared = RUN_MEMORY;
	return ERR_OK;
}
