/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration that was accepted last, kept in the state directory (`accepted.json`) where data is
 * protected: what the next one is compared with, also after a restart.
 */
#ifndef PROC_ACCEPTED_H
#define PROC_ACCEPTED_H

#include "gate/approval.h"
#include "gate/rules.h"

/*
 * Reads it; *ret is NULL when there is none. ERR_CORRUPT: it cannot be read as one, so nothing may be
 * put in its place unasked. Release with rules_unref.
 */
enum err_code accepted_read(struct str state, struct rules **ret, struct err *err) MUST_USE;

/* What `now` needs to be put in force after the one that was accepted last. */
enum err_code accepted_ask(struct str state, const struct residency *now, struct approval *ret,
			   struct err *err) MUST_USE;

/* ERR_DENIED says what opens and how many signatures are missing. */
enum err_code accepted_check(struct str state, const struct residency *now,
			     struct err *err) MUST_USE;

/*
 * Keeps what gates are handed of both, of the whole node also while it is severed; nothing where no
 * data is protected, and never was. The last thing before a configuration is put in force: what
 * could not be put in force was not accepted.
 */
enum err_code accepted_write(int state_fd, const struct config *cfg, int policies_fd,
			     struct err *err) MUST_USE;

#endif
