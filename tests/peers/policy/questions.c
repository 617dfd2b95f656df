/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints random questions, one a line, as `writ policy eval --batch` reads them:
 *   policy_questions SEED COUNT
 * compare.mjs asks another implementation the same.
 */
#include <stdio.h>
#include <stdlib.h>

#include "json/write.h"

#include "tests/unit/policy/random.h"

static void uid(struct json_writer *w, struct str key, const char *text)
{
	struct policy_uid u;
	struct arena a;

	arena_init(&a, 1 << 16);
	if (!policy_uid_parse(&a, str_from_c(text), &u)) {
		abort();
	}
	json_w_key(w, key);
	json_w_object(w);
	json_w_key(w, STR("type"));
	json_w_str(w, u.type);
	json_w_key(w, STR("id"));
	json_w_str(w, u.id);
	json_w_end(w);
	arena_done(&a);
}

static void question(struct random_source *r, struct buf *out)
{
	struct json_writer w = json_writer(out);
	struct buf policies;

	buf_init(&policies, 1 << 22);
	for (uint32_t n = 1 + random_next(r, 8); n > 0; n--) {
		random_policy(r, &policies);
	}
	json_w_object(&w);
	json_w_key(&w, STR("policies"));
	json_w_str(&w, buf_str(&policies));
	json_w_key(&w, STR("entities"));
	json_w_raw(&w, STR(RANDOM_ENTITIES));
	json_w_key(&w, STR("request"));
	json_w_object(&w);
	uid(&w, STR("principal"), RANDOM_PICK(r, random_users));
	uid(&w, STR("action"), RANDOM_PICK(r, random_actions));
	uid(&w, STR("resource"), RANDOM_PICK(r, random_things));
	json_w_key(&w, STR("context"));
	json_w_raw(&w, STR(RANDOM_CONTEXT));
	json_w_end(&w);
	json_w_end(&w);
	buf_append_c(out, '\n');
	buf_done(&policies);
}

int main(int argc, char **argv)
{
	struct random_source r = {argc > 1 ? strtoull(argv[1], NULL, 10) | 1 : 1};
	unsigned long n = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;
	struct buf out;

	buf_init(&out, 1 << 24);
	while (n-- > 0) {
		question(&r, &out);
		if (fwrite(buf_str(&out).p, 1, buf_len(&out), stdout) != buf_len(&out)) {
			return 2;
		}
		buf_clear(&out);
	}
	buf_done(&out);
	return fflush(stdout) == 0 ? 0 : 2;
}
