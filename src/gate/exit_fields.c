/* SPDX-License-Identifier: Apache-2.0 */
/* Which fields of requests and answers the exit passes on. */
#include "gate/exit_priv.h"

/* Belongs to the connection, offers another way around us, or is ours to say. */
static bool is_kept(struct str name)
{
	return !str_ieq(name, STR("Proxy-Authenticate")) &&
	       !str_ieq(name, STR("Proxy-Authentication-Info")) && !str_ieq(name, STR("Alt-Svc"));
}

size_t exit_answer_fields(const struct h1_head *h, struct http_field *to)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_fields; i++) {
		if (is_kept(h->fields[i].name)) {
			to[n++] = h->fields[i];
		}
	}
	return n;
}

/* What comes back has to be readable, and whole, where a secret may be in it. */
static bool is_sent(bool has_secret, struct str name)
{
	return !has_secret ||
	       (!str_ieq(name, STR("Accept-Encoding")) && !str_ieq(name, STR("Range")) &&
		!str_ieq(name, STR("Sec-WebSocket-Extensions")));
}

/* HTTP/2 lets a client cut its cookies into many fields; others read one (RFC 9113 section 8.2.3). */
static bool join_cookie(struct http_field *all, size_t n, const struct http_field *f,
			struct arena *a)
{
	for (size_t i = 0; i < n && str_ieq(f->name, STR("Cookie")); i++) {
		if (str_ieq(all[i].name, f->name)) {
			all[i].value = arena_printf(a, STR_FMT "; " STR_FMT, STR_ARG(all[i].value),
						    STR_ARG(f->value));
			return true;
		}
	}
	return false;
}

enum exit_fault exit_request_fields(const struct exit_place *place, const struct h1_head *h,
				    struct arena *a, struct http_field **ret, size_t *ret_n)
{
	bool has_secret = exit_has_secret(place);
	struct http_field *to = ARENA_ARRAY(a, h->n_fields + 1, struct http_field);
	size_t n = 0;

	if (!to) {
		return EXIT_FAULT_BUSY;
	}
	for (size_t i = 0; i < h->n_fields; i++) {
		const struct http_field *f = &h->fields[i];

		if (!exit_value_belongs(place, f, a)) {
			return EXIT_FAULT_CREDENTIAL;
		}
		if (is_sent(has_secret, f->name) && !join_cookie(to, n, f, a)) {
			to[n++] = *f;
		}
	}
	*ret = to;
	*ret_n = n;
	return a->exhausted ? EXIT_FAULT_BUSY : EXIT_FAULT_NONE;
}
