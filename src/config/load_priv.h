/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files that load: what reads single files. */
#ifndef CONFIG_LOAD_PRIV_H
#define CONFIG_LOAD_PRIV_H

#include "config/load.h"

/* A regular file of at most `max` bytes; `at` and `name` as for openat(2), `shown` for messages. */
enum err_code config_read_regular(struct arena *a, int at, const char *name, struct str shown,
				  size_t max, struct str *ret, struct err *err) MUST_USE;

/* Fills in l->scripts: from the folder of the list and below, past no link. */
enum err_code config_read_scripts(struct arena *a, struct config_loaded *l,
				  struct err *err) MUST_USE;

/* Of the list of providers, with the slash; borrowed. */
struct str config_scripts_folder(const struct config *cfg);

#endif
