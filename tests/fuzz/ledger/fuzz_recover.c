/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is what stands behind the header of a log's only segment. Oracle:
 * opening the log either refuses it, or drops a tail and goes on: then a record
 * can be appended and sealed, and the whole verifies.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "ledger/segment.h"
#include "ledger/store.h"
#include "ledger/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define SEGMENT "log/00000000000000000000.seg"

static void make_segment(int dir_fd, const uint8_t *data, size_t n)
{
	static const char *const files[] = {"checkpoint", "checkpoints", "frontier", "verifier",
					    "log/00000000000000000000.sum"};
	char header[LEDGER_SEGMENT_HEADER];
	int fd;

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		(void)unlinkat(dir_fd, files[i], 0);
	}
	(void)mkdirat(dir_fd, "log", 0700);
	fd = openat(dir_fd, SEGMENT, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ASSERT(fd >= 0);
	memcpy(header, LEDGER_SEGMENT_MAGIC, 8);
	num_put_u64(header + 8, 0);
	ASSERT(write(fd, header, sizeof(header)) == (ssize_t)sizeof(header));
	ASSERT(write(fd, data, n) == (ssize_t)n);
	(void)close(fd);
}

static void go_on(struct ledger_store *store, const struct ledger_signer *signer, int dir_fd)
{
	struct str entry = STR("{\"event\":\"finding\",\"kind\":\"event\",\"time\":0}");
	const struct ledger_verify_options o = {.dir_fd = dir_fd, .verifier = &signer->verifier};
	struct ledger_appended appended;
	struct ledger_verified v;

	if (ledger_store_append(store, STR("gate.0"), &entry, 1, 1795425356000000, &appended, NULL,
				NULL) == ERR_OK) {
		ASSERT(ledger_store_seal(store, NULL) == ERR_OK);
		ASSERT(ledger_verify(&o, &v, NULL) == ERR_OK);
		ASSERT(!v.problem.found && v.records == appended.first + 1);
		ASSERT(v.sealed == v.records && v.torn_bytes == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char path[] = "/dev/shm/writ-fuzz-XXXXXX";
	struct ledger_signer signer;
	struct ledger_store_options o = {.signer = &signer};
	struct ledger_recovery recovery;
	struct ledger_store *store;

	ASSERT(mkdtemp(path));
	o.dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ASSERT(o.dir_fd >= 0);
	ASSERT(ledger_signer_init(&signer, STR("fuzz"), NULL) == ERR_OK);
	make_segment(o.dir_fd, data, n);
	if (ledger_store_open(&o, &store, &recovery, NULL) == ERR_OK) {
		go_on(store, &signer, o.dir_fd);
		ledger_store_close(store);
	}
	make_segment(o.dir_fd, data, 0);
	(void)unlinkat(o.dir_fd, SEGMENT, 0);
	(void)unlinkat(o.dir_fd, "lock", 0);
	(void)unlinkat(o.dir_fd, "log", AT_REMOVEDIR);
	(void)unlinkat(o.dir_fd, "salts", AT_REMOVEDIR);
	(void)close(o.dir_fd);
	(void)rmdir(path);
	ledger_signer_done(&signer);
	return 0;
}
