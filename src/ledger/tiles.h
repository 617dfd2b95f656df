/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ledger as C2SP tlog-tiles: static files that any transparency-log client can
 * fetch, check and mirror.
 *
 *   checkpoint                       the last signed checkpoint
 *   tile/<level>/<n>[.p/<width>]     256 hashes of that level (fewer in a partial tile)
 *   tile/entries/<n>[.p/<width>]     256 records, each behind its length (2 bytes, big endian)
 *
 * n is written in groups of three digits, all but the last with an x: 1234067
 * is x001/x234/067. A hash of level l covers 256^l records. Everything up to the last
 * checkpoint is exported, and only when its root is the checkpoint's.
 */
#ifndef LEDGER_TILES_H
#define LEDGER_TILES_H

#include "base/err.h"
#include "ledger/seal.h"

enum { LEDGER_TILE_WIDTH = 256, LEDGER_TILE_PATH = 64 };

/* "tile/0/x001/234.p/17" with its NUL; level < 0 names the bundle of entries. width 256 is full. */
void ledger_tile_path(int level, uint64_t n, unsigned width, char ret[LEDGER_TILE_PATH]);

/*
 * Writes the files below out_fd, in place of what is there of that name; the checkpoint last.
 * ERR_NOT_FOUND: there is no checkpoint yet. ERR_CORRUPT, ERR_DENIED: the log does not verify that far.
 */
enum err_code ledger_tiles_export(int dir_fd, const struct ledger_verifier *verifier, int out_fd,
				  struct ledger_checkpoint *ret, struct err *err) MUST_USE;

#endif
