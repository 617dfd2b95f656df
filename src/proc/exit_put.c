/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/exit_put.h"

#include "base/hex.h"

enum { SCRATCH = 256 << 10 };

struct putting {
	const struct h1_head *h;
	const struct exit_map *map;
	const struct egress_host *host;
	bool tls;
	struct buf *encoded;
};

static bool is_id_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* The id at the front of what follows the prefix: the longest that is a credential's. */
static const struct exit_credential *credential_at(const struct putting *p, struct str rest)
{
	const struct exit_credential *best = NULL;
	size_t n = 0;

	while (n < rest.n && is_id_char(rest.p[n])) {
		n++;
	}
	for (size_t i = 0; i < p->map->n_credentials; i++) {
		const struct exit_credential *c = &p->map->credentials[i];

		if (str_eq(c->config->id, str_make(rest.p, n))) {
			best = c;
		}
	}
	return best;
}

static bool belongs(const struct putting *p, const struct exit_credential *c, struct str header)
{
	return c && config_credential_is_for(c->config, p->host, p->tls) &&
	       str_ieq(c->config->header, header) &&
	       str_starts_with(p->h->path, c->config->url.target);
}

/* The value with every placeholder of it replaced. */
static enum err_code put_value(struct buf *out, const struct putting *p, struct str header,
			       struct str value, struct err *err)
{
	static const struct str prefix = STR_INIT(EXIT_PLACEHOLDER);

	for (;;) {
		size_t at = str_find_str(value, prefix);
		const struct exit_credential *c;

		buf_append(out, str_make(value.p, at));
		if (at == value.n) {
			return ERR_OK;
		}
		value = str_from(value, at + prefix.n);
		c = credential_at(p, value);
		if (!belongs(p, c, header)) {
			return ERR(err, ERR_DENIED, "a placeholder where it does not belong");
		}
		buf_append(out, secret_str(&c->value));
		value = str_from(value, c->config->id.n);
	}
}

/* "Basic" hides what it carries: decoded, replaced, encoded again (RFC 7617). */
static enum err_code put_basic(struct buf *out, const struct putting *p, struct str header,
			       struct str encoded, struct err *err)
{
	enum err_code code = ERR_OK;
	struct arena a;
	struct str plain;
	struct buf put;

	arena_init(&a, SCRATCH);
	buf_init(&put, SCRATCH);
	buf_append(out, STR("Basic "));
	if (!base64_decode(&a, encoded, &plain) ||
	    str_find_str(plain, STR(EXIT_PLACEHOLDER)) == plain.n) {
		buf_append(out, encoded);
	} else {
		code = put_value(&put, p, header, plain, err);
		buf_clear(p->encoded);
		base64_append(p->encoded, buf_str(&put).p, buf_len(&put));
		buf_append(out, buf_str(p->encoded));
		out->failed |= put.failed || p->encoded->failed;
	}
	if (put.p) {
		secret_wipe(put.p, put.cap);
	}
	buf_done(&put);
	arena_done(&a);
	return code;
}

static enum err_code put_field(struct buf *out, const struct putting *p, const struct http_field *f,
			       struct err *err)
{
	bool basic = f->value.n > 6 && str_ieq(str_make(f->value.p, 6), STR("Basic "));

	buf_append(out, f->name);
	buf_append(out, STR(": "));
	TRY(basic ? put_basic(out, p, f->name, str_trim(str_from(f->value, 6)), err)
		  : put_value(out, p, f->name, f->value, err));
	buf_append(out, STR("\r\n"));
	return ERR_OK;
}

static enum err_code put_all(struct buf *out, const struct putting *p, struct err *err)
{
	const struct h1_head *h = p->h;

	if (str_find_str(h->target, STR(EXIT_PLACEHOLDER)) < h->target.n) {
		return ERR(err, ERR_DENIED, "a placeholder in the target");
	}
	buf_append(out, h->method_text);
	buf_append_c(out, ' ');
	buf_append(out, h->target);
	buf_append(out, STR(" HTTP/1.1\r\n"));
	for (size_t i = 0; i < h->n_fields; i++) {
		TRY(put_field(out, p, &h->fields[i], err));
	}
	buf_append(out, STR("\r\n"));
	return out->failed ? ERR(err, ERR_LIMIT, "the head is too long") : ERR_OK;
}

enum err_code exit_put_head(struct buf *out, const struct h1_head *h, const struct exit_map *map,
			    const struct egress_host *host, bool tls, struct buf *encoded,
			    struct err *err)
{
	const struct putting p = {.h = h, .map = map, .host = host, .tls = tls, .encoded = encoded};
	enum err_code code = put_all(out, &p, err);

	if (code) {
		if (out->p) {
			secret_wipe(out->p, out->cap);
		}
		buf_clear(out);
	}
	return code;
}
