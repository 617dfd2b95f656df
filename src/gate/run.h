/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs: programs that `writ run` started in a sandbox of this machine (ipc/run.h). A run is one
 * action, `exec`, that lasts as long as the program; everything that comes out of its sandbox is
 * known to be the run's by the listener it came in by, which was made inside: no token is needed, and none
 * could be stolen.
 *
 *   NEW --OPEN--> DECIDING --exec, then places--> OPEN --STARTED--> RUNNING --ENDED--> ENDING
 *                    |                                                 |  ^
 *                    +--refused: answered, closed             freeze   v  |  thaw
 *                                                                     FROZEN
 *
 * The gate holds the reins of each: closing them ends all that runs in it, whatever became of its
 * `writ run`. So a gate that dies takes its runs with it.
 */
#ifndef GATE_RUN_H
#define GATE_RUN_H

#include "gate/action.h"
#include "gate/run_file.h"
#include "ipc/chan.h"
#include "ipc/run.h"
#include "net/listen.h"

struct gate;
struct gate_runs;
struct http_server;

enum gate_run_step {
	GATE_RUN_NEW = 0, /* also a connection that only asks */
	GATE_RUN_DECIDING,
	GATE_RUN_OPEN,
	GATE_RUN_RUNNING,
	GATE_RUN_ENDING,
};

/* One place of the sandbox, decided for reading and for writing. */
struct gate_run_place {
	struct gate_run *run;
	struct str path;
	uint8_t wanted, allowed; /* RUN_READ | RUN_WRITE; allowed also RUN_EACH_... */
	enum run_place from;
	struct action read, write;
	struct str read_policy, write_policy;
};

/* A program that policies name: unless it is permitted, it is withheld from the sandbox. */
struct gate_run_program {
	struct gate_run *run;
	struct str path, policy;
	bool withheld;
	struct action exec;
};

/* A connection to run.sock, and the run it is. */
struct gate_run {
	struct list node; /* in runs->all */
	struct gate_runs *runs;
	struct gate *gate;
	struct chan chan;
	struct loop_fd f;
	struct net_peer peer;
	enum gate_run_step step;
	uint64_t id; /* index of its decision in the ledger; 0 before */
	uint64_t started_at;

	struct arena arena; /* as long as the run */
	struct str agent, program, profile, weaker;
	struct str input;        /* of its exec, and of those of programs that policies name */
	struct str authority;    /* PEM: what its sandbox is to trust; empty: nothing more */
	struct session *session; /* of all that the run does */
	struct action exec;
	bool exec_done; /* the path of exec is at its end */
	struct gate_run_place *places;
	size_t n_places;
	struct gate_run_program *programs;
	size_t n_programs;
	enum run_others others;
	unsigned places_pending; /* and programs */
	bool unrecorded;         /* a place's decision is not in the ledger: nothing starts */

	struct gate_run_files files; /* that are decided one by one */
	struct http_server *server;  /* what comes in by GATEWAY listeners; NULL: none yet */
	int reins;                   /* -1: none yet, or let go */
	struct loop_fd reins_f;
	unsigned n_captured; /* ports */
	bool reined; /* they were handed over; init may be gone again by the time its start is told */
	bool frozen, killed, ended;
	struct gate_run *asker; /* waits until init has frozen or thawed it */
	struct timer patience;
	struct loop_hook later; /* frees it at the end of the turn */
	bool leaving;
};

struct gate_runs {
	struct gate *gate;
	struct list all;
	struct net_acceptor acceptor;
	bool open;
	unsigned n, n_running; /* connections; those with a run */
	void (*on_count)(struct gate *g, unsigned n_running);
};

void gate_runs_init(struct gate_runs *r, struct gate *g);
void gate_runs_done(struct gate_runs *r);

/* Serves run.sock (owned). on_count is told how many runs there are whenever that changes. */
enum err_code gate_runs_listen(struct gate_runs *r, int fd,
			       void (*on_count)(struct gate *g, unsigned n_running),
			       struct err *err) MUST_USE;

/* The node stops: every run is asked to end. gate_runs_idle says when none is left. */
void gate_runs_drain(struct gate_runs *r);
bool gate_runs_idle(const struct gate_runs *r);

/* ---- inside gate/: run.c owns connections, run_open.c decides, run_lever.c rules ---- */

/* The OPEN frame, behind its type. Answers by itself; ERR_INVALID closes the connection. */
struct frame_reader;
enum err_code gate_run_open(struct gate_run *run, struct frame_reader *r, struct err *err) MUST_USE;

/*
 * run_program.c: the programs that policies name, but for the run's own, decided as `exec` with the input of the run and
 * no digest; and what becomes of those that none names. False: too many, or out of memory.
 */
bool gate_run_programs_add(struct gate_run *run);
/* A sentence about the policy that varies while a run lasts; empty: none does. In the run's arena. */
struct str gate_run_programs_vary(struct gate_run *run);
/* Each adds one to places_pending, and takes it away by gate_run_decided. */
void gate_run_programs_decide(struct gate_run *run);
/* Without a record; `own` has what a run's decisions have alike. */
void gate_run_programs_explain(struct gate_run *run, const struct rules_query *own);
/* The end of OPENED. */
void gate_run_programs_put(const struct gate_run *run, struct frame_writer *w);

/* One of places_pending was decided; after the last the run is opened. */
void gate_run_decided(struct gate_run *run);

/* Everything the run held is given back, its end is recorded. The connection stays. */
void gate_run_conclude(struct gate_run *run, enum ledger_status status, uint64_t code);

enum err_code gate_run_take_reins(struct gate_run *run, int fd, struct err *err) MUST_USE;
void gate_run_let_go(struct gate_run *run);
void gate_run_list(struct gate_run *asker);
void gate_run_lever(struct gate_run *asker, enum run_lever op, uint64_t id);
void gate_run_forget_asker(struct gate_run *asker);

/* It has a session now. */
void gate_run_counted(struct gate_run *run);

struct frame_writer;
void gate_run_say(struct gate_run *run, const struct frame_writer *w);
void gate_run_leave(struct gate_run *run); /* at the end of the turn */

#endif
