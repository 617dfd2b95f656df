/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Erasing: once a session's salt key is gone, its commitments say nothing about
 * anybody, and the log stays what it was.
 *
 *   salts/<20 digits>.salt    lines: 64 hexadecimal digits, a space, the session, a newline;
 *                             empty lines and torn ones mean nothing
 *
 * Erasing overwrites the digits with zeros, in place. What the storage below
 * keeps of the old bytes (snapshots, copy-on-write, flash wear levelling,
 * backups) is beyond this function.
 */
#ifndef LEDGER_ERASE_H
#define LEDGER_ERASE_H

#include "base/err.h"
#include "base/str.h"
#include "ledger/salt.h"

/* Overwrites every key of the session and syncs; *ret_n says how many there were. */
enum err_code ledger_erase(int dir_fd, struct str session, uint64_t *ret_n,
			   struct err *err) MUST_USE;

#endif
