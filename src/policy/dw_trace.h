/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traces: one event a line,
 *
 *   @TS [scope(principal: E, resource: E)] [entities(E: {attrs} [in [E, ...]], ...)]
 *       [request_context(k: v, ...)] Path::"id"::kind(field: value, ...)
 *
 * TS counts seconds. Values: null true false 12 -1.5 "text" E [v, ...] {k: v, ...}
 * and calls of extension functions. A null member is left out. Names occur once.
 *
 * Limits: DW_LINE_MAX bytes a line, values nested DW_VALUE_DEPTH deep,
 * POLICY_SET_MAX members.
 */
#ifndef POLICY_DW_TRACE_H
#define POLICY_DW_TRACE_H

#include "policy/diag.h"
#include "policy/dw.h"

#define DW_LINE_MAX    (1u << 20)
#define DW_VALUE_DEPTH 128

/*
 * One line, without its line end, into an event in the arena. Texts are borrowed
 * from the line where they have no escapes. `number` is for messages.
 */
enum err_code dw_trace_line(struct arena *a, struct str line, size_t number, int64_t *ret_ts,
			    struct dw_event *ret, struct err *err) MUST_USE;

#endif
