/* SPDX-License-Identifier: Apache-2.0 */
/* E-mail addresses, account and card numbers, telephone numbers. */
#include "detect/detect_priv.h"

#include <string.h>

/* ---- e-mail ---- */

static bool is_local(char c)
{
	return detect_alnum(c) || (unsigned char)c >= 0x80 ||
	       (c && strchr(".!#$%&'*+/=?^_`{|}~-", c));
}

static bool is_domain(char c)
{
	return detect_alnum(c) || (unsigned char)c >= 0x80 || c == '-' || c == '.';
}

/* The part before the @ is tried where it begins only: so its length is looked at once. */
size_t detect_email(struct str text, size_t at)
{
	size_t n = at, domain, dot = 0;

	for (size_t k = at; k > 0 && is_local(text.p[k - 1]); k--) {
		if (detect_may_begin(text, k - 1)) {
			return 0; /* it was tried from there */
		}
	}
	while (n < text.n && is_local(text.p[n])) {
		n++;
	}
	if (n == at || n >= text.n || text.p[n] != '@') {
		return 0;
	}
	domain = ++n;
	while (n < text.n && is_domain(text.p[n])) {
		n++;
	}
	while (n > domain && (text.p[n - 1] == '.' || text.p[n - 1] == '-')) {
		n--; /* the end of a sentence */
	}
	for (size_t k = domain; k < n; k++) {
		dot = text.p[k] == '.' && k > domain ? k : dot;
	}
	return dot && n - dot > 2 && !detect_digit(text.p[n - 1]) ? n - at : 0;
}

/* ---- IBAN ---- */

/* Countries and the length of their account numbers, of the registry of ISO 13616. */
static const char lengths[] =
	"AD24AE23AL28AT20AZ28BA20BE16BG22BH22BR29BY28CH21CR22CY28CZ24DE22DK18DO28EE20EG29ES24FI18"
	"FK18FO18FR27GB22GE22GI23GL18GR27GT28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21"
	"LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24"
	"RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30";

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static unsigned iban_length(struct str text, size_t at)
{
	if (at + 4 > text.n || !detect_alpha(text.p[at]) || !detect_alpha(text.p[at + 1])) {
		return 0;
	}
	for (const char *p = lengths; *p; p += 4) {
		if (p[0] == upper(text.p[at]) && p[1] == upper(text.p[at + 1])) {
			return (unsigned)(p[2] - '0') * 10 + (unsigned)(p[3] - '0');
		}
	}
	return 0;
}

static unsigned mod97(unsigned sum, char c)
{
	return detect_digit(c) ? (sum * 10 + (unsigned)(c - '0')) % 97
			       : (sum * 100 + (unsigned)(upper(c) - 'A') + 10) % 97;
}

size_t detect_iban(struct str text, size_t at)
{
	unsigned want = iban_length(text, at), got = 0, sum = 0;
	char all[40];
	size_t n = 0;

	if (!want || !detect_digit(text.p[at + 2]) || !detect_digit(text.p[at + 3])) {
		return 0;
	}
	for (; got < want && at + n < text.n; n++) {
		char c = text.p[at + n];

		if (detect_alnum(c)) {
			all[got++] = c;
		} else if (c != ' ' && c != '-') {
			return 0;
		} else if (n == 0 || !detect_alnum(text.p[at + n - 1])) {
			return 0;
		}
	}
	if (got < want || !detect_apart(text, at + n)) {
		return 0;
	}
	for (unsigned i = 0; i < want; i++) {
		sum = mod97(sum, all[(i + 4) % want]);
	}
	return sum == 1 ? n : 0;
}

/* ---- cards ---- */

static unsigned leading(const char *digits, unsigned n)
{
	unsigned v = 0;

	for (unsigned i = 0; i < n; i++) {
		v = v * 10 + (unsigned)(digits[i] - '0');
	}
	return v;
}

