/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs that policies name, decided for a run before it starts: what is not permitted is withheld from its
 * sandbox, so that none of its programs can start it. The run's own was decided already, as the run.
 */
#include "gate/gate.h"
#include "gate/run.h"
#include "ipc/frame.h"

static void on_forward(struct action *a);
static void on_reply(struct action *a);

static const struct action_events events = {.forward = on_forward, .reply = on_reply};

bool gate_run_programs_add(struct gate_run *run)
{
	const struct rules *rules = run->gate->rules;

	run->programs = ARENA_ARRAY(&run->arena, rules->n_programs + 1, struct gate_run_program);
	for (size_t i = 0; run->programs && i < rules->n_programs; i++) {
		struct gate_run_program *p = &run->programs[run->n_programs];

		if (!run_path_is_plain(rules->programs[i]) ||
		    str_eq(rules->programs[i], run->program)) {
			continue;
		}
		if (run->n_programs == RUN_MAX_NAMED) {
			return false;
		}
		*p = (struct gate_run_program){.run = run,
					       .path = arena_dup(&run->arena, rules->programs[i])};
		run->n_programs++;
	}
	return !run->arena.exhausted;
}

/* Permitted and recorded: nothing more comes of it. */
static void on_forward(struct action *a)
{
	struct gate_run *run = CONTAINER_OF(a, struct gate_run_program, exec)->run;

	action_answered(a, LEDGER_OK, 0, str_make(NULL, 0));
	gate_run_decided(run);
}

static void on_reply(struct action *a)
{
	struct gate_run_program *p = CONTAINER_OF(a, struct gate_run_program, exec);

	if (a->refused) {
		p->withheld = true;
		p->policy = a->answer.policy;
		p->run->unrecorded |= a->unrecorded;
		gate_run_decided(p->run);
	}
}

void gate_run_programs_decide(struct gate_run *run)
{
	for (size_t i = 0; i < run->n_programs; i++) {
		struct gate_run_program *p = &run->programs[i];
		struct rules_query q = {.kind = RULES_EXEC, .object = p->path, .input = run->input};

		p->exec = (struct action){.gate = run->gate,
					  .on = &events,
					  .session = run->session,
					  .arena = &run->arena};
		run->places_pending++;
		action_start(&p->exec, &q, run->gate->loop.now);
	}
}

void gate_run_programs_explain(struct gate_run *run, const struct rules_query *own)
{
	for (size_t i = 0; i < run->n_programs; i++) {
		struct gate_run_program *p = &run->programs[i];
		struct rules_query q = *own;
		struct rules_answer answer;

		q.object = p->path;
		q.digest = STR("");
		rules_decide(run->gate->rules, &q, &run->arena, &answer);
		p->withheld = answer.outcome != POLICY_ALLOW;
		p->policy = answer.policy;
	}
}

void gate_run_programs_put(const struct gate_run *run, struct frame_writer *w)
{
	uint32_t n = 0;

	for (size_t i = 0; i < run->n_programs; i++) {
		n += run->programs[i].withheld;
	}
	frame_put_u32(w, n);
	for (size_t i = 0; i < run->n_programs; i++) {
		if (run->programs[i].withheld) {
			frame_put_str(w, run->programs[i].path);
			frame_put_str(w, run->programs[i].policy);
		}
	}
}
