/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who gets tokens for servers from their authorization servers: processes that the connector forks before
 * its jail, each in a jail without network and files. They speak TLS and HTTP to strangers and parse what
 * those say; the connector, which does not, dials for them, judges each address first, and gets
 * the token. Each gets one token at a time and keeps nothing of it.
 *
 * Messages, over one SOCK_SEQPACKET pair. From the connector, while none is under way:
 *   GRANTOR_FILE    str name, fd: a file that the configuration names
 *   GRANTOR_LOAD    fd: the configuration; the files before it are its
 *   GRANTOR_WANT    str server, str challenge: the value of WWW-Authenticate that was met, or empty; u8 1: the
 *                   token there was is refused; str what is kept of a person's login, or empty
 *   GRANTOR_BEGIN   str server, str challenge, str what is kept, str redirect, or empty: a device code is wanted;
 *                   str scopes to ask for besides
 *   GRANTOR_FINISH  str server, str what BEGUN gave, str query that came to the redirect, or empty: of a device
 *   GRANTOR_LEAVE   str server, str what is kept
 * while one is:
 *   IPC_DIALED, IPC_NOT_DIALED as in ipc/messages.h: answers to GRANTOR_DIAL
 *   GRANTOR_KEPT    u8 ok: what GRANTOR_KEEP gave is on the disk
 * From the grantor:
 *   GRANTOR_DIAL    u64 token, str host, u32 port: for the server that is wanted
 *   GRANTOR_TOKEN   u64 seconds it holds (0: not said), str token
 *   GRANTOR_NO_TOKEN u8 1: a person has to log in; str why not, for people
 *   GRANTOR_KEEP    str what is to be kept of a login from here on, sealed; empty: nothing
 *   GRANTOR_BEGUN   str what goes with GRANTOR_FINISH, sealed; str JSON for the person
 *   GRANTOR_WAIT    u32 seconds until the device code is to be asked for again
 *   GRANTOR_LEFT    str what became of it, for people
 */
#ifndef PROC_GRANTOR_H
#define PROC_GRANTOR_H

#include "base/attr.h"

enum grantor_message {
	GRANTOR_FILE = 200, /* above all of enum ipc_message */
	GRANTOR_LOAD,
	GRANTOR_WANT,
	GRANTOR_DIAL,
	GRANTOR_TOKEN,
	GRANTOR_NO_TOKEN,
	GRANTOR_BEGIN,
	GRANTOR_FINISH,
	GRANTOR_LEAVE,
	GRANTOR_KEPT,
	GRANTOR_KEEP,
	GRANTOR_BEGUN,
	GRANTOR_WAIT,
	GRANTOR_LEFT,
};

enum { GRANTOR_FRAME_MAX = 20 * 1024, GRANTOR_REASON_MAX = 200 };

/* The main of such a process, behind fork(2): `fd` is its end of the pair. */
NORETURN void grantor_main(int fd);

#endif
