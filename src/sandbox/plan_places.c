/* SPDX-License-Identifier: Apache-2.0 */
/* The places of a plan: collected, sorted, merged; what lies within another and adds nothing falls out. */
#include "sandbox/plan_priv.h"

#include <stdlib.h>

enum { MAX_PINS = 256 };

static const struct str system_paths[] = {
	STR_INIT("/usr"),
	STR_INIT("/bin"),
	STR_INIT("/sbin"),
	STR_INIT("/lib"),
	STR_INIT("/lib32"),
	STR_INIT("/lib64"),
	STR_INIT("/libx32"),
	STR_INIT("/etc/alternatives"),
	STR_INIT("/etc/ld.so.cache"),
	STR_INIT("/etc/localtime"),
	STR_INIT("/etc/pki"),
	STR_INIT("/etc/ssl/certs"),
	STR_INIT("/etc/ssl/openssl.cnf"),
};

const struct str *plan_system_paths(size_t *n)
{
	*n = ARRAY_LEN(system_paths);
	return system_paths;
}

/* One that nobody wrote in the spec: it comes with the system or the program. */
static void want(struct building *b, const struct plan_place *place, unsigned rights,
		 struct str why)
{
	b->wants[b->n_wants++] = (struct want){.path = path_trim(place->path),
					       .real = path_trim(place->real),
					       .why = why,
					       .rights = rights,
					       .is_dir = place->is_dir,
					       .derived = true};
}

/* The i-th place of the spec. */
static enum err_code want_place(struct building *b, size_t i, struct err *err)
{
	const struct sandbox_spec *s = b->spec;
	const struct plan_place *place = &b->machine->places[i];
	struct want w = {.path = path_trim(place->path),
			 .real = path_trim(place->real),
			 .why = s->why ? s->why[i] : STR("asked for"),
			 .each = s->each ? s->each[i] : 0,
			 .is_dir = place->is_dir};

	if (i < s->n_read) {
		TRY(plan_check_read(place->real, err));
		w.rights = RIGHT_READ;
	} else if (i < s->n_read + s->n_write) {
		TRY(plan_check_write(place->real, err));
		w.rights = RIGHT_READ | RIGHT_WRITE | (s->write_exec ? RIGHT_EXEC : 0U);
	} else if (i < s->n_read + s->n_write + s->n_exec) {
		TRY(plan_check_read(place->real, err));
		w.rights = RIGHT_READ | RIGHT_EXEC;
	} else {
		w.hidden = true;
	}
	b->wants[b->n_wants++] = w;
	return ERR_OK;
}

/* Inside-out: '/' sorts before every other byte, so a directory is followed by what is in it. */
static int by_real_path(const void *x, const void *y)
{
	const struct want *a = x;
	const struct want *b = y;
	size_t n = a->real.n < b->real.n ? a->real.n : b->real.n;

	for (size_t i = 0; i < n; i++) {
		unsigned char p = (unsigned char)a->real.p[i], q = (unsigned char)b->real.p[i];

		if (p != q) {
			p = p == '/' ? 0 : p;
			q = q == '/' ? 0 : q;
			return p < q ? -1 : 1;
		}
	}
	return a->real.n < b->real.n ? -1 : a->real.n > b->real.n;
}

/* Nothing else of the system is executable, nor can it be mapped as code. */
static void want_programs(struct building *b)
{
	const struct sandbox_spec *s = b->spec;
	const struct plan_machine *m = b->machine;

	for (size_t i = 0; i < m->n_libraries; i++) {
		want(b, &m->libraries[i], RIGHT_READ | RIGHT_MAP,
		     STR("default: libraries, which are loaded and not started"));
	}
	for (size_t i = 0; i < m->n_inert; i++) {
		want(b, &m->inert[i], RIGHT_READ, STR("no policy permits to start it"));
		b->wants[b->n_wants - 1].inert = true;
	}
	for (size_t i = 0; i < m->n_loaders; i++) {
		want(b, &m->loaders[i], RIGHT_READ | RIGHT_EXEC,
		     STR("default: loads programs that may be started"));
	}
	for (size_t i = 0; i < s->n_programs; i++) {
		const struct sandbox_program *p = &s->programs[i];

		want(b, &(struct plan_place){p->path, p->path, p->is_dir}, RIGHT_READ | RIGHT_EXEC,
		     p->why);
	}
}

