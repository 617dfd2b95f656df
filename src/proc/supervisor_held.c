/* SPDX-License-Identifier: Apache-2.0 */
/* What gates hold for a person, and the answers. */
#include "proc/supervisor_priv.h"

#include "ipc/frame.h"
#include "ipc/messages.h"
#include "json/write.h"

#include <stdio.h>
#include <stdlib.h>

static struct held **find_held(struct supervisor *s, unsigned gate, uint64_t number)
{
	for (unsigned i = 0; i < SUPERVISOR_HELD_MAX; i++) {
		if (s->held[i] && s->held[i]->gate == gate && s->held[i]->number == number) {
			return &s->held[i];
		}
	}
	return NULL;
}

static void forget_held(struct held **at)
{
	free(*at);
	*at = NULL;
}

/* A gate holds something, or no more. What finds no room here is asked of nobody. */
void supervisor_take_held(struct supervisor *s, unsigned gate, uint64_t number, struct str text)
{
	struct held **at = find_held(s, gate, number);

	if (text.n == 0) {
		if (at) {
			forget_held(at);
		}
		return;
	}
	for (unsigned i = 0; !at && i < SUPERVISOR_HELD_MAX; i++) {
		at = s->held[i] ? NULL : &s->held[i];
	}
	if (at && text.n < sizeof((*at)->text)) {
		*at = *at ? *at : calloc(1, sizeof(**at));
		if (*at) {
			(*at)->gate = gate;
			(*at)->number = number;
			memcpy((*at)->text, text.p, text.n);
			(*at)->text[text.n] = '\0';
		}
	}
}

/* [{"id":"0.7","request":{...}}]: the text is a string, so that a gate cannot break out of it. */
void supervisor_say_held(struct supervisor *s, int client)
{
	struct json_writer w;
	struct buf out;

	buf_init(&out, 200 << 10);
	w = json_writer(&out);
	json_w_array(&w);
	for (unsigned i = 0; i < SUPERVISOR_HELD_MAX; i++) {
		char id[40];

		if (!s->held[i]) {
			continue;
		}
		(void)snprintf(id, sizeof(id), "%u.%llu", s->held[i]->gate,
			       (unsigned long long)s->held[i]->number);
		json_w_object(&w);
		json_w_member_str(&w, STR("id"), str_from_c(id));
		json_w_member_str(&w, STR("request"), str_from_c(s->held[i]->text));
		json_w_end(&w);
	}
	json_w_end(&w);
	control_answer(&s->control, client, !out.failed,
		       out.failed ? STR("too much is held to be shown") : buf_str(&out));
	buf_done(&out);
}

void supervisor_give_verdict(struct supervisor *s, const struct control_request *req)
{
	struct held **at = find_held(s, req->gate, req->number);
	struct child *gate = children_find(&s->children, ROLE_GATE, req->gate);
	char buf[32];
	struct frame_writer w;
	struct err err;

	if (!at || !gate) {
		control_answer(
			&s->control, req->client, false,
			STR("nothing is held under this number: writ approve shows what is"));
		return;
	}
	frame_begin(&w, buf, sizeof(buf), IPC_VERDICT);
	frame_put_u64(&w, req->number);
	frame_put_u8(&w, req->op == CONTROL_APPROVE);
	frame_put_u32(&w, req->uid);
	forget_held(at);
	if (chan_send(&gate->control, frame_bytes(&w), NULL, 0, &err)) {
		control_answer(&s->control, req->client, false, str_from_c(err.msg));
		return;
	}
	control_answer(&s->control, req->client, true, STR(""));
}

void supervisor_forget_held(struct supervisor *s, unsigned gate)
{
	for (unsigned i = 0; i < SUPERVISOR_HELD_MAX; i++) {
		if (s->held[i] && s->held[i]->gate == gate) {
			forget_held(&s->held[i]);
		}
	}
}
