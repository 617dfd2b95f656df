/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/session.h"

#include "base/hex.h"
#include "crypto/secret.h"
#include "crypto/sha256.h"

#include <stdio.h>
#include <stdlib.h>

enum { RANDOM_BYTES = 16 };

/* One copy for all sessions that have the same. */
struct shared_text {
	size_t refs;
	char text[];
};

void sessions_init(struct sessions *t, unsigned gate, size_t max, struct hash_key seed)
{
	*t = (struct sessions){.gate = gate, .max = max, .seed = seed};
	map_init(&t->by_id, seed);
	map_init(&t->texts, seed);
	list_init(&t->idle);
}

static struct str session_key(const struct session *s)
{
	return str_from_c(s->id);
}

static bool hold_text(struct sessions *t, struct str text, struct str *ret)
{
	struct shared_text *p = map_find(&t->texts, text);

	if (!p) {
		p = t->texts.n < SESSION_TEXTS_MAX ? calloc(1, sizeof(*p) + text.n) : NULL;
		if (!p) {
			return false;
		}
		memcpy(p->text, text.n ? text.p : "", text.n);
		if (!map_put(&t->texts, str_make(p->text, text.n), p)) {
			free(p);
			return false;
		}
	}
	p->refs++;
	*ret = str_make(p->text, text.n);
	return true;
}

static void drop_text(struct sessions *t, struct str text)
{
	struct shared_text *p = text.p ? map_find(&t->texts, text) : NULL;

	if (p && --p->refs == 0) {
		(void)map_take(&t->texts, text);
		free(p);
	}
}

void session_close(struct sessions *t, struct session *s)
{
	(void)map_take(&t->by_id, session_key(s));
	list_remove(&s->idle);
	secret_wipe(&s->salt, sizeof(s->salt));
	caller_unref(s->caller);
	drop_text(t, s->agent);
	drop_text(t, s->endpoint);
	replay_done(&s->replay);
	free(s);
}

void sessions_done(struct sessions *t)
{
	LIST_FOREACH (node, &t->idle) {
		session_close(t, CONTAINER_OF(node, struct session, idle));
	}
	map_done(&t->texts);
	map_done(&t->by_id);
}

static struct session *session_add(struct sessions *t, struct session *s, struct str agent,
				   struct str endpoint, uint64_t now)
{
	s->used_at = now;
	list_init(&s->idle);
	list_init(&s->asks);
	list_init(&s->subs);
	rand_bytes(&s->salt, sizeof(s->salt));
	mcp_session_init(&s->mcp);
	list_append(&t->idle, &s->idle);
	if (!hold_text(t, agent, &s->agent) || !hold_text(t, endpoint, &s->endpoint) ||
	    !map_put(&t->by_id, session_key(s), s)) {
		session_close(t, s);
		return NULL;
	}
	return s;
}

struct session *session_open(struct sessions *t, struct str agent, struct str endpoint,
			     uint64_t now)
{
	struct session *s = t->by_id.n < t->max ? calloc(1, sizeof(*s)) : NULL;
	unsigned char bytes[1 + RANDOM_BYTES];

	if (!s) {
		return NULL;
	}
	bytes[0] = (unsigned char)t->gate;
	rand_bytes(bytes + 1, RANDOM_BYTES);
	hex_write(s->id, bytes, sizeof(bytes));
	return session_add(t, s, agent, endpoint, now);
}

struct session *session_run(struct sessions *t, struct str agent, uint64_t now)
{
	struct session *s = t->by_id.n < t->max ? calloc(1, sizeof(*s)) : NULL;
	unsigned char bytes[RANDOM_BYTES];

	if (!s) {
		return NULL;
	}
	rand_bytes(bytes, sizeof(bytes));
	memcpy(s->id, "run-", 4);
	hex_write(s->id + 4, bytes, sizeof(bytes));
	s->named = true;
	return session_add(t, s, agent, STR(""), now);
}

/* "agent.NAME"; of a long name "agent.~" and the half of its SHA-256. */
static size_t named_id(struct str agent, char *to, size_t room)
{
	uint8_t digest[SHA256_LEN];
	int n = snprintf(to, room, "agent." STR_FMT, STR_ARG(agent));

	if (n > 0 && (size_t)n < room) {
		return (size_t)n;
	}
	sha256_of(agent, digest);
	memcpy(to, "agent.~", 7);
	hex_write(to + 7, digest, SHA256_LEN / 2);
	return 7 + SHA256_LEN;
}

struct session *session_named(struct sessions *t, struct str agent, uint64_t now)
{
	char id[SESSION_NAME_MAX + 8];
	struct session *s;
	size_t n = named_id(agent, id, sizeof(id));

	s = map_find(&t->by_id, str_make(id, n));
	if (s) {
		session_touch(t, s, now);
		return s;
	}
	s = t->by_id.n < t->max ? calloc(1, sizeof(*s)) : NULL;
	if (!s) {
		return NULL;
	}
	memcpy(s->id, id, n);
	s->named = s->outlives = true;
	return session_add(t, s, agent, STR(""), now);
}

struct session *session_find(const struct sessions *t, struct str id)
{
	struct session *s = id.n == SESSION_ID_LEN ? map_find(&t->by_id, id) : NULL;

	return s && !s->named ? s : NULL;
}

bool session_home(struct str id, unsigned *ret_gate)
{
	unsigned char gate;

	if (id.n != SESSION_ID_LEN || !hex_read(str_make(id.p, 2), &gate, 1)) {
		return false;
	}
	*ret_gate = gate;
	return true;
}

void session_touch(struct sessions *t, struct session *s, uint64_t now)
{
	s->used_at = now;
	list_remove(&s->idle);
	list_append(&t->idle, &s->idle);
}

struct session *session_expired(const struct sessions *t, uint64_t before)
{
	LIST_FOREACH (node, &t->idle) {
		struct session *s = CONTAINER_OF(node, struct session, idle);
		bool ends = !s->named || (s->caller && s->outlives && !s->at_exit);

		if (s->used_at >= before) {
			return NULL;
		}
		if (ends && !s->busy && !s->users && !s->mcp.n_in_flight && !s->stream &&
		    !s->outlet) {
			return s;
		}
	}
	return NULL;
}
