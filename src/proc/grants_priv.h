/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of proc/grants.h: tokens and children (grants.c), logins of people (grants_login.c). */
#ifndef PROC_GRANTS_PRIV_H
#define PROC_GRANTS_PRIV_H

#include "proc/grantor.h"
#include "proc/grants.h"

/* Whoever waits is given to a child that is free. */
void grants_give_waiting(struct grants *gs);

/* Whether what is kept of a login is here; else the supervisor is asked for it. */
bool grants_kept_is_known(struct grant *g);

/* The frame of the step that is to be done, which is under way from here on. */
void grants_put_step(struct frame_writer *w, char *buf, size_t n, struct grant *g);

/* What a grantor says of such a step, or about what is to be kept; false: not what it may say. */
bool grants_take_step(struct grantor_child *c, uint8_t type, struct frame_reader *r) MUST_USE;

/* Tells who waits for the step: `how` and `text` as in IPC_LOGGED. */
void grants_say_logged(struct grantor_child *c, uint8_t how, struct str text);
void grants_step_failed(struct grantor_child *c, struct str why);

/* The child is free again. */
void grants_step_done(struct grantor_child *c);

#endif
