/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/egress.h"

#include "crypto/secret.h"
#include "gate/gate.h"
#include "gate/pool.h"
#include "ipc/relay.h"
#include "ledger/permit.h"

#include <stdlib.h>

struct egress {
	struct record_wait wait;
	struct http_call *call;
	struct recorder *recorder;
	struct permit permit;
};

static void on_recorded(struct record_wait *w, bool ok, uint64_t index)
{
	struct egress *e = CONTAINER_OF(w, struct egress, wait);
	const struct recorder *r = e->recorder;
	bool may = ok && r->permit;

	if (may) {
		e->permit.index = index;
		e->permit.at_us = r->permit_at_us;
		memcpy(e->permit.mac, r->permit, sizeof(e->permit.mac));
	}
	http_call_permitted(e->call, may);
}

static bool hash_request(const struct gate_pool *p, struct egress *e)
{
	struct buf head = gate_buf_take(p->gate, RELAY_HEAD_MAX);
	bool fits = http_call_head(e->call, &head) &&
		    permit_of(&e->permit, str_make(buf_str(&head).p, buf_len(&head) - 2),
			      e->call->body);

	gate_buf_give(p->gate, &head);
	return fits;
}

struct egress_about egress_about(const struct action *a)
{
	return (struct egress_about){.id = str_make(a->id, a->id_n),
				     .session = a->session,
				     .durable = a->answer.durable,
				     .matrix = a->answer.matrix};
}

static bool record(const struct gate_pool *p, struct egress *e, const struct egress_about *about)
{
	struct ledger_event sent = {
		.event = LEDGER_SENT,
		.subject = p->name,
		.number = e->permit.bytes,
		.time_us = p->loop->real / 1000,
	};
	bool durable = about && about->durable;
	struct buf *out;

	/* Nobody is to check what was nobody's action. */
	if (about && about->id.n) {
		sent.detail = about->id;
		ledger_salt_of(&about->session->salt, about->id, LEDGER_REQUEST, e->permit.salt);
	} else {
		rand_bytes(e->permit.salt, sizeof(e->permit.salt));
	}
	if (about && about->matrix) {
		memcpy(sent.matrix, about->matrix, sizeof(sent.matrix));
		memcpy(e->permit.matrix, about->matrix, sizeof(e->permit.matrix));
	}
	permit_commit(&e->permit, sent.request);
	out = recorder_entry(e->recorder, durable, RECORD_DECISION);
	if (!out) {
		return false;
	}
	if (ledger_event_encode(&sent, out, NULL)) {
		recorder_drop(e->recorder, durable);
		return false;
	}
	e->wait = (struct record_wait){.on_recorded = on_recorded, .wants_permit = true};
	recorder_put(e->recorder, durable, RECORD_DECISION, &e->wait);
	return true;
}

bool egress_ask(void *user, struct http_call *c)
{
	const struct gate_pool *p = user;
	struct egress *e = calloc(1, sizeof(*e));

	ASSERT(!c->body_streamed);
	if (!e) {
		return false;
	}
	e->call = c;
	e->recorder = &p->gate->recorder;
	if (!hash_request(p, e) || !record(p, e, c->about)) {
		free(e);
		return false;
	}
	c->permit = e;
	return true;
}

void egress_put(void *user, struct buf *out, struct http_call *c)
{
	const struct egress *e = c->permit;

	(void)user;
	relay_frame(out, RELAY_PERMIT, PERMIT_FIXED + e->permit.n * SHA256_LEN);
	permit_write(&e->permit, out);
}

void egress_forget(void *user, struct http_call *c)
{
	struct egress *e = c->permit;

	(void)user;
	recorder_forget(&e->wait);
	free(e);
}
