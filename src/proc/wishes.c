/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/wishes.h"

#include "base/log.h"

static enum err_code reload(struct wishes *w, struct err *err)
{
	struct str text;
	enum err_code code;

	w->text_n = 0;
	code = w->ops->reload(w, err);
	text = code ? str_from_c(err->msg) : str_make(w->text, w->text_n);
	return role_reloaded(w->boot, code == ERR_OK, text, err);
}

/* The supervisor keeps a note until it is answered, and an unwritable one would stay for ever. */
static enum err_code note(struct wishes *w, struct str entry, struct err *err)
{
	if (w->ops->note && w->ops->note(w, entry, err)) {
		log_line(LOG_WARN, "an event is not in the ledger: %s", err->msg);
	}
	return role_noted(w->boot, err);
}

static enum err_code serve(struct wishes *w, enum role_wish wish, struct str entry, struct err *err)
{
	switch (wish) {
	case ROLE_WISH_CHANNEL:
		return w->ops->channel(w, &w->boot->channels[w->boot->n_channels - 1], err);
	case ROLE_WISH_RELOAD:
		return reload(w, err);
	case ROLE_WISH_DRAIN:
		if (w->ops->drain) {
			w->ops->drain(w);
		} else {
			loop_stop(w->loop);
		}
		break;
	case ROLE_WISH_NOTE:
		return note(w, entry, err);
	case ROLE_WISH_LOGIN:
		if (w->ops->login) {
			w->ops->login(w, entry);
		}
		break;
	case ROLE_WISH_VERDICT:
		if (w->ops->verdict) {
			w->ops->verdict(w);
		}
		break;
	case ROLE_WISH_PINS:
		if (w->ops->pins) {
			w->ops->pins(w);
		}
		break;
	case ROLE_WISH_NONE:
		break;
	}
	return ERR_OK;
}

void wishes_take(struct wishes *w)
{
	enum role_wish wish = ROLE_WISH_NONE;
	char buf[ROLE_FRAME_MAX];
	struct str entry;
	struct err err;

	do {
		enum err_code code = role_next_wish(w->boot, buf, &wish, &entry, &err);

		if (code) {
			if (code != ERR_CLOSED) {
				log_line(LOG_ERROR, "%s", err.msg);
			}
			loop_stop(w->loop);
			return;
		}
		if (serve(w, wish, entry, &err)) {
			log_line(LOG_WARN, "%s", err.msg);
		}
	} while (wish != ROLE_WISH_NONE && wish != ROLE_WISH_DRAIN);
}

static void on_control(struct loop_fd *f, uint32_t ready)
{
	(void)ready;
	wishes_take(CONTAINER_OF(f, struct wishes, f));
}

enum err_code wishes_watch(struct wishes *w, struct err *err)
{
	w->f = (struct loop_fd){.fd = w->boot->control.fd, .on_ready = on_control};
	return loop_add(w->loop, &w->f, LOOP_READ, err);
}
