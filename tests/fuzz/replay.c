/* SPDX-License-Identifier: Apache-2.0 */
/* Replays a corpus folder through a fuzz target, so that findings stay found in normal runs. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { REPLAY_MAX = 1 << 20 };

static int replay_file(const char *path)
{
	static uint8_t whole[REPLAY_MAX];
	FILE *f = fopen(path, "rb");
	uint8_t *exact;
	size_t n;

	if (!f) {
		perror(path);
		return 1;
	}
	n = fread(whole, 1, sizeof(whole), f);
	(void)fclose(f);
	exact = malloc(n ? n : 1); /* its own size, so that a sanitizer sees one byte too far */
	if (!exact) {
		return 1;
	}
	for (size_t i = 0; i < n; i++) {
		exact[i] = whole[i];
	}
	(void)LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	return 0;
}

int main(int argc, char **argv)
{
	int count = 0, failed = 0;

	for (int i = 1; i < argc; i++) {
		DIR *d = opendir(argv[i]);
		const struct dirent *e;

		if (!d) {
			perror(argv[i]);
			return 1;
		}
		while ((e = readdir(d))) {
			char path[4096];

			if (e->d_name[0] == '.') {
				continue;
			}
			(void)snprintf(path, sizeof(path), "%s/%s", argv[i], e->d_name);
			failed += replay_file(path);
			count++;
		}
		(void)closedir(d);
	}
	printf("replayed %d inputs\n", count);
	return failed || count == 0;
}
