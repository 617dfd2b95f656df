/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/scribe.h"

#include "base/clock.h"
#include "ipc/messages.h"

#include <stdio.h>
#include <stdlib.h>

enum { SCRATCH_MAX = 4 << 20, MADE_MAX = SCRIBE_BATCH_MAX * 1024 };

void scribe_log_init(struct scribe_log *l, struct ledger_store *store, uint64_t (*now_us)(void))
{
	*l = (struct scribe_log){.store = store, .now_us = now_us};
	arena_init(&l->scratch, SCRATCH_MAX);
	buf_init(&l->made, MADE_MAX);
}

void scribe_log_done(struct scribe_log *l)
{
	ledger_store_close(l->store);
	l->store = NULL;
	arena_done(&l->scratch);
	buf_done(&l->made);
}

/* Events that only their owner may report. */
static bool may_report(enum role sender, enum ledger_event_name event)
{
	switch (event) {
	case LEDGER_OPENED:
	case LEDGER_CLOSED:
	case LEDGER_CLOCK:
	case LEDGER_DISK_FULL:
	case LEDGER_ERASED:
		return sender == ROLE_SCRIBE;
	case LEDGER_ROLE_STARTED:
	case LEDGER_ROLE_DIED:
	case LEDGER_RELOAD_ACCEPTED:
	case LEDGER_RELOAD_REFUSED:
	case LEDGER_LISTENING:
	case LEDGER_SEVERED:
	case LEDGER_RESTORED:
	case LEDGER_LOGGED_IN:
	case LEDGER_LOGGED_OUT:
		return sender == ROLE_SUPERVISOR;
	case LEDGER_SERVER_STARTED:
	case LEDGER_SERVER_ENDED:
	case LEDGER_SESSION_OPENED:
	case LEDGER_SESSION_CLOSED:
	case LEDGER_RUN_STARTED:
	case LEDGER_RUN_FROZEN:
	case LEDGER_RUN_THAWED:
	case LEDGER_RUN_KILLED:
	case LEDGER_SENT:
		return sender == ROLE_GATE;
	case LEDGER_FINDING:
	case LEDGER_APPROVAL_GIVEN:
	case LEDGER_APPROVAL_REFUSED:
		return sender == ROLE_GATE || sender == ROLE_SUPERVISOR; /* pins are its to keep */
	case LEDGER_NO_EVENT:
	case LEDGER_EVENT_MAX:
		break;
	}
	return false;
}

static bool may_say(enum role sender, const struct ledger_entry *e)
{
	switch (e->kind) {
	case LEDGER_DECISION:
	case LEDGER_OUTCOME:
	case LEDGER_SALT:
		return sender == ROLE_GATE;
	case LEDGER_EVENT:
		return may_report(sender, e->u.event.event);
	case LEDGER_SALTED:
		return sender == ROLE_SCRIBE;
	case LEDGER_NO_KIND:
	case LEDGER_KIND_MAX:
		break;
	}
	return false;
}

static enum err_code check_entry(struct scribe_log *l, enum role sender, struct str bytes,
				 struct ledger_entry *e, struct err *err)
{
	TRY(ledger_entry_decode(bytes, &l->scratch, e, err));
	if (!may_say(sender, e)) {
		return ERR(err, ERR_DENIED, "a %s may not write this kind of entry (%s)",
			   role_name(sender), ledger_kind_name(e->kind));
	}
	return ERR_OK;
}

/* The record that stands in the log for a salt; its place in l->made, which may still move. */
static enum err_code make_salted(struct scribe_log *l, const struct ledger_salt *salt,
				 struct err *err)
{
	struct ledger_salted salted = {.session = salt->session, .time_us = l->now_us()};

	sha256_of(str_make((const char *)salt->key, sizeof(salt->key)), salted.key_hash);
	return ledger_salted_encode(&salted, &l->made, err);
}

/* Where a request goes is the name of an upstream, which has at most so many bytes. */
static enum err_code note_sent(struct scribe_log *l, uint32_t at, const struct ledger_event *e,
			       struct err *err)
{
	struct scribe_sent *s = &l->sent[l->n_sent];

