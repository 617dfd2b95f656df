/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An OPEN of run.sock, and a FILE of a monitor. Oracle: what is accepted keeps every limit, its places are whole paths, and it is
 * the same bytes when it is encoded again; no text leaves the frame.
 */
#include <stdint.h>
#include <stdlib.h>

#include "ipc/run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_text(struct str frame, struct str s)
{
	ASSERT(s.n == 0 || (s.p >= frame.p && s.p + s.n <= frame.p + frame.n));
	ASSERT(str_is_utf8(s));
}

static void check(struct str frame, const struct run_open *o)
{
	size_t bytes = 0;

	check_text(frame, o->agent);
	check_text(frame, o->program);
	check_text(frame, o->cwd);
	check_text(frame, o->profile);
	ASSERT(o->agent.n > 0 && o->agent.n <= RUN_MAX_NAME && o->digest.n == 64);
	ASSERT(o->n_args <= RUN_MAX_ARGS && o->n_weaker <= RUN_MAX_WEAKER);
	ASSERT(o->n_places <= RUN_MAX_PLACES);
	for (uint32_t i = 0; i < o->n_args; i++) {
		check_text(frame, o->args[i]);
		bytes += o->args[i].n;
	}
	ASSERT(bytes <= RUN_MAX_TEXT);
	for (uint32_t i = 0; i < o->n_places; i++) {
		struct str p = o->places[i];

		check_text(frame, p);
		ASSERT(p.n > 0 && p.p[0] == '/' && (p.n == 1 || p.p[p.n - 1] != '/'));
		ASSERT(str_find_str(p, STR("//")) == p.n && str_find_str(p, STR("/../")) == p.n);
		ASSERT(str_find(p, '\0') == p.n && !str_ends_with(p, STR("/..")));
		ASSERT(o->wanted[i] >= RUN_READ && o->wanted[i] <= (RUN_READ | RUN_WRITE));
	}
}

static void file(struct frame_reader r, uint8_t type, struct str frame, char *room)
{
	struct frame_writer w;
	struct run_file f;

	if (!run_file_decode(&r, &f)) {
		return;
	}
	ASSERT(f.count > 0 && f.count <= RUN_FILE_RIGHTS);
	for (uint8_t i = 0; i < f.count; i++) {
		check_text(frame, f.rights[i].path);
		ASSERT(run_path_is_plain(f.rights[i].path));
		ASSERT(f.rights[i].right == RUN_READ || f.rights[i].right == RUN_WRITE);
	}
	frame_begin(&w, room, frame.n, type);
	run_file_encode(&f, &w);
	ASSERT(!w.overflow && str_eq(frame_bytes(&w), frame));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *exact = malloc(n + 1), *room = malloc(n + 1);
	struct frame_reader r;
	struct frame_writer w;
	struct run_open o;
	struct arena a;
	uint8_t type;

	ASSERT(exact && room);
	if (n) {
		memcpy(exact, data, n);
	}
	arena_init(&a, 1 << 20);
	type = frame_open(&r, str_make(exact, n));
	file(r, type, str_make(exact, n), room);
	if (run_open_decode(&a, &r, &o)) {
		check(str_make(exact, n), &o);
		frame_begin(&w, room, n, type);
		run_open_encode(&o, &w);
		ASSERT(!w.overflow && str_eq(frame_bytes(&w), str_make(exact, n)));
	}
	arena_done(&a);
	free(room);
	free(exact);
	return 0;
}
