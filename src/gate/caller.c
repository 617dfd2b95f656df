/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/caller.h"

#include "base/hex.h"

#include <stdlib.h>

enum { CALLER_MEMORY = 256 << 10 };

void callers_init(struct callers *t, struct hash_key seed)
{
	map_init(&t->by_token, seed);
	list_init(&t->used);
}

struct caller *caller_ref(struct caller *c)
{
	c->refs++;
	return c;
}

void caller_unref(struct caller *c)
{
	if (c && --c->refs == 0) {
		arena_done(&c->arena);
		free(c);
	}
}

static struct str key_of(const uint8_t token[SHA256_LEN])
{
	return str_make((const char *)token, SHA256_LEN);
}

static void forget(struct callers *t, struct caller *c)
{
	(void)map_take(&t->by_token, key_of(c->token));
	list_remove(&c->node);
	c->kept = false;
	caller_unref(c);
}

void callers_done(struct callers *t)
{
	while (!list_empty(&t->used)) {
		forget(t, CONTAINER_OF(t->used.next, struct caller, node));
	}
	map_done(&t->by_token);
}

void callers_forget(struct callers *t, size_t issuer)
{
	LIST_FOREACH (node, &t->used) {
		struct caller *c = CONTAINER_OF(node, struct caller, node);

		if (c->issuer == issuer) {
			forget(t, c);
		}
	}
}

struct caller *callers_find(struct callers *t, const uint8_t token[SHA256_LEN], uint64_t now)
{
	struct caller *c = map_find(&t->by_token, key_of(token));

	if (!c) {
		return NULL;
	}
	if (c->until <= now) {
		forget(t, c);
		return NULL;
	}
	list_remove(&c->node);
	list_append(&t->used, &c->node);
	return c;
}

/* ---- making one ---- */

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       memchr("._@:/+-|", c, 8);
}

static struct str agent_name(struct arena *a, struct str issuer, struct str subject)
{
	uint8_t digest[SHA256_LEN];
	struct buf name;
	struct str ret;

	buf_init(&name, CALLER_AGENT_MAX);
	buf_append(&name, issuer);
	buf_append_c(&name, ':');
	for (size_t i = 0; i < subject.n && !name.failed; i++) {
		if (is_plain(subject.p[i])) {
			buf_append_c(&name, subject.p[i]);
		} else {
			buf_append_c(&name, '%');
			hex_append(&name, &subject.p[i], 1);
		}
	}
	if (name.failed) {
		sha256_of(subject, digest);
		buf_clear(&name);
		buf_append(&name, issuer);
		buf_append(&name, STR(":~"));
		hex_append(&name, digest, sizeof(digest));
	}
	ret = name.failed ? str_make(NULL, 0) : arena_dup(a, buf_str(&name));
	buf_done(&name);
	return ret;
}

static const struct str *dup_texts(struct arena *a, const struct str *items, size_t n)
{
	struct str *ret = ARENA_ARRAY(a, n + 1, struct str);

	for (size_t i = 0; ret && i < n; i++) {
		ret[i] = arena_dup(a, items[i]);
	}
	return ret;
}

static bool put_claims(struct caller *c, struct str issuer, const struct oauth_claims *from)
{
	struct policy_value *scopes =
		ARENA_ARRAY(&c->arena, from->n_scopes + 1, struct policy_value);
	struct policy_field *fields = ARENA_ARRAY(&c->arena, 4, struct policy_field);
	size_t n = 0;

	if (!scopes || !fields || !c->scopes) {
		return false;
	}
	for (size_t i = 0; i < c->n_scopes; i++) {
		scopes[i] = policy_string(c->scopes[i]);
	}
	if (from->client.p) {
		fields[n++] = (struct policy_field){
			STR("client"), policy_string(arena_dup(&c->arena, from->client))};
	}
	fields[n++] =
		(struct policy_field){STR("issuer"), policy_string(arena_dup(&c->arena, issuer))};
	fields[n++] = (struct policy_field){STR("scopes"), policy_value_set(scopes, c->n_scopes)};
	fields[n++] = (struct policy_field){STR("subject"),
					    policy_string(arena_dup(&c->arena, from->subject))};
	return policy_value_record(fields, n, &c->claims);
}

/* An audience that is the gateway's own is one for everything. */
static void put_places(struct caller *c, const struct config_oauth *o, size_t issuer,
		       const struct oauth_claims *from)
{
	const struct config_strs *others = &o->issuers[issuer].audiences;

	for (size_t i = 0; i < from->n_audiences; i++) {
		c->everywhere = c->everywhere || str_eq(from->audiences[i], o->resource.text) ||
				oauth_has_text(others->items, others->n, from->audiences[i]);
	}
	if (!c->everywhere) {
		c->places = dup_texts(&c->arena, from->audiences, from->n_audiences);
		c->n_places = c->places ? from->n_audiences : 0;
	}
}

static bool fill(struct caller *c, const struct config_oauth *o, const struct oauth_claims *from)
{
	const struct config_issuer *is = &o->issuers[c->issuer];

	c->agent = agent_name(&c->arena, is->id, from->subject);
	c->scopes = dup_texts(&c->arena, from->scopes, from->n_scopes);
	c->n_scopes = from->n_scopes;
	c->scoped = true;
	for (size_t i = 0; i < o->scopes.n; i++) {
		c->scoped = c->scoped &&
			    oauth_has_text(from->scopes, from->n_scopes, o->scopes.items[i]);
	}
	put_places(c, o, c->issuer, from);
	return c->agent.p && put_claims(c, is->issuer, from) && !c->arena.exhausted;
}

static void keep(struct callers *t, struct caller *c)
{
	if (t->by_token.n >= CALLERS_MAX) {
		forget(t, CONTAINER_OF(t->used.next, struct caller, node));
	}
	/* Without memory for the table it serves this request only. */
	if (map_put(&t->by_token, key_of(c->token), c)) {
		list_append(&t->used, &c->node);
		c->kept = true;
		c->refs++;
	}
}

struct caller *callers_add(struct callers *t, const struct config_oauth *config, size_t issuer,
			   const uint8_t token[SHA256_LEN], const struct oauth_claims *c,
			   uint64_t until, uint64_t now)
{
	struct caller *old = callers_find(t, token, now);
	struct caller *new = calloc(1, sizeof(*new));

	if (!new) {
		return NULL;
	}
	if (old) { /* two requests waited for the same answer */
		forget(t, old);
	}
	new->refs = 1;
	new->issuer = issuer;
	new->until = until;
	memcpy(new->token, token, SHA256_LEN);
	list_init(&new->node);
	arena_init(&new->arena, CALLER_MEMORY);
	if (!fill(new, config, c)) {
		caller_unref(new);
		return NULL;
	}
	if (until > now) {
		keep(t, new);
	}
	return new;
}
