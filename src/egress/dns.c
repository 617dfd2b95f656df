/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/dns.h"

enum {
	HEAD = 12,
	LABEL_MAX = 63,
	WIRE_NAME_MAX = 255,
	CLASS_IN = 1,
	FLAG_ANSWER = 0x80,    /* of byte 2 */
	FLAG_RECURSION = 0x01, /* wanted */
	FLAG_AVAILABLE = 0x80, /* of byte 3 */
	OPCODE = 0x78,
	POINTER_AND_RESERVED = 0xc0,
};

static unsigned u16_at(struct str s, size_t at)
{
	return (unsigned)(unsigned char)s.p[at] << 8 | (unsigned char)s.p[at + 1];
}

/* A label's bytes as part of a name's text; false where the text could not be told from another's. */
static bool put_label(char *text, size_t *n, struct str label)
{
	if (*n) {
		text[(*n)++] = '.';
	}
	for (size_t i = 0; i < label.n; i++) {
		if (label.p[i] <= ' ' || label.p[i] == '.' || label.p[i] >= 0x7f) {
			return false;
		}
		text[(*n)++] = label.p[i];
	}
	return true;
}

/*
 * The name at `at`, which is moved behind it; `*ret_n` is 0 when it cannot be a host's. False when it is
 * not labels that end within the message.
 */
static bool read_name(struct str in, size_t *at, char text[WIRE_NAME_MAX + 1], size_t *ret_n)
{
	size_t begin = *at, n = 0;
	bool plain = true;

	for (;;) {
		size_t len;

		if (*at >= in.n) {
			return false;
		}
		len = (unsigned char)in.p[(*at)++];
		if (len == 0) {
			break;
		}
		if ((len & POINTER_AND_RESERVED) || len > in.n - *at ||
		    *at + len - begin >= WIRE_NAME_MAX) {
			return false;
		}
		plain = plain && put_label(text, &n, str_make(in.p + *at, len));
		*at += len;
	}
	*ret_n = plain ? n : 0;
	return true;
}

static enum egress_dns_code read_question(struct str in, struct egress_dns_query *q)
{
	char text[WIRE_NAME_MAX + 1];
	size_t at = HEAD, n;
	struct err err;

	if (u16_at(in, 4) != 1 || u16_at(in, 6) || u16_at(in, 8) || in.n > EGRESS_DNS_QUERY_MAX ||
	    !read_name(in, &at, text, &n) || in.n - at < 4) {
		return EGRESS_DNS_MALFORMED;
	}
	q->question = str_make(in.p + HEAD, at + 4 - HEAD);
	q->type = (uint16_t)u16_at(in, at);
	if (u16_at(in, at + 2) != CLASS_IN) {
		return EGRESS_DNS_REFUSED;
	}
	q->is_host = n > 0 && egress_name_parse(str_make(text, n), &q->host, &err) == ERR_OK &&
		     !q->host.is_ip;
	return EGRESS_DNS_FINE;
}

bool egress_dns_read(struct str in, struct egress_dns_query *ret)
{
	struct egress_dns_query q = {.recursion = false};

	if (in.n < HEAD || ((unsigned char)in.p[2] & FLAG_ANSWER)) {
		return false;
	}
	q.id[0] = (uint8_t)in.p[0];
	q.id[1] = (uint8_t)in.p[1];
	q.recursion = ((unsigned char)in.p[2] & FLAG_RECURSION) != 0;
	q.code = (unsigned char)in.p[2] & OPCODE ? EGRESS_DNS_NOT_DONE : read_question(in, &q);
	*ret = q;
	return true;
}

size_t egress_dns_write(const struct egress_dns_query *q, enum egress_dns_code code,
			const struct egress_ip *address, uint8_t out[EGRESS_DNS_ANSWER_MAX])
{
	bool six = address && address->v6;
	uint8_t size = six ? 16 : 4;
	/* The name is the one at byte 12: type, IN, the time, so many bytes. */
	const uint8_t record[] = {0xc0, HEAD,           0, six ? EGRESS_DNS_AAAA : EGRESS_DNS_A,
				  0,    CLASS_IN,       0, 0,
				  0,    EGRESS_DNS_TTL, 0, size};
	bool has = code == EGRESS_DNS_FINE && address && q->question.n;
	size_t n = HEAD;

	memset(out, 0, HEAD);
	out[0] = q->id[0];
	out[1] = q->id[1];
	out[2] = (uint8_t)(FLAG_ANSWER | (q->recursion ? FLAG_RECURSION : 0));
	out[3] = (uint8_t)(FLAG_AVAILABLE | code);
	out[5] = q->question.n ? 1 : 0;
	out[7] = has ? 1 : 0;
	if (q->question.n) {
		memcpy(out + n, q->question.p, q->question.n);
		n += q->question.n;
	}
	if (has) {
		memcpy(out + n, record, sizeof(record));
		memcpy(out + n + sizeof(record), address->bytes, size);
		n += sizeof(record) + size;
	}
	return n;
}
