/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate's side of pins: which items of its links clients may see. The supervisor keeps what is
 * pinned (proc/pin_store.h) and hands over a table; whatever of a link is not in it is
 * reported, one report at a time, and hidden until a table has it.
 *
 *   link LISTING --all fetched--> judged --nothing unknown----------------> READY
 *                                   |                                        ^
 *                                   +--unknown--> report --> PINS, judged ---+
 *
 * Where only is observed everything is seen, and reported all the same.
 */
#ifndef GATE_PINS_H
#define GATE_PINS_H

#include "gate/link.h"

struct gate_pins {
	char *table; /* of gate/pin.h; NULL: there is none */
	size_t n;
	int room_fd; /* where reports are written; -1: nobody takes any */
	bool busy;   /* one is under way */
	/* n bytes are in the room: the supervisor is to be told. */
	void (*on_seen)(struct gate *g, uint32_t n);
};

void pins_init(struct gate *g);
void pins_done(struct gate *g);

/* A new table (fd is not kept); `answer`: to this gate's report. Links go on, views change. */
void pins_take_table(struct gate *g, int fd, bool answer);

/* A list of the link has just been fetched: decides what of it may be seen. */
void pins_judge(struct link *l, enum mcp_list_kind kind);

/* All lists are there. False: a report is under way, and link_settled follows. */
bool pins_settle(struct link *l);

/* The link is gone. */
void pins_link_lost(struct link *l);

#endif
