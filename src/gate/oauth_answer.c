/* SPDX-License-Identifier: Apache-2.0 */
/* What callers without a good token are told, and the metadata that says where to get one. */
#include "gate/oauth_priv.h"

#include "oauth/challenge.h"

void oauth_respond(struct exchange *x, int status, struct str challenge, struct str text)
{
	const struct http_field fields[] = {
		{STR("Content-Type"), STR("text/plain; charset=utf-8")},
		{STR("Cache-Control"), STR("no-store")},
		{STR("WWW-Authenticate"), challenge},
	};

	http_respond(x->req, status, fields, challenge.n ? 3 : 2, text);
}

void oauth_unavailable(struct exchange *x)
{
	static const struct http_field fields[] = {
		{STR_INIT("Content-Type"), STR_INIT("text/plain; charset=utf-8")},
		{STR_INIT("Retry-After"), STR_INIT("5")},
	};

	http_respond(x->req, 503, fields, ARRAY_LEN(fields),
		     STR("Writ cannot verify this token now. Try again.\n"));
}

struct str oauth_token_of(const struct exchange *x)
{
	struct str shown = h1_get(&x->req->head, HTTP_F_AUTHORIZATION);

	return shown.n > 7 && str_ieq(str_make(shown.p, 7), STR("Bearer "))
		       ? str_trim(str_from(shown, 7))
		       : str_make(NULL, 0);
}

/* The resource that a path belongs to, in the arena: a server has one of its own. */
static struct str resource_of(struct exchange *x, struct str below)
{
	struct str resource = x->gate->oauth->config->resource.text;

	return below.n ? arena_printf(&x->req->arena, STR_FMT STR_FMT, STR_ARG(resource),
				      STR_ARG(below))
		       : resource;
}

/* "/ID" as it follows the resource, whether or not there is such a server; empty for others. */
static struct str server_part(struct str path)
{
	for (size_t i = 1; i < path.n; i++) {
		char c = path.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_') {
			return STR("");
		}
	}
	return path.n > 1 && path.n <= CONFIG_MAX_ID + 1 && path.p[0] == '/' ? path : STR("");
}

static struct str challenge(struct exchange *x, enum oauth_error error, const struct str *scopes,
			    size_t n)
{
	struct str path = x->req->head.path, below = STR(""), ret;
	struct buf b;

	if (str_starts_with(path, STR("/mcp/"))) {
		below = server_part(str_from(path, 4));
	}
	buf_init(&b, OAUTH_CHALLENGE_MAX);
	oauth_challenge_write(&b, error, resource_of(x, below), scopes, n);
	ret = b.failed ? STR("Bearer") : arena_dup(&x->req->arena, buf_str(&b));
	buf_done(&b);
	return ret;
}

void oauth_unauthorized(struct exchange *x, bool shown)
{
	const struct config_strs *scopes = &x->gate->oauth->config->scopes;

	oauth_respond(
		x, 401,
		challenge(x, shown ? OAUTH_INVALID_TOKEN : OAUTH_NO_TOKEN, scopes->items,
			  scopes->n),
		shown ? STR("This token is not valid here: it is unknown, over, or for another "
			    "resource.\n")
		      : STR("Writ does not know this caller: send Authorization: Bearer TOKEN with "
			    "a token of one of the authorization servers that the metadata "
			    "names.\n"));
}

static size_t add_all(struct str *to, size_t n, const struct str *items, size_t n_items)
{
	for (size_t i = 0; i < n_items && n < 2 * OAUTH_SCOPES_MAX; i++) {
		if (!oauth_has_text(to, n, items[i])) {
			to[n++] = items[i];
		}
	}
	return n;
}

struct str oauth_step_up(struct exchange *x, struct str scopes)
{
	const struct oauth *o = x->gate->oauth;
	struct str *all = ARENA_ARRAY(&x->req->arena, 2 * OAUTH_SCOPES_MAX, struct str);
	const struct str *more = NULL;
	size_t n = 0, n_more = 0;

	/* A call that waited for a person may be of a configuration that had issuers still. */
	if (!o || !all || oauth_scopes_split(&x->req->arena, scopes, &more, &n_more, NULL)) {
		return STR("");
	}
	n = add_all(all, n, o->config->scopes.items, o->config->scopes.n);
	n = add_all(all, n, more, n_more);
	n = add_all(all, n, x->caller->scopes, x->caller->n_scopes);
	return challenge(x, OAUTH_INSUFFICIENT_SCOPE, all, n);
}

/* What a path below the well-known one is the metadata of; p NULL: of nothing here. */
static struct str metadata_of(struct exchange *x, struct str path)
{
	struct str resource = x->gate->oauth->config->resource.text;
	struct str own = str_from(resource, oauth_path_at(resource)), below;

	if (path.n == 0 || str_eq(path, own)) {
		return resource;
	}
	below = str_starts_with(path, own) ? server_part(str_from(path, own.n)) : STR("");
	return below.n ? resource_of(x, below) : str_make(NULL, 0);
}

bool oauth_metadata(struct exchange *x)
{
	static const struct http_field fields[] = {
		{STR_INIT("Content-Type"), STR_INIT("application/json")},
		{STR_INIT("Cache-Control"), STR_INIT("max-age=300")},
	};
	const struct oauth *o = x->gate->oauth;
	struct str path = x->req->head.path;
	struct oauth_resource r = {.scopes = o->config->scopes.items,
				   .n_scopes = o->config->scopes.n};
	struct str *issuers = ARENA_ARRAY(&x->req->arena, o->n + 1, struct str);
	struct buf out;

	if (x->req->head.method != HTTP_GET || !str_starts_with(path, OAUTH_WELL_KNOWN)) {
		return false;
	}
	r.resource = metadata_of(x, str_from(path, OAUTH_WELL_KNOWN.n));
	if (!r.resource.n || !issuers) {
		return false;
	}
	for (size_t i = 0; i < o->n; i++) {
		issuers[r.n_issuers++] = o->config->issuers[i].issuer;
	}
	r.issuers = issuers;
	buf_init(&out, 64 << 10);
	oauth_metadata_write(&out, &r);
	http_respond(x->req, out.failed ? 500 : 200, fields, ARRAY_LEN(fields), buf_str(&out));
	buf_done(&out);
	return true;
}
