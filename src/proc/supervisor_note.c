/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's own events: each is kept until a scribe has answered for it. */
#include "proc/supervisor_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "ipc/frame.h"
#include "ipc/messages.h"

#include <stdlib.h>

enum { NOTES_MAX = 1024 };

struct note {
	struct note *next;
	size_t n;
	char frame[];
};

static void send_note(struct supervisor *s, struct str frame)
{
	struct child *scribe = children_find(&s->children, ROLE_SCRIBE, 0);
	struct err err;

	if (chan_send(&scribe->control, frame, NULL, 0, &err)) {
		log_line(LOG_WARN, "an event is not in the ledger: %s", err.msg);
	}
}

static bool keep_note(struct supervisor *s, struct str frame)
{
	struct note *n = s->n_notes < NOTES_MAX ? malloc(sizeof(*n) + frame.n) : NULL;

	if (!n) {
		return false;
	}
	n->next = NULL;
	n->n = frame.n;
	memcpy(n->frame, frame.p, frame.n);
	*s->notes_end = n;
	s->notes_end = &n->next;
	s->n_notes++;
	return true;
}

/* An event of ours for the ledger; kept until a scribe says that it is there. */
void supervisor_note(struct supervisor *s, struct ledger_event event)
{
	struct child *scribe = children_find(&s->children, ROLE_SCRIBE, 0);
	char frame[ROLE_FRAME_MAX];
	struct frame_writer w;
	struct buf entry;
	struct err err;

	event.node = s->bundle.config->node;
	event.time_us = clock_real() / 1000;
	event.detail.n = event.detail.n > 512 ? 512 : event.detail.n;
	buf_init(&entry, LEDGER_ENTRY_MAX);
	frame_begin(&w, frame, sizeof(frame), IPC_NOTE);
	if (!str_is_utf8(event.detail) || ledger_event_encode(&event, &entry, &err)) {
		event.detail = STR("(not shown)");
		err_ignore(
			ledger_event_encode(&event, &entry, &err)); /* an empty entry is dropped */
	}
	frame_put_str(&w, buf_str(&entry));
	buf_done(&entry);
	if (!keep_note(s, frame_bytes(&w))) {
		log_line(LOG_WARN, "an event is not in the ledger: too many wait for the scribe");
	} else if (scribe->state == CHILD_SERVING || scribe->state == CHILD_DRAINING) {
		send_note(s, frame_bytes(&w));
	}
}

/* A scribe serves: what its predecessor did not answer for, and what came since, is told now. */
void supervisor_send_notes(struct supervisor *s)
{
	for (struct note *n = s->notes; n; n = n->next) {
		send_note(s, str_make(n->frame, n->n));
	}
}

/* The oldest is in the log; false when none waits. */
bool supervisor_forget_note(struct supervisor *s)
{
	struct note *oldest = s->notes;

	if (!oldest) {
		return false;
	}
	s->notes = oldest->next;
	s->notes_end = s->notes ? s->notes_end : &s->notes;
	s->n_notes--;
	free(oldest);
	return true;
}
