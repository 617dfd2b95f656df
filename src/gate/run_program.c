/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs that policies name, decided for a run before it starts: what is not permitted is withheld from its
 * sandbox, so that none of its programs can start it. The run's own was decided already, as the run. What no policy names
 * is decided once for all, as a program without path and digest: where that is not permitted, only named ones start.
 */
#include "gate/gate.h"
#include "gate/rules_residency.h"
#include "gate/rules_vary.h"
#include "gate/run.h"
#include "ipc/frame.h"

static void on_forward(struct action *a);
static void on_reply(struct action *a);

static const struct action_events events = {.forward = on_forward, .reply = on_reply};

/* As if nothing had happened: what has is looked at by no policy, or says so (rules_vary_exec). */
static enum run_others decide_others(struct gate_run *run)
{
	struct rules_query q = {.kind = RULES_EXEC,
				.agent = run->agent,
				.object = STR(""),
				.digest = STR(""),
				.input = run->input,
				.session = STR("run"),
				.request = STR("run"),
				.labels = {.integrity = 2},
				.now_ms = run->gate->loop.real / CLOCK_MS};
	struct rules_answer answer;
	struct dw_engine *engine;
	struct err unseen;

	rules_residency_label(run->gate->rules, &q);
	if (history_suppose(run->gate, &engine, &q, &unseen)) {
		return RUN_OTHERS_NEVER;
	}
	rules_decide(run->gate->rules, &q, &run->arena, &answer);
	dw_engine_free(engine);
	return answer.outcome == POLICY_ALLOW ? RUN_OTHERS_START
	       : answer.n_policies == 0 && rules_permit_by_path(run->gate->rules, run->agent)
		       ? RUN_OTHERS_BY_PATH
		       : RUN_OTHERS_NEVER;
}

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
	run->others = decide_others(run);
	return !run->arena.exhausted;
}

struct str gate_run_programs_vary(struct gate_run *run)
{
	const struct policy_rule *rule = rules_vary_exec(run->gate->rules, run->agent);

	return rule ? arena_printf(
			      &run->arena,
			      STR_FMT
			      ":%u:%u: policy \"" STR_FMT
			      "\" is about exec and looks at what changes while a run lasts "
			      "(time, history, or it is in force for a time), but its programs "
			      "are decided once, when it starts; @decided(\"start\") on the "
			      "policy says that this is meant, or name other actions in it",
			      STR_ARG(rule->source), rule->line, rule->column, STR_ARG(rule->id))
		    : STR("");
}

/* Permitted and recorded: nothing more comes of it. */
static void on_forward(struct action *a)
{
	struct gate_run *run = CONTAINER_OF(a, struct gate_run_program, exec)->run;

	CONTAINER_OF(a, struct gate_run_program, exec)->policy = a->answer.policy;
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

static bool is_told(const struct gate_run *run, size_t i)
{
	return run->programs[i].withheld || run->others == RUN_OTHERS_NEVER;
}

void gate_run_programs_put(const struct gate_run *run, struct frame_writer *w)
{
	uint32_t n = 0;

	for (size_t i = 0; i < run->n_programs; i++) {
		n += is_told(run, i);
	}
	frame_put_u8(w, (uint8_t)run->others);
	frame_put_u32(w, n);
	for (size_t i = 0; i < run->n_programs; i++) {
		if (is_told(run, i)) {
			frame_put_str(w, run->programs[i].path);
			frame_put_u8(w, !run->programs[i].withheld);
			frame_put_str(w, run->programs[i].policy);
		}
	}
}
