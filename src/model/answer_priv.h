/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the readers and by the writers of answers. */
#ifndef MODEL_ANSWER_PRIV_H
#define MODEL_ANSWER_PRIV_H

#include "model/delta.h"
#include "json/write.h"

/* Reading. START is told before the first piece, once; nothing is told after END. */
void answer_tell(struct model_answer_reader *r, struct model_delta d);
void answer_text(struct model_answer_reader *r, enum model_delta_kind kind,
		 const struct json *text);
void answer_arguments(struct model_answer_reader *r, unsigned index, struct str text);
/* False when there are too many. */
bool answer_call(struct model_answer_reader *r, uint64_t theirs, struct str id, struct str name);
bool answer_find_call(const struct model_answer_reader *r, uint64_t theirs, unsigned *ret);
struct str answer_error_text(const struct json *object);

enum err_code answer_read_messages_event(struct model_answer_reader *r, const struct json *object,
					 struct err *err) MUST_USE;
enum err_code answer_read_messages(struct model_answer_reader *r, const struct json *object,
				   struct err *err) MUST_USE;

enum err_code answer_read_responses_event(struct model_answer_reader *r, const struct json *object,
					  struct err *err) MUST_USE;
enum err_code answer_read_responses(struct model_answer_reader *r, const struct json *object,
				    struct err *err) MUST_USE;

/*
 * Writing: what each dialect does when blocks open, grow and close. `d` is the piece that did it; at
 * `close` the block's text is in w->text, if the dialect keeps it.
 */
struct answer_ops {
	bool keeps; /* w->text in streams too */
	void (*begin)(struct model_answer_writer *w);
	void (*open)(struct model_answer_writer *w);
	void (*grow)(struct model_answer_writer *w, struct str text);
	void (*close)(struct model_answer_writer *w);
	void (*end)(struct model_answer_writer *w);
	void (*error)(struct model_answer_writer *w, struct str text); /* streams only */
};

extern const struct answer_ops answer_chat_ops, answer_messages_ops, answer_responses_ops;

/* An event of a stream: its name (may be empty), then an object, open for its members. */
struct json_writer answer_event(struct model_answer_writer *w, struct str name);
void answer_event_end(struct model_answer_writer *w, struct json_writer *j);

/* A writer at w->items, behind a comma for all but the first. */
struct json_writer answer_item(struct model_answer_writer *w);

/* The id of the back end with what the dialect's ids begin with, unless it has that already. */
void answer_put_id(struct json_writer *j, const struct model_answer_writer *w, struct str prefix);

#endif