static enum err_code collect(struct building *b, struct err *err)
{
	const struct sandbox_spec *s = b->spec;
	const struct plan_machine *m = b->machine;

	if (m->n_places != s->n_read + s->n_write + s->n_exec + s->n_hidden) {
		return ERR(err, ERR_INVALID, "the machine was looked at for another spec");
	}
	b->cap_wants =
		m->n_system + m->n_prefixes + m->n_places + MAX_PINS +
		(s->named_only ? m->n_libraries + m->n_inert + m->n_loaders + s->n_programs : 0);
	b->wants = arena_alloc(b->a, b->cap_wants * sizeof(*b->wants)); /* few are used */
	if (!b->wants) {
		return ERR(err, ERR_NOMEM, "out of memory for a sandbox plan");
	}
	for (size_t i = 0; i < m->n_system; i++) {
		bool exec = !s->named_only && !path_within(m->system[i].path, STR("/etc"));

		want(b, &m->system[i], RIGHT_READ | (exec ? RIGHT_EXEC : 0U),
		     STR("default: the system"));
	}
	for (size_t i = 0; i < m->n_prefixes; i++) {
		TRY(plan_check_read(m->prefixes[i].real, err));
		want(b, &m->prefixes[i], RIGHT_READ | (s->named_only ? 0U : RIGHT_EXEC),
		     STR("default: comes with the program"));
	}
	if (s->named_only) {
		want_programs(b);
	}
	for (size_t i = 0; i < m->n_places; i++) {
		TRY(want_place(b, i, err));
	}
	return ERR_OK;
}

/* The innermost place of the first n that is kept and holds `path`, or NULL. Places are sorted. */
const struct want *plan_places_around(const struct building *b, size_t n, struct str path)
{
	while (n-- > 0) {
		if (!b->wants[n].dropped && path_within(path, b->wants[n].real)) {
			return &b->wants[n];
		}
	}
	return NULL;
}

static enum err_code merge_equal(const struct building *b, struct want *into, const struct want *w,
				 struct err *err)
{
	unsigned both = into->rights | w->rights;

	if (into->hidden || w->hidden) {
		into->hidden = true;
		into->rights = 0;
		into->why = w->hidden ? w->why : into->why;
		return ERR_OK;
	}
	if (both & ~into->rights & (RIGHT_EXEC | RIGHT_MAP)) {
		into->why = w->why;
	}
	if ((both & RIGHT_WRITE) && (both & RIGHT_EXEC) && !b->spec->write_exec) {
		return ERR(err, ERR_INVALID,
			   STR_FMT ": writable and executable; what can be changed must not be "
				   "executed",
			   STR_ARG(w->real));
	}
	into->rights = both;
	into->each |= w->each;
	into->inert = into->inert && w->inert;
	into->derived = into->derived && w->derived;
	return ERR_OK;
}

