/* SPDX-License-Identifier: Apache-2.0 */
/* jansson behind one function: its header and ours define the same names. */
#ifndef TESTS_UNIT_JSON_JANSSON_ORACLE_H
#define TESTS_UNIT_JSON_JANSSON_ORACLE_H

#include <stdbool.h>
#include <stddef.h>

/* *ret_too_large: refused only for a number that it cannot hold, or a NUL in a name. */
bool jansson_accepts(const char *text, size_t n, bool *ret_too_large);

#endif
