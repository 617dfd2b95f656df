/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/replay.h"

#include "base/num.h"
#include "http/sse.h"

#include <stdlib.h>

struct kept {
	struct list node;
	uint32_t stream;
	uint64_t count;
	size_t n;
	char bytes[]; /* as sent */
};

void replays_init(struct replays *all)
{
	*all = (struct replays){.bytes = 0};
	list_init(&all->sessions);
}

static void forget_oldest(struct replay *r)
{
	struct kept *k = CONTAINER_OF(r->events.next, struct kept, node);

	list_remove(&k->node);
	r->n--;
	r->bytes -= k->n;
	r->all->bytes -= k->n;
	free(k);
}

void replay_done(struct replay *r)
{
	if (!r->all) {
		return;
	}
	while (!list_empty(&r->events)) {
		forget_oldest(r);
	}
	list_remove(&r->node);
}

void replay_begin(struct replays *all, struct replay *r, struct replay_stream *s)
{
	if (!r->all) {
		r->all = all;
		list_init(&r->events);
		list_init(&r->node);
	}
	*s = (struct replay_stream){.number = ++r->streams};
}

static void make_room(struct replay *r, size_t n)
{
	while (r->n && (r->n >= REPLAY_EVENTS || r->bytes + n > REPLAY_BYTES)) {
		forget_oldest(r);
	}
	while (r->all->bytes + n > REPLAY_BYTES_GATE && !list_empty(&r->all->sessions)) {
		struct replay *oldest = CONTAINER_OF(r->all->sessions.next, struct replay, node);

		if (oldest->n == 0) {
			list_remove(&oldest->node);
		} else {
			forget_oldest(oldest);
		}
	}
}

static void keep(struct replay *r, const struct replay_stream *s, struct str bytes)
{
	struct kept *k;

	if (bytes.n > REPLAY_BYTES) {
		return;
	}
	make_room(r, bytes.n);
	k = malloc(sizeof(*k) + bytes.n);
	if (!k) {
		return;
	}
	*k = (struct kept){.stream = s->number, .count = s->count, .n = bytes.n};
	memcpy(k->bytes, bytes.p, bytes.n);
	list_append(&r->events, &k->node);
	r->n++;
	r->bytes += bytes.n;
	r->all->bytes += bytes.n;
	list_remove(&r->node);
	list_append(&r->all->sessions, &r->node);
}

void replay_event(struct replay *r, struct replay_stream *s, struct str message, struct buf *out)
{
	struct sse_event e = {.data = message, .has_data = true, .has_id = true};
	size_t before = buf_len(out), n;
	char id[REPLAY_ID_MAX];
	struct err err;

	n = num_write_u64(id, s->number);
	id[n++] = '-';
	n += num_write_u64(id + n, ++s->count);
	e.id = str_make(id, n);
	e.has_retry = message.n == 0;
	e.retry_ms = REPLAY_RETRY_MS;
	if (sse_write(out, &e, &err) == ERR_OK && message.n) {
		keep(r, s, str_from(buf_str(out), before));
	}
}

bool replay_parse(struct str id, struct replay_stream *ret)
{
	uint64_t number;
	struct str rest = id, first = str_cut(&rest, '-');

	*ret = (struct replay_stream){.number = 0};
	if (!str_to_u64(first, &number) || !rest.p || !str_to_u64(rest, &ret->count) ||
	    number == 0 || number > UINT32_MAX) {
		return false;
	}
	ret->number = (uint32_t)number;
	return true;
}

void replay_append(const struct replay *r, struct replay_stream *s, struct buf *out)
{
	if (!r->all) {
		return;
	}
	LIST_FOREACH (node, (struct list *)(uintptr_t)&r->events) {
		const struct kept *k = CONTAINER_OF(node, struct kept, node);

		if (k->stream == s->number && k->count > s->count) {
			buf_append(out, str_make(k->bytes, k->n));
			s->count = k->count;
		}
	}
}
