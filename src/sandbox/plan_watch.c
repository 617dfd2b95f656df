/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a plan that is about Landlock, and about places that only the monitor opens. */
#include "sandbox/plan_priv.h"

/*
 * Landlock gives all beneath a folder and cannot take a part of it out again: so the program must not be given anything
 * around a place whose files are decided.
 */
static bool is_given_from_around(const struct building *b, size_t at)
{
	const struct want *w = &b->wants[at];

	if (w->dropped || ((w->rights & RIGHT_EXEC) && !b->spec->write_exec) ||
	    path_within(w->real, STR("/etc"))) {
		return true;
	}
	for (size_t k = 0; k < at; k++) {
		if (!b->wants[k].dropped && path_within(w->real, b->wants[k].real)) {
			return true;
		}
	}
	return false;
}

/* What is decided in a place is decided in all that the spec gives around it: the parts have no mark of their own. */
static void mark_outermost(struct building *b, size_t at)
{
	struct want *w = &b->wants[at];

	for (size_t k = 0; k < at; k++) {
		struct want *outer = &b->wants[k];

		if (!outer->dropped && !outer->derived && path_within(w->real, outer->real)) {
			outer->each |= w->each;
			w->each = 0;
			return;
		}
	}
}

enum err_code plan_watch_mark(struct building *b, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_wants; i++) {
		mark_outermost(b, i);
	}
	for (size_t i = 0; i < b->n_wants; i++) {
		struct want *w = &b->wants[i];

		if ((w->each & EACH_READ) && is_given_from_around(b, i)) {
			return ERR(err, ERR_INVALID,
				   STR_FMT ": policies decide about single files of it, but it "
					   "comes with the system or with the program",
				   STR_ARG(w->real));
		}
		w->each = w->dropped ? 0 : w->each;
		n += w->each != 0;
		b->each |= w->each;
		b->tmp_monitored |= w->each && path_within(w->real, STR("/tmp"));
	}
	if (n > 0 && (!b->spec->monitor || b->missing & (PLAN_NO_NAMESPACES | PLAN_NO_LANDLOCK))) {
		return ERR(err, ERR_UNSUPPORTED,
			   "policies decide about single files: that needs a monitor, namespaces "
			   "and Landlock");
	}
	return n >= PLAN_MAX_WATCHED
		       ? ERR(err, ERR_LIMIT, "%zu places whose files are decided one by one", n)
		       : ERR_OK;
}

void plan_watch_ops(struct building *b)
{
	for (size_t i = 0; i < b->n_wants; i++) {
		const struct want *w = &b->wants[i];

		if (w->each) {
			plan_op_add_path(b, PLAN_MONITORED, STR(""), w->real)->flags =
				(w->rights & RIGHT_WRITE ? BIND_WRITE : 0U) |
				(w->is_dir ? BIND_DIR : 0U);
		}
	}
	if (b->tmp_monitored) { /* the last: what lies in it is read only in the monitor's tree of it, too */
		plan_op_add_path(b, PLAN_MONITORED, STR(""), STR("/tmp"))->flags =
			BIND_WRITE | BIND_DIR;
	}
}

/* The place around it, or itself, whose files are opened by the monitor; NULL: none. */
static const struct want *watched(const struct building *b, const struct want *w)
{
	for (size_t i = 0; i < b->n_wants; i++) {
		if (b->wants[i].each && path_within(w->real, b->wants[i].real)) {
			return &b->wants[i];
		}
	}
	return NULL;
}

/* What is left of a place to the program itself. */
static unsigned without_watched(const struct building *b, const struct want *w, unsigned access)
{
	const struct want *outer = watched(b, w);

	if (!outer || w->derived) {
		return access; /* what comes with the program is no file of the place */
	}
	return outer->each & EACH_READ ? 0 : access & (FILES_READ | FILES_EXEC);
}

static void allow(struct building *b, struct str path, unsigned access)
{
	if (access) {
		plan_op_add_path(b, PLAN_ALLOW, STR(""), path)->flags = access;
	}
}

/* `program`: within the domain of the whole, without what only the monitor opens. */
static void domain(struct building *b, bool program)
{
	const unsigned change = FILES_WRITE | FILES_MAKE | FILES_SOCKET;
	bool bare = b->missing & PLAN_NO_NAMESPACES;

	for (size_t i = 0; i < b->n_wants; i++) {
		const struct want *w = &b->wants[i];

		/* /etc is allowed as a whole below: all in it is read only */
		if (!w->dropped && !w->hidden && !w->pinned && !w->inert &&
		    (bare || !path_within(w->real, STR("/etc")))) {
			unsigned access = FILES_READ | (w->rights & RIGHT_EXEC ? FILES_EXEC : 0U) |
					  (w->rights & RIGHT_WRITE ? change : 0U);

			allow(b, w->real, program ? without_watched(b, w, access) : access);
		}
	}
	if (!bare) {
		allow(b, STR("/tmp"),
		      program && b->tmp_monitored
			      ? 0U
			      : FILES_READ | change | (b->spec->write_exec ? FILES_EXEC : 0U));
		if (!(b->missing & PLAN_NO_PROC)) {
			allow(b, STR("/proc"), FILES_READ);
		}
		allow(b, STR("/etc"), FILES_READ);
		allow(b, STR("/dev"), FILES_READ | FILES_WRITE | FILES_DEVICE);
	} else {
		allow(b, STR("/dev/null"), FILES_READ | FILES_WRITE);
		allow(b, STR("/dev/urandom"), FILES_READ);
		for (size_t i = 0; i < b->machine->n_devices; i++) {
			allow(b, b->machine->devices[i], FILES_READ | FILES_WRITE | FILES_DEVICE);
		}
	}
	plan_op_add(b, PLAN_LANDLOCK)->flags = b->spec->loopback ? 1 : 0;
}

void plan_watch_landlock(struct building *b)
{
	if (b->missing & PLAN_NO_LANDLOCK) {
		return;
	}
	domain(b, false);
	if (b->each) {
		(void)plan_op_add(b, PLAN_MONITOR);
		domain(b, true);
	}
}
