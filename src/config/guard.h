/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writ's own files are no tool server's: with them a server could sign another past, answer for the
 * owner, or write its own policies. Looks at the file system only to follow links.
 */
#ifndef CONFIG_GUARD_H
#define CONFIG_GUARD_H

#include "config/load.h"

/*
 * ERR_INVALID when a stdio server is given a place that holds, or lies in, the state directory, the
 * policies, the configuration file, the schema, a provider's script or a secret file. `shown` names the file in the message.
 */
enum err_code config_guard_own_files(struct arena *a, const struct config_loaded *l,
				     const char *path, struct str shown, struct err *err) MUST_USE;

/*
 * ERR_INVALID when a place, a program or a script of a stdio server lies below a folder that a server
 * may write: it could be replaced by a link to anywhere, which the next start of the server would
 * follow with Writ's rights. A working directory is entered inside the sandbox and may lie there.
 */
enum err_code config_guard_replaceable(struct arena *a, const struct config *cfg, struct str shown,
				       struct err *err) MUST_USE;

#endif
