/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   entry -> open batch --end of turn--> sent --ACK--> spare
 *                                         |
 *                       NACK, scribe dead +--> decisions: fail
 *                                         +--> outcomes:  kept --retry--> sent
 */
#include "gate/recorder.h"

#include "base/num.h"
#include "ipc/frame.h"
#include "ipc/messages.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	FRAME_HEADER = 1 + 8 + 1 + 4, /* type, batch, flags, count */
	ENTRY_HEADER = 4,
	MAX_SPARE = 4,
	RETRY_MS = 50,    /* after a refusal, as by a full disk */
	ABSENT_MS = 1000, /* how long decisions wait for the scribe's successor */
	QUEUE_MAX = 8 << 20,
};

struct record_entry {
	uint32_t at, n; /* its bytes in the frame */
	enum record_kind kind;
	bool permit; /* the answer brings one for it */
	struct record_wait *wait;
};

struct record_batch {
	struct list node;
	uint64_t number;
	struct buf frame;
	uint32_t n, entry_at; /* entry_at: where the entry being written has its length */
	bool durable;
	struct record_entry entries[RECORDER_BATCH_ENTRIES];
};

static void on_turn_end(struct loop_hook *h);
static void on_retry(struct timer *t);

void recorder_init(struct recorder *r, struct loop *loop)
{
	*r = (struct recorder){.loop = loop, .chan.fd = -1, .next_batch = 1};
	r->flush.on_turn_end = on_turn_end;
	r->retry.on_timeout = on_retry;
	list_init(&r->ready[0]);
	list_init(&r->ready[1]);
	list_init(&r->sent);
	list_init(&r->kept);
	list_init(&r->spare);
}

static void batch_free(struct recorder *r, struct record_batch *b)
{
	list_remove(&b->node);
	buf_done(&b->frame);
	free(b);
	r->n_batches--;
}

static void free_all(struct recorder *r, struct list *head)
{
	LIST_FOREACH (node, head) {
		batch_free(r, CONTAINER_OF(node, struct record_batch, node));
	}
}

void recorder_done(struct recorder *r)
{
	loop_defer_cancel(&r->flush);
	timer_stop(&r->retry);
	if (r->chan.fd >= 0) {
		loop_remove(r->loop, &r->f);
	}
	chan_done(&r->chan);
	for (unsigned i = 0; i < ARRAY_LEN(r->open); i++) {
		if (r->open[i]) {
			batch_free(r, r->open[i]);
			r->open[i] = NULL;
		}
	}
	free_all(r, &r->ready[0]);
	free_all(r, &r->ready[1]);
	free_all(r, &r->sent);
	free_all(r, &r->kept);
	free_all(r, &r->spare);
}

static struct record_batch *batch_new(struct recorder *r, unsigned max)
{
	struct record_batch *b;

	if (!list_empty(&r->spare)) {
		b = CONTAINER_OF(r->spare.next, struct record_batch, node);
		list_remove(&b->node);
	} else {
		b = r->n_batches < max ? malloc(sizeof(*b)) : NULL;
		if (!b) {
			return NULL;
		}
		list_init(&b->node);
		buf_init(&b->frame, IPC_FRAME_MAX);
		r->n_batches++;
	}
	b->n = 0;
	b->durable = false;
	buf_clear(&b->frame);
	if (!buf_reserve(&b->frame, FRAME_HEADER)) {
		batch_free(r, b);
		return NULL;
	}
	buf_commit(&b->frame, FRAME_HEADER);
	return b;
}

static void batch_retire(struct recorder *r, struct record_batch *b)
{
	unsigned spares = 0;

	list_remove(&b->node);
	LIST_FOREACH (node, &r->spare) {
		spares++;
	}
	if (spares < MAX_SPARE) {
		list_append(&r->spare, &b->node);
	} else {
		batch_free(r, b);
	}
}

/* Tells the waiter; it may append new entries meanwhile. */
static void entry_finish(struct record_entry *e, bool ok, uint64_t index)
{
	struct record_wait *w = e->wait;

	if (w) {
		e->wait = NULL;
		w->batch = NULL;
		w->on_recorded(w, ok, index);
	}
}

