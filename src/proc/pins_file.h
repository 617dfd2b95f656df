/* SPDX-License-Identifier: Apache-2.0 */
/* The store of pins of a node (proc/pin_store.h), read only: it works whether a node runs or not. */
#ifndef PROC_PINS_FILE_H
#define PROC_PINS_FILE_H

#include "base/arena.h"
#include "json/parse.h"

/* The array of pins; everything lives in the arena. ERR_NOT_FOUND: nothing is pinned yet. */
enum err_code pins_file_read(struct arena *a, struct str state, const struct json **ret,
			     struct err *err) MUST_USE;

/* A text member of a pin; empty when it has none. */
struct str pins_file_member(const struct json *pin, struct str key);

/*
 * The text of its `pinned` or its `pending` version; empty when there is none. ERR_CORRUPT: what
 * is there has another digest, as when the node is just writing it.
 */
enum err_code pins_file_text(struct arena *a, struct str state, const struct json *pin,
			     const char *which, struct str *ret, struct err *err) MUST_USE;

#endif
