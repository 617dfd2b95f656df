/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is suspicious about a description that a model will read: of a tool, a prompt, a resource,
 * a server. Every text in it is looked at, wherever it stands: descriptions of parameters, values of
 * enumerations, examples.
 *
 * Heuristic, and only that: a high score is a reason for a person to look, a low one is
 * no promise. What is written to be invisible is certain, and counts as much.
 */
#ifndef DETECT_LINT_H
#define DETECT_LINT_H

#include "base/buf.h"
#include "json/parse.h"

/* clang-format off */
#define LINT_CODES(X)                                                                              \
	/* id          score  name               text */                                           \
	X(TAG,           100, "tag-characters",    "characters that no screen shows and a model reads (U+E0000)") \
	X(BIDI,          100, "text-direction",    "characters that make text show in another order") \
	X(INVISIBLE,     100, "invisible",         "characters without width, within words")       \
	X(CONTROL,       100, "controls",          "control characters, as terminals obey them")   \
	X(SECRECY,        60, "secrecy",           "it asks to keep something from the user")      \
	X(OVERRIDE,       60, "override",          "it speaks of other instructions, or of the system's prompt") \
	X(SECRET_PATH,    60, "secret-path",       "it names a place where secrets are kept")      \
	X(IMPERATIVE,     40, "imperative",        "it tells the model what to do besides calling it") \
	X(OTHER_SERVER,   40, "other-server",      "it speaks of another server's tools")          \
	X(COMMENT,        40, "comment",           "a comment of a markup language, or tags that imitate a prompt's") \
	X(SIDE_NOTE,      30, "side-note",         "a required text of no stated use: side note, context, feedback") \
	X(BLOB,           20, "blob",              "a long run of encoded characters")            \
	X(URL,            20, "url-default",       "a default value that is an address")           \
	X(LONG,           10, "long",              "a description of more than 4,000 characters")
/* clang-format on */

enum lint_code {
#define X(id, ...) LINT_##id,
	LINT_CODES(X)
#undef X
		LINT_MAX
};

enum {
	LINT_FINDINGS = 16,
	LINT_EXCERPT = 80,
	LINT_HOLD = 60, /* from this score on nothing is trusted on first use */
};

struct lint_finding {
	enum lint_code code;
	char excerpt[LINT_EXCERPT]; /* around it; printable ASCII, everything else as \u{..} */
};

struct lint {
	unsigned score; /* each code counts once; at most 1000 */
	struct lint_finding findings[LINT_FINDINGS];
	size_t n;
};

struct str lint_name(enum lint_code code);
struct str lint_text(enum lint_code code);

/* Characters that no screen shows, or that make it show others elsewhere. */
bool lint_is_hidden(uint32_t c);

/*
 * Looks at the whole of `item`. `others` are the ids of other servers. The arena is used for texts
 * in lower case; when it is exhausted the score is 1000.
 */
void lint_item(struct arena *scratch, const struct json *item, const struct str *others, size_t n,
	       struct lint *ret);

#endif
