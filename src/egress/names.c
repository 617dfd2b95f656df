/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/names.h"

#include <stdlib.h>

/* 198.18.0.1 is the first, so that none ends in .0.0. */
#define POOL_FIRST UINT32_C(0xc6120001)

struct egress_named {
	uint32_t number; /* in the pool: its slot is number % EGRESS_NAMES_MAX */
	uint8_t n;
	char name[];
};

/* Of IPv6 the first 12 bytes, with the address of IPv4 behind them. */
static const uint8_t prefix[12] = {0x20, 0x01, 0x00, 0x02};

static struct egress_ip address_of(uint32_t number, bool v6)
{
	uint32_t at = POOL_FIRST + number;
	const uint8_t four[] = {(uint8_t)(at >> 24), (uint8_t)(at >> 16), (uint8_t)(at >> 8),
				(uint8_t)at};
	struct egress_ip ip = {.v6 = v6};

	if (v6) {
		memcpy(ip.bytes, prefix, sizeof(prefix));
	}
	memcpy(ip.bytes + (v6 ? sizeof(prefix) : 0), four, sizeof(four));
	return ip;
}

/* Its number in the pool; EGRESS_NAMES_POOL or more: it is not of the pool. */
static uint32_t number_of(const struct egress_ip *ip)
{
	const uint8_t *four = ip->bytes + (ip->v6 ? sizeof(prefix) : 0);

	if (ip->v6 && memcmp(ip->bytes, prefix, sizeof(prefix)) != 0) {
		return UINT32_MAX;
	}
	return ((uint32_t)four[0] << 24 | (uint32_t)four[1] << 16 | (uint32_t)four[2] << 8 |
		four[3]) -
	       POOL_FIRST;
}

bool egress_names_holds(const struct egress_ip *ip)
{
	return number_of(ip) < EGRESS_NAMES_POOL;
}

void egress_names_done(struct egress_names *t)
{
	for (size_t i = 0; t->slots && i < EGRESS_NAMES_MAX; i++) {
		free(t->slots[i]);
	}
	free(t->slots);
	*t = (struct egress_names){0};
}

static struct str name_of(const struct egress_named *e)
{
	return str_make(e->name, e->n);
}

bool egress_names_give(struct egress_names *t, struct str name, bool v6, struct egress_ip *ret)
{
	struct egress_named *e;

	ASSERT(name.n > 0 && name.n <= EGRESS_NAME_MAX);
	if (!t->slots) {
		t->slots = calloc(EGRESS_NAMES_MAX, sizeof(struct egress_named *));
	}
	for (size_t i = 0; t->slots && i < EGRESS_NAMES_MAX; i++) {
		if (t->slots[i] && str_eq(name_of(t->slots[i]), name)) {
			*ret = address_of(t->slots[i]->number, v6);
			return true;
		}
	}
	e = t->slots ? malloc(sizeof(*e) + name.n) : NULL;
	if (!e) {
		return false;
	}
	e->number = t->next;
	e->n = (uint8_t)name.n;
	memcpy(e->name, name.p, name.n);
	free(t->slots[e->number % EGRESS_NAMES_MAX]);
	t->slots[e->number % EGRESS_NAMES_MAX] = e;
	t->next = (t->next + 1) % EGRESS_NAMES_POOL;
	*ret = address_of(e->number, v6);
	return true;
}

struct str egress_names_find(const struct egress_names *t, const struct egress_ip *ip)
{
	uint32_t number = number_of(ip);
	const struct egress_named *e =
		t->slots && number < EGRESS_NAMES_POOL ? t->slots[number % EGRESS_NAMES_MAX] : NULL;

	return e && e->number == number ? name_of(e) : str_make(NULL, 0);
}