static enum err_code settle(struct building *b, struct err *err)
{
	ASSERT(b->wants);
	qsort(b->wants, b->n_wants, sizeof(b->wants[0]), by_real_path);
	for (size_t i = 0; i < b->n_wants; i++) {
		struct want *w = &b->wants[i];

		for (size_t k = i; k-- > 0;) {
			if (!b->wants[k].dropped && str_eq(b->wants[k].real, w->real)) {
				TRY(merge_equal(b, &b->wants[k], w, err));
				w->dropped = true;
				break;
			}
		}
	}
	for (size_t i = 0; i < b->n_wants; i++) {
		struct want *w = &b->wants[i];
		const struct want *outer;

		if (w->dropped) {
			continue;
		}
		outer = plan_places_around(b, i, w->real);
		if (!outer) {
			w->dropped = w->hidden; /* it is not there anyway */
			continue;
		}
		if (outer->hidden && !w->hidden && !w->derived) {
			return ERR(err, ERR_INVALID,
				   STR_FMT " lies in " STR_FMT
					   ", which is hidden: it cannot be given alone",
				   STR_ARG(w->real), STR_ARG(outer->real));
		}
		if (outer->rights == w->rights || outer->hidden ||
		    (w->rights == RIGHT_READ && !(outer->rights & (RIGHT_WRITE | RIGHT_MAP)))) {
			w->dropped = true;
			continue;
		}
		if (w->hidden && (b->missing & PLAN_NO_NAMESPACES)) {
			return ERR(err, ERR_UNSUPPORTED,
				   STR_FMT ": without namespaces it cannot be hidden",
				   STR_ARG(w->real));
		}
		if ((outer->rights & RIGHT_WRITE) && (b->missing & PLAN_NO_NAMESPACES)) {
			return ERR(err, ERR_UNSUPPORTED,
				   STR_FMT " lies in write " STR_FMT
					   ": without namespaces it cannot be kept from changes",
				   STR_ARG(w->real), STR_ARG(outer->real));
		}
		if ((outer->rights & RIGHT_WRITE) && (w->rights & RIGHT_EXEC) && !w->derived &&
		    !b->spec->write_exec) {
			return ERR(err, ERR_INVALID,
				   "exec " STR_FMT " lies in write " STR_FMT
				   ": what can be changed must not be executed",
				   STR_ARG(w->real), STR_ARG(outer->real));
		}
	}
	return ERR_OK;
}

static const struct want *find_want(const struct building *b, struct str real)
{
	for (size_t i = 0; i < b->n_wants; i++) {
		if (!b->wants[i].dropped && str_eq(b->wants[i].real, real)) {
			return &b->wants[i];
		}
	}
	return NULL;
}

/* One more place, which gives what its surroundings give. */
static enum err_code add_pin(struct building *b, const struct want *outer, struct str real,
			     struct err *err)
{
	if (find_want(b, real)) {
		return ERR_OK;
	}
	if (b->n_wants == b->cap_wants) {
		return ERR(err, ERR_LIMIT, "too many places lie deep in writable ones");
	}
	b->wants[b->n_wants++] = (struct want){.path = real,
					       .real = real,
					       .why = STR("default: keeps what is in it in place"),
					       .rights = outer->rights,
					       .is_dir = true,
					       .derived = true,
					       .pinned = true};
	return ERR_OK;
}

/*
 * A mount cannot be renamed, but a folder above it can: then its old name would be free for something
 * else, outside too. So every folder between a place and the writable one around it is mounted as well.
 */
static enum err_code pin(struct building *b, struct err *err)
{
	size_t n = b->n_wants;

	for (size_t i = 0; i < n; i++) {
		struct want *w = &b->wants[i];
		const struct want *outer = w->dropped ? NULL : plan_places_around(b, i, w->real);

		if (!outer || !(outer->rights & RIGHT_WRITE)) {
			continue;
		}
		for (struct str dir = path_dir(w->real); dir.n > outer->real.n;
		     dir = path_dir(dir)) {
			TRY(add_pin(b, outer, dir, err));
		}
	}
	if (b->n_wants > n) {
		qsort(b->wants, b->n_wants, sizeof(b->wants[0]), by_real_path);
	}
	return ERR_OK;
}

enum err_code plan_places_collect(struct building *b, struct err *err)
{
	TRY(collect(b, err));
	TRY(settle(b, err));
	return b->missing & PLAN_NO_NAMESPACES ? ERR_OK : pin(b, err);
}
