/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU time of the JSON readers over messages as they pass through a gateway, best
 * of many rounds. Prints one line of JSON for each: name, bytes, us, MB/s.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "json/scan.h"

enum { ROUNDS = 15 };

enum reader { READ_SCAN, READ_SCALAR, READ_TREE };

static const char prose[] =
	"Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod\\n tempor "
	"\\\"incididunt\\\" ut labore et dolore magna aliqua. ";

static double cpu_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static enum err_code read_once(struct arena *a, enum reader reader, struct str text)
{
	static const struct str wanted[] = {STR_INIT("name"), STR_INIT("arguments"),
					    STR_INIT("_meta")};
	struct json_scan scan;
	struct str spans[3];
	const struct json *doc;

	switch (reader) {
	case READ_SCAN:
		TRY(json_scan(a, text, NULL, &scan, NULL));
		break;
	case READ_SCALAR:
		TRY(json_scan_scalar(a, text, NULL, &scan, NULL));
		break;
	case READ_TREE:
		return json_parse(a, text, NULL, &doc, NULL);
	}
	(void)json_scan_members_of(&scan, STR("params"), wanted, 3, spans, NULL, NULL);
	return ERR_OK;
}

static bool measure(const char *name, enum reader reader, struct str text)
{
	size_t repeat = 1 + (16 << 20) / text.n;
	double best = 1e12;
	struct arena a;

	arena_init(&a, 256 << 20);
	for (int round = 0; round < ROUNDS; round++) {
		double began = cpu_us(), each;

		for (size_t i = 0; i < repeat; i++) {
			arena_reset(&a);
			if (read_once(&a, reader, text) != ERR_OK) {
				(void)fprintf(stderr, "bench_json: %s was refused\n", name);
				return false;
			}
		}
		each = (cpu_us() - began) / (double)repeat;
		best = each < best ? each : best;
	}
	arena_done(&a);
	printf("{\"name\":\"%s\",\"bytes\":%zu,\"us\":%.3f,\"mb_s\":%.0f}\n", name, text.n, best,
	       (double)text.n / best);
	return true;
}

static void put_call(struct buf *to, size_t size)
{
	struct str tail = STR("\"},\"_meta\":{\"progressToken\":\"abc-123\"}}}");

	buf_append(to, STR("{\"jsonrpc\":\"2.0\",\"id\":17,\"method\":\"tools/call\",\"params\":{"
			   "\"name\":\"fs.write\",\"arguments\":{\"path\":\"/workspace/a/b.txt\","
			   "\"mode\":420,\"content\":\""));
	while (buf_len(to) + sizeof(prose) + tail.n < size) {
		buf_append(to, STR(prose));
	}
	while (buf_len(to) + tail.n < size) {
		buf_append_c(to, 'x');
	}
	buf_append(to, tail);
}

static void put_list(struct buf *to, size_t size)
{
	buf_append(to, STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":["));
	for (int i = 0; buf_len(to) < size; i++) {
		buf_printf(
			to,
			"%s{\"name\":\"tool_%d\",\"description\":\"%s\",\"inputSchema\":{\"type\":"
			"\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"type\":"
			"\"integer\",\"minimum\":0}},\"required\":[\"a\"]}}",
			i ? "," : "", i, prose);
	}
	buf_append(to, STR("]}}"));
}

int main(void)
{
	static const char *const readers[] = {"scan", "scan, scalar", "tree"};
	struct buf text[3];
	static const char *const names[] = {"tools/call 512 B", "tools/call 1.7 KB",
					    "tools/list 1 MB"};
	bool ok = true;

	for (int i = 0; i < 3; i++) {
		buf_init(&text[i], 4 << 20);
	}
	put_call(&text[0], 512);
	put_call(&text[1], 1700);
	put_list(&text[2], 1 << 20);
	for (int i = 0; i < 3; i++) {
		for (enum reader r = READ_SCAN; r <= READ_TREE; r++) {
			char name[64];

			(void)snprintf(name, sizeof(name), "%s, %s", names[i], readers[r]);
			ok &= measure(name, r, buf_str(&text[i]));
		}
		buf_done(&text[i]);
	}
	return ok ? 0 : 1;
}
