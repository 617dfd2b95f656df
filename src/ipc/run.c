/* SPDX-License-Identifier: Apache-2.0 */
#include "ipc/run.h"

enum { PATH_BYTES = 4096, DIGEST_HEX = 64, PROFILE_BYTES = 16 };

static void put_texts(struct frame_writer *w, const struct str *items, uint32_t n)
{
	frame_put_u32(w, n);
	for (uint32_t i = 0; i < n; i++) {
		frame_put_str(w, items[i]);
	}
}

void run_open_encode(const struct run_open *o, struct frame_writer *w)
{
	frame_put_u8(w, RUN_VERSION);
	frame_put_u8(w, (uint8_t)((o->explain ? RUN_EXPLAIN : 0) | (o->learn ? RUN_LEARN : 0)));
	frame_put_str(w, o->agent);
	frame_put_str(w, o->program);
	frame_put_str(w, o->digest);
	frame_put_str(w, o->cwd);
	frame_put_str(w, o->profile);
	put_texts(w, o->args, o->n_args);
	put_texts(w, o->weaker, o->n_weaker);
	frame_put_u32(w, o->n_places);
	for (uint32_t i = 0; i < o->n_places; i++) {
		frame_put_str(w, o->places[i]);
		frame_put_u8(w, o->wanted[i]);
	}
}

bool run_path_is_plain(struct str path)
{
	struct str rest = str_from(path, 1);

	if (path.n == 0 || path.p[0] != '/' || path.n > PATH_BYTES || !str_is_utf8(path) ||
	    memchr(path.p, 0, path.n)) {
		return false;
	}
	while (rest.p && path.n > 1) {
		struct str part = str_cut(&rest, '/');

		if (part.n == 0 || str_eq(part, STR(".")) || str_eq(part, STR(".."))) {
			return false;
		}
	}
	return true;
}

/* An agent's name as the configuration writes one. */
static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool word =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (!word && (i == 0 || !memchr("._@:/+-", c, 7))) {
			return false;
		}
	}
	return s.n > 0 && s.n <= RUN_MAX_NAME;
}

static bool is_digest(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
			return false;
		}
	}
	return s.n == DIGEST_HEX;
}

static bool get_texts(struct arena *a, struct frame_reader *r, uint32_t most,
		      const struct str **ret, uint32_t *ret_n)
{
	uint32_t n = frame_get_u32(r);
	struct str *items;
	size_t bytes = 0;

	if (r->bad || n > most) {
		return false;
	}
	items = ARENA_ARRAY(a, n + 1, struct str);
	for (uint32_t i = 0; items && i < n; i++) {
		items[i] = frame_get_str(r);
		bytes += items[i].n;
		if (!str_is_utf8(items[i])) {
			return false;
		}
	}
	*ret = items;
	*ret_n = n;
	return items && !r->bad && bytes <= RUN_MAX_TEXT;
}

static bool has_text(const struct str *items, uint32_t n, struct str text)
{
	for (uint32_t i = 0; i < n; i++) {
		if (str_eq(items[i], text)) {
			return true;
		}
	}
	return false;
}

static bool get_places(struct arena *a, struct frame_reader *r, struct run_open *o)
{
	uint32_t n = frame_get_u32(r);
	struct str *places;
	uint8_t *wanted;

	if (r->bad || n > RUN_MAX_PLACES) {
		return false;
	}
	places = ARENA_ARRAY(a, n + 1, struct str);
	wanted = ARENA_ARRAY(a, n + 1, uint8_t);
	for (uint32_t i = 0; places && wanted && i < n; i++) {
		places[i] = frame_get_str(r);
		wanted[i] = frame_get_u8(r);
		if (!run_path_is_plain(places[i]) || !wanted[i] ||
		    (wanted[i] & ~(RUN_READ | RUN_WRITE))) {
			return false;
		}
	}
	o->places = places;
	o->wanted = wanted;
	o->n_places = n;
	return places && wanted && !r->bad;
}

bool run_open_decode(struct arena *a, struct frame_reader *r, struct run_open *ret)
{
	uint8_t version = frame_get_u8(r), flags = frame_get_u8(r);
	struct run_open o = {.explain = flags & RUN_EXPLAIN, .learn = flags & RUN_LEARN};

	o.agent = frame_get_str(r);
	o.program = frame_get_str(r);
	o.digest = frame_get_str(r);
	o.cwd = frame_get_str(r);
	o.profile = frame_get_str(r);
	if (r->bad || version != RUN_VERSION || (flags & ~(RUN_EXPLAIN | RUN_LEARN)) ||
	    !get_texts(a, r, RUN_MAX_ARGS, &o.args, &o.n_args) ||
	    !get_texts(a, r, RUN_MAX_WEAKER, &o.weaker, &o.n_weaker) || !get_places(a, r, &o) ||
	    !frame_ok(r)) {
		return false;
	}
	*ret = o;
	return o.learn == has_text(o.weaker, o.n_weaker, STR("learn")) && is_name(o.agent) &&
	       is_digest(o.digest) && run_path_is_plain(o.program) && run_path_is_plain(o.cwd) &&
	       o.profile.n <= PROFILE_BYTES && str_is_utf8(o.profile);
}

void run_file_encode(const struct run_file *f, struct frame_writer *w)
{
	frame_put_u64(w, f->n);
	frame_put_u8(w, f->count);
	for (uint8_t i = 0; i < f->count; i++) {
		frame_put_u8(w, f->rights[i].right);
		frame_put_str(w, f->rights[i].path);
	}
}

bool run_file_decode(struct frame_reader *r, struct run_file *ret)
{
	struct run_file f = {.n = frame_get_u64(r), .count = frame_get_u8(r)};

	if (r->bad || f.count == 0 || f.count > RUN_FILE_RIGHTS) {
		return false;
	}
	for (uint8_t i = 0; i < f.count; i++) {
		struct run_file_right *right = &f.rights[i];

		right->right = frame_get_u8(r);
		right->path = frame_get_str(r);
		if ((right->right != RUN_READ && right->right != RUN_WRITE) ||
		    !run_path_is_plain(right->path)) {
			return false;
		}
	}
	*ret = f;
	return frame_ok(r);
}
