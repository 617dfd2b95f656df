/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/step.h"

#define TO(name) (1U << STEP_##name)

static const unsigned step_moves[STEP_MAX] = {
#define X(name, moves) [STEP_##name] = (moves),
	ACTION_STEPS(X)
#undef X
};

static const char *const step_names[STEP_MAX] = {
#define X(name, moves) [STEP_##name] = #name,
	ACTION_STEPS(X)
#undef X
};

const char *step_name(enum action_step s)
{
	return s < STEP_MAX ? step_names[s] : "?";
}

bool step_may_move(enum action_step from, enum action_step to)
{
	return from < STEP_MAX && to < STEP_MAX && (step_moves[from] & (1U << to));
}

void step_move(enum action_step *at, enum action_step to)
{
	ASSERT(step_may_move(*at, to));
	*at = to;
}