	if (e->event != LEDGER_SENT) {
		return ERR_OK;
	}
	if (e->subject.n > PERMIT_WHERE_MAX) {
		return ERR(err, ERR_LIMIT, "the name of an upstream past %d bytes",
			   PERMIT_WHERE_MAX);
	}
	*s = (struct scribe_sent){.at = at, .bytes = e->number, .where = e->subject};
	memcpy(s->request, e->request, sizeof(s->request));
	memcpy(s->matrix, e->matrix, sizeof(s->matrix));
	l->n_sent++;
	return ERR_OK;
}

/* The records are in the log: what says so to the role that dials. */
static enum err_code make_permits(const struct scribe_log *l, struct scribe_answer *a,
				  struct err *err)
{
	const struct str key = {(const char *)l->permit_key, sizeof(l->permit_key)};

	if (l->n_sent == 0) {
		return ERR_OK;
	}
	a->permits = malloc(l->n_sent * SHA256_LEN);
	if (!a->permits) {
		return ERR(err, ERR_NOMEM, "no memory for permits");
	}
	a->permits_at_us = clock_mono() / 1000;
	for (size_t i = 0; i < l->n_sent; i++) {
		const struct scribe_sent *s = &l->sent[i];
		struct permit p = {
			.index = a->first + s->at, .at_us = a->permits_at_us, .bytes = s->bytes};

		memcpy(p.matrix, s->matrix, sizeof(p.matrix));
		permit_mac(key, &p, s->where, s->request, (uint8_t *)a->permits + i * SHA256_LEN);
	}
	a->n_permits = l->n_sent;
	return ERR_OK;
}

void scribe_answer_done(struct scribe_answer *answer)
{
	free(answer->permits);
	answer->permits = NULL;
	answer->n_permits = 0;
}

/*
 * Reads and checks the entries of a frame into l->entries; those that the scribe makes have
 * p NULL and their length, in the order in which they stand in l->made.
 */
static enum err_code read_entries(struct scribe_log *l, enum role sender, struct frame_reader *r,
				  uint32_t n, size_t *ret_salts, struct err *err)
{
	size_t salts = 0;

	l->n_sent = 0;
	if (n == 0 || n > SCRIBE_BATCH_MAX) {
		return ERR(err, ERR_LIMIT, "%u entries in one frame: 1 to %d", n, SCRIBE_BATCH_MAX);
	}
	for (uint32_t i = 0; i < n; i++) {
		struct str bytes = frame_get_str(r);
		UNSET struct ledger_entry e;
		size_t before = buf_len(&l->made);

		if (r->bad) {
			return ERR(err, ERR_SYNTAX, "a frame that ends inside its entries");
		}
		TRY(check_entry(l, sender, bytes, &e, err));
		l->entries[i] = bytes;
		if (e.kind == LEDGER_EVENT) {
			TRY(note_sent(l, i, &e.u.event, err));
		}
		if (e.kind == LEDGER_SALT) {
			TRY(make_salted(l, &e.u.salt, err));
			l->entries[i] = str_make(NULL, buf_len(&l->made) - before);
			l->salts[salts++] = e.u.salt;
		}
	}
	if (!frame_ok(r)) {
		return ERR(err, ERR_SYNTAX, "a frame with bytes behind its entries");
	}
	*ret_salts = salts;
	return ERR_OK;
}

/* l->made does not move any more: gives the entries made there their bytes. */
static void place_made(struct scribe_log *l, uint32_t n)
{
	struct str rest = buf_str(&l->made);

	for (uint32_t i = 0; i < n; i++) {
		if (!l->entries[i].p) {
			l->entries[i].p = rest.p;
			rest = str_from(rest, l->entries[i].n);
		}
	}
}

static void note_full(struct scribe_log *l, enum err_code code, size_t n)
{
	l->full = code == ERR_LIMIT;
	l->refused += l->full ? n : 0;
}

static enum err_code append(struct scribe_log *l, struct str from, const struct str *entries,
			    size_t n, struct ledger_appended *ret, struct err *err)
{
	uint64_t back = 0;
	enum err_code code;

	code = ledger_store_append(l->store, from, entries, n, l->now_us(), ret, &back, err);
	note_full(l, code, n);
	TRY(code);
	if (back == 0) {
		l->behind = false;
	} else if (!l->behind) {
		/* Once for each time the clock was set back; a full disk loses the note only. */
		l->behind = true;
		err_ignore(scribe_log_event(
			l, (struct ledger_event){.event = LEDGER_CLOCK, .number = back}, NULL));
	}
	if (l->refused) {
		uint64_t refused = l->refused;

		l->refused = 0;
		if (scribe_log_event(
			    l, (struct ledger_event){.event = LEDGER_DISK_FULL, .number = refused},
			    NULL)) {
			l->refused = refused;
		}
	}
	return ERR_OK;
}