static void keep_entry(struct recorder *r, const struct record_batch *from, struct record_entry *e);

/* Not in the log: decisions fail, outcomes are kept for the next try. */
static void batch_failed(struct recorder *r, struct record_batch *b)
{
	for (uint32_t i = 0; i < b->n; i++) {
		if (b->entries[i].kind == RECORD_OUTCOME) {
			keep_entry(r, b, &b->entries[i]);
		}
	}
	for (uint32_t i = 0; i < b->n; i++) {
		if (b->entries[i].kind == RECORD_DECISION) {
			r->refused++;
			entry_finish(&b->entries[i], false, 0);
		}
	}
	batch_retire(r, b);
}

static void watch(struct recorder *r)
{
	loop_watch(r->loop, &r->f,
		   LOOP_READ | (chan_wants_write(&r->chan) ? (uint32_t)LOOP_WRITE : 0));
}

static void batch_send(struct recorder *r, struct record_batch *b)
{
	char *p = b->frame.p;
	UNSET struct err err;

	list_remove(&b->node);
	b->number = r->next_batch++;
	p[0] = IPC_APPEND;
	num_put_u64(p + 1, b->number);
	p[9] = b->durable ? IPC_APPEND_DURABLE : 0;
	num_put_u32(p + 10, b->n);
	list_append(&r->sent, &b->node);
	r->n_sent[b->durable]++;
	if (chan_send(&r->chan, buf_str(&b->frame), NULL, 0, &err)) {
		r->n_sent[b->durable]--;
		batch_failed(r, b);
		return;
	}
	if (chan_wants_write(&r->chan)) {
		watch(r);
	}
}

/* Sends what is ready, in order, as far as the scribe keeps up: the disk delays its own kind only. */
static void pump(struct recorder *r)
{
	for (unsigned kind = 0; kind < ARRAY_LEN(r->ready); kind++) {
		struct list *ready = &r->ready[kind];

		while (r->chan.fd >= 0 && r->n_sent[kind] < RECORDER_IN_FLIGHT &&
		       !list_empty(ready)) {
			batch_send(r, CONTAINER_OF(ready->next, struct record_batch, node));
		}
	}
}

/* An open batch takes no more. */
static void batch_close(struct recorder *r, bool durable)
{
	list_append(&r->ready[durable], &r->open[durable]->node);
	r->open[durable] = NULL;
}

static void on_turn_end(struct loop_hook *h)
{
	struct recorder *r = CONTAINER_OF(h, struct recorder, flush);

	for (unsigned kind = 0; kind < ARRAY_LEN(r->open); kind++) {
		if (r->open[kind] && r->open[kind]->n && r->chan.fd >= 0 &&
		    r->n_sent[kind] < RECORDER_IN_FLIGHT) {
			batch_close(r, kind);
		}
	}
	pump(r);
	/* Between two scribes: the successor is there in milliseconds. */
	if (r->chan.fd < 0 && !timer_armed(&r->retry)) {
		loop_timer_set(r->loop, &r->retry, ABSENT_MS * CLOCK_MS);
	}
}

struct buf *recorder_entry(struct recorder *r, bool durable, enum record_kind kind)
{
	struct record_batch *b = r->open[durable];

	/* Room that outcomes took past the bound is not for decisions. */
	if (kind == RECORD_DECISION && r->n_batches > RECORDER_MAX_BATCHES &&
	    list_empty(&r->spare)) {
		return NULL;
	}
	if (b && (b->n == RECORDER_BATCH_ENTRIES || buf_len(&b->frame) > RECORDER_BATCH_BYTES)) {
		batch_close(r, durable);
		b = NULL;
	}
	if (!b) {
		b = batch_new(r, kind == RECORD_OUTCOME ? UINT_MAX : RECORDER_MAX_BATCHES);
		if (!b) {
			ASSERT(kind == RECORD_DECISION); /* no memory for evidence: not to go on */
			return NULL;
		}
		b->durable = durable;
		r->open[durable] = b;
	}
	b->entry_at = (uint32_t)b->frame.end;
	if (!buf_reserve(&b->frame, ENTRY_HEADER)) {
		ASSERT(kind == RECORD_DECISION);
		b->frame.failed = false;
		return NULL;
	}
	buf_commit(&b->frame, ENTRY_HEADER);
	return &b->frame;
}

