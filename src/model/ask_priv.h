/* SPDX-License-Identifier: Apache-2.0 */
/* Reading members by tables, for the readers of each dialect. */
#ifndef MODEL_ASK_PRIV_H
#define MODEL_ASK_PRIV_H

#include "model/ask.h"

struct ask_reader {
	struct arena *a;
	struct model_ask *ask;
	struct str what; /* the first thing that has no equal; p NULL: none yet */
};

/* Puts the value at `to`; false when it has no equal. null is absent and never comes here. */
typedef bool ask_take(struct ask_reader *r, const struct json *v, void *to);

struct ask_member {
	struct str name;
	ask_take *take;
	size_t at; /* of the field in what is filled */
};

#define ASK(key, take_, type, field)                                                               \
	{                                                                                          \
		STR_INIT(key), take_, offsetof(type, field)                                        \
	}
/* The whole struct is handed to `take`. */
#define ASK_ALL(key, take_)                                                                        \
	{                                                                                          \
		STR_INIT(key), take_, 0                                                            \
	}

/* Reads every member of `object` by the table, false at one that is not in it. `where`: "tools[]". */
bool ask_members(struct ask_reader *r, const struct json *object, const char *where,
		 const struct ask_member *table, size_t n, void *to);

/* Notes what has no equal, unless something was noted already; false. */
bool ask_refuse(struct ask_reader *r, const char *where, struct str key);

ask_take ask_str, ask_json, ask_u64, ask_bool, ask_stop;
/* A hint that changes no answer; a member that other code has read; what is left at its default. */
ask_take ask_hint, ask_false, ask_zero, ask_one, ask_empty, ask_auto;

/* New at the end; NULL and noted when memory is short. */
struct model_part *ask_part(struct ask_reader *r, enum model_role role, enum model_part_kind kind);
struct model_tool *ask_tool(struct ask_reader *r);

/* "data:image/png;base64,AAAA" into an IMAGE part. */
bool ask_data_url(struct ask_reader *r, enum model_role role, struct str url);

/* Text of a result: a string, or a list of parts of the given type, a line each. */
bool ask_result_text(struct ask_reader *r, const struct json *v, const struct str *types,
		     size_t n_types, struct str *ret);

bool ask_read_chat(struct ask_reader *r, const struct json *whole);
bool ask_read_messages(struct ask_reader *r, const struct json *whole);
bool ask_read_responses(struct ask_reader *r, const struct json *whole);

/* An empty result with p NULL: written. */
struct str ask_write_chat(struct buf *out, struct arena *a, const struct model_ask *ask,
			  struct str model, const struct model_quirks *q);
struct str ask_write_responses(struct buf *out, const struct model_ask *ask, struct str model);
struct str ask_write_messages(struct buf *out, struct arena *a, const struct model_ask *ask,
			      struct str model);

#endif
