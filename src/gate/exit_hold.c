/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits for a person: a connection that a policy would have asked about. It is held, bounded
 * in number and time, and told to the supervisor, whom the owner asks. A yes has it
 * decided again, with context.w.approval; nothing is allowed by the yes alone.
 */
#include "gate/exit_priv.h"

#include "json/write.h"

#include <stdio.h>

enum { MAX_HELD = 64, MAX_HELD_OF_ONE = 8, HOLD_SECONDS = 300 };

static unsigned held_by(const struct gate *g, const struct session *who)
{
	unsigned n = 0;

	LIST_FOREACH (node, (struct list *)(uintptr_t)&g->exits.held) {
		n += CONTAINER_OF(node, struct exit_hold, node)->who == who;
	}
	return n;
}

static void on_deadline(struct timer *t)
{
	struct exit_hold *h = CONTAINER_OF(t, struct exit_hold, deadline);

	exit_hold_end(h);
	h->on_verdict(h, EXIT_VERDICT_NONE);
}

bool exit_hold_begin(struct exit_hold *h, struct gate *g, struct session *who,
		     const struct action *asked, struct str text)
{
	struct exits *x = &g->exits;

	if (!x->on_held || x->n_held == MAX_HELD || held_by(g, who) == MAX_HELD_OF_ONE) {
		return false;
	}
	h->gate = g;
	h->who = who;
	h->n = ++x->next_hold;
	memcpy(h->asked, asked->id, asked->id_n);
	h->asked_n = asked->id_n;
	h->held = true;
	h->deadline.on_timeout = on_deadline;
	list_append(&x->held, &h->node);
	x->n_held++;
	loop_timer_set(&g->loop, &h->deadline, HOLD_SECONDS * CLOCK_SEC);
	x->on_held(g, h->n, text);
	return true;
}

void exit_hold_end(struct exit_hold *h)
{
	struct exits *x = h->held ? &h->gate->exits : NULL;

	if (!x) {
		return;
	}
	h->held = false;
	timer_stop(&h->deadline);
	list_remove(&h->node);
	x->n_held--;
	x->on_held(h->gate, h->n, str_make(NULL, 0));
}

/* Who said it stands in the ledger before what comes of it. */
static void record(struct exit_hold *h, bool yes, uint32_t uid)
{
	char by[32];

	(void)snprintf(by, sizeof(by), "uid:%u", uid);
	gate_event(h->gate, &(struct ledger_event){.event = yes ? LEDGER_APPROVAL_GIVEN
								: LEDGER_APPROVAL_REFUSED,
						   .subject = str_make(h->asked, h->asked_n),
						   .detail = str_from_c(by)});
	(void)snprintf(h->by, sizeof(h->by), "%s", by);
}

void gate_exit_verdict(struct gate *g, uint64_t n, bool yes, uint32_t uid)
{
	LIST_FOREACH (node, &g->exits.held) {
		struct exit_hold *h = CONTAINER_OF(node, struct exit_hold, node);

		if (h->n == n) {
			record(h, yes, uid);
			exit_hold_end(h);
			h->on_verdict(h, yes ? EXIT_VERDICT_YES : EXIT_VERDICT_NO);
			return;
		}
	}
}

struct str exit_hold_text(const struct action *a, const struct egress_host *host, struct str method,
			  struct str path)
{
	struct json_writer w;
	struct str text;
	struct buf out;

	buf_init(&out, EXIT_HOLD_TEXT);
	w = json_writer(&out);
	json_w_object(&w);
	json_w_member_str(&w, STR("agent"), a->session->agent);
	json_w_member_str(&w, STR("host"), egress_host_name(host));
	json_w_member_u64(&w, STR("port"), host->port);
	if (method.n) {
		json_w_member_str(&w, STR("method"), method);
		json_w_member_str(&w, STR("path"), str_make(path.p, path.n > 256 ? 256 : path.n));
	}
	json_w_member_str(&w, STR("policy"), a->answer.policy);
	json_w_member_str(&w, STR("reason"), a->answer.reason);
	json_w_member_u64(&w, STR("record"), a->index);
	json_w_end(&w);
	text = out.failed ? STR("{}") : arena_dup(a->arena, buf_str(&out));
	buf_done(&out);
	return text;
}