void recorder_put(struct recorder *r, bool durable, enum record_kind kind, struct record_wait *w)
{
	struct record_batch *b = r->open[durable];
	struct record_entry *e = &b->entries[b->n];

	*e = (struct record_entry){.at = b->entry_at + ENTRY_HEADER, .kind = kind, .wait = w};
	e->permit = w && w->wants_permit;
	e->n = (uint32_t)b->frame.end - e->at;
	num_put_u32(b->frame.p + b->entry_at, e->n);
	if (w) {
		w->batch = b;
		w->at = b->n;
	}
	b->n++;
	loop_defer(r->loop, &r->flush);
}

void recorder_drop(struct recorder *r, bool durable)
{
	struct record_batch *b = r->open[durable];

	b->frame.end = b->entry_at;
	b->frame.failed = false;
}

void recorder_forget(struct record_wait *w)
{
	if (w->batch) {
		w->batch->entries[w->at].wait = NULL;
		w->batch = NULL;
	}
}

/* Copies an outcome of a failed batch into a kept one. */
static void keep_entry(struct recorder *r, const struct record_batch *from, struct record_entry *e)
{
	struct record_batch *b =
		list_empty(&r->kept) ? NULL : CONTAINER_OF(r->kept.prev, struct record_batch, node);
	struct record_entry *to;
	char length[ENTRY_HEADER];

	if (!b || b->n == RECORDER_BATCH_ENTRIES || buf_len(&b->frame) > RECORDER_BATCH_BYTES) {
		/* Kept outcomes are bounded by the actions under way, so their batches are too. */
		b = batch_new(r, UINT_MAX);
		ASSERT(b); /* without memory for evidence this process must not go on */
		list_append(&r->kept, &b->node);
	}
	num_put_u32(length, e->n);
	b->durable = b->durable || from->durable;
	buf_append(&b->frame, str_make(length, sizeof(length)));
	to = &b->entries[b->n];
	*to = (struct record_entry){
		.at = (uint32_t)b->frame.end, .n = e->n, .kind = RECORD_OUTCOME, .wait = e->wait};
	buf_append(&b->frame, str_make(from->frame.p + e->at, e->n));
	ASSERT(!b->frame.failed);
	if (e->wait) {
		e->wait->batch = b;
		e->wait->at = b->n;
		e->wait = NULL;
	}
	b->n++;
	if (!timer_armed(&r->retry)) {
		loop_timer_set(r->loop, &r->retry, RETRY_MS * CLOCK_MS);
	}
}

/* What was kept goes before what is new. */
static void send_kept(struct recorder *r)
{
	while (!list_empty(&r->kept)) {
		struct list *last = r->kept.prev;
		bool durable = CONTAINER_OF(last, struct record_batch, node)->durable;

		list_remove(last);
		list_append(r->ready[durable].next, last);
	}
	pump(r);
}

static void on_retry(struct timer *t)
{
	struct recorder *r = CONTAINER_OF(t, struct recorder, retry);

	if (r->chan.fd >= 0) {
		send_kept(r);
		return;
	}
	for (unsigned i = 0; i < ARRAY_LEN(r->open); i++) {
		if (r->open[i] && r->open[i]->n) {
			batch_close(r, i);
		}
	}
	for (unsigned kind = 0; kind < ARRAY_LEN(r->ready); kind++) {
		LIST_FOREACH (node, &r->ready[kind]) {
			batch_failed(r, CONTAINER_OF(node, struct record_batch, node));
		}
	}
}

