/* SPDX-License-Identifier: Apache-2.0 */
/* What a person can do about a run: see it, freeze it, let it go on, end it. */
#include "gate/run.h"

#include "gate/gate.h"
#include "ipc/frame.h"
#include "sys/fd.h"
#include "sys/reins.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KILL_SECONDS = 1 };

static void answer(struct gate_run *asker, bool done, const char *why)
{
	char buf[256];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), RUN_LEVERED);
	frame_put_u8(&w, done);
	frame_put_str(&w, str_from_c(why));
	gate_run_say(asker, &w);
}

static void answer_asker(struct gate_run *run, bool done, const char *why)
{
	struct gate_run *asker = run->asker;

	run->asker = NULL;
	if (asker) {
		answer(asker, done, why);
	}
}

void gate_run_forget_asker(struct gate_run *asker)
{
	answer_asker(asker, asker->killed, "the run has ended");
	LIST_FOREACH (node, &asker->runs->all) {
		struct gate_run *run = CONTAINER_OF(node, struct gate_run, node);

		if (run->asker == asker) {
			run->asker = NULL;
		}
	}
}

void gate_run_let_go(struct gate_run *run)
{
	if (run->reins >= 0) {
		loop_remove(&run->gate->loop, &run->reins_f);
		fd_close(&run->reins);
	}
}

/* Init has done what it was told, or is gone. */
static void on_reins(struct loop_fd *f, uint32_t ready)
{
	struct gate_run *run = CONTAINER_OF(f, struct gate_run, reins_f);
	char order;
	ssize_t n = recv(run->reins, &order, 1, MSG_DONTWAIT);

	(void)ready;
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	if (n != 1 || (order != REINS_FREEZE && order != REINS_THAW)) {
		gate_run_let_go(run); /* its client sees the end of init too, and says how */
		answer_asker(run, run->killed, "the run has ended");
		return;
	}
	run->frozen = order == REINS_FREEZE;
	answer_asker(run, true, "");
}

enum err_code gate_run_take_reins(struct gate_run *run, int fd, struct err *err)
{
	CLEANUP(fd_close) int owned = fd;
	int type = 0;
	socklen_t n = sizeof(type);

	if (owned < 0 || run->step != GATE_RUN_OPEN || run->reined ||
	    getsockopt(owned, SOL_SOCKET, SO_TYPE, &type, &n) < 0 || type != SOCK_SEQPACKET) {
		return ERR(err, ERR_INVALID, "reins that nobody asked for");
	}
	TRY(fd_set_nonblock(owned, err));
	run->reined = true;
	run->reins = fd_take(&owned);
	run->reins_f = (struct loop_fd){.fd = run->reins, .on_ready = on_reins};
	return loop_add(&run->gate->loop, &run->reins_f, LOOP_READ, err);
}

static enum run_state state_of(const struct gate_run *run)
{
	switch (run->step) {
	case GATE_RUN_RUNNING:
		return run->frozen ? RUN_STATE_FROZEN : RUN_STATE_RUNNING;
	case GATE_RUN_ENDING:
		return RUN_STATE_ENDING;
	case GATE_RUN_NEW:
	case GATE_RUN_DECIDING:
	case GATE_RUN_OPEN:
		break;
	}
	return RUN_STATE_OPENING;
}

void gate_run_list(struct gate_run *asker)
{
	struct frame_writer w;
	char buf[4096 + 512];
	uint32_t n = 0;

	LIST_FOREACH (node, &asker->runs->all) {
		const struct gate_run *run = CONTAINER_OF(node, struct gate_run, node);

		if (!run->id) {
			continue;
		}
		frame_begin(&w, buf, sizeof(buf), RUN_RUN);
		frame_put_u64(&w, run->id);
		frame_put_str(&w, run->agent);
		frame_put_str(&w, run->program);
		frame_put_u8(&w, (uint8_t)state_of(run));
		frame_put_u64(&w, (run->gate->loop.now - run->started_at) / CLOCK_MS);
		frame_put_u32(&w, run->peer.uid);
		frame_put_u32(&w, (uint32_t)run->peer.pid);
		gate_run_say(asker, &w);
		n++;
	}
	frame_begin(&w, buf, sizeof(buf), RUN_LISTED);
	frame_put_u32(&w, n);
	gate_run_say(asker, &w);
}

static struct gate_run *find(struct gate_runs *runs, uint64_t id)
{
	LIST_FOREACH (node, &runs->all) {
		struct gate_run *run = CONTAINER_OF(node, struct gate_run, node);

		if (id && run->id == id) {
			return run;
		}
	}
	return NULL;
}

static void record(const struct gate_run *run, const struct gate_run *asker,
		   enum ledger_event_name event)
{
	char who[64];

	(void)snprintf(who, sizeof(who), "by user %u, process %d", (unsigned)asker->peer.uid,
		       (int)asker->peer.pid);
	gate_event(run->gate, &(struct ledger_event){.event = event,
						     .subject = str_from_c(run->session->id),
						     .detail = str_from_c(who),
						     .number = run->id});
}

static bool order(const struct gate_run *run, char what)
{
	return run->reins >= 0 && send(run->reins, &what, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

static void kill_run(struct gate_run *run, struct gate_run *asker)
{
	run->killed = true;
	record(run, asker, LEDGER_RUN_KILLED);
	answer_asker(run, false, "the run was killed");
	if (run->step != GATE_RUN_RUNNING || !order(run, REINS_KILL)) {
		gate_run_leave(run); /* and with it the reins */
		answer(asker, true, "");
		return;
	}
	/* Init's end of the reins closes when it is gone, and all of the sandbox with it. */
	run->asker = asker;
	loop_timer_set(&run->gate->loop, &run->patience, KILL_SECONDS * CLOCK_SEC);
}

/*
 * Levers take away, or give back what a policy gave: they act at once, and the record, which cannot be
 * lost, follows. So a full disk does not keep anybody from stopping an agent.
 */
void gate_run_lever(struct gate_run *asker, enum run_lever op, uint64_t id)
{
	struct gate_run *run = find(asker->runs, id);

	if (!run || run->leaving || run->ended) {
		answer(asker, false, "there is no such run");
		return;
	}
	if (run->asker && op != RUN_KILL) {
		answer(asker, false, "somebody else's lever is under way");
		return;
	}
	switch (op) {
	case RUN_FREEZE:
	case RUN_THAW:
		if (run->step != GATE_RUN_RUNNING ||
		    !order(run, op == RUN_FREEZE ? REINS_FREEZE : REINS_THAW)) {
			answer(asker, false, "it does not run now");
			return;
		}
		run->asker = asker;
		record(run, asker, op == RUN_FREEZE ? LEDGER_RUN_FROZEN : LEDGER_RUN_THAWED);
		return;
	case RUN_KILL:
		kill_run(run, asker);
		return;
	case RUN_LEVER_NONE:
		break;
	}
	answer(asker, false, "no such lever");
}
