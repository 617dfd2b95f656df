/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of `writ run`: which node decides (run_node.c), what is said to it (run_talk.c), which
 * sandbox follows from its answer (run_plan.c), and the time while the program runs (run_hold.c). While the
 * node decides, a sandbox is made as far as all are alike, and what must be hidden is looked for.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli/opt.h"
#include "ipc/chan.h"
#include "ipc/run.h"
#include "sandbox/apply.h"
#include "sandbox/cgroup.h"

#include <time.h>

/* Exit statuses beside the program's own, as env(1) and timeout(1) have them. */
enum { RUN_EXIT_FAILED = 125, RUN_EXIT_REFUSED = 126, RUN_EXIT_NOT_FOUND = 127 };

enum { RUN_STATE_PATH = 512, RUN_MEMORY = 64 << 20 };

/* ---- the node ---- */

/* Where default nodes are kept: $XDG_STATE_HOME/writ or ~/.local/state/writ. ERR_INVALID: neither is set. */
enum err_code run_base(struct arena *a, struct str *ret, struct err *err) MUST_USE;

/* Makes the folder and those above it, 0700. `path` is written to, and as it was in the end. */
enum err_code run_make_folders(char *path, struct err *err) MUST_USE;

/*
 * May the writ.yaml at this real path decide? One that was named on the command line may, and is remembered; one that
 * was only found must have been named before: ERR_INVALID.
 */
enum err_code run_known(struct arena *a, struct str path, bool named, struct err *err) MUST_USE;
enum err_code run_known_add(struct arena *a, struct str path, struct err *err) MUST_USE;

/*
 * What a sandbox must not have, wherever its workspace lies: hidden are the node's state
 * folder (its sockets among it), the sockets it listens at, and files with secrets, the folder of default nodes, and every
 * bound Unix socket of the machine (the state folder around it when it is another node's); only to be read are the
 * configuration and the policies. Real paths.
 */
struct run_guard {
	struct str *hidden, *kept;
	size_t n_hidden, n_kept, n_node_kept; /* the first of kept are the node's */
	bool nameless_sockets; /* there are sockets that `hidden` cannot name: search the places */
};

struct run_sockets {
	struct str *paths; /* real ones */
	size_t n, cap;
	bool nameless; /* one is bound in the file system by no whole path */
};

/* The bound sockets of this network namespace. */
enum err_code run_sockets_bound(struct arena *a, struct run_sockets *ret, struct err *err) MUST_USE;

/* Adds every socket below a place, and folders that cannot be looked into. ERR_LIMIT: it is too large. */
enum err_code run_sockets_in(struct arena *a, struct str place, struct run_sockets *ret,
			     struct err *err) MUST_USE;

struct config;

enum err_code run_guard_fill(struct arena *a, struct str config_path, const struct config *cfg,
			     struct run_guard *ret, struct err *err) MUST_USE;

struct run_node {
	struct str config; /* the file */
	const struct config *cfg;
	char state[RUN_STATE_PATH]; /* its folder */
	bool own;                   /* was started for this run */
	int life;                   /* own: the node stays while this is open; else -1 */
	int pidfd;                  /* own; else -1 */
	char log[RUN_STATE_PATH + 16];
};

struct run_where {
	const char *config, *policy; /* --config, --policy; NULL */
	struct str workspace;        /* absolute; empty for commands that only ask */
	bool may_start;              /* start a node when none runs */
};

/*
 * Connects to the node of that configuration: FILE, else ./writ.yaml, else the default
 * configuration of this workspace or policy folder. ERR_NOT_FOUND: none runs and none may be started.
 * `said` is told in sentences what was chosen by default.
 */
enum err_code run_node_connect(struct arena *a, const struct run_where *where, struct run_node *ret,
			       int *ret_fd, struct buf *said, struct err *err) MUST_USE;
void run_node_done(struct run_node *n);

