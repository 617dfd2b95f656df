/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/hold.h"

#include "gate/gate.h"
#include "json/write.h"

#include <stdio.h>

enum { TO_MAX = 256, WHAT_MAX = 512, REASON_MAX = 256, POLICY_MAX = 128 };

void holds_init(struct holds *hs)
{
	list_init(&hs->held);
}

static unsigned held_by(const struct holds *hs, struct str agent)
{
	unsigned n = 0;

	LIST_FOREACH (node, (struct list *)(uintptr_t)&hs->held) {
		n += str_eq(CONTAINER_OF(node, struct hold, node)->who->agent, agent);
	}
	return n;
}

void hold_give_up(struct hold *h)
{
	hold_end(h);
	h->on_verdict(h, HOLD_UNHEARD);
}

static void on_deadline(struct timer *t)
{
	hold_give_up(CONTAINER_OF(t, struct hold, deadline));
}

/* Where waiting alone helps, or a token with more scopes, nobody has to be asked. */
static bool can_be_lifted(const struct hold *h, const struct action *a)
{
	return !a->unrecorded && a->answer.outcome == POLICY_ASK && !a->answer.retry_after.n &&
	       !a->answer.step_up.n && !h->by[0];
}

static uint64_t seconds_of(const struct action *a)
{
	uint64_t s = a->answer.ask_seconds ? a->answer.ask_seconds : HOLD_SECONDS;

	return s > HOLD_SECONDS_MOST ? HOLD_SECONDS_MOST : s;
}

/* At most `max` bytes, and no half of a character. */
static struct str cut(struct str s, size_t max)
{
	if (s.n <= max) {
		return s;
	}
	while (max > 0 && ((unsigned char)s.p[max] & 0xC0) == 0x80) {
		max--;
	}
	return str_make(s.p, max);
}

/* What the person is shown. */
static void describe(struct buf *out, const struct action *a, struct str to, struct str what)
{
	struct json_writer w = json_writer(out);

	json_w_object(&w);
	json_w_member_str(&w, STR("agent"), a->session->agent);
	json_w_member_str(&w, STR("to"), cut(to, TO_MAX));
	json_w_member_str(&w, STR("what"), cut(what, WHAT_MAX));
	json_w_member_bool(&w, STR("cut"), to.n > TO_MAX || what.n > WHAT_MAX);
	json_w_member_str(&w, STR("policy"), cut(a->answer.policy, POLICY_MAX));
	json_w_member_str(&w, STR("reason"), cut(a->answer.reason, REASON_MAX));
	json_w_member_u64(&w, STR("record"), a->index);
	json_w_end(&w);
}

/* Where much has to be escaped it gets too long to be shown: better said than left out. */
static void tell(struct hold *h, const struct action *a, struct str to, struct str what)
{
	struct buf out;

	buf_init(&out, HOLD_TEXT - 1);
	describe(&out, a, to, what);
	if (out.failed) {
		buf_clear(&out);
		describe(&out, a, str_make(NULL, 0), STR("(too long to be shown)"));
	}
	h->gate->holds.on_held(h->gate, h->n, out.failed ? STR("{}") : buf_str(&out));
	buf_done(&out);
}

bool hold_begin(struct hold *h, struct action *asked, struct str to, struct str what)
{
	struct holds *hs = &asked->gate->holds;

	if (!hs->on_held || !can_be_lifted(h, asked) || hs->n == HOLD_MAX ||
	    held_by(hs, asked->session->agent) == HOLD_MAX_OF_ONE) {
		return false;
	}
	h->gate = asked->gate;
	h->who = asked->session;
	h->n = ++hs->next;
	memcpy(h->asked, asked->id, asked->id_n);
	h->asked_n = asked->id_n;
	h->held = true;
	h->deadline.on_timeout = on_deadline;
	list_append(&hs->held, &h->node);
	hs->n++;
	loop_timer_set(&h->gate->loop, &h->deadline, seconds_of(asked) * CLOCK_SEC);
	tell(h, asked, to, what);
	return true;
}

void hold_end(struct hold *h)
{
	if (!h->held) {
		return;
	}
	h->held = false;
	timer_stop(&h->deadline);
	list_remove(&h->node);
	h->gate->holds.n--;
	h->gate->holds.on_held(h->gate, h->n, str_make(NULL, 0));
}

/* Who said it stands in the ledger before what comes of it. */
static void record(struct hold *h, bool yes, uint32_t uid)
{
	char by[32];

	(void)snprintf(by, sizeof(by), "uid:%u", uid);
	gate_event(h->gate, &(struct ledger_event){.event = yes ? LEDGER_APPROVAL_GIVEN
								: LEDGER_APPROVAL_REFUSED,
						   .subject = str_make(h->asked, h->asked_n),
						   .detail = str_from_c(by)});
	(void)snprintf(h->by, sizeof(h->by), "%s", by);
}

void gate_verdict(struct gate *g, uint64_t n, bool yes, uint32_t uid)
{
	LIST_FOREACH (node, &g->holds.held) {
		struct hold *h = CONTAINER_OF(node, struct hold, node);

		if (h->n == n) {
			record(h, yes, uid);
			hold_end(h);
			h->on_verdict(h, yes ? HOLD_YES : HOLD_NO);
			return;
		}
	}
}
