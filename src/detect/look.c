/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/detect.h"
#include "detect/json_priv.h"
#include "json/walk.h"

enum { SCRATCH = 64 << 20, TEXT_MAX = 4 << 20 };

static unsigned in_text(struct str text, unsigned classes, unsigned found)
{
	struct detect_found f;
	size_t at = 0;

	while (found != classes && detect_next(text, at, classes, &f)) {
		found |= DETECT_BIT(f.what);
		at = f.at + f.n;
	}
	return found;
}

static unsigned in_number(struct str raw, unsigned classes)
{
	struct detect_found f;
	bool card = detect_next(raw, 0, classes & DETECT_BIT(DETECT_CARD), &f) && f.n == raw.n;

	return card ? DETECT_BIT(DETECT_CARD) : 0;
}

unsigned detect_in_json(struct str json, unsigned classes)
{
	struct detect_tokens t = {.json = json};
	enum detect_token kind;
	struct arena scratch;
	struct str raw, text;
	unsigned found = 0;
	size_t looked = 0;

	arena_init(&scratch, SCRATCH);
	while (found != classes && (kind = detect_token_next(&t, &raw)) != DETECT_END) {
		if (kind == DETECT_NUMBER) {
			found |= in_number(raw, classes);
			continue;
		}
		arena_reset(&scratch);
		looked += raw.n;
		if (looked > TEXT_MAX || json_unquote(&scratch, raw, &text, NULL)) {
			found = classes; /* it cannot be told: as if everything were there */
		} else if (!detect_is_opaque(t.name, text)) {
			found = in_text(text, classes, found);
		}
	}
	arena_done(&scratch);
	return found;
}
