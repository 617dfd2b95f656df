/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question is within its message, cut short it is never another one, and what is answered is read by
 * a reader of its own as this question with this answer.
 */
#include "egress/dns.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok)
{
	if (!ok) {
		abort();
	}
}

/* The name of a question as text, by walking its labels; false when it has none that is a host's. */
static bool spell(struct str question, struct egress_host *ret)
{
	char text[256];
	size_t at = 0, n = 0;
	struct err err;

	while (question.p[at]) {
		size_t len = (unsigned char)question.p[at];

		for (size_t i = 0; i < len; i++) {
			if (question.p[at + 1 + i] == '.' || question.p[at + 1 + i] <= ' ') {
				return false;
			}
		}
		if (n) {
			text[n++] = '.';
		}
		memcpy(text + n, question.p + at + 1, len);
		n += len;
		at += 1 + len;
	}
	check(at + 5 == question.n);
	return n && egress_name_parse(str_make(text, n), ret, &err) == ERR_OK && !ret->is_ip;
}

static void check_answer(const struct egress_dns_query *q, enum egress_dns_code code, bool has)
{
	const struct egress_ip address = {.v6 = q->type == EGRESS_DNS_AAAA,
					  .bytes = {198, 18, 3, 4, [15] = 5}};
	uint8_t out[EGRESS_DNS_ANSWER_MAX];
	size_t n = egress_dns_write(q, code, has ? &address : NULL, out);
	size_t size = address.v6 ? 16 : 4;
	struct egress_dns_query again;

	check(n >= 12 && n <= sizeof(out));
	check(!egress_dns_read(str_make((char *)out, n), &again)); /* an answer is no question */
	check(out[0] == q->id[0] && out[1] == q->id[1] && (out[3] & 15) == (int)code);
	check(out[7] == (has && code == EGRESS_DNS_FINE && q->question.n));
	check(n == 12 + q->question.n + (out[7] ? 12 + size : 0U));
	check(!out[7] || memcmp(out + n - size, address.bytes, size) == 0);
	/* Its question alone, as a question, is the same. */
	out[2] = (uint8_t)(q->recursion ? 1 : 0);
	out[7] = 0;
	if (q->question.n) {
		check(egress_dns_read(str_make((char *)out, n), &again));
		check(str_eq(again.question, q->question) && again.type == q->type);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = str_make((const char *)data, n);
	struct egress_dns_query q, part;
	struct egress_host host;

	if (!egress_dns_read(in, &q)) {
		return 0;
	}
	check(q.question.n == 0 ||
	      (q.question.p == in.p + 12 && q.question.n >= 5 && q.question.n <= n - 12));
	check(q.code != EGRESS_DNS_FINE || q.question.n > 0);
	for (size_t cut = 0; q.question.n && cut < 12 + q.question.n; cut++) {
		check(!egress_dns_read(str_make(in.p, cut), &part) || part.question.n == 0);
	}
	if (q.code == EGRESS_DNS_FINE) {
		check(spell(q.question, &host) == q.is_host);
		check(!q.is_host || str_eq(egress_host_name(&host), egress_host_name(&q.host)));
	}
	check_answer(&q, q.code, true);
	check_answer(&q, EGRESS_DNS_FINE, true);
	check_answer(&q, EGRESS_DNS_FINE, false);
	check_answer(&q, EGRESS_DNS_NO_NAME, true);
	return 0;
}
