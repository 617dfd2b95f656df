/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h2_field.h"

enum { OWN_FIELDS = 7 };

static void add(struct h2_fields *to, struct str name, struct str value)
{
	union {
		const char *from;
		uint8_t *to;
	} n = {.from = name.p}, v = {.from = value.p};

	to->items[to->n++] = (nghttp2_nv){n.to, v.to, name.n, value.n, NGHTTP2_NV_FLAG_NONE};
}

static struct str number(struct arena *a, uint64_t v)
{
	return arena_printf(a, "%llu", (unsigned long long)v);
}

static bool is_visible(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f) {
			return false;
		}
	}
	return s.n != 0;
}

static enum err_code add_start(const struct h1_out *h, bool tls, struct arena *a,
			       struct h2_fields *to, struct err *err)
{
	if (!h->method.n) {
		if (h->status < 100 || h->status > 999) {
			return ERR(err, ERR_INVALID, "status %d", h->status);
		}
		add(to, STR(":status"), number(a, (uint64_t)h->status));
		if (h->date.n) {
			add(to, STR("date"), h->date);
		}
		return ERR_OK;
	}
	if (!http_is_token(h->method) || !is_visible(h->target) || !is_visible(h->host)) {
		return ERR(err, ERR_INVALID, "method, target or host cannot be written");
	}
	add(to, STR(":method"), h->method);
	add(to, STR(":scheme"), tls ? STR("https") : STR("http"));
	add(to, STR(":authority"), h->host);
	add(to, STR(":path"), h->target);
	return ERR_OK;
}

enum err_code h2_fields_of(const struct h1_out *h, bool tls, struct arena *a, struct h2_fields *ret,
			   struct err *err)
{
	*ret = (struct h2_fields){.items = ARENA_ARRAY(a, h->n_fields + OWN_FIELDS, nghttp2_nv)};
	if (!ret->items) {
		return ERR(err, ERR_NOMEM, "no memory for a message head");
	}
	TRY(add_start(h, tls, a, ret, err));
	for (size_t i = 0; i < h->n_fields; i++) {
		const struct http_field *f = &h->fields[i];
		enum http_field_id id = http_field_find(f->name);

		if (!http_is_token(f->name) || !http_is_value(f->value)) {
			return ERR(err, ERR_INVALID, "field %zu cannot be written", i);
		}
		if (!(http_field_flags(id) & HTTP_FIELD_HOP) && !(id == HTTP_F_DATE && h->date.n) &&
		    !http_field_is_connections(h->fields, h->n_fields, f->name)) {
			add(ret, f->name, f->value);
		}
	}
	if (h->trailers) {
		add(ret, STR("te"), STR("trailers"));
	}
	if (h->framing == HTTP_LENGTH || (h->framing == HTTP_NO_BODY && !h->no_length)) {
		add(ret, STR("content-length"),
		    number(a, h->framing == HTTP_LENGTH ? h->body_len : 0));
	}
	return a->exhausted ? ERR(err, ERR_NOMEM, "no memory for a message head") : ERR_OK;
}
