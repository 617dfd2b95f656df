/* SPDX-License-Identifier: Apache-2.0 */
/* A ledger in a directory of its own, and ways to look at it and to damage it. */
#ifndef TESTS_UNIT_LEDGER_FIXTURE_H
#define TESTS_UNIT_LEDGER_FIXTURE_H

#include "tests/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "ledger/record.h"
#include "ledger/segment.h"
#include "ledger/store.h"
#include "ledger/verify.h"

struct fixture {
	char path[64];
	int dir_fd;
	struct ledger_signer signer;
	struct ledger_store_options options;
	struct ledger_store *store;
	struct ledger_recovery recovery;
	uint64_t now_us;
};

static inline void fixture_init(struct fixture *f)
{
	*f = (struct fixture){.now_us = 1795425356000000};
	(void)snprintf(f->path, sizeof(f->path), "/tmp/writ-ledger-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->dir_fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->dir_fd >= 0);
	assert_int_equal(ledger_signer_init(&f->signer, STR("test.example/log"), NULL), ERR_OK);
	f->options = (struct ledger_store_options){.dir_fd = f->dir_fd, .signer = &f->signer};
}

static inline void fixture_empty_folder(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *d;
	DIR *dir;

	if (fd < 0) {
		return;
	}
	dir = fdopendir(fd);
	while (dir && (d = readdir(dir))) {
		(void)unlinkat(fd, d->d_name, 0);
	}
	(void)closedir(dir);
}

/* Back to an empty directory. */
static inline void fixture_clear(struct fixture *f)
{
	ledger_store_close(f->store);
	f->store = NULL;
	fixture_empty_folder(f->dir_fd, "log");
	fixture_empty_folder(f->dir_fd, "salts");
	(void)unlinkat(f->dir_fd, "log", AT_REMOVEDIR);
	(void)unlinkat(f->dir_fd, "salts", AT_REMOVEDIR);
	fixture_empty_folder(f->dir_fd, ".");
}

static inline void fixture_done(struct fixture *f)
{
	fixture_clear(f);
	(void)close(f->dir_fd);
	(void)rmdir(f->path);
	ledger_signer_done(&f->signer);
}

static inline enum err_code fixture_open(struct fixture *f, struct err *err)
{
	return ledger_store_open(&f->options, &f->store, &f->recovery, err);
}

static inline void fixture_close(struct fixture *f)
{
	ledger_store_close(f->store);
	f->store = NULL;
}

/* An entry that says `number`. */
static inline struct str fixture_entry(struct buf *b, uint64_t number)
{
	struct ledger_event e = {.event = LEDGER_FINDING,
				 .subject = STR("server fs"),
				 .number = number,
				 .time_us = 1795425356000000};

	buf_clear(b);
	assert_int_equal(ledger_event_encode(&e, b, NULL), ERR_OK);
	return buf_str(b);
}

/* Appends n records in one batch; their numbers are their indexes + 1. */
static inline enum err_code fixture_append(struct fixture *f, size_t n, struct err *err)
{
	struct buf b[LEDGER_BATCH_MAX];
	struct str entries[LEDGER_BATCH_MAX];
	struct ledger_appended appended;
	uint64_t first = ledger_store_size(f->store);
	enum err_code code;

	for (size_t i = 0; i < n; i++) {
		buf_init(&b[i], 1024);
		entries[i] = fixture_entry(&b[i], first + i + 1);
	}
	code = ledger_store_append(f->store, STR("gate.0"), entries, n, f->now_us++, &appended,
				   NULL, err);
	if (!code) {
		assert_int_equal(appended.first, first);
	}
	for (size_t i = 0; i < n; i++) {
		buf_done(&b[i]);
	}
	return code;
}

static inline size_t fixture_read(struct fixture *f, const char *name, char *to, size_t cap)
{
	int fd = openat(f->dir_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, to, cap);

	if (fd >= 0) {
		(void)close(fd);
	}
	assert_true(n >= 0 && (size_t)n < cap);
	return (size_t)n;
}

static inline void fixture_write(struct fixture *f, const char *name, const char *bytes, size_t n)
{
	int fd = openat(f->dir_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	assert_int_equal(ftruncate(fd, (off_t)n), 0); /* O_TRUNC would make ext4 flush on close */
	(void)close(fd);
}

static inline struct ledger_verified fixture_verify(struct fixture *f)
{
	const struct ledger_verify_options o = {.dir_fd = f->dir_fd,
						.verifier = &f->signer.verifier};
	struct ledger_verified v;
	struct err err = {0};

	if (ledger_verify(&o, &v, &err)) {
		fail_msg("verify: %s", err.msg);
	}
	return v;
}

#define FIRST_SEGMENT "log/00000000000000000000.seg"
#define FIRST_SUMS    "log/00000000000000000000.sum"

#endif