/* The same for a command that only asks: the node of the configuration, or of the current folder, runs. */
enum err_code run_ask_connect(struct arena *a, struct run_where *where, struct chan *ret,
			      struct err *err) MUST_USE;

/* ---- talking ---- */

struct run_granted_place {
	struct str path;
	uint8_t allowed; /* RUN_READ, RUN_WRITE, RUN_EACH_... */
	enum run_place from;
	struct str read_policy, write_policy; /* empty: nothing permits it */
};

/* A program that policies name. */
struct run_program {
	struct str path, policy; /* policy empty: nothing permits it */
	bool permitted;          /* else it is withheld */
};

struct run_granted {
	bool refused;
	enum run_refusal why;
	struct str policy, reason; /* of the start */
	uint64_t id;               /* of the run, or of the refusal's record */
	uint32_t listeners;        /* bits */
	uint16_t capture[RUN_MAX_CAPTURE];
	size_t n_capture;
	struct str authority; /* PEM of what the sandbox is to trust; empty: nothing more */
	struct run_granted_place *places;
	size_t n_places;
	enum run_others others;
	struct run_program *programs;
	size_t n_programs;
};

/* Asks, without waiting. */
enum err_code run_talk_open(struct arena *a, struct chan *c, const struct run_open *asked,
			    struct err *err) MUST_USE;

/* Waits for the answer. Texts live in the arena. */
enum err_code run_talk_opened(struct arena *a, struct chan *c, struct run_granted *ret,
			      struct err *err) MUST_USE;

/* Up to CHAN_MAX_FDS listeners of a sandbox, which move in. */
enum err_code run_talk_listeners(struct chan *c, const uint8_t *kinds, const int *fds, unsigned n,
				 struct err *err) MUST_USE;
/* It moves in. */
enum err_code run_talk_reins(struct chan *c, int fd, struct err *err) MUST_USE;
enum err_code run_talk_monitor(struct chan *c, int fd, struct err *err) MUST_USE;
/* `limits`: of the sandbox as a whole, for the record. */
enum err_code run_talk_started(struct chan *c, struct str limits, struct err *err) MUST_USE;

/* The answer to WHO; texts empty: nobody is known. */
enum err_code run_talk_program(struct chan *c, uint64_t n, struct str path, struct str digest,
			       bool certain, struct err *err) MUST_USE;

/* Tells the end and waits until it is in the ledger. */
enum err_code run_talk_ended(struct chan *c, enum run_end how, uint32_t status,
			     struct err *err) MUST_USE;

/* Waits for one frame, at most `ms` (-1: for ever). */
enum err_code run_talk_next(struct chan *c, void *buf, size_t cap, int ms, struct str *ret,
			    struct err *err) MUST_USE;

/* ---- the sandbox ---- */

struct run_options {
	const char *agent, *profile, *workspace, *learn;
	struct opt_list env, read, write, guard;
	uint64_t memory, processes;
	struct cgroup_spec whole; /* limits of the sandbox as a whole */
	bool write_exec, weaker, review;
	int learn_dir; /* of `learn`: its folder (run_learn_begin) */
	char **argv;   /* of the program, NULL-terminated */
};

struct run_plan {
	struct arena *arena;
	const struct run_options *options;
	struct sandbox_spec spec;
	struct plan_machine machine;
	struct str agent, workspace, cwd;
	struct str *places; /* real paths of what is asked for: the workspace first */
	uint8_t *wanted;
	size_t n_places;
	struct str *weaker;
	size_t n_weaker;
	struct sandbox_plan plan;
	struct sandbox_listener listeners[PLAN_MAX_LISTENERS];
	struct sandbox_file files[PLAN_MAX_FILES];
	void *room;          /* RUN_MEMORY bytes that the arena lies in */
	struct str changes;  /* --review: the folder of cli/review.h; else empty */
	struct buf left_out; /* sentences: places that no policy gives */
	struct buf unheld;   /* of --explain: what of policies about programs is not held */
};

