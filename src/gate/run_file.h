/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of a run that are decided one by one. Its monitor (sandbox/monitor.h) asks over a channel of its own; each
 * right on each path is an action of the run, recorded before the monitor hears a yes.
 *
 *   FILE --read_file, write_file, ...: each decided and recorded--> all allowed: yes
 *                |
 *                +--ask--> held (gate/hold.h) --yes--> decided again
 *                +--refused: no
 */
#ifndef GATE_RUN_FILE_H
#define GATE_RUN_FILE_H

#include "base/err.h"
#include "base/list.h"
#include "ipc/chan.h"
#include "net/loop.h"

struct gate_run;

/* Part of a run. */
struct gate_run_files {
	struct gate_run *run;
	struct chan chan;
	struct loop_fd f;
	struct list asked;
	unsigned n;
	bool open; /* a monitor was handed over */
};

void gate_run_files_init(struct gate_run *run);

/* The monitor's channel; fd is taken over in every case. */
enum err_code gate_run_files_take(struct gate_run *run, int fd, struct err *err) MUST_USE;

/* What is under way is abandoned without another word. */
void gate_run_files_done(struct gate_run *run);

#endif
