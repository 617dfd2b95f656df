/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that a lax reader takes for one another. Some JSON decoders match member
 * names without regard to case, and fold some letters beyond ASCII; a name that
 * one of them reads as a protocol's while we do not is a way around inspection.
 */
#ifndef BASE_FOLD_H
#define BASE_FOLD_H

#include "base/buf.h"

/*
 * Could `text` be read as `name` although it is not the same? ASCII case is
 * ignored; U+017F, U+212A, U+0130 and U+0131 count as s, k and i. False when both
 * are equal.
 */
bool fold_resembles_slow(struct str text, struct str name);

static inline bool fold_resembles(struct str text, struct str name)
{
	/* nearly every pair differs in its first letter already */
	if (text.n < name.n || name.n == 0 ||
	    ((unsigned char)text.p[0] < 0x80 && (text.p[0] | 0x20) != (name.p[0] | 0x20))) {
		return false;
	}
	return fold_resembles_slow(text, name);
}

/*
 * Appends what is left of a name for a reader who looks at it: without case and separators
 * (_ - . / and spaces), with one letter for those that look alike (0 o, 1 l i, 5 s, rn m, vv w, and
 * Cyrillic, Greek and full-width letters of the shapes of ASCII). Names with one skeleton can be taken
 * for each other; the skeleton itself is no name.
 */
void fold_skeleton(struct buf *out, struct str name);

#endif