static void acknowledged(struct recorder *r, struct record_batch *b, uint64_t first,
			 struct str permits)
{
	r->full = false;
	for (uint32_t i = 0; i < b->n; i++) {
		if (b->entries[i].permit && permits.n >= SHA256_LEN) {
			r->permit = permits.p;
			permits = str_from(permits, SHA256_LEN);
		}
		entry_finish(&b->entries[i], true, first + i);
		r->permit = NULL;
	}
	batch_retire(r, b);
}

static void take_answer(struct recorder *r, struct str frame)
{
	struct frame_reader fr;
	uint8_t type = frame_open(&fr, frame);
	uint64_t number = frame_get_u64(&fr);
	struct record_batch *b;

	if (list_empty(&r->sent)) {
		return;
	}
	/* The scribe answers in the order of the batches, durable ones possibly later. */
	b = NULL;
	LIST_FOREACH (node, &r->sent) {
		struct record_batch *at = CONTAINER_OF(node, struct record_batch, node);

		if (at->number == number) {
			b = at;
			break;
		}
	}
	if (!b) {
		return;
	}
	if (type == IPC_ACK) {
		uint64_t first = frame_get_u64(&fr);
		struct str permits;

		(void)frame_get_u64(&fr);
		permits = frame_get_str(&fr);
		r->permit_at_us = frame_get_u64(&fr);

		if (frame_ok(&fr)) {
			r->n_sent[b->durable]--;
			acknowledged(r, b, first, permits);
		}
	} else if (type == IPC_NACK) {
		uint8_t reason = frame_get_u8(&fr);

		if (frame_ok(&fr)) {
			r->full = reason == IPC_NACK_FULL;
			r->n_sent[b->durable]--;
			batch_failed(r, b);
		}
	}
	loop_defer(r->loop, &r->flush);
}

static void disconnect(struct recorder *r)
{
	if (r->chan.fd < 0) {
		return;
	}
	loop_remove(r->loop, &r->f);
	chan_done(&r->chan);
	r->n_sent[0] = r->n_sent[1] = 0;
	/* What is kept cannot be sent before the successor is there, so nothing comes sooner. */
	loop_timer_set(r->loop, &r->retry, ABSENT_MS * CLOCK_MS);
	LIST_FOREACH (node, &r->sent) {
		batch_failed(r, CONTAINER_OF(node, struct record_batch, node));
	}
}

static void on_ready(struct loop_fd *f, uint32_t ready)
{
	struct recorder *r = CONTAINER_OF(f, struct recorder, f);
	UNSET struct err err;

	if ((ready & LOOP_WRITE) && chan_flush(&r->chan, &err)) {
		disconnect(r);
		return;
	}
	while (r->chan.fd >= 0) {
		int fds[CHAN_MAX_FDS];
		unsigned n_fds = 0;
		char in[64 + RECORDER_BATCH_ENTRIES * SHA256_LEN];
		struct str frame;
		enum err_code code = chan_recv(&r->chan, in, sizeof(in), &frame, fds, &n_fds, &err);

		if (code == ERR_AGAIN) {
			break;
		}
		for (unsigned i = 0; !code && i < n_fds; i++) {
			(void)close(fds[i]);
		}
		if (code) {
			disconnect(r);
			return;
		}
		take_answer(r, frame);
	}
	if (r->chan.fd >= 0) {
		watch(r);
	}
}

enum err_code recorder_connect(struct recorder *r, int fd, struct err *err)
{
	disconnect(r);
	chan_init(&r->chan, fd, QUEUE_MAX);
	r->f = (struct loop_fd){.fd = fd, .on_ready = on_ready};
	TRY(loop_add(r->loop, &r->f, LOOP_READ, err));
	timer_stop(&r->retry);
	send_kept(r);
	loop_defer(r->loop, &r->flush);
	return ERR_OK;
}

bool recorder_idle(const struct recorder *r)
{
	return list_empty(&r->ready[0]) && list_empty(&r->ready[1]) && list_empty(&r->sent) &&
	       list_empty(&r->kept) && (!r->open[0] || !r->open[0]->n) &&
	       (!r->open[1] || !r->open[1]->n);
}
