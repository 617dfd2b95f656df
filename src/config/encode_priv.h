/* SPDX-License-Identifier: Apache-2.0 */
/* Sections of the encoded configuration that have a file of their own. */
#ifndef CONFIG_ENCODE_PRIV_H
#define CONFIG_ENCODE_PRIV_H

#include "config/config.h"
#include "json/write.h"

#include <stdio.h>

/* Members that are left out when there is nothing in them. */
void config_put_text(struct json_writer *w, struct str key, struct str value);
void config_put_strs(struct json_writer *w, struct str key, struct config_strs strs);

void config_put_duration(struct json_writer *w, struct str key, uint64_t ns);

/* Nothing when it is not spoken. */
void config_put_http2(struct json_writer *w, enum config_http2 http2);

/* Models, and routes if there are any. */
void config_put_models(struct json_writer *w, const struct config *cfg, enum config_view view);
void config_put_aliases(struct json_writer *w, const struct config_agent *a);

#endif