/* What is to be run and asked for, as far as the command line says it. */
enum err_code run_plan_prepare(struct arena *a, const struct run_options *o, struct run_plan *ret,
			       struct err *err) MUST_USE;

/* What the machine has of it. ERR_NOT_FOUND: no such program. */
enum err_code run_plan_look(struct run_plan *p, struct err *err) MUST_USE;

/* Fills what the node is asked, digest of the program included. */
enum err_code run_plan_ask(struct run_plan *p, struct run_open *ret, struct err *err) MUST_USE;

/* `path` is `dir`, or lies in it. */
bool run_plan_within(struct str path, struct str dir);

/* The plan that follows from what was granted (run_settle.c). */
enum err_code run_plan_settle(struct run_plan *p, const struct run_granted *g,
			      const struct run_guard *guard, struct err *err) MUST_USE;

/*
 * The part of it that is about programs (run_withhold.c): what is withheld is hidden, under every name that the folder
 * of its file has for it. ERR_DENIED: the run's own program is among them.
 */
enum err_code run_plan_withhold(struct run_plan *p, const struct run_granted *g,
				struct err *err) MUST_USE;

/*
 * Where only named programs start: the run's own and those that are permitted. After its places and what is withheld.
 * ERR_DENIED: it is a script, and nothing permits its interpreter.
 */
enum err_code run_plan_name(struct run_plan *p, const struct run_granted *g,
			    struct err *err) MUST_USE;

/* The part of it that is about the exit: listeners, variables, what is trusted (run_exit.c). */
enum err_code run_plan_exit(struct run_plan *p, const struct run_granted *g,
			    struct err *err) MUST_USE;

/* A variable of the program, unless it is set already. */
void run_plan_env(struct run_plan *p, struct str name, struct str value);

const char *run_profile_name(enum sandbox_profile profile);

/* --learn: where the file is to be. ERR_EXISTS: it is there. */
enum err_code run_learn_begin(struct arena *a, struct run_options *o, struct err *err) MUST_USE;

/*
 * --learn: what the run did, by its ledger, as policies in a new file, for a person. *ret_n: how many things it did that
 * no policy was about. ERR_EXISTS: the file is there.
 */
enum err_code run_learn(const struct run_plan *p, const struct run_granted *g, const char *state,
			size_t *ret_n, struct err *err) MUST_USE;

/* ---- while it runs ---- */

/* Digests of programs that connected, by the file. Zeroed is empty. */
struct run_digests {
	struct run_digest {
		bool used;
		dev_t dev;
		ino_t ino;
		off_t size;
		struct timespec changed;
		uint8_t digest[32];
	} items[32];
	size_t next;
};

/* Answers WHO, of which r has read the type. */
enum err_code run_who(struct chan *node, struct frame_reader *r, const struct sandbox_given *given,
		      struct run_digests *kept, struct err *err) MUST_USE;

/* A sandbox that waits for its plan; zero but child.pidfd -1: none. */
struct run_early {
	struct sandbox_child child;
	int reins;           /* the gate's end; -1 */
	struct cgroup whole; /* the limits that were asked for; given up with the rest */
};

/*
 * Begins with what every sandbox has, as long as that is not known to be impossible; the plan's arena lies in memory
 * that is shared with children. A failure is not one yet: run_hold will say it.
 */
void run_hold_begin(const struct run_plan *p, struct run_early *ret);
void run_hold_give_up(struct run_early *e);

struct run_ended {
	uint32_t status; /* exit status, or 128 + signal */
	enum run_end how;
	bool node_gone;
};

/*
 * Starts the sandbox, tells the node, and stays until all has ended: signals and the terminal are
 * passed on. On failure nothing runs. What was begun is used up. Afterwards nothing of it runs, but what the
 * kernel clears away may take longer: run_hold_give_up waits for that.
 */
enum err_code run_hold(const struct run_plan *p, struct chan *node, struct run_early *early,
		       struct run_ended *ret, struct err *err) MUST_USE;

#endif
