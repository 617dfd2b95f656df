/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writ's own files are no tool server's: with them a server could sign another past, answer for the
 * owner, or write its own policies. Looks at the file system only to follow links.
 */
#ifndef CONFIG_GUARD_H
#define CONFIG_GUARD_H

#include "config/config.h"

/*
 * ERR_INVALID when a stdio server is given a place that holds, or lies in, the state directory, the
 * policies, the configuration file, the schema or a secret file. `shown` names the file in the message.
 */
enum err_code config_guard_own_files(struct arena *a, const struct config *cfg, const char *path,
				     struct str shown, struct err *err) MUST_USE;

#endif
