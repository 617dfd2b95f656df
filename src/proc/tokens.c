/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/tokens.h"

#include "crypto/secret.h"

#include <stdlib.h>

struct token {
	struct token *next;
	struct str server, url; /* in text */
	struct secret line;
	uint64_t until;
	bool used;
	char text[];
};

static struct token **find(struct tokens *t, struct str server)
{
	struct token **at = &t->first;

	while (*at && !str_eq((*at)->server, server)) {
		at = &(*at)->next;
	}
	return at;
}

static void drop(struct tokens *t, struct token **at)
{
	struct token *gone = *at;

	*at = gone->next;
	secret_done(&gone->line);
	free(gone);
	t->n--;
}

enum err_code tokens_set(struct tokens *t, struct str server, struct str url, uint64_t until,
			 struct str line, struct err *err)
{
	struct token **at = find(t, server), *new;
	bool used = *at && str_eq((*at)->url, url) && str_eq(secret_str(&(*at)->line), line) &&
		    (*at)->used;

	if (*at) {
		drop(t, at);
	}
	if (line.n == 0) {
		return ERR_OK;
	}
	new = t->n < TOKENS_MAX ? calloc(1, sizeof(*new) + server.n + url.n) : NULL;
	if (!new || secret_copy(&new->line, line, err)) {
		free(new);
		return ERR(err, ERR_NOMEM, "no memory for a token");
	}
	memcpy(new->text, server.p, server.n);
	memcpy(new->text + server.n, url.p, url.n);
	new->server = str_make(new->text, server.n);
	new->url = str_make(new->text + server.n, url.n);
	new->until = until;
	new->used = used;
	new->next = t->first;
	t->first = new;
	t->n++;
	return ERR_OK;
}

struct str tokens_use(struct tokens *t, struct str server, struct str url, uint64_t now)
{
	struct token *token = *find(t, server);

	/* A connection can be older than the configuration: the server was elsewhere then. */
	if (!token || !str_eq(token->url, url) || (token->until && token->until <= now)) {
		return STR("");
	}
	if (!token->used && t->on_used) {
		t->on_used(t, server);
	}
	token->used = true;
	return secret_str(&token->line);
}

void tokens_done(struct tokens *t)
{
	while (t->first) {
		drop(t, &t->first);
	}
}
