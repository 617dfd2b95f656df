/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups of jurisdictions with the legal basis and the dates of each membership: the EU,
 * the EEA, countries with an adequacy decision. They are data, not code (the files in data/),
 * dated and replaceable. A line is five fields apart by white space:
 *
 *   GROUP MEMBER FROM UNTIL BASIS...
 *   EEA   NO     1994-01-01 -          Agreement on the European Economic Area, OJ L 1, 3.1.1994
 *   EU-ADEQUATE US+dpf 2023-07-10 -    Implementing Decision (EU) 2023/1795
 *   EU-FREE @EEA -  -                  GDPR Art. 1(3)
 *
 * MEMBER is a code (DE, US-CA), a code with the scheme that the operator must have joined
 * (US+dpf), or another group (@EEA). FROM is the first day, UNTIL the first day no more,
 * both at 00:00 UTC, '-' when there is none. `#` begins a comment. The basis is required.
 */
#ifndef SITE_GROUPS_H
#define SITE_GROUPS_H

#include "base/arena.h"
#include "base/err.h"

enum {
	SITE_GROUPS_MEMBERS_MAX = 4096,
	SITE_GROUPS_DEPTH_MAX = 8, /* groups in groups */
	SITE_CODE_MAX = 16,
	SITE_NAME_MAX = 32, /* of a group, a scheme */
};

/* The time for which an answer holds: from <= t < until, in milliseconds since 1970. */
struct site_window {
	int64_t from, until;
};

#define SITE_WINDOW_ALL ((struct site_window){INT64_MIN, INT64_MAX})

/* An answer for `now` depends on whether `date` has come. */
void site_window_cut(struct site_window *w, int64_t date, int64_t now);

struct site_member {
	struct str group, code, scheme; /* scheme: empty when there is no condition */
	bool is_group;                  /* code names one */
	bool revoked;                   /* by a drill: as if it had ended */
	int64_t from, until;            /* INT64_MIN and INT64_MAX when not said */
	struct str basis;
};

struct site_groups {
	struct site_member *items;
	size_t n, cap;
};

/*
 * Appends the lines of one file, borrowing its text. ERR_SYNTAX with "NAME:LINE: what";
 * ERR_LIMIT, ERR_NOMEM.
 */
enum err_code site_groups_parse(struct arena *a, struct str name, struct str text,
				struct site_groups *to, struct err *err) MUST_USE;

/* YYYY-MM-DD or a full date and time (policy datetime) to milliseconds. */
bool site_date_parse(struct str s, int64_t *ret) MUST_USE;

/*
 * Is the code in the group at `now`, for an operator in these schemes? *w is cut by every
 * date that was looked at. Groups that include each other end at the depth limit: false.
 */
bool site_groups_have(const struct site_groups *g, struct str group, struct str code,
		      const struct str *schemes, size_t n_schemes, int64_t now,
		      struct site_window *w);

/*
 * Marks what rests on a basis as revoked: "GROUP:MEMBER", or a part of the text of the basis.
 * Returns how many memberships.
 */
size_t site_groups_revoke(struct site_groups *g, struct str basis);

#endif
