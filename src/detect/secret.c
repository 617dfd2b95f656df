/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and tokens: by the prefix that their issuer gives them so that they can be found. */
#include "detect/detect_priv.h"

enum charset { ALNUM = 0, UPPER, URLSAFE };

struct issued {
	struct str prefix;
	enum charset set;
	size_t least; /* characters behind the prefix */
};

static const struct issued issued[] = {
	{STR_INIT("sk-"), URLSAFE, 16},    {STR_INIT("sk_live_"), ALNUM, 16},
	{STR_INIT("sk_test_"), ALNUM, 16}, {STR_INIT("rk_live_"), ALNUM, 16},
	{STR_INIT("rk_test_"), ALNUM, 16}, {STR_INIT("whsec_"), ALNUM, 16},
	{STR_INIT("ghp_"), ALNUM, 30},     {STR_INIT("gho_"), ALNUM, 30},
	{STR_INIT("ghu_"), ALNUM, 30},     {STR_INIT("ghs_"), ALNUM, 30},
	{STR_INIT("ghr_"), ALNUM, 30},     {STR_INIT("github_pat_"), URLSAFE, 22},
	{STR_INIT("glpat-"), URLSAFE, 20}, {STR_INIT("xoxb-"), URLSAFE, 10},
	{STR_INIT("xoxp-"), URLSAFE, 10},  {STR_INIT("xoxa-"), URLSAFE, 10},
	{STR_INIT("xoxs-"), URLSAFE, 10},  {STR_INIT("xapp-"), URLSAFE, 10},
	{STR_INIT("AKIA"), UPPER, 16},     {STR_INIT("ASIA"), UPPER, 16},
	{STR_INIT("AIza"), URLSAFE, 35},   {STR_INIT("npm_"), ALNUM, 36},
	{STR_INIT("pypi-"), URLSAFE, 50},  {STR_INIT("hf_"), ALNUM, 30},
	{STR_INIT("dop_v1_"), ALNUM, 64},  {STR_INIT("AGE-SECRET-KEY-1"), UPPER, 50},
};

static bool is_of(enum charset set, char c)
{
	switch (set) {
	case UPPER:
		return detect_digit(c) || (c >= 'A' && c <= 'Z');
	case URLSAFE:
		return detect_alnum(c) || c == '-' || c == '_';
	case ALNUM:
		break;
	}
	return detect_alnum(c);
}

static size_t run(struct str text, size_t at, enum charset set)
{
	size_t n = 0;

	while (at + n < text.n && is_of(set, text.p[at + n])) {
		n++;
	}
	return n;
}

static size_t token(struct str text, size_t at)
{
	struct str rest = str_from(text, at);

	for (size_t i = 0; i < ARRAY_LEN(issued); i++) {
		const struct issued *t = &issued[i];
		size_t n;

		if (rest.p[0] != t->prefix.p[0] || !str_starts_with(rest, t->prefix)) {
			continue;
		}
		n = run(text, at + t->prefix.n, t->set);
		if (n >= t->least) {
			return t->prefix.n + n;
		}
	}
	return 0;
}

/* Three parts of base64url; the first is an object, so it begins with {" */
static size_t web_token(struct str text, size_t at)
{
	size_t n = 0;

	/* From the beginning of a run only: so no run is looked at twice. */
	if (!str_starts_with(str_from(text, at), STR("eyJ")) ||
	    (at > 0 && (is_of(URLSAFE, text.p[at - 1]) || text.p[at - 1] == '.'))) {
		return 0;
	}
	for (int part = 0; part < 3; part++) {
		size_t more = run(text, at + n, URLSAFE);

		if (more < 8) {
			return 0;
		}
		n += more;
		if (part < 2) {
			if (at + n >= text.n || text.p[at + n] != '.') {
				return 0;
			}
			n++;
		}
	}
	return n;
}

/* To the end of the block, or of a text that was cut. */
static size_t pem(struct str text, size_t at)
{
	struct str rest = str_from(text, at), head = str_make(rest.p, rest.n < 64 ? rest.n : 64);
	size_t end;

	if (!str_starts_with(rest, STR("-----BEGIN ")) ||
	    str_find_str(head, STR("PRIVATE KEY")) == head.n) {
		return 0;
	}
	end = str_find_str(rest, STR("-----END "));
	if (end == rest.n) {
		return rest.n;
	}
	end += 9;
	while (end < rest.n && (detect_alnum(rest.p[end]) || rest.p[end] == ' ')) {
		end++;
	}
	while (end < rest.n && rest.p[end] == '-') {
		end++;
	}
	return end;
}

/* What follows "Bearer "; the word stays. */
static size_t bearer(struct str text, size_t at)
{
	static const char word[] = "bearer ";
	size_t n = 0;

	for (size_t i = 0; i < 7; i++) {
		if (at < 7 || (text.p[at - 7 + i] | 0x20) != word[i]) {
			return 0;
		}
	}
	while (at + n < text.n &&
	       (is_of(URLSAFE, text.p[at + n]) || text.p[at + n] == '.' || text.p[at + n] == '~' ||
		text.p[at + n] == '+' || text.p[at + n] == '/' || text.p[at + n] == '=')) {
		n++;
	}
	return n >= 16 ? n : 0;
}

/* user:password of ://user:password@host, from the user on. */
static size_t url_password(struct str text, size_t at)
{
	enum { MOST = 256 };
	bool colon = false;

	if (at < 3 || !str_eq(str_make(text.p + at - 3, 3), STR("://"))) {
		return 0;
	}
	for (size_t n = 0; n < MOST && at + n < text.n; n++) {
		char c = text.p[at + n];

		if (c == '@') {
			return colon ? n : 0;
		}
		if ((unsigned char)c <= ' ' || c == '/' || c == '"' || c == '<' || c == '>') {
			return 0;
		}
		colon = colon || c == ':';
	}
	return 0;
}

size_t detect_secret(struct str text, size_t at)
{
	size_t n = token(text, at);

	n = n ? n : web_token(text, at);
	n = n ? n : pem(text, at);
	n = n ? n : bearer(text, at);
	return n ? n : url_password(text, at);
}
