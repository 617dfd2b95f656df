/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of a plan's construction share: path arithmetic (plan_check.c), its places (plan_places.c), its
 * operations (plan_ops.c), what of it is the monitor's (plan_watch.c), and their order (plan.c).
 */
#ifndef SANDBOX_PLAN_PRIV_H
#define SANDBOX_PLAN_PRIV_H

#include "sandbox/plan.h"

/* `path` is `dir` or lies beneath it; both without a slash at the end. */
bool path_within(struct str path, struct str dir);

/* Everything before the last slash; "/" for a path with one. */
struct str path_dir(struct str path);

struct str path_base(struct str path);

/* Without slashes at the end, but "/" stays. */
struct str path_trim(struct str path);

/*
 * What is wrong with what the machine says: a place that becomes another behind
 * its symbolic links must pass the same checks there.
 */
enum err_code plan_check_write(struct str path, struct err *err) MUST_USE;
enum err_code plan_check_read(struct str path, struct err *err) MUST_USE;

enum right { RIGHT_READ = 1, RIGHT_WRITE = 2, RIGHT_EXEC = 4, RIGHT_MAP = 8 };

struct want {
	struct str path, real;
	struct str why;
	unsigned rights;
	uint8_t each; /* EACH_... */
	bool is_dir;
	bool hidden;  /* rights are 0: nothing is seen of it */
	bool derived; /* comes with the program, was not written in the spec */
	bool inert;   /* a program that is not to be started; Landlock has no rule for it */
	bool pinned;  /* adds no right, but cannot be renamed */
	bool dropped;
};

struct building {
	struct arena *a;
	const struct sandbox_spec *spec;
	const struct plan_machine *machine;
	struct want *wants;
	size_t n_wants, cap_wants;
	struct plan_op *ops;
	size_t n_ops, cap_ops;
	struct plan_op nowhere; /* written when out of memory; the arena remembers that */
	uint32_t uid, gid;      /* inside */
	unsigned missing;
	uint8_t each;       /* EACH_... of any place */
	bool tmp_monitored; /* some of them lie in /tmp */
};

/*
 * Every place under its real name, sorted so that a directory comes before what lies in it; those that add nothing to the
 * one around them are dropped, and folders that must not be renamed are added.
 */
enum err_code plan_places_collect(struct building *b, struct err *err) MUST_USE;

/* The innermost place of the first n that is kept and holds `path`, or NULL. */
const struct want *plan_places_around(const struct building *b, size_t n, struct str path);

/* The operations of one idea each, in the order in which they are written. */
void plan_ops_first(struct building *b); /* the same for every plan of this spec */
void plan_ops_network(struct building *b);
void plan_ops_root(struct building *b);
void plan_ops_program(struct building *b);

/* One more operation. Never NULL: out of memory shows in the arena. */
struct plan_op *plan_op_add(struct building *b, enum plan_kind kind);

/* Source and target get a NUL behind them; empty text stays empty. */
struct plan_op *plan_op_add_path(struct building *b, enum plan_kind kind, struct str source,
				 struct str target);

/* Which places are the monitor's, and whether that can be held. The places are collected. */
enum err_code plan_watch_mark(struct building *b, struct err *err) MUST_USE;

/* The operations that make them read only for the program. */
void plan_watch_ops(struct building *b);

/*
 * The second line behind the mounts: what Landlock can say of the same places. Between the domain of the whole and the
 * program's own within it the monitor starts, where there is one.
 */
void plan_watch_landlock(struct building *b);

/* The limit is set by way of the sandbox's own /proc. */
static inline bool plan_has_pid_limit(const struct building *b)
{
	return b->machine->kernel.pid_limit && b->machine->kernel.own_proc;
}

#endif
