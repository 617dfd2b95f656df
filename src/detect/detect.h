/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What in a text looks like something that is not everybody's: keys and tokens, e-mail
 * addresses, account and card numbers, telephone numbers. By form alone: whatever is written
 * otherwise (spelled out, encoded, in a picture) is not seen, and what has the form by chance is.
 *
 *   secret  tokens with the prefix their issuer gives them, JSON web tokens, private keys (PEM),
 *           what follows "Bearer ", user and password of a URL
 *   email   local part @ domain with a dot
 *   iban    of the length of its country, and its check digits are right (ISO 13616)
 *   card    12 to 19 digits of an issuer's range, and the last one is right (ISO/IEC 7812)
 *   phone   +49 30 1234567, 0049 30 1234567, 030/1234567, (555) 123-4567, 555-123-4567
 *
 * Pure, and linear in the text.
 */
#ifndef DETECT_DETECT_H
#define DETECT_DETECT_H

#include "base/str.h"

#include <stdbool.h>

/* In the order in which they are tried where several begin. */
enum detect_class {
	DETECT_SECRET = 0,
	DETECT_IBAN,
	DETECT_CARD,
	DETECT_EMAIL,
	DETECT_PHONE,
	DETECT_CLASSES
};

#define DETECT_BIT(c) (1u << (c))
#define DETECT_ALL    (DETECT_BIT(DETECT_CLASSES) - 1)

struct detect_found {
	enum detect_class what;
	size_t at, n;
};

/* The first one at or after `from`; `classes` are DETECT_BITs. */
bool detect_next(struct str text, size_t from, unsigned classes, struct detect_found *ret);

/*
 * Which classes there are in the strings and numbers of one valid JSON value, names of members and base64 by its place
 * (detect/vault.h) left out. With more than 4 MiB of text, and where it cannot be read: all.
 */
unsigned detect_in_json(struct str json, unsigned classes);

/* "secret", "email", ... */
struct str detect_name(enum detect_class c);

/* "email, iban", "pii" (all but secrets), "secrets", "all" to bits; 0: some word is none of them. */
unsigned detect_classes(struct str list);

#endif
