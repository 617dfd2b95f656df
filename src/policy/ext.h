/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extension types: decimal, ipaddr, datetime, duration, and the table of every
 * function and method of the language with its style and arity. The same table
 * serves the parser, the evaluator and the type checker.
 */
#ifndef POLICY_EXT_H
#define POLICY_EXT_H

#include "policy/value.h"

enum policy_fn {
	POLICY_FN_NONE = 0,
	POLICY_FN_CONTAINS, /* built-in methods: arity is checked by the parser */
	POLICY_FN_CONTAINS_ALL,
	POLICY_FN_CONTAINS_ANY,
	POLICY_FN_IS_EMPTY,
	POLICY_FN_HAS_TAG,
	POLICY_FN_GET_TAG,
	POLICY_FN_DECIMAL, /* constructors: function style, one String */
	POLICY_FN_IP,
	POLICY_FN_DATETIME,
	POLICY_FN_DURATION,
	POLICY_FN_LESS_THAN, /* extension methods; arity is checked at evaluation */
	POLICY_FN_LESS_THAN_OR_EQUAL,
	POLICY_FN_GREATER_THAN,
	POLICY_FN_GREATER_THAN_OR_EQUAL,
	POLICY_FN_IS_IPV4,
	POLICY_FN_IS_IPV6,
	POLICY_FN_IS_LOOPBACK,
	POLICY_FN_IS_MULTICAST,
	POLICY_FN_IS_IN_RANGE,
	POLICY_FN_OFFSET,
	POLICY_FN_DURATION_SINCE,
	POLICY_FN_TO_DATE,
	POLICY_FN_TO_TIME,
	POLICY_FN_TO_MILLISECONDS,
	POLICY_FN_TO_SECONDS,
	POLICY_FN_TO_MINUTES,
	POLICY_FN_TO_HOURS,
	POLICY_FN_TO_DAYS,
	POLICY_FN_MAX
};

/* args counts the receiver. arg[0], arg[1] and result are POLICY_NONE where any kind will do. */
struct policy_fn_info {
	struct str name;
	bool method;
	bool builtin;
	uint8_t n_args;
	enum policy_kind arg[2];
	enum policy_kind result;
};

/* Static storage; fn is not POLICY_FN_NONE. */
const struct policy_fn_info *policy_fn_info(enum policy_fn fn);

/* POLICY_FN_NONE when there is no such name. */
enum policy_fn policy_fn_find(struct str name);

/* Parses the argument of a constructor. False when malformed or out of range. */
bool policy_ext_parse(enum policy_fn ctor, struct str text, struct arena *a,
		      struct policy_value *ret) MUST_USE;

/* Inverse of the parse, without constructor: 1.5, 10.0.0.0/8, 2024-01-01T00:00:00.000Z, 90000ms. */
void policy_ext_write(struct buf *out, struct policy_value v);

bool policy_decimal_parse(struct str s, int64_t *ret) MUST_USE;
bool policy_duration_parse(struct str s, int64_t *ret) MUST_USE;
bool policy_datetime_parse(struct str s, int64_t *ret) MUST_USE;
bool policy_ip_parse(struct str s, struct policy_ip *ret) MUST_USE;

/* As datetime() reads it, with milliseconds; "@N" outside the years 0000 to 9999, which it cannot
 * read. */
void policy_datetime_write(struct buf *out, int64_t ms);

/* Datetime and duration arithmetic of the methods above, on milliseconds. */
bool policy_datetime_to_date(int64_t ms, int64_t *ret) MUST_USE;
int64_t policy_datetime_to_time(int64_t ms);

bool policy_ip_in_range(const struct policy_ip *a, const struct policy_ip *range);
bool policy_ip_is_loopback(const struct policy_ip *a);
bool policy_ip_is_multicast(const struct policy_ip *a);

#endif