static enum err_code take_frame(struct scribe_log *l, enum role sender, struct str from,
				struct frame_reader *r, struct scribe_answer *answer,
				struct err *err)
{
	uint32_t n = frame_get_u32(r);
	struct ledger_appended appended = {0};
	enum err_code code;
	size_t salts = 0;

	code = read_entries(l, sender, r, n, &salts, err);
	if (code) {
		answer->reason = code == ERR_NOMEM ? IPC_NACK_FAILED : IPC_NACK_INVALID;
		return code;
	}
	place_made(l, n);
	code = salts ? ledger_store_salts(l->store, l->salts, salts, err) : ERR_OK;
	if (!code) {
		code = append(l, from, l->entries, n, &appended, err);
	} else {
		note_full(l, code, n);
	}
	if (code) {
		answer->reason = code == ERR_LIMIT ? IPC_NACK_FULL : IPC_NACK_FAILED;
		return code;
	}
	answer->first = appended.first;
	answer->time_us = appended.time_us;
	/* Without memory gates get no permits, which they take for a refusal. */
	err_ignore(make_permits(l, answer, NULL));
	return ERR_OK;
}

bool scribe_log_append(struct scribe_log *l, enum role sender, unsigned index, struct str frame,
		       struct scribe_answer *answer, struct err *err)
{
	struct frame_reader r;
	char from[LEDGER_FROM_MAX];
	enum err_code code;
	uint8_t flags;
	int n;

	if (frame_open(&r, frame) != IPC_APPEND) {
		return false;
	}
	*answer = (struct scribe_answer){.batch = frame_get_u64(&r)};
	flags = frame_get_u8(&r);
	if (r.bad) {
		return false;
	}
	answer->durable = flags & IPC_APPEND_DURABLE;
	arena_reset(&l->scratch);
	buf_clear(&l->made);
	n = snprintf(from, sizeof(from), "%s.%u", role_name(sender), index);
	answer->reason = IPC_NACK_INVALID;
	code = flags & ~IPC_APPEND_DURABLE
		       ? ERR(err, ERR_SYNTAX, "a frame with unknown flags")
		       : take_frame(l, sender, str_make(from, (size_t)n), &r, answer, err);
	answer->taken = code == ERR_OK;
	return true;
}

void scribe_answer_frame(const struct scribe_answer *answer, struct frame_writer *w, void *buf)
{
	frame_begin(w, buf, SCRIBE_REPLY_MAX, answer->taken ? IPC_ACK : IPC_NACK);
	frame_put_u64(w, answer->batch);
	if (answer->taken) {
		frame_put_u64(w, answer->first);
		frame_put_u64(w, answer->time_us * 1000);
		frame_put_str(w, str_make(answer->permits, answer->n_permits * SHA256_LEN));
		frame_put_u64(w, answer->permits_at_us);
	} else {
		frame_put_u8(w, answer->reason);
	}
}

enum err_code scribe_log_note(struct scribe_log *l, struct str entry, struct err *err)
{
	struct ledger_appended appended;
	struct ledger_entry e;

	arena_reset(&l->scratch);
	TRY(check_entry(l, ROLE_SUPERVISOR, entry, &e, err));
	return append(l, STR("supervisor"), &entry, 1, &appended, err);
}

enum err_code scribe_log_event(struct scribe_log *l, struct ledger_event event, struct err *err)
{
	struct ledger_appended appended;
	enum err_code code;
	struct str entry;
	struct buf b;

	event.time_us = l->now_us();
	buf_init(&b, LEDGER_ENTRY_MAX);
	code = ledger_event_encode(&event, &b, err);
	entry = buf_str(&b);
	if (!code) {
		code = ledger_store_append(l->store, STR("scribe"), &entry, 1, event.time_us,
					   &appended, NULL, err);
	}
	buf_done(&b);
	return code;
}
