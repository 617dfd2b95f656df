/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EGRESS_IP_PRIV_H
#define EGRESS_IP_PRIV_H

#include "egress/ip.h"

extern const struct egress_block egress_table[];
extern const size_t egress_table_n;

#endif
