/* SPDX-License-Identifier: Apache-2.0 */
/* The record around an entry; the entries themselves are in entry.c. */
#include "ledger/record.h"

#include "ledger/canon.h"

void ledger_record_encode(const struct ledger_record *r, struct buf *to)
{
	struct str begin = STR("{\"entry\":"), from = STR(",\"from\":\"");
	struct str index = STR("\",\"index\":"), time = STR(",\"time\":");
	char *start = buf_reserve(to, r->entry.n + r->from.n + 96);
	char *p = start;

	if (!start) {
		return;
	}
#define PUT(s) p = (char *)memcpy(p, (s).p, (s).n) + (s).n
	PUT(begin);
	PUT(r->entry);
	PUT(from);
	PUT(r->from);
	PUT(index);
	p = canon_put_u64(p, r->index);
	PUT(time);
#undef PUT
	p = canon_put_u64(p, r->time_us);
	*p++ = '}';
	buf_commit(to, (size_t)(p - start));
}

/* Takes `s` off the end of *text. */
static bool drop_end(struct str *text, struct str s)
{
	if (!str_ends_with(*text, s)) {
		return false;
	}
	text->n -= s.n;
	return true;
}

/* Takes a canonical number off the end of *text. */
static bool drop_number(struct str *text, uint64_t *ret)
{
	struct canon_in in = {.p = text->p, .n = text->n, .at = text->n};

	while (in.at > 0 && text->n - in.at < CANON_INT_LEN && text->p[in.at - 1] >= '0' &&
	       text->p[in.at - 1] <= '9') {
		in.at--;
	}
	text->n = in.at;
	*ret = canon_get_u64(&in);
	return !in.bad && in.at == in.n;
}

static bool from_is_valid(struct str from)
{
	for (size_t i = 0; i < from.n; i++) {
		char c = from.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '.') {
			return false;
		}
	}
	return from.n > 0 && from.n <= LEDGER_FROM_MAX;
}

enum err_code ledger_record_decode(struct str bytes, struct ledger_record *ret, struct err *err)
{
	struct ledger_record r = {0};
	struct str rest = bytes, begin = STR("{\"entry\":");
	size_t at;

	if (bytes.n > LEDGER_RECORD_MAX || !str_starts_with(rest, begin) ||
	    !drop_end(&rest, STR("}")) || !drop_number(&rest, &r.time_us) ||
	    !drop_end(&rest, STR(",\"time\":")) || !drop_number(&rest, &r.index) ||
	    !drop_end(&rest, STR("\",\"index\":"))) {
		return ERR(err, ERR_SYNTAX, "not a record");
	}
	at = rest.n;
	while (at > 0 && rest.n - at <= LEDGER_FROM_MAX && rest.p[at - 1] != '"') {
		at--;
	}
	r.from = str_from(rest, at);
	rest.n = at;
	if (!from_is_valid(r.from) || !drop_end(&rest, STR(",\"from\":\"")) || rest.n < begin.n) {
		return ERR(err, ERR_SYNTAX, "a record without its sender");
	}
	r.entry = str_from(rest, begin.n);
	*ret = r;
	return ERR_OK;
}
