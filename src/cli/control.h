/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client side of a node's control socket, `control.sock` in the state folder:
 * one JSON object a line, one back.
 */
#ifndef CLI_CONTROL_H
#define CLI_CONTROL_H

#include "config/config.h"
#include "json/parse.h"

enum { CONTROL_ANSWER_MAX = 128 << 10, CONTROL_WAIT_SECONDS = 60 };

/*
 * Where the node's control socket is: `state` when it is given, else what the configuration says; what
 * is wrong with that goes to `errors` as well.
 */
enum err_code control_state(struct arena *a, const char *config, const char *state, struct str *ret,
			    struct config_errors *errors, struct err *err) MUST_USE;

/*
 * Sends `request` (one line, without its end) and waits for the answer. ERR_NOT_FOUND: no node
 * runs there; ERR_TIMEOUT; ERR_SYNTAX: the answer is not a JSON object.
 */
enum err_code control_ask(struct arena *a, struct str state_dir, struct str request,
			  const struct json **ret, struct err *err) MUST_USE;

#endif
