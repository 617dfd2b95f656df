/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's channel in the loop of a role that serves: takes each wish, has it done, answers
 * it. A supervisor that is gone, or says what no supervisor says, ends the role.
 */
#ifndef PROC_WISHES_H
#define PROC_WISHES_H

#include "net/loop.h"
#include "proc/role.h"

enum { WISHES_TEXT_MAX = 64 };

/* What the owner does; each is handed the role's own `wishes`. */
struct wishes;
struct wishes_ops {
	/* A new channel, which is taken over; it replaces that peer's older one. */
	enum err_code (*channel)(struct wishes *w, const struct role_channel *channel,
				 struct err *err);
	/*
	 * boot's configuration, bundle and secrets are new ones. On success up to WISHES_TEXT_MAX bytes
	 * for the supervisor may be put in w->text; on failure the old ones stay in force.
	 */
	enum err_code (*reload)(struct wishes *w, struct err *err);
	/* Finish what runs, then stop the loop; NULL: it is stopped at once. */
	void (*drain)(struct wishes *w);
	/* boot->verdict: a person answered for what this role holds; NULL: it holds nothing. */
	void (*verdict)(struct wishes *w);
	/* boot->pins_fd is a new one; NULL: this role pins nothing. */
	void (*pins)(struct wishes *w);
	/* About logins (IPC_LOGIN, SLOT, SLOT_KEPT): the frame; NULL: not this role's affair. */
	void (*login)(struct wishes *w, struct str frame);
	/* An entry of the supervisor's for the log; NULL: this role keeps none. */
	enum err_code (*note)(struct wishes *w, struct str entry, struct err *err);
};

/* Filled by the owner but for `f` and `text`. */
struct wishes {
	struct role_boot *boot;
	struct loop *loop;
	const struct wishes_ops *ops;
	struct loop_fd f;
	char text[WISHES_TEXT_MAX];
	size_t text_n;
};

enum err_code wishes_watch(struct wishes *w, struct err *err) MUST_USE;

/* Serves what has come up to now, for who must not be behind: what a peer says can rest on it. */
void wishes_take(struct wishes *w);

#endif
