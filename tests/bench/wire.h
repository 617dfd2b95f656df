/* SPDX-License-Identifier: Apache-2.0 */
/* What both ends of a measurement need of HTTP/1.1 and TCP. For tests only: it trusts its peer. */
#ifndef TESTS_BENCH_WIRE_H
#define TESTS_BENCH_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t wire_now(void);

/* "127.0.0.1:8701" as a socket; loopback only. -1 with errno. */
int wire_listen(const char *address);
int wire_connect(const char *address);

/* Length of the head with its empty line, or 0 when it is not complete. */
size_t wire_head(struct str in);

/* The trimmed value of a header, found without case; p NULL when absent. */
struct str wire_header(struct str head, struct str name);

/*
 * Length of a whole message whose head is the first `head` bytes, or 0 when more
 * must be read. A body ends by Content-Length or by chunks; without either it is empty.
 */
size_t wire_message(struct str in, size_t head);

/* Writes all, waiting for the socket where it must. False when the peer is gone. */
bool wire_send(int fd, struct str s);

#endif