/* Ranges that issuers of payment cards have, with the lengths of their numbers. */
static bool is_issued(const char *d, unsigned n)
{
	unsigned two = leading(d, 2), three = leading(d, 3), four = leading(d, 4);

	if (d[0] == '4') {
		return n == 13 || n == 16 || n == 19;
	}
	if ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720)) {
		return n == 16;
	}
	if (two == 34 || two == 37) {
		return n == 15;
	}
	if ((three >= 300 && three <= 305) || two == 36 || two == 38 || two == 39) {
		return n >= 14;
	}
	if (four == 6011 || (three >= 644 && three <= 649) || two == 65 || two == 62 ||
	    (four >= 3528 && four <= 3589)) {
		return n >= 16;
	}
	return (two == 50 || (two >= 56 && two <= 58) || two == 63 || two == 67) && n >= 12;
}

static bool luhn(const char *d, unsigned n)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned v = (unsigned)(d[n - 1 - i] - '0');

		v = i % 2 ? v * 2 : v;
		sum += v > 9 ? v - 9 : v;
	}
	return sum % 10 == 0;
}

/* The longest one; groups are parted by single spaces or hyphens. */
size_t detect_card(struct str text, size_t at)
{
	enum { LEAST = 12, MOST = 19 };
	char digits[MOST];
	size_t n = 0, found = 0;
	unsigned got = 0;

	while (got < MOST && at + n < text.n) {
		char c = text.p[at + n];

		if (detect_digit(c)) {
			digits[got++] = c;
			n++;
		} else if ((c == ' ' || c == '-') && got > 0 && at + n + 1 < text.n &&
			   detect_digit(text.p[at + n + 1])) {
			n++;
			continue;
		} else {
			break;
		}
		if (got >= LEAST && detect_apart(text, at + n) && is_issued(digits, got) &&
		    luhn(digits, got)) {
			found = n;
		}
	}
	return found;
}

/* ---- telephones ---- */

struct dialled {
	size_t n;                /* bytes */
	unsigned digits, groups; /* of digits */
	unsigned first[3];       /* digits of the first groups */
	bool dots;
};

/* Digits in groups, parted by one or two of " -./()". */
static struct dialled dial(struct str text, size_t at)
{
	enum { MOST = 16 };
	struct dialled d = {0};
	size_t n = 0, gap = 0;

	while (at + n < text.n && d.digits < MOST) {
		char c = text.p[at + n];

		if (detect_digit(c)) {
			d.groups += gap > 0 || d.digits == 0;
			if (d.groups <= 3) {
				d.first[d.groups - 1]++;
			}
			d.digits++;
			gap = 0;
			d.n = ++n;
		} else if (c && strchr(" -./()", c) && ++gap <= 2) {
			d.dots = d.dots || c == '.';
			n++;
		} else {
			break;
		}
	}
	return d;
}

static bool is_american(const struct dialled *d)
{
	return d->groups == 3 && d->first[0] == 3 && d->first[1] == 3 && d->first[2] == 4;
}

/* 030 or 0049: at least two groups, no fraction, and not the end of 1 000 000 000. */
static bool is_national(struct str text, size_t at, const struct dialled *d)
{
	if (d->digits < 9 || d->digits > 15 || d->groups < 2 || d->first[0] < 2 || d->dots ||
	    text.p[at] != '0' ||
	    (at > 1 && text.p[at - 1] == ' ' && detect_digit(text.p[at - 2]))) {
		return false;
	}
	return text.p[at + (text.p[at + 1] == '0' ? 2 : 1)] > '0';
}

size_t detect_phone(struct str text, size_t at)
{
	bool plus = text.p[at] == '+', bracket = text.p[at] == '(';
	struct dialled d;

	if (!plus && !bracket && !detect_digit(text.p[at])) {
		return 0;
	}
	if (at > 0 && (text.p[at - 1] == '.' || text.p[at - 1] == '+' || text.p[at - 1] == '(' ||
		       (text.p[at - 1] == '-' && !plus))) {
		return 0;
	}
	d = dial(text, at + (plus || bracket));
	if (!detect_apart(text, at + (plus || bracket) + d.n)) {
		return 0;
	}
	if (plus ? d.digits >= 8 && d.digits <= 15 && d.first[0] > 0
		 : is_american(&d) || is_national(text, at + bracket, &d)) {
		return d.n + (plus || bracket);
	}
	return 0;
}
