/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol of `run.sock` in the state directory: how `writ run` has a program's start decided,
 * hands over what the sandbox opens to the outside, and how a person lists, freezes, thaws and kills runs.
 * A SOCK_SEQPACKET socket, mode 0600; only the user the node runs as, and root, is answered. Frames are
 * those of ipc/frame.h, descriptors travel by SCM_RIGHTS. The node's first gate answers.
 *
 * One connection is one run and lives as long as it. Nothing starts before OPENED; when the node's
 * end closes, the sandbox ends: its init watches a socket of its own that only the gate holds
 * (REINS, sandbox/init.h), so that neither side needs the other to stop a run.
 *
 *   writ run                                gate
 *     OPEN  ----------------------------->   decides exec, then places and programs; records
 *     <----------------------- OPENED | REFUSED
 *     (makes the sandbox)
 *     LISTENER kinds, fds  -------------->   serves them as this run
 *     REINS fd  ------------------------->
 *     STARTED  -------------------------->
 *     (the program runs)    <---- STOPPING   the node drains: end it
 *     ENDED how, status  ---------------->   records
 *     <----------------------------- CLOSED
 *
 * From the client:
 *   OPEN      u8 RUN_VERSION, u8 flags (RUN_EXPLAIN, RUN_LEARN), str agent, str program, str digest (SHA-256 of
 *             the program's file, 64 hexadecimal digits), str working directory, str profile,
 *             u32 n, n x str argument, u32 n, n x str name of a weaker tier,
 *             u32 n, n x {str path without symbolic links, u8 wanted (RUN_READ | RUN_WRITE)}
 *   LISTENER  of each descriptor, at most CHAN_MAX_FDS: u8 enum run_listener; fds: listening TCP sockets of the
 *             sandbox's network, for DNS also one of UDP, for refusals raw ones
 *   REINS     fd: SOCK_SEQPACKET, the other end is init's
 *   MONITOR   fd: SOCK_SEQPACKET, what the sandbox's monitor asks through, before STARTED: when a place is to be decided
 *             file by file
 *   STARTED   str what limits hold for the whole sandbox, empty for none (the program has been executed)
 *   ENDED     u8 enum run_end, u32 exit status
 *   PROGRAM   u64 number of WHO, str path of the program's file inside, str digest (as of OPEN), u8 certain:
 *             the connection cannot have come to it through execve; texts are empty when nobody is known
 *   LIST      (answered by RUN for each, then LISTED)
 *   LEVER     u8 enum run_lever, u64 run (answered by LEVERED)
 * From the gate:
 *   OPENED    u64 run: the index of the decision in the ledger, 0 for RUN_EXPLAIN; u32 listeners wanted:
 *             bits 1 << enum run_listener; u32 n, n x u32 port to capture; str certificate (PEM) that the
 *             sandbox is to trust, empty: none; str policy that permitted the start,
 *             u32 n, n x {str path, u8 allowed, u8 where it comes from (enum run_place), str policy for
 *             reading, str policy for writing}, u8 enum run_others, u32 n, n x {str path of a program that
 *             policies name, u8 permitted, str policy}: not permitted, it is to be withheld; permitted ones are listed
 *             where no others start
 *   REFUSED   u8 enum run_refusal, str policy, str reason, u64 index of the refusal, when recorded
 *   STOPPING  (the node drains)
 *   WHO       u64 number, str address, u32 port, str address, u32 port: whose is the connection? The
 *             program's own end first; 4 or 16 bytes in network order
 *   CLOSED    (the end of the run is in the ledger)
 *   RUN       u64 run, str agent, str program, u8 enum run_state, u64 age in ms, u32 uid, u32 pid of its
 *             client
 *   LISTED    u32 how many
 *   LEVERED   u8 done, str why not
 *
 * Between monitor and gate, over the descriptor of MONITOR:
 *   FILE      u64 number, u8 n, n x {u8 RUN_READ or RUN_WRITE, str path}: may all of this be? Of at most
 *             RUN_MAX_FILES at a time
 *   FILE_SAID u64 number, u8 yes
 */
#ifndef IPC_RUN_H
#define IPC_RUN_H

#include "base/arena.h"
#include "ipc/frame.h"

enum {
	RUN_VERSION = 5,
	RUN_MAX_PLACES = 64,        /* of one OPEN */
	RUN_MAX_NAMED = 256,        /* places that policies name, and programs, in one OPENED */
	RUN_MAX_ARGS = 1024,        /* arguments */
	RUN_MAX_TEXT = 64 * 1024,   /* bytes of all arguments */
	RUN_MAX_WEAKER = 16,        /* names of weaker tiers */
	RUN_MAX_NAME = 128,         /* bytes of an agent's name */
	RUN_MAX_LIMITS = 256,       /* bytes of STARTED */
	RUN_MAX_AT_ONCE = 1024,     /* runs of one node */
	RUN_MAX_CAPTURE = 16,       /* captured ports */
	RUN_MAX_FILES = 64,         /* FILE without an answer, of one run */
	RUN_FILE_RIGHTS = 3,        /* of one FILE */
	RUN_MAX_CLIENTS = 1024 + 64 /* connections: runs and those who ask */
};

enum run_message {
	RUN_NONE = 0,
	RUN_OPEN,
	RUN_LISTENER,
	RUN_REINS,
	RUN_STARTED,
	RUN_ENDED,
	RUN_LIST,
	RUN_LEVER,
	RUN_PROGRAM,
	RUN_MONITOR,
	RUN_FILE,
	RUN_OPENED = 64,
	RUN_REFUSED,
	RUN_STOPPING,
	RUN_CLOSED,
	RUN_RUN,
	RUN_LISTED,
	RUN_LEVERED,
	RUN_WHO,
	RUN_FILE_SAID,
};

enum {
	RUN_EXPLAIN = 1, /* decide, but record and start nothing */
	RUN_LEARN =
		2, /* allow, file by file and host by host, what no policy is about; needs the weaker tier "learn" */
};

/* EACH: of what a place is granted, in OPENED: it is decided for each file of it. */
enum { RUN_READ = 1, RUN_WRITE = 2, RUN_EACH_READ = 4, RUN_EACH_WRITE = 8 };

/* What a sandbox's own network has at 127.0.0.1 or, from DNS on, everywhere, served from outside as this run. */
enum run_listener {
	RUN_LISTEN_NONE = 0,
	RUN_LISTEN_PROXY,   /* HTTP proxy */
	RUN_LISTEN_GATEWAY, /* /mcp and /v1 */
	RUN_LISTEN_DNS,     /* name server: one TCP socket and one of UDP */
	RUN_LISTEN_CAPTURE, /* connections to wherever it is, by port */
	RUN_LISTEN_REFUSAL, /* raw sockets of IPv4 and IPv6, with what its own kernel refused */
	RUN_LISTEN_MAX
};

enum { RUN_PORT_DNS = 53, RUN_PORT_GATEWAY = 8700, RUN_PORT_PROXY = 8701 };

enum run_place {
	RUN_PLACE_ASKED = 0, /* it was in OPEN */
	RUN_PLACE_NAMED,     /* a policy names it, and it lies in one that was asked for */
};

/* Programs that no policy names. */
enum run_others {
	RUN_OTHERS_NEVER = 0, /* only what is listed starts, and the run's own */
	RUN_OTHERS_START,
	RUN_OTHERS_BY_PATH, /* they start; a policy permits some by their path, which is not held */
};

enum run_refusal { RUN_DENIED = 0, RUN_ASK, RUN_UNRECORDED, RUN_IMPOSSIBLE };

enum run_end { RUN_END_EXITED = 0, RUN_END_KILLED, RUN_END_NOT_STARTED };

enum run_lever { RUN_LEVER_NONE = 0, RUN_FREEZE, RUN_THAW, RUN_KILL };

enum run_state { RUN_STATE_OPENING = 0, RUN_STATE_RUNNING, RUN_STATE_FROZEN, RUN_STATE_ENDING };

/* An OPEN. Lists live in the arena of whoever made them, texts borrow from the frame. */
struct run_open {
	bool explain, learn;
	struct str agent, program, digest, cwd, profile;
	const struct str *args, *weaker, *places;
	const uint8_t *wanted; /* of each place: RUN_READ | RUN_WRITE */
	uint32_t n_args, n_weaker, n_places;
};

/* The frame's writer says when it did not fit. */
void run_open_encode(const struct run_open *o, struct frame_writer *w);

/*
 * Behind the type byte. False when anything is not as the protocol says: version and flags, names, UTF-8
 * of every text, whole paths without empty parts, `.` or `..`, and all limits above.
 */
bool run_open_decode(struct arena *a, struct frame_reader *r, struct run_open *ret) MUST_USE;

/* A FILE. Texts borrow from the frame. */
struct run_file {
	uint64_t n;
	uint8_t count;
	struct run_file_right {
		uint8_t right; /* RUN_READ or RUN_WRITE */
		struct str path;
	} rights[RUN_FILE_RIGHTS];
};

void run_file_encode(const struct run_file *f, struct frame_writer *w);

/* Behind the type byte. False when anything is not as the protocol says: at least one right, plain paths. */
bool run_file_decode(struct frame_reader *r, struct run_file *ret) MUST_USE;

/* Absolute, without empty parts, `.` or `..`: so that two texts are two places. */
bool run_path_is_plain(struct str path);

#endif
