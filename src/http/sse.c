/* SPDX-License-Identifier: Apache-2.0 */
#include "http/sse.h"

enum { BOM_SIZE = 3 };

void sse_parser_init(struct sse_parser *p, size_t max_event)
{
	*p = (struct sse_parser){.max = max_event};
	buf_init(&p->line, max_event);
	buf_init(&p->data, max_event);
	buf_init(&p->event, max_event);
	buf_init(&p->id, max_event);
}

void sse_parser_done(struct sse_parser *p)
{
	buf_done(&p->line);
	buf_done(&p->data);
	buf_done(&p->event);
	buf_done(&p->id);
}

static void forget_event(struct sse_parser *p)
{
	buf_clear(&p->data);
	buf_clear(&p->event);
	buf_clear(&p->id);
	p->given = p->has_id = p->has_data = p->has_retry = false;
	p->retry_ms = 0;
}

/* Index of the first CR or LF, or s.n; eight bytes at a time. */
static size_t line_end(struct str s)
{
	const uint64_t ones = UINT64_MAX / 255, high = ones * 0x80;
	size_t i = 0;

	for (; i + 8 <= s.n; i += 8) {
		uint64_t w, lf, cr;

		memcpy(&w, s.p + i, sizeof(w));
		lf = w ^ ones * '\n';
		cr = w ^ ones * '\r';
		if ((((lf - ones) & ~lf) | ((cr - ones) & ~cr)) & high) {
			break;
		}
	}
	while (i < s.n && s.p[i] != '\r' && s.p[i] != '\n') {
		i++;
	}
	return i;
}

static void skip_bom(struct sse_parser *p, struct str *in)
{
	static const char bom[] = "\xef\xbb\xbf";

	while (p->bom < BOM_SIZE && in->n) {
		if (in->p[0] != bom[p->bom]) {
			/* What looked like the mark's beginning is text. */
			buf_append(&p->line, str_make(bom, p->bom));
			p->bom = BOM_SIZE;
			return;
		}
		p->bom++;
		*in = str_from(*in, 1);
	}
}

static bool fits(const struct sse_parser *p, size_t more)
{
	size_t held = buf_len(&p->line) + buf_len(&p->data) + buf_len(&p->event) + buf_len(&p->id);

	return more <= p->max && held <= p->max - more;
}

static void take_field(struct sse_parser *p, struct str line)
{
	size_t colon = str_find(line, ':');
	struct str name = str_make(line.p, colon), value = str_from(line, colon + 1);

	if (value.n && value.p[0] == ' ') {
		value = str_from(value, 1);
	}
	if (str_eq(name, STR("data"))) {
		if (p->has_data) {
			buf_append_c(&p->data, '\n');
		}
		buf_append(&p->data, value);
		p->has_data = true;
	} else if (str_eq(name, STR("event"))) {
		buf_clear(&p->event);
		buf_append(&p->event, value);
	} else if (str_eq(name, STR("id")) && str_find(value, '\0') == value.n) {
		buf_clear(&p->id);
		buf_append(&p->id, value);
		p->has_id = true;
	} else if (str_eq(name, STR("retry")) && str_to_u64(value, &p->retry_ms)) {
		p->has_retry = true;
	}
}

/* True when the line, the empty one, ends an event worth giving. */
static bool take_line(struct sse_parser *p, struct str line)
{
	ASSERT(line.p);
	if (line.n == 0) {
		if (p->has_data || p->has_id || p->has_retry) {
			return true;
		}
		forget_event(p);
		return false;
	}
	if (str_starts_with(line, STR(":"))) {
		p->comments++;
	} else {
		take_field(p, line);
	}
	return false;
}

static enum sse_result give(struct sse_parser *p, struct sse_event *ret)
{
	*ret = (struct sse_event){
		.event = buf_str(&p->event),
		.data = buf_str(&p->data),
		.id = buf_str(&p->id),
		.has_id = p->has_id,
		.has_data = p->has_data,
		.has_retry = p->has_retry,
		.retry_ms = p->retry_ms,
	};
	p->given = true;
	return SSE_EVENT;
}

static bool out_of_memory(const struct sse_parser *p)
{
	return p->line.failed || p->data.failed || p->event.failed || p->id.failed;
}

/* Many streams are open, and few are in the middle of an event. */
static void give_back(struct sse_parser *p)
{
	struct buf *bufs[] = {&p->line, &p->data, &p->event, &p->id};

	for (size_t i = 0; i < ARRAY_LEN(bufs); i++) {
		if (buf_len(bufs[i]) == 0) {
			buf_done(bufs[i]);
		}
	}
}

enum sse_result sse_parse(struct sse_parser *p, struct str *in, struct sse_event *ret,
			  struct err *err)
{
	if (p->given) {
		forget_event(p);
	}
	skip_bom(p, in);
	while (in->n) {
		size_t end;
		bool ends_event;

		if (p->after_cr && in->p[0] == '\n') {
			*in = str_from(*in, 1);
			p->after_cr = false;
			continue;
		}
		p->after_cr = false;
		end = line_end(*in);
		if (!fits(p, end)) {
			err_ignore(ERR(err, ERR_LIMIT, "event larger than %zu bytes", p->max));
			return SSE_BAD;
		}
		if (end == in->n || buf_len(&p->line)) {
			buf_append(&p->line, str_make(in->p, end));
		}
		if (end == in->n) {
			*in = str_make(NULL, 0);
			break;
		}
		p->after_cr = in->p[end] == '\r';
		ends_event =
			take_line(p, buf_len(&p->line) ? buf_str(&p->line) : str_make(in->p, end));
		buf_clear(&p->line);
		*in = str_from(*in, end + 1);
		if (ends_event && !out_of_memory(p)) {
			return give(p, ret);
		}
	}
	if (out_of_memory(p)) {
		err_ignore(ERR(err, ERR_NOMEM, "no memory for an event"));
		return SSE_BAD;
	}
	give_back(p);
	return SSE_MORE;
}

static bool is_line(struct str s)
{
	return line_end(s) == s.n && str_find(s, '\0') == s.n;
}

static void write_data(struct buf *out, struct str data)
{
	for (;;) {
		size_t end = line_end(data);

		buf_append(out, STR("data: "));
		buf_append(out, str_make(data.p, end));
		buf_append_c(out, '\n');
		if (end == data.n) {
			return;
		}
		if (data.p[end] == '\r' && end + 1 < data.n && data.p[end + 1] == '\n') {
			end++;
		}
		data = str_make(data.p + end + 1, data.n - end - 1);
	}
}

enum err_code sse_write(struct buf *out, const struct sse_event *e, struct err *err)
{
	if (!is_line(e->event) || !is_line(e->id)) {
		return ERR(err, ERR_INVALID, "event name or id holds a line end");
	}
	if (e->event.n) {
		buf_append(out, STR("event: "));
		buf_append(out, e->event);
		buf_append_c(out, '\n');
	}
	if (e->has_id) {
		buf_append(out, STR("id: "));
		buf_append(out, e->id);
		buf_append_c(out, '\n');
	}
	if (e->has_retry) {
		buf_append(out, STR("retry: "));
		buf_append_u64(out, e->retry_ms);
		buf_append_c(out, '\n');
	}
	if (e->has_data) {
		write_data(out, e->data);
	}
	buf_append_c(out, '\n');
	return out->failed ? ERR(err, ERR_LIMIT, "event does not fit its buffer") : ERR_OK;
}

void sse_write_keep_alive(struct buf *out)
{
	buf_append(out, STR(":\n\n"));
}
