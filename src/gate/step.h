/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one path of an action, as a table of legal moves. FORWARD can only be
 * reached from RECORD: no evidence, no effect.
 *
 *   PARSE -> IDENTIFY -> LABEL -> DECIDE -> RECORD -> FORWARD -> INSPECT -> LABEL_ANSWER
 *                                   |         |          |                     |
 *                                   v         |          +---(no answer)---+   |
 *                            RECORD_REFUSAL   |                            v   v
 *                                   |         +--(not recorded)--+     RECORD_OUTCOME
 *                                   |                            v            |
 *                                   +--------------------------> REPLY <------+
 */
#ifndef GATE_STEP_H
#define GATE_STEP_H

#include "base/attr.h"

#include <stdbool.h>

/* clang-format off */
#define ACTION_STEPS(X)                                         \
	X(PARSE,          TO(IDENTIFY))                         \
	X(IDENTIFY,       TO(LABEL))                            \
	X(LABEL,          TO(DECIDE))                           \
	X(DECIDE,         TO(RECORD) | TO(RECORD_REFUSAL))      \
	X(RECORD,         TO(FORWARD) | TO(REPLY))              \
	X(RECORD_REFUSAL, TO(REPLY))                            \
	X(FORWARD,        TO(INSPECT) | TO(RECORD_OUTCOME))     \
	X(INSPECT,        TO(LABEL_ANSWER))                     \
	X(LABEL_ANSWER,   TO(RECORD_OUTCOME))                   \
	X(RECORD_OUTCOME, TO(REPLY))                            \
	X(REPLY,          TO(DONE))                             \
	X(DONE,           0)
/* clang-format on */

enum action_step {
#define X(name, moves) STEP_##name,
	ACTION_STEPS(X)
#undef X
		STEP_MAX
};

/* Static storage, as "record". */
const char *step_name(enum action_step s);

bool step_may_move(enum action_step from, enum action_step to);

/* Moves *at; an illegal move is a broken invariant and ends the process. */
void step_move(enum action_step *at, enum action_step to);

#endif
